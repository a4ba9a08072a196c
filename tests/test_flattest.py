"""The semidefinite programme against problems solved by hand, what it proves, and what is said where it fails."""

import cvxpy as cp
import numpy as np
import pytest

from stableminima import flattest, implementations, interpolants, tangent
from stableminima.network import Dataset, Network

NET, DATA = Network([2.0], [1.0], [-3.0], 0.0), Dataset([1.5], [0.0])


def test_one_neuron_with_a_given_bend_by_hand():
    """v·(x² + 1) + u·z² with uv = c² is at best 2|c|z√(1 + x²)."""
    found = flattest.solve(tangent.blocks(NET, DATA.x), bends=NET.w2)
    assert found.v * (1 + 1.5**2) == pytest.approx(2 * 3 * 4 * np.hypot(1, 1.5) / 2, rel=1e-4)
    assert found.u * found.v == pytest.approx(9, rel=1e-4)
    assert found.density == pytest.approx(np.ones((1, 1)))
    assert found.multipliers.tolist() == [0.0]


def test_bends_follow_from_labels():
    blocks = tangent.blocks(Network([1, 1, 1], [1.5, 0.5, -0.5], [1, 1, 1], 0), [-1, 0, 1])
    found = flattest.solve(blocks, labels=np.array([1.0, 0.0, 1.0]))
    assert np.diff(found.bends @ blocks[2]) == pytest.approx([-1, 1], abs=1e-6)
    assert found.multipliers.sum() == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize("seed", range(5))
def test_no_split_of_a_neuron_costs_less_than_the_least(seed):
    rng = np.random.default_rng(seed)
    net, x = Network.random(rng, 4, 2.0), rng.uniform(-2, 2, 5)
    blocks, half = tangent.blocks(net, x), rng.normal(size=(5, 2))
    density = half @ half.T / np.sum(half**2)
    first, second, third = np.einsum("bij,jl,bil->bi", blocks, density, blocks)
    least = flattest.least_costs(*blocks, density)
    for share in np.logspace(-3, 3, 13):
        assert (((first + second) * share + third / share) / 5 >= least - 1e-12).all()
    best = np.sqrt(third / np.maximum(first + second, 1e-300))
    assert ((first + second) * best + third / np.where(best > 0, best, 1)) / 5 == pytest.approx(least, abs=1e-12)


def _raises(self, **options):
    raise cp.SolverError("numerical trouble")


def _finds_nothing(self, **options):
    self._status = cp.INFEASIBLE_INACCURATE


@pytest.mark.parametrize("trouble", [_raises, _finds_nothing])
@pytest.mark.parametrize("ask", [
    lambda: implementations.flattest_implementation(NET, Dataset([0, 1.5], [0, 0])),
    lambda: interpolants.flattest_interpolant(Dataset([-1, 0, 1], [1, 0, 1])),
])
def test_a_solver_that_fails_is_an_error_that_says_what_to_do(monkeypatch, trouble, ask):
    monkeypatch.setattr(cp.Problem, "solve", trouble)
    with pytest.raises(ArithmeticError, match="the solver f.*rescale the data"):
        ask()
