"""The notation table against the library: every name exists and has the shape that the table says."""

import importlib
import re

import numpy as np
import pytest

from chapters import notation
from chapters.instances import random_case
from stableminima import implementations, interpolants, modes, oscillation, rescaling
from stableminima.network import Dataset, Network
from stableminima.runs.descent import Schedule
from stableminima.switching import Switching

CASE = random_case(0, k=7, n=4)
OBJECTS = {"Dataset": CASE.data, "Network": CASE.net, "Schedule": Schedule(0.1),
           "Adjacent": modes.adjacent(CASE.net, CASE.data),
           "Flattest": interpolants.flattest_interpolant(CASE.data),
           "FlattestRescaling": rescaling.flattest_rescaling(CASE.net, CASE.data),
           "FlattestImplementation": implementations.flattest_implementation(CASE.net, CASE.data),
           "Oscillation": oscillation.at(Network([1], [0], [1], 0), Dataset([0, 1], [0, 1]))}
ONE_MODE = Switching.deterministic([np.diag([2.0, 1.0])])
SIZES = {"n": 4, "k": 7, "k+1": 8, "3k+1": 22, "modes": 1, "T": 1}
ARGUMENTS = {
    "pattern": [CASE.data.x],
    "preactivation": [CASE.data.x],
    "residual": [CASE.data],
    "loss": [CASE.data],
    "rescale": [2.0],
    "features": [CASE.net, CASE.data.x],
    "segment_features": [CASE.net, CASE.net, CASE.data.x],
    "output": [CASE.net, CASE.data.x],
    "second_layer": [CASE.net, CASE.data.x],
    "sharpnesses": [CASE.net, CASE.interpolating().data],
    "g": [CASE.data.x, CASE.data],
    "g_plus": [CASE.data.x, CASE.data],
    "g_minus": [CASE.data.x, CASE.data],
    "g_low": [CASE.data.x, CASE.data],
    "g_up": [CASE.data.x, CASE.data],
    "batch_losses": [CASE.net, CASE.data, 3],
    "gamma": [ONE_MODE, [1, 0]],
    "rayleigh": [ONE_MODE, [1, 0]],
    "deviation": [ONE_MODE, [1, 0], [2.0]],
    "smoothest_norm": [CASE.data],
    "largest_step_size": [CASE.data],
    "side_costs": [[0.1], CASE.data, np.eye(4) / 4],
}


def value_of(name):
    module, *path = name.split(".")
    thing = importlib.import_module(f"stableminima.{module}")
    for step in path:
        thing = OBJECTS[step] if step in OBJECTS else getattr(thing, step)
    return thing(*ARGUMENTS.get(path[-1], [CASE.net, CASE.data])) if callable(thing) else thing


@pytest.mark.parametrize("row", notation.SYMBOLS, ids=lambda row: row.name)
def test_name_exists_and_has_its_shape(row):
    value = value_of(row.name)
    if row.shape == "network":
        assert type(value) is type(CASE.net)
    elif row.shape == "two arrays":
        assert [np.ndim(part) for part in value] == [1, 1]
    elif row.shape == "number":
        assert np.ndim(value) == 0
    else:
        expected = tuple(SIZES[size] for size in re.findall(r"[^(), ]+", row.shape))
        assert np.shape(value) == expected


def test_symbols_are_distinct():
    names = [row.name for row in notation.SYMBOLS]
    assert len(set(names)) == len(names) == len({row.symbol for row in notation.SYMBOLS})
