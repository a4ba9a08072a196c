"""Switching systems: descent near a minimum at which the loss is not twice differentiable.

Around θ* the parameters fall into modes; in mode m the loss is an analytic ψ_m, with gradient g_m and Hessian H_m at
θ*. Everything here is written in the displacement u = θ - θ*, so the minimum is at 0 and the step is (S26)

    u ← u - η (g_m + H_m u),    m the mode that u is in.

With minibatches, g_m and H_m are means over the batches, and a step uses one batch, drawn uniformly.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import orth

from . import arguments, modes, tangent
from .arguments import finite, number, numbers, positive, vector, whole
from .network import Dataset, Network
from .stability import batches
from .threads import one_thread

Array = NDArray[np.float64]
Rule = Callable[[Array], int]


@dataclass(frozen=True, eq=False)
class Switching:
    """Modes m with a Hessian and a gradient at θ* for each batch, and the rule which mode a displacement is in.

    Attributes
    ----------
    hessians : array of shape (modes, batches, d, d), read-only; symmetric in the last two axes.
    gradients : array of shape (modes, batches, d), read-only.
    rule : from a displacement of shape (d,) to the number of its mode.
    rows : the same for many displacements at once, from shape (m, d) to (m,), where there is a faster way than one by
        one.

    Raises
    ------
    ValueError
        If a shape is wrong, a number is not finite, or a Hessian is not symmetric.

    Examples
    --------
    >>> one = Switching.deterministic([np.diag([3.0, 1.0])])
    >>> one.step([1.0, 1.0], eta=0.5).tolist()
    [-0.5, 0.5]
    """

    hessians: Array
    gradients: Array
    rule: Rule
    rows: Callable[[Array], NDArray[np.int_]] | None = None

    def __post_init__(self) -> None:
        for name, axes in (("hessians", 4), ("gradients", 3)):
            array = numbers(name, getattr(self, name))
            if array.ndim != axes or not array.size or not np.isfinite(array).all():
                raise ValueError(f"{name} must hold finite numbers along {axes} axes (modes, batches, d, …), "
                                 f"got shape {array.shape}")
            array.setflags(write=False)
            object.__setattr__(self, name, array)
        if self.hessians.shape != (*self.gradients.shape, self.gradients.shape[-1]):
            raise ValueError(f"hessians of shape {self.hessians.shape} do not fit gradients of shape "
                             f"{self.gradients.shape}: give one of each for every mode and batch")
        if not callable(self.rule):
            raise TypeError(f"rule must be a function from a displacement to the number of its mode, got {self.rule!r}")
        gap = np.abs(self.hessians - self.hessians.swapaxes(-1, -2)).max()
        if gap > 1e-9 * np.abs(self.hessians).max():
            raise ValueError(f"hessians are not symmetric, they miss it by {gap:.1e}: give (A + Aᵀ)/2")

    @classmethod
    def deterministic(
        cls, hessians: ArrayLike, gradients: ArrayLike | None = None, rule: Rule | None = None
    ) -> Switching:
        """One batch: Hessians of shape (modes, d, d), gradients of shape (modes, d), zero if left out.

        Without a rule every displacement is in mode 0.
        """
        hessians = numbers("hessians", hessians)
        gradients = numbers("gradients", np.zeros(hessians.shape[:2]) if gradients is None else gradients)
        if hessians.ndim != 3 or gradients.ndim != 2:
            raise ValueError("hessians must have shape (modes, d, d) and gradients (modes, d), "
                             f"got {hessians.shape} and {gradients.shape}")
        return cls(hessians[:, None], gradients[:, None], rule or (lambda u: 0))

    @property
    def modes(self) -> int:
        """The number of modes."""
        return self.hessians.shape[0]

    @property
    def batches(self) -> int:
        """The number of batches."""
        return self.hessians.shape[1]

    @property
    def dim(self) -> int:
        """The number d of parameters."""
        return self.hessians.shape[-1]

    @cached_property
    def mean_hessians(self) -> Array:
        """H_m = E[Ĥ_m], shape (modes, d, d) (S10)."""
        return self.hessians.mean(axis=1)

    @cached_property
    def mean_gradients(self) -> Array:
        """g_m = E[ĝ_m], shape (modes, d)."""
        return self.gradients.mean(axis=1)

    @cached_property
    def tops(self) -> tuple[Array, Array]:
        """λ_max of every H_m, shape (modes,), and unit vectors along which H_m has it, shape (modes, d)."""
        eigenvalues, vectors = np.linalg.eigh(self.mean_hessians)
        return eigenvalues[:, -1], vectors[:, :, -1]

    def modes_of(self, points: Array) -> NDArray[np.int_]:
        """The modes of the rows of ``points``, shape (m, d) to (m,)."""
        return self.rows(points) if self.rows else np.array([self.rule(u) for u in points])

    def hessian(self, u: Array) -> Array:
        """H_m of the mode that u is in, shape (d, d)."""
        return self.mean_hessians[self.rule(u)]

    def step(self, u: ArrayLike, eta: float, batch: int | None = None, mode: int | None = None) -> Array:
        """u - η (g + H u), shape (d,) (S26).

        Without ``batch`` the full gradient; without ``mode`` the mode that u is in.

        Raises
        ------
        ValueError
            Here and below: if u has another shape, η is not positive, or there is no such batch or mode.
        """
        u = np.asarray(u, dtype=np.float64)
        if u.shape != self.gradients.shape[2:]:
            raise ValueError(f"u must have shape {self.gradients.shape[2:]}, got {u.shape}")
        positive("eta", eta)
        for name, number_of, count in (("mode", mode, len(self.hessians)), ("batch", batch, self.hessians.shape[1])):
            if number_of is not None and not 0 <= number_of < count:
                raise ValueError(f"{name} must be a number from 0 to {count - 1}, got {number_of}")
        return self._step(u, eta, batch, mode)

    def _step(self, u: Array, eta: float, batch: int | None = None, mode: int | None = None) -> Array:
        """The same without a question, for loops."""
        mode = self.rule(u) if mode is None else mode
        if batch is None:
            return u - eta * (self.mean_gradients[mode] + self.mean_hessians[mode] @ u)
        return u - eta * (self.gradients[mode, batch] + self.hessians[mode, batch] @ u)

    @one_thread()
    def path(self, u: ArrayLike, eta: float, steps: int) -> Array:
        """Gradient descent by the system's own rule, shape (steps + 1, d)."""
        out = [arguments.start("u", u, self.hessians.shape[-1], eta, steps)]
        for _ in range(steps):
            out.append(self._step(out[-1], eta))
        return np.array(out)

    @one_thread()
    def led(self, u: ArrayLike, eta: float, modes: Iterable[int]) -> Array:
        """Gradient descent with the mode of each step chosen for it, shape (number of steps + 1, d)."""
        out = [arguments.start("u", u, self.hessians.shape[-1], eta)]
        for mode in modes:
            out.append(self.step(out[-1], eta, mode=mode))
        return np.array(out)

    @one_thread()
    def iterates(self, u: ArrayLike, eta: float, steps: int) -> list[Array]:
        """What u_t can be, for t = 0 … ``steps``: one row for each of the batches**t equally likely batch sequences.

        A mean over the rows of ``iterates(…)[t]`` is an exact expectation.
        """
        out = [arguments.start("u", u, self.hessians.shape[-1], eta, steps)[None]]
        for _ in range(steps):
            out.append(np.array([self._step(row, eta, batch) for row in out[-1] for batch in range(self.batches)]))
        return out


# ---- what Lemma 2 asks about -----------------------------------------------------------------------------------


def gamma(system: Switching, q: ArrayLike) -> float:
    """γ = max_m E|qᵀĝ_m| (S11)."""
    return float(np.abs(system.gradients @ vector("q", q, system.hessians.shape[-1])).mean(axis=1).max())


def drift(system: Switching, q: ArrayLike) -> float:
    """max_m |qᵀ E[ĝ_m]|, at most γ, and 0 where the loss is differentiable."""
    return float(np.abs(system.mean_gradients @ vector("q", q, system.hessians.shape[-1])).max())


def rayleigh(system: Switching, q: ArrayLike) -> Array:
    """λ_m = qᵀH_m q for a unit vector q, shape (modes,): the numbers for which :func:`deviation` is smallest."""
    q = vector("q", q, system.hessians.shape[-1])
    return q @ system.mean_hessians @ q


def deviation(system: Switching, q: ArrayLike, eigenvalues: ArrayLike) -> float:
    """δ = max_m ‖H_m q - λ_m q‖: how far q is from being an eigenvector of every mode."""
    q, eigenvalues = vector("q", q, system.hessians.shape[-1]), vector("eigenvalues", eigenvalues, len(system.hessians))
    return float(np.linalg.norm(system.mean_hessians @ q - np.outer(eigenvalues, q), axis=1).max())


def threshold(eta: float, delta: float = 0.0, gamma: float = 0.0, radius: float = 1.0) -> float:
    """2/η + δ + γ/ε, above which Lemma 2 lets no λ_m be (S17); ``radius`` is ε."""
    for name, value in (("delta", delta), ("gamma", gamma)):
        number(name, value, 0)
    return 2 / positive("eta", eta) + delta + gamma / positive("radius", radius)


def edge(system: Switching) -> float:
    """2/max_m λ_max(H_m), the largest step size of Lemma 3; infinite where no H_m has a positive eigenvalue.

    >>> edge(mirrored(4.0, 1.0, 0.5))
    0.5
    """
    sharpest = float(system.tops[0].max())
    return 2 / sharpest if sharpest > 0 else np.inf


def mean_direction(system: Switching) -> Array:
    """The top eigenvector of the mean of all H_m, shape (d,): a q for Lemma 2 that suits all modes at once."""
    return np.linalg.eigh(system.mean_hessians.mean(axis=0))[1][:, -1]


def sharpest_at_home(system: Switching) -> float:
    """The largest λ_max of the modes that hold their own top eigenvector, or its opposite; NaN if none does.

    Where 2/η is below it, one step along that eigenvector leaves every ball (III.3).

    >>> round(sharpest_at_home(mirrored(2.0, 1.0, 0.5)), 12)
    2.0
    """
    sharpnesses, vectors = system.tops
    at_home = [mode in (system.rule(top), system.rule(-top)) for mode, top in enumerate(vectors)]
    return float(sharpnesses[at_home].max()) if any(at_home) else np.nan


@one_thread()
def log_distances(system: Switching, etas: ArrayLike, steps: int = 4000, starts: int = 8, seed: int = 0) -> Array:
    """log ‖u_t‖ half way and at the end of paths by the system's own rule, shape (2, number of etas, starts).

    Each η has the same starts, random unit vectors: a path may leave from one and come in from another. The modes must
    be cones and the gradients zero. Then lengths scale, and u is set back to length 1 at each step.

    Raises
    ------
    ValueError
        If a gradient is not zero, an η is not positive, there are fewer than two steps, or no start.

    Examples
    --------
    >>> one = Switching.deterministic([np.diag([2.5, 2.5])])            # each step multiplies by -1.5
    >>> log_distances(one, [1.0], steps=10, starts=1).ravel().round(3).tolist()
    [2.027, 4.055]
    """
    etas = finite("etas", np.atleast_1d(etas))
    whole("steps", steps, 2)
    if (etas <= 0).any():
        raise ValueError(f"etas must be positive, got {etas.min()}")
    if system.gradients.any():
        raise ValueError("system has gradients at the minimum: there the growth depends on the distance, use path")
    first = np.random.default_rng(seed).standard_normal((whole("starts", starts, 1), system.dim))
    points = np.tile(first / np.linalg.norm(first, axis=1, keepdims=True), (etas.size, 1))
    eta, total, halfway = np.repeat(etas, starts)[:, None], np.zeros(etas.size * starts), None
    for t in range(steps):
        halfway = total if t == steps // 2 else halfway
        hessians = system.mean_hessians[system.modes_of(points)]
        points = points - eta * np.einsum("mij,mj->mi", hessians, points)
        length = np.linalg.norm(points, axis=1)
        with np.errstate(divide="ignore"):
            total = total + np.log(length)  # -inf where a path has arrived
        points = points / np.where(length > 0, length, 1)[:, None]
    return np.reshape([halfway, total], (2, etas.size, starts))


# ---- adversaries that choose the mode --------------------------------------------------------------------------


@one_thread()
def greedy(system: Switching, u: ArrayLike, eta: float, steps: int) -> tuple[Array, NDArray[np.int_]]:
    """The adversary who takes, at each step, the mode that leads farthest from the minimum.

    Returns the path, shape (steps + 1, d), and the modes taken, shape (steps,).
    """
    path, taken = [arguments.start("u", u, system.hessians.shape[-1], eta, steps)], []
    for _ in range(steps):
        here = path[-1]
        next_points = here - eta * (system.mean_gradients + system.mean_hessians @ here)
        taken.append(int(np.linalg.norm(next_points, axis=1).argmax()))
        path.append(next_points[taken[-1]])
    return np.array(path), np.array(taken)


@one_thread()
def exhaustive(system: Switching, u: ArrayLike, eta: float, steps: int) -> tuple[Array, tuple[int, ...]]:
    """The adversary who tries all modes**steps sequences and takes the one that ends farthest from the minimum.

    Returns its path, shape (steps + 1, d), and the modes taken.

    Raises
    ------
    ValueError
        If there are more than a million sequences.
    """
    ends = arguments.start("u", u, system.hessians.shape[-1], eta, steps)[None]
    if system.modes**steps > 1_000_000:
        raise ValueError(f"steps is {steps}: {system.modes} modes have {system.modes**steps:.1e} sequences, "
                         "more than a million; take fewer steps, or greedy")
    for _ in range(steps):
        moved = ends - eta * (system.mean_gradients[:, None] + ends @ system.mean_hessians)  # H is symmetric
        ends = moved.reshape(-1, system.dim)  # the last mode taken varies slowest
    best = int(np.linalg.norm(ends, axis=1).argmax())
    taken = tuple(int(mode) for mode in np.unravel_index(best, (system.modes,) * steps))[::-1]
    return system.led(u, eta, taken), taken


# ---- systems ---------------------------------------------------------------------------------------------------


def fan(normals: ArrayLike) -> Rule:
    """The rule that gives u the mode whose row of ``normals``, shape (modes, d), has the largest product with it.

    The modes are cones with their tip at the minimum, as they are for a network.

    >>> fan([[0.0, 1.0], [0.0, -1.0]])(np.array([5.0, -2.0]))
    1
    """
    rows = finite("normals", normals)
    if rows.ndim != 2:
        raise ValueError(f"normals must have shape (modes, d), got {rows.shape}")
    return lambda u: int(np.argmax(rows @ u))


def worst(eigenvalues: ArrayLike, delta: float = 0.0, gamma: float = 0.0) -> Switching:
    """One parameter with ψ = (λ - δ)u²/2 - γ|u|, and its own λ where u < 0: Lemma 2 loses nothing there.

    ``eigenvalues`` holds λ for u > 0 and for u < 0. For γ > 0 the point 0 is no minimum.

    >>> worst([3.0, 3.0], gamma=0.5).step([1.0], eta=1.0).tolist()       # 1 - (3 - 0.5)
    [-1.5]
    """
    delta, gamma = vector("(delta, gamma)", (delta, gamma))
    hessians = (vector("eigenvalues", eigenvalues, 2) - delta)[:, None, None]
    return Switching.deterministic(hessians, [[-gamma], [gamma]], fan([[1.0], [-1.0]]))


def mirrored(sharp: float, flat: float, angle: float) -> Switching:
    """Two modes in the plane, mirror images of each other: ``angle`` is that between their top eigenvectors.

    Both have the eigenvalues ``sharp`` and ``flat``; the first mode is u_2 > 0. The loss (h u_1² + l u_2²)/2 -
    κ u_1|u_2| is continuous, and differentiable at its minimum 0.

    >>> mirrored(2.0, 1.0, 0.0).mean_hessians[0].tolist()
    [[2.0, 0.0], [0.0, 1.0]]
    """
    sharp, flat, angle = vector("(sharp, flat, angle)", (sharp, flat, angle))
    top = np.array([[np.cos(angle / 2), -np.sin(angle / 2)], [np.cos(angle / 2), np.sin(angle / 2)]])
    hessians = flat * np.eye(2) + (sharp - flat) * top[:, :, None] * top[:, None, :]
    return Switching.deterministic(hessians, rule=fan([[0.0, 1.0], [0.0, -1.0]]))


@dataclass(frozen=True, eq=False)
class NetworkModes:
    """The switching system of a network at a minimum of zero loss.

    Attributes
    ----------
    net, data : the network, with some knots exactly on samples, and the data, with the network's outputs as labels.
    neurons, samples : arrays of shape (T,); neuron ``neurons[i]`` has its knot on sample ``samples[i]``.
    basis : array of shape (3k+1, d) with orthonormal columns. Every gradient lies in its span, and a displacement
        ``basis @ u`` of the parameters is the displacement u of the system.
    system : the system; its mode 2⁰s_0 + 2¹s_1 + … has neuron ``neurons[i]`` active on its sample where s_i = 1.
    """

    net: Network
    data: Dataset
    neurons: NDArray[np.int_]
    samples: NDArray[np.int_]
    basis: Array
    system: Switching


@one_thread()
def at_minimum(
    net: Network, data: Dataset, knots: int = 8, within: float = 1e-5, batch: int | None = None
) -> NetworkModes:
    """The modes that meet at a minimum which descent found, with ``batch`` samples in a batch (default: all).

    Of the knots no farther than ``within`` from a sample, the ``knots`` that change the Hessian most are moved onto
    it, and the others away from it, to twice that distance on the side where they are. Neuron i, with its knot on
    sample j, adds (x_j w2_i, w2_i) to ∇f(x_j) where it is active and nothing where it is not.

    Raises
    ------
    ValueError
        If no knot is that close to a sample, ``batch`` is not between 1 and n, the others are not positive, a neuron
        has w1 = b1 = 0 (it has more than two patterns: list its modes by :func:`.modes.adjacent`), or more than 20
        neurons toggle.
    """
    whole("knots", knots, 1)
    positive("within", within)
    batch = data.n if batch is None else batch
    if not 1 <= batch <= data.n:
        raise ValueError(f"batch is {batch}: give a number of samples between 1 and {data.n}")
    if nowhere := np.flatnonzero((net.w1 == 0) & (net.b1 == 0)).tolist():
        raise ValueError(f"neurons {nowhere} have w1 = b1 = 0 and their kink on all samples: list their modes by "
                         "modes.adjacent, or leave them out of the network")
    net = snapped(net, data.x, knots, within)
    data = Dataset(data.x, net(data.x))
    here = modes.adjacent(net, data)
    neurons, samples = here.neurons, np.array([np.flatnonzero(off != on)[0] for off, on in here.patterns])
    each = np.arange(neurons.size)
    features = np.array([tangent.features(net, data.x, pattern) for pattern in here])
    toggles = (features[2**each] - features[0])[each, :, samples].T  # what each neuron adds to the gradient there
    basis = orth(np.hstack([features[0], toggles]))
    features, toggles = basis.T @ features, basis.T @ toggles
    signs = np.sign(net.w2[neurons])

    def rule(u: Array) -> int:
        return int(rows(u))

    def rows(points: Array) -> NDArray[np.int_]:
        return (signs * (points @ toggles) > 0) @ 2**each

    chosen = [features[:, :, subset] for subset in batches(data.n, batch)]
    hessians = np.stack([phi @ phi.swapaxes(1, 2) / batch for phi in chosen], axis=1)
    return NetworkModes(net, data, neurons, samples, basis,
                        Switching(hessians, np.zeros(hessians.shape[:3]), rule, rows))


def snapped(net: Network, x: Array, knots: int, within: float) -> Network:
    """The network with ``knots`` knots on samples, and no other one near: the choice of :func:`at_minimum`.

    Raises
    ------
    ValueError
        If no knot is that close to a sample.
    """
    distance = np.abs(net.thresholds[:, None] - x)
    sample = distance.argmin(axis=1)
    near = np.flatnonzero((distance.min(axis=1) <= within) & (net.w1 != 0))
    if not near.size:
        raise ValueError(f"no knot is within {within:g} of a sample: here the loss is twice differentiable")
    size = np.abs(net.w2[near]) * np.hypot(1, x[sample[near]])
    near = near[np.argsort(-size, kind="stable")]
    chosen, others = near[:knots], near[knots:]
    b1 = net.b1.copy()
    b1[chosen] = -net.w1[chosen] * x[sample[chosen]]
    active = net.preactivation(x)[sample[others], others] > 0
    side = np.where(active, -1, 1) * np.sign(net.w1[others])
    b1[others] = -net.w1[others] * (x[sample[others]] + 2 * within * side)
    return Network(net.w1, b1, net.w2, net.b2)


@dataclass(frozen=True, eq=False)
class ModeOfNetwork:
    """The switching system of a network with small batches, and a small displacement into one of its modes."""

    found: NetworkModes
    u: Array

    @property
    def displaced(self) -> Array:
        """The parameters of the network there."""
        return self.found.net.vector + self.found.basis @ self.u


def inside_a_mode(system: Switching, rng: np.random.Generator, size: float) -> Array:
    """A displacement that keeps its mode when a coordinate changes by a tenth of ``size``."""
    positive("size", size)
    while True:
        u = size * rng.standard_normal(system.dim)
        around = (u + sign * 0.1 * size * axis for axis in np.eye(u.size) for sign in (1, -1))
        if all(system.rule(near) == system.rule(u) for near in around):
            return u
