"""What stays and what changes when neurons, data and labels are moved: for cases that hypothesis chooses."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stableminima import interpolants, smoothness, tangent
from stableminima.network import Dataset, Network

settings.register_profile("same every time", derandomize=True, deadline=None, max_examples=50, database=None)
settings.load_profile("same every time")

WEIGHTS = st.integers(-16, 16).map(lambda sixteenths: sixteenths / 8)  # exact sums, and zeros, and equal thresholds
FACTORS = st.sampled_from([0.125, 0.5, 1.0, 2.0, 8.0])  # powers of two round nothing
CLOSE = {"rel": 1e-9, "abs": 1e-9}


@st.composite
def networks(draw) -> Network:
    k = draw(st.integers(1, 6))
    layers = (draw(st.lists(WEIGHTS, min_size=k, max_size=k)) for _ in range(3))
    return Network(*layers, draw(WEIGHTS))


@st.composite
def samples(draw, least: int = 2) -> Dataset:
    x = draw(st.lists(WEIGHTS, min_size=least, max_size=7, unique=True))
    return Dataset(x, draw(st.lists(WEIGHTS, min_size=len(x), max_size=len(x))))


def flatness(net: Network, data: Dataset) -> list[float]:
    """The sharpness, and that of the Gauss-Newton part."""
    return [tangent.dense_sharpness(net, data), tangent.interpolation_sharpness(net, data)]


def same_function(net: Network, other: Network, data: Dataset) -> None:
    """f at samples and between them, knots that bend it, the weighted norm and with it the bound on the sharpness."""
    between = np.linspace(data.x.min() - 1, data.x.max() + 1, 17)
    for x in (data.x, between):
        assert other(x) == pytest.approx(net(x), **CLOSE)
    for mine, theirs in zip(net.knots, other.knots, strict=True):
        assert theirs == pytest.approx(mine, **CLOSE)
    assert smoothness.weighted_norm(other, data) == pytest.approx(smoothness.weighted_norm(net, data), **CLOSE)
    assert smoothness.sharpness_bound(other, data) == pytest.approx(smoothness.sharpness_bound(net, data), **CLOSE)


@given(networks(), samples(), st.randoms(use_true_random=False))
def test_neurons_have_no_order(net, data, random):
    order = random.sample(range(net.k), net.k)
    other = Network(net.w1[order], net.b1[order], net.w2[order], net.b2)
    same_function(net, other, data)
    assert flatness(other, data) == pytest.approx(flatness(net, data), **CLOSE)


@given(networks(), samples(), st.randoms(use_true_random=False))
def test_samples_have_no_order(net, data, random):
    order = random.sample(range(data.n), data.n)
    other = Dataset(data.x[order], data.y[order])
    assert smoothness.weighted_norm(net, other) == pytest.approx(smoothness.weighted_norm(net, data), **CLOSE)
    assert interpolants.smoothest_norm(other) == pytest.approx(interpolants.smoothest_norm(data), **CLOSE)
    assert flatness(net, other) == pytest.approx(flatness(net, data), **CLOSE)


@given(networks(), samples(), st.data())
def test_rescaling_keeps_the_function_and_its_bound(net, data, choose):
    """Of the sharpness it keeps no more than that Lemma 4 bounds it, in every rescaling, at zero loss."""
    beta = choose.draw(st.lists(FACTORS, min_size=net.k, max_size=net.k))
    other = net.rescale(beta)
    same_function(net, other, data)
    assert tangent.interpolation_sharpness(other, data) >= smoothness.sharpness_bound(net, data) * (1 - 1e-12)


@given(networks(), samples(), st.sampled_from([0.25, 0.5, 0.75]), st.integers(0, 5))
def test_a_neuron_split_in_two_keeps_the_sharpness_at_zero_loss(net, data, share, which):
    """With first layers √s and √(1-s) times the old, and second layers too, so that each feature's square is split."""
    i = which % net.k
    parts = np.sqrt([share, 1 - share])
    w1, b1, w2 = (np.append(np.delete(layer, i), parts * layer[i]) for layer in (net.w1, net.b1, net.w2))
    other = Network(w1, b1, w2, net.b2)
    between = np.linspace(-4, 4, 17)
    assert other(between) == pytest.approx(net(between), **CLOSE)
    assert tangent.gram(other, data) == pytest.approx(tangent.gram(net, data), **CLOSE)


@given(networks(), samples(), st.integers(-8, 8))
def test_moving_the_data_moves_the_function_and_mixes_its_features(net, data, quarters):
    """f(x - s) has its knots at τ + s. The sharpness is not kept: ∂f/∂w1 becomes itself and s times ∂f/∂b1."""
    shift = quarters / 4
    other, moved = Network(net.w1, net.b1 - net.w1 * shift, net.w2, net.b2), Dataset(data.x + shift, data.y)
    assert other.residual(moved) == pytest.approx(net.residual(data), **CLOSE)
    assert other.loss(moved) == pytest.approx(net.loss(data), **CLOSE)
    (position, mass), (moved_position, moved_mass) = net.knots, other.knots
    assert moved_position == pytest.approx(position + shift, **CLOSE)
    assert moved_mass == pytest.approx(mass, **CLOSE)
    mixed = tangent.features(net, data.x)
    mixed[: net.k] += shift * mixed[net.k : 2 * net.k]
    assert tangent.features(other, moved.x) == pytest.approx(mixed, **CLOSE)
    assert tangent.interpolation_sharpness(other, moved) >= smoothness.sharpness_bound(other, moved) * (1 - 1e-12)


@given(networks(), samples())
def test_a_mirror_image_is_as_flat(net, data):
    other, mirrored = Network(-net.w1, net.b1, net.w2, net.b2), Dataset(-data.x, data.y)
    assert other.residual(mirrored) == pytest.approx(net.residual(data), **CLOSE)
    (position, mass), (mirrored_position, mirrored_mass) = net.knots, other.knots
    assert mirrored_position[::-1] == pytest.approx(-position, **CLOSE)
    assert mirrored_mass[::-1] == pytest.approx(mass, **CLOSE)
    assert smoothness.weighted_norm(other, mirrored) == pytest.approx(smoothness.weighted_norm(net, data), **CLOSE)
    assert flatness(other, mirrored) == pytest.approx(flatness(net, data), **CLOSE)
    assert interpolants.smoothest_norm(mirrored) == pytest.approx(interpolants.smoothest_norm(data), **CLOSE)


@given(networks(), samples())
def test_labels_turned_over_turn_the_function_over(net, data):
    other, turned = Network(net.w1, net.b1, -net.w2, -net.b2), Dataset(data.x, -data.y)
    assert other.residual(turned) == pytest.approx(-net.residual(data), **CLOSE)
    assert flatness(other, turned) == pytest.approx(flatness(net, data), **CLOSE)


@given(networks(), samples(), FACTORS)
def test_the_weighted_norm_is_proportional_to_the_labels(net, data, factor):
    """So the bound's excess over 1 is; the loss is to their square."""
    other, scaled = Network(net.w1, net.b1, factor * net.w2, factor * net.b2), Dataset(data.x, factor * data.y)
    assert other.loss(scaled) == pytest.approx(factor**2 * net.loss(data), **CLOSE)
    assert smoothness.weighted_norm(other, scaled) == pytest.approx(
        factor * smoothness.weighted_norm(net, data), **CLOSE)
    assert interpolants.smoothest_norm(scaled) == pytest.approx(factor * interpolants.smoothest_norm(data), **CLOSE)


CERTIFICATES = st.lists(WEIGHTS, min_size=7, max_size=7).map(np.array)


@given(samples(3), CERTIFICATES, CERTIFICATES, FACTORS, st.randoms(use_true_random=False))
def test_certificates_follow_the_data(data, q, nu, factor, random):
    """Q and ν in the samples' new order, or mirrored with them, prove the same, and steeper labels prove more."""
    q, nu = np.outer(q[: data.n], q[: data.n]) + np.eye(data.n), nu[: data.n]
    bound = interpolants.certified_sharpness(data, q, nu)
    order = random.sample(range(data.n), data.n)
    permuted = interpolants.certified_sharpness(Dataset(data.x[order], data.y[order]), q[order][:, order], nu[order])
    assert permuted == pytest.approx(bound, **CLOSE)
    assert interpolants.certified_sharpness(Dataset(-data.x, data.y), q, nu) == pytest.approx(bound, **CLOSE)
    offset = interpolants.certified_sharpness(data, q, np.zeros(data.n))
    scaled = interpolants.certified_sharpness(Dataset(data.x, factor * data.y), q, nu)
    assert scaled - offset == pytest.approx(factor * (bound - offset), **CLOSE)


@given(samples(3), CERTIFICATES, CERTIFICATES)
def test_no_interpolant_is_flatter_than_any_certificate(data, q, nu):
    """Q and ν of no merit prove little, and what they prove is true."""
    q, nu = np.outer(q[: data.n], q[: data.n]) + np.eye(data.n), nu[: data.n]
    net = interpolants.smoothest_interpolant(data, nudge=0.25)
    bound = interpolants.certified_sharpness(data, q, nu)
    assert bound <= tangent.interpolation_sharpness(net, data) * (1 + 1e-9)
