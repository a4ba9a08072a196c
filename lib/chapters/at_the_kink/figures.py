"""Figures of the page "At the kink"."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ledgerbook.drawing import PALETTE
from ledgerbook.picture import Picture, blank, styled
from ledgerbook.tables import Table
from stableminima.runs.visits import Visits

from ..thresholds import COMMAND, Thresholds

CLOSE = 4e-4
WEAK = 1.05


@styled
def thresholds_of_minima(found: Thresholds) -> Picture:
    """How far above the flattest mode descent leaves, against how much the modes differ."""
    on = found["toggles"] > 0
    ratio, sharpest, kind = found["ratio"][on], found["sharpest"][on], found["self_stabilising"][on]
    figure, (left, right) = blank(7.2, 3.3, columns=2)
    for mask, role, name in ((kind, "model", "self-stabilising"), (~kind, "curvature", "not")):
        left.plot(sharpest[mask] - 1, np.maximum(np.abs(ratio[mask] - 1), 1e-6), PALETTE[role].marker, ms=3.5,
                  color=PALETTE[role].ink, fillstyle="none", label=name)
    left.axhline(CLOSE, **PALETTE["threshold"].line)
    ends = np.array([1e-4, 1])
    left.plot(ends, ends, **PALETTE["other"].line)
    left.set(xscale="log", yscale="log", xlabel="sharpest mode over flattest, less 1", xlim=(3e-4, 1), ylim=(7e-7, 1),
             ylabel="2/η where descent leaves, over\nthe flattest mode, less 1", title="Each minimum")
    left.legend(title="flattest mode", loc="upper left")
    for mask, role, name in ((sharpest < WEAK, "model", f"modes within {WEAK - 1:.0%}"),
                             (sharpest >= WEAK, "curvature", "farther apart")):
        gaps = np.sort(np.abs(ratio[mask] - 1))
        right.plot(np.maximum(gaps, 1e-6), np.arange(1, gaps.size + 1) / gaps.size, label=f"{name} ({gaps.size})",
                   **PALETTE[role].line)
    right.axvline(CLOSE, **PALETTE["threshold"].line)
    right.set(xscale="log", xlim=(1e-6, 1), ylim=(0, 1.02), xlabel="distance from the flattest mode, relative",
              ylabel="share of the minima", title="All minima")
    right.legend(loc="lower right")
    close = int((np.abs(ratio - 1) <= CLOSE).sum())
    return Picture(
        figure, "fig-leaving",
        f"The step size from which on descent leaves, by the network's own rule, at the {on.sum()} kept minima of "
        "five sweeps that have a knot near a sample. Left: how far its $2/\\eta$ is from the sharpness of the flattest "
        "mode, against how far the sharpest mode is; dotted, where both are equal. Right: cumulative shares. The "
        f"dashed lines are at {CLOSE:g}.",
        f"A scatter plot and two cumulative curves. At {close} of {on.sum()} minima the threshold is within {CLOSE:g} "
        f"of the flattest mode; the farthest is {ratio.max() - 1:.1%} above it.",
        {"sweep": found["sweep"][on], "run": found["run"][on], "ratio": ratio, "sharpest": sharpest,
         "self_stabilising": kind}, COMMAND)


def leaving_table(found: Thresholds) -> Table:
    """The minima in disjoint classes."""
    on = found["toggles"] > 0
    close, weak, kind = np.abs(found["ratio"] - 1) <= CLOSE, found["sharpest"] < WEAK, found["self_stabilising"]
    rows = [("no knot near a sample", int((~on).sum()), "", "")]
    for name, which in (("modes within 5 %, the flattest self-stabilising", weak & kind),
                        ("modes within 5 %, the flattest not", weak & ~kind),
                        ("modes farther apart, the flattest self-stabilising", ~weak & kind),
                        ("modes farther apart, the flattest not", ~weak & ~kind)):
        here = on & which
        rows.append((name, int(here.sum()), int((here & close).sum()), int((here & ~close).sum())))
    rows.append(("all", len(found), *(sum(int(row[at] or 0) for row in rows) for at in (2, 3))))
    columns = ("minima", "count", f"within {CLOSE:g} of the flattest mode", "farther above")
    return Table("Where descent leaves", columns, rows)


@styled
def means_over_steps(runs: Mapping[str, Visits]) -> Picture:
    """What each run visits, and the two means, as distances of ηλ/2 from 1."""
    figure, (ax,) = blank(7.2, 3.6)
    at = np.arange(len(runs))
    for place, seen in zip(at, runs.values(), strict=True):
        ax.plot([place, place], [seen.edges.min() - 1, seen.edges.max() - 1], color=PALETTE["other"].ink, lw=5,
                alpha=0.35, label="" if place else "modes visited")
    for role, name, values in (
            ("curvature", "mean Hessian", [seen.mean_hessian for seen in runs.values()]),
            ("model", "mean over steps (K.4)", [seen.mean_step for seen in runs.values()]),
            ("data", "growth of the residuals", [seen.growth for seen in runs.values()])):
        ax.plot(at, np.array(values) - 1, PALETTE[role].marker, color=PALETTE[role].ink, ms=6, label=name,
                fillstyle="none" if role == "data" else "full")
    ax.axhline(0, **PALETTE["threshold"].line)
    ax.set_yscale("symlog", linthresh=1e-4)
    ax.set(xticks=at, ylabel="ηλ/2 - 1", xlim=(-0.6, at[-1] + 0.6), ylim=(-0.05, 1),
           title="Above the line: sharper than 2/η")
    ax.set_xticklabels([*runs], rotation=25, ha="right")
    ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    falling = [seen for seen in runs.values() if seen.growth < 1]
    below = sum(seen.mean_step < 1 for seen in falling)
    hessian = sum(seen.mean_hessian < 1 for seen in falling)
    return Picture(
        figure, "fig-means",
        "Runs at the edge, watched step by step after 200,000 steps. Bars: $\\eta\\lambda_{\\max}/2$ of the modes that "
        "they visit. Points: the same of the mean Hessian of the visits, and of the mean matrix of the steps; and the "
        "growth of the residuals, on the same scale: below the line they shrink. The scale is linear within "
        "$10^{-4}$ of the line and logarithmic outside.",
        f"{len(runs)} runs with a bar and three points each. In {below} of {len(falling)} runs whose residuals shrink "
        f"the mean over steps is below 2/η; the mean Hessian is in {hessian} of them.")
