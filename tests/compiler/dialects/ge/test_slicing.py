"""Cutting, padding and turning, against numpy's own indexing, and what is inferred of unknown dimensions."""

from __future__ import annotations

import math
from types import EllipsisType
from typing import Any, TypeAlias

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from modelc.ir.types import F32, I32, TensorType, tensor

Array = NDArray[Any]
Index: TypeAlias = "int | slice[Any, Any, Any] | EllipsisType | None"

SHAPES = st.lists(st.integers(0, 4), min_size=1, max_size=4).map(tuple)


def i32(*numbers: Any) -> Array:
    return np.array(numbers[0] if len(numbers) == 1 else numbers, np.int32)


def counted(*shape: int) -> Array:
    return np.arange(math.prod(shape), dtype=np.float32).reshape(shape)


def encode(index: list[Index]) -> tuple[list[Array], dict[str, int]]:
    """Return begin, end and strides with the masks that say what `index` says."""
    rows: list[tuple[int, int, int]] = []
    masks = dict.fromkeys(("begin_mask", "end_mask", "ellipsis_mask", "new_axis_mask", "shrink_axis_mask"), 0)
    for place, item in enumerate(index):
        bit = 1 << place
        if item is None or item is Ellipsis:
            masks["new_axis_mask" if item is None else "ellipsis_mask"] |= bit
            rows.append((7, -7, 3))
        elif isinstance(item, int):
            masks["shrink_axis_mask"] |= bit
            rows.append((item, 0, 1))
        elif isinstance(item, slice):
            masks["begin_mask"] |= bit * (item.start is None)
            masks["end_mask"] |= bit * (item.stop is None)
            rows.append((item.start or 0, item.stop or 0, item.step or 1))
    columns = np.array(rows, np.int32).reshape(-1, 3)
    return [columns[:, 0], columns[:, 1], columns[:, 2]], masks


@st.composite
def indexed(draw: st.DrawFn) -> tuple[tuple[int, ...], list[Index]]:
    shape = draw(SHAPES)
    index: list[Index] = []
    dotted = False
    for extent in shape:
        if draw(st.integers(0, 5)) == 0:
            index.append(None)
        if not dotted and draw(st.integers(0, 5)) == 0:
            index.append(...)
            dotted = True
        if extent and draw(st.integers(0, 3)) == 0:
            index.append(draw(st.integers(-extent, extent - 1)))
        else:
            bound = st.none() | st.integers(-6, 6).filter(bool)
            index.append(slice(draw(bound), draw(bound), draw(st.sampled_from((None, 1, 2, 3, -1, -2)))))
    if dotted and draw(st.booleans()):
        place = index.index(...)
        del index[place + 1 : place + 2]
    return shape, index[: draw(st.integers(0, len(index)))]


@given(indexed())
def test_slices_as_numpy_does(apply: Any, case: tuple[tuple[int, ...], list[Index]]) -> None:
    shape, index = case
    x = counted(*shape)
    bounds, masks = encode(index)
    try:
        expected = x[tuple(index)]
    except IndexError:
        return
    np.testing.assert_array_equal(apply("StridedSlice", x, *bounds, **masks)[0], expected)


@given(SHAPES, st.data())
def test_slices_named_axes(apply: Any, shape: tuple[int, ...], data: st.DataObject) -> None:
    x = counted(*shape)
    axes = data.draw(st.lists(st.integers(0, len(shape) - 1), unique=True, min_size=1, max_size=len(shape)))
    bound = st.integers(-5, 5)
    cuts = [(data.draw(bound), data.draw(bound), data.draw(st.sampled_from((1, 2, -1)))) for _ in axes]
    begin, end, strides = (np.array(column, np.int64) for column in zip(*cuts, strict=True))
    expected = x
    for axis, (first, last, step) in zip(axes, cuts, strict=True):
        places = range(shape[axis])[slice(first, last, step)]
        expected = np.take(expected, np.array(places, np.int64), axis)
    signed = np.array([axis - len(shape) * data.draw(st.booleans()) for axis in axes], np.int64)
    np.testing.assert_array_equal(apply("StridedSliceV2", x, begin, end, signed, strides)[0], expected)
    np.testing.assert_array_equal(apply("StridedSliceV3", x, begin, end, signed, strides)[0], expected)


def test_slices_without_axes_or_strides(apply: Any) -> None:
    x = counted(4, 5)
    np.testing.assert_array_equal(apply("StridedSliceV2", x, i32([1, 0]), i32([3, 2]))[0], x[1:3, :2])
    np.testing.assert_array_equal(apply("StridedSliceV2", x, i32([1]), i32([4]), None, i32([2]))[0], x[1:4:2])
    np.testing.assert_array_equal(apply("StridedSliceV2", x, i32([1]), i32([4]), i32([-1]))[0], x[:, 1:4])
    np.testing.assert_array_equal(apply("SliceLastDim", x, start=1, end=4, stride=2)[0], x[:, 1:4:2])


STRIDED = [
    (("n", 8), ([0, 2], [0, 6], [1, 1]), {"begin_mask": 1, "end_mask": 1}, "f32[n, 4]"),
    (("n", 8), ([0, 2], [0, 6], [-1, 2]), {"begin_mask": 1, "end_mask": 1}, "f32[n, 2]"),
    (("n", 8), ([0], [0], [1]), {"end_mask": 1}, "f32[n, 8]"),
    (("n", 8), ([0], [4], [1]), {}, "f32[?, 8]"),
    (("n", 8), ([3], [3], [1]), {}, "f32[0, 8]"),
    (("n", 8), ([-2], [-1], [1]), {}, "f32[?, 8]"),
    (("n", 8), ([7], [0], [1]), {"shrink_axis_mask": 1}, "f32[8]"),
    (("n", 8), ([0, 0], [0, 0], [1, 1]), {"ellipsis_mask": 1, "new_axis_mask": 2}, "f32[n, 8, 1]"),
    (("n", 8), ([0, 0], [0, 0], [1, 1]), {"ellipsis_mask": 1, "shrink_axis_mask": 2}, "f32[n]"),
    (None, ([0], [1], [1]), {}, "f32[*]"),
]


@pytest.mark.parametrize(("shape", "bounds", "masks", "expected"), STRIDED)
def test_slices_of_unknown_dimensions(
    infer: Any, shape: Any, bounds: Any, masks: dict[str, int], expected: str
) -> None:
    assert infer("StridedSlice", TensorType(F32, shape), *map(i32, bounds), **masks) == [expected]


def test_slices_by_unknown_bounds(infer: Any) -> None:
    unknown = tensor(I32, 2)
    assert infer("StridedSlice", tensor(F32, 4, 5, 6), unknown, unknown, i32([1, 1])) == ["f32[?, ?, 6]"]
    assert infer("StridedSlice", tensor(F32, 4, 5, 6), unknown, unknown, unknown, shrink_axis_mask=2) == ["f32[?, 6]"]
    assert infer("StridedSlice", tensor(F32, 4, 5), *[tensor(I32, None)] * 3) == ["f32[*]"]
    assert infer("StridedSliceV2", tensor(F32, 4, 5), unknown, unknown, i32([1, 0])) == ["f32[?, ?]"]
    assert infer("Slice", tensor(F32, "n", 5), unknown, unknown) == ["f32[?, ?]"]
    assert infer("Slice", tensor(F32, "n", 5), i32([0, 1]), i32([-1, -1])) == ["f32[n, 4]"]
    assert infer("Slice", tensor(F32, "n", 5), tensor(I32, 2), i32([2, -1])) == ["f32[2, ?]"]
    assert infer("Slice", TensorType(F32, None), tensor(I32, 2), tensor(I32, 2)) == ["f32[?, ?]"]


def test_slices_that_do_not_fit(refuse: Any) -> None:
    x = tensor(F32, 4, "n")
    one = i32([1])
    assert refuse("StridedSlice", x, i32([4]), one, one, shrink_axis_mask=1) == (
        "StridedSlice takes element 4 of axis 0, which has 4"
    )
    assert "stride of 0 along axis 0" in refuse("StridedSlice", x, one, one, i32([0]))
    assert "cuts 3 axes of a tensor with 2" in refuse("StridedSlice", x, *[i32([1, 1, 1])] * 3)
    assert "more than one ellipsis" in refuse("StridedSlice", x, *[i32([1, 1])] * 3, ellipsis_mask=3)
    assert "1 begins, 2 ends" in refuse("StridedSlice", x, one, i32([1, 2]), one)
    assert refuse("Slice", x, i32([2, 0]), i32([3, 1])) == "Slice cannot take 3 elements from 2 on out of 4"
    assert "start at 5 in an axis of extent 4" in refuse("Slice", x, i32([5, 0]), i32([-1, 1]))
    assert "needs 2 starts and sizes, not 1 and 1" in refuse("Slice", x, one, one)
    assert "from -1 on" in refuse("Slice", x, i32([-1, 0]), i32([1, 1]))


@given(SHAPES, st.data())
def test_a_slice_is_a_block(apply: Any, shape: tuple[int, ...], data: st.DataObject) -> None:
    x = counted(*shape)
    starts = [data.draw(st.integers(0, extent)) for extent in shape]
    sizes = [data.draw(st.integers(-1, extent - start)) for extent, start in zip(shape, starts, strict=True)]
    (result,) = apply("Slice", x, i32(starts), i32(sizes))
    ends = [extent if size < 0 else start + size for extent, start, size in zip(shape, starts, sizes, strict=True)]
    np.testing.assert_array_equal(result, x[tuple(map(slice, starts, ends))])


# -- padding


@given(SHAPES, st.data())
def test_padding_as_numpy_does(apply: Any, shape: tuple[int, ...], data: st.DataObject) -> None:
    x = counted(*shape)
    pads = [(data.draw(st.integers(0, 3)), data.draw(st.integers(0, 3))) for _ in shape]
    value = np.float32(7)
    expected = np.pad(x, pads, constant_values=7)
    np.testing.assert_array_equal(apply("PadV2", x, i32(pads), value)[0], expected)
    np.testing.assert_array_equal(apply("PadV3", x, i32(pads), value)[0], expected)
    np.testing.assert_array_equal(apply("Pad", x, np.array(pads, np.int64))[0], np.pad(x, pads))
    apart = np.array(pads, np.int64).T.reshape(-1)
    np.testing.assert_array_equal(apply("PadV3", x, apart, None, paddings_contiguous=False)[0], np.pad(x, pads))
    if all(shape):
        np.testing.assert_array_equal(apply("PadV3", x, i32(pads), mode="edge")[0], np.pad(x, pads, mode="edge"))
    for mode, less in (("REFLECT", 1), ("SYMMETRIC", 0)):
        limited = [
            tuple(min(pad, max(extent - less, 0)) for pad in pair) for extent, pair in zip(shape, pads, strict=True)
        ]
        if all(shape):
            expected = np.pad(x, limited, mode=mode.lower())  # type: ignore[call-overload]
            np.testing.assert_array_equal(apply("MirrorPad", x, i32(limited), mode=mode)[0], expected)


def test_negative_padding_crops_in_one_form_only(apply: Any, refuse: Any) -> None:
    x = counted(5)
    np.testing.assert_array_equal(apply("PadV3", x, i32([[-2, 1]]))[0], [2, 3, 4, 0])
    assert refuse("Pad", tensor(F32, 5), i32([[-2, 1]])) == "Pad cannot pad an axis by -2 and 1"


def test_padding_of_unknown_dimensions(infer: Any, refuse: Any) -> None:
    assert infer("Pad", tensor(F32, "n", 3, None), i32([[0, 0], [1, 2], [0, 1]])) == ["f32[n, 6, ?]"]
    assert infer("Pad", tensor(F32, "n", 3), tensor(I32, 2, 2)) == ["f32[?, ?]"]
    assert infer("Pad", TensorType(F32, None), i32([[0, 0], [1, 2]])) == ["f32[?, ?]"]
    assert "2 paddings for each of 2 dimensions, not 2" in refuse("Pad", tensor(F32, 2, 3), i32([[0, 0]]))
    assert "extent 3 by 3 and 0 (REFLECT)" in refuse("MirrorPad", tensor(F32, 3), i32([[3, 0]]), mode="REFLECT")
    assert "has no mode `wrap`" in refuse("PadV3", tensor(F32, 3), i32([[3, 0]]), mode="wrap")
    assert "one number to pad with" in refuse("PadV2", tensor(F32, 3), i32([[3, 0]]), tensor(F32, 2))


# -- turning around


@given(SHAPES, st.data())
def test_reversing_and_rolling_as_numpy_does(apply: Any, shape: tuple[int, ...], data: st.DataObject) -> None:
    x = counted(*shape)
    axes = data.draw(st.lists(st.integers(0, len(shape) - 1), unique=True))
    np.testing.assert_array_equal(apply("ReverseV2", x, np.array(axes, np.int32))[0], np.flip(x, tuple(axes)))
    places = data.draw(st.lists(st.integers(-len(shape), len(shape) - 1), max_size=3))
    shifts = [data.draw(st.integers(-5, 5)) for _ in places]
    expected = np.roll(x, shifts, places) if places else x
    np.testing.assert_array_equal(
        apply("RollV2", x, np.array(shifts, np.int32), np.array(places, np.int32))[0], expected
    )
    if places:
        np.testing.assert_array_equal(apply("Roll", x, shifts=tuple(shifts), dims=tuple(places))[0], expected)


@given(st.integers(1, 4), st.integers(0, 5), st.data())
def test_reversing_sequences(apply: Any, batch: int, extent: int, data: st.DataObject) -> None:
    x = counted(2, extent, batch)
    lengths = [data.draw(st.integers(0, extent)) for _ in range(batch)]
    expected = x.copy()
    for place, length in enumerate(lengths):
        expected[:, :length, place] = x[:, :length, place][:, ::-1]
    (result,) = apply("ReverseSequence", x, np.array(lengths, np.int64), seq_dim=1, batch_dim=-1)
    np.testing.assert_array_equal(result, expected)


def test_turns_that_do_not_fit(refuse: Any) -> None:
    x = tensor(F32, 2, 3)
    assert "one axis twice" in refuse("ReverseV2", x, i32([0, -2]))
    assert "no axis 2" in refuse("RollV2", x, i32([1]), i32([2]))
    assert "lengths, not 2 and 3" in refuse("ReverseSequence", x, tensor(I32, 3), seq_dim=1)
    assert "along one axis" in refuse("ReverseSequence", x, tensor(I32, 2), seq_dim=0)


# -- blocks


@given(st.lists(st.tuples(st.integers(1, 3), st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=3), st.data())
def test_space_comes_back_from_batch(apply: Any, axes: list[tuple[int, int, int]], data: st.DataObject) -> None:
    blocks = [block for block, _, _ in axes]
    pads = [[before, after] for _, before, after in axes]
    extents = [
        block * data.draw(st.integers(-(-(before + after) // block), 4)) - before - after
        for block, before, after in axes
    ]
    x = counted(2, *extents, 3)
    (there,) = apply("SpaceToBatchND", x, i32(blocks), i32(pads))
    (back,) = apply("BatchToSpaceND", there, i32(blocks), i32(pads))
    np.testing.assert_array_equal(back, x)


@pytest.mark.parametrize("layout", ["NHWC", "NCHW"])
def test_space_comes_back_from_depth(apply: Any, layout: str) -> None:
    x = counted(2, 4, 6, 3) if layout == "NHWC" else counted(2, 3, 4, 6)
    (there,) = apply("SpaceToDepth", x, block_size=2, data_format=layout)
    assert there.shape == ((2, 2, 3, 12) if layout == "NHWC" else (2, 12, 2, 3))
    np.testing.assert_array_equal(apply("DepthToSpace", there, block_size=2, data_format=layout)[0], x)


def test_depth_with_the_channels_first(apply: Any) -> None:
    x = counted(1, 4, 1, 1)
    (depth_first,) = apply("DepthToSpace", x.repeat(2, 1), block_size=2, mode="DCR", data_format="NCHW")
    (channel_first,) = apply("DepthToSpace", x.repeat(2, 1), block_size=2, mode="CRD", data_format="NCHW")
    assert depth_first.reshape(2, 4).tolist() == [[0, 1, 2, 3], [0, 1, 2, 3]]
    assert channel_first.reshape(2, 4).tolist() == [[0, 0, 1, 1], [2, 2, 3, 3]]


def test_blocks_of_unknown_dimensions(infer: Any, refuse: Any) -> None:
    x = tensor(F32, "n", 4, None, 12)
    assert infer("SpaceToBatchND", x, i32([2]), i32([[0, 0]])) == ["f32[?, 2, ?, 12]"]
    assert infer("SpaceToBatchND", x, i32([1]), i32([[1, 1]])) == ["f32[n, 6, ?, 12]"]
    assert infer("BatchToSpaceND", x, i32([2, 1]), i32([[1, 0], [0, 0]])) == ["f32[?, 7, ?, 12]"]
    assert infer("BatchToSpaceND", x, tensor(I32, 2), tensor(I32, 2, 2)) == ["f32[?, ?, ?, ?]"]
    assert infer("DepthToSpace", x, block_size=2) == ["f32[n, 8, ?, 3]"]
    assert infer("SpaceToDepth", x, block_size=2) == ["f32[n, 2, ?, 48]"]
    assert "an extent of 4 into blocks of 3" in refuse("SpaceToBatchND", x, i32([3]), i32([[0, 0]]))
    assert "an extent of 12 into blocks of 25" in refuse("DepthToSpace", x, block_size=5)
    assert "crop 9 and 0 from an extent of 8" in refuse("BatchToSpaceND", x, i32([2]), i32([[9, 0]]))
    assert "blocks of [2, 2]" in refuse("SpaceToBatchND", tensor(F32, 2, 4), i32([2, 2]), i32([[0, 0], [0, 0]]))
