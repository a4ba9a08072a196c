"""The slider of chapter XI."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from ledgerbook.explorer import Control, Explorer, Frame, Mark, Panel
from stableminima import implementations, rescaling, tangent
from stableminima.network import Dataset, Network

from ..instances import reversed_neurons

FACTORS = tuple(np.round(np.geomspace(0.25, 4, 17), 3).tolist())
SHOWN = 3


def factors_and_sides(net: Network, data: Dataset, eta: float) -> Explorer:
    """The factor and the side of one neuron of a minimum, or of all, against λ_max and the spectrum."""
    matters = np.argsort(-np.abs(net.w2) * np.linalg.norm(tangent.blocks(net, data.x)[2], axis=1))[:SHOWN]
    chosen = [np.arange(net.k) == index for index in matters] + [np.ones(net.k, dtype=bool)]
    floor = implementations.flattest_implementation(net, data).bound

    @lru_cache
    def network(which: int, turned: bool) -> Turned:
        """The network as found or turned, and what does not depend on the factor."""
        there = reversed_neurons(net, chosen[int(which)], float(data.x.mean())) if turned else net
        moved = np.append(chosen[int(which)], np.zeros(there.k - net.k, dtype=bool))
        curve = [float(_eigenvalues(there, data, moved, each)[0]) for each in FACTORS]
        return Turned(there, moved, curve, rescaling.flattest_rescaling(there, data).bound)

    @lru_cache
    def stored(which: int, factor: float, turned: bool) -> Frame:
        return frame(data, eta, network(which, turned), factor, floor)

    return Explorer(
        "Factors and sides",
        "A minimum that descent found. A neuron, or all of them, gets the factor β between its layers, and may be "
        "turned to open to the other side; the function stays the same. Left: λ_max against β, with the smallest value "
        "that any factors of all neurons reach in this network, and that any network reaches for this function. "
        "Right: the eigenvalues of the Gram matrix.",
        [
            Control("neuron", tuple(range(SHOWN + 1)), (*(f"no. {index}" for index in matters), "all"), start=SHOWN),
            Control("factor β", FACTORS, tuple(f"{each:g}" for each in FACTORS), start=FACTORS.index(1.0)),
            Control("side", (False, True), ("as found", "turned")),
        ],
        stored,
        print_at=((SHOWN, 8, 0), (SHOWN, 11, 0), (SHOWN, 11, 1)),
    )


class Turned(NamedTuple):
    """A network, which of its neurons get the factor, λ_max for every factor, and the smallest of all rescalings."""

    net: Network
    moved: np.ndarray
    curve: list[float]
    least: float


def frame(data: Dataset, eta: float, where: Turned, factor: float, floor: float) -> Frame:
    """Both panels for one factor, and what they say in words."""
    here, least = _eigenvalues(where.net, data, where.moved, factor), where.least
    words = (f"λ_max is {here[0]:.4g}, {here[0] / least - 1:.1%} above the flattest rescaling of this network, "
             f"{least:.4g}, which is {least / floor:.2f} times the flattest implementation of f, {floor:.4g}. "
             f"2/η = {2 / eta:.4g}: {'too sharp' if here[0] > 2 / eta else 'flat enough'} for η = {eta:.3g}.")
    places = np.log2(FACTORS)
    ends = (places[0], places[-1])
    marks = (
        Mark("line", places, where.curve, "λ_max", "sharpness"),
        Mark("line", ends, (least, least), "flattest rescaling", "model"),
        Mark("line", ends, (floor, floor), "flattest implementation", "curvature"),
        Mark("line", ends, (2 / eta, 2 / eta), "2/η", "threshold"),
        Mark("points", (np.log2(factor),), (here[0],), "here", "data"),
    )
    spectrum = Panel("Spectrum", "number", "eigenvalue", (0.5, here.size + 0.5), (1e-4, 1000), yscale="log", marks=(
        Mark("points", range(1, here.size + 1), np.maximum(here, 1e-4), "eigenvalues", "sharpness"),))
    left = Panel("λ_max", "log₂ β", "λ_max", ends, (2, 1000), yscale="log", marks=marks)
    return Frame((left, spectrum), words, "unstable" if here[0] > 2 / eta else "stable")


def _eigenvalues(net: Network, data: Dataset, moved: np.ndarray, factor: float) -> np.ndarray:
    """Of the Gram matrix, the largest first."""
    return np.linalg.eigvalsh(tangent.gram(net.rescale(np.where(moved, factor, 1.0)), data))[::-1]
