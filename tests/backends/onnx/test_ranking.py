"""Lowering of ops that rank along an axis."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.backends.onnx.arrays import floats, ints
from tests.backends.onnx.lowering_case import Case, check, check_case, known

SCORES = floats(4, 5)
SCORES[2, 1] = np.inf
TYPES = ("f4", "f2", "f8", "i4", "i8", "u1", "i2", "u4")

CASES = [
    *(Case("TopKV2", (ints(4, 3, 5, dtype=each), known(3))) for each in TYPES),
    Case("TopK", (ints(4, 3, 5), np.array(2, np.int32)), {"largest": False, "dim": 0}),
    *(Case("Sort", (ints(4, 3, 5, dtype=each),), {"descending": True}) for each in TYPES),
    Case("Sort", (ints(4, 3, 5),), {"axis": 0}),
    Case("NthElement", (floats(3, 5), known(2))),
    Case("NthElement", (floats(3, 5), np.array(2, np.int32)), {"reverse": True}),
    Case("InTopKV2", (SCORES, np.array([1, 5, 0, -1], np.int32), known(3))),
    Case("InTopK", (SCORES, np.array([1, 4, 0, 1], np.int64), np.array(2, np.int64))),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_computes_the_same(case: Case) -> None:
    check_case(case)


@settings(max_examples=15)
@given(st.data())
def test_equal_numbers_rank_as_they_come(data: st.DataObject) -> None:
    shape = data.draw(st.lists(st.integers(1, 4), min_size=1, max_size=3))
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    count = data.draw(st.integers(0, shape[axis]))
    largest = data.draw(st.booleans())
    check("TopKV2", ints(3, *shape).astype(np.float32), known(count), dim=axis, largest=largest)
