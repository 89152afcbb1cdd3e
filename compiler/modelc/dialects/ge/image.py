"""Ops that resize images, crop them, and cut them into patches. Images are laid out as NHWC.

A resized image is computed along one axis and then the other: each output position reads a few input positions with
weights, computed in float32 as the frameworks do, since a position that rounds to another pixel changes the result.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from modelc.dialects.ge.helpers import (
    element,
    equal_dims,
    flag,
    integers,
    mismatch,
    need_family,
    need_rank,
    number,
    operand,
    same_pads,
    same_size,
    text,
    window_size,
)
from modelc.dialects.ge.known import known_ints
from modelc.dialects.ge.semantics import Array, Arrays, evaluates, infers
from modelc.ir.constants import numpy_dtype
from modelc.ir.op import Op
from modelc.ir.types import F32, Dim, Element, TensorType, Type

LARGEST = 1 << 20  # pixels along one side of a resized image

# -- where an output position lies in the input


@dataclass(frozen=True, slots=True)
class Taps:
    """What each output position along an axis reads.

    Attributes:
        places: Input positions, [outputs, taps].
        weights: Their weights, [outputs, taps], in float32.
    """

    places: Array
    weights: Array


def _scale(op: Op, extent: int, wanted: int) -> np.float32:
    """Return how many input pixels one output pixel stands for."""
    if flag(op, "align_corners", False) and wanted > 1:
        return np.float32(extent - 1) / np.float32(wanted - 1)
    return np.float32(extent) / np.float32(wanted)


def _positions(op: Op, extent: int, wanted: int) -> Array:
    steps = np.arange(wanted, dtype=np.float32)
    if flag(op, "half_pixel_centers", False):
        return np.asarray((steps + np.float32(0.5)) * _scale(op, extent, wanted) - np.float32(0.5))
    return np.asarray(steps * _scale(op, extent, wanted))


def nearest_places(op: Op, extent: int, wanted: int) -> Array:
    """Return which input position each output position along an axis is a copy of."""
    steps = np.arange(wanted, dtype=np.float32)
    half = flag(op, "half_pixel_centers", False)
    positions = (steps + np.float32(0.5 if half else 0)) * _scale(op, extent, wanted)
    aligned = flag(op, "align_corners", False)
    # Halves are rounded away from zero.
    places = np.floor(positions + np.float32(0.5)) if aligned else np.floor(positions)
    return np.asarray(np.clip(places.astype(np.int64), 0, extent - 1))


def _bilinear(op: Op, extent: int, wanted: int) -> Taps:
    positions = _positions(op, extent, wanted)
    low = np.floor(positions)
    share = (positions - low).astype(np.float32)
    places = np.stack([low, np.ceil(positions)], 1).astype(np.int64)
    return Taps(np.clip(places, 0, extent - 1), np.stack([1 - share, share], 1))


STEPS = 1024  # the cubic weights are taken at multiples of 1/1024


def _cubic_weight(distance: Array, a: float) -> Array:
    """Return Keys' cubic kernel at distances from 0 to 2."""
    near = ((a + 2) * distance - (a + 3)) * distance * distance + 1
    far = ((a * distance - 5 * a) * distance + 8 * a) * distance - 4 * a
    return np.where(distance <= 1, near, far)


def _cubic(op: Op, extent: int, wanted: int) -> Taps:
    positions = _positions(op, extent, wanted)
    low = np.floor(positions)
    share = np.rint((positions - low) * STEPS) / STEPS
    places = low[:, None].astype(np.int64) + np.arange(-1, 3)
    half = flag(op, "half_pixel_centers", False)
    distances = np.stack([share + 1, share, 1 - share, 2 - share], 1)
    weights = _cubic_weight(distances, -0.5 if half else -0.75).astype(np.float32)
    inside = np.clip(places, 0, extent - 1)
    if half:
        # What lies outside does not count; the rest is scaled up to make one.
        weights = np.where(places == inside, weights, np.float32(0))
        weights = weights / weights.sum(1, keepdims=True)
    return Taps(inside, weights)


def _area(op: Op, extent: int, wanted: int) -> Taps:
    scale = _scale(op, extent, wanted)
    steps = np.arange(wanted, dtype=np.float32)
    start, stop = steps * scale, (steps + 1) * scale
    first, last = np.floor(start).astype(np.int64), np.ceil(stop).astype(np.int64)
    places = first[:, None] + np.arange(int((last - first).max(initial=1)))
    covered = np.minimum(places + 1, stop[:, None]) - np.maximum(places, start[:, None])
    weights = np.maximum(covered, 0) / scale if scale else np.ones(places.shape)  # one pixel stands for all
    return Taps(np.clip(places, 0, extent - 1), weights.astype(np.float32))


def _weighted(x: Array, axis: int, taps: Taps) -> Array:
    """Return the weighted sums of what each output position reads along `axis`."""
    shape = [1] * x.ndim
    shape[axis] = -1
    total: Array | None = None
    for places, weights in zip(taps.places.T, taps.weights.T, strict=True):
        part = np.take(x, places, axis) * weights.reshape(shape)
        total = part if total is None else total + part
    assert total is not None
    return total


# -- resizing

Along: TypeAlias = Callable[[Op, int, int], Taps]


def _resized(op: Op, x: TensorType, size: tuple[Dim, ...] | None, found: Element | None) -> TensorType:
    n, h, w, c = need_rank(op, x, 4, "images")
    size = (None, None) if size is None else size
    if len(size) != 2 or any(isinstance(dim, int) and not 0 < dim <= LARGEST for dim in size):
        raise mismatch(op, f"cannot resize images to {list(size)}")
    if h == 0 or w == 0:
        raise mismatch(op, f"cannot resize {x}, which has no pixels")
    if flag(op, "align_corners", False) and flag(op, "half_pixel_centers", False):
        raise mismatch(op, "cannot have both its corners aligned and half-pixel centres")
    return TensorType(found, (n, *size, c))


def _size(op: Op, x: Array, size: Array) -> tuple[int, int]:
    wanted = tuple(int(dim) for dim in size.reshape(-1))
    _resized(op, TensorType(None, x.shape), wanted, None)
    height, width = wanted
    return height, width


@infers("ResizeNearestNeighborV2")
def _infer_nearest(op: Op) -> list[Type]:
    x = operand(op, 0)
    return [_resized(op, x, known_ints(op, 1), x.element)]


@evaluates("ResizeNearestNeighborV2")
def _resize_nearest(op: Op, arrays: Arrays) -> list[Array]:
    x = arrays[0]
    height, width = _size(op, x, arrays[1])
    rows, columns = nearest_places(op, x.shape[1], height), nearest_places(op, x.shape[2], width)
    return [np.take(np.take(x, rows, 1), columns, 2)]


# What each output position reads along an axis of some extent, for another extent that is wanted.
RESIZES: dict[str, Along] = {"ResizeBilinearV2": _bilinear, "ResizeBicubic": _cubic, "ResizeArea": _area}


@infers(*RESIZES)
def _infer_resize(op: Op) -> list[Type]:
    x = operand(op, 0)
    need_family(op, x, "float", "int", "uint", "quantized")
    return [_resized(op, x, known_ints(op, 1), element(op, "dtype", F32))]


@evaluates(*RESIZES)
def _resize(op: Op, arrays: Arrays) -> list[Array]:
    x = arrays[0]
    height, width = _size(op, x, arrays[1])
    along = RESIZES[op.kind.removeprefix("ge.")]
    x = x.astype(np.float32)
    # Along the width first, as the frameworks do, except where that has more to compute.
    x = _weighted(x, 2, along(op, x.shape[2], width))
    x = _weighted(x, 1, along(op, x.shape[1], height))
    return [x.astype(numpy_dtype(element(op, "dtype", F32)))]


# -- cropping

METHODS = ("bilinear", "nearest")


def _method(op: Op) -> str:
    method = text(op, "method", "bilinear")
    if method not in METHODS:
        raise mismatch(op, f"has no method `{method}`")
    return method


@infers("CropAndResize", "CropAndResizeV2")
def _infer_crop_and_resize(op: Op) -> list[Type]:
    x, size = operand(op, 0), known_ints(op, 3)
    boxes, corners = need_rank(op, operand(op, 1), 2, "boxes")
    (indices,) = need_rank(op, operand(op, 2), 1, "box indices")
    equal_dims(op, corners, 4, "numbers of corners")
    _method(op)
    count = equal_dims(op, boxes, indices, "numbers of boxes and box indices")
    found = element(op, "dtype", F32)
    shape = _resized(op, x, size, found).shape or ()
    return [TensorType(found, (count, *shape[1:]))]


def _crop_positions(low: Array, high: Array, extent: int, wanted: int) -> Array:
    """Return, per box, where each output position lies along an axis."""
    steps = np.arange(wanted, dtype=np.float32)
    span = np.float32(extent - 1)
    if wanted == 1:
        return np.asarray(np.float32(0.5) * (low + high) * span)[:, None]
    scale = (high - low) * span / np.float32(wanted - 1)
    return np.asarray((low * span)[:, None] + steps * scale[:, None])


@evaluates("CropAndResize", "CropAndResizeV2")
def _crop_and_resize(op: Op, arrays: Arrays) -> list[Array]:
    x, boxes, indices = arrays[0], arrays[1].astype(np.float32), arrays[2]
    height, width = _size(op, x, arrays[3])
    if indices.size and not 0 <= indices.min() <= indices.max() < len(x):
        raise mismatch(op, f"crops images {indices.tolist()} of {len(x)}")
    rows = _crop_positions(boxes[:, 0], boxes[:, 2], x.shape[1], height)
    columns = _crop_positions(boxes[:, 1], boxes[:, 3], x.shape[2], width)
    outside = ((rows < 0) | (rows > x.shape[1] - 1))[:, :, None] | ((columns < 0) | (columns > x.shape[2] - 1))[:, None]
    result = np.empty((len(boxes), height, width, x.shape[3]), numpy_dtype(element(op, "dtype", F32)))
    sample = _sample_bilinear if _method(op) == "bilinear" else _sample_nearest
    for box, index in enumerate(indices.tolist()):
        result[box] = sample(x[index].astype(np.float32), rows[box], columns[box])
    result[outside] = number(op, "extrapolation_value", 0.0)
    return [result]


def _sample_bilinear(image: Array, rows: Array, columns: Array) -> Array:
    rows, columns = (np.clip(part, 0, extent - 1) for part, extent in zip((rows, columns), image.shape, strict=False))
    top, left = np.floor(rows).astype(np.int64), np.floor(columns).astype(np.int64)
    bottom, right = np.ceil(rows).astype(np.int64), np.ceil(columns).astype(np.int64)
    down, across = (rows - top)[:, None, None].astype(np.float32), (columns - left)[:, None].astype(np.float32)
    upper = image[top][:, left] + (image[top][:, right] - image[top][:, left]) * across
    lower = image[bottom][:, left] + (image[bottom][:, right] - image[bottom][:, left]) * across
    return np.asarray(upper + (lower - upper) * down)


def _sample_nearest(image: Array, rows: Array, columns: Array) -> Array:
    places = (
        np.clip(np.floor(part + np.float32(0.5)), 0, extent - 1).astype(np.int64)
        for part, extent in zip((rows, columns), image.shape, strict=False)
    )
    down, across = places
    return np.asarray(image[down][:, across])


# -- patches


@dataclass(frozen=True, slots=True)
class AxisWindow:
    """A window along one axis: its extent, step and dilation, and what is padded before and after."""

    kernel: int
    stride: int
    rate: int
    pads: tuple[int, int]


def windows_of(op: Op, extents: tuple[Dim, ...]) -> tuple[AxisWindow, ...]:
    """Return the windows along the spatial axes of `extents`."""
    kernels, strides = integers(op, "ksizes"), integers(op, "strides")
    rates = integers(op, "rates", (1,) * len(kernels))
    padding = text(op, "padding")
    fits = len(kernels) == len(strides) == len(rates) == len(extents) + 2
    positive = fits and min(*kernels, *strides, *rates) > 0
    if not positive or padding not in ("SAME", "VALID"):
        raise mismatch(op, f"cannot cut patches of {list(kernels)} in steps of {list(strides)} ({padding})")
    return tuple(
        AxisWindow(kernel, stride, rate, _window_pads(dim, kernel, stride, rate, padding))
        for dim, kernel, stride, rate in zip(extents, kernels[1:-1], strides[1:-1], rates[1:-1], strict=True)
    )


def _window_pads(dim: Dim, kernel: int, stride: int, rate: int, padding: str) -> tuple[int, int]:
    return same_pads(dim, kernel, stride, rate) if padding == "SAME" and isinstance(dim, int) else (0, 0)


def patch_shape(op: Op, shape: tuple[Dim, ...]) -> tuple[Dim, ...]:
    """Return the shape of the patches of images of `shape`: a position has its patch, cell by cell, as channels."""
    extents, depth = shape[1:-1], shape[-1]
    windows = windows_of(op, extents)
    same = text(op, "padding") == "SAME"
    counts = tuple(
        same_size(dim, window.stride) if same else window_size(dim, window.kernel, window.stride, window.rate, (0, 0))
        for dim, window in zip(extents, windows, strict=True)
    )
    cells = int(np.prod([window.kernel for window in windows]))
    return (shape[0], *counts, depth * cells if isinstance(depth, int) else None)


PATCHES = {"ExtractImagePatches": 4, "ExtractVolumePatches": 5}


@infers(*PATCHES)
def _infer_patches(op: Op) -> list[Type]:
    x = operand(op, 0)
    return [x.with_shape(patch_shape(op, need_rank(op, x, PATCHES[op.kind.removeprefix("ge.")], "images")))]


@evaluates(*PATCHES)
def _patches(op: Op, arrays: Arrays) -> list[Array]:
    x = arrays[0]
    shape = tuple(int(dim or 0) for dim in patch_shape(op, x.shape))
    windows = windows_of(op, x.shape[1:-1])
    padded = np.pad(x, [(0, 0), *(window.pads for window in windows), (0, 0)])
    for axis, (window, count) in enumerate(zip(windows, shape[1:-1], strict=True), start=1):
        # Each spatial axis becomes positions here, and cells of the window at the end.
        places = np.arange(count)[:, None] * window.stride + np.arange(window.kernel) * window.rate
        padded = np.moveaxis(np.take(padded, places, axis), axis + 1, -1)
    # n, positions, channels, cells -> n, positions, cells, channels
    channels = len(windows) + 1
    return [np.moveaxis(padded, channels, -1).reshape(shape)]
