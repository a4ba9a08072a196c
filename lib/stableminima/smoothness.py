"""The weight g, the weighted norm ∫|f''| g, and the sharpness that it forces (Lemma 4).

X is uniform on the sample. The two sides of the weight are (S38, S39)

    g⁺(x) = P(X > x)² · E[X - x | X > x] · √(1 + E[X | X > x]²)
    g⁻(x) = P(X < x)² · E[x - X | X < x] · √(1 + E[X | X < x]²)

and 0 where the event is empty; g = min(g⁻, g⁺). The inequalities are strict, so g⁺ and g⁻ jump at the samples;
the functions here are exact there too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.integrate import quad

from .arguments import numbers
from .network import Dataset, Network

if TYPE_CHECKING:
    from scipy.stats.distributions import rv_frozen  # it takes half a second to import

Values = NDArray[np.float64]


def _points(x: ArrayLike) -> Values:
    """Where a weight is asked for; what is not a number would have the weight 0."""
    x = numbers("x", x)
    if np.isnan(x).any():
        raise ValueError("x holds a value that is not a number; remove or replace it")
    return x


def _one_sided(x: ArrayLike, sample: Values) -> Values:
    """g⁺ for a sample of inputs: with m samples above x the powers of m cancel to Σ(X - x) · √(m² + (ΣX)²) / n²."""
    x = _points(x)[..., None]
    above = sample > x
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


def weighted_norm(net: Network, data: Dataset) -> float:
    """∫|f''(x)| g(x) dx, the exact finite sum Σ |mass| g(position) over the knots of f (S41).

    g jumps at the samples. A knot that rounding puts beside a sample counts with g there, on the side where it is:
    the neuron's activation, and with it the Hessian that Lemma 4 bounds, jump at the same place.

    Examples
    --------
    >>> absolute = Network([1, -1], [0, 0], [1, 1], 0)                      # f = |x|, f'' = 2 δ
    >>> round(weighted_norm(absolute, Dataset([-1, 0, 1], [1, 0, 1])), 4)
    0.3143
    """
    position, mass = net.knots
    return float(np.abs(mass) @ g(position, data))


def sharpness_bound(net: Network, data: Dataset) -> float:
    """1 + 2∫|f''| g, which no implementation of f can undercut in sharpness (Lemma 4: S41, S42)."""
    return 1 + 2 * weighted_norm(net, data)
