"""Chapter VI: Lemma 4 and Theorem 1 (S33–S42)."""

import re

import numpy as np
import pytest

from chapters.smoothness import sliders
from rooms import *
from stableminima import smoothness
from stableminima.network import Dataset

DATA = Dataset([-2, -0.5, 0, 1, 3], [0, 0, 0, 0, 0])


def test_three_factors_multiply_to_the_weight_at_every_knot():
    explorer = sliders.three_factors(DATA, places=9)
    for index, knot in enumerate(explorer.controls[0].values):
        words = explorer.frame((index,)).words
        told = float(re.search(r"\bg = ([\d.e-]*\d)", words)[1])
        assert told == pytest.approx(float(smoothness.g(knot, DATA)), rel=1e-2)
        assert ("outside the data" in words) == (told == 0)


def test_drawn_factors_are_those_of_both_sides():
    right, left = (mark.y for mark in sliders.three_factors(DATA).frame((20,)).panels[1].marks)
    knot = sliders.three_factors(DATA).controls[0].values[20]
    assert np.prod(right) == pytest.approx(float(smoothness.g_plus(knot, DATA)))
    assert np.prod(left) == pytest.approx(float(smoothness.g_minus(knot, DATA)))
