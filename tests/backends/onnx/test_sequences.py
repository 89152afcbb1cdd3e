"""Lowering of the decoder of sequences."""

from __future__ import annotations

import numpy as np
import pytest
from tests.backends.onnx.arrays import floats
from tests.backends.onnx.lowering_case import Case, check_case

LENGTHS = np.array([7, 3, 0], np.int32)


@pytest.mark.parametrize("merge", [False, True])
@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_decodes_the_same(merge: bool, classes: int, dtype: str) -> None:
    check_case(Case("CTCGreedyDecoder", (floats(7, 3, classes, dtype=dtype), LENGTHS), {"merge_repeated": merge}))


def test_decodes_nothing_but_blanks() -> None:
    logits = np.zeros((4, 2, 3), np.float32)
    logits[:, :, -1] = 1
    check_case(Case("CTCGreedyDecoder", (logits, np.array([4, 4], np.int32))))
