"""The table of both sides on a few instances."""

import numpy as np
import pytest

from ledgerbook.claim import CheckFailed, Instance
from ledgerbook.look import look
from test_verify import identity, inequality, limit


def cells(seen):
    return [line.split(" | ") for line in repr(seen).splitlines()[1:]]


def test_instances_are_spread_evenly():
    labels = [row[0] for row in cells(look(identity(), 4))[1:]]
    assert labels == ["random 0", "random 6", "random 13", "random 19"]
    assert len(cells(look(identity(), 100))) == 21


def test_largest_entry_of_an_array_and_its_shape():
    rows = cells(look(identity(), instances=[np.array([1.0, -3.0, 2.0]) ** 2]))
    assert rows == [["instance", "left", "product", "logarithm", "largest gap"],
                    ["yours 1", "729, of 3", "729", "729", "≤ tolerance"]]


def test_of_entries_that_differ_by_roundings_the_first_is_shown():
    near = look(identity(left=lambda x: np.array([-1.0, 1 + 1e-15]), right={
        "one": lambda x: [-1.0, 1.0], "two": lambda x: np.array([-1, 1])}), 1)
    assert cells(near)[1][1:4] == ["-1, of 2", "-1", "-1"]


def test_gap_is_the_largest_of_all_entries_and_oracles():
    shifted = look(identity(), 1, left=lambda x: x**3 + np.array([0, 0.25, 0]))
    assert cells(shifted)[1][-1] == "0.25"
    assert repr(shifted).startswith("(S1) with another left side: left = right, on 1 of 20 instances\n")


@pytest.mark.parametrize(("changes", "slack"), [
    ({}, "2"), ({"right": lambda x: np.mean(x) ** 2 + 1e-15 * x[0]}, "≤ tolerance"), ({"right": lambda x: 3}, "-1")])
def test_slack_of_an_inequality(changes, slack):
    seen = look(inequality(), instances=[np.array([2 - np.sqrt(2), 2 + np.sqrt(2)])], **changes)
    assert cells(seen)[0][-1] == "least slack" and cells(seen)[1][-1] == slack


def test_slack_of_the_other_inequality():
    other = inequality(relation=">=", left=lambda x: np.mean(x**2), right={"moments": lambda x: np.mean(x) ** 2},
                       wrong=tuple(w for w in identity().wrong))
    assert cells(look(other, instances=[np.array([0.0, 2.0])]))[1][1:] == ["2", "1", "1"]


def test_sequence_is_seen_at_its_end():
    assert cells(look(limit(), instances=[np.array([1.0, 4.0])]))[1] == ["yours 1", "4, of 2", "4", "≤ tolerance"]


def test_rounding_is_no_number():
    zero = look(identity(left=lambda x: np.array([1.0, 1e-17])[1:] * [1], right={
        "zero": lambda x: [0.0], "nil": lambda x: np.zeros(1)}, instances=lambda: [Instance("0", None, 1)],
        tolerance=identity().tolerance.__class__(1e-12, why="of one", scale=lambda x: 1.0)))
    assert cells(zero)[1] == ["0", "0, of 1", "0", "0", "≤ tolerance"]


def test_page_has_the_same_cells():
    seen = look(inequality(), 2)
    page = seen._repr_html_()
    assert all(f">{cell}<" in page for row in cells(seen) for cell in row)


def test_no_instance_is_refused():
    with pytest.raises(ValueError, match="count is 0"):
        look(identity(), 0)


def test_side_that_raises_is_named():
    with pytest.raises(CheckFailed, match="left side on instance 'random 0'"):
        look(identity(), left=lambda x: 1 / 0)
