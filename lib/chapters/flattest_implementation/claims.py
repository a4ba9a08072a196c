"""Chapter XI: the flattest rescaling of a network and implementation of a function (S80–S90, XI.1–XI.8)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from itertools import chain, product

import numpy as np
from mpmath import mp
from numpy.typing import NDArray
from scipy.optimize import linprog, minimize, minimize_scalar

from ledgerbook.claim import Attack, Claim, Instance, Tolerance, Wrong
from stableminima import autodiff, implementations, rescaling, smoothness, tangent
from stableminima.implementations import FlattestImplementation
from stableminima.network import Dataset, Network
from stableminima.rescaling import FlattestRescaling
from stableminima.runs.descent import Schedule, descend

from ..common import Array, exact, exact_output
from ..instances import Case, minima, random_case, random_cases, reversed_neurons, split, with_cancelling_pair

# ---- what the claims are tested on -------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Rescaled:
    """A network at zero loss with factors β, and a vector q with an entry for each sample."""

    case: Case
    beta: Array
    q: Array

    @property
    def x(self) -> Array:
        return self.case.data.x

    @property
    def there(self) -> Network:
        """The rescaled network."""
        return self.case.net.rescale(self.beta)

    @cached_property
    def found(self) -> FlattestRescaling:
        """The flattest rescaling of the network."""
        return rescaling.flattest_rescaling(self.case.net, self.case.data)

    def solved(self) -> Rescaled:
        """The same with the flattest rescaling computed: it is what the claim is about, and not a side of it."""
        _ = self.found
        return self


def wide_case(seed: int, k: int = 5, n: int = 5, spread: float = 4.0, reach: float = 1.0) -> Case:
    """A random network on inputs in ± ``spread``, wide unless you say otherwise, with knots ``reach`` times as far.

    Where the spread is above 1, 1 + x_j x_l is negative for some pairs of unlike sign.
    """
    rng = np.random.default_rng(seed)
    data = Dataset.random(rng, n, spread)
    first, knots = rng.uniform(-1, 1, k), reach * rng.uniform(-spread, spread, k)
    return Case(Network(first, -first * knots, rng.uniform(-1, 1, k), 0.3), data).interpolating()


def mirrored(a: float = 3.0, slope: float = 0.2) -> Case:
    """Two mirrored neurons that both see the samples ±a: at the flattest rescaling two eigenvalues meet."""
    net = Network([slope, -slope], [1.0, 1.0], [1.0, 1.0], 0.0)
    return Case(net, Dataset([-a, a], [0.0, 0.0])).interpolating()


def _cases() -> Iterator[tuple[str, int | None, Case]]:
    """Minima, and random networks on narrow and wide data, with a neuron that sees no sample or none at all."""
    for each in chain(minima(3), random_cases(4, k=4, n=5)):
        yield each.label, each.seed, each.value.interpolating()
    for seed in range(4):
        yield f"inputs up to 4, seed {seed}", seed, wide_case(seed)
    case = random_case(9, k=4, n=5)
    silent = Network(np.append(case.net.w1, 1), np.append(case.net.b1, -9), np.append(case.net.w2, 5), case.net.b2)
    yield "a neuron that sees no sample", 9, replace(case, net=silent).interpolating()


def _with_factors(case: Case, seed: int) -> Rescaled:
    rng = np.random.default_rng(seed)
    return Rescaled(case, np.exp(0.5 * rng.standard_normal(case.net.k)), rng.standard_normal(case.data.n))


def _drawn() -> Iterator[Instance]:
    """With random factors and a random q."""
    for label, seed, case in _cases():
        yield Instance(label, seed, _with_factors(case, seed or 0))


def _solved() -> Iterator[Instance]:
    return (replace(each, value=each.value.solved()) for each in _drawn())


def _parts(net: Network, x: Array) -> tuple[Array, Array, Array]:
    """x∘I, I and σ, each of shape (k, n)."""
    z = np.outer(net.w1, x) + net.b1[:, None]
    return (z > 0) * x, (z > 0) * 1.0, np.maximum(z, 0)


def _proved(net: Network, x: Array, density: Array, factor: float = 2.0) -> float:
    """(1/n)(1ᵀQ1 + 2 Σ|w2| √(⟨Q,M⟩⟨Q,N⟩)), written out."""
    first, second, third = (np.einsum("ij,jl,il->i", each, density, each) for each in _parts(net, x))
    return (density.sum() + factor * np.abs(net.w2) @ np.sqrt((first + second) * third)) / x.size


def _by_q(value: Rescaled, q: Array) -> float:
    """What q proves of every rescaling (S88)."""
    return _proved(value.case.net, value.x, np.outer(q, q) / (q @ q))


def _features(net: Network, x: Array) -> Array:
    """Φ without its order: x∘I and I times w2, σ, and ones, shape (3k+1, n)."""
    first, second, third = _parts(net, x)
    return np.vstack([net.w2[:, None] * first, net.w2[:, None] * second, third, np.ones(x.size)])


def _sharpness(net: Network, x: Array) -> float:
    """λ_max(ΦᵀΦ/n), in the singular values of Φ, written out."""
    return np.linalg.norm(_features(net, x), 2) ** 2 / x.size


def _top(net: Network, x: Array) -> Array:
    """The top eigenvector of the Gram matrix, written out."""
    return np.linalg.svd(_features(net, x), full_matrices=False)[2][0]


# ---- rescaling ---------------------------------------------------------------------------------------------------


def _index_by_index(net: Network) -> list[float]:
    return [*net.w1.tolist(), *net.b1.tolist(), *net.w2.tolist(), net.b2]


def _as_seen_in_f(net: Network) -> list[float]:
    """From where f of :mod:`autodiff`, which takes a vector, has the derivatives of (S32): a block for each kind."""
    x = np.array([1.0, 2.0, 5.0])
    slope = autodiff.features(net, x)
    w1, b1, w2 = (slope[i * net.k : (i + 1) * net.k] for i in range(3))
    ordered = np.allclose(w1, b1 * x) and np.allclose((w1 * net.w1[:, None] + b1 * net.b1[:, None]).T, (
        w2 * net.w2[:, None]).T) and np.allclose(slope[-1], 1)
    return _index_by_index(net) if ordered else [np.inf] * net.vector.size


def _small_networks() -> Iterator[Instance]:
    for seed in range(6):
        rng = np.random.default_rng(seed)
        w1, b1, w2 = 1 + rng.integers(0, 9, (3, 2 + seed)).astype(float)
        yield Instance(f"{2 + seed} neurons, whole numbers, seed {seed}", seed, Network(w1, b1, -w2, float(seed + 10)))


S80 = Claim(
    equation="S80",
    says="The parameters of the minimum in one vector",
    tex=r"\theta = \bigl[\,w^{(1)};\, b^{(1)};\, w^{(2)};\, b^{(2)}\,\bigr]",
    relation="=",
    instances=_small_networks,
    left=lambda net: net.vector,
    right={"index by index": _index_by_index, "as autograd's f reads the vector": _as_seen_in_f},
    wrong=(
        Wrong("w2 before b1", left=lambda net: np.concatenate([net.w1, net.w2, net.b1, [net.b2]])),
        Wrong("neuron by neuron", left=lambda net: np.append(np.transpose([net.w1, net.b1, net.w2]), net.b2)),
        Wrong("b2 first", left=lambda net: np.roll(net.vector, 1)),
    ),
    tolerance=Tolerance(0, why="the parameters are copied"),
)


def _grid(value: Rescaled) -> Array:
    """The samples, and inputs within and beyond the data."""
    edge = 1.5 * np.abs(value.x).max()
    return np.append(value.x, np.linspace(-edge, edge, 12))


def _exactly(value: Rescaled) -> Array:
    """f of the network as it is, in fractions."""
    return exact_output(exact(value.case.net.vector), exact(_grid(value))).astype(float)


def _with_layers(value: Rescaled, first: Array, bias: Array, second: Array) -> Array:
    net = value.case.net
    return Network(first * net.w1, bias * net.b1, second * net.w2, net.b2)(_grid(value))


S81 = Claim(
    equation="S81",
    says="Factors between the layers change no value of f",
    tex=r"f(x; \tilde\theta(\beta)) = f(x; \theta)",
    relation="=",
    instances=_drawn,
    left=lambda value: value.there(_grid(value)),
    right={"f as it was, exact fractions": _exactly,
           "autograd's network": lambda value: autodiff.output(value.case.net.vector, _grid(value))},
    wrong=(
        Wrong("w2 times β", left=lambda value: _with_layers(value, value.beta, value.beta, value.beta)),
        Wrong("b1 forgotten", left=lambda value: _with_layers(value, value.beta, 1.0, 1 / value.beta)),
        Wrong("a negative factor", left=lambda value: _with_layers(value, -value.beta, -value.beta, -1 / value.beta)),
    ),
)


def _by_conic_programme(value: Rescaled) -> float:
    """(S82) as a semidefinite programme over u_i v_i ≥ w2_i², to the solver's accuracy."""
    import cvxpy as cp  # half a second that the other claims do not need

    x, net = value.x, value.case.net
    first, second, third = _parts(net, x)
    seen = (third > 0).any(axis=1) & (net.w2 != 0)
    v, u, top = cp.Variable(seen.sum(), pos=True), cp.Variable(seen.sum(), pos=True), cp.Variable()
    by_weight, by_bias, by_value = (np.einsum("ij,il->jli", each[seen], each[seen]).reshape(
        x.size**2, -1) for each in (first, second, third))
    gram = 1 + cp.reshape((by_weight + by_bias) @ v + by_value @ u, (x.size, x.size), order="C")
    cone = [cp.quad_over_lin(abs(w), one) <= other for w, one, other in zip(net.w2[seen], u, v, strict=True)]
    problem = cp.Problem(cp.Minimize(top), [top * np.eye(x.size) - gram / x.size >> 0, *cone])
    return problem.solve(solver=cp.CLARABEL)


def _by_search(value: Rescaled) -> float:
    """The least of several quasi-Newton searches in log β, each of a smooth function ever closer to λ_max."""
    first, second, third = _parts(value.case.net, value.x)
    n, w2 = value.x.size, value.case.net.w2
    t = np.zeros(w2.size)
    for power in (8.0, 128.0, 2048.0, 32768.0):
        t = minimize(_soft_top, t, (first, second, third, w2, n, power), jac=True, method="BFGS").x
    return _sharpness(value.case.net.rescale(np.exp(t)), value.x)


def _soft_top(t: Array, first: Array, second: Array, third: Array, w2: Array, n: int, power: float) -> tuple:
    """(1/p) log tr exp(p G/λ_0) with its gradient; λ_0 = 1."""
    v, u = w2**2 * np.exp(-2 * t), np.exp(2 * t)
    gram = (1 + (first.T * v) @ first + (second.T * v) @ second + (third.T * u) @ third) / n
    g, vectors = np.linalg.eigh(gram)
    weights = np.exp(power * (g - g[-1]))
    density = (vectors * (weights / weights.sum())) @ vectors.T
    forms = [np.einsum("ij,jl,il->i", each, density, each) for each in (first, second, third)]
    return g[-1] + np.log(weights.sum()) / power, 2 * (u * forms[2] - v * (forms[0] + forms[1])) / n


def _equal_norms(value: Rescaled) -> float:
    net = value.case.net
    return _sharpness(net.rescale(np.sqrt(np.abs(net.w2) / np.hypot(net.w1, net.b1))), value.x)


def _few() -> Iterator[Instance]:
    """The random networks only."""
    yield from (each for index, each in enumerate(_drawn()) if index > 2)


S82 = Claim(
    equation="S82",
    says="The smallest λ_max over all rescalings, as the library finds it",
    tex=r"\min_{\beta > 0} \lambda_{\max}\bigl(\nabla^2 \mathcal L(\tilde\theta(\beta))\bigr)",
    relation="=",
    instances=_few,
    left=lambda value: rescaling.flattest_rescaling(value.case.net, value.case.data).sharpness,
    right={"a semidefinite programme": _by_conic_programme, "quasi-Newton searches in log β": _by_search},
    wrong=(
        Wrong("layers of equal norm", left=_equal_norms),
        Wrong("one factor for all neurons", left=lambda value: min(
            _sharpness(value.case.net.rescale(beta), value.x) for beta in np.geomspace(0.1, 10, 40))),
        Wrong("the bound of Lemma 4", left=lambda value: _by_q(value, np.ones(value.x.size))),
    ),
    tolerance={"a semidefinite programme": Tolerance(1e-6, why="the interior-point solver's own tolerance is 1e-8"),
               "quasi-Newton searches in log β": Tolerance(1e-3, why="the smooth function differs by log n/32768")},
)


def _largest_form(value: Rescaled) -> float:
    """max_u uᵀHu by power iteration with the Hessian as autograd's products with vectors."""
    hessian = autodiff.hessian(value.there, value.case.data)
    u = np.ones(len(hessian)) / np.sqrt(len(hessian))
    for _ in range(40):
        hessian = hessian @ hessian / np.linalg.norm(hessian)
    u = hessian @ u
    return float(u @ autodiff.hessian(value.there, value.case.data) @ u / (u @ u))


S83 = Claim(
    equation="S83",
    says="The inner maximum: λ_max of a rescaled minimum is the largest value of its quadratic form",
    tex=r"\lambda_{\max}\bigl(\nabla^2 \mathcal L(\tilde\theta(\beta))\bigr) "
        r"= \max_{\|u\| = 1} u^\top \nabla^2 \mathcal L(\tilde\theta(\beta))\, u",
    relation="=",
    instances=lambda: (each for each in _drawn() if each.value.case.net.k < 9),
    left=lambda value: tangent.sharpness(value.there, value.case.data),
    right={"the form at a power of the Hessian": _largest_form,
           "singular values of autograd's Φ": lambda value: np.linalg.norm(
               autodiff.features(value.there, value.x), 2) ** 2 / value.x.size},
    wrong=(
        Wrong("the network as it was", left=lambda value: tangent.sharpness(value.case.net, value.case.data)),
        Wrong("the trace", left=lambda value: float(np.trace(tangent.gram(value.there, value.case.data)))),
        Wrong("the mean of the form", left=lambda value: float(
            np.trace(tangent.gram(value.there, value.case.data)) / value.there.vector.size)),
    ),
    tolerance=Tolerance(1e-9, why="a power of the matrix is rounded, and eigenvalues may be close"),
)


@lru_cache(maxsize=64)
def _best_q(case: Case) -> float:
    """The largest value of (S88) over unit vectors q: searches from a few starts."""
    rng, x = np.random.default_rng(0), case.data.x

    def lost(q: Array) -> float:
        return -_proved(case.net, x, np.outer(q, q) / (q @ q))

    starts = (np.ones(x.size), _top(case.net, x), *rng.standard_normal((4, x.size)))
    return -min(minimize(lost, start, method="BFGS").fun for start in starts)


def _moved(vector: Array, value: Rescaled) -> Rescaled | None:
    """Other factors on the same network."""
    return None if np.abs(vector).max() > 9 else replace(value, beta=np.exp(vector))


S84 = Claim(
    equation="S84",
    says="No rescaling is flatter than what any q proves, the best one included",
    tex=r"\min_\beta \max_q \;\ge\; \max_q \min_\beta",
    relation=">=",
    instances=_few,
    left=lambda value: _sharpness(value.there, value.x),
    right={"searches for the best q": lambda value: _best_q(value.case)},
    wrong=(
        Wrong("4 in place of 2", right=lambda value: 2 * _best_q(value.case) - 1),
        Wrong("a tenth more", right=lambda value: 1.1 * _best_q(value.case)),
    ),
    tolerance=Tolerance(1e-12, why="sums of positive terms"),
    attack=Attack(start=lambda value: np.log(value.beta), build=_moved, steps=200),
)


def _sandwiched() -> Iterator[Instance]:
    """Random q, and where the right end is reached: q the top eigenvector at the flattest rescaling."""
    yield from _solved()
    for each in _narrow():
        q = _top(each.value.found.net, each.value.x)
        yield replace(each, label=f"{each.label}, q on top", value=replace(each.value, q=q).solved())


S85 = Claim(
    equation="S85",
    says="The smallest λ_max lies between that of any rescaling and what any q proves",
    tex=r"\lambda_{\max}(\tilde\theta(\tilde\beta)) \ge \min_\beta \lambda_{\max}(\tilde\theta(\beta)) "
        r"\ge \min_\beta \tilde q^\top G(\beta)\, \tilde q",
    relation=">=",
    instances=_sandwiched,
    left=lambda value: np.array([_sharpness(value.there, value.x), value.found.sharpness]),
    right={"what q proves": lambda value: np.array([value.found.bound, _by_q(value, value.q)])},
    wrong=(
        Wrong("q not of length 1", right=lambda value: np.array([
            value.found.bound, _by_q(value, value.q) * (value.q @ value.q)])),
        Wrong("a sum over samples in place of the mean", right=lambda value: np.array([
            value.found.bound, value.x.size * _by_q(value, value.q)])),
        Wrong("the two ends exchanged", right=lambda value: np.array([
            _by_q(value, value.q), _sharpness(value.there, value.x)])),
    ),
    tolerance=Tolerance(1e-10, why="the gap to which the smallest λ_max is known"),
    attack=Attack(start=lambda value: np.log(value.beta), build=_moved, steps=60, starts=2),
)


def _narrow() -> Iterator[Instance]:
    """Inputs in [-1, 1], so that 1 + x_j x_l ≥ 0 for all pairs."""
    for seed in range(8):
        case = wide_case(seed, k=2 + seed, n=2 + seed % 5, spread=1.0)
        yield Instance(f"inputs up to 1, seed {seed}", seed, _with_factors(case, seed).solved())


def _wide() -> Iterator[Instance]:
    """The missing hypothesis: two eigenvalues meet at the top."""
    for a in (2.5, 3.0):
        yield Instance(f"two mirrored neurons, samples ±{a:g}", None, _with_factors(mirrored(a), 0).solved())


def _by_own_top(value: Rescaled) -> float:
    """What the top eigenvector at the flattest rescaling proves."""
    return _by_q(value, _top(value.found.net, value.x))


def _in_digits(value: Rescaled) -> float:
    """The same with 30 digits: the top eigenvector by a power of the Gram matrix, then (S88)."""
    with mp.workdps(30):
        phi = mp.matrix(autodiff.features(value.found.net, value.x).tolist())
        power = phi.T * phi
        for _ in range(60):
            power = power * power / mp.mnorm(power, "f")
        q = power * mp.matrix([mp.mpf(1) / (2 + j) for j in range(value.x.size)])
        q = q / mp.norm(q)
        total = mp.fsum(q) ** 2
        for w2, *rows in zip(value.case.net.w2, *_parts(value.case.net, value.x), strict=True):
            a, b, c = (mp.fdot(q, map(mp.mpf, map(float, row))) for row in rows)
            total += 2 * abs(mp.mpf(float(w2))) * mp.sqrt(a**2 + b**2) * abs(c)
        return float(total / value.x.size)


S86 = Claim(
    equation="S86",
    says="Where 1 + x_j x_l ≥ 0 for all pairs, the top eigenvector at the flattest rescaling proves it flattest",
    tex=r"1 + x_j x_l \ge 0 \;\Longrightarrow\; \lambda_{\max}(\tilde\theta(\tilde\beta)) "
        r"= \min_\beta \tilde q^\top G(\beta)\, \tilde q",
    relation="=",
    instances=_narrow,
    left=lambda value: value.found.sharpness,
    right={"(S88) at the top eigenvector": _by_own_top, "the same with 30 digits": _in_digits},
    wrong=(
        Wrong("wide data, where two eigenvalues meet", instances=_wide),
        Wrong("the top eigenvector before rescaling", right=lambda value: _by_q(value, _top(
            value.case.net, value.x))),
        Wrong("the constant vector of Lemma 4", right=lambda value: _by_q(value, np.ones(value.x.size))),
    ),
    tolerance=Tolerance(1e-8, why="λ_max is within 1e-10 of its minimum, and q within the root of that"),
)

# ---- the quadratic form ------------------------------------------------------------------------------------------


def _form(value: Rescaled) -> float:
    """(S87) as it is written, with q as it is."""
    first, second, third = (each @ value.q for each in _parts(value.case.net, value.x))
    v, u = (value.case.net.w2 / value.beta) ** 2, value.beta**2
    return float((v @ (first**2 + second**2) + u @ third**2 + value.q.sum() ** 2) / value.x.size)


def _by_features(value: Rescaled) -> float:
    return float(np.sum((autodiff.features(value.there, value.x) @ value.q) ** 2) / value.x.size)


def _by_gram(value: Rescaled) -> float:
    return float(value.q @ tangent.gram(value.there, value.case.data) @ value.q)


def _as_printed(value: Rescaled) -> float:
    """uᵀ∇²L u for a u in parameter space, here that of q: Φq, of the length of q."""
    u = autodiff.features(value.there, value.x) @ value.q
    u *= np.linalg.norm(value.q) / np.linalg.norm(u)
    return float(np.sum((autodiff.features(value.there, value.x).T @ u) ** 2) / value.x.size)


S87 = Claim(
    equation="S87",
    says="The quadratic form of the n×n Gram matrix, as a sum over neurons",
    tex=r"q^\top G(\beta)\, q = \tfrac1n \sum_i \bigl[ (w^{(2)}_i/\beta_i)^2 ((q^\top x I_i)^2 + (q^\top I_i)^2) "
        r"+ \beta_i^2 (q^\top \sigma_i)^2 \bigr] + \tfrac1n (q^\top \mathbb 1)^2",
    relation="=",
    instances=_drawn,
    left=_form,
    right={"autograd's features": _by_features, "the Gram matrix": _by_gram},
    wrong=(
        Wrong("as printed: the form of the Hessian, at a vector of parameter space", right=_as_printed),
        Wrong("β in place of 1/β", left=lambda value: _form(replace(value, beta=1 / value.beta))),
        Wrong("without b2", left=lambda value: _form(value) - value.q.sum() ** 2 / value.x.size),
    ),
    tolerance=Tolerance(1e-11, why="the form may be small beside its terms", scale=lambda value: float(
        value.q @ value.q * np.trace(tangent.gram(value.there, value.case.data)))),
)


def _minimum_by_search(value: Rescaled) -> float:
    """Every neuron's two terms minimised over log β by golden sections, summed."""
    total, net = value.q.sum() ** 2, value.case.net
    for w2, *rows in zip(net.w2, *_parts(net, value.x), strict=True):
        first, second, third = (float(row @ value.q) for row in rows)
        total += minimize_scalar(_two_terms, (-1.0, 1.0), args=(w2, first, second, third), tol=1e-10).fun
    return total / value.x.size


def _two_terms(t: float, w2: float, first: float, second: float, third: float) -> float:
    t = np.clip(t, -40.0, 40.0)  # where one term is 0 the infimum is at the end, and not attained
    return (w2 * np.exp(-t)) ** 2 * (first**2 + second**2) + (np.exp(t) * third) ** 2


def _minimum_by_roots(value: Rescaled) -> float:
    """The form at the β for which both terms of each neuron are equal, written out."""
    first, second, third = (each @ value.q for each in _parts(value.case.net, value.x))
    equal = np.sqrt(np.abs(value.case.net.w2) * np.hypot(first, second) / np.maximum(np.abs(third), 1e-300))
    return _form(replace(value, beta=np.where(equal > 0, np.minimum(equal, 1e100), 1.0)))


S88 = Claim(
    equation="S88",
    says="The infimum of the form over β, at a fixed q",
    tex=r"\inf_\beta q^\top G(\beta)\, q = \tfrac2n \sum_i |w^{(2)}_i| \sqrt{(q^\top x I_i)^2 + (q^\top I_i)^2}\, "
        r"|q^\top \sigma_i| + \tfrac1n (q^\top \mathbb 1)^2",
    relation="=",
    instances=_drawn,
    left=lambda value: float(value.q @ value.q) * rescaling.rescaling_bound(
        value.case.net, value.case.data, np.outer(value.q, value.q) / (value.q @ value.q)),
    right={"a search for each neuron": _minimum_by_search, "both terms equal": _minimum_by_roots},
    wrong=(
        Wrong("1 in place of 2", left=lambda value: float(value.q @ value.q) * _proved(
            value.case.net, value.x, np.outer(value.q, value.q) / (value.q @ value.q), factor=1.0)),
        Wrong("the network as it is", left=lambda value: _form(replace(value, beta=np.ones(value.beta.size)))),
        Wrong("absolute values inside the sums", left=lambda value: float(value.q @ value.q) * _by_q(
            value, np.abs(value.q))),
    ),
    tolerance=Tolerance(1e-9, why="a minimum by search is flat: its value is known to the square of its place"),
)


# ---- where no minimum is attained ----------------------------------------------------------------------------------


def _idle() -> Iterator[Instance]:
    """Inputs in [-1, 1]; half of the networks have a neuron with w2 = 0, seen by samples or by none."""
    for seed in range(9):
        case = wide_case(seed, k=3, n=4, spread=1.0)
        second, first, bias = case.net.w2.copy(), case.net.w1.copy(), case.net.b1.copy()
        kind = ("all neurons at work", "w2 = 0, active", "w2 = 0, silent on all samples")[seed % 3]
        if seed % 3:
            second[0], first[0], bias[0] = 0.0, 0.5, 0.8 if seed % 3 == 1 else -2.0
        net = Network(first, bias, second, case.net.b2)
        yield Instance(f"{kind}, seed {seed}", seed, _with_factors(replace(case, net=net).interpolating(), seed))


def _best_neighbour(value: Rescaled) -> bool:
    """Whether no smaller factor of a single neuron improves on the best factors found."""
    found, x = rescaling.flattest_rescaling(value.case.net, value.case.data), value.x
    start = np.where(value.case.net.w2 == 0, 1e4, 1.0)
    here = found.net.rescale(start)
    return bool(all(_sharpness(here.rescale(1 - 0.5 * each), x) >= _sharpness(here, x) * (1 - 1e-12)
                    for each in np.eye(here.k)))


def _both_or_neither(value: Rescaled) -> bool:
    """Whether, for every neuron, both of its terms are there or neither is."""
    _, second, _ = _parts(value.case.net, value.x)
    return bool(np.all((value.case.net.w2 != 0) | ~second.any(axis=1)))


XI_ATTAINED = Claim(
    equation="XI.5",
    says="Where 1 + x_j x_l ≥ 0, the infimum is a minimum unless a neuron with w2 = 0 is active on a sample",
    tex=r"1 + x_j x_l \ge 0: \quad \inf \text{ attained} \iff \text{no } i \text{ has } w^{(2)}_i = 0,\ I_i \ne 0",
    relation="=",
    instances=_idle,
    left=lambda value: bool(rescaling.flattest_rescaling(value.case.net, value.case.data).attained),
    right={"both terms or neither, neuron by neuron": _both_or_neither, "smaller factors tried": _best_neighbour},
    wrong=(
        Wrong("as printed: always", left=lambda value: True),
        Wrong("no neuron has w2 = 0", left=lambda value: bool((value.case.net.w2 != 0).all())),
        Wrong("never", left=lambda value: False),
    ),
    tolerance=Tolerance(0, why="yes or no"),
)

# ---- the book's own: convexity, one lemma, and a gap that always closes ----------------------------------------------


@dataclass(frozen=True, eq=False)
class Segment:
    """A network at zero loss, and two vectors of factors."""

    case: Case
    ends: Array

    def log_at(self, t: Array) -> float:
        return float(np.log(_sharpness(self.case.net.rescale(np.exp(t)), self.case.data.x)))

    def middle(self, t: Array) -> float:
        """log λ_max at the middle of two ends that are given as log β."""
        return self.log_at(t.mean(axis=0))

    def mean(self) -> float:
        """The mean of log λ_max at both ends."""
        return float(np.mean([self.log_at(end) for end in self.ends]))


def _segments() -> Iterator[Instance]:
    for label, seed, case in _cases():
        if case.net.k < 9:
            ends = np.random.default_rng(seed).standard_normal((2, case.net.k))
            yield Instance(label, seed, Segment(case, ends))


XI_CONVEX = Claim(
    equation="XI.1",
    says="log λ_max is convex in log β",
    tex=r"\log \lambda_{\max}\bigl(e^{(s + t)/2}\bigr) \le \tfrac12 \log \lambda_{\max}(e^s) "
        r"+ \tfrac12 \log \lambda_{\max}(e^t)",
    relation="<=",
    instances=_segments,
    left=lambda value: value.middle(value.ends),
    right={"mean of both ends": lambda value: value.mean()},
    wrong=(
        Wrong("log λ_max in β itself", left=lambda value: value.log_at(np.log(np.exp(value.ends).mean(axis=0)))),
        Wrong("concave", left=lambda value: 2 * value.mean() - value.middle(value.ends)),
    ),
    attack=Attack(start=lambda value: value.ends.ravel(), steps=300,
                  build=lambda vector, value: replace(value, ends=vector.reshape(value.ends.shape))),
)


@dataclass(frozen=True, eq=False)
class Weighed:
    """A network at zero loss, and a density matrix."""

    case: Case
    density: Array


def _weighed() -> Iterator[Instance]:
    """Random density matrices of every rank, those that are best for the rescalings, and some between the two."""
    for label, seed, case in _cases():
        n = case.data.n
        half = np.random.default_rng(seed).standard_normal((n, 1 + (seed or 0) % n))
        random = half @ half.T / np.sum(half**2)
        yield Instance(f"{label}, a random Q", seed, Weighed(case, random))
        best = rescaling.flattest_rescaling(case.net, case.data)
        between = Weighed(replace(case, net=best.net), 0.9 * best.density + 0.1 * random)
        yield Instance(f"{label}, rescaled, a Q nearby", seed, between)
        yield Instance(f"{label}, rescaled, the best Q", seed, Weighed(replace(case, net=best.net), best.density))


def _rescaled_first(vector: Array, value: Weighed) -> Weighed:
    """The first neurons rescaled."""
    beta = np.append(np.exp(vector), np.ones(value.case.net.k - vector.size))
    return replace(value, case=replace(value.case, net=value.case.net.rescale(beta)))


XI_LEMMA = Claim(
    equation="XI.2",
    says="Every density matrix Q bounds the sharpness of every network from below",
    tex=r"\lambda_{\max} \ge \tfrac1n \bigl[ \mathbb 1^\top Q\, \mathbb 1 "
        r"+ 2 \sum_i |c_i| \sqrt{\langle Q, M_i \rangle \langle Q, N_i \rangle} \bigr]",
    relation=">=",
    instances=_weighed,
    left=lambda value: _sharpness(value.case.net, value.case.data.x),
    right={"the library": lambda value: rescaling.rescaling_bound(value.case.net, value.case.data, value.density),
           "written out": lambda value: _proved(value.case.net, value.case.data.x, value.density)},
    wrong=(
        Wrong("4 in place of 2", right=lambda value: _proved(value.case.net, value.case.data.x, value.density, 4.0)),
        Wrong("Q of trace 1.01", right=lambda value: 1.01 * _proved(
            value.case.net, value.case.data.x, value.density)),
    ),
    tolerance=Tolerance(1e-10, why="at the best Q both sides agree to 1e-10, and rounding is below"),
    attack=Attack(start=lambda value: np.zeros(min(8, value.case.net.k)), steps=200, build=_rescaled_first),
)


def _every_kind() -> Iterator[Instance]:
    """Those of before, and networks at which two eigenvalues meet."""
    yield from _solved()
    yield from _wide()


def _proved_in_digits(value: Rescaled) -> float:
    """What the density matrix that was found proves, with 30 digits."""
    with mp.workdps(30):
        density = mp.matrix(value.found.density.tolist())
        total = mp.fsum(density)
        for w2, *rows in zip(value.case.net.w2, *_parts(value.case.net, value.x), strict=True):
            a, b, c = ((mp.matrix([row.tolist()]) * density * mp.matrix(row.tolist()))[0] for row in rows)
            total += 2 * abs(mp.mpf(float(w2))) * mp.sqrt(abs((a + b) * c))
        return float(total / value.x.size)


XI_CLOSES = Claim(
    equation="XI.3",
    says="The best density matrix proves exactly the smallest λ_max over all rescalings",
    tex=r"\min_\beta \lambda_{\max} = \max_{Q \succeq 0,\, \operatorname{tr} Q = 1} \tfrac1n \bigl[ "
        r"\mathbb 1^\top Q\, \mathbb 1 "
        r"+ 2 \sum_i |w^{(2)}_i| \sqrt{\langle Q, M_i \rangle \langle Q, N_i \rangle} \bigr]",
    relation="=",
    instances=_every_kind,
    left=lambda value: _sharpness(value.found.net, value.x),
    right={"what Q proves, written out": lambda value: _proved(value.case.net, value.x, value.found.density),
           "the same with 30 digits": _proved_in_digits},
    wrong=(
        Wrong("the top eigenvector in place of Q", right=_by_own_top),
        Wrong("Q mixed with a hundredth of the identity", right=lambda value: _proved(
            value.case.net, value.x, 0.99 * value.found.density + 0.01 * np.eye(value.x.size) / value.x.size)),
        Wrong("as found, not rescaled", left=lambda value: _sharpness(value.case.net, value.x)),
    ),
    tolerance=Tolerance(2e-10, why="the gap that the library promises is 1e-10"),
)

# ---- all implementations ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Pair:
    """Two networks of one width, on inputs at which their outputs are compared."""

    net: Network
    other: Network
    x: Array


def _pairs() -> Iterator[Instance]:
    """Another network that is a rescaling, one with a neuron turned and what it leaves over in b2, or any other."""
    for seed in range(9):
        rng, case = np.random.default_rng(seed), wide_case(seed, k=4)
        net, kind = case.net, ("rescaled", "one neuron turned", "one bend changed")[seed % 3]
        other = net.rescale(np.exp(rng.standard_normal(4)))
        if kind == "one neuron turned":
            turn = np.append(-1, np.ones(3))
            other = Network(turn * other.w1, turn * other.b1, other.w2, net.b2)
        elif kind == "one bend changed":
            other = Network(other.w1, other.b1, np.append(1.3, np.ones(3)) * other.w2, net.b2)
        yield Instance(f"{kind}, seed {seed}", seed, Pair(net, other, np.linspace(-6, 6, 25)))


def _is_rescaling(pair: Pair) -> bool:
    """Whether positive factors lead from one to the other."""
    beta = pair.other.w1 / pair.net.w1
    return bool(np.all(beta > 0) and np.allclose(beta * pair.net.b1, pair.other.b1)
                and np.allclose(pair.net.w2 / np.abs(beta), pair.other.w2))


def _same_invariants(pair: Pair) -> bool:
    """Whether thresholds, sides and bends agree, neuron by neuron."""
    (tau, side, bend), (tau_, side_, bend_) = (
        (-net.b1 / net.w1, np.sign(net.w1), np.abs(net.w1) * net.w2) for net in (pair.net, pair.other))
    return bool(np.allclose(tau, tau_) and np.all(side == side_) and np.allclose(bend, bend_))


def _each_neuron_the_same(pair: Pair) -> bool:
    """Whether each neuron alone gives the same outputs."""
    first, second = (np.maximum(np.outer(pair.x, net.w1) + net.b1, 0) * net.w2 for net in (pair.net, pair.other))
    return bool(np.allclose(first, second))


S89 = Claim(
    equation="S89",
    says="The rescalings are the implementations that keep each neuron's threshold, side and bend",
    tex=r"\{\tilde\theta(\beta)\} = \{\theta' : \tau_i, s_i, c_i \text{ as in } \theta\} \subseteq \Omega(f)",
    relation="=",
    instances=_pairs,
    left=_is_rescaling,
    right={"thresholds, sides and bends": _same_invariants, "each neuron alone": _each_neuron_the_same},
    wrong=(
        Wrong("thresholds only", right=lambda pair: bool(np.allclose(pair.net.thresholds, pair.other.thresholds))),
        Wrong("thresholds and bends, whatever the side", right=lambda pair: bool(
            np.allclose(pair.net.thresholds, pair.other.thresholds)
            and np.allclose(np.abs(pair.net.w1) * pair.net.w2, np.abs(pair.other.w1) * pair.other.w2))),
        Wrong("always", right=lambda pair: True),
    ),
    tolerance=Tolerance(0, why="yes or no"),
)


@dataclass(frozen=True, eq=False)
class Written:
    """A function as a network at zero loss, and its flattest implementation."""

    case: Case
    found: FlattestImplementation

    @classmethod
    def of(cls, case: Case) -> Written:
        return cls(case, implementations.flattest_implementation(case.net, case.data))

    @property
    def inputs(self) -> Array:
        return self.case.data.x


@lru_cache(maxsize=1)
def _functions() -> tuple[Instance, ...]:
    """Minima, and random functions on narrow and wide data."""
    drawn = [(each.label, each.seed, each.value.interpolating()) for each in chain(minima(3), random_cases(3, 4, 5))]
    wide = [(f"inputs up to 4, seed {seed}", seed, wide_case(seed, k=4)) for seed in range(3)]
    return tuple(Instance(label, seed, Written.of(case)) for label, seed, case in (*drawn, *wide))


def _in_other_words(value: Written, seed: int) -> Network:
    """The same function with neurons turned, split, rescaled, and a pair added that cancels."""
    rng, net = np.random.default_rng(seed), value.case.net
    out = reversed_neurons(net, rng.random(net.k) < 0.5, float(value.inputs.mean()))
    out = with_cancelling_pair(split(out, rng.uniform(0.2, 0.8, out.k)), *rng.uniform(-1, 1, 3))
    return out.rescale(np.exp(0.3 * rng.standard_normal(out.k)))


S90 = Claim(
    equation="S90",
    says="The flattest implementation is at least as flat as the flattest rescaling, of whatever implementation",
    tex=r"\min_\beta \lambda_{\max}\bigl(\nabla^2\mathcal L(\tilde\theta(\beta))\bigr) "
        r"\ge \min_{\theta \in \Omega(f)} \lambda_{\max}\bigl(\nabla^2\mathcal L(\theta)\bigr)",
    relation=">=",
    instances=_functions,
    left=lambda value: np.array([rescaling.flattest_rescaling(net, value.case.data).sharpness for net in (
        value.case.net, value.found.net, _in_other_words(value, 0))]),
    right={"the bound over all implementations": lambda value: np.full(3, value.found.bound)},
    wrong=(
        Wrong("a hundredth more", right=lambda value: np.full(3, 1.01 * value.found.bound)),
        Wrong("that of the network as it is", right=lambda value: np.full(3, _sharpness(
            value.case.net, value.inputs))),
    ),
    tolerance=Tolerance(1e-9, why="both sides are proved to 1e-10 or better"),
    attack=Attack(start=lambda value: np.array([0.3]), build=lambda vector, value: _bent(vector, value), steps=10,
                  starts=2),
)


def _bent(vector: Array, value: Written) -> Written:
    """The function with all bends and slopes multiplied."""
    net = value.case.net
    return Written.of(replace(value.case, net=replace(net, w2=np.exp(float(vector[0])) * net.w2)).interpolating())


def _weights(at: Array, x: Array, density: Array, side: int) -> Array:
    """ρ of thresholds at a side, written out: (2/n)√(⟨Q,M⟩⟨Q,N⟩)."""
    z = side * (x - at[:, None])
    rows = (z > 0) * x, (z > 0) * 1.0, np.maximum(z, 0)
    first, second, third = (np.einsum("ij,jl,il->i", each, density, each) for each in rows)
    return 2 / x.size * np.sqrt(np.maximum((first + second) * third, 0))


def _inner(value: Written) -> tuple[Array, Array, float]:
    """Knots between the samples, their masses, and the slope to the right of them."""
    position, mass = value.case.net.knots
    inner = (position > value.inputs.min()) & (position < value.inputs.max())
    last = position[inner].max() if inner.any() else value.inputs.min()
    right = min([*position[position > last], *value.inputs[value.inputs > last], last + 1.0])
    step = (right - last) / 4
    slope = (value.case.net(last + 2 * step) - value.case.net(last + step)) / step
    return position[inner], mass[inner], float(slope)


def _dual_by_scan(value: Written, priced: bool = True, density: Array | None = None) -> float:
    """What Q proves at the best price of a slope, a corner or an end; a grid of thresholds finds the least ρ⁺ + ρ⁻."""
    density = value.found.density if density is None else density
    knots, mass, slope = _inner(value)
    edges = np.sort(value.inputs)
    width = np.ptp(edges)
    ends = np.array([edges[0] - 3 * width, *edges, edges[-1] + 3 * width])
    shares = np.concatenate([[1e-9], np.linspace(0, 1, 400)[1:-1], [1 - 1e-9]])
    grid = (ends[:-1, None] + np.diff(ends)[:, None] * shares).ravel()
    most = (_weights(grid, value.inputs, density, 1) + _weights(grid, value.inputs, density, -1)).min()
    plus, minus = _weights(knots, value.inputs, density, 1), _weights(knots, value.inputs, density, -1)
    corners = np.append(np.clip(np.sign(mass) * (plus - minus), -most, most), [-most, most])
    prices = corners if priced else np.zeros(1)
    turned = np.abs(mass) * plus - prices[:, None] * mass
    best = (prices * slope + np.minimum(np.abs(mass) * minus, turned).sum(axis=1)).max()
    return density.sum() / value.inputs.size + best


def _by_linear_costs(value: Written) -> float:
    """The same bound from the other side: the cheapest c at the prices of Q, by linear programming."""
    knots, mass, slope = _inner(value)
    edges, far = np.sort(value.inputs), np.geomspace(1e-9, 9, 200)
    shares = np.concatenate([[1e-9], np.linspace(0, 1, 300)[1:-1], [1 - 1e-9]])
    inner = (edges[:-1, None] + np.diff(edges)[:, None] * shares).ravel()
    pairs = np.concatenate([inner, edges[0] - far, edges[-1] + far])
    right, left = (_weights(knots, value.inputs, value.found.density, side) for side in (1, -1))
    pair = sum(_weights(pairs, value.inputs, value.found.density, side) for side in (1, -1))
    each, pairs_too = np.eye(knots.size), np.zeros((knots.size, pairs.size))
    slopes = np.concatenate([np.ones(knots.size), np.zeros(knots.size), np.ones(pairs.size)])
    rows = np.vstack([np.hstack([each, each, pairs_too]), slopes])
    best = linprog(np.tile(np.concatenate([right, left, pair]), 2), A_eq=np.hstack([rows, -rows]),
                   b_eq=np.append(mass, slope))
    return value.found.density.sum() / value.inputs.size + best.fun


XI_LAMBDA = Claim(
    equation="XI.4",
    says="The network found is as flat as the dual proves that implementations of f can be",
    tex=r"\Lambda(f) = \max_{Q,\, |s| \le \inf_\tau(\rho^+ + \rho^-)} \tfrac1n \mathbb 1^\top Q \mathbb 1 "
        r"+ s f'(\infty) + \sum_\tau \min\bigl(|m|\rho^-,\ |m|\rho^+ - s m\bigr)",
    relation="=",
    instances=_functions,
    left=lambda value: _sharpness(value.found.net, value.inputs),
    right={"the dual, by a scan of thresholds": _dual_by_scan,
           "cheapest bends at the prices of Q, linear programme": _by_linear_costs},
    wrong=(
        Wrong("no price of a slope", right=lambda value: _dual_by_scan(value, priced=False)),
        Wrong("the constant vector of Lemma 4", right=lambda value: _dual_by_scan(
            value, density=np.ones((value.inputs.size, value.inputs.size)) / value.inputs.size)),
        Wrong("the flattest rescaling only", left=lambda value: rescaling.flattest_rescaling(
            value.case.net, value.case.data).sharpness),
    ),
    tolerance=Tolerance(1e-4, why="the scans have hundreds of thresholds in a gap, and the library's gap is 1e-5"),
)


def _wide_grid(value: Written) -> Array:
    edge = 2 * np.abs(value.inputs).max()
    return np.linspace(-edge, edge, 41)


XI_SAME = Claim(
    equation="XI.4",
    part="same function",
    says="It represents the same function, outside the data too",
    tex=r"f(x; \theta_\Lambda) = f(x; \theta)",
    relation="=",
    instances=_functions,
    left=lambda value: value.found.net(_wide_grid(value)),
    right={"as found, exact fractions": lambda value: exact_output(
               exact(value.case.net.vector), exact(_wide_grid(value))).astype(float),
           "as found, autograd's network": lambda value: autodiff.output(value.case.net.vector, _wide_grid(value))},
    wrong=(
        Wrong("on the other side of the last sample", left=lambda value: value.found.net(_wide_grid(value) + 0.01)),
        Wrong("turned without the line that is left over", left=lambda value: Network(
            -value.case.net.w1, -value.case.net.b1, value.case.net.w2, value.case.net.b2)(_wide_grid(value))),
    ),
    tolerance=Tolerance(1e-7, why="knots within rounding of a sample are moved to 1e-9 of a gap from it"),
)


@dataclass(frozen=True, eq=False)
class Implemented:
    """An implementation of a function at zero loss."""

    case: Case

    def bound(self, price: float | None = None) -> float:
        """Lemma 4 with the price of a slope, or at a given price."""
        return implementations.function_bound(self.case.net, self.case.data, np.ones((self.case.data.n,) * 2), price)


def _implemented() -> Iterator[Instance]:
    """Minima and random functions in other words; lines, which Lemma 4 gives for nothing; m|x|, where it is tight."""
    for each in _functions():
        case = replace(each.value.case, net=_in_other_words(each.value, 1))
        yield Instance(f"{each.label}, in other words", 1, Implemented(case))
    for seed in range(4):
        rng = np.random.default_rng(seed)
        data = Dataset.random(rng, 5)
        line = Case(Network([2.0 * (-1) ** seed], [4.5], [rng.uniform(0.5, 2)], 0.0), data).interpolating()
        flat = implementations.flattest_implementation(line.net, line.data)
        yield Instance(f"a line as flat as can be, seed {seed}", seed, Implemented(replace(line, net=flat.net)))
    for a in (0.5, 1.0, 2.0):
        case = Case(Network([a, -a], [0, 0], [1.0, 1.0], 0.0), Dataset([-a, a], [0, 0])).interpolating()
        flat = implementations.flattest_implementation(case.net, case.data)
        yield Instance(f"{a:g} |x| as flat as can be", None, Implemented(replace(case, net=flat.net)))


def _price_by_hand(value: Implemented, capped: bool = True) -> float:
    """1 + 2 max_s [...] with the paper's g⁺ and g⁻, whose sum is scanned for its least value."""
    data, ends = value.case.data, np.sort(value.case.data.x)
    gaps = np.concatenate([[ends[0] - 9], ends, [ends[-1] + 9]])
    grid = (gaps[:-1, None] + np.diff(gaps)[:, None] * np.append(np.linspace(1e-9, 1, 300)[:-1], 1 - 1e-9)).ravel()
    most = (smoothness.g_plus(grid, data) + smoothness.g_minus(grid, data)).min() if capped else 10.0
    written = Written(value.case, None)
    knots, mass, slope = _inner(written)
    plus, minus = smoothness.g_plus(knots, data), smoothness.g_minus(knots, data)
    prices = np.linspace(-most, most, 401)
    turned = np.abs(mass) * plus - prices[:, None] * mass
    return 1 + 2 * float((prices * slope + np.minimum(np.abs(mass) * minus, turned).sum(axis=1)).max())


XI_PRICE = Claim(
    equation="XI.6",
    says="Lemma 4 with the price of a slope",
    tex=r"\lambda_{\max} \ge 1 + 2 \max_{|s| \le \inf(g^+ + g^-)} \bigl[ s f'(\infty) "
        r"+ \sum_\tau \min(|m| g^-,\ |m| g^+ - s m) \bigr]",
    relation=">=",
    instances=_implemented,
    left=lambda value: _sharpness(value.case.net, value.case.data.x),
    right={"the library, Q = 11ᵀ/n": lambda value: value.bound(), "a scan of thresholds and prices": _price_by_hand},
    wrong=(
        Wrong("a price without limit", right=lambda value: _price_by_hand(value, capped=False)),
        Wrong("twice as much", right=lambda value: 2 * value.bound() - 1),
    ),
    tolerance=Tolerance(1e-4, why="the scan finds the least g⁺ + g⁻ to the square of its step"),
    attack=Attack(start=lambda value: np.zeros(value.case.net.k), steps=100,
                  build=lambda vector, value: Implemented(replace(
                      value.case, net=value.case.net.rescale(np.exp(vector))))),
)


@dataclass(frozen=True, eq=False)
class AtStepSize:
    """A function with its flattest implementation, at a step size."""

    written: Written
    eta: float


def _step_sizes() -> Iterator[Instance]:
    for each in _functions()[::2]:
        for ratio in (0.5, 0.97, 1.03, 1.5):
            eta = ratio * 2 / each.value.found.bound
            yield Instance(f"{each.label}, η = {ratio:g} · 2/Λ", each.seed, AtStepSize(each.value, eta))


def _steps_stay(value: AtStepSize) -> bool:
    """Whether some implementation tried keeps 2²⁰ linearised steps bounded: the flattest found, and others."""
    net, x = value.written.found.net, value.written.inputs
    tried = net, value.written.case.net, _in_other_words(value.written, 0)
    grams = [autodiff.features(each, x).T @ autodiff.features(each, x) / x.size for each in tried]
    with np.errstate(all="ignore"):
        powers = [np.abs(np.linalg.matrix_power(np.eye(x.size) - value.eta * gram, 2**20)).max() for gram in grams]
    return bool(any(np.isfinite(power) and power < 9 for power in powers))


def _descent_stays(value: AtStepSize) -> bool:
    """Whether descent that starts 1e-9 beside the flattest implementation found stays near it."""
    net = value.written.found.net
    noise = np.random.default_rng(0).standard_normal(net.vector.size)
    start = Network.from_vector(net.vector + 1e-9 * noise / np.linalg.norm(noise))
    data = Dataset(value.written.inputs, net(value.written.inputs))
    end = descend(start, data, Schedule(value.eta), tolerance=0.0, budget=4000, records=2)
    return bool(np.linalg.norm(end.net.vector - net.vector) < 1e-7)


XI_THEOREM = Claim(
    equation="XI.7",
    says="At η below 2/Λ(f) an implementation of f is linearly stable, above it none of those tried",
    tex=r"\eta \ne 2/\Lambda(f): \quad \eta < 2/\Lambda(f) \iff \text{some implementation is linearly stable}",
    relation="=",
    instances=_step_sizes,
    left=lambda value: bool(value.eta < 2 / value.written.found.bound),
    right={"powers of the step, autograd's features": _steps_stay, "descent beside the flattest": _descent_stays},
    wrong=(
        Wrong("the flattest rescaling decides", left=lambda value: bool(value.eta < 2 / rescaling.flattest_rescaling(
            value.written.case.net, value.written.case.data).sharpness)),
        Wrong("Lemma 4 decides", left=lambda value: bool(value.eta < 2 / smoothness.sharpness_bound(
            value.written.case.net, value.written.case.data))),
        Wrong("1/Λ", left=lambda value: bool(value.eta < 1 / value.written.found.bound)),
    ),
    tolerance=Tolerance(0, why="yes or no, at least three hundredths away from the threshold"),
)


@dataclass(frozen=True)
class Sides:
    """Masses at distinct knots, some of which open to the right."""

    masses: tuple[float, ...]
    right: tuple[bool, ...]

    @property
    def slope(self) -> float:
        """f'(+∞)."""
        return float(np.array(self.masses) @ np.array(self.right))


def _sides() -> Iterator[Instance]:
    for seed in range(6):
        rng = np.random.default_rng(seed)
        masses = rng.uniform(0.5, 2, 6) * rng.choice([-1, 1], 6)
        if seed >= 3:  # two knots of one mass, or two that cancel: two subsets have one sum
            masses = np.round(masses * 4) / 4 * np.append(np.ones(5), 1)
            masses[1] = masses[0] if seed % 2 else -masses[0]
        right = tuple((rng.random(6) < 0.5).tolist())
        kind = "no two subsets of one sum" if seed < 3 else "some subsets of one sum"
        yield Instance(f"{kind}, seed {seed}", seed, Sides(tuple(masses.tolist()), right))


def _subsets(value: Sides) -> int:
    """Subsets of the masses with the sum f'(+∞)."""
    sums = [np.array(each) @ value.masses for each in product((0, 1), repeat=len(value.masses))]
    return int(np.sum(np.abs(np.array(sums) - value.slope) < 1e-9))


def _networks_of_width(value: Sides) -> int:
    """Networks with a neuron at each knot, either way: how many are f, but for a constant."""
    knots, x = np.arange(len(value.masses)) - 2.5, np.linspace(-4, 4, 33)
    wanted, count = _slopes(np.array(value.right), knots, value.masses, x), 0
    for each in product((False, True), repeat=len(value.masses)):
        found = _slopes(np.array(each), knots, value.masses, x)
        count += bool(np.allclose(found, wanted))
    return count


def _slopes(right: NDArray[np.bool_], knots: Array, masses: tuple[float, ...], x: Array) -> Array:
    """f at the inputs but for a constant."""
    side = np.where(right, 1.0, -1.0)
    net = Network(side, -side * knots, masses, 0.0)
    return net(x) - net(x[0])


def _by_exact_sums(value: Sides) -> int:
    masses, right = exact(np.array(value.masses)), np.array(value.right)
    slope = masses[right].sum()
    return sum(abs(sum((mass for mass, on in zip(masses, each, strict=True) if on), 0) - slope) < 1e-9
               for each in product((False, True), repeat=masses.size))


XI_WIDTH = Claim(
    equation="XI.8",
    says="At k knots and width k, the implementations are, up to order and rescaling, the subsets of one sum",
    tex=r"\#\,\Omega(f)/{\sim} = \#\bigl\{P : \sum_{\tau \in P} m_\tau = f'(+\infty)\bigr\}",
    relation="=",
    instances=_sides,
    left=_subsets,
    right={"all networks of that width": _networks_of_width, "subsets, in fractions": _by_exact_sums},
    wrong=(
        Wrong("always one", left=lambda value: 1),
        Wrong("every choice of sides", left=lambda value: 2 ** len(value.masses)),
        Wrong("as many as neurons open to the right", left=lambda value: 1 + sum(value.right)),
    ),
    tolerance=Tolerance(0, why="whole numbers"),
)
