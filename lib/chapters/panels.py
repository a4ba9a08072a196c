"""What several pages say of runs, and panels that several sliders share."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ledgerbook.explorer import Mark, Panel
from stableminima.network import Dataset, Network
from stableminima.runs.descent import Outcome
from stableminima.runs.experiments import Row, Sweep

EDGE = 0.03  # a sharpness within 3 % of 2/η is called "at the edge"
REGIMES = ("no global minimum", "converged in the warm-up", "below the edge", "at the edge", "above it, in passing")


def regime(row: Row) -> int:
    """The place in ``REGIMES`` of a run."""
    if not row.outcome.solved:
        return 0
    if row.outcome is Outcome.WARM_UP:
        return 1
    ratio = row.eta * row.sharpness / 2
    return 2 if ratio <= 1 - EDGE else 3 if ratio <= 1 + EDGE else 4


def reached_edge(sweep: Sweep) -> NDArray[np.bool_]:
    """Whether each run of a sweep ended at the edge, or above it; shape (runs,)."""
    return sweep["eta"] * sweep["sharpness"] / 2 > 1 - EDGE


def leaves(sweep: Sweep) -> NDArray[np.bool_]:
    """Whether the loss of each run rose above ten times the tolerance when descent ran on; shape (runs,)."""
    return sweep["peak"] > 10 * sweep.protocol.tolerance


def function_panel(net: Network, data: Dataset) -> Panel:
    """The function and the data."""
    edge = reach(data)
    height = 3.6 * np.abs(data.y).max()
    position, _ = net.knots
    corners = np.concatenate([[-edge], position[np.abs(position) < edge], [edge]])
    return Panel(
        "The function found",
        "x",
        "f(x)",
        (-edge, edge),
        (-height, height),
        marks=(Mark("line", corners, net(corners), "f", "model"), Mark("points", data.x, data.y, "data", "data")),
    )


def reach(data: Dataset) -> float:
    """Panels show x from minus this to this."""
    return np.abs(data.x).max() + 0.2


def bends(net: Network, data: Dataset, width: float = 0.08) -> tuple[np.ndarray, np.ndarray]:
    """Where f bends near the data and by how much; knots within ``width`` of each other count as one."""
    position, mass = net.knots
    cell = np.round(position / width)
    shown = np.unique(cell[np.abs(position) < reach(data)])
    return shown * width, np.array([np.abs(mass[cell == each]).sum() for each in shown])
