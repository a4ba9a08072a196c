"""Tangent features, Gram matrix, Hessian and sharpness in closed form.

The features Φ are the gradients of f at the samples (S32). The Hessian of the loss is the Gauss-Newton part
ΦΦᵀ/n plus a residual part, which vanishes at an interpolating minimum (S58, S59); there the largest eigenvalue is
also that of the n×n Gram matrix ΦᵀΦ/n, which is much smaller (S60).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import eigh

from .network import Dataset, Network

Matrix = NDArray[np.float64]


def features(net: Network, x: ArrayLike) -> Matrix:
    """Φ = [∇_θ f(x_1), …, ∇_θ f(x_n)], shape (3k+1, n) (S32)."""
    x = np.asarray(x, dtype=np.float64)
    z = net.preactivation(x)
    slope = net.w2 * (z > 0)
    return np.vstack([(x[:, None] * slope).T, slope.T, np.maximum(z, 0).T, np.ones(x.size)])


def gram(net: Network, data: Dataset) -> Matrix:
    """ΦᵀΦ/n, shape (n, n): the same non-zero eigenvalues as ΦΦᵀ/n."""
    phi = features(net, data.x)
    return phi.T @ phi / data.n


def gradient(net: Network, data: Dataset) -> NDArray[np.float64]:
    """∇L(θ) = Φ (f - y)/n, shape (3k+1,)."""
    return features(net, data.x) @ net.residual(data) / data.n


def gauss_newton(net: Network, data: Dataset) -> Matrix:
    """ΦΦᵀ/n, the Hessian at zero loss; shape (3k+1, 3k+1) (S60)."""
    phi = features(net, data.x)
    return phi @ phi.T / data.n


def residual_part(net: Network, data: Dataset) -> Matrix:
    """(1/n) Σ_j (f(x_j) - y_j) ∇²f(x_j), shape (3k+1, 3k+1) (S58).

    Within one activation pattern f is bilinear: only the pairs (w1_i, w2_i) and (b1_i, w2_i) have second
    derivatives, x_j I_ji and I_ji.
    """
    k = net.k
    out = np.zeros((3 * k + 1, 3 * k + 1))
    i = np.arange(k)
    a, b = couplings(net, data)
    out[i, 2 * k + i] = out[2 * k + i, i] = a
    out[k + i, 2 * k + i] = out[2 * k + i, k + i] = b
    return out


def couplings(net: Network, data: Dataset) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What R couples w1_i and b1_i to w2_i by: (1/n) Σ_j r_j x_j I_ji and (1/n) Σ_j r_j I_ji, each of shape (k,)."""
    weighted = net.pattern(data.x) * (net.residual(data) / data.n)[:, None]
    return data.x @ weighted, weighted.sum(axis=0)


def hessian(net: Network, data: Dataset) -> Matrix:
    """∇²L(θ) = Gauss-Newton part + residual part, shape (3k+1, 3k+1) (S58)."""
    return gauss_newton(net, data) + residual_part(net, data)


def largest_eigenvalue(matrix: Matrix) -> float:
    """The largest algebraic eigenvalue of a symmetric matrix (not the largest in modulus)."""
    last = matrix.shape[0] - 1
    return float(eigh(matrix, eigvals_only=True, subset_by_index=(last, last))[0])


def sharpness(net: Network, data: Dataset) -> float:
    """λ_max(∇²L(θ)), the largest algebraic eigenvalue of the whole Hessian."""
    return largest_eigenvalue(hessian(net, data))


def interpolation_sharpness(net: Network, data: Dataset) -> float:
    """λ_max(ΦᵀΦ/n): the sharpness at zero loss, by the n×n Gram matrix (S60, S87).

    Away from zero loss this is the sharpness of the Gauss-Newton part alone.
    """
    return largest_eigenvalue(gram(net, data))
