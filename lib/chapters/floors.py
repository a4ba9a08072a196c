"""What no interpolant of a data set can undercut, whatever its width: the floors that several figures draw."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from stableminima import interpolants
from stableminima.runs.experiments import Protocol, Sweep


@dataclass(frozen=True)
class Floor:
    """Two floors of one data set, and the step size that the second one forbids to exceed.

    Attributes
    ----------
    norm : m, the infimum of ∫|f''| g. sharpness : no interpolant is flatter; proved, not only found.
    """

    norm: float
    sharpness: float

    @property
    def step_size(self) -> float:
        """η₂: above it no interpolant is linearly stable."""
        return 2 / self.sharpness


@lru_cache(maxsize=256)  # a tenth of a second each, and several figures ask for the same
def _floor(protocol: Protocol) -> Floor:
    data, _ = protocol.start()
    return Floor(interpolants.smoothest_norm(data), interpolants.flattest_interpolant(data).bound)


def floor(protocol: Protocol, seed: int | None = None) -> Floor:
    """The floors of a protocol's data, or of those of another seed; scale and schedule do not matter."""
    seed = protocol.seed if seed is None else int(seed)
    return _floor(Protocol(seed, protocol.n, 1, protocol.spread, protocol.label_scale))


def floors(sweep: Sweep) -> dict[int, Floor]:
    """The floors of every data set of a sweep, by seed."""
    return {seed: floor(sweep.protocol, seed) for seed in np.unique(sweep["seed"]).tolist()}


def in_units_of_floor(sweep: Sweep) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """η/η₂ and ∫|f''| g / m of every run, each of shape (runs,), with η₂ and m of the run's own data."""
    found = floors(sweep)
    limit, least = (np.array([getattr(found[seed], name) for seed in sweep["seed"]]) for name in ("step_size", "norm"))
    return sweep["eta"] / limit, sweep["norm"] / least
