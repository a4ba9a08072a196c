"""BLAS has one thread within the library's loops over small matrices, and outside them as many as before."""

import os
import subprocess
import sys

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from ledgerbook.claim import check
from stableminima.switching import Switching
from stableminima.threads import one_thread
from test_verify import identity


def threads() -> set[int]:
    return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}


@pytest.fixture
def two():
    """Two threads in every BLAS that can have them; the one in a solver that is loaded may be built for one."""
    with threadpool_limits(2, "blas"):
        assert 2 in threads()
        yield threads()


def test_a_loop_over_small_matrices_has_one_thread(two):
    seen = []
    system = Switching.deterministic([np.eye(2)], rule=lambda u: seen.append(threads()) or 0)
    system.path([1.0, 1.0], 0.1, 2)
    assert seen == [{1}, {1}]
    assert threads() == two


def test_an_error_gives_the_threads_back(two):
    with pytest.raises(ZeroDivisionError), one_thread():
        _ = 1 / 0
    assert threads() == two


def test_an_import_limits_nothing():
    code = ("import stableminima.interpolants, stableminima.rescaling, stableminima.switching, chapters.__main__\n"
            "from threadpoolctl import threadpool_info as pools\n"
            "print({pool['num_threads'] for pool in pools() if pool['user_api'] == 'blas'})")
    if os.cpu_count() == 1:
        pytest.skip("one core: BLAS has one thread anyway")
    variables = os.environ | {"OPENBLAS_NUM_THREADS": "2", "MKL_NUM_THREADS": "2"}
    run = subprocess.run([sys.executable, "-c", code], env=variables, capture_output=True, text=True, check=True)
    assert run.stdout == "{2}\n"


def test_sides_are_evaluated_with_one_thread(two):
    seen = []
    claim = identity(left=lambda x: seen.append(threads()) or x**3)
    assert check(claim) and seen and all(each == {1} for each in seen)
    assert threads() == two
