"""Lowering of doubles: what onnxruntime computes in single precision only is computed to their own."""

from __future__ import annotations

import numpy as np
import pytest
from tests.backends.onnx.arrays import Array
from tests.backends.onnx.lowering_case import Case, check_case

from modelc.ir.attributes import Attribute
from modelc_backends.onnx.lower.doubles import WRITTEN_OUT

PRECISE = {"float64": 1e-12}
SPECIAL = (0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 1e-300, 1e-20, -1e-9)


def numbers(low: float, high: float, *more: float) -> Array:
    return np.array([*np.linspace(low, high, 301), *SPECIAL, *more])


ALL, WITHIN_ONE = numbers(-9, 9, 30, -30), numbers(-1, 1, 1 - 1e-9, -1 + 1e-9, 1.5)
OPERANDS: dict[str, tuple[Array, ...]] = {
    "Acos": (WITHIN_ONE,),
    "Acosh": (numbers(1, 9, 1 + 1e-12, 1e12, 0.5),),
    "Asin": (WITHIN_ONE,),
    "Asinh": (numbers(-9, 9, 1e12, -1e12),),
    "Atan": (numbers(-9, 9, 1e12, -1e12),),
    "Atanh": (WITHIN_ONE,),
    "PRelu": (np.linspace(-3, 3, 24).reshape(2, 3, 4), np.array([0.1, 0.2, 0.3])),
}
# The canonical ops that come down to each op of ONNX.
CANONICAL: dict[str, tuple[tuple[str, dict[str, Attribute]], ...]] = {
    "Elu": (("Elu", {"alpha": 1.5}),),
    "Gelu": (("GeluV2", {}), ("GeluV2", {"approximate": "tanh"})),
    "HardSigmoid": (("HardSigmoid", {}),),
    "LeakyRelu": (("LeakyRelu", {"negative_slope": 0.2}),),
    "ThresholdedRelu": (("ThresholdedRelu", {"alpha": 0.7}),),
}
CASES = [
    Case(name, OPERANDS.get(kind, (ALL,)), attributes, PRECISE)
    for kind in sorted(WRITTEN_OUT)
    for name, attributes in CANONICAL.get(kind, ((kind, {}),))
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_computes_doubles_to_their_precision(case: Case) -> None:
    check_case(case)


@pytest.mark.parametrize(
    "case",
    [
        Case("Atan2", (ALL, ALL[::-1].copy()), {}, PRECISE),
        *(Case(kind, (np.abs(ALL),), {}, PRECISE) for kind in ("Log1p", "Expm1")),
        *(Case(kind, (ALL,), {}, PRECISE) for kind in ("Swish", "LogSigmoid", "SoftplusV2")),
    ],
    ids=str,
)
def test_what_is_made_of_them_is_as_precise(case: Case) -> None:
    check_case(case)
