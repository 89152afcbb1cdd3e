"""Lowering of pooling."""

from __future__ import annotations

import math

import numpy as np

from modelc.dialects.ge.arrays import lowest
from modelc.dialects.ge.helpers import channel_axis, spatial_axes
from modelc.dialects.ge.pool import MAXIMA, MEANS, Pooling, cells_of, pooling_of
from modelc.dialects.ge.windows import Window
from modelc.ir.attributes import Attribute
from modelc.ir.constants import numpy_dtype
from modelc.ir.op import Value
from modelc.ir.types import F32, F64
from modelc_backends.onnx.lower.nn import begin_and_end
from modelc_backends.onnx.lower.shape import extent
from modelc_backends.onnx.lower.site import Site
from modelc_backends.onnx.lower.table import Lowered, lowers


def _pooling(site: Site) -> Pooling:
    if site.op_type != "MaxPoolV2":
        return pooling_of(site.op)
    sizes = [site.needed(index, what) for index, what in ((1, "its window"), (2, "its strides"))]
    return pooling_of(site.op, [np.empty(0), *sizes])


def _sizes(site: Site, pooling: Pooling) -> tuple[int, ...] | None:
    """Return the spatial extents of the operand, None where some are not known."""
    shape = site.shape(site.inputs[0])
    sizes = tuple(dim for axis in spatial_axes(pooling.layout) if isinstance(dim := shape[axis], int))
    return sizes if len(sizes) == len(pooling.layout) - 2 else None


def _needed_sizes(site: Site, pooling: Pooling) -> tuple[int, ...]:
    return tuple(extent(site, site.inputs[0], axis) for axis in spatial_axes(pooling.layout))


def _attributes(pooling: Pooling) -> dict[str, Attribute]:
    attributes: dict[str, Attribute] = {"kernel_shape": pooling.kernel, "strides": pooling.strides}
    return attributes | ({"dilations": pooling.dilations} if set(pooling.dilations) != {1} else {})


def _by_rule(site: Site, pooling: Pooling, kind: str, x: Value) -> Value | None:
    """Return a pooling whose padding follows from a rule, None where it has to be counted."""
    if not pooling.kernel:
        return site.onnx(f"Global{kind}", x)
    if _sizes(site, pooling) is not None or (pooling.ceil and pooling.mode == "CALCULATED"):
        return None
    if pooling.mode == "SAME":
        return site.onnx(kind, x, auto_pad="SAME_UPPER", **_attributes(pooling))
    pads = pooling.pads if pooling.mode == "CALCULATED" else ((0, 0),) * len(pooling.kernel)
    window = Window(pooling.kernel, pooling.strides, pooling.dilations, pads)
    return site.onnx(kind, x, pads=begin_and_end(window), **_attributes(pooling))


def _is_modest(window: Window) -> bool:
    """Whether no padding is as wide as the window, which runtimes refuse."""
    return all(max(pair) < extent for pair, extent in zip(window.pads, window.kernel, strict=True))


def _padded(site: Site, x: Value, window: Window, fill: float) -> Value:
    """Return `x` [batch, channels, spatial...] with the padding of the window."""
    count = len(window.pads)
    pads = begin_and_end(window)
    both = (0, 0, *pads[:count], 0, 0, *pads[count:])
    return site.onnx("Pad", x, site.constant(both, part="pads"), site.scalar(fill, x))


@lowers(*MAXIMA)
def _max_pool(site: Site) -> Lowered:
    pooling, axis = _pooling(site), channel_axis(_pooling(site).layout)
    x = site.channels_first(site.inputs[0], axis)
    y = _by_rule(site, pooling, "MaxPool", x)
    if y is None:
        window, pads = pooling.window(_needed_sizes(site, pooling)), {}
        if _is_modest(window):
            pads = {"pads": begin_and_end(window)}
        else:
            x = _padded(site, x, window, float(lowest(numpy_dtype(site.element(x)))))
        y = site.onnx("MaxPool", x, **_attributes(pooling), **pads)
        y = y if pads else _with_nothing_seen(site, y)
    return site.as_laid_out(y, axis)


def _with_nothing_seen(site: Site, y: Value) -> Value:
    """Return maxima, minus infinity where a window saw nothing: for onnxruntime that is the least finite number."""
    if site.element(y) not in (F32, F64):
        return y
    least = site.scalar(float(np.finfo(numpy_dtype(site.element(y))).min), y)
    return site.onnx("Where", site.onnx("LessOrEqual", y, least), site.scalar(-math.inf, y), y)


@lowers(*MEANS)
def _average_pool(site: Site) -> Lowered:
    pooling = _pooling(site)
    axis = channel_axis(pooling.layout)
    x = site.channels_first(site.inputs[0], axis)
    is_plain = not pooling.divisor and not pooling.counts_padding
    y = _by_rule(site, pooling, "AveragePool", x) if is_plain else None
    return site.as_laid_out(_averaged(site, pooling, x, is_plain) if y is None else y, axis)


def _averaged(site: Site, pooling: Pooling, x: Value, is_plain: bool) -> Value:
    sizes = _needed_sizes(site, pooling)
    window = pooling.window(sizes)
    attributes: dict[str, Attribute] = {"kernel_shape": window.kernel, "strides": window.strides}
    if set(window.dilations) != {1}:
        attributes["dilations"] = window.dilations
    if is_plain and _is_modest(window):
        return site.onnx("AveragePool", x, pads=begin_and_end(window), **attributes)
    # The mean over whole windows, then by the number of cells that count.
    mean = site.onnx("AveragePool", _padded(site, x, window, 0.0) if any(map(any, window.pads)) else x, **attributes)
    cells = cells_of(pooling, window, sizes)
    factor = math.prod(window.kernel) / (np.moveaxis(cells, -1, 0) if cells.ndim else cells)
    return site.onnx("Mul", mean, site.constant(factor, site.element(mean), "share"))


@lowers("GlobalAveragePool")
def _global_average_pool(site: Site) -> Lowered:
    x = site.inputs[0]
    return site.onnx("GlobalAveragePool", x) if site.rank(x) > 2 else x


@lowers("AdaptiveAvgPool2d")
def _adaptive_pool(site: Site) -> Lowered:
    """Multiply rows and columns by matrices that hold the share of each cell in each mean."""
    x = site.inputs[0]
    (height, width), (rows, columns) = (
        (extent(site, value, -2), extent(site, value, -1)) for value in (x, site.op.results[0])
    )
    by_rows = site.constant(_shares(height, rows), site.element(x), "rows")
    by_columns = site.constant(_shares(width, columns).T, site.element(x), "columns")
    return site.onnx("MatMul", site.onnx("MatMul", by_rows, x), by_columns)


def _shares(extent: int, count: int) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Return [count, extent]: the share of each cell in each mean of pieces as even as they can be."""
    shares = np.zeros((count, extent))
    for piece in range(count):
        start, end = piece * extent // count, -(-(piece + 1) * extent // count)
        shares[piece, start:end] = 1 / (end - start)
    return shares


@lowers("MaxPoolWithArgmax")
def _argmax_pool(site: Site) -> Lowered:
    pooling = _pooling(site)
    height, width, channels = (extent(site, site.inputs[0], axis) for axis in (1, 2, 3))
    x = site.channels_first(site.inputs[0], 3)
    window = pooling.window((height, width))
    y, found = site.many("MaxPool", 2, x, pads=begin_and_end(window), **_attributes(pooling))
    # ONNX counts through batch, channels and space; the op through space and channels of one image.
    place = site.onnx("Mod", found, site.constant(height * width))
    of_channel = site.constant(np.arange(channels).reshape(-1, 1, 1), part="channels")
    where = site.onnx("Add", site.onnx("Mul", place, site.constant(channels)), of_channel)
    return [site.as_laid_out(y, 3), site.as_laid_out(where, 3)]
