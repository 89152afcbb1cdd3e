"""Ops that no framework has: quantization as Ascend's tools put it into models, and a few that help its kernels."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from modelc.dialects.ge.arrays import wide, widened
from modelc.dialects.ge.dtypes import element_of_cpp
from modelc.dialects.ge.helpers import (
    element,
    flag,
    integer,
    integers,
    mismatch,
    number,
    operand,
    positive_axes,
    product,
    text,
)
from modelc.dialects.ge.semantics import Array, Arrays, evaluates, infers
from modelc.ir.constants import numpy_dtype
from modelc.ir.op import Op
from modelc.ir.types import F16, F32, I8, I32, Element, TensorType, Type

ROUNDINGS: dict[str, Callable[[Array], Array]] = {
    "Ceil": np.ceil,
    "Floor": np.floor,
    "Round": np.rint,
    "Trunc": np.trunc,
}


def _element(op: Op, name: str, default: Element, *allowed: Element) -> Element:
    """Return the element type that an attribute holds as a number."""
    value = op.attributes.get(name)
    found = default if value is None else element_of_cpp(integer(op, name))
    if found not in allowed:
        raise mismatch(op, f"gives {' or '.join(map(str, allowed))}, not {found}")
    return found


def _scale(op: Op) -> np.float32:
    scale = np.float32(number(op, "scale"))
    return scale * scale if flag(op, "sqrt_mode", False) else scale


@infers("AscendQuant")
def _infer_quant(op: Op) -> list[Type]:
    if text(op, "round_mode", "Round") not in ROUNDINGS:
        raise mismatch(op, f"does not round by `{text(op, 'round_mode')}`")
    return [operand(op, 0).with_element(_element(op, "dst_type", I8, I8))]


@evaluates("AscendQuant")
def _quant(op: Op, arrays: Arrays) -> list[Array]:
    scaled = wide(arrays[0]) * _scale(op) + np.float32(number(op, "offset"))
    rounded = ROUNDINGS[text(op, "round_mode", "Round")](scaled)
    return [np.clip(rounded, -128, 127).astype(np.int8)]


@infers("AscendAntiQuant")
def _infer_anti_quant(op: Op) -> list[Type]:
    return [operand(op, 0).with_element(_element(op, "dtype", F32, F32, F16))]


@evaluates("AscendAntiQuant")
def _anti_quant(op: Op, arrays: Arrays) -> list[Array]:
    shifted = arrays[0].astype(np.float32) + np.float32(number(op, "offset"))
    return [(shifted * _scale(op)).astype(numpy_dtype(_element(op, "dtype", F32, F32, F16)))]


@infers("AscendPadding")
def _infer_padding(op: Op) -> list[Type]:
    x, extent = operand(op, 0), integer(op, "pad_dim_size", 8)
    if x.shape is None:
        return [x]
    if extent < 1 or len(x.shape) < 2 or (isinstance(x.shape[-1], int) and x.shape[-1] != 1):
        raise mismatch(op, f"pads a last dimension of 1 to {extent}, not {x}")
    return [x.with_shape((*x.shape[:-1], extent))]


@evaluates("AscendPadding")
def _padding(op: Op, arrays: Arrays) -> list[Array]:
    return [np.pad(arrays[0], [(0, 0)] * (arrays[0].ndim - 1) + [(0, integer(op, "pad_dim_size", 8) - 1)])]


@infers("Centralization")
def _infer_centralization(op: Op) -> list[Type]:
    x = operand(op, 0)
    if x.rank is not None:
        positive_axes(op, integers(op, "axes", (-1,)), x.rank)
    return [x]


@evaluates("Centralization")
def _centralization(op: Op, arrays: Arrays) -> list[Array]:
    axes = positive_axes(op, integers(op, "axes", (-1,)), arrays[0].ndim)
    return [widened(lambda x: x - x.mean(axes, keepdims=True, dtype=np.float64).astype(x.dtype))(arrays[0])]


# -- what is not zero, with its place, in tensors that have room for all


def _room(op: Op) -> tuple[TensorType, TensorType]:
    x = operand(op, 0)
    if x.shape is not None and len(x.shape) != 2:
        raise mismatch(op, f"needs a matrix, not {x}")
    count = None if x.shape is None else product(x.shape)
    return x.with_shape((count,)), TensorType(element(op, "dtype", I32), (2, count))


@infers("NonZeroWithValue")
def _infer_non_zero(op: Op) -> list[Type]:
    return [*_room(op), TensorType(element(op, "dtype", I32), (1,))]


@evaluates("NonZeroWithValue")
def _non_zero(op: Op, arrays: Arrays) -> list[Array]:
    x, dtype = arrays[0], numpy_dtype(element(op, "dtype", I32))
    rows, columns = np.nonzero(x)
    values, places = np.zeros(x.size, x.dtype), np.zeros((2, x.size), dtype)
    values[: len(rows)] = x[rows, columns]
    places[:, : len(rows)] = rows, columns
    return [values, places, np.array([len(rows)], dtype)]
