"""Sweeps are killed, resumed, and given damaged files; what they return is what a plain loop returns, bit for bit."""

import contextlib
import functools
import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import asdict, fields, replace
from importlib import metadata
from multiprocessing import active_children
from pathlib import Path

import numpy as np
import pytest

from chapters import plans
from chapters.__main__ import main
from stableminima.runs import experiments, results, sweeps
from stableminima.runs.experiments import Protocol, one_run
from stableminima.runs.sweeps import ResultError, missing, sweep

QUICK = Protocol(seed=1, n=3, k=4, warm_up=10, tolerance=1e-3, budget=2000)  # milliseconds a run
JOBS = [(QUICK, eta) for eta in (0.4, 0.1, 0.2, 50.0)]
SLOW = Protocol(seed=1, n=40, k=10, warm_up=10, tolerance=0.0, budget=700_000)  # a fourth of a second a run
LONG_JOBS = [(SLOW, eta) for eta in np.linspace(0.01, 0.1, 10).tolist()]


def loop(jobs):
    return [one_run(*job, onward=False) for job in jobs]


@functools.cache
def serial():
    return loop(LONG_JOBS)


def same(rows, others):
    """Are all fields of all rows equal, to the last bit?"""
    return all(
        np.array_equal(getattr(row, field.name), getattr(other, field.name))
        for row, other in zip(rows, others, strict=True)
        for field in fields(row)
    )


def kept(cache):
    return sorted(Path(cache).rglob("*.npz"))


def wait_until(condition, seconds=120):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


@pytest.fixture
def ran(monkeypatch):
    """The step sizes that are really computed, in this process."""
    etas = []
    monkeypatch.setattr(sweeps, "one_run", lambda *job, **options: etas.append(job[1]) or one_run(*job, **options))
    return etas


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("cached", [False, True])
def test_rows_come_in_the_order_of_the_jobs(tmp_path, workers, cached):
    rows = sweep(JOBS, cache=tmp_path if cached else None, workers=workers, onward=False)
    assert same(rows, loop(JOBS))
    assert len(kept(tmp_path)) == len(JOBS) * cached


def test_what_is_read_is_what_was_computed(tmp_path):
    options = {"traced": True, "onward": False}
    first = sweep(JOBS, tmp_path, workers=1, **options)
    again = sweep(JOBS, tmp_path, workers=1, **options)
    assert same(first, again) and again[0].trace is not None
    assert [type(row.outcome) for row in again] == [type(row.outcome) for row in first]


def test_a_file_tells_its_run(tmp_path):
    sweep(JOBS[:1], tmp_path, workers=1, onward=False)
    with np.load(kept(tmp_path)[0], allow_pickle=False) as file:
        told, code = json.loads(str(file["run"])), str(file["code"])
    assert told == {"protocol": asdict(QUICK), "eta": 0.4, "options": {"onward": False}} and code == sweeps.VERSION


def test_finished_runs_are_not_run_again(tmp_path, ran):
    sweep(JOBS[:1], tmp_path, workers=1, onward=False)
    assert missing(JOBS, tmp_path, onward=False) == JOBS[1:]
    sweep(JOBS, tmp_path, workers=1, onward=False)
    assert ran == [eta for _, eta in JOBS]
    assert missing(JOBS, tmp_path, onward=False) == []


def test_a_job_asked_for_twice_is_run_once(tmp_path, ran):
    rows = sweep([JOBS[0], JOBS[1], (QUICK, np.float64(JOBS[0][1]))], workers=1, onward=False)
    assert ran == [0.4, 0.1] and [row.eta for row in rows] == [0.4, 0.1, 0.4]


def test_other_options_are_other_runs(tmp_path, ran):
    sweep(JOBS[:1], tmp_path, workers=1, onward=False)
    sweep(JOBS[:1], tmp_path, workers=1, onward=False, traced=True)
    assert ran == [0.4, 0.4]


def test_a_run_that_fails_loses_no_other(tmp_path):
    with pytest.raises(ValueError, match="eta must be a positive number") as failure:
        sweep([*JOBS[:2], (QUICK, -1.0)], tmp_path, workers=1, onward=False)
    assert "start it again" in failure.value.__notes__[0]
    assert missing(JOBS[:2], tmp_path, onward=False) == []


def test_progress_begins_where_the_last_sweep_ended(tmp_path, capsys):
    sweep(JOBS[:3], tmp_path, workers=1, onward=False)
    assert capsys.readouterr().err == ""
    sweep(JOBS, tmp_path, workers=1, title="four runs", onward=False)
    shown = capsys.readouterr().err
    assert "four runs" in shown and "3/4" in shown and "4/4" in shown


# the code that a run depends on


def test_results_of_other_code_are_neither_taken_nor_lost(tmp_path, monkeypatch, ran):
    sweep(JOBS[:1], tmp_path, workers=1, onward=False)
    with monkeypatch.context() as newer:
        newer.setattr(sweeps, "VERSION", "f" * 64)
        sweep(JOBS[:1], tmp_path, workers=1, onward=False)
    assert ran == [0.4, 0.4] and len(kept(tmp_path)) == 2
    sweep(JOBS[:1], tmp_path, workers=1, onward=False)
    assert ran == [0.4, 0.4]


@pytest.fixture
def copy(tmp_path):
    """The package's modules, to be changed."""
    return Path(shutil.copytree(Path(sweeps.__file__).parents[1], tmp_path / "copy"))


def test_version_is_that_of_the_code(copy):
    assert sweeps.code_version() == sweeps.code_version(copy) == sweeps.VERSION


@pytest.mark.parametrize(
    "name", ["runs/experiments", "runs/descent", "runs/kernels", "runs/vectorised", "network", "smoothness", "tangent"]
)
def test_version_sees_what_a_run_passes_through(copy, name):
    with (copy / f"{name}.py").open("a") as module:
        module.write("\nTRACE_POINTS = 8\n")
    assert sweeps.code_version(copy) != sweeps.VERSION


def test_version_sees_nothing_else(copy):
    for name in ("runs/results", "runs/sweeps", "kinks"):
        (copy / f"{name}.py").write_text("TRACE_POINTS = 8\n")
    descent = copy / "runs/descent.py"
    code = descent.read_text(encoding="utf-8")
    changed = code.replace('"""How a run ended, in words."""', '"""The end."""\n\n    # in words\n')
    descent.write_text(changed.replace("    level: float = 0.0", "    level: float = (0.0)"), encoding="utf-8")
    assert descent.read_text(encoding="utf-8").count("# in words") == 1
    assert sweeps.code_version(copy) == sweeps.VERSION


def test_version_sees_the_libraries(monkeypatch):
    monkeypatch.setattr(sweeps, "version", lambda name: "0" if name == "numpy" else metadata.version(name))
    assert sweeps.code_version() != sweeps.VERSION


def test_a_worker_with_other_code_computes_nothing(tmp_path):
    with pytest.raises(RuntimeError, match="other code.*the same Python, packages and stableminima"):
        sweeps._finished(None, "0" * 64, JOBS[0], {})


def test_a_worker_that_does_not_see_the_folder_writes_nothing(tmp_path):
    folder = sweeps._folder(tmp_path / "there")
    shutil.rmtree(tmp_path / "there")
    job, row = sweeps._finished(folder, sweeps.VERSION, JOBS[0], {"onward": False})
    assert job == JOBS[0] and same([row], loop(JOBS[:1]))
    assert not (tmp_path / "there").exists()


# damaged and foreign files


def cut(path, folder):
    path.write_bytes(path.read_bytes()[:-9])


def cut_in_half(path, folder):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip(path, folder):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def flip_seal(path, folder):
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def empty(path, folder):
    path.write_bytes(b"")


def garbage(path, folder):
    path.write_bytes(os.urandom(5000))


def unsealed(path, folder):
    path.write_bytes(path.read_bytes()[:-32])


def of_another_job(path, folder):
    other = next(each for each in kept(folder) if each != path)
    shutil.copy(other, path)


def of_other_code(path, folder):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sweeps, "VERSION", "f" * 64)
        sweep(JOBS, folder.parent / "other", workers=1, onward=False)
    shutil.copy(next((folder.parent / "other").rglob(path.name)), path)


class Bomb:
    def __reduce__(self):
        return Path.touch, (Path(os.environ["BOMB"]),)


def pickled(path, folder):
    path.write_bytes(pickle.dumps(Bomb()))


def numpy_pickled(path, folder):
    with path.open("wb") as file:
        np.savez(file, fields=np.array([Bomb()], dtype=object))


def directory(path, folder):
    path.unlink()
    path.mkdir()


DAMAGES = [cut, cut_in_half, flip, flip_seal, empty, garbage, unsealed, of_another_job, of_other_code, pickled,
           numpy_pickled, directory]


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_damaged_and_foreign_files_are_refused_by_name(tmp_path, monkeypatch, ran, damage):
    monkeypatch.setenv("BOMB", str(tmp_path / "exploded"))
    cache = tmp_path / "cache"
    first = sweep(JOBS[:3], cache, workers=1, onward=False)
    bad = kept(cache)[1]
    damage(bad, cache)
    ran.clear()
    for attempt in (sweep, missing):
        with pytest.raises(ResultError) as refusal:
            attempt(JOBS, cache, onward=False)
        assert str(bad) in str(refusal.value) and "Delete what is named here and start again" in str(refusal.value)
    assert ran == [] and not (tmp_path / "exploded").exists()
    bad.rmdir() if bad.is_dir() else bad.unlink()
    assert same(sweep(JOBS[:3], cache, workers=1, onward=False), first)
    assert len(ran) == 1


def test_all_damaged_files_are_named_at_once(tmp_path):
    sweep(JOBS, tmp_path, workers=1, onward=False)
    bad, good = kept(tmp_path)[:3], kept(tmp_path)[3]
    for path in bad:
        empty(path, tmp_path)
    with pytest.raises(ResultError) as refusal:
        sweep(JOBS, tmp_path, onward=False)
    assert all(str(path) in str(refusal.value) for path in bad) and str(good) not in str(refusal.value)


def test_a_full_disk_ends_the_sweep_and_half_a_file_is_not_a_result(tmp_path, monkeypatch, ran):
    def write_half(path, content):
        with path.open("wb") as file:
            file.write(content[: len(content) // 2])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr(Path, "write_bytes", write_half)
        with pytest.raises(OSError, match="No space left on device") as failure:
            sweep(JOBS[:1], tmp_path, workers=1, onward=False)
    assert "start it again" in failure.value.__notes__[0]
    assert not any(path.is_file() for path in tmp_path.rglob("*"))
    assert sweep(JOBS[:1], tmp_path, workers=1, onward=False)[0].eta == 0.4
    assert ran == [0.4, 0.4]


# arguments that make no sense


def test_arguments_that_make_no_sense(tmp_path):
    (tmp_path / "file").write_text("")
    for jobs, options, message in [
        ([], {}, "jobs must hold at least one pair"),
        ([QUICK], {}, "jobs must be pairs of a Protocol and a step size"),
        ([(QUICK, "0.1")], {}, "jobs must be pairs of a Protocol and a step size"),
        (JOBS, {"workers": 0}, "workers must be a number of processes"),
        (JOBS, {"workers": 1.5}, "workers must be a number of processes"),
        (JOBS, {"cache": tmp_path / "file"}, "cache: .*file is no folder to write in.*name another"),
        (JOBS, {"cache": tmp_path / "file" / "below"}, "cache: .*below is no folder to write in"),
    ]:
        with pytest.raises(ValueError, match=message):
            sweep(jobs, **options)
    with pytest.raises(TypeError, match="onwards"):
        sweep(JOBS, onwards=True)


def test_a_cache_that_cannot_be_written_is_refused(tmp_path, monkeypatch):
    def refuse(dir):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(sweeps, "TemporaryFile", refuse)
    with pytest.raises(ValueError, match="cache: .*Permission denied.*name another one"):
        sweep(JOBS, tmp_path)


# what is stored of a sweep


PLANS = {name: (QUICK, JOBS[:2], {"onward": False}) for name in ("one", "two")}


def test_regenerating_tells_its_cost_and_computes_nothing_twice(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(plans, "plans", lambda: PLANS)
    monkeypatch.setattr(plans, "DATA", tmp_path / "data")
    plans.regenerate(tmp_path / "data", only=["two"])
    assert "two: 100%" in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["two"]
    first = plans.about("two")
    assert first.computed == 2 and first.seconds > 0 and first.cores >= 1
    plans.regenerate(tmp_path / "data")
    assert plans.about("one").computed == plans.about("two").computed == 0
    assert same(plans.stored("one").rows, loop(JOBS[:2]))


def test_a_plan_that_does_not_exist_is_named_with_those_that_do(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(plans, "plans", lambda: PLANS)
    assert main(["data", str(tmp_path), "--only", "one", "three"]) == 1
    assert "no plan is called three; there are one, two" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_the_cost_of_a_sweep_may_be_unknown(tmp_path, monkeypatch):
    monkeypatch.setattr(plans, "DATA", tmp_path)
    results.save(experiments.Sweep(QUICK, tuple(loop(JOBS))), tmp_path / "old", "a command")
    with pytest.raises(ResultError, match="does not tell its cost.*compute the sweep again"):
        plans.about("old")


def test_a_sweep_without_parameters_is_stored_without_them(tmp_path):
    bare = [replace(row, theta=None) for row in loop(JOBS)]
    full = experiments.Sweep(QUICK, tuple(loop(JOBS)))
    results.save(full, tmp_path, "a command")
    results.save(experiments.Sweep(QUICK, tuple(bare)), tmp_path, "a command")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["manifest.json", "runs.csv"]
    assert same(results.load(tmp_path).rows, bare)


# kill -9

LOGGING = """
import os, sys
if "joblib.externals.loky.backend.popen_loky_posix" in sys.orig_argv:
    from stableminima.runs import sweeps
    real = sweeps.one_run
    def one_run(*job, **options):
        log = os.open(os.environ["BEGUN"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(log, b"begun\\n")
        os.close(log)
        return real(*job, **options)
    sweeps.one_run = one_run
"""


@pytest.fixture
def sweeping(tmp_path):
    """Begins a sweep of two workers in a process group of its own, and logs every run that a worker begins."""
    (tmp_path / "sitecustomize.py").write_text(LOGGING)
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    environment = os.environ | {"PYTHONPATH": path, "BEGUN": str(tmp_path / "begun")}
    code = ("from stableminima.runs.experiments import Protocol\nfrom stableminima.runs.sweeps import sweep\n"
            f"sweep({LONG_JOBS!r}, {str(tmp_path / 'cache')!r}, workers=2, onward=False)")
    begun = []

    def begin():
        begun.append(subprocess.Popen([sys.executable, "-c", code], env=environment, start_new_session=True))
        return begun[-1]

    yield begin
    for process in begun:
        end(process)


def end(process):
    """Kills what is left of a process group."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def test_a_sweep_killed_twice_loses_at_most_the_runs_in_flight(tmp_path, sweeping):
    """First its main process, which leaves the workers behind; then all of it at once."""
    cache, log, lost, written = tmp_path / "cache", tmp_path / "begun", 0, {}
    for kill, enough in ((os.kill, 3), (os.killpg, 6)):
        process = sweeping()
        wait_until(lambda enough=enough: len(kept(cache)) >= enough)
        kill(process.pid, signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
        end(process)
        begun, saved = log.read_text().count("begun"), len(kept(cache))
        assert enough <= saved < len(LONG_JOBS)
        assert begun - saved - lost <= 2
        lost = begun - saved
        written = {path: path.stat().st_mtime_ns for path in kept(cache)} | written
    assert sweeping().wait() == 0
    assert log.read_text().count("begun") == lost + len(LONG_JOBS)
    assert {path: path.stat().st_mtime_ns for path in written} == written
    assert missing(LONG_JOBS, cache, onward=False) == []
    assert same(sweep(LONG_JOBS, cache, workers=1, onward=False), serial())


def test_a_killed_worker_ends_the_sweep_and_loses_nothing_finished(tmp_path):
    def kill_one():
        wait_until(lambda: len(kept(tmp_path)) >= 3)
        os.kill(active_children()[0].pid, signal.SIGKILL)

    killer = threading.Thread(target=kill_one)
    killer.start()
    with pytest.raises(RuntimeError, match="unexpectedly terminated") as failure:
        sweep(LONG_JOBS, tmp_path, workers=2, onward=False)
    killer.join()
    assert "start it again" in failure.value.__notes__[0]
    assert 3 <= len(kept(tmp_path)) < len(LONG_JOBS)
    assert same(sweep(LONG_JOBS, tmp_path, workers=2, onward=False), serial())
