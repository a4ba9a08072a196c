"""Every claim of the registry, and that the book shows each equation that it numbers with the check of it."""

import re
from pathlib import Path

import nbformat
import pytest

from stableminima import claims
from stableminima.verify import Claim, check

BOOK = Path(__file__).parents[1] / "book"
CELLS = {path.stem: nbformat.read(path, 4).cells for path in BOOK.glob("*.ipynb")}
NAMED = {name: value for name, value in vars(claims).items() if isinstance(value, Claim)}


def text(page, kind):
    return "\n".join(cell.source for cell in CELLS[page] if cell.cell_type == kind)


@pytest.mark.parametrize("name", NAMED)
def test_claim_holds_and_its_wrong_versions_do_not(name):
    record = check(NAMED[name])
    assert record.as_row()["status"] == "checked"
    assert "How (" in record._repr_html_()


def test_registry_holds_every_claim():
    assert {id(claim) for claim in NAMED.values()} <= {id(entry) for entry in claims.CLAIMS}


def test_numbered_equations_are_registered_and_registered_ones_are_shown():
    labels = {label: page for page in CELLS for label in re.findall(r":label: (S\d+)", text(page, "markdown"))}
    registered = {entry.equation for entry in claims.CLAIMS if entry.equation.startswith("S")}
    assert set(labels) == registered
    assert all(claims.PAGES[label].startswith(f"{page}.html") for label, page in labels.items())


@pytest.mark.parametrize("name", NAMED)
def test_check_stands_on_the_page_of_its_equation(name):
    page = claims.PAGES[NAMED[name].equation].partition(".html")[0]
    assert f"check(claims.{name})" in text(page, "code")
