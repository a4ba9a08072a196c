"""How far apart modes are: by hand, against autograd inside each mode, and what is refused."""

from itertools import combinations

import numpy as np
import pytest

from chapters.instances import minima
from stableminima import autodiff, modes, perturbation, switching, tangent
from stableminima.network import Dataset, Network

X = np.array([0.5, -1.0, 2.0])
THREE = Network([1, -2, 2], [-0.5, 1, -4], [3, -4, 2], 0.25)  # two knots on 0.5, one on 2
DATA = Dataset(X, THREE(X))
NOWHERE = Network([0, 1], [0, -2], [1, 1], 0)


def snapped(knots: int, within: float = 1e-5) -> tuple[Network, Dataset]:
    case = next(iter(minima(1))).value
    net = switching.snapped(case.net, case.data.x, knots, within)
    return net, Dataset(case.data.x, net(case.data.x))


def autograd_gap(net, data, here, first, second):
    inner = [autodiff.features(modes.inside(net, here, mode, 1e-9), data.x) for mode in (first, second)]
    return np.linalg.norm(inner[0] - inner[1], 2)


def test_gaps_by_hand():
    here = modes.adjacent(THREE, DATA)
    assert perturbation.on_samples(THREE, DATA).tolist() == [2, 0, 1]
    assert perturbation.feature_gap(THREE, X, here.pattern(0), here.pattern(1)) ** 2 == pytest.approx(9 * 1.25)
    assert perturbation.feature_gap(THREE, X, here.pattern(0), here.pattern(4)) ** 2 == pytest.approx(4 * 5)
    assert perturbation.widest_gap(THREE, DATA) ** 2 == pytest.approx(25 * 1.25)
    assert perturbation.feature_gap(THREE, X, here.own, here.own) == 0


def test_gap_is_that_of_gradients_inside_the_modes():
    net, data = snapped(4)
    here = modes.adjacent(net, data)
    gaps = [perturbation.feature_gap(net, data.x, *map(here.pattern, pair)) for pair in combinations(range(16), 2)]
    assert max(gaps) == pytest.approx(perturbation.widest_gap(net, data))
    for first, second in ((0, 15), (3, 9), (1, 2)):
        assert perturbation.feature_gap(net, data.x, here.pattern(first), here.pattern(second)) == pytest.approx(
            autograd_gap(net, data, here, first, second), rel=1e-6)


def test_gap_with_a_neuron_everywhere_and_with_a_repeated_input():
    data = Dataset(X, NOWHERE(X))
    here = modes.adjacent(NOWHERE, data)
    for other in range(1, here.count):
        assert perturbation.feature_gap(NOWHERE, X, here.own, here.pattern(other)) == pytest.approx(
            np.linalg.norm(tangent.features(NOWHERE, X, here.own)
                           - tangent.features(NOWHERE, X, here.pattern(other)), 2))
    twice = perturbation.feature_gap(Network([1], [-1], [3], 0), [1, 1], [[1], [1]], [[0], [0]])
    assert twice**2 == pytest.approx(2 * 9 * 2)


def test_bounds_enclose_what_they_bound():
    net, data = snapped(8)
    low, high = perturbation.sharpness_range(net, data)
    found = modes.sharpnesses(net, data)
    assert low <= found.min() and found.max() <= high
    assert perturbation.widest_gap(net, data) <= perturbation.counted_gap(net, data, 2) < perturbation.counted_gap(
        net, data)
    here = modes.adjacent(net, data)
    largest = max(np.abs(tangent.features(net, data.x, pattern)).max() for pattern in here)
    assert perturbation.gradient_bound(net, data) == pytest.approx(largest, rel=1e-15)


def test_counting_knows_neurons_that_toggle_everywhere():
    net, data = Network([0], [0], [1], 0), Dataset([0.5, 1], [0, 0])
    gap = perturbation.feature_gap(net, data.x, [[1], [1]], [[0], [0]])
    assert np.sqrt(3) < gap <= perturbation.counted_gap(net, data, 2) == pytest.approx(2)


def test_no_mode_but_one():
    net = Network([1], [0.25], [1], 0)
    data = Dataset(X, net(X))
    assert perturbation.widest_gap(net, data) == perturbation.counted_gap(net, data) == 0
    assert perturbation.sharpness_range(net, data) == pytest.approx([tangent.interpolation_sharpness(net, data)] * 2)


def test_all_knots_of_a_minimum_are_bounded_though_they_are_too_many_to_list():
    net, data = snapped(100)
    assert modes.adjacent(net, data).neurons.size > modes.MOST
    low, high = perturbation.sharpness_range(net, data)
    assert 0 < low < tangent.interpolation_sharpness(net, data) < high


def test_top_pair_gap_is_that_of_the_hessians():
    here = modes.adjacent(THREE, DATA)
    first, second = (tangent.gauss_newton(THREE, DATA, here.pattern(mode)) for mode in (1, 6))
    values, vectors = np.linalg.eigh(first)
    expected = np.linalg.norm(second @ vectors[:, -1] - values[-1] * vectors[:, -1])
    assert perturbation.top_pair_gap(THREE, DATA, here.pattern(1), here.pattern(6)) == pytest.approx(expected)


ON, OFF = np.ones((3, 3)), np.zeros((3, 3))


@pytest.mark.parametrize(("make", "message"), [
    (lambda: perturbation.feature_gap(THREE, X, ON, OFF), "neuron 2 toggles on sample 0, where its pre-act"),
    (lambda: perturbation.toggles(THREE, X, ON, np.zeros((3, 2))), r"other must have shape \(3, 3\), got \(3, 2\)"),
    (lambda: perturbation.toggles(THREE, [X], ON, OFF), "x must be one-dimensional"),
    (lambda: perturbation.widest_gap(NOWHERE, DATA), r"neurons \[0\] have w1 = b1 = 0 and toggle on several samples"),
    (lambda: perturbation.sharpness_range(NOWHERE, Dataset(X, NOWHERE(X))), "take feature_gap"),
    (lambda: perturbation.sharpness_range(THREE, Dataset(X, DATA.y + 1)), "a residual is 1: this holds at zero loss"),
    (lambda: perturbation.top_pair_gap(THREE, Dataset(X, DATA.y + 1), ON, ON), "Give the network's own outputs"),
    (lambda: perturbation.top_pair_gap(THREE, DATA, ON, OFF), "modes that meet at θ differ only where it is exactly 0"),
    (lambda: perturbation.widest_gap(THREE, Dataset([1, 1], [0, 0])), "x holds 1.0 more than once"),
])
def test_bad_input_is_refused_with_the_remedy(make, message):
    with pytest.raises(ValueError, match=message):
        make()
