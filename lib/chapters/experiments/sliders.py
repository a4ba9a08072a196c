"""The sliders of the preface and of chapter I."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ledgerbook.explorer import Control, Explorer, Frame, Mark, Panel
from stableminima import smoothness
from stableminima.network import Dataset, Network
from stableminima.runs.descent import Outcome
from stableminima.runs.experiments import Row, Sweep, one_run

from ..panels import REGIMES, bends, function_panel, reach
from ..panels import regime as kind_of
from ..plans import HERO


def hero(sweep: Sweep, phase: Sweep) -> Explorer:
    """Step size and initial scale against the function found, where it bends, the sharpness on the way, and a map."""
    rows = {(row.scale, row.eta): row for row in sweep.rows}
    scales, steps = (tuple(sorted(set(axis))) for axis in zip(*rows, strict=True))
    cells = _map_marks(phase, steps, scales)
    top = 1.1 * max(bends(sweep.net(index), sweep.data)[1].max() for index in range(len(sweep)))

    def stored(eta: float, scale: float) -> Frame:
        return descent_frame(rows[scale, eta], sweep.data, top, cells)

    def live(eta: float, scale: float) -> Frame:
        protocol = replace(HERO, init_scale=scale)
        return descent_frame(one_run(protocol, eta, traced=True, onward=False), sweep.data, top, cells)

    return Explorer(
        "What the step size does to the function",
        "Gradient descent from one start, for each step size and initial scale. The function and the data; where its "
        "slope changes (knots closer than 0.08 as one), with the weight g scaled to fit; the sharpness on the way, "
        "with 2/η (the step size grows to η during the warm-up, and 2 over it falls); and a map of how runs end, with "
        "this one on it.",
        [
            Control("step size η", steps, tuple(f"{eta:g}" for eta in steps), start=steps.index(0.2)),
            Control("initial scale", scales, tuple(f"{scale:g}" for scale in scales), start=scales.index(5.0)),
        ],
        stored,
        live,
        print_at=((0, len(scales) - 1), (steps.index(0.2), len(scales) - 1), (len(steps) - 1, len(scales) - 1)),
    )


def descent_frame(row: Row, data: Dataset, top: float, cells: tuple[Mark, ...]) -> Frame:
    """The four panels of one run, with changes of slope up to ``top``, and its regime in words."""
    net = Network.from_vector(row.theta)
    panels = function_panel(net, data), _bend_panel(net, data, top), _sharpness_panel(row), _place_panel(row, cells)
    return Frame(panels, *regime(row))


def _map_marks(phase: Sweep, steps: tuple[float, ...], scales: tuple[float, ...]) -> tuple[Mark, ...]:
    """Every second cell of the phase diagram in the range of the controls, a mark for each kind of end."""
    inside = (phase["eta"] >= 0.9 * steps[0]) & (phase["eta"] <= 1.1 * steps[-1])
    part = phase.where(inside & (phase["scale"] >= 0.9 * scales[0]) & (phase["scale"] <= 1.1 * scales[-1]))
    for column in ("eta", "scale"):
        part = part.where(np.isin(part[column], np.unique(part[column])[::2]))
    kinds = np.array([kind_of(row) for row in part.rows])
    roles = ("other", "weight", "model", "sharpness", "threshold")
    found = [(kind, part.where(kinds == kind)) for kind in np.unique(kinds)]
    return tuple(Mark("points", each["eta"], each["scale"], REGIMES[kind], roles[kind]) for kind, each in found)


def _place_panel(row: Row, cells: tuple[Mark, ...]) -> Panel:
    here = Mark("points", (row.eta,), (row.scale,), "this run", "data")
    limits = (0.008, 0.6), (0.6, 6)
    return Panel("Where this run is", "step size η", "initial scale", *limits, "log", "log", (*cells, here))


def regime(row: Row) -> tuple[str, str]:
    """How a run ended, in plain words, and its tone."""
    head = f"2/η = {2 / row.eta:.3g}. "
    if row.outcome is Outcome.DIVERGED:
        return head + "Descent diverged.", "unstable"
    if row.outcome is Outcome.STALLED:
        end = f"after {row.steps / 1e6:.1f} million steps the loss is {row.loss:.1e}."
        return f"{head}No global minimum: {end}", "neutral"
    tail = f" ∫|f''|g = {row.norm:.3g}."
    if row.outcome is Outcome.WARM_UP:
        early = f"while the step size was still smaller than η, at sharpness {row.sharpness:.3g}."
        return f"{head}Descent was done before the warm-up ended, {early}{tail}", "neutral"
    found = f"The sharpness found is {row.sharpness:.3g}, "
    kind = REGIMES[kind_of(row)]
    if kind == "above it, in passing":
        return head + found + "above 2/η: descent stopped here in passing." + tail, "unstable"
    if kind == "at the edge":
        return head + found + "at the edge of stability: only minima this flat can hold descent." + tail, "edge"
    return head + found + "below the edge: smaller steps find minima just as sharp." + tail, "stable"


def _bend_panel(net: Network, data: Dataset, top: float) -> Panel:
    position, height = bends(net, data)
    grid = np.linspace(-reach(data), reach(data), 161)
    weight = smoothness.g(grid, data)
    marks = (
        Mark("stems", position, height, "mass of |f''|", "curvature"),
        Mark("line", grid, weight / weight.max() * top * 0.9, "weight g (scaled)", "weight"),
    )
    return Panel("Where it bends", "x", "change of slope", (grid[0], grid[-1]), (0, top), marks=marks)


def _sharpness_panel(row: Row) -> Panel:
    steps, _, sharpness = row.trace
    ramp = 2 / row.eta * np.maximum(HERO.warm_up / (steps + 1), 1)
    shown = (ramp < 1000) & (steps < HERO.warm_up)
    bound = [Mark("level", (), (1 + 2 * row.norm,), "1 + 2∫|f''|g at the end", "bound")]
    return Panel(
        "Sharpness on the way",
        "steps (thousands)",
        "sharpness",
        (0, max(steps[-1] / 1000, 1)),
        (1, 1000),
        yscale="log",
        marks=(
            Mark("line", steps / 1000, np.clip(sharpness, 1e-3, 1e6), "sharpness", "sharpness"),
            Mark("level", (), (2 / row.eta,), "2/η", "threshold"),
            Mark("line", steps[shown] / 1000, ramp[shown], "2 over the step size in the warm-up", "other"),
            *(bound if row.outcome.solved else []),  # Lemma 4 needs zero loss
        ),
    )


def section5(sweep: Sweep, smallest: float = 0.01, count: int = 30) -> Explorer:
    """The runs of Section 5 one by one: the run's place among all others, and the function it found."""
    kept = sweep.kept
    steps = kept["eta"]
    shown = np.unique(np.linspace(np.searchsorted(steps, smallest), len(kept) - 1, count).round().astype(int))
    rows = {kept.rows[i].eta: kept.rows[i] for i in shown}

    def frame(row: Row) -> Frame:
        net = Network.from_vector(row.theta)
        words, tone = regime(row)
        return Frame((_map_panel(kept, row), function_panel(net, sweep.data)), words, tone)

    etas = tuple(rows)
    return Explorer(
        "One start, many step sizes",
        "Each position is one run of the experiment. Left: its sharpness among those of all kept runs, with 2/η and "
        "the bound. Right: the function it found, with the data.",
        [Control("step size η", etas, tuple(f"{eta:.3g}" for eta in etas), start=len(etas) // 2)],
        lambda eta: frame(rows[eta]),
        lambda eta: frame(one_run(sweep.protocol, eta, onward=False)),
        print_at=((0,), (len(etas) // 2,), (len(etas) - 1,)),
    )


def _map_panel(sweep: Sweep, row: Row) -> Panel:
    eta = sweep["eta"]
    thin = slice(None, None, 3)
    return Panel(
        "This run among all others",
        "step size η",
        "sharpness",
        (eta[0], 0.6),
        (0.8, 3e4),
        "log",
        "log",
        (
            Mark("line", eta[[0, -1]], 2 / eta[[0, -1]], "2/η", "threshold"),
            Mark("line", eta[thin], sweep["sharpness"][thin], "sharpness found", "sharpness"),
            Mark("line", eta[thin], 1 + 2 * sweep["norm"][thin], "1 + 2∫|f''|g", "bound"),
            Mark("points", (row.eta,), (row.sharpness,), "this run", "data"),
        ),
    )
