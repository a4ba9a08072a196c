"""Every claim of the registry, and that the book shows each equation that it numbers with the check of it."""

import re
from pathlib import Path

import nbformat
import pytest

from stableminima import claims
from stableminima.verify import Claim, check

BOOK = Path(__file__).parents[1] / "book"
CELLS = {path.stem: nbformat.read(path, 4).cells for path in BOOK.glob("*.ipynb")}
ENTRIES = {name: entry for module in claims.SHOWN.values() for name, entry in claims.entries(module).items()}
NAMED = {name: entry for name, entry in ENTRIES.items() if isinstance(entry, Claim)}


def text(page, kind):
    return "\n".join(cell.source for cell in CELLS[page] if cell.cell_type == kind)


@pytest.mark.parametrize("name", NAMED)
def test_claim_holds_and_its_wrong_versions_do_not(name):
    record = check(NAMED[name])
    assert record.as_row()["status"] == "checked"
    assert "How (" in record._repr_html_()


def test_no_two_modules_use_one_name():
    assert len(ENTRIES) == len(claims.CLAIMS)


def test_numbered_equations_are_registered_and_registered_ones_are_shown():
    labels = {label: page for page in CELLS for label in re.findall(r":label: (S\d+)", text(page, "markdown"))}
    registered = {entry.equation for entry in claims.CLAIMS if entry.equation.startswith("S")}
    assert set(labels) == registered
    assert all(claims.PAGES[label].startswith(f"{page}.html") for label, page in labels.items())


@pytest.mark.parametrize("name", NAMED)
def test_check_stands_on_the_page_of_its_equation(name):
    page = claims.PAGES[NAMED[name].equation].partition(".html")[0]
    assert re.search(rf"check\(\w+\.{name}\)", text(page, "code"))
