"""The sliders of chapter VI: what data and step size forbid, and the three factors of the weight."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np
from scipy import stats

from ledgerbook.explorer import Control, Explorer, Frame, Mark, Panel
from stableminima import smoothness
from stableminima.network import Dataset

SPREADS = (0.25, 0.5, 1.0, 2.0, 4.0)
SIZES = (3, 5, 10, 30, 100, 1000)
STEPS = (0.01, 0.03, 0.1, 0.3, 1.0)
MOST = 1e4  # changes of slope are drawn up to this


def weight(seed: int = 0) -> Explorer:
    """Spread and number of Gaussian samples, and the step size, against the weight and what it forbids."""
    populations = {spread: _population(spread) for spread in SPREADS}
    return Explorer(
        "What the data and the step size forbid",
        "Samples from a Gaussian population. First: the weight g of the samples, and of the population. Second: the "
        "largest change of slope that a function may have at a single knot, if gradient descent is to be stable at "
        "any of its implementations: (1/η - 1/2)/g. Third: the sharpness that one knot at the heaviest place forces, "
        "with 2/η. The x axes follow the spread.",
        [
            Control("spread of the data", SPREADS, tuple(f"{spread:g}" for spread in SPREADS), start=2),
            Control("number of samples", SIZES, tuple(f"{size}" for size in SIZES), start=2),
            Control("step size η", STEPS, tuple(f"{eta:g}" for eta in STEPS), start=2),
        ],
        partial(_frame, populations, seed),
        print_at=((1, 2, 2), (2, 2, 2), (2, 5, 2), (2, 2, 4)),
    )


def _population(spread: float) -> Mark:
    grid = np.linspace(-3.2 * spread, 3.2 * spread, 33)
    return Mark("line", grid, smoothness.population_g(grid, stats.norm(0, spread)), "g of the population", "other")


def _frame(populations: Mapping[float, Mark], seed: int, spread: float, size: float, eta: float) -> Frame:
    sample = spread * stats.norm.ppf(np.random.default_rng(seed).uniform(size=int(size)))
    data = Dataset(sample, np.zeros(sample.size))
    grid = np.linspace(-3.2 * spread, 3.2 * spread, 129)
    found, allowed = smoothness.g(grid, data), 1 / eta - 0.5
    most = allowed / np.maximum(found, allowed / (2 * MOST))
    at = int(found.argmax())
    words = (
        f"2/η = {2 / eta:.4g}. A stable function has ∫|f''|g of at most 1/η - 1/2 = {allowed:.4g}. "
        f"At x = {grid[at]:.2g}, where the weight is largest, its slope may change by at most {most[at]:.3g}; outside "
        "the data there is no limit."
    )
    first = _weight_panel(grid, found, data, populations[spread])
    return Frame((first, _limit_panel(grid, most), _force_panel(found.max(), eta)), words)


def _weight_panel(grid: np.ndarray, found: np.ndarray, data: Dataset, population: Mark) -> Panel:
    shown = data.x[np.abs(data.x) < grid[-1]]
    marks = (
        Mark("line", grid, found, "g of the samples", "weight"),
        population,
        Mark("points", shown, np.zeros(shown.size), "samples", "data"),
    )
    top = 1.1 * max(found.max(), max(population.y))
    return Panel("The weight", "x", "g(x)", (grid[0], grid[-1]), (0, top), marks=marks)


def _limit_panel(grid: np.ndarray, most: np.ndarray) -> Panel:
    marks = (Mark("line", grid, most, "largest change of slope at x", "bound"),)
    return Panel("What is allowed", "x", "change of slope", (grid[0], grid[-1]), (0.1, MOST), yscale="log", marks=marks)


def _force_panel(heaviest: float, eta: float) -> Panel:
    bends = np.geomspace(0.1, MOST, 61)
    marks = (
        Mark("line", bends, np.minimum(1 + 2 * heaviest * bends, 1e4), "1 + 2 · change of slope · g", "sharpness"),
        Mark("level", (), (2 / eta,), "2/η", "threshold"),
    )
    return Panel("What one knot forces", "change of slope", "sharpness", (0.1, MOST), (1, 1000), "log", "log", marks)


# ---- the three factors of g -----------------------------------------------------------------------------------------


def three_factors(data: Dataset, places: int = 33) -> Explorer:
    """A knot that moves through the data, the two neurons that may be there, and what g⁺ and g⁻ are made of."""
    edge = np.abs(data.x).max() + 0.3
    knots = np.linspace(-edge, edge, places).round(2)
    return Explorer(
        "A neuron opening either way",
        "Left: two neurons with the same knot, one open to the right and one to the left; a function with that bend "
        "may be made with either. Middle: the three factors of g⁺ and g⁻. Right: g⁺, g⁻ and the knot; g is the lower "
        "of the two.",
        [Control("knot τ", tuple(knots), tuple(f"{knot:g}" for knot in knots), start=places // 2 + 4)],
        partial(_factor_frame, data, edge),
        print_at=((places // 4,), (places // 2 + 4,)),
    )


def _factors(knot: float, x: np.ndarray, side: int) -> np.ndarray:
    """P², the mean distance to the knot, and √(1 + mean²) of the samples beyond it; zeros where there are none."""
    beyond = x[side * (x - knot) > 0]
    if not beyond.size:
        return np.zeros(3)
    return np.array([(beyond.size / x.size) ** 2, abs(beyond.mean() - knot), np.hypot(1, beyond.mean())])


def _factor_frame(data: Dataset, edge: float, knot: float) -> Frame:
    right, left = (_factors(knot, data.x, side) for side in (1, -1))
    told = " ".join(
        f"Open to the {way}, a neuron sees {np.sum(side * (data.x - knot) > 0)} of {data.n} samples: "
        f"{name} = {factors[0]:.3g} · {factors[1]:.3g} · {factors[2]:.3g} = {factors.prod():.3g}."
        for way, name, side, factors in (("right", "g⁺", 1, right), ("left", "g⁻", -1, left))
    )
    smaller = min(right.prod(), left.prod())
    words = f"{told} g = {smaller:.3g}, " + (
        "so outside the data a bend costs nothing." if not smaller else
        f"that of the {'right' if right.prod() < left.prod() else 'left'}.")
    return Frame((_two_neurons(data, edge, knot), _factor_panel(right, left), _sides_panel(data, edge, knot)), words)


def _two_neurons(data: Dataset, edge: float, knot: float) -> Panel:
    marks = (
        Mark("line", (-edge, knot, edge), (0, 0, edge - knot), "open to the right", "model"),
        Mark("line", (-edge, knot, edge), (knot + edge, 0, 0), "open to the left", "curvature"),
        Mark("points", data.x, np.zeros(data.n), "samples", "data"),
    )
    return Panel("Two neurons, one knot", "x", "output", (-edge, edge), (-0.2, 2 * edge), marks=marks)


def _factor_panel(right: np.ndarray, left: np.ndarray) -> Panel:
    places = np.arange(1, 4)
    marks = (Mark("stems", places - 0.08, right, "g⁺", "model"), Mark("stems", places + 0.08, left, "g⁻", "curvature"))
    return Panel("The three factors", "1: P², 2: mean distance, 3: root", "factor", (0.5, 3.5), (0, 4.2), marks=marks)


def _sides_panel(data: Dataset, edge: float, knot: float) -> Panel:
    grid = np.linspace(-edge, edge, 241)
    plus, minus = smoothness.g_plus(grid, data), smoothness.g_minus(grid, data)
    top = 2.5 * np.minimum(plus, minus).max()
    here = smoothness.g_plus(knot, data), smoothness.g_minus(knot, data)
    marks = (
        Mark("line", grid, plus, "g⁺", "model"),
        Mark("line", grid, minus, "g⁻", "curvature"),
        Mark("points", data.x, np.zeros(data.n), "", "data"),
        Mark("line", (knot, knot), (0, top), "", "other"),
        Mark("points", (knot, knot), np.minimum(here, 2 * top), "at the knot", "weight"),
    )
    return Panel("The two sides of the weight", "x", "weight", (-edge, edge), (-0.03 * top, top), marks=marks)
