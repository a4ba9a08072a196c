"""Linearised gradient descent at a minimum, full-batch and stochastic, with exact moments.

Close to a minimum θ* the distance u = θ - θ* obeys, with the batch b of the step,

    u ← u - η (g_b + H_b u),

where g_b and H_b are gradient and Hessian of that batch's loss at θ*. All batches of B of the n samples are equally
likely, and independent of each other. Expectations are sums over all of them, not estimates.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import eigh

from . import arguments, tangent
from .arguments import finite, positive, whole
from .network import Dataset, Network
from .threads import one_thread

Array = NDArray[np.float64]
MOST_PATHS = 2_000_000


def batches(n: int, size: int) -> NDArray[np.int_]:
    """All subsets of ``size`` of n samples, shape (C(n, size), size).

    Raises
    ------
    ValueError
        ``size`` is not between 1 and n.

    Examples
    --------
    >>> batches(3, 2).tolist()
    [[0, 1], [0, 2], [1, 2]]
    """
    if not 1 <= whole("size", size) <= whole("n", n, 1):
        raise ValueError(f"size is {size}: a batch holds between 1 and n = {n} samples")
    return np.array(list(combinations(range(n), size)))


def batch_losses(net: Network, data: Dataset, size: int, pattern: ArrayLike | None = None) -> Array:
    """L̂_b(θ) = (1/2B) Σ_{j∈b} (f(x_j) - y_j)² of every batch b of B = ``size`` samples, shape (C(n, B),) (S1, S48).

    With a ``pattern`` of shape (n, k), those of the mode that is frozen by it, ψ̂_m (S49).
    """
    return np.mean(tangent.residual(net, data, pattern)[batches(data.n, size)] ** 2, axis=1) / 2


@dataclass(frozen=True, eq=False)
class Linearised:
    """Linearised stochastic gradient descent at θ*, with m equally likely batches in d coordinates.

    Attributes
    ----------
    hessians : array of shape (m, d, d), one symmetric matrix for each batch.
    gradients : array of shape (m, d), with mean 0 because θ* is a minimum.

    Raises
    ------
    ValueError
        A shape is wrong, a value is not finite, a Hessian is not symmetric, or the gradients' mean is not 0.
    """

    hessians: Array
    gradients: Array

    def __post_init__(self) -> None:
        for name in ("hessians", "gradients"):
            array = finite(name, getattr(self, name))
            array.setflags(write=False)
            object.__setattr__(self, name, array)
        m, d = self.gradients.shape if self.gradients.ndim == 2 else (0, 0)
        if self.hessians.shape != (m, d, d) or not m * d:
            raise ValueError(
                f"hessians has shape {self.hessians.shape} and gradients {self.gradients.shape}; "
                "give (m, d, d) and (m, d) for m batches and d coordinates"
            )
        if not np.allclose(self.hessians, self.hessians.transpose(0, 2, 1)):
            raise ValueError("hessians holds a matrix that is not symmetric; average it with its transpose")
        if not np.allclose(self.gradients.mean(axis=0), 0):
            raise ValueError("the mean of gradients is not 0, so this is not a minimum; move to one first")

    @property
    def d(self) -> int:
        """The number of coordinates."""
        return self.gradients.shape[1]

    @cached_property
    def hessian(self) -> Array:
        """∇²L(θ*), the mean of the batches' Hessians, shape (d, d)."""
        return self.hessians.mean(axis=0)

    @cached_property
    def sharpness(self) -> float:
        """λ_max of the full Hessian."""
        return tangent.largest_eigenvalue(self.hessian)

    @cached_property
    def spectrum(self) -> tuple[Array, Array]:
        """The eigenvalues of the full Hessian, increasing, shape (d,), and its eigenvectors as columns, (d, d)."""
        eigenvalues, vectors = np.linalg.eigh(self.hessian)
        return eigenvalues, vectors

    def mean_after(self, start: ArrayLike, eta: float, steps: int) -> Array:
        """E[θ_t - θ*] = (I - ηH)ᵗ (θ_0 - θ*) by the spectrum of H, shape (d,) (S3)."""
        start = arguments.start("start", start, self.gradients.shape[1], eta, steps)
        eigenvalues, vectors = self.spectrum
        return vectors @ ((1 - eta * eigenvalues) ** steps * (vectors.T @ start))

    def paths(self, start: ArrayLike, eta: float, steps: int) -> Iterator[Array]:
        """Where every sequence of batches leads: for t = 0 … ``steps`` an array of shape (mᵗ, d).

        Raises
        ------
        ValueError
            There are more than two million sequences.
        """
        at = arguments.start("start", start, self.gradients.shape[1], eta, steps)[None]
        count = len(self.gradients) ** steps
        if count > MOST_PATHS:
            raise ValueError(f"steps is {steps}: {count:.1e} sequences of batches are too many; take fewer steps")
        yield at
        factors = np.eye(self.d) - eta * self.hessians
        for _ in range(steps):
            at = (np.einsum("bij,pj->pbi", factors, at) - eta * self.gradients).reshape(-1, self.d)
            yield at

    @one_thread()
    def mean_distances(self, start: ArrayLike, eta: float, steps: int) -> Array:
        """E‖θ_t - θ*‖ for t = 0 … ``steps``, exactly, by all sequences of batches; shape (steps + 1,) (S4)."""
        return np.array([np.linalg.norm(at, axis=1).mean() for at in self.paths(start, eta, steps)])

    def second_moment_map(self, eta: float) -> Array:
        """The symmetric matrix that maps E[uuᵀ] to that of the next step where g_b = 0, shape (d², d²).

        It acts on the d² entries of the moment: the mean of (I - ηH_b) ⊗ (I - ηH_b).

        Raises
        ------
        ValueError
            The batches have gradients, so that the recursion is not linear.
        """
        positive("eta", eta)
        self._require_no_gradients()
        factors = np.eye(self.d) - eta * self.hessians
        return _mean_kron(factors)

    def _require_no_gradients(self) -> None:
        if self.gradients.any():
            raise ValueError("gradients are not 0, so the second moment's recursion is not linear; use paths instead")

    @one_thread()
    def mean_squares(self, start: ArrayLike, eta: float, steps: int) -> Array:
        """E‖θ_t - θ*‖² for t = 0 … ``steps``, exactly, where g_b = 0; shape (steps + 1,)."""
        start = arguments.start("start", start, self.gradients.shape[1], eta, steps)
        moment, step, identity = np.outer(start, start).ravel(), self.second_moment_map(eta), np.eye(self.d).ravel()
        out = [identity @ moment]
        for _ in range(steps):
            moment = step @ moment
            out.append(identity @ moment)
        return np.array(out)

    @cached_property
    @one_thread()
    def largest_mean_square_step(self) -> float:
        """The largest η at which E‖θ_t - θ*‖² stays bounded from every start, where g_b = 0; infinite where H = 0.

        The map of the second moment is I - 2ηC + η²D with C = (H ⊗ I + I ⊗ H)/2 and D the mean of H_b ⊗ H_b. It has
        no eigenvalue above 1 exactly when ηD ⪯ 2C, so η is 2 over the largest eigenvalue of D relative to C, on the
        range of C.

        Raises
        ------
        ValueError
            The batches have gradients, or a Hessian has a negative eigenvalue.
        """
        self._require_no_gradients()
        if np.linalg.eigvalsh(self.hessians).min() < -1e-9 * max(1.0, np.abs(self.hessians).max()):
            raise ValueError("hessians holds a matrix with a negative eigenvalue; give positive semidefinite ones")
        c = (np.kron(self.hessian, np.eye(self.d)) + np.kron(np.eye(self.d), self.hessian)) / 2
        eigenvalues, vectors = eigh(c)
        kept = eigenvalues > 1e-12 * eigenvalues[-1]
        if not kept.any():
            return np.inf
        half = vectors[:, kept] / np.sqrt(eigenvalues[kept])
        return 2 / tangent.largest_eigenvalue(half.T @ _mean_kron(self.hessians) @ half)


@one_thread()
def growth_rate(
    system: Linearised, eta: float, power: int, steps: int = 200, particles: int = 300, seed: int = 0
) -> float:
    """The rate (1/pt) log E‖u_t‖ᵖ at which the p-th moment grows, where g_b = 0; for p = ``power`` = 0 E log‖u_t‖/t.

    An estimate, by random paths of which each step draws anew, in proportion to ‖u‖ᵖ: rare long ones would otherwise
    be missed. With the defaults it is off by a few thousandths, and counts the last half of the steps.

    Raises
    ------
    ValueError
        The batches have gradients, η is not positive, or another number is out of range.

    Examples
    --------
    >>> half = Linearised([[[0.0]], [[3.0]]], [[0.0], [0.0]])       # at η = 1 factors 1 and -2, at random
    >>> bool(abs(growth_rate(half, 1.0, power=1) - np.log(1.5)) < 0.01)
    True
    """
    positive("eta", eta)
    power, steps, particles = whole("power", power, 0), whole("steps", steps, 2), whole("particles", particles, 2)
    system._require_no_gradients()
    rng, factors = np.random.default_rng(seed), np.eye(system.d) - eta * system.hessians
    u, total = rng.standard_normal((particles, system.d)), 0.0
    u = u / np.linalg.norm(u, axis=1, keepdims=True)
    for t in range(steps):
        u = np.einsum("pij,pj->pi", factors[rng.integers(len(factors), size=particles)], u)
        length = np.linalg.norm(u, axis=1)
        if not length.any():
            return -np.inf
        if t >= steps // 2:
            with np.errstate(divide="ignore"):  # a path may arrive
                total += np.log((length**power).mean()) / power if power else np.log(length).mean()
        if power:
            share = np.cumsum(length**power) / np.sum(length**power)
            kept = np.searchsorted(share, (np.arange(particles) + rng.random()) / particles).clip(max=particles - 1)
            u, length = u[kept], length[kept]
        u = u / np.where(length > 0, length, 1)[:, None]
    return total / (steps - steps // 2)


def largest_step(system: Linearised, power: int, halvings: int = 7) -> float:
    """The step size from which on :func:`growth_rate` is above 0.002, by bisection; for p = 0, 1, 2.

    The search is between what is known: moments are stable in the order p = 2, 1, 0 (Jensen), and none of p ≥ 1 is
    above 2/λ_max (Lemma 1).

    Raises
    ------
    ValueError
        As :func:`growth_rate`.
    """
    low = system.largest_mean_square_step if power < 2 else 0.0
    high = (2 if power else 4) / system.sharpness
    for _ in range(whole("halvings", halvings, 1)):
        middle = (low + high) / 2
        low, high = (low, middle) if growth_rate(system, middle, power) > 0.002 else (middle, high)
    return (low + high) / 2


def _mean_kron(matrices: Array) -> Array:
    """The mean of M ⊗ M over matrices of shape (m, d, d), shape (d², d²)."""
    m, d, _ = matrices.shape
    return np.einsum("bij,bkl->ikjl", matrices, matrices).reshape(d * d, d * d) / m


def linearise(net: Network, data: Dataset, size: int) -> Linearised:
    """Linearised SGD with batches of ``size`` samples at an interpolating minimum, in n coordinates.

    All Hessians ΦᵦΦᵦᵀ/B act within the span of the n tangent features, and across it nothing moves; so an orthonormal
    basis of that span is all the coordinates that are needed.

    Raises
    ------
    ValueError
        The network does not interpolate the data, or ``size`` is not between 1 and n.
    """
    if not net.loss(data) <= 1e-20:
        raise ValueError(f"net has loss {net.loss(data):.1e}; linearise at a minimum of zero loss")
    chosen = batches(data.n, size)
    inside = np.linalg.qr(tangent.features(net, data.x))[1].T  # row j: the feature of sample j in the basis
    rows = inside[chosen]
    return Linearised(np.einsum("bsi,bsj->bij", rows, rows) / size, np.zeros((len(chosen), inside.shape[1])))


def noisy_system(seed: int, d: int = 3, m: int = 4) -> Linearised:
    """Random batches at a minimum that is not interpolating: positive semidefinite Hessians, gradients of mean 0."""
    rng = np.random.default_rng(seed)
    factors, gradients = rng.standard_normal((m, d, 2)), rng.standard_normal((m, d))
    return Linearised(factors @ factors.transpose(0, 2, 1), gradients - gradients.mean(axis=0))
