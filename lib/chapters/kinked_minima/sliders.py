"""The slider of chapter X: a knot crosses a sample, and the sharpness of the modes is held against the bounds."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from ledgerbook.explorer import Control, Explorer, Frame, Mark, Panel
from stableminima import modes, smoothness
from stableminima.network import Dataset

from ..instances import Case
from .claims import SAMPLES, one_neuron

OFFSETS = tuple(np.round(np.arange(-0.8, 0.81, 0.1), 1).tolist())
REACH, HAIR = 0.8, 1e-6


def crossing_knot() -> Explorer:
    """The place of a knot, the side to which its neuron opens and the samples, against the sharpness of the modes."""
    names = tuple(", ".join(f"{each:g}" for each in x) for x in SAMPLES)
    return Explorer(
        "A knot crosses a sample",
        "One neuron, and three or four samples. Left: the sharpness of the network, and the bound 1 + 2∫|f''| g, while "
        "the knot moves through a sample; both jump there. On the sample two modes meet, one for either side. Right: "
        "g⁺, g⁻ and what g is at the knot.",
        [
            Control("place of the knot", OFFSETS, tuple(map(_where, OFFSETS)), start=OFFSETS.index(0.0)),
            Control("the neuron opens", (1, -1), ("to the right", "to the left")),
            Control("samples", tuple(range(len(SAMPLES))), names),
        ],
        crossing_frame,
        print_at=((5, 0, 0), (8, 0, 0), (8, 0, 1)),
    )


def _where(offset: float) -> str:
    return f"{abs(offset):g} {'before' if offset < 0 else 'behind'} the sample" if offset else "on the sample"


def crossing_frame(offset: float, side: float, which: float) -> Frame:
    """The two panels for one place of the knot, and what is sharper than which bound, in words."""
    x = SAMPLES[int(which)]
    data, place = Dataset(x, np.zeros(len(x))), x[1] + offset
    found, bounds = _sharpness(x, side, place), _bounds(x, side, place)
    panels = (_sharpness_panel(x, side, place), _weight_panel(data, place))
    return Frame(panels, _words(offset, found, bounds), "neutral" if offset else "edge")


def _words(offset: float, found: np.ndarray, bounds: np.ndarray) -> str:
    largest = f"up to η = {2 / found.max():.4f}, where 2/η is the {'sharpness' if offset else 'larger one'}."
    if offset:
        return f"One mode. Its sharpness is {found[0]:.4f}, and the bound {bounds[1]:.4f}. Stable {largest}"
    return (f"Two modes: {found[0]:.4f} where the neuron is silent on the sample, {found[1]:.4f} where it is active. "
            f"The bounds: {bounds[0]:.4f} with g_low for both, {bounds[1]:.4f} with g for the silent one, "
            f"{bounds[2]:.4f} with g_up for the sharper one. Strongly stable {largest}")


@lru_cache
def _case(x: tuple[float, ...], side: float, place: float) -> Case:
    return one_neuron(x, place, int(side))


def _sharpness(x: tuple[float, ...], side: float, place: float) -> np.ndarray:
    """λ_max of every mode, silent first; one off the sample."""
    case = _case(x, side, place)
    return modes.sharpnesses(case.net, case.data)


def _bounds(x: tuple[float, ...], side: float, place: float) -> np.ndarray:
    """1 + 2∫|f''| times g_low, g and g_up."""
    case, weights = _case(x, side, place), (smoothness.g_low, smoothness.g, smoothness.g_up)
    return np.array([smoothness.sharpness_bound(case.net, case.data, weight) for weight in weights])


@lru_cache
def _curves(x: tuple[float, ...], side: float) -> tuple[Mark, ...]:
    """Sharpness and bound, each before and behind the sample."""
    marks = []
    for direction in (-1, 1):
        places = x[1] + direction * np.linspace(REACH, HAIR, 17)
        label = direction < 0
        marks += [
            Mark("line", places, [_sharpness(x, side, place)[0] for place in places], "λ_max" * label, "sharpness"),
            Mark("line", places, [_bounds(x, side, place)[1] for place in places], "1 + 2∫|f''| g" * label, "bound"),
        ]
    return tuple(marks)


def _sharpness_panel(x: tuple[float, ...], side: float, place: float) -> Panel:
    curves, found = _curves(x, side), _sharpness(x, side, place)
    names = ("silent on the sample", "active on it") if found.size > 1 else ("the network",)
    points = [Mark("points", (place,), (each,), name, role)
              for each, name, role in zip(found, names, ("model", "curvature"), strict=False)]
    bound = Mark("points", (place,), (_bounds(x, side, place)[1],), "the bound at the knot", "data")
    heights = np.concatenate([mark.y for mark in curves])
    margin = 0.1 * np.ptp(heights)
    limits = (x[1] - REACH - 0.05, x[1] + REACH + 0.05)
    return Panel("Sharpness", "place of the knot", "λ_max", limits, (heights.min() - margin, heights.max() + margin),
                 marks=(*curves, *points, bound))


@lru_cache
def _sides(x: tuple[float, ...]) -> tuple[Mark, ...]:
    data, marks = Dataset(x, np.zeros(len(x))), []
    for direction in (-1, 1):
        places, label = x[1] + direction * np.linspace(REACH, HAIR, 17), direction < 0
        marks += [Mark("line", places, smoothness.g_plus(places, data), "g⁺" * label, "curvature"),
                  Mark("line", places, smoothness.g_minus(places, data), "g⁻" * label, "weight")]
    return tuple(marks)


def _weight_panel(data: Dataset, place: float) -> Panel:
    x = tuple(data.x.tolist())
    curves, top = _sides(x), max(max(mark.y) for mark in _sides(x))
    at = Mark("points", (place,), (smoothness.g(place, data),), "g at the knot", "data")
    limits = (x[1] - REACH - 0.05, x[1] + REACH + 0.05)
    return Panel("The weight", "x", "g⁺(x), g⁻(x)", limits, (0, 1.1 * top), marks=(*curves, at))
