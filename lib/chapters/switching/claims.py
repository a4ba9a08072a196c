"""Chapter III: Lemma 2, what a switching system cannot stay at (S10–S25)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import chain, product

import autograd.numpy as anp
import numpy as np
from autograd import elementwise_grad, grad
from numpy.typing import NDArray

from ledgerbook.claim import Attack, Claim, Instance, Tolerance, Wrong
from stableminima import autodiff
from stableminima import switching as sw
from stableminima.kinks import Tight
from stableminima.network import Dataset, Network
from stableminima.switching import ModeOfNetwork, NetworkModes, Switching, inside_a_mode

from ..common import Array, exact
from ..instances import networks

# ---- what the claims are tested on -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Numbers:
    """What is left of a system once Lemma 2 has measured it. ``share`` is the part of the largest ξ that is used."""

    eta: float
    delta: float
    gamma: float
    radius: float
    eigenvalues: tuple[float, ...]
    share: float = 1.0

    @property
    def threshold(self) -> float:
        """2/η + δ + γ/ε."""
        return sw.threshold(self.eta, self.delta, self.gamma, self.radius)

    @property
    def largest_xi(self) -> float:
        """The largest ξ in (S18); negative where (S17) fails."""
        return self.eta * (min(self.eigenvalues) - self.threshold)

    @property
    def xi(self) -> float:
        """The ξ that is used."""
        return self.share * self.largest_xi

    @property
    def factors(self) -> Array:
        """|1 - ηλ_m| for every mode."""
        return np.abs(1 - self.eta * np.array(self.eigenvalues))

    @property
    def fractions(self) -> NDArray:
        """η, δ, γ, ε and every λ as exact fractions."""
        return exact(np.array([self.eta, self.delta, self.gamma, self.radius, *self.eigenvalues]))

    def first_step(self, factor: float, delta: float = 1, gamma: float = 1) -> float:
        """The right side of (S20), with ``factor`` as the smallest |1 - ηλ|."""
        return factor * self.radius - self.eta * (delta * self.delta * self.radius + gamma * self.gamma)


@dataclass(frozen=True, eq=False)
class Setting:
    """A switching system, a unit vector q with a λ_m for each mode, a step size, a radius ε, and a displacement u.

    Lemma 2 starts descent at ``reach``·εq with ``reach`` = 1.
    """

    system: Switching
    q: Array
    eigenvalues: Array
    eta: float
    radius: float
    u: Array
    steps: int = 3
    share: float = 1.0
    reach: float = 1.0

    @property
    def numbers(self) -> Numbers:
        """δ and γ as the library measures them, with the rest."""
        delta = sw.deviation(self.system, self.q, self.eigenvalues)
        gamma = sw.gamma(self.system, self.q)
        return Numbers(self.eta, delta, gamma, self.radius, tuple(self.eigenvalues), self.share)

    @property
    def mode(self) -> int:
        """The mode that u is in."""
        return self.system.rule(self.u)

    @property
    def start(self) -> Array:
        """Where Lemma 2 starts."""
        return self.reach * self.radius * self.q

    def from_start(self) -> list[Array]:
        """All that u_t can be, from the start of Lemma 2."""
        return self.system.iterates(self.start, self.eta, self.steps)

    def one_by_one(self, start: Array) -> list[Array]:
        """The same from any start, each sequence of batches walked on its own: no code of the library but the rule."""
        batches = range(len(self.system.gradients[0]))
        return [np.array([self._walked(start, sequence) for sequence in product(batches, repeat=t)])
                for t in range(self.steps + 1)]

    def _walked(self, u: Array, sequence: tuple[int, ...]) -> Array:
        for batch in sequence:
            m = self.system.rule(u)
            u = u - self.eta * (self.system.gradients[m, batch] + self.system.hessians[m, batch] @ u)
        return u

    def after_one(self) -> Array:
        """All that one step can make of u, one row for each batch."""
        return self.system.iterates(self.u, self.eta, 1)[1]


def along(rows: list[Array], q: Array) -> Array:
    """E|qᵀu_t| for every t."""
    return np.array([np.abs(each @ q).mean() for each in rows])


def distances(rows: list[Array]) -> Array:
    """E‖u_t‖ for every t."""
    return np.array([np.linalg.norm(each, axis=1).mean() for each in rows])


def random_setting(seed: int, delta: float = 0.3, noise: float = 0.4) -> Setting:
    """Three modes, the cones of a random fan in three dimensions, and three batches.

    q misses being an eigenvector by ``delta``, ``noise`` is the size of the gradients, and the smallest λ_m is
    2/η + δ + γ/ε + a positive number.
    """
    rng = np.random.default_rng(seed)
    eta, radius = rng.uniform(0.3, 1.5), rng.uniform(0.5, 2)
    basis = np.linalg.qr(rng.standard_normal((3, 3)))[0]
    gradients = noise * rng.standard_normal((3, 3, 3))
    gamma = np.abs(gradients @ basis[:, 0]).mean(axis=1).max()
    lowest = 2 / eta + delta + gamma / radius + rng.uniform(0.02, 0.3)
    eigenvalues = lowest + np.append(0, rng.uniform(0, 0.4, 2))
    hessians = [_hessians(rng, basis, eigenvalue, delta, 1 / eta) for eigenvalue in eigenvalues]
    system = Switching(np.array(hessians), gradients, sw.fan(rng.standard_normal((3, 3))))
    share = 1.0 if seed % 2 else 0.5
    return Setting(system, basis[:, 0], eigenvalues, eta, radius, rng.standard_normal(3), share=share)


def _hessians(rng: np.random.Generator, basis: Array, eigenvalue: float, delta: float, flat: float) -> Array:
    """Three batch Hessians whose mean H has ‖Hq - λq‖ = δ for the first column q of the basis."""
    angle = rng.uniform(0, 2 * np.pi)
    mean = np.diag([eigenvalue, *(flat * rng.uniform(0.2, 1, 2))])
    mean[0, 1:] = mean[1:, 0] = delta * np.cos(angle), delta * np.sin(angle)
    scatter = 0.3 * rng.standard_normal((3, 3, 3))
    scatter = scatter + scatter.swapaxes(1, 2)
    return basis @ (mean + scatter - scatter.mean(axis=0)) @ basis.T


def worst_setting(
    eta: float, delta: float, gamma: float, radius: float, xi: float, spread: float = 0.0, steps: int = 3
) -> Setting:
    """The system on which no inequality of the proof loses anything; λ is larger by ``spread`` where u < 0."""
    eigenvalues = sw.threshold(eta, delta, gamma, radius) + xi / eta + np.array([0, spread])
    return Setting(sw.worst(eigenvalues, delta, gamma), np.ones(1), eigenvalues, eta, radius, np.array([radius]), steps)


def network_setting(found: NetworkModes, above: float = 1.02) -> Setting:
    """A minimum that descent found, q the top eigenvector of its mean mode, and λ_m = qᵀH_m q.

    The step size puts the smallest λ_m at ``above`` times the threshold of Lemma 2, with γ = 0.
    """
    q = sw.mean_direction(found.system)
    eigenvalues = sw.rayleigh(found.system, q)
    eta = 2 / (eigenvalues.min() / above - sw.deviation(found.system, q, eigenvalues))
    u = np.random.default_rng(0).standard_normal(found.system.dim)
    return Setting(found.system, q, eigenvalues, eta, 1.0, u, steps=2)


def random_settings(**options) -> Iterator[Instance]:
    """Ten random settings."""
    name = "".join(f", {key} {value:g}" for key, value in options.items())
    for seed in range(10):
        yield Instance(f"random system, seed {seed}{name}", seed, random_setting(seed, **options))


def worst_settings(steps: int = 3, delta: float | None = None) -> Iterator[Instance]:
    """Settings on which the proof loses nothing, with and without δ and γ."""
    for eta, spread in ((0.5, 0.0), (1.5, 0.0), (0.5, 0.2)):
        for d, gamma in ((0, 0), (0.3, 0), (0, 0.4), (0.3, 0.4)):
            if delta is None or d == delta:
                name = f"worst system, η = {eta}, spread {spread}, δ = {d}, γ = {gamma}"
                yield Instance(name, None, worst_setting(eta, d, gamma, 1.3, 0.1, spread, steps))


def network_settings() -> Iterator[Instance]:
    """Settings at four minima that descent found."""
    for name, found in networks(4):
        yield Instance(name, None, network_setting(found))


def all_settings() -> Iterator[Instance]:
    """Random, worst, and found ones; the hypothesis (S17) holds in each, and in most of them δ > 0 and γ > 0."""
    return chain(random_settings(), random_settings(delta=0.0), worst_settings(), network_settings())


def exact_settings(steps: int = 3) -> Iterator[Instance]:
    """Settings with δ = 0 in which (S17) holds."""
    return chain(random_settings(delta=0.0), random_settings(delta=0.0, noise=0.0), worst_settings(steps, delta=0))


def _at(u: Array, setting: Setting) -> Setting:
    return replace(setting, u=u)


# ascent over the displacement
ELSEWHERE = Attack(start=lambda setting: setting.u, build=_at, steps=60)


Noise = Callable[[Switching, Array], float]  # what stands for γ in the threshold


def _lowest_step(setting: Setting, radius: float, noise: Noise = sw.gamma) -> float:
    """The step size at which the smallest λ_m meets the threshold."""
    return 2 / (setting.eigenvalues.min() - setting.numbers.delta - noise(setting.system, setting.q) / radius)


def _retuning(noise: Noise) -> Attack:
    """Ascent over the step size and the radius, in the hypothesis with ``noise`` for γ."""

    def build(vector: Array, setting: Setting) -> Setting | None:
        if max(map(abs, vector)) > 12:  # a radius or a step size that no float holds
            return None
        radius = setting.radius * np.exp(vector[1])
        eta = _lowest_step(setting, radius, noise) * (1 + abs(vector[0]))
        return replace(setting, radius=radius, eta=eta) if eta > 0 else None

    def start(setting: Setting) -> list[float]:
        return [setting.eta / _lowest_step(setting, setting.radius, noise) - 1, 0]

    return Attack(start, build, steps=40)


RETUNED = _retuning(sw.gamma)


# ---- one step ----------------------------------------------------------------------------------------------------


def _network_modes() -> Iterator[Instance]:
    for batch in (1, 2, 3):
        for name, found in networks(3, batch):
            rng = np.random.default_rng(batch)
            for draw in range(3):
                u = inside_a_mode(found.system, rng, 1e-8)
                yield Instance(f"{name}, displacement {draw}", batch, ModeOfNetwork(found, u))


def _batch_hessians(value: ModeOfNetwork) -> Array:
    """Ĥ for every batch, in the mode of the displacement."""
    return value.found.system.hessians[value.found.system.rule(value.u)]


def _mean_hessian(value: ModeOfNetwork) -> Array:
    return _batch_hessians(value).mean(axis=0)


def _skewed_mean(value: ModeOfNetwork) -> Array:
    """The mean when the first half of the batches is twice as likely as the rest."""
    hessians = _batch_hessians(value)
    return np.average(hessians, axis=0, weights=2 - (np.arange(len(hessians)) >= len(hessians) / 2))


def _outer_products(value: ModeOfNetwork) -> Array:
    """(1/n) Σ_j ∇f(x_j)∇f(x_j)ᵀ of the displaced network, by automatic differentiation."""
    columns = value.found.basis.T @ autodiff.features(Network.from_vector(value.displaced), value.found.data.x)
    return columns @ columns.T / value.found.data.n


def _difference_quotients(value: ModeOfNetwork, step: float = 1e-10) -> Array:
    """Differences of the gradient of the full loss on both sides of the displaced network."""
    slope, basis = grad(autodiff.loss), value.found.basis
    pairs = [[slope(value.displaced + sign * step * d, value.found.data) for sign in (1, -1)] for d in basis.T]
    return basis.T @ np.array([(after - before) / (2 * step) for after, before in pairs]).T


S10 = Claim(
    equation="S10",
    says="The batch Hessians of a mode average to the Hessian of the loss in that mode",
    tex=r"\mathbb{E}[\hat H_m] = H_m",
    relation="=",
    instances=_network_modes,
    left=_mean_hessian,
    right={"autograd, all samples": _outer_products, "differences of the gradient": _difference_quotients},
    wrong=(
        Wrong("the sum over batches", left=lambda value: _batch_hessians(value).sum(axis=0)),
        Wrong("some batches twice as likely", left=_skewed_mean),
        Wrong("the mode on the other side", left=lambda v: _mean_hessian(replace(v, u=-v.u))),
    ),
    tolerance={
        "autograd, all samples": Tolerance(3e-8, why="a displacement of 1e-8 moves the features by as much"),
        "differences of the gradient": Tolerance(5e-6, why="gradients rounded to 1e-16, over a step of 1e-10"),
    },
)


def _layers(setting: Setting) -> float:
    """max_m ∫ P(|qᵀĝ_m| > s) ds, a sum over the sorted values."""
    sizes = np.sort(np.abs(setting.system.gradients @ setting.q), axis=1)
    left = np.arange(setting.system.batches, 0, -1) / setting.system.batches
    return float((np.diff(sizes, axis=1, prepend=0) @ left).max())


def _rational_gamma(setting: Setting) -> float:
    q = exact(setting.q)
    sums = [sum(abs(exact(each) @ q) for each in mode) for mode in setting.system.gradients]
    return float(max(sums) / setting.system.batches)


def _noisy() -> Iterator[Instance]:
    return chain(random_settings(), random_settings(noise=2.0), worst_settings())


S11 = Claim(
    equation="S11",
    says="γ is the largest mean size, over the modes, of a batch gradient along q",
    tex=r"\gamma = \max_m \mathbb{E}|q^\top \hat g_m|",
    relation="=",
    instances=_noisy,
    left=lambda setting: sw.gamma(setting.system, setting.q),
    right={"max ∫ P(|qᵀĝ| > s) ds": _layers, "in rational numbers": _rational_gamma},
    wrong=(
        Wrong("the size of the mean", left=lambda setting: sw.drift(setting.system, setting.q)),
        Wrong("no absolute value", left=lambda s: (s.system.gradients @ s.q).mean(axis=1).max()),
        Wrong("the mean over modes", left=lambda s: np.abs(s.system.gradients @ s.q).mean()),
    ),
)


def _after_mean_step(setting: Setting) -> Array:
    """(I - ηH)u in the mode that u is in."""
    return setting.u - setting.eta * setting.system.hessians[setting.mode].mean(axis=0) @ setting.u


def _mean_along(setting: Setting) -> float:
    """E|qᵀu'| over the batches."""
    return float(np.abs(setting.after_one() @ setting.q).mean())


def _step_bound(setting: Setting, gamma: float = 1.0) -> float:
    numbers = setting.numbers
    return float(abs(setting.q @ _after_mean_step(setting)) - gamma * numbers.eta * numbers.gamma)


S12 = Claim(
    equation="S12",
    says="The next distance along q is on average at least that of the mean step, less ηγ",
    tex=r"\mathbb{E}[|q^\top u_{t+1}| \mid \theta_t] \ge |q^\top (I - \eta H_{\theta_t}) u_t| - \eta\gamma",
    relation=">=",
    instances=all_settings,
    left=_mean_along,
    right={"|qᵀ(I - ηH)u| - ηγ": _step_bound},
    wrong=(
        Wrong("half of γ", right=lambda setting: _step_bound(setting, gamma=0.5)),
        Wrong("without γ", right=lambda setting: _step_bound(setting, gamma=0.0)),
        Wrong("for every batch, not on average", left=lambda s: np.abs(s.after_one() @ s.q).min()),
    ),
    attack=ELSEWHERE,
)


def _mode_bound(setting: Setting, delta: float = 1.0, length: float | None = None) -> float:
    """|1 - ηλ||qᵀu| - ηδ‖u‖ in the mode that u is in."""
    numbers, size = setting.numbers, np.linalg.norm(setting.u) if length is None else length
    factor = numbers.factors[setting.mode]
    return float(factor * abs(setting.q @ setting.u) - delta * numbers.eta * numbers.delta * size)


def _misses(setting: Setting) -> Array:
    """H_m q - λ_m q, one row for each mode."""
    means = np.array([sum(batches) / len(batches) for batches in setting.system.hessians])
    return means @ setting.q - np.outer(setting.eigenvalues, setting.q)


def _rational_delta(setting: Setting) -> float:
    """The largest ‖H_m q - λ_m q‖, rounded once, when the root of the exact sum of squares is taken."""
    q, squares = exact(setting.q), []
    for batches, eigenvalue in zip(setting.system.hessians, exact(setting.eigenvalues), strict=True):
        mean = sum(exact(each) for each in batches).reshape(q.size, q.size) / len(batches)
        squares.append(sum((mean @ q - eigenvalue * q) ** 2))
    return float(max(squares)) ** 0.5


def _farthest_pull(setting: Setting) -> float:
    """The largest vᵀ(H_m q - λ_m q) over unit vectors v, as the largest singular value of a column."""
    return max(np.linalg.svd(row[:, None], compute_uv=False)[0] for row in _misses(setting))


def _delta(setting: Setting) -> float:
    return sw.deviation(setting.system, setting.q, setting.eigenvalues)


S13_DELTA = Claim(
    equation="S13",
    part="δ",
    says="The smallest δ that the lemma admits: how far q is, at most, from being an eigenvector of a mode",
    tex=r"\delta = \max_m \|H_m q - \lambda_m q\|",
    relation="=",
    instances=all_settings,
    left=_delta,
    right={"in rational numbers": _rational_delta, "max vᵀ(H_m q - λ_m q)": _farthest_pull},
    wrong=(
        Wrong("0.9 δ", left=lambda setting: 0.9 * _delta(setting)),
        Wrong("1.05 δ", left=lambda setting: 1.05 * _delta(setting)),
        Wrong("the mean over modes", left=lambda setting: np.linalg.norm(_misses(setting), axis=1).mean()),
        Wrong("the largest entry", left=lambda setting: np.abs(_misses(setting)).max()),
    ),
    tolerance=Tolerance(1e-13, why="Hq and λq cancel, each rounded to 1e-16", scale=lambda s: s.eigenvalues.max()),
)

S13 = Claim(
    equation="S13",
    says="An approximate eigenvector multiplies the distance along it by |1 - ηλ|, less ηδ times the whole distance",
    tex=r"|q^\top (I - \eta H_m) u| \ge |1 - \eta\lambda_m|\, |q^\top u| - \eta\delta \|u\|",
    relation=">=",
    instances=all_settings,
    left=lambda setting: abs(setting.q @ _after_mean_step(setting)),
    right={"|1 - ηλ||qᵀu| - ηδ‖u‖": _mode_bound},
    wrong=(
        Wrong("half of δ", right=lambda setting: _mode_bound(setting, delta=0.5)),
        Wrong("δ forgotten", right=lambda setting: _mode_bound(setting, delta=0.0)),
        Wrong("|qᵀu| behind δ", right=lambda setting: _mode_bound(setting, length=abs(setting.q @ setting.u))),
    ),
    attack=ELSEWHERE,
)


def _conditional_bound(setting: Setting, factor: Callable[[Setting], float], gamma: float = 1.0) -> float:
    numbers, size = setting.numbers, np.linalg.norm(setting.u)
    kept = factor(setting) * abs(setting.q @ setting.u)
    return float(kept - numbers.eta * (numbers.delta * size + gamma * numbers.gamma))


def _own_factor(setting: Setting) -> float:
    return setting.numbers.factors[setting.mode]


def _smallest(setting: Setting) -> float:
    return setting.numbers.factors.min()


S14 = Claim(
    equation="S14",
    says="Both steps together: noise costs ηγ, the missing eigenvector ηδ times the distance",
    tex=r"\mathbb{E}[|q^\top u_{t+1}| \mid \theta_t] \ge \min_m |1 - \eta\lambda_m|\, |q^\top u_t| "
        r"- \eta\delta \|u_t\| - \eta\gamma",
    relation=">=",
    instances=all_settings,
    left=_mean_along,
    right={
        "with λ of the mode that u is in": lambda setting: _conditional_bound(setting, _own_factor),
        "with the smallest |1 - ηλ|": lambda setting: _conditional_bound(setting, _smallest),
    },
    wrong=(
        Wrong("the best mode", right=lambda s: _conditional_bound(s, lambda s: s.numbers.factors.max())),
        Wrong("half of γ", right=lambda setting: _conditional_bound(setting, _own_factor, gamma=0.5)),
        Wrong("1 + ηλ", right=lambda s: _conditional_bound(s, lambda s: 1 + s.eta * s.eigenvalues.min())),
    ),
    attack=ELSEWHERE,
)


def _paths(setting: Setting) -> list[Array]:
    return setting.system.iterates(setting.u, setting.eta, setting.steps)


def _all_steps(setting: Setting, factor=np.min, gamma: float = 1.0) -> Array:
    """The right side of (S15) for t = 0, 1, …"""
    numbers, rows = setting.numbers, setting.one_by_one(setting.u)[:-1]
    lost = numbers.delta * distances(rows) + gamma * numbers.gamma
    return factor(numbers.factors) * along(rows, setting.q) - numbers.eta * lost


S15 = Claim(
    equation="S15",
    says="The same on average over all earlier batches, for every step of a path",
    tex=r"\mathbb{E}|q^\top u_{t+1}| \ge \min_m |1 - \eta\lambda_m|\, \mathbb{E}|q^\top u_t| "
        r"- \eta\delta\, \mathbb{E}\|u_t\| - \eta\gamma",
    relation=">=",
    instances=all_settings,
    left=lambda setting: along(_paths(setting), setting.q)[1:],
    right={"min|1 - ηλ| E|qᵀu| - ηδ E‖u‖ - ηγ": _all_steps},
    wrong=(
        Wrong("the best mode", right=lambda setting: _all_steps(setting, factor=np.max)),
        Wrong("half of γ", right=lambda setting: _all_steps(setting, gamma=0.5)),
        Wrong("distance of the mean path", left=lambda s: np.array([abs(r.mean(axis=0) @ s.q) for r in _paths(s)[1:]])),
    ),
    attack=ELSEWHERE,
)

# ---- whole paths, and the loss ------------------------------------------------------------------------------------

FAR, NEAR = 8, 2  # steps over the whole sample, and with every sequence of batches
BITS, TINY = 160, 2.0**-64  # binary digits behind the point, and how near to its minimum a network starts


@dataclass(frozen=True, eq=False)
class Walk:
    """A start u in a system, a step size, and the network at whose minimum the system was found, if there is one."""

    system: Switching
    u: Array
    eta: float
    found: NetworkModes | None = None

    @property
    def basis(self) -> Array:
        """Columns that lead from the system's coordinates to the parameters."""
        return np.eye(self.u.size) if self.found is None else self.found.basis

    def frozen(self) -> Walk:
        """The same with the mode of the start for ever."""
        mode = self.system.rule(self.u)
        return replace(self, system=replace(self.system, rule=lambda u: mode))


def _mirrored(walk: Walk) -> Walk:
    """The same with the mode of -u in place of that of u."""
    return replace(walk, system=replace(walk.system, rule=lambda u: walk.system.rule(-u)))


def _averaged(walk: Walk) -> Walk:
    """The same with the mean of all batches in place of each."""
    averaged = [np.broadcast_to(each.mean(axis=1, keepdims=True), each.shape)
                for each in (walk.system.hessians, walk.system.gradients)]
    return replace(walk, system=Switching(*averaged, walk.system.rule))


def _crossing(system: Switching, eta: float) -> Array:
    """The first start of norm 1 whose path of full steps visits three modes."""
    for seed in range(100):
        u = np.random.default_rng(seed).standard_normal(system.dim)
        u /= np.linalg.norm(u)
        if len({system.rule(each) for each in system.path(u, eta, FAR)}) >= 3:
            return u
    raise AssertionError("no path visits three modes")


def _walks() -> Iterator[Instance]:
    """At minima that descent found, with a step size at their edge, and in random systems with gradients."""
    for name, found in networks(3, batch=1):
        eta = sw.edge(found.system)
        yield Instance(name, None, Walk(found.system, _crossing(found.system, eta), eta, found))
    for seed in range(3):
        setting = random_setting(seed)
        walk = Walk(setting.system, _crossing(setting.system, setting.eta), setting.eta)
        yield Instance(f"random system, seed {seed}", seed, walk)


def _by_the_system(walk: Walk) -> Array:
    """Where full steps lead, one row for each, and where every sequence of one batch and of two."""
    ends = walk.system.iterates(walk.u, walk.eta, NEAR)[1:]
    return np.vstack([walk.system.path(walk.u, walk.eta, FAR)[1:], *ends]) @ walk.basis.T


def _by_descent(walk: Walk, slope: Callable[[Walk, Array, list[int]], Array]) -> Array:
    """The same rows from the gradient of the loss of some batches at a displacement of the parameters."""
    every = list(range(len(walk.system.gradients[0])))
    path = ends = [walk.basis @ walk.u]
    for _ in range(FAR):
        path = [*path, path[-1] - walk.eta * slope(walk, path[-1], every)]
    rows = path[1:]
    for _ in range(NEAR):
        ends = [here - walk.eta * slope(walk, here, [batch]) for here in ends for batch in every]
        rows = rows + ends
    return np.array(rows)


def _autograd_slope(walk: Walk, here: Array, batches: list[int]) -> Array:
    """The network 1e-8 times the displacement away from its minimum, divided by 1e-8; or the quadratic losses."""
    if walk.found is None:
        mode = walk.system.rule(here)
        gradient, hessian = (each[mode][batches].mean(axis=0) for each in (walk.system.gradients, walk.system.hessians))
        return grad(lambda u: anp.dot(gradient, u) + anp.dot(u, anp.dot(hessian, u)) / 2)(here)
    data = Dataset(walk.found.data.x[batches], walk.found.data.y[batches])
    return grad(autodiff.loss)(walk.found.net.vector + 1e-8 * here, data) / 1e-8


def _fixed(values: Array) -> NDArray:
    """The same numbers as integers, in units of 2⁻¹⁶⁰: forty-eight decimals."""
    return np.array([int(each) for each in np.ravel(values * 2.0**BITS).tolist()], dtype=object).reshape(values.shape)


def _fixed_point_slope(walk: Walk, here: Array, batches: list[int]) -> Array:
    """The same gradients by hand; the network is 2⁻⁶⁴ times the displacement away, and that is divided out again."""
    if walk.found is not None:
        return _network_slope(walk.found, here, batches)
    mode, u = walk.system.rule(here), _fixed(here)
    gradients, hessians = (_fixed(each[mode][batches]) for each in (walk.system.gradients, walk.system.hessians))
    return (gradients + (hessians @ u >> BITS)).sum(axis=0).astype(float) / 2.0**BITS / len(batches)


def _network_slope(found: NetworkModes, here: Array, samples: list[int]) -> Array:
    x, w1, b1, w2 = map(_fixed, (found.data.x, found.net.w1, found.net.b1, found.net.w2))
    b1[found.neurons] = -(w1[found.neurons] * x[found.samples] >> BITS)  # the knots sit on their samples
    x = x[samples]
    label = np.maximum((np.outer(x, w1) >> BITS) + b1, 0) @ w2 >> BITS
    moved = _fixed(TINY * here)
    first, bias, second = moved[:-1].reshape(3, -1)
    z = (np.outer(x, w1 + first) >> BITS) + b1 + bias
    hidden, back = np.maximum(z, 0), np.where(z > 0, w2 + second, 0)
    residual = (hidden @ (w2 + second) >> BITS) + moved[-1] - label
    slope = [(residual * x >> BITS) @ back, residual @ back, residual @ hidden, [residual.sum() << BITS]]
    return np.concatenate(slope).astype(float) / 4.0**BITS / TINY / len(samples)


S15_WALKS = Claim(
    equation="S15",
    part="the loss",
    says="The paths of the system are those of descent on the loss, through every change of mode",
    tex=r"\theta^* + u_t = \theta_t \quad \text{on the network, for all batches}",
    relation="=",
    instances=_walks,
    left=_by_the_system,
    right={
        "descent by autograd": lambda walk: _by_descent(walk, _autograd_slope),
        "descent by hand, to 48 decimals": lambda walk: _by_descent(walk, _fixed_point_slope),
    },
    wrong=(
        Wrong("the first mode for ever", left=lambda walk: _by_the_system(walk.frozen())),
        Wrong("the mode on the other side", left=lambda walk: _by_the_system(_mirrored(walk))),
        Wrong("the whole sample in every step", left=lambda walk: _by_the_system(_averaged(walk))),
    ),
    tolerance={
        "descent by autograd": Tolerance(1e-6, why="a displacement of 1e-8 moves the features by as much"),
        "descent by hand, to 48 decimals": Tolerance(1e-12, why="ten steps of products rounded to 1e-16"),
    },
)

# ---- the start and the hypothesis --------------------------------------------------------------------------------


def _starts() -> Iterator[Instance]:
    for seed in range(12):
        rng = np.random.default_rng(seed)
        q = rng.standard_normal(2 + seed)
        yield Instance(f"{q.size} parameters, seed {seed}", seed, (q / np.linalg.norm(q), rng.uniform(0.1, 3)))


def _unnormalised() -> Iterator[Instance]:
    for one in _starts():
        q, radius = one.value
        yield Instance(one.label, one.seed, (1.5 * q, radius))


def _described(u: Array, q: Array) -> Array:
    return np.array([q @ u, np.linalg.norm(u)])


def _farthest(value: tuple[Array, float]) -> Array:
    """Ascent of qᵀu from a random point of the ball, projected back onto it."""
    q, radius = value
    u = np.random.default_rng(1).standard_normal(q.size)
    for _ in range(60):
        u = u + 10 * radius * q
        u *= radius / np.linalg.norm(u)
    return _described(u, q)


S16 = Claim(
    equation="S16",
    says="The start εq is the point of the ball that is farthest from the minimum along q",
    tex=r"q^\top u_0 = \|u_0\| = \varepsilon = \max_{\|u\| \le \varepsilon} q^\top u \quad (u_0 = \varepsilon q)",
    relation="=",
    instances=_starts,
    left=lambda value: _described(value[1] * value[0], value[0]),
    right={"ε itself": lambda value: np.full(2, value[1]), "ascent over the ball": _farthest},
    wrong=(
        Wrong("q of another length", instances=_unnormalised),
        Wrong("half way", left=lambda value: _described(value[1] * value[0] / 2, value[0])),
        Wrong("ε² for ε", left=lambda value: _described(value[1] ** 2 * value[0], value[0])),
    ),
)


def _around_the_threshold() -> Iterator[Instance]:
    for seed in range(8):
        rng = np.random.default_rng(seed)
        eta, delta, gamma, radius = rng.uniform(0.2, 1.8, 4)
        for factor in (0.97, 0.999, 1.001, 1.3):
            eigenvalue = factor * sw.threshold(eta, delta, gamma, radius)
            numbers = Numbers(eta, delta, gamma, radius, (eigenvalue, 1.1 * eigenvalue))
            yield Instance(f"seed {seed}, λ at {factor} of the threshold", seed, numbers)


def _above(numbers: Numbers, step: float = 2, delta: float = 1, gamma: float = 1, radius: float | None = None) -> bool:
    """Whether (S17) holds in every mode."""
    radius = numbers.radius if radius is None else radius
    bound = step / numbers.eta + delta * numbers.delta + gamma * numbers.gamma / radius
    return bool(min(numbers.eigenvalues) > bound)


def _worst_leaves(numbers: Numbers) -> bool:
    """Whether one step of the worst system with these numbers ends outside the ball."""
    worst = worst_setting(numbers.eta, numbers.delta, numbers.gamma, numbers.radius, numbers.largest_xi)
    return bool(distances(worst.from_start())[1] > numbers.radius)


def _rational_leaves(numbers: Numbers) -> bool:
    """The same from the right side of (S20), in rational numbers."""
    eta, delta, gamma, radius, *eigenvalues = numbers.fractions
    factor = min(abs(1 - eta * eigenvalue) for eigenvalue in eigenvalues)
    return factor * radius - eta * (delta * radius + gamma) > radius


S17 = Claim(
    equation="S17",
    says="Where λ ≥ δ + γ/ε the hypothesis holds exactly when the worst system leaves the ball at once",
    tex=r"\lambda > \tfrac2\eta + \delta + \tfrac\gamma\varepsilon \iff \|u_1\| > \varepsilon "
        r"\quad (\lambda \ge \delta + \tfrac\gamma\varepsilon)",
    relation="=",
    instances=_around_the_threshold,
    left=_above,
    right={"the worst system": _worst_leaves, "(S20) in rational numbers": _rational_leaves},
    wrong=(
        Wrong("1/η in place of 2/η", left=lambda numbers: _above(numbers, step=1)),
        Wrong("without δ", left=lambda numbers: _above(numbers, delta=0)),
        Wrong("γ in place of γ/ε", left=lambda numbers: _above(numbers, radius=1.0)),
    ),
    tolerance=Tolerance(0, why="both sides are yes or no; the λ keep 0.1 % away from the threshold"),
)


def _best_common(setting: Setting, reduce: Callable = np.max) -> float:
    """The largest λ - δ when all modes share one λ, out of 10, 100, …, 10⁷."""
    products = setting.system.hessians.mean(axis=1) @ setting.q
    margins = []
    for common in 10.0 ** np.arange(1, 8):
        deltas = np.sqrt(((products - common * setting.q) ** 2).sum(axis=1))
        margins.append(common - reduce(deltas))
    return float(max(margins))


def _by_first_steps(setting: Setting, reduce: Callable = np.min) -> float:
    """The smallest (1 - qᵀu_1/ε)/η over the modes, from u_0 = εq without gradients."""
    u, mean = setting.radius * setting.q, setting.system.hessians.mean(axis=1)
    after = [setting.q @ (u - setting.eta * hessian @ u) for hessian in mean]
    return float(reduce([(1 - each / setting.radius) / setting.eta for each in after]))


S17_GIVEN_Q = Claim(
    equation="S17",
    part="for given q",
    says="For given q the most that λ_m and δ can say is the smallest qᵀH_m q: λ - δ comes as close as one likes",
    tex=r"\sup_{\lambda} \bigl( \min_m \lambda_m - \max_m \|H_m q - \lambda_m q\| \bigr) = \min_m q^\top H_m q",
    relation="=",
    instances=all_settings,
    left=lambda setting: sw.rayleigh(setting.system, setting.q).min(),
    right={"one large λ for all modes": _best_common, "one step from εq in each mode": _by_first_steps},
    wrong=(
        Wrong("λ_m = qᵀH_m q, where δ is smallest", left=lambda setting: _least_deviation(setting)),
        Wrong("the mean over modes", left=lambda setting: sw.rayleigh(setting.system, setting.q).mean()),
        Wrong("the flattest mode's λ_max", left=lambda setting: setting.system.tops[0].min()),
    ),
    tolerance={
        "one large λ for all modes": Tolerance(1e-6, why="λ - δ misses its limit by about 1/λ = 1e-7 times ‖Hq‖²"),
        "one step from εq in each mode": Tolerance(1e-12, why="a few products, each rounded to 1e-16"),
    },
)


def _least_deviation(setting: Setting) -> float:
    eigenvalues = sw.rayleigh(setting.system, setting.q)
    return float(eigenvalues.min()) - sw.deviation(setting.system, setting.q, eigenvalues)


def _hypothesis_holds() -> Iterator[Instance]:
    """The numbers of all settings, and random ones, with the largest ξ and with half of it."""
    for one in all_settings():
        yield Instance(one.label, one.seed, one.value.numbers)
    for seed in range(10):
        rng = np.random.default_rng(seed)
        first = rng.uniform(0.2, 1.8, 4)
        eigenvalues = sw.threshold(*first) + rng.uniform(0, 2, 3)
        numbers = Numbers(*first, tuple(eigenvalues), share=1.0 if seed % 2 else 0.5)
        yield Instance(f"random numbers, seed {seed}", seed, numbers)


def _other_eigenvalues(vector: Array, numbers: Numbers) -> Numbers:
    return replace(numbers, eigenvalues=tuple(numbers.threshold + np.exp(vector)))


EIGENVALUES = Attack(
    start=lambda numbers: np.log(np.array(numbers.eigenvalues) - numbers.threshold),
    build=_other_eigenvalues,
    steps=60,
)


def _bisected_xi(numbers: Numbers) -> float:
    """The largest ξ for which every mode has (S18)."""

    def holds(xi: float) -> bool:
        bound = 2 / numbers.eta + numbers.delta + numbers.gamma / numbers.radius + xi / numbers.eta
        return all(eigenvalue >= bound for eigenvalue in numbers.eigenvalues)

    low, high = 0.0, numbers.eta * max(numbers.eigenvalues)
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low


def _rational_xi(numbers: Numbers) -> float:
    eta, delta, gamma, radius, *eigenvalues = numbers.fractions
    return float(min(eta * (eigenvalue - delta - gamma / radius) - 2 for eigenvalue in eigenvalues))


S18 = Claim(
    equation="S18",
    says="The largest ξ is η times the distance of the flattest mode from the threshold",
    tex=r"\max\{\xi : \text{(S18)}\} = \eta\, (\min_m \lambda_m - \tfrac2\eta - \delta - \tfrac\gamma\varepsilon)",
    relation="=",
    instances=_hypothesis_holds,
    left=lambda numbers: numbers.largest_xi,
    right={"bisection on (S18)": _bisected_xi, "in rational numbers": _rational_xi},
    wrong=(
        Wrong("from the mean mode", left=lambda n: n.eta * (np.mean(n.eigenvalues) - n.threshold)),
        Wrong("from the sharpest mode", left=lambda n: n.eta * (max(n.eigenvalues) - n.threshold)),
        Wrong("the distance itself", left=lambda n: min(n.eigenvalues) - n.threshold),
        Wrong("δ left out", left=lambda n: n.largest_xi + n.eta * n.delta),
    ),
    tolerance=Tolerance(1e-13, why="terms of the size of ηλ cancel, each rounded to 1e-16",
                        scale=lambda numbers: numbers.eta * max(numbers.eigenvalues)),
)


def _factor_bound(numbers: Numbers, xi: float = 1, scale: float | None = None) -> float:
    scale = numbers.eta if scale is None else scale
    return 1 + numbers.eta * numbers.delta + scale * numbers.gamma / numbers.radius + xi * numbers.xi


S19 = Claim(
    equation="S19",
    says="Every mode stretches q by at least 1 + ηδ + ηγ/ε + ξ",
    tex=r"\min_m |1 - \eta\lambda_m| \ge 1 + \eta\delta + \tfrac{\eta\gamma}\varepsilon + \xi",
    relation=">=",
    instances=_hypothesis_holds,
    left=lambda numbers: numbers.factors.min(),
    right={"(S18) put in": _factor_bound},
    wrong=(
        Wrong("2ξ", right=lambda numbers: _factor_bound(numbers, xi=2)),
        Wrong("γ/ε without η", right=lambda numbers: _factor_bound(numbers, scale=1)),
        Wrong("no absolute value", left=lambda numbers: np.min(1 - numbers.eta * np.array(numbers.eigenvalues))),
    ),
    attack=EIGENVALUES,
)

# ---- not strongly stable ------------------------------------------------------------------------------------------

S20 = Claim(
    equation="S20",
    says="From the start εq, one step leads at least this far along q",
    tex=r"\mathbb{E}|q^\top u_1| \ge \min_m |1 - \eta\lambda_m|\, \varepsilon - \eta\delta\varepsilon - \eta\gamma",
    relation=">=",
    instances=all_settings,
    left=lambda setting: along(setting.from_start(), setting.q)[1],
    right={"(S15) for the first step": lambda setting: setting.numbers.first_step(setting.numbers.factors.min())},
    wrong=(
        Wrong("half of δ", right=lambda s: s.numbers.first_step(s.numbers.factors.min(), delta=0.5)),
        Wrong("half of γ", right=lambda s: s.numbers.first_step(s.numbers.factors.min(), gamma=0.5)),
        Wrong("the best mode", right=lambda s: s.numbers.first_step(s.numbers.factors.max())),
    ),
    attack=RETUNED,
)

S21 = Claim(
    equation="S21",
    says="Under the hypothesis that is at least ε + ξε",
    tex=r"\min_m |1 - \eta\lambda_m|\, \varepsilon - \eta\delta\varepsilon - \eta\gamma "
        r"\ge \varepsilon + \xi\varepsilon",
    relation=">=",
    instances=_hypothesis_holds,
    left=lambda numbers: numbers.first_step(numbers.factors.min()),
    right={"ε + ξε with ξ from (S18)": lambda numbers: (1 + numbers.xi) * numbers.radius},
    wrong=(
        Wrong("ξ without ε", right=lambda numbers: numbers.radius + numbers.xi),
        Wrong("(1 + 2ξ)ε", right=lambda numbers: (1 + 2 * numbers.xi) * numbers.radius),
        Wrong("γ counted twice", left=lambda numbers: numbers.first_step(numbers.factors.min(), gamma=2)),
    ),
    attack=EIGENVALUES,
)


def _first_sizes(rows: list[Array], q: Array) -> Array:
    """E‖u₁‖ and E|qᵀu₁|."""
    return np.array([distances(rows)[1], along(rows, q)[1]])


def _leaving(setting: Setting, xi: float) -> Array:
    """The right sides of the chain (S22), with (1 + ξ)ε > ε at its end."""
    return np.array([along(setting.one_by_one(setting.start), setting.q)[1], (1 + xi) * setting.radius])


def _xi_with_half_the_noise(numbers: Numbers) -> float:
    """ξ where (S17) has γ/(2ε) in place of γ/ε."""
    return numbers.xi + numbers.share * numbers.eta * numbers.gamma / (2 * numbers.radius)


S22 = Claim(
    equation="S22",
    says="So the first step leaves the ball on average: the minimum is not strongly stable",
    tex=r"\mathbb{E}\|u_1\| \ge \mathbb{E}|q^\top u_1| \ge (1 + \xi)\, \varepsilon",
    relation=">=",
    instances=all_settings,
    left=lambda setting: _first_sizes(setting.from_start(), setting.q),
    right={"each batch on its own": lambda setting: _leaving(setting, setting.numbers.xi)},
    wrong=(
        Wrong("γ/(2ε) in the hypothesis", right=lambda s: _leaving(s, _xi_with_half_the_noise(s.numbers))),
        Wrong("twice as far", right=lambda setting: _leaving(setting, setting.numbers.factors.max())),
        Wrong("for the first batch, not on average", left=lambda s: _first_sizes([r[:1] for r in s.from_start()], s.q)),
    ),
    attack=RETUNED,
)

# ---- not stable ---------------------------------------------------------------------------------------------------


def _x(setting: Setting) -> Array:
    """x_t = E|qᵀu_t|, t = 0 … steps."""
    return along(setting.from_start(), setting.q)


def _x_before(setting: Setting) -> Array:
    """The same for all t but the last, each sequence of batches on its own."""
    return along(setting.one_by_one(setting.start)[:-1], setting.q)


def _recursion(setting: Setting, factor=np.min, gamma: float = 1.0) -> Array:
    numbers = setting.numbers
    return factor(numbers.factors) * _x_before(setting) - gamma * numbers.eta * numbers.gamma


S23 = Claim(
    equation="S23",
    says="With δ = 0 the distance along q obeys a recursion of its own",
    tex=r"x_{t+1} \ge \min_m |1 - \eta\lambda_m|\, x_t - \eta\gamma \quad (\delta = 0)",
    relation=">=",
    instances=exact_settings,
    left=lambda setting: _x(setting)[1:],
    right={"the recursion, batch by batch": _recursion},
    wrong=(
        Wrong("half of γ", right=lambda setting: _recursion(setting, gamma=0.5)),
        Wrong("the best mode", right=lambda setting: _recursion(setting, factor=np.max)),
        Wrong("δ > 0", instances=lambda: worst_settings(delta=0.3)),
    ),
    attack=RETUNED,
)


def _recursion_with_xi(setting: Setting, xi: float = 1, scale: float | None = None, lost: float = 1) -> Array:
    numbers = setting.numbers
    noise = numbers.eta * numbers.gamma
    stretch = 1 + (noise if scale is None else scale * numbers.gamma) / numbers.radius + xi * numbers.xi
    return stretch * _x_before(setting) - lost * noise


S24 = Claim(
    equation="S24",
    says="The recursion with the hypothesis put in",
    tex=r"x_{t+1} \ge (1 + \tfrac{\eta\gamma}\varepsilon + \xi)\, x_t - \eta\gamma \quad (\delta = 0)",
    relation=">=",
    instances=exact_settings,
    left=lambda setting: _x(setting)[1:],
    right={"the recursion with ξ, batch by batch": _recursion_with_xi},
    wrong=(
        Wrong("2ξ", right=lambda setting: _recursion_with_xi(setting, xi=2)),
        Wrong("γ/ε without η", right=lambda setting: _recursion_with_xi(setting, scale=1)),
        Wrong("half of the ηγ that is lost", right=lambda setting: _recursion_with_xi(setting, lost=0.5)),
    ),
    attack=RETUNED,
)


def _stretched_by(setting: Setting, xi: float) -> Array:
    return (1 + xi * setting.numbers.xi) * _x_before(setting)


def _from_half_way() -> Iterator[Instance]:
    for one in worst_settings(delta=0):
        yield Instance(one.label, None, replace(one.value, reach=0.5))


S25 = Claim(
    equation="S25",
    part="one step",
    says="Outside the ball the distance along q grows by the factor 1 + ξ or more, at every step",
    tex=r"x_{t+1} \ge (1 + \xi)\, x_t \quad (\delta = 0)",
    relation=">=",
    instances=exact_settings,
    left=lambda setting: _x(setting)[1:],
    right={"the factor 1 + ξ, batch by batch": lambda setting: _stretched_by(setting, 1)},
    wrong=(
        Wrong("1 + 2ξ", right=lambda setting: _stretched_by(setting, 2)),
        Wrong("from inside the ball", instances=_from_half_way),
        Wrong("ηγ not subtracted", right=lambda setting: _recursion_with_xi(setting, lost=0)),
    ),
    attack=RETUNED,
)


def _long_settings() -> Iterator[Instance]:
    """Fifty steps where there is one batch, four where there are three."""
    for seed in range(6):
        setting = random_setting(seed, delta=0.0)
        system = setting.system
        full = Switching.deterministic(system.mean_hessians, system.mean_gradients, system.rule)
        yield Instance(f"random system, full batch, seed {seed}", seed, replace(setting, system=full, steps=50))
        yield Instance(f"random system, batches, seed {seed}", seed, replace(setting, steps=4))
    yield from worst_settings(steps=50, delta=0)


def _growth(setting: Setting, xi: float, power: int = 0) -> Array:
    """(1 + ξ)ᵗ ε."""
    return (1 + xi) ** (np.arange(setting.steps + 1) + power) * setting.radius


S25_DIVERGES = Claim(
    equation="S25",
    part="divergence",
    says="So the distance along q is at least (1 + ξ)ᵗ ε, without bound: the minimum is not stable",
    tex=r"x_t \ge (1 + \xi)^t\, \varepsilon \quad (\delta = 0)",
    relation=">=",
    instances=_long_settings,
    left=_x,
    right={"geometric growth from ε": lambda setting: _growth(setting, setting.numbers.xi)},
    wrong=(
        Wrong("1 + 2ξ", right=lambda setting: _growth(setting, 2 * setting.numbers.xi)),
        Wrong("one step ahead", right=lambda setting: _growth(setting, setting.numbers.xi, power=1)),
        Wrong("from inside the ball", instances=_from_half_way),
    ),
    tolerance=Tolerance(1e-11, why="fifty steps, each rounded to 1e-16 of a size that grows"),
    attack=RETUNED,
)

# ---- the book's own -----------------------------------------------------------------------------------------------


def _mean_step(setting: Setting) -> float:
    """|qᵀ(I - ηH)u - ηqᵀg| in the mode that u is in."""
    mean = setting.system.gradients[setting.mode].mean(axis=0)
    return float(abs(setting.q @ (_after_mean_step(setting) - setting.eta * mean)))


def _drift_bound(setting: Setting, share: float = 1.0) -> float:
    """|qᵀ(I - ηH)u| - η max|qᵀE[ĝ]|."""
    lost = share * setting.eta * sw.drift(setting.system, setting.q)
    return float(abs(setting.q @ _after_mean_step(setting)) - lost)


def _jensen_first(setting: Setting, share: float = 1.0) -> Array:
    return np.array([_mean_step(setting), _drift_bound(setting, share)])


def _for_every_batch(setting: Setting) -> Array:
    return np.array([np.abs(setting.after_one() @ setting.q).min(), _mean_step(setting)])


III_DRIFT = Claim(
    equation="III.1",
    says="Noise of mean zero costs nothing: the mean gradients can stand where the lemma has γ",
    tex=r"\mathbb{E}[|q^\top u_{t+1}| \mid \theta_t] \ge "
        r"|q^\top (I - \eta H_\theta) u_t - \eta\, q^\top g_\theta| "
        r"\ge |q^\top (I - \eta H_\theta) u_t| - \eta\bar\gamma",
    relation=">=",
    instances=all_settings,
    left=lambda setting: np.array([_mean_along(setting), _mean_step(setting)]),
    right={"the step with mean gradients": _jensen_first},
    wrong=(
        Wrong("half of the mean gradients", right=lambda setting: _jensen_first(setting, share=0.5)),
        Wrong("without them", right=lambda setting: _jensen_first(setting, share=0.0)),
        Wrong("for every batch, not on average", left=_for_every_batch),
    ),
    attack=ELSEWHERE,
)


def _balanced(setting: Setting) -> Setting:
    """The same with a fifth of its mean gradients, and the rest of its noise."""
    gradients = setting.system.gradients
    gradients = gradients - 0.8 * gradients.mean(axis=1, keepdims=True)
    return replace(setting, system=replace(setting.system, gradients=gradients))


def _above_the_drift() -> Iterator[Instance]:
    """λ 2 % above 2/η + δ + γ̄/ε, by the step size; one step where δ > 0, three where it is 0."""
    for steps, delta in ((1, 0.3), (3, 0.0)):
        for one in chain(random_settings(delta=delta, noise=2.0), worst_settings(delta=delta)):
            setting = _balanced(one.value) if one.seed is not None else one.value
            eta = 1.02 * _lowest_step(setting, setting.radius, sw.drift)
            yield Instance(one.label, one.seed, replace(setting, eta=eta, steps=steps))


def _drift_growth(setting: Setting, gamma: float = 1.0, delta: float = 1.0, power: int = 0) -> Array:
    """(1 + ξ)ᵗ ε with γ̄ in place of γ."""
    drift, numbers = sw.drift(setting.system, setting.q), setting.numbers
    numbers = replace(numbers, delta=delta * numbers.delta, gamma=gamma * drift)
    return _growth(setting, numbers.largest_xi, power)


III_LEMMA = Claim(
    equation="III.1",
    part="Lemma 2",
    says="Lemma 2 holds with γ̄ in place of γ: the first step for every δ, all steps for δ = 0",
    tex=r"x_1 \ge (1 + \bar\xi)\, \varepsilon, \quad x_t \ge (1 + \bar\xi)^t\, \varepsilon \quad (\delta = 0)",
    relation=">=",
    instances=_above_the_drift,
    left=_x,
    right={"geometric growth from ε": _drift_growth},
    wrong=(
        Wrong("half of γ̄", right=lambda setting: _drift_growth(setting, gamma=0.5)),
        Wrong("one step ahead", right=lambda setting: _drift_growth(setting, power=1)),
        Wrong("half of δ", right=lambda setting: _drift_growth(setting, delta=0.5)),
    ),
    attack=_retuning(sw.drift),
)


def _root(kappa: float) -> float:
    """The s > 0 with s (1 + s) = κ."""
    return (np.sqrt(1 + 4 * kappa) - 1) / 2


def _tight_systems() -> Iterator[Instance]:
    for kappa in (0.05, 0.2, 0.35):
        for factor in (0.9, 0.99, 1.01, 1.1):
            yield Instance(f"κ = {kappa}, s at {factor} of the root", None, Tight(kappa, factor * _root(kappa)))


def _settles(step: Callable[[Array], Array], tight: Tight, starts: int = 6, steps: int = 150) -> bool:
    """Whether the last steps stay within ε, from a spiral of points that begins at εq, and from the corner."""
    angles, radii = np.linspace(0, 6, starts), np.linspace(1, 0.1, starts)
    points = radii[:, None] * np.column_stack([np.cos(angles), np.sin(angles)])
    points, worst = np.vstack([points, tight.corner]), 0.0
    for t in range(steps):
        points = step(points)
        farthest = float(np.linalg.norm(points, axis=1).max())
        worst = max(worst, farthest) if t > steps - 20 else worst
        if farthest > 10:
            return False
    return worst <= 1


def _settles_by_modes(tight: Tight) -> bool:
    return _settles(lambda points: np.array([tight.one_step(u) for u in points]), tight)


def _settles_by_autograd(tight: Tight) -> bool:
    """A point on the border of two modes counts to the positive side."""
    slope = elementwise_grad(tight.loss)
    return _settles(lambda points: points - slope(np.where(points == 0, 1e-300, points).T).T, tight)


III_TIGHT = Claim(
    equation="III.2",
    part="sharp",
    says="The extremal minimum with ηλ = 2 + s keeps descent in the ball exactly when s(1 + s) < ηγ̄/ε",
    tex=r"\limsup_t \|u_t\| \le \varepsilon \iff s\,(1 + s) < \tfrac{\eta\bar\gamma}\varepsilon",
    relation="=",
    instances=_tight_systems,
    left=lambda tight: tight.s * (1 + tight.s) < tight.kappa,
    right={
        "its modes": _settles_by_modes,
        "its loss, by autograd": _settles_by_autograd,
    },
    wrong=(
        Wrong("the threshold of the lemma, s = ηγ/ε", left=lambda tight: tight.s < tight.kappa),
        Wrong("half of s squared", left=lambda tight: tight.s * (1 + tight.s / 2) < tight.kappa),
        Wrong("twice the room", left=lambda tight: tight.s * (1 + tight.s) < 2 * tight.kappa),
    ),
    tolerance=Tolerance(0, why="both sides are yes or no; s keeps 1 % away from the root"),
)


def _at_the_root() -> Iterator[Instance]:
    for kappa in (0.05, 0.2, 0.3, 0.35, 0.352, 0.358, 0.36, 0.4):
        yield Instance(f"κ = {kappa}, s at 0.999 of the root", None, Tight(kappa, 0.999 * _root(kappa)))


def _room_at_the_corner(tight: Tight, lost: float = 0.1) -> bool:
    """(2 - h + s) κ < c √(c² + κ²), with c = 0.9025 √(1 - κ²)."""
    c = 0.9025 * np.sqrt(1 - tight.kappa**2)
    return bool((2 - lost + tight.s) * tight.kappa < c * np.hypot(c, tight.kappa))


def _steep_after_one(tight: Tight, count: int = 40, steps: int = 60) -> bool:
    """Whether every point after the first step is steep, from starts all over the unit ball and from the corner."""
    rng = np.random.default_rng(0)
    ball = rng.standard_normal((count, 2))
    ball *= (np.sqrt(rng.random(count)) / np.linalg.norm(ball, axis=1))[:, None]
    paths = [tight.system.path(u, 1.0, steps)[1:] for u in (*ball, tight.corner)]
    return all(tight.steep(u) for path in paths for u in path)


def _pulled_back(tight: Tight, count: int = 2000, steps: int = 60) -> bool:
    """The same by autograd on the loss: away from 0 its slope along b then pulls with 2c all the time."""
    slope, angles = elementwise_grad(tight.loss), np.linspace(0.001, np.pi / 2, count)
    points = np.vstack([np.column_stack([np.cos(angles), np.sin(angles)]), tight.corner])
    for t in range(steps):
        gradient = slope(points.T).T
        pull = np.abs(gradient[:, 1] - tight.flat * points[:, 1])
        if t and (pull < 1.5 * tight.slope).any():
            return False
        points = points - gradient
    return True


III_STEEP = Claim(
    equation="III.2",
    part="steep",
    says="In the proof at most the first step is not steep, exactly as long as the corner of the wedge leaves room",
    tex=r"c|b_t| > \bar\gamma|a_t|\ \forall t \ge 1 \iff (1.9 + s)\,\kappa < c\sqrt{c^2 + \kappa^2}",
    relation="=",
    instances=_at_the_root,
    left=_room_at_the_corner,
    right={"paths by its modes, from all over the ball": _steep_after_one, "descent by autograd": _pulled_back},
    wrong=(
        Wrong("without h", left=lambda tight: _room_at_the_corner(tight, lost=0)),
        Wrong("without s", left=lambda tight: _room_at_the_corner(tight, lost=tight.s + 0.1)),
        Wrong("κ below 0.4", left=lambda tight: tight.kappa < 0.4),
    ),
    tolerance=Tolerance(0, why="yes or no; κ keeps 0.5 % away from where the two sides are equal"),
)


@dataclass(frozen=True, eq=False)
class Kinked:
    """L(a, b) = λa²/2 + Σ c_i b_i²/2 + max(p, 2p - γ̄|a|), p = max_j r_jᵀb, with a along q and λ by the sign of a.

    The slopes r_j add up to 0, so that p ≥ 0 and 0 is a minimum. Two batches have L ± ``noise``ᵀu.
    ``above`` is ηλ - (2 + s) for both signs of a, with s at the root. ``choose`` stands for max.
    """

    slopes: Array
    curvatures: Array
    noise: Array
    above: Array
    eta: float
    radius: float
    gamma: float
    choose: Callable = anp.maximum

    @property
    def s(self) -> float:
        """The s > 0 with s (1 + s) = ηγ̄/ε."""
        return _root(self.kappa)

    @property
    def kappa(self) -> float:
        """ηγ̄/ε."""
        return self.eta * self.gamma / self.radius

    @property
    def eigenvalues(self) -> Array:
        """λ where a ≥ 0, and where a < 0."""
        return (2 + self.s + self.above) / self.eta

    def total(self, points: Array) -> float:
        """The sum of L over the rows of ``points``."""
        a, b = points[:, 0], points[:, 1:]
        p = anp.max(anp.dot(b, self.slopes.T), axis=1)
        kink = self.choose(p, 2 * p - self.gamma * anp.abs(a))
        along_q = anp.where(a >= 0, *self.eigenvalues) * a**2
        return anp.sum((along_q + anp.dot(b**2, self.curvatures)) / 2 + kink)

    def x(self) -> Array:
        """x_1, …, x_4 of descent from εq, over all sequences of batches."""
        points, found, slope = self.radius * np.eye(1, 3), [], grad(self.total)
        for _ in range(4):
            mean = slope(np.where(points == 0, 1e-300, points))  # off the border of modes
            points = np.concatenate([points - self.eta * (mean + noise) for noise in (self.noise, -self.noise)])
            found.append(np.abs(points[:, 0]).mean())
        return np.array(found)


def _kinked() -> Iterator[Instance]:
    """Minima with ηλ = 2 + s where a > 0, s at the root, and in some of them with more where a < 0."""
    for seed in range(10):
        rng = np.random.default_rng(seed)
        eta, radius, gamma = rng.uniform(0.3, 1.5, 3)
        slopes = rng.uniform(1, 4) * rng.standard_normal((3, 2))
        above, noise = np.array([0, rng.choice([0, 0.5])]), rng.choice([0, 0.5]) * rng.standard_normal(3)
        kinked = Kinked(slopes - slopes.mean(axis=0), rng.uniform(0, 1 / eta, 2), noise, above, eta, radius, gamma)
        yield Instance(f"random minimum, seed {seed}", seed, kinked)


def _half_flatter() -> Iterator[Instance]:
    """The same with λ = 2/η where a < 0."""
    for one in _kinked():
        yield Instance(one.label, one.seed, replace(one.value, above=np.array([0, -one.value.s])))


def _no_minimum() -> Iterator[Instance]:
    """The same with min(p, 2p - γ̄|a|) at the kink, which falls along q."""
    for one in _kinked():
        yield Instance(one.label, one.seed, replace(one.value, choose=anp.minimum))


def _parameters(kinked: Kinked) -> Array:
    return np.concatenate([kinked.slopes.ravel(), kinked.curvatures, kinked.above, [np.log(kinked.gamma)]])


def _reshaped(vector: Array, kinked: Kinked) -> Kinked:
    """The same with other slopes, curvatures, eigenvalues and γ̄."""
    slopes = vector[:6].reshape(3, 2)
    curvatures, above = np.abs(vector[6:10]).reshape(2, 2)
    return replace(kinked, slopes=slopes - slopes.mean(axis=0), curvatures=curvatures, above=above,
                   gamma=np.exp(vector[10]))


def _at_least(kinked: Kinked, s: float, power: int | Array = 1) -> Array:
    """(1 + s)ε for each of the four steps."""
    return np.broadcast_to((1 + s) ** power * kinked.radius, 4)


III_NOT_STABLE = Claim(
    equation="III.2",
    part="not stable",
    says="At a minimum with ηλ ≥ 2 + s and s(1 + s) = ηγ̄/ε the distance along q stays at (1 + s)ε or more",
    tex=r"x_t \ge (1 + s)\, \varepsilon \quad (t \ge 1,\ s\,(1 + s) = \tfrac{\eta\bar\gamma}\varepsilon)",
    relation=">=",
    instances=_kinked,
    left=lambda kinked: kinked.x(),
    right={"(1 + s)ε with s at the root": lambda kinked: _at_least(kinked, kinked.s)},
    wrong=(
        Wrong("s = ηγ̄/ε, as in the lemma", right=lambda kinked: _at_least(kinked, kinked.kappa)),
        Wrong("no minimum", instances=_no_minimum),
        Wrong("2/η in half of the modes", instances=_half_flatter),
        Wrong("growth at every step", right=lambda kinked: _at_least(kinked, kinked.s, np.arange(1, 5))),
    ),
    attack=Attack(start=_parameters, build=_reshaped, steps=40),
)


def _directions() -> Iterator[Instance]:
    """Minima with a direction: found ones and their top eigenvectors, two mirrored modes, and the tight systems."""
    for one in network_settings():
        _, tops = one.value.system.tops
        for index in (0, len(tops) - 1):
            yield Instance(f"{one.label}, mode {index}", None, replace(one.value, q=tops[index]))
    for degrees in (0, 20, 50, 80):
        q = np.array([np.cos(0.2), np.sin(0.2)])
        setting = Setting(sw.mirrored(2.0, 1.0, np.radians(degrees)), q, np.zeros(2), 1.1, 1.0, q)
        yield Instance(f"mirrored modes, {degrees}°", None, setting)
    for one in _tight_systems():
        setting = Setting(one.value.system, np.array([1.0, 0]), np.zeros(8), 1.0, 1.0, np.ones(2))
        yield Instance(one.label, None, setting)


def _turned(vector: Array, setting: Setting) -> Setting | None:
    length = np.linalg.norm(vector)
    return replace(setting, q=vector / length) if length > 0 else None


def _stretched(setting: Setting, choose: Callable[[Setting], float]) -> float:
    return float((setting.eta * choose(setting) - 1) * setting.radius)


def _in_its_mode(setting: Setting) -> float:
    return setting.q @ setting.system.hessian(setting.q) @ setting.q


def _in_any_mode(setting: Setting) -> float:
    return sw.rayleigh(setting.system, setting.q).max()


def _top(setting: Setting) -> float:
    return setting.system.tops[0][setting.system.rule(setting.q)]


def _first_products(setting: Setting) -> Array:
    return setting.system.iterates(setting.radius * setting.q, setting.eta, 1)[1] @ setting.q


III_FIRST = Claim(
    equation="III.3",
    says="At a minimum the first step from εq stretches by ηqᵀHq - 1 at least, with H of q's own mode; neither δ nor γ",
    tex=r"\mathbb{E}\|u_1\| \ge (\eta\, q^\top H_m q - 1)\, \varepsilon",
    relation=">=",
    instances=_directions,
    left=lambda setting: distances(setting.system.iterates(setting.radius * setting.q, setting.eta, 1))[1],
    right={"Rayleigh quotient of the mode of q": lambda setting: _stretched(setting, _in_its_mode)},
    wrong=(
        Wrong("the sharpest of all modes", right=lambda setting: _stretched(setting, _in_any_mode)),
        Wrong("λ_max of the mode", right=lambda setting: _stretched(setting, _top)),
        Wrong("for every batch, not on average", left=lambda s: np.abs(_first_products(s)).min()),
    ),
    attack=Attack(start=lambda setting: setting.q, build=_turned, steps=60),
)
