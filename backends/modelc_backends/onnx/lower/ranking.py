"""Lowering of ops that rank along an axis."""

from __future__ import annotations

from modelc.dialects.ge.helpers import flag, integer, positive_axis
from modelc.ir.op import Value
from modelc.ir.types import I64
from modelc_backends.onnx.lower.gather import places
from modelc_backends.onnx.lower.site import Site
from modelc_backends.onnx.lower.table import Lowered, lowers


def _ranked(site: Site, x: Value, count: Value, axis: int, largest: bool) -> tuple[Value, ...]:
    return site.many("TopK", 2, x, count, axis=axis, largest=int(largest), sorted=1)


@lowers("TopK", "TopKV2")
def _top_k(site: Site) -> Lowered:
    x, k = site.inputs
    count = site.reshape(site.cast(k, I64), (1,))
    return _ranked(site, x, count, integer(site.op, "dim", -1), flag(site.op, "largest", True))


@lowers("Sort")
def _sort(site: Site) -> Lowered:
    x = site.inputs[0]
    axis = positive_axis(site.op, integer(site.op, "axis", -1), site.rank(x))
    return _ranked(site, x, site.extents(x, axis), axis, flag(site.op, "descending", False))


@lowers("NthElement")
def _nth_element(site: Site) -> Lowered:
    x, n = site.inputs[0], site.reshape(site.cast(site.inputs[1], I64), ())
    count = site.unsqueeze(site.onnx("Add", n, site.constant(1)), (0,))
    values, _ = _ranked(site, x, count, -1, flag(site.op, "reverse", False))
    return site.onnx("Gather", values, n, axis=-1)


@lowers("InTopK", "InTopKV2")
def _in_top_k(site: Site) -> Lowered:
    scores, targets, k = site.inputs[0], places(site, site.inputs[1]), site.cast(site.inputs[2], I64)
    zero, classes = site.scalar(0, targets), site.cast(site.extents(scores, 1), site.element(targets))
    inside = site.onnx("And", site.onnx("GreaterOrEqual", targets, zero), site.onnx("Less", targets, classes))
    target = site.unsqueeze(site.onnx("Where", inside, targets, zero), (1,))
    better = site.onnx("Greater", scores, site.onnx("GatherElements", scores, target, axis=1))
    count = site.onnx("ReduceSum", site.cast(better, I64), site.constant((1,)), keepdims=0)
    infinite = site.cast(site.onnx("Or", site.onnx("IsNaN", scores), site.onnx("IsInf", scores)), I64)
    none = site.onnx("ReduceSum", infinite, site.constant((1,)), keepdims=0)
    finite = site.onnx("Equal", none, site.constant(0))
    return site.onnx("And", site.onnx("And", inside, finite), site.onnx("Less", count, site.reshape(k, ())))
