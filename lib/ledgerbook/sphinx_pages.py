"""Sphinx extension: what a page needs that neither MyST-NB nor the theme gives.

* Kernels started by the build know that they write a page (``LEDGERBOOK_MEDIUM=page``).
* An image's alternative text is taken from its output's metadata, ``{"image/png": {"alt": "..."}}``, where IPython
  puts it too; so it can be computed from the data that the image shows.
* What outputs carry in themselves (figures, tables to download, a slider's results) becomes a file below
  ``_static/shown``: a page is read before its pictures are there, and holds none twice.
* The theme's font preloads go: a browser refuses them to a page opened from the file system, and logs an error. Its
  script of icons goes too, 1.5 MB that draw what the theme's icon font draws already.
"""

import base64
import hashlib
import json
import mimetypes
import os
import re
from pathlib import Path

from docutils import nodes
from myst_nb.core.render import MimeData, NbElementRenderer
from sphinx.application import Sphinx

from .medium import NAME, PAGE

THEME_WASTE = re.compile(
    r'<link rel="preload" as="(?:font|script)"[^>]*>\s*|<script src="[^"]*/fontawesome/[^"]*"></script>')
CARRIED = re.compile(
    r'(?P<before>(?:download="(?P<name>[^"]+)" )?(?:src|href)=")data:(?P<kind>[^;"]+);base64,(?P<code>[^"]+)"')
RESULTS = re.compile(r'<script type="application/json">.*?</script>', re.S)
plain_image = NbElementRenderer.render_image


def image_with_alt(self: NbElementRenderer, data: MimeData) -> list[nodes.Element]:
    """The image as MyST-NB makes it, with the alternative text of its output."""
    images = plain_image(self, data)
    alt = data.output_metadata.get(data.mime_type, {}).get("alt")
    if alt:
        images[0]["alt"] = alt
    return images


def write_out(page: str, static: Path, address: str) -> str:
    """The page with what it carries written to files below ``static``, which the page finds at ``address``."""
    def write(content: bytes, name: str) -> str:
        place = f"shown/{hashlib.sha256(content).hexdigest()[:16]}/{name}"
        (static / place).parent.mkdir(parents=True, exist_ok=True)
        (static / place).write_bytes(content)
        return address + place

    def file(found: re.Match) -> str:
        name = found["name"] or f"picture{mimetypes.guess_extension(found['kind'])}"
        return f'{found["before"]}{write(base64.b64decode(found["code"]), name)}"'

    def results(found: re.Match) -> str:
        # a script, as a page from the file system may read nothing else: it puts the results where it stands
        code = f"document.currentScript.outerHTML = {json.dumps(found[0], ensure_ascii=False)};\n"
        return f'<script src="{write(code.encode(), "results.js")}"></script>'

    return RESULTS.sub(results, CARRIED.sub(file, page))


def finished_pages(app: Sphinx, failure: Exception | None) -> list[Path]:
    """The pages of a build that ended well, in order; none of another builder's."""
    return [] if failure or app.builder.format != "html" else sorted(Path(app.outdir).rglob("*.html"))


def finish_pages(app: Sphinx, failure: Exception | None) -> None:
    """Write out what finished pages carry, and take out what they do not need."""
    out = Path(app.outdir)
    for path in finished_pages(app, failure):
        page = THEME_WASTE.sub("", path.read_text(encoding="utf-8"))
        address = "../" * (len(path.relative_to(out).parts) - 1) + "_static/"
        path.write_text(write_out(page, out / "_static", address), encoding="utf-8")


def setup(app: Sphinx) -> dict:
    os.environ[NAME] = PAGE
    NbElementRenderer.render_image = image_with_alt
    app.connect("build-finished", finish_pages)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
