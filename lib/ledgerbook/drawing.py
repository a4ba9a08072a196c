"""Frames on paper: the palette of the book, and frames drawn by matplotlib."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from .frames import Frame, Mark, Panel


@dataclass(frozen=True)
class Role:
    """How a role looks: a colour on white, one on near-black, dash lengths, a matplotlib marker."""

    ink: str
    ink_dark: str
    dash: tuple[float, ...]
    marker: str

    @property
    def linestyle(self) -> str | tuple[int, tuple[float, ...]]:
        """The dashes as matplotlib takes them."""
        return (0, self.dash) if self.dash else "-"

    @property
    def line(self) -> dict[str, object]:
        """Colour and dashes, as matplotlib's plot takes them."""
        return {"color": self.ink, "linestyle": self.linestyle}


# Okabe and Ito's colours, darkened on white and lightened on black to at least 4.5:1; dash and marker differ too,
# so that no two roles are told apart by colour alone
PALETTE: Mapping[str, Role] = MappingProxyType({
    "data": Role("#24292f", "#f0f0f0", (2, 2), "o"),
    "model": Role("#0072b2", "#56b4e9", (), "s"),
    "curvature": Role("#bd4b00", "#ff9b57", (9, 2), "^"),
    "weight": Role("#007a59", "#2fc79b", (6, 3, 1.5, 3), "v"),
    "threshold": Role("#a03b7c", "#e79bc6", (7, 4), "x"),
    "sharpness": Role("#8f5a00", "#e69f00", (4, 2), "D"),
    "bound": Role("#5b5bc0", "#b0aefc", (1.5, 2.5), "+"),
    "loss": Role("#006d77", "#7fd1d8", (12, 3, 3, 3), ">"),
    "other": Role("#59636e", "#a8b0b9", (1, 4), "<"),
})

STYLE = MappingProxyType({
    "font.size": 9, "axes.titlesize": 8.5, "axes.titleweight": "bold", "axes.titlelocation": "left",
    "axes.labelsize": 8.5, "xtick.labelsize": 8, "ytick.labelsize": 8, "legend.fontsize": 8, "legend.frameon": False,
    "axes.spines.top": False, "axes.spines.right": False, "axes.linewidth": 0.6, "axes.edgecolor": "#59636e",
    "xtick.color": "#59636e", "ytick.color": "#59636e", "xtick.labelcolor": "#24292f", "ytick.labelcolor": "#24292f",
    "xtick.major.width": 0.6, "ytick.major.width": 0.6, "xtick.minor.size": 0, "ytick.minor.size": 0,
    "text.color": "#24292f", "axes.labelcolor": "#24292f", "lines.scale_dashes": False,
})


def palette_css(selector: str) -> str:
    """One rule per role, so that the page and the paper take their colours from the same place.

    >>> palette_css(".sm").splitlines()[1]
    '.sm .role-model { color: #0072b2; color: light-dark(#0072b2, #56b4e9); }'
    """
    return "\n".join(f"{selector} .role-{name} {{ color: {r.ink}; color: light-dark({r.ink}, {r.ink_dark}); }}"
                     for name, r in PALETTE.items())


def draw(frame: Frame, axes: Sequence[Axes]) -> None:
    """Draw each panel of the frame into its own axes; give as many axes as the frame has panels."""
    if len(axes) != len(frame.panels):
        raise ValueError(f"axes has {len(axes)} entries: give one per panel, {len(frame.panels)}")
    for panel, ax in zip(frame.panels, axes, strict=True):
        _draw_panel(panel, ax)


def _draw_panel(panel: Panel, ax: Axes) -> None:
    ax.set(title=panel.title, xlabel=panel.xlabel, ylabel=panel.ylabel, xscale=panel.xscale, yscale=panel.yscale,
           xlim=panel.xlim, ylim=panel.ylim)
    for mark in panel.marks:
        _draw_mark(mark, panel, ax)
    if any(mark.label for mark in panel.marks):
        ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.3), borderaxespad=0, handlelength=3)


def _draw_mark(mark: Mark, panel: Panel, ax: Axes) -> None:
    role = PALETTE[mark.role]
    line = {**role.line, "linewidth": 1.4}
    dots = {"color": role.ink, "linestyle": "none", "marker": role.marker, "markersize": 4.5}
    label = mark.label or "_nolegend_"
    base = panel.ylim[0] if panel.yscale == "log" else min(max(0.0, panel.ylim[0]), panel.ylim[1])
    match mark.kind:
        case "line":
            ax.plot(mark.x, mark.y, label=label, **line)
        case "level":
            ax.axhline(mark.y[0], label=label, **line)
        case "points":
            ax.plot(mark.x, mark.y, label=label, **dots)
        case "stems":
            ax.vlines(mark.x, base, mark.y, color=role.ink, linewidth=1.2)
            ax.plot(mark.x, mark.y, label=label, **dots)
        case "bars":
            gaps = [b - a for a, b in zip(sorted(mark.x), sorted(mark.x)[1:], strict=False) if b > a]
            width = 0.8 * min(gaps, default=(panel.xlim[1] - panel.xlim[0]) / 10)
            ax.bar(mark.x, [y - base for y in mark.y], width, base, color=role.ink, alpha=0.75, label=label)


def small_multiples(rows: Sequence[tuple[str, Frame]]) -> Figure:
    """The panels of each (heading, frame), under its heading and words: the explorer's face on paper.

    Up to three panels stand side by side, more in rows of two.
    """
    if not rows:
        raise ValueError("rows is empty: give at least one (heading, frame)")
    shapes = [(1, count) if (count := len(frame.panels)) <= 3 else (-(-count // 2), 2) for _, frame in rows]
    with style.context(dict(STYLE), after_reset=True):
        height = 3.1 * sum(lines for lines, _ in shapes)
        figure = Figure(figsize=(7.5, height), layout="constrained", facecolor="white")
        bands = figure.subfigures(len(rows), 1, squeeze=False, hspace=0.06)[:, 0]
        for band, shape, (heading, frame) in zip(bands, shapes, rows, strict=True):
            words = textwrap.fill(f"{heading}: {frame.words}", 105)
            band.suptitle(words, x=0.01, ha="left", fontsize=9)
            grid = band.subplots(*shape, squeeze=False).ravel()
            axes, unused = grid[: len(frame.panels)], grid[len(frame.panels) :]
            for ax in unused:
                ax.remove()
            draw(frame, axes)
            for ax, panel in zip(axes, frame.panels, strict=True):
                ax.set_title(textwrap.fill(panel.title, 84 // shape[1]))
        figure.draw_without_rendering()  # legends below the axes find their room only in a second layout
    return figure


def figure_bytes(figure: Figure, kind: str, dpi: int = 180) -> bytes:
    """The figure as "svg" or "png", the same bytes in every build: no date, no version, no random ids."""
    metadata = {"svg": {"Date": None, "Creator": None}, "png": {"Software": None}}
    if kind not in metadata:
        raise ValueError(f"kind is {kind!r}: use one of {', '.join(metadata)}")
    fixed = {**STYLE, "svg.hashsalt": "ledgerbook", "svg.fonttype": "path"}
    with style.context(fixed, after_reset=True), io.BytesIO() as out:
        figure.savefig(out, format=kind, dpi=dpi, metadata=metadata[kind])
        return out.getvalue()


def small_png(figure: Figure) -> bytes:
    """The figure as a PNG of low resolution and 256 colours, a third of the bytes, for a notebook to store."""
    with io.BytesIO() as out:
        full = Image.open(io.BytesIO(figure_bytes(figure, "png", dpi=90)))  # Pillow comes with matplotlib
        full.convert("RGB").quantize(256).save(out, "png", optimize=True)
        return out.getvalue()
