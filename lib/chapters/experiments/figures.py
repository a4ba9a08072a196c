"""Figures and tables of the preface and chapter I, each a function of results."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np

from ledgerbook.drawing import PALETTE
from ledgerbook.picture import Picture, blank, styled
from ledgerbook.tables import Table
from stableminima import smoothness, tangent
from stableminima.implementations import flattest_implementation
from stableminima.network import Network
from stableminima.runs.descent import Outcome
from stableminima.runs.experiments import Protocol, Sweep

from .. import plans


@styled
def sharpness_against_step_size(sweep: Sweep) -> Picture:
    """Section 5: what was found, the flattest rescaling and implementation, 2/η and Lemma 4 against the step size."""
    kept = sweep.kept
    implementation = _flattest_implementations(kept)
    some = np.isfinite(implementation)
    eta, sharpness, bound = kept["eta"], kept["sharpness"], 1 + 2 * kept["norm"]
    figure, (ax,) = blank(7.2, 4.2)
    every = np.array([sweep["eta"].min(), sweep["eta"].max()])
    ax.plot(every, 2 / every, "--", color=PALETTE["threshold"].ink, label="2/η, the sharpest that can be stable")
    ax.plot(eta, sharpness, "D", ms=2.6, color=PALETTE["sharpness"].ink, label="λ_max at the minimum found")
    early = sweep.where(sweep["outcome"] == Outcome.WARM_UP)
    hollow = {"mfc": "white", "color": PALETTE["sharpness"].ink, "label": "converged in the warm-up, not kept"}
    ax.plot(early["eta"], early["sharpness"], "D", ms=3.4, **hollow)
    ax.plot(eta, kept["flattest"], "-.", color=PALETTE["model"].ink, label="the flattest rescaling of that minimum")
    ax.plot(eta[some], implementation[some], color=PALETTE["curvature"].ink, marker=PALETTE["curvature"].marker, ms=3,
            ls="none", label="Λ(f), the flattest implementation of that function")
    ax.plot(eta, bound, "-", color=PALETTE["bound"].ink, label="1 + 2∫|f''|g: no implementation of f is flatter")
    ax.set(xscale="log", yscale="log", xlabel="step size η", ylabel="sharpness", ylim=(0.8, 2.5e4))
    ax.legend(loc="upper right")
    top = eta.max()
    return Picture(
        figure,
        "fig-sharpness",
        f"Sharpness against step size for the {len(kept)} runs that converged at constant step size. It lies above the "
        rf"bound of Lemma 4 and, to within {(sharpness * eta / 2).max() - 1:.1%}, below $2/\eta$: level at first, and "
        "following the line from where it meets it, the edge of stability. Between them: how flat the same minimum "
        "becomes when its neurons are rescaled as well as can be, and, for every sixth run, how flat a network can be "
        "that represents the same function.",
        f"Log-log plot over {len(kept)} step sizes. The sharpness found is {sharpness[0]:.1f} at the smallest step "
        f"size, stays level until it meets 2/η and follows that line down to {sharpness[-1]:.2f} at η = {top:.2g}. "
        f"The flattest rescaling lies between {kept['flattest'].min():.1f} and {kept['flattest'].max():.1f}, the "
        f"flattest implementation between {implementation[some].min():.2f} and {implementation[some].max():.2f}, and "
        f"the bound below it everywhere, between {bound.min():.2f} and {bound.max():.2f}.",
        {"implementation": implementation,
         **{name: kept[name] for name in ("eta", "sharpness", "flattest", "norm", "steps", "loss")}},
        plans.COMMAND,
    )


def _flattest_implementations(kept: Sweep, every: int = 6) -> np.ndarray:
    """Λ(f) of every sixth run and the last one, NaN for the others: a tenth of a second each."""
    out = np.full(len(kept), np.nan)
    for index in (*range(0, len(kept), every), len(kept) - 1):
        out[index] = flattest_implementation(kept.net(index), kept.data).sharpness
    return out


@styled
def gentle_and_bold(sweep: Sweep, gentle: float, bold: float) -> Picture:
    """The minima of two step sizes: the functions with the data, and where they bend with the weight g."""
    figure, (left, right) = blank(7.2, 3.0, columns=2)
    eta = sweep["eta"]
    wanted = ((gentle, "model"), (bold, "curvature"))
    chosen = [(int(np.abs(np.log(eta / want)).argmin()), role) for want, role in wanted]
    reach = np.abs(sweep.data.x).max() + 0.2
    grid = np.linspace(-reach, reach, 801)
    for index, role in chosen:
        style = {"color": PALETTE[role].ink, "linestyle": "-" if role == "model" else (0, (5, 1.5)), "lw": 1.4}
        net, label = sweep.net(index), f"η = {eta[index]:.2g}"
        left.plot(grid, net(grid), label=label, **style)
        right.plot(grid, cumulative_bend(net, grid), label=f"∫|f''| up to x, {label}", **style)
    left.plot(sweep.data.x, sweep.data.y, "o", ms=4.5, color=PALETTE["data"].ink, label="data", zorder=3)
    weight = smoothness.g(grid, sweep.data)
    right.fill_between(grid, weight / weight.max() * right.get_ylim()[1] / 2, color=PALETTE["weight"].ink, alpha=0.18)
    right.plot([], [], color=PALETTE["weight"].ink, alpha=0.4, lw=6, label="weight g (scaled)")
    left.set(title="Two functions through one data set", xlabel="x", ylabel="f(x)")
    right.set(title="How much they bend", xlabel="x", ylabel="total change of slope")
    for ax in (left, right):
        ax.legend(loc="best")
    norms = [sweep["norm"][index] for index, _ in chosen]
    steps = [eta[index] for index, _ in chosen]
    return Picture(
        figure,
        "fig-gentle-and-bold",
        "Two minima of one loss. Left: both functions pass through all the data. Right: the total change of slope up "
        "to x. In the middle, where the weight $g$ is large, the larger step size found an almost straight line; "
        rf"further out $g$ is small, and the function may bend. In total $\int |f''|\, g$ is {norms[0]:.2f} at "
        rf"$\eta = {steps[0]:.2g}$ and {norms[1]:.2f} at $\eta = {steps[1]:.2g}$.",
        f"Left, two functions through {sweep.data.n} points; right, their accumulated |f''| over the weight g. The "
        f"integral of |f''| g is {norms[0]:.2f} at η = {steps[0]:.2g} and {norms[1]:.2f} at η = {steps[1]:.2g}.",
        {
            "x": grid,
            **{f"f_eta_{eta[index]:.2g}": sweep.net(index)(grid) for index, _ in chosen},
            **{f"bend_up_to_x_eta_{eta[index]:.2g}": cumulative_bend(sweep.net(index), grid) for index, _ in chosen},
            "g": smoothness.g(grid, sweep.data),
        },
        plans.COMMAND,
    )


def cumulative_bend(net: Network, x: np.ndarray) -> np.ndarray:
    """∫_{x_0}^{x} |f''|, from the first of the increasing points x: the total change of slope since then."""
    position, mass = net.knots
    total = np.concatenate([[0.0], np.cumsum(np.abs(mass))])
    return total[np.searchsorted(position, x, side="right")] - total[np.searchsorted(position, x[0], side="right")]


@styled
def norm_against_step_size(sweep: Sweep) -> Picture:
    """∫|f''| g of the functions found against the step size, for each initial scale, with the bound of Theorem 1."""
    figure, (ax,) = blank(7.2, 3.8)
    found = sweep.kept
    roles = ("model", "curvature", "weight", "threshold", "sharpness", "loss")
    for scale, role in zip(np.unique(found["scale"]), roles, strict=False):
        part, style = found.where(found["scale"] == scale), PALETTE[role]
        line = {"color": style.ink, "ls": style.linestyle, "marker": style.marker}
        ax.plot(part["eta"], part["norm"], label=f"initial scale {scale:g}", ms=4, lw=1.1, **line)
    eta = np.geomspace(found["eta"].min(), found["eta"].max(), 50)
    ax.plot(eta, 1 / eta - 0.5, "--", color=PALETTE["bound"].ink, label="1/η - 1/2, the bound of Theorem 1")
    ax.set(xscale="log", yscale="log", xlabel="step size η", ylabel="∫|f''| g")
    ax.legend(loc="upper right", ncols=2)
    largest = found.where(found["scale"] == found["scale"].max())
    default = found.where(found["scale"] == 1.0)
    change = [f"from {part['norm'][0]:.2f} to {part['norm'][-1]:.2f}" for part in (largest, default)]
    return Picture(
        figure,
        "fig-norm",
        f"How much the functions bend, against the step size. From the start at scale {largest['scale'][0]:g} the "
        f"weighted norm falls {change[0]}; from PyTorch's own start (scale 1) only {change[1]}. "
        "Dashed: the bound of Theorem 1. Starts from which descent reached no global minimum are left out.",
        "Log-log plot with a curve for each initial scale from which descent converged. At scale "
        f"{largest['scale'][0]:g} the weighted norm falls {change[0]} as η grows from {eta[0]:g} to {eta[-1]:g}; at "
        f"scale 1 it falls {change[1]}. All curves lie below the bound of Theorem 1 and come together at the largest "
        "step sizes.",
        {name: found[name] for name in ("scale", "eta", "norm", "sharpness")},
        plans.COMMAND,
    )


@styled
def knots_on_samples(sweep: Sweep) -> Picture:
    """How far the knots of all minima of a sweep are from the nearest sample."""
    figure, (ax,) = blank(7.2, 2.6)
    distance = np.concatenate([_knot_distances(sweep.net(i), sweep.data.x) for i in range(len(sweep))])
    random = np.random.default_rng(0).uniform(*np.sort(sweep.data.x)[[0, -1]], distance.size)
    expected = np.abs(random[:, None] - sweep.data.x).min(axis=1)
    bins = np.geomspace(1e-12, 1, 49)
    ax.hist(np.clip(distance, 1e-12, 1), bins, color=PALETTE["curvature"].ink, alpha=0.8, label="knots of the minima")
    ax.hist(expected, bins, histtype="step", color=PALETTE["other"].ink, ls="--", lw=1.4, label="uniform points")
    ax.set(xscale="log", xlabel="distance to the nearest sample", ylabel="number of knots")
    ax.legend(loc="upper left")
    share, by_chance = np.mean(distance < 1e-5), np.mean(expected < 1e-5)
    return Picture(
        figure,
        "fig-knots-on-samples",
        f"Distance of the knots from their nearest sample, over all {len(sweep)} kept runs. {share:.0%} of them lie "
        r"within $10^{-5}$ of a sample. Dashed: as many points drawn uniformly between the outermost samples.",
        f"Histogram of the distance from knots to the nearest sample, on a logarithmic axis. {share:.0%} of "
        f"{distance.size} knots are closer than 0.00001; of as many uniform points {by_chance:.2%} are.",
        {"distance_of_knot": distance, "distance_of_uniform_point": expected},
        plans.COMMAND,
    )


def _knot_distances(net: Network, x: np.ndarray) -> np.ndarray:
    position, mass = net.knots
    near = 1e-3  # a knot that sits on the outermost sample may lie just outside it
    inside = (position > x.min() - near) & (position < x.max() + near) & (np.abs(mass) > 1e-6)
    return np.abs(position[inside, None] - x).min(axis=1)


@styled
def modes_around_the_edge(sweep: Sweep) -> Picture:
    """For each run at the edge, the range of η·sharpness/2 over the modes that descent visits when it runs on."""
    figure, (ax,) = blank(7.2, 2.8)
    edge = sweep.where(sweep["sharpness"] * sweep["eta"] / 2 > 0.97)
    eta, lowest, highest = edge["eta"], edge["lowest"] * edge["eta"] / 2, edge["highest"] * edge["eta"] / 2
    ax.vlines(eta, lowest, highest, color=PALETTE["sharpness"].ink, lw=1.6, label="modes visited, flattest to sharpest")
    ax.plot(eta, edge["sharpness"] * eta / 2, "o", ms=3, color=PALETTE["data"].ink, label="where the run stopped")
    ax.axhline(1, color=PALETTE["threshold"].ink, ls="--", label="1: sharpness equal to 2/η")
    ax.set(xscale="log", xlabel="step size η", ylabel="η · sharpness / 2", ylim=(0.99, 1.02))
    ax.legend(loc="upper right")
    around = np.mean((lowest <= 1) & (highest >= 1))
    return Picture(
        figure,
        "fig-modes",
        f"Sharpness of the modes visited, in units of $2/\\eta$, for the {len(edge)} kept runs that stopped above 97 % "
        f"of it. A bar that crosses 1 is a minimum with modes on both sides: {around:.0%} of them.",
        f"For {len(edge)} runs, a vertical bar from the flattest to the sharpest mode visited, in units of 2/η. All "
        f"bars begin at or below 1; {around:.0%} of them reach above it; the highest reaches {highest.max():.3f}.",
        {name: edge[name] for name in ("eta", "sharpness", "lowest", "highest", "modes", "above")},
        plans.COMMAND,
    )


# ---- tables ---------------------------------------------------------------------------------------------------


def outcomes(sweep: Sweep) -> dict[str, int]:
    """How many runs ended how, in the paper's words."""
    warm_up, kept = sweep.count(Outcome.WARM_UP), sweep.count(Outcome.CONVERGED)
    return {"converged in warm-up": warm_up, "reached no global minimum": len(sweep) - warm_up - kept, "kept": kept}


def protocol_table(protocol: Protocol) -> Table:
    """What a protocol fixes, in words."""
    meaning = {
        "seed": "makes the data, then the initial weights",
        "n": "samples",
        "k": "neurons",
        "spread": "inputs are uniform between minus this and this",
        "label_scale": "standard deviation of the labels",
        "init_scale": "factor on PyTorch's default initial weights",
        "warm_up": "steps over which the step size grows to η",
        "tolerance": "a run stops when its loss is at most this",
        "budget": "steps after which a run is given up",
    }
    rows = [(name, f"{value:g}", meaning[name]) for name, value in asdict(protocol).items()]
    return Table("The protocol of Section 5", ("name", "value", "what it is"), rows)


def counts_table(sweep: Sweep, paper: dict[str, int]) -> Table:
    """The outcomes of a sweep beside the paper's."""
    found = outcomes(sweep)
    rows = [("this book", *found.values()), ("the paper", *(paper[name] for name in found))]
    return Table(f"Outcomes of the {len(sweep)} runs", ("data", *found), rows)


def survey_table(survey: Sweep) -> Table:
    """Outcomes by step size, over all seeds."""
    head = ("converged", "converged in warm-up", "stalled at the edge", "at a critical point", "out of steps")
    kinds = np.array([_kind_of_end(survey, index) for index in range(len(survey))])
    steps = np.unique(survey["eta"])[::-1]
    rows = [(f"η = {eta:g}", *(int(np.sum(kinds[survey["eta"] == eta] == kind)) for kind in head)) for eta in steps]
    seeds = len(np.unique(survey["seed"]))
    return Table(f"How the runs on {seeds} random data sets ended", ("step size", *head), rows)


def _kind_of_end(survey: Sweep, index: int) -> str:
    """The outcome of a run, and of a stalled one where it stalled."""
    row = survey.rows[index]
    if row.outcome is not Outcome.STALLED:
        return str(row.outcome)
    if row.sharpness * row.eta / 2 > 0.9:
        return "stalled at the edge"
    slope = np.sum(tangent.gradient(*survey.case(index)) ** 2)
    return "at a critical point" if slope < 1e-6 * row.loss else "out of steps"


def excursions_table(sweep: Sweep) -> Table:
    """What becomes of the runs that reached zero loss when descent runs on, by where they had stopped."""
    head = ("stopped", "runs", "loss rose tenfold", "several modes", "steps spent above 2/η, median")
    rows = []
    for name, part in {"kept": sweep.kept, "in the warm-up": sweep.where(sweep["outcome"] == Outcome.WARM_UP)}.items():
        above = part["sharpness"] * part["eta"] > 2
        rows.append((f"{name}, above 2/η", *_excursions(part.where(above))))
        rows.append((f"{name}, below 2/η", *_excursions(part.where(~above))))
    return Table("Runs at zero loss, run on at their full step size", head, rows)


def _excursions(part: Sweep) -> tuple[int, int, int, str]:
    rose = part["peak"] > 10 * part.protocol.tolerance
    return len(part), int(rose.sum()), int((part["modes"] > 1).sum()), f"{np.median(part['above']):.0%}"
