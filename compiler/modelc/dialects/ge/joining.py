"""Ops that join tensors, split them, or repeat them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from modelc.dialects.ge.helpers import (
    common_element,
    constant_int,
    equal_shapes,
    integer,
    mismatch,
    operand,
    positive_axis,
    total,
)
from modelc.dialects.ge.known import known_ints
from modelc.dialects.ge.semantics import Array, Arrays, evaluates, infers
from modelc.ir.op import Op
from modelc.ir.types import I32, Dim, Shape, TensorType, Type, format_shape

# -- joining


def _joined(op: Op, types: Sequence[TensorType], axis: int | None) -> Shape:
    """Return the shape of `types` joined along `axis`, None where that is not known."""
    rank = next((len(type_.shape) for type_ in types if type_.shape is not None), None)
    if rank is None:
        return None
    if rank == 0:
        raise mismatch(op, "cannot join scalars")
    shapes = [(None,) * rank if type_.shape is None else type_.shape for type_ in types]
    if any(len(shape) != rank for shape in shapes):
        raise mismatch(op, f"cannot join {' and '.join(map(format_shape, shapes))}: their ranks differ")
    if axis is None:
        return (None,) * rank
    axis = positive_axis(op, axis, rank)
    rest = equal_shapes(
        op,
        *((*shape[:axis], 1, *shape[axis + 1 :]) for shape in shapes),
        what=f"dimensions beside axis {axis}",
    )
    assert rest is not None
    return (*rest[:axis], total(shape[axis] for shape in shapes), *rest[axis + 1 :])


def _infer_joined(op: Op, indices: range, axis: int | None) -> list[Type]:
    if not indices:
        raise mismatch(op, "has nothing to join")
    types = [operand(op, index) for index in indices]
    return [TensorType(common_element(op, types), _joined(op, types, axis))]


def _join(op: Op, arrays: Arrays, axis: int) -> list[Array]:
    shapes = [TensorType(None, array.shape) for array in arrays]
    _joined(op, shapes, axis)
    return [np.concatenate(arrays, axis)]


@infers("ConcatV2")
def _infer_concat_v2(op: Op) -> list[Type]:
    last = len(op.inputs) - 1
    return _infer_joined(op, range(last), constant_int(op, last))


@evaluates("ConcatV2")
def _concat_v2(op: Op, arrays: Arrays) -> list[Array]:
    return _join(op, arrays[:-1], int(arrays[-1].item()))


@infers("Concat")
def _infer_concat(op: Op) -> list[Type]:
    return _infer_joined(op, range(1, len(op.inputs)), constant_int(op, 0))


@evaluates("Concat")
def _concat(op: Op, arrays: Arrays) -> list[Array]:
    return _join(op, arrays[1:], int(arrays[0].item()))


@infers("ParallelConcat")
def _infer_parallel_concat(op: Op) -> list[Type]:
    return _infer_joined(op, range(len(op.inputs)), 0)


@evaluates("ParallelConcat")
def _parallel_concat(op: Op, arrays: Arrays) -> list[Array]:
    return _join(op, arrays, 0)


@infers("ConcatOffset")
def _infer_concat_offset(op: Op) -> list[Type]:
    lengths = equal_shapes(op, *(operand(op, index).shape for index in range(1, len(op.inputs))))
    return [TensorType(I32, lengths)] * (len(op.inputs) - 1)


@evaluates("ConcatOffset")
def _concat_offset(op: Op, arrays: Arrays) -> list[Array]:
    shapes = arrays[1:]
    axis = positive_axis(op, int(arrays[0].item()), shapes[0].size)
    offsets = []
    start = 0
    for shape in shapes:
        offset = np.zeros_like(shape)
        offset[axis] = start
        offsets.append(offset)
        start += int(shape[axis])
    return offsets


# -- stacking


@infers("Pack")
def _infer_pack(op: Op) -> list[Type]:
    types = [operand(op, index) for index in range(max(1, len(op.inputs)))]
    found = common_element(op, types)
    shape = equal_shapes(op, *(type_.shape for type_ in types))
    if shape is None:
        return [TensorType(found)]
    axis = positive_axis(op, integer(op, "axis", 0), len(shape) + 1)
    return [TensorType(found, (*shape[:axis], len(types), *shape[axis:]))]


@evaluates("Pack")
def _pack(op: Op, arrays: Arrays) -> list[Array]:
    equal_shapes(op, *(array.shape for array in arrays))
    return [np.stack(arrays, positive_axis(op, integer(op, "axis", 0), arrays[0].ndim + 1))]


@infers("Unpack")
def _infer_unpack(op: Op) -> list[Type]:
    x = operand(op, 0)
    count = integer(op, "num")
    if x.shape is None:
        return [x] * count
    axis = positive_axis(op, integer(op, "axis", 0), len(x.shape))
    _need_count(op, x.shape[axis], count, axis)
    return [x.with_shape((*x.shape[:axis], *x.shape[axis + 1 :]))] * count


def _need_count(op: Op, dim: Dim, count: int, axis: int) -> None:
    if isinstance(dim, int) and dim != count:
        raise mismatch(op, f"cannot make {count} values of axis {axis} of extent {dim}")


@evaluates("Unpack")
def _unpack(op: Op, arrays: Arrays) -> list[Array]:
    axis = positive_axis(op, integer(op, "axis", 0), arrays[0].ndim)
    _need_count(op, arrays[0].shape[axis], integer(op, "num"), axis)
    return list(np.moveaxis(arrays[0], axis, 0))


# -- splitting


def _piece_types(op: Op, x: TensorType, axis: int | None, sizes: Sequence[Dim]) -> list[Type]:
    """Return the types of the pieces of `x` with these extents along `axis`."""
    if x.shape is None:
        return [x] * len(sizes)
    if axis is None:
        return [x.with_shape((None,) * len(x.shape))] * len(sizes)
    axis = positive_axis(op, axis, len(x.shape))
    return [x.with_shape((*x.shape[:axis], size, *x.shape[axis + 1 :])) for size in sizes]


def _extent(op: Op, shape: Shape, axis: int | None) -> Dim:
    if shape is None or axis is None:
        return None
    return shape[positive_axis(op, axis, len(shape))]


def _even(op: Op, dim: Dim, count: int) -> tuple[Dim, ...]:
    if count < 1:
        raise mismatch(op, f"cannot split into {count} pieces")
    if not isinstance(dim, int):
        return (dim if count == 1 else None,) * count
    if dim % count:
        raise mismatch(op, f"cannot split an axis of extent {dim} into {count} equal pieces")
    return (dim // count,) * count


def _uneven(op: Op, dim: Dim, sizes: Sequence[Dim]) -> tuple[Dim, ...]:
    """Return the extents of pieces where one of `sizes` may be -1, which stands for the rest."""
    if len(sizes) != integer(op, "num_split", len(sizes)):
        raise mismatch(op, f"has {len(sizes)} sizes for {integer(op, 'num_split')} pieces")
    open_ = [index for index, size in enumerate(sizes) if size == -1]
    if len(open_) > 1 or any(isinstance(size, int) and size < -1 for size in sizes):
        raise mismatch(op, f"cannot split into pieces of {list(sizes)}")
    if not isinstance(dim, int) or not all(isinstance(size, int) for size in sizes):
        return tuple(None if size == -1 else size for size in sizes)
    known = sum(size for size in sizes if isinstance(size, int) and size >= 0)
    if known != dim if not open_ else known > dim:
        raise mismatch(op, f"cannot split an axis of extent {dim} into pieces of {list(sizes)}")
    return tuple(dim - known if size == -1 else size for size in sizes)


def _cut(x: Array, sizes: Sequence[Dim], axis: int) -> list[Array]:
    ends = np.cumsum([size for size in sizes if isinstance(size, int)])
    return np.split(x, [int(end) for end in ends[:-1]], axis)


@infers("Split")
def _infer_split(op: Op) -> list[Type]:
    axis, x = constant_int(op, 0), operand(op, 1)
    return _piece_types(op, x, axis, _even(op, _extent(op, x.shape, axis), integer(op, "num_split")))


@evaluates("Split")
def _split(op: Op, arrays: Arrays) -> list[Array]:
    axis = positive_axis(op, int(arrays[0].item()), arrays[1].ndim)
    return _cut(arrays[1], _even(op, arrays[1].shape[axis], integer(op, "num_split")), axis)


@infers("SplitV")
def _infer_split_v(op: Op) -> list[Type]:
    x, sizes, axis = operand(op, 0), known_ints(op, 1), constant_int(op, 2)
    if sizes is None:
        sizes = (None,) * integer(op, "num_split")
    return _piece_types(op, x, axis, _uneven(op, _extent(op, x.shape, axis), sizes))


@evaluates("SplitV")
def _split_v(op: Op, arrays: Arrays) -> list[Array]:
    axis = positive_axis(op, int(arrays[2].item()), arrays[0].ndim)
    return _cut(arrays[0], _uneven(op, arrays[0].shape[axis], arrays[1].reshape(-1).tolist()), axis)


# -- repeating


def _tiled(op: Op, shape: tuple[Dim, ...], multiples: Sequence[Dim]) -> tuple[Dim, ...]:
    if len(multiples) != len(shape) or any(isinstance(item, int) and item < 0 for item in multiples):
        raise mismatch(op, f"cannot repeat {format_shape(shape)} {list(multiples)} times")
    return tuple(_times(dim, count) for dim, count in zip(shape, multiples, strict=True))


def _times(dim: Dim, count: Dim) -> Dim:
    if dim == 0 or count == 0:
        return 0
    if count == 1:
        return dim
    if dim == 1:
        return count
    return dim * count if isinstance(dim, int) and isinstance(count, int) else None


@infers("Tile")
def _infer_tile(op: Op) -> list[Type]:
    x, multiples = operand(op, 0), known_ints(op, 1)
    if x.shape is None:
        return [x.with_shape(None if multiples is None else (None,) * len(multiples))]
    return [x.with_shape(_tiled(op, x.shape, (None,) * len(x.shape) if multiples is None else multiples))]


@evaluates("Tile")
def _tile(op: Op, arrays: Arrays) -> list[Array]:
    multiples = [int(count) for count in arrays[1].reshape(-1)]
    _tiled(op, arrays[0].shape, multiples)
    return [np.tile(arrays[0], multiples)]


def _axis_multiples(op: Op, rank: int) -> list[int]:
    multiples = [1] * rank
    multiples[positive_axis(op, integer(op, "axis", 1), rank)] = integer(op, "tiles")
    return multiples


@infers("TileWithAxis")
def _infer_tile_with_axis(op: Op) -> list[Type]:
    x = operand(op, 0)
    if x.shape is None:
        return [x]
    return [x.with_shape(_tiled(op, x.shape, _axis_multiples(op, len(x.shape))))]


@evaluates("TileWithAxis")
def _tile_with_axis(op: Op, arrays: Arrays) -> list[Array]:
    multiples = _axis_multiples(op, arrays[0].ndim)
    _tiled(op, arrays[0].shape, multiples)
    return [np.tile(arrays[0], multiples)]
