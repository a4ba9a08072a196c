"""What the claims of several chapters share: oracles, tolerances and moves within the implementations of a function."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from stableminima import autodiff, smoothness
from stableminima.network import Dataset, Network

from .instances import Case

Array = NDArray[np.float64]


def balancing(net: Network, power: float = 0.5) -> Array:
    """Factors for :meth:`Network.rescale`; at power ½ the two layers of every neuron get equal norms."""
    return ((np.abs(net.w2) + 1e-9) / (np.hypot(net.w1, net.b1) + 1e-9)) ** power


def rescaled(net: Network, vector: Array) -> Network:
    """The same function with the neurons rescaled: all by one number, and towards balance by another."""
    shift, power = vector
    return net.rescale(np.exp(shift) * balancing(net, power))


def mean_outer(columns: Array) -> Array:
    """(1/n) Σ_j c_j c_jᵀ of the columns of a matrix of shape (d, n)."""
    return np.mean([np.outer(column, column) for column in columns.T], axis=0)


def mean_outer_product(case: Case) -> Array:
    """(1/n) Σ_j ∇f(x_j) ∇f(x_j)ᵀ with autograd's gradients."""
    return mean_outer(autodiff.features(case.net, case.data.x))


def weight_of_side(at: float, beyond: Array, n: int, power: int = 2, root: bool = True) -> float:
    """P² |E[X - x]| √(1 + E[X]²) at x = ``at``, word for word, with means over those of n samples that are beyond x.

    0 where there are none. Another power of P, or no root, makes a wrong weight.
    """
    if not beyond.size:
        return 0.0
    mean = beyond.mean()
    return float((beyond.size / n) ** power * abs(mean - at) * (np.hypot(1, mean) if root else 1))


def weight_by_means(at: float, data: Dataset, power: int = 2) -> float:
    """g word for word: the smaller of (S38) and (S39)."""
    return min(weight_of_side(at, data.x[side * data.x > side * at], data.n, power) for side in (1, -1))


def exact(values: Array) -> NDArray:
    """The same numbers as exact fractions."""
    return np.array([Fraction(value) for value in np.ravel(values).tolist()], dtype=object)


def exact_output(theta: NDArray, x: NDArray, pattern: NDArray | None = None) -> NDArray:
    """f(x; θ) in exact fractions, for exact θ of shape (3k+1,) and x; with a pattern, shape (n, k), φ of (S45)."""
    w1, b1, w2 = theta[:-1].reshape(3, -1)
    z = np.outer(x, w1) + b1
    return np.where(z > 0 if pattern is None else pattern, z, Fraction(0)) @ w2 + theta[-1]


def with_parameters(vector: Array, case: Case) -> Case:
    """The network of these parameters on the same inputs, with its own outputs as labels."""
    return replace(case, net=Network.from_vector(vector)).interpolating()


def larger_side(x: Array, data: Dataset) -> Array:
    """max(g⁻, g⁺), a wrong weight."""
    return np.maximum(smoothness.g_plus(x, data), smoothness.g_minus(x, data))
