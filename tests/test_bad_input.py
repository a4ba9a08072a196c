"""Bad input is refused where it comes in, by an error that names the argument and says what to give instead."""

import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from stableminima import (
    arguments,
    flattest,
    interpolants,
    matrix_free,
    quotients,
    rescaling,
    smoothness,
    stability,
    symbolic,
    tangent,
)
from stableminima import switching as sw
from stableminima.kinks import Tight
from stableminima.network import Dataset, Network
from stableminima.runs import experiments, results
from stableminima.runs.descent import Schedule, descend, steps
from stableminima.runs.experiments import Protocol, Sweep, kicked, run_on
from stableminima.runs.sweeps import ResultError, missing, sweep

NAN, INF = np.nan, np.inf
NET = Network([1, -1], [0.5, 0.25], [1, 2], 0)
DATA = Dataset([-1, 0, 2], [3, 0, 1])
RNG = np.random.default_rng(0)
LINEAR = stability.Linearised([np.diag([1.0, 2.0])] * 2, np.zeros((2, 2)))
MIRRORED = sw.mirrored(2.0, 1.0, 0.5)
ALONG = quotients.Ray(NET, DATA)
PROTOCOL = Protocol(seed=1, n=3, k=4, warm_up=10, tolerance=1e-3)
JOBS = [(PROTOCOL, 0.1)]
EMPTY = Sweep(PROTOCOL, ())
BLOCKS = tangent.blocks(NET, DATA.x)

ROWS = {
    # network
    "an input is NaN": (lambda: Dataset([0, NAN], [0, 0]), "x[1] is nan; remove or replace"),
    "a label is infinite": (lambda: Dataset([0, 1], [INF, 0]), "y[0] is inf; remove or replace"),
    "an input twice": (lambda: Dataset([0, 0], [1, 2]), "x holds 0.0 more than once; keep one sample"),
    "a table of inputs": (lambda: Dataset([[0], [1]], [0, 1]), "x must be one-dimensional; flatten"),
    "no data": (lambda: Dataset([], []), "x is empty; at least one"),
    "a label too few": (lambda: Dataset([0, 1], [1]), "x, y must have equal lengths; x has 2"),
    "words for inputs": (lambda: Dataset(["a"], [0]), "x must be real numbers"),
    "complex inputs": (lambda: Dataset([1j], [0]), "x must be real numbers"),
    "a draw of no samples": (lambda: Dataset.random(RNG, n=0), "n must be a whole number ≥ 1; got 0"),
    "a draw of half a sample": (lambda: Dataset.random(RNG, n=2.5), "n must be a whole number ≥ 1; got 2.5"),
    "a draw without spread": (lambda: Dataset.random(RNG, spread=0), "spread must be a positive number"),
    "labels of negative scale": (lambda: Dataset.random(RNG, label_scale=-1), "label_scale must be a number ≥ 0"),
    "labels of scale NaN": (lambda: Dataset.random(RNG, label_scale=NAN), "label_scale must be a number ≥ 0"),
    "a weight is NaN": (lambda: Network([1, NAN], [0, 0], [1, 1], 0), "w1[1] is nan; remove or replace"),
    "a bias is infinite": (lambda: Network([1], [0], [1], INF), "b2[0] is inf; remove or replace"),
    "two last biases": (lambda: Network([1], [0], [1], [1, 2]), "b2 must have 1 entries; got 2"),
    "layers of two widths": (lambda: Network([1, 1], [0], [1, 1], 0), "b1; must have equal lengths"),
    "no neuron": (lambda: Network([], [], [], 0), "w1 is empty; at least one"),
    "six parameters": (lambda: Network.from_vector(np.ones(6)), "theta must have 3k+1 entries; got 6"),
    "a draw of no neurons": (lambda: Network.random(RNG, k=0), "k must be a whole number ≥ 1"),
    "a draw of scale 0": (lambda: Network.random(RNG, scale=0), "scale must be a positive number"),
    "a draw of scale NaN": (lambda: Network.random(RNG, scale=NAN), "scale must be a positive number"),
    "a negative factor": (lambda: NET.rescale(-1), "beta must be positive; changes the function"),
    "a factor of 0": (lambda: NET.rescale([1, 0]), "beta must be positive; got 0"),
    "a factor is NaN": (lambda: NET.rescale([1, NAN]), "beta[1] is nan; remove or replace"),
    "three factors for two": (lambda: NET.rescale([1, 1, 1]), "beta must have 2 entries; got 3"),
    # derivatives
    "a feature at NaN": (lambda: tangent.features(NET, [NAN]), "x[0] is nan; remove or replace"),
    "a feature at a number": (lambda: tangent.features(NET, 1.0), "x must be one-dimensional"),
    "a pattern transposed": (lambda: tangent.features(NET, DATA.x, np.ones((2, 3))), "pattern must have shape (3, 2)"),
    "a pattern of NaN": (lambda: tangent.features(NET, [1], [[NAN, 1]]), "pattern; not finite; remove or replace"),
    "λ not above ρ": (lambda: tangent.corrected_gram(NET, DATA, 0.0), "eigenvalue must be finite and above ρ"),
    "λ is infinite": (lambda: tangent.corrected_gram(NET, DATA, INF), "eigenvalue must be finite; got inf"),
    "λ is NaN": (lambda: tangent.corrected_gram(NET, DATA, NAN), "eigenvalue must be finite; got nan"),
    "a product at infinity": (lambda: matrix_free.features(NET, [0, INF]), "x[1] is inf; remove or replace"),
    "a tolerance of 1": (lambda: matrix_free.sharpness(NET, DATA, 1.0), "tolerance must be a relative error in [0, 1)"),
    "no restart": (lambda: matrix_free.sharpness(NET, DATA, restarts=0), "restarts must be a whole number ≥ 1"),
    "half a restart": (lambda: matrix_free.sharpness(NET, DATA, restarts=0.5), "restarts must be a whole number ≥ 1"),
    "room at NaN": (lambda: quotients.room(NET, [NAN]), "x[0] is nan; remove or replace"),
    "a quotient over 0": (lambda: quotients.unguarded_difference(NET, [1], 0), "step must be a positive number"),
    "a quotient over NaN": (lambda: quotients.central_difference(NET, [1], NAN), "step must be a positive number"),
    "a step over a kink": (lambda: quotients.central_difference(NET, [1], 9), "reaches a kink; take a smaller step"),
    "a share of no step": (lambda: ALONG.share(0), "eta must be a positive number"),
    "a symbol at NaN": (lambda: symbolic.features(NET, [NAN]), "x[0] is nan; remove or replace"),
    "a frozen symbol at NaN": (lambda: symbolic.frozen_features(NET, [NAN]), "x[0] is nan; remove or replace"),
    "a formula of width 0": (lambda: symbolic.parameters(0), "k must be a whole number ≥ 1"),
    # weight, interpolants, rescaling
    "the weight at NaN": (lambda: smoothness.g([0, NAN], DATA), "x holds a value that is not a number; remove"),
    "the weight at a word": (lambda: smoothness.g_minus("a", DATA), "x must be real numbers"),
    "no mean": (lambda: smoothness.population_g(0, SimpleNamespace(mean=lambda: NAN)), "population; finite mean"),
    "a nudge onto the next": (lambda: interpolants.smoothest_interpolant(DATA, 0.5), "nudge must be; below 0.5"),
    "a nudge of NaN": (lambda: interpolants.smoothest_interpolant(DATA, NAN), "nudge must be; got nan"),
    "one sample": (lambda: interpolants.smoothest_interpolant(Dataset([0], [1])), "data must hold at least two"),
    "Q of another size": (lambda: interpolants.certified_sharpness(DATA, np.eye(2), [0, 0, 0]), "density; (3, 3)"),
    "Q of NaN": (lambda: interpolants.certified_sharpness(DATA, NAN * np.eye(3), [0, 0, 0]), "density; not finite"),
    "Q negative": (lambda: interpolants.certified_sharpness(DATA, -np.eye(3), [0, 0, 0]), "density; give a density"),
    "ν of NaN": (lambda: interpolants.certified_sharpness(DATA, np.eye(3), [0, 0, NAN]), "multipliers[2] is nan"),
    "ν too short": (lambda: interpolants.certified_sharpness(DATA, np.eye(3), [0]), "multipliers must have 3 entries"),
    "no gap": (lambda: interpolants.flattest_interpolant(DATA, 0), "gap must be a number ≥ 1e-05"),
    "an infinite gap": (lambda: interpolants.flattest_interpolant(DATA, INF), "gap must be a number; got inf"),
    "a rescaling's gap of NaN": (lambda: rescaling.flattest_rescaling(NET, DATA, NAN), "gap must be a positive number"),
    "Q not symmetric": (lambda: rescaling.rescaling_bound(NET, DATA, np.tri(3)), "density must be symmetric; average"),
    "Q of trace 3": (lambda: rescaling.rescaling_bound(NET, DATA, np.eye(3)), "density; divide it by its trace"),
    "nothing to bend to": (lambda: flattest.solve(BLOCKS), "bends, equations or labels must be given"),
    "two aims": (lambda: flattest.solve(BLOCKS, bends=[1, 1], labels=[1, 1, 1]), "bends, equations or labels; no two"),
    "blocks without σ": (lambda: flattest.solve(BLOCKS[:2], bends=[1, 1]), "blocks must have shape (3, k, n)"),
    "a density of one row": (lambda: flattest.as_density(np.ones((1, 3))), "density must be a square matrix"),
    # linear stability
    "a batch of 0": (lambda: stability.batches(5, 0), "size is 0; between 1 and n = 5"),
    "a batch above n": (lambda: stability.batch_losses(NET, DATA, 4), "size is 4; between 1 and n = 3"),
    "a batch of NaN": (lambda: stability.batches(5, NAN), "size must be a whole number"),
    "Hessians of NaN": (lambda: stability.Linearised([[[NAN]]], [[0.0]]), "hessians holds; not finite; replace it"),
    "gradients too short": (lambda: stability.Linearised([np.eye(2)], [[0.0]]), "hessians has shape; give (m, d, d)"),
    "not symmetric": (lambda: stability.Linearised([np.tri(2)], [[0, 0]]), "hessians; not symmetric; average it"),
    "no minimum": (lambda: stability.Linearised([[[1.0]]], [[1.0]]), "gradients; is not a minimum; move to one"),
    "loss left": (lambda: stability.linearise(NET, DATA, 1), "net has loss; linearise at a minimum of zero loss"),
    "a moment below 0": (lambda: stability.growth_rate(LINEAR, 0.1, -1), "power must be a whole number ≥ 0"),
    "a single particle": (lambda: stability.growth_rate(LINEAR, 0.1, 1, particles=1), "particles must be a whole"),
    "no halving": (lambda: stability.largest_step(LINEAR, 1, 0), "halvings must be a whole number ≥ 1"),
    "too many paths": (lambda: list(LINEAR.paths([1, 1], 0.1, 30)), "steps is 30; take fewer steps"),
    "steps below 0": (lambda: LINEAR.mean_after([1, 1], 0.1, -1), "steps must be a whole number ≥ 0"),
    "squares of half a step": (lambda: LINEAR.mean_squares([1, 1], 0.1, 1.5), "steps must be a whole number ≥ 0"),
    "a start of 3 in 2": (lambda: LINEAR.mean_distances([1, 1, 1], 0.1, 2), "start must have 2 entries; got 3"),
    "a start of NaN": (lambda: LINEAR.mean_squares([1, NAN], 0.1, 2), "start[1] is nan"),
    # switching
    "modes of NaN": (lambda: sw.Switching([[[[NAN]]]], [[[0.0]]], len), "hessians must hold finite numbers"),
    "no modes": (lambda: sw.Switching(np.zeros((0, 1, 2, 2)), np.zeros((0, 1, 2)), len), "hessians must hold"),
    "a rule that is none": (lambda: sw.Switching([[[[1]]]], [[[0]]], 0), "rule must be a function; got 0"),
    "one matrix alone": (lambda: sw.Switching.deterministic(np.eye(2)), "hessians must have shape (modes, d, d)"),
    "a mode beyond": (lambda: MIRRORED.step([1, 1], 0.1, mode=2), "mode must be a number from 0 to 1; got 2"),
    "a mode below 0": (lambda: MIRRORED.led([1, 1], 0.1, [0, -1]), "mode must be a number from 0 to 1; got -1"),
    "a batch beyond": (lambda: MIRRORED.step([1, 1], 0.1, batch=1), "batch must be a number from 0 to 0; got 1"),
    "u of 3 in 2": (lambda: MIRRORED.step([1, 1, 1], 0.1), "u must have shape (2,); got (3,)"),
    "u is NaN": (lambda: MIRRORED.path([1, NAN], 0.1, 2), "u[1] is nan; remove or replace"),
    "a path of -1 steps": (lambda: MIRRORED.path([1, 1], 0.1, -1), "steps must be a whole number ≥ 0"),
    "q of 3 in 2": (lambda: sw.gamma(MIRRORED, [1, 0, 0]), "q must have 2 entries; got 3"),
    "drift along NaN": (lambda: sw.drift(MIRRORED, [NAN, 0]), "q[0] is nan"),
    "λ along NaN": (lambda: sw.rayleigh(MIRRORED, [NAN, 0]), "q[0] is nan"),
    "λ for three modes": (lambda: sw.deviation(MIRRORED, [1, 0], [1, 1, 1]), "eigenvalues must have 2 entries; got 3"),
    "a ball of radius 0": (lambda: sw.threshold(0.1, radius=0), "radius must be a positive number"),
    "δ below 0": (lambda: sw.threshold(0.1, delta=-1), "delta must be a number ≥ 0"),
    "distances in one step": (lambda: sw.log_distances(MIRRORED, 0.1, steps=1), "steps must be a whole number ≥ 2"),
    "distances from nowhere": (lambda: sw.log_distances(MIRRORED, 0.1, starts=0), "starts must be a whole number ≥ 1"),
    "distances with gradients": (
        lambda: sw.log_distances(sw.worst([3, 3], gamma=1), 0.1), "system has gradients; use path"),
    "distances at η = -1": (lambda: sw.log_distances(MIRRORED, [0.1, -1.0]), "etas must be positive, got -1.0"),
    "2²⁰ sequences": (lambda: sw.exhaustive(MIRRORED, [1, 1], 0.1, 20), "steps is 20; take fewer steps, or greedy"),
    "a fan of one row": (lambda: sw.fan([1, 0]), "normals must have shape (modes, d)"),
    "three curvatures": (lambda: sw.worst([1, 2, 3]), "eigenvalues must have 2 entries; got 3"),
    "an angle of NaN": (lambda: sw.mirrored(2, 1, NAN), "(sharp, flat, angle)[2] is nan"),
    "κ of NaN": (lambda: Tight(NAN, 1), "(kappa, s, flat)[0] is nan"),
    "κ of 1": (lambda: Tight(1.0, 1), "kappa must be between -1 and 1"),
    "no knot": (lambda: sw.at_minimum(NET, DATA, knots=0), "knots must be a whole number ≥ 1"),
    "knots within NaN": (lambda: sw.at_minimum(NET, DATA, within=NAN), "within must be a positive number"),
    "a kink far away": (lambda: sw.at_minimum(NET, DATA), "no knot is within 1e-05 of a sample"),
    "modes of a batch of 0": (lambda: sw.at_minimum(NET, DATA, batch=0), "batch is 0; between 1 and 3"),
    "a mode at size 0": (lambda: sw.inside_a_mode(MIRRORED, RNG, 0), "size must be a positive number"),
    # runs
    "a schedule's factor of 0": (lambda: Schedule(0.1, factor=0), "factor must be a positive number"),
    "a level of NaN": (lambda: Schedule(0.1, level=NAN), "level must be a number ≥ 0"),
    "a warm-up below 0": (lambda: Schedule(0.1, warm_up=-3), "warm_up must be a whole number ≥ 0"),
    "a warm-up without end": (lambda: Schedule(0.1, warm_up=INF), "warm_up must be a whole number ≥ 0; got inf"),
    "a tolerance below 0": (lambda: descend(NET, DATA, Schedule(0.1), tolerance=-1), "tolerance must be a number ≥ 0"),
    "a budget of 0": (lambda: descend(NET, DATA, Schedule(0.1), budget=0), "budget must be a whole number ≥ 1"),
    "a budget of NaN": (lambda: descend(NET, DATA, Schedule(0.1), budget=NAN), "budget must be a whole number ≥ 1"),
    "no records": (lambda: descend(NET, DATA, Schedule(0.1), records=0), "records must be a whole number ≥ 1"),
    "-1 steps": (lambda: list(steps(NET, DATA, 0.1, -1)), "count must be a whole number ≥ 0"),
    "a protocol without data": (lambda: Protocol(seed=1, n=0), "n must be a whole number ≥ 1"),
    "a protocol of scale 0": (lambda: Protocol(seed=1, init_scale=0), "init_scale must be a positive number"),
    "a seed below 0": (lambda: Protocol(seed=-1), "seed must be a whole number ≥ 0"),
    "nothing watched": (lambda: run_on(NET, DATA, 0.1, watch=0), "watch must be a whole number ≥ 1"),
    "a kick of NaN": (lambda: kicked(PROTOCOL, 0.1, NAN), "size must be a positive number"),
    "a column that is none": (lambda: EMPTY["etas"], "column must be one of; eta, outcome; 'etas'"),
    "a choice of NaN": (lambda: EMPTY.where(np.array([NAN])), "keep must hold a truth value for each of 0 runs"),
    "the data of no run": (lambda: EMPTY.data, "0 data sets; ask for case(index)"),
    "no runs to keep": (lambda: results.save(EMPTY, Path("nowhere"), ""), "found holds no runs; save a sweep"),
    "no jobs": (lambda: sweep([]), "jobs must hold at least one pair"),
    "a job without η": (lambda: missing([PROTOCOL], "nowhere"), "jobs must be pairs of a Protocol and a step size"),
    "NaN workers": (lambda: sweep(JOBS, workers=NAN), "workers must be a number of processes; got nan"),
}


@pytest.mark.parametrize("row", ROWS)
def test_bad_input_is_refused_with_the_remedy(row):
    make, says = ROWS[row]
    with pytest.raises((ValueError, TypeError, KeyError)) as refusal:
        make()
    assert [words for words in says.split("; ") if words not in str(refusal.value)] == []


@pytest.mark.parametrize(("refused", "says"), [
    (lambda: arguments.number("level", -1, 0), "level must be a number ≥ 0, got -1"),
    (lambda: arguments.whole("count", 0.5), "count must be a whole number ≥ 0, got 0.5"),
    (lambda: arguments.whole("count", 0, 1, "; ask for one"), "count must be a whole number ≥ 1, got 0; ask for one"),
    (lambda: arguments.finite("table", "words"), "table must be real numbers, got 'words'")])
def test_what_is_said_to_the_last_word(refused, says):
    with pytest.raises((ValueError, TypeError)) as refusal:
        refused()
    assert str(refusal.value) == says


TAKE_A_STEP = {
    "Ray.share": ALONG.share,
    "Linearised.mean_after": lambda eta: LINEAR.mean_after([1, 1], eta, 2),
    "Linearised.paths": lambda eta: list(LINEAR.paths([1, 1], eta, 2)),
    "Linearised.mean_distances": lambda eta: LINEAR.mean_distances([1, 1], eta, 2),
    "Linearised.second_moment_map": LINEAR.second_moment_map,
    "Linearised.mean_squares": lambda eta: LINEAR.mean_squares([1, 1], eta, 2),
    "Switching.step": lambda eta: MIRRORED.step([1, 1], eta),
    "Switching.path": lambda eta: MIRRORED.path([1, 1], eta, 2),
    "Switching.led": lambda eta: MIRRORED.led([1, 1], eta, [0]),
    "Switching.iterates": lambda eta: MIRRORED.iterates([1, 1], eta, 2),
    "threshold": sw.threshold,
    "greedy": lambda eta: sw.greedy(MIRRORED, [1, 1], eta, 2),
    "exhaustive": lambda eta: sw.exhaustive(MIRRORED, [1, 1], eta, 2),
    "Schedule": Schedule,
    "steps": lambda eta: list(steps(NET, DATA, eta, 2)),
    "Protocol.run": PROTOCOL.run,
    "run_on": lambda eta: run_on(NET, DATA, eta),
    "kicked": lambda eta: kicked(PROTOCOL, eta),
    "one_run": lambda eta: experiments.one_run(PROTOCOL, eta),
}


@pytest.mark.parametrize("eta", [0, -0.1, NAN, INF, "0.1", None])
@pytest.mark.parametrize("name", TAKE_A_STEP)
def test_a_step_size_is_positive_and_finite(name, eta):
    with pytest.raises(ValueError, match=re.escape(f"eta must be a positive number, got {eta}")):
        TAKE_A_STEP[name](eta)


@pytest.fixture
def stored(tmp_path):
    """The folder of a sweep of one run."""
    results.save(Sweep(PROTOCOL, (experiments.one_run(PROTOCOL, 0.1, onward=False),)), tmp_path, "a command")
    return tmp_path


@pytest.mark.parametrize("spoil, says", [
    (lambda folder: (folder / "manifest.json").unlink(), "missing or was written incompletely; restore the folder"),
    (lambda folder: (folder / "manifest.json").write_text("{"), "written incompletely; restore the folder"),
    (lambda folder: (folder / "manifest.json").write_text("[]"), "written incompletely; restore the folder"),
    (lambda folder: (folder / "runs.csv").write_bytes(b""), "runs.csv is not the file that was written; restore"),
    (lambda folder: (folder / "minima.npy").unlink(), "minima.npy; written incompletely; restore the folder"),
    (lambda folder: (folder / "minima.npy").write_bytes(b"\x93NUMPY"), "minima.npy is not the file; restore"),
])
def test_damaged_results_are_refused(stored, spoil, says):
    spoil(stored)
    with pytest.raises(ResultError) as refusal:
        results.load(stored)
    assert [words for words in says.split("; ") if words not in str(refusal.value)] == []


def test_a_mode_without_curvature_allows_every_step_size():
    assert sw.edge(sw.Switching.deterministic([np.diag([0.0, -1.0])])) == INF


def test_nothing_is_active_at_nan():
    assert not NET.pattern([NAN]).any() and np.isnan(NET([NAN])).all()
