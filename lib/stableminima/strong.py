"""What strong stability forces at a minimum of zero loss, knots on samples or not (Theorem 2: S71-S75, IX.1, IX.2).

Two starts beside θ* decide nearly everything, because they move no pre-activation:

* the output bias alone, θ* + ε∂_b2: every residual becomes ε, and one step leads to ε(∂_b2 - ηḡ) (IX.1);
* the second layer alone: the residuals can be any d in V = span{1, σ_1, …, σ_k}, and every mode that meets at θ* is
  arbitrarily close (IX.2).

The paper's own road compares the modes with each other, and pays for it with a correction α√λ of the bound 2/η.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import modes, perturbation, tangent
from .arguments import finite, number, positive, vector, whole
from .network import Dataset, Network

Array = NDArray[np.float64]


def mean_gradient(net: Network, data: Dataset, pattern: ArrayLike | None = None) -> Array:
    """ḡ = (1/n) Σ_j ∇f(x_j), shape (3k+1,); ‖ḡ‖² is what (S33) to (S41) bound from below.

    ``pattern``, shape (n, k), is by default the network's own, silent where a pre-activation is 0.

    >>> mean_gradient(Network([1, -1], [0, 0], [1, 1], 0), Dataset([-1, 1], [0, 0])).tolist()
    [0.5, -0.5, 0.5, 0.5, 0.5, 0.5, 1.0]
    """
    return tangent.features(net, data.x, pattern).mean(axis=1)


def bias_shifted(net: Network, by: float) -> Network:
    """θ + ε∂_b2: the same network with ε = ``by`` added to its output.

    >>> bias_shifted(Network([1], [0], [1], 0.5), 2.0).b2
    2.5
    """
    return Network(net.w1, net.b1, net.w2, net.b2 + float(vector("by", [by])[0]))


def bias_shift_growth(net: Network, data: Dataset, eta: float, batch: int | None = None) -> float:
    """E‖θ_1 - θ*‖²/ε² after one step from θ* + ε∂_b2, exactly and for every ε (IX.1).

    It is 1 - 2η + η²[(1 - p)‖ḡ‖² + p mean_j ‖∇f(x_j)‖²] with p = (n - B)/(B(n - 1)) and B = ``batch``; p = 0 for the
    full batch, the default. Above 1 the minimum is not strongly stable; for the full batch that is ‖ḡ‖² > 2/η.

    Raises
    ------
    ValueError
        If η is not positive, ``batch`` is not between 1 and n, or θ* is not what the formula needs: a point with
        Σ_j r_j ∇f(x_j) = 0 for the full batch, and one of zero loss for others.

    Examples
    --------
    >>> net = Network([1, -1], [0, 0], [1, 1], 0)
    >>> bias_shift_growth(net, Dataset([-1, 1], [1, 1]), eta=0.5)
    0.625
    """
    positive("eta", eta)
    batch = data.n if batch is None else whole("batch", batch, 1)
    if batch > data.n:
        raise ValueError(f"batch is {batch}: a batch holds between 1 and n = {data.n} samples")
    phi = tangent.features(net, data.x)
    if batch < data.n:
        modes.require_zero_loss(net, data)
    elif np.abs(phi @ net.residual(data)).max() > modes.SMALL * np.abs(phi).max() * (1 + np.abs(data.y).max()):
        raise ValueError("net is at no critical point, Σ r_j ∇f(x_j) is not 0: the formula needs one. Descend further, "
                         "or give the network's own outputs as labels, Dataset(x, net(x))")
    p = (data.n - batch) / (batch * (data.n - 1)) if data.n > 1 else 0.0
    mean, each = np.sum(phi.mean(axis=1) ** 2), np.mean(np.sum(phi**2, axis=0))
    return float(1 - 2 * eta + eta**2 * ((1 - p) * mean + p * each))


# ---- what the second layer can do alone ------------------------------------------------------------------------


def second_layer(net: Network, x: ArrayLike) -> Array:
    """The columns σ_1, …, σ_k and 1, shape (n, k+1), whose span V holds all changes of the outputs by w2 and b2.

    >>> second_layer(Network([1], [0], [5], 0), [-1, 2]).tolist()
    [[0.0, 1.0], [2.0, 1.0]]
    """
    values = tangent.blocks(net, x)[2].T
    return np.column_stack([values, np.ones(len(values))])


def second_layer_rank(net: Network, x: ArrayLike) -> int:
    """dim V. Where it is n, strong stability of gradient descent is exactly max_m λ_max(H_m) ≤ 2/η (IX.2).

    >>> second_layer_rank(Network([1], [0], [5], 0), [-1, 2])
    2
    """
    return int(np.linalg.matrix_rank(second_layer(net, x)))


def second_layer_start(net: Network, x: ArrayLike, residuals: ArrayLike) -> Array:
    """The shortest displacement of w2 and b2 that adds ``residuals``, shape (n,), to the outputs; shape (3k+1,).

    Raises
    ------
    ValueError
        If they are not in V: the second layer cannot do it alone.

    Examples
    --------
    >>> second_layer_start(Network([1], [0], [5], 0), [-1, 2], [1, 3]).round(6).tolist()
    [0.0, 0.0, 1.0, 1.0]
    """
    values = second_layer(net, x)
    wanted = vector("residuals", residuals, len(values))
    change = np.linalg.lstsq(values, wanted, rcond=None)[0]
    missed = np.abs(values @ change - wanted).max()
    if missed > modes.SMALL * np.abs(wanted).max():
        raise ValueError(f"residuals are missed by {missed:.1e}: the second layer alone reaches a space of dimension "
                         f"{second_layer_rank(net, x)} of {len(values)} only")
    return np.concatenate([np.zeros(2 * net.k), change])


# ---- the paper's road: modes compared with each other -----------------------------------------------------------


def paper_alpha(net: Network, data: Dataset) -> float:
    """α = 2√3 C √(p_max/n), the paper's price of comparing modes (S72), with Lemma 5 as repaired (VIII.3).

    >>> round(paper_alpha(Network([1], [-1], [2], 0), Dataset([1, 3], [0, 0])), 3)
    14.697
    """
    return 2 * perturbation.counted_gap(net, data) / data.n**0.5


def exact_alpha(net: Network, data: Dataset) -> float:
    """The same with the exact distance of the modes in the place of √3 C √p_max: α = 2 max‖Φ_m - Φ_m'‖/√n.

    >>> round(exact_alpha(Network([1], [-1], [2], 0), Dataset([1, 3], [0, 0])), 3)
    4.0
    """
    return 2 * perturbation.widest_gap(net, data) / data.n**0.5


def ceiling(eta: ArrayLike, alpha: ArrayLike) -> Array:
    """((α + √(α² + 8/η))/2)², the largest λ with λ ≤ 2/η + α√λ, in the shape of both together (S75).

    Raises
    ------
    ValueError
        If an η is not positive, or an α negative.

    Examples
    --------
    >>> ceiling(0.5, [0.0, 3.0]).tolist()
    [4.0, 16.0]
    """
    eta, alpha = finite("eta", eta), finite("alpha", alpha)
    positive("the smallest eta", float(eta.min()))
    number("the smallest alpha", float(alpha.min()), 0)
    return ((alpha + np.sqrt(alpha**2 + 8 / eta)) / 2) ** 2
