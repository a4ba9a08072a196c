"""What both sides of a claim call is found out, and an equality that shares all is refused."""

import sys
from types import ModuleType

import pytest

from chapters.registry import rooms
from ledgerbook.claim import CheckFailed, Claim, Instance, Wrong, check
from ledgerbook.independence import called, shared

LIBRARY_CODE = """
from dataclasses import dataclass


@dataclass(frozen=True)
class Point:
    x: float


class Square:
    def __init__(self, x):
        self.kept = None
        self.x = x

    def of(self):
        self.kept = self.kept or _times(self.x, self.x)
        return self.kept


def _times(a, b):
    return (lambda: a * b)()


def ground(x):
    return x + 0
"""


@pytest.fixture(autouse=True)
def packages(monkeypatch):
    """A library of two modules, and a package of claims that names it; the claims here are said to be written there."""
    for name in ("toylibrary", "toylibrary.squares", "toylibrary.ground", "toylibrary.runs.long"):
        module = ModuleType(name)
        monkeypatch.setitem(sys.modules, name, module)
        exec(LIBRARY_CODE, module.__dict__)
    home = ModuleType("toyclaims")
    home.LIBRARY, home.COMMON_GROUND = "toylibrary", ("toylibrary.ground",)
    monkeypatch.setitem(sys.modules, "toyclaims", home)


def squares(x):
    return sys.modules["toylibrary.squares"].Square(x)


def given(x):
    return sys.modules["toylibrary.ground"].ground(x)


def claim(**changes):
    """x² by the library, by a product and by a sum, on objects that keep their result."""
    fields = {
        "equation": "S1", "says": "A square", "relation": "=",
        "instances": lambda: [Instance(f"x = {x}", None, squares(x)) for x in (1, 2, 3)],
        "left": lambda square: square.of(),
        "right": {"product": lambda square: given(square.x) * square.x, "sum": lambda s: sum([s.x] * s.x)},
        "wrong": (Wrong("once", left=lambda s: s.x + 7), Wrong("twice", right=lambda s: 2 * s.x + 7))}
    made = Claim(**fields | changes)
    object.__setattr__(made, "home", "toyclaims")
    return made


def by_the_library(square):
    return 0 + square.of()


def test_calls_are_found_by_name_and_module():
    assert called(by_the_library, squares(2), "toylibrary") == {"squares.Square.of", "squares._times"}
    assert called(given, 2, "toylibrary") == {"ground.ground"}
    assert called(given, 2, "toylibrary", ("toylibrary.ground",)) == called(given, 2, "toy") == frozenset()


def test_module_is_named_without_its_packages():
    assert called(lambda x: sys.modules["toylibrary.runs.long"].ground(x), 2, "toylibrary") == {"long.ground"}


def test_methods_that_a_dataclass_makes_are_no_code_of_the_library():
    assert called(sys.modules["toylibrary.squares"].Point, 2.0, "toylibrary") == frozenset()


def test_common_ground_may_stand_on_both_sides():
    """Without it the network's definition would make every check of a network impossible."""
    both = claim(left=lambda s: given(s.x) * s.x, right={
        "sum": lambda s: sum([given(s.x)] * s.x), "power": lambda s: s.x**2})
    assert shared(both) == {"sum": (), "power": ()}
    del sys.modules["toyclaims"].COMMON_GROUND
    assert shared(both) == {"sum": ("ground.ground",), "power": ()}


def test_profiler_of_somebody_else_is_given_back():
    def note(*event):
        pass

    sys.setprofile(note)
    try:
        with pytest.raises(AttributeError):
            called(lambda x: x.nothing, 1, "toylibrary")
        assert sys.getprofile() is note
    finally:
        sys.setprofile(None)


def test_what_an_object_keeps_hides_no_call():
    both = claim(right={"product": lambda s: given(s.x) * s.x, "library": by_the_library})
    assert shared(both) == {"product": (), "library": ("squares.Square.of", "squares._times")}


def test_equality_needs_an_oracle_that_shares_nothing():
    record = check(claim(right={"library": by_the_library, "sum": lambda s: sum([s.x] * s.x)}))
    assert record.common == () and record.shared["library"]
    assert ">library: squares.Square.of, squares._times</dd>" in record._repr_html_()
    with pytest.raises(CheckFailed, match="every oracle call squares.Square.of, squares._times, whose errors"):
        check(claim(right={"library": by_the_library, "again": lambda s: s.of() + 0}))


def test_what_a_reader_brings_is_told_and_not_refused():
    assert check(claim(), right=by_the_library).common == ("squares.Square.of", "squares._times")


def test_package_that_names_no_library_shares_nothing():
    made = claim(right={"library": by_the_library, "again": lambda s: s.of() + 0})
    object.__setattr__(made, "home", "no_such_package")
    assert check(made).common == ()


def test_what_both_sides_of_an_inequality_call_is_held_against_something_else():
    """An error in it would move both sides of the inequality, and be seen in an equality that has it on one side."""
    claims = [each for room in rooms() for each in room.claims.values()]
    ran = [(each, _ran(each, next(iter(each.instances())))) for each in claims if each.relation in ("=", "->")]
    apart = set().union(*(_apart(sides) for _, sides in ran))
    both = {name for each in claims if each.relation in ("<=", ">=") for name in min(shared(each).values(), key=len)}
    left = both - apart
    for each, sides in ran:  # what the first instance of no equality needs, another one may
        if _modules(left) & _modules(set().union(*sides)):
            left -= set().union(*(_apart(_ran(each, case)) for case in each.instances()))
    assert left == set()


def _ran(claim: Claim, case: Instance) -> list[set[str]]:
    """What each side calls on an instance."""
    return [set(called(side, case.value, "stableminima")) for side in (claim.left, *claim.right.values())]


def _apart(ran: list[set[str]]) -> set[str]:
    """What one side calls and another does not."""
    return set().union(*ran) - set.intersection(*ran)


def _modules(names: set[str]) -> set[str]:
    return {name.partition(".")[0] for name in names}
