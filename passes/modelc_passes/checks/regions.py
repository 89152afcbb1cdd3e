"""Regions: values of one bad property that hang together, so that a whole chain of them is one cause."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from modelc.ir.graph import Graph
from modelc.ir.model import Model
from modelc.ir.op import Op, Value

_DATA = frozenset({"const", "absent", "return", "input"})


@dataclass(slots=True)
class Region:
    """Ops that hand bad values to each other.

    Attributes:
        roots: The ops that make a bad result from operands none of which is bad, constants aside.
        inputs: The inputs of the model among the bad values.
        ops: All ops with a bad operand or result.
    """

    roots: list[Op] = field(default_factory=list[Op])
    inputs: list[Value] = field(default_factory=list[Value])
    ops: list[Op] = field(default_factory=list[Op])


def regions(model: Model, is_bad: Callable[[Value], bool]) -> list[Region]:
    """Return the regions of bad values, in the order of their first ops; constants alone make none."""
    found: list[Region] = []
    for graph in model.graphs():
        found.extend(_of_graph(graph, is_bad))
    return found


def _of_graph(graph: Graph, is_bad: Callable[[Value], bool]) -> list[Region]:
    joined = _Joined()
    bad: set[Value] = set()
    for op in graph:
        results = [value for value in op.results if is_bad(value)]
        bad.update(results)
        if not bad:
            continue
        touching = [*results, *(value for value in op.operands if value in bad)]
        if op.kind not in ("input", "return") and touching:
            joined.join(touching)
    return _collected(graph, bad, joined) if bad else []


def _collected(graph: Graph, bad: set[Value], joined: _Joined) -> list[Region]:
    found: dict[Value, Region] = {}
    for op in graph:
        if op.kind == "input" and graph.owner is None:
            for value in op.results:
                if value in bad:
                    found.setdefault(joined.top(value), Region()).inputs.append(value)
        touching = [value for value in (*op.operands, *op.results) if value in bad]
        if op.kind in _DATA or not touching:
            continue
        region = found.setdefault(joined.top(touching[0]), Region())
        region.ops.append(op)
        given = any(value in bad and value.producer.kind != "const" for value in op.operands)
        if not given and any(value in bad for value in op.results):
            region.roots.append(op)
    return list(found.values())


class _Joined:
    """Sets of values that are joined step by step."""

    def __init__(self) -> None:
        self._above: dict[Value, Value] = {}

    def top(self, value: Value) -> Value:
        """Return the value that stands for the set of `value`."""
        above = self._above
        while (higher := above.get(value, value)) is not value:
            above[value] = above.get(higher, higher)
            value = higher
        return value

    def join(self, values: list[Value]) -> None:
        """Let all of `values` belong to one set."""
        top = self.top(values[0])
        for value in values[1:]:
            self._above[self.top(value)] = top
