"""Lowering of ops that find, sort out and select elements."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.backends.onnx.arrays import floats, ints
from tests.backends.onnx.lowering_case import Case, check, check_case, known

from modelc.ir.types import I32, I64

TYPES = ("f4", "i4", "u1", "i8")
ROWS = np.sort(ints(9, 2, 5))
UNSORTED = ints(9, 5)

CASES = [
    *(Case("Where", (ints(2, 3, 4, dtype=each),)) for each in (*TYPES, "?", "f8")),
    Case("Where", (np.array([1e-300, 0.0, np.nan]),)),
    Case("NonZero", (ints(2, 3, 4),), {"transpose": True}),
    Case("NonZero", (ints(2, 3, 4),), {"dtype": I32}),
    *(Case("MaskedSelect", (floats(*shape), ints(2, 2, 3, 4, dtype=bool))) for shape in ((2, 3, 4), (3, 4), (3, 1))),
    Case("MaskedSelect", (floats(2, 3, 4), ints(2, 4, dtype=bool))),
    *(Case("Unique", (ints(5, 12, dtype=each),)) for each in TYPES),
    Case("UniqueWithCounts", (ints(5, 12),), {"out_idx": I64}),
    Case("UniqueExt2", (ints(2, 6, 2), known([0]))),
    Case("UniqueExt2", (ints(3, 6), known([]))),
    Case("UniqueWithCountsExt2", (ints(2, 2, 6), known([1]))),
    *(Case("ListDiff", (ints(5, 12, dtype=each), ints(3, 4, dtype=each))) for each in TYPES),
    Case("ListDiff", (ints(5, 12), ints(3, 0))),
    Case("DynamicPartition", (floats(5, 3), ints(3, 5)), {"num_partitions": 3}),
    Case("DynamicPartition", (floats(2, 3, 2), ints(2, 2, 3)), {"num_partitions": 2}),
    Case("DynamicStitch", (known([0, 3]), known([[1, 2], [0, 5]]), floats(2, 3), floats(2, 2, 3))),
    Case("DynamicStitch", (known([0, 3]), known([[1, 2], [4, 0]]), floats(2, 3), floats(2, 2, 3))),
    Case("ParallelDynamicStitch", (np.array([2, 0], np.int32), np.array([[3, 1]], np.int32), floats(2), floats(1, 2))),
    Case("RepeatInterleave", (floats(2, 3), known([2]))),
    Case("RepeatInterleave", (floats(2, 3), known([2])), {"axis": 1}),
    Case("RepeatInterleave", (floats(2, 3), known([2, 0, 1])), {"axis": -1}),
    *(Case(kind, (ROWS, ints(10, 2, 3))) for kind in ("LowerBound", "UpperBound")),
    Case("SearchSorted", (ROWS[0], ints(10, 2, 3))),
    Case("SearchSorted", (ROWS, ints(10, 2, 3)), {"right": True, "dtype": I32}),
    Case("SearchSorted", (UNSORTED, ints(10, 2, 3), np.argsort(UNSORTED))),
    *(Case("Bucketize", (ints(9, 2, 3, dtype=each),), {"boundaries": (1.0, 2.5, 5.0)}) for each in ("f4", "i4", "f8")),
    Case("Bucketize", (ints(9, 2, 3, dtype="f4"),), {"boundaries": (1.0, 2.5, 5.0), "right": False}),
    Case("UnravelIndex", (ints(24, 5), known([2, 3, 4]))),
    Case("UnravelIndex", (np.array(7, np.int64), known([2, 3, 4], np.int64))),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_computes_the_same(case: Case) -> None:
    check_case(case)


@settings(max_examples=15)
@given(st.data())
def test_stitches_known_and_computed_places(data: st.DataObject) -> None:
    order = np.array(data.draw(st.permutations(range(data.draw(st.integers(1, 6))))), np.int32)
    cut = data.draw(st.integers(0, len(order)))
    parts = order[:cut], order[cut:]
    indices = [known(part) if data.draw(st.booleans()) else part for part in parts]
    check("DynamicStitch", *indices, *(floats(len(part), 2) for part in parts))
