"""The ledger: one row for each numbered equation, what it is held against, and which wrong versions were refused.

:func:`rows` runs every check; :func:`collect` takes what notebooks show, where each check left its row.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from html import escape
from pathlib import Path
from typing import Any

from .claim import ROW, CheckFailed, Claim, check
from .report import anchor, typeset

Row = dict[str, Any]
SIGNS = {"=": "=", ">=": "≥", "<=": "≤", "->": "→"}
_HERE = Path(__file__).parent
_CSS = (_HERE / "ledger.css").read_text(encoding="utf-8")
_JS = (_HERE / "ledger.js").read_text(encoding="utf-8")


def rows(chapters: Mapping[str, Sequence[Claim]],
         progress: Callable[[Sequence[Claim]], Iterable[Claim]] = iter) -> list[Row]:
    """Check the claims of all chapters and merge the parts of an equation into one row, in the order of the chapters.

    ``progress`` wraps the claims while they are checked, as ``tqdm.tqdm`` does.

    Raises
    ------
    ExceptionGroup
        Of every :class:`CheckFailed`, after all claims were tried.
    ValueError
        Two claims have the same equation and part, or one equation is in two chapters.
    """
    chapter_of = {id(claim): chapter for chapter, claims in chapters.items() for claim in claims}
    claims = [claim for one in chapters.values() for claim in one]
    _require_unique(claims)
    entries: list[Row] = []
    failures: list[CheckFailed] = []
    for claim in progress(claims):
        try:
            entries.append(check(claim).as_row() | {"chapter": chapter_of[id(claim)]})
        except CheckFailed as failure:
            failures.append(failure)
    if failures:
        raise ExceptionGroup(f"{len(failures)} of {len(claims)} claims fail", failures)
    return _table(entries, chapters)


def collect(folder: Path | str, chapters: Mapping[str, Sequence[Claim]]) -> list[Row]:
    """The same rows from what the checks left in the notebooks of a folder, each with the page where it stands.

    A row that no chapter claims has the chapter that its claim names.

    Raises
    ------
    ValueError
        A claim of the chapters is shown in no notebook (each is named); two claims have the same equation and part,
        or two notebooks show different rows for one; or one equation is in two chapters.
    """
    _require_unique(claim for claims in chapters.values() for claim in claims)
    found: dict[tuple[str, str], Row] = {}
    for row in shown(folder):
        first = found.setdefault((row["equation"], row["part"]), row)
        if first | {"page": row["page"]} != row:
            raise ValueError(f"{first['page']} and {row['page']} show different rows: execute both notebooks anew")
    claims = {(claim.equation, claim.part): (chapter, claim) for chapter, each in chapters.items() for claim in each}
    if missing := [claim.name for key, (_, claim) in claims.items() if key not in found]:
        raise ValueError(f"no notebook of {folder} shows the check of {', '.join(missing)}: execute its page anew")
    entries = [found.pop(key) | {"chapter": chapter} for key, (chapter, _) in claims.items()]
    return _table([*entries, *found.values()], chapters)


def shown(folder: Path | str) -> Iterator[Row]:
    """The row of every check in the stored outputs of a folder's notebooks, by name, with its ``page``."""
    for path in sorted(Path(folder).glob("*.ipynb")):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        outputs = [output.get("data", {}) for cell in cells for output in cell.get("outputs", [])]
        for row in (data[ROW] for data in outputs if ROW in data):
            yield row | {"page": f"{path.stem}.html#{anchor(row['equation'], row['part'])}"}


def _table(entries: Sequence[Row], chapters: Iterable[str]) -> list[Row]:
    """The parts of each equation as one row, in the order of the chapters."""
    equations = dict.fromkeys(entry["equation"] for entry in entries)
    merged = [_merged([e for e in entries if e["equation"] == equation]) for equation in equations]
    order = _distinct([*chapters, *(row["chapter"] for row in merged)])
    return sorted(merged, key=partial(_order, order))


@dataclass(frozen=True, repr=False)
class Ledger:
    """Rows as cards on a page, with a filter, linked to where each stands; and as lines in a terminal."""

    rows: Sequence[Row]

    def __repr__(self) -> str:
        return "\n".join([*map(_line, self.rows), self.count])

    @property
    def count(self) -> str:
        """How many equations are checked."""
        return f"{len(self.rows)} checked"

    def _repr_html_(self) -> str:
        chapters = _distinct(row["chapter"] for row in self.rows)
        sections = "".join(_section(chapter, [row for row in self.rows if row["chapter"] == chapter])
                           for chapter in chapters)
        return ('<div class="ledger mathjax_ignore tex2jax_ignore" data-ledger>\n'
                f'<style>{_CSS}</style>\n<p role="status">{self.count}</p>\n{sections}\n'
                f'<script type="module">{_JS}</script>\n</div>\n')


def _section(chapter: str, rows: Sequence[Row]) -> str:
    name = f"Chapter {chapter}" if chapter.isupper() else chapter
    return f"<section><h2>{escape(name)}</h2>\n<ul>\n{''.join(map(_card, rows))}</ul></section>\n"


def _card(row: Row) -> str:
    """One equation: its statement, chips, what it is held against, and the wrong versions that were refused."""
    name, page, signs = escape(row["equation"]), row.get("page"), _signs(row)
    link = f'<a href="{escape(page)}">({name})</a>' if page else f"({name})"
    chips = [f"{signs} to within {row['tolerance']}", f"{row['instances']} instances", row["tightness"]]
    facts = {"Held against": row["oracles"], f"Rejected, the nearest off by {row['nearest']}": row["rejected"],
             "Called by both sides": row["common"]}
    return (f'<li class="entry" data-chapter="{escape(row["chapter"])}" data-relation="{signs}" '
            f'data-tightness="{escape(row["tightness"])}">'
            f'<p class="states"><strong>{link}</strong> {" · ".join(map(typeset, row["tex"]))}</p>'
            f"<p>{escape(row['says'])}.</p>"
            f'<ul class="chips">{"".join(f"<li>{escape(chip)}</li>" for chip in chips if chip)}</ul>'
            + "".join(f"<p><strong>{escape(term)}:</strong> {escape('; '.join(fact))}</p>"
                      for term, fact in facts.items() if fact)
            + "</li>\n")


def _signs(row: Row) -> str:
    return " and ".join(SIGNS[relation] for relation in row["relation"].split("; "))


def _line(row: Row) -> str:
    return " | ".join([f"({row['equation']})", row["chapter"], _text(row["oracles"]), f"{row['instances']} instances",
                       row["tightness"] or row["tolerance"], f"rejects {_text(row['rejected'])}"])


def _text(value: Any) -> str:
    return "; ".join(value) if isinstance(value, list) else str(value)


def _merged(parts: Sequence[Row]) -> Row:
    """One row for all parts of an equation: words and lists joined without repeats, instances added."""
    equation, chapters = parts[0]["equation"], _distinct(part["chapter"] for part in parts)
    if len(chapters) > 1:
        raise ValueError(f"({equation}) is in chapters {', '.join(chapters)}: choose one")
    words = {name: "; ".join(_distinct(part[name] for part in parts if part[name]))
             for name in ("says", "relation", "tightness", "tolerance", "nearest")}
    lists = {name: _distinct(item for part in parts for item in part[name])
             for name in ("tex", "oracles", "rejected", "common")}
    page = {"page": parts[0]["page"]} if "page" in parts[0] else {}
    return {"equation": equation, "chapter": chapters[0], **words, **lists,
            "instances": sum(part["instances"] for part in parts), **page}


def _distinct(words: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(words))


def _order(chapters: Sequence[str], row: Row) -> tuple[int, bool, int, str]:
    """Chapter by chapter, S9 before S33, what the paper does not number afterwards."""
    name, number = row["equation"], row["equation"].removeprefix("S")
    numbered = name.startswith("S") and number.isdecimal()
    return chapters.index(row["chapter"]), not numbered, int(number) if numbered else 0, name


def _require_unique(claims: Iterable[Claim]) -> None:
    seen: set[tuple[str, str]] = set()
    for entry in claims:
        key = entry.equation, entry.part
        if key in seen:
            raise ValueError(f"{key} is registered twice: give each claim about ({entry.equation}) its own part")
        seen.add(key)
