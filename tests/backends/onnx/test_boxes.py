"""Lowering of ops that select boxes by score and overlap."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.backends.onnx.arrays import Array, floats, ints
from tests.backends.onnx.lowering_case import Case, check, check_case, known

OVERLAP, SCORE = known(0.3, np.float32), known(0.4, np.float32)
LIMITS = known(14), OVERLAP, SCORE


def boxes(*shape: int) -> Array:
    """Return boxes with corners in any order, some of them empty."""
    return np.tanh(floats(*shape, 4) / 4) / 2 + 0.5


def scores(*shape: int) -> Array:
    """Return scores, many of them equal."""
    return (ints(10, *shape) / 10).astype(np.float32)


CASES = [
    Case("NonMaxSuppression", (boxes(12), scores(12), known(4)), {"iou_threshold": 0.25}),
    Case("NonMaxSuppressionV2", (boxes(12), scores(12), known(4), OVERLAP)),
    Case("NonMaxSuppressionV3", (boxes(12), scores(12), np.array(4, np.int32), OVERLAP, SCORE)),
    Case("NonMaxSuppressionV3", (boxes(12).astype(np.float16), scores(12).astype(np.float16), *LIMITS)),
    *(
        Case("NonMaxSuppressionV4", (boxes(12), scores(12), *LIMITS), {"pad_to_max_output_size": each})
        for each in (False, True)
    ),
    *(
        Case(
            "NonMaxSuppressionV5",
            (boxes(12), scores(12), *LIMITS, known(0, np.float32)),
            {"pad_to_max_output_size": each},
        )
        for each in (False, True)
    ),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_computes_the_same(case: Case) -> None:
    check_case(case)


@settings(max_examples=15)
@given(st.integers(1, 20), st.integers(0, 20), st.sampled_from([0.0, 0.3, 0.8]), st.booleans())
def test_scores_decay_softly(count: int, wanted: int, least: float, pad: bool) -> None:
    found = np.linspace(0.05, 0.95, count, dtype=np.float32)[::-1].copy()
    limits = known(wanted), OVERLAP, np.array(least, np.float32), known(0.5, np.float32)
    check("NonMaxSuppressionV5", boxes(count), found, *limits, pad_to_max_output_size=pad)


@settings(max_examples=15)
@given(st.integers(1, 20), st.integers(0, 20), st.sampled_from([0.0, 0.3, 0.8]))
def test_overlaps_may_be_given(count: int, wanted: int, least: float) -> None:
    overlaps = np.abs(np.tanh(floats(count, count) / 8))
    limits = known(wanted), OVERLAP, np.array(least, np.float32)
    check("NonMaxSuppressionWithOverlaps", overlaps, scores(count), *limits)


@settings(max_examples=15)
@given(st.sampled_from([1, 3]), st.sampled_from([2, 5, 40]), st.booleans(), st.booleans())
def test_the_best_of_all_classes(groups: int, total: int, per_class: bool, clip: bool) -> None:
    given_boxes = boxes(2, 7, groups) * 1.2 - 0.1
    options = {"pad_per_class": per_class, "clip_boxes": clip}
    check("CombinedNonMaxSuppression", given_boxes, scores(2, 7, 3), known(3), known(total), OVERLAP, SCORE, **options)
