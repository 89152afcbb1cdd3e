"""The rewriter: the only way passes change a graph."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from numpy.typing import NDArray

from modelc.dialects.lookup import infer_types, is_pure, op_def
from modelc.ir.attributes import Attribute
from modelc.ir.blob import Blob
from modelc.ir.constants import constant, to_blob, type_of
from modelc.ir.graph import Graph
from modelc.ir.op import Op, Value
from modelc.ir.opdef import InferenceError
from modelc.ir.origin import Origin, merge
from modelc.ir.types import NONE, TensorType, Type

FOLD_LIMIT = 1 << 16  # bytes of a result that is folded while it is built


class Rewriter:
    """Builds, replaces and erases ops of one graph at one place.

    New ops are inserted before `anchor`; their types are inferred; their origin is that of the op they stand for,
    with the name of the rule added.

    Attributes:
        graph: The graph being edited.
        anchor: New ops go directly before this op.
        rule: Name of the pass or rule at work, recorded in origins.
        origin: Origin given to new ops.
    """

    def __init__(self, graph: Graph, rule: str = "") -> None:
        self.graph = graph
        self.rule = rule
        self.anchor: Op | None = None
        self.origin = Origin()
        self.created: list[Op] = []

    def at(self, anchor: Op, *sources: Op) -> Rewriter:
        """Insert before `anchor` from now on, on behalf of `sources` (by default the anchor); returns self."""
        self.anchor = anchor
        self.graph = anchor.graph or self.graph
        self.origin = merge((op.origin for op in sources or (anchor,)), self.rule)
        return self

    # -- building

    def build(
        self,
        kind: str,
        operands: Iterable[Value] = (),
        attributes: dict[str, Attribute] | None = None,
        *,
        types: Sequence[Type] | None = None,
        graphs: tuple[Graph, ...] = (),
        name: str = "",
    ) -> Op:
        """Insert a new op.

        Args:
            kind: Its kind.
            operands: What it reads.
            attributes: Its attributes.
            types: Its result types; inferred when not given.
            graphs: Its nested graphs.
            name: Name hint of its results; by default that of the source node it stands for.

        Raises:
            InferenceError: The operands do not fit.
        """
        op = Op(kind, tuple(operands), attributes, graphs=graphs, origin=self.origin)
        op_types = infer_types(op) if types is None else types
        name = name or self.origin.name
        return self._insert(
            Op(kind, op.operands, op.attributes, tuple(op_types), name=name, graphs=graphs, origin=self.origin)
        )

    def value(
        self,
        kind: str,
        operands: Iterable[Value] = (),
        attributes: dict[str, Attribute] | None = None,
        *,
        name: str = "",
    ) -> Value:
        """Insert a new op with one result, or its number where all operands are small constants; returns the result."""
        return self.values(kind, operands, attributes, name=name)[0]

    def values(
        self,
        kind: str,
        operands: Iterable[Value] = (),
        attributes: dict[str, Attribute] | None = None,
        *,
        name: str = "",
    ) -> tuple[Value, ...]:
        """Insert a new op, or constants where all operands are small constants; returns the results."""
        probe = Op(kind, tuple(operands), attributes, origin=self.origin)
        types = tuple(infer_types(probe))
        probe = Op(kind, probe.operands, probe.attributes, types, name=name or self.origin.name, origin=self.origin)
        folded = fold(probe, FOLD_LIMIT)
        if folded is None:
            return self._insert(probe).results
        return tuple(self.constant(a, name=result.name) for a, result in zip(folded, probe.results, strict=True))

    def constant(self, array: NDArray[Any], *, name: str = "") -> Value:
        """Insert a `const` op that holds `array`."""
        return self.constant_of(to_blob(array), type_of(array), name=name)

    def constant_of(self, blob: Blob, type_: TensorType, *, name: str = "") -> Value:
        """Insert a `const` op that holds `blob` as a tensor of `type_`."""
        op = Op("const", (), {"value": blob}, (type_,), name=name or self.origin.name, origin=self.origin)
        return self._insert(op).result

    def absent(self) -> Value:
        """Insert an `absent` op: the value of an optional operand that is not given."""
        return self._insert(Op("absent", (), {}, (NONE,), origin=self.origin)).result

    def insert(self, op: Op) -> Op:
        """Insert an op that was made elsewhere."""
        return self._insert(op)

    def _insert(self, op: Op) -> Op:
        if self.anchor is None:
            self.graph.append(op)
        else:
            self.graph.insert_before(self.anchor, op)
        self.created.append(op)
        return op

    # -- changing

    def replace(self, op: Op, *values: Value) -> None:
        """Let all who read the results of `op` read `values` instead, then erase `op`.

        A replacement that has no name of its own yet takes over the name of what it replaces.
        """
        if len(values) != len(op.results):
            raise ValueError(f"`{op.name}` has {len(op.results)} results, not {len(values)}")
        for old, new in zip(op.results, values, strict=True):
            self.graph.replace_uses(old, new)
        self.graph.erase(op)

    def replace_value(self, old: Value, new: Value) -> None:
        """Let all who read `old` read `new` instead; the producer of `old` stays."""
        self.graph.replace_uses(old, new)

    def erase(self, op: Op) -> None:
        """Erase `op`, which nobody may read."""
        self.graph.erase(op)

    def erase_dead(self, op: Op) -> None:
        """Erase `op` and what only it needed, as far as that has no effects and nobody reads it."""
        pending = [op]
        while pending:
            dead = pending.pop()
            if dead.graph is None or any(value.readers for value in dead.results) or not is_pure(dead):
                continue
            producers = [value.producer for value in dict.fromkeys(dead.operands)]
            dead.graph.erase(dead)
            pending.extend(producers)

    def set_operand(self, op: Op, index: int, value: Value) -> None:
        """Let operand `index` of `op` be `value`."""
        self.graph.set_operand(op, index, value)

    def set_operands(self, op: Op, operands: Sequence[Value]) -> None:
        """Let `op` read `operands` instead."""
        self.graph.set_operands(op, operands)

    def set_attribute(self, op: Op, name: str, value: Attribute | None) -> None:
        """Set or (None) remove an attribute."""
        self.graph.set_attribute(op, name, value)

    def set_type(self, value: Value, type_: Type) -> None:
        """State the type of a value."""
        self.graph.set_type(value, type_)


def fold(op: Op, limit: int) -> list[NDArray[Any]] | None:
    """Return what `op` computes where all of it is known and nothing has more than `limit` bytes, else None."""
    definition = op_def(op.kind)
    if definition is None or definition.evaluate is None or not is_pure(op) or op.graphs:
        return None
    for value in op.results:
        type_ = value.type
        if not isinstance(type_, TensorType) or not type_.is_static or type_.element is None:
            return None
        if not type_.element.nbytes or type_.nbytes > limit:
            return None
    arrays = []
    for operand in op.operands:
        array = constant(operand, limit)
        if array is None:
            return None
        arrays.append(array)
    try:
        return list(definition.evaluate(op, arrays))
    except (ArithmeticError, InferenceError, LookupError, MemoryError, TypeError, ValueError):
        return None  # whoever executes the op will say why it fails
