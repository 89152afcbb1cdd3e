"""Lowering of ops that reduce and accumulate along axes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.backends.onnx.arrays import floats, ints
from tests.backends.onnx.lowering_case import Case, check, check_case, known

from modelc.dialects.ge.reduce import LOGICAL, REDUCTIONS
from modelc.ir.types import ELEMENTS

NUMBERS = ("i1", "i4", "i8", "u1", "f2", "f4", "f8")
FLOATS = ("f2", "f4", "f8")
ROUNDED = ("ReduceLogSum", "ReduceLogSumExp", "ReduceNansum")
SOME_NAN = np.array([[1, np.nan, 3], [4, -5, 6]], np.float32)
INFINITE = np.array([[-np.inf, -np.inf, 1, np.inf]], np.float32)

REDUCING = [
    *(
        Case(kind, (ints(4, 2, 3, 4, dtype=each) + np.array(1, each), known([0, -1])), {"keep_dims": True})
        for kind in REDUCTIONS
        for each in (FLOATS if kind in ROUNDED else NUMBERS)
    ),
    *(Case(kind, (ints(2, 2, 3, 4).astype(bool), known([1]))) for kind in LOGICAL),
    *(Case(kind, (ints(3, 2, 3) - 1, known(np.empty(0)))) for kind in ("ReduceSum", "EuclideanNorm", "ReduceMean")),
    *(Case(kind, (ints(2, 2, 3).astype(bool), known(np.empty(0)))) for kind in LOGICAL),
    Case("ReduceSum", (floats(2, 3), known(np.empty(0))), {"noop_with_empty_axes": False}),
    Case("ReduceMax", (floats(2, 3), known(np.empty(0))), {"noop_with_empty_axes": False, "keep_dims": True}),
    Case("ReduceSum", (floats(2, 3), np.array([1], np.int64)), {"keep_dims": True}),
    Case("ReduceSum", (floats(), known(np.empty(0)))),
    Case("ReduceNansum", (SOME_NAN, known([1]))),
    *(Case(kind, (SOME_NAN, known([0]))) for kind in ("ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin")),
    *(Case(kind, (np.zeros((0, 3), np.float32), known([0]))) for kind in ("ReduceSum", "ReduceProd", "ReduceMax")),
    *(Case(kind, (np.zeros((0, 3), bool), known([0]))) for kind in LOGICAL),
    Case("ReduceMean", (np.array([[-7, 2], [-2, 1]], np.int32), known([0]))),
    Case("ReduceMean", (np.array([2**31 - 1, 2**31 - 3], np.int32), known([0]))),
    Case("ReduceMeanWithCast", (floats(2, 3), known([0])), {"dtype": ELEMENTS["f16"]}),
    *(Case("ReduceMeanVariance", (floats(2, 3, 4),), {"axes": (0, 1), "keep_dims": each}) for each in (True, False)),
    *(Case("ReduceStd", (floats(2, 3, 4),), {"dim": (1,), "unbiased": each}) for each in (True, False)),
    Case("ReduceStd", (floats(2, 3),), {"keepdim": True}),
]
ARG = [
    *(Case(kind, (ints(4, 3, 5, dtype=each), known(-1))) for kind in ("ArgMaxV2", "ArgMin") for each in NUMBERS),
    Case("ArgMaxV2", (floats(3, 5), known(0)), {"dtype": ELEMENTS["i32"]}),
    *(
        Case(kind, (ints(4, 3, 5, dtype=each),), {"dimension": axis, "keep_dims": keep})
        for kind in ("ArgMaxWithValue", "ArgMinWithValue")
        for each in ("f4", "f2", "i4")
        for axis, keep in ((0, False), (-1, True))
    ),
]
ACCUMULATING = [
    *(Case(kind, (ints(3, 3, 4, dtype=each), known(1))) for kind in ("Cumsum", "Cumprod") for each in NUMBERS),
    *(Case("CumulativeLogsumexp", (floats(3, 4, dtype=each), known(1))) for each in FLOATS),
    Case("CumulativeLogsumexp", (INFINITE, known(1))),
    Case("CumulativeLogsumexp", (INFINITE[:, :2], known(1)), {"exclusive": True}),
    Case("Cumprod", (floats(3, 1), known(-1)), {"exclusive": True}),
    Case("Cumsum", (floats(0, 3), known(0))),
]


@pytest.mark.parametrize("case", [*REDUCING, *ARG, *ACCUMULATING], ids=str)
def test_computes_the_same(case: Case) -> None:
    check_case(case)


@settings(max_examples=20)
@given(st.data())
def test_reduces_along_any_axes(data: st.DataObject) -> None:
    dims = data.draw(st.lists(st.integers(1, 3), min_size=1, max_size=4))
    axes = data.draw(st.lists(st.integers(-len(dims), len(dims) - 1), max_size=3))
    kind = data.draw(st.sampled_from(sorted(REDUCTIONS)))
    check(kind, np.abs(floats(*dims)) + 1, known(axes), keep_dims=data.draw(st.booleans()))


@settings(max_examples=20)
@given(st.data())
def test_accumulates_along_any_axis(data: st.DataObject) -> None:
    dims = data.draw(st.lists(st.integers(1, 6), min_size=1, max_size=3))
    kind = data.draw(st.sampled_from(("Cumsum", "Cumprod", "CumulativeLogsumexp")))
    axis = data.draw(st.integers(-len(dims), len(dims) - 1))
    how = {name: data.draw(st.booleans()) for name in ("exclusive", "reverse")}
    check(kind, floats(*dims), known(axis), **how)
