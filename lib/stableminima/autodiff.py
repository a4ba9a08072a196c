"""Loss, gradient and Hessian by automatic differentiation.

Nothing here knows a closed form: these functions are the independent truth that ``tangent`` is held against.
ReLU is written ``z * (z > 0)``, whose derivative at 0 is 0; autograd's ``maximum`` would give one half. With a
``pattern`` of shape (n, k) the network is frozen by it, so that it is a polynomial in θ (S45).
"""

from __future__ import annotations

import autograd
import autograd.numpy as anp
import numpy as np
from numpy.typing import ArrayLike, NDArray

from .network import Dataset, Network

Array = NDArray[np.float64]


def output(theta: Array, x: ArrayLike, pattern: ArrayLike | None = None) -> Array:
    """f(x; θ) for a parameter vector of shape (3k+1,) in the order of (S31); φ(x; θ, m) for the pattern of m (S45)."""
    w1, b1, w2 = theta[:-1].reshape(3, -1)
    z = anp.outer(anp.asarray(x), w1) + b1
    return anp.dot(z * (z > 0 if pattern is None else pattern), w2) + theta[-1]


def loss(theta: Array, data: Dataset, pattern: ArrayLike | None = None) -> float:
    """L(θ) = (1/2n) Σ_j (f(x_j; θ) - y_j)², or ψ_m(θ) (S49)."""
    return anp.mean((output(theta, data.x, pattern) - data.y) ** 2) / 2


def features(net: Network, x: ArrayLike, pattern: ArrayLike | None = None) -> Array:
    """∇_θ f(x_j), one column for each sample; shape (3k+1, n) (S32, S53)."""
    return autograd.jacobian(output)(net.vector, x, pattern).T


def gradient(net: Network, data: Dataset, pattern: ArrayLike | None = None) -> Array:
    """∇L(θ), shape (3k+1,), or ∇ψ_m(θ) (S52)."""
    return autograd.grad(loss)(net.vector, data, pattern)


def hessian(net: Network, data: Dataset, pattern: ArrayLike | None = None) -> Array:
    """∇²L(θ), shape (3k+1, 3k+1), or ∇²ψ_m(θ) (S58)."""
    return autograd.hessian(loss)(net.vector, data, pattern)
