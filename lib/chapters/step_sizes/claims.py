"""Chapter VI, the book's own part: what Theorem 1 forbids, over all interpolants (VI.4–VI.8)."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import chain

import numpy as np
from scipy.optimize import linprog

from ledgerbook.claim import Attack, Claim, Instance, Tolerance, Wrong
from stableminima import interpolants, smoothness, tangent
from stableminima.network import Dataset
from stableminima.runs.descent import Schedule, descend

from .. import plans
from ..common import Array, larger_side, mean_outer_product, with_parameters
from ..instances import Case, degenerate_cases, minima, random_cases

# ---- VI.4: a bend between two samples costs no less than its shares at both ----------------------------------------


@dataclass(frozen=True, eq=False)
class Bend:
    """A knot in the gap after the sample number ``gap``, at the ``share`` of its way."""

    data: Dataset
    gap: int
    share: float

    def between(self, left: Array, right: Array) -> float:
        """The shares of the bend times these prices at the two ends of the gap."""
        return float((1 - self.share) * left[self.gap] + self.share * right[self.gap + 1])

    @property
    def place(self) -> float:
        x = np.sort(self.data.x)
        return float((1 - self.share) * x[self.gap] + self.share * x[self.gap + 1])


def _bends() -> Iterator[Instance]:
    for seed in range(40):
        rng = np.random.default_rng(seed)
        data = Dataset.random(rng, n=int(rng.integers(2, 9)), spread=4)
        bend = Bend(data, int(rng.integers(data.n - 1)), float(rng.uniform(0.02, 0.98)))
        yield Instance(f"a knot in gap {bend.gap} of {data.n} random samples, seed {seed}", seed, bend)


def _moved_bend(vector: Array, bend: Bend) -> Bend | None:
    *x, share = vector
    if not 0.01 < share < 0.99 or np.diff(np.sort(x)).min() < 1e-3:
        return None
    return Bend(Dataset(x, bend.data.y), bend.gap, share)


def _limits_between(bend: Bend) -> float:
    before, after = interpolants.weight_limits(bend.data)
    return bend.between(after, before)


def _larger_between(bend: Bend) -> float:
    return bend.between(*(_beside(bend.data, side, larger_side) for side in (1, -1)))


def _outer_limits(bend: Bend) -> float:
    before, after = interpolants.weight_limits(bend.data)
    return bend.between(before, after)


def _beside(data: Dataset, side: int, weight: Callable = smoothness.g) -> Array:
    """A weight just beside the samples, in increasing order: one rounding step away."""
    return weight(np.nextafter(np.sort(data.x), side * np.inf), data)


VI_4 = Claim(
    equation="VI.4",
    says="Between samples g is concave: a bend there costs no less than its shares moved to both neighbours",
    relation=">=",
    instances=_bends,
    left=lambda bend: smoothness.g(bend.place, bend.data),
    right={
        "one-sided limits": _limits_between,
        "g one rounding step inside": lambda bend: bend.between(_beside(bend.data, 1), _beside(bend.data, -1)),
    },
    wrong=(
        Wrong("limits from outside the gap", right=_outer_limits),
        Wrong("the larger of g⁻ and g⁺", left=lambda bend: larger_side(bend.place, bend.data), right=_larger_between),
        Wrong("the shares exchanged", right=lambda bend: _limits_between(replace(bend, share=1 - bend.share))),
    ),
    tolerance=Tolerance(1e-13, scale=lambda bend: 1.0, why="sums of inputs of size 4, each rounded to 1e-16"),
    attack=Attack(start=lambda bend: np.append(bend.data.x, bend.share), build=_moved_bend),
)


# ---- VI.5: the smallest ∫|f''| g -----------------------------------------------------------------------------------


def _data_sets(count: int = 8) -> Iterator[Instance]:
    for seed in range(count):
        data = Dataset.random(np.random.default_rng(seed), n=3 + seed, spread=1 + seed / 2)
        yield Instance(f"{data.n} random samples, seed {seed}", seed, data)
    yield Instance("the experiment's data", None, plans.SECTION_5.start()[0])


def _chords(data: Dataset, prices: Array) -> float:
    """Σ |s_j - s_{j-1}| · price over the inner samples."""
    order = np.argsort(data.x)
    return float(np.abs(np.diff(np.diff(data.y[order]) / np.diff(data.x[order]))) @ prices[1:-1])


def _grid(data: Dataset, shares: Array) -> Array:
    """The same shares of every gap."""
    x = np.sort(data.x)
    return np.add.outer(x[:-1], 0 * shares).ravel() + np.multiply.outer(np.diff(x), shares).ravel()


def _larger_limit(data: Dataset) -> float:
    return _chords(data, np.maximum(*interpolants.weight_limits(data)))


def _at_the_samples(data: Dataset) -> float:
    return _chords(data, smoothness.g(np.sort(data.x), data))


def _signed(data: Dataset) -> float:
    order = np.argsort(data.x)
    bends = np.diff(np.diff(data.y[order]) / np.diff(data.x[order]))
    return abs(float(bends @ np.minimum(*interpolants.weight_limits(data))[1:-1]))


def _by_linear_programme(data: Dataset) -> float:
    """Over bends of either sign at many knots in every gap, a slope and an offset; they must pass through the data."""
    knots = _grid(data, np.concatenate([[1e-8], np.linspace(0.05, 0.95, 19), [1 - 1e-8]]))
    ramps = np.maximum(np.subtract.outer(data.x, knots), 0)
    affine = np.column_stack([data.x, np.ones(data.n)])
    price = smoothness.g(knots, data)
    free = [(0, None)] * (2 * knots.size) + [(None, None)] * 2
    cost = np.concatenate([price, price, [0, 0]])
    return linprog(cost, A_eq=np.column_stack([ramps, -ramps, affine]), b_eq=data.y, bounds=free).fun


def _by_an_interpolant(data: Dataset) -> float:
    """∫|f''| g of a network whose knots lie close to the samples."""
    net = interpolants.smoothest_interpolant(data, nudge=1e-8)
    assert np.abs(net.residual(data)).max() < 1e-10
    return smoothness.weighted_norm(net, data)


VI_5 = Claim(
    equation="VI.5",
    part="the infimum",
    says="The smallest ∫|f''| g of all interpolants: that of connecting the dots, at the smaller one-sided limits of g",
    relation="=",
    instances=_data_sets,
    left=interpolants.smoothest_norm,
    right={"linear programme over knots": _by_linear_programme, "a network with knots by samples": _by_an_interpolant},
    wrong=(
        Wrong("the larger one-sided limit", left=_larger_limit),
        Wrong("g at the samples themselves", left=_at_the_samples),
        Wrong("bends added with their signs", left=_signed),
    ),
    tolerance=Tolerance(1e-5, why="knots lie 1e-8 of a gap away from samples; the linear programme is solved to 1e-7"),
)


def _networks() -> Iterator[Instance]:
    """Networks with their own outputs as labels, so that they interpolate; a few of them almost smoothest."""
    every = chain(random_cases(12, k=4, n=6), degenerate_cases(), minima(6))
    yield from (Instance(one.label, one.seed, one.value.interpolating()) for one in every)
    for one in _data_sets():
        net = interpolants.smoothest_interpolant(one.value, nudge=1e-6)
        yield Instance(f"dots connected, {one.label}", one.seed, Case(net, one.value).interpolating())


VI_5_EVERY = Claim(
    equation="VI.5",
    part="every interpolant",
    says="No network through the data has a smaller ∫|f''| g, wherever its knots are",
    relation=">=",
    instances=_networks,
    left=lambda case: smoothness.weighted_norm(case.net, case.data),
    right={"chords and limits of g": lambda case: interpolants.smoothest_norm(case.data)},
    wrong=(
        Wrong("the larger one-sided limit", right=lambda case: _larger_limit(case.data)),
        Wrong("g at the samples themselves", right=lambda case: _at_the_samples(case.data)),
    ),
    tolerance=Tolerance(1e-9, why="slopes of chords divide roundings of 1e-16 by gaps that the attack makes small"),
    attack=Attack(start=lambda case: case.net.vector, build=with_parameters),
)


# ---- VI.6: a bound from any density matrix and any multipliers ------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Certificate:
    """A network with its own outputs as labels, and Q and ν from which a bound on its sharpness is computed."""

    case: Case
    density: Array
    multipliers: Array

    def bound(self, factor: float = 1.0) -> float:
        """The bound with the feasible multipliers times ``factor``, beyond 1 no longer feasible."""
        mean = np.mean(self.density) * self.case.data.n / np.trace(self.density)
        return mean + factor * (interpolants.certified_sharpness(self.case.data, self.density, self.multipliers) - mean)


def _certificates() -> Iterator[Instance]:
    """Networks with the Q and ν that are best for their data, or with random ones."""
    for one in chain(random_cases(6, k=4, n=6), degenerate_cases(), minima(4)):
        case = one.value.interpolating()
        best = interpolants.flattest_interpolant(case.data)
        yield Instance(f"{one.label}, best Q and ν", one.seed, Certificate(case, best.density, best.multipliers))
    for seed, one in enumerate(random_cases(6, k=4, n=6)):
        rng = np.random.default_rng(seed)
        root, multipliers = rng.standard_normal((6, 6)), rng.standard_normal(6)
        value = Certificate(one.value.interpolating(), root @ root.T, multipliers)
        yield Instance(f"{one.label}, random Q and ν", seed, value)
    for seed in range(4):
        data = Dataset.random(np.random.default_rng(seed), 6)
        best = interpolants.flattest_interpolant(data)
        value = Certificate(Case(best.net, data).interpolating(), best.density, best.multipliers)
        yield Instance(f"the flattest through 6 random samples, seed {seed}", seed, value)


def _sharpness_in_both_modes(case: Case) -> Array:
    """With neurons whose threshold is on a sample inactive there, and active there (the same matrix where none is)."""
    net, x = case.net, case.data.x
    active = (net.preactivation(x) >= 0) & ((net.w1 != 0) | (net.b1 != 0))
    features = tangent.features(net, x), tangent.features(net, x, active)
    return np.array([tangent.largest_eigenvalue(phi.T @ phi / x.size) for phi in features])


VI_6 = Claim(
    equation="VI.6",
    says="Any density matrix Q and multipliers ν bound the sharpness of every interpolant, in both extreme modes",
    relation=">=",
    instances=_certificates,
    left=lambda one: _sharpness_in_both_modes(one.case),
    right={"1ᵀQ1/n + νᵀy, ν feasible for all thresholds": lambda one: np.full(2, one.bound())},
    wrong=(
        Wrong("ν twice as large, as without the 2 of the two means", right=lambda one: np.full(2, one.bound(2))),
        Wrong("ν a hundredth too large", right=lambda one: np.full(2, one.bound(1.01))),
    ),
    tolerance=Tolerance(1e-7, why="Q has eigenvalues down to 1e-9 of its largest, and is computed to 1e-16"),
    attack=Attack(
        start=lambda one: one.case.net.vector,
        build=lambda vector, one: replace(one, case=with_parameters(vector, one.case)),
        steps=600,
    ),
)

# ---- VI.7: the smallest sharpness ------------------------------------------------------------------------------------


def _sets_for_flattest() -> Iterator[Instance]:
    yield from _data_sets(5)
    wide = Dataset.random(np.random.default_rng(0), 15, spread=20, label_scale=1)
    yield Instance("15 samples so wide that Q has rank two", 0, wide)


@lru_cache(maxsize=256)
def flattest(data: Dataset) -> interpolants.Flattest:
    """The flattest interpolant, remembered: data sets are told apart by identity."""
    return interpolants.flattest_interpolant(data)


def _by_the_dual(data: Dataset) -> float:
    """max 1ᵀQ1/n + νᵀy with |νᵀσ_τ| ≤ (2/n) √(⟨Q,M_τ⟩⟨Q,N_τ⟩) for 20 thresholds in every gap, one outside."""
    import cvxpy as cp

    x, n = data.x, data.n
    inside = _grid(data, np.concatenate([[1e-6], np.linspace(0.025, 0.975, 18), [1 - 1e-6]]))
    knots = np.concatenate([[x.min() - 1e-6], inside, [x.max() + 1e-6]])
    sigma = np.concatenate([np.maximum(np.subtract.outer(side * x, side * knots), 0).T for side in (1, -1)])
    sigma = sigma[sigma.any(axis=1)]
    sigma /= np.linalg.norm(sigma, axis=1)[:, None]
    on = sigma > 0
    outer = [np.einsum("pi,pj->pij", each, each).reshape(-1, n * n) for each in (on * x, on * 1.0, sigma)]
    density, nu = cp.Variable((n, n), PSD=True), cp.Variable(n)
    m, q = (outer[0] + outer[1]) @ cp.vec(density, order="C"), outer[2] @ cp.vec(density, order="C")
    feasible = cp.SOC(m + q, cp.vstack([n * (sigma @ nu), m - q]), axis=0)
    best = cp.Maximize(cp.sum(density) / n + nu @ data.y)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it may be inaccurate: the comparison tells
        return cp.Problem(best, [cp.trace(density) == 1, cp.sum(nu) == 0, feasible]).solve(solver=cp.CLARABEL)


def _by_autograd(data: Dataset) -> float:
    """The sharpness of the network that was found, from autograd's gradients, once it is seen to interpolate."""
    case = Case(flattest(data).net, data)
    assert np.abs(case.net.residual(data)).max() < 1e-10
    return tangent.largest_eigenvalue(mean_outer_product(case))


def _mean_direction(data: Dataset) -> float:
    """The certificate at Q = 11ᵀ/n, the vector that Lemma 4 tries."""
    return interpolants.certified_sharpness(data, np.ones((data.n, data.n)), flattest(data).multipliers)


VI_7 = Claim(
    equation="VI.7",
    part="the minimum",
    says="The smallest sharpness of any interpolant, of any width: what the dual proves, a network attains",
    relation="=",
    instances=_sets_for_flattest,
    left=lambda data: flattest(data).bound,
    right={"the network found, by autograd": _by_autograd, "dual programme on a fixed grid": _by_the_dual},
    wrong=(
        Wrong("the bound of Lemma 4", left=lambda data: 1 + 2 * interpolants.smoothest_norm(data)),
        Wrong("Q = 11ᵀ/n in place of the best Q", left=_mean_direction),
        Wrong("one percent above the bound", left=lambda data: 1.01 * flattest(data).bound),
    ),
    tolerance={
        "the network found, by autograd": Tolerance(1e-4, why="the gap that flattest_interpolant promises"),
        "dual programme on a fixed grid": Tolerance(1e-4, why="constraints between the points of the grid are missing"),
    },
)


def _relabelled(labels: Array, data: Dataset) -> Dataset:
    return Dataset(data.x, labels)


VI_7_ORDER = Claim(
    equation="VI.7",
    part="the order",
    says="The smallest sharpness of any interpolant is at least 1 + 2 times the smallest ∫|f''| g, so that η₂ ≤ η₁",
    relation=">=",
    instances=lambda: chain(_data_sets(5), [Instance("|x| on -1, 0 and 1", None, Dataset([-1, 0, 1], [1, 0, 1]))]),
    left=lambda data: flattest(data).bound,
    right={"chords and limits of g": lambda data: 2 / interpolants.largest_step_size(data)},
    wrong=(
        Wrong("4 in place of 2", right=lambda data: 1 + 4 * interpolants.smoothest_norm(data)),
        Wrong("one mean left as a sum", right=lambda data: 1 + 2 * data.n * interpolants.smoothest_norm(data)),
    ),
    tolerance=Tolerance(1e-4, why="the gap that flattest_interpolant promises"),
    attack=Attack(start=lambda data: data.y, build=_relabelled, steps=60),
)

# ---- VI.8: where descent really stops converging ---------------------------------------------------------------------


@lru_cache(maxsize=1)
def _settled() -> tuple[Instance, ...]:
    """Minima at which descent ran on, with its step size."""
    sweep = plans.stored("limits")
    return tuple(
        Instance(f"data set {row.seed}, η = {row.eta:g}", row.seed, Case(*sweep.case(index), row.eta))
        for index, row in enumerate(sweep.rows)
        if row.final <= sweep.protocol.tolerance
    )


def _limit(run: Case) -> float:
    """η₂ of the data set."""
    return flattest(run.data).step_size


def _at_another_step_size(log_eta: Array, run: Case) -> Case | None:
    """The minimum where descent is after 100 000 steps at another step size; None where that is none."""
    eta = float(np.exp(log_eta[0]))
    end = descend(run.net, run.data, Schedule(eta), tolerance=0.0, budget=100_000, records=2)
    return replace(run, net=end.net, eta=eta) if end.loss <= plans.LIMITS.tolerance else None


def _by_the_trace(run: Case) -> float:
    return 2 / float(np.trace(tangent.gram(flattest(run.data).net, run.data)))


VI_8 = Claim(
    equation="VI.8",
    says="Descent settles at no step size above η₂ = 2 over the smallest sharpness of any interpolant",
    relation="<=",
    instances=_settled,
    left=lambda run: run.eta,
    right={"η₂ of the data set": _limit},
    wrong=(
        Wrong("four fifths of η₂", right=lambda run: 0.8 * _limit(run)),
        Wrong("1 over the sharpness", right=lambda run: _limit(run) / 2),
        Wrong("the trace in place of λ_max", right=_by_the_trace),
    ),
    tolerance=Tolerance(1e-4, why="the gap that flattest_interpolant promises"),
    attack=Attack(start=lambda run: np.log([run.eta]), build=_at_another_step_size, starts=2, steps=12, reach=0.1),
)
