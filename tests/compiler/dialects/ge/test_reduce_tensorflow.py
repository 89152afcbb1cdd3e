"""Reducing, ranking, accumulating and selecting boxes: what TensorFlow computes."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import pytest
from numpy.typing import NDArray

from modelc.ir.types import F32, I32, I64

Array = NDArray[Any]

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(4, 3, 5)).astype(np.float32)
INTEGERS = RANDOM.integers(-50, 50, (4, 3, 5)).astype(np.int32)
EMPTY = np.zeros((2, 0, 3), np.float32)
AXES: tuple[list[int], ...] = ([], [0], [-1], [0, 2], [1, 0, -1])

REDUCTIONS = {
    "ReduceSum": "Sum",
    "ReduceMean": "Mean",
    "ReduceMax": "Max",
    "ReduceMin": "Min",
    "ReduceProd": "Prod",
    "EuclideanNorm": "EuclideanNorm",
}


def i32(*numbers: Any) -> Array:
    return np.array(numbers[0] if len(numbers) == 1 else numbers, np.int32)


def close(ours: Array, theirs: Any) -> None:
    theirs = np.asarray(theirs)
    assert ours.dtype == theirs.dtype
    assert ours.shape == theirs.shape
    exact = ours.dtype.kind in "iub"
    coarse = ours.dtype.itemsize == 2
    if exact:
        np.testing.assert_array_equal(ours, theirs)
    else:
        np.testing.assert_allclose(ours.astype(np.float64), theirs.astype(np.float64), 2e-2 if coarse else 1e-6, 1e-6)


@pytest.mark.parametrize("kind", REDUCTIONS)
@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize("axes", AXES)
def test_reduces(tf: Any, apply: Any, kind: str, keep: bool, axes: list[int]) -> None:
    places = np.array(axes, np.int32)
    for x in (X, INTEGERS, INTEGERS.astype(np.uint8), X.astype(np.float64), EMPTY):
        theirs = getattr(tf.raw_ops, REDUCTIONS[kind])(input=tf.constant(x), axis=places, keep_dims=keep)
        close(apply(kind, x, places, keep_dims=keep)[0], theirs)


@pytest.mark.parametrize("kind", REDUCTIONS)
def test_reduces_numbers_of_16_bits(tf: Any, apply: Any, kind: str) -> None:
    for dtype in (np.float16, ml_dtypes.bfloat16):
        x = X.astype(dtype)
        theirs = getattr(tf.raw_ops, REDUCTIONS[kind])(input=tf.constant(x), axis=[1, 2])
        close(apply(kind, x, i32([1, 2]))[0], theirs)


def test_reduces_truth(tf: Any, apply: Any) -> None:
    x = X > -1
    for axes in AXES:
        places = np.array(axes, np.int64)
        close(apply("ReduceAll", x, places)[0], tf.raw_ops.All(input=x, axis=places))
        close(apply("ReduceAny", ~x, places)[0], tf.raw_ops.Any(input=~x, axis=places))
    close(apply("ReduceAny", EMPTY > 0, i32(1))[0], tf.raw_ops.Any(input=EMPTY > 0, axis=1))


def test_reduces_exponentials(tf: Any, apply: Any) -> None:
    x = np.concatenate([X * 100, np.full((1, 3, 5), -np.inf, np.float32)])
    for axes in AXES[1:]:
        close(apply("ReduceLogSumExp", x, i32(axes))[0], tf.reduce_logsumexp(x, axes))


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_finds_the_greatest(tf: Any, apply: Any, axis: int) -> None:
    ties = INTEGERS // 20
    for x in (X, ties, ties.astype(np.uint8), X.astype(ml_dtypes.bfloat16)):
        place = i32(axis)
        close(apply("ArgMaxV2", x, place)[0], tf.raw_ops.ArgMax(input=x, dimension=axis))
        close(
            apply("ArgMaxV2", x, place, dtype=I32)[0], tf.raw_ops.ArgMax(input=x, dimension=axis, output_type="int32")
        )
        close(apply("ArgMin", x, place, dtype=I64)[0], tf.raw_ops.ArgMin(input=x, dimension=axis))


@pytest.mark.parametrize("k", [0, 1, 3, 5])
def test_ranks(tf: Any, apply: Any, k: int) -> None:
    for x in (X, INTEGERS // 20, X.astype(np.float16), (INTEGERS // 20).astype(np.uint8)):
        theirs = tf.raw_ops.TopKV2(input=x, k=k)
        values, indices = apply("TopK", x, i32(k))
        close(values, theirs.values)
        close(indices, theirs.indices)


@pytest.mark.parametrize("exclusive", [False, True])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("axis", [0, -1])
def test_accumulates(tf: Any, apply: Any, exclusive: bool, reverse: bool, axis: int) -> None:
    options = {"exclusive": exclusive, "reverse": reverse}
    for x in (X, INTEGERS, EMPTY, X.astype(np.float64)):
        for kind in ("Cumsum", "Cumprod"):
            theirs = getattr(tf.raw_ops, kind)(x=x, axis=axis, **options)
            close(apply(kind, x, i32(axis), **options)[0], theirs)
    theirs = tf.raw_ops.CumulativeLogsumexp(x=X, axis=axis, **options)
    close(apply("CumulativeLogsumexp", X, i32(axis), **options)[0], theirs)


BOXES = np.concatenate([RANDOM.uniform(0, 0.6, (40, 2)), RANDOM.uniform(0.3, 1.2, (40, 2))], 1).astype(np.float32)
SCORES = (RANDOM.integers(0, 30, 40) / 30).astype(np.float32)
SELECTION = (i32(12), np.float32(0.4), np.float32(0.2))


def test_selects_boxes(tf: Any, apply: Any) -> None:
    size, overlap, score = SELECTION
    for boxes in (BOXES, BOXES[:, [2, 3, 0, 1]], BOXES[:0]):
        scores = SCORES[: len(boxes)]
        common = {"boxes": boxes, "scores": scores, "max_output_size": size, "iou_threshold": overlap}
        (ours,) = apply("NonMaxSuppressionV2", boxes, scores, size, overlap)
        close(ours, tf.raw_ops.NonMaxSuppressionV2(**common))
        (ours,) = apply("NonMaxSuppressionV3", boxes, scores, size, overlap, score)
        close(ours, tf.raw_ops.NonMaxSuppressionV3(**common, score_threshold=score))
        for pad in (False, True):
            theirs = tf.raw_ops.NonMaxSuppressionV4(**common, score_threshold=score, pad_to_max_output_size=pad)
            results = apply("NonMaxSuppressionV4", boxes, scores, *SELECTION, pad_to_max_output_size=pad)
            for mine, other in zip(results, theirs, strict=True):
                close(mine, other)


@pytest.mark.parametrize("sigma", [0.0, 0.2, 1.0])
@pytest.mark.parametrize("pad", [False, True])
def test_selects_boxes_softly(tf: Any, apply: Any, sigma: float, pad: bool) -> None:
    size, overlap, score = SELECTION
    scores = np.unique(SCORES + np.arange(40, dtype=np.float32) / 1000)
    theirs = tf.raw_ops.NonMaxSuppressionV5(
        boxes=BOXES,
        scores=scores,
        max_output_size=size,
        iou_threshold=overlap,
        score_threshold=score,
        soft_nms_sigma=sigma,
        pad_to_max_output_size=pad,
    )
    softness = np.float32(sigma)
    results = apply("NonMaxSuppressionV5", BOXES, scores, *SELECTION, softness, pad_to_max_output_size=pad, T=F32)
    for ours, other in zip(results, theirs, strict=True):
        close(ours, other)


def test_selects_by_given_overlaps(tf: Any, apply: Any) -> None:
    half: Array = RANDOM.uniform(0, 0.5, (9, 9)).astype(np.float32)
    overlaps = half + half.T
    (ours,) = apply("NonMaxSuppressionWithOverlaps", overlaps, SCORES[:9], *SELECTION)
    theirs = tf.raw_ops.NonMaxSuppressionWithOverlaps(
        overlaps=overlaps, scores=SCORES[:9], max_output_size=12, overlap_threshold=0.4, score_threshold=0.2
    )
    close(ours, theirs)


@pytest.mark.parametrize("groups", [1, 3])
@pytest.mark.parametrize("clip", [False, True])
@pytest.mark.parametrize("pad", [False, True])
def test_selects_boxes_of_classes(tf: Any, apply: Any, groups: int, clip: bool, pad: bool) -> None:
    boxes = np.stack([BOXES, np.flip(BOXES, 0)])[:, :, None].repeat(groups, 2) + RANDOM.normal(
        size=(2, 40, groups, 1), scale=0.1
    ).astype(np.float32)
    scores = RANDOM.uniform(0, 1, (2, 40, 3)).astype(np.float32)
    for total in (4, 20):
        theirs = tf.raw_ops.CombinedNonMaxSuppression(
            boxes=boxes,
            scores=scores,
            max_output_size_per_class=5,
            max_total_size=total,
            iou_threshold=0.4,
            score_threshold=0.3,
            pad_per_class=pad,
            clip_boxes=clip,
        )
        limits = (i32(5), i32(total), np.float32(0.4), np.float32(0.3))
        results = apply("CombinedNonMaxSuppression", boxes, scores, *limits, pad_per_class=pad, clip_boxes=clip)
        for ours, other in zip(results, theirs, strict=True):
            close(ours, other)
