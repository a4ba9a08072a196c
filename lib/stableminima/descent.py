"""Full-batch gradient descent, compiled.

A neuron is active on a prefix or a suffix of the sorted samples, so one step needs no n×k table: the sums over
samples that the gradient asks for are prefix and suffix sums of the residuals, and f is a prefix sum over the
neurons' thresholds. A step costs O(n + k). Two samples next to a neuron's threshold certify its whole pattern,
because w·x + b in floating point is monotone in x; only a neuron that fails the certificate is looked up again.

Sums are taken in one fixed order and no fast-math is used: the same input gives the same trajectory, bit for bit,
on every processor with IEEE arithmetic. At the edge of stability that is what makes a result repeatable at all.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass
from enum import StrEnum

import numpy as np
from numba import njit, uint64
from numpy.typing import NDArray

from . import tangent
from .network import Dataset, Network


class Outcome(StrEnum):
    """How a run ended, in words."""

    CONVERGED = "converged"
    WARM_UP = "converged in warm-up"
    STALLED = "stalled"
    DIVERGED = "diverged"


@dataclass(frozen=True)
class Schedule:
    """The step size at step t: η · min(1, (t+1)/warm_up), times ``factor`` once the loss has fallen below ``level``.

    Raises
    ------
    ValueError
        If η, the factor, the level or the warm-up is out of range.

    Examples
    --------
    >>> Schedule(0.1)                       # constant
    Schedule(eta=0.1, warm_up=0, level=0.0, factor=1.0)
    >>> Schedule(0)
    Traceback (most recent call last):
    ...
    ValueError: eta must be a positive number, got 0
    """

    eta: float
    warm_up: int = 0
    level: float = 0.0
    factor: float = 1.0

    def __post_init__(self) -> None:
        for name in ("eta", "factor"):
            value = getattr(self, name)
            if not (np.isfinite(value) and value > 0):
                raise ValueError(f"{name} must be a positive number, got {value}")
        if not (np.isfinite(self.level) and self.level >= 0):
            raise ValueError(f"level must be a loss ≥ 0, got {self.level}")
        if self.warm_up < 0 or self.warm_up != int(self.warm_up):
            raise ValueError(f"warm_up must be a whole number of steps ≥ 0, got {self.warm_up}")


@dataclass(frozen=True, eq=False)
class Run:
    """What a run of gradient descent found.

    Attributes
    ----------
    net : the parameters at the end. outcome : how it ended. steps : steps taken. loss : L at the end.
    eta : the step size in force at the end (after warm-up and change).
    trace : step numbers, shape (m,). losses : L there. sharpnesses : λ_max(∇²L) there, or None.
    """

    net: Network
    outcome: Outcome
    steps: int
    loss: float
    eta: float
    trace: NDArray[np.int64]
    losses: NDArray[np.float64]
    sharpnesses: NDArray[np.float64] | None


@njit(cache=True, error_model="numpy")
def _locate(w, b, x):
    """The code of a neuron's active set on sorted x: 2p for the suffix [p, n), 2(n+1+p) for the prefix [0, p).

    Codes are even because the tables that they index hold two numbers for each.
    """
    n = x.size
    first = w * x[0] + b > 0.0
    last = w * x[n - 1] + b > 0.0
    if first == last:
        return uint64(0 if first else 2 * n)
    low, high = 0, n - 1
    while high - low > 1:
        middle = (low + high) // 2
        if (w * x[middle] + b > 0.0) == first:
            low = middle
        else:
            high = middle
    return uint64(2 * (n + 1 + high) if first else 2 * high)


@njit(cache=True, error_model="numpy")
def _certificates(x):
    """For each code, two samples that pin the pattern, and which of them are active (1: the first, 2: the second)."""
    n = x.size
    at = np.empty(4 * n + 4)
    active = np.zeros(4 * n + 4, np.uint8)
    for p in range(n + 1):
        constant = p == 0 or p == n
        for prefix in range(2):
            code = 2 * (p + prefix * (n + 1))
            at[code] = x[0] if constant else x[p - 1]
            at[code + 1] = x[n - 1] if constant else x[p]
            if constant:
                active[code] = 3 if (p == 0) != (prefix == 1) else 0
            else:
                active[code] = 1 if prefix == 1 else 2
    return at, active


@njit(cache=True, error_model="numpy", nogil=True)
def _advance(theta, x, y, t, limit, tolerance, eta, warm_up, level, factor, switched):
    """Steps ``theta`` in place from step t until the loss is ≤ tolerance, not finite, or t = limit.

    x is sorted. Returns (t, loss at theta, switched).
    """
    n = x.size
    k = (theta.size - 1) // 3
    half = 2 * (n + 1)  # where the prefix codes begin in the interleaved tables
    one = uint64(1)
    at, active = _certificates(x)
    bend = np.zeros(2 * half)  # by code: sums of w2·w1 and w2·b1 over the neurons that have it
    pull = np.zeros(2 * half)  # by code: sums of r x and of r over the samples that are active under it
    code = np.empty(k, np.uint64)
    q = np.empty(3 * k)  # w1, b1, w2 of a neuron side by side
    for i in range(k):
        w, b, v = theta[i], theta[k + i], theta[2 * k + i]
        q[3 * i], q[3 * i + 1], q[3 * i + 2] = w, b, v
        c = _locate(w, b, x)
        code[i] = c
        bend[c] += v * w
        bend[c + one] += v * b
    b2 = theta[3 * k]
    r = np.empty(n)
    while True:
        slope, value = 0.0, b2
        for j in range(n):  # suffixes that begin at or before j
            slope += bend[2 * j]
            value += bend[2 * j + 1]
            r[j] = (slope * x[j] + value) - y[j]
        slope, value, loss = 0.0, 0.0, 0.0
        for j in range(n - 1, -1, -1):  # prefixes that end after j
            slope += bend[half + 2 + 2 * j]
            value += bend[half + 3 + 2 * j]
            r[j] += slope * x[j] + value
            loss += r[j] * r[j]
        loss /= 2 * n
        if loss <= tolerance or t >= limit or not loss < np.inf:
            break
        switched = switched or loss < level
        step = eta * factor if switched else eta
        if t < warm_up:
            step *= (t + 1) / warm_up
        step /= n
        sum_x, sum_1 = 0.0, 0.0
        for j in range(n):
            sum_x += step * r[j] * x[j]
            sum_1 += step * r[j]
            pull[half + 2 + 2 * j] = sum_x
            pull[half + 3 + 2 * j] = sum_1
        b2 -= sum_1
        sum_x, sum_1 = 0.0, 0.0
        for j in range(n - 1, -1, -1):
            sum_x += step * r[j] * x[j]
            sum_1 += step * r[j]
            pull[2 * j] = sum_x
            pull[2 * j + 1] = sum_1
        bend[:] = 0.0
        for i in range(k):
            c = code[i]
            d_w, d_b = pull[c], pull[c + one]
            w, b, v = q[3 * i], q[3 * i + 1], q[3 * i + 2]
            w_new, b_new, v_new = w - v * d_w, b - v * d_b, v - (w * d_w + b * d_b)
            q[3 * i], q[3 * i + 1], q[3 * i + 2] = w_new, b_new, v_new
            seen = np.uint8(w_new * at[c] + b_new > 0.0) + np.uint8(2) * np.uint8(w_new * at[c + one] + b_new > 0.0)
            if seen != active[c]:
                c = _locate(w_new, b_new, x)
                code[i] = c
            bend[c] += v_new * w_new
            bend[c + one] += v_new * b_new
        t += 1
    for i in range(k):
        theta[i], theta[k + i], theta[2 * k + i] = q[3 * i], q[3 * i + 1], q[3 * i + 2]
    theta[3 * k] = b2
    return t, loss, switched


class _Trace:
    """Evenly spaced records, never more than 2·size: when full, every second one goes and the stride doubles."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.stride = 1
        self.rows: list[tuple[int, float, Network]] = []

    def add(self, step: int, loss: float, net: Network) -> None:
        self.rows.append((step, loss, net))
        if len(self.rows) > 2 * self.size:
            self.stride *= 2
            self.rows = [row for row in self.rows if row[0] % self.stride == 0]


def _outcome(loss: float, tolerance: float, steps: int, warm_up: int) -> Outcome:
    if not np.isfinite(loss):
        return Outcome.DIVERGED
    if loss > tolerance:
        return Outcome.STALLED
    return Outcome.WARM_UP if steps < warm_up else Outcome.CONVERGED


def descend(
    net: Network,
    data: Dataset,
    schedule: Schedule,
    *,
    tolerance: float = 1e-8,
    budget: int = 10_000_000,
    records: int = 256,
    with_sharpness: bool = False,
) -> Run:
    """Full-batch gradient descent θ ← θ - η_t ∇L(θ) until L ≤ tolerance or ``budget`` steps are taken.

    Parameters
    ----------
    net, data : the start and the samples (any order).
    schedule : the step size at every step.
    tolerance : the loss at which to stop; 0 runs the whole budget unless the loss is exactly 0.
    budget : the largest number of steps.
    records : the traces hold between ``records`` and twice as many evenly spaced entries (fewer in short runs).
    with_sharpness : also record λ_max(∇²L), which costs milliseconds for each record.

    Returns
    -------
    Run
        A diverged run holds the last recorded parameters that are finite. A run whose parameters no longer change
        in floating point is stalled and ends at once.

    Raises
    ------
    ValueError
        If ``tolerance``, ``budget`` or ``records`` is out of range.

    Examples
    --------
    >>> data = Dataset([-1, 0, 1], [1, 0, 1])
    >>> run = descend(Network([1, -1], [0.1, 0.1], [1, 1], 0), data, Schedule(0.1), tolerance=1e-12)
    >>> str(run.outcome), run.loss <= 1e-12
    ('converged', True)
    """
    if not (np.isfinite(tolerance) and tolerance >= 0):
        raise ValueError(f"tolerance must be a loss ≥ 0, got {tolerance}")
    if budget < 1 or records < 1:
        raise ValueError(f"budget and records must be at least 1, got {budget} and {records}")
    order = np.argsort(data.x)
    x, y = data.x[order], data.y[order]
    theta = net.vector.copy()
    step, switched, trace = 0, False, _Trace(records)
    limit = 0
    while True:
        before = theta.copy()
        start = step
        step, loss, switched = _advance(theta, x, y, step, limit, tolerance, *astuple(schedule), switched)
        if not (np.isfinite(loss) and np.isfinite(theta).all()):
            theta, loss = before, np.inf
            break
        net = Network.from_vector(theta)
        trace.add(step, loss, net)
        fixed = step > max(start, schedule.warm_up) and np.array_equal(theta, before)
        if loss <= tolerance or step >= budget or fixed:
            break
        limit = min(budget, step - step % trace.stride + trace.stride)
    steps, losses, nets = zip(*trace.rows, strict=True)
    return Run(
        net=Network.from_vector(theta),
        outcome=_outcome(loss, tolerance, step, schedule.warm_up),
        steps=step,
        loss=loss,
        eta=schedule.eta * (schedule.factor if switched else 1.0) * min(1.0, (step + 1) / max(schedule.warm_up, 1)),
        trace=np.array(steps),
        losses=np.array(losses),
        sharpnesses=np.array([tangent.sharpness(each, data) for each in nets]) if with_sharpness else None,
    )
