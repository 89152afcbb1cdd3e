"""Ops and values. Both are compared by identity; only a `Graph` changes their links."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from modelc.ir.attributes import Attribute
from modelc.ir.origin import NOWHERE, Origin
from modelc.ir.types import CONTROL, TensorType, Type

if TYPE_CHECKING:
    from modelc.ir.graph import Graph


class Value:
    """One result of one op, and all who read it.

    Attributes:
        producer: The op whose result this is.
        index: Its position among the results.
        type: What is known of it.
        name: A hint for printing and saving; need not be unique.
        readers: The operand slots that read it, as (op, operand index), in order of arrival.
    """

    __slots__ = ("index", "name", "producer", "readers", "type")

    def __init__(self, producer: Op, index: int, type_: Type, name: str = "") -> None:
        self.producer = producer
        self.index = index
        self.type = type_
        self.name = name
        self.readers: dict[tuple[Op, int], None] = {}

    @property
    def tensor(self) -> TensorType:
        """The type of a tensor value; raises TypeError for a token."""
        if not isinstance(self.type, TensorType):
            raise TypeError(f"`{self.name}` is a {self.type}, not a tensor")
        return self.type

    @property
    def users(self) -> tuple[Op, ...]:
        """The ops that read this value, each once, in order of arrival."""
        return tuple(dict.fromkeys(op for op, _ in self.readers))

    def only_user(self) -> Op | None:
        """Return the one op that reads this value, None when there are none or several."""
        users = self.users
        return users[0] if len(users) == 1 else None

    def __repr__(self) -> str:
        return f"%{self.name or self.index}: {self.type}"


class Op:
    """One operation.

    Attributes:
        kind: Dialect and operation, `ge.Conv2D`; `input`, `const`, `return` and `absent` belong to every dialect.
        attributes: Compile-time parameters by name. Change them through the graph.
        graphs: Nested graphs: the branches of an `If`, the condition and body of a `While`.
        results: The values this op defines.
        origin: Where it came from.
        graph: The graph that holds it, None when it was erased or not yet inserted.
    """

    __slots__ = (
        "_next", "_operands", "_previous", "_view", "attributes", "graph", "graphs", "kind", "origin", "results"
    )  # fmt: skip

    def __init__(
        self,
        kind: str,
        operands: tuple[Value, ...] = (),
        attributes: dict[str, Attribute] | None = None,
        types: tuple[Type, ...] = (),
        *,
        name: str = "",
        graphs: tuple[Graph, ...] = (),
        origin: Origin = NOWHERE,
    ) -> None:
        self.kind = kind
        self.attributes: dict[str, Attribute] = {} if attributes is None else attributes
        self.graphs = graphs
        self.origin = origin
        self.graph: Graph | None = None
        self.results: tuple[Value, ...] = tuple(
            Value(self, index, type_, result_name(name, index, type_)) for index, type_ in enumerate(types)
        )
        self._operands = list(operands)
        self._view: tuple[Value, ...] | None = operands
        self._previous: Op | None = None
        self._next: Op | None = None
        for graph in graphs:
            graph.owner = self

    @property
    def operands(self) -> tuple[Value, ...]:
        """The values this op reads."""
        if self._view is None:  # made only when asked for, so that changing one of many operands is cheap
            self._view = tuple(self._operands)
        return self._view

    @property
    def inputs(self) -> tuple[Value, ...]:
        """The operands without the control dependencies, which always come last."""
        if not self._operands or self._operands[-1].type is not CONTROL:
            return self.operands
        return tuple(value for value in self._operands if value.type is not CONTROL)

    @property
    def controls(self) -> tuple[Value, ...]:
        """The control dependencies among the operands."""
        return self.operands[len(self.inputs) :]

    @property
    def result(self) -> Value:
        """The only result; raises ValueError when there are none or several."""
        if len(self.results) != 1:
            raise ValueError(f"`{self.name}` ({self.kind}) has {len(self.results)} results")
        return self.results[0]

    @property
    def name(self) -> str:
        """The name to show to a user: the first result's hint, else the source node's name, else the kind."""
        return (self.results[0].name if self.results else "") or self.origin.name or self.kind

    @property
    def dialect(self) -> str:
        """The part of the kind before the dot, empty for the kinds that belong to every dialect."""
        return self.kind.partition(".")[0] if "." in self.kind else ""

    @property
    def previous(self) -> Op | None:
        """The op before this one in its graph."""
        return self._previous

    @property
    def next(self) -> Op | None:
        """The op after this one in its graph."""
        return self._next

    def walk_graphs(self) -> Iterator[Graph]:
        """Yield the nested graphs, and theirs, outermost first."""
        pending = list(reversed(self.graphs))
        while pending:
            graph = pending.pop()
            yield graph
            for op in graph:
                pending.extend(reversed(op.graphs))

    def __repr__(self) -> str:
        return f"<{self.kind} {self.name}>"


def result_name(name: str, index: int, type_: Type) -> str:
    """Return the name hint of result `index` of an op called `name`: `n`, `n:1`, `^n` for a control result."""
    if not name:
        return ""
    if type_ is CONTROL:
        return f"^{name}"
    return name if index == 0 else f"{name}:{index}"
