"""Which functions of a book's library a side of a claim calls, measured while it runs.

Two sides that call the same function agree on its errors, so an equality needs an oracle that shares none with the
left side. The package in which claims are written names its library in ``LIBRARY``, and in ``COMMON_GROUND`` the
modules that hold what both sides must speak of, such as the definition of a network. The claims' own functions do not
count: they stand beside each check, for the reader to see.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .claim import Claim


def shared(claim: Claim) -> dict[str, tuple[str, ...]]:
    """By oracle, the library's functions that it calls and that the left side calls too, on the first instance.

    The instance is made anew for each side, so that what an object keeps of its own results hides no call. An answer
    that a function keeps from before does hide one.
    """
    left = _called(claim, claim.left)
    return {oracle: tuple(sorted(left & _called(claim, side))) for oracle, side in claim.right.items()}


def _called(claim: Claim, side: Callable) -> frozenset[str]:
    home = sys.modules.get(claim.home)
    if not hasattr(home, "LIBRARY"):
        return frozenset()
    return called(side, next(iter(claim.instances())).value, home.LIBRARY, getattr(home, "COMMON_GROUND", ()))


def called(side: Callable, value: Any, library: str, ground: tuple[str, ...] = ()) -> frozenset[str]:
    """The functions, as ``module.name``, of the package ``library`` that run when ``side`` does; none of ``ground``.

    >>> sorted(called(repr, list, "ledgerbook")), sorted(called(lambda x: _called.__doc__, 1, "ledgerbook"))
    ([], [])
    """
    found: set[str] = set()

    def note(frame: FrameType, event: str, argument: Any) -> None:
        module = frame.f_globals.get("__name__")
        if event == "call" and f"{module}.".startswith(f"{library}.") and module not in ground:
            name = frame.f_code.co_qualname.partition(".<locals>")[0]
            if not name.startswith(("<", "__create_fn__")):  # no comprehension, and no method that a dataclass made
                found.add(f"{module.rpartition('.')[2]}.{name}")

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        side(value)
    finally:
        sys.setprofile(before)
    return frozenset(found)
