"""The explorer: one object, four faces, chosen by the reader's medium.

* In a live kernel a widget; moving a control recomputes with the real engine. Where a notebook is only looked at
  (GitHub, a preview, JupyterLab before anything is run), a small picture of the starting point.
* On the static page (the build sets `LEDGERBOOK_MEDIUM=page`) the same front end over results computed at build
  time: no kernel, no network.
* In print, and where a page may not run scripts, small multiples.
* As plain text, one line.

The page's face holds its results, the printed figure and 17 kB of script and style: 25 × 7 settings of three panels,
each with one new line of 200 points, take about 0.65 MB (0.2 MB compressed).

On the page the address names the setting, ``#name-in-small-letters=label~label``, one label per control: it survives a
reload, can be sent, and a link in the prose moves the picture.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import cached_property
from html import escape
from itertools import product
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from .drawing import PALETTE, draw, figure_bytes, palette_css, small_multiples, small_png
from .frames import TONES, Control, Frame, Mark, Panel, pack
from .medium import for_page

__all__ = ["PALETTE", "Control", "Explorer", "Frame", "Mark", "Panel", "draw", "small_multiples"]

Engine = Callable[..., Frame]
Index = tuple[int, ...]

_HERE = Path(__file__).parent
_CSS = (_HERE / "explorer.css").read_text(encoding="utf-8") + palette_css(".sm") + "\n"
_JS = (_HERE / "explorer.js").read_text(encoding="utf-8")


class Explorer:
    """A figure with controls; make it the last expression of a cell.

    `stored(*values)` looks up results that are already computed and fills the page; `live(*values)` recomputes them
    when a reader with a kernel moves a control (default: `stored`). Both take one value per control and return a
    `Frame` with the same number of panels for all settings. `print_at` holds the settings, as tuples of positions,
    that are printed (default: where the controls start).

    >>> def stored(slope: float) -> Frame:
    ...     line = Mark("line", (0, 1), (0, slope), "y = ax", "model")
    ...     return Frame([Panel("A line", "x", "y", (0, 1), (0, 2), marks=[line])], f"The line ends at {slope}.")
    >>> Explorer("slope", "A line through zero.", [Control("slope a", (1, 2), ("1", "2"))], stored)
    Explorer 'slope': slope a, 2 results
    """

    def __init__(self, name: str, caption: str, controls: Sequence[Control], stored: Engine, live: Engine | None = None,
                 print_at: Sequence[Index] = ()) -> None:
        self.name, self.caption, self.controls = name, caption, tuple(controls)
        self.stored, self.live = stored, live or stored
        self.start: Index = tuple(c.start for c in self.controls)
        self.print_at: tuple[Index, ...] = tuple(tuple(at) for at in print_at) or (self.start,)
        self._check()

    def _check(self) -> None:
        names = [c.name for c in self.controls]
        if not (self.name.strip() and self.caption.strip()):
            raise ValueError("name or caption is empty: readers who cannot see the figure know it by them")
        if not names or len(set(names)) < len(names):
            raise ValueError(f"controls are named {names}: give at least one, each with a name of its own")
        shape = tuple(len(c.values) for c in self.controls)
        for at in self.print_at:
            if len(at) != len(shape) or not all(0 <= i < n for i, n in zip(at, shape, strict=True)):
                raise ValueError(f"print_at holds {at}: give one position per control, below {shape}")
        self._panels = len(self._call(self.stored, self.start).panels)
        for at in self.print_at:
            self.frame(at)

    def _call(self, engine: Engine, index: Index) -> Frame:
        frame = engine(*(c.values[i] for c, i in zip(self.controls, index, strict=True)))
        if not isinstance(frame, Frame):
            raise TypeError(f"at {self.heading(index)} the engine returned {type(frame).__name__}: return a Frame")
        return frame

    def frame(self, index: Index, engine: Engine | None = None) -> Frame:
        """The frame at one position per control, by `stored` unless another engine is given."""
        frame = self._call(engine or self.stored, index)
        if len(frame.panels) != self._panels:
            raise ValueError(f"at {self.heading(index)} the frame has {len(frame.panels)} panels and at the start "
                             f"{self._panels}: return the same panels everywhere, empty ones if need be")
        return frame

    @property
    def id(self) -> str:
        """Its name in the page's address."""
        return re.sub(r"[^a-z0-9]+", "-", self.name.lower()).strip("-")

    def heading(self, index: Index) -> str:
        """The setting in words, such as "step size η = 0.1, initial scale = 2"."""
        return ", ".join(f"{c.name} = {c.labels[i]}" for c, i in zip(self.controls, index, strict=True))

    def __repr__(self) -> str:
        axes, sizes = (" × ".join(p) for p in zip(*((c.name, str(len(c.values))) for c in self.controls), strict=True))
        return f"Explorer {self.name!r}: {axes}, {sizes} results"

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> Any:
        if for_page():
            figure = small_multiples([(self.heading(at), self.frame(at)) for at in self.print_at])
            svg, png = (base64.b64encode(figure_bytes(figure, kind)).decode() for kind in ("svg", "png"))
            return {"text/html": self._page(svg), "image/png": png, "text/plain": repr(self)}
        widget, _ = self.widget._repr_mimebundle_()
        picture = small_png(small_multiples([(self.heading(self.start), self.frame(self.start))]))
        data = {**widget, "image/png": base64.b64encode(picture).decode(), "text/plain": repr(self)}
        return data, {"image/png": {"alt": f"{self.caption} {self._told(self.start)}"}}

    @cached_property
    def widget(self) -> ExplorerWidget:
        """The face in a live kernel; it opens on the stored result, so that a chapter opens quickly."""
        return ExplorerWidget(lambda index: self.frame(index, self.live), face=self._face(), index=list(self.start),
                              shown=_shown(self.start, self.frame(self.start)))

    def alt(self) -> str:
        """The words of the printed settings, for readers who cannot see the print."""
        return " ".join([f"{self.caption} {len(self.print_at)} of the settings:",
                         *map(self._told, self.print_at)])

    def _told(self, at: Index) -> str:
        return f"{self.heading(at)}: {self.frame(at).words}"

    def _face(self) -> dict[str, Any]:
        """What the front end must know besides the results."""
        return {"name": self.name, "caption": self.caption, "tones": TONES,
                "controls": [{"name": c.name, "labels": c.labels, "start": c.start} for c in self.controls],
                "roles": {name: {"dash": role.dash, "marker": role.marker} for name, role in PALETTE.items()}}

    def _page(self, svg: str) -> str:
        grid = product(*(range(len(c.values)) for c in self.controls))
        data = {"face": self._face(), **pack(self.frame(index) for index in grid)}
        # class dark-light: the theme is not to tint the figure in dark mode
        # "<" is escaped, or a label could close the script; the script is a module, so nothing leaks into the page
        text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
        return (f'<div class="sm tex2jax_ignore mathjax_ignore" id="{self.id}" data-explorer>\n<style>{_CSS}</style>\n'
                f'<figure class="sm-print"><img class="dark-light" alt="{escape(self.alt())}" '
                f'src="data:image/svg+xml;base64,{svg}">\n'
                f"<figcaption><strong>{escape(self.name)}.</strong> {escape(self.caption)}</figcaption></figure>\n"
                f'<script type="application/json">{text}</script>\n'
                f'<script type="module">{_JS}\nmountAll();\n</script>\n</div>\n')


class ExplorerWidget(anywidget.AnyWidget):
    """The front end's counterpart in the kernel: a new `index` is answered by `shown`, the frame at that index.

    The front end knows from the index in `shown` whether the answer is to its latest question. ipywidgets keeps one
    unanswered message and merges later ones, so positions passed on the way are dropped and the latest wins.
    """

    _esm = _JS
    _css = _CSS
    face = traitlets.Dict().tag(sync=True)
    index = traitlets.List(traitlets.Int()).tag(sync=True)
    shown = traitlets.Dict().tag(sync=True)

    def __init__(self, compute: Callable[[Index], Frame], **state: Any) -> None:
        self._compute = compute
        super().__init__(**state)
        self.observe(self._answer, "index")

    def _answer(self, change: traitlets.Bunch) -> None:
        index = tuple(change["new"])
        try:
            frame = self._compute(index)
        except Exception as error:  # whatever it is, the reader sees it: a comm handler would only log it
            frame = Frame((), f"This setting could not be computed: {type(error).__name__}: {str(error).rstrip('.')}. "
                              "Choose another, or call live() with its values in a cell for the traceback.", "error")
        self.shown = _shown(index, frame)


def _shown(index: Index, frame: Frame) -> dict[str, Any]:
    return {"index": list(index), **asdict(frame)}
