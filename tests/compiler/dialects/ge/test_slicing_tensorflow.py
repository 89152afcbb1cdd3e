"""Cutting, padding and turning tensors: equal to what TensorFlow computes, and refused where it refuses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from modelc.dialects.ge import find
from modelc.ir.attributes import Attribute
from modelc.ir.op import Op
from modelc.ir.opdef import InferenceError

Array = NDArray[Any]
Operands = Sequence[Any]
Raw = Callable[[Any, Operands], Any]

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(4, 6, 5, 3)).astype(np.float32)
EMPTY = np.zeros((2, 0, 3), np.float32)
MASKS = ("begin_mask", "end_mask", "ellipsis_mask", "new_axis_mask", "shrink_axis_mask")


def i32(*numbers: Any) -> Array:
    return np.array(numbers[0] if len(numbers) == 1 else numbers, np.int32)


def reverse(axis: int, lengths: list[int], batch: int) -> tuple[str, Operands, dict[str, Attribute], Raw]:
    attributes: dict[str, Attribute] = {"seq_dim": axis, "batch_dim": batch}
    return (
        "ReverseSequence",
        (X, np.array(lengths, np.int64)),
        attributes,
        lambda raw, a: raw.ReverseSequence(input=a[0], seq_lengths=a[1], **attributes),
    )


CASES: list[tuple[str, Operands, dict[str, Attribute], Raw]] = [
    (
        "Slice",
        (X, i32([1, 0, 2, 0]), i32([2, -1, 0, 3])),
        {},
        lambda raw, a: raw.Slice(input=a[0], begin=a[1], size=a[2]),
    ),
    (
        "Slice",
        (EMPTY, i32([1, 0, 2]), i32([1, 0, -1])),
        {},
        lambda raw, a: raw.Slice(input=a[0], begin=a[1], size=a[2]),
    ),
    ("Pad", (X, i32([[1, 0], [0, 2], [0, 0], [3, 3]])), {}, lambda raw, a: raw.Pad(input=a[0], paddings=a[1])),
    ("Pad", (EMPTY, i32([[0, 0], [1, 1], [0, 2]])), {}, lambda raw, a: raw.Pad(input=a[0], paddings=a[1])),
    (
        "PadV2",
        (X, i32([[1, 0], [0, 2], [0, 0], [3, 3]]), np.float32(5)),
        {},
        lambda raw, a: raw.PadV2(input=a[0], paddings=a[1], constant_values=a[2]),
    ),
    (
        "MirrorPad",
        (X, i32([[3, 0], [0, 5], [4, 4], [0, 1]])),
        {"mode": "REFLECT"},
        lambda raw, a: raw.MirrorPad(input=a[0], paddings=a[1], mode="REFLECT"),
    ),
    (
        "MirrorPad",
        (X, i32([[4, 0], [0, 6], [5, 5], [0, 1]])),
        {"mode": "SYMMETRIC"},
        lambda raw, a: raw.MirrorPad(input=a[0], paddings=a[1], mode="SYMMETRIC"),
    ),
    ("ReverseV2", (X, i32([0, -1])), {}, lambda raw, a: raw.ReverseV2(tensor=a[0], axis=a[1])),
    ("ReverseV2", (X, np.zeros(0, np.int32)), {}, lambda raw, a: raw.ReverseV2(tensor=a[0], axis=a[1])),
    ("RollV2", (X, i32([3, -2, 1]), i32([0, -1, 0])), {}, lambda raw, a: raw.Roll(input=a[0], shift=a[1], axis=a[2])),
    ("RollV2", (X, i32(7), i32(1)), {}, lambda raw, a: raw.Roll(input=a[0], shift=a[1], axis=a[2])),
    reverse(1, [0, 6, 3, 1], 0),
    reverse(0, [0, 2, 4, 1, 1, 0], 1),
    reverse(3, [3, 2, 0, 1, 1], 2),
    *(
        (
            "SpaceToBatchND",
            (X, i32(blocks), i32(pads)),
            {},
            lambda raw, a: raw.SpaceToBatchND(input=a[0], block_shape=a[1], paddings=a[2]),
        )
        for blocks, pads in (([2, 3], [[0, 0], [1, 3]]), ([4], [[1, 1]]), ([1, 5, 1], [[0, 0], [2, 3], [0, 0]]))
    ),
    *(
        (
            "BatchToSpaceND",
            (X, i32(blocks), i32(crops)),
            {},
            lambda raw, a: raw.BatchToSpaceND(input=a[0], block_shape=a[1], crops=a[2]),
        )
        for blocks, crops in (([2, 2], [[0, 0], [1, 3]]), ([4], [[1, 1]]), ([1, 2, 1], [[0, 0], [2, 3], [0, 0]]))
    ),
    (
        "SpaceToBatch",
        (X, i32([[0, 0], [1, 0]])),
        {"block_size": 2},
        lambda raw, a: raw.SpaceToBatch(input=a[0], paddings=a[1], block_size=2),
    ),
    (
        "BatchToSpace",
        (X, i32([[1, 0], [2, 2]])),
        {"block_size": 2},
        lambda raw, a: raw.BatchToSpace(input=a[0], crops=a[1], block_size=2),
    ),
    ("SpaceToDepth", (X[:, :, :4],), {"block_size": 2}, lambda raw, a: raw.SpaceToDepth(input=a[0], block_size=2)),
    (
        "DepthToSpace",
        (X[:, :, :, :2].repeat(4, 3),),
        {"block_size": 2},
        lambda raw, a: raw.DepthToSpace(input=a[0], block_size=2),
    ),
    (
        "DepthToSpace",
        (np.arange(72).reshape(2, 3, 1, 12).astype(np.uint8),),
        {"block_size": 2},
        lambda raw, a: raw.DepthToSpace(input=a[0], block_size=2),
    ),
]


@pytest.mark.parametrize(("kind", "operands", "attributes", "raw"), CASES)
def test_cuts_and_pads_as_tensorflow_does(
    tf: Any, apply: Any, kind: str, operands: Operands, attributes: dict[str, Attribute], raw: Raw
) -> None:
    expected = raw(tf.raw_ops, [tf.constant(operand) for operand in operands])
    (result,) = apply(kind, *operands, **attributes)
    np.testing.assert_array_equal(result, expected.numpy())


BOUND = st.integers(-5, 5)
BITS = st.integers(0, 31)


@st.composite
def strided(draw: st.DrawFn) -> tuple[Array, list[Array], dict[str, Attribute]]:
    shape = draw(st.lists(st.integers(0, 4), min_size=0, max_size=4))
    count = draw(st.integers(0, 5))
    entries = [
        draw(st.lists(numbers, min_size=count, max_size=count))
        for numbers in (BOUND, BOUND, st.sampled_from((1, 1, 1, 2, 3, -1, -2, -5)))
    ]
    return (
        np.arange(int(np.prod(shape)), dtype=np.int32).reshape(shape),
        [np.array(entry, draw(st.sampled_from((np.int32, np.int64)))) for entry in entries],
        {name: draw(BITS) & draw(BITS) for name in MASKS},
    )


@settings(max_examples=400, deadline=None)
@given(case=strided())
def test_slices_under_all_masks(tf: Any, apply: Any, case: tuple[Array, list[Array], dict[str, Attribute]]) -> None:
    x, bounds, masks = case
    begin, end, strides = (bound.astype(bounds[0].dtype) for bound in bounds)
    try:
        theirs = tf.raw_ops.StridedSlice(
            input=tf.constant(x), begin=tf.constant(begin), end=tf.constant(end), strides=tf.constant(strides), **masks
        ).numpy()
    except (tf.errors.InvalidArgumentError, tf.errors.UnimplementedError):
        theirs = None
    if theirs is None:
        definition = find("StridedSlice")
        assert definition is not None
        assert definition.evaluate is not None
        with pytest.raises(InferenceError):
            definition.evaluate(Op("ge.StridedSlice", (), masks), [x, begin, end, strides])
    else:
        np.testing.assert_array_equal(apply("StridedSlice", x, begin, end, strides, **masks)[0], theirs)
