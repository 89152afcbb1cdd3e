"""Ops that reduce along axes.

Sums and products of floating-point numbers are taken in the next wider type and rounded once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

from modelc.dialects.ge.arrays import lowest
from modelc.dialects.ge.helpers import (
    constant_ints,
    element,
    flag,
    integers,
    need_family,
    operand,
    positive_axes,
)
from modelc.dialects.ge.semantics import Array, Arrays, evaluates, infers
from modelc.ir.constants import numpy_dtype
from modelc.ir.op import Op
from modelc.ir.types import Shape, Type

Axes: TypeAlias = tuple[int, ...]
Reduction: TypeAlias = Callable[[Array, Axes], Array]

WIDER: dict[str, type[Any]] = {
    "float16": np.float32,
    "bfloat16": np.float32,
    "float32": np.float64,
    "float64": np.float64,
    "complex64": np.complex128,
    "complex128": np.complex128,
}

# -- which axes, and what remains


def reduced(op: Op, shape: Shape, axes: Sequence[int] | None, keep: bool) -> Shape:
    """Return the shape that is left of `shape` where `axes` are reduced; axes of None are not known."""
    if shape is None:
        return None
    if axes is None:
        return (None,) * len(shape) if keep else None
    places = positive_axes(op, axes, len(shape))
    if keep:
        return tuple(1 if axis in places else dim for axis, dim in enumerate(shape))
    return tuple(dim for axis, dim in enumerate(shape) if axis not in places)


def _all_for_none(op: Op, axes: Sequence[int] | None, rank: int | None) -> Sequence[int] | None:
    """Return `axes`, where empty ones mean all of them for the ops that have a say in it."""
    if axes is None or axes or flag(op, "noop_with_empty_axes", True):
        return axes
    return None if rank is None else range(rank)


# -- the reductions


def _sum(x: Array, axes: Axes) -> Array:
    return np.asarray(np.add.reduce(x, axes, WIDER.get(x.dtype.name, x.dtype.type)))


def _product(x: Array, axes: Axes) -> Array:
    return np.asarray(np.multiply.reduce(x, axes, WIDER.get(x.dtype.name, x.dtype.type)))


def _count(x: Array, axes: Axes) -> int:
    return int(np.prod([x.shape[axis] for axis in axes], dtype=np.int64))


def _mean(x: Array, axes: Axes) -> Array:
    count = _count(x, axes)
    if x.dtype.kind in "iu":
        total = np.add.reduce(x, axes, np.uint64 if x.dtype.kind == "u" else np.int64)
        # Towards zero, where numpy's division of integers goes downwards.
        return np.asarray(np.sign(total) * (np.abs(total) // max(count, 1)))
    return np.asarray(_sum(x, axes) / count if count else np.full_like(_sum(x, axes), np.nan))


def _maximum(x: Array, axes: Axes) -> Array:
    return np.asarray(np.maximum.reduce(x, axes, initial=lowest(x.dtype)))


def _minimum(x: Array, axes: Axes) -> Array:
    highest = np.iinfo(x.dtype).max if x.dtype.kind in "iu" else x.dtype.type(np.inf)
    return np.asarray(np.minimum.reduce(x, axes, initial=highest))


def _norm(x: Array, axes: Axes) -> Array:
    if x.dtype.kind in "iu":
        return np.asarray(np.sqrt(np.add.reduce(x * x, axes, x.dtype.type).astype(np.float64)))
    wide = x.astype(WIDER[x.dtype.name])
    return np.asarray(np.sqrt(np.add.reduce((wide * wide.conj()).real, axes)))


def _log_sum(x: Array, axes: Axes) -> Array:
    return np.asarray(np.log(_sum(x, axes)))


def _log_sum_exp(x: Array, axes: Axes) -> Array:
    wide = x.astype(WIDER.get(x.dtype.name, np.float64))
    peak = np.maximum.reduce(wide, axes, keepdims=True, initial=-np.inf)
    shift = np.where(np.isfinite(peak), peak, 0)
    return np.asarray(np.log(np.add.reduce(np.exp(wide - shift), axes)) + shift.reshape(_sum(x, axes).shape))


def _nansum(x: Array, axes: Axes) -> Array:
    return _sum(np.where(np.isnan(x), x.dtype.type(0), x), axes)


REDUCTIONS: dict[str, Reduction] = {
    "EuclideanNorm": _norm,
    "ReduceLogSum": _log_sum,
    "ReduceLogSumExp": _log_sum_exp,
    "ReduceMax": _maximum,
    "ReduceMean": _mean,
    "ReduceMeanWithCast": _mean,
    "ReduceMin": _minimum,
    "ReduceNansum": _nansum,
    "ReduceProd": _product,
    "ReduceSum": _sum,
}
LOGICAL: dict[str, Reduction] = {
    "ReduceAll": lambda x, axes: np.asarray(np.logical_and.reduce(x, axes)),
    "ReduceAny": lambda x, axes: np.asarray(np.logical_or.reduce(x, axes)),
}


@infers(*REDUCTIONS, *LOGICAL)
def _infer_reduce(op: Op) -> list[Type]:
    x = operand(op, 0)
    if op.kind.removeprefix("ge.") in LOGICAL:
        need_family(op, x, "bool")
    else:
        need_family(op, x, "float", "int", "uint", "complex", "quantized")
    if op.kind == "ge.ReduceMeanWithCast" and "dtype" in op.attributes:
        x = x.with_element(element(op, "dtype"))
    axes = _all_for_none(op, constant_ints(op, 1), x.rank)
    return [x.with_shape(reduced(op, x.shape, axes, flag(op, "keep_dims", False)))]


@evaluates(*REDUCTIONS, *LOGICAL)
def _reduce(op: Op, arrays: Arrays) -> list[Array]:
    x, name = arrays[0], op.kind.removeprefix("ge.")
    axes = _all_for_none(op, arrays[1].reshape(-1).tolist(), x.ndim) or ()
    keep = reduced(op, x.shape, axes, flag(op, "keep_dims", False)) or ()
    places = positive_axes(op, axes, x.ndim)
    result = (LOGICAL | REDUCTIONS)[name](x, places)
    dtype = x.dtype
    if op.kind == "ge.ReduceMeanWithCast" and "dtype" in op.attributes:
        dtype = numpy_dtype(element(op, "dtype"))
    return [result.astype(dtype, copy=False).reshape([int(dim or 0) for dim in keep])]


# -- mean and deviation at once


@infers("ReduceMeanVariance", "ReduceStd")
def _infer_moments(op: Op) -> list[Type]:
    x = operand(op, 0)
    need_family(op, x, "float")
    axes, keep = _moment_axes(op, x.rank or 0)
    return [x.with_shape(reduced(op, x.shape, axes, keep))] * 2


def _moment_axes(op: Op, rank: int) -> tuple[Axes, bool]:
    if op.kind == "ge.ReduceStd":
        return integers(op, "dim", ()) or tuple(range(rank)), flag(op, "keepdim", False)
    return integers(op, "axes", ()) or tuple(range(rank)), flag(op, "keep_dims", True)


@evaluates("ReduceMeanVariance", "ReduceStd")
def _moments(op: Op, arrays: Arrays) -> list[Array]:
    x = arrays[0]
    axes, keep = _moment_axes(op, x.ndim)
    places = positive_axes(op, axes, x.ndim)
    wide = x.astype(WIDER[x.dtype.name])
    mean = wide.mean(places, keepdims=True)
    squares = np.square(wide - mean).sum(places, keepdims=True)
    deviation = op.kind == "ge.ReduceStd"
    less = int(deviation and flag(op, "unbiased", True))
    variance = squares / (_count(x, places) - less)
    first, second = (np.sqrt(variance), mean) if deviation else (mean, variance)
    shape = [int(dim or 0) for dim in reduced(op, x.shape, axes, keep) or ()]
    return [part.astype(x.dtype).reshape(shape) for part in (first, second)]
