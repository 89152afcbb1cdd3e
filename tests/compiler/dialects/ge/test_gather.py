"""Gathering and scattering against plain loops, segments, searching, and what is inferred of unknown dimensions."""

from __future__ import annotations

import math
from itertools import product
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from modelc.dialects.ge import find
from modelc.ir.op import Op
from modelc.ir.opdef import InferenceError
from modelc.ir.types import F32, I32, I64, TensorType, tensor

Array = NDArray[Any]


def i32(*numbers: Any) -> Array:
    return np.array(numbers[0] if len(numbers) == 1 else numbers, np.int32)


def counted(*shape: int) -> Array:
    return np.arange(math.prod(shape), dtype=np.float32).reshape(shape)


@st.composite
def gathers(draw: st.DrawFn) -> tuple[Array, Array, int, int]:
    batch = draw(st.lists(st.integers(1, 3), max_size=2))
    between = draw(st.lists(st.integers(0, 3), max_size=2))
    extent = draw(st.integers(1, 4))
    after = draw(st.lists(st.integers(0, 3), max_size=1))
    own = draw(st.lists(st.integers(0, 3), max_size=2))
    indices = draw(
        st.lists(st.integers(0, extent - 1), min_size=math.prod(batch + own), max_size=math.prod(batch + own))
    )
    x = counted(*batch, *between, extent, *after)
    element = draw(st.sampled_from((np.int32, np.int64)))
    return x, np.array(indices, element).reshape((*batch, *own)), len(batch) + len(between), len(batch)


@given(gathers(), st.booleans())
def test_gathers_in_batches(apply: Any, case: tuple[Array, Array, int, int], negative: bool) -> None:
    x, indices, axis, batch = case
    expected = np.array(
        [np.take(x[place], indices[place], axis - batch) for place in np.ndindex(x.shape[:batch])], x.dtype
    )
    place = i32(axis - x.ndim if negative else axis)
    (result,) = apply(
        "GatherV2", x, indices, place, batch_dims=batch - indices.ndim if negative and batch < indices.ndim else batch
    )
    np.testing.assert_array_equal(result.reshape(expected.shape), expected)
    assert result.shape == (*x.shape[:axis], *indices.shape[batch:], *x.shape[axis + 1 :])
    if axis == batch:
        np.testing.assert_array_equal(apply("Gather", x, indices, batch_dims=batch)[0], result)


def test_gathers_of_unknown_dimensions(infer: Any, refuse: Any) -> None:
    assert infer("GatherV2", tensor(F32, 5, "n"), tensor(I32, None, 2), i32(0)) == ["f32[?, 2, n]"]
    assert infer("GatherV2", tensor(F32, 5, "n"), tensor(I32), i32(0)) == ["f32[n]"]
    assert infer("GatherV2", tensor(F32, "n", 5), tensor(I32, "n", 2), i32(1), batch_dims=1) == ["f32[n, 2]"]
    assert infer("GatherV2", tensor(F32, 5, "n"), tensor(I32, 2), tensor(I32)) == ["f32[?, ?]"]
    assert infer("GatherV2", TensorType(F32, None), tensor(I32, 2), i32(0)) == ["f32[*]"]
    assert infer("GatherNd", tensor(F32, 5, "n", 3), tensor(I32, None, 2)) == ["f32[?, 3]"]
    assert infer("GatherNd", tensor(F32, 5, "n", 3), tensor(I32, 4, None)) == ["f32[*]"]
    assert "no axis 2" in refuse("GatherV2", tensor(F32, 5, 4), tensor(I32, 2), i32(2))
    assert "takes no f32" in refuse("GatherV2", tensor(F32, 5, 4), tensor(F32, 2), i32(0))
    assert "batch dimensions, not 2 and 3" in refuse(
        "GatherV2", tensor(F32, 2, 4), tensor(I32, 3), i32(1), batch_dims=1
    )
    assert "addresses 3 axes of [5, 4]" in refuse("GatherNd", tensor(F32, 5, 4), tensor(I32, 1, 3))


@pytest.mark.parametrize(
    ("kind", "arrays"),
    [
        ("GatherV2", (counted(3), i32([1, 3]), i32(0))),
        ("GatherV2", (counted(3), i32([-1]), i32(0))),
        ("GatherNd", (counted(3, 2), i32([[1, 2]]))),
        ("ScatterNd", (i32([[4]]), counted(1), i32([4]))),
        ("TensorScatterAdd", (counted(3), i32([[3]]), counted(1))),
    ],
)
def test_indices_out_of_range_are_named(kind: str, arrays: tuple[Array, ...]) -> None:
    definition = find(kind)
    assert definition is not None
    assert definition.evaluate is not None
    with pytest.raises(InferenceError, match=r"has the index (3|-1|2|4), out of the range from 0 to \d"):
        definition.evaluate(Op(f"ge.{kind}"), arrays)


def test_negative_indices_where_they_are_allowed(apply: Any) -> None:
    x = counted(4, 2)
    np.testing.assert_array_equal(
        apply("GatherV2", x, i32([-1, 0]), i32(0), negative_index_support=True)[0], x[[-1, 0]]
    )
    (result,) = apply("GatherNd", x, i32([[-1, -2]]), negative_index_support=True)
    assert result.tolist() == [6]


@given(st.integers(1, 4), st.integers(1, 4), st.integers(0, 3), st.data())
def test_single_elements(apply: Any, rows: int, columns: int, taken: int, data: st.DataObject) -> None:
    x = counted(rows, columns)
    axis = data.draw(st.integers(-2, 1))
    extent = x.shape[axis]
    shape = (taken, data.draw(st.integers(0, columns))) if axis in (0, -2) else (data.draw(st.integers(0, rows)), taken)
    flat = data.draw(st.lists(st.integers(-extent, extent - 1), min_size=math.prod(shape), max_size=math.prod(shape)))
    indices = np.array(flat, np.int64).reshape(shape)
    expected = np.zeros(shape, np.float32)
    for a, b in np.ndindex(*shape):
        expected[a, b] = x[indices[a, b], b] if axis in (0, -2) else x[a, indices[a, b]]
    np.testing.assert_array_equal(apply("GatherElements", x, indices, dim=axis)[0], expected)
    np.testing.assert_array_equal(apply("GatherD", x, i32(axis), indices)[0], expected)


REDUCTIONS = {"none": None, "add": np.add, "mul": np.multiply, "max": np.maximum, "min": np.minimum}


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_scatters_single_elements(apply: Any, reduction: str) -> None:
    x, updates = counted(3, 4), counted(2, 4) * 3 + 1
    indices = np.array([[0, 2, 1, 0], [2, -1, 1, 0]], np.int64)
    expected = x.copy()
    combine = REDUCTIONS[reduction]
    for a, b in np.ndindex(2, 4):
        place = indices[a, b], b
        expected[place] = updates[a, b] if combine is None else combine(expected[place], updates[a, b])
    (result,) = apply("ScatterElements", x, indices, updates, axis=0, reduction=reduction)
    np.testing.assert_array_equal(result, expected)


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3), st.integers(-4, 4)), max_size=8))
def test_scatters_rows(apply: Any, rows: list[tuple[int, int, int]]) -> None:
    indices = np.array([row[:2] for row in rows], np.int64).reshape(-1, 2)
    updates = np.array([row[2] for row in rows], np.int32)[:, None].repeat(2, 1)
    expected = np.zeros((3, 4, 2), np.int32)
    for a, b, number in rows:
        expected[a, b] += number
    np.testing.assert_array_equal(apply("ScatterNd", indices, updates, np.array([3, 4, 2]))[0], expected)
    base = counted(3, 4, 2).astype(np.int32)
    np.testing.assert_array_equal(apply("TensorScatterAdd", base, indices, updates)[0], base + expected)
    np.testing.assert_array_equal(apply("TensorScatterSub", base, indices, updates)[0], base - expected)


def test_scatters_numbers_of_16_bits(apply: Any) -> None:
    for dtype in (np.float16, ml_dtypes.bfloat16):
        updates = np.array([1, 2, 3], dtype)
        assert apply("ScatterNd", i32([[0], [2], [0]]), updates, i32([3]))[0].tolist() == [4, 0, 2]


def test_scatters_without_an_index_address_everything(apply: Any) -> None:
    updates = counted(2, 3)
    (result,) = apply("ScatterNd", np.zeros((2, 0), np.int32), updates, i32([3]))
    np.testing.assert_array_equal(result, updates.sum(0))


def test_an_operand_is_never_changed(apply: Any) -> None:
    x = counted(3)
    x.flags.writeable = False
    for kind in ("TensorScatterUpdate", "TensorScatterMax"):
        apply(kind, x, i32([[0]]), counted(1) + 9)
    apply("InplaceUpdate", x, i32([0]), counted(1) + 9)


def test_scatters_of_unknown_dimensions(infer: Any, refuse: Any) -> None:
    assert infer("ScatterNd", tensor(I32, None, 1), tensor(F32, None, 3), i32([5, 3])) == ["f32[5, 3]"]
    assert infer("ScatterNd", tensor(I32, None, 1), tensor(F32, None, 3), tensor(I32, 2)) == ["f32[?, ?]"]
    assert infer("TensorScatterAdd", tensor(F32, "n"), tensor(I32, 2, 1), tensor(F32, 2)) == ["f32[n]"]
    text = refuse("ScatterNd", tensor(I32, 4, 1), tensor(F32, 4, 2), i32([5, 3]))
    assert text == "ScatterNd needs equal updates and slices, not 3 and 2"
    assert "updates and slices" in refuse("TensorScatterAdd", tensor(F32, 5), tensor(I32, 2, 1), tensor(F32, 3))


@given(st.lists(st.integers(-2, 4), max_size=5), st.integers(0, 4), st.integers(-1, 1))
def test_one_hot_rows(apply: Any, classes: list[int], depth: int, axis: int) -> None:
    (result,) = apply("OneHot", np.array(classes, np.int64), i32(depth), np.float32(1), np.float32(0), axis=axis)
    rows = np.moveaxis(result, axis, 1)
    assert rows.tolist() == [[float(place == class_) for place in range(depth)] for class_ in classes]


def test_one_hot_rows_of_unknown_dimensions(infer: Any, refuse: Any) -> None:
    assert infer("OneHot", tensor(I32, "n", 2), i32(5), tensor(F32), tensor(F32), axis=1) == ["f32[n, 5, 2]"]
    assert infer("OneHot", tensor(I32, "n"), tensor(I32), tensor(F32), tensor(F32)) == ["f32[n, ?]"]
    assert "one element type" in refuse("OneHot", tensor(I32, 2), i32(5), tensor(F32), tensor(I32))
    assert "depth -1" in refuse("OneHot", tensor(I32, 2), i32(-1), tensor(F32), tensor(F32))


# -- extents that depend on numbers


@given(st.lists(st.integers(0, 3), max_size=3).map(tuple), st.randoms())
def test_places_of_what_is_not_zero(apply: Any, shape: tuple[int, ...], random: Any) -> None:
    x = np.array([random.randrange(2) for _ in range(math.prod(shape))], bool).reshape(shape)
    expected = [list(place) for place in product(*map(range, shape)) if x[place]]
    assert apply("Where", x)[0].tolist() == expected
    assert apply("NonZero", x, dtype=I32)[0].tolist() == expected
    assert apply("NonZero", x, transpose=True)[0].T.tolist() == expected
    y = counted(*shape)
    assert apply("MaskedSelect", y, x)[0].tolist() == y[x].tolist()
    np.testing.assert_array_equal(apply("MaskedFill", y, x, np.float32(-1))[0], np.where(x, np.float32(-1), y))


@given(st.lists(st.integers(0, 4), max_size=8))
def test_what_is_different_in_the_order_it_comes(apply: Any, numbers: list[int]) -> None:
    values, places, counts = apply("UniqueWithCounts", np.array(numbers, np.int32), out_idx=I64)
    different = list(dict.fromkeys(numbers))
    assert values.tolist() == different
    assert places.tolist() == [different.index(number) for number in numbers]
    assert counts.tolist() == [numbers.count(number) for number in different]


@given(st.lists(st.integers(0, 2), max_size=6))
def test_stitching_undoes_parting(apply: Any, partitions: list[int]) -> None:
    x = counted(len(partitions), 2)
    part = np.array(partitions, np.int32)
    parts = apply("DynamicPartition", x, part, num_partitions=3)
    indices = apply("DynamicPartition", np.arange(len(partitions), dtype=np.int32), part, num_partitions=3)
    np.testing.assert_array_equal(apply("DynamicStitch", *indices, *parts, N=3)[0], x)


def test_stitches_of_unknown_dimensions(infer: Any, refuse: Any) -> None:
    assert infer("DynamicStitch", i32([4, 0]), tensor(F32, 2, "n"), N=1) == ["f32[5, n]"]
    assert infer("DynamicStitch", tensor(I32, 2), tensor(F32, 2, "n"), N=1) == ["f32[?, n]"]
    assert infer("DynamicPartition", tensor(F32, 4, "n"), tensor(I32, 4), num_partitions=2) == ["f32[?, n]"] * 2
    assert "leading dimensions" in refuse("DynamicPartition", tensor(F32, 4), tensor(I32, 5), num_partitions=2)
    assert infer("Where", tensor(F32, 4, None)) == ["i64[?, 2]"]
    assert infer("Unique", tensor(F32, "n")) == ["f32[?]", "i32[n]"]


@given(st.lists(st.tuples(st.integers(-1, 3), st.integers(-5, 5)), max_size=8))
def test_segments_against_loops(apply: Any, rows: list[tuple[int, int]]) -> None:
    ids = np.array([row[0] for row in rows], np.int32)
    x = np.array([row[1] for row in rows], np.int32)
    groups = [[number for id_, number in rows if id_ == segment] for segment in range(4)]
    low, high = np.iinfo(np.int32).min, np.iinfo(np.int32).max
    folds: dict[str, list[int]] = {
        "UnsortedSegmentSum": [sum(group) for group in groups],
        "UnsortedSegmentProd": [math.prod(group) for group in groups],
        "UnsortedSegmentMax": [max(group, default=low) for group in groups],
        "UnsortedSegmentMin": [min(group, default=high) for group in groups],
    }
    for kind, expected in folds.items():
        assert apply(kind, x, ids, i32(4))[0].tolist() == expected
    order = np.argsort(ids[ids >= 0], kind="stable")
    (sums,) = apply("SegmentSum", x[ids >= 0][order], ids[ids >= 0][order])
    assert sums.tolist() == folds["UnsortedSegmentSum"][: ids.max(initial=-1) + 1]


def test_segments_of_unknown_dimensions(infer: Any, refuse: Any) -> None:
    assert infer("UnsortedSegmentSum", tensor(F32, "n", 3), tensor(I32, "n"), i32(5)) == ["f32[5, 3]"]
    assert infer("UnsortedSegmentSum", tensor(F32, "n", 3), tensor(I32, "n"), tensor(I32)) == ["f32[?, 3]"]
    assert infer("SegmentSum", tensor(F32, 3, "n"), i32([0, 1, 1])) == ["f32[2, n]"]
    assert infer("SegmentSum", tensor(F32, 3, "n"), tensor(I32, 3)) == ["f32[?, n]"]
    assert "ascending order" in refuse("SegmentSum", tensor(F32, 2), i32([1, 0]))
    assert "segment ids, not 2 and 3" in refuse("SegmentSum", tensor(F32, 2), tensor(I32, 3))
    assert "cannot have -1 segments" in refuse("UnsortedSegmentSum", tensor(F32, 2), tensor(I32, 2), i32(-1))


@given(st.lists(st.integers(0, 6), max_size=8), st.integers(0, 5))
def test_counting_numbers(apply: Any, numbers: list[int], size: int) -> None:
    expected = [numbers.count(number) for number in range(size)]
    none = np.zeros(0, np.int32)
    assert apply("Bincount", np.array(numbers, np.int32), i32(size), none)[0].tolist() == expected
    assert apply("DenseBincount", np.array([numbers] * 2, np.int64), np.int64(size), none)[0].tolist() == [expected] * 2


@given(st.integers(0, 3), st.lists(st.integers(0, 3), min_size=2, max_size=2), st.integers(0, 1))
def test_repeating_elements(apply: Any, times: int, repeats: list[int], axis: int) -> None:
    x = counted(2, 2)
    np.testing.assert_array_equal(apply("RepeatInterleave", x, i32(repeats), axis=axis)[0], np.repeat(x, repeats, axis))
    np.testing.assert_array_equal(apply("RepeatInterleave", x, i32([times]))[0], np.repeat(x, times))


@given(st.lists(st.integers(-3, 3), max_size=6), st.lists(st.integers(-4, 4), max_size=4), st.booleans())
def test_searching_in_order(apply: Any, numbers: list[int], wanted: list[int], right: bool) -> None:
    row, values = np.sort(np.array(numbers, np.float32)), np.array(wanted, np.float32)
    expected = [sum(number < value or (right and number == value) for number in numbers) for value in wanted]
    assert apply("SearchSorted", row, values, right=right, dtype=I32)[0].tolist() == expected
    many = apply("SearchSorted", np.stack([row, row]), np.stack([values, values]), right=right)[0]
    assert many.tolist() == [expected, expected]
    order = np.argsort(np.array(numbers, np.float32))
    assert apply("SearchSorted", np.array(numbers, np.float32), values, order, right=right)[0].tolist() == expected
    edges = tuple(map(float, row))
    assert apply("Bucketize", values, boundaries=edges, right=right)[0].tolist() == expected


def test_boundaries_are_in_order(refuse: Any) -> None:
    assert "in order" in refuse("Bucketize", tensor(F32, 2), boundaries=(2.0, 1.0))
