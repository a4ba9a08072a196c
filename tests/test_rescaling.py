"""The flattest rescaling, where closed forms and corner cases decide."""

import numpy as np
import pytest

from chapters.instances import minima
from stableminima import interpolants, rescaling, tangent
from stableminima.network import Dataset, Network


def test_one_neuron_on_one_sample_is_rescaled_as_by_hand():
    """t + s with ts = w2²(1 + x²)(w1x + b1)², plus 1: at best 1 + 2|w2||w1x + b1|√(1 + x²)."""
    net, data = Network([2.0], [1.0], [-3.0], 0.0), Dataset([1.5], [0.0])
    found = rescaling.flattest_rescaling(net, data)
    assert found.sharpness == pytest.approx(1 + 2 * 3 * 4 * np.hypot(1, 1.5), rel=1e-7)


def test_flattest_rescaling_keeps_the_function_and_beats_random_ones():
    rng = np.random.default_rng(0)
    for instance in minima(3):
        net, data = instance.value.net, instance.value.data
        found = rescaling.flattest_rescaling(net, data)
        assert np.allclose(found.net(data.x), net(data.x), atol=1e-9)
        assert found.bound <= found.sharpness * (1 + 1e-9) <= (1 + 1e-4) * found.bound * (1 + 1e-9)
        for _ in range(30):
            other = found.net.rescale(np.exp(0.3 * rng.standard_normal(net.k)))
            assert tangent.interpolation_sharpness(other, data) > found.bound


def test_no_rescaling_is_flatter_than_the_flattest_interpolant():
    for instance in minima(3):
        net, data = instance.value.net, instance.value.data
        assert rescaling.flattest_rescaling(net, data).sharpness >= interpolants.flattest_interpolant(data).bound


def test_neurons_that_need_not_add_anything_add_nothing():
    net, data = Network([1.0, 1.0, -1.0], [0.5, 0.5, -9.0], [1.0, 0.0, 1.0], 0.0), Dataset([0.0, 1.0], [0.0, 1.0])
    found = rescaling.flattest_rescaling(net, data)
    alone = rescaling.flattest_rescaling(Network([1.0], [0.5], [1.0], 0.0), data)
    assert found.sharpness == pytest.approx(alone.sharpness, rel=1e-7)
    assert found.net.w1[2] == net.w1[2]
    dead = Network([1.0], [-9.0], [1.0], 0.0)
    assert rescaling.flattest_rescaling(dead, Dataset([0.0, 1.0], [0.0, 1.0])).sharpness == pytest.approx(1)


@pytest.mark.parametrize("x, scale", [(np.arange(1990.0, 2021), 1.0), (np.linspace(0, 1000, 11), 1e3),
                                      (1e6 * np.linspace(-1, 2, 8), 1e6), (1e6 + np.arange(8.0), 1e-6)])
def test_data_in_any_unit_need_no_care(x, scale):
    rng = np.random.default_rng(1)
    w1, knots, w2 = rng.uniform(-1, 1, 6), rng.uniform(x.min(), x.max(), 6), scale * rng.uniform(-1, 1, 6)
    data = Dataset(x, np.zeros(x.size))
    found = rescaling.flattest_rescaling(Network(w1, -w1 * knots, w2, 0), data)
    assert found.bound * (1 - 1e-9) <= found.sharpness <= (1 + 1e-4) * found.bound
    assert rescaling.rescaling_bound(found.net, data, found.density) == pytest.approx(found.bound, rel=1e-6)


@pytest.mark.parametrize("density", [np.eye(2), np.diag([2.0, -1]), np.array([[0.5, 0.1], [0, 0.5]]), np.eye(3) / 3])
def test_what_is_no_density_matrix_is_refused(density):
    with pytest.raises(ValueError, match="density must "):
        rescaling.rescaling_bound(Network([1.0], [1.0], [1.0], 0.0), Dataset([0.0, 1.0], [0.0, 1.0]), density)
