"""Normalizations, softmax, and the losses built on them."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from modelc.dialects.ge.arrays import Array, channels_last, from_channels_last, is_floating, present, wide, widened
from modelc.dialects.ge.helpers import (
    broadcast,
    channel_axis,
    common_element,
    data_format,
    equal_dims,
    equal_shapes,
    flag,
    integer,
    integers,
    mismatch,
    need_rank,
    number,
    operand,
    optional,
    positive_axes,
    positive_axis,
    text,
)
from modelc.dialects.ge.semantics import Arrays, evaluates, infers
from modelc.ir.op import Op
from modelc.ir.types import F32, Dim, Shape, TensorType, Type

# -- batch normalization

_LAYOUTS = {
    "ge.BatchNorm": ("NHWC", "NCHW", "NDHWC", "NCDHW"),
    "ge.BatchNorm3D": ("NCDHW", "NDHWC"),
    "ge.BNInfer": ("NCHW", "NHWC"),
}


def channel_axis_of(op: Op, rank: int) -> int:
    """Return the axis of the channels of an operand of that rank."""
    layout = data_format(op, *_LAYOUTS[op.kind])
    return 1 if channel_axis(layout) == 1 and rank > 1 else rank - 1


def _with_channels(op: Op, x: TensorType, parameters: list[TensorType]) -> tuple[TensorType, Dim]:
    """Return the type of the result and the number of channels, on which operand and parameters agree."""
    axis = None if x.shape is None else channel_axis_of(op, len(x.shape))
    size = None if x.shape is None or axis is None else x.shape[axis]
    for parameter in parameters:
        size = equal_dims(op, size, need_rank(op, parameter, 1, "a parameter")[0], "channels")
    if x.shape is None or axis is None:
        return x, size
    return x.with_shape((*x.shape[:axis], size, *x.shape[axis + 1 :])), size


@infers("BatchNorm", "BatchNorm3D")
def _infer_batch_norm(op: Op) -> list[Type]:
    x, scale = operand(op, 0), operand(op, 1)
    if x.shape is not None and len(x.shape) < 2:
        raise mismatch(op, f"needs an operand with channels, not {x}")
    training = flag(op, "is_training", True)
    statistics = [] if training else [operand(op, 3), operand(op, 4)]
    y, size = _with_channels(op, x, [scale, operand(op, 2), *statistics])
    channels: Type = TensorType(scale.element, (size,))
    return [y, channels, channels, channels, channels, *([TensorType(F32, ())] if op.kind == "ge.BatchNorm" else [])]


@evaluates("BatchNorm", "BatchNorm3D")
def _batch_norm(op: Op, arrays: Arrays) -> list[Array]:
    x, scale, offset = wide(arrays[0]), arrays[1], arrays[2]
    axis, epsilon = channel_axis_of(op, x.ndim), np.float32(number(op, "epsilon", 1e-4))
    mean, variance = present(arrays, 3), present(arrays, 4)
    unbiased = variance
    if flag(op, "is_training", True) or mean is None or variance is None:
        others = tuple(index for index in range(x.ndim) if index != axis)
        count = prod(x.shape[index] for index in others)
        mean, variance = x.mean(others), x.var(others)
        unbiased = variance * (count / max(1, count - 1))
    results = [mean, unbiased, mean, variance]
    y = _normalized(x, mean, variance, scale, offset, epsilon, axis).astype(arrays[0].dtype, copy=False)
    spare = [np.zeros((), np.float32)] if op.kind == "ge.BatchNorm" else []
    return [y, *(np.asarray(result).astype(scale.dtype, copy=False) for result in results), *spare]


def _normalized(
    x: Array, mean: Array, variance: Array, scale: Array | None, offset: Array | None, epsilon: Any, axis: int
) -> Array:
    """Return the normalized `x`, whose parameters lie along `axis`."""
    factor = 1 / np.sqrt(variance + epsilon)
    if scale is not None:
        factor = factor * scale
    trailing = (1,) * (x.ndim - 1 - axis)
    y: Array = x - mean.reshape(-1, *trailing)
    y *= factor.reshape(-1, *trailing)
    if offset is not None:
        y += offset.reshape(-1, *trailing)
    return y


@infers("BNInfer")
def _infer_bn_infer(op: Op) -> list[Type]:
    return [_with_channels(op, operand(op, 0), [operand(op, index) for index in range(1, 5)])[0]]


@evaluates("BNInfer")
def _bn_infer(op: Op, arrays: Arrays) -> list[Array]:
    x, scale, offset, mean, variance = map(wide, arrays)
    axis = channel_axis_of(op, x.ndim)
    y = _normalized(x, mean, variance, scale, offset, number(op, "epsilon"), axis)
    return [y.astype(arrays[0].dtype, copy=False)]


@infers("BNInference")
def _infer_bn_inference(op: Op) -> list[Type]:
    operand(op, 3)
    return [operand(op, 0)]


@evaluates("BNInference")
def _bn_inference(op: Op, arrays: Arrays) -> list[Array]:
    x, mean, variance, momentum = map(wide, arrays[:4])
    # The accumulated statistics are divided by the factor they were accumulated with.
    factor = momentum.reshape(-1)[:1] if momentum.size else np.ones(1, np.float32)
    share = np.where(factor == 0, np.zeros_like(factor), 1 / factor)
    scale, offset = present(arrays, 4), present(arrays, 5)
    y = _normalized(x, mean * share, variance * share, scale, offset, number(op, "epsilon", 1e-5), min(1, x.ndim - 1))
    return [y.astype(arrays[0].dtype, copy=False)]


# -- normalization over axes of each sample


def _moments(x: Array, axes: tuple[int, ...]) -> tuple[Array, Array]:
    mean = x.mean(axes, keepdims=True)
    return mean, np.square(x - mean).mean(axes, keepdims=True)


def _ones_from(shape: Shape, first: int) -> Shape:
    return None if shape is None else (*shape[:first], *(1,) * (len(shape) - first))


@infers("LayerNorm", "LayerNormV3")
def _infer_layer_norm(op: Op) -> list[Type]:
    x, gamma, beta = operand(op, 0), operand(op, 1), operand(op, 2)
    if x.shape is None:
        return [x, x, x]
    first = positive_axis(op, integer(op, "begin_norm_axis", 0), len(x.shape))
    start = positive_axis(op, integer(op, "begin_params_axis", 0), len(x.shape))
    for parameter in (gamma, beta):
        broadcast(op, x.shape[start:], parameter.shape)
    statistics = x.with_shape(_ones_from(x.shape, first))
    return [x, statistics, statistics]


@evaluates("LayerNorm", "LayerNormV3")
def _layer_norm(op: Op, arrays: Arrays) -> list[Array]:
    x, gamma, beta = map(wide, arrays)
    first = integer(op, "begin_norm_axis", 0) % x.ndim
    inverted = op.kind == "ge.LayerNormV3"
    epsilon = number(op, "epsilon", 1e-5 if inverted else 1e-7)
    mean, variance = _moments(x, tuple(range(first, x.ndim)))
    deviation = 1 / np.sqrt(variance + epsilon)
    results = [(x - mean) * deviation * gamma + beta, mean, deviation if inverted else variance]
    return [result.astype(arrays[0].dtype, copy=False) for result in results]


@infers("RmsNorm")
def _infer_rms_norm(op: Op) -> list[Type]:
    x, gamma = operand(op, 0), operand(op, 1)
    if x.shape is None or gamma.shape is None:
        return [x, TensorType(F32, None)]
    if len(gamma.shape) > len(x.shape):
        raise mismatch(op, f"cannot scale {x} by {gamma}")
    first = len(x.shape) - len(gamma.shape)
    equal_shapes(op, x.shape[first:], gamma.shape, what="normalized dimensions")
    return [x, TensorType(F32, _ones_from(x.shape, first))]


@evaluates("RmsNorm")
def _rms_norm(op: Op, arrays: Arrays) -> list[Array]:
    x, gamma = map(wide, arrays)
    axes = tuple(range(x.ndim - gamma.ndim, x.ndim))
    deviation = 1 / np.sqrt(np.square(x).mean(axes, keepdims=True) + number(op, "epsilon", 1e-6))
    return [(x * deviation * gamma).astype(arrays[0].dtype, copy=False), deviation.astype(np.float32)]


def instance_axes(op: Op, rank: int) -> tuple[int, ...]:
    """Return the axes between batch and channels."""
    layout = text(op, "data_format", "NDHWC") if op.kind == "ge.InstanceNorm" else "NCHW"
    return tuple(range(2, rank)) if channel_axis(layout) == 1 else tuple(range(1, rank - 1))


@infers("InstanceNorm", "InstanceNormV2")
def _infer_instance_norm(op: Op) -> list[Type]:
    x = operand(op, 0)
    statistics = x.with_element(F32) if op.kind == "ge.InstanceNormV2" else x
    if x.shape is None:
        return [x, statistics, statistics]
    if len(x.shape) < 2:
        raise mismatch(op, f"needs an operand with batch and channels, not {x}")
    axes = instance_axes(op, len(x.shape))
    statistics = statistics.with_shape(1 if axis in axes else dim for axis, dim in enumerate(x.shape))
    for index in (1, 2):
        parameter = optional(op, index)
        if parameter is not None:
            broadcast(op, statistics.shape, by_channel(parameter.shape, len(x.shape), axes))
    return [x, statistics, statistics]


def by_channel(shape: Shape, rank: int, axes: tuple[int, ...]) -> Shape:
    """Return the shape of a parameter given per channel as it broadcasts with the operand."""
    if shape is None or len(shape) != 1:
        return shape
    return (*shape, *(1,) * len(axes)) if axes and axes[-1] == rank - 1 else shape


@evaluates("InstanceNorm", "InstanceNormV2")
def _instance_norm(op: Op, arrays: Arrays) -> list[Array]:
    x, gamma, beta = wide(arrays[0]), present(arrays, 1), present(arrays, 2)
    axes = instance_axes(op, x.ndim)
    v2 = op.kind == "ge.InstanceNormV2"
    mean, variance = present(arrays, 3), present(arrays, 4)
    if not v2 or flag(op, "is_training", True) or mean is None or variance is None:
        mean, variance = _moments(x, axes)
    y = (x - mean) / np.sqrt(variance + number(op, "epsilon", 1e-5 if v2 else 1e-6))
    for parameter, function in ((gamma, np.multiply), (beta, np.add)):
        if parameter is not None:
            target = by_channel(parameter.shape, x.ndim, axes) or ()
            y = function(y, wide(parameter).reshape([int(dim) for dim in target if isinstance(dim, int)]))
    dtype = np.dtype(np.float32) if v2 else arrays[0].dtype
    return [y.astype(arrays[0].dtype, copy=False), *(s.astype(dtype, copy=False) for s in (mean, variance))]


@infers("L2Normalize", "LRN")
def _same_type(op: Op) -> list[Type]:
    x = operand(op, 0)
    if op.kind == "ge.LRN":
        need_rank(op, x, 4)
    elif x.shape is not None:
        positive_axes(op, integers(op, "axis", ()), len(x.shape))
    return [x]


@evaluates("L2Normalize")
def _l2_normalize(op: Op, arrays: Arrays) -> list[Array]:
    axes, least = integers(op, "axis", ()), number(op, "eps", 1e-4)

    def normalize(x: Array) -> Array:
        return np.asarray(x / np.sqrt(np.maximum(np.square(x).sum(axes or None, keepdims=True), least)))

    return [widened(normalize)(arrays[0])]


@evaluates("LRN")
def _lrn(op: Op, arrays: Arrays) -> list[Array]:
    radius, bias = integer(op, "depth_radius", 5), number(op, "bias", 1.0)
    alpha, beta = number(op, "alpha", 1.0), number(op, "beta", 0.5)
    layout = data_format(op, "NHWC", "NCHW")
    region = text(op, "norm_region", "ACROSS_CHANNELS")
    if region != "ACROSS_CHANNELS":
        raise mismatch(op, f"is executed ACROSS_CHANNELS only, not {region}")

    def normalize(x: Array) -> Array:
        last = channels_last(x, layout)
        count, reach = last.shape[-1], min(radius, last.shape[-1])
        sums = np.zeros((*last.shape[:-1], count + 2 * reach + 1), np.float64)
        np.cumsum(np.square(last), axis=-1, out=sums[..., reach + 1 : reach + 1 + count])
        sums[..., reach + 1 + count :] = sums[..., reach + count, None]
        windows = sums[..., 2 * reach + 1 :] - sums[..., :count]
        return from_channels_last(last / np.power(bias + alpha * windows, beta), layout)

    return [widened(normalize)(arrays[0])]


# -- softmax


def _softmax_axes(op: Op, x: TensorType) -> tuple[int, ...]:
    axes = integers(op, "axes", (-1,))
    return axes if x.shape is None else positive_axes(op, axes, len(x.shape))


@infers("SoftmaxV2", "LogSoftmaxV2")
def _infer_softmax(op: Op) -> list[Type]:
    x = operand(op, 0)
    _softmax_axes(op, x)
    if op.kind == "ge.SoftmaxV2" and flag(op, "half_to_float", False):
        return [x.with_element(F32)]
    return [x]


def _softmax(x: Array, axes: tuple[int, ...]) -> Array:
    raised = np.exp(x - x.max(axes, keepdims=True)) if x.size else x
    return np.asarray(raised / raised.sum(axes, keepdims=True))


def _log_softmax(x: Array, axes: tuple[int, ...]) -> Array:
    shifted = x - x.max(axes, keepdims=True) if x.size else x
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axes, keepdims=True)))


@evaluates("SoftmaxV2", "LogSoftmaxV2")
def _evaluate_softmax(op: Op, arrays: Arrays) -> list[Array]:
    axes = integers(op, "axes", (-1,))
    if op.kind == "ge.LogSoftmaxV2":
        return [widened(lambda x: _log_softmax(x, axes))(arrays[0])]
    if flag(op, "half_to_float", False):
        return [_softmax(wide(arrays[0]), axes).astype(np.float32)]
    return [widened(lambda x: _softmax(x, axes))(arrays[0])]


# -- losses


@infers("SoftmaxCrossEntropyWithLogits")
def _infer_cross_entropy(op: Op) -> list[Type]:
    features, labels = operand(op, 0), operand(op, 1)
    element = common_element(op, (features, labels))
    shape = broadcast(op, features.shape, labels.shape)
    if shape is None:
        return [TensorType(element, (None,)), TensorType(element, (None, None))]
    if len(shape) != 2:
        raise mismatch(op, f"needs features and labels with 2 dimensions, not {features} and {labels}")
    return [TensorType(element, shape[:1]), TensorType(element, shape)]


@evaluates("SoftmaxCrossEntropyWithLogits")
def _cross_entropy(op: Op, arrays: Arrays) -> list[Array]:
    features, labels = np.broadcast_arrays(*map(wide, arrays))
    logs = _log_softmax(features, (-1,))
    dtype = arrays[0].dtype
    # A label of 0 takes no part, not even beside an infinite logarithm.
    loss = -np.where(labels == 0, np.zeros((), logs.dtype), labels * logs).sum(-1)
    return [loss.astype(dtype, copy=False), (np.exp(logs) - labels).astype(dtype, copy=False)]


@infers("SparseSoftmaxCrossEntropyWithLogits")
def _infer_sparse_cross_entropy(op: Op) -> list[Type]:
    features, labels = operand(op, 0), operand(op, 1)
    batch, classes = need_rank(op, features, 2, "features")
    batch = equal_dims(op, batch, need_rank(op, labels, 1, "labels")[0], "rows of features and labels")
    return [TensorType(features.element, (batch,)), TensorType(features.element, (batch, classes))]


@evaluates("SparseSoftmaxCrossEntropyWithLogits")
def _sparse_cross_entropy(op: Op, arrays: Arrays) -> list[Array]:
    features, labels = wide(arrays[0]), arrays[1].astype(np.int64)
    if labels.size and not 0 <= labels.min() <= labels.max() < features.shape[1]:
        raise mismatch(op, f"needs labels below {features.shape[1]}")
    logs, rows = _log_softmax(features, (-1,)), np.arange(len(labels))
    gradient = np.exp(logs)
    gradient[rows, labels] -= 1
    return [result.astype(arrays[0].dtype, copy=False) for result in (-logs[rows, labels], gradient)]


@infers("L2Loss")
def _infer_l2_loss(op: Op) -> list[Type]:
    return [operand(op, 0).with_shape(())]


@evaluates("L2Loss")
def _l2_loss(op: Op, arrays: Arrays) -> list[Array]:
    x = arrays[0]
    total = np.square(x.astype(np.float64) if is_floating(x.dtype) else x).sum() / 2
    return [np.asarray(total).astype(x.dtype)]
