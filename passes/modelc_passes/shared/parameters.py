"""What the folding passes ask about: constants per channel, and the ops that take weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelc.ir.attributes import get
from modelc.ir.blob import Blob
from modelc.ir.constants import constant, numpy_dtype
from modelc.ir.op import Op, Value
from modelc.ir.types import NONE, Element, TensorType

VECTOR = 1 << 22  # bytes a constant with one number per channel may have

Vector = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Linear:
    """How an op with weights is laid out.

    Attributes:
        filter: Which operand holds the weights.
        axis: Axis of the output channels in the weights.
        bias: Which operand holds the bias, None where the op takes none.
    """

    filter: int
    axis: int
    bias: int | None


_LINEAR = {
    "ge.Conv2D": Linear(1, 3, 2),
    "ge.DepthwiseConv2D": Linear(1, 3, 2),
    "ge.Conv3D": Linear(1, 4, 2),
    "ge.MatMulV2": Linear(1, 1, 2),
    "ge.Conv2DBackpropInput": Linear(1, 2, None),
    "ge.Conv3DBackpropInput": Linear(1, 3, None),
}

LINEAR_KINDS = frozenset(_LINEAR)


def linear(op: Op) -> Linear | None:
    """Return how `op` is laid out, None where it is no op with weights."""
    found = _LINEAR.get(op.kind)
    if op.kind == "ge.MatMulV2" and op.attributes.get("transpose_x2") is True:
        return Linear(1, 0, 2)
    return found


def channel_axis(op: Op, rank: int) -> int:
    """Return the axis of the channels in the result of `op`, which is laid out as its `data_format` says."""
    layout = get(op.attributes, "data_format", str, "NHWC")
    return 1 if layout.startswith("NC") and rank > 2 else rank - 1


def weights(value: Value) -> Blob | None:
    """Return the bytes of a floating-point constant of any size, None for anything else."""
    blob = value.producer.attributes.get("value")
    element = value.tensor.element if isinstance(value.type, TensorType) else None
    if value.producer.kind != "const" or element is None or element.family != "float" or not value.tensor.is_static:
        return None
    return blob if isinstance(blob, Blob) else None


def optional(op: Op, index: int) -> Value | None:
    """Return optional operand `index`, None where it is left out."""
    if index >= len(op.operands) or op.operands[index].type is NONE:
        return None
    return op.operands[index]


def vector(value: Value) -> Vector | None:
    """Return a floating-point constant with one number per channel, None for anything else."""
    if value.tensor.rank != 1 or weights(value) is None:
        return None
    array = constant(value, VECTOR)
    return None if array is None else array.astype(np.float64)


def per_channel(value: Value, axis: int, rank: int, channels: int) -> Vector | None:
    """Return the numbers of a constant that differ along one axis only.

    Args:
        value: A constant that is broadcast against a tensor.
        axis: The axis of that tensor's channels.
        rank: Its number of dimensions.
        channels: Its number of channels.

    Returns:
        One number per channel; None where `value` is something else.
    """
    blob = weights(value)
    shape = value.tensor.dims if blob is not None else ()
    if blob is None or blob.nbytes > VECTOR or len(shape) > rank:
        return None
    full = (1,) * (rank - len(shape)) + shape
    if any(dim != 1 for index, dim in enumerate(full) if index != axis) or full[axis] not in (1, channels):
        return None
    array = constant(value, None)
    if array is None:  # its bytes cannot be had, which the reader or `freeze` reports
        return None
    return np.broadcast_to(array.reshape(-1).astype(np.float64), (channels,))


def rounded(numbers: Vector, element: Element | None) -> NDArray[Any]:
    """Return `numbers` in the element type they are stored in."""
    assert element is not None
    return numbers.astype(numpy_dtype(element))
