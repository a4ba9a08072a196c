"""Every claim of the registry, and that the book shows each equation that it numbers with the check of it."""

import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from chapters import registry
from ledgerbook.claim import check

BOOK = Path(__file__).parents[1] / "book"
CELLS = {path.stem: nbformat.read(path, 4).cells for path in BOOK.glob("*.ipynb")}
ROOMS = {room.name: room for room in registry.rooms()}
NAMED = {(room.name, name): claim for room in ROOMS.values() for name, claim in room.claims.items()}


def text(page, kind):
    return "\n".join(cell.source for cell in CELLS[page] if cell.cell_type == kind)


@pytest.mark.parametrize("name", NAMED, ids=".".join)
def test_claim_holds_and_its_wrong_versions_do_not(name):
    assert "How (" in check(NAMED[name])._repr_html_()


def test_every_room_has_a_page_of_its_own():
    pages = [room.page for room in ROOMS.values()]
    assert len(set(pages)) == len(pages)
    assert set(pages) <= set(CELLS)


def test_numbered_equations_are_registered_and_registered_ones_are_shown():
    labels = {label: page for page in CELLS for label in re.findall(r":label: (S\d+)", text(page, "markdown"))}
    registered = {claim.equation for claim in NAMED.values() if claim.equation.startswith("S")}
    assert set(labels) == registered
    pages = registry.pages()
    assert all(pages[label].startswith(f"{page}.html") for label, page in labels.items())


@pytest.mark.parametrize("name", NAMED, ids=".".join)
def test_check_stands_on_the_page_of_its_equation(name):
    page = registry.pages()[NAMED[name].equation].partition(".html")[0]
    assert re.search(rf"check\(\w+\.{name[1]}\)", text(page, "code"))


@pytest.mark.parametrize("room", [name for name, room in ROOMS.items() if room.claims])
def test_claims_of_one_room_import_no_other_room_and_no_heavy_package_in_vain(room):
    code = (f"import sys; import chapters.{room}.claims; "
            "print(*(name for name in sys.modules if name.endswith('.claims') or name in ('cvxpy', 'sympy')))")
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    heavy = {"gradient": {"sympy"}}.get(room, set())
    assert set(loaded) <= {f"chapters.{room}.claims", *heavy}
