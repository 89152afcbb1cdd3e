"""What is known of integer operands such as the shape of a `Reshape`, also where only some of the numbers are.

A shape is often computed: `Shape` of a tensor with the dimensions `[n, 7, 7]`, cut and joined to `[n, 49]`. Such
numbers are followed back through the ops that only move integers; an entry is an int, the name of a symbol, or None.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from modelc.dialects.ge.helpers import constant_ints, operand, plus, product
from modelc.dialects.ge.semantics import EVALUATE
from modelc.ir.constants import constant
from modelc.ir.op import Op, Value
from modelc.ir.opdef import InferenceError
from modelc.ir.types import Dim, Shape, TensorType

Numbers: TypeAlias = NDArray[np.object_]

BUDGET = 64  # ops looked at on behalf of one operand
MOST = 64  # entries worth following: more than any tensor has dimensions


def known_ints(op: Op, index: int) -> tuple[Dim, ...] | None:
    """Return the entries of operand `index` in order, None where not even their number is known."""
    numbers = constant_ints(op, index)
    if numbers is not None:
        return numbers
    found = _Search().of(op.inputs[index])
    if found is not None:
        return tuple(found.reshape(-1))
    type_ = operand(op, index)
    return (None,) * type_.size if type_.is_static and type_.size <= MOST else None


def known_int(op: Op, index: int) -> Dim:
    """Return the one entry of operand `index`, None where it is not known."""
    numbers = known_ints(op, index)
    return numbers[0] if numbers is not None and len(numbers) == 1 else None


def vector(numbers: Shape) -> Numbers:
    """Return `numbers` as an array of objects."""
    array = np.empty(len(numbers or ()), object)
    array[:] = numbers or ()
    return array


class _Search:
    """One walk back from an operand."""

    def __init__(self) -> None:
        self.budget = BUDGET
        self.seen: dict[Value, Numbers | None] = {}

    def of(self, value: Value) -> Numbers | None:
        """Return the entries of `value` in its shape, None where nothing is known."""
        if value not in self.seen:
            self.budget -= 1
            self.seen[value] = None
            if self.budget >= 0:
                self.seen[value] = self._find(value)
        return self.seen[value]

    def _find(self, value: Value) -> Numbers | None:
        op = value.producer
        type_ = value.type
        if not isinstance(type_, TensorType) or (type_.is_static and type_.size > MOST):
            return None
        if op.kind == "const":
            return self._constant(value)
        name = op.kind.removeprefix("ge.")
        if name in _SOURCES:
            source = op.inputs[value.index].type if value.index < len(op.inputs) else None
            return _SOURCES[name](source.shape) if isinstance(source, TensorType) else None
        if name in _ARITHMETIC and len(op.inputs) == 2:
            return self._combine(_ARITHMETIC[name], op)
        if name == "Cast" and type_.element is not None and type_.element.family in ("int", "uint"):
            return self.of(op.inputs[0])
        return self._move(op, value.index, _MOVERS[name]) if name in _MOVERS else None

    @staticmethod
    def _constant(value: Value) -> Numbers | None:
        array = constant(value)
        if array is None or array.dtype.kind not in "iu" or array.size > MOST:
            return None
        return array.astype(object)

    def _combine(self, function: Callable[[Dim, Dim], Dim], op: Op) -> Numbers | None:
        a, b = (self.of(value) for value in op.inputs)
        if a is None or b is None:
            return None
        try:
            return np.asarray(np.frompyfunc(function, 2, 1)(a, b), object)
        except ValueError:
            return None

    def _move(self, op: Op, index: int, exact: tuple[int, ...]) -> Numbers | None:
        arrays: list[NDArray[Any]] = []
        for position, value in enumerate(op.inputs):
            needed = position in exact or position - len(op.inputs) in exact
            array = constant(value) if needed else self.of(value)
            if array is None:
                return None
            arrays.append(array)
        try:
            return np.asarray(EVALUATE[op.kind.removeprefix("ge.")](op, arrays)[index], object)
        except (InferenceError, LookupError, ValueError, TypeError):
            return None


def _shape(shape: Shape) -> Numbers | None:
    return None if shape is None else vector(shape)


def _rank(shape: Shape) -> Numbers | None:
    return None if shape is None else np.array(len(shape), object)


def _size(shape: Shape) -> Numbers | None:
    return None if shape is None else np.array(product(shape), object)


def _plus(a: Dim, b: Dim) -> Dim:
    return plus(a, b) if isinstance(b, int) else plus(b, a) if isinstance(a, int) else None


def _minus(a: Dim, b: Dim) -> Dim:
    return plus(a, -b) if isinstance(b, int) else None


def _times(a: Dim, b: Dim) -> Dim:
    return product((a, b))


def _over(a: Dim, b: Dim) -> Dim:
    if b == 1:
        return a
    return a // b if isinstance(a, int) and isinstance(b, int) and b != 0 else None


def _choose(choice: Callable[[int, int], int]) -> Callable[[Dim, Dim], Dim]:
    def function(a: Dim, b: Dim) -> Dim:
        return choice(a, b) if isinstance(a, int) and isinstance(b, int) else None

    return function


_SOURCES: dict[str, Callable[[Shape], Numbers | None]] = {
    "Shape": _shape,
    "ShapeN": _shape,
    "Size": _size,
    "Rank": _rank,
}
_ARITHMETIC: dict[str, Callable[[Dim, Dim], Dim]] = {
    "Add": _plus,
    "AddV2": _plus,
    "Sub": _minus,
    "Mul": _times,
    "FloorDiv": _over,
    "Maximum": _choose(max),
    "Minimum": _choose(min),
}
# Ops that only move numbers, with the operands that must be known exactly, counted from either end.
_MOVERS: dict[str, tuple[int, ...]] = {
    "Concat": (0,),
    "ConcatV2": (-1,),
    "ExpandDims": (1,),
    "Fill": (0,),
    "Gather": (1,),
    "GatherV2": (1, 2),
    "Identity": (),
    "Pack": (),
    "Reshape": (1,),
    "Slice": (1, 2),
    "Split": (0,),
    "SplitV": (1, 2),
    "Squeeze": (),
    "StridedSlice": (1, 2, 3),
    "Tile": (1,),
    "Unpack": (),
    "Unsqueeze": (),
}
