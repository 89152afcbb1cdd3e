"""Graphs: ops in order, linked through themselves, with every edit counted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from modelc.ir.attributes import Attribute
from modelc.ir.op import Op, Value
from modelc.ir.origin import Origin
from modelc.ir.types import Type


class GraphError(Exception):
    """An edit that would break the graph, such as erasing a value that is still read."""


class Graph:
    """A list of ops from one `input` op to one `return` op.

    The results of `input` are the graph's inputs, the operands of `return` its outputs; their public names are the
    `names` attribute of these two ops. Iteration allows any edit: ops erased ahead are skipped, ops inserted behind
    the current one are visited.

    Attributes:
        name: The graph's name, `main` for the entry.
        owner: The op this graph is nested in, None for a function or the entry.
        edits: How many times anything was changed; passes never report changes, the graph counts them.
        touched: The ops inserted or changed since somebody last cleared it.
    """

    __slots__ = ("_first", "_last", "_size", "edits", "name", "owner", "touched")

    def __init__(self, name: str = "main") -> None:
        self.name = name
        self.owner: Op | None = None
        self.edits = 0
        self.touched: dict[Op, None] = {}
        self._first: Op | None = None
        self._last: Op | None = None
        self._size = 0

    # -- reading

    def __iter__(self) -> Iterator[Op]:
        op = self._first
        while op is not None:
            yield op
            op = op._next
            while op is not None and op.graph is not self:
                op = op._next

    def __reversed__(self) -> Iterator[Op]:
        op = self._last
        while op is not None:
            yield op
            op = op._previous
            while op is not None and op.graph is not self:
                op = op._previous

    def __len__(self) -> int:
        return self._size

    @property
    def first(self) -> Op | None:
        """The first op."""
        return self._first

    @property
    def last(self) -> Op | None:
        """The last op."""
        return self._last

    @property
    def input_op(self) -> Op:
        """The op whose results are the inputs."""
        if self._first is None or self._first.kind != "input":
            raise GraphError(f"graph @{self.name} does not begin with an `input` op")
        return self._first

    @property
    def return_op(self) -> Op:
        """The op whose operands are the outputs."""
        if self._last is None or self._last.kind != "return":
            raise GraphError(f"graph @{self.name} does not end with a `return` op")
        return self._last

    @property
    def inputs(self) -> tuple[Value, ...]:
        """The values the graph is given."""
        return self.input_op.results

    @property
    def outputs(self) -> tuple[Value, ...]:
        """The values the graph gives back."""
        return self.return_op.operands

    @property
    def input_names(self) -> tuple[str, ...]:
        """The public names of the inputs."""
        return _names(self.input_op, self.inputs)

    @property
    def output_names(self) -> tuple[str, ...]:
        """The public names of the outputs."""
        return _names(self.return_op, self.outputs)

    def walk(self) -> Iterator[Graph]:
        """Yield this graph and every graph nested in it."""
        yield self
        for op in self:
            if op.graphs:
                yield from op.walk_graphs()

    # -- editing; everything below counts

    def append(self, op: Op) -> Op:
        """Insert `op` at the end."""
        return self._link(op, self._last, None)

    def insert_before(self, anchor: Op, op: Op) -> Op:
        """Insert `op` directly before `anchor`, an op of this graph."""
        self._require(anchor)
        return self._link(op, anchor._previous, anchor)

    def insert_after(self, anchor: Op, op: Op) -> Op:
        """Insert `op` directly after `anchor`, an op of this graph."""
        self._require(anchor)
        return self._link(op, anchor, anchor._next)

    def move_before(self, anchor: Op, op: Op) -> None:
        """Move `op`, already in this graph, directly before `anchor`; an iteration at `op` goes on from there."""
        self._require(op)
        self._require(anchor)
        if op is anchor:
            return
        self._unlink(op)
        self._place(op, anchor._previous, anchor)
        self._count(op)

    def erase(self, op: Op) -> None:
        """Remove `op`; raises GraphError while one of its results is read, or when it is not in this graph."""
        self._require(op)
        if any(value.readers for value in op.results):
            readers = ", ".join(user.name for value in op.results for user in value.users)
            raise GraphError(f"`{op.name}` is still read by {readers}")
        self._unread(op)
        self._unlink(op)
        op.graph = None
        self.edits += 1
        self.touched.pop(op, None)

    def set_operands(self, op: Op, operands: Sequence[Value]) -> None:
        """Let `op` read these values instead."""
        self._unread(op)
        op._operands = list(operands)
        op._view = None
        self._read(op)
        self._count(op)

    def set_operand(self, op: Op, index: int, value: Value) -> None:
        """Let operand `index` of `op` be `value`; constant time whatever the number of readers."""
        old = op._operands[index]
        if old is value:
            return
        del old.readers[op, index]
        op._operands[index] = value
        op._view = None
        value.readers[op, index] = None
        self._count(op)

    def replace_uses(self, old: Value, new: Value) -> None:
        """Let every reader of `old` read `new` instead."""
        if old is new:
            return
        for op, index in old.readers:
            op._operands[index] = new
            op._view = None
            new.readers[op, index] = None
            (op.graph or self)._count(op)
        old.readers.clear()

    def set_attribute(self, op: Op, name: str, value: Attribute | None) -> None:
        """Set attribute `name` of `op`; None removes it."""
        if value is None:
            if op.attributes.pop(name, None) is None:
                return
        elif name in op.attributes and _same(op.attributes[name], value):
            return
        else:
            op.attributes[name] = value
        self._count(op)

    def set_type(self, value: Value, type_: Type) -> None:
        """State the type of `value`."""
        if value.type != type_:
            value.type = type_
            self._count(value.producer)

    def set_name(self, value: Value, name: str) -> None:
        """Give `value` another name hint."""
        if value.name != name:
            value.name = name
            self._count(value.producer)

    def set_origin(self, op: Op, origin: Origin) -> None:
        """State where `op` came from."""
        op.origin = origin

    def set_results(self, op: Op, types: Iterable[Type], names: Sequence[str] = ()) -> tuple[Value, ...]:
        """Give `op` new results in place of its present ones, which must have no readers; returns them."""
        if any(value.readers for value in op.results):
            raise GraphError(f"results of `{op.name}` are still read")
        op.results = tuple(
            Value(op, index, type_, names[index] if index < len(names) else "") for index, type_ in enumerate(types)
        )
        self._count(op)
        return op.results

    def add_result(self, op: Op, type_: Type, name: str = "") -> Value:
        """Add one more result behind the present ones and return it."""
        value = Value(op, len(op.results), type_, name)
        op.results = (*op.results, value)
        self._count(op)
        return value

    def drop_result(self, op: Op) -> None:
        """Remove the last result of `op`, which must have no readers."""
        if op.results[-1].readers:
            raise GraphError(f"the last result of `{op.name}` is still read")
        op.results = op.results[:-1]
        self._count(op)

    # -- links

    def _count(self, op: Op) -> None:
        self.edits += 1
        self.touched[op] = None

    def _require(self, op: Op) -> None:
        if op.graph is not self:
            raise GraphError(f"`{op.name}` is not in graph @{self.name}")

    def _link(self, op: Op, previous: Op | None, following: Op | None) -> Op:
        if op.graph is not None:
            raise GraphError(f"`{op.name}` already is in graph @{op.graph.name}")
        self._place(op, previous, following)
        op.graph = self
        self._read(op)
        self._count(op)
        return op

    def _place(self, op: Op, previous: Op | None, following: Op | None) -> None:
        op._previous, op._next = previous, following
        if previous is None:
            self._first = op
        else:
            previous._next = op
        if following is None:
            self._last = op
        else:
            following._previous = op
        self._size += 1

    def _unlink(self, op: Op) -> None:
        # The erased op keeps its own links, so that an iterator standing on it finds its way back.
        if op._previous is None:
            self._first = op._next
        else:
            op._previous._next = op._next
        if op._next is None:
            self._last = op._previous
        else:
            op._next._previous = op._previous
        self._size -= 1

    @staticmethod
    def _read(op: Op) -> None:
        for index, value in enumerate(op._operands):
            value.readers[op, index] = None

    @staticmethod
    def _unread(op: Op) -> None:
        for index, value in enumerate(op._operands):
            del value.readers[op, index]


def _same(old: Attribute, new: Attribute) -> bool:
    # In Python 1 == True == 1.0, 0.0 == -0.0 and nan != nan, but not in a model file.
    if type(old) is not type(new):
        return False
    if isinstance(old, tuple) and isinstance(new, tuple):
        return len(old) == len(new) and all(map(_same, old, new))
    return float.hex(old) == float.hex(new) if isinstance(old, float) and isinstance(new, float) else old == new


def _names(op: Op, values: Sequence[Value]) -> tuple[str, ...]:
    names = op.attributes.get("names")
    if isinstance(names, tuple) and len(names) == len(values):
        return tuple(str(name) for name in names)
    return tuple(value.name or f"{op.kind}{index}" for index, value in enumerate(values))
