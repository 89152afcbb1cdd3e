"""Convolutions, normalizations and pooling against TensorFlow."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from modelc.dialects.ge.helpers import same_pads

Array = NDArray[Any]
RANDOM = np.random.default_rng(7)


def normal(*shape: int, dtype: Any = np.float32) -> Array:
    return RANDOM.standard_normal(shape).astype(dtype)


def dtype_of(name: str) -> Any:
    return pytest.importorskip("ml_dtypes").bfloat16 if name == "bfloat16" else np.dtype(name)


def pads_of(padding: str, sizes: Any, kernel: Any, strides: Any, dilations: Any) -> tuple[int, ...]:
    if padding == "VALID":
        return (0, 0) * len(sizes)
    pairs = (same_pads(*numbers) for numbers in zip(sizes, kernel, strides, dilations, strict=True))
    return tuple(number for pair in pairs for number in pair)


def first(layout: str, x: Array) -> Array:
    """Return channels-last `x` in `layout`."""
    return np.ascontiguousarray(np.moveaxis(x, -1, 1)) if layout[1] == "C" else x


def spread(layout: str, *numbers: int) -> tuple[int, ...]:
    return (1, 1, *numbers) if layout[1] == "C" else (1, *numbers, 1)


GEOMETRY = [
    # size, kernel, strides, dilations
    ((5, 6), (3, 3), (1, 1), (1, 1)),
    ((7, 5), (3, 2), (2, 3), (1, 1)),
    ((9, 8), (3, 3), (1, 1), (2, 2)),
    ((6, 6), (1, 1), (1, 1), (1, 1)),
    ((6, 7), (1, 1), (2, 2), (1, 1)),
    ((4, 4), (4, 4), (1, 1), (1, 1)),
    ((1, 1), (3, 3), (1, 1), (1, 1)),
    ((2, 9), (2, 5), (2, 4), (1, 1)),
]


@pytest.mark.parametrize("padding", ["SAME", "VALID"])
@pytest.mark.parametrize(("size", "kernel", "strides", "dilations"), GEOMETRY)
@pytest.mark.parametrize("layout", ["NHWC", "NCHW"])
def test_conv2d(
    tf: Any, apply: Any, same: Any, padding: str, size: Any, kernel: Any, strides: Any, dilations: Any, layout: str
) -> None:
    if padding == "VALID" and any(k > s for k, s in zip(kernel, size, strict=True)):
        pytest.skip("the filter does not fit")
    for groups, batch in ((1, 2), (2, 1)):
        x, weights, bias = normal(batch, *size, 4), normal(*kernel, 4 // groups, 6), normal(6)
        expected = tf.raw_ops.Conv2D(
            input=x, filter=weights, strides=[1, *strides, 1], padding=padding, dilations=[1, *dilations, 1]
        ).numpy()
        attributes: dict[str, Any] = {
            "strides": spread(layout, *strides),
            "dilations": spread(layout, *dilations),
            "pads": pads_of(padding, size, kernel, strides, dilations),
            "data_format": layout,
            "groups": groups,
        }
        same(apply("Conv2D", first(layout, x), weights, **attributes)[0], first(layout, expected), 3)
        with_bias = apply("Conv2D", first(layout, x), weights, bias, **attributes)[0]
        same(with_bias, first(layout, expected + bias), 3)
        turned = np.ascontiguousarray(weights.transpose(3, 2, 0, 1))
        same(apply("Conv2D", first(layout, x), turned, bias, filter_format="NCHW", **attributes)[0], with_bias)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
def test_conv2d_in_other_precisions(tf: Any, apply: Any, same: Any, dtype: str) -> None:
    x, weights = normal(2, 6, 5, 3, dtype=dtype_of(dtype)), normal(3, 3, 3, 4, dtype=dtype_of(dtype))
    expected = tf.raw_ops.Conv2D(input=x, filter=weights, strides=[1, 1, 1, 1], padding="SAME").numpy()
    same(apply("Conv2D", x, weights, strides=(1, 1, 1, 1), pads=(1, 1, 1, 1))[0], expected, 3)


def test_conv2d_with_explicit_pads(tf: Any, apply: Any, same: Any) -> None:
    x, weights = normal(2, 6, 5, 3), normal(3, 3, 3, 4)
    pads = (0, 2, 3, 1)
    expected = tf.raw_ops.Conv2D(
        input=x, filter=weights, strides=[1, 2, 1, 1], padding="EXPLICIT", explicit_paddings=[0, 0, *pads, 0, 0]
    ).numpy()
    same(apply("Conv2D", x, weights, strides=(1, 2, 1, 1), pads=pads)[0], expected, 3)


def test_conv2d_in_pieces(tf: Any, apply: Any, same: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("modelc.dialects.ge.windows.PIECE", 500)
    monkeypatch.setattr("modelc.dialects.ge.windows.CACHED", 100)
    x, weights, narrow = normal(2, 16, 15, 4), normal(3, 3, 4, 6), normal(3, 3, 4, 2)
    expected = tf.raw_ops.Conv2D(input=x, filter=weights, strides=[1, 2, 2, 1], padding="VALID").numpy()
    same(apply("Conv2D", x, weights, strides=(1, 2, 2, 1), pads=(0, 0, 0, 0))[0], expected, 3)
    expected = tf.raw_ops.DepthwiseConv2dNative(input=x, filter=narrow, strides=[1, 2, 2, 1], padding="VALID").numpy()
    (actual,) = apply("DepthwiseConv2D", x, narrow.reshape(3, 3, 1, 8), strides=(1, 2, 2, 1), pads=(0, 0, 0, 0))
    same(actual, expected, 3)


@pytest.mark.parametrize("padding", ["SAME", "VALID"])
@pytest.mark.parametrize(("size", "kernel", "strides", "dilations"), GEOMETRY)
@pytest.mark.parametrize(("channels", "multiplier"), [(3, 1), (2, 3), (1, 2)])
def test_depthwise_conv2d(
    tf: Any,
    apply: Any,
    same: Any,
    padding: str,
    size: Any,
    kernel: Any,
    strides: Any,
    dilations: Any,
    channels: int,
    multiplier: int,
) -> None:
    if padding == "VALID" and any(k > s for k, s in zip(kernel, size, strict=True)):
        pytest.skip("the filter does not fit")
    strides = (strides[0], strides[0])  # TensorFlow takes equal strides only
    x, weights, bias = normal(2, *size, channels), normal(*kernel, channels, multiplier), normal(channels * multiplier)
    expected = tf.nn.depthwise_conv2d(x, weights, [1, *strides, 1], padding, dilations=dilations).numpy()
    for layout in ("NHWC", "NCHW"):
        attributes: dict[str, Any] = {
            "strides": spread(layout, *strides),
            "dilations": spread(layout, *dilations),
            "pads": pads_of(padding, size, kernel, strides, dilations),
            "data_format": layout,
        }
        flat = weights.reshape(*kernel, 1, channels * multiplier)
        for form in (flat, weights):
            (actual,) = apply("DepthwiseConv2D", first(layout, x), form, bias, **attributes)
            same(actual, first(layout, expected + bias), 3)


@pytest.mark.parametrize("padding", ["SAME", "VALID"])
@pytest.mark.parametrize(("size", "kernel", "strides", "dilations"), GEOMETRY)
@pytest.mark.parametrize("layout", ["NHWC", "NCHW"])
def test_transposed_conv2d(
    tf: Any, apply: Any, same: Any, padding: str, size: Any, kernel: Any, strides: Any, dilations: Any, layout: str
) -> None:
    if dilations != (1, 1):
        pytest.skip("TensorFlow transposes no dilated convolution on the CPU")
    if padding == "VALID" and any((k - 1) * d >= s for k, d, s in zip(kernel, dilations, size, strict=True)):
        pytest.skip("the filter does not fit")
    counts = [
        -(-s // t) if padding == "SAME" else (s - (k - 1) * d - 1) // t + 1
        for s, k, t, d in zip(size, kernel, strides, dilations, strict=True)
    ]
    y, weights = normal(2, *counts, 5), normal(*kernel, 3, 5)
    expected = tf.raw_ops.Conv2DBackpropInput(
        input_sizes=[2, *size, 3],
        filter=weights,
        out_backprop=y,
        strides=[1, *strides, 1],
        padding=padding,
        dilations=[1, *dilations, 1],
    ).numpy()
    attributes: dict[str, Any] = {
        "strides": spread(layout, *strides),
        "dilations": spread(layout, *dilations),
        "pads": pads_of(padding, size, kernel, strides, dilations),
        "data_format": layout,
    }
    sizes = np.array((2, 3, *size) if layout == "NCHW" else (2, *size, 3), np.int32)
    (actual,) = apply("Conv2DBackpropInput", sizes, weights, first(layout, y), **attributes)
    same(actual, first(layout, expected), 5)
    bias = normal(3)
    (actual,) = apply("Conv2DTranspose", sizes, first(layout, y), weights, bias, **attributes)
    same(actual, first(layout, expected + bias), 5)


@pytest.mark.parametrize("padding", ["SAME", "VALID"])
@pytest.mark.parametrize("layout", ["NHWC", "NCHW"])
@pytest.mark.parametrize("stride", [1, 2])
def test_transposed_depthwise_conv2d(tf: Any, apply: Any, same: Any, padding: str, layout: str, stride: int) -> None:
    size, kernel, strides = (7, 6), (3, 2), (stride, stride)
    counts = [
        -(-n // stride) if padding == "SAME" else (n - k) // stride + 1 for n, k in zip(size, kernel, strict=True)
    ]
    y, weights = normal(2, *counts, 6), normal(*kernel, 3, 2)
    expected = tf.raw_ops.DepthwiseConv2dNativeBackpropInput(
        input_sizes=[2, *size, 3], filter=weights, out_backprop=y, strides=[1, *strides, 1], padding=padding
    ).numpy()
    attributes: dict[str, Any] = {
        "strides": spread(layout, *strides),
        "pads": pads_of(padding, size, kernel, strides, (1, 1)),
        "data_format": layout,
    }
    sizes = np.array((2, 3, *size) if layout == "NCHW" else (2, *size, 3), np.int32)
    for form in (weights, weights.reshape(*kernel, 1, 6)):
        (actual,) = apply("DepthwiseConv2DBackpropInput", sizes, form, first(layout, y), **attributes)
        same(actual, first(layout, expected), 3)


@pytest.mark.parametrize("padding", ["SAME", "VALID"])
@pytest.mark.parametrize("strides", [(1, 1, 1), (2, 1, 2)])
@pytest.mark.parametrize("layout", ["NDHWC", "NCDHW"])
def test_conv3d_and_its_transpose(tf: Any, apply: Any, same: Any, padding: str, strides: Any, layout: str) -> None:
    size, kernel = (5, 6, 4), (3, 2, 3)
    x, weights, bias = normal(2, *size, 4), normal(*kernel, 4, 5), normal(5)
    expected = tf.raw_ops.Conv3D(input=x, filter=weights, strides=[1, *strides, 1], padding=padding).numpy()
    attributes: dict[str, Any] = {
        "strides": spread(layout, *strides),
        "pads": pads_of(padding, size, kernel, strides, (1, 1, 1)),
        "data_format": layout,
    }
    (actual,) = apply("Conv3D", first(layout, x), weights, bias, **attributes)
    same(actual, first(layout, expected + bias), 5)
    back = tf.raw_ops.Conv3DBackpropInputV2(
        input_sizes=[2, *size, 4], filter=weights, out_backprop=expected, strides=[1, *strides, 1], padding=padding
    ).numpy()
    sizes = np.array((2, 4, *size) if layout == "NCDHW" else (2, *size, 4), np.int64)
    (actual,) = apply("Conv3DBackpropInput", sizes, weights, first(layout, expected), **attributes)
    same(actual, first(layout, back), 100)
    (actual,) = apply("Conv3DTranspose", sizes, first(layout, expected), weights, **attributes)
    same(actual, first(layout, back), 100)


@pytest.mark.parametrize("padding", ["SAME", "VALID"])
@pytest.mark.parametrize("dtype", ["float32", "int32", "uint8"])
@pytest.mark.parametrize(("strides", "rates"), [((1, 1), (1, 1)), ((2, 1), (1, 1)), ((1, 1), (2, 2))])
def test_dilation2d(tf: Any, apply: Any, same: Any, padding: str, dtype: str, strides: Any, rates: Any) -> None:
    x = RANDOM.integers(0, 100, (2, 7, 6, 3)).astype(dtype)
    weights = RANDOM.integers(0, 20, (3, 2, 3)).astype(dtype)
    expected = tf.raw_ops.Dilation2D(
        input=x, filter=weights, strides=[1, *strides, 1], rates=[1, *rates, 1], padding=padding
    ).numpy()
    attributes: dict[str, Any] = {"strides": (1, *strides, 1), "rates": (1, *rates, 1), "padding_mode": padding}
    same(apply("Dilation2D", x, weights, **attributes)[0], expected)


# -- normalization


@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize("layout", ["NHWC", "NCHW"])
@pytest.mark.parametrize("training", [False, True])
def test_batch_norm(tf: Any, apply: Any, same: Any, dtype: str, layout: str, training: bool) -> None:
    x = normal(3, 4, 5, 6, dtype=dtype)
    scale, offset, mean, variance = normal(6), normal(6), normal(6), np.abs(normal(6))
    none = np.zeros(0, np.float32)
    raw = tf.raw_ops.FusedBatchNormV3(
        x=x,
        scale=scale,
        offset=offset,
        mean=none if training else mean,
        variance=none if training else variance,
        epsilon=1e-3,
        is_training=training,
    )
    expected = [result.numpy() for result in raw]
    statistics = [] if training else [mean, variance]
    attributes: dict[str, Any] = {"epsilon": 1e-3, "data_format": layout, "is_training": training}
    actual = apply("BatchNorm", first(layout, x), scale, offset, *statistics, **attributes)
    assert len(actual) == 6
    same(actual[0], first(layout, expected[0]), 2)
    given = (mean, variance, mean, variance)  # TensorFlow leaves these uninitialized at inference
    for found, wanted in zip(actual[1:5], expected[1:5] if training else given, strict=True):
        same(found, wanted, 5)
    assert actual[5].shape == ()


def test_batch_norm_without_batch(apply: Any) -> None:
    (y, *_) = apply("BatchNorm", normal(0, 2, 2, 3), *(np.ones(3, np.float32) for _ in range(4)), is_training=False)
    assert y.shape == (0, 2, 2, 3)


@pytest.mark.parametrize("radius", [0, 1, 2, 7])
def test_local_response_normalization(tf: Any, apply: Any, same: Any, radius: int) -> None:
    x = normal(2, 3, 4, 6) * 3
    numbers: dict[str, Any] = {"depth_radius": radius, "bias": 1.5, "alpha": 0.3, "beta": 0.75}
    same(apply("LRN", x, **numbers)[0], tf.raw_ops.LRN(input=x, **numbers).numpy(), 3)


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16"])
def test_softmax(tf: Any, apply: Any, same: Any, dtype: str) -> None:
    x = (
        normal(7, 11, dtype=dtype_of(dtype)) * dtype_of(dtype).type(5)
        if dtype != "bfloat16"
        else normal(7, 11, dtype=dtype_of(dtype))
    )
    x[0, 0], x[1, 2], x[2] = np.nan, np.inf, -np.inf
    same(apply("SoftmaxV2", x)[0], tf.raw_ops.Softmax(logits=x).numpy(), 3, floor=1e-2)
    same(apply("LogSoftmaxV2", x)[0], tf.raw_ops.LogSoftmax(logits=x).numpy(), 3)
    (across,) = apply("SoftmaxV2", np.ascontiguousarray(x.T), axes=(0,))
    same(across.T, tf.raw_ops.Softmax(logits=x).numpy(), 3, floor=1e-2)


def test_softmax_of_nothing(tf: Any, apply: Any, same: Any) -> None:
    for shape in ((0, 3), (3, 0)):
        x = np.zeros(shape, np.float32)
        same(apply("SoftmaxV2", x)[0], tf.raw_ops.Softmax(logits=x).numpy())


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
def test_cross_entropy(tf: Any, apply: Any, same: Any, dtype: str) -> None:
    x, labels = normal(5, 7, dtype=dtype), np.abs(normal(5, 7, dtype=dtype))
    expected = tf.raw_ops.SoftmaxCrossEntropyWithLogits(features=x, labels=labels)
    for found, wanted in zip(apply("SoftmaxCrossEntropyWithLogits", x, labels), expected, strict=True):
        same(found, wanted.numpy(), 3)
    row = labels[:1]
    expected = tf.raw_ops.SoftmaxCrossEntropyWithLogits(features=x, labels=row)
    for found, wanted in zip(apply("SoftmaxCrossEntropyWithLogits", x, row), expected, strict=True):
        same(found, wanted.numpy(), 3)
    classes = RANDOM.integers(0, 7, 5)
    expected = tf.raw_ops.SparseSoftmaxCrossEntropyWithLogits(features=x, labels=classes)
    for found, wanted in zip(apply("SparseSoftmaxCrossEntropyWithLogits", x, classes), expected, strict=True):
        same(found, wanted.numpy(), 3)


@pytest.mark.parametrize("shape", [(), (0,), (3, 4)])
def test_l2_loss(tf: Any, apply: Any, same: Any, shape: tuple[int, ...]) -> None:
    x = normal(*shape)
    same(apply("L2Loss", x)[0], tf.raw_ops.L2Loss(t=x).numpy())


# -- pooling

POOLS = [
    # size, kernel, strides
    ((5, 6), (2, 2), (2, 2)),
    ((7, 5), (3, 3), (2, 2)),
    ((6, 6), (3, 2), (1, 3)),
    ((4, 5), (4, 5), (1, 1)),
    ((9, 3), (1, 1), (2, 2)),
    ((3, 3), (5, 5), (1, 1)),
]


@pytest.mark.parametrize("padding", ["SAME", "VALID"])
@pytest.mark.parametrize(("size", "kernel", "strides"), POOLS)
@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16", "float64", "int32", "uint8"])
def test_pools(tf: Any, apply: Any, same: Any, padding: str, size: Any, kernel: Any, strides: Any, dtype: str) -> None:
    if padding == "VALID" and any(k > s for k, s in zip(kernel, size, strict=True)):
        pytest.skip("the window does not fit")
    x = (
        (normal(2, *size, 3) * 20).astype(dtype_of(dtype))
        if "int" not in dtype
        else RANDOM.integers(0, 99, (2, *size, 3)).astype(dtype)
    )
    numbers: dict[str, Any] = {"ksize": [1, *kernel, 1], "strides": [1, *strides, 1], "padding": padding}
    largest = tf.raw_ops.MaxPool(input=tf.constant(x), **numbers).numpy()
    for layout in ("NHWC", "NCHW"):
        attributes = {"ksize": spread(layout, *kernel), "strides": spread(layout, *strides)}
        common: dict[str, Any] = {**attributes, "data_format": layout}
        same(apply("MaxPool", first(layout, x), padding=padding, **common)[0], first(layout, largest))
        sizes = [np.array(attributes[name], np.int32) for name in ("ksize", "strides")]
        same(
            apply("MaxPoolV2", first(layout, x), *sizes, padding=padding, data_format=layout)[0], first(layout, largest)
        )
        calculated = apply("MaxPoolV3", first(layout, x), padding_mode=padding, **common)[0]
        same(calculated, first(layout, largest))
        pads = pads_of(padding, size, kernel, strides, (1, 1))
        calculated = apply("MaxPoolV3", first(layout, x), padding_mode="CALCULATED", pads=pads, **common)[0]
        same(calculated, first(layout, largest))
        if "int" in dtype:
            continue
        mean = first(layout, tf.raw_ops.AvgPool(value=tf.constant(x), **numbers).numpy())
        large = 1.0 + float(np.abs(x).max())  # cells of either sign cancel; TensorFlow sums halves in halves
        same(apply("AvgPool", first(layout, x), padding=padding, **common)[0], mean, 2, large)
        same(apply("AvgPoolV2", first(layout, x), padding_mode=padding, **common)[0], mean, 2, large)
        same(apply("AvgPoolV2", first(layout, x), padding_mode="CALCULATED", pads=pads, **common)[0], mean, 2, large)


@pytest.mark.parametrize("padding", ["SAME", "VALID"])
@pytest.mark.parametrize(("size", "kernel", "strides"), POOLS[:-1])
@pytest.mark.parametrize(("target", "number"), [("int32", 3), ("int64", 9), ("int64", 7)])
def test_pool_with_argmax(
    tf: Any, apply: Any, same: Any, padding: str, size: Any, kernel: Any, strides: Any, target: str, number: int
) -> None:
    x = RANDOM.integers(-4, 4, (2, *size, 3)).astype(np.float32)
    numbers: dict[str, Any] = {"ksize": [1, *kernel, 1], "strides": [1, *strides, 1], "padding": padding}
    expected = tf.raw_ops.MaxPoolWithArgmax(input=x, Targmax=tf.as_dtype(target), **numbers)
    attributes: dict[str, Any] = {"ksize": (1, *kernel, 1), "strides": (1, *strides, 1), "padding": padding}
    for found, wanted in zip(apply("MaxPoolWithArgmax", x, Targmax=number, **attributes), expected, strict=True):
        same(found, wanted.numpy())


@pytest.mark.parametrize(
    ("padding", "kernel", "strides", "layout"),
    list(product(["SAME", "VALID"], [(2, 2, 2), (3, 1, 2)], [(2, 2, 2), (1, 2, 1)], ["NDHWC", "NCDHW"])),
)
def test_pools_in_three_dimensions(
    tf: Any, apply: Any, same: Any, padding: str, kernel: Any, strides: Any, layout: str
) -> None:
    x = normal(2, 5, 6, 4, 3)
    numbers: dict[str, Any] = {"ksize": [1, *kernel, 1], "strides": [1, *strides, 1], "padding": padding}
    attributes: dict[str, Any] = {
        "ksize": spread(layout, *kernel),
        "strides": spread(layout, *strides),
        "data_format": layout,
    }
    expected = first(layout, tf.raw_ops.MaxPool3D(input=x, **numbers).numpy())
    same(apply("MaxPool3D", first(layout, x), padding=padding, **attributes)[0], expected)
    expected = first(layout, tf.raw_ops.AvgPool3D(input=x, **numbers).numpy())
    zeros = (0,) * 6
    same(
        apply("AvgPool3D", first(layout, x), padding=padding, pads=zeros, count_include_pad=False, **attributes)[0],
        expected,
    )
    pads = pads_of(padding, (5, 6, 4), kernel, strides, (1, 1, 1))
    same(apply("AvgPool3D", first(layout, x), pads=pads, count_include_pad=False, **attributes)[0], expected)
