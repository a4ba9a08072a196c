"""What the benchmark measures: lists of seconds, one for each round.

Seconds are the processor's for this process, which is held to one core: what others run on the machine counts less.
"""

from __future__ import annotations

import datetime
import json
import platform
from collections.abc import Callable
from functools import partial
from importlib import metadata
from time import process_time
from timeit import timeit

import llvmlite.binding
import numpy as np
from scipy.sparse.linalg import LinearOperator

import contestants
from chapters import plans
from chapters.instances import Case
from stableminima import matrix_free, tangent
from stableminima.network import Dataset, Network
from stableminima.runs import descent

SIZES = ((10, 80), (100, 100), (1000, 1000))  # (n, k)
GROWTH = tuple((size, size) for size in (100, 316, 1000, 3162, 10_000, 31_623, 100_000))
CURVATURE = {
    **dict.fromkeys([(100, 100), (300, 300), (1000, 1000)], ("ours", "JAX, jvp of grad", "autograd")),
    (10_000, 10_000): ("ours", "JAX, jvp of grad"),  # one product of autograd holds several matrices of 800 MB
}
CURVATURE_ROUNDS = {1000: 3, 10_000: 1}  # there a round takes seconds, and minutes
DENSE_UP_TO = 1000  # neurons, 3001 rows; at 10⁴ the Hessian alone is 7.2 GB
SWITCHING = (40, 180)  # runs of Section 5 that ended below the edge of stability and at it; neurons switch at both
AGREEMENT = 1e-9
ROUND = 0.1  # seconds that a round of one contestant takes, about


class Disagreement(AssertionError):
    """Two contestants did not compute the same thing, so that their times mean nothing."""


def start(n: int, k: int) -> tuple[Case, float]:
    """Random data, PyTorch's start, and a step size far below the stable ones: the sharpness there grows like k."""
    rng = np.random.default_rng(0)
    data = Dataset.random(rng, n)
    return Case(Network.random(rng, k), data), 0.2 / k


def gap(ends: dict[str, np.ndarray]) -> float:
    """The largest distance of any contestant's parameters from those of ``general``.

    Raises
    ------
    Disagreement
        If it is above 10⁻⁹, or something is not finite.
    """
    far = {name: np.abs(theta - ends["general"]).max() for name, theta in ends.items()}
    wrong = {name: distance for name, distance in far.items() if not distance <= AGREEMENT}
    if wrong:
        raise Disagreement(f"not within {AGREEMENT} of the kernel `general`: {wrong}")
    return float(max(far.values()))


def in_turn(runs: dict[str, Callable[[int], object]], rounds: int, length: float = ROUND) -> dict[str, list[float]]:
    """Seconds for each step of each contestant: all of them in every round, so that noise meets all alike.

    timeit does the timing: pyperf and asv would time one contestant after the other, in processes of their own.
    """
    steps = {name: _enough(run, length) for name, run in runs.items()}
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(rounds):
        for name in list(runs) if turn % 2 else reversed(runs):
            once = timeit(partial(runs[name], steps[name]), timer=process_time, number=1)
            seconds[name].append(once / steps[name])
    return seconds


def _enough(run: Callable[[int], object], length: float) -> int:
    """How many steps take about so many seconds."""
    steps = 1
    while (once := timeit(partial(run, steps), timer=process_time, number=1)) < length / 10:
        steps *= 4
    return max(1, round(steps * length / once))


def steps(n: int, k: int, rounds: int, compared: int = 200) -> dict:
    """All contestants at one size."""
    case, eta = start(n, k)
    runs = {name: make(case.net, case.data, eta) for name, make in contestants.DESCENTS.items()}
    first = {name: timeit(partial(run, 1), timer=process_time, number=1) for name, run in runs.items()}
    ends = {name: run(compared) for name, run in runs.items()}
    before, after = case.net.loss(case.data), Network.from_vector(ends["general"]).loss(case.data)
    if not after < before:
        raise Disagreement(f"descent from loss {before} led to {after}")
    chosen = descent.kernel(n, k, 10**8).__name__
    about = {"n": n, "k": k, "eta": eta, "compared": compared, "gap": gap(ends), "chosen": chosen}
    return about | {"first": first, "seconds": in_turn(runs, rounds)}


def switching(index: int, rounds: int) -> dict:
    """Both kernels where neurons switch in every step: on from a stored minimum."""
    stored = plans.stored("section5")
    net, eta = stored.net(index), float(stored["eta"][index])
    runs = {name: contestants.DESCENTS[name](net, stored.data, eta) for name in ("fixed", "general")}
    ends = [run(10_000).tobytes() for run in runs.values()]
    if ends[0] != ends[1]:
        raise Disagreement("the two kernels do not take the same steps, bit for bit")
    about = {"run": index, "eta": eta, "n": stored.data.n, "k": net.k}
    return about | {"seconds": in_turn(runs, rounds)}


def growth(rounds: int) -> list[dict]:
    """The kernel for large sizes, from small to large; rounds are longer, to keep the set-up a small part of them."""
    rows = []
    for n, k in GROWTH:
        case, eta = start(n, k)
        run = contestants.DESCENTS["general"](case.net, case.data, eta)
        if not np.isfinite(run(20)).all():
            raise Disagreement(f"descent at n = {n}, k = {k} left the finite numbers")
        rows.append({"n": n, "k": k, "seconds": in_turn({"general": run}, rounds, 5 * ROUND)["general"]})
    return rows


def curvature(n: int, k: int, rounds: int) -> dict:
    """λ_max by one Lanczos solver with the products of each contestant, and from the dense Hessian where that fits.

    ``first`` holds the seconds to set up and take one product, ``seconds`` those of the whole iteration after that,
    of every contestant in every round.
    """
    case, _ = start(n, k)
    first, solves = {}, {}
    for name in CURVATURE[n, k]:
        if name in contestants.HESSIANS:
            began = process_time()
            operator = contestants.HESSIANS[name](case.net, case.data)
            operator @ np.ones(operator.shape[0])
            first[name] = process_time() - began
            solves[name] = partial(matrix_free.largest_eigenvalue, operator)
    if k <= DENSE_UP_TO:
        solves["dense"] = partial(tangent.dense_sharpness, case.net, case.data)
    values, seconds = {}, {name: [] for name in solves}
    for _ in range(CURVATURE_ROUNDS.get(k, rounds)):
        for name, solve in solves.items():
            began = process_time()
            values[name] = solve()
            seconds[name].append(process_time() - began)
    worst = max(abs(value / values["ours"] - 1) for value in values.values())
    if not worst <= AGREEMENT:
        raise Disagreement(f"λ_max at n = {n}, k = {k}: {values}")
    about = {"n": n, "k": k, "products": _products(case), "gap": worst}
    return about | {"first": first, "seconds": seconds}


def _products(case: Case) -> int:
    """How many products the solver asks for."""
    operator, asked = matrix_free.hessian(case.net, case.data), []
    counting = LinearOperator(operator.shape, matvec=lambda u: asked.append(0) or operator @ u, dtype=float)
    matrix_free.largest_eigenvalue(counting)
    return len(asked)


def whole_sweep() -> dict | None:
    """What the sweep of Section 5 took when its data were made, if that was recorded with them."""
    manifest = json.loads((plans.DATA / "section5" / "manifest.json").read_text())
    return {name: manifest[name] for name in ("seconds", "cores")} if {"seconds", "cores"} <= manifest.keys() else None


def about() -> dict:
    """Where and with what it was measured; no host, no path."""
    packages = ("numpy", "scipy", "numba", "autograd", "jax", "torch")
    return {
        "date": datetime.date.today().isoformat(),
        "python": platform.python_version(),
        "processor": llvmlite.binding.get_host_cpu_name(),
        "versions": {name: metadata.version(name) for name in packages if name not in contestants.MISSING},
        "missing": list(contestants.MISSING),
    }


def everything(rounds: int, say: Callable[[str], object]) -> dict:
    """The whole benchmark, as JSON will hold it."""
    found: dict = {"about": about(), "steps": [], "switching": [], "curvature": []}
    for n, k in SIZES:
        say(f"gradient descent at n = {n}, k = {k}")
        found["steps"].append(steps(n, k, rounds))
    for index in SWITCHING:
        say(f"gradient descent on from run {index} of Section 5")
        found["switching"].append(switching(index, rounds))
    say("gradient descent from small to large")
    found["growth"] = growth(rounds)
    for n, k in CURVATURE:
        say(f"largest eigenvalue at n = {n}, k = {k}")
        found["curvature"].append(curvature(n, k, rounds))
    sweep = whole_sweep()
    return found | ({"sweep": sweep} if sweep else {})
