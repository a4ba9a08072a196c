"""The oscillation of descent at a kink, in n + T coordinates: a switching system small enough to follow for long.

At a minimum of zero loss let T neurons with w2 ≠ 0 have their thresholds on samples. Take one mode m as the *base*,
with tangent features A, and write e_i for the displacement (x_j, 1) of (w1_i, b1_i), where j = j(i) is its sample. A
displacement of the parameters that lies in the span of all gradients is u = A g + Σ_i w2_i Y_i e_i, and the linearised
step of descent becomes (K.1)

    g ← g - (η/n) d,   Y_i ← Y_i - (η/n) τ_i d_j(i) where neuron i is flipped, that is, not as in the base,
    d = G g + Σ_i ω_i Y_i k_i + Σ_flipped τ_i ω_i P_i ε_j(i),   P_i = k_iᵀg + c_i Y_i.

Here G = AᵀA, ω_i = w2_i², c_i = 1 + x_j², k_i = Aᵀe_i/w2_i, and τ_i is 1 where the base has neuron i silent on its
sample, -1 where active. Neuron i is flipped exactly where τ_i s_i P_i > 0 with s_i the sign of w2_i.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from . import flattest, modes, tangent
from .arguments import finite, positive, vector, whole
from .network import Dataset, Network

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Oscillation:
    """The recursion (K.1): what a base mode and its toggling neurons need.

    Attributes
    ----------
    gram : G = AᵀA of the base, shape (n, n); the book's Gram matrix K of the base is G/n.
    couplings : array of shape (T, n), row i is k_i.
    samples : array of shape (T,), j(i).
    sizes : array of shape (T,), c_i = 1 + x_j².
    weights : array of shape (T,), ω_i = w2_i² > 0.
    sides : array of shape (T,), τ_i, 1 where the base has the neuron silent on its sample and -1 where active.
    signs : array of shape (T,), the sign of w2_i.

    Raises
    ------
    ValueError
        If a shape is wrong or a number is not finite.
    """

    gram: Array
    couplings: Array
    samples: NDArray[np.int_]
    sizes: Array
    weights: Array
    sides: Array
    signs: Array

    def __post_init__(self) -> None:
        n, toggles = len(self.gram), len(self.samples)
        for name, shape in (("gram", (n, n)), ("couplings", (toggles, n)), ("sizes", (toggles,)),
                            ("weights", (toggles,)), ("sides", (toggles,)), ("signs", (toggles,))):
            array = np.ascontiguousarray(finite(name, getattr(self, name), shape))
            array.setflags(write=False)
            object.__setattr__(self, name, array)

    @property
    def n(self) -> int:
        """The number of samples."""
        return len(self.gram)

    @property
    def toggles(self) -> int:
        """T, the number of neurons with a threshold on a sample."""
        return len(self.samples)

    def weakened(self, share: float) -> Oscillation:
        """The same with ω times ``share``: weaker kinks, all else equal."""
        return replace(self, weights=positive("share", share) * self.weights)

    # ---- the base mode ---------------------------------------------------------------------------------------------

    @cached_property
    def spectrum(self) -> tuple[Array, Array]:
        """The eigenvalues of K = G/n, increasing, shape (n,), and unit eigenvectors as columns, shape (n, n)."""
        return np.linalg.eigh(self.gram / self.n)

    @property
    def sharpness(self) -> float:
        """λ_max of the base mode."""
        return float(self.spectrum[0][-1])

    @property
    def top(self) -> Array:
        """q, a unit eigenvector of K for its largest eigenvalue, shape (n,)."""
        return self.spectrum[1][:, -1]

    @property
    def kicks(self) -> Array:
        """τ_i κ_i q_j(i) with κ_i = k_iᵀq, shape (T,): where it is positive the oscillation kicks neuron i back."""
        return self.sides * (self.couplings @ self.top) * self.top[self.samples]

    @property
    def self_stabilising(self) -> bool:
        """Whether the oscillation along q kicks back every neuron that it flips (K.2)."""
        return bool((self.kicks > 0).all())

    # ---- other modes -----------------------------------------------------------------------------------------------

    def flipped_gram(self, flipped: ArrayLike) -> Array:
        """G of the mode in which the neurons of the mask ``flipped``, shape (T,), are not as in the base."""
        out = self.gram.copy()
        for i in np.flatnonzero(np.asarray(flipped, dtype=bool)):
            unit, side = np.eye(self.n)[self.samples[i]], self.sides[i]
            cross = np.outer(self.couplings[i], unit)
            out += self.weights[i] * (side * (cross + cross.T) + self.sizes[i] * np.outer(unit, unit))
        return out

    def masks(self) -> NDArray[np.bool_]:
        """All sets of flipped neurons, shape (2ᵀ, T), the first neuron changing fastest."""
        return (np.arange(2**self.toggles)[:, None] >> np.arange(self.toggles) & 1).astype(bool)

    # ---- the recursion ---------------------------------------------------------------------------------------------

    def pushes(self, g: Array, y: Array) -> Array:
        """P_i = k_iᵀg + c_iY_i, the changes of the pre-activations at the kinks over w2_i; shape (T,)."""
        return self.couplings @ g + self.sizes * y

    def flipped(self, g: Array, y: Array) -> NDArray[np.bool_]:
        """Which neurons are not as in the base, shape (T,)."""
        return self.sides * self.signs * self.pushes(g, y) > 0

    def residual(self, g: Array, y: Array) -> Array:
        """d = Φ_mᵀu, shape (n,): the residuals to first order."""
        out = self.gram @ g + (self.weights * y) @ self.couplings
        moved = self.flipped(g, y) * self.sides * self.weights * self.pushes(g, y)
        np.add.at(out, self.samples, moved)
        return out

    def step(self, g: Array, y: Array, eta: float) -> tuple[Array, Array]:
        """One step of descent from the coordinates g, shape (n,), and Y, shape (T,)."""
        d = self.residual(g, y)
        return g - eta / self.n * d, y - eta / self.n * self.flipped(g, y) * self.sides * d[self.samples]

    def walk(self, g: ArrayLike, y: ArrayLike, eta: float, steps: int) -> Walk:
        """Descent for so many steps, compiled; ‖(g, Y)‖ is set back to 1 at each, its logarithm kept.

        Raises
        ------
        ValueError
            If a shape is wrong, all coordinates are 0, η is not positive, or more than 16 neurons toggle.
        """
        if self.toggles > 16:
            raise ValueError(f"{self.toggles} neurons toggle: at most 16 can, or the visits would be too many to count")
        g, y = vector("g", g, self.n), vector("y", y, self.toggles)
        length = np.hypot(np.linalg.norm(g), np.linalg.norm(y))
        if length == 0:
            raise ValueError("g and y are 0: from the minimum itself nothing moves, start beside it")
        g, y = g / length, y / length
        growth, visits = _walk(self.gram, self.couplings, np.asarray(self.samples, dtype=np.int64), self.sizes,
                               self.weights, self.sides, self.signs, positive("eta", eta) / self.n,
                               whole("steps", steps, 1), g, y)
        return Walk(float(growth), visits, g, y)

    def leaves(self, eta: float, steps: int = 40_000, seed: int = 0, starts: int = 1) -> bool:
        """Whether ‖(g, Y)‖ grows e-fold or more in so many steps, from a random start and after a quarter as many.

        Near the largest η at which it does not the growth per step is small, so that more ``steps`` see it closer.
        """
        rng = np.random.default_rng(seed)
        for _ in range(starts):
            first = self.walk(rng.standard_normal(self.n), rng.standard_normal(self.toggles), eta, max(steps // 4, 1))
            if self.walk(first.g, first.y, eta, steps).growth > 1:
                return True
        return False

    def threshold(self, low: float, high: float, halvings: int = 12, steps: int = 40_000) -> float:
        """2/η for the η at which descent by the system's own rule begins to leave, between two sharpnesses.

        Bisection: at 2/η = ``low`` it should leave, at 2/η = ``high`` not.

        Raises
        ------
        ValueError
            If ``high`` is not above ``low``, or one is not positive.
        """
        if not positive("low", low) < positive("high", high):
            raise ValueError(f"high must be above low = {low}, got {high}")
        for _ in range(whole("halvings", halvings, 1)):
            middle = (low + high) / 2
            low, high = (middle, high) if self.leaves(2 / middle, steps) else (low, middle)
        return (low + high) / 2

    # ---- means over visits -----------------------------------------------------------------------------------------

    def mean_sharpness(self, visits: ArrayLike) -> float:
        """λ_max of the mean Hessian of modes that are met with these frequencies, shape (2ᵀ,) (K.4).

        In the coordinates (g, Y) the Hessians are C_m C_mᵀ S/n, with S the inner products of the columns of A and of
        the w2_i e_i; so the largest eigenvalue is that of a matrix of n + T rows.
        """
        shares = finite("visits", visits, (2**self.toggles,))
        shares = shares / shares.sum()
        columns = np.zeros((self.n + self.toggles, self.n))
        columns[: self.n] = np.eye(self.n)
        total = np.zeros((len(columns), len(columns)))
        for share, mask in zip(shares[shares > 0], self.masks()[shares > 0], strict=True):
            here = columns.copy()
            here[self.n + np.flatnonzero(mask), self.samples[mask]] = self.sides[mask]
            total += share * here @ here.T
        half = flattest.root(self.inner)
        return tangent.largest_eigenvalue(half.T @ total @ half) / self.n

    @property
    def inner(self) -> Array:
        """S, the inner products of the columns of A and the w2_i e_i, shape (n+T, n+T)."""
        cross = self.weights[:, None] * self.couplings
        return np.block([[self.gram, cross.T], [cross, np.diag(self.weights * self.sizes)]])


@dataclass(frozen=True, eq=False)
class Walk:
    """What :meth:`Oscillation.walk` met.

    Attributes
    ----------
    growth : the logarithm of ‖(g, Y)‖ at the end over that at the start.
    visits : array of shape (2ᵀ,), how often each set of flipped neurons was met, in the order of ``masks``.
    g, y : the coordinates at the end, divided by their norm.
    """

    growth: float
    visits: NDArray[np.int64]
    g: Array
    y: Array


def segment_features(net: Network, after: Network, x: ArrayLike) -> Array:
    """The mean of the tangent features along the segment between two networks, exactly; shape (3k+1, n) (K.4).

    Pre-activations are straight along it, so that each changes its sign at most once. Between two changes the features
    are straight too, and their mean is the value in the middle.
    """
    z, later = net.preactivation(x), after.preactivation(x)
    crossed = (z > 0) != (later > 0)
    cuts = np.unique(np.concatenate([[0.0, 1.0], z[crossed] / (z[crossed] - later[crossed])]))
    move = after.vector - net.vector
    return sum((end - begin) * tangent.features(Network.from_vector(net.vector + (begin + end) / 2 * move), x)
               for begin, end in zip(cuts, cuts[1:], strict=False))


@njit(cache=True, error_model="numpy", nogil=True)
def _walk(gram, couplings, samples, sizes, weights, sides, signs, rate, steps, g, y):
    n, toggles = g.size, y.size
    visits, growth, d = np.zeros(2**toggles, np.int64), 0.0, np.empty(n)
    for _ in range(steps):
        for j in range(n):
            d[j] = 0.0
            for at in range(n):
                d[j] += gram[j, at] * g[at]
        mode = 0
        for i in range(toggles):
            push = sizes[i] * y[i]
            for at in range(n):
                push += couplings[i, at] * g[at]
                d[at] += weights[i] * y[i] * couplings[i, at]
            if sides[i] * signs[i] * push > 0:
                mode |= 1 << i
                d[samples[i]] += sides[i] * weights[i] * push
        visits[mode] += 1
        size = 0.0
        for i in range(toggles):
            if mode >> i & 1:
                y[i] -= rate * sides[i] * d[samples[i]]
            size += y[i] * y[i]
        for j in range(n):
            g[j] -= rate * d[j]
            size += g[j] * g[j]
        size = np.sqrt(size)
        if size == 0.0:
            return -np.inf, visits
        growth += np.log(size)
        g /= size
        y /= size
    return growth, visits


def at(net: Network, data: Dataset, base: int | None = None) -> Oscillation:
    """The recursion at a minimum of zero loss, with the mode ``base`` (by default the flattest) as its base.

    Modes are numbered as in :func:`.modes.adjacent`: in mode 0 all toggling neurons are silent on their samples.

    Raises
    ------
    ValueError
        If the loss is not zero, no neuron has a threshold on a sample, or one of these has w1 = b1 = 0
        or w2 = 0.
    """
    modes.require_zero_loss(net, data)
    here = modes.adjacent(net, data)
    if not here.neurons.size or (net.w1[here.neurons] == 0).any() or (net.w2[here.neurons] == 0).any():
        raise ValueError(f"neurons {here.neurons.tolist()} toggle: give a network with thresholds on samples, and no "
                         "neuron among them with w1 = b1 = 0 or w2 = 0")
    if base is None:
        base = int(modes.sharpnesses(net, data).argmin())
    active = np.array(here.choices(base)) == 1
    pattern, neurons = here.pattern(base), here.neurons
    samples = np.abs(net.preactivation(data.x)[:, neurons]).argmin(axis=0)
    inner = 1 + np.multiply.outer(data.x[samples], data.x)
    features = tangent.features(net, data.x, pattern)
    return Oscillation(features.T @ features, inner * pattern[:, neurons].T, samples, 1 + data.x[samples] ** 2,
                       net.w2[neurons] ** 2, np.where(active, -1.0, 1.0), np.sign(net.w2[neurons]))
