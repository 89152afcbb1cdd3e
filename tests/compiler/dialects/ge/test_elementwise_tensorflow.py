"""Elementwise ops, activations and conversions against TensorFlow."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from modelc.dialects.ge.dtypes import cpp_number
from modelc.ir.types import ELEMENTS

SPECIAL = [
    np.nan,
    np.inf,
    -np.inf,
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    -0.5,
    1.5,
    2.5,
    -2.5,
    1e-30,
    -3e4,
    20.0,
    -20.0,
    90.0,
    3e30,
]
FLOATS = ("float32", "float64", "float16", "bfloat16")
INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16")
SIGNED = ("int8", "int16", "int32", "int64")

# kind: name in tf.raw_ops, its parameter, element types
UNARY: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "Abs": ("Abs", "x", (*FLOATS, *SIGNED)),
    "Acos": ("Acos", "x", FLOATS),
    "Acosh": ("Acosh", "x", FLOATS),
    "Asin": ("Asin", "x", FLOATS),
    "Asinh": ("Asinh", "x", FLOATS),
    "Atan": ("Atan", "x", FLOATS),
    "Atanh": ("Atanh", "x", FLOATS),
    "Ceil": ("Ceil", "x", FLOATS),
    "CheckNumerics": ("Identity", "input", FLOATS),
    "Cos": ("Cos", "x", ("float32", "float64")),
    "Cosh": ("Cosh", "x", FLOATS),
    "Digamma": ("Digamma", "x", ("float32", "float64")),
    "Elu": ("Elu", "features", FLOATS),
    "Erf": ("Erf", "x", FLOATS),
    "Erfc": ("Erfc", "x", FLOATS),
    "Erfinv": ("Erfinv", "x", ("float32", "float64")),
    "Exp": ("Exp", "x", FLOATS),
    "Expm1": ("Expm1", "x", FLOATS),
    "Floor": ("Floor", "x", FLOATS),
    "Inv": ("Inv", "x", FLOATS),
    "Invert": ("Invert", "x", INTEGERS),
    "IsFinite": ("IsFinite", "x", FLOATS),
    "IsInf": ("IsInf", "x", FLOATS),
    "IsNan": ("IsNan", "x", FLOATS),
    "Lgamma": ("Lgamma", "x", ("float32", "float64")),
    "Log": ("Log", "x", FLOATS),
    "Log1p": ("Log1p", "x", FLOATS),
    "Ndtri": ("Ndtri", "x", ("float32", "float64")),
    "Neg": ("Neg", "x", (*FLOATS, *SIGNED)),
    "OnesLike": ("OnesLike", "x", (*FLOATS, *INTEGERS)),
    "PopulationCount": ("PopulationCount", "x", INTEGERS),
    "Reciprocal": ("Reciprocal", "x", FLOATS),
    "Relu": ("Relu", "features", (*FLOATS, *INTEGERS)),
    "Relu6": ("Relu6", "features", (*FLOATS, *INTEGERS)),
    "Rint": ("Rint", "x", ("float32", "float64")),
    "Round": ("Round", "x", FLOATS),
    "Rsqrt": ("Rsqrt", "x", FLOATS),
    "Selu": ("Selu", "features", FLOATS),
    "Sigmoid": ("Sigmoid", "x", FLOATS),
    "Sign": ("Sign", "x", (*FLOATS, *SIGNED)),
    "Sin": ("Sin", "x", ("float32", "float64")),
    "Sinh": ("Sinh", "x", FLOATS),
    "Softplus": ("Softplus", "features", FLOATS),
    "Softsign": ("Softsign", "features", FLOATS),
    "Sqrt": ("Sqrt", "x", FLOATS),
    "Square": ("Square", "x", (*FLOATS, "int32", "int64")),
    "Tan": ("Tan", "x", ("float32", "float64")),
    "Tanh": ("Tanh", "x", FLOATS),
    "ZerosLike": ("ZerosLike", "x", (*FLOATS, *INTEGERS)),
}
LOOSE = {
    "Softplus": 2.0,
    "Tan": 30.0,
    "Digamma": 50.0,
    "Lgamma": 20.0,
    "Erfinv": 20.0,
    "Ndtri": 20.0,
    "Rsqrt": 4.0,
    "Sinh": 4.0,
    "Cosh": 4.0,
}

BINARY: dict[str, tuple[str, tuple[str, ...]]] = {
    "Add": ("AddV2", (*FLOATS, *INTEGERS)),
    "Atan2": ("Atan2", FLOATS),
    "BitwiseAnd": ("BitwiseAnd", INTEGERS),
    "BitwiseOr": ("BitwiseOr", INTEGERS),
    "BitwiseXor": ("BitwiseXor", INTEGERS),
    "Div": ("Div", (*FLOATS, *INTEGERS)),
    "DivNoNan": ("DivNoNan", FLOATS),
    "Equal": ("Equal", (*FLOATS, *INTEGERS)),
    "FloorDiv": ("FloorDiv", (*FLOATS, *INTEGERS)),
    "FloorMod": ("FloorMod", (*FLOATS, *INTEGERS)),
    "Greater": ("Greater", (*FLOATS, *INTEGERS)),
    "GreaterEqual": ("GreaterEqual", (*FLOATS, *INTEGERS)),
    "LeftShift": ("LeftShift", INTEGERS),
    "Less": ("Less", (*FLOATS, *INTEGERS)),
    "LessEqual": ("LessEqual", (*FLOATS, *INTEGERS)),
    "Maximum": ("Maximum", (*FLOATS, *INTEGERS)),
    "Minimum": ("Minimum", (*FLOATS, *INTEGERS)),
    "Mod": ("Mod", ("float32", "float64", "int32", "int64")),
    "Mul": ("Mul", (*FLOATS, *INTEGERS)),
    "MulNoNan": ("MulNoNan", FLOATS),
    "NextAfter": ("NextAfter", ("float32", "float64")),
    "NotEqual": ("NotEqual", (*FLOATS, *INTEGERS)),
    "Pow": ("Pow", FLOATS),
    "RealDiv": ("RealDiv", FLOATS),
    "RightShift": ("RightShift", INTEGERS),
    "SquaredDifference": ("SquaredDifference", (*FLOATS, "int32", "int64")),
    "Sub": ("Sub", (*FLOATS, *INTEGERS)),
    "TruncateDiv": ("TruncateDiv", INTEGERS),
    "TruncateMod": ("TruncateMod", ("float32", "float64", "int32", "int64")),
    "Xdivy": ("Xdivy", FLOATS),
    "Xlog1py": ("Xlog1py", ("float32", "float64")),
    "Xlogy": ("Xlogy", ("float32", "float64")),
}


NAMES = {"Atan2": ("y", "x"), "NextAfter": ("x1", "x2")}  # of the parameters in tf.raw_ops, where not x and y


def dtype_of(name: str) -> np.dtype[Any]:
    return np.dtype(pytest.importorskip("ml_dtypes").bfloat16) if name == "bfloat16" else np.dtype(name)


def numbers(name: str, shape: tuple[int, ...], seed: int = 0) -> np.ndarray[Any, Any]:
    dtype = dtype_of(name)
    random = np.random.default_rng(seed)
    if dtype.kind in "iu":
        info = np.iinfo(dtype)
        flat = random.integers(info.min, info.max, int(np.prod(shape)), dtype, endpoint=True)
        flat[: flat.size // 2] = random.integers(0 if dtype.kind == "u" else -9, 10, flat.size // 2)
        return flat.reshape(shape)
    flat = (random.standard_normal(int(np.prod(shape))) * 3).astype(np.float64)
    special = np.array(SPECIAL)
    random.shuffle(special)
    flat[: min(flat.size, special.size)] = special[: flat.size]
    with np.errstate(all="ignore"):
        return flat.reshape(shape).astype(dtype)


def unary_cases() -> Iterator[Any]:
    for kind, (name, parameter, dtypes) in UNARY.items():
        for dtype in dtypes:
            yield pytest.param(kind, name, parameter, dtype, id=f"{kind}-{dtype}")


def binary_cases() -> Iterator[Any]:
    for kind, (name, dtypes) in BINARY.items():
        for dtype in dtypes:
            yield pytest.param(kind, name, dtype, id=f"{kind}-{dtype}")


@pytest.mark.parametrize(("kind", "name", "parameter", "dtype"), list(unary_cases()))
def test_one_operand(tf: Any, apply: Any, same: Any, kind: str, name: str, parameter: str, dtype: str) -> None:
    for shape in ((5, 7), (), (0, 3), (37,)):
        x = numbers(dtype, shape, seed=len(shape))
        if (kind, dtype) == ("Erf", "float64"):
            x = np.where(np.isinf(x), 9.0, x)  # where TensorFlow computes NaN
        expected = getattr(tf.raw_ops, name)(**{parameter: x}).numpy()
        (actual,) = apply(kind, x)
        same(actual, expected, LOOSE.get(kind, 1.0), floor=1e-1 if kind == "Digamma" else 1e-3)


@pytest.mark.parametrize(("kind", "name", "dtype"), list(binary_cases()))
def test_two_operands(tf: Any, apply: Any, same: Any, kind: str, name: str, dtype: str) -> None:
    for a_shape, b_shape in (((6, 9), (6, 9)), ((6, 1, 4), (5, 1)), ((), (3,)), ((0, 3), (1, 3)), ((40,), (40,))):
        a, b = numbers(dtype, a_shape, seed=1), numbers(dtype, b_shape, seed=2)
        if a.dtype.kind in "iu" and ("Div" in kind or "Mod" in kind):
            b = np.where(b == 0, np.ones((), b.dtype), b)
            a = np.where(b == -1, np.ones((), a.dtype), a)  # the least number divided by -1 has no result
        first, second = NAMES.get(kind, ("x", "y"))
        expected = getattr(tf.raw_ops, name)(**{first: tf.constant(a), second: tf.constant(b)}).numpy()
        (actual,) = apply(kind, a, b)
        same(actual, expected, 2.0, floor=1e-3)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("exponent", [2, 3, 0.5, -1])
def test_power_by_one_number(tf: Any, apply: Any, same: Any, dtype: str, exponent: float) -> None:
    a, b = numbers(dtype, (40,)), np.array(exponent).astype(dtype_of(dtype))
    for power in (b, b.reshape(1), b.reshape(1, 1)):
        same(apply("Pow", a, power)[0], tf.raw_ops.Pow(x=tf.constant(a), y=tf.constant(power)).numpy(), 2, floor=1e-3)


@pytest.mark.parametrize("dtype", SIGNED)
def test_power_of_integers(tf: Any, apply: Any, same: Any, dtype: str) -> None:
    a, b = np.arange(-5, 6, dtype=dtype)[:, None], np.arange(0, 5, dtype=dtype)
    same(apply("Pow", a, b)[0], tf.raw_ops.Pow(x=a, y=b).numpy())


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("Add", "AddV2"),
        ("Sub", "Sub"),
        ("Mul", "Mul"),
        ("RealDiv", "RealDiv"),
        ("SquaredDifference", "SquaredDifference"),
    ],
)
def test_complex_numbers(tf: Any, apply: Any, same: Any, kind: str, name: str, dtype: str) -> None:
    random = np.random.default_rng(0)
    a, b = ((random.standard_normal(9) + 1j * random.standard_normal(9)).astype(dtype) for _ in range(2))
    same(apply(kind, a, b)[0], getattr(tf.raw_ops, name)(x=a, y=b).numpy())


@pytest.mark.parametrize("kind", ["Sqrt", "Exp", "Log", "Sin", "Tanh", "Sigmoid", "Neg", "Conj", "Reciprocal", "Sign"])
def test_functions_of_complex_numbers(tf: Any, apply: Any, same: Any, kind: str) -> None:
    random = np.random.default_rng(0)
    x = (random.standard_normal(9) + 1j * random.standard_normal(9)).astype(np.complex64)
    expected = getattr(tf.raw_ops, kind)(**{"input" if kind == "Conj" else "x": x}).numpy()
    same(apply(kind, x)[0], expected, 2.0)


@pytest.mark.parametrize(
    ("kind", "name"), [("Real", "Real"), ("Imag", "Imag"), ("Angle", "Angle"), ("ComplexAbs", "ComplexAbs")]
)
def test_parts_of_complex_numbers(tf: Any, apply: Any, same: Any, kind: str, name: str) -> None:
    x = np.array([3 + 4j, -1j, 0], np.complex64)
    function: Callable[..., Any] = getattr(tf.raw_ops, name)
    same(apply(kind, x)[0], (function(x=x) if kind == "ComplexAbs" else function(input=x)).numpy())


def test_complex_of_parts(tf: Any, apply: Any, same: Any) -> None:
    a, b = np.array([1.0, 2.0]), np.array([[3.0], [4.0]])
    expected = tf.raw_ops.Complex(real=tf.constant(a), imag=tf.constant(b), Tout=tf.complex128).numpy()
    same(apply("Complex", a, b, Tout=ELEMENTS["c128"])[0], expected)


@pytest.mark.parametrize("source", [*FLOATS, *INTEGERS, "bool", "complex64"])
@pytest.mark.parametrize("target", ["f32", "f64", "f16", "bf16", "i8", "i16", "i32", "i64", "u8", "u16", "bool", "c64"])
def test_cast(tf: Any, apply: Any, same: Any, source: str, target: str) -> None:
    if source == "bool":
        x = np.array([True, False])
    elif source == "complex64":
        x = np.array([1 + 2j, -3.5, 0], np.complex64)
    else:
        x = np.array([0, 1, 2.7 if source in FLOATS else 3, 100, 117]).astype(dtype_of(source))
    name = ELEMENTS[target].numpy
    if source == "complex64" and target in ("u8", "u16"):
        x = x[[0, 2]]
    expected = tf.raw_ops.Cast(x=x, DstT=tf.as_dtype(name)).numpy()
    same(apply("Cast", x, dst_type=cpp_number(ELEMENTS[target]))[0], expected)


@pytest.mark.parametrize("target", ["i8", "u8", "i16", "i32", "u16"])
def test_cast_wraps_integers(tf: Any, apply: Any, same: Any, target: str) -> None:
    x = np.array([300, -1, 1 << 20, (1 << 40) + 5, -(1 << 33)], np.int64)
    expected = tf.raw_ops.Cast(x=x, DstT=tf.as_dtype(ELEMENTS[target].numpy)).numpy()
    same(apply("Cast", x, dst_type=cpp_number(ELEMENTS[target]))[0], expected)


@pytest.mark.parametrize("dtype", ["float32", "int32", "float16"])
@pytest.mark.parametrize(
    ("condition", "shape"), [((), (2, 3)), ((2,), (2, 3)), ((2, 3), (2, 3)), ((4,), (4,)), ((2,), (2, 3, 4))]
)
def test_select(tf: Any, apply: Any, same: Any, dtype: str, condition: tuple[int, ...], shape: tuple[int, ...]) -> None:
    where = np.random.default_rng(0).random(condition) > 0.5
    a, b = numbers(dtype, shape, 1), numbers(dtype, shape, 2)
    same(apply("Select", where, a, b)[0], tf.raw_ops.Select(condition=where, x=a, y=b).numpy())


def test_select_with_broadcasting(tf: Any, apply: Any, same: Any) -> None:
    where = np.array([[True], [False]])
    a, b = numbers("float32", (3,)), numbers("float32", (4, 1, 1))
    same(apply("SelectV2", where, a, b)[0], tf.raw_ops.SelectV2(condition=where, t=a, e=b).numpy())


@pytest.mark.parametrize("dtype", ["float32", "float16", "int32", "uint8"])
def test_clip(tf: Any, apply: Any, same: Any, dtype: str) -> None:
    x = numbers(dtype, (5, 6))
    for low, high in ((1, 4), (4, 1)):
        limits = np.array(low).astype(dtype), np.array(high).astype(dtype)
        expected = tf.raw_ops.ClipByValue(t=x, clip_value_min=limits[0], clip_value_max=limits[1]).numpy()
        same(apply("ClipByValue", x, *limits)[0], expected)


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16", "int32", "int64"])
@pytest.mark.parametrize("count", [1, 2, 5, 9])
def test_sum_of_many(tf: Any, apply: Any, same: Any, dtype: str, count: int) -> None:
    terms = [np.random.default_rng(i).integers(-8, 8, (3, 4)).astype(dtype_of(dtype)) for i in range(count)]
    expected = tf.raw_ops.AddN(inputs=[tf.constant(term) for term in terms]).numpy()
    same(apply("AddN", *terms, N=count)[0], expected)
    same(apply("AccumulateNV2", *terms, N=count)[0], expected)


@pytest.mark.parametrize("layout", ["NHWC", "NCHW"])
@pytest.mark.parametrize("shape", [(2, 3), (2, 3, 4), (2, 3, 4, 5), (2, 3, 4, 5, 6)])
def test_bias_add(tf: Any, apply: Any, same: Any, layout: str, shape: tuple[int, ...]) -> None:
    x = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    bias = np.random.default_rng(1).standard_normal(shape[1 if layout == "NCHW" else -1]).astype(np.float32)
    expected = tf.raw_ops.BiasAdd(value=x, bias=bias, data_format=layout).numpy()
    same(apply("BiasAdd", x, bias, data_format=layout)[0], expected)


def test_leaky_relu(tf: Any, apply: Any, same: Any) -> None:
    x = numbers("float32", (40,))
    same(apply("LeakyRelu", x, negative_slope=0.3)[0], tf.raw_ops.LeakyRelu(features=x, alpha=0.3).numpy())


def test_approximate_equal(tf: Any, apply: Any, same: Any) -> None:
    a, b = numbers("float32", (40,), 1), numbers("float32", (40,), 1) + np.float32(0.01)
    for tolerance in (0.001, 0.1):
        expected = tf.raw_ops.ApproximateEqual(x=a, y=b, tolerance=tolerance).numpy()
        same(apply("ApproximateEqual", a, b, tolerance=tolerance)[0], expected)


@pytest.mark.parametrize(("shape", "target"), [((3, 1), (2, 3, 4)), ((), (2, 2)), ((1,), (0,)), ((2, 3), (2, 3))])
def test_broadcast_to(tf: Any, apply: Any, same: Any, shape: tuple[int, ...], target: tuple[int, ...]) -> None:
    x = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    for dtype in (np.int32, np.int64):
        wanted = np.array(target, dtype)
        same(apply("BroadcastTo", x, wanted)[0], tf.raw_ops.BroadcastTo(input=x, shape=wanted).numpy())


@pytest.mark.parametrize(("low", "high"), [(-6.0, 6.0), (-0.3, 5.5), (0.0, 6.0), (-1.0, 0.0), (0.1, 0.7), (-7.0, -1.0)])
@pytest.mark.parametrize(("bits", "narrow"), [(8, False), (8, True), (4, False), (16, True)])
def test_fake_quantization(tf: Any, apply: Any, same: Any, low: float, high: float, bits: int, narrow: bool) -> None:
    x = (np.random.default_rng(0).standard_normal((40, 3)) * 4).astype(np.float32)
    limits = np.float32(low), np.float32(high)
    raw = tf.raw_ops.FakeQuantWithMinMaxVars(inputs=x, min=low, max=high, num_bits=bits, narrow_range=narrow).numpy()
    (actual,) = apply("FakeQuantWithMinMaxVars", x, *map(np.asarray, limits), num_bits=bits, narrow_range=narrow)
    same(actual, raw, floor=1e-1)
    if low < high and low <= 0 <= high:
        arguments = tf.raw_ops.FakeQuantWithMinMaxArgs(inputs=x, min=low, max=high, num_bits=bits, narrow_range=narrow)
        (actual,) = apply("FakeQuantWithMinMaxArgs", x, min=low, max=high, num_bits=bits, narrow_range=narrow)
        same(actual, arguments.numpy(), floor=1e-1)
    lows, highs = np.array([low, low - 1, -1], np.float32), np.array([high, high + 1, 1], np.float32)
    each = tf.raw_ops.FakeQuantWithMinMaxVarsPerChannel(
        inputs=x, min=lows, max=highs, num_bits=bits, narrow_range=narrow
    )
    (actual,) = apply("FakeQuantWithMinMaxVarsPerChannel", x, lows, highs, num_bits=bits, narrow_range=narrow)
    same(actual, each.numpy(), floor=1e-1)


@pytest.mark.parametrize("kind", ["LogicalAnd", "LogicalOr"])
def test_logic(tf: Any, apply: Any, same: Any, kind: str) -> None:
    a, b = np.array([[True], [False]]), np.array([True, False])
    same(apply(kind, a, b)[0], getattr(tf.raw_ops, kind)(x=a, y=b).numpy())
    same(apply("LogicalNot", a)[0], tf.raw_ops.LogicalNot(x=a).numpy())


def test_text(tf: Any, apply: Any, same: Any) -> None:
    a, b = np.array([b"a", b"bc"], object), np.array([b"a", b"c"], object)
    same(apply("Equal", a, b)[0], tf.raw_ops.Equal(x=a.astype("S"), y=b.astype("S")).numpy())
    same(apply("Add", a, b)[0], tf.raw_ops.Add(x=a.astype("S"), y=b.astype("S")).numpy())


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "int64"])
def test_bucketize(tf: Any, apply: Any, same: Any, dtype: str) -> None:
    x = np.array([-5, 0, 3, 10, 11, 250]).astype(dtype)
    expected = tf.raw_ops.Bucketize(input=tf.constant(x), boundaries=[0.0, 10.0, 100.0]).numpy()
    same(apply("Bucketize", x, boundaries=(0.0, 10.0, 100.0))[0], expected)


@pytest.mark.parametrize("dtype", ["float32", "int32"])
def test_cross(tf: Any, apply: Any, same: Any, dtype: str) -> None:
    a, b = (np.random.default_rng(i).integers(-9, 9, (4, 3)).astype(dtype) for i in range(2))
    same(apply("Cross", a, b)[0], tf.raw_ops.Cross(a=a, b=b).numpy())
    same(apply("Cross", a, b, dim=-1)[0], tf.raw_ops.Cross(a=a, b=b).numpy())
