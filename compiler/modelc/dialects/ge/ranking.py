"""Ops that rank along an axis, and those that accumulate along one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from modelc.dialects.ge.arrays import lowest, wide
from modelc.dialects.ge.helpers import (
    constant_int,
    element,
    flag,
    integer,
    mismatch,
    operand,
    positive_axis,
)
from modelc.dialects.ge.known import known_int
from modelc.dialects.ge.reduce import WIDER
from modelc.dialects.ge.semantics import Array, Arrays, evaluates, infers
from modelc.ir.constants import numpy_dtype
from modelc.ir.op import Op
from modelc.ir.types import I32, I64, Dim, Shape, TensorType, Type

# -- the greatest and the least


def _without_axis(op: Op, shape: Shape, axis: int | None) -> Shape:
    if shape is None:
        return None
    if axis is None:
        return (None,) * max(len(shape) - 1, 0)
    axis = positive_axis(op, axis, len(shape))
    if shape[axis] == 0:
        raise mismatch(op, f"has nothing to choose from: axis {axis} has extent 0")
    return (*shape[:axis], *shape[axis + 1 :])


@infers("ArgMaxV2", "ArgMin")
def _infer_arg(op: Op) -> list[Type]:
    x = operand(op, 0)
    return [TensorType(element(op, "dtype", I64), _without_axis(op, x.shape, constant_int(op, 1)))]


def _first(op: Op, x: Array, axis: int, dtype: np.dtype[Any]) -> Array:
    """Return the first place of the greatest, or for kinds with Min the least, along an axis."""
    _without_axis(op, x.shape, axis)
    find = np.argmin if "Min" in op.kind else np.argmax
    return np.asarray(find(wide(x), axis)).astype(dtype)


@evaluates("ArgMaxV2", "ArgMin")
def _arg(op: Op, arrays: Arrays) -> list[Array]:
    return [_first(op, arrays[0], int(arrays[1].item()), numpy_dtype(element(op, "dtype", I64)))]


@infers("ArgMaxWithValue", "ArgMinWithValue")
def _infer_arg_with_value(op: Op) -> list[Type]:
    x, axis = operand(op, 0), integer(op, "dimension")
    shape = _without_axis(op, x.shape, axis)
    if shape is not None and flag(op, "keep_dims", False):
        place = positive_axis(op, axis, len(shape) + 1)
        shape = (*shape[:place], 1, *shape[place:])
    return [TensorType(I32, shape), x.with_shape(shape)]


@evaluates("ArgMaxWithValue", "ArgMinWithValue")
def _arg_with_value(op: Op, arrays: Arrays) -> list[Array]:
    x, axis = arrays[0], integer(op, "dimension")
    places = np.expand_dims(_first(op, x, axis, np.dtype(np.int32)), axis)
    values = np.take_along_axis(x, places, axis)
    if not flag(op, "keep_dims", False):
        places, values = places.squeeze(axis), values.squeeze(axis)
    return [places, values]


# -- order


def _descending(x: Array, axis: int) -> Array:
    """Return the order from the greatest to the least, equal ones as they come."""
    ascending = np.argsort(np.flip(wide(x), axis), axis, kind="stable")
    return np.asarray(x.shape[axis] - 1 - np.flip(ascending, axis))


def _top_shape(op: Op, shape: Shape, k: Dim) -> Shape:
    if shape is None:
        return None
    axis = positive_axis(op, integer(op, "dim", -1), len(shape))
    dim = shape[axis]
    if isinstance(k, int) and (k < 0 or (isinstance(dim, int) and k > dim)):
        raise mismatch(op, f"cannot take the first {k} of {dim}")
    return (*shape[:axis], k, *shape[axis + 1 :])


@infers("TopK", "TopKV2")
def _infer_top_k(op: Op) -> list[Type]:
    x = operand(op, 0)
    shape = _top_shape(op, x.shape, known_int(op, 1))
    return [x.with_shape(shape), TensorType(I32, shape)]


@evaluates("TopK", "TopKV2")
def _top_k(op: Op, arrays: Arrays) -> list[Array]:
    x, k = arrays[0], int(arrays[1].item())
    _top_shape(op, x.shape, k)
    axis = positive_axis(op, integer(op, "dim", -1), x.ndim)
    largest = flag(op, "largest", True)
    order = _descending(x, axis) if largest else np.argsort(wide(x), axis, kind="stable")
    places = np.take(order, np.arange(k), axis)
    return [np.take_along_axis(x, places, axis), places.astype(np.int32)]


@infers("Sort")
def _infer_sort(op: Op) -> list[Type]:
    x = operand(op, 0)
    if x.shape is not None:
        positive_axis(op, integer(op, "axis", -1), len(x.shape))
    return [x, x.with_element(I32)]


@evaluates("Sort")
def _sort(op: Op, arrays: Arrays) -> list[Array]:
    x = arrays[0]
    axis = positive_axis(op, integer(op, "axis", -1), x.ndim)
    order = _descending(x, axis) if flag(op, "descending", False) else np.argsort(wide(x), axis, kind="stable")
    return [np.take_along_axis(x, order, axis), order.astype(np.int32)]


# -- accumulation


def _sums(x: Array, axis: int) -> Array:
    return np.cumsum(x, axis, WIDER.get(x.dtype.name, x.dtype.type))


def _products(x: Array, axis: int) -> Array:
    return np.cumprod(x, axis, WIDER.get(x.dtype.name, x.dtype.type))


def _log_sums(x: Array, axis: int) -> Array:
    return np.asarray(np.logaddexp.accumulate(x.astype(WIDER[x.dtype.name]), axis))


# How to accumulate, and what an exclusive accumulation starts with.
_ACCUMULATE: dict[str, tuple[Callable[[Array, int], Array], Callable[[np.dtype[Any]], Any]]] = {
    "Cumsum": (_sums, lambda dtype: 0),
    "Cumprod": (_products, lambda dtype: 1),
    "CumulativeLogsumexp": (_log_sums, lowest),
}


@infers(*_ACCUMULATE)
def _infer_accumulate(op: Op) -> list[Type]:
    x, axis = operand(op, 0), constant_int(op, 1)
    if x.shape is not None and axis is not None:
        positive_axis(op, axis, len(x.shape))
    return [x]


@evaluates(*_ACCUMULATE)
def _accumulate(op: Op, arrays: Arrays) -> list[Array]:
    x = arrays[0]
    axis = positive_axis(op, int(arrays[1].item()), x.ndim)
    function, start = _ACCUMULATE[op.kind.removeprefix("ge.")]
    backward = flag(op, "reverse", False)
    x = np.flip(x, axis) if backward else x
    result = function(x, axis).astype(x.dtype)
    if flag(op, "exclusive", False):
        result = np.roll(result, 1, axis)
        result[(slice(None),) * axis + (slice(0, 1),)] = start(x.dtype)
    return [np.flip(result, axis) if backward else result]
