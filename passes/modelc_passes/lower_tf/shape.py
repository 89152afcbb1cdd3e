"""Lowering of ops that describe or change shapes, and of those that pass their operand through."""

from __future__ import annotations

import numpy as np

from modelc.dialects.ge.dtypes import cpp_number
from modelc.ir.attributes import ShapeAttribute
from modelc.ir.blob import SplatBlob
from modelc.ir.constants import constant, numpy_dtype
from modelc.ir.op import Value
from modelc.ir.opdef import InferenceError
from modelc.ir.types import I32, Element, TensorType
from modelc_passes.lower_tf.partial import wildcard
from modelc_passes.lower_tf.site import Site, UnsupportedFormError
from modelc_passes.lower_tf.table import Lowered, lowers


@lowers(
    "Identity",
    "IdentityN",
    "Snapshot",
    "StopGradient",
    "PreventGradient",
    "GuaranteeConst",
    "CheckNumerics",
    "CheckNumericsV2",
    "DeepCopy",
    "Copy",
    "CopyHost",
    "DebugIdentity",
    "DebugIdentityV2",
    "DebugIdentityV3",
    "PlaceholderWithDefault",
    "OptimizationBarrier",
    "XlaOptimizationBarrier",
)
def _pass_through(site: Site) -> Lowered:
    return site.inputs


@lowers("Print")
def _print(site: Site) -> Lowered:
    return site.inputs[0]


@lowers("EnsureShape")
def _ensure(site: Site) -> Lowered:
    value = site.inputs[0]
    stated = site.op.attributes.get("shape")
    if not isinstance(stated, ShapeAttribute) or stated.dims is None:
        return value
    if value.tensor.shape is None:
        merged = stated.dims
    elif len(value.tensor.shape) == len(stated.dims):
        merged = tuple(d if isinstance(d, int) else s for d, s in zip(value.tensor.shape, stated.dims, strict=True))
    else:
        raise InferenceError(f"states the shape {stated}")
    if any(isinstance(s, int) and m != s for m, s in zip(merged, stated.dims, strict=True)):
        raise InferenceError(f"states the shape {stated}")
    site.rw.set_type(value, value.tensor.with_shape(merged))
    return value


# -- descriptions


def _shape_of(site: Site, value: Value) -> Value:
    target = site.element("out_type", I32)
    if value.tensor.is_static:
        return site.constant(value.tensor.dims, target, part="shape")
    return site.ge("Shape", value, dtype=cpp_number(target))


@lowers("Shape")
def _shape(site: Site) -> Lowered:
    return _shape_of(site, site.inputs[0])


@lowers("ShapeN")
def _shape_n(site: Site) -> Lowered:
    return [_shape_of(site, value) for value in site.inputs]


@lowers("Size")
def _size(site: Site) -> Lowered:
    target, type_ = site.element("out_type", I32), site.inputs[0].tensor
    if type_.is_static:
        return site.constant(type_.size, target, part="size")
    return site.ge("Size", site.inputs[0], dtype=cpp_number(target))


@lowers("Rank")
def _rank(site: Site) -> Lowered:
    rank = site.inputs[0].tensor.rank
    return site.ge("Rank", site.inputs[0]) if rank is None else site.constant(rank, part="rank")


@lowers("BroadcastArgs")
def _broadcast_args(site: Site) -> Lowered:
    shapes = [site.known_ints(value) for value in site.inputs]
    if None in shapes:
        return site.ge("BroadcastArgs", *site.inputs)
    try:
        result = np.broadcast_shapes(*(shape or () for shape in shapes))
    except ValueError:
        raise InferenceError(f"cannot broadcast {shapes[0]} with {shapes[1]}") from None
    return site.constant(result, site.inputs[0].tensor.element or I32, part="shape")


@lowers("DataFormatVecPermute", "DataFormatDimMap")
def _data_format(site: Site) -> Lowered:
    source, target = site.text("src_format", "NHWC"), site.text("dst_format", "NCHW")
    x = constant(site.inputs[0])
    if x is None:
        raise site.unknown("its operand")
    if site.op_type == "DataFormatDimMap":
        table = np.asarray([target.index(letter) for letter in source])
        return site.constant(table[x], site.inputs[0].tensor.element or I32)
    letters = source if len(x) == len(source) else [letter for letter in source if letter not in "NC"]
    wanted = target if len(x) == len(target) else [letter for letter in target if letter not in "NC"]
    return site.constant(x[[list(letters).index(letter) for letter in wanted]], site.inputs[0].tensor.element or I32)


# -- changes


@lowers("Reshape")
def _reshape(site: Site) -> Lowered:
    x, shape = site.inputs
    numbers = wildcard(shape)
    shape = site.as_int32(shape) if numbers is None else site.constant(numbers, part="shape")
    return site.ge("Reshape", x, shape)


@lowers("Squeeze")
def _squeeze(site: Site) -> Lowered:
    axes = site.integers("squeeze_dims", ()) or site.integers("axis", ())
    return site.ge("Squeeze", site.inputs[0], axis=axes)


@lowers("ExpandDims")
def _expand(site: Site) -> Lowered:
    x, axis = site.inputs
    (number,) = site.needed_ints(axis, "its axis")
    return site.ge("ExpandDims", x, site.constant(number, part="axis"))


@lowers("Transpose", "ConjugateTranspose")
def _transpose(site: Site) -> Lowered:
    x, perm = site.inputs
    if site.op_type == "ConjugateTranspose" and x.tensor.element is not None and x.tensor.element.family == "complex":
        raise UnsupportedFormError("conjugates complex numbers")
    return site.ge("Transpose", x, site.narrow(perm, "perm"))


@lowers("BroadcastTo")
def _broadcast_to(site: Site) -> Lowered:
    return site.ge("BroadcastTo", site.inputs[0], site.as_int32(site.inputs[1]))


@lowers("Tile")
def _tile(site: Site) -> Lowered:
    return site.ge("Tile", site.inputs[0], site.as_int32(site.inputs[1], "multiples"))


# -- new tensors


def _splat(site: Site, number: bytes, type_: TensorType) -> Value:
    return site.rw.constant_of(SplatBlob(number, type_.size), type_, name=site.op.origin.name)


def _filled(site: Site, number: int, element: Element, type_: TensorType) -> Value:
    return _splat(site, np.asarray(number, numpy_dtype(element)).tobytes(), type_)


@lowers("ZerosLike", "OnesLike")
def _like(site: Site) -> Lowered:
    type_ = site.inputs[0].tensor
    if not type_.is_static or type_.element is None or not type_.element.nbytes:
        return site.ge(site.op_type, site.inputs[0])
    return _filled(site, int(site.op_type == "OnesLike"), type_.element, type_)


@lowers("Fill")
def _fill(site: Site) -> Lowered:
    dims, value = site.inputs
    number, shape, element = constant(value), site.known_ints(dims), value.tensor.element
    if (
        number is None
        or shape is None
        or element is None
        or not element.nbytes
        or number.size != 1
        or min(shape, default=0) < 0
    ):
        return site.ge("Fill", site.as_int32(dims, "dims"), value)
    return _splat(site, number.tobytes(), TensorType(element, shape))


@lowers("Empty")
def _empty(site: Site) -> Lowered:
    element = site.element("dtype")
    shape = site.needed_ints(site.inputs[0], "the shape of its result")
    return _filled(site, 0, element, TensorType(element, shape))


@lowers("LinSpace")
def _linspace(site: Site) -> Lowered:
    start, stop, number = site.inputs
    return site.ge("LinSpace", start, stop, site.as_int32(number, "num"))
