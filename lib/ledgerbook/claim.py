"""State a claim, test it on instances, and show that wrong versions of it fail.

A :class:`Claim` names its equation, its instances, both sides, the relation between them, an honest tolerance and at
least two wrong versions. :func:`check` evaluates all of it and returns a :class:`Record`, or raises
:class:`CheckFailed` with a report that says where to look. A check that could not fail is refused as well.

>>> import numpy as np
>>> square = Claim(
...     equation="S0", says="A square expands into three terms", relation="=",
...     instances=lambda: (Instance(f"x = {x}", None, float(x)) for x in range(1, 9)),
...     left=lambda x: (x + 3) ** 2,
...     right={"expansion": lambda x: x * x + 6 * x + 9, "Horner": lambda x: np.polyval([1, 6, 9], x)},
...     wrong=(Wrong("half", left=lambda x: (x + 3) ** 2 / 2), Wrong("no cross term", right=lambda x: x * x + 9)),
...     tolerance=Tolerance(1e-14, why="a handful of roundings of positive terms"))
>>> print(check(square))
✓ (S0) A square expands into three terms — expansion, Horner — 8 instances, to 1e-14 — rejects 2 wrong versions, \
the nearest off by over 10 %: half; no cross term
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from copy import copy
from dataclasses import dataclass, field, replace
from functools import partial
from types import CodeType, FunctionType, MappingProxyType, MethodType
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike
from threadpoolctl import threadpool_limits

from . import report as _report
from .independence import shared
from .medium import for_page
from .sources import package
from .trial import Attacked, Case, CheckFailed, Trial, failing, require, require_sight

__all__ = [
    "ROUNDING", "Attack", "CheckFailed", "Claim", "Instance", "Record", "Refutation", "Tolerance", "Wrong",
    "changed", "check", "refute",
]

Side = Callable[[Any], ArrayLike]
ROW = "application/vnd.ledgerbook.row+json"  # the type under which a notebook keeps a check's row


def _require(good: bool, remedy: str) -> None:
    if not good:
        raise ValueError(remedy)


@dataclass(frozen=True)
class Instance:
    """One case of a claim. The sides receive ``value``; ``label`` and ``seed`` say how to make it again."""

    label: str
    seed: int | None
    value: Any


@dataclass(frozen=True)
class Tolerance:
    """Allowed gap ``rtol * scale``, and why it is honest.

    ``scale(value)`` returns a number, or an array shaped like the sides; without it the scale is the largest entry of
    either side. ``rtol=0`` asks for exact equality.

    Raises
    ------
    ValueError
        ``rtol`` is negative, not finite, or 0.1 and more without a scale; ``why`` is empty.
    """

    rtol: float
    why: str
    scale: Callable[[Any], ArrayLike] | None = None

    def __post_init__(self) -> None:
        _require(np.isfinite(self.rtol) and self.rtol >= 0, f"rtol is {self.rtol}: give a finite number, at least 0")
        _require(self.scale is not None or self.rtol < 0.1, f"rtol is {self.rtol}: without a scale keep it below 0.1")
        _require(bool(self.why.strip()), "why is empty: say where the tolerance comes from")


ROUNDING = Tolerance(1e-12, why="sums of at most a few hundred products, each rounded to 1e-16 of the largest term")


@dataclass(frozen=True)
class Wrong:
    """A wrong version of a claim, by what differs from it, which the check must reject.

    A wrong side must be rejected against every oracle (a ``right`` here stands in for each in turn). Where only
    ``instances`` differ, one oracle is enough: another may not need the hypothesis that they break.

    Raises
    ------
    ValueError
        ``name`` is empty, or nothing differs.
    """

    name: str
    left: Side | None = None
    right: Side | None = None
    instances: Callable[[], Iterable[Instance]] | None = None

    def __post_init__(self) -> None:
        _require(bool(self.name.strip()), "name is empty: say what is wrong in this version")
        _require(bool(self.changes), f"wrong version {self.name!r} changes nothing: give left, right or instances")

    @property
    def changes(self) -> dict[str, Callable]:
        """What this version replaces, by field."""
        fields = {"left": self.left, "right": self.right, "instances": self.instances}
        return {name: other for name, other in fields.items() if other is not None}


@dataclass(frozen=True)
class Attack:
    """Local ascent (Nelder-Mead) towards a violation, from the tightest instances that leave room, and a random one.

    Instances of one kind have labels that differ in their numbers alone; no second one is a start before each kind has
    one. Those with more parameters than ``steps`` are enough for are no starts while there are others. An entry that
    is at equality from the start is left out of the climb, though a violation there is seen. An attack that changes
    nothing but the scale of both sides climbs nothing, and is refused; so is one that meets NaN.

    ``start(value)`` is a vector of parameters of an instance; ``build(vector, value)`` is the value it stands for, or
    None outside the hypothesis. Each of ``starts`` instances gets ``steps`` evaluations; the first go ``reach`` along
    each parameter, times its size where that is above 1.

    Raises
    ------
    ValueError
        ``starts``, ``steps`` or ``reach`` leaves the attack nowhere to go.
    """

    start: Callable[[Any], ArrayLike]
    build: Callable[[np.ndarray, Any], Any]
    starts: int = 3
    steps: int = 200
    reach: float = 0.2

    def __post_init__(self) -> None:
        _require(self.starts >= 1 and self.steps >= 10, "starts must be at least 1 and steps at least 10")
        _require(np.isfinite(self.reach) and self.reach > 0, f"reach is {self.reach}: give a finite number above 0")


@dataclass(frozen=True, kw_only=True)
class Claim:
    """``left`` stands in ``relation`` to every ``right`` (oracle name to callable), on every instance.

    For ``"->"`` the last axis of the left side runs along the sequence and the right side is its limit. ``tolerance``
    is one for all oracles, or one by oracle name; it is rounding unless you say otherwise. ``part`` tells several
    claims about one equation apart; ``tex`` is the statement for the page in TeX, where it is more than words;
    ``chapter`` is for the ledger, where no registry says it.

    Raises
    ------
    ValueError
        The check of this claim could not fail, or a field is missing its meaning.
    """

    equation: str
    part: str = ""
    says: str
    relation: Literal["=", "<=", ">=", "->"]
    instances: Callable[[], Iterable[Instance]]
    left: Side
    right: Mapping[str, Side]
    wrong: tuple[Wrong, ...]
    tolerance: Tolerance | Mapping[str, Tolerance] = ROUNDING
    attack: Attack | None = None
    tex: str = ""
    chapter: str = ""
    home: str = field(init=False, repr=False, compare=False)  # the package that the claim was written in

    def __post_init__(self) -> None:
        _require(bool(self.equation.strip()), "equation is empty: give the paper's number, such as S33")
        _require(bool(self.says.strip()), f"({self.equation}): says is empty: say it in one sentence")
        _require(self.relation in _report.SYMBOLS, f"{self.name}: relation {self.relation!r} is none of =, <=, >=, ->")
        fewest = 2 if self.relation == "=" else 1
        _require(len(self.right) >= fewest, f"{self.name}: right needs {fewest} or more oracles for {self.relation!r}")
        _require((self.attack is not None) == (self.relation in ("<=", ">=")),
                 f"{self.name}: attack is needed for <= and >=, and only there")
        _require_distinct([_identity(self.left), *map(_identity, self.right.values())],
                          f"{self.name}: left and right hold the same callable twice: a side cannot be its own oracle")
        _require(isinstance(self.tolerance, Tolerance) or set(self.tolerance) == set(self.right),
                 f"{self.name}: tolerance must be one Tolerance, or one for each oracle in right")
        self._require_wrong_versions()
        object.__setattr__(self, "home", package(self.instances))
        for name in ("right", "tolerance"):
            if isinstance(table := getattr(self, name), Mapping):
                object.__setattr__(self, name, MappingProxyType(dict(table)))

    def _require_wrong_versions(self) -> None:
        _require(len(self.wrong) >= 2, f"{self.name}: wrong needs two wrong versions or more")
        _require_distinct([wrong.name for wrong in self.wrong], f"{self.name}: two wrong versions share a name")
        changed = [{part: _identity(other) for part, other in wrong.changes.items()} for wrong in self.wrong]
        _require_distinct(changed, f"{self.name}: two wrong versions are the same callable")
        own = {"left": [self.left], "right": [*self.right.values()], "instances": [self.instances]}
        for wrong, parts in zip(self.wrong, changed, strict=True):
            same = [part for part, other in parts.items() if other in map(_identity, own[part])]
            _require(not same, f"{self.name}: wrong version {wrong.name!r} repeats the claim's {' and '.join(same)}")

    @property
    def name(self) -> str:
        """``(S33)``, or ``(S33, part)``."""
        return f"({self.equation}, {self.part})" if self.part else f"({self.equation})"

    def tolerance_of(self, oracle: str) -> Tolerance:
        """The tolerance that holds against one oracle."""
        return self.tolerance if isinstance(self.tolerance, Tolerance) else self.tolerance[oracle]


@dataclass(frozen=True, repr=False)
class Record:
    """What a check found, in words that do not change between processors.

    Attributes
    ----------
    claim, labels : the claim, and the labels of its instances.
    telling : in words, how often the answer is yes and no, or how many instances are large enough to tell, if not all.
    tightness : of an inequality, and where it was met. sight : the error that an equality would see.
    rejected : the wrong versions that fail, by name, with how clearly. nearest : the least clearly refused.
    shared : by oracle, the library's functions that both sides call.
    changed : the parts that the reader replaced.
    """

    claim: Claim = field(compare=False)
    labels: tuple[str, ...]
    telling: str = ""
    tightness: str = ""
    sight: str = ""
    rejected: Mapping[str, str] = field(default_factory=dict)
    nearest: str = ""
    shared: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    changed: tuple[str, ...] = ()

    @property
    def tolerance(self) -> str:
        """The loosest relative tolerance, as a power of ten."""
        return _report.power_of_ten(max(self.claim.tolerance_of(oracle).rtol for oracle in self.claim.right))

    @property
    def common(self) -> tuple[str, ...]:
        """The library's functions that the left side shares with the oracle that shares least; none for most."""
        return min(self.shared.values(), key=len, default=())

    def as_row(self) -> dict[str, Any]:
        """The record as strings, numbers and lists, ready for JSON.

        Raises
        ------
        ValueError
            The reader changed the claim: the ledger holds the book's own alone.
        """
        claim = self.claim
        _require(not self.changed, f"{claim.name}{_report.replaced(self.changed)} is no claim of the book")
        return {
            "equation": claim.equation, "part": claim.part, "chapter": claim.chapter, "says": claim.says,
            "tex": [claim.tex] if claim.tex else [],
            "relation": claim.relation, "oracles": list(claim.right), "instances": len(self.labels),
            "tightness": self.tightness, "tolerance": self.tolerance, "rejected": list(self.rejected),
            "nearest": self.nearest, "common": list(self.common)}

    def __repr__(self) -> str:
        return _report.line(self)

    def _repr_html_(self) -> str:
        return _report.html(self)

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        """The row beside text and page, for :func:`ledgerbook.ledger.collect`; none of a claim that was changed.

        The static page (``LEDGERBOOK_MEDIUM=page``) has no use for it, and Sphinx warns of a type that it cannot show.
        """
        return {} if self.changed or for_page() else {ROW: self.as_row()}


def check(claim: Claim, *, left: Side | None = None, right: Side | Mapping[str, Side] | None = None,
          instances: Callable[[], Iterable[Any]] | Iterable[Any] | None = None) -> Record:
    """Test a claim on its instances, against each oracle, and test that the test can fail.

    ``left``, ``right`` and ``instances`` replace the claim's own, as in :func:`changed`, and the record says so. Wrong
    versions are then tried as follows. One that replaces all that you replaced has nothing of yours in it, and is left
    out. The others must fail on the book's instances. On yours they need not, as these may be too special to tell them
    from the claim; the record counts those that fail, and names them alone.

    Raises
    ------
    CheckFailed
        The claim fails, a wrong version passes, or the check would not see what it must.
    ValueError
        The two sides that you leave or give are the same callable.

    >>> sums = Claim(
    ...     equation="S0", says="Sum of 1 to n", relation="=",
    ...     instances=lambda: (Instance(f"n = {n}", None, n) for n in range(1, 9)),
    ...     left=lambda n: n * (n + 1) / 2,
    ...     right={"one by one": lambda n: sum(range(n + 1)), "numpy": lambda n: np.arange(n + 1).sum()},
    ...     wrong=(Wrong("square", left=lambda n: n * n / 2), Wrong("less", right=lambda n: sum(range(n)))))
    >>> check(sums, right=lambda n: (n * n + n) / 2)
    ✓ (S0) Sum of 1 to n — with another right side — yours — 8 instances, to 1e-12 — rejects 1 wrong version: square
    """
    yours = given(left=left, right=right, instances=instances)
    with threadpool_limits(1, "blas"):  # sides multiply small matrices: waiting threads would cost many times as much
        return _check(changed(claim, **yours), tuple(yours))


def given(**parts: Any) -> dict[str, Any]:
    """The parts of a claim that a reader replaces, of those that she may."""
    return {name: part for name, part in parts.items() if part is not None}


def changed(claim: Claim, *, left: Side | None = None, right: Side | Mapping[str, Side] | None = None,
            instances: Callable[[], Iterable[Any]] | Iterable[Any] | None = None) -> Claim:
    """The claim with a side or instances of the reader's; what the book asks of its own claims is not asked of it.

    One callable for ``right`` is the only oracle, named "yours". ``instances`` are :class:`Instance` or plain values,
    labelled "yours 1", "yours 2", …, or a callable that gives them. A tolerance by oracle becomes the loosest one.

    Raises
    ------
    ValueError
        A side would be held against itself.
    """
    parts: dict[str, Any] = {"left": left} if left is not None else {}
    if right is not None:
        parts["right"] = MappingProxyType(dict(right) if isinstance(right, Mapping) else {"yours": right})
        parts["tolerance"] = max(map(claim.tolerance_of, claim.right), key=lambda tolerance: tolerance.rtol)
    if instances is not None:
        given = enumerate(instances() if callable(instances) else instances, 1)
        parts["instances"] = partial(list, [each if isinstance(each, Instance) else Instance(f"yours {n}", None, each)
                                            for n, each in given])
    other = copy(claim)
    for name, part in parts.items():
        object.__setattr__(other, name, part)
    _require_distinct([_identity(other.left), *map(_identity, other.right.values())],
                      f"{claim.name}: left and right hold the same callable twice: a side cannot be its own oracle")
    return other


def _check(claim: Claim, yours: tuple[str, ...]) -> Record:
    instances = listed(claim.instances, claim.name)
    name = f"{claim.name}{_report.replaced(yours)}"
    trials = [Trial(claim, name, oracle, _once(claim.left), _once(side)) for oracle, side in claim.right.items()]
    seen = [(trial, [trial.case(instance) for instance in instances]) for trial in trials]
    reached = [require(*each) for each in seen]
    require_sight(seen)
    rejected = _rejected(claim, trials, instances, yours)
    cases = seen[0][1]
    return Record(
        claim, tuple(instance.label for instance in instances), telling=_telling(cases),
        tightness=_tightness(reached) if claim.attack and not cases[0].truth else "",
        sight=_report.power_of_ten(min(trial.sight(each) for trial, each in seen)) if claim.relation == "=" else "",
        rejected={wrong: words for wrong, (_, words) in rejected.items()},
        nearest=min(rejected.values())[1] if rejected else "",
        shared=_shared(claim, name, yours), changed=yours)


def _tightness(reached: list[Attacked]) -> str:
    return _report.tightness(max(each.given for each in reached), max(each.found for each in reached))


def _telling(cases: list[Case]) -> str:
    """How often the answer is yes and how often no, or how many instances are large enough to tell, unless all are."""
    if cases[0].truth:
        yes, every = (sum(int(count(case.left)) for case in cases) for count in (np.count_nonzero, np.size))
        return f"{yes} yes and {every - yes} no"
    telling = sum(case.tells for case in cases)
    return f"{telling} tell" if telling < len(cases) else ""


def _shared(claim: Claim, name: str, yours: tuple[str, ...]) -> Mapping[str, tuple[str, ...]]:
    """What both sides call; raises where an equality of the book's own has no oracle of its own."""
    found = shared(claim)
    if claim.relation in ("=", "->") and not yours and all(found.values()):
        both = ", ".join(min(found.values(), key=len))
        raise CheckFailed(f"{name}: the left side and every oracle call {both}, whose errors they would share: add an "
                          "oracle that does without")
    return found


def _rejected(claim: Claim, trials: list[Trial], instances: list[Instance],
              yours: tuple[str, ...]) -> dict[str, tuple[float, str]]:
    """How clearly each wrong version fails, as a number and in words; raises where one passes.

    One that replaces all that the reader replaced is not tried. On her instances one may pass, and is left out.
    """
    name, found = trials[0].name, {}
    for wrong in claim.wrong:
        if yours and not set(yours) - set(wrong.changes):
            continue
        misses = _misses(wrong, trials, instances)
        passes = [oracle for oracle, miss in misses.items() if miss is None]
        if len(passes) <= (len(trials) - 1 if [*wrong.changes] == ["instances"] else 0):
            found[wrong.name] = min(miss for miss in misses.values() if miss)
        elif "instances" not in yours:
            raise CheckFailed(f"{name}, wrong version {wrong.name!r} passes against {' and '.join(passes)}: the "
                              "check cannot tell it from the claim. Add instances on which the two differ, or "
                              "drop it if it is true")
    return found


def _misses(wrong: Wrong, trials: list[Trial], instances: list[Instance]) -> dict[str, tuple[float, str] | None]:
    """By oracle, how clearly a wrong version fails, as a number and in words; None where it holds."""
    version = f"{trials[0].name}, wrong version {wrong.name!r}"
    others = listed(wrong.instances, version) if wrong.instances else instances
    versions = [_version(right, wrong, version) for right in trials]
    return {one.oracle: _miss(one, [one.case(instance) for instance in others]) for one in versions}


def _miss(version: Trial, cases: list[Case]) -> tuple[float, str] | None:
    found = failing(version, cases)
    if not found:
        return None
    if found[0].truth:
        return len(found) / len(cases), f"on {len(found)} of {len(cases)} instances"
    share = max(case.missed for case in found)
    return share, _report.apart(share)


@dataclass(frozen=True, repr=False)
class Refutation:
    """How one wrong version of a claim fails."""

    claim: Claim = field(compare=False)
    name: str
    fault: str

    def __repr__(self) -> str:
        return f"✗ {self.claim.name} {self.name} — {self.fault}"


def refute(claim: Claim, name: str) -> Refutation:
    """Show how the claim's wrong version of this name fails: on how many instances, or only under attack.

    Raises
    ------
    ValueError
        The claim has no wrong version of this name.
    CheckFailed
        The version does not fail.
    """
    wrong = next((wrong for wrong in claim.wrong if wrong.name == name), None)
    names = ", ".join(each.name for each in claim.wrong)
    _require(wrong is not None, f"{claim.name} has no wrong version {name!r}: choose from {names}")
    instances = listed(wrong.instances or claim.instances, claim.name)
    for oracle, side in claim.right.items():
        trial = _version(Trial(claim, claim.name, oracle, claim.left, side), wrong, claim.name)
        cases = [trial.case(instance) for instance in instances]
        if failing(trial, cases):
            return Refutation(claim, name, trial.fault(cases) or "holds on the instances, fails under attack")
    raise CheckFailed(f"{claim.name}, wrong version {name!r} does not fail: look at what it says again")


def _version(right: Trial, wrong: Wrong, name: str) -> Trial:
    """The trial of a wrong version in the place of the right one."""
    return replace(right, name=name, left=wrong.left or right.left, right=wrong.right or right.right)


def listed(instances: Callable[[], Iterable[Instance]], name: str) -> list[Instance]:
    """The instances of the claim or version ``name``; refuses none, strangers and shared labels (CheckFailed)."""
    every = list(instances())
    if not every:
        raise CheckFailed(f"{name}: instances() gives none, and nothing is checked by nothing")
    if strangers := [type(one).__name__ for one in every if not isinstance(one, Instance)]:
        raise CheckFailed(f"{name}: instances() gives {strangers[0]}: wrap each value, Instance(label, seed, value)")
    if len({instance.label for instance in every}) < len(every):
        raise CheckFailed(f"{name}: two instances share a label, so that neither can be replayed: tell them apart")
    return every


def _once(side: Side) -> Side:
    """The same side, remembering its answers for the length of one check."""
    answers: dict[int, tuple[Any, ArrayLike]] = {}

    def remembered(value: Any) -> ArrayLike:
        if id(value) not in answers:
            answers[id(value)] = value, side(value)  # the value is kept so that its id stays its own
        return answers[id(value)][1]

    return remembered


def _identity(side: Any) -> Any:
    """What two callables have in common when one is a copy of the other (the same code over the same objects)."""
    if isinstance(side, CodeType):
        return side.co_code, side.co_names, tuple(map(_identity, side.co_consts))
    if isinstance(side, partial) and not (side.args or side.keywords):
        return _identity(side.func)
    if isinstance(side, partial):
        return _identity(side.func), [*map(id, side.args)], {name: id(value) for name, value in side.keywords.items()}
    if isinstance(side, MethodType):
        return _identity(side.__func__), id(side.__self__)
    if isinstance(side, FunctionType):
        bound = *(side.__closure__ or ()), *(side.__defaults__ or ()), *(side.__kwdefaults__ or {}).values()
        return _identity(side.__code__), id(side.__globals__), [*map(id, bound)]
    return side if isinstance(side, (str, int, float, tuple)) else id(side)


def _require_distinct(things: list[Any], remedy: str) -> None:
    _require(all(thing not in things[:i] for i, thing in enumerate(things)), remedy)
