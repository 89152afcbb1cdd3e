"""Lowering of ops on the bits of integers."""

from __future__ import annotations

import numpy as np

from modelc.ir.constants import numpy_dtype
from modelc.ir.op import Value
from modelc.ir.types import I32, U32, U64
from modelc_backends.onnx.lower.site import Site
from modelc_backends.onnx.lower.table import Lowered, lowers


@lowers("LeftShift")
def _left_shift(site: Site) -> Lowered:
    return _shifted(site, site.inputs[0], "LEFT")


@lowers("RightShift")
def _right_shift(site: Site) -> Lowered:
    """Shift what is negative by its complement, which is not: ONNX shifts unsigned integers."""
    x = site.inputs[0]
    if site.element(x).family == "uint":
        return _shifted(site, x, "RIGHT")
    negative = site.onnx("Less", x, site.scalar(0, x))
    shifted = _shifted(site, site.onnx("Where", negative, site.onnx("BitwiseNot", x), x), "RIGHT")
    return site.onnx("Where", negative, site.onnx("BitwiseNot", shifted), shifted)


def _shifted(site: Site, x: Value, direction: str) -> Value:
    """Return `x` shifted by operand 1, by at least no bit and at most all but one."""
    own = site.element(x)
    unsigned = U64 if own.bits > U32.bits else U32
    amount = site.inputs[1]
    low, high = (site.scalar(number, amount) for number in (0, own.bits - 1))
    amount = site.onnx("Max", site.onnx("Min", amount, high), low)
    shifted = site.onnx("BitShift", site.cast(x, unsigned), site.cast(amount, unsigned), direction=direction)
    return site.cast(shifted, own)


@lowers("PopulationCount")
def _population_count(site: Site) -> Lowered:
    x = site.inputs[0]
    own = numpy_dtype(site.element(x))
    places = np.array([1 << place for place in range(own.itemsize * 8)], own.str.replace("i", "u"))
    each = site.unsqueeze(x, (site.rank(x),))
    bits = site.onnx("BitwiseAnd", each, site.constant(places.view(own), site.element(x), "bits"))
    is_set = site.cast(site.onnx("Not", site.onnx("Equal", bits, site.scalar(0, bits))), I32)
    return site.onnx("ReduceSum", is_set, site.constant([site.rank(x)]), keepdims=0)
