"""The ledger: one row for each numbered equation, what it is held against, and which wrong versions were refused."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any

from .verify import CHAPTERS, CheckFailed, Claim, Definition, check

Row = dict[str, Any]
COLUMNS = {
    "equation": "Equation", "chapter": "Chapter", "status": "Status", "says": "What it says", "oracles": "Held against",
    "instances": "Instances", "tolerance": "To within",
    "tightness": "Tightness", "rejected": "Wrong versions rejected",
}


def rows(claims: Sequence[Claim | Definition],
         progress: Callable[[Sequence[Claim]], Iterable[Claim]] = iter) -> list[Row]:
    """Check every claim and merge the parts of an equation into one row, in the order of the paper.

    ``progress`` wraps the claims while they are checked, as ``tqdm.tqdm`` does.

    Raises
    ------
    ExceptionGroup
        Of every :class:`CheckFailed`, after all claims were tried.
    ValueError
        Two entries have the same equation and part, or one equation is in two chapters.
    """
    _require_unique(claims)
    entries: list[Row] = [_definition(entry) for entry in claims if isinstance(entry, Definition)]
    failures: list[CheckFailed] = []
    for claim in progress([entry for entry in claims if isinstance(entry, Claim)]):
        try:
            entries.append(check(claim).as_row())
        except CheckFailed as failure:
            failures.append(failure)
    if failures:
        raise ExceptionGroup(f"{len(failures)} of {len(claims)} claims fail", failures)
    equations = dict.fromkeys(entry["equation"] for entry in entries)
    return sorted((_merged([e for e in entries if e["equation"] == equation]) for equation in equations), key=_order)


@dataclass(frozen=True, repr=False)
class Ledger:
    """Rows as a table on a page and as lines in a terminal.

    ``pages`` says where an equation is shown (``{"S9": "preface.html#equation-s9"}``), and it is linked there.
    """

    rows: Sequence[Row]
    pages: Mapping[str, str] = field(default_factory=dict)

    def __repr__(self) -> str:
        return "\n".join([*map(_line, self.rows), self.count])

    @property
    def count(self) -> str:
        """How many equations are checked, and how many define."""
        checked = sum(row["status"] == "checked" for row in self.rows)
        return f"{checked} checked, {len(self.rows) - checked} definitions"

    def _repr_html_(self) -> str:
        head = "".join(f'<th scope="col">{name}</th>' for name in COLUMNS.values())
        body = "".join(f"<tr>{''.join(self._cell(row, column) for column in COLUMNS)}</tr>" for row in self.rows)
        return ('<div class="ledger mathjax_ignore tex2jax_ignore" role="region" aria-label="Ledger of equations" '
                'tabindex="0" style="overflow-x: auto"><table>'
                f"<caption>Every numbered equation: {self.count}</caption>"
                f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>")

    def _cell(self, row: Row, column: str) -> str:
        if column == "equation":
            name, page = escape(row["equation"]), self.pages.get(row["equation"])
            link = f'<a href="{escape(page)}">({name})</a>' if page else f"({name})"
            return f'<th scope="row">{link}</th>'
        return f"<td>{escape(_text(row[column] or ''))}</td>"


def _line(row: Row) -> str:
    details = [f"({row['equation']})", row["chapter"], row["status"]]
    if row["status"] == "checked":
        details += [_text(row["oracles"]), f"{row['instances']} instances", row["tightness"] or row["tolerance"],
                    f"rejects {_text(row['rejected'])}"]
    return " | ".join(details)


def _text(value: Any) -> str:
    return "; ".join(value) if isinstance(value, list) else str(value)


def _definition(entry: Definition) -> Row:
    return {"equation": entry.equation, "chapter": entry.chapter, "status": "definition", "says": entry.says,
            "relation": "", "oracles": [], "instances": 0, "tightness": "", "tolerance": "", "rejected": []}


def _merged(parts: Sequence[Row]) -> Row:
    """One row for all parts of an equation: words and lists joined without repeats, instances added."""
    equation, chapters = parts[0]["equation"], _distinct(part["chapter"] for part in parts)
    if len(chapters) > 1:
        raise ValueError(f"({equation}) is in chapters {', '.join(chapters)}: choose one")
    words = {name: "; ".join(_distinct(part[name] for part in parts if part[name]))
             for name in ("says", "relation", "tightness", "tolerance")}
    lists = {name: _distinct(item for part in parts for item in part[name]) for name in ("oracles", "rejected")}
    status = "checked" if any(part["status"] == "checked" for part in parts) else "definition"
    return {"equation": equation, "chapter": chapters[0], "status": status, **words, **lists,
            "instances": sum(part["instances"] for part in parts)}


def _distinct(words: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(words))


def _order(row: Row) -> tuple[bool, int, str, int]:
    """S9 before S33, what the paper does not number afterwards, chapter by chapter."""
    name, number = row["equation"], row["equation"].removeprefix("S")
    numbered = name.startswith("S") and number.isdecimal()
    return not numbered, int(number) if numbered else 0, name, CHAPTERS.index(row["chapter"])


def _require_unique(claims: Iterable[Claim | Definition]) -> None:
    seen: set[tuple[str, str]] = set()
    for entry in claims:
        key = entry.equation, getattr(entry, "part", "")
        if key in seen:
            raise ValueError(f"{key} is registered twice: give each claim about ({entry.equation}) its own part")
        seen.add(key)
