"""The slider of what Theorem 1 forbids, in chapter VI."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ledgerbook.explorer import Control, Explorer, Frame, Mark, Panel
from stableminima import interpolants, smoothness
from stableminima.interpolants import Flattest
from stableminima.network import Dataset, Network
from stableminima.runs.descent import Outcome
from stableminima.runs.experiments import Row, Sweep, one_run

from ..panels import bends, function_panel, reach
from ..plans import HERO

BEYOND = (0.55, 0.6, 0.7, 0.8, 1.0, 1.5)  # step sizes above those of the stored runs
SHORT = 1_000_000  # steps of the runs there: enough to see that they do not converge
AXIS = np.geomspace(0.01, 1.9, 60)


def allowed(sweep: Sweep, scale: float = 5.0) -> Explorer:
    """The step size against the bend that Theorem 1 allows, that descent finds, and that no interpolant can avoid."""
    start = replace(HERO, init_scale=scale)
    part = sweep.where(sweep["scale"] == scale)
    rows = {row.eta: row for row in part.rows}
    flattest = interpolants.flattest_interpolant(sweep.data)
    steps = (*rows, *BEYOND)

    def stored(eta: float) -> Frame:
        if eta not in rows:
            rows[eta] = one_run(replace(start, budget=SHORT), eta, onward=False)
        return frame(rows[eta], sweep.data, flattest, part)

    def live(eta: float) -> Frame:
        return frame(one_run(start, eta, onward=False), sweep.data, flattest, part)

    return Explorer(
        "What the step size allows",
        "Left: the function that descent finds at this step size, and the dots connected by lines. "
        "Middle: where the two bend, with the weight g scaled to fit. Right: how large ∫|f''|g may be at a stable "
        "minimum, how large it is (the dot: this step size), and how small it can be for any function through the "
        "data. Beyond η₂ every function through the data is too sharp, however it is implemented.",
        [Control("step size η", steps, tuple(f"{eta:g}" for eta in steps), start=steps.index(0.2))],
        stored,
        live,
        print_at=((steps.index(0.2),), (steps.index(0.7),), (steps.index(1.0),)),
    )


def frame(row: Row, data: Dataset, flattest: Flattest, others: Sweep) -> Frame:
    """The three panels of one run, and what Theorem 1 says of its step size."""
    net, smoothest = Network.from_vector(row.theta), interpolants.smoothest_interpolant(data)
    words, tone = verdict(row, data, flattest)
    return Frame((_functions(net, smoothest, data), _bend_panel(net, smoothest, data),
                  _allowance(row, data, flattest, others)), words, tone)


def verdict(row: Row, data: Dataset, flattest: Flattest) -> tuple[str, str]:
    """Which interpolants the step size leaves, in words, and the tone."""
    least, most = interpolants.smoothest_norm(data), 1 / row.eta - 0.5
    threshold = f"2/η = {2 / row.eta:.3g}. "
    if row.eta > interpolants.largest_step_size(data):
        return (f"{threshold}Theorem 1 forbids every interpolant: ∫|f''|g may be {max(most, 0):.3g} at most, and the "
                f"smoothest has {least:.3g}. {_end(row)}"), "unstable"
    if row.eta > flattest.step_size:
        return (f"{threshold}Theorem 1 allows ∫|f''|g up to {most:.3g}, but no interpolant is flatter than "
                f"{flattest.bound:.3g}: none is stable. {_end(row)}"), "unstable"
    tone = "neutral" if not row.outcome.solved else "edge" if row.sharpness * row.eta > 1.94 else "stable"
    return (f"{threshold}Theorem 1 allows ∫|f''|g up to {most:.3g}; the smoothest interpolant has {least:.3g}. "
            f"{_end(row)}"), tone


def _end(row: Row) -> str:
    if row.outcome.solved:
        return f"Descent found one with {row.norm:.3g}, at sharpness {row.sharpness:.3g}."
    if row.outcome is Outcome.DIVERGED:
        return "Descent diverged."
    return f"Descent found none: after {row.steps / 1e6:g} million steps the loss is {row.loss:.1e}."


def _functions(net: Network, smoothest: Network, data: Dataset) -> Panel:
    panel = function_panel(net, data)
    x = np.sort(data.x)
    ends = np.array([-reach(data), *x, reach(data)])
    dots = Mark("line", ends, smoothest(ends), "dots connected", "bound")
    return replace(panel, title="Two functions", marks=(dots, *panel.marks))


def _bend_panel(net: Network, smoothest: Network, data: Dataset) -> Panel:
    """Changes of slope near the data, of both functions, over the weight."""
    grid = np.linspace(-reach(data), reach(data), 161)
    top = 2.5 * np.abs(smoothest.knots[1][1:]).max()
    weight = smoothness.g(grid, data)
    marks = [Mark("line", grid, weight / weight.max() * top * 0.9, "weight g (scaled)", "weight")]
    for each, kind, role, label in ((smoothest, "points", "bound", "|f''|, dots connected"),
                                    (net, "stems", "curvature", "|f''|, descent")):
        position, height = bends(each, data)
        marks.append(Mark(kind, position, np.minimum(height, top), label, role))
    return Panel("Where they bend", "x", "change of slope", (grid[0], grid[-1]), (0, top), marks=tuple(marks))


def _allowance(row: Row, data: Dataset, flattest: Flattest, others: Sweep) -> Panel:
    limits = (0.1, 100.0)
    kept = others.kept
    marks = (
        Mark("line", AXIS, 1 / AXIS - 0.5, "1/η - 1/2, allowed", "threshold"),
        Mark("line", kept["eta"], kept["norm"], "found by descent", "curvature"),
        Mark("level", (), (interpolants.smoothest_norm(data),), "the smallest of all", "bound"),
        Mark("line", 2 * (flattest.step_size,), limits, "η₂", "sharpness"),
        Mark("line", 2 * (row.eta,), limits, "", "other"),
        Mark("points", (row.eta,), (row.norm,), "", "data"),
    )
    return Panel("Allowed and found", "step size η", "∫|f''|g", (0.009, 2.0), limits, "log", "log", marks)
