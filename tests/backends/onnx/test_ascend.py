"""Lowering of ops that only Ascend has, and of those that learning from tables needs."""

from __future__ import annotations

import numpy as np
import pytest
from tests.backends.onnx.arrays import floats, ints
from tests.backends.onnx.lowering_case import Case, check_case, known

from modelc.dialects.ge.ascend import ROUNDINGS
from modelc.dialects.ge.dtypes import cpp_number
from modelc.ir.types import F16

VALUES = np.array([-300, -2.5, -0.5, 0, 0.5, 1.5, 2.4, 300], np.float32)
BOUNDS = known([-1, 0, 2.5], np.float32)
NANS = np.array([np.nan, -2, 0, 1, 2.5, 9], np.float32)

ASCEND = [
    *(Case("AscendQuant", (VALUES,), {"scale": 1.0, "offset": 0.0, "round_mode": each}) for each in sorted(ROUNDINGS)),
    Case("AscendQuant", (VALUES.astype("f2"),), {"scale": 0.5, "offset": 3.0, "sqrt_mode": True}),
    Case("AscendAntiQuant", (ints(9, 2, 3, dtype="i1"),), {"scale": 0.25, "offset": -3.0}),
    Case("AscendAntiQuant", (ints(9, 2, dtype="i1"),), {"scale": 0.25, "offset": 0.0, "dtype": cpp_number(F16)}),
    Case("AscendPadding", (floats(2, 3, 1),), {"pad_dim_size": 4}),
    Case("Centralization", (floats(2, 3, 4),), {"axes": (0, -1)}),
    *(Case("NonZeroWithValue", (ints(2, 3, 4, dtype=each),)) for each in ("f4", "i4", "u1")),
    Case("NonZeroWithValue", (np.zeros((2, 2), np.float32),)),
]
LEARNING = [
    Case("BoostedTreesBucketize", (NANS, floats(3), BOUNDS, BOUNDS), {"num_features": 2}),
    Case("CompareAndBitpack", (floats(2, 16), floats())),
    Case("CompareAndBitpack", (ints(2, 8, dtype=bool), known(0, bool))),
    Case("ConfusionMatrix", (ints(3, 9), ints(3, 9), None), {"num_classes": 3}),
    *(
        Case("ConfusionMatrix", (ints(3, 9), ints(3, 9), floats(9)), {"num_classes": 4, "dtype": each})
        for each in ("float32", "int32")
    ),
    Case("ConfusionMatrix", (ints(2, 4), ints(2, 4), ints(2, 4)), {"num_classes": 2, "dtype": "bool"}),
]
OTHERS = [
    Case("AllCandidateSampler", (ints(4, 3, 2, dtype="i8"),), {"num_sampled": 4, "num_true": 2, "unique": True}),
    *(Case("ToBool", (np.array(each, np.float32),)) for each in (0, 2)),
    *(Case("ToBool", (np.zeros(each, np.float32),)) for each in (0, 2)),
]


@pytest.mark.parametrize("case", [*ASCEND, *LEARNING, *OTHERS], ids=str)
def test_computes_the_same(case: Case) -> None:
    check_case(case)
