"""Chapter III: Lemma 2, what a switching system cannot stay at (S10–S25)."""

import numpy as np
import pytest

from chapters.switching import figures, sliders
from rooms import *
from stableminima import switching as sw
from stableminima.kinks import Tight
from stableminima.switching import Switching


def words(*at: float) -> str:
    return sliders.two_mode_frame(*at).words


def test_slider_says_what_the_lemmas_say():
    assert "not stable, by Lemma 2" in words(0, 1.1, 0) and "runs away" in words(0, 1.1, 20)
    assert "by Lemma 3" in words(60, 0.95, 150) and "stays in the ball" in words(60, 0.95, 150)
    assert "other numbers λ_m" in words(20, 1.05, 0)


def test_slider_has_a_start_that_escapes_where_q_does_not():
    assert "stays in the ball" in words(80, 1.05, 0)
    assert "goes out to 1.10 ε" in words(80, 1.05, 140)


def test_bound_of_the_lemma_is_drawn_for_the_start_it_speaks_of():
    labels = [[mark.label for mark in sliders.two_mode_frame(0, 1.1, start).panels[1].marks] for start in (0, 20)]
    assert "(1 + ξ)ᵗ ε" in labels[0] and "(1 + ξ)ᵗ ε" not in labels[1]


def test_edges_of_one_mode_are_one_place():
    """Where there is one mode, all begins at its sharpness; half a grid step is lost."""
    found = figures.edges(Switching.deterministic([np.diag([4.0, 1.0]), np.diag([3.9, 1.0])], rule=lambda u: 0))
    assert found.flattest == pytest.approx(0.975) and found.first == 1
    assert found.some == found.every == pytest.approx(1, abs=0.003)


def test_wedge_is_left_by_the_first_step():
    tight = Tight(0.35, 0.27)
    assert not tight.steep(tight.corner) and tight.steep(tight.one_step(tight.corner))
    assert np.linalg.norm(tight.corner) == pytest.approx(1)
    assert sw.drift(tight.system, [1, 0]) == pytest.approx(0.35)
