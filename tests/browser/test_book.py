"""The rendered book in a real browser: it asks nobody for anything, logs no error, cuts nothing off, and is accessible.

Needs ``_build/html`` (``make book``) and a browser, which ``make test`` looks for and hands on as $CHROMIUM.
"""

import os
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
import yaml
from built import ROOT, SITE, findings
from playwright.sync_api import Browser, Page, Playwright, sync_playwright

TOC = yaml.safe_load((ROOT / "_toc.yml").read_text())
PAGES = [TOC["root"], *(c["file"] for part in TOC["parts"] for c in part["chapters"]), "search", "genindex"]
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
WIDE, PHONE = {"width": 1280, "height": 900}, {"width": 375, "height": 700}
# formulas of which something is out of sight: wider than their box, which does not scroll, or higher than it
# (mjx-ext: the middle of a tall bracket, which MathJax itself draws too long and cuts)
CUT_OFF = """boxes => boxes.filter(box => {
    const rim = box.getBoundingClientRect();
    const scrolls = [box, ...box.querySelectorAll("mjx-container")].some(
        e => getComputedStyle(e).overflowX === "auto" && e.scrollWidth > e.clientWidth);
    return [...box.querySelectorAll("mjx-c:not(mjx-ext *)")].map(glyph => glyph.getBoundingClientRect()).some(ink =>
        ink.top < rim.top - 0.5 || ink.bottom > rim.bottom + 0.5 || (ink.right > rim.right + 1 && !scrolls));
}).map(box => box.textContent.slice(0, 80))"""
CLIPPING = "div.math, div.check summary mjx-container"

each_page = pytest.mark.parametrize("name", PAGES)


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args) -> None:
        """Say nothing: the browser's log is what the tests read."""


@pytest.fixture(scope="module")
def http() -> Iterator[str]:
    """The address of the book on a server of its own."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(SITE)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as tool:
        yield tool


@pytest.fixture(scope="module")
def browser(playwright: Playwright) -> Iterator[Browser]:
    program = playwright.chromium.launch(executable_path=os.environ["CHROMIUM"], args=FLAGS)
    yield program
    program.close()


@pytest.fixture(params=["http", "file"])
def base(request: pytest.FixtureRequest, http: str) -> str:
    """Where the book is read: from a server, and from the file system."""
    return http if request.param == "http" else SITE.as_uri()


class Visit:
    """A fresh page of the browser that remembers what went wrong; ``with Visit(...) as visit``."""

    def __init__(self, browser: Browser, base: str, size: dict = WIDE, scheme: str = "light"):
        self.base = base
        self.context = browser.new_context(viewport=size, color_scheme=scheme, reduced_motion="reduce")
        self.context.set_offline(base.startswith("file:"))
        self.page: Page = self.context.new_page()
        self.complaints: list[str] = []
        self.page.on("request", self._request)
        self.page.on("requestfailed", lambda r: self.complaints.append(f"failed: {r.url}"))
        self.page.on("pageerror", lambda e: self.complaints.append(f"script error: {e}"))
        self.page.on("console", lambda m: m.type in ("error", "warning") and self.complaints.append(m.text))

    def _request(self, request) -> None:
        if not request.url.startswith((self.base, "data:", "blob:")):
            self.complaints.append(f"asked outside the book: {request.url}")

    def open(self, name: str, query: str = "") -> Page:
        self.page.goto(f"{self.base}/{name}.html{query}", wait_until="load")
        return self.page

    def __enter__(self) -> "Visit":
        return self

    def __exit__(self, *_) -> None:
        self.context.close()


@each_page
def test_page_complains_of_nothing(browser, base, name):
    with Visit(browser, base) as visit:
        visit.open(name).wait_for_load_state("networkidle")
        assert visit.complaints == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
@each_page
def test_page_is_accessible(browser, http, name, size, scheme):
    with Visit(browser, http, size, scheme) as visit:
        page = visit.open(name)
        assert page.evaluate("document.documentElement.dataset.theme") == scheme
        assert findings(page) == []


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
@each_page
def test_nothing_is_cut_off(browser, http, name, size):
    """No page scrolls sideways, and each formula is wholly there or scrolls in itself."""
    with Visit(browser, http, size) as visit:
        page = visit.open(name)
        width = page.evaluate("Math.max(document.documentElement.scrollWidth, document.body.scrollWidth)")
        assert width <= size["width"]
        assert page.locator(CLIPPING).evaluate_all(CUT_OFF) == []


def test_a_clipped_formula_is_found(browser, http):
    """The test before this one can fail."""
    with Visit(browser, http) as visit:
        page = visit.open("book/02_linear_stability")
        page.add_style_tag(content="div.math { height: 1em; overflow: hidden; }")
        assert page.locator(CLIPPING).evaluate_all(CUT_OFF) != []


def test_a_planted_finding_is_found(browser, http):
    """The accessibility tests can fail."""
    with Visit(browser, http) as visit:
        page = visit.open(PAGES[0])
        page.evaluate("document.querySelector('article').append(document.createElement('input'))")
        assert any(f.startswith("label:") for f in findings(page))


def test_search_finds_a_word(browser, base):
    with Visit(browser, base) as visit:
        page = visit.open("search", "?q=experiment")
        page.locator("#search-results li a").first.wait_for()
        page.wait_for_load_state("networkidle")
        assert visit.complaints == []


def test_front_door_leads_to_the_preface(browser, base):
    with Visit(browser, base) as visit:
        visit.page.goto(f"{base}/index.html")
        visit.page.wait_for_url(f"**/{PAGES[0]}.html")
