"""One op that computes on what was transposed, and a hand that lets it compute before the transposition."""

from __future__ import annotations

from collections.abc import Sequence

from modelc.ir.attributes import Attribute, ints
from modelc.ir.constants import constant
from modelc.ir.op import Op, Value
from modelc.ir.types import Dim, TensorType
from modelc.rewrite.rewriter import Rewriter
from modelc_backends.onnx.lower.site import Site, inverse

TRANSPOSE = "onnx.Transpose"
RESHAPE = "onnx.Reshape"
VIEWS = frozenset({RESHAPE, "onnx.Squeeze", "onnx.Unsqueeze"})  # ops that change nothing but the shape
Moved = dict[tuple[Value, tuple[int, ...]], Value]  # what was transposed already, so that it is only once


def order_of(op: Op) -> tuple[int, ...] | None:
    """Return the order of dimensions that a transposition makes, None for another op or an operand of unknown rank."""
    if op.kind != TRANSPOSE:
        return None
    rank = op.inputs[0].tensor.rank
    if rank is None:
        return None
    return ints(op.attributes, "perm", tuple(reversed(range(rank))))


def moves(shape: Sequence[Dim], perm: Sequence[int]) -> bool:
    """Whether an order of dimensions moves elements: those of extent 1 may go anywhere."""
    kept = [axis for axis in perm if shape[axis] != 1]
    return kept != sorted(kept)


class Move:
    """An op some of whose operands are transposed, all of them by one order where the op is to move.

    Attributes:
        op: The op.
        perm: The order: operand = transposed(source, perm).
        site: Builds before the op.
    """

    def __init__(self, op: Op, perm: tuple[int, ...], rewriter: Rewriter, moved: Moved) -> None:
        self.op = op
        self.perm = perm
        self.site = Site(op, rewriter.at(op))
        self._moved = moved

    @property
    def rank(self) -> int:
        """The number of dimensions of what is transposed."""
        return len(self.perm)

    def axis(self, axis: int) -> int:
        """Return where an axis of the operand, which may be counted from the end, is in the source."""
        return self.perm[axis % self.rank]

    def axes(self, axes: Sequence[int]) -> tuple[int, ...]:
        """Return where axes of the operand are in the source, in order."""
        return tuple(sorted(map(self.axis, axes)))

    def integers(self, index: int) -> tuple[int, ...] | None:
        """Return the integers of operand `index`: empty where it is left out, None where they are not known."""
        value = self.site.given(index)
        if value is None:
            return ()
        array = constant(value)
        return None if array is None else tuple(int(item) for item in array.reshape(-1))

    def source(self, value: Value) -> Value:
        """Return what `value` is before the transposition; what was not transposed is transposed back.

        A value with fewer dimensions is aligned with the last ones, as in a broadcast.
        """
        if order_of(value.producer) == self.perm:
            return value.producer.inputs[0]
        shape = value.tensor.shape
        if shape is None or all(dim == 1 for dim in shape):
            return value
        key = (value, self.perm)
        if key not in self._moved:
            self._moved[key] = self._transposed_back(value, shape)
        return self._moved[key]

    def _transposed_back(self, value: Value, shape: tuple[Dim, ...]) -> Value:
        before = inverse(self.perm)
        missing = self.rank - len(shape)
        if value.producer.kind == "const":
            return self.site.moved(self.site.reshape(value, (*(1,) * missing, *value.tensor.dims)), before)
        if missing:
            value = self.site.unsqueeze(value, tuple(range(missing)))
        return self.site.transpose(value, before)

    def replace(
        self,
        operands: Sequence[Value],
        attributes: dict[str, Attribute] | None = None,
        perm: tuple[int, ...] | None = None,
    ) -> None:
        """Let the op compute on `operands` instead, and transpose its results.

        Args:
            operands: What it reads.
            attributes: Its attributes; by default those it has.
            perm: The order that makes its results what they were; by default that of its operands.
        """
        perm = self.perm if perm is None else perm
        before = inverse(perm)
        old = self.op.results
        types = [_permuted(value.tensor, before) for value in old]
        attributes = dict(self.op.attributes) if attributes is None else attributes
        rewriter = self.site.rw
        new = rewriter.build(self.op.kind, operands, attributes, types=types, name=old[0].name)
        results = new.results
        if list(perm) != sorted(perm):
            results = tuple(
                rewriter.build(TRANSPOSE, (value,), {"perm": perm}, types=(was.type,), name=was.name).result
                for value, was in zip(results, old, strict=True)
            )
        for value, was in zip(new.results, old, strict=True):
            rewriter.graph.set_name(value, was.name)
        rewriter.replace(self.op, *results)


def view_of(shape: Sequence[Dim], perm: Sequence[int]) -> list[int] | None:
    """Return the shape (-1 for an unknown extent) that does what a transposition does, None where elements move."""
    result = [shape[axis] for axis in perm]
    if moves(shape, perm) or 0 in result or sum(not isinstance(dim, int) for dim in result) > 1:
        return None
    return [dim if isinstance(dim, int) else -1 for dim in result]


def _permuted(type_: TensorType, perm: Sequence[int]) -> TensorType:
    return type_ if type_.shape is None else type_.with_shape(type_.shape[axis] for axis in perm)
