"""Sweeps that survive: many independent runs, in any number of processes, each kept on disk as soon as it is finished.

joblib computes, here or on a cluster, by ``joblib.parallel_config``. A run is kept as one ``.npz`` file with its seal
behind it, in a folder named after the code that computed it. What is read again is the run that was written there, or
it is refused, unread. No file is ever unpickled, and none is deleted.
"""

from __future__ import annotations

import ast
import hashlib
import inspect
import io
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib.metadata import version
from numbers import Integral, Real
from pathlib import Path
from tempfile import TemporaryFile
from uuid import uuid4

import numpy as np
from joblib import Parallel, delayed
from joblib.parallel import get_active_backend
from tqdm import tqdm

from .descent import Outcome
from .experiments import Job, Protocol, Row, one_run

AHEAD = 1000  # jobs handed out before a worker asks, so that a cluster that grows while it works finds some


class ResultError(ValueError):
    """A result is missing, incomplete, changed since it was written, or not the one that was asked for."""


def _imported(tree: ast.AST, home: Path, place: tuple[str, ...]) -> tuple[set[str], set[str]]:
    """The modules below ``home`` that one in the folder ``place`` imports, as paths, and the packages outside."""
    ours, others = set(), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = [*place[: len(place) + 1 - node.level], *(node.module or "").split(".")]
            base = "/".join(filter(None, base))
            ours |= {f"{base}/{each.name}".strip("/") for each in node.names} if (home / base).is_dir() else {base}
        elif isinstance(node, ast.ImportFrom):
            others.add(node.module.partition(".")[0])
        elif isinstance(node, ast.Import):
            others |= {each.name.partition(".")[0] for each in node.names}
    return ours, others - sys.stdlib_module_names


def _without_remarks(tree: ast.AST) -> str:
    """A syntax tree as text, less its docstrings: neither these nor comments nor layout compute anything."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            del node.body[0]
    return ast.dump(tree)


def code_version(home: Path = Path(__file__).parents[1]) -> str:
    """A digest of what a run depends on besides its job: `experiments`, all it imports, and versions of packages."""
    code: dict[str, str] = {}
    packages: set[str] = set()
    waiting = {"runs/experiments"}
    while waiting:
        name = waiting.pop()
        tree = ast.parse((home / f"{name}.py").read_text(encoding="utf-8"))
        ours, others = _imported(tree, home, tuple(name.split("/")[:-1]))
        code[name] = _without_remarks(tree)
        packages |= others
        waiting |= ours - code.keys()
    parts = [sorted(code.items()), [(name, version(name)) for name in sorted(packages)]]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


VERSION = code_version()  # of the code that was imported, even if the files change while it runs


@dataclass(frozen=True)
class _Place:
    """Where the row of one run is kept: a file in the folder of today's code, named by a digest of the run.

    A file is a ``.npz`` with a seal behind it: a digest of its content, of the run, and of the code that computed it.
    """

    folder: Path
    run: str  # protocol, step size and options, as JSON

    @property
    def file(self) -> Path:
        return self.folder / f"{hashlib.sha256(self.run.encode()).hexdigest()[:32]}.npz"

    def _sealed(self, content: bytes) -> bytes:
        return content + hashlib.sha256(f"{VERSION}\n{self.run}\n".encode() + content).digest()

    def write(self, row: Row) -> None:
        """Keeps a row: all of it, or, if this process is killed or the disk is full, nothing."""
        arrays = {name: value for name, value in vars(row).items() if isinstance(value, np.ndarray)}
        others = {name: value for name, value in vars(row).items() if name not in arrays}
        buffer = io.BytesIO()
        np.savez(buffer, run=self.run, code=VERSION, row=_json(others), **arrays)
        begun = self.file.with_suffix(f".{uuid4().hex}")
        try:
            begun.write_bytes(self._sealed(buffer.getvalue()))
            begun.replace(self.file)
        finally:
            begun.unlink(missing_ok=True)

    def read(self) -> Row | None:
        """The row that was kept here; None if there is none. What is not sealed as it should be is not looked into."""
        try:
            sealed = self.file.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise ResultError(f"{self.file} cannot be read ({error.strerror})") from error
        content = sealed[:-32]
        if sealed != self._sealed(content):
            raise ResultError(f"{self.file} is not the run that was written there")
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            others = json.loads(str(file["row"]))
            arrays = {name: file[name] for name in file.files if name not in ("run", "code", "row")}
        return Row(**{**others, "outcome": Outcome(others["outcome"])}, **arrays)


def _json(value: object) -> str:
    return json.dumps(value, sort_keys=True, default=lambda number: number.item())


def _place(folder: Path, job: Job, options: dict[str, bool]) -> _Place:
    protocol, eta = job
    return _Place(folder, _json({"protocol": asdict(protocol), "eta": eta, "options": options}))


def _sees(folder: Path | None) -> bool:
    """Is there the folder that the sweep made, on the machine of this worker?"""
    return folder is not None and folder.is_dir()


def _finished(folder: Path | None, code: str, job: Job, options: dict[str, bool]) -> tuple[Job, Row]:
    """A job with its row, computed in a worker, and kept at once if the worker sees the folder."""
    if code != VERSION:
        raise RuntimeError("this worker has other code than the process that began the sweep: "
                           "give both the same Python, packages and stableminima, and start both again")
    row = one_run(*job, **options)
    if _sees(folder):
        _place(folder, job, options).write(row)
    return job, row


def _folder(cache: Path | str) -> Path:
    """Where runs of today's code are kept, made and found to be writable."""
    folder = Path(cache).expanduser().resolve() / VERSION[:16]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            return folder
    except OSError as error:
        raise ValueError(f"cache: {cache} is no folder to write in ({error.strerror}); name another one") from error


def _jobs(jobs: Sequence[Job], options: dict[str, bool]) -> list[Job]:
    """The jobs, found to be jobs."""
    jobs = list(jobs)
    if not jobs:
        raise ValueError("jobs must hold at least one pair of a Protocol and a step size, got none")
    for job in jobs:
        if not (isinstance(job, tuple) and len(job) == 2 and isinstance(job[0], Protocol) and isinstance(job[1], Real)):
            raise ValueError(f"jobs must be pairs of a Protocol and a step size, got {job!r}")
    inspect.signature(one_run).bind(*jobs[0], **options)  # an unknown option is an error now, and not in every worker
    return [(protocol, float(eta)) for protocol, eta in jobs]


def _kept(folder: Path | None, jobs: Sequence[Job], options: dict[str, bool]) -> dict[Job, Row]:
    """The rows that are there already."""
    rows, refused = {}, []
    for job in dict.fromkeys(jobs) if folder else ():
        try:
            rows[job] = _place(folder, job, options).read()
        except ResultError as error:
            refused.append(str(error))
    if refused:
        raise ResultError("\n".join([*refused, "Delete what is named here and start again: all other runs are kept."]))
    return {job: row for job, row in rows.items() if row is not None}


@contextmanager
def _failures_told() -> Iterator[None]:
    """Tells joblib of a task that Dask gave up, as one worker after the other died with it: else it waits for ever."""
    backend, _ = get_active_backend()
    if not hasattr(backend, "client"):
        yield
        return
    submit = backend.submit

    def told(func: Callable, callback: Callable) -> Future:
        future = submit(func, callback)
        future.add_done_callback(lambda done: done.exception() and callback(done.exception()))
        return future

    backend.submit = told
    try:
        yield
    finally:
        del backend.submit


def missing(jobs: Sequence[Job], cache: Path | str, **options: bool) -> list[Job]:
    """The jobs that :func:`sweep` with the same arguments would have to compute, each once, in order.

    Raises
    ------
    ValueError, ResultError
        As :func:`sweep`.
    """
    jobs = _jobs(jobs, options)
    there = _kept(_folder(cache), jobs, options)
    return [job for job in dict.fromkeys(jobs) if job not in there]


def sweep(
    jobs: Sequence[Job], cache: Path | str | None = None, workers: int = -1, title: str | None = None, **options: bool
) -> tuple[Row, ...]:
    """Computes every job, a protocol with a step size η, and returns the rows in the order of ``jobs``.

    Parameters
    ----------
    jobs : pairs of a protocol and a step size. Begin with those that take longest, lest one core end alone.
    cache : a folder in which every run is kept as soon as it is finished; a later call computes what is missing there.
        A process that is killed, at any moment, loses the runs it had begun and not finished. None keeps nothing.
    workers : how many processes; -1 is one for each core, 1 computes in this process. A Dask cluster that was chosen
        by ``joblib.parallel_config(backend="dask")`` uses all its workers.
    title : of a progress bar on stderr; None shows none.
    options : for :func:`stableminima.runs.experiments.one_run`.

    Raises
    ------
    ValueError
        If there are no jobs, or no workers, or the cache is not a folder that can be written.
    ResultError
        If files in the cache are not what a sweep wrote there. It names them, before anything is computed.

    Examples
    --------
    >>> protocol = Protocol(seed=1, n=3, k=4, warm_up=10, tolerance=1e-3)
    >>> [str(row.outcome) for row in sweep([(protocol, 0.1), (protocol, 50.0)], workers=1)]
    ['converged', 'diverged']
    """
    if not isinstance(workers, Integral) or workers == 0:
        raise ValueError(f"workers must be a number of processes, or -1 for one on each core, got {workers}")
    jobs = _jobs(jobs, options)
    folder = None if cache is None else _folder(cache)
    rows = _kept(folder, jobs, options)
    left = [job for job in dict.fromkeys(jobs) if job not in rows]
    pool = Parallel(n_jobs=workers, return_as="generator_unordered", pre_dispatch=f"2 * n_jobs + {AHEAD}")
    calls = (delayed(_finished)(folder, VERSION, job, options) for job in left)
    bar = tqdm(desc=title, total=len(rows) + len(left), initial=len(rows), unit="run", disable=title is None)
    try:
        with bar, _failures_told():
            for job, row in pool(calls) if left else ():
                rows[job] = row
                if folder and not _place(folder, job, options).file.exists():  # the worker did not see the folder
                    _place(folder, job, options).write(row)
                bar.update()
    except BaseException as error:
        error.add_note("The sweep is not complete. " + (
            f"Its finished runs are kept in {cache}: start it again for the others." if cache else "No run was kept."))
        raise
    return tuple(rows[job] for job in jobs)
