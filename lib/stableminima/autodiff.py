"""Loss, gradient and Hessian by automatic differentiation.

Nothing here knows a closed form: these functions are the independent truth that ``tangent`` is held against.
ReLU is written ``z * (z > 0)``, whose derivative at 0 is 0; autograd's ``maximum`` would give one half.
"""

from __future__ import annotations

import autograd
import autograd.numpy as anp
import numpy as np
from numpy.typing import ArrayLike, NDArray

from .network import Dataset, Network


def output(theta: NDArray[np.float64], x: ArrayLike) -> NDArray[np.float64]:
    """f(x; θ) for a parameter vector of shape (3k+1,) in the order of (S31)."""
    w1, b1, w2 = theta[:-1].reshape(3, -1)
    z = anp.outer(anp.asarray(x), w1) + b1
    return anp.dot(z * (z > 0), w2) + theta[-1]


def loss(theta: NDArray[np.float64], data: Dataset) -> float:
    """L(θ) = (1/2n) Σ_j (f(x_j; θ) - y_j)²."""
    return anp.mean((output(theta, data.x) - data.y) ** 2) / 2


def features(net: Network, x: ArrayLike) -> NDArray[np.float64]:
    """∇_θ f(x_j), one column for each sample; shape (3k+1, n) (S32)."""
    return autograd.jacobian(output)(net.vector, x).T


def gradient(net: Network, data: Dataset) -> NDArray[np.float64]:
    """∇L(θ), shape (3k+1,)."""
    return autograd.grad(loss)(net.vector, data)


def hessian(net: Network, data: Dataset) -> NDArray[np.float64]:
    """∇²L(θ), shape (3k+1, 3k+1)."""
    return autograd.hessian(loss)(net.vector, data)
