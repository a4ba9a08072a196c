"""Figures, tables and words about speed, each a function of what `benchmarks/run.py` measured."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median

import numpy as np

from ledgerbook.drawing import PALETTE
from ledgerbook.picture import Picture, blank, styled
from ledgerbook.tables import Table
from stableminima.runs import descent
from stableminima.runs.experiments import Sweep

MEASURED = Path(__file__).resolve().parents[3] / "benchmarks" / "results.json"
# n, k, the peer whose best variant counts, how many times as fast we want to be; "by hand" is harder than what was set
GOALS = (
    (10, 80, "JAX", 6),
    (10, 80, "JAX by hand", 6),
    (10, 80, "PyTorch", 500),
    (1000, 1000, "JAX", 200),
    (1000, 1000, "JAX by hand", 200),
)


def measured(path: Path = MEASURED) -> dict:
    """What the benchmark wrote last.

    Raises
    ------
    ValueError
        If the file is missing or is not the benchmark's.
    """
    try:
        found = json.loads(path.read_text())
        found["about"], found["steps"], found["edge"], found["growth"], found["curvature"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path.name} is missing or not the benchmark's ({error!r}); run `make benchmarks`") from error
    return found


def exponent(sizes: Sequence[float], seconds: Sequence[float]) -> float:
    """The p for which seconds = c·sizeᵖ fits best, by least squares of the logarithms.

    >>> round(exponent([10, 100, 1000], [3, 300, 30000]), 9)
    2.0
    """
    return float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])


def duration(seconds: float) -> str:
    """Three digits with the unit that fits.

    >>> duration(2.345e-7), duration(0.0417), duration(250)
    ('0.234 µs', '41.7 ms', '250 s')
    """
    scale, unit = next((s, u) for s, u in ((1, "s"), (1e-3, "ms"), (1e-6, "µs")) if seconds >= s or u == "µs")
    return f"{seconds / scale:#.3g}".rstrip(".") + f" {unit}"


def _at(found: dict, n: int, k: int) -> dict:
    return next(row for row in found["steps"] if (row["n"], row["k"]) == (n, k))


def _best(seconds: dict[str, list[float]], peer: str) -> str | None:
    """The peer's fastest variant, by its fastest round."""
    variants = [name for name in seconds if name.partition(", ")[0] == peer]
    return min(variants, key=lambda name: min(seconds[name]), default=None)


def _ratios(row: dict, name: str) -> tuple[float, float]:
    """How many times as long as ours a contestant takes: by the fastest rounds, and by the medians."""
    ours, theirs = row["seconds"][row["chosen"]], row["seconds"][name]
    return min(theirs) / min(ours), median(theirs) / median(ours)


def _times(ratio: float) -> str:
    """Three digits or more, never a power of ten."""
    return f"{ratio:,.0f}" if ratio >= 100 else f"{ratio:.3g}"


def steps_table(found: dict) -> Table:
    """One step of gradient descent, by everybody at every size."""
    rows = []
    for row in found["steps"]:
        for name, seconds in row["seconds"].items():
            label = f"this book, {name}{', chosen' * (name == row['chosen'])}" if name in ("fixed", "general") else name
            ratios = map(_times, _ratios(row, name))
            spread = f"{max(seconds) / min(seconds) - 1:.0%}"
            times = duration(min(seconds)), duration(median(seconds)), spread
            rows.append((f"n = {row['n']}, k = {row['k']}", label, *times, *ratios, duration(row["first"][name])))
    head = ("size", "contestant", "fastest", "median", "spread", "ratio of fastest", "ratio of medians", "first call")
    return Table("One step of gradient descent", head, rows)


def edge_table(found: dict) -> Table:
    """Both kernels where neurons switch in every step."""
    edge = found["edge"]
    rows = [(name, duration(min(times)), duration(median(times))) for name, times in edge["seconds"].items()]
    return Table(f"At the edge of stability, η = {edge['eta']:.2g}", ("kernel", "fastest", "median"), rows)


def curvature_table(found: dict) -> Table:
    """The largest eigenvalue, by everybody at every size."""
    ways = list(dict.fromkeys(name for row in found["curvature"] for name in row["seconds"]))
    rows = [
        (f"n = k = {row['k']}", *(duration(min(row["seconds"][way])) if way in row["seconds"] else "—" for way in ways))
        for row in found["curvature"]
    ]
    return Table("The largest eigenvalue of the Hessian", ("size", *ways), rows)


def goals(found: dict) -> Iterator[str]:
    """A sentence for each goal that was set in advance."""
    for n, k, peer, goal in GOALS:
        row = _at(found, n, k)
        name = _best(row["seconds"], peer)
        place = f"At n = {n}, k = {k}"
        if name is None:
            yield f"{place}: {peer} was not measured; the goal is {goal} times as fast."
            continue
        fastest, medians = _ratios(row, name)
        verdict = "met" if min(fastest, medians) >= goal else "missed" if max(fastest, medians) < goal else "in doubt"
        yield (
            f"{place}: {_times(fastest)} times as fast as the best of {peer} ({name.partition(', ')[2]}), by medians "
            f"{_times(medians)}; the goal of {goal} is {verdict}."
        )


def words(found: dict) -> str:
    """The goals, the edge and the sweep as a list in Markdown, with where it was measured."""
    about, edge = found["about"], found["edge"]
    versions = ", ".join(f"{name} {version}" for name, version in about["versions"].items())
    lines = list(goals(found))
    if about["missing"]:
        lines.append(f"Left out, as not installed: {', '.join(about['missing'])}.")
    ratio = min(edge["seconds"]["general"]) / min(edge["seconds"]["fixed"])
    lines.append(f"At the edge of stability, `fixed` is {ratio:.2g} times as fast as `general`.")
    if "sweep" in found:
        sweep = found["sweep"]
        minutes = sweep["seconds"] / 60
        verdict = "met" if minutes <= 5 else "missed"
        took = f"The sweep of Section 5 took {minutes:.1f} minutes on {sweep['cores']} cores, which were not idle"
        lines.append(f"{took}; the goal of 5 is {verdict}.")
    lines.append(f"Measured on {about['date']}, one core ({about['processor']}), Python {about['python']}, {versions}.")
    return "\n".join(f"* {line}" for line in lines)


@styled
def cost_against_size(found: dict) -> Picture:
    """The time of a step against n + k, ours from small to large and the peers where they were measured."""
    figure, (ax,) = blank(7.2, 4.0)
    sizes = np.array([row["n"] + row["k"] for row in found["growth"]])
    seconds = np.array([min(row["seconds"]) for row in found["growth"]])
    style = PALETTE["model"]
    power = exponent(sizes, seconds)
    ax.plot(sizes, seconds * 1e6, "-", marker=style.marker, ms=4, color=style.ink, label="this book, general")
    fit = np.exp(np.mean(np.log(seconds)) + power * (np.log(sizes) - np.mean(np.log(sizes))))
    ax.plot(sizes, fit * 1e6, ":", color=PALETTE["other"].ink, label=f"(n + k) to the power {power:.2f}")
    peers = {"JAX": "curvature", "JAX by hand": "loss", "PyTorch": "threshold", "numpy": "weight"}
    for peer, role in peers.items():
        rows = [(row, _best(row["seconds"], peer)) for row in found["steps"]]
        points = [(row["n"] + row["k"], min(row["seconds"][name]) * 1e6) for row, name in rows if name]
        if points:
            style = PALETTE[role]
            ax.plot(*zip(*points, strict=True), ls=style.linestyle, marker=style.marker, color=style.ink, label=peer)
    ax.set(xscale="log", yscale="log", xlabel="n + k", ylabel="microseconds for a step")
    ax.legend(loc="upper left")
    first, last = found["growth"][0], found["growth"][-1]
    ends = [f"{duration(min(row['seconds']))} at n = k = {row['k']:,}" for row in (first, last)]
    largest = found["steps"][-1]
    beside = [f"{peer} {duration(min(largest['seconds'][name]))}" for peer in peers
              if (name := _best(largest["seconds"], peer))]
    return Picture(
        figure,
        "fig-cost",
        f"Time of one step against size, on one core. From {ends[0]} to {ends[1]} it grows like $(n + k)^p$ with a "
        f"fitted $p = {power:.2f}$. The peers' cost grows with $n k$.",
        f"Log-log plot of the time of a step against n + k. At n = k = {largest['k']} the peers take "
        f"{', '.join(beside)}. Ours goes from {ends[0]} to {ends[1]}, with the fitted exponent {power:.2f}.",
    )


def switches(sweep: Sweep, index: int, steps: int = 300) -> np.ndarray:
    """How many neurons change their pattern in each of so many single steps on from a stored run; shape (steps,)."""
    (net, data), eta = sweep.case(index), sweep["eta"][index]
    patterns = np.array([each.pattern(data.x) for each in (net, *descent.steps(net, data, eta, steps))])
    return (patterns[1:] != patterns[:-1]).any(axis=1).sum(axis=1)
