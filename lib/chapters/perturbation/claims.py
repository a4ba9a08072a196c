"""Chapter VIII: Lemma 5, the perturbation bound (S61–S70), and what the book adds (VIII.1 to VIII.5)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import orth

from ledgerbook.claim import Attack, Claim, Instance, Tolerance, Wrong
from stableminima import autodiff, modes, perturbation, switching, tangent
from stableminima.network import Dataset, Network

from ..common import Array
from ..instances import minima, random_case

Pattern = NDArray[np.bool_]

# ---- what the claims are tested on -------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Meeting:
    """A network at zero loss where several modes meet, and a vector u of shape (n,), not 0, where a claim has one."""

    net: Network
    data: Dataset
    u: Array

    @cached_property
    def patterns(self) -> Array:
        """I_m of all modes, shape (modes, n, k)."""
        return np.array(list(modes.adjacent(self.net, self.data)))

    @cached_property
    def whole(self) -> Array:
        """Φ_m of all modes, shape (modes, 3k+1, n)."""
        return np.array([tangent.features(self.net, self.data.x, each) for each in self.patterns])

    @cached_property
    def features(self) -> Array:
        """The same in an orthonormal basis of what all their columns span, which changes no norm."""
        return orth(np.hstack(list(self.whole))).T @ self.whole

    @cached_property
    def hessians(self) -> Array:
        """H_m in that basis."""
        return self.features @ self.features.swapaxes(1, 2) / self.data.n

    @cached_property
    def tops(self) -> tuple[Array, Array]:
        """λ_max(H_m) and a unit vector q for it, for every mode."""
        values, vectors = np.linalg.eigh(self.hessians)
        return values[:, -1], vectors[:, :, -1]

    @cached_property
    def pairs(self) -> tuple[NDArray, NDArray]:
        """All pairs of different modes, in both orders."""
        return np.nonzero(~np.eye(len(self.patterns), dtype=bool))

    @cached_property
    def gaps(self) -> Array:
        """‖Φ_m - Φ_m'‖ of every pair, by singular values."""
        return _each_pair(self, self.features, _operator_norms)

    @cached_property
    def hessian_gaps(self) -> Array:
        """‖H_m - H_m'‖ of every pair."""
        return _each_pair(self, self.hessians, lambda change: np.abs(np.linalg.eigvalsh(change)).max(axis=1))

    @property
    def direction(self) -> Array:
        """u/‖u‖."""
        return self.u / np.linalg.norm(self.u)

    def gathered(self, values: Array) -> Array:
        """The values of the second mode of each pair plus those of the first."""
        first, second = self.pairs
        return values[first] + values[second]


def _operator_norms(matrices: Array) -> Array:
    return np.linalg.norm(matrices, 2, axis=(1, 2))


def _each_pair(meeting: Meeting, matrices: Array, norms: Callable[[Array], Array]) -> Array:
    """Norms of the difference of every pair of matrices, one row of the table at a time; they do not know the order."""
    table = np.zeros((len(matrices), len(matrices)))
    for mode in range(len(matrices) - 1):
        table[mode, mode + 1 :] = norms(matrices[mode] - matrices[mode + 1 :])
    return (table + table.T)[meeting.pairs]


def kinked(seed: int, k: int = 4, n: int = 4, nowhere: int = 0) -> Meeting:
    """A random network with two knots on one sample and one on another, and some neurons with w1 = b1 = 0."""
    case = random_case(seed, k, n)
    x, w1, b1 = case.data.x, case.net.w1.copy(), case.net.b1.copy()
    for neuron, sample in ((0, 1), (1, 1), (2, 3)):
        b1[neuron] = -w1[neuron] * x[sample]
    w1[:nowhere] = b1[:nowhere] = 0.0
    net = Network(w1, b1, case.net.w2, case.net.b2)
    return Meeting(net, Dataset(x, net(x)), np.random.default_rng(seed).standard_normal(n))


def tower(height: float, neurons: int = 1, x: tuple[float, ...] = (1.0,)) -> Meeting:
    """Neurons of one knot on the first sample and w2 = ``height``: where the constants of the lemma are tested."""
    inputs = np.array(x)
    net = Network(np.ones(neurons), np.full(neurons, -x[0]), np.full(neurons, height), 0)
    return Meeting(net, Dataset(inputs, net(inputs)), np.eye(inputs.size)[0])


def everywhere(x: tuple[float, ...]) -> Meeting:
    """One neuron with w1 = b1 = 0 and w2 = 1, which the print overlooks."""
    return Meeting(Network([0], [0], [1], 0), Dataset(x, np.zeros(len(x))), np.ones(len(x)))


@lru_cache(maxsize=16)  # the claims share what each of them computes of its modes
def _found(knots: int, count: int) -> tuple[tuple[str, Meeting], ...]:
    out = []
    for each in minima(count):
        x = each.value.data.x
        net = switching.snapped(each.value.net, x, knots, within=1e-5)
        here = Meeting(net, Dataset(x, net(x)), np.random.default_rng(knots).standard_normal(x.size))
        _ = here.patterns  # the modes are given to the claims: (S54) checks the list
        out.append((f"{each.label}, {knots} knots on samples", here))
    return tuple(out)


def _random() -> Iterator[Instance]:
    for seed in range(6):
        yield Instance(f"three knots on two samples, seed {seed}", seed, kinked(seed))


def _towers() -> Iterator[Instance]:
    for height, neurons, x in ((1, 1, (1.0,)), (3, 2, (1.0, -1.0)), (30, 1, (1.0,)), (30, 4, (1.0, -1.0))):
        yield Instance(f"{neurons} neurons of weight {height}, {len(x)} samples", None, tower(height, neurons, x))


def meetings() -> Iterator[Instance]:
    """Minima that descent found, with 2, 4 and 8 knots on samples; random networks; and the extremal ones."""
    for knots, count in ((2, 3), (4, 3), (8, 1)):
        yield from (Instance(label, None, here) for label, here in _found(knots, count))
    yield from _random()
    yield from _towers()


def few_modes() -> Iterator[Instance]:
    """The same with 16 modes at most."""
    return (each for each in meetings() if modes.adjacent(each.value.net, each.value.data).count <= 16)


def _overlooked() -> Iterator[Instance]:
    """Neurons with w1 = b1 = 0."""
    for seed in range(4):
        yield Instance(f"1 neuron with w1 = b1 = 0, seed {seed}", seed, kinked(seed, nowhere=1))
    for x in ((0.5, 1.0), (0.7, 0.8, 0.9, 1.0), (-1.0, -0.3, 0.4, 1.0)):
        yield Instance(f"one neuron with w1 = b1 = 0, samples {x}", None, everywhere(x))


# ---- moves that keep the kinks, for attacks ----------------------------------------------------------------------


def _parameters(meeting: Meeting) -> Array:
    return np.concatenate([meeting.net.w1, meeting.net.b1, meeting.net.w2, meeting.u])


def _with_parameters(vector: Array, meeting: Meeting) -> Meeting | None:
    """Other weights and another u; every neuron keeps the samples that its kink is on."""
    k, at_kink = meeting.net.k, meeting.net.preactivation(meeting.data.x) == 0
    w1, b1, w2 = vector[: 3 * k].reshape(3, k)
    nowhere = (meeting.net.w1 == 0) & (meeting.net.b1 == 0)
    w1 = np.where(nowhere, 0.0, w1)
    b1 = np.where(at_kink.any(axis=0), -w1 * meeting.data.x[at_kink.argmax(axis=0)], b1) + 0.0
    net, u = Network(w1, b1, w2, meeting.net.b2), vector[3 * k :]
    if not u.any() or not np.array_equal(net.preactivation(meeting.data.x) == 0, at_kink):
        return None
    return Meeting(net, Dataset(meeting.data.x, net(meeting.data.x)), u)


ANY_WEIGHTS = Attack(start=_parameters, build=_with_parameters, steps=120)

# ---- from the lemma to the features ------------------------------------------------------------------------------


def moved(meeting: Meeting, vectors: Array | None = None) -> Array:
    """‖H_m' q - λ q‖ for every pair, with (λ, q) of the first mode."""
    first, second = meeting.pairs
    values, tops = meeting.tops
    q = (tops if vectors is None else vectors)[first]
    image = np.einsum("pab,pb->pa", meeting.hessians[second], q)
    return np.linalg.norm(image - values[first, None] * q, axis=1)


def _any_vector(meeting: Meeting) -> Array:
    """Unit vectors that are no eigenvectors."""
    values = np.random.default_rng(0).standard_normal(meeting.tops[1].shape)
    return values / np.linalg.norm(values, axis=1, keepdims=True)


S61 = Claim(
    equation="S61",
    says="The top eigenvector of a mode is as good for another one as their Hessians are close, for all pairs",
    tex=r"\|H_{\tilde m} q - \lambda q\| \le \|H_{\tilde m} - H_m\|",
    relation="<=",
    instances=meetings,
    left=moved,
    right={"eigenvalues of the difference": lambda meeting: meeting.hessian_gaps},
    wrong=(
        Wrong("q any unit vector", left=lambda meeting: moved(meeting, _any_vector(meeting))),
        Wrong("the difference of the sharpnesses", right=lambda meeting: np.abs(np.subtract(
            *(meeting.tops[0][mode] for mode in meeting.pairs)))),
        Wrong("half of it", right=lambda meeting: meeting.hessian_gaps / 2),
    ),
    attack=ANY_WEIGHTS,
)


def _along(meeting: Meeting) -> Array:
    """A direction in parameter space, shape (3k+1,)."""
    return np.random.default_rng(1).standard_normal(meeting.net.vector.size)


def _products(meeting: Meeting) -> Array:
    """Φ_mΦ_mᵀ v/n of every mode."""
    return meeting.whole @ (meeting.whole.swapaxes(1, 2) @ _along(meeting))[..., None] / meeting.data.n


def _gradient_differences(meeting: Meeting) -> Array:
    """Differences of autograd's ∇ψ_m along v, less their third order: ∇ψ_m is a cubic polynomial there."""

    def difference(pattern: Pattern, step: float) -> Array:
        sides = [Network.from_vector(meeting.net.vector + sign * step * _along(meeting)) for sign in (1, -1)]
        up, down = (autodiff.gradient(side, meeting.data, pattern) for side in sides)
        return (up - down) / (2 * step)

    return np.array([(4 * difference(each, 0.5) - difference(each, 1.0)) / 3 for each in meeting.patterns])[..., None]


def _outer_products(meeting: Meeting) -> Array:
    """(1/n) Σ_j ∇φ_j (∇φ_jᵀ v) with autograd's gradients."""
    columns = np.array([autodiff.features(meeting.net, meeting.data.x, each) for each in meeting.patterns])
    weights = np.einsum("mdj,d->mj", columns, _along(meeting))
    return (columns * weights[:, None]).mean(axis=2)[..., None]


S62 = Claim(
    equation="S62",
    says="In every mode the Hessian at zero loss is Φ_mΦ_mᵀ/n, tried on a vector v",
    tex=r"H_m v = \tfrac1n \Phi_m \Phi_m^\top v",
    relation="=",
    instances=few_modes,
    left=_products,
    right={"differences of autograd's gradient": _gradient_differences, "autograd's outer products": _outer_products},
    wrong=(
        Wrong("no 1/n", left=lambda meeting: _products(meeting) * meeting.data.n),
        Wrong("the modes in the opposite order", left=lambda meeting: _products(meeting)[::-1]),
    ),
    tolerance={"differences of autograd's gradient": Tolerance(1e-9, why="cubic terms a hundred times the result"),
               "autograd's outer products": Tolerance(1e-12, why="sums of a few hundred products")},
)


def _two_products(meeting: Meeting) -> tuple[Array, Array]:
    """‖(Φ_m - Φ_m')Φ_mᵀ‖ and ‖Φ_m'(Φ_m - Φ_m')ᵀ‖ of every pair."""
    (first, second), columns = meeting.pairs, meeting.features
    change = columns[first] - columns[second]
    return (_operator_norms(change @ columns[first].swapaxes(1, 2)),
            _operator_norms(columns[second] @ change.swapaxes(1, 2)))


def _split(meeting: Meeting) -> Array:
    """Their sum over n."""
    return sum(_two_products(meeting)) / meeting.data.n


def _as_printed(meeting: Meeting) -> Array:
    """1/n at the first of them only."""
    one, two = _two_products(meeting)
    return one / meeting.data.n + two


def _norm_products(meeting: Meeting) -> Array:
    """(1/n)(‖Φ_m - Φ_m'‖‖Φ_m‖ + ‖Φ_m'‖‖Φ_m - Φ_m'‖)."""
    norms = _operator_norms(meeting.features)
    return meeting.gaps * meeting.gathered(norms) / meeting.data.n


def _root_sum(meeting: Meeting) -> Array:
    """√λ_max(H_m) + √λ_max(H_m') of every pair."""
    return meeting.gathered(np.sqrt(meeting.tops[0]))


def by_roots(meeting: Meeting) -> Array:
    """‖Φ_m - Φ_m'‖/√n (√λ_max(H_m) + √λ_max(H_m'))."""
    return meeting.gaps * _root_sum(meeting) / np.sqrt(meeting.data.n)


def _one_root(meeting: Meeting, which: int, gaps: Array | float) -> Array:
    """The same with the root of one of the two modes only."""
    return gaps * np.sqrt(meeting.tops[0][meeting.pairs[which]] / meeting.data.n)


S63_SPLIT = Claim(
    equation="S63",
    part="split",
    says="The difference of two products is split into two, by the triangle inequality",
    tex=(r"\|H_m - H_{\tilde m}\| \le \tfrac1n\bigl(\|\Delta\,\Phi_m^\top\| + \|\Phi_{\tilde m}\Delta^\top\|\bigr),"
         r"\ \Delta = \Phi_m - \Phi_{\tilde m}"),
    relation="<=",
    instances=few_modes,
    left=lambda meeting: meeting.hessian_gaps,
    right={"two products": _split},
    wrong=(
        Wrong("the first product alone", right=lambda meeting: _two_products(meeting)[0] / meeting.data.n),
        Wrong("the product of the differences", right=lambda meeting: meeting.gaps**2 / meeting.data.n),
    ),
    attack=ANY_WEIGHTS,
)

S63_NORMS = Claim(
    equation="S63",
    part="norms",
    says="The norm of a product is at most the product of the norms",
    tex=(r"\tfrac1n\bigl(\|\Delta\,\Phi_m^\top\| + \|\Phi_{\tilde m}\Delta^\top\|\bigr)"
         r" \le \tfrac1n\bigl(\|\Delta\|\|\Phi_m\| + \|\Phi_{\tilde m}\|\|\Delta\|\bigr)"),
    relation="<=",
    instances=few_modes,
    left=_split,
    right={"norms of the features": _norm_products},
    wrong=(
        Wrong("as printed: 1/n at the first norm only", left=_as_printed),
        Wrong("the second term forgotten", right=lambda meeting: _one_root(meeting, 0, meeting.gaps)),
    ),
    attack=ANY_WEIGHTS,
)

S63 = Claim(
    equation="S63",
    says="Two Hessians are as close as the features, times the roots of both sharpnesses",
    tex=(r"\|H_m - H_{\tilde m}\| \le \tfrac{\|\Phi_m - \Phi_{\tilde m}\|}{\sqrt n}"
         r"\bigl(\sqrt{\lambda_{\max}(H_m)} + \sqrt{\lambda_{\max}(H_{\tilde m})}\bigr)"),
    relation="<=",
    instances=meetings,
    left=lambda meeting: meeting.hessian_gaps,
    right={"norms of the features": _norm_products, "roots of the sharpnesses": by_roots},
    wrong=(
        Wrong("the root of the second mode only", right=lambda meeting: _one_root(meeting, 1, meeting.gaps)),
        Wrong("n in place of √n", right=lambda meeting: by_roots(meeting) / np.sqrt(meeting.data.n)),
    ),
    attack=ANY_WEIGHTS,
)

# ---- how the features change -------------------------------------------------------------------------------------


def _switched(meeting: Meeting) -> Array:
    """a of every pair, shape (pairs, n, k)."""
    first, second = meeting.pairs
    return (meeting.patterns[first] ^ meeting.patterns[second]).astype(float)


def _most_toggles(meeting: Meeting) -> Array:
    """The most neurons that toggle on each sample, and the most samples that each neuron toggles on, in any pair."""
    a = _switched(meeting)
    return np.concatenate([a.sum(axis=2).max(axis=0), a.sum(axis=1).max(axis=0)])


def _by_thresholds(meeting: Meeting) -> Array:
    """How many thresholds are each sample, and 1 for the neurons whose threshold is one."""
    on = np.isclose(meeting.net.thresholds, meeting.data.x[:, None], rtol=1e-12, atol=0) & (meeting.net.w1 != 0)
    return np.concatenate([on.sum(axis=1), on.any(axis=0)]).astype(float)


def _by_displacements(meeting: Meeting, draws: int = 400) -> Array:
    """The same counts of toggles between random displacements of the network by 10⁻⁹, which find all its modes."""
    moves = 1e-9 * np.random.default_rng(0).standard_normal((draws, 2, meeting.net.k))
    x = meeting.data.x[:, None]
    found = (meeting.net.w1 + moves[:, :1]) * x + meeting.net.b1 + moves[:, 1:] > 0
    changing = found.any(axis=0) & ~found.all(axis=0)  # neurons move on their own: all of a sample can toggle at once
    return np.concatenate([changing.sum(axis=1), _most_differences(found)]).astype(float)


def _most_differences(found: Pattern) -> NDArray:
    """For each neuron, on how many samples two of its columns differ at most."""
    columns = [np.unique(found[:, :, i], axis=0) for i in range(found.shape[2])]
    return np.array([(each[:, None] ^ each).sum(axis=2).max() for each in columns])


S64 = Claim(
    equation="S64",
    says="On a sample p_j neurons toggle at most, and a neuron on one sample; some pair reaches both",
    tex=(r"\max_{m,\tilde m} \sum_i a(i,j) = p_j, \quad"
         r" \max_{m,\tilde m} \sum_j a(i,j) = \bigl[\tau_i \text{ is a sample}\bigr]"),
    relation="=",
    instances=few_modes,
    left=_most_toggles,
    right={"thresholds": _by_thresholds, "displacements of the network": _by_displacements},
    wrong=(
        Wrong("as printed: neurons with w1 = b1 = 0 too", instances=_overlooked),
        Wrong("one neuron on each sample", left=lambda meeting: np.minimum(_most_toggles(meeting), 1)),
        Wrong("between the first mode and the second", left=lambda meeting: np.concatenate([
            _switched(meeting)[0].sum(axis=1), _switched(meeting)[0].sum(axis=0)])),
    ),
    tolerance=Tolerance(0, why="whole numbers"),
)


def _changes(meeting: Meeting) -> Array:
    """Φ_m - Φ_m' with all 3k+1 rows, of every pair."""
    first, second = meeting.pairs
    return meeting.whole[first] - meeting.whole[second]


def _with_overlooked() -> Iterator[Instance]:
    yield from _overlooked()
    yield from (each for each in few_modes() if each.value.net.k < 10)


S65 = Claim(
    equation="S65",
    says="The norm of a matrix is at most that of its absolute values, whatever toggles",
    tex=(r"\|\Phi_m - \Phi_{\tilde m}\|^2 \le \max_{\|u\| = 1} \sum_r \Bigl(\sum_j |u_j|\,"
         r"|[\Phi_m - \Phi_{\tilde m}]_{rj}|\Bigr)^{\!2}"),
    relation="<=",
    instances=_with_overlooked,
    left=lambda meeting: _operator_norms(_changes(meeting)) ** 2,
    right={"absolute values": lambda meeting: _operator_norms(np.abs(_changes(meeting))) ** 2},
    wrong=(
        Wrong("the largest entry", right=lambda meeting: np.abs(_changes(meeting)).max(axis=(1, 2)) ** 2),
        Wrong("all entries of u equal", right=lambda meeting: (
            np.abs(_changes(meeting)).mean(axis=2) ** 2).sum(axis=1) * meeting.data.n),
    ),
    attack=ANY_WEIGHTS,
)


def _weighted(meeting: Meeting) -> Array:
    """Σ_r (Σ_j |u_j| |Φ_m - Φ_m'|_rj)² for the unit vector u, of every pair."""
    return ((np.abs(_changes(meeting)) @ np.abs(meeting.direction)) ** 2).sum(axis=1)


def _counted(meeting: Meeting) -> Array:
    """Σ_i (Σ_j |u_j| a(i,j))² for the unit vector u, of every pair."""
    return ((np.abs(meeting.direction) @ _switched(meeting)) ** 2).sum(axis=1)


def _bound(meeting: Meeting) -> float:
    """C, from all modes in turn."""
    return float(np.abs(meeting.whole).max())


def _own_bound(meeting: Meeting) -> float:
    """C from the network's own mode alone."""
    return float(np.abs(tangent.features(meeting.net, meeting.data.x)).max())


S66 = Claim(
    equation="S66",
    says="Three blocks of entries change, each by at most C where a neuron toggles",
    tex=(r"\sum_r \Bigl(\sum_j |u_j|\,|[\Phi_m - \Phi_{\tilde m}]_{rj}|\Bigr)^{\!2}"
         r" \le 3C^2 \sum_i \Bigl(\sum_j |u_j|\, a(i,j)\Bigr)^{\!2}"),
    relation="<=",
    instances=_with_overlooked,
    left=_weighted,
    right={"C from all modes": lambda meeting: 3 * _bound(meeting) ** 2 * _counted(meeting)},
    wrong=(
        Wrong("one block", right=lambda meeting: _bound(meeting) ** 2 * _counted(meeting)),
        Wrong("C from the network's own mode", right=lambda meeting: 3 * _own_bound(meeting) ** 2 * _counted(meeting)),
    ),
    attack=ANY_WEIGHTS,
)


def _crowd(meeting: Meeting) -> int:
    """p_max."""
    return int(perturbation.on_samples(meeting.net, meeting.data).max())


def _without_overlooked() -> Iterator[Instance]:
    """Where (S64) holds, on two samples or more, with u on the sample where most neurons toggle, too."""
    for each in few_modes():
        if each.value.data.n == 1:  # there u has no direction to choose
            continue
        yield each
        crowded = perturbation.on_samples(each.value.net, each.value.data).argmax()
        on_it = replace(each.value, u=np.eye(each.value.data.n)[crowded])
        yield Instance(f"{each.label}, u on the crowded sample", each.seed, on_it)


S67 = Claim(
    equation="S67",
    says="For every unit vector u, the sum is at most p_max, as a neuron toggles on one sample",
    tex=r"\sum_i \Bigl(\sum_j |u_j|\, a(i,j)\Bigr)^{\!2} \le p_{\max}",
    relation="<=",
    instances=_without_overlooked,
    left=_counted,
    right={"p_max": lambda meeting: np.full(len(meeting.pairs[0]), float(_crowd(meeting)))},
    wrong=(
        Wrong("as printed: neurons with w1 = b1 = 0 too", instances=_overlooked),
        Wrong("one less", right=lambda meeting: np.full(len(meeting.pairs[0]), _crowd(meeting) - 1.0)),
        Wrong("the square outside of the sum over neurons", left=lambda meeting: (
            np.abs(meeting.direction) @ _switched(meeting)).sum(axis=1) ** 2),
    ),
    attack=ANY_WEIGHTS,
)

# ---- the lemma ---------------------------------------------------------------------------------------------------


def _counted_gaps(meeting: Meeting, constant: float = 3, of: Callable[[Meeting], float] = _bound) -> Array:
    """√3 C √p_max, once for each pair."""
    return np.full(len(meeting.pairs[0]), of(meeting) * np.sqrt(constant * _crowd(meeting)))


S68 = Claim(
    equation="S68",
    says="The features of any two modes differ by at most √3 C √p_max",
    tex=r"\|\Phi_m - \Phi_{\tilde m}\| \le \sqrt3\, C \sqrt{p_{\max}}",
    relation="<=",
    instances=meetings,
    left=lambda meeting: meeting.gaps,
    right={
        "C from all modes in turn": _counted_gaps,
        "C in closed form": lambda meeting: np.full(
            len(meeting.pairs[0]), perturbation.counted_gap(meeting.net, meeting.data)),
    },
    wrong=(
        Wrong("as printed: neurons with w1 = b1 = 0 too", instances=_overlooked),
        Wrong("one block in place of three", right=lambda meeting: _counted_gaps(meeting, constant=1)),
        Wrong("C from the network's own mode", right=lambda meeting: _counted_gaps(meeting, of=_own_bound)),
    ),
    attack=ANY_WEIGHTS,
)


def lemma(meeting: Meeting, constant: float = 3) -> Array:
    """√3 C (√λ_max(H_m) + √λ_max(H_m')) √(p_max/n)."""
    return _counted_gaps(meeting, constant) * _root_sum(meeting) / np.sqrt(meeting.data.n)


S69 = Claim(
    equation="S69",
    says="So the top eigenpair of a mode nearly is one of any other",
    tex=(r"\|H_{\tilde m} q - \lambda q\| \le \sqrt3\, C \bigl(\sqrt{\lambda_{\max}(H_m)}"
         r" + \sqrt{\lambda_{\max}(H_{\tilde m})}\bigr) \sqrt{p_{\max}/n}"),
    relation="<=",
    instances=meetings,
    left=moved,
    right={"sharpness of the Hessians": lemma},
    wrong=(
        Wrong("the root of the second mode only", right=lambda meeting: _one_root(
            meeting, 1, _counted_gaps(meeting))),
        Wrong("n in place of √n", right=lambda meeting: lemma(meeting) / np.sqrt(meeting.data.n)),
        Wrong("one block in place of three", right=lambda meeting: lemma(meeting, constant=1)),
    ),
    attack=ANY_WEIGHTS,
)


def _top_pair_gaps(meeting: Meeting) -> Array:
    """‖H̃q - λ_max(H)q‖ of every pair, by the library."""
    return np.array([perturbation.top_pair_gap(meeting.net, meeting.data, meeting.patterns[one], meeting.patterns[two])
                     for one, two in zip(*meeting.pairs, strict=True)])


def _by_norms(meeting: Meeting) -> Array:
    """The bound with √λ_max(H) = ‖Φ_m‖/√n."""
    roots = meeting.gathered(_operator_norms(meeting.whole)) / np.sqrt(meeting.data.n)
    crowd = _crowd(meeting) / meeting.data.n
    return np.sqrt(3) * perturbation.gradient_bound(meeting.net, meeting.data) * roots * np.sqrt(crowd)


S70 = Claim(
    equation="S70",
    says="Lemma 5, for every mode H with its top eigenpair and every other mode H̃",
    tex=(r"\|\tilde H q - \lambda_{\max}(H) q\| \le \sqrt3\, C \bigl(\sqrt{\lambda_{\max}(H)}"
         r" + \sqrt{\lambda_{\max}(\tilde H)}\bigr) \sqrt{p_{\max}/n}"),
    relation="<=",
    instances=lambda: (each for each in few_modes() if each.value.net.k < 10 or len(each.value.patterns) < 16),
    left=_top_pair_gaps,
    right={"norms of the features": _by_norms},
    wrong=(
        Wrong("as printed: neurons with w1 = b1 = 0 too", instances=_overlooked),
        Wrong("one block in place of three", right=lambda meeting: _by_norms(meeting) / np.sqrt(3)),
        Wrong("p_max of the sample where fewest toggle", right=lambda meeting: _by_norms(meeting) * np.sqrt(
            perturbation.on_samples(meeting.net, meeting.data).min() / _crowd(meeting))),
    ),
    attack=replace(ANY_WEIGHTS, starts=1, steps=60),  # the library takes the pairs one by one
)

# ---- what the book adds ------------------------------------------------------------------------------------------


def _library_gaps(meeting: Meeting) -> Array:
    """‖Φ_m - Φ_m'‖ of every pair, by the library's n×n matrix."""
    return np.array([perturbation.feature_gap(meeting.net, meeting.data.x, meeting.patterns[one], meeting.patterns[two])
                     for one, two in zip(*meeting.pairs, strict=True)])


def _largest_column(meeting: Meeting) -> Array:
    """max_j (1 + x_j²) Σ_i a(i,j) w2_i², rooted."""
    columns = (_switched(meeting) @ meeting.net.w2**2) * (1 + meeting.data.x**2)
    return np.sqrt(columns.max(axis=1))


def _autograd_gaps(meeting: Meeting) -> Array:
    """Singular values of the difference of autograd's gradients of the frozen network."""
    columns = np.array([autodiff.features(meeting.net, meeting.data.x, each) for each in meeting.patterns])
    first, second = meeting.pairs
    return _operator_norms(columns[first] - columns[second])


VIII_EXACT = Claim(
    equation="VIII.1",
    says="How far the features of two modes are apart is the largest sum of squares over the samples",
    tex=r"\|\Phi_m - \Phi_{\tilde m}\|^2 = \max_j\, (1 + x_j^2) \sum_i a(i,j)\, (w^{(2)}_i)^2",
    relation="=",
    instances=few_modes,
    left=_library_gaps,
    right={"the largest column": _largest_column, "autograd's frozen network": _autograd_gaps},
    wrong=(
        Wrong("neurons with w1 = b1 = 0 too", instances=_overlooked),
        Wrong("the sum over the samples", right=lambda meeting: np.sqrt(
            (_switched(meeting) @ meeting.net.w2**2 * (1 + meeting.data.x**2)).sum(axis=1))),
        Wrong("no 1 + x²", right=lambda meeting: np.sqrt((_switched(meeting) @ meeting.net.w2**2).max(axis=1))),
        Wrong("the largest neuron", right=lambda meeting: np.abs(
            _switched(meeting) * meeting.net.w2 * np.hypot(1, meeting.data.x)[:, None]).max(axis=(1, 2))),
    ),
    tolerance=Tolerance(1e-9, why="roots of eigenvalues that are rounded to 1e-16 of the largest"),
)


def _by_knots(meeting: Meeting) -> float:
    """The formula with the weights of all neurons whose threshold is a sample, one sample after the other."""
    net, sums = meeting.net, []
    for point in meeting.data.x:
        here = np.isclose(net.thresholds, point, rtol=1e-12, atol=0) & (net.w1 != 0)
        sums.append((1 + point**2) * (net.w2[here] ** 2).sum())
    return float(np.sqrt(max(sums)))


VIII_WIDEST = Claim(
    equation="VIII.1",
    part="worst pair",
    says="The pair that is farthest apart toggles all neurons of one sample",
    tex=(r"\max_{m,\tilde m} \|\Phi_m - \Phi_{\tilde m}\|^2"
         r" = \max_j\, (1 + x_j^2) \sum_{i:\, \tau_i = x_j} (w^{(2)}_i)^2"),
    relation="=",
    instances=meetings,
    left=lambda meeting: perturbation.widest_gap(meeting.net, meeting.data),
    right={"all pairs, by singular values": lambda meeting: float(meeting.gaps.max()), "knot by knot": _by_knots},
    wrong=(
        Wrong("all toggles at once", left=lambda meeting: float(np.sqrt(
            (1 + meeting.data.x**2) @ (meeting.net.preactivation(meeting.data.x) == 0) @ meeting.net.w2**2))),
        Wrong("one neuron", left=lambda meeting: float(np.max(
            (meeting.net.preactivation(meeting.data.x) == 0) * np.abs(meeting.net.w2)
            * np.hypot(1, meeting.data.x)[:, None]))),
    ),
    tolerance=Tolerance(1e-9, why="a singular value, rounded to 1e-16 of the features"),
)

VIII_ROOT_TWO = Claim(
    equation="VIII.2",
    says="√2 does for √3 in (S68); with |x_j| = 1 and all weights of size C it is reached",
    tex=r"\|\Phi_m - \Phi_{\tilde m}\| \le \sqrt2\, C \sqrt{p_{\max}}",
    relation="<=",
    instances=meetings,
    left=lambda meeting: meeting.gaps,
    right={
        "C from all modes in turn": lambda meeting: _counted_gaps(meeting, constant=2),
        "C in closed form": lambda meeting: np.full(
            len(meeting.pairs[0]), perturbation.counted_gap(meeting.net, meeting.data, blocks=2)),
    },
    wrong=(
        Wrong("1.41 in place of √2", right=lambda meeting: _counted_gaps(meeting, constant=1.41**2)),
        Wrong("neurons with w1 = b1 = 0 too", instances=_overlooked),
        Wrong("the largest |w2| in place of C", right=lambda meeting: _counted_gaps(
            meeting, 2, lambda each: float(np.abs(each.net.w2).max()))),
    ),
    attack=ANY_WEIGHTS,
)


@dataclass(frozen=True, eq=False)
class Toggled:
    """A network on inputs of shape (n,), which may repeat, and two patterns that differ at its kinks alone."""

    net: Network
    x: Array
    pattern: Pattern
    other: Pattern

    @property
    def gap(self) -> float:
        """‖Φ_m - Φ_m'‖ by singular values."""
        one, two = (tangent.features(self.net, self.x, each) for each in (self.pattern, self.other))
        return float(np.linalg.norm(one - two, 2))

    def most(self, axis: int) -> int:
        """r_max along the samples (axis 0), p_max along the neurons (axis 1), of this pair."""
        return int((self.pattern ^ self.other).sum(axis=axis).max())

    @property
    def bound(self) -> float:
        """C of the two modes."""
        return max(float(np.abs(tangent.features(self.net, self.x, each)).max()) for each in (self.pattern, self.other))


def _repeated(seed: int) -> Toggled:
    """Three samples, the first one three times; two knots on it."""
    rng = np.random.default_rng(seed)
    x, w1 = rng.uniform(-2, 2, 3)[[0, 0, 0, 1, 2]], rng.uniform(0.5, 1.5, 3)
    net = Network(w1, -w1 * np.append(x[[0, 0]], x[4]), rng.standard_normal(3), 0)
    z = net.preactivation(x)
    return Toggled(net, x, z > 0, z >= 0)


def _toggled() -> Iterator[Instance]:
    for each in _overlooked():
        here, x = each.value, each.value.data.x
        chosen = here.patterns[np.linspace(0, len(here.patterns) - 1, 4).astype(int)]
        for number, (one, two) in enumerate(combinations(chosen, 2)):
            yield Instance(f"{each.label}, pair {number}", each.seed, Toggled(here.net, x, one, two))
    for seed in range(4):
        yield Instance(f"a sample three times, seed {seed}", seed, _repeated(seed))
    for copies, neurons in ((2, 1), (5, 1), (3, 2)):
        net, on = tower(3, neurons).net, np.ones((copies, neurons), dtype=bool)
        yield Instance(f"one sample {copies} times, {neurons} knots", None, Toggled(net, np.ones(copies), on, ~on))


def _with_second_layer(vector: Array, value: Toggled) -> Toggled:
    return replace(value, net=replace(value.net, w2=vector))


def _repaired(value: Toggled, rows: bool = True, columns: bool = True, constant: float = 2) -> float:
    """√2 C √(r_max p_max)."""
    count = (value.most(0) if rows else 1) * (value.most(1) if columns else 1)
    return value.bound * float(np.sqrt(constant * count))


VIII_REPAIRED = Claim(
    equation="VIII.3",
    says="With the factor √r_max the bound holds for neurons with w1 = b1 = 0 and for repeated inputs too",
    tex=(r"\|\Phi_m - \Phi_{\tilde m}\| \le \sqrt2\, C \sqrt{r_{\max}\, p_{\max}},"
         r"\quad r_{\max} = \max_i \textstyle\sum_j a(i,j)"),
    relation="<=",
    instances=_toggled,
    left=lambda value: value.gap,
    right={"counted pair by pair": _repaired},
    wrong=(
        Wrong("no r_max", right=lambda value: _repaired(value, rows=False)),
        Wrong("no p_max", right=lambda value: _repaired(value, columns=False)),
        Wrong("1.41 in place of √2", right=lambda value: _repaired(value, constant=1.41**2)),
    ),
    attack=Attack(start=lambda value: value.net.w2, build=_with_second_layer, steps=60),
)


def _repaired_lemma(meeting: Meeting, factor: bool = True) -> Array:
    """√2 C (√λ_max(H) + √λ_max(H̃)) √(r_max p_max/n)."""
    return lemma(meeting, constant=2 * (_switched(meeting).sum(axis=1).max() if factor else 1))


VIII_REPAIRED_LEMMA = Claim(
    equation="VIII.3",
    part="Lemma 5",
    says="With √r_max Lemma 5 holds where neurons have w1 = b1 = 0",
    tex=(r"\|\tilde H q - \lambda_{\max}(H) q\| \le \sqrt2\, C \bigl(\sqrt{\lambda_{\max}(H)}"
         r" + \sqrt{\lambda_{\max}(\tilde H)}\bigr) \sqrt{r_{\max}\, p_{\max}/n}"),
    relation="<=",
    instances=_with_overlooked,
    left=moved,
    right={"r_max over all pairs": _repaired_lemma},
    wrong=(
        Wrong("no r_max", right=lambda meeting: _repaired_lemma(meeting, factor=False)),
        Wrong("the root of the second mode only", right=lambda meeting: _one_root(meeting, 1, meeting.gaps)),
    ),
    attack=ANY_WEIGHTS,
)


def _root_gaps(meeting: Meeting, power: float = 0.5) -> Array:
    """|√λ_max(H_m) - √λ_max(H_m')| of every pair."""
    first, second = meeting.pairs
    values = meeting.tops[0] ** power
    return np.abs(values[first] - values[second])


VIII_RANGE = Claim(
    equation="VIII.4",
    says="The roots of the sharpness of any two modes are as close as the features, over √n",
    tex=(r"\bigl|\sqrt{\lambda_{\max}(H_m)} - \sqrt{\lambda_{\max}(H_{\tilde m})}\bigr|"
         r" \le \tfrac{1}{\sqrt n}\|\Phi_m - \Phi_{\tilde m}\|"),
    relation="<=",
    instances=meetings,
    left=_root_gaps,
    right={
        "this pair's features": lambda meeting: meeting.gaps / np.sqrt(meeting.data.n),
        "the worst pair, in closed form": lambda meeting: np.full(len(meeting.pairs[0]), perturbation.widest_gap(
            meeting.net, meeting.data) / np.sqrt(meeting.data.n)),
    },
    wrong=(
        Wrong("the sharpness, not its root", left=lambda meeting: _root_gaps(meeting, power=1)),
        Wrong("½", right=lambda meeting: meeting.gaps / np.sqrt(4 * meeting.data.n)),
    ),
    attack=ANY_WEIGHTS,
)


def _sharper_lemma(meeting: Meeting) -> Array:
    return lemma(meeting, constant=2)


VIII_LEMMA = Claim(
    equation="VIII.5",
    says="Lemma 5 with the exact value, and with √2",
    tex=(r"\|\tilde H q - \lambda_{\max}(H) q\| \le \tfrac{\|\Phi_m - \Phi_{\tilde m}\|}{\sqrt n}"
         r"\bigl(\sqrt{\lambda_{\max}(H)} + \sqrt{\lambda_{\max}(\tilde H)}\bigr)"),
    relation="<=",
    instances=meetings,
    left=moved,
    right={"the exact value": by_roots, "√2 C √p_max": _sharper_lemma},
    wrong=(
        Wrong("1.3/√2 of it", right=lambda meeting: by_roots(meeting) * 1.3 / np.sqrt(2)),
        Wrong("the root of the second mode only", right=lambda meeting: _one_root(meeting, 1, meeting.gaps)),
    ),
    attack=ANY_WEIGHTS,
)
