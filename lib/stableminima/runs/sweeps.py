"""Sweeps that survive: many independent runs, in any number of processes, each kept on disk as soon as it is finished.

joblib computes and keeps: here or on a cluster, by ``joblib.parallel_config``. Its store is given a stricter one in
exchange: a run is one ``.npz`` file with its seal behind it, in a folder named after the code that computed it. What is
read again is the run that was written there, or it is refused, unread. No file is ever unpickled, and none is deleted.
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
from importlib.metadata import version
from numbers import Real
from pathlib import Path
from tempfile import TemporaryFile

import numpy as np
from joblib import Memory, Parallel, delayed, register_store_backend
from joblib._store_backends import FileSystemStoreBackend
from joblib.parallel import get_active_backend
from tqdm import tqdm

from .descent import Outcome
from .experiments import Job, Protocol, Row, one_run

AHEAD = 1000  # jobs handed out before a worker asks, so that a cluster that grows while it works finds some


class ResultError(ValueError):
    """A result is missing, incomplete, changed since it was written, or not the one that was asked for."""


def _imported(tree: ast.AST, place: tuple[str, ...]) -> tuple[set[str], set[str]]:
    """The modules of this package that one in the folder ``place`` imports, as paths, and the packages outside."""
    ours, others = set(), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            folder = place[: len(place) + 1 - node.level]
            named = [node.module.replace(".", "/")] if node.module else [each.name for each in node.names]
            ours |= {"/".join([*folder, name]) for name in named}
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
        ours, others = _imported(tree, tuple(name.split("/")[:-1]))
        code[name] = _without_remarks(tree)
        packages |= others
        waiting |= ours - code.keys()
    parts = [sorted(code.items()), [(name, version(name)) for name in sorted(packages)]]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


VERSION = code_version()  # of the code that was imported, even if the files change while it runs


def _content(row: Row) -> bytes:
    """A row as a ``.npz`` file: its arrays by name, and all other fields as JSON."""
    arrays = {name: value for name, value in vars(row).items() if isinstance(value, np.ndarray)}
    others = {name: value for name, value in vars(row).items() if name not in arrays}
    buffer = io.BytesIO()
    np.savez(buffer, fields=json.dumps(others, default=lambda value: value.item()), **arrays)
    return buffer.getvalue()


def _row(content: bytes) -> Row:
    with np.load(io.BytesIO(content), allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    others = json.loads(str(arrays.pop("fields")))
    return Row(**{**others, "outcome": Outcome(others["outcome"])}, **arrays)


class SealedStore(FileSystemStoreBackend):
    """joblib's store in a folder, one file for a run, which ends in a digest of its content and of its place.

    A file that was cut short, changed, or copied from another run's place is refused. Nothing is ever cleared.
    """

    def _file(self, call_id: Sequence[str]) -> Path:
        return Path(self.location, *call_id).with_suffix(".npz")

    def _seal(self, call_id: Sequence[str], content: bytes) -> bytes:
        return hashlib.sha256("\n".join((VERSION, *call_id, "")).encode() + content).digest()

    def contains_item(self, call_id: Sequence[str]) -> bool:
        return self._file(call_id).exists()

    def dump_item(self, call_id: Sequence[str], item: Row, verbose: int = 0) -> None:
        content, file = _content(item), self._file(call_id)
        file.parent.mkdir(parents=True, exist_ok=True)
        sealed = content + self._seal(call_id, content)
        self._concurrency_safe_write(sealed, str(file), lambda content, name: Path(name).write_bytes(content))

    def load_item(self, call_id: Sequence[str], *_, **__) -> Row:
        try:
            sealed = self._file(call_id).read_bytes()
        except OSError as error:
            raise ResultError(f"{self._file(call_id)} cannot be read ({error.strerror})") from error
        content, seal = sealed[:-32], sealed[-32:]
        if seal != self._seal(call_id, content):
            raise ResultError(f"{self._file(call_id)} is not the run that was written there")
        return _row(content)

    def get_metadata(self, call_id: Sequence[str]) -> dict:
        return {}

    def store_metadata(self, call_id: Sequence[str], metadata: dict) -> None:
        """Keeps none: the row says it all, in one file."""

    def store_cached_func_code(self, call_id: Sequence[str], func_code: str | None = None) -> None:
        self.create_location(str(Path(self.location, *call_id)))

    def get_cached_func_code(self, call_id: Sequence[str]) -> str:
        """Today's text, always: joblib asks whether the function was changed, and here the folder answers that."""
        return inspect.getsource(_run)

    def clear_path(self, call_id: Sequence[str]) -> None:
        """Clears nothing: results of other code lie in other folders."""

    clear_item = clear_path


register_store_backend("sealed", SealedStore)


def _run(protocol: Protocol, eta: float, options: dict[str, bool], row: Row | None = None) -> Row:
    """What joblib keeps: a run computed here, or its row if that was computed elsewhere."""
    return one_run(protocol, eta, **options) if row is None else row


def _sees(folder: Path | None) -> bool:
    """Is there the folder that the sweep made, on the machine of this worker?"""
    return folder is not None and folder.is_dir()


def _finished(run: Callable[..., Row], folder: Path | None, code: str, job: Job, options: dict) -> tuple[Job, Row]:
    """A job with its row, computed in a worker, and kept at once if the worker sees the folder."""
    if code != VERSION:
        raise RuntimeError("this worker has other code than the process that began the sweep: "
                           "give both the same Python, packages and stableminima, and start both again")
    return job, (run if _sees(folder) else _run)(*job, options)


def _memory(folder: Path | None) -> Callable[..., Row]:
    """:func:`_run` with joblib's memory, in a folder."""
    return Memory(folder, backend="sealed", verbose=0).cache(_run, ignore=["row"])


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


def _kept(run: Callable[..., Row], jobs: Sequence[Job], options: dict[str, bool]) -> dict[Job, Row]:
    """The rows that are there already."""
    rows, refused = {}, []
    for job in dict.fromkeys(jobs):
        if run.check_call_in_cache(*job, options):
            found = run.call_and_shelve(*job, options)
            try:
                rows[job] = run.store_backend.load_item((found.func_id, found.args_id))
            except ResultError as error:
                refused.append(str(error))
    if refused:
        raise ResultError("\n".join([*refused, "Delete what is named here and start again: all other runs are kept."]))
    return rows


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
    there = _kept(_memory(_folder(cache)), jobs, options)
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
    if workers == 0 or workers != int(workers):
        raise ValueError(f"workers must be a number of processes, or -1 for one on each core, got {workers}")
    jobs = _jobs(jobs, options)
    folder = None if cache is None else _folder(cache)
    run = _memory(folder)
    rows = _kept(run, jobs, options)
    left = [job for job in dict.fromkeys(jobs) if job not in rows]
    pool = Parallel(n_jobs=workers, return_as="generator_unordered", pre_dispatch=f"2 * n_jobs + {AHEAD}")
    calls = (delayed(_finished)(run, folder, VERSION, job, options) for job in left)
    bar = tqdm(desc=title, total=len(rows) + len(left), initial=len(rows), unit="run", disable=title is None)
    try:
        with bar, _failures_told():
            for job, row in pool(calls) if left else ():
                rows[job] = run(*job, options, row=row)  # kept here, if the worker did not see the folder
                bar.update()
    except BaseException as error:
        error.add_note("The sweep is not complete. " + (
            f"Its finished runs are kept in {cache}: start it again for the others." if cache else "No run was kept."))
        raise
    return tuple(rows[job] for job in jobs)
