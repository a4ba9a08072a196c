"""Closed forms against automatic differentiation, and the sharpness computed three ways."""

import autograd.numpy as anp
import numpy as np
import pytest
from autograd import grad
from scipy.sparse.linalg import eigsh

from chapters.instances import random_case
from stableminima import autodiff, tangent
from stableminima.network import Dataset, Network

CASES = [random_case(seed, k, n) for seed, (k, n) in enumerate([(1, 1), (3, 2), (20, 8), (80, 10)])]


@pytest.mark.parametrize("case", CASES)
def test_features_gradient_and_hessian_agree_with_autograd(case):
    net, data = case.net, case.data
    assert np.allclose(tangent.features(net, data.x), autodiff.features(net, data.x), rtol=0, atol=1e-10)
    assert np.allclose(tangent.gradient(net, data), autodiff.gradient(net, data), rtol=0, atol=1e-10)
    assert np.allclose(tangent.hessian(net, data), autodiff.hessian(net, data), rtol=0, atol=1e-10)


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
