"""Linearised descent: its moments against each other, exact cases by hand, and what it refuses."""

import numpy as np
import pytest

from chapters.instances import random_case
from stableminima import stability, tangent
from stableminima.stability import Linearised

INTERPOLATING = random_case(seed=3, k=4, n=5).interpolating()
TWO = Linearised([np.diag([1.0, 2.0]), np.diag([3.0, 0.0])], [[0.5, 0.0], [-0.5, 0.0]])


def test_mean_is_that_of_all_paths():
    *_, last = TWO.paths([1.0, -2.0], eta=0.3, steps=5)
    assert len(last) == 2**5
    assert np.allclose(last.mean(axis=0), TWO.mean_after([1.0, -2.0], eta=0.3, steps=5))


@pytest.mark.parametrize("size", [1, 2, 5])
def test_mean_squares_are_those_of_all_paths(size):
    system = stability.linearise(INTERPOLATING.net, INTERPOLATING.data, size)
    start = np.arange(system.d, dtype=float)
    by_paths = [np.mean(np.sum(at**2, axis=1)) for at in system.paths(start, eta=0.2, steps=3)]
    assert np.allclose(system.mean_squares(start, eta=0.2, steps=3), by_paths)


@pytest.mark.parametrize("size", [1, 3, 5])
def test_linearised_network_has_the_spectrum_of_the_hessian(size):
    system = stability.linearise(INTERPOLATING.net, INTERPOLATING.data, size)
    assert np.isclose(system.sharpness, tangent.interpolation_sharpness(INTERPOLATING.net, INTERPOLATING.data))


@pytest.mark.parametrize("size", [1, 2, 5])
def test_mean_square_threshold_from_both_sides(size):
    system = stability.linearise(INTERPOLATING.net, INTERPOLATING.data, size)
    eta = system.largest_mean_square_step
    below, above = (np.linalg.eigvalsh(system.second_moment_map(eta * factor)).max() for factor in (0.999, 1.001))
    assert below <= 1 + 1e-12 < above


def test_full_batch_threshold_is_that_of_descent():
    system = stability.linearise(INTERPOLATING.net, INTERPOLATING.data, 5)
    assert np.isclose(system.largest_mean_square_step, 2 / system.sharpness)


def test_features_of_one_length_attain_the_bound_by_the_trace():
    rows = np.array([[1.0, 2, 0], [1, 0, 2], [1, -2, 0]])
    system = Linearised([np.outer(a, a) for a in rows], np.zeros((3, 3)))
    assert np.isclose(system.largest_mean_square_step, 2 / np.trace(system.hessian))


def test_a_flat_loss_is_stable_at_every_step_size():
    assert Linearised(np.zeros((2, 3, 3)), np.zeros((2, 3))).largest_mean_square_step == np.inf


def test_a_saddle_has_no_threshold():
    with pytest.raises(ValueError, match="negative eigenvalue"):
        _ = Linearised([np.diag([1, -0.01])], [[0, 0]]).largest_mean_square_step


@pytest.mark.parametrize("hessians, gradients, words", [
    ([[[1.0]]], [[1.0]], "mean of gradients"),
    ([[[np.nan]]], [[0.0]], "hessians holds"),
    ([[1.0]], [[0.0]], "give \\(m, d, d\\)"),
    ([[[0.0, 1.0], [0.0, 0.0]]], [[0.0, 0.0]], "not symmetric"),
])
def test_what_is_no_minimum_is_refused(hessians, gradients, words):
    with pytest.raises(ValueError, match=words):
        Linearised(hessians, gradients)


def test_noise_has_no_linear_recursion():
    with pytest.raises(ValueError, match="gradients are not 0"):
        TWO.second_moment_map(0.1)


def test_too_many_paths_are_refused():
    with pytest.raises(ValueError, match="steps is 30"):
        list(TWO.paths([1.0, 0.0], eta=0.1, steps=30))


def test_only_interpolating_networks_are_linearised():
    case = random_case(seed=3, k=4, n=5)
    with pytest.raises(ValueError, match="zero loss"):
        stability.linearise(case.net, case.data, 2)


@pytest.mark.parametrize("size", [0, 6])
def test_batch_sizes_are_checked(size):
    with pytest.raises(ValueError, match="size is"):
        stability.batches(5, size)


@pytest.mark.parametrize("power, rate", [(0, np.log(2) / 2), (1, np.log(1.5)), (2, np.log(2.5) / 2)])
def test_growth_rates_of_one_parameter_are_exact_in_the_mean(power, rate):
    """Factors 1 and -2 at random."""
    coin = Linearised([[[0.0]], [[3.0]]], [[0.0], [0.0]])
    assert stability.growth_rate(coin, 1.0, power) == pytest.approx(rate, abs=0.01)
    assert stability.growth_rate(Linearised([[[1.0]]], [[0.0]]), 1.0, power) == -np.inf


def test_second_moment_grows_from_the_mean_square_threshold_on():
    system = stability.linearise(INTERPOLATING.net, INTERPOLATING.data, 1)
    assert stability.growth_rate(system, 0.97 * system.largest_mean_square_step, 2) < 0.002
    assert stability.growth_rate(system, 1.1 * system.largest_mean_square_step, 2) > 0.002
    assert stability.largest_step(system, 2) == pytest.approx(system.largest_mean_square_step, rel=0.05)


def test_rates_and_thresholds_come_in_the_order_of_the_moments():
    system = stability.linearise(INTERPOLATING.net, INTERPOLATING.data, 2)
    rates = [stability.growth_rate(system, 3 / system.sharpness, power) for power in (0, 1, 2)]
    assert rates == sorted(rates) and rates[0] < rates[2] - 0.01
    steps = [stability.largest_step(system, power) for power in (2, 1, 0)]
    assert steps == sorted(steps) and steps[1] <= 1.02 * 2 / system.sharpness
