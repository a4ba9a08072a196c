"""Figures of chapter XI."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ledgerbook.drawing import PALETTE
from ledgerbook.picture import Picture, blank, styled
from stableminima import implementations, interpolants, rescaling, smoothness, tangent
from stableminima.network import Dataset, Network
from stableminima.runs.experiments import Sweep

from .. import plans
from .claims import wide_case

Array = NDArray[np.float64]
SPREADS = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)


@styled
def along_lines(net: Network, data: Dataset, lines: int = 12) -> Picture:
    """λ_max along straight lines in log β through the flattest rescaling."""
    best = rescaling.flattest_rescaling(net, data)
    figure, (ax,) = blank(6.4, 3.2)
    t, rng, most = np.linspace(-2, 2, 81), np.random.default_rng(0), 0.0
    for _ in range(lines):
        direction = rng.standard_normal(net.k)
        direction /= np.abs(direction).max()
        values = [tangent.interpolation_sharpness(best.net.rescale(np.exp(each * direction)), data) for each in t]
        most = max(most, max(values))
        ax.plot(t, values, lw=0.9, color=PALETTE["model"].ink)
    ax.axhline(best.bound, **PALETTE["bound"].line, label="what Q proves of all rescalings")
    ax.set(yscale="log", xlabel="place on a line in log β, 0 at the flattest rescaling", ylabel=r"$\lambda_{\max}$")
    ax.legend(loc="upper center")
    return Picture(
        figure,
        "fig-convex",
        f"λ_max along {lines} random lines in $\\log \\beta$ through the flattest rescaling of a minimum, on a "
        "logarithmic axis: every curve is convex, and none goes below the dotted line.",
        f"{lines} convex curves that touch a horizontal line at {best.bound:.2f} in the middle and rise to at most "
        f"{most:.0f} at the ends.",
    )


class Descent(NamedTuple):
    """λ_max along gradient descent on log β, and what the top eigenvector there proves, for each step."""

    sharpness: Array
    proved: Array


def descend_in_factors(net: Network, data: Dataset, steps: int = 3000, size: float = 0.02) -> Descent:
    """The paper's method: plain gradient descent on λ_max, here in log β, with the certificate of (S88)."""
    t, found = np.zeros(net.k), []
    first, second, third = tangent.blocks(net, data.x)
    for _ in range(steps):
        v, u = net.w2**2 * np.exp(-2 * t), np.exp(2 * t)
        gram = (1 + (first.T * v) @ first + (second.T * v) @ second + (third.T * u) @ third) / data.n
        values, vectors = np.linalg.eigh(gram)
        q = vectors[:, -1]
        moment, value = np.hypot(first @ q, second @ q), np.abs(third @ q)
        found.append((values[-1], (q.sum() ** 2 + 2 * np.abs(net.w2) @ (moment * value)) / data.n))
        t = t - size * 2 * (u * value**2 - v * moment**2) / data.n
    return Descent(*np.array(found).T)


@styled
def paper_and_path(cases: dict[str, tuple[Network, Dataset]]) -> Picture:
    """Gradient descent on the factors beside the certified minimum: how the gap closes, and where it does not."""
    figure, axes = blank(7.2, 3.0, columns=len(cases))
    left = {}
    for ax, (name, (net, data)) in zip(axes, cases.items(), strict=True):
        run, best = descend_in_factors(net, data), rescaling.flattest_rescaling(net, data)
        step = np.arange(1, run.sharpness.size + 1)
        gap = np.maximum(run.sharpness / run.proved - 1, 1e-16)
        ax.plot(step, np.maximum(run.sharpness / best.bound - 1, 1e-16), label=r"above the smallest $\lambda_{\max}$",
                **PALETTE["sharpness"].line)
        ax.plot(step, gap, label="gap of the paper's certificate", **PALETTE["threshold"].line)
        ax.axhline(max(best.gap, 1e-16), label="gap of the density matrix", **PALETTE["bound"].line)
        ax.set(title=name, xscale="log", yscale="log", ylim=(1e-16, 10), xlabel="step of gradient descent on log β")
        left[name] = gap[-1]
    axes[0].set_ylabel(r"share of $\lambda_{\max}$")
    axes[0].legend(loc="lower left", fontsize=7)
    words = ", ".join(f"{value:.0e} ({name})" for name, value in left.items())
    return Picture(
        figure,
        "fig-paper-method",
        "The paper's method, step by step: gradient descent on the factors, and what the top eigenvector there proves. "
        "Left the gap falls, slowly. Right two eigenvalues meet: descent goes to and fro between two top eigenvectors, "
        "neither of which proves enough, although the density matrix does.",
        f"Two log-log panels. After {step[-1]} steps the gap of the paper's certificate is {words}.",
    )


@styled
def where_rank_one_closes(count: int = 40) -> Picture:
    """On random networks: how often the top eigenvalue at the flattest rescaling is simple, by the spread of inputs."""
    shares, gaps = [], []
    for spread in SPREADS:
        closed = []
        for seed in range(count):
            case = wide_case(seed, k=30, n=6, spread=spread, reach=5.0)
            best = rescaling.flattest_rescaling(case.net, case.data)
            top = np.linalg.eigh(tangent.gram(best.net, case.data))[1][:, -1]
            gap = best.sharpness / rescaling.rescaling_bound(case.net, case.data, np.outer(top, top)) - 1
            closed.append(gap < 1e-6)
            gaps.append(best.gap)
        shares.append(np.mean(closed))
    figure, (ax,) = blank(5.6, 3.0)
    ax.plot(SPREADS, shares, "D-", ms=4, color=PALETTE["threshold"].ink, label="the top eigenvector, as in the paper")
    ax.plot(SPREADS, np.ones(len(SPREADS)), "o--", ms=3, color=PALETTE["model"].ink, label="the density matrix")
    ax.axvline(1, **PALETTE["other"].line)
    ax.set(xscale="log", xlabel="inputs are uniform in ± this", ylabel="share whose gap closes", ylim=(0, 1.08))
    ax.set_xticks(SPREADS, [f"{each:g}" for each in SPREADS])
    ax.legend(loc="lower left")
    return Picture(
        figure,
        "fig-rank-one",
        f"{count} random networks for each spread of the inputs. Up to 1 (dotted), where Perron and Frobenius apply, "
        f"the paper's certificate closes on all; at {SPREADS[-1]:g} on {shares[-1]:.0%}. The density matrix closes on "
        f"all of them, to {max(gaps):.0e}.",
        f"Two curves over the spread of the inputs: the paper's certificate closes on {shares[0]:.0%} of the networks "
        f"at {SPREADS[0]:g}, on {shares[-1]:.0%} at {SPREADS[-1]:g}; the density matrix on 100% everywhere.",
    )


class Chain(NamedTuple):
    """For some kept runs: their step sizes and every link of the chain."""

    eta: Array
    found: Array
    rescaled: Array
    flattest: Array
    priced: Array
    lemma: Array


def chain_of(sweep: Sweep, every: int = 6) -> Chain:
    """Every so many kept runs, the first and the last included."""
    kept, rows = sweep.kept, []
    ones = np.ones((kept.data.n, kept.data.n))
    for index in np.unique(np.append(np.arange(0, len(kept), every), len(kept) - 1)):
        net = kept.net(index)
        rows.append((kept["eta"][index], tangent.interpolation_sharpness(net, kept.data),
                     rescaling.flattest_rescaling(net, kept.data).sharpness,
                     implementations.flattest_implementation(net, kept.data).sharpness,
                     implementations.function_bound(net, kept.data, ones), smoothness.sharpness_bound(net, kept.data)))
    return Chain(*np.array(rows).T)


@styled
def chain(links: Chain) -> Picture:
    """The chain against the step size, and how much each link loses."""
    figure, (left, right) = blank(7.2, 3.4, columns=2)
    every = np.geomspace(links.eta.min(), links.eta.max(), 50)
    left.plot(every, 2 / every, label="2/η", **PALETTE["threshold"].line)
    names = (r"$\lambda_{\max}$ found", "flattest rescaling", "Λ(f), flattest implementation", "Lemma 4")
    values = (links.found, links.rescaled, links.flattest, links.lemma)
    for name, value, role in zip(names, values, ("sharpness", "model", "curvature", "bound"), strict=True):
        left.plot(links.eta, value, marker=PALETTE[role].marker, ms=2.5, label=name, **PALETTE[role].line)
    left.set(xscale="log", yscale="log", xlabel="step size η", ylabel="sharpness", ylim=(1, 3e4), title="The chain")
    left.legend(loc="upper right", fontsize=7)
    losses = {"layers out of balance": links.found / links.rescaled,
              "sides of neurons": links.rescaled / links.flattest,
              "one Q for all": links.flattest / links.priced, "slope for nothing": links.priced / links.lemma}
    for (name, loss), role in zip(losses.items(), ("sharpness", "model", "curvature", "bound"), strict=True):
        right.plot(links.eta, loss, marker=PALETTE[role].marker, ms=2.5, label=name, **PALETTE[role].line)
    right.set(xscale="log", xlabel="step size η", ylabel="factor", title="What each link loses", ylim=(0.9, 5.5))
    right.legend(loc="upper left", fontsize=7)
    ranges = "; ".join(f"{name}: {loss.min():.2f} to {loss.max():.2f}" for name, loss in losses.items())
    return Picture(
        figure,
        "fig-implementation-chain",
        f"{links.eta.size} of the kept runs of Section 5, evenly spread. Left: Lemma 4 ≤ Λ(f) ≤ flattest rescaling ≤ "
        f"found. Right: the factor that each step loses: {ranges}.",
        f"Two panels over {links.eta.size} step sizes. At the smallest the sharpness found is {links.found[0]:.1f}, "
        f"the flattest rescaling {links.rescaled[0]:.1f}, the flattest implementation {links.flattest[0]:.2f} and the "
        f"bound of Lemma 4 {links.lemma[0]:.2f}.",
        {"eta": links.eta, "found": links.found, "rescaled": links.rescaled, "implementation": links.flattest,
         "with a price": links.priced, "lemma4": links.lemma},
        plans.COMMAND,
    )


@styled
def weights(net: Network, data: Dataset) -> Picture:
    """What a bend costs at each place under the best Q, on either side, beside 2g of Lemma 4."""
    best = implementations.flattest_implementation(net, data)
    x = np.sort(data.x)
    grid = np.setdiff1d(np.linspace(x[0], x[-1], 801), x)
    plus, minus = implementations.side_costs(grid, data, best.density)
    figure, (left, right) = blank(7.2, 3.2, columns=2)
    lemma = 2 * smoothness.g_plus(grid, data), 2 * smoothness.g_minus(grid, data), "Lemma 4: Q = 11ᵀ/n"
    for ax, (rising, falling, title) in zip((left, right), (lemma, (plus, minus, "the best Q")), strict=True):
        whole = np.minimum(rising, falling)
        ax.plot(grid, rising, label="opens to the right", **PALETTE["model"].line)
        ax.plot(grid, falling, label="opens to the left", **PALETTE["curvature"].line)
        ax.fill_between(grid, whole, color=PALETTE["weight"].ink, alpha=0.25, lw=0, label="the cheaper side")
        ax.plot(x, 0 * x, "|", ms=8, color=PALETTE["data"].ink)
        ax.set(title=title, xlabel="place of the bend", ylim=(0, 1.05 * max(whole.max() * 3, 0.1)))
    left.set_ylabel("cost of a unit of bend")
    left.legend(loc="upper center", fontsize=7)
    ratio = np.minimum(plus, minus).max() / (2 * smoothness.g(grid, data).max())
    first = best.density.sum() / data.n
    return Picture(
        figure,
        "fig-best-weight",
        "What a unit of bend adds to the sharpness at least, by place and side. Left with the constant vector, as in "
        "Lemma 4, right with the density matrix that proves Λ(f). The best Q gives up a part of the constant term, "
        f"{first:.2f} in place of 1, for a weight that is {ratio:.1f} times as high.",
        f"Two panels of a rising and a falling weight with jumps at the samples. The peak of the cheaper side is "
        f"{ratio:.1f} times as high with the best Q, and the constant term {first:.2f} in place of 1.",
    )


@styled
def sides(net: Network, data: Dataset) -> Picture:
    """The bends of a minimum by the side to which its neurons open, as found and in the flattest implementation."""
    best = implementations.flattest_implementation(net, data)
    figure, axes = blank(7.2, 3.0, columns=2)
    edge, turned = np.abs(data.x).max() + 0.1, []
    for ax, each, title in zip(axes, (net, best.net), ("as descent found it", "flattest implementation"), strict=True):
        bend, inside = np.abs(each.w1) * each.w2, np.abs(each.thresholds) < edge
        for right, role in ((True, "model"), (False, "curvature")):
            chosen = inside & ((each.w1 > 0) == right)
            ax.vlines(each.thresholds[chosen], 0, bend[chosen], color=PALETTE[role].ink, lw=1.1)
            ax.plot(each.thresholds[chosen], bend[chosen], PALETTE[role].marker, ms=3, color=PALETTE[role].ink,
                    label=f"opens to the {'right' if right else 'left'}")
        ax.plot(data.x, 0 * data.x, "|", ms=8, color=PALETTE["data"].ink)
        sharpness = tangent.interpolation_sharpness(each, data)
        ax.set(title=rf"{title}: $\lambda_{{\max}}$ {sharpness:.2f}", xlabel="threshold")
        outward = (each.thresholds > np.median(data.x)) == (each.w1 > 0)
        turned.append(np.average(outward[inside], weights=np.abs(bend[inside])))
    axes[0].set_ylabel("bend c = |w1| w2")
    axes[0].legend(loc="lower left", fontsize=7)
    return Picture(
        figure,
        "fig-sides",
        "One function, two networks. Each stem is a neuron, at its threshold, by the side to which it opens. In the "
        f"flattest implementation {turned[1]:.0%} of the bend opens outwards, to the side on which it sees fewer "
        f"samples; as descent found it {turned[0]:.0%}.",
        f"Two stem plots. As found {turned[0]:.0%} of the bend opens outwards, in the flattest implementation "
        f"{turned[1]:.0%}, and λ_max falls from {tangent.interpolation_sharpness(net, data):.1f} to "
        f"{best.sharpness:.2f}.",
    )


@styled
def flattest_of_all(net: Network, data: Dataset) -> Picture:
    """The flattest interpolant of all widths, beside the function that descent found, and its neurons by their side."""
    best = interpolants.flattest_interpolant(data)
    figure, (left, right) = blank(7.2, 3.0, columns=2)
    edge = np.abs(data.x).max() + 0.1
    grid = np.linspace(-edge, edge, 401)
    left.plot(grid, net(grid), label="found by descent", **PALETTE["other"].line)
    left.plot(grid, best.net(grid), label="flattest interpolant", **PALETTE["model"].line)
    left.plot(data.x, data.y, "o", ms=4, color=PALETTE["data"].ink)
    left.set(xlabel="x", ylabel="f(x)", title="Two functions through the data")
    left.legend(loc="best", fontsize=7)
    bend = np.abs(best.net.w1) * best.net.w2
    heavy = (np.abs(bend) > 1e-3 * np.abs(bend).max()) & (np.abs(best.net.thresholds) < edge)
    for opens, role in ((True, "model"), (False, "curvature")):
        chosen = heavy & ((best.net.w1 > 0) == opens)
        right.vlines(best.net.thresholds[chosen], 0, bend[chosen], color=PALETTE[role].ink, lw=1.1)
        right.plot(best.net.thresholds[chosen], bend[chosen], PALETTE[role].marker, ms=3, color=PALETTE[role].ink,
                   label=f"opens to the {'right' if opens else 'left'}")
    right.plot(data.x, 0 * data.x, "|", ms=8, color=PALETTE["data"].ink)
    right.set(xlabel="threshold", ylabel="bend", title="The neurons of the flattest")
    right.legend(loc="best", fontsize=7)
    near = np.abs(best.net.thresholds[heavy, None] - data.x).min(axis=1) < 1e-3 * np.ptp(data.x)
    return Picture(
        figure,
        "fig-flattest-interpolant",
        f"The flattest interpolant of all widths, of sharpness {best.sharpness:.2f}, beside the function that descent "
        f"found. Right: its {heavy.sum()} neurons with a bend that counts; {near.sum()} of them have their threshold "
        "beside a sample, where descent likes to put its own.",
        f"Left two functions through {data.n} points, right a stem plot of {heavy.sum()} bends, {near.sum()} of them "
        "beside a sample.",
    )
