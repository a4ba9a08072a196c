"""Chapter VI, continued: the largest stable step size."""

import numpy as np

from chapters.step_sizes import figures
from rooms import *
from stableminima import interpolants
from stableminima.network import Dataset, Network

DATA = Dataset([-1, 0, 1], [1, 0, 1])


def test_places_merge_close_knots_and_leave_out_those_outside_and_small_ones():
    net = Network([1, 1, -1, 1, 1], [0, 1e-3, 0.5, -5, -0.7], [1, 1, 1, 9, 1e-6], 0)
    found = figures.places(net, DATA)
    assert np.allclose(found.x, [-5e-4, 0.5]) and found.bend.tolist() == [2, 1]
    assert found.at_sample.tolist() == [True, False]


def test_descent_from_the_flattest_settles_below_the_limit_and_not_above():
    below, above = (figures.from_the_flattest(DATA, 0, ratio, doublings=13) for ratio in (0.9, 1.1))
    assert below.losses[-1] <= 1e-24 < 1e-6 < above.losses[-1]
    assert (np.diff(below.steps) > 0).all() and above.steps[-1] <= 2**13
    assert 0.9 * interpolants.flattest_interpolant(DATA).step_size > 1
