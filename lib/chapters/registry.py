"""The rooms of the book, found by themselves: each names its page and its chapter, and is imported when asked for.

A notebook shows ``check(claims.S32)`` with the claims of its room; the ledger runs the same objects. Oracles share no
code with the closed form that they are held against.
"""

from __future__ import annotations

import pkgutil
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec

from ledgerbook.claim import Claim


@dataclass(frozen=True)
class Room:
    """One folder of this package: what one page of the book shows.

    Attributes
    ----------
    name : of the folder. page : the notebook it belongs to, without its ending. chapter : the paper's number, or "".
    """

    name: str
    page: str
    chapter: str

    @property
    def claims(self) -> dict[str, Claim]:
        """The claims of the room by the name that its notebook uses; none where it has no ``claims`` module."""
        module = f"{__package__}.{self.name}.claims"
        if find_spec(module) is None:
            return {}
        return {name: each for name, each in vars(import_module(module)).items() if isinstance(each, Claim)}


def rooms() -> tuple[Room, ...]:
    """Every room, in the order of the pages."""
    names = [found.name for found in pkgutil.iter_modules(import_module(__package__).__path__) if found.ispkg]
    modules = [(name, import_module(f"{__package__}.{name}")) for name in names]
    found = [Room(name, module.PAGE, getattr(module, "CHAPTER", "")) for name, module in modules]
    return tuple(sorted(found, key=lambda room: room.page))


def chapters() -> dict[str, list[Claim]]:
    """All claims by the number of their chapter."""
    found: dict[str, list[Claim]] = {}
    for room in rooms():
        found.setdefault(room.chapter, []).extend(room.claims.values())
    return {chapter: claims for chapter, claims in found.items() if claims}
