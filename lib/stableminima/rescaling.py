"""The flattest rescaling of a network: the same neurons, each moved between its two layers, and a proof (S81-S88).

Multiplying neuron i's first layer by β_i > 0 and dividing its second by it changes no value of f, but it changes the
Gram matrix at zero loss: n times it is 11ᵀ + Σ_i ((w2_i/β_i)² M_i + β_i² N_i), with M_i and N_i of the neuron as it is.
That is the programme of :mod:`~stableminima.flattest` with u_i = β_i² and the bends w2_i.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import flattest, tangent
from .arguments import finite, positive
from .network import Dataset, Network
from .threads import one_thread

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class FlattestRescaling:
    """The smallest λ_max(ΦᵀΦ/n) over all rescalings, between two bounds that are each proved by what is held here.

    Attributes
    ----------
    net : the rescaled network. sharpness : its λ_max(ΦᵀΦ/n), an upper bound.
    bound : what ``density`` proves of every rescaling. density : Q, shape (n, n).
    """

    net: Network
    sharpness: float
    bound: float
    density: Array


def rescaling_bound(net: Network, data: Dataset, density: ArrayLike) -> float:
    """(1/n)(1ᵀQ1 + 2 Σ_i |w2_i| √(⟨Q,M_i⟩⟨Q,N_i⟩)) ≤ λ_max(ΦᵀΦ/n) of every rescaling, for every density matrix Q.

    The arithmetic mean of two terms whose product β cannot change is at least the geometric. Q = qqᵀ gives (S88).
    Q has shape (n, n).

    Raises
    ------
    ValueError
        If Q is not symmetric, positive semidefinite and of trace 1, to rounding.
    """
    density = finite("density", density, (data.n, data.n))
    if not np.allclose(density, density.T):
        raise ValueError("density must be symmetric; average it with its transpose")
    if not np.isclose(np.trace(density), 1) or np.linalg.eigvalsh(density)[0] < -1e-12:
        raise ValueError("density must be positive semidefinite and of trace 1; divide it by its trace")
    costs = flattest.least_costs(*tangent.blocks(net, data.x), density)
    return float(density.sum() / data.n + np.abs(net.w2) @ costs)


@one_thread()
def flattest_rescaling(net: Network, data: Dataset, gap: float = 1e-4) -> FlattestRescaling:
    """The rescaling with the smallest λ_max(ΦᵀΦ/n), with a proof that none is flatter by more than the share ``gap``.

    At zero loss λ_max(ΦᵀΦ/n) is the sharpness (S82). A neuron with w2 = 0 has no best factor: the smaller the better,
    so it is shrunk until it adds 1e-12. One without an active sample adds nothing and stays as it is.

    Raises
    ------
    ValueError
        If ``gap`` is not positive.
    ArithmeticError
        If the solver fails or the gap does not close: so if neurons differ by many powers of ten.

    Examples
    --------
    >>> net, data = Network([2, -0.5], [0, 0], [0.5, 1], 0), Dataset([-1, 1], [0.5, 1])
    >>> found = flattest_rescaling(net, data)
    >>> round(tangent.interpolation_sharpness(net, data), 3), round(found.sharpness, 3), round(found.bound, 3)
    (2.94, 2.173, 2.173)
    """
    positive("gap", gap)
    blocks = tangent.blocks(net, data.x)
    length = np.linalg.norm(blocks[2], axis=1)
    matters, idle = np.flatnonzero((net.w2 != 0) & (length > 0)), (net.w2 == 0) & (length > 0)
    beta, density = np.ones(net.k), np.full((data.n, data.n), 1 / data.n)
    beta[idle] = 1e-6 / length[idle]
    if matters.size:
        beta[matters], density = _solve(blocks[:, matters], np.abs(net.w2[matters]))
    best = net.rescale(beta)
    found = FlattestRescaling(
        best, tangent.interpolation_sharpness(best, data), rescaling_bound(net, data, density), density
    )
    if not found.sharpness <= (1 + gap) * found.bound:
        raise ArithmeticError(f"the smallest sharpness is between {found.bound} and {found.sharpness}: "
                              f"{flattest.REMEDY}, or allow that gap")
    return found


def _solve(blocks: Array, weight: Array) -> tuple[Array, Array]:
    """β of the neurons, and Q. In units in which each neuron's two terms have one trace, v and u are near 1.

    The sharpness is divided by the sum T of these traces (or by 1), so that it is near 1 whatever x, y and weights are.
    """
    first, second, third = (blocks**2).sum(axis=-1)
    trace = weight * np.sqrt(first + second) * np.sqrt(third)
    total = max(1.0, trace.sum())
    balance = np.sqrt(trace / third)
    units = np.stack([weight / balance, weight / balance, balance]) / np.sqrt(total)
    found = flattest.solve(units[..., None] * blocks, bends=np.ones(weight.size), offset=1 / total)
    return balance * np.sqrt(np.maximum(found.u, 1e-12)), found.density
