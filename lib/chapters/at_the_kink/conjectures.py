"""What is open: random networks with knots on samples, tried for a counterexample."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stableminima import interpolants, oscillation, smoothness
from stableminima.network import Dataset, Network
from stableminima.oscillation import Oscillation


class Tried(NamedTuple):
    """How many networks were tried, and how many of them are counterexamples."""

    networks: int
    counterexamples: int


def networks(count: int, positive: bool, seed: int = 0) -> Iterator[tuple[Network, Dataset]]:
    """Networks of 2 to 5 neurons, up to three of them with a knot on a sample, on 2 to 5 samples at their own outputs.

    With ``positive`` 1 + x_j x_l ≥ 0 for all pairs: samples in [-1, 1], or all positive. The w2 spread over e³.
    """
    rng = np.random.default_rng(seed)
    for index in range(count):
        n, k = rng.integers(2, 6, 2)
        toggles = int(rng.integers(1, min(3, k) + 1))
        low, high = ((-1, 1), (0, 3))[index % 2] if positive else (-3, 3)
        x = rng.uniform(low, high, n)
        w1, b1, w2 = rng.standard_normal((3, k))
        b1[:toggles] = -w1[:toggles] * x[rng.integers(n, size=toggles)]
        net = Network(w1, b1, w2 * np.exp(rng.uniform(-1, 2)), 0.1)
        yield net, Dataset(x, net(x))


def leaves(here: Oscillation, eta: float) -> bool:
    """Whether one of six random orbits grows."""
    return here.leaves(eta, steps=4000, starts=6)


def silent_mode(count: int) -> Tried:
    """Where 1 + x_j x_l ≥ 0: a counterexample has its silent mode 1 % above 2/η, and orbits that do not grow."""
    bases = (oscillation.at(net, data, base=0) for net, data in networks(count, positive=True))
    return Tried(count, sum(not leaves(here, 2 / (0.99 * here.sharpness)) for here in bases))


def thrown(count: int) -> int:
    """How many such networks have their silent mode 1 % below 2/η, and yet an orbit that grows: no converse."""
    bases = (oscillation.at(net, data, base=0) for net, data in networks(count, positive=True))
    return sum(leaves(here, 2 / (1.01 * here.sharpness)) for here in bases)


def low_norm(net: Network, data: Dataset) -> float:
    """∫|f''| g with the smaller one-sided limit of g where a knot is on a sample."""
    position, mass = net.knots
    weight, limits = smoothness.g(position, data), np.minimum(*interpolants.weight_limits(data))
    gaps = np.abs(position[:, None] - np.sort(data.x))
    on = gaps.min(axis=1) < 1e-12
    weight = np.where(on, limits[gaps.argmin(axis=1)], weight)
    return float(np.abs(mass) @ weight)


def function_space(count: int) -> Tried:
    """On any data: a counterexample has 1 + 2∫|f''|g above 2/η, by a thousandth, and orbits that do not grow."""
    found = 0
    for net, data in networks(count, positive=False):
        bound = 1 + 2 * low_norm(net, data)
        found += not leaves(oscillation.at(net, data), 2 / (0.999 * bound))
    return Tried(count, found)


def bounded_above_all_modes(count: int) -> NDArray[np.float64]:
    """Of networks that stay although all modes are above 2/η by a thousandth: the smallest 1 + x_j x_l of each."""
    out = []
    for net, data in networks(count, positive=False):
        here = oscillation.at(net, data)
        if not leaves(here, 2 / (0.999 * here.sharpness)):
            out.append((1 + np.multiply.outer(data.x, data.x)).min())
    return np.array(out)
