"""Ops that TensorFlow has no kernel for: of Ascend's own tools, and of learning."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from modelc.ir.types import F32, I32, tensor

Array = NDArray[Any]
Apply = Callable[..., list[Array]]
X = np.array([[-1.6, 0.5, 2.5], [0.0, 99.0, -99.0]], np.float32)


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("Round", [[-2, 2, 6], [1, 127, -128]]),
        ("Floor", [[-3, 2, 6], [1, 127, -128]]),
        ("Ceil", [[-2, 2, 6], [1, 127, -128]]),
        ("Trunc", [[-2, 2, 6], [1, 127, -128]]),
    ],
)
def test_quantization_scales_shifts_rounds_and_saturates(mode: str, expected: list[list[int]], apply: Apply) -> None:
    (y,) = apply("AscendQuant", X, scale=2.0, offset=1.0, round_mode=mode)
    assert y.dtype == np.int8
    assert y.tolist() == expected


def test_a_scale_may_be_given_by_its_root(apply: Apply) -> None:
    (y,) = apply("AscendQuant", X[:1], scale=2.0, offset=0.0, sqrt_mode=True)
    assert y.tolist() == [[-6, 2, 10]]


def test_numbers_come_back_from_quantization(apply: Apply, refuse: Callable[..., str]) -> None:
    quantized = np.array([-3, 0, 100], np.int8)
    (y,) = apply("AscendAntiQuant", quantized, scale=0.5, offset=1.0, dtype=0)
    assert y.tolist() == [-1.0, 0.5, 50.5]
    assert apply("AscendAntiQuant", quantized, scale=0.5, offset=1.0, dtype=1)[0].dtype == np.float16
    assert "gives f32 or f16, not i32" in refuse("AscendAntiQuant", quantized, scale=1.0, offset=0.0, dtype=3)
    assert "does not round by" in refuse("AscendQuant", tensor(F32, 2), scale=1.0, offset=0.0, round_mode="Up")


def test_a_dimension_of_one_is_padded(apply: Apply, refuse: Callable[..., str]) -> None:
    (y,) = apply("AscendPadding", X[:, :1], pad_dim_size=4)
    assert y.tolist() == [[X[0, 0], 0, 0, 0], [X[1, 0], 0, 0, 0]]
    assert "pads a last dimension of 1" in refuse("AscendPadding", tensor(F32, 2, 3))


def test_the_mean_is_taken_off(apply: Apply) -> None:
    (y,) = apply("Centralization", X, axes=(0,))
    np.testing.assert_allclose(y, X - X.mean(0), rtol=1e-6)


def test_what_is_not_zero_comes_first(apply: Apply) -> None:
    values, places, count = apply("NonZeroWithValue", np.array([[0, 5], [7, 0]], np.int32), dtype=I32)
    assert values.tolist() == [5, 7, 0, 0]
    assert places.tolist() == [[0, 1, 0, 0], [1, 0, 0, 0]]
    assert count.tolist() == [2]


def test_comparisons_are_packed(apply: Apply, refuse: Callable[..., str]) -> None:
    (y,) = apply("CompareAndBitpack", np.arange(16, dtype=np.float32), np.array(7.0, np.float32))
    assert y.tolist() == [0, 255]
    (y,) = apply("CompareAndBitpack", np.arange(8, dtype=np.int32).reshape(1, 8), np.array(5, np.int32))
    assert y.tolist() == [[0b11]]
    assert "multiple of 8" in refuse("CompareAndBitpack", tensor(F32, 7), tensor(F32))


def test_confusions_are_counted(apply: Apply) -> None:
    labels, predictions = np.array([0, 1, 1, 2], np.int32), np.array([0, 2, 2, 2], np.int32)
    (y,) = apply("ConfusionMatrix", labels, predictions, num_classes=3, dtype="int32")
    assert y.tolist() == [[1, 0, 0], [0, 0, 2], [0, 0, 1]]
    weights = np.array([1, 2, 3, 4], np.int32)
    (y,) = apply("ConfusionMatrix", labels, predictions, weights, num_classes=3, dtype="float32")
    assert y.dtype == np.float32
    assert y[1, 2] == 5


def test_values_are_sorted_into_buckets(apply: Apply) -> None:
    values, bounds = np.array([-1.0, 0.5, 9.0], np.float32), np.array([0.0, 1.0, 2.0], np.float32)
    first, second = apply("BoostedTreesBucketize", values, values[:2], bounds, bounds[:1], num_features=2)
    assert first.tolist() == [0, 1, 2]
    assert second.tolist() == [0, 0]
