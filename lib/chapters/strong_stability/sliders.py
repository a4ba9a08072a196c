"""The slider of chapter IV: who may choose the mode, just below and just above the edge."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from ledgerbook.explorer import Control, Explorer, Frame, Mark, Panel
from stableminima import switching as sw
from stableminima.runs.experiments import Sweep
from stableminima.switching import Switching

from ..instances import Case

SHARES = (0.9, 0.95, 0.98, 0.99, 0.995, 1.0, 1.005, 1.01, 1.02, 1.05)
STEPS = 300
LOW, HIGH = 1e-2, 1e3


def who_chooses(sweep: Sweep, runs: tuple[int, ...] = (100, 168, 191)) -> Explorer:
    """Step size against the distance from minima of the sweep, when the mode is chosen in three ways."""
    cases = [Case(*sweep.case(run)) for run in runs]
    names = tuple(f"found at η = {sweep['eta'][run]:.2g}" for run in runs)
    systems = [sw.at_minimum(case.net, case.data).system for case in cases]

    @lru_cache
    def stored(share: float, which: float) -> Frame:
        return edge_frame(systems[int(which)], share)

    return Explorer(
        "Three ways to choose the mode",
        "Gradient descent at a minimum with 256 modes, from the top eigenvector of the sharpest one. Left: the "
        "distance, when the mode is chosen by an adversary at each step, drawn at random, or the one that the network "
        "is in. Right: the sharpness of all modes, in increasing order, with 2/η.",
        [
            Control("step size η, in units of 2/λ of the sharpest mode", SHARES, tuple(map(str, SHARES)), start=3),
            Control("minimum", range(len(runs)), names, start=1),
        ],
        stored,
        print_at=((3, 1), (6, 1), (9, 1)),
    )


def edge_frame(system: Switching, share: float) -> Frame:
    """The two panels for one step size, and the regime in words."""
    sharpness, eta = system.tops[0], share * sw.edge(system)
    distances = _distances(system, eta)
    words, tone = _regime(sharpness, eta, distances)
    return Frame((_distance_panel(distances), _sharpness_panel(sharpness, eta)), words, tone)


def _distances(system: Switching, eta: float) -> dict[str, np.ndarray]:
    """‖u_t‖ for each way to choose the mode."""
    sharpness, tops = system.tops
    start = tops[sharpness.argmax()]
    chance = np.random.default_rng(0).integers(system.modes, size=STEPS)
    paths = {
        "a greedy adversary": sw.greedy(system, start, eta, STEPS)[0],
        "at random": system.led(start, eta, chance),
        "the network's own": system.path(start, eta, STEPS),
    }
    return {name: np.linalg.norm(path, axis=1) for name, path in paths.items()}


def _regime(sharpness: np.ndarray, eta: float, distances: dict[str, np.ndarray]) -> tuple[str, str]:
    above = int(np.sum(sharpness > 2 / eta * (1 + 1e-12)))
    head = f"2/η = {2 / eta:.4g}; {above} of {sharpness.size} modes are above it. "
    if above == 0:
        return head + "Nobody can lead descent out of the ball: strongly stable, by Lemma 3.", "stable"
    own = distances["the network's own"]
    told = f"The adversary leads it out, to {distances['a greedy adversary'][-1]:.3g} ε after {STEPS} steps. "
    if own[-1] > 1:
        return f"{head}{told}Left to its own rule, descent from this start ends outside too.", "unstable"
    out = own.max() > 1 + 1e-9
    stays = f"comes in after an excursion to {own.max():.3f} ε" if out else "stays in the ball"
    return f"{head}{told}Left to its own rule, descent from this start {stays}.", "edge"


def _distance_panel(distances: dict[str, np.ndarray]) -> Panel:
    roles = ("curvature", "other", "model")
    marks = [Mark("level", (), (1,), "ε, the ball", "threshold")]
    for role, (name, distance) in zip(roles, distances.items(), strict=True):
        marks.append(Mark("line", range(0, STEPS + 1, 3), np.clip(distance[::3], LOW / 10, 10 * HIGH), name, role))
    return Panel("Distance", "step t", "in units of ε", (0, STEPS), (LOW, HIGH), yscale="log", marks=marks)


def _sharpness_panel(sharpness: np.ndarray, eta: float) -> Panel:
    top, low = sharpness.max(), sharpness.min()
    marks = (
        Mark("line", range(sharpness.size), np.sort(sharpness) / top, "λ_max of the modes", "sharpness"),
        Mark("level", (), (2 / eta / top,), "2/η", "threshold"),
    )
    limits = (min(0.94, low / top - 0.01), 1.12)
    return Panel("The modes", "modes in order", "sharpest = 1", (0, sharpness.size), limits, marks=marks)
