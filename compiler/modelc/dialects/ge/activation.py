"""Activations, and the rounding of fake quantization."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from modelc.dialects.ge import special
from modelc.dialects.ge.arrays import Array, widened
from modelc.dialects.ge.helpers import (
    common_element,
    equal_dims,
    flag,
    integer,
    mismatch,
    need_rank,
    number,
    operand,
    positive_axis,
    text,
)
from modelc.dialects.ge.semantics import Arrays, evaluates, infers
from modelc.ir.op import Op
from modelc.ir.types import F32, Dim, Type

SELU_SCALE = 1.0507009873554805
SELU_ALPHA = 1.6732632423543772
ROOT_2_OVER_PI = math.sqrt(2 / math.pi)


def sigmoid(x: Array) -> Array:
    """Return 1 / (1 + exp(-x)) without overflow."""
    if x.dtype.kind == "c":
        return 1 / (1 + np.exp(-x))
    small = np.exp(-np.abs(x))  # at most 1
    return np.asarray(np.where(x < 0, small, np.ones((), x.dtype)) / (1 + small))


def softplus(x: Array) -> Array:
    """Return log(1 + exp(x)) without overflow."""
    return np.asarray(np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x))))


def _gelu(x: Array) -> Array:
    return np.asarray(x * special.erfc(x * -math.sqrt(0.5)) * 0.5)


def _gelu_by_tanh(x: Array) -> Array:
    return np.asarray(x * 0.5 * (1 + np.tanh(ROOT_2_OVER_PI * (x + 0.044715 * x * x * x))))


def _elu(x: Array) -> Array:
    return np.where(x < 0, np.expm1(x), x)


ACTIVATIONS: dict[str, Callable[[Array], Any]] = {
    "FastGelu": lambda x: x * sigmoid(1.702 * x),
    "Gelu": _gelu_by_tanh,
    "HardSwish": lambda x: x * np.clip(x + 3, 0, 6) / 6,
    "LogSigmoid": lambda x: -softplus(-x),
    "Mish": lambda x: x * np.tanh(softplus(x)),
    "Relu": lambda x: np.maximum(x, 0),
    "Relu6": lambda x: np.clip(x, 0, 6),
    "Selu": lambda x: SELU_SCALE * np.where(x < 0, SELU_ALPHA * np.expm1(x), x),
    "Sigmoid": sigmoid,
    "Softplus": softplus,
    "Softsign": lambda x: x / (1 + np.abs(x)),
    "Tanh": np.tanh,
}
_SHAPED = (  # one operand, with numbers as attributes
    "Celu",
    "Elu",
    "GeluV2",
    "HardShrink",
    "HardSigmoid",
    "LeakyRelu",
    "SoftShrink",
    "SoftplusV2",
    "Swish",
    "Threshold",
    "ThresholdedRelu",
)


@infers(*ACTIVATIONS, *_SHAPED)
def _same_type(op: Op) -> list[Type]:
    return [operand(op, 0)]


@evaluates(*ACTIVATIONS)
def _activation(op: Op, arrays: Arrays) -> list[Array]:
    return [widened(ACTIVATIONS[op.kind.removeprefix("ge.")])(arrays[0])]


@evaluates("LeakyRelu")
def _leaky_relu(op: Op, arrays: Arrays) -> list[Array]:
    slope = number(op, "negative_slope", 0.0)
    return [widened(lambda x: np.where(x > 0, x, x * slope))(arrays[0])]


@evaluates("Elu")
def _scaled_elu(op: Op, arrays: Arrays) -> list[Array]:
    alpha, scale = number(op, "alpha", 1.0), number(op, "scale", 1.0)
    input_scale = number(op, "input_scale", 1.0)
    return [widened(lambda x: scale * np.where(x < 0, alpha * np.expm1(x * input_scale), x))(arrays[0])]


@evaluates("Celu")
def _celu(op: Op, arrays: Arrays) -> list[Array]:
    height, width, slope = number(op, "alpha1", 1.0), number(op, "alpha2", 1.0), number(op, "alpha3", 1.0)
    return [widened(lambda x: np.where(x < 0, height * np.expm1(x / width), slope * x))(arrays[0])]


@evaluates("GeluV2")
def _gelu_v2(op: Op, arrays: Arrays) -> list[Array]:
    mode = text(op, "approximate", "none")
    if mode not in ("none", "tanh"):
        raise mismatch(op, f"is approximated by none or tanh, not {mode}")
    return [widened(_gelu if mode == "none" else _gelu_by_tanh)(arrays[0])]


@evaluates("HardSigmoid")
def _hard_sigmoid(op: Op, arrays: Arrays) -> list[Array]:
    alpha, beta = number(op, "alpha", 0.16666666), number(op, "beta", 0.5)
    return [widened(lambda x: np.clip(x * alpha + beta, 0, 1))(arrays[0])]


@evaluates("HardShrink")
def _hard_shrink(op: Op, arrays: Arrays) -> list[Array]:
    edge = number(op, "lambd", 0.5)
    return [widened(lambda x: np.where(np.abs(x) <= edge, np.zeros((), x.dtype), x))(arrays[0])]


@evaluates("SoftShrink")
def _soft_shrink(op: Op, arrays: Arrays) -> list[Array]:
    edge = number(op, "lambd", 0.5)
    return [widened(lambda x: np.where(np.abs(x) <= edge, np.zeros((), x.dtype), x - edge * np.sign(x)))(arrays[0])]


@evaluates("SoftplusV2")
def _softplus_v2(op: Op, arrays: Arrays) -> list[Array]:
    beta, threshold = number(op, "beta", 1.0), number(op, "threshold", 20.0)
    return [widened(lambda x: np.where(x * beta > threshold, x, softplus(x * beta) / beta))(arrays[0])]


@evaluates("Swish")
def _swish(op: Op, arrays: Arrays) -> list[Array]:
    scale = number(op, "scale", 1.0)
    return [widened(lambda x: x * sigmoid(x * scale))(arrays[0])]


@evaluates("Threshold")
def _threshold(op: Op, arrays: Arrays) -> list[Array]:
    threshold = number(op, "threshold", 0.0)
    return [widened(lambda x: x > threshold)(arrays[0])]


@evaluates("ThresholdedRelu")
def _thresholded_relu(op: Op, arrays: Arrays) -> list[Array]:
    alpha = number(op, "alpha", 1.0)
    return [widened(lambda x: np.where(x > alpha, x, np.zeros((), x.dtype)))(arrays[0])]


# -- activations with weights


@infers("PRelu")
def _infer_prelu(op: Op) -> list[Type]:
    x, weight = operand(op, 0), operand(op, 1)
    result = x.with_element(common_element(op, (x, weight)))
    if x.shape is not None and weight.shape is not None:
        prelu_axis(op, x.shape, weight.shape)
    return [result]


def prelu_axis(op: Op, shape: tuple[Dim, ...], weights: tuple[Dim, ...]) -> int | None:
    """Return the axis the weights belong to, None where they are one number or fit the last axes.

    Weights in one dimension belong to the channels of a tensor in NCHW, which is axis 1; those in several dimensions
    are aligned with the last ones, as in a broadcast.
    """
    if len(weights) <= 1 and all(dim == 1 for dim in weights):
        return None
    if len(weights) == 1 and len(shape) >= 2 and shape[1] in (weights[0], None):
        return 1
    if len(weights) > len(shape) or not all(
        b == 1 or not isinstance(a, int) or not isinstance(b, int) or a == b
        for a, b in zip(reversed(shape), reversed(weights), strict=False)
    ):
        raise mismatch(op, f"cannot apply weights of {list(weights)} to {list(shape)}")
    return None


@evaluates("PRelu")
def _prelu(op: Op, arrays: Arrays) -> list[Array]:
    x, weight = arrays
    axis = prelu_axis(op, x.shape, weight.shape)
    if axis is not None:
        weight = weight.reshape(-1, *(1,) * (x.ndim - 1 - axis))
    return [widened(lambda x, weight: np.where(x > 0, x, x * weight))(x, weight)]


@infers("SwiGlu")
def _infer_swiglu(op: Op) -> list[Type]:
    x = operand(op, 0)
    if x.shape is None:
        return [x]
    axis = positive_axis(op, integer(op, "dim", -1), len(x.shape))
    dims = list(x.shape)
    size = dims[axis]
    if isinstance(size, int) and size % 2:
        raise mismatch(op, f"halves an even dimension, not that of {size} in {x}")
    dims[axis] = size // 2 if isinstance(size, int) else None
    return [x.with_shape(dims)]


@evaluates("SwiGlu")
def _swiglu(op: Op, arrays: Arrays) -> list[Array]:
    gate, value = np.split(arrays[0], 2, axis=integer(op, "dim", -1))
    return [widened(lambda gate, value: gate * sigmoid(gate) * value)(gate, value)]


# -- fake quantization


@infers("FakeQuantWithMinMaxArgs")
def _infer_fake_quant_args(op: Op) -> list[Type]:
    _bits(op)
    return [operand(op, 0)]


@infers("FakeQuantWithMinMaxVars", "FakeQuantWithMinMaxVarsPerChannel")
def _infer_fake_quant(op: Op) -> list[Type]:
    _bits(op)
    x, low, high = operand(op, 0), operand(op, 1), operand(op, 2)
    if op.kind == "ge.FakeQuantWithMinMaxVars":
        need_rank(op, low, 0, "a limit")
        need_rank(op, high, 0, "a limit")
        return [x]
    limits = [need_rank(op, limit, 1, "limits")[0] for limit in (low, high)]
    if x.shape is None:
        return [x]
    if not x.shape:
        raise mismatch(op, f"needs an operand with channels, not {x}")
    last = x.shape[-1]
    for limit in limits:
        last = equal_dims(op, last, limit, "channels of operand and limits")
    return [x.with_shape((*x.shape[:-1], last))]


@evaluates("FakeQuantWithMinMaxArgs")
def _fake_quant_args(op: Op, arrays: Arrays) -> list[Array]:
    low, high = number(op, "min", -6.0), number(op, "max", 6.0)
    return [_fake_quant(op, arrays[0], np.asarray(low, np.float32), np.asarray(high, np.float32))]


@evaluates("FakeQuantWithMinMaxVars", "FakeQuantWithMinMaxVarsPerChannel")
def _fake_quant_vars(op: Op, arrays: Arrays) -> list[Array]:
    return [_fake_quant(op, *arrays)]


def _fake_quant(op: Op, x: Array, low: Array, high: Array) -> Array:
    """Round `x` to the numbers that an integer of `num_bits` can stand for, with 0 exactly among them."""
    least = np.float32(1 if flag(op, "narrow_range", False) else 0)
    most = np.float32((1 << _bits(op)) - 1)
    scale = (high - low) / (most - least)
    zero = np.clip(_half_away(least - low / scale), least, most)
    bottom, top = (least - zero) * scale, (most - zero) * scale
    one = np.float32(1)
    clamped = np.clip(x, bottom, top) - bottom
    # The order of these steps is what frameworks compute with: another one rounds some numbers differently.
    offset = np.floor(-bottom * (one / scale) + np.float32(0.5))
    rounded = np.floor(clamped * (one / scale) - offset + np.float32(0.5)) * scale
    return np.where((low == 0) & (high == 0), np.float32(0), rounded).astype(F32.numpy)


def _bits(op: Op) -> int:
    bits = integer(op, "num_bits", 8)
    if not 2 <= bits <= 16:
        raise mismatch(op, f"rounds to integers of 2 to 16 bits, not {bits}")
    return bits


def _half_away(x: Array) -> Array:
    return np.asarray(np.sign(x) * np.floor(np.abs(x) + np.float32(0.5)))
