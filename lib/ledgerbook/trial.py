"""The machinery of :mod:`ledgerbook.claim`: one version of a claim against one oracle, sampled and attacked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import minimize

from . import report as _report

if TYPE_CHECKING:
    from .claim import Claim, Instance

PLANTED = 1.0005  # an error of 0.05 % must be seen
BIAS = 0.25  # the typical instance may use a quarter of its tolerance, so that no bias hides in it
SHORTEST = 8  # entries of a sequence that is said to converge
ROUNDOFF = 8 * np.finfo(float).eps


class CheckFailed(AssertionError):
    """A claim does not hold, or the check of it is worthless. The message says which, and where."""


class _NotFinite(CheckFailed):
    """A side holds NaN or infinity; the attack may step there, an instance may not."""


@dataclass(frozen=True)
class Case:
    """One instance seen by one oracle; the arrays share one shape."""

    instance: Instance
    left: np.ndarray
    right: np.ndarray
    gap: np.ndarray  # by how much the relation is missed, entry by entry, at least 0
    allowed: np.ndarray
    head: float = np.inf  # largest gap in the first quarter of a sequence
    vector: np.ndarray | None = None  # where the attack took the instance

    @property
    def used(self) -> np.ndarray:
        """Share of the tolerance that each entry uses up; above 1 the relation fails."""
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            return np.where(self.gap == 0, 0.0, self.gap / self.allowed)

    @property
    def size(self) -> np.ndarray:
        return np.maximum(np.abs(self.left), np.abs(self.right))

    @property
    def leaves(self) -> bool:
        """Whether a sequence ends farther from its limit than it began (roundings aside)."""
        return bool(self.gap.max() > self.head + ROUNDOFF * self.size.max())

    @property
    def worst(self) -> float:
        return np.inf if self.leaves else float(self.used.max())

    def closeness(self, relation: str) -> float:
        """How near an inequality is to equality (1), at the nearest entry above the tolerance; at least -1.

        For two sides of one sign it is the smaller over the larger; above 1 the inequality is violated.
        """
        telling = self.size > self.allowed
        if not telling.any():
            return -1.0
        room = _room(relation, self.left, self.right)[telling]
        return max(-1.0, float(np.max(1 - room / self.size[telling])))


@dataclass(frozen=True)
class Trial:
    """One version of a claim, the right one or a wrong one, held against one oracle."""

    claim: Claim
    name: str
    oracle: str
    left: Callable[[Any], ArrayLike]
    right: Callable[[Any], ArrayLike]

    def case(self, instance: Instance, vector: np.ndarray | None = None) -> Case:
        """Evaluate and compare both sides on one instance."""
        left = self._values(self.left, "left side", instance)
        right = self._values(self.right, f"right side ({self.oracle})", instance)
        return replace(self._compare(instance, left, right), vector=vector)

    def fault(self, cases: Sequence[Case]) -> str:
        """Why the relation does not hold on these cases; empty where it does."""
        failing = sum(case.worst > 1 for case in cases)
        if failing:
            return f"fails on {failing} of {len(cases)} instances"
        telling = [case.worst for case in cases if case.size.any()]  # 0 against 0 would dilute a bias
        if telling and np.median(telling) > BIAS:
            return "the tolerance is being used up: most instances need over a quarter of it, and a bias may hide there"
        return ""

    def blindness(self, cases: Sequence[Case]) -> str:
        """What this check would accept although it must not; empty for a check that can see."""
        relation = self.claim.relation
        if relation == "=":
            telling = [case for case in cases if (np.abs(case.left) > case.allowed).any()]
            for where, plant in (("in every entry", _everywhere), ("in the largest entry", _at_the_largest)):
                planted = [self._compare(c.instance, plant(c.left), c.right).worst for c in telling]
                if not planted or np.median(planted) <= BIAS:
                    return (f"this check cannot see an error of 0.05 % {where}: tighten the tolerance, "
                            "or state the claim with quantities that are not zero")
        elif relation == "->":
            if all(case.head <= case.allowed.max() for case in cases):
                return "this check sees no convergence, the sequence begins at its limit: state the claim with ="
        elif not any((_room(relation, case.left, case.right) > case.allowed).any() for case in cases):
            return "this check accepts the flipped inequality too: state the claim with =, or add instances"
        return ""

    def attack(self, cases: Sequence[Case]) -> tuple[float, Case | None]:
        """Ascend from the tightest cases: the largest closeness reached, and the worst violation if there is one."""
        relation = self.claim.relation
        tightest = sorted(cases, key=lambda case: -case.closeness(relation))[: self.claim.attack.starts]
        tried = [case for start in tightest for case in self._ascend(start.instance)]
        worst = max(tried, key=lambda case: case.worst)
        closest = max(case.closeness(relation) for case in (*tightest, *tried))
        return closest, worst if worst.worst > 1 else None

    def _ascend(self, origin: Instance) -> list[Case]:
        attack, relation = self.claim.attack, self.claim.relation
        start = np.asarray(attack.start(origin.value), dtype=float).ravel()
        where = f"{self.name}: the attack from instance {origin.label!r}"
        if start.size == 0 or not np.isfinite(start).all() or attack.steps < 3 * (start.size + 1):
            raise CheckFailed(f"{where} has {start.size} parameter(s) and {attack.steps} steps: start must return "
                              f"finite numbers, at least one, and so many need {3 * (start.size + 1)} steps or more")
        tried: list[Case | None] = []

        def height(vector: np.ndarray) -> float:
            tried.append(self._stepped(origin, vector))
            return -tried[-1].closeness(relation) if tried[-1] else 2.0  # worse than every closeness

        edges = attack.reach * np.diag(np.maximum(1.0, np.abs(start)))
        budget = {"maxfev": attack.steps, "maxiter": attack.steps, "xatol": 1e-12, "fatol": 1e-12}
        minimize(height, start, method="Nelder-Mead",
                 options=budget | {"initial_simplex": np.vstack([start, start + edges]), "adaptive": start.size > 4})
        inside = [case for case in tried if case]
        if tried[0] is None or 2 * len(inside) < len(tried):
            raise CheckFailed(f"{where} leaves the hypothesis too often: build must accept start(value), "
                              "and finite sides must come of half of the vectors or more")
        if all(np.array_equal(case.left, inside[0].left) and np.array_equal(case.right, inside[0].right)
               for case in inside):
            raise CheckFailed(f"{where} never changes either side: build must make a value from the vector")
        return inside

    def _stepped(self, origin: Instance, vector: np.ndarray) -> Case | None:
        built = self.claim.attack.build(vector, origin.value)
        if built is None:
            return None
        try:
            with np.errstate(all="ignore"):
                return self.case(replace(origin, value=built), vector)
        except _NotFinite:
            return None

    def _values(self, side: Callable[[Any], ArrayLike], which: str, instance: Instance) -> np.ndarray:
        """One side as a non-empty, finite float array. A wrong version must come this far too."""
        where = f"{self.name}: the {which} on instance {instance.label!r}, seed {instance.seed},"
        try:
            raw = np.asarray(side(instance.value))
            values = raw.astype(float) if raw.dtype.kind in "biufO" else None
        except Exception as error:
            raise CheckFailed(f"{where} raised {type(error).__name__}: {error}; that is no verdict") from error
        if values is None or values.size == 0:
            raise CheckFailed(f"{where} is {'empty' if raw.size == 0 else f'of type {raw.dtype}'}: return real numbers")
        if not np.isfinite(values).all():
            raise _NotFinite(f"{where} holds NaN or infinity; that is no verdict")
        return values

    def _compare(self, instance: Instance, left: np.ndarray, right: np.ndarray) -> Case:
        where = f"{self.name}: on instance {instance.label!r}"
        sequence = self.claim.relation == "->"
        if sequence and (left.ndim == 0 or left.shape[-1] < SHORTEST):
            raise CheckFailed(f"{where} the left side has shape {left.shape}: "
                              f"return a sequence of {SHORTEST} or more along the last axis")
        if right.shape != (left.shape[:-1] if sequence else left.shape):
            raise CheckFailed(f"{where} the shapes differ: left side {left.shape}, "
                              f"right side ({self.oracle}) {right.shape}{', a limit' if sequence else ''}")
        head = np.inf
        if sequence:
            quarter = left.shape[-1] // 4
            head = float(np.abs(left[..., :quarter] - right[..., None]).max())
            left = left[..., -quarter:]
            right = np.broadcast_to(right[..., None], left.shape)
        with np.errstate(over="ignore"):
            gap = np.maximum(-_room(self.claim.relation, left, right), 0)
        return Case(instance, left, right, gap, self._allowed(instance, left, right), head)

    def _allowed(self, instance: Instance, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        tolerance = self.claim.tolerance_of(self.oracle)
        if tolerance.scale is None:
            scale = np.asarray(max(np.abs(left).max(), np.abs(right).max()))
        else:
            scale = self._values(tolerance.scale, f"tolerance's scale ({self.oracle})", instance)
        if scale.shape not in ((), left.shape) or (scale < 0).any():
            raise CheckFailed(f"{self.name}: on instance {instance.label!r} the tolerance's scale must be numbers "
                              f"of at least 0, of shape () or {left.shape}, not {scale.shape}")
        return np.broadcast_to(tolerance.rtol * scale, left.shape)


def require(trial: Trial, cases: Sequence[Case]) -> float:
    """Raise unless the trial holds on the cases, can see, and survives its attack. Returns the largest closeness."""
    if fault := trial.fault(cases):
        raise CheckFailed(_report.failure(trial, cases, fault))
    if blindness := trial.blindness(cases):
        raise CheckFailed(f"{trial.name}: against {trial.oracle}, {blindness}")
    if trial.claim.attack is None:
        return -1.0
    closest, violation = trial.attack(cases)
    if violation:
        raise CheckFailed(_report.failure(trial, [violation], "holds on the instances, fails under attack"))
    return closest


def rejects(trial: Trial, cases: Sequence[Case]) -> bool:
    """Whether the relation itself refuses this version, on the cases or under attack."""
    return bool(trial.fault(cases)) or (trial.claim.attack is not None and trial.attack(cases)[1] is not None)


def _room(relation: str, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """What is left until the relation fails; negative where it does."""
    return {"<=": right - left, ">=": left - right}.get(relation, -np.abs(left - right))


def _everywhere(values: np.ndarray) -> np.ndarray:
    return values * PLANTED


def _at_the_largest(values: np.ndarray) -> np.ndarray:
    largest = np.abs(values) == np.abs(values).max()
    first = np.arange(values.size).reshape(values.shape) == np.argmax(largest)
    return np.where(first, values * PLANTED, values)
