"""Forms with attributes mean what their canonical forms mean."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from modelc.dialects.ge import find
from modelc.dialects.ge.attribute_forms import FORMS
from modelc.ir.attributes import Attribute
from modelc.ir.types import F32, I32, tensor

Array = NDArray[Any]

X = np.random.default_rng(0).normal(size=(2, 4, 6)).astype(np.float32)


def i32(*numbers: Any) -> Array:
    return np.array(numbers[0] if len(numbers) == 1 else numbers, np.int32)


CASES: list[tuple[str, tuple[Any, ...], dict[str, Attribute], str, tuple[Any, ...]]] = [
    ("TransposeD", (X,), {"perm": (2, 0, 1)}, "Transpose", (X, i32([2, 0, 1]))),
    ("ConcatD", (X, X), {"concat_dim": 1, "N": 2}, "Concat", (i32(1), X, X)),
    ("ConcatV2D", (X, X), {"concat_dim": -1, "N": 2}, "ConcatV2", (X, X, i32(-1))),
    ("SplitD", (X,), {"split_dim": 1, "num_split": 2}, "Split", (i32(1), X)),
    ("SplitVD", (X,), {"size_splits": (1, 3), "split_dim": 1, "num_split": 2}, "SplitV", (X, i32([1, 3]), i32(1))),
    ("PadD", (X,), {"paddings": ((1, 0), (0, 2), (0, 0))}, "Pad", (X, i32([[1, 0], [0, 2], [0, 0]]))),
    ("ReduceSumD", (X,), {"axes": (0, -1), "keep_dims": True}, "ReduceSum", (X, i32([0, -1]))),
    ("TileD", (X,), {"multiples": (1, 2, 1)}, "Tile", (X, i32([1, 2, 1]))),
    ("SliceD", (X,), {"offsets": (0, 1, 2), "size": (-1, 2, 3)}, "Slice", (X, i32([0, 1, 2]), i32([-1, 2, 3]))),
    (
        "StridedSliceD",
        (X,),
        {"begin": (0, 1), "end": (2, 4), "strides": (1, 2), "shrink_axis_mask": 1},
        "StridedSlice",
        (X, i32([0, 1]), i32([2, 4]), i32([1, 2])),
    ),
    ("CumsumD", (X,), {"axis": 1, "reverse": True}, "Cumsum", (X, i32(1))),
    ("FillD", (np.float32(3),), {"dims": (2, 3)}, "Fill", (i32([2, 3]), np.array(3, np.float32))),
    ("TopKD", (X, np.zeros(8, np.float16)), {"k": 2}, "TopK", (X, i32(2))),
    ("MatrixDiagD", (X, X), {}, "MatrixDiag", (X,)),
    ("SpaceToBatchNDD", (X,), {"block_shape": (2,), "paddings": (1, 1)}, "SpaceToBatchND", (X, i32([2]), i32([1, 1]))),
    ("BroadcastToD", (X[:1],), {"shape": (3, 4, 6)}, "BroadcastTo", (X[:1], i32([3, 4, 6]))),
    ("UnsortedSegmentSumD", (X, i32([1, 1])), {"num_segments": 3}, "UnsortedSegmentSum", (X, i32([1, 1]), i32(3))),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "operands", "attributes", "base", "canonical"), CASES)
def test_a_form_means_its_canonical_form(
    apply: Any,
    kind: str,
    operands: tuple[Array, ...],
    attributes: dict[str, Attribute],
    base: str,
    canonical: tuple[Array, ...],
) -> None:
    rest = {name: value for name, value in attributes.items() if name not in FORMS[kind].moved}
    for ours, theirs in zip(apply(kind, *operands, **attributes), apply(base, *canonical, **rest), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_places_are_numbered_in_32_bits_by_the_form_with_an_attribute(apply: Any) -> None:
    assert apply("ArgMaxD", X, dimension=1)[0].dtype == np.int32
    assert apply("ReduceMeanD", X, axes=())[0].shape == ()
    assert apply("EuclideanNormD", X)[0].shape == X.shape


@pytest.mark.parametrize("kind", sorted(FORMS))
def test_a_form_is_declared_like_its_canonical_form(kind: str) -> None:
    form, ours, theirs = FORMS[kind], find(kind), find(FORMS[kind].base)
    assert ours is not None
    assert theirs is not None
    kept = [slot.name for slot in theirs.operands if slot.name not in form.moved]
    assert [slot.name for slot in ours.operands][: len(ours.operands) - form.dropped] == kept
    assert set(form.moved) <= {slot.name for slot in theirs.operands}
    assert set(form.moved) <= set(ours.attributes)
    assert theirs.infer is not None


def test_forms_that_lack_something(refuse: Any) -> None:
    assert "integers as its attribute `perm`, not None" in refuse("TransposeD", tensor(F32, 2))
    assert "integers as its attribute `perm`, not 'x'" in refuse("TransposeD", tensor(F32, 2), perm="x")
    assert "integers as its attribute `paddings`" in refuse("PadD", tensor(F32, 2), paddings=((1, 2), (3,)))
    assert "lacks its operand `indices`" in refuse("GatherV2D", tensor(F32, 2), axis=0)
    assert "one element type" in refuse("ConcatD", tensor(F32, 2), tensor(I32, 2), concat_dim=0)
