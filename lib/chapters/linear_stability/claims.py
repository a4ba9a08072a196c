"""Chapter II: Lemma 1, linear stability (S1–S9)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from itertools import chain, product
from math import comb

import numpy as np
from mpmath import mp, mpf
from numpy.typing import NDArray

from ledgerbook.claim import Attack, Claim, Instance, Tolerance, Wrong
from stableminima import autodiff, stability, tangent
from stableminima.network import Dataset, Network
from stableminima.stability import Linearised, noisy_system

from ..common import Array, exact, mean_outer_product, rescaled
from ..instances import Case, minima, random_case, random_cases

# ---- batches --------------------------------------------------------------------------------------------------


def _batched_cases() -> Iterator[Instance]:
    """Random networks on random labels, with batches of every size."""
    for seed in range(8):
        case, size = random_case(seed, k=5, n=7), 1 + seed % 7
        yield Instance(f"random network, batches of {size}, seed {seed}", seed, replace(case, batch=size))


def _mean_of_batches(case: Case) -> float:
    return float(np.mean(stability.batch_losses(case.net, case.data, case.batch)))


def _exact_loss(case: Case) -> float:
    """L(θ) from the exact residuals of the network's rounded outputs."""
    residuals = exact(case.net(case.data.x)) - exact(case.data.y)
    return float(sum(residuals**2) / (2 * len(residuals)))


def _with_first_sample(case: Case) -> float:
    """The mean over the batches that hold the first sample: a draw that is not uniform."""
    chosen = stability.batches(case.data.n, case.batch)[:, 0] == 0
    return float(np.mean(stability.batch_losses(case.net, case.data, case.batch)[chosen]))


def _over_width(case: Case) -> float:
    """The sum over all batches divided by C(n, k), where k is the number of neurons."""
    return _mean_of_batches(case) * comb(case.data.n, case.batch) / comb(case.data.n, case.net.k)


S1 = Claim(
    equation="S1",
    says="The mean of the batch losses is the loss",
    relation="=",
    instances=_batched_cases,
    left=_mean_of_batches,
    right={"autograd's loss": lambda case: autodiff.loss(case.net.vector, case.data), "exact": _exact_loss},
    wrong=(
        Wrong("only batches with the first sample", left=_with_first_sample),
        Wrong("1/2n in place of 1/2B", left=lambda case: _mean_of_batches(case) * case.batch / case.data.n),
        Wrong("as printed: C(n, k) batches with the width k", left=_over_width),
    ),
)

# ---- the mean of the distance ---------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Walk:
    """Linearised descent from a start, for a number of steps."""

    system: Linearised
    start: Array
    eta: float
    steps: int


def _walks() -> Iterator[Instance]:
    """Noisy random systems, random interpolating networks, and minima that descent found; up to ten batches."""
    for seed in range(6):
        rng = np.random.default_rng(seed)
        system = noisy_system(seed)
        eta = (0.5 + 0.3 * seed) / system.sharpness
        yield Instance(f"noisy system, seed {seed}", seed, Walk(system, rng.standard_normal(3), eta, 3))
        case = random_case(seed, k=3, n=4).interpolating()
        system = stability.linearise(case.net, case.data, 2)
        eta = (0.5 + 0.3 * seed) / system.sharpness
        yield Instance(f"random network, seed {seed}", seed, Walk(system, rng.standard_normal(system.d), eta, 3))
    for found in minima(3):
        system = stability.linearise(found.value.net, found.value.data, 9)
        start = np.ones(system.d) / np.sqrt(system.d)
        yield Instance(f"{found.label}, batches of 9", None, Walk(system, start, 1.9 / system.sharpness, 2))


def _by_paths(walk: Walk) -> Array:
    """E[θ_t - θ*] as the mean over all sequences of batches."""
    *_, last = walk.system.paths(walk.start, walk.eta, walk.steps)
    return last.mean(axis=0)


def _step_of_mean(walk: Walk) -> Array:
    """I - ηH on the mean one step before."""
    return (np.eye(walk.system.d) - walk.eta * walk.system.hessian) @ _by_paths(replace(walk, steps=walk.steps - 1))


def _fraction_mean(walk: Walk) -> NDArray:
    """E[θ_t - θ*] in exact rational arithmetic, path by path."""
    eta = Fraction(walk.eta)
    hessians = [exact(h).reshape(h.shape) for h in walk.system.hessians]
    gradients = [exact(g) for g in walk.system.gradients]
    total = np.full(walk.system.d, Fraction(0), dtype=object)
    for path in product(range(len(gradients)), repeat=walk.steps):
        u = exact(walk.start)
        for b in path:
            u = u - eta * (gradients[b] + hessians[b] @ u)
        total = total + u
    return total / len(gradients) ** walk.steps


def _in_fractions(walk: Walk) -> Array:
    return _fraction_mean(walk).astype(np.float64)


def _step_in_fractions(walk: Walk) -> Array:
    """(I - ηH) on the mean one step before, all of it in exact fractions."""
    before = _fraction_mean(replace(walk, steps=walk.steps - 1))
    hessian = sum(exact(each).reshape(each.shape) for each in walk.system.hessians) / len(walk.system.hessians)
    return (before - Fraction(walk.eta) * (hessian @ before)).astype(np.float64)


def _one_batch_for_all(walk: Walk) -> Array:
    """The mean where the batch of the first step is used in every step: iterate and batch depend on each other."""
    ends = []
    for hessian, gradient in zip(walk.system.hessians, walk.system.gradients, strict=True):
        u = walk.start
        for _ in range(walk.steps):
            u = u - walk.eta * (gradient + hessian @ u)
        ends.append(u)
    return np.mean(ends, axis=0)


def _power(walk: Walk, steps: int) -> Array:
    return walk.system.mean_after(walk.start, walk.eta, steps)


_MEANS = Tolerance(1e-11, why="a few products with factors of size 10, and eigenvectors, each rounded to 1e-16")

def _with_drift(walk: Walk) -> Array:
    """The mean where the last batch's gradient has not mean 0, but 1 in every coordinate."""
    return _by_paths(walk) - walk.eta


S2 = Claim(
    equation="S2",
    says="The mean distance takes one step of full-batch descent",
    relation="=",
    instances=_walks,
    left=_by_paths,
    right={"I - ηH on the mean before": _step_of_mean, "the same in exact fractions": _step_in_fractions},
    wrong=(
        Wrong("one batch for all steps", left=_one_batch_for_all),
        Wrong("twice the step size", left=lambda walk: _by_paths(replace(walk, eta=2 * walk.eta))),
        Wrong("θ* is not a minimum", left=_with_drift),
    ),
    tolerance=_MEANS,
)

S3 = Claim(
    equation="S3",
    says="After t steps the mean distance is (I - ηH)ᵗ times the first",
    relation="=",
    instances=_walks,
    left=lambda walk: _power(walk, walk.steps),
    right={"all sequences of batches": _by_paths, "exact rational enumeration": _in_fractions},
    wrong=(
        Wrong("one step more", left=lambda walk: _power(walk, walk.steps + 1)),
        Wrong("one batch for all steps", left=_one_batch_for_all),
        Wrong("the Hessian of the first batch", left=lambda walk: _power(_first_batch(walk), walk.steps)),
    ),
    tolerance=_MEANS,
)


def _first_batch(walk: Walk) -> Walk:
    first = walk.system.hessians[:1]
    return replace(walk, system=Linearised(first, np.zeros((1, walk.system.d))))


def _distances(walk: Walk) -> Array:
    """The distance at the end of every sequence of batches."""
    *_, last = walk.system.paths(walk.start, walk.eta, walk.steps)
    return np.linalg.norm(last, axis=1)


S4 = Claim(
    equation="S4",
    says="The distance of the mean is at most the mean of the distance",
    relation="<=",
    instances=_walks,
    left=lambda walk: np.linalg.norm(_power(walk, walk.steps)),
    right={"all sequences of batches": lambda walk: walk.system.mean_distances(walk.start, walk.eta, walk.steps)[-1]},
    wrong=(
        Wrong("the root of the mean square", left=lambda walk: np.sqrt(np.mean(_distances(walk) ** 2))),
        Wrong("the smallest distance", right=lambda walk: _distances(walk).min()),
        Wrong("half the mean distance", right=lambda walk: _distances(walk).mean() / 2),
    ),
    attack=Attack(start=lambda walk: walk.start, build=lambda vector, walk: replace(walk, start=vector), steps=60),
)

# ---- the limit ------------------------------------------------------------------------------------------------

LONG = 2**16


def _stable_walks(factor: float = 0.999) -> Iterator[Instance]:
    """Minima that descent found, with one flat direction, just below the threshold of mean-square stability."""
    for index, found in enumerate(minima(4)):
        size = (1, 5, 9, 10)[index]
        inner = stability.linearise(found.value.net, found.value.data, size)
        flat = ((0, 0), (0, 1), (0, 1))
        system = Linearised(np.pad(inner.hessians, flat), np.pad(inner.gradients, flat[:2]))
        start = np.append(np.ones(inner.d) / np.sqrt(inner.d), 1.0) / np.sqrt(2)
        eta = factor * inner.largest_mean_square_step
        yield Instance(f"{found.label}, batches of {size}", None, Walk(system, start, eta, LONG))
        along = np.eye(system.d)[-1]
        yield Instance(f"{found.label}, batches of {size}, flat direction", None, Walk(system, along, eta, LONG))


def _root_mean_square(walk: Walk) -> float:
    """The root of E‖θ_t - θ*‖², at a t so late that only the flat direction is left; it is at least E‖θ_t - θ*‖."""
    eigenvalues, vectors = np.linalg.eigh(walk.system.second_moment_map(walk.eta))
    moment = vectors.T @ np.outer(walk.start, walk.start).ravel()
    return float(np.sqrt((np.eye(walk.system.d).ravel() @ vectors) @ (eigenvalues**walk.steps * moment)))


def _in_unit_ball(vector: Array, walk: Walk) -> Walk:
    return replace(walk, start=vector / max(1.0, float(np.linalg.norm(vector))))


_FROM_THE_BALL = Attack(start=lambda walk: walk.start, build=_in_unit_ball, starts=2, steps=45)

S5 = Claim(
    equation="S5",
    says="Below the threshold of mean-square stability, descent that starts in the ball stays there in the mean",
    relation="<=",
    instances=_stable_walks,
    left=_root_mean_square,
    right={"radius of the ball": lambda walk: 1.0},
    wrong=(
        Wrong("0.1 % above the threshold", instances=lambda: _stable_walks(1.001)),
        Wrong("half the radius", right=lambda walk: 0.5),
    ),
    attack=_FROM_THE_BALL,
)

S6 = Claim(
    equation="S6",
    says="There the mean stays in the ball too",
    relation="<=",
    instances=_stable_walks,
    left=lambda walk: np.linalg.norm(_power(walk, walk.steps)),
    right={"radius of the ball": lambda walk: 1.0},
    wrong=(
        Wrong("0.1 % above 2/λ_max", instances=lambda: _at_the_edge(1.001)),
        Wrong("half the radius", right=lambda walk: 0.5),
    ),
    attack=_FROM_THE_BALL,
)


def _at_the_edge(factor: float) -> Iterator[Instance]:
    for each in _stable_walks():
        walk = each.value
        yield Instance(each.label, each.seed, replace(walk, eta=factor * 2 / walk.system.sharpness))


# ---- the threshold --------------------------------------------------------------------------------------------

FACTORS = (0.5, 0.9, 0.999, 1.001, 1.01)
STEPS = 2**13  # 1.002 to this power is 10⁷


def _thresholds() -> Iterator[Instance]:
    """Minima that descent found and random ones, each with step sizes on both sides of 2/λ_max."""
    drawn = (Instance(e.label, e.seed, e.value.interpolating()) for e in random_cases(3, k=5, n=7))
    for each in chain(minima(6), drawn):
        edge = 2 / tangent.interpolation_sharpness(each.value.net, each.value.data)
        for factor in FACTORS:
            yield Instance(f"{each.label}, step size {factor} · 2/λ", each.seed, replace(each.value, eta=factor * edge))


ODD = 101  # an odd number of steps tells (1 - ηλ)ᵗ from |1 - ηλ|ᵗ
RADIUS = 1e-3


def _along(case: Case, index: int = -1) -> Array:
    """(I - ηH)ᵗ εv for the eigenvector v of this index, by a power of the matrix."""
    hessian = tangent.gauss_newton(case.net, case.data)
    vector = np.linalg.eigh(hessian)[1][:, index]
    return np.linalg.matrix_power(np.eye(len(hessian)) - case.eta * hessian, ODD) @ (RADIUS * vector)


def _scalar(case: Case, modulus=abs, steps: int = ODD) -> float:
    """ε|1 - ηλ|ᵗ with the sharpness of the Gram matrix."""
    return RADIUS * modulus(1 - case.eta * tangent.interpolation_sharpness(case.net, case.data)) ** steps


def _stepwise(case: Case) -> float:
    """The same with autograd's features, u ← u - ηΦ(Φᵀu)/n, from the top eigenvector of the Gram matrix."""
    phi = autodiff.features(case.net, case.data.x)
    u = phi @ np.linalg.eigh(phi.T @ phi)[1][:, -1]
    u = RADIUS * u / np.linalg.norm(u)
    for _ in range(ODD):
        u = u - case.eta * (phi @ (phi.T @ u)) / case.data.n
    return float(np.linalg.norm(u))


S7 = Claim(
    equation="S7",
    says="From ε along the top eigenvector the distance after t steps is ε|1 - ηλ_max|ᵗ",
    relation="=",
    instances=_thresholds,
    left=lambda case: np.linalg.norm(_along(case)),
    right={"power of a number": _scalar, "step by step": _stepwise},
    wrong=(
        Wrong("no absolute value", left=lambda case: _scalar(case, modulus=float)),
        Wrong("one step more", left=lambda case: _scalar(case, steps=ODD + 1)),
        Wrong("the lowest eigenvector", left=lambda case: np.linalg.norm(_along(case, index=0))),
    ),
    tolerance=Tolerance(
        1e-9,
        scale=lambda case: RADIUS * max(1.0, _scalar(case) / RADIUS),
        why="a hundred steps, each rounded to 1e-16, and near η = 1/λ what is left is rounding of the start",
    ),
)


@lru_cache(maxsize=1)  # the step sizes of one network follow each other
def _sharpness_by_autograd(net: Network, data: Dataset) -> float:
    return tangent.largest_eigenvalue(autodiff.hessian(net, data))


def _bounded_by_logarithm(case: Case) -> float:
    """1 if |1 - ηλ|ᵗ stays bounded, that is t log|1 - ηλ| does, with 50 digits; else 0."""
    with mp.workdps(50):
        factor = abs(1 - mpf(case.eta) * mpf(_sharpness_by_autograd(case.net, case.data)))
        return float(10**9 * mp.log(factor) <= 1)


def _bounded_by_squaring(case: Case) -> float:
    """1 if squaring 1 - ηλ again and again does not blow up, else 0."""
    number = 1 - case.eta * tangent.largest_eigenvalue(mean_outer_product(case))
    for _ in range(40):
        number = min(number**2, 1e6)
    return float(number <= 1 + 1e-9)


def _in_unit_interval(case: Case, low: float = -1, high: float = 1) -> float:
    return float(low <= 1 - case.eta * tangent.interpolation_sharpness(case.net, case.data) <= high)


S8 = Claim(
    equation="S8",
    says="The powers of |1 - ηλ_max| stay bounded exactly when it is at most 1",
    relation="=",
    instances=_thresholds,
    left=_in_unit_interval,
    right={"logarithm with 50 digits": _bounded_by_logarithm, "repeated squaring": _bounded_by_squaring},
    wrong=(
        Wrong("no absolute value", left=lambda case: _in_unit_interval(case, low=-np.inf)),
        Wrong("one half in place of 1", left=lambda case: _in_unit_interval(case, low=-0.5, high=0.5)),
    ),
    tolerance=Tolerance(0, why="both sides are yes (1) or no (0); the step sizes keep 0.1 % away from the threshold"),
)


def _start(case: Case) -> Array:
    """A unit vector in general position: it has a part along every eigenvector."""
    return np.ones(case.net.vector.size) / np.sqrt(case.net.vector.size)


def _stays_by_power(case: Case) -> float:
    """1 if (I - ηH)ᵗ leaves the start no longer than it was, for t = 2¹³, else 0 (S7)."""
    hessian = mean_outer_product(case)
    step = np.linalg.matrix_power(np.eye(len(hessian)) - case.eta * hessian, STEPS)
    return float(np.linalg.norm(step @ _start(case)) <= 1 + 1e-9)


def _stays_by_steps(case: Case) -> float:
    """The same by iterating u ← u - ηΦ(Φᵀu)/n, which never forms the Hessian."""
    phi = autodiff.features(case.net, case.data.x)
    u = _start(case)
    for _ in range(STEPS):
        u = u - case.eta * (phi @ (phi.T @ u)) / case.data.n
    return float(np.linalg.norm(u) <= 1 + 1e-9)


def _within(case: Case, constant: float, of=tangent.largest_eigenvalue) -> float:
    return float(of(tangent.gram(case.net, case.data)) <= constant / case.eta)


S9 = Claim(
    equation="S9",
    part="descent",
    says="Linearised gradient descent stays at a minimum exactly when λ_max ≤ 2/η",
    relation="=",
    instances=_thresholds,
    left=lambda case: _within(case, 2),
    right={"matrix power": _stays_by_power, "step by step": _stays_by_steps},
    wrong=(
        Wrong("half the constant", left=lambda case: _within(case, 1)),
        Wrong("twice the constant", left=lambda case: _within(case, 4)),
        Wrong("the trace in place of λ_max", left=lambda case: _within(case, 2, of=np.trace)),
    ),
    tolerance=Tolerance(0, why="both sides are yes (1) or no (0); the step sizes keep 0.1 % away from the threshold"),
)

# ---- stochastic descent ---------------------------------------------------------------------------------------


def _stochastic(sizes: tuple[int, ...]) -> Iterator[Instance]:
    """Minima that descent found and random interpolating networks, with batches of these sizes."""
    for size in sizes:
        for found in minima(4):
            yield Instance(f"{found.label}, batches of {size}", None, replace(found.value, batch=size))
        for seed in range(4):
            case = random_case(seed, k=3, n=10).interpolating()
            yield Instance(f"random network, seed {seed}, batches of {size}", seed, replace(case, batch=size))


def _rescaled(vector: Array, case: Case) -> Case:
    return replace(case, net=rescaled(case.net, vector))


def _largest_step(case: Case) -> float:
    return stability.linearise(case.net, case.data, case.batch).largest_mean_square_step


def _trace(case: Case) -> float:
    return float(np.trace(tangent.gram(case.net, case.data)))


_RESCALING = Attack(start=lambda case: np.zeros(2), build=_rescaled, starts=2, steps=30)
_EIGENVALUES = Tolerance(1e-8, why="a generalised eigenvalue problem of condition 1e6")

S9_BATCHES = Claim(
    equation="S9",
    part="batches",
    says="Stochastic descent that is stable in mean square has λ_max ≤ 2/η as well",
    relation="<=",
    instances=lambda: _stochastic((1, 5, 9, 10)),
    left=lambda case: tangent.interpolation_sharpness(case.net, case.data),
    right={"largest stable step size": lambda case: 2 / _largest_step(case)},
    wrong=(
        Wrong("1.9 in place of 2", right=lambda case: 1.9 / _largest_step(case)),
        Wrong("the trace in place of λ_max", left=_trace),
    ),
    tolerance=_EIGENVALUES,
    attack=_RESCALING,
)

def _fourth_power(case: Case) -> float:
    """2 tr H over the mean of ‖∇f(x_j)‖⁴, from autograd's features."""
    squares = np.sum(autodiff.features(case.net, case.data.x) ** 2, axis=0)
    return 2 * squares.mean() / np.mean(squares**2)


II_1 = Claim(
    equation="II.1",
    says="With one sample at a time the largest step size that is stable in mean square is at most 2/tr H",
    relation="<=",
    instances=lambda: _stochastic((1,)),
    left=_largest_step,
    right={"by fourth powers": _fourth_power, "by the trace": lambda case: 2 / _trace(case)},
    wrong=(
        Wrong("1 in place of 2", right=lambda case: 1 / _trace(case)),
        Wrong("batches of 5", instances=lambda: _stochastic((5,))),
    ),
    tolerance=_EIGENVALUES,
    attack=_RESCALING,
)
