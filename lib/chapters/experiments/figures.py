"""Figures and tables of the preface and chapter I, each a function of results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import numpy as np
from matplotlib.axes import Axes

from ledgerbook.drawing import PALETTE
from ledgerbook.picture import Picture, blank, blank_grid, styled
from ledgerbook.tables import Table
from stableminima import smoothness, tangent
from stableminima.implementations import flattest_implementation
from stableminima.network import Dataset, Network
from stableminima.runs.descent import Outcome
from stableminima.runs.experiments import Protocol, Sweep

from ..floors import Floor, floor, floors
from ..panels import leaves, reached_edge
from ..plans import COMMAND

LAMBDA = r"$\lambda_{\max}$"


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
    ax.plot(eta, sharpness, "D", ms=2.6, color=PALETTE["sharpness"].ink, label=f"{LAMBDA} at the minimum found")
    early = sweep.where(sweep["outcome"] == Outcome.WARM_UP)
    hollow = {"mfc": "white", "color": PALETTE["sharpness"].ink, "label": "converged in the warm-up, not kept"}
    ax.plot(early["eta"], early["sharpness"], "D", ms=3.4, **hollow)
    ax.plot(eta, kept["flattest"], "-.", color=PALETTE["model"].ink, label="the flattest rescaling of that minimum")
    ax.plot(eta[some], implementation[some], color=PALETTE["curvature"].ink, marker=PALETTE["curvature"].marker, ms=3,
            ls="none", label="Λ(f), the flattest implementation of that function")
    ax.plot(eta, bound, "-", color=PALETTE["bound"].ink, label="1 + 2∫|f''|g: no implementation of f is flatter")
    least = floor(sweep.protocol)
    ax.axhline(least.sharpness, **_thin("data"), label="no interpolant of any width is flatter")
    ax.axvline(least.step_size, **_thin("data"))
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
        "that represents the same function. Dotted: the flattest that any interpolant of these "
        rf"data can be, {least.sharpness:.2f}, and the step size $\eta_2 = {least.step_size:.2g}$ at which it meets "
        r"$2/\eta$.",
        f"Log-log plot over {len(kept)} step sizes. The sharpness found is {sharpness[0]:.1f} at the smallest step "
        f"size, stays level until it meets 2/η and follows that line down to {sharpness[-1]:.2f} at η = {top:.2g}. "
        f"The flattest rescaling lies between {kept['flattest'].min():.1f} and {kept['flattest'].max():.1f}, the "
        f"flattest implementation between {implementation[some].min():.2f} and {implementation[some].max():.2f}, and "
        f"the bound below it everywhere, between {bound.min():.2f} and {bound.max():.2f}. No interpolant is flatter "
        f"than {least.sharpness:.2f}.",
        {"implementation": implementation,
         **{name: kept[name] for name in ("eta", "sharpness", "flattest", "norm", "steps", "loss")}},
        COMMAND,
    )


def _thin(role: str) -> dict[str, object]:
    """A thin dotted line, for what is computed from the data alone."""
    return {"color": PALETTE[role].ink, "ls": ":", "lw": 1.2}


@styled
def two_data_sets(sweeps: Sequence[Sweep]) -> Picture:
    """Sharpness (above) and ∫|f''| g (below) against the step size, a column for each data set, with the floors."""
    figure, rows = blank_grid(7.6, 5.2, 2, len(sweeps), sharex=True, sharey="row")
    for (above, below), sweep in zip(rows.T, sweeps, strict=True):
        _sharpness_with_floor(above, sweep.kept, floor(sweep.protocol))
        _norm_with_floor(below, sweep.kept, floor(sweep.protocol))
        above.set(title=f"seed {sweep.protocol.seed}", xscale="log", yscale="log")
        below.set(xlabel="step size η", yscale="log")
    rows[0, 0].set_ylabel("sharpness")
    rows[1, 0].set_ylabel("∫|f''| g")
    rows[0, 0].legend(loc="upper right")
    rows[1, 1].legend(loc="upper left", bbox_to_anchor=(0, 0.82))
    said = [_fall(sweep) for sweep in sweeps]
    return Picture(
        figure,
        "fig-two-data-sets",
        "Two data sets, from PyTorch's own start. Above: the sharpness found and the flattest rescaling of that "
        r"minimum. Below: $\int |f''|\, g$. Dotted: what no interpolant can undercut, and $\eta_2$, above which "
        f"none is stable. {' '.join(said)}",
        f"Two columns of two log-log plots against the step size. {' '.join(said)}",
        {name: np.concatenate([sweep.kept[name] for sweep in sweeps])
         for name in ("seed", "eta", "sharpness", "flattest", "norm", "steps")},
        COMMAND,
    )


def _sharpness_with_floor(ax: Axes, kept: Sweep, least: Floor) -> None:
    eta = kept["eta"]
    ax.plot(eta, 2 / eta, "--", color=PALETTE["threshold"].ink, label="2/η")
    ax.plot(eta, kept["sharpness"], "D", ms=2.6, color=PALETTE["sharpness"].ink, label=f"{LAMBDA} found")
    ax.plot(eta, kept["flattest"], "-.", color=PALETTE["model"].ink, label="flattest rescaling")
    ax.axhline(least.sharpness, **_thin("data"), label="flattest interpolant")
    ax.axvline(least.step_size, **_thin("data"))


def _norm_with_floor(ax: Axes, kept: Sweep, least: Floor) -> None:
    eta = kept["eta"]
    ax.plot(eta, 1 / eta - 0.5, "--", color=PALETTE["bound"].ink, label="1/η - 1/2, Theorem 1")
    ax.plot(eta, kept["norm"], "s", ms=2.6, color=PALETTE["model"].ink, label="∫|f''| g found")
    ax.axhline(least.norm, **_thin("data"), label="m: no interpolant has less")
    ax.axvline(least.step_size, **_thin("data"))
    ax.set_ylim(0.35, 60)


def _fall(sweep: Sweep) -> str:
    """How far the weighted norm falls over the kept runs of one data set, also in units of its floor."""
    norm, least = sweep.kept["norm"], floor(sweep.protocol)
    return (f"Seed {sweep.protocol.seed}: from {norm[0]:.2f} ({norm[0] / least.norm:.2f} m) to {norm[-1]:.2f} "
            f"({norm[-1] / least.norm:.2f} m), a factor of {norm[0] / norm[-1]:.2g}.")


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
    heavy = weight > weight.max() / 2
    for ax in (left, right):
        ax.fill_between(grid, 0, 1, where=heavy, transform=ax.get_xaxis_transform(), color=PALETTE["weight"].ink,
                        alpha=0.14, lw=0)
    right.plot([], [], color=PALETTE["weight"].ink, alpha=0.3, lw=6, label="g above half of its maximum")
    left.set(title="Two functions through one data set", xlabel="x", ylabel="f(x)")
    right.set(title="How much they bend", xlabel="x", ylabel="total change of slope")
    for ax in (left, right):
        ax.legend(loc="best")
    norms = [sweep["norm"][index] for index, _ in chosen]
    steps = [eta[index] for index, _ in chosen]
    inside = [bend_where_heavy(sweep.net(index), sweep.data) for index, _ in chosen]
    return Picture(
        figure,
        "fig-gentle-and-bold",
        "Two minima of one loss. Left: both functions pass through all the data. Right: the total change of slope up "
        "to x. Where the weight $g$ is above half of its maximum (shaded) the slope changes by "
        rf"{inside[0]:.1f} in all at $\eta = {steps[0]:.2g}$ and by {inside[1]:.2f} at $\eta = {steps[1]:.2g}$, "
        f"{inside[0] / inside[1]:.0f} times less. Outside, where $g$ is small, a function may bend. In total "
        rf"$\int |f''|\, g$ falls from {norms[0]:.2f} to {norms[1]:.2f}.",
        f"Left, two functions through {sweep.data.n} points; right, their accumulated |f''|. Where g is large it "
        f"grows by {inside[0]:.1f} at η = {steps[0]:.2g} and by {inside[1]:.2f} at η = {steps[1]:.2g}. The integral of "
        f"|f''| g is {norms[0]:.2f} and {norms[1]:.2f}.",
        {
            "x": grid,
            **{f"f_eta_{eta[index]:.2g}": sweep.net(index)(grid) for index, _ in chosen},
            **{f"bend_up_to_x_eta_{eta[index]:.2g}": cumulative_bend(sweep.net(index), grid) for index, _ in chosen},
            "g": smoothness.g(grid, sweep.data),
        },
        COMMAND,
    )


def bend_where_heavy(net: Network, data: Dataset) -> float:
    """∫ |f''| over the points where g is above half of its maximum."""
    grid = np.linspace(data.x.min(), data.x.max(), 2001)
    position, mass = net.knots
    return float(np.abs(mass[smoothness.g(position, data) > smoothness.g(grid, data).max() / 2]).sum())


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
    least = floor(sweep.protocol)
    ax.axhline(least.norm, **_thin("data"), label="m: no interpolant has less")
    ax.axvline(least.step_size, **_thin("data"))
    ax.set(xscale="log", yscale="log", xlabel="step size η", ylabel="∫|f''| g", ylim=(0.8 * least.norm, 200))
    ax.legend(loc="upper right", ncols=2)
    largest = found.where(found["scale"] == found["scale"].max())
    default = found.where(found["scale"] == 1.0)
    change = [f"from {part['norm'][0]:.2f} to {part['norm'][-1]:.2f}" for part in (largest, default)]
    return Picture(
        figure,
        "fig-norm",
        f"How much the functions bend, against the step size. From the start at scale {largest['scale'][0]:g} the "
        f"weighted norm falls {change[0]}; from PyTorch's own start (scale 1) only {change[1]}. "
        rf"Dashed: the bound of Theorem 1. Dotted: the floor $m = {least.norm:.2f}$, below which no interpolant of "
        rf"these data gets, and $\eta_2 = {least.step_size:.2g}$, above which none is stable. Starts from which "
        "descent reached no global minimum are left out.",
        "Log-log plot with a curve for each initial scale from which descent converged. At scale "
        f"{largest['scale'][0]:g} the weighted norm falls {change[0]} as η grows from {eta[0]:g} to {eta[-1]:g}; at "
        f"scale 1 it falls {change[1]}. All curves lie below the bound of Theorem 1, and come together at the largest "
        f"step sizes just above the floor m = {least.norm:.2f}.",
        {name: found[name] for name in ("scale", "eta", "norm", "sharpness")},
        COMMAND,
    )


@styled
def knots_on_samples(sweep: Sweep) -> Picture:
    """How far knots are from the nearest sample: at the edge of stability, below it, and by chance."""
    figure, (ax,) = blank(7.2, 2.8)
    at_edge = reached_edge(sweep)
    parts = [sweep.where(at_edge), sweep.where(~at_edge)]
    edge, below = (np.concatenate([_knot_distances(part.net(i), part.data.x) for i in range(len(part))])
                   for part in parts)
    random = np.random.default_rng(0).uniform(*np.sort(sweep.data.x)[[0, -1]], edge.size)
    chance = np.abs(random[:, None] - sweep.data.x).min(axis=1)
    looks = ({"color": PALETTE["curvature"].ink, "alpha": 0.55, "label": f"{len(parts[0])} runs at the edge"},
             {"color": PALETTE["model"].ink, "histtype": "step", "lw": 1.6, "label": f"{len(parts[1])} runs below it"},
             {"color": PALETTE["other"].ink, "histtype": "step", "ls": "--", "lw": 1.4, "label": "uniform points"})
    for distance, look in zip((edge, below, chance), looks, strict=True):
        share = np.full(distance.size, 1 / distance.size)
        ax.hist(np.clip(distance, 1e-12, 1), np.geomspace(1e-12, 1, 49), weights=share, **look)
    ax.set(xscale="log", xlabel="distance to the nearest sample", ylabel="share of the knots")
    ax.legend(loc="upper left")
    shares = [[f"{np.mean(distance < limit):.1%}" for limit in (1e-5, 1e-8)] for distance in (edge, below, chance)]
    return Picture(
        figure,
        "fig-knots-on-samples",
        "Distance of the knots from their nearest sample, for the runs that end at the edge of stability and for those "
        rf"below it, which all found one function. Within $10^{{-5}}$ of a sample lie {shares[0][0]} of the knots at "
        f"the edge and {shares[1][0]} below it; within $10^{{-8}}$, {shares[0][1]} and {shares[1][1]}. Dashed: as many "
        "points drawn uniformly between the outermost samples.",
        "Three histograms of the distance from knots to the nearest sample, on a logarithmic axis. Closer than 0.00001 "
        f"are {shares[0][0]} of {edge.size} knots at the edge, {shares[1][0]} of {below.size} below it, and "
        f"{shares[2][0]} of the uniform points.",
        {"at_the_edge": np.repeat([True, False], [edge.size, below.size]),
         "distance_of_knot": np.concatenate([edge, below])},
        COMMAND,
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
    edge = sweep.where(reached_edge(sweep))
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
        f"of it. A bar that crosses 1 is a minimum with modes on both sides: {around:.0%} of them. Descent spends "
        f"between {edge['above'].min():.0%} and {edge['above'].max():.0%} of its steps in modes above 1, in the median "
        f"{np.median(edge['above']):.0%}; {np.sum(edge['modes'] == 1)} runs rest in one mode.",
        f"For {len(edge)} runs, a vertical bar from the flattest to the sharpest mode visited, in units of 2/η. All "
        f"bars begin at or below 1; {around:.0%} of them reach above it; the highest reaches {highest.max():.3f}.",
        {name: edge[name] for name in ("eta", "sharpness", "lowest", "highest", "modes", "above")},
        COMMAND,
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
    """Outcomes by step size, over all seeds; the stalls at the edge in two: forced by the data, and not."""
    head = ("converged", "converged in warm-up", NO_STABLE, "at the edge, one exists", "at a critical point",
            "out of steps")
    kinds = ends_of_survey(survey)
    steps = np.unique(survey["eta"])[::-1]
    rows = [(f"η = {eta:g}", *(int(np.sum(kinds[survey["eta"] == eta] == kind)) for kind in head)) for eta in steps]
    seeds = len(np.unique(survey["seed"]))
    return Table(f"How the runs on {seeds} random data sets ended", ("step size", *head), rows)


NO_STABLE = "at the edge, no interpolant is stable"


def ends_of_survey(survey: Sweep) -> np.ndarray:
    """How each run of the survey ended, in words; shape (runs,)."""
    least = floors(survey)
    return np.array([_kind_of_end(survey, i, least[row.seed].step_size) for i, row in enumerate(survey.rows)])


def _kind_of_end(survey: Sweep, index: int, limit: float) -> str:
    """The outcome of a run, and of a stalled one where it stalled; above η₂ = ``limit`` no interpolant is stable."""
    row = survey.rows[index]
    if row.outcome is not Outcome.STALLED:
        return str(row.outcome)
    if row.sharpness * row.eta / 2 > 0.9:
        return NO_STABLE if row.eta > limit else "at the edge, one exists"
    slope = np.sum(tangent.gradient(*survey.case(index)) ** 2)
    return "at a critical point" if slope < 1e-6 * row.loss else "out of steps"


def candidates_table(survey: Sweep, largest: float) -> Table:
    """The data sets on which an interpolant is stable at every step size up to ``largest``, and what descent did."""
    kinds, probes = ends_of_survey(survey), np.unique(survey["eta"])[::-1]
    rows = []
    for seed, least in floors(survey).items():
        if least.step_size >= largest:
            ends = [kinds[(survey["seed"] == seed) & (survey["eta"] == eta)][0] for eta in probes]
            rows.append((seed, f"{least.step_size:.2f}", f"{least.norm:.2f}", *ends))
    head = ("seed", "η₂", "m", *(f"η = {eta:g}" for eta in probes))
    return Table(f"The data sets with a stable interpolant at all step sizes up to {largest:g}", head, rows)


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
    return len(part), int(leaves(part).sum()), int((part["modes"] > 1).sum()), f"{np.median(part['above']):.0%}"
