"""How far apart the modes are that meet at a point: the toggles between them, their features and Hessians (S61-S70).

Between two modes m and m' neuron i toggles on sample j where s_ji = I_ji - I'_ji is not 0. At θ the pre-activation is
0 there, so of ∇φ(x_j) only the entries of w1_i and b1_i change, by s_ji w2_i x_j and s_ji w2_i. Hence

    (Φ_m - Φ_m')ᵀ (Φ_m - Φ_m') = (1 + x_j x_l) Σ_i w2_i² s_ji s_li        (entry j, l).

If no neuron toggles on two samples this is diagonal, and its largest entry is ‖Φ_m - Φ_m'‖² (VIII.1).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import modes, tangent
from .arguments import finite, vector
from .network import Dataset, Network

Array = NDArray[np.float64]
Pattern = NDArray[np.bool_]


def toggles(net: Network, x: ArrayLike, pattern: ArrayLike, other: ArrayLike) -> Array:
    """s = I_m - I_m' of two modes that meet at θ, shape (n, k); |s_ji| is the paper's a(i, j) (S64).

    Raises
    ------
    ValueError
        If a pattern is not of shape (n, k), or they differ where the pre-activation is not exactly 0.

    >>> toggles(Network([1, 1], [-1, 0], [5, 5], 0), [1, 2], [[1, 1], [1, 1]], [[0, 1], [1, 1]]).tolist()
    [[1.0, 0.0], [0.0, 0.0]]
    """
    z = net.preactivation(vector("x", x))
    out = finite("pattern", pattern, z.shape) - finite("other", other, z.shape)
    if (away := (out != 0) & (z != 0)).any():
        sample, neuron = np.argwhere(away)[0].tolist()
        raise ValueError(
            f"neuron {neuron} toggles on sample {sample}, where its pre-activation is {z[sample, neuron]:.3g}: modes "
            "that meet at θ differ only where it is exactly 0. Take patterns of modes.adjacent, or move knots onto "
            "samples by switching.snapped"
        )
    return out


def feature_gap(net: Network, x: ArrayLike, pattern: ArrayLike, other: ArrayLike) -> float:
    """‖Φ_m - Φ_m'‖, the operator norm, by an n×n matrix (VIII.1). Inputs may repeat.

    Raises
    ------
    ValueError
        As :func:`toggles`.

    >>> net = Network([1, 1], [0, -2], [3, 5], 0)
    >>> round(feature_gap(net, [0, 2], [[1, 0], [1, 1]], [[0, 0], [1, 0]]) ** 2, 9)   # max(3², (1 + 2²) 5²)
    125.0
    """
    x, signs = vector("x", x), toggles(net, x, pattern, other)
    square = (1 + np.multiply.outer(x, x)) * (signs * net.w2**2 @ signs.T)
    return float(np.sqrt(max(np.linalg.eigvalsh(square)[-1], 0.0)))


def on_samples(net: Network, data: Dataset) -> NDArray[np.int_]:
    """p_j, shape (n,): how many neurons have their kink on each sample. One with w1 = b1 = 0 counts on all of them.

    >>> on_samples(Network([1, -1, 1], [-1, 1, 0], [1, 1, 1], 0), Dataset([1, 2], [0, 0])).tolist()
    [2, 0]
    """
    return (net.preactivation(data.x) == 0).sum(axis=1)


def widest_gap(net: Network, data: Dataset) -> float:
    """max ‖Φ_m - Φ_m'‖ over all pairs of modes that meet at θ, however many: all neurons of the worst sample toggle.

    Raises
    ------
    ValueError
        If a neuron has w1 = b1 = 0: it toggles on several samples at once.

    >>> widest_gap(Network([1, 1], [0, 0], [3, 4], 0), Dataset([0, 1], [0, 0]))   # √(3² + 4²)
    5.0
    """
    if nowhere := np.flatnonzero((net.w1 == 0) & (net.b1 == 0)).tolist():
        raise ValueError(f"neurons {nowhere} have w1 = b1 = 0 and toggle on several samples at once: take feature_gap "
                         "for each pair of modes.adjacent, or leave them out of the network")
    at_kink = net.preactivation(data.x) == 0
    return float(np.sqrt(((1 + data.x**2) * (at_kink @ net.w2**2)).max()))


def gradient_bound(net: Network, data: Dataset) -> float:
    """C: the largest entry of |∇φ(x_j; θ, m)| over the samples and all modes m that meet at θ (S66); 1 or more, for b2.

    >>> gradient_bound(Network([1], [-2], [3], 0), Dataset([1, 2], [0, 0]))
    6.0
    """
    somewhere = net.preactivation(data.x) >= 0  # each of these entries is active in some mode
    return float(np.abs(tangent.features(net, data.x, somewhere)).max())


def counted_gap(net: Network, data: Dataset, blocks: int = 3) -> float:
    """√3 C √p_max, the paper's bound on every ‖Φ_m - Φ_m'‖ (S68); with 2 for ``blocks`` the book's (VIII.2).

    A neuron with w1 = b1 = 0 can toggle on r_max = n samples; where there is one, the bound has the factor √r_max,
    which the print overlooks (VIII.3).

    >>> counted_gap(Network([1], [-1], [2], 0), Dataset([1, 0], [0, 0]), blocks=1)   # C √p_max
    2.0
    """
    at_kink = net.preactivation(data.x) == 0
    most = at_kink.sum(axis=0).max(), at_kink.sum(axis=1).max()  # r_max and p_max
    return gradient_bound(net, data) * float(np.sqrt(blocks * most[0] * most[1]))


def sharpness_range(net: Network, data: Dataset) -> tuple[float, float]:
    """Two numbers with the sharpness of every mode that meets between them, however many modes there are (VIII.4).

    √λ_max(H_m) = ‖Φ_m‖/√n differs from that of the network's own pattern by at most :func:`widest_gap` over √n.

    Raises
    ------
    ValueError
        If the loss is not zero, or a neuron has w1 = b1 = 0.

    >>> net, x = Network([1], [-1], [0.5], 0), [1, 2]
    >>> data = Dataset(x, net(x))
    >>> [round(each, 2) for each in sharpness_range(net, data)], modes.sharpnesses(net, data).round(2).tolist()
    ([0.72, 3.41], [1.82, 2.17])
    """
    modes.require_zero_loss(net, data)
    root, width = np.sqrt(tangent.interpolation_sharpness(net, data)), widest_gap(net, data) / np.sqrt(data.n)
    return float(max(root - width, 0.0) ** 2), float((root + width) ** 2)


def top_pair_gap(net: Network, data: Dataset, pattern: ArrayLike, other: ArrayLike) -> float:
    """‖H_m' q - λ q‖ for the top eigenpair (λ, q) of H_m, the left side of Lemma 5 (S70).

    Raises
    ------
    ValueError
        As :func:`toggles`, or if the loss is not zero.
    """
    modes.require_zero_loss(net, data)
    toggles(net, data.x, pattern, other)
    here, there = (tangent.features(net, data.x, each) for each in (pattern, other))
    left, values, _ = np.linalg.svd(here, full_matrices=False)
    q, top = left[:, 0], values[0] ** 2 / data.n
    return float(np.linalg.norm(there @ (there.T @ q) / data.n - top * q))
