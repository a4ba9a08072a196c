"""Claims of the page "At the kink": all of it the book's own (K.1 to K.7)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ledgerbook.claim import Attack, Claim, Instance, Tolerance, Wrong
from stableminima import autodiff, modes, oscillation, tangent
from stableminima.network import Dataset, Network
from stableminima.oscillation import Oscillation, segment_features

from ..common import Array, exact, exact_output
from ..instances import networks

Pattern = NDArray[np.bool_]

# ---- what the claims are tested on -------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Kinked:
    """A network at zero loss with thresholds on samples, the mode taken as base, a step size, and a start.

    ``toggles`` and ``at`` name the neurons with a threshold on a sample and these samples; ``start`` is (g, Y).
    """

    net: Network
    data: Dataset
    toggles: tuple[int, ...]
    at: tuple[int, ...]
    base: int
    start: Array
    share: float = 0.95

    @cached_property
    def recursion(self) -> Oscillation:
        """The recursion (K.1)."""
        return oscillation.at(self.net, self.data, self.base)

    @property
    def count(self) -> int:
        """The number of modes."""
        return 2 ** len(self.toggles)

    def pattern(self, mode: int) -> Pattern:
        """The pattern of a mode: neuron ``toggles[i]`` is active on its sample where bit i is 1."""
        out = self.net.preactivation(self.data.x) > 0
        for i, (neuron, sample) in enumerate(zip(self.toggles, self.at, strict=True)):
            out[sample, neuron] = mode >> i & 1
        return out

    @property
    def eta(self) -> float:
        """The step size: ``share`` of 2/λ of the base."""
        return 2 * self.share / np.linalg.eigvalsh(_gram(self, self.base))[-1]


def _gram(value: Kinked, mode: int) -> Array:
    """K_m as a sum over neurons: 11ᵀ, σσᵀ and w2² (1 + x_j x_l) where both samples are active; over n."""
    x, net, on = value.data.x, value.net, value.pattern(mode).astype(float)
    z = net.preactivation(x) * on
    inner = 1 + np.multiply.outer(x, x)
    return (1 + z @ z.T + inner * ((on * net.w2**2) @ on.T)) / x.size


def kinked(seed: int, k: int = 4, n: int = 4, toggles: int = 2, spread: float = 1.0, weak: float = 1.0) -> Kinked:
    """A random network whose first neurons have thresholds on samples, at its own outputs as labels."""
    rng = np.random.default_rng(seed)
    x = np.sort(rng.uniform(-spread, spread, n))
    w1, b1, w2 = rng.standard_normal((3, k))
    at = rng.integers(n, size=toggles)
    b1[:toggles] = -w1[:toggles] * x[at]
    w2[:toggles] *= weak
    net = Network(w1, b1, w2, 0.1)
    start = rng.standard_normal(n + toggles)
    return Kinked(net, Dataset(x, net(x)), tuple(range(toggles)), tuple(at.tolist()), seed % 2**toggles, start)


def _found(count: int) -> Iterator[tuple[str, Kinked]]:
    """Minima that descent found, with four knots on samples."""
    for name, found in networks(count):
        flattest = int(modes.sharpnesses(found.net, found.data).argmin())
        start = np.random.default_rng(0).standard_normal(found.data.n + 4)
        yield name.removesuffix(", batches of 1"), Kinked(
            found.net, found.data, tuple(found.neurons.tolist()), tuple(found.samples.tolist()), flattest, start)


def anywhere(count: int = 2) -> Iterator[Instance]:
    """Minima that descent found, and random networks on narrow and wide data."""
    for name, value in _found(count):
        yield Instance(name, None, value)
    for seed in range(8):
        spread = (1.0, 3.0)[seed % 2]
        yield Instance(f"random network, |x| up to {spread:g}, seed {seed}", seed, kinked(seed, spread=spread))


# ---- K.1: coordinates --------------------------------------------------------------------------------------------

STEPS = 6
Step = Callable[[Oscillation, Array, Array, float], tuple[Array, Array]]


def _recursion(value: Kinked, step: Step = Oscillation.step) -> Array:
    """u_0, …, u_6 by the recursion, shape (7, 3k+1)."""
    here, n = value.recursion, value.data.n
    g, y, out = value.start[:n], value.start[n:], []
    for _ in range(STEPS + 1):
        out.append(_displacement(value, tangent.features(value.net, value.data.x, value.pattern(value.base)), g, y))
        g, y = step(here, g, y, value.eta)
    return np.array(out)


def _displacement(value: Kinked, features: Array, g: Array, y: Array) -> Array:
    """u = A g + Σ_i w2_i Y_i e_i, with e_i = (x_j, 1) in the entries of (w1_i, b1_i)."""
    u, k = features @ g, value.net.k
    for neuron, sample, amount in zip(value.toggles, value.at, y, strict=True):
        u[neuron] += value.net.w2[neuron] * amount * value.data.x[sample]
        u[k + neuron] += value.net.w2[neuron] * amount
    return u


def _first(value: Kinked) -> Array:
    """u_0, with autograd's features of the base."""
    n = value.data.n
    features = autodiff.features(value.net, value.data.x, value.pattern(value.base))
    return _displacement(value, features, value.start[:n], value.start[n:])


def _mode_of(value: Kinked, u: Array) -> int:
    """The mode that a displacement is in, by the signs of what it adds to the pre-activations at the kinks."""
    k, x = value.net.k, value.data.x
    pushes = [u[i] * x[j] + u[k + i] for i, j in zip(value.toggles, value.at, strict=True)]
    return sum(2**i for i, push in enumerate(pushes) if push > 0)


def _by_modes(value: Kinked) -> Array:
    """u ← u - η Φ_mΦ_mᵀu/n with autograd's features in the mode of u."""
    u = _first(value)
    out = [u]
    for _ in range(STEPS):
        phi = autodiff.features(value.net, value.data.x, value.pattern(_mode_of(value, u)))
        u = u - value.eta / value.data.n * phi @ (phi.T @ u)
        out.append(u)
    return np.array(out)


TINY = 1e-8


def _by_descent(value: Kinked) -> Array:
    """(θ_t - θ*)/10⁻⁸ of gradient descent on the real network, started at θ* + 10⁻⁸u_0."""
    theta, out = value.net.vector + TINY * _first(value), []
    for _ in range(STEPS + 1):
        out.append((theta - value.net.vector) / TINY)
        theta = theta - value.eta * autodiff.gradient(Network.from_vector(theta), value.data)
    return np.array(out)


def _never_flipped(here: Oscillation, g: Array, y: Array, eta: float) -> tuple[Array, Array]:
    """All toggling neurons stay as in the base."""
    return g - eta / here.n * (here.gram @ g + (here.weights * y) @ here.couplings), y


def _kicked_away(here: Oscillation, g: Array, y: Array, eta: float) -> tuple[Array, Array]:
    """The kick with the other sign."""
    after, kicked = here.step(g, y, eta)
    return after, 2 * y - kicked


K_1 = Claim(
    equation="K.1",
    says="In the coordinates g and Y the linearised descent is a recursion of n + T numbers, from any mode as base",
    tex=r"\theta_t - \theta^* = A g_t + \textstyle\sum_i w^{(2)}_i Y_{i,t}\, e_i",
    relation="=",
    instances=anywhere,
    left=_recursion,
    right={"Hessians of the modes, by autograd": _by_modes, "descent of the network, 10⁻⁸ from θ*": _by_descent},
    wrong=(
        Wrong("no neuron is ever flipped", left=lambda value: _recursion(value, _never_flipped)),
        Wrong("kicked to the other side", left=lambda value: _recursion(value, _kicked_away)),
        Wrong("no 1/n", left=lambda value: _recursion(
            value, lambda here, g, y, eta: here.step(g, y, eta * here.n))),
    ),
    tolerance={
        "Hessians of the modes, by autograd": Tolerance(1e-11, why="six steps of at most 100 products each"),
        "descent of the network, 10⁻⁸ from θ*": Tolerance(
            1e-5, why="1e-8 of second order, amplified by six steps, and rounding of 1e-16/1e-8"),
    },
)

# ---- K.2: self-stabilising modes ---------------------------------------------------------------------------------


def _is_self_stabilising(value: Kinked) -> NDArray[np.bool_]:
    """Of every mode."""
    return np.array([oscillation.at(value.net, value.data, mode).self_stabilising for mode in range(value.count)])


def _by_displacing(value: Kinked) -> NDArray[np.bool_]:
    """In every mode: displace the network along the top eigenvector of H_m, and see how pre-activations change."""
    return np.array([_kicks_back(value, mode) for mode in range(value.count)])


def _kicks_back(value: Kinked, mode: int) -> bool:
    phi = autodiff.features(value.net, value.data.x, value.pattern(mode))
    top = np.linalg.eigh(phi.T @ phi)[1][:, -1]
    move = phi @ top
    changes = np.outer(value.data.x, move[: value.net.k]) + move[value.net.k : 2 * value.net.k]
    good = []
    for i, (neuron, sample) in enumerate(zip(value.toggles, value.at, strict=True)):
        kappa = changes[sample, neuron] / value.net.w2[neuron]
        good.append(kappa * top[sample] < 0 if mode >> i & 1 else kappa * top[sample] > 0)
    return all(good)


def _by_sums(value: Kinked, active: bool = True, with_q: bool = True, sides: bool = True) -> NDArray[np.bool_]:
    """κ_i = Σ_{l active} (1 + x_l x_j) q_l one by one, with the top eigenvector of a sum over neurons."""
    x, out = value.data.x, []
    for mode in range(value.count):
        on, top = value.pattern(mode), np.linalg.eigh(_gram(value, mode))[1][:, -1]
        good = []
        for i, (neuron, j) in enumerate(zip(value.toggles, value.at, strict=True)):
            kappa = sum((1 + x[at] * x[j]) * top[at] for at in range(x.size) if on[at, neuron] or not active)
            good.append(kappa * (top[j] if with_q else 1) * (-1 if sides and mode >> i & 1 else 1) > 0)
        out.append(all(good))
    return np.array(out)


K_2_TEST = Claim(
    equation="K.2",
    part="which",
    says="A mode is self-stabilising exactly if τκq > 0 for every neuron at a kink",
    tex=r"\tau_i\, \kappa_i\, q_{j(i)} > 0 \text{ for all } i",
    relation="=",
    instances=lambda: anywhere(1),
    left=_is_self_stabilising,
    right={"displacing the network": _by_displacing, "sums over active samples": _by_sums},
    wrong=(
        Wrong("κ over all samples", right=lambda value: _by_sums(value, active=False)),
        Wrong("no τ", right=lambda value: _by_sums(value, sides=False)),
        Wrong("κ alone", right=lambda value: _by_sums(value, with_q=False)),
    ),
    tolerance=Tolerance(0, why="yes or no"),
)


def _quotients(value: Kinked, pair: float = 1.0, side: float = 1.0) -> Array:
    """qᵀK_{m'}q by (K.2), for all sets of flipped neurons."""
    here = value.recursion
    at_sample = here.top[here.samples]
    twice = 2 * here.couplings @ here.top
    terms = here.weights * here.sides**side * at_sample * (twice + pair * here.sides * here.sizes * at_sample)
    return here.sharpness + here.masks() @ terms / here.n


def _flips(value: Kinked) -> list[int]:
    """The modes by which of their neurons are not as in the base, in the order of the masks."""
    return [value.base ^ flipped for flipped in range(value.count)]


def _by_features(value: Kinked) -> Array:
    grams = [autodiff.features(value.net, value.data.x, value.pattern(mode)) for mode in _flips(value)]
    top = np.linalg.eigh(grams[0].T @ grams[0])[1][:, -1]
    return np.array([np.sum((phi @ top) ** 2) / value.data.n for phi in grams])


def _by_neurons(value: Kinked) -> Array:
    top = np.linalg.eigh(_gram(value, value.base))[1][:, -1]
    return np.array([top @ _gram(value, mode) @ top for mode in _flips(value)])


K_2_QUOTIENT = Claim(
    equation="K.2",
    part="quotient",
    says="What flipping neurons adds to the Rayleigh quotient of the base's top eigenvector",
    tex=r"q^\top K_{m'} q = \lambda_m + \tfrac1n \sum_{\text{flipped}} \omega_i \tau_i q_j (2\kappa_i"
        r" + \tau_i c_i q_j)",
    relation="=",
    instances=anywhere,
    left=_quotients,
    right={"autograd's features": _by_features, "sums over neurons": _by_neurons},
    wrong=(
        Wrong("first order alone", left=lambda value: _quotients(value, pair=0.0)),
        Wrong("c twice", left=lambda value: _quotients(value, pair=2.0)),
        Wrong("no τ", left=lambda value: _quotients(value, side=0.0)),
    ),
    tolerance=Tolerance(1e-11, why="eigenvectors of matrices whose largest eigenvalues are a thousandth apart or more"),
)


def _self_stabilising_cases() -> Iterator[Instance]:
    """Random networks on [-1, 1], in their own mode, and minima that descent found, in the flattest."""
    for seed in range(12):
        value = replace(kinked(seed), base=0)
        if value.recursion.self_stabilising:
            yield Instance(f"random network in its own mode, seed {seed}", seed, value)
    for name, value in _found(2):
        if value.recursion.self_stabilising:
            yield Instance(f"{name}, in the flattest", None, value)


def _in_the_sharpest() -> Iterator[Instance]:
    for each in _self_stabilising_cases():
        sharpest = max(range(each.value.count), key=lambda mode: np.linalg.eigvalsh(_gram(each.value, mode))[-1])
        yield replace(each, value=replace(each.value, base=sharpest))


def _least(value: Kinked, with_q: bool = True) -> Array:
    """λ_m + (1/n) Σ_flipped ω c q_j², for all sets of flipped neurons but the empty one."""
    here = value.recursion
    squares = here.top[here.samples] ** 2 if with_q else 1.0
    return here.sharpness + here.masks()[1:] @ (here.weights * here.sizes * squares) / here.n


def _sharper(value: Kinked) -> Array:
    return np.array([np.linalg.eigvalsh(_gram(value, mode))[-1] for mode in _flips(value)[1:]])


def _other_weights(vector: Array, value: Kinked) -> Kinked | None:
    """The toggling neurons with other w2 (by logarithm), where the base stays self-stabilising."""
    w2 = value.net.w2.copy()
    w2[list(value.toggles)] *= np.exp(vector)
    net = replace(value.net, w2=w2)
    other = replace(value, net=net, data=Dataset(value.data.x, net(value.data.x)))
    return other if other.recursion.self_stabilising else None


K_2_FLATTEST = Claim(
    equation="K.2",
    part="flattest",
    says="A self-stabilising mode is the flattest of all that meet, by a margin",
    tex=r"\lambda_m + \tfrac1n \sum_{\text{flipped}} \omega_i c_i q_{j(i)}^2 \le \lambda_{m'}",
    relation="<=",
    instances=_self_stabilising_cases,
    left=_least,
    right={"sums over neurons": _sharper},
    wrong=(
        Wrong("without q_j²", left=lambda value: _least(value, with_q=False)),
        Wrong("the sharpest mode", instances=_in_the_sharpest),
    ),
    tolerance=Tolerance(1e-11, why="eigenvalues of 10×10 matrices"),
    attack=Attack(start=lambda value: np.zeros(len(value.toggles)), build=_other_weights, steps=60, reach=0.3),
)

# ---- K.3: weak kinks ---------------------------------------------------------------------------------------------


def strength(here: Oscillation, eta: float) -> float:
    """ε of the proof: what flips change of h in one step, over ‖h‖, is at most this while no margin is negative."""
    k = np.linalg.norm(here.couplings, axis=1)
    inverse = np.linalg.norm(np.linalg.solve(here.gram, here.couplings.T), axis=0)
    residual = np.linalg.norm(here.gram, 2) + here.weights @ k
    return float(eta / here.n * here.weights @ (k + residual * inverse))


def contraction(here: Oscillation, eta: float) -> float:
    """θ = max |1 - ηλ_k| over all but the largest eigenvalue of K."""
    return float(np.abs(1 - eta * here.spectrum[0][:-1]).max())


def weakened(here: Oscillation, share: float, part: float) -> tuple[Oscillation, float]:
    """The recursion with weaker kinks, so that ε is so much of (1 - θ)/8, and η = ``share``·2/λ_1."""
    eta = 2 * share / here.sharpness
    wanted = part * (1 - contraction(here, eta)) / 8
    low, high = 1e-12, 1.0
    for _ in range(60):
        middle = np.sqrt(low * high)
        low, high = (middle, high) if strength(here.weakened(middle), eta) < wanted else (low, middle)
    return here.weakened(low), eta


def split(here: Oscillation, g: Array, y: Array) -> tuple[float, float, Array]:
    """ξ, ‖ρ‖ and the margins M of a point: h = g + G⁻¹Σ ω_iY_ik_i = ξq + ρ and M = -τ s CY."""
    loads = (here.weights * y) @ here.couplings
    h = g + np.linalg.solve(here.gram, loads)
    xi = float(here.top @ h)
    pull = here.sizes * y - here.couplings @ np.linalg.solve(here.gram, loads)
    return xi, float(np.linalg.norm(h - xi * here.top)), -here.sides * here.signs * pull


def point(here: Oscillation, xi: float, rho: Array, margins: Array) -> tuple[Array, Array]:
    """The coordinates (g, Y) of such a point: the inverse of :func:`split`, with ρ as a vector."""
    cross = here.couplings @ np.linalg.solve(here.gram, here.couplings.T) * here.weights
    y = np.linalg.solve(np.diag(here.sizes) - cross, -here.sides * here.signs * margins)
    h = xi * here.top + rho - (rho @ here.top) * here.top
    return h - np.linalg.solve(here.gram, (here.weights * y) @ here.couplings), y


@dataclass(frozen=True, eq=False)
class Weak:
    """A recursion with weak kinks at η, and a start: ξ = 1, a direction of ρ that lies on the cone, and margins."""

    here: Oscillation
    eta: float
    direction: Array
    margins: Array

    @property
    def opening(self) -> float:
        """a = 8ε/(1 - θ), the slope of the cone."""
        return 8 * strength(self.here, self.eta) / (1 - contraction(self.here, self.eta))

    @cached_property
    def orbit(self) -> list[tuple[float, float, Array, NDArray[np.bool_]]]:
        """ξ, ‖ρ‖, the margins and who is flipped, at 40 steps; lengths in units of |ξ_0|."""
        rho = self.direction - (self.direction @ self.here.top) * self.here.top
        g, y = point(self.here, 1.0, self.opening * rho / np.linalg.norm(rho), self.margins)
        out = []
        for _ in range(40):
            out.append((*split(self.here, g, y), self.here.flipped(g, y)))
            g, y = self.here.step(g, y, self.eta)
        return out


def _weak(shares: tuple[float, ...] = (0.98, 1.0, 1.02)) -> Iterator[Instance]:
    """Where the proof needs its cone: 2·share - 1 = ηλ_1 - 1 is at least (1 + θ)/2."""
    for seed in range(5):
        here = replace(kinked(seed), base=0).recursion
        for share in shares:
            narrow = 2 * share - 1 >= (1 + contraction(here, 2 * share / here.sharpness)) / 2
            if here.self_stabilising and narrow:
                rng = np.random.default_rng(seed)
                weak, eta = weakened(here, share, 0.9)
                yield Instance(f"self-stabilising, η = {share}·2/λ, seed {seed}", seed,
                               Weak(weak, eta, rng.standard_normal(here.n), np.full(here.toggles, 1e-3)))


def _slopes(weak: Weak) -> Array:
    """The largest ‖ρ‖/|ξ| of the orbit after its start, which is on the cone."""
    return np.array(max(rho / abs(xi) for xi, rho, *_ in weak.orbit[1:]))


def _other_start(vector: Array, weak: Weak) -> Weak:
    return replace(weak, direction=vector)


K_3_CONE = Claim(
    equation="K.3",
    part="cone",
    says="With weak kinks a narrow cone around q is invariant, with a = 8ε/(1 - θ)",
    tex=r"\|\rho_t\| \le \frac{8\varepsilon}{1-\theta}\, |\xi_t|",
    relation="<=",
    instances=_weak,
    left=_slopes,
    right={"the proof's cone": lambda weak: np.array(weak.opening)},
    wrong=(
        Wrong("a cone of a tenth", right=lambda weak: np.array(weak.opening / 10)),
        Wrong("no 1/(1 - θ)", right=lambda weak: np.array(strength(weak.here, weak.eta))),
    ),
    tolerance=Tolerance(1e-9, why="forty steps, and h recovered by solving with G"),
    attack=Attack(start=lambda weak: weak.direction, build=_other_start, starts=1, steps=30),
)


def _promised(weak: Weak, factor: float = 0.25) -> Array:
    """c_i ηλ_1|q_j|/4 of each neuron that flips: by so much of |ξ| its margin grows at least."""
    here = weak.here
    return factor * here.sizes * weak.eta * here.sharpness * np.abs(here.top[here.samples])


def _grown(weak: Weak) -> Array:
    """The least growth of its margin when a neuron flips, over |ξ|."""
    rises = np.full((40, weak.here.toggles), np.inf)
    for t, ((xi, _, before, flipped), (*_, after, _)) in enumerate(zip(weak.orbit, weak.orbit[1:], strict=False)):
        rises[t, flipped] = (after - before)[flipped] / abs(xi)
    return rises.min(axis=0)


def _both_flip(vector: Array, weak: Weak) -> Weak | None:
    other = replace(weak, direction=vector)
    return other if np.isfinite(_grown(other)).all() else None


def _not_kicked() -> Iterator[Instance]:
    """The missing hypothesis: a base in which one neuron has the wrong sign."""
    for each in _weak():
        here = each.value.here
        turned = replace(here, sides=-here.sides)
        if np.isfinite(_grown(replace(each.value, here=turned))).all():
            yield replace(each, value=replace(each.value, here=turned))


def _flipping() -> Iterator[Instance]:
    return (each for each in _weak() if np.isfinite(_grown(each.value)).all())


K_3_KICK = Claim(
    equation="K.3",
    part="kick",
    says="Each flip raises the neuron's own margin by a fixed share of the oscillation",
    tex=r"M_i(t+1) - M_i(t) \ge \tfrac14\, c_i\, \eta\lambda_1 |q_{j(i)}|\, |\xi_t| \text{ at a flip of } i",
    relation=">=",
    instances=_flipping,
    left=_grown,
    right={"the proof's share": _promised},
    wrong=(
        Wrong("five times as much", right=lambda weak: _promised(weak, factor=1.25)),
        Wrong("a base that is not self-stabilising", instances=_not_kicked),
    ),
    tolerance=Tolerance(1e-9, why="forty steps, and margins recovered by solving with G"),
    attack=Attack(start=lambda weak: weak.direction, build=_both_flip, starts=1, steps=40),
)


@dataclass(frozen=True, eq=False)
class Long:
    """A network with kinks, and a step size that is ``share`` of 2/λ of the base."""

    value: Kinked
    share: float


def _edges(kinds: Callable[[], Iterator[tuple[str, int | None, Kinked]]]) -> Iterator[Instance]:
    for name, seed, value in kinds():
        for share in (0.99, 1.01):
            yield Instance(f"{name}, η = {share}·2/λ", seed, Long(value, share))


def _weak_networks() -> Iterator[tuple[str, int | None, Kinked]]:
    """Self-stabilising bases of networks whose toggling neurons have small w2, and minima that descent found."""
    for seed in range(12):
        value = replace(kinked(seed, weak=0.2), base=0)
        if value.recursion.self_stabilising:
            yield f"weak kinks, seed {seed}", seed, value
    for name, value in _found(2):
        if value.recursion.self_stabilising:
            yield name, None, value


def _sharpest_bases() -> Iterator[tuple[str, int | None, Kinked]]:
    """The missing hypothesis: the base is the sharpest mode, and so is not self-stabilising."""
    for seed in range(6):
        value = kinked(seed)
        sharpnesses = [np.linalg.eigvalsh(_gram(value, mode))[-1] for mode in range(value.count)]
        if max(sharpnesses) > 1.03 * min(sharpnesses):
            yield f"the sharpest of the modes as base, seed {seed}", seed, replace(value, base=np.argmax(sharpnesses))


def _says_unbounded(long: Long) -> bool:
    """Whether λ_1 of the base is above 2/η."""
    return bool(long.value.recursion.sharpness > 2 / _eta(long))


def _some_mode_above(long: Long) -> bool:
    """Whether the sharpest of the modes that meet is above 2/η."""
    sharpest = max(np.linalg.eigvalsh(_gram(long.value, mode))[-1] for mode in range(long.value.count))
    return bool(sharpest > 2 / _eta(long))


def _eta(long: Long) -> float:
    return 2 * long.share / np.linalg.eigvalsh(_gram(long.value, long.value.base))[-1]


def _grows_by_grams(long: Long) -> bool:
    """Whether a long orbit grows: u = A g + Σ w2 Y e by inner products, in plain numpy."""
    value, eta = long.value, _eta(long)
    phi = autodiff.features(value.net, value.data.x, value.pattern(value.base))
    return _grows(value, eta, phi @ np.linalg.eigh(phi.T @ phi)[1][:, -1])


def _grows_from_random(long: Long) -> bool:
    """The same from a random start, which the theorem does not promise."""
    value = long.value
    phi = autodiff.features(value.net, value.data.x, value.pattern(value.base))
    return _grows(value, _eta(long), phi @ np.random.default_rng(1).standard_normal(value.data.n))


def _grows(value: Kinked, eta: float, u: Array) -> bool:
    """‖u‖ grows a hundredfold from step 300 to step 1,000; features by autograd, once for each mode met."""
    kept: dict[int, Array] = {}
    for t in range(1000):
        mode = _mode_of(value, u)
        if mode not in kept:
            kept[mode] = autodiff.features(value.net, value.data.x, value.pattern(mode))
        u = u - eta / value.data.n * kept[mode] @ (kept[mode].T @ u)
        if t == 300:
            u /= np.linalg.norm(u)
    return bool(np.linalg.norm(u) > 100)


K_3 = Claim(
    equation="K.3",
    says="With weak kinks and a self-stabilising base, the orbits tried grow exactly if its sharpness is above 2/η",
    tex=r"\text{an orbit grows} \iff \lambda_1(m) > 2/\eta",
    relation="=",
    instances=lambda: _edges(_weak_networks),
    left=_says_unbounded,
    right={"orbits along q": _grows_by_grams, "orbits from random starts": _grows_from_random},
    wrong=(
        Wrong("the sharpest mode as base", instances=lambda: _edges(_sharpest_bases)),
        Wrong("any mode above 2/η", left=_some_mode_above),
        Wrong("the trace in place of λ_max", left=lambda long: bool(
            np.trace(long.value.recursion.gram) / long.value.data.n > 2 / _eta(long))),
    ),
    tolerance=Tolerance(0, why="yes or no"),
)

# ---- K.4: means over steps ---------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Descending:
    """A network that does not fit its labels, and a step size."""

    net: Network
    data: Dataset
    eta: float


def _descending() -> Iterator[Instance]:
    """Random networks, and steps large enough to change patterns."""
    for seed in range(8):
        value = kinked(seed, spread=(1.0, 3.0)[seed % 2])
        rng = np.random.default_rng(seed)
        data = Dataset(value.data.x, value.data.y + rng.standard_normal(value.data.n))
        yield Instance(f"a random network and labels, seed {seed}", seed, Descending(value.net, data, value.eta / 2))


def _one_matrix(value: Descending, ends: bool = False, scale: float = 1.0) -> Array:
    """(I - ηΦ̄ᵀΦ/n) r."""
    net, x = value.net, value.data.x
    phi = tangent.features(net, x)
    after = Network.from_vector(net.vector - value.eta * tangent.gradient(net, value.data))
    mean = phi if ends else segment_features(net, after, x)
    residual = net.residual(value.data)
    return residual - scale * value.eta * mean.T @ phi @ residual / value.data.n


def _next_residual(value: Descending) -> Array:
    """f(x_j; θ_1) - y_j by autograd's network."""
    theta = value.net.vector - value.eta * autodiff.gradient(value.net, value.data)
    return autodiff.output(theta, value.data.x) - value.data.y


def _exact_residual(value: Descending) -> Array:
    """The same in exact fractions from the rounded θ_1."""
    theta = value.net.vector - value.eta * autodiff.gradient(value.net, value.data)
    return (exact_output(exact(theta), exact(value.data.x)) - exact(value.data.y)).astype(float)


K_4_STEP = Claim(
    equation="K.4",
    part="one step",
    says="A step of the real network multiplies its residuals by one n×n matrix, with a mean along the step",
    tex=r"r_{t+1} = \bigl(I - \tfrac{\eta}{n}\, \bar\Phi_t^\top \Phi_t\bigr)\, r_t",
    relation="=",
    instances=_descending,
    left=_one_matrix,
    right={"autograd's network after the step": _next_residual, "exact, neuron by neuron": _exact_residual},
    wrong=(
        Wrong("Φ at the beginning of the step", left=lambda value: _one_matrix(value, ends=True)),
        Wrong("no 1/n", left=lambda value: _one_matrix(value, scale=value.data.n)),
    ),
)


@dataclass(frozen=True, eq=False)
class Products:
    """K_t = K_0 + E_t: a diagonal K_0 with its largest entry first, some E, and which of them each step takes."""

    diagonal: Array
    others: Array
    order: NDArray[np.int_]
    eta: float = 1.0

    @property
    def gap(self) -> float:
        """γ = (ηλ - 1) - max |1 - ηλ_k|."""
        return float(self.eta * self.diagonal[0] - 1 - np.abs(1 - self.eta * self.diagonal[1:]).max())

    @property
    def bend(self) -> float:
        """b = η max ‖E‖."""
        return float(self.eta * max(np.linalg.norm(each, 2) for each in self.others))

    @property
    def mean(self) -> Array:
        """The mean of K_t over the steps."""
        return np.diag(self.diagonal) + self.others[self.order].mean(axis=0)


def _products() -> Iterator[Instance]:
    for seed in range(8):
        rng = np.random.default_rng(seed)
        diagonal = np.array([(1.9, 2.0, 2.05)[seed % 3], *rng.uniform(0.6, 1.4, 2)])
        others = rng.standard_normal((2, 3, 3))
        others *= 0.1 / np.linalg.norm(others, 2, axis=(1, 2)).max()
        order = np.arange(100) % 2 if seed % 4 == 0 else rng.integers(2, size=100)
        found = Products(diagonal, others, order)
        words = "in turn" if seed % 4 == 0 else "at random"
        yield Instance(f"two matrices {words}, seed {seed}", seed, replace(found, others=others * found.gap))


def _growth(value: Products, start: int = 0) -> float:
    """The mean of log(|ξ_{t+1}|/|ξ_t|) from q."""
    u = np.eye(len(value.diagonal))[start]
    for which in value.order:
        u = u - value.eta * (value.diagonal * u + value.others[which] @ u)
    return float(np.log(abs(u[start])) / value.order.size)


def _by_the_mean(value: Products) -> float:
    """log(η λ_max - 1) of the symmetric part of the mean."""
    top = np.linalg.eigvalsh((value.mean + value.mean.T) / 2)[-1]
    return float(np.log(max(value.eta * top - 1, 1e-300)))


def _missed(value: Products) -> Array:
    return np.array(abs(_growth(value) - _by_the_mean(value)))


def _second_order(value: Products, factor: float = 6.0) -> Array:
    """6b²/(γΛ) with Λ = ηλ - 1."""
    return np.array(factor * value.bend**2 / (value.gap * (value.eta * value.diagonal[0] - 1)))


def _perturbed(vector: Array, value: Products) -> Products | None:
    other = replace(value, others=np.reshape(vector, value.others.shape))
    return other if other.bend <= other.gap / 6 else None


K_4 = Claim(
    equation="K.4",
    part="many steps",
    says="Where the matrices of the steps are close, growth along q is that of their mean, up to second order",
    tex=r"\bigl|\tfrac1T \log\bigl|\xi_T/\xi_0\bigr| - \log(\eta\bar\lambda - 1)\bigr| \le \frac{6 b^2}{\gamma\Lambda}",
    relation="<=",
    instances=_products,
    left=_missed,
    right={"6b²/(γΛ)": _second_order},
    wrong=(
        Wrong("a tenth of b²", right=lambda value: _second_order(value, factor=0.1)),
        Wrong("from another eigenvector", left=lambda value: np.array(
            abs(_growth(value, start=1) - _by_the_mean(value)))),
    ),
    tolerance=Tolerance(1e-9, why="a hundred products of 3×3 matrices"),
    attack=Attack(start=lambda value: value.others.ravel(), build=_perturbed, starts=1, steps=80, reach=0.02),
)

# ---- K.5: no alternation of period two ---------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Pair:
    """Two modes of a network, and residuals d that are 0 on the samples in ``zero`` alone."""

    value: Kinked
    modes: tuple[int, int]
    zero: tuple[int, ...]
    seed: int

    @property
    def d(self) -> Array:
        """The residuals, shape (n,)."""
        out = np.random.default_rng(self.seed).uniform(0.5, 1.0, self.value.data.n)
        out[list(self.zero)] = 0.0
        return out


def _pairs() -> Iterator[Instance]:
    """Networks with V = ℝⁿ, two modes, and residuals that are 0 on all or on some of the samples where they differ."""
    for seed in range(6):
        value = kinked(seed, k=12, n=4, toggles=3)
        for first, second in ((0, 1), (2, 3), (0, 6)):
            differ = tuple({value.at[i] for i in range(3) if (first ^ second) >> i & 1})
            for zero in (differ, differ[1:]):
                yield Instance(f"modes {first} and {second}, d = 0 on {len(zero)} samples, seed {seed}", seed,
                               Pair(value, (first, second), zero, seed))


def _residual_is_zero(pair: Pair) -> bool:
    """Whether d is 0 on every sample on which the two modes differ."""
    differ = (pair.value.pattern(pair.modes[0]) != pair.value.pattern(pair.modes[1])).any(axis=1)
    return bool(not pair.d[differ].any())


def _solvable(pair: Pair, by: Callable[[Network, Array, Pattern], Array]) -> bool:
    """Whether Φ_m d + Φ_m' d' = 0 for some d', by least squares."""
    first, second = (by(pair.value.net, pair.value.data.x, pair.value.pattern(mode)) for mode in pair.modes)
    target = -first @ pair.d
    found = np.linalg.lstsq(second, target, rcond=None)[0]
    return bool(np.linalg.norm(second @ found - target) < 1e-9 * np.linalg.norm(target))


def _by_autograd(pair: Pair) -> bool:
    return _solvable(pair, autodiff.features)


def _by_blocks(pair: Pair) -> bool:
    return _solvable(pair, feature_blocks)


def feature_blocks(net: Network, x: Array, pattern: Pattern) -> Array:
    """Φ from its blocks, in plain numpy."""
    on = pattern.T.astype(float)
    z = (np.outer(net.w1, x) + net.b1[:, None]) * on
    return np.vstack([net.w2[:, None] * on * x, net.w2[:, None] * on, z, np.ones(x.size)])


K_5 = Claim(
    equation="K.5",
    says="If V = ℝⁿ, a step in m' can take back a step with residuals d in m exactly if d = 0 where the two differ",
    tex=r"\exists\, d' :\ \Phi_m d + \Phi_{m'} d' = 0 \iff d_j = 0 \text{ where } m, m' \text{ differ}",
    relation="=",
    instances=_pairs,
    left=_residual_is_zero,
    right={"autograd's features": _by_autograd, "blocks in numpy": _by_blocks},
    wrong=(
        Wrong("d = 0 on one of these samples is enough", left=lambda pair: bool(pair.zero)),
        Wrong("never", left=lambda pair: False),
    ),
    tolerance=Tolerance(0, why="yes or no"),
)

# ---- K.6: energy -------------------------------------------------------------------------------------------------


def _balance(value: Kinked, factor: float = 2.0, mean: bool = True) -> Array:
    """-2ηL(2 - ηR) of six steps of the recursion."""
    n, out = value.data.n, []
    for u in _recursion(value)[:-1]:
        phi = tangent.features(value.net, value.data.x, value.pattern(_mode_of(value, u)))
        d = phi.T @ u
        loss, ratio = d @ d / (2 * n if mean else 2), np.sum((phi @ d) ** 2) / n / (d @ d)
        out.append(-2 * value.eta * loss * (factor - value.eta * ratio))
    return np.array(out)


def _differences_by_modes(value: Kinked) -> Array:
    """‖u_{t+1}‖² - ‖u_t‖²."""
    return np.diff((_by_modes(value) ** 2).sum(axis=1))


def _differences_by_descent(value: Kinked) -> Array:
    """The same, by the real network."""
    return np.diff((_by_descent(value) ** 2).sum(axis=1))


K_6 = Claim(
    equation="K.6",
    says="What a step changes of the squared distance, with R the squared gradient over twice the loss",
    tex=r"\|u_{t+1}\|^2 - \|u_t\|^2 = -2\eta L_t\,(2 - \eta R_t)",
    relation="=",
    instances=lambda: anywhere(1),
    left=_balance,
    right={"Hessians of the modes, by autograd": _differences_by_modes,
           "descent of the network, 10⁻⁸ from θ*": _differences_by_descent},
    wrong=(
        Wrong("1 in place of 2", left=lambda value: _balance(value, factor=1.0)),
        Wrong("a loss without 1/n", left=lambda value: _balance(value, mean=False)),
    ),
    tolerance={
        "Hessians of the modes, by autograd": Tolerance(1e-11, why="six steps of at most 100 products each"),
        "descent of the network, 10⁻⁸ from θ*": Tolerance(
            1e-5, why="1e-8 of second order, amplified by six steps, and rounding of 1e-16/1e-8"),
    },
)

# ---- K.7: off stays off ------------------------------------------------------------------------------------------


def _outward() -> Iterator[tuple[str, int | None, Kinked]]:
    """Networks whose toggling neurons open outwards at the outermost samples: they see no other one."""
    for seed in range(5):
        value = kinked(seed, k=5, n=(1, 3, 4)[seed % 3], spread=2.0)
        x, w1, b1, w2 = value.data.x, value.net.w1.copy(), value.net.b1.copy(), value.net.w2.copy()
        at = (int(np.argmin(x)), int(np.argmax(x)))
        w1[0], w1[1] = -abs(w1[0]), abs(w1[1])
        for neuron, sample in enumerate(at):
            b1[neuron] = -w1[neuron] * x[sample]
            w2[neuron] *= 3.0
        net = Network(w1, b1, w2, 0.1)
        yield f"n = {x.size}, opening outwards, strong, seed {seed}", seed, replace(
            value, net=net, data=Dataset(x, net(x)), at=at, base=0)


def _inward() -> Iterator[tuple[str, int | None, Kinked]]:
    """The missing hypothesis: strong kinks that see other samples, on wide data."""
    for seed in range(7):
        value = replace(kinked(seed, k=3, n=3, toggles=2, spread=3.0, weak=3.0), base=0)
        if not value.recursion.self_stabilising:
            yield f"seeing other samples, seed {seed}", seed, value


def _any_other(long: Long) -> bool:
    """Whether a mode in which some neuron is active is above 2/η."""
    others = [np.linalg.eigvalsh(_gram(long.value, mode))[-1] for mode in range(1, long.value.count)]
    return bool(max(others) > 2 / _eta(long))


K_7 = Claim(
    equation="K.7",
    says="If toggling neurons are silent elsewhere, the orbits tried grow exactly if λ of the silent mode is above 2/η",
    tex=r"\text{an orbit grows} \iff \lambda_{\max}(K_{\text{silent}}) > 2/\eta",
    relation="=",
    instances=lambda: _edges(_outward),
    left=_says_unbounded,
    right={"orbits along q": _grows_by_grams, "orbits from random starts": _grows_from_random},
    wrong=(
        Wrong("neurons that see other samples", instances=lambda: _edges(_inward)),
        Wrong("any mode", left=_any_other),
    ),
    tolerance=Tolerance(0, why="yes or no"),
)
