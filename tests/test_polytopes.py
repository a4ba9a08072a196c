"""The one neuron and its polytope: the maps against the network's, the certificate, and certificates that are none."""

from fractions import Fraction

import numpy as np
import pytest

from stableminima import autodiff, modes, polytopes
from stableminima.network import Network
from stableminima.polytopes import OneKink

CUBE = np.array([[a, b, c] for a in (-1, 1) for b in (-1, 1) for c in (-1, 1)]) * Fraction(1)


def test_features_are_those_of_the_network():
    kink = OneKink()
    for active, pattern in enumerate(modes.adjacent(kink.net, kink.data)):
        found = autodiff.features(kink.net, kink.data.x, pattern)
        assert np.allclose(kink.features(bool(active)).astype(float), found, atol=1e-15)


def test_step_is_that_of_real_descent_near_the_minimum():
    kink, rng = OneKink(), np.random.default_rng(0)
    basis = kink.basis.astype(float)
    for u in 1e-7 * rng.standard_normal((20, 4)):
        there = Network.from_vector(kink.net.vector + u)
        after = u - float(kink.eta) * autodiff.gradient(there, kink.data)
        assert np.allclose(kink.step((u @ basis)[None]).astype(float)[0], after @ basis, atol=1e-12)


@pytest.mark.parametrize("active", [False, True])
def test_flat_direction_is_fixed_and_kept_track_of(active):
    kink = OneKink()
    flat = kink.flat(active)
    assert (kink.wall @ flat > 0) == active
    assert (kink.matrix(active) @ flat == flat).all() and kink.along(active) @ flat == 1
    assert (kink.along(active) @ kink.matrix(active) == kink.along(active)).all()


def test_certificate_proves_the_one_neuron_stable():
    found = polytopes.kept(OneKink(), polytopes.certificate())
    assert found.proves and found.kappa < 1 and found.vertices == len(polytopes.certificate())


def test_certificate_proves_nothing_at_a_larger_step_size_or_with_a_vertex_less():
    assert polytopes.kept(OneKink(eta=Fraction(21, 20)), polytopes.certificate()) is None
    less = polytopes.kept(OneKink(), polytopes.certificate()[1:])
    assert less is None or not less.proves


def test_steps_keep_random_points_in_the_polytope():
    normals, _ = polytopes.faces(polytopes.certificate())
    points = np.random.default_rng(0).standard_normal((200, 3))
    gauge = (points @ normals.T.astype(float)).max(axis=1)
    assert ((OneKink().step(points).astype(float) @ normals.T.astype(float)).max(axis=1) <= gauge + 1e-12).all()


def test_faces_of_a_cube():
    normals, edges = polytopes.faces(CUBE)
    assert len(normals) == 12 and len(edges) == 18
    assert {tuple(abs(each)) for each in normals} == {(1, 0, 0), (0, 1, 0), (0, 0, 1)}


def test_no_polytope_is_refused():
    with pytest.raises(ValueError, match="not the vertices"):
        polytopes.faces(np.vstack([CUBE, CUBE[:1] / 2]))
    with pytest.raises(ValueError, match="inside|surface"):
        polytopes.faces(CUBE + 5)


def test_parameters_must_be_positive():
    with pytest.raises(ValueError, match="w2"):
        OneKink(w2=Fraction(0))
