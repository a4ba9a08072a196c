"""The modes of the network at a point: the activation patterns that it has arbitrarily close to it (S50, S54).

A mode is a pattern I of shape (n, k), frozen on every sample. Near θ a neuron can change its column of I only on
samples where its pre-activation is 0, and each neuron does so on its own. So the modes that meet at θ are a product:

* a neuron whose threshold is on no sample has one pattern,
* one whose threshold is on the sample x_j has two, silent or active there,
* one with w1 = b1 = 0 has its kink on all samples at once. Close by it is active on the samples to one side of some
  threshold, or on all, or on none: 2n patterns, of the 2ⁿ that agree with θ wherever a pre-activation is not 0.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from . import tangent
from .network import Dataset, Network

Array = NDArray[np.float64]
Pattern = NDArray[np.bool_]
MOST = 20  # toggling neurons whose modes are listed one by one
CHUNK = 4096  # modes whose Gram matrices are in memory at a time
SMALL = 1e-6  # residuals up to this, beside the labels, count as none


@dataclass(frozen=True, eq=False)
class Adjacent:
    """The modes that meet at θ, numbered 0 … count - 1; the pattern of the first toggling neuron changes fastest.

    Attributes
    ----------
    own : array of shape (n, k), the pattern at θ itself.
    neurons : array of shape (T,), the toggling neurons, those with more than one pattern.
    patterns : for each of them an array of shape (its number of patterns, n); the first one is silent wherever the
        pre-activation is 0, as θ itself is.
    directions : for each of them an array of shape (its number of patterns, 2): a move of (w1, b1) into each pattern,
        which changes the pre-activation on x_j by √(1 + x_j²) or more wherever it is 0.

    Examples
    --------
    >>> here = adjacent(Network([1, 0], [-1, 0], [1, 1], 0), Dataset([-1, 0, 1], [0, 0, 0]))
    >>> here.count, here.neurons.tolist()
    (12, [0, 1])
    """

    own: Pattern
    neurons: NDArray[np.int_]
    patterns: tuple[Pattern, ...]
    directions: tuple[Array, ...]

    @property
    def count(self) -> int:
        """The number of modes that meet at θ, 2ᵀ where every toggling neuron has a threshold."""
        return prod(map(len, self.patterns))

    def choices(self, mode: int) -> list[int]:
        """Which of its patterns each toggling neuron has in a mode.

        Raises
        ------
        ValueError
            If there is no such mode.
        """
        if not 0 <= mode < self.count:
            raise ValueError(f"mode is {mode}: here {self.count} modes meet, give a number from 0 on and below that")
        out = []
        for patterns in self.patterns:
            mode, choice = divmod(mode, len(patterns))
            out.append(choice)
        return out

    def pattern(self, mode: int) -> Pattern:
        """I of a mode, shape (n, k)."""
        out = self.own.copy()
        for neuron, patterns, choice in zip(self.neurons, self.patterns, self.choices(mode), strict=True):
            out[:, neuron] = patterns[choice]
        return out

    def toward(self, mode: int) -> Array:
        """A displacement of θ, shape (3k+1,), into a mode: every positive multiple leads there, if it is small."""
        k = self.own.shape[1]
        out = np.zeros((3, k))
        for neuron, directions, choice in zip(self.neurons, self.directions, self.choices(mode), strict=True):
            out[:2, neuron] = directions[choice]
        return np.append(out, 0.0)

    def __iter__(self) -> Iterator[Pattern]:
        """The patterns of all modes, in order.

        Raises
        ------
        ValueError
            If more than 2²⁰ modes meet.
        """
        self.require_few()
        return map(self.pattern, range(self.count))

    def require_few(self) -> None:
        """Raise where the modes are too many to list."""
        if self.count > 2**MOST:
            raise ValueError(
                f"{self.neurons.size} neurons toggle here, so that {self.count:.3g} modes meet: too many to list, at "
                f"most 2^{MOST} can be. Take single ones by pattern(mode), or put fewer knots on samples"
            )


def adjacent(net: Network, data: Dataset) -> Adjacent:
    """The modes in whose closure θ is (S54).

    A pre-activation counts as 0 only where it is exactly 0; :func:`.switching.snapped` moves knots onto samples.
    """
    at_kink = net.preactivation(data.x) == 0
    own, neurons = net.pattern(data.x), np.flatnonzero(at_kink.any(axis=0))
    found = [_everywhere(data.x) if net.w1[i] == 0 else _on_sample(own[:, i], at_kink[:, i], data.x) for i in neurons]
    return Adjacent(own, neurons, tuple(each for each, _ in found), tuple(each for _, each in found))


def _on_sample(own: Pattern, at_kink: Pattern, x: Array) -> tuple[Pattern, Array]:
    """Silent and active on the one sample of the threshold."""
    normal = np.array([x[at_kink][0], 1.0])
    return np.array([own, own | at_kink]), np.array([-normal, normal]) / np.linalg.norm(normal)


def _everywhere(x: Array) -> tuple[Pattern, Array]:
    """What a neuron with w1 = b1 = 0 is close by: silent, active, or active to the right or left of some threshold."""
    order = np.sort(x)
    cuts = (order[1:] + order[:-1]) / 2
    moves = np.array([(0, -1), (0, 1), *((side, -side * cut) for side in (1, -1) for cut in cuts)])
    changes = np.multiply.outer(moves[:, 0], x) + moves[:, 1:]
    margin = (np.abs(changes) / np.hypot(1, x)).min(axis=1)
    return changes > 0, moves / margin[:, None]


def distances(net: Network, data: Dataset) -> Array:
    """|w1_i x_j + b1_i|/√(1 + x_j²), shape (n, k): how far θ is from where neuron i toggles on sample j.

    >>> distances(Network([1], [1], [5], 0), Dataset([0, -1], [0, 0])).ravel().tolist()
    [1.0, 0.0]
    """
    return np.abs(net.preactivation(data.x)) / np.hypot(1, data.x)[:, None]


def room(net: Network, data: Dataset) -> float:
    """The distance from θ to the next mode that does not meet there; up to it the modes are cones (VII.2)."""
    each = distances(net, data)
    return float(each[each > 0].min(initial=np.inf))


def sharpnesses(net: Network, data: Dataset) -> Array:
    """λ_max(H_m) of all modes that meet at a minimum of zero loss, shape (modes,), by n×n matrices (VII.3).

    A neuron adds w2_i² (1 + x_j x_l) I_ji I_li to the entry j, l of ΦᵀΦ, so that the modes are sums over neurons.

    Raises
    ------
    ValueError
        If the loss is not zero, or more than 2²⁰ modes meet.
    """
    require_zero_loss(net, data)
    here, inner = adjacent(net, data), 1 + np.multiply.outer(data.x, data.x)
    here.require_few()
    fast, slow = tangent.gram(net, data)[None], np.zeros((1, data.n, data.n))
    for neuron, patterns in zip(here.neurons, here.patterns, strict=True):
        pairs = (patterns[:, :, None] & patterns[:, None, :]).astype(float)
        added = net.w2[neuron] ** 2 * inner * (pairs - pairs[0]) / data.n
        if len(slow) == 1 and len(fast) * len(added) <= CHUNK:
            fast = _sums(fast, added)
        else:
            slow = _sums(slow, added)
    return np.concatenate([np.linalg.eigvalsh(fast + each)[:, -1] for each in slow])


def _sums(first: Array, second: Array) -> Array:
    """All sums of a matrix of the first and one of the second, the first changing fastest."""
    return (first[None] + second[:, None]).reshape(-1, *first.shape[1:])


def require_zero_loss(net: Network, data: Dataset) -> None:
    """Raise unless the network passes through all samples, so that its modes have Hessians without residual part."""
    worst = float(np.abs(net.residual(data)).max())
    if worst > SMALL * (1 + np.abs(data.y).max()):
        raise ValueError(
            f"a residual is {worst:.3g}: this holds at zero loss. Give the network's own outputs as labels, "
            "Dataset(x, net(x)), or take tangent.hessian with a pattern, which has the residual part"
        )


def inside(net: Network, here: Adjacent, mode: int, size: float, rng: np.random.Generator | None = None) -> Network:
    """The network displaced into a mode by about ``size``, in a random direction too where ``rng`` is given."""
    move = here.toward(mode)
    if rng is not None:
        other = rng.standard_normal(move.size)
        move = move + other / (2 * np.linalg.norm(other))
    return Network.from_vector(net.vector + size * move)
