"""Ranges: between which whole numbers the elements of a value provably lie, whatever the inputs are.

A range is a pair (least, greatest). It is known for constants, for results that are positions or extents, and for what
follows from such by arithmetic and by moving elements about; a type of at most 32 bits is a range by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import TypeAlias

import numpy as np

from modelc.ir.blob import Blob, BlobError
from modelc.ir.constants import constant, numpy_dtype
from modelc.ir.op import Op, Value
from modelc.ir.types import Element, TensorType

Range: TypeAlias = tuple[int, int]
Maybe: TypeAlias = Range | None
Rule: TypeAlias = Callable[[Op, Sequence[Maybe]], Maybe]

INT32: Range = (-(1 << 31), (1 << 31) - 1)
INTEGERS = frozenset({"int", "uint", "bool"})


class Ranges:
    """Ranges of values, found on demand and remembered."""

    def __init__(self) -> None:
        self._known: dict[Value, Maybe] = {}

    def of(self, value: Value) -> Maybe:
        """Return the range of `value`, None where nothing bounds it or its elements are no whole numbers."""
        pending = [(value, False)]
        entered: set[Value] = set()
        while pending:
            current, is_ready = pending.pop()
            if current in self._known:
                continue
            rule = _rule(current)
            if is_ready or rule is None:
                self._known[current] = self._find(current, rule)
            elif current not in entered:
                entered.add(current)
                pending.append((current, True))
                pending.extend((operand, False) for operand in current.producer.inputs)
        return self._known[value]

    def _find(self, value: Value, rule: Rule | None) -> Maybe:
        own = of_element(_element(value))
        found = None if rule is None else rule(value.producer, [self._known.get(v) for v in value.producer.inputs])
        if own is None or found is None or not within(found, own):  # what leaves the type wraps around
            return own if own is not None and own[1] - own[0] < 1 << 32 else None
        return found


def within(inner: Maybe, outer: Range) -> bool:
    """Whether `inner` is known and lies in `outer`."""
    return inner is not None and outer[0] <= inner[0] and inner[1] <= outer[1]


def of_element(element: Element | None) -> Maybe:
    """Return the range of an element type, None for one whose elements are no whole numbers."""
    if element is None or element.family not in INTEGERS:
        return None
    if element.family == "bool":
        return (0, 1)
    signed = element.family == "int"
    return (-(1 << element.bits - 1), (1 << element.bits - 1) - 1) if signed else (0, (1 << element.bits) - 1)


def _element(value: Value) -> Element | None:
    return value.type.element if isinstance(value.type, TensorType) else None


def _rule(value: Value) -> Rule | None:
    element = _element(value)
    if element is None or element.family not in INTEGERS:
        return None
    return _RULES.get((value.producer.kind, value.index)) or _RULES.get((value.producer.kind, -1))


def union(ranges: Sequence[Maybe]) -> Maybe:
    """Return the smallest range that holds all of `ranges`, None where one is unknown or there is none."""
    known = [range_ for range_ in ranges if range_ is not None]
    if not known or len(known) != len(ranges):
        return None
    return min(low for low, _ in known), max(high for _, high in known)


# -- rules


def _of_constant(op: Op, ranges: Sequence[Maybe]) -> Maybe:
    blob, element = op.attributes.get("value"), _element(op.result)
    if not isinstance(blob, Blob) or element is None:
        return None
    dtype, rest = numpy_dtype(element), b""
    least: list[int] = []
    greatest: list[int] = []
    try:
        for chunk in blob.chunks():
            data = rest + chunk
            numbers = np.frombuffer(data[: len(data) // dtype.itemsize * dtype.itemsize], dtype)
            rest = data[numbers.nbytes :]
            if numbers.size:
                least.append(int(numbers.min()))
                greatest.append(int(numbers.max()))
    except BlobError:
        return None
    return (min(least), max(greatest)) if least else None


def _from(*indices: int) -> Rule:
    """Return the rule of an op that only moves elements of these operands; without any, of all operands."""

    def rule(op: Op, ranges: Sequence[Maybe]) -> Maybe:
        chosen = [index for index in indices if index < len(ranges)] if indices else range(len(ranges))
        return union([ranges[index] for index in chosen])

    return rule


def _all_but_last(op: Op, ranges: Sequence[Maybe]) -> Maybe:
    return union(ranges[:-1])


def _with_zero(op: Op, ranges: Sequence[Maybe]) -> Maybe:
    return union([ranges[0], (0, 0)])


def _shape(op: Op, ranges: Sequence[Maybe]) -> Maybe:
    dims = _dims(op.inputs[0])
    return (min(dims), max(dims)) if dims else None


def _size(op: Op, ranges: Sequence[Maybe]) -> Maybe:
    dims = _dims(op.inputs[0])
    return None if dims is None else (prod(dims), prod(dims))


def _rank(op: Op, ranges: Sequence[Maybe]) -> Maybe:
    type_ = op.inputs[0].type
    rank = type_.rank if isinstance(type_, TensorType) else None
    return None if rank is None else (rank, rank)


def _positions(op: Op, ranges: Sequence[Maybe]) -> Maybe:
    """The result holds positions along some axis of the first operand."""
    dims = _dims(op.inputs[0])
    return (0, max(dims) - 1) if dims and max(dims) > 0 else None


def _positions_along(op: Op, ranges: Sequence[Maybe]) -> Maybe:
    """The result holds positions along the axis that the second operand names."""
    dims, axis = _dims(op.inputs[0]), constant(op.inputs[1])
    if not dims or axis is None or axis.size != 1 or not -len(dims) <= int(axis.reshape(())) < len(dims):
        return _positions(op, ranges)
    extent = dims[int(axis.reshape(()))]
    return (0, extent - 1) if extent else None


def _dims(value: Value) -> tuple[int, ...] | None:
    return value.type.dims if isinstance(value.type, TensorType) and value.type.is_static else None


def _corners(function: Callable[[int, int], int]) -> Rule:
    """Return the rule of a function of two numbers that takes its extremes at the ends of both ranges."""

    def rule(op: Op, ranges: Sequence[Maybe]) -> Maybe:
        first, second = ranges[:2]
        if first is None or second is None:
            return None
        values = [function(a, b) for a in first for b in second]
        return min(values), max(values)

    return rule


def _total(op: Op, ranges: Sequence[Maybe]) -> Maybe:
    known = [range_ for range_ in ranges if range_ is not None]
    if len(known) != len(ranges):
        return None
    return sum(low for low, _ in known), sum(high for _, high in known)


def _floor_div(op: Op, ranges: Sequence[Maybe]) -> Maybe:
    first, second = ranges[:2]
    if first is None or second is None or second[0] <= 0 <= second[1]:
        return None
    values = [a // b for a in first for b in second]
    return min(values), max(values)


def _floor_mod(op: Op, ranges: Sequence[Maybe]) -> Maybe:
    divisor = ranges[1]
    if divisor is None or divisor[0] <= 0 <= divisor[1]:
        return None
    return (0, divisor[1] - 1) if divisor[0] > 0 else (divisor[0] + 1, 0)


def _negated(op: Op, ranges: Sequence[Maybe]) -> Maybe:
    return None if ranges[0] is None else (-ranges[0][1], -ranges[0][0])


def _absolute(op: Op, ranges: Sequence[Maybe]) -> Maybe:
    if ranges[0] is None:
        return None
    low, high = ranges[0]
    return 0 if low <= 0 <= high else min(abs(low), abs(high)), max(abs(low), abs(high))


def _square(op: Op, ranges: Sequence[Maybe]) -> Maybe:
    found = _absolute(op, ranges)
    return None if found is None else (found[0] ** 2, found[1] ** 2)


def _relu(op: Op, ranges: Sequence[Maybe]) -> Maybe:
    return None if ranges[0] is None else (max(0, ranges[0][0]), max(0, ranges[0][1]))


def _clipped(op: Op, ranges: Sequence[Maybe]) -> Maybe:
    low, high = ranges[1:3]
    return None if low is None or high is None else (low[0], max(low[0], high[1]))


def _maximum(op: Op, ranges: Sequence[Maybe]) -> Maybe:
    first, second = ranges[:2]
    return None if first is None or second is None else (max(first[0], second[0]), max(first[1], second[1]))


def _minimum(op: Op, ranges: Sequence[Maybe]) -> Maybe:
    first, second = ranges[:2]
    return None if first is None or second is None else (min(first[0], second[0]), min(first[1], second[1]))


def _extreme(op: Op, ranges: Sequence[Maybe]) -> Maybe:
    """The result holds elements of the first operand; over none of them it would be the extreme of the type."""
    dims = _dims(op.inputs[0])
    return ranges[0] if dims and all(dims) else None


def _sum(op: Op, ranges: Sequence[Maybe]) -> Maybe:
    """The result holds sums of at most as many elements as the first operand has, of none at least."""
    dims = _dims(op.inputs[0])
    if dims is None or ranges[0] is None:
        return None
    count = prod(dims)
    return min(0, ranges[0][0] * count), max(0, ranges[0][1] * count)


def _fixed(low: int, high: int) -> Rule:
    return lambda op, ranges: (low, high)


# Which operands an op moves elements from: none listed for all of them.
_MOVES: dict[str, tuple[int, ...]] = {
    **dict.fromkeys(
        (
            *("Reshape", "Transpose", "Squeeze", "SqueezeV2", "SqueezeV3", "Unsqueeze", "UnsqueezeV2", "UnsqueezeV3"),
            *("ExpandDims", "Flatten", "FlattenV2", "Identity", "StopGradient", "PreventGradient", "Snapshot"),
            *("Slice", "StridedSlice", "GatherV2", "Gather", "GatherNd", "GatherElements", "Tile", "BroadcastTo"),
            *("ReverseV2", "ReverseSequence", "Unpack", "SplitV", "SpaceToDepth", "DepthToSpace", "MirrorPad"),
            *("BatchToSpaceND", "Cast", "EnsureShape"),
        ),
        (0,),
    ),
    "Split": (1,),
    "Fill": (1,),
    "PadV2": (0, 2),
    "Select": (1, 2),
    "SelectV2": (1, 2),
    "OneHot": (2, 3),
    "Pack": (),
}

_RULES: dict[tuple[str, int], Rule] = {
    ("const", 0): _of_constant,
    **{(f"ge.{name}", -1): _from(*operands) for name, operands in _MOVES.items()},
    **{
        (f"ge.{name}", 0): rule
        for name, rule in {
            "ConcatV2": _all_but_last,
            "Pad": _with_zero,
            "SpaceToBatchND": _with_zero,
            "Shape": _shape,
            "Size": _size,
            "Rank": _rank,
            "ArgMaxV2": _positions_along,
            "ArgMin": _positions_along,
            "NonZero": _positions,
            "Where": _positions,
            "Add": _corners(lambda a, b: a + b),
            "Sub": _corners(lambda a, b: a - b),
            "Mul": _corners(lambda a, b: a * b),
            "AddN": _total,
            "FloorDiv": _floor_div,
            "FloorMod": _floor_mod,
            "Maximum": _maximum,
            "Minimum": _minimum,
            "Neg": _negated,
            "Abs": _absolute,
            "Square": _square,
            "Relu": _relu,
            "Sign": _fixed(-1, 1),
            "ZerosLike": _fixed(0, 0),
            "OnesLike": _fixed(1, 1),
            "ClipByValue": _clipped,
            "ReduceMax": _extreme,
            "ReduceMin": _extreme,
            "ReduceSum": _sum,
            "Cumsum": _sum,
        }.items()
    },
    ("ge.TopK", 0): _from(0),
    ("ge.TopK", 1): _positions,
}
