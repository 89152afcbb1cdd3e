"""Lowering of ops that make a tensor of given dimensions: filled, counted up, or repeated to fit."""

from __future__ import annotations

from modelc.dialects.ge.helpers import number
from modelc.dialects.onnx.dtypes import onnx_number
from modelc.ir.op import Value
from modelc.ir.types import F32, I64, Element
from modelc_backends.onnx.lower.shape import target
from modelc_backends.onnx.lower.site import NoFormError, Site
from modelc_backends.onnx.lower.table import Lowered, lowers

_RANGES = ("f32", "f64", "i16", "i32", "i64")  # the element types that ONNX counts in


def filled(site: Site, value: Value, dims: Value) -> Value:
    """Return a tensor of the dimensions `dims`, all of it the one number `value`."""
    return site.onnx("Expand", site.reshape(value, ()), dims)


def _result_element(site: Site) -> Element:
    found = site.op.results[0].tensor.element
    if found is None or onnx_number(found) is None:
        raise NoFormError(f"makes elements of {found or 'an unknown type'}, which ONNX lacks")
    return found


# -- filling


@lowers("Fill")
def _fill(site: Site) -> Lowered:
    return filled(site, site.inputs[1], target(site, 0))


@lowers("FillV2", "Empty")
def _fill_v2(site: Site) -> Lowered:
    value = site.constant(number(site.op, "value", 0.0), _result_element(site))
    return filled(site, value, target(site, 0))


@lowers("Fills", "OnesLike", "ZerosLike")
def _like(site: Site) -> Lowered:
    x = site.inputs[0]
    value = number(site.op, "value") if site.op_type == "Fills" else int(site.op_type == "OnesLike")
    dims = site.constant(x.tensor.dims, part="shape") if x.tensor.is_static else site.onnx("Shape", x)
    return filled(site, site.scalar(value, x), dims)


@lowers("Eye")
def _eye(site: Site) -> Lowered:
    dims = site.op.result.tensor.dims
    ones = site.onnx("EyeLike", filled(site, site.constant(0, F32), site.constant(dims[-2:])))
    return site.onnx("Expand", site.cast(ones, _result_element(site)), site.constant(dims, part="shape"))


# -- broadcasting


@lowers("BroadcastTo", "Expand")
def _broadcast_to(site: Site) -> Lowered:
    """Expand: -1 stands for the operand's own extent, as does the 1 that it is made here."""
    return site.onnx("Expand", site.inputs[0], site.onnx("Abs", target(site, 1)))


@lowers("BroadcastArgs")
def _broadcast_args(site: Site) -> Lowered:
    lengths = [site.dims(value)[0] for value in site.inputs]
    a, b = (_with_ones(site, value, max(lengths) - length) for value, length in zip(site.inputs, lengths, strict=True))
    return site.onnx("Where", site.onnx("Equal", a, site.scalar(1, a)), b, a)


def _with_ones(site: Site, dims: Value, count: int) -> Value:
    ones = site.constant([1] * count, site.element(dims))
    return site.onnx("Concat", ones, dims, axis=0) if count else dims


# -- counting


@lowers("Range")
def _range(site: Site) -> Lowered:
    own = site.element(site.inputs[0])
    counted = own if own.name in _RANGES else F32 if own.family == "float" else I64
    return site.onnx("Range", *(site.cast(site.reshape(value, ()), counted) for value in site.inputs))


@lowers("LinSpace")
def _lin_space(site: Site) -> Lowered:
    start, stop = (site.reshape(value, ()) for value in site.inputs[:2])
    (count,) = site.needed_ints(2, "how many numbers to make")
    if count == 1:
        return site.reshape(start, (1,))
    step = site.onnx("Div", site.onnx("Sub", stop, start), site.scalar(count - 1, start))
    places = site.onnx("Range", site.constant(0), site.constant(count - 1), site.constant(1))
    inner = site.onnx("Add", start, site.onnx("Mul", site.cast(places, site.element(start)), step))
    return site.onnx("Concat", inner, site.reshape(stop, (1,)), axis=0)
