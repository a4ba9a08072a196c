"""Figures of chapter III."""

from __future__ import annotations

from dataclasses import astuple, dataclass

import numpy as np

from ledgerbook.drawing import PALETTE
from ledgerbook.picture import Picture, blank, styled
from stableminima import switching as sw
from stableminima.kinks import Tight
from stableminima.runs.experiments import Sweep
from stableminima.switching import Switching

STARTS, PATH = 6, 3000  # random starts on the sphere, and steps


@dataclass(frozen=True)
class Edges:
    """Values of 2/η at one minimum, in units of its sharpest mode.

    Attributes
    ----------
    first : below it a first step can leave, by (III.3). some, every : below them some path is outside the ball at the
    end, and every path grows, of those from random starts. needed : below it Lemma 2 applies. flattest : the mode.
    """

    first: float
    some: float
    every: float
    needed: float
    flattest: float


def edges(system: Switching, values: int = 13) -> Edges:
    """The edges of the modes, two of them by descent at ``values`` step sizes."""
    sharpness, _ = system.tops
    sharpest, flattest = sharpness.max(), sharpness.min() / sharpness.max()
    shares = np.linspace(1, 1 - 1.2 * (1 - flattest), values)
    halfway, end = sw.log_distances(system, 2 / (shares * sharpest), PATH, STARTS)
    grows = ((end - halfway) / (PATH / 2) > 1e-6).all(axis=1)  # resting paths grow by rounding, 1e-16
    outside = (end > 1e-9).any(axis=1)
    every = shares[grows.size - int(np.argmin([*grows[::-1], False]))]  # it and all below
    needed = sw.rayleigh(system, sw.mean_direction(system)).min() / sharpest
    return Edges(sw.sharpest_at_home(system) / sharpest, shares[outside].max(), every, needed, flattest)


@styled
def lemma_and_truth(sweep: Sweep, count: int = 12) -> Picture:
    """For minima at the edge of stability, in units of their sharpest mode: what Lemma 2 needs, and what happens."""
    edge = sweep.where(sweep["sharpness"] * sweep["eta"] / 2 > 0.97)
    chosen = np.linspace(0, len(edge) - 1, count).round().astype(int)
    found = [edges(sw.at_minimum(*edge.case(index)).system) for index in chosen]
    eta = edge["eta"][chosen]
    first, some, every, needed, flattest = np.array([astuple(each) for each in found]).T
    figure, (ax,) = blank(7.2, 3.6)
    ax.axhline(1, color=PALETTE["threshold"].ink, ls="--", label="sharpest mode: above it descent stays, by Lemma 3")
    ax.plot(eta, first, "v", ms=4.5, color=PALETTE["curvature"].ink, label="below it a first step leaves, by (III.3)")
    ax.plot(eta, some, "o", ms=6, mfc="none", color=PALETTE["model"].ink, label="below it some starts end outside")
    ax.plot(eta, flattest, "D", ms=4, color=PALETTE["sharpness"].ink, label="flattest mode")
    ax.plot(eta, every, "x", ms=7, mew=1.6, color=PALETTE["data"].ink, label="below it descent leaves for good")
    ax.plot(eta, needed, "+", ms=8, color=PALETTE["bound"].ink, label="below it Lemma 2 applies")
    ax.set(xscale="log", xlabel="step size η of the run", ylabel="2/η, sharpest mode = 1", ylim=(0.966, 1.002))
    ax.legend(loc="lower left", ncols=2)
    return Picture(
        figure,
        "fig-lemma-2-at-minima",
        f"The 256 modes of eight knots at {count} minima found at the edge of stability. Step sizes grow downwards, "
        r"as $2/\eta$ falls. From the dashed line up descent never leaves the ball, by {doc}`Lemma 3 "
        "<04_strong_stability>`; below the triangles its first step can leave it, by (III.3); below the pluses Lemma 2 "
        f"says the same. Circles and crosses: descent by the network's own rule, {PATH:,} steps from {STARTS} random "
        "starts on the sphere of radius ε. From the circles down some of them end outside the ball at one step size or "
        "another, from the crosses down the distance grows from all of them, at every step size tried. The flattest "
        f"mode is {1 - flattest.max():.1%} to {1 - flattest.min():.1%} below the sharpest.",
        f"Scatter plot over {count} minima, in units of their sharpest mode. Descent leaves for good below "
        f"{every.min():.3f} to {every.max():.3f}, within {np.abs(every - flattest).max():.1%} of the flattest mode; "
        f"some starts end outside below {some.min():.3f} to {some.max():.3f}. Lemma 2 applies below "
        f"{needed.min():.3f} to {needed.max():.3f}, (III.3) already below {first.min():.3f} to {first.max():.3f}.",
    )


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
