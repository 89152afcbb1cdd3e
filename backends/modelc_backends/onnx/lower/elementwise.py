"""Lowering of elementwise ops: arithmetic, comparison, logic and selection."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce

from modelc.dialects.ge.elementwise import bias_axis, cross_axis, log_of_base
from modelc.dialects.ge.helpers import number
from modelc.ir.op import Value
from modelc_backends.onnx.lower.site import SHAPE_FIX, NoFormError, Site
from modelc_backends.onnx.lower.table import Lowered, lowers

# What ONNX has in the same form, by its name there.
_SAME = {
    **{name: name for name in ("Abs", "Acos", "Acosh", "Asin", "Asinh", "Atan", "Atanh", "Cos", "Cosh", "Erf")},
    **{name: name for name in ("Equal", "Greater", "Less", "Mul", "Neg", "Pow", "Reciprocal", "Sign", "Sin", "Sinh")},
    **{name: name for name in ("Add", "BitwiseAnd", "BitwiseOr", "BitwiseXor", "Sqrt", "Sub", "Tan")},
    "AddV2": "Add",
    "GreaterEqual": "GreaterOrEqual",
    "Inv": "Reciprocal",
    "Invert": "BitwiseNot",
    "IsNan": "IsNaN",
    "IsInf": "IsInf",
    "LessEqual": "LessOrEqual",
    "LogicalAnd": "And",
    "LogicalNot": "Not",
    "LogicalOr": "Or",
    "Maximum": "Max",
    "Minimum": "Min",
    "SelectV2": "Where",
}
_ROUNDING = {"Ceil": "Ceil", "Floor": "Floor", "Rint": "Round", "Round": "Round"}


@lowers(*_SAME)
def _same(site: Site) -> Lowered:
    return site.onnx(_SAME[site.op_type], *site.inputs)


@lowers(*_ROUNDING)
def _rounded(site: Site) -> Lowered:
    x = site.inputs[0]
    return site.onnx(_ROUNDING[site.op_type], x) if site.element(x).family == "float" else x


@lowers("Trunc")
def _truncated(site: Site) -> Lowered:
    return truncated(site, site.inputs[0])


def truncated(site: Site, x: Value) -> Value:
    """Return `x` rounded to zero."""
    if site.element(x).family != "float":
        return x
    return site.onnx("Mul", site.onnx("Sign", x), site.onnx("Floor", site.onnx("Abs", x)))


@lowers("NotEqual")
def _not_equal(site: Site) -> Lowered:
    return site.onnx("Not", site.onnx("Equal", *site.inputs))


@lowers("IsFinite")
def _is_finite(site: Site) -> Lowered:
    x = site.inputs[0]
    return site.onnx("Not", site.onnx("Or", site.onnx("IsNaN", x), site.onnx("IsInf", x)))


@lowers("Rsqrt")
def _rsqrt(site: Site) -> Lowered:
    return site.onnx("Reciprocal", site.onnx("Sqrt", site.inputs[0]))


@lowers("Square")
def _square(site: Site) -> Lowered:
    return site.onnx("Mul", site.inputs[0], site.inputs[0])


@lowers("Erfc")
def _erfc(site: Site) -> Lowered:
    x = site.inputs[0]
    return site.onnx("Sub", site.scalar(1, x), site.onnx("Erf", x))


@lowers("Expm1")
def _expm1(site: Site) -> Lowered:
    return expm1(site, site.inputs[0])


def expm1(site: Site, x: Value) -> Value:
    """Return exp(x) - 1 without the loss near 0: tanh(x / 2) * (exp(x) + 1)."""
    half = site.onnx("Tanh", site.onnx("Mul", x, site.scalar(0.5, x)))
    return site.onnx("Mul", half, site.onnx("Add", site.onnx("Exp", x), site.scalar(1, x)))


@lowers("Log1p")
def _log1p(site: Site) -> Lowered:
    return log1p(site, site.inputs[0])


def log1p(site: Site, x: Value) -> Value:
    """Return log(1 + x), near 0 as 2 * atanh(x / (x + 2)), which loses nothing there."""
    ratio = site.onnx("Div", x, site.onnx("Add", x, site.scalar(2, x)))
    near = site.onnx("Mul", site.onnx("Atanh", ratio), site.scalar(2, x))
    far = site.onnx("Log", site.onnx("Add", x, site.scalar(1, x)))
    return site.onnx("Where", site.onnx("Less", site.onnx("Abs", x), site.scalar(0.5, x)), near, far)


# -- numbers as attributes


@lowers("Adds")
def _adds(site: Site) -> Lowered:
    x = site.inputs[0]
    return site.onnx("Add", x, site.scalar(number(site.op, "value"), x))


@lowers("Muls")
def _muls(site: Site) -> Lowered:
    x = site.inputs[0]
    return site.onnx("Mul", x, site.scalar(number(site.op, "value"), x))


def affine(site: Site, x: Value, scale: float, shift: float = 0.0) -> Value:
    """Return x * scale + shift, without the steps that change nothing."""
    if scale != 1.0:
        x = site.onnx("Mul", x, site.scalar(scale, x))
    return site.onnx("Add", x, site.scalar(shift, x)) if shift != 0.0 else x


@lowers("Power")
def _power(site: Site) -> Lowered:
    x = affine(site, site.inputs[0], number(site.op, "scale", 1.0), number(site.op, "shift", 0.0))
    power = number(site.op, "power", 1.0)
    return x if power == 1.0 else site.onnx("Pow", x, site.scalar(power, x))


@lowers("Exp")
def _exp(site: Site) -> Lowered:
    factor = log_of_base(site.op)
    scale, shift = number(site.op, "scale", 1.0), number(site.op, "shift", 0.0)
    return site.onnx("Exp", affine(site, site.inputs[0], scale * factor, shift * factor))


@lowers("Log")
def _log(site: Site) -> Lowered:
    x = affine(site, site.inputs[0], number(site.op, "scale", 1.0), number(site.op, "shift", 0.0))
    return affine(site, site.onnx("Log", x), 1 / log_of_base(site.op))


# -- quotients and remainders


def _divisor(site: Site, b: Value) -> Value:
    """Return `b` as what integers may be divided by: machines stop at a division by 0, which nothing depends on."""
    if site.element(b).family == "float":
        return b
    known = site.array(b)
    if known is not None and known.all():
        return b
    return site.onnx("Where", site.onnx("Equal", b, site.scalar(0, b)), site.scalar(1, b), b)


@lowers("Div", "RealDiv")
def _div(site: Site) -> Lowered:
    a, b = site.inputs
    return site.onnx("Div", a, _divisor(site, b))


@lowers("TruncateDiv")
def _truncate_div(site: Site) -> Lowered:
    a, b = site.inputs
    return truncated(site, site.onnx("Div", a, _divisor(site, b)))


@lowers("FloorDiv")
def _floor_div(site: Site) -> Lowered:
    a, b = site.inputs[0], _divisor(site, site.inputs[1])
    if site.element(a).family == "float":
        return site.onnx("Floor", site.onnx("Div", a, b))
    return site.onnx("Div", site.onnx("Sub", a, site.onnx("Mod", a, b)), b)


@lowers("FloorMod")
def _floor_mod(site: Site) -> Lowered:
    a, b = site.inputs[0], _divisor(site, site.inputs[1])
    if site.element(a).family != "float":
        return site.onnx("Mod", a, b)
    rest, zero = site.onnx("Mod", a, b, fmod=1), site.scalar(0, a)
    differ = site.onnx("Less", site.onnx("Mul", rest, site.onnx("Sign", b)), zero)
    return site.onnx("Where", differ, site.onnx("Add", rest, b), rest)


@lowers("Mod", "TruncateMod")
def _mod(site: Site) -> Lowered:
    a, b = site.inputs
    return site.onnx("Mod", a, _divisor(site, b), fmod=1)


@lowers("SquaredDifference")
def _squared_difference(site: Site) -> Lowered:
    difference = site.onnx("Sub", *site.inputs)
    return site.onnx("Mul", difference, difference)


# What is 0 where one operand is 0, whatever the other one is: which operand, and the result elsewhere.
_NO_NAN: dict[str, tuple[int, Callable[[Site, Value, Value], Value]]] = {
    "DivNoNan": (1, lambda site, a, b: site.onnx("Div", a, b)),
    "MulNoNan": (1, lambda site, a, b: site.onnx("Mul", a, b)),
    "Xdivy": (0, lambda site, a, b: site.onnx("Div", a, b)),
    "Xlogy": (0, lambda site, a, b: site.onnx("Mul", a, site.onnx("Log", b))),
    "Xlog1py": (0, lambda site, a, b: site.onnx("Mul", a, log1p(site, b))),
}


@lowers(*_NO_NAN)
def _no_nan(site: Site) -> Lowered:
    index, compute = _NO_NAN[site.op_type]
    decides = site.inputs[index]
    zero = site.scalar(0, decides)
    return site.onnx("Where", site.onnx("Equal", decides, zero), zero, compute(site, *site.inputs))


# -- several operands


@lowers("AddN", "AccumulateNV2")
def _sum(site: Site) -> Lowered:
    return reduce(lambda a, b: site.onnx("Add", a, b), site.inputs)


@lowers("Axpy")
def _axpy(site: Site) -> Lowered:
    a, b = site.inputs
    return site.onnx("Add", a, affine(site, b, number(site.op, "alpha")))


@lowers("Lerp")
def _lerp(site: Site) -> Lowered:
    start, end, weight = site.inputs
    return site.onnx("Add", start, site.onnx("Mul", weight, site.onnx("Sub", end, start)))


@lowers("Addcmul")
def _addcmul(site: Site) -> Lowered:
    x, a, b, value = site.inputs
    return site.onnx("Add", x, site.onnx("Mul", value, site.onnx("Mul", a, b)))


@lowers("Addcdiv")
def _addcdiv(site: Site) -> Lowered:
    x, a, b, value = site.inputs
    return site.onnx("Add", x, site.onnx("Mul", value, site.onnx("Div", a, _divisor(site, b))))


@lowers("BiasAdd")
def _bias_add(site: Site) -> Lowered:
    x, bias = site.inputs
    rank = site.rank(x)
    after = rank - 1 - bias_axis(site.op, rank)
    return site.onnx("Add", x, site.reshape(bias, (-1, *(1,) * after)) if after else bias)


@lowers("Select")
def _select(site: Site) -> Lowered:
    condition, a, b = site.inputs
    if site.rank(condition) == 1 < site.rank(a):
        condition = site.reshape(condition, (-1, *(1,) * (site.rank(a) - 1)))
    return site.onnx("Where", condition, a, b)


@lowers("MaskedFill")
def _masked_fill(site: Site) -> Lowered:
    x, mask, value = site.inputs
    return site.onnx("Where", mask, value, x)


@lowers("ClipByValue")
def _clip(site: Site) -> Lowered:
    x, low, high = site.inputs
    bounds = site.array(low), site.array(high)
    if bounds[0] is not None and bounds[1] is not None and bounds[0].size == bounds[1].size == 1:
        if site.element(x).family not in ("float", "int", "uint"):
            raise NoFormError(f"clips {x.type}")
        if bounds[0].item() <= bounds[1].item():
            return site.onnx("Clip", x, site.reshape(low, ()), site.reshape(high, ()))
    return site.onnx("Max", site.onnx("Min", x, high), low)


@lowers("Cross")
def _cross(site: Site) -> Lowered:
    axis = cross_axis(site.op, site.shape(site.inputs[0]))
    if axis is None:
        raise NoFormError("needs to know which of its axes is the first of extent 3", SHAPE_FIX)
    a, b = (site.many("Split", 3, x, axis=axis, num_outputs=3) for x in site.inputs)
    pairs = [(place % 3, (place + 1) % 3) for place in (1, 2, 3)]
    parts = [site.onnx("Sub", site.onnx("Mul", a[m], b[n]), site.onnx("Mul", a[n], b[m])) for m, n in pairs]
    return site.onnx("Concat", *parts, axis=axis)
