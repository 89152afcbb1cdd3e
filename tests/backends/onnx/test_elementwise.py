"""Lowering of elementwise ops and activations."""

from __future__ import annotations

import numpy as np
import pytest
from tests.backends.onnx.arrays import Array, floats, ints
from tests.backends.onnx.lowering_case import Case, check_case, known

from modelc.dialects.ge.activation import ACTIVATIONS
from modelc.dialects.ge.elementwise import BINARY, COMPARISONS
from modelc_backends.onnx.lower.table import op_types

X = np.array([-7.5, -2.5, -1.0, -0.5, -1e-4, 0.0, 1e-4, 0.5, 1.5, 2.5, 9.0], np.float32)
WITHIN_ONE = np.array([-0.99, -0.5, -1e-4, 0.0, 1e-4, 0.5, 0.99], np.float32)
ABOVE_ONE = np.array([1.0, 1.5, 20.0], np.float32)
POSITIVE = np.array([1e-4, 0.5, 1.0, 9.0], np.float32)
PLAIN = ("Abs", "Asinh", "Atan", "Ceil", "Cos", "Cosh", "Erf", "Erfc", "Exp", "Expm1", "Floor", "Neg", "Rint", "Round")
SPECIAL = np.array([0.0, np.inf, -np.inf, np.nan], np.float32)
TYPES = ("i1", "u1", "i8")
CASES = [
    *(Case(kind, (X,)) for kind in (*PLAIN, "Sign", "Sin", "Sinh", "Square", "Tan", "Trunc", "CheckNumerics")),
    *(Case(kind, (WITHIN_ONE,)) for kind in ("Acos", "Asin", "Atanh", "Log1p")),
    Case("Acosh", (ABOVE_ONE,)),
    Case("Log1p", (np.array([1e6, 1e-6, 3.0], np.float32),)),
    *(Case(kind, (POSITIVE,)) for kind in ("Log", "Rsqrt", "Sqrt", "Inv", "Reciprocal")),
    *(
        Case(kind, (ints(9, 2, 3, dtype=dtype) - 4,))
        for kind in ("Abs", "Neg", "Sign", "Square")
        for dtype in TYPES[::2]
    ),
    *(Case(kind, (ints(9, 4),)) for kind in ("Ceil", "Invert", "Round", "Trunc")),
    *(Case(kind, (SPECIAL,)) for kind in ("IsFinite", "IsInf", "IsNan")),
    Case("LogicalNot", (ints(2, 4, dtype=bool),)),
    Case("Adds", (X,), {"value": 1.5}),
    Case("Muls", (ints(9, 4),), {"value": 3.0}),
    Case("Power", (POSITIVE,), {"power": 1.5, "scale": 2.0, "shift": 0.5}),
    Case("Power", (X,), {"scale": 2.0}),
    Case("Exp", (X,), {"base": 2.0, "scale": 0.5, "shift": 1.0}),
    Case("Log", (POSITIVE,), {"base": 10.0, "scale": 2.0, "shift": 1.0}),
]
QUOTIENTS = ("Div", "FloorDiv", "FloorMod", "Mod", "RealDiv", "TruncateDiv")
INTEGRAL = ("Add", "AddV2", "Maximum", "Minimum", "Mul", "SquaredDifference", "Sub", *QUOTIENTS)
LOGICAL = ("LogicalAnd", "LogicalOr")
BITS = ("BitwiseAnd", "BitwiseOr", "BitwiseXor")
A, B = floats(2, 3), floats(4, 1, 3)
DIVISORS = np.array([[[3, -2, 5]], [[-1, 1, 7]]], np.int32)
PAIRS = [
    *(Case(kind, (A, B)) for kind in (*INTEGRAL, *COMPARISONS, "TruncateMod")),
    *(Case(kind, (ints(20, 2, 3) - 10, DIVISORS)) for kind in (*INTEGRAL, *COMPARISONS, *BITS)),
    *(Case(kind, (ints(20, 3, dtype=dtype), ints(5, 3, dtype=dtype) + 1)) for kind in INTEGRAL for dtype in TYPES),
    *(Case(kind, (ints(20, 3) - 10, known([3, -2, 5]))) for kind in ("FloorDiv", "FloorMod", "TruncateDiv")),
    *(Case(kind, (ints(2, 2, 3, dtype=bool), ints(2, 3, dtype=bool))) for kind in (*LOGICAL, "Equal")),
    *(Case(kind, (A, ints(2, 2, 3).astype(np.float32))) for kind in ("DivNoNan", "MulNoNan")),
    *(Case(kind, (ints(2, 4).astype(np.float32), POSITIVE)) for kind in ("Xdivy", "Xlogy", "Xlog1py")),
    Case("Pow", (POSITIVE, floats(4))),
    Case("Pow", (ints(5, 4), ints(4, 4))),
]
SEVERAL = [
    Case("AddN", (A, A + 1, A * 2)),
    Case("AccumulateNV2", (ints(9, 3), ints(9, 3))),
    Case("Axpy", (A, B), {"alpha": 0.5}),
    Case("Lerp", (A, A + 1, B)),
    Case("Addcmul", (A, B, B, known([2.0], np.float32))),
    Case("Addcdiv", (A, B, np.abs(B) + 1, known([2.0], np.float32))),
    Case("BiasAdd", (floats(2, 3, 4), floats(4)), {"data_format": "NHWC"}),
    Case("BiasAdd", (floats(2, 3, 4), floats(3)), {"data_format": "NCHW"}),
    Case("Select", (ints(2, 2, dtype=bool), A, A + 1)),
    Case("Select", (np.array(True), A, A + 1)),
    *(
        Case("SelectV2", (ints(2, 2, 1, dtype=bool), A.astype(t), B[:, 0, :1].astype(t)[:2]))
        for t in ("f4", "f2", "i2", "u1")
    ),
    Case("MaskedFill", (A, ints(2, 3, dtype=bool), np.array(7, np.float32))),
    Case("ClipByValue", (A, known(-1.0, np.float32), known(1.0, np.float32))),
    Case("ClipByValue", (A, known(1.0, np.float32), known(-1.0, np.float32))),
    Case("ClipByValue", (ints(9, 2, 3), ints(3, 3), ints(9, 3))),
]
SHAPED = [
    Case("LeakyRelu", (X,), {"negative_slope": 0.3}),
    Case("Elu", (X,), {"alpha": 1.5, "scale": 2.0}),
    Case("Elu", (X,), {"alpha": 1.5, "scale": 2.0, "input_scale": 0.5}),
    Case("Celu", (X,), {"alpha1": 1.5, "alpha2": 2.0, "alpha3": 0.5}),
    *(Case("GeluV2", (X,), {"approximate": each}) for each in ("none", "tanh")),
    Case("HardSigmoid", (X,), {"alpha": 0.3, "beta": 0.4}),
    *(Case(kind, (X,), {"lambd": 0.75}) for kind in ("HardShrink", "SoftShrink")),
    Case("SoftplusV2", (X,), {"beta": 2.0, "threshold": 4.0}),
    Case("Swish", (X,), {"scale": 1.5}),
    Case("Threshold", (X,), {"threshold": 0.5}),
    Case("ThresholdedRelu", (X,), {"alpha": 0.5}),
    Case("PRelu", (floats(2, 3, 4), floats(3))),
    Case("PRelu", (floats(2, 3), floats(1))),
    Case("PRelu", (floats(2, 3, 4), floats(3, 1))),
    Case("SwiGlu", (floats(2, 4, 3),), {"dim": 1}),
]


@pytest.mark.parametrize("case", [*CASES, *PAIRS, *SEVERAL, *SHAPED], ids=str)
def test_computes_the_same(case: Case) -> None:
    check_case(case)


@pytest.mark.parametrize("kind", ACTIVATIONS)
@pytest.mark.parametrize("x", [X, X.astype(np.float16), X.astype(np.float64)], ids=("f32", "f16", "f64"))
def test_activations_of_any_precision(kind: str, x: Array) -> None:
    check_case(Case(kind, (x,)))


def test_hardly_an_op_of_two_operands_lacks_a_form() -> None:
    assert {*BINARY, *COMPARISONS} - set(op_types()) <= {"NextAfter"}
