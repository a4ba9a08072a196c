"""The one-hidden-layer ReLU network of one input, and the data it is fitted to.

Everything here is immutable. A ``Network`` holds the parameters θ = [w1; b1; w2; b2] of equation (S31) and
knows the piecewise linear function f that they represent; a ``Dataset`` holds n samples with distinct inputs.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .arguments import Vector, number, positive, vector, whole


def _same_length(**arrays: Vector) -> None:
    sizes = {name: array.size for name, array in arrays.items()}
    if len(set(sizes.values())) > 1:
        listed = ", ".join(f"{name} has {size}" for name, size in sizes.items())
        raise ValueError(f"{', '.join(sizes)} must have equal lengths: {listed}")


@dataclass(frozen=True, eq=False)
class Dataset:
    """Samples (x_j, y_j), j = 1…n, with distinct inputs.

    Attributes
    ----------
    x, y : arrays of shape (n,), read-only, in the order given.

    Raises
    ------
    ValueError
        If a value is not finite, a shape is wrong, lengths differ, or two inputs are equal.

    Examples
    --------
    >>> Dataset([-1, 0, 2], [0.5, 0.1, 0.3]).n
    3
    >>> Dataset([0, 0], [1, 2])
    Traceback (most recent call last):
    ...
    ValueError: x holds 0.0 more than once; keep one sample for each input (average its labels, say)
    """

    x: Vector
    y: Vector

    def __post_init__(self) -> None:
        object.__setattr__(self, "x", vector("x", self.x))
        object.__setattr__(self, "y", vector("y", self.y))
        _same_length(x=self.x, y=self.y)
        values, counts = np.unique(self.x, return_counts=True)
        if counts.max() > 1:
            raise ValueError(
                f"x holds {values[counts > 1][0]} more than once; "
                "keep one sample for each input (average its labels, say)"
            )

    @property
    def n(self) -> int:
        """The number of samples."""
        return self.x.size

    @classmethod
    def random(cls, rng: np.random.Generator, n: int = 10, spread: float = 2.0, label_scale: float = 0.3) -> Dataset:
        """x uniform in [-spread, spread] and y normal with standard deviation ``label_scale``, x drawn first.

        Raises
        ------
        ValueError
            If ``n`` is below 1, or ``spread`` not positive, or ``label_scale`` negative.
        """
        whole("n", n, 1)
        positive("spread", spread)
        number("label_scale", label_scale, 0)
        return cls(rng.uniform(-spread, spread, n), label_scale * rng.standard_normal(n))


@dataclass(frozen=True, eq=False)
class Network:
    """f(x) = Σ_i w2_i σ(w1_i x + b1_i) + b2 with σ(z) = max(z, 0) and the convention σ'(0) = 0.

    Attributes
    ----------
    w1, b1, w2 : arrays of shape (k,), read-only.
    b2 : float.

    Raises
    ------
    ValueError
        If a parameter is not finite, a shape is wrong, or the lengths differ.

    Examples
    --------
    >>> absolute = Network([1, -1], [0, 0], [1, 1], 0)
    >>> absolute([-2, 0, 3]).tolist()
    [2.0, 0.0, 3.0]
    """

    w1: Vector
    b1: Vector
    w2: Vector
    b2: float

    def __post_init__(self) -> None:
        for name in ("w1", "b1", "w2"):
            object.__setattr__(self, name, vector(name, getattr(self, name)))
        _same_length(w1=self.w1, b1=self.b1, w2=self.w2)
        object.__setattr__(self, "b2", float(vector("b2", np.ravel(self.b2), 1)[0]))

    @property
    def k(self) -> int:
        """The number of neurons."""
        return self.w1.size

    @cached_property
    def vector(self) -> Vector:
        """θ = [w1; b1; w2; b2], shape (3k+1,) (S31)."""
        theta = np.concatenate([self.w1, self.b1, self.w2, [self.b2]])
        theta.setflags(write=False)
        return theta

    @classmethod
    def from_vector(cls, theta: ArrayLike) -> Network:
        """The network of a parameter vector of shape (3k+1,), in the order of (S31).

        Raises
        ------
        ValueError
            If the number of entries is not 3k+1 for some k ≥ 1, or one is not finite.
        """
        theta = vector("theta", theta)
        k, rest = divmod(theta.size - 1, 3)
        if rest or k == 0:
            raise ValueError(f"theta must have 3k+1 entries for a width k ≥ 1, got {theta.size}")
        return cls(theta[:k], theta[k : 2 * k], theta[2 * k : 3 * k], theta[-1])

    @classmethod
    def random(cls, rng: np.random.Generator, k: int = 80, scale: float = 1.0) -> Network:
        """PyTorch's default initialisation of this network, all of it multiplied by ``scale``.

        First layer uniform in [-1, 1], second layer uniform in [-1/√k, 1/√k]; drawn in the order of (S31).

        Raises
        ------
        ValueError
            If ``k`` is below 1, or ``scale`` is not positive and finite.
        """
        whole("k", k, 1)
        positive("scale", scale)
        edge = 1 / np.sqrt(k)
        layers = rng.uniform(-1, 1, k), rng.uniform(-1, 1, k), rng.uniform(-edge, edge, k)
        return cls(*(scale * layer for layer in layers), scale * rng.uniform(-edge, edge))

    def preactivation(self, x: ArrayLike) -> NDArray[np.float64]:
        """z_ji = w1_i x_j + b1_i, shape (n, k)."""
        return np.multiply.outer(np.asarray(x, dtype=np.float64), self.w1) + self.b1

    def pattern(self, x: ArrayLike) -> NDArray[np.bool_]:
        """I_ji = 1 where neuron i is active on x_j, that is z_ji > 0; shape (n, k). Zero at z = 0."""
        return self.preactivation(x) > 0

    def __call__(self, x: ArrayLike) -> NDArray[np.float64]:
        """f(x), in the shape of x."""
        return np.maximum(self.preactivation(x), 0) @ self.w2 + self.b2

    def residual(self, data: Dataset) -> Vector:
        """f(x_j) - y_j, shape (n,)."""
        return self(data.x) - data.y

    def loss(self, data: Dataset) -> float:
        """L(θ) = (1/2n) Σ_j (f(x_j) - y_j)²."""
        return float(np.mean(self.residual(data) ** 2) / 2)

    def rescale(self, beta: ArrayLike) -> Network:
        """The same function with neuron i's first layer times β_i > 0 and its second layer divided by it (S81).

        ``beta`` has shape (k,), or is one number for all neurons.

        Raises
        ------
        ValueError
            If a factor is not positive and finite.
        """
        beta = vector("beta", np.full(self.k, beta) if np.ndim(beta) == 0 else beta, self.k)
        if beta.min() <= 0:
            raise ValueError(f"beta must be positive, got {beta.min()}; a negative factor changes the function")
        return Network(beta * self.w1, beta * self.b1, self.w2 / beta, self.b2)

    @cached_property
    def thresholds(self) -> Vector:
        """τ_i = -b1_i/w1_i, or 0 where w1_i = 0; shape (k,), one for each neuron (S36)."""
        flat = self.w1 == 0
        tau = np.where(flat, 0.0, -self.b1 / np.where(flat, 1.0, self.w1)) + 0.0  # no negative zero
        tau.setflags(write=False)
        return tau

    @cached_property
    def knots(self) -> tuple[Vector, Vector]:
        """Where f bends and by how much: positions and masses of the measure f'', positions increasing.

        f'' = Σ_i |w1_i| w2_i δ(x - τ_i) (S41, footnote; the absolute value is missing in print). Neurons with one
        threshold are one knot whose mass is the sum; neurons with w1_i = 0 or w2_i = 0 do not bend f.

        Examples
        --------
        >>> position, mass = Network([1, -1], [0, 0], [1, 1], 0).knots      # f = |x|
        >>> position.tolist(), mass.tolist()
        ([0.0], [2.0])
        """
        bends = (self.w1 != 0) & (self.w2 != 0)
        position, index = np.unique(self.thresholds[bends], return_inverse=True)
        mass = np.zeros(position.size)
        np.add.at(mass, index, (np.abs(self.w1) * self.w2)[bends])
        position.setflags(write=False)
        mass.setflags(write=False)
        return position, mass
