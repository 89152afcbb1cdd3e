"""Lowering of ops on the colours of images."""

from __future__ import annotations

import numpy as np
import pytest
from tests.backends.onnx.arrays import floats
from tests.backends.onnx.lowering_case import TOLERANCES, Case, check_case, known

COLORS = np.abs(np.tanh(floats(2, 4, 5, 3)))
COLORS[0, 0, :3] = [(0, 0, 0), (0.5, 0.5, 0.5), (1, 1, 0)]
HALVES = COLORS.astype(np.float16)
AMOUNT = known(0.7, np.float32)
LOOSE = TOLERANCES | {"float32": 1e-5}  # quotients of small differences

CASES = [
    Case("RGBToHSV", (COLORS,)),
    Case("RGBToHSV", (HALVES,)),
    Case("HSVToRGB", (COLORS,)),
    Case("AdjustSaturation", (COLORS, AMOUNT)),
    Case("AdjustSaturation", (HALVES, np.array(1.7, np.float32))),
    Case("AdjustHue", (COLORS, np.array(-0.3, np.float32))),
    Case("AdjustHue", (floats(2, 4, 5, 3), AMOUNT), {}, LOOSE),
    Case("AdjustContrast", (floats(2, 4, 5, 3), AMOUNT), {}, LOOSE),
    Case("AdjustContrast", (floats(2, 3, 4, 5), AMOUNT), {"data_format": "CHW"}, LOOSE),
    Case("AdjustBrightness", (HALVES, AMOUNT)),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_computes_the_same(case: Case) -> None:
    check_case(case)
