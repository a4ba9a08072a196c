"""The slider of chapter V: what one step of gradient descent does, against what the gradient promises."""

from __future__ import annotations

from functools import cache

import numpy as np

from ledgerbook.explorer import Control, Explorer, Frame, Mark, Panel
from stableminima.network import Dataset, Network
from stableminima.quotients import Ray

SAMPLES = Dataset([-1, 0.5, 1], [0.5, -1, 0.75])
DISTANCES = (0.25, 1e-3, 1e-6, 1e-9, 0.0)
STEPS = 10.0 ** np.arange(-17, 0.25, 0.5)
FLOOR, TOP = 1e-10, 30.0


@cache
def ray(distance: float) -> Ray:
    """The step of a small network with one threshold at ``distance`` above the sample ½, and no other one as near."""
    return Ray(Network([1, 1.25, 0.5], [-0.5 - distance, 0.75, 0], [2, -0.5, 0.5], 0), SAMPLES)


def one_step() -> Explorer:
    """One step of gradient descent as a difference quotient of the loss, with a threshold near a sample."""
    labels = tuple(f"{d:g}" if d else "0, on the sample" for d in DISTANCES)
    start = int(np.abs(STEPS - 1e-2).argmin())
    return Explorer(
        "A step is a difference quotient",
        "Left: the change of the loss along one step, in units of η‖∇L‖², against the straight line that the gradient "
        "promises. Right: the relative error of the promise at every step size. It is made of rounding on the left, of "
        "ηκ/2 on the right, and of the kink. At ηκ/2 = 1 the curvature κ along the gradient is 2/η.",
        [
            Control("step size η", tuple(STEPS), tuple(f"{eta:.1e}" for eta in STEPS), start=start),
            Control("threshold to sample", DISTANCES, labels, start=1),
        ],
        step_frame,
        print_at=((4, 1), (start - 6, 1), (start, 1), (len(STEPS) - 1, 0)),
    )


def step_frame(eta: float, distance: float) -> Frame:
    """The two panels of one step, and its regime in words."""
    here = ray(distance)
    words, tone = regime(here, eta)
    return Frame((_loss_panel(here, eta), _error_panel(here, eta)), words, tone)


def regime(here: Ray, eta: float) -> tuple[str, str]:
    """What decides how good the promise is, in words, and its tone."""
    share, bend = here.share(eta), eta * here.curvature / 2
    head = f"2/η = {2 / eta:.3g}, curvature κ = {here.curvature:.3g}, λ_max = {here.sharpness:.3g}. "
    if here.rounding(eta) > max(bend, 0.1 if eta > here.kink else 0):
        return head + "Too small a step: rounding of the loss spoils the quotient.", "neutral"
    if eta <= here.kink and share > 0:
        return f"{head}No kink is reached: the loss falls as promised, but for a share of {1 - share:.2g}.", "stable"
    where = ""
    if eta > here.kink:
        where = "The step starts on the kink. " if here.kink == 0 else "The step crosses the kink. "
    if share > 0:
        return f"{head}{where}The loss falls by {share:.0%} of what the gradient promises.", "neutral"
    reason = "κ is above 2/η" if bend > 1 else "κ is below 2/η, but behind the kink the gradient is another"
    return f"{head}{where}The loss rises: {reason}.", "unstable"


def _loss_panel(here: Ray, eta: float) -> Panel:
    along = np.linspace(0, 1.5, 91)[1:]
    change = np.array([-s * here.share(s * eta) for s in along])
    kink = here.kink / eta
    inside = () if not 0 <= kink < 1.5 else (kink,)
    return Panel(
        "The loss along the step",
        "share of the step",
        "change of loss",
        (0, 1.5),
        (-1.6, 1.2),
        marks=(
            Mark("line", (0, 1.5), (0, -1.5), "promised by the gradient", "bound"),
            Mark("line", (0, *along), (0, *np.clip(change, -5, 5)), "the loss", "model"),
            Mark("points", inside, [-s * here.share(s * eta) if s else 0 for s in inside], "kink", "curvature"),
            Mark("points", (1,), (float(np.clip(-here.share(eta), -5, 5)),), "this step", "data"),
        ),
    )


def _error_panel(here: Ray, eta: float) -> Panel:
    steps, errors = _errors(here)
    bend = np.clip(np.array([FLOOR, TOP]) * 2 / here.curvature, steps[0], steps[-1])
    kink = (max(here.kink, steps[0]),) * 2
    return Panel(
        "Relative error of the promise",
        "step size η",
        "error",
        (steps[0], steps[-1]),
        (FLOOR, TOP),
        "log",
        "log",
        (
            Mark("line", steps, errors, "error", "model"),
            Mark("line", bend, bend * here.curvature / 2, "ηκ/2", "sharpness"),
            Mark("level", (), (1,), "1 = ηκ/2", "threshold"),
            Mark("line", kink, (FLOOR, TOP), "kink reached", "curvature"),
            Mark("points", (eta,), (_error(here, eta),), "this step", "data"),
        ),
    )


def _error(here: Ray, eta: float) -> float:
    return float(np.clip(abs(here.share(eta) - 1), FLOOR, TOP))


@cache
def _errors(here: Ray) -> tuple[np.ndarray, np.ndarray]:
    """Step sizes and the error of the promise at each of them."""
    steps = np.geomspace(STEPS[0], STEPS[-1], 241)
    return steps, np.array([_error(here, eta) for eta in steps])
