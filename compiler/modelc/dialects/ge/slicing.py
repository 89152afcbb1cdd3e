"""Ops that cut out parts of tensors, and those that reverse or rotate along axes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from modelc.dialects.ge.arrays import present
from modelc.dialects.ge.helpers import (
    constant_ints,
    equal_dims,
    given,
    integer,
    integers,
    mismatch,
    need_rank,
    operand,
    plus,
    positive_axes,
    positive_axis,
)
from modelc.dialects.ge.known import known_ints
from modelc.dialects.ge.semantics import Array, Arrays, evaluates, infers
from modelc.ir.op import Op
from modelc.ir.types import Dim, Shape, Type

# -- a start and an extent per axis


def _extents(op: Op, shape: tuple[Dim, ...], starts: Sequence[Dim], sizes: Sequence[Dim]) -> tuple[Dim, ...]:
    """Return the extents of a slice; a size of -1 means all that is left."""
    if len(starts) != len(shape) or len(sizes) != len(shape):
        raise mismatch(op, f"needs {len(shape)} starts and sizes, not {len(starts)} and {len(sizes)}")
    return tuple(_extent(op, *each) for each in zip(shape, starts, sizes, strict=True))


def _extent(op: Op, dim: Dim, start: Dim, size: Dim) -> Dim:
    if (isinstance(start, int) and start < 0) or (isinstance(size, int) and size < -1):
        raise mismatch(op, f"cannot take {size} elements from {start} on")
    if size == -1:
        return _left(op, dim, start)
    if isinstance(dim, int) and isinstance(start, int) and isinstance(size, int) and start + size > dim:
        raise mismatch(op, f"cannot take {size} elements from {start} on out of {dim}")
    return size


def _left(op: Op, dim: Dim, start: Dim) -> Dim:
    if not isinstance(start, int):
        return None
    if isinstance(dim, int) and start > dim:
        raise mismatch(op, f"cannot start at {start} in an axis of extent {dim}")
    return plus(dim, -start)


@infers("Slice")
def _infer_slice(op: Op) -> list[Type]:
    x = operand(op, 0)
    starts, sizes = known_ints(op, 1), known_ints(op, 2)
    count = next((len(dims) for dims in (x.shape, starts, sizes) if dims is not None), None)
    if count is None:
        return [x]
    unknown: tuple[Dim, ...] = (None,) * count
    shape, starts, sizes = (unknown if dims is None else dims for dims in (x.shape, starts, sizes))
    return [x.with_shape(_extents(op, shape, starts, sizes))]


@evaluates("Slice")
def _slice(op: Op, arrays: Arrays) -> list[Array]:
    starts, sizes = (array.reshape(-1).tolist() for array in arrays[1:])
    extents = _extents(op, arrays[0].shape, starts, sizes)
    return [arrays[0][tuple(slice(a, a + n) for a, n in zip(starts, extents, strict=True) if isinstance(n, int))]]


@infers("SliceLastDim")
def _infer_slice_last_dim(op: Op) -> list[Type]:
    x = operand(op, 0)
    if not x.shape:
        return [x]
    axis = len(x.shape) - 1
    part = Part(axis, (integer(op, "start"), integer(op, "end"), integer(op, "stride", 1)))
    return [x.with_shape(_part_dims(op, x.shape, [*_whole(axis), part]))]


@evaluates("SliceLastDim")
def _slice_last_dim(op: Op, arrays: Arrays) -> list[Array]:
    return [arrays[0][..., integer(op, "start") : integer(op, "end") : integer(op, "stride", 1)]]


# -- begin, end and stride per axis


@dataclass(frozen=True, slots=True)
class Part:
    """What a strided slice does at one place.

    Attributes:
        axis: The axis of the operand it cuts, None for a new axis of extent 1.
        bounds: Begin, end and stride, each None where it is left open; a single number where the axis is dropped.
        unknown: Whether begin or end is some number that is not known.
        entry: The entry of begin, end and strides that says so, None where none does.
    """

    axis: int | None
    bounds: tuple[int | None, int | None, int] | int = (None, None, 1)
    unknown: bool = False
    entry: int | None = None


@dataclass(frozen=True, slots=True)
class Masks:
    """The masks of a strided slice; bit i is about the i-th entry of begin, end and strides."""

    begin: int = 0
    end: int = 0
    ellipsis: int = 0
    new_axis: int = 0
    shrink_axis: int = 0

    @classmethod
    def of(cls, op: Op) -> Masks:
        """Return the masks of `op`."""
        return cls(
            *(integer(op, f"{name}_mask", 0) for name in ("begin", "end", "ellipsis", "new_axis", "shrink_axis"))
        )


def _whole(count: int, first: int = 0) -> list[Part]:
    return [Part(axis) for axis in range(first, first + count)]


def _parts(
    op: Op, rank: int, begin: Sequence[Dim], end: Sequence[Dim], strides: Sequence[Dim], masks: Masks
) -> list[Part]:
    """Return what a strided slice does, place by place, with an ellipsis at the end unless there is another."""
    count = len(begin)
    if len(end) != count or len(strides) != count:
        raise mismatch(op, f"has {count} begins, {len(end)} ends and {len(strides)} strides")
    dots = [index for index in range(count) if masks.ellipsis >> index & 1]
    if masks.ellipsis & (masks.ellipsis - 1):
        raise mismatch(op, "has more than one ellipsis")
    added = sum(masks.new_axis >> index & 1 for index in range(count) if index not in dots)
    named = count - len(dots) - added
    if named > rank:
        raise mismatch(op, f"cuts {named} axes of a tensor with {rank} dimensions")
    parts: list[Part] = []
    axis = 0
    for index in range(count):
        if index in dots:
            parts.extend(_whole(rank - named, axis))
            axis += rank - named
        elif masks.new_axis >> index & 1:
            parts.append(Part(None))
        else:
            parts.append(_part(op, axis, index, (begin[index], end[index], strides[index]), masks))
            axis += 1
    return parts if dots else parts + _whole(rank - axis, axis)


def _part(op: Op, axis: int, index: int, entry: tuple[Dim, Dim, Dim], masks: Masks) -> Part:
    begin, end, stride = entry
    if stride == 0:
        raise mismatch(op, f"has a stride of 0 along axis {axis}")
    if masks.shrink_axis >> index & 1:
        if isinstance(stride, int) and stride < 0:
            raise mismatch(op, f"takes one element along axis {axis} with the stride {stride}")
        return Part(axis, begin, False, index) if isinstance(begin, int) else Part(axis, 0, True, index)
    open_begin, open_end = bool(masks.begin >> index & 1), bool(masks.end >> index & 1)
    known = isinstance(stride, int) and (open_begin or isinstance(begin, int)) and (open_end or isinstance(end, int))
    first = begin if isinstance(begin, int) and not open_begin else None
    last = end if isinstance(end, int) and not open_end else None
    return Part(axis, (first, last, stride if isinstance(stride, int) else 1), not known, index)


def _part_dims(op: Op, shape: tuple[Dim, ...], parts: Sequence[Part]) -> tuple[Dim, ...]:
    dims: list[Dim] = []
    for part in parts:
        if part.axis is None:
            dims.append(1)
        elif isinstance(part.bounds, int):
            _need_index(op, part, shape[part.axis])
        else:
            dims.append(_part_extent(shape[part.axis], part))
    return tuple(dims)


def _need_index(op: Op, part: Part, dim: Dim) -> None:
    index = part.bounds
    if isinstance(dim, int) and isinstance(index, int) and not part.unknown and not -dim <= index < dim:
        raise mismatch(op, f"takes element {index} of axis {part.axis}, which has {dim}")


def _part_extent(dim: Dim, part: Part) -> Dim:
    assert not isinstance(part.bounds, int)
    if part.unknown:
        return None
    begin, end, stride = part.bounds
    if isinstance(dim, int):
        return len(range(dim)[clamped(dim, begin, end, stride)])
    whole = abs(stride) == 1 and end is None and (begin is None or (begin == 0 and stride == 1))
    if whole:
        return dim
    same_side = begin is not None and end is not None and (begin < 0) == (end < 0)
    return 0 if same_side and begin is not None and end is not None and (end - begin) * stride <= 0 else None


def clamped(dim: int, begin: int | None, end: int | None, stride: int) -> slice[Any, Any, Any]:
    """Return the slice of an axis of extent `dim`; a negative bound counts from the end, once."""
    low, high = (0, dim) if stride > 0 else (-1, dim - 1)
    ends = (low, high) if stride > 0 else (high, low)
    first, last = (
        open_ if bound is None else min(max(bound + dim if bound < 0 else bound, low), high)
        for bound, open_ in zip((begin, end), ends, strict=True)
    )
    # numpy would count a bound of -1 from the end once more.
    return slice(first, None if last < 0 else last, stride) if first >= 0 else slice(0, 0)


def _take(op: Op, x: Array, parts: Sequence[Part]) -> Array:
    _part_dims(op, x.shape, parts)
    index: list[Any] = []
    for part in parts:
        if part.axis is None:
            index.append(None)
        elif isinstance(part.bounds, int):
            index.append(part.bounds)
        else:
            index.append(clamped(x.shape[part.axis], *part.bounds))
    taken: Array = x[tuple(index)]
    return taken


def _infer_parts(
    op: Op, begin: Shape, end: Shape, strides: Shape, masks: Masks, rank: int | None
) -> Sequence[Part] | None:
    """Return what a strided slice does as far as it is known, None where not even the number of parts is."""
    count = next((len(dims) for dims in (begin, end, strides) if dims is not None), None)
    if rank is None or count is None:
        return None
    unknown: tuple[Dim, ...] = (None,) * count
    begin, end, strides = (unknown if dims is None else dims for dims in (begin, end, strides))
    return _parts(op, rank, begin, end, strides, masks)


def strided_parts(op: Op) -> Sequence[Part] | None:
    """Return what a strided slice of any kind does as far as it is known, None where not even the number of parts is.

    Raises:
        InferenceError: The operands do not fit.
    """
    rank, begin, end = operand(op, 0).rank, known_ints(op, 1), known_ints(op, 2)
    place = 3 if op.kind == "ge.StridedSlice" else 4
    if place == 3 or given(op, place) is not None:
        strides = known_ints(op, place)
    else:
        strides = None if begin is None else (1,) * len(begin)
    if place == 3 or given(op, 3) is None:
        return _infer_parts(op, begin, end, strides, Masks.of(op), rank)
    return None if rank is None else _along_axes(op, rank, begin, end, constant_ints(op, 3), strides)


@infers("StridedSlice", "StridedSliceV2", "StridedSliceV3")
def _infer_strided_slice(op: Op) -> list[Type]:
    x, parts = operand(op, 0), strided_parts(op)
    if parts is None or x.shape is None:
        return [x.with_shape(None)]
    return [x.with_shape(_part_dims(op, x.shape, parts))]


@evaluates("StridedSlice")
def _strided_slice(op: Op, arrays: Arrays) -> list[Array]:
    begin, end, strides = (array.reshape(-1).tolist() for array in arrays[1:4])
    return [_take(op, arrays[0], _parts(op, arrays[0].ndim, begin, end, strides, Masks.of(op)))]


def _along_axes(op: Op, rank: int, begin: Shape, end: Shape, axes: Shape, strides: Shape) -> list[Part] | None:
    """Return what StridedSliceV2 does where it names its axes; axes it does not name are kept whole."""
    count = next((len(dims) for dims in (begin, end, axes) if dims is not None), None)
    if axes is None or count is None or not all(isinstance(axis, int) for axis in axes):
        return None
    unknown: tuple[Dim, ...] = (None,) * count
    begin, end = (unknown if dims is None else dims for dims in (begin, end))
    strides = unknown if strides is None else strides
    if not len(begin) == len(end) == len(axes) == len(strides):
        raise mismatch(op, f"has {len(begin)} begins, {len(end)} ends, {len(axes)} axes and {len(strides)} strides")
    parts = _whole(rank)
    for index, axis in enumerate(axes):
        place = positive_axis(op, int(axis or 0), rank)
        parts[place] = _part(op, place, index, (begin[index], end[index], strides[index]), Masks.of(op))
    return parts


@evaluates("StridedSliceV2", "StridedSliceV3")
def _strided_slice_v2(op: Op, arrays: Arrays) -> list[Array]:
    x = arrays[0]
    begin, end = (array.reshape(-1).tolist() for array in arrays[1:3])
    axes, steps = present(arrays, 3), present(arrays, 4)
    strides = [1] * len(begin) if steps is None else steps.reshape(-1).tolist()
    if axes is None:
        return [_take(op, x, _parts(op, x.ndim, begin, end, strides, Masks.of(op)))]
    named = _along_axes(op, x.ndim, tuple(begin), tuple(end), tuple(axes.reshape(-1).tolist()), tuple(strides))
    return [_take(op, x, named or ())]


# -- turning around


@infers("ReverseV2")
def _infer_reverse_v2(op: Op) -> list[Type]:
    x, axes = operand(op, 0), constant_ints(op, 1)
    if x.shape is not None and axes is not None:
        _reversed_axes(op, axes, len(x.shape))
    return [x]


def _reversed_axes(op: Op, axes: Sequence[int], rank: int) -> tuple[int, ...]:
    places = positive_axes(op, axes, rank)
    if len(places) != len(axes):
        raise mismatch(op, f"cannot reverse one axis twice: {list(axes)}")
    return places


@evaluates("ReverseV2")
def _reverse_v2(op: Op, arrays: Arrays) -> list[Array]:
    return [np.flip(arrays[0], _reversed_axes(op, arrays[1].reshape(-1).tolist(), arrays[0].ndim))]


@infers("ReverseSequence")
def _infer_reverse_sequence(op: Op) -> list[Type]:
    x, lengths = operand(op, 0), operand(op, 1)
    if x.shape is None:
        return [x]
    _, batch = _sequence_axes(op, len(x.shape))
    (count,) = need_rank(op, lengths, 1, "a list of lengths")
    equal_dims(op, x.shape[batch], count, "numbers of sequences and lengths")
    return [x]


def _sequence_axes(op: Op, rank: int) -> tuple[int, int]:
    sequence = positive_axis(op, integer(op, "seq_dim"), rank)
    batch = positive_axis(op, integer(op, "batch_dim", 0), rank)
    if sequence == batch:
        raise mismatch(op, f"cannot have its sequences and its batch along one axis, {batch}")
    return sequence, batch


@evaluates("ReverseSequence")
def _reverse_sequence(op: Op, arrays: Arrays) -> list[Array]:
    x, lengths = arrays
    sequence, batch = _sequence_axes(op, x.ndim)
    extent = x.shape[sequence]
    if lengths.shape != (x.shape[batch],) or (lengths < 0).any() or (lengths > extent).any():
        raise mismatch(op, f"cannot reverse the first {lengths.tolist()} of {extent} elements")
    steps = np.arange(extent)
    places = np.where(steps < lengths[:, None], lengths[:, None] - 1 - steps, steps)
    shape = [1] * x.ndim
    shape[batch], shape[sequence] = places.shape
    places = (places if batch < sequence else places.T).reshape(shape)
    return [np.take_along_axis(x, places, sequence)]


@infers("RollV2")
def _infer_roll_v2(op: Op) -> list[Type]:
    x, axes = operand(op, 0), constant_ints(op, 2)
    if x.shape is not None and axes is not None:
        positive_axes(op, axes, len(x.shape))
    return [x]


@evaluates("RollV2")
def _roll_v2(op: Op, arrays: Arrays) -> list[Array]:
    shifts, axes = (array.reshape(-1).tolist() for array in arrays[1:])
    if len(shifts) != len(axes):
        raise mismatch(op, f"has {len(shifts)} shifts for {len(axes)} axes")
    return [np.roll(arrays[0], shifts, axes)]


@infers("Roll")
def _infer_roll(op: Op) -> list[Type]:
    x = operand(op, 0)
    if x.shape is not None:
        positive_axes(op, integers(op, "dims", ()), len(x.shape))
    return [x]


@evaluates("Roll")
def _roll(op: Op, arrays: Arrays) -> list[Array]:
    shifts, axes = integers(op, "shifts"), integers(op, "dims", ())
    if axes and len(shifts) != len(axes):
        raise mismatch(op, f"has {len(shifts)} shifts for {len(axes)} axes")
    return [np.roll(arrays[0], shifts, axes) if axes else np.roll(arrays[0], sum(shifts))]
