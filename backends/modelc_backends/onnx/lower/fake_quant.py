"""Lowering of fake quantization, in the very steps of its evaluation: other ones round some numbers differently."""

from __future__ import annotations

from modelc.dialects.ge.helpers import flag, integer, number
from modelc.ir.op import Value
from modelc.ir.types import F32
from modelc_backends.onnx.lower.site import Site
from modelc_backends.onnx.lower.table import Lowered, lowers


@lowers("FakeQuantWithMinMaxArgs")
def _fake_quant_args(site: Site) -> Lowered:
    low, high = (site.constant(number(site.op, *each), F32) for each in (("min", -6.0), ("max", 6.0)))
    return _fake_quant(site, low, high)


@lowers("FakeQuantWithMinMaxVars", "FakeQuantWithMinMaxVarsPerChannel")
def _fake_quant_vars(site: Site) -> Lowered:
    return _fake_quant(site, site.inputs[1], site.inputs[2])


def _fake_quant(site: Site, low: Value, high: Value) -> Value:
    steps = (1 << integer(site.op, "num_bits", 8)) - 1
    least, most = (site.constant(end, F32) for end in (int(flag(site.op, "narrow_range", False)), steps))
    zero, half = site.constant(0, F32), site.constant(0.5, F32)
    scale = site.onnx("Div", site.onnx("Sub", high, low), site.onnx("Sub", most, least))
    exact = _half_away(site, site.onnx("Sub", least, site.onnx("Div", low, scale)), half)
    exact = site.onnx("Min", site.onnx("Max", exact, least), most)
    bottom, top = (site.onnx("Mul", site.onnx("Sub", end, exact), scale) for end in (least, most))
    inverse = site.onnx("Reciprocal", scale)
    offset = site.onnx("Floor", site.onnx("Add", site.onnx("Mul", site.onnx("Neg", bottom), inverse), half))
    clamped = site.onnx("Sub", site.onnx("Min", site.onnx("Max", site.inputs[0], bottom), top), bottom)
    rounded = site.onnx("Add", site.onnx("Sub", site.onnx("Mul", clamped, inverse), offset), half)
    result = site.onnx("Mul", site.onnx("Floor", rounded), scale)
    is_empty = site.onnx("And", site.onnx("Equal", low, zero), site.onnx("Equal", high, zero))
    return site.onnx("Where", is_empty, zero, result)


def _half_away(site: Site, x: Value, half: Value) -> Value:
    """Return `x` rounded, what is halfway away from zero."""
    return site.onnx("Mul", site.onnx("Sign", x), site.onnx("Floor", site.onnx("Add", site.onnx("Abs", x), half)))
