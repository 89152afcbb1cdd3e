"""Lowering of ops that read and write tensors by index."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.backends.onnx.arrays import floats, ints
from tests.backends.onnx.lowering_case import Case, check, check_case, known

ROWS = np.array([[0, 1], [2, 2], [1, 1]], np.int32)
COLUMNS = np.array([[0, 2], [1, 0], [2, 3]], np.int32)

CASES = [
    *(Case("GatherV2", (floats(3, 4, dtype=each), ints(4, 2), known(1))) for each in (bool, "i1", "u2", "f2", "f8")),
    Case("GatherV2", (floats(3, 4), ints(3, 2, 2, dtype="u1"), known(0))),
    Case("Gather", (floats(3, 4, 5), ints(3, 2, 2))),
    Case("Gather", (floats(3, 4, 5), ints(4, 3, 2)), {"batch_dims": 1}),
    Case("GatherElements", (floats(3, 4), ints(3, 3, 4))),
    Case("GatherElements", (floats(3, 4), ints(4, 3, 2) - 4), {"dim": 1}),
    Case("GatherD", (floats(3, 4), known(1), ints(4, 3, 2))),
    Case("GatherNd", (floats(3, 4, 5), ints(3, 2, 6, 2))),
    Case("GatherNd", (floats(3, 4), np.zeros((2, 0), np.int32))),
    *(
        Case("ScatterElements", (floats(3, 4), COLUMNS, floats(3, 2)), {"axis": 1, "reduction": each})
        for each in ("none", "add", "mul", "max", "min")
    ),
    *(Case("ScatterNd", (ints(3, 5, 1), floats(5, 2, dtype=each), known([4, 2]))) for each in ("f4", "f2", "i4")),
    *(
        Case(f"TensorScatter{name}", (floats(3, 4, 2, dtype=dtype), ROWS, floats(3, 2, dtype=dtype)))
        for name in ("Update", "Add", "Sub", "Max", "Min")
        for dtype in ("f4", "f2", "i8", "u1")
    ),
    Case("ScatterNonAliasingAdd", (floats(3, 4, 2), ROWS, floats(3, 2))),
    *(Case(f"Inplace{name}", (floats(3, 4), ints(1, 1), floats(1, 4))) for name in ("Update", "Add", "Sub")),
    Case("InplaceAdd", (floats(3, 4), np.array(1, np.int32), floats(1, 4))),
    Case("SparseToDense", (ROWS[:2], known([3, 4]), floats(2), floats())),
    Case("SparseToDense", (np.array([1, 2], np.int32), known([5]), floats(), known(7.0, np.float32))),
    *(Case("OneHot", (ints(6, 2, 3) - 1, known(4), floats(), floats()), {"axis": axis}) for axis in (-1, 0, 1, 2)),
    Case("OneHot", (ints(6, 3, dtype="u1"), known(4), known(1, bool), known(0, bool))),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_computes_the_same(case: Case) -> None:
    check_case(case)


@settings(max_examples=15)
@given(st.data())
def test_gathers_along_any_axis_behind_any_batch(data: st.DataObject) -> None:
    shape = data.draw(st.lists(st.integers(1, 3), min_size=1, max_size=4))
    axis = data.draw(st.integers(0, len(shape) - 1))
    batch = data.draw(st.integers(0, axis))
    rest = data.draw(st.lists(st.integers(1, 3), max_size=2))
    indices = ints(shape[axis], *shape[:batch], *rest)
    check("GatherV2", floats(*shape), indices, known(axis), batch_dims=batch)
