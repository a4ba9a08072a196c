"""The slider of chapter VII: a plane through a minimum where modes meet, and one step of descent from a point of it."""

from __future__ import annotations

from functools import partial
from itertools import pairwise

import numpy as np

from ledgerbook.explorer import Control, Explorer, Frame, Mark, Panel
from stableminima import switching as sw
from stableminima.network import Dataset, Network
from stableminima.switching import NetworkModes

ANGLES = tuple(range(0, 360, 15))
SHARES = (0.97, 1.0, 1.003, 1.005, 1.007, 1.01)
VIEW = 1.6
CORNERS = np.pi * np.arange(1, 16, 2) / 4  # of the panel, as angles, twice around
DENSE, SPARSE = 0.13, 0.32  # between the lines that fill a mode, where it is sharper than 2/η and where it is not


def plane_of_modes(net: Network, data: Dataset, knots: int = 3) -> Explorer:
    """The point on a circle around the minimum, and the step size, against mode, spectrum, pattern and one step."""
    found = sw.at_minimum(net, data, knots=knots)
    return Explorer(
        "A plane through a minimum",
        f"At a minimum that descent found, {knots} knots on samples make {found.system.modes} modes. First: a plane "
        "through θ*, whose axes have different scales. Dotted lines divide it into modes, each filled by lines of its "
        "own direction, which are dense and long-dashed where the mode is sharper than 2/η, and sparse where it is "
        "not. The point, and where one step of descent takes it; its direction alone matters, because all distances "
        "scale. Second: the sharpness of all modes. Third: the spectrum of the Hessian in the mode of the point. "
        "Fourth: on which samples the neurons at kinks are active, before the step and after it.",
        [
            Control("direction of the point", ANGLES, tuple(f"{each}°" for each in ANGLES), start=2),
            Control("step size η, in units of 2/λ of the sharpest mode", SHARES, tuple(map(str, SHARES)), start=3),
        ],
        partial(plane_frame, found, _plane(found)),
        print_at=((2, 0), (2, 3), (14, 3)),
    )


def _plane(found: NetworkModes) -> np.ndarray:
    """Two orthogonal directions, shape (2, d): a sharp one, and one that toggles neurons.

    The second one is as long as it must be for the borders of the modes to be steep and flat in equal numbers.
    """
    sharp = sw.mean_direction(found.system)
    toggling = found.basis.T @ _toward(found)
    axes = np.linalg.qr(np.column_stack([sharp, toggling]))[0].T
    along, across = np.abs(_normals(found, axes))
    return axes * np.array([[1.0], [np.median(along / across)]])


def _toward(found: NetworkModes) -> np.ndarray:
    """A displacement that makes every other of the neurons active on its sample, and the rest silent."""
    out, k, order = np.zeros(found.net.vector.size), found.net.k, np.arange(found.neurons.size)
    out[k + found.neurons] = (-1.0) ** order * (1 + order)
    return out


def plane_frame(found: NetworkModes, axes: np.ndarray, degrees: float, share: float) -> Frame:
    """The four panels for one point and one step size, and what happens in words."""
    system, eta = found.system, share * sw.edge(found.system)
    u = _at(axes, degrees)
    after = system.step(u, eta)
    modes = system.rule(u), system.rule(after)
    above, length = _is_above(found, modes[0], eta), float(np.linalg.norm(after))
    words = (f"2/η = {2 / eta:.4g}; the point is in mode {modes[0]}, of sharpness {system.tops[0][modes[0]]:.4g}, "
             f"{'above' if above else 'not above'} 2/η. One step takes it to {length:.3f} of its distance from θ*, "
             f"into {'the same mode' if modes[0] == modes[1] else f'mode {modes[1]}'}.")
    panels = (_plane_panel(found, axes, eta, u, after), _sharpness_panel(system.tops[0], eta, modes[0]),
              _spectrum_panel(found, eta, modes[0]), _pattern_panel(found, modes))
    return Frame(panels, words, "unstable" if length > 1 + 1e-9 else "edge" if above else "stable")


def _at(axes: np.ndarray, degrees: float) -> np.ndarray:
    angle = np.radians(degrees + 0.01)  # off the borders
    return np.cos(angle) * axes[0] + np.sin(angle) * axes[1]


def _is_above(found: NetworkModes, mode: int, eta: float) -> bool:
    return bool(found.system.tops[0][mode] > 2 / eta * (1 + 1e-12))


# ---- the plane -----------------------------------------------------------------------------------------------------


def _plane_panel(found: NetworkModes, axes: np.ndarray, eta: float, u: np.ndarray, after: np.ndarray) -> Panel:
    marks, named = [], set()
    for mode, corners in _sectors(found, axes):
        above = _is_above(found, mode, eta)
        name = "sharper than 2/η" if above else "not sharper"
        lines = _filled(corners, np.pi * mode / found.system.modes, DENSE if above else SPARSE)
        marks.append(Mark("line", *lines.T, "" if name in named else name, "curvature" if above else "weight"))
        marks.append(Mark("line", *corners[:2].T, "", "other"))
        named.add(name)
    (x0, y0), (x1, y1) = (axes @ each / (axes**2).sum(axis=1) for each in (u, after))
    marks += [Mark("line", (x0, x1), (y0, y1), "one step", "model"), Mark("points", (x0,), (y0,), "the point", "data")]
    limits = (-VIEW, VIEW)
    return Panel("The plane", "along a sharp direction", "across", limits, limits, marks=marks)


def _sectors(found: NetworkModes, axes: np.ndarray) -> list[tuple[int, np.ndarray]]:
    """The modes that the plane meets, each with the corners of its sector of the panel; the first corner is θ*."""
    normals = _normals(found, axes)
    borders = np.sort(np.mod(np.arctan2(normals[1], normals[0]) + np.pi / 2, np.pi))
    borders = np.concatenate([borders, borders + np.pi, borders[:1] + 2 * np.pi])
    out = []
    for begin, end in pairwise(borders):
        rim = [_rim(angle) for angle in (begin, *(each for each in CORNERS if begin < each < end), end)]
        middle = (begin + end) / 2
        out.append((found.system.rule(np.cos(middle) * axes[0] + np.sin(middle) * axes[1]), np.array([(0, 0), *rim])))
    return out


def _normals(found: NetworkModes, axes: np.ndarray) -> np.ndarray:
    """What the pre-activation of each neuron at a kink changes by, on its sample, along the axes; shape (2, T)."""
    out, each = np.zeros((found.net.vector.size, found.neurons.size)), np.arange(found.neurons.size)
    out[found.neurons, each], out[found.net.k + found.neurons, each] = found.data.x[found.samples], 1.0
    return axes @ (found.basis.T @ out)


def _rim(angle: float) -> tuple[float, float]:
    """Where the ray at this angle leaves the panel."""
    x, y = np.cos(angle), np.sin(angle)
    return VIEW * x / max(abs(x), abs(y)), VIEW * y / max(abs(x), abs(y))


def _filled(corners: np.ndarray, angle: float, gap: float) -> np.ndarray:
    """One line to and fro that fills a convex polygon: its passes have this angle and this distance."""
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    turned, points = corners @ turn, []
    sides = [*pairwise(turned), (turned[-1], turned[0])]
    for order, height in enumerate(np.arange(turned[:, 1].min() + gap / 2, turned[:, 1].max(), gap)):
        cuts = [p + (height - p[1]) / (q[1] - p[1]) * (q - p) for p, q in sides if (p[1] < height) != (q[1] < height)]
        points += sorted(cuts, key=lambda point: point[0], reverse=bool(order % 2))
    return np.array(points) @ turn.T


# ---- beside it -----------------------------------------------------------------------------------------------------


def _sharpness_panel(sharpness: np.ndarray, eta: float, mode: int) -> Panel:
    low, high = min(sharpness.min(), 2 / eta), max(sharpness.max(), 2 / eta)
    margin = 0.2 * (high - low) + 1e-3 * high
    marks = (
        Mark("points", range(sharpness.size), sharpness, "λ_max of the modes", "sharpness"),
        Mark("points", (mode,), (sharpness[mode],), "that of the point", "data"),
        Mark("level", (), (2 / eta,), "2/η", "threshold"),
    )
    return Panel("Sharpness", "mode", "λ_max", (-0.5, sharpness.size - 0.5), (low - margin, high + margin), marks=marks)


def _spectrum_panel(found: NetworkModes, eta: float, mode: int) -> Panel:
    """The eigenvalues of H_m that are not 0, as many as samples."""
    values, count = np.linalg.eigvalsh(found.system.mean_hessians[mode])[::-1][: found.data.n], found.data.n
    marks = (Mark("stems", range(1, count + 1), values, "eigenvalues of the mode", "sharpness"),
             Mark("level", (), (2 / eta,), "2/η", "threshold"))
    decades = 10.0 ** np.array([np.floor(np.log10(values.min())), np.ceil(np.log10(max(values.max(), 2 / eta)))])
    return Panel("Spectrum", "number", "eigenvalue", (0.5, count + 0.5), tuple(decades), yscale="log", marks=marks)


def _pattern_panel(found: NetworkModes, modes: tuple[int, int]) -> Panel:
    """Where the neurons at kinks are active before and after, and the samples of their kinks."""
    rank, each = np.argsort(np.argsort(found.data.x)), np.arange(found.neurons.size)
    marks = []
    for mode, name, role, shift in zip(modes, ("before", "after"), ("data", "model"), (0.12, -0.12), strict=True):
        active = found.net.pattern(found.data.x)[:, found.neurons]
        active[found.samples, each] = mode >> each & 1
        sample, neuron = np.nonzero(active)
        marks.append(Mark("points", rank[sample] + 1, neuron + 1 + shift, f"active {name}", role))
    kinks = Mark("points", rank[found.samples] + 1, each + 0.7, "sample of the kink", "threshold")
    return Panel("Activation pattern", "sample, from left to right", "neuron at a kink", (0.5, found.data.n + 0.5),
                 (0.4, found.neurons.size + 0.5), marks=(*marks, kinks))
