"""Tangent features, Gram matrix, Hessian and sharpness in closed form.

The features Φ are the gradients of f at the samples (S32). The Hessian of the loss is the Gauss-Newton part
ΦΦᵀ/n plus a residual part R, which vanishes at an interpolating minimum (S58, S59); there the largest eigenvalue is
also that of the n×n Gram matrix ΦᵀΦ/n, which is much smaller (S60).

Functions with a ``pattern`` take an activation pattern of shape (n, k) in place of the network's own. Then they speak
of the network that is frozen by it, a polynomial in θ (S45, S49).

n×n matrices do at any loss. R couples each neuron's w1 and b1 to its w2, by a_i and b_i of :func:`couplings`, so its
eigenvalues are 0 and ±ρ_i with ρ_i = √(a_i² + b_i²). Above ρ = max ρ_i the matrix λ - R can be inverted neuron by
neuron, and λ is an eigenvalue of the Hessian exactly if 1 is one of Φᵀ(λ - R)⁻¹Φ/n (I.3).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import eigh
from scipy.optimize import brentq

from . import matrix_free
from .arguments import finite, vector
from .network import Dataset, Network

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]
DENSE_UP_TO = 300  # rows of a Hessian: from there on products with vectors are faster than the matrix


def blocks(net: Network, x: ArrayLike, pattern: ArrayLike | None = None) -> NDArray[np.float64]:
    """x_j I_ji, I_ji and I_ji z_ji, shape (3, k, n): ∇_θ f(x_j) but for the factors w2_i and the 1 of b2 (S32).

    ``pattern`` is I, shape (n, k), by default the network's own. Numbers between 0 and 1 are taken as σ'(z_ji).

    Raises
    ------
    ValueError
        If x is not one-dimensional, or the pattern has another shape.
    """
    x = vector("x", x)
    z = net.preactivation(x)
    active = (z > 0 if pattern is None else finite("pattern", pattern, z.shape)).T.astype(np.float64)
    return np.stack([x * active, active, z.T * active + 0.0])  # no negative zero


def output(net: Network, x: ArrayLike, pattern: ArrayLike | None = None) -> Vector:
    """φ(x_j; θ, m) = Σ_i I_ji w2_i (w1_i x_j + b1_i) + b2, shape (n,), with the pattern I of m (S45); f by default.

    >>> net = Network([1], [-1], [2], 0)
    >>> output(net, [0]).tolist(), output(net, [0], pattern=[[True]]).tolist()
    ([0.0], [-2.0])
    """
    return net.w2 @ blocks(net, x, pattern)[2] + net.b2


def features(net: Network, x: ArrayLike, pattern: ArrayLike | None = None) -> Matrix:
    """Φ = [∇_θ f(x_1), …, ∇_θ f(x_n)], shape (3k+1, n) (S32), or the limit of it within another activation pattern.

    ``pattern`` is as in :func:`blocks`. At a kink either side's is a gradient of f.

    Examples
    --------
    >>> kink = Network([1], [-1], [2], 0)
    >>> features(kink, [1]).ravel().tolist(), features(kink, [1], pattern=[[True]]).ravel().tolist()
    ([0.0, 0.0, 0.0, 1.0], [2.0, 2.0, 0.0, 1.0])
    """
    by_weight, by_bias, values = blocks(net, x, pattern)
    second = net.w2[:, None]
    return np.vstack([second * by_weight, second * by_bias, values, np.ones(values.shape[1])])


def gram(net: Network, data: Dataset, pattern: ArrayLike | None = None) -> Matrix:
    """ΦᵀΦ/n, shape (n, n): the same non-zero eigenvalues as ΦΦᵀ/n."""
    phi = features(net, data.x, pattern)
    return phi.T @ phi / data.n


def gradient(net: Network, data: Dataset, pattern: ArrayLike | None = None) -> Vector:
    """∇ψ_m(θ) = Φ (φ - y)/n, shape (3k+1,) (S52); ∇L(θ) by default."""
    return features(net, data.x, pattern) @ residual(net, data, pattern) / data.n


def residual(net: Network, data: Dataset, pattern: ArrayLike | None = None) -> Vector:
    """φ(x_j; θ, m) - y_j, shape (n,); f(x_j) - y_j by default."""
    return net.residual(data) if pattern is None else output(net, data.x, pattern) - data.y


def gauss_newton(net: Network, data: Dataset, pattern: ArrayLike | None = None) -> Matrix:
    """ΦΦᵀ/n, the Hessian at zero loss; shape (3k+1, 3k+1) (S60)."""
    phi = features(net, data.x, pattern)
    return phi @ phi.T / data.n


def residual_part(net: Network, data: Dataset, pattern: ArrayLike | None = None) -> Matrix:
    """(1/n) Σ_j r_j ∇²f(x_j) with the residuals r_j = f(x_j) - y_j, shape (3k+1, 3k+1) (S58).

    Within one activation pattern f is bilinear: only the pairs (w1_i, w2_i) and (b1_i, w2_i) have second
    derivatives, x_j I_ji and I_ji.
    """
    k = net.k
    out = np.zeros((3 * k + 1, 3 * k + 1))
    i = np.arange(k)
    a, b = couplings(net, data, pattern)
    out[i, 2 * k + i] = out[2 * k + i, i] = a
    out[k + i, 2 * k + i] = out[2 * k + i, k + i] = b
    return out


def couplings(net: Network, data: Dataset, pattern: ArrayLike | None = None) -> tuple[Vector, Vector]:
    """What R couples w1_i and b1_i to w2_i by: (1/n) Σ_j r_j x_j I_ji and (1/n) Σ_j r_j I_ji, each of shape (k,)."""
    by_weight, by_bias, _ = blocks(net, data.x, pattern)
    weights = residual(net, data, pattern) / data.n
    return by_weight @ weights, by_bias @ weights


def hessian(net: Network, data: Dataset, pattern: ArrayLike | None = None) -> Matrix:
    """∇²ψ_m(θ) = Gauss-Newton part + residual part, shape (3k+1, 3k+1) (S58); ∇²L(θ) by default."""
    return gauss_newton(net, data, pattern) + residual_part(net, data, pattern)


def largest_eigenvalue(matrix: Matrix) -> float:
    """The largest algebraic eigenvalue of a symmetric matrix (not the largest in modulus)."""
    last = matrix.shape[0] - 1
    return float(eigh(matrix, eigvals_only=True, subset_by_index=(last, last))[0])


def sharpness(net: Network, data: Dataset) -> float:
    """λ_max(∇²L(θ)), the largest algebraic eigenvalue, by the method that suits the size (S9).

    n×n matrices where n is small beside k, the whole Hessian where it has up to :data:`DENSE_UP_TO` rows or so, and
    products with vectors where both are large. All three agree to nine digits or more.

    Raises
    ------
    RuntimeError
        If both are large and the iteration does not converge: the largest eigenvalues all but coincide.

    Examples
    --------
    >>> round(sharpness(Network([1, -1], [0, 0], [1, 1], 0), Dataset([-1, 0, 1], [1, 0, 1])), 9)
    1.816496581
    """
    if min(3 * data.n, net.vector.size) > DENSE_UP_TO:
        return matrix_free.sharpness(net, data)
    return gram_sharpness(net, data) if 2 * data.n <= net.k else dense_sharpness(net, data)


def dense_sharpness(net: Network, data: Dataset) -> float:
    """λ_max(∇²L(θ)) from the whole Hessian, in O(k²(k + n))."""
    return largest_eigenvalue(hessian(net, data))


def interpolation_sharpness(net: Network, data: Dataset) -> float:
    """λ_max(ΦᵀΦ/n): the sharpness at zero loss, by the n×n Gram matrix (S60, S87).

    Away from zero loss this is the sharpness of the Gauss-Newton part alone.
    """
    return largest_eigenvalue(gram(net, data))


def corrected_gram(net: Network, data: Dataset, eigenvalue: float) -> Matrix:
    """λΦᵀ(λ - R)⁻¹Φ/n, shape (n, n): ΦᵀΦ/n plus what the residuals add. λ is an eigenvalue of both this and ∇²L (I.3).

    It is (1/n)(ΦᵀΦ + Σ_i (ρ_i²(pᵢpᵢᵀ + σᵢσᵢᵀ) + λρ_i(pᵢσᵢᵀ + σᵢpᵢᵀ))/(λ² - ρ_i²)), where p_i holds the derivatives of f
    along the unit vector (a_i, b_i)/ρ_i of the neuron's first layer.

    Raises
    ------
    ValueError
        If λ is not finite and above ρ, where the inverse does not exist.
    """
    rho, slope, value = _residual_modes(net, data)
    if not rho.max() < eigenvalue < np.inf:
        raise ValueError(f"eigenvalue must be finite and above ρ = {rho.max()}, got {eigenvalue}")
    gap = (eigenvalue - rho) * (eigenvalue + rho)
    square, mixed = rho**2 / gap, eigenvalue * rho / gap
    added = slope.T * square @ slope + value.T * square @ value
    cross = slope.T * mixed @ value
    return gram(net, data) + (added + cross + cross.T) / data.n


def gram_sharpness(net: Network, data: Dataset) -> float:
    """λ_max(∇²L(θ)) from n×n matrices only: the root of λ_max(:func:`corrected_gram`) = λ, or ρ if there is none (I.3).

    λ_max(Φᵀ(λ - R)⁻¹Φ/n) falls in λ, so there is at most one root above ρ, and it is the largest eigenvalue. By Weyl's
    inequality it is at most λ_max(ΦᵀΦ/n) + ρ. One matrix costs O(n²k) instead of the O(k³) of the whole Hessian.

    Examples
    --------
    >>> net, data = Network([1, -1], [0.5, 0], [1, 2], 0), Dataset([-1, 0, 2], [3, 0, 1])
    >>> abs(gram_sharpness(net, data) - dense_sharpness(net, data)) < 1e-12
    True
    """
    rho = _residual_modes(net, data)[0].max()
    flat = interpolation_sharpness(net, data)
    low, high = max(rho, flat - rho) * (1 + 1e-12), (flat + rho) * (1 + 1e-12)

    def excess(eigenvalue: float) -> float:
        return largest_eigenvalue(corrected_gram(net, data, eigenvalue)) / eigenvalue - 1

    if excess(low) <= 0:  # the root is where the search begins, or there is none above ρ
        return float(max(rho, flat - rho))
    return float(brentq(excess, low, high * (1 + 1e-9), xtol=1e-15 * high, rtol=8.9e-16))


def _residual_modes(net: Network, data: Dataset) -> tuple[Vector, Matrix, Matrix]:
    """ρ_i, shape (k,), and the rows p_i and σ_i, each of shape (k, n)."""
    a, b = couplings(net, data)
    rho = np.hypot(a, b)
    by_weight, by_bias, value = blocks(net, data.x)
    first, second = (net.w2 * each / np.where(rho > 0, rho, 1.0) for each in (a, b))
    return rho, first[:, None] * by_weight + second[:, None] * by_bias, value
