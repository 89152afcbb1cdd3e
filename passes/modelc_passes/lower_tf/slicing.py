"""Lowering of slices, paddings and moves between space, depth and batch."""

from __future__ import annotations

import numpy as np

from modelc.ir.attributes import Attribute
from modelc_passes.lower_tf.site import Site
from modelc_passes.lower_tf.table import Lowered, lowers
from modelc_passes.lower_tf.windows import layout

_MASKS = ("begin_mask", "end_mask", "ellipsis_mask", "new_axis_mask", "shrink_axis_mask")


@lowers("StridedSlice")
def _strided_slice(site: Site) -> Lowered:
    x, *bounds = site.inputs
    masks: dict[str, Attribute] = {name: site.integer(name, 0) for name in _MASKS}
    parts = zip(bounds, ("begin", "end", "strides"), strict=True)
    return site.ge("StridedSlice", x, *(site.narrow(value, part) for value, part in parts), **masks)


@lowers("Slice")
def _slice(site: Site) -> Lowered:
    x, offsets, size = site.inputs
    return site.ge("Slice", x, site.narrow(offsets, "offsets"), site.narrow(size, "size"))


@lowers("Pad", "MirrorPad")
def _pad(site: Site) -> Lowered:
    x, paddings = site.inputs
    attributes: dict[str, Attribute] = {"mode": site.text("mode")} if site.op_type == "MirrorPad" else {}
    return site.ge(site.op_type, x, site.as_int32(paddings, "paddings"), **attributes)


@lowers("PadV2")
def _pad_v2(site: Site) -> Lowered:
    x, paddings, value = site.inputs
    paddings = site.as_int32(paddings, "paddings")
    number = site.array(value)
    if number is not None and number.dtype.kind in "iuf" and not number.any():
        return site.ge("Pad", x, paddings)
    return site.ge("PadV2", x, paddings, value)


@lowers("SpaceToBatchND", "BatchToSpaceND")
def _batch_and_space(site: Site) -> Lowered:
    x, block, amounts = site.inputs
    return site.ge(site.op_type, x, site.as_int32(block, "block_shape"), site.as_int32(amounts, "amounts"))


@lowers("SpaceToBatch", "BatchToSpace")
def _batch_and_space_2d(site: Site) -> Lowered:
    x, amounts = site.inputs
    block = site.constant([site.integer("block_size")] * 2, part="block_shape")
    return site.ge(f"{site.op_type}ND", x, block, site.as_int32(amounts, "amounts"))


@lowers("SpaceToDepth", "DepthToSpace")
def _depth_and_space(site: Site) -> Lowered:
    attributes: dict[str, Attribute] = {"block_size": site.integer("block_size"), "data_format": layout(site)}
    if site.op_type == "DepthToSpace":
        attributes["mode"] = "DCR"
    return site.ge(site.op_type, site.inputs[0], **attributes)


@lowers("ReverseV2")
def _reverse(site: Site) -> Lowered:
    x, axis = site.inputs
    return site.ge("ReverseV2", x, site.narrow(axis, "axis"))


@lowers("Reverse")
def _reverse_flags(site: Site) -> Lowered:
    x, flags = site.inputs
    chosen = site.array(flags)
    if chosen is None:
        raise site.unknown("which dimensions it reverses")
    return site.ge("ReverseV2", x, site.constant(np.flatnonzero(chosen), part="axis"))


@lowers("Roll")
def _roll(site: Site) -> Lowered:
    x, shift, axes = site.inputs
    return site.ge("RollV2", x, site.narrow(shift, "shift"), site.narrow(axes, "axes"))
