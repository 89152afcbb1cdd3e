"""Ops that draw on images, move them, and look at parts of them. Images are laid out as NHWC."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from modelc.dialects.ge.helpers import equal_dims, flag, mismatch, need_family, need_rank, operand, text
from modelc.dialects.ge.image import LARGEST
from modelc.dialects.ge.known import known_ints
from modelc.dialects.ge.semantics import Array, Arrays, evaluates, infers
from modelc.ir.op import Op
from modelc.ir.types import F32, Dim, TensorType, Type


def _sized(op: Op, size: tuple[Dim, ...] | None) -> tuple[Dim, Dim]:
    """Return the height and width that an operand states."""
    if size is None:
        return None, None
    if len(size) != 2 or any(isinstance(dim, int) and not 0 < dim <= LARGEST for dim in size):
        raise mismatch(op, f"cannot make images of {list(size)}")
    return size[0], size[1]


def _numbers(op: Op, size: Array) -> tuple[int, int]:
    height, width = _sized(op, tuple(size.reshape(-1).tolist()))
    assert isinstance(height, int)
    assert isinstance(width, int)
    return height, width


# -- boxes

# Yellow, blue, red, lime, purple, olive, maroon, navy, aqua and fuchsia, all opaque.
_COLORS = np.array(
    [
        *((1, 1, 0, 1), (0, 0, 1, 1), (1, 0, 0, 1), (0, 1, 0, 1), (0.5, 0, 0.5, 1)),
        *((0.5, 0.5, 0, 1), (0.5, 0, 0, 1), (0, 0, 0.5, 1), (0, 1, 1, 1), (1, 0, 1, 1)),
    ],
    np.float32,
)


@infers("DrawBoundingBoxes", "DrawBoundingBoxesV2")
def _infer_draw(op: Op) -> list[Type]:
    x = operand(op, 0)
    images, *_ = need_rank(op, x, 4, "images")
    boxes, _, corners = need_rank(op, operand(op, 1), 3, "boxes")
    equal_dims(op, images, boxes, "batches")
    equal_dims(op, corners, 4, "numbers of corners")
    return [x]


def _draw(image: Array, box: Array, color: Array) -> None:
    """Draw the outline of a box, where it lies inside, into an image."""
    height, width = image.shape[:2]
    scaled = box.astype(np.float32) * np.array((height - 1, width - 1) * 2, np.float32)
    if not np.isfinite(scaled).all():
        return
    top, left, bottom, right = np.trunc(scaled).astype(np.int64).tolist()
    if top > bottom or left > right or top >= height or bottom < 0 or left >= width or right < 0:
        return
    rows, columns = slice(max(top, 0), min(bottom, height - 1) + 1), slice(max(left, 0), min(right, width - 1) + 1)
    for row in (top, bottom):
        if 0 <= row < height:
            image[row, columns] = color
    for column in (left, right):
        if 0 <= column < width:
            image[rows, column] = color


def outline_colors(op: Op, colors: Array | None, depth: int) -> Array:
    """Return the colours of outlines [count, depth], for `colors` that are given or for none; white on grey images."""
    is_given = colors is not None and colors.size > 0
    table = colors.astype(np.float32) if colors is not None and is_given else _COLORS
    if table.shape[1] < depth:
        raise mismatch(op, f"has colors of {table.shape[1]} channels for images of {depth}")
    return table[:, :depth] if is_given or depth > 1 else np.ones((len(table), 1), np.float32)


@evaluates("DrawBoundingBoxes", "DrawBoundingBoxesV2")
def _draw_boxes(op: Op, arrays: Arrays) -> list[Array]:
    images, boxes = arrays[0].copy(), arrays[1]
    colors = outline_colors(op, arrays[2] if len(arrays) > 2 else None, images.shape[3])
    for image, outlines in zip(images, boxes, strict=True):
        for index, box in enumerate(outlines):
            _draw(image, box, colors[index % len(colors)])
    return [images]


# -- glimpses


@infers("ExtractGlimpse")
def _infer_glimpse(op: Op) -> list[Type]:
    x = operand(op, 0)
    batch, _, _, depth = need_rank(op, x, 4, "images")
    offsets, pair = need_rank(op, operand(op, 2), 2, "offsets")
    equal_dims(op, pair, 2, "numbers of offsets")
    height, width = _sized(op, known_ints(op, 1))
    return [x.with_shape((equal_dims(op, batch, offsets, "batches"), height, width, depth))]


def _start(op: Op, offset: float, extent: int, wanted: int) -> int:
    """Return where a glimpse begins along one axis."""
    place = offset * extent if flag(op, "normalized", True) else offset
    if flag(op, "centered", True):
        place = place / 2 + extent / 2
    return int(place - wanted / 2)


@evaluates("ExtractGlimpse")
def _glimpse(op: Op, arrays: Arrays) -> list[Array]:
    images, offsets = arrays[0], arrays[2].astype(np.float32)
    height, width = _numbers(op, arrays[1])
    filler = text(op, "noise", "uniform")
    rng = np.random.default_rng(0)
    result = np.zeros((len(images), height, width, images.shape[3]), images.dtype)
    if filler != "zero" and not flag(op, "uniform_noise", True):
        result[...] = rng.standard_normal(result.shape)
    elif filler != "zero" and images.size:
        result[...] = rng.uniform(images.min(), images.max(), result.shape)
    for image, offset, glimpse in zip(images, offsets.tolist(), result, strict=True):
        starts = [_start(op, *each) for each in zip(offset, image.shape[:2], (height, width), strict=True)]
        inside = [
            np.flatnonzero((places >= 0) & (places < extent))
            for places, extent in (
                (start + np.arange(wanted), extent)
                for start, wanted, extent in zip(starts, (height, width), image.shape[:2], strict=True)
            )
        ]
        rows, columns = inside
        glimpse[np.ix_(rows, columns)] = image[np.ix_(rows + starts[0], columns + starts[1])]
    return [result]


# -- scaling and translation


def _lanczos(radius: float) -> Callable[[Array], Array]:
    def weight(x: Array) -> Array:
        near = np.where(np.abs(x) < 1e-3, 1.0, np.abs(x))
        value = radius * np.sin(math.pi * near) * np.sin(math.pi * near / radius) / (math.pi * near) ** 2
        return np.where(np.abs(x) < 1e-3, 1.0, np.where(np.abs(x) > radius, 0.0, value))

    return weight


def _gaussian(x: Array) -> Array:
    return np.where(np.abs(x) < 1.5, np.exp(-np.square(x) / (2 * 0.5**2)), 0.0)


def _box(x: Array) -> Array:
    size = np.abs(x)
    return np.where(size < 0.5, 1.0, np.where(size == 0.5, 0.5, 0.0))


def _triangle(x: Array) -> Array:
    return np.maximum(0.0, 1.0 - np.abs(x))


def _keys_cubic(x: Array) -> Array:
    x = np.abs(x)
    near, far = (1.5 * x - 2.5) * x * x + 1.0, ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0
    return np.where(x < 1.0, near, np.where(x < 2.0, far, 0.0))


def _mitchell_cubic(x: Array) -> Array:
    x = np.abs(x)
    near, far = (7 / 6 * x - 2.0) * x * x + 8 / 9, ((-7 / 18 * x + 2.0) * x - 10 / 3) * x + 16 / 9
    return np.where(x < 1.0, near, np.where(x < 2.0, far, 0.0))


_KERNELS: dict[str, tuple[Callable[[Array], Array], float]] = {
    "lanczos1": (_lanczos(1.0), 1.0),
    "lanczos3": (_lanczos(3.0), 3.0),
    "lanczos5": (_lanczos(5.0), 5.0),
    "gaussian": (_gaussian, 1.5),
    "box": (_box, 1.0),
    "triangle": (_triangle, 1.0),
    "keyscubic": (_keys_cubic, 2.0),
    "mitchellcubic": (_mitchell_cubic, 2.0),
}


@infers("ScaleAndTranslate")
def _infer_scale(op: Op) -> list[Type]:
    x = operand(op, 0)
    need_family(op, x, "float", "int", "uint")
    batch, height, width, depth = need_rank(op, x, 4, "images")
    if 0 in (height, width):
        raise mismatch(op, f"cannot scale {x}, which has no pixels")
    if text(op, "kernel_type", "lanczos3") not in _KERNELS:
        raise mismatch(op, f"has no kernel `{text(op, 'kernel_type')}`")
    return [TensorType(F32, (batch, *_sized(op, known_ints(op, 1)), depth))]


def axis_weights(op: Op, extent: int, wanted: int, scale: float, shift: float) -> Array:
    """Return the weights [wanted, extent] that make one axis of the result."""
    kernel, radius = _KERNELS[text(op, "kernel_type", "lanczos3")]
    if not scale > 0:
        raise mismatch(op, f"scales by {scale}, which is not positive")
    inverse = np.float32(1) / np.float32(scale)
    stretch = max(inverse, np.float32(1)) if flag(op, "antialias", True) else np.float32(1)
    centers = (np.arange(wanted, dtype=np.float32) + np.float32(0.5)) * inverse - inverse * np.float32(shift)
    cells = np.arange(extent, dtype=np.float32) + np.float32(0.5)
    distances = (cells - centers[:, None]).astype(np.float64)
    weights = kernel(distances / stretch) * (np.abs(distances) <= radius * stretch)
    sums = weights.sum(1, keepdims=True)
    weights = np.where(np.abs(sums) < 1e-35, 0.0, weights / np.where(sums == 0.0, 1.0, sums))
    outside = (centers < 0) | (centers > extent)
    return np.where(outside[:, None], 0.0, weights)


@evaluates("ScaleAndTranslate")
def _scale_and_translate(op: Op, arrays: Arrays) -> list[Array]:
    images = arrays[0].astype(np.float64)
    height, width = _numbers(op, arrays[1])
    (down, across), (below, beside) = arrays[2].tolist(), arrays[3].tolist()
    rows = axis_weights(op, images.shape[1], height, down, below)
    columns = axis_weights(op, images.shape[2], width, across, beside)
    return [np.einsum("yh,bhwc,xw->byxc", rows, images, columns, optimize=True).astype(np.float32)]


# -- projective transforms

_TRANSFORMS = ("ImageProjectiveTransform", "ImageProjectiveTransformV2")
_FILL_MODES = ("CONSTANT", "REFLECT", "WRAP", "NEAREST")


@infers(*_TRANSFORMS)
def _infer_transform(op: Op) -> list[Type]:
    x = operand(op, 0)
    batch, _, _, depth = need_rank(op, x, 4, "images")
    _, count = need_rank(op, operand(op, 1), 2, "transforms")
    equal_dims(op, count, 8, "numbers of a transform")
    if text(op, "interpolation") not in ("NEAREST", "BILINEAR") or text(op, "fill_mode", "CONSTANT") not in _FILL_MODES:
        raise mismatch(op, f"has no way to interpolate {text(op, 'interpolation')} and fill {text(op, 'fill_mode')}")
    return [x.with_shape((batch, *_sized(op, known_ints(op, 2)), depth))]


def _reflected(place: Array, extent: int) -> Array:
    if extent <= 1:
        return np.zeros_like(place)
    period = 2 * extent
    low = np.where(place < period, period * np.trunc(-place / period) + place, place)
    low = np.where(low < -extent, low + period, -low - 1)
    high = place - period * np.trunc(place / period)
    high = np.where(high >= extent, period - high - 1, high)
    return np.where(place < 0, low, np.where(place > extent - 1, high, place))


def _wrapped(place: Array, extent: int) -> Array:
    if extent <= 1:
        return np.zeros_like(place)
    low = place + extent * (np.trunc(-place / (extent - 1)) + 1)
    high = place - extent * np.trunc(place / (extent - 1))
    return np.where(place < 0, low, np.where(place > extent - 1, high, place))


def _mapped(mode: str, place: Array, extent: int) -> Array:
    """Return where to read for a coordinate that may lie outside."""
    if mode == "CONSTANT":
        return place
    if mode != "NEAREST":
        place = (_reflected if mode == "REFLECT" else _wrapped)(place, extent)
    return np.clip(place, 0, extent - 1)


def _read(image: Array, rows: Array, columns: Array, fill: float) -> Array:
    height, width = image.shape[:2]
    inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    safe = np.where(inside, rows, 0).astype(np.int64), np.where(inside, columns, 0).astype(np.int64)
    return np.where(inside[..., None], image[safe], np.float32(fill).astype(image.dtype))


def _interpolated(image: Array, rows: Array, columns: Array, fill: float) -> Array:
    top, left = np.floor(rows), np.floor(columns)
    down, across = (rows - top)[..., None], (columns - left)[..., None]
    lines = [
        (1 - across) * _read(image, row, left, fill) + across * _read(image, row, left + 1, fill)
        for row in (top, top + 1)
    ]
    return np.asarray((1 - down) * lines[0] + down * lines[1])


def _rounded(place: Array) -> Array:
    """Round halves away from zero."""
    return np.copysign(np.floor(np.abs(place) + np.float32(0.5)), place)


@evaluates(*_TRANSFORMS)
def _project(op: Op, arrays: Arrays) -> list[Array]:
    images, transforms = arrays[0], arrays[1].astype(np.float32)
    fill = float(arrays[3].reshape(())) if len(arrays) > 3 and arrays[3].dtype != object else 0.0
    mode, linear = text(op, "fill_mode", "CONSTANT"), text(op, "interpolation") == "BILINEAR"
    y, x = np.meshgrid(*(np.arange(extent, dtype=np.float32) for extent in _numbers(op, arrays[2])), indexing="ij")
    result = np.empty((len(images), *y.shape, images.shape[3]), images.dtype)
    for index, image in enumerate(images):
        t = transforms[index if len(transforms) > 1 else 0]
        scale = t[6] * x + t[7] * y + 1
        columns = _mapped(mode, (t[0] * x + t[1] * y + t[2]) / scale, image.shape[1])
        rows = _mapped(mode, (t[3] * x + t[4] * y + t[5]) / scale, image.shape[0])
        wide = image if image.dtype == np.float64 else image.astype(np.float32)
        if linear:
            seen = _interpolated(wide, rows, columns, fill)
        else:
            seen = _read(wide, _rounded(rows), _rounded(columns), fill)
        result[index] = np.where((scale == 0)[..., None], fill, seen).astype(images.dtype)
    return [result]
