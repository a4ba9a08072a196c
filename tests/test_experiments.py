"""Stored results: a sample is run again and compared, all derived numbers are recomputed, bad files are refused."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from chapters import plans
from chapters.experiments import sliders
from chapters.floors import floors, in_units_of_floor
from chapters.plans import SECTION_5
from stableminima import interpolants, rescaling, smoothness, tangent
from stableminima.network import Network
from stableminima.runs import experiments, results
from stableminima.runs.descent import Outcome
from stableminima.runs.experiments import Protocol
from stableminima.runs.results import ResultError
from stableminima.runs.sweeps import sweep

QUICK = Protocol(seed=1, n=3, k=4, warm_up=10, tolerance=1e-3, budget=2000)


@pytest.fixture(scope="module", params=["section5", "seed23", "hero", "survey", "limits", "scales"])
def stored(request):
    return plans.stored(request.param)


@pytest.fixture
def folder(tmp_path):
    rows = sweep([(QUICK, eta) for eta in (0.1, 0.2)], workers=1)
    results.save(experiments.Sweep(QUICK, rows), tmp_path / "quick", "a command")
    return tmp_path / "quick"


@pytest.mark.parametrize("index", [60, 110, 150, 199])
def test_section_5_repeats_bit_for_bit(index):
    row = plans.stored("section5").rows[index]
    again = experiments.one_run(SECTION_5, row.eta, onward=False)
    assert (again.outcome, again.steps, again.loss) == (row.outcome, row.steps, row.loss)
    assert np.array_equal(again.theta, row.theta)


def test_what_happened_afterwards_repeats():
    row = plans.stored("section5").rows[190]
    again = experiments.one_run(SECTION_5, row.eta)
    assert (again.peak, again.final, again.modes) == (row.peak, row.final, row.modes)
    assert (again.lowest, again.highest) == pytest.approx((row.lowest, row.highest), rel=1e-12)


def test_every_stored_trace_ends_with_its_run():
    hero = plans.stored("hero")
    assert [row.trace[0, -1] for row in hero.rows] == hero["steps"].tolist()


@pytest.mark.parametrize("index", [17, 49, 60])
def test_hero_repeats(index):
    hero = plans.stored("hero")
    row, again = hero.rows[index], experiments.one_run(*hero.job(index), traced=True, onward=False)
    assert np.array_equal(again.theta, row.theta)
    assert np.allclose(again.trace, row.trace, rtol=1e-9, atol=0)


@pytest.mark.parametrize("index", [0, 43 * 4, 43 * 4 + 3])
def test_survey_repeats(index):
    survey = plans.stored("survey")
    row, again = survey.rows[index], experiments.one_run(*survey.job(index), onward=False)
    assert (again.outcome, again.steps) == (row.outcome, row.steps)


@pytest.mark.parametrize("name, indices", [("scales", [30, 350]), ("chain", [25, 700]), ("phase", [500, 2500])])
def test_the_large_sweeps_repeat_bit_for_bit(name, indices):
    sweep, (*_, options) = plans.stored(name), plans.plans()[name]
    for index in indices:
        row, again = sweep.rows[index], experiments.one_run(*sweep.job(index), **options)
        same = ("seed", "scale", "eta", "outcome", "steps", "loss", "peak", "final", "modes")
        assert [getattr(row, field) for field in same] == [getattr(again, field) for field in same]


def test_the_chain_of_inequalities_holds_on_every_data_set():
    """Up to the flattest rescaling these are theorems; the upper bound has the page's three kinds of exceptions."""
    chain = plans.stored("chain").kept
    assert len(np.unique(chain["seed"])) >= 30
    slack = 1 + 1e-4  # of the certificate, and of residuals at the tolerance
    assert (1 + 2 * chain["norm"] <= slack * chain["flattest"]).all()
    assert (chain["flattest"] <= slack * chain["sharpness"]).all()
    above = chain.where((chain["sharpness"] * chain["eta"] > 2) & (chain["lowest"] * chain["eta"] > 2))
    held = above.where(above["peak"] < 10 * chain.protocol.tolerance)
    for index in range(len(held)):
        kick = experiments.kicked(*held.job(index))
        assert kick.before < 1e-17 and kick.growth < 1  # held: by a flat mode nearby, or between modes that are not
        assert kick.highest > kick.lowest and kick.modes > 1


def test_figure_1_shows_what_its_rule_for_the_seed_asks_for():
    gentle, bold = plans.figure_1(records=64)
    data, _ = plans.FIGURE_1.start()
    assert gentle.outcome is bold.outcome is Outcome.CONVERGED
    assert 2 / bold.eta < tangent.sharpness(gentle.net, data) < 2 / gentle.eta
    assert bold.eta == pytest.approx(3 * gentle.eta)


@pytest.mark.parametrize("name", plans.plans())
def test_runs_are_those_of_the_book(name):
    sweep, (protocol, jobs, _) = plans.stored(name), plans.plans()[name]
    found = [sweep.job(index) for index in range(len(sweep))]
    assert sweep.protocol == protocol
    assert [run for run, _ in found] == [run for run, _ in jobs]
    etas = [eta for _, eta in jobs]
    assert sweep["eta"] == pytest.approx(etas, rel=4e-16)  # the last bit of a power is the processor's


def test_the_seed_is_the_one_that_the_rule_chooses():
    assert plans.chosen_seed(plans.stored("survey")) == SECTION_5.seed


def test_derived_numbers_follow_from_the_parameters(stored):
    for index, row in enumerate(stored.rows):
        net, data = stored.case(index)
        assert row.sharpness == pytest.approx(tangent.sharpness(net, data), rel=1e-9)
        assert row.norm == pytest.approx(smoothness.weighted_norm(net, data), rel=1e-12)
        if np.isfinite(row.flattest):
            assert row.flattest == pytest.approx(rescaling.flattest_rescaling(net, data).sharpness, rel=1e-4)
        assert row.outcome is Outcome.DIVERGED or row.loss == pytest.approx(net.loss(data), rel=1e-6)


@pytest.mark.parametrize("name", ["survey", "limits", "chain"])
def test_a_sweep_over_many_data_sets_has_no_data_of_its_own(name):
    sweep = plans.stored(name)
    with pytest.raises(ValueError, match=r"data sets: ask for case\(index\)"):
        _ = sweep.data
    for seed in np.unique(sweep["seed"])[:3]:
        data, _ = replace(sweep.protocol, seed=int(seed)).start()
        assert np.array_equal(sweep.where(sweep["seed"] == seed).data.y, data.y)


def test_a_sweep_is_read_as_it_was_written(folder):
    sweep = results.load(folder)
    assert sweep.protocol == QUICK
    assert sweep["eta"].tolist() == [0.1, 0.2]
    assert isinstance(sweep.net(0), Network)


def truncate(path):
    path.write_bytes(path.read_bytes()[:-9])


def change(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("name", ["runs.csv", "minima.npy", "manifest.json"])
@pytest.mark.parametrize("damage", [truncate, change, lambda path: path.unlink()], ids=["cut", "changed", "missing"])
def test_damaged_results_are_refused_by_name(folder, name, damage):
    damage(folder / name)
    with pytest.raises(ResultError, match="quick.*restore the folder"):
        results.load(folder)


def test_an_interrupted_write_is_not_a_result(folder, monkeypatch):
    sweep = results.load(folder)
    monkeypatch.setattr(results, "_digest", lambda protocol, content: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        results.save(sweep, folder, "again")
    with pytest.raises(ResultError, match="written incompletely"):
        results.load(folder)


def test_running_on_from_a_flat_minimum_stays():
    sweep = plans.stored("section5").kept
    after = experiments.run_on(sweep.net(0), sweep.data, 0.5 / sweep["sharpness"][0], steps=1000, watch=50)
    assert after.peak <= 2 * SECTION_5.tolerance
    assert after.lowest <= after.highest < 1.5 * sweep["sharpness"][0]


def test_floors_are_those_of_the_data_and_lie_below_every_run():
    limits = plans.stored("limits")
    found = floors(limits)
    data, _ = replace(limits.protocol, seed=3).start()
    assert found[3].norm == interpolants.smoothest_norm(data)
    assert found[3].step_size == interpolants.flattest_interpolant(data).step_size
    step, norm = in_units_of_floor(limits)
    solved = np.array([row.outcome.solved for row in limits.rows])
    assert (norm[solved] > 1).all() and (step[limits["outcome"] == Outcome.CONVERGED] < 1).all()


def test_rule_for_the_seed_says_when_none_passes():
    survey = plans.stored("survey")
    with pytest.raises(ValueError, match="survey more seeds"):
        plans.chosen_seed(survey.where(survey["seed"] < SECTION_5.seed))


@pytest.mark.parametrize("make, names", [(sliders.hero, ("hero", "phase")), (sliders.section5, ("section5",))])
def test_every_mark_lies_in_its_panel(make, names):
    explorer = make(*map(plans.stored, names))
    for index in product(*(range(len(control.values)) for control in explorer.controls)):
        for panel in explorer.frame(index).panels:
            outside = [mark.label for mark in panel.marks for y in mark.y if not panel.ylim[0] <= y <= panel.ylim[1]]
            assert not outside, (index, panel.title, set(outside))
