"""Copies of graphs and models: the same ops anew, reading the same weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from modelc.ir.graph import Graph
from modelc.ir.model import Model
from modelc.ir.op import Op, Value

Make: TypeAlias = Callable[[str], Graph]


def clone_model(model: Model, make: Make = Graph) -> Model:
    """Return a copy of `model` that shares nothing with it but weights and other values that never change.

    Args:
        model: What to copy; its links are sound.
        make: Makes an empty graph of a name.
    """
    functions = {name: clone_graph(function, make) for name, function in model.functions.items()}
    return Model(clone_graph(model.graph, make), functions, model.source, set(model.facts))


def clone_graph(graph: Graph, make: Make = Graph) -> Graph:
    """Return a copy of `graph`, nested graphs included; its edits are counted from zero."""
    copy = make(graph.name)
    pending = [(graph, copy)]
    while pending:
        old, new = pending.pop()
        pending += _fill(new, old, make)
    return copy


def clone_op(op: Op, operands: tuple[Value, ...], graphs: tuple[Graph, ...] = ()) -> Op:
    """Return a copy of `op` that reads `operands` and holds `graphs`, not yet in any graph."""
    types = tuple(value.type for value in op.results)
    copy = Op(op.kind, operands, dict(op.attributes), types, graphs=graphs, origin=op.origin)
    for old, new in zip(op.results, copy.results, strict=True):
        new.name = old.name
    return copy


def _fill(new: Graph, old: Graph, make: Make) -> list[tuple[Graph, Graph]]:
    """Copy the ops of `old` into the empty graph `new`; returns the nested graphs, each with its still empty copy."""
    values: dict[Value, Value] = {}
    late: list[tuple[Op, Op]] = []
    nested: list[tuple[Graph, Graph]] = []
    for op in old:
        graphs = tuple(make(graph.name) for graph in op.graphs)
        nested.extend(zip(op.graphs, graphs, strict=True))
        is_complete = all(value in values for value in op.operands)
        copy = clone_op(op, tuple(values[value] for value in op.operands) if is_complete else (), graphs)
        if not is_complete:
            late.append((op, copy))
        new.append(copy)
        values.update(zip(op.results, copy.results, strict=True))
    for op, copy in late:
        new.set_operands(copy, [values[value] for value in op.operands])
    new.edits = 0
    new.touched.clear()
    return nested
