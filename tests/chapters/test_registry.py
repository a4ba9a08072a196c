"""The registry finds every room by itself, and the book shows each equation that it numbers."""

import re
from pathlib import Path

from chapters import registry
from rooms import BOOK, text

ROOMS = registry.rooms()
PAGES = [path.stem for path in BOOK.glob("*.ipynb")]


def test_every_room_has_a_page_and_a_test_file_of_its_own():
    pages = [room.page for room in ROOMS]
    assert len(set(pages)) == len(pages) and set(pages) <= set(PAGES)
    assert [room.name for room in ROOMS if not (Path(__file__).parent / f"test_{room.name}.py").exists()] == []


def test_numbered_equations_are_registered_and_registered_ones_are_shown():
    labels = {label: page for page in PAGES for label in re.findall(r"\\label\{(S\d+)\}", text(page, "markdown"))}
    registered = {claim.equation for room in ROOMS for claim in room.claims.values() if claim.equation.startswith("S")}
    assert set(labels) == registered
    pages = registry.pages()
    assert all(pages[label].startswith(f"{page}.html") for label, page in labels.items())
