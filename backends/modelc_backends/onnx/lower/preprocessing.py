"""Lowering of the preprocessing of images: the steps of the hardware, in its order."""

from __future__ import annotations

import numpy as np

from modelc.aipp.config import Aipp
from modelc.aipp.emulate import channel_order, neighbours
from modelc.dialects.ge.preprocessing import description_of, output_of
from modelc.ir.op import Value
from modelc.ir.types import F32, F64, I32, I64, U8
from modelc_backends.onnx.lower.site import Site
from modelc_backends.onnx.lower.table import Lowered, lowers


@lowers("Aipp")
def _aipp(site: Site) -> Lowered:
    aipp, (element, channels, is_planar) = description_of(site.op), output_of(site.op)
    pixels = _unpacked(site, aipp, is_planar)
    order = channel_order(aipp, site.dims(pixels, 3)[0])[:channels]
    pixels = _cropped(site, aipp, site.onnx("Gather", pixels, site.constant(order), axis=3))
    if aipp.on("csc_switch"):
        pixels = _converted(site, aipp, pixels)
    if aipp.on("resize"):
        pixels = _resized(site, aipp, pixels)
    if aipp.normalizes:
        shifts, factors = (site.constant(each[:channels], F32) for each in (aipp.shifts, aipp.factors))
        pixels = site.onnx("Mul", site.onnx("Sub", site.cast(pixels, F32), shifts), factors)
    pixels = _padded(site, aipp, site.cast(pixels, element))
    return site.channels_first(pixels, 3) if is_planar else pixels


def _unpacked(site: Site, aipp: Aipp, is_planar: bool) -> Value:
    """Return bytes with channels last."""
    images = site.inputs[0]
    if not aipp.format.startswith("YUV420"):
        return site.as_laid_out(images, 3) if is_planar else images
    height, width, _ = site.dims(images, 1)
    rows = height * 2 // 3
    light, colors = (_rows(site, images, first, last) for first, last in ((0, rows), (rows, height)))
    pairs = site.reshape(colors, (-1, rows // 2, width // 2, 2))
    for axis, extent in ((1, rows), (2, width)):  # one pair serves two by two pixels
        pairs = site.onnx("Gather", pairs, site.constant(np.arange(extent) // 2), axis=axis)
    return site.onnx("Concat", light, pairs, axis=3)


def _rows(site: Site, x: Value, first: int, last: int) -> Value:
    return site.onnx("Slice", x, *(site.constant((each,)) for each in (first, last, 1)))


def _cropped(site: Site, aipp: Aipp, pixels: Value) -> Value:
    if not aipp.on("crop"):
        return pixels
    top, left = aipp.pair("load_start_pos_h", "load_start_pos_w")
    height, width = aipp.pair("crop_size_h", "crop_size_w")
    corners = (top, left), (top + height, left + width), (1, 2)
    return site.onnx("Slice", pixels, *(site.constant(each) for each in corners))


def _converted(site: Site, aipp: Aipp, pixels: Value) -> Value:
    """Multiply by the matrix of colours, whose numbers are 256ths."""
    matrix = np.array(aipp.matrix, np.int32).reshape(3, 3).T
    shifted = site.onnx("Sub", site.cast(pixels, I32), site.constant(aipp.input_bias, I32))
    product = site.onnx("MatMul", shifted, site.constant(matrix, I32))
    unit = site.constant(256, I32)
    whole = site.onnx("Div", site.onnx("Sub", product, site.onnx("Mod", product, unit)), unit)
    moved = site.onnx("Add", whole, site.constant(aipp.output_bias, I32))
    return site.cast(site.onnx("Clip", moved, site.constant(0, I32), site.constant(255, I32)), U8)


def _resized(site: Site, aipp: Aipp, pixels: Value) -> Value:
    pixels = site.cast(pixels, F64)
    for axis, name in ((1, "resize_output_h"), (2, "resize_output_w")):
        low, high, share = neighbours(site.dims(pixels, axis, axis + 1)[0], aipp.integer(name))
        column = (-1, *(1,) * (3 - axis))
        parts = [
            site.onnx(
                "Mul",
                site.onnx("Gather", pixels, site.constant(places, I64), axis=axis),
                site.constant(weights.reshape(column), F64),
            )
            for places, weights in ((low, 1 - share), (high, share))
        ]
        pixels = site.onnx("Add", *parts)
    return site.cast(site.onnx("Floor", site.onnx("Add", pixels, site.constant(0.5, F64))), U8)


def _padded(site: Site, aipp: Aipp, numbers: Value) -> Value:
    if not aipp.on("padding"):
        return numbers
    top, bottom = aipp.pair("top_padding_size", "bottom_padding_size")
    left, right = aipp.pair("left_padding_size", "right_padding_size")
    value = site.scalar(float(aipp.given.get("padding_value", 0.0)), numbers)
    return site.onnx("Pad", numbers, site.constant((0, top, left, 0, 0, bottom, right, 0)), value)
