"""Tangent features, Hessian and sharpness as products with a vector, in O(n + k) each: no matrix is ever formed.

On sorted samples a neuron is active on a prefix or a suffix, one of the 2n patterns on the circle of
:mod:`~stableminima.runs.kernels`. Sums over the samples of a neuron are then entries of running sums, and sums over
the neurons of a sample are running sums of what the neurons leave at their patterns. A dense Hessian costs O(k² n)
time and O(k²) memory; at n = k = 10⁴ that is 7.2 GB.
"""

from __future__ import annotations

from dataclasses import replace
from numbers import Real

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh

from .arguments import vector, whole
from .network import Dataset, Network
from .runs import kernels

Vector = NDArray[np.float64]


def _over_samples(c: Vector) -> Vector:
    """Σ_j c_j over the active samples of every place: suffixes, then prefixes; shape (2n,)."""
    return np.concatenate([c[::-1].cumsum()[::-1], [0.0], c[:-1].cumsum()])


def _over_places(bends: Vector) -> Vector:
    """The transpose: at every sample the sum over the places at which it is active; shape (n,)."""
    n = bends.size // 2
    return bends[:n].cumsum() + np.append(bends[:n:-1].cumsum()[::-1], 0.0)


def features(net: Network, x: ArrayLike) -> LinearOperator:
    """Φ, the matrix of :func:`tangent.features <stableminima.tangent.features>`, shape (3k+1, n) (S32).

    Φ @ c and Φ.T @ u cost O(n + k) each, after O((n + k) log n) once.

    Examples
    --------
    >>> absolute = Network([1, -1], [0, 0], [1, 1], 0)                      # f = |x|
    >>> (features(absolute, [-2, 0, 3]) @ np.ones(3)).tolist()
    [3.0, -2.0, 1.0, 1.0, 3.0, 2.0, 3.0]
    """
    x = vector("x", x)
    k, n = net.k, x.size
    order = np.argsort(x)
    x = x[order]
    places = kernels.places(net.w1, net.b1, x)

    def combine(c: Vector) -> Vector:
        c = c.ravel()[order]
        slope, value = (_over_samples(each)[places] for each in (c * x, c))
        return np.concatenate([net.w2 * slope, net.w2 * value, net.w1 * slope + net.b1 * value, [c.sum()]])

    def along(u: Vector) -> Vector:
        u = u.ravel()
        first, second = u[: 2 * k].reshape(2, k), u[2 * k : 3 * k]
        bends = net.w2 * first + np.stack([net.w1, net.b1]) * second
        slope, value = (_over_places(np.bincount(places, each, 2 * n)) for each in bends)
        out = np.empty(n)
        out[order] = slope * x + value + u[-1]
        return out

    return LinearOperator((3 * k + 1, n), matvec=combine, rmatvec=along, dtype=np.float64)


def hessian(net: Network, data: Dataset) -> LinearOperator:
    """∇²L(θ) = ΦΦᵀ/n + residual part, shape (3k+1, 3k+1), as products in O(n + k) (S58)."""
    k, n = net.k, data.n
    phi = features(net, data.x)
    residual = phi.T @ np.concatenate([np.zeros(2 * k), net.w2, [net.b2]]) - data.y
    # with w2 = 1 the features of the first layer are x_j I_ji and I_ji, the second derivatives of f
    mixed = (features(replace(net, w2=np.ones(k)), data.x) @ residual)[: 2 * k].reshape(2, k) / n

    def product(u: Vector) -> Vector:
        u = u.ravel()
        first, second = u[: 2 * k].reshape(2, k), u[2 * k : 3 * k]
        bent = np.concatenate([(mixed * second).ravel(), (mixed * first).sum(axis=0), [0.0]])
        return phi @ (phi.T @ u) / n + bent

    return LinearOperator((3 * k + 1, 3 * k + 1), matvec=product, rmatvec=product, dtype=np.float64)


def sharpness(net: Network, data: Dataset, tolerance: float = 1e-10, restarts: int = 1000) -> float:
    """λ_max(∇²L(θ)), the largest algebraic eigenvalue, in some dozens of products; see :func:`largest_eigenvalue`.

    Examples
    --------
    >>> absolute = Network([1, -1], [0, 0], [1, 1], 0)
    >>> round(sharpness(absolute, Dataset([-1, 0, 1], [1, 0, 1])), 9)
    1.816496581
    """
    return largest_eigenvalue(hessian(net, data), tolerance, restarts)


def largest_eigenvalue(operator: LinearOperator, tolerance: float = 1e-10, restarts: int = 1000) -> float:
    """The largest algebraic eigenvalue of a symmetric operator (not the largest in modulus), by Lanczos iteration.

    It starts from a fixed vector, so that the same operator gives the same number.

    Parameters
    ----------
    operator : of at least two rows.
    tolerance : the relative error at which to stop; 0 asks for all that float64 can give.
    restarts : after so many restarts, of up to 20 products each, the iteration is given up.

    Raises
    ------
    ValueError
        If ``tolerance`` or ``restarts`` is out of range.
    RuntimeError
        If the iteration does not converge.
    """
    if not (isinstance(tolerance, Real) and 0 <= tolerance < 1):
        raise ValueError(f"tolerance must be a relative error in [0, 1), got {tolerance}")
    whole("restarts", restarts, 1)
    start = np.random.default_rng(0).standard_normal(operator.shape[0])
    try:
        (found,) = eigsh(operator, 1, which="LA", v0=start, tol=tolerance, maxiter=restarts, return_eigenvectors=False)
    except ArpackNoConvergence as error:
        raise RuntimeError(
            f"the largest eigenvalue did not reach tolerance {tolerance:g} in {restarts} restarts; "
            "give a larger tolerance or more restarts"
        ) from error
    return float(found)
