"""Chapter IV: Lemma 3, what a switching system must stay at (S26–S30)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, combinations

import autograd.numpy as anp
import numpy as np
from autograd import grad
from mpmath import mp
from scipy.linalg import null_space
from scipy.optimize import minimize

from ledgerbook.claim import Attack, Claim, Instance, Tolerance, Wrong
from stableminima import autodiff
from stableminima import switching as sw
from stableminima.kinks import Tight, cusp_loss, cusps, mirrored_loss, saddle_at_minimum, saddle_loss
from stableminima.network import Network
from stableminima.switching import ModeOfNetwork, NetworkModes, Switching, inside_a_mode

from ..common import Array
from ..instances import networks

# ---- what the claims are tested on -------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Near:
    """A loss around its minimum 0, the switching system that approximates it, a displacement u and a step size."""

    loss: Callable[[Array], float]
    system: Switching
    u: Array
    eta: float


def _in_the_plane(angles: Array) -> Array:
    return np.column_stack([np.cos(angles), np.sin(angles)])


def _displaced() -> Iterator[tuple[str, ModeOfNetwork, float]]:
    """Minima that descent found, displaced by 1e-8 into three of their modes each, and a step size below the edge."""
    for name, found in networks(3, batch=10):
        rng, eta = np.random.default_rng(0), 0.9 * sw.edge(found.system)
        for draw in range(3):
            there = ModeOfNetwork(found, inside_a_mode(found.system, rng, 1e-8))
            yield f"{name}, displacement {draw}", there, eta


def _network_losses() -> Iterator[Instance]:
    for label, there, eta in _displaced():
        yield Instance(label, 0, Near(_loss_around(there.found), there.found.system, there.u, eta))


def _loss_around(found: NetworkModes) -> Callable[[Array], float]:
    return lambda u: autodiff.loss(found.net.vector + anp.dot(found.basis, u), found.data)


def _smooth_losses() -> Iterator[Instance]:
    """Losses in the plane that are differentiable at their minimum, though not twice."""
    losses = {"a saddle in one mode": (saddle_loss, saddle_at_minimum())}
    for degrees in (30, 90):
        system = sw.mirrored(2.0, 1.0, np.radians(degrees))
        losses[f"mirrored modes, {degrees}°"] = (mirrored_loss(system), system)
    for name, (loss, system) in losses.items():
        for seed in range(3):
            u = inside_a_mode(system, np.random.default_rng(seed), 1.0)
            yield Instance(f"{name}, seed {seed}", seed, Near(loss, system, u, 0.7))


def _cusped_losses() -> Iterator[Instance]:
    """A loss that is differentiable at its minimum, in a mode that is no cone."""
    for a in (0.02, 0.2, 0.9):
        yield Instance(f"between two cusps, a = {a}", None, Near(cusp_loss, cusps(), np.array([a, a**2 / 2]), 0.5))


def _kinked_losses() -> Iterator[Instance]:
    """Losses with a kink at the minimum, whose modes have gradients there."""
    for kappa in (0.02, 0.05, 0.1):
        tight = Tight(kappa, kappa / 2)
        u = inside_a_mode(tight.system, np.random.default_rng(3), 1.0)
        yield Instance(f"kink, κ = {kappa}", 3, Near(tight.loss, tight.system, u, 1.0))


def _differentiable() -> Iterator[Instance]:
    return chain(_network_losses(), _smooth_losses())


def _all_losses() -> Iterator[Instance]:
    return chain(_differentiable(), _kinked_losses(), _cusped_losses())


# ---- one step ----------------------------------------------------------------------------------------------------


def _scaled(near: Near, after: Array) -> Array:
    """In units of the displacement, so that small ones count as much as large ones."""
    return after / np.linalg.norm(near.u)


def _by_the_system(near: Near, mode: int | None = None) -> Array:
    return _scaled(near, near.system.step(near.u, near.eta, mode=mode))


def _without_gradient(near: Near) -> Array:
    return _scaled(near, near.u - near.eta * near.system.hessian(near.u) @ near.u)


def _by_autograd(near: Near) -> Array:
    """A real step on the loss."""
    return _scaled(near, near.u - near.eta * grad(near.loss)(near.u))


def _by_differences(near: Near) -> Array:
    """A step with central differences of the loss; within a mode the loss is quadratic, and they are exact."""
    step = 0.01 * np.linalg.norm(near.u) / np.sqrt(near.u.size)
    axes = step * np.eye(near.u.size)
    slope = [(near.loss(near.u + axis) - near.loss(near.u - axis)) / (2 * step) for axis in axes]
    return _scaled(near, near.u - near.eta * np.array(slope))


REAL_STEP = Tolerance(3e-5, why="the network is quadratic up to 1e-8, and differences of rounded losses of 1e-15")

S26 = Claim(
    equation="S26",
    says="One step of gradient descent close to the minimum, by the gradient and Hessian of the mode it is in",
    tex=r"u_{t+1} = u_t - \eta\,(g_{\theta_t} + H_{\theta_t} u_t)",
    relation="=",
    instances=_all_losses,
    left=_by_the_system,
    right={"autograd on the loss": _by_autograd, "differences of the loss": _by_differences},
    wrong=(
        Wrong("without the gradient", left=_without_gradient),
        Wrong("always mode 0", left=lambda near: _by_the_system(near, mode=0)),
        Wrong("the mode on the other side", left=lambda near: _by_the_system(near, mode=near.system.rule(-near.u))),
    ),
    tolerance=REAL_STEP,
)


@dataclass(frozen=True, eq=False)
class InMode:
    """A mode of a network, by a displacement into it, and a step size."""

    there: ModeOfNetwork
    eta: float

    @property
    def hessian(self) -> Array:
        """H_m."""
        return self.there.found.system.hessian(self.there.u)


def _modes() -> Iterator[Instance]:
    for label, there, eta in _displaced():
        yield Instance(label, 0, InMode(there, eta))


def _spectrum(value: InMode) -> Array:
    """The eigenvalues of I - ηH, from the smallest up."""
    return np.linalg.eigvalsh(np.eye(len(value.hessian)) - value.eta * value.hessian)


def _by_singular_values(value: InMode) -> Array:
    """1 - ησ²/n with the singular values of autograd's gradients at the displaced network."""
    found = value.there.found
    columns = autodiff.features(Network.from_vector(value.there.displaced), found.data.x)
    squares = np.linalg.svd(columns, compute_uv=False) ** 2 / found.data.n
    return np.sort(1 - value.eta * np.append(squares, np.zeros(value.there.u.size - squares.size)))


def _in_many_digits(value: InMode) -> Array:
    with mp.workdps(30):
        eigenvalues = mp.eigsy(mp.matrix(value.hessian.tolist()), eigvals_only=True)
        return np.sort([float(1 - mp.mpf(value.eta) * each) for each in eigenvalues])


S27 = Claim(
    equation="S27",
    says="The eigenvalues of a step are 1 - ηλ for the eigenvalues λ of the Hessian",
    tex=r"\lambda_i(I - \eta H_\theta) = 1 - \eta\,\lambda_i(H_\theta)",
    relation="=",
    instances=_modes,
    left=_spectrum,
    right={"singular values of Φ": _by_singular_values, "30 digits": _in_many_digits},
    wrong=(
        Wrong("1 + ηλ", right=lambda value: np.sort(2 - _in_many_digits(value))),
        Wrong("absolute values", right=lambda value: np.sort(np.abs(_in_many_digits(value)))),
        Wrong("half the step size", left=lambda value: _spectrum(replace(value, eta=value.eta / 2))),
    ),
    tolerance=Tolerance(1e-6, why="the network is displaced by 1e-8, which moves singular values by as much"),
)

# ---- the lemma ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Staying:
    """A system whose gradients vanish, a start on the unit sphere, and a step size."""

    system: Switching
    u: Array
    eta: float


def _top(system: Switching) -> Array:
    """The top eigenvector of the sharpest mode."""
    sharpness, tops = system.tops
    return tops[sharpness.argmax()]


def _stays(*shares: float) -> Iterator[Instance]:
    """Found minima from the top eigenvector of their sharpest mode, and mirrored modes from a generic start."""
    systems = [(name, found.system) for name, found in networks(3, batch=10)]
    systems += [(f"mirrored modes, {each}°", sw.mirrored(2.0, 1.0, np.radians(each))) for each in (0, 40, 90)]
    for name, system in systems:
        for share in shares:
            start = Staying(system, _top(system), share * sw.edge(system))
            yield Instance(f"{name}, η at {share} of the edge", None, start)


def _below() -> Iterator[Instance]:
    return _stays(0.5, 0.99, 1.0)


def _negative() -> Iterator[Instance]:
    """The missing hypothesis: λ_max ≤ 2/η holds, H ⪰ 0 does not."""
    for eta in (0.5, 0.8, 1.0):
        u = _in_the_plane(np.array([np.pi / 4]))[0]
        yield Instance(f"a saddle in one mode, η = {eta}", None, Staying(saddle_at_minimum(), u, eta))


def _factors(value: Staying) -> Array:
    """max_i |λ_i(I - ηH_m)| for every mode."""
    eye = np.eye(value.system.dim)
    return np.abs(np.linalg.eigvalsh(eye - value.eta * value.system.mean_hessians)).max(axis=1)


def _other_share(vector: Array, value: Staying) -> Staying | None:
    share = 1 - abs(vector[0])
    return replace(value, eta=share * sw.edge(value.system)) if share > 0 else None


S28 = Claim(
    equation="S28",
    says="Where 0 ≤ ηλ ≤ 2 for every eigenvalue of every mode, no step stretches anything",
    tex=r"0 \preceq \eta H_m \preceq 2I \implies |\lambda_i(I - \eta H_m)| \le 1",
    relation="<=",
    instances=_below,
    left=_factors,
    right={"1": lambda value: np.ones(value.system.modes)},
    wrong=(
        Wrong("H ⪰ 0 forgotten", instances=_negative),
        Wrong("η one percent above the edge", instances=lambda: _stays(1.01)),
        Wrong("strictly less", right=lambda value: np.full(value.system.modes, 1 - 1e-6)),
    ),
    attack=Attack(start=lambda value: [1 - value.eta / sw.edge(value.system)], build=_other_share, steps=30),
)


def _linear(near: Near) -> Array:
    hessian = near.system.hessian(near.u)
    return _scaled(near, (np.eye(near.u.size) - near.eta * hessian) @ near.u)


def _by_eigenvectors(near: Near) -> Array:
    values, vectors = np.linalg.eigh(near.system.hessian(near.u))
    return _scaled(near, vectors @ ((1 - near.eta * values) * (vectors.T @ near.u)))


def _of_mean_mode(near: Near) -> Array:
    return _scaled(near, near.u - near.eta * near.system.mean_hessians.mean(axis=0) @ near.u)


S29 = Claim(
    equation="S29",
    says="Where the loss is differentiable at the minimum, a real step multiplies the displacement by I - ηH",
    tex=r"u_{t+1} = (I - \eta H_{\theta_t})\, u_t \quad \text{if } g_m = 0",
    relation="=",
    instances=_differentiable,
    left=_by_autograd,
    right={"I - ηH": _linear, "along the eigenvectors": _by_eigenvectors},
    wrong=(
        Wrong("a kink at the minimum", instances=_kinked_losses),
        Wrong("modes that are no cones", instances=_cusped_losses),
        Wrong("one Hessian for all modes", right=_of_mean_mode),
        Wrong("I + ηH", right=lambda near: 2 * _scaled(near, near.u) - _linear(near)),
    ),
    tolerance=REAL_STEP,
)


def _every_mode(value: Staying) -> Array:
    """‖(I - ηH_m)u‖ for every mode."""
    return np.linalg.norm(value.u - value.eta * value.system.mean_hessians @ value.u, axis=1)


def _elsewhere(vector: Array, value: Staying) -> Staying | None:
    length = np.linalg.norm(vector)
    return replace(value, u=vector / length) if length > 0 else None


ANY_START = Attack(start=lambda value: value.u, build=_elsewhere, steps=60)


def _of_top(value: Staying) -> Array:
    return np.abs(1 - value.eta * value.system.tops[0])


S30 = Claim(
    equation="S30",
    part="one step",
    says="A step stretches the distance by the largest |1 - ηλ| of its mode at most",
    tex=r"\|(I - \eta H_m) u\| \le \max_i |\lambda_i(I - \eta H_m)|\, \|u\|",
    relation="<=",
    instances=lambda: _stays(0.5, 1.0, 1.5),
    left=_every_mode,
    right={"eigenvalues of I - ηH": _factors},
    wrong=(
        Wrong("|1 - ηλ_max| only", right=_of_top),
        Wrong("the flattest mode", right=lambda value: np.full(value.system.modes, _factors(value).min())),
        Wrong("always a contraction", right=lambda value: np.minimum(_factors(value), 0.98)),
    ),
    attack=ANY_START,
)


def _farthest(value: Staying, steps: int = 60) -> Array:
    """The largest distance under four ways to choose the mode: own rule, at random, greedy, all sequences of three."""
    system, eta = value.system, value.eta
    at_random = np.random.default_rng(0).integers(system.modes, size=steps)
    paths = [system.path(value.u, eta, steps), system.led(value.u, eta, at_random)[1:]]
    paths += [sw.greedy(system, value.u, eta, steps)[0], sw.exhaustive(system, value.u, eta, 3)[0]]
    return np.array([np.linalg.norm(path, axis=1).max() for path in paths])


def _greedy_alone(value: Staying) -> Array:
    return np.full(4, np.linalg.norm(sw.greedy(value.system, value.u, value.eta, 60)[0], axis=1).max())


def _mirrored_above() -> Iterator[Instance]:
    """Above the edge, but in each direction one mode does not stretch: whoever takes the nearest point stays."""
    for share in (1.01, 1.05):
        system = sw.mirrored(2.0, 1.0, np.pi / 2)
        yield Instance(f"mirrored modes, η at {share} of the edge", None, Staying(system, _top(system), share))


def _kinked() -> Iterator[Instance]:
    """The missing differentiability: modes with gradients at the minimum."""
    for kappa in (0.05, 0.1):
        system = Tight(kappa, 0.0).system
        yield Instance(f"kink, κ = {kappa}", None, Staying(system, np.array([0.0, 1.0]), 0.999))
        yield Instance(f"small kink, κ = {kappa}", None, Staying(system, np.array([1.0, 0.0]), 0.999))


def _cusped() -> Iterator[Instance]:
    """The missing cones: L is differentiable at 0, all H ⪰ 0, and 2/η is the largest eigenvalue."""
    yield Instance("between two cusps", None, Staying(cusps(), np.array([0.9, 0.001]), 0.5))


S30_ADVERSARY = Claim(
    equation="S30",
    part="never outside",
    says="So descent never leaves the ball, whoever chooses the modes",
    tex=r"\|u_t\| \le \|u_0\|\ \forall m_0, m_1, \dots\quad (g_m = 0,\ 0 \preceq \eta H_m \preceq 2I)",
    relation="<=",
    instances=_below,
    left=_farthest,
    right={"the radius": lambda value: np.ones(4)},
    wrong=(
        Wrong("H ⪰ 0 forgotten", instances=_negative),
        Wrong("a kink at the minimum", instances=_kinked),
        Wrong("modes that are no cones", instances=_cusped),
        Wrong("η one percent above the edge", instances=lambda: _stays(1.01)),
        Wrong("a greedy adversary above the edge", left=_greedy_alone, instances=_mirrored_above),
    ),
    tolerance=Tolerance(1e-11, why="sixty steps, each rounded to 1e-16"),
    attack=ANY_START,
)

# ---- the book's own ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Cones:
    """A loss around its minimum 0, its modes, the walls between them, and a step size.

    Up to its sign, u is in mode m where ``walls[m] @ u`` ≥ 0: no quadratic form sees the sign. Real steps are taken
    at the distance ``size``.
    """

    loss: Callable[[Array], float]
    system: Switching
    walls: tuple[Array, ...]
    eta: float = 1.0
    size: float = 1.0


def _saddle() -> Cones:
    return Cones(saddle_loss, saddle_at_minimum(), (np.array([[1, -1], [1, 1]]), np.array([[-1, 1], [1, 1]])))


def _mirrored(degrees: float) -> Cones:
    system = sw.mirrored(2.0, 1.0, np.radians(degrees))
    return Cones(mirrored_loss(system), system, (np.array([[0, 1]]), np.array([[0, -1]])))


def _steep() -> Cones:
    """H = diag(3, 1/2) where |b| ≥ 2|a| and the identity elsewhere: on the border of the modes η = 1 is exact."""
    def loss(u: Array) -> float:
        return (u[0] ** 2 + u[1] ** 2 + anp.minimum(0.0, 2 * u[0] ** 2 - u[1] ** 2 / 2)) / 2

    hessians = [np.diag([3, 0.5]), np.eye(2)]
    system = Switching.deterministic(hessians, rule=lambda u: int(abs(u[1]) < 2 * abs(u[0])))
    return Cones(loss, system, (np.array([[-2, 1], [2, 1]]), np.array([[2, -1], [2, 1]])))


def _largest_entry(dim: int, sharp: float = 3.0) -> Cones:
    """Mode i holds the u whose largest entry is u_i, and is sharp along all axes but that one."""
    def loss(u: Array) -> float:
        return (sharp * anp.sum(u**2) - (sharp - 1) * anp.max(anp.abs(u)) ** 2) / 2

    axes = np.eye(dim)
    hessians = [np.diag(np.where(axis, 1.0, sharp)) for axis in axes]
    walls = [np.vstack([axis - np.delete(axes, i, 0), axis + np.delete(axes, i, 0)]) for i, axis in enumerate(axes)]
    return Cones(loss, Switching.deterministic(hessians, rule=lambda u: int(np.abs(u).argmax())), tuple(walls))


def _of_network(found: NetworkModes) -> Cones:
    """The walls are where a neuron's pre-activation is 0 on the sample that has its knot: they are planes."""
    each, k = np.arange(found.neurons.size), found.net.k
    normals = np.zeros((each.size, found.net.vector.size))
    normals[each, found.neurons] = found.data.x[found.samples]
    normals[each, k + found.neurons] = 1
    active = np.arange(found.system.modes)[:, None] >> each & 1
    walls = (2 * active - 1)[..., None] * (normals @ found.basis)
    return Cones(_loss_around(found), found.system, tuple(walls), size=1e-8)


def _around_the_exact() -> Iterator[tuple[str, Cones, tuple[float, ...]]]:
    """Modes, and step sizes below, at and above the exact one, which the sharpness alone does not tell."""
    yield "a saddle in one mode", _saddle(), (0.39, 0.4, 0.41, 1.0)
    yield "a steep cone", _steep(), (0.9, 1.0, 1.01)
    for degrees in (0, 40, 90):
        yield f"mirrored modes, {degrees}°", _mirrored(degrees), (0.9, 0.999, 1.02)
    for dim, exact in ((3, 14 / 19), (4, 5 / 7)):
        yield f"the largest of {dim} entries", _largest_entry(dim), (exact, 1.01 * exact)
    for name, found in networks(2, batch=10):
        edge = sw.edge(found.system)
        yield name, _of_network(found), (0.9 * edge, edge, 1.02 * edge)


def _conic() -> Iterator[Instance]:
    for name, cones, etas in _around_the_exact():
        for eta in etas:
            yield Instance(f"{name}, η = {eta:.4g}", None, replace(cones, eta=eta))


def _largest(walls: Array, form: Array, faces: bool = True) -> float:
    """The largest uᵀAu over unit vectors with Nu ≥ 0.

    Where it is reached, inside of some face, it is a local maximum on the sphere of the face's span. There every local
    maximum is global, so it is the top eigenvalue of A on that span. Where that is repeated, a smaller face has it too.
    """
    rows, found = walls / np.linalg.norm(walls, axis=1, keepdims=True), []
    for count in range(len(rows) + 1 if faces else 1):
        for face in combinations(range(len(rows)), count):
            span = null_space(rows[list(face)]) if face else np.eye(len(form))
            if span.size:
                top = span @ np.linalg.eigh(span.T @ form @ span)[1][:, -1]
                if (rows @ top).min() > -1e-9 or (rows @ top).max() < 1e-9:
                    found.append(top @ form @ top)
    return max(found, default=-np.inf)


NOTICED = 1e-7  # a network's step at the distance 1e-8 is known to about 1e-8 of it


def _nowhere_above(cones: Cones, form: Callable[[Array], Array], bound: float, faces: bool = True) -> bool:
    """Whether uᵀAu ≤ ``bound`` for every unit vector u, with A = ``form`` (H) of the mode that u is in."""
    forms = map(form, cones.system.hessians.mean(axis=1))
    return all(_largest(*each, faces) <= bound + NOTICED for each in zip(cones.walls, forms, strict=True))


def _exact(cones: Cones, faces: bool = True) -> bool:
    """Whether η‖Hu‖² - 2uᵀHu is positive nowhere."""
    return _nowhere_above(cones, lambda h: cones.eta * h @ h - 2 * h, 0.0, faces)


def _reaches(step: Callable[[Array], Array], far: Callable[[Array], float], dim: int, seed: int) -> float:
    """The largest ``far`` (u) found: from random unit vectors along the displacements by ``step``, then by ascent."""
    starts = [_unit(np.random.default_rng(seed).standard_normal((dim, 12)))]
    for _ in range(5):
        starts.append(_unit(np.column_stack([step(u) - u for u in starts[-1].T])))

    def lost(u: Array) -> float:
        return -far(_unit(u))

    best = min(np.hstack(starts).T, key=lost)
    return -minimize(lost, best, method="Nelder-Mead", options={"maxfev": 100 + 20 * dim, "adaptive": dim > 4}).fun


def _unit(columns: Array) -> Array:
    return columns / np.maximum(np.linalg.norm(columns, axis=0), 1e-300)


def _real_step(cones: Cones) -> Callable[[Array], Array]:
    slope = grad(cones.loss)
    return lambda u: u - cones.eta * slope(cones.size * u) / cones.size


def _paths_stay(cones: Cones) -> bool:
    def far(u: Array) -> float:
        return np.linalg.norm(cones.system.path(u, cones.eta, 6)[1:], axis=1).max()

    return bool(_reaches(partial(cones.system.step, eta=cones.eta), far, cones.system.dim, seed=0) <= 1 + NOTICED)


def _one_step_stays(cones: Cones) -> bool:
    step, dim = _real_step(cones), cones.walls[0].shape[1]
    return bool(_reaches(step, lambda u: np.linalg.norm(step(u)), dim, seed=1) <= 1 + NOTICED)


IV_EXACT = Claim(
    equation="IV.1",
    says="Descent by its own rule is strongly stable exactly when ‖Hu‖² ≤ (2/η) uᵀHu for every u, with H of u's mode",
    tex=r"\|u_t\| \le \|u_0\|\ \forall u_0, t \iff \|H_u u\|^2 \le \tfrac2\eta\, u^\top H_u u\ \forall u",
    relation="=",
    instances=_conic,
    left=_exact,
    right={"paths from starts found by search": _paths_stay, "a step on the loss, from other starts": _one_step_stays},
    wrong=(
        Wrong("uᵀHu ≤ (2/η) uᵀu", left=lambda cones: _nowhere_above(cones, lambda h: h, 2 / cones.eta)),
        Wrong("‖Hu‖ ≤ (2/η) ‖u‖", left=lambda cones: _nowhere_above(cones, lambda h: h @ h, 4 / cones.eta**2)),
        Wrong("λ_max ≤ 2/η", left=lambda cones: bool(cones.eta <= sw.edge(cones.system))),
        Wrong("inside the modes only", left=lambda cones: _exact(cones, faces=False)),
    ),
    tolerance=Tolerance(0, why="both sides are yes or no"),
)


def _with_flat_directions() -> Iterator[Instance]:
    for name, found in networks(2, batch=10):
        for share in (0.5, 0.9, 1.0, 1.001, 1.01):
            cones = replace(_of_network(found), eta=share * sw.edge(found.system))
            yield Instance(f"{name}, η at {share} of the edge", None, cones)


def _without() -> Iterator[Instance]:
    """Both step sizes are exact, and below them is 2/λ_max = 2/3."""
    yield Instance("a steep cone", None, _steep())
    yield Instance("the largest of 3 entries", None, replace(_largest_entry(3), eta=14 / 19))


def _no_mode_above(cones: Cones) -> bool:
    sharpness = np.linalg.eigvalsh(cones.system.hessians.mean(axis=1)).max()
    return bool(cones.eta * sharpness <= 2 + NOTICED)


def _beside_flat(cones: Cones) -> Iterator[Array]:
    """The top eigenvectors of each mode, taken into the mode along flat directions, by no more than it needs."""
    for hessian, walls in zip(cones.system.hessians.mean(axis=1), cones.walls, strict=True):
        top, flat = np.linalg.eigh(hessian)[1][:, -1], null_space(hessian, rcond=1e-9)
        for u in (top, -top):
            yield u + flat @ np.linalg.pinv(walls @ flat) @ (np.maximum(0, -walls @ u) + 0.01)


def _steps_beside_flat_stay(cones: Cones) -> bool:
    step = _real_step(cones)
    return bool(max(np.linalg.norm(step(u)) / np.linalg.norm(u) for u in _beside_flat(cones)) <= 1 + NOTICED)


IV_FLAT = Claim(
    equation="IV.1",
    part="flat directions",
    says="Where flat directions point into every mode, descent by its own rule is strongly stable exactly when no mode "
         "is sharper than 2/η",
    tex=r"\|u_t\| \le \|u_0\|\ \forall u_0, t \iff \max_m \lambda_{\max}(H_m) \le \tfrac2\eta"
        r"\quad (\ker H_m \text{ enters mode } m)",
    relation="=",
    instances=_with_flat_directions,
    left=_no_mode_above,
    right={"every cone, face by face": _exact, "a step on the loss, beside a flat direction": _steps_beside_flat_stay},
    wrong=(
        Wrong("modes that hold their top eigenvector", left=lambda cones: bool(
            cones.eta * sw.sharpest_at_home(cones.system) <= 2)),
        Wrong("the flattest mode", left=lambda cones: bool(cones.eta * cones.system.tops[0].min() <= 2)),
        Wrong("no flat direction", instances=_without),
    ),
    tolerance=Tolerance(0, why="both sides are yes or no"),
)
