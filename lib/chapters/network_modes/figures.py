"""Figures of chapter VII."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ledgerbook.drawing import PALETTE
from ledgerbook.picture import Picture, blank, styled
from stableminima import modes
from stableminima.runs.experiments import Sweep

RADII = (1e-6, 1e-5, 1e-4, 1e-3)


@styled
def kink_distances(sweeps: Sequence[Sweep]) -> Picture:
    """How far from a kink descent stops: distances of all neurons, and how many are within a radius, by minimum."""
    nearest = np.array([modes.distances(*sweep.case(index)).min(axis=0)
                        for sweep in sweeps for index in range(len(sweep))])
    figure, (left, right) = blank(7.2, 3.0, columns=2)
    shown = np.sort(nearest.ravel())
    left.plot(np.maximum(shown, 1e-12), np.linspace(0, 1, shown.size), **PALETTE["model"].line)
    left.set(xscale="log", xlim=(1e-12, 10), ylim=(0, 1), xlabel="distance of θ from the nearest kink of a neuron",
             ylabel="share of the neurons", title="All neurons of all minima")
    counts = np.array([(nearest <= radius).sum(axis=1) for radius in RADII])
    for radius, count, role in zip(RADII, counts, ("data", "model", "curvature", "weight"), strict=True):
        right.plot(np.sort(count), np.linspace(0, 1, count.size), label=f"{radius:g}", **PALETTE[role].line)
    right.axvline(modes.MOST, **PALETTE["threshold"].line)
    right.set(xlabel="T, neurons within that radius of a kink", ylabel="share of the minima", ylim=(0, 1),
              title="Modes that would meet: 2ᵀ")
    right.legend(title="radius", loc="lower right")
    near, gap = np.mean(shown <= 1e-4), np.mean((shown > 1e-4) & (shown <= 1e-2))
    many = np.mean(counts[1] > modes.MOST)
    same = int(np.sum(counts[1] == counts[2]))
    return Picture(
        figure,
        "fig-kink-distances",
        f"The {len(nearest)} minima that the book keeps of its sweeps. Left: the distances of θ from the nearest kink "
        f"of each neuron. {near:.0%} of the neurons are within $10^{{-4}}$ of one, and {gap:.0%} between that "
        "and $10^{-2}$. Right: how many neurons are that close, by minimum, for four radii; the dashed line is at "
        f"{modes.MOST}, beyond which the library lists no modes. At {same} minima the count is the same for "
        "$10^{-5}$ and $10^{-4}$.",
        f"Two cumulative distributions over {len(nearest)} minima. {near:.0%} of the neurons stop within 0.0001 of a "
        f"kink. With a radius of 0.00001, {many:.0%} of the minima have more than {modes.MOST} toggling neurons; the "
        f"median is {np.median(counts[1]):.0f}.",
    )
