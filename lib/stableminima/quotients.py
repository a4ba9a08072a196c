"""Derivatives by difference quotients, how far a kink is, and a step of descent as a difference quotient of the loss.

Within one activation pattern f is a straight line in each single parameter, so that a central difference has no
truncation error there. Two things are left to go wrong: rounding, which a larger step makes smaller, and a kink,
which the step must not reach.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import tangent
from .arguments import positive, vector
from .network import Dataset, Network


def room(net: Network, x: ArrayLike) -> NDArray[np.float64]:
    """How far each parameter can move alone until a pre-activation is 0 at one of the samples, shape (3k+1,).

    min_j |z_ji| / |x_j| for w1_i, min_j |z_ji| for b1_i, and infinity for w2_i and b2, which move no threshold.

    Examples
    --------
    >>> room(Network([1], [0.5], [2], 0), [2, 3]).tolist()
    [1.1666666666666667, 2.5, inf, inf]
    """
    x = vector("x", x)
    distance = np.abs(net.preactivation(x))
    speed = np.abs(x)[:, None] * np.ones(net.k)
    by_weight = np.full(distance.shape, np.inf)  # a sample at 0 does not feel w1
    np.divide(distance, speed, out=by_weight, where=speed > 0)
    return np.concatenate([by_weight.min(axis=0), distance.min(axis=0), np.full(net.k + 1, np.inf)])


def unguarded_difference(net: Network, x: ArrayLike, step: float) -> NDArray[np.float64]:
    """(f(x_j; θ + h e_p) - f(x_j; θ - h e_p)) / 2h for every parameter p, shape (3k+1, n), whatever kinks are near."""
    x = vector("x", x)
    positive("step", step)
    moves = step * np.eye(net.vector.size)
    up, down = (np.array([Network.from_vector(net.vector + sign * move)(x) for move in moves]) for sign in (1, -1))
    return (up - down) / (2 * step)


def central_difference(net: Network, x: ArrayLike, step: float) -> NDArray[np.float64]:
    """The same where no step reaches a kink, and an error where one does; shape (3k+1, n) (S32).

    Raises
    ------
    ValueError
        If a kink is nearer than the step, because the quotient would then mix the slopes of its two sides; or if the
        step is not positive.

    Examples
    --------
    >>> net = Network([1], [-1], [2], 0)
    >>> central_difference(net, [3], step=0.5).ravel().tolist()
    [6.0, 2.0, 2.0, 1.0]
    >>> central_difference(net, [1.25], step=0.5)
    Traceback (most recent call last):
    ...
    ValueError: step 0.5 reaches a kink at distance 0.2: take a smaller step, or another instance
    """
    positive("step", step)
    if not step < (nearest := room(net, x).min()):
        where = f"step {step:g} reaches a kink at distance {nearest:.3g}"
        raise ValueError(f"{where}: take a smaller step, or another instance")
    return unguarded_difference(net, x, step)


@dataclass(frozen=True, eq=False)
class Ray:
    """The loss along θ - s∇L(θ), the way that one step of gradient descent goes.

    Examples
    --------
    >>> along = Ray(Network([1], [1], [2], 0), Dataset([0, 1], [1, 1]))
    >>> along.kink, round(along.share(1e-6), 3)                 # at x = 0 the pre-activation is 1 - 4s
    (0.25, 1.0)
    """

    net: Network
    data: Dataset

    @cached_property
    def gradient(self) -> NDArray[np.float64]:
        """∇L(θ), shape (3k+1,)."""
        return tangent.gradient(self.net, self.data)

    @cached_property
    def promise(self) -> float:
        """‖∇L‖², the decrease of the loss for each unit of step size, to first order."""
        return float(self.gradient @ self.gradient)

    @cached_property
    def curvature(self) -> float:
        """κ = ∇Lᵀ ∇²L ∇L / ‖∇L‖², at most λ_max."""
        return float(self.gradient @ tangent.hessian(self.net, self.data) @ self.gradient / self.promise)

    @cached_property
    def sharpness(self) -> float:
        """λ_max(∇²L(θ))."""
        return tangent.sharpness(self.net, self.data)

    @cached_property
    def kink(self) -> float:
        """The smallest step size ≥ 0 at which a pre-activation is 0, or infinity if none gets there."""
        slope, offset, _ = self.gradient[:-1].reshape(3, -1)
        now, speed = self.net.preactivation(self.data.x), np.multiply.outer(self.data.x, slope) + offset
        reached = np.full(now.shape, np.inf)  # pre-activations move linearly
        np.divide(now, speed, out=reached, where=now * speed > 0)
        reached[now == 0] = 0.0
        return float(reached.min())

    def share(self, eta: float) -> float:
        """Decrease of the loss over the promised one."""
        positive("eta", eta)
        after = Network.from_vector(self.net.vector - eta * self.gradient)
        return (self.net.loss(self.data) - after.loss(self.data)) / (eta * self.promise)

    def rounding(self, eta: float) -> float:
        """How much of the promise one unit in the last place of the loss is."""
        return np.finfo(float).eps * self.net.loss(self.data) / (eta * self.promise)
