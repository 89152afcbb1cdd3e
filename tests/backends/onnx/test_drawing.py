"""Lowering of ops that draw on images."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.backends.onnx.arrays import floats
from tests.backends.onnx.lowering_case import Case, check, check_case, known

BOXES = np.array([[[0, 0, 1, 1], [0.2, 0.4, 0.7, 0.6], [-0.2, 0.5, 0.5, 1.3], [0.9, 0.9, 0.1, 0.1]]], np.float32)
WRONG = np.array([[[0, np.nan, 1, 1], [0, 0, np.inf, 1], [1.2, 0, 1.4, 1]]], np.float32)

CASES = [
    *(Case("DrawBoundingBoxes", (floats(1, 7, 9, depth), BOXES)) for depth in (1, 3, 4)),
    Case("DrawBoundingBoxesV2", (floats(1, 7, 9, 3), BOXES, floats(2, 4))),
    Case("DrawBoundingBoxesV2", (floats(1, 7, 9, 1), BOXES, known(floats(2, 1), np.float32))),
    Case("DrawBoundingBoxesV2", (floats(1, 7, 9, 3), BOXES, known(np.empty((0, 3)), np.float32))),
    Case("DrawBoundingBoxes", (floats(1, 7, 9, 3, dtype=np.float16), BOXES)),
    Case("DrawBoundingBoxes", (floats(1, 7, 9, 3), WRONG)),
    Case("DrawBoundingBoxes", (floats(1, 7, 9, 3), BOXES[:, :0])),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_computes_the_same(case: Case) -> None:
    check_case(case)


@settings(max_examples=15)
@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 5))
def test_the_last_of_many_boxes_is_seen(height: int, width: int, count: int) -> None:
    check("DrawBoundingBoxes", floats(2, height, width, 3), np.tanh(floats(2, count, 4)) / 2 + 0.5)
