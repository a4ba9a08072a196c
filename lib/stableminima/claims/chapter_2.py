"""Chapter II: Lemma 1, linear stability (S1–S9)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .. import autodiff, tangent
from ..instances import (
    Case,
    minima,
)
from ..verify import Claim, Instance, Tolerance, Wrong
from .common import Array, mean_outer_product

FACTORS = (0.5, 0.9, 0.999, 1.001, 1.01)
STEPS = 2**13  # 1.002 to this power is 10⁷


def _thresholds() -> Iterator[Instance]:
    """Minima that descent found, each with step sizes on both sides of 2/λ_max."""
    for found in minima(6):
        edge = 2 / tangent.interpolation_sharpness(found.value.net, found.value.data)
        for factor in FACTORS:
            yield Instance(f"{found.label}, step size {factor} · 2/λ", None, (found.value, factor * edge))


def _start(case: Case) -> Array:
    """A unit vector in general position: it has a part along every eigenvector."""
    return np.ones(case.net.vector.size) / np.sqrt(case.net.vector.size)


def _stays_by_power(value: tuple[Case, float]) -> float:
    """1 if (I - ηH)ᵗ leaves the start no longer than it was, for t = 2¹³, else 0 (S7)."""
    case, eta = value
    hessian = mean_outer_product(case)
    step = np.linalg.matrix_power(np.eye(len(hessian)) - eta * hessian, STEPS)
    return float(np.linalg.norm(step @ _start(case)) <= 1 + 1e-9)


def _stays_by_steps(value: tuple[Case, float]) -> float:
    """The same by iterating u ← u - ηΦ(Φᵀu)/n, which never forms the Hessian."""
    case, eta = value
    phi = autodiff.features(case.net, case.data.x)
    u = _start(case)
    for _ in range(STEPS):
        u = u - eta * (phi @ (phi.T @ u)) / case.data.n
    return float(np.linalg.norm(u) <= 1 + 1e-9)


def _within(value: tuple[Case, float], constant: float, of=tangent.largest_eigenvalue) -> float:
    case, eta = value
    return float(of(tangent.gram(case.net, case.data)) <= constant / eta)


S9 = Claim(
    equation="S9",
    chapter="II",
    says="Linearised gradient descent stays at a minimum exactly when λ_max ≤ 2/η",
    relation="=",
    instances=_thresholds,
    left=lambda value: _within(value, 2),
    right={"matrix power": _stays_by_power, "step by step": _stays_by_steps},
    wrong=(
        Wrong("half the constant", left=lambda value: _within(value, 1)),
        Wrong("twice the constant", left=lambda value: _within(value, 4)),
        Wrong("the trace in place of λ_max", left=lambda value: _within(value, 2, of=np.trace)),
    ),
    tolerance=Tolerance(0, why="both sides are yes (1) or no (0); the step sizes keep 0.1 % away from the threshold"),
)
