"""The slider of the page "At the kink": one neuron at a kink, and the oscillation that kicks it."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from ledgerbook.explorer import Control, Explorer, Frame, Mark, Panel
from stableminima import oscillation
from stableminima.network import Dataset, Network
from stableminima.oscillation import Oscillation

SECOND = (0.5, 0.8, 1.2, 1.6, 3.0)
STRENGTHS = (0.3, 1.0, 2.0)
SHARES = (0.98, 1.0, 1.005, 1.02)
STEPS = 150


def one_neuron() -> Explorer:
    """Where the other sample is, the neuron's w2 and the step size, against the oscillation and the kicks."""

    @lru_cache
    def stored(second: float, strength: float, share: float) -> Frame:
        return kink_frame(at_the_kink(second, strength), share)

    return Explorer(
        "One neuron at a kink",
        "Two samples, -1 and x₂, and a neuron with its knot on the first. It also sees x₂; in its silent mode "
        "κ = (1 - x₂) q₂. Left: the oscillation along q, without its alternating sign. Middle: the neuron's "
        "pre-activation at its knot in units of the oscillation: below the level the neuron is silent there. Right: "
        "the sharpness of both modes, and how often each is met.",
        [
            Control("second sample x₂", SECOND, tuple(map(str, SECOND))),
            Control("w2 of the neuron", STRENGTHS, tuple(map(str, STRENGTHS))),
            Control("step size η, in units of 2/λ of the flattest mode", SHARES, tuple(map(str, SHARES)), start=2),
        ],
        stored,
        print_at=((0, 0, 2), (2, 0, 2), (0, 0, 0)),
    )


def at_the_kink(second: float, strength: float) -> Oscillation:
    """The recursion at a minimum of two neurons on the samples -1 and ``second``."""
    x = np.array([-1.0, second])
    net = Network([1.0, 0.5], [1.0, 1.5], [strength, 1.0], 0.0)
    return oscillation.at(net, Dataset(x, net(x)))


def kink_frame(here: Oscillation, share: float) -> Frame:
    """The three panels, and the regime in words."""
    eta = 2 * share / here.sharpness
    size, push, flips = _orbit(here, eta)
    tops = np.array([np.linalg.eigvalsh(here.flipped_gram(mask))[-1] / here.n for mask in here.masks()])
    kick = float(here.kicks[0])
    names = ("silent", "active") if here.sides[0] > 0 else ("active", "silent")
    words, tone = _regime(size, flips, names[0], kick, share)
    return Frame((_size_panel(size), _push_panel(push, flips, names), _sharpness_panel(tops, eta, flips, names)),
                 words, tone)


def _orbit(here: Oscillation, eta: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(-1)ᵗ ξ_t, P_t over |ξ_t|, and whether the neuron is flipped; ξ = qᵀg, from g = q and a neuron nearly at rest."""
    g, y = here.top.copy(), np.full(here.toggles, -1e-3 * here.sides[0] * here.signs[0])
    rows = []
    for t in range(STEPS):
        xi = float(here.top @ g)
        rows.append(((-1) ** t * xi, here.pushes(g, y)[0] / max(abs(xi), 1e-12), here.flipped(g, y)[0]))
        g, y = here.step(g, y, eta)
    size, push, flips = map(np.array, zip(*rows, strict=True))
    return size, push, flips.astype(bool)


def _regime(size: np.ndarray, flips: np.ndarray, base: str, kick: float, share: float) -> tuple[str, str]:
    kind = "kicks the neuron back" if kick > 0 else "does not kick the neuron back"
    grown = abs(size[-1] / size[0])
    start = (f"The flattest mode, {base} at the knot, is at {share:g} of 2/η; the oscillation {kind} "
             f"(τκq = {kick:.2f}), and {int(flips.sum())} of {flips.size} steps are in the other mode. ")
    if grown > 1.5:
        return start + f"The oscillation has grown to {grown:.3g} times its start: descent is thrown.", "unstable"
    if grown > 0.2:
        return start + f"The oscillation is at {grown:.2f} of its start: descent stays.", "edge"
    return start + f"The oscillation has fallen to {grown:.1g} of its start: it decays.", "stable"


def _size_panel(size: np.ndarray) -> Panel:
    t = np.arange(size.size)
    shown = np.clip(np.abs(size), 1.1e-2, 90)
    return Panel("The oscillation", "step", "|ξ|", (0, size.size), (1e-2, 100), yscale="log",
                 marks=(Mark("line", t, shown, "|ξ|", "model"), Mark("level", (), (1.0,), "at the start", "threshold")))


def _push_panel(push: np.ndarray, flips: np.ndarray, names: tuple[str, str]) -> Panel:
    t, shown = np.arange(push.size), np.clip(push, -5.8, 5.8)
    marks = (Mark("points", t[~flips], shown[~flips], f"{names[0]}: the flattest mode", "weight"),
             Mark("points", t[flips], shown[flips], f"{names[1]}: the other mode", "curvature"),
             Mark("level", (), (0.0,), "the kink", "threshold"))
    return Panel("The neuron at its knot", "step", "P/|ξ|", (0, push.size), (-6, 6), marks=marks)


def _sharpness_panel(tops: np.ndarray, eta: float, flips: np.ndarray, names: tuple[str, str]) -> Panel:
    share = flips.mean()
    low, high = min(tops.min(), 2 / eta), max(tops.max(), 2 / eta)
    margin = 0.25 * (high - low) + 2e-3 * high
    marks = (Mark("points", (0,), (tops[0],), f"{names[0]}, {1 - share:.0%} of the steps", "weight"),
             Mark("points", (1,), (tops[1],), f"{names[1]}, {share:.0%} of the steps", "curvature"),
             Mark("level", (), (2 / eta,), "2/η", "threshold"))
    return Panel("Sharpness of the modes", "neuron flipped: 0 no, 1 yes", "λ_max", (-0.5, 1.5),
                 (low - margin, high + margin), marks=marks)
