"""What the committed notebooks must be, so that nbval's comparison means something and cells stay readable.

nbval compares nothing in a cell that was never run, so a notebook without its outputs would pass.
"""

import json
import re
import statistics
from pathlib import Path

import pytest

from tidy_nb import tidied

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "book").glob("*.ipynb"))
LONGEST, MEDIAN = 25, 5  # lines of a code cell

each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)


def source(cell: dict) -> str:
    return "".join(cell["source"])


def code_cells(path: Path) -> list[dict]:
    cells = json.loads(path.read_text())["cells"]
    return [c for c in cells if c["cell_type"] == "code" and source(c).strip()]


def test_there_are_notebooks():
    assert NOTEBOOKS


def test_every_notebook_is_in_the_contents():
    contents = (ROOT / "_toc.yml").read_text()
    assert [p.stem for p in NOTEBOOKS if f"book/{p.stem}\n" not in contents] == []


@each_notebook
def test_run_once_from_top_to_bottom_without_error(path):
    cells = code_cells(path)
    assert [c["execution_count"] for c in cells] == list(range(1, len(cells) + 1)), "run make notebooks"
    failed = [c["id"] for c in cells if any(o["output_type"] == "error" for o in c["outputs"])]
    assert failed == []


@each_notebook
def test_cells_are_short(path):
    lengths = {c["id"]: len(source(c).strip().splitlines()) for c in code_cells(path)}
    assert {i: n for i, n in lengths.items() if n > LONGEST} == {}
    assert statistics.median(lengths.values() or [0]) <= MEDIAN


@each_notebook
def test_no_cell_hides_its_value(path):
    assert [c["id"] for c in code_cells(path) if source(c).rstrip().endswith(";")] == []


@each_notebook
def test_cell_ids_are_unique(path):
    ids = [c["id"] for c in json.loads(path.read_text())["cells"]]
    assert len(ids) == len(set(ids))


@each_notebook
def test_tidy(path):
    text = path.read_text(encoding="utf-8")
    assert text == tidied(text), "run make notebooks"


@each_notebook
def test_names_no_place_on_a_machine(path):
    text = re.sub(r'"image/png": "[^"]*"', "", path.read_text())  # base64 may spell anything
    found = [p for p in ("/home/", "/Users/", "/root/", "/tmp/", "C:\\\\", str(ROOT)) if p in text]
    assert found == []


@each_notebook
def test_images_say_what_they_show(path):
    images = [
        (cell["id"], output["metadata"].get(mime, {}).get("alt", ""))
        for cell in code_cells(path)
        for output in cell["outputs"]
        for mime in output.get("data", {})
        if mime.startswith("image/") and "text/html" not in output["data"]
    ]
    silent = [i for i, alt in images if len(alt.split()) < 4 or not any(c.isdigit() for c in alt)]
    assert silent == [], "give the output an alt text with a number from its data (see CONTRIBUTING.md)"


@each_notebook
def test_markup_is_what_jupyterlab_shows_as_the_page_does(path):
    prose = "\n".join(source(c) for c in json.loads(path.read_text())["cells"] if c["cell_type"] == "markdown")
    assert [raw for raw in ("$$", "}`", "```{", "solution-") if raw in prose] == []
