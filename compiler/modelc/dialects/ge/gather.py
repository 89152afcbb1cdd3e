"""Ops that read and write tensors by index."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from modelc.dialects.ge.helpers import (
    common_element,
    constant_int,
    equal_shapes,
    flag,
    integer,
    mismatch,
    need_family,
    operand,
    positive_axis,
    text,
)
from modelc.dialects.ge.known import known_int, known_ints
from modelc.dialects.ge.semantics import Array, Arrays, evaluates, infers
from modelc.ir.op import Op
from modelc.ir.types import Dim, Shape, TensorType, Type, format_shape


def checked(op: Op, indices: Array, extent: int, negative: bool = False) -> Array:
    """Return `indices` where all lie in an axis of `extent`; raises InferenceError where one does not."""
    low = -extent if negative else 0
    wrong = (indices < low) | (indices >= extent)
    if wrong.any():
        raise mismatch(op, f"has the index {indices[wrong].flat[0]}, out of the range from {low} to {extent - 1}")
    return indices


# -- gathering along an axis


def _gathered(op: Op, x: Shape, indices: Shape, axis: int, batch: int) -> Shape:
    if x is None or indices is None:
        return None
    axis = positive_axis(op, axis, len(x))
    batch = batch + len(indices) if batch < 0 else batch
    if not 0 <= batch <= min(axis, len(indices)):
        raise mismatch(op, f"has {batch} batch dimensions for indices {format_shape(indices)} along axis {axis}")
    shared = equal_shapes(op, x[:batch], indices[:batch], what="batch dimensions") or ()
    return (*shared, *x[batch:axis], *indices[batch:], *x[axis + 1 :])


@infers("GatherV2")
def _infer_gather_v2(op: Op) -> list[Type]:
    x, indices, axis = operand(op, 0), operand(op, 1), constant_int(op, 2)
    need_family(op, indices, "int", "uint")
    batch = integer(op, "batch_dims", 0)
    if axis is None:
        return [x.with_shape(_of_rank(x, indices, batch))]
    return [x.with_shape(_gathered(op, x.shape, indices.shape, axis, batch))]


def _of_rank(x: TensorType, indices: TensorType, batch: int) -> Shape:
    if x.rank is None or indices.rank is None:
        return None
    batch = batch + indices.rank if batch < 0 else batch
    return (None,) * max(0, x.rank - 1 + indices.rank - batch)


@infers("Gather")
def _infer_gather(op: Op) -> list[Type]:
    x, indices = operand(op, 0), operand(op, 1)
    need_family(op, indices, "int", "uint")
    batch = integer(op, "batch_dims", 0)
    return [x.with_shape(_gathered(op, x.shape, indices.shape, max(batch, 0), batch))]


def _gather_along(op: Op, x: Array, indices: Array, axis: int) -> Array:
    batch = integer(op, "batch_dims", 0)
    _gathered(op, x.shape, indices.shape, axis, batch)
    axis = positive_axis(op, axis, x.ndim)
    checked(op, indices, x.shape[axis], flag(op, "negative_index_support", False))
    if batch == 0:
        return np.take(x, indices, axis)
    batch = batch + indices.ndim if batch < 0 else batch
    # One gather over all batches at once: the index of a row is offset by the rows of the batches before it.
    rows = np.moveaxis(x, axis, batch)
    shared, extent = x.shape[:batch], x.shape[axis]
    flat = rows.reshape(math.prod(shared) * extent, *rows.shape[batch + 1 :])
    offsets = np.arange(math.prod(shared)).reshape(*shared, *[1] * (indices.ndim - batch)) * extent
    taken = flat[indices.astype(np.int64) % max(extent, 1) + offsets]
    between = axis - batch
    source = range(indices.ndim, indices.ndim + between)
    return np.moveaxis(taken, source, range(batch, batch + between))


@evaluates("GatherV2")
def _gather_v2(op: Op, arrays: Arrays) -> list[Array]:
    return [_gather_along(op, arrays[0], arrays[1], int(arrays[2].item()))]


@evaluates("Gather")
def _gather(op: Op, arrays: Arrays) -> list[Array]:
    return [_gather_along(op, arrays[0], arrays[1], max(integer(op, "batch_dims", 0), 0))]


# -- gathering single elements


def _element_axis(op: Op) -> int | None:
    return constant_int(op, 1) if op.kind == "ge.GatherD" else integer(op, "dim", 0)


@infers("GatherElements", "GatherD")
def _infer_gather_elements(op: Op) -> list[Type]:
    x, indices = operand(op, 0), operand(op, len(op.inputs) - 1)
    if x.shape is None or indices.shape is None:
        return [x.with_shape(indices.shape)]
    if len(x.shape) != len(indices.shape):
        raise mismatch(op, f"needs indices of the rank of {x}, not {indices}")
    positive_axis(op, _element_axis(op) or 0, len(x.shape))
    return [x.with_shape(indices.shape)]


@evaluates("GatherElements", "GatherD")
def _gather_elements(op: Op, arrays: Arrays) -> list[Array]:
    x, indices = arrays[0], arrays[-1]
    axis = int(arrays[1].item()) if op.kind == "ge.GatherD" else integer(op, "dim", 0)
    axis = positive_axis(op, axis, x.ndim)
    checked(op, indices, x.shape[axis], negative=True)
    return [x[_element_places(indices, axis)]]


def _element_places(indices: Array, axis: int) -> tuple[Array, ...]:
    """Return, per axis, where `indices` along `axis` point, every other position being their own."""
    places: list[Array] = list(np.ogrid[tuple(slice(extent) for extent in indices.shape)])
    places[axis] = indices
    return tuple(places)


@infers("ScatterElements", "ScatterElementsV2")
def _infer_scatter_elements(op: Op) -> list[Type]:
    x, indices, updates = (operand(op, index) for index in range(3))
    equal_shapes(op, indices.shape, updates.shape, what="indices and updates")
    return [x.with_element(common_element(op, (x, updates)))]


@evaluates("ScatterElements", "ScatterElementsV2")
def _scatter_elements(op: Op, arrays: Arrays) -> list[Array]:
    x, indices, updates = arrays
    axis = positive_axis(op, integer(op, "axis", 0), x.ndim)
    reduction = text(op, "reduction", "none")
    if reduction not in _SCATTER:
        raise mismatch(op, f"has no reduction `{reduction}`")
    checked(op, indices, x.shape[axis], negative=True)
    result = x.copy()
    _SCATTER[reduction](result, _element_places(indices, axis), updates)
    return [result]


# -- gathering and scattering slices by lists of indices


def _index_depth(op: Op, x: Shape, indices: Shape) -> int | None:
    """Return how many leading axes of `x` one row of `indices` addresses."""
    if indices is None:
        return None
    if not indices:
        raise mismatch(op, "needs a list of indices, not a scalar")
    depth = indices[-1]
    if isinstance(depth, int) and x is not None and depth > len(x):
        raise mismatch(op, f"addresses {depth} axes of {format_shape(x)}")
    return depth if isinstance(depth, int) else None


@infers("GatherNd")
def _infer_gather_nd(op: Op) -> list[Type]:
    x, indices = operand(op, 0), operand(op, 1)
    need_family(op, indices, "int", "uint")
    depth = _index_depth(op, x.shape, indices.shape)
    if x.shape is None or indices.shape is None or depth is None:
        return [x.with_shape(None)]
    return [x.with_shape((*indices.shape[:-1], *x.shape[depth:]))]


def _places(op: Op, shape: tuple[int, ...], indices: Array, negative: bool = False) -> tuple[Array, ...]:
    """Return the rows of `indices` as one index array per axis of a tensor of `shape`."""
    _index_depth(op, shape, indices.shape)
    columns = [indices[..., axis] for axis in range(indices.shape[-1])]
    return tuple(checked(op, column, extent, negative) for column, extent in zip(columns, shape, strict=False))


@evaluates("GatherNd")
def _gather_nd(op: Op, arrays: Arrays) -> list[Array]:
    x, indices = arrays
    places = _places(op, x.shape, indices, flag(op, "negative_index_support", False))
    if not places:
        return [np.broadcast_to(x, (*indices.shape[:-1], *x.shape))]
    return [x[places]]


def _need_updates(op: Op, shape: Shape, indices: Shape, updates: Shape) -> None:
    depth = _index_depth(op, shape, indices)
    if shape is not None and indices is not None and depth is not None:
        equal_shapes(op, (*indices[:-1], *shape[depth:]), updates, what="updates and slices")


@infers("ScatterNd")
def _infer_scatter_nd(op: Op) -> list[Type]:
    indices, updates, shape = operand(op, 0), operand(op, 1), known_ints(op, 2)
    need_family(op, indices, "int", "uint")
    if shape is not None and any(isinstance(dim, int) and dim < 0 for dim in shape):
        raise mismatch(op, f"cannot have the shape {format_shape(shape)}")
    _need_updates(op, shape, indices.shape, updates.shape)
    return [updates.with_shape(shape)]


@evaluates("ScatterNd")
def _scatter_nd(op: Op, arrays: Arrays) -> list[Array]:
    indices, updates, shape = arrays
    dims = tuple(int(dim) for dim in shape)
    _need_updates(op, dims, indices.shape, updates.shape)
    result = np.zeros(dims, updates.dtype)
    _scatter(op, np.add.at, result, indices, updates)
    return [result]


Combine = Callable[[Array, Any, Array], None]


def _set(target: Array, places: Any, updates: Array) -> None:
    target[places] = updates


_SCATTER: dict[str, Combine] = {
    "none": _set,
    "update": _set,
    "add": np.add.at,
    "sub": np.subtract.at,
    "mul": np.multiply.at,
    "multiply": np.multiply.at,
    "max": np.maximum.at,
    "amax": np.maximum.at,
    "min": np.minimum.at,
    "amin": np.minimum.at,
}
_TENSOR_SCATTER: dict[str, Combine] = {
    "ScatterNonAliasingAdd": np.add.at,
    "TensorScatterUpdate": _set,
    "TensorScatterAdd": np.add.at,
    "TensorScatterSub": np.subtract.at,
    "TensorScatterMax": np.maximum.at,
    "TensorScatterMin": np.minimum.at,
}
_INPLACE: dict[str, Combine] = {"InplaceUpdate": _set, "InplaceAdd": np.add.at, "InplaceSub": np.subtract.at}


def _scatter(op: Op, combine: Combine, target: Array, indices: Array, updates: Array) -> None:
    places = _places(op, target.shape, indices)
    if not places:
        # Rows without an index address all of the target, once per row.
        for update in updates.reshape(math.prod(indices.shape[:-1]), *target.shape):
            combine(target, ..., update)
        return
    # One flat index is what numpy adds fastest by.
    depth = len(places)
    if target.size and updates.size:
        flat = np.ravel_multi_index(places, target.shape[:depth])
        combine(target.reshape(-1, *target.shape[depth:]), flat, updates)


@infers(*_TENSOR_SCATTER)
def _infer_tensor_scatter(op: Op) -> list[Type]:
    x, indices, updates = (operand(op, index) for index in range(3))
    need_family(op, indices, "int", "uint")
    _need_updates(op, x.shape, indices.shape, updates.shape)
    return [x.with_element(common_element(op, (x, updates)))]


@evaluates(*_TENSOR_SCATTER)
def _tensor_scatter(op: Op, arrays: Arrays) -> list[Array]:
    x, indices, updates = arrays
    _need_updates(op, x.shape, indices.shape, updates.shape)
    result = np.array(x, order="C")
    _scatter(op, _TENSOR_SCATTER[op.kind.removeprefix("ge.")], result, indices, updates)
    return [result]


@infers(*_INPLACE)
def _infer_inplace(op: Op) -> list[Type]:
    x, indices, updates = (operand(op, index) for index in range(3))
    if x.shape is not None and indices.shape is not None:
        if not x.shape:
            raise mismatch(op, "cannot change rows of a scalar")
        equal_shapes(op, (*(indices.shape or (1,)), *x.shape[1:]), updates.shape, what="updates and rows")
    return [x.with_element(common_element(op, (x, updates)))]


@evaluates(*_INPLACE)
def _inplace(op: Op, arrays: Arrays) -> list[Array]:
    x, indices, updates = arrays
    result = np.array(x, order="C")
    places = np.atleast_1d(checked(op, indices, x.shape[0], negative=True))
    _INPLACE[op.kind.removeprefix("ge.")](result, places, updates)
    return [result]


@infers("SparseToDense")
def _infer_sparse_to_dense(op: Op) -> list[Type]:
    values, default = operand(op, 2), operand(op, 3)
    return [TensorType(common_element(op, (values, default)), known_ints(op, 1))]


@evaluates("SparseToDense")
def _sparse_to_dense(op: Op, arrays: Arrays) -> list[Array]:
    indices, shape, values, default = arrays
    result = np.full([int(dim) for dim in shape.reshape(-1)], default.item(), values.dtype)
    rows = indices.reshape(-1, result.ndim)
    result[_places(op, result.shape, rows)] = values
    return [result]


# -- one-hot rows


def _one_hot_shape(op: Op, shape: Shape, depth: Dim) -> Shape:
    if isinstance(depth, int) and depth < 0:
        raise mismatch(op, f"cannot have the depth {depth}")
    if shape is None:
        return None
    axis = integer(op, "axis", -1)
    axis = positive_axis(op, axis, len(shape) + 1)
    return (*shape[:axis], depth, *shape[axis:])


@infers("OneHot")
def _infer_one_hot(op: Op) -> list[Type]:
    x, on, off = operand(op, 0), operand(op, 2), operand(op, 3)
    need_family(op, x, "int", "uint")
    return [TensorType(common_element(op, (on, off)), _one_hot_shape(op, x.shape, known_int(op, 1)))]


@evaluates("OneHot")
def _one_hot(op: Op, arrays: Arrays) -> list[Array]:
    x, depth, on, off = arrays
    _one_hot_shape(op, x.shape, int(depth.item()))
    axis = positive_axis(op, integer(op, "axis", -1), x.ndim + 1)
    classes = np.arange(int(depth.item())).reshape([-1 if place == axis else 1 for place in range(x.ndim + 1)])
    return [np.where(np.expand_dims(x, axis) == classes, on.reshape(()), off.reshape(()))]
