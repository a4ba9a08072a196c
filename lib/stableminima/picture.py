"""A figure with its name, caption and text alternative, and the book's style for it."""

from __future__ import annotations

import base64
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from html import escape

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from .drawing import STYLE, figure_bytes


@dataclass(frozen=True, eq=False)
class Picture:
    """A figure with its name, caption and text alternative; make it the last expression of a cell.

    On the page it is a numbered figure that others can refer to by ``name``; in a notebook an image; as text one
    line. The alternative text says what the figure shows, with a number computed from its data.
    """

    figure: Figure
    name: str
    caption: str
    alt: str

    def __repr__(self) -> str:
        return f"Figure {self.name!r}"

    def _repr_mimebundle_(self, include: object = None, exclude: object = None):
        if os.environ.get("STABLEMINIMA_MEDIUM") == "page":
            return {"text/markdown": self._directive(), "text/plain": repr(self)}
        png = base64.b64encode(figure_bytes(self.figure, "png")).decode()
        return {"image/png": png, "text/plain": repr(self)}, {"image/png": {"alt": self.alt}}

    def _directive(self) -> str:
        """The figure as MyST; Sphinx writes the image to a file of its own."""
        image = base64.b64encode(figure_bytes(self.figure, "svg")).decode()
        return (
            f"```{{figure}} data:image/svg+xml;base64,{image}\n:name: {self.name}\n:alt: {escape(self.alt)}\n\n"
            f"{self.caption}\n```\n"
        )


def blank(width: float, height: float, columns: int = 1) -> tuple[Figure, np.ndarray]:
    """An empty figure, in inches, and its axes in a row."""
    figure = Figure(figsize=(width, height), layout="constrained", facecolor="white")
    return figure, figure.subplots(1, columns, squeeze=False)[0]


def styled(make: Callable[..., Picture]) -> Callable[..., Picture]:
    """The book's matplotlib style, while the figure is made and nowhere else."""

    @wraps(make)
    def styled(*args, **kwargs) -> Picture:
        with matplotlib.rc_context(dict(STYLE)):
            return make(*args, **kwargs)

    return styled
