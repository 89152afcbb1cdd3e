"""Ops on images and boxes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from hypothesis import strategies as st
from tf_arrays import Array, Draw, calls, flip, ints, numbers, pick, scalar, shapes, whole
from tf_harness import Call, Operand, add

Rng = np.random.Generator
PIXELS = ("float32", "uint8", "int32")


def _images(draw: Draw, rng: Rng, names: Sequence[str] = ("float32",), depth: int | None = None) -> Array:
    sides = (whole(draw, 1, 2), whole(draw, 1, 6), whole(draw, 1, 6))
    name = pick(draw, names)
    return numbers(rng, (*sides, depth or whole(draw, 1, 3)), name, 0, 200 if name != "float32" else 1)


# -- colors

for op_type in ("RGBToHSV", "HSVToRGB"):
    add(
        op_type,
        calls(lambda d, rng: Call({"images": numbers(rng, (*d(shapes(0, 3)), 3), "float32", 0, 1)})),
        rounding=64,
    )
ADJUSTED = {
    "AdjustContrastv2": ("contrast_factor", 0.0, 3.0),
    "AdjustHue": ("delta", -1.0, 1.0),
    "AdjustSaturation": ("scale", 0.0, 3.0),
}
for op_type, (operand, low, high) in ADJUSTED.items():

    def _adjusted(draw: Draw, rng: Rng, operand: str = operand, low: float = low, high: float = high) -> Call:
        images = _images(draw, rng, depth=3)
        return Call({"images": images, operand: np.array(draw(st.floats(low, high, width=32)), np.float32)})

    add(op_type, calls(_adjusted), rounding=256)

# -- resizing


def _resize(flags: Sequence[str], names: Sequence[str]) -> st.SearchStrategy[Call]:
    def build(draw: Draw, rng: Rng) -> Call:
        size = ints(whole(draw, 1, 9), whole(draw, 1, 9))
        chosen = pick(draw, [*flags, ""])
        return Call({"images": _images(draw, rng, names), "size": size}, {chosen: True} if chosen else {})

    return calls(build)


BOTH = ("align_corners", "half_pixel_centers")
add("ResizeNearestNeighbor", _resize(BOTH, PIXELS))
add("ResizeBilinear", _resize(BOTH, PIXELS), rounding=256)
add("ResizeBicubic", _resize(BOTH, PIXELS), rounding=2000)
add("ResizeArea", _resize(BOTH[:1], PIXELS), rounding=256)


def _crop(draw: Draw, rng: Rng) -> Call:
    images, count = _images(draw, rng, PIXELS), whole(draw, 1, 4)
    operands: dict[str, Operand] = {"image": images, "boxes": numbers(rng, (count, 4), "float32", -0.2, 1.2)}
    operands |= {
        "box_ind": rng.integers(0, len(images), count).astype(np.int32),
        "crop_size": ints(whole(draw, 1, 6), whole(draw, 1, 6)),
    }
    attributes = {"method": pick(draw, ["bilinear", "nearest"]), "extrapolation_value": 3.0}
    return Call(operands, attributes)


add("CropAndResize", calls(_crop), rounding=512)

# -- patches


def _patches(draw: Draw, rng: Rng) -> Call:
    images = numbers(rng, (2, whole(draw, 3, 7), whole(draw, 3, 7), 2), pick(draw, PIXELS))
    sizes = {key: [1, whole(draw, 1, 3), whole(draw, 1, 3), 1] for key in ("ksizes", "strides")}
    rates = [1, whole(draw, 1, 2), 1, 1]
    return Call({"images": images}, {**sizes, "rates": rates, "padding": pick(draw, ["SAME", "VALID"])})


def _volumes(draw: Draw, rng: Rng) -> Call:
    x = numbers(rng, (1, 4, 5, whole(draw, 3, 5), 2), "float32")
    sizes = {key: [1, *(whole(draw, 1, 3) for _ in "dhw"), 1] for key in ("ksizes", "strides")}
    return Call({"input": x}, {**sizes, "padding": pick(draw, ["SAME", "VALID"])})


add("ExtractImagePatches", calls(_patches))
add("ExtractVolumePatches", calls(_volumes))

# -- moving and drawing

KERNELS = ("lanczos1", "lanczos3", "lanczos5", "gaussian", "box", "triangle", "keyscubic", "mitchellcubic")


def _scaled(draw: Draw, rng: Rng) -> Call:
    operands: dict[str, Operand] = {"images": _images(draw, rng, PIXELS)}
    operands["size"] = ints(whole(draw, 1, 8), whole(draw, 1, 8))
    operands["scale"] = numbers(rng, (2,), "float32", 0.3, 3)
    operands["translation"] = numbers(rng, (2,), "float32", -2, 2)
    return Call(operands, {"kernel_type": pick(draw, KERNELS), "antialias": flip(draw)})


add("ScaleAndTranslate", calls(_scaled), rounding=2000)


def _projected(draw: Draw, rng: Rng, fill: bool) -> Call:
    images = _images(draw, rng, ("float32", "int32", "uint8"))
    transforms = numbers(rng, (pick(draw, [1, len(images)]), 8), "float32", -1, 1)
    transforms[:, 6:] *= 0.05
    transforms[:, [0, 4]] += 1
    operands: dict[str, Operand] = {"images": images, "transforms": transforms}
    operands["output_shape"] = ints(whole(draw, 1, 7), whole(draw, 1, 7))
    if fill:
        operands["fill_value"] = np.array(pick(draw, [0.0, 7.0]), np.float32)
    modes = ["CONSTANT", "REFLECT", "WRAP", "NEAREST"]
    way = {"interpolation": pick(draw, ["NEAREST", "BILINEAR"]), "fill_mode": pick(draw, modes)}
    return Call(operands, way)


def _check_projection(call: Call, found: Sequence[Array], expected: Sequence[Array]) -> None:
    """Assert that all but a few pixels are equal: a coordinate that rounds to another pixel changes one."""
    (ours,), (theirs,) = found, expected
    assert (ours.dtype, ours.shape) == (theirs.dtype, theirs.shape)
    differs = np.abs(ours.astype(np.float64) - theirs.astype(np.float64)) > (2e-3 if ours.dtype.kind == "f" else 1)
    assert differs.sum() <= 0.05 * differs.size + 1


add("ImageProjectiveTransformV2", calls(lambda draw, rng: _projected(draw, rng, False)), check=_check_projection)
add("ImageProjectiveTransformV3", calls(lambda draw, rng: _projected(draw, rng, True)), check=_check_projection)


def _drawn(draw: Draw, rng: Rng, colored: bool) -> Call:
    images = _images(draw, rng, depth=pick(draw, [1, 3, 4]))
    boxes = numbers(rng, (len(images), whole(draw, 0, 4), 4), "float32", -0.2, 1.2)
    operands: dict[str, Operand] = {"images": images, "boxes": boxes}
    if colored:
        operands["colors"] = numbers(rng, (whole(draw, 0, 3), images.shape[3]), "float32", 0, 1)
    return Call(operands)


add("DrawBoundingBoxes", calls(lambda draw, rng: _drawn(draw, rng, False)))
add("DrawBoundingBoxesV2", calls(lambda draw, rng: _drawn(draw, rng, True)))


def _glimpse(draw: Draw, rng: Rng) -> Call:
    images = _images(draw, rng)
    normalized = flip(draw)
    far = 1.0 if normalized else 3.0
    offsets = numbers(rng, (len(images), 2), "float32", -far, far)
    size = ints(whole(draw, 1, 4), whole(draw, 1, 4))
    flags = {"centered": flip(draw), "normalized": normalized}
    return Call({"input": images, "size": size, "offsets": offsets}, {**flags, "uniform_noise": False, "noise": "zero"})


add("ExtractGlimpse", calls(_glimpse))

# -- boxes


def _boxes(rng: Rng, count: int) -> Array:
    corners = numbers(rng, (count, 2), "float32", 0, 0.7)
    return np.concatenate([corners, corners + numbers(rng, (count, 2), "float32", 0.05, 0.5)], 1)


def _suppression(names: Sequence[str], padded: bool = False) -> st.SearchStrategy[Call]:
    def build(draw: Draw, rng: Rng) -> Call:
        count = whole(draw, 1, 12)
        scores = rng.permutation(np.linspace(0, 1, count, dtype=np.float32))
        found: dict[str, Any] = {
            "boxes": _boxes(rng, count),
            "overlaps": numbers(rng, (count, count), "float32", 0, 1),
            "scores": scores,
            "max_output_size": scalar(whole(draw, 0, 14)),
            "iou_threshold": scalar(pick(draw, [0.2, 0.5]), "float32"),
            "overlap_threshold": scalar(0.4, "float32"),
            "score_threshold": scalar(pick(draw, [0.0, 0.3]), "float32"),
            "soft_nms_sigma": scalar(pick(draw, [0.0, 0.5]), "float32"),
        }
        attributes = {"pad_to_max_output_size": flip(draw)} if padded else {}
        return Call({name: found[name] for name in names}, attributes)

    return calls(build)


FIRST = ("boxes", "scores", "max_output_size")
SCORED = (*FIRST, "iou_threshold", "score_threshold")
add("NonMaxSuppression", _suppression(FIRST))
add("NonMaxSuppressionV2", _suppression((*FIRST, "iou_threshold")))
add("NonMaxSuppressionV3", _suppression(SCORED))
add("NonMaxSuppressionV4", _suppression(SCORED, True))
add("NonMaxSuppressionV5", _suppression((*SCORED, "soft_nms_sigma"), True), rounding=64)
add("NonMaxSuppressionWithOverlaps", _suppression(("overlaps", *FIRST[1:], "overlap_threshold", "score_threshold")))


def _combined(draw: Draw, rng: Rng) -> Call:
    batch, count, classes = whole(draw, 1, 2), whole(draw, 1, 8), whole(draw, 1, 3)
    shared = pick(draw, [1, classes])
    boxes = np.stack([np.stack([_boxes(rng, count) for _ in range(shared)], 1) for _ in range(batch)])
    order = rng.permutation(batch * count * classes).astype(np.float32) / (batch * count * classes)
    operands: dict[str, Operand] = {"boxes": boxes, "scores": order.reshape(batch, count, classes)}
    operands |= {
        "max_output_size_per_class": scalar(whole(draw, 1, 5)),
        "max_total_size": scalar(whole(draw, 1, 9)),
        "iou_threshold": scalar(0.5, "float32"),
        "score_threshold": scalar(0.1, "float32"),
    }
    return Call(operands, {"pad_per_class": flip(draw), "clip_boxes": flip(draw)})


add("CombinedNonMaxSuppression", calls(_combined))
