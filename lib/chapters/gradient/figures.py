"""Figures of chapter V."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ledgerbook.drawing import PALETTE
from ledgerbook.picture import Picture, blank, styled
from stableminima import quotients, tangent
from stableminima.network import Network

from ..instances import Case


@styled
def four_parameters(net: Network, x: float, neuron: int = 0, reach: float = 1.0) -> Picture:
    """f at one input while one parameter moves: one of each block, with the slope of (S32) as a straight line."""
    figure, axes = blank(7.2, 2.5, columns=4)
    entries = [neuron, net.k + neuron, 2 * net.k + neuron, 3 * net.k]
    slopes = tangent.features(net, [x])[:, 0]
    moves = np.linspace(-reach, reach, 201)
    for ax, entry, name in zip(axes, entries, ("w1", "b1", "w2", "b2"), strict=True):
        direction = np.eye(net.vector.size)[entry]
        values = [float(Network.from_vector(net.vector + move * direction)([x])[0]) for move in moves]
        straight = float(net([x])[0]) + slopes[entry] * moves
        ax.plot(moves, straight, "--", color=PALETTE["bound"].ink, lw=1.2)
        ax.plot(moves, values, color=PALETTE["model"].ink, lw=1.6)
        ax.plot(0, net([x])[0], "o", ms=4, color=PALETTE["data"].ink)
        ax.set(title=name, xlabel=f"change of {name}")
    low, high = (pick([ax.get_ylim() for ax in axes]) for pick in (np.min, np.max))
    for ax in axes:
        ax.set(ylim=(low, high))
        ax.tick_params(labelleft=ax is axes[0])
    axes[0].set(ylabel="f(x)")
    kinks = quotients.room(net, [x])[entries[:2]]
    return Picture(
        figure,
        "fig-four-parameters",
        "The output at one input while a single parameter of an active neuron moves, one panel for each block. Dashed: "
        "the straight line with the slope of (S32). In w2 and b2 the output is that line everywhere, in w1 and b1 as "
        "far as the kink, where the neuron falls silent.",
        f"Four panels. In w2 and b2 the output is a straight line; in w1 it bends at a distance of {kinks[0]:.2f} from "
        f"the network's own value and in b1 at {kinks[1]:.2f}, and is constant beyond.",
    )


@styled
def difference_errors(case: Case, distances: tuple[float, ...] = (1e-1, 1e-4, 1e-7)) -> Picture:
    """The error of the central difference against its step, for thresholds at several distances from a sample."""
    figure, (ax,) = blank(7.2, 3.2)
    steps = np.geomspace(1e-12, 1, 121)
    roles = ("model", "curvature", "weight")
    for distance, role in zip(distances, roles, strict=True):
        net = with_preactivation(case, distance)
        error = [_entry_error(net, case.data.x[0], step) for step in steps]
        ax.plot(steps, np.maximum(error, 1e-17), lw=1.3, label=f"kink at {distance:g}", **PALETTE[role].line)
    ax.plot(steps, np.finfo(float).eps / steps, color=PALETTE["other"].ink, ls=":", label="rounding, 2⁻⁵²/h")
    ax.set(xscale="log", yscale="log", xlabel="step h", ylabel="error of the difference", ylim=(1e-17, 10))
    ax.legend(loc="lower left")
    net = with_preactivation(case, distances[0])
    best = min(_entry_error(net, case.data.x[0], step) for step in steps[steps < distances[0]])
    return Picture(
        figure,
        "fig-difference-errors",
        "Error of the central difference of $f$ in the bias of one neuron, for three distances of that neuron's kink. "
        "Rounding falls with the step, and there is no truncation error at all: up to the kink a larger step is a "
        "better one. Behind the kink nothing is left of the derivative.",
        "Log-log plot of the error against the step, three curves. All fall as 1/h at first; each jumps to the order "
        f"of 1 where the step reaches its kink, at {distances[0]:g}, {distances[1]:g} and {distances[2]:g}. The "
        f"smallest error with a kink at {distances[0]:g} is at most 1e{int(np.ceil(np.log10(max(best, 1e-15))))}.",
    )


def with_preactivation(case: Case, value: float) -> Network:
    """The network of a case whose first neuron has the pre-activation ``value`` at the first sample."""
    net, b1 = case.net, case.net.b1.copy()
    b1[0] = value - net.w1[0] * case.data.x[0]
    return replace(net, b1=b1)


def _entry_error(net: Network, x: float, step: float) -> float:
    """|central difference - closed form| in b1 of the first neuron."""
    move = step * np.eye(net.vector.size)[net.k]
    up, down = (float(Network.from_vector(net.vector + sign * move)([x])[0]) for sign in (1, -1))
    return abs((up - down) / (2 * step) - tangent.features(net, [x])[net.k, 0])
