"""Lowering of the dilation of images: the greatest sum of a window of them and a filter."""

from __future__ import annotations

from functools import reduce

from modelc.dialects.ge.arrays import lowest
from modelc.dialects.ge.helpers import channel_axis, data_format, spatial_axes
from modelc.dialects.ge.nn import PLANE, dilation_window
from modelc.ir.constants import numpy_dtype
from modelc.ir.op import Value
from modelc.ir.types import I64
from modelc_backends.onnx.lower.padding import padded
from modelc_backends.onnx.lower.shape import extent
from modelc_backends.onnx.lower.site import Site
from modelc_backends.onnx.lower.slicing import cut
from modelc_backends.onnx.lower.table import Lowered, lowers

LEAST = -(1 << 62)  # of integers; a filter does not make the least one wrap


@lowers("Dilation2D")
def _dilation(site: Site) -> Lowered:
    layout = data_format(site.op, *PLANE)
    axes = spatial_axes(layout)
    is_float = site.element(site.inputs[0]).family == "float"
    x, weights = site.inputs if is_float else (site.cast(value, I64) for value in site.inputs)
    space, kernel = tuple(extent(site, x, axis) for axis in axes), site.dims(weights)[:2]
    window = dilation_window(site.op, space, kernel)
    added = [(0, 0)] * len(layout)
    for axis, pair in zip(axes, window.pads, strict=True):
        added[axis] = pair
    least = lowest(numpy_dtype(site.element(x))) if is_float else LEAST
    x, counts = padded(site, x, added, site.scalar(least, x)), window.count(space)
    cells = _cells(site, weights, (-1, *(1,) * (len(layout) - 1 - channel_axis(layout))))
    sums = []
    for tap, cell in zip(window.taps, cells, strict=True):
        places = zip(axes, window.at(tap, counts), strict=True)
        seen = cut(site, x, [(axis, place.start, place.stop, place.step) for axis, place in places])
        sums.append(site.onnx("Add", seen, cell))
    return reduce(lambda a, b: site.onnx("Max", a, b), sums)


def _cells(site: Site, weights: Value, dims: tuple[int, ...]) -> list[Value]:
    """Return the weights of each cell of the window, in a shape that broadcasts with images."""
    height, width, channels = site.dims(weights)
    count = height * width
    flat = site.reshape(weights, (count, channels))
    rows = site.many("Split", count, flat, axis=0, num_outputs=count) if count > 1 else (flat,)
    return [site.reshape(row, dims) for row in rows]
