"""Chapter VI: Lemma 4, from sharpness to the function (S33–S42)."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import chain

import numpy as np
from mpmath import mp, mpf

from .. import smoothness, tangent
from ..instances import (
    Case,
    degenerate_cases,
    extremal_cases,
    minima,
    random_cases,
    split,
    with_cancelling_pair,
)
from ..network import Dataset, Network
from ..verify import Attack, Claim, Definition, Instance, Tolerance, Wrong
from .common import ROUNDING, Array, balancing, exact

S36 = Definition("S36", "VI", "The threshold of a neuron: τ = -b1/w1, or 0 where w1 = 0")


def _weights() -> Iterator[Instance]:
    """Samples, each with points outside, between and exactly at them."""
    for seed in range(12):
        data = Dataset.random(np.random.default_rng(seed), n=1 + seed)
        points = np.concatenate([data.x, np.linspace(-2.5, 2.5, 21)])
        yield Instance(f"{data.n} random samples, seed {seed}", seed, (data, points))
    found = next(iter(minima(1))).value
    yield Instance("the experiment's data", None, (found.data, np.concatenate([found.data.x, found.net.thresholds])))


def _one_side(value: tuple[Dataset, Array], side: int, power: int = 2, root: bool = True) -> Array:
    """(S38) for side = 1, (S39) for side = -1, word for word with means over the sample."""
    data, points = value
    out = np.zeros(points.size)
    for index, x in enumerate(points):
        beyond = data.x[side * data.x > side * x]
        if beyond.size:
            mean = beyond.mean()
            out[index] = (beyond.size / data.n) ** power * side * (mean - x) * (np.sqrt(1 + mean**2) if root else 1)
    return out


def _one_sideexact(value: tuple[Dataset, Array], side: int) -> Array:
    """The same with exact rational expectations and a 50-digit square root."""
    data, points = value
    sample, out = exact(data.x), []
    for x in exact(points):
        beyond = [each for each in sample if side * (each - x) > 0]
        probability = Fraction(len(beyond), data.n)
        mean = sum(beyond, Fraction(0)) / max(len(beyond), 1)
        with mp.workdps(50):
            square = 1 + mean**2
            root = mp.sqrt(mpf(square.numerator) / square.denominator)
            factor = probability**2 * side * (mean - x) if beyond else Fraction(0)
            out.append(float(root * factor.numerator / factor.denominator))
    return np.array(out)


def _weight_claim(equation: str, side: int, closed_form, name: str) -> Claim:
    return Claim(
        equation=equation,
        chapter="VI",
        says=f"The weight {name} from the sums over the samples on its side",
        relation="=",
        instances=_weights,
        left=lambda value: closed_form(value[1], value[0]),
        right={
            "means over the sample": lambda value: _one_side(value, side),
            "exact rational, 50-digit root": lambda value: _one_sideexact(value, side),
        },
        wrong=(
            Wrong("P in place of P²", right=lambda value: _one_side(value, side, power=1)),
            Wrong("no square root", right=lambda value: _one_side(value, side, root=False)),
            Wrong("the other side", right=lambda value: _one_side(value, -side)),
        ),
        tolerance=Tolerance(1e-13, why="differences of inputs of size 2, each rounded to 1e-16"),
    )


S38 = _weight_claim("S38", 1, smoothness.g_plus, "g⁺")
S39 = _weight_claim("S39", -1, smoothness.g_minus, "g⁻")


def _sharpness(case: Case) -> float:
    return tangent.interpolation_sharpness(case.net, case.data)


def _sum_over_neurons(case: Case, constant: float = 2, weight=smoothness.g) -> float:
    """1 + 2 Σ_i |w1_i w2_i| g(τ_i), before knots are merged."""
    net = case.net
    return 1 + constant * float(np.abs(net.w1 * net.w2) @ weight(net.thresholds, case.data))


def _larger_side(x: Array, data: Dataset) -> Array:
    return np.maximum(smoothness.g_plus(x, data), smoothness.g_minus(x, data))


def _one_power_less(x: Array, data: Dataset) -> Array:
    """g with P in place of P²."""
    sides = [_one_side((data, np.atleast_1d(x)), side, power=1) for side in (1, -1)]
    return np.minimum(*sides)


def _with_parameters(vector: Array, case: Case) -> Case:
    return Case(Network.from_vector(vector), case.data).interpolating()


def _lemma_4_cases() -> Iterator[Instance]:
    return chain(random_cases(30, k=4, n=6), degenerate_cases(), extremal_cases(), minima(8))


S41 = Claim(
    equation="S41",
    chapter="VI",
    says="The sharpness of a minimum is at least 1 + 2 Σ|w1 w2| g(τ), which is at least 1 + 2∫|f''| g",
    relation=">=",
    instances=lambda: (Instance(i.label, i.seed, i.value.interpolating()) for i in _lemma_4_cases()),
    left=_sharpness,
    right={
        "sum over neurons": _sum_over_neurons,
        "sum over knots": lambda case: smoothness.sharpness_bound(case.net, case.data),
    },
    wrong=(
        Wrong("4 in place of 2", right=lambda case: _sum_over_neurons(case, constant=4)),
        Wrong("the larger of g⁻ and g⁺", right=lambda case: _sum_over_neurons(case, weight=_larger_side)),
        Wrong("P in place of P²", right=lambda case: _sum_over_neurons(case, weight=_one_power_less)),
    ),
    tolerance=ROUNDING,
    attack=Attack(start=lambda case: case.net.vector, build=_with_parameters, steps=400),
)


def _implementations() -> Iterator[Instance]:
    """Minima and extremal cases, each with several networks that represent the same function."""
    for instance in chain(minima(6), extremal_cases()):
        case, net = instance.value, instance.value.net
        others = {"as found": net, "balanced": net.rescale(balancing(net))}
        for seed in range(3):
            rng = np.random.default_rng(seed)
            others[f"rescaled by seed {seed}"] = net.rescale(np.exp(0.5 * rng.standard_normal(net.k)))
            others[f"split by seed {seed}"] = split(net, rng.uniform(0, 1, net.k))
            others[f"with a cancelling pair, seed {seed}"] = with_cancelling_pair(net, *rng.standard_normal(3))
        for name, other in others.items():
            yield Instance(f"{instance.label}, {name}", instance.seed, (case, other))


S42 = Claim(
    equation="S42",
    chapter="VI",
    says="Every implementation of f has a sharpness of at least 1 + 2∫|f''| g, which depends on f alone",
    relation=">=",
    instances=_implementations,
    left=lambda value: tangent.interpolation_sharpness(value[1], value[0].data),
    right={"sum over knots": lambda value: smoothness.sharpness_bound(value[0].net, value[0].data)},
    wrong=(
        Wrong("4 in place of 2", right=lambda value: 2 * smoothness.sharpness_bound(value[0].net, value[0].data) - 1),
        Wrong("the sharpness as found", right=lambda value: _sharpness(value[0]) * (1 - 1e-6)),
    ),
    tolerance=ROUNDING,
    attack=Attack(
        start=lambda value: np.zeros(value[1].k),
        build=lambda vector, value: (value[0], value[1].rescale(np.exp(vector))),
        steps=600,
    ),
)
