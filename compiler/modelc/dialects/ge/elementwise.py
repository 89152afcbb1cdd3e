"""Elementwise ops: arithmetic, comparison, logic, bits and selection."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np

from modelc.dialects.ge import special
from modelc.dialects.ge.arrays import Array, wide, widened
from modelc.dialects.ge.helpers import (
    broadcast,
    channel_axis,
    common_element,
    equal_dims,
    equal_shapes,
    integer,
    mismatch,
    need_family,
    need_rank,
    number,
    operand,
    positive_axis,
    tensors,
    text,
)
from modelc.dialects.ge.semantics import TRAITS, Arrays, evaluates, infers
from modelc.ir.op import Op
from modelc.ir.opdef import COMMUTATIVE, PURE
from modelc.ir.types import BOOL, U8, Dim, TensorType, Type, format_shape

Function = Callable[..., Any]


def _name(op: Op) -> str:
    return op.kind.removeprefix("ge.")


# -- one operand


def _round(x: Array) -> Array:
    return x if x.dtype.kind in "iu" else np.rint(x)


UNARY: dict[str, Function] = {
    "Abs": np.abs,
    "Acos": np.arccos,
    "Acosh": np.arccosh,
    "Asin": np.arcsin,
    "Asinh": np.arcsinh,
    "Atan": np.arctan,
    "Atanh": np.arctanh,
    "Ceil": np.ceil,
    "Conj": np.conj,
    "Cos": np.cos,
    "Cosh": np.cosh,
    "Digamma": special.digamma,
    "Erf": special.erf,
    "Erfc": special.erfc,
    "Erfinv": special.erfinv,
    "Expm1": np.expm1,
    "Floor": np.floor,
    "Inv": np.reciprocal,
    "Invert": np.invert,
    "Lgamma": special.lgamma,
    "Log1p": np.log1p,
    "LogicalNot": np.logical_not,
    "Ndtri": special.ndtri,
    "Neg": np.negative,
    "OnesLike": np.ones_like,
    "Reciprocal": np.reciprocal,
    "Rint": _round,
    "Round": _round,
    "Rsqrt": lambda x: 1 / np.sqrt(x),
    "Sign": np.sign,
    "Sin": np.sin,
    "Sinh": np.sinh,
    "Sqrt": np.sqrt,
    "Square": np.square,
    "Tan": np.tan,
    "Trunc": np.trunc,
    "ZerosLike": np.zeros_like,
}
SCALED = ("Adds", "Exp", "Fills", "Log", "Muls", "Power")  # one operand, and numbers as attributes
TESTS: dict[str, Function] = {"IsFinite": np.isfinite, "IsInf": np.isinf, "IsNan": np.isnan}


@infers(*UNARY, *SCALED)
def _same_type(op: Op) -> list[Type]:
    return [operand(op, 0)]


@infers(*TESTS)
def _infer_test(op: Op) -> list[Type]:
    return [operand(op, 0).with_element(BOOL)]


@evaluates(*UNARY)
def _unary(op: Op, arrays: Arrays) -> list[Array]:
    return [widened(UNARY[_name(op)])(arrays[0])]


@evaluates(*TESTS)
def _test(op: Op, arrays: Arrays) -> list[Array]:
    return [TESTS[_name(op)](arrays[0])]


@evaluates("Adds", "Muls", "Fills")
def _with_number(op: Op, arrays: Arrays) -> list[Array]:
    x = arrays[0]
    value = np.asarray(number(op, "value")).astype(x.dtype)
    if op.kind == "ge.Fills":
        return [np.full_like(x, value)]
    return [widened(np.add if op.kind == "ge.Adds" else np.multiply)(x, value)]


@evaluates("Power")
def _affine_power(op: Op, arrays: Arrays) -> list[Array]:
    power, scale, shift = number(op, "power", 1.0), number(op, "scale", 1.0), number(op, "shift", 0.0)
    return [widened(lambda x: np.power(x * scale + shift, power))(arrays[0])]


@evaluates("Exp")
def _exp(op: Op, arrays: Arrays) -> list[Array]:
    factor = log_of_base(op)
    scale, shift = number(op, "scale", 1.0) * factor, number(op, "shift", 0.0) * factor
    return [widened(lambda x: np.exp(_affine(x, scale, shift)))(arrays[0])]


@evaluates("Log")
def _log(op: Op, arrays: Arrays) -> list[Array]:
    factor = 1 / log_of_base(op)
    scale, shift = number(op, "scale", 1.0), number(op, "shift", 0.0)
    return [widened(lambda x: _affine(np.log(_affine(x, scale, shift)), factor, 0.0))(arrays[0])]


def _affine(x: Array, scale: float, shift: float) -> Array:
    return x if (scale, shift) == (1.0, 0.0) else x * scale + shift


def log_of_base(op: Op) -> float:
    """Return the natural logarithm of the base that `Exp` and `Log` are told, 1 for their own."""
    base = number(op, "base", -1.0)
    if base == -1.0:
        return 1.0
    if base <= 0.0 or base == 1.0:
        raise mismatch(op, f"needs a base above 0 other than 1, not {base}")
    return math.log(base)


# -- two operands


def _truncated_quotient(a: Array, b: Array) -> Array:
    if a.dtype.kind not in "iu":
        return np.asarray(np.trunc(a / b))
    quotient: Array = np.floor_divide(a, b)
    return np.asarray(quotient + ((np.remainder(a, b) != 0) & ((a < 0) != (b < 0))))


def _quotient(a: Array, b: Array) -> Array:
    return _truncated_quotient(a, b) if a.dtype.kind in "iu" else a / b


def _floored_quotient(a: Array, b: Array) -> Array:
    return np.asarray(np.floor_divide(a, b) if a.dtype.kind in "iu" else np.floor(a / b))


def _floored_remainder(a: Array, b: Array) -> Array:
    if a.dtype.kind in "iu":
        return np.remainder(a, b)
    rest = np.fmod(a, b)
    return np.where((rest != 0) & ((rest < 0) != (b < 0)), rest + b, rest)


def _power(a: Array, b: Array) -> Array:
    exponent = b.item() if b.size == 1 else None
    a = np.broadcast_to(a, np.broadcast_shapes(a.shape, b.shape))
    if exponent in (2, 3):  # many times faster than the general power
        square = np.square(a)
        return np.asarray(square if exponent == 2 else square * a)
    if exponent == 0.5:  # numpy takes the root, which differs for -0 and minus infinity
        return np.where(np.isneginf(a), np.inf, np.sqrt(a) + 0) if a.dtype.kind == "f" else np.sqrt(a)
    return np.asarray(np.power(a, b))


def _raised(a: Array, b: Array) -> Array:
    if a.dtype.kind not in "iu":
        return _power(a, b)
    if not (b < 0).any():
        return np.asarray(np.power(a, b))
    # What numpy refuses: of the integers, only 1 and -1 have an inverse.
    inverse = np.where(a == 1, 1, np.where(a == -1, 1 - 2 * (b & 1), 0))
    return np.where(b < 0, inverse, np.power(a, np.maximum(b, 0)))


def _squared_difference(a: Array, b: Array) -> Array:
    difference: Array = a - b
    if difference.dtype.kind == "c":
        return difference * np.conj(difference)
    return np.asarray(np.square(difference))


def _shift_amount(a: Array, b: Array) -> Array:
    return np.clip(b, 0, a.dtype.itemsize * 8 - 1)


BINARY: dict[str, Function] = {
    "Add": np.add,
    "AddV2": np.add,
    "Atan2": np.arctan2,
    "BitwiseAnd": np.bitwise_and,
    "BitwiseOr": np.bitwise_or,
    "BitwiseXor": np.bitwise_xor,
    "Div": _quotient,
    "DivNoNan": lambda a, b: np.where(b == 0, np.zeros((), a.dtype), _quotient(a, b)),
    "FloorDiv": _floored_quotient,
    "FloorMod": _floored_remainder,
    "LeftShift": lambda a, b: np.left_shift(a, _shift_amount(a, b)),
    "LogicalAnd": np.logical_and,
    "LogicalOr": np.logical_or,
    "Maximum": np.maximum,
    "Minimum": np.minimum,
    "Mod": np.fmod,
    "Mul": np.multiply,
    "MulNoNan": lambda a, b: np.where(b == 0, np.zeros((), a.dtype), a * b),
    "NextAfter": np.nextafter,
    "Pow": _raised,
    "RealDiv": _quotient,
    "RightShift": lambda a, b: np.right_shift(a, _shift_amount(a, b)),
    "SquaredDifference": _squared_difference,
    "Sub": np.subtract,
    "TruncateDiv": _truncated_quotient,
    "TruncateMod": np.fmod,
    "Xdivy": lambda a, b: np.where(a == 0, np.zeros((), a.dtype), a / b),
    "Xlog1py": lambda a, b: np.where(a == 0, np.zeros((), a.dtype), a * np.log1p(b)),
    "Xlogy": lambda a, b: np.where(a == 0, np.zeros((), a.dtype), a * np.log(b)),
}
COMPARISONS: dict[str, Function] = {
    "Equal": np.equal,
    "Greater": np.greater,
    "GreaterEqual": np.greater_equal,
    "Less": np.less,
    "LessEqual": np.less_equal,
    "NotEqual": np.not_equal,
}
_SYMMETRIC = (
    *("ApproximateEqual", "BitwiseAnd", "BitwiseOr", "BitwiseXor", "Equal", "LogicalAnd", "LogicalOr", "Maximum"),
    *("Minimum", "Mul", "NotEqual", "SquaredDifference"),  # not Add, which joins text
)
TRAITS.update(dict.fromkeys(_SYMMETRIC, frozenset({PURE, COMMUTATIVE})))
NO_AXIS = -65530  # how `Cross` says that it was given no axis
EXACT = frozenset({"NextAfter"})  # meant for the type they are given, not for a wider one


def _broadcast_operands(op: Op) -> TensorType:
    types = tensors(op)
    return TensorType(common_element(op, types), broadcast(op, *(type_.shape for type_ in types)))


def _need_operands(op: Op, count: int) -> None:
    operand(op, count - 1)


@infers(*BINARY, "Axpy")
def _infer_binary(op: Op) -> list[Type]:
    _need_operands(op, 2)
    return [_broadcast_operands(op)]


@infers("Addcdiv", "Addcmul", "Lerp")
def _infer_several(op: Op) -> list[Type]:
    _need_operands(op, 3)
    return [_broadcast_operands(op)]


@infers(*COMPARISONS, "ApproximateEqual", "IsClose")
def _infer_comparison(op: Op) -> list[Type]:
    _need_operands(op, 2)
    return [_broadcast_operands(op).with_element(BOOL)]


@evaluates(*BINARY)
def _binary(op: Op, arrays: Arrays) -> list[Array]:
    function = BINARY[_name(op)]
    return [function(*arrays) if _name(op) in EXACT else widened(function)(*arrays)]


@evaluates(*COMPARISONS)
def _comparison(op: Op, arrays: Arrays) -> list[Array]:
    return [COMPARISONS[_name(op)](arrays[0], arrays[1]).astype(bool, copy=False)]


@evaluates("ApproximateEqual")
def _approximate_equal(op: Op, arrays: Arrays) -> list[Array]:
    a, b = map(wide, arrays)
    return [np.abs(a - b) < number(op, "tolerance", 1e-5)]


@evaluates("IsClose")
def _is_close(op: Op, arrays: Arrays) -> list[Array]:
    a, b = map(wide, arrays)
    equal_nan = op.attributes.get("equal_nan") is True
    return [np.isclose(a, b, number(op, "rtol", 1e-5), number(op, "atol", 1e-8), equal_nan)]


@evaluates("Axpy")
def _axpy(op: Op, arrays: Arrays) -> list[Array]:
    alpha = number(op, "alpha")
    return [widened(lambda a, b: a + b * alpha)(*arrays)]


@evaluates("Lerp")
def _lerp(op: Op, arrays: Arrays) -> list[Array]:
    return [widened(lambda start, end, weight: start + weight * (end - start))(*arrays)]


@evaluates("Addcmul")
def _addcmul(op: Op, arrays: Arrays) -> list[Array]:
    return [widened(lambda x, a, b, value: x + value * (a * b))(*arrays)]


@evaluates("Addcdiv")
def _addcdiv(op: Op, arrays: Arrays) -> list[Array]:
    return [widened(lambda x, a, b, value: x + value * _quotient(a, b))(*arrays)]


@infers("TensorEqual")
def _infer_tensor_equal(op: Op) -> list[Type]:
    common_element(op, (operand(op, 0), operand(op, 1)))
    return [TensorType(BOOL, ())]


@evaluates("TensorEqual")
def _tensor_equal(op: Op, arrays: Arrays) -> list[Array]:
    return [np.asarray(np.array_equal(arrays[0], arrays[1]))]


@infers("PopulationCount")
def _infer_population_count(op: Op) -> list[Type]:
    return [operand(op, 0).with_element(U8)]


@evaluates("PopulationCount")
def _population_count(op: Op, arrays: Arrays) -> list[Array]:
    x = arrays[0]
    return [np.bitwise_count(x.view(x.dtype.str.replace("i", "u"))).astype(np.uint8)]


@infers("Cross")
def _infer_cross(op: Op) -> list[Type]:
    a, b = operand(op, 0), operand(op, 1)
    result = TensorType(common_element(op, (a, b)), equal_shapes(op, a.shape, b.shape))
    axis = None if result.shape is None else cross_axis(op, result.shape)
    if result.shape is not None and axis is not None:
        equal_dims(op, result.shape[axis], 3, "extents of operand and space")
    return [result]


def cross_axis(op: Op, shape: tuple[Dim, ...]) -> int | None:
    """Return the axis of the vectors: by default the first one of extent 3, else the last; None where that is open."""
    axis = integer(op, "dim", NO_AXIS)
    if axis != NO_AXIS:
        return positive_axis(op, axis, len(shape))
    for place, dim in enumerate(shape):
        if dim == 3 or not isinstance(dim, int):
            return place if dim == 3 else None
    return positive_axis(op, -1, len(shape))


@evaluates("Cross")
def _cross(op: Op, arrays: Arrays) -> list[Array]:
    axis = cross_axis(op, arrays[0].shape)
    assert axis is not None  # the dimensions of arrays are known
    return [widened(lambda a, b: np.cross(a, b, axis=axis))(*arrays)]


# -- sums of many, biases


@infers("AddN", "AccumulateNV2")
def _infer_sum(op: Op) -> list[Type]:
    types = tensors(op)
    return [TensorType(common_element(op, types), equal_shapes(op, *(type_.shape for type_ in types)))]


@evaluates("AddN", "AccumulateNV2")
def _sum(op: Op, arrays: Arrays) -> list[Array]:
    return [widened(lambda *terms: reduce(np.add, terms))(*arrays)]


def bias_axis(op: Op, rank: int) -> int:
    """Return the axis of an operand of that rank that a bias belongs to."""
    layout = text(op, "data_format", "NHWC")
    return 1 if "C" in layout and channel_axis(layout) == 1 else rank - 1


@infers("BiasAdd")
def _infer_bias_add(op: Op) -> list[Type]:
    x, bias = operand(op, 0), operand(op, 1)
    (size,) = need_rank(op, bias, 1, "a bias")
    result = x.with_element(common_element(op, (x, bias)))
    if x.shape is None:
        return [result]
    if len(x.shape) < 2:
        raise mismatch(op, f"needs an operand with at least 2 dimensions, not {x}")
    axis = bias_axis(op, len(x.shape))
    dims = list(x.shape)
    dims[axis] = equal_dims(op, dims[axis], size, "channels of operand and bias")
    return [result.with_shape(dims)]


@evaluates("BiasAdd")
def _bias_add(op: Op, arrays: Arrays) -> list[Array]:
    x, bias = arrays
    axis = bias_axis(op, x.ndim)
    return [widened(np.add)(x, bias.reshape(-1, *(1,) * (x.ndim - 1 - axis)))]


# -- selection


@infers("Select")
def _infer_select(op: Op) -> list[Type]:
    condition, a, b = operand(op, 0), operand(op, 1), operand(op, 2)
    need_family(op, condition, "bool")
    shape = equal_shapes(op, a.shape, b.shape)
    if shape is not None and condition.shape is not None and condition.rank != 0:
        by_rows = condition.rank == 1 and len(shape) > 1
        equal_shapes(op, condition.shape, shape[:1] if by_rows else shape, what="shapes of condition and operands")
    return [TensorType(common_element(op, (a, b)), shape)]


@evaluates("Select")
def _select(op: Op, arrays: Arrays) -> list[Array]:
    condition, a, b = arrays
    if condition.ndim == 1 < a.ndim:
        condition = condition.reshape(-1, *(1,) * (a.ndim - 1))
    return [np.where(condition, a, b)]


@infers("SelectV2")
def _infer_select_v2(op: Op) -> list[Type]:
    condition, a, b = operand(op, 0), operand(op, 1), operand(op, 2)
    need_family(op, condition, "bool")
    return [TensorType(common_element(op, (a, b)), broadcast(op, condition.shape, a.shape, b.shape))]


@evaluates("SelectV2")
def _select_v2(op: Op, arrays: Arrays) -> list[Array]:
    return [np.where(arrays[0], arrays[1], arrays[2])]


@infers("ClipByValue")
def _infer_clip(op: Op) -> list[Type]:
    x, low, high = operand(op, 0), operand(op, 1), operand(op, 2)
    shape = broadcast(op, x.shape, low.shape, high.shape)
    if shape is not None and x.shape is not None and len(shape) != len(x.shape):
        raise mismatch(op, f"cannot clip {x} by limits of {format_shape(shape)}")
    return [TensorType(common_element(op, (x, low, high)), shape if x.shape is not None else None)]


@evaluates("ClipByValue")
def _clip(op: Op, arrays: Arrays) -> list[Array]:
    x, low, high = arrays
    lowered = np.where(high < x, high, x)  # a limit that is not a number does not limit
    return [np.where(lowered < low, low, lowered)]
