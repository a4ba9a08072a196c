"""What :mod:`ledgerbook.claim` says: the line, the page and the failure, in text that no processor changes."""

from __future__ import annotations

import ast
import inspect
import math
import re
import textwrap
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from html import escape
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from .claim import Claim, Record
    from .trial import Case, Trial

SYMBOLS = {"=": "=", "<=": "≤", ">=": "≥", "->": "→"}
TIGHTNESS = ((1 - 1e-6, "equality reached"), (0.99, "within 1 %"), (0.9, "within 10 %"),
             (0.5, "within a factor 2"), (0.1, "within a factor 10"))
CHANGES = {"left": "left side", "right": "right side", "instances": "instances"}


def tightness(closeness: float) -> str:
    """Coarse words for the smaller over the larger side of an inequality.

    >>> tightness(1.0), tightness(0.3), tightness(-1.0)
    ('equality reached', 'within a factor 10', 'loose')
    """
    return next((words for least, words in TIGHTNESS if closeness > least), "loose")


def power_of_ten(rtol: float) -> str:
    """The next power of ten that is at least ``rtol``.

    >>> power_of_ten(3e-11), power_of_ten(1e-10), power_of_ten(0)
    ('1e-10', '1e-10', 'exact')
    """
    return f"1e{math.ceil(math.log10(rtol) - 1e-9)}" if rtol > 0 else "exact"


def line(record: Record) -> str:
    """The verdict on one line: no number but counts that the author chose and powers of ten."""
    claim, count = record.claim, len(record.labels)
    found = [f"{count} instance{'s' * (count != 1)}" + (" and an attack" if claim.attack else "")]
    found += ["exact" if record.tolerance == "exact" else f"to {record.tolerance}"]
    found += [f"tightness: {record.tightness}"] if record.tightness else []
    return (f"✓ {claim.name} {claim.says.rstrip('.')} — {', '.join(claim.right)} — {', '.join(found)} — "
            f"rejects {len(claim.wrong)} wrong versions: {'; '.join(w.name for w in claim.wrong)}")


def html(record: Record) -> str:
    """The line, and behind it everything the verdict rests on."""
    claim = record.claim
    allowed = {name: (claim.tolerance_of(name).rtol, claim.tolerance_of(name).why) for name in claim.right}
    oracles = [f"{name}: {'to ' if rtol > 0 else ''}{power_of_ten(rtol)}, because {why}"
               for name, (rtol, why) in allowed.items()]
    wrong = [f"{w.name} (other {' and '.join(CHANGES[part] for part in w.changes)})" for w in claim.wrong]
    entries = {
        "Says": [claim.says],
        "Relation": [f"left {SYMBOLS[claim.relation]} right" + f", tightness: {record.tightness}" * bool(claim.attack)],
        "Held against": oracles,
        "Instances": _summary(record.labels),
        "Wrong versions, each rejected": wrong,
    }
    listed = "".join(f"<dt>{escape(term)}</dt>" + "".join(f"<dd>{escape(item)}</dd>" for item in items)
                     for term, items in entries.items())
    source = escape("\n\n".join(_sources(claim)))
    # the class keeps MathJax away from dollar signs in the source
    return (f'<div class="check mathjax_ignore tex2jax_ignore"><p>{escape(line(record))}</p>'
            f"<details><summary>How {escape(claim.name)} was checked</summary><dl>{listed}</dl>"
            f'<pre tabindex="0" role="region" aria-label="Source of the check of {escape(claim.name)}">'
            f"<code>{source}</code></pre></details></div>")


def failure(trial: Trial, cases: Sequence[Case], fault: str) -> str:
    """Where a claim fails, and how to get there again."""
    case = max(cases, key=lambda case: case.worst)
    entry = tuple(map(int, np.unravel_index(np.argmax(case.used), case.used.shape)))
    rows = {
        "claim": trial.claim.says,
        "relation": f"left {SYMBOLS[trial.claim.relation]} right",
        "oracle": trial.oracle,
        "verdict": fault,
        "worst on": f"instance {case.instance.label!r}, seed {case.instance.seed}",
        "entry": f"{entry} of shape {case.left.shape}" + ", in the last quarter" * math.isfinite(case.head),
        "left": f"{case.left[entry]:.17g}",
        "right": f"{case.right[entry]:.17g}",
        "gap": f"{case.gap[entry]:.3g}" + ", larger than in the first quarter" * case.leaves,
        "allowed": f"{case.allowed[entry]:.3g}",
        "replay": f"next(i for i in claim.instances() if i.label == {case.instance.label!r})",
    }
    if case.vector is not None:
        rows["replay"] += f", then claim.attack.build(np.array({case.vector.tolist()}), that instance's value)"
    return "\n".join([f"{trial.name} does not hold", *(f"  {name:<9} {text}" for name, text in rows.items())])


def _summary(labels: Iterable[str]) -> list[str]:
    """Labels that differ only in their numbers, counted together.

    >>> _summary(["random 0", "random 1", "equal knots"])
    ['random … (2)', 'equal knots']
    """
    number = re.compile(r"(?<= )\d[\d.e-]*(?= |,|$)")  # a word of its own: not the 2 of "2/λ"
    kinds = Counter(number.sub("…", label) for label in labels)
    single = {number.sub("…", label): label for label in labels}
    return [f"{kind} ({count})" if count > 1 else single[kind] for kind, count in kinds.items()]


def _sources(claim: Claim) -> list[str]:
    callables = [claim.left, *claim.right.values(), claim.instances]
    callables += [other for wrong in claim.wrong for other in wrong.changes.values()]
    callables += [claim.attack.start, claim.attack.build] if claim.attack else []
    return list(dict.fromkeys(map(_source, callables)))


def _source(function: Callable) -> str:
    """The statement that defines a function or holds a lambda; the same text under every version of Python."""
    while isinstance(function, partial) or hasattr(function, "__wrapped__"):
        function = function.func if isinstance(function, partial) else function.__wrapped__
    try:
        lines, _ = inspect.findsource(function)
        first = function.__code__.co_firstlineno
        spans = [_span(node) for node in ast.walk(ast.parse("".join(lines))) if _is_whole(node)]
    except (OSError, TypeError, AttributeError, SyntaxError):
        return f"# {getattr(function, '__qualname__', type(function).__qualname__)}: no Python source"
    begin, end = min((span for span in spans if span[0] <= first <= span[1]), key=lambda span: span[1] - span[0])
    return textwrap.dedent("".join(lines[begin - 1:end])).rstrip()


def _is_whole(node: ast.AST) -> bool:
    return isinstance(node, ast.stmt) or (isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Claim")


def _span(node: ast.AST) -> tuple[int, int]:
    return min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))]), node.end_lineno
