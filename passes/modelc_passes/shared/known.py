"""Known numbers: small values of the tf dialect that follow from constants alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from modelc.ir.blob import Blob, BlobError, MissingBlob
from modelc.ir.constants import constant, numpy_dtype
from modelc.ir.op import Op, Value
from modelc.ir.types import I64, Element, TensorType

LIMIT = 4096  # bytes a value may have to be looked at

Array: TypeAlias = NDArray[Any]
Maybe: TypeAlias = Array | None
Rule: TypeAlias = Callable[[Op, Sequence[Maybe]], Maybe]


class Known:
    """What is known of values, computed on demand and remembered.

    Args:
        given: Numbers to take for granted, such as those of loop variables; None for what is not to be looked at.
    """

    def __init__(self, given: Mapping[Value, Maybe] | None = None) -> None:
        self._numbers: dict[Value, Maybe] = dict(given or {})

    def of(self, value: Value) -> Maybe:
        """Return the numbers of `value`, None where they do not follow from constants."""
        pending = [(value, False)]
        entered: set[Value] = set()
        while pending:
            current, is_ready = pending.pop()
            if current in self._numbers:
                continue
            if is_ready:
                self._numbers[current] = _evaluate(current, self._numbers)
            elif current not in entered:
                entered.add(current)
                pending.append((current, True))
                pending.extend((operand, False) for operand in _needed(current))
        return self._numbers[value]

    def scalar(self, value: Value) -> bool | int | float | None:
        """Return the one number of `value`, None where it is not known or not one."""
        array = self.of(value)
        if array is None or array.size != 1 or array.dtype.kind not in "biuf":
            return None
        number: bool | int | float = array.reshape(()).item()
        return number

    def truth(self, value: Value) -> bool | None:
        """Return whether `value` counts as true for a branch, None where that is not known."""
        array = self.of(value)
        if array is None:
            return None
        return bool(array.reshape(())) if array.ndim == 0 else array.size > 0

    def set(self, value: Value, numbers: Maybe) -> None:
        """State the numbers of `value`."""
        self._numbers[value] = numbers


def _needed(value: Value) -> tuple[Value, ...]:
    op = value.producer
    return op.inputs if value.index == 0 and op.kind in _RULES else ()


def _evaluate(value: Value, numbers: Mapping[Value, Maybe]) -> Maybe:
    op = value.producer
    if value.index != 0 or not (op.kind == "const" or op.kind in _RULES):
        return None
    try:
        if op.kind == "const":
            return constant(value, LIMIT)
        with np.errstate(all="ignore"):
            result = _RULES[op.kind](op, [numbers.get(operand) for operand in op.inputs])
    except (ArithmeticError, BlobError, LookupError, TypeError, ValueError):
        return None
    return None if result is None or result.nbytes > LIMIT else result


# -- rules

_UNARY: dict[str, Callable[[Array], Array]] = {
    **dict.fromkeys(
        ("Identity", "StopGradient", "PreventGradient", "Snapshot", "GuaranteeConst", "EnsureShape"), lambda x: x
    ),
    "PlaceholderWithDefault": lambda x: x,
    "LogicalNot": np.logical_not,
    "Neg": np.negative,
    "Abs": np.abs,
    "Floor": np.floor,
    "Ceil": np.ceil,
    "Sqrt": np.sqrt,
    "Square": np.square,
    "Reciprocal": np.reciprocal,
    "OnesLike": np.ones_like,
    "ZerosLike": np.zeros_like,
}

_BINARY: dict[str, Callable[[Array, Array], Array]] = {
    "Add": np.add,
    "AddV2": np.add,
    "Sub": np.subtract,
    "Mul": np.multiply,
    "RealDiv": np.true_divide,
    "FloorDiv": np.floor_divide,
    "FloorMod": np.mod,
    "Maximum": np.maximum,
    "Minimum": np.minimum,
    "Equal": np.equal,
    "NotEqual": np.not_equal,
    "Less": np.less,
    "LessEqual": np.less_equal,
    "Greater": np.greater,
    "GreaterEqual": np.greater_equal,
    "Reshape": lambda x, shape: x.reshape(shape.reshape(-1).tolist()),
    "ExpandDims": lambda x, axis: np.expand_dims(x, int(axis.reshape(()))),
    "Fill": lambda dims, x: _filled(dims, x),
}

_REDUCTIONS: dict[str, Callable[..., Any]] = {
    "All": np.all,
    "Any": np.any,
    "Max": np.max,
    "Min": np.min,
    "Prod": np.prod,
    "Sum": np.sum,
}


def _filled(dims: Array, value: Array) -> Array:
    if int(np.prod(dims.astype(np.int64))) > LIMIT:
        raise ValueError("too large")
    return np.full(dims.tolist(), value, value.dtype)


def _unary(function: Callable[[Array], Array]) -> Rule:
    return lambda op, arrays: None if arrays[0] is None else np.asarray(function(arrays[0]))


def _binary(function: Callable[[Array, Array], Array]) -> Rule:
    def rule(op: Op, arrays: Sequence[Maybe]) -> Maybe:
        first, second = arrays
        return None if first is None or second is None else np.asarray(function(first, second))

    return rule


def _reduction(function: Callable[..., Any]) -> Rule:
    def rule(op: Op, arrays: Sequence[Maybe]) -> Maybe:
        first, axes = arrays
        if first is None or axes is None:
            return None
        keep = bool(op.attributes.get("keep_dims", False))
        result = function(first, axis=tuple(int(axis) for axis in axes.reshape(-1)), keepdims=keep)
        return np.asarray(result, first.dtype)

    return rule


def _logical(decisive: bool) -> Rule:
    """Return the rule of a conjunction or disjunction, which one operand can decide."""

    def rule(op: Op, arrays: Sequence[Maybe]) -> Maybe:
        for array in arrays:
            if array is not None and array.ndim == 0 and bool(array) is decisive:
                return np.array(decisive)
        first, second = arrays
        if first is None or second is None:
            return None
        return np.logical_or(first, second) if decisive else np.logical_and(first, second)

    return rule


def _cast(op: Op, arrays: Sequence[Maybe]) -> Maybe:
    target = op.attributes.get("DstT")
    if arrays[0] is None or not isinstance(target, Element) or target.family not in ("float", "int", "uint", "bool"):
        return None
    return arrays[0].astype(numpy_dtype(target))


def _squeeze(op: Op, arrays: Sequence[Maybe]) -> Maybe:
    axes = op.attributes.get("squeeze_dims", ())
    if arrays[0] is None or not isinstance(axes, tuple):
        return None
    return np.squeeze(arrays[0], tuple(int(axis) for axis in axes if isinstance(axis, int)) or None)


def _pack(op: Op, arrays: Sequence[Maybe]) -> Maybe:
    known = [array for array in arrays if array is not None]
    axis = op.attributes.get("axis", 0)
    return np.stack(known, axis) if len(known) == len(arrays) and isinstance(axis, int) else None


def _range(op: Op, arrays: Sequence[Maybe]) -> Maybe:
    bounds = [array.reshape(()).item() for array in arrays if array is not None]
    if len(bounds) != 3 or arrays[0] is None or abs((bounds[1] - bounds[0]) / bounds[2]) > LIMIT:
        return None
    return np.arange(*bounds).astype(arrays[0].dtype)


def _select(op: Op, arrays: Sequence[Maybe]) -> Maybe:
    condition, first, second = arrays
    if condition is None or condition.ndim:
        return None
    return first if bool(condition) else second


def _gather(op: Op, arrays: Sequence[Maybe]) -> Maybe:
    table, indices, axis = arrays[0], arrays[1], arrays[2] if len(arrays) > 2 else np.array(0)
    if table is None:
        table = _entries(op.inputs[0])
    if table is None or indices is None or axis is None or int(axis.reshape(())) or indices.min(initial=0) < 0:
        return None
    return _numbers(table[indices], op.inputs[0])


def _initialized(op: Op, arrays: Sequence[Maybe]) -> Maybe:
    """A variable that has a value in the checkpoint is initialized."""
    blob = op.inputs[0].producer.attributes.get("value")
    return np.array(True) if isinstance(blob, Blob) and not isinstance(blob, MissingBlob) else None


# -- shapes, of which parts can be known


def _shape(op: Op, arrays: Sequence[Maybe]) -> Maybe:
    entries = _entries(op.results[0])
    return None if entries is None else _numbers(entries, op.results[0])


def _entries(value: Value) -> Maybe:
    """Return the dimensions that a `tf.Shape` gives, None among them for unknown ones."""
    op = value.producer
    type_ = op.inputs[0].type if op.kind == "tf.Shape" else None
    if not isinstance(type_, TensorType) or type_.shape is None:
        return None
    return np.array([dim if isinstance(dim, int) else None for dim in type_.shape], dtype=object)


def _numbers(entries: Array, shape: Value) -> Maybe:
    if entries.dtype != object:
        return entries
    if any(entry is None for entry in entries.reshape(-1).tolist()):
        return None
    is_long = isinstance(shape.type, TensorType) and shape.type.element == I64
    return entries.astype(np.int64 if is_long else np.int32)


def _rank(op: Op, arrays: Sequence[Maybe]) -> Maybe:
    type_ = op.inputs[0].type
    rank = type_.rank if isinstance(type_, TensorType) else None
    return None if rank is None else np.array(rank, np.int32)


def _size(op: Op, arrays: Sequence[Maybe]) -> Maybe:
    type_ = op.inputs[0].type
    if not isinstance(type_, TensorType) or not type_.is_static:
        return None
    return np.array(type_.size, np.int64 if op.attributes.get("out_type") == I64 else np.int32)


def _strided_slice(op: Op, arrays: Sequence[Maybe]) -> Maybe:
    table, *bounds = arrays
    if table is None:
        table = _entries(op.inputs[0])
    known = [array.reshape(-1).tolist() for array in bounds if array is not None]
    if table is None or len(known) != 3 or op.attributes.get("ellipsis_mask") or op.attributes.get("new_axis_mask"):
        return None
    masks = [op.attributes.get(f"{name}_mask", 0) for name in ("begin", "end", "shrink_axis")]
    begin_mask, end_mask, shrink_mask = (mask if isinstance(mask, int) else 0 for mask in masks)
    index: list[int | slice] = []
    for axis, (begin, end, step) in enumerate(zip(*known, strict=True)):
        if shrink_mask >> axis & 1:
            index.append(begin)
        else:
            index.append(slice(None if begin_mask >> axis & 1 else begin, None if end_mask >> axis & 1 else end, step))
    return _numbers(np.asarray(table[tuple(index)], table.dtype), op.inputs[0])


_RULES: dict[str, Rule] = {
    f"tf.{name}": rule
    for name, rule in {
        **{name: _unary(function) for name, function in _UNARY.items()},
        **{name: _binary(function) for name, function in _BINARY.items()},
        **{name: _reduction(function) for name, function in _REDUCTIONS.items()},
        "LogicalAnd": _logical(False),
        "LogicalOr": _logical(True),
        "Cast": _cast,
        "Squeeze": _squeeze,
        "Pack": _pack,
        "Range": _range,
        "Select": _select,
        "SelectV2": _select,
        "GatherV2": _gather,
        "Gather": _gather,
        "Shape": _shape,
        "Rank": _rank,
        "VarIsInitializedOp": _initialized,
        "IsVariableInitialized": _initialized,
        "Size": _size,
        "StridedSlice": _strided_slice,
    }.items()
}
