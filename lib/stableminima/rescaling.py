"""The flattest rescaling of a network: the same neurons, each moved between its two layers, and a proof (S81-S88).

Multiplying neuron i's first layer by β_i > 0 and dividing its second by it changes no value of f, but it changes the
Gram matrix at zero loss: n times it is 11ᵀ + Σ_i ((w2_i/β_i)² M_i + β_i² N_i), with M_i and N_i of the neuron as it is.
That is the programme of :mod:`~stableminima.flattest` with u_i = β_i² and the bends w2_i.

In t = log β it needs no constraint, and is solved by Newton's method to twelve digits. For a weight μ > 0 minimise

    s - μ log det(s - G(t))    over s > λ_max(G(t)),

which is convex. There Q = μ (s - G)⁻¹ is a density matrix under which the two terms of every neuron are equal, so that
what Q proves of every rescaling is s - nμ: the gap is nμ at most, and μ → 0 closes it, however many eigenvalues of G
meet at the top (XI.3).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import LinAlgError, cho_factor, cho_solve

from . import flattest, tangent
from .arguments import finite, positive
from .network import Dataset, Network
from .threads import one_thread

Array = NDArray[np.float64]
NEGLIGIBLE = 1e-8  # the length of the outputs that a neuron with w2 = 0 is left with
STEPS = 200  # of Newton's method; some ten are the rule
NEAR = 0.03  # the squared decrement from which on μ is made smaller
FALL = 1e-3  # by this factor at a time
PATIENCE = 6  # steps for one μ


@dataclass(frozen=True, eq=False)
class FlattestRescaling:
    """The smallest λ_max(ΦᵀΦ/n) over all rescalings, between two bounds that are each proved by what is held here.

    Attributes
    ----------
    net : the rescaled network. sharpness : its λ_max(ΦᵀΦ/n), an upper bound.
    bound : what ``density`` proves of every rescaling. density : Q, shape (n, n).
    attained : False where a neuron with w2 = 0 is active on a sample: then no larger factor of it is better than a
        smaller one, and if 1 + x_j x_l ≥ 0 for all pairs of samples each is worse (XI.5).
    """

    net: Network
    sharpness: float
    bound: float
    density: Array
    attained: bool = True

    @property
    def gap(self) -> float:
        """By what share the two bounds differ; rounding can make it negative."""
        return self.sharpness / self.bound - 1


def rescaling_bound(net: Network, data: Dataset, density: ArrayLike) -> float:
    """(1/n)(1ᵀQ1 + 2 Σ_i |w2_i| √(⟨Q,M_i⟩⟨Q,N_i⟩)) ≤ λ_max(ΦᵀΦ/n) of every rescaling, for every density matrix Q (I.4).

    The arithmetic mean of two terms whose product β cannot change is at least the geometric. Q = qqᵀ gives (S88).
    Q has shape (n, n).

    Raises
    ------
    ValueError
        If Q is not symmetric, positive semidefinite and of trace 1, to rounding.
    """
    density = finite("density", density, (data.n, data.n))
    if not np.allclose(density, density.T):
        raise ValueError("density must be symmetric; average it with its transpose")
    if not np.isclose(np.trace(density), 1) or np.linalg.eigvalsh(density)[0] < -1e-12:
        raise ValueError("density must be positive semidefinite and of trace 1; divide it by its trace")
    costs = flattest.least_costs(*tangent.blocks(net, data.x), density)
    return float(density.sum() / data.n + np.abs(net.w2) @ costs)


@one_thread()
def flattest_rescaling(net: Network, data: Dataset, gap: float = 1e-10) -> FlattestRescaling:
    """The rescaling with the smallest λ_max(ΦᵀΦ/n), with a proof that none is flatter by more than the share ``gap``.

    At zero loss λ_max(ΦᵀΦ/n) is the sharpness (S82). A neuron with w2 = 0 costs the less the smaller its factor is, so
    it is shrunk until it adds 1e-16. One without an active sample adds nothing and stays as it is. All of it is in the
    activation pattern of ``net``: a threshold within rounding of a sample may be on its other side afterwards.

    Raises
    ------
    ValueError
        If ``gap`` is not positive.
    OpenGap
        If the gap does not close, as below 1e-13, where rounding is larger.
    ArithmeticError
        If the squares of the network's numbers overflow.

    Examples
    --------
    >>> net, data = Network([2, -0.5], [0, 0], [0.5, 1], 0), Dataset([-1, 1], [0.5, 1])
    >>> found = flattest_rescaling(net, data)
    >>> round(tangent.interpolation_sharpness(net, data), 3), round(found.sharpness, 3), found.gap < 1e-10
    (2.94, 2.173, True)
    """
    positive("gap", gap)
    blocks = tangent.blocks(net, data.x)
    length = np.abs(blocks[2]).max(axis=1)
    matters, idle = np.flatnonzero((net.w2 != 0) & (length > 0)), (net.w2 == 0) & (length > 0)
    beta, density = np.ones(net.k), np.full((data.n, data.n), 1 / data.n)
    beta[idle] = NEGLIGIBLE / length[idle]
    if matters.size:
        beta[matters], density = _solve(blocks[:, matters], np.abs(net.w2[matters]), gap)
    best = net.rescale(beta)
    sharpness = tangent.largest_eigenvalue(tangent.gram(best, data, net.pattern(data.x)))
    bound = rescaling_bound(net, data, density)
    flattest.require_closed(bound, sharpness, gap)
    return FlattestRescaling(best, sharpness, bound, density, not idle.any())


def _solve(blocks: Array, weight: Array, gap: float) -> tuple[Array, Array]:
    """β of the neurons, and Q. In units in which all M_i and N_i have trace 1, and G is near 1.

    Then v_i M_i = c_i e^{-t_i} M'_i and u_i N_i = c_i e^{t_i} N'_i with c_i = |w2_i| √(tr M_i tr N_i), and β_i² = u_i.
    """
    with np.errstate(over="ignore"):
        moment, length = np.linalg.norm(blocks[:2], axis=(0, 2)), np.linalg.norm(blocks[2], axis=1)
        cost = weight * moment * length
        total = max(1.0, cost.sum() / blocks.shape[2])
    if not np.isfinite(total):
        raise ArithmeticError(f"the neurons' squares are too large for floating point: {flattest.REMEDY}")
    rows = blocks / np.stack([moment, moment, length])[..., None]
    t, density = _path(_Programme(rows, cost / total / blocks.shape[2], 1 / total / blocks.shape[2]), gap)
    return np.sqrt(weight * moment / length) * np.exp(t / 2), density


@dataclass(frozen=True, eq=False)
class _Programme:
    """G(t) = a 11ᵀ + Σ_i c_i (e^{-t_i} M_i + e^{t_i} N_i), where ``rows``, shape (3, k, n), make M_i and N_i."""

    rows: Array
    cost: Array
    constant: float

    def at(self, t: Array, mu: float) -> _Point:
        """G(t) and its eigenvalues, and the best s for μ."""
        low, high = self.cost * np.exp(-t), self.cost * np.exp(t)
        signed = np.stack([-low, -low, high])
        flat = self.rows.reshape(-1, self.rows.shape[2])
        value, vector = np.linalg.eigh(self.constant + (flat.T * np.abs(signed).ravel()) @ flat)
        return _Point(self, t, mu, signed, value[-1], vector, _distances(value[-1] - value, mu))

    def bound(self, density: Array) -> float:
        """What a density matrix proves of every t."""
        n = len(density)
        return float(self.constant * density.sum() + n * self.cost @ flattest.least_costs(*self.rows, density))


def _distances(below: Array, mu: float) -> Array:
    """s - g_j for the eigenvalues that are so much below the largest, where Σ_j μ/(s - g_j) = 1.

    The sum is convex and falls in s, so that Newton's method from where it is 1 or more goes up to the root.
    """
    above = mu
    for _ in range(60):
        inverse = 1 / (above + below)
        step = (mu * inverse.sum() - 1) / (mu * (inverse**2).sum())
        above += step
        if abs(step) <= 1e-14 * above:
            break
    return above + below


@dataclass(frozen=True, eq=False)
class _Point:
    """A place t on the way. signed : the derivatives of the 3k weights in t. distance : s - g_j for the eigenvalues."""

    programme: _Programme
    t: Array
    mu: float
    signed: Array
    largest: float
    vector: Array
    distance: Array

    @property
    def value(self) -> float:
        """s/μ - log det((s - G)/μ) from here on: differences of it are what is small."""
        return float((self.largest + self.distance[-1]) / self.mu - np.log(self.distance / self.mu).sum())

    def newton(self) -> _Step:
        """Newton's step, by the first two derivatives in closed form; s is eliminated, as it is at its best already."""
        k = self.t.size
        halves = self.programme.rows @ self.vector / np.sqrt(self.distance)  # (s - G)^{-1/2} of each row
        forms = (halves**2).sum(axis=-1)
        flat, signed = halves.reshape(3 * k, -1), self.signed.ravel()
        squares = signed[:, None] * (flat @ flat.T) ** 2 * signed
        hessian = squares.reshape(3, k, 3, k).sum(axis=(0, 2)) + np.diag((np.abs(self.signed) * forms).sum(axis=0))
        mixed, twice = -(self.signed * (halves**2 / self.distance).sum(axis=-1)).sum(axis=0), (self.distance**-2).sum()
        hessian -= np.outer(mixed, mixed) / twice
        unit = 1 / np.sqrt(np.maximum(np.diag(hessian), 1e-300))
        factor = cho_factor(hessian * unit * unit[:, None] + 1e-14 * np.eye(k), lower=True)
        gradient = (self.signed * forms).sum(axis=0)
        step, onward = (unit * cho_solve(factor, unit * each) for each in (-gradient, mixed / (twice * self.mu)))
        change = (flat.T * (signed * np.tile(step, 3))) @ flat + np.diag(mixed @ step / twice / self.distance)
        half = self.vector * np.sqrt(self.mu / self.distance)
        return _Step(step, float(-gradient @ step), onward, half @ (np.eye(len(half)) + change) @ half.T)

    def descend(self, step: _Step) -> Array:
        """The next t: the whole step, or less where that is too far. Near rounding (μ small) every step is taken."""
        size = min(1.0, 1 / np.abs(step.t).max())
        noise = 1e-3 - 0.1 * size * step.decrement
        while size > 1e-4 and self.programme.at(self.t + size * step.t, self.mu).value > self.value + noise:
            size, noise = size / 2, 1e-3
        return self.t + size * step.t


@dataclass(frozen=True, eq=False)
class _Step:
    """Newton's step in t, its squared decrement, where the minimum goes as μ falls, and Q after the step."""

    t: Array
    decrement: float
    onward: Array
    density: Array


def _path(programme: _Programme, gap: float) -> tuple[Array, Array]:
    """t and Q whose two bounds agree to a third of ``gap``, or the best there are: the caller measures that."""
    t, n, fall = np.zeros(programme.cost.size), programme.rows.shape[2], FALL
    mu = 0.3 * programme.at(t, 1.0).largest
    best, centre, tries = (np.inf, t, np.full((n, n), 1 / n)), None, 0
    for _ in range(STEPS):
        point = programme.at(t, mu)
        try:
            step = point.newton()
        except LinAlgError:
            break
        if step.decrement > NEAR:
            t, tries = point.descend(step), tries + 1
            if tries > PATIENCE and centre is not None:  # μ fell too far: go back, and a shorter way
                fall, tries = np.sqrt(fall), 0
                t, mu = centre.onward(fall)
            continue
        t = t + step.t
        density = flattest.as_density(step.density, floor=0.0)
        lower, upper = programme.bound(density), programme.at(t, mu).largest
        best = min(best, (upper / lower - 1, t, density), key=lambda each: each[0])
        if best[0] <= gap / 3 or mu < 1e-15 * upper:
            break
        least = gap * lower / (6 * n)
        centre, fall, tries = _Centre(t, mu, step.onward, least if least < mu else mu / 2), max(FALL, fall**1.5), 0
        t, mu = centre.onward(fall)
    return best[1:]


@dataclass(frozen=True, eq=False)
class _Centre:
    """The minimum for μ, the direction in which it goes as μ falls, and the last μ that is needed."""

    t: Array
    mu: float
    direction: Array
    least: float

    def onward(self, fall: float) -> tuple[Array, float]:
        """A guess of the minimum for μ times ``fall``, and that μ."""
        mu = max(fall * self.mu, self.least)
        move = (1 - mu / self.mu) * self.direction
        return self.t + move * min(1.0, 1 / max(np.abs(move).max(), 1e-300)), mu
