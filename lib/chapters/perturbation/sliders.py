"""The slider of chapter VIII: a minimum, and how near to a sample a knot must be to count as on it."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from ledgerbook.explorer import Control, Explorer, Frame, Mark, Panel
from stableminima import perturbation
from stableminima.runs.experiments import Sweep

from .figures import LEVELS, ROLES, WITHIN, Compared

EXPONENTS = tuple(np.log10(WITHIN).tolist())
LIMITS = (EXPONENTS[0] - 0.3, EXPONENTS[-1] + 0.3)
ALONG = "log₁₀ of snapping distance"
STEPS = (1e-4, 0.02, 0.05, 0.1, 0.2, 0.5)


def bounds_at_a_minimum(kept: Sweep) -> Explorer:
    """The minimum, by its step size, and the snapping distance, against what Lemma 5 says there."""
    indices = {eta: int(np.abs(np.log(kept["eta"] / eta)).argmin()) for eta in STEPS}

    @lru_cache
    def compared(eta: float) -> tuple[Compared, ...]:
        net, data = kept.case(indices[eta])
        return tuple(Compared.at(net, data, within) for within in WITHIN)

    def stored(eta: float, within: float) -> Frame:
        return minimum_frame(compared(eta), WITHIN.index(within), float(kept["eta"][indices[eta]]))

    return Explorer(
        "What Lemma 5 says at a minimum",
        "All knots within the snapping distance of a sample are moved onto it. First: what toggles on each sample. "
        "The exact value takes (1 + x²) times the sum of the squared weights there; the counting takes 2C² for every "
        "neuron, as if each had the largest entry of all gradients. Second: three bounds on ‖H̃q - λq‖ for the mode "
        "where all those neurons are active and the one where all are silent, and what it is. Third: the sharpness "
        "of the two, the range (VIII.4) in which that of every mode lies, and 2/η where it is not above the panel.",
        [
            Control("step size η that found the minimum", STEPS, tuple(f"{eta:g}" for eta in STEPS), start=5),
            Control("snapping distance", WITHIN, tuple(f"{each:g}" for each in WITHIN), start=2),
        ],
        stored,
        print_at=((0, 2), (5, 2), (5, 5)),
    )


def minimum_frame(compared: tuple[Compared, ...], chosen: int, eta: float) -> Frame:
    """The three panels for one distance, and what they say in words."""
    here, levels = compared[chosen], np.array([each.levels for each in compared])
    printed, _, exact, found = levels[chosen]
    silent, active = here.sharpness
    more = "more" if printed > here.sharpness.max() else "not more"
    words = (f"{here.toggling} neurons toggle, 2^{here.toggling} modes meet. With all of them silent the sharpness is "
             f"{silent:.4g}, with all active {active:.4g}; 2/η = {2 / eta:.4g}. The print bounds ‖H̃q - λq‖ by "
             f"{printed:.3g}, {more} than the sharpness itself; the exact value by {exact:.3g}. It is {found:.2g}.")
    return Frame((_sample_panel(here), _bound_panel(levels, chosen), _range_panel(compared, chosen, eta)), words)


def _sample_panel(here: Compared) -> Panel:
    order = np.argsort(here.data.x)
    crowd = perturbation.on_samples(here.net, here.data)[order]
    at_kink = here.net.preactivation(here.data.x) == 0
    squares = ((1 + here.data.x**2) * (at_kink @ here.net.w2**2))[order]
    number, some = np.arange(1, order.size + 1), crowd > 0
    counted = 2 * perturbation.gradient_bound(here.net, here.data) ** 2 * crowd
    marks = (Mark("points", number[some], counted[some], "counted: 2C² for each neuron", "bound"),
             Mark("points", number[some], np.maximum(squares[some], 2e-7), "exact: (1 + x²) Σ w2²", "model"))
    return Panel("What toggles on each sample", "sample, from left to right", "squared gap", (0.5, order.size + 0.5),
                 (1e-7, 1e3), yscale="log", marks=marks)


def _bound_panel(levels: np.ndarray, chosen: int) -> Panel:
    named = zip(levels.T, LEVELS, ROLES, strict=True)
    marks = [Mark("line", EXPONENTS, column, name, role) for column, name, role in named]
    marks.append(Mark("points", [EXPONENTS[chosen]] * levels.shape[1], levels[chosen], "", "data"))
    return Panel("‖H̃q - λq‖ and its bounds", ALONG, "δ", LIMITS, (1e-2, 1e3), yscale="log", marks=marks)


def _range_panel(compared: tuple[Compared, ...], chosen: int, eta: float) -> Panel:
    ranges = np.array([perturbation.sharpness_range(each.net, each.data) for each in compared])
    modes = np.array([each.sharpness for each in compared])
    top = 1.15 * ranges.max()
    marks = [
        Mark("line", EXPONENTS, ranges[:, 1], "range of all modes", "curvature"),
        Mark("line", EXPONENTS, modes[:, 1], "all active", "model"),
        Mark("line", EXPONENTS, modes[:, 0], "all silent", "sharpness"),
        Mark("line", EXPONENTS, ranges[:, 0], "", "curvature"),
        Mark("points", [EXPONENTS[chosen]] * 2, modes[chosen], "", "data"),
    ]
    if 2 / eta < top:
        marks.append(Mark("level", (), (2 / eta,), "2/η", "threshold"))
    return Panel("Sharpness of the modes", ALONG, "λ_max", LIMITS, (0, top), marks=marks)
