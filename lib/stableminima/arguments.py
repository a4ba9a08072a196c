"""What functions ask of their arguments: each error names the argument, says what came, and what to give instead.

They are asked once, where a caller comes in, and not in loops within.
"""

from __future__ import annotations

from numbers import Real

import numpy as np
from numpy.typing import ArrayLike, NDArray

Vector = NDArray[np.float64]


def vector(name: str, values: ArrayLike, size: int | None = None) -> Vector:
    """A read-only float64 copy of finite ``values``, shape (size,).

    Raises
    ------
    TypeError
        If they are not real numbers.
    ValueError
        If there are none or not ``size``, if they have another shape, or one is not finite.
    """
    array = numbers(name, values)
    if array.ndim != 1:
        raise ValueError(f"{name} must be one-dimensional, got shape {array.shape}; flatten it with np.ravel")
    if array.size == 0:
        raise ValueError(f"{name} is empty; at least one number is needed")
    if size not in (None, array.size):
        raise ValueError(f"{name} must have {size} entries, got {array.size}")
    bad = np.flatnonzero(~np.isfinite(array))
    if bad.size:
        raise ValueError(f"{name}[{bad[0]}] is {array[bad[0]]}; remove or replace values that are not finite")
    array.setflags(write=False)
    return array


def numbers(name: str, values: ArrayLike) -> NDArray[np.float64]:
    """A float64 copy of ``values``, of whatever shape; a TypeError if they are not real numbers."""
    try:
        return np.array(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{name} must be real numbers, got {values!r}") from error


def finite(name: str, values: ArrayLike, shape: tuple[int, ...] | None = None) -> NDArray[np.float64]:
    """A float64 copy of finite ``values``; a ValueError if one is not, or their shape is not the one asked for."""
    array = numbers(name, values)
    if shape not in (None, array.shape):
        raise ValueError(f"{name} must have shape {shape}, got {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} holds a value that is not finite; remove or replace it")
    return array


def positive(name: str, value: float) -> float:
    """``value``, unless it is no positive finite number."""
    if not (isinstance(value, Real) and 0 < value < np.inf):
        raise ValueError(f"{name} must be a positive number, got {value}")
    return value


def number(name: str, value: float, least: float, remark: str = "") -> float:
    """``value``, unless it is no finite number of at least ``least``; ``remark`` ends what the error says."""
    if not (isinstance(value, Real) and least <= value < np.inf):
        raise ValueError(f"{name} must be a number ≥ {least:g}, got {value}{remark}")
    return value


def whole(name: str, value: int, least: int = 0, remark: str = "") -> int:
    """``value``, unless it is no whole number of at least ``least``; ``remark`` ends what the error says."""
    if not (isinstance(value, Real) and least <= value < np.inf and value == int(value)):
        raise ValueError(f"{name} must be a whole number ≥ {least}, got {value}{remark}")
    return int(value)


def start(name: str, at: ArrayLike, size: int, eta: float, steps: int = 0) -> Vector:
    """Where a walk of ``steps`` steps of size η begins, shape (size,), once all of these are found to be such."""
    positive("eta", eta)
    whole("steps", steps)
    return vector(name, at, size)
