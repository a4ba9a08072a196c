"""Writes the figure of the README, which is the preface's:  python tools/readme_figure.py book/figures/preface.svg"""

import sys
from pathlib import Path

from chapters import plans
from chapters.experiments.figures import gentle_and_bold
from ledgerbook.drawing import figure_bytes


def image() -> bytes:
    """The figure as SVG, the same bytes at every run."""
    runs = plans.stored("hero")
    picture = gentle_and_bold(runs.where(runs["scale"] == 5), gentle=0.01, bold=0.5)
    return figure_bytes(picture.figure, "svg")


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(image())
