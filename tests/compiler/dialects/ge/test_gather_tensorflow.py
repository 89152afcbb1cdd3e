"""Indexing, segments and searching: equal to what TensorFlow computes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from modelc.ir.attributes import Attribute
from modelc.ir.types import I64

Array = NDArray[Any]
Operands = Sequence[Any]
Raw = Callable[[Any, Operands], Any]
Case = tuple[str, Operands, dict[str, Attribute], Raw]

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(4, 3, 5)).astype(np.float32)
TEXTS = np.array([b"a", b"bc", b""], object)


def i32(*numbers: Any) -> Array:
    return np.array(numbers[0] if len(numbers) == 1 else numbers, np.int32)


def i64(*numbers: Any) -> Array:
    return np.array(numbers[0] if len(numbers) == 1 else numbers, np.int64)


def gather(x: Array, indices: Array, axis: int, batch: int = 0) -> Case:
    def raw(ops: Any, a: Operands) -> Any:
        return ops.GatherV2(params=a[0], indices=a[1], axis=a[2], batch_dims=batch)

    return "GatherV2", (x, indices, i32(axis)), {"batch_dims": batch}, raw


def tensor_scatter(kind: str, tf_kind: str, x: Array, indices: Array, updates: Array) -> Case:
    def raw(ops: Any, a: Operands) -> Any:
        return getattr(ops, tf_kind)(tensor=a[0], indices=a[1], updates=a[2])

    return kind, (x, indices, updates), {}, raw


def segments(kind: str, x: Array, ids: Array, count: int | None = None) -> Case:
    def raw(ops: Any, a: Operands) -> Any:
        named = dict(zip(("data", "segment_ids", "num_segments"), a, strict=False))
        return getattr(ops, kind)(**named)

    return kind, (x, ids) if count is None else (x, ids, i32(count)), {}, raw


def one_hot(indices: Array, depth: int, axis: int) -> Case:
    def raw(ops: Any, a: Operands) -> Any:
        return ops.OneHot(indices=a[0], depth=a[1], on_value=a[2], off_value=a[3], axis=axis)

    return "OneHot", (indices, i32(depth), np.float32(2), np.float32(-1)), {"axis": axis}, raw


UPDATES = RANDOM.integers(-5, 5, (3, 5)).astype(np.int32)
TABLE = RANDOM.integers(-5, 5, (4, 5)).astype(np.int32)
PREDICTIONS = np.array([[1, 5, 3, 5], [2, 2, 2, 2], [0, np.inf, 1, 2], [np.nan, 1, 2, 3]], np.float32)

CASES: list[Case] = [
    gather(X, i32([[3, 0], [1, 1]]), 0),
    gather(X, i64([2, 0]), -2),
    gather(X, i32(4), 2),
    gather(X, np.zeros((2, 0), np.int32), 1),
    gather(X, i32([[0, 2], [1, 1], [2, 0], [0, 0]]), 1, 1),
    gather(X, i32([[0, 4], [1, 1], [2, 0], [3, 3]]), 2, 1),
    gather(X, RANDOM.integers(0, 5, (4, 3, 2)).astype(np.int32), 2, -1),
    gather(X, RANDOM.integers(0, 5, (4, 3)).astype(np.int32), -1, 2),
    gather(TEXTS, i32([2, 1, 1]), 0),
    ("Gather", (X, i32([1, 3])), {}, lambda ops, a: ops.Gather(params=a[0], indices=a[1])),
    ("GatherNd", (X, i32([[0, 1], [3, 2]])), {}, lambda ops, a: ops.GatherNd(params=a[0], indices=a[1])),
    ("GatherNd", (X, i64([[[0, 1, 4]], [[3, 2, 0]]])), {}, lambda ops, a: ops.GatherNd(params=a[0], indices=a[1])),
    ("GatherNd", (X, np.zeros((2, 0), np.int32)), {}, lambda ops, a: ops.GatherNd(params=a[0], indices=a[1])),
    ("GatherNd", (X, i32([2])), {}, lambda ops, a: ops.GatherNd(params=a[0], indices=a[1])),
    *(
        ("ScatterNd", operands, {}, lambda ops, a: ops.ScatterNd(indices=a[0], updates=a[1], shape=a[2]))
        for operands in (
            (i32([[0], [2], [0]]), UPDATES, i32([4, 5])),
            (i32([[0, 1], [3, 4], [0, 1]]), UPDATES[:, 0], i32([4, 5])),
            (i64([[1, 1], [0, 1], [1, 1]]), UPDATES.astype(np.float32), i64([2, 3, 5])),
            (np.zeros((0, 1), np.int32), UPDATES[:0], i32([4, 5])),
        )
    ),
    tensor_scatter("TensorScatterUpdate", "TensorScatterUpdate", TABLE, i32([[3], [0], [2]]), UPDATES),
    tensor_scatter("TensorScatterUpdate", "TensorScatterUpdate", TEXTS, i32([[1]]), np.array([b"new"], object)),
    tensor_scatter("TensorScatterAdd", "TensorScatterAdd", TABLE, i32([[3], [0], [3]]), UPDATES),
    tensor_scatter("TensorScatterSub", "TensorScatterSub", TABLE, i32([[3], [0], [3]]), UPDATES),
    tensor_scatter("TensorScatterMax", "TensorScatterMax", TABLE, i32([[3], [0], [3]]), UPDATES),
    tensor_scatter("TensorScatterMin", "TensorScatterMin", TABLE, i32([[3, 1], [0, 0], [3, 1]]), UPDATES[0, :3]),
    *(
        one_hot(indices, depth, axis)
        for indices in (i32([[0, 2], [-1, 7]]), i64(1))
        for depth in (0, 3)
        for axis in (-1, 0)
    ),
    ("Where", (X > 0,), {}, lambda ops, a: ops.Where(condition=a[0])),
    ("Where", (TABLE,), {}, lambda ops, a: ops.Where(condition=a[0])),
    ("Unique", (i32([4, 2, 4, 9, 2]),), {}, lambda ops, a: ops.Unique(x=a[0])),
    ("Unique", (TEXTS[[0, 1, 0, 2]],), {"out_idx": I64}, lambda ops, a: ops.Unique(x=a[0], out_idx="int64")),
    ("UniqueWithCounts", (i32([4, 2, 4, 9, 2]),), {}, lambda ops, a: ops.UniqueWithCounts(x=a[0])),
    ("UniqueExt2", (TABLE[:, [0, 1, 0]], i64([1])), {}, lambda ops, a: ops.UniqueV2(x=a[0], axis=a[1])),
    (
        "UniqueWithCountsExt2",
        (TABLE[[1, 0, 1]], i32([0])),
        {},
        lambda ops, a: ops.UniqueWithCountsV2(x=a[0], axis=a[1]),
    ),
    ("ListDiff", (i32([1, 2, 3, 4, 5, 2]), i32([1, 3, 5])), {}, lambda ops, a: ops.ListDiff(x=a[0], y=a[1])),
    (
        "DynamicPartition",
        (X, i32([2, 0, 2, 0])),
        {"num_partitions": 3},
        lambda ops, a: ops.DynamicPartition(data=a[0], partitions=a[1], num_partitions=3),
    ),
    (
        "DynamicPartition",
        (X, i32([[1, 0, 0]] * 4)),
        {"num_partitions": 2},
        lambda ops, a: ops.DynamicPartition(data=a[0], partitions=a[1], num_partitions=2),
    ),
    (
        "DynamicStitch",
        (i32(3), i32([[0, 2], [1, 0]]), X[0], X[:4, None].reshape(2, 2, 3, 5)),
        {"N": 2},
        lambda ops, a: ops.DynamicStitch(indices=a[:2], data=a[2:]),
    ),
    (
        "InTopK",
        (PREDICTIONS, i32([2, 0, 3, 3]), i32(2)),
        {},
        lambda ops, a: ops.InTopKV2(predictions=a[0], targets=a[1], k=a[2]),
    ),
    (
        "InTopK",
        (PREDICTIONS, i64([0, 9, 1, 0]), i64(4)),
        {},
        lambda ops, a: ops.InTopKV2(predictions=a[0], targets=a[1], k=a[2]),
    ),
    (
        "Bincount",
        (i32([1, 4, 1, 9]), i32(5), np.zeros(0, np.int32)),
        {},
        lambda ops, a: ops.Bincount(arr=a[0], size=a[1], weights=a[2]),
    ),
    (
        "Bincount",
        (i32([1, 4, 1, 9]), i32(5), X[0, 0, :4]),
        {},
        lambda ops, a: ops.Bincount(arr=a[0], size=a[1], weights=a[2]),
    ),
    (
        "DenseBincount",
        (i32([[1, 4], [1, 1]]), i32(5), np.zeros(0, np.float32)),
        {},
        lambda ops, a: ops.DenseBincount(input=a[0], size=a[1], weights=a[2]),
    ),
    (
        "DenseBincount",
        (i32([1, 1, 2]), i32(4), np.zeros(0, np.float32)),
        {"binary_output": True},
        lambda ops, a: ops.DenseBincount(input=a[0], size=a[1], weights=a[2], binary_output=True),
    ),
    (
        "HistogramFixedWidth",
        (np.array([-1, 0, 1.5, 2, 5, 15, 4.99], np.float32), np.array([0, 5], np.float32), i32(5)),
        {},
        lambda ops, a: ops.HistogramFixedWidth(values=a[0], value_range=a[1], nbins=a[2]),
    ),
    segments("SegmentSum", X, i32([0, 0, 2, 2])),
    segments("SegmentMax", TABLE - 9, i64([0, 0, 1, 3])),
    segments("SegmentSum", X[:0], np.zeros(0, np.int32)),
    *(
        segments(kind, data, ids, 4)
        for kind in ("UnsortedSegmentSum", "UnsortedSegmentProd", "UnsortedSegmentMax", "UnsortedSegmentMin")
        for data, ids in (
            (TABLE, i32([3, 0, -1, 3])),
            (TABLE.astype(np.float32), i64([3, 0, 1, 3])),
            (TABLE, RANDOM.integers(-1, 4, (4, 5)).astype(np.int32)),
        )
    ),
    (
        "SparseSegmentSum",
        (X, i32([0, 3, 1]), i32([0, 0, 2])),
        {},
        lambda ops, a: ops.SparseSegmentSum(data=a[0], indices=a[1], segment_ids=a[2]),
    ),
    (
        "SparseSegmentMean",
        (X, i32([0, 3, 1]), i32([0, 0, 2])),
        {},
        lambda ops, a: ops.SparseSegmentMean(data=a[0], indices=a[1], segment_ids=a[2]),
    ),
    (
        "SparseToDense",
        (i32([[0, 1], [2, 0]]), i32([3, 2]), np.array([5, 6], np.float32), np.float32(-1)),
        {},
        lambda ops, a: ops.SparseToDense(
            sparse_indices=a[0], output_shape=a[1], sparse_values=a[2], default_value=a[3]
        ),
    ),
    (
        "LowerBound",
        (np.sort(X[:, 0]), X[:, 1]),
        {},
        lambda ops, a: ops.LowerBound(sorted_inputs=a[0], values=a[1]),
    ),
    (
        "UpperBound",
        (i32([[1, 2, 2, 3]]), i32([[2, 0, 9]])),
        {"out_type": I64},
        lambda ops, a: ops.UpperBound(sorted_inputs=a[0], values=a[1], out_type="int64"),
    ),
    ("NthElement", (X, i32(1)), {"reverse": True}, lambda ops, a: ops.NthElement(input=a[0], n=a[1], reverse=True)),
    ("NthElement", (X, i32(0)), {}, lambda ops, a: ops.NthElement(input=a[0], n=a[1])),
    (
        "Bucketize",
        (np.array([-5, 10000, 150, 10, 5, 100], np.int32),),
        {"boundaries": (0.0, 10.0, 100.0)},
        lambda ops, a: ops.Bucketize(input=a[0], boundaries=[0, 10, 100]),
    ),
    ("UnravelIndex", (i32([22, 3, 7]), i32([7, 6])), {}, lambda ops, a: ops.UnravelIndex(indices=a[0], dims=a[1])),
    ("InplaceUpdate", (TABLE, i32([3, 0]), UPDATES[:2]), {}, lambda ops, a: ops.InplaceUpdate(x=a[0], i=a[1], v=a[2])),
    ("InplaceAdd", (TABLE, i32([3, 0]), UPDATES[:2]), {}, lambda ops, a: ops.InplaceAdd(x=a[0], i=a[1], v=a[2])),
    ("InplaceSub", (TABLE, i32([3, 0]), UPDATES[:2]), {}, lambda ops, a: ops.InplaceSub(x=a[0], i=a[1], v=a[2])),
]


@pytest.mark.parametrize(("kind", "operands", "attributes", "raw"), CASES)
def test_finds_what_tensorflow_finds(
    tf: Any, apply: Any, kind: str, operands: Operands, attributes: dict[str, Attribute], raw: Raw
) -> None:
    expected = raw(tf.raw_ops, [tf.constant(operand) for operand in operands])
    many = isinstance(expected, list | tuple)
    for ours, theirs in zip(apply(kind, *operands, **attributes), expected if many else [expected], strict=True):
        theirs = theirs.numpy()
        assert ours.dtype == theirs.dtype
        np.testing.assert_array_equal(ours, theirs)
