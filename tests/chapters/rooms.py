"""What is tested of every room: its claims, their place on its page, and what importing them costs.

A room's test file takes these tests over by ``from rooms import *`` and adds its own.
"""

import re
import subprocess
import sys
from pathlib import Path

import nbformat

from chapters.registry import Room
from ledgerbook import report
from ledgerbook.claim import Claim, Record, check

__all__ = [
    "test_claim_holds_and_its_wrong_versions_do_not", "test_fold_shows_every_function_that_computes_a_side",
    "test_check_stands_on_the_page", "test_statement_is_typeset",
    "test_claims_import_no_other_room_and_no_heavy_package_in_vain",
]

BOOK = Path(__file__).parents[2] / "book"
HEAVY = {"gradient": {"sympy"}, "theorem_two": {"sympy"}}  # what a room's claims may import, though it takes long


def text(page: str, kind: str) -> str:
    """All cells of one kind of a notebook, as one text."""
    cells = nbformat.read(BOOK / f"{page}.ipynb", 4).cells
    return "\n".join(cell.source for cell in cells if cell.cell_type == kind)


def test_claim_holds_and_its_wrong_versions_do_not(claim: Claim):
    assert check(claim)


def test_fold_shows_every_function_that_computes_a_side(claim: Claim):
    """Each function of the book that runs when a side is evaluated on one instance, and no function twice."""
    value, ran = next(iter(claim.instances())).value, set()

    def note(frame, event, argument):
        if event == "call" and frame.f_globals.get("__name__", "").startswith("chapters."):
            ran.add(frame.f_code)

    sys.setprofile(note)
    try:
        for side in (claim.left, *claim.right.values()):
            side(value)
    finally:
        sys.setprofile(None)
    shown = " ".join(re.findall(r"<dt[^>]*>(?:Left|Right) side.*?</pre>", report.html(Record(claim, ())), re.S))
    names = {code.co_name for code in ran if not code.co_name.startswith("<") and code.co_filename != "<string>"}
    assert [name for name in sorted(names) if shown.count(f"def {name}(") != 1] == []


def test_check_stands_on_the_page(room: Room):
    code = text(room.page, "code")
    assert [name for name in room.claims if not re.search(rf"check\(\w+\.{name}\)", code)] == []


def test_statement_is_typeset(claim: Claim):
    """The page shows it at the ✓; that it has no error of TeX is seen in the browser."""
    assert claim.tex and claim.tex.count("{") == claim.tex.count("}") and "$" not in claim.tex


def test_claims_import_no_other_room_and_no_heavy_package_in_vain(room: Room):
    code = (f"import sys; import chapters.{room.name}.claims; "
            "print(*(name for name in sys.modules if name.endswith('.claims') or name in ('cvxpy', 'sympy')))")
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert set(loaded) <= {f"chapters.{room.name}.claims", *HEAVY.get(room.name, set())}
