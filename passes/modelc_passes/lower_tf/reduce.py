"""Lowering of reductions over axes."""

from __future__ import annotations

from modelc.ir.attributes import Attribute
from modelc.ir.op import Value
from modelc.ir.types import I64
from modelc_passes.lower_tf.site import Site
from modelc_passes.lower_tf.table import Lowered, lowers

_KINDS = {
    "Mean": "ReduceMean",
    "Sum": "ReduceSum",
    "Max": "ReduceMax",
    "Min": "ReduceMin",
    "Prod": "ReduceProd",
    "All": "ReduceAll",
    "Any": "ReduceAny",
    "EuclideanNorm": "EuclideanNorm",
}


def _axes(site: Site, axes: Value) -> Value:
    numbers = site.known_ints(axes)
    if numbers is None or axes.tensor.rank == 1:
        return site.narrow(axes, "axes")
    return site.constant(numbers, part="axes")


@lowers(*_KINDS)
def _reduce(site: Site) -> Lowered:
    x, axes = site.inputs
    if site.known_ints(axes) == () and site.op_type != "EuclideanNorm":
        return x
    attributes: dict[str, Attribute] = {"keep_dims": site.flag("keep_dims", False)}
    if site.op_type == "Mean":
        attributes["noop_with_empty_axes"] = True
    return site.ge(_KINDS[site.op_type], x, _axes(site, axes), **attributes)


@lowers("ArgMax")
def _arg_max(site: Site) -> Lowered:
    x, axis = site.inputs
    return site.ge("ArgMaxV2", x, site.as_int32(axis, "axis"), dtype=site.element("output_type", I64))


@lowers("ArgMin")
def _arg_min(site: Site) -> Lowered:
    x, axis = site.inputs
    return site.ge("ArgMin", x, site.as_int32(axis, "axis"), dtype=site.element("output_type", I64))
