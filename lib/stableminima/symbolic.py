"""The network as a formula of computer algebra, and its gradient by sympy; and the algebra of Theorem 2.

Nothing here knows a closed form of the gradient. What sympy answers at a kink depends on how ReLU is written, and
:data:`RELU` holds the three ways with their derivative at 0.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from types import MappingProxyType

import numpy as np
import sympy
from numpy.typing import ArrayLike, NDArray
from sympy import Expr, Max, Piecewise, Rational, Symbol

from .arguments import vector, whole
from .network import Network

Relu = Callable[[Expr], Expr]
X = Symbol("x", real=True)

RELU = MappingProxyType(
    {
        "Piecewise, z > 0": lambda z: Piecewise((z, z > 0), (0, True)),
        "Piecewise, z >= 0": lambda z: Piecewise((z, z >= 0), (0, True)),
        "Max(z, 0)": lambda z: Max(z, 0),
    }
)


@cache
def parameters(k: int) -> tuple[Symbol, ...]:
    """The 3k+1 symbols of θ in the order of (S31).

    >>> parameters(2)
    (w1_0, w1_1, b1_0, b1_1, w2_0, w2_1, b2)
    """
    whole("k", k, 1)
    names = [f"{layer}_{i}" for layer in ("w1", "b1", "w2") for i in range(k)]
    return tuple(Symbol(name, real=True) for name in (*names, "b2"))


def output(k: int, relu: Relu = RELU["Piecewise, z > 0"]) -> Expr:
    """f(x; θ) = Σ_i w2_i σ(w1_i x + b1_i) + b2 in the symbols ``X`` and :func:`parameters`.

    >>> output(1, lambda z: z)
    b2 + w2_0*(b1_0 + w1_0*x)
    """
    return sum((v * relu(w * X + b) for w, b, v in _neurons(k)), parameters(k)[-1])


@cache
def gradient(k: int, relu: Relu = RELU["Piecewise, z > 0"]) -> tuple[Expr, ...]:
    """∂f/∂θ_p for each parameter, in the order of (S31).

    >>> gradient(1, lambda z: z)
    (w2_0*x, w2_0, b1_0 + w1_0*x, 1)
    """
    f = output(k, relu)
    return tuple(sympy.diff(f, parameter) for parameter in parameters(k))


def features(net: Network, x: ArrayLike, relu: Relu = RELU["Piecewise, z > 0"]) -> NDArray[np.float64]:
    """∇_θ f(x_j) with exact rational numbers put into the formula, one column for each sample; shape (3k+1, n).

    Meant for a handful of neurons: sympy needs about a millisecond for each entry.

    >>> features(Network([1], [-1], [2], 0), [3]).ravel().tolist()
    [6.0, 2.0, 2.0, 1.0]
    """
    theta = dict(zip(parameters(net.k), map(_rational, net.vector), strict=True))
    points = [theta | {X: _rational(point)} for point in vector("x", np.ravel(x))]
    return np.array([[float(entry.xreplace(at)) for at in points] for entry in gradient(net.k, relu)])


def frozen_features(net: Network, x: ArrayLike) -> NDArray[np.float64]:
    """The same for the polynomial that f is while its activation pattern is frozen; shape (3k+1, n).

    The pattern is read off exact rational pre-activations, once for each sample.
    """
    theta = dict(zip(parameters(net.k), map(_rational, net.vector), strict=True))
    columns = []
    for point in map(_rational, vector("x", np.ravel(x))):
        active = [bool(_rational(w) * point + _rational(b) > 0) for w, b in zip(net.w1, net.b1, strict=True)]
        columns.append([float(entry.xreplace(theta | {X: point})) for entry in frozen_gradient(*active)])
    return np.array(columns).T


@cache
def frozen_gradient(*active: bool) -> tuple[Expr, ...]:
    """∂/∂θ_p of φ = Σ_{i active} w2_i (w1_i x + b1_i) + b2, a polynomial, in the order of (S31).

    >>> frozen_gradient(True, False)
    (w2_0*x, 0, w2_0, 0, b1_0 + w1_0*x, 0, 1)
    """
    k = len(active)
    terms = (v * (w * X + b) for (w, b, v), on in zip(_neurons(k), active, strict=True) if on)
    polynomial = sum(terms, parameters(k)[-1])
    return tuple(sympy.diff(polynomial, parameter) for parameter in parameters(k))


@cache
def larger_root_squared() -> tuple[Symbol, Symbol, Expr]:
    """α, β and the square of the larger root of ζ² - αζ - β, as sympy solves it (S73 to S75).

    >>> alpha, beta, square = larger_root_squared()
    >>> square.subs({alpha: 0}), square.subs({alpha: 3, beta: 4})
    (beta, 16)
    """
    alpha, beta, zeta = Symbol("alpha", nonnegative=True), Symbol("beta", positive=True), Symbol("zeta", real=True)
    larger = max(sympy.solve(zeta**2 - alpha * zeta - beta, zeta), key=lambda root: root.subs({alpha: 1, beta: 1}))
    return alpha, beta, sympy.expand(larger**2)


def _neurons(k: int) -> list[tuple[Symbol, Symbol, Symbol]]:
    """(w1_i, b1_i, w2_i) of every neuron."""
    theta = parameters(k)
    return list(zip(theta[:k], theta[k : 2 * k], theta[2 * k : 3 * k], strict=True))


def _rational(value: float) -> Rational:
    return Rational(*float(value).as_integer_ratio())
