"""The network and its data: conventions, validation, and the knots of f''."""

import numpy as np
import pytest

from stableminima.network import Dataset, Network

ABSOLUTE = Network([1, -1], [0, 0], [1, 1], 0)


@pytest.mark.parametrize(
    ("x", "y", "says"),
    [
        ([0, np.nan], [0, 0], r"x\[1\] is nan"),
        ([0, 1], [np.inf, 0], r"y\[0\] is inf"),
        ([0, 0], [1, 2], r"x holds 0\.0 more than once"),
        ([0, 1], [1], "x has 2, y has 1"),
        ([[0], [1]], [0, 1], r"x must be one-dimensional, got shape \(2, 1\)"),
        ([], [], "x is empty"),
    ],
)
def test_bad_data_is_named(x, y, says):
    with pytest.raises(ValueError, match=says):
        Dataset(x, y)


def test_words_are_not_numbers():
    with pytest.raises(TypeError, match="x must be real numbers"):
        Dataset(["a"], [0])


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        (([1, np.nan], [0, 0], [1, 1], 0), r"w1\[1\] is nan"),
        (([1, 1], [0], [1, 1], 0), "w1 has 2, b1 has 1"),
        (([1], [0], [1], np.inf), r"b2\[0\] is inf"),
    ],
)
def test_bad_parameters_are_named(parameters, says):
    with pytest.raises(ValueError, match=says):
        Network(*parameters)


def test_arrays_cannot_be_changed_and_are_copies():
    mine = np.array([1.0, 2.0])
    data = Dataset(mine, [0, 0])
    mine[0] = 9
    assert data.x[0] == 1
    with pytest.raises(ValueError, match="read-only"):
        data.x[0] = 9


def test_indicator_is_zero_at_zero():
    assert not ABSOLUTE.pattern([0.0]).any()


def test_vector_and_network_are_one():
    net = Network.random(np.random.default_rng(0), k=5)
    again = Network.from_vector(net.vector)
    assert all(np.array_equal(getattr(net, name), getattr(again, name)) for name in ("w1", "b1", "w2", "b2"))
    for size in (1, 3, 6):
        with pytest.raises(ValueError, match="3k\\+1"):
            Network.from_vector(np.ones(size))


def test_rescaling_keeps_the_function_and_nothing_else_is_allowed():
    rng = np.random.default_rng(1)
    net, x = Network.random(rng, k=9), rng.normal(size=20)
    assert np.allclose(net.rescale(rng.uniform(0.1, 9, 9))(x), net(x), rtol=0, atol=1e-14)
    with pytest.raises(ValueError, match="beta must be positive"):
        net.rescale(-1)


def test_equal_knots_merge_and_cancel():
    position, mass = Network([1, 2, -1, 0], [1, 2, -1, 5], [1, 1, -3, 1], 0).knots
    assert position.tolist() == [-1.0]
    assert mass.tolist() == [0.0]


@pytest.mark.parametrize("w2", [[1], [1, 2, 3]])
def test_length_of_the_second_layer_is_checked(w2):
    with pytest.raises(ValueError, match=f"w2 has {len(w2)}"):
        Network([1, 1], [0, 0], w2, 0)


@pytest.mark.parametrize("name", ["w1", "b1", "w2", "vector", "thresholds"])
def test_a_network_cannot_be_changed(name):
    with pytest.raises(ValueError, match="read-only"):
        getattr(Network.random(np.random.default_rng(0), k=2), name)[0] = 9
    for each in Network.random(np.random.default_rng(0), k=2).knots:
        assert not each.flags.writeable


def test_knot_masses_are_jumps_of_the_slope():
    net = Network.random(np.random.default_rng(2), k=12)
    position, mass = net.knots
    inside = np.abs(position) < 20
    gap = np.diff(position).min() / 4
    for at, jump in zip(position[inside], mass[inside], strict=True):
        left, middle, right = net([at - gap, at, at + gap])
        assert (right - 2 * middle + left) / gap == pytest.approx(jump, abs=1e-11 / gap)


def test_initial_scale_must_be_positive():
    with pytest.raises(ValueError, match="scale must be a positive number"):
        Network.random(np.random.default_rng(0), scale=0)
