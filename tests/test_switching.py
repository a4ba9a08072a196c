"""Switching systems: against the real network, by hand, and what they refuse."""

import numpy as np
import pytest

from chapters.instances import minima, random_case
from stableminima import autodiff
from stableminima import switching as sw
from stableminima.network import Network
from stableminima.runs.descent import Schedule, descend
from stableminima.switching import Switching

FOUND = [one.value for one in minima(3)]


def noisy(seed=0, modes=2, batches=3, dim=2):
    rng = np.random.default_rng(seed)
    hessians = rng.standard_normal((modes, batches, dim, dim))
    return Switching(hessians + hessians.swapaxes(2, 3), rng.standard_normal((modes, batches, dim)),
                     sw.fan(rng.standard_normal((modes, dim))))


def test_step_by_hand():
    system = Switching.deterministic([[[2.0, 1.0], [1.0, 3.0]]], [[1.0, -1.0]])
    # u - η(g + Hu) at u = (1, 2): g + Hu = (1 + 4, -1 + 7)
    assert system.step([1, 2], eta=0.5).tolist() == [1 - 2.5, 2 - 3.0]


def test_step_uses_the_mode_of_the_displacement_unless_told():
    system = Switching.deterministic([[[1.0]], [[3.0]]], rule=sw.fan([[1.0], [-1.0]]))
    assert system.step([2.0], 1.0).tolist() == [0.0]
    assert system.step([-2.0], 1.0).tolist() == [4.0]
    assert system.step([-2.0], 1.0, mode=0).tolist() == [0.0]


def test_led_through_modes_by_hand():
    system = Switching.deterministic([[[1.0]], [[3.0]]])
    assert system.led([4.0], 0.5, [1, 0, 1]).ravel().tolist() == [4.0, -2.0, -1.0, 0.5]
    assert np.array_equal(system.led([4.0], 0.5, [0, 0]), system.path([4.0], 0.5, 2))


def test_tops_and_edge_of_two_mirrored_modes():
    sharpnesses, tops = sw.mirrored(3.0, 1.0, 0.8).tops
    assert sharpnesses == pytest.approx([3.0, 3.0])
    assert np.abs(tops) == pytest.approx(np.array([[np.cos(0.4), np.sin(0.4)]] * 2))
    assert sw.edge(Switching.deterministic([[[1.0]], [[4.0]]])) == 0.5
    assert np.abs(sw.mean_direction(sw.mirrored(3.0, 1.0, 0.8))) == pytest.approx([1, 0])


def test_a_mode_that_lies_off_its_own_top_eigenvector_is_not_at_home():
    hessians = [np.diag([5.0, 0.0]), np.diag([0.0, 4.0])]
    assert sw.sharpest_at_home(Switching.deterministic(hessians, rule=lambda u: 1)) == 4.0
    assert np.isnan(sw.sharpest_at_home(Switching.deterministic(hessians, rule=lambda u: int(u[0] ** 2 > u[1] ** 2))))


def test_iterates_are_all_batch_sequences():
    system, u = noisy(), np.array([1.0, -0.5])
    rows = system.iterates(u, 0.3, 2)
    assert [len(each) for each in rows] == [1, 3, 9]
    by_hand = [system.step(system.step(u, 0.3, first), 0.3, second) for first in range(3) for second in range(3)]
    assert np.array_equal(rows[2], by_hand)
    assert np.allclose(rows[1].mean(axis=0), system.step(u, 0.3), atol=1e-12)


def test_iterates_average_to_what_sampling_gives():
    system, rng = noisy(3), np.random.default_rng(0)
    exact = np.linalg.norm(system.iterates([1.0, 0.0], 0.2, 3)[3], axis=1).mean()
    sampled = []
    for _ in range(4000):
        u = np.array([1.0, 0.0])
        for _ in range(3):
            u = system.step(u, 0.2, batch=int(rng.integers(3)))
        sampled.append(np.linalg.norm(u))
    assert abs(np.mean(sampled) - exact) < 4 * np.std(sampled) / np.sqrt(len(sampled))


def test_gamma_and_drift_by_hand():
    system = Switching(np.zeros((2, 2, 1, 1)), [[[1.0], [-3.0]], [[0.5], [0.5]]], lambda u: 0)
    assert sw.gamma(system, [1.0]) == 2.0
    assert sw.drift(system, [1.0]) == 1.0


def test_rayleigh_makes_the_deviation_smallest():
    system, q = noisy(1, batches=1), np.array([0.6, 0.8])
    best = sw.rayleigh(system, q)
    assert all(sw.deviation(system, q, best) <= sw.deviation(system, q, best + shift) for shift in (-0.1, 0.1))
    assert sw.deviation(Switching.deterministic([np.diag([2.0, 5.0])]), [0.0, 1.0], [5.0]) == 0.0


def test_threshold():
    assert sw.threshold(0.5, delta=0.1, gamma=0.3, radius=2.0) == pytest.approx(4 + 0.1 + 0.15)


@pytest.mark.parametrize("case", FOUND)
def test_modes_at_a_minimum_are_those_of_the_network(case):
    found = sw.at_minimum(case.net, case.data, knots=5)
    assert np.allclose(found.basis.T @ found.basis, np.eye(found.system.dim), atol=1e-12)
    assert not found.net.residual(found.data).any()
    pattern = found.net.pattern(found.data.x)
    rng = np.random.default_rng(0)
    for _ in range(20):
        u = 1e-8 * rng.standard_normal(found.system.dim)
        displaced = Network.from_vector(found.net.vector + found.basis @ u)
        here = displaced.pattern(found.data.x)
        bits = found.system.rule(u) >> np.arange(5) & 1
        assert np.array_equal(here[found.samples, found.neurons], bits.astype(bool))
        assert np.count_nonzero(here != pattern) == bits.sum()  # and nothing else has switched
        columns = found.basis.T @ autodiff.features(displaced, found.data.x)
        hessian = found.system.mean_hessians[found.system.rule(u)]
        assert np.allclose(hessian, columns @ columns.T / found.data.n, atol=1e-5 * np.abs(hessian).max())


def test_a_path_of_the_system_is_a_path_of_the_network():
    found = sw.at_minimum(FOUND[-1].net, FOUND[-1].data, knots=5)
    u = 1e-7 * np.random.default_rng(1).standard_normal(found.system.dim)
    start = Network.from_vector(found.net.vector + found.basis @ u)
    after = descend(start, found.data, Schedule(0.4), tolerance=0.0, budget=10).net
    moved = found.basis.T @ (after.vector - found.net.vector)
    path = found.system.path(u, 0.4, 10)
    assert np.allclose(moved, path[-1], atol=1e-4 * np.linalg.norm(u))
    assert len({found.system.rule(each) for each in path}) > 1, "the path must pass through several modes"


def test_moving_knots_onto_samples_changes_the_function_little():
    case = FOUND[0]
    found = sw.at_minimum(case.net, case.data)
    assert not found.net.preactivation(found.data.x)[found.samples, found.neurons].any()
    assert np.abs(found.data.y - case.data.y).max() < 1e-3
    others = np.setdiff1d(np.arange(found.net.k), found.neurons)
    distance = np.abs(found.net.thresholds[others, None] - found.data.x).min()
    assert distance > 9e-6


def test_batches_of_one_sample_are_rank_one():
    found = sw.at_minimum(FOUND[0].net, FOUND[0].data, knots=2, batch=1)
    assert found.system.hessians.shape[:2] == (4, 10)
    assert (np.linalg.matrix_rank(found.system.hessians, tol=1e-8) <= 1).all()


def test_distances_of_one_mode_grow_by_its_factor():
    system = Switching.deterministic([np.diag([2.5, 0.5])])
    halfway, end = sw.log_distances(system, [0.5, 1.0], steps=400, starts=3)
    assert (end - halfway)[1] / 200 == pytest.approx(np.full(3, np.log(1.5)), abs=1e-9)
    assert (end[0] < -50).all()
    assert sw.log_distances(Switching.deterministic([np.eye(2)]), 1.0, steps=4, starts=2)[1].max() == -np.inf


def test_distances_are_those_of_the_paths():
    system = sw.at_minimum(FOUND[0].net, FOUND[0].data, knots=3).system
    eta, start = 1.01 * sw.edge(system), np.random.default_rng(4).standard_normal(system.dim)
    path = np.linalg.norm(system.path(start / np.linalg.norm(start), eta, 20), axis=1)
    found = sw.log_distances(system, eta, steps=20, starts=1, seed=4).ravel()
    assert found == pytest.approx(np.log(path[[10, 20]]), abs=1e-9)


def test_modes_of_many_are_those_of_each():
    points = np.random.default_rng(0).standard_normal((50, 2))
    fast = sw.at_minimum(FOUND[0].net, FOUND[0].data, knots=3).system
    wide = np.random.default_rng(0).standard_normal((50, fast.dim))
    assert fast.modes_of(wide).tolist() == [fast.rule(u) for u in wide]
    assert sw.mirrored(2, 1, 0.5).modes_of(points).tolist() == (points[:, 1] < 0).astype(int).tolist()


def test_exhaustive_is_at_least_greedy_and_finds_the_best_of_all_sequences():
    system, u = noisy(5, modes=3, batches=1), np.array([1.0, 0.3])
    path, taken = sw.exhaustive(system, u, 0.3, 4)
    lengths = []
    for sequence in np.ndindex(3, 3, 3, 3):
        point = u
        for mode in sequence:
            point = system.step(point, 0.3, mode=mode)
        lengths.append(np.linalg.norm(point))
    assert np.linalg.norm(path[-1]) == pytest.approx(max(lengths))
    point = u
    for mode in taken:
        point = system.step(point, 0.3, mode=mode)
    assert np.array_equal(point, path[-1])
    assert np.linalg.norm(path[-1]) >= np.linalg.norm(sw.greedy(system, u, 0.3, 4)[0][-1])


def test_modes_taken_come_in_the_order_of_the_steps():
    """H = 0 keeps u, the other mode triples it once gradients have moved it: only the order 1, 0 ends at 5."""
    system = Switching.deterministic([[[3.0]], [[0.0]]], [[0.0], [-2.0]])
    path, taken = sw.exhaustive(system, [0.5], 1.0, 2)
    assert taken == (1, 0) and path.ravel().tolist() == [0.5, 2.5, -5.0]
    assert path[-1].tolist() == system.led([0.5], 1.0, taken)[-1].tolist()


def test_greedy_takes_the_farthest_next_point():
    system = noisy(2, modes=4)
    path, taken = sw.greedy(system, [1.0, 1.0], 0.2, 5)
    for here, there, mode in zip(path, path[1:], taken, strict=False):
        nexts = [np.linalg.norm(system.step(here, 0.2, mode=each)) for each in range(4)]
        assert np.linalg.norm(there) == pytest.approx(max(nexts)) and int(np.argmax(nexts)) == mode


@pytest.mark.parametrize(("make", "message"), [
    (lambda: Switching(np.zeros((1, 2, 2)), np.zeros((1, 1, 2)), len), "hessians must hold finite numbers along 4"),
    (lambda: Switching([[[[np.nan]]]], [[[0.0]]], len), "hessians must hold finite numbers"),
    (lambda: Switching(np.zeros((1, 1, 2, 2)), np.zeros((1, 1, 3)), len), "do not fit gradients"),
    (lambda: Switching.deterministic([[[1.0, 2.0], [0.0, 1.0]]]), "not symmetric"),
    (lambda: sw.exhaustive(noisy(modes=10), [1.0, 1.0], 0.1, 7), "take fewer steps, or greedy"),
    (lambda: sw.log_distances(noisy(), 0.1), "gradients at the minimum"),
    (lambda: sw.at_minimum(FOUND[0].net, FOUND[0].data, batch=11), "batch is 11: give a number of samples"),
    (lambda: sw.at_minimum(random_case(0, 4, 6).net, random_case(0, 4, 6).data), "no knot is within"),
])
def test_bad_input_is_refused_with_the_remedy(make, message):
    with pytest.raises(ValueError, match=message):
        make()
