"""Losses in the plane whose minimum lies on a border of modes: what Lemmas 2 and 3 need, and what breaks them.

Each has its loss, which automatic differentiation takes, and its switching system.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import autograd.numpy as anp
import numpy as np
from numpy.typing import NDArray

from .arguments import vector
from .switching import Switching

Array = NDArray[np.float64]


def saddle_at_minimum() -> Switching:
    """L = x² - y²/2 where |y| ≤ |x| and y²/2 elsewhere: continuous, 0 its only minimum, H = diag(2, -1) in a mode."""
    hessians = [np.diag([2.0, -1.0]), np.diag([0.0, 1.0])]
    return Switching.deterministic(hessians, rule=lambda u: int(abs(u[1]) > abs(u[0])))


def saddle_loss(u: Array) -> float:
    """The loss of :func:`saddle_at_minimum`."""
    x, y = u
    return anp.where(anp.abs(y) <= anp.abs(x), x**2 - y**2 / 2, y**2 / 2)


def mirrored_loss(system: Switching) -> Callable[[Array], float]:
    """(h a² + l b²)/2 - κ a|b|, the loss of :func:`.switching.mirrored`."""
    (h, minus_kappa), (_, flat) = system.mean_hessians[0]
    return lambda u: (h * u[0] ** 2 + flat * u[1] ** 2) / 2 + minus_kappa * u[0] * anp.abs(u[1])


def cusps() -> Switching:
    """The modes of L = a² + b² + max(0, a² - |b|): differentiable at its strict minimum 0, H ⪰ 0, and no cones.

    Between the parabolas b = ±a² the gradient of the mode at 0 is (0, ∓1), although the gradient of L is 0 there.
    """
    hessians, gradients = [np.diag([2.0, 2.0]), *[np.diag([4.0, 2.0])] * 2], [(0, 0), (0, -1), (0, 1)]

    def rule(u: Array) -> int:
        return 0 if abs(u[1]) >= u[0] ** 2 else 1 if u[1] >= 0 else 2

    return Switching.deterministic(hessians, gradients, rule)


def cusp_loss(u: Array) -> float:
    """The loss of :func:`cusps`."""
    a, b = u
    return a**2 + b**2 + anp.maximum(0.0, a**2 - anp.abs(b))


@dataclass(frozen=True)
class Tight:
    """L(a, b) = λa²/2 + hb²/2 + c|b| + max(0, c|b| - γ|a|), with ηλ = 2 + s, ηγ = κε, ηh = ``flat``, ε = 1 and η = 1.

    Its minimum is 0, q is the axis of a, and δ = 0. Four of its modes, the steep ones, have the gradient (∓γ, ±2c),
    two (0, ±c).
    """

    kappa: float
    s: float
    flat: float = 0.1

    def __post_init__(self) -> None:
        vector("(kappa, s, flat)", (self.kappa, self.s, self.flat))
        if abs(self.kappa) >= 1:
            raise ValueError(f"kappa must be between -1 and 1, or c is no number, got {self.kappa}")

    @property
    def slope(self) -> float:
        """c, with which steep steps contract |b| to (1 - h/2)√(1 - κ²), so that they end inside the ball."""
        return (1 - self.flat / 2) ** 2 * float(np.sqrt(1 - self.kappa**2))

    @property
    def corner(self) -> Array:
        """The point of the unit circle between steep and not steep, on the side of those that are not."""
        return np.array([self.slope, self.kappa * (1 - 1e-12)]) / np.hypot(self.slope, self.kappa)

    def steep(self, u: Array) -> bool:
        """Whether c|b| exceeds γ|a|."""
        return bool(self.slope * abs(u[1]) > self.kappa * abs(u[0]))

    def loss(self, u: Array) -> float:
        """L at u = (a, b)."""
        a, b = u
        steep = anp.maximum(0.0, self.slope * anp.abs(b) - self.kappa * anp.abs(a))
        return ((2 + self.s) * a**2 + self.flat * b**2) / 2 + self.slope * anp.abs(b) + steep

    @cached_property
    def system(self) -> Switching:
        """The modes by the signs of a and b, and whether they are steep."""
        signs = [(a, b) for a in (1, -1) for b in (1, -1)]
        gradients = [(0, self.slope * b) for _, b in signs] + [(-self.kappa * a, 2 * self.slope * b) for a, b in signs]

        def rule(u: Array) -> int:
            return int(4 * self.steep(u) + 2 * (u[0] < 0) + (u[1] < 0))

        return Switching.deterministic(np.tile(np.diag([2 + self.s, self.flat]), (8, 1, 1)), gradients, rule)

    def one_step(self, u: Array) -> Array:
        """A step by the modes."""
        return self.system.step(u, 1.0)
