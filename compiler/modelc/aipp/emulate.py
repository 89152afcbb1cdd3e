"""The preprocessing on the CPU.

The steps come in the order of the hardware: channels are swapped, the image is cropped, colours are converted, the
image is resized, numbers are shifted and scaled, and the border is added.
"""

from __future__ import annotations

from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from modelc.aipp.config import Aipp

Array: TypeAlias = NDArray[Any]

CHANNELS: Final = {"YUV420SP_U8": 3, "RGB888_U8": 3, "XRGB8888_U8": 4, "YUV400_U8": 1}  # of formats emulated here


def preprocess(aipp: Aipp, images: Array, channels: int, is_planar: bool, dtype: Any) -> Array:
    """Return what a model is given for `images`.

    Args:
        aipp: The preprocessing, of a format in CHANNELS.
        images: Bytes, [N, H, W, C] or, where planar, [N, C, H, W]; YUV420SP as [N, H * 3 / 2, W, 1] either way.
        channels: How many channels the model takes.
        is_planar: Whether the model takes [N, C, H, W].
        dtype: float16, or uint8 where numbers are neither shifted nor scaled.
    """
    pixels = _cropped(aipp, _swapped(aipp, _unpacked(aipp, images, is_planar)))[..., :channels]
    if aipp.on("csc_switch"):
        pixels = _converted(aipp, pixels)
    if aipp.on("resize"):
        pixels = _resized(pixels, aipp.integer("resize_output_h"), aipp.integer("resize_output_w"))
    numbers: Array = pixels.astype(dtype)
    if aipp.normalizes:
        shifts, factors = (np.array(each[:channels], np.float32) for each in (aipp.shifts, aipp.factors))
        numbers = ((pixels.astype(np.float32) - shifts) * factors).astype(dtype)
    numbers = _padded(aipp, numbers)
    return np.ascontiguousarray(np.moveaxis(numbers, 3, 1)) if is_planar else numbers


def _unpacked(aipp: Aipp, images: Array, is_planar: bool) -> Array:
    """Return [N, H, W, C] of bytes."""
    if aipp.format != "YUV420SP_U8":
        return np.moveaxis(images, 1, 3) if is_planar else images
    rows = images.shape[1] * 2 // 3
    light, colors = images[:, :rows, :, 0], images[:, rows:, :, 0]
    pairs = colors.reshape(images.shape[0], rows // 2, images.shape[2] // 2, 2)
    spread = pairs.repeat(2, 1).repeat(2, 2)  # one pair serves two by two pixels
    return np.concatenate([light[..., None], spread], 3)


def _swapped(aipp: Aipp, pixels: Array) -> Array:
    return pixels[..., channel_order(aipp, pixels.shape[3])]


def channel_order(aipp: Aipp, count: int) -> list[int]:
    """Return which of `count` channels come to stand where after the swaps."""
    order = list(range(count))
    if aipp.on("rbuv_swap_switch") and count > 1:
        first, last = (1, 2) if aipp.is_yuv else (1, 3) if count == 4 else (0, 2)
        order[first], order[last] = order[last], order[first]
    if aipp.on("ax_swap_switch") and count == 4:
        order = [*order[1:], order[0]]
    return order


def _cropped(aipp: Aipp, pixels: Array) -> Array:
    if not aipp.on("crop"):
        return pixels
    top, left = aipp.pair("load_start_pos_h", "load_start_pos_w")
    height, width = aipp.pair("crop_size_h", "crop_size_w")
    return pixels[:, top : top + height, left : left + width]


def _converted(aipp: Aipp, pixels: Array) -> Array:
    matrix = np.array(aipp.matrix, np.int32).reshape(3, 3)
    shifted = pixels.astype(np.int32) - np.array(aipp.input_bias, np.int32)
    converted = (np.einsum("rc,nhwc->nhwr", matrix, shifted) >> 8) + np.array(aipp.output_bias, np.int32)
    return np.asarray(np.clip(converted, 0, 255).astype(np.uint8))


def _resized(pixels: Array, height: int, width: int) -> Array:
    for axis, wanted in ((1, height), (2, width)):
        low, high, share = neighbours(pixels.shape[axis], wanted)
        share = share.reshape([-1 if i == axis else 1 for i in range(4)])
        pixels = np.take(pixels, low, axis) * (1 - share) + np.take(pixels, high, axis) * share
    return np.asarray(np.floor(pixels + 0.5).astype(np.uint8))


def neighbours(extent: int, wanted: int) -> tuple[Array, Array, Array]:
    """Return the two input positions each of `wanted` outputs lies between, and the share of the second one."""
    places = np.clip((np.arange(wanted) + 0.5) * (extent / wanted) - 0.5, 0, extent - 1)
    low = np.floor(places).astype(np.int64)
    return low, np.minimum(low + 1, extent - 1), places - low


def _padded(aipp: Aipp, numbers: Array) -> Array:
    if not aipp.on("padding"):
        return numbers
    rows = aipp.pair("top_padding_size", "bottom_padding_size")
    columns = aipp.pair("left_padding_size", "right_padding_size")
    value = numbers.dtype.type(aipp.given.get("padding_value", 0.0))
    return np.pad(numbers, ((0, 0), rows, columns, (0, 0)), constant_values=value)
