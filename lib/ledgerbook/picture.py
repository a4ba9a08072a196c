"""A figure with its name, caption and text alternative, and the book's style for it."""

from __future__ import annotations

import base64
import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import wraps
from html import escape

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from .drawing import STYLE, figure_bytes
from .medium import for_page


@dataclass(frozen=True, eq=False)
class Picture:
    """A figure with its name, caption and text alternative; make it the last expression of a cell.

    On the page it is a numbered figure that others can refer to by ``name``; in a notebook an image; as text one
    line. The alternative text says what the figure shows, with a number computed from its data.

    ``columns`` are the numbers behind the figure, of equal length, by name. A page then offers them as a CSV file,
    beside the figure as SVG, and says that ``command`` makes them anew.

    Raises
    ------
    ValueError
        If the columns differ in length, or there are columns without a command.
    """

    figure: Figure
    name: str
    caption: str
    alt: str
    columns: Mapping[str, Sequence[object]] = field(default_factory=dict)
    command: str = ""

    def __post_init__(self) -> None:
        sizes = {name: len(column) for name, column in self.columns.items()}
        if len(set(sizes.values())) > 1:
            raise ValueError(f"columns of {self.name!r} must have equal lengths, got {sizes}")
        if self.columns and not self.command:
            raise ValueError(f"columns of {self.name!r} need a command: say what makes them anew")

    @property
    def csv(self) -> str:
        """The columns as a CSV file, numbers in full."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(self.columns)
        writer.writerows(zip(*(np.asarray(column).tolist() for column in self.columns.values()), strict=True))
        return text.getvalue()

    def __repr__(self) -> str:
        return f"Figure {self.name!r}"

    def _repr_mimebundle_(self, include: object = None, exclude: object = None):
        if for_page():
            return {"text/markdown": self._directive(), "text/plain": repr(self)}
        png = base64.b64encode(figure_bytes(self.figure, "png")).decode()
        return {"image/png": png, "text/plain": repr(self)}, {"image/png": {"alt": self.alt}}

    def _directive(self) -> str:
        """The figure as MyST, the image carried along."""
        image = _data_address("image/svg+xml", figure_bytes(self.figure, "svg"))
        alt = json.dumps(self.alt, ensure_ascii=False)  # MyST reads an option as YAML, where |, : and # say something
        figure = f"```{{figure}} {image}\n:name: {self.name}\n:alt: {alt}\n\n{self.caption}\n```\n"
        if not self.columns:
            return figure
        links = [
            f'<a download="{self.name}.{ending}" href="{address}">{what}</a>'
            for what, ending, address in (
                ("data (CSV)", "csv", _data_address("text/csv", self.csv.encode())),
                ("figure (SVG)", "svg", image),
            )
        ]
        made = f"made anew by <code>{escape(self.command)}</code>"
        return f'{figure}\n<p class="figure-files">Download {" or ".join(links)}; {made}.</p>\n'


def _data_address(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def blank(width: float, height: float, columns: int = 1) -> tuple[Figure, np.ndarray]:
    """An empty figure, in inches, and its axes in a row."""
    figure, axes = blank_grid(width, height, 1, columns)
    return figure, axes[0]


def blank_grid(width: float, height: float, rows: int, columns: int, **shared: object) -> tuple[Figure, np.ndarray]:
    """An empty figure, in inches, and its axes, shape (rows, columns); ``shared`` as matplotlib's subplots takes it."""
    figure = Figure(figsize=(width, height), layout="constrained", facecolor="white")
    return figure, figure.subplots(rows, columns, squeeze=False, **shared)


def styled(make: Callable[..., Picture]) -> Callable[..., Picture]:
    """The book's matplotlib style, while the figure is made and nowhere else."""

    @wraps(make)
    def styled(*args, **kwargs) -> Picture:
        with matplotlib.rc_context(dict(STYLE)):
            return make(*args, **kwargs)

    return styled
