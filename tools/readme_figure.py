"""Writes the figure of the README, which is the preface's:  python tools/readme_figure.py book/figures/preface.svg"""

import sys
from pathlib import Path

from stableminima import results
from stableminima.drawing import figure_bytes
from stableminima.figures.chapter_1 import gentle_and_bold


def image() -> bytes:
    """The figure as SVG, the same bytes at every run."""
    runs = results.stored("hero")
    picture = gentle_and_bold(runs.where(runs["scale"] == 5), gentle=0.01, bold=0.5)
    return figure_bytes(picture.figure, "svg")


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(image())
