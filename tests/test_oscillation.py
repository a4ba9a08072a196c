"""The recursion at a kink: coordinates, modes, thresholds, means; and descent watched step by step."""

import numpy as np
import pytest

from chapters import plans, thresholds
from chapters.instances import random_case
from stableminima import modes, oscillation
from stableminima import switching as sw
from stableminima.network import Dataset, Network
from stableminima.runs.results import ResultError
from stableminima.runs.visits import watch


@pytest.fixture(scope="module")
def found():
    """A minimum that descent found, with eight knots on samples."""
    kept = plans.stored("section5").kept
    return thresholds.snapped(kept.net(160), kept.data)


def test_grams_of_all_modes_are_those_of_the_list(found):
    net, data = found
    base = oscillation.at(net, data, base=0)
    tops = [np.linalg.eigvalsh(base.flipped_gram(mask))[-1] / data.n for mask in base.masks()]
    np.testing.assert_allclose(tops, modes.sharpnesses(net, data), rtol=1e-11)


def test_compiled_walk_is_the_steps(found):
    base = oscillation.at(*found)
    rng = np.random.default_rng(0)
    g, y = rng.standard_normal(base.n), rng.standard_normal(base.toggles)
    eta, length = 2 / base.sharpness, np.hypot(np.linalg.norm(g), np.linalg.norm(y))
    walk = base.walk(g, y, eta, 50)
    for _ in range(50):
        g, y = base.step(g, y, eta)
    after = np.hypot(np.linalg.norm(g), np.linalg.norm(y))
    assert walk.visits.sum() == 50
    np.testing.assert_allclose(walk.g * after, g, rtol=1e-6)
    assert np.exp(walk.growth) * length == pytest.approx(after, rel=1e-6)


def test_mean_hessian_is_that_of_the_switching_system():
    kept = plans.stored("section5").kept
    small = sw.at_minimum(kept.net(160), kept.data, knots=4)
    base = oscillation.at(small.net, small.data)
    flattest = int(modes.sharpnesses(small.net, small.data).argmin())
    shares = np.random.default_rng(0).random(16)
    by_mode = np.array([shares[flattest ^ mode] for mode in range(16)])
    mean = np.einsum("m,mij->ij", by_mode / by_mode.sum(), small.system.mean_hessians)
    assert base.mean_sharpness(shares) == pytest.approx(np.linalg.eigvalsh(mean)[-1], rel=1e-11)


def test_threshold_is_the_flattest_mode_at_an_edge_minimum(found):
    base = oscillation.at(*found)
    assert base.self_stabilising
    assert base.threshold(0.98 * base.sharpness, 1.02 * base.sharpness) == pytest.approx(base.sharpness, rel=2e-4)


def test_stored_thresholds_are_those_of_the_minima():
    stored = thresholds.stored()
    assert len(stored) == sum(len(plans.stored(name).kept) for name in thresholds.OF)
    for row in [row for row in stored.rows if row.toggles][::150]:
        net, data = thresholds.snapped(*plans.stored(row.sweep).kept.case(row.run))
        found = modes.sharpnesses(net, data)
        assert found.max() / found.min() == pytest.approx(row.sharpest, abs=2e-6)
        assert oscillation.at(net, data).self_stabilising == row.self_stabilising


def test_stored_thresholds_that_were_changed_are_refused(tmp_path):
    for name in ("manifest.json", "thresholds.csv"):
        (tmp_path / name).write_bytes((plans.DATA / thresholds.NAME / name).read_bytes())
    with (tmp_path / "thresholds.csv").open("a") as file:
        file.write("section5,999,43,1,8,1,1,True,True\n")
    with pytest.raises(ResultError, match="is not the file that was written"):
        thresholds.stored(tmp_path)
    with pytest.raises(ResultError, match="missing"):
        thresholds.stored(tmp_path / "nowhere")


def test_segment_features_integrate_the_output():
    case = random_case(0, k=6, n=5)
    move = np.random.default_rng(1).standard_normal(case.net.vector.size)
    after = Network.from_vector(case.net.vector + move)
    mean = oscillation.segment_features(case.net, after, case.data.x)
    np.testing.assert_allclose(case.net(case.data.x) + mean.T @ move, after(case.data.x), rtol=1e-12)


def test_watching_counts_every_step():
    kept = plans.stored("section5").kept
    seen = watch(kept.net(160), kept.data, kept["eta"][160], settle=1000, steps=200)
    assert seen.modes.size == seen.losses.size == 200 and seen.modes.max() + 1 == seen.edges.size
    assert seen.mean_step == pytest.approx(1, abs=0.01) and seen.mean_hessian == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize(("make", "words"), [
    (lambda: oscillation.at(Network([1], [0.5], [1], 0), Dataset([0, 1], [0.5, 1.5])), "thresholds on samples"),
    (lambda: oscillation.at(Network([1], [0], [1], 0), Dataset([0, 1], [0.5, 1.5])), "zero loss"),
    (lambda: oscillation.at(Network([1], [0], [0], 0), Dataset([0, 1], [0, 0])), "w2 = 0"),
    (lambda: oscillation.at(Network([1], [0], [1], 0), Dataset([0, 1], [0, 1])).threshold(2, 1), "above low"),
])
def test_what_makes_no_sense_is_refused(make, words):
    with pytest.raises(ValueError, match=words):
        make()
