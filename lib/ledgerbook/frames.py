"""What an interactive figure says, apart from how it is drawn.

A `Control` is moved by the reader, a `Frame` is what the figure shows for one setting of the controls: panels of
marks, and the regime in words. There is no mathematics and no drawing here; `drawing` and `explorer` draw frames.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import isfinite
from typing import Any

KINDS = ("line", "points", "stems", "bars", "level")
SCALES = ("linear", "log")
# each role fixes a colour, a dash and a marker (see drawing.PALETTE)
ROLES = ("data", "model", "curvature", "weight", "threshold", "sharpness", "bound", "loss", "other")
# each tone is shown as its own name behind its shape, never by colour alone; "neutral" shows neither
TONES = {"stable": "●", "edge": "◆", "unstable": "▲", "neutral": "", "error": "✕"}


def _one_of(argument: str, value: str, allowed: Iterable[str]) -> None:
    if value not in allowed:
        raise ValueError(f"{argument} is {value!r}: use one of {', '.join(allowed)}")


@dataclass(frozen=True)
class Control:
    """A choice between numbers: `values` go to the engine, `labels` are shown and spoken.

    >>> Control("step size η", (0.1, 0.2), ("0.1", "0.2"), start=1).labels
    ('0.1', '0.2')
    """

    name: str
    values: tuple[float, ...]
    labels: tuple[str, ...]
    start: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", tuple(float(v) for v in self.values))
        object.__setattr__(self, "labels", tuple(str(label) for label in self.labels))
        if not self.name.strip():
            raise ValueError("name of a control is empty: say what the reader moves, such as 'step size η'")
        if len(self.values) < 2:
            raise ValueError(f"control {self.name!r}: values must hold at least two numbers, or there is no choice")
        if len(self.labels) != len(self.values):
            raise ValueError(f"control {self.name!r}: give one label per value, not {len(self.labels)} "
                             f"labels for {len(self.values)} values")
        if len(set(self.labels)) < len(self.labels):
            raise ValueError(f"control {self.name!r}: two labels are equal; write more digits")
        if not 0 <= self.start < len(self.values):
            raise ValueError(f"control {self.name!r}: start is {self.start}; "
                             f"give a position in 0..{len(self.values) - 1}")


@dataclass(frozen=True)
class Mark:
    """One thing drawn in a panel, of shape (m,) in x and y.

    A "level" is a horizontal line at its one y and has no x. `label` names the mark in the legend; "" leaves it out.

    >>> Mark("level", (), (20,), "2/η", "threshold").y
    (20.0,)
    """

    kind: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    label: str = ""
    role: str = "other"

    def __post_init__(self) -> None:
        _one_of("kind of a mark", self.kind, KINDS)
        _one_of("role of a mark", self.role, ROLES)
        # tuples, not arrays: frozen in earnest, comparable, and equal ones can be stored once
        object.__setattr__(self, "x", tuple(float(v) for v in self.x))
        object.__setattr__(self, "y", tuple(float(v) for v in self.y))
        sizes = len(self.x), len(self.y)
        if self.kind == "level" and sizes != (0, 1):
            raise ValueError(f"mark {self.label!r}: a level takes no x and one y, not {sizes[0]} and {sizes[1]}")
        if self.kind != "level" and sizes[0] != sizes[1]:
            raise ValueError(f"mark {self.label!r}: x and y must have equal length, not {sizes[0]} and {sizes[1]}")


@dataclass(frozen=True)
class Panel:
    """A pair of axes with its marks; what lies outside the limits is clipped."""

    title: str
    xlabel: str
    ylabel: str
    xlim: tuple[float, float]
    ylim: tuple[float, float]
    xscale: str = "linear"
    yscale: str = "linear"
    marks: tuple[Mark, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "marks", tuple(self.marks))
        for axis in "xy":
            self._check_axis(axis, f"panel {self.title!r}")

    def _check_axis(self, axis: str, where: str) -> None:
        scale, limits = getattr(self, axis + "scale"), tuple(float(v) for v in getattr(self, axis + "lim"))
        object.__setattr__(self, axis + "lim", limits)
        _one_of(f"{where}: {axis}scale", scale, SCALES)
        if len(limits) != 2 or not all(map(isfinite, limits)) or limits[0] >= limits[1]:
            raise ValueError(f"{where}: {axis}lim is {limits}; give two finite numbers, the smaller first")
        drawn = [("the limits", limits), *((f"mark {m.label or m.role!r}", getattr(m, axis)) for m in self.marks)]
        for what, values in drawn:
            if not all(map(isfinite, values)):
                raise ValueError(f"{where}, {what}: {axis} holds NaN or infinity; leave those entries out or clip them")
            if scale == "log" and any(v <= 0 for v in values):
                raise ValueError(f"{where}, {what}: {axis} holds numbers <= 0 on a log axis; clip them or use 'linear'")


@dataclass(frozen=True)
class Frame:
    """What the figure shows for one setting: panels, the regime in one or two sentences, and its tone."""

    panels: tuple[Panel, ...]
    words: str
    tone: str = "neutral"

    def __post_init__(self) -> None:
        object.__setattr__(self, "panels", tuple(self.panels))
        _one_of("tone of a frame", self.tone, TONES)
        if not self.words.strip():
            raise ValueError("words of a frame are empty: name the regime in a plain sentence")


def pack(frames: Iterable[Frame], digits: int = 4) -> dict[str, list[Any]]:
    """Frames as compact data for JSON, where equal arrays, marks and panels are stored once.

    Numbers keep `digits` significant digits: a tenth of a pixel in a panel 500 pixels wide.
    `unpack` in explorer.js is the inverse.

    >>> level = Panel("p", "x", "y", (0, 1), (0, 1), marks=[Mark("level", (), (1 / 3,))])
    >>> packed = pack([Frame([level], "one"), Frame([level], "two")])
    >>> packed["arrays"], packed["frames"]
    ([(), (0.3333,)], [('one', 'neutral', 3), ('two', 'neutral', 3)])
    """
    arrays: dict[tuple[float, ...], int] = {}
    parts: dict[tuple[Any, ...], int] = {}

    def part(*value: Any) -> int:
        return parts.setdefault(value, len(parts))

    def array(values: tuple[float, ...]) -> int:
        return arrays.setdefault(tuple(float(f"{v:.{digits}g}") for v in values), len(arrays))

    def mark(m: Mark) -> int:
        return part(part(m.kind, m.label, m.role), array(m.x), array(m.y))

    def panel(p: Panel) -> int:
        head = part(p.title, p.xlabel, p.ylabel, p.xlim, p.ylim, p.xscale, p.yscale)
        return part(head, *map(mark, p.marks))

    packed = [(f.words, f.tone, *map(panel, f.panels)) for f in frames]
    return {"frames": packed, "parts": list(parts), "arrays": list(arrays)}
