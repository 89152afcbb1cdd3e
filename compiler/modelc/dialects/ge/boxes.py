"""Ops that select boxes by score and overlap.

A box is two opposite corners (y, x, y, x), in any order. Of boxes with equal scores the first one counts as better.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from modelc.dialects.ge.helpers import (
    common_element,
    equal_dims,
    flag,
    integer,
    mismatch,
    need_rank,
    number,
    operand,
)
from modelc.dialects.ge.known import known_int
from modelc.dialects.ge.semantics import Array, Arrays, evaluates, infers
from modelc.ir.op import Op
from modelc.ir.types import I32, Dim, TensorType, Type


@dataclass(frozen=True, slots=True)
class Selection:
    """What to select.

    Attributes:
        count: At most so many.
        overlap: Boxes that overlap a better one by more than this share are left out.
        score: Boxes must score more than this.
        sigma: How softly the scores of overlapping boxes decay, instead of being left out; 0 for not at all.
        offset: What is added to the extents of boxes.
    """

    count: int
    overlap: float
    score: float = -np.inf
    sigma: float = 0.0
    offset: float = 0.0


def _overlaps(boxes: Array, areas: Array, index: int, offset: float) -> Array:
    """Return the share of the union that box `index` has in common with each box."""
    low = np.maximum(boxes[:, :2], boxes[index, :2])
    high = np.minimum(boxes[:, 2:], boxes[index, 2:])
    extents = np.maximum(high - low + boxes.dtype.type(offset), 0)
    common = extents[:, 0] * extents[:, 1]
    union = areas + areas[index] - common
    shares: Array = np.divide(common, union, out=np.zeros_like(common), where=union > 0)
    shares[(areas <= 0) | (areas[index] <= 0)] = 0
    return shares


def _ordered(boxes: Array, offset: float) -> tuple[Array, Array]:
    """Return the boxes with their lesser corner first, and their areas."""
    boxes = boxes.astype(np.float32)
    corners = np.concatenate([np.minimum(boxes[:, :2], boxes[:, 2:]), np.maximum(boxes[:, :2], boxes[:, 2:])], 1)
    extents = corners[:, 2:] - corners[:, :2] + np.float32(offset)
    return corners, extents[:, 0] * extents[:, 1]


def _select(boxes: Array, scores: Array, wanted: Selection) -> list[int]:
    """Return the indices of the selected boxes, best first, leaving out what overlaps."""
    corners, areas = _ordered(boxes, wanted.offset)
    order = np.argsort(-scores.astype(np.float64), kind="stable")
    open_ = scores > wanted.score
    selected: list[int] = []
    for index in order.tolist():
        if len(selected) >= wanted.count:
            break
        if open_[index]:
            selected.append(index)
            open_ &= _overlaps(corners, areas, index, wanted.offset) <= wanted.overlap
    return selected


def _select_softly(boxes: Array, scores: Array, wanted: Selection) -> tuple[list[int], list[float]]:
    """Return the indices and decayed scores of the selected boxes, best first."""
    corners, areas = _ordered(boxes, wanted.offset)
    scale = np.float32(-0.5 / wanted.sigma)
    # Candidates as (negative score, index, how many of the selected they were already compared with).
    queue = [(-float(score), index, 0) for index, score in enumerate(scores) if score > wanted.score]
    heapq.heapify(queue)
    selected: list[int] = []
    decayed: list[float] = []
    shares: list[Array] = []
    while queue and len(selected) < wanted.count:
        negative, index, compared = heapq.heappop(queue)
        score = np.float32(-negative)
        for share in reversed(shares[compared:]):
            score = score * np.exp(scale * share[index] * share[index])
            if score <= wanted.score:
                break
        if float(score) == -negative:
            selected.append(index)
            decayed.append(float(score))
            shares.append(_overlaps(corners, areas, index, wanted.offset))
        elif score > wanted.score:
            heapq.heappush(queue, (-float(score), index, len(selected)))
    return selected, decayed


# -- one set of boxes


def _need_boxes(op: Op) -> None:
    boxes, scores = operand(op, 0), operand(op, 1)
    common_element(op, (boxes, scores))
    count, corners = need_rank(op, boxes, 2, "boxes")
    (other,) = need_rank(op, scores, 1, "scores")
    equal_dims(op, count, other, "numbers of boxes and scores")
    equal_dims(op, corners, 4, "numbers of corners")


def _limit(op: Op) -> Dim:
    limit = known_int(op, 2)
    if isinstance(limit, int) and limit < 0:
        raise mismatch(op, f"cannot select {limit} boxes")
    return limit


def _selection(op: Op, arrays: Arrays) -> Selection:
    floats = [float(array.item()) for array in arrays[3:]]
    overlap = number(op, "iou_threshold", 0.5) if op.kind == "ge.NonMaxSuppression" else floats[0]
    count = int(arrays[2].item())
    if count < 0 or not 0 <= overlap <= 1:
        raise mismatch(op, f"cannot select {count} boxes that overlap by less than {overlap}")
    offset = integer(op, "offset", 0) if op.kind == "ge.NonMaxSuppressionV3" else 0
    score = floats[1] if len(floats) > 1 else -np.inf
    sigma = floats[2] if len(floats) > 2 else 0.0
    return Selection(count, overlap, score, sigma, offset)


@infers("NonMaxSuppression", "NonMaxSuppressionV2", "NonMaxSuppressionV3")
def _infer_suppression(op: Op) -> list[Type]:
    _need_boxes(op)
    return [TensorType(I32, (0 if _limit(op) == 0 else None,))]


@evaluates("NonMaxSuppression", "NonMaxSuppressionV2", "NonMaxSuppressionV3")
def _suppression(op: Op, arrays: Arrays) -> list[Array]:
    return [np.array(_select(arrays[0], arrays[1], _selection(op, arrays)), np.int32)]


def _padded_type(op: Op) -> TensorType:
    pad = flag(op, "pad_to_max_output_size", False)
    return TensorType(I32, (_limit(op) if pad or _limit(op) == 0 else None,))


@infers("NonMaxSuppressionV4")
def _infer_suppression_v4(op: Op) -> list[Type]:
    _need_boxes(op)
    return [_padded_type(op), TensorType(I32, ())]


@infers("NonMaxSuppressionV5")
def _infer_suppression_v5(op: Op) -> list[Type]:
    _need_boxes(op)
    indices = _padded_type(op)
    return [indices, indices.with_element(operand(op, 1).element), TensorType(I32, ())]


def _fitted(op: Op, items: Sequence[float], count: int, dtype: np.dtype[np.generic]) -> Array:
    result = np.zeros(count if flag(op, "pad_to_max_output_size", False) else len(items), dtype)
    result[: len(items)] = items
    return result


@evaluates("NonMaxSuppressionV4", "NonMaxSuppressionV5")
def _suppression_v4(op: Op, arrays: Arrays) -> list[Array]:
    boxes, scores = arrays[:2]
    wanted = _selection(op, arrays)
    if wanted.sigma > 0:
        selected, decayed = _select_softly(boxes, scores, wanted)
    else:
        selected = _select(boxes, scores, wanted)
        decayed = scores[selected].tolist()
    indices = _fitted(op, selected, wanted.count, np.dtype(np.int32))
    valid = np.array(len(selected), np.int32)
    if op.kind == "ge.NonMaxSuppressionV4":
        return [indices, valid]
    return [indices, _fitted(op, decayed, wanted.count, scores.dtype), valid]


@infers("NonMaxSuppressionWithOverlaps")
def _infer_suppression_with_overlaps(op: Op) -> list[Type]:
    rows, columns = need_rank(op, operand(op, 0), 2, "overlaps")
    (count,) = need_rank(op, operand(op, 1), 1, "scores")
    equal_dims(op, equal_dims(op, rows, columns, "sides"), count, "numbers of overlaps and scores")
    return [TensorType(I32, (0 if _limit(op) == 0 else None,))]


@evaluates("NonMaxSuppressionWithOverlaps")
def _suppression_with_overlaps(op: Op, arrays: Arrays) -> list[Array]:
    overlaps, scores = arrays[:2]
    count, most, least = int(arrays[2].item()), float(arrays[3].item()), float(arrays[4].item())
    open_ = scores > least
    selected: list[int] = []
    for index in np.argsort(-scores.astype(np.float64), kind="stable").tolist():
        if len(selected) < count and open_[index]:
            selected.append(index)
            open_ &= overlaps[:, index] <= most
    return [np.array(selected, np.int32)]


# -- several images and classes


def _total(op: Op, per_class: Dim, total: Dim, classes: Dim) -> Dim:
    """Return how many boxes are given per image."""
    if not flag(op, "pad_per_class", False):
        return total
    if not isinstance(per_class, int) or not isinstance(total, int) or not isinstance(classes, int):
        return None
    return min(total, per_class * classes)


@infers("CombinedNonMaxSuppression")
def _infer_combined(op: Op) -> list[Type]:
    boxes, scores = operand(op, 0), operand(op, 1)
    found = common_element(op, (boxes, scores))
    batch, count, groups, corners = need_rank(op, boxes, 4, "boxes")
    other_batch, other_count, classes = need_rank(op, scores, 3, "scores")
    batch = equal_dims(op, batch, other_batch, "batches")
    equal_dims(op, count, other_count, "numbers of boxes and scores")
    equal_dims(op, corners, 4, "numbers of corners")
    if groups != 1:
        equal_dims(op, groups, classes, "numbers of classes")
    total = _total(op, known_int(op, 2), known_int(op, 3), classes)
    given = TensorType(found, (batch, total))
    return [given.with_shape((batch, total, 4)), given, given, TensorType(I32, (batch,))]


@evaluates("CombinedNonMaxSuppression")
def _combined(op: Op, arrays: Arrays) -> list[Array]:
    boxes, scores = arrays[:2]
    per_class, most = int(arrays[2].item()), int(arrays[3].item())
    wanted = Selection(per_class, float(arrays[4].item()), float(arrays[5].item()))
    total = int(_total(op, per_class, most, scores.shape[2]) or 0)
    if per_class < 1 or most < 1 or not 0 <= wanted.overlap <= 1:
        raise mismatch(op, f"cannot select {per_class} boxes per class and {most} in all")
    batch = len(boxes)
    results: list[Array] = [
        np.zeros((batch, total, 4), boxes.dtype),
        np.zeros((batch, total), boxes.dtype),
        np.zeros((batch, total), boxes.dtype),
        np.zeros(batch, np.int32),
    ]
    for image in range(batch):
        found = _best_of_classes(boxes[image], scores[image], wanted)[:total]
        results[3][image] = len(found)
        for place, (score, class_, index) in enumerate(found):
            results[0][image, place] = boxes[image, index, class_ if boxes.shape[2] > 1 else 0]
            results[1][image, place], results[2][image, place] = score, class_
    if flag(op, "clip_boxes", True):
        results[0] = np.clip(results[0], 0, 1)
    return results


def _best_of_classes(boxes: Array, scores: Array, wanted: Selection) -> list[tuple[float, int, int]]:
    """Return (score, class, box) of what is selected in any class, best first."""
    found: list[tuple[float, int, int]] = []
    for class_ in range(scores.shape[1]):
        own = boxes[:, class_ if boxes.shape[1] > 1 else 0]
        selected = _select(own, scores[:, class_], wanted)
        found.extend((float(scores[index, class_]), class_, index) for index in selected)
    return sorted(found, key=lambda item: -item[0])
