"""Figures of chapter II."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ledgerbook.claim import Instance
from ledgerbook.drawing import PALETTE
from ledgerbook.picture import Picture, blank, styled
from stableminima.stability import largest_step, linearise


@styled
def both_sides(found: Sequence[Instance], gap: float = 1e-3, steps: int = 4000) -> Picture:
    """Linearised descent at minima with step sizes ``gap`` below and above 2/λ_max."""
    figure, (ax,) = blank(7.2, 3.0)
    sides = (1 - gap, "model", "below"), (1 + gap, "curvature", "above")
    times = np.linspace(0, steps, 401).astype(int)
    ends: dict[str, list[float]] = {"below": [], "above": []}
    for each in found:
        system = linearise(each.value.net, each.value.data, each.value.data.n)
        start = system.spectrum[1].sum(axis=1) / np.sqrt(system.d)
        for factor, role, name in sides:
            eta = factor * 2 / system.sharpness
            distance = [np.linalg.norm(system.mean_after(start, eta, t)) for t in times]
            label = rf"{gap:.1%} {name} $2/\lambda_{{\max}}$" if each is found[0] else None
            ax.plot(times, distance, lw=1, label=label, **PALETTE[role].line)
            ends[name].append(distance[-1])
    ax.set(yscale="log", xlabel="steps", ylabel="distance (start = 1)")
    ax.legend(loc="upper left")
    return Picture(
        figure,
        "fig-both-sides",
        f"Linearised descent at {len(found)} minima that gradient descent found, with step sizes {gap:.1%} below and "
        f"above $2/\\lambda_\\max$. After {steps} steps the distance is at most {max(ends['below']):.2f} times that at "
        f"the start on one side, and at least {min(ends['above']):.0f} times it on the other.",
        f"Distance against steps on a logarithmic axis for {len(found)} minima. Below the threshold every curve falls, "
        f"to {max(ends['below']):.2f} or less; above it every curve rises, to {min(ends['above']):.0f} or more.",
    )


@styled
def batch_sizes(found: Sequence[Instance]) -> Picture:
    """The largest step size that is stable in mean square against the batch size, in units of 2/λ_max."""
    figure, (ax,) = blank(7.2, 3.0)
    sizes = np.arange(1, found[0].value.data.n + 1)
    lowest, traces = [], []
    for each, role in zip(found, ("model", "curvature", "weight", "loss"), strict=False):
        systems = [linearise(each.value.net, each.value.data, int(size)) for size in sizes]
        share = [system.largest_mean_square_step * system.sharpness / 2 for system in systems]
        ax.plot(sizes, share, marker=PALETTE[role].marker, ms=4, lw=1.2, label=each.label, **PALETTE[role].line)
        trace = systems[0].sharpness / np.trace(systems[0].hessian)
        label = "2/tr H, the bound for one sample" if each is found[0] else None
        ax.plot(0.9, trace, marker="_", ms=12, mew=2, color=PALETTE[role].ink, ls="none", label=label)
        lowest.append(share[0])
        traces.append(trace)
    ax.axhline(1, ls="--", color=PALETTE["threshold"].ink, label=r"$2/\lambda_{\max}$")
    ax.set(xlabel="batch size", ylabel=r"largest stable step / ($2/\lambda_{\max}$)", ylim=(0, 1.08), xticks=sizes)
    ax.legend(loc="lower right", ncols=2)
    return Picture(
        figure,
        "fig-batch-sizes",
        f"The largest step size that is stable in mean square, against the batch size, at {len(found)} minima. With "
        f"all {sizes[-1]} samples it is $2/\\lambda_\\max$; with one it is {min(lowest):.2f} to {max(lowest):.2f} of "
        f"that, where the bound by the trace allows {min(traces):.2f} to {max(traces):.2f}.",
        f"Curves for {len(found)} minima rise with the batch size, from {min(lowest):.2f} to {max(lowest):.2f} at one "
        f"sample to 1 at {sizes[-1]} samples, which is the dashed line 2/λ_max.",
    )


@styled
def three_thresholds(found: Instance) -> Picture:
    """Up to which step size stochastic descent comes in with probability one, in the mean, and in mean square."""
    figure, (ax,) = blank(7.2, 3.2)
    sizes = np.arange(1, found.value.data.n + 1)
    systems = [linearise(found.value.net, found.value.data, int(size)) for size in sizes]
    edge = 2 / systems[0].sharpness
    sure, mean = (np.array([*(largest_step(each, power) for each in systems[:-1]), edge]) / edge for power in (0, 1))
    square = np.array([each.largest_mean_square_step for each in systems]) / edge
    ax.axhline(1, label=r"$2/\lambda_{\max}$: above it the mean leaves, by Lemma 1", **PALETTE["threshold"].line)
    for role, name, share in (("weight", "almost surely", sure), ("model", "in the mean", mean),
                              ("loss", "in mean square", square)):
        ax.plot(sizes, share, marker=PALETTE[role].marker, ms=5, lw=1.3, label=name, **PALETTE[role].line)
    ax.set(xlabel="batch size", ylabel=r"largest step / ($2/\lambda_{\max}$)", ylim=(0, 1.25), xticks=sizes)
    ax.legend(loc="lower right")
    return Picture(
        figure,
        "fig-three-thresholds",
        f"The three thresholds of stochastic descent at the {found.label}, against the batch size. In mean square it "
        "is exact, the other two are estimates from random paths, good to a few per cent. With one sample descent "
        f"comes in almost surely up to {sure[0]:.2f} of $2/\\lambda_\\max$, and in mean square up to "
        f"{square[0]:.2f}. With batches of {sizes[sure.argmax()]} it comes in almost surely even at {sure.max():.2f} "
        "times $2/\\lambda_\\max$, where its mean leaves.",
        f"Three rising curves over the batch sizes 1 to {sizes[-1]}, in the order almost surely, in the mean, in mean "
        f"square. They start at {sure[0]:.2f}, {mean[0]:.2f} and {square[0]:.2f} and meet near 1, the line 2/λ_max.",
    )
