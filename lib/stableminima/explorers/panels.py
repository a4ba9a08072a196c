"""Panels that several sliders share."""

from __future__ import annotations

import numpy as np

from ..explorer import Mark, Panel
from ..network import Dataset, Network


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
