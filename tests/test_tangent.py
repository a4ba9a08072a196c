"""Closed forms against automatic differentiation, and the sharpness computed three ways."""

import autograd.numpy as anp
import numpy as np
import pytest
from autograd import grad, jacobian
from scipy.sparse.linalg import eigsh

from chapters.instances import degenerate_cases, random_case
from stableminima import autodiff, tangent
from stableminima.network import Dataset, Network

CASES = [random_case(seed, k, n) for seed, (k, n) in enumerate([(1, 1), (3, 2), (20, 8), (80, 10)])]


@pytest.mark.parametrize("case", CASES)
def test_features_gradient_and_hessian_agree_with_autograd(case):
    net, data = case.net, case.data
    assert np.allclose(tangent.features(net, data.x), autodiff.features(net, data.x), rtol=0, atol=1e-10)
    assert np.allclose(tangent.gradient(net, data), autodiff.gradient(net, data), rtol=0, atol=1e-10)
    assert np.allclose(tangent.hessian(net, data), autodiff.hessian(net, data), rtol=0, atol=1e-10)


@pytest.mark.parametrize("case", CASES)
def test_features_within_any_pattern_are_those_of_the_polynomial_that_it_freezes(case):
    pattern = np.random.default_rng(0).random((case.data.n, case.net.k)) < 0.5

    def frozen(theta):
        w1, b1, w2 = theta[:-1].reshape(3, -1)
        return anp.dot((anp.outer(case.data.x, w1) + b1) * pattern, w2) + theta[-1]

    found = tangent.features(case.net, case.data.x, pattern)
    assert np.allclose(found, jacobian(frozen)(case.net.vector).T, rtol=0, atol=1e-14)


def test_derivative_at_a_kink_is_zero_in_both():
    on_sample = Network([1.0], [-1.0], [1.0], 0.0)
    for module in (tangent, autodiff):
        assert module.features(on_sample, [1.0])[:3].tolist() == [[0], [0], [0]]
    assert grad(lambda z: z * (z > 0))(0.0) == 0
    assert grad(lambda z: anp.maximum(z, 0.0))(0.0) == 0.5  # the convention we do not want


@pytest.mark.parametrize("case", CASES)
def test_gram_and_gauss_newton_share_their_largest_eigenvalue(case):
    dense = tangent.largest_eigenvalue(tangent.gauss_newton(case.net, case.data))
    assert tangent.interpolation_sharpness(case.net, case.data) == pytest.approx(dense, rel=1e-12)


def test_sharpness_at_zero_loss_is_that_of_the_gram_matrix():
    case = CASES[2].interpolating()
    assert tangent.sharpness(case.net, case.data) == pytest.approx(
        tangent.interpolation_sharpness(case.net, case.data), rel=1e-12
    )


def test_sharpness_is_the_largest_algebraic_eigenvalue():
    assert tangent.largest_eigenvalue(np.diag([-5.0, 1.0, 2.0])) == 2.0
    case = random_case(7, 6, 3)
    far = Dataset(case.data.x, case.data.y + 40)
    hessian = tangent.hessian(case.net, far)
    values = np.linalg.eigvalsh(hessian)
    assert values[0] < -values[-1] + 2, "the case must tell algebraic from absolute"
    assert tangent.sharpness(case.net, far) == pytest.approx(eigsh(hessian, 1, which="LA")[0][0], rel=1e-9)


@pytest.mark.parametrize(("k", "n", "method"), [
    (80, 10, "gram_sharpness"), (10, 80, "dense_sharpness"), (80, 300, "dense_sharpness"),
    (400, 20, "gram_sharpness"), (120, 110, "matrix_free"),
])
def test_sharpness_chooses_its_method_by_the_size(monkeypatch, k, n, method):
    case = random_case(0, k, n)
    dense, chosen = tangent.dense_sharpness(case.net, case.data), []
    home = tangent.matrix_free if method == "matrix_free" else tangent
    name = "sharpness" if method == "matrix_free" else method
    wanted = getattr(home, name)
    monkeypatch.setattr(home, name, lambda *at: chosen.append(method) or wanted(*at))
    assert tangent.sharpness(case.net, case.data) == pytest.approx(dense, rel=1e-9)
    assert chosen == [method]


@pytest.mark.parametrize("shape", [(1, 1), (1, 6), (2, 3), (5, 8), (80, 10)])
@pytest.mark.parametrize("shift", [0, 1, -20, 300])
def test_gram_sharpness_is_that_of_the_dense_hessian(shape, shift):
    for seed in range(5):
        case = random_case(seed, *shape)
        data = Dataset(case.data.x, case.data.y + shift)
        dense = tangent.dense_sharpness(case.net, data)
        assert tangent.gram_sharpness(case.net, data) == pytest.approx(dense, rel=1e-12)


def test_gram_sharpness_in_degenerate_cases():
    for instance in degenerate_cases():
        net, data = instance.value.net, instance.value.data
        assert tangent.gram_sharpness(net, data) == pytest.approx(tangent.dense_sharpness(net, data), rel=1e-12)


def test_gram_sharpness_where_no_eigenvalue_is_above_rho():
    """A far label: the residual part of one neuron alone is larger than anything that features could add."""
    net, data = Network([1e-8], [1e-8], [0.0], 0.0), Dataset([1.0, 2.0], [1e4, 1e4])
    assert tangent.gram_sharpness(net, data) == pytest.approx(tangent.dense_sharpness(net, data), rel=1e-9)


def test_corrected_gram_has_the_eigenvalue_it_is_made_for():
    case = random_case(0, 12, 5)
    sharpness = tangent.dense_sharpness(case.net, case.data)
    matrix = tangent.corrected_gram(case.net, case.data, sharpness)
    assert tangent.largest_eigenvalue(matrix) == pytest.approx(sharpness, rel=1e-12)
    with pytest.raises(ValueError, match="eigenvalue must be finite and above"):
        tangent.corrected_gram(case.net, case.data, 0.0)


def test_at_zero_loss_the_corrected_gram_is_the_gram():
    case = random_case(1, 12, 5).interpolating()
    assert np.allclose(tangent.corrected_gram(case.net, case.data, 7.0), tangent.gram(case.net, case.data))
