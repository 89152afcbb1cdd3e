"""Lowering of ops that reduce along axes.

Maxima and minima of numbers among which there is a NaN are left to the runtime: onnxruntime may overlook it.
"""

from __future__ import annotations

import math

from modelc.dialects.ge.helpers import flag, integer, integers, positive_axes
from modelc.ir.op import Value
from modelc.ir.types import BOOL, F64, I64, U8
from modelc_backends.onnx.lower.shape import extent, integers_of
from modelc_backends.onnx.lower.site import Site
from modelc_backends.onnx.lower.table import Lowered, lowers

# What ONNX calls them; of truth values, all are true where the least one is.
_REDUCTIONS = {
    **{name: name for name in ("ReduceLogSum", "ReduceLogSumExp", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceSum")},
    "ReduceAll": "ReduceMin",
    "ReduceAny": "ReduceMax",
}


@lowers(*_REDUCTIONS)
def _reduce(site: Site) -> Lowered:
    x = site.inputs[0]
    has_elements = all(isinstance(dim, int) and dim for dim in site.shape(x))
    if site.element(x) == BOOL and not has_elements:  # of truth values onnxruntime takes no empty set
        x = site.cast(x, U8)
    return _reduced(site, _REDUCTIONS[site.op_type], x)


def _reduced(site: Site, kind: str, x: Value) -> Value:
    """Return `x` reduced along the axes that are operand 1."""
    axes, keep = integers_of(site, site.inputs[1]), int(flag(site.op, "keep_dims", False))
    reduces_nothing = flag(site.op, "noop_with_empty_axes", True)
    if axes.tensor.shape != (0,):
        return site.onnx(kind, x, axes, keepdims=keep, noop_with_empty_axes=int(reduces_nothing))
    if reduces_nothing:  # each element by itself, which is not always nothing: a norm takes its absolute value
        return site.onnx(kind, site.unsqueeze(x, (0,)), site.constant([0]), keepdims=0)
    return site.onnx(kind, x, None, keepdims=keep)


@lowers("ReduceMean", "ReduceMeanWithCast")
def _mean(site: Site) -> Lowered:
    x = site.inputs[0]
    return _reduced(site, "ReduceMean", x if site.element(x).family == "float" else site.cast(x, I64))


@lowers("ReduceNansum")
def _nansum(site: Site) -> Lowered:
    x = site.inputs[0]
    return _reduced(site, "ReduceSum", site.onnx("Where", site.onnx("IsNaN", x), site.scalar(0, x), x))


@lowers("EuclideanNorm")
def _norm(site: Site) -> Lowered:
    x = site.inputs[0]
    return _reduced(site, "ReduceL2", x if site.element(x).family == "float" else site.cast(x, F64))


# -- mean and deviation at once


@lowers("ReduceMeanVariance")
def _mean_and_variance(site: Site) -> Lowered:
    mean, squares, count = _moments(site, integers(site.op, "axes", ()), flag(site.op, "keep_dims", True))
    return [mean, site.onnx("Div", squares, count)]


@lowers("ReduceStd")
def _deviation_and_mean(site: Site) -> Lowered:
    less = int(flag(site.op, "unbiased", True))
    mean, squares, count = _moments(site, integers(site.op, "dim", ()), flag(site.op, "keepdim", False))
    if less:
        count = site.onnx("Sub", count, site.scalar(1, count))
    return [site.onnx("Sqrt", site.onnx("Div", squares, count)), mean]


def _moments(site: Site, axes: tuple[int, ...], keep: bool) -> tuple[Value, Value, Value]:
    """Return the mean of the operand, the sum of its squared distances from that, and of how many numbers."""
    x = site.inputs[0]
    places = positive_axes(site.op, axes or range(site.rank(x)), site.rank(x))
    along = site.constant(places, part="axes")
    mean = site.onnx("ReduceMean", x, along, keepdims=1)
    distance = site.onnx("Sub", x, mean)
    squares = site.onnx("ReduceSum", site.onnx("Mul", distance, distance), along, keepdims=int(keep))
    count = site.scalar(math.prod(extent(site, x, axis) for axis in places), x)
    return mean if keep else site.squeeze(mean, places), squares, count


# -- the places of the greatest and the least


@lowers("ArgMaxV2", "ArgMin")
def _arg(site: Site) -> Lowered:
    (axis,) = site.needed_ints(1, "the axis")
    return site.onnx(site.op_type.removesuffix("V2"), site.inputs[0], axis=axis, keepdims=0)


@lowers("ArgMaxWithValue", "ArgMinWithValue")
def _arg_with_value(site: Site) -> Lowered:
    x, axis = site.inputs[0], integer(site.op, "dimension")
    places = site.onnx(site.op_type.removesuffix("WithValue"), x, axis=axis, keepdims=1)
    results = places, site.onnx("GatherElements", x, places, axis=axis)
    return results if flag(site.op, "keep_dims", False) else [site.squeeze(value, (axis,)) for value in results]
