"""One thread for products of small matrices, where more of them cost many times what they save.

BLAS splits products among all cores from a few dozen rows on, and its threads wait for each other by spinning. Nothing
is limited by an import: what a program does with large matrices of its own, between two calls, keeps its threads.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from threadpoolctl import ThreadpoolController


@cache
def _pools() -> ThreadpoolController:
    """The thread pools of this process; looking for them takes a millisecond, too long for each call."""
    import scipy.linalg  # noqa: F401 - it brings a BLAS of its own, which has to be there to be found

    return ThreadpoolController()


@contextmanager
def one_thread() -> Iterator[None]:
    """A context within which BLAS has one thread, or, as ``@one_thread()``, a function that always runs in it.

    >>> with one_thread():
    ...     {pool["num_threads"] for pool in _pools().info() if pool["user_api"] == "blas"}
    {1}
    """
    with _pools().limit(limits=1, user_api="blas"):
        yield
