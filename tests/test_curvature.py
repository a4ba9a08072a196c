"""λ_max through n×n matrices, and the flattest rescaling, where closed forms and corner cases decide."""

import numpy as np
import pytest

from chapters.instances import degenerate_cases, minima, random_case
from stableminima import curvature, interpolants, rescaling, tangent
from stableminima.network import Dataset, Network


@pytest.mark.parametrize("shape", [(1, 1), (1, 6), (2, 3), (5, 8), (80, 10)])
@pytest.mark.parametrize("shift", [0, 1, -20, 300])
def test_gram_sharpness_is_that_of_the_dense_hessian(shape, shift):
    for seed in range(5):
        case = random_case(seed, *shape)
        data = Dataset(case.data.x, case.data.y + shift)
        dense = tangent.sharpness(case.net, data)
        assert curvature.gram_sharpness(case.net, data) == pytest.approx(dense, rel=1e-12)


def test_gram_sharpness_in_degenerate_cases():
    for instance in degenerate_cases():
        net, data = instance.value.net, instance.value.data
        assert curvature.gram_sharpness(net, data) == pytest.approx(tangent.sharpness(net, data), rel=1e-12)


def test_gram_sharpness_where_no_eigenvalue_is_above_rho():
    """A far label: the residual part of one neuron alone is larger than anything that features could add."""
    net, data = Network([1e-8], [1e-8], [0.0], 0.0), Dataset([1.0, 2.0], [1e4, 1e4])
    assert curvature.gram_sharpness(net, data) == pytest.approx(tangent.sharpness(net, data), rel=1e-9)


def test_corrected_gram_has_the_eigenvalue_it_is_made_for():
    case = random_case(0, 12, 5)
    sharpness = tangent.sharpness(case.net, case.data)
    matrix = curvature.corrected_gram(case.net, case.data, sharpness)
    assert tangent.largest_eigenvalue(matrix) == pytest.approx(sharpness, rel=1e-12)
    with pytest.raises(ValueError, match="eigenvalue must be above"):
        curvature.corrected_gram(case.net, case.data, 0.0)


def test_at_zero_loss_the_corrected_gram_is_the_gram():
    case = random_case(1, 12, 5).interpolating()
    assert np.allclose(curvature.corrected_gram(case.net, case.data, 7.0), tangent.gram(case.net, case.data))


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


@pytest.mark.parametrize("density", [np.eye(2), np.diag([2.0, -1]), np.array([[0.5, 0.1], [0, 0.5]]), np.eye(3) / 3])
def test_what_is_no_density_matrix_is_refused(density):
    with pytest.raises(ValueError, match="density must be"):
        rescaling.rescaling_bound(Network([1.0], [1.0], [1.0], 0.0), Dataset([0.0, 1.0], [0.0, 1.0]), density)
