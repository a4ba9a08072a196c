"""Figures of chapter VIII, and what they and the slider compare."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ledgerbook.drawing import PALETTE
from ledgerbook.picture import Picture, blank, styled
from stableminima import modes, perturbation, switching, tangent
from stableminima.network import Dataset, Network
from stableminima.runs.experiments import Sweep

ALL = 1_000_000  # knots: as many as are near enough
WITHIN = (1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2)
USUAL = 1e-5
EVERY = 4  # of the minima, where the distance is varied
LEVELS = ("√3 C √p, as printed", "√2 C √p", "exact value", "found")
ROLES = ("threshold", "bound", "model", "data")


@dataclass(frozen=True, eq=False)
class Compared:
    """A minimum with all knots on samples that are near one, and its two extreme modes: all silent there, all active.

    ``net`` and ``data`` are at zero loss.
    """

    net: Network
    data: Dataset

    @classmethod
    def at(cls, net: Network, data: Dataset, within: float) -> Compared | None:
        """The knots within this distance of a sample are moved onto it; None where there are none."""
        if np.abs(net.thresholds[:, None] - data.x).min(initial=np.inf, where=(net.w1 != 0)[:, None]) > within:
            return None
        moved = switching.snapped(net, data.x, ALL, within)
        return cls(moved, Dataset(data.x, moved(data.x)))

    @cached_property
    def toggling(self) -> int:
        """T: 2ᵀ modes meet."""
        return modes.adjacent(self.net, self.data).neurons.size

    @cached_property
    def pair(self) -> tuple[np.ndarray, np.ndarray]:
        """The patterns of the two modes."""
        z = self.net.preactivation(self.data.x)
        return z > 0, z >= 0

    @cached_property
    def sharpness(self) -> np.ndarray:
        """λ_max in both, shape (2,)."""
        return np.array([tangent.largest_eigenvalue(tangent.gram(self.net, self.data, each)) for each in self.pair])

    @property
    def largest_is_a_value(self) -> bool:
        """Whether C is an entry z_ji of the third block of a gradient: no toggle changes those."""
        phi, k = tangent.features(self.net, self.data.x, self.pair[1]), self.net.k
        return bool(phi[2 * k : 3 * k].max() >= np.abs(phi).max())

    @cached_property
    def levels(self) -> np.ndarray:
        """Three bounds on ‖H̃q - λq‖ for these two modes, and the larger of its two values, shape (4,)."""
        gaps = [perturbation.counted_gap(self.net, self.data), perturbation.counted_gap(self.net, self.data, blocks=2),
                perturbation.widest_gap(self.net, self.data)]
        found = max(perturbation.top_pair_gap(self.net, self.data, *each) for each in (self.pair, self.pair[::-1]))
        return np.append(np.array(gaps) * np.sqrt(self.sharpness).sum() / np.sqrt(self.data.n), found)


@styled
def tightness(sweeps: Sequence[Sweep]) -> Picture:
    """What the bounds say at all minima, beside the sharpness; and how it depends on what counts as on a sample."""
    minima = [sweep.case(index) for sweep in sweeps for index in range(len(sweep))]
    usual = _compared(minima, USUAL)
    shown = _shares(usual)
    medians = np.array([np.median(_shares(_compared(minima[::EVERY], within)), axis=0) for within in WITHIN])
    figure, (left, right) = blank(7.2, 3.2, columns=2)
    for column, median, name, role in zip(shown.T, medians.T, LEVELS, ROLES, strict=True):
        left.plot(np.sort(column), np.linspace(0, 1, column.size), label=name, **PALETTE[role].line)
        right.plot(WITHIN, median, marker=PALETTE[role].marker, ms=4, **PALETTE[role].line)
    left.axvline(1, color=PALETTE["other"].ink, lw=0.8)
    right.axhline(1, color=PALETTE["other"].ink, lw=0.8)
    left.set(xscale="log", xlim=(3e-4, 20), ylim=(0, 1), xlabel="δ, relative to the sharpness",
             ylabel="share of the minima", title="Knots within $10^{-5}$ of a sample")
    right.set(xscale="log", yscale="log", ylim=(1e-3, 20), xlabel="distance within which a knot is moved onto a sample",
              ylabel="median", title="A modelling choice")
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=4)
    middle = dict(zip(LEVELS, np.median(shown, axis=0), strict=True))
    useless, third = np.mean(shown > 1, axis=0), np.mean([here.largest_is_a_value for here in usual])
    return Picture(
        figure,
        "fig-perturbation",
        f"Lemma 5 at the {len(shown)} kept minima that have a knot within $10^{{-5}}$ of a sample, for the two modes "
        "in which all neurons there are silent, and all are active. Left: the bounds on "
        "$\\|\\tilde Hq - \\lambda q\\|$, and its value, over the larger sharpness: cumulative shares. A bound to the "
        f"right of 1 says nothing: so does the printed one at {useless[0]:.0%} of the minima, the exact one at "
        f"{useless[2]:.0%}. The medians are "
        f"{middle[LEVELS[0]]:.2g} (√3), {middle[LEVELS[1]]:.2g} (√2), {middle[LEVELS[2]]:.2g} (exact) and "
        f"{middle[LEVELS[3]]:.2g} (found). Right: the medians over every fourth minimum, for other distances. "
        f"At {third:.0%} of the minima $C$ is an entry $z_{{ji}}$ of a gradient, which no toggle changes.",
        f"Two panels over {len(shown)} minima. Left, four cumulative curves of a deviation relative to the sharpness, "
        f"with medians {', '.join(f'{value:.2g}' for value in middle.values())}; right, the same medians against the "
        "distance within which a knot counts as on a sample.",
    )


def _compared(minima: Sequence[tuple[Network, Dataset]], within: float) -> list[Compared]:
    """The minima that have a knot so near."""
    return [here for net, data in minima if (here := Compared.at(net, data, within))]


def _shares(compared: Sequence[Compared]) -> np.ndarray:
    """The four levels over the larger sharpness, one row for each minimum."""
    return np.array([here.levels / here.sharpness.max() for here in compared])
