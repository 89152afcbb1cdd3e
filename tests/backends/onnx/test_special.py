"""Lowering of special functions, of angles and vector products, and of fake quantization."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.backends.onnx.arrays import Array, floats, ints
from tests.backends.onnx.lowering_case import Case, check, check_case, known

from modelc.ir.attributes import Attribute

SPECIAL = (0.0, -0.0, np.inf, -np.inf, np.nan)
TOLERANCES = {"float32": 2e-7, "float64": 2e-9, "float16": 2e-3}
NEAR_ONE = (1 - 2.0**-24, -1 + 2.0**-24, 1.0, -1.0, 1.5)
TINY = (1e-300, 1e-38, 1e-30, -1e-30, 1e-20, 1e-7)


def numbers(low: float, high: float, *more: float, dtype: str = "f4") -> Array:
    """Return numbers all over a range, and special ones."""
    with np.errstate(over="ignore"):
        return np.array([*np.linspace(low, high, 500), *more, *SPECIAL, *TINY]).astype(dtype)


RANGES = {
    "Erfinv": (-0.999, 0.999, *NEAR_ONE),
    "Ndtri": (0.001, 0.999, 1 - 2.0**-24, 0.0, 1.0, 1.5),
    "Lgamma": (-12.3, 12.1, 1.0, 2.0, -3.0, 1 + 2.0**-20),
    "Digamma": (-12.3, 30.1, -3.0, 1.4616, 1e10, 1e30),
    "BesselI0e": (-30, 30, 8, 1e30),
    "BesselI1e": (-30, 30, 8, 1e30),
    "Expint": (-1, 10, 1.4513692),
    "Spence": (-1, 10, 0.5, 1.5, 1e30),
}
LARGE = np.array([30, 1e3 + 0.25, 2e4, -1e3 - 0.25, -2e4 - 0.5], np.float32)
FUNCTIONS = [
    *(
        Case(kind, (numbers(*row, dtype=each),), {}, TOLERANCES)
        for kind, row in RANGES.items()
        for each in ("f2", "f4", "f8")
    ),
    *(Case(kind, (LARGE * scale,), {}, TOLERANCES) for kind in ("Lgamma", "Digamma") for scale in (1, 100)),
    Case("Lgamma", (np.array([1e10, 1e30], np.float32),), {}, TOLERANCES),
    *(Case("Expint", (np.array([each], np.float32),), {}, TOLERANCES) for each in (20, 80, 88.5)),
]
SIDES = np.array([*SPECIAL, 1, -1, 1e-30, -3, 1e30], np.float32)
ANGLES = [
    Case("Atan2", (SIDES[:, None], SIDES)),
    Case("Atan2", (floats(3, 4, dtype="f2"), floats(4, dtype="f2"))),
]
CROSSED = [
    *(Case("Cross", (ints(9, 3, 2, dtype=each), ints(9, 3, 2, dtype=each))) for each in ("i4", "i1", "f2", "f4")),
    Case("Cross", (floats(2, 3), floats(2, 3)), {"dim": -1}),
]
X = np.array([-9, -6, -0.1, 0, 0.02, 0.5, 2.99, 3, 7], np.float32)
QUANTIZING: list[tuple[float, float, dict[str, Attribute]]] = [
    (-6.0, 6.0, {}),
    (-1.0, 0.5, {"num_bits": 4, "narrow_range": True}),
    (0.0, 3.0, {}),
    (0.0, 0.0, {}),
]
QUANTIZED = [
    *(Case("FakeQuantWithMinMaxArgs", (X,), {"min": low, "max": high, **how}) for low, high, how in QUANTIZING[:3]),
    *(
        Case("FakeQuantWithMinMaxVars", (X, known(low, np.float32), np.array(high, np.float32)), how)
        for low, high, how in QUANTIZING
    ),
    Case("FakeQuantWithMinMaxVarsPerChannel", (floats(3, 2), known([-1, -2], np.float32), known([3, 1], np.float32))),
]


@pytest.mark.parametrize("case", [*FUNCTIONS, *ANGLES, *CROSSED, *QUANTIZED], ids=str)
def test_computes_the_same(case: Case) -> None:
    check_case(case)


@settings(max_examples=10)
@given(st.sampled_from(sorted(RANGES)), st.lists(st.floats(-40, 40, width=32), min_size=1, max_size=50))
def test_special_functions_of_any_numbers(kind: str, drawn: list[float]) -> None:
    check(kind, np.array(drawn, np.float32))
