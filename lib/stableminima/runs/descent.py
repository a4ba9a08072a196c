"""Full-batch gradient descent, by whichever compiled kernel suits the size."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import astuple, dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from .. import tangent
from ..arguments import number, positive, whole
from ..network import Dataset, Network
from . import kernels, vectorised


class Outcome(StrEnum):
    """How a run ended, in words."""

    CONVERGED = "converged"
    WARM_UP = "converged in warm-up"
    STALLED = "stalled"
    DIVERGED = "diverged"

    @property
    def solved(self) -> bool:
        """Did the run reach a global minimum, in the warm-up or after it?"""
        return self in (Outcome.CONVERGED, Outcome.WARM_UP)


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
            positive(name, getattr(self, name))
        number("level", self.level, 0)
        whole("warm_up", self.warm_up)


@dataclass(frozen=True, eq=False)
class Run:
    """What a run of gradient descent found.

    Attributes
    ----------
    net : the parameters at the end. outcome : how it ended. steps : steps taken. loss : L at the end.
    eta : the step size in force at the end (after warm-up and change).
    trace : step numbers, shape (m,), of which the last is that of ``net``. losses : L there, ∞ where it overflows.
    sharpnesses : λ_max(∇²L) there, ∞ where the loss is, or None.
    """

    net: Network
    outcome: Outcome
    steps: int
    loss: float
    eta: float
    trace: NDArray[np.int64]
    losses: NDArray[np.float64]
    sharpnesses: NDArray[np.float64] | None


class _Trace:
    """Evenly spaced records, never more than 2·size: when full, every second one goes and the stride doubles.

    The last one stays, as it is where a run ends, which may be between two even steps.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.stride = 1
        self.rows: list[tuple[int, float, NDArray[np.float64]]] = []

    def add(self, step: int, loss: float, theta: NDArray[np.float64]) -> None:
        self.rows.append((step, loss, theta))
        if len(self.rows) > 2 * self.size:
            self.stride *= 2
            *others, last = self.rows
            self.rows = [row for row in others if row[0] % self.stride == 0] + [last]


def _outcome(loss: float, tolerance: float, steps: int, warm_up: int) -> Outcome:
    if not np.isfinite(loss):
        return Outcome.DIVERGED
    if loss > tolerance:
        return Outcome.STALLED
    return Outcome.WARM_UP if steps < warm_up else Outcome.CONVERGED


def kernel(n: int, k: int, budget: int) -> Callable:
    """The faster kernel: the one compiled for the size, where n and k are small and the run long enough to repay it.

    >>> kernel(10, 80, 10**8).__name__, kernel(1000, 1000, 10**8).__name__
    ('fixed', 'general')
    """
    return vectorised.fixed if n <= 64 and k <= 512 and budget >= 1_000_000 else kernels.general


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
    with_sharpness : also record λ_max(∇²L): a millisecond or two for each record.

    Returns
    -------
    Run
        A diverged run holds the last recorded parameters at which the loss is finite, or the start if there are none.
        A run whose parameters no longer change in floating point is stalled and ends at once.

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
    number("tolerance", tolerance, 0)
    budget, records = whole("budget", budget, 1), whole("records", records, 1)
    order = np.argsort(data.x)
    x, y = data.x[order], data.y[order]
    theta = net.vector.copy()
    advance = kernel(data.n, net.k, budget)
    step, switched, trace = 0, False, _Trace(records)
    limit, rule = 0, astuple(schedule)
    after = theta.copy()
    while True:
        before, start = after, step
        step, loss, switched = advance(theta, x, y, step, limit, tolerance, *rule, switched)
        after = theta.copy()
        if not (np.isfinite(loss) and np.isfinite(theta).all()):
            theta, loss = before, np.inf
            if not trace.rows:
                trace.add(start, loss, theta)
            break
        trace.add(step, loss, after)
        fixed = step > max(start, schedule.warm_up) and np.array_equal(theta, before)
        if loss <= tolerance or step >= budget or fixed:
            break
        limit = min(budget, step - step % trace.stride + trace.stride)
    steps, losses, thetas = zip(*trace.rows, strict=True)
    sharpnesses = None
    if with_sharpness:
        sharpnesses = np.array([tangent.sharpness(Network.from_vector(each), data) if at < np.inf else np.inf
                                for each, at in zip(thetas, losses, strict=True)])
    return Run(
        net=Network.from_vector(theta),
        outcome=_outcome(loss, tolerance, step, schedule.warm_up),
        steps=step,
        loss=loss,
        eta=schedule.eta * (schedule.factor if switched else 1.0) * min(1.0, (step + 1) / max(schedule.warm_up, 1)),
        trace=np.array(steps),
        losses=np.array(losses),
        sharpnesses=sharpnesses,
    )


def steps(net: Network, data: Dataset, eta: float, count: int) -> Iterator[Network]:
    """The networks after 1, 2, …, ``count`` steps of constant size η.

    Examples
    --------
    >>> data = Dataset([-1, 0, 1], [1, 0, 1])
    >>> [round(each.loss(data), 3) for each in steps(Network([1, -1], [0, 0], [1, 0], 0), data, 0.1, 3)]
    [0.146, 0.128, 0.114]
    """
    for _ in range(whole("count", count)):
        net = descend(net, data, Schedule(eta), tolerance=0.0, budget=1).net
        yield net
