"""Lowering of ops on bits, and of comparisons with a tolerance and of whole tensors."""

from __future__ import annotations

import numpy as np
import pytest
from tests.backends.onnx.arrays import Array, floats
from tests.backends.onnx.lowering_case import Case, check_case, known

INTEGERS = ("i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8")


def extremes(dtype: str) -> Array:
    """Return the ends of a type's range, and numbers in between."""
    info = np.iinfo(dtype)
    return np.array([info.min, info.max, info.max // 3, 1, 0, info.min // 2], dtype)


SPECIAL = np.array([0, -0.0, 1, np.inf, -np.inf, np.nan, np.nan], np.float32)
OTHERS = np.array([1e-9, 0, 1.000001, np.inf, np.inf, np.nan, 1], np.float32)

CASES = [
    *(
        Case(kind, (extremes(each)[:, None], np.array([0, 1, 5, 99, np.iinfo(each).bits - 1], each)))
        for kind in ("LeftShift", "RightShift")
        for each in INTEGERS
    ),
    Case("RightShift", (extremes("i4"), known(2))),
    Case("LeftShift", (extremes("i4"), np.array(-3, np.int32))),
    *(Case("PopulationCount", (extremes(each),)) for each in INTEGERS),
    Case("ApproximateEqual", (SPECIAL, OTHERS)),
    Case("ApproximateEqual", (floats(3, 4, dtype="f2"), floats(4, dtype="f2")), {"tolerance": 2.5}),
    Case("ApproximateEqual", (np.array([1, 5], np.int32), np.array([2, 5], np.int32))),
    *(Case("IsClose", (SPECIAL, OTHERS), {"equal_nan": each}) for each in (True, False)),
    Case("IsClose", (np.array([100, 5], np.int32), np.array([101, 5], np.int32)), {"rtol": 0.01}),
    Case("IsClose", (np.array([1, 2], np.float64), np.array([1, 2 + 1e-4], np.float64))),
    *(Case("TensorEqual", (np.ones(2, np.float32), np.array([1, last], np.float32))) for last in (1, 2)),
    Case("TensorEqual", (floats(2, 3), floats(3, 2))),
    Case("TensorEqual", (floats(0, 3), floats(0, 3))),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_computes_the_same(case: Case) -> None:
    check_case(case)
