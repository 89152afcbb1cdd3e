"""Convolutions, forward and transposed, and dilation.

Filters are laid out as `filter_format` says: `HWCN` (`DHWCN`), height and width before channels in and out, unless the
attribute names another order of these letters. A filter holds the channels in of one group, and the channels out of
all groups; those of a transposed convolution are the ones of the convolution it transposes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from modelc.dialects.ge.arrays import Array, channels_last, from_channels_last, lowest, present
from modelc.dialects.ge.helpers import (
    Pair,
    channel_axis,
    common_element,
    data_format,
    equal_dims,
    equal_shapes,
    integer,
    integers,
    mismatch,
    need_rank,
    operand,
    optional,
    pad_pairs,
    product,
    same_pads,
    same_size,
    spatial_axes,
    spatial_numbers,
    text,
    window_size,
)
from modelc.dialects.ge.known import known_ints
from modelc.dialects.ge.semantics import Arrays, evaluates, infers
from modelc.dialects.ge.windows import Window, convolve, convolve_depthwise, deconvolve, pad
from modelc.ir.op import Op
from modelc.ir.types import I32, Dim, Element, Shape, TensorType, Type

PLANE = ("NHWC", "NCHW")
VOLUME = ("NDHWC", "NCDHW")


# -- attributes


def layout_of(op: Op) -> str:
    """Return how a convolution lays out its operand, `NHWC`, `NCDHW`, ..."""
    if "3D" in op.kind:
        return data_format(op, *VOLUME)
    return data_format(op, *(reversed(PLANE) if op.kind == "ge.Deconvolution" else PLANE))


def filter_axes(op: Op, layout: str) -> tuple[int, ...]:
    """Return the permutation that brings the filter to [spatial..., channels in, channels out]."""
    order = "HWCN" if len(layout) == 4 else "DHWCN"
    default = "NCHW" if op.kind == "ge.Deconvolution" else order
    found = text(op, "filter_format", default)
    if sorted(found) != sorted(order):
        raise mismatch(op, f"needs a filter laid out as the letters of {order} in some order, not {found}")
    return tuple(found.index(letter) for letter in order)


def _per_axis(op: Op, name: str, layout: str) -> tuple[int, ...]:
    return spatial_numbers(op, name, layout, integers(op, name, (1,) * len(layout)))


def window_of(op: Op, layout: str, kernel: tuple[int, ...]) -> Window:
    """Return how the window of a convolution slides."""
    return Window(kernel, _per_axis(op, "strides", layout), _per_axis(op, "dilations", layout), pad_pairs(op, layout))


def _in_layout(layout: str, batch: Dim, sizes: tuple[Dim, ...], channels: Dim) -> tuple[Dim, ...]:
    dims: list[Dim] = [batch, *sizes]
    dims.insert(channel_axis(layout), channels)
    return tuple(dims)


def groups_of(op: Op) -> int:
    """Return among how many groups channels are divided."""
    groups = integer(op, "groups", 1)
    if groups < 1:
        raise mismatch(op, f"needs at least 1 group, not {groups}")
    return groups


def _result_element(op: Op, x: TensorType, filter_: TensorType) -> Element | None:
    element = common_element(op, (x, filter_))
    return I32 if element is not None and element.name == "i8" else element


def _check_bias(op: Op, index: int, channels: Dim) -> Dim:
    bias = optional(op, index)
    if bias is None:
        return channels
    return equal_dims(op, channels, need_rank(op, bias, 1, "a bias")[0], "channels of result and bias")


# -- convolution


@infers("Conv2D", "Conv3D", "DepthwiseConv2D")
def _infer_convolution(op: Op) -> list[Type]:
    layout = layout_of(op)
    x, filter_ = operand(op, 0), operand(op, 1)
    dims = need_rank(op, x, len(layout))
    shape = need_rank(op, filter_, len(layout), "a filter")
    *kernel, taken, given_out = (shape[axis] for axis in filter_axes(op, layout))
    channels = dims[channel_axis(layout)]
    if op.kind == "ge.DepthwiseConv2D":
        results = _depthwise_results(op, channels, taken, given_out)
    else:
        results = _grouped_results(op, channels, taken, given_out)
    sizes = tuple(
        window_size(dims[axis], extent, stride, dilation, pair)
        for axis, extent, stride, dilation, pair in zip(
            spatial_axes(layout),
            kernel,
            _per_axis(op, "strides", layout),
            _per_axis(op, "dilations", layout),
            pad_pairs(op, layout),
            strict=True,
        )
    )
    results = _check_bias(op, 2, results)
    return [TensorType(_result_element(op, x, filter_), _in_layout(layout, dims[0], sizes, results))]


def _grouped_results(op: Op, channels: Dim, taken: Dim, results: Dim) -> Dim:
    groups = groups_of(op)
    equal_dims(op, channels, product((taken, groups)), f"channels of operand and filter ({groups} groups)")
    if isinstance(results, int) and results % groups:
        raise mismatch(op, f"cannot divide {results} channels among {groups} groups")
    return results


def _depthwise_results(op: Op, channels: Dim, taken: Dim, given_out: Dim) -> Dim:
    results = product((taken, given_out))
    if isinstance(channels, int) and isinstance(results, int) and (channels == 0 or results % channels):
        raise mismatch(op, f"cannot make {results} channels from {channels}")
    return results


def _computing(array: Array) -> Array:
    """Return numbers in the type that sums of products are computed in."""
    if array.dtype.kind in "iu":
        return array.astype(np.float64)  # exact up to 2^53, beyond what 32 bits of result can hold
    return array.astype(np.float32) if array.dtype.itemsize == 2 else array


def _finish(op: Op, y: Array, bias: Array | None, dtype: np.dtype[Any], layout: str) -> list[Array]:
    if bias is not None:
        y += bias.astype(y.dtype)
    return [from_channels_last(y.astype(np.int32 if dtype == np.int8 else dtype, copy=False), layout)]


def _need_no_offset(op: Op) -> None:
    if integer(op, "offset_x", 0):
        raise mismatch(op, "shifts quantized numbers by `offset_x`, which cannot be executed here")


@evaluates("Conv2D", "Conv3D")
def _convolution(op: Op, arrays: Arrays) -> list[Array]:
    _need_no_offset(op)
    layout = layout_of(op)
    kernel = arrays[1].transpose(filter_axes(op, layout))
    window = window_of(op, layout, kernel.shape[:-2])
    y = convolve(_computing(channels_last(arrays[0], layout)), _computing(kernel), window, groups_of(op))
    return _finish(op, y, present(arrays, 2), arrays[0].dtype, layout)


@evaluates("DepthwiseConv2D")
def _depthwise(op: Op, arrays: Arrays) -> list[Array]:
    _need_no_offset(op)
    layout = layout_of(op)
    x = channels_last(arrays[0], layout)
    kernel = arrays[1].transpose(filter_axes(op, layout))
    window = window_of(op, layout, kernel.shape[:-2])
    by_channel = kernel.reshape(*kernel.shape[:-2], x.shape[-1], -1)
    y = convolve_depthwise(_computing(x), _computing(by_channel), window)
    return _finish(op, y, present(arrays, 2), arrays[0].dtype, layout)


# -- transposed convolution

# kind: operands that hold the size of the result, the filter, what is spread, the bias
TRANSPOSED = {
    "ge.Conv2DBackpropInput": (0, 1, 2, None),
    "ge.Conv3DBackpropInput": (0, 1, 2, None),
    "ge.Conv2DTranspose": (0, 2, 1, 3),
    "ge.Conv3DTranspose": (0, 2, 1, 3),
    "ge.Deconvolution": (None, 1, 0, 2),
    "ge.DepthwiseConv2DBackpropInput": (0, 1, 2, None),
}


@infers("Conv2DBackpropInput", "Conv3DBackpropInput", "Conv2DTranspose", "Conv3DTranspose", "Deconvolution")
def _infer_transposed(op: Op) -> list[Type]:
    layout = layout_of(op)
    size_at, filter_at, spread_at, bias_at = TRANSPOSED[op.kind]
    filter_, spread = operand(op, filter_at), operand(op, spread_at)
    dims = need_rank(op, spread, len(layout))
    shape = need_rank(op, filter_, len(layout), "a filter")
    *kernel, results, channels = (shape[axis] for axis in filter_axes(op, layout))
    equal_dims(op, dims[channel_axis(layout)], channels, "channels of operand and filter")
    if isinstance(channels, int) and channels % groups_of(op):
        raise mismatch(op, f"cannot divide {channels} channels among {groups_of(op)} groups")
    results = product((results, groups_of(op)))
    wanted = None if size_at is None else known_ints(op, size_at)
    sizes = _transposed_sizes(op, layout, wanted, tuple(kernel), dims)
    if bias_at is not None:
        results = _check_bias(op, bias_at, results)
    shape = _in_layout(layout, dims[0], sizes, results)
    if wanted is not None and len(wanted) == len(shape) and _is_given(wanted):
        shape = equal_shapes(op, shape, wanted, what="shapes of result and of what was asked for") or shape
    return [TensorType(_result_element(op, spread, filter_), shape)]


def _is_given(wanted: tuple[Dim, ...]) -> bool:
    """Whether a size is asked for: all zeros leave it to the op."""
    return any(size != 0 for size in wanted)


def _transposed_sizes(
    op: Op, layout: str, wanted: Shape, kernel: tuple[Dim, ...], dims: tuple[Dim, ...]
) -> tuple[Dim, ...]:
    """Return the spatial extents of a result: those asked for, else (all zero) the least that fit."""
    axes = spatial_axes(layout)
    if wanted is not None and _is_given(wanted):
        if len(wanted) not in (len(layout), len(axes)):
            raise mismatch(op, f"needs a size for each of {layout}, not {list(wanted)}")
        sizes = tuple(wanted[axis] for axis in axes) if len(wanted) == len(layout) else wanted
        _check_transposed(op, layout, sizes, kernel, tuple(dims[axis] for axis in axes))
        return sizes
    if wanted is None and TRANSPOSED[op.kind][0] is not None:
        return (None,) * len(axes)
    strides, dilations, pads = (
        _per_axis(op, "strides", layout),
        _per_axis(op, "dilations", layout),
        pad_pairs(op, layout),
    )
    extra = integers(op, "output_padding", (0,) * len(layout))
    result: list[Dim] = []
    for index, axis in enumerate(axes):
        count, extent = dims[axis], kernel[index]
        if not isinstance(count, int) or not isinstance(extent, int):
            result.append(None)
            continue
        reach = (extent - 1) * dilations[index] + 1
        result.append(max(0, (count - 1) * strides[index] + reach - sum(pads[index]) + extra[axis]))
    return tuple(result)


def _check_transposed(
    op: Op, layout: str, sizes: tuple[Dim, ...], kernel: tuple[Dim, ...], counts: tuple[Dim, ...]
) -> None:
    strides, dilations, pads = (
        _per_axis(op, "strides", layout),
        _per_axis(op, "dilations", layout),
        pad_pairs(op, layout),
    )
    for index, (size, extent, count) in enumerate(zip(sizes, kernel, counts, strict=True)):
        fits = window_size(size, extent, strides[index], dilations[index], pads[index])
        equal_dims(op, fits, count, f"extents in {layout} of operand and size asked for")


@evaluates("Conv2DBackpropInput", "Conv3DBackpropInput", "Conv2DTranspose", "Conv3DTranspose", "Deconvolution")
def _transposed(op: Op, arrays: Arrays) -> list[Array]:
    _need_no_offset(op)
    layout = layout_of(op)
    size_at, filter_at, spread_at, bias_at = TRANSPOSED[op.kind]
    kernel = arrays[filter_at].transpose(filter_axes(op, layout))
    spread = arrays[spread_at]
    wanted = None if size_at is None else tuple(int(size) for size in arrays[size_at])
    found = _transposed_sizes(op, layout, wanted, kernel.shape[:-2], spread.shape)
    sizes = tuple(int(size) for size in found if isinstance(size, int))
    window = window_of(op, layout, kernel.shape[:-2])
    y = deconvolve(_computing(channels_last(spread, layout)), _computing(kernel), window, sizes, groups_of(op))
    return _finish(op, y, None if bias_at is None else present(arrays, bias_at), spread.dtype, layout)


@infers("DepthwiseConv2DBackpropInput")
def _infer_transposed_depthwise(op: Op) -> list[Type]:
    layout = layout_of(op)
    filter_, spread = operand(op, 1), operand(op, 2)
    dims = need_rank(op, spread, 4)
    shape = need_rank(op, filter_, 4, "a filter")
    *kernel, taken, given_out = (shape[axis] for axis in filter_axes(op, layout))
    equal_dims(op, dims[channel_axis(layout)], product((taken, given_out)), "channels of operand and filter")
    wanted = known_ints(op, 0)
    sizes = _transposed_sizes(op, layout, wanted, tuple(kernel), dims)
    channels = wanted[channel_axis(layout)] if wanted is not None and len(wanted) == 4 else None
    _depthwise_results(op, channels, taken, given_out)
    return [TensorType(common_element(op, (filter_, spread)), _in_layout(layout, dims[0], sizes, channels))]


@evaluates("DepthwiseConv2DBackpropInput")
def _transposed_depthwise(op: Op, arrays: Arrays) -> list[Array]:
    layout = layout_of(op)
    wanted = tuple(int(size) for size in arrays[0])
    kernel = arrays[1].transpose(filter_axes(op, layout))
    flat = kernel.reshape(*kernel.shape[:-2], 1, kernel.shape[-1] * kernel.shape[-2])
    sizes, groups = tuple(wanted[axis] for axis in spatial_axes(layout)), wanted[channel_axis(layout)]
    spread = _computing(channels_last(arrays[2], layout))
    y = deconvolve(spread, _computing(flat), window_of(op, layout, kernel.shape[:-2]), sizes, groups)
    return _finish(op, y, None, arrays[2].dtype, layout)


# -- dilation


@infers("Dilation2D")
def _infer_dilation(op: Op) -> list[Type]:
    layout = data_format(op, *PLANE)
    x, filter_ = operand(op, 0), operand(op, 1)
    dims = need_rank(op, x, 4)
    *kernel, channels = need_rank(op, filter_, 3, "a filter")
    channels = equal_dims(op, dims[channel_axis(layout)], channels, "channels of operand and filter")
    strides, rates = _per_axis(op, "strides", layout), _per_axis(op, "rates", layout)
    sizes: list[Dim] = []
    for index, axis in enumerate(spatial_axes(layout)):
        if _padding_mode(op) == "SAME":
            sizes.append(same_size(dims[axis], strides[index]))
        else:
            pads = pad_pairs(op, layout)[index] if _padding_mode(op) == "CALCULATED" else (0, 0)
            sizes.append(window_size(dims[axis], kernel[index], strides[index], rates[index], pads))
    return [TensorType(common_element(op, (x, filter_)), _in_layout(layout, dims[0], tuple(sizes), channels))]


def _padding_mode(op: Op) -> str:
    mode = text(op, "padding_mode", "SAME")
    if mode not in ("SAME", "VALID", "CALCULATED"):
        raise mismatch(op, f"pads by SAME, VALID or CALCULATED, not {mode}")
    return mode


def dilation_window(op: Op, space: tuple[int, ...], kernel: tuple[int, ...]) -> Window:
    """Return the window that a dilation moves over images of the extents `space`."""
    layout = data_format(op, *PLANE)
    strides, rates = _per_axis(op, "strides", layout), _per_axis(op, "rates", layout)
    pads: tuple[Pair, ...] = ((0, 0), (0, 0))
    if _padding_mode(op) == "SAME":
        sizes = zip(space, kernel, strides, rates, strict=True)
        pads = tuple(same_pads(size, extent, stride, rate) for size, extent, stride, rate in sizes)
    elif _padding_mode(op) == "CALCULATED":
        pads = pad_pairs(op, layout)
    return Window(kernel, strides, rates, pads)


@evaluates("Dilation2D")
def _dilation(op: Op, arrays: Arrays) -> list[Array]:
    layout = data_format(op, *PLANE)
    x, weights = channels_last(arrays[0], layout), arrays[1]
    window = dilation_window(op, x.shape[1:-1], weights.shape[:2])
    wide, least = (np.int64, -(1 << 62)) if x.dtype.kind in "iu" else (x.dtype, lowest(x.dtype))
    padded, counts = pad(x.astype(wide), window.pads, least), window.count(x.shape[1:-1])
    result = np.full((x.shape[0], *counts, x.shape[-1]), least, wide)
    for tap, added in zip(window.taps, weights.reshape(-1, x.shape[-1]).astype(wide), strict=True):
        np.maximum(result, padded[(slice(None), *window.at(tap, counts))] + added, out=result)
    return [from_channels_last(result.astype(x.dtype), layout)]
