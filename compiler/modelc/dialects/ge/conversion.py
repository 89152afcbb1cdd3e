"""Ops that convert elements or repeat them: Cast, complex numbers and their parts, BroadcastTo."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from modelc.dialects.ge.arrays import Array
from modelc.dialects.ge.dtypes import element_of_cpp
from modelc.dialects.ge.helpers import (
    broadcast,
    common_element,
    element,
    integer,
    mismatch,
    operand,
)
from modelc.dialects.ge.known import known_ints
from modelc.dialects.ge.semantics import Arrays, evaluates, infers
from modelc.ir.constants import numpy_dtype
from modelc.ir.op import Op
from modelc.ir.types import BOOL, ELEMENTS, Dim, Shape, TensorType, Type, format_shape


@infers("Cast")
def _infer_cast(op: Op) -> list[Type]:
    wanted = integer(op, "dst_type")
    target = element_of_cpp(wanted)
    if target is None:
        raise mismatch(op, f"converts to element type number {wanted}, which is not known")
    return [operand(op, 0).with_element(target)]


@evaluates("Cast")
def _cast(op: Op, arrays: Arrays) -> list[Array]:
    target = element_of_cpp(integer(op, "dst_type"))
    if target is None or target.family in ("string", "opaque"):
        raise mismatch(op, f"cannot convert to {target}")
    x = arrays[0]
    if x.dtype.kind == "c" and target.family != "complex":
        x = x.real
    if x.dtype.name == "bfloat16":
        x = x.astype(np.float32)
    return [x.astype(numpy_dtype(target), copy=False)]


@infers("ToBool")
def _infer_to_bool(op: Op) -> list[Type]:
    operand(op, 0)
    return [TensorType(BOOL, ())]


@evaluates("ToBool")
def _to_bool(_: Op, arrays: Arrays) -> list[Array]:
    x = arrays[0]
    return [np.array(bool(x.item()) if x.ndim == 0 else x.size > 0)]


PARTS: dict[str, Callable[..., Any]] = {"Angle": np.angle, "ComplexAbs": np.abs, "Imag": np.imag, "Real": np.real}


@infers(*PARTS)
def _infer_part(op: Op) -> list[Type]:
    return [operand(op, 0).with_element(element(op, "Tout", ELEMENTS["f32"]))]


@evaluates(*PARTS)
def _part(op: Op, arrays: Arrays) -> list[Array]:
    part = PARTS[op.kind.removeprefix("ge.")](arrays[0])
    return [np.asarray(part).astype(numpy_dtype(element(op, "Tout", ELEMENTS["f32"])))]


@infers("Complex")
def _infer_complex(op: Op) -> list[Type]:
    real, imaginary = operand(op, 0), operand(op, 1)
    common_element(op, (real, imaginary))
    return [TensorType(element(op, "Tout", ELEMENTS["c64"]), broadcast(op, real.shape, imaginary.shape))]


@evaluates("Complex")
def _complex(op: Op, arrays: Arrays) -> list[Array]:
    real, imaginary = np.broadcast_arrays(*arrays)
    result = np.empty(real.shape, numpy_dtype(element(op, "Tout", ELEMENTS["c64"])))
    result.real, result.imag = real, imaginary
    return [result]


@infers("BroadcastTo")
def _infer_broadcast_to(op: Op) -> list[Type]:
    x, wanted = operand(op, 0), known_ints(op, 1)
    return [x.with_shape(None if wanted is None else _broadcast_target(op, x.shape, wanted))]


def _broadcast_target(op: Op, shape: Shape, wanted: tuple[Dim, ...]) -> tuple[Dim, ...]:
    """Return the shape to broadcast to; -1 keeps the dimension of the operand."""
    if shape is None:
        return tuple(None if dim == -1 else dim for dim in wanted)
    if len(wanted) < len(shape):
        raise mismatch(op, f"cannot broadcast {format_shape(shape)} to {format_shape(wanted)}")
    own: tuple[Dim, ...] = (1,) * (len(wanted) - len(shape)) + shape
    target = tuple(dim if size == -1 else size for dim, size in zip(own, wanted, strict=True))
    for dim, size in zip(own, target, strict=True):
        if isinstance(dim, int) and isinstance(size, int) and dim not in (1, size):
            raise mismatch(op, f"cannot broadcast {format_shape(shape)} to {format_shape(wanted)}")
    return target


@evaluates("BroadcastTo")
def _broadcast_to(op: Op, arrays: Arrays) -> list[Array]:
    x, wanted = arrays
    target = _broadcast_target(op, x.shape, tuple(int(size) for size in wanted))
    return [np.broadcast_to(x, tuple(int(dim) for dim in target if isinstance(dim, int)))]
