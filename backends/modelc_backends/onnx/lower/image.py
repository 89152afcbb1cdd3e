"""Lowering of ops that resize images, crop them, and cut them into patches."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from modelc.dialects.ge.helpers import flag, number, text
from modelc.dialects.ge.image import PATCHES, RESIZES, Taps, nearest_places, patch_shape, windows_of
from modelc.dialects.ge.sampling import axis_weights
from modelc.ir.op import Value
from modelc.ir.types import F32, I64
from modelc_backends.onnx.lower.site import Site
from modelc_backends.onnx.lower.table import Lowered, lowers


def _extents(site: Site, x: Value) -> tuple[int, ...]:
    """Return height and width of images, depth before them."""
    return site.dims(x, 1, -1)


# -- resizing

# How ONNX calls the positions that output positions lie at, by whether corners are aligned and centres at halves, and
# which neighbour it takes there.
_MODES = {
    (False, False): ("asymmetric", "floor"),
    (True, False): ("align_corners", "round_prefer_ceil"),
    (False, True): ("half_pixel", "round_prefer_ceil"),
}


def _resize(site: Site, x: Value, mode: str) -> Value:
    """Resize with ONNX's op, channels first."""
    positions, rounding = _MODES[flag(site.op, "align_corners", False), flag(site.op, "half_pixel_centers", False)]
    attributes = {"nearest_mode": rounding} if mode == "nearest" else {}
    images = site.channels_first(x, 3)
    size = site.onnx("Concat", site.extents(images, 0, 2), site.cast(site.inputs[1], I64), axis=0)
    resized = site.onnx(
        "Resize", images, None, None, size, mode=mode, coordinate_transformation_mode=positions, **attributes
    )
    return site.as_laid_out(resized, 3)


@lowers("ResizeNearestNeighborV2")
def _nearest(site: Site) -> Lowered:
    """Resize by whole factors with ONNX's op, else gather, since a position that rounds to a neighbour is wrong."""
    x, size = site.inputs[0], site.array(site.inputs[1])
    if size is None or None in site.shape(x)[1:3]:
        return _resize(site, x, "nearest")
    extents, wanted = _extents(site, x), size.reshape(-1).tolist()
    if all(new % old == 0 for old, new in zip(extents, wanted, strict=True)):
        return _resize(site, x, "nearest")
    for axis, (old, new) in enumerate(zip(extents, wanted, strict=True), start=1):
        x = site.onnx("Gather", x, site.constant(nearest_places(site.op, old, new), part="places"), axis=axis)
    return x


@lowers("ResizeBilinearV2")
def _bilinear(site: Site) -> Lowered:
    return _resize(site, site.cast(site.inputs[0], F32), "linear")


@lowers("ResizeBicubic", "ResizeArea")
def _weighted(site: Site) -> Lowered:
    """Multiply by the weights of each axis, for which ONNX's modes have other numbers."""
    size = site.needed_ints(1, "the size")
    x, (height, width) = site.cast(site.inputs[0], F32), _extents(site, site.inputs[0])
    across = _matrix(RESIZES[site.op_type](site.op, width, size[1]), width)
    down = _matrix(RESIZES[site.op_type](site.op, height, size[0]), height)
    return _multiplied(site, x, down, across)


@lowers("ScaleAndTranslate")
def _scale_and_translate(site: Site) -> Lowered:
    size = site.needed_ints(1, "the size")
    scale, shift = (site.needed(index, what).tolist() for index, what in ((2, "the scale"), (3, "the translation")))
    down, across = (
        axis_weights(site.op, extent, size[axis], scale[axis], shift[axis]).astype(np.float32)
        for axis, extent in enumerate(_extents(site, site.inputs[0]))
    )
    return _multiplied(site, site.cast(site.inputs[0], F32), down, across)


def _matrix(taps: Taps, extent: int) -> NDArray[np.float32]:
    """Return the weights [outputs, extent] of all input positions."""
    matrix = np.zeros((len(taps.places), extent), np.float32)
    np.add.at(matrix, (np.arange(len(taps.places))[:, None], taps.places), taps.weights)
    return matrix


def _multiplied(site: Site, x: Value, down: NDArray[np.float32], across: NDArray[np.float32]) -> Value:
    """Return images with their rows and columns replaced by weighted sums of them."""
    height, _, channels = site.dims(x, 1)
    wide = site.onnx("MatMul", site.constant(across, F32, "across"), x)
    rows = site.reshape(wide, (-1, height, len(across) * channels))
    tall = site.onnx("MatMul", site.constant(down, F32, "down"), rows)
    return site.reshape(tall, (-1, len(down), len(across), channels))


# -- cropping


@lowers("CropAndResize", "CropAndResizeV2")
def _crop_and_resize(site: Site) -> Lowered:
    x, boxes = site.cast(site.inputs[0], F32), site.cast(site.inputs[1], F32)
    extents, size = _extents(site, x), site.needed_ints(3, "the size of crops")
    low, high = (_columns(site, boxes, (first, first + 1)) for first in (0, 2))
    rows, columns = (_positions(site, low[axis], high[axis], extents[axis], size[axis], axis) for axis in range(2))
    image = site.unsqueeze(site.cast(site.inputs[2], I64), (1, 2))
    sample = _sampled if text(site.op, "method", "bilinear") == "bilinear" else _sampled_nearest
    outside = site.onnx("Or", _is_outside(site, rows, extents[0]), _is_outside(site, columns, extents[1]))
    filling = site.constant(number(site.op, "extrapolation_value", 0.0), F32)
    return site.onnx("Where", site.unsqueeze(outside, (3,)), filling, sample(site, x, image, (rows, columns)))


def _columns(site: Site, boxes: Value, places: Sequence[int]) -> list[Value]:
    """Return columns [boxes, 1] of a matrix."""
    return [site.onnx("Gather", boxes, site.constant((place,)), axis=1) for place in places]


def _positions(site: Site, low: Value, high: Value, extent: int, wanted: int, axis: int) -> Value:
    """Return where output positions lie along an axis: [boxes, wanted, 1], or [boxes, 1, wanted] along the second."""
    span = site.constant(extent - 1, F32)
    if wanted == 1:
        middle = site.onnx("Mul", site.onnx("Add", low, high), site.constant(0.5, F32))
        found = site.onnx("Mul", middle, span)
    else:
        length = site.onnx("Mul", site.onnx("Sub", high, low), span)
        step = site.onnx("Div", length, site.constant(wanted - 1, F32))
        steps = site.onnx("Mul", step, site.constant(np.arange(wanted), F32))
        found = site.onnx("Add", site.onnx("Mul", low, span), steps)
    return site.unsqueeze(found, (2 - axis,))


def _is_outside(site: Site, places: Value, extent: int) -> Value:
    before = site.onnx("Less", places, site.constant(0, F32))
    return site.onnx("Or", before, site.onnx("Greater", places, site.constant(extent - 1, F32)))


def _inside(site: Site, places: Value, extent: int) -> Value:
    return site.onnx("Clip", places, site.constant(0, F32), site.constant(extent - 1, F32))


def _pixels(site: Site, x: Value, image: Value, row: Value, column: Value) -> Value:
    """Return the pixels [boxes, height, width, channels] at places that broadcast."""
    extents = site.extents(image, 0), site.extents(row, 1), site.extents(column, 2)
    shape = site.onnx("Concat", *extents, axis=0)
    places = [site.unsqueeze(site.onnx("Expand", place, shape), (3,)) for place in (image, row, column)]
    return site.onnx("GatherND", x, site.onnx("Concat", *places, axis=3))


def _sampled(site: Site, x: Value, image: Value, places: Sequence[Value]) -> Value:
    """Return pixels between four neighbours."""
    places = [_inside(site, place, extent) for place, extent in zip(places, _extents(site, x), strict=True)]
    first = [site.onnx("Floor", place) for place in places]
    shares = [site.unsqueeze(site.onnx("Sub", a, b), (3,)) for a, b in zip(places, first, strict=True)]
    (top, left), (bottom, right) = (
        [site.cast(place, I64) for place in each] for each in (first, [site.onnx("Ceil", place) for place in places])
    )
    upper, lower = (
        _between(site, _pixels(site, x, image, row, left), _pixels(site, x, image, row, right), shares[1])
        for row in (top, bottom)
    )
    return _between(site, upper, lower, shares[0])


def _between(site: Site, a: Value, b: Value, share: Value) -> Value:
    return site.onnx("Add", a, site.onnx("Mul", site.onnx("Sub", b, a), share))


def _sampled_nearest(site: Site, x: Value, image: Value, places: Sequence[Value]) -> Value:
    """Return the pixels next to places; halves are rounded up."""
    half = site.constant(0.5, F32)
    rounded = [
        site.cast(_inside(site, site.onnx("Floor", site.onnx("Add", place, half)), extent), I64)
        for place, extent in zip(places, _extents(site, x), strict=True)
    ]
    return _pixels(site, x, image, rounded[0], rounded[1])


# -- patches


@lowers(*PATCHES)
def _patches(site: Site) -> Lowered:
    """Gather the cells of all windows along one axis after the other, and bring cells behind positions."""
    x = site.inputs[0]
    shape = patch_shape(site.op, (None, *site.dims(x, 1)))
    windows = windows_of(site.op, _extents(site, x))
    pads = [window.pads for window in windows]
    if any(map(any, pads)):
        before, after = zip((0, 0), *pads, (0, 0), strict=True)
        x = site.onnx("Pad", x, site.constant((*before, *after)))
    for index, (window, count) in enumerate(zip(windows, shape[1:-1], strict=True)):
        assert isinstance(count, int)
        places = np.arange(count)[:, None] * window.stride + np.arange(window.kernel) * window.rate
        x = site.onnx("Gather", x, site.constant(places, part="places"), axis=1 + 2 * index)
    positions, cells = range(1, 2 * len(windows), 2), range(2, 2 * len(windows) + 1, 2)
    moved = site.transpose(x, (0, *positions, *cells, 2 * len(windows) + 1))
    return site.reshape(moved, [-1 if dim is None else int(dim) for dim in shape])
