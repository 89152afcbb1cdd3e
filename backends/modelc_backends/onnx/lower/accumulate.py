"""Lowering of ops that accumulate along an axis."""

from __future__ import annotations

from collections.abc import Callable

from modelc.dialects.ge.arrays import lowest
from modelc.dialects.ge.helpers import flag, positive_axis
from modelc.ir.constants import numpy_dtype
from modelc.ir.op import Value
from modelc_backends.onnx.lower.padding import padded
from modelc_backends.onnx.lower.shape import extent
from modelc_backends.onnx.lower.site import Site
from modelc_backends.onnx.lower.slicing import END, cut
from modelc_backends.onnx.lower.table import Lowered, lowers


@lowers("Cumsum")
def _cumsum(site: Site) -> Lowered:
    (axis,) = site.needed_ints(1, "the axis")
    how = {name: int(flag(site.op, name, False)) for name in ("exclusive", "reverse")}
    return site.onnx("CumSum", site.inputs[0], site.constant(axis), **how)


@lowers("Cumprod")
def _cumprod(site: Site) -> Lowered:
    return _accumulated(site, site.scalar(1, site.inputs[0]), lambda a, b: site.onnx("Mul", a, b))


@lowers("CumulativeLogsumexp")
def _cumulative_log_sum_exp(site: Site) -> Lowered:
    x = site.inputs[0]
    start = site.scalar(lowest(numpy_dtype(site.element(x))), x)
    return _accumulated(site, start, lambda a, b: _log_sum_exp(site, a, b))


def _log_sum_exp(site: Site, a: Value, b: Value) -> Value:
    """Return log(exp(a) + exp(b)): the greater one, and what the distance of the other one adds."""
    distance = site.onnx("Neg", site.onnx("Abs", site.onnx("Sub", a, b)))
    distance = site.onnx("Where", site.onnx("Equal", a, b), site.scalar(0, a), distance)  # of equal infinities too
    return site.onnx("Add", site.onnx("Max", a, b), site.onnx("Softplus", distance))


def _accumulated(site: Site, start: Value, combine: Callable[[Value, Value], Value]) -> Value:
    """Return the operand accumulated along an axis, in steps that combine with ever farther elements."""
    x = site.inputs[0]
    (axis,) = site.needed_ints(1, "the axis")
    axis = positive_axis(site.op, axis, site.rank(x))
    if flag(site.op, "exclusive", False):
        x = _shifted(site, x, axis, 1, start)
    count, step = extent(site, x, axis), 1
    while step < count:
        x = combine(x, _shifted(site, x, axis, step, start))
        step *= 2
    return x


def _shifted(site: Site, x: Value, axis: int, step: int, start: Value) -> Value:
    """Return `x` moved by `step` elements away from where it starts, and `start` there."""
    count = extent(site, x, axis)
    step = min(step, count)
    backward = flag(site.op, "reverse", False)
    kept = (axis, step, END, 1) if backward else (axis, 0, count - step, 1)
    added = [(0, 0)] * site.rank(x)
    added[axis] = (0, step) if backward else (step, 0)
    return padded(site, cut(site, x, [kept]), added, start)
