"""Lowering of ops on the diagonals of matrices, and of those that keep a triangle or a band of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.backends.onnx.arrays import floats
from tests.backends.onnx.lowering_case import Case, check, check_case, known

TYPES = ("f4", "f2", "i4", "u1")
ALIGNED = ("RIGHT_LEFT", "LEFT_LEFT", "LEFT_RIGHT")
BAND = known([-2, 1])

CASES = [
    *(Case("Diag", (floats(2, 3, dtype=each),)) for each in (*TYPES, "?")),
    *(Case("DiagPart", (floats(2, 3, 2, 3, dtype=each),)) for each in TYPES),
    *(Case("DiagFlat", (floats(2, 3),), {"diagonal": each}) for each in (0, 2, -1)),
    *(Case("MatrixDiag", (floats(2, 3, dtype=each),)) for each in TYPES),
    *(Case("MatrixDiagPart", (floats(*shape),)) for shape in ((2, 4, 3), (2, 3, 4), (3, 3))),
    *(Case("MatrixSetDiag", (floats(*shape), floats(*shape[:-2], 3))) for shape in ((2, 4, 3), (2, 3, 4), (3, 3))),
    *(Case("Trace", (floats(3, 4, dtype=each),)) for each in (*TYPES, "i2")),
    *(Case("Tril", (floats(2, 3, 4, dtype=each),), {"diagonal": 1}) for each in (*TYPES, "?", "i2")),
    *(Case("Triu", (floats(3, 4),), {"diagonal": each}) for each in (0, 1, -1)),
    *(Case("MatrixBandPart", (floats(2, 3, 4), known(lower), known(1))) for lower in (-1, 0, 2)),
    Case("MatrixBandPart", (floats(2, 3, 4), np.array(1, np.int64), np.array(-1, np.int64))),
    *(Case("MatrixDiagPartV3", (floats(2, 4, 3), BAND, floats()), {"align": each}) for each in ALIGNED),
    *(Case("MatrixSetDiagV3", (floats(2, 4, 3), floats(2, 4, 3), BAND), {"align": each}) for each in ALIGNED),
    *(Case("MatrixDiagV3", (floats(2, 4, 3), BAND, known(4), known(3), floats()), {"align": each}) for each in ALIGNED),
    Case("MatrixDiagPartV2", (floats(4, 3), known(-1), known(0.5, np.float32))),
    Case("MatrixSetDiagV2", (floats(4, 3), floats(2), known(1))),
    Case("MatrixDiagV2", (floats(2, 3), known(1), known(-1), known(-1), floats())),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_computes_the_same(case: Case) -> None:
    check_case(case)


@settings(max_examples=15)
@given(st.data())
def test_any_band_of_any_matrix(data: st.DataObject) -> None:
    rows, columns = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 4))
    low = data.draw(st.integers(1 - rows, columns - 1))
    high = data.draw(st.integers(low, columns - 1))
    check(
        "MatrixDiagPartV3",
        floats(rows, columns),
        known([low, high]),
        floats(),
        align=data.draw(st.sampled_from(ALIGNED)),
    )
