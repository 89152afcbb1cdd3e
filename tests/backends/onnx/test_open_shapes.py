"""Lowering where dimensions are symbols: most ops do not ask, the others say what they need to know."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.backends.onnx.arrays import floats, ints
from tests.backends.onnx.lowering_case import Case, check_case, known, model_of

from modelc_backends.onnx.lower_to_onnx import lower

X = floats(2, 3, 4)


def opened(kind: str, *operands: Any, **attributes: Any) -> Case:
    return Case(kind, operands, attributes, is_open=True)


COMPUTED = [
    opened("Add", X, floats(3, 4)),
    opened("Shape", X),
    opened("Size", X),
    opened("Rank", X),
    opened("Reshape", X, known([-1, 12])),
    opened("Flatten", X, axis=2),
    opened("FlattenV2", X, axis=1),
    opened("FlattenV2", X, axis=0, end_axis=1),
    opened("Squeeze", floats(2, 1, 3), axis=(1,)),
    opened("ExpandDims", X, known(0)),
    opened("Transpose", X, known([2, 0, 1])),
    opened("Fills", X, value=2.0),
    opened("ZerosLike", X),
    opened("BroadcastTo", floats(2, 1, 4), known([-1, 3, 4])),
    opened("ConcatV2", X, X, known(0)),
    opened("Pack", X, X),
    opened("Unpack", X, num=3, axis=1),
    opened("Split", known(2), X, num_split=2),
    opened("Tile", X, known([2, 1, 1])),
    opened("Slice", X, known([0, 1, 0]), known([-1, 2, 4])),
    opened("Slice", X, known([1, 1, 0]), known([-1, 2, 4])),
    opened("StridedSlice", X, known([-1, 2]), known([0, 0]), known([1, -1]), shrink_axis_mask=1),
    opened("StridedSlice", X, known([1]), known([9]), known([1]), end_mask=1),
    opened("ReverseV2", X, known([0, 2])),
    opened("RollV2", X, known([1]), known([-1])),
    opened("Pad", X, known([[1, 0], [0, 2], [0, 0]])),
    opened("MirrorPad", X, known([[0, 0], [0, 2], [1, 0]]), mode="SYMMETRIC"),
    opened("SpaceToBatchND", floats(2, 4, 6, 3), known([2, 3]), known([[0, 0], [0, 0]])),
    opened("BatchToSpaceND", floats(12, 4, 5, 3), known([2, 3]), known([[1, 0], [0, 2]])),
    opened("DepthToSpace", floats(2, 3, 3, 8), block_size=2),
    opened("ReduceSum", X, known([0, 1])),
    opened("ReduceAll", ints(2, 0, 3, dtype=bool), known([0])),
    opened("ReduceStd", X, dim=(1, 2)),
    opened("ArgMaxV2", X, known(0)),
    opened("Cumprod", X, known(1)),
    opened("TensorScatterAdd", X, np.array([[1], [0]], np.int32), X),
]
REFUSED = [
    (opened("RollV2", X, known([1]), known([0])), "RollV2` (ge.RollV2) needs to know axis 0 of"),
    (opened("Cross", floats(3, 2), floats(3, 2)), "needs to know which of its axes"),
    (opened("NonZeroWithValue", floats(2, 3)), "needs to know the shape of"),
    (opened("SplitV", X, known([1, -1]), known(0), num_split=2), "splits an axis of unknown extent into pieces"),
]


@pytest.mark.parametrize("case", COMPUTED, ids=str)
def test_computes_the_same(case: Case) -> None:
    check_case(case)


@pytest.mark.parametrize(("case", "reason"), REFUSED, ids=str)
def test_says_what_it_needs_to_know(case: Case, reason: str) -> None:
    (found,) = lower(model_of(case))
    assert reason in found.message
