"""Every claim of the registry, and that the book shows each equation that it numbers with the check of it."""

import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from chapters import registry
from ledgerbook import ledger
from ledgerbook import report as _report
from ledgerbook.claim import Record, check

BOOK = Path(__file__).parents[1] / "book"
CELLS = {path.stem: nbformat.read(path, 4).cells for path in BOOK.glob("*.ipynb")}
ROOMS = {room.name: room for room in registry.rooms()}
NAMED = {(room.name, name): claim for room in ROOMS.values() for name, claim in room.claims.items()}


def text(page, kind):
    return "\n".join(cell.source for cell in CELLS[page] if cell.cell_type == kind)


@pytest.mark.parametrize("name", NAMED, ids=".".join)
def test_claim_holds_and_its_wrong_versions_do_not(name):
    assert check(NAMED[name])


@pytest.mark.parametrize("name", NAMED, ids=".".join)
def test_fold_shows_every_function_that_computes_a_side(name):
    """Each function of the book that runs when a side is evaluated on one instance, and no function twice."""
    claim, ran = NAMED[name], set()
    value = next(iter(claim.instances())).value

    def note(frame, event, argument):
        if event == "call" and frame.f_globals.get("__name__", "").startswith("chapters."):
            ran.add(frame.f_code)

    sys.setprofile(note)
    try:
        for side in (claim.left, *claim.right.values()):
            side(value)
    finally:
        sys.setprofile(None)
    shown = " ".join(re.findall(r"<dt>(?:Left|Right) side.*?</pre>", _report.html(Record(claim, (), "", ())), re.S))
    names = {code.co_name for code in ran if not code.co_name.startswith("<") and code.co_filename != "<string>"}
    assert [name for name in sorted(names) if shown.count(f"def {name}(") != 1] == []


def test_every_room_has_a_page_of_its_own():
    pages = [room.page for room in ROOMS.values()]
    assert len(set(pages)) == len(pages)
    assert set(pages) <= set(CELLS)


def test_numbered_equations_are_registered_and_registered_ones_are_shown():
    labels = {label: page for page in CELLS for label in re.findall(r":label: (S\d+)", text(page, "markdown"))}
    registered = {claim.equation for claim in NAMED.values() if claim.equation.startswith("S")}
    assert set(labels) == registered
    pages = {claim.equation: ROOMS[room].page for (room, _), claim in NAMED.items()}
    assert {label: pages[label] for label in labels} == labels


@pytest.mark.parametrize("name", NAMED, ids=".".join)
def test_check_stands_on_the_page_of_its_equation(name):
    assert re.search(rf"check\(\w+\.{name[1]}\)", text(ROOMS[name[0]].page, "code"))


def test_pages_show_what_the_registry_holds():
    """Equation and part, oracles, instances and wrong versions: what the ledger collects, without any check run."""
    shown = {(row["equation"], row["part"]): row for row in ledger.shown(BOOK)}
    missing = [claim.name for claim in NAMED.values() if (claim.equation, claim.part) not in shown]
    assert missing == [], "run make notebooks"
    for claim in NAMED.values():
        row = shown.pop((claim.equation, claim.part))
        assert (row["says"], row["relation"], row["oracles"], row["instances"], row["rejected"]) == (
            claim.says, claim.relation, [*claim.right], len([*claim.instances()]), [w.name for w in claim.wrong])
    assert not shown


def test_every_check_has_an_anchor_of_its_own():
    anchors = [_report.anchor(claim.equation, claim.part) for claim in NAMED.values()]
    assert len(set(anchors)) == len(anchors)


@pytest.mark.parametrize("room", [name for name, room in ROOMS.items() if room.claims])
def test_claims_of_one_room_import_no_other_room_and_no_heavy_package_in_vain(room):
    code = (f"import sys; import chapters.{room}.claims; "
            "print(*(name for name in sys.modules if name.endswith('.claims') or name in ('cvxpy', 'sympy')))")
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    heavy = {"step_sizes": {"cvxpy"}, "gradient": {"sympy"}}.get(room, set())
    assert set(loaded) <= {f"chapters.{room}.claims", *heavy}
