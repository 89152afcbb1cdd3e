"""Ops that describe a tensor, make one of given dimensions, or arrange its elements anew without looking at them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from modelc.dialects.ge.dtypes import element_of_cpp
from modelc.dialects.ge.helpers import (
    constant_ints,
    element,
    flag,
    given,
    integer,
    integers,
    mismatch,
    operand,
    positive_axes,
    positive_axis,
    product,
    total,
)
from modelc.dialects.ge.known import known_ints
from modelc.dialects.ge.semantics import Array, Arrays, evaluates, infers
from modelc.ir.constants import numpy_dtype
from modelc.ir.op import Op
from modelc.ir.types import I32, I64, Dim, Element, Shape, TensorType, Type, format_shape

# -- the same value


SAME = (
    *("CheckNumerics", "GuaranteeConst", "Identity", "IdentityN", "PlaceholderWithDefault", "PreventGradient"),
    *("Snapshot", "StopGradient"),
)


@infers(*SAME)
def _infer_same(op: Op) -> list[Type]:
    if not op.inputs:
        raise mismatch(op, "needs an operand")
    return [value.type for value in op.inputs]


@evaluates(*SAME)
def _same(op: Op, arrays: Arrays) -> list[Array]:
    return list(arrays)


@infers("EnsureShape")
def _infer_ensure_shape(op: Op) -> list[Type]:
    x = operand(op, 0)
    wanted = integers(op, "shape")
    if x.shape is None:
        return [x.with_shape(None if dim < 0 else dim for dim in wanted)]
    if len(wanted) != len(x.shape) or any(
        isinstance(dim, int) and want not in (-1, dim) for dim, want in zip(x.shape, wanted, strict=True)
    ):
        raise mismatch(op, f"demands the shape {list(wanted)}, it is given {x}")
    return [x.with_shape(dim if want < 0 else want for dim, want in zip(x.shape, wanted, strict=True))]


@evaluates("EnsureShape")
def _ensure_shape(op: Op, arrays: Arrays) -> list[Array]:
    wanted = integers(op, "shape")
    found = arrays[0].shape
    if len(wanted) != len(found) or any(want not in (-1, dim) for dim, want in zip(found, wanted, strict=True)):
        raise mismatch(op, f"demands the shape {list(wanted)}, it is given {list(found)}")
    return [arrays[0]]


# -- reshaping


def _factors(dims: Sequence[Dim]) -> tuple[int, list[str], int]:
    """Return the product of the known dimensions, the symbols, and how many dimensions are unknown."""
    known = math.prod(dim for dim in dims if isinstance(dim, int))
    return known, sorted(dim for dim in dims if isinstance(dim, str)), sum(dim is None for dim in dims)


def _cancel(above: list[str], below: list[str]) -> tuple[list[str], list[str]]:
    rest = list(above)
    kept = []
    for symbol in below:
        if symbol in rest:
            rest.remove(symbol)
        else:
            kept.append(symbol)
    return rest, kept


def reshaped(op: Op, shape: Shape, wanted: Sequence[Dim]) -> Shape:
    """Return what `wanted`, with -1 for what shall be computed, makes of a tensor of `shape`.

    Raises:
        InferenceError: The numbers of elements differ, or more than one dimension is -1.
    """
    if sum(dim == -1 for dim in wanted) > 1 or any(isinstance(dim, int) and dim < -1 for dim in wanted):
        raise mismatch(op, f"has no shape {format_shape(tuple(wanted))}: one dimension may be -1, the others count")
    holes = [index for index, dim in enumerate(wanted) if dim is None or dim == -1]
    target: list[Dim] = [None if dim == -1 else dim for dim in wanted]
    if shape is None:
        return tuple(target)
    rest = [dim for index, dim in enumerate(target) if index not in holes]
    have, have_symbols, have_unknown = _factors(shape)
    need, need_symbols, _ = _factors(rest)
    have_symbols, need_symbols = _cancel(have_symbols, need_symbols)
    exact = not have_symbols and not need_symbols and not have_unknown
    fits = exact and (have == need if not holes else need != 0 and have % need == 0)
    if exact and not fits and (len(holes) < 2 or need != 0):
        text = format_shape(tuple(wanted))
        raise mismatch(op, f"cannot give the {have} elements of {format_shape(shape)} the shape {text}")
    if len(holes) == 1 and not need_symbols and not have_unknown and need != 0:
        if exact:
            target[holes[0]] = have // need
        elif len(have_symbols) == 1 and have == need:
            target[holes[0]] = have_symbols[0]
    return tuple(target)


@infers("Reshape")
def _infer_reshape(op: Op) -> list[Type]:
    x = operand(op, 0)
    wanted = known_ints(op, 1)
    axis, count = integer(op, "axis", 0), integer(op, "num_axes", -1)
    if wanted is None:
        return [x.with_shape(None)]
    if (axis, count) == (0, -1):
        return [x.with_shape(reshaped(op, x.shape, wanted))]
    if x.shape is None:
        return [x.with_shape(None)]
    start, stop = reshape_range(op, axis, count, len(x.shape))
    middle = reshaped(op, x.shape[start:stop], wanted)
    return [x.with_shape(None if middle is None else (*x.shape[:start], *middle, *x.shape[stop:]))]


def reshape_range(op: Op, axis: int, count: int, rank: int) -> tuple[int, int]:
    """Return which dimensions a reshape works on; a negative axis counts from behind the last one."""
    start = axis + rank + 1 if axis < 0 else axis
    stop = rank if count == -1 else start + count
    if not 0 <= start <= stop <= rank:
        raise mismatch(op, f"cannot work on {count} axes from axis {axis} on among {rank} dimensions")
    return start, stop


def _counted(shape: Shape) -> tuple[int, ...]:
    return tuple(dim for dim in shape or () if isinstance(dim, int))


@evaluates("Reshape")
def _reshape(op: Op, arrays: Arrays) -> list[Array]:
    x = arrays[0]
    wanted = tuple(int(dim) for dim in arrays[1].reshape(-1))
    start, stop = reshape_range(op, integer(op, "axis", 0), integer(op, "num_axes", -1), x.ndim)
    middle = reshaped(op, x.shape[start:stop], wanted)
    return [x.reshape((*x.shape[:start], *_counted(middle), *x.shape[stop:]))]


@infers("Flatten")
def _infer_flatten(op: Op) -> list[Type]:
    x = operand(op, 0)
    if x.shape is None:
        return [x.with_shape((None, None))]
    axis = _flatten_axis(op, len(x.shape))
    return [x.with_shape((product(x.shape[:axis]), product(x.shape[axis:])))]


def _flatten_axis(op: Op, rank: int) -> int:
    axis = integer(op, "axis", 1)
    if not -rank <= axis <= rank:
        raise mismatch(op, f"has no axis {axis} among {rank} dimensions")
    return axis + rank if axis < 0 else axis


@evaluates("Flatten")
def _flatten(op: Op, arrays: Arrays) -> list[Array]:
    axis = _flatten_axis(op, arrays[0].ndim)
    shape = arrays[0].shape
    return [arrays[0].reshape(math.prod(shape[:axis]), math.prod(shape[axis:]))]


def flatten_range(op: Op, rank: int) -> tuple[int, int]:
    """Return the first and the last axis that FlattenV2 makes one of; a scalar has one."""
    first = positive_axis(op, integer(op, "axis", 1), max(rank, 1))
    last = positive_axis(op, integer(op, "end_axis", -1), max(rank, 1))
    if first > last:
        raise mismatch(op, f"cannot flatten from axis {first} back to axis {last}")
    return first, last


@infers("FlattenV2")
def _infer_flatten_v2(op: Op) -> list[Type]:
    x = operand(op, 0)
    if x.shape is None:
        return [x]
    first, last = flatten_range(op, len(x.shape))
    return [x.with_shape((*x.shape[:first], product(x.shape[first : last + 1]), *x.shape[last + 1 :]))]


@evaluates("FlattenV2")
def _flatten_v2(op: Op, arrays: Arrays) -> list[Array]:
    shape = arrays[0].shape
    first, last = flatten_range(op, len(shape))
    return [arrays[0].reshape(*shape[:first], math.prod(shape[first : last + 1]), *shape[last + 1 :])]


# -- dimensions of extent one


def _squeeze_axes(op: Op, shape: Shape) -> tuple[int, ...] | None:
    """Return the axes to remove, None where that is not known."""
    axes = constant_ints(op, 1) if given(op, 1) is not None else integers(op, "axis", ())
    if shape is None or axes is None:
        return None
    if axes:
        return positive_axes(op, axes, len(shape))
    unknown = any(not isinstance(dim, int) for dim in shape)
    return None if unknown else tuple(index for index, dim in enumerate(shape) if dim == 1)


def _without(op: Op, shape: Shape, axes: tuple[int, ...] | None) -> Shape:
    if shape is None or axes is None:
        return None
    if any(isinstance(shape[axis], int) and shape[axis] != 1 for axis in axes):
        raise mismatch(op, f"cannot remove axis {', '.join(map(str, axes))} of {format_shape(shape)}: not of extent 1")
    return tuple(dim for axis, dim in enumerate(shape) if axis not in axes)


@infers("Squeeze", "SqueezeV2", "SqueezeV3")
def _infer_squeeze(op: Op) -> list[Type]:
    x = operand(op, 0)
    return [x.with_shape(_without(op, x.shape, _squeeze_axes(op, x.shape)))]


@evaluates("Squeeze", "SqueezeV2", "SqueezeV3")
def _squeeze(op: Op, arrays: Arrays) -> list[Array]:
    x = arrays[0]
    if given(op, 1) is None:
        axes = _squeeze_axes(op, x.shape)
    else:
        axes = positive_axes(op, arrays[1].reshape(-1).tolist(), x.ndim)
        axes = axes or tuple(index for index, dim in enumerate(x.shape) if dim == 1)
    return [x.reshape(_counted(_without(op, x.shape, axes)))]


def _with_ones(op: Op, shape: tuple[Dim, ...], axes: Sequence[int]) -> tuple[Dim, ...]:
    rank = len(shape) + len(axes)
    places = positive_axes(op, axes, rank)
    if len(places) != len(axes):
        raise mismatch(op, f"cannot insert one axis twice: {list(axes)}")
    rest = iter(shape)
    return tuple(1 if axis in places else next(rest) for axis in range(rank))


@infers("ExpandDims", "UnsqueezeV3")
def _infer_expand_dims(op: Op) -> list[Type]:
    x = operand(op, 0)
    axes = constant_ints(op, 1)
    if x.shape is None:
        return [x]
    if axes is None:
        where = operand(op, 1)
        added = where.size if where.is_static else None
        return [x.with_shape(None if added is None else (None,) * (len(x.shape) + added))]
    return [x.with_shape(_with_ones(op, x.shape, axes))]


@evaluates("ExpandDims", "UnsqueezeV3")
def _expand_dims(op: Op, arrays: Arrays) -> list[Array]:
    return [arrays[0].reshape(_counted(_with_ones(op, arrays[0].shape, arrays[1].reshape(-1).tolist())))]


def _unsqueeze_axes(op: Op) -> tuple[int, ...]:
    return integers(op, "axes" if op.kind == "ge.Unsqueeze" else "axis", ())


@infers("Unsqueeze", "UnsqueezeV2")
def _infer_unsqueeze(op: Op) -> list[Type]:
    x = operand(op, 0)
    return [x if x.shape is None else x.with_shape(_with_ones(op, x.shape, _unsqueeze_axes(op)))]


@evaluates("Unsqueeze", "UnsqueezeV2")
def _unsqueeze(op: Op, arrays: Arrays) -> list[Array]:
    return [arrays[0].reshape(_counted(_with_ones(op, arrays[0].shape, _unsqueeze_axes(op))))]


# -- transposing


def _permutation(op: Op, perm: Sequence[int], rank: int) -> tuple[int, ...]:
    axes = tuple(axis + rank if axis < 0 else axis for axis in perm)
    if sorted(axes) != list(range(rank)):
        raise mismatch(op, f"cannot order {rank} dimensions as {list(perm)}")
    return axes


@infers("Transpose", "ConjugateTranspose")
def _infer_transpose(op: Op) -> list[Type]:
    x = operand(op, 0)
    perm = constant_ints(op, 1)
    if perm is None:
        count = operand(op, 1)
        rank = x.rank if x.rank is not None else count.size if count.is_static else None
        return [x.with_shape(None if rank is None else (None,) * rank)]
    axes = _permutation(op, perm, len(perm) if x.shape is None else len(x.shape))
    return [x.with_shape(None if x.shape is None else x.shape[axis] for axis in axes)]


@evaluates("Transpose")
def _transpose(op: Op, arrays: Arrays) -> list[Array]:
    return [arrays[0].transpose(_permutation(op, arrays[1].reshape(-1).tolist(), arrays[0].ndim))]


@evaluates("ConjugateTranspose")
def _conjugate_transpose(op: Op, arrays: Arrays) -> list[Array]:
    return [np.conj(transposed) for transposed in _transpose(op, arrays)]


@infers("InvertPermutation")
def _infer_invert_permutation(op: Op) -> list[Type]:
    return [operand(op, 0)]


@evaluates("InvertPermutation")
def _invert_permutation(op: Op, arrays: Arrays) -> list[Array]:
    perm = arrays[0]
    if sorted(perm.tolist()) != list(range(perm.size)):
        raise mismatch(op, f"cannot invert {perm.tolist()}, which is no permutation")
    return [np.argsort(perm).astype(perm.dtype)]


# -- descriptions


def _number_element(op: Op) -> Element:
    found = element_of_cpp(integer(op, "dtype", 3))
    if found not in (I32, I64):
        raise mismatch(op, f"counts in i32 or i64, not {found}")
    return found


@infers("Shape", "ShapeN")
def _infer_shape(op: Op) -> list[Type]:
    return [TensorType(_number_element(op), (operand(op, index).rank,)) for index in range(len(op.inputs))]


@evaluates("Shape", "ShapeN")
def _shape(op: Op, arrays: Arrays) -> list[Array]:
    return [np.array(x.shape, numpy_dtype(_number_element(op))) for x in arrays]


@infers("GetShape")
def _infer_get_shape(op: Op) -> list[Type]:
    return [TensorType(I32, (total(operand(op, index).rank for index in range(len(op.inputs))),))]


@evaluates("GetShape")
def _get_shape(op: Op, arrays: Arrays) -> list[Array]:
    return [np.array([dim for x in arrays for dim in x.shape], np.int32)]


@infers("Size")
def _infer_size(op: Op) -> list[Type]:
    operand(op, 0)
    return [TensorType(_number_element(op), ())]


@evaluates("Size")
def _size(op: Op, arrays: Arrays) -> list[Array]:
    return [np.array(arrays[0].size, numpy_dtype(_number_element(op)))]


@infers("Rank")
def _infer_rank(op: Op) -> list[Type]:
    operand(op, 0)
    return [TensorType(I32, ())]


@evaluates("Rank")
def _rank(op: Op, arrays: Arrays) -> list[Array]:
    return [np.array(arrays[0].ndim, np.int32)]


# -- bits


@infers("Bitcast")
def _infer_bitcast(op: Op) -> list[Type]:
    x = operand(op, 0)
    to = element(op, "type")
    if x.element is None:
        return [TensorType(to)]
    if flag(op, "keep_dim", False) or x.element.bits == to.bits or not x.element.bits or not to.bits:
        if x.element.bits != to.bits:
            raise mismatch(op, f"cannot read the bits of {x.element} as {to}")
        return [x.with_element(to)]
    if x.shape is None:
        return [TensorType(to)]
    if x.element.bits > to.bits:
        return [TensorType(to, (*x.shape, x.element.bits // to.bits))]
    ratio = to.bits // x.element.bits
    last: Dim = x.shape[-1] if len(x.shape) else 1
    if isinstance(last, int) and last != ratio:
        raise mismatch(op, f"cannot read the bits of {x} as {to}: the last dimension must be {ratio}")
    return [TensorType(to, x.shape[:-1])]


@evaluates("Bitcast")
def _bitcast(op: Op, arrays: Arrays) -> list[Array]:
    x = np.ascontiguousarray(arrays[0]).reshape(arrays[0].shape)
    to = numpy_dtype(element(op, "type"))
    if x.dtype.itemsize == to.itemsize:
        return [x.view(to)]
    if x.dtype.itemsize > to.itemsize:
        ratio = x.dtype.itemsize // to.itemsize
        return [np.frombuffer(x.tobytes(), to).reshape(*x.shape, ratio)]
    shape: tuple[int, ...] = x.shape
    if not shape or shape[-1] * x.dtype.itemsize != to.itemsize:
        raise mismatch(op, f"cannot read the bits of {x.dtype}{list(shape)} as {to}")
    return [np.frombuffer(x.tobytes(), to).reshape(shape[:-1])]
