"""Figures of chapter III."""

from __future__ import annotations

import numpy as np

from ledgerbook.drawing import PALETTE
from ledgerbook.picture import Picture, blank, styled
from stableminima import switching as sw
from stableminima.kinks import Tight
from stableminima.runs.experiments import Sweep
from stableminima.switching import Switching

from ..instances import Case


@styled
def lemma_and_truth(sweep: Sweep, count: int = 12) -> Picture:
    """For minima at the edge of stability, in units of their sharpest mode: what Lemma 2 needs, and what happens."""
    edge = sweep.where(sweep["sharpness"] * sweep["eta"] / 2 > 0.97)
    chosen = np.linspace(0, len(edge) - 1, count).round().astype(int)
    cases = [Case(*edge.case(index)) for index in chosen]
    measured = np.array([_measured(sw.at_minimum(case.net, case.data).system) for case in cases]).T
    eta, (needed, first, leaves, flattest) = edge["eta"][chosen], measured
    figure, (ax,) = blank(7.2, 3.2)
    ax.axhline(1, color=PALETTE["threshold"].ink, ls="--", label="sharpest mode: above it descent stays, by Lemma 3")
    ax.plot(eta, first, "v", ms=4.5, color=PALETTE["curvature"].ink, label="below it a first step leaves, by (III.3)")
    ax.plot(eta, flattest, "D", ms=4, color=PALETTE["sharpness"].ink, label="flattest mode")
    ax.plot(eta, leaves, "x", ms=7, mew=1.6, color=PALETTE["data"].ink, label="where descent begins to leave for good")
    ax.plot(eta, needed, "+", ms=8, color=PALETTE["bound"].ink, label="below it Lemma 2 applies")
    ax.set(xscale="log", xlabel="step size η of the run", ylabel="2/η, sharpest mode = 1", ylim=(0.955, 1.003))
    ax.legend(loc="lower left", ncols=2)
    return Picture(
        figure,
        "fig-lemma-2-at-minima",
        f"The 256 modes of eight knots at {count} minima found at the edge of stability. Step sizes grow downwards, "
        r"as $2/\eta$ falls. From the dashed line up descent never leaves the ball, by {doc}`Lemma 3 "
        "<04_strong_stability>`; below the triangles its first step can leave it, by (III.3); below the pluses Lemma 2 "
        "says the same. Crosses: where descent by the network's own rule begins to leave for good. The flattest mode "
        f"is {1 - flattest.max():.1%} to {1 - flattest.min():.1%} below the sharpest.",
        f"Scatter plot over {count} minima, in units of their sharpest mode. Descent begins to leave for good at "
        f"{leaves.min():.3f} to {leaves.max():.3f}, within {np.abs(leaves - flattest).max():.1%} of the flattest mode. "
        f"Lemma 2 applies below {needed.min():.3f} to {needed.max():.3f}, (III.3) already below {first.min():.3f} to "
        f"{first.max():.3f}.",
    )


def _measured(system: Switching) -> tuple[float, float, float, float]:
    """Where Lemma 2 and (III.3) apply, the 2/η where descent leaves for good, the flattest mode; sharpest mode = 1."""
    sharpness, _ = system.tops
    needed = sw.rayleigh(system, sw.mean_direction(system)).min()
    leaving = sw.leaving_step_size(system, sw.edge(system), 2 / (0.95 * sharpness.min()))
    measured = needed, sw.sharpest_at_home(system), 2 / leaving, sharpness.min()
    return tuple(np.array(measured) / sharpness.max())


@styled
def wedge_and_orbit(kappa: float = 0.35, factors: tuple[float, float] = (0.98, 1.02), steps: int = 60) -> Picture:
    """The extremal minimum of (III.2) by the sizes of a and b: its wedge, and orbits below and above the root."""
    figure, axes = blank(7.2, 3.3, columns=2)
    root = (np.sqrt(1 + 4 * kappa) - 1) / 2
    farthest = []
    for ax, factor in zip(axes, factors, strict=True):
        tight = Tight(kappa, factor * root)
        edge = np.array([0, 2.0])
        ax.fill_between(edge, kappa / tight.slope * edge, color=PALETTE["other"].ink, alpha=0.18, lw=0,
                        label="not steep")
        arc = np.linspace(0, np.pi / 2, 90)
        ax.plot(np.cos(arc), np.sin(arc), label="ball", **PALETTE["threshold"].line)
        level = kappa / tight.s
        ax.axvline(level, lw=1, label="|a| = κ/s", **PALETTE["bound"].line)
        starts = ((np.array([1.0, 0]), "curvature", "from q"), (tight.corner, "model", "from the corner"))
        for start, role, name in starts:
            path = np.abs(tight.system.path(start, 1.0, steps))
            farthest.append(np.linalg.norm(path[-10:], axis=1).max())
            shown = path[: 1 + int(np.argmax([*(path[:, 0] > 1.9), True]))]
            ax.plot(shown[:, 0], shown[:, 1], PALETTE[role].marker, ls="-", lw=0.6, ms=3.2, color=PALETTE[role].ink,
                    label=name)
        ax.set(title=f"s at {factor:g} of the root", xlabel="|a|, along q", xlim=(0, 1.75), ylim=(0, 1.9))
    axes[0].set_ylabel("|b|, across")
    axes[1].legend(loc="upper left", ncols=2)
    settled = max(farthest[:2])
    return Picture(
        figure,
        "fig-wedge",
        rf"The minimum of the proof at $\kappa = {kappa:g}$, with $s$ just below the root of $s\,(1 + s) = \kappa$ and "
        "just above it. Shaded is the wedge where steps are not steep. From there one step leads out to the right, and "
        r"all others are steep: they lead to the left as long as $|a| < \kappa/s$ (dotted), and $|b|$ comes to rest "
        f"near {0.95 * np.sqrt(1 - kappa**2):.2f}. On the left both orbits end at distance {settled:.2f} or less, in "
        "the ball; on the right the first step from $q$ leads beyond the dotted line.",
        f"Two panels of orbits in the quadrant of |a| and |b|. Below the root both end at distance {settled:.2f} from "
        "the minimum or less, inside the unit ball. Above the root the orbit from q moves out to the right.",
    )
