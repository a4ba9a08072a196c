"""The flattest implementation of a function: hand-made cases, networks rebuilt, and what proves the bound."""

import numpy as np
import pytest

from chapters.instances import minima, random_case, reversed_neurons
from stableminima import implementations, interpolants, rescaling, smoothness, tangent
from stableminima.network import Dataset, Network


def test_a_line_through_one_sample_by_hand():
    """f = a(x - x_1): one neuron that sees the sample with output 0 or more; the cheapest has its knot on it: 1."""
    found = implementations.flattest_implementation(Network([1.0], [5.0], [3.0], 0.0), Dataset([1.0], [0.0]))
    assert found.sharpness == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("m, a", [(2, 0.5), (2, 1), (2, 3), (1, 1.5), (4, 0.5), (6, 0.3), (30, 0.1)])
def test_a_corner_between_two_samples_is_as_flat_as_lemma_4_says(m, a):
    """The extremal family of Lemma 4: m|x| on ±a, where its bound is attained."""
    net, data = Network([m, -m], [0, 0], [1.0, 1.0], 0.3), Dataset([-a, a], [0, 0])
    found = implementations.flattest_implementation(net, data)
    assert found.sharpness == pytest.approx(smoothness.sharpness_bound(net, data), rel=1e-5)


def test_found_network_is_the_same_function_everywhere_and_between_the_bounds():
    for instance in minima(4):
        net, data = instance.value.net, instance.value.data
        found = implementations.flattest_implementation(net, data)
        x = np.linspace(data.x.min() - 3, data.x.max() + 3, 1001)
        assert found.net(x) == pytest.approx(net(x), abs=1e-7)
        assert found.sharpness == pytest.approx(tangent.interpolation_sharpness(found.net, data), rel=1e-9)
        assert -1e-9 <= found.gap <= 1e-5
        assert found.sharpness < rescaling.flattest_rescaling(net, data).sharpness
        assert found.bound > smoothness.sharpness_bound(net, data)
        assert found.sharpness > interpolants.flattest_interpolant(data).bound
        again = implementations.function_bound(net, data, found.density, found.price)
        assert again == pytest.approx(found.bound, rel=1e-9)


@pytest.mark.parametrize("seed", range(10))
def test_other_implementations_are_bounded_and_have_the_same_minimum(seed):
    case = random_case(seed, k=6, n=7)
    found = implementations.flattest_implementation(case.net, case.data)
    turned = np.random.default_rng(seed).random(6) < 0.5
    other = reversed_neurons(case.net, turned, centre=float(case.data.x.mean()) + 0.01)
    assert tangent.interpolation_sharpness(other, case.data) > found.bound
    again = implementations.flattest_implementation(other, case.data)
    assert again.sharpness == pytest.approx(found.sharpness, rel=3e-5)


def test_lemma_4_is_one_density_matrix_at_the_price_0():
    for instance in minima(3):
        net, data = instance.value.net, instance.value.data
        ones = np.ones((data.n, data.n))
        lemma = implementations.function_bound(net, data, ones, price=0)
        assert lemma == pytest.approx(smoothness.sharpness_bound(net, data), rel=1e-8)
        assert implementations.function_bound(net, data, ones) >= lemma


@pytest.mark.parametrize("seed", range(5))
def test_least_pair_cost_is_the_smallest_on_a_grid(seed):
    rng = np.random.default_rng(seed)
    data, half = Dataset.random(rng, 5, spread=4), rng.standard_normal((5, 2))
    density = half @ half.T / np.sum(half**2)
    least = implementations.least_pair_cost(data, density)[0]
    grid = np.concatenate([np.linspace(-9, 9, 20_000), data.x + 1e-9, data.x - 1e-9])
    costs = np.add(*implementations.side_costs(grid, data, density))
    assert least <= costs.min() * (1 + 1e-6) and costs.min() <= least * (1 + 1e-3) + 1e-9


def test_a_knot_on_a_sample_is_refused():
    with pytest.raises(ValueError, match="knot on the sample 1.0"):
        implementations.shape(Network([1.0], [-1.0], [1.0], 0.0), Dataset([0.0, 1.0, 2.0], [0, 0, 0]))


def test_knots_outside_the_data_cost_nothing():
    data = Dataset([-1.0, 0.0, 2.0], [0, 0, 0])
    net = Network([1.0, 1.0, -1.0], [-0.5, -7.0, -7.0], [1.0, 50.0, 50.0], 0.0)
    alone = Network([1.0], [-0.5], [1.0], 0.0)
    found = implementations.flattest_implementation(net, data)
    assert found.sharpness == pytest.approx(implementations.flattest_implementation(alone, data).sharpness, rel=1e-5)
    assert found.net([-9.0, 9.0]) == pytest.approx(net([-9.0, 9.0]))
