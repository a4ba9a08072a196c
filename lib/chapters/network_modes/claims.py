"""Chapter VII: the network as a switching system (S43–S60), and what the book adds (VII.1 to VII.4)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain, combinations, product

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog

from ledgerbook.claim import Claim, Instance, Tolerance, Wrong
from stableminima import autodiff, modes, tangent
from stableminima.modes import Adjacent
from stableminima.network import Dataset, Network
from stableminima.stability import batch_losses, batches

from ..common import Array, exact, exact_output, mean_outer
from ..instances import degenerate_cases, networks, random_case, random_cases

Pattern = NDArray[np.bool_]

# ---- what the claims are tested on -------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Frozen:
    """A network on data, a pattern of shape (n, k) to freeze it by, and the number of samples in a batch."""

    net: Network
    data: Dataset
    pattern: Pattern
    size: int = 2

    def with_pattern(self, pattern: Pattern) -> Frozen:
        """Frozen by another pattern."""
        return replace(self, pattern=pattern)


@dataclass(frozen=True, eq=False)
class Meeting:
    """A network at zero loss, where several modes meet, with samples in batches of ``size``."""

    net: Network
    data: Dataset
    size: int = 2

    @cached_property
    def here(self) -> Adjacent:
        """The modes that meet."""
        return modes.adjacent(self.net, self.data)

    @cached_property
    def few(self) -> list[int]:
        """All of them, or six."""
        return np.linspace(0, self.here.count - 1, min(6, self.here.count)).round().astype(int).tolist()

    @cached_property
    def patterns(self) -> list[Pattern]:
        """The patterns of these."""
        return [self.here.pattern(mode) for mode in self.few]

    @cached_property
    def nearby(self) -> list[Network]:
        """The network displaced by 10⁻⁹ into each of these."""
        rng = np.random.default_rng(0)
        return [modes.inside(self.net, self.here, mode, 1e-9, rng) for mode in self.few]

    def listed(self) -> Meeting:
        """The same with its modes listed: a claim that begins "in every mode" is given them, as (S54) checks them."""
        _ = self.patterns, self.nearby  # an object keeps them from now on
        return self

    def missed(self, by: float = 1.0) -> Meeting:
        """The same network with labels that it misses."""
        return replace(self, data=Dataset(self.data.x, self.data.y - by))


def kinked(seed: int, k: int = 5, n: int = 5, nowhere: int = 0) -> Meeting:
    """A random network with two thresholds on samples, and some neurons with w1 = b1 = 0; its outputs as labels.

    Inputs and weights are multiples of 2⁻¹⁰, so that the pre-activations at the thresholds are 0 in fractions too.
    """
    case = random_case(seed, k, n)
    w1, x = (np.round(each * 2**10) / 2**10 for each in (case.net.w1, case.data.x))
    b1 = case.net.b1.copy()
    for neuron, sample in ((0, 1), (1, (1, 3)[seed % 2])):  # on one sample, or on two
        b1[neuron] = -w1[neuron] * x[sample]
    w1[2 : 2 + nowhere] = b1[2 : 2 + nowhere] = 0.0
    net = Network(w1, b1, case.net.w2, case.net.b2)
    return Meeting(net, Dataset(x, net(x)))


def _random_meetings() -> Iterator[tuple[str, int, Meeting]]:
    for seed in range(6):
        name = f"two thresholds on samples, {seed % 2} neurons with w1 = b1 = 0, seed {seed}"
        yield name, seed, kinked(seed, nowhere=seed % 2)


def meetings(count: int = 3) -> Iterator[Instance]:
    """Minima that descent found, with four knots on samples, and random networks at kinks, at zero loss."""
    for name, found in networks(count):
        yield Instance(name.removesuffix(", batches of 1"), None, Meeting(found.net, found.data).listed())
    for name, seed, meeting in _random_meetings():
        yield Instance(name, seed, meeting.listed())


def anywhere() -> Iterator[Instance]:
    """Random networks and labels, frozen by patterns that need not be those of any network."""
    for seed in range(9):
        case = random_case(seed, k=4, n=5)
        pattern = np.random.default_rng(seed).random((5, 4)) < 0.5
        yield Instance(f"random pattern, batches of {1 + seed % 5}, seed {seed}", seed,
                       Frozen(case.net, case.data, pattern, 1 + seed % 5))


def inside() -> Iterator[Instance]:
    """Networks inside a mode close to where modes meet; the labels are missed by 10⁻³, so that there is a loss."""
    for each in meetings():
        meeting, rng = each.value, np.random.default_rng(0)
        for mode in (0, meeting.here.count // 3, meeting.here.count - 1):
            net = modes.inside(meeting.net, meeting.here, mode, 1e-8, rng)
            data = Dataset(meeting.data.x, meeting.data.y + 1e-3 * rng.standard_normal(meeting.data.n))
            yield Instance(f"{each.label}, inside mode {mode}", 0, Frozen(net, data, meeting.here.pattern(mode)))


def _other_mode(value: Frozen) -> Pattern:
    """The pattern of a mode next to it: the neuron that has its kink nearest to a sample is toggled there."""
    z = np.abs(value.net.preactivation(value.data.x))
    return value.pattern ^ (z == z.min())


def _exact_f(net: Network, x: Array) -> Array:
    return exact_output(exact(net.vector), exact(x)).astype(float)


def _in_fractions(value: Frozen) -> Array:
    return exact_output(exact(value.net.vector), exact(value.data.x), value.pattern).astype(float)


def _phi(value: Frozen) -> Array:
    return tangent.output(value.net, value.data.x, value.pattern)


# ---- the predictor -----------------------------------------------------------------------------------------------


def _points() -> Iterator[Instance]:
    """Networks with an input grid that reaches beyond the samples, and the samples."""
    for each in chain(random_cases(8, k=6, n=5), degenerate_cases()):
        points = Dataset(np.append(each.value.data.x, [-4.0, 4.0]), np.zeros(each.value.data.n + 2))
        yield Instance(each.label, each.seed, replace(each.value, data=points))


S43 = Claim(
    equation="S43",
    says="The network's output is a product of w2 with ReLU of a vector, plus b2",
    tex=r"f(x;\theta) = w^{(2)\top} \sigma\bigl(x\,w^{(1)} + b^{(1)}\bigr) + b^{(2)}",
    relation="=",
    instances=_points,
    left=lambda case: case.net(case.data.x),
    right={
        "exact, neuron by neuron": lambda case: _exact_f(case.net, case.data.x),
        "autograd's network": lambda case: autodiff.output(case.net.vector, case.data.x),
    },
    wrong=(
        Wrong("no b2", left=lambda case: case.net(case.data.x) - case.net.b2),
        Wrong("ReLU of the sum", left=lambda case: _relu_of_sum(case.net, case.data.x)),
        Wrong("|z| in place of σ(z)", left=lambda case: np.abs(case.net.preactivation(case.data.x)) @ case.net.w2
              + case.net.b2),
    ),
)


def _relu_of_sum(net: Network, x: Array) -> Array:
    return np.maximum(net.preactivation(x) @ net.w2, 0) + net.b2


S44 = Claim(
    equation="S44",
    says="ReLU is a product with the activation pattern",
    tex=r"f(x;\theta) = \bigl(I(x;\theta) \odot w^{(2)}\bigr)^{\!\top} \bigl(x\,w^{(1)} + b^{(1)}\bigr) + b^{(2)}",
    relation="=",
    instances=_points,
    left=lambda case: tangent.output(case.net, case.data.x, case.net.pattern(case.data.x)),
    right={
        "exact, neuron by neuron": lambda case: _exact_f(case.net, case.data.x),
        "max(z, 0)": lambda case: np.maximum(case.net.preactivation(case.data.x), 0) @ case.net.w2 + case.net.b2,
    },
    wrong=(
        Wrong("no pattern", left=lambda case: tangent.output(
            case.net, case.data.x, np.ones((case.data.n, case.net.k)))),
        Wrong("±1 in place of 1 and 0", left=lambda case: tangent.output(
            case.net, case.data.x, np.sign(case.net.preactivation(case.data.x)))),
        Wrong("the pattern of the next sample", left=lambda case: tangent.output(
            case.net, case.data.x, np.roll(case.net.pattern(case.data.x), 1, axis=0))),
    ),
)


def _two_for_one(value: Frozen) -> Array:
    """φ as the output of networks: z = σ(z) - σ(-z), so each active neuron becomes two, and no other one stays."""
    out = []
    for point, active in zip(value.data.x, value.pattern, strict=True):
        w1, b1, w2 = value.net.w1[active], value.net.b1[active], value.net.w2[active]
        twice = [np.append(each, [-each]) for each in (w1, b1, w2)]
        out.append(Network(*twice, value.net.b2)(point) if active.any() else value.net.b2)
    return np.array(out)


S45 = Claim(
    equation="S45",
    says="The frozen predictor φ takes its pattern from m, whatever the signs of the pre-activations are",
    tex=r"\varphi(x;\theta,m) = \bigl(I_m \odot w^{(2)}\bigr)^{\!\top} \bigl(x\,w^{(1)} + b^{(1)}\bigr) + b^{(2)}",
    relation="=",
    instances=anywhere,
    left=_phi,
    right={"exact fractions": _in_fractions, "a network with two neurons for each active one": _two_for_one},
    wrong=(
        Wrong("still clipped at 0", left=lambda value: np.where(
            value.pattern, np.maximum(value.net.preactivation(value.data.x), 0), 0) @ value.net.w2 + value.net.b2),
        Wrong("the network's own pattern", left=lambda value: value.net(value.data.x)),
        Wrong("active where m is silent", left=lambda value: _phi(value.with_pattern(~value.pattern))),
    ),
)

CLOSE = Tolerance(1e-13, why="sums of at most 80 products, rounded to 1e-16 each; another mode is 1e-10 away or more")

S46 = Claim(
    equation="S46",
    says="Where the network has the pattern of m, its output is φ",
    tex=r"I(x;\theta) = I_m \;\Longrightarrow\; f(x;\theta) = \varphi(x;\theta,m)",
    relation="=",
    instances=inside,
    left=_phi,
    right={
        "exact, neuron by neuron": lambda value: _exact_f(value.net, value.data.x),
        "autograd's network": lambda value: autodiff.output(value.net.vector, value.data.x),
    },
    wrong=(
        Wrong("the pattern of a mode next to it", left=lambda value: _phi(value.with_pattern(_other_mode(value)))),
        Wrong("silent and active exchanged", left=lambda value: _phi(value.with_pattern(~value.pattern))),
        Wrong("the first sample's pattern for all", left=lambda value: _phi(
            value.with_pattern(np.broadcast_to(value.pattern[:1], value.pattern.shape)))),
    ),
    tolerance=CLOSE,
)


def _in_all(meeting: Meeting, patterns: list[Pattern] | None = None) -> Array:
    """φ(x_j; θ*, m), one row for each mode."""
    return np.array([tangent.output(meeting.net, meeting.data.x, each) for each in patterns or meeting.patterns])


def _in_each(meeting: Meeting, values: Array) -> Array:
    """The same values for every mode."""
    return np.tile(values, (len(meeting.patterns), *np.ones(np.ndim(values), dtype=int)))


def _beyond(meeting: Meeting) -> list[Pattern]:
    """Patterns that differ from those of the modes on a sample where the pre-activation is not 0."""
    z = np.abs(meeting.net.preactivation(meeting.data.x))
    return [each ^ (z == z.max()) for each in meeting.patterns]


def _off_the_kink() -> Iterator[Instance]:
    """The missing hypothesis: the thresholds are only near the samples, at 10⁻³."""
    for name, seed, meeting in _random_meetings():
        b1 = meeting.net.b1 + 1e-3 * (meeting.net.preactivation(meeting.data.x) == 0).any(axis=0)
        net = replace(meeting.net, b1=b1)
        off = replace(meeting, net=net, data=Dataset(meeting.data.x, net(meeting.data.x)))
        vars(off)["patterns"] = meeting.patterns  # those that would meet on the kink
        yield Instance(name, seed, off)


S47 = Claim(
    equation="S47",
    says="At a kink all modes agree: φ is the same under patterns that differ only where the pre-activation is 0",
    tex=r"\varphi(x_j;\theta^*,m) = f(x_j;\theta^*) \quad (m \in \mathcal I)",
    relation="=",
    instances=meetings,
    left=_in_all,
    right={
        "autograd's network": lambda meeting: _in_each(meeting, autodiff.output(meeting.net.vector, meeting.data.x)),
        "exact, neuron by neuron": lambda meeting: _in_each(meeting, _exact_f(meeting.net, meeting.data.x)),
    },
    wrong=(
        Wrong("they may differ elsewhere too", left=lambda meeting: _in_all(meeting, _beyond(meeting))),
        Wrong("thresholds that only nearly sit on samples", instances=_off_the_kink),
        Wrong("the gradients agree too",
              left=lambda meeting: np.array([tangent.features(meeting.net, meeting.data.x, each)
                                             for each in meeting.patterns]),
              right=lambda meeting: _in_each(meeting, autodiff.features(meeting.net, meeting.data.x))),
    ),
)

# ---- the loss ----------------------------------------------------------------------------------------------------


def _part(data: Dataset, batch: Array) -> Dataset:
    """The samples of a batch."""
    return Dataset(data.x[batch], data.y[batch])


def _losses(value: Frozen) -> Array:
    return batch_losses(value.net, value.data, value.size)


def _batches(value: Frozen) -> NDArray:
    """Every batch, one row each, without the library."""
    return np.array([*combinations(range(value.data.n), value.size)])


def _on_batches(value: Frozen, compute: Callable, frozen: bool = True) -> Array:
    """What ``compute`` makes of a network, each batch, and the pattern there; None as pattern for the real network."""
    return np.array([compute(value.net, _part(value.data, batch), value.pattern[batch] if frozen else None)
                     for batch in _batches(value)])


def _autograd_loss(net: Network, data: Dataset, pattern: Pattern | None) -> float:
    return autodiff.loss(net.vector, data, pattern)


def _by_autograd(value: Frozen) -> Array:
    """The loss of the real network on each batch."""
    return _on_batches(value, _autograd_loss, frozen=False)


def _exact_losses(value: Frozen, pattern: Pattern | None = None) -> Array:
    """(1/2B) Σ_{j∈b} (f(x_j) - y_j)² of each batch in exact fractions; with a pattern (S49)."""
    outputs = exact_output(exact(value.net.vector), exact(value.data.x), pattern)
    squares = (outputs - exact(value.data.y)) ** 2
    return np.array([float(squares[batch].sum() / (2 * value.size)) for batch in _batches(value)])


S48 = Claim(
    equation="S48",
    says="The loss of a batch is half the mean square of its residuals",
    tex=r"\hat{\mathcal L}_b(\theta) = \frac{1}{2B} \sum_{j \in b} \bigl(f(x_j;\theta) - y_j\bigr)^2",
    relation="=",
    instances=anywhere,
    left=_losses,
    right={"autograd's loss on the batch": _by_autograd, "exact, neuron by neuron": _exact_losses},
    wrong=(
        Wrong("1/n in place of 1/B", left=lambda value: _losses(value) * value.size / value.data.n),
        Wrong("no ½", left=lambda value: 2 * _losses(value)),
        Wrong("the square of the mean residual", left=lambda value: np.mean(
            value.net.residual(value.data)[batches(value.data.n, value.size)], axis=1) ** 2 / 2),
    ),
)


def _frozen_losses(value: Frozen) -> Array:
    return batch_losses(value.net, value.data, value.size, value.pattern)


def _exact_frozen_losses(value: Frozen) -> Array:
    return _exact_losses(value, value.pattern)


def _frozen_by_autograd(value: Frozen) -> Array:
    return _on_batches(value, _autograd_loss)


S49 = Claim(
    equation="S49",
    says="The loss of a batch in mode m has φ in the place of f, with a pattern for each sample",
    tex=r"\hat\psi_m(\theta) = \frac{1}{2B} \sum_{j \in b} \bigl(\varphi(x_j;\theta,m_j) - y_j\bigr)^2",
    relation="=",
    instances=anywhere,
    left=_frozen_losses,
    right={"exact fractions": _exact_frozen_losses, "autograd's frozen loss": _frozen_by_autograd},
    wrong=(
        Wrong("the network's own pattern", left=_losses),
        Wrong("the first sample's pattern for all", left=lambda value: _frozen_losses(
            value.with_pattern(np.broadcast_to(value.pattern[:1], value.pattern.shape)))),
        Wrong("no ½", left=lambda value: 2 * _frozen_losses(value)),
    ),
)


def _candidates(value: Frozen) -> list[Pattern]:
    """A pattern, its neighbours by one toggle, and those of the network under both conventions at 0."""
    z = value.net.preactivation(value.data.x)
    places = np.eye(z.size, dtype=bool).reshape(-1, *z.shape)
    return [value.pattern, z > 0, z >= 0, *(value.pattern ^ place for place in places)]


def _on_and_off_kinks() -> Iterator[Instance]:
    for seed in range(6):
        meeting = kinked(seed, nowhere=seed % 2)
        yield Instance(f"on a kink, seed {seed}", seed, Frozen(meeting.net, meeting.data, meeting.here.pattern(1)))
        inner = modes.inside(meeting.net, meeting.here, 1, 1e-3)
        yield Instance(f"inside a mode, seed {seed}", seed, Frozen(inner, meeting.data, meeting.here.pattern(1)))


def _is_in(value: Frozen) -> Pattern:
    """Whether θ is in S_m, for each candidate m."""
    own = value.net.pattern(value.data.x)
    return np.array([np.array_equal(own, each) for each in _candidates(value)])


def _by_signs(value: Frozen) -> Pattern:
    """z > 0 exactly where m is active, in exact fractions."""
    w1, b1, x = map(exact, (value.net.w1, value.net.b1, value.data.x))
    z = np.outer(x, w1) + b1
    return np.array([all((entry > 0) == on for entry, on in zip(z.ravel(), each.ravel(), strict=True))
                     for each in _candidates(value)])


def _by_slopes(value: Frozen) -> Pattern:
    """The pattern read off the derivatives in b1, which are w2 I."""
    slopes = autodiff.features(value.net, value.data.x)[value.net.k : 2 * value.net.k]
    return np.array([np.array_equal(slopes.T != 0, each) for each in _candidates(value)])


S50 = Claim(
    equation="S50",
    says="A parameter vector is in S_m if it has the pattern of m on every sample",
    tex=r"\theta \in S_m \iff I(x_j;\theta) = I_{m_j} \text{ for all } j",
    relation="=",
    instances=_on_and_off_kinks,
    left=_is_in,
    right={"signs, in exact fractions": _by_signs, "slopes by autograd": _by_slopes},
    wrong=(
        Wrong("active at 0 too", left=lambda value: np.array([np.array_equal(
            value.net.preactivation(value.data.x) >= 0, each) for each in _candidates(value)])),
        Wrong("not on a border", left=lambda value: np.array([np.all(
            value.net.preactivation(value.data.x) * np.where(each, 1, -1) > 0) for each in _candidates(value)])),
        Wrong("the pattern of the first sample only", left=lambda value: np.array([np.array_equal(
            value.net.pattern(value.data.x)[0], each[0]) for each in _candidates(value)])),
    ),
    tolerance=Tolerance(0, why="both sides are yes or no"),
)

LOSSES = Tolerance(1e-10, why="residuals of 1e-3 of terms that are rounded to 1e-16, squared")

S51 = Claim(
    equation="S51",
    says="On S_m the loss of every batch is that of the mode",
    tex=r"\theta \in S_m \;\Longrightarrow\; \hat{\mathcal L}_b(\theta) = \hat\psi_m(\theta)",
    relation="=",
    instances=inside,
    left=_frozen_losses,
    right={"autograd's loss on the batch": _by_autograd, "exact, neuron by neuron": _exact_losses},
    wrong=(
        Wrong("the pattern of a mode next to it", left=lambda value: _frozen_losses(
            value.with_pattern(_other_mode(value)))),
        Wrong("the first sample's pattern for all", left=lambda value: _frozen_losses(
            value.with_pattern(np.broadcast_to(value.pattern[:1], value.pattern.shape)))),
        Wrong("the loss of all samples", left=lambda value: np.full(
            len(_frozen_losses(value)), _frozen_losses(replace(value, size=value.data.n))[0])),
    ),
    tolerance=LOSSES,
)

# ---- the gradient ------------------------------------------------------------------------------------------------


def _gradients(value: Frozen) -> Array:
    """∇ψ̂_m of each batch, one row for each."""
    chosen = batches(value.data.n, value.size)
    return np.array([tangent.gradient(value.net, _part(value.data, b), value.pattern[b]) for b in chosen])


def _gradients_by_autograd(value: Frozen) -> Array:
    return _on_batches(value, autodiff.gradient)


def _moves(value: Frozen) -> Iterator[tuple[NDArray, NDArray]]:
    """θ with each entry in turn one larger and one smaller, in fractions."""
    theta = exact(value.net.vector)
    for entry in np.eye(theta.size, dtype=int):
        yield theta + entry, theta - entry


def _exact_differences(value: Frozen) -> Array:
    """Central differences of (S49) with step 1, in fractions: φ is a line in each entry of θ, so they are exact."""
    x, y, rows = exact(value.data.x), exact(value.data.y), []
    for pair in _moves(value):
        up, down = ((exact_output(theta, x, value.pattern) - y) ** 2 for theta in pair)
        rows.append((up - down) / 4)
    return np.array(rows, dtype=float).T[_batches(value)].mean(axis=1)


S52 = Claim(
    equation="S52",
    says="The gradient of a batch loss in mode m is a mean of residuals times gradients of φ",
    tex=r"\nabla\hat\psi_m = \tfrac1B \sum_{j \in b} (\varphi_j - y_j)\,\nabla\varphi_j",
    relation="=",
    instances=anywhere,
    left=_gradients,
    right={"autograd's frozen loss": _gradients_by_autograd, "exact differences": _exact_differences},
    wrong=(
        Wrong("the residual of f", left=lambda value: _with_residual_of_f(value)),
        Wrong("the network's own pattern", left=lambda value: _gradients(
            value.with_pattern(value.net.pattern(value.data.x)))),
        Wrong("1/n in place of 1/B", left=lambda value: _gradients(value) * value.size / value.data.n),
    ),
)


def _with_residual_of_f(value: Frozen) -> Array:
    columns = tangent.features(value.net, value.data.x, value.pattern) * value.net.residual(value.data)
    return columns.T[batches(value.data.n, value.size)].mean(axis=1)


def _real_gradients(value: Frozen) -> Array:
    """The gradient of the real network's loss on each batch."""
    return _on_batches(value, autodiff.gradient, frozen=False)


def _real_differences(value: Frozen, step: float = 1e-9) -> Array:
    """The same by central differences of the output, with steps that stay inside the mode."""
    rows = []
    for entry in step * np.eye(value.net.vector.size):
        up, down = (autodiff.output(value.net.vector + sign * entry, value.data.x) for sign in (1, -1))
        rows.append((up - down) * ((up + down) / 2 - value.data.y) / (2 * step))
    return np.array(rows).T[_batches(value)].mean(axis=1)


def _on_kinks() -> Iterator[Instance]:
    """On the kink itself, with labels that are missed, and the pattern that has σ'(0) = 1."""
    for name, seed, meeting in _random_meetings():
        pattern = meeting.net.preactivation(meeting.data.x) >= 0
        yield Instance(name, seed, Frozen(meeting.net, meeting.missed().data, pattern))


INSIDE = Tolerance(1e-6, why="outputs rounded to 1e-16 beside residuals of 1e-3 and steps of 1e-9")

S52_INSIDE = Claim(
    equation="S52",
    part="inside",
    says="Inside a mode it is the gradient of the real loss, for every batch",
    tex=r"\theta \in \operatorname{int} S_m \;\Longrightarrow\; "
        r"\nabla\hat{\mathcal L}_b(\theta) = \nabla\hat\psi_m(\theta)",
    relation="=",
    instances=inside,
    left=_gradients,
    right={"autograd's loss on the batch": _real_gradients, "differences of the output": _real_differences},
    wrong=(
        Wrong("the pattern of a mode next to it", left=lambda value: _gradients(
            value.with_pattern(_other_mode(value)))),
        Wrong("active where the pre-activation is 0", instances=_on_kinks),
        Wrong("the mean of both sides", left=lambda value: (
            _gradients(value) + _gradients(value.with_pattern(_other_mode(value)))) / 2),
    ),
    tolerance=INSIDE,
)


def _features(value: Frozen) -> Array:
    return tangent.features(value.net, value.data.x, value.pattern)


def _exact_slopes(value: Frozen) -> Array:
    """Central differences of φ with step 1, in fractions: φ is a line in each entry of θ."""
    x = exact(value.data.x)
    sides = [[exact_output(theta, x, value.pattern) for theta in pair] for pair in _moves(value)]
    return np.array([(up - down) / 2 for up, down in sides], dtype=float)


S53 = Claim(
    equation="S53",
    says="The gradient of the frozen predictor has the blocks of (S32) with the frozen pattern",
    tex=r"\nabla\varphi = \bigl[x\,w^{(2)} I_m;\; w^{(2)} I_m;\; z\,I_m;\; 1\bigr]",
    relation="=",
    instances=anywhere,
    left=_features,
    right={"autograd's frozen network": lambda value: autodiff.features(value.net, value.data.x, value.pattern),
           "exact differences": _exact_slopes},
    wrong=(
        Wrong("the third block clipped at 0", left=lambda value: _clipped(value)),
        Wrong("the network's own pattern", left=lambda value: tangent.features(value.net, value.data.x)),
        Wrong("no pattern in the third block", left=lambda value: _unfrozen(value)),
    ),
)


def _third_block(value: Frozen, block: Array) -> Array:
    """∇φ with another block for w2."""
    out, k = _features(value), value.net.k
    out[2 * k : 3 * k] = block
    return out


def _clipped(value: Frozen) -> Array:
    return _third_block(value, np.maximum(_features(value)[2 * value.net.k : 3 * value.net.k], 0))


def _unfrozen(value: Frozen) -> Array:
    return _third_block(value, value.net.preactivation(value.data.x).T)


# ---- the modes that meet -----------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Asked:
    """A network on data, and patterns of which it is asked whether they are those of modes that meet there."""

    meeting: Meeting
    patterns: tuple[Pattern, ...]


def _subsets(free: Pattern) -> NDArray:
    """All patterns that are 1 on a subset of the entries that are free, shape (2^f, n, k)."""
    places = np.flatnonzero(free)
    out = np.zeros((2**places.size, free.size), dtype=bool)
    out[:, places] = np.arange(2**places.size)[:, None] >> np.arange(places.size) & 1
    return out.reshape(-1, *free.shape)


def _asked() -> Iterator[Instance]:
    """Every pattern that agrees wherever a pre-activation is not 0, and as many that differ there in one entry."""
    found = [(name.removesuffix(", batches of 1"), None, Meeting(found.net, found.data)) for name, found in networks(2)]
    random = [(f"two thresholds on samples, {seed % 3} neurons with w1 = b1 = 0, seed {seed}", seed,
               kinked(seed, k=4, n=4, nowhere=seed % 3)) for seed in range(6)]
    for name, seed, meeting in (*found, *random):
        z = meeting.net.preactivation(meeting.data.x)
        agree = meeting.net.pattern(meeting.data.x) ^ _subsets(z == 0)
        yield Instance(name, seed, Asked(meeting, (*agree, *(agree ^ (np.abs(z) == np.abs(z).max())))))


def _listed(asked: Asked) -> Pattern:
    modes_here = {pattern.tobytes() for pattern in asked.meeting.here}
    return np.array([each.tobytes() in modes_here for each in asked.patterns])


def _by_programmes(asked: Asked) -> Pattern:
    """A linear programme for each neuron: is there a move with z > 0 on the active samples and z ≤ 0 on the others?"""
    net, x = asked.meeting.net, asked.meeting.data.x
    known: dict[tuple[int, bytes], bool] = {}
    for each in asked.patterns:
        for neuron, column in enumerate(each.T):
            if (key := (neuron, column.tobytes())) not in known:
                known[key] = _has_move(net.preactivation(x)[:, neuron], x, column)
    return np.array([all(known[i, column.tobytes()] for i, column in enumerate(each.T)) for each in asked.patterns])


def _has_move(z: Array, x: Array, active: Pattern) -> bool:
    """Whether some (a, b) has a x_j + b ≥ 1 for active j on the kink, and ≤ 0 for the others, and z agrees off it."""
    if np.any((z > 0) != active, where=z != 0):
        return False
    sides, here = np.where(active, -1.0, 1.0)[:, None], z == 0
    normals = (sides * np.column_stack([x, np.ones(x.size)]))[here]
    return not here.any() or linprog([0, 0], normals, -active[here].astype(float), bounds=(None, None)).status == 0


def _by_displacements(asked: Asked, draws: int = 1500) -> Pattern:
    """The patterns that each neuron has at many random displacements of 10⁻⁸; every neuron moves on its own."""
    net, x = asked.meeting.net, asked.meeting.data.x
    moves = 1e-8 * np.random.default_rng(0).standard_normal((draws, 2, net.k))
    z = (net.w1 + moves[:, :1]) * x[:, None] + net.b1 + moves[:, 1:]
    met = [{column.tobytes() for column in np.unique(z[:, :, i] > 0, axis=0)} for i in range(net.k)]
    return np.array([all(column.tobytes() in met[i] for i, column in enumerate(each.T)) for each in asked.patterns])


def _as_printed(asked: Asked) -> Pattern:
    """Whether a pattern agrees wherever the pre-activation is not 0."""
    z = asked.meeting.net.preactivation(asked.meeting.data.x)
    return np.array([not np.any((z > 0) != each, where=z != 0) for each in asked.patterns])


def _one_sided(asked: Asked) -> Pattern:
    """Neurons with w1 = b1 = 0 are active to the right of a threshold only."""
    order, nowhere = np.argsort(asked.meeting.data.x), asked.meeting.net.w1 == 0
    columns = np.array(asked.patterns)[:, order][:, :, nowhere].astype(int)
    return _listed(asked) & np.all(np.diff(columns, axis=1) >= 0, axis=(1, 2))


S54 = Claim(
    equation="S54",
    says="The modes in whose closure θ* lies are those that the library lists",
    tex=r"\theta^* \in \bar S_m \iff m \text{ is listed}",
    relation="=",
    instances=_asked,
    left=_listed,
    right={"linear programmes": _by_programmes, "displacements of the network": _by_displacements},
    wrong=(
        Wrong("as printed: every pattern that agrees where z is not 0", left=_as_printed),
        Wrong("to the right of a threshold only", left=_one_sided),
        Wrong("the network's own pattern only", left=lambda asked: np.array([
            np.array_equal(each, asked.meeting.here.own) for each in asked.patterns])),
    ),
    tolerance=Tolerance(0, why="both sides are yes or no"),
)


@dataclass(frozen=True)
class Counted:
    """How many samples, thresholds on samples, and neurons with w1 = b1 = 0."""

    n: int
    on_samples: int
    nowhere: int

    @cached_property
    def meeting(self) -> Meeting:
        """A network with so many, and one neuron besides."""
        x = np.linspace(-1, 1, self.n) ** 3 + 0.1
        w1 = np.append(np.ones(self.on_samples + 1), np.zeros(self.nowhere))
        b1 = np.append(np.append(-x[np.arange(self.on_samples) % self.n], 0.5), np.zeros(self.nowhere))
        net = Network(w1, b1, np.ones(w1.size), 0)
        return Meeting(net, Dataset(x, net(x)))


def _counts() -> Iterator[Instance]:
    for n, on_samples, nowhere in product((2, 3, 5), (0, 1, 2), (0, 1, 2)):
        yield Instance(f"{n} samples, {on_samples} thresholds on them, {nowhere} neurons with w1 = b1 = 0", None,
                       Counted(n, on_samples, nowhere))


def _by_angles(value: Counted) -> int:
    """Neuron by neuron: how many patterns (a, b) gives on the samples of its kink, as its angle goes around."""
    net, x, count = value.meeting.net, value.meeting.data.x, 1
    angles = np.linspace(0, 2 * np.pi, 20_000, endpoint=False) + 1e-5
    for z in net.preactivation(x).T:
        signs = np.outer(np.cos(angles), x[z == 0]) + np.sin(angles)[:, None] > 0
        count *= len(np.unique(signs, axis=0))
    return count


VII_COUNT = Claim(
    equation="VII.1",
    says="With T thresholds on samples and Z neurons with w1 = b1 = 0, on n samples, 2ᵀ(2n)ᶻ modes meet",
    tex=r"\#\{m : \theta^* \in \bar S_m\} = 2^T\,(2n)^Z",
    relation="=",
    instances=_counts,
    left=lambda value: 2**value.on_samples * (2 * value.n) ** value.nowhere,
    right={"the library's list": lambda value: value.meeting.here.count, "going around, neuron by neuron": _by_angles},
    wrong=(
        Wrong("2ⁿ patterns for a neuron without a threshold", left=lambda value:
              2**value.on_samples * 2 ** (value.n * value.nowhere)),
        Wrong("n + 1 patterns", left=lambda value: 2**value.on_samples * (value.n + 1) ** value.nowhere),
        Wrong("two patterns for every neuron at a kink", left=lambda value: 2 ** (value.on_samples + value.nowhere)),
    ),
    tolerance=Tolerance(0, why="whole numbers"),
)


@dataclass(frozen=True, eq=False)
class Counting:
    """The samples and the number of neurons whose patterns are counted."""

    x: Array
    k: int


def _counting() -> Iterator[Instance]:
    for n, k in ((1, 3), (2, 2), (3, 1), (3, 2), (4, 1), (4, 2), (5, 1)):
        x = np.linspace(-1, 1, n) ** 3 + 0.1 * n
        yield Instance(f"{n} samples, {k} neurons", None, Counting(x, k))


def _repeated() -> Iterator[Instance]:
    """The missing hypothesis: an input that occurs twice."""
    for n, k in ((3, 1), (4, 2)):
        x = np.linspace(-1, 1, n)
        yield Instance(f"{n} samples of which two are equal, {k} neurons", None, Counting(np.append(x[1:], x[1]), k))


def _not_empty_by_programmes(value: Counting) -> int:
    """All 2ⁿᵏ patterns, of which every column must have a linear programme with a solution."""
    columns = _subsets(np.ones((value.x.size, 1), dtype=bool))[:, :, 0]
    possible = {each.tobytes() for each in columns if _has_move(np.zeros(value.x.size), value.x, each)}
    patterns = _subsets(np.ones((value.x.size, value.k), dtype=bool))
    return sum(all(column.tobytes() in possible for column in each.T) for each in patterns)


def _not_empty_by_networks(value: Counting, draws: int = 20_000) -> int:
    """The patterns of many random networks."""
    w1, b1 = np.random.default_rng(0).standard_normal((2, draws, 1, value.k))
    patterns = w1 * value.x[:, None] + b1 > 0
    return len(np.unique(patterns.reshape(draws, -1), axis=0))


VII_EMPTY = Claim(
    equation="VII.4",
    says="Of the 2ⁿᵏ patterns of k neurons on n samples, (2n)ᵏ belong to some network",
    tex=r"\#\{m : S_m \ne \emptyset\} = (2n)^k",
    relation="=",
    instances=_counting,
    left=lambda value: (2 * value.x.size) ** value.k,
    right={"linear programmes": _not_empty_by_programmes, "patterns of random networks": _not_empty_by_networks},
    wrong=(
        Wrong("all 2ⁿᵏ", left=lambda value: 2 ** (value.x.size * value.k)),
        Wrong("active to the right only", left=lambda value: (value.x.size + 1) ** value.k),
        Wrong("all and none counted twice", left=lambda value: (2 * value.x.size + 2) ** value.k),
        Wrong("an input that occurs twice", instances=_repeated),
    ),
    tolerance=Tolerance(0, why="whole numbers"),
)


def _along_normals(meeting: Meeting) -> float:
    """The shortest way straight towards a kink until the real network toggles there, by bisection."""
    net, x = meeting.net, meeting.data.x[:, None]
    z = net.preactivation(meeting.data.x)
    low, high = np.zeros(z.shape), np.full(z.shape, 1e3)
    toward = -np.sign(z) / np.hypot(1, x)  # of b1; that of w1 is x times as much
    for _ in range(90):
        middle = (low + high) / 2
        same = ((net.w1 + middle * toward * x) * x + net.b1 + middle * toward > 0) == (z > 0)
        low, high = np.where(same, middle, low), np.where(same, high, middle)
    return float(low[z != 0].min())


def _least_moves(meeting: Meeting) -> float:
    """The least-norm move (a, b) of a neuron that brings z to 0 on a sample where it is not, over all of them."""
    z, x = meeting.net.preactivation(meeting.data.x), meeting.data.x
    moves = [np.linalg.lstsq(np.array([[x[j], 1.0]]), [-z[j, i]])[0] for j, i in np.argwhere(z != 0)]
    return float(np.linalg.norm(moves, axis=1).min())


def _knot_distance(meeting: Meeting) -> float:
    """The smallest distance, not 0, of a knot from a sample."""
    has_knot = meeting.net.w1 != 0
    distance = np.abs(meeting.net.thresholds[has_knot, None] - meeting.data.x)
    return float(distance[distance > 0].min())


VII_ROOM = Claim(
    equation="VII.2",
    says="How far θ* is from the next mode that does not meet there",
    tex=r"\min_{z_{ji} \ne 0} \tfrac{|z_{ji}|}{\sqrt{1 + x_j^2}} = \min_{m \notin \mathcal I} d(\theta^*, S_m)",
    relation="=",
    instances=meetings,
    left=lambda meeting: modes.room(meeting.net, meeting.data),
    right={"bisection towards each kink": _along_normals, "least norms": _least_moves},
    wrong=(
        Wrong("the smallest |z|", left=lambda meeting: float(
            np.abs(z := meeting.net.preactivation(meeting.data.x))[z != 0].min())),
        Wrong("the distance of a knot from a sample", left=_knot_distance),
        Wrong("√(1 + x²) on top", left=lambda meeting: float((
            modes.distances(meeting.net, meeting.data) * (1 + meeting.data.x**2)[:, None]
        )[meeting.net.preactivation(meeting.data.x) != 0].min())),
    ),
    tolerance=Tolerance(1e-8, why="pre-activations of 1e-7 that are rounded to 1e-16"),
)

# ---- at zero loss ------------------------------------------------------------------------------------------------


def _missed_meetings() -> Iterator[Instance]:
    """The missing hypothesis: labels that the network misses."""
    for each in meetings():
        yield replace(each, value=each.value.missed(0.1))


S55 = Claim(
    equation="S55",
    says="At zero loss the frozen predictor with the network's own pattern gives the labels",
    tex=r"\varphi(x_j;\theta^*,m'_j) = f(x_j;\theta^*) = y_j",
    relation="=",
    instances=meetings,
    left=lambda meeting: tangent.output(meeting.net, meeting.data.x, meeting.net.pattern(meeting.data.x)),
    right={"the labels": lambda meeting: meeting.data.y,
           "f, exact, neuron by neuron": lambda meeting: _exact_f(meeting.net, meeting.data.x)},
    wrong=(
        Wrong("a residual", instances=_missed_meetings),
        Wrong("all neurons active", left=lambda meeting: tangent.output(
            meeting.net, meeting.data.x, np.ones((meeting.data.n, meeting.net.k)))),
        Wrong("the pattern of the first sample for all", left=lambda meeting: tangent.output(
            meeting.net, meeting.data.x, np.tile(meeting.net.pattern(meeting.data.x)[:1], (meeting.data.n, 1)))),
    ),
)

S56 = Claim(
    equation="S56",
    says="At zero loss every mode that meets there gives the labels",
    tex=r"\varphi(x_j;\theta^*,m_j) = y_j \quad (m \in \mathcal I)",
    relation="=",
    instances=meetings,
    left=_in_all,
    right={"the labels": lambda meeting: _in_each(meeting, meeting.data.y),
           "exact fractions": lambda meeting: np.array([_in_fractions(Frozen(meeting.net, meeting.data, each))
                                                        for each in meeting.patterns])},
    wrong=(
        Wrong("a residual", instances=_missed_meetings),
        Wrong("modes that do not meet there", left=lambda meeting: _in_all(meeting, _beyond(meeting))),
        Wrong("thresholds that only nearly sit on samples", instances=_off_the_kink),
    ),
)


def _dead(seed: int) -> Meeting:
    """A network that is silent on all samples, at the mean of its labels: a critical point with a loss."""
    rng = np.random.default_rng(seed)
    x, y = np.sort(rng.uniform(-1, 1, 4)), rng.standard_normal(4)
    return Meeting(Network([1, -1], [-2, -2], rng.standard_normal(2), y.mean()), Dataset(x, y))


def _with_and_without_loss() -> Iterator[Instance]:
    for each in meetings():
        yield each
        yield Instance(f"{each.label}, labels missed by 0.1", each.seed, each.value.missed(0.1))
    for seed in range(3):
        yield Instance(f"silent on all samples, seed {seed}", seed, _dead(seed))


def _all_vanish(meeting: Meeting, patterns: list[Pattern] | None = None, size: int | None = None) -> Pattern:
    """For each mode, whether the gradients of all batches are 0."""
    values = [Frozen(meeting.net, meeting.data, each, size or meeting.size) for each in patterns or meeting.patterns]
    return np.array([np.abs(_gradients(value)).max() < 1e-9 for value in values])


def _vanish_nearby(meeting: Meeting) -> Pattern:
    """The same for the real network displaced by 10⁻⁹ into each mode, where its gradients are of that size."""
    values = [Frozen(net, meeting.data, net.pattern(meeting.data.x), meeting.size) for net in meeting.nearby]
    return np.array([np.abs(_real_gradients(value)).max() < 1e-6 for value in values])


S57 = Claim(
    equation="S57",
    says="In every mode the gradients of all batches (fewer than n samples) are 0 at θ* exactly if the loss is 0",
    tex=r"\hat g_m = 0 \text{ for all } b \iff \mathcal L(\theta^*) = 0 \quad (B < n)",
    relation="=",
    instances=_with_and_without_loss,
    left=_all_vanish,
    right={
        "no residual": lambda meeting: _in_each(meeting, not meeting.net.residual(meeting.data).any()),
        "autograd inside each mode": _vanish_nearby,
    },
    wrong=(
        Wrong("the mean over all samples only", left=lambda meeting: _all_vanish(meeting, size=meeting.data.n)),
        Wrong("modes that do not meet there", left=lambda meeting: _all_vanish(meeting, _beyond(meeting))),
        Wrong("residuals of mean 0", right=lambda meeting: _in_each(
            meeting, bool(abs(meeting.net.residual(meeting.data).mean()) < 1e-12))),
    ),
    tolerance=Tolerance(0, why="both sides are yes or no"),
)

# ---- the Hessian -------------------------------------------------------------------------------------------------


def _hessian(value: Frozen) -> Array:
    return tangent.hessian(value.net, value.data, value.pattern)


def _gradient_differences(value: Frozen) -> Array:
    """Central differences with step 1 of autograd's frozen gradient, less their third order; ψ is of fourth order."""

    def difference(step: float) -> Array:
        rows = []
        for move in step * np.eye(value.net.vector.size):
            sides = [Network.from_vector(value.net.vector + sign * move) for sign in (1, -1)]
            up, down = (autodiff.gradient(side, value.data, value.pattern) for side in sides)
            rows.append((up - down) / (2 * step))
        return np.array(rows)

    return (4 * difference(0.5) - difference(1.0)) / 3


def _with_f_residuals(value: Frozen) -> Array:
    """The residuals of f in place of those of φ."""
    shift = tangent.output(value.net, value.data.x, value.pattern) - value.net(value.data.x)
    return _hessian(replace(value, data=Dataset(value.data.x, value.data.y + shift)))


S58 = Claim(
    equation="S58",
    says="The Hessian of the loss in a mode is the Gauss-Newton part plus the residual part",
    tex=r"\nabla^2\psi_m = \tfrac1n \sum \nabla\varphi_j \nabla\varphi_j^\top + \tfrac1n \sum r_j \nabla^2\varphi_j",
    relation="=",
    instances=anywhere,
    left=_hessian,
    right={
        "autograd's frozen loss": lambda value: autodiff.hessian(value.net, value.data, value.pattern),
        "differences of the gradient": _gradient_differences,
    },
    wrong=(
        Wrong("no residual part", left=lambda value: tangent.gauss_newton(value.net, value.data, value.pattern)),
        Wrong("the residuals of f", left=_with_f_residuals),
        Wrong("the network's own pattern", left=lambda value: tangent.hessian(value.net, value.data)),
        Wrong("no 1/n", left=lambda value: _hessian(value) * value.data.n),
    ),
)


def _hessians(meeting: Meeting) -> Array:
    """∇²ψ_m(θ*) with both parts, for each mode."""
    return np.array([_hessian(Frozen(meeting.net, meeting.data, each)) for each in meeting.patterns])


def _outer_products(meeting: Meeting) -> Array:
    """(1/n) Σ_j ∇φ_j ∇φ_jᵀ with autograd's gradients of the frozen network."""
    return np.array([mean_outer(autodiff.features(meeting.net, meeting.data.x, each)) for each in meeting.patterns])


def _nearby_outer_products(meeting: Meeting) -> Array:
    """The same with autograd's gradients of the real network, displaced by 10⁻⁹ into each mode."""
    return np.array([mean_outer(autodiff.features(net, meeting.data.x)) for net in meeting.nearby])


DISPLACED = Tolerance(1e-7, why="gradients move by about as much as the displacement of 1e-9")
SAME_OR_DISPLACED = {"autograd's frozen network": Tolerance(1e-12, why="sums of ten products, rounded to 1e-16"),
                     "autograd inside each mode": DISPLACED}

S59 = Claim(
    equation="S59",
    says="At zero loss the residual part is gone in every mode, and the Hessian is a mean of outer products",
    tex=r"\nabla^2\psi_m(\theta^*) = \tfrac1n \sum_j \nabla\varphi_j \nabla\varphi_j^\top",
    relation="=",
    instances=meetings,
    left=_hessians,
    right={"autograd's frozen network": _outer_products, "autograd inside each mode": _nearby_outer_products},
    wrong=(
        Wrong("a residual", instances=_missed_meetings),
        Wrong("the network's own mode for all", left=lambda meeting: _in_each(
            meeting, tangent.hessian(meeting.net, meeting.data))),
        Wrong("the Hessian of a batch", left=lambda meeting: np.array([
            tangent.hessian(meeting.net, _part(meeting.data, np.arange(2)), each[:2]) for each in meeting.patterns])),
    ),
    tolerance=SAME_OR_DISPLACED,
)


def _all_features(meeting: Meeting) -> Array:
    """Φ_m of each mode."""
    return np.array([tangent.features(meeting.net, meeting.data.x, each) for each in meeting.patterns])


def _products(meeting: Meeting) -> Array:
    """Φ_mΦ_mᵀ/n of each mode."""
    return _all_features(meeting) @ _all_features(meeting).swapaxes(1, 2) / meeting.data.n


S60 = Claim(
    equation="S60",
    says="With the tangent features Φ_m of a mode its Hessian at zero loss is Φ_mΦ_mᵀ/n",
    tex=r"H_m = \tfrac1n\,\Phi_m \Phi_m^\top",
    relation="=",
    instances=lambda: meetings(1),  # autograd takes a second for each Hessian of 241 parameters
    left=_products,
    right={"autograd's frozen network": lambda meeting: np.array([
        autodiff.hessian(meeting.net, meeting.data, each) for each in meeting.patterns]),
        "autograd inside each mode": _nearby_outer_products},
    wrong=(
        Wrong("no 1/n", left=lambda meeting: _products(meeting) * meeting.data.n),
        Wrong("the features of the network's own mode", left=lambda meeting: _in_each(
            meeting, tangent.gauss_newton(meeting.net, meeting.data))),
        Wrong("labels that f misses by 1", left=lambda meeting: _hessians(meeting.missed())),
    ),
    tolerance=SAME_OR_DISPLACED,
)


def _by_singular_values(meeting: Meeting) -> Array:
    """‖Φ‖²/n by autograd, displaced by 10⁻⁹ into each mode."""
    norms = [np.linalg.norm(autodiff.features(net, meeting.data.x), 2) for net in meeting.nearby]
    return np.array(norms) ** 2 / meeting.data.n


def _sharpnesses(meeting: Meeting, order: int = 1) -> Array:
    """Those of the library's whole list that the oracles are asked for."""
    return modes.sharpnesses(meeting.net, meeting.data)[::order][meeting.few]


VII_SHARPNESS = Claim(
    equation="VII.3",
    says="The sharpness of every mode, from n×n matrices that are sums over neurons",
    tex=r"\lambda_{\max}(H_m) = \lambda_{\max}\bigl(\tfrac1n \Phi_m^\top \Phi_m\bigr)",
    relation="=",
    instances=meetings,
    left=_sharpnesses,
    right={
        "singular values of Φ inside each mode": _by_singular_values,
        "the whole matrix": lambda meeting: np.array([np.linalg.eigvalsh(
            tangent.gauss_newton(meeting.net, meeting.data, each))[-1] for each in meeting.patterns]),
    },
    wrong=(
        Wrong("the modes in the opposite order", left=lambda meeting: _sharpnesses(meeting, order=-1)),
        Wrong("that of the network's own mode", left=lambda meeting: np.full(
            len(meeting.few), tangent.interpolation_sharpness(meeting.net, meeting.data))),
    ),
    tolerance=DISPLACED,
)
