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
# n, k, and a peer whose best variant counts
COMPARED = (
    (10, 80, "JAX"),
    (10, 80, "JAX by hand"),
    (10, 80, "PyTorch"),
    (1000, 1000, "JAX"),
    (1000, 1000, "JAX by hand"),
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
        found["about"], found["steps"], found["switching"], found["growth"], found["curvature"]
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


def switching_table(found: dict) -> Table:
    """Both kernels where neurons switch in every step, on from stored runs."""
    rows = [(f"η = {row['eta']:.2g}", *(duration(times) for name in ("fixed", "general")
                                       for times in (min(row["seconds"][name]), median(row["seconds"][name]))))
            for row in found["switching"]]
    head = ("on from the run with", "fixed, fastest", "fixed, median", "general, fastest", "general, median")
    return Table("One step where neurons switch", head, rows)


def curvature_table(found: dict) -> Table:
    """The largest eigenvalue, by everybody at every size: the median of the rounds, and how many there were."""
    ways = list(dict.fromkeys(name for row in found["curvature"] for name in row["seconds"]))

    def cell(times: list[float]) -> str:
        return f"{duration(median(times))} ({len(times)})" if times else "—"

    rows = [(f"n = k = {row['k']}", *(cell(row["seconds"].get(way, [])) for way in ways)) for row in found["curvature"]]
    return Table("The largest eigenvalue of the Hessian: median time (rounds)", ("size", *ways), rows)


def ratios(found: dict) -> Iterator[str]:
    """A sentence for each peer that the kernel is compared with."""
    for n, k, peer in COMPARED:
        row = _at(found, n, k)
        name = _best(row["seconds"], peer)
        place = f"At n = {n}, k = {k}"
        if name is None:
            yield f"{place}: {peer} was not measured."
            continue
        fastest, medians = map(_times, _ratios(row, name))
        variant = name.partition(", ")[2]
        yield f"{place}: {fastest} times as fast as the best of {peer} ({variant}), by medians {medians}."


def words(found: dict) -> str:
    """The ratios, switching neurons and the sweep as a list in Markdown, with where it was measured."""
    about = found["about"]
    versions = ", ".join(f"{name} {version}" for name, version in about["versions"].items())
    lines = list(ratios(found))
    if about["missing"]:
        lines.append(f"Left out, as not installed: {', '.join(about['missing'])}.")
    times = [min(row["seconds"]["general"]) / min(row["seconds"]["fixed"]) for row in found["switching"]]
    span = " to ".join(dict.fromkeys(f"{ratio:.2g}" for ratio in (min(times), max(times))))
    lines.append(f"Where many neurons switch in every step, `fixed` is {span} times as fast as `general`.")
    if "sweep" in found:
        sweep = found["sweep"]
        took = f"The sweep of Section 5 took {sweep['seconds'] / 60:.1f} minutes on {sweep['cores']} cores"
        lines.append(f"{took}, which did other work too.")
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
    name = "this book, general, longer rounds"
    ax.plot(sizes, seconds * 1e6, "-", marker=style.marker, ms=4, color=style.ink, label=name)
    fit = np.exp(np.mean(np.log(seconds)) + power * (np.log(sizes) - np.mean(np.log(sizes))))
    ax.plot(sizes, fit * 1e6, ":", color=PALETTE["other"].ink, label=f"(n + k) to the power {power:.2f}")
    ours = [(row["n"] + row["k"], min(row["seconds"][row["chosen"]]) * 1e6) for row in found["steps"]]
    ax.plot(*zip(*ours, strict=True), "D", ms=5, mfc="white", color=style.ink, label="this book, as in the table")
    peers = {"JAX": "curvature", "JAX by hand": "loss", "PyTorch": "threshold", "numpy": "weight"}
    for peer, role in peers.items():
        rows = [(row, _best(row["seconds"], peer)) for row in found["steps"]]
        points = [(row["n"] + row["k"], min(row["seconds"][name]) * 1e6) for row, name in rows if name]
        if points:
            style = PALETTE[role]
            ax.plot(*zip(*points, strict=True), ls=style.linestyle, marker=style.marker, color=style.ink, label=peer)
    ax.set(xscale="log", yscale="log", xlabel="n + k", ylabel="microseconds for a step")
    ax.legend(loc="lower right")
    first, last = found["growth"][0], found["growth"][-1]
    ends = [f"{duration(min(row['seconds']))} at n = k = {row['k']:,}" for row in (first, last)]
    largest = found["steps"][-1]
    beside = [f"{peer} {duration(min(largest['seconds'][name]))}" for peer in peers
              if (name := _best(largest["seconds"], peer))]
    return Picture(
        figure,
        "fig-cost",
        f"Time of one step against size, on one core. From {ends[0]} to {ends[1]} it grows like $(n + k)^p$ with a "
        f"fitted $p = {power:.2f}$. Between the last two points the exponent is "
        f"{exponent(sizes[-2:], seconds[-2:]):.2f}, probably because the megabytes that a step reads and writes no "
        "longer fit into the core's own cache. The longer rounds go further into training, where more neurons switch "
        "in a step; that is why the first of them takes longer than the same size in the table. The peers' cost grows "
        "with $n k$.",
        f"Log-log plot of the time of a step against n + k. At n = k = {largest['k']} the peers take "
        f"{', '.join(beside)}. Ours goes from {ends[0]} to {ends[1]}, with the fitted exponent {power:.2f}.",
    )


def switches(sweep: Sweep, index: int, steps: int = 300) -> np.ndarray:
    """How many neurons change their pattern in each of so many single steps on from a stored run; shape (steps,)."""
    (net, data), eta = sweep.case(index), sweep["eta"][index]
    patterns = np.array([each.pattern(data.x) for each in (net, *descent.steps(net, data, eta, steps))])
    return (patterns[1:] != patterns[:-1]).any(axis=1).sum(axis=1)
