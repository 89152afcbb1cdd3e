"""Ops that make a tensor of given dimensions: filled, counted up, or repeated to fit."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelc.dialects.ge.dtypes import element_of_cpp
from modelc.dialects.ge.helpers import (
    broadcast,
    common_element,
    integer,
    integers,
    mismatch,
    number,
    operand,
    tensors,
)
from modelc.dialects.ge.known import known_int, known_ints
from modelc.dialects.ge.semantics import Array, Arrays, evaluates, infers
from modelc.ir.constants import constant, numpy_dtype
from modelc.ir.op import Op
from modelc.ir.types import F32, Dim, Element, Shape, TensorType, Type, format_shape

LONGEST = 1 << 40  # elements: more is a mistake rather than a tensor

# -- filling


def _extents(op: Op, index: int) -> Shape:
    """Return the dimensions that operand `index` holds, none of which may be negative."""
    dims = known_ints(op, index)
    if dims is not None and any(isinstance(dim, int) and dim < 0 for dim in dims):
        raise mismatch(op, f"cannot have the shape {format_shape(dims)}")
    return dims


def _counts(op: Op, array: NDArray[Any]) -> tuple[int, ...]:
    dims = tuple(int(dim) for dim in array.reshape(-1))
    if any(dim < 0 for dim in dims) or math.prod(dims) > LONGEST:
        raise mismatch(op, f"cannot have the shape {format_shape(dims)}")
    return dims


@infers("Fill")
def _infer_fill(op: Op) -> list[Type]:
    return [operand(op, 1).with_shape(_extents(op, 0))]


@evaluates("Fill")
def _fill(op: Op, arrays: Arrays) -> list[Array]:
    if arrays[1].size != 1:
        raise mismatch(op, f"needs one number to fill with, not {arrays[1].size}")
    return [np.broadcast_to(arrays[1].reshape(()), _counts(op, arrays[0]))]


@infers("FillV2")
def _infer_fill_v2(op: Op) -> list[Type]:
    return [TensorType(F32, _extents(op, 0))]


@evaluates("FillV2")
def _fill_v2(op: Op, arrays: Arrays) -> list[Array]:
    return [np.full(_counts(op, arrays[0]), number(op, "value", 0.0), np.float32)]


def _cpp_element(op: Op, default: int) -> Element:
    found = element_of_cpp(integer(op, "dtype", default))
    if found is None or not found.bits:
        raise mismatch(op, f"has no element type with the number {integer(op, 'dtype', default)}")
    return found


@infers("Empty")
def _infer_empty(op: Op) -> list[Type]:
    return [TensorType(_cpp_element(op, 3), _extents(op, 0))]


@evaluates("Empty")
def _empty(op: Op, arrays: Arrays) -> list[Array]:
    # What an uninitialised tensor holds is undefined; zeros make every run the same.
    return [np.zeros(_counts(op, arrays[0]), numpy_dtype(_cpp_element(op, 3)))]


@infers("Eye")
def _infer_eye(op: Op) -> list[Type]:
    return [TensorType(_cpp_element(op, 0), _eye_shape(op))]


def _eye_shape(op: Op) -> tuple[int, ...]:
    rows, columns = integer(op, "num_rows"), integer(op, "num_columns", 0)
    shape = (*integers(op, "batch_shape", ()), rows, columns or rows)
    if any(dim < 0 for dim in shape):
        raise mismatch(op, f"cannot have the shape {format_shape(shape)}")
    return shape


@evaluates("Eye")
def _eye(op: Op, arrays: Arrays) -> list[Array]:
    shape = _eye_shape(op)
    return [np.broadcast_to(np.eye(shape[-2], shape[-1], dtype=numpy_dtype(_cpp_element(op, 0))), shape)]


# -- broadcasting


@infers("Expand")
def _infer_expand(op: Op) -> list[Type]:
    x = operand(op, 0)
    wanted = known_ints(op, 1)
    if wanted is None:
        return [x.with_shape(None)]
    return [x.with_shape(broadcast(op, x.shape, tuple(1 if dim == -1 else dim for dim in wanted)))]


@evaluates("Expand")
def _expand(op: Op, arrays: Arrays) -> list[Array]:
    wanted = tuple(1 if dim == -1 else int(dim) for dim in arrays[1].reshape(-1))
    shape = broadcast(op, arrays[0].shape, wanted)
    return [np.broadcast_to(arrays[0], _counts(op, np.array(shape, np.int64)))]


@infers("BroadcastArgs")
def _infer_broadcast_args(op: Op) -> list[Type]:
    a, b = operand(op, 0), operand(op, 1)
    lengths = [type_.shape[0] if type_.shape else None for type_ in (a, b)]
    known = [length for length in lengths if isinstance(length, int)]
    return [TensorType(common_element(op, (a, b)), (max(known) if len(known) == 2 else None,))]


@evaluates("BroadcastArgs")
def _broadcast_args(op: Op, arrays: Arrays) -> list[Array]:
    shapes = [tuple(array.tolist()) for array in arrays[:2]]
    return [np.array(broadcast(op, *shapes), arrays[0].dtype)]


@infers("BroadcastGradientArgs")
def _infer_broadcast_gradient_args(op: Op) -> list[Type]:
    type_ = TensorType(common_element(op, tensors(op)), (None,))
    return [type_, type_]


@evaluates("BroadcastGradientArgs")
def _broadcast_gradient_args(op: Op, arrays: Arrays) -> list[Array]:
    a, b = (tuple(array.tolist()) for array in arrays[:2])
    broadcast(op, a, b)
    if a == b:
        return [np.empty(0, array.dtype) for array in arrays[:2]]
    rank = max(len(a), len(b))
    a, b = ((1,) * (rank - len(shape)) + shape for shape in (a, b))
    axes_a = [axis for axis in range(rank) if a[axis] == 1]
    axes_b = [axis for axis in range(rank) if b[axis] == 1]
    return [np.array(axes, array.dtype) for axes, array in zip((axes_a, axes_b), arrays, strict=False)]


# -- counting


@infers("Range")
def _infer_range(op: Op) -> list[Type]:
    types = tensors(op)
    found = common_element(op, types)
    numbers = [constant(value) for value in op.inputs[:3]]
    if any(array is None for array in numbers) or len(numbers) != 3:
        return [TensorType(found, (_symbolic_length(op),))]
    return [TensorType(found, (_range_length(op, *(array for array in numbers if array is not None)),))]


def _symbolic_length(op: Op) -> Dim:
    start, limit, delta = (_integer_or_none(op, index) for index in range(3))
    return limit if (start, delta) == (0, 1) and not (isinstance(limit, int) and limit < 0) else None


def _integer_or_none(op: Op, index: int) -> Dim:
    type_ = operand(op, index)
    return known_int(op, index) if type_.element is not None and type_.element.family in ("int", "uint") else None


def _range_length(op: Op, start: Array, limit: Array, delta: Array) -> int:
    text = f"from {start.item()} to {limit.item()} in steps of {delta.item()}"
    if delta.item() == 0 or not all(np.isfinite(array).all() for array in (start, limit, delta)):
        raise mismatch(op, f"cannot count {text}")
    if start.dtype.kind in "iu":
        length = -((int(start.item()) - int(limit.item())) // int(delta.item()))
    else:
        # In the operands' own precision, as the frameworks count.
        length = int(np.ceil((limit.reshape(()) - start.reshape(())) / delta.reshape(())))
    if length > LONGEST:
        raise mismatch(op, f"{text} has {length} elements")
    return max(0, length)


@evaluates("Range")
def _range(op: Op, arrays: Arrays) -> list[Array]:
    start, limit, delta = arrays
    length = _range_length(op, start, limit, delta)
    if start.dtype.kind in "iu":
        return [(start.item() + np.arange(length) * delta.item()).astype(start.dtype)]
    steps = np.arange(length) * np.float64(delta.item())
    return [(steps + np.float64(start.item())).astype(start.dtype)]


@infers("LinSpace")
def _infer_lin_space(op: Op) -> list[Type]:
    found = common_element(op, (operand(op, 0), operand(op, 1)))
    count = known_int(op, 2)
    if isinstance(count, int) and count < 1:
        raise mismatch(op, f"cannot have {count} elements")
    return [TensorType(found, (count,))]


@evaluates("LinSpace")
def _lin_space(op: Op, arrays: Arrays) -> list[Array]:
    start, stop, count = arrays[0].reshape(()), arrays[1].reshape(()), int(arrays[2].item())
    if not 1 <= count <= LONGEST:
        raise mismatch(op, f"cannot have {count} elements")
    step = (stop - start) / start.dtype.type(max(count - 1, 1))
    result = start + np.arange(count, dtype=start.dtype) * step
    result[1:][-1:] = stop
    return [result]
