"""Lowering of forms that hold operands as attributes, as artifacts have them."""

from __future__ import annotations

import numpy as np
import pytest
from tests.backends.onnx.arrays import floats, ints
from tests.backends.onnx.lowering_case import Case, check_case

CASES = [
    Case("TransposeD", (floats(2, 3, 4),), {"perm": (2, 0, 1)}),
    Case("ConcatD", (floats(2, 3), floats(2, 1)), {"concat_dim": 1, "N": 2}),
    Case("ConcatV2D", (floats(2, 3), floats(1, 3)), {"concat_dim": 0, "N": 2}),
    Case("SplitD", (floats(2, 4),), {"split_dim": 1, "num_split": 2}),
    Case("SplitVD", (floats(2, 4),), {"size_splits": (1, 3), "split_dim": 1, "num_split": 2}),
    Case("PadD", (floats(2, 3),), {"paddings": ((1, 0), (0, 2))}),
    Case("ReduceSumD", (floats(2, 3),), {"axes": (0, -1), "keep_dims": True}),
    Case("ReduceMeanD", (floats(2, 3),), {"axes": (1,)}),
    Case("TileD", (floats(2, 3),), {"multiples": (1, 2)}),
    Case("SliceD", (floats(2, 3),), {"offsets": (0, 1), "size": (-1, 2)}),
    Case("StridedSliceD", (floats(2, 4),), {"begin": (1, 0), "end": (2, 4), "strides": (1, 2), "shrink_axis_mask": 1}),
    Case("CumsumD", (floats(2, 3),), {"axis": 1, "reverse": True}),
    Case("FillD", (floats(),), {"dims": (2, 3)}),
    Case("FillV2D", (), {"dims": (2, 3), "value": 0.5}),
    Case("ArgMaxD", (floats(2, 3),), {"dimension": 1}),
    Case("GatherV2D", (floats(2, 3), ints(3, 4)), {"axis": 1}),
    Case("OneHotD", (ints(3, 4), floats(), floats()), {"depth": 3, "axis": 0}),
    Case("TopKD", (floats(2, 5), np.zeros(8, np.float16)), {"k": 2}),
    Case("BroadcastToD", (floats(1, 3),), {"shape": (2, 3)}),
    Case("SpaceToBatchNDD", (floats(2, 4, 3),), {"block_shape": (2,), "paddings": ((1, 1),)}),
    Case("UnsortedSegmentSumD", (floats(2, 3), ints(3, 2)), {"num_segments": 3}),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_computes_the_same(case: Case) -> None:
    check_case(case)
