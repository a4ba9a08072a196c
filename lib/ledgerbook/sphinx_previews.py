"""Sphinx extension: a link to an equation or a boxed statement shows, on hover, focus and tap, what stands there.

Shown are the typeset formula with its verdicts, or the box. All of them stand in one script that a page loads when it
is first asked for one: no network, and from the file system too. Load it after ``ledgerbook.sphinx_typeset``.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

from bs4 import BeautifulSoup, SoupStrainer, Tag
from sphinx.application import Sphinx

from .sphinx_pages import finished_pages

HERE = Path(__file__).parent
FOLDER = "previews"  # below _static


def previews(page: str) -> Iterator[tuple[str, str]]:
    """The anchors of a page's equations and boxes, each with its HTML, in which no id is left."""
    article = BeautifulSoup(page, "html.parser", parse_only=SoupStrainer("article"))
    verdicts = [(check["id"], check.select_one("summary .verdict")) for check in article.select("div.check[id]")]
    for formula in article.select("div.math[id^=equation-]"):
        name = formula["id"].replace("equation-", "check-", 1)
        said = [copy(mark) for anchor, mark in verdicts if anchor == name or anchor.startswith(f"{name}-")]
        yield formula["id"], copy(formula) + (f"<p>{' '.join(said)}</p>" if said else "")
    for box in article.select("div.proof[id]"):
        if box.select_one(".admonition-title .caption-number"):  # a proof has none
            yield box["id"], copy(box)


def copy(part: Tag) -> str:
    """Its HTML, without ids and without links: it is shown a second time, and somewhere else."""
    double = BeautifulSoup(str(part), "html.parser")
    for tag in double.select("[id]"):
        del tag["id"]
    for link in double.select("a"):
        link.decompose() if "headerlink" in link.get("class", []) else link.unwrap()
    return str(double)


def write(app: Sphinx, failure: Exception | None) -> None:
    """Collect what links can show from every finished page."""
    if not (pages := finished_pages(app, failure)):
        return
    out = Path(app.outdir)
    found = {f"{path.relative_to(out).as_posix()}#{anchor}": html for path in pages
             for anchor, html in previews(path.read_text(encoding="utf-8"))}
    folder = out / "_static" / FOLDER
    folder.mkdir(exist_ok=True)
    shutil.copy(HERE / "previews.js", folder)
    (folder / "shown.js").write_text(f"window.previews = {json.dumps(found, ensure_ascii=False)};\n", encoding="utf-8")


def setup(app: Sphinx) -> dict:
    app.add_js_file(f"{FOLDER}/previews.js", loading_method="defer")
    app.connect("build-finished", write, priority=900)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
