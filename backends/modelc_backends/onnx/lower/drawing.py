"""Lowering of ops that draw on images."""

from __future__ import annotations

import numpy as np

from modelc.dialects.ge.sampling import outline_colors
from modelc.ir.op import Value
from modelc.ir.types import F32, I64
from modelc_backends.onnx.lower.elementwise import truncated
from modelc_backends.onnx.lower.site import Site
from modelc_backends.onnx.lower.table import Lowered, lowers


@lowers("DrawBoundingBoxes", "DrawBoundingBoxesV2")
def _draw(site: Site) -> Lowered:
    """Look up, for each pixel, the colour of the last box whose outline it is part of."""
    images = site.inputs[0]
    height, width, depth = site.dims(images, 1)
    (count,) = site.dims(site.inputs[1], 1, 2)
    if not count:
        return images
    span = site.constant((height - 1, width - 1) * 2, F32)
    corners = site.onnx("Mul", site.cast(site.inputs[1], F32), span)
    outlines = site.onnx("And", _outlines(site, truncated(site, corners), height, width), _is_finite(site, corners))
    numbers = site.constant(np.arange(1, count + 1).reshape(-1, 1, 1))
    drawn = site.onnx("Where", outlines, numbers, site.constant(0))
    last = site.onnx("ReduceMax", drawn, site.constant((1,)), keepdims=0)
    colors = site.cast(_colors(site, count, depth), site.element(images))
    is_drawn = site.unsqueeze(site.onnx("Greater", last, site.constant(0)), (3,))
    return site.onnx("Where", is_drawn, site.onnx("Gather", colors, last, axis=0), images)


def _is_finite(site: Site, corners: Value) -> Value:
    """Return whether all corners of boxes are numbers: [images, boxes, 1, 1]."""
    wrong = site.cast(site.onnx("Or", site.onnx("IsNaN", corners), site.onnx("IsInf", corners)), I64)
    count = site.onnx("ReduceSum", wrong, site.constant((2,)), keepdims=1)
    return site.unsqueeze(site.onnx("Equal", count, site.constant(0)), (3,))


def _outlines(site: Site, corners: Value, height: int, width: int) -> Value:
    """Return which pixels are part of the outlines of boxes: [images, boxes, height, width]."""
    rows = site.constant(np.arange(height).reshape(-1, 1), F32, "rows")
    columns = site.constant(np.arange(width), F32, "columns")
    top, left, bottom, right = (
        site.unsqueeze(site.onnx("Gather", corners, site.constant((place,)), axis=2), (3,)) for place in range(4)
    )
    (in_rows, on_rows), (in_columns, on_columns) = (
        (
            site.onnx("And", site.onnx("GreaterOrEqual", each, low), site.onnx("LessOrEqual", each, high)),
            site.onnx("Or", site.onnx("Equal", each, low), site.onnx("Equal", each, high)),
        )
        for each, low, high in ((rows, top, bottom), (columns, left, right))
    )
    edges = site.onnx("Or", site.onnx("And", on_rows, in_columns), site.onnx("And", on_columns, in_rows))
    is_box = site.onnx("And", site.onnx("LessOrEqual", top, bottom), site.onnx("LessOrEqual", left, right))
    return site.onnx("And", edges, is_box)


def _colors(site: Site, count: int, depth: int) -> Value:
    """Return the colours of boxes by their numbers from 1 on; 0 has none."""
    given = site.given(2)
    known = None if given is None else site.array(given)
    if given is not None and known is None and site.dims(given, 0, 1)[0]:
        table = site.onnx("Slice", given, *(site.constant((each,)) for each in (0, depth, 1)))
    else:
        table = site.constant(outline_colors(site.op, known, depth), F32, "colors")
    order = np.concatenate([[0], np.arange(count) % site.dims(table, 0, 1)[0]])
    return site.onnx("Gather", table, site.constant(order), axis=0)
