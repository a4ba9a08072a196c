"""Figures and tables of "I, continued": the published figures of the experiments, and two that the paper leaves out."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import BoundaryNorm, ListedColormap

from ledgerbook.drawing import PALETTE
from ledgerbook.picture import Picture, blank, blank_grid, styled
from ledgerbook.tables import Table
from stableminima import smoothness, tangent
from stableminima.interpolants import flattest_interpolant
from stableminima.network import Dataset, Network
from stableminima.runs.descent import Outcome, Run
from stableminima.runs.experiments import Sweep

from .. import plans
from ..panels import REGIMES, reach, regime
from ..plans import FIGURE_1_FACTOR, FIGURE_1_LEVEL

HERE = "make notebooks"


def smoothed_bend(net: Network, x: np.ndarray, width: float) -> np.ndarray:
    """|f''| at x with every knot spread by a Gaussian of standard deviation ``width``."""
    position, mass = net.knots
    bells = np.exp(-(((x[:, None] - position) / width) ** 2) / 2) / (width * np.sqrt(2 * np.pi))
    return bells @ np.abs(mass)


def _ink(role: str) -> dict:
    return {**PALETTE[role].line, "lw": 1.4}


def _weight(ax: Axes, grid: np.ndarray, data: Dataset) -> None:
    """The weight g behind what is drawn, scaled to two thirds of the panel."""
    weight = smoothness.g(grid, data)
    top = ax.get_ylim()[1]
    ax.fill_between(grid, weight / weight.max() * top * 2 / 3, color=PALETTE["weight"].ink, alpha=0.18, lw=0)
    ax.set_ylim(0, top)


@styled
def figure_1(runs: tuple[Run, Run], data: Dataset) -> Picture:
    """The paper's Figure 1: a small step size throughout, and the same times three once the loss is small."""
    figure, (loss, function, bend) = blank(8.4, 2.9, columns=3)
    grid = np.linspace(-reach(data), reach(data), 401)
    styles = [{"color": PALETTE["data"].ink, "lw": 1.3}, {**_ink("weight"), "linestyle": (0, (5, 1.5))}]
    names = ("η = 0.0001", f"times {FIGURE_1_FACTOR:g} below loss {FIGURE_1_LEVEL:g}")
    bends = [smoothed_bend(run.net, grid, 0.08) for run in runs]
    for run, style, name, curve in zip(runs, styles, names, bends, strict=True):
        loss.plot(run.trace[1:], run.losses[1:], label=name, **style)  # the first record is step 0
        function.plot(grid, run.net(grid), **style)
        bend.plot(grid, curve, **style)
    loss.axhline(FIGURE_1_LEVEL, **{**_ink("threshold"), "lw": 0.8})
    loss.set(title="Loss", xlabel="step", ylabel="L", xscale="log", yscale="log")
    loss.legend(loc="lower left")
    function.plot(data.x, data.y, "o", ms=4, color=PALETTE["data"].ink, zorder=3)
    function.set(title="The two functions", xlabel="x", ylabel="f(x)")
    _weight(bend, grid, data)
    bend.set(title="|f''|, smoothed, and g", xlabel="x", ylabel="|f''|")
    norms = [smoothness.weighted_norm(run.net, data) for run in runs]
    sharp = [tangent.sharpness(run.net, data) for run in runs]
    return Picture(
        figure,
        "fig-paper-1",
        "The paper's Figure 1, from a start 15 times PyTorch's. Solid: a constant small step size. Dashed: three times "
        f"that once the loss has fallen below {FIGURE_1_LEVEL:g} (level line). The larger step cannot stay where the "
        f"smaller one settles: its loss rises again, and it ends at sharpness {sharp[1]:.0f} instead of {sharp[0]:.0f} "
        rf"and at $\int |f''|\, g$ of {norms[1]:.1f} instead of {norms[0]:.1f}. Shaded: $g$, scaled.",
        f"Three panels. Losses of two runs against the step, both ending at 1e-8 after {runs[0].steps} and "
        f"{runs[1].steps} steps; the two functions through {data.n} points; and where they bend. The integral of |f''| "
        f"times g is {norms[0]:.1f} for the small step and {norms[1]:.1f} for the larger.",
        {
            "x": grid,
            "f_gentle": runs[0].net(grid), "f_bold": runs[1].net(grid),
            "bend_gentle": bends[0], "bend_bold": bends[1], "g": smoothness.g(grid, data),
        },
        HERE,
    )


def _examples(sweep: Sweep, etas: tuple[float, ...], scale: float) -> list[int]:
    """For each η the kept run from this initial scale that is nearest to it."""
    fits = np.flatnonzero((sweep["outcome"] == Outcome.CONVERGED) & (sweep["scale"] == scale))
    return [int(fits[np.abs(np.log(sweep["eta"][fits] / eta)).argmin()]) for eta in etas]


@styled
def functions_found(sweep: Sweep, etas: tuple[float, ...], scales: tuple[float, ...]) -> Picture:
    """The supplement's Figure 1: the functions found at several step sizes, a row for each initial scale."""
    figure, rows = _grid(len(scales), len(etas))
    grid = np.linspace(-reach(sweep.data), reach(sweep.data), 401)
    columns: dict[str, np.ndarray] = {"x": grid}
    for axes, scale in zip(rows, scales, strict=True):
        for ax, index in zip(axes, _examples(sweep, etas, scale), strict=True):
            net, eta = sweep.net(index), sweep["eta"][index]
            ax.plot(grid, net(grid), **_ink("model"))
            ax.plot(sweep.data.x, sweep.data.y, "o", ms=3.2, color=PALETTE["data"].ink, zorder=3)
            ax.set(title=f"η = {eta:.2g}, scale {scale:g}", ylim=(-2.2, 1.6))
            columns[f"f_scale_{scale:g}_eta_{eta:.3g}"] = net(grid)
        axes[0].set_ylabel("f(x)")
    _x_labels(rows[-1])
    return Picture(
        figure,
        "fig-functions",
        "The supplement's Figure 1: functions that descent found, by step size (columns) and initial scale (rows). "
        "They pass through the same ten points. From the larger start they lose their bends as η grows.",
        f"{len(scales)} rows of {len(etas)} panels, each a function through {sweep.data.n} points. Step sizes grow "
        f"from {etas[0]:g} to {etas[-1]:g}; the functions at initial scale {scales[-1]:g} bend less and less.",
        columns,
        plans.COMMAND,
    )


@styled
def second_derivatives(sweep: Sweep, etas: tuple[float, ...], scales: tuple[float, ...], width=0.08) -> Picture:
    """The supplement's Figure 2: |f''| of those functions, smoothed, with the weight g behind."""
    figure, rows = _grid(len(scales), len(etas))
    grid = np.linspace(-reach(sweep.data), reach(sweep.data), 401)
    columns: dict[str, np.ndarray] = {"x": grid, "g": smoothness.g(grid, sweep.data)}
    norms = []
    for axes, scale in zip(rows, scales, strict=True):
        chosen = _examples(sweep, etas, scale)
        curves = [smoothed_bend(sweep.net(index), grid, width) for index in chosen]
        for ax, index, curve in zip(axes, chosen, curves, strict=True):
            ax.set_ylim(0, 1.05 * max(map(np.max, curves)))
            _weight(ax, grid, sweep.data)
            ax.plot(grid, curve, **{**_ink("curvature"), "lw": 1.1})
            norms.append(sweep["norm"][index])
            ax.set_title(f"η = {sweep['eta'][index]:.2g}: ∫|f''|g = {norms[-1]:.2f}")
            columns[f"bend_scale_{scale:g}_eta_{sweep['eta'][index]:.3g}"] = curve
        axes[0].set_ylabel(f"|f''|, scale {scale:g}")
    _x_labels(rows[-1])
    first, last = norms[-len(etas)], norms[-1]
    return Picture(
        figure,
        "fig-second-derivatives",
        "The supplement's Figure 2: $|f''|$ of the functions above, each knot spread over a Gaussian of standard "
        f"deviation {width:g}; one scale of height for each row. Shaded: $g$, scaled. What the step size takes away "
        rf"lies under $g$: from the larger start $\int |f''|\, g$ falls from {first:.2f} to {last:.2f}.",
        f"{len(scales)} rows of {len(etas)} panels with the smoothed size of the second derivative over the weight g. "
        f"In the last row the integral of |f''| times g falls from {first:.2f} to {last:.2f} as the step size grows.",
        columns,
        plans.COMMAND,
    )


def _grid(rows: int, columns: int) -> tuple:
    return blank_grid(8.4, 1.9 * rows + 0.3, rows, columns, sharex=True, sharey="row")


def _x_labels(axes: np.ndarray) -> None:
    for ax in axes:
        ax.set_xlabel("x")


@styled
def sharpness_by_scale(sweep: Sweep) -> Picture:
    """The supplement's Figure 3: the sharpness curves, a panel for each initial scale."""
    scales = sorted(set(sweep["scale"]), reverse=True)
    figure, panels = _grid(2, (len(scales) + 1) // 2)
    every = np.array([sweep["eta"].min(), sweep["eta"].max()])
    counts = []
    for ax, scale in zip(panels.flat, scales, strict=False):
        part = sweep.where((sweep["scale"] == scale) & (sweep["outcome"] == Outcome.CONVERGED))
        counts.append(len(part))
        ax.plot(every, 2 / every, "--", color=PALETTE["threshold"].ink, label="2/η")
        ax.plot(part["eta"], part["sharpness"], "D", ms=1.8, color=PALETTE["sharpness"].ink, label="λ_max found")
        ax.plot(part["eta"], part["flattest"], "s", ms=1.4, color=PALETTE["model"].ink, label="flattest rescaling")
        ax.plot(part["eta"], 1 + 2 * part["norm"], ".", ms=2.2, color=PALETTE["bound"].ink, label="1 + 2∫|f''|g")
        ax.set(title=f"scale {scale:g}: {len(part)} runs", xscale="log", yscale="log", ylim=(0.8, 3e3))
    emptiest = panels.flat[int(np.argmin(counts))]
    emptiest.legend(loc="upper right", handletextpad=0.3, borderpad=0.1)
    for ax in panels[-1]:
        ax.set_xlabel("step size η")
    for ax in panels[:, 0]:
        ax.set_ylabel("sharpness")
    found = sweep.kept
    listed = ", ".join(f"{count} of {np.sum(sweep['scale'] == scale)} at {scale:g}"
                       for scale, count in zip(scales, counts, strict=True))
    return Picture(
        figure,
        "fig-scales",
        "The supplement's Figure 3: sharpness against step size from six initial scales. From a large start the "
        "sharpness found follows $2/\\eta$ over the whole range; from a moderate one it is level until it meets "
        f"$2/\\eta$. Runs kept: {listed}.",
        f"Six log-log panels, one for each initial scale, over {len(found)} kept runs. The sharpness found exceeds 2/η "
        f"by at most {(found['sharpness'] * found['eta'] / 2).max() - 1:.1%}; below it lie the flattest rescaling and "
        "the bound of Lemma 4.",
        {name: found[name] for name in ("scale", "eta", "sharpness", "flattest", "norm", "steps", "loss")},
        plans.COMMAND,
    )


@styled
def chain_over_data_sets(chain: Sweep) -> Picture:
    """Both inequalities over many data sets: the bound and the sharpness of each kept run in units of 2/η."""
    figure, (left, right) = blank(8.4, 3.2, columns=2)
    kept = chain.kept
    bound, edge = 1 + 2 * kept["norm"], kept["eta"] * kept["sharpness"] / 2
    left.plot(bound, kept["sharpness"], ".", ms=2.5, color=PALETTE["sharpness"].ink)
    ends = np.array([1, 1.1 * kept["sharpness"].max()])
    left.plot(ends, ends, "--", color=PALETTE["bound"].ink, label="equality")
    left.set(title="Lower bound", xlabel="1 + 2∫|f''|g", ylabel="λ_max found", xscale="log", yscale="log")
    right.plot(kept["eta"], edge, ".", ms=2.5, color=PALETTE["sharpness"].ink, label="where the run stopped")
    above = edge > 1
    right.plot(kept["eta"][above], (kept["lowest"] * kept["eta"] / 2)[above], "x", ms=3, color=PALETTE["model"].ink,
               label="flattest mode after running on")
    right.axhline(1, ls="--", color=PALETTE["threshold"].ink)
    right.set(title="Upper bound", xlabel="step size η", ylabel="η λ_max / 2", xscale="log")
    for ax in (left, right):
        ax.legend(loc="best")
    sets = len(np.unique(kept["seed"]))
    return Picture(
        figure,
        "fig-chain",
        f"The chain of inequalities on {len(kept)} kept runs over {sets} data sets. Left: no point lies below the "
        f"line. Right: {above.sum()} runs stopped above $2/\\eta$; crosses show the flattest mode that those visit "
        "when they run on.",
        f"Two scatter plots of {len(kept)} runs. Left, the sharpness found is at least 1 plus twice the weighted norm "
        f"in all of them. Right, η times the sharpness over 2: {above.sum()} runs lie above 1, at most at "
        f"{edge.max():.2f}.",
        {name: kept[name] for name in ("seed", "eta", "sharpness", "flattest", "norm", "peak", "lowest", "highest")},
        plans.COMMAND,
    )


def chain_table(chain: Sweep) -> Table:
    """How often each link of the chain held, and what became of the runs that stopped above 2/η."""
    kept = chain.kept
    bound, edge = 1 + 2 * kept["norm"], kept["eta"] * kept["sharpness"] / 2
    left_for_good = kept["peak"] > 10 * chain.protocol.tolerance
    above = edge > 1
    lowest = kept["lowest"] * kept["eta"] / 2
    rows = [
        ("runs", len(chain)),
        ("data sets", len(np.unique(chain["seed"]))),
        ("kept", len(kept)),
        ("data sets with a kept run", len(np.unique(kept["seed"]))),
        ("kept with 1 + 2∫|f''|g ≤ flattest rescaling", int((bound <= kept["flattest"] * (1 + 1e-4)).sum())),
        ("kept with flattest rescaling ≤ λ_max", int((kept["flattest"] <= kept["sharpness"] * (1 + 1e-4)).sum())),
        ("kept with λ_max ≤ 2/η", int((~above).sum())),
        ("exceptions: λ_max > 2/η where the run stopped", int(above.sum())),
        ("of these, a mode at or below 2/η when run on", int((above & (lowest <= 1)).sum())),
        ("of these, left for another minimum", int((above & left_for_good).sum())),
        ("of these, neither", int((above & (lowest > 1) & ~left_for_good).sum())),
    ]
    return Table("The chain of inequalities over many data sets", ("what", "count"), rows)


@styled
def phase_diagram(phase: Sweep) -> Picture:
    """Outcome and final ηλ_max/2 over step size and initial scale."""
    figure, (left, right) = blank(8.4, 3.7, columns=2)
    eta, scale = np.unique(phase["eta"]), np.unique(phase["scale"])
    at = np.searchsorted(scale, phase["scale"]), np.searchsorted(eta, phase["eta"])
    ratio = phase["eta"] * phase["sharpness"] / 2
    kinds = np.array([regime(row) for row in phase.rows])
    shape = (scale.size, eta.size)
    kind, value = np.full(shape, -1), np.full(shape, np.nan)
    kind[at], value[at] = kinds, np.where(kinds > 0, ratio, np.nan)
    inks = ["#d9dde2", *(PALETTE[role].ink for role in ("other", "model", "sharpness", "threshold"))]
    norm = BoundaryNorm(np.arange(-0.5, len(REGIMES)), len(REGIMES))
    mesh = left.pcolormesh(eta, scale, kind, cmap=ListedColormap(inks), norm=norm, shading="nearest", rasterized=True)
    bar = figure.colorbar(mesh, ax=left, ticks=range(len(REGIMES)), location="bottom", aspect=30)
    bar.ax.set_xticklabels([name.replace(" ", "\n", 1) for name in REGIMES], fontsize=6.5)
    mesh = right.pcolormesh(eta, scale, value, cmap="cividis", vmin=0, vmax=1.1, shading="nearest", rasterized=True)
    figure.colorbar(mesh, ax=right, location="bottom", aspect=30, label="η λ_max / 2 at the end")
    limit = flattest_interpolant(phase.data).step_size
    for ax, title in ((left, "How runs end"), (right, "How close to the edge")):
        ax.axvline(limit, color=PALETTE["data"].ink, ls=":", lw=1.2)
        ax.set(title=title, xlabel="step size η", ylabel="initial scale", xscale="log", yscale="log")
    shares = [np.mean(kinds == each) for each in range(len(REGIMES))]
    return Picture(
        figure,
        "fig-phase",
        f"{len(phase)} runs on one data set, over step size and initial scale. Left: how they end. Right: the "
        f"sharpness found in units of $2/\\eta$, blank where no global minimum was found. {shares[3]:.0%} of the runs "
        f"end at the edge of stability, {shares[2]:.0%} below it. Dotted: $\\eta_2 = {limit:.2g}$, above which every "
        "interpolant is too sharp.",
        f"Two maps of {eta.size} step sizes by {scale.size} initial scales. At small steps runs end "
        f"below the edge ({shares[2]:.0%}); beyond a line they end at it ({shares[3]:.0%}); {shares[0]:.0%} find no "
        "global minimum, at the largest steps and the smallest scales.",
        {"eta": phase["eta"], "scale": phase["scale"], "outcome": [str(each) for each in phase["outcome"]],
         "steps": phase["steps"], "sharpness": phase["sharpness"], "norm": phase["norm"]},
        plans.COMMAND,
    )


def regenerating_table() -> Table:
    """What each sweep of ``make data`` took when its stored results were made."""
    rows, total = [], 0.0
    for name in plans.plans():
        found, cost = plans.stored(name), plans.about(name)
        steps = found["steps"].sum() / 1e9
        total += cost.seconds
        rows.append((name, len(found), f"{steps:.2g}", f"{cost.seconds / 60:.1f}", cost.cores))
    rows.append(("all", sum(row[1] for row in rows), "", f"{total / 60:.0f}", ""))
    return Table("What regenerating the data took", ("sweep", "runs", "billion steps", "minutes", "cores"), rows)
