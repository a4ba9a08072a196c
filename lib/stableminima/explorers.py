"""Every slider of the book, each a function of results."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from . import smoothness
from .descent import Outcome
from .experiments import HERO, Row, Sweep, one_run
from .explorer import Control, Explorer, Frame, Mark, Panel
from .network import Dataset, Network

EDGE = 0.03  # a sharpness within 3 % of 2/η is called "at the edge"


def hero(sweep: Sweep) -> Explorer:
    """Step size and initial scale against the function found, where it bends, and the sharpness on the way."""
    rows = {(row.scale, row.eta): row for row in sweep.rows}
    scales, steps = (tuple(sorted(set(axis))) for axis in zip(*rows, strict=True))

    def stored(eta: float, scale: float) -> Frame:
        return descent_frame(rows[scale, eta], sweep.data)

    def live(eta: float, scale: float) -> Frame:
        protocol = replace(HERO, init_scale=scale)
        return descent_frame(one_run(protocol, eta, traced=True, onward=False), protocol.start()[0])

    return Explorer(
        "What the step size does to the function",
        "Gradient descent from one start, for each step size and initial scale. Left: the function and the data. "
        "Middle: where it bends, with the weight g. Right: the sharpness on the way, with 2/η.",
        [
            Control("step size η", steps, tuple(f"{eta:g}" for eta in steps), start=steps.index(0.2)),
            Control("initial scale", scales, tuple(f"{scale:g}" for scale in scales), start=scales.index(1.0)),
        ],
        stored,
        live,
        print_at=((4, 1), (steps.index(0.2), 1), (len(steps) - 1, 1)),
    )


def descent_frame(row: Row, data: Dataset) -> Frame:
    """The three panels of one run, and its regime in words."""
    net = Network.from_vector(row.theta)
    words, tone = regime(row)
    return Frame((_function_panel(net, data), _bend_panel(net, data), _sharpness_panel(row)), words, tone)


def regime(row: Row) -> tuple[str, str]:
    """How a run ended, in plain words, and its tone."""
    threshold, ratio = 2 / row.eta, row.eta * row.sharpness / 2
    head = f"2/η = {threshold:.3g}. "
    if row.outcome is Outcome.DIVERGED:
        return head + "Descent diverged.", "unstable"
    if row.outcome is Outcome.STALLED:
        return head + f"After {row.steps / 1e6:.0f} million steps the loss is still {row.loss:.1e}.", "neutral"
    tail = f" ∫|f''|g = {row.norm:.3g}."
    if row.outcome is Outcome.WARM_UP:
        return head + f"Descent was done before the warm-up ended, at sharpness {row.sharpness:.3g}." + tail, "neutral"
    found = f"The sharpness found is {row.sharpness:.3g}, "
    if ratio > 1 + EDGE:
        return head + found + "above 2/η: descent stopped here in passing." + tail, "unstable"
    if ratio > 1 - EDGE:
        return head + found + "at the edge of stability: only minima this flat can hold descent." + tail, "edge"
    return head + found + "below the edge: smaller steps find minima just as sharp." + tail, "stable"


def _function_panel(net: Network, data: Dataset) -> Panel:
    reach = np.abs(data.x).max() + 0.2
    height = 2 * np.abs(data.y).max()
    position, _ = net.knots
    corners = np.concatenate([[-reach], position[np.abs(position) < reach], [reach]])
    return Panel(
        "The function found",
        "x",
        "f(x)",
        (-reach, reach),
        (-height, height),
        marks=(Mark("line", corners, net(corners), "f", "model"), Mark("points", data.x, data.y, "data", "data")),
    )


def _bend_panel(net: Network, data: Dataset, width: float = 0.08) -> Panel:
    """Masses of f'' within ``width`` of each other are drawn as one stem."""
    reach = np.abs(data.x).max() + 0.2
    position, mass = net.knots
    cell = np.round(position / width)
    shown = np.unique(cell[np.abs(position) < reach])
    heights = np.array([np.abs(mass[cell == each]).sum() for each in shown])
    grid = np.linspace(-reach, reach, 161)
    weight = smoothness.g(grid, data)
    return Panel(
        "Where it bends",
        "x",
        "change of slope",
        (-reach, reach),
        (0, 3),
        marks=(
            Mark("stems", shown * width, heights, "mass of |f''|", "curvature"),
            Mark("line", grid, weight / weight.max(), "weight g (peak = 1)", "weight"),
        ),
    )


def _sharpness_panel(row: Row) -> Panel:
    steps, _, sharpness = row.trace
    return Panel(
        "Sharpness on the way",
        "steps (thousands)",
        "λ_max",
        (0, max(steps[-1] / 1000, 1)),
        (1, 1000),
        yscale="log",
        marks=(
            Mark("line", steps / 1000, np.clip(sharpness, 1e-3, 1e6), "λ_max", "sharpness"),
            Mark("level", (), (2 / row.eta,), "2/η", "threshold"),
            Mark("level", (), (1 + 2 * row.norm,), "1 + 2∫|f''|g at the end", "bound"),
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
        return Frame((_map_panel(kept, row), _function_panel(net, sweep.data)), words, tone)

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
