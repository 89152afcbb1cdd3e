"""Ops that reduce rows by segment, and those that count."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from modelc.dialects.ge.arrays import lowest
from modelc.dialects.ge.dtypes import element_of_cpp
from modelc.dialects.ge.helpers import (
    common_element,
    equal_shapes,
    flag,
    integer,
    mismatch,
    need_family,
    need_rank,
    operand,
    text,
)
from modelc.dialects.ge.known import known_int
from modelc.dialects.ge.semantics import Array, Arrays, evaluates, infers
from modelc.ir.constants import constant, numpy_dtype
from modelc.ir.op import Op
from modelc.ir.types import I32, Dim, TensorType, Type

MOST = 1 << 31  # segments or bins: more is a mistake

Fold = tuple[Callable[[Array, Any, Array], None], Callable[[np.dtype[Any]], Any]]


def _zero(dtype: np.dtype[Any]) -> Any:
    return dtype.type(0)


def _one(dtype: np.dtype[Any]) -> Any:
    return dtype.type(1)


def _highest(dtype: np.dtype[Any]) -> Any:
    """Return what a minimum starts from: the greatest number of `dtype`, even where it has infinity."""
    return np.iinfo(dtype).max if dtype.kind in "iu" else np.finfo(dtype).max


def _least(dtype: np.dtype[Any]) -> Any:
    """Return what a maximum starts from: the least number of `dtype` that is not infinite."""
    return lowest(dtype) if dtype.kind in "iub" else np.finfo(dtype).min


_UNSORTED: dict[str, Fold] = {
    "UnsortedSegmentSum": (np.add.at, _zero),
    "UnsortedSegmentProd": (np.multiply.at, _one),
    "UnsortedSegmentMax": (np.maximum.at, _least),
    "UnsortedSegmentMin": (np.minimum.at, _highest),
}
_SORTED: dict[str, Fold] = {"SegmentSum": (np.add.at, _zero), "SegmentMax": (np.maximum.at, _least)}


# -- segments in any order


@infers(*_UNSORTED, "UnsortedSegmentJoin")
def _infer_unsorted(op: Op) -> list[Type]:
    x, ids, count = operand(op, 0), operand(op, 1), known_int(op, 2)
    _need_count(op, count)
    need_family(op, ids, "int", "uint")
    if x.shape is None or ids.shape is None:
        return [x.with_shape(None)]
    equal_shapes(op, x.shape[: len(ids.shape)], ids.shape, what="leading dimensions and segment ids")
    return [x.with_shape((count, *x.shape[len(ids.shape) :]))]


def _need_count(op: Op, count: Dim) -> None:
    if isinstance(count, int) and not 0 <= count < MOST:
        raise mismatch(op, f"cannot have {count} segments")


@evaluates(*_UNSORTED)
def _unsorted(op: Op, arrays: Arrays) -> list[Array]:
    x, ids, count = arrays[0], arrays[1], int(arrays[2].item())
    _need_count(op, count)
    equal_shapes(op, x.shape[: ids.ndim], ids.shape, what="leading dimensions and segment ids")
    if (ids >= count).any():
        raise mismatch(op, f"has the segment {ids.max()} among {count} segments")
    return [_fold(_UNSORTED[op.kind.removeprefix("ge.")], x, ids, count)]


def _fold(fold: Fold, x: Array, ids: Array, count: int) -> Array:
    """Return the rows of `x` folded by segment; rows of negative segments are left out."""
    combine, start = fold
    result = np.full((count, *x.shape[ids.ndim :]), start(x.dtype), x.dtype)
    kept = ids >= 0
    combine(result, ids[kept], x[kept])
    return result


@evaluates("UnsortedSegmentJoin")
def _joined(op: Op, arrays: Arrays) -> list[Array]:
    x, ids, count = arrays[0], arrays[1], int(arrays[2].item())
    _need_count(op, count)
    equal_shapes(op, x.shape[: ids.ndim], ids.shape, what="leading dimensions and segment ids")
    if (ids >= count).any():
        raise mismatch(op, f"has the segment {ids.max()} among {count} segments")
    separator = text(op, "separator", "").encode()
    rows, places = x.reshape(ids.size, math.prod(x.shape[ids.ndim :])), ids.reshape(-1)
    result = np.empty((count, rows.shape[1]), object)
    for place, column in np.ndindex(*result.shape):
        result[place, column] = separator.join(rows[places == place, column].tolist())
    return [result.reshape(count, *x.shape[ids.ndim :])]


# -- segments in ascending order


def _segment_count(op: Op, ids: Array) -> int:
    if ids.ndim != 1 or (ids.size and (ids[0] < 0 or (np.diff(ids) < 0).any())):
        raise mismatch(op, "needs segment ids in ascending order from 0 on")
    count = int(ids[-1]) + 1 if ids.size else 0
    _need_count(op, count)
    return count


def _known_count(op: Op, index: int) -> Dim:
    operand(op, index)
    ids = constant(op.inputs[index])
    return None if ids is None else _segment_count(op, ids)


@infers(*_SORTED)
def _infer_sorted(op: Op) -> list[Type]:
    x, ids = operand(op, 0), operand(op, 1)
    if x.shape is None:
        return [x]
    if not x.shape:
        raise mismatch(op, "has no rows in a scalar")
    equal_shapes(op, x.shape[:1], need_rank(op, ids, 1, "segment ids"), what="numbers of rows and segment ids")
    return [x.with_shape((_known_count(op, 1), *x.shape[1:]))]


@evaluates(*_SORTED)
def _sorted(op: Op, arrays: Arrays) -> list[Array]:
    x, ids = arrays
    count = _segment_count(op, ids)
    equal_shapes(op, x.shape[:1], ids.shape, what="numbers of rows and segment ids")
    result = _fold(_SORTED[op.kind.removeprefix("ge.")], x, ids, count)
    # A segment without rows is 0 here, other than in the unsorted forms.
    result[np.bincount(ids, minlength=count) == 0] = 0
    return [result]


@infers("SparseSegmentSum", "SparseSegmentMean")
def _infer_sparse_segment(op: Op) -> list[Type]:
    x, indices, ids = (operand(op, index) for index in range(3))
    equal_shapes(op, indices.shape, ids.shape, what="indices and segment ids")
    return [x if x.shape is None else x.with_shape((_known_count(op, 2), *x.shape[1:]))]


@evaluates("SparseSegmentSum", "SparseSegmentMean")
def _sparse_segment(op: Op, arrays: Arrays) -> list[Array]:
    x, indices, ids = arrays
    count = _segment_count(op, ids)
    sums = _fold(_SORTED["SegmentSum"], x[indices], ids, count)
    if op.kind == "ge.SparseSegmentSum":
        return [sums]
    rows = np.maximum(np.bincount(ids, minlength=count), 1).astype(x.dtype)
    return [sums / rows.reshape(-1, *[1] * (x.ndim - 1))]


# -- counting


@infers("Bincount")
def _infer_bincount(op: Op) -> list[Type]:
    size = known_int(op, 1)
    _need_count(op, size)
    return [TensorType(operand(op, 2).element, (size,))]


@evaluates("Bincount")
def _bincount(op: Op, arrays: Arrays) -> list[Array]:
    values, size, weights = arrays[0].reshape(-1), int(arrays[1].item()), arrays[2].reshape(-1)
    _need_count(op, size)
    return [_bins(op, values, size, weights, False)]


def _bins(op: Op, values: Array, size: int, weights: Array, binary: bool) -> Array:
    if (values < 0).any():
        raise mismatch(op, f"cannot count the negative number {values.min()}")
    kept = values < size
    result = np.zeros(size, weights.dtype)
    if binary:
        result[values[kept]] = 1
    else:
        np.add.at(result, values[kept], weights[kept] if weights.size else weights.dtype.type(1))
    return result


@infers("DenseBincount")
def _infer_dense_bincount(op: Op) -> list[Type]:
    values, size, weights = operand(op, 0), known_int(op, 1), operand(op, 2)
    _need_count(op, size)
    if values.shape is None:
        return [weights.with_shape(None)]
    if len(values.shape) > 2:
        raise mismatch(op, f"counts vectors or rows of a matrix, not {values}")
    return [weights.with_shape((*values.shape[:-1], size) if values.shape else (size,))]


@evaluates("DenseBincount")
def _dense_bincount(op: Op, arrays: Arrays) -> list[Array]:
    values, size, weights = arrays[0], int(arrays[1].item()), arrays[2]
    _need_count(op, size)
    binary = flag(op, "binary_output", False)
    if values.ndim < 2:
        return [_bins(op, values.reshape(-1), size, weights.reshape(-1), binary)]
    rows = weights if weights.size else np.empty((len(values), 0), weights.dtype)
    result = np.zeros((len(values), size), weights.dtype)
    for index, (row, row_weights) in enumerate(zip(values, rows, strict=True)):
        result[index] = _bins(op, row, size, row_weights, binary)
    return [result]


@infers("HistogramFixedWidth")
def _infer_histogram(op: Op) -> list[Type]:
    common_element(op, (operand(op, 0), operand(op, 1)))
    return [TensorType(element_of_cpp(integer(op, "dtype", 3)) or I32, (known_int(op, 2),))]


@evaluates("HistogramFixedWidth")
def _histogram(op: Op, arrays: Arrays) -> list[Array]:
    values, (low, high), count = arrays[0].reshape(-1), arrays[1].reshape(-1).tolist(), int(arrays[2].item())
    if not (low < high and 0 < count < MOST):
        raise mismatch(op, f"cannot count into {count} bins from {low} to {high}")
    width = (high - low) / count
    places = np.clip(np.floor((values.astype(np.float64) - low) / width), 0, count - 1).astype(np.int64)
    dtype = numpy_dtype(element_of_cpp(integer(op, "dtype", 3)) or I32)
    return [np.bincount(places, minlength=count).astype(dtype)]
