"""Reshaping, making, joining and splitting: laws of the numbers, and what is inferred of unknown dimensions."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from modelc.dialects.ge.dtypes import cpp_number
from modelc.ir.types import F32, I32, I64, TensorType, tensor

Array = NDArray[Any]

SHAPES = st.lists(st.integers(0, 4), max_size=4).map(tuple)


def i32(*numbers: Any) -> Array:
    return np.array(numbers[0] if len(numbers) == 1 else numbers, np.int32)


def counted(*shape: int) -> Array:
    return np.arange(math.prod(shape), dtype=np.float32).reshape(shape)


@st.composite
def reshapes(draw: st.DrawFn) -> tuple[tuple[int, ...], tuple[int, ...]]:
    factors = draw(st.lists(st.sampled_from((1, 2, 3)), max_size=6))
    shapes = []
    for _ in range(2):
        order = draw(st.permutations(factors))
        cuts = sorted(draw(st.lists(st.integers(0, len(factors)), max_size=4)))
        bounds = [0, *cuts, len(factors)]
        shapes.append(tuple(math.prod(order[a:b]) for a, b in pairwise(bounds)))
    return shapes[0], shapes[1]


@given(reshapes(), st.data())
def test_a_reshape_keeps_the_elements_in_order(
    apply: Any, shapes: tuple[tuple[int, ...], tuple[int, ...]], data: st.DataObject
) -> None:
    shape, wanted = shapes
    x = counted(*shape)
    element = data.draw(st.sampled_from((np.int32, np.int64)))
    asked = list(wanted)
    if data.draw(st.booleans()) and asked:
        asked[data.draw(st.integers(0, len(asked) - 1))] = -1
    (result,) = apply("Reshape", x, np.array(asked, element))
    assert result.shape == wanted
    assert result.reshape(-1).tolist() == x.reshape(-1).tolist()


RESHAPES = [
    (("n", 7, 7), [-1, 49], "f32[n, 49]"),
    (("n", 7, 7), [-1, 7, 7], "f32[n, 7, 7]"),
    ((None, 7, 7), [-1, 49], "f32[?, 49]"),
    ((None, 7, 7), [2, -1], "f32[2, ?]"),
    (("n", "m", 4), [-1, 4], "f32[?, 4]"),
    (("n", 8), [-1, 4], "f32[?, 4]"),
    ((0, 8), [0, 5], "f32[0, 5]"),
    ((), [1, 1], "f32[1, 1]"),
    (None, [2, -1], "f32[2, ?]"),
]


@pytest.mark.parametrize(("shape", "wanted", "expected"), RESHAPES)
def test_a_reshape_of_unknown_dimensions(infer: Any, shape: Any, wanted: list[int], expected: str) -> None:
    assert infer("Reshape", TensorType(F32, shape), i32(wanted)) == [expected]


def test_a_reshape_to_an_unknown_shape_has_a_known_rank(infer: Any) -> None:
    assert infer("Reshape", tensor(F32, 2, 3), tensor(I32, 3)) == ["f32[?, ?, ?]"]
    assert infer("Reshape", tensor(F32, 2, 3), tensor(I32, None)) == ["f32[*]"]
    assert infer("Reshape", tensor(F32, 6), tensor(I32, 1)) == ["f32[6]"]


def test_a_reshape_of_some_axes(apply: Any, infer: Any) -> None:
    x = counted(2, 3, 4, 5)
    assert apply("Reshape", x, i32([-1, 2]), axis=1, num_axes=2)[0].shape == (2, 6, 2, 5)
    assert apply("Reshape", x, i32([20]), axis=2)[0].shape == (2, 3, 20)
    assert apply("Reshape", x, i32([7 // 7]), axis=-1)[0].shape == (2, 3, 4, 5, 1)
    assert infer("Reshape", tensor(F32, "n", 3, 4), i32([12]), axis=1) == ["f32[n, 12]"]


@pytest.mark.parametrize(
    ("shape", "wanted", "text"),
    [
        ((2, 3), [4, 2], "Reshape cannot give the 6 elements of [2, 3] the shape [4, 2]"),
        ((2, 3), [4, -1], "Reshape cannot give the 6 elements of [2, 3] the shape [4, -1]"),
        ((0, 3), [0, -1], "Reshape cannot give the 0 elements of [0, 3] the shape [0, -1]"),
        ((2, 3), [-1, -1], "Reshape has no shape [-1, -1]: one dimension may be -1, the others count"),
    ],
)
def test_reshapes_that_do_not_fit(refuse: Any, shape: Any, wanted: Any, text: str) -> None:
    assert refuse("Reshape", TensorType(F32, shape), i32(wanted)) == text


def test_a_demanded_shape_adds_to_what_is_known(apply: Any, refuse: Any, infer: Any) -> None:
    assert apply("EnsureShape", counted(2, 3), shape=(-1, 3))[0].shape == (2, 3)
    assert refuse("EnsureShape", tensor(F32, 2, "n"), shape=(3, -1)) == (
        "EnsureShape demands the shape [3, -1], it is given f32[2, n]"
    )
    assert infer("EnsureShape", tensor(F32, 2, None), shape=(-1, 5)) == ["f32[2, 5]"]
    assert infer("EnsureShape", TensorType(F32, None), shape=(-1, 5)) == ["f32[?, 5]"]


@given(SHAPES, st.data())
def test_squeezing_undoes_expanding(apply: Any, shape: tuple[int, ...], data: st.DataObject) -> None:
    x = counted(*shape)
    axis = data.draw(st.integers(-len(shape) - 1, len(shape)))
    (expanded,) = apply("ExpandDims", x, i32(axis))
    assert expanded.shape == np.expand_dims(x, axis).shape
    (squeezed,) = apply("Squeeze", expanded, axis=(axis,))
    np.testing.assert_array_equal(squeezed, x)
    for kind, name in (("Unsqueeze", "axes"), ("UnsqueezeV2", "axis")):
        np.testing.assert_array_equal(apply(kind, x, **{name: (axis,)})[0], expanded)
    np.testing.assert_array_equal(apply("UnsqueezeV3", x, i32([axis]))[0], expanded)
    np.testing.assert_array_equal(apply("SqueezeV3", expanded, i32([axis]))[0], x)


def test_squeezing_everything_needs_known_extents(infer: Any, refuse: Any) -> None:
    assert infer("Squeeze", tensor(F32, 1, 3, 1)) == ["f32[3]"]
    assert infer("Squeeze", tensor(F32, 1, "n", 1)) == ["f32[*]"]
    assert infer("Squeeze", tensor(F32, 1, "n", 1), axis=(0, -1)) == ["f32[n]"]
    assert "not of extent 1" in refuse("Squeeze", tensor(F32, 2, 1), axis=(0,))
    assert "no axis 2" in refuse("Squeeze", tensor(F32, 2, 1), axis=(2,))
    assert "twice" in refuse("Unsqueeze", tensor(F32, 2), axes=(0, 0))


@given(SHAPES, st.data())
def test_flattening(apply: Any, shape: tuple[int, ...], data: st.DataObject) -> None:
    x = counted(*shape)
    axis = data.draw(st.integers(-len(shape), len(shape)))
    (result,) = apply("Flatten", x, axis=axis)
    place = axis + len(shape) if axis < 0 else axis
    assert result.shape == (math.prod(shape[:place]), math.prod(shape[place:]))
    if len(shape) > 1:
        first = data.draw(st.integers(0, len(shape) - 1))
        last = data.draw(st.integers(first, len(shape) - 1))
        (result,) = apply("FlattenV2", x, axis=first, end_axis=last - len(shape))
        assert result.shape == (*shape[:first], math.prod(shape[first : last + 1]), *shape[last + 1 :])


@given(SHAPES, st.randoms())
def test_transposing_there_and_back(apply: Any, shape: tuple[int, ...], random: Any) -> None:
    x = counted(*shape)
    order = list(range(len(shape)))
    random.shuffle(order)
    (there,) = apply("Transpose", x, i32(order))
    assert there.shape == tuple(shape[axis] for axis in order)
    (inverse,) = apply("InvertPermutation", i32(order))
    np.testing.assert_array_equal(apply("Transpose", there, inverse)[0], x)


def test_transposes_of_unknown_dimensions(infer: Any, refuse: Any) -> None:
    assert infer("Transpose", tensor(F32, "n", 2, None), i32([2, 0, 1])) == ["f32[?, n, 2]"]
    assert infer("Transpose", tensor(F32, "n", 2, None), tensor(I32, 3)) == ["f32[?, ?, ?]"]
    assert infer("Transpose", TensorType(F32, None), tensor(I32, 3)) == ["f32[?, ?, ?]"]
    assert refuse("Transpose", tensor(F32, 2, 3), i32([0, 0])) == "Transpose cannot order 2 dimensions as [0, 0]"


def test_shapes_of_partly_known_tensors(infer: Any, refuse: Any) -> None:
    assert infer("Shape", tensor(F32, "n", None, 3)) == ["i32[3]"]
    assert infer("Shape", TensorType(F32, None), dtype=cpp_number(I64)) == ["i64[?]"]
    assert infer("ShapeN", tensor(F32, "n"), TensorType(F32, None)) == ["i32[1]", "i32[?]"]
    assert infer("Size", tensor(F32, "n"), dtype=9) == ["i64[]"]
    assert infer("Rank", TensorType(F32, None)) == ["i32[]"]
    assert "counts in i32 or i64" in refuse("Shape", tensor(F32, 2), dtype=cpp_number(F32))


def test_conjugates_and_joined_shapes(apply: Any) -> None:
    x = np.array([[1 + 2j, 3]], np.complex64)
    assert apply("ConjugateTranspose", x, i32([1, 0]))[0].tolist() == [[1 - 2j], [3]]
    assert apply("GetShape", counted(2, 3), counted(4))[0].tolist() == [2, 3, 4]


def test_the_same_value_in_any_type(infer: Any) -> None:
    assert infer("Identity", tensor(F32, "n", None)) == ["f32[n, ?]"]
    assert infer("IdentityN", tensor(F32, "n"), tensor(I32)) == ["f32[n]", "i32[]"]


# -- making


@given(SHAPES)
def test_filling(apply: Any, shape: tuple[int, ...]) -> None:
    (result,) = apply("Fill", np.array(shape, np.int64), np.float32(3))
    assert result.shape == shape
    assert (result == 3).all()
    assert apply("FillV2", np.array(shape, np.int32), value=2.5)[0].tolist() == np.full(shape, 2.5).tolist()
    assert apply("Empty", np.array(shape, np.int32), dtype=9)[0].dtype == np.int64


def test_impossible_shapes_are_refused(refuse: Any, infer: Any) -> None:
    assert refuse("Fill", i32([2, -1]), tensor(F32)) == "Fill cannot have the shape [2, -1]"
    assert infer("Fill", tensor(I32, 2), tensor(F32)) == ["f32[?, ?]"]
    assert infer("Fill", tensor(I32, None), tensor(F32)) == ["f32[*]"]
    assert "cannot count" in refuse("Range", i32(0), i32(5), i32(0))
    assert "elements" in refuse("Range", *(np.array(number) for number in (0, 1 << 60, 1)))
    assert "cannot have 0 elements" in refuse("LinSpace", tensor(F32), tensor(F32), i32(0))


@given(st.integers(-9, 9), st.integers(-9, 9), st.integers(-4, 4).filter(bool))
def test_counting(apply: Any, start: int, limit: int, delta: int) -> None:
    (result,) = apply("Range", i32(start), i32(limit), i32(delta))
    assert result.tolist() == list(range(start, limit, delta))


def test_an_eye(apply: Any) -> None:
    (result,) = apply("Eye", num_rows=2, num_columns=3, batch_shape=(2,), dtype=cpp_number(I32))
    np.testing.assert_array_equal(result, np.stack([np.eye(2, 3, dtype=np.int32)] * 2))


@given(SHAPES, SHAPES)
def test_expanding_as_numpy_broadcasts(apply: Any, shape: tuple[int, ...], wanted: tuple[int, ...]) -> None:
    try:
        expected = np.broadcast_shapes(shape, wanted)
    except ValueError:
        return
    assert apply("Expand", counted(*shape), i32(wanted).reshape(-1))[0].shape == expected
    (args,) = apply("BroadcastArgs", np.array(shape, np.int32), np.array(wanted, np.int32))
    assert tuple(args) == expected


# -- joining and splitting


@given(
    st.lists(st.integers(0, 3), min_size=1, max_size=4), st.lists(st.integers(0, 3), min_size=1, max_size=4), st.data()
)
def test_splitting_undoes_joining(apply: Any, shape: list[int], sizes: list[int], data: st.DataObject) -> None:
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    parts = []
    for index, size in enumerate(sizes):
        shape[axis] = size
        parts.append(counted(*shape) + 100 * index)
    (joined,) = apply("ConcatV2", *parts, i32(axis), N=len(parts))
    np.testing.assert_array_equal(joined, np.concatenate(parts, axis))
    np.testing.assert_array_equal(apply("Concat", i32(axis), *parts, N=len(parts))[0], joined)
    hidden = list(sizes)
    if data.draw(st.booleans()):
        hidden[data.draw(st.integers(0, len(sizes) - 1))] = -1
    for part, original in zip(
        apply("SplitV", joined, i32(hidden), i32(axis), num_split=len(sizes)), parts, strict=True
    ):
        np.testing.assert_array_equal(part, original)


@given(st.lists(st.integers(0, 3), max_size=3), st.integers(1, 4), st.data())
def test_unpacking_undoes_packing(apply: Any, shape: list[int], count: int, data: st.DataObject) -> None:
    axis = data.draw(st.integers(-len(shape) - 1, len(shape)))
    parts = [counted(*shape) + 100 * index for index in range(count)]
    (packed,) = apply("Pack", *parts, axis=axis, N=count)
    np.testing.assert_array_equal(packed, np.stack(parts, axis))
    for part, original in zip(apply("Unpack", packed, axis=axis, num=count), parts, strict=True):
        np.testing.assert_array_equal(part, original)


def test_joins_of_unknown_dimensions(infer: Any, refuse: Any) -> None:
    assert infer("ConcatV2", tensor(F32, "n", 2), tensor(F32, None, 3), i32(1)) == ["f32[n, 5]"]
    assert infer("ConcatV2", tensor(F32, "n", 2), tensor(F32, 0, 2), i32(0)) == ["f32[n, 2]"]
    assert infer("ConcatV2", tensor(F32, "n", 2), TensorType(F32, None), i32(0)) == ["f32[?, 2]"]
    assert infer("ConcatV2", tensor(F32, "n", 2), tensor(F32, 3, 2), tensor(I32)) == ["f32[?, ?]"]
    assert infer("Pack", tensor(F32, "n", 2), tensor(F32, 5, None), axis=1, N=2) == ["f32[5, 2, 2]"]
    assert infer("Split", i32(1), tensor(F32, "n", 6), num_split=3) == ["f32[n, 2]"] * 3
    assert infer("Split", i32(0), tensor(F32, "n", 6), num_split=2) == ["f32[?, 6]"] * 2
    assert infer("SplitV", tensor(F32, "n", 6), i32([2, -1]), i32(1), num_split=2) == ["f32[n, 2]", "f32[n, 4]"]
    assert infer("SplitV", tensor(F32, "n", 6), tensor(I32, None), i32(1), num_split=2) == ["f32[n, ?]"] * 2
    assert infer("Unpack", tensor(F32, "n", 6), num=2, axis=1 - 1) == ["f32[6]"] * 2
    text = refuse("ConcatV2", tensor(F32, 2, 3), tensor(F32, 2, 4), i32(0))
    assert text == "ConcatV2 needs equal dimensions beside axis 0, not 3 and 4"
    assert "ranks differ" in refuse("ConcatV2", tensor(F32, 2, 3), tensor(F32, 2), i32(0))
    assert "one element type" in refuse("ConcatV2", tensor(F32, 2), tensor(I32, 2), i32(0))
    assert "no axis 2" in refuse("ConcatV2", tensor(F32, 2, 3), tensor(F32, 2, 3), i32(2))
    assert "into 4 equal pieces" in refuse("Split", i32(1), tensor(F32, 2, 6), num_split=4)
    assert "into pieces of [2, 3]" in refuse("SplitV", tensor(F32, 6), i32([2, 3]), i32(0), num_split=2)
    assert "equal shapes, not 2 and 3" in refuse("Pack", tensor(F32, 2), tensor(F32, 3), N=2)
    assert "axis 0 of extent 6" in refuse("Unpack", tensor(F32, 6), num=2)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=3))
def test_repeating(apply: Any, extents: list[tuple[int, int]]) -> None:
    x = counted(*(extent for extent, _ in extents))
    multiples = [count for _, count in extents]
    (result,) = apply("Tile", x, np.array(multiples, np.int64))
    np.testing.assert_array_equal(result, np.tile(x, multiples))
    if extents:
        (result,) = apply("TileWithAxis", x, axis=-1, tiles=2)
        np.testing.assert_array_equal(result, np.concatenate([x, x], -1))


def test_repeats_of_unknown_dimensions(infer: Any, refuse: Any) -> None:
    assert infer("Tile", tensor(F32, "n", 3, 1), i32([1, 2, 4])) == ["f32[n, 6, 4]"]
    assert infer("Tile", tensor(F32, "n", 3), tensor(I32, 2)) == ["f32[?, ?]"]
    assert infer("Tile", TensorType(F32, None), i32([1, 2])) == ["f32[?, ?]"]
    assert refuse("Tile", tensor(F32, 2, 3), i32([2])) == "Tile cannot repeat [2, 3] [2] times"


# -- diagonals


@given(st.integers(0, 4), st.integers(0, 4), st.integers(-3, 3))
def test_triangles(apply: Any, rows: int, columns: int, diagonal: int) -> None:
    x = counted(2, rows, columns) + 1
    np.testing.assert_array_equal(apply("Tril", x, diagonal=diagonal)[0], np.tril(x, diagonal))
    np.testing.assert_array_equal(apply("Triu", x, diagonal=diagonal)[0], np.triu(x, diagonal))
    (flat,) = apply("DiagFlat", x[0], diagonal=diagonal)
    np.testing.assert_array_equal(flat, np.diagflat(x[0], diagonal))


def test_a_trace(apply: Any, refuse: Any) -> None:
    assert apply("Trace", counted(2, 3))[0] == 4
    assert "needs a matrix" in refuse("Trace", tensor(F32, 2, 2, 2))
    assert "has no diagonals [3]" in refuse("MatrixDiagPartV3", tensor(F32, 2, 2), i32([3]), tensor(F32))
    assert "diagonals, not 2 and 3" in refuse("MatrixSetDiag", tensor(F32, 2, 2), tensor(F32, 3))
    assert "keep 3 diagonals of 2" in refuse("MatrixBandPart", tensor(F32, 2, 2), i32(3), i32(0))
