r"""Sphinx extension: formulas are typeset once, when the book is built, and a page needs no script for them.

Set ``html_math_renderer: typeset``. MathJax must lie in ``node_modules`` beside the configuration, and ``node`` on the
PATH. Beside its glyphs each formula holds MathML, which a screen reader reads. Typeset is what Sphinx marks as
mathematics, and in HTML of an output what stands between ``\(`` and ``\)`` in a ``<span class="mathjax_process ...">``.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from html import unescape
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.ext.mathjax import html_visit_displaymath, html_visit_math

from .sphinx_pages import finished_pages

SCRIPT = Path(__file__).with_name("typeset.cjs")
FOLDER, FONTS = "typeset", "fonts"  # below _static, and below that
FORMULA = re.compile(
    r'(?P<start><(?:span|div) class="(?:math|mathjax_process) [^>]*>\s*(?:<span class="eqno">.*?</span>)?)'
    r"(?:\\\((?P<inline>[^<]*)\\\)|\\\[(?P<display>[^<]*)\\\])", re.S)

Formula = tuple[str, bool]  # TeX, and whether it is a display


def formula(found: re.Match) -> Formula:
    """The formula of a match of ``FORMULA``."""
    return unescape(found["inline"] or found["display"] or ""), found["inline"] is None


def typeset(formulas: list[Formula], modules: Path) -> tuple[dict[Formula, str], str]:
    """The HTML of each formula, and the style sheet that all of them need.

    Raises:
        ExtensionError: a formula that MathJax does not read, no ``node``, or no MathJax in ``modules``.
    """
    node = shutil.which("node")
    if not node or not (modules / "mathjax").is_dir():
        raise ExtensionError(f"formulas need node, and MathJax in {modules}: run `make book`, not Sphinx alone")
    asked = json.dumps({"fonts": FONTS, "formulas": formulas})
    ran = subprocess.run([node, str(SCRIPT)], input=asked, capture_output=True, encoding="utf-8",
                         env={**os.environ, "NODE_PATH": str(modules)})
    if ran.returncode:
        raise ExtensionError(f"MathJax stopped: {ran.stderr[-2000:]}")
    answer = json.loads(ran.stdout)
    if "error" in answer:
        raise ExtensionError(f"MathJax does not read {answer['formula']!r}: {answer['error']}")
    return dict(zip(formulas, answer["html"], strict=True)), answer["css"]


def typeset_pages(app: Sphinx, failure: Exception | None) -> None:
    """Put typeset formulas in the place of TeX in every finished page."""
    pages = {path: path.read_text(encoding="utf-8") for path in finished_pages(app, failure)}
    if not pages or app.builder.math_renderer_name != "typeset":
        return
    formulas = sorted({formula(found) for text in pages.values() for found in FORMULA.finditer(text)})
    modules = Path(app.confdir) / "node_modules"
    html, css = typeset(formulas, modules)
    folder = Path(app.outdir) / "_static" / FOLDER
    shutil.copytree(modules / "mathjax" / "es5/output/chtml/fonts/woff-v2", folder / FONTS, dirs_exist_ok=True)
    (folder / "typeset.css").write_text(css, encoding="utf-8")
    for path, text in pages.items():
        path.write_text(FORMULA.sub(lambda found: found["start"] + html[formula(found)], text), encoding="utf-8")


def setup(app: Sphinx) -> dict:
    app.add_html_math_renderer("typeset", (html_visit_math, None), (html_visit_displaymath, None))
    app.add_css_file(f"{FOLDER}/typeset.css")
    app.connect("build-finished", typeset_pages)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
