"""Elementwise ops against plain Python, and what inference knows and refuses."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from modelc.dialects.ge import special
from modelc.dialects.ge.dtypes import DATA_TYPES, cpp_number, element_of_cpp, element_of_proto, proto_number
from modelc.ir.types import BF16, BOOL, ELEMENTS, F16, F32, I32, TensorType, tensor

Apply = Callable[..., list[Any]]
reals = st.floats(-50, 50, width=32)


def wrapped(number: int, dtype: np.dtype[Any]) -> int:
    bits = 8 * dtype.itemsize
    number &= (1 << bits) - 1
    return number - (1 << bits) if dtype.kind == "i" and number >= 1 << (bits - 1) else number


# -- numbers


@pytest.mark.parametrize("function", ["erf", "erfc"])
@given(x=st.floats(-30, 30))
@settings(deadline=None, max_examples=300)
def test_error_functions_agree_with_the_c_library(function: str, x: float) -> None:
    actual = float(getattr(special, function)(np.array(x)))
    assert math.isclose(actual, getattr(math, function)(x), rel_tol=5e-14, abs_tol=1e-300)


@given(x=st.floats(-30, 170))
@settings(deadline=None, max_examples=300)
def test_lgamma_agrees_with_the_c_library(x: float) -> None:
    expected = math.inf if x <= 0 and x == int(x) else math.lgamma(x)
    with np.errstate(all="ignore"):
        actual = float(special.lgamma(np.array(x)))
    assert math.isclose(actual, expected, rel_tol=1e-12, abs_tol=1e-12)


@given(p=st.floats(1e-300, 1 - 1e-9))
@settings(deadline=None)
def test_inverses_invert(p: float) -> None:
    y = float(special.erfinv(np.array(p)))
    assert math.isclose(math.erf(y), p, rel_tol=1e-13)
    x = float(special.ndtri(np.array(p)))
    assert math.isclose(0.5 * math.erfc(-x / math.sqrt(2)), p, rel_tol=1e-11)


@given(x=st.floats(0.01, 100))
@settings(deadline=None)
def test_digamma_obeys_its_recurrence(x: float) -> None:
    with np.errstate(all="ignore"):
        low, high = special.digamma(np.array([x, x + 1]))
    assert math.isclose(high - low, 1 / x, rel_tol=1e-9, abs_tol=1e-12)


def test_special_functions_of_large_arrays_work_in_blocks() -> None:
    x = np.linspace(-3, 3, 3 * special.BLOCK + 5, dtype=np.float32)
    expected = np.array([math.erf(float(item)) for item in x[::97]], np.float32)
    np.testing.assert_allclose(special.erf(x)[::97], expected, rtol=2e-7)


QUOTIENTS: dict[str, Callable[[int, int], int]] = {
    "FloorDiv": lambda a, b: a // b,
    "TruncateDiv": lambda a, b: abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1),
    "Div": lambda a, b: abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1),
    "RealDiv": lambda a, b: abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1),
    "FloorMod": lambda a, b: a - a // b * b,
    "Mod": lambda a, b: abs(a) % abs(b) * (1 if a >= 0 else -1),
    "TruncateMod": lambda a, b: abs(a) % abs(b) * (1 if a >= 0 else -1),
    "Add": lambda a, b: a + b,
    "Sub": lambda a, b: a - b,
    "Mul": lambda a, b: a * b,
    "SquaredDifference": lambda a, b: wrapped_square(a, b),
    "BitwiseXor": lambda a, b: a ^ b,
    "Maximum": max,
    "Minimum": min,
}


def wrapped_square(a: int, b: int) -> int:
    return (a - b) ** 2


@pytest.mark.parametrize("kind", QUOTIENTS)
@pytest.mark.parametrize("name", ["int8", "int16", "int32", "int64", "uint8"])
@given(data=st.data())
@settings(deadline=None, max_examples=20)
def test_integers_wrap_and_divide_as_declared(apply: Apply, kind: str, name: str, data: st.DataObject) -> None:
    dtype = np.dtype(name)
    numbers = st.integers(int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)) | st.integers(0, 9)
    a = data.draw(st.lists(numbers, min_size=1, max_size=5))
    b = [item or 1 for item in data.draw(st.lists(numbers, min_size=len(a), max_size=len(a)))]
    expected = [wrapped(QUOTIENTS[kind](x, y), dtype) for x, y in zip(a, b, strict=True)]
    (actual,) = apply(kind, np.array(a, dtype), np.array(b, dtype))
    assert actual.tolist() == expected


def test_a_negative_power_of_an_integer(apply: Apply) -> None:
    (actual,) = apply("Pow", np.array([1, -1, -1, 2, 0, 3]), np.array([-3, -3, -2, -1, -1, 2]))
    assert actual.tolist() == [1, -1, 1, 0, 0, 9]


SIMPLE: dict[str, tuple[Callable[[float], float], dict[str, Any]]] = {
    "Celu": (lambda x: 3 * x if x >= 0 else 2 * math.expm1(x / 4), {"alpha1": 2.0, "alpha2": 4.0, "alpha3": 3.0}),
    "Elu": (lambda x: 3 * (x if x >= 0 else 2 * math.expm1(0.5 * x)), {"alpha": 2.0, "scale": 3.0, "input_scale": 0.5}),
    "Erf": (math.erf, {}),
    "Exp": (lambda x: 2 ** (0.5 * x + 1), {"base": 2.0, "scale": 0.5, "shift": 1.0}),
    "FastGelu": (lambda x: x / (1 + math.exp(-1.702 * x)), {}),
    "Gelu": (lambda x: 0.5 * x * (1 + math.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))), {}),
    "GeluV2": (lambda x: 0.5 * x * math.erfc(-x / math.sqrt(2)), {}),
    "HardShrink": (lambda x: 0.0 if abs(x) <= 1.5 else x, {"lambd": 1.5}),
    "HardSigmoid": (lambda x: min(max(0.2 * x + 0.4, 0), 1), {"alpha": 0.2, "beta": 0.4}),
    "HardSwish": (lambda x: x * min(max(x + 3, 0), 6) / 6, {}),
    "LeakyRelu": (lambda x: x if x > 0 else 0.1 * x, {"negative_slope": 0.1}),
    "LogSigmoid": (lambda x: -math.log1p(math.exp(-x)) if x > 0 else x - math.log1p(math.exp(x)), {}),
    "Mish": (lambda x: x * math.tanh(math.log1p(math.exp(x))), {}),
    "Power": (lambda x: (2 * x + 120) ** 1.5, {"power": 1.5, "scale": 2.0, "shift": 120.0}),
    "Selu": (lambda x: 1.0507009873554805 * (x if x > 0 else 1.6732632423543772 * math.expm1(x)), {}),
    "Sigmoid": (lambda x: 1 / (1 + math.exp(-x)), {}),
    "SoftShrink": (lambda x: 0.0 if abs(x) <= 1 else x - math.copysign(1, x), {"lambd": 1.0}),
    "Softplus": (lambda x: max(x, 0) + math.log1p(math.exp(-abs(x))), {}),
    "SoftplusV2": (lambda x: x if 2 * x > 10 else math.log1p(math.exp(2 * x)) / 2, {"beta": 2.0, "threshold": 10.0}),
    "Swish": (lambda x: x / (1 + math.exp(-2 * x)), {"scale": 2.0}),
    "Threshold": (lambda x: float(x > 1), {"threshold": 1.0}),
    "ThresholdedRelu": (lambda x: x if x > 1 else 0.0, {"alpha": 1.0}),
    "Adds": (lambda x: x + 2, {"value": 2.0}),
    "Muls": (lambda x: x * 2, {"value": 2.0}),
    "Fills": (lambda x: 2.0, {"value": 2.0}),
    "Trunc": (lambda x: float(math.trunc(x)), {}),
}


@pytest.mark.parametrize("kind", SIMPLE)
@given(x=st.lists(reals, min_size=1, max_size=9))
@settings(deadline=None, max_examples=30)
def test_functions_of_one_number(apply: Apply, kind: str, x: list[float]) -> None:
    function, attributes = SIMPLE[kind]
    (actual,) = apply(kind, np.array(x), **attributes)
    np.testing.assert_allclose(actual, [function(item) for item in x], rtol=1e-12, atol=1e-14)
    (single,) = apply(kind, np.array(x, np.float32), **attributes)
    np.testing.assert_allclose(
        single, [function(float(item)) for item in np.array(x, np.float32)], rtol=3e-5, atol=1e-5
    )


def test_logarithm_to_a_base(apply: Apply) -> None:
    (actual,) = apply("Log", np.array([1.0, 3.0, 7.0]), base=2.0, scale=1.0, shift=1.0)
    np.testing.assert_allclose(actual, [1, 2, 3])


@given(hnp.arrays(np.float32, hnp.array_shapes(max_dims=3, max_side=4), elements=reals))
@settings(deadline=None)
def test_sixteen_bits_are_computed_wide_and_rounded_once(apply: Apply, x: Any) -> None:
    half = x.astype(np.float16)
    (actual,) = apply("Mish", half)
    (wide,) = apply("Mish", half.astype(np.float32))
    assert actual.dtype == np.float16
    np.testing.assert_array_equal(actual, wide.astype(np.float16))


def test_prelu_takes_weights_by_channel_or_by_broadcast(apply: Apply) -> None:
    x = -np.ones((2, 3, 4), np.float32)
    (by_channel,) = apply("PRelu", x, np.array([1, 2, 3], np.float32))
    assert by_channel[0, :, 0].tolist() == [-1, -2, -3]
    (by_last,) = apply("PRelu", x, np.array([[1, 2, 3, 4]], np.float32))
    assert by_last[0, 0].tolist() == [-1, -2, -3, -4]
    (by_one,) = apply("PRelu", x, np.array([0.5], np.float32))
    assert np.unique(by_one).tolist() == [-0.5]


def test_other_sums_and_selections(apply: Apply) -> None:
    a, b = np.array([1.0, 2.0], np.float32), np.array([[3.0], [5.0]], np.float32)
    assert apply("Axpy", a, b, alpha=2.0)[0].tolist() == [[7, 8], [11, 12]]
    assert apply("Lerp", a, b, np.float32(0.5))[0].tolist() == [[2, 2.5], [3, 3.5]]
    assert apply("Addcmul", a, b, b, np.float32(2))[0].tolist() == [[19, 20], [51, 52]]
    assert apply("Addcdiv", a, b, b, np.float32(2))[0].tolist() == [[3, 4], [3, 4]]
    assert apply("MaskedFill", a, np.array([True, False]), np.float32(9))[0].tolist() == [9, 2]
    assert apply("IsClose", a, np.array([1.0 + 1e-7, 3], np.float32))[0].tolist() == [True, False]
    assert apply("TensorEqual", a, a)[0].tolist() is True
    assert apply("SwiGlu", np.array([0.0, 1.0, 4.0, 6.0]))[0].tolist() == pytest.approx([0, 6 / (1 + math.exp(-1))])


def test_a_limit_that_is_no_number_does_not_limit(apply: Apply) -> None:
    x, nan = np.array([-5.0, 5.0], np.float32), np.float32(np.nan)
    assert apply("ClipByValue", x, nan, np.float32(1))[0].tolist() == [-5, 1]


def test_a_cast_of_what_has_no_place(apply: Apply) -> None:
    x = np.array([np.nan, np.inf, 0.0, -0.0, 2.5], np.float32)
    assert apply("Cast", x, dst_type=cpp_number(BOOL))[0].tolist() == [True, True, False, False, True]
    assert apply("Cast", x, dst_type=cpp_number(I32))[0].dtype == np.int32


# -- types


def test_inference_follows_symbols_through_broadcasts(infer: Any) -> None:
    assert infer("Add", tensor(F32, "n", 1, 3), tensor(F32, 4, 3)) == ["f32[n, 4, 3]"]
    assert infer("Add", tensor(F32, "n"), tensor(F32, "n")) == ["f32[n]"]
    assert infer("Add", tensor(F32, "n"), tensor(F32, "m")) == ["f32[?]"]
    assert infer("Add", tensor(F32, "n"), tensor(F32, 7)) == ["f32[7]"]
    assert infer("Add", tensor(F32, None), tensor(F32, 1)) == ["f32[?]"]
    assert infer("Add", tensor(F32, 2), TensorType(F32, None)) == ["f32[*]"]
    assert infer("Less", tensor(F32, "n", 3), tensor(F32, 1)) == ["bool[n, 3]"]
    assert infer("AddN", tensor(F32, "n", None), tensor(F32, None, 3), N=2) == ["f32[n, 3]"]
    assert infer("BiasAdd", tensor(F32, "n", 2, 2, None), tensor(F32, 8)) == ["f32[n, 2, 2, 8]"]
    assert infer("Cast", tensor(F32, "n"), dst_type=cpp_number(BF16)) == ["bf16[n]"]
    assert infer("BroadcastTo", tensor(F32, "n", 1), np.array([2, -1, 5])) == ["f32[2, n, 5]"]
    assert infer("BroadcastTo", tensor(F32, "n", 1), tensor(I32, 3)) == ["f32[?, ?, ?]"]


@pytest.mark.parametrize(
    ("kind", "operands", "attributes", "reason"),
    [
        ("Add", (tensor(F32, 2), tensor(F32, 3)), {}, "Add cannot broadcast [2] with [3]"),
        ("Add", (tensor(F32, 2), tensor(F16, 2)), {}, "Add needs operands of one element type, not f32 and f16"),
        ("Add", (tensor(F32, 2),), {}, "Add needs at least 2 operands and has 1"),
        ("AddN", (tensor(F32, 2), tensor(F32, 3)), {}, "AddN needs equal shapes, not 2 and 3"),
        (
            "BiasAdd",
            (tensor(F32, 2, 3), tensor(F32, 4)),
            {},
            "BiasAdd needs equal channels of operand and bias, not 3 and 4",
        ),
        (
            "BiasAdd",
            (tensor(F32, 3), tensor(F32, 3)),
            {},
            "BiasAdd needs an operand with at least 2 dimensions, not f32[3]",
        ),
        ("Select", (tensor(F32, 2), tensor(F32, 2), tensor(F32, 2)), {}, "Select takes no f32"),
        ("Cast", (tensor(F32, 2),), {}, "Cast is wrong: attribute `dst_type` must be a int, it is missing"),
        ("Cast", (tensor(F32, 2),), {"dst_type": 999}, "Cast converts to element type number 999, which is not known"),
        ("BroadcastTo", (tensor(F32, 2), np.array([3])), {}, "BroadcastTo cannot broadcast [2] to [3]"),
        ("BroadcastTo", (tensor(F32, 2, 2), np.array([2])), {}, "BroadcastTo cannot broadcast [2, 2] to [2]"),
        ("PRelu", (tensor(F32, 2, 3), tensor(F32, 5)), {}, "PRelu cannot apply weights of [5] to [2, 3]"),
        ("SwiGlu", (tensor(F32, 3),), {}, "SwiGlu halves an even dimension, not that of 3 in f32[3]"),
    ],
)
def test_inference_says_what_does_not_fit(refuse: Any, kind: str, operands: Any, attributes: Any, reason: str) -> None:
    assert refuse(kind, *operands, **attributes) == reason


def test_numbers_of_element_types() -> None:
    assert {name: (entry.cpp, entry.proto) for name, entry in DATA_TYPES.items()}["f16"] == (1, 2)
    assert set(DATA_TYPES) == set(ELEMENTS)
    for element in ELEMENTS.values():
        assert element_of_cpp(cpp_number(element)) is element
        assert element_of_proto(proto_number(element)) is element
    assert element_of_cpp(5) is None
