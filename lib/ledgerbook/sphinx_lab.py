"""Sphinx extension: the page reads markup that JupyterLab, with jupyterlab-myst, shows as the page does.

* Boxes take ``:enumerator: 7`` or ``:enumerated: false``, the number in JupyterLab, which sees one notebook only. The
  page counts by itself; a test of the rendered book compares.
* ``[Lemma 1](#lem-1)`` and ``[(S9)](02_linear_stability.ipynb#S9)`` lead to boxes and equations.
* Code cells right after a solution belong to it. (JupyterLab knows no directive that spans cells.)
"""

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform
from sphinx.util.nodes import make_refnode
from sphinx_exercise.directive import ExerciseDirective
from sphinx_exercise.nodes import solution_node
from sphinx_proof.directive import ElementDirective, ProofDirective
from sphinx_proof.domain import ProofDomain

NUMBERS = {"enumerator": directives.unchanged_required, "enumerated": directives.unchanged_required}


class LinkedProofDomain(ProofDomain):
    """The domain of boxes, to which Markdown's own links lead too."""

    def resolve_any_xref(self, env, fromdocname, builder, target, node, contnode) -> list[tuple[str, nodes.Element]]:
        box = getattr(env, "proof_list", {}).get(target)
        if box is None:
            return []
        return [("prf:ref", make_refnode(builder, fromdocname, box["docname"], target, contnode))]


class CodeIntoSolutions(SphinxTransform):
    """Move the code cells that follow a solution into its box, which folds."""

    default_priority = 200

    def apply(self) -> None:
        for solution in list(self.document.findall(solution_node)):
            following = solution.parent.index(solution) + 1
            while following < len(solution.parent) and _is_code_cell(solution.parent[following]):
                solution.append(solution.parent.pop(following))


def _is_code_cell(node: nodes.Node) -> bool:
    return isinstance(node, nodes.container) and node.get("nb_element") == "cell_code"


def note_anchors(app: Sphinx, doctree: nodes.document) -> None:
    """Tell MyST, which knows headings, that links to a page may name its boxes, figures and equations."""
    anchors = app.env.metadata[app.env.docname].setdefault("myst_slugs", {})
    for node in doctree.findall(nodes.Element):
        for name in node.get("ids", []):
            anchors.setdefault(name, (node.line, name, name))
        if isinstance(node, nodes.math_block) and "label" in node:
            anchors[node["label"]] = (node.line, nodes.make_id(f"equation-{node['label']}"), f"({node['label']})")


def setup(app: Sphinx) -> dict:
    for directive in (ElementDirective, ProofDirective, ExerciseDirective):
        directive.option_spec = directive.option_spec | NUMBERS
    app.add_domain(LinkedProofDomain, override=True)
    app.add_transform(CodeIntoSolutions)
    app.connect("doctree-read", note_anchors)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
