"""What strong stability forces: the bias shift by real steps, the second layer, and the paper's correction by hand."""

import numpy as np
import pytest

from chapters.instances import minima, random_case
from stableminima import autodiff, strong, tangent
from stableminima.network import Dataset, Network

KINKED = Network([1, -1], [0, 0.5], [1, 1], 0)  # the first knot is on the sample 0
DATA = Dataset([-1, 0, 2], KINKED([-1, 0, 2]))


@pytest.mark.parametrize("shift", [-100.0, 1e-3, 1.0])
def test_growth_is_that_of_a_real_step(shift):
    start = strong.bias_shifted(KINKED, shift)
    end = start.vector - 0.7 * autodiff.gradient(start, DATA)
    found = np.sum((end - KINKED.vector) ** 2) / shift**2
    assert np.isclose(found, strong.bias_shift_growth(KINKED, DATA, 0.7), rtol=1e-9)


def test_growth_is_above_one_exactly_where_the_mean_gradient_is_too_large():
    square = np.sum(strong.mean_gradient(KINKED, DATA) ** 2)
    below, above = (strong.bias_shift_growth(KINKED, DATA, share * 2 / square) for share in (0.999, 1.001))
    assert below < 1 < above


def test_single_samples_ask_for_the_trace():
    found = strong.bias_shift_growth(KINKED, DATA, 0.5, batch=1)
    assert np.isclose(found, 1 - 1 + 0.25 * np.trace(tangent.gram(KINKED, DATA)))


def test_formula_is_refused_where_it_does_not_hold():
    missed = Dataset(DATA.x, DATA.y + 1)
    with pytest.raises(ValueError, match="critical point"):
        strong.bias_shift_growth(KINKED, missed, 0.5)
    with pytest.raises(ValueError, match="zero loss"):
        strong.bias_shift_growth(KINKED, missed, 0.5, batch=2)
    with pytest.raises(ValueError, match="batch is 4"):
        strong.bias_shift_growth(KINKED, DATA, 0.5, batch=4)
    with pytest.raises(ValueError, match="eta"):
        strong.bias_shift_growth(KINKED, DATA, -0.5)


def test_second_layer_start_changes_the_outputs_alone():
    case = random_case(0, k=12, n=4)
    assert strong.second_layer_rank(case.net, case.data.x) == 4
    wanted = np.array([1.0, -2.0, 0.5, 3.0])
    moved = Network.from_vector(case.net.vector + strong.second_layer_start(case.net, case.data.x, wanted))
    assert np.allclose(moved(case.data.x) - case.net(case.data.x), wanted)
    assert np.array_equal(moved.preactivation(case.data.x), case.net.preactivation(case.data.x))


def test_second_layer_start_refuses_what_it_cannot_reach():
    silent = Network([1.0], [-9.0], [1.0], 0)
    with pytest.raises(ValueError, match="dimension 1 of 3"):
        strong.second_layer_start(silent, DATA.x, [1, 2, 3])
    assert strong.second_layer_start(silent, DATA.x, [2, 2, 2])[-1] == pytest.approx(2)


def test_ceiling_is_the_largest_number_that_satisfies_the_inequality():
    for eta, alpha in ((0.1, 0.0), (0.5, 2.0), (1.9, 30.0)):
        found = strong.ceiling(eta, alpha)
        assert np.isclose(found, 2 / eta + alpha * np.sqrt(found))
    with pytest.raises(ValueError, match="alpha"):
        strong.ceiling(0.1, -1.0)


def test_the_exact_distance_is_never_worse_than_the_papers():
    for found in minima(3):
        case = found.value
        assert strong.exact_alpha(case.net, case.data) <= strong.paper_alpha(case.net, case.data)
