"""What a lowering function works with: one canonical op, and a hand that writes ops of ONNX in its place."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelc.diagnostics.diagnostic import Fix
from modelc.dialects.lookup import op_def
from modelc.dialects.onnx.dtypes import onnx_number
from modelc.ir.attributes import Attribute
from modelc.ir.blob import Blob, LazyBlob
from modelc.ir.constants import constant, numpy_dtype, to_array, to_blob
from modelc.ir.op import Op, Value
from modelc.ir.opdef import OpDef
from modelc.ir.types import F64, I64, NONE, UNKNOWN, Dim, Element, TensorType, Type
from modelc.rewrite.lowerings import LoweringSite
from modelc_backends.onnx.kernels import widening

SMALL = 1 << 12  # bytes of a constant that is reordered at once; a larger one is when it is written
SHAPE_FIX = Fix("state the shapes of the inputs", "--input-shape")


# How to write out for doubles what onnxruntime computes in single precision only; filled by `doubles.py`.
DOUBLES: dict[str, Callable[..., Value]] = {}


class NoFormError(Exception):
    """ONNX has no form for an op as it stands.

    Attributes:
        clause: Why, to follow the name of the op: "has no static filter".
        fixes: Ways out.
    """

    def __init__(self, clause: str, *fixes: Fix) -> None:
        super().__init__(clause)
        self.clause = clause
        self.fixes = fixes

    @property
    def code(self) -> str:
        """The code of the finding: whether shapes would help, or nothing does."""
        return "MC303" if SHAPE_FIX in self.fixes else "MC510"


class Site(LoweringSite):
    """One canonical op that is being lowered to ONNX."""

    __slots__ = ()

    @property
    def name(self) -> str:
        """What the user calls the op."""
        return self.op.origin.name or self.op.name

    # -- operands

    def given(self, index: int) -> Value | None:
        """Return optional operand `index`, None where it is left out."""
        left_out = index >= len(self.inputs) or self.inputs[index].type is NONE
        return None if left_out else self.inputs[index]

    def element(self, value: Value) -> Element:
        """Return the element type of `value`, which must be known."""
        found = value.tensor.element
        if found is None:
            raise NoFormError(f"has an operand of unknown type, `{value.name}`")
        return found

    def shape(self, value: Value) -> tuple[Dim, ...]:
        """Return the dimensions of `value`, of which there must be a known number."""
        found = value.tensor.shape
        if found is None:
            raise NoFormError(f"needs to know the number of dimensions of `{value.name}`", SHAPE_FIX)
        return found

    def rank(self, value: Value) -> int:
        """Return the number of dimensions of `value`, which must be known."""
        return len(self.shape(value))

    def dims(self, value: Value, start: int = 0, end: int | None = None) -> tuple[int, ...]:
        """Return the dimensions of `value`, or those from `start` up to `end`, which must all be known."""
        wanted = self.shape(value)[start:end]
        known = tuple(dim for dim in wanted if isinstance(dim, int))
        if len(known) < len(wanted):
            raise NoFormError(f"needs to know the shape of `{value.name}`, which is {value.type}", SHAPE_FIX)
        return known

    def array(self, value: Value) -> NDArray[Any] | None:
        """Return the numbers of `value` where it is a small constant, else None."""
        return constant(value)

    def needed(self, index: int, what: str) -> NDArray[Any]:
        """Return the numbers of operand `index`, which must be a constant; `what` says what they are."""
        found = constant(self.inputs[index])
        if found is None:
            raise NoFormError(f"needs to know {what}, which is computed by `{self.inputs[index].name}`", SHAPE_FIX)
        return found

    def needed_ints(self, index: int, what: str) -> tuple[int, ...]:
        """Return the integers of operand `index`, which must be a constant; `what` says what they are."""
        return tuple(int(item) for item in self.needed(index, what).reshape(-1))

    # -- building

    def onnx(self, kind: str, *operands: Value | None, **attributes: Attribute) -> Value:
        """Insert an op with one result; None stands for an operand that is left out."""
        return self.many(kind, 1, *operands, **attributes)[0]

    def many(self, kind: str, count: int, *operands: Value | None, **attributes: Attribute) -> tuple[Value, ...]:
        """Insert an op with `count` results, whose types are inferred.

        What ONNX, or onnxruntime on the CPU, cannot compute is computed on wider elements and cast back.

        Raises:
            InferenceError: The operands do not fit.
            NoFormError: ONNX has no such op for their element types.
        """
        definition = op_def(f"onnx.{kind}")
        assert definition is not None, kind
        assert definition.infer is not None, f"{kind} has nested graphs: use build"
        given = [self.rw.absent() if value is None else value for value in operands]
        if kind in DOUBLES and _element_name(given[0]) == F64.name:
            return (DOUBLES[kind](self, *given, **attributes),)
        wider = widening(kind, tuple(map(_element_name, given)), count)
        for index, element in wider.operands.items():
            given[index] = self.cast(given[index], element)
        self._check_elements(definition, given)
        probe = Op(definition.kind, tuple(given), dict(attributes), (UNKNOWN,) * count)
        results = self.build(kind, given, attributes, definition.infer(probe)).results
        return tuple(
            self.cast(value, wider.results[n]) if n in wider.results else value for n, value in enumerate(results)
        )

    def build(
        self, kind: str, operands: Iterable[Value], attributes: dict[str, Attribute], types: Sequence[Type]
    ) -> Op:
        """Insert an op whose result types are known."""
        return self.rw.build(f"onnx.{kind}", operands, attributes, types=types, name=f"{self.name}/{kind}")

    def _check_elements(self, definition: OpDef, operands: Sequence[Value]) -> None:
        slots = definition.operands
        for index, value in enumerate(operands):
            taken = slots[min(index, len(slots) - 1)].elements
            if isinstance(value.type, TensorType) and taken and self.element(value).name not in taken:
                kind = definition.kind.removeprefix("onnx.")
                raise NoFormError(f"computes on {value.type.element}, which ONNX's {kind} does not take")

    # -- constants

    def constant(self, numbers: object, element: Element = I64, part: str = "value") -> Value:
        """Insert a constant; `part` is the ending of its name."""
        return self.rw.constant(np.asarray(numbers, numpy_dtype(element)), name=f"{self.name}/{part}")

    def scalar(self, number: float | bool, like: Value) -> Value:
        """Insert a number of the element type of `like`."""
        return self.constant(number, self.element(like), "number")

    def splat(self, number: float | bool, dims: Sequence[int], element: Element) -> Value:
        """Insert a constant all of whose elements are one number."""
        return self.constant(np.broadcast_to(np.asarray(number, numpy_dtype(element)), tuple(dims)), element)

    def moved(self, value: Value, perm: Sequence[int], dims: Sequence[int] = ()) -> Value:
        """Return a constant with its dimensions in the order `perm`, in the shape `dims` afterwards where given.

        A large one is brought into order when it is written. What is no constant gets ops for it.
        """
        blob = value.producer.attributes.get("value")
        if value.producer.kind != "const" or not isinstance(blob, Blob) or not value.tensor.is_static:
            return self.reshape(self._transposed(value, perm), dims) if dims else self._transposed(value, perm)
        type_ = value.tensor
        result = TensorType(type_.element, tuple(dims) or tuple(type_.dims[axis] for axis in perm))
        if not _moves(type_.dims, perm):
            return self.rw.constant_of(blob, result, name=value.name)
        return self.rw.constant_of(_reordered(blob, type_, tuple(perm)), result, name=value.name)

    # -- small steps

    def cast(self, value: Value, element: Element) -> Value:
        """Return `value` with another element type."""
        if value.tensor.element == element:
            return value
        number = onnx_number(element)
        if number is None:
            raise NoFormError(f"has elements of {element}, which ONNX lacks")
        known = constant(value, SMALL)
        if known is not None and known.dtype.kind in "iub" and element.family in ("float", "int", "uint", "bool"):
            return self.constant(known.astype(numpy_dtype(element)), element)
        return self.onnx("Cast", value, to=number)

    def reshape(self, value: Value, dims: Sequence[int]) -> Value:
        """Return `value` in another shape, where -1 stands for what is left; a constant keeps its bytes."""
        if value.tensor.shape == tuple(dims):
            return value
        blob = value.producer.attributes.get("value")
        if value.producer.kind == "const" and isinstance(blob, Blob) and value.tensor.is_static:
            return self.rw.constant_of(
                blob, value.tensor.with_shape(_resolved(value.tensor.size, dims)), name=value.name
            )
        allowzero = {"allowzero": 1} if 0 in dims else {}
        return self.onnx("Reshape", value, self.constant(dims, part="shape"), **allowzero)

    def reshape_behind(self, value: Value, kept: int, dims: Sequence[int]) -> Value:
        """Return `value` with `dims`, none of them 0, in place of those behind the first `kept`, which may be open."""
        leading = self.shape(value)[:kept]
        known = tuple(dim for dim in leading if isinstance(dim, int))
        if len(known) == kept:
            return self.reshape(value, (*known, *dims))
        return self.onnx("Reshape", value, self.constant((*(0,) * kept, *dims), part="shape"))

    def transpose(self, value: Value, perm: Sequence[int]) -> Value:
        """Return `value` with its dimensions in the order `perm`."""
        return value if list(perm) == sorted(perm) else self.moved(value, perm)

    def _transposed(self, value: Value, perm: Sequence[int]) -> Value:
        return value if list(perm) == sorted(perm) else self.onnx("Transpose", value, perm=tuple(perm))

    def unsqueeze(self, value: Value, axes: Sequence[int]) -> Value:
        """Return `value` with new dimensions of extent 1 at the positions `axes` of the result."""
        if value.producer.kind == "const" and value.tensor.is_static:
            dims = list(value.tensor.dims)
            for axis in sorted(axis % (len(dims) + len(axes)) for axis in axes):
                dims.insert(axis, 1)
            return self.reshape(value, dims)
        return self.onnx("Unsqueeze", value, self.constant(axes, part="axes"))

    def squeeze(self, value: Value, axes: Sequence[int]) -> Value:
        """Return `value` without its dimensions `axes`, which have extent 1."""
        if value.producer.kind == "const" and value.tensor.is_static:
            dims = value.tensor.dims
            gone = {axis % len(dims) for axis in axes}
            return self.reshape(value, [dim for axis, dim in enumerate(dims) if axis not in gone])
        return self.onnx("Squeeze", value, self.constant(axes, part="axes"))

    def extents(self, value: Value, start: int, end: int | None = None) -> Value:
        """Return the extents of the dimensions from `start` up to `end` (by default of one), a vector of integers."""
        shape = self.shape(value)
        end = start + 1 if end is None else end
        known = [dim for dim in shape[start:end] if isinstance(dim, int)]
        if len(known) == len(shape[start:end]):
            return self.constant(np.array(known, np.int64), part="shape")
        return self.onnx("Shape", value, start=start, end=end)

    def counted(self, count: Value) -> Value:
        """Return the integers from 0 up to `count`, an integer without dimensions."""
        known = constant(count)
        if known is not None and known.item() * I64.nbytes <= SMALL:
            return self.constant(np.arange(known.item()))
        return self.onnx("Range", self.constant(0), count, self.constant(1))

    # -- layout

    def channels_first(self, value: Value, axis: int) -> Value:
        """Return `value`, whose channels are at `axis`, with them behind the batch."""
        return self.transpose(value, (0, axis, *(each for each in range(1, self.rank(value)) if each != axis)))

    def as_laid_out(self, value: Value, axis: int) -> Value:
        """Return `value`, whose channels are behind the batch, with them at `axis`; undoes `channels_first`."""
        others = list(range(2, self.rank(value)))
        return self.transpose(value, (0, *others[: axis - 1], 1, *others[axis - 1 :]))


def _element_name(value: Value) -> str:
    return value.type.element.name if isinstance(value.type, TensorType) and value.type.element else ""


def inverse(perm: Sequence[int]) -> tuple[int, ...]:
    """Return the order of dimensions that undoes `perm`."""
    return tuple(sorted(range(len(perm)), key=perm.__getitem__))


def _moves(dims: Sequence[int], perm: Sequence[int]) -> bool:
    """Whether an order of dimensions moves elements: those of extent 1 may go anywhere."""
    kept = [axis for axis in perm if dims[axis] != 1]
    return kept != sorted(kept)


def _reordered(blob: Blob, type_: TensorType, perm: tuple[int, ...]) -> Blob:
    def compute() -> bytes:
        return np.ascontiguousarray(to_array(blob, type_).transpose(perm)).tobytes()

    if blob.nbytes <= SMALL:
        return to_blob(to_array(blob, type_).transpose(perm))
    return LazyBlob(blob.nbytes, compute)


def _resolved(size: int, dims: Sequence[int]) -> tuple[int, ...]:
    rest = math.prod(dim for dim in dims if dim != -1)
    return tuple(size // rest if dim == -1 and rest else dim for dim in dims)
