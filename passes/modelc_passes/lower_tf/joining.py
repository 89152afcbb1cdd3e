"""Lowering of ops that join tensors or take them apart."""

from __future__ import annotations

from collections.abc import Sequence

from modelc.ir.op import Value
from modelc.ir.types import I32
from modelc_passes.lower_tf.site import Site
from modelc_passes.lower_tf.table import Lowered, lowers


def _concat(site: Site, values: Sequence[Value], axis: Value) -> Lowered:
    if len(values) == 1:
        return values[0]
    return site.ge("ConcatV2", *values, site.as_int32(axis, "axis"), N=len(values))


@lowers("ConcatV2")
def _concat_v2(site: Site) -> Lowered:
    return _concat(site, site.inputs[:-1], site.inputs[-1])


@lowers("Concat")
def _concat_v1(site: Site) -> Lowered:
    return _concat(site, site.inputs[1:], site.inputs[0])


@lowers("ParallelConcat")
def _parallel_concat(site: Site) -> Lowered:
    return _concat(site, site.inputs, site.constant(0, I32, part="axis"))


@lowers("ConcatOffset")
def _concat_offset(site: Site) -> Lowered:
    axis = site.needed_ints(site.inputs[0], "its axis")[0]
    shapes = [site.needed_ints(value, "the shapes of the parts") for value in site.inputs[1:]]
    results, offset = [], 0
    for shape, value in zip(shapes, site.inputs[1:], strict=True):
        start = [0] * len(shape)
        start[axis] = offset
        offset += shape[axis]
        results.append(site.constant(start, value.tensor.element or I32, part="offset"))
    return results


@lowers("Pack")
def _pack(site: Site) -> Lowered:
    return site.ge("Pack", *site.inputs, axis=site.integer("axis", 0), N=len(site.inputs))


@lowers("Unpack")
def _unpack(site: Site) -> Lowered:
    return site.many("Unpack", site.inputs[0], num=site.integer("num"), axis=site.integer("axis", 0))


@lowers("Split")
def _split(site: Site) -> Lowered:
    axis, x = site.inputs
    if site.integer("num_split") == 1:
        return [x]
    return site.many("Split", site.as_int32(axis, "axis"), x, num_split=site.integer("num_split"))


@lowers("SplitV")
def _split_v(site: Site) -> Lowered:
    x, sizes, axis = site.inputs
    if site.integer("num_split") == 1:
        return [x]
    return site.many(
        "SplitV", x, site.narrow(sizes, "sizes"), site.as_int32(axis, "axis"), num_split=site.integer("num_split")
    )
