"""OutputComparison of outputs: how far two arrays are apart, and whether that is more than rounding explains.

The relative difference of an element is measured against the larger of its own reference and the root mean square of
all references::

    max_rel = max |reference[i] - actual[i]| / max(|reference[i]|, rms(reference))

Rounding errors of a deep network are as large as its typical values, whatever the size of the element they meet, so
that a quotient by an element near zero would say nothing; while a quotient by the largest element would hide errors
behind one outlier. An infinity or NaN equals only its like.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from modelc.diagnostics.diagnostic import Fix, fail
from modelc.frontends.frontend import Json
from modelc.ir.constants import type_of
from modelc.ir.types import ELEMENTS

Array: TypeAlias = NDArray[Any]
Tolerances: TypeAlias = Mapping[str, float]

BLOCK = 1 << 18  # elements that are widened and compared at once

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


def parse_tolerances(texts: Iterable[str]) -> dict[str, float]:
    """Return the tolerances that texts such as `float32=1e-3` and `float16=0.02,int8=0.01` give, by element type.

    Raises:
        ModelcError: A text does not parse, or names no element type.
    """
    dtypes = {spelling: each.numpy for each in ELEMENTS.values() for spelling in (each.name, each.numpy)}
    tolerances: dict[str, float] = {}
    for text in texts:
        for entry in text.split(","):
            name, _, number = entry.partition("=")
            try:
                value = float(number)
            except ValueError:
                value = -1.0
            if name.strip() not in dtypes or not 0 <= value < math.inf:
                fix = Fix("write an element type and the largest relative difference, as in `float32=1e-3`")
                raise fail("MC406", f"`{entry}` is no tolerance", fixes=[fix])
            tolerances[dtypes[name.strip()]] = value
    return tolerances


@dataclass(frozen=True, slots=True)
class OutputComparison:
    """How one output, or a tensor inside of a model, compares with its reference.

    Attributes:
        name: What it is called.
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

    @property
    def words(self) -> str:
        """How far it is from its reference, as a clause."""
        where = "" if self.first_difference is None else f", first at {list(self.first_difference)}"
        return self.problem or f"max_rel {self.max_rel:.3g}, at most {self.tolerance:g}{where}"

    @property
    def badness(self) -> tuple[bool, float]:
        """A key that orders comparisons by how far they are beyond or within their tolerance."""
        return not self.equal, self.max_rel


def compare(name: str, reference: Array, actual: Array, tolerances: Tolerances = TOLERANCES) -> OutputComparison:
    """Compare an array with its reference; memory does not grow with them.

    Args:
        name: What to call it.
        reference: What is right.
        actual: What was computed.
        tolerances: The largest `max_rel` that is equal, by numpy's name of the element type; 0 where there is none.
    """
    reference, actual = np.asarray(reference), np.asarray(actual)
    expected, found = str(type_of(reference)), str(type_of(actual))
    if expected != found:
        problem = f"{found} was computed where {expected} was expected"
        return OutputComparison(name, expected, False, math.inf, math.inf, cosine=math.nan, problem=problem)
    tolerance = tolerances.get(reference.dtype.name, 0.0)
    if reference.size == 0:
        return OutputComparison(name, expected, True, tolerance=tolerance)
    if reference.dtype.kind in "SUO":
        return _compare_exactly(name, expected, reference.astype(object), actual.astype(object))
    with np.errstate(all="ignore"):
        return _compare_numbers(name, expected, _Pair(reference, actual), tolerance)


def _compare_exactly(name: str, type_: str, reference: Array, actual: Array) -> OutputComparison:
    apart = reference != actual
    if not apart.any():
        return OutputComparison(name, type_, True)
    first = tuple(int(index) for index in np.argwhere(apart)[0])
    return OutputComparison(name, type_, False, math.inf, math.inf, cosine=0.0, first_difference=first)


@dataclass(frozen=True, slots=True)
class _Pair:
    """Two arrays of one type, seen block by block."""

    reference: Array
    actual: Array

    def blocks(self) -> Iterator[tuple[int, Array, Array]]:
        """Yield where each block begins, and what both hold there, in order."""
        a, b = self.reference.reshape(-1), self.actual.reshape(-1)
        for start in range(0, a.size, BLOCK):
            yield start, a[start : start + BLOCK], b[start : start + BLOCK]

    def largest(self) -> tuple[float, float]:
        """Return the largest finite magnitude of each."""
        sizes = [(_size(a).max(), _size(b).max()) for _, a, b in self.blocks()]
        return float(max(a for a, _ in sizes)), float(max(b for _, b in sizes))


def _compare_numbers(name: str, type_: str, pair: _Pair, tolerance: float) -> OutputComparison:
    largest = pair.largest()
    angle = _Angle(max(largest))
    squares = 0.0
    for _, a, b in pair.blocks():
        squares += float(np.sum(np.square(_size(a) / largest[0]))) if largest[0] else 0.0
        angle.add(_wide(a), _wide(b))
    floor = max(largest[0] * math.sqrt(squares / pair.reference.size), float(np.finfo(np.float64).tiny))
    measures = _Measures(floor, tolerance)
    for start, a, b in pair.blocks():
        measures.add(start, a, b)
    first = measures.first
    return OutputComparison(
        name,
        type_,
        first is None,
        measures.absolute,
        measures.relative,
        tolerance,
        angle.cosine,
        measures.ulp,
        None if first is None else tuple(int(index) for index in np.unravel_index(first, pair.reference.shape)),
    )


@dataclass(slots=True)
class _Measures:
    """The largest differences so far.

    Attributes:
        floor: What a difference is measured against at least.
        tolerance: The largest relative difference that is equal.
        absolute: The largest absolute difference.
        relative: The largest relative difference.
        ulp: The largest difference in units in the last place.
        first: The flat index of the first element beyond the tolerance.
    """

    floor: float
    tolerance: float
    absolute: float = 0.0
    relative: float = 0.0
    ulp: int | None = None
    first: int | None = None

    def add(self, start: int, a: Array, b: Array) -> None:
        """Take in the block that begins at `start`."""
        difference = _difference(a, b)
        relative = np.where(difference == 0, 0.0, difference / np.maximum(_size(a), self.floor))
        self.absolute = max(self.absolute, float(difference.max()))
        self.relative = max(self.relative, float(relative.max()))
        units = _ulp(a, b)
        self.ulp = units if self.ulp is None else max(self.ulp, units or 0)
        apart = relative > self.tolerance
        if self.first is None and apart.any():
            self.first = start + int(np.argmax(apart))


@dataclass(slots=True)
class _Angle:
    """The angle between two vectors, over the elements that are finite in both.

    Attributes:
        unit: What both are divided by, so that no square leaves the range of numbers.
    """

    unit: float
    _product: float = 0.0
    _squares: list[float] = field(default_factory=lambda: [0.0, 0.0])

    def add(self, a: Array, b: Array) -> None:
        """Take in some elements."""
        if not self.unit:
            return
        both = np.isfinite(a) & np.isfinite(b)
        x, y = a[both] / self.unit, b[both] / self.unit
        self._product += float(np.real(np.sum(np.conj(x) * y)))
        self._squares[0] += float(np.sum(np.abs(x) ** 2))
        self._squares[1] += float(np.sum(np.abs(y) ** 2))

    @property
    def cosine(self) -> float:
        """Its cosine: 1 where both are zero, 0 where one is."""
        length = math.sqrt(self._squares[0] * self._squares[1])
        if not length:
            return 0.0 if any(self._squares) else 1.0
        return self._product / length


def _wide(array: Array) -> Array:
    return array.astype(np.complex128 if array.dtype.kind == "c" else np.float64)


def _size(array: Array) -> Array:
    """Return magnitudes, 0 for what is not finite."""
    size = np.abs(_wide(array))
    return np.where(np.isfinite(size), size, 0.0)


def _difference(reference: Array, actual: Array) -> Array:
    """Return |reference - actual|: 0 for two NaN or equal infinities, infinite where only one is special."""
    a, b = _wide(reference), _wide(actual)
    alike = (reference == actual) | (np.isnan(a) & np.isnan(b))
    difference = np.abs(a - b)
    if reference.dtype.kind in "iu":
        difference = np.maximum(difference, 1)  # as doubles, large integers may look alike
    return np.where(alike, 0.0, np.where(np.isnan(difference), np.inf, difference))


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


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None
