"""Chapter VI, the book's own part: what Theorem 1 forbids, over all interpolants (VI.4–VI.8)."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import chain, product

import numpy as np
from numpy.polynomial import Polynomial
from scipy.optimize import linprog, minimize_scalar

from ledgerbook.claim import Attack, Claim, Instance, Tolerance, Wrong
from stableminima import autodiff, interpolants, smoothness, tangent
from stableminima.network import Dataset, Network
from stableminima.runs.descent import Schedule, descend

from .. import plans
from ..common import (
    Array,
    larger_side,
    mean_outer_product,
    weight_by_means,
    weight_of_side,
    with_parameters,
)
from ..instances import Case, degenerate_cases, minima, random_case, random_cases

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


def _outer_limits(bend: Bend) -> float:
    before, after = interpolants.weight_limits(bend.data)
    return bend.between(before, after)


def _means_between(bend: Bend, pick: Callable = min) -> float:
    before, after = _limits_by_means(bend.data, pick)
    return bend.between(after, before)


def _limits_by_means(data: Dataset, pick: Callable = min) -> tuple[Array, Array]:
    """g(x_j-) and g(x_j+) in increasing order: just before a sample it is still above, just behind it is below."""
    x = np.sort(data.x)
    before = [pick(*(weight_of_side(at, beyond, x.size) for beyond in (x[x < at], x[x >= at]))) for at in x]
    after = [pick(*(weight_of_side(at, beyond, x.size) for beyond in (x[x <= at], x[x > at]))) for at in x]
    return np.array(before), np.array(after)


VI_4 = Claim(
    equation="VI.4",
    tex=r"g\bigl((1-\vartheta)x_j + \vartheta x_{j+1}\bigr) \ge (1-\vartheta)\, g(x_j+) + \vartheta\, g(x_{j+1}-)",
    says="Between samples g is concave: a bend there costs no less than its shares moved to both neighbours",
    relation=">=",
    instances=_bends,
    left=lambda bend: smoothness.g(bend.place, bend.data),
    right={
        "one-sided limits": _limits_between,
        "means over the samples on either side": _means_between,
    },
    wrong=(
        Wrong("limits from outside the gap", right=_outer_limits),
        Wrong(
            "the larger of g⁻ and g⁺",
            left=lambda bend: larger_side(bend.place, bend.data),
            right=lambda bend: _means_between(bend, max),
        ),
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
    centred = Dataset.random(np.random.default_rng(count), n=5)
    yield Instance("5 samples and labels off centre", count, Dataset(centred.x + 3, centred.y - 2))
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
    price = [weight_by_means(at, data) for at in knots]
    free = [(0, None)] * (2 * knots.size) + [(None, None)] * 2
    cost = np.concatenate([price, price, [0, 0]])
    return linprog(cost, A_eq=np.column_stack([ramps, -ramps, affine]), b_eq=data.y, bounds=free).fun


def _by_networks(data: Dataset, nudge: float = 1e-8) -> float:
    """The least Σ|bend| g of all interpolants with one knot close to each inner sample, on one side or the other."""
    order = np.argsort(data.x)
    x, y, costs = data.x[order], data.y[order], []
    either = x[1:-1] + nudge * np.array([-np.diff(x)[:-1], np.diff(x)[1:]])
    prices = np.array([[weight_by_means(at, data) for at in side] for side in either])
    inner = np.arange(x.size - 2)
    for side in product((0, 1), repeat=inner.size):
        ramps = np.maximum(np.subtract.outer(x, either[side, inner]), 0)
        bends = np.linalg.solve(np.column_stack([ramps, x, np.ones(x.size)]), y)[:-2]
        costs.append(np.abs(bends) @ prices[side, inner])
    return min(costs)


VI_5 = Claim(
    equation="VI.5",
    part="the infimum",
    tex=r"\inf_{f(x_j) = y_j} \int |f''|\, g = \sum_{j=2}^{n-1} |s_j - s_{j-1}| \min\bigl(g(x_j-), g(x_j+)\bigr)",
    says="The smallest ∫|f''| g of all interpolants: that of connecting the dots, at the smaller one-sided limits of g",
    relation="=",
    instances=_data_sets,
    left=interpolants.smoothest_norm,
    right={"linear programme over knots": _by_linear_programme, "all networks with knots by samples": _by_networks},
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
    tex=r"\int |f''|\, g \ge m \quad\text{if } f(x_j) = y_j \text{ for all } j",
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
        proved = interpolants.certified_sharpness(self.case.data, self.density, self.multipliers)
        return self.mean + factor * (proved - self.mean)

    @property
    def unit(self) -> Array:
        """Q of trace 1."""
        return self.density / np.trace(self.density)

    @property
    def mean(self) -> float:
        """1ᵀQ1/n."""
        return float(self.unit.mean()) * self.case.data.n

    @property
    def centred(self) -> Certificate:
        return replace(self, multipliers=self.multipliers - self.multipliers.mean())

    def scaled(self, ratio: float) -> float:
        """1ᵀQ1/n + |νᵀy| with ν divided by the largest ratio."""
        return self.mean + abs(float(self.multipliers @ self.case.data.y)) / ratio

    def ratio(self, sigma: Array, on: Array) -> Array:
        """|νᵀσ| over (2/n)√(⟨Q,M⟩⟨Q,N⟩) for rows σ, shape (m, n), of neurons that are active where ``on`` is 1."""
        rows = on * self.case.data.x, on, sigma
        by_weight, by_bias, values = (np.einsum("ti,ij,tj->t", each, self.unit, each) for each in rows)
        limit = 2 / self.case.data.n * np.sqrt((by_weight + by_bias) * values)
        return np.abs(sigma @ self.multipliers) / limit


def _certificates() -> Iterator[Instance]:
    """Networks with the Q and ν that are best for their data, or with random ones."""
    for one in chain(random_cases(6, k=4, n=6), degenerate_cases(), minima(4)):
        case = one.value.interpolating()
        best = interpolants.flattest_interpolant(case.data)
        yield Instance(f"{one.label}, best Q and ν", one.seed, Certificate(case, best.density, best.multipliers))
    for seed in range(4):
        data = Dataset.random(np.random.default_rng(seed), 6)
        best = interpolants.flattest_interpolant(data)
        value = Certificate(Case(best.net, data).interpolating(), best.density, best.multipliers)
        yield Instance(f"the flattest through 6 random samples, seed {seed}", seed, value)
    yield from _random_certificates()


def _random_certificates() -> Iterator[Instance]:
    """Random Q and ν, every second time with inputs off centre; labels around 0, or far from it on either side."""
    for seed in range(24):
        rng = np.random.default_rng(seed)
        n, height = 3 + seed % 4, 30 * (seed % 3 - 1)
        drawn = random_case(seed, k=4, n=n)
        net = replace(drawn.net, b2=drawn.net.b2 + height)
        case = Case(net, Dataset(drawn.data.x + seed % 2, drawn.data.y)).interpolating()
        root = rng.uniform(0.2, 2, (n, 1)) * rng.standard_normal((n, n))
        value = Certificate(case, root @ root.T, rng.standard_normal(n))
        yield Instance(f"random network, Q and ν, labels around {height}, seed {seed}", seed, value)


def _sharpness_in_modes(case: Case) -> Array:
    """With neurons whose threshold is on a sample inactive there, active there, or each as two coins say."""
    z = case.net.preactivation(case.data.x)
    coins = np.random.default_rng(0).random((2, *z.shape)) < 0.5
    modes = [np.where(np.abs(z) < 1e-12, choice, z > 0) for choice in (False, True, *coins)]
    features = [tangent.features(case.net, case.data.x, mode) for mode in modes]
    return np.array([tangent.largest_eigenvalue(phi.T @ phi / case.data.n) for phi in features])


VI_6 = Claim(
    equation="VI.6",
    says="Feasible Q and ν bound the sharpness of every interpolant, in both extreme modes and in random ones",
    tex=r"\lambda_{\max} \ge \tfrac1n \mathbb 1^\top Q\, \mathbb 1 + \nu^\top y \quad\text{for feasible } Q, \nu",
    relation=">=",
    instances=_certificates,
    left=lambda one: _sharpness_in_modes(one.case),
    right={"1ᵀQ1/n + νᵀy, ν feasible for all thresholds": lambda one: np.full(4, one.bound())},
    wrong=(
        Wrong("ν twice as large, as without the 2 of the two means", right=lambda one: np.full(4, one.bound(2))),
        Wrong("ν a hundredth too large", right=lambda one: np.full(4, one.bound(1.01))),
        Wrong("ν not centred", right=lambda one: np.full(4, _by_roots(one))),
    ),
    tolerance=Tolerance(1e-7, why="Q has eigenvalues down to 1e-9 of its largest, and is computed to 1e-16"),
    attack=Attack(
        start=lambda one: one.case.net.vector,
        build=lambda vector, one: replace(one, case=with_parameters(vector, one.case)),
        steps=600,
    ),
)


def _gaps(x: Array) -> Iterator[tuple[int, float, float]]:
    """Side s and ends of every range of sτ within which a neuron is active on the same samples, at least one."""
    for side in (1, -1):
        ends = np.sort(side * x)
        yield from ((side, low, high) for low, high in zip([-np.inf, *ends[:-1]], ends, strict=True))


def _pieces(x: Array) -> Iterator[tuple[Array, Array, Array]]:
    """For each gap the pattern of its neurons, and σ at both ends, to unit length: all others are their mixtures.

    Where the gap is unbounded σ tends to the constant vector; where one sample is active there is one σ.
    """
    for side, low, high in _gaps(x):
        on = (side * x >= high) * 1.0
        first = np.maximum(side * x - low, 0) if np.isfinite(low) else on
        last = np.maximum(side * x - high, 0) if on.sum() > 1 else on
        yield on, first / np.linalg.norm(first), last / np.linalg.norm(last)


def _by_roots(one: Certificate, inner: bool = True, single: float = 1.0) -> float:
    """The bound with the largest ratio at the ends of gaps and where the derivative of ratio² has its roots."""
    ratios = []
    for on, first, last in _pieces(one.case.data.x):
        along = last - first
        line = Polynomial([one.multipliers @ first, one.multipliers @ along])
        form = Polynomial([first @ one.unit @ first, 2 * first @ one.unit @ along, along @ one.unit @ along])
        roots = (2 * line.deriv() * form - line * form.deriv()).trim(1e-14).roots().real
        shares = np.concatenate([[0, 1], roots[(roots > 0) & (roots < 1)] if inner else []])
        ratio = one.ratio(first + np.multiply.outer(shares, along), np.broadcast_to(on, (shares.size, on.size)))
        ratios.append(ratio.max() * (single if on.sum() == 1 else 1))
    return one.scaled(max(ratios))


def _by_scan(one: Certificate) -> float:
    """The bound with the largest ratio at a hundred thresholds in each gap, and between the neighbours of the worst."""
    ratios = []
    for gap in _gaps(one.case.data.x):
        shares = np.concatenate([[1e-9], np.linspace(0, 1, 101)[1:-1], [1 - 1e-9]])
        worst = int(_ratio_inside(shares, gap, one).argmax())
        around = shares[max(worst - 1, 0)], shares[min(worst + 1, shares.size - 1)]
        climb = minimize_scalar(lambda share, gap=gap: -_ratio_inside(share, gap, one)[0], bounds=around,
                                method="bounded", options={"xatol": 1e-12})
        ratios += [_ratio_inside(shares[worst], gap, one)[0], -climb.fun]
    return one.scaled(max(ratios))


def _ratio_inside(share: Array | float, gap: tuple[int, float, float], one: Certificate) -> Array:
    """The ratio at thresholds with these shares of the way through a gap, which may begin at infinity."""
    side, low, high = gap
    share = np.reshape(share, (-1, 1))
    sigma = np.maximum(side * one.case.data.x - (low + share * (high - low) if np.isfinite(low)
                                                 else high - (1 - share) / share), 0)
    return one.ratio(sigma, (sigma > 0) * 1.0)


VI_6_ALL = Claim(
    equation="VI.6",
    part="all thresholds",
    says="The bound that is proved: ν centred and divided by the largest ratio over both sides and all thresholds",
    tex=r"b(Q, \nu) = \tfrac1n \mathbb 1^\top Q\, \mathbb 1 + |\nu^\top y| \big/ \sup\nolimits_\tau r(\tau)"
        r" \quad\text{if } \nu^\top \mathbb 1 = 0",
    relation="=",
    instances=_certificates,
    left=lambda one: one.bound(),
    right={
        "roots of the derivative in every gap": lambda one: _by_roots(one.centred),
        "scan of thresholds": lambda one: _by_scan(one.centred),
    },
    wrong=(
        Wrong("the ends of gaps alone", right=lambda one: _by_roots(one.centred, inner=False)),
        Wrong("2 % too lenient where one sample is active", right=lambda one: _by_roots(one.centred, single=0.98)),
        Wrong("ν not centred", right=_by_roots),
    ),
    tolerance=Tolerance(1e-7, why="the scan ends 1e-9 of a gap from samples; Q has eigenvalues down to 1e-9"),
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


def _by_the_exact_programme(data: Dataset) -> float:
    """max 1ᵀQ1/n + νᵀy, with the condition at all thresholds of a gap as two semidefinite ones, exactly.

    For all σ = p·first + q·last with p, q ≥ 0 the matrix [[⟨Q,M⟩, nνᵀσ/2], [nνᵀσ/2, ⟨Q,σσᵀ⟩]] is ⪰ 0. With p + q = 1
    it is p²A + 2pqC + q²B; and such a polynomial is ⪰ 0 for all p, q ≥ 0 exactly if it is a sum of squares plus pqY
    with Y ⪰ 0: if there is a W with [[A, W], [Wᵀ, B]] ⪰ 0 and Y = 2C - W - Wᵀ ⪰ 0.
    """
    import cvxpy as cp

    n, unit = data.n, np.hypot(1, data.x).max()
    density, nu = cp.Variable((n, n), PSD=True), cp.Variable(n)
    feasible = [cp.trace(density) == 1, cp.sum(nu) == 0]
    for on, first, last in _pieces(data.x):
        rows = np.array([on * data.x, on]) / unit
        size, w = cp.trace(rows @ density @ rows.T), cp.Variable((2, 2))
        a, b, c = (cp.bmat([[size, n / 4 * (nu @ (u + v))], [n / 4 * (nu @ (u + v)), u @ density @ v]])
                   for u, v in ((first, first), (last, last), (first, last)))
        feasible += [cp.bmat([[a, w], [w.T, b]]) >> 0, 2 * c - w - w.T >> 0]
    best = cp.Maximize(cp.sum(density) / n + unit * (nu @ data.y))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it may be inaccurate: the comparison tells
        return cp.Problem(best, feasible).solve(solver=cp.CLARABEL)


def _by_autograd(data: Dataset) -> float:
    """The sharpness of the network that was found, from autograd's gradients, once it is seen to interpolate."""
    case = Case(flattest(data).net, data)
    assert np.abs(case.net.residual(data)).max() < 1e-10
    return float(np.linalg.eigvalsh(mean_outer_product(case))[-1])


def _mean_direction(data: Dataset) -> float:
    """The certificate at Q = 11ᵀ/n, the vector that Lemma 4 tries."""
    return interpolants.certified_sharpness(data, np.ones((data.n, data.n)), flattest(data).multipliers)


VI_7 = Claim(
    equation="VI.7",
    part="the minimum",
    says="The smallest sharpness of any interpolant, of any width: what the dual proves, a network attains",
    tex=r"\lambda^* = \max_{Q,\, \nu\text{ feasible}} \bigl( \tfrac1n \mathbb 1^\top Q\, \mathbb 1 + \nu^\top y \bigr)",
    relation="=",
    instances=_sets_for_flattest,
    left=lambda data: flattest(data).bound,
    right={"the network found, by autograd": _by_autograd, "exact dual programme": _by_the_exact_programme},
    wrong=(
        Wrong("the bound of Lemma 4", left=lambda data: 1 + 2 * interpolants.smoothest_norm(data)),
        Wrong("Q = 11ᵀ/n in place of the best Q", left=_mean_direction),
        Wrong("one percent above the bound", left=lambda data: 1.01 * flattest(data).bound),
    ),
    tolerance=Tolerance(1e-4, why="the gap that flattest_interpolant promises"),
)


def _relabelled(labels: Array, data: Dataset) -> Dataset:
    return Dataset(data.x, labels)


VI_7_ORDER = Claim(
    equation="VI.7",
    part="the order",
    says="The smallest sharpness of any interpolant is at least 1 + 2 times the smallest ∫|f''| g, so that η₂ ≤ η₁",
    tex=r"\lambda^* \ge 1 + 2m",
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


def _near_the_threshold() -> Iterator[Instance]:
    """The flattest interpolants, at step sizes below and above η₂."""
    for one in _sets_for_flattest():
        best = flattest(one.value)
        for ratio in (0.5, 0.99, 0.999, 1.001, 1.01, 1.5):
            value = Case(best.net, one.value, ratio * best.step_size)
            yield Instance(f"{one.label}, {ratio:g} times η₂", one.seed, value)


def _powers_bounded(case: Case) -> bool:
    """Whether a million powers of I - ηH, with autograd's Hessian H, leave no entry above 1."""
    step = np.eye(case.net.vector.size) - case.eta * _hessian(case.net, case.data)
    with np.errstate(all="ignore"):  # what overflows, and is NaN then, is not bounded
        return bool(np.abs(np.linalg.matrix_power(step, 2**20)).max() < 1 + 1e-6)


@lru_cache(maxsize=64)
def _hessian(net: Network, data: Dataset) -> Array:
    return autodiff.hessian(net, data)


def _stays(case: Case, displacement: float = 1e-9) -> bool:
    """Whether descent that starts so far from the minimum is within 100 times as much after 20 000 steps."""
    noise = np.random.default_rng(0).standard_normal(case.net.vector.size)
    start = case.net.vector + displacement * noise / np.linalg.norm(noise)
    end = descend(Network.from_vector(start), case.data, Schedule(case.eta), tolerance=0.0, budget=20_000, records=2)
    return bool(np.linalg.norm(end.net.vector - case.net.vector) < 100 * displacement)


def _below(case: Case, step_size: Callable[[Dataset], float]) -> bool:
    return bool(case.eta < step_size(case.data))


VI_7_STABLE = Claim(
    equation="VI.7",
    part="stability",
    says="The flattest interpolant is linearly stable below η₂, so that one is, and not above",
    tex=r"\sup\nolimits_t \|(I - \eta \nabla^2 L(\theta^*))^t\| < \infty \iff \eta < \eta_2",
    relation="=",
    instances=_near_the_threshold,
    left=lambda case: _below(case, _limit),
    right={"powers of the step, autograd's Hessian": _powers_bounded, "descent from 1e-9 beside it": _stays},
    wrong=(
        Wrong("η₁ in place of η₂", left=lambda case: _below(case, interpolants.largest_step_size)),
        Wrong("1 over the sharpness", left=lambda case: _below(case, lambda data: _limit(data) / 2)),
        Wrong("the trace in place of λ_max", left=lambda case: _below(case, _by_the_trace)),
    ),
    tolerance=Tolerance(0, why="yes or no, a thousandth away from the threshold, which is known to 1e-4"),
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


def _limit(data: Dataset) -> float:
    """η₂."""
    return flattest(data).step_size


def _at_another_step_size(log_eta: Array, run: Case) -> Case | None:
    """The minimum where descent is after 100 000 steps at another step size; None where that is none."""
    eta = float(np.exp(log_eta[0]))
    end = descend(run.net, run.data, Schedule(eta), tolerance=0.0, budget=100_000, records=2)
    return replace(run, net=end.net, eta=eta) if end.loss <= plans.LIMITS.tolerance else None


def _by_the_trace(data: Dataset) -> float:
    return 2 / float(np.trace(tangent.gram(flattest(data).net, data)))


VI_8 = Claim(
    equation="VI.8",
    says="Descent settles at no step size above η₂ = 2 over the smallest sharpness of any interpolant",
    tex=r"\eta \le \eta_2 \quad\text{where descent settles}",
    relation="<=",
    instances=_settled,
    left=lambda run: run.eta,
    right={"η₂ of the data set": lambda run: _limit(run.data)},
    wrong=(
        Wrong("four fifths of η₂", right=lambda run: 0.8 * _limit(run.data)),
        Wrong("1 over the sharpness", right=lambda run: _limit(run.data) / 2),
        Wrong("the trace in place of λ_max", right=lambda run: _by_the_trace(run.data)),
    ),
    tolerance=Tolerance(1e-4, why="the gap that flattest_interpolant promises"),
    attack=Attack(start=lambda run: np.log([run.eta]), build=_at_another_step_size, starts=2, steps=12, reach=0.1),
)


def _beside_the_flattest() -> Iterator[Instance]:
    """The flattest network through each data set of the sweep, its parameters displaced by 0.001 of normal noise."""
    for seed in range(plans.LIMITS_SEEDS):
        data = replace(plans.LIMITS, seed=seed).start()[0]
        theta = flattest(data).net.vector
        net = Network.from_vector(theta + 1e-3 * np.random.default_rng(seed).standard_normal(theta.size))
        for ratio in (0.98, 1.005):
            yield Instance(f"data set {seed}, {ratio:g} times η₂", seed, Case(net, data, ratio * _limit(data)))


def _settles(case: Case) -> Array:
    """Whether the loss falls to 1e-24 within 400 000 steps, and whether it ends below 5e-5."""
    end = descend(case.net, case.data, Schedule(case.eta), tolerance=1e-24, budget=400_000, records=2)
    return np.array([end.loss <= 1e-24, end.loss < 5e-5])


def _falls(case: Case) -> Array:
    """Whether the loss is below 1e-6, and below 1e-5, at the end of 3000 steps that are written out here."""
    (w1, b1, w2), b2 = np.split(case.net.vector[:-1], 3), case.net.b2
    x, y, eta = case.data.x[:, None], case.data.y, case.eta / case.data.n
    for _ in range(3000):
        z = x * w1 + b1
        on, out = z > 0, np.maximum(z, 0)
        residual = out @ w2 + b2 - y
        back, b2 = residual[:, None] * on * w2, b2 - eta * residual.sum()
        w1, b1, w2 = w1 - eta * (back * x).sum(axis=0), b1 - eta * back.sum(axis=0), w2 - eta * residual @ out
    return np.array([residual @ residual < 2e-6 * y.size, residual @ residual < 2e-5 * y.size])


VI_8_FLATTEST = Claim(
    equation="VI.8",
    part="from the flattest",
    says="From beside the flattest network descent settles at 0.98 η₂ and not at 1.005 η₂, on all twelve data sets",
    tex=r"\text{settles} \iff \eta < \eta_2 \quad\text{for } \eta \in \{0.98\,\eta_2,\ 1.005\,\eta_2\}",
    relation="=",
    instances=_beside_the_flattest,
    left=lambda case: np.full(2, _below(case, _limit)),
    right={"descent, 400 000 steps": _settles, "descent written out, 3000 steps": _falls},
    wrong=(
        Wrong("0.97 η₂", left=lambda case: np.full(2, _below(case, lambda data: 0.97 * _limit(data)))),
        Wrong("1.01 η₂", left=lambda case: np.full(2, _below(case, lambda data: 1.01 * _limit(data)))),
        Wrong("η₁ in place of η₂", left=lambda case: np.full(2, _below(case, interpolants.largest_step_size))),
    ),
    tolerance=Tolerance(0, why="yes or no"),
)
