"""Cutting: a part of a graph as a model of its own."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from modelc.ir.clone import clone_graph, clone_op
from modelc.ir.graph import Graph
from modelc.ir.model import Model
from modelc.ir.op import Op, Value
from modelc.ir.origin import NOWHERE
from modelc.ir.types import CONTROL, TensorType

FRAME = frozenset({"input", "return"})


def units(graph: Graph) -> list[Op]:
    """Return the ops that count as the size of a graph: all but those that state its inputs and outputs."""
    return [op for op in graph if op.kind not in FRAME]


def size(model: Model) -> int:
    """Return how many ops a model has, nested graphs and functions included."""
    return sum(len(units(graph)) for graph in model.graphs())


def extract(model: Model, kept: Collection[Op], outputs: Collection[Value] | None = None) -> Model | None:
    """Return the part of `model` that consists of the ops `kept` of its entry graph.

    What they read from others becomes an input. What others read from them becomes an output, beside the outputs
    they had; with `outputs`, only those of the original outputs stay. What is no tensor, such as a variable, cannot be
    an input, so that who makes it is kept. Constants and the like that nobody reads are left out.

    Returns:
        The part; None where it has no outputs.
    """
    cut = _Cut(model.graph, _closed({op for op in units(model.graph) if op in kept}))
    ends = [entry for entry in _ends(model.graph, cut.kept) if outputs is None or entry[1] in outputs]
    if outputs is None:
        present = {value for _, value in ends}
        ends += [("", value) for value in cut.left_over() if value not in present]
    if not ends:
        return None
    functions = {name: clone_graph(function) for name, function in model.functions.items()}
    return Model(cut.made(ends), functions, model.source, set(model.facts))


def _closed(kept: set[Op]) -> set[Op]:
    """Return `kept` with those who make what they read and what is no tensor."""
    pending = list(kept)
    while pending:
        tokens = [v for v in pending.pop().operands if not isinstance(v.type, TensorType) and v.type is not CONTROL]
        makers = {value.producer for value in tokens} - kept
        pending += makers
        kept |= makers
    return {op for op in kept if op.kind not in FRAME}


def needed(graph: Graph, outputs: Collection[Value]) -> set[Op]:
    """Return the ops that `outputs` depend on."""
    found = {value.producer for value in outputs}
    pending = list(found)
    while pending:
        producers = {value.producer for value in pending.pop().operands} - found
        found |= producers
        pending += producers
    return found


def _ends(graph: Graph, kept: Collection[Op]) -> Iterator[tuple[str, Value]]:
    for name, value in zip(graph.output_names, graph.outputs, strict=True):
        if value.producer in kept:
            yield name, value


@dataclass(slots=True)
class _Cut:
    """One part of one graph."""

    graph: Graph
    kept: set[Op]
    values: dict[Value, Value] = field(default_factory=dict[Value, Value])

    def left_over(self) -> list[Value]:
        """Return what ops read that are not kept, from ops that are."""
        return [
            value
            for op in self.graph
            if op in self.kept and op.operands
            for value in op.results
            if isinstance(value.type, TensorType)
            and any(reader not in self.kept and reader.kind != "return" for reader in value.users)
        ]

    def made(self, ends: Sequence[tuple[str, Value]]) -> Graph:
        """Return the part with these outputs, as (public name, empty for any; value)."""
        new = Graph(self.graph.name)
        wanted = {value for _, value in ends}
        ops = [op for op in self.graph if op in self.kept and (op.operands or self._is_read(op, wanted))]
        self._add_inputs(new, ops)
        late = []
        for op in ops:
            is_complete = all(value in self.values for value in op.operands if value.type is not CONTROL)
            copy = clone_op(op, self._operands(op), tuple(map(clone_graph, op.graphs)))
            if not is_complete:
                late.append((op, copy))
            new.append(copy)
            self.values.update(zip(op.results, copy.results, strict=True))
        for op, copy in late:
            new.set_operands(copy, self._operands(op))
        names = _unique([name or value.name or "output" for name, value in ends])
        end = Op("return", tuple(self.values[value] for _, value in ends), {"names": names}, origin=NOWHERE)
        new.append(end)
        return new

    def _is_read(self, op: Op, wanted: Collection[Value]) -> bool:
        return any(value in wanted or not self.kept.isdisjoint(value.users) for value in op.results)

    def _operands(self, op: Op) -> tuple[Value, ...]:
        return tuple(self.values[value] for value in op.operands if value in self.values)

    def _add_inputs(self, new: Graph, ops: Sequence[Op]) -> None:
        """Make an input of everything that `ops` read from elsewhere, those that were inputs before first."""
        public = dict(zip(self.graph.inputs, self.graph.input_names, strict=True))
        inside = set(ops)
        read = dict.fromkeys(
            value for op in ops for value in op.operands if value.producer not in inside and value.type is not CONTROL
        )
        given = [*(value for value in public if value in read), *(value for value in read if value not in public)]
        names = _unique([public.get(value) or value.name or "cut" for value in given])
        start = Op("input", (), {"names": names}, tuple(value.type for value in given), origin=NOWHERE)
        for old, value in zip(given, start.results, strict=True):
            value.name = old.name
        new.append(start)
        self.values.update(zip(given, start.results, strict=True))


def _unique(names: Sequence[str]) -> tuple[str, ...]:
    """Return `names`, numbered where they come again."""
    taken: set[str] = set()
    result = []
    for name in names:
        count, unique = 1, name
        while unique in taken:
            unique, count = f"{name}_{count}", count + 1
        taken.add(unique)
        result.append(unique)
    return tuple(result)
