"""The figure and the table of what Theorem 1 forbids, in chapter VI."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ledgerbook.drawing import PALETTE
from ledgerbook.picture import Picture, blank, styled
from ledgerbook.tables import Table
from stableminima import interpolants
from stableminima.runs.experiments import Sweep


@dataclass(frozen=True, eq=False)
class Limits:
    """What theory forbids on one data set, and what descent did there.

    Attributes
    ----------
    seed : makes the data. smoothest : the infimum of ∫|f''| g. eta_1, eta_2 : above them Theorem 1 lets no interpolant
    be stable, and none is. sharpness : the smallest of any interpolant. tried : step sizes, shape (m,). settled : where
    descent found a global minimum, and stayed when it ran on.
    """

    seed: int
    smoothest: float
    eta_1: float
    eta_2: float
    sharpness: float
    tried: NDArray[np.float64]
    settled: NDArray[np.bool_]

    @property
    def last(self) -> float:
        """The largest step size at which descent settled; NaN if it never did."""
        return float(self.tried[self.settled].max()) if self.settled.any() else float("nan")


def limits(sweep: Sweep) -> tuple[Limits, ...]:
    """The limits of every data set of a sweep, with η₂ increasing; each takes about a tenth of a second."""
    found = []
    for seed in np.unique(sweep["seed"]).tolist():
        part = sweep.where(sweep["seed"] == seed)
        flattest = interpolants.flattest_interpolant(part.data)
        smoothest, eta_1 = interpolants.smoothest_norm(part.data), interpolants.largest_step_size(part.data)
        settled = part["final"] <= sweep.protocol.tolerance
        found.append(Limits(seed, smoothest, eta_1, flattest.step_size, flattest.bound, part["eta"], settled))
    return tuple(sorted(found, key=lambda each: each.eta_2))


@styled
def allowed_step_sizes(found: Sequence[Limits]) -> Picture:
    """For each data set η₁, η₂, and every step size tried, with those at which descent settled."""
    figure, (ax,) = blank(7.2, 3.8)
    place = np.arange(len(found))
    for at, each in zip(place, found, strict=True):
        ax.vlines(at, each.eta_2, each.eta_1, color=PALETTE["other"].ink, lw=0.8)
        ax.plot(np.full(each.tried.size, at), each.tried, "o", ms=2.2, mfc="white", mew=0.5, color=PALETTE["other"].ink)
        ax.plot(np.full(each.settled.sum(), at), each.tried[each.settled], "o", ms=4, color=PALETTE["model"].ink)
    for name, role, values in (("η₁: above it Theorem 1 forbids every interpolant", "bound", [e.eta_1 for e in found]),
                               ("η₂: above it every interpolant is too sharp", "sharpness", [e.eta_2 for e in found])):
        ax.plot(place, values, "_", ms=18, mew=2.4, color=PALETTE[role].ink, label=name)
    ax.plot([], [], "o", ms=4, color=PALETTE["model"].ink, label="descent settled")
    ax.plot([], [], "o", ms=2.2, mfc="white", mew=0.5, color=PALETTE["other"].ink, label="descent did not")
    ax.set(yscale="log", xlabel="data set (seed)", ylabel="step size η", ylim=(0.018, 3))
    ax.set_xticks(place, [str(each.seed) for each in found])
    ax.legend(loc="upper left")
    above, settled = _counts(found)
    ratio = [each.last / each.eta_2 for each in found if each.settled.any()]
    near = sum(_last_below(each) for each in found)
    return Picture(
        figure,
        "fig-allowed",
        f"Step sizes on {len(found)} data sets. Of the {above} runs above $\\eta_2$, {settled} settled. Where descent "
        f"settled at all, the largest step size at which it did is between {min(ratio):.0%} and {max(ratio):.0%} of "
        f"$\\eta_2$; on {near} data sets it is the last one tried below $\\eta_2$. Descent can fail for other reasons "
        f"too: on {len(found) - len(ratio)} data sets it reached no global minimum at any step size tried.",
        f"For {len(found)} data sets a column of step sizes on a logarithmic axis, with a bar at η₂ and a higher one "
        f"at η₁. Descent settled at {settled} of the {above} step sizes above η₂; at best it settled at "
        f"{max(ratio):.0%} of η₂.",
    )


def _counts(found: Sequence[Limits]) -> tuple[int, int]:
    """How many runs had a step size above η₂, and how many of those settled."""
    above = [each.tried > each.eta_2 for each in found]
    return sum(map(np.sum, above)), sum(np.sum(up & each.settled) for up, each in zip(above, found, strict=True))


def _last_below(each: Limits) -> bool:
    """Whether descent settled at the largest step size tried below η₂."""
    return bool(each.settled.any()) and each.last == each.tried[each.tried <= each.eta_2].max()


def limits_table(found: Sequence[Limits]) -> Table:
    """The numbers of :func:`allowed_step_sizes`."""
    head = ("data set", "smallest ∫|f''| g", "η₁", "smallest sharpness", "η₂", "largest η that settled")
    rows = [(each.seed, f"{each.smoothest:.2f}", f"{each.eta_1:.3f}", f"{each.sharpness:.2f}", f"{each.eta_2:.3f}",
             f"{each.last:.3f}" if each.settled.any() else "none") for each in found]
    return Table("What is forbidden, and what descent did", head, rows)
