"""Results of long runs on disk: small open files that are refused when they are not what was written.

A sweep lives in a folder as ``runs.csv`` (one line a run), ``minima.npy`` (the parameters, one row a run), sometimes
``traces.npy``, and ``manifest.json`` (the protocol, the command that makes them, and a digest of each file).
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from . import experiments
from .descent import Outcome
from .experiments import Protocol, Row, Sweep

DATA = Path(__file__).resolve().parents[2] / "data"
COMMAND = "make data"
COLUMNS: dict[str, Callable[[str], object]] = {
    "seed": int,
    "scale": float,
    "eta": float,
    "outcome": Outcome,
    "steps": int,
    "loss": float,
    "sharpness": float,
    "norm": float,
    "peak": float,
    "final": float,
    "lowest": float,
    "highest": float,
    "modes": int,
    "above": float,
}


class ResultError(ValueError):
    """A result folder is missing, incomplete, changed since it was written, or of another shape."""


def _digest(protocol: dict, content: bytes) -> str:
    """Of a file under its protocol: changing either is noticed."""
    return hashlib.sha256(json.dumps(protocol).encode() + content).hexdigest()


def _npy(array: NDArray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def _csv(rows: Iterable[Row]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows([getattr(row, name) for name in COLUMNS] for row in rows)
    return text.getvalue().encode()


def save(sweep: Sweep, folder: Path, command: str) -> None:
    """Writes the sweep; the manifest comes last, so that an interrupted write is never taken for a result."""
    files = {"runs.csv": _csv(sweep.rows), "minima.npy": _npy(sweep["theta"])}
    if sweep.rows[0].trace is not None:
        files["traces.npy"] = _npy(sweep["trace"])
    folder.mkdir(parents=True, exist_ok=True)
    manifest = folder / "manifest.json"
    manifest.unlink(missing_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    protocol = asdict(sweep.protocol)
    digests = {name: _digest(protocol, content) for name, content in files.items()}
    about = {"command": command, "protocol": protocol, "sha256": digests}
    manifest.write_text(json.dumps(about, indent=1) + "\n")


def _read(folder: Path) -> tuple[dict, dict[str, bytes]]:
    """The manifest and the files it names, all of them as they were written."""
    remedy = "restore the folder from version control or run `make data`"
    try:
        manifest = json.loads((folder / "manifest.json").read_text())
        files = {name: (folder / name).read_bytes() for name in manifest["sha256"]}
        manifest["protocol"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ResultError(f"{folder} is missing or was written incompletely ({error}); {remedy}") from error
    for name, content in files.items():
        if _digest(manifest["protocol"], content) != manifest["sha256"][name]:
            raise ResultError(f"{folder / name} is not the file that was written; {remedy}")
    return manifest, files


def stored(name: str) -> Sweep:
    """A sweep of the book: "section5", "hero", "survey" or "limits"."""
    return load(DATA / name)


def load(folder: Path) -> Sweep:
    """Reads a sweep that :func:`save` wrote.

    Raises
    ------
    ResultError
        If a file is missing, was changed or cut short, or does not fit the others.
    """
    manifest, files = _read(folder)
    try:
        table = list(csv.DictReader(io.StringIO(files["runs.csv"].decode())))
        theta = np.load(io.BytesIO(files["minima.npy"]), allow_pickle=False)
        trace = np.load(io.BytesIO(files["traces.npy"]), allow_pickle=False) if "traces.npy" in files else None
        traces = [None] * len(table) if trace is None else trace
        rows = tuple(
            Row(**{name: read(line[name]) for name, read in COLUMNS.items()}, theta=row, trace=path)
            for line, row, path in zip(table, theta, traces, strict=True)
        )
        return Sweep(Protocol(**manifest["protocol"]), rows)
    except (KeyError, TypeError, ValueError) as error:
        raise ResultError(f"{folder} does not hold a sweep of this version ({error}); run `make data`") from error


def regenerate(folder: Path = DATA) -> None:
    """Runs every long experiment of the book and writes it below ``folder``; finished runs survive an interruption."""
    for name, (protocol, jobs, options) in experiments.plans().items():
        runs = experiments.sweep(jobs, cache=folder.parent / ".cache", **options)
        rows = tuple(tqdm(runs, total=len(jobs), desc=name, unit="run"))
        save(Sweep(protocol, rows), folder / name, COMMAND)
