"""Lowering of image ops: resizing, cropping, patches, and boxes."""

from __future__ import annotations

import numpy as np

from modelc.ir.attributes import Attribute
from modelc.ir.types import F32
from modelc_passes.lower_tf.site import Site, UnsupportedFormError
from modelc_passes.lower_tf.table import Lowered, lowers

_RESIZE = {
    "ResizeBilinear": "ResizeBilinearV2",
    "ResizeNearestNeighbor": "ResizeNearestNeighborV2",
    "ResizeBicubic": "ResizeBicubic",
    "ResizeArea": "ResizeArea",
}


@lowers(*_RESIZE)
def _resize(site: Site) -> Lowered:
    x, size = site.inputs
    attributes: dict[str, Attribute] = {"align_corners": site.flag("align_corners", False)}
    if site.op_type != "ResizeArea":
        attributes["half_pixel_centers"] = site.flag("half_pixel_centers", False)
    return site.ge(_RESIZE[site.op_type], x, site.as_int32(size, "size"), **attributes)


@lowers("CropAndResize")
def _crop(site: Site) -> Lowered:
    x, boxes, index, size = site.inputs
    attributes: dict[str, Attribute] = {
        "extrapolation_value": site.number("extrapolation_value", 0.0),
        "method": site.text("method", "bilinear"),
    }
    return site.ge("CropAndResize", x, boxes, index, site.as_int32(size, "size"), **attributes)


@lowers("ExtractImagePatches")
def _patches(site: Site) -> Lowered:
    names = ("ksizes", "strides", "rates")
    attributes: dict[str, Attribute] = {name: site.integers(name) for name in names}
    return site.ge("ExtractImagePatches", site.inputs[0], padding=site.text("padding"), **attributes)


@lowers("NonMaxSuppression")
def _suppression(site: Site) -> Lowered:
    boxes, scores, size = site.inputs
    overlap = site.constant(site.number("iou_threshold", 0.5), F32, part="iou_threshold")
    lowest = site.constant(-np.inf, F32, part="score_threshold")
    return site.ge("NonMaxSuppressionV3", boxes, scores, size, overlap, lowest, offset=0)


@lowers("NonMaxSuppressionV2")
def _suppression_v2(site: Site) -> Lowered:
    lowest = site.constant(-np.inf, F32, part="score_threshold")
    return site.ge("NonMaxSuppressionV3", *site.inputs, lowest, offset=0)


@lowers("NonMaxSuppressionV3")
def _suppression_v3(site: Site) -> Lowered:
    return site.ge("NonMaxSuppressionV3", *site.inputs, offset=0)


@lowers("AdjustContrastv2")
def _contrast(site: Site) -> Lowered:
    if site.inputs[0].tensor.rank not in (3, 4, None):
        raise UnsupportedFormError(f"adjusts {site.inputs[0].type}, supported are images and batches of images")
    return site.ge("AdjustContrast", *site.inputs, data_format="HWC", mean_mode="chn_wise")
