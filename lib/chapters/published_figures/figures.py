"""Figures and tables of "I, continued": the published figures of the experiments, and two that the paper leaves out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap, LogNorm
from matplotlib.patches import Patch
from matplotlib.ticker import NullFormatter
from scipy.stats import spearmanr

from ledgerbook.drawing import PALETTE
from ledgerbook.picture import Picture, blank, blank_grid, styled
from ledgerbook.tables import Table
from stableminima import smoothness, tangent
from stableminima.network import Dataset, Network
from stableminima.runs.descent import Outcome, Run
from stableminima.runs.experiments import Row, Sweep

from .. import plans
from ..floors import floor, in_units_of_floor
from ..panels import EDGE, REGIMES, leaves, reach, reached_edge, regime
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
        ax.plot(part["eta"], part["sharpness"], "D", ms=1.8, color=PALETTE["sharpness"].ink,
                label=r"$\lambda_{\max}$ found")
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


@dataclass(frozen=True)
class Trend:
    """What ∫|f''| g does on one data set as the step size grows along the edge of stability.

    Attributes
    ----------
    seed : makes the data. runs : how many were kept at the edge. rank : Spearman's rank correlation of step size and
    norm. first, last : the norm at the smallest and largest of those step sizes, in units of its floor m.
    """

    seed: int
    runs: int
    rank: float
    first: float
    last: float

    @property
    def factor(self) -> float:
        """How many times smaller the norm is at the end."""
        return self.first / self.last


def trends(sweep: Sweep, least: int = 5) -> list[Trend]:
    """The trend of every data set with at least so many kept runs at the edge, falling ones first."""
    kept = sweep.kept
    edge = kept.where(reached_edge(kept))
    found = []
    for seed in np.unique(edge["seed"]).tolist():
        part = edge.where(edge["seed"] == seed)
        if len(part) >= least:
            _, norm = in_units_of_floor(part)  # the runs of a seed are stored in the order of their step sizes
            found.append(Trend(seed, len(part), float(spearmanr(part["eta"], norm)[0]), norm[0], norm[-1]))
    return sorted(found, key=lambda each: each.rank)


@styled
def smoother_on_all_data_sets(sweeps: dict[str, Sweep]) -> Picture:
    """∫|f''| g over its floor against η/η₂ for each data set, a panel for each start."""
    figure, panels = blank(8.4, 4.0, columns=len(sweeps))
    said, columns = [], []
    for ax, (title, sweep) in zip(panels, sweeps.items(), strict=True):
        kept, found = sweep.kept, trends(sweep)
        rising = [each.seed for each in found if each.rank > 0]
        step, norm = in_units_of_floor(kept)
        edge = reached_edge(kept)
        ax.plot(step[~edge], norm[~edge], ".", ms=2, color="#b4bac1", label="below the edge")
        for each in found:
            part = edge & (kept["seed"] == each.seed)
            rises = each.seed in rising
            ax.plot(step[part], norm[part], **_trend_look(rises), zorder=3 if rises else 2)
        ax.axhline(1, color=PALETTE["data"].ink, ls=":", lw=1.2)
        ax.axvline(1, color=PALETTE["data"].ink, ls=":", lw=1.2)
        for label, rises in (("at the edge, falling", False), ("at the edge, rising", True)):
            ax.plot([], [], label=label, **_trend_look(rises))
        ax.set(title=f"from {title}", xlabel="step size, η/η₂", xscale="log", yscale="log", ylim=(0.95, 5))
        ax.set_yticks([1, 1.5, 2, 3, 4], ["1", "1.5", "2", "3", "4"])
        ax.yaxis.set_minor_formatter(NullFormatter())
        said.append(_said(title, found))
        columns.append((kept, step, norm, edge))
    panels[0].set_ylabel("∫|f''| g, in units of m")
    panels[0].legend(loc="upper left")
    return Picture(
        figure,
        "fig-all-data-sets",
        r"Larger step, smoother function, on every data set that was tried. Each line is one data set at the edge of "
        r"stability. The step size is in units of $\eta_2$, above which no interpolant is stable, and $\int |f''|\, g$ "
        f"in units of $m$, the least that any interpolant has. {' '.join(said)}",
        f"Two log-log plots of the weighted norm over its floor against the step size over η₂. {' '.join(said)}",
        {
            "scale": np.concatenate([kept["scale"] for kept, *_ in columns]),
            "seed": np.concatenate([kept["seed"] for kept, *_ in columns]),
            "eta": np.concatenate([kept["eta"] for kept, *_ in columns]),
            "eta_over_eta_2": np.concatenate([step for _, step, *_ in columns]),
            "norm_over_m": np.concatenate([norm for *_, norm, _ in columns]),
            "at_the_edge": np.concatenate([edge for *_, edge in columns]),
        },
        plans.COMMAND,
    )


def _trend_look(rises: bool) -> dict[str, object]:
    style = PALETTE["threshold" if rises else "model"]
    return {"color": style.ink, "lw": 1.6 if rises else 0.8, "ls": (0, (4, 1.5)) if rises else "-",
            "marker": "^" if rises else "o", "ms": 4 if rises else 2}


def _said(title: str, found: list[Trend]) -> str:
    rising = [f"{each.seed} (by {1 / each.factor - 1:.1%})" for each in found if each.rank > 0]
    rank = np.median([each.rank for each in found])
    return (f"From {title} it falls on {len(found) - len(rising)} of the {len(found)} data sets with at least five "
            f"runs at the edge, with a median rank correlation of {rank:.2f}"
            + (f"; it rises on seeds {', '.join(rising)}." if rising else "."))


def trends_table(sweeps: dict[str, Sweep]) -> Table:
    """The statistics of :func:`smoother_on_all_data_sets`, a column for each start."""
    every = [trends(sweep) for sweep in sweeps.values()]

    def row(what: str, value) -> tuple[str, ...]:
        return what, *(value(found) for found in every)

    def span(values: list[float]) -> str:
        return f"{min(values):.2f} to {max(values):.2f}"

    sets = [str(len(np.unique(sweep["seed"]))) for sweep in sweeps.values()]
    rows = [
        ("data sets", *sets),
        row("with at least 5 runs kept at the edge", lambda found: str(len(found))),
        row("there ∫|f''| g falls", lambda found: str(sum(each.rank < 0 for each in found))),
        row("rank correlation with η, median", lambda found: f"{np.median([each.rank for each in found]):.2f}"),
        row("first over last", lambda found: span([each.factor for each in found])),
        row("first, in units of m", lambda found: span([each.first for each in found])),
        row("last, in units of m", lambda found: span([each.last for each in found])),
    ]
    return Table("Larger step, smoother function, on many data sets", ("along the edge", *sweeps), rows)


@styled
def chain_over_data_sets(chain: Sweep) -> Picture:
    """Both inequalities over many data sets: the bound and the sharpness of each kept run in units of 2/η."""
    figure, (left, right) = blank(8.4, 3.2, columns=2)
    kept = chain.kept
    bound, edge = 1 + 2 * kept["norm"], kept["eta"] * kept["sharpness"] / 2
    left.plot(bound, kept["sharpness"], ".", ms=2.5, color=PALETTE["sharpness"].ink)
    ends = np.array([1, 1.1 * kept["sharpness"].max()])
    left.plot(ends, ends, "--", color=PALETTE["bound"].ink, label="equality")
    left.set(title="Lower bound", xlabel="1 + 2∫|f''|g", ylabel=r"$\lambda_{\max}$ found", xscale="log", yscale="log")
    right.plot(kept["eta"], edge, ".", ms=2.5, color=PALETTE["sharpness"].ink, label="where the run stopped")
    above = edge > 1
    right.plot(kept["eta"][above], (kept["lowest"] * kept["eta"] / 2)[above], "x", ms=3, color=PALETTE["model"].ink,
               label="flattest mode after running on")
    right.axhline(1, ls="--", color=PALETTE["threshold"].ink)
    right.set(title="Upper bound", xlabel="step size η", ylabel=r"$\eta\, \lambda_{\max} / 2$", xscale="log")
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
    """How often each link of the chain held."""
    kept = chain.kept
    bound, edge = 1 + 2 * kept["norm"], kept["eta"] * kept["sharpness"] / 2
    at_edge = reached_edge(kept)
    rows = [
        ("runs", len(chain)),
        ("data sets", len(np.unique(chain["seed"]))),
        ("data sets with a kept run", len(np.unique(kept["seed"]))),
        ("runs kept", len(kept)),
        ("of these, 1 + 2∫|f''|g ≤ flattest rescaling", int((bound <= kept["flattest"] * (1 + 1e-4)).sum())),
        ("of these, flattest rescaling ≤ sharpness", int((kept["flattest"] <= kept["sharpness"] * (1 + 1e-4)).sum())),
        ("of these, sharpness ≤ 2/η where the run stopped", int((edge <= 1).sum())),
        (f"runs kept that stopped within {EDGE:.0%} of 2/η or above", int(at_edge.sum())),
        ("of these, sharpness ≤ 2/η where the run stopped", int((at_edge & (edge <= 1)).sum())),
    ]
    return Table("The chain of inequalities over many data sets", ("what", "count"), rows)


def partition(sweep: Sweep) -> dict[tuple[str, str], np.ndarray]:
    """Every kept run in exactly one class: where it stopped, and what it did when descent ran on."""
    above, left, flat, one = (sweep["eta"] * sweep["sharpness"] > 2, leaves(sweep),
                              sweep["eta"] * sweep["lowest"] <= 2, sweep["modes"] == 1)
    return {
        ("at or below 2/η", "stays"): ~above & ~left,
        ("at or below 2/η", "leaves"): ~above & left,
        ("above 2/η", "stays, among several modes, one of them at or below 2/η"): above & ~left & flat & ~one,
        ("above 2/η", "stays, in a single mode, at or below 2/η"): above & ~left & flat & one,
        ("above 2/η", "leaves"): above & left,
        ("above 2/η", "stays, and no mode visited is at or below 2/η"): above & ~left & ~flat,
    }


def partition_table(chain: Sweep) -> Table:
    """The kept runs by :func:`partition`; every run stands in one row."""
    rows = [(*names, int(which.sum())) for names, which in partition(chain.kept).items()]
    rows.append(("all", "", sum(row[-1] for row in rows)))
    return Table("Every kept run, by where it stopped and what it does when descent runs on",
                 ("stopped", "when descent runs on", "runs"), rows)


# from light to dark, so that they are told apart in grey as well
REGIMES_OF_MAP = {
    "stuck at a critical point": "#e6e9ed",
    "at the edge": "#f0b43c",
    "stalled at the edge": "#c177ab",
    "below the edge": "#0072b2",
    "converged in the warm-up": "#24292f",
    "out of steps": "#ffffff",
}


def regime_of_map(row: Row, tolerance: float) -> str:
    """How a run of the map ended; those that found no global minimum in three kinds.

    They stalled at the edge, or nearly converged, or else sit at a critical point: the loss is not small, and the
    sharpness would let descent stay.
    """
    if row.outcome.solved:
        return REGIMES[regime(row)]
    if row.loss <= 100 * tolerance:
        return "out of steps"
    return "stalled at the edge" if row.eta * row.sharpness / 2 > 1 - EDGE else "stuck at a critical point"


def predicted_border(phase: Sweep) -> tuple[np.ndarray, np.ndarray]:
    """Initial scales, and for each the step size 2/λ where λ is the sharpness that the smallest step size found.

    Scales are left out from which the smallest step size found no global minimum, or one at the edge.
    """
    first = phase.where(phase["eta"] == phase["eta"].min())
    first = first.where(np.array([regime(row) == REGIMES.index("below the edge") for row in first.rows]))
    return first["scale"], 2 / first["sharpness"]


@styled
def phase_diagram(phase: Sweep) -> Picture:
    """How runs end over step size and initial scale, and how smooth the functions are that they found."""
    figure, (left, right) = blank(8.4, 4.3, columns=2)
    eta, scale = np.unique(phase["eta"]), np.unique(phase["scale"])
    at = np.searchsorted(scale, phase["scale"]), np.searchsorted(eta, phase["eta"])
    ends = np.array([regime_of_map(row, phase.protocol.tolerance) for row in phase.rows])
    names = [name for name in REGIMES_OF_MAP if name in ends]
    kind, value = np.zeros((scale.size, eta.size)), np.full((scale.size, eta.size), np.nan)
    kind[at] = [names.index(end) for end in ends]
    solved = np.array([row.outcome.solved for row in phase.rows])
    above_floor = in_units_of_floor(phase)[1]
    value[at] = np.where(solved, above_floor, np.nan)
    _map_of_ends(left, eta, scale, kind, names)
    mesh = right.pcolormesh(eta, scale, value, cmap="cividis", norm=LogNorm(1, 10), shading="nearest", rasterized=True)
    bar = figure.colorbar(mesh, cax=right.inset_axes([0, -0.28, 1, 0.05]), orientation="horizontal", extend="max",
                          label="∫|f''| g, in units of m")
    bar.set_ticks([1, 2, 5, 10], labels=["1", "2", "5", "10"])
    bar.ax.xaxis.set_minor_formatter(NullFormatter())
    limit = floor(phase.protocol).step_size
    scales, border = predicted_border(phase)
    for ax, title in ((left, "How runs end"), (right, "How smooth the functions are")):
        ax.axvline(limit, color=PALETTE["data"].ink, ls=":", lw=1.4)
        ax.plot(border, scales, color="white", lw=2.6)
        ax.plot(border, scales, color=PALETTE["data"].ink, ls=(0, (4, 2)), lw=1.4)
        ax.set(title=title, xlabel="step size η", ylabel="initial scale", xscale="log", yscale="log")
    share = {name: f"{np.mean(ends == name):.0%}" for name in names}
    return Picture(
        figure,
        "fig-phase",
        f"{len(phase)} runs on one data set, over step size and initial scale. Left: how they end; "
        f"{share['at the edge']} at the edge of stability, {share['below the edge']} below it. Right: how much the "
        f"functions bend, in units of the floor $m$; blank where no global minimum was found. Dotted: "
        rf"$\eta_2 = {limit:.2g}$, above which every interpolant is too sharp. Dashed: the border that the leftmost "
        r"column predicts, $2/\lambda_{\max}$ of the minimum found there.",
        f"Two maps of {eta.size} step sizes by {scale.size} initial scales. Left, {share['below the edge']} of runs "
        f"end below the edge, at small steps; beyond a slanted line {share['at the edge']} end at it; "
        f"{share['stalled at the edge']} stall at it, beyond η₂ = {limit:.2g} and at small scales; "
        f"{share['stuck at a critical point']} are stuck at the smallest scales. Right, functions bend up to "
        f"{above_floor[solved].max():.0f} times as much as they must, least near η₂.",
        {"eta": phase["eta"], "scale": phase["scale"], "end": ends, "loss": phase["loss"],
         "steps": phase["steps"], "sharpness": phase["sharpness"], "norm": phase["norm"]},
        plans.COMMAND,
    )


def _map_of_ends(ax: Axes, eta: np.ndarray, scale: np.ndarray, kind: np.ndarray, names: list[str]) -> None:
    """The map in one colour for each kind of end, which its legend names."""
    inks = ListedColormap([REGIMES_OF_MAP[name] for name in names])
    ax.pcolormesh(eta, scale, kind, cmap=inks, vmin=-0.5, vmax=len(names) - 0.5, shading="nearest", rasterized=True)
    patches = [Patch(facecolor=REGIMES_OF_MAP[name], edgecolor="#59636e", lw=0.5, label=name) for name in names]
    ax.legend(handles=patches, loc="upper center", bbox_to_anchor=(0.5, -0.17), ncols=2, handlelength=1.2)


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
