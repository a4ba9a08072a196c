"""Figures of chapter VI."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.stats.distributions import rv_frozen

from ledgerbook.claim import Instance
from ledgerbook.drawing import PALETTE
from ledgerbook.picture import Picture, blank, styled
from stableminima import smoothness
from stableminima.network import Dataset

from .claims import chain_of_bounds


@styled
def weights(populations: Mapping[str, rv_frozen], n: int = 10, seed: int = 0) -> Picture:
    """The weight of a random sample beside that of its population."""
    figure, axes = blank(7.2, 2.8, columns=len(populations))
    grid = np.linspace(-3, 3, 601)
    tops = {}
    for ax, (name, population) in zip(axes, populations.items(), strict=True):
        sample = population.ppf(np.random.default_rng(seed).uniform(size=n))
        data = Dataset(sample, np.zeros(n))
        found, true = smoothness.g(grid, data), smoothness.population_g(grid[::10], population)
        ax.plot(grid, found, color=PALETTE["weight"].ink, lw=1.2, label=f"{n} samples")
        ax.plot(grid[::10], true, color=PALETTE["other"].ink, ls="--", label="population")
        ax.plot(sample, np.zeros(n), "|", ms=9, color=PALETTE["data"].ink, label="the samples")
        ax.set(title=name, xlabel="x", xlim=(-3, 3), ylim=(-0.02, 0.5))
        tops[name] = true.max()
    axes[0].set_ylabel("weight g")
    axes[-1].legend(loc="upper right")
    largest, smallest = max(tops, key=tops.get), min(tops, key=tops.get)
    return Picture(
        figure,
        "fig-weights",
        f"The weight $g$ of {n} random samples (solid) and of the population that they come from (dashed). It is "
        "largest near the centre, falls off with the tails, and jumps at the samples.",
        f"Three panels, one for each population. The population's weight peaks at 0 with {tops[largest]:.2f} "
        f"({largest}) to {tops[smallest]:.2f} ({smallest}); that of {n} samples scatters around it, with a jump at "
        "each sample.",
    )


@styled
def slack(groups: Mapping[str, Sequence[Instance]]) -> Picture:
    """What each step of the proof gives away, as a factor of the sharpness."""
    figure, axes = blank(7.2, 3.0, columns=len(groups))
    steps = (r"$\lambda_{\max}$", "at 1/√n", "mean ineq.", "min(g⁻,g⁺)", "knots")
    last: dict[str, np.ndarray] = {}
    for ax, (name, instances), role in zip(axes, groups.items(), ("model", "curvature"), strict=False):
        chains = np.array([[*chain_of_bounds(each.value).values()] for each in instances])
        share = chains / chains[:, :1]
        ax.plot(share.T, color=PALETTE[role].ink, lw=0.9, marker=PALETTE[role].marker, ms=3)
        for index in (0, -1) if ax is axes[0] else ():
            ax.annotate(instances[index].label.removeprefix("minimum found at "), (4, share[index, -1]), fontsize=7,
                        xytext=(-4, 4), textcoords="offset points", ha="right")
        ax.set(title=name, ylim=(0, 1.05), xticks=range(5))
        ax.set_xticklabels(steps, rotation=35, ha="right")
        last[name] = share[:, -1]
    axes[0].set_ylabel(r"share of $\lambda_{\max}$")
    words = " and ".join(f"{np.median(share):.0%} ({name})" for name, share in last.items())
    best = f"{next(iter(last.values()))[-1]:.0%}"
    return Picture(
        figure,
        "fig-slack",
        "What is left of the sharpness after each step of the proof: the constant vector in place of the top "
        "eigenvector, the mean inequality, the smaller of $g^-$ and $g^+$ for each neuron, and the merging of knots. "
        f"At the end it is {words} in the median, and {best} at the minimum of the largest step size.",
        f"Two panels of falling lines from 1 to the share of the sharpness that the bound reaches: median {words}; "
        f"{best} at the minimum of the largest step size.",
    )
