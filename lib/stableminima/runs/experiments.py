"""The experiments of the paper's Section 5 and appendix I: a protocol, and sweeps of independent runs under it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from .. import rescaling, smoothness, tangent
from ..arguments import number, positive, whole
from ..network import Dataset, Network
from . import descent
from .descent import Outcome, Schedule, descend

TRACE_POINTS = 64
EVERY_STEP = 8192


@dataclass(frozen=True)
class Protocol:
    """What all runs of a sweep have in common.

    The seed gives the data (inputs uniform in [-spread, spread], labels normal with ``label_scale``) and then the
    initial weights (PyTorch's default times ``init_scale``). The step size grows linearly over ``warm_up`` steps;
    a run stops at L ≤ tolerance or after ``budget`` steps.

    Raises
    ------
    ValueError
        If one of these is out of range.
    """

    seed: int
    n: int = 10
    k: int = 80
    spread: float = 2.0
    label_scale: float = 0.3
    init_scale: float = 1.0
    warm_up: int = 500_000
    tolerance: float = 1e-8
    budget: int = 300_000_000

    def __post_init__(self) -> None:
        for name, least in (("seed", 0), ("n", 1), ("k", 1), ("warm_up", 0), ("budget", 1)):
            whole(name, getattr(self, name), least)
        for name in ("spread", "init_scale"):
            positive(name, getattr(self, name))
        for name in ("label_scale", "tolerance"):
            number(name, getattr(self, name), 0)

    def start(self) -> tuple[Dataset, Network]:
        """The data and the network at step 0."""
        rng = np.random.default_rng(self.seed)
        data = Dataset.random(rng, self.n, self.spread, self.label_scale)
        return data, Network.random(rng, self.k, self.init_scale)

    def run(self, eta: float, **options) -> descent.Run:
        """Gradient descent under the protocol with step size η; ``options`` go to :func:`descent.descend`."""
        data, net = self.start()
        schedule = Schedule(eta, warm_up=self.warm_up)
        return descend(net, data, schedule, tolerance=self.tolerance, budget=self.budget, **options)


Job = tuple[Protocol, float]  # with a step size η


@dataclass(frozen=True)
class Afterwards:
    """What a minimum does when descent runs on at its step size.

    ``peak`` is the largest loss on the way (of every step at first, of thinned steps later) and ``final`` the loss at
    the end. There every step is watched: ``lowest`` and ``highest`` are the extreme sharpnesses of the activation
    patterns visited, ``modes`` counts those patterns, and ``above`` is the share of steps with a sharpness above 2/η.
    """

    peak: float
    final: float
    lowest: float
    highest: float
    modes: int
    above: float


def run_on(net: Network, data: Dataset, eta: float, steps: int = 200_000, watch: int = 1000) -> Afterwards:
    """Runs descent on at constant step size η for ``steps`` steps and watches ``watch`` more, one by one."""
    whole("steps", steps, 1)
    whole("watch", watch, 1)
    options = {"schedule": Schedule(eta), "tolerance": 0.0}
    # a flight from a sharp minimum is over in dozens of steps: the first ones are all recorded
    first = descend(net, data, budget=EVERY_STEP, records=EVERY_STEP, **options)
    onward = descend(first.net, data, budget=max(steps - EVERY_STEP, 1), records=2048, **options)
    net, peak = onward.net, max(first.losses.max(), onward.losses.max())
    seen: dict[bytes, float] = {}
    net, visits = _watched(net, data, eta, watch, seen)
    above = float(np.mean(np.array(visits) > 2 / eta))
    return Afterwards(float(peak), net.loss(data), min(visits), max(visits), len(seen), above)


def _watched(
    net: Network, data: Dataset, eta: float, steps: int, seen: dict[bytes, float]
) -> tuple[Network, list[float]]:
    """The network after so many steps, and the sharpness of the mode before each; ``seen`` collects the modes."""
    visits = []
    *nets, last = net, *descent.steps(net, data, eta, steps)
    for each in nets:
        mode = each.pattern(data.x).tobytes()
        if mode not in seen:
            seen[mode] = tangent.interpolation_sharpness(each, data)
        visits.append(seen[mode])
    return last, visits


@dataclass(frozen=True)
class Kick:
    """What small kicks do at a minimum where descent has come to rest.

    ``before`` is the loss at rest, ``growth`` the loss 100 000 steps after a kick over the loss right after it, the
    largest of all kicks. ``lowest`` and ``highest`` are the extreme sharpnesses of the ``modes`` modes that the first
    thousand of these steps visit.
    """

    before: float
    growth: float
    lowest: float
    highest: float
    modes: int


def kicked(protocol: Protocol, eta: float, size: float = 1e-8, random: int = 0) -> Kick:
    """Lets a run of the protocol come to rest, and kicks it by ``size``.

    The kicks go along the top eigenvector of the Hessian there, and in so many ``random`` directions.
    In floating point descent can rest on a minimum that is too sharp for it: where its step is smaller than half a
    rounding error nothing moves. The kick tells that from stability. The loss may rise a hundredfold before it falls.
    """
    positive("size", size)
    whole("random", random)
    data, _ = protocol.start()
    net = descend(protocol.run(eta).net, data, Schedule(eta), tolerance=0.0, budget=200_000, records=1).net
    top = np.linalg.eigh(tangent.gauss_newton(net, data))[1][:, -1]
    others = np.random.default_rng(protocol.seed).standard_normal((random, top.size))
    growth, seen = [], {}
    for direction in (top, *others):
        start = Network.from_vector(net.vector + size * direction / np.linalg.norm(direction))
        after, _ = _watched(start, data, eta, 1000, seen)
        end = descend(after, data, Schedule(eta), tolerance=0.0, budget=99_000, records=1)
        growth.append(end.loss / start.loss(data))
    return Kick(net.loss(data), max(growth), min(seen.values()), max(seen.values()), len(seen))


@dataclass(frozen=True)
class Row:
    """One run of a sweep: what ``runs.csv`` holds of it, with its parameters (or None) and its thinned trace (or None).

    ``flattest`` is the smallest sharpness of any rescaling of the neurons, ∞ where the run found no global minimum.
    """

    seed: int
    scale: float
    eta: float
    outcome: Outcome
    steps: int
    loss: float
    sharpness: float
    norm: float
    flattest: float
    peak: float
    final: float
    lowest: float
    highest: float
    modes: int
    above: float
    theta: NDArray[np.float64] | None
    trace: NDArray[np.float64] | None


def one_run(protocol: Protocol, eta: float, traced: bool = False, onward: bool = True, keep: bool = True) -> Row:
    """A run of the protocol at η, what its end looks like, and (``onward``) what becomes of it when descent runs on.

    With ``traced`` the row holds what loss and sharpness did on the way; without ``keep`` it holds no parameters.
    """
    data, _ = protocol.start()
    run = protocol.run(eta, with_sharpness=traced, records=TRACE_POINTS)
    after = Afterwards(np.inf, np.inf, np.inf, np.inf, 0, 0.0)
    if onward and run.outcome.solved:
        after = run_on(run.net, data, eta)
    trace = None
    if traced:
        pick = np.linspace(0, run.trace.size - 1, TRACE_POINTS).round().astype(int)
        trace = np.array([run.trace, run.losses, run.sharpnesses])[:, pick]
    return Row(
        seed=protocol.seed,
        scale=protocol.init_scale,
        eta=float(eta),
        outcome=run.outcome,
        steps=run.steps,
        loss=run.loss,
        sharpness=tangent.sharpness(run.net, data),
        norm=smoothness.weighted_norm(run.net, data),
        flattest=rescaling.flattest_rescaling(run.net, data).sharpness if run.outcome.solved else np.inf,
        **asdict(after),
        theta=run.net.vector if keep else None,
        trace=trace,
    )


@dataclass(frozen=True, eq=False)
class Sweep:
    """The finished runs of a protocol, in order. Columns come as arrays: ``sweep["eta"]``.

    Runs may differ in seed and initial scale, which then stand in place of the protocol's.

    Examples
    --------
    >>> protocol = Protocol(seed=1, n=3, k=4, warm_up=10, tolerance=1e-3)
    >>> found = Sweep(protocol, (one_run(replace(protocol, seed=2), 0.1),))
    >>> net, data = found.case(0)
    >>> found.job(0)[0].seed, data.n, net.k, net.loss(data) <= 1e-3
    (2, 3, 4, True)
    """

    protocol: Protocol
    rows: tuple[Row, ...]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, column: str) -> NDArray:
        if column not in Row.__dataclass_fields__:
            raise KeyError(f"column must be one of {', '.join(Row.__dataclass_fields__)}; got {column!r}")
        return np.array([getattr(row, column) for row in self.rows])

    @cached_property
    def _data(self) -> dict[int, Dataset]:
        """The samples of each seed."""
        return {seed: replace(self.protocol, seed=seed).start()[0] for seed in {row.seed for row in self.rows}}

    @property
    def data(self) -> Dataset:
        """The samples that all runs were fitted to.

        Raises
        ------
        ValueError
            If the runs were fitted to several data sets, or there are none.
        """
        if len(self._data) != 1:
            raise ValueError(f"the runs of this sweep have {len(self._data)} data sets: ask for case(index), "
                             "or for the data of the runs with one seed, where(sweep['seed'] == seed)")
        return next(iter(self._data.values()))

    def job(self, index: int) -> Job:
        """What run ``index`` was: the protocol with that run's seed and initial scale, and its step size."""
        row = self.rows[index]
        return replace(self.protocol, seed=row.seed, init_scale=row.scale), row.eta

    def case(self, index: int) -> tuple[Network, Dataset]:
        """The network that run ``index`` ended with, and the samples that it was fitted to.

        Raises
        ------
        ValueError
            If the sweep was stored without parameters.
        """
        return self.net(index), self._data[self.rows[index].seed]

    def net(self, index: int) -> Network:
        """The network that run ``index`` ended with.

        Raises
        ------
        ValueError
            If the sweep was stored without parameters.
        """
        theta = self.rows[index].theta
        if theta is None:
            raise ValueError("this sweep holds no parameters: run the protocol again at its step size, with keep=True")
        return Network.from_vector(theta)

    def where(self, keep: NDArray[np.bool_]) -> Sweep:
        """The runs for which ``keep`` is true, in order.

        Raises
        ------
        ValueError
            If ``keep`` does not hold one truth value for each run.
        """
        keep = np.asarray(keep)
        if keep.shape != (len(self),) or keep.dtype != bool:
            raise ValueError(f"keep must hold a truth value for each of {len(self)} runs, "
                             f"got {keep.dtype} of shape {keep.shape}")
        return replace(self, rows=tuple(row for row, kept in zip(self.rows, keep, strict=True) if kept))

    def count(self, outcome: Outcome) -> int:
        """How many runs ended so."""
        return sum(row.outcome == outcome for row in self.rows)

    @cached_property
    def kept(self) -> Sweep:
        """The runs that the paper keeps: converged at constant step size, after the warm-up."""
        return self.where(self["outcome"] == Outcome.CONVERGED)
