"""Sphinx extension: an equation labelled S75 carries the number (S75), as in the paper.

Needs ``math_numfig: false``. Any other labelled equation keeps Sphinx's running number.
"""

import re

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.domains.math import MathDomain
from sphinx.util import logging
from sphinx.writers.latex import LaTeXTranslator

TAG = re.compile(r"S\d+[a-z]?")
logger = logging.getLogger(__name__)


class TaggedMathDomain(MathDomain):
    """The math domain, in which a label of the paper is its own number."""

    def note_equation(self, docname: str, labelid: str, location=None) -> None:
        if not TAG.fullmatch(labelid):
            super().note_equation(docname, labelid, location)
            return
        if labelid in self.equations:
            logger.warning("equation %s stands already in %s", labelid, self.equations[labelid][0], location=location)
        self.equations[labelid] = (docname, labelid)


def visit_latex(self: LaTeXTranslator, node: nodes.math_block) -> None:
    r"""Write ``\tag`` after ``split``, where LaTeX wants it."""
    label = node.get("label")
    if not label or node.get("nowrap") or not TAG.fullmatch(label):
        LaTeXTranslator.visit_math_block(self, node)
        return
    anchor = f"equation:{node['docname']}:{label}"
    body = rf"\begin{{split}}{node.astext()}\end{{split}}\tag{{{label}}}\label{{{anchor}}}"
    self.body.append(f"\\begin{{equation}}{body}\\end{{equation}}\n")
    raise nodes.SkipNode


def depart_latex(self: LaTeXTranslator, node: nodes.math_block) -> None:
    """Nothing to close: the visitor writes all."""


def setup(app: Sphinx) -> dict:
    app.add_node(nodes.math_block, override=True, latex=(visit_latex, depart_latex))
    app.add_domain(TaggedMathDomain, override=True)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
