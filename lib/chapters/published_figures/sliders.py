"""The slider of "I, continued": loss and sharpness along training."""

from __future__ import annotations

from functools import cache

import numpy as np

from ledgerbook.explorer import Control, Explorer, Frame, Mark, Panel
from stableminima.runs.descent import Run, Schedule, descend

from ..plans import SECTION_5

STEPS = (0.02, 0.04, 0.06, 0.07, 0.075, 0.08, 0.085, 0.09, 0.095, 0.1, 0.11, 0.12, 0.13, 0.14)
NEAR = 0.02  # within 2 % of 2/η is "at the edge"


def edge_run(eta: float, records: int = 160) -> Run:
    """Descent from the start of Section 5 at constant step size η, with the sharpness on the way."""
    data, net = SECTION_5.start()
    options = {"tolerance": SECTION_5.tolerance, "budget": 2_000_000, "records": records}
    return descend(net, data, Schedule(eta), with_sharpness=True, **options)


def edge_of_stability() -> Explorer:
    """Step size against the loss and the sharpness along training, without a warm-up."""
    run = cache(edge_run)
    return Explorer(
        "Along training",
        "Gradient descent from one start at constant step size, without a warm-up. Left: the loss. Right: the "
        "sharpness of the whole Hessian, with 2/η.",
        [Control("step size η", STEPS, tuple(f"{eta:g}" for eta in STEPS), start=STEPS.index(0.08))],
        lambda eta: edge_frame(run(eta)),
        print_at=((0,), (STEPS.index(0.08),), (STEPS.index(0.1),), (len(STEPS) - 1,)),
    )


def edge_frame(run: Run) -> Frame:
    """The two panels of one run, and what the sharpness does in words."""
    thousands, threshold = run.trace / 1000, 2 / run.eta
    span = (0, max(thousands[-1], 0.1))
    shown = np.maximum(run.losses, 1e-9)
    loss = Panel("Loss", "steps (thousands)", "L", span, (5e-9, 0.1), yscale="log", marks=(
        Mark("line", thousands, shown, "loss", "loss"),))
    marks = (
        Mark("line", thousands, run.sharpnesses, "sharpness", "sharpness"),
        Mark("level", (), (threshold,), "2/η", "threshold"),
    )
    curve = Panel("Sharpness", "steps (thousands)", "sharpness", span, (4, 120), yscale="log", marks=marks)
    return Frame((loss, curve), *edge_words(run))


def edge_words(run: Run) -> tuple[str, str]:
    """What the sharpness did on the way, and the tone."""
    ratio = run.sharpnesses * run.eta / 2
    share = np.mean(np.abs(ratio - 1) < NEAR)
    head = f"2/η = {2 / run.eta:.3g}. The sharpness begins at {run.sharpnesses[0]:.3g}"
    thrown = ", above 2/η, and the first steps throw descent to where it is flatter" if ratio[0] > 1 else ""
    end = f"The run ends after {run.steps:,} steps at loss {run.loss:.0e} and sharpness {run.sharpnesses[-1]:.3g}."
    if run.loss > SECTION_5.tolerance:
        return f"{head}{thrown}. {end} That is no global minimum.", "unstable"
    if share > 0.05:
        return f"{head}{thrown}. It grows until it meets 2/η and hovers there for {share:.0%} of the run. {end}", "edge"
    return f"{head}{thrown}. It grows and stays below 2/η. {end}", "stable"
