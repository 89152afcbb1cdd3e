"""Weights compared while they are read: by identity, then byte by byte, then as numbers, a piece at a time."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelc.ir.blob import Blob, BlobError
from modelc.ir.constants import numpy_dtype
from modelc.ir.types import TensorType, Type

PIECE = 1 << 18  # elements compared at once


@dataclass(frozen=True, slots=True)
class WeightComparison:
    """How two constants compare.

    Attributes:
        equal: Whether type and bytes are the same.
        problem: Why their numbers cannot be compared, empty where they can.
        size: How many elements each has.
        different: How many elements differ as numbers.
        max_abs: The largest absolute difference; infinite where only one is infinite or no number.
        max_rel: The largest difference over the larger of the two absolute values.
    """

    equal: bool
    problem: str = ""
    size: int = 0
    different: int = 0
    max_abs: float = 0.0
    max_rel: float = 0.0

    def text(self) -> str:
        """Return the comparison as a clause."""
        if self.equal or self.problem:
            return self.problem or "equal"
        if not self.different:
            return "the numbers are equal, their bits are not"
        numbers = f"max_abs {self.max_abs:.3g}, max_rel {self.max_rel:.3g}"
        return f"{self.different} of {self.size} numbers differ, {numbers}"


def compare_weights(a: Blob, a_type: Type, b: Blob, b_type: Type) -> WeightComparison:
    """Compare two constants; nothing is read where their keys tell that they are the same."""
    is_same_type = a_type == b_type
    if is_same_type and a.nbytes == b.nbytes and type(a) is type(b) and a.key == b.key:
        return WeightComparison(True)
    if not _is_numeric(a_type, a) or not _is_numeric(b_type, b):
        return _compare_bytes(a, b) if is_same_type else WeightComparison(False, _types(a_type, b_type))
    assert isinstance(a_type, TensorType)
    assert isinstance(b_type, TensorType)
    if a_type.dims != b_type.dims:
        return WeightComparison(False, _types(a_type, b_type))
    try:
        return _compare_numbers(a, a_type, b, b_type)
    except BlobError as error:
        return WeightComparison(False, f"cannot be read: {error}")


def _types(a: Type, b: Type) -> str:
    return f"{a} and {b} cannot be compared"


def _is_numeric(type_: Type, blob: Blob) -> bool:
    return (
        isinstance(type_, TensorType)
        and type_.is_static
        and type_.element is not None
        and type_.element.family not in ("string", "opaque")
        and blob.nbytes == type_.nbytes
    )


def _compare_bytes(a: Blob, b: Blob) -> WeightComparison:
    if a.nbytes != b.nbytes:
        return WeightComparison(False, f"{a.nbytes} and {b.nbytes} bytes")
    try:
        pairs = zip_longest(_pieces(a, PIECE), _pieces(b, PIECE))
        equal = all(first == second for first, second in pairs)
    except BlobError as error:
        return WeightComparison(False, f"cannot be read: {error}")
    return WeightComparison(equal, "" if equal else "the bytes differ")


def _compare_numbers(a: Blob, a_type: TensorType, b: Blob, b_type: TensorType) -> WeightComparison:
    assert a_type.element is not None
    assert b_type.element is not None
    types = numpy_dtype(a_type.element), numpy_dtype(b_type.element)
    equal, different, max_abs, max_rel = a_type == b_type, 0, 0.0, 0.0
    pieces = (_pieces(blob, PIECE * dtype.itemsize) for blob, dtype in zip((a, b), types, strict=True))
    for first, second in zip_longest(*pieces):
        if first is None or second is None:
            raise BlobError("a constant ends before its last number")
        if a_type.element == b_type.element and first == second:
            continue
        equal = False
        found = _differences(np.frombuffer(first, types[0]), np.frombuffer(second, types[1]))
        different += found[0]
        max_abs, max_rel = max(max_abs, found[1]), max(max_rel, found[2])
    return WeightComparison(equal, "", a_type.size, different, max_abs, max_rel)


def _pieces(blob: Blob, nbytes: int) -> Iterator[bytes]:
    """Yield the bytes of `blob` in pieces of one length, whatever the pieces it comes in; the last may be shorter."""
    rest = bytearray()
    for chunk in blob.chunks():
        if not rest and len(chunk) == nbytes:
            yield chunk
            continue
        rest += chunk
        whole = len(rest) - len(rest) % nbytes
        for start in range(0, whole, nbytes):
            yield bytes(rest[start : start + nbytes])
        del rest[:whole]
    if rest:
        yield bytes(rest)


def _differences(a: NDArray[Any], b: NDArray[Any]) -> tuple[int, float, float]:
    """Return how many numbers differ, and the largest absolute and relative difference."""
    with np.errstate(all="ignore"):
        alike = (a == b) | ((a != a) & (b != b))
        x, y = (_wide(numbers[~alike]) for numbers in (a, b))
        if not x.size:
            return 0, 0.0, 0.0
        apart = np.abs(x - y)
        relative = apart / np.maximum(np.abs(x), np.abs(y))
    # integers beyond 2^53 may look alike as doubles
    if a.dtype.kind in "iub" and b.dtype.kind in "iub":
        apart = np.maximum(apart, 1.0)
    return int(x.size), _largest(apart), _largest(relative, 1.0)


def _wide(numbers: NDArray[Any]) -> NDArray[Any]:
    return numbers.astype(np.complex128 if numbers.dtype.kind == "c" else np.float64)


def _largest(numbers: NDArray[Any], special: float = math.inf) -> float:
    return float(np.where(np.isnan(numbers), special, numbers).max())
