"""Lowering of ops on stacks, rows and images of which there may be any number."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.backends.onnx.arrays import floats, ints
from tests.backends.onnx.lowering_case import TOLERANCES, Case, check_case, known

LIMITS = known(3), known(10), known(0.3, np.float32), known(0.4, np.float32)
LOOSE = TOLERANCES | {"float32": 1e-4}
SCORES = np.abs(np.tanh(floats(2, 7, 3)))
DOMINANT = 30 * np.eye(4, dtype=np.float32)

CASES = [
    Case("GatherV2", (floats(2, 4, 5), ints(5, 2, 3), known(2)), {"batch_dims": 1}),
    Case("GatherNd", (floats(3, 4), np.zeros((2, 0), np.int32))),
    Case("UnsortedSegmentMax", (floats(2, 3, 4), ints(3, 2, 3), known(5))),
    Case("DenseBincount", (ints(7, 2, 9), known(5), floats(2, 9))),
    Case("DynamicPartition", (floats(2, 3, 2), ints(2, 2, 3)), {"num_partitions": 2}),
    Case("TopKV2", (floats(3, 5), known(2))),
    Case("Sort", (floats(3, 5),), {"axis": 0}),
    Case("MatrixSetDiag", (floats(2, 4, 3), floats(2, 3))),
    Case("MatrixDiagPartV3", (floats(2, 4, 3), known([-2, 1]), floats())),
    Case("MatrixDiagV3", (floats(2, 4, 3), known([-2, 1]), known(4), known(3), floats())),
    *(Case(f"Resize{kind}", (floats(2, 4, 6, 3), known([7, 5]))) for kind in ("BilinearV2", "Bicubic", "Area")),
    Case(
        "ExtractImagePatches",
        (floats(2, 7, 8, 3),),
        {"ksizes": (1, 2, 3, 1), "strides": (1, 2, 1, 1), "padding": "SAME"},
    ),
    Case("CropAndResize", (floats(2, 5, 6, 3), np.abs(np.tanh(floats(3, 4))), ints(2, 3), known([3, 4]))),
    Case("DrawBoundingBoxes", (floats(2, 7, 9, 3), np.abs(np.tanh(floats(2, 3, 4))))),
    Case("CombinedNonMaxSuppression", (np.abs(np.tanh(floats(2, 7, 1, 4))), SCORES, *LIMITS)),
    Case("CombinedNonMaxSuppression", (np.abs(np.tanh(floats(2, 7, 3, 4))), SCORES, *LIMITS)),
    Case("MatrixSolve", (floats(2, 4, 4) + DOMINANT, floats(2, 4, 2)), {}, LOOSE),
    Case("MatrixTriangularSolve", (floats(2, 4, 4) + DOMINANT, floats(2, 4, 2)), {}, LOOSE),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_computes_the_same(case: Case) -> None:
    check_case(replace(case, is_open=True))
