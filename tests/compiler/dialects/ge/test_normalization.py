"""Normalizations against their definitions, and what inference knows and refuses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from modelc.ir.types import F16, F32, TensorType, tensor

Array = NDArray[Any]
Apply = Callable[..., list[Array]]
RANDOM = np.random.default_rng(0)


def numbers(*shape: int) -> Array:
    return RANDOM.standard_normal(shape)


@pytest.mark.parametrize("kind", ["LayerNorm", "LayerNormV3"])
@pytest.mark.parametrize("axis", [1, 2, -1])
def test_layer_norm(apply: Apply, kind: str, axis: int) -> None:
    x = numbers(2, 3, 4)
    gamma, beta = numbers(*x.shape[axis:]), numbers(*x.shape[axis:])
    y, mean, spread = apply(kind, x, gamma, beta, begin_norm_axis=axis, begin_params_axis=axis, epsilon=0.1)
    axes = tuple(range(axis % 3, 3))
    variance = x.var(axes, keepdims=True)
    np.testing.assert_allclose(mean, x.mean(axes, keepdims=True))
    np.testing.assert_allclose(spread, variance if kind == "LayerNorm" else 1 / np.sqrt(variance + 0.1))
    np.testing.assert_allclose(y, (x - mean) / np.sqrt(variance + 0.1) * gamma + beta)


def test_rms_norm(apply: Apply) -> None:
    x, gamma = numbers(2, 3, 4), numbers(4)
    y, scale = apply("RmsNorm", x, gamma, epsilon=0.5)
    np.testing.assert_allclose(scale, 1 / np.sqrt((x**2).mean(-1, keepdims=True) + 0.5), rtol=1e-6)
    np.testing.assert_allclose(y, x * gamma / np.sqrt((x**2).mean(-1, keepdims=True) + 0.5))


@pytest.mark.parametrize("layout", ["NHWC", "NCHW"])
def test_instance_norm(apply: Apply, layout: str) -> None:
    x, gamma, beta = numbers(2, 4, 5, 3), numbers(3), numbers(3)
    given = x if layout == "NHWC" else np.moveaxis(x, -1, 1)
    expected = (x - x.mean((1, 2), keepdims=True)) / np.sqrt(x.var((1, 2), keepdims=True) + 0.1) * gamma + beta
    y, mean, variance = apply("InstanceNorm", given, gamma, beta, data_format=layout, epsilon=0.1)
    assert mean.shape == variance.shape == ((2, 1, 1, 3) if layout == "NHWC" else (2, 3, 1, 1))
    np.testing.assert_allclose(y if layout == "NHWC" else np.moveaxis(y, 1, -1), expected)


def test_instance_norm_with_given_statistics(apply: Apply) -> None:
    x = numbers(2, 3, 4, 5).astype(np.float32)
    mean, variance = np.ones((2, 3, 1, 1), np.float32), np.full((2, 3, 1, 1), 4, np.float32)
    y, found, _ = apply("InstanceNormV2", x, None, None, mean, variance, is_training=False, epsilon=0.0)
    np.testing.assert_allclose(y, (x - 1) / 2, rtol=1e-6)
    np.testing.assert_array_equal(found, mean)


def test_batch_norm_of_caffe(apply: Apply) -> None:
    x, mean, variance = numbers(2, 3, 4, 4), numbers(3), np.abs(numbers(3))
    (y,) = apply("BNInference", x, mean * 5, variance * 5, np.array([5.0]), epsilon=0.1)
    expected = (x - mean[:, None, None]) / np.sqrt(variance[:, None, None] + 0.1)
    np.testing.assert_allclose(y, expected)
    (y,) = apply("BNInference", x, mean, variance, np.array([1.0]), np.full(3, 2.0), np.ones(3), epsilon=0.1)
    np.testing.assert_allclose(y, expected * 2 + 1)
    (y,) = apply("BNInfer", x, np.full(3, 2.0), np.ones(3), mean, variance, epsilon=0.1)
    np.testing.assert_allclose(y, expected * 2 + 1)


def test_l2_normalize(apply: Apply) -> None:
    x = numbers(2, 3, 4)
    (y,) = apply("L2Normalize", x, axis=(1, 2), eps=1e-9)
    np.testing.assert_allclose((y**2).sum((1, 2)), np.ones(2))
    (y,) = apply("L2Normalize", np.zeros((2, 2)), axis=(1,), eps=1e-4)
    assert not y.any()


def test_softmax_over_several_axes(apply: Apply) -> None:
    x = numbers(2, 3, 4) + 1000
    (y,) = apply("SoftmaxV2", x, axes=(0, 2))
    np.testing.assert_allclose(y.sum((0, 2)), np.ones(3))
    (logs,) = apply("LogSoftmaxV2", x, axes=(0, 2))
    np.testing.assert_allclose(np.exp(logs), y)
    (wide,) = apply("SoftmaxV2", numbers(2, 3).astype(np.float16), half_to_float=True)
    assert wide.dtype == np.float32


def test_inference_of_batch_norm(infer: Any) -> None:
    scale = [tensor(F32, 8)] * 4
    found = infer("BatchNorm", tensor(F16, "n", 2, 2, None), *scale, is_training=False)
    assert found == ["f16[n, 2, 2, 8]", *["f32[8]"] * 4, "f32[]"]
    assert infer("BatchNorm", TensorType(F32, None), *scale, is_training=False) == ["f32[*]", *["f32[8]"] * 4, "f32[]"]
    assert infer(
        "LayerNorm", tensor(F32, "n", 4, 8), tensor(F32, 8), tensor(F32, 8), begin_norm_axis=-1, begin_params_axis=-1
    ) == [
        "f32[n, 4, 8]",
        "f32[n, 4, 1]",
        "f32[n, 4, 1]",
    ]


@pytest.mark.parametrize(
    ("kind", "operands", "attributes", "reason"),
    [
        (
            "BatchNorm",
            (tensor(F32, 1, 2, 2, 8), *[tensor(F32, 4)] * 4),
            {"is_training": False},
            "BatchNorm needs equal channels, not 8 and 4",
        ),
        ("SoftmaxV2", (tensor(F32, 2, 3),), {"axes": (2,)}, "SoftmaxV2 has no axis 2 among 2 dimensions"),
        ("LRN", (tensor(F32, 2, 3),), {}, "LRN needs an operand with 4 dimensions, not f32[2, 3]"),
        (
            "LayerNorm",
            (tensor(F32, 2, 3), tensor(F32, 4), tensor(F32, 3)),
            {"begin_norm_axis": 1, "begin_params_axis": 1},
            "LayerNorm cannot broadcast [3] with [4]",
        ),
    ],
)
def test_inference_says_what_does_not_fit(refuse: Any, kind: str, operands: Any, attributes: Any, reason: str) -> None:
    assert refuse(kind, *operands, **attributes) == reason
