"""Lowering of convolutions, forward and transposed."""

from __future__ import annotations

from modelc.dialects.ge.helpers import channel_axis, integer, spatial_axes
from modelc.dialects.ge.nn import TRANSPOSED, filter_axes, groups_of, layout_of, window_of
from modelc.dialects.ge.windows import Window
from modelc.ir.attributes import Attribute
from modelc.ir.op import Value
from modelc_backends.onnx.lower.shape import extent
from modelc_backends.onnx.lower.site import NoFormError, Site
from modelc_backends.onnx.lower.table import Lowered, lowers


def _need_no_offset(site: Site) -> None:
    if integer(site.op, "offset_x", 0):
        raise NoFormError("shifts quantized numbers by `offset_x`, which ONNX does not")


def _kernel(site: Site, filter_: Value, layout: str) -> tuple[int, ...]:
    dims = site.dims(filter_)
    return tuple(dims[axis] for axis in filter_axes(site.op, layout)[:-2])


def _attributes(window: Window, groups: int) -> dict[str, Attribute]:
    return {
        "kernel_shape": window.kernel,
        "strides": window.strides,
        "dilations": window.dilations,
        "pads": begin_and_end(window),
        "group": groups,
    }


def begin_and_end(window: Window) -> tuple[int, ...]:
    """Return the padding as ONNX has it: all that goes before, then all that goes behind."""
    return (*(before for before, _ in window.pads), *(after for _, after in window.pads))


def _given(*operands: Value | None) -> tuple[Value, ...]:
    return tuple(value for value in operands if value is not None)


@lowers("Conv2D", "Conv3D")
def _convolution(site: Site) -> Lowered:
    _need_no_offset(site)
    layout, (x, filter_) = layout_of(site.op), site.inputs[:2]
    *spatial, taken, given_out = filter_axes(site.op, layout)
    weights = site.moved(filter_, (given_out, taken, *spatial))
    window = window_of(site.op, layout, _kernel(site, filter_, layout))
    return _convolved(site, x, weights, layout, _attributes(window, groups_of(site.op)))


def _convolved(site: Site, x: Value, weights: Value, layout: str, attributes: dict[str, Attribute]) -> Value:
    axis = channel_axis(layout)
    y = site.onnx("Conv", site.channels_first(x, axis), *_given(weights, site.given(2)), **attributes)
    return site.as_laid_out(y, axis)


@lowers("DepthwiseConv2D")
def _depthwise(site: Site) -> Lowered:
    _need_no_offset(site)
    layout, (x, filter_) = layout_of(site.op), site.inputs[:2]
    channels = extent(site, x, channel_axis(layout))
    weights = _one_group_each(site, filter_, layout)
    window = window_of(site.op, layout, _kernel(site, filter_, layout))
    return _convolved(site, x, weights, layout, _attributes(window, channels))


def _one_group_each(site: Site, filter_: Value, layout: str) -> Value:
    """Return the filter of a depthwise convolution as [channels x multiplier, 1, spatial...]."""
    *spatial, channels, multiplier = filter_axes(site.op, layout)
    dims = site.dims(filter_)
    extents = [dims[axis] for axis in spatial]
    return site.moved(filter_, (channels, multiplier, *spatial), (dims[channels] * dims[multiplier], 1, *extents))


# -- transposed convolution


@lowers("Conv2DBackpropInput", "Conv3DBackpropInput", "Conv2DTranspose", "Conv3DTranspose", "Deconvolution")
def _transposed(site: Site) -> Lowered:
    _need_no_offset(site)
    layout = layout_of(site.op)
    _, filter_at, spread_at, bias_at = TRANSPOSED[site.op.kind]
    filter_ = site.inputs[filter_at]
    *spatial, results, channels = filter_axes(site.op, layout)
    weights = site.moved(filter_, (channels, results, *spatial))
    bias = None if bias_at is None else site.given(bias_at)
    return _spread(site, site.inputs[spread_at], weights, bias, _kernel(site, filter_, layout), groups_of(site.op))


@lowers("DepthwiseConv2DBackpropInput")
def _depthwise_transposed(site: Site) -> Lowered:
    layout, (_, filter_, spread) = layout_of(site.op), site.inputs
    groups = extent(site, site.op.results[0], channel_axis(layout))
    weights = _one_group_each(site, filter_, layout)
    return _spread(site, spread, weights, None, _kernel(site, filter_, layout), groups)


def _spread(
    site: Site, spread: Value, weights: Value, bias: Value | None, kernel: tuple[int, ...], groups: int
) -> Value:
    layout = layout_of(site.op)
    window, axis = window_of(site.op, layout, kernel), channel_axis(layout)
    # what a convolution would leave over at the end of each dimension of the result
    rest = tuple(
        extent(site, site.op.results[0], at) + sum(pads) - reach - (extent(site, spread, at) - 1) * stride
        for at, pads, reach, stride in zip(spatial_axes(layout), window.pads, window.reach, window.strides, strict=True)
    )
    attributes = _attributes(window, groups) | ({"output_padding": rest} if any(rest) else {})
    y = site.onnx("ConvTranspose", site.channels_first(spread, axis), *_given(weights, bias), **attributes)
    return site.as_laid_out(y, axis)
