"""Chapter X: Lemma 4 where the loss has a kink (S76–S79), and what holds in every mode and in some (X.1 to X.4)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import product

import numpy as np
from numpy.typing import NDArray

from ledgerbook.claim import Attack, Claim, Instance, Tolerance, Wrong
from stableminima import autodiff, modes, smoothness, tangent
from stableminima.network import Dataset, Network
from stableminima.runs import descent

from ..common import Array, weight_of_side
from ..instances import Case, networks, random_case, reversed_neurons, split, with_cancelling_pair

Pattern = NDArray[np.bool_]

# ---- what the claims are tested on -------------------------------------------------------------------------------

SAMPLES = ((-5.0, -1.0, 3.0), (-1.5, 0.0, 1.0), (-2.0, 1.0, 2.0, 4.0))


def one_neuron(x: tuple[float, ...], place: float, side: int = 1, second: float = 3 / 32) -> Case:
    """One neuron with its knot at ``place`` that opens to one side, on the samples ``x``, at zero loss."""
    first = side / 16
    return Case(Network([first], [-first * place], [second], 0), Dataset(x, np.zeros(len(x)))).interpolating()


def _corners() -> Iterator[Instance]:
    for x, side, second in product(SAMPLES, (1, -1), (3 / 32, -2)):
        yield Instance(f"one neuron on {x[1]:g} of {len(x)} samples from {x[0]:g} on, opening to {side:+d}, "
                       f"w2 = {second:g}", None, one_neuron(x, x[1], side, second))


def kinked(seed: int) -> Case:
    """A random network: two knots on one sample that open to opposite sides, one on another; its outputs as labels.

    The inputs of every second one are three times as wide, and every third one has a neuron with w1 = b1 = 0.
    """
    case = random_case(seed, k=4, n=5)
    x, w1, b1 = (1 + 2 * (seed % 2)) * case.data.x, case.net.w1.copy(), case.net.b1.copy()
    w1[1] = -np.sign(w1[0]) * abs(w1[1])
    b1[:3] = -w1[:3] * x[[1, 1, 3]]
    if seed % 3 == 0:
        w1[3] = b1[3] = 0.0
    return Case(Network(w1, b1, case.net.w2, case.net.b2), Dataset(x, case.data.y)).interpolating()


def _cases(found: int = 2) -> Iterator[Instance]:
    """Exact corners, random networks with knots on samples, and minima that descent found with four moved onto them."""
    yield from _corners()
    for seed in range(6):
        yield Instance(f"three knots on samples, {1 + 2 * (seed % 2)} times as wide, seed {seed}", seed, kinked(seed))
    for name, minimum in networks(found):
        yield Instance(name.removesuffix(", batches of 1"), None, Case(minimum.net, minimum.data))


@dataclass(frozen=True, eq=False)
class Listed:
    """A network at zero loss, patterns of modes that meet there, and the network displaced by 10⁻⁹ into each."""

    net: Network
    data: Dataset
    patterns: tuple[Pattern, ...]
    nearby: tuple[Network, ...]

    @classmethod
    def of(cls, case: Case, most: int = 6) -> Listed:
        """All modes, or ``most`` of them with the first and the last."""
        here = modes.adjacent(case.net, case.data)
        few = np.linspace(0, here.count - 1, min(most, here.count)).round().astype(int).tolist()
        nearby = (modes.inside(case.net, here, mode, 1e-9) for mode in few)
        return cls(case.net, case.data, tuple(map(here.pattern, few)), tuple(nearby))


def _listed() -> Iterator[Instance]:
    return (replace(each, value=Listed.of(each.value)) for each in _cases())


def _places(case: Case) -> tuple[Array, NDArray[np.bool_]]:
    """Where each neuron bends f, which is the sample where its pre-activation is 0, and whether there is such one."""
    at_kink = (case.net.preactivation(case.data.x) == 0) & (case.net.w1 != 0)
    on_sample = at_kink.any(axis=0)
    return np.where(on_sample, case.data.x[at_kink.argmax(axis=0)], case.net.thresholds), on_sample


def with_kinks_of(net: Network, x: Array, case: Case) -> Case | None:
    """The network on inputs ``x``, with knots on samples where the case has them; None where samples nearly collide."""
    at_kink = case.net.preactivation(case.data.x) == 0
    nowhere, sample = at_kink.all(axis=0), at_kink.argmax(axis=0)
    w1 = np.where(nowhere, 0.0, net.w1)
    b1 = np.where(at_kink.any(axis=0), -w1 * x[sample], net.b1)
    if np.diff(np.sort(x)).min() < 1e-3:
        return None
    return Case(Network(w1, b1, net.w2, net.b2), Dataset(x, np.zeros(x.size))).interpolating()


ANY_KINKED = Attack(
    start=lambda case: np.append(case.net.vector, case.data.x),
    build=lambda vector, case: with_kinks_of(
        Network.from_vector(vector[: -case.data.n]), vector[-case.data.n :], case),
    starts=2, steps=120, reach=0.05)

# ---- the mode of the paper ---------------------------------------------------------------------------------------


def _all_features(value: Listed) -> Array:
    """Φ_m of each mode."""
    return np.array([tangent.features(value.net, value.data.x, each) for each in value.patterns])


def _as_printed(value: Listed) -> Array:
    """(S76) entry by entry: column j is x_j w2 ⊙ I_mj, w2 ⊙ I_mj, (x_j w1 + b1) ⊙ I_mj and 1."""
    return np.array([np.transpose([_column(value.net, x, active) for x, active in zip(value.data.x, each, strict=True)])
                     for each in value.patterns])


def _column(net: Network, x: float, active: Pattern) -> Array:
    blocks = [(x * second, second, x * first + bias) if on else (0.0, 0.0, 0.0)
              for first, bias, second, on in zip(net.w1, net.b1, net.w2, active, strict=True)]
    return np.append(np.transpose(blocks).ravel(), 1.0)


def _with_other_pattern(value: Listed, change: Callable[[Pattern], Pattern]) -> Array:
    return _all_features(replace(value, patterns=tuple(map(change, value.patterns))))


S76 = Claim(
    equation="S76",
    says="The tangent features of a mode, column by column: sample j has the pattern I of m_j",
    tex=r"(\Phi_m)_{\cdot j} = \bigl[x_j w^{(2)} I_{m_j};\; w^{(2)} I_{m_j};\; z_j I_{m_j};\; 1\bigr]",
    relation="=",
    instances=_listed,
    left=_all_features,
    right={
        "entry by entry": _as_printed,
        "autograd inside each mode": lambda value: np.array([
            autodiff.features(net, value.data.x) for net in value.nearby]),
    },
    wrong=(
        Wrong("the network's own pattern in every mode", left=lambda value: _with_other_pattern(
            value, lambda pattern: value.net.pattern(value.data.x))),
        Wrong("the pattern of the first sample in every column", left=lambda value: _with_other_pattern(
            value, lambda pattern: np.tile(pattern[:1], (len(pattern), 1)))),
        Wrong("silent and active exchanged", left=lambda value: _with_other_pattern(value, np.logical_not)),
    ),
    tolerance={"entry by entry": Tolerance(1e-14, why="one product and one sum"),
               "autograd inside each mode": Tolerance(1e-7, why="the network is displaced by 1e-9")},
)


def _is_own(value: Listed) -> Pattern:
    """Whether a mode's pattern is that of the network."""
    own = value.net.pattern(value.data.x)
    return np.array([np.array_equal(own, each) for each in value.patterns])


def _by_signs(value: Listed) -> Pattern:
    """Whether z_ji > 0 exactly where the mode is active, sample by sample."""
    net, answers = value.net, []
    for each in value.patterns:
        answers.append(all(
            (first * x + bias > 0) == on for x, active in zip(value.data.x, each, strict=True)
            for first, bias, on in zip(net.w1, net.b1, active, strict=True)))
    return np.array(answers)


def _by_gradients(value: Listed) -> Pattern:
    """Whether automatic differentiation, with σ'(0) = 0, gives the same gradients as with the frozen pattern."""
    real = autodiff.features(value.net, value.data.x)
    return np.array([np.array_equal(real, autodiff.features(value.net, value.data.x, each)) for each in value.patterns])


def _active_at_kinks(value: Listed) -> Pattern:
    other = value.net.preactivation(value.data.x) >= 0
    return np.array([np.array_equal(other, each) for each in value.patterns])


S77 = Claim(
    equation="S77",
    says="Of the modes that meet, θ* itself lies in the one with the network's own pattern, and in no other",
    tex=r"\theta^* \in S_m \iff I_{m_j} = I(x_j;\theta^*) \text{ for all } j \quad (m \in \mathcal I)",
    relation="=",
    instances=_listed,
    left=_is_own,
    right={"signs of the pre-activations": _by_signs, "autograd, with the pattern and without": _by_gradients},
    wrong=(
        Wrong("σ'(0) = 1", left=_active_at_kinks),
        Wrong("every mode that meets", left=lambda value: np.ones(len(value.patterns), dtype=bool)),
        Wrong("the sharpest mode", left=lambda value: _is_sharpest(value)),
    ),
    tolerance=Tolerance(0, why="both sides are yes or no"),
)


def _is_sharpest(value: Listed) -> Pattern:
    found = np.array([np.linalg.norm(tangent.features(value.net, value.data.x, each), 2) for each in value.patterns])
    return found == found.max()


def _sharpnesses(case: Case) -> Array:
    return modes.sharpnesses(case.net, case.data)


def _own(case: Case) -> float:
    return tangent.interpolation_sharpness(case.net, case.data)


def _by_autograd(case: Case) -> float:
    """‖Φ‖²/n with autograd's gradients at θ*, which has σ'(0) = 0."""
    return float(np.linalg.norm(autodiff.features(case.net, case.data.x), 2) ** 2 / case.data.n)


def _over_knots(case: Case, weight: smoothness.Weight = smoothness.g, constant: float = 2) -> float:
    """1 + 2 ∫|f''| times a weight."""
    return 1 + constant * smoothness.weighted_norm(case.net, case.data, weight)


def _over_neurons(case: Case) -> float:
    """1 + 2 Σ_i |w1_i w2_i| with g⁺ or g⁻, by the side to which the neuron opens."""
    place, _ = _places(case)
    sides = smoothness.g_plus(place, case.data), smoothness.g_minus(place, case.data)
    return 1 + 2 * float(np.abs(case.net.w1 * case.net.w2) @ np.where(case.net.w1 > 0, *sides))


def _active(case: Case) -> float:
    """λ_max of the Gram matrix with σ'(0) = 1."""
    return tangent.largest_eigenvalue(tangent.gram(case.net, case.data, case.net.preactivation(case.data.x) >= 0))


def _largest_limit(x: Array, data: Dataset) -> Array:
    return np.minimum(*smoothness.limits(x, data)).max(axis=0)


S78 = Claim(
    equation="S78",
    says="The sharpest mode is at least as sharp as the network's own, and this at least 1 + 2∫|f''| g",
    tex=r"\lambda_{\max}^{\mathrm{upper}} \ge \lambda_{\max}(H_{m'}) \ge 1 + 2 \int |f''|\, g",
    relation=">=",
    instances=_cases,
    left=lambda case: np.array([_sharpnesses(case).max(), _own(case)]),
    right={
        "sum over knots": lambda case: np.array([_by_autograd(case), _over_knots(case)]),
        "each neuron with g of its own side": lambda case: np.array([_by_autograd(case), _over_neurons(case)]),
    },
    wrong=(
        Wrong("σ'(0) = 1", left=lambda case: np.array([_sharpnesses(case).max(), _active(case)])),
        Wrong("the flattest mode", left=lambda case: np.full(2, _sharpnesses(case).min())),
        Wrong("the larger limit of g at samples", right=lambda case: np.array([
            _by_autograd(case), _over_knots(case, _largest_limit)])),
        Wrong("4 in place of 2", right=lambda case: np.array([_by_autograd(case), _over_knots(case, constant=4)])),
    ),
    attack=ANY_KINKED,
)


def _implementations() -> Iterator[Instance]:
    """A network and others of the same function: rescaled, split, turned, with cancelling pairs, all with kinks."""
    bases = [("a corner", None, one_neuron(SAMPLES[0], -1.0)), *((f"random, seed {s}", s, kinked(s)) for s in range(3)),
             *((name.split(",")[0], None, Case(found.net, found.data)) for name, found in networks(1))]
    for name, seed, case in bases:
        rng, net, place = np.random.default_rng(0), case.net, np.sort(case.data.x)[1]
        others = {
            "as it is": net,
            "rescaled": net.rescale(2.0 ** rng.integers(-2, 3, net.k)),
            "split": split(net, np.full(net.k, 0.25)),
            "two neurons turned": reversed_neurons(net, np.arange(net.k) < 2, place),
            "a cancelling pair on a sample": with_cancelling_pair(net, 1.0, -place, 0.5),
        }
        for how, other in others.items():
            yield Instance(f"{name}, {how}", seed, (case, Case(other, case.data).interpolating()))
    for bend in (0.02, 0.2):
        yield Instance(f"two neurons that open inwards, turned, bend {bend}", None, _turned(bend))


def _turned(bend: float) -> tuple[Case, Case]:
    """Knots on −1 and 1 whose neurons open inwards, and the same function with neurons that open outwards."""
    data, root = Dataset([-3, -1, 1, 3], np.zeros(4)), np.sqrt(bend)
    inwards = Network([root, -root], [root, root], [root, root], 0)
    outwards = Network([root, -root], [-root, -root], [root, root], 2 * bend)
    return Case(inwards, data).interpolating(), Case(outwards, data).interpolating()


def _rescaled(vector: Array, value: tuple[Case, Case]) -> tuple[Case, Case]:
    case, other = value
    return case, with_kinks_of(other.net.rescale(np.exp(vector)), other.data.x, other)


S79 = Claim(
    equation="S79",
    says="The sharpest mode of every implementation of f is at least as sharp as 1 + 2∫|f''| g, a number of f alone",
    tex=r"\lambda_{\max}^{\mathrm{upper}}(\theta) \ge 1 + 2 \int |f''|\, g \quad (\theta \in \Omega(f))",
    relation=">=",
    instances=_implementations,
    left=lambda value: _sharpnesses(value[1]).max(),
    right={"sum over knots, as found": lambda value: _over_knots(value[0]),
           "sum over knots, as implemented": lambda value: _over_knots(value[1])},
    wrong=(
        Wrong("the flattest mode", left=lambda value: _sharpnesses(value[1]).min()),
        Wrong("the sharpest mode as found", right=lambda value: _sharpnesses(value[0]).max() * (1 - 1e-6)),
        Wrong("each neuron with g of its own side, as found", right=lambda value: _over_neurons(value[0])),
    ),
    attack=Attack(start=lambda value: np.zeros(value[1].net.k), build=_rescaled, starts=2, steps=60),
)

# ---- the book's own: every mode, and some mode -------------------------------------------------------------------


def _in_each_mode(case: Case, own_side: bool = False, opposite: bool = False) -> Array:
    """1 + 2 Σ_i |w1_i w2_i| g(τ_i∓) in each mode, with the knot just before or just behind the sample.

    A neuron that opens to the right and is active on the sample of its knot has it just before that sample.
    ``own_side`` takes g⁺ or g⁻ for g, by the side to which the neuron opens.
    """
    place, on_sample = _places(case)
    plus, minus = smoothness.limits(place, case.data)
    right = case.net.w1 > 0
    before, behind = np.where(right, plus, minus) if own_side else np.minimum(plus, minus)
    at_kink, out = case.net.preactivation(case.data.x) == 0, []
    for pattern in modes.adjacent(case.net, case.data):
        active = on_sample & (pattern & at_kink).any(axis=0)
        weight = np.where((right == active) != opposite, before, behind)
        out.append(1 + 2 * float(np.abs(case.net.w1 * case.net.w2) @ weight))
    return np.array(out)


def _in_every_mode(case: Case, weight: smoothness.Weight = smoothness.g_low, constant: float = 2) -> Array:
    """The same bound by the function for each mode."""
    return np.full(modes.adjacent(case.net, case.data).count, _over_knots(case, weight, constant))


X_EVERY = Claim(
    equation="X.1",
    says="Every mode is at least as sharp as the bound with its knots beside the samples, hence as that with g_low",
    tex=r"\lambda_{\max}(H_m) \ge 1 + 2 \sum_i c_i\, g(\tau_i^m) \ge 1 + 2 \int |f''|\, g_{\mathrm{low}}",
    relation=">=",
    instances=_cases,
    left=_sharpnesses,
    right={"g_low over knots": _in_every_mode, "g beside the samples": _in_each_mode,
           "g⁺ or g⁻ beside the samples, by side": partial(_in_each_mode, own_side=True)},
    wrong=(
        Wrong("g in every mode", right=partial(_in_every_mode, weight=smoothness.g)),
        Wrong("the larger limit of g", right=partial(_in_every_mode, weight=_largest_limit)),
        Wrong("on the other side of the samples", right=partial(_in_each_mode, opposite=True)),
        Wrong("4 in place of 2", right=partial(_in_every_mode, constant=4)),
    ),
    attack=ANY_KINKED,
)


def _best_toggles(case: Case) -> float:
    """1 + 2 Σ_i |w1_i w2_i| with the larger limit of the side to which the neuron opens."""
    plus, minus = (side.max(axis=0) for side in smoothness.limits(_places(case)[0], case.data))
    return 1 + 2 * float(np.abs(case.net.w1 * case.net.w2) @ np.where(case.net.w1 > 0, plus, minus))


def _largest(x: Array, data: Dataset) -> Array:
    """The largest of all four limits."""
    return np.maximum(*smoothness.limits(x, data)).max(axis=0)


X_SOME = Claim(
    equation="X.2",
    says="The sharpest mode is at least as sharp as the bound with g_up",
    tex=r"\lambda_{\max}^{\mathrm{upper}} \ge 1 + 2 \int |f''|\, g_{\mathrm{up}}",
    relation=">=",
    instances=_cases,
    left=lambda case: _sharpnesses(case).max(),
    right={"g_up over knots": partial(_over_knots, weight=smoothness.g_up),
           "each neuron with the better limit of its side": _best_toggles},
    wrong=(
        Wrong("the network's own mode", left=_own),
        Wrong("the larger of both sides", right=partial(_over_knots, weight=_largest)),
        Wrong("4 in place of 2", right=partial(_over_knots, weight=smoothness.g_up, constant=4)),
    ),
    attack=ANY_KINKED,
)

# ---- the book's own: no larger weights ---------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Knot:
    """A place for one knot among samples, strictly inside of them."""

    data: Dataset
    place: float


def _knots() -> Iterator[Instance]:
    for seed in range(6):
        rng = np.random.default_rng(seed)
        data = Dataset.random(rng, n=4 + seed % 3, spread=(1.0, 2.0, 6.0)[seed % 3])
        x = np.sort(data.x)
        yield Instance(f"on a sample of {data.n}, seed {seed}", seed, Knot(data, float(x[1 + seed % (data.n - 2)])))
        if seed < 2:
            yield Instance(f"between samples, seed {seed}", seed, Knot(data, float(x[1] + x[2]) / 2))


def balanced(knot: Knot, side: int, closed: bool, bend: float) -> Case:
    """One neuron of this bend whose layers are balanced in the mode where it is active on its sample, or silent."""
    x = knot.data.x
    active = x[side * (x - knot.place) >= 0] if closed else x[side * (x - knot.place) > 0]
    root, excess = np.hypot(active.size, active.sum()), np.abs(active - knot.place).sum()
    first, second = np.sqrt(bend * root / excess), np.sqrt(bend * excess / root)
    net = Network([side * first], [-side * first * knot.place], [second], 0)
    return Case(net, knot.data).interpolating()


BENDS = 4.0 ** -np.arange(2, 11)


def _costs(knot: Knot, factor: float = 1.0) -> Array:
    """(λ - 1)/(2 · bend) of the flattest of four networks with one knot, as the bend goes to 0, shape (3, bends).

    λ is the sharpness of the flattest mode, of the network's own and of the sharpest. ``factor`` spoils the balance.
    """
    rows = []
    for bend in BENDS:
        nets = [balanced(knot, side, closed, bend * factor) for side, closed in product((1, -1), (False, True))]
        rows.append((np.min([_three(case, factor) for case in nets], axis=0) - 1) / (2 * bend))
    return np.transpose(rows)


def _three(case: Case, factor: float) -> tuple[float, float, float]:
    net = replace(case.net, w2=case.net.w2 / factor)
    found = _sharpnesses(Case(net, case.data).interpolating())
    return found.min(), _own(Case(net, case.data)), found.max()


def _by_means(knot: Knot) -> Array:
    """g_low, g and g_up at a place, word for word with means over the samples above and below it."""
    x, at = knot.data.x, knot.place
    above, below = ([weight_of_side(at, x[closed], x.size), weight_of_side(at, x[strict], x.size)]
                    for closed, strict in ((x >= at, x > at), (x <= at, x < at)))
    return np.array([min(*above, *below), min(above[1], below[1]), min(max(above), max(below))])


def _weights(knot: Knot) -> Array:
    found = [weight(knot.place, knot.data) for weight in (smoothness.g_low, smoothness.g, smoothness.g_up)]
    return np.array(found, dtype=float)


X_BEST = Claim(
    equation="X.3",
    says="What the flattest of four balanced knots costs in its flattest mode, its own and its sharpest, as they bend "
         "less",
    tex=r"\tfrac{\lambda - 1}{2c} \to g_{\mathrm{low}},\; g,\; g_{\mathrm{up}} \quad (c \to 0)",
    relation="->",
    instances=_knots,
    left=_costs,
    right={"the library's weights": _weights, "means over the active samples": _by_means},
    wrong=(
        Wrong("the flattest and the sharpest exchanged", left=lambda knot: _costs(knot)[::-1]),
        Wrong("g for all three", right=lambda knot: np.full(3, smoothness.g(knot.place, knot.data))),
        Wrong("layers that are not balanced", left=partial(_costs, factor=4.0)),
    ),
    tolerance=Tolerance(1e-3, why="the error is of the order of the bend, at last 2⁻²⁰ times a few units"),
)

# ---- the book's own: strong stability sees every mode ------------------------------------------------------------

SHIFT, INTO = 0.25, 1e-9  # how far the bias is shifted, and how far the start lies inside a mode


@dataclass(frozen=True, eq=False)
class Started(Listed):
    """The same with a step size, and starts: the bias shifted, and a much smaller displacement into each mode."""

    eta: float = 1.0
    starts: tuple[Network, ...] = ()


def _started() -> Iterator[Instance]:
    for order, each in enumerate(_cases()):
        case, here, listed = each.value, modes.adjacent(each.value.net, each.value.data), Listed.of(each.value)
        few = np.linspace(0, here.count - 1, len(listed.patterns)).round().astype(int).tolist()
        shifted = replace(case.net, b2=case.net.b2 + SHIFT)
        starts = tuple(modes.inside(shifted, here, mode, INTO) for mode in few)
        yield replace(each, value=Started(case.net, case.data, listed.patterns, listed.nearby,
                                          eta=(0.5, 1.0, 1.7)[order % 3], starts=starts))


def _growth(value: Started, squares: Callable[[Started, Pattern], float] | None = None) -> Array:
    """1 - 2η + η² ‖Φ_m 1/n‖² in each mode."""
    found = np.array([(squares or _mean_gradient_squared)(value, each) for each in value.patterns])
    return 1 - 2 * value.eta + value.eta**2 * found


def _mean_gradient_squared(value: Started, pattern: Pattern) -> float:
    return float(np.sum(tangent.features(value.net, value.data.x, pattern).mean(axis=1) ** 2))


def _top(value: Started, pattern: Pattern) -> float:
    return tangent.largest_eigenvalue(tangent.gram(value.net, value.data, pattern))


def _after(value: Started, step: Callable[[Network], Array]) -> Array:
    """‖θ₁ - θ*‖²/ε² from each start."""
    return np.array([np.sum((step(start) - value.net.vector) ** 2) for start in value.starts]) / SHIFT**2


def _step_of_autograd(value: Started) -> Array:
    return _after(value, lambda start: start.vector - value.eta * autodiff.gradient(start, value.data))


def _compiled_step(value: Started) -> Array:
    return _after(value, lambda start: next(descent.steps(start, value.data, value.eta, 1)).vector)


X_STRONG = Claim(
    equation="X.4",
    says="One step of descent from a shifted bias, a hair inside mode m, changes the squared distance by this factor",
    tex=r"\|\theta_1 - \theta^*\|^2 / \varepsilon^2 \approx 1 - 2\eta + \eta^2\, \|\tfrac1n \Phi_m \mathbb 1\|^2",
    relation="=",
    instances=_started,
    left=_growth,
    right={"one step of autograd's gradient": _step_of_autograd, "one step of the compiled descent": _compiled_step},
    wrong=(
        Wrong("the network's own pattern in every mode", left=lambda value: _growth(
            value, lambda value, _: _mean_gradient_squared(value, value.net.pattern(value.data.x)))),
        Wrong("the sharpness of the mode", left=lambda value: _growth(value, _top)),
        Wrong("η in place of 2η", left=lambda value: _growth(value) + value.eta),
    ),
    tolerance=Tolerance(1e-6, why="the displacement into the mode is 1e-9, times gradients of up to 100"),
)
