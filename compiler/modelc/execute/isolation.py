"""A tensor of an artifact computed again from what the source has before it: does its op err, or what came before?

Differences spread: behind one wrong op everything is wrong, and an op such as the sigmoid of a huge number makes much
of a rounding error. Fed with the source's own numbers, an op that is right gives the source's own result.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from numpy.typing import NDArray

from modelc.execute.execution import start
from modelc.ir.constants import numpy_dtype
from modelc.ir.graph import Graph
from modelc.ir.model import Model
from modelc.ir.op import Op, Value
from modelc.ir.types import TensorType

Arrays: TypeAlias = Mapping[str, NDArray[Any]]

MOST_OPS = 64  # between a tensor and those before it that the source has


@dataclass(frozen=True, slots=True)
class Part:
    """The part of an artifact between tensors that the source has too and the next one.

    Attributes:
        graph: A copy of it; its inputs are called by their number, those of the artifact as they are there.
        operands: The tensors of the artifact that it starts from, in the order of those numbers.
        inputs: The public names of the artifact's inputs that it starts from.
    """

    graph: Graph
    operands: tuple[Value, ...]
    inputs: tuple[str, ...]

    def run(self, engine: str, operands: Sequence[NDArray[Any]], inputs: Arrays) -> NDArray[Any]:
        """Return what it computes.

        Args:
            engine: Name of the engine that executes it.
            operands: What the source has for `operands`.
            inputs: What the artifact is fed.

        Raises:
            ModelcError: It fails.
        """
        pairs = zip(self.operands, operands, strict=True)
        feeds = {str(index): _as_in(value, array) for index, (value, array) in enumerate(pairs)}
        (result,) = start(engine, Model(self.graph)).run(feeds | {name: inputs[name] for name in self.inputs}).values()
        return result


class Isolator:
    """Cuts parts out of one graph."""

    def __init__(self, graph: Graph, known: Collection[Value]) -> None:
        """Prepare to cut `graph` at `known`, the tensors that the source has too."""
        self._known = known
        self._position = {op: position for position, op in enumerate(graph)}
        self._names = dict(zip(graph.inputs, graph.input_names, strict=True))

    def cut(self, value: Value) -> Part | None:
        """Return the part that computes `value`, None where it is too large or holds control flow."""
        ops: set[Op] = set()
        starts: dict[Value, None] = {}
        pending = [value.producer]
        while pending:
            op = pending.pop()
            ops.add(op)
            if op.graphs or len(ops) > MOST_OPS:
                return None
            for operand in op.operands:
                if operand in self._known or operand in self._names:
                    starts[operand] = None
                elif operand.producer not in ops:
                    pending.append(operand.producer)
        operands = tuple(each for each in starts if each not in self._names)
        given = tuple(each for each in starts if each in self._names)
        names = tuple(self._names[each] for each in given)
        graph = _copied(sorted(ops, key=self._position.__getitem__), value, (*operands, *given), names)
        return Part(graph, operands, names)


def _copied(ops: Sequence[Op], value: Value, starts: Sequence[Value], names: Sequence[str]) -> Graph:
    """Return a graph of copies of `ops`, from `starts` to `value`; the last of its inputs have `names`."""
    graph = Graph()
    numbers = tuple(str(index) for index in range(len(starts) - len(names)))
    types = tuple(each.type for each in starts)
    twins = dict(zip(starts, graph.append(Op("input", (), {"names": (*numbers, *names)}, types)).results, strict=True))
    for op in ops:
        operands = tuple(twins[operand] for operand in op.operands)
        types = tuple(result.type for result in op.results)
        copy = graph.append(Op(op.kind, operands, dict(op.attributes), types, name=op.name, origin=op.origin))
        twins.update((old, new) for old, new in zip(op.results, copy.results, strict=True) if old not in starts)
    graph.append(Op("return", (twins[value],), {"names": ("result",)}))
    return graph


def _as_in(value: Value, array: NDArray[Any]) -> NDArray[Any]:
    """Return numbers of a source in the element type that the artifact may have narrowed them to."""
    element = value.type.element if isinstance(value.type, TensorType) else None
    return array if element is None else array.astype(numpy_dtype(element), copy=False)
