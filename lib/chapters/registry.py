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


# where the book's own equations stand: Sphinx has no name for them
_OWN = {
    "I.1": "01_experiments.html#the-lower-bound",
    "I.2": "01_experiments.html#the-upper-bound-and-the-runs-above-it",
    "I.3": "01_figures.html#sharpness-along-training",
    "I.4": "01_figures.html#the-flattest-rescaling",
    "II.1": "02_linear_stability.html#prop-trace",
    "III.1": "03_switching.html#noise-of-mean-zero-costs-nothing",
    "III.2": "03_switching.html#prop-kink",
    "III.3": "03_switching.html#the-first-part-needs-neither-nor",
    "IV.1": "04_strong_stability.html#prop-own-rule",
    "V.1": "05_gradient.html#prop-euler",
    "V.2": "05_gradient.html#prop-balance",
    "V.3": "05_gradient.html#prop-balance",
    "T1": "06_smoothness.html#thm-1",
    "VI.1": "06_smoothness.html#how-tight",
    "VI.2": "06_smoothness.html#the-weight-of-a-population",
    "VI.3": "06_smoothness.html#prop-local-minimum",
    "VI.4": "06_step_sizes.html#prop-smoothest",
    "VI.5": "06_step_sizes.html#prop-smoothest",
    "VI.6": "06_step_sizes.html#prop-certificate",
    "VI.7": "06_step_sizes.html#prop-flattest",
    "VI.8": "06_step_sizes.html#where-descent-really-stops",
}


def pages() -> dict[str, str]:
    """Where each equation stands. Sphinx calls the display of one that is labelled S9 "equation-s9"."""
    return {claim.equation: _OWN.get(claim.equation, f"{room.page}.html#equation-{claim.equation.lower()}")
            for room in rooms() for claim in room.claims.values()}
