"""Chapter V: the gradient (S31, S32)."""

from __future__ import annotations

from fractions import Fraction
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from .. import autodiff, tangent
from ..instances import (
    Case,
    minima,
    random_cases,
)
from ..network import Network
from ..verify import Claim, Definition, Tolerance, Wrong
from .common import Array, exact

S31 = Definition("S31", "V", "The parameters in one vector: θ = [w1; b1; w2; b2]")


def _exact_output(theta: NDArray, x: NDArray) -> NDArray:
    w1, b1, w2 = theta[:-1].reshape(3, -1)
    z = np.outer(x, w1) + b1
    return np.where(z > 0, z, Fraction(0)) @ w2 + theta[-1]


def _exact_difference_quotient(case: Case, step: Fraction = Fraction(1, 10**60)) -> Array:
    """(f(θ + he) - f(θ - he))/2h in exact rational arithmetic, for each parameter; exact while no kink is within h."""
    theta, x = exact(case.net.vector), exact(case.data.x)
    rows = []
    for p in range(theta.size):
        up, down = theta.copy(), theta.copy()
        up[p] += step
        down[p] -= step
        rows.append((_exact_output(up, x) - _exact_output(down, x)) / (2 * step))
    return np.array(rows, dtype=np.float64)


S32 = Claim(
    equation="S32",
    chapter="V",
    says="The gradient of the network's output in its parameters",
    relation="=",
    instances=lambda: chain(random_cases(20, k=7, n=5), minima(1)),
    left=lambda case: tangent.features(case.net, case.data.x),
    right={
        "autograd": lambda case: autodiff.features(case.net, case.data.x),
        "exact rational difference quotient": _exact_difference_quotient,
    },
    wrong=(
        Wrong("no indicator", left=lambda case: _without_indicator(case.net, case.data.x)),
        Wrong("blocks of w1 and b1 exchanged", left=lambda case: _exchange(tangent.features(case.net, case.data.x))),
        Wrong("half the gradient", left=lambda case: tangent.features(case.net, case.data.x) / 2),
    ),
    tolerance=Tolerance(1e-13, why="each entry is one product and one sum: a few roundings of 1e-16"),
)


def _without_indicator(net: Network, x: Array) -> Array:
    slope = np.repeat(net.w2[:, None], x.size, axis=1)
    return np.vstack([x * slope, slope, net.preactivation(x).T, np.ones(x.size)])


def _exchange(phi: Array) -> Array:
    k = len(phi) // 3
    return np.vstack([phi[k : 2 * k], phi[:k], phi[2 * k :]])
