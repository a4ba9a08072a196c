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
def copy(tmp_path_factory):
    """Where the packages are copied to."""
    folder = tmp_path_factory.mktemp("elsewhere") / "lib"
    return shutil.copytree(ROOT / "lib", folder, ignore=shutil.ignore_patterns("__pycache__"))


@pytest.fixture(scope="module")
def installed(copy):
    """Runs code that imports the packages from there."""
    where = {"cwd": copy.parent, "env": os.environ | {"PYTHONPATH": str(copy)}}
    return lambda code: subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, **where)


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


KERNELS = """if True:
    import numpy as np
    from stableminima.runs import kernels, vectorised
    x = np.array([0.0, 1.0])
    print(kernels.places(np.ones(1), np.full(1, 0.5), x))
    for kernel in (kernels.general, vectorised.fixed):
        theta = np.array([1.0, 0.5, 1.0, 0.0])  # one neuron, active on both samples
        kernel(theta, x, np.zeros(2), 0, 1, 0.0, 0.1, 0, 0.0, 1.0, False)
        print(theta)
"""


def test_compiled_code_that_is_kept_on_disk_is_never_that_of_an_older_version(copy, installed):
    kernels = copy / "stableminima/runs/kernels.py"
    code = kernels.read_text(encoding="utf-8")
    first = installed(KERNELS).stdout.splitlines()
    kernels.write_text(code.replace("return 0 if first else n", "return n if first else 0"), encoding="utf-8")
    changed = installed(KERNELS).stdout.splitlines()
    kernels.write_text(code, encoding="utf-8")
    assert first[1] == first[2] and all(now != then for now, then in zip(changed, first, strict=True))
