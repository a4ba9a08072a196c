"""The flattest rescaling, where closed forms and corner cases decide."""

import numpy as np
import pytest

from chapters.instances import minima
from stableminima import flattest, interpolants, rescaling, tangent
from stableminima.network import Dataset, Network


def test_one_neuron_on_one_sample_is_rescaled_as_by_hand():
    """t + s with ts = w2²(1 + x²)(w1x + b1)², plus 1: at best 1 + 2|w2||w1x + b1|√(1 + x²)."""
    net, data = Network([2.0], [1.0], [-3.0], 0.0), Dataset([1.5], [0.0])
    found = rescaling.flattest_rescaling(net, data)
    assert found.sharpness == pytest.approx(1 + 2 * 3 * 4 * np.hypot(1, 1.5), rel=1e-9)


def test_flattest_rescaling_keeps_the_function_and_beats_random_ones():
    rng = np.random.default_rng(0)
    for instance in minima(3):
        net, data = instance.value.net, instance.value.data
        found = rescaling.flattest_rescaling(net, data)
        assert np.allclose(found.net(data.x), net(data.x), atol=1e-9)
        assert found.bound <= found.sharpness * (1 + 1e-13) and found.gap <= 1e-10
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
    assert found.sharpness == pytest.approx(alone.sharpness, rel=1e-9)
    assert found.net.w1[2] == net.w1[2]
    assert alone.attained and not found.attained
    dead = Network([1.0], [-9.0], [1.0], 0.0)
    assert rescaling.flattest_rescaling(dead, Dataset([0.0, 1.0], [0.0, 1.0])).sharpness == pytest.approx(1)


@pytest.mark.parametrize("x, scale", [(np.arange(1990.0, 2021), 1.0), (np.linspace(0, 1000, 11), 1e3),
                                      (1e6 * np.linspace(-1, 2, 8), 1e6), (1e6 + np.arange(8.0), 1e-6)])
def test_data_in_any_unit_need_no_care(x, scale):
    rng = np.random.default_rng(1)
    w1, knots, w2 = rng.uniform(-1, 1, 6), rng.uniform(x.min(), x.max(), 6), scale * rng.uniform(-1, 1, 6)
    data = Dataset(x, np.zeros(x.size))
    found = rescaling.flattest_rescaling(Network(w1, -w1 * knots, w2, 0), data)
    assert -1e-12 <= found.gap <= 1e-10
    assert rescaling.rescaling_bound(found.net, data, found.density) == pytest.approx(found.bound, rel=1e-6)


@pytest.mark.parametrize("density", [np.eye(2), np.diag([2.0, -1]), np.array([[0.5, 0.1], [0, 0.5]]), np.eye(3) / 3])
def test_what_is_no_density_matrix_is_refused(density):
    with pytest.raises(ValueError, match="density must "):
        rescaling.rescaling_bound(Network([1.0], [1.0], [1.0], 0.0), Dataset([0.0, 1.0], [0.0, 1.0]), density)


def wild(seed):
    """Samples and neurons of any size, from 1e-8 to 1e8; some neurons are dead, silent or have a knot on a sample."""
    rng = np.random.default_rng(seed)
    n, k, spread = int(rng.integers(1, 13)), int(rng.integers(1, 40)), (2, 10, 100, 1e4, 1e8, 1e-8)[seed % 6]
    x = np.unique(rng.uniform(-spread, spread, n) + (3 * spread * rng.normal() if seed % 5 == 0 else 0))
    w1, tau, w2 = rng.normal(size=k), rng.choice(x, k) + 0.3 * spread * rng.normal(size=k), rng.normal(size=k)
    first, second = (10.0 ** rng.uniform(-8, 8, k) if seed % 4 == each else 1.0 for each in (1, 2))
    w2 = np.where(rng.random(k) < 0.3 * (seed % 7 == 3), 0.0, second * w2)
    w1 = np.where(rng.random(k) < 0.2 * (seed % 11 == 2), 0.0, first * w1)
    b1 = -w1 * rng.choice(x, k) if seed % 17 == 3 else np.where(w1 == 0, rng.normal(size=k), -w1 * tau)
    return Network(w1, b1, w2, 0), Dataset(x, np.zeros(x.size))


@pytest.mark.parametrize("seed", range(0, 300, 10))
def test_the_gap_closes_whatever_the_network_and_its_units(seed):
    for each in range(seed, seed + 10):
        assert -1e-12 <= rescaling.flattest_rescaling(*wild(each)).gap <= 1e-10


def test_all_neurons_dead_and_a_single_sample():
    dead = rescaling.flattest_rescaling(Network([1.0, 2.0], [-9.0, -9.0], [1.0, 0.0], 0.0), Dataset([0.0, 1.0], [0, 0]))
    assert dead.sharpness == pytest.approx(1, abs=1e-15) and dead.attained
    assert np.array_equal(dead.net.w1, [1.0, 2.0])
    zero = rescaling.flattest_rescaling(Network([1.0], [1.0], [0.0], 0.0), Dataset([1.0], [0.0]))
    assert zero.sharpness == pytest.approx(1, abs=1e-15) and not zero.attained


def test_two_eigenvalues_at_the_top_need_a_density_matrix_of_rank_two():
    """Mirrored neurons that both see the samples ±3: λ₊ = 1 + 2v + 2/v and λ₋ = 18v + 0.72/v meet at the optimum."""
    net, data = Network([0.2, -0.2], [1.0, 1.0], [1.0, 1.0], 0.0), Dataset([-3.0, 3.0], [0.0, 0.0])
    found = rescaling.flattest_rescaling(net, data)
    assert found.gap <= 1e-10
    v = (1 + np.sqrt(1 + 4 * 16 * 1.28)) / (2 * 16)
    assert np.linalg.eigvalsh(tangent.gram(found.net, data)) == pytest.approx([1 + 2 * v + 2 / v] * 2, rel=1e-9)
    assert np.linalg.eigvalsh(found.density)[0] > 0.1
    angles = np.linspace(0, np.pi, 181)
    proofs = [np.outer(q, q) for q in np.transpose([np.cos(angles), np.sin(angles)])]
    assert max(rescaling.rescaling_bound(net, data, each) for each in proofs) < 0.95 * found.bound


def test_what_floating_point_cannot_hold_is_an_error():
    with pytest.raises(ArithmeticError, match="too large"):
        rescaling.flattest_rescaling(Network([1e200], [1e200], [1e200], 0.0), Dataset([1.0], [0.0]))
    with pytest.raises(flattest.OpenGap, match="gap of .*rescale the data") as error:
        rescaling.flattest_rescaling(*wild(1), gap=1e-300)
    assert 0 < error.value.lower < error.value.upper * (1 + 1e-12)
