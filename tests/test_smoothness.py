"""The weight g at and between samples, and the exact integral."""

import numpy as np
import pytest
from scipy import stats
from scipy.integrate import quad

from chapters.instances import extremal
from stableminima import smoothness
from stableminima.network import Dataset, Network

DATA = Dataset([-2, -0.5, 1, 3], [0, 0, 0, 0])


def test_by_hand():
    # above 1 lies only 3: P = 1/4, E[X - 1] = 2, E[X] = 3
    assert smoothness.g_plus(1.0, DATA) == pytest.approx(2 * np.sqrt(10) / 16)
    # below 1 lie -2 and -0.5: P = 1/2, E[1 - X] = 2.25, E[X] = -1.25
    assert smoothness.g_minus(1.0, DATA) == pytest.approx(2.25 * np.sqrt(1 + 1.25**2) / 4)
    assert smoothness.g(1.0, DATA) == smoothness.g_plus(1.0, DATA)


def test_zero_outside_the_data_and_at_its_ends():
    assert smoothness.g([-9, -2, 3, 9], DATA).tolist() == [0, 0, 0, 0]


def test_sides_jump_at_samples_because_inequalities_are_strict():
    just_below = np.nextafter(1.0, 0)
    assert smoothness.g_plus(just_below, DATA) == pytest.approx((1 / 4) * 1 * np.sqrt(1 + 4), rel=1e-12)
    assert smoothness.g_plus(1.0, DATA) == pytest.approx((1 / 16) * 2 * np.sqrt(1 + 9), rel=1e-12)


def test_mirrored_data_mirror_the_weight():
    mirrored = Dataset(-DATA.x, DATA.y)
    points = np.linspace(-3, 4, 29)
    assert np.array_equal(smoothness.g(points, DATA), smoothness.g(-points, mirrored))


def test_limits_are_the_values_just_beside():
    points = np.append(DATA.x, [0.3, -9, 9])
    for side, weight in zip(smoothness.limits(points, DATA), (smoothness.g_plus, smoothness.g_minus), strict=True):
        for limit, hair in zip(side, (-1e-9, 1e-9), strict=True):
            assert limit == pytest.approx(weight(points + hair, DATA), abs=1e-7)


def test_low_and_up_differ_from_g_at_samples_only():
    between = np.linspace(-3, 4, 29) + 0.01
    for weight in (smoothness.g_low, smoothness.g_up):
        assert np.array_equal(weight(between, DATA), smoothness.g(between, DATA))
    centred = Dataset([-1, 0, 0.5, 1], np.zeros(4))
    (plus_before, plus_behind), (minus_before, minus_behind) = smoothness.limits(centred.x, centred)
    assert np.array_equal(smoothness.g(centred.x, centred), np.minimum(plus_behind, minus_before))
    assert np.array_equal(smoothness.g_low(centred.x, centred), smoothness.g(centred.x, centred))  # all |x| ≤ 1
    assert np.array_equal(smoothness.g_up(centred.x, centred), np.minimum(plus_before, minus_behind))


def test_a_knot_on_a_sample_stays_there_though_its_threshold_is_rounded():
    x = np.array([-3.0, 0.1, 0.9, 3.0])
    w1 = next(w for w in np.linspace(1, 2, 99) if -(-w * x[1]) / w != x[1])
    net, data = Network([w1], [-w1 * x[1]], [1 / w1], 0), Dataset(x, np.zeros(4))
    assert net.preactivation(x)[1, 0] == 0 != net.thresholds[0] - x[1]
    for weight in (smoothness.g, smoothness.g_low, smoothness.g_up):
        assert smoothness.weighted_norm(net, data, weight) == pytest.approx(weight(x[1], data), rel=1e-14)
    assert smoothness.g_low(x[1], data) < smoothness.g_up(x[1], data)


def test_shape_is_that_of_the_points():
    assert smoothness.g(np.zeros((2, 3)), DATA).shape == (2, 3)
    assert np.shape(smoothness.g(0.0, DATA)) == ()


def test_integral_against_a_narrow_smoothing_of_the_measure():
    net = Network.random(np.random.default_rng(3), k=4)
    data = Dataset(np.linspace(-4, 4, 9) + 0.013, np.zeros(9))
    position, mass = net.knots
    width = 1e-4
    total = sum(
        abs(m) * quad(lambda t, at=at: float(smoothness.g(at + width * t, data)) / 2, -1, 1)[0]
        for at, m in zip(position, mass, strict=True)
    )
    assert smoothness.weighted_norm(net, data) == pytest.approx(total, rel=1e-3)


def test_cancelling_neurons_do_not_count():
    cancelling = Network([1, 1], [0, 0], [1, -1], 0)
    assert smoothness.weighted_norm(cancelling, DATA) == 0
    assert smoothness.sharpness_bound(cancelling, DATA) == 1


def test_extremal_family_by_hand():
    case = extremal(half_width=1.0, slope=2.0)  # s = 2, t = √2: 1 + s t a √(1 + a²) = 5
    assert smoothness.sharpness_bound(case.net, case.data) == pytest.approx(5, rel=1e-14)


def test_a_population_off_centre_by_hand():
    """Uniform on [1, 4] at 2: P(X > 2) = 2/3, E max(X - 2, 0) = 2/3, so E[X; X > 2] = 2; below 1/3, 1/6 and 1/2."""
    plus, minus = 2 / 3 * np.hypot(2 / 3, 2), 1 / 6 * np.hypot(1 / 3, 1 / 2)
    assert smoothness.population_g(2.0, stats.uniform(1, 3)) == pytest.approx(min(plus, minus), rel=1e-10)
    assert smoothness.population_g(-2.0, stats.uniform(-4, 3)) == pytest.approx(min(plus, minus), rel=1e-10)
    sample = Dataset(stats.uniform(1, 3).ppf((np.arange(4000) + 0.5) / 4000), np.zeros(4000))
    points = [1.5, 2.5, 3.5]
    assert smoothness.population_g(points, stats.uniform(1, 3)) == pytest.approx(smoothness.g(points, sample), rel=1e-2)


def test_no_points_have_no_weights():
    assert smoothness.g([], DATA).shape == smoothness.population_g([], stats.uniform(1, 3)).shape == (0,)


@pytest.mark.parametrize("population", [stats.cauchy(), stats.pareto(0.5)])
def test_a_population_without_mean_has_no_weight(population):
    with pytest.raises(ValueError, match="finite mean"):
        smoothness.population_g(0.0, population)
