"""The programme behind the flattest rescaling, implementation and interpolant, and what proves their bounds.

A neuron c σ(s(x - τ)), s = ±1, that is split between its layers adds v M + u N to n times the Gram matrix at zero
loss, with M = (x∘I)(x∘I)ᵀ + IIᵀ, N = σσᵀ and uv = c². So the smallest sharpness is that of the convex problem

    minimise λ_max((11ᵀ + Σ_i v_i M_i + Σ_i u_i N_i)/n)    over u_i v_i ≥ c_i², a second-order cone,

with bends c that are given (one network, rescaled), that obey linear equations (one function, however it is written),
or such that Σ_i c_i σ_i + offset = y (all functions through the data). For every density matrix Q, λ_max is at least
⟨Q, ·⟩, and vM + uN costs at least 2|c|√(⟨Q,M⟩⟨Q,N⟩) there (XI.2). That is a proof, whatever solver Q comes from.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .arguments import finite
from .threads import one_thread

Array = NDArray[np.float64]
REMEDY = "rescale the data, or the neurons, if they differ by many powers of ten"


class OpenGap(ArithmeticError):
    """A smallest sharpness is known only to lie between two bounds that are further apart than was asked for.

    Attributes
    ----------
    lower, upper : the bounds; both are proved.
    """

    def __init__(self, lower: float, upper: float) -> None:
        super().__init__(f"the smallest sharpness is between {lower} and {upper}, which leaves a gap of "
                         f"{upper / lower - 1:.1e}: {REMEDY}, or allow a larger gap")
        self.lower, self.upper = lower, upper


def require_closed(lower: float, upper: float, gap: float) -> None:
    """Raise :class:`OpenGap` unless ``upper`` ≤ (1 + ``gap``) · ``lower``."""
    if not upper <= (1 + gap) * lower:
        raise OpenGap(lower, upper)


@dataclass(frozen=True, eq=False)
class Solution:
    """What the solver found, to its accuracy of about 1e-6.

    Attributes
    ----------
    v, u, bends : arrays of shape (k,). density : Q, shape (n, n), a density matrix.
    multipliers : those of the labels, ν of shape (n,), or of the equations; zeros where the bends are given.
    """

    v: Array
    u: Array
    bends: Array
    density: Array
    multipliers: Array


@one_thread()
def solve(
    blocks: Array,
    *,
    bends: Array | None = None,
    equations: tuple[Array, Array] | None = None,
    labels: Array | None = None,
    values: Array | None = None,
    offset: float = 1.0,
) -> Solution:
    """The programme for neurons with x∘I, I and σ in ``blocks``, shape (3, k, n), of one of three kinds.

    The ``bends`` c are given; or ``equations`` (A, b), with A of shape (m, k), says A c = b; or c fits the ``labels``.

    The caller chooses the units, and the solver is most accurate where all of its numbers are near 1. So M_i and N_i
    may be multiplied by numbers of their own; ``values``, shape (k, n), by default σ, is what the bends then multiply
    to fit the labels, and ``offset`` stands in front of 11ᵀ.

    Raises
    ------
    ValueError
        If ``blocks`` has another shape or a value that is not finite, or not exactly one of the three is given.
    ArithmeticError
        If the solver fails, or proves nothing: as may happen where neurons or gaps differ by many powers of ten.
    """
    import cvxpy as cp  # half a second that a run without a minimum, or a page without this programme, does not need

    if sum(each is not None for each in (bends, equations, labels)) != 1:
        raise ValueError("bends, equations or labels must be given, and no two of them")
    if np.ndim(blocks) != 3 or len(blocks) != 3:
        raise ValueError(f"blocks must have shape (3, k, n), got {np.shape(blocks)}")
    k, n = finite("blocks", blocks).shape[1:]
    by_weight, by_bias, by_value = np.einsum("bij,bil->bijl", blocks, blocks)
    terms = np.concatenate([by_weight + by_bias, by_value]).reshape(2 * k, -1)
    v, u, sharpness, shift = cp.Variable(k), cp.Variable(k), cp.Variable(), cp.Variable()
    c = cp.Variable(k) if bends is None else cp.Constant(bends)
    gram = (offset + cp.reshape(cp.hstack([v, u]) @ terms, (n, n), order="C")) / n
    below = sharpness * np.eye(n) - gram >> 0
    cone = cp.SOC(u + v, cp.vstack([2 * c, u - v]), axis=0)
    fits = [] if labels is None else [(blocks[2] if values is None else values).T @ c + shift == labels]
    if equations is not None:
        fits = [equations[0] @ c == equations[1]]
    problem = cp.Problem(cp.Minimize(sharpness), [below, cone, *fits])
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that a solution may be inaccurate: the caller measures it
            problem.solve(solver=cp.CLARABEL)
    except cp.SolverError as error:
        raise ArithmeticError(f"the solver failed: {REMEDY}") from error
    multipliers = -fits[0].dual_value if fits and fits[0].dual_value is not None else np.zeros(n)
    found = v.value, u.value, c.value, below.dual_value, multipliers
    if any(each is None or not np.isfinite(each).all() for each in found):
        raise ArithmeticError(f"the solver found no solution, its status is {problem.status}: {REMEDY}")
    try:
        return Solution(v.value, u.value, c.value, as_density(below.dual_value), multipliers)
    except ValueError as error:
        raise ArithmeticError(f"the solver found no proof ({error}): {REMEDY}") from error


def as_density(matrix: Array, floor: float = 1e-9) -> Array:
    """The positive part of a matrix, with no eigenvalue below ``floor`` times the largest, and of trace 1.

    Raises
    ------
    ValueError
        If it is not square, a value is not finite, or no eigenvalue is positive.
    """
    matrix = finite("density", matrix)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise ValueError(f"density must be a square matrix, got shape {matrix.shape}")
    value, vector = np.linalg.eigh((matrix + matrix.T) / 2)
    if value[-1] <= 0:
        raise ValueError(f"density has no positive eigenvalue (the largest is {value[-1]}); give a density matrix")
    value = np.maximum(value, floor * value[-1])
    return (vector * (value / value.sum())) @ vector.T


def root(density: Array) -> Array:
    """A matrix whose product with its transpose is Q, so that ⟨Q, zzᵀ⟩ is a sum of squares, without cancellation."""
    value, vector = np.linalg.eigh(density)
    return vector * np.sqrt(np.maximum(value, 0))


def least_costs(by_weight: Array, by_bias: Array, values: Array, density: Array) -> Array:
    """(2/n)√(⟨Q,M⟩⟨Q,N⟩), what ⟨Q, ·⟩ grows by for each unit of |c|, at the least and however the neuron is split.

    x∘I, I and σ have shape (…, n), and may be broadcast; the answer has the shape in front of n.
    """
    half = root(density)
    first, second, third = (((each @ half) ** 2).sum(axis=-1) for each in (by_weight, by_bias, values))
    return 2 / len(density) * np.sqrt((first + second) * third)
