"""A real JupyterLab for the tests, with settings of its own, started as `make lab` starts it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

TOKEN = "lab-test"


@contextmanager
def lab_in(home: Path, root: Path) -> Iterator[str]:
    """The address of a JupyterLab that serves the folder `home`, with the library of `root`."""
    port = _free_port()
    paths = [str(root / name) for name in ("lib", "tools", "tests/browser")] + [os.environ.get("PYTHONPATH", "")]
    own = {f"JUPYTER{name}_DIR": str(home / name) for name in ("_CONFIG", "_RUNTIME", "LAB_SETTINGS", "LAB_WORKSPACES")}
    env = {**os.environ, **own, "PYTHONPATH": os.pathsep.join(filter(None, paths)), "HOME": str(home)}
    env.pop("LEDGERBOOK_MEDIUM", None)
    options = ["--no-browser", "--allow-root", f"--port={port}", "--ServerApp.port_retries=0",
               f"--IdentityProvider.token={TOKEN}", f"--ServerApp.root_dir={home}",
               "--FileContentsManager.pre_save_hook=tidy_nb.before_saving",
               "--LabApp.check_for_updates_class=jupyterlab.handlers.announcements.NeverCheckForUpdate"]
    with (home / "lab.log").open("wb") as log:
        server = subprocess.Popen([sys.executable, "-m", "jupyterlab", *options], env=env, stdout=log, stderr=log)
    try:
        _wait_for(f"http://127.0.0.1:{port}/api/status?token={TOKEN}", server, home / "lab.log")
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        try:
            server.wait(timeout=20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _wait_for(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end and server.poll() is None:
        with suppress(OSError), urllib.request.urlopen(url, timeout=2):
            return
        time.sleep(0.2)
    raise AssertionError(f"JupyterLab did not start: {log.read_text(encoding='utf-8')[-2000:]}")
