"""A few instances of a claim with the numbers of both sides, to see what a check compares."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from .claim import Claim, Side, changed, given, listed
from .report import SYMBOLS, replaced
from .tables import Table
from .trial import Case, Trial

TIE = 1e-9  # entries that are equal but for roundings: the first of them is shown


@dataclass(frozen=True, repr=False)
class Look:
    """Both sides of a claim on a few instances: a table on the page and lines in a terminal."""

    table: Table

    def __repr__(self) -> str:
        return repr(self.table)

    def _repr_html_(self) -> str:
        return self.table._repr_html_()


def look(claim: Claim, count: int = 3, *, left: Side | None = None, right: Side | Mapping[str, Side] | None = None,
         instances: Callable[[], Iterable[Any]] | Iterable[Any] | None = None) -> Look:
    """Both sides on ``count`` instances, spread evenly over all, to three significant digits.

    Of arrays the entry with the largest left side is shown, the same on every side, and the
    shape is told. Of a
    sequence that converges it is an entry at its end. The last column holds the slack of an inequality where it is
    smallest, or else the gap where it is largest, over all entries and oracles; what is of the size of roundings is
    told as "≤ tolerance". ``left``, ``right`` and ``instances`` replace the claim's own as in :func:`~.claim.check`.

    Raises
    ------
    CheckFailed
        A side raises, or returns anything but real, finite numbers of one shape.
    ValueError
        ``count`` is below 1, or a side would be held against itself.

    >>> from ledgerbook.claim import Instance, Wrong
    >>> sums = Claim(
    ...     equation="S0", says="Sum of 1 to n", relation="=",
    ...     instances=lambda: (Instance(f"n = {n}", None, n) for n in range(1, 9)),
    ...     left=lambda n: n * (n + 1) / 2,
    ...     right={"one by one": lambda n: sum(range(n + 1)), "numpy": lambda n: np.arange(n + 1).sum()},
    ...     wrong=(Wrong("square", left=lambda n: n * n / 2), Wrong("less", right=lambda n: sum(range(n)))))
    >>> look(sums)
    (S0): left = right, on 3 of 8 instances
    instance | left | one by one | numpy | largest gap
    n = 1 | 1 | 1 | 1 | ≤ tolerance
    n = 5 | 15 | 15 | 15 | ≤ tolerance
    n = 8 | 36 | 36 | 36 | ≤ tolerance
    >>> look(sums, instances=[100], left=lambda n: n * n / 2)
    (S0) with another left side and other instances: left = right, on 1 of 1 instance
    instance | left | one by one | numpy | largest gap
    yours 1 | 5000 | 5050 | 5050 | 50
    """
    if count < 1:
        raise ValueError(f"count is {count}: look at 1 instance or more")
    yours = given(left=left, right=right, instances=instances)
    claim = changed(claim, **yours)
    every = listed(claim.instances, claim.name)
    chosen = [every[place] for place in np.unique(np.linspace(0, len(every) - 1, count).round().astype(int))]
    trials = [Trial(claim, claim.name, name, claim.left, side) for name, side in claim.right.items()]
    rows = [_row(one.label, [trial.case(one) for trial in trials], claim.relation) for one in chosen]
    of = f"on {len(chosen)} of {len(every)} instance{'s' * (len(every) != 1)}"
    caption = f"{claim.name}{replaced(tuple(yours))}: left {SYMBOLS[claim.relation]} right, {of}"
    head = "instance", "left", *claim.right, "least slack" if claim.attack else "largest gap"
    return Look(Table(caption, head, rows))


def _row(label: str, cases: list[Case], relation: str) -> list[str]:
    ends = [_at_the_end(case) if relation == "->" else (case.left, case.right, case.allowed) for case in cases]
    left = ends[0][0]
    size = np.abs(left)
    entry = np.unravel_index(np.argmax(size >= (1 - TIE) * size.max()), left.shape)
    numbers = [_number(right[entry], allowed[entry]) for _, right, allowed in ends]
    shape = f", of {'×'.join(map(str, left.shape))}" if left.ndim else ""
    return [label, _number(left[entry], ends[0][2][entry]) + shape, *numbers, _missing(cases, relation)]


def _at_the_end(case: Case) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return case.left[..., -1], case.right[..., -1], case.allowed[..., -1]


def _missing(cases: list[Case], relation: str) -> str:
    """The smallest slack, or the largest gap, over all entries and oracles."""
    sign = {"<=": 1, ">=": -1}.get(relation)
    rooms = [sign * (case.right - case.left) if sign else -case.gap for case in cases]
    room = min(float(each.min()) for each in rooms)
    small = all((np.abs(each[each == room]) <= case.allowed[each == room]).all()
                for each, case in zip(rooms, cases, strict=True))
    return "≤ tolerance" if small else _number(room if sign else -room, 0)


def _number(value: float, allowed: float) -> str:
    """Three significant digits.

    >>> _number(5049.7, 0), _number(-0.123456, 0), _number(1e-17, 1e-12), _number(1.5e9, 0)
    ('5050', '-0.123', '0', '1.5e+09')
    """
    return "0" if abs(value) <= allowed else f"{float(f'{value:.3g}'):.6g}"
