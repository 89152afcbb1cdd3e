"""Lowering of ops that reduce rows by segment, and of those that count."""

from __future__ import annotations

import numpy as np

from modelc.dialects.ge.dtypes import element_of_cpp
from modelc.dialects.ge.helpers import flag, integer
from modelc.dialects.ge.semantics import EVALUATE
from modelc.ir.constants import numpy_dtype
from modelc.ir.op import Op, Value
from modelc.ir.types import F64, I32, I64
from modelc_backends.onnx.lower.gather import as_rows, places, scattered
from modelc_backends.onnx.lower.site import Site
from modelc_backends.onnx.lower.table import Lowered, lowers

_REDUCTION = {"Sum": "add", "Prod": "mul", "Max": "max", "Min": "min"}
_UNSORTED = "UnsortedSegment"


def _start(site: Site, x: Value, fold: str) -> Value:
    """Return what the reduction `fold` of no rows is, as the op defines it that may have segments without."""
    element = site.element(x)
    nothing = np.empty(0, numpy_dtype(element)), np.empty(0, np.int32), np.array(1)
    return site.constant(EVALUATE[f"{_UNSORTED}{fold}"](Op(f"ge.{_UNSORTED}{fold}"), nothing)[0], element, "start")


def _folded(site: Site, x: Value, ids: Value, count: Value, fold: str) -> Value:
    """Return the rows of `x` folded by segment: [count, ...], for `ids` [rows] and `count` [1]."""
    start = site.onnx("Expand", _start(site, x, fold), _beside(site, count, x))
    return scattered(site, start, site.unsqueeze(ids, (1,)), x, _REDUCTION[fold])


def _beside(site: Site, count: Value, x: Value) -> Value:
    """Return the shape of `count` rows like those of `x`."""
    rank = site.rank(x)
    return count if rank == 1 else site.onnx("Concat", count, site.extents(x, 1, rank), axis=0)


# -- segments in any order


@lowers(*(f"{_UNSORTED}{fold}" for fold in _REDUCTION))
def _unsorted(site: Site) -> Lowered:
    """Fold rows of negative segments into one more segment, which is cut off."""
    x, ids = site.inputs[:2]
    count = site.reshape(site.cast(site.inputs[2], I64), (1,))
    x, ids = as_rows(site, x, site.rank(ids)), site.cast(site.reshape(ids, (-1,)), I64)
    fold = site.op_type.removeprefix(_UNSORTED)
    known = site.array(ids)
    if known is not None and (known >= 0).all():
        return _folded(site, x, ids, count, fold)
    kept = site.onnx("Where", site.onnx("Less", ids, site.constant(0)), count, ids)
    result = _folded(site, x, kept, site.onnx("Add", count, site.constant(1)), fold)
    return site.onnx("Slice", result, site.constant((0,)), count, site.constant((0,)))


# -- segments in ascending order


def _ascending(site: Site, ids: Value) -> tuple[Value, Value]:
    """Return the ids as ONNX reads them, and the number of segments [1]."""
    known = site.array(ids)
    if known is not None:
        return site.cast(ids, I64), site.constant((int(known[-1]) + 1 if known.size else 0,))
    ids = site.cast(ids, I64)
    last = site.onnx("ReduceMax", ids, site.constant((0,)), keepdims=1)
    return ids, site.onnx("Add", last, site.constant(1))


@lowers("SegmentSum")
def _segment_sum(site: Site) -> Lowered:
    return _folded(site, site.inputs[0], *_ascending(site, site.inputs[1]), "Sum")


@lowers("SegmentMax")
def _segment_max(site: Site) -> Lowered:
    """Give 0 for a segment without rows, other than in the unsorted forms."""
    x = site.inputs[0]
    ids, count = _ascending(site, site.inputs[1])
    sizes = _column(site, _sizes(site, ids, count), x)
    empty = site.onnx("Equal", sizes, site.constant(0))
    return site.onnx("Where", empty, site.scalar(0, x), _folded(site, x, ids, count, "Max"))


def _sizes(site: Site, ids: Value, count: Value) -> Value:
    """Return the number of rows of each segment."""
    ones = site.onnx("Expand", site.constant(1), site.extents(ids, 0))
    return _folded(site, ones, ids, count, "Sum")


def _column(site: Site, numbers: Value, like: Value) -> Value:
    """Return one number per row, to be used with all of each row of `like`."""
    return site.unsqueeze(numbers, range(1, site.rank(like))) if site.rank(like) > 1 else numbers


@lowers("SparseSegmentSum", "SparseSegmentMean")
def _sparse_segment(site: Site) -> Lowered:
    x, indices = site.inputs[0], places(site, site.inputs[1])
    ids, count = _ascending(site, site.inputs[2])
    sums = _folded(site, site.onnx("Gather", x, indices, axis=0), ids, count, "Sum")
    if site.op_type == "SparseSegmentSum":
        return sums
    sizes = site.onnx("Max", _sizes(site, ids, count), site.constant(1))
    return site.onnx("Div", sums, site.cast(_column(site, sizes, x), site.element(sums)))


# -- counting


def _counted(site: Site, values: Value, size: Value, weights: Value, axis: int) -> Value:
    """Add up weights by value along an axis: what is not below `size` falls into one more bin, which is cut off."""
    more = site.onnx("Add", size, site.constant(1))
    shape = site.onnx("Concat", site.extents(values, 0), more, axis=0) if axis else more
    bins = site.onnx("Expand", site.scalar(0, weights), shape)
    kept = site.onnx("Min", site.cast(values, I64), size)
    reduction = "none" if flag(site.op, "binary_output", False) else "add"
    result = site.onnx("ScatterElements", bins, kept, weights, axis=axis, reduction=reduction)
    return site.onnx("Slice", result, site.constant((0,)), size, site.constant((axis,)))


@lowers("Bincount", "DenseBincount")
def _bincount(site: Site) -> Lowered:
    values, weights = site.inputs[0], site.inputs[2]
    size = site.reshape(site.cast(site.inputs[1], I64), (1,))
    by_rows = site.op_type == "DenseBincount" and site.rank(values) == 2
    values = values if by_rows else site.reshape(values, (-1,))
    if 0 in site.shape(weights) or flag(site.op, "binary_output", False):
        rank = site.rank(values)
        weights = site.onnx("Expand", site.scalar(1, weights), site.extents(values, 0, rank))
    else:
        weights = weights if by_rows else site.reshape(weights, (-1,))
    return _counted(site, values, size, weights, int(by_rows))


@lowers("HistogramFixedWidth")
def _histogram(site: Site) -> Lowered:
    values = site.cast(site.reshape(site.inputs[0], (-1,)), F64)
    low, high = (
        site.onnx("Gather", site.cast(site.reshape(site.inputs[1], (-1,)), F64), site.constant(index))
        for index in range(2)
    )
    count = site.reshape(site.cast(site.inputs[2], I64), (1,))
    width = site.onnx("Div", site.onnx("Sub", high, low), site.cast(count, F64))
    bins = site.onnx("Floor", site.onnx("Div", site.onnx("Sub", values, low), width))
    last = site.cast(site.onnx("Sub", count, site.constant(1)), F64)
    inside = site.onnx("Max", site.onnx("Min", bins, last), site.constant(0, F64))
    element = element_of_cpp(integer(site.op, "dtype", 3)) or I32
    ones = site.onnx("Expand", site.constant(1, element), site.extents(values, 0))
    return _counted(site, inside, count, ones, 0)
