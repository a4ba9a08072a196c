"""From which step size on descent leaves each kept minimum, by the network's own rule: a long computation, stored.

At every kept minimum of five sweeps the knots that change the Hessian most, up to eight, are put on their samples.
Then :meth:`stableminima.oscillation.Oscillation.threshold` halves an interval of step sizes twelve times.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stableminima import modes, oscillation
from stableminima import switching as sw
from stableminima.network import Dataset, Network
from stableminima.runs.results import seal, unseal

from . import plans

NAME = "thresholds"
OF = ("section5", "limits", "scales", "hero", "survey")
KNOTS = 8
COMMAND = f'{plans.COMMAND} ARGS="--only {NAME}"'


@dataclass(frozen=True)
class Threshold:
    """One kept minimum.

    Attributes
    ----------
    sweep, run : where it comes from: ``plans.stored(sweep).kept.case(run)``. seed : of its data.
    edge : ηλ_max/2 where its run stopped.
    toggles : how many knots are on samples; 0 where none is near one, and then the rest is 1 or False.
    ratio : 2/η over the sharpness of the flattest mode, for the η from which on descent leaves.
    sharpest : the sharpness of the sharpest mode over that of the flattest.
    self_stabilising : whether the flattest mode is.
    kicked : whether no neuron has the wrong sign in it: some may be never kicked, with κ = 0.
    """

    sweep: str
    run: int
    seed: int
    edge: float
    toggles: int
    ratio: float
    sharpest: float
    self_stabilising: bool
    kicked: bool


def snapped(net: Network, data: Dataset) -> tuple[Network, Dataset]:
    """The minimum with knots on samples, and its own outputs as labels; as :func:`.switching.snapped` otherwise."""
    net = sw.snapped(net, data.x, KNOTS, within=1e-5)
    return net, Dataset(data.x, net(data.x))


def compute() -> Iterator[Threshold]:
    """Every kept minimum of the five sweeps, in order."""
    for name in OF:
        kept = plans.stored(name).kept
        for run, row in enumerate(kept.rows):
            about = (name, run, row.seed, round(row.eta * row.sharpness / 2, 6))
            yield Threshold(*about, *_at(*kept.case(run)))


def _at(net: Network, data: Dataset) -> tuple[int, float, float, bool, bool]:
    try:
        net, data = snapped(net, data)
    except ValueError:  # no knot is near a sample
        return 0, 1.0, 1.0, False, False
    sharpness, base = modes.sharpnesses(net, data), oscillation.at(net, data)
    flat, sharp = float(sharpness.min()), float(sharpness.max())
    found = base.threshold(0.97 * flat, 1.01 * sharp)
    kicked = bool((base.kicks >= -1e-12).all())
    return base.toggles, round(found / flat, 6), round(sharp / flat, 6), base.self_stabilising, kicked


def regenerate(folder: Path) -> None:
    """Computes all of it and writes it into ``folder``, sealed as a sweep is."""
    rows, text = list(compute()), io.StringIO()
    names = [field.name for field in fields(Threshold)]
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(map(asdict, rows))
    seal(folder, {"thresholds.csv": text.getvalue().encode()}, {"of": OF, "knots": KNOTS}, command=COMMAND)


@dataclass(frozen=True)
class Thresholds:
    """All rows; columns come as arrays: ``found["ratio"]``."""

    rows: tuple[Threshold, ...]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, column: str) -> NDArray:
        return np.array([getattr(row, column) for row in self.rows])


def stored(folder: Path = plans.DATA / NAME) -> Thresholds:
    """What :func:`regenerate` wrote.

    Raises
    ------
    ResultError
        If a file is missing, or is not the one that was written.
    """
    _, files = unseal(folder)
    read = {"str": str, "int": int, "float": float, "bool": lambda word: word == "True"}
    kinds = {field.name: read[field.type] for field in fields(Threshold)}
    table = csv.DictReader(io.StringIO(files["thresholds.csv"].decode()))
    return Thresholds(tuple(Threshold(**{name: kinds[name](word) for name, word in line.items()}) for line in table))
