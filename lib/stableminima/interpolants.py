"""How little an interpolant can bend, how flat it can be, and the step sizes that this forbids.

Two convex problems over all functions through the data, whatever the width of the network:

* the smallest ∫|f''| g, in closed form. Theorem 1 forbids every step size above η₁ = 1/(minimum + 1/2);
* the smallest sharpness, a semidefinite programme. No interpolant is linearly stable above η₂ = 2/minimum ≤ η₁.

A neuron w2 σ(w1 x + b1) = c σ(s(x - τ)) with side s = ±1 has the bend c = |w1| w2 and the share v = w2². The second
problem is the programme of :mod:`~stableminima.flattest` over all sides and thresholds.
"""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import flattest, tangent
from .arguments import finite, number, vector
from .network import Dataset, Network
from .threads import one_thread

Array = NDArray[np.float64]
NUDGE = 1e-7  # thresholds stay this far from samples, in units of the gap between the samples
ROUNDS = 30


# ---- the smallest ∫|f''| g --------------------------------------------------------------------------------------


def weight_limits(data: Dataset) -> tuple[Array, Array]:
    """g(x_j-) and g(x_j+) at the samples in increasing order, each of shape (n,): g jumps there.

    Examples
    --------
    >>> before, after = weight_limits(Dataset([1, -1, 3], [0, 0, 0]))
    >>> before.round(4).tolist(), after.round(4).tolist()
    ([0.0, 0.3143, 0.0], [0.0, 0.4444, 0.0])
    """
    x = np.sort(data.x)
    plus_before, plus_after = _plus_limits(x)
    minus_after, minus_before = (limit[::-1] for limit in _plus_limits(-x[::-1]))
    return np.minimum(plus_before, minus_before), np.minimum(plus_after, minus_after)


def _plus_limits(x: Array) -> tuple[Array, Array]:
    """g⁺(x_j-) and g⁺(x_j+) at increasing samples: with and without x_j among the samples above."""
    count, total = np.arange(x.size, 0, -1), np.cumsum(x[::-1])[::-1]
    excess = (total - count * x) / x.size**2
    return excess * np.hypot(count, total), excess * np.hypot(count - 1, total - x)


def smoothest_norm(data: Dataset) -> float:
    """inf ∫|f''| g over all interpolants: Σ_j |s_j - s_{j-1}| min(g(x_j-), g(x_j+)) with the slopes s_j of the chords.

    In general it is approached, by :func:`smoothest_interpolant`, and not attained.

    Examples
    --------
    >>> round(smoothest_norm(Dataset([-1, 0, 1], [1, 0, 1])), 4)        # |x| bends by 2, where g is 0.1571
    0.3143
    """
    order = np.argsort(data.x)
    slopes = np.diff(data.y[order]) / np.diff(data.x[order])
    return float(np.abs(np.diff(slopes)) @ np.minimum(*weight_limits(data))[1:-1])


def largest_step_size(data: Dataset) -> float:
    """η₁ = 1/(smoothest norm + 1/2): above it Theorem 1 lets no interpolant be stable. At most 2.

    Examples
    --------
    >>> largest_step_size(Dataset([-1, 0, 1], [2, 2, 2]))
    2.0
    """
    return 1 / (smoothest_norm(data) + 0.5)


def smoothest_interpolant(data: Dataset, nudge: float = NUDGE) -> Network:
    """An interpolant whose ∫|f''| g tends to the infimum as ``nudge`` → 0: it connects the dots but for corners.

    One knot lies beside each inner sample, on the side where g is smaller, ``nudge`` times the gap away; 0 connects
    the dots exactly, with knots on samples, where the loss is not twice differentiable.

    Raises
    ------
    ValueError
        If ``nudge`` is not in [0, 0.5), or there are fewer than two samples.

    Examples
    --------
    >>> smoothest_interpolant(Dataset([-1, 0, 1], [1, 0, 1]), nudge=0)([-1, -0.5, 0.25]).round(12).tolist()
    [1.0, 0.5, 0.25]
    """
    if not (isinstance(nudge, Real) and 0 <= nudge < 0.5):
        raise ValueError(f"nudge must be at least 0 and below 0.5, got {nudge}")
    if data.n < 2:
        raise ValueError("data must hold at least two samples; through one, every constant is an interpolant")
    x, (before, after) = np.sort(data.x), weight_limits(data)
    gap = np.diff(x)
    shift = np.where((before < after)[1:-1], -gap[:-1], gap[1:])
    knots = np.append(x[0] - 1, x[1:-1] + nudge * shift)  # the first gives f its slope, outside the data
    values = np.maximum(np.subtract.outer(data.x, knots), 0)
    weights = np.linalg.solve(np.column_stack([values, np.ones(data.n)]), data.y)
    return Network(np.ones(knots.size), -knots, weights[:-1], weights[-1])


# ---- the smallest sharpness ------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Pieces:
    """All ways in which a neuron can meet the samples: its side, which of them it is active on, and where τ may be.

    side, low, high : shape (2n,); low < τ < high. active : zeros and ones of shape (2n, n).
    width : what an unbounded range counts as, the standard deviation of the samples.
    """

    side: Array
    active: Array
    low: Array
    high: Array
    width: float

    @classmethod
    def of(cls, x: Array) -> _Pieces:
        at = np.sort(x)
        active = np.vstack([x >= at[:, None], x <= at[:, None]]).astype(float)
        below, above = np.append(-np.inf, at[:-1]), np.append(at[1:], np.inf)
        width = float(np.std(x)) or 1.0
        return cls(np.repeat([1.0, -1.0], x.size), active, np.append(below, at), np.append(at, above), width)

    @property
    def single(self) -> NDArray[np.bool_]:
        """Where the neuron is active on one sample, so that all that counts is its value there, and not τ."""
        return self.active.sum(axis=1) == 1

    @property
    def middle(self) -> Array:
        """The middle of each range."""
        low = np.where(np.isfinite(self.low), self.low, self.high - self.width)
        return (low + np.where(np.isfinite(self.high), self.high, low + self.width)) / 2

    def start(self) -> tuple[NDArray[np.int_], Array]:
        """Pieces and thresholds to begin with: the middle of each range, and its finite ends where τ counts."""
        every = np.arange(self.single.size)
        left, right = (np.flatnonzero(np.isfinite(end) & ~self.single) for end in (self.low, self.high))
        thresholds = self.middle, self.inside(self.low)[left], self.inside(self.high)[right]
        return np.concatenate([every, left, right]), np.concatenate(thresholds)

    def inside(self, tau: Array) -> Array:
        """One threshold for each piece, moved off the samples."""
        gap = self.high - self.low
        nudge = NUDGE * np.where(np.isfinite(gap), gap, self.width)
        return np.clip(tau, self.low + nudge, self.high - nudge)


def certified_sharpness(data: Dataset, density: ArrayLike, multipliers: ArrayLike) -> float:
    """A lower bound on the sharpness of every interpolant of every width, whatever Q and ν it is computed from.

    Q, shape (n, n), is made a density matrix (positive semidefinite, trace 1); ν, shape (n,), is centred and divided
    by the largest ratio |νᵀσ_τ| / ((2/n) √(⟨Q,M_τ⟩⟨Q,N_τ⟩)) over both sides and *all* thresholds τ, which has a closed
    form between samples. The bound is 1ᵀQ1/n + |νᵀy|. With knots on samples it holds in every mode.

    Raises
    ------
    ValueError
        If a shape is wrong, a value is not finite, or Q has no positive eigenvalue.

    Examples
    --------
    >>> data = Dataset([-1, 0, 1], [1, 0, 1])
    >>> round(certified_sharpness(data, np.ones((3, 3)), [1, -2, 1]), 4)        # Lemma 4 gives 1.6285
    1.6285
    """
    density = flattest.as_density(finite("density", density, (data.n, data.n)))
    multipliers = vector("multipliers", multipliers, data.n)
    return _dual_value(data, density, _feasible(data, density, multipliers))


def _dual_value(data: Dataset, density: Array, multipliers: Array) -> float:
    return float(density.mean() * data.n + multipliers @ data.y)


def _feasible(data: Dataset, density: Array, multipliers: Array) -> Array:
    """ν centred, scaled until its largest ratio is 1, and of the sign for which νᵀy ≥ 0."""
    multipliers = multipliers - multipliers.mean()
    ratio = _worst(_Pieces.of(data.x), data.x, density, multipliers)[0].max()
    return multipliers * (np.copysign(1, multipliers @ data.y) / ratio if ratio > 0 else 0.0)


def _worst(pieces: _Pieces, x: Array, density: Array, multipliers: Array) -> tuple[Array, Array]:
    """For each piece the largest ratio |νᵀσ_τ| / ((2/n) √(⟨Q,M_τ⟩⟨Q,N_τ⟩)), and a threshold where it is attained.

    With νᵀσ = ±(α + βτ) and ⟨Q,N⟩ = a + bτ + cτ², where a + c = ⟨Q,M⟩, it has one stationary point, at
    (αb - 2βa)/(βb - 2αc). On all samples β is 0, so that it falls to 0 at infinity; on a single one it is constant.
    σ_τ does not feel where x and τ are counted from: from the mean, so that little cancels. M does.
    """
    centre, active = x.mean(), pieces.active
    moment = active * (x - centre)
    alpha, beta = moment @ multipliers, np.where(active.all(axis=1), 0.0, -active @ multipliers)
    root = flattest.root(density)
    first, second = moment @ root, active @ root
    a, b, c = (first**2).sum(1), -2 * (first * second).sum(1), (second**2).sum(1)
    bounds = pieces.low - centre, pieces.high - centre
    low, high = (np.where(np.isfinite(end), end, other) for end, other in (bounds, bounds[::-1]))
    with np.errstate(divide="ignore", invalid="ignore"):
        stationary = (alpha * b - 2 * beta * a) / (beta * b - 2 * alpha * c)
    tau = np.array([low, high, np.where((stationary > bounds[0]) & (stationary < bounds[1]), stationary, low)])
    tau[:, pieces.single] = pieces.middle[pieces.single] - centre
    costs = flattest.least_costs(active * x, active, moment - tau[..., None] * active, density)
    ratio = np.abs(alpha + beta * tau) / costs
    best, each = ratio.argmax(axis=0), np.arange(alpha.size)
    return ratio[best, each], tau[best, each] + centre


@dataclass(frozen=True, eq=False)
class Flattest:
    """The smallest sharpness of any interpolant, between two bounds that are each proved by what is held here.

    Attributes
    ----------
    net : an interpolant with no threshold on a sample. sharpness : its sharpness, an upper bound.
    bound : 1ᵀQ1/n + νᵀy ≤ the sharpness of every interpolant. density : Q, shape (n, n). multipliers : ν, shape (n,).
    """

    net: Network
    sharpness: float
    bound: float
    density: Array
    multipliers: Array

    @property
    def step_size(self) -> float:
        """η₂ = 2/bound: above it no interpolant of any width is linearly stable; below 2/sharpness ``net`` is."""
        return 2 / self.bound


@one_thread()
def flattest_interpolant(data: Dataset, gap: float = 1e-4) -> Flattest:
    """The flattest interpolant over all widths, with a proof that none is flatter by more than the share ``gap``.

    Minimises λ_max((11ᵀ + Σ v M + Σ (c²/v) N)/n) over v and c for finitely many thresholds, adds the thresholds where
    the dual solution violates its constraints most, and repeats until sharpness ≤ (1 + gap) · bound.

    Raises
    ------
    ValueError
        If ``gap`` is infinite or below 1e-5: the solver's accuracy is about 1e-6.
    ArithmeticError
        If the solver fails or the gap does not close. Known to work where inputs spread over 1e-3 to 1e6, at most a
        million spreads from 0, and labels over 1e-6 to 1e6: years from 1990 to 2020, or 0 to 1000, as they are.

    Examples
    --------
    >>> found = flattest_interpolant(Dataset([-1, 0, 1], [1, 0, 1]))
    >>> round(found.bound, 3), found.sharpness < 1.0001 * found.bound
    (1.765, True)
    """
    number("gap", gap, 1e-5)
    pieces = _Pieces.of(data.x)
    index, tau = pieces.start()
    for _ in range(ROUNDS):
        net, density, multipliers = _solve(data, pieces, index, tau)
        found = _flattest(net, data, density, multipliers)
        if found.sharpness <= (1 + gap) * found.bound:
            return found
        ratio, worst = _worst(pieces, data.x, density, multipliers)
        more = np.flatnonzero(ratio > 1 + gap / 10)
        index, tau = np.append(index, more), np.append(tau, pieces.inside(worst)[more])
    raise flattest.OpenGap(found.bound, found.sharpness)


def _flattest(net: Network, data: Dataset, density: Array, multipliers: Array) -> Flattest:
    """What the network and the dual solution prove; nothing here relies on the solver's accuracy."""
    multipliers = _feasible(data, density, multipliers)
    bound = _dual_value(data, density, multipliers)
    return Flattest(net, tangent.interpolation_sharpness(net, data), bound, density, multipliers)


def _solve(data: Dataset, pieces: _Pieces, index: NDArray[np.int_], tau: Array) -> tuple[Network, Array, Array]:
    """The flattest interpolant with the neurons that ``index`` and ``tau`` name, and Q and ν of the dual problem.

    The units of x cannot be changed: M knows them. Those of the programme can. With m_i² = tr M_i, l_i² = tr N_i,
    α = max m_i and b_i² = m_i/α the solver is given (b_i/m_i)² M_i and (b_i/l_i)² N_i, the sharpness divided by T, and
    the labels centred and divided by T/α, where T is α times their norm (or 1, so that 11ᵀ/T stays bounded). Then

        v_i = T (b_i/m_i)² v'_i,   u_i = T (b_i/l_i)² u'_i,   c_i = T c'_i/(α l_i),   ν = α ν',

    and uv = c² and the fit Σ c'_i σ_i/l_i + offset' = (y - ȳ) α/T hold as before, whatever x and y are measured in.
    """
    side = pieces.side[index]
    bare = Network(side, -side * tau, np.ones(index.size), 0)
    blocks = tangent.blocks(bare, data.x, pieces.active[index].T)
    moment, length = np.linalg.norm(blocks[:2], axis=(0, 2)), np.linalg.norm(blocks[2], axis=1)
    largest, labels = moment.max(), data.y - data.y.mean()
    total = max(1.0, largest * np.linalg.norm(labels))
    balance = np.sqrt(moment / largest)
    units = np.stack([balance / moment, balance / moment, balance / length])
    found = flattest.solve(units[..., None] * blocks, labels=labels * (largest / total),
                           values=blocks[2] / length[:, None], offset=1 / total)
    ratio = np.sqrt(np.maximum(found.v, NUDGE) / np.maximum(found.u, NUDGE)) * length / moment
    bends = found.bends * (total / largest) / length
    return _network(data, side, tau, bends, ratio), found.density, largest * found.multipliers


def _network(data: Dataset, side: Array, tau: Array, bend: Array, ratio: Array) -> Network:
    """The network with these bends c and ratios |w2|/|w1|, the bends moved a little so that it interpolates."""
    sigma = np.maximum(side * (data.x[:, None] - tau), 0)
    length = np.linalg.norm(sigma, axis=0)
    terms = np.column_stack([sigma / length, np.ones(data.n)])
    offset = np.mean(data.y - sigma @ bend)
    for _ in range(3):  # each time what rounding left of the last
        change = np.linalg.lstsq(terms, data.y - offset - sigma @ bend)[0]
        bend, offset = bend + change[:-1] / length, offset + change[-1]
    first = side * np.sqrt(np.abs(bend) / ratio)
    return Network(first, -first * tau, np.sign(bend) * np.sqrt(np.abs(bend) * ratio), offset)
