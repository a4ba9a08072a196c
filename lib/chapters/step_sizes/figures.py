"""The figures and the table of what Theorem 1 forbids, in chapter VI."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ledgerbook.drawing import PALETTE
from ledgerbook.picture import Picture, blank, styled
from ledgerbook.tables import Table
from stableminima import interpolants
from stableminima.network import Dataset, Network
from stableminima.runs.descent import Outcome, Schedule, descend
from stableminima.runs.experiments import Sweep

from ..panels import reach


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


# ---- the flattest interpolant ----------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Places:
    """Where a function bends between the first sample and the last, and which of these places are samples.

    Attributes
    ----------
    x, bend : shape (m,); bends of less than a thousandth of the largest are left out. at_sample : bool, shape (m,).
    """

    x: NDArray[np.float64]
    bend: NDArray[np.float64]
    at_sample: NDArray[np.bool_]


def places(net: Network, data: Dataset, width: float = 0.02) -> Places:
    """Knots within ``width`` of each other count as one, and one within ``width`` of a sample counts as at it."""
    position, mass = net.knots
    samples = np.sort(data.x)
    inside = (position > samples[0] - width) & (position < samples[-1] + width)
    position, mass = position[inside], mass[inside]
    group = np.append(0, np.cumsum(np.diff(position) > width))
    bend, x = np.bincount(group, mass), np.bincount(group, position) / np.bincount(group)
    kept = np.abs(bend) > 1e-3 * np.abs(bend).max()
    return Places(x[kept], bend[kept], np.abs(x[kept, None] - samples).min(axis=1) < width)


@styled
def flattest_function(flattest: Network, found: Network, data: Dataset, eta: float) -> Picture:
    """The flattest interpolant beside the dots connected and the function that descent found, with their bends."""
    figure, (left, right) = blank(7.2, 3.0, columns=2)
    corners = np.sort(np.concatenate([np.linspace(-reach(data), reach(data), 5), flattest.knots[0], found.knots[0]]))
    corners = corners[np.abs(corners) <= reach(data)]
    order = np.argsort(data.x)
    left.plot(data.x[order], data.y[order], color=PALETTE["bound"].ink, ls=":", label="dots connected")
    left.plot(corners, flattest(corners), color=PALETTE["sharpness"].ink, lw=1.8, label="flattest")
    left.plot(corners, found(corners), color=PALETTE["model"].ink, ls="--", label=f"descent, η = {eta:g}")
    left.plot(data.x, data.y, "o", ms=5, color=PALETTE["data"].ink, label="data")
    left.set(xlabel="x", ylabel="f(x)", ylim=(-0.62, 0.85))
    left.legend(loc="upper left")
    both = {"flattest": places(flattest, data), "descent": places(found, data)}
    for (name, each), role in zip(both.items(), ("sharpness", "model"), strict=True):
        look = PALETTE[role]
        right.vlines(each.x, 0, each.bend, color=look.ink, lw=1)
        right.plot(each.x, each.bend, look.marker, ms=6, mfc="none", color=look.ink, label=f"bends, {name}")
    for at in data.x:
        right.axvline(at, color=PALETTE["other"].ink, lw=0.5, ls=":")
    right.axhline(0, color=PALETTE["other"].ink, lw=0.6)
    right.set(xlabel="x (dotted: the samples)", ylabel="change of slope", ylim=(-4.2, 5.6))
    right.legend(loc="upper left", ncols=2)
    counts = {name: (each.x.size, each.at_sample.sum()) for name, each in both.items()}
    (flat, flat_at), (own, own_at) = counts.values()
    return Picture(
        figure,
        "fig-flattest",
        "The flattest interpolant. Left: as a function, beside the dots connected by lines and what descent found at "
        f"the largest step size at which it settled, {eta:g}. Right: where both bend between the first sample and the "
        f"last, and by how much. Of the {flat} places of the flattest {flat_at} are samples, of the {own} of the "
        f"other one {own_at}.",
        f"Two panels. Left three functions through {data.n} points, close to each other. Right their changes of slope "
        f"as stems: {flat_at} of {flat} places of the flattest interpolant are samples, and {own_at} of {own} of what "
        "descent found.",
    )


@dataclass(frozen=True, eq=False)
class Path:
    """The loss of descent from beside the flattest network: after ``steps``, shape (m,), at ``ratio`` times η₂."""

    ratio: float
    steps: NDArray[np.int_]
    losses: NDArray[np.float64]


def from_the_flattest(data: Dataset, seed: int, ratio: float, doublings: int = 19, noise: float = 1e-3) -> Path:
    """Descent after 1, 2, 4, … steps, until the loss is 1e-24, from the flattest network with some normal noise."""
    flattest = interpolants.flattest_interpolant(data)
    theta = flattest.net.vector
    net = Network.from_vector(theta + noise * np.random.default_rng(seed).standard_normal(theta.size))
    steps, losses = [0], [net.loss(data)]
    for budget in (1, *(2**np.arange(doublings)).tolist()):
        run = descend(net, data, Schedule(ratio * flattest.step_size), tolerance=1e-24, budget=budget, records=1)
        net = run.net
        steps.append(steps[-1] + run.steps)
        losses.append(run.loss)
        if run.loss <= 1e-24 or run.outcome is Outcome.DIVERGED:
            break
    return Path(ratio, np.array(steps[1:]), np.array(losses[1:]))


@styled
def both_sides_of_the_limit(
    sets: Sequence[tuple[int, Dataset]], ratios: tuple[float, float] = (0.98, 1.005)
) -> Picture:
    """Descent from beside the flattest network of every (seed, data set), just below η₂ and just above it."""
    figure, (ax,) = blank(7.2, 3.4)
    paths = [from_the_flattest(data, seed, ratio) for seed, data in sets for ratio in ratios]
    below, above = ([path for path in paths if path.ratio == ratio] for ratio in ratios)
    for group, role, ratio in ((below, "model", ratios[0]), (above, "curvature", ratios[1])):
        for number, path in enumerate(group):
            label = f"{ratio:g} η₂" if not number else None
            ax.plot(path.steps, np.maximum(path.losses, 1e-25), lw=1.1, label=label, **PALETTE[role].line)
    ax.axhline(1e-24, color=PALETTE["other"].ink, lw=0.8, ls=":")
    ax.set(xscale="log", yscale="log", xlabel="steps", ylabel="loss", ylim=(1e-25, 3))
    ax.legend(loc="lower left")
    slowest = max(path.steps[-1] for path in below)
    least = min(path.losses[-1] for path in above)
    settled = sum(path.losses[-1] <= 1e-24 for path in below), sum(path.losses[-1] <= 1e-24 for path in above)
    return Picture(
        figure,
        "fig-both-sides-of-eta-2",
        f"Descent from beside the flattest network of each of {len(sets)} data sets, at {ratios[0]:g} (solid) and "
        rf"{ratios[1]:g} times $\eta_2$ (dashed). Below $\eta_2$ the loss falls to $10^{{-24}}$ on {settled[0]} of "
        f"them, at the latest after {slowest:.2g} steps. Above it, it does on {settled[1]}: after "
        f"{max(path.steps[-1] for path in above):.2g} steps no loss is below {least:.0e}.",
        f"Loss against steps on logarithmic axes, {len(sets)} lines for each step size: {settled[0]} fall to 1e-24 "
        f"below η₂, {settled[1]} above it, where the lowest loss at the end is {least:.0e}.",
    )
