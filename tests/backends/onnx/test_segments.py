"""Lowering of ops that reduce rows by segment, and of those that count."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.backends.onnx.arrays import floats, ints
from tests.backends.onnx.lowering_case import Case, check, check_case, known

FOLDS = ("Sum", "Prod", "Max", "Min")
ASCENDING = np.array([0, 0, 2, 2, 4], np.int32)
NONE = np.zeros(0, np.float32)

CASES = [
    *(
        Case(f"UnsortedSegment{fold}", (ints(4, 5, 3, dtype=each), known([2, -1, 0, 2, 3]), known(5)))
        for fold in FOLDS
        for each in ("f4", "f2", "i4", "u1")
    ),
    *(Case(f"UnsortedSegment{fold}", (floats(2, 3, 4), ints(3, 2, 3), known(5))) for fold in FOLDS),
    Case("UnsortedSegmentSum", (floats(7), ints(3, 7) - 1, np.array(4, np.int32))),
    *(Case(f"Segment{fold}", (floats(5, 3), known(ASCENDING))) for fold in ("Sum", "Max")),
    *(
        Case(f"Segment{fold}", (floats(5, 3, dtype=each), ASCENDING))
        for fold in ("Sum", "Max")
        for each in ("f4", "f2", "i8")
    ),
    Case("SegmentMax", (floats(5), ASCENDING)),
    *(Case(f"SparseSegment{fold}", (floats(6, 3), ints(6, 5), ASCENDING)) for fold in ("Sum", "Mean")),
    *(Case(f"SparseSegment{fold}", (floats(6), ints(6, 5), known(ASCENDING))) for fold in ("Sum", "Mean")),
    Case("Bincount", (ints(7, 3, 3), known(5), floats(3, 3))),
    Case("Bincount", (ints(7, 9), np.array(5, np.int32), known(NONE, np.int32))),
    Case("DenseBincount", (ints(7, 9), known(5), floats(9))),
    Case("DenseBincount", (ints(7, 2, 9), known(5), floats(2, 9))),
    Case("DenseBincount", (ints(7, 2, 9), known(5), known(NONE, np.int64))),
    Case("DenseBincount", (ints(7, 2, 9), known(5), known(NONE, np.float32)), {"binary_output": True}),
    Case("DenseBincount", (ints(7, 9), known(5), floats(9)), {"binary_output": True}),
    Case("HistogramFixedWidth", (floats(20), np.array([-1, 1], np.float32), known(6))),
    Case("HistogramFixedWidth", (ints(30, 4, 5), known([0, 17]), known(6)), {"dtype": 9}),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_computes_the_same(case: Case) -> None:
    check_case(case)


@settings(max_examples=15)
@given(st.data())
def test_folds_rows_of_any_rank(data: st.DataObject) -> None:
    leading = data.draw(st.lists(st.integers(1, 3), min_size=1, max_size=3))
    rest = data.draw(st.lists(st.integers(1, 3), max_size=2))
    fold = data.draw(st.sampled_from(FOLDS))
    check(f"UnsortedSegment{fold}", floats(*leading, *rest), ints(5, *leading) - 1, known(4))
