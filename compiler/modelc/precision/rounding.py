"""Rounding to fewer bits: float32 numbers become the nearest that a narrower type has, and stay float32."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from modelc.ir.constants import numpy_dtype
from modelc.ir.types import Element

Array: TypeAlias = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Range:
    """The numbers that a floating-point type has.

    Attributes:
        largest: The largest finite one.
        smallest: The smallest above zero.
    """

    largest: float
    smallest: float


def range_of(element: Element) -> Range:
    """Return the range of a floating-point type of at most 32 bits."""
    dtype = numpy_dtype(element)
    bits = f"u{dtype.itemsize}"
    infinity = np.array(np.inf).astype(dtype).view(bits)
    ends = np.array([infinity - 1, 1], bits).view(dtype).astype(np.float64)
    return Range(float(ends[0]), float(ends[1]))


def narrowed(array: Array, element: Element) -> Array:
    """Return numbers of `array`, of float32, rounded to those of `element`: to nearest, ties to even.

    What is too large becomes infinite, what is too small becomes zero, a NaN stays one. Arrays of other types are
    returned as they are.
    """
    if array.dtype != np.float32:
        return array
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        return array.astype(numpy_dtype(element)).astype(np.float32)


def clipped(array: Array, element: Element) -> Array:
    """Return numbers of a weight, of float32, rounded as `narrowed` does, but finite where they were.

    atc clips weights that are too large (`--is_weight_clip`, on by default).
    """
    result = narrowed(array, element)
    if array.dtype != np.float32 or not np.isinf(result).any():
        return result
    largest = np.float32(range_of(element).largest)
    return np.where(np.isinf(array), array, np.clip(result, -largest, largest))
