"""The build, run on a one-page book with the project's own configuration: it is fresh, and it fails when it should."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from bs4 import BeautifulSoup

ROOT = Path(__file__).parents[1]
BUILD = [Path(sys.executable).with_name("jupyter-book"), "build", ".", "--all", "-W", "-n", "--keep-going"]


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """A folder with our _config.yml, tools and assets, one page, and a library of one constant."""
    shutil.copy(ROOT / "_config.yml", tmp_path)
    shutil.copytree(ROOT / "assets", tmp_path / "assets")
    (tmp_path / "node_modules").symlink_to(ROOT / "node_modules")
    (tmp_path / "_toc.yml").write_text("format: jb-book\nroot: page\n")
    (tmp_path / "lib").mkdir()
    set_constant(tmp_path, 41)
    set_page(tmp_path, code="from tiny import CONSTANT\nprint('the constant is', CONSTANT)")
    return tmp_path


def set_constant(book: Path, value: int) -> None:
    (book / "lib" / "tiny.py").write_text(f"CONSTANT = {value}\n")


def set_page(book: Path, prose: str = "", code: str = "1 + 1") -> None:
    """Make the page of two cells: a title with prose, and code."""
    cells = [nbformat.v4.new_markdown_cell(f"# Page\n\n{prose}\n"), nbformat.v4.new_code_cell(code)]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), book / "page.ipynb")


def build(book: Path) -> subprocess.CompletedProcess:
    environment = os.environ | {"PYTHONPATH": str(book / "lib"), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(BUILD, cwd=book, env=environment, capture_output=True, text=True)


def page(book: Path) -> str:
    return (book / "_build" / "html" / "page.html").read_text()


def test_a_changed_constant_in_the_library_changes_the_page(book):
    assert build(book).returncode == 0
    assert "the constant is 41" in page(book)
    set_constant(book, 42)
    assert build(book).returncode == 0
    assert "the constant is 42" in page(book)


def test_a_cell_that_fails_stops_the_build_and_says_why(book):
    set_page(book, code="1 / 0")
    done = build(book)
    assert done.returncode != 0
    assert "ZeroDivisionError" in done.stdout + done.stderr


@pytest.mark.parametrize(
    "content",
    [{"code": "import sys\nprint('aside', file=sys.stderr)"}, {"prose": "See [(S99)](#S99)."}],
    ids=["stray message", "reference to nothing"],
)
def test_a_blemish_stops_the_build(book, content):
    set_page(book, **content)
    assert build(book).returncode != 0


def test_a_formula_that_cannot_be_read_stops_the_build_and_is_named(book):
    set_page(book, prose=r"See $\fraction{1}{2}$.")
    done = build(book)
    assert done.returncode != 0
    assert r"does not read '\\fraction{1}{2}': Undefined control sequence" in done.stdout + done.stderr


def test_a_formula_is_typeset_and_a_picture_is_a_file(book):
    set_page(book, prose=r"See $a < b_1$ and" + "\n\n$$\n\\frac{1}{2}\n$$\n",
             code="from IPython.display import HTML\n"
                  "HTML('<img alt=\"1\" src=\"data:image/png;base64,iVBORw0KGgo=\">')")
    assert build(book).returncode == 0
    assert page(book).count("<mjx-container") == page(book).count("</math>") == 2
    assert "<mjx-frac" in page(book) and "frac{" not in page(book)
    (picture,) = (book / "_build" / "html" / "_static" / "shown").rglob("*.png")
    assert picture.read_bytes() == b"\x89PNG\r\n\x1a\n"
    assert f'src="_static/shown/{picture.parent.name}/picture.png"' in page(book)


def test_the_words_of_a_picture_arrive_as_they_are(book):
    words = """|f''| of "a": b # 1 \\ 2"""
    set_page(book, code="from ledgerbook.picture import Picture, blank\n"
                        f"Picture(blank(1, 1)[0], 'fig-one', 'A caption.', {words!r})")
    assert build(book).returncode == 0
    (alt,) = [image["alt"] for image in BeautifulSoup(page(book), "html.parser").select("figure img")]
    assert alt == words


def test_a_page_keeps_the_papers_numbers_and_the_words_of_images_and_is_called_a_page(book):
    set_page(
        book,
        prose="See [(S75)](#S75).\n\n\\begin{equation*}\na = b \\tag{S75}\\label{S75}\n\\end{equation*}",
        code="import os\nfrom IPython.display import SVG, display\n"
        "display(SVG('<svg xmlns=\"http://www.w3.org/2000/svg\"/>'), metadata={'image/svg+xml': {'alt': 'one dot'}})\n"
        "print('medium:', os.environ['LEDGERBOOK_MEDIUM'])",
    )
    assert build(book).returncode == 0
    assert page(book).count("(S75)") == 2
    assert 'alt="one dot"' in page(book)
    assert "medium: page" in page(book)
