"""Lowering of activations."""

from __future__ import annotations

from modelc.dialects.ge.activation import SELU_ALPHA, SELU_SCALE, prelu_axis
from modelc.dialects.ge.helpers import integer, number, text
from modelc.ir.op import Value
from modelc_backends.onnx.lower.elementwise import affine, expm1
from modelc_backends.onnx.lower.site import Site
from modelc_backends.onnx.lower.table import Lowered, lowers

_SAME = ("HardSwish", "Mish", "Relu", "Sigmoid", "Softplus", "Softsign", "Tanh")


@lowers(*_SAME)
def _same(site: Site) -> Lowered:
    return site.onnx(site.op_type, site.inputs[0])


@lowers("Relu6")
def _relu6(site: Site) -> Lowered:
    x = site.inputs[0]
    return site.onnx("Clip", x, site.scalar(0, x), site.scalar(6, x))


@lowers("Gelu")
def _gelu(site: Site) -> Lowered:
    return site.onnx("Gelu", site.inputs[0], approximate="tanh")


@lowers("GeluV2")
def _gelu_v2(site: Site) -> Lowered:
    return site.onnx("Gelu", site.inputs[0], approximate=text(site.op, "approximate", "none"))


def swish(site: Site, x: Value, scale: float = 1.0) -> Value:
    """Return x * sigmoid(x * scale)."""
    return site.onnx("Mul", x, site.onnx("Sigmoid", affine(site, x, scale)))


@lowers("FastGelu")
def _fast_gelu(site: Site) -> Lowered:
    return swish(site, site.inputs[0], 1.702)


@lowers("Swish")
def _swish(site: Site) -> Lowered:
    return swish(site, site.inputs[0], number(site.op, "scale", 1.0))


@lowers("LogSigmoid")
def _log_sigmoid(site: Site) -> Lowered:
    return site.onnx("Neg", site.onnx("Softplus", site.onnx("Neg", site.inputs[0])))


@lowers("Selu")
def _selu(site: Site) -> Lowered:
    return site.onnx("Selu", site.inputs[0], alpha=SELU_ALPHA, gamma=SELU_SCALE)


@lowers("LeakyRelu")
def _leaky_relu(site: Site) -> Lowered:
    return site.onnx("LeakyRelu", site.inputs[0], alpha=number(site.op, "negative_slope", 0.0))


@lowers("Elu")
def _elu(site: Site) -> Lowered:
    alpha, scale = number(site.op, "alpha", 1.0), number(site.op, "scale", 1.0)
    input_scale, x = number(site.op, "input_scale", 1.0), site.inputs[0]
    if input_scale == 1.0:
        return affine(site, site.onnx("Elu", x, alpha=alpha), scale)
    return affine(site, _piecewise(site, x, affine(site, expm1(site, affine(site, x, input_scale)), alpha), x), scale)


def _piecewise(site: Site, x: Value, below: Value, above: Value) -> Value:
    """Return `below` where `x` is negative, `above` elsewhere."""
    return site.onnx("Where", site.onnx("Less", x, site.scalar(0, x)), below, above)


@lowers("Celu")
def _celu(site: Site) -> Lowered:
    x = site.inputs[0]
    height, width, slope = (number(site.op, f"alpha{n}", 1.0) for n in (1, 2, 3))
    below = affine(site, expm1(site, affine(site, x, 1 / width)), height)
    return _piecewise(site, x, below, affine(site, x, slope))


@lowers("HardSigmoid")
def _hard_sigmoid(site: Site) -> Lowered:
    alpha, beta = number(site.op, "alpha", 0.16666666), number(site.op, "beta", 0.5)
    return site.onnx("HardSigmoid", site.inputs[0], alpha=alpha, beta=beta)


@lowers("HardShrink", "SoftShrink")
def _shrink(site: Site) -> Lowered:
    """Compare: onnxruntime's `Shrink` takes what is no number for 0."""
    x, edge = site.inputs[0], site.scalar(number(site.op, "lambd", 0.5), site.inputs[0])
    inside = site.onnx("LessOrEqual", site.onnx("Abs", x), edge)
    outside = x if site.op_type == "HardShrink" else site.onnx("Sub", x, site.onnx("Mul", site.onnx("Sign", x), edge))
    return site.onnx("Where", inside, site.scalar(0, x), outside)


@lowers("SoftplusV2")
def _softplus_v2(site: Site) -> Lowered:
    x, beta = site.inputs[0], number(site.op, "beta", 1.0)
    scaled = affine(site, x, beta)
    smooth = affine(site, site.onnx("Softplus", scaled), 1 / beta)
    is_far = site.onnx("Greater", scaled, site.scalar(number(site.op, "threshold", 20.0), x))
    return site.onnx("Where", is_far, x, smooth)


@lowers("Threshold")
def _threshold(site: Site) -> Lowered:
    x = site.inputs[0]
    return site.onnx("Greater", x, site.scalar(number(site.op, "threshold", 0.0), x))


@lowers("ThresholdedRelu")
def _thresholded_relu(site: Site) -> Lowered:
    return site.onnx("ThresholdedRelu", site.inputs[0], alpha=number(site.op, "alpha", 1.0))


@lowers("PRelu")
def _prelu(site: Site) -> Lowered:
    x, weight = site.inputs
    axis = prelu_axis(site.op, site.shape(x), site.shape(weight))
    if axis is not None:
        weight = site.reshape(weight, (-1, *(1,) * (site.rank(x) - 1 - axis)))
    return site.onnx("PRelu", x, weight)


@lowers("SwiGlu")
def _swiglu(site: Site) -> Lowered:
    gate, value = site.many("Split", 2, site.inputs[0], axis=integer(site.op, "dim", -1), num_outputs=2)
    return site.onnx("Mul", swish(site, gate), value)
