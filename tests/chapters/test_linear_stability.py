"""Chapter II: Lemma 1, linear stability (S1–S9)."""

import numpy as np
import pytest

from chapters.instances import minima
from chapters.linear_stability import sliders
from rooms import *


def test_slider_shows_distances_in_the_order_of_jensen():
    explorer = sliders.spectrum(next(minima(1)).value)
    marks = {mark.label.split()[0]: np.array(mark.y) for mark in explorer.frame((8, 2)).panels[1].marks[:4]}
    assert (marks["mean"] >= marks["distance"] - 0.05).all() and (marks["mean"] <= marks["root"] * 1.2).all()


def test_with_all_samples_every_path_is_the_mean():
    explorer = sliders.spectrum(next(minima(1)).value)
    path, root, mean, distance = (mark.y for mark in explorer.frame((8, 0)).panels[1].marks[:4])
    assert path == pytest.approx(distance) and root == pytest.approx(distance) and mean == pytest.approx(distance)
