"""Small helpers on arrays that the evaluations share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from modelc.dialects.ge.helpers import channel_axis

Array: TypeAlias = NDArray[Any]

HALVES = frozenset({"float16", "bfloat16"})


def is_floating(dtype: np.dtype[Any]) -> bool:
    """Whether `dtype` is a real floating-point type, bfloat16 included."""
    return dtype.kind == "f" or dtype.name == "bfloat16"


def wide(array: Array) -> Array:
    """Return numbers of 16 bits as float32, all others as they are."""
    return array.astype(np.float32) if array.dtype.name in HALVES else array


def widened(function: Callable[..., Any]) -> Callable[..., Array]:
    """Let `function` compute on numbers of 16 bits in float32 and round its result once, to the type it was given."""

    @wraps(function)
    def call(*arrays: Array) -> Array:
        result = np.asarray(function(*map(wide, arrays)))
        return result.astype(arrays[0].dtype, copy=False)

    return call


def lowest(dtype: np.dtype[Any]) -> Any:
    """Return the least number of `dtype`, minus infinity where it has one."""
    if dtype.kind == "b":
        return False
    return np.iinfo(dtype).min if dtype.kind in "iu" else dtype.type(-np.inf)


def present(arrays: Sequence[Array], index: int) -> Array | None:
    """Return optional operand `index`, None where it is left out (which is an array of objects)."""
    if index >= len(arrays) or arrays[index].dtype == object:
        return None
    return arrays[index]


def channels_last(x: Array, layout: str) -> Array:
    """Return a view of `x`, laid out as `layout`, with its channels last."""
    return np.moveaxis(x, channel_axis(layout), -1)


def from_channels_last(x: Array, layout: str) -> Array:
    """Return a view of `x`, whose channels are last, laid out as `layout`."""
    return np.moveaxis(x, -1, channel_axis(layout))


BLOCK = 1 << 22  # numbers of the second factor that are held in double precision at once


def matrix_product(a: Array, b: Array) -> Array:
    """Return the product of (stacks of) matrices; single precision is summed in double and rounded once.

    The result is compared with what other programs compute, each with rounding errors of its own; this leaves only
    theirs.
    """
    if a.dtype != np.float32 or b.dtype != np.float32:
        return np.asarray(np.matmul(a, b))
    if not b.shape[-1]:
        return np.asarray(np.matmul(a, b))
    double = a.astype(np.float64)
    step = max(1, BLOCK * b.shape[-1] // max(1, b.size))
    parts = [
        np.matmul(double, b[..., start : start + step].astype(np.float64)).astype(np.float32)
        for start in range(0, b.shape[-1], step)
    ]
    return parts[0] if len(parts) == 1 else np.concatenate(parts, -1)
