"""Tests of the tester: every way in which a check could pass although it must not."""

import math
import re
from fractions import Fraction
from functools import partial

import numpy as np
import pytest
from bs4 import BeautifulSoup

from ledgerbook.claim import ROW, Attack, CheckFailed, Claim, Instance, Tolerance, Wrong, check, refute
from ledgerbook.trial import Case
from ledgerbook.trial import _relative as relative

ROUNDING = Tolerance(1e-12, why="a few roundings of terms of one sign")


def instances(count=20, low=0.5, high=2.0):
    rng = np.random.default_rng(7)
    return [Instance(f"random {seed}", seed, rng.uniform(low, high, size=3)) for seed in range(count)]


def cube(x):
    return x**3


def product(x):
    return x * x * x


def power_by_logarithm(x):
    return np.exp(3 * np.log(x))


def identity(**changes):
    """x³ by power, product and logarithm, for positive x of shape (3,)."""
    fields = {
        "equation": "S1", "says": "A cube is a product of three.", "relation": "=",
        "instances": instances, "left": cube, "right": {"product": product, "logarithm": power_by_logarithm},
        "wrong": (Wrong("a square", right=lambda x: x * x), Wrong("half", left=lambda x: x**3 / 2)),
        "tolerance": ROUNDING}
    return Claim(**fields | changes)


def mean_squared(x):
    return np.mean(x) ** 2


def mean_of_squares(x):
    return np.mean(x**2)


STRAIGHT = Attack(start=lambda x: x, build=lambda vector, x: vector, steps=60)


def inequality(**changes):
    """Jensen: (mean x)² ≤ mean x²."""
    fields = {
        "equation": "S4", "says": "Jensen", "relation": "<=", "instances": instances,
        "left": mean_squared, "right": {"moments": mean_of_squares},
        "wrong": (Wrong("half the bound", right=lambda x: np.mean(x**2) / 2),
                  Wrong("no mean on the left", left=lambda x: np.sum(x) ** 2)),
        "tolerance": ROUNDING, "attack": STRAIGHT}
    return Claim(**fields | changes)


def geometric(x):
    return x[:, None] * (1 - 0.5 ** np.arange(160))


def limit(**changes):
    """x(1 - 2⁻ᵗ) → x."""
    fields = {
        "equation": "S9", "says": "A geometric series converges", "relation": "->",
        "instances": instances, "left": geometric, "right": {"closed form": lambda x: x},
        "wrong": (Wrong("half the limit", right=lambda x: x / 2), Wrong("grows", left=lambda x: np.outer(x, TIMES))),
        "tolerance": ROUNDING}
    return Claim(**fields | changes)


TIMES = np.arange(40.0)


@pytest.mark.parametrize("claim", [
    identity(),
    identity(left=lambda x: [float(Fraction(v) ** 3) for v in x]),
    identity(tolerance={"product": ROUNDING, "logarithm": Tolerance(1e-10, why="two transcendental functions")}),
    identity(tolerance=Tolerance(1e-13, why="entry by entry", scale=lambda x: x**3)),
    identity(left=lambda x: float(x[0] ** 3),
             right={"product": lambda x: x[0] * x[0] * x[0], "logarithm": lambda x: math.exp(3 * math.log(x[0]))},
             wrong=(Wrong("third", left=lambda x: x[0] ** 3 / 3), Wrong("plus", right=lambda x: x[0] ** 3 + 1e-3))),
    inequality(),
    inequality(relation=">=", left=mean_of_squares, right={"moments": mean_squared},
               wrong=(Wrong("half", left=lambda x: np.mean(x**2) / 2), Wrong("sum", right=lambda x: np.sum(x) ** 2))),
    inequality(wrong=(Wrong("half", right=lambda x: np.mean(x**2) / 2),
                      Wrong("the other moment", left=lambda x: np.mean(x**4)))),
    limit(),
], ids=lambda claim: claim.says)
def test_good_claim_passes(claim):
    assert repr(check(claim)).startswith(f"✓ ({claim.equation}) ")


def test_lines_are_stable():
    assert repr(check(identity())) == (
        "✓ (S1) A cube is a product of three — product, logarithm — 20 instances, to 1e-12 — "
        "rejects 2 wrong versions, the nearest off by over 10 %: a square; half")
    assert repr(check(inequality(part="scalar"))) == (
        "✓ (S4, scalar) Jensen — moments — 20 instances and an attack, to 1e-12, "
        "tightness: equality reached by the attack — "
        "rejects 2 wrong versions, the nearest off by over 10 %: half the bound; no mean on the left")


def fails(claim, *words):
    with pytest.raises(CheckFailed) as caught:
        check(claim)
    for word in words:
        assert word in str(caught.value)


# --- the claim itself is wrong ----------------------------------------------------------------------------------------

def one_entry(x):
    values = x**3
    values[np.argmax(values)] *= 1.0005
    return values


@pytest.mark.parametrize("planted", [lambda x: x**3 * 1.0005, lambda x: x**3 * 0.9995, one_entry])
@pytest.mark.parametrize("side", ["left", "product", "logarithm"])
def test_error_of_five_in_ten_thousand(planted, side):
    right = {"product": product, "logarithm": power_by_logarithm}
    changes = {"left": planted} if side == "left" else {"right": right | {side: planted}}
    fails(identity(**changes), "fails on 20 of 20 instances")


def test_error_on_a_single_instance():
    fails(identity(left=lambda x: x**3 * (1.0005 if x is LAST.value else 1), instances=lambda: ALL),
          "fails on 1 of 20", repr(LAST.label))


@pytest.mark.parametrize("make", [identity, limit])
def test_gap_just_above_the_tolerance_on_a_single_instance(make):
    left = make().left
    fails(make(left=lambda x: left(x) * (1 + 1.5e-12 * (x is LAST.value)), instances=lambda: ALL), "fails on 1 of 20")


ALL = instances()
LAST = ALL[-1]


def test_bias_as_large_as_the_tolerance():
    biased = identity(left=lambda x: x**3 * (1 + 0.9e-12))
    fails(biased, "the tolerance is being used up")
    fails(inequality(left=lambda x: mean_of_squares(x) * (1 + 0.9e-12)), "the tolerance is being used up")
    fails(limit(left=lambda x: geometric(x) * (1 + 0.9e-12)), "fails on 20 of 20")  # a gap that has stopped shrinking


def test_zero_against_zero_does_not_hide_a_bias():
    padded = {"instances": with_zeros, "right": {"product": product, "repeated": cube_by_prod}}
    assert check(identity(**padded))
    fails(identity(left=lambda x: x**3 * (1 + 0.9e-12), **padded), "used up")


def with_zeros():
    return [*instances(), *(Instance(f"zero {i}", None, np.zeros(3)) for i in range(30))]


def cube_by_prod(x):
    return np.prod([x, x, x], axis=0)


@pytest.mark.parametrize(("value", "word"), [
    (np.nan, "NaN or infinity"), (np.inf, "NaN or infinity"), (-np.inf, "NaN or infinity"),
    (np.zeros(0), "empty"), (1j, "real numbers"), ("three", "real numbers"), (None, "NaN")])
@pytest.mark.parametrize("make", [identity, inequality, limit])
def test_no_number_is_no_verdict(make, value, word):
    fails(make(left=lambda x: value), word, "random 0", "left side")
    good = make().right
    fails(make(right=dict(good) | {list(good)[-1]: lambda x: value}), word, "random 0", "right side")


def test_nan_on_the_last_instance_of_many():
    fails(identity(instances=lambda: ALL, left=lambda x: x**3 * (np.nan if x is LAST.value else 1)), "NaN", LAST.label)


def test_a_crash_is_no_verdict():
    fails(identity(left=lambda x: x.no_such_thing), "AttributeError", "no verdict")


@pytest.mark.parametrize("reshaped", [lambda x: x[0] ** 3, lambda x: x[:1] ** 3, lambda x: (x**3)[None]])
def test_shapes_are_not_broadcast(reshaped):
    fails(identity(left=reshaped), "shapes differ")
    fails(inequality(left=lambda x: x), "shapes differ")
    fails(limit(right={"closed form": lambda x: x[:, None]}), "shapes differ", "a limit")


def test_instances_that_are_none_or_strangers():
    fails(identity(instances=lambda: []), "none")
    fails(identity(instances=lambda: [np.ones(3)]), "Instance(label, seed, value)")
    fails(identity(instances=lambda: [Instance("same", 0, np.ones(3))] * 2), "share a label")


@pytest.mark.parametrize("scale", [lambda x: -1.0, lambda x: np.ones(2), lambda x: np.nan])
def test_scale_must_fit(scale):
    fails(identity(tolerance=Tolerance(1e-12, why="a test", scale=scale)), "scale")


def test_report_says_where_and_how_to_replay():
    with pytest.raises(CheckFailed) as caught:
        check(identity(instances=lambda: ALL, left=lambda x: x**3 + np.array([0, 0.25, 0]) * (x is LAST.value)))
    report = str(caught.value)
    right = float(product(LAST.value)[1])
    for piece in ("(S1) does not hold", "A cube is a product of three.", "left = right", "oracle    product",
                  "fails on 1 of 20", "instance 'random 19', seed 19", "(1,) of shape (3,)", f"{right:.17g}",
                  "gap       0.25", "allowed", "i.label == 'random 19'"):
        assert piece in report
    left = next(line for line in report.splitlines() if line.startswith("  left"))
    assert float(left.split()[1]) == pytest.approx(right + 0.25)


def test_report_line_by_line():
    whole = [Instance("whole", 4, np.array([1.0, 2.0, 3.0])), Instance("half", None, np.array([0.5, 0.5, 0.25]))]
    with pytest.raises(CheckFailed) as caught:
        check(identity(instances=lambda: whole, left=lambda x: x**3 + np.array([0, 0.25, 0]) * (x[0] == 1)))
    assert str(caught.value).splitlines() == [
        "(S1) does not hold",
        "  claim     A cube is a product of three.",
        "  relation  left = right",
        "  oracle    product",
        "  verdict   fails on 1 of 2 instances",
        "  worst on  instance 'whole', seed 4",
        "  entry     (1,) of shape (3,)",
        "  left      8.25",
        "  right     8",
        "  gap       0.25",
        "  allowed   2.7e-11",
        "  replay    next(i for i in claim.instances() if i.label == 'whole')"]


# --- the check is worthless -------------------------------------------------------------------------------------------

def test_blind_tolerance():
    fails(identity(tolerance=Tolerance(0.05, why="far too wide")), "cannot see an error of 0.05 %", "product",
          "tighten the tolerance, or state the claim with quantities that are not zero")
    fails(identity(tolerance={"product": ROUNDING, "logarithm": Tolerance(0.05, why="wide")}), "logarithm", "0.05 %")


def test_blind_to_one_entry():
    wide_at_the_top = Tolerance(1e-3, why="hides one entry", scale=lambda x: np.where(x == x.max(), 1e3, 1e-3))
    fails(identity(tolerance=wide_at_the_top), "in the largest entry")


def test_zero_equals_zero_is_no_identity():
    zeros = {"left": lambda x: x - x, "right": {"zero": lambda x: 0 * x, "zeros": lambda x: np.zeros(3)}}
    fails(identity(**zeros), "cannot see an error of 0.05 %")


def test_unrejected_wrong_version():
    true = Wrong("true after all", left=lambda x: x * x**2)
    fails(identity(wrong=(*identity().wrong, true)), "'true after all' passes against product")
    fails(limit(wrong=(*limit().wrong, Wrong("true", right=lambda x: +x))), "'true' passes")


def test_wrong_version_that_one_oracle_lets_pass():
    loose = {"product": ROUNDING, "logarithm": Tolerance(1e-4, why="pretended")}
    slight = Wrong("slightly off", left=lambda x: x**3 * (1 + 1e-6))
    fails(identity(tolerance=loose, wrong=(*identity().wrong, slight)), "'slightly off' passes against logarithm")


@pytest.mark.parametrize(("side", "word"), [
    (lambda x: x * np.inf, "NaN or infinity"),
    (lambda x: x.undefined, "AttributeError"),
    (lambda x: x[:2], "shapes differ")])
def test_wrong_version_that_crashes_is_not_rejected(side, word):
    fails(identity(wrong=(*identity().wrong, Wrong("broken", right=side))), word, "wrong version 'broken'")


def test_wrong_version_without_instances():
    fails(identity(wrong=(*identity().wrong, Wrong("nothing", instances=list))), "wrong version 'nothing'", "none")


def test_wrong_version_just_above_the_tolerance_is_rejected():
    near = Wrong("a hair off", left=lambda x: x**3 * (1 + 1.6e-12))
    assert check(identity(wrong=(*identity().wrong, near))).rejected["a hair off"] == "over 1e-12"


def test_missing_hypothesis_is_a_wrong_version():
    def negative():
        return instances(low=-2.0, high=-0.5)

    claim = identity(left=lambda x: np.abs(x) ** 3, wrong=(*identity().wrong, Wrong("negative x", instances=negative)),
                     right={"product": product, "prod": cube_by_prod})
    assert check(claim).as_row()["rejected"] == ["a square", "half", "negative x"]


def test_oracle_that_needs_no_hypothesis():
    """|x|³ = x³ needs x ≥ 0, but |x|³ = |x³| does not: the first oracle alone can miss the hypothesis."""
    def negative():
        return instances(low=-2.0, high=-0.5)

    absolute = {"left": lambda x: np.abs(x) ** 3, "wrong": (*identity().wrong, Wrong("negative x", instances=negative))}
    assert check(identity(right={"absolute": lambda x: np.abs(x**3), "product": product}, **absolute))
    fails(identity(right={"absolute": lambda x: np.abs(x**3), "prod": lambda x: np.abs(cube_by_prod(x))}, **absolute),
          "'negative x' passes against absolute and prod")


# --- inequalities -----------------------------------------------------------------------------------------------------

def test_inequality_false_only_where_the_attack_gets():
    """x² ≤ 100 for all sampled x in [0.5, 2]; the ascent must walk out to |x| > 10."""
    with pytest.raises(CheckFailed) as caught:
        check(inequality(left=lambda x: np.sum(x**2), right={"constant": lambda x: 100.0}))
    report = str(caught.value)
    assert "holds on the instances, fails under attack" in report
    assert re.search(r"replay    next\(i for .*'random \d+'\), then claim\.attack\.build\(np\.array\(\[", report)
    vector = np.array(eval(report.partition("np.array(")[2].partition(")")[0]))
    assert np.sum(vector**2) > 100


def test_inequality_that_cannot_be_reached_is_loose():
    bounded = inequality(left=lambda x: np.sin(x[0]), right={"constant": lambda x: 50.0}, wrong=(
        Wrong("unbounded", left=lambda x: np.sum(x**2)), Wrong("tiny", right=lambda x: 1e-9)))
    assert check(bounded).tightness == "loose"


@pytest.mark.parametrize(("factor", "words"), [
    (1, "equality reached"), (1.005, "within 1 %"), (1.05, "within 10 %"), (1.5, "within a factor 2"),
    (5, "within a factor 10"), (50, "loose")])
def test_tightness_is_what_the_attack_reaches(factor, words):
    wrong = Wrong("too small", right=lambda x: np.mean(x**2) / 200), Wrong("sum", left=lambda x: 200 * np.sum(x) ** 2)
    found = check(inequality(right={"wide": lambda x: factor * mean_of_squares(x)}, wrong=wrong)).tightness
    assert found == (words if words == "loose" else f"{words} by the attack")


def test_vacuous_inequality():
    fails(inequality(right={"the same": lambda x: np.mean(x) * np.mean(x)}), "accepts the flipped inequality too")


def test_violated_inequality():
    fails(inequality(left=mean_of_squares, right={"moments": mean_squared}), "fails on 20 of 20", "left ≤ right")
    fails(inequality(relation=">="), "left ≥ right")


@pytest.mark.parametrize(("attack", "words"), [
    (Attack(start=lambda x: x, build=lambda vector, x: x), "never changes either side"),
    (Attack(start=lambda x: x, build=lambda vector, x: None), "leaves the hypothesis too often"),
    (Attack(start=lambda x: x, build=lambda vector, x: x if (vector == x).all() else x * np.nan), "NaN"),
    (Attack(start=lambda x: x, build=lambda vector, x: None if (vector == x).all() else vector), "accept start(value)"),
    (Attack(start=lambda x: x[:0], build=lambda vector, x: x), "0 parameter(s)"),
    (Attack(start=lambda x: x * np.nan, build=lambda vector, x: x), "finite"),
    (Attack(start=lambda x: np.ones(100), build=lambda vector, x: vector), "steps")])
def test_attack_that_cannot_move(attack, words):
    fails(inequality(attack=attack), words)


def test_attack_stays_inside_the_hypothesis():
    """x³ ≥ x² holds for x ≥ 1 only, and the attack is told so."""
    inside = Attack(start=lambda x: x, build=lambda vector, x: vector if (vector >= 1).all() else None)
    fields = {"relation": ">=", "left": cube, "right": {"square": lambda x: x * x},
              "instances": partial(instances, low=1.0, high=3.0),
              "wrong": (Wrong("below 1", instances=partial(instances, low=0.1, high=0.9)),
                        Wrong("fourth power", right=lambda x: x**4))}
    assert check(inequality(attack=inside, **fields)).tightness == "equality reached by the attack"
    fails(inequality(attack=STRAIGHT, **fields), "fails under attack")


def test_attack_starts_where_the_inequality_is_tightest():
    """A narrow peak above 1 near x = 1.5; only from x = 1.2 does the ascent feel its slope."""
    peak = {"left": lambda x: 2 * np.exp(-50 * (x - 1.5) ** 2), "right": {"one": lambda x: 1.0}, "instances": lambda: [
        Instance(f"x = {x}", None, x) for x in (-9.0, -8.0, 1.2, -7.0)]}
    walk = Attack(start=lambda x: [x], build=lambda vector, x: vector[0], starts=1)
    fails(inequality(attack=walk, **peak), "fails under attack", "'x = 1.2'")


def test_zero_below_zero_is_not_tight():
    fourfold = {"left": lambda x: np.array([0, x]), "right": {"fourfold": lambda x: np.array([0, 4 * x + x * x])}}
    wrong = Wrong("half", right=lambda x: np.array([0, x / 2])), Wrong("more", left=lambda x: np.array([1, 9 * x]))
    walk = Attack(start=lambda x: [x], build=lambda vector, x: abs(vector[0]))
    one = inequality(**fourfold, wrong=wrong, attack=walk, instances=lambda: [Instance("one", None, 1.0)])
    assert check(one).tightness == "within a factor 10 by the attack"


def test_wrong_version_may_fall_to_the_attack():
    far = Wrong("a constant", left=lambda x: np.sum(x**2), right=lambda x: 100.0)
    assert "a constant" in check(inequality(wrong=(*inequality().wrong, far))).as_row()["rejected"]


def test_implication_is_an_inequality_between_answers():
    """x > 3/2 only where x > 1; where both say no, nothing is divided by nothing."""
    implied = {"left": lambda x: bool(x > 1.5), "right": {"wider": lambda x: bool(x > 1)}, "instances": scalars,
               "attack": LINE, "tolerance": Tolerance(0, why="yes or no"), "wrong": (
                   Wrong("narrower", right=lambda x: bool(x > 1.8)), Wrong("never", right=lambda x: False))}
    with np.errstate(all="raise"):
        record = check(inequality(**implied))
    assert (record.telling, record.tightness) == ("2 yes and 6 no", "")
    assert record.nearest == "on 1 of 8 instances"


def test_implication_from_what_always_holds_is_refused():
    always = {"left": lambda x: np.ones(int(9 * x), dtype=bool), "right": {"all": lambda x: np.arange(int(9 * x)) < 99},
              "instances": scalars, "attack": LINE, "tolerance": Tolerance(0, why="yes or no"), "wrong": (
                  Wrong("none", right=lambda x: np.arange(int(9 * x)) < 0), Wrong("one", right=lambda x: x > 1))}
    fails(inequality(**always), "the left side is True on all instances: add some on which it is not")


def test_instances_with_too_many_parameters_are_no_starts():
    """Twelve steps are enough for three parameters and not for four; only the instance of three can get above 2."""
    mixed = {"left": lambda x: x.max(), "right": {"two": lambda x: 2.0}, "instances": lambda: [
        Instance(f"size {size}", None, np.linspace(1, 1.8, size)) for size in (1, 3, 4)],
        "attack": Attack(start=lambda x: x, steps=12, build=lambda vector, x: (
            vector if x.size == 3 else np.minimum(vector, 1.9))),
        "wrong": (Wrong("one", right=lambda x: 1.0), Wrong("more", left=lambda x: x.max() + 2))}
    fails(inequality(**mixed), "fails under attack", "'size 3'")


def test_search_may_wander_where_numpy_would_warn():
    """exp(-350 x) underflows from x = 2.03 on, where no instance is."""
    wanders = {"right": {"moments": lambda x: mean_of_squares(x) + np.exp(-350 * x.max())}}
    with np.errstate(all="raise"):
        assert check(inequality(**wanders, instances=lambda: instances(low=1.8)))


def test_closeness_entry_by_entry():
    """From -1, for sides of two signs and within the tolerance of 0, to 1 at equality; above where it is violated."""
    left, right = np.array([0, 1e-13, -2, -3, 1, 2, 4, 1 - 1e-9]), np.array([0, -1e-13, 2, 1, 2, 2, 2, 1])
    case = Case(Instance("all", None, None), left, right, np.maximum(left - right, 0), np.full(8, 1e-12))
    assert case.closenesses("<=") == pytest.approx([-1, -1, -1, -1 / 3, 0.5, 1, 1.5, 1 - 1e-9], rel=1e-15)
    assert case.loose("<=").tolist() == [True] * 5 + [False] * 3  # 1e-9 from equality is at equality
    assert case.closeness("<=") == 1.5


def test_violation_counts_where_there_is_nothing_to_climb():
    """Both sides grow alike, and with them an error that the tolerance, which does not grow, hides at first."""
    sized = {"left": lambda x: x[0] * x[1] * (1 + 2e-13), "right": {"size": lambda x: x[1]},
             "instances": lambda: [Instance("equal", None, (1.0, 1.0)), Instance("less", None, (0.5, 1.0))],
             "tolerance": Tolerance(1e-12, why="pretended", scale=lambda x: 1.0),
             "attack": Attack(start=lambda x: [x[1]], build=lambda vector, x: (x[0], min(abs(vector[0]), 8)),
                              steps=10, reach=7),
             "wrong": (Wrong("half", right=lambda x: x[1] / 2), Wrong("more", left=lambda x: x[1] + 1))}
    fails(inequality(**sized), "fails under attack", "instance 'equal'", "right     8")


def test_last_start_is_chosen_by_the_name_of_the_claim():
    """x ≤ 2 fails for the loosest instance alone, as only there the attack can move; other claims start elsewhere."""
    stuck = {"left": lambda x: x[1], "right": {"two": lambda x: 2.0},
             "instances": lambda: [Instance(f"x = {x}", None, (x, x)) for x in (1.8, 1.7, 1.6)],
             "attack": Attack(start=lambda x: [x[1]], starts=2, steps=40, build=lambda vector, x: (
                 x[0], vector[0] if x[0] == 1.6 else min(vector[0], 1.9))),
             "wrong": (Wrong("one", right=lambda x: 1.0), Wrong("more", left=lambda x: x[1] + 2))}
    found = set()
    for number in range(6):
        try:
            found.add(check(inequality(equation=f"S{number}", **stuck)).tightness)
        except CheckFailed as failure:
            found.add(str(failure).partition("i.label == ")[2][:9])
    assert found == {"within 10 % by the attack", "'x = 1.6'"}


# --- limits -----------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("sequence", [
    lambda x: x[:, None] * 2.0**TIMES,                            # diverges
    lambda x: x[:, None] * (1 + (-1.0) ** TIMES),                 # oscillates
    lambda x: x[:, None] * (1 - 0.5 ** np.arange(24)),            # stops too early
    lambda x: x[:, None] * (1 - 0.5 ** np.arange(160)) + 1e-6,    # goes elsewhere
])
def test_limit_that_is_not_reached(sequence):
    fails(limit(left=sequence), "fails on 20 of 20", "in the last quarter")


def test_limit_that_is_left_again_within_the_tolerance():
    drifts = limit(left=lambda x: x[:, None] * (1 + 1e-4 * np.linspace(0, 1, 80) ** 9),
                   tolerance=Tolerance(1e-2, why="wide enough for the drift"))
    fails(drifts, "larger than in the first quarter")


def test_limit_where_nothing_converges():
    fails(limit(left=lambda x: np.repeat(x[:, None], 40, axis=1)), "begins at its limit")


def test_limit_that_one_instance_begins_at():
    """There the gap may grow by a rounding, and only there."""
    rounded = geometric(np.ones(3)) * 0 + 1 + np.finfo(float).eps * (np.arange(160) > 80)
    begun = limit(left=lambda x: rounded if x is LAST.value else geometric(x), instances=lambda: [
        *ALL[:-1], LAST], right={"closed form": lambda x: np.ones(3) if x is LAST.value else x})
    assert check(begun)


def test_limit_of_a_sequence_of_numbers():
    assert check(limit(left=lambda x: geometric(x)[0], right={"closed form": lambda x: x[0]}, wrong=(
        Wrong("half the limit", right=lambda x: x[0] / 2), Wrong("grows", left=lambda x: x[0] * TIMES))))


def test_limit_of_too_few():
    fails(limit(left=lambda x: x[0]), "the left side has shape (): return a sequence of 8 or more along the last axis")
    fails(limit(left=lambda x: x[:, None] * np.ones(7)), "8 or more")


# --- what cannot even be written --------------------------------------------------------------------------------------

def half(x):
    return x / 2


def third(x):
    return x / 3


@pytest.mark.parametrize(("changes", "words"), [
    ({"right": {"product": product}}, "2 or more oracles"),
    ({"right": {"product": product, "itself": cube}}, "same callable"),
    ({"right": {"product": product, "copy": lambda y: y * y * y, "again": lambda z: z * z * z}}, "same callable"),
    ({"right": {"product": product, "wrapped": partial(cube)}, "left": partial(cube)}, "same callable"),
    ({"wrong": ()}, "two wrong versions"),
    ({"wrong": (Wrong("half", left=half),)}, "two wrong versions"),
    ({"wrong": (Wrong("half", left=half), Wrong("half", left=third))}, "share a name"),
    ({"wrong": (Wrong("half", left=half), Wrong("again", left=half))}, "two wrong versions are the same"),
    ({"wrong": (Wrong("half", left=half), Wrong("right one", left=cube))}, "repeats the claim's"),
    ({"wrong": (Wrong("half", left=half), Wrong("right one", right=product))}, "repeats the claim's"),
    ({"wrong": (Wrong("half", left=half), Wrong("right ones", instances=instances))}, "repeats the claim's"),
    ({"attack": STRAIGHT}, "only there"),
    ({"relation": "<="}, "attack is needed"),
    ({"relation": "=="}, "none of"),
    ({"relation": "->", "right": {}}, "1 or more oracles"),
    ({"tolerance": {"product": ROUNDING}}, "one for each oracle"),
    ({"equation": " "}, "equation is empty"),
    ({"says": ""}, "says is empty"),
])
def test_claim_that_cannot_be_written(changes, words):
    with pytest.raises(ValueError, match=words):
        identity(**changes)


@pytest.mark.parametrize(("make", "words"), [
    (lambda: Wrong("nothing"), "changes nothing"),
    (lambda: Wrong("", left=half), "name is empty"),
    (lambda: Tolerance(-1e-9, why="x"), "rtol"),
    (lambda: Tolerance(np.nan, why="x"), "rtol"),
    (lambda: Tolerance(0.5, why="x"), "rtol"),
    (lambda: Tolerance(0.1, why="x"), "rtol is 0.1: without a scale keep it below 0.1"),
    (lambda: Tolerance(1e-9, why=" "), "why is empty"),
    (lambda: Attack(half, half, steps=9), "steps at least 10"),
    (lambda: Attack(half, half, starts=0), "starts must be at least 1"),
    (lambda: Attack(half, half, reach=np.inf), "reach is inf: give a finite number above 0"),
    (lambda: Tolerance(np.inf, why="x", scale=half), "rtol is inf: give a finite number, at least 0"),
    (lambda: Attack(half, half, reach=0), "reach"),
])
def test_piece_that_cannot_be_written(make, words):
    with pytest.raises(ValueError, match=words):
        make()


def test_least_that_can_be_written():
    assert Attack(half, half, starts=1, steps=10).steps == 10
    assert Tolerance(0.5, why="of a scale", scale=half).rtol == 0.5


def test_bound_to_different_values_is_not_the_same_callable():
    def scaled(factor):
        return lambda x: factor * x**3

    assert check(identity(wrong=(Wrong("double", left=scaled(2)), Wrong("triple", left=scaled(3)))))


def test_methods_of_two_objects_are_not_the_same_callable():
    class Power:
        def __init__(self, exponent):
            self.exponent = exponent

        def of(self, x):
            return x**self.exponent

    square, fourth = Power(2), Power(4)
    assert check(identity(wrong=(Wrong("square", left=square.of), Wrong("fourth", left=fourth.of))))
    with pytest.raises(ValueError, match="same callable"):
        identity(left=square.of, right={"product": product, "itself": square.of})


def test_claim_keeps_its_own_table_of_oracles():
    table = {"product": product, "logarithm": power_by_logarithm}
    claim = identity(right=table)
    table.clear()
    assert check(claim).as_row()["oracles"] == ["product", "logarithm"]
    with pytest.raises(TypeError):
        claim.right["extra"] = cube


def test_exact_claims_fail_by_one_entry():
    """A zero gap over a zero tolerance must not hide its neighbour."""
    two = {"tolerance": Tolerance(0, why="powers of two"), "instances": lambda: [Instance("2", None, np.full(3, 2.0))]}
    right = {"product": product, "prod": cube_by_prod}
    assert check(identity(right=right, **two))
    fails(identity(left=lambda x: x**3 + np.array([0, 8e-15, 0]), right=right, **two), "1 of 1", "(1,) of shape (3,)")


# --- what a reader changes --------------------------------------------------------------------------------------------

def test_another_side_is_checked_and_named():
    record = check(identity(), left=lambda x: x * x**2)
    assert repr(record) == (
        "✓ (S1) A cube is a product of three — with another left side — product, logarithm — 20 instances, to 1e-12 — "
        "rejects 1 wrong version: a square")
    assert "A cube is a product of three — with another left side</summary>" in record._repr_html_()
    assert "lambda x: x * x**2" in record._repr_html_()
    assert record._repr_html_().startswith('<div class="check mathjax_ignore tex2jax_ignore"><details>')
    with pytest.raises(ValueError, match="with another left side is no claim of the book"):
        record.as_row()


def test_one_right_side_is_the_only_oracle():
    assert "— with another right side — yours — 20 instances, to 1e-12 — rejects 1 wrong version: half" in repr(
        check(identity(), right=lambda x: x**2 * x))
    named = {"one": lambda x: x**2 * x, "two": lambda x: x**4 / x}
    assert "— with another right side — one, two —" in repr(check(identity(), right=named))


def test_tolerance_against_another_right_side_is_the_loosest():
    wide = {"product": ROUNDING, "logarithm": Tolerance(1e-9, why="two transcendental functions")}
    assert "to 1e-9" in repr(check(identity(tolerance=wide), right=lambda x: x**2 * x))


@pytest.mark.parametrize("mine", [
    [np.full(3, 1.5), np.ones(3)], lambda: iter([np.full(3, 1.5), np.ones(3)]),
    [Instance("yours 1", 0, np.full(3, 1.5)), np.ones(3)], range])
def test_other_instances(mine):
    if mine is range:  # a generator is made here, as it can be used once
        mine = (np.full(3, value) for value in (1.5, 1.0))
    record = check(identity(), instances=mine)
    assert record.labels == ("yours 1", "yours 2")
    assert "— with other instances — product, logarithm — 2 instances, to 1e-12 — rejects 2 wrong versions" in repr(
        record)


def test_wrong_version_that_other_instances_cannot_tell_is_not_said_to_be_rejected():
    record = check(identity(), instances=[np.ones(3)])
    assert repr(record).endswith("— rejects 1 wrong version: half")
    assert "a square (" not in record._repr_html_()


def test_other_sides_of_an_inequality_are_attacked():
    assert "an attack, to 1e-12, tightness: equality reached by the attack" in repr(
        check(inequality(), right=lambda x: np.var(x) + np.mean(x) ** 2))
    with pytest.raises(CheckFailed, match="with another right side does not hold"):
        check(inequality(), right=lambda x: np.mean(x) ** 2 + np.var(x) / 2 - 1e-3)


def test_other_side_that_is_wrong_fails_with_the_usual_report():
    with pytest.raises(CheckFailed, match=r"^\(S1\) with another left side does not hold") as caught:
        check(identity(), left=lambda x: x**3 * 1.0005)
    for word in ("fails on 20 of 20 instances", "worst on", "replay", "gap"):
        assert word in str(caught.value)


def test_wrong_version_passes_where_the_instances_are_the_books():
    with pytest.raises(CheckFailed, match="with another left side, wrong version 'a square' passes"):
        check(identity(instances=lambda: [Instance("one", None, np.ones(3))]), left=lambda x: x * x**2)


def test_side_against_itself_is_refused():
    with pytest.raises(ValueError, match="its own oracle"):
        check(identity(), left=product)


def test_check_leaves_the_claim_as_it_was():
    claim = identity()
    check(claim, left=lambda x: x * x**2, instances=[np.full(3, 1.5)])
    assert claim.left is cube and claim.instances is instances


def test_chapter_is_known_to_the_row():
    assert check(identity(chapter="II")).as_row()["chapter"] == "II"


# --- what is shown ----------------------------------------------------------------------------------------------------

def test_exact_claims_are_exact():
    exact = Tolerance(0, why="counts are whole numbers")
    count = identity(left=lambda x: int((x > 1).sum()) + 1, tolerance=exact, right={
        "loop": lambda x: 1 + len([v for v in x if v > 1]), "complement": lambda x: 1 + x.size - int((x <= 1).sum())},
        wrong=(Wrong("one less", left=lambda x: int((x > 1).sum())), Wrong("all", right=lambda x: 1 + x.size)))
    assert "20 instances, exact" in repr(check(count))


def test_page_shows_the_statement_and_what_is_behind_it():
    record = check(identity())
    page = record._repr_html_()
    assert f">{record!r}</dd>" in page and page.count("<summary") == 1 and " open" not in page
    assert '<span class="verdict">✓ (S1)</span> A cube is a product of three</summary>' in page
    assert '</summary><dl style="display: grid"><dt>Left side</dt>' in page
    for piece in ("a few roundings of terms of one sign", "random … (20)", "a square (other right side)",
                  "def power_by_logarithm(x):", "lambda x: x * x)", 'tabindex="0"'):
        assert piece in page
    assert page == check(identity())._repr_html_()
    for leak in (" at 0x", ".py", "/tests", "test_verify"):
        assert leak not in page


def test_page_shows_first_how_the_sides_are_computed():
    def squared(x):
        return product(x) * deeper(x)

    page = check(identity(left=lambda x: squared(x) / Factor(1).times(x)))._repr_html_()
    sides = ["Left side", "lambda x: squared(x) / Factor(1).times(x)", "def squared(x)",
             "# Factor.times", "def deeper(x)", "Right side, product", "# and what stands above",
             "Right side, logarithm", "def power_by_logarithm(x)", "Relation", "Instances", "Tolerance",
             "Wrong versions", "as code"]
    places = [page.index(piece) for piece in sides]
    assert places == sorted(places)
    assert page.count("def product(x)") == page.count("def deeper(x)") == 1
    assert "def f" not in page  # numpy's own functions are not ours
    assert "def deeper(x)" in check(identity(left=lambda x: deeper(x)), instances=[np.full(3, 1.5)])._repr_html_()


def deeper(x):
    return [value**3 for value in cube(x) ** (1 / 3)]


class Factor:
    def __init__(self, factor):
        self.factor = factor

    def times(self, x):
        return self.factor * cube(x)


def test_page_shows_of_a_lambda_no_more_than_itself():
    sides = {"one": lambda x: x**2 * x, "two": lambda x: np.multiply(x * x, x)}
    factor = 1
    page = check(identity(left=lambda x: factor * x**3, right=sides))._repr_html_()
    assert "<code>lambda x: factor * x**3\n# factor = 1</code>" in page
    assert "<code>lambda x: x**2 * x</code>" in page and "<code>lambda x: np.multiply(x * x, x)</code>" in page


def test_page_shows_the_statement_in_tex_where_there_is_one():
    page = check(identity(tex=r"x^3 = x \cdot x \cdot x, \quad x > 0"))._repr_html_()
    statement = r'<span class="mathjax_process tex2jax_process">\(x^3 = x \cdot x \cdot x, \quad x &gt; 0\)</span>'
    assert f"{statement}</summary>" in page and page.startswith('<div class="check mathjax_ignore tex2jax_ignore" ')
    assert repr(check(identity(tex="x"))) == repr(check(identity()))


def test_page_lists_terms_and_texts_and_nothing_between():
    (listed,) = BeautifulSoup(check(identity())._repr_html_(), "html.parser").find_all("dl")
    assert {child.name for child in listed.children} == {"dt", "dd"}
    assert [child.text for child in listed.find_all("dt")] == [
        "Left side", "Right side, product", "Right side, logarithm", "Relation", "Instances", "Tolerance",
        "Wrong versions, each rejected", "Sight", "In one line", "Instances, wrong versions as code"]
    assert [child.text for child in listed.find_all("dd")][3:7] == [
        "left = right", "random … (20)",
        "product, logarithm: to 1e-12, because a few roundings of terms of one sign",
        "a square (other right side), off by over 10 %"]


def test_page_names_every_region_that_scrolls():
    page = check(identity())._repr_html_()
    names = re.findall(r'<pre tabindex="0" role="region" aria-label="([^"]+)">', page)
    assert len(names) == len(set(names)) == page.count("<pre") == 4
    assert all("(S1)" in name for name in names)


def test_page_escapes_what_it_shows():
    page = check(identity(says="a < b & c", left=lambda x: x**3 if x[0] < 9 else x))._repr_html_()
    assert "a &lt; b &amp; c" in page and "x[0] &lt; 9" in page and "x[0] < 9" not in page


def test_callable_without_source_is_named():
    page = check(identity(left=np.positive, right={"minus minus": lambda x: 0 - (0 - x), "numpy": np.abs}, wrong=(
        Wrong("half", left=half), Wrong("third", left=third))))._repr_html_()
    assert "no Python source" in page


def test_refutation_says_how_a_wrong_version_fails():
    assert repr(refute(identity(), "half")) == "✗ (S1) half — fails on 20 of 20 instances"


def test_refutation_by_attack_alone():
    near = Wrong("a hair less", right=lambda x: np.mean(x**2) - 1e-6)
    assert "under attack" in repr(refute(inequality(wrong=(*inequality().wrong, near)), "a hair less"))


def test_refutation_holds_each_oracle_to_its_own_tolerance():
    by_oracle = {"product": ROUNDING, "logarithm": Tolerance(1e-10, why="two transcendental functions")}
    assert repr(refute(identity(tolerance=by_oracle), "half")) == "✗ (S1) half — fails on 20 of 20 instances"


@pytest.mark.parametrize(("changes", "words"), [
    ({"instances": list}, r"^\(S1\): instances\(\) gives none"),
    ({"left": lambda x: x.undefined}, r"^\(S1\): the left side on instance 'random 0', seed 0, raised")])
def test_refutation_that_cannot_be_tried_names_the_claim(changes, words):
    with pytest.raises(CheckFailed, match=words):
        refute(identity(wrong=(*identity().wrong, Wrong("void", **changes))), "void")


def test_only_wrong_versions_are_refuted():
    with pytest.raises(ValueError, match=r"^\(S1\) has no wrong version 'a cube': choose from a square, half$"):
        refute(identity(), "a cube")
    true = Wrong("the same in other words", left=lambda x: x * x**2)
    with pytest.raises(CheckFailed, match="does not fail"):
        refute(identity(wrong=(*identity().wrong, true)), "the same in other words")


# --- false and void claims of every kind that once passed -------------------------------------------------------------


def scalars(count=8, low=0.2, high=1.9):
    return [Instance(f"x = {x:.3g}", None, float(x)) for x in np.linspace(low, high, count)]


LINE = Attack(start=lambda x: [x], build=lambda vector, x: vector[0], steps=40)


def test_entry_that_is_always_equal_does_not_shield_a_false_one():
    """[x², x₁] ≤ [x², 3]: the first entry is at equality everywhere, the second is false for x₁ > 3."""
    pair = {"left": lambda x: np.array([x**2, x]), "right": {"three": lambda x: np.array([x * x, 3.0])},
            "instances": scalars, "attack": LINE,
            "wrong": (Wrong("one", right=lambda x: np.array([x * x, 1.0])), Wrong("more", left=lambda x: [x**2, 9.0]))}
    fails(inequality(**pair), "fails under attack")


def test_attack_does_not_start_at_planted_equality_alone():
    """x ≤ 2 on instances below 2 and one planted at 2, from which alone the ascent would see equality and stop."""
    planted = {"left": lambda x: x, "right": {"two": lambda x: 2.0}, "attack": LINE,
               "instances": lambda: [*scalars(), Instance("planted", None, 2.0)],
               "wrong": (Wrong("one", right=lambda x: 1.0), Wrong("twice", left=lambda x: 2 * x + 1))}
    fails(inequality(**planted), "fails under attack")


def test_attack_with_nothing_to_climb_is_refused():
    """sin² ≤ 1 is true, but an attack that multiplies both sides climbs nothing."""
    both = Attack(start=lambda x: [1.0], build=lambda vector, x: (x[0], abs(vector[0])))
    void = {"left": lambda x: x[1] * np.sin(x[0]) ** 2, "right": {"size": lambda x: x[1]}, "attack": both,
            "instances": lambda: [Instance(one.label, None, (one.value, 1.0)) for one in scalars()],
            "wrong": (Wrong("half", right=lambda x: x[1] / 9), Wrong("plus", left=lambda x: x[1] * (1 + x[0])))}
    fails(inequality(**void), "nothing to climb")


def test_nan_under_attack_is_no_shelter():
    """The right side is NaN just where the inequality would fail."""
    sheltered = {"left": lambda x: np.sum(x**2),
                 "right": {"thirteen": lambda x: 13.0 if np.sum(x**2) <= 13 else np.nan}}
    fails(inequality(**sheltered), "NaN or infinity")


def test_small_entry_beside_a_large_one_is_seen():
    shielded = {"left": lambda x: np.array([x**3, 1e14]), "instances": scalars, "right": {
        "square": lambda x: np.array([x**2, 1e14]), "product": lambda x: np.array([x * x, 1e14])},
        "wrong": (Wrong("half", left=lambda x: np.array([x, 5e13])), Wrong("one", left=lambda x: np.array([x, 1.0])))}
    fails(identity(**shielded), "in entry (0,)", "apart from the rest")


def test_nearly_pi():
    near = {"left": lambda x: 22 / 7 * x, "right": {"pi": lambda x: np.pi * x, "arccos": lambda x: x * np.arccos(-1)},
            "tolerance": Tolerance(1.9e-3, why="pretended")}
    fails(identity(**near, wrong=(Wrong("3", left=lambda x: 3 * x), Wrong("4", left=lambda x: 4 * x))), "0.05 %")


@pytest.mark.parametrize("rtol", [0.09, 1e-3])
def test_tolerance_of_an_inequality_is_capped(rtol):
    loose = Tolerance(rtol, why="pretended")
    fails(inequality(right={"smaller": lambda x: 0.9995 * np.mean(x**2)}, tolerance=loose), "takes up more than")


def test_limit_must_still_be_approached_in_the_tail():
    """The harmonic series does not converge to where it happens to be; nor does a wave of 0.1 % about a number."""
    steps = np.arange(1, 2**16)
    harmonic = np.cumsum(1 / steps)
    wave = 1 + 1 / steps + 5e-4 * np.sin(steps / 100)
    loose = Tolerance(1e-3, why="pretended")
    for sequence, end in ((harmonic[-4000:], harmonic[-400]), (wave, 1.0)):
        fails(limit(left=lambda x, s=sequence: np.outer(x, s), right={"end": lambda x, e=end: x * e}, tolerance=loose))


def test_exact_means_exact():
    big = {"left": lambda x: 2**60 + x, "instances": lambda: [Instance(f"{i}", i, i) for i in range(1, 9)],
           "right": {"one more": lambda x: 2**60 + x + 1, "sum": lambda x: sum([1, x, 2**60])},
           "tolerance": Tolerance(0, why="whole numbers"),
           "wrong": (Wrong("half", left=lambda x: 2**59), Wrong("third", left=lambda x: 2**60 // 3))}
    fails(identity(**big), "fails on 8 of 8")
    thirds = big | {"left": lambda x: Fraction(x, 3), "right": {
        "near": lambda x: Fraction(x, 3) + Fraction(1, 10**30), "sum": lambda x: Fraction(x, 6) + Fraction(x, 6)}}
    fails(identity(**thirds), "fails on 8 of 8")


def test_wrong_version_within_the_tolerance_holds():
    """Refused as a bias only, it would count as rejected although the relation holds for it."""
    near = Wrong("a hair off", left=lambda x: x**3 * (1 + 4e-13))
    fails(identity(wrong=(*identity().wrong, near)), "'a hair off' passes")


def test_true_wrong_version_of_an_inequality_passes_and_is_refused():
    true = Wrong("a true bound", right=lambda x: 2 * np.mean(x**2))
    fails(inequality(wrong=(*inequality().wrong, true)), "'a true bound' passes")


def test_one_answer_on_all_instances_is_no_evidence():
    constant = {"left": lambda x: x / x, "right": {"one": lambda x: np.ones(3), "power": lambda x: x**0}}
    fails(identity(**constant, wrong=(Wrong("two", left=lambda x: 2 * x / x), Wrong("x", left=lambda x: x))),
          "the same left side")


def test_two_instances_are_enough_to_see_one_answer():
    constant = {"left": lambda x: x / x, "right": {"one": lambda x: np.ones(3), "power": lambda x: x**0}}
    fails(identity(**constant, instances=lambda: ALL[:2], wrong=(
        Wrong("two", left=lambda x: 2 * x / x), Wrong("x", left=lambda x: x))), "the same left side")


def test_sides_cannot_change_their_instance():
    def changing(x):
        x[0] = 1.0
        return x**3

    fails(identity(left=changing), "read-only")


# --- what the record says of how well the check sees ------------------------------------------------------------------

def test_equality_that_only_the_author_plants_is_told_apart():
    """x ≤ 2, where the attack gets no farther than 1.9: equality is met on the planted instance alone."""
    narrow = {"left": lambda x: x, "right": {"two": lambda x: 2.0}, "wrong": (
        Wrong("one", right=lambda x: 1.0), Wrong("twice", left=lambda x: 2 * x + 1)),
        "attack": Attack(start=lambda x: [x], build=lambda vector, x: min(vector[0], 1.9))}
    planted = [*scalars(high=1.8), Instance("planted", None, 2.0)]
    assert check(inequality(**narrow, instances=lambda: planted[:-1])).tightness == "within 10 % by the attack"
    assert check(inequality(**narrow, instances=lambda: planted)).tightness == (
        "equality reached on instances alone, within 10 % by the attack")


def test_attack_starts_in_every_family_of_instances():
    """x < 0 for all, and tightest in one family; only in the other does the attack get past 0."""
    families = {"left": lambda x: x[1], "right": {"zero": lambda x: 1.0}, "instances": lambda: [
        *(Instance(f"shut {i}", None, (0.0, 0.9 - i / 100)) for i in range(5)), Instance("open 0", None, (1.0, 0.1))],
        "wrong": (Wrong("lower", right=lambda x: 0.5), Wrong("more", left=lambda x: x[1] + 2)),
        "attack": Attack(start=lambda x: [x[1]], starts=2, build=lambda vector, x: (
            x[0], vector[0] if x[0] else min(vector[0], 0.95)))}
    fails(inequality(**families), "fails under attack", "'open 0'")


@pytest.mark.parametrize(("factor", "words"), [(0.4, "over 50 %"), (0.8, "over 10 %"), (0.98, "over 1 %"),
                                               (0.998, "over 0.1 %"), (1 - 3e-5, "over 1e-5")])
def test_nearest_wrong_version_is_told_by_its_distance(factor, words):
    near = Wrong("near", left=lambda x: factor * x**3)
    record = check(identity(wrong=(Wrong("far", left=lambda x: x / 9), near)))
    assert record.nearest == record.rejected["near"] == words and record.as_row()["nearest"] == words
    assert f"rejects 2 wrong versions, the nearest off by {words}: far; near" in repr(record)
    assert f"near (other left side), off by {words}" in record._repr_html_()


def test_distance_is_from_the_nearest_oracle_and_the_clearest_instance():
    at_one = Wrong("near", right=lambda x: x**3 + (x is LAST.value) * 0.04 * x.max() ** 3)
    assert check(identity(instances=lambda: ALL, wrong=(*identity().wrong, at_one))).rejected["near"] == "over 1 %"


def test_check_says_what_error_it_sees():
    assert check(identity()).sight == "1e-12"
    wide = Tolerance(1e-12, why="of a sum that is a thousand times larger", scale=lambda x: 1e3 * x**3)
    record = check(identity(tolerance=wide))
    assert (record.sight, record.tolerance) == ("1e-9", "1e-12")
    assert "an error of 1e-9 in an entry would be seen" in record._repr_html_()
    assert check(inequality()).sight == check(limit()).sight == ""


def scaled_cubes(*sizes):
    """x³ at sizes of many orders, held to 1e-12 of the largest."""
    def cubes(x):
        return x[0] ** 3 * np.array(sizes)

    return identity(left=cubes, right={"product": lambda x: product(x[0]) * np.array(sizes), "sum": lambda x: (
        np.array(sizes) * (x[0] ** 2 * x[0]))}, wrong=(
            Wrong("half", left=lambda x: cubes(x) / 2), Wrong("square", right=lambda x: cubes(x) ** 2)))


def test_sight_is_that_of_nineteen_entries_in_twenty():
    """Of ten entries all must be seen, and one that is small beside the others needs a larger error."""
    assert check(scaled_cubes(*np.ones(9), 0.9e-6)).sight == "1e-5"
    assert check(scaled_cubes(*np.ones(99), 0.9e-6)).sight == "1e-12"


@pytest.mark.parametrize(("sizes", "enough"), [
    ((*np.ones(19), 1e-10), True), ((*np.ones(18), 1e-10), False), ((*np.ones(18), 1e-10, 0.0), False),
    ((*np.ones(38), 1e-10, 1e-10), True), ((*np.ones(37), 1e-10, 1e-10), False)])
def test_one_entry_in_twenty_may_be_too_small_to_be_seen(sizes, enough):
    """Of those that are not zero."""
    if enough:
        assert check(scaled_cubes(*sizes))
    else:
        fails(scaled_cubes(*sizes), "cannot see an error of 0.05 % in entry", "on any instance")


def test_one_oracle_of_a_reader_must_see_every_entry_as_well():
    with pytest.raises(CheckFailed, match=r"^\(S1\) with another right side: this check cannot see .* in entry \(1,\)"):
        check(scaled_cubes(1.0, 1e-10), right=lambda x: x[0] ** 3 * np.array([1.0, 1e-10]))


def test_rounding_noise_beside_a_large_entry_needs_no_sight():
    assert check(scaled_cubes(1e6, 1e-12)).sight == "1e-12"


def test_no_share_of_zero_is_small_enough():
    shares = relative(np.full(3, 1e-12), np.array([0.0, -2.0, 0.0]))
    assert shares.tolist() == [np.inf, 5e-13, np.inf]


def test_entries_that_are_zero_need_no_sight():
    """On one instance of many, or all of one shape."""
    zeros = [Instance("zero", None, np.zeros(3)), Instance("half of it", None, np.array([0, 1.0, 2.0]))]
    two = {"right": {"product": product, "prod": cube_by_prod}}
    with np.errstate(divide="raise", invalid="raise"):
        assert check(identity(instances=lambda: [*instances(), *zeros], **two)).sight == "1e-12"
    assert check(identity(instances=lambda: [*instances(), Instance("two", None, np.zeros(2))], **two)).sight == "1e-12"


def test_instances_too_small_to_tell_are_counted():
    record = check(identity(instances=with_zeros, right={"product": product, "repeated": cube_by_prod}))
    assert record.telling == "20 tell"
    assert "50 instances (20 tell), to 1e-12" in repr(record) and ">of these 20 tell</dd>" in record._repr_html_()
    assert check(identity()).telling == ""


def above_one(x):
    return bool(x > 1)


YES_NO = {"left": above_one, "instances": scalars, "tolerance": Tolerance(0, why="yes or no"),
          "right": {"logarithm": lambda x: np.log(x) > 0, "inverse": lambda x: np.bool_(1 / x < 1)},
          "wrong": (Wrong("two", left=lambda x: x > 1.5), Wrong("always", left=lambda x: True))}


def test_answers_are_counted():
    record = check(identity(**YES_NO))
    assert "8 instances (4 yes and 4 no), exact" in repr(record)
    assert record.rejected == {"two": "on 2 of 8 instances", "always": "on 4 of 8 instances"}
    assert "the nearest on 2 of 8 instances: two; always" in repr(record)


def test_zero_and_one_are_no_answer():
    numbers = {"left": lambda x: float(x > 1), "right": {
        "logarithm": lambda x: float(np.log(x) > 0), "inverse": lambda x: float(1 / x < 1)}}
    fails(identity(**YES_NO | numbers), "True or False")
    assert check(identity(**YES_NO | numbers | {"tolerance": ROUNDING}))  # numbers that happen to be 0 or 1
    counts = {"left": lambda x: np.array([x > 1, 0.0]), "right": {
        "a": lambda x: [float(np.log(x) > 0), 0.0], "b": lambda x: [1 / x < 1.0, 0]}}
    assert check(identity(**YES_NO | counts | {"wrong": (
        Wrong("all", left=lambda x: [1.0, 0.0]), Wrong("none", left=lambda x: [0.0, 0.0]))}))


def test_partial_without_arguments_is_the_function_itself():
    with pytest.raises(ValueError, match="same callable"):
        identity(right={"product": product, "wrapped": partial(cube)})


def test_row_goes_with_a_notebook_and_not_with_a_page(monkeypatch):
    record = check(identity())
    assert record._repr_mimebundle_() == {ROW: record.as_row()}
    monkeypatch.setenv("LEDGERBOOK_MEDIUM", "page")
    assert record._repr_mimebundle_() == {}
