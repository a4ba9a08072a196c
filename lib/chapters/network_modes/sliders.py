"""The slider of chapter VII: a plane through a minimum where modes meet, and one step of descent from a point of it."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from ledgerbook.explorer import Control, Explorer, Frame, Mark, Panel
from stableminima import switching as sw
from stableminima.network import Dataset, Network
from stableminima.switching import NetworkModes

ANGLES = tuple(range(0, 360, 15))
SHARES = (0.97, 1.0, 1.003, 1.005, 1.007, 1.01)
VIEW = 1.6


def plane_of_modes(net: Network, data: Dataset, knots: int = 3) -> Explorer:
    """The point on a circle around the minimum, and the step size, against mode, spectrum and one step."""
    found = sw.at_minimum(net, data, knots=knots)
    axes = _plane(found)

    @lru_cache
    def stored(degrees: float, share: float) -> Frame:
        return plane_frame(found, axes, degrees, share)

    return Explorer(
        "A plane through a minimum",
        f"At a minimum that descent found, {knots} knots on samples make {found.system.modes} modes. Left: a plane "
        "through θ*, divided into modes by straight lines; arcs are drawn long-dashed where the mode is sharper than "
        "2/η, dash-dotted where it is not. The point, and where one step of descent takes it. Middle: the sharpness "
        "of all modes. Right: which of the neurons are active on their samples, before and after the step.",
        [
            Control("direction of the point", ANGLES, tuple(f"{each}°" for each in ANGLES), start=2),
            Control("step size η, in units of 2/λ of the sharpest mode", SHARES, tuple(map(str, SHARES)), start=3),
        ],
        stored,
        print_at=((2, 0), (2, 3), (14, 3)),
    )


def _plane(found: NetworkModes) -> np.ndarray:
    """Two orthonormal directions, shape (2, d): a sharp one, and one that toggles neurons."""
    sharp = sw.mean_direction(found.system)
    toggling = found.basis.T @ _toward(found)
    return np.linalg.qr(np.column_stack([sharp, toggling]))[0].T


def _toward(found: NetworkModes) -> np.ndarray:
    """A displacement that makes every other of the neurons active on its sample, and the rest silent."""
    out, k, order = np.zeros(found.net.vector.size), found.net.k, np.arange(found.neurons.size)
    out[k + found.neurons] = (-1.0) ** order * (1 + order)
    return out


def plane_frame(found: NetworkModes, axes: np.ndarray, degrees: float, share: float) -> Frame:
    """The three panels for one point and one step size, and what happens in words."""
    system, eta = found.system, share * sw.edge(found.system)
    u = _at(axes, degrees)
    after = system.step(u, eta)
    modes, sharpness = (system.rule(u), system.rule(after)), system.tops[0]
    above = sharpness[modes[0]] > 2 / eta * (1 + 1e-12)
    length = float(np.linalg.norm(after))
    words = (f"2/η = {2 / eta:.4g}; the point is in mode {modes[0]}, of sharpness {sharpness[modes[0]]:.4g}, "
             f"{'above' if above else 'not above'} 2/η. One step takes it to {length:.3f} of its distance from θ*, "
             f"into {'the same mode' if modes[0] == modes[1] else f'mode {modes[1]}'}.")
    panels = (_plane_panel(found, axes, eta, u, after), _sharpness_panel(sharpness, eta, modes[0]),
              _pattern_panel(found.neurons.size, modes))
    return Frame(panels, words, "unstable" if length > 1 + 1e-9 else "edge" if above else "stable")


def _at(axes: np.ndarray, degrees: float) -> np.ndarray:
    angle = np.radians(degrees + 0.01)  # off the borders
    return np.cos(angle) * axes[0] + np.sin(angle) * axes[1]


def _plane_panel(found: NetworkModes, axes: np.ndarray, eta: float, u: np.ndarray, after: np.ndarray) -> Panel:
    system, degrees = found.system, np.arange(0, 361, 1.0)
    here = np.array([system.rule(_at(axes, each)) for each in degrees])
    starts = [0, *(np.flatnonzero(np.diff(here)) + 1), degrees.size - 1]
    marks, named = [], set()
    for begin, end in zip(starts, starts[1:], strict=False):
        above = system.tops[0][here[begin]] > 2 / eta * (1 + 1e-12)
        arc = np.radians(np.linspace(degrees[begin], degrees[end], 12))
        name = "sharper than 2/η" if above else "not sharper"
        for radius in (0.5, 1.0, 1.5):
            label = "" if name in named else name
            named.add(name)
            marks.append(Mark("line", radius * np.cos(arc), radius * np.sin(arc), label,
                              "curvature" if above else "weight"))
        edge = 2 * VIEW * np.array([np.cos(arc[0]), np.sin(arc[0])])
        if begin:
            marks.append(Mark("line", (0, edge[0]), (0, edge[1]), "", "other"))
    (x0, y0), (x1, y1) = axes @ u, axes @ after
    marks += [Mark("line", (x0, x1), (y0, y1), "one step", "model"), Mark("points", (x0,), (y0,), "the point", "data")]
    limits = (-VIEW, VIEW)
    return Panel("The plane", "along a sharp direction", "across", limits, limits, marks=marks)


def _sharpness_panel(sharpness: np.ndarray, eta: float, mode: int) -> Panel:
    low, high = min(sharpness.min(), 2 / eta), max(sharpness.max(), 2 / eta)
    margin = 0.2 * (high - low) + 1e-3 * high
    marks = (
        Mark("points", range(sharpness.size), sharpness, "λ_max of the modes", "sharpness"),
        Mark("points", (mode,), (sharpness[mode],), "that of the point", "data"),
        Mark("level", (), (2 / eta,), "2/η", "threshold"),
    )
    return Panel("Sharpness", "mode", "λ_max", (-0.5, sharpness.size - 0.5), (low - margin, high + margin), marks=marks)


def _pattern_panel(count: int, modes: tuple[int, int]) -> Panel:
    neurons = np.arange(count)
    before, after = (mode >> neurons & 1 for mode in modes)
    marks = (Mark("points", neurons + 0.9, before, "before", "data"),
             Mark("points", neurons + 1.1, after, "after", "model"))
    return Panel("Active on its sample?", "neuron at a kink", "1 active, 0 silent", (0.5, count + 0.5), (-0.3, 1.3),
                 marks=marks)
