"""Ops that gather and scatter, look up, sort, and fold segments."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from tf_arrays import (
    NUMBERS,
    SINGLES,
    Array,
    Draw,
    calls,
    fed,
    flip,
    ints,
    numbers,
    pick,
    scalar,
    shapes,
    whole,
)
from tf_harness import Call, Known, Operand, add

Rng = np.random.Generator
ANY = (*NUMBERS, "bool", "complex64")
INDEX = ("int32", "int64")


def _index(draw: Draw, rng: Rng, limit: int, shape: tuple[int, ...]) -> Array:
    return rng.integers(0, max(1, limit), shape).astype(pick(draw, INDEX))


# -- gathering


def _gather(draw: Draw, rng: Rng) -> Call:
    params = draw(fed(shapes(1, 3, empty=False), ANY))
    return Call({"params": params, "indices": _index(draw, rng, params.shape[0], draw(shapes(0, 2)))})


def _gather_axis(draw: Draw, rng: Rng) -> Call:
    params = draw(fed(shapes(1, 4, empty=False), ANY))
    axis = whole(draw, 0, params.ndim - 1)
    batch = whole(draw, 0, axis)
    indices = _index(draw, rng, params.shape[axis], (*params.shape[:batch], *draw(shapes(0, 2))))
    where = scalar(axis - params.ndim if flip(draw) else axis)
    return Call({"params": params, "indices": indices, "axis": where}, {"batch_dims": batch})


def _places(draw: Draw, rng: Rng, shape: tuple[int, ...], outer: tuple[int, ...]) -> Array:
    """Return indices of slices of an array of this shape, [*outer, depth]."""
    depth = whole(draw, 1, len(shape))
    columns = [rng.integers(0, dim, outer) for dim in shape[:depth]]
    return np.stack(columns, -1).astype(pick(draw, INDEX))


def _gather_nd(draw: Draw, rng: Rng) -> Call:
    params = draw(fed(shapes(1, 4, empty=False), ANY))
    return Call({"params": params, "indices": _places(draw, rng, params.shape, draw(shapes(0, 2)))})


add("Gather", calls(_gather))
add("GatherV2", calls(_gather_axis))
add("GatherNd", calls(_gather_nd))

# -- scattering


def _scatter_parts(draw: Draw, rng: Rng, names: tuple[str, ...]) -> tuple[Array, Array, Array]:
    target = draw(fed(shapes(1, 3, empty=False), names))
    indices = _places(draw, rng, target.shape, draw(shapes(1, 2)))
    updates = numbers(rng, indices.shape[:-1] + target.shape[indices.shape[-1] :], target.dtype.name)
    return target, indices, updates


def _tensor_scatter(names: tuple[str, ...], target: str = "tensor", *, once: bool = False) -> st.SearchStrategy[Call]:
    def build(draw: Draw, rng: Rng) -> Call:
        array, indices, updates = _scatter_parts(draw, rng, names)
        if once:  # which of several updates of one place stays is not defined
            indices, updates = (
                indices.reshape(-1, indices.shape[-1])[:1],
                updates.reshape(-1, *array.shape[indices.shape[-1] :])[:1],
            )
        return Call({target: array, "indices": indices, "updates": updates})

    return calls(build)


ARITHMETIC = ("float32", "float64", "int32", "int64")
for op_type in ("TensorScatterAdd", "TensorScatterSub", "TensorScatterMax", "TensorScatterMin"):
    add(op_type, _tensor_scatter(ARITHMETIC), rounding=32)
add("TensorScatterUpdate", _tensor_scatter(ANY, once=True))
add("ScatterNdNonAliasingAdd", _tensor_scatter(ARITHMETIC, "input"), rounding=32)


def _scatter(draw: Draw, rng: Rng) -> Call:
    array, indices, updates = _scatter_parts(draw, rng, ARITHMETIC)
    return Call({"indices": indices, "updates": updates, "shape": ints(*array.shape, dtype=indices.dtype.name)})


add("ScatterNd", calls(_scatter), rounding=32)


def _inplace(draw: Draw, rng: Rng) -> Call:
    x = draw(fed(shapes(1, 3, empty=False), ("float32", "int32")))
    rows = rng.permutation(x.shape[0])[: whole(draw, 0, x.shape[0])].astype(np.int32)
    return Call({"x": x, "i": rows, "v": numbers(rng, (len(rows), *x.shape[1:]), x.dtype.name)})


for op_type in ("InplaceAdd", "InplaceSub", "InplaceUpdate"):
    add(op_type, calls(_inplace))

# -- partitions


def _partition(draw: Draw, rng: Rng) -> Call:
    data, count = draw(fed(shapes(1, 3), ANY)), whole(draw, 1, 4)
    partitions = rng.integers(0, count, data.shape[: whole(draw, 1, data.ndim)]).astype(np.int32)
    return Call({"data": data, "partitions": partitions}, {"num_partitions": count})


def _stitch(draw: Draw, rng: Rng) -> Call:
    rest, name = draw(shapes(0, 2, empty=False)), pick(draw, ANY)
    order = rng.permutation(whole(draw, 1, 6)).astype(np.int32)
    indices = np.split(order, [whole(draw, 0, len(order))])
    return Call({"indices": indices, "data": [numbers(rng, (len(part), *rest), name) for part in indices]})


add("DynamicPartition", calls(_partition))
add("DynamicStitch", calls(_stitch))
add("ParallelDynamicStitch", calls(_stitch))

# -- segments


def _segments(names: tuple[str, ...], low: float = -5, high: float = 5) -> st.SearchStrategy[Call]:
    def build(draw: Draw, rng: Rng) -> Call:
        data, count = draw(fed(shapes(1, 3), names, low, high)), whole(draw, 1, 5)
        ids = rng.integers(-1, count, data.shape[: whole(draw, 1, data.ndim)])
        return Call({"data": data, "segment_ids": ids.astype(pick(draw, INDEX)), "num_segments": scalar(count)})

    return calls(build)


add("UnsortedSegmentSum", _segments(ARITHMETIC), rounding=32)
add("UnsortedSegmentProd", _segments(ARITHMETIC, -2, 2), rounding=32)
add("UnsortedSegmentMax", _segments(ARITHMETIC))
add("UnsortedSegmentMin", _segments(ARITHMETIC))


def _sorted_segments(draw: Draw, rng: Rng) -> Call:
    data = draw(fed(shapes(1, 3, empty=False), ARITHMETIC))
    ids = np.sort(rng.integers(0, 5, data.shape[0])).astype(pick(draw, INDEX))
    return Call({"data": data, "segment_ids": ids})


add("SegmentSum", calls(_sorted_segments), rounding=32)
add("SegmentMax", calls(_sorted_segments))


def _sparse_segments(draw: Draw, rng: Rng) -> Call:
    data, count = draw(fed(shapes(1, 3, empty=False), SINGLES)), whole(draw, 1, 5)
    ids = np.sort(rng.integers(0, 4, count)).astype(np.int32)
    return Call({"data": data, "indices": rng.integers(0, data.shape[0], count).astype(np.int32), "segment_ids": ids})


add("SparseSegmentSum", calls(_sparse_segments), rounding=32)
add("SparseSegmentMean", calls(_sparse_segments), rounding=32)


def _texts(rng: Rng, shape: tuple[int, ...]) -> Array:
    return rng.choice(np.array([b"a", b"bc", b""], object), shape).astype(object)


def _join(draw: Draw, rng: Rng) -> Call:
    shape, count = draw(shapes(1, 3)), whole(draw, 1, 4)
    ids = rng.integers(-1, count, shape[: whole(draw, 1, len(shape))]).astype(np.int32)
    operands: dict[str, Operand] = {"inputs": _texts(rng, shape), "segment_ids": ids, "num_segments": scalar(count)}
    return Call(operands, {"separator": pick(draw, ["", "-"])})


add("UnsortedSegmentJoin", calls(_join))

# -- counting


def _bincount(draw: Draw, rng: Rng) -> Call:
    values = rng.integers(0, 6, draw(shapes(1, 2))).astype(np.int32)
    weights = numbers(rng, pick(draw, [values.shape, (0,)]), pick(draw, ("float32", "int32")))
    return Call({"arr": values, "size": scalar(whole(draw, 0, 8)), "weights": weights})


add("Bincount", calls(_bincount), rounding=32)


def _histogram(draw: Draw, rng: Rng) -> Call:
    name = pick(draw, ("float32", "int32"))
    values = numbers(rng, draw(shapes()), name, -9, 9)
    return Call({"values": values, "value_range": np.array([-5, 5], name), "nbins": scalar(whole(draw, 1, 7))})


add("HistogramFixedWidth", calls(_histogram))

# -- looking up


def _where(draw: Draw, rng: Rng) -> Call:
    return Call({"input": numbers(rng, draw(shapes(1)), pick(draw, ("bool", "float32", "int32")), 0, 1)})


add("Where", calls(_where))


def _unique(draw: Draw, rng: Rng) -> Array:
    return numbers(rng, draw(shapes(1, 1, 9)), pick(draw, ("float32", "int32", "int64")), 0, 3)


for op_type in ("Unique", "UniqueWithCounts"):
    add(op_type, calls(lambda d, rng: Call({"x": _unique(d, rng)}, {"out_idx": pick(d, INDEX)})))


def _unique_axis(draw: Draw, rng: Rng) -> Call:
    x = numbers(rng, draw(shapes(1, 3, empty=False)), pick(draw, ("float32", "int32")), 0, 1)
    return Call({"x": x, "axis": ints(whole(draw, 0, x.ndim - 1))}, {"out_idx": pick(draw, INDEX)})


add("UniqueV2", calls(_unique_axis))
add("UniqueWithCountsV2", calls(_unique_axis))


def _difference(draw: Draw, rng: Rng) -> Call:
    name = pick(draw, ("float32", "int32", "int64"))
    lists = [numbers(rng, draw(shapes(1, 1, 7)), name, 0, 5) for _ in "xy"]
    return Call({"x": lists[0], "y": lists[1]}, {"out_idx": pick(draw, INDEX)})


add("ListDiff", calls(_difference))
add(
    "InvertPermutation",
    calls(lambda d, rng: Call({"x": rng.permutation(whole(d, 0, 7)).astype(pick(d, INDEX))})),
)


def _unravel(draw: Draw, rng: Rng) -> Call:
    dims, name = draw(shapes(1, 3, empty=False)), pick(draw, INDEX)
    indices = rng.integers(0, int(np.prod(dims)), draw(shapes(0, 1))).astype(name)
    return Call({"indices": indices, "dims": ints(*dims, dtype=name)})


add("UnravelIndex", calls(_unravel))


def _bounds(draw: Draw, rng: Rng) -> Call:
    rows, name = whole(draw, 1, 3), pick(draw, ARITHMETIC)
    ordered = np.sort(numbers(rng, (rows, whole(draw, 1, 6)), name), 1)
    values = numbers(rng, (rows, whole(draw, 0, 5)), name)
    return Call({"sorted_inputs": ordered, "values": values}, {"out_type": pick(draw, INDEX)})


add("LowerBound", calls(_bounds))
add("UpperBound", calls(_bounds))


def _in_top(draw: Draw, rng: Rng) -> Call:
    rows, classes = whole(draw, 1, 4), whole(draw, 2, 6)
    targets = rng.integers(0, classes, rows).astype(pick(draw, INDEX))
    k = np.array(whole(draw, 1, classes), targets.dtype)
    return Call({"predictions": numbers(rng, (rows, classes), "float32"), "targets": targets, "k": Known(k)})


add("InTopKV2", calls(_in_top))

# -- sorting


def _distinct(draw: Draw, rng: Rng) -> Array:
    shape = draw(shapes(1, 3, empty=False))
    return rng.permutation(int(np.prod(shape))).reshape(shape).astype(pick(draw, (*SINGLES, "int32")))


def _top(draw: Draw, rng: Rng) -> Call:
    x = _distinct(draw, rng)
    return Call({"input": x, "k": scalar(whole(draw, 0, x.shape[-1]))}, {"index_type": pick(draw, INDEX)})


def _nth(draw: Draw, rng: Rng) -> Call:
    x = _distinct(draw, rng)
    return Call({"input": x, "n": scalar(whole(draw, 0, x.shape[-1] - 1))}, {"reverse": flip(draw)})


add("TopKV2", calls(_top))
add("NthElement", calls(_nth))

# -- diagonals


def _matrices(draw: Draw, rng: Rng, names: tuple[str, ...] = ANY) -> Array:
    return numbers(rng, (*draw(shapes(0, 2)), whole(draw, 1, 5), whole(draw, 1, 5)), pick(draw, names))


def _band(draw: Draw, rng: Rng) -> Call:
    name = pick(draw, INDEX)
    limits = {key: scalar(whole(draw, -1, 1), name) for key in ("num_lower", "num_upper")}
    return Call({"input": _matrices(draw, rng), **limits})


add("MatrixBandPart", calls(_band))
add("Diag", calls(lambda draw, rng: Call({"diagonal": draw(fed(shapes(1, 2), SINGLES))})))
add("DiagPart", calls(lambda d, rng: Call({"input": numbers(rng, 2 * d(shapes(1, 2)), pick(d, SINGLES))})))
add("MatrixDiag", calls(lambda draw, rng: Call({"diagonal": draw(fed(shapes(1, 3), ANY))})))
add("MatrixDiagPart", calls(lambda draw, rng: Call({"input": _matrices(draw, rng)})))


def _diagonals(draw: Draw, rng: Rng, operands: tuple[str, ...], aligned: bool) -> Call:
    x = _matrices(draw, rng, ("float32", "int32"))
    rows, columns = x.shape[-2:]
    low = whole(draw, -rows + 1, columns - 1)
    high = whole(draw, low, columns - 1)
    length = min(rows + min(high, 0), columns + min(-low, 0))
    outer = x.shape[:-2] if low == high else (*x.shape[:-2], high - low + 1)
    found: dict[str, Any] = {
        "input": x,
        "diagonal": numbers(rng, (*outer, length), x.dtype.name),
        "k": ints(low, high) if low != high or flip(draw) else scalar(low),
        "padding_value": Known(numbers(rng, (), x.dtype.name)),
        "num_rows": scalar(pick(draw, [-1, rows])),
        "num_cols": scalar(pick(draw, [-1, columns])),
    }
    ways = ["LEFT_RIGHT", "RIGHT_LEFT", "LEFT_LEFT", "RIGHT_RIGHT"]
    return Call({name: found[name] for name in operands}, {"align": pick(draw, ways)} if aligned else {})


DIAGONALS = {
    "MatrixDiagPart": ("input", "k", "padding_value"),
    "MatrixDiag": ("diagonal", "k", "num_rows", "num_cols", "padding_value"),
    "MatrixSetDiag": ("input", "diagonal", "k"),
}
for op_type, operands in DIAGONALS.items():
    for version in ("V2", "V3"):
        add(op_type + version, calls(lambda d, rng, o=operands, a=version == "V3": _diagonals(d, rng, o, a)))


def _set_diagonal(draw: Draw, rng: Rng) -> Call:
    x = _matrices(draw, rng)
    return Call({"input": x, "diagonal": numbers(rng, (*x.shape[:-2], min(x.shape[-2:])), x.dtype.name)})


add("MatrixSetDiag", calls(_set_diagonal))
