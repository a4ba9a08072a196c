"""The smoothest and the flattest interpolant, by hand and against slower computations; the sweep beside them."""

from dataclasses import replace

import numpy as np
import pytest

from chapters import plans
from chapters.plans import LIMITS, LIMITS_SEEDS
from chapters.step_sizes import figures, sliders
from stableminima import flattest, interpolants, smoothness, tangent
from stableminima.network import Dataset, Network
from stableminima.runs import experiments

ABSOLUTE = Dataset([-1, 0, 1], [1, 0, 1])
WIDE = Dataset.random(np.random.default_rng(0), 15, spread=20, label_scale=1)


def random(seed, n=10, **options):
    return Dataset.random(np.random.default_rng(seed), n, **options)


# ---- the smallest ∫|f''| g ----


@pytest.mark.parametrize("data", [random(0), random(1, 4, spread=5), WIDE, Dataset([3, 1, -2], [0, 0, 0])])
def test_limits_are_g_one_rounding_step_away(data):
    x = np.sort(data.x)
    before, after = interpolants.weight_limits(data)
    assert before == pytest.approx(smoothness.g(np.nextafter(x, -9e9), data), rel=1e-12, abs=1e-13)
    assert after == pytest.approx(smoothness.g(np.nextafter(x, 9e9), data), rel=1e-12, abs=1e-13)
    assert (smoothness.g(x, data) >= np.minimum(before, after) - 1e-13).all()


def test_smoothest_norm_by_hand():
    # one bend of 2 at 0, where g⁺ and g⁻ are 1·√(1 + 1)/9 from outside and 1·√(4 + 1)/9 from inside
    assert interpolants.smoothest_norm(ABSOLUTE) == pytest.approx(2 * np.sqrt(2) / 9, rel=1e-14)
    assert interpolants.largest_step_size(ABSOLUTE) == pytest.approx(1 / (2 * np.sqrt(2) / 9 + 0.5), rel=1e-14)


@pytest.mark.parametrize("data", [Dataset([2], [5]), Dataset([2, -1], [5, 0]), Dataset([0, 1, 2, 4], [1, 3, 5, 9])])
def test_points_on_a_line_need_no_bend(data):
    assert interpolants.smoothest_norm(data) == 0
    assert interpolants.largest_step_size(data) == 2


def test_smoothest_norm_scales_with_the_labels_and_ignores_order_and_lines():
    data, norm = random(3), interpolants.smoothest_norm(random(3))
    assert interpolants.smoothest_norm(Dataset(data.x, 7 * data.y)) == pytest.approx(7 * norm)
    assert interpolants.smoothest_norm(Dataset(data.x[::-1], data.y[::-1])) == norm
    assert interpolants.smoothest_norm(Dataset(-data.x, data.y)) == pytest.approx(norm)
    assert interpolants.smoothest_norm(Dataset(data.x, data.y + 3 * data.x - 1)) == pytest.approx(norm)


@pytest.mark.parametrize("seed", range(5))
def test_smoothest_interpolant_approaches_the_infimum(seed):
    data = random(seed, 3 + seed, spread=3)
    norm = interpolants.smoothest_norm(data)
    found = [interpolants.smoothest_interpolant(data, nudge) for nudge in (1e-2, 1e-4, 1e-6)]
    excess = [smoothness.weighted_norm(net, data) - norm for net in found]
    assert max(np.abs(net.residual(data)).max() for net in found) < 1e-9
    assert all(each > -1e-12 for each in excess)
    assert excess[2] < 1e-4 * norm


def test_dots_connected_exactly():
    data = random(5)
    x = np.linspace(data.x.min(), data.x.max(), 301)
    order = np.argsort(data.x)
    assert interpolants.smoothest_interpolant(data, 0)(x) == pytest.approx(np.interp(x, data.x[order], data.y[order]))


def test_smoothest_interpolant_refuses():
    with pytest.raises(ValueError, match="nudge must be at least 0"):
        interpolants.smoothest_interpolant(ABSOLUTE, 0.5)
    with pytest.raises(ValueError, match="at least two samples"):
        interpolants.smoothest_interpolant(Dataset([0], [1]))


# ---- the smallest sharpness ----


@pytest.mark.parametrize("data", [Dataset([2], [5]), Dataset([-3, 0, 1], [2, 2, 2])])
def test_a_constant_has_sharpness_one(data):
    found = interpolants.flattest_interpolant(data)
    assert found.bound == pytest.approx(1, abs=1e-6)
    assert found.step_size == pytest.approx(2, abs=1e-6)


def test_a_slope_costs_sharpness_although_it_does_not_bend():
    found = interpolants.flattest_interpolant(Dataset([0, 1, 2, 4], [0, 1, 2, 4]))
    assert found.bound > 3.5


@pytest.mark.parametrize("data", [random(0), random(1, 4, spread=5), random(2, 7, label_scale=5), WIDE])
def test_both_bounds_are_what_they_say(data):
    found = interpolants.flattest_interpolant(data)
    assert np.abs(found.net.residual(data)).max() < 1e-11
    assert np.abs(found.net.preactivation(data.x))[:, np.abs(found.net.w1) > 1e-6].min() > 0
    assert found.sharpness == tangent.interpolation_sharpness(found.net, data)
    assert found.bound <= found.sharpness <= (1 + 1e-4) * found.bound
    again = interpolants.certified_sharpness(data, found.density, found.multipliers)
    assert again == pytest.approx(found.bound, rel=1e-6)
    assert found.bound == pytest.approx(found.density.mean() * data.n + found.multipliers @ data.y)
    assert found.bound > 1 + 2 * interpolants.smoothest_norm(data)


def test_order_and_mirror_do_not_matter():
    data = random(4)
    bounds = [interpolants.flattest_interpolant(Dataset(x, y)).bound
              for x, y in ((data.x, data.y), (data.x[::-1], data.y[::-1]), (-data.x, data.y), (data.x, -data.y))]
    assert bounds == pytest.approx([bounds[0]] * 4, rel=1e-4)


def test_no_stored_minimum_is_flatter():
    kept = plans.stored("section5").kept
    found = interpolants.flattest_interpolant(kept.data)
    slack = np.linalg.norm(found.multipliers) * np.sqrt(2 * kept.data.n * kept["loss"])
    sharpness = [tangent.interpolation_sharpness(kept.net(index), kept.data) for index in range(len(kept))]
    assert (np.array(sharpness) >= found.bound - slack).all()
    assert slack.max() < 0.01


@pytest.mark.parametrize("seed", range(6))
def test_worst_ratio_against_a_scan_of_thresholds(seed):
    rng = np.random.default_rng(seed)
    data = Dataset(rng.normal(size=5) + seed, np.zeros(5))
    root, nu = rng.normal(size=(5, 5)), rng.normal(size=5)
    density, nu = root @ root.T / np.sum(root**2), nu - nu.mean()
    found, _ = interpolants._worst(interpolants._Pieces.of(data.x), data.x, density, nu)
    tau = np.linspace(data.x.min() - 20, data.x.max() + 20, 200_001)
    scanned = []
    for side in (1, -1):
        z = side * (data.x - tau[:, None])
        active, sigma = 1.0 * (z > 0), np.maximum(z, 0)
        m = np.einsum("ti,ij,tj->t", active * data.x, density, active * data.x)
        m += np.einsum("ti,ij,tj->t", active, density, active)
        q = np.einsum("ti,ij,tj->t", sigma, density, sigma)
        some = sigma.sum(1) > 1e-6
        scanned.append((data.n / 2 * np.abs(sigma @ nu)[some] / np.sqrt(m * q)[some]).max())
    assert found.max() == pytest.approx(max(scanned), rel=1e-3)
    assert found.max() >= max(scanned) * (1 - 1e-9)


def scanned_ratios(pieces, x, density, nu):
    """For each piece the largest ratio over two thousand thresholds in its range, dense at the ends."""
    half, out = np.sin(np.linspace(-np.pi / 2, np.pi / 2, 2001)[1:-1]) / 2 + 0.5, []
    for side, active, low, high in zip(pieces.side, pieces.active, pieces.low, pieces.high, strict=True):
        far = np.tan(half * np.pi / 2) * np.ptp(x)
        tau = high - far if np.isinf(low) else low + far if np.isinf(high) else low + half * (high - low)
        sigma = side * (x - tau[:, None]) * active
        costs = sum(each @ density @ each for each in (active * x, active))
        costs = costs * np.einsum("ti,ij,tj->t", sigma, density, sigma)
        out.append((x.size / 2 * np.abs(sigma @ nu) / np.sqrt(costs)).max())
    return np.array(out)


@pytest.mark.parametrize("rank", [1, 2, 4])
def test_worst_ratio_of_every_piece_against_a_scan(rank):
    """Piece by piece, as the largest of all mostly lies at the end of a gap; some lie inside, some in the unbounded."""
    inside = np.zeros(8, dtype=bool)
    for seed in range(60):
        rng = np.random.default_rng(seed)
        x, half, nu = rng.normal(size=4) + seed % 3, rng.normal(size=(4, rank)), rng.normal(size=4)
        density, nu = flattest.as_density(half @ half.T, floor=1e-3), nu - nu.mean()
        pieces = interpolants._Pieces.of(x)
        found, tau = interpolants._worst(pieces, x, density, nu)
        scanned = scanned_ratios(pieces, x, density, nu)
        assert (found >= scanned * (1 - 1e-9)).all()
        assert found == pytest.approx(scanned, rel=2e-3)
        inside |= (tau > pieces.low) & (tau < pieces.high) & ~pieces.single
    assert (inside | pieces.single).all()


@pytest.mark.parametrize("data", [random(0), random(2, 7, label_scale=5), WIDE])
def test_thresholds_are_added_where_the_certificate_needs_them(monkeypatch, data):
    expected = interpolants.flattest_interpolant(data).bound
    monkeypatch.setattr(interpolants._Pieces, "start", lambda self: (np.arange(self.low.size), self.middle))
    assert interpolants.flattest_interpolant(data).bound == pytest.approx(expected, rel=1e-4)
    monkeypatch.setattr(interpolants, "ROUNDS", 1)
    with pytest.raises(flattest.OpenGap, match="leaves a gap of"):
        interpolants.flattest_interpolant(data)


YEARS, NOISE = np.arange(1990.0, 2021.0), np.random.default_rng(0)
AS_MEASURED = [
    Dataset(YEARS, NOISE.normal(size=31)),
    Dataset(YEARS, 0.02 * (YEARS - 1990) + 0.1 * NOISE.normal(size=31)),
    Dataset(np.linspace(0, 1000, 11), 1e3 * NOISE.normal(size=11)),
    *(Dataset(spread * (far + NOISE.normal(size=8)), labels * NOISE.normal(size=8))
      for spread in (1e-3, 1e6) for far in (0, 1e3, 1e6) for labels in (1e-6, 1e6)),
]


@pytest.mark.parametrize("data", AS_MEASURED)
def test_data_in_any_unit_need_no_care(data):
    """Network and bound are of the data as they are: here they are measured and proved again."""
    found = interpolants.flattest_interpolant(data)
    far = np.abs(data.x).max() / np.diff(np.sort(data.x)).min()
    assert np.abs(found.net.residual(data)).max() <= 1e-15 * max(far, 1e3) * np.abs(data.y).max()
    assert found.sharpness == tangent.interpolation_sharpness(found.net, data) <= (1 + 1e-4) * found.bound
    again = interpolants.certified_sharpness(data, found.density, found.multipliers)
    assert again == pytest.approx(found.bound, rel=1e-5)
    assert found.bound <= found.sharpness * (1 + 1e-15 * far)


@pytest.mark.parametrize("factor", [1e-3, 1e3])
def test_steep_data_are_steep_in_proportion(factor):
    """In the limit of large labels 11ᵀ does not count, and the sharpness is proportional to the labels."""
    bounds = [interpolants.flattest_interpolant(Dataset(random(0).x, scale * random(0).y)).bound
              for scale in (1e9, 1e9 * factor)]
    assert bounds[1] == pytest.approx(factor * bounds[0], rel=1e-4)


def test_certificate_refuses():
    with pytest.raises(ValueError, match="density must have shape"):
        interpolants.certified_sharpness(ABSOLUTE, np.eye(2), np.zeros(3))
    with pytest.raises(ValueError, match="no positive eigenvalue"):
        interpolants.certified_sharpness(ABSOLUTE, -np.eye(3), np.zeros(3))
    with pytest.raises(ValueError, match="gap must be a number ≥ 1e-05"):
        interpolants.flattest_interpolant(ABSOLUTE, gap=1e-9)


def test_certificate_without_multipliers_is_the_share_of_the_offset():
    assert interpolants.certified_sharpness(ABSOLUTE, np.ones((3, 3)), np.zeros(3)) == pytest.approx(1, abs=1e-8)


# ---- beside descent ----


@pytest.mark.parametrize("index", [23, 24 * 2 + 17, 24 * 4 + 15])
def test_limits_repeat_bit_for_bit(index):
    sweep = plans.stored("limits")
    row, again = sweep.rows[index], experiments.one_run(*sweep.job(index))
    assert (again.outcome, again.steps, again.loss, again.final) == (row.outcome, row.steps, row.loss, row.final)
    assert np.array_equal(again.theta, row.theta)


def test_figure_and_table_count_what_the_sweep_holds():
    sweep = plans.stored("limits")
    found = figures.limits(sweep)
    assert [each.eta_2 for each in found] == sorted(each.eta_2 for each in found)
    assert all(each.eta_2 < each.eta_1 for each in found)
    assert sum(each.settled.sum() for each in found) == np.sum(sweep["final"] <= 1e-8)
    above = sum(np.sum(each.tried > each.eta_2) for each in found)
    assert f"Of the {above} runs above" in figures.allowed_step_sizes(found).caption
    assert len(figures.limits_table(found).rows) == LIMITS_SEEDS


def test_every_mark_of_the_slider_lies_in_its_panel():
    explorer = sliders.allowed(plans.stored("hero"))
    tones = set()
    for index in range(len(explorer.controls[0].values)):
        frame = explorer.frame((index,))
        tones.add(frame.tone)
        for panel in frame.panels:
            assert all(np.max(mark.y) >= panel.ylim[0] and np.min(mark.y) <= panel.ylim[1] for mark in panel.marks)
    assert tones == {"edge", "unstable"}


def test_slider_names_the_regime():
    data, net = LIMITS.start()
    row = experiments.one_run(replace(LIMITS, budget=10), 0.1, onward=False)
    flattest = interpolants.flattest_interpolant(data)
    words = [sliders.verdict(replace(row, eta=eta), data, flattest)[0] for eta in (0.1, 0.7, 1.2, 3.0)]
    assert "Theorem 1 allows" in words[0] and "too sharp" not in words[0]
    assert "none is stable" in words[1]
    assert "forbids every interpolant" in words[2] and "may be 0 at most" in words[3]
    assert isinstance(net, Network)
