"""Ops that find, sort out and select elements; the extent of many of their results depends on numbers."""

from __future__ import annotations

from typing import Literal

import numpy as np

from modelc.dialects.ge.arrays import present
from modelc.dialects.ge.gather import checked
from modelc.dialects.ge.helpers import (
    broadcast,
    common_element,
    element,
    equal_dims,
    equal_shapes,
    flag,
    integer,
    mismatch,
    need_rank,
    operand,
    positive_axis,
)
from modelc.dialects.ge.known import known_int
from modelc.dialects.ge.semantics import Array, Arrays, evaluates, infers
from modelc.ir.constants import constant, numpy_dtype
from modelc.ir.op import Op
from modelc.ir.types import BOOL, I32, I64, Dim, Shape, TensorType, Type

FLAT = 1000  # the value of an axis attribute that stands for the flattened operand

# -- what is not zero


@infers("Where")
def _infer_where(op: Op) -> list[Type]:
    return [TensorType(I64, (None, operand(op, 0).rank))]


@evaluates("Where")
def _where(op: Op, arrays: Arrays) -> list[Array]:
    if arrays[0].ndim:
        return [np.argwhere(arrays[0]).astype(np.int64)]
    return [np.empty((int(bool(arrays[0])), 0), np.int64)]


@infers("NonZero")
def _infer_non_zero(op: Op) -> list[Type]:
    rank = operand(op, 0).rank
    shape = (rank, None) if flag(op, "transpose", False) else (None, rank)
    return [TensorType(element(op, "dtype", I64), shape)]


@evaluates("NonZero")
def _non_zero(op: Op, arrays: Arrays) -> list[Array]:
    places = np.argwhere(arrays[0]).astype(numpy_dtype(element(op, "dtype", I64)))
    return [places.T if flag(op, "transpose", False) else places]


@infers("MaskedSelect")
def _infer_masked_select(op: Op) -> list[Type]:
    x, mask = operand(op, 0), operand(op, 1)
    broadcast(op, x.shape, mask.shape)
    return [x.with_shape((None,))]


@evaluates("MaskedSelect")
def _masked_select(op: Op, arrays: Arrays) -> list[Array]:
    x, mask = np.broadcast_arrays(*arrays)
    return [x[mask.astype(bool)]]


@infers("MaskedFill")
def _infer_masked_fill(op: Op) -> list[Type]:
    x, mask, value = (operand(op, index) for index in range(3))
    return [x.with_shape(broadcast(op, x.shape, mask.shape)).with_element(common_element(op, (x, value)))]


@evaluates("MaskedFill")
def _masked_fill(op: Op, arrays: Arrays) -> list[Array]:
    x, mask, value = arrays
    return [np.where(mask.astype(bool), value.reshape(()), x)]


# -- what is different


@infers("Unique", "UniqueWithCounts")
def _infer_unique(op: Op) -> list[Type]:
    x = operand(op, 0)
    (extent,) = need_rank(op, x, 1, "a vector")
    index = element(op, "out_idx", I32)
    results: list[Type] = [x.with_shape((None,)), TensorType(index, (extent,))]
    return results if op.kind == "ge.Unique" else [*results, TensorType(index, (None,))]


def _first_come(x: Array, axis: int) -> tuple[Array, Array, Array]:
    """Return what is different along `axis` in the order it comes, the place of each slice among it, and counts."""
    along = None if x.ndim == 1 else axis
    _, first, inverse, counts = np.unique(x, True, True, True, axis=along, equal_nan=False)
    order = np.argsort(first, kind="stable")
    places = np.empty_like(order)
    places[order] = np.arange(order.size)
    return np.take(x, first[order], axis), places[inverse.reshape(-1)], counts[order]


@evaluates("Unique", "UniqueWithCounts")
def _unique(op: Op, arrays: Arrays) -> list[Array]:
    dtype = numpy_dtype(element(op, "out_idx", I32))
    values, places, counts = _first_come(arrays[0].reshape(-1), 0)
    results = [values, places.astype(dtype), counts.astype(dtype)]
    return results[:2] if op.kind == "ge.Unique" else results


@infers("UniqueExt2", "UniqueWithCountsExt2")
def _infer_unique_ext2(op: Op) -> list[Type]:
    x, axis = operand(op, 0), _unique_axis(op, constant(op.inputs[1]), operand(op, 0).rank)
    index = element(op, "out_idx", I32)
    shape: Shape = None if x.shape is None else (None,) * len(x.shape)
    extent: Dim = None
    if x.shape is not None and axis is not None:
        shape, extent = (*x.shape[:axis], None, *x.shape[axis + 1 :]), x.shape[axis]
    results: list[Type] = [x.with_shape(shape), TensorType(index, (extent,))]
    return results if op.kind == "ge.UniqueExt2" else [*results, TensorType(index, (None,))]


def _unique_axis(op: Op, axis: Array | None, rank: int | None) -> int | None:
    if axis is None or rank is None:
        return None
    if axis.size > 1 or (axis.size == 0 and rank != 1):
        raise mismatch(op, f"needs one axis of {rank}, not {axis.tolist()}")
    return positive_axis(op, int(axis.item()), rank) if axis.size else 0


@evaluates("UniqueExt2", "UniqueWithCountsExt2")
def _unique_ext2(op: Op, arrays: Arrays) -> list[Array]:
    dtype = numpy_dtype(element(op, "out_idx", I32))
    values, places, counts = _first_come(arrays[0], _unique_axis(op, arrays[1], arrays[0].ndim) or 0)
    results = [values, places.astype(dtype), counts.astype(dtype)]
    return results[:2] if op.kind == "ge.UniqueExt2" else results


@infers("ListDiff")
def _infer_list_diff(op: Op) -> list[Type]:
    common = common_element(op, (operand(op, 0), operand(op, 1)))
    return [TensorType(common, (None,)), TensorType(element(op, "out_idx", I32), (None,))]


@evaluates("ListDiff")
def _list_diff(op: Op, arrays: Arrays) -> list[Array]:
    kept = np.flatnonzero(~np.isin(arrays[0], arrays[1]))
    return [arrays[0][kept], kept.astype(numpy_dtype(element(op, "out_idx", I32)))]


# -- parting and putting together


@infers("DynamicPartition")
def _infer_dynamic_partition(op: Op) -> list[Type]:
    x, partitions = operand(op, 0), operand(op, 1)
    count = integer(op, "num_partitions", 1)
    if x.shape is None or partitions.shape is None:
        return [x.with_shape(None)] * count
    leading = len(partitions.shape)
    equal_shapes(op, x.shape[:leading], partitions.shape, what="leading dimensions and partitions")
    return [x.with_shape((None, *x.shape[leading:]))] * count


@evaluates("DynamicPartition")
def _dynamic_partition(op: Op, arrays: Arrays) -> list[Array]:
    x, partitions = arrays
    count = integer(op, "num_partitions", 1)
    equal_shapes(op, x.shape[: partitions.ndim], partitions.shape, what="leading dimensions and partitions")
    checked(op, partitions, count)
    return [x[partitions == index] for index in range(count)]


def _stitched_rest(op: Op, types: list[TensorType], indices: list[TensorType]) -> tuple[Dim, ...] | None:
    """Return the dimensions behind the indexed ones, which all operands share."""
    rests = []
    for type_, index in zip(types, indices, strict=True):
        if type_.shape is None or index.shape is None:
            continue
        leading = len(index.shape)
        equal_shapes(op, type_.shape[:leading], index.shape, what="leading dimensions and indices")
        rests.append(type_.shape[leading:])
    return equal_shapes(op, *rests, what="slices") if rests else None


@infers("DynamicStitch", "ParallelDynamicStitch")
def _infer_dynamic_stitch(op: Op) -> list[Type]:
    count = len(op.inputs) // 2
    if not count or len(op.inputs) % 2:
        raise mismatch(op, f"needs as many indices as values, not {len(op.inputs)} operands")
    types = [operand(op, index) for index in range(2 * count)]
    rest = _stitched_rest(op, types[count:], types[:count])
    indices = [constant(value) for value in op.inputs[:count]]
    known = [int(index.max(initial=-1)) for index in indices if index is not None]
    extent = max(known) + 1 if len(known) == count else None
    return [TensorType(common_element(op, types[count:]), None if rest is None else (extent, *rest))]


@evaluates("DynamicStitch", "ParallelDynamicStitch")
def _dynamic_stitch(op: Op, arrays: Arrays) -> list[Array]:
    count = len(arrays) // 2
    indices, values = arrays[:count], arrays[count:]
    rest = values[0].shape[indices[0].ndim :]
    extent = max(int(index.max(initial=-1)) for index in indices) + 1
    result = np.zeros((extent, *rest), values[0].dtype)
    for index, value in zip(indices, values, strict=True):
        result[checked(op, index, extent)] = value.reshape(*index.shape, *rest)
    return [result]


@infers("RepeatInterleave")
def _infer_repeat_interleave(op: Op) -> list[Type]:
    x, repeats = operand(op, 0), constant(op.inputs[1])
    axis = integer(op, "axis", FLAT)
    if axis == FLAT:
        return [x.with_shape((_repeated(x.size if x.is_static else None, repeats),))]
    if x.shape is None:
        return [x]
    axis = positive_axis(op, axis, len(x.shape))
    return [x.with_shape((*x.shape[:axis], _repeated(x.shape[axis], repeats), *x.shape[axis + 1 :]))]


def _repeated(dim: Dim, repeats: Array | None) -> Dim:
    if repeats is None:
        return None
    if repeats.size == 1:
        return dim * int(repeats.item()) if isinstance(dim, int) else None
    return int(repeats.sum())


@evaluates("RepeatInterleave")
def _repeat_interleave(op: Op, arrays: Arrays) -> list[Array]:
    axis = integer(op, "axis", FLAT)
    repeats = arrays[1].reshape(-1)
    if (repeats < 0).any():
        raise mismatch(op, f"cannot repeat {repeats.tolist()} times")
    return [np.repeat(arrays[0], repeats, None if axis == FLAT else axis)]


# -- searching


@infers("InTopK", "InTopKV2")
def _infer_in_top_k(op: Op) -> list[Type]:
    predictions, targets = operand(op, 0), operand(op, 1)
    rows, _ = need_rank(op, predictions, 2, "predictions")
    (count,) = need_rank(op, targets, 1, "targets")
    return [TensorType(BOOL, (equal_dims(op, rows, count, "numbers of predictions and targets"),))]


@evaluates("InTopK", "InTopKV2")
def _in_top_k(op: Op, arrays: Arrays) -> list[Array]:
    predictions, targets, k = arrays[0], arrays[1], int(arrays[2].item())
    inside = (targets >= 0) & (targets < predictions.shape[1])
    rows = np.arange(targets.size)
    chosen = predictions[rows, np.where(inside, targets, 0)] if predictions.size else np.zeros(targets.size)
    better = (predictions > chosen[:, None]).sum(1)
    finite = np.isfinite(predictions).all(1)
    return [inside & finite & (better < k)]


@infers("LowerBound", "UpperBound")
def _infer_bound(op: Op) -> list[Type]:
    rows, values = operand(op, 0), operand(op, 1)
    common_element(op, (rows, values))
    a, b = need_rank(op, rows, 2, "sorted rows"), need_rank(op, values, 2, "values")
    return [TensorType(element(op, "out_type", I32), (equal_dims(op, a[0], b[0], "numbers of rows"), b[1]))]


@evaluates("LowerBound", "UpperBound")
def _bound(op: Op, arrays: Arrays) -> list[Array]:
    side: Literal["left", "right"] = "left" if op.kind == "ge.LowerBound" else "right"
    found = [np.searchsorted(row, values, side) for row, values in zip(*arrays, strict=True)]
    dtype = numpy_dtype(element(op, "out_type", I32))
    return [np.array(found, dtype).reshape(arrays[1].shape)]


@infers("SearchSorted")
def _infer_search_sorted(op: Op) -> list[Type]:
    rows, values = operand(op, 0), operand(op, 1)
    common_element(op, (rows, values))
    if rows.shape is not None and values.shape is not None and len(rows.shape) != 1:
        equal_shapes(op, rows.shape[:-1], values.shape[:-1], what="leading dimensions")
    return [values.with_element(element(op, "dtype", I64))]


@evaluates("SearchSorted")
def _search_sorted(op: Op, arrays: Arrays) -> list[Array]:
    rows, values, sorter = arrays[0], arrays[1], present(arrays, 2)
    rows = rows if sorter is None else np.take_along_axis(rows, sorter, -1)
    side: Literal["left", "right"] = "right" if flag(op, "right", False) else "left"
    dtype = numpy_dtype(element(op, "dtype", I64))
    if rows.ndim == 1:
        return [np.searchsorted(rows, values, side).astype(dtype)]
    result = np.empty(values.shape, dtype)
    for place in np.ndindex(values.shape[:-1]):
        result[place] = np.searchsorted(rows[place], values[place], side)
    return [result]


@infers("Bucketize")
def _infer_bucketize(op: Op) -> list[Type]:
    boundaries(op)
    return [operand(op, 0).with_element(element(op, "dtype", I32))]


def boundaries(op: Op) -> list[float]:
    """Return the attribute `boundaries`; raises unless they are in order."""
    given = op.attributes.get("boundaries", ())
    if not isinstance(given, tuple) or not all(isinstance(item, float | int) for item in given):
        raise mismatch(op, f"needs a list of boundaries, not {given!r}")
    numbers = [float(item) for item in given if isinstance(item, float | int)]
    if numbers != sorted(numbers):
        raise mismatch(op, f"needs its boundaries in order, not {numbers}")
    return numbers


@evaluates("Bucketize")
def _bucketize(op: Op, arrays: Arrays) -> list[Array]:
    side: Literal["left", "right"] = "right" if flag(op, "right", True) else "left"
    places = np.searchsorted(np.array(boundaries(op), np.float32), arrays[0], side)
    return [places.astype(numpy_dtype(element(op, "dtype", I32)))]


@infers("NthElement")
def _infer_nth_element(op: Op) -> list[Type]:
    x, n = operand(op, 0), known_int(op, 1)
    if x.shape is None:
        return [x]
    if not x.shape:
        raise mismatch(op, "needs a vector, not a scalar")
    if isinstance(n, int) and isinstance(x.shape[-1], int) and not 0 <= n < x.shape[-1]:
        raise mismatch(op, f"has no element {n} among {x.shape[-1]}")
    return [x.with_shape(x.shape[:-1])]


@evaluates("NthElement")
def _nth_element(op: Op, arrays: Arrays) -> list[Array]:
    n = int(checked(op, arrays[1], arrays[0].shape[-1]).item())
    place = arrays[0].shape[-1] - 1 - n if flag(op, "reverse", False) else n
    return [np.sort(arrays[0], -1)[..., place]]


@infers("UnravelIndex")
def _infer_unravel_index(op: Op) -> list[Type]:
    indices, dims = operand(op, 0), operand(op, 1)
    found = common_element(op, (indices, dims))
    (rank,) = need_rank(op, dims, 1, "dimensions")
    if indices.shape is None:
        return [TensorType(found)]
    return [TensorType(found, (rank, *indices.shape[:1]))]


@evaluates("UnravelIndex")
def _unravel_index(op: Op, arrays: Arrays) -> list[Array]:
    indices, dims = arrays
    checked(op, indices, int(np.prod(dims)))
    found = np.array(np.unravel_index(indices, tuple(dims.tolist())), indices.dtype)
    return [found.reshape(dims.size, *indices.shape[:1])]
