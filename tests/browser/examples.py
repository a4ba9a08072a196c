"""Explorers for the browser tests, small but with every kind of mark and both kinds of axes."""

from __future__ import annotations

import time
from math import exp, sin

from ledgerbook.explorer import Control, Explorer, Frame, Mark, Panel

STEPS = Control("step size η", (0.05, 0.1, 0.2, 0.4, 0.6), ("0.05", "0.1", "0.2", "0.4", "0.6"), start=1)
SCALES = Control("initial scale", (0.5, 1.0, 2.0), ("½", "1", "2"), start=1)


def stored(step: float, scale: float) -> Frame:
    """A curve through points, its bends under a weight, and a sharpness against 2/η on logarithmic axes."""
    xs = [-2 + k / 25 for k in range(101)]
    at = [-1.5, -0.4, 0.3, 1.2]
    sharp = 2 + 20 * scale * exp(-2 * step)
    fit = Panel("Function through the data", "x", "f(x)", (-2, 2), (-1, 1), marks=[
        Mark("line", xs, [0.6 * scale * sin(x / step / 8) for x in xs], "f found", "model"),
        Mark("points", at, [0.6 * scale * sin(x / step / 8) for x in at], "samples", "data")])
    bends = Panel("Curvature against weight", "x", "|f''| and g", (-2, 2), (0, 1), marks=[
        Mark("bars", at, [0.2, 0.5, 0.3, 0.1], "g at the samples", "other"),
        Mark("stems", at, [0.3 * scale, 0.45, 0.4 * scale, 0.2], "bends of f", "curvature"),
        Mark("line", xs, [0.8 * exp(-x * x) for x in xs], "g", "weight")])
    edge = Panel("Sharpness", "η", "largest eigenvalue", (0.01, 1), (1, 100), "log", "log", [
        Mark("line", STEPS.values, [2 / s for s in STEPS.values], "2/η", "threshold"),
        Mark("points", [step], [sharp], "λ found", "sharpness"),
        Mark("level", [], [1 + scale], "1 + 2∫|f''|g", "bound")])
    stable = sharp <= 2 / step
    words = f"The sharpness is {sharp:.1f}, {'below' if stable else 'above'} 2/η = {2 / step:.1f}."
    return Frame([fit, bends, edge], words, "stable" if stable else "unstable")


def live(step: float, scale: float) -> Frame:
    """As `stored`, but slow, in its own words, and failing at one setting."""
    if step == 0.6:
        raise ArithmeticError("the iterates left every bound")
    time.sleep(0.2)
    frame = stored(step, scale)
    return Frame(frame.panels, f"Recomputed: {frame.words}", frame.tone)


def two_controls() -> Explorer:
    caption = "What gradient descent finds, by step size and initial scale <of the weights>."
    return Explorer("Step size and scale", caption, [STEPS, SCALES], stored, live, print_at=[(1, 1), (3, 1)])


def one_control() -> Explorer:
    return Explorer("Step size alone", "The same at scale 1.", [STEPS], lambda step: stored(step, 1.0))
