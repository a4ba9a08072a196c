"""Chapter VI: Lemma 4, from sharpness to the function (S33–S42)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache, partial
from itertools import chain

import numpy as np
from mpmath import mp, mpf
from numpy.typing import NDArray
from scipy import stats
from scipy.stats.distributions import rv_frozen

from ledgerbook.claim import Attack, Claim, Instance, Tolerance, Wrong
from stableminima import autodiff, smoothness, tangent
from stableminima.network import Dataset, Network
from stableminima.runs.descent import Schedule, descend
from stableminima.stability import linearise

from ..common import Array, exact, larger_side, weight_by_means, weight_of_side, with_parameters
from ..instances import (
    Case,
    degenerate_cases,
    extremal_cases,
    minima,
    random_cases,
    reversed_neurons,
    split,
    with_cancelling_pair,
)

# ---- the Gram matrix at one vector ----------------------------------------------------------------------------


def _lemma_4_cases() -> Iterator[Instance]:
    """Interpolating networks: random, degenerate, extremal, and minima that descent found."""
    drawn = chain(random_cases(30, k=4, n=6), degenerate_cases(), extremal_cases(), minima(8))
    return (Instance(each.label, each.seed, each.value.interpolating()) for each in drawn)


def _sharpness(case: Case) -> float:
    return tangent.interpolation_sharpness(case.net, case.data)


_ANY_NETWORK = Attack(start=lambda case: case.net.vector, build=with_parameters, steps=400)


@dataclass(frozen=True, eq=False)
class Sums:
    """What a neuron's samples add up to, in (S33): Σ_j x_j I_ji, Σ_j I_ji and Σ_j σ_ji, each of shape (k,)."""

    positions: Array
    counts: Array
    outputs: Array


def _sums(case: Case) -> Sums:
    pattern = case.net.pattern(case.data.x)
    outputs = np.maximum(case.net.preactivation(case.data.x), 0)
    return Sums(case.data.x @ pattern, pattern.sum(axis=0), outputs.sum(axis=0))


def _form_at_uniform(case: Case, root: bool = True) -> float:
    """1 + n⁻² Σ_i [w2_i² (…) + (Σ_j σ_ji)²], the second line of (S33)."""
    sums, n = _sums(case), case.data.n
    first = case.net.w2**2 * (sums.positions**2 + sums.counts**2)
    return 1 + float(np.sum(first + sums.outputs**2)) / (n**2 if root else n)


def _after_mean_inequality(case: Case, constant: float = 2) -> float:
    """1 + 2n⁻² Σ_i |w2_i| √(…) |Σ_j σ_ji|, the last line of (S33)."""
    sums = _sums(case)
    terms = np.abs(case.net.w2) * np.hypot(sums.positions, sums.counts) * np.abs(sums.outputs)
    return 1 + constant * float(terms.sum()) / case.data.n**2


def _square_of_mean_gradient(case: Case) -> float:
    """‖Φ1‖²/n² as the squared length of the mean of autograd's gradients."""
    return float(np.sum(autodiff.features(case.net, case.data.x).mean(axis=1) ** 2))


def _form_of_gram(case: Case) -> float:
    """uᵀ(ΦᵀΦ/n)u at u = 1/√n, from autograd's features."""
    phi = autodiff.features(case.net, case.data.x)
    return float((phi.T @ phi).sum()) / case.data.n**2


S33_FORM = Claim(
    equation="S33",
    part="at the constant vector",
    says="The quadratic form of the Gram matrix at 1/√n, neuron by neuron",
    tex=r"\tfrac1{n^2}\|\Phi\mathbb 1\|^2 = 1 + \tfrac1{n^2} \sum_i (\alpha_i^2 + \beta_i^2)",
    relation="=",
    instances=_lemma_4_cases,
    left=_form_at_uniform,
    right={"mean of autograd's gradients": _square_of_mean_gradient, "sum of the Gram matrix": _form_of_gram},
    wrong=(
        Wrong("1/n in place of 1/n²", left=lambda case: _form_at_uniform(case, root=False)),
        Wrong("no bias of the output", left=lambda case: _form_at_uniform(case) - 1),
    ),
)

S33 = Claim(
    equation="S33",
    part="bound",
    says="The sharpness is at least the form at 1/√n, and at least what the mean inequality leaves of it",
    tex=(r"\lambda_{\max}(\tfrac1n \Phi^\top \Phi) \ge 1 + \tfrac1{n^2} \sum_i (\alpha_i^2 + \beta_i^2)"
         r" \ge 1 + \tfrac2{n^2} \sum_i \alpha_i \beta_i"),
    relation=">=",
    instances=_lemma_4_cases,
    left=_sharpness,
    right={"form at 1/√n": _form_at_uniform, "after the mean inequality": _after_mean_inequality},
    wrong=(
        Wrong("4 in place of 2", right=lambda case: _after_mean_inequality(case, constant=4)),
        Wrong("1/n in place of 1/n²", right=lambda case: _form_at_uniform(case, root=False)),
        Wrong("the second eigenvalue", left=lambda case: np.linalg.eigvalsh(tangent.gram(case.net, case.data))[-2]),
    ),
    attack=_ANY_NETWORK,
)

# ---- one neuron -----------------------------------------------------------------------------------------------


def _neurons() -> Iterator[Instance]:
    """Random networks, some with a neuron without threshold or with its threshold on a sample, and minima."""
    return chain(random_cases(20, k=5, n=6), degenerate_cases(), minima(4))


def _counts(case: Case) -> Array:
    return case.net.pattern(case.data.x).sum(axis=0)


def _counts_by_sides(case: Case, closed: bool = False, mirrored: bool = True) -> Array:
    """n_i as a number of sorted samples on one side of the threshold -b1/w1, all or none where w1 = 0."""
    net, ordered = case.net, np.sort(case.data.x)
    with np.errstate(divide="ignore", invalid="ignore"):
        threshold = -net.b1 / net.w1
    above = len(ordered) - np.searchsorted(ordered, threshold, side="left" if closed else "right")
    below = np.searchsorted(ordered, threshold, side="right" if closed else "left")
    flat = np.where(net.b1 > 0, len(ordered), 0)
    return np.where(net.w1 == 0, flat, np.where((net.w1 > 0) | (not mirrored), above, below))


def _counts_exactly(case: Case) -> Array:
    """n_i by the signs of exact fractions."""
    w1, b1, x = exact(case.net.w1), exact(case.net.b1), exact(case.data.x)
    return np.array([sum(w * each + b > 0 for each in x) for w, b in zip(w1, b1, strict=True)], dtype=np.float64)


def _off_the_rounding() -> Iterator[Instance]:
    """Minima have thresholds within 1e-16 of a sample, where the side depends on rounding; these have not."""
    return chain(random_cases(20, k=5, n=6), degenerate_cases())


S34 = Claim(
    equation="S34",
    says="A neuron is active on all samples on one side of its threshold, and n_i counts them",
    tex=r"n_i = \sum_j I_{ji} = \#\{j : w^{(1)}_i x_j + b^{(1)}_i > 0\}",
    relation="=",
    instances=_off_the_rounding,
    left=_counts,
    right={"sorted samples beyond the threshold": _counts_by_sides, "signs of exact fractions": _counts_exactly},
    wrong=(
        Wrong("samples on the threshold count", right=lambda case: _counts_by_sides(case, closed=True)),
        Wrong("always the samples above", right=lambda case: _counts_by_sides(case, mirrored=False)),
    ),
    tolerance=Tolerance(0, why="both sides are counts"),
)


def _neuron_terms(case: Case) -> Array:
    """n⁻² |w2_i| √((Σx)² + n_i²) |Σσ|, the terms of the last line of (S33)."""
    sums = _sums(case)
    root = np.hypot(sums.positions, sums.counts)
    return np.abs(case.net.w2) * root * np.abs(sums.outputs) / case.data.n**2


def _expected_terms(case: Case, power: int = 2, root: bool = True) -> Array:
    """(S35) word for word, with means over C_i."""
    net, out = case.net, np.zeros(case.net.k)
    for i, active in enumerate(case.net.pattern(case.data.x).T):
        if active.any():
            sample = case.data.x[active]
            factor = np.sqrt(1 + sample.mean() ** 2) if root else 1
            mean = np.mean(net.w1[i] * sample + net.b1[i])
            out[i] = np.abs(net.w2[i]) * active.mean() ** power * factor * np.abs(mean)
    return out


def _exact_terms(case: Case) -> Array:
    """(S35) with exact rational means and a 50-digit square root."""
    w1, b1, w2, x = (exact(each) for each in (case.net.w1, case.net.b1, case.net.w2, case.data.x))
    out = []
    for w, b, second in zip(w1, b1, w2, strict=True):
        active = [each for each in x if w * each + b > 0]
        mean = sum(active, Fraction(0)) / max(len(active), 1)
        plain = abs(second) * Fraction(len(active), len(x)) ** 2 * abs(w * mean + b) if active else Fraction(0)
        with mp.workdps(50):
            square = 1 + mean**2
            out.append(float(mp.sqrt(mpf(square.numerator) / square.denominator) * plain.numerator / plain.denominator))
    return np.array(out)


S35 = Claim(
    equation="S35",
    says="Sums over active samples as probabilities and conditional means",
    tex=(r"\tfrac1{n^2} \alpha_i \beta_i = |w^{(2)}_i|\, P(C_i)^2 \sqrt{1 + \mathbb{E}[X \mid C_i]^2}\,"
         r" |\mathbb{E}[w^{(1)}_i X + b^{(1)}_i \mid C_i]|"),
    relation="=",
    instances=_off_the_rounding,
    left=_neuron_terms,
    right={"means over the sample": _expected_terms, "exact rational, 50-digit root": _exact_terms},
    wrong=(
        Wrong("P in place of P²", right=lambda case: _expected_terms(case, power=1)),
        Wrong("no square root", right=lambda case: _expected_terms(case, root=False)),
    ),
)


def _crossing(case: Case) -> Array:
    """Where the line w1 x + b1 crosses zero, by its companion matrix; 0 where there is no crossing."""
    pairs = zip(case.net.w1, case.net.b1, strict=True)
    return np.array([np.roots([w, b])[0] if w else 0.0 for w, b in pairs])


def _crossing_exactly(case: Case) -> Array:
    pairs = zip(exact(case.net.w1), exact(case.net.b1), strict=True)
    return np.array([float(-b / w) if w else 0.0 for w, b in pairs])


S36 = Claim(
    equation="S36",
    says="The threshold of a neuron is where its pre-activation changes sign",
    tex=r"\tau_i = -b^{(1)}_i / w^{(1)}_i, \quad \tau_i = 0 \text{ where } w^{(1)}_i = 0",
    relation="=",
    instances=_neurons,
    left=lambda case: case.net.thresholds,
    right={"root of the polynomial": _crossing, "exact fractions": _crossing_exactly},
    wrong=(
        Wrong("the sign of b1 lost", left=lambda case: -case.net.thresholds),
        Wrong("b1 without w1", left=lambda case: -case.net.b1),
    ),
    tolerance=Tolerance(1e-14, why="one division"),
)

def _mean_output(case: Case, of_threshold: bool = False, bias: float = 1) -> Array:
    """|w2| |E[w1 X + b1 | C]|, or |w1 w2| |E[X - τ | C]|, the two sides of (S37); 0 where C is empty."""
    net, out = case.net, np.zeros(case.net.k)
    for i, active in enumerate(net.pattern(case.data.x).T):
        if active.any():
            mean = case.data.x[active].mean()
            inner = net.w1[i] * (mean - net.thresholds[i]) if of_threshold else net.w1[i] * mean + bias * net.b1[i]
            out[i] = np.abs(net.w2[i] * inner)
    return out


S37 = Claim(
    equation="S37",
    says="|w2| times the mean output of a neuron is at least |w1 w2| times the mean distance to its threshold",
    tex=(r"|w^{(2)}_i|\, |\mathbb{E}[w^{(1)}_i X + b^{(1)}_i \mid C_i]|"
         r" \ge |w^{(1)}_i w^{(2)}_i|\, |\mathbb{E}[X - \tau_i \mid C_i]|"),
    relation=">=",
    instances=lambda: chain(_neurons(), _flat_neurons()),
    left=_mean_output,
    right={"mean distance to the threshold": lambda case: _mean_output(case, of_threshold=True)},
    wrong=(
        Wrong("no bias", left=lambda case: _mean_output(case, bias=0)),
        Wrong("the other sign of τ", right=lambda case: _mean_output(_mirrored(case), of_threshold=True)),
        Wrong("flipped", left=lambda case: _mean_output(case, of_threshold=True), right=_mean_output),
    ),
    attack=Attack(start=lambda case: case.net.vector, build=with_parameters, steps=730, starts=2),
)


def _mirrored(case: Case) -> Case:
    """The same first weights with the biases negated, so that thresholds change sign."""
    net = case.net
    return Case(Network(net.w1, -net.b1, net.w2, net.b2), case.data)


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
    return np.array([weight_of_side(x, data.x[side * data.x > side * x], data.n, power, root) for x in points])


def _one_side_exact(value: tuple[Dataset, Array], side: int) -> Array:
    """The same with exact rational expectations and a 50-digit square root."""
    data, points = value
    sample, out = exact(data.x), []
    for x in exact(points):
        beyond = [each for each in sample if side * (each - x) > 0]
        probability = Fraction(len(beyond), data.n)
        mean = sum(beyond, Fraction(0)) / max(len(beyond), 1)
        with mp.workdps(50):
            square = 1 + mean**2
            root = mp.sqrt(mpf(square.numerator) / square.denominator)
            factor = probability**2 * side * (mean - x) if beyond else Fraction(0)
            out.append(float(root * factor.numerator / factor.denominator))
    return np.array(out)


def _weight_claim(equation: str, side: int, closed_form, name: str, tex: str) -> Claim:
    return Claim(
        equation=equation,
        says=f"The weight {name} from the sums over the samples on its side",
        tex=tex,
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


S38 = _weight_claim(
    "S38", 1, smoothness.g_plus, "g⁺",
    r"g^+(x) = P(X > x)^2\, \mathbb{E}[X - x \mid X > x] \sqrt{1 + \mathbb{E}[X \mid X > x]^2}")
S39 = _weight_claim(
    "S39", -1, smoothness.g_minus, "g⁻",
    r"g^-(x) = P(X < x)^2\, \mathbb{E}[x - X \mid X < x] \sqrt{1 + \mathbb{E}[X \mid X < x]^2}")


def _factors(case: Case, root: bool = True) -> Array:
    """P(C_i)² |E[X - τ_i | C_i]| √(1 + E[X | C_i]²), the left side of (S40); 0 where C_i is empty."""
    x, active = case.data.x, case.net.pattern(case.data.x)
    used = active.any(axis=0)
    count = active[:, used].sum(axis=0)
    mean = x @ active[:, used] / count
    out = np.zeros(case.net.k)
    out[used] = (count / case.data.n) ** 2 * np.abs(mean - case.net.thresholds[used])
    out[used] *= np.sqrt(1 + mean**2) if root else 1
    return out


def _neurons_that_bend() -> Iterator[Instance]:
    """Without neurons of w1 = 0, for which (S40) as printed fails."""
    return (each for each in _neurons() if each.value.net.w1.all())


def _flat_neurons() -> Iterator[Instance]:
    """A neuron with w1 = 0 that is active on all samples, which are centred, or on none."""
    for seed in range(4):
        data, on = Dataset.random(np.random.default_rng(seed), 6), seed % 2 == 0
        net, centred = Network([0], [1 if on else -1], [1], 0), Dataset(data.x - data.x.mean(), data.y)
        yield Instance(f"{'constant' if on else 'silent'} neuron, seed {seed}", seed, Case(net, centred))


S40 = Claim(
    equation="S40",
    says="The factor of |w1 w2| of a neuron with w1 ≠ 0 is at least min(g⁺, g⁻) at its threshold",
    tex=(r"P(C_i)^2\, |\mathbb{E}[X - \tau_i \mid C_i]| \sqrt{1 + \mathbb{E}[X \mid C_i]^2} \ge g(\tau_i)"
         r" \quad (w^{(1)}_i \ne 0)"),
    relation=">=",
    instances=_neurons_that_bend,
    left=_factors,
    right={"g": lambda case: smoothness.g(case.net.thresholds, case.data)},
    wrong=(
        Wrong("the larger of g⁻ and g⁺", right=lambda case: larger_side(case.net.thresholds, case.data)),
        Wrong("as printed: neurons with w1 = 0 too", instances=_flat_neurons),
        Wrong("no square root", left=lambda case: _factors(case, root=False)),
    ),
    attack=Attack(start=lambda case: case.net.vector, build=with_parameters, steps=730, starts=2),
)


def _sum_over_neurons(case: Case, constant: float = 2, weight=smoothness.g) -> float:
    """1 + 2 Σ_i |w1_i w2_i| g(τ_i), before knots are merged."""
    net = case.net
    return 1 + constant * float(np.abs(net.w1 * net.w2) @ weight(net.thresholds, case.data))


S41 = Claim(
    equation="S41",
    says="The sharpness of a minimum is at least 1 + 2 Σ|w1 w2| g(τ), which is at least 1 + 2∫|f''| g",
    tex=(r"\lambda_{\max}(\tfrac1n \Phi^\top \Phi) \ge 1 + 2 \sum_i |w^{(1)}_i w^{(2)}_i|\, g(\tau_i)"
         r" \ge 1 + 2 \int |f''|\, g"),
    relation=">=",
    instances=_lemma_4_cases,
    left=_sharpness,
    right={
        "sum over neurons": _sum_over_neurons,
        "sum over knots": lambda case: smoothness.sharpness_bound(case.net, case.data),
    },
    wrong=(
        Wrong("4 in place of 2", right=lambda case: _sum_over_neurons(case, constant=4)),
        Wrong("the larger of g⁻ and g⁺", right=lambda case: _sum_over_neurons(case, weight=larger_side)),
        Wrong("P in place of P²", right=lambda case: _sum_over_neurons(case, weight=partial(_weight, power=1))),
        Wrong("g⁺ for all neurons", right=lambda case: _sum_over_neurons(case, weight=smoothness.g_plus)),
    ),
    attack=_ANY_NETWORK,
)


def _shared_knots() -> Iterator[Instance]:
    """Random networks in which each threshold belongs to two neurons that open to opposite sides."""
    for each in random_cases(8, k=4, n=6):
        net, more = each.value.net, np.random.default_rng(each.seed).standard_normal(4)
        first = np.append(net.w1, -net.w1), np.append(net.b1, -net.b1)
        both = Network(*first, np.append(net.w2, more), net.b2)
        yield Instance(f"each knot shared, seed {each.seed}", each.seed, Case(both, each.value.data))


def _signed_sum(case: Case) -> float:
    """1 + 2 Σ |w1_i| w2_i g(τ_i), the masses without their absolute value."""
    net = case.net
    return 1 + 2 * float((np.abs(net.w1) * net.w2) @ smoothness.g(net.thresholds, case.data))


def _with_second_layer(vector: Array, case: Case) -> Case:
    return Case(Network(case.net.w1, case.net.b1, vector, case.net.b2), case.data)


S41_KNOTS = Claim(
    equation="S41",
    part="knots",
    says="The sum over neurons is at least the sum over knots, where masses at one knot add with their signs",
    tex=r"\sum_i |w^{(1)}_i w^{(2)}_i|\, g(\tau_i) \ge \int |f''|\, g",
    relation=">=",
    instances=_shared_knots,
    left=_sum_over_neurons,
    right={
        "sum over knots": lambda case: smoothness.sharpness_bound(case.net, case.data),
        "exact slopes, means over the sample": lambda case: 1 + 2 * _norm_by_slopes(case),
    },
    wrong=(
        Wrong("flipped", left=lambda case: smoothness.sharpness_bound(case.net, case.data), right=_sum_over_neurons),
        Wrong("masses without absolute value", left=_signed_sum),
    ),
    attack=Attack(start=lambda case: case.net.w2, build=_with_second_layer, steps=100),
)


def _changes_of_slope(case: Case) -> Array:
    """By second differences of f over a quarter of the smallest distance between knots."""
    position, _ = case.net.knots
    h = np.diff(position).min() / 4
    return (case.net(position + h) - 2 * case.net(position) + case.net(position - h)) / h


def _slopes_in_fractions(case: Case) -> Array:
    """Slope to the right minus slope to the left of each knot, by exact values of f in the middle of each gap."""
    position, _ = case.net.knots
    w1, b1, w2 = (exact(each) for each in (case.net.w1, case.net.b1, case.net.w2))
    knots = exact(position)
    between = [knots[0] - 1, *((knots[1:] + knots[:-1]) / 2), knots[-1] + 1]
    slopes = [sum(u * w for w, b, u in zip(w1, b1, w2, strict=True) if w * x + b > 0) for x in between]
    return np.diff(slopes).astype(np.float64)


def _weight(x: Array, data: Dataset, power: int = 2) -> Array:
    """g word for word, with means over the sample."""
    return np.array([weight_by_means(at, data, power) for at in x])


@lru_cache(maxsize=32)  # several implementations of one function ask for it
def _norm_by_slopes(case: Case) -> float:
    """∫|f''| g from the changes of slope of f, and nothing else that its implementation could tell."""
    return float(np.abs(_slopes_in_fractions(case)) @ _weight(case.net.knots[0], case.data))


def _masses(case: Case, of=lambda net: np.abs(net.w1) * net.w2) -> Array:
    """Sums of ``of`` over the neurons at each knot."""
    position, _ = case.net.knots
    return np.array([of(case.net)[np.isclose(case.net.thresholds, each, atol=0)].sum() for each in position])


S41_MASSES = Claim(
    equation="S41",
    part="f''",
    says="The mass of f'' at a knot is the sum of |w1| w2 over its neurons",
    tex=r"c_s = \sum_{i :\, \tau_i = t_s} |w^{(1)}_i|\, w^{(2)}_i",
    relation="=",
    instances=lambda: chain(random_cases(8, k=5, n=6), _shared_knots()),
    left=_masses,
    right={"second differences of f": _changes_of_slope, "exact slopes on both sides": _slopes_in_fractions},
    wrong=(
        Wrong("as printed: w1 w2", left=lambda case: _masses(case, of=lambda net: net.w1 * net.w2)),
        Wrong("|w1 w2|", left=lambda case: _masses(case, of=lambda net: np.abs(net.w1 * net.w2))),
    ),
    tolerance=Tolerance(1e-9, why="second differences over a thousandth lose six digits of sixteen"),
)


def _own_sides(net: Network, data: Dataset) -> Array:
    """g⁺ for the neurons that open to the right, g⁻ for the others."""
    points = net.thresholds
    return np.where(net.w1 > 0, smoothness.g_plus(points, data), smoothness.g_minus(points, data))


def _implementations(scale=lambda rng, k: np.exp(0.5 * rng.standard_normal(k)), count: int = 6) -> Iterator[Instance]:
    """Minima and extremal cases, each with several networks that represent the same function."""
    for instance in chain(minima(count), extremal_cases()):
        case, net = instance.value, instance.value.net
        heavy = _own_sides(net, case.data) > smoothness.g(net.thresholds, case.data)
        lighter = reversed_neurons(net, heavy, np.median(case.data.x))
        others = {"as found": net, "opening to the lighter side": lighter}
        for seed in range(3):
            rng = np.random.default_rng(seed)
            others[f"rescaled by seed {seed}"] = net.rescale(scale(rng, net.k))
            others[f"split by seed {seed}"] = split(net, rng.uniform(0, 1, net.k))
            others[f"with a cancelling pair, seed {seed}"] = with_cancelling_pair(net, *rng.standard_normal(3))
            turned = rng.integers(0, 2, net.k) > 0
            others[f"turned by seed {seed}"] = reversed_neurons(net, turned, rng.uniform(-1, 1))
        for name, other in others.items():
            yield Instance(f"{instance.label}, {name}", instance.seed, (case, other))


def _bound_as_found(value: tuple[Case, Network]) -> float:
    case, _ = value
    return smoothness.sharpness_bound(case.net, case.data)


def _norm_as_implemented(value: tuple[Case, Network]) -> float:
    case, other = value
    return smoothness.weighted_norm(other, case.data)


def _over_neurons(value: tuple[Case, Network], weight=lambda net, data: smoothness.g(net.thresholds, data)) -> float:
    """Σ |w1 w2| g over the neurons of this implementation."""
    case, other = value
    return float(np.abs(other.w1 * other.w2) @ weight(other, case.data))


S42 = Claim(
    equation="S42",
    says="Every implementation of f has a sharpness of at least 1 + 2∫|f''| g, computed from any implementation",
    relation=">=",
    tex=r"\lambda_{\max}(\nabla^2 \mathcal L(\theta)) \ge 1 + 2 \int |f''|\, g \quad (\theta \in \Omega(f))",
    instances=_implementations,
    left=lambda value: tangent.interpolation_sharpness(value[1], value[0].data),
    right={
        "sum over knots, as found": _bound_as_found,
        "sum over knots, as implemented": lambda value: 1 + 2 * _norm_as_implemented(value),
    },
    wrong=(
        Wrong("4 in place of 2", right=lambda value: 2 * _bound_as_found(value) - 1),
        Wrong("the sharpness as found", right=lambda value: _sharpness(value[0]) * (1 - 1e-6)),
        Wrong("g of each neuron's own side, as found",
              right=lambda value: 1 + 2 * _over_neurons((value[0], value[0].net), _own_sides)),
    ),
    attack=Attack(
        start=lambda value: np.zeros(value[1].k),
        build=lambda vector, value: (value[0], value[1].rescale(np.exp(vector))),
        steps=600,
    ),
)


def _kept_to_the_bit() -> Iterator[Instance]:
    """The same with factors that are powers of two: no threshold moves across a sample by a rounding."""
    return _implementations(scale=lambda rng, k: 2.0 ** rng.integers(-2, 3, k), count=3)


S42_FUNCTION = Claim(
    equation="S42",
    part="f alone",
    says="∫|f''| g is the same number for every implementation of f",
    relation="=",
    tex=r"\int |f''_\theta|\, g = \int |f''_{\theta'}|\, g \quad \text{where } f_\theta = f_{\theta'}",
    instances=_kept_to_the_bit,
    left=_norm_as_implemented,
    right={
        "as found": lambda value: smoothness.weighted_norm(value[0].net, value[0].data),
        "exact slopes as found, means over the sample": lambda value: _norm_by_slopes(value[0]),
    },
    wrong=(
        Wrong("sum over neurons", left=_over_neurons),
        Wrong("g of each neuron's own side", left=lambda value: _over_neurons(value, _own_sides)),
    ),
)


def chain_of_bounds(case: Case) -> dict[str, float]:
    """What the proof of Lemma 4 compares, from the sharpness down to the bound by the function."""
    return {
        "λ_max": _sharpness(case),
        "form at 1/√n": _form_at_uniform(case),
        "after the mean inequality": _after_mean_inequality(case),
        "sum over neurons": _sum_over_neurons(case),
        "sum over knots": smoothness.sharpness_bound(case.net, case.data),
    }


# ---- the theorem, and the book's own additions ----------------------------------------------------------------


def _stays(case: Case, doublings: int = 24) -> bool:
    """Whether the second moment of linearised descent stays bounded, by squaring its map again and again.

    Then the mean of the distance is bounded too, and in proportion to the first: linear stability. With full batches
    the two are the same.
    """
    step = linearise(case.net, case.data, case.batch).second_moment_map(case.eta)
    for _ in range(doublings):
        step = step @ step
        if not np.abs(step).max() <= 2:  # NaN, as at an infinite step size, is no staying
            return False
    return True


def _settlings(factors: tuple[float, ...] = (0.5, 0.9, 0.999), cases=_lemma_4_cases) -> Iterator[Instance]:
    """Minima with batches of all samples, of half of them or of one, and step sizes at which descent is seen to stay.

    A factor above 1 is for the opposite: it takes the step size beyond the largest one.
    """
    for each in cases():
        n = each.value.data.n
        for batch in sorted({1, n // 2, n}):
            largest = linearise(each.value.net, each.value.data, batch).largest_mean_square_step
            for factor in factors if batch == n else factors[-1:]:
                case = replace(each.value, eta=factor * largest, batch=batch)
                if _stays(case) == (factor < 1):
                    yield Instance(f"{each.label}, {factor} of the largest step, batches of {batch}", each.seed, case)


def _at_step_size(log_eta: Array, case: Case) -> Case | None:
    other = replace(case, eta=float(np.exp(log_eta[0])))
    return other if _stays(other) else None


T1 = Claim(
    equation="T1",
    says="Theorem 1: where descent, full-batch or stochastic, is linearly stable at η, ∫|f''| g is at most 1/η - 1/2",
    tex=r"\int |f''|\, g \le \tfrac1\eta - \tfrac12 \quad (\theta^* \text{ linearly stable})",
    relation="<=",
    instances=_settlings,
    left=lambda case: smoothness.weighted_norm(case.net, case.data),
    right={"1/η - 1/2": lambda case: 1 / case.eta - 0.5},
    wrong=(
        Wrong("1/η - 1", right=lambda case: 1 / case.eta - 1),
        Wrong("1/2η", right=lambda case: 0.5 / case.eta),
        Wrong("1 in place of g", left=lambda case: np.abs(case.net.knots[1]).sum()),
        Wrong("not stable", instances=lambda: _settlings((1.05,), extremal_cases)),
    ),
    tolerance=Tolerance(
        1e-6,
        scale=lambda case: 1 / case.eta,
        why="after 2²⁴ steps a factor that is 1e-7 above 1 has grown to 5, and is seen",
    ),
    attack=Attack(start=lambda case: np.log([case.eta]), build=_at_step_size, steps=40, reach=1e-4),
)

VI_1 = Claim(
    equation="VI.1",
    says="For f = m|x| + c on two samples ±a a matched implementation attains the bound of Lemma 4",
    tex=r"\lambda_{\max} = 1 + 2 \int |f''|\, g = 1 + m a \sqrt{1 + a^2} \quad (f = m|x| + c)",
    relation="=",
    instances=extremal_cases,
    left=_sharpness,
    right={
        "sum over knots": lambda case: smoothness.sharpness_bound(case.net, case.data),
        "by hand": lambda case: 1 + 0.5 * np.abs(case.net.knots[1]).sum() * case.data.x.max() * _root_of(case),
    },
    wrong=(
        Wrong("not matched", left=lambda case: _sharpness(Case(case.net.rescale(1.1), case.data))),
        Wrong("three samples", left=lambda case: _sharpness(_with_middle(case))),
    ),
)


def _root_of(case: Case) -> float:
    """√(1 + a²) for the samples ±a: then g(0) = a √(1 + a²)/4, and the mass of the knot is 2m."""
    return float(np.sqrt(1 + case.data.x.max() ** 2))


def _with_middle(case: Case) -> Case:
    """The same function with a third sample in the middle."""
    return Case(case.net, Dataset(np.append(case.data.x, 0.0), np.zeros(3))).interpolating()


POPULATIONS = {
    "uniform": stats.uniform(-2, 4), "uniform around 1": stats.uniform(-1, 4), "Gaussian around -0.7": stats.norm(-0.7),
    "Laplace around 0.5": stats.laplace(0.5), "exponential": stats.expon(),
}
SIZES = 2 ** np.arange(4, 17)


def _populations() -> Iterator[Instance]:
    for name, population in POPULATIONS.items():
        for share in (0.25, 0.5, 0.75):  # multiples of 1/n: no jump comes between
            value = population, float(population.ppf(share))
            yield Instance(f"{name} population, a point above {share:.0%} of it", None, value)


def _growing_samples(value: tuple[rv_frozen, float], weight=smoothness.g) -> Array:
    """The weight of ever larger samples: the midpoints of equally likely parts of the population."""
    population, point = value
    samples = (population.ppf((np.arange(n) + 0.5) / n) for n in SIZES)
    return np.array([weight(point, Dataset(sample, np.zeros(sample.size))) for sample in samples])


def _by_conditional_means(value: tuple[rv_frozen, float], sign: int = 1) -> float:
    """min(g⁻, g⁺) of a population, word for word; ``sign`` is that of its mean, from which E[X | X < x] follows."""
    population, point = value
    share, part = population.sf(point), population.expect(lambda t: t, lb=point)
    above, below = part / share, (sign * population.mean() - part) / (1 - share)
    plus = share**2 * (above - point) * np.sqrt(1 + above**2)
    minus = (1 - share) ** 2 * (point - below) * np.sqrt(1 + below**2)
    return float(min(plus, minus))


VI_2 = Claim(
    equation="VI.2",
    says="The weight of the midpoints of n equally likely parts of a population tends to that of the population",
    relation="->",
    tex=r"g_n(x) \to g(x), \quad x_j = F^{-1}\bigl((j - \tfrac12)/n\bigr)",
    instances=_populations,
    left=_growing_samples,
    right={
        "integrals of the tail": lambda value: smoothness.population_g(value[1], value[0]),
        "conditional means of the density": _by_conditional_means,
    },
    wrong=(
        Wrong("the larger side", left=lambda value: _growing_samples(value, weight=larger_side)),
        Wrong("half the weight", right=lambda value: smoothness.population_g(value[1], value[0]) / 2),
        Wrong("the other sign of the mean", right=lambda value: _by_conditional_means(value, sign=-1)),
    ),
    tolerance=Tolerance(1e-3, why="the error falls like 1/n, to a few parts in 10⁵ at the last n"),
)


def _local_minima() -> Iterator[Instance]:
    """Differentiable local minima of positive loss: neurons that are active on all samples fit a line to them."""
    for seed in range(8):
        rng = np.random.default_rng(seed)
        data = Dataset.random(rng, n=6)
        slope, offset = np.polyfit(data.x, data.y, 1)
        share, w1 = rng.dirichlet(np.ones(3)), rng.uniform(0.5, 1.5, 3)
        b1 = w1 * 3 + rng.uniform(0, 1, 3)  # all samples are above -2
        w2 = slope * share / w1
        net = Network(np.append(w1, 1), np.append(b1, -9), np.append(w2, 0), offset - w2 @ b1)
        yield Instance(f"least squares line with three neurons, seed {seed}", seed, Case(net, data))


def _fitted(net: Network, x: Array, noise: Array) -> Case:
    """Samples at which the network is a minimum: residuals orthogonal to all that its pattern can change."""
    seen = net.pattern(x)
    span = np.column_stack([seen * x[:, None], seen, np.ones(x.size)])
    residual = noise - span @ np.linalg.lstsq(span, noise, rcond=None)[0]
    return Case(net, Dataset(x, net(x) - residual))


def _fitted_knots() -> Iterator[Instance]:
    """Minima with knots among the data; in every second one a neuron is idle, active on samples but with w2 = 0."""
    for each in random_cases(8, k=3, n=12, kink_distance=1e-3):
        net, x = each.value.net, each.value.data.x
        busiest = net.pattern(x).sum(axis=0).argmax()
        idle = each.seed % 2 * (np.arange(net.k) == busiest)
        noise = np.random.default_rng(each.seed).standard_normal(x.size)
        case = _fitted(Network(net.w1, net.b1, net.w2 * (1 - idle), net.b2), x, noise)
        yield Instance(f"fitted with random knots, seed {each.seed}", each.seed, case)


def _fitted_extremal() -> Iterator[Instance]:
    """The extremal networks with three samples close together for each of the two, and residuals at them."""
    for each in extremal_cases():
        x = np.multiply.outer(each.value.data.x, [0.999, 1, 1.001]).ravel()
        noise = np.random.default_rng(0).standard_normal(x.size)
        yield Instance(f"{each.label}, six samples", 0, _fitted(each.value.net, x, noise))


def _found_at_positive_loss() -> Iterator[Instance]:
    """Where descent with two neurons comes to rest, away from every kink and with a knot among the samples."""
    for each in random_cases(16, k=2, n=8):
        data, budget = each.value.data, 200_000
        run = descend(each.value.net, data, Schedule(0.2), tolerance=0.0, budget=budget, records=1)
        case, count = Case(run.net, data), run.net.pattern(data.x).sum(axis=0)
        if run.steps < budget and case.kink_distance > 1e-5 and (count % data.n).any():
            yield Instance(f"found by descent, seed {each.seed}", each.seed, case)


def _saddles() -> Iterator[Instance]:
    """Stationary and differentiable, and no minimum: an idle neuron that could be of use."""
    for seed in range(4):
        data = Dataset.random(np.random.default_rng(seed), n=6)
        yield Instance(f"saddle, seed {seed}", seed, Case(Network([0], [1], [0], data.y.mean()), data))


def _off_the_minimum() -> Iterator[Instance]:
    for each in _local_minima():
        net = each.value.net
        moved = Network(net.w1, net.b1, net.w2, net.b2 + 0.5)
        yield Instance(each.label, each.seed, Case(moved, each.value.data))


def _gradient_within(theta: NDArray, case: Case) -> NDArray:
    """∇L written out within the activation pattern, where it is a polynomial in θ; of a complex θ too."""
    w1, b1, w2 = theta[:-1].reshape(3, -1)
    z = np.multiply.outer(case.data.x, w1) + b1
    on = z.real > 0
    pull = ((z * on) @ w2 + theta[-1] - case.data.y) / case.data.n
    return np.concatenate([w2 * (case.data.x * pull @ on), w2 * (pull @ on), pull @ (z * on), [pull.sum()]])


def _by_complex_step(case: Case, step: float = 1e-200) -> Array:
    """∇²L row by row, as Im ∇L(θ + ihe)/h."""
    theta = case.net.vector
    return np.array([_gradient_within(theta + 1j * step * e, case).imag / step for e in np.eye(theta.size)])


VI_3 = Claim(
    equation="VI.3",
    says="At a differentiable local minimum the residual part of the Hessian vanishes, whatever the loss",
    relation="=",
    tex=r"\nabla^2 \mathcal L(\theta) = \tfrac1n \Phi \Phi^\top \quad \text{at a differentiable local minimum}",
    instances=lambda: chain(_local_minima(), _fitted_knots(), _found_at_positive_loss()),
    left=lambda case: tangent.gauss_newton(case.net, case.data),
    right={"autograd": lambda case: autodiff.hessian(case.net, case.data), "complex step": _by_complex_step},
    wrong=(
        Wrong("not stationary", instances=_off_the_minimum),
        Wrong("stationary, but a saddle", instances=_saddles),
        Wrong("no 1/n", left=lambda case: tangent.gauss_newton(case.net, case.data) * case.data.n),
    ),
    tolerance=Tolerance(1e-11, why="residuals are orthogonal to the samples up to the rounding of a least-squares fit"),
)


def _dense_sharpness(case: Case) -> float:
    return float(np.linalg.eigvalsh(_by_complex_step(case))[-1])


def _bound(case: Case, constant: float = 2) -> float:
    return 1 + constant * smoothness.weighted_norm(case.net, case.data)


VI_3_BOUND = Claim(
    equation="VI.3",
    part="bound",
    says="So the bound of Lemma 4 holds at differentiable local minima of positive loss too",
    relation=">=",
    tex=r"\lambda_{\max}(\nabla^2 \mathcal L(\theta)) \ge 1 + 2 \int |f''|\, g \quad \text{at such a minimum}",
    instances=lambda: chain(_fitted_knots(), _fitted_extremal(), _found_at_positive_loss()),
    left=_dense_sharpness,
    right={"sum over knots": _bound},
    wrong=(
        Wrong("2.01 in place of 2", right=partial(_bound, constant=2.01)),
        Wrong("1 in place of g", right=lambda case: 1 + 2 * np.abs(case.net.knots[1]).sum()),
    ),
    attack=Attack(
        start=lambda case: np.zeros(case.net.k),
        build=lambda vector, case: Case(case.net.rescale(np.exp(vector)), case.data),
        steps=120,
    ),
)
