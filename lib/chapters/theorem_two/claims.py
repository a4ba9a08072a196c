"""Chapter IX: Theorem 2 (S71–S75), and what the book adds: no correction, and why "strongly" (IX.1 to IX.3)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from itertools import chain, combinations, islice

import numpy as np
import sympy
from mpmath import mp
from numpy.typing import NDArray
from scipy.optimize import linprog

from ledgerbook.claim import Attack, Claim, Instance, Tolerance, Wrong
from stableminima import autodiff, modes, perturbation, polytopes, smoothness, strong, symbolic, tangent
from stableminima.network import Dataset, Network
from stableminima.polytopes import OneKink

from ..common import Array, exact, exact_output
from ..instances import Case, degenerate_cases, networks, random_case, random_cases

# ---- what the claims are tested on -------------------------------------------------------------------------------


def kinked(seed: int, k: int = 8, n: int = 5, nowhere: int = 0) -> Case:
    """A random network with two thresholds on samples and ``nowhere`` neurons with w1 = b1 = 0, its outputs as labels.

    Inputs and weights are multiples of 2⁻¹⁰, so that the pre-activations at the thresholds are 0 in fractions too.
    """
    case = random_case(seed, k, n)
    w1, w2, x = (np.round(each * 2**10) / 2**10 for each in (case.net.w1, case.net.w2, case.data.x))
    b1 = np.round(case.net.b1 * 2**10) / 2**10
    b1[:2] = -w1[:2] * x[[1, (1, 3)[seed % 2]]]  # both on one sample, or on two
    w1[2 : 2 + nowhere] = b1[2 : 2 + nowhere] = 0.0
    return Case(Network(w1, b1, w2, 0.25), Dataset(x, np.zeros(n))).interpolating()


def _found(count: int = 3) -> Iterator[tuple[str, Case]]:
    """Minima that descent found, with four knots on samples."""
    for name, found in networks(count):
        yield name.removesuffix(", batches of 1"), Case(found.net, found.data)


def _random(count: int, nowhere: int = 1) -> Iterator[tuple[str, Case]]:
    for seed in range(count):
        spare = seed % (nowhere + 1)
        yield f"two thresholds on samples, {spare} neurons with w1 = b1 = 0, seed {seed}", kinked(seed, nowhere=spare)


def _sharpest(case: Case) -> float:
    """λ_max of the sharpest mode."""
    return float(modes.sharpnesses(case.net, case.data).max())


def _wide() -> Iterator[tuple[str, Case]]:
    """400 neurons, one threshold on each of two samples: there the paper's correction is small beside 2/η."""
    for seed in (1, 5):
        yield f"400 neurons, two thresholds on samples, seed {seed}", kinked(seed, k=400)


def _strongly_stable(*shares: float) -> Iterator[Instance]:
    """At these shares of 2/λ of the sharpest mode: strongly stable by Lemma 3, at share 1 only just."""
    for name, case in chain(_found(), _random(6, nowhere=0), _wide()):
        for share in shares:
            eta = share * 2 / _sharpest(case)
            yield Instance(f"{name}, η at {share} of the largest", None, replace(case, eta=eta))


def _fits_all(case: Case) -> bool:
    """V = ℝⁿ."""
    return strong.second_layer_rank(case.net, case.data.x) == case.data.n


def narrow() -> Case:
    """Five samples, two neurons with their knots on the outer ones, silent on all: V has one dimension only."""
    net = Network([-0.5, 0.5], [-0.125, -0.875], [-2.0, 1.0], 0)
    x = np.array([-0.25, 0.5, 0.75, 1.25, 1.75])
    return Case(net, Dataset(x, net(x)))


def _with_a_sharper_mode() -> Iterator[Instance]:
    """Strongly stable although λ_max of a mode is 1.4988: by (IV.1) that needs 2/η of 1.4273 only."""
    for edge in (1.43, 1.46):
        yield Instance(f"two neurons on five samples, 2/η = {edge}", None, replace(narrow(), eta=2 / edge))


# ---- the paper's road --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Numbers:
    """λ, η, C, p and n as fractions, so that both sides of a yes or no are exact."""

    sharpness: Fraction
    eta: Fraction
    entry: Fraction
    most: int
    samples: int

    @property
    def alpha(self) -> float:
        """2√3 C √(p/n)."""
        return 2 * np.sqrt(3 * self.most / self.samples) * float(self.entry)

    @property
    def beta(self) -> float:
        """2/η."""
        return 2 / float(self.eta)


def _numbers() -> Iterator[Instance]:
    """λ from well below 2/η to far above what (S75) allows, with and without neurons at kinks."""
    rng = np.random.default_rng(0)
    for seed in range(60):
        eta, entry = (Fraction(int(each), 64) for each in rng.integers(4, 128, 2))
        n = int(rng.integers(2, 30))
        most = int(rng.integers(0, n))
        bound = float(strong.ceiling(float(eta), 2 * np.sqrt(3 * most / n) * float(entry)))
        share = Fraction(2 * int(rng.integers(4, 96)) + 1, 128)  # odd: never at equality
        yield Instance(f"numbers, seed {seed}", 0, Numbers(Fraction(bound) * share, eta, entry, most, n))


def _correction(value: Numbers) -> float:
    return 2 * np.sqrt(3.0) * float(value.entry) * np.sqrt(float(value.sharpness) * value.most / value.samples)


def _paper_bound(case: Case, factor: float = 2.0) -> float:
    """2/η + 2√3 C √λ √(p/n), with another number in the place of the 2 of the correction."""
    largest = perturbation.gradient_bound(case.net, case.data)
    correction = factor * np.sqrt(3 * perturbation.on_samples(case.net, case.data).max() / case.data.n)
    return float(2 / case.eta + correction * largest * np.sqrt(_sharpest(case)))


def _other_step(vector: Array, case: Case) -> Case | None:
    """Neurons rescaled, knots kept on their samples, and a step size that the sharpest mode still allows."""
    shift, share = vector
    if abs(shift) > 3 or not 0.05 <= share <= 1:
        return None
    net, b1 = case.net.rescale(np.exp(shift)), case.net.b1 * np.exp(shift)
    for sample, neuron in np.argwhere(case.net.preactivation(case.data.x) == 0):
        b1[neuron] = -net.w1[neuron] * case.data.x[sample]
    other = Case(replace(net, b1=b1), case.data).interpolating()
    return replace(other, eta=share * 2 / _sharpest(other))


ALLOWED_STEPS = Attack(start=lambda case: [0.0, 0.9], build=_other_step, steps=60)

S71 = Claim(
    equation="S71",
    says="Strongly stable: no mode is sharper than 2/η and the paper's correction",
    tex=r"\lambda_{\max}^{\mathrm{upper}} \le \frac2\eta + 2\sqrt3\, C \sqrt{\lambda_{\max}^{\mathrm{upper}}}"
        r"\,\sqrt{\frac{p_{\max}}n}",
    relation="<=",
    instances=lambda: chain(_strongly_stable(0.5, 1.0), _with_a_sharper_mode()),
    left=_sharpest,
    right={"2/η and the correction": _paper_bound},
    wrong=(
        Wrong("the correction subtracted", right=lambda case: _paper_bound(case, -2.0)),
        Wrong("1/η in place of 2/η", right=lambda case: _paper_bound(case) - 1 / case.eta),
        Wrong("at any step size", instances=lambda: _strongly_stable(50.0)),
    ),
    attack=ALLOWED_STEPS,
)


def _no_more(value: Numbers) -> bool:
    return bool(float(value.sharpness) <= value.beta + _correction(value))


def _parabola(value: Numbers, alpha: float = 1.0, beta: float = 1.0) -> bool:
    zeta = np.sqrt(float(value.sharpness))
    return bool(zeta**2 - alpha * value.alpha * zeta - beta * value.beta <= 0)


def _in_thirty_digits(value: Numbers) -> bool:
    with mp.workdps(30):
        zeta = mp.sqrt(mp.mpf(value.sharpness.numerator) / value.sharpness.denominator)
        alpha = 2 * mp.sqrt(mp.mpf(3) * value.most / value.samples) * value.entry.numerator / value.entry.denominator
        return bool(zeta**2 - alpha * zeta - mp.mpf(2) * value.eta.denominator / value.eta.numerator <= 0)


def _squared(value: Numbers) -> bool:
    """Without a root: λ ≤ β, or (λ - β)² ≤ α²λ, in fractions."""
    over, price = value.sharpness - 2 / value.eta, 12 * value.entry**2 * Fraction(value.most, value.samples)
    return bool(over <= 0 or over**2 <= price * value.sharpness)


YES_OR_NO = Tolerance(0, why="both sides are yes or no")

S72 = Claim(
    equation="S72",
    says="With ζ² = λ, α = 2√3 C √(p/n) and β = 2/η, (S71) is a quadratic inequality",
    tex=r"(\mathrm{S71}) \iff \zeta^2 - \alpha\zeta - \beta \le 0",
    relation="=",
    instances=_numbers,
    left=_no_more,
    right={"30 digits": _in_thirty_digits, "squared, in fractions": _squared},
    wrong=(
        Wrong("α without its 2", left=lambda value: _parabola(value, alpha=0.5)),
        Wrong("β = 1/η", left=lambda value: _parabola(value, beta=0.5)),
        Wrong("ζ = λ", left=lambda value: bool(
            float(value.sharpness) ** 2 - value.alpha * float(value.sharpness) - value.beta <= 0)),
    ),
    tolerance=YES_OR_NO,
)


def _few_numbers() -> Iterator[Instance]:
    """Those that sympy computes with."""
    return islice(_numbers(), 16)


def _roots(value: Numbers, sign: float = 1.0) -> Array:
    root = np.sqrt(value.alpha**2 + sign * 4 * value.beta + 0j).real
    return np.array([value.alpha - root, value.alpha + root]) / 2


def _companion(value: Numbers) -> Array:
    return np.sort(np.roots([1, -value.alpha, -value.beta]))


def _by_product(value: Numbers) -> Array:
    """The root away from 0 by bisection of the parabola, the other one by their product -β."""
    low, high = 0.0, value.alpha + np.sqrt(value.beta) + 1
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if middle**2 - value.alpha * middle - value.beta <= 0 else (low, middle)
    return np.array([-value.beta / high, high])


S73 = Claim(
    equation="S73",
    says="The two roots of the parabola",
    tex=r"\zeta_{1,2} = \frac{\alpha \pm \sqrt{\alpha^2 + 4\beta}}2",
    relation="=",
    instances=_numbers,
    left=_roots,
    right={"eigenvalues of the companion matrix": _companion, "bisection, and the product": _by_product},
    wrong=(
        Wrong("α² - 4β", left=lambda value: _roots(value, -1.0)),
        Wrong("not halved", left=lambda value: 2 * _roots(value)),
        Wrong("α² + β", left=lambda value: _roots(value, 0.25)),
    ),
    tolerance=Tolerance(1e-11, why="two terms of one size cancel in the smaller root, and leave 1e-3 of them"),
)


def _below_root(value: Numbers, which: int = 1) -> bool:
    return bool(np.sqrt(float(value.sharpness)) <= _roots(value)[which])


S74 = Claim(
    equation="S74",
    says="For ζ at least 0 the parabola is not above 0 exactly up to its larger root",
    tex=r"\zeta^2 - \alpha\zeta - \beta \le 0 \iff \zeta \le \frac{\alpha + \sqrt{\alpha^2 + 4\beta}}2"
        r" \quad (\zeta \ge 0)",
    relation="=",
    instances=_numbers,
    left=_below_root,
    right={"30 digits": _in_thirty_digits, "squared, in fractions": _squared},
    wrong=(
        Wrong("up to the smaller root", left=lambda value: _below_root(value, 0)),
        Wrong("up to √β", left=lambda value: bool(float(value.sharpness) <= value.beta)),
        Wrong("up to α + √β", left=lambda value: bool(
            np.sqrt(float(value.sharpness)) <= value.alpha + np.sqrt(value.beta))),
    ),
    tolerance=YES_OR_NO,
)


def _excess(value: Numbers) -> float:
    """3C²p/n + C√(3(p/n)(3C²p/n + 2/η)), what the print adds to 2/η."""
    square = 3 * float(value.entry) ** 2 * value.most / value.samples
    return square + np.sqrt(square * (square + value.beta))


def _closed(value: Numbers, times: float = 2.0) -> float:
    """2/η and so many times the printed excess."""
    return value.beta + times * _excess(value)


def _root_squared(value: Numbers) -> float:
    return float(_companion(value)[-1] ** 2)


def _symbolic(value: Numbers) -> float:
    """The square of the root that sympy finds, to 30 digits."""
    alpha, beta, found = symbolic.larger_root_squared()
    numbers = {alpha: 2 * sympy.sqrt(sympy.Rational(3 * value.most, value.samples)) * sympy.Rational(str(value.entry)),
               beta: 2 / sympy.Rational(str(value.eta))}
    return float(sympy.N(found.subs(numbers), 30))


S75 = Claim(
    equation="S75",
    says="The square of the larger root, with twice the printed excess over 2/η",
    tex=r"\Bigl(\tfrac{\alpha + \sqrt{\alpha^2 + 4\beta}}2\Bigr)^{\!2} = \tfrac2\eta + \tfrac{6C^2 p}n"
        r" + 2C \sqrt{\tfrac{3p}n \bigl(\tfrac{3C^2 p}n + \tfrac2\eta\bigr)}",
    relation="=",
    instances=_few_numbers,
    left=_closed,
    right={"the largest root of the parabola, squared": _root_squared, "sympy's root, to 30 digits": _symbolic,
           "the library's": lambda value: float(strong.ceiling(float(value.eta), float(value.alpha)))},
    wrong=(
        Wrong("as printed: half the excess", left=lambda value: _closed(value, 1.0)),
        Wrong("the root, not squared", left=lambda value: np.sqrt(_closed(value))),
        Wrong("only the term with the root is doubled", left=lambda value: _closed(value)
              - 3 * float(value.entry) ** 2 * value.most / value.samples),
    ),
)


def _half_of_the_rest(value: Numbers) -> float:
    return (_root_squared(value) - 1) / 2


S75_HALVED = Claim(
    equation="S75",
    part="halved",
    says="Subtract 1 and halve: then the printed excess is the right correction, of the bound on the integral",
    tex=r"\tfrac12 \Bigl[\Bigl(\tfrac{\alpha + \sqrt{\alpha^2 + 4\beta}}2\Bigr)^{\!2} - 1\Bigr] ="
        r" \tfrac1\eta - \tfrac12 + \tfrac{3C^2 p}n + C \sqrt{\tfrac{3p}n \bigl(\tfrac{3C^2 p}n + \tfrac2\eta\bigr)}",
    relation="=",
    instances=_few_numbers,
    left=lambda value: value.beta / 2 - 0.5 + _excess(value),
    right={"the root of the parabola": _half_of_the_rest,
           "sympy's root, to 30 digits": lambda value: (_symbolic(value) - 1) / 2},
    wrong=(
        Wrong("half of it", left=lambda value: value.beta / 2 - 0.5 + _excess(value) / 2),
        Wrong("twice as much", left=lambda value: value.beta / 2 - 0.5 + 2 * _excess(value)),
        Wrong("the -½ forgotten", left=lambda value: value.beta / 2 + _excess(value)),
    ),
)


def _exact_ceiling(case: Case, times: float = 1.0) -> float:
    alpha = 2 * perturbation.widest_gap(case.net, case.data) / case.data.n**0.5
    return float(strong.ceiling(case.eta, times * alpha))


def _ladder(case: Case) -> Array:
    """The sharpest mode, 2/η, and the corrected bound with the exact distance of the modes."""
    return np.array([_sharpest(case), 2 / case.eta, _exact_ceiling(case)])


S75_LADDER = Claim(
    equation="S75",
    part="the ladder",
    says="Where V = ℝⁿ: sharpest mode, 2/η, corrected with the modes' exact distance, corrected with C and p, in order",
    tex=r"V = \mathbb R^n: \quad \lambda_{\max}^{\mathrm{upper}} \le \frac2\eta \le \Bigl(\tfrac{\alpha'"
        r" + \sqrt{\alpha'^2 + 4\beta}}2\Bigr)^{\!2} \le \Bigl(\tfrac{\alpha"
        r" + \sqrt{\alpha^2 + 4\beta}}2\Bigr)^{\!2}, \quad"
        r" \alpha' = \tfrac{2}{\sqrt n} \max \|\Phi_m - \Phi_{m'}\|",
    relation="<=",
    instances=lambda: (each for each in _strongly_stable(0.5, 1.0) if _fits_all(each.value)),
    left=_ladder,
    right={"one rung up": lambda case: np.append(_ladder(case)[1:], float(
        strong.ceiling(case.eta, strong.paper_alpha(case.net, case.data))))},
    wrong=(
        Wrong("twenty times the modes' distance",
              left=lambda case: np.append(_ladder(case)[:2], _exact_ceiling(case, 20.0))),
        Wrong("the rungs reversed", left=lambda case: _ladder(case)[::-1]),
        Wrong("at any step size", instances=lambda: _strongly_stable(3.0)),
        Wrong("V is smaller", instances=_with_a_sharper_mode),
    ),
    attack=ALLOWED_STEPS,
)


# ---- IX.1: shift the output bias ---------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Shift:
    """A start beside a critical point: by how much the output bias is shifted, and the batches of the step."""

    case: Case
    by: float
    batch: int = 0

    @property
    def start(self) -> Network:
        return strong.bias_shifted(self.case.net, self.by)


def _off_zero_loss() -> Iterator[tuple[str, Case]]:
    """Critical points of positive loss: the line of least squares, and a network that is silent on all samples."""
    for seed in range(3):
        data = Dataset.random(np.random.default_rng(seed), n=6, label_scale=0.5)
        slope, height = np.polyfit(data.x, data.y, 1)
        active = Network([1.0], [5.0], [slope], height - 5 * slope)
        yield f"the line of least squares, seed {seed}", Case(active, data)
        silent = Network([1.0, -1.0], [-5.0, -5.0], [0.5, 2.0], data.y.mean())
        yield f"silent on all samples, at the mean label, seed {seed}", Case(silent, data)


def _shifts() -> Iterator[Instance]:
    """Minima that descent found, random networks at kinks, and critical points; shifts of all sizes."""
    for which, (name, case) in enumerate(chain(_found(1), _random(6), _off_zero_loss())):
        by, eta = (1e-3, -1.0, 300.0)[which % 3], (0.05, 0.7)[which % 2]
        yield Instance(f"{name}, ε = {by:g}, η = {eta}", None, Shift(replace(case, eta=eta), by))


def _off_critical() -> Iterator[Instance]:
    """The missing hypothesis: labels that f misses, so that there is a gradient at θ*."""
    for seed in range(4):
        case = kinked(seed)
        missed = Dataset(case.data.x, case.data.y + np.random.default_rng(seed).standard_normal(case.data.n))
        yield Instance(f"labels missed, seed {seed}", seed, Shift(Case(case.net, missed, 0.7), -1.0))


def _growth(value: Shift) -> float:
    """1 - 2η + η²‖ḡ‖²."""
    case = value.case
    return float(1 - 2 * case.eta + case.eta**2 * np.sum(strong.mean_gradient(case.net, case.data) ** 2))


def _real_growth(value: Shift) -> float:
    """‖θ_1 - θ*‖²/ε² of a step with autograd's gradient of the loss."""
    moved = value.start.vector - value.case.eta * autodiff.gradient(value.start, value.case.data)
    return float(np.sum((moved - value.case.net.vector) ** 2) / value.by**2)


def _exact_growth(value: Shift) -> float:
    """The same in fractions; the gradient neuron by neuron, without the library."""
    theta, x, y = (exact(each) for each in (value.start.vector, value.case.data.x, value.case.data.y))
    pattern = _silent_at_kinks(value.case)
    residuals = exact_output(theta, x, pattern) - y
    moved = theta - Fraction(value.case.eta) * _gradients(theta, x, pattern) @ residuals / len(x)
    return float(((moved - exact(value.case.net.vector)) ** 2).sum() / Fraction(value.by) ** 2)


def _silent_at_kinks(case: Case) -> NDArray[np.bool_]:
    """I at θ*, shape (n, k); a knot counts as on a sample where the pre-activation rounds to 0."""
    return np.outer(case.data.x, case.net.w1) + case.net.b1 > 0


def _gradients(theta: NDArray, x: NDArray, pattern: NDArray) -> NDArray:
    """∇φ(x_j), shape (3k+1, n), in the numbers that it is given: of a machine, or fractions."""
    w1, b1, w2 = theta[:-1].reshape(3, -1)
    active = np.where(pattern.T, 1, 0)
    z = (np.outer(w1, x) + b1[:, None]) * active
    return np.vstack([w2[:, None] * active * x, w2[:, None] * active, z, np.ones((1, len(x)), dtype=int)])


def _toggled_growth(value: Shift) -> float:
    """With the neurons at kinks counted as active."""
    case = value.case
    mean = strong.mean_gradient(case.net, case.data, case.net.preactivation(case.data.x) >= 0)
    return float(1 - 2 * case.eta + case.eta**2 * np.sum(mean**2))


def _eigenvalue_growth(value: Shift) -> float:
    """As if the start were a top eigenvector: (1 - ηλ)²."""
    columns = autodiff.features(value.case.net, value.case.data.x)
    return float((1 - value.case.eta * np.linalg.norm(columns, 2) ** 2 / value.case.data.n) ** 2)


IX_SHIFT = Claim(
    equation="IX.1",
    says="One step of descent from a shifted output bias, at any critical point, knots on samples or not",
    tex=r"\theta_0 = \theta^* + \varepsilon\, \partial_{b^{(2)}} \implies"
        r" \|\theta_1 - \theta^*\|^2 = \varepsilon^2 \bigl(1 - 2\eta + \eta^2 \|\bar g\|^2\bigr)",
    relation="=",
    instances=_shifts,
    left=_growth,
    right={"a step with autograd's gradient": _real_growth, "a step in fractions": _exact_growth},
    wrong=(
        Wrong("no term -2η", left=lambda value: _growth(value) + 2 * value.case.eta),
        Wrong("the sharpness in place of the mean gradient", left=_eigenvalue_growth),
        Wrong("neurons at kinks count as active", left=_toggled_growth),
        Wrong("no critical point", instances=_off_critical),
    ),
    tolerance=Tolerance(1e-6, why="labels of 1 beside shifts of 1e-3, and lines of least squares solved to 1e-12"),
)


def _stochastic() -> Iterator[Instance]:
    for which, (name, case) in enumerate(chain(_found(2), _random(6))):
        batch = 1 + which % (case.data.n - 1) if case.data.n < 8 else (1, 9)[which]
        yield Instance(f"{name}, {batch} of {case.data.n} samples", None, Shift(replace(case, eta=0.4), 0.5, batch))


def _mean_and_square(value: Shift, share: float | None = None) -> Array:
    """‖E u_1‖² and E‖u_1‖², in units of ε²."""
    case, n, b = value.case, value.case.data.n, value.batch
    phi, eta = autodiff.features(case.net, case.data.x), value.case.eta
    p = (n - b) / (b * (n - 1)) if share is None else share
    full, each = np.sum(phi.mean(axis=1) ** 2), np.mean(np.sum(phi**2, axis=0))
    return 1 - 2 * eta + eta**2 * np.array([full, (1 - p) * full + p * each])


def _by_formula(value: Shift) -> Array:
    case = value.case
    return np.array([strong.bias_shift_growth(case.net, case.data, case.eta),
                     strong.bias_shift_growth(case.net, case.data, case.eta, value.batch)])


def _every_batch(value: Shift) -> Array:
    """Real steps with the gradient of each batch, in fractions, and their means."""
    theta, x, y = (exact(each) for each in (value.start.vector, value.case.data.x, value.case.data.y))
    pattern = _silent_at_kinks(value.case)
    columns, residuals = _gradients(theta, x, pattern), exact_output(theta, x, pattern) - y
    here, eta = exact(value.case.net.vector), Fraction(value.case.eta)
    ends = []
    for batch in combinations(range(len(x)), value.batch):
        chosen = list(batch)
        ends.append(theta - eta * columns[:, chosen] @ residuals[chosen] / value.batch - here)
    mean = sum(ends) / len(ends)
    squares = sum((end**2).sum() for end in ends) / len(ends)
    return np.array([float((mean**2).sum()), float(squares)]) / value.by**2


IX_BATCHES = Claim(
    equation="IX.1",
    part="batches",
    says="A step on a random batch of B samples: the square of the mean distance, and the mean square",
    tex=r"\|\mathbb E u_1\|^2 = \varepsilon^2(1 - 2\eta + \eta^2\|\bar g\|^2), \quad \mathbb E\|u_1\|^2 ="
        r" \varepsilon^2 \bigl(1 - 2\eta + \eta^2 \bigl[(1-p)\|\bar g\|^2"
        r" + \tfrac pn \textstyle\sum_j \|\nabla f(x_j)\|^2\bigr]\bigr), \quad p = \tfrac{n-B}{B(n-1)}",
    relation="=",
    instances=_stochastic,
    left=_by_formula,
    right={"every batch, in fractions": _every_batch, "the formula with autograd's gradients": _mean_and_square},
    wrong=(
        Wrong("p = 1/B, as with replacement", left=lambda value: _mean_and_square(value, 1 / value.batch)),
        Wrong("no noise in the mean square", left=lambda value: _mean_and_square(value, 0.0)),
        Wrong("p of single samples", left=lambda value: _mean_and_square(value, 1.0)),
    ),
    tolerance=Tolerance(1e-9, why="residuals of 1e-16 beside a shift of 0.5, and gradients of size 30"),
)


# ---- IX.1: no correction -----------------------------------------------------------------------------------------


def _everywhere() -> Iterator[Instance]:
    """Random networks, some with knots on samples or neurons without a threshold, and minima that descent found."""
    for each in chain(random_cases(8, k=6, n=5), degenerate_cases()):
        yield Instance(each.label, each.seed, each.value.interpolating())
    for name, case in chain(_found(), _random(6)):
        yield Instance(name, None, case)


def _integral(case: Case) -> float:
    return smoothness.weighted_norm(case.net, case.data)


def _bent(case: Case) -> float:
    """1 + 2∫|f''| g."""
    return 1 + 2 * _integral(case)


def _mean_square(case: Case) -> float:
    """‖ḡ‖² with autograd's gradients, whose σ'(0) is 0."""
    return float(np.sum(autodiff.features(case.net, case.data.x).mean(axis=1) ** 2))


def _neurons_moved(vector: Array, case: Case) -> Case | None:
    shift, power = vector
    if max(abs(shift), abs(power)) > 3:
        return None
    size = np.hypot(case.net.w1, case.net.b1) + 1e-6
    factors = np.exp(shift) * ((np.abs(case.net.w2) + 1e-6) / size) ** power
    return Case(case.net.rescale(factors), case.data).interpolating()


def _at_the_corner() -> Iterator[Instance]:
    """The data of chapter V on which the bound fails for a neuron that counts as active on its own knot."""
    for scale in (0.5, 1.0):
        corner = Network([scale / 16], [scale / 16], [3 * scale / 32], 0)
        yield Instance(f"−5, −1, 3, times {scale}", None, Case(corner, Dataset([-5, -1, 3], [0, 0, 0])).interpolating())


def _mean_square_toggled(case: Case) -> float:
    return float(np.sum(strong.mean_gradient(case.net, case.data, case.net.preactivation(case.data.x) >= 0) ** 2))


IX_BOUND = Claim(
    equation="IX.1",
    part="the function",
    says="The mean gradient is at least as large as the function asks, in the network's own pattern",
    tex=r"1 + 2\int |f''|\, g \;\le\; \|\bar g\|^2",
    relation="<=",
    instances=lambda: chain(_everywhere(), _at_the_corner()),
    left=_bent,
    right={"autograd's mean gradient": _mean_square},
    wrong=(
        Wrong("neurons at kinks count as active", right=_mean_square_toggled),
        Wrong("4 in place of 2", left=lambda case: 1 + 4 * _integral(case)),
        Wrong("no square", right=lambda case: np.sqrt(_mean_square(case))),
    ),
    attack=Attack(start=lambda case: [0.0, 0.0], build=_neurons_moved, steps=60),
)


def _allowance(case: Case) -> float:
    return 1 / case.eta - 0.5


def _returning() -> Iterator[Instance]:
    """The missing hypothesis: chapter V's corner at a step size at which descent returns, but not in every step."""
    corner = Network([1 / 16], [1 / 16], [3 / 32], 0)
    data = Dataset([-5, -1, 3], corner([-5, -1, 3]))
    yield Instance("−5, −1, 3 at 2/η = 1.01584", None, Case(corner, data, 2 / 1.01584))


IX_THEOREM = Claim(
    equation="IX.1",
    part="no correction",
    says="Strongly stable: Theorem 1's inequality holds with knots on samples too",
    tex=r"\int |f''|\, g \;\le\; \frac1\eta - \frac12",
    relation="<=",
    instances=lambda: chain(_strongly_stable(0.5, 1.0), _corner_at_its_edge()),
    left=_integral,
    right={"1/η - ½": _allowance},
    wrong=(
        Wrong("not strongly stable, though descent returns", instances=_returning),
        Wrong("1/(2η) - ½", right=lambda case: 0.5 / case.eta - 0.5),
        Wrong("the integral doubled", left=lambda case: 2 * _integral(case)),
    ),
    attack=ALLOWED_STEPS,
)


def _corner_at_its_edge() -> Iterator[Instance]:
    for each in _at_the_corner():
        yield Instance(each.label, None, replace(each.value, eta=2 / _sharpest(each.value)))


# ---- IX.2: Lemma 3 is exact ----------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Beside:
    """A minimum of zero loss, the pattern of one of its modes, and residuals that the second layer alone can make.

    ``move`` is the displacement by the second layer that makes them, of length 10⁻⁶, and a far smaller one of the first
    layer into the mode.
    """

    case: Case
    pattern: NDArray[np.bool_]
    residuals: Array
    move: Array


def _besides() -> Iterator[Instance]:
    for which, (name, case) in enumerate(chain(_found(2), _random(4), _narrow())):
        here, rng = modes.adjacent(case.net, case.data), np.random.default_rng(which)
        values = strong.second_layer(case.net, case.data.x)
        for mode in (0, here.count - 1):
            residuals = values @ rng.standard_normal(values.shape[1])
            start = strong.second_layer_start(case.net, case.data.x, residuals)
            move = 1e-6 * start / np.linalg.norm(start) + 1e-12 * here.toward(mode)
            yield Instance(f"{name}, mode {mode}", which,
                           Beside(replace(case, eta=0.3), here.pattern(mode), residuals, move))


def _narrow() -> Iterator[tuple[str, Case]]:
    yield "two neurons on five samples", narrow()


def _change(value: Beside, pattern: NDArray | None = None) -> float:
    """η dᵀK_m d/‖d‖² - 2, with K_m = ΦᵀΦ/n."""
    pattern, d = value.pattern if pattern is None else pattern, value.residuals
    phi = autodiff.features(value.case.net, value.case.data.x, pattern)
    return float(value.case.eta * np.sum((phi @ d) ** 2) / value.case.data.n / (d @ d) - 2)


def _stepped(value: Beside) -> float:
    """(‖u_1‖² - ‖u_0‖²)/(2ηL) of a real step with autograd's gradient."""
    case, u = value.case, value.move
    there = Network.from_vector(case.net.vector + u)
    step = case.eta * autodiff.gradient(there, case.data)
    return float((step @ step - 2 * step @ u) / (2 * case.eta * autodiff.loss(there.vector, case.data)))


def _stepped_in_fractions(value: Beside) -> float:
    case, u = value.case, exact(value.move)
    x, eta = exact(case.data.x), Fraction(case.eta)
    theta = exact(case.net.vector) + u
    z = np.outer(case.data.x, theta[: case.net.k].astype(float)) + theta[case.net.k : 2 * case.net.k].astype(float)
    residuals = exact_output(theta, x, z > 0) - exact(case.data.y)
    step = eta * _gradients(theta, x, z > 0) @ residuals / len(x)
    return float((step @ step - 2 * step @ u) * len(x) / (eta * (residuals @ residuals)))


IX_SECOND = Claim(
    equation="IX.2",
    part="one step",
    says="A second-layer start with residuals d, a hair inside mode m: one step's change of the squared distance",
    tex=r"\frac{\|u_1\|^2 - \|u_0\|^2}{2\eta\mathcal L} \to \eta\, \frac{d^\top K_m d}{\|d\|^2} - 2",
    relation="=",
    instances=_besides,
    left=_change,
    right={"a step with autograd's gradient": _stepped, "a step in fractions": _stepped_in_fractions},
    wrong=(
        Wrong("the network's own mode", left=lambda value: _change(
            value, value.case.net.pattern(value.case.data.x))),
        Wrong("the mode's sharpness", left=lambda value: float(value.case.eta * np.linalg.norm(
            _gradients(value.case.net.vector, value.case.data.x, value.pattern), 2) ** 2 / value.case.data.n - 2)),
        Wrong("no -2", left=lambda value: _change(value) + 2),
    ),
    tolerance=Tolerance(1e-4, why="a start of length 1e-6 changes features by as much; labels are rounded to 1e-16"),
)


@dataclass(frozen=True, eq=False)
class Meeting:
    """A minimum and a step size; the patterns of all its modes, and for each a displacement into it."""

    case: Case
    patterns: tuple[NDArray[np.bool_], ...]
    toward: tuple[Array, ...]

    @classmethod
    def at(cls, case: Case, share: float, edge: float | None = None) -> Meeting:
        """At this share of 2/λ of the sharpest mode, or of another edge."""
        here = modes.adjacent(case.net, case.data)
        eta = share * (2 / _sharpest(case) if edge is None else edge)
        return cls(replace(case, eta=eta), tuple(here), tuple(map(here.toward, range(here.count))))


def _around_the_edge() -> Iterator[Instance]:
    """V = ℝⁿ; step sizes on both sides of 2/λ of the sharpest mode."""
    for name, case in chain(_found(2), _random(7)):
        for share in (0.99, 1.001) if _fits_all(case) else ():
            yield Instance(f"{name}, η at {share} of the largest", None, Meeting.at(case, share))


def _without_rank() -> Iterator[Instance]:
    yield Instance("two neurons on five samples, 2/η = 1.46", None, Meeting.at(narrow(), 1, 2 / 1.46))


def _flat_enough(value: Meeting, which: slice = slice(None), worst: bool = True) -> bool:
    """λ_max ≤ 2/η of the modes at these places, the sharpest or the flattest of them."""
    x, n = value.case.data.x, value.case.data.n
    found = [np.linalg.norm(tangent.features(value.case.net, x, each), 2) ** 2 / n for each in value.patterns[which]]
    return bool((max(found) if worst else min(found)) <= 2 / value.case.eta)


def _leaves(case: Case, u: Array) -> bool:
    """Whether a step with autograd's gradient from θ* + u leads farther from θ*."""
    there = Network.from_vector(case.net.vector + u)
    return bool(np.linalg.norm(u - case.eta * autodiff.gradient(there, case.data)) > np.linalg.norm(u))


def _from_the_second_layer(value: Meeting) -> bool:
    """No step leaves from a second-layer start with the top residuals of a mode, a hair inside that mode."""
    case, first = value.case, 2 * value.case.net.k
    own = _gradients(case.net.vector, case.data.x, _silent_at_kinks(case))[first:]
    for pattern, toward in zip(value.patterns, value.toward, strict=True):
        columns = _gradients(case.net.vector, case.data.x, pattern)
        change = np.linalg.lstsq(own.T, np.linalg.eigh(columns.T @ columns)[1][:, -1], rcond=None)[0]
        second = np.concatenate([np.zeros(first), 1e-6 * change / np.linalg.norm(change)])
        if _leaves(case, second + 1e-11 * toward):
            return False
    return True


def _from_flat_directions(value: Meeting) -> bool:
    """No step leaves from the top eigenvector of a mode, taken into it by a move that no residual of the mode feels."""
    case, k = value.case, value.case.net.k
    for pattern, toward in zip(value.patterns, value.toward, strict=True):
        columns = _gradients(case.net.vector, case.data.x, pattern)
        top = np.linalg.svd(columns, full_matrices=False)[0][:, 0]
        first = np.tile((np.outer(case.data.x, case.net.w1) + case.net.b1 == 0).any(axis=0), 3)
        first = np.append(first & (np.arange(3 * k) < 2 * k), False)  # w1 and b1 of the neurons at kinks
        flat = np.where(first, 0.01 * toward - top, 0.0)
        flat[~first] = np.linalg.lstsq(columns[~first].T, -columns[first].T @ flat[first], rcond=None)[0]
        if _leaves(case, 1e-6 * (top + flat)):
            return False
    return True


IX_EXACT = Claim(
    equation="IX.2",
    says="Where the second layer can do anything, strongly stable means: no mode is sharper than 2/η",
    tex=r"V = \mathbb R^n: \quad \text{strongly stable} \iff \max_m \lambda_{\max}(H_m) \le \frac2\eta",
    relation="=",
    instances=_around_the_edge,
    left=_flat_enough,
    right={"steps from second-layer starts": _from_the_second_layer,
           "steps from beside flat directions": _from_flat_directions},
    wrong=(
        Wrong("the network's own mode only", left=lambda value: _flat_enough(value, slice(1))),
        Wrong("the flattest mode", left=lambda value: _flat_enough(value, worst=False)),
        Wrong("V is smaller", instances=_without_rank),
    ),
    tolerance=YES_OR_NO,
)


# ---- IX.3: stable, and every mode too sharp ------------------------------------------------------------------------

KINK = OneKink()


@dataclass(frozen=True, eq=False)
class Mixture:
    """(1 - t) H_0 + t H_1 of the two modes of the one neuron."""

    share: float

    @property
    def hessian(self) -> Array:
        """Shape (4, 4)."""
        silent, active = (KINK.hessian(mode).astype(float) for mode in (False, True))
        return (1 - self.share) * silent + self.share * active


def _mixtures() -> Iterator[Instance]:
    for share in np.linspace(0, 1, 41):
        yield Instance(f"share {share:.3g} of the active mode", None, Mixture(float(share)))


def _sharpness_of_mixture(value: Mixture) -> float:
    return float(np.linalg.eigvalsh(value.hessian)[-1])


def _along_one_vector(value: Mixture) -> float:
    """qᵀHq/qᵀq of a fixed q, in fractions: both modes have the same number up to 10⁻³."""
    q = np.array([Fraction(each) for each in (-77, -22, -29, -52)], dtype=object)
    share = Fraction(value.share)
    mixed = (1 - share) * KINK.hessian(False) + share * KINK.hessian(True)
    return float(q @ mixed @ q / (q @ q))


def _tops() -> list[float]:
    """λ_max of both modes, from the features."""
    return [np.linalg.norm(KINK.features(mode).astype(float), 2) ** 2 / 2 for mode in (False, True)]


IX_MIXTURES = Claim(
    equation="IX.3",
    part="too sharp",
    says="Both modes of the one neuron, and all their mixtures, are sharper than 2/η = 2, along one vector",
    tex=r"\lambda_{\max}\bigl((1-t) H_0 + t H_1\bigr) \ge \frac{q^\top((1-t) H_0 + t H_1)\, q}{\|q\|^2} > 2 ,"
        r" \quad q = (-77, -22, -29, -52)",
    relation=">=",
    instances=_mixtures,
    left=_sharpness_of_mixture,
    right={"along q, in fractions": _along_one_vector,
           "above 2": lambda value: 2 + 1e-2},
    wrong=(
        Wrong("the flatter mode's sharpness", right=lambda value: min(_tops())),
        Wrong("the mean of both", right=lambda value: float(np.mean(_tops()))),
        Wrong("an eigenvalue below the largest", left=lambda value: float(np.linalg.eigvalsh(value.hessian)[-2])),
    ),
    attack=Attack(start=lambda value: [value.share], steps=30,
                  build=lambda vector, value: Mixture(float(vector[0])) if 0 <= vector[0] <= 1 else None),
)


@dataclass(frozen=True, eq=False)
class Point:
    """A displacement by its three coordinates, beside the vertices of the polytope, shape (V, 3)."""

    at: Array
    corners: NDArray
    step: Fraction = KINK.eta

    @property
    def row(self) -> NDArray:
        """In fractions, shape (1, 3)."""
        return exact(self.at)[None]


@lru_cache
def _normals() -> NDArray:
    return polytopes.faces(polytopes.certificate())[0]


def _points() -> Iterator[Instance]:
    """Vertices, points by the plane between the modes, and random ones; three step sizes."""
    corners, rng = polytopes.certificate(), np.random.default_rng(0)
    _, edges = polytopes.faces(corners)
    crossing = polytopes.crossings(KINK, corners, edges)
    steps = Fraction(99, 100), Fraction(999, 1000), Fraction(1)
    for which, point in enumerate(chain(corners, crossing)):
        yield Instance(f"vertex or crossing {which}", None, Point(point.astype(float), corners))
    for seed in range(12):
        yield Instance(f"random point {seed}", 0, Point(rng.standard_normal(3), corners, steps[seed % 3]))


def _gauge(points: NDArray) -> float:
    """max n·c over the faces, in fractions."""
    return float((points @ _normals().T).max())


def _gauge_after(value: Point) -> float:
    return _gauge(replace(KINK, eta=value.step).step(value.row))


def _gauge_in_mode(value: Point, active: bool) -> float:
    return _gauge(value.row @ KINK.matrix(active).T)


def _by_combination(value: Point) -> float:
    """The least sum of weights that make the point of vertices, by linear programming."""
    corners = value.corners.astype(float)
    return float(linprog(np.ones(len(corners)), A_eq=corners.T, b_eq=value.at).fun)


IX_GAUGE = Claim(
    equation="IX.3",
    part="one step",
    says="A step never raises the gauge of the polytope: it is mapped into itself",
    tex=r"p(Tu) \le p(u), \quad p(u) = \min\{ r \ge 0 : u \in rP \}",
    relation="<=",
    instances=_points,
    left=_gauge_after,
    right={"the vertices' combination of least weight": _by_combination},
    wrong=(
        Wrong("always in the silent mode", left=lambda value: _gauge_in_mode(value, False)),
        Wrong("always in the active mode", left=lambda value: _gauge_in_mode(value, True)),
        Wrong("η = 1.05", left=lambda value: _gauge(OneKink(eta=Fraction(21, 20)).step(value.row))),
        Wrong("one percent less each time", right=lambda value: 0.99 * _by_combination(value)),
    ),
    tolerance=Tolerance(1e-8, why="the linear programme is solved to 1e-9; crossings are rounded to either side"),
    attack=Attack(start=lambda value: value.at, build=lambda vector, value: replace(value, at=vector)
                  if np.abs(vector).max() > 1e-3 else None, steps=60),
)


@dataclass(frozen=True, eq=False)
class Starts:
    """A network of one neuron at zero loss, step size 1, and displaced starts at the distance 10⁻⁵, shape (N, 4)."""

    net: Network
    data: Dataset
    starts: Array
    steps: int = 200

    @property
    def length(self) -> Array:
        """The distances at the start."""
        return np.linalg.norm(self.starts, axis=1)


def _neurons() -> Iterator[Instance]:
    """The one neuron; and the same with its knot moved off the sample, to either side."""
    for seed in range(3):
        starts = np.random.default_rng(seed).standard_normal((12, 4))
        starts *= 1e-5 / np.linalg.norm(starts, axis=1)[:, None]
        for name, nudge in (("on the sample", 0.0), ("to its left", 1e-3), ("to its right", -1e-3)):
            net = Network(KINK.net.w1, KINK.net.b1 + nudge, KINK.net.w2, 0)
            yield Instance(f"knot {name}, starts {seed}", seed,
                           Starts(net, Dataset(KINK.data.x, net(KINK.data.x)), starts))


def _distances(value: Starts) -> Array:
    """‖θ_t - θ*‖ of real descent, one row for each step, all starts at once; the gradient by hand."""
    theta, x, out = value.net.vector + value.starts, value.data.x, []
    for _ in range(value.steps):
        w1, b1, w2, b2 = theta.T[:, :, None]
        z = w1 * x + b1
        active, residual = z > 0, (w2 * np.maximum(z, 0) + b2 - value.data.y) / x.size
        pull = w2 * active * residual
        columns = ((pull * x).sum(1), pull.sum(1), (np.maximum(z, 0) * residual).sum(1), residual.sum(1))
        theta = theta - np.column_stack(columns)
        out.append(np.linalg.norm(theta - value.net.vector, axis=1))
    return np.array(out)


def _returns(value: Starts) -> bool:
    return bool((_distances(value)[-1] <= value.length).all())


def _by_autograd(value: Starts) -> bool:
    """The first of the starts, by autograd's gradient."""
    theta = value.net.vector + value.starts[0]
    for _ in range(value.steps):
        theta = theta - autodiff.gradient(Network.from_vector(theta), value.data)
    return bool(np.linalg.norm(theta - value.net.vector) <= np.linalg.norm(value.starts[0]))


def _by_modes(value: Starts) -> bool:
    """The switching system: I - H_m with the frozen gradients of the mode that each of four starts is in."""
    x, at = value.data.x, value.starts[:4]
    z = np.outer(x, value.net.w1) + value.net.b1
    for _ in range(value.steps):
        change = at[:, :1] * x + at[:, 1:2]
        patterns = np.where(z.T == 0, change > 0, z.T > 0)
        moved = []
        for row, pattern in zip(at, patterns, strict=True):
            columns = _gradients(value.net.vector, x, pattern[:, None])
            moved.append(row - columns @ (columns.T @ row) / x.size)
        at = np.array(moved)
    return bool((np.linalg.norm(at, axis=1) <= value.length[:4]).all())


IX_RETURNS = Claim(
    equation="IX.3",
    part="real descent",
    says="Descent returns to the one neuron from every start tried, and leaves when its knot is beside the sample",
    tex=r"\|\theta_{200} - \theta^*\| \le \|\theta_0 - \theta^*\| \iff \tau = x_1"
        r" \quad (\tau - x_1 \in \{0, \pm\tfrac1{100}\})",
    relation="=",
    instances=_neurons,
    left=_returns,
    right={"autograd, one start": _by_autograd, "the modes' own maps": _by_modes},
    wrong=(
        Wrong("in every step", left=lambda value: bool((_distances(value) <= value.length).all())),
        Wrong("after ten steps", left=lambda value: _returns(replace(value, steps=10))),
        Wrong("wherever the knot is", left=lambda value: bool(np.isfinite(_distances(value)[-1]).all())),
    ),
    tolerance=YES_OR_NO,
)
