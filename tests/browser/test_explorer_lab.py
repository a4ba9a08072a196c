"""The explorer's live face: a real JupyterLab, a real kernel, a real browser."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from running_lab import TOKEN, lab_in

pytestmark = pytest.mark.xdist_group("lab")  # one JupyterLab at a time


def _notebook(*cells: str) -> str:
    code = [{"cell_type": "code", "id": f"cell-{k}", "metadata": {}, "execution_count": None, "outputs": [],
             "source": source} for k, source in enumerate(cells)]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return json.dumps({"cells": code, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5})


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Iterator[str]:
    """The address of a JupyterLab whose folder holds a notebook that shows one explorer twice."""
    home = tmp_path_factory.mktemp("lab")
    (home / "explorer.ipynb").write_text(_notebook(
        "from examples import two_controls\nexplorer = two_controls()\nexplorer", "explorer"), encoding="utf-8")
    with lab_in(home, root) as address:
        yield address


@pytest.fixture(scope="module")
def notebook(lab: str, browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1400, "height": 1000}, reduced_motion="reduce")
    page = context.new_page()
    page.set_default_timeout(30_000)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{lab}/doc/tree/explorer.ipynb?token={TOKEN}&reset")
    expect(page.get_by_text("| Idle")).to_be_visible(timeout=120_000)  # before that the menu is grey
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    expect(page.locator(".sm-words")).to_have_count(2, timeout=30_000)
    yield page
    outside = [url for url in asked if not url.startswith((lab, "data:", "blob:"))]
    context.close()
    assert asked and not outside, outside


def words(page: Page, view: int = 0):
    return page.locator(".sm-words").nth(view)


def slider(page: Page, name: str = "step size η", view: int = 0):
    return page.get_by_role("slider", name=name).nth(view)


def test_opens_on_the_stored_result(notebook: Page) -> None:
    expect(words(notebook)).to_contain_text("The sharpness is 18.4, below 2/η = 20.0. (step size η = 0.1, ")
    expect(words(notebook)).not_to_contain_text("Recomputed")


@pytest.fixture
def at_start(notebook: Page) -> Page:
    notebook.get_by_role("button", name="Reset Step size and scale").first.press("Enter")
    expect(words(notebook)).to_contain_text("(step size η = 0.1, initial scale = 1)")
    expect(notebook.locator(".sm-face").first).to_have_attribute("aria-busy", "false")
    return notebook


def test_the_kernel_recomputes_and_two_views_keep_step(at_start: Page) -> None:
    at_start.evaluate("""window.seen = []; const face = document.querySelector('.sm-face');
        const said = () => seen.push([face.ariaBusy, getComputedStyle(face.querySelector('.sm-busy')).visibility]);
        new MutationObserver(said).observe(face, {attributeFilter: ['aria-busy']})""")
    slider(at_start).press("ArrowRight")
    for view in (0, 1):
        expect(words(at_start, view)).to_contain_text("Recomputed: The sharpness is 15.4, above 2/η = 10.0.")
        expect(words(at_start, view)).to_contain_text("(step size η = 0.2, initial scale = 1)")
        expect(slider(at_start, view=view)).to_have_value("2")
    assert at_start.evaluate("seen") == [["true", "visible"], ["false", "hidden"]]
    slider(at_start, "initial scale", view=1).press("End")
    expect(words(at_start)).to_contain_text("Recomputed: The sharpness is 28.8")
    expect(words(at_start)).to_contain_text("(step size η = 0.2, initial scale = 2)")


def test_the_latest_position_wins_and_those_passed_are_dropped(at_start: Page) -> None:
    slider(at_start).press("Home")
    expect(words(at_start)).to_contain_text("(step size η = 0.05, initial scale = 1)")
    at_start.evaluate("""window.answers = 0;
        new MutationObserver(() => answers++).observe(document.querySelector('.sm-words'), {childList: true})""")
    for _ in range(2):
        for key in ("ArrowRight", "ArrowRight", "ArrowRight", "ArrowLeft", "ArrowLeft"):
            slider(at_start).press(key, no_wait_after=True)
    expect(words(at_start)).to_contain_text("(step size η = 0.2, initial scale = 1)")
    expect(at_start.locator(".sm-face").first).to_have_attribute("aria-busy", "false")
    expect(slider(at_start)).to_have_value("2")
    assert 1 <= at_start.evaluate("answers") < 10


def test_a_failed_computation_is_told_in_words_and_reset_recovers(at_start: Page) -> None:
    slider(at_start).press("End")
    expect(words(at_start)).to_contain_text("✕ error")
    expect(words(at_start)).to_contain_text("ArithmeticError: the iterates left every bound")
    expect(at_start.locator(".sm-panel")).to_have_count(0)
    at_start.get_by_role("button", name="Reset Step size and scale").first.click()
    expect(words(at_start)).to_contain_text("Recomputed: The sharpness is 18.4")
    expect(at_start.locator(".sm-panel")).to_have_count(6)
