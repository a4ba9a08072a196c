"""The slider of chapter II: a real spectrum, and the descent that it gives."""

from __future__ import annotations

import numpy as np

from ledgerbook.explorer import Control, Explorer, Frame, Mark, Panel
from stableminima.stability import Linearised, linearise

from ..instances import Case

FRACTIONS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.999, 1.001, 1.01, 1.02, 1.05, 1.1)
STEPS = 60
PATHS = 400  # drawn at random, for the mean of the distance
HIGH = 1.3


def spectrum(case: Case) -> Explorer:
    """Step size and batch size against the factor of each eigenvalue and the distance from the minimum."""
    systems = {size: linearise(case.net, case.data, size) for size in (case.data.n, case.data.n // 2, 1)}
    edge = 2 / systems[case.data.n].sharpness
    etas = tuple(edge * fraction for fraction in FRACTIONS)
    return Explorer(
        "The spectrum decides",
        "Linearised descent at a minimum that gradient descent found. Left: the factor |1 - ηλ| by which one step "
        "multiplies the distance along an eigenvector, for each eigenvalue of the Hessian. Right: the distance from "
        f"the minimum, started with equal parts along all eigenvectors: one path, the mean distance of {PATHS} paths "
        "drawn at random, the root mean square, and the distance of the mean, both exact.",
        [
            Control("step size η", etas, tuple(f"{eta:.5f}" for eta in etas), start=FRACTIONS.index(0.99)),
            Control("batch size", tuple(systems), tuple(f"{size}" for size in systems)),
        ],
        lambda eta, size: _frame(systems[int(size)], eta, int(size)),
        print_at=((FRACTIONS.index(0.5), 0), (FRACTIONS.index(1.05), 0), (FRACTIONS.index(0.7), 2)),
    )


def _frame(system: Linearised, eta: float, size: int) -> Frame:
    eigenvalues, vectors = system.spectrum
    start = vectors.sum(axis=1) / np.sqrt(system.d)
    squares = system.mean_squares(start, eta, STEPS)
    means = [np.linalg.norm(system.mean_after(start, eta, t)) for t in range(STEPS + 1)]
    top = np.abs(1 - eta * system.sharpness) ** np.arange(STEPS + 1) / np.sqrt(system.d)
    drawn = _drawn(system, start, eta)
    panel = _distance(np.array(means), top, np.sqrt(squares), drawn)
    return Frame((_factors(eigenvalues, eta), panel), *_regime(system, eta, size))


def _drawn(system: Linearised, start: np.ndarray, eta: float, seed: int = 0) -> np.ndarray:
    """Distances of ``PATHS`` random paths, shape (steps + 1, paths)."""
    rng, u = np.random.default_rng(seed), np.tile(start, (PATHS, 1))
    factors, distances = np.eye(system.d) - eta * system.hessians, [np.linalg.norm(u, axis=1)]
    for _ in range(STEPS):
        u = np.einsum("pij,pj->pi", factors[rng.integers(len(factors), size=PATHS)], u)
        distances.append(np.linalg.norm(u, axis=1))
    return np.array(distances)


def _factors(eigenvalues: np.ndarray, eta: float) -> Panel:
    grid = np.linspace(0, 1.25 * eigenvalues[-1], 126)
    marks = (
        Mark("line", grid, np.abs(1 - eta * grid), "|1 - ηλ|", "model"),
        Mark("points", eigenvalues, np.abs(1 - eta * eigenvalues), "eigenvalues of the Hessian", "sharpness"),
        Mark("level", (), (1.0,), "1: above it distances grow", "other"),
        Mark("line", (2 / eta, 2 / eta), (0, HIGH), "2/η", "threshold"),
    )
    return Panel("Factor of one step", "λ", "|1 - ηλ|", (0, grid[-1]), (0, HIGH), marks=marks)


def _distance(means: np.ndarray, top: np.ndarray, roots: np.ndarray, drawn: np.ndarray) -> Panel:
    steps, low, high = np.arange(STEPS + 1), 0.05, 50.0
    lines = (
        (drawn[:, 0], "one path", "other"),
        (roots, "root mean square √E‖u‖²", "loss"),
        (drawn.mean(axis=1), "mean distance E‖u‖, from paths", "curvature"),
        (means, "distance of the mean ‖E u‖", "model"),
        (top, "along the top eigenvector", "sharpness"),
    )
    marks = [Mark("line", steps, np.clip(values, low / 2, high * 2), name, role) for values, name, role in lines]
    marks.append(Mark("level", (), (1.0,), "distance at the start", "threshold"))
    return Panel("Distance from the minimum", "steps", "distance", (0, STEPS), (low, high), "linear", "log", marks)


def _regime(system: Linearised, eta: float, size: int) -> tuple[str, str]:
    top = abs(1 - eta * system.sharpness)
    head = f"2/η = {2 / eta:.4g}, λ_max = {system.sharpness:.4g}: along the top eigenvector |1 - ηλ| = {top:.3f}. "
    if top > 1:
        return head + "The mean distance grows without limit: the minimum is not stable.", "unstable"
    if eta > system.largest_mean_square_step:
        kind = "one sample" if size == 1 else f"{size} samples"
        tail = f"The mean stays, yet with batches of {kind} the mean square grows without limit."
        return head + tail, "edge"
    return head + "No direction grows: the minimum is stable.", "stable"
