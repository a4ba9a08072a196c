"""The registry: every equation of the supplement that the book checks or defines, each formula written once.

Notebooks show ``check(claims.S32)``; the tests and the ledger run the same objects. Oracles share no code with the
closed form that they are held against.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from fractions import Fraction
from itertools import chain

import numpy as np
from mpmath import mp, mpf
from numpy.typing import NDArray

from . import autodiff, experiments, results, smoothness, tangent
from .experiments import Afterwards
from .instances import (
    Case,
    degenerate_cases,
    extremal_cases,
    minima,
    random_cases,
    split,
    with_cancelling_pair,
)
from .network import Dataset, Network
from .verify import Attack, Claim, Definition, Instance, Tolerance, Wrong

Array = NDArray[np.float64]
ROUNDING = Tolerance(1e-12, why="sums of at most a few hundred products, each rounded to 1e-16 of the largest term")

# ---- I: the experiments ---------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Settled:
    """A minimum that descent ran on at: the network, its data, the step size, and what happened."""

    case: Case
    eta: float
    sharpness: float
    after: Afterwards


def _kept_runs() -> Iterator[Instance]:
    kept = results.stored("section5").kept
    for index, row in enumerate(kept.rows):
        after = Afterwards(*(getattr(row, field.name) for field in fields(Afterwards)))
        value = Settled(Case(kept.net(index), kept.data), row.eta, row.sharpness, after)
        yield Instance(f"run at η = {row.eta!r}", row.seed, value)


def _at_another_step_size(log_eta: Array, run: Settled) -> Settled | None:
    """Descent run on from the same network at another step size; None where it finds no minimum."""
    eta = float(np.exp(log_eta[0]))
    after = experiments.run_on(run.case.net, run.case.data, eta)
    return Settled(run.case, eta, run.sharpness, after) if after.final <= experiments.SECTION_5.tolerance else None


def _balancing(net: Network, power: float = 0.5) -> Array:
    """Factors for :meth:`Network.rescale`; at power ½ the two layers of every neuron get equal norms."""
    return ((np.abs(net.w2) + 1e-9) / (np.hypot(net.w1, net.b1) + 1e-9)) ** power


def _rescaled(vector: Array, run: Settled) -> Settled:
    shift, power = vector
    net = run.case.net.rescale(np.exp(shift) * _balancing(run.case.net, power))
    case = Case(net, run.case.data)
    return Settled(case, run.eta, tangent.sharpness(net, case.data), run.after)


def _function_bound(run: Settled) -> float:
    return smoothness.sharpness_bound(run.case.net, run.case.data)


I_LOWER = Claim(
    equation="I.1",
    chapter="I",
    says="The sharpness at the end of every kept run is at least 1 + 2∫|f''| g",
    relation=">=",
    instances=_kept_runs,
    left=lambda run: run.sharpness,
    right={"sum over knots": _function_bound},
    wrong=(
        Wrong("4 in place of 2", right=lambda run: 2 * _function_bound(run) - 1),
        Wrong("1 in place of g", right=lambda run: 1 + 2 * np.abs(run.case.net.knots[1]).sum()),
        Wrong("sums in place of means", right=lambda run: 1 + run.case.data.n**2 * (_function_bound(run) - 1)),
    ),
    tolerance=Tolerance(
        np.sqrt(2 * experiments.SECTION_5.tolerance),
        scale=lambda run: np.sqrt(1 + np.max(run.case.data.x**2)),
        why="the residual part of the Hessian is at most the root of 2L(1 + max x²), and L is at most the tolerance",
    ),
    attack=Attack(start=lambda run: np.zeros(2), build=_rescaled, steps=40),
)

I_UPPER = Claim(
    equation="I.2",
    chapter="I",
    says="On every kept run, the flattest mode that descent visits when it runs on has a sharpness of at most 2/η",
    relation="<=",
    instances=_kept_runs,
    left=lambda run: run.after.lowest,
    right={"the run's step size": lambda run: 2 / run.eta},
    wrong=(
        Wrong("1.98 in place of 2", right=lambda run: 1.98 / run.eta),
        Wrong("the sharpest mode", left=lambda run: run.after.highest),
        Wrong("the sharpness where the run stopped", left=lambda run: run.sharpness),
    ),
    tolerance=ROUNDING,
    attack=Attack(start=lambda run: np.log([run.eta]), build=_at_another_step_size, starts=2, steps=10),
)

# ---- II: linear stability -------------------------------------------------------------------------------------

FACTORS = (0.5, 0.9, 0.999, 1.001, 1.01)
STEPS = 2**13  # 1.002 to this power is 10⁷


def _thresholds() -> Iterator[Instance]:
    """Minima that descent found, each with step sizes on both sides of 2/λ_max."""
    for found in minima(6):
        edge = 2 / tangent.interpolation_sharpness(found.value.net, found.value.data)
        for factor in FACTORS:
            yield Instance(f"{found.label}, step size {factor} · 2/λ", None, (found.value, factor * edge))


def _start(case: Case) -> Array:
    """A unit vector in general position: it has a part along every eigenvector."""
    return np.ones(case.net.vector.size) / np.sqrt(case.net.vector.size)


def _mean_outer_product(case: Case) -> Array:
    """(1/n) Σ_j ∇f(x_j) ∇f(x_j)ᵀ with autograd's gradients."""
    return np.mean([np.outer(column, column) for column in autodiff.features(case.net, case.data.x).T], axis=0)


def _stays_by_power(value: tuple[Case, float]) -> float:
    """1 if (I - ηH)ᵗ leaves the start no longer than it was, for t = 2¹³, else 0 (S7)."""
    case, eta = value
    hessian = _mean_outer_product(case)
    step = np.linalg.matrix_power(np.eye(len(hessian)) - eta * hessian, STEPS)
    return float(np.linalg.norm(step @ _start(case)) <= 1 + 1e-9)


def _stays_by_steps(value: tuple[Case, float]) -> float:
    """The same by iterating u ← u - ηΦ(Φᵀu)/n, which never forms the Hessian."""
    case, eta = value
    phi = autodiff.features(case.net, case.data.x)
    u = _start(case)
    for _ in range(STEPS):
        u = u - eta * (phi @ (phi.T @ u)) / case.data.n
    return float(np.linalg.norm(u) <= 1 + 1e-9)


def _within(value: tuple[Case, float], constant: float, of=tangent.largest_eigenvalue) -> float:
    case, eta = value
    return float(of(tangent.gram(case.net, case.data)) <= constant / eta)


S9 = Claim(
    equation="S9",
    chapter="II",
    says="Linearised gradient descent stays at a minimum exactly when λ_max ≤ 2/η",
    relation="=",
    instances=_thresholds,
    left=lambda value: _within(value, 2),
    right={"matrix power": _stays_by_power, "step by step": _stays_by_steps},
    wrong=(
        Wrong("half the constant", left=lambda value: _within(value, 1)),
        Wrong("twice the constant", left=lambda value: _within(value, 4)),
        Wrong("the trace in place of λ_max", left=lambda value: _within(value, 2, of=np.trace)),
    ),
    tolerance=Tolerance(0, why="both sides are yes (1) or no (0); the step sizes keep 0.1 % away from the threshold"),
)

# ---- V: the gradient ------------------------------------------------------------------------------------------

S31 = Definition("S31", "V", "The parameters in one vector: θ = [w1; b1; w2; b2]")


def _exact(values: Array) -> NDArray:
    """The same numbers as exact fractions."""
    return np.array([Fraction(value) for value in np.ravel(values).tolist()], dtype=object)


def _exact_output(theta: NDArray, x: NDArray) -> NDArray:
    w1, b1, w2 = theta[:-1].reshape(3, -1)
    z = np.outer(x, w1) + b1
    return np.where(z > 0, z, Fraction(0)) @ w2 + theta[-1]


def _exact_difference_quotient(case: Case, step: Fraction = Fraction(1, 10**60)) -> Array:
    """(f(θ + he) - f(θ - he))/2h in exact rational arithmetic, for each parameter; exact while no kink is within h."""
    theta, x = _exact(case.net.vector), _exact(case.data.x)
    rows = []
    for p in range(theta.size):
        up, down = theta.copy(), theta.copy()
        up[p] += step
        down[p] -= step
        rows.append((_exact_output(up, x) - _exact_output(down, x)) / (2 * step))
    return np.array(rows, dtype=np.float64)


S32 = Claim(
    equation="S32",
    chapter="V",
    says="The gradient of the network's output in its parameters",
    relation="=",
    instances=lambda: chain(random_cases(20, k=7, n=5), minima(1)),
    left=lambda case: tangent.features(case.net, case.data.x),
    right={
        "autograd": lambda case: autodiff.features(case.net, case.data.x),
        "exact rational difference quotient": _exact_difference_quotient,
    },
    wrong=(
        Wrong("no indicator", left=lambda case: _without_indicator(case.net, case.data.x)),
        Wrong("blocks of w1 and b1 exchanged", left=lambda case: _exchange(tangent.features(case.net, case.data.x))),
        Wrong("half the gradient", left=lambda case: tangent.features(case.net, case.data.x) / 2),
    ),
    tolerance=Tolerance(1e-13, why="each entry is one product and one sum: a few roundings of 1e-16"),
)


def _without_indicator(net: Network, x: Array) -> Array:
    slope = np.repeat(net.w2[:, None], x.size, axis=1)
    return np.vstack([x * slope, slope, net.preactivation(x).T, np.ones(x.size)])


def _exchange(phi: Array) -> Array:
    k = len(phi) // 3
    return np.vstack([phi[k : 2 * k], phi[:k], phi[2 * k :]])


# ---- VI: Lemma 4 ----------------------------------------------------------------------------------------------

S36 = Definition("S36", "VI", "The threshold of a neuron: τ = -b1/w1, or 0 where w1 = 0")


def _weights() -> Iterator[Instance]:
    """Samples, each with points outside, between and exactly at them."""
    for seed in range(12):
        data = Dataset.random(np.random.default_rng(seed), n=1 + seed)
        points = np.concatenate([data.x, np.linspace(-2.5, 2.5, 21)])
        yield Instance(f"{data.n} random samples, seed {seed}", seed, (data, points))
    found = next(iter(minima(1))).value
    yield Instance("the experiment's data", None, (found.data, np.concatenate([found.data.x, found.net.thresholds])))


def _one_side(value: tuple[Dataset, Array], side: int, power: int = 2, root: bool = True) -> Array:
    """(S38) for side = 1, (S39) for side = -1, word for word with means over the sample."""
    data, points = value
    out = np.zeros(points.size)
    for index, x in enumerate(points):
        beyond = data.x[side * data.x > side * x]
        if beyond.size:
            mean = beyond.mean()
            out[index] = (beyond.size / data.n) ** power * side * (mean - x) * (np.sqrt(1 + mean**2) if root else 1)
    return out


def _one_side_exact(value: tuple[Dataset, Array], side: int) -> Array:
    """The same with exact rational expectations and a 50-digit square root."""
    data, points = value
    sample, out = _exact(data.x), []
    for x in _exact(points):
        beyond = [each for each in sample if side * (each - x) > 0]
        probability = Fraction(len(beyond), data.n)
        mean = sum(beyond, Fraction(0)) / max(len(beyond), 1)
        with mp.workdps(50):
            square = 1 + mean**2
            root = mp.sqrt(mpf(square.numerator) / square.denominator)
            factor = probability**2 * side * (mean - x) if beyond else Fraction(0)
            out.append(float(root * factor.numerator / factor.denominator))
    return np.array(out)


def _weight_claim(equation: str, side: int, closed_form, name: str) -> Claim:
    return Claim(
        equation=equation,
        chapter="VI",
        says=f"The weight {name} from the sums over the samples on its side",
        relation="=",
        instances=_weights,
        left=lambda value: closed_form(value[1], value[0]),
        right={
            "means over the sample": lambda value: _one_side(value, side),
            "exact rational, 50-digit root": lambda value: _one_side_exact(value, side),
        },
        wrong=(
            Wrong("P in place of P²", right=lambda value: _one_side(value, side, power=1)),
            Wrong("no square root", right=lambda value: _one_side(value, side, root=False)),
            Wrong("the other side", right=lambda value: _one_side(value, -side)),
        ),
        tolerance=Tolerance(1e-13, why="differences of inputs of size 2, each rounded to 1e-16"),
    )


S38 = _weight_claim("S38", 1, smoothness.g_plus, "g⁺")
S39 = _weight_claim("S39", -1, smoothness.g_minus, "g⁻")


def _sharpness(case: Case) -> float:
    return tangent.interpolation_sharpness(case.net, case.data)


def _sum_over_neurons(case: Case, constant: float = 2, weight=smoothness.g) -> float:
    """1 + 2 Σ_i |w1_i w2_i| g(τ_i), before knots are merged."""
    net = case.net
    return 1 + constant * float(np.abs(net.w1 * net.w2) @ weight(net.thresholds, case.data))


def _larger_side(x: Array, data: Dataset) -> Array:
    return np.maximum(smoothness.g_plus(x, data), smoothness.g_minus(x, data))


def _one_power_less(x: Array, data: Dataset) -> Array:
    """g with P in place of P²."""
    sides = [_one_side((data, np.atleast_1d(x)), side, power=1) for side in (1, -1)]
    return np.minimum(*sides)


def _with_parameters(vector: Array, case: Case) -> Case:
    return Case(Network.from_vector(vector), case.data).interpolating()


def _lemma_4_cases() -> Iterator[Instance]:
    return chain(random_cases(30, k=4, n=6), degenerate_cases(), extremal_cases(), minima(8))


S41 = Claim(
    equation="S41",
    chapter="VI",
    says="The sharpness of a minimum is at least 1 + 2 Σ|w1 w2| g(τ), which is at least 1 + 2∫|f''| g",
    relation=">=",
    instances=lambda: (Instance(i.label, i.seed, i.value.interpolating()) for i in _lemma_4_cases()),
    left=_sharpness,
    right={
        "sum over neurons": _sum_over_neurons,
        "sum over knots": lambda case: smoothness.sharpness_bound(case.net, case.data),
    },
    wrong=(
        Wrong("4 in place of 2", right=lambda case: _sum_over_neurons(case, constant=4)),
        Wrong("the larger of g⁻ and g⁺", right=lambda case: _sum_over_neurons(case, weight=_larger_side)),
        Wrong("P in place of P²", right=lambda case: _sum_over_neurons(case, weight=_one_power_less)),
    ),
    tolerance=ROUNDING,
    attack=Attack(start=lambda case: case.net.vector, build=_with_parameters, steps=400),
)


def _implementations() -> Iterator[Instance]:
    """Minima and extremal cases, each with several networks that represent the same function."""
    for instance in chain(minima(6), extremal_cases()):
        case, net = instance.value, instance.value.net
        others = {"as found": net, "balanced": net.rescale(_balancing(net))}
        for seed in range(3):
            rng = np.random.default_rng(seed)
            others[f"rescaled by seed {seed}"] = net.rescale(np.exp(0.5 * rng.standard_normal(net.k)))
            others[f"split by seed {seed}"] = split(net, rng.uniform(0, 1, net.k))
            others[f"with a cancelling pair, seed {seed}"] = with_cancelling_pair(net, *rng.standard_normal(3))
        for name, other in others.items():
            yield Instance(f"{instance.label}, {name}", instance.seed, (case, other))


S42 = Claim(
    equation="S42",
    chapter="VI",
    says="Every implementation of f has a sharpness of at least 1 + 2∫|f''| g, which depends on f alone",
    relation=">=",
    instances=_implementations,
    left=lambda value: tangent.interpolation_sharpness(value[1], value[0].data),
    right={"sum over knots": lambda value: smoothness.sharpness_bound(value[0].net, value[0].data)},
    wrong=(
        Wrong("4 in place of 2", right=lambda value: 2 * smoothness.sharpness_bound(value[0].net, value[0].data) - 1),
        Wrong("the sharpness as found", right=lambda value: _sharpness(value[0]) * (1 - 1e-6)),
    ),
    tolerance=ROUNDING,
    attack=Attack(
        start=lambda value: np.zeros(value[1].k),
        build=lambda vector, value: (value[0], value[1].rescale(np.exp(vector))),
        steps=600,
    ),
)

# ---- VII: the Hessian -----------------------------------------------------------------------------------------


def _gradient_difference(case: Case, step: float = 1e-5) -> Array:
    """Central differences of autograd's gradient; the cases keep 10⁻² away from every kink."""
    theta = case.net.vector
    columns = []
    for direction in np.eye(theta.size) * step:
        up, down = (autodiff.gradient(Network.from_vector(theta + sign * direction), case.data) for sign in (1, -1))
        columns.append((up - down) / (2 * step))
    return np.array(columns)


S58 = Claim(
    equation="S58",
    chapter="VII",
    says="The Hessian of the loss is the Gauss-Newton part plus the residual part",
    relation="=",
    instances=lambda: random_cases(10, k=6, n=5, kink_distance=1e-2),
    left=lambda case: tangent.hessian(case.net, case.data),
    right={
        "autograd": lambda case: autodiff.hessian(case.net, case.data),
        "central differences": _gradient_difference,
    },
    wrong=(
        Wrong("no residual part", left=lambda case: tangent.gauss_newton(case.net, case.data)),
        Wrong("no 1/n", left=lambda case: tangent.hessian(case.net, case.data) * case.data.n),
    ),
    tolerance={
        "autograd": Tolerance(1e-13, why="sums of ten products, each rounded to 1e-16"),
        "central differences": Tolerance(1e-8, why="step 1e-5: truncation 1e-10, cancellation 1e-16/1e-5 = 1e-11"),
    },
)

S60 = Claim(
    equation="S60",
    chapter="VII",
    says="At zero loss the Hessian is ΦΦᵀ/n",
    relation="=",
    instances=lambda: chain(
        (Instance(i.label, i.seed, i.value.interpolating()) for i in random_cases(10, k=6, n=5)), minima(2)
    ),
    left=lambda case: tangent.gauss_newton(case.net, case.data),
    right={
        "autograd": lambda case: autodiff.hessian(case.net, case.data),
        "sum of outer products": _mean_outer_product,
    },
    wrong=(
        Wrong("no 1/n", left=lambda case: tangent.gauss_newton(case.net, case.data) * case.data.n),
        Wrong("labels that f misses by 1", left=lambda case: tangent.hessian(case.net, _missed(case))),
    ),
    tolerance=Tolerance(1e-12, why="sums of ten products, each rounded to 1e-16; residuals of rounding size"),
)


def _missed(case: Case) -> Dataset:
    return Dataset(case.data.x, case.net(case.data.x) - 1)


CLAIMS: tuple[Claim | Definition, ...] = (I_LOWER, I_UPPER, S9, S31, S32, S36, S38, S39, S41, S42, S58, S60)

# where each equation is shown; Sphinx calls the display of one that is labelled S9 "equation-s9"
_SHOWN = {
    "preface": ("S9", "S42"),
    "notation": ("S31", "S32", "S36", "S38", "S39", "S41", "S58", "S60"),
}
PAGES = {name: f"{page}.html#equation-{name.lower()}" for page, names in _SHOWN.items() for name in names} | {
    "I.1": "01_experiments.html#the-lower-bound",
    "I.2": "01_experiments.html#the-upper-bound-and-the-runs-above-it",
}
