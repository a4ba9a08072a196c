"""The compiled kernel against plain gradient descent by autograd, and how runs end."""

import numpy as np
import pytest

from chapters import plans
from chapters.instances import Case, random_case
from stableminima import autodiff, tangent
from stableminima.network import Dataset, Network
from stableminima.runs import kernels, vectorised
from stableminima.runs.descent import Outcome, Schedule, descend, steps


def trajectory(net, data, schedule, count):
    """θ_0, …, θ_count from the kernel."""
    runs = [descend(net, data, schedule, tolerance=0, budget=t) for t in range(1, count + 1)]
    return [net, *(run.net for run in runs)]


def one_step(net, data, schedule, t, switched):
    """Step t from ``net``, with autograd's gradient."""
    eta = schedule.eta * (schedule.factor if switched else 1) * min(1, (t + 1) / max(schedule.warm_up, 1))
    return net.vector - eta * autodiff.gradient(net, data)


@pytest.mark.parametrize(
    "schedule",
    [Schedule(0.05), Schedule(0.2, warm_up=40), Schedule(0.02, level=0.05, factor=3)],
    ids=["constant", "warm-up", "change at a loss level"],
)
@pytest.mark.parametrize("shape", [(1, 1), (5, 2), (12, 7), (80, 10)])
def test_every_step_is_that_of_autograd(schedule, shape):
    """Step by step, each from the kernel's own position: above the edge of stability errors would grow otherwise."""
    case = random_case(3, *shape)
    path = trajectory(case.net, case.data, schedule, 60)
    switched = False
    for t, (before, after) in enumerate(zip(path, path[1:], strict=False)):
        switched = switched or before.loss(case.data) < schedule.level
        assert np.abs(after.vector - one_step(before, case.data, schedule, t, switched)).max() < 1e-13


def test_schedule_changes_when_the_loss_first_falls_below_the_level():
    case = random_case(3, 80, 10)
    run = descend(case.net, case.data, Schedule(0.02, level=0.05, factor=3), tolerance=0, budget=200)
    assert run.losses[0] > 0.05 > run.losses[-1]
    assert run.eta == pytest.approx(0.06)


def test_order_of_samples_does_not_matter():
    case = random_case(1, 20, 8)
    order = np.random.default_rng(0).permutation(8)
    shuffled = Dataset(case.data.x[order], case.data.y[order])
    runs = [descend(case.net, data, Schedule(0.1), tolerance=0, budget=300) for data in (case.data, shuffled)]
    assert np.array_equal(runs[0].net.vector, runs[1].net.vector)


def test_same_input_same_bits_however_it_is_thinned():
    case = random_case(2, 30, 6)
    runs = [descend(case.net, case.data, Schedule(0.3), tolerance=0, budget=5000, records=r) for r in (1, 7, 5000)]
    assert len({run.net.vector.tobytes() for run in runs}) == 1


def test_single_steps_are_those_of_a_run():
    case = random_case(2, 30, 6)
    path = trajectory(case.net, case.data, Schedule(0.3), 50)
    assert [each.vector.tolist() for each in steps(case.net, case.data, 0.3, 50)] == [
        each.vector.tolist() for each in path[1:]]


@pytest.mark.parametrize(
    ("net", "data", "eta"),
    [
        (Network([1.0], [5.0], [1.0], 0.0), Dataset([-2, -1, 0, 1, 2], [9.0, -9, 9, -9, 9]), 0.2),
        (Network([0.0, 0.0, 1.0], [1.0, -1.0, 0.0], [0.5, 0.5, 1.0], 0.0), Dataset([-1, 0, 1], [1, 2, 0]), 0.1),
    ],
    ids=["crosses several samples in a step", "neurons without a threshold"],
)
def test_patterns_are_followed(net, data, eta):
    path = trajectory(net, data, Schedule(eta), 3)
    assert not np.array_equal(path[0].pattern(data.x), path[-1].pattern(data.x)) or (net.w1 == 0).any()
    for before, after in zip(path, path[1:], strict=False):
        assert np.abs(after.vector - one_step(before, data, Schedule(eta), 0, False)).max() < 1e-12


def test_trace_is_thinned_even_and_true():
    case = random_case(4, 10, 5)
    run = descend(case.net, case.data, Schedule(0.05), tolerance=0, budget=3000, records=100, with_sharpness=True)
    gaps = np.diff(run.trace)[:-1]
    assert 100 <= run.trace.size <= 201
    assert len(set(gaps.tolist())) == 1
    again = descend(case.net, case.data, Schedule(0.05), tolerance=0, budget=int(run.trace[7]))
    assert run.losses[7] == again.loss == pytest.approx(again.net.loss(case.data), rel=1e-12)
    assert run.sharpnesses[7] == pytest.approx(tangent.sharpness(again.net, case.data), rel=1e-12)


def outcome_of(net, data, schedule, **options):
    return descend(net, data, schedule, **options).outcome


def test_outcomes():
    case = random_case(0, 20, 3)
    converges = {"tolerance": 1e-6, "budget": 1_000_000}
    assert outcome_of(case.net, case.data, Schedule(0.1), **converges) is Outcome.CONVERGED
    assert outcome_of(case.net, case.data, Schedule(0.1, warm_up=10**6), **converges) is Outcome.WARM_UP
    assert outcome_of(case.net, case.data, Schedule(0.1), budget=5) is Outcome.STALLED


def test_divergence_is_told_and_leaves_finite_parameters():
    case = random_case(1, 20, 5)
    run = descend(case.net, case.data, Schedule(3.0), budget=500)
    assert run.outcome is Outcome.DIVERGED
    assert run.loss == np.inf
    assert np.isfinite(run.net.vector).all()


@pytest.mark.parametrize("label", [1e200, -1e308])
def test_a_loss_that_overflows_at_the_start_is_divergence(label):
    case = random_case(1, 20, 5)
    run = descend(case.net, Dataset(case.data.x, np.full(5, label)), Schedule(0.01), budget=5, with_sharpness=True)
    assert (run.outcome, run.steps, run.loss) == (Outcome.DIVERGED, 0, np.inf)
    assert np.array_equal(run.net.vector, case.net.vector)
    assert (run.trace.tolist(), run.losses.tolist(), run.sharpnesses.tolist()) == ([0], [np.inf], [np.inf])


@pytest.mark.parametrize(("budget", "records"), [(1023, 256), (1023, 1), (7, 2), (1024, 256), (3, 1)])
def test_a_trace_ends_where_the_run_ends(budget, records):
    case = random_case(4, 10, 5)
    run = descend(case.net, case.data, Schedule(0.05), tolerance=0, budget=budget, records=records, with_sharpness=True)
    assert run.trace[-1] == run.steps == budget
    assert run.losses[-1] == run.loss
    assert run.sharpnesses[-1] == tangent.sharpness(run.net, case.data)
    assert run.trace.size <= 2 * records


def test_a_diverged_trace_ends_with_the_parameters_that_are_kept():
    case = random_case(1, 20, 5)
    run = descend(case.net, case.data, Schedule(3.0), budget=500)
    assert run.losses[-1] == pytest.approx(run.net.loss(case.data), rel=1e-12)


def test_a_loss_exactly_at_the_tolerance_is_converged():
    """f = 0, y = 1: the loss is exactly 1/2, and no step is taken."""
    run = descend(Network([1.0], [-9.0], [1.0], 0.0), Dataset([-1, 1], [1, 1]), Schedule(0.5), tolerance=0.5)
    assert (run.outcome, run.steps, run.loss) == (Outcome.CONVERGED, 0, 0.5)


def test_a_fixed_point_is_recognised_at_once():
    dead = Network([1.0], [-9.0], [1.0], 2.0)
    run = descend(dead, Dataset([-1, 1], [1.0, 3.0]), Schedule(0.5), budget=10**9)
    assert run.outcome is Outcome.STALLED
    assert run.steps < 100


@pytest.mark.parametrize("eta", [0, -1, np.nan, np.inf])
def test_bad_step_size_is_named(eta):
    with pytest.raises(ValueError, match="eta must be a positive number"):
        Schedule(eta)


def test_bad_options_are_named():
    case = random_case(0, 2, 2)
    with pytest.raises(ValueError, match="tolerance must be"):
        descend(case.net, case.data, Schedule(0.1), tolerance=-1)
    with pytest.raises(ValueError, match="budget must be"):
        descend(case.net, case.data, Schedule(0.1), budget=0)
    with pytest.raises(ValueError, match="warm_up"):
        Schedule(0.1, warm_up=-3)
    with pytest.raises(ValueError, match="level"):
        Schedule(0.1, level=np.nan)


SORTED = np.array([-1.0, 0.5, 2.0, 3.0, 4.5])


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("w", [1.0, -1.0, 0.0])
def test_a_place_on_the_circle_is_the_pattern(w, n):
    x = SORTED[:n]
    for b in np.linspace(-6, 6, 61):
        place = kernels.locate(w, b, x)
        j = np.arange(n)
        assert (w * x + b > 0).tolist() == ((j >= place) if place < n else (j < place - n)).tolist()


@pytest.mark.parametrize("looks", [kernels.LOOKS, vectorised.LOOKS])
@pytest.mark.parametrize("n", [1, 2, 3, 4, 5])
def test_samples_around_a_place_tell_it_from_every_other(n, looks):
    """Whatever line is drawn: if the samples looked at are as expected, the pattern is that place's."""
    x = SORTED[:n]
    table, expected = kernels.samples_around(x, looks)
    rows = table.reshape(2 * n, looks + 4)[:, :looks]
    for w in (1.0, -1.0, 0.3, 0.0):
        for b in np.linspace(-6, 6, 61):
            signs = ((w * rows + b > 0) << np.arange(looks)).sum(axis=1)
            as_expected = np.flatnonzero(signs == expected)
            assert as_expected.tolist() == [kernels.locate(w, b, x)]


def both_kernels(case, eta, steps, level=0.0):
    """θ, loss and the change of step size after ``steps`` steps, from either kernel."""
    order = np.argsort(case.data.x)
    for advance in (kernels.general, vectorised.fixed):
        theta = case.net.vector.copy()
        rest = (0, steps, 0.0, eta, 20, level, 1.5)
        yield theta, advance(theta, case.data.x[order], case.data.y[order], *rest, False)


@pytest.mark.parametrize("shape", [(80, 10), (5, 2), (7, 4)])
@pytest.mark.parametrize("eta", [0.01, 0.2])
def test_both_kernels_take_the_same_steps(shape, eta):
    """Over 1000 steps; with equal bits, chaos needs no exception."""
    (theta, end), (other, other_end) = both_kernels(random_case(1, *shape), eta, 1000, level=0.05)
    assert np.array_equal(theta, other)
    assert end == other_end


def test_both_kernels_agree_where_neurons_switch_in_every_step():
    stored = plans.stored("section5")
    case, eta = Case(stored.net(40), stored.data), stored["eta"][40]
    (theta, end), (other, other_end) = both_kernels(case, eta, 1000)
    patterns = [net.pattern(case.data.x) for net in trajectory(case.net, case.data, Schedule(eta), 20)]
    assert all((now != then).any() for now, then in zip(patterns, patterns[1:], strict=False))
    assert np.array_equal(theta, other) and end == other_end


def test_a_step_of_either_kernel_is_that_of_autograd_at_other_sizes():
    """Neurons that jump over several samples, and sizes at which the four samples are not four."""
    for seed, shape in enumerate([(9, 1), (9, 3), (9, 6)]):
        case = random_case(seed, *shape)
        far = Case(case.net, Dataset(case.data.x, case.data.y + 30))
        for theta, _ in both_kernels(far, 4.0, 1):
            expected = far.net.vector - 4.0 / 20 * autodiff.gradient(far.net, far.data)
            assert np.abs(theta - expected).max() < 1e-12
        for theta, _ in both_kernels(far, 4.0, 2):
            between = Network.from_vector(far.net.vector - 4.0 / 20 * autodiff.gradient(far.net, far.data))
            expected = between.vector - 4.0 * 2 / 20 * autodiff.gradient(between, far.data)
            assert np.abs(theta - expected).max() < 1e-10
