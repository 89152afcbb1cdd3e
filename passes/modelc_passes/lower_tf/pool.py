"""Lowering of pooling."""

from __future__ import annotations

import numpy as np

from modelc.dialects.ge.dtypes import cpp_number
from modelc.dialects.ge.helpers import spatial_axes
from modelc.ir.attributes import Attribute
from modelc.ir.constants import numpy_dtype
from modelc.ir.op import Value
from modelc.ir.types import I32, I64, Dim, Element
from modelc_passes.lower_tf.site import Site, UnsupportedFormError
from modelc_passes.lower_tf.table import Lowered, lowers
from modelc_passes.lower_tf.windows import at_axes, layout, window_pads


def _window(site: Site, rank: int = 4) -> dict[str, Attribute]:
    return {
        "ksize": site.integers("ksize"),
        "strides": site.integers("strides"),
        "padding": site.text("padding"),
        "data_format": layout(site, rank),
    }


@lowers("AvgPool")
def _average(site: Site) -> Lowered:
    return site.ge("AvgPool", site.inputs[0], **_window(site))


@lowers("MaxPool")
def _max(site: Site) -> Lowered:
    attributes = _window(site)
    x = site.inputs[0]
    if attributes["padding"] == "EXPLICIT":
        x = _padded_low(site, x)
        attributes["padding"] = "VALID"
    return site.ge("MaxPool", x, **attributes)


@lowers("MaxPoolV2")
def _max_v2(site: Site) -> Lowered:
    x, ksize, strides = site.inputs
    attributes: dict[str, Attribute] = {
        "ksize": site.needed_ints(ksize, "its window, its second operand"),
        "strides": site.needed_ints(strides, "its strides, its third operand"),
        "padding": site.text("padding"),
        "data_format": layout(site),
    }
    return site.ge("MaxPool", x, **attributes)


@lowers("MaxPoolWithArgmax")
def _max_with_argmax(site: Site) -> Lowered:
    batch = _batch(site.inputs[0])
    if site.flag("include_batch_in_index", False) and batch != 1:
        raise UnsupportedFormError("counts positions over the whole batch (include_batch_in_index)")
    attributes = _window(site)
    del attributes["data_format"]
    target = site.element("Targmax", I64)
    return site.many("MaxPoolWithArgmax", site.inputs[0], Targmax=cpp_number(target), **attributes)


def _batch(x: Value) -> Dim:
    return x.tensor.shape[0] if x.tensor.shape else None


@lowers("MaxPool3D")
def _max_3d(site: Site) -> Lowered:
    return site.ge("MaxPool3D", site.inputs[0], **_window(site, 5), pads=(0,) * 6)


@lowers("AvgPool3D")
def _average_3d(site: Site) -> Lowered:
    x = site.inputs[0]
    attributes = _window(site, 5)
    data_format = layout(site, 5)
    axes = spatial_axes(data_format)
    sizes = x.tensor.shape if x.tensor.rank == 5 and x.tensor.shape else (None,) * 5
    kernel = at_axes(site.integers("ksize"), axes)
    del attributes["padding"]
    attributes["pads"] = window_pads(site, at_axes(sizes, axes), kernel, data_format)
    return site.ge("AvgPool3D", x, count_include_pad=False, **attributes)


def _padded_low(site: Site, x: Value) -> Value:
    numbers = site.integers("explicit_paddings")
    element = x.tensor.element
    if element is None:
        raise site.unknown("the element type of its operand")
    paddings = site.constant(np.asarray(numbers).reshape(-1, 2), I32, part="paddings")
    lowest = site.constant(_lowest(element), element, part="lowest")
    return site.ge("PadV2", x, paddings, lowest)


def _lowest(element: Element) -> float | int:
    if element.family == "float":
        return float("-inf")
    return int(np.iinfo(numpy_dtype(element)).min)
