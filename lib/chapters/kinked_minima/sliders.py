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
STEPS = tuple(2 / edge for edge in (1.03, 1.016, 1.008, 1.0045))
REACH, HAIR = 0.8, 1e-6


def crossing_knot() -> Explorer:
    """The place of a knot, the side to which its neuron opens, the samples and η, against the sharpness of modes."""
    names = tuple(", ".join(f"{each:g}" for each in x) for x in SAMPLES)
    return Explorer(
        "A knot crosses a sample",
        "One neuron, and three or four samples. Left: the sharpness of the network, and the bound 1 + 2∫|f''| g, while "
        "the knot moves through a sample; both jump there. On the sample two modes meet, one for either side: the "
        "neuron is silent on it or active. The black point is the bound at the knot. The step sizes are near 2, as "
        "this network is almost flat. Right: g⁺, g⁻ and, as a black point, g at the knot.",
        [
            Control("knot", OFFSETS, tuple(map(_where, OFFSETS)), start=OFFSETS.index(0.0)),
            Control("neuron opens", (1, -1), ("right", "left")),
            Control("samples", tuple(range(len(SAMPLES))), names),
            Control("step size η", STEPS, tuple(f"{eta:.4f}" for eta in STEPS), start=1),
        ],
        crossing_frame,
        print_at=((5, 0, 0, 1), (8, 0, 0, 1), (8, 0, 1, 3)),
    )


def _where(offset: float) -> str:
    return f"{abs(offset):g} {'before' if offset < 0 else 'behind'} the sample" if offset else "on the sample"


def crossing_frame(offset: float, side: float, which: float, eta: float) -> Frame:
    """The two panels for one place of the knot and one step size, and what is sharper than what, in words."""
    x = SAMPLES[int(which)]
    data, place = Dataset(x, np.zeros(len(x))), x[1] + offset
    found, bounds = _sharpness(x, side, place), _bounds(x, side, place)
    above = int((found > 2 / eta).sum())
    tone = "stable" if not above else "unstable" if above == found.size else "edge"
    return Frame((_sharpness_panel(x, side, place, eta), _weight_panel(data, place)),
                 f"{_words(found, bounds)} {_regime(found, above, eta)}", tone)


def _words(found: np.ndarray, bounds: np.ndarray) -> str:
    if found.size == 1:
        return f"One mode: sharpness {found[0]:.4f}, bound {bounds[1]:.4f}."
    return (f"Two modes: silent {found[0]:.4f}, active {found[1]:.4f}. Bounds: both {bounds[0]:.4f}, silent "
            f"{bounds[1]:.4f}, sharper {bounds[2]:.4f}.")


def _regime(found: np.ndarray, above: int, eta: float) -> str:
    two = found.size > 1
    where = "above" if not above else "between" if above < found.size else "below"
    verdict = f"{'not ' * bool(above)}{'strongly ' * two}stable"
    return f"2/η = {2 / eta:.5g} is {where} {'them' if two else 'it'}: {verdict}."


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


def _sharpness_panel(x: tuple[float, ...], side: float, place: float, eta: float) -> Panel:
    curves, found = _curves(x, side), _sharpness(x, side, place)
    names = ("silent", "active") if found.size > 1 else ("the network",)
    points = [Mark("points", (place,), (each,), name, role)
              for each, name, role in zip(found, names, ("model", "curvature"), strict=False)]
    bound = Mark("points", (place,), (_bounds(x, side, place)[1],), "", "data")
    level = Mark("level", (), (2 / eta,), "2/η", "threshold")
    heights = np.concatenate([*(mark.y for mark in curves), [2 / eta]])
    margin = 0.1 * np.ptp(heights)
    limits = (x[1] - REACH - 0.05, x[1] + REACH + 0.05), (heights.min() - margin, heights.max() + margin)
    return Panel("Sharpness, by the place τ of the knot", "τ", "λ_max", *limits,
                 marks=(*curves, level, *points, bound))


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
    at = Mark("points", (place,), (smoothness.g(place, data),), "", "data")
    limits = (x[1] - REACH - 0.05, x[1] + REACH + 0.05)
    return Panel("The weight", "τ", "g⁺(τ), g⁻(τ)", limits, (0, 1.1 * top), marks=(*curves, at))
