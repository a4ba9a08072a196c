"""Results of long runs on disk: small open files that are refused when they are not what was written.

A sweep lives in a folder as ``runs.csv`` (one line a run), mostly ``minima.npy`` (the parameters, one row a run),
sometimes ``traces.npy``, and ``manifest.json`` (the protocol, the command that makes them and what it cost, and a
digest of each file).
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .descent import Outcome
from .experiments import Protocol, Row, Sweep
from .sweeps import ResultError

COLUMNS: dict[str, Callable[[str], object]] = {
    "seed": int,
    "scale": float,
    "eta": float,
    "outcome": Outcome,
    "steps": int,
    "loss": float,
    "sharpness": float,
    "norm": float,
    "flattest": float,
    "peak": float,
    "final": float,
    "lowest": float,
    "highest": float,
    "modes": int,
    "above": float,
}


@dataclass(frozen=True)
class Cost:
    """What the call that wrote a sweep took: wall-clock seconds on so many cores, for the runs that it computed itself.

    A sweep that was begun earlier and completed by that call took more than these ``seconds``; ``computed`` tells.
    """

    seconds: float
    cores: int
    computed: int


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


def save(found: Sweep, folder: Path, command: str, cost: Cost | None = None) -> None:
    """Writes a sweep; the manifest comes last, so that an interrupted write is never taken for a result.

    Its rows have all of them parameters, or none; the same holds for traces.

    Raises
    ------
    ValueError
        If it has no rows.
    """
    if not len(found):
        raise ValueError("found holds no runs; save a sweep that has some")
    files = {"runs.csv": _csv(found.rows)}
    for name, column in (("minima.npy", "theta"), ("traces.npy", "trace")):
        if getattr(found.rows[0], column) is not None:
            files[name] = _npy(found[column])
    for stale in {"minima.npy", "traces.npy"} - files.keys():
        (folder / stale).unlink(missing_ok=True)
    seal(folder, files, asdict(found.protocol), command=command, **(asdict(cost) if cost else {}))


def seal(folder: Path, files: dict[str, bytes], protocol: dict, **about: object) -> None:
    """Writes files and the manifest, which comes last and holds a digest of each under the protocol."""
    folder.mkdir(parents=True, exist_ok=True)
    manifest = folder / "manifest.json"
    manifest.unlink(missing_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    digests = {name: _digest(protocol, content) for name, content in files.items()}
    manifest.write_text(json.dumps({**about, "protocol": protocol, "sha256": digests}, indent=1) + "\n")


def unseal(folder: Path) -> tuple[dict, dict[str, bytes]]:
    """The manifest and the files it names, all of them as :func:`seal` wrote them.

    Raises
    ------
    ResultError
        If a file is missing, was changed or cut short.
    """
    remedy = "restore the folder from version control or compute the sweep again"
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


def cost(folder: Path) -> Cost:
    """What it took to compute a sweep that :func:`save` wrote.

    Raises
    ------
    ResultError
        If the folder is damaged, or its manifest does not tell.
    """
    manifest, _ = unseal(folder)
    try:
        return Cost(**{field.name: manifest[field.name] for field in fields(Cost)})
    except KeyError as error:
        raise ResultError(f"{folder} does not tell its cost ({error}); compute the sweep again") from error


def load(folder: Path) -> Sweep:
    """Reads a sweep that :func:`save` wrote.

    Raises
    ------
    ResultError
        If a file is missing, was changed or cut short, or does not fit the others.
    """
    manifest, files = unseal(folder)
    try:
        table = list(csv.DictReader(io.StringIO(files["runs.csv"].decode())))
        minima, traces = (
            np.load(io.BytesIO(files[name]), allow_pickle=False) if name in files else [None] * len(table)
            for name in ("minima.npy", "traces.npy")
        )
        rows = tuple(
            Row(**{name: read(line[name]) for name, read in COLUMNS.items()}, theta=theta, trace=trace)
            for line, theta, trace in zip(table, minima, traces, strict=True)
        )
        return Sweep(Protocol(**manifest["protocol"]), rows)
    except (KeyError, TypeError, ValueError) as error:
        raise ResultError(f"{folder} does not hold a sweep of this version ({error}); compute it again") from error
