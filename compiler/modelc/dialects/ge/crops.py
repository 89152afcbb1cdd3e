"""Random parts of images, and pooling over windows of random extents."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from modelc.dialects.ge.helpers import flag, integer, mismatch, need_rank, number, operand
from modelc.dialects.ge.philox import Philox
from modelc.dialects.ge.random import generator_of, stream_of
from modelc.dialects.ge.semantics import TRAITS, Array, Arrays, evaluates, infers
from modelc.ir.op import Op
from modelc.ir.opdef import PURE, RANDOM, STATEFUL
from modelc.ir.types import F32, I64, Dim, TensorType, Type

DISTORTED = {
    "SampleDistortedBoundingBox": (RANDOM, STATEFUL),
    "SampleDistortedBoundingBoxExt2": (RANDOM, STATEFUL),
    "StatelessSampleDistortedBoundingBox": (PURE, RANDOM),
}
POOLINGS: dict[str, Callable[..., Array]] = {"FractionalAvgPool": np.mean, "FractionalMaxPool": np.max}
TRAITS.update({kind: frozenset(traits) for kind, traits in DISTORTED.items()})
TRAITS.update(dict.fromkeys(POOLINGS, frozenset({RANDOM, STATEFUL})))


def _numbers(op: Op, name: str, default: tuple[float, ...] | None) -> tuple[float, ...]:
    """Return an attribute that is a list of numbers."""
    value = op.attributes.get(name, default)
    found = tuple(float(item) for item in value if isinstance(item, int | float)) if isinstance(value, tuple) else ()
    if not isinstance(value, tuple) or len(found) != len(value):
        raise mismatch(op, f"needs numbers as its attribute `{name}`, not {value!r}")
    return found


# -- a random part of an image


@infers(*DISTORTED)
def _infer_distorted(op: Op) -> list[Type]:
    size = operand(op, 0)
    need_rank(op, size, 1, "the size of an image")
    need_rank(op, operand(op, 1), 3, "boxes")
    part = TensorType(size.element, (3,))
    return [part, part, TensorType(F32, (1, 1, 4))]


def _ranges(op: Op) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return the ranges of width over height, and of the share of the image."""
    shapes, areas = _numbers(op, "aspect_ratio_range", (0.75, 1.33)), _numbers(op, "area_range", (0.05, 1.0))
    if len(shapes) != 2 or not 0 < shapes[0] <= shapes[1]:
        raise mismatch(op, f"cannot choose among the aspect ratios {list(shapes)}")
    if len(areas) != 2 or not 0 < areas[0] <= areas[1] <= 1:
        raise mismatch(op, f"cannot choose among the areas {list(areas)}")
    return (shapes[0], shapes[1]), (areas[0], areas[1])


def _candidate(rng: np.random.Generator, height: int, width: int, op: Op) -> tuple[int, int, int, int] | None:
    """Return the corners of a part that has one of the areas and ratios asked for, None where it does not fit."""
    (low, high), areas = _ranges(op)
    ratio = rng.uniform(low, high)
    wanted = rng.uniform(*areas) * height * width
    rows = round(math.sqrt(wanted / ratio))
    columns = round(rows * ratio)
    if not 0 < rows <= height or not 0 < columns <= width:
        return None
    top, left = int(rng.integers(0, height - rows + 1)), int(rng.integers(0, width - columns + 1))
    return top, left, top + rows, left + columns


def _covers(part: tuple[int, int, int, int], box: Array, least: float) -> bool:
    """Whether a part of an image holds at least this share of a box in pixels."""
    top, left, bottom, right = (float(side) for side in box)
    area = (bottom - top) * (right - left)
    rows = max(0.0, min(part[2], bottom) - max(part[0], top))
    columns = max(0.0, min(part[3], right) - max(part[1], left))
    return area > 0 and rows * columns / area >= least


def _chosen(op: Op, rng: np.random.Generator, size: Sequence[int], boxes: Array, least: float) -> tuple[int, ...]:
    height, width = size[:2]
    pixels = boxes.reshape(-1, 4) * np.array((height, width) * 2, np.float64)
    for _ in range(integer(op, "max_attempts", 100)):
        part = _candidate(rng, height, width, op)
        if part is not None and any(_covers(part, box, least) for box in pixels):
            return part
    return 0, 0, height, width


@evaluates(*DISTORTED)
def _distorted(op: Op, arrays: Arrays) -> list[Array]:
    size, boxes = arrays[0].tolist(), arrays[1].astype(np.float64)
    if len(size) != 3 or min(size) < 1:
        raise mismatch(op, f"takes parts of an image of the size {size}")
    if not boxes.size:
        if not flag(op, "use_image_if_no_bounding_boxes", False):
            raise mismatch(op, "has no boxes to cover")
        boxes = np.array([[[0.0, 0.0, 1.0, 1.0]]])
    stated = op.kind == "ge.SampleDistortedBoundingBox"
    least = number(op, "min_object_covered", 0.1) if stated else float(arrays[2].reshape(()))
    top, left, bottom, right = _chosen(op, generator_of(stream_of(op, arrays)), size, boxes, least)
    corners = np.array([[[top, left, bottom, right]]], np.float64) / np.array((size[0], size[1]) * 2)
    dtype = arrays[0].dtype
    begin, extents = np.array((top, left, 0), dtype), np.array((bottom - top, right - left, -1), dtype)
    return [begin, extents, corners.astype(np.float32)]


# -- pooling over windows of random extents


def _pooled(op: Op, dims: tuple[Dim, ...]) -> tuple[Dim, ...]:
    ratios = _numbers(op, "pooling_ratio", ())
    if len(ratios) != 4 or min(ratios) < 1 or ratios[0] != 1 or ratios[3] != 1:
        raise mismatch(op, f"cannot pool by the ratios {list(ratios)}")
    return tuple(int(dim / ratio) if isinstance(dim, int) else None for dim, ratio in zip(dims, ratios, strict=True))


@infers(*POOLINGS)
def _infer_fractional(op: Op) -> list[Type]:
    x = operand(op, 0)
    dims = need_rank(op, x, 4, "images")
    batch, height, width, _ = pooled = _pooled(op, dims)
    if 0 in (batch, height, width):
        raise mismatch(op, f"leaves nothing of {x}")
    edges = [TensorType(I64, (dim + 1 if isinstance(dim, int) else None,)) for dim in (height, width)]
    return [x.with_shape((dims[0], height, width, pooled[3] if isinstance(dims[3], int) else dims[3])), *edges]


def _edges(op: Op, stream: Philox, extent: int, count: int) -> Array:
    """Return where each of `count` windows along an axis begins, and where the last one ends."""
    least, wider = divmod(extent, count)
    if wider == 0:
        return np.arange(0, extent + 1, least)
    rng = generator_of(stream)
    if flag(op, "pseudo_random", False):
        alpha = extent / count
        most = min((least + 2) / alpha - 1, (extent + 1 - least) / alpha - (count - 1))
        inner = np.ceil(alpha * (np.arange(1, count) + rng.random() * most)).astype(np.int64) - 1
        return np.concatenate([[0], inner, [extent]])
    widths = np.full(count, least)
    widths[:wider] += 1
    return np.concatenate([[0], np.cumsum(rng.permutation(widths))])


@evaluates(*POOLINGS)
def _fractional(op: Op, arrays: Arrays) -> list[Array]:
    x = arrays[0]
    pooled = [dim for dim in _pooled(op, x.shape) if isinstance(dim, int)]
    stream = stream_of(op, arrays)
    rows, columns = (_edges(op, stream, x.shape[axis], pooled[axis]) for axis in (1, 2))
    over = int(flag(op, "overlapping", False))
    function = POOLINGS[op.kind.removeprefix("ge.")]
    result = np.empty((x.shape[0], len(rows) - 1, len(columns) - 1, x.shape[3]), x.dtype)
    for row in range(len(rows) - 1):
        for column in range(len(columns) - 1):
            window = x[:, rows[row] : rows[row + 1] + over, columns[column] : columns[column + 1] + over]
            result[:, row, column] = function(window, axis=(1, 2)).astype(x.dtype)
    return [result, rows.astype(np.int64), columns.astype(np.int64)]
