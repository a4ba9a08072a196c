"""Figures of chapter IV."""

from __future__ import annotations

import numpy as np

from ledgerbook.drawing import PALETTE
from ledgerbook.picture import Picture, blank, styled
from stableminima.kinks import saddle_at_minimum, saddle_loss

RUNS = ((0.5, "model"), (0.8, "curvature"), (1.0, "weight"))


@styled
def saddle() -> Picture:
    """The loss with an indefinite mode at its minimum, and paths that leave the ball although λ_max ≤ 2/η."""
    figure, (plane, distance) = blank(7.2, 3.4, columns=2)
    grid = np.linspace(-1.8, 1.8, 181)
    heights = saddle_loss(np.array(np.meshgrid(grid, grid)))
    plane.contour(grid, grid, heights, np.linspace(0.05, 2, 9), colors=PALETTE["other"].ink, linewidths=0.5)
    angle = np.linspace(0, 2 * np.pi, 181)
    plane.plot(np.cos(angle), np.sin(angle), "--", color=PALETTE["threshold"].ink, label="ball")
    plane.plot([-1.8, 1.8, np.nan, -1.8, 1.8], [-1.8, 1.8, np.nan, 1.8, -1.8], ":", color=PALETTE["other"].ink, lw=0.8)
    farthest = []
    for eta, role in RUNS:
        path = saddle_at_minimum().path([np.sqrt(0.5), np.sqrt(0.5)], eta, 8)
        length = np.linalg.norm(path, axis=1)
        farthest.append(length.max())
        look = PALETTE[role]
        style = {"color": look.ink, "marker": look.marker, "ms": 4, "lw": 1.1, "label": f"η = {eta:g}"}
        plane.plot(*path.T, **style)
        distance.plot(length, **style)
    distance.axhline(1, color=PALETTE["threshold"].ink, ls="--", label="ε")
    plane.set(title="The loss and three paths", xlabel="x", ylabel="y", aspect="equal")
    distance.set(title="Distance from the minimum", xlabel="step", ylabel="in units of ε", ylim=(0, None))
    distance.legend(loc="upper right")
    shown = ", ".join(f"{length:.2f}" for length in farthest)
    return Picture(
        figure,
        "fig-saddle",
        r"Left: level lines of $x^2 - y^2/2$ where $|y| \le |x|$ (dotted border) and $y^2/2$ elsewhere, the ball, and "
        r"descent from one point of its boundary with three step sizes, all with $\lambda_{\max} \le 2/\eta$. Right: "
        f"the distance. In the first step it grows to {shown} times the radius.",
        f"Contour plot of a loss with kinks along the diagonals, and three paths of descent that start on the unit "
        f"circle and leave it in the first step, to distances {shown}; later they come back.",
    )
