"""The gradient by computer algebra and by difference quotients; what the checks of chapter V must refuse."""

import numpy as np
import pytest
import sympy

from chapters.gradient import claims as gradient
from chapters.gradient import sliders
from chapters.instances import random_case
from ledgerbook.claim import CheckFailed, check
from stableminima import autodiff, quotients, symbolic, tangent
from stableminima.network import Network

ON_SAMPLE = Network(w1=[1], b1=[-1], w2=[2], b2=0)


@pytest.mark.parametrize("k", [1, 2, 5])
def test_symbols_stand_in_the_order_of_the_vector(k):
    case = random_case(k, k=k, n=3)
    theta = dict(zip(symbolic.parameters(k), case.net.vector, strict=True))
    values = [float(symbolic.output(k).xreplace(theta | {symbolic.X: point})) for point in case.data.x]
    assert np.allclose(values, case.net(case.data.x), rtol=1e-14)


@pytest.mark.parametrize("seed", range(3))
def test_computer_algebra_agrees_with_autograd(seed):
    case = random_case(seed, k=3, n=4)
    expected = autodiff.features(case.net, case.data.x)
    assert np.allclose(symbolic.features(case.net, case.data.x), expected, rtol=0, atol=1e-14)
    assert np.allclose(symbolic.frozen_features(case.net, case.data.x), expected, rtol=0, atol=1e-14)


@pytest.mark.parametrize(("written", "slope"), [*zip(symbolic.RELU, (0, 1, 0.5), strict=True)])
def test_each_way_to_write_relu_has_its_derivative_at_a_kink(written, slope):
    found = symbolic.features(ON_SAMPLE, [1], symbolic.RELU[written])
    assert found.ravel().tolist() == [2 * slope, 2 * slope, 0, 1]
    assert np.array_equal(found, gradient.with_slope_at_kinks(ON_SAMPLE, np.array([1.0]), slope))


def test_frozen_gradient_is_a_polynomial():
    parameters = symbolic.parameters(3)
    assert all(entry.is_polynomial(*parameters) for entry in symbolic.frozen_gradient(True, False, True))
    assert symbolic.frozen_gradient(False)[:3] == (0, 0, 0)
    assert all(isinstance(entry, sympy.Expr) for entry in symbolic.frozen_gradient(True))


def test_room_ends_where_the_pattern_changes():
    case = random_case(1, k=4, n=5)
    room = quotients.room(case.net, case.data.x)
    before = case.net.pattern(case.data.x)
    for entry in range(8):
        for share, changes in ((0.999, False), (1.001, True)):
            moves = [sign * share * room[entry] * np.eye(13)[entry] for sign in (1, -1)]
            after = [Network.from_vector(case.net.vector + move).pattern(case.data.x) for move in moves]
            assert any((pattern != before).any() for pattern in after) == changes
    assert np.isinf(room[8:]).all()


def test_a_sample_at_zero_does_not_limit_w1():
    assert np.isinf(quotients.room(Network([1], [0.5], [1], 0), [0])[0])


def test_central_difference_is_exact_within_the_room_and_refused_beyond():
    case = random_case(0, k=5, n=4, kink_distance=0.01)
    room = quotients.room(case.net, case.data.x).min()
    found = quotients.central_difference(case.net, case.data.x, 0.99 * room)
    assert np.allclose(found, tangent.features(case.net, case.data.x), rtol=0, atol=1e-12)
    with pytest.raises(ValueError, match="reaches a kink at distance .*: take a smaller step"):
        quotients.central_difference(case.net, case.data.x, 1.01 * room)
    with pytest.raises(ValueError, match="step must be a positive number, got 0"):
        quotients.central_difference(case.net, case.data.x, 0)


def test_layout_check_sees_vector_and_from_vector_stray_together(monkeypatch):
    """The round trip would still be the identity; f is not the same."""
    def vector(net):
        return np.concatenate([net.w1, net.w2, net.b1, [net.b2]])

    def from_vector(theta):
        w1, w2, b1 = theta[:-1].reshape(3, -1)
        return Network(w1, b1, w2, theta[-1])

    monkeypatch.setattr(Network, "vector", property(vector))
    monkeypatch.setattr(Network, "from_vector", staticmethod(from_vector))
    net = Network([1, 2], [3, 4], [5, 6], 7)
    assert np.array_equal(Network.from_vector(net.vector).vector, net.vector)
    with pytest.raises(CheckFailed):
        check(gradient.S31)


def test_the_inequality_for_the_imbalance_is_attained_where_it_is_said_to_be():
    for one in gradient._aligned():
        change = gradient._change_in_a_step(one.value)
        assert np.allclose(change, -gradient._pull(one.value) * gradient.imbalance(one.value.net), rtol=1e-12)
        assert np.abs(change).min() > 0


def test_every_position_of_the_slider_has_its_regime():
    shown = sliders.one_step()
    steps, distances = (control.values for control in shown.controls)
    frames = {(eta, distance): sliders.step_frame(eta, distance) for eta in steps for distance in distances}
    assert {frame.tone for frame in frames.values()} == {"stable", "unstable", "neutral"}
    assert all(frame.words.startswith("2/η = ") for frame in frames.values())
    for (eta, distance), frame in frames.items():
        ray = sliders.ray(distance)
        if frame.tone == "stable":
            assert eta <= ray.kink
            # the third order in η is left out of ηκ/2
            assert ray.share(eta) == pytest.approx(1 - eta * ray.curvature / 2, abs=2 * eta**2 + 8 * ray.rounding(eta))
        if frame.tone == "unstable":
            assert ray.share(eta) <= 0
    assert "starts on the kink" in frames[1e-3, 0.0].words


def test_on_the_kink_no_step_is_small_enough():
    on, off = sliders.ray(0.0), sliders.ray(0.25)
    assert all(on.share(eta) < 0.55 for eta in (1e-10, 1e-8, 1e-6))
    assert all(off.share(eta) == pytest.approx(1, abs=1e-4) for eta in (1e-8, 1e-6))
