"""The registry finds every room by itself, and the book shows each equation that it numbers."""

import re
from pathlib import Path

from chapters import registry
from ledgerbook import ledger, report
from rooms import BOOK, text

ROOMS = registry.rooms()
CLAIMS = [claim for room in ROOMS for claim in room.claims.values()]
PAGES = [path.stem for path in BOOK.glob("*.ipynb")]


def test_every_room_has_a_page_and_a_test_file_of_its_own():
    pages = [room.page for room in ROOMS]
    assert len(set(pages)) == len(pages) and set(pages) <= set(PAGES)
    assert [room.name for room in ROOMS if not (Path(__file__).parent / f"test_{room.name}.py").exists()] == []


def test_numbered_equations_are_registered_and_registered_ones_are_shown():
    labels = {label: page for page in PAGES for label in re.findall(r"\\label\{(S\d+)\}", text(page, "markdown"))}
    page_of = {claim.equation: room.page for room in ROOMS for claim in room.claims.values()}
    assert labels == {equation: page for equation, page in page_of.items() if equation.startswith("S")}


def test_pages_show_what_the_registry_holds():
    """Equation and part, oracles, instances and wrong versions: what the ledger collects, without any check run."""
    shown = {(row["equation"], row["part"]): row for row in ledger.shown(BOOK)}
    missing = [claim.name for claim in CLAIMS if (claim.equation, claim.part) not in shown]
    assert missing == [], "run make notebooks"
    for claim in CLAIMS:
        row = shown.pop((claim.equation, claim.part))
        assert (row["says"], row["relation"], row["oracles"], row["instances"], row["rejected"]) == (
            claim.says, claim.relation, [*claim.right], len([*claim.instances()]), [w.name for w in claim.wrong])
    assert not shown


def test_every_check_has_an_anchor_of_its_own():
    anchors = [report.anchor(claim.equation, claim.part) for claim in CLAIMS]
    assert len(set(anchors)) == len(anchors)
