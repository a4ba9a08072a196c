"""Chapter V: the gradient (S31, S32), and what the homogeneity of ReLU makes of it (the book's own V.1 to V.3)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from ledgerbook.claim import Attack, Claim, Instance, Tolerance, Wrong
from stableminima import autodiff, quotients, symbolic, tangent
from stableminima.network import Dataset, Network
from stableminima.runs import descent
from stableminima.runs.descent import Schedule, descend

from ..common import Array, exact, exact_output
from ..instances import Case, degenerate_cases, minima, random_case, random_cases

# ---- the order of the parameters -------------------------------------------------------------------------------


def _whole_networks() -> Iterator[Instance]:
    """Networks whose parameters are distinct whole numbers, none of them 0: everything about them is exact."""
    for seed in range(12):
        rng = np.random.default_rng(seed)
        k = 1 + seed % 6
        values = rng.permutation(np.arange(1, 3 * k + 2)) * rng.choice([-1, 1], 3 * k + 1)
        net = Network(*values[: 3 * k].reshape(3, k), values[-1])
        yield Instance(f"{k} neurons with whole numbers, seed {seed}", seed, net)


def _index_by_index(net: Network) -> Array:
    """θ filled entry by entry: the paper's places, counted from 0."""
    theta, k = np.zeros(3 * net.k + 1), net.k
    for i in range(k):
        theta[i], theta[k + i], theta[2 * k + i] = net.w1[i], net.b1[i], net.w2[i]
    theta[3 * k] = net.b2
    return theta


def _as_seen_in_f(net: Network) -> Array:
    """Every parameter read off f alone, by moving the entries of the vector one at a time.

    On its active side neuron i is w2_i (w1_i x + b1_i). So f answers a unit move of w2_i by the line w1_i x + b1_i,
    and one of b1_i by w2_i; b2 is what is left of f without the neurons. With [w1; b1; w2; b2] in another order the
    answers would be others.
    """
    k, theta, far = net.k, net.vector, 2.0**10
    w1, b1, w2 = np.zeros((3, k))
    for i in range(k):
        side = np.sign(theta[i])
        x = side * np.array([far, 2 * far])
        line = _answer(theta, 2 * k + i, x)
        w1[i], b1[i] = (line[1] - line[0]) / (side * far), 2 * line[0] - line[1]
        w2[i] = _answer(theta, k + i, x)[0]
    silent = np.concatenate([theta[: 2 * k], np.zeros(k), theta[3 * k :]])
    return np.concatenate([w1, b1, w2, Network.from_vector(silent)([0.0])])


def _answer(theta: Array, entry: int, x: Array) -> Array:
    """How f changes at x when one entry of the vector grows by 1."""
    moved = theta.copy()
    moved[entry] += 1
    return Network.from_vector(moved)(x) - Network.from_vector(theta)(x)


S31 = Claim(
    equation="S31",
    says="The parameters in one vector: θ = [w1; b1; w2; b2]",
    tex=r"\theta = [\,w^{(1)};\, b^{(1)};\, w^{(2)};\, b^{(2)}\,]",
    relation="=",
    instances=_whole_networks,
    left=lambda net: net.vector,
    right={"index by index": _index_by_index, "one entry moved at a time, seen in f": _as_seen_in_f},
    wrong=(
        Wrong("w2 before b1", left=lambda net: np.concatenate([net.w1, net.w2, net.b1, [net.b2]])),
        Wrong("neuron by neuron", left=lambda net: np.append(np.transpose([net.w1, net.b1, net.w2]), net.b2)),
        Wrong("b2 first", left=lambda net: np.roll(net.vector, 1)),
    ),
    tolerance=Tolerance(0, why="the parameters are small whole numbers and the inputs powers of two: nothing rounds"),
)

# ---- the gradient ----------------------------------------------------------------------------------------------


def _features(case: Case) -> Array:
    return tangent.features(case.net, case.data.x)


def _exact_difference_quotient(case: Case, step: Fraction = Fraction(1, 10**60)) -> Array:
    """(f(θ + he) - f(θ - he))/2h in exact rational arithmetic, for each parameter; exact while no kink is within h.

    A parameter moves one neuron, and the others cancel in the difference: so each is moved in a network of its own.
    """
    theta, x, k = exact(case.net.vector), exact(case.data.x), case.net.k
    rows = []
    for block, i in [divmod(p, k) for p in range(theta.size)]:
        up, down = theta[[i, k + i, 2 * k + i, 3 * k]], theta[[i, k + i, 2 * k + i, 3 * k]]
        up[block] += step
        down[block] -= step
        rows.append((exact_output(up, x) - exact_output(down, x)) / (2 * step))
    return np.array(rows, dtype=np.float64)


GRADIENT = r"\nabla_\theta f(x) = [\, x\, w^{(2)} \odot I;\, w^{(2)} \odot I;\, z \odot I;\, 1 \,]"

S32 = Claim(
    equation="S32",
    says="The gradient of the network's output in its parameters",
    tex=GRADIENT,
    relation="=",
    instances=lambda: chain(random_cases(20, k=7, n=5), minima(1)),
    left=_features,
    right={
        "autograd": lambda case: autodiff.features(case.net, case.data.x),
        "exact rational difference quotient": _exact_difference_quotient,
    },
    wrong=(
        Wrong("no indicator", left=lambda case: _without_indicator(case.net, case.data.x)),
        Wrong("blocks of w1 and b1 exchanged", left=lambda case: _exchange(_features(case))),
        Wrong("half the gradient", left=lambda case: _features(case) / 2),
    ),
    tolerance=Tolerance(1e-13, why="each entry is one product and one sum: a few roundings of 1e-16"),
)


def _without_indicator(net: Network, x: Array) -> Array:
    slope = np.repeat(net.w2[:, None], x.size, axis=1)
    return np.vstack([x * slope, slope, net.preactivation(x).T, np.ones(x.size)])


def _exchange(phi: Array) -> Array:
    k = len(phi) // 3
    return np.vstack([phi[k : 2 * k], phi[:k], phi[2 * k :]])


STEP = 1e-4


def _kink_within_the_step() -> Iterator[Instance]:
    """The same networks with one threshold moved next to a sample: a pre-activation of a tenth of the step."""
    for one in random_cases(10, k=7, n=5, kink_distance=1e-3):
        net, b1 = one.value.net, one.value.net.b1.copy()
        b1[0] = STEP / 10 - net.w1[0] * one.value.data.x[0]
        yield Instance(f"{one.label}, moved", one.seed, Case(Network(net.w1, b1, net.w2, net.b2), one.value.data))


def _complex_step(case: Case, step: float = 1e-200) -> Array:
    """Im f(θ + ihe)/h for each parameter: no difference, so no cancellation, and no real part that could switch."""
    columns = case.net.vector[:, None] + 1j * step * np.eye(case.net.vector.size)
    w1, b1, w2 = columns[:-1].reshape(3, case.net.k, -1)
    z = np.multiply.outer(case.data.x, w1) + b1
    return ((z * (z.real > 0) * w2).sum(axis=1) + columns[-1]).imag.T / step


def _unguarded(case: Case) -> Array:
    return quotients.unguarded_difference(case.net, case.data.x, STEP)


S32_DIFFERENCES = Claim(
    equation="S32",
    part="in floating point",
    says="The gradient by differences in floating point, kept away from every kink",
    tex=r"\tfrac{\partial f}{\partial\theta_p} = \tfrac{f(\theta + h e_p) - f(\theta - h e_p)}{2h}"
    r" \quad \text{no kink within } h",
    relation="=",
    instances=lambda: random_cases(10, k=7, n=5, kink_distance=1e-3),
    left=_features,
    right={
        "central differences": lambda case: quotients.central_difference(case.net, case.data.x, STEP),
        "complex step": _complex_step,
    },
    wrong=(
        Wrong("no guard, and a kink within the step", right=_unguarded, instances=_kink_within_the_step),
        Wrong("h in place of 2h", right=lambda case: 2 * _unguarded(case)),
        Wrong("x left out of the block of w1", left=lambda case: _without_x(_features(case))),
    ),
    tolerance={
        "central differences": Tolerance(1e-10, why="no truncation within a pattern; cancellation 1e-15/1e-4 = 1e-11"),
        "complex step": Tolerance(1e-13, why="no difference is taken: a few roundings of 1e-16"),
    },
)


def _without_x(phi: Array) -> Array:
    k = len(phi) // 3
    return np.vstack([phi[k : 2 * k], phi[k:]])


def with_slope_at_kinks(net: Network, x: Array, value: float) -> Array:
    """The closed form (S32) with σ'(0) = ``value`` in place of 0, shape (3k+1, n)."""
    return tangent.features(net, x, np.heaviside(net.preactivation(x), value))


S32_SYMBOLS = Claim(
    equation="S32",
    part="in symbols",
    says="The gradient by computer algebra, at thresholds on samples too",
    tex=GRADIENT + r" \quad \sigma'(0) = 0",
    relation="=",
    instances=lambda: chain(random_cases(4, k=3, n=4), degenerate_cases()),
    left=_features,
    right={
        "sympy, f in two pieces": lambda case: symbolic.features(case.net, case.data.x),
        "sympy, frozen pattern": lambda case: symbolic.frozen_features(case.net, case.data.x),
    },
    wrong=(
        Wrong("σ'(0) = 1", left=lambda case: with_slope_at_kinks(case.net, case.data.x, 1.0)),
        Wrong("σ'(0) = 1/2", left=lambda case: with_slope_at_kinks(case.net, case.data.x, 0.5)),
        Wrong("no indicator", left=lambda case: _without_indicator(case.net, case.data.x)),
    ),
    tolerance=Tolerance(1e-13, why="the oracles are exact; each entry is one product and one sum, rounded to 1e-16"),
)

# ---- the book's own: homogeneity and balance -------------------------------------------------------------------


def _blocks(gradient: Array) -> tuple[Array, Array, Array]:
    """The blocks of w1, b1 and w2."""
    first, bias, second = gradient[:-1].reshape(3, -1, *gradient.shape[1:])
    return first, bias, second


def _by_first_layer(case: Case, bias: float = 1) -> Array:
    """w1_i ∂f/∂w1_i + b1_i ∂f/∂b1_i for each neuron and sample, by autograd."""
    by_w1, by_b1, _ = _blocks(autodiff.features(case.net, case.data.x))
    return case.net.w1[:, None] * by_w1 + bias * case.net.b1[:, None] * by_b1


def _by_second_layer(case: Case) -> Array:
    return case.net.w2[:, None] * _blocks(autodiff.features(case.net, case.data.x))[2]


V_EULER = Claim(
    equation="V.1",
    says="The part of each neuron in f is w2 ∂f/∂w2, and also w1 ∂f/∂w1 + b1 ∂f/∂b1",
    tex=r"w^{(2)}_i \sigma(z_i) = w^{(2)}_i \tfrac{\partial f}{\partial w^{(2)}_i}"
    r" = w^{(1)}_i \tfrac{\partial f}{\partial w^{(1)}_i} + b^{(1)}_i \tfrac{\partial f}{\partial b^{(1)}_i}",
    relation="=",
    instances=lambda: chain(random_cases(10, k=7, n=5), degenerate_cases(), minima(1)),
    left=lambda case: (case.net.w2 * np.maximum(case.net.preactivation(case.data.x), 0)).T,
    right={"second layer, autograd": _by_second_layer, "first layer, autograd": _by_first_layer},
    wrong=(
        Wrong("no bias", right=lambda case: _by_first_layer(case, bias=0)),
        Wrong("both layers added", right=lambda case: _by_first_layer(case) + _by_second_layer(case)),
    ),
    tolerance=Tolerance(
        1e-13,
        scale=lambda case: np.abs(case.net.w2).max() * (np.abs(case.data.x).max() + 1)
        * max(np.abs(case.net.w1).max(), np.abs(case.net.b1).max()),
        why="next to a kink w1 x and b1 cancel: roundings of 1e-16 of the largest product",
    ),
)


def imbalance(net: Network) -> Array:
    """D_i = w2_i² - w1_i² - b1_i², shape (k,): 0 where the two layers of a neuron have equal norms."""
    return net.w2**2 - net.w1**2 - net.b1**2


def _steps() -> Iterator[Instance]:
    """Networks and step sizes: random ones, and states along a run of gradient descent."""
    for seed in range(9):
        eta = (0.01, 0.1, 1.0)[seed % 3]
        yield Instance(f"random network, seed {seed}, η = {eta:g}", seed, replace(random_case(seed, k=4, n=5), eta=eta))
    case, eta = random_case(9, k=10, n=6), 0.1
    for steps in (10, 100, 1000):
        net = descend(case.net, case.data, Schedule(eta), budget=steps, tolerance=0).net
        yield Instance(f"after {steps} steps of descent, η = {eta:g}", 9, Case(net, case.data, eta))


def _second_order(case: Case, bias: float = 1, first: float = -1, power: int = 2) -> Array:
    """η² ((∂L/∂w2_i)² - (∂L/∂w1_i)² - (∂L/∂b1_i)²)."""
    by_w1, by_b1, by_w2 = _blocks(tangent.gradient(case.net, case.data))
    return case.eta**power * (by_w2**2 + first * (by_w1**2 + bias * by_b1**2))


def _change_in_a_step(case: Case) -> Array:
    """The change of the imbalance in one step of the compiled descent, in floating point."""
    (after,) = descent.steps(case.net, case.data, case.eta, 1)
    return imbalance(after) - imbalance(case.net)


def _exact_change(case: Case) -> Array:
    """The same in rational arithmetic: the gradient by difference quotients of the loss, exact for a quadratic."""
    theta, x, y = (exact(part) for part in (case.net.vector, case.data.x, case.data.y))

    def loss(at: NDArray) -> Fraction:
        return sum((exact_output(at, x) - y) ** 2) / (2 * case.data.n)

    h, unit = Fraction(1, 10**60), np.array([[Fraction(int(p == q)) for p in range(theta.size)]
                                             for q in range(theta.size)])
    slope = np.array([(loss(theta + h * e) - loss(theta - h * e)) / (2 * h) for e in unit])
    before, after = _blocks(theta**2), _blocks((theta - Fraction(case.eta) * slope) ** 2)
    change = [new - old for new, old in zip(after, before, strict=True)]
    return np.array(change[2] - change[0] - change[1], dtype=np.float64)


def _largest_square(case: Case) -> float:
    return float(np.max(case.net.vector ** 2))


BALANCE = Tolerance(
    1e-14, scale=_largest_square, why="a difference of squares: a few roundings of 1e-16 of the largest"
)

V_STEP = Claim(
    equation="V.2",
    says="A step of descent changes w2² - w1² - b1² by η² times the same difference of squared gradients",
    tex=r"\Delta D_i = \eta^2 \bigl[ (\tfrac{\partial\mathcal L}{\partial w^{(2)}_i})^2 - "
    r"(\tfrac{\partial\mathcal L}{\partial w^{(1)}_i})^2 - (\tfrac{\partial\mathcal L}{\partial b^{(1)}_i})^2 \bigr]",
    relation="=",
    instances=_steps,
    left=_second_order,
    right={"compiled descent": _change_in_a_step, "exact rational step": _exact_change},
    wrong=(
        Wrong("no bias", left=lambda case: _second_order(case, bias=0)),
        Wrong("the sum of the squares", left=lambda case: _second_order(case, first=1)),
        Wrong("η in place of η²", left=lambda case: _second_order(case, power=1)),
    ),
    tolerance=BALANCE,
)


def _pull(case: Case, count: float | None = None) -> Array:
    """η²|a_i|² with a_i = (1/n) Σ_j r_j I_ji (x_j, 1), shape (k,)."""
    weighted = case.net.pattern(case.data.x) * case.net.residual(case.data)[:, None] / (count or case.data.n)
    return case.eta**2 * ((case.data.x @ weighted) ** 2 + weighted.sum(axis=0) ** 2)


def _aligned() -> Iterator[Instance]:
    """One neuron that sees a single sample with x = w1/b1: then (w1, b1) and a are parallel."""
    for second in (0.5, 1.0, 2.0, 3.0):
        case = Case(Network([2], [1], [second], 0), Dataset([2, -5], [1, 0]), eta=0.1)
        yield Instance(f"aligned, w2 = {second:g}", None, case)


V_BALANCE = Claim(
    equation="V.3",
    says="A step of descent changes the imbalance D of a neuron by at most -η²|a|² D",
    tex=r"\Delta D_i \le -\eta^2 \|a_i\|^2 D_i",
    relation="<=",
    instances=lambda: chain(_steps(), _aligned()),
    left=_change_in_a_step,
    right={"sums over the active samples": lambda case: -_pull(case) * imbalance(case.net)},
    wrong=(
        Wrong("twice the rate", right=lambda case: -2 * _pull(case) * imbalance(case.net)),
        Wrong("the imbalance grows", right=lambda case: _pull(case) * imbalance(case.net)),
        Wrong("sums in place of means", right=lambda case: -_pull(case, count=1.0) * imbalance(case.net)),
    ),
    tolerance=BALANCE,
    attack=Attack(
        start=lambda case: case.net.vector,
        build=lambda vector, case: replace(case, net=Network.from_vector(vector)),
        steps=100,
    ),
)
