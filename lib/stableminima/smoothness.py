"""The weight g, the weighted norm ∫|f''| g, and the sharpness that it forces (Lemma 4).

X is uniform on the sample. The two sides of the weight are (S38, S39)

    g⁺(x) = P(X > x)² · E[X - x | X > x] · √(1 + E[X | X > x]²)
    g⁻(x) = P(X < x)² · E[x - X | X < x] · √(1 + E[X | X < x]²)

and 0 where the event is empty; g = min(g⁻, g⁺). The inequalities are strict, so g⁺ and g⁻ jump at the samples;
the functions here are exact there too. What a knot on a sample costs depends on the mode: at least g_low in every
mode, g where the neurons on samples are silent, and g_up in some mode (X.1, X.2).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.integrate import quad

from .arguments import numbers
from .network import Dataset, Network

if TYPE_CHECKING:
    from scipy.stats.distributions import rv_frozen  # it takes half a second to import

Values = NDArray[np.float64]
Weight = Callable[[ArrayLike, Dataset], Values]


def _points(x: ArrayLike) -> Values:
    """Where a weight is asked for; what is not a number would have the weight 0."""
    x = numbers("x", x)
    if np.isnan(x).any():
        raise ValueError("x holds a value that is not a number; remove or replace it")
    return x


def _one_sided(x: ArrayLike, sample: Values, closed: bool = False) -> Values:
    """g⁺ for a sample of inputs: with m samples above x the powers of m cancel to Σ(X - x) · √(m² + (ΣX)²) / n².

    With ``closed`` a sample at x itself counts as above: g⁺ just before x.
    """
    x = _points(x)[..., None]
    above = sample >= x if closed else sample > x
    excess = np.where(above, sample - x, 0).sum(-1)
    return excess * np.hypot(above.sum(-1), np.where(above, sample, 0).sum(-1)) / sample.size**2


def g_plus(x: ArrayLike, data: Dataset) -> Values:
    """g⁺ at the points x, in the shape of x (S38). Zero at and to the right of the largest sample."""
    return _one_sided(x, data.x)


def g_minus(x: ArrayLike, data: Dataset) -> Values:
    """g⁻ at the points x, in the shape of x (S39): g⁺ of the mirrored sample at -x."""
    return _one_sided(-_points(x), -data.x)


def g(x: ArrayLike, data: Dataset) -> Values:
    """The weight min(g⁻, g⁺), in the shape of x; zero outside the data.

    Examples
    --------
    >>> g([-1, 0, 1], Dataset([-1, 0, 1], [0, 0, 0])).round(4).tolist()
    [0.0, 0.1571, 0.0]
    """
    return np.minimum(g_minus(x, data), g_plus(x, data))


def limits(x: ArrayLike, data: Dataset) -> tuple[Values, Values]:
    """g⁺ and g⁻, each just before and just behind the points x; two arrays of shape (2, …) for x of shape (…).

    Between samples nothing jumps. At a sample g⁺ is continuous from behind and g⁻ from before, so g is the smaller of
    g⁺ behind and g⁻ before; a neuron that turns active on the sample has the other limit of its side (X.1).

    Examples
    --------
    >>> plus, minus = limits(-1, Dataset([-5, -1, 3], [0, 0, 0]))
    >>> plus.round(4).tolist(), minus.round(4).tolist()
    ([1.2571, 1.4055], [2.2662, 2.8109])
    """
    mirrored = -_points(x)
    plus = [_one_sided(x, data.x, closed) for closed in (True, False)]
    minus = [_one_sided(mirrored, -data.x, closed) for closed in (False, True)]
    return np.array(plus), np.array(minus)


def g_low(x: ArrayLike, data: Dataset) -> Values:
    """The smaller of g(x-) and g(x+), in the shape of x: what a knot at x costs in every mode (X.1).

    It is at most g at samples, and g elsewhere.

    Examples
    --------
    >>> float(g_low(-1, Dataset([-5, -1, 3], [0, 0, 0])).round(4))      # g is 1.4055
    1.2571
    """
    return np.minimum(*limits(x, data)).min(axis=0)


def g_up(x: ArrayLike, data: Dataset) -> Values:
    """min(max g⁺(x∓), max g⁻(x∓)), in the shape of x: what a knot at x costs in some mode (X.2).

    It is at least g, g(x-) and g(x+) at samples, and g elsewhere.

    Examples
    --------
    >>> g_up([0, 0.5], Dataset([-1, 0, 1], [0, 0, 0])).round(4).tolist()      # g is 0.1571 and 0.0786
    [0.2485, 0.0786]
    """
    return np.minimum(*(side.max(axis=0) for side in limits(x, data)))


def population_g(x: ArrayLike, population: rv_frozen) -> Values:
    """The weight when X is drawn from a continuous distribution in place of the sample, in the shape of x.

    With P = P(X > x) and e = E[max(X - x, 0)] the definitions become g⁺ = e √(P² + (xP + e)²), and likewise below.

    Raises
    ------
    ValueError
        The distribution has no finite mean, so that g is infinite or not defined.

    Examples
    --------
    >>> from scipy.stats import uniform
    >>> population_g([-1, 0, 1], uniform(-1, 2)).round(4).tolist()
    [0.0, 0.1398, 0.0]
    """
    mean = population.mean()
    if not np.isfinite(mean):
        raise ValueError(f"population has mean {mean}; the weight needs a distribution with a finite mean")
    x = _points(x)
    above = population.sf(x)
    excess = np.vectorize(lambda at: quad(population.sf, at, population.support()[1])[0], otypes=[float])(x)
    part = x * above + excess  # E[X; X > x]
    plus = excess * np.hypot(above, part)
    minus = (excess + x - mean) * np.hypot(1 - above, mean - part)
    return np.minimum(plus, minus)


def weighted_norm(net: Network, data: Dataset, weight: Weight = g) -> float:
    """∫|f''(x)| g(x) dx, the exact finite sum Σ |mass| g(position) over the knots of f (S41).

    g jumps at the samples. A neuron whose pre-activation is 0 on a sample has its knot there. One that rounding puts
    beside a sample counts with g there, on the side where it is: the neuron's activation, and with it the Hessian that
    Lemma 4 bounds, jump at the same place. ``weight`` is :func:`g`, :func:`g_low` or :func:`g_up`.

    Examples
    --------
    >>> absolute = Network([1, -1], [0, 0], [1, 1], 0)                      # f = |x|, f'' = 2 δ
    >>> data = Dataset([-1, 0, 1], [1, 0, 1])
    >>> round(weighted_norm(absolute, data), 4), round(weighted_norm(absolute, data, g_up), 4)
    (0.3143, 0.4969)
    """
    position, knot = np.unique(_thresholds(net, data), return_inverse=True)
    mass = np.bincount(knot, np.abs(net.w1) * net.w2)
    return float(np.abs(mass) @ weight(position, data))


def _thresholds(net: Network, data: Dataset) -> Values:
    """τ_i, which is x_j where z_ji is 0, though -b1/w1 may be rounded to a neighbour of x_j."""
    at_kink = (net.preactivation(data.x) == 0) & (net.w1 != 0)
    return np.where(at_kink.any(axis=0), data.x[at_kink.argmax(axis=0)], net.thresholds)


def sharpness_bound(net: Network, data: Dataset, weight: Weight = g) -> float:
    """1 + 2∫|f''| g, which no implementation of f can undercut in sharpness (Lemma 4: S41, S42).

    With knots on samples it bounds the mode where their neurons are silent (S78); with :func:`g_low` as ``weight``
    every mode (X.1), and with :func:`g_up` the sharpest one (X.2).
    """
    return 1 + 2 * weighted_norm(net, data, weight)
