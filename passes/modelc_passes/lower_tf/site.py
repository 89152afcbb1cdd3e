"""What a lowering function works with: one TensorFlow op, and a hand that writes canonical ops in its place."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelc.diagnostics.diagnostic import Fix
from modelc.dialects.ge.dtypes import cpp_number
from modelc.ir.attributes import Attribute, get, ints
from modelc.ir.blob import Blob
from modelc.ir.constants import constant, numpy_dtype
from modelc.ir.op import Value
from modelc.ir.types import I32, I64, Dim, Element, TensorType
from modelc.rewrite.lowerings import LoweringSite
from modelc_passes.lower_tf.partial import numbers

_LOW, _HIGH = np.iinfo(np.int32).min, np.iinfo(np.int32).max
SHAPE_FIX = Fix("state the shapes of the inputs", "--input-shape")


class UnsupportedFormError(Exception):
    """An op cannot be lowered in the form it has.

    Attributes:
        clause: What is wrong, to follow the name of the op: "has no static filter".
        code: Code of the finding.
        fixes: Ways out.
    """

    def __init__(self, clause: str, *fixes: Fix, code: str = "MC302") -> None:
        super().__init__(clause)
        self.clause = clause
        self.code = code
        self.fixes = fixes


class Site(LoweringSite):
    """One TensorFlow op that is being lowered to the canonical dialect."""

    __slots__ = ()

    # -- attributes

    def integer(self, name: str, default: int | None = None) -> int:
        """Return an integer attribute."""
        return get(self.op.attributes, name, int, default)

    def number(self, name: str, default: float | None = None) -> float:
        """Return a floating-point attribute."""
        return get(self.op.attributes, name, float, default)

    def flag(self, name: str, default: bool | None = None) -> bool:
        """Return a boolean attribute."""
        return get(self.op.attributes, name, bool, default)

    def text(self, name: str, default: str | None = None) -> str:
        """Return a text attribute."""
        return get(self.op.attributes, name, str, default)

    def integers(self, name: str, default: tuple[int, ...] | None = None) -> tuple[int, ...]:
        """Return an attribute that is a list of integers."""
        return ints(self.op.attributes, name, default)

    def element(self, name: str, default: Element | None = None) -> Element:
        """Return an attribute that is an element type."""
        return get(self.op.attributes, name, Element, default)

    # -- operands

    def shape(self, value: Value) -> tuple[Dim, ...]:
        """Return the dimensions of `value`; raises the finding of an unknown shape where not even the rank is known."""
        shape = value.tensor.shape
        if shape is None:
            raise self.unknown(f"the number of dimensions of `{value.name}`")
        return shape

    def dims(self, value: Value) -> tuple[int, ...]:
        """Return the dimensions of `value`, which must all be known."""
        if not value.tensor.is_static:
            raise self.unknown(f"the shape of `{value.name}`, which is {value.type}")
        return value.tensor.dims

    def array(self, value: Value) -> NDArray[Any] | None:
        """Return the numbers of `value` where it is a small constant, else None."""
        return constant(value)

    def known_ints(self, value: Value) -> tuple[int, ...] | None:
        """Return the integers of `value` in order where they are known, else None."""
        array = constant(value)
        return None if array is None or array.dtype.kind not in "iu" else tuple(int(item) for item in array.reshape(-1))

    def needed_ints(self, value: Value, what: str) -> tuple[int, ...]:
        """Return the integers of `value`, which must be known; `what` says what they are."""
        found = self.known_ints(value)
        if found is None:
            raise self.unknown(what)
        return found

    def unknown(self, what: str) -> UnsupportedFormError:
        """Return the error that `what` has to be known and is not."""
        return UnsupportedFormError(f"needs to know {what}", SHAPE_FIX, code="MC303")

    # -- building

    def ge(self, kind: str, *operands: Value, **attributes: Attribute) -> Value:
        """Insert a canonical op with one result, or its number where that is known already; returns the result."""
        return self.many(kind, *operands, **attributes)[0]

    def many(self, kind: str, *operands: Value, **attributes: Attribute) -> tuple[Value, ...]:
        """Insert a canonical op, or constants where its results are known already; returns the results."""
        name = self.op.origin.name or self.op.name
        results = self.rw.values(f"ge.{kind}", operands, attributes, name=name)
        if len(results) == 1:  # perhaps only a step on the way; what stands for the op will get its name
            self.rw.graph.set_name(results[0], f"{name}/{kind}")
        return tuple(self._settled(value) for value in results)

    def _settled(self, value: Value) -> Value:
        # Shape arithmetic may be known although it starts from a tensor that is not.
        found = numbers(value)
        return value if found is None else self.constant(found, value.tensor.element or I64)

    def constant(self, numbers: object, element: Element = I32, *, part: str = "value") -> Value:
        """Insert a constant; `part` is the ending of its name."""
        array = np.asarray(numbers, numpy_dtype(element))
        return self.rw.constant(array, name=f"{self.op.origin.name or self.op.name}/{part}")

    def narrow(self, value: Value, part: str = "shape") -> Value:
        """Return an int64 constant as int32, cut off at its range; any other value as it is."""
        if value.tensor.element != I64:
            return value
        array = constant(value)
        if array is None:
            return value
        return self.constant(np.clip(array, _LOW, _HIGH), part=part)

    def as_int32(self, value: Value, part: str = "shape") -> Value:
        """Return integers as int32, by a cast where they are not constant."""
        value = self.narrow(value, part)
        return value if value.tensor.element in (I32, None) else self.cast(value, I32)

    def cast(self, value: Value, element: Element) -> Value:
        """Return `value` with another element type."""
        if value.tensor.element == element:
            return value
        return self.ge("Cast", value, dst_type=cpp_number(element))

    def reshape(self, value: Value, dims: Sequence[int]) -> Value:
        """Return `value` in another shape; a constant keeps its bytes where they are."""
        if value.tensor.shape == tuple(dims):
            return value
        blob = value.producer.attributes.get("value")
        if value.producer.kind == "const" and isinstance(blob, Blob) and value.tensor.is_static and -1 not in dims:
            return self.rw.constant_of(blob, TensorType(value.tensor.element, tuple(dims)), name=value.name)
        return self.ge("Reshape", value, self.constant(np.asarray(dims), part="shape"))

    def transpose(self, value: Value, perm: Iterable[int]) -> Value:
        """Return `value` with its dimensions in the order `perm`."""
        order = list(perm)
        if order == sorted(order):
            return value
        return self.ge("Transpose", value, self.constant(order, part="perm"))
