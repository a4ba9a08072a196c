"""The book's long runs: their protocols, the jobs of each by name, and their stored results."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from joblib import effective_n_jobs

from stableminima.runs import results
from stableminima.runs.descent import Outcome, Run, Schedule, descend
from stableminima.runs.experiments import Job, Protocol, Sweep
from stableminima.runs.sweeps import missing, sweep

DATA = Path(__file__).resolve().parents[2] / "data"
COMMAND = "make data"
PROBES = (0.3, 0.1, 0.03, 0.01)


def _spaced(low: float, high: float, count: int, digits: int) -> tuple[float, ...]:
    """Numbers evenly spaced on a logarithmic scale, rounded to so many digits."""
    return tuple(float(f"{value:.{digits}g}") for value in np.geomspace(low, high, count))


SECTION_5 = Protocol(seed=43)
SECTION_5_STEPS = tuple(np.geomspace(1e-4, 0.5, 200).tolist())
# the other data set of the survey that lets descent settle over the whole range; its start is far from smooth
SEED_23 = replace(SECTION_5, seed=23)
SEED_23_STEPS = tuple(np.geomspace(1e-3, 0.5, 60).tolist())
HERO = replace(SECTION_5, budget=4_000_000)
HERO_STEPS = _spaced(0.01, 0.5, 18, digits=2)
HERO_SCALES = (0.75, 1.0, 1.5, 2.0, 3.0, 5.0)

SURVEY = replace(SECTION_5, budget=3_000_000)
SURVEY_SEEDS = 60

LIMITS = replace(SURVEY, init_scale=5.0)
LIMITS_SEEDS = 12
LIMITS_STEPS = _spaced(0.02, 0.7, 24, digits=2)

SCALES = replace(SECTION_5, budget=16_000_000)
SCALES_FACTORS = (15.0, 10.0, 5.0, 3.0, 1.0, 0.75)
SCALES_STEPS = tuple(np.geomspace(1e-3, 1.5, 100).tolist())

CHAIN = SURVEY
CHAIN_SEEDS = 56
CHAIN_STEPS = _spaced(0.01, 0.5, 40, digits=3)

PHASE = HERO
PHASE_STEPS = _spaced(0.005, 1, 64, digits=3)
PHASE_SCALES = _spaced(0.25, 16, 48, digits=3)

# the first seed for which both runs end at a global minimum, and the gentle one's is too sharp for the bold one
FIGURE_1 = Protocol(seed=0, init_scale=15.0, warm_up=0, budget=20_000_000)
FIGURE_1_STEP, FIGURE_1_LEVEL, FIGURE_1_FACTOR = 1e-4, 0.1, 3.0


def figure_1(protocol: Protocol = FIGURE_1, records: int = 1024) -> tuple[Run, Run]:
    """The paper's Figure 1: a constant small step size, and the same made larger once the loss is below a level."""
    data, net = protocol.start()
    options = {"tolerance": protocol.tolerance, "budget": protocol.budget, "records": records}
    schedules = (Schedule(FIGURE_1_STEP), Schedule(FIGURE_1_STEP, level=FIGURE_1_LEVEL, factor=FIGURE_1_FACTOR))
    gentle, bold = (descend(net, data, schedule, **options) for schedule in schedules)
    return gentle, bold


def passing_seeds(survey: Sweep) -> list[int]:
    """The seeds whose runs converge after the warm-up at every probe step size."""
    converged, seeds = survey["outcome"] == Outcome.CONVERGED, survey["seed"]
    return [seed for seed in np.unique(seeds).tolist() if converged[seeds == seed].all()]


def chosen_seed(survey: Sweep) -> int:
    """The rule for the data: the first seed of :func:`passing_seeds`.

    Raises
    ------
    ValueError
        If no seed of the survey passes.
    """
    passing = passing_seeds(survey)
    if not passing:
        raise ValueError("survey: no seed converges at every probe; survey more seeds or allow a larger budget")
    return passing[0]


def plans() -> dict[str, tuple[Protocol, list[Job], dict[str, bool]]]:
    """Every sweep of the book by name: its protocol, its jobs, and the options of :func:`one_run`.

    The smallest step sizes take longest; begun first, they do not keep one core waiting at the end.
    """
    return {
        "section5": (SECTION_5, [(SECTION_5, eta) for eta in SECTION_5_STEPS], {}),
        "seed23": (SEED_23, [(SEED_23, eta) for eta in SEED_23_STEPS], {}),
        "hero": (
            HERO,
            [(replace(HERO, init_scale=scale), eta) for scale in HERO_SCALES for eta in HERO_STEPS],
            {"traced": True, "onward": False},
        ),
        "survey": (
            SURVEY,
            [(replace(SURVEY, seed=seed), eta) for seed in range(SURVEY_SEEDS) for eta in PROBES],
            {"onward": False},
        ),
        "limits": (
            LIMITS,
            [(replace(LIMITS, seed=seed), eta) for seed in range(LIMITS_SEEDS) for eta in LIMITS_STEPS],
            {},
        ),
        "scales": (
            SCALES,
            [(replace(SCALES, init_scale=scale), eta) for scale in SCALES_FACTORS for eta in SCALES_STEPS],
            {"onward": False},
        ),
        "chain": (
            CHAIN,
            [(replace(CHAIN, seed=seed), eta) for seed in range(CHAIN_SEEDS) for eta in CHAIN_STEPS],
            {"keep": False},
        ),
        "phase": (
            PHASE,
            [(replace(PHASE, init_scale=scale), eta) for eta in PHASE_STEPS for scale in PHASE_SCALES],
            {"onward": False, "keep": False},
        ),
    }


def _folder(name: str) -> Path:
    """Where a sweep of the book lies."""
    if not (DATA / name).is_dir():
        raise results.ResultError(
            f"there is no {DATA / name}: the book's results come with its repository, not with an installation. Work "
            f"in a checkout, or compute the sweep, python -m chapters data --only {name}, and read it from ./data by "
            "stableminima.runs.results.load"
        )
    return DATA / name


def stored(name: str) -> Sweep:
    """A sweep of the book by its name in :func:`plans`, as "section5" or "hero".

    Raises
    ------
    ResultError
        If it is not there, as where the book is not run from its repository, or is damaged.
    """
    return results.load(_folder(name))


def about(name: str) -> results.Cost:
    """What it cost to compute a sweep of the book; raises as :func:`stored`."""
    return results.cost(_folder(name))


def regenerate(folder: Path = DATA, only: Sequence[str] = ()) -> None:
    """Runs the long experiments of the book (all, or ``only`` some) and writes each below ``folder``.

    Finished runs survive an interruption, in ``.cache`` beside the folder.

    Raises
    ------
    ValueError
        If ``only`` holds a name that no plan has.
    """
    from . import thresholds  # which stands on the sweeps that are stored

    known, after = plans(), [thresholds.NAME]
    if unknown := [name for name in only if name not in [*known, *after]]:
        raise ValueError(f"only: no plan is called {', '.join(unknown)}; there are {', '.join([*known, *after])}")
    cache = folder.resolve().parent / ".cache"
    for name in only or known:
        if name in after:
            continue
        protocol, jobs, options = known[name]
        computed = len(missing(jobs, cache, **options))
        start = time.perf_counter()
        rows = sweep(jobs, cache, title=name, **options)
        cost = results.Cost(round(time.perf_counter() - start, 3), effective_n_jobs(-1), computed)
        results.save(Sweep(protocol, rows), folder / name, COMMAND, cost)
    if thresholds.NAME in only or (not only and set(thresholds.OF) <= known.keys()):
        thresholds.regenerate(folder / thresholds.NAME)
