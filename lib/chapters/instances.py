"""What claims are tested on: random networks, minima that gradient descent found, and extremal families."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from ledgerbook.claim import Instance
from stableminima.network import Dataset, Network
from stableminima.switching import NetworkModes, at_minimum

from . import plans


@dataclass(frozen=True, eq=False)
class Case:
    """A network on a data set, with a step size η and a batch size where a claim speaks of them.

    A step size that was never given is NaN, which no check lets pass.
    """

    net: Network
    data: Dataset
    eta: float = np.nan
    batch: int = 0

    @property
    def kink_distance(self) -> float:
        """The smallest |w1_i x_j + b1_i|: how far the case is from the next change of activation pattern."""
        return float(np.abs(self.net.preactivation(self.data.x)).min())

    def interpolating(self) -> Case:
        """The same network with its own outputs as labels, hence at zero loss."""
        return replace(self, data=Dataset(self.data.x, self.net(self.data.x)))


def random_case(seed: int, k: int, n: int, kink_distance: float = 0.0) -> Case:
    """The first draw of this seed that keeps its distance from every kink."""
    rng = np.random.default_rng(seed)
    while True:
        case = Case(Network.random(rng, k, scale=1.5), Dataset.random(rng, n))
        if case.kink_distance > kink_distance:
            return case


def random_cases(count: int, k: int, n: int, kink_distance: float = 0.0) -> Iterator[Instance]:
    """``count`` random networks of width k on n random samples, seeds 0, 1, …"""
    for seed in range(count):
        yield Instance(f"random network, seed {seed}", seed, random_case(seed, k, n, kink_distance))


def minima(count: int) -> Iterator[Instance]:
    """``count`` of the minima that descent found in the experiment of Section 5, evenly spread over the step sizes.

    Their labels are their own outputs, so that the loss is exactly zero; the data's differ by 5·10⁻⁴ at the most.
    """
    kept = plans.stored("section5").kept
    for index in np.linspace(0, len(kept) - 1, count).round().astype(int):
        case = Case(kept.net(index), kept.data).interpolating()
        yield Instance(f"minimum found at η = {kept['eta'][index]:.3g}", None, case)


def degenerate_cases() -> Iterator[Instance]:
    """Random networks with a neuron that has no threshold (w1 = 0), or one whose threshold is exactly a sample."""
    for seed in range(6):
        case = random_case(seed, k=4, n=6)
        w1, b1 = case.net.w1.copy(), case.net.b1.copy()
        w1[0], name = (0.0, "no threshold") if seed % 2 else ((-1.0) ** (seed // 2), "a threshold on a sample")
        b1[0] = b1[0] if seed % 2 else -w1[0] * case.data.x[2]
        yield Instance(f"{name}, seed {seed}", seed, Case(Network(w1, b1, case.net.w2, case.net.b2), case.data))


def split(net: Network, share: np.ndarray) -> Network:
    """The same function with every neuron as two, which have the shares s and 1 - s of its second layer."""
    second = np.concatenate([share * net.w2, (1 - share) * net.w2])
    return Network(np.tile(net.w1, 2), np.tile(net.b1, 2), second, net.b2)


def with_cancelling_pair(net: Network, w1: float, b1: float, w2: float) -> Network:
    """The same function with two more neurons that cancel each other."""
    first = np.append(net.w1, [w1, w1]), np.append(net.b1, [b1, b1])
    return Network(*first, np.append(net.w2, [w2, -w2]), net.b2)


def reversed_neurons(net: Network, turned: np.ndarray, centre: float) -> Network:
    """The same function with some neurons, shape (k,), opening to the other side: σ(z) = z + σ(-z).

    The lines w2 z that are left over add up to A(x - c) and a constant, with c = ``centre``. Two more neurons carry
    A(x - c) as σ(u) - σ(-u), with masses that cancel, and b2 takes the constant.
    """
    slope, height = (net.w1 * net.w2)[turned].sum(), (net.b1 * net.w2)[turned].sum()
    root, sign = np.sqrt(np.abs(slope)), np.where(turned, -1, 1)
    return Network(np.append(sign * net.w1, [root, -root]), np.append(sign * net.b1, [-root * centre, root * centre]),
                   np.append(net.w2, np.sign(slope) * np.array([root, -root])), net.b2 + height + slope * centre)


def extremal(half_width: float, slope: float) -> Case:
    """f = m|x| + c, m = ``slope``·second layer, on the samples ±a: the bound of Lemma 4 holds with equality.

    The two neurons mirror each other, so the constant vector is the top eigenvector of the Gram matrix; the second
    layer w2 = slope·a/√(1 + a²) makes the two terms of the arithmetic-geometric mean inequality equal.
    """
    second = slope * half_width / np.hypot(1, half_width)
    net = Network([slope, -slope], [0, 0], [second, second], 0.1)
    return Case(net, Dataset([-half_width, half_width], [0, 0])).interpolating()


def extremal_cases() -> Iterator[Instance]:
    """Members of the extremal family, from narrow to wide data."""
    for half_width in (0.3, 1.0, 3.0):
        for slope in (0.5, 1.0, 2.0):
            yield Instance(f"extremal, a = {half_width}, slope {slope}", None, extremal(half_width, slope))


def networks(count: int, batch: int = 1) -> Iterator[tuple[str, NetworkModes]]:
    """Minima that descent found, with the sixteen modes of four knots that sit on samples."""
    for found in minima(count):
        case = found.value
        yield f"{found.label}, 16 modes, batches of {batch}", at_minimum(case.net, case.data, knots=4, batch=batch)
