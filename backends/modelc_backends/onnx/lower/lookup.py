"""Lowering of ops that find, sort out and select elements."""

from __future__ import annotations

import numpy as np

from modelc.dialects.ge.helpers import flag, integer, positive_axis
from modelc.dialects.ge.lookup import FLAT, boundaries
from modelc.ir.op import Value
from modelc.ir.types import BOOL, F32, F64, I64
from modelc_backends.onnx.lower.gather import as_rows, places, scattered
from modelc_backends.onnx.lower.site import NoFormError, Site
from modelc_backends.onnx.lower.table import Lowered, lowers

# -- what is not zero


def _nonzero(site: Site) -> Value:
    """Return the positions of what is not zero, one column each."""
    if site.rank(site.inputs[0]) == 0:
        raise NoFormError("looks for positions in a scalar")
    return site.onnx("NonZero", site.cast(site.inputs[0], BOOL))


@lowers("Where")
def _where(site: Site) -> Lowered:
    return site.transpose(_nonzero(site), (1, 0))


@lowers("NonZero")
def _non_zero(site: Site) -> Lowered:
    found = _nonzero(site)
    return found if flag(site.op, "transpose", False) else site.transpose(found, (1, 0))


@lowers("MaskedSelect")
def _masked_select(site: Site) -> Lowered:
    x, mask = site.inputs[0], site.cast(site.inputs[1], BOOL)
    if x.tensor.shape != mask.tensor.shape or not x.tensor.is_static:
        x = site.onnx("Expand", x, site.extents(mask, 0, site.rank(mask)))
        mask = site.onnx("Expand", mask, site.extents(x, 0, site.rank(x)))
    return site.onnx("Compress", x, site.reshape(mask, (-1,)))


# -- what is different


@lowers("Unique", "UniqueWithCounts")
def _unique(site: Site) -> Lowered:
    return _different(site, site.inputs[0], 0)


@lowers("UniqueExt2", "UniqueWithCountsExt2")
def _unique_ext2(site: Site) -> Lowered:
    axes = site.needed_ints(1, "the axis")
    return _different(site, site.inputs[0], axes[0] if axes else 0)


def _different(site: Site, x: Value, axis: int) -> Lowered:
    values, _, index, counts = site.many("Unique", 4, x, sorted=0, axis=axis)
    return (values, index, counts)[: len(site.op.results)]


@lowers("ListDiff")
def _list_diff(site: Site) -> Lowered:
    x, others = site.inputs
    same = site.onnx("Equal", site.unsqueeze(x, (1,)), site.unsqueeze(others, (0,)))
    count = site.onnx("ReduceSum", site.cast(same, I64), site.constant((1,)), keepdims=0)
    kept = site.onnx("Equal", count, site.constant(0))
    return site.onnx("Compress", x, kept, axis=0), site.squeeze(site.onnx("NonZero", kept), (0,))


# -- parting and putting together


@lowers("DynamicPartition")
def _dynamic_partition(site: Site) -> Lowered:
    x, partitions = site.inputs
    rows = as_rows(site, x, site.rank(partitions))
    partitions = places(site, site.reshape(partitions, (-1,)))
    return [
        site.onnx("Compress", rows, site.onnx("Equal", partitions, site.scalar(index, partitions)), axis=0)
        for index in range(len(site.op.results))
    ]


@lowers("DynamicStitch", "ParallelDynamicStitch")
def _dynamic_stitch(site: Site) -> Lowered:
    """Gather the last one of all slices for a place where these are known; else they must not meet."""
    count = len(site.inputs) // 2
    values = [
        as_rows(site, value, site.rank(index))
        for index, value in zip(site.inputs[:count], site.inputs[count:], strict=True)
    ]
    rows = site.onnx("Concat", *values, axis=0)
    known = [array.reshape(-1) for value in site.inputs[:count] if (array := site.array(value)) is not None]
    if len(known) < count:
        indices = [site.cast(site.reshape(index, (-1,)), I64) for index in site.inputs[:count]]
        return _stitched(site, rows, site.onnx("Concat", *indices, axis=0))
    order = np.concatenate(known).astype(np.int64)
    sources = np.full(order.max(initial=-1) + 1, -1, np.int64)
    sources[order] = np.arange(order.size)
    if (sources < 0).any():
        return _stitched(site, rows, site.constant(order))
    return site.onnx("Gather", rows, site.constant(sources), axis=0)


def _stitched(site: Site, rows: Value, indices: Value) -> Value:
    last = site.onnx("ReduceMax", indices, site.constant((0,)), keepdims=1)
    shape = site.onnx("Add", last, site.constant(1))
    if site.rank(rows) > 1:
        shape = site.onnx("Concat", shape, site.extents(rows, 1, site.rank(rows)), axis=0)
    empty = site.onnx("Expand", site.scalar(0, rows), shape)
    return scattered(site, empty, site.unsqueeze(indices, (1,)), rows, "none")


@lowers("RepeatInterleave")
def _repeat_interleave(site: Site) -> Lowered:
    x, repeats = site.inputs[0], site.needed_ints(1, "how often to repeat")
    axis = integer(site.op, "axis", FLAT)
    if axis == FLAT:
        x, axis = site.reshape(x, (-1,)), 0
    axis = positive_axis(site.op, axis, site.rank(x))
    if len(repeats) > 1:
        order = np.repeat(np.arange(len(repeats)), repeats)
        return site.onnx("Gather", x, site.constant(order), axis=axis)
    rank = site.rank(x)
    tiled = site.onnx(
        "Tile", site.unsqueeze(x, (axis + 1,)), site.constant((*(1,) * (axis + 1), *repeats, *(1,) * (rank - axis - 1)))
    )
    before, after = site.extents(x, 0, axis), site.extents(x, axis + 1, rank)
    return site.onnx("Reshape", tiled, site.onnx("Concat", before, site.constant((-1,)), after, axis=0))


# -- searching


def _places_among(site: Site, rows: Value, values: Value, right: bool) -> Value:
    """Return how many of `rows`, sorted along the last axis, come before each of `values`."""
    before = "LessOrEqual" if right else "Less"
    rows = site.unsqueeze(rows, (site.rank(rows) - 1,))
    found = site.onnx(before, rows, site.unsqueeze(values, (site.rank(values),)))
    return site.onnx("ReduceSum", site.cast(found, I64), site.constant((-1,)), keepdims=0)


@lowers("LowerBound", "UpperBound")
def _bound(site: Site) -> Lowered:
    rows, values = site.inputs
    return _places_among(site, rows, values, site.op_type == "UpperBound")


@lowers("SearchSorted")
def _search_sorted(site: Site) -> Lowered:
    rows, values = site.inputs[:2]
    sorter = site.given(2)
    if sorter is not None:
        rows = site.onnx("GatherElements", rows, places(site, sorter), axis=-1)
    return _places_among(site, rows, values, flag(site.op, "right", False))


@lowers("Bucketize")
def _bucketize(site: Site) -> Lowered:
    x = site.inputs[0]
    bounds = site.constant(np.array(boundaries(site.op), np.float32), F32)
    if site.element(x) is not F32:
        x, bounds = site.cast(x, F64), site.cast(bounds, F64)
    return _places_among(site, bounds, x, flag(site.op, "right", True))


@lowers("UnravelIndex")
def _unravel_index(site: Site) -> Lowered:
    dims = site.needed_ints(1, "the dimensions")
    indices = site.cast(site.inputs[0], I64)
    steps = [int(np.prod(dims[place + 1 :], dtype=np.int64)) for place in range(len(dims))]
    column = (-1, *(1,) * site.rank(indices))
    along = site.onnx("Div", indices, site.constant(np.reshape(steps, column)))
    return site.onnx("Mod", along, site.constant(np.reshape(dims, column)))
