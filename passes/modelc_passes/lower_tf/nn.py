"""Lowering of convolutions, normalizations and activations."""

from __future__ import annotations

from modelc.dialects.ge.helpers import channel_axis, spatial_axes
from modelc.ir.attributes import Attribute
from modelc.ir.op import Value
from modelc.ir.types import I32, Dim
from modelc_passes.lower_tf.site import Site, UnsupportedFormError
from modelc_passes.lower_tf.table import Lowered, lowers
from modelc_passes.lower_tf.windows import at_axes, layout, window_pads


def _dims_or_unknown(value: Value, rank: int) -> tuple[Dim, ...]:
    shape = value.tensor.shape
    return (None,) * rank if shape is None or len(shape) != rank else shape


def _ratio(channels: Dim, per_group: Dim) -> int:
    # Anything that does not divide is for type inference to complain about.
    if isinstance(channels, int) and isinstance(per_group, int) and per_group > 0 and channels % per_group == 0:
        return max(1, channels // per_group)
    return 1


def convolution_attributes(site: Site, sizes: tuple[Dim, ...], filters: Value, rank: int) -> dict[str, Attribute]:
    """Return the attributes that all convolutions share; `sizes` is the shape the window moves over."""
    data_format = layout(site, rank)
    kernel = _dims_or_unknown(filters, rank)[: rank - 2]
    return {
        "strides": site.integers("strides"),
        "pads": window_pads(site, at_axes(sizes, spatial_axes(data_format)), kernel, data_format),
        "dilations": site.integers("dilations", (1,) * rank),
        "data_format": data_format,
    }


def _convolution(site: Site, kind: str, rank: int) -> Lowered:
    x, filters = site.inputs
    sizes = _dims_or_unknown(x, rank)
    attributes = convolution_attributes(site, sizes, filters, rank)
    channels = sizes[channel_axis(layout(site, rank))]
    attributes["groups"] = _ratio(channels, _dims_or_unknown(filters, rank)[rank - 2])
    return site.ge(kind, x, filters, **attributes)


@lowers("Conv2D")
def _conv2d(site: Site) -> Lowered:
    return _convolution(site, "Conv2D", 4)


@lowers("Conv3D")
def _conv3d(site: Site) -> Lowered:
    return _convolution(site, "Conv3D", 5)


@lowers("DepthwiseConv2dNative")
def _depthwise(site: Site) -> Lowered:
    x, filters = site.inputs
    attributes = convolution_attributes(site, _dims_or_unknown(x, 4), filters, 4)
    height, width, channels, multiplier = site.dims(filters)
    filters = site.reshape(filters, (height, width, 1, channels * multiplier))
    return site.ge("DepthwiseConv2D", x, filters, **attributes)


def _transposed(site: Site, kind: str, rank: int) -> Lowered:
    size, filters, gradient = site.inputs
    sizes = site.needed_ints(size, "the size of its result, its first operand")
    data_format = layout(site, rank)
    channels = channel_axis(data_format)
    if len(sizes) == rank - 2:
        batch, depth = site.shape(gradient)[0], site.dims(filters)[rank - 2]
        if not isinstance(batch, int):
            raise site.unknown("the batch size")
        sizes = (batch, *sizes, depth) if channels == rank - 1 else (batch, depth, *sizes)
    attributes = convolution_attributes(site, sizes, filters, rank)
    attributes["groups"] = _ratio(sizes[channels], _dims_or_unknown(filters, rank)[rank - 2])
    return site.ge(kind, site.constant(sizes, I32, part="input_size"), filters, gradient, **attributes)


@lowers("Conv2DBackpropInput")
def _conv2d_transposed(site: Site) -> Lowered:
    return _transposed(site, "Conv2DBackpropInput", 4)


@lowers("Conv3DBackpropInputV2")
def _conv3d_transposed(site: Site) -> Lowered:
    return _transposed(site, "Conv3DBackpropInput", 5)


@lowers("DepthwiseConv2dNativeBackpropInput")
def _depthwise_transposed(site: Site) -> Lowered:
    size, filters, gradient = site.inputs
    sizes = site.needed_ints(size, "the size of its result, its first operand")
    attributes = convolution_attributes(site, sizes, filters, 4)
    size = site.constant(sizes, I32, part="input_size")
    return site.ge("DepthwiseConv2DBackpropInput", size, filters, gradient, **attributes)


@lowers("Dilation2D")
def _dilation(site: Site) -> Lowered:
    attributes: dict[str, Attribute] = {
        "strides": site.integers("strides"),
        "rates": site.integers("rates"),
        "padding_mode": site.text("padding"),
        "data_format": "NHWC",
    }
    return site.ge("Dilation2D", *site.inputs, **attributes)


@lowers("FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3")
def batch_norm(site: Site) -> Lowered:
    """Lower a batch normalization; at inference the statistics it gives back are those it is given."""
    training = site.flag("is_training", True)
    attributes: dict[str, Attribute] = {
        "epsilon": site.number("epsilon", 0.0001),
        "data_format": site.text("data_format", "NHWC"),
        "is_training": training,
    }
    if training:
        results = site.many("BatchNorm", *site.inputs[:3], **attributes)
        return [*results[:3], *[None] * (len(site.op.results) - 3)]
    mean, variance = site.inputs[3:5]
    result = site.many("BatchNorm", *site.inputs[:5], **attributes)[0]
    return [result, mean, variance, mean, variance, None]


@lowers("BiasAdd", "BiasAddV1")
def _bias(site: Site) -> Lowered:
    return site.ge("BiasAdd", *site.inputs, data_format=site.text("data_format", "NHWC"))


@lowers("Softmax")
def _softmax(site: Site) -> Lowered:
    return site.ge("SoftmaxV2", site.inputs[0], axes=(-1,))


@lowers("LogSoftmax")
def _log_softmax(site: Site) -> Lowered:
    return site.ge("LogSoftmaxV2", site.inputs[0], axes=(-1,))


@lowers("LeakyRelu")
def leaky_relu(site: Site) -> Lowered:
    """Lower a leaky ReLU."""
    return site.ge("LeakyRelu", site.inputs[0], negative_slope=site.number("alpha", 0.2))


@lowers("Elu")
def _elu(site: Site) -> Lowered:
    return site.ge("Elu", site.inputs[0], alpha=1.0, scale=1.0, input_scale=1.0)


@lowers("LRN")
def _lrn(site: Site) -> Lowered:
    return site.ge(
        "LRN",
        site.inputs[0],
        depth_radius=site.integer("depth_radius", 5),
        bias=site.number("bias", 1.0),
        alpha=site.number("alpha", 1.0),
        beta=site.number("beta", 0.5),
        norm_region="ACROSS_CHANNELS",
    )


@lowers("SparseSoftmaxCrossEntropyWithLogits", "SoftmaxCrossEntropyWithLogits")
def _cross_entropy(site: Site) -> Lowered:
    if site.is_read(1):
        raise UnsupportedFormError("gives its gradient to an op, which only training needs")
    return [site.many(site.op_type, *site.inputs)[0], None]
