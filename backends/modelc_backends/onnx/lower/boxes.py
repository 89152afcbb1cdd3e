"""Lowering of ops that select boxes by score and overlap."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from modelc.dialects.ge.helpers import flag, integer, number
from modelc.ir.op import Op, Value
from modelc.ir.types import BOOL, F32, I64, TensorType, tensor
from modelc_backends.onnx.lower.control import begin_graph
from modelc_backends.onnx.lower.site import NoFormError, Site
from modelc_backends.onnx.lower.table import Lowered, lowers


def _count(site: Site, index: int) -> Value:
    """Return operand `index`, how many boxes are wanted, as [1]."""
    return site.reshape(site.cast(site.inputs[index], I64), (1,))


def _threshold(site: Site, index: int) -> Value:
    return site.reshape(site.cast(site.inputs[index], F32), (1,))


# -- one set of boxes


def _selected(site: Site, overlap: Value, score: Value | None = None) -> Value:
    """Return the indices of the selected boxes, best first."""
    boxes, scores = (site.cast(value, F32) for value in site.inputs[:2])
    found = site.onnx(
        "NonMaxSuppression",
        site.unsqueeze(boxes, (0,)),
        site.unsqueeze(scores, (0, 1)),
        _count(site, 2),
        overlap,
        score,
    )
    return site.onnx("Gather", found, site.constant(2), axis=1)


@lowers("NonMaxSuppression")
def _suppression(site: Site) -> Lowered:
    return _selected(site, site.constant((number(site.op, "iou_threshold", 0.5),), F32))


@lowers("NonMaxSuppressionV2")
def _suppression_v2(site: Site) -> Lowered:
    return _selected(site, _threshold(site, 3))


@lowers("NonMaxSuppressionV3")
def _suppression_v3(site: Site) -> Lowered:
    if integer(site.op, "offset", 0):
        raise NoFormError("adds an offset to the extents of boxes, which ONNX does not")
    return _selected(site, _threshold(site, 3), _threshold(site, 4))


def _fitted(site: Site, items: Value) -> Value:
    """Return `items`, behind them zeros up to the number wanted where the op pads."""
    if not flag(site.op, "pad_to_max_output_size", False):
        return items
    missing = site.onnx("Sub", _count(site, 2), site.onnx("Shape", items))
    return site.onnx("Pad", items, site.onnx("Concat", site.constant((0,)), missing, axis=0))


@lowers("NonMaxSuppressionV4")
def _suppression_v4(site: Site) -> Lowered:
    indices = _selected(site, _threshold(site, 3), _threshold(site, 4))
    return _fitted(site, indices), site.onnx("Size", indices)


@lowers("NonMaxSuppressionV5")
def _suppression_v5(site: Site) -> Lowered:
    sigma = site.needed(5, "how softly scores decay").item()
    if sigma > 0:
        indices, scores = _softly_selected(site, -0.5 / sigma)
    else:
        indices = _selected(site, _threshold(site, 3), _threshold(site, 4))
        scores = site.onnx("Gather", site.inputs[1], indices, axis=0)
    return _fitted(site, indices), _fitted(site, scores), site.onnx("Size", indices)


# -- one box after the other

Lessen: TypeAlias = Callable[[Site, Value, Value, Sequence[Value]], Value]


def _one_by_one(site: Site, least: Value, fixed: Sequence[Value], lessen: Lessen) -> tuple[Value, Value]:
    """Return indices and scores of boxes, the best of what is left in each step of a loop.

    Args:
        site: The op: its operands 1 and 2 are the scores and how many boxes are wanted.
        least: What a score must exceed, without dimensions.
        fixed: What every step reads.
        lessen: Builds, from the box of a step, all scores, and what is fixed, the scores of the others that are left.
    """
    scores, least = (site.cast(value, F32) for value in (site.inputs[1], site.reshape(least, ())))
    types = [value.type for value in (scores, least, *fixed)]
    loop, inner = begin_graph(site, f"{site.op_type}_loop", [tensor(I64), tensor(BOOL), *types])
    _, _, left, bound, *given = loop.inputs
    best = inner.onnx("ArgMax", left, axis=0, keepdims=0)
    lowest = inner.constant((float("-inf"),), F32)
    rest = inner.onnx("ScatterElements", lessen(inner, best, left, given), inner.reshape(best, (1,)), lowest, axis=0)
    score = inner.onnx("Gather", left, best, axis=0)
    loop.append(Op("return", (_any_above(inner, rest, bound), rest, bound, *given, best, score)))
    operands = (site.reshape(_count(site, 2), ()), _any_above(site, scores, least), scores, least, *fixed)
    types += [TensorType(I64, (None,)), TensorType(F32, (None,))]
    results = site.rw.build("onnx.Loop", operands, types=types, graphs=(loop,), name=site.op.name).results
    return results[-2], results[-1]


def _any_above(site: Site, scores: Value, least: Value) -> Value:
    return site.onnx("Greater", site.onnx("ReduceMax", scores, keepdims=0), least)


def _softly_selected(site: Site, scale: float) -> tuple[Value, Value]:
    """Let scores decay by `scale` times the square of the share that boxes have in common with the selected ones."""
    boxes = site.cast(site.inputs[0], F32)
    first, second = site.many("Split", 2, boxes, axis=1, num_outputs=2)
    low, high = site.onnx("Min", first, second), site.onnx("Max", first, second)
    area = _area(site, site.onnx("Sub", high, low))

    def lessen(inner: Site, best: Value, scores: Value, given: Sequence[Value]) -> Value:
        share = _share(inner, best, *given)
        power = inner.onnx("Mul", inner.onnx("Mul", share, share), inner.constant(scale, F32))
        return inner.onnx("Mul", scores, inner.onnx("Exp", power))

    return _one_by_one(site, site.inputs[4], (low, high, area), lessen)


def _area(site: Site, extents: Value) -> Value:
    return site.onnx("ReduceProd", extents, site.constant((1,)), keepdims=0)


def _share(site: Site, best: Value, low: Value, high: Value, area: Value) -> Value:
    """Return the share of the union that box `best` has in common with each box; none with an empty one."""
    zero = site.constant(0, F32)
    own_low, own_high, own_area = (site.onnx("Gather", each, best, axis=0) for each in (low, high, area))
    extents = site.onnx("Sub", site.onnx("Min", high, own_high), site.onnx("Max", low, own_low))
    common = _area(site, site.onnx("Max", extents, zero))
    union = site.onnx("Sub", site.onnx("Add", area, own_area), common)
    smallest = site.onnx("Min", union, site.onnx("Min", area, own_area))
    return site.onnx("Where", site.onnx("Greater", smallest, zero), site.onnx("Div", common, union), zero)


@lowers("NonMaxSuppressionWithOverlaps")
def _suppression_with_overlaps(site: Site) -> Lowered:
    overlaps, most = (site.cast(value, F32) for value in (site.inputs[0], site.reshape(site.inputs[3], ())))

    def lessen(inner: Site, best: Value, scores: Value, given: Sequence[Value]) -> Value:
        shares, bound = given
        closed = inner.onnx("Greater", inner.onnx("Gather", shares, best, axis=1), bound)
        return inner.onnx("Where", closed, inner.constant(float("-inf"), F32), scores)

    return _one_by_one(site, site.inputs[4], (overlaps, most), lessen)[0]


# -- several images and classes


@lowers("CombinedNonMaxSuppression")
def _combined(site: Site) -> Lowered:
    """Select in each class, then take the best of all: those left out score less than any other."""
    (count, groups, _), (classes,) = site.dims(site.inputs[0], 1), site.dims(site.inputs[1], 2)
    scores = site.reshape(site.transpose(site.inputs[1], (0, 2, 1)), (-1, classes * count))
    is_kept = site.reshape(_kept(site, count, groups, classes), (-1, classes * count))
    lowest = site.constant(float("-inf"), site.element(scores))
    total, best = _total(site, classes), site.onnx("Where", is_kept, scores, lowest)
    length = min(total, classes * count)
    found, places = site.many("TopK", 2, best, site.constant((length,)), axis=-1, largest=1, sorted=1)
    number_kept = site.onnx("ReduceSum", site.cast(is_kept, I64), site.constant((1,)), keepdims=1)
    valid = site.onnx("Min", number_kept, site.constant((total,)))
    is_valid = site.onnx("Less", site.constant(range(length)), valid)
    classes_found = site.cast(site.onnx("Div", places, site.constant(count)), site.element(scores))
    results = [
        site.onnx("Where", site.unsqueeze(is_valid, (2,)), _boxes_at(site, places, count), _zero(site)),
        *(site.onnx("Where", is_valid, each, _zero(site)) for each in (found, classes_found)),
    ]
    if flag(site.op, "clip_boxes", True):
        results[0] = site.onnx("Clip", results[0], site.scalar(0, results[0]), site.scalar(1, results[0]))
    padded = [_padded(site, each, total - length) for each in results]
    return [*padded, site.squeeze(valid, (1,))]


def _zero(site: Site) -> Value:
    return site.scalar(0, site.inputs[0])


def _total(site: Site, classes: int) -> int:
    """Return how many boxes are given per image."""
    (per_class,) = site.needed_ints(2, "the number of boxes per class")
    (total,) = site.needed_ints(3, "the number of boxes")
    return min(total, per_class * classes) if flag(site.op, "pad_per_class", False) else total


def _kept(site: Site, count: int, groups: int, classes: int) -> Value:
    """Return which boxes are selected, [batch, classes, boxes] or with the first two as one."""
    boxes, scores = (site.cast(value, F32) for value in site.inputs[:2])
    scores = site.transpose(scores, (0, 2, 1))
    if groups > 1:  # each class has boxes of its own, as if it were an image
        boxes = site.reshape(site.transpose(boxes, (0, 2, 1, 3)), (-1, count, 4))
        scores = site.reshape(scores, (-1, 1, count))
    else:
        boxes = site.reshape(boxes, (-1, count, 4))
    limits = _count(site, 2), _threshold(site, 4), _threshold(site, 5)
    found = site.onnx("NonMaxSuppression", boxes, scores, *limits)
    ones = site.onnx("Expand", site.constant(1), site.extents(found, 0))
    none = site.onnx("Expand", site.constant(0), site.extents(scores, 0, 3))
    marked = site.onnx("ScatterND", none, found, ones)
    return site.onnx("Equal", marked, site.constant(1))


def _boxes_at(site: Site, places: Value, count: int) -> Value:
    """Return the boxes [batch, found, 4] at places that count the boxes of one class after the other."""
    boxes = site.inputs[0]
    column = [site.unsqueeze(site.onnx("Mod", places, site.constant(count)), (2,))]
    if site.dims(boxes, 2)[0] > 1:
        column.append(site.unsqueeze(site.onnx("Div", places, site.constant(count)), (2,)))
    else:
        boxes = site.squeeze(boxes, (2,))
    index = column[0] if len(column) == 1 else site.onnx("Concat", *column, axis=2)
    return site.onnx("GatherND", boxes, index, batch_dims=1)


def _padded(site: Site, value: Value, missing: int) -> Value:
    """Return `value` with as many zeros more along the second dimension."""
    if not missing:
        return value
    rest = (0,) * (site.rank(value) - 2)
    return site.onnx("Pad", value, site.constant((0, 0, *rest, 0, missing, *rest)))
