"""Figures of chapter III."""

from __future__ import annotations

import numpy as np

from .. import switching as sw
from .. import tangent
from ..drawing import PALETTE
from ..experiments import Sweep
from ..instances import Case
from ..picture import Picture, blank, styled
from ..switching import Switching


@styled
def lemma_and_truth(sweep: Sweep, count: int = 12) -> Picture:
    """For minima at the edge of stability, in units of their sharpest mode: what Lemma 2 needs, and what happens."""
    edge = sweep.where(sweep["sharpness"] * sweep["eta"] / 2 > 0.97)
    chosen = np.linspace(0, len(edge) - 1, count).round().astype(int)
    cases = [Case(edge.net(index), edge.data) for index in chosen]
    measured = np.array([_measured(sw.at_minimum(case.net, case.data).system) for case in cases]).T
    eta, (smallest, needed, leaves, flattest) = edge["eta"][chosen], measured
    figure, (ax,) = blank(7.2, 3.2)
    ax.axhline(1, color=PALETTE["threshold"].ink, ls="--", label="sharpest mode: above it descent stays, by Lemma 3")
    ax.plot(eta, flattest, "D", ms=4, color=PALETTE["sharpness"].ink, label="flattest mode")
    ax.plot(eta, leaves, "x", ms=7, mew=1.6, color=PALETTE["data"].ink, label="where descent begins to leave")
    ax.plot(eta, needed, "+", ms=8, color=PALETTE["bound"].ink, label="below it Lemma 2 applies, with a large λ")
    ax.plot(eta, smallest, "^", ms=4.5, color=PALETTE["curvature"].ink, label="below it Lemma 2 applies, with λ = qᵀHq")
    ax.set(xscale="log", xlabel="step size η of the run", ylabel="2/η, sharpest mode = 1", ylim=(0.935, 1.003))
    ax.legend(loc="lower left", ncols=2)
    return Picture(
        figure,
        "fig-lemma-2-at-minima",
        f"The 256 modes of eight knots at {count} minima found at the edge of stability. Step sizes grow downwards, "
        r"as $2/\eta$ falls. From the dashed line up descent never leaves the ball, by {doc}`Lemma 3 "
        "<04_strong_stability>`; below the pluses its first step can leave it, by Lemma 2. Crosses: where descent by "
        f"the network's own rule begins to leave for good. The flattest mode is {1 - flattest.max():.1%} to "
        f"{1 - flattest.min():.1%} below the sharpest.",
        f"Scatter plot over {count} minima, in units of their sharpest mode. Descent begins to leave at "
        f"{leaves.min():.3f} to {leaves.max():.3f}, within {np.abs(leaves - flattest).max():.1%} of the flattest mode. "
        f"Lemma 2 applies below {needed.min():.3f} to {needed.max():.3f} with a large λ, and only below "
        f"{smallest.min():.3f} to {smallest.max():.3f} with λ = qᵀHq.",
    )


def _measured(system: Switching) -> tuple[float, float, float, float]:
    """λ - δ with λ = qᵀHq and with a large λ, the 2/η where descent leaves, the flattest mode; sharpest mode = 1."""
    sharpness = np.array([tangent.largest_eigenvalue(hessian) for hessian in system.mean_hessians])
    q = np.linalg.eigh(system.mean_hessians.mean(axis=0))[1][:, -1]
    eigenvalues = sw.rayleigh(system, q)
    smallest = eigenvalues.min() - sw.deviation(system, q, eigenvalues)
    leaving = sw.leaving_step_size(system, 2 / sharpness.max(), 2 / smallest)
    return tuple(np.array([smallest, eigenvalues.min(), 2 / leaving, sharpness.min()]) / sharpness.max())
