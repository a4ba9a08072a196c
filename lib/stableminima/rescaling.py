"""The flattest rescaling of a network: the same neurons, each moved between its two layers, and a proof (S81-S88).

Multiplying neuron i's first layer by β_i > 0 and dividing its second by it changes no value of f, but it changes the
Gram matrix at zero loss: n times it is 11ᵀ + Σ_i ((w2_i/β_i)² M_i + β_i² N_i), with M_i = (x∘I_i)(x∘I_i)ᵀ + I_iI_iᵀ and
N_i = σ_iσ_iᵀ of the neuron as it is. With s_i = β_i² and t_i ≥ w2_i²/s_i that is a semidefinite programme.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import tangent
from .network import Dataset, Network

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class FlattestRescaling:
    """The smallest λ_max(ΦᵀΦ/n) over all rescalings, between two bounds that are each proved by what is held here.

    Attributes
    ----------
    net : the rescaled network. sharpness : its λ_max(ΦᵀΦ/n), an upper bound.
    bound : what ``density`` proves of every rescaling. density : Q, shape (n, n).
    """

    net: Network
    sharpness: float
    bound: float
    density: Array


def rescaling_bound(net: Network, data: Dataset, density: ArrayLike) -> float:
    """(1/n)(1ᵀQ1 + 2 Σ_i |w2_i| √(⟨Q,M_i⟩⟨Q,N_i⟩)) ≤ λ_max(ΦᵀΦ/n) of every rescaling, for every density matrix Q.

    λ_max is at least ⟨Q, ·⟩, and the arithmetic mean of two terms whose product β cannot change is at least the
    geometric. Q = qqᵀ gives (S88). Q has shape (n, n).

    Raises
    ------
    ValueError
        If Q is not symmetric, positive semidefinite and of trace 1, to rounding.
    """
    density = np.asarray(density, dtype=float)
    if density.shape != (data.n, data.n) or not np.allclose(density, density.T):
        raise ValueError(f"density must be a symmetric matrix of shape ({data.n}, {data.n}), got {density.shape}")
    if not np.isclose(np.trace(density), 1) or np.linalg.eigvalsh(density)[0] < -1e-12:
        raise ValueError("density must be positive semidefinite and of trace 1; divide it by its trace")
    blocks = tangent.blocks(net, data.x)
    by_weight, by_bias, values = np.einsum("bij,jl,bil->bi", blocks, density, blocks)
    products = np.maximum(by_weight + by_bias, 0) * np.maximum(values, 0)
    return float((density.sum() + 2 * np.abs(net.w2) @ np.sqrt(products)) / data.n)


def flattest_rescaling(net: Network, data: Dataset, gap: float = 1e-4) -> FlattestRescaling:
    """The rescaling with the smallest λ_max(ΦᵀΦ/n), with a proof that none is flatter by more than the share ``gap``.

    At zero loss λ_max(ΦᵀΦ/n) is the sharpness (S82). A neuron with w2 = 0 has no best factor: the smaller the better,
    so it is shrunk until it adds 1e-12. One without an active sample adds nothing and stays as it is.

    Raises
    ------
    ArithmeticError
        If the gap does not close, as may happen where neurons differ by many powers of ten.

    Examples
    --------
    >>> net, data = Network([2, -0.5], [0, 0], [0.5, 1], 0), Dataset([-1, 1], [0.5, 1])
    >>> found = flattest_rescaling(net, data)
    >>> round(tangent.interpolation_sharpness(net, data), 3), round(found.sharpness, 3), round(found.bound, 3)
    (2.94, 2.173, 2.173)
    """
    first, second, value = tangent.blocks(net, data.x).transpose(0, 2, 1)
    length = np.linalg.norm(value, axis=0)
    matters, idle = np.flatnonzero((net.w2 != 0) & (length > 0)), (net.w2 == 0) & (length > 0)
    beta, density = np.ones(net.k), np.full((data.n, data.n), 1 / data.n)
    beta[idle] = 1e-6 / length[idle]
    if matters.size:
        chosen = (first[:, matters], second[:, matters], value[:, matters])
        beta[matters], density = _solve(*chosen, np.abs(net.w2[matters]))
    best = net.rescale(beta)
    found = FlattestRescaling(
        best, tangent.interpolation_sharpness(best, data), rescaling_bound(net, data, density), density
    )
    if found.sharpness > (1 + gap) * found.bound:
        raise ArithmeticError(f"the smallest sharpness is between {found.bound} and {found.sharpness}: allow that gap")
    return found


def _solve(first: Array, second: Array, value: Array, weight: Array) -> tuple[Array, Array]:
    """β of the neurons, and Q. In units in which each neuron's two terms are balanced, s and t are near 1."""
    import cvxpy as cp  # half a second that a run without a minimum, or a page without this programme, does not need

    n, k = value.shape
    balance = np.sqrt(weight * np.sqrt((first**2 + second**2).sum(0) / (value**2).sum(0)))
    left, right = (weight / balance) ** 2, balance**2
    outer = [np.einsum("ji,li->ijl", each, each) for each in (first, second, value)]
    terms = np.concatenate([left[:, None, None] * (outer[0] + outer[1]), right[:, None, None] * outer[2]])
    s, t, sharpness = cp.Variable(k), cp.Variable(k), cp.Variable()
    gram = (1 + cp.reshape(cp.hstack([t, s]) @ terms.reshape(2 * k, -1), (n, n), order="C")) / n
    below = sharpness * np.eye(n) - gram >> 0
    problem = cp.Problem(cp.Minimize(sharpness), [below, cp.SOC(s + t, cp.vstack([np.full(k, 2.0), s - t]), axis=0)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a solution may be inaccurate: the caller measures it
        problem.solve(solver=cp.CLARABEL)
    eigenvalues, vectors = np.linalg.eigh((below.dual_value + below.dual_value.T) / 2)
    eigenvalues = np.maximum(eigenvalues, 0)
    return balance * np.sqrt(np.maximum(s.value, 1e-12)), (vectors * (eigenvalues / eigenvalues.sum())) @ vectors.T
