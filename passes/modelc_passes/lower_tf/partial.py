"""Shapes that are known in part: what can be told about integers before all of them are constants."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from modelc.dialects.ge.known import MOST, known_ints
from modelc.ir.op import Op, Value
from modelc.ir.types import I32, I64, Dim, TensorType


def entries(value: Value) -> tuple[Dim, ...] | None:
    """Return the entries of a short integer tensor, symbols and None among them; None when nothing is known."""
    type_ = value.type
    if not isinstance(type_, TensorType) or type_.element not in (I32, I64):
        return None
    if type_.is_static and type_.size > MOST:
        return None
    return known_ints(Op("ge.Identity", (value,)), 0)


def numbers(value: Value) -> NDArray[np.int64] | None:
    """Return the numbers of a short integer tensor that is not a constant and known all the same, else None."""
    if value.producer.kind == "const":
        return None
    found, type_ = entries(value), value.tensor
    if found is None or not type_.is_static or type_.size != len(found):
        return None
    known = [entry for entry in found if isinstance(entry, int)]
    return np.asarray(known, np.int64).reshape(type_.dims) if len(known) == len(found) else None


def wildcard(shape: Value) -> list[int] | None:
    """Return the shape a Reshape is given with -1 for the one entry that is not known; None when that cannot be."""
    found = entries(shape)
    if found is None or shape.producer.kind == "const" or -1 in found:
        return None
    result = [entry if isinstance(entry, int) else -1 for entry in found]
    return result if result.count(-1) == 1 else None
