"""Descent watched step by step at a minimum: which modes it visits, and what its steps are on the average."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .. import tangent
from ..arguments import whole
from ..network import Dataset, Network
from ..oscillation import segment_features
from .descent import Schedule, descend

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Visits:
    """What was seen in a number of steps at step size η.

    Attributes
    ----------
    modes : array of shape (steps,), the mode before each step, numbered in the order in which they were first met.
    edges : array of shape (number of modes,), ηλ_max/2 of each, by its Gram matrix when it was first met.
    losses : array of shape (steps,), the loss before each step.
    mean_hessian : ηλ_max/2 of the mean of the modes' Hessians ΦΦᵀ/n over the steps.
    mean_step : ηλ_max/2 of the symmetric part of the mean of Φ̄ᵀΦ/n over the steps (K.4).
    net : the network at the end.
    """

    modes: NDArray[np.int_]
    edges: Array
    losses: Array
    mean_hessian: float
    mean_step: float
    net: Network

    @property
    def growth(self) -> float:
        """1 plus half of the mean of log(|r_{t+1}|/|r_t|): what ηλ/2 of one mode would be at this growth."""
        tenth = max(self.losses.size // 10, 1)
        first, last = self.losses[:tenth].mean(), self.losses[-tenth:].mean()
        return 1 + float(np.log(last / first)) / 4 / (self.losses.size - tenth)


def watch(net: Network, data: Dataset, eta: float, settle: int = 200_000, steps: int = 5_000) -> Visits:
    """Lets descent run on for ``settle`` steps and watches the next ones.

    Raises
    ------
    ValueError
        If η is not positive, or a number of steps is below 1.
    """
    whole("steps", steps, 1)
    net = descend(net, data, Schedule(eta), tolerance=0.0, budget=whole("settle", settle, 1), records=1).net
    seen: dict[bytes, int] = {}
    features, order, losses, mean = [], [], [], np.zeros((data.n, data.n))
    for _ in range(steps):
        phi, residual = tangent.features(net, data.x), net.residual(data)
        mode = net.pattern(data.x).tobytes()
        if mode not in seen:
            seen[mode] = len(seen)
            features.append(phi)
        order.append(seen[mode])
        losses.append(residual @ residual / data.n / 2)
        after = Network.from_vector(net.vector - eta / data.n * phi @ residual)
        mean += segment_features(net, after, data.x).T @ phi / data.n / steps
        net = after
    shares = np.bincount(order) / steps
    stacked = np.hstack([np.sqrt(share) * phi for share, phi in zip(shares, features, strict=True)])
    edges = np.array([np.linalg.norm(phi, 2) for phi in features]) ** 2 / data.n * eta / 2
    means = stacked @ stacked.T / data.n, (mean + mean.T) / 2
    return Visits(np.array(order), edges, np.array(losses),
                  *(tangent.largest_eigenvalue(each) * eta / 2 for each in means), net)
