"""The machinery of :mod:`ledgerbook.claim`: one version of a claim against one oracle, sampled and attacked."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
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
MINUTE = 0.05  # the share of the entries that may be too small, beside the others, for an error in them to be seen
EQUAL = 1 - 1e-9  # an entry of an inequality that is at least this close has nowhere to climb
LOOSEST = {"<=": 2.5e-4, ">=": 2.5e-4, "->": 1e-3}  # shares of the sides that a tolerance may take up


class CheckFailed(AssertionError):
    """A claim does not hold, or the check of it is worthless. The message says which, and where."""


class Void(CheckFailed):
    """An attack has nothing to climb."""


@dataclass(frozen=True)
class Case:
    """One instance seen by one oracle; the arrays share one shape."""

    instance: Instance
    left: np.ndarray
    right: np.ndarray
    gap: np.ndarray  # by how much the relation is missed, entry by entry, at least 0
    allowed: np.ndarray
    head: float = np.inf  # largest gap in the first quarter of a sequence
    shrinks: bool = True  # whether the gap of a sequence goes on shrinking in its last quarter
    vector: np.ndarray | None = None  # where the attack took the instance
    truth: bool = False  # the sides are yes or no

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
        return np.inf if self.leaves or not self.shrinks else float(self.used.max())

    @property
    def missed(self) -> float:
        """The largest gap over the largest entry of the sides; 0 of 0 where neither has any."""
        return float(self.gap.max() / max(self.size.max(), np.finfo(float).tiny))

    @property
    def tells(self) -> bool:
        """Whether a side is large enough for an error in it to be seen."""
        return bool((np.abs(self.left) > self.allowed).any())

    def closenesses(self, relation: str) -> np.ndarray:
        """How near an inequality is to equality (1), entry by entry; at least -1, and -1 within the tolerance of 0.

        For two sides of one sign it is the smaller over the larger; above 1 the inequality is violated.
        """
        room, size = _room(relation, self.left, self.right), self.size
        return 1 - np.divide(room, size, out=np.full(size.shape, 2.0), where=size > self.allowed)

    def closeness(self, relation: str) -> float:
        """That of the nearest entry."""
        return float(self.closenesses(relation).max())

    def loose(self, relation: str) -> np.ndarray:
        """Where the inequality leaves room."""
        return self.closenesses(relation) < EQUAL


@dataclass(frozen=True)
class Ascent:
    """What an ascent from one instance tried inside the hypothesis, and what it came to."""

    inside: list[Case]
    climbed: bool  # whether there was anything to climb
    height: float  # the largest closeness of what was not at equality from the start


@dataclass(frozen=True)
class Attacked:
    """How close to equality the instances are, and how close the attack came from those that are not."""

    given: float
    found: float
    violation: Case | None  # the worst, if there is one


@dataclass(frozen=True)
class Trial:
    """One version of a claim, the right one or a wrong one, held against one oracle."""

    claim: Claim
    name: str
    oracle: str
    left: Callable[[Any], ArrayLike]
    right: Callable[[Any], ArrayLike]

    def case(self, instance: Instance, vector: np.ndarray | None = None) -> Case:
        """Evaluate and compare both sides on one instance, which neither of them can change."""
        _freeze(instance.value)
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
        if relation == "=" and (blind := self._blind_entry(cases)):
            return blind
        if len(cases) > 1 and len({case.left.tobytes() for case in cases}) == 1:
            return "all instances give the same left side: take instances that differ in what the claim speaks of"
        if relation == "=":
            return "" if self.claim.tolerance_of(self.oracle).rtol else _undeclared(cases)
        if cases[0].truth:
            outcomes = {bool(value) for case in cases for value in np.ravel(case.left)}
            if len(outcomes) < 2:
                return f"the left side is {outcomes.pop()} on all instances: add some on which it is not"
        elif any(case.allowed.max() > LOOSEST[relation] * case.size.max() for case in cases):
            return (f"the tolerance takes up more than {LOOSEST[relation]:g} of the sides, and an error of that size "
                    "would pass: tighten it")
        if relation == "->":
            if all(case.head <= case.allowed.max() for case in cases):
                return "this check sees no convergence, the sequence begins at its limit: state the claim with ="
        elif not any((_room(relation, case.left, case.right) > case.allowed).any() for case in cases):
            return "this check accepts the flipped inequality too: state the claim with =, or add instances"
        return ""

    def _blind_entry(self, cases: Sequence[Case]) -> str:
        """Where an equality would not see an error of 0.05 %: in all entries at once, or in a single one of them."""
        telling = [case for case in cases if case.tells]
        remedy = "tighten the tolerance, or state the claim with quantities that are not zero"
        for where, plant in (("in every entry", _everywhere), ("in the largest entry", _at_the_largest)):
            planted = [self._compare(case.instance, plant(case.left), case.right).worst for case in telling]
            if not planted or np.median(planted) <= BIAS:
                return f"this check cannot see an error of 0.05 % {where}: {remedy}"
        return ""

    def unseen(self, cases: Sequence[Case]) -> dict[tuple[int, ...], np.ndarray]:
        """By shape, in which entries an error of 0.05 % would not be seen on any instance, rounding noise aside."""
        found = {}
        for shape in {case.left.shape for case in cases}:
            alike = [case for case in cases if case.left.shape == shape]
            size = np.max([np.abs(case.left) for case in alike], axis=0)
            seen = np.any([np.abs(case.left * PLANTED - case.right) > case.allowed for case in alike], axis=0)
            blind = ~seen & (size > ROUNDOFF * size.max())
            found[shape] = blind & (blind.sum() > MINUTE * np.count_nonzero(size))
        return found

    def sight(self, cases: Sequence[Case]) -> float:
        """The smallest error, relative to an entry, that an equality would see in at least 19 of 20 entries."""
        needed = [0.0]
        for shape in {case.left.shape for case in cases}:
            alike = [case for case in cases if case.left.shape == shape]
            size = np.max([np.abs(case.left) for case in alike], axis=0)
            if (telling := size > ROUNDOFF * size.max()).any():
                least = np.min([_relative(case.allowed, case.left) for case in alike], axis=0)[telling]
                needed.append(float(np.quantile(least, 1 - MINUTE, method="higher")))
        return max(needed)

    def attack(self, cases: Sequence[Case]) -> Attacked:
        """Ascend from the chosen cases."""
        ascents = [self._ascend(start.instance) for start in self._starts(cases)]
        worst = max((case for ascent in ascents for case in ascent.inside), key=lambda case: case.worst)
        if worst.worst <= 1 and not any(ascent.climbed for ascent in ascents):
            raise Void(f"{self.name}: the attack has nothing to climb: what it changes leaves the ratio of the sides "
                       "as it is. Let build change more, or add instances that are not at equality")
        given = max(case.closeness(self.claim.relation) for case in cases)
        return Attacked(given, max(ascent.height for ascent in ascents), worst if worst.worst > 1 else None)

    def _starts(self, cases: Sequence[Case]) -> list[Case]:
        """The tightest cases that are not at equality, a random one in place of the last, and one at equality.

        An author's equality cases are planted: from them alone an attack would have nowhere to climb. Nor does it stay
        in one family: no second start is taken of a kind, by the words of the labels, before each kind has one.
        """
        relation = self.claim.relation
        loose = [case for case in cases if case.loose(relation).any()]
        equal = [case for case in cases if not case.loose(relation).any()]
        loose = [case for case in loose if self._suffices(case)] or loose
        loose.sort(key=lambda case: -case.closenesses(relation)[case.loose(relation)].max())
        loose = _one_of_each_kind_first(loose)
        chosen = loose[: self.claim.attack.starts]
        if len(chosen) > 1:
            rest = loose[len(chosen) - 1 :]
            chosen[-1] = rest[zlib.crc32(self.claim.name.encode()) % len(rest)]
        return [*chosen, *equal[:1]]

    def _suffices(self, case: Case) -> bool:
        """Whether the steps of the attack are enough for so many parameters."""
        return self.claim.attack.steps >= 3 * (np.size(self.claim.attack.start(case.instance.value)) + 1)

    def _ascend(self, origin: Instance) -> Ascent:
        attack = self.claim.attack
        start = np.asarray(attack.start(origin.value), dtype=float).ravel()
        where = f"{self.name}: the attack from instance {origin.label!r}"
        if start.size == 0 or not np.isfinite(start).all() or attack.steps < 3 * (start.size + 1):
            raise CheckFailed(f"{where} has {start.size} parameter(s) and {attack.steps} steps: start must return "
                              f"finite numbers, at least one, and so many need {3 * (start.size + 1)} steps or more")
        first = self._stepped(origin, start)
        if first is None:
            raise CheckFailed(f"{where} leaves the hypothesis too often: build must accept start(value)")
        free, tried = first.loose(self.claim.relation), [first]

        def height(vector: np.ndarray) -> float:
            tried.append(self._stepped(origin, vector))
            return -self._height(tried[-1], free) if tried[-1] else 2.0  # worse than every closeness

        edges = attack.reach * np.diag(np.maximum(1.0, np.abs(start)))
        budget = {"maxfev": attack.steps, "maxiter": attack.steps, "xatol": 1e-12, "fatol": 1e-12}
        minimize(height, start, method="Nelder-Mead",
                 options=budget | {"initial_simplex": np.vstack([start, start + edges]), "adaptive": start.size > 4})
        inside = [case for case in tried if case]
        if 2 * len(inside) < len(tried):
            raise CheckFailed(f"{where} leaves the hypothesis too often: half of the vectors or more must be in it")
        if all(np.array_equal(case.left, first.left) and np.array_equal(case.right, first.right) for case in inside):
            raise CheckFailed(f"{where} never changes either side: build must make a value from the vector")
        heights = [self._height(case, free) for case in inside]
        return Ascent(inside, first.truth or bool(np.ptp(heights) > 1e-12), max(heights) if free.any() else -1.0)

    def _height(self, case: Case, free: np.ndarray) -> float:
        """The closeness of the nearest entry that had room at the start; of any, if the attack changed the shape."""
        each = case.closenesses(self.claim.relation)
        return float(each[free].max() if free.any() and free.shape == each.shape else each.max())

    def _stepped(self, origin: Instance, vector: np.ndarray) -> Case | None:
        """The case that the attack makes of a vector, or None where ``build`` says that no instance belongs to it."""
        built = self.claim.attack.build(vector, origin.value)
        if built is None:
            return None
        with np.errstate(all="ignore"):
            return self.case(replace(origin, value=built), vector)

    def _values(self, side: Callable[[Any], ArrayLike], which: str, instance: Instance) -> np.ndarray:
        """One side as a non-empty array of finite numbers. A wrong version must come this far too."""
        where = f"{self.name}: the {which} on instance {instance.label!r}, seed {instance.seed},"
        try:
            raw = np.asarray(side(instance.value))
            values = raw.astype(float) if raw.dtype.kind in "biufO" else None
        except Exception as error:
            raise CheckFailed(f"{where} raised {type(error).__name__}: {error}; that is no verdict") from error
        if values is None or values.size == 0:
            raise CheckFailed(f"{where} is {'empty' if raw.size == 0 else f'of type {raw.dtype}'}: return real numbers")
        if not np.isfinite(values).all():
            raise CheckFailed(f"{where} holds NaN or infinity; that is no verdict")
        return raw

    def _compare(self, instance: Instance, left: np.ndarray, right: np.ndarray) -> Case:
        where = f"{self.name}: on instance {instance.label!r}"
        sequence = self.claim.relation == "->"
        if sequence and (left.ndim == 0 or left.shape[-1] < SHORTEST):
            raise CheckFailed(f"{where} the left side has shape {left.shape}: "
                              f"return a sequence of {SHORTEST} or more along the last axis")
        if right.shape != (left.shape[:-1] if sequence else left.shape):
            raise CheckFailed(f"{where} the shapes differ: left side {left.shape}, "
                              f"right side ({self.oracle}) {right.shape}{', a limit' if sequence else ''}")
        exact = self.claim.tolerance_of(self.oracle).rtol == 0 and left.dtype.kind != "f" and right.dtype.kind != "f"
        difference = (left.astype(object) - right.astype(object)) != 0 if exact and not sequence else None
        truth = left.dtype.kind == right.dtype.kind == "b"
        left, right = left.astype(float), right.astype(float)
        head, shrinks = np.inf, True
        if sequence:
            quarter = left.shape[-1] // 4
            head = float(np.abs(left[..., :quarter] - right[..., None]).max())
            left = left[..., -quarter:]
            right = np.broadcast_to(right[..., None], left.shape)
            halves = [np.abs(half).max() for half in np.array_split(left - right, 2, axis=-1)]
            shrinks = bool(halves[1] < halves[0] or halves[0] <= ROUNDOFF * np.abs(right).max())
        with np.errstate(over="ignore"):
            gap = np.maximum(-_room(self.claim.relation, left, right), 0)
        if difference is not None and self.claim.relation == "=":
            gap = np.where(difference, np.maximum(gap, np.finfo(float).tiny), 0.0)  # what floats would round away
        return Case(instance, left, right, gap, self._allowed(instance, left, right), head, shrinks, truth=truth)

    def _allowed(self, instance: Instance, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        tolerance = self.claim.tolerance_of(self.oracle)
        if tolerance.scale is None:
            scale = np.asarray(max(np.abs(left).max(), np.abs(right).max()))
        else:
            scale = self._values(tolerance.scale, f"tolerance's scale ({self.oracle})", instance).astype(float)
        if scale.shape not in ((), left.shape) or (scale < 0).any():
            raise CheckFailed(f"{self.name}: on instance {instance.label!r} the tolerance's scale must be numbers "
                              f"of at least 0, of shape () or {left.shape}, not {scale.shape}")
        return np.broadcast_to(tolerance.rtol * scale, left.shape)


def require(trial: Trial, cases: Sequence[Case]) -> Attacked | None:
    """Raise unless the trial holds on the cases, can see, and survives its attack. Returns what the attack reached."""
    if fault := trial.fault(cases):
        raise CheckFailed(_report.failure(trial, cases, fault))
    if blindness := trial.blindness(cases):
        raise CheckFailed(f"{trial.name}: against {trial.oracle}, {blindness}")
    if trial.claim.attack is None:
        return None
    reached = trial.attack(cases)
    if reached.violation:
        raise CheckFailed(_report.failure(trial, [reached.violation], "holds on the instances, fails under attack"))
    return reached


def require_sight(found: Sequence[tuple[Trial, Sequence[Case]]]) -> None:
    """Raise unless an error in any entry of an equality would be seen by one oracle or another."""
    unseen = [trial.unseen(cases) for trial, cases in found if trial.claim.relation == "="]
    for shape in set.intersection(*map(set, unseen)) if unseen else ():
        blind = np.all([each[shape] for each in unseen], axis=0)
        if blind.any():
            entry = tuple(map(int, np.argwhere(blind)[0]))
            raise CheckFailed(f"{found[0][0].name}: this check cannot see an error of 0.05 % in entry {entry} of shape "
                              f"{shape} on any instance: tighten a tolerance, or claim that entry apart from the rest")


def failing(trial: Trial, cases: Sequence[Case]) -> list[Case]:
    """The cases that the relation itself refuses in this version, or else one found by attack; none if it holds."""
    found = [case for case in cases if case.worst > 1]
    if found or trial.claim.attack is None:
        return found
    try:
        violation = trial.attack(cases).violation
    except Void:
        return []
    return [violation] if violation else []


def _one_of_each_kind_first(cases: Sequence[Case]) -> list[Case]:
    seen: Counter[str] = Counter()
    ranks = []
    for case in cases:
        kind = _report.kind(case.instance.label)
        ranks.append(seen[kind])
        seen[kind] += 1
    return [case for _, case in sorted(zip(ranks, cases, strict=True), key=lambda pair: pair[0])]


def _relative(allowed: np.ndarray, values: np.ndarray) -> np.ndarray:
    """What is allowed as a share of each value; infinite where the value is 0."""
    return np.divide(allowed, np.abs(values), out=np.full(values.shape, np.inf), where=values != 0)


def _undeclared(cases: Sequence[Case]) -> str:
    values = {float(side) for case in cases if not case.left.ndim for side in (case.left, case.right)}
    if values == {0.0, 1.0} and not any(case.truth for case in cases):
        return "the sides say 0 or 1: let them say True or False, so that the check counts both answers"
    return ""


def _freeze(value: Any) -> None:
    """Makes the arrays in a value read-only, those in tuples, lists, dictionaries and dataclasses too."""
    if isinstance(value, np.ndarray):
        value.setflags(write=False)
    elif isinstance(value, tuple | list):
        for each in value:
            _freeze(each)
    elif isinstance(value, dict):
        _freeze(tuple(value.values()))
    elif is_dataclass(value) and not isinstance(value, type):
        _freeze(tuple(getattr(value, field.name) for field in fields(value)))


def _room(relation: str, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """What is left until the relation fails; negative where it does."""
    return {"<=": right - left, ">=": left - right}.get(relation, -np.abs(left - right))


def _everywhere(values: np.ndarray) -> np.ndarray:
    return values * PLANTED


def _at_the_largest(values: np.ndarray) -> np.ndarray:
    largest = np.abs(values) == np.abs(values).max()
    first = np.arange(values.size).reshape(values.shape) == np.argmax(largest)
    return np.where(first, values * PLANTED, values)
