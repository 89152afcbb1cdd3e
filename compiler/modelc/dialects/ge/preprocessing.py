"""The preprocessing of images in front of a model, as an op that holds its description."""

from __future__ import annotations

import math
from typing import Final

from modelc.aipp.config import Aipp as Description
from modelc.aipp.config import from_text
from modelc.aipp.emulate import CHANNELS, preprocess
from modelc.aipp.fit import images_type
from modelc.dialects.ge.helpers import mismatch, operand, text
from modelc.dialects.ge.semantics import Array, Arrays, evaluates, infers
from modelc.ir.constants import numpy_dtype
from modelc.ir.op import Op
from modelc.ir.types import F16, U8, Dim, Element, TensorType, Type, are_compatible

LARGEST: Final = 1 << 26  # pixels of one image
_ELEMENTS: Final = {"float16": F16, "uint8": U8}


def description_of(op: Op) -> Description:
    """Return what the op does; raises InferenceError for what only the hardware does."""
    try:
        description = from_text(text(op, "aipp_config_path", ""))
    except ValueError as error:
        raise mismatch(op, f"does not hold its description: {error}") from error
    if description.mode != "static" or description.format not in CHANNELS:
        raise mismatch(op, "takes its parameters at run time, or a format that is not emulated")
    if math.prod(_size(description)) > LARGEST:
        raise mismatch(op, f"gives images of more than {LARGEST} pixels")
    return description


def output_of(op: Op) -> tuple[Element, int, bool]:
    """Return element type and number of channels of the result, and whether channels come before rows."""
    element, layout = text(op, "modelc_dtype", "float16"), text(op, "modelc_layout", "NHWC")
    channels = op.attributes.get("modelc_channels", 3)
    if element not in _ELEMENTS or layout not in ("NHWC", "NCHW") or not isinstance(channels, int):
        raise mismatch(op, "does not say what it gives")
    return _ELEMENTS[element], channels, layout == "NCHW"


def _size(description: Description) -> tuple[int, int]:
    """Return height and width of what comes out."""
    height, width = description.pair("src_image_size_h", "src_image_size_w")
    if description.on("crop"):
        height, width = description.pair("crop_size_h", "crop_size_w")
    if description.on("resize"):
        height, width = description.pair("resize_output_h", "resize_output_w")
    if description.on("padding"):
        height += sum(description.pair("top_padding_size", "bottom_padding_size"))
        width += sum(description.pair("left_padding_size", "right_padding_size"))
    return height, width


@infers("Aipp")
def _infer_aipp(op: Op) -> list[Type]:
    images, description = operand(op, 0), description_of(op)
    element, channels, is_planar = output_of(op)
    batch: Dim = images.shape[0] if images.shape else None
    source = description.pair("src_image_size_h", "src_image_size_w")
    expected = images_type(description, batch, is_planar, source)
    if not are_compatible(images, expected):
        raise mismatch(op, f"takes {expected}, not {images}")
    size = _size(description)
    return [TensorType(element, (batch, channels, *size) if is_planar else (batch, *size, channels))]


@evaluates("Aipp")
def _aipp(op: Op, arrays: Arrays) -> list[Array]:
    element, channels, is_planar = output_of(op)
    return [preprocess(description_of(op), arrays[0], channels, is_planar, numpy_dtype(element))]
