"""The slider of chapter III: two mirrored modes in the plane."""

from __future__ import annotations

import numpy as np

from ledgerbook.explorer import Control, Explorer, Frame, Mark, Panel
from stableminima import switching as sw
from stableminima.switching import Switching

SHARP, FLAT = 2.0, 1.0
AXIS = np.array([1.0, 0.0])
STEPS, VIEW = 40, 2.6
DEGREES = tuple(range(0, 100, 10))
ETAS = (0.95, 1.0, 1.02, 1.05, 1.1, 1.2, 1.3)


def two_modes() -> Explorer:
    """Angle and step size against the path in the plane, the distance along q, and what Lemma 2 compares."""
    return Explorer(
        "Two modes, one direction",
        "Gradient descent on two mirrored modes, above and below the horizontal axis q, from the right end of q in "
        "the ball of radius ε = 1. Left: its path, until it leaves the picture. Middle: its distance along q, with "
        "the bound of Lemma 2 where the lemma speaks. Right: λ = qᵀHq for every angle, with 2/η and 2/η + δ.",
        [
            Control("angle between the top eigenvectors", DEGREES, tuple(f"{each}°" for each in DEGREES), start=1),
            Control("step size η", ETAS, tuple(f"{eta:g}" for eta in ETAS), start=ETAS.index(1.1)),
        ],
        two_mode_frame,
        print_at=((0, 4), (3, 4), (6, 4)),
    )


def two_mode_frame(degrees: float, eta: float) -> Frame:
    """The three panels for one angle and one step size, and the regime in words."""
    system = sw.mirrored(SHARP, FLAT, np.radians(degrees))
    path = system.path(AXIS, eta, STEPS)
    words, tone = _regime(system, eta, path)
    return Frame((_plane(system, path), _distance(system, eta, path), _map(degrees, eta)), words, tone)


def _measured(system: Switching) -> tuple[float, float]:
    """λ = qᵀHq, the same in both modes, and δ."""
    eigenvalues = sw.rayleigh(system, AXIS)
    return float(eigenvalues.min()), sw.deviation(system, AXIS, eigenvalues)


def _regime(system: Switching, eta: float, path: np.ndarray) -> tuple[str, str]:
    eigenvalue, delta = _measured(system)
    head = f"2/η = {2 / eta:.4g}, λ = {eigenvalue:.4g}, δ = {delta:.2g}. "
    lengths = np.linalg.norm(path, axis=1)
    runs_away = sw.growth(system, eta, steps=400) > 1e-9
    fate = "Descent runs away." if runs_away else f"Descent goes out to {lengths.max():.2f} ε and comes back."
    if eigenvalue > sw.threshold(eta, delta) + 1e-9:
        if delta < 1e-9:
            return head + "λ is above 2/η and q is an eigenvector of both modes: not stable, by Lemma 2.", "unstable"
        return head + f"λ is above 2/η + δ: not strongly stable, by Lemma 2. {fate}", "unstable"
    if eigenvalue > 2 / eta + 1e-9:
        told = "λ is between 2/η and 2/η + δ: Lemma 2 with this λ is silent, but (III.3) says not strongly stable. "
        return head + told + fate, "unstable"
    if eta * SHARP <= 2:
        return head + "No mode is above 2/η: descent never leaves the ball, by Lemma 3.", "stable"
    told = "λ is not above 2/η: Lemma 2 with this q is silent. But each mode contains its own top eigenvector, "
    told += "so it is not strongly stable, by (III.3). From q: "
    fate = fate[0].lower() + fate[1:]
    if runs_away:
        return head + told + fate, "unstable"
    return head + told + (fate if lengths.max() > 1.005 else "descent comes in."), "edge"


def _plane(system: Switching, path: np.ndarray) -> Panel:
    inside = np.abs(path).max(axis=1) < VIEW
    shown = path[: int(inside.argmin()) if not inside.all() else len(path)]
    angle = np.linspace(0, 2 * np.pi, 73)
    _, tops = system.tops
    marks = [Mark("line", np.cos(angle), np.sin(angle), "ball", "threshold")]
    for number, top in enumerate(tops):
        # the half of each line that lies in its own mode
        ends = [end for end in (top, -top) if end[1] * (1 - 2 * number) >= 0][0] * VIEW
        marks.append(Mark("line", (0, ends[0]), (0, ends[1]), "top eigenvectors" if number == 0 else "", "sharpness"))
    marks.append(Mark("line", (-VIEW, VIEW), (0, 0), "q, border of the modes", "other"))
    marks.append(Mark("line", shown[:, 0], shown[:, 1], "path", "model"))
    marks.append(Mark("points", shown[:, 0], shown[:, 1], "", "data"))
    return Panel("The path", "along q", "across", (-VIEW, VIEW), (-VIEW, VIEW), marks=marks)


def _distance(system: Switching, eta: float, path: np.ndarray) -> Panel:
    eigenvalue, delta = _measured(system)
    xi = eta * (eigenvalue - sw.threshold(eta, delta))
    low, high = 1e-3, 1e3
    along = np.clip(np.abs(path @ AXIS), low / 10, high * 10)
    marks = [Mark("level", (), (1,), "ε", "threshold"), Mark("line", range(len(along)), along, "|qᵀ(θ - θ*)|", "model")]
    if xi > 1e-9:
        steps = np.arange(len(along) if delta < 1e-9 else 2)
        name = "(1 + ξ)ᵗ ε" if delta < 1e-9 else "(1 + ξ) ε, one step"
        marks.append(Mark("line", steps, (1 + xi) ** steps, name, "bound"))
    return Panel("Distance along q", "step t", "in units of ε", (0, STEPS), (low, high), yscale="log", marks=marks)


def _map(degrees: float, eta: float) -> Panel:
    grid = np.linspace(0, 90, 46)
    eigenvalue, delta = np.array([_measured(sw.mirrored(SHARP, FLAT, np.radians(each))) for each in grid]).T
    here = _measured(sw.mirrored(SHARP, FLAT, np.radians(degrees)))[0]
    marks = (
        Mark("level", (), (2 / eta,), "2/η", "threshold"),
        Mark("line", grid, 2 / eta + delta, "2/η + δ", "bound"),
        Mark("line", grid, eigenvalue, "λ = qᵀHq", "sharpness"),
        Mark("points", (degrees,), (here,), "here", "data"),
    )
    return Panel("What Lemma 2 compares", "angle (degrees)", "eigenvalue", (0, 90), (1.3, 2.7), marks=marks)
