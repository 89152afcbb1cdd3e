"""Lowering of comparisons with a tolerance, and of those of whole tensors."""

from __future__ import annotations

from modelc.dialects.ge.helpers import flag, number
from modelc.ir.op import Value
from modelc.ir.types import BOOL, F32, F64
from modelc_backends.onnx.lower.elementwise import affine
from modelc_backends.onnx.lower.site import Site
from modelc_backends.onnx.lower.table import Lowered, lowers


def _wide(site: Site, x: Value) -> Value:
    """Return `x` in at least single precision."""
    own = site.element(x)
    if own.family != "float":
        return site.cast(x, F64)
    return site.cast(x, F32) if own.bits < F32.bits else x


@lowers("ApproximateEqual")
def _approximate_equal(site: Site) -> Lowered:
    a, b = (_wide(site, x) for x in site.inputs)
    distance = site.onnx("Abs", site.onnx("Sub", a, b))
    return site.onnx("Less", distance, site.scalar(number(site.op, "tolerance", 1e-5), a))


@lowers("IsClose")
def _is_close(site: Site) -> Lowered:
    a, b = (_wide(site, x) for x in site.inputs)
    reach = affine(site, site.onnx("Abs", b), number(site.op, "rtol", 1e-5), number(site.op, "atol", 1e-8))
    near = site.onnx("LessOrEqual", site.onnx("Abs", site.onnx("Sub", a, b)), reach)
    # Everything is within reach of an infinity.
    near = site.onnx("And", near, site.onnx("Not", site.onnx("IsInf", b)))
    found = site.onnx("Or", near, site.onnx("Equal", a, b))
    if not flag(site.op, "equal_nan", False):
        return found
    return site.onnx("Or", found, site.onnx("And", site.onnx("IsNaN", a), site.onnx("IsNaN", b)))


@lowers("TensorEqual")
def _tensor_equal(site: Site) -> Lowered:
    a, b = site.inputs
    if site.dims(a) != site.dims(b) or 0 in site.dims(a):
        return site.constant(site.dims(a) == site.dims(b), BOOL)
    return site.onnx("ReduceMin", site.onnx("Equal", a, b), None, keepdims=0)
