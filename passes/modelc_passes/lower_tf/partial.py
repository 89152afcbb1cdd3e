"""Shapes that are known in part: what can be told about a vector of dimensions before all of them are numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from modelc.dialects.lookup import op_def
from modelc.ir.attributes import Attribute
from modelc.ir.constants import constant
from modelc.ir.op import Op, Value
from modelc.ir.types import TensorType
from modelc_passes.lower_tf.site import Site

_UNKNOWN = -(1 << 60)  # stands for an unknown dimension while numbers are only moved about
_LONGEST = 64
_VECTORS = ("ge.Shape", "ge.Pack", "ge.ConcatV2", "ge.Cast")


def dimensions(value: Value) -> list[int | None] | None:
    """Return the numbers of a short vector, None for those that are not known; None when nothing is."""
    array = constant(value)
    if array is not None:
        return [int(item) for item in array.reshape(-1)] if array.dtype.kind in "iu" else None
    op = value.producer
    if op.kind == "ge.Shape" and isinstance(op.operands[0].type, TensorType):
        shape = op.operands[0].type.shape
        return None if shape is None else [dim if isinstance(dim, int) else None for dim in shape]
    if op.kind in ("ge.Pack", "ge.ConcatV2"):
        parts = op.operands if op.kind == "ge.Pack" else op.operands[:-1]
        return _joined(parts) if value.tensor.rank == 1 else None
    if op.kind == "ge.Cast":
        return dimensions(op.operands[0]) if op.operands[0].producer.kind == "ge.Shape" else None
    return None


def _joined(parts: Sequence[Value]) -> list[int | None] | None:
    if len(parts) > _LONGEST:
        return None
    numbers: list[int | None] = []
    for part in parts:
        array = constant(part)
        if array is not None and array.dtype.kind in "iu":
            numbers.extend(int(item) for item in array.reshape(-1))
        elif part.tensor.is_static and part.tensor.size <= _LONGEST:
            numbers.extend([None] * part.tensor.size)
        else:
            return None
    return numbers


def select(site: Site, kind: str, vector: Value, others: Sequence[Value], **attributes: Attribute) -> Value | None:
    """Return what `kind` selects from a vector that is known in part, where it selects only what is known."""
    if vector.producer.kind not in _VECTORS:
        return None
    numbers, element, definition = dimensions(vector), vector.tensor.element, op_def(f"ge.{kind}")
    known = [array for array in map(constant, others) if array is not None]
    if numbers is None or element is None or definition is None or definition.evaluate is None:
        return None
    if len(known) != len(others):
        return None
    probe = Op(f"ge.{kind}", (vector, *others), attributes, (vector.type,))
    vector_array = np.asarray([_UNKNOWN if number is None else number for number in numbers], np.int64)
    try:
        (selected,) = definition.evaluate(probe, [vector_array, *known])
    except (IndexError, ValueError):
        return None
    if (selected == _UNKNOWN).any():
        return None
    return site.constant(selected, element)


def wildcard(site: Site, shape: Value) -> Value:
    """Return the shape that a Reshape takes as a constant where only one of its numbers is not known."""
    numbers = dimensions(shape)
    if numbers is None or numbers.count(None) != 1 or -1 in numbers or shape.producer.kind == "const":
        return shape
    return site.constant([-1 if number is None else number for number in numbers], part="shape")
