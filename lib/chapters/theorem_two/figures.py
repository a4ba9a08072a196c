"""Figures of chapter IX."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.spatial import ConvexHull

from ledgerbook.drawing import PALETTE
from ledgerbook.picture import Picture, blank, styled
from stableminima import polytopes, smoothness, strong, tangent
from stableminima import switching as sw
from stableminima.network import Dataset, Network
from stableminima.polytopes import OneKink
from stableminima.runs.experiments import Sweep

NEAR = 1e-5  # a knot this close to a sample is taken to be on it


def snapped(net: Network, data: Dataset, within: float = NEAR) -> tuple[Network, Dataset]:
    """The network with every knot that is near a sample moved onto it, and its own outputs as labels."""
    distance = np.abs(net.thresholds[:, None] - data.x).min(axis=1)
    if (distance <= within).any():
        net = sw.snapped(net, data.x, net.k, within)
    return net, Dataset(data.x, net(data.x))


@styled
def versions(sweeps: Sequence[Sweep]) -> Picture:
    """What each version of Theorem 2 says at every kept run, in units of 2/η, and beside what the function needs."""
    found = np.array([_versions(*sweep.case(index), sweep["eta"][index]) for sweep in sweeps
                      for index in range(len(sweep))])
    edge, paper, exact, needed = found.T
    figure, (left, right) = blank(7.2, 3.1, columns=2)
    left.plot(edge, paper / edge, "x", ms=4, color=PALETTE["curvature"].ink, label="with C and p, as (S75)")
    left.plot(edge, exact / edge, ".", ms=4, color=PALETTE["model"].ink, label="with the exact distance")
    left.axhline(1, color=PALETTE["threshold"].ink, ls="--", label="no correction: 2/η")
    left.set(xscale="log", yscale="log", xlabel="2/η of the run", ylabel="bound, in units of 2/η",
             title="What the bounds say")
    left.legend(loc="upper right")
    share = np.linspace(0, 1, edge.size)
    for bound, role in ((edge, "threshold"), (exact, "model"), (paper, "curvature")):
        right.plot(np.sort(bound / needed), share, **PALETTE[role].line)
    right.set(xscale="log", xlabel="bound, in units of 1 + 2∫|f''| g", ylabel="share of the runs", ylim=(0, 1),
              title="Beside what the function needs")
    worst = int(np.argmax(paper / edge))
    void = int(np.sum((paper - edge) ** 2 / paper >= needed))  # α² alone reaches what the function needs
    return Picture(
        figure,
        "fig-versions",
        f"Bounds of the sharpest mode by three versions of Theorem 2, at the {edge.size} minima that the book keeps. "
        "Knots within $10^{-5}$ of a sample are moved onto it. Left: in units of $2/\\eta$, which needs no correction "
        f"where $V = \\mathbb R^n$, as here. (S75), corrected, is {np.median(paper / edge):.1f} times as large in the "
        f"median. At the worst run $2/\\eta$ is {edge[worst]:.3g}, (S75) says {paper[worst]:.3g}, and "
        f"{exact[worst]:.3g} with the exact distance of the modes. Right: the same bounds in units of what the "
        "function needs, cumulated over the runs; "
        f"from left to right $2/\\eta$, the exact distance, (S75). At {void} runs (S75) would not exclude the function "
        "found at any step size.",
        f"Scatter plot and cumulative distributions over {edge.size} runs. The correction with C and p raises the "
        f"bound by a factor of up to {np.max(paper / edge):.0f}, the exact distance by up to "
        f"{np.max(exact / edge):.2f}.",
        {"two_over_eta": edge, "bound_with_C_and_p": paper, "bound_with_exact_distance": exact, "needed": needed},
        "make data",
    )


def _versions(net: Network, data: Dataset, eta: float) -> tuple[float, float, float, float]:
    """2/η, (S75) corrected, the same with the exact distance of the modes, and 1 + 2∫|f''| g."""
    net, data = snapped(net, data)
    alphas = [strong.paper_alpha(net, data), strong.exact_alpha(net, data)]
    return 2 / eta, *map(float, strong.ceiling(eta, alphas)), smoothness.sharpness_bound(net, data)


@styled
def one_neuron(steps: int = 90) -> Picture:
    """The path of the one neuron inside its polytope, and its distance beside that with the knot moved."""
    kink, corners = OneKink(), polytopes.certificate().astype(float)
    path = [np.array([0.0, 0.01, 0.9])]
    for _ in range(steps):
        path.append(kink.step(path[-1][None]).astype(float)[0])
    path = np.array(path)
    active = path @ kink.wall.astype(float) > 0
    figure, (left, right) = blank(7.2, 3.2, columns=2)
    shadow = corners[ConvexHull(corners[:, 1:]).vertices][:, 1:]
    left.fill(*shadow.T, facecolor=PALETTE["weight"].ink, alpha=0.12, edgecolor="none")
    left.plot(*np.vstack([shadow, shadow[:1]]).T, **PALETTE["weight"].line)
    left.plot(*path[:, 1:].T, lw=0.7, color=PALETTE["other"].ink)
    left.plot(*path[~active, 1:].T, "o", ms=3.2, color=PALETTE["model"].ink, label="silent on its sample")
    left.plot(*path[active, 1:].T, "^", ms=4.6, color=PALETTE["curvature"].ink, label="active on its sample")
    left.set(xlabel="r₂, residual on the second sample", ylabel="s, how silent the neuron is",
             title="A path in the polytope")
    left.legend(loc="lower right")
    lengths = {name: _distances(nudge, steps) for name, nudge in (("knot on the sample", 0.0),
                                                                  ("to its left", 1e-3), ("to its right", -1e-3))}
    for (name, length), role in zip(lengths.items(), ("data", "curvature", "model"), strict=True):
        right.plot(length, label=name, **PALETTE[role].line)
    right.set(yscale="log", ylim=(1e-2, 1e2), xlabel="step t", ylabel="distance, start = 1", title="Real descent")
    right.legend(loc="lower right")
    lowest = min(lengths["knot on the sample"])
    return Picture(
        figure,
        "fig-one-neuron",
        "One neuron with its knot on a sample, at η = 1; both modes are sharper than $2/\\eta$. Left: "
        f"{steps} steps of the switching system, and the shadow of the polytope that it cannot leave. While the neuron "
        "is silent, $r_2$ swings ever wider and $s$ stays; one step in the active mode throws both back. Right: "
        "distance in real descent from $10^{-5}$ away, beside the two networks whose knot is moved by a hundredth.",
        f"A path of {np.sum(~active)} silent and {np.sum(active)} active points inside a polygon. In real descent with "
        f"the knot on the sample the distance falls to {lowest:.2f} of its start in {steps} steps; with the knot on "
        "either side it grows more than tenfold.",
    )


def _distances(nudge: float, steps: int) -> np.ndarray:
    """‖θ_t - θ*‖/‖θ_0 - θ*‖ of real descent, the bias of the neuron moved by ``nudge``."""
    there = OneKink().net
    net = Network(there.w1, there.b1 + nudge, there.w2, 0)
    x = OneKink().data.x
    data = Dataset(x, net(x))
    start = np.array([-0.2, 0.1, 0.3, 0.9])
    theta, out = net.vector + 1e-5 * start / np.linalg.norm(start), [1.0]
    for _ in range(steps):
        theta = theta - tangent.gradient(Network.from_vector(theta), data)
        out.append(float(np.linalg.norm(theta - net.vector)) / 1e-5)
    return np.array(out)
