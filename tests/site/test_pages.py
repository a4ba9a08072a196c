"""The rendered book holds every page of the contents, with its checks and equations, and no link leads nowhere.

Read from ``_build/html`` as files; ``make book`` makes them.
"""

import json
import re
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import yaml
from bs4 import BeautifulSoup

ROOT = Path(__file__).parents[2]
SITE = ROOT / "_build" / "html"
EQUATION = re.compile(r"\\tag\{(\w+)\}\\label\{\1\}$", re.M)
BOX = re.compile(r"^:::\{(?:prf:)?(\w+)\}.*\n:label: (\S+)\n:enumerator: (\d+)$", re.M)


def contents() -> list[str]:
    """The pages that _toc.yml names, without suffix: ["book/preface", ...]."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text())
    return [toc["root"], *(c["file"] for part in toc["parts"] for c in part["chapters"])]


PAGES = contents()
each_page = pytest.mark.parametrize("page", PAGES)


@cache
def soup(path: Path) -> BeautifulSoup:
    return BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")


def rendered(page: str) -> BeautifulSoup:
    return soup(SITE / f"{page}.html")


def words(text: str) -> str:
    return " ".join(text.split())


def cells(page: str) -> list[dict]:
    return json.loads((ROOT / f"{page}.ipynb").read_text())["cells"]


def markdown(page: str) -> str:
    return "\n".join("".join(c["source"]) for c in cells(page) if c["cell_type"] == "markdown")


def checks(page: str) -> list[str]:
    """The lines that begin with a tick in the notebook's stored outputs."""
    outputs = [o for c in cells(page) for o in c.get("outputs", [])]
    texts = ["".join(o.get("text", "")) + "".join(o.get("data", {}).get("text/plain", "")) for o in outputs]
    return [words(line) for line in "\n".join(texts).splitlines() if line.startswith("✓ ")]


def equations(page: str) -> list[str]:
    """The labels S1, S2, ... of the equations that the notebook displays."""
    return EQUATION.findall(markdown(page))


@each_page
def test_page_is_there_with_its_title(page):
    title = next(line for line in "".join(cells(page)[0]["source"]).splitlines() if line.startswith("# "))
    assert words(rendered(page).h1.get_text()).startswith(words(title[2:]))


@each_page
def test_page_holds_every_check_of_its_notebook(page):
    text = words(rendered(page).get_text())
    assert [line for line in checks(page) if line not in text] == []


@each_page
def test_every_formula_is_typeset_already(page):
    formulas = rendered(page).select(".math, .mathjax_process")
    assert [f.get_text() for f in formulas if not f.select_one("mjx-container math")] == []
    assert [s["src"] for s in rendered(page).select("script[src]") if "mathjax" in s["src"].lower()] == []


@each_page
def test_page_is_light(page):
    assert (SITE / f"{page}.html").stat().st_size < 1e6


def test_the_book_has_checks_and_equations():
    """Else the tests around this one would pass by having nothing to look for."""
    assert sum(len(checks(p)) for p in PAGES)
    assert sum(len(equations(p)) for p in PAGES)
    assert sum(len(rendered(p).select("mjx-container")) for p in PAGES)


@each_page
def test_page_numbers_every_equation_as_the_paper_does(page):
    numbers = {span.parent["id"]: span.get_text() for span in rendered(page).select("div.math span.eqno")}
    shown = {label: numbers.get(f"equation-{label.lower()}", "").rstrip("#") for label in equations(page)}
    assert shown == {label: f"({label})" for label in shown}


@pytest.mark.parametrize("page, label, number", [
    ("02_linear_stability", "lem-1", "Lemma 1"), ("03_switching", "lem-2", "Lemma 2"),
    ("04_strong_stability", "lem-3", "Lemma 3"), ("06_smoothness", "lem-4", "Lemma 4"),
    ("06_smoothness", "thm-1", "Theorem 1")])
def test_lemmas_and_theorems_are_numbered_as_in_the_paper(page, label, number):
    """Numbers run through the book, so a lemma box of the book's own would shift them: call it a proposition."""
    title = words(rendered(f"book/{page}").find(id=label).select_one(".admonition-title").get_text())
    assert title.startswith(number + " ")


@each_page
def test_figures_say_what_they_show(page):
    alts = [img.get("alt", "") for img in rendered(page).select("article img")]
    assert [alt for alt in alts if len(alt.split()) < 4 or not any(c.isdigit() for c in alt)] == []


def holds(page: Path, anchor: str, setting: str) -> bool:
    """Whether a page has the anchor, and the slider there has the setting, ``label~label``."""
    found = soup(page).find(id=anchor)
    if not found or not setting:
        return bool(found)
    code = (page.parent / found.select_one("script[src]")["src"]).read_text(encoding="utf-8")
    results = json.loads(code.removeprefix("document.currentScript.outerHTML = ").rstrip(";\n"))
    controls = json.loads(re.sub(r"^<[^>]*>|<[^>]*>$", "", results))["face"]["controls"]
    labels = setting.split("~")
    return len(labels) == len(controls) and all(a in c["labels"] for a, c in zip(labels, controls, strict=True))


@each_page
def test_sliders_have_names_of_their_own(page):
    names = [box["id"] for box in rendered(page).select("[data-explorer]")]
    assert len(set(names)) == len(names) and "" not in names


@pytest.mark.parametrize("path", sorted(SITE.rglob("*.html")), ids=lambda p: str(p.relative_to(SITE)))
def test_no_link_leads_nowhere(path):
    links = [urlsplit(a["href"]) for a in soup(path).select("a[href]")]
    dangling = []
    for link in links:
        if link.scheme or link.netloc:
            continue
        target = (path.parent / unquote(link.path)).resolve() if link.path else path
        anchor = unquote(link.fragment)
        anchor, _, setting = anchor.partition("=")
        if not target.is_file() or (anchor and target.suffix == ".html" and not holds(target, anchor, setting)):
            dangling.append(link.geturl())
    assert dangling == []


def test_boxes_and_links_carry_the_numbers_that_the_page_counts():
    """JupyterLab sees one notebook only, so that a notebook names the numbers; a box put in between shifts them."""
    prose = {page: markdown(page) for page in PAGES}
    boxes = {label: (page, f"{kind.title()} {number}")
             for page in PAGES for kind, label, number in BOX.findall(prose[page])}
    titles = {label: rendered(page).find(id=label).select_one(".admonition-title")
              for label, (page, _) in boxes.items()}
    shown = {label: re.match(r"\w+ \d+", words(title.get_text())).group() for label, title in titles.items()}
    assert shown == {label: title for label, (_, title) in boxes.items()}
    links = re.findall(r"\[(\w+ \d+)\]\([\w.]*#([\w-]+)\)", "\n".join(prose.values()))
    assert links and [(text, label) for text, label in links if shown[label] != text] == []
