"""Lowering of ops that resize images, crop them, and cut them into patches."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.backends.onnx.arrays import floats, ints
from tests.backends.onnx.lowering_case import Case, check, check_case, known

MODES: list[dict[str, bool]] = [{}, {"align_corners": True}, {"half_pixel_centers": True}]
SIZES = ((8, 12), (7, 5), (1, 12))
BOXES = np.array([[0, 0, 1, 1], [0.1, 0.2, 0.7, 0.6], [-0.2, 0.5, 0.5, 1.3], [0.9, 0.9, 0.1, 0.1]], np.float32)
IMAGES = np.array([0, 1, 1, 0], np.int32)

CASES = [
    *(
        Case(kind, (floats(2, 4, 6, 3), known(size)), dict(mode))
        for kind in ("ResizeNearestNeighborV2", "ResizeBilinearV2", "ResizeBicubic")
        for mode in MODES
        for size in SIZES
    ),
    *(
        Case("ResizeArea", (floats(2, 4, 6, 3), known(size)), {"align_corners": each})
        for each in (False, True)
        for size in SIZES
    ),
    *(
        Case(
            "ScaleAndTranslate",
            (floats(2, 4, 6, 3), known([5, 7]), known([1.5, 0.75], np.float32), known([0.5, -1.0], np.float32)),
            {"kernel_type": kernel, "antialias": antialias},
        )
        for kernel in ("lanczos3", "triangle")
        for antialias in (False, True)
    ),
    Case("ResizeNearestNeighborV2", (ints(255, 1, 3, 3, 1, dtype="u1"), known([7, 6]))),
    Case("ResizeBilinearV2", (ints(255, 1, 3, 3, 1, dtype="u1"), known([7, 6]))),
    Case("ResizeNearestNeighborV2", (floats(1, 3, 3, 1), np.array([6, 9], np.int32))),
    *(
        Case("CropAndResize", (floats(2, 5, 6, 3), BOXES, IMAGES, known(size)), {"method": method})
        for method in ("bilinear", "nearest")
        for size in ((3, 4), (1, 1), (5, 1))
    ),
    Case(
        "CropAndResizeV2",
        (ints(9, 2, 5, 6, 1, dtype="u1"), BOXES, IMAGES, known([2, 2])),
        {"extrapolation_value": -2.0},
    ),
    *(
        Case(
            "ExtractImagePatches",
            (floats(2, 7, 8, 3),),
            {"ksizes": (1, 2, 3, 1), "strides": (1, 2, 1, 1), "rates": (1, rate, rate, 1), "padding": padding},
        )
        for rate in (1, 2)
        for padding in ("SAME", "VALID")
    ),
    Case(
        "ExtractVolumePatches",
        (floats(2, 5, 6, 7, 2),),
        {"ksizes": (1, 2, 3, 2, 1), "strides": (1, 2, 1, 2, 1), "padding": "SAME"},
    ),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_computes_the_same(case: Case) -> None:
    check_case(case)


@settings(max_examples=20)
@given(*(st.integers(1, 12) for _ in range(4)), st.sampled_from(MODES))
def test_takes_the_same_neighbour(height: int, width: int, down: int, across: int, mode: dict[str, bool]) -> None:
    check("ResizeNearestNeighborV2", floats(1, height, width, 1), known([down, across]), **mode)
