"""Lowering of normalizations, softmax, and the losses built on them."""

from __future__ import annotations

from collections.abc import Sequence

from modelc.dialects.ge.helpers import channel_axis, data_format, flag, integer, integers, number
from modelc.dialects.ge.normalization import channel_axis_of, instance_axes
from modelc.ir.op import Value
from modelc.ir.types import F32, I64
from modelc_backends.onnx.lower.shape import extent
from modelc_backends.onnx.lower.site import NoFormError, Site
from modelc_backends.onnx.lower.table import Lowered, lowers

# -- batch normalization


def _batch_normalized(site: Site, x: Value, parameters: Sequence[Value], axis: int, epsilon: float) -> Value:
    """Normalize by scale, offset, mean and variance along `axis`."""
    y = site.onnx("BatchNormalization", site.channels_first(x, axis), *parameters, epsilon=epsilon)
    return site.as_laid_out(y, axis)


@lowers("BatchNorm", "BatchNorm3D")
def _batch_norm(site: Site) -> Lowered:
    x, scale, offset = site.inputs[:3]
    axis, epsilon = channel_axis_of(site.op, site.rank(x)), number(site.op, "epsilon", 1e-4)
    mean, variance = site.given(3), site.given(4)
    if flag(site.op, "is_training", True) or mean is None or variance is None:
        axes = [each for each in range(site.rank(x)) if each != axis]
        mean, variance = moments(site, x, axes, keep=False)
        if site.is_read(2):
            raise NoFormError("gives the unbiased variance of its batch to an op, which only training needs")
    y = _batch_normalized(site, x, (scale, offset, mean, variance), axis, epsilon)
    spare = site.constant(0, F32) if site.is_read(5) else None
    return [y, mean, variance, mean, variance, spare]


@lowers("BNInfer")
def _bn_infer(site: Site) -> Lowered:
    x, *parameters = site.inputs
    axis = channel_axis_of(site.op, site.rank(x))
    return _batch_normalized(site, x, parameters, axis, number(site.op, "epsilon"))


@lowers("BNInference")
def _bn_inference(site: Site) -> Lowered:
    x, mean, variance = site.inputs[:3]
    factor = float(site.needed(3, "the factor of its statistics").reshape(-1)[0])
    share = site.constant(1 / factor if factor else 0.0, site.element(mean), "share")
    mean, variance = site.onnx("Mul", mean, share), site.onnx("Mul", variance, share)
    channels = site.dims(mean)
    scale = site.given(4) or site.splat(1, channels, site.element(x))
    offset = site.given(5) or site.splat(0, channels, site.element(x))
    return _batch_normalized(site, x, (scale, offset, mean, variance), 1, number(site.op, "epsilon", 1e-5))


# -- normalization over axes of each sample


def moments(site: Site, x: Value, axes: Sequence[int], *, keep: bool = True) -> tuple[Value, Value]:
    """Return mean and variance over `axes`."""
    where = site.constant(tuple(axes), part="axes")
    mean = site.onnx("ReduceMean", x, where)
    difference = site.onnx("Sub", x, mean)
    variance = site.onnx("ReduceMean", site.onnx("Mul", difference, difference), where)
    return (mean, variance) if keep else (site.squeeze(mean, axes), site.squeeze(variance, axes))


def _scaled(site: Site, x: Value, mean: Value, variance: Value, epsilon: float) -> tuple[Value, Value]:
    """Return (x - mean) / sqrt(variance + epsilon), and the inverse of that root."""
    root = site.onnx("Sqrt", site.onnx("Add", variance, site.scalar(epsilon, variance)))
    inverse = site.onnx("Reciprocal", root)
    return site.onnx("Mul", site.onnx("Sub", x, mean), inverse), inverse


@lowers("LayerNorm", "LayerNormV3")
def _layer_norm(site: Site) -> Lowered:
    x, gamma, beta = site.inputs
    first = integer(site.op, "begin_norm_axis", 0) % site.rank(x)
    inverted = site.op_type == "LayerNormV3"
    epsilon = number(site.op, "epsilon", 1e-5 if inverted else 1e-7)
    normalized = x.tensor.shape and x.tensor.shape[first:]
    if gamma.tensor.shape == beta.tensor.shape == normalized and not site.is_read(1) and not site.is_read(2):
        return [site.onnx("LayerNormalization", x, gamma, beta, axis=first, epsilon=epsilon), None, None]
    mean, variance = moments(site, x, range(first, site.rank(x)))
    scaled, inverse = _scaled(site, x, mean, variance, epsilon)
    y = site.onnx("Add", site.onnx("Mul", scaled, gamma), beta)
    return [y, mean, inverse if inverted else variance]


@lowers("RmsNorm")
def _rms_norm(site: Site) -> Lowered:
    x, gamma = site.inputs
    axes = tuple(range(site.rank(x) - site.rank(gamma), site.rank(x)))
    mean = site.onnx("ReduceMean", site.onnx("Mul", x, x), site.constant(axes, part="axes"))
    root = site.onnx("Sqrt", site.onnx("Add", mean, site.scalar(number(site.op, "epsilon", 1e-6), x)))
    inverse = site.onnx("Reciprocal", root)
    return [site.onnx("Mul", site.onnx("Mul", x, inverse), gamma), inverse]


@lowers("InstanceNorm", "InstanceNormV2")
def _instance_norm(site: Site) -> Lowered:
    x, is_v2 = site.inputs[0], site.op_type == "InstanceNormV2"
    axes = instance_axes(site.op, site.rank(x))
    mean, variance = site.given(3), site.given(4)
    if not is_v2 or flag(site.op, "is_training", True) or mean is None or variance is None:
        mean, variance = moments(site, x, axes)
    element = site.element(x)
    mean, variance = site.cast(mean, element), site.cast(variance, element)
    y, _ = _scaled(site, x, mean, variance, number(site.op, "epsilon", 1e-5 if is_v2 else 1e-6))
    for index, kind in ((1, "Mul"), (2, "Add")):
        parameter = site.given(index)
        if parameter is not None:
            is_behind = site.rank(parameter) == 1 and bool(axes) and axes[-1] == site.rank(x) - 1
            shaped = site.reshape(parameter, (-1, *(1,) * len(axes))) if is_behind else parameter
            y = site.onnx(kind, y, site.cast(shaped, element))
    return [y, mean, variance]


@lowers("L2Normalize")
def _l2_normalize(site: Site) -> Lowered:
    x, axes = site.inputs[0], integers(site.op, "axis", ())
    squares = site.onnx("ReduceSumSquare", x, site.constant(axes or tuple(range(site.rank(x))), part="axes"))
    least = site.onnx("Max", squares, site.scalar(number(site.op, "eps", 1e-4), x))
    return site.onnx("Div", x, site.onnx("Sqrt", least))


@lowers("LRN")
def _lrn(site: Site) -> Lowered:
    size = 2 * integer(site.op, "depth_radius", 5) + 1
    axis = channel_axis(data_format(site.op, "NHWC", "NCHW"))
    y = site.onnx(
        "LRN",
        site.channels_first(site.inputs[0], axis),
        size=size,
        bias=number(site.op, "bias", 1.0),
        alpha=number(site.op, "alpha", 1.0) * size,
        beta=number(site.op, "beta", 0.5),
    )
    return site.as_laid_out(y, axis)


# -- softmax


@lowers("SoftmaxV2", "LogSoftmaxV2")
def _softmax(site: Site) -> Lowered:
    x, axes = site.inputs[0], integers(site.op, "axes", (-1,))
    is_log = site.op_type == "LogSoftmaxV2"
    if not is_log and flag(site.op, "half_to_float", False):
        x = site.cast(x, F32)
    if len(axes) == 1:
        return site.onnx("LogSoftmax" if is_log else "Softmax", x, axis=axes[0])
    where = site.constant(axes, part="axes")
    shifted = site.onnx("Sub", x, site.onnx("ReduceMax", x, where))
    raised = site.onnx("Exp", shifted)
    total = site.onnx("ReduceSum", raised, where)
    return site.onnx("Sub", shifted, site.onnx("Log", total)) if is_log else site.onnx("Div", raised, total)


# -- losses


@lowers("SoftmaxCrossEntropyWithLogits")
def _cross_entropy(site: Site) -> Lowered:
    features, labels = site.inputs
    logs = site.onnx("LogSoftmax", features, axis=-1)
    zero, last = site.scalar(0, labels), site.constant((1,), part="axes")
    # A label of 0 takes no part, not even beside an infinite logarithm.
    terms = site.onnx("Where", site.onnx("Equal", labels, zero), zero, site.onnx("Mul", labels, logs))
    loss = site.onnx("Neg", site.onnx("ReduceSum", terms, last, keepdims=0))
    return [loss, site.onnx("Sub", site.onnx("Exp", logs), labels)]


@lowers("SparseSoftmaxCrossEntropyWithLogits")
def _sparse_cross_entropy(site: Site) -> Lowered:
    features, labels = site.inputs[0], site.cast(site.inputs[1], I64)
    logs = site.onnx("LogSoftmax", features, axis=-1)
    picked = site.onnx("GatherElements", logs, site.unsqueeze(labels, (1,)), axis=1)
    loss = site.onnx("Neg", site.squeeze(picked, (1,)))
    classes = extent(site, features, 1) if site.is_read(1) else 0
    if not classes:
        return [loss, None]
    ones = site.onnx("OneHot", labels, site.constant(classes), site.constant((0, 1), site.element(features)))
    return [loss, site.onnx("Sub", site.onnx("Exp", logs), ones)]


@lowers("L2Loss")
def _l2_loss(site: Site) -> Lowered:
    x = site.inputs[0]
    total = site.onnx("ReduceSumSquare", x, keepdims=0)
    return site.onnx("Div", total, site.scalar(2, x))
