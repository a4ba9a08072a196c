"""The library alone, somewhere else: no folder of the book lies beside it."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """Copies the packages, and runs code that imports them from there."""
    folder = tmp_path_factory.mktemp("elsewhere")
    shutil.copytree(ROOT / "lib", folder / "lib", ignore=shutil.ignore_patterns("__pycache__"))

    def run(code: str) -> subprocess.CompletedProcess:
        environment = os.environ | {"PYTHONPATH": str(folder / "lib")}
        return subprocess.run([sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, text=True)

    return run


def test_every_module_of_the_library_is_imported_from_there(installed):
    found = installed("""if True:
        import importlib, pkgutil, stableminima
        for module in pkgutil.walk_packages(stableminima.__path__, "stableminima."):
            print(importlib.import_module(module.name).__file__)
    """)
    assert found.returncode == 0 and found.stderr == "" and str(ROOT) not in found.stdout
    assert len(found.stdout.splitlines()) == len(list((ROOT / "lib" / "stableminima").rglob("*.py"))) - 1


def test_the_example_of_the_readme_runs(installed):
    (block,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    found = installed(block)
    assert found.stdout.startswith("converged after") and found.stdout.count("\n") == 4 and found.stderr == ""


def test_results_that_are_not_there_are_refused_with_a_remedy(installed):
    for ask in ("stored", "about"):
        found = installed(f"from chapters import plans; plans.{ask}('section5')")
        assert found.returncode == 1 and found.stderr.count("Traceback") == 1
        last = found.stderr.splitlines()[-1]
        assert re.search(r"ResultError: there is no \S+section5: .*checkout.*python -m chapters data --only", last)
