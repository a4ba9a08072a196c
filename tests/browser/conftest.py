"""A real browser for the tests: the machine's own Chromium or Chrome, never a downloaded one."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from examples import one_control, two_controls
from playwright.sync_api import Browser, sync_playwright

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]


@pytest.fixture(scope="module")  # one playwright at a time: test_book brings its own
def browser() -> Iterator[Browser]:
    names = (os.environ.get("CHROMIUM"), "chromium", "chromium-browser", "google-chrome")
    found = next((path for name in names if name and (path := shutil.which(name))), None)
    assert found, "no browser found: install Chromium (Debian: apt install chromium) or set CHROMIUM to its path"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page with two explorers, written as the book's build writes them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LEDGERBOOK_MEDIUM", "page")
        faces = [explorer._repr_mimebundle_()["text/html"] for explorer in (two_controls(), one_control())]
    path = tmp_path_factory.mktemp("page") / "page.html"
    path.write_text(
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Two explorers</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark"></head>'
        f"<body><main><h1>Two explorers</h1>{'<p>Text between.</p>'.join(faces)}</main></body></html>",
        encoding="utf-8")
    return path
