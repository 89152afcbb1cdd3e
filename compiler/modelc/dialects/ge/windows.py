"""Convolution and pooling of arrays whose channels come last, in any number of spatial dimensions.

Work is cut into pieces of bounded size, so that memory does not grow with the kernel; what is left to numpy are matrix
products and operations on whole arrays.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from modelc.dialects.ge.arrays import Array, matrix_product
from modelc.dialects.ge.helpers import Pair

PIECE = 1 << 21  # elements of gathered windows held at a time
CACHED = 1 << 16  # elements of one piece of a result that is summed up tap by tap


@dataclass(frozen=True, slots=True)
class Window:
    """A window that slides over the spatial dimensions.

    Attributes:
        kernel: Its extents.
        strides: Steps from one position to the next.
        dilations: Distances of its cells.
        pads: What is added before and after each dimension.
    """

    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    pads: tuple[Pair, ...]

    @property
    def reach(self) -> tuple[int, ...]:
        """How many cells it spans in each dimension."""
        return tuple((k - 1) * d + 1 for k, d in zip(self.kernel, self.dilations, strict=True))

    @property
    def taps(self) -> Iterator[tuple[int, ...]]:
        """The positions of its cells relative to its first one, in order."""
        steps = (range(0, k * d, d) for k, d in zip(self.kernel, self.dilations, strict=True))
        return product(*steps)

    @property
    def is_point(self) -> bool:
        """Whether it is one cell, without padding."""
        return all(k == 1 for k in self.kernel) and all(pair == (0, 0) for pair in self.pads)

    def count(self, sizes: tuple[int, ...]) -> tuple[int, ...]:
        """Return how many positions it has on spatial dimensions of these extents."""
        return tuple(
            max(0, (size + sum(pair) - reach) // stride + 1)
            for size, pair, reach, stride in zip(sizes, self.pads, self.reach, self.strides, strict=True)
        )

    def at(self, tap: tuple[int, ...], counts: tuple[int, ...]) -> tuple[slice, ...]:
        """Return where the cell `tap` of the window lies, at all positions at once."""
        return tuple(
            slice(start, start + (count - 1) * stride + 1 if count else start, stride)
            for start, count, stride in zip(tap, counts, self.strides, strict=True)
        )


def pad(x: Array, pads: tuple[Pair, ...], fill: Any = 0) -> Array:
    """Return `x` with its spatial dimensions padded by `fill`, and `x` itself where there is nothing to add."""
    if all(pair == (0, 0) for pair in pads):
        return x
    sizes = [size + sum(pair) for size, pair in zip(x.shape[1:-1], pads, strict=True)]
    padded = np.full((x.shape[0], *sizes, x.shape[-1]), fill, x.dtype)
    inside = tuple(slice(before, before + size) for (before, _), size in zip(pads, x.shape[1:-1], strict=True))
    padded[(slice(None), *inside)] = x
    return padded


def gather_windows(x: Array, window: Window, counts: tuple[int, ...]) -> Array:
    """Return a view of padded `x` as [batch, *positions, *kernel, channels]."""
    spatial = x.strides[1:-1]
    return as_strided(
        x,
        (x.shape[0], *counts, *window.kernel, x.shape[-1]),
        (
            x.strides[0],
            *(step * stride for step, stride in zip(spatial, window.strides, strict=True)),
            *(step * dilation for step, dilation in zip(spatial, window.dilations, strict=True)),
            x.strides[-1],
        ),
        writeable=False,
    )


def convolve(x: Array, kernel: Array, window: Window, groups: int = 1) -> Array:
    """Return the convolution of `x` [batch, *spatial, channels] by `kernel` [*kernel, channels / groups, results]."""
    results = kernel.shape[-1]
    counts = window.count(x.shape[1:-1])
    out = np.empty((x.shape[0], *counts, results), np.result_type(x, kernel))
    if out.size == 0 or x.size == 0:
        return np.zeros_like(out)
    if window.is_point and groups == 1:
        points = x[(slice(None), *window.at((0,) * len(counts), counts))]
        product = matrix_product(points.reshape(-1, x.shape[-1]), kernel.reshape(-1, results))
        return product.reshape(out.shape)
    # [groups, kernel cells x channels, results]: one matrix per group
    matrices = kernel.reshape(-1, groups, results // groups).transpose(1, 0, 2)
    windows = _by_group(gather_windows(pad(x, window.pads), window, counts), groups)
    for image in range(x.shape[0]):
        for rows in _pieces(counts[0], windows[0, 0].size, PIECE):
            _convolve_piece(windows[image, rows], matrices, out[image, rows])
    return out


def _by_group(windows: Array, groups: int) -> Array:
    step = windows.strides[-1]
    channels = windows.shape[-1] // groups
    shape, strides = (*windows.shape[:-1], groups, channels), (*windows.strides[:-1], step * channels, step)
    return as_strided(windows, shape, strides, writeable=False)


def _convolve_piece(windows: Array, matrices: Array, out: Array) -> None:
    groups, cells, results = matrices.shape
    positions = math.prod(out.shape[:-1])
    columns = np.moveaxis(windows, -2, 0).reshape(groups, positions, cells)  # the copy that makes it matrix products
    out.reshape(positions, groups, results)[...] = matrix_product(columns, matrices).transpose(1, 0, 2)


def _pieces(rows: int, size: int, limit: int) -> Iterator[slice]:
    """Yield the rows, of `size` elements each, in pieces of at most `limit` elements or one row."""
    step = max(1, limit // max(1, size))
    for start in range(0, rows, step):
        yield slice(start, min(rows, start + step))


def convolve_depthwise(x: Array, kernel: Array, window: Window) -> Array:
    """Return the convolution of each channel of `x` by its own part of `kernel` [*kernel, channels, multiplier]."""
    counts = window.count(x.shape[1:-1])
    channels, multiplier = kernel.shape[-2:]
    padded = pad(x, window.pads)
    out = np.zeros((x.shape[0], *counts, channels, multiplier), np.result_type(x, kernel))
    if out.size == 0:
        return out.reshape(*out.shape[:-2], channels * multiplier)
    taps = list(zip(window.taps, kernel.reshape(-1, channels, multiplier), strict=True))
    for rows in _pieces(counts[0], out[:, 0].size, CACHED):
        piece = out[:, rows]
        scratch = np.empty_like(piece)
        first = rows.start * window.strides[0]
        for tap, weights in taps:
            cells = window.at((tap[0] + first, *tap[1:]), (piece.shape[1], *counts[1:]))
            np.multiply(padded[(slice(None), *cells)][..., None], weights, out=scratch)
            piece += scratch
    return out.reshape(*out.shape[:-2], channels * multiplier)


def deconvolve(y: Array, kernel: Array, window: Window, sizes: tuple[int, ...], groups: int = 1) -> Array:
    """Return the x of spatial extents `sizes` that each element of `y` adds its weighted kernel to.

    Args:
        y: [batch, *positions, channels], what a convolution by `kernel` would give from x.
        kernel: [*kernel, results / groups, channels].
        window: How that convolution would slide over x.
        sizes: Spatial extents of x.
        groups: How many groups of channels do not mix.
    """
    counts = y.shape[1:-1]
    results, channels = kernel.shape[-2:]
    padded = [size + sum(pair) for size, pair in zip(sizes, window.pads, strict=True)]
    whole = [
        max(size, (n - 1) * s + r) for size, n, s, r in zip(padded, counts, window.strides, window.reach, strict=True)
    ]
    out = np.zeros((y.shape[0], *whole, groups, results), np.result_type(y, kernel))
    # [groups, points, channels] by [groups, channels, results], for every cell of the kernel
    points = np.moveaxis(y.reshape(-1, groups, channels // groups), 1, 0)
    weights = kernel.reshape(-1, results, groups, channels // groups).transpose(0, 2, 3, 1)
    for tap, matrices in zip(window.taps, weights, strict=True):
        part = np.moveaxis(matrix_product(points, matrices), 0, 1)
        out[(slice(None), *window.at(tap, counts))] += part.reshape(y.shape[0], *counts, groups, results)
    inside = (slice(before, before + size) for (before, _), size in zip(window.pads, sizes, strict=True))
    return out[(slice(None), *inside)].reshape(y.shape[0], *sizes, groups * results)


def reduce_windows(x: Array, window: Window, function: np.ufunc, fill: Any) -> Array:
    """Return `function` (an addition, a maximum) over each window of `x`, one dimension after the other."""
    result = pad(x, window.pads, fill)
    counts = window.count(x.shape[1:-1])
    for axis, count in enumerate(counts):
        result = _reduce_axis(result, window, function, axis, count)
    return result


def _reduce_axis(x: Array, window: Window, function: np.ufunc, axis: int, count: int) -> Array:
    stride, dilation = window.strides[axis], window.dilations[axis]
    length = (count - 1) * stride + 1 if count else 0
    before = (slice(None),) * (axis + 1)
    result = x[(*before, slice(0, length, stride))].copy()
    for start in range(dilation, window.kernel[axis] * dilation, dilation):
        function(result, x[(*before, slice(start, start + length, stride))], out=result)
    return result


def count_cells(sizes: tuple[int, ...], window: Window) -> Array:
    """Return how many cells of each window are not padding, as float64 [*positions]."""
    counts = np.ones((), np.float64)
    for axis, size in enumerate(sizes):
        line = Window((window.kernel[axis],), (window.strides[axis],), (window.dilations[axis],), (window.pads[axis],))
        inside = reduce_windows(np.ones((1, size, 1)), line, np.add, 0.0).reshape(-1)
        counts = counts[..., None] * inside
    return counts
