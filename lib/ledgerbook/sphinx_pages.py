"""Sphinx extension: what a page needs that neither MyST-NB nor the theme gives.

* Kernels started by the build know that they write a page (``LEDGERBOOK_MEDIUM=page``).
* An image's alternative text is taken from its output's metadata, ``{"image/png": {"alt": "..."}}``, where IPython
  puts it too; so it can be computed from the data that the image shows.
* The theme's font preloads go: a browser refuses them to a page opened from the file system, and logs an error.
"""

import os
import re
from pathlib import Path

from docutils import nodes
from myst_nb.core.render import MimeData, NbElementRenderer
from sphinx.application import Sphinx

from .medium import NAME, PAGE

FONT_PRELOAD = re.compile(r'<link rel="preload" as="font"[^>]*>\s*')
plain_image = NbElementRenderer.render_image


def image_with_alt(self: NbElementRenderer, data: MimeData) -> list[nodes.Element]:
    """The image as MyST-NB makes it, with the alternative text of its output."""
    images = plain_image(self, data)
    alt = data.output_metadata.get(data.mime_type, {}).get("alt")
    if alt:
        images[0]["alt"] = alt
    return images


def drop_font_preloads(app: Sphinx, failure: Exception | None) -> None:
    """Take the preloads out of every finished page; the style sheet loads the fonts it uses."""
    if failure or app.builder.format != "html":
        return
    for page in Path(app.outdir).rglob("*.html"):
        page.write_text(FONT_PRELOAD.sub("", page.read_text(encoding="utf-8")), encoding="utf-8")


def setup(app: Sphinx) -> dict:
    os.environ[NAME] = PAGE
    NbElementRenderer.render_image = image_with_alt
    app.connect("build-finished", drop_font_preloads)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
