"""Rounding: to nearest, ties to even, as numpy's own casts, and by hand at the ends."""

from __future__ import annotations

import math
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from modelc.ir.types import BF16, F16, Element
from modelc.precision.rounding import Range, clipped, narrowed, range_of

NUMPY = {F16: np.float16, BF16: ml_dtypes.bfloat16}


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (0.1, 0.0999755859375),
        (2048.0, 2048.0),
        (2049.0, 2048.0),  # a tie, to even
        (2051.0, 2052.0),
        (65504.0, 65504.0),
        (65519.99, 65504.0),
        (65520.0, math.inf),
        (-1e5, -math.inf),
        (2.0**-24, 2.0**-24),
        (2.0**-25, 0.0),  # a tie between zero and the smallest number
        (1.01 * 2.0**-25, 2.0**-24),
        (-1e-9, -0.0),
        (math.inf, math.inf),
    ],
)
def test_half_precision(number: float, expected: float) -> None:
    result = narrowed(np.array([number], np.float32), F16)
    assert result.dtype == np.float32
    assert result[0] == expected
    assert np.signbit(result[0]) == np.signbit(expected)


def test_a_nan_stays_one() -> None:
    assert np.isnan(narrowed(np.array([np.nan], np.float32), F16)).all()


@pytest.mark.parametrize("element", [F16, BF16])
@settings(deadline=None, max_examples=50)
@given(array=hnp.arrays(np.float32, hnp.array_shapes(min_dims=0), elements=st.floats(width=32)))
def test_rounding_is_a_cast_and_back(element: Element, array: NDArray[Any]) -> None:
    with np.errstate(all="ignore"):
        expected = array.astype(NUMPY[element]).astype(np.float32)
    once = narrowed(array, element)
    np.testing.assert_array_equal(once, expected)
    np.testing.assert_array_equal(narrowed(once, element), once)


@pytest.mark.parametrize("dtype", [np.int32, np.bool_, np.float64, np.float16, object])
def test_other_types_are_left_alone(dtype: Any) -> None:
    array = np.array([0, 1], dtype)
    assert narrowed(array, F16) is array
    assert clipped(array, F16) is array


def test_weights_are_clipped() -> None:
    weights = np.array([1e5, -1e5, 65510.0, 0.1, np.inf, -np.inf], np.float32)
    assert clipped(weights, F16).tolist() == [65504, -65504, 65504, 0.0999755859375, math.inf, -math.inf]


@pytest.mark.parametrize(
    ("element", "expected"),
    [(F16, Range(65504.0, 2.0**-24)), (BF16, Range(float.fromhex("0x1.fep127"), 2.0**-133))],
)
def test_ranges(element: Element, expected: Range) -> None:
    assert range_of(element) == expected
