"""A sweep on a real Dask cluster of several processes: the same call, the same rows, bit for bit."""

import os
import re
import signal
import threading
from functools import partial
from pathlib import Path

import joblib
import nbformat
import pytest
from distributed import Client, KilledWorker, LocalCluster

from stableminima.runs import sweeps
from stableminima.runs.sweeps import missing, sweep
from test_sweeps import JOBS, LONG_JOBS, kept, loop, same, serial, wait_until

PAGE = Path(__file__).parents[1] / "book" / "sweeps.ipynb"


@pytest.fixture(scope="module")
def client():
    """A client of a scheduler and two worker processes, on this machine; a worker that dies is followed by another."""
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address="127.0.0.1:0") as cluster,
        Client(cluster) as client,
    ):
        yield client


@pytest.fixture
def on_workers(client):
    """Runs code on every worker, and puts things right afterwards."""
    yield partial(on_every_worker, client)
    put_right(client)


def on_every_worker(client, code):
    client.wait_for_workers(2, timeout=120)
    assert len(client.run(exec, code, {})) == 2


def put_right(client):
    on_every_worker(client, "import importlib; from stableminima.runs import sweeps; importlib.reload(sweeps)")


@pytest.mark.parametrize("workers", [-1, 1])
def test_a_cluster_returns_the_rows_of_a_plain_loop(on_workers, tmp_path, workers):
    on_workers(f"""if True:
        from pathlib import Path
        from stableminima.runs import sweeps
        real = sweeps.one_run
        def one_run(protocol, eta, **options):
            (Path({str(tmp_path)!r}) / str(eta)).touch()
            return real(protocol, eta, **options)
        sweeps.one_run = one_run
    """)
    with joblib.parallel_config(backend="dask"):
        rows = sweep(JOBS, tmp_path / "cache", workers=workers, onward=False)
    assert same(rows, loop(JOBS))
    assert all((tmp_path / str(eta)).exists() for _, eta in JOBS)


def test_a_worker_killed_in_mid_sweep_changes_nothing(client, tmp_path):
    at_death = []

    def kill_one(pid):
        wait_until(lambda: len(kept(tmp_path)) >= 2)
        os.kill(pid, signal.SIGKILL)
        at_death.append(len(kept(tmp_path)))

    killer = threading.Thread(target=kill_one, args=[min(client.run(os.getpid).values())])
    killer.start()
    with joblib.parallel_config(backend="dask"):
        rows = sweep(LONG_JOBS, tmp_path, onward=False)
    killer.join()
    client.wait_for_workers(2, timeout=120)
    assert 2 <= at_death[0] < len(LONG_JOBS)
    assert same(rows, serial())
    assert missing(LONG_JOBS, tmp_path, onward=False) == []


def test_a_sweep_begun_here_is_completed_on_a_cluster_and_the_other_way_round(client, tmp_path):
    sweep(JOBS[:2], tmp_path, workers=1, onward=False)
    written = {path: path.stat().st_mtime_ns for path in kept(tmp_path)}
    with joblib.parallel_config(backend="dask"):
        rows = sweep(JOBS, tmp_path, onward=False)
    assert same(rows, loop(JOBS)) and len(kept(tmp_path)) == len(JOBS)
    assert {path: path.stat().st_mtime_ns for path in written} == written
    assert same(sweep(JOBS, tmp_path, workers=1, onward=False), rows)


def test_runs_are_kept_here_when_the_workers_do_not_see_the_folder(on_workers, tmp_path):
    on_workers("from stableminima.runs import sweeps; sweeps._sees = lambda folder: False")
    with joblib.parallel_config(backend="dask"):
        rows = sweep(JOBS, tmp_path, onward=False)
    assert same(rows, loop(JOBS)) and missing(JOBS, tmp_path, onward=False) == []


def test_workers_with_other_code_are_refused(on_workers, tmp_path):
    on_workers("from stableminima.runs import sweeps; sweeps.VERSION = '0' * 64")
    with joblib.parallel_config(backend="dask"), pytest.raises(RuntimeError, match="other code"):
        sweep(JOBS, tmp_path, onward=False)
    assert kept(tmp_path) == []


def test_a_run_that_kills_its_workers_ends_in_an_error(client, on_workers, tmp_path):
    on_workers("""if True:
        import os
        from stableminima.runs import sweeps
        real = sweeps.one_run
        sweeps.one_run = lambda p, eta, **rest: os.kill(os.getpid(), 9) if eta == 0.2 else real(p, eta, **rest)
    """)
    allowed = client.run_on_scheduler(lambda dask_scheduler: dask_scheduler.allowed_failures)
    client.run_on_scheduler(allow, 0)
    with joblib.parallel_config(backend="dask"), pytest.raises(KilledWorker) as failure:
        sweep(JOBS, tmp_path, onward=False)
    client.run_on_scheduler(allow, allowed)
    assert "start it again" in failure.value.__notes__[0]
    put_right(client)
    with joblib.parallel_config(backend="dask"):
        assert same(sweep(JOBS, tmp_path, onward=False), loop(JOBS))


def allow(failures, dask_scheduler):
    """How many workers a task may kill before it is given up."""
    dask_scheduler.allowed_failures = failures


def test_the_switch_on_the_page_works(client, tmp_path):
    cells = nbformat.read(PAGE, as_version=4).cells
    blocks = [block for cell in cells for block in re.findall(r"```python\n(.*?)```", cell.source, re.DOTALL)]
    (code,) = [block for block in blocks if "parallel_config" in block]
    assert code.count("tcp://scheduler:8786") == 1
    names = {"jobs": JOBS, "cache": tmp_path, "sweeps": sweeps}
    exec(code.replace("tcp://scheduler:8786", client.scheduler.address), names)
    assert same(names["rows"], [sweeps.one_run(*job) for job in JOBS]) and len(kept(tmp_path)) == len(JOBS)
