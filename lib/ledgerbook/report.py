"""What :mod:`ledgerbook.claim` says: the line, the page and the failure, in text that no processor changes."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from html import escape
from typing import TYPE_CHECKING

import numpy as np

from .sources import READER, statement, with_helpers

if TYPE_CHECKING:
    from .claim import Claim, Record
    from .trial import Case, Trial

SYMBOLS = {"=": "=", "<=": "≤", ">=": "≥", "->": "→"}
TIGHTNESS = ((1 - 1e-4, "equality reached"), (0.99, "within 1 %"), (0.9, "within 10 %"),
             (0.5, "within a factor 2"), (0.1, "within a factor 10"))
APART = ((0.5, "50 %"), (0.1, "10 %"), (0.01, "1 %"), (1e-3, "0.1 %"))
CHANGES = {"left": "left side", "right": "right side", "instances": "instances"}


def tightness(given: float, found: float) -> str:
    """Coarse words for the smaller over the larger side of an inequality, and where that was met.

    ``given`` is the largest on the instances, which an author may have planted, ``found`` what the attack came to. No
    boundary lies where the last bits of a processor decide: "reached" is to 1e-4, for a search stops short of it.

    >>> tightness(0.3, 1.0), tightness(1.0, 0.995), tightness(-1.0, 0.0)
    ('equality reached by the attack', 'equality reached on instances alone, within 1 % by the attack', 'loose')
    """
    planted, reached = (next((words for least, words in TIGHTNESS if closeness > least), "loose")
                        for closeness in (given, found))
    if planted == reached == "loose":
        return "loose"
    if found > given or planted == reached:
        return f"{reached} by the attack"
    return f"{planted} on instances alone, {reached} by the attack"


def apart(share: float) -> str:
    """Coarse words for how far a wrong version misses the relation, as a share of its larger side.

    >>> apart(0.3), apart(0.02), apart(3e-7)
    ('over 10 %', 'over 1 %', 'over 1e-7')
    """
    words = next((f"over {words}" for least, words in APART if share > least), "")
    return words or f"over 1e{math.floor(math.log10(share))}"


def power_of_ten(rtol: float) -> str:
    """The next power of ten that is at least ``rtol``.

    >>> power_of_ten(3e-11), power_of_ten(1e-10), power_of_ten(0)
    ('1e-10', '1e-10', 'exact')
    """
    return f"1e{math.ceil(math.log10(rtol) - 1e-9)}" if rtol > 0 else "exact"


def line(record: Record) -> str:
    """The verdict on one line: no number but counts that the author chose and powers of ten."""
    claim, count = record.claim, len(record.labels)
    found = [f"{count} instance{'s' * (count != 1)}" + f" ({record.telling})" * bool(record.telling)
             + " and an attack" * bool(claim.attack)]
    found += ["exact" if record.tolerance == "exact" else f"to {record.tolerance}"]
    found += [f"tightness: {record.tightness}"] if record.tightness else []
    said = [f"✓ {claim.name} {claim.says.rstrip('.')}", replaced(record.changed).strip(), ", ".join(claim.right),
            ", ".join(found), _rejected(record)]
    return " — ".join(filter(None, said))


def replaced(parts: Sequence[str]) -> str:
    """What of a claim is not the book's, to be said after its name.

    >>> replaced(("left", "instances")), replaced(())
    (' with another left side and other instances', '')
    """
    words = ["other instances" if part == "instances" else f"another {CHANGES[part]}" for part in parts]
    return f" with {' and '.join(words)}" if words else ""


def _rejected(record: Record) -> str:
    names = record.rejected
    if not names:
        return ""
    nearest = f", the nearest {_off(record.nearest)}" if len(names) > 1 else ""
    return f"rejects {len(names)} wrong version{'s' * (len(names) != 1)}{nearest}: {'; '.join(names)}"


def _off(words: str) -> str:
    """How a wrong version misses: by a share, or on some instances."""
    return words if words.startswith("on ") else f"off by {words}"


def html(record: Record) -> str:
    """The statement at its number, and folded behind it, both sides as code first, all that the verdict rests on."""
    claim = record.claim
    entries = [*_sides(claim), *_facts(record)]
    listed = "".join(f"<dt>{escape(term)}</dt>" + "".join(f"<dd>{item}</dd>" for item in items)
                     for term, items in entries)
    states = typeset(claim.tex) if claim.tex else escape(claim.says.rstrip("."))
    changes = replaced(record.changed) and f" —{replaced(record.changed)}"
    # the class keeps MathJax away from dollar signs in the source
    place = "" if record.changed else f' id="{anchor(claim.equation, claim.part)}"'
    return (f'<div class="check mathjax_ignore tex2jax_ignore"{place}>'
            f'<details><summary title="How {escape(claim.name)} was checked">'
            '<span class="fold" aria-hidden="true">▸</span> '
            f'<span class="verdict">✓ {escape(claim.name)}</span> {states}{changes}</summary>'
            # JupyterLab floats a list's terms beside its texts, where they overlap; nothing floats in a grid
            f'<dl style="display: grid">{listed}</dl></details></div>')


def anchor(equation: str, part: str = "") -> str:
    """The id of a check on its page.

    >>> anchor("VI.5", "every interpolant")
    'check-vi-5-every-interpolant'
    """
    return "-".join(["check", *re.findall(r"\w+", f"{equation} {part}".lower())])


def typeset(tex: str) -> str:
    """A formula in HTML that MathJax otherwise leaves alone.

    >>> typeset("a < b")
    '<span class="mathjax_process tex2jax_process">\\\\(a &lt; b\\\\)</span>'
    """
    return f'<span class="mathjax_process tex2jax_process">\\({escape(tex)}\\)</span>'


def _sides(claim: Claim) -> Iterator[tuple[str, list[str]]]:
    """Left, then each oracle, with the helpers from the claim's own package; none is shown twice."""
    home = {claim.home, READER}
    shown: set[str] = set()
    for term, side in {"Left side": claim.left, **_named_right(claim)}.items():
        texts = with_helpers(side, home)
        fresh = [text for text in texts if text not in shown]
        above = ["# and what stands above"] if len(fresh) < len(texts) else []
        shown.update(fresh)
        yield term, [_code(fresh + above, f"{term} of {claim.name}")]


def _named_right(claim: Claim) -> dict[str, Callable]:
    return {f"Right side, {oracle}": side for oracle, side in claim.right.items()}


def _facts(record: Record) -> Iterator[tuple[str, list[str]]]:
    """Instances, tolerances with their reasons, wrong versions, the line, and the source of the rest."""
    claim = record.claim
    facts = {
        "Relation": [f"left {SYMBOLS[claim.relation]} right" + f", {record.tightness}" * bool(record.tightness)],
        "Instances": [*_summary(record.labels), *([f"of these {record.telling}"] if record.telling else [])],
        "Tolerance": _tolerances(claim),
        "Wrong versions, each rejected": [
            f"{w.name} (other {' and '.join(CHANGES[part] for part in w.changes)}), {_off(record.rejected[w.name])}"
            for w in claim.wrong if w.name in record.rejected],
        "Sight": _sight(record),
        "Functions of the library that both sides call": [
            f"{oracle}: {', '.join(names)}" for oracle, names in record.shared.items() if names],
        "In one line": [line(record)],
    }
    yield from ((term, list(map(escape, items))) for term, items in facts.items() if items)
    yield "Instances, wrong versions" + " and attack" * bool(claim.attack) + " as code", [
        _code(_others(claim), f"Instances and wrong versions of {claim.name}")]


def _sight(record: Record) -> list[str]:
    if record.sight in ("", "exact"):
        return []
    return [f"an error of {record.sight} in an entry would be seen"]


def _tolerances(claim: Claim) -> list[str]:
    """Each tolerance once, with its reason and the oracles that it holds for."""
    oracles: dict[tuple[float, str], list[str]] = {}
    for name in claim.right:
        oracles.setdefault((claim.tolerance_of(name).rtol, claim.tolerance_of(name).why), []).append(name)
    return [f"{', '.join(names)}: {'to ' if rtol > 0 else ''}{power_of_ten(rtol)}, because {why}"
            for (rtol, why), names in oracles.items()]


def _others(claim: Claim) -> list[str]:
    callables = [claim.instances, *(other for wrong in claim.wrong for other in wrong.changes.values())]
    callables += [claim.attack.start, claim.attack.build] if claim.attack else []
    return list(dict.fromkeys(map(statement, callables)))


def _code(texts: Iterable[str], label: str) -> str:
    source = escape("\n\n".join(texts))
    return f'<pre tabindex="0" role="region" aria-label="{escape(label)}"><code>{source}</code></pre>'


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


def kind(label: str) -> str:
    """A label without its numbers.

    >>> kind("minimum found at η = 0.5"), kind("step size 2/λ, seed 3")
    ('minimum found at η = …', 'step size 2/λ, seed …')
    """
    return re.sub(r"(?<= )\d[\d.e-]*(?= |,|$)", "…", label)  # a word of its own: not the 2 of "2/λ"


def _summary(labels: Iterable[str]) -> list[str]:
    """Labels that differ only in their numbers, counted together.

    >>> _summary(["random 0", "random 1", "equal knots"])
    ['random … (2)', 'equal knots']
    """
    labels = list(labels)
    kinds = Counter(map(kind, labels))
    single = {kind(label): label for label in labels}
    return [f"{each} ({count})" if count > 1 else single[each] for each, count in kinds.items()]
