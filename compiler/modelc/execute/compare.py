"""Comparison of outputs: how far two arrays are apart, and whether that is more than rounding explains.

The relative difference of an element is measured against the larger of its own reference and the root mean square of
all references::

    max_rel = max |reference[i] - actual[i]| / max(|reference[i]|, rms(reference))

Rounding errors of a deep network are as large as its typical values, whatever the size of the element they meet, so
that a quotient by an element near zero would say nothing; while a quotient by the largest element would hide errors
behind one outlier. An infinity or NaN equals only its like.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from modelc.frontends.frontend import Json
from modelc.ir.constants import type_of

Array: TypeAlias = NDArray[Any]

# Largest `max_rel` that still is equal, by numpy's name of the element type; all others must be equal exactly. They
# leave room for another order of summation in a deep network, about a thousand roundings.
TOLERANCES: dict[str, float] = {
    "float64": 1e-9,
    "float32": 1e-4,
    "float16": 1e-2,
    "bfloat16": 8e-2,
    "complex64": 1e-4,
    "complex128": 1e-9,
}


@dataclass(frozen=True, slots=True)
class OutputComparison:
    """How one output compares.

    Attributes:
        name: Its public name.
        type: What the reference is, `f32[1, 1000]`.
        equal: Whether it is within the tolerance.
        max_abs: The largest absolute difference; infinite where shapes, types or special numbers differ.
        max_rel: The largest relative difference, as the module defines it.
        tolerance: The largest `max_rel` that is equal.
        cosine: The cosine of the angle between both as vectors, 1 where they point the same way.
        ulp: The largest difference in units in the last place, None where that has no meaning.
        first_difference: Where the first element beyond the tolerance is, None where there is none.
        problem: What makes them incomparable, empty where nothing does.
    """

    name: str
    type: str
    equal: bool
    max_abs: float = 0.0
    max_rel: float = 0.0
    tolerance: float = 0.0
    cosine: float = 1.0
    ulp: int | None = None
    first_difference: tuple[int, ...] | None = None
    problem: str = ""

    def document(self) -> dict[str, Json]:
        """Return the comparison as JSON; a number that is not finite is null."""
        return {
            "name": self.name,
            "type": self.type,
            "equal": self.equal,
            "max_abs": _finite(self.max_abs),
            "max_rel": _finite(self.max_rel),
            "tolerance": self.tolerance,
            "cosine": _finite(self.cosine),
            "ulp": self.ulp,
            "first_difference": None if self.first_difference is None else list(self.first_difference),
            "problem": self.problem,
        }

    def text(self) -> str:
        """Return the comparison as one line."""
        if self.problem:
            return f"{self.name} {self.type}: {self.problem}"
        ulp = "" if self.ulp is None else f", {self.ulp} ulp"
        where = "" if self.first_difference is None else f", first difference at {list(self.first_difference)}"
        numbers = f"max_abs {self.max_abs:.3g}, max_rel {self.max_rel:.3g} (at most {self.tolerance:g})"
        return f"{self.name} {self.type}: {numbers}, cosine {self.cosine:.9f}{ulp}{where}"


def compare(name: str, reference: Array, actual: Array) -> OutputComparison:
    """Compare an output with its reference."""
    reference, actual = np.asarray(reference), np.asarray(actual)
    expected, found = str(type_of(reference)), str(type_of(actual))
    if expected != found:
        problem = f"{found} was computed where {expected} was expected"
        return OutputComparison(name, expected, False, math.inf, math.inf, cosine=math.nan, problem=problem)
    if reference.dtype.kind in "SUO":
        return _compare_exactly(name, expected, reference.astype(object), actual.astype(object))
    with np.errstate(all="ignore"):
        return _compare_numbers(name, expected, reference, actual)


def _compare_exactly(name: str, type_: str, reference: Array, actual: Array) -> OutputComparison:
    apart = reference != actual
    if not apart.any():
        return OutputComparison(name, type_, True)
    return OutputComparison(name, type_, False, math.inf, math.inf, cosine=0.0, first_difference=_first(apart))


def _compare_numbers(name: str, type_: str, reference: Array, actual: Array) -> OutputComparison:
    tolerance = TOLERANCES.get(reference.dtype.name, 0.0)
    if reference.size == 0:
        return OutputComparison(name, type_, True, tolerance=tolerance)
    a, b = _wide(reference), _wide(actual)
    difference = _difference(reference, actual)
    size = np.where(np.isfinite(a), np.abs(a), 0.0)
    floor = max(_root_mean_square(size), float(np.finfo(np.float64).tiny))
    relative = np.where(difference == 0, 0.0, difference / np.maximum(size, floor))
    apart = relative > tolerance
    return OutputComparison(
        name,
        type_,
        not apart.any(),
        float(difference.max()),
        float(relative.max()),
        tolerance,
        _cosine(a, b),
        _ulp(reference, actual),
        _first(apart) if apart.any() else None,
    )


def _wide(array: Array) -> Array:
    return array.astype(np.complex128 if array.dtype.kind == "c" else np.float64)


def _difference(reference: Array, actual: Array) -> Array:
    """Return |reference - actual|: 0 for two NaN or equal infinities, infinite where only one is special."""
    a, b = _wide(reference), _wide(actual)
    alike = (reference == actual) | (np.isnan(a) & np.isnan(b))
    difference = np.abs(a - b)
    if reference.dtype.kind in "iu":
        difference = np.maximum(difference, 1)  # as doubles, large integers may look alike
    return np.where(alike, 0.0, np.where(np.isnan(difference), np.inf, difference))


def _root_mean_square(size: Array) -> float:
    largest = float(size.max(initial=0.0))
    return largest * float(np.sqrt(np.mean(np.square(size / largest)))) if largest else 0.0


def _cosine(a: Array, b: Array) -> float:
    """Return the cosine between two arrays over the elements that are finite in both."""
    both = np.isfinite(a) & np.isfinite(b)
    x, y = a[both].reshape(-1), b[both].reshape(-1)
    largest = max(float(np.abs(x).max(initial=0)), float(np.abs(y).max(initial=0)))
    if largest == 0:
        return 1.0
    x, y = x / largest, y / largest
    length = float(np.sqrt(np.sum(np.abs(x) ** 2) * np.sum(np.abs(y) ** 2)))
    return float(np.real(np.sum(np.conj(x) * y))) / length if length else 0.0


def _ulp(a: Array, b: Array) -> int | None:
    """Return the largest distance of finite floating-point numbers, counted in numbers of their type between them."""
    if a.dtype.name not in ("float64", "float32", "float16", "bfloat16"):
        return None
    both = np.isfinite(a) & np.isfinite(b)
    x, y = _ordinal(a[both]), _ordinal(b[both])
    return int(np.where(x > y, x - y, y - x).max(initial=0)) if x.size else None


def _ordinal(x: Array) -> Array:
    """Return the place of each number in the order of all numbers of its type, as unsigned integers."""
    bits = 8 * x.dtype.itemsize
    number = x.view(f"u{x.dtype.itemsize}").astype(np.uint64)
    sign = np.uint64(1 << (bits - 1))
    return np.where(number & sign, sign - (number & ~sign), sign + number)


def _first(apart: Array) -> tuple[int, ...]:
    return tuple(int(index) for index in np.unravel_index(int(np.argmax(apart)), apart.shape))


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None
