"""A table with one face for the page and one for plain text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape


@dataclass(frozen=True, repr=False)
class Table:
    """A caption, the column heads, and rows whose first cell is the row's head.

    The page's face scrolls inside itself when it is wider than the screen, and can be reached by keyboard for that.

    >>> Table("Squares", ("number", "square"), [(1, 1), (2, 4)])
    Squares
    number | square
    1 | 1
    2 | 4
    """

    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[object]]

    def __post_init__(self) -> None:
        wrong = next((row for row in self.rows if len(row) != len(self.head)), None)
        if wrong is not None:
            raise ValueError(f"rows: {wrong} has {len(wrong)} cells for {len(self.head)} columns in head")

    def __repr__(self) -> str:
        return "\n".join([self.caption, *(" | ".join(map(str, row)) for row in (self.head, *self.rows))])

    def _repr_html_(self) -> str:
        head = "".join(f'<th scope="col">{escape(name)}</th>' for name in self.head)
        return (
            f'<div class="table tex2jax_ignore mathjax_ignore" role="region" tabindex="0" style="overflow-x: auto" '
            f'aria-label="{escape(self.caption)}"><table><caption>{escape(self.caption)}</caption>'
            f"<thead><tr>{head}</tr></thead><tbody>{''.join(map(_row, self.rows))}</tbody></table></div>"
        )


def _row(cells: Sequence[object]) -> str:
    first, *others = (escape(str(cell)) for cell in cells)
    return f'<tr><th scope="row">{first}</th>{"".join(f"<td>{cell}</td>" for cell in others)}</tr>'
