"""Lowering of ops that describe a tensor, or arrange its elements anew without looking at them."""

from __future__ import annotations

from modelc.dialects.ge.helpers import element, integer, integers
from modelc.dialects.ge.shape import SAME, flatten_range, reshape_range
from modelc.ir.op import Value
from modelc.ir.types import I64, Shape
from modelc_backends.onnx.lower.site import SHAPE_FIX, NoFormError, Site
from modelc_backends.onnx.lower.table import Lowered, lowers


@lowers(*SAME, "EnsureShape")
def _same(site: Site) -> Lowered:
    return site.inputs


# -- dimensions as operands


def integers_of(site: Site, value: Value) -> Value:
    """Return `value`, some integers, as the list of i64 that ONNX wants."""
    known = site.array(value)
    if known is not None:
        return site.constant(known.reshape(-1))
    return site.reshape(site.cast(value, I64), (-1,))


def extent(site: Site, value: Value, axis: int) -> int:
    """Return the extent of `value` along `axis`, which must be known."""
    found = site.shape(value)[axis]
    if not isinstance(found, int):
        raise NoFormError(f"needs to know axis {axis} of `{value.name}`, which is {value.type}", SHAPE_FIX)
    return found


def target(site: Site, index: int) -> Value:
    """Return the dimensions of the result, as far as they are not known from operand `index`."""
    result = site.op.results[0].tensor
    return site.constant(result.dims, part="shape") if result.is_static else integers_of(site, site.inputs[index])


def with_shape(site: Site, x: Value, shape: Shape) -> Value | None:
    """Return `x` in another shape, of which one dimension may be unknown; None where more are."""
    if shape is None:
        return None
    dims = [dim if isinstance(dim, int) else -1 for dim in shape]
    return site.reshape(x, dims) if dims.count(-1) == 0 or (dims.count(-1) == 1 and 0 not in dims) else None


# -- reshaping


@lowers("Reshape")
def _reshape(site: Site) -> Lowered:
    x = site.inputs[0]
    known = with_shape(site, x, site.op.result.tensor.shape)
    if known is not None:
        return known
    axis, count = integer(site.op, "axis", 0), integer(site.op, "num_axes", -1)
    wanted = integers_of(site, site.inputs[1])
    if (axis, count) != (0, -1):
        start, stop = reshape_range(site.op, axis, count, site.rank(x))
        wanted = _between(site, x, start, wanted, stop)
    return site.onnx("Reshape", x, wanted, allowzero=1)


def _between(site: Site, x: Value, start: int, middle: Value, stop: int) -> Value:
    """Return the dimensions of `x`, where `middle` stands for those from `start` up to `stop`."""
    before, after = site.onnx("Shape", x, start=0, end=start), site.onnx("Shape", x, start=stop)
    return site.onnx("Concat", before, middle, after, axis=0)


@lowers("Flatten")
def _flatten(site: Site) -> Lowered:
    return site.onnx("Flatten", site.inputs[0], axis=integer(site.op, "axis", 1))


@lowers("FlattenV2")
def _flatten_v2(site: Site) -> Lowered:
    x = site.inputs[0]
    known = with_shape(site, x, site.op.result.tensor.shape)
    if known is not None:
        return known
    first, last = flatten_range(site.op, site.rank(x))
    return site.onnx("Reshape", x, _between(site, x, first, site.constant([-1]), last + 1))


# -- dimensions of extent one


@lowers("Squeeze", "SqueezeV2", "SqueezeV3")
def _squeeze(site: Site) -> Lowered:
    given = site.given(1)
    axes = site.constant(integers(site.op, "axis", ())) if given is None else integers_of(site, given)
    return site.onnx("Squeeze", site.inputs[0], None if axes.tensor.shape == (0,) else axes)


@lowers("ExpandDims", "UnsqueezeV3")
def _expand_dims(site: Site) -> Lowered:
    return site.onnx("Unsqueeze", site.inputs[0], integers_of(site, site.inputs[1]))


@lowers("Unsqueeze", "UnsqueezeV2")
def _unsqueeze(site: Site) -> Lowered:
    axes = integers(site.op, "axes" if site.op_type == "Unsqueeze" else "axis", ())
    return site.unsqueeze(site.inputs[0], axes)


# -- transposing


@lowers("Transpose", "ConjugateTranspose")
def _transpose(site: Site) -> Lowered:
    x = site.inputs[0]
    if site.op_type == "ConjugateTranspose" and site.element(x).family == "complex":
        raise NoFormError("computes with complex numbers, which ONNX does not")
    perm = site.needed_ints(1, "the order of its dimensions")
    return site.transpose(x, [axis % len(perm) for axis in perm])


@lowers("InvertPermutation")
def _invert_permutation(site: Site) -> Lowered:
    (perm,) = site.inputs
    return site.many("TopK", 2, perm, site.onnx("Shape", perm), largest=0)[1]


# -- descriptions


@lowers("Shape", "ShapeN")
def _shape(site: Site) -> Lowered:
    return [site.onnx("Shape", value) for value in site.inputs]


@lowers("GetShape")
def _get_shape(site: Site) -> Lowered:
    return site.onnx("Concat", *(site.onnx("Shape", value) for value in site.inputs), axis=0)


@lowers("Size")
def _size(site: Site) -> Lowered:
    return site.onnx("Size", site.inputs[0])


@lowers("Rank")
def _rank(site: Site) -> Lowered:
    rank = site.inputs[0].tensor.rank
    return site.onnx("Size", site.onnx("Shape", site.inputs[0])) if rank is None else site.constant(rank)


# -- bits


@lowers("Bitcast")
def _bitcast(site: Site) -> Lowered:
    x, wanted = site.inputs[0], element(site.op, "type")
    own = site.element(x)
    are_integers = {own.family, wanted.family} <= {"int", "uint"}
    if own != wanted and not (are_integers and own.bits == wanted.bits):
        raise NoFormError(f"reads the bits of {own} as {wanted}, which ONNX cannot")
    return site.cast(x, wanted)
