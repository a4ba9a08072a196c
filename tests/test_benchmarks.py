"""The benchmark's contestants compute the same, and what the page says follows from its numbers. Nothing is timed."""

import json
import re

import numpy as np
import pytest

import contestants
import measure
from chapters import plans
from chapters.instances import random_case
from chapters.speed import figures
from stableminima import matrix_free, tangent
from stableminima.runs import descent

FOUND = figures.measured()


@pytest.mark.parametrize(("n", "k"), [(1, 1), (5, 3), (12, 7)])
def test_contestants_take_the_same_steps(n, k):
    case, eta = measure.start(n, k)
    for steps in (1, 7, 100):  # 100: one unrolled scan, and a rest
        ends = {name: make(case.net, case.data, eta)(steps) for name, make in contestants.DESCENTS.items()}
        assert measure.gap(ends) <= 1e-12


def test_every_call_starts_anew():
    case, eta = measure.start(4, 3)
    for make in contestants.DESCENTS.values():
        run = make(case.net, case.data, eta)
        assert np.array_equal(run(5), run(5))


def test_a_contestant_that_computes_something_else_is_refused():
    theta = np.ones(4)
    with pytest.raises(measure.Disagreement, match="slow"):
        measure.gap({"general": theta, "slow": theta + 2e-9})
    with pytest.raises(measure.Disagreement, match="broken"):
        measure.gap({"general": theta, "broken": theta * np.nan})


@pytest.mark.parametrize("name", contestants.HESSIANS)
def test_products_are_those_of_the_hessian(name):
    case = random_case(0, 7, 5)
    operator = contestants.HESSIANS[name](case.net, case.data)
    assert np.abs(operator @ np.eye(22) - tangent.hessian(case.net, case.data)).max() < 1e-12
    assert matrix_free.largest_eigenvalue(operator) == pytest.approx(
        tangent.dense_sharpness(case.net, case.data), rel=1e-9
    )


def test_results_have_what_the_page_needs():
    assert set(FOUND["about"]) == {"date", "python", "processor", "versions", "missing"}
    assert [(row["n"], row["k"]) for row in FOUND["steps"]] == list(measure.SIZES)
    assert [(row["n"], row["k"]) for row in FOUND["growth"]] == list(measure.GROWTH)
    assert [(row["n"], row["k"]) for row in FOUND["curvature"]] == list(measure.CURVATURE)
    assert {row["run"] for row in FOUND["switching"]} <= set(measure.SWITCHING)
    assert all(set(row["seconds"]) == {"fixed", "general"} for row in FOUND["switching"])
    for row in FOUND["steps"]:
        assert set(row["seconds"]) == set(row["first"]) >= {"fixed", "general", "numpy", "autograd"}
        assert row["chosen"] == descent.kernel(row["n"], row["k"], 10**8).__name__
        assert row["gap"] <= measure.AGREEMENT
    assert all(row["gap"] <= measure.AGREEMENT for row in FOUND["curvature"])


def test_every_time_is_a_positive_number():
    rows = [*FOUND["steps"], *FOUND["curvature"], *FOUND["switching"]]
    lists = [times for row in rows for times in row["seconds"].values()]
    lists += [row["seconds"] for row in FOUND["growth"]]
    assert all(times and min(times) > 0 and np.isfinite(times).all() for times in lists)


def test_results_name_no_path_and_no_host():
    text = figures.MEASURED.read_text()
    assert re.search(r"/|\\|\.local|@", text) is None
    assert set(json.loads(text)["about"]["versions"]) <= {"numpy", "scipy", "numba", "autograd", "jax", "torch"}


def test_the_exponent_follows_from_the_numbers():
    sizes = [row["n"] + row["k"] for row in FOUND["growth"]]
    seconds = [min(row["seconds"]) for row in FOUND["growth"]]
    (slope, _), *_ = np.linalg.lstsq(np.c_[np.log(sizes), np.ones(len(sizes))], np.log(seconds), rcond=None)
    picture = figures.cost_against_size(FOUND)
    assert f"p = {slope:.2f}$" in picture.caption
    assert f"exponent {slope:.2f}." in picture.alt


def with_seconds(name, seconds):
    """The results with other times of one contestant at n = 10, k = 80, where ours takes one second."""
    row = {"n": 10, "k": 80, "chosen": "fixed", "seconds": {"fixed": [1.0, 1.0, 1.0], name: seconds}}
    return {"steps": [row, row | {"n": 1000, "k": 1000}]}


def test_neurons_switch_below_the_edge_of_stability_and_at_it():
    section5 = plans.stored("section5")
    below, at = (section5["eta"][run] * section5["sharpness"][run] / 2 for run in measure.SWITCHING)
    assert below < 0.1 and abs(at - 1) < 0.01
    assert all(np.median(figures.switches(section5, run, 50)) >= 3 for run in measure.SWITCHING)


def test_by_hand_is_a_peer_of_its_own_and_a_missing_one_is_said_so():
    lines = list(figures.ratios(with_seconds("JAX by hand, fori_loop", [9.0] * 3)))
    assert "JAX was not measured" in lines[0]
    assert "9 times as fast as the best of JAX by hand (fori_loop)" in lines[1]


def test_missing_or_foreign_results_are_named(tmp_path):
    with pytest.raises(ValueError, match="absent.json is missing"):
        figures.measured(tmp_path / "absent.json")
    (tmp_path / "other.json").write_text("[]")
    with pytest.raises(ValueError, match="other.json.*make benchmarks"):
        figures.measured(tmp_path / "other.json")
