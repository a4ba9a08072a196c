"""The flattest implementation of a function, over all widths, and a proof (XI.4).

A piecewise linear f is known by its bends m at the knots τ, its slope F at +∞ and a constant, which b2 gives for free.
A network of whatever width represents f exactly if its neurons c σ(s(x - τ)) obey

    c⁺_τ + c⁻_τ = f''({τ}) at every τ, 0 where f has no knot,   and   Σ_τ c⁺_τ = F,

where + and - name the side to which a neuron opens. With ρ^±(τ) = (2/n)√(⟨Q,M⟩⟨Q,N⟩), the least that a neuron adds for
each unit of |c|, every implementation has for every density matrix Q and every s with |s| ≤ ρ⁺ + ρ⁻ everywhere

    λ_max(ΦᵀΦ/n) ≥ 1ᵀQ1/n + s F + Σ_τ min(|m_τ| ρ⁻(τ), |m_τ| ρ⁺(τ) - s m_τ).

The largest of these bounds is the infimum Λ(f). s is the price of a slope, which neurons in pairs can give that cancel.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import flattest, tangent
from .arguments import finite, number
from .network import Dataset, Network
from .rescaling import flattest_rescaling
from .threads import one_thread

Array = NDArray[np.float64]
NUDGE = 1e-7  # thresholds of new pairs stay this far from samples, in units of the gap between the samples
ROUNDS = 12
CLOSE = 1e-9  # knots of f stay this far from samples, in units of the gap: what is nearer is moved to that distance
CHEAP = 1e-4  # of what the other side costs: a side that is cheaper counts as that in the programme's units
TINY = (1e-9, 1e-3)  # of the whole sharpness: a neuron that costs no more is left out, whichever of the two is flatter


@dataclass(frozen=True, eq=False)
class Shape:
    """What an implementation must have of f on the range of the data: the knots between samples, and a slope.

    Attributes
    ----------
    knots, masses : arrays of shape (m,), positions increasing, all between the outermost samples.
    slope : f' to the right of the last of these knots.
    """

    knots: Array
    masses: Array
    slope: float


def shape(net: Network, data: Dataset) -> Shape:
    """The bends and the slope of f on the range of the data. Knots outside cost nothing: no sample sees them.

    A knot nearer to a sample than 1e-9 of the gap between samples is moved to that distance, on the side where it is.

    Raises
    ------
    ValueError
        If f has a knot on a sample: then no implementation has a Hessian there.

    Examples
    --------
    >>> found = shape(Network([1, -1], [0, 0], [1, 1], 0), Dataset([-1, 2], [1, 2]))        # |x|
    >>> found.knots.tolist(), found.masses.tolist(), found.slope
    ([0.0], [2.0], 1.0)
    """
    bends = (net.w1 != 0) & (net.w2 != 0)
    tau, first, second = _off_samples(net, data)[bends], net.w1[bends], net.w2[bends]
    position, index = np.unique(tau, return_inverse=True)
    mass = np.zeros(position.size)
    np.add.at(mass, index, np.abs(first) * second)
    inside = (position > data.x.min()) & (position < data.x.max()) & (mass != 0)
    last = position[inside][-1] if inside.any() else data.x.min()
    active = np.where(first > 0, tau <= last, tau > last)
    return Shape(position[inside], mass[inside], float((first * second)[active].sum()))


def _off_samples(net: Network, data: Dataset) -> Array:
    """The thresholds, with those within rounding of a sample moved a little away from it, to the side where they act.

    Where z is computed for a neuron that has the same threshold but another size, its sign could be another one.
    """
    tau, z = net.thresholds.copy(), net.preactivation(data.x)
    at = np.abs(data.x[:, None] - tau).argmin(axis=0)
    each, nearest = np.arange(tau.size), data.x[at]
    order = np.sort(data.x)
    gaps = np.diff(order, prepend=-np.inf, append=np.inf)
    room = np.minimum(gaps[:-1], gaps[1:])[np.searchsorted(order, nearest)]
    room = CLOSE * np.where(np.isfinite(room), room, 1.0)
    bends, close = (net.w1 != 0) & (net.w2 != 0), np.abs(tau - nearest) < room
    if (on := bends & (z[at, each] == 0)).any():
        raise ValueError(f"f has a knot on the sample {nearest[on][0]}, where no implementation has a Hessian: "
                         "move the knot off it, to the side whose mode is meant")
    right = (z[at, each] > 0) != (net.w1 > 0)
    return np.where(bends & close, nearest + np.where(right, room, -room), tau)


def side_costs(at: ArrayLike, data: Dataset, density: Array) -> tuple[Array, Array]:
    """ρ⁺ and ρ⁻ of thresholds that are on no sample, each of shape (m,): the cost of a neuron for each unit of bend."""
    at = np.asarray(at, dtype=float)
    return _cost(at, at, 1.0, data, density), _cost(at, at, -1.0, data, density)


def _cost(at: Array, inside: Array, side: float, data: Dataset, density: Array) -> Array:
    """ρ of thresholds ``at``, or its limit there from the side of the points ``inside``."""
    on = (side * (data.x - inside[:, None]) > 0).astype(float)
    return flattest.least_costs(on * data.x, on, side * (data.x - at[:, None]) * on, density)


def least_pair_cost(data: Dataset, density: Array) -> tuple[float, Array]:
    """inf_τ (ρ⁺ + ρ⁻) over thresholds on no sample, and where it is smallest in each gap between samples and outside.

    Within a gap both are norms of what is affine in τ, so that their sum is convex: bisection on its slope finds the
    smallest value, and misses it by less than rounding. The gaps are left open; their ends count as limits.
    """
    x = np.sort(data.x)
    width = max(float(np.ptp(x)), np.abs(x).max() * 1e-3, 1e-3)
    low, high = np.append(x[0] - 1e3 * width, x), np.append(x, x[-1] + 1e3 * width)
    middle, start, end = (low + high) / 2, low.copy(), high.copy()
    for _ in range(60):
        at = (start + end) / 2
        uphill = _pair_slope(at, middle, data, density) > 0
        start, end = np.where(uphill, start, at), np.where(uphill, at, end)
    ends = np.array([low, (start + end) / 2, high])
    costs = np.array([_cost(at, middle, 1.0, data, density) + _cost(at, middle, -1.0, data, density) for at in ends])
    best, each = costs.argmin(axis=0), np.arange(low.size)
    nudge = NUDGE * np.minimum(high - low, width)
    return float(costs.min()), np.clip(ends[best, each], low + nudge, high - nudge)


def _pair_slope(at: Array, inside: Array, data: Dataset, density: Array) -> Array:
    """The derivative of ρ⁺ + ρ⁻ in τ, in the pattern of the points ``inside``."""
    half, total = flattest.root(density), np.zeros(at.size)
    for side in (1.0, -1.0):
        on = (side * (data.x - inside[:, None]) > 0).astype(float)
        moment, count, value = on * data.x @ half, on @ half, (data.x - at[:, None]) * on @ half
        length = np.linalg.norm(value, axis=1)
        total -= np.hypot(*(np.linalg.norm(each, axis=1) for each in (moment, count))) * np.divide(
            (value * count).sum(axis=1), length, out=np.zeros(at.size), where=length > 0)
    return total


def function_bound(net: Network, data: Dataset, density: ArrayLike, price: float | None = None) -> float:
    """What a density matrix Q proves of every implementation of f, at the best price s of a slope, or at a given one.

    Q is made a density matrix; a given price is cut off at the least ρ⁺ + ρ⁻. Q = 11ᵀ/n at the price 0 is Lemma 4.

    Raises
    ------
    ValueError
        If Q has another shape than (n, n) or no positive eigenvalue, or f has a knot on a sample.

    Examples
    --------
    >>> absolute, data = Network([1, -1], [0, 0], [1, 1], 0), Dataset([-1, 1], [1, 1])
    >>> round(function_bound(absolute, data, np.ones((2, 2)), price=0), 4)         # 1 + 2∫|f''|g
    2.4142
    """
    density = flattest.as_density(finite("density", density, (data.n, data.n)), floor=0.0)
    return _best_price(shape(net, data), data, density, price)[0]


def _best_price(of: Shape, data: Dataset, density: Array, price: float | None = None) -> tuple[float, float]:
    """The largest bound and its s. It is concave and piecewise linear in s: the best is at a corner or an end."""
    plus, minus = side_costs(of.knots, data, density)
    most = least_pair_cost(data, density)[0]
    corners = np.sign(of.masses) * (plus - minus) if price is None else np.array([price], dtype=float)
    tried = np.clip(np.concatenate([corners, [most, -most, 0.0] if price is None else []]), -most, most)
    turned = np.abs(of.masses) * plus - np.multiply.outer(tried, of.masses)
    values = tried * of.slope + np.minimum(np.abs(of.masses) * minus, turned).sum(axis=1)
    best = values.argmax()
    return float(density.sum() / data.n + values[best]), float(tried[best])


@dataclass(frozen=True, eq=False)
class FlattestImplementation:
    """Λ(f), the infimum of λ_max(ΦᵀΦ/n) over the implementations of f, between two bounds that are proved.

    Attributes
    ----------
    net : an implementation of f, with no threshold on a sample. sharpness : its λ_max(ΦᵀΦ/n), an upper bound.
    bound : what ``density``, Q of shape (n, n), and ``price``, s, prove of every implementation.
    """

    net: Network
    sharpness: float
    bound: float
    density: Array
    price: float

    @property
    def gap(self) -> float:
        """By what share the two bounds differ."""
        return self.sharpness / self.bound - 1


@one_thread()
def flattest_implementation(net: Network, data: Dataset, gap: float = 1e-5) -> FlattestImplementation:
    """The flattest network that represents the same function, over all widths, and a proof (XI.4).

    Solves the programme for both sides of each knot and for cancelling pairs in a few places, adds pairs where the
    dual solution violates its constraint, and measures what was found: the network by the flattest rescaling of it,
    which is exact, and the bound at the best of the two density matrices.

    Raises
    ------
    ValueError
        If f has a knot on a sample, or ``gap`` is infinite or below 1e-7: the solver's accuracy is about 1e-8.
    OpenGap
        If the gap does not close.
    ArithmeticError
        If the solver fails.

    Examples
    --------
    >>> line = Network([2, 1], [3, 1.5], [-1, 3], 0)
    >>> found = flattest_implementation(line, Dataset([-1, 0, 1], [0, 0, 0]))
    >>> round(tangent.interpolation_sharpness(line, Dataset([-1, 0, 1], [0, 0, 0])), 2), round(found.sharpness, 2)
    (24.79, 1.89)
    """
    number("gap", gap, 1e-7)
    of = shape(net, data)
    pairs = least_pair_cost(data, np.eye(data.n) / data.n)[1]
    for _ in range(ROUNDS):
        written, density = _written(net, data, of, pairs)
        tried = (flattest_rescaling(each, data, gap / 100) for each in written)
        closer = min(tried, key=lambda each: each.sharpness)
        proved = [(*_best_price(of, data, each), each) for each in (closer.density, density)]
        lower, price, density = max(proved, key=lambda each: each[0])
        if closer.sharpness <= (1 + gap) * lower:
            return FlattestImplementation(closer.net, closer.sharpness, lower, density, price)
        pairs = np.unique(np.append(pairs, least_pair_cost(data, density)[1]))
    raise flattest.OpenGap(lower, closer.sharpness)


def _written(net: Network, data: Dataset, of: Shape, pairs: Array) -> tuple[list[Network], Array]:
    """f with its knots' masses split between both sides as is best, and pairs at some thresholds; and Q.

    Where many splits are nearly as good the solver leaves some of a bend where none belongs, more than its tolerance.
    So f is written twice, with little and with much of that taken away.

    In units in which M and N have trace 1, the programme's numbers are near 1. Beside a sample one side of a knot may
    cost next to nothing, and must not make the other side's bend a rounding error of its own.
    """
    place, mass = np.append(of.knots, pairs), np.append(of.masses, np.zeros(pairs.size))
    side, tau = np.repeat([1.0, -1.0], place.size), np.tile(place, 2)
    blocks = tangent.blocks(Network(side, -side * tau, np.ones(tau.size), 0), data.x)
    moment, length = np.linalg.norm(blocks[:2], axis=(0, 2)), np.linalg.norm(blocks[2], axis=1)
    sides = (moment * length).reshape(2, -1)
    total = max(1.0, np.abs(mass) @ sides.min(axis=0), np.abs(of.slope) * sides.sum(axis=0).min())
    cost = np.maximum(sides, CHEAP * sides.max(axis=0)).ravel()
    both, opens = np.tile(np.eye(place.size), 2), np.repeat([1.0, 0.0], place.size)
    rows, values = np.vstack([both, opens]) * (total / cost), np.append(mass, of.slope)
    largest = rows.max(axis=1)
    seen = np.where(moment > 0, moment, 1.0)  # a neuron that sees no sample may have any unit
    units = np.stack([seen, seen, cost / seen])
    found = flattest.solve(blocks / units[..., None], equations=(rows / largest[:, None], values / largest),
                           offset=1 / total)
    raw = found.bends[: place.size] * (total / cost)[: place.size]
    right = [_cleaned(raw, mass, of.slope, sides / total, tiny) for tiny in TINY]
    return [_network(net, data, tau, side, np.append(plus, mass - plus)) for plus in right], found.density


def _cleaned(plus: Array, mass: Array, slope: float, cost: Array, tiny: float) -> Array:
    """c⁺ without what only the solver's tolerance put there, and with the exact sum; c⁻ is the rest of each mass."""
    dearer = cost.max(axis=0)
    plus = np.where(np.abs(plus) * dearer < tiny, 0.0, plus)
    plus = np.where(np.abs(mass - plus) * dearer < tiny, mass, plus)
    split = np.minimum(np.abs(plus), np.abs(mass - plus)) * cost.min(axis=0)
    plus[split.argmax()] += slope - plus.sum()
    return plus


def _network(net: Network, data: Dataset, tau: Array, side: Array, bend: Array) -> Network:
    """The network of these neurons that is f, with a neuron for each knot outside the data, which no sample sees."""
    position, mass = net.knots
    left, right = position < data.x.min(), position > data.x.max()
    outside = np.repeat([-1.0, 1.0], [left.sum(), right.sum()])
    tau, side, bend = (np.concatenate(each) for each in (
        (tau, position[left], position[right]), (side, outside), (bend, mass[left], mass[right])))
    tau, side, bend = (each[bend != 0] if bend.any() else each[:1] for each in (tau, side, bend))
    first = side * np.sqrt(np.abs(bend))
    second = np.sign(bend) * np.abs(first)
    bare = Network(first, -first * tau, second, 0)
    return Network(first, bare.b1, second, np.mean(net(data.x) - bare(data.x)))
