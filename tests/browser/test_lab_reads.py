"""A notebook opened in JupyterLab reads as the page does, before anything is run; and saving it changes nothing."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from running_lab import TOKEN, lab_in

pytestmark = pytest.mark.xdist_group("lab")  # one JupyterLab at a time

RAW = (":::", "```", "$$", "{prf:", "{eq}", ":label:", ":enumerator:", r"\mathbb", r"\tag")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Path:
    """A folder with a copy of the book, and JupyterLab's setting that renders all cells, seen or not."""
    home = tmp_path_factory.mktemp("lab")
    shutil.copytree(root / "book", home / "book")
    setting = home / "LAB_SETTINGS/@jupyterlab/notebook-extension/tracker.jupyterlab-settings"
    setting.parent.mkdir(parents=True)
    setting.write_text('{"windowingMode": "none"}')
    return home


@pytest.fixture(scope="module")
def lab(home: Path, root: Path) -> Iterator[str]:
    with lab_in(home, root) as address:
        yield address


@pytest.fixture(scope="module", params=["02_linear_stability", "06_step_sizes"])
def notebook(request: pytest.FixtureRequest, lab: str, browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    page = context.new_page()
    page.set_default_timeout(30_000)
    page.goto(f"{lab}/doc/tree/book/{request.param}.ipynb?token={TOKEN}&reset")
    expect(page.get_by_text("| Idle")).to_be_visible(timeout=120_000)  # a kernel starts slowly on a busy machine
    expect(page.locator(".jp-MarkdownCell:not(.jp-mod-rendered)")).to_have_count(0)
    yield page
    context.close()


def written(page: Page) -> str:
    """The sources of the notebook's Markdown cells."""
    name = re.search(r"book/[\w.]+ipynb", page.url).group()
    return page.evaluate("""async name => {
      const cells = (await (await fetch(`/api/contents/${name}`)).json()).content.cells;
      return cells.filter(c => c.cell_type == 'markdown').map(c => c.source).join('\\n') }""", name)


def test_no_markup_is_left_raw(notebook: Page) -> None:
    text = "\n".join(notebook.locator(".jp-MarkdownCell .myst").all_inner_texts())
    assert len(text) > 2000 and [raw for raw in RAW if raw in text] == []
    expect(notebook.locator(".katex-error, .jp-RenderedMarkdown mjx-merror")).to_have_count(0)


def test_equations_and_boxes_carry_the_papers_numbers(notebook: Page) -> None:
    source = written(notebook)
    tags = [f"({tag})" for tag in re.findall(r"\\tag\{(\w+)\}", source)]
    expect(notebook.locator(".myst .katex-html .tag")).to_have_text(tags, timeout=60_000)  # typeset one by one
    boxes = re.findall(r"^:::\{(?:prf:)?(\w+)\}.*\n:label: (\S+)\n:enumerator: (\d+)$", source, re.M)
    assert boxes
    for kind, label, number in boxes:
        expect(notebook.locator(f".myst #{label}")).to_contain_text(f"{kind.title()} {number}")


def test_the_slider_shows_a_picture_before_it_is_run(notebook: Page) -> None:
    picture = notebook.locator(".jp-CodeCell").first.locator(".jp-RenderedImage img")
    expect(picture).to_be_visible()
    assert picture.evaluate("e => e.naturalWidth") > 400


def test_saving_changes_no_byte(notebook: Page, home: Path, root: Path) -> None:
    name = re.search(r"book/[\w.]+ipynb", notebook.url).group()
    before = (home / name).stat().st_mtime_ns
    notebook.get_by_role("menuitem", name="File", exact=True).click()
    notebook.get_by_role("menuitem", name=re.compile("^Save Notebook(?! As)")).click()
    notebook.wait_for_timeout(500)
    for _ in range(50):
        if (home / name).stat().st_mtime_ns != before:
            break
        notebook.wait_for_timeout(100)
    assert (home / name).stat().st_mtime_ns != before
    assert (home / name).read_bytes() == (root / name).read_bytes()
