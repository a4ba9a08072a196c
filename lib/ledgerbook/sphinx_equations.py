r"""Sphinx extension: an equation numbered S75 carries the number (S75), as in the paper.

A display is ``\begin{equation*} ... \tag{S75}\label{S75} \end{equation*}``: GitHub and JupyterLab typeset it, number
and all, where they would number ``$$ ... $$ (S75)`` anew or not at all; the page reads both.

Needs ``math_numfig: false``. Any other labelled equation keeps Sphinx's running number.
"""

import re

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.domains.math import MathDomain
from sphinx.transforms import SphinxTransform
from sphinx.util import logging
from sphinx.writers.latex import LaTeXTranslator

TAG = re.compile(r"S\d+[a-z]?")
DISPLAY = re.compile(r"\\begin\{equation\*\}(.*?)(?:\\tag\{(\w+)\}\s*\\label\{\2\}\s*)?\\end\{equation\*\}", re.S)
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


class UnwrapDisplays(SphinxTransform):
    """Take a display out of its LaTeX environment, and let its tag be its label."""

    default_priority = 200

    def apply(self) -> None:
        for node in list(self.document.findall(nodes.math_block)):
            display = DISPLAY.fullmatch(node.astext().strip())
            if display:
                body, label = display.groups()
                node["nowrap"], node["classes"] = False, []
                node.children = [nodes.Text(body.strip())]
                if label:
                    self._number(node, label)

    def _number(self, node: nodes.math_block, label: str) -> None:
        domain, page = self.env.get_domain("math"), self.env.docname
        domain.note_equation(page, label, location=node)
        node.update_all_atts({"label": label, "docname": page, "number": domain.get_equation_number_for(label)})
        target = nodes.target("", "", ids=[nodes.make_id(f"equation-{label}")])
        self.document.note_explicit_target(target)
        node.replace_self([target, node])


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
    app.add_transform(UnwrapDisplays)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
