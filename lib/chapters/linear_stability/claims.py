"""Chapter II: Lemma 1, linear stability (S1–S9)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from itertools import chain, combinations, product
from math import comb

import numpy as np
from mpmath import mp, mpf
from numpy.typing import NDArray
from scipy.linalg import eigh, null_space

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
    tex=r"\mathbb E[\hat{\mathcal L}_t(\theta)]=\mathcal L(\theta)",
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


def _one_by_one(walk: Walk, slope: float = 0.0) -> Array:
    """The same, one sequence of batches after the other; ``slope`` is the mean gradient at θ*, 0 at a minimum."""
    batches, total = [*zip(walk.system.hessians, walk.system.gradients + slope, strict=True)], 0.0
    for path in product(batches, repeat=walk.steps):
        u = walk.start
        for hessian, gradient in path:
            u = u - walk.eta * (gradient + hessian @ u)
        total = total + u
    return total / len(batches) ** walk.steps


def _step_of_mean(walk: Walk) -> Array:
    """I - ηH on the mean one step before."""
    before = _one_by_one(replace(walk, steps=walk.steps - 1))
    return before - walk.eta * np.mean(walk.system.hessians, axis=0) @ before


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

S2 = Claim(
    equation="S2",
    says="The mean distance takes one step of full-batch descent",
    tex=r"\mathbb E[\theta_{t+1}-\theta^*]=(I-\eta H)\,\mathbb E[\theta_t-\theta^*]",
    relation="=",
    instances=_walks,
    left=_by_paths,
    right={"I - ηH on the mean before": _step_of_mean, "the same in exact fractions": _step_in_fractions},
    wrong=(
        Wrong("one batch for all steps", left=_one_batch_for_all),
        Wrong("twice the step size", left=lambda walk: _by_paths(replace(walk, eta=2 * walk.eta))),
        Wrong("θ* is not a minimum", left=lambda walk: _one_by_one(walk, slope=1.0)),
    ),
    tolerance=_MEANS,
)

S3 = Claim(
    equation="S3",
    says="After t steps the mean distance is (I - ηH)ᵗ times the first",
    tex=r"\mathbb E[\theta_t-\theta^*]=(I-\eta H)^t(\theta_0-\theta^*)",
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
    tex=r"\|(I-\eta H)^t(\theta_0-\theta^*)\|\le\mathbb E\|\theta_t-\theta^*\|",
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


def _settling(share: float = 0.999) -> Iterator[Instance]:
    """Random networks in all their parameters, and found minima with one flat direction, near the threshold η_ms."""
    for seed in range(3):
        case = random_case(seed, k=3, n=4).interpolating()
        gradients = autodiff.features(case.net, case.data.x).T[stability.batches(4, 2)]
        hessians = np.einsum("bsi,bsj->bij", gradients, gradients) / 2
        inner = stability.linearise(case.net, case.data, 2)
        yield Instance(f"random network, batches of 2, seed {seed}", seed, _near_the_threshold(hessians, inner, share))
    for found, size in zip(minima(4), (1, 5, 9, 10), strict=True):
        inner = stability.linearise(found.value.net, found.value.data, size)
        hessians = np.pad(inner.hessians, ((0, 0), (0, 1), (0, 1)))
        yield Instance(f"{found.label}, batches of {size}", None, _near_the_threshold(hessians, inner, share))


def _near_the_threshold(hessians: Array, inner: Linearised, share: float) -> Walk:
    """From a start with a part in every direction, until the mean square of what moves has shrunk, or grown, by e²⁰."""
    eta = share * inner.largest_mean_square_step
    slowest = abs(1 - np.linalg.eigvalsh(inner.second_moment_map(eta))[-1])
    start = np.ones(hessians.shape[-1]) / np.sqrt(hessians.shape[-1])
    return Walk(Linearised(hessians, np.zeros(hessians.shape[:2])), start, eta, int(20 / slowest))


def _root_mean_squares(walk: Walk, records: int = 32) -> Array:
    """The root of E‖θ_t - θ*‖², which is at least E‖θ_t - θ*‖, at evenly spaced t."""
    moment = np.outer(walk.start, walk.start).ravel()
    onwards = np.linalg.matrix_power(walk.system.second_moment_map(walk.eta), walk.steps // records)
    traces = [np.eye(walk.system.d).ravel() @ moment]
    for _ in range(records):
        moment = onwards @ moment
        traces.append(np.eye(walk.system.d).ravel() @ moment)
    return np.sqrt(traces)


def _flat_part(walk: Walk) -> float:
    """The length of the start's projection onto the directions that no batch's Hessian moves."""
    kernel = null_space(np.vstack(walk.system.hessians), rcond=1e-9)
    return float(np.linalg.norm(kernel.T @ walk.start))


S5 = Claim(
    equation="S5",
    says="Below the threshold of mean-square stability only the flat part of the start is left in the end",
    tex=r"\sqrt{\mathbb E\|\theta_t-\theta^*\|^2}\to\|P_0(\theta_0-\theta^*)\|\quad(\eta<\eta_{\mathrm{ms}})",
    relation="->",
    instances=_settling,
    left=_root_mean_squares,
    right={"kernel of the Hessians": _flat_part},
    wrong=(
        Wrong("0.1 % above the threshold", instances=lambda: _settling(1.001)),
        Wrong("nothing is left", right=lambda walk: 0.0),
        Wrong("all of the start is left", right=lambda walk: np.linalg.norm(walk.start)),
    ),
    tolerance=Tolerance(1e-5, why="in the last quarter the mean square of what moves has shrunk by e¹⁵ and more"),
)

TIMES = (1, 2, 3, 100, 1000, 1001)


def _in_the_ball() -> Iterator[Instance]:
    """Found minima at 0.999 of the threshold η_ms, and, with all samples in the batch, at the threshold itself."""
    for found, size in zip(minima(4), (1, 5, 9, 10), strict=True):
        system = stability.linearise(found.value.net, found.value.data, size)
        eta = system.largest_mean_square_step * (1 if size == found.value.data.n else 0.999)
        start = np.ones(system.d) / np.sqrt(system.d)
        yield Instance(f"{found.label}, batches of {size}", None, Walk(system, start, eta, TIMES[-1]))
    top = np.linalg.eigh(system.hessians[0])[1][:, -1]
    yield Instance("the last of them, jumping along its top eigenvector", None, Walk(system, top, eta, TIMES[-1]))


def _at_the_edge(factor: float) -> Iterator[Instance]:
    for each in _in_the_ball():
        walk = each.value
        yield Instance(each.label, each.seed, replace(walk, eta=factor * 2 / walk.system.sharpness))


def _in_unit_ball(vector: Array, walk: Walk) -> Walk:
    return replace(walk, start=vector / max(1.0, float(np.linalg.norm(vector))))


S6 = Claim(
    equation="S6",
    says="There the mean never leaves the ball",
    tex=r"\|(I-\eta H)^t(\theta_0-\theta^*)\|\le\varepsilon\quad(\eta\le\eta_{\mathrm{ms}})",
    relation="<=",
    instances=_in_the_ball,
    left=lambda walk: np.array([np.linalg.norm(_power(walk, steps)) for steps in TIMES]),
    right={"radius of the ball": lambda walk: np.ones(len(TIMES))},
    wrong=(
        Wrong("0.1 % above 2/λ_max", instances=lambda: _at_the_edge(1.001)),
        Wrong("0.1 % less than the radius", right=lambda walk: np.full(len(TIMES), 0.999)),
    ),
    attack=Attack(start=lambda walk: walk.start, build=_in_unit_ball, starts=2, steps=45),
)

# ---- the threshold --------------------------------------------------------------------------------------------

FACTORS = (0.25, 0.75, 0.999, 1.001, 1.01)
STEPS = 2**12  # 1.002 to this power is 3,600


def _one_sample() -> Iterator[tuple[str, Case, float]]:
    """Networks on one sample, with the λ_max = ‖∇f‖² that all arithmetic gives exactly, as 2/λ_max."""
    one, half = Dataset([1], [0]), 0.5
    yield "one neuron, λ = 4", Case(Network([half], [half], [1], 0), one), 4.0
    yield "one neuron and an idle one, λ = 8", Case(Network([half, 1], [half, 1], [1, 0], 0), one), 8.0
    yield "five neurons, λ = 16", Case(Network([half] * 5, [half] * 5, [1] * 5, 0), one), 16.0


def _two_samples() -> Iterator[tuple[str, Case, float]]:
    """A neuron for each of two samples: ΦᵀΦ/n has the entries 3.5 and 0.5, and the eigenvalues 4 and 3."""
    yield "two samples, λ = 4 and 3", Case(Network([2, -2], [0, 0], [1, 1], 0), Dataset([-1, 1], [0, 0])), 4.0


def _thresholds(exact_ones: Callable[[], Iterable[tuple[str, Case, float]]] = _one_sample) -> Iterator[Instance]:
    """Found minima and random networks, with step sizes on both sides of 2/λ_max; exact ones at it too."""
    drawn = (Instance(e.label, e.seed, e.value.interpolating()) for e in random_cases(2, k=5, n=7))
    for each in chain(minima(3), drawn):
        edge = 2 / tangent.interpolation_sharpness(each.value.net, each.value.data)
        for factor in FACTORS:
            yield Instance(f"{each.label}, step size {factor} · 2/λ", each.seed, replace(each.value, eta=factor * edge))
    for name, case, sharpness in exact_ones():
        for factor in (0.999, 1, 1.001):
            at = replace(case.interpolating(), eta=factor * 2 / sharpness)
            yield Instance(f"{name}, step size {factor} · 2/λ", None, at)


def _exact_thresholds() -> Iterator[Instance]:
    return _thresholds(lambda: chain(_one_sample(), _two_samples()))


ODD = 11  # an odd number of steps tells (1 - ηλ)ᵗ from |1 - ηλ|ᵗ
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
    tex=r"\|(I-\eta H)^t\,\varepsilon v\|=\varepsilon\,|1-\eta\lambda_{\max}|^t",
    relation="=",
    instances=_exact_thresholds,
    left=lambda case: np.linalg.norm(_along(case)),
    right={"power of a number": _scalar, "step by step": _stepwise},
    wrong=(
        Wrong("no absolute value", left=lambda case: _scalar(case, modulus=float)),
        Wrong("one step more", left=lambda case: _scalar(case, steps=ODD + 1)),
        Wrong("the lowest eigenvector", left=lambda case: np.linalg.norm(_along(case, index=0))),
    ),
    tolerance=Tolerance(1e-10, why="a dozen steps shrink it by 2¹¹ at the most, and the start is rounded to 1e-16"),
)


def _bounded_by_logarithm(case: Case) -> bool:
    """Whether t log|1 - ηλ| stays bounded, to t = 10⁹ with 50 digits, with λ from autograd's features."""
    singular = np.linalg.svd(autodiff.features(case.net, case.data.x), compute_uv=False)
    with mp.workdps(50):
        factor = abs(1 - mpf(case.eta) * mpf(float(singular[0])) ** 2 / case.data.n)
        return bool(10**9 * mp.log(factor) <= 1)


def _bounded_by_squaring(case: Case) -> bool:
    """Whether 1 - ηλ does not blow up when it is squared thirty times, with λ from the mean of ∇f(x_j) ∇f(x_j)ᵀ."""
    number = 1 - case.eta * np.linalg.eigvalsh(mean_outer_product(case))[-1]
    for _ in range(30):
        number = min(number**2, 1e6)
    return bool(number <= 2)


def _in_unit_interval(case: Case, low: float = -1, high: float = 1) -> bool:
    return bool(low <= 1 - case.eta * tangent.interpolation_sharpness(case.net, case.data) <= high)


YES_OR_NO = Tolerance(0, why="yes or no: step sizes are 0.1 % away from 2/λ_max, or at it where λ_max has no rounding")

S8 = Claim(
    equation="S8",
    says="The powers of |1 - ηλ_max| stay bounded exactly when it is at most 1",
    tex=r"\sup_t|1-\eta\lambda_{\max}|^t<\infty\iff|1-\eta\lambda_{\max}|\le1",
    relation="=",
    instances=_thresholds,
    left=_in_unit_interval,
    right={"logarithm with 50 digits": _bounded_by_logarithm, "repeated squaring": _bounded_by_squaring},
    wrong=(
        Wrong("no absolute value", left=lambda case: _in_unit_interval(case, low=-np.inf)),
        Wrong("less than 1", left=lambda case: _in_unit_interval(case, low=np.nextafter(-1, 0))),
        Wrong("one half in place of 1", left=lambda case: _in_unit_interval(case, low=-0.5, high=0.5)),
    ),
    tolerance=YES_OR_NO,
)


def _start(case: Case) -> Array:
    """A unit vector in general position: it has a part along every eigenvector."""
    return np.ones(case.net.vector.size) / np.sqrt(case.net.vector.size)


@lru_cache(maxsize=1)  # the step sizes of one network follow each other
def _hessian_by_autograd(net: Network, data: Dataset) -> Array:
    return autodiff.hessian(net, data)


def _stays_by_power(case: Case) -> bool:
    """Whether (I - ηH)ᵗ stretches no vector, for t = 2¹², with autograd's Hessian of the loss."""
    hessian = _hessian_by_autograd(case.net, case.data)
    power = np.linalg.matrix_power(np.eye(len(hessian)) - case.eta * hessian, STEPS)
    return bool(np.abs(np.linalg.eigvalsh(power)).max() <= 1 + 1e-9)


def _stays_by_steps(case: Case) -> bool:
    """Whether u ← u - ηΦ(Φᵀu)/n, which never forms the Hessian, leaves a start in general position no longer."""
    phi = autodiff.features(case.net, case.data.x)
    u, step = _start(case), case.eta / case.data.n * phi
    for _ in range(STEPS):
        u = u - step @ (phi.T @ u)
    return bool(np.linalg.norm(u) <= 1 + 1e-9)


def _within(case: Case, constant: int, strictly: bool = False) -> bool:
    """Whether λ_max ≤ constant/η, that is constant/η - ΦᵀΦ/n ⪰ 0, by elimination in fractions, which rounds nothing."""
    gram = tangent.gram(case.net, case.data)
    rest = constant / Fraction(case.eta) * np.eye(len(gram), dtype=int) - exact(gram).reshape(gram.shape)
    while rest.size:
        (pivot, *_), row = rest[0], rest[0]
        if pivot < 0 or (pivot == 0 and (strictly or row.any())):
            return False
        rest = (rest - np.outer(row, row) / pivot if pivot else rest)[1:, 1:]
    return True


S9 = Claim(
    equation="S9",
    part="descent",
    says="Linearised gradient descent stays at a minimum exactly when λ_max ≤ 2/η",
    tex=r"\sup_t\|(I-\eta H)^t\|\le1\iff\lambda_{\max}(H)\le2/\eta",
    relation="=",
    instances=_exact_thresholds,
    left=lambda case: _within(case, 2),
    right={"power of autograd's I - ηH": _stays_by_power, "step by step": _stays_by_steps},
    wrong=(
        Wrong("half the constant", left=lambda case: _within(case, 1)),
        Wrong("twice the constant", left=lambda case: _within(case, 4)),
        Wrong("less than 2/η", left=lambda case: _within(case, 2, strictly=True)),
        Wrong("the trace in place of λ_max", left=lambda case: bool(_trace(case) <= 2 / case.eta)),
    ),
    tolerance=YES_OR_NO,
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


def _quotient(case: Case) -> float:
    """The maximum of ⟨S, DS⟩/⟨S, CS⟩, from autograd's features: 2/η at the threshold of mean-square stability."""
    phi = autodiff.features(case.net, case.data.x)
    _, singular, right = np.linalg.svd(phi, full_matrices=False)
    inside = (singular[:, None] * right).T  # row j: the feature of sample j in coordinates of their span
    hessians = [inside[list(b)].T @ inside[list(b)] / case.batch for b in combinations(range(case.data.n), case.batch)]
    mean, eye = np.mean(hessians, axis=0), np.eye(len(singular))
    c, d = (np.kron(mean, eye) + np.kron(eye, mean)) / 2, np.mean([np.kron(h, h) for h in hessians], axis=0)
    return float(eigh(d, c, eigvals_only=True)[-1])


_RESCALING = Attack(start=lambda case: np.zeros(2), build=_rescaled, starts=2, steps=30)
_EIGENVALUES = Tolerance(1e-8, why="a generalised eigenvalue problem of condition 1e6")

S9_BATCHES = Claim(
    equation="S9",
    part="batches",
    says="Stochastic descent that is stable in mean square has λ_max ≤ 2/η as well",
    tex=r"\lambda_{\max}(H)\le2/\eta_{\mathrm{ms}}",
    relation="<=",
    instances=lambda: _stochastic((1, 5, 9, 10)),
    left=lambda case: tangent.interpolation_sharpness(case.net, case.data),
    right={"largest stable step size": lambda case: 2 / _largest_step(case), "quotient by autograd": _quotient},
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
    tex=r"\eta_{\mathrm{ms}}\le\min\Bigl(\tfrac{2\operatorname{tr}H}{\frac1n\sum_j\|a_j\|^4},"
        r"\tfrac2{\operatorname{tr}H}\Bigr)\quad(B=1)",
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
