"""The slider of chapter III: two mirrored modes in the plane."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from ledgerbook.explorer import Control, Explorer, Frame, Mark, Panel
from stableminima import switching as sw
from stableminima.switching import Switching

SHARP, FLAT = 2.0, 1.0
AXIS = np.array([1.0, 0.0])
STEPS, VIEW = 40, 2.2
WIDER = 1.6  # a panel is so much wider than high: with such limits a ball is drawn round
DEGREES = (0, 10, 20, 40, 60, 80)
STARTS = (0, 20, 90, 140, 150, 160)
ETAS = (0.95, 1.0, 1.02, 1.05, 1.1, 1.2, 1.3)


def two_modes() -> Explorer:
    """Angle, step size and start against the path in the plane, the distance along q, and what Lemma 2 compares."""
    return Explorer(
        "Two modes, one direction",
        "Gradient descent on two mirrored modes, above and below the horizontal axis q, from the edge of the ball of "
        "radius ε = 1. Left: its path, until it leaves the picture. Middle: its distance from the minimum and along "
        "q, with the bound of Lemma 2 where the lemma speaks of this start. Right: λ = qᵀHq for every angle, with 2/η "
        "and 2/η + δ.",
        [
            Control("angle between the top eigenvectors", DEGREES, tuple(f"{each}°" for each in DEGREES)),
            Control("step size η", ETAS, tuple(f"{eta:g}" for eta in ETAS), start=ETAS.index(1.1)),
            Control("start, angle from q", STARTS, tuple(f"{each}°" for each in STARTS)),
        ],
        two_mode_frame,
        print_at=((0, 4, 0), (2, 4, 0), (4, 4, 0), (5, 3, 0), (5, 3, 3)),
    )


def two_mode_frame(degrees: float, eta: float, start: float) -> Frame:
    """The three panels for one angle, one step size and one start, and the regime in words."""
    system, angle = sw.mirrored(SHARP, FLAT, np.radians(degrees)), np.radians(start)
    path = system.path([np.cos(angle), np.sin(angle)], eta, STEPS)
    words, tone = _regime(system, eta, path)
    return Frame((_plane(system, path), _distance(system, eta, path), _map(degrees, eta)), words, tone)


def _measured(system: Switching) -> tuple[float, float]:
    """λ = qᵀHq, the same in both modes, and δ."""
    eigenvalues = sw.rayleigh(system, AXIS)
    return float(eigenvalues.min()), sw.deviation(system, AXIS, eigenvalues)


def _regime(system: Switching, eta: float, path: np.ndarray) -> tuple[str, str]:
    """What the two lemmas say of the minimum, and what descent does from this start."""
    eigenvalue, delta = _measured(system)
    head = f"2/η = {2 / eta:.4g}, λ = {eigenvalue:.4g}, δ = {delta:.2g}. "
    fate, leaves = _fate(path)
    if eta * SHARP <= 2:
        return f"{head}No mode is above 2/η: descent never leaves the ball, by Lemma 3. {fate}", "stable"
    if eigenvalue > sw.threshold(eta, delta) + 1e-9:
        told = "q is an eigenvector of both modes: not stable" if delta < 1e-9 else "not strongly stable"
        return f"{head}λ is above 2/η + δ{', and ' if delta < 1e-9 else ': '}{told}, by Lemma 2. {fate}", "unstable"
    if eigenvalue > 2 / eta + 1e-9:
        return (f"{head}λ is above 2/η, which is enough for Lemma 2 with other numbers λ_m: not strongly stable. "
                f"{fate}"), "unstable"
    told = "λ is not above 2/η: Lemma 2 with this q is silent."
    return f"{head}{told} {fate}", "unstable" if leaves else "edge"


def _fate(path: np.ndarray) -> tuple[str, bool]:
    """What descent does from this start, in words, and whether it leaves the ball."""
    lengths = np.linalg.norm(path, axis=1)
    if lengths.max() <= 1 + 1e-9:
        return "From this start descent stays in the ball.", False
    if lengths[-1] > 1.5 * lengths[: len(lengths) // 2].max():
        return "From this start descent runs away.", True
    where = "and comes back" if lengths[-1] < 1 else f"and is at {lengths[-1]:.2f} ε after {STEPS} steps"
    return f"From this start descent goes out to {lengths.max():.2f} ε {where}.", True


def _plane(system: Switching, path: np.ndarray) -> Panel:
    inside = (np.abs(path) / (WIDER, 1)).max(axis=1) < VIEW
    shown = path[: int(inside.argmin()) if not inside.all() else len(path)]
    angle = np.linspace(0, 2 * np.pi, 73)
    _, tops = system.tops
    marks = [Mark("line", np.cos(angle), np.sin(angle), "ball", "threshold")]
    for number, top in enumerate(tops):
        # the half of each line that lies in its own mode
        ends = [end for end in (top, -top) if end[1] * (1 - 2 * number) >= 0][0] * WIDER * VIEW
        marks.append(Mark("line", (0, ends[0]), (0, ends[1]), "top eigenvectors" if number == 0 else "", "sharpness"))
    marks.append(Mark("line", (-WIDER * VIEW, WIDER * VIEW), (0, 0), "q, border of the modes", "other"))
    marks.append(Mark("line", shown[:, 0], shown[:, 1], "path", "model"))
    marks.append(Mark("points", shown[:, 0], shown[:, 1], "", "data"))
    return Panel("The path", "along q", "across", (-WIDER * VIEW, WIDER * VIEW), (-VIEW, VIEW), marks=marks)


def _distance(system: Switching, eta: float, path: np.ndarray) -> Panel:
    eigenvalue, delta = _measured(system)
    xi = eta * (eigenvalue - sw.threshold(eta, delta))
    low, high = 1e-3, 1e3
    along, whole = (np.clip(each, low / 10, high * 10) for each in (np.abs(path @ AXIS), np.linalg.norm(path, axis=1)))
    marks = [Mark("level", (), (1,), "ε", "threshold"), Mark("line", range(len(along)), along, "|qᵀ(θ - θ*)|", "model"),
             Mark("line", range(len(whole)), whole, "‖θ - θ*‖", "curvature")]
    if xi > 1e-9 and path[0, 1] == 0:
        steps = np.arange(len(along) if delta < 1e-9 else 2)
        name = "(1 + ξ)ᵗ ε" if delta < 1e-9 else "(1 + ξ) ε, one step"
        marks.append(Mark("line", steps, (1 + xi) ** steps, name, "bound"))
    return Panel("Distances", "step t", "in units of ε", (0, STEPS), (low, high), yscale="log", marks=marks)


@lru_cache
def _compared() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Angles from 0° to 90°, with λ and δ for each."""
    grid = np.linspace(0, 90, 46)
    return grid, *np.array([_measured(sw.mirrored(SHARP, FLAT, np.radians(each))) for each in grid]).T


def _map(degrees: float, eta: float) -> Panel:
    grid, eigenvalue, delta = _compared()
    here = _measured(sw.mirrored(SHARP, FLAT, np.radians(degrees)))[0]
    marks = (
        Mark("level", (), (2 / eta,), "2/η", "threshold"),
        Mark("line", grid, 2 / eta + delta, "2/η + δ", "bound"),
        Mark("line", grid, eigenvalue, "λ = qᵀHq", "sharpness"),
        Mark("points", (degrees,), (here,), "here", "data"),
    )
    return Panel("What Lemma 2 compares", "angle (degrees)", "eigenvalue", (0, 90), (1.3, 2.7), marks=marks)
