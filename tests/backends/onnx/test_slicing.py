"""Lowering of ops that cut, turn, pad, and move blocks between space, depth and batch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.backends.onnx.arrays import floats, ints
from tests.backends.onnx.lowering_case import Case, check, check_case, known

ELEMENT_TYPES = ("bool", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8")


def computed(*numbers: int) -> Any:
    """Return an operand that is an input of the graph."""
    return np.array(numbers, np.int32)


SLICING = [
    *(Case("Slice", (ints(2, 4, 5, dtype=each), known([1, 0]), known([2, -1]))) for each in ELEMENT_TYPES),
    Case("Slice", (floats(4, 5), known([0, 0]), known([4, 5]))),
    Case("Slice", (floats(4, 5), known([4, 1]), known([0, 3]))),
    Case("Slice", (floats(4, 5), computed(1, 0), known([2, 3]))),
    Case("Slice", (floats(4, 5), computed(1, 2), computed(2, -1))),
    Case("SliceLastDim", (floats(2, 6),), {"start": 1, "end": -1, "stride": 2}),
    Case("SliceLastDim", (floats(2, 6),), {"start": 4, "end": 0, "stride": -2}),
    *(
        Case("StridedSlice", (ints(2, 4, 5, dtype=each), known([1, 4]), known([3, -4]), known([1, -1])))
        for each in ELEMENT_TYPES
    ),
    Case("StridedSlice", (floats(4), known([-9]), known([9]), known([-1]))),
    Case("StridedSlice", (floats(4), known([9]), known([-9]), known([-3]))),
    Case("StridedSlice", (floats(4, 5), computed(2), computed(3), known([1])), {"shrink_axis_mask": 1}),
    Case("StridedSlice", (floats(4, 5), computed(-1, 1), known([0, 4]), known([1, 2])), {"shrink_axis_mask": 1}),
    Case(
        "StridedSlice",
        (floats(4, 5, 6), computed(0, 3, 7), computed(0, 0, 2), known([1, -1, 1])),
        {"ellipsis_mask": 1, "begin_mask": 4, "end_mask": 2},
    ),
    Case("StridedSliceV2", (floats(4, 5), known([1]), known([3]), known([-1]), None)),
    Case("StridedSliceV2", (floats(4, 5), known([1]), known([3]), None, known([2]))),
    Case("StridedSliceV3", (floats(4, 5), known([3, 1]), known([-5, 9]), known([0, 1]), known([-1, 2]))),
    Case("StridedSliceV3", (floats(4, 5), computed(1), known([3]), known([1]))),
]
TURNING = [
    Case("ReverseV2", (floats(2, 3, 4), known([0, -1]))),
    Case("ReverseV2", (floats(2, 3), known(np.empty(0)))),
    *(
        Case("ReverseSequence", (floats(3, 4, 3, 2), np.array([0, 2, 3], np.int64)), {"seq_dim": a, "batch_dim": b})
        for a, b in ((1, 0), (0, 2), (-2, 0))
    ),
    *(Case("RollV2", (ints(2, 4, 5, dtype=each), known([1, -2]), known([0, -1]))) for each in ELEMENT_TYPES),
    Case("RollV2", (floats(4), known([1, 2]), known([0, 0]))),
    Case("Roll", (floats(4, 5),), {"shifts": (7,), "dims": (1,)}),
    Case("Roll", (floats(4, 5),), {"shifts": (3,)}),
]
PADDING = [
    *(Case("Pad", (ints(2, 2, 3, dtype=each), known([[1, 0], [0, 2]]))) for each in ELEMENT_TYPES),
    Case("Pad", (floats(2, 3), np.array([[1, 0], [0, 2]], np.int32))),
    Case("Pad", (floats(2, 3), known([[0, 0], [0, 0]]))),
    *(
        Case("PadV2", (ints(2, 2, 3, dtype=each), known([[1, 0], [0, 2]]), ints(2, dtype=each)))
        for each in ELEMENT_TYPES
    ),
    Case("PadV2", (floats(0, 3), known([[1, 0], [0, 2]]), floats(1))),
    *(Case("MirrorPad", (floats(3, 4), known([[2, 1], [0, 2]])), {"mode": mode}) for mode in ("REFLECT", "SYMMETRIC")),
    Case("MirrorPad", (floats(3, 4), known([[3, 3], [4, 0]])), {"mode": "SYMMETRIC"}),
    Case("MirrorPad", (floats(3, 4), np.array([[2, 1], [0, 2]], np.int32)), {"mode": "REFLECT"}),
    *(
        Case("PadV3", (floats(4, 5), known([1, 0, -1, 2]), floats()), {"mode": "constant", "paddings_contiguous": each})
        for each in (True, False)
    ),
    Case("PadV3", (floats(4, 5), computed(1, 0, 1, 2), None), {"mode": "edge", "paddings_contiguous": False}),
    Case("PadV3", (floats(4, 5), known([-1, 0, 0, -2]), None), {"mode": "edge"}),
    Case("PadV3", (floats(4, 5), known([2, 0, 0, 3]), None), {"mode": "reflect"}),
]
BLOCKS = [
    Case("SpaceToBatchND", (floats(2, 4, 5, 3), known([2, 3]), known([[0, 0], [1, 0]]))),
    Case("SpaceToBatchND", (floats(2, 4), known([2]), known([[1, 1]]))),
    Case("SpaceToBatch", (floats(2, 4, 6, 3), known([[0, 0], [1, 1]])), {"block_size": 2}),
    Case("BatchToSpaceND", (floats(12, 4, 5, 3), known([2, 3]), known([[1, 0], [0, 2]]))),
    Case("BatchToSpaceND", (floats(6, 4), known([2]), known([[1, 1]]))),
    Case("BatchToSpace", (floats(8, 4, 6, 3), known([[0, 0], [1, 1]])), {"block_size": 2}),
    *(
        Case(f"{kind}", (ints(9, *dims, dtype=each),), {"block_size": 2, "data_format": layout})
        for each in ("f2", "f4", "u1", "i4")
        for layout in ("NHWC", "NCHW")
        for kind, dims in (("SpaceToDepth", (1, 4, 4, 4)), ("DepthToSpace", (1, 4, 4, 4)))
    ),
    Case("DepthToSpace", (floats(1, 2, 3, 8),), {"block_size": 2, "mode": "CRD"}),
]


@pytest.mark.parametrize("case", [*SLICING, *TURNING, *PADDING, *BLOCKS], ids=str)
def test_computes_the_same(case: Case) -> None:
    check_case(case)


MASKS = ("begin_mask", "end_mask", "ellipsis_mask", "new_axis_mask", "shrink_axis_mask")


@settings(max_examples=60)
@given(st.data())
def test_cuts_by_any_masks(data: st.DataObject) -> None:
    dims = data.draw(st.lists(st.integers(1, 4), min_size=1, max_size=3))
    count = data.draw(st.integers(1, len(dims)))
    masks = {name: data.draw(st.integers(0, (1 << count) - 1)) for name in MASKS if name != "ellipsis_mask"}
    masks["ellipsis_mask"] = data.draw(st.sampled_from((0, 0, *(1 << place for place in range(count)))))
    strides = data.draw(st.lists(st.sampled_from((1, 1, 2, -1, -2)), min_size=count, max_size=count))
    masks["shrink_axis_mask"] &= sum(1 << place for place, stride in enumerate(strides) if stride > 0)
    begin, end = (data.draw(st.lists(st.integers(-1, 5), min_size=count, max_size=count)) for _ in range(2))
    low = [0 if masks["shrink_axis_mask"] >> place & 1 else each for place, each in enumerate(begin)]
    numbers = known(low) if data.draw(st.booleans()) else computed(*low)
    check("StridedSlice", floats(*dims), numbers, known(end), known(strides), **masks)
