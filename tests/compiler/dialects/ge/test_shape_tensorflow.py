"""Moving, joining and making tensors: equal to what TensorFlow computes, bit for bit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from modelc.ir.attributes import Attribute
from modelc.ir.types import F32, I8, I16, I32, I64, U8

Array = NDArray[Any]
Operands = Sequence[Any]
Raw = Callable[[Any, Operands], Any]

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(2, 3, 4)).astype(np.float32)
MATRIX = RANDOM.integers(-9, 9, (4, 5)).astype(np.int32)
SQUARE = RANDOM.normal(size=(2, 3, 3)).astype(np.float32)
EMPTY = np.zeros((2, 0, 3), np.float32)
TEXTS = np.array([[b"a", b"bc"], [b"", b"d"]], object)


def i32(*numbers: Any) -> Array:
    return np.array(numbers[0] if len(numbers) == 1 else numbers, np.int32)


def i64(*numbers: Any) -> Array:
    return np.array(numbers[0] if len(numbers) == 1 else numbers, np.int64)


MOVED: list[tuple[str, Operands, dict[str, Attribute], Raw]] = [
    ("Reshape", (X, i32([4, 6])), {}, lambda raw, a: raw.Reshape(tensor=a[0], shape=a[1])),
    ("Reshape", (X, i64([-1, 2, 2])), {}, lambda raw, a: raw.Reshape(tensor=a[0], shape=a[1])),
    ("Reshape", (EMPTY, i32([0, 5])), {}, lambda raw, a: raw.Reshape(tensor=a[0], shape=a[1])),
    ("Reshape", (EMPTY, i32([3, -1])), {}, lambda raw, a: raw.Reshape(tensor=a[0], shape=a[1])),
    ("Reshape", (X[:1, :1, :1], np.zeros(0, np.int32)), {}, lambda raw, a: raw.Reshape(tensor=a[0], shape=a[1])),
    ("Reshape", (TEXTS, i32([4])), {}, lambda raw, a: raw.Reshape(tensor=a[0], shape=a[1])),
    ("Squeeze", (X[:1, :, :1],), {}, lambda raw, a: raw.Squeeze(input=a[0])),
    ("Squeeze", (X[:1, :, :1],), {"axis": (-1,)}, lambda raw, a: raw.Squeeze(input=a[0], axis=[-1])),
    ("ExpandDims", (X, i32(1)), {}, lambda raw, a: raw.ExpandDims(input=a[0], axis=a[1])),
    ("ExpandDims", (X, i64(-1)), {}, lambda raw, a: raw.ExpandDims(input=a[0], axis=a[1])),
    ("Transpose", (X, i32([2, 0, 1])), {}, lambda raw, a: raw.Transpose(x=a[0], perm=a[1])),
    ("Transpose", (EMPTY, i64([1, 2, 0])), {}, lambda raw, a: raw.Transpose(x=a[0], perm=a[1])),
    ("Shape", (X,), {}, lambda raw, a: raw.Shape(input=a[0])),
    ("Shape", (X[0, 0, 0],), {"dtype": 9}, lambda raw, a: raw.Shape(input=a[0], out_type="int64")),
    ("ShapeN", (X, X[0]), {}, lambda raw, a: raw.ShapeN(input=a)),
    ("Size", (X,), {"dtype": 9}, lambda raw, a: raw.Size(input=a[0], out_type="int64")),
    ("Rank", (X,), {}, lambda raw, a: raw.Rank(input=a[0])),
    ("Bitcast", (X,), {"type": I32}, lambda raw, a: raw.Bitcast(input=a[0], type="int32")),
    ("Bitcast", (X,), {"type": U8}, lambda raw, a: raw.Bitcast(input=a[0], type="uint8")),
    (
        "Bitcast",
        (MATRIX[:, :4].astype(np.int8),),
        {"type": F32},
        lambda raw, a: raw.Bitcast(input=a[0], type="float32"),
    ),
    ("InvertPermutation", (i32([2, 0, 3, 1]),), {}, lambda raw, a: raw.InvertPermutation(x=a[0])),
    ("Fill", (i32([2, 3]), np.float32(7)), {}, lambda raw, a: raw.Fill(dims=a[0], value=a[1])),
    ("Fill", (i64([0, 3]), np.int8(7)), {}, lambda raw, a: raw.Fill(dims=a[0], value=a[1])),
    ("Range", (i32(2), i32(11), i32(3)), {}, lambda raw, a: raw.Range(start=a[0], limit=a[1], delta=a[2])),
    ("Range", (i64(5), i64(-4), i64(-2)), {}, lambda raw, a: raw.Range(start=a[0], limit=a[1], delta=a[2])),
    ("Range", (i32(5), i32(5), i32(1)), {}, lambda raw, a: raw.Range(start=a[0], limit=a[1], delta=a[2])),
    *(
        ("Range", tuple(map(np.float32, bounds)), {}, lambda raw, a: raw.Range(start=a[0], limit=a[1], delta=a[2]))
        for bounds in ((0, 1, 0.1), (1, 0, -0.3), (0.5, 100, 0.7), (0, 0, 1))
    ),
    (
        "LinSpace",
        (np.float32(1), np.float32(2), i32(7)),
        {},
        lambda raw, a: raw.LinSpace(start=a[0], stop=a[1], num=a[2]),
    ),
    (
        "LinSpace",
        (np.float32(1), np.float32(2), i32(1)),
        {},
        lambda raw, a: raw.LinSpace(start=a[0], stop=a[1], num=a[2]),
    ),
    ("BroadcastArgs", (i32([3, 1]), i32([2, 1, 4])), {}, lambda raw, a: raw.BroadcastArgs(s0=a[0], s1=a[1])),
    (
        "BroadcastGradientArgs",
        (i32([3, 1]), i32([2, 1, 4])),
        {},
        lambda raw, a: raw.BroadcastGradientArgs(s0=a[0], s1=a[1]),
    ),
    (
        "BroadcastGradientArgs",
        (i32([3, 1]), i32([3, 1])),
        {},
        lambda raw, a: raw.BroadcastGradientArgs(s0=a[0], s1=a[1]),
    ),
    (
        "BroadcastGradientArgs",
        (i32([1, 1]), i32([2, 1])),
        {},
        lambda raw, a: raw.BroadcastGradientArgs(s0=a[0], s1=a[1]),
    ),
    ("Pack", (X, X + 1), {"N": 2}, lambda raw, a: raw.Pack(values=a)),
    ("Pack", (X, X + 1), {"N": 2, "axis": -1}, lambda raw, a: raw.Pack(values=a, axis=-1)),
    ("Pack", (np.float32(1), np.float32(2)), {"N": 2}, lambda raw, a: raw.Pack(values=a)),
    ("Unpack", (X,), {"num": 3, "axis": 1}, lambda raw, a: raw.Unpack(value=a[0], num=3, axis=1)),
    ("Unpack", (X,), {"num": 4, "axis": -1}, lambda raw, a: raw.Unpack(value=a[0], num=4, axis=-1)),
    (
        "ConcatV2",
        (X, EMPTY[:, :, :1].repeat(4, 2), i32(1)),
        {"N": 2},
        lambda raw, a: raw.ConcatV2(values=a[:2], axis=a[2]),
    ),
    ("ConcatV2", (X, X[:, :1], i64(-2)), {"N": 2}, lambda raw, a: raw.ConcatV2(values=a[:2], axis=a[2])),
    ("ConcatV2", (TEXTS, TEXTS, i32(1)), {"N": 2}, lambda raw, a: raw.ConcatV2(values=a[:2], axis=a[2])),
    ("Concat", (i32(2), X, X[:, :, :1]), {"N": 2}, lambda raw, a: raw.Concat(concat_dim=a[0], values=a[1:])),
    (
        "ConcatOffset",
        (i32(1), i32([2, 3]), i32([2, 4])),
        {"N": 2},
        lambda raw, a: raw.ConcatOffset(concat_dim=a[0], shape=a[1:]),
    ),
    ("Split", (i32(-1), X), {"num_split": 2}, lambda raw, a: raw.Split(axis=a[0], value=a[1], num_split=2)),
    ("Split", (i32(1), EMPTY), {"num_split": 4}, lambda raw, a: raw.Split(axis=a[0], value=a[1], num_split=4)),
    (
        "SplitV",
        (X, i32([1, -1, 0]), i32(2)),
        {"num_split": 3},
        lambda raw, a: raw.SplitV(value=a[0], size_splits=a[1], axis=a[2], num_split=3),
    ),
    (
        "SplitV",
        (X, i64([3]), i32(-2)),
        {"num_split": 1},
        lambda raw, a: raw.SplitV(value=a[0], size_splits=a[1], axis=a[2], num_split=1),
    ),
    ("Tile", (X, i32([2, 1, 3])), {}, lambda raw, a: raw.Tile(input=a[0], multiples=a[1])),
    ("Tile", (X, i64([1, 0, 1])), {}, lambda raw, a: raw.Tile(input=a[0], multiples=a[1])),
    ("Diag", (MATRIX[:2, :3],), {}, lambda raw, a: raw.Diag(diagonal=a[0])),
    ("DiagPart", (RANDOM.normal(size=(2, 3, 2, 3)).astype(np.float32),), {}, lambda raw, a: raw.DiagPart(input=a[0])),
    ("MatrixDiag", (X,), {}, lambda raw, a: raw.MatrixDiag(diagonal=a[0])),
    ("MatrixDiagPart", (X,), {}, lambda raw, a: raw.MatrixDiagPart(input=a[0])),
    ("MatrixSetDiag", (X, X[:, :, 0]), {}, lambda raw, a: raw.MatrixSetDiag(input=a[0], diagonal=a[1])),
    *(
        (
            "MatrixBandPart",
            (X, i64(low), i64(high)),
            {},
            lambda raw, a: raw.MatrixBandPart(input=a[0], num_lower=a[1], num_upper=a[2]),
        )
        for low in (-1, 0, 2)
        for high in (-1, 0, 2)
    ),
]


@pytest.mark.parametrize(("kind", "operands", "attributes", "raw"), MOVED)
def test_moves_what_tensorflow_moves(
    tf: Any, apply: Any, kind: str, operands: Operands, attributes: dict[str, Attribute], raw: Raw
) -> None:
    expected = raw(tf.raw_ops, [tf.constant(operand) for operand in operands])
    many = isinstance(expected, list | tuple)
    for ours, theirs in zip(apply(kind, *operands, **attributes), expected if many else [expected], strict=True):
        theirs = theirs.numpy() if theirs.dtype != "string" else np.array(theirs.numpy(), object)
        assert ours.dtype == theirs.dtype
        np.testing.assert_array_equal(ours, theirs)


ALIGNMENTS = ("LEFT_RIGHT", "RIGHT_LEFT", "LEFT_LEFT", "RIGHT_RIGHT")
BOUNDS = ([0], [1], [-2], [-1, 1], [0, 2], [-2, -1], [-2, 3], [2, 3])


@pytest.mark.parametrize("align", ALIGNMENTS)
@pytest.mark.parametrize("k", BOUNDS)
def test_bands_of_diagonals_are_those_of_tensorflow(tf: Any, apply: Any, k: list[int], align: str) -> None:
    x = X  # two matrices of 3 by 4
    bounds, padding = i32(k), np.float32(9)
    part = tf.raw_ops.MatrixDiagPartV3(input=x, k=bounds, padding_value=padding, align=align).numpy()
    (ours,) = apply("MatrixDiagPartV3", x, bounds, padding, align=align)
    np.testing.assert_array_equal(ours, part)
    diagonal = part + 1
    (ours,) = apply("MatrixSetDiagV3", x, diagonal, bounds, align=align)
    np.testing.assert_array_equal(
        ours, tf.raw_ops.MatrixSetDiagV3(input=x, diagonal=diagonal, k=bounds, align=align).numpy()
    )
    for rows, columns in ((3, 4), (-1, 4) if k[0] >= 0 else (3, -1)):
        (ours,) = apply("MatrixDiagV3", part, bounds, i32(rows), i32(columns), padding, align=align)
        theirs = tf.raw_ops.MatrixDiagV3(
            diagonal=part, k=bounds, num_rows=rows, num_cols=columns, padding_value=padding, align=align
        )
        np.testing.assert_array_equal(ours, theirs.numpy())


@pytest.mark.parametrize("k", [0, 2, -1])
def test_a_diagonal_makes_the_smallest_square(tf: Any, apply: Any, k: int) -> None:
    (ours,) = apply("MatrixDiagV3", X, i32(k), i32(-1), i32(-1), np.float32(0))
    theirs = tf.raw_ops.MatrixDiagV3(diagonal=X, k=k, num_rows=-1, num_cols=-1, padding_value=0.0)
    np.testing.assert_array_equal(ours, theirs.numpy())


def test_what_moves_keeps_every_element_type(apply: Any) -> None:
    for element in (I8, I16, I64):
        x = np.arange(6).reshape(2, 3).astype(element.numpy)
        for kind, operands in (("Transpose", (i32([1, 0]),)), ("Reshape", (i32([3, 2]),)), ("Tile", (i32([1, 2]),))):
            assert apply(kind, x, *operands)[0].dtype == x.dtype
