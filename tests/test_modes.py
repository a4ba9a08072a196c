"""The modes that meet at a point: by hand, against small displacements of the real network, and what is refused."""

from itertools import product

import numpy as np
import pytest

from chapters.instances import minima, random_case
from stableminima import autodiff, modes, switching, tangent
from stableminima.network import Dataset, Network

X = np.array([0.7, -1.0, 0.2, 1.5])
# on no sample, on the sample 0.2, nowhere and everywhere, constant
MIXED = Network([1, -2, 0, 0], [0.5, 0.4, 0, 1], [1, -0.5, 2, 3], 0)
DATA = Dataset(X, MIXED(X))


def test_toggling_neurons_and_their_patterns_by_hand():
    here = modes.adjacent(MIXED, DATA)
    assert here.neurons.tolist() == [1, 2] and here.count == 2 * 8
    assert here.patterns[0].tolist() == [[False, True, False, False], [False, True, True, False]]
    assert {tuple(row) for row in here.patterns[1].astype(int)} == {
        (0, 0, 0, 0), (1, 1, 1, 1), (0, 0, 0, 1), (1, 0, 0, 1), (1, 0, 1, 1), (0, 1, 0, 0), (0, 1, 1, 0), (1, 1, 1, 0)}
    assert np.array_equal(here.pattern(0), MIXED.pattern(X))
    normal = np.array([0.2, 1]) / np.hypot(0.2, 1)
    assert here.directions[0] == pytest.approx(np.array([-normal, normal]))


def test_patterns_are_those_of_displaced_networks():
    here, rng = modes.adjacent(MIXED, DATA), np.random.default_rng(0)
    met = {Network.from_vector(MIXED.vector + 1e-9 * rng.standard_normal(13)).pattern(X).tobytes() for _ in range(3000)}
    assert {pattern.tobytes() for pattern in here} == met and len(met) == 16


def test_each_direction_leads_into_its_mode():
    here, rng = modes.adjacent(MIXED, DATA), np.random.default_rng(1)
    for mode, noise in product(range(here.count), (None, rng)):
        there = modes.inside(MIXED, here, mode, 1e-6, noise)
        assert np.array_equal(there.pattern(X), here.pattern(mode))


def test_distance_to_a_toggle_is_that_to_a_line():
    """3 w1 + b1 = 0 is at the distance |3·2 + 1|/√10 from (w1, b1) = (2, 1)."""
    assert modes.distances(Network([2], [1], [5], 0), Dataset([3], [0])) == pytest.approx(np.array([[7 / np.sqrt(10)]]))


def test_a_random_direction_adds_half_of_the_size():
    here, rng = modes.adjacent(MIXED, DATA), np.random.default_rng(2)
    straight = modes.inside(MIXED, here, 5, 1e-3).vector - MIXED.vector
    assert straight == pytest.approx(1e-3 * here.toward(5))
    aside = modes.inside(MIXED, here, 5, 1e-3, rng).vector - MIXED.vector - straight
    assert np.linalg.norm(aside) == pytest.approx(0.5e-3)


@pytest.mark.parametrize(("residual", "counts"), [(1.9e-6, False), (-1.9e-6, False), (2.1e-6, True), (-2.1e-6, True)])
def test_a_residual_counts_from_a_millionth_of_one_plus_the_largest_label(residual, counts):
    constant = Network([0], [0], [0], 1)
    data = Dataset([0, 1], [1 + residual, 1])
    if counts:
        with pytest.raises(ValueError, match="this holds at zero loss"):
            modes.require_zero_loss(constant, data)
    else:
        assert modes.require_zero_loss(constant, data) is None


def test_a_network_off_all_samples_has_one_mode():
    case = random_case(0, k=5, n=4, kink_distance=1e-2)
    here = modes.adjacent(case.net, case.data)
    assert here.count == 1 and not here.neurons.size and not here.toward(0).any()
    assert modes.room(case.net, case.data) == modes.distances(case.net, case.data).min()


def test_one_sample_and_a_neuron_everywhere():
    here = modes.adjacent(Network([0], [0], [1], 0), Dataset([2.0], [0.0]))
    assert [pattern.tolist() for pattern in here] == [[[False]], [[True]]]


@pytest.mark.parametrize("x", [[10.0, 11.0], [-3.0, 0.5, 4.0], X])
def test_a_neuron_everywhere_has_the_patterns_of_every_threshold(x):
    """Wherever the samples are; its directions change every pre-activation by √(1 + x²) or more, and one by no more."""
    x, n = np.array(x), len(x)
    (patterns,), (directions,) = (getattr(modes.adjacent(Network([0], [0], [1], 0), Dataset(x, 0 * x)), name)
                                  for name in ("patterns", "directions"))
    right = x[:, None] > np.append(np.sort(x), -np.inf)
    assert {tuple(row) for row in patterns} == {tuple(row) for row in [*right.T, *~right.T]} and len(patterns) == 2 * n
    change = np.abs(directions @ [x, np.ones(n)]) / np.hypot(1, x)
    assert change.min(axis=1) == pytest.approx(np.ones(2 * n))


def test_all_samples_at_a_kink_leave_no_room():
    assert modes.room(Network([0], [0], [1], 0), Dataset([2.0], [0.0])) == np.inf


@pytest.mark.parametrize("knots", [3, 14])
def test_sharpnesses_are_those_of_the_modes(knots):
    case = next(iter(minima(1))).value
    net = switching.snapped(case.net, case.data.x, knots, 1e-5)
    data = Dataset(case.data.x, net(case.data.x))
    here, found = modes.adjacent(net, data), modes.sharpnesses(net, data)
    assert found.shape == (2**knots,)
    for mode in np.random.default_rng(0).integers(here.count, size=8):
        phi = autodiff.features(modes.inside(net, here, int(mode), 1e-9), data.x)
        assert found[mode] == pytest.approx(np.linalg.norm(phi, 2) ** 2 / data.n, rel=1e-6)


def test_sharpnesses_with_a_neuron_everywhere():
    found = modes.sharpnesses(MIXED, DATA)
    direct = [np.linalg.norm(tangent.features(MIXED, X, p), 2) ** 2 / 4 for p in modes.adjacent(MIXED, DATA)]
    assert found == pytest.approx(direct) and len(set(found.round(9))) > 8


def many(neurons):
    net = Network(np.ones(neurons), np.zeros(neurons), np.ones(neurons), 0)
    return net, Dataset([0, 1], net(np.array([0, 1])))


def test_twenty_toggling_neurons_are_listed():
    assert sum(1 for _ in modes.adjacent(*many(10))) == 2**10
    assert modes.adjacent(*many(20)).require_few() is None


@pytest.mark.parametrize(("make", "message"), [
    (lambda: list(modes.adjacent(*many(21))), r"21 neurons toggle here, so that 2.1e\+06 modes meet: too many to list"),
    (lambda: modes.sharpnesses(*many(36)), "36 neurons toggle here"),
    (lambda: modes.adjacent(*many(36)).pattern(2**36), "mode is 68719476736: here 68719476736 modes meet"),
    (lambda: modes.adjacent(*many(2)).toward(-1), "mode is -1"),
    (lambda: modes.sharpnesses(MIXED, Dataset(X, DATA.y + 0.5)), "a residual is 0.5: this holds at zero loss"),
    (lambda: modes.adjacent(MIXED, Dataset([1, 1], [0, 0])), "x holds 1.0 more than once"),
    (lambda: tangent.features(MIXED, X, np.ones((4, 3))), r"pattern must have shape \(4, 4\), got \(4, 3\)"),
    (lambda: switching.at_minimum(MIXED, DATA), r"neurons \[2\] have w1 = b1 = 0"),
])
def test_bad_input_is_refused_with_the_remedy(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_single_mode_of_many_is_at_hand():
    assert modes.adjacent(*many(36)).pattern(2**36 - 1)[0].all()
