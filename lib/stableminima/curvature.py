"""λ_max of the whole Hessian by an n×n matrix, at any loss.

The Hessian is ΦΦᵀ/n + R (S58). R couples each neuron's w1 and b1 to its w2, by a_i = (1/n) Σ_j r_j x_j I_ji and
b_i = (1/n) Σ_j r_j I_ji, so its eigenvalues are 0 and ±ρ_i with ρ_i = √(a_i² + b_i²). Above ρ = max ρ_i the matrix
λ - R can be inverted neuron by neuron, and λ is an eigenvalue of the Hessian exactly if 1 is one of Φᵀ(λ - R)⁻¹Φ/n.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from . import tangent
from .network import Dataset, Network

Array = NDArray[np.float64]


def corrected_gram(net: Network, data: Dataset, eigenvalue: float) -> Array:
    """λΦᵀ(λ - R)⁻¹Φ/n, shape (n, n): ΦᵀΦ/n plus what the residuals add. λ is an eigenvalue of both this and ∇²L (I.3).

    It is (1/n)(ΦᵀΦ + Σ_i (ρ_i²(pᵢpᵢᵀ + σᵢσᵢᵀ) + λρ_i(pᵢσᵢᵀ + σᵢpᵢᵀ))/(λ² - ρ_i²)), where p_i holds the derivatives of f
    along the unit vector (a_i, b_i)/ρ_i of the neuron's first layer.

    Raises
    ------
    ValueError
        If λ is not above ρ, where the inverse does not exist.
    """
    rho, slope, value = _couplings(net, data)
    if not eigenvalue > rho.max():
        raise ValueError(f"eigenvalue must be above ρ = {rho.max()}, got {eigenvalue}")
    gap = (eigenvalue - rho) * (eigenvalue + rho)
    square, mixed = rho**2 / gap, eigenvalue * rho / gap
    added = (slope * square) @ slope.T + (value * square) @ value.T
    cross = (slope * mixed) @ value.T
    return tangent.gram(net, data) + (added + cross + cross.T) / data.n


def gram_sharpness(net: Network, data: Dataset) -> float:
    """λ_max(∇²L(θ)) from n×n matrices only: the root of λ_max(:func:`corrected_gram`) = λ, or ρ if there is none (I.3).

    λ_max(Φᵀ(λ - R)⁻¹Φ/n) falls in λ, so there is at most one root above ρ, and it is the largest eigenvalue. By Weyl's
    inequality it is at most λ_max(ΦᵀΦ/n) + ρ. One matrix costs O(n²k) instead of the O(k³) of the whole Hessian.

    Examples
    --------
    >>> net, data = Network([1, -1], [0.5, 0], [1, 2], 0), Dataset([-1, 0, 2], [3, 0, 1])
    >>> abs(gram_sharpness(net, data) - tangent.sharpness(net, data)) < 1e-12
    True
    """
    rho = _couplings(net, data)[0].max()
    flat = tangent.interpolation_sharpness(net, data)
    low, high = max(rho, flat - rho) * (1 + 1e-12), (flat + rho) * (1 + 1e-12)

    def excess(eigenvalue: float) -> float:
        return tangent.largest_eigenvalue(corrected_gram(net, data, eigenvalue)) / eigenvalue - 1

    if excess(low) <= 0:  # the root is where the search begins, or there is none above ρ
        return float(max(rho, flat - rho))
    return float(brentq(excess, low, high * (1 + 1e-9), xtol=1e-15 * high, rtol=8.9e-16))


def _couplings(net: Network, data: Dataset) -> tuple[Array, Array, Array]:
    """ρ_i, shape (k,), and the columns p_i and σ_i, each of shape (n, k)."""
    z = net.preactivation(data.x)
    active = z > 0
    a, b = tangent.couplings(net, data)
    rho = np.hypot(a, b)
    unit = np.array([a, b]) / np.where(rho > 0, rho, 1.0)
    slope = active * net.w2 * (np.multiply.outer(data.x, unit[0]) + unit[1])
    return rho, slope, np.maximum(z, 0)
