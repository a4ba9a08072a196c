"""The slider of chapter IX: one step from a shifted output bias, and what four versions of Theorem 2 make of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ledgerbook.explorer import Control, Explorer, Frame, Mark, Panel
from stableminima import smoothness, strong
from stableminima.network import Dataset, Network
from stableminima.runs.experiments import Sweep

from .figures import snapped

SHARES = (0.25, 0.5, 0.75, 0.9, 1.0, 1.1, 1.25, 1.5, 2.0, 3.0)
RANGE = (0.2, 3.2)  # of η, in units of 2/‖ḡ‖²


@dataclass(frozen=True)
class Bounds:
    """What the slider needs of a minimum: ‖ḡ‖², what the function asks, and α of the two corrections."""

    mean: float
    needed: float
    paper: float
    exact: float

    @classmethod
    def of(cls, net: Network, data: Dataset) -> Bounds:
        """With every knot near a sample moved onto it."""
        net, data = snapped(net, data)
        return cls(float(np.sum(strong.mean_gradient(net, data) ** 2)), smoothness.sharpness_bound(net, data),
                   strong.paper_alpha(net, data), strong.exact_alpha(net, data))

    def excludes_from(self, alpha: float) -> float:
        """The step size from which a bound with this α is below what the function needs; infinite if there is none."""
        left = self.needed - alpha * np.sqrt(self.needed)
        return 2 / left if left > 0 else np.inf


def shifted_bias(sweep: Sweep, runs: tuple[int, ...] = (0, 165, -1)) -> Explorer:
    """The step size and the minimum, against one step from a shifted bias and the bounds as functions of η."""
    cases = [sweep.case(run) for run in runs]
    names = tuple(f"found at η = {sweep['eta'][run]:.2g}" for run in runs)
    bounds = [Bounds.of(*case) for case in cases]

    @lru_cache
    def stored(share: float, which: float) -> Frame:
        return shift_frame(bounds[int(which)], share)

    return Explorer(
        "One step from a shifted bias",
        "Left: the start at distance 1 from θ* along the output bias, and where one step leads, in the plane of that "
        "direction and the mean gradient; the circle is the ball that descent may not leave. Right: bounds of the "
        "sharpest mode as functions of the step size, and the two numbers that must stay below them. All knots within "
        "0.00001 of a sample count as on it.",
        [
            Control("step size η, in units of 2/‖ḡ‖²", SHARES, tuple(map(str, SHARES)), start=3),
            Control("minimum", range(len(runs)), names, start=1),
        ],
        stored,
        print_at=((3, 1), (5, 1), (5, 2)),
    )


def shift_frame(bounds: Bounds, share: float) -> Frame:
    """The two panels for one step size, and what the step and each version say."""
    eta = share * 2 / bounds.mean
    length = float(np.sqrt(1 - 2 * eta + eta**2 * bounds.mean))
    leaves = length > 1 + 1e-12
    told = [f"{name} {_from(bounds.excludes_from(alpha))}"
            for name, alpha in (("without correction", 0.0), ("with the exact distance", bounds.exact),
                                ("by (S75), corrected,", bounds.paper))]
    words = (f"η = {eta:.3g}, 2/η = {2 / eta:.4g}, ‖ḡ‖² = {bounds.mean:.4g}. The step leads to {length:.3f} of the "
             f"distance: {'θ* is not strongly stable' if leaves else 'it stays in the ball'}. "
             f"The function is excluded {'; '.join(told)}.")
    tone = "unstable" if leaves else "edge" if share == 1 else "stable"
    return Frame((_plane(bounds, eta), _versions(bounds, eta)), words, tone)


def _from(eta: float) -> str:
    return f"from η = {eta:.3g}" if np.isfinite(eta) else "at no η"


def _plane(bounds: Bounds, eta: float) -> Panel:
    across = np.sqrt(max(bounds.mean - 1, 0.0))
    ends = np.linspace(0, RANGE[1] * 2 / bounds.mean, 2)
    angle = np.linspace(0, 2 * np.pi, 97)
    marks = (
        Mark("line", np.cos(angle), np.sin(angle), "the ball", "threshold"),
        Mark("line", 1 - ends, -ends * across, "", "other"),
        Mark("points", (1.0,), (0.0,), "start", "data"),
        Mark("points", (1 - eta,), (-eta * across,), "after one step", "model"),
    )
    return Panel("One step", "along the output bias", "along the rest of ḡ", (-1.3, 1.3), (-1.3, 1.3), marks=marks)


def _versions(bounds: Bounds, eta: float) -> Panel:
    shares = np.linspace(*RANGE, 40)
    grid = shares * 2 / bounds.mean
    marks = [Mark("line", shares, strong.ceiling(grid, alpha), name, role)
             for name, alpha, role in (("(S75), corrected", bounds.paper, "curvature"),
                                       ("exact distance", bounds.exact, "model"), ("2/η", 0.0, "threshold"))]
    here = [float(strong.ceiling(eta, each)) for each in (bounds.paper, bounds.exact, 0.0)]
    marks += [
        Mark("level", (), (bounds.mean,), "‖ḡ‖²", "sharpness"),
        Mark("level", (), (bounds.needed,), "1 + 2∫|f''| g", "bound"),
        Mark("points", (eta * bounds.mean / 2,) * 3, here, "", "data"),
    ]
    limits = 0.7 * min(bounds.needed, 2 / grid[-1]), 1.4 * float(strong.ceiling(grid[0], bounds.paper))
    return Panel("The versions", "η, in units of 2/‖ḡ‖²", "bound", RANGE, limits, yscale="log", marks=marks)
