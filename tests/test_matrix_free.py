"""Products in O(n + k) against the dense matrices and autograd, and the largest eigenvalue that they find."""

import numpy as np
import pytest
from autograd import grad, make_jvp
from scipy.sparse.linalg import aslinearoperator

from chapters.instances import Case, degenerate_cases, minima, random_case
from stableminima import autodiff, matrix_free, tangent
from stableminima.network import Dataset, Network

SHAPES = [(1, 1), (1, 6), (6, 1), (2, 3), (20, 8), (80, 10), (40, 60)]
RANDOM = {f"random, k = {k}, n = {n}": random_case(seed, k, n) for seed, (k, n) in enumerate(SHAPES)}
FAR = {name: Case(case.net, Dataset(case.data.x, case.data.y + 40)) for name, case in RANDOM.items()}
ODD = {
    "dead": Case(Network([1.0], [-9.0], [1.0], 2.0), Dataset([-1, 1], [1.0, 3.0])),
    "w2 = 0": Case(Network([1.0, -2.0], [0.5, 0.5], [0.0, 0.0], 0.0), Dataset([1, -1, 0], [1.0, 3.0, 2.0])),
    "thresholds on the outermost samples": Case(
        Network([1.0, 1, -1, -1], [1.0, -3, -1, 3], [1.0, 2, 3, 4], 0.0), Dataset([3, 0.5, -1, 2], [1.0, 2, 3, 4])
    ),
    "threshold on the only sample": Case(Network([1.0, -1.0], [-2.0, 2.0], [1.0, 1.0], 0.0), Dataset([2.0], [1.0])),
}
CASES = {
    **RANDOM,
    **{f"{name}, far labels": case for name, case in FAR.items()},
    **ODD,
    **{instance.label: instance.value for instance in degenerate_cases()},
}
MINIMA = {instance.label: instance.value for instance in minima(8)}

each_case = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


def near(found, expected):
    """Equal to rounding, relative to the largest entry."""
    return np.abs(found - expected).max() <= 1e-12 * max(1.0, np.abs(expected).max())


@each_case
def test_features_and_their_transpose_are_the_dense_ones(case):
    phi = matrix_free.features(case.net, case.data.x)
    dense = tangent.features(case.net, case.data.x)
    assert near(phi @ np.eye(case.data.n), dense)
    assert near(phi.T @ np.eye(dense.shape[0]), dense.T)


@each_case
def test_a_product_is_that_of_the_dense_hessian(case):
    dense = tangent.hessian(case.net, case.data)
    assert near(matrix_free.hessian(case.net, case.data) @ np.eye(dense.shape[0]), dense)


@each_case
def test_a_product_is_that_of_autograd(case):
    direction = np.random.default_rng(0).standard_normal(3 * case.net.k + 1)
    _, expected = make_jvp(lambda theta: grad(autodiff.loss)(theta, case.data))(case.net.vector)(direction)
    assert near(matrix_free.hessian(case.net, case.data) @ direction, expected)


def test_thresholds_within_rounding_of_a_sample_are_on_the_side_that_floating_point_says():
    rng = np.random.default_rng(0)
    x = rng.uniform(-2, 2, 50)
    w1 = rng.uniform(-1, 1, 2000)
    b1 = -w1 * rng.choice(x, w1.size) * (1 + rng.integers(-2, 3, w1.size) * 2.0**-53)
    net = Network(w1, b1, rng.standard_normal(w1.size), 0.0)
    quotient = np.where(w1 > 0, x[:, None] > net.thresholds, x[:, None] < net.thresholds)
    assert (quotient != net.pattern(x)).any(), "the case must tell floating point from the quotient"
    # first-layer biases alone, at unit weights: the pattern itself
    pattern = matrix_free.features(Network(w1, b1, np.ones(w1.size), 0.0), x) @ np.eye(x.size)
    assert np.array_equal(pattern[w1.size : 2 * w1.size].T, net.pattern(x))


@each_case
def test_sharpness_is_that_of_the_dense_hessian(case):
    expected = tangent.dense_sharpness(case.net, case.data)
    assert matrix_free.sharpness(case.net, case.data) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("case", MINIMA.values(), ids=MINIMA)
def test_sharpness_of_minima_is_that_of_their_gram_matrix(case):
    expected = tangent.interpolation_sharpness(case.net, case.data)
    assert matrix_free.sharpness(case.net, case.data) == pytest.approx(expected, rel=1e-9)


def test_sharpness_at_a_larger_size():
    case = random_case(0, 700, 900)
    expected = tangent.dense_sharpness(case.net, case.data)
    assert matrix_free.sharpness(case.net, case.data) == pytest.approx(expected, rel=1e-9)


def test_largest_is_algebraic_not_in_modulus():
    matrix = np.diag([-9.0, 1.0, 2.0, -3.0, 0.0])
    assert matrix_free.largest_eigenvalue(aslinearoperator(matrix)) == pytest.approx(2.0)
    case = random_case(7, 6, 3)
    far = Case(case.net, Dataset(case.data.x, case.data.y + 40))
    values = np.linalg.eigvalsh(tangent.hessian(far.net, far.data))
    smaller = Case(far.net, Dataset(far.data.x, far.data.y - 80))  # the residual part the other way round
    assert values[0] < -values[-1] + 2, "the case must tell algebraic from absolute"
    for each in (far, smaller):
        expected = tangent.dense_sharpness(each.net, each.data)
        assert matrix_free.sharpness(each.net, each.data) == pytest.approx(expected, rel=1e-9)


def test_same_input_same_number():
    case = random_case(3, 50, 40)
    assert len({matrix_free.sharpness(case.net, case.data) for _ in range(3)}) == 1


def test_giving_up_is_an_error_that_says_what_to_do():
    spread = aslinearoperator(np.diag(1 - np.linspace(0, 1e-9, 2000)))
    with pytest.raises(RuntimeError, match="did not reach tolerance 1e-14 in 1 restarts.*larger tolerance or more"):
        matrix_free.largest_eigenvalue(spread, tolerance=1e-14, restarts=1)


@pytest.mark.parametrize("bad", [{"tolerance": -1}, {"tolerance": 1.0}, {"tolerance": np.nan}, {"restarts": 0}])
def test_bad_options_are_named(bad):
    case = random_case(0, 2, 2)
    with pytest.raises(ValueError, match=f"{next(iter(bad))} must be"):
        matrix_free.sharpness(case.net, case.data, **bad)
