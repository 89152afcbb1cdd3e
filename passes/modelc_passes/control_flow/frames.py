"""Loops of the first generation (Enter, Merge, Switch, NextIteration, Exit) become `While` ops."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from modelc.diagnostics.diagnostic import Diagnostic, Fix, Sink, finding
from modelc.ir.attributes import Attribute
from modelc.ir.graph import Graph
from modelc.ir.op import Op, Value
from modelc.ir.types import CONTROL, Type
from modelc.rewrite.rewriter import Rewriter
from modelc_passes.control_flow.dead_branches import MERGES, SWITCHES
from modelc_passes.shared.common import copy_ops, element_of_type, erase_unreachable, hand_on_orders, reorder

ENTERS = frozenset({"tf.Enter", "tf.RefEnter"})
EXITS = frozenset({"tf.Exit", "tf.RefExit"})
NEXTS = frozenset({"tf.NextIteration", "tf.RefNextIteration"})


@dataclass(eq=False, slots=True)
class _Frame:
    """One loop.

    Attributes:
        name: Its name.
        parent: The loop around it.
        depth: How many loops are around it.
        ops: Everything in it, in order, without what is in loops within it.
    """

    name: str
    parent: _Frame | None
    depth: int
    ops: list[Op] = field(default_factory=list[Op])

    def of_kind(self, kinds: Iterable[str]) -> list[Op]:
        """Return its ops of these kinds."""
        return [op for op in self.ops if op.kind in kinds]


@dataclass(slots=True)
class _Variable:
    """One value a loop carries: the ops that carry it."""

    enter: Op
    merge: Op
    following: Op
    switches: list[Op]
    exits: list[Op]


class _BrokenLoopError(Exception):
    """A loop has another form than loops have; the text says which part."""


def loops_to_while(graph: Graph, sink: Sink, rule: str) -> None:
    """Replace each loop of `graph` by a `tf.While` with nested graphs, inner loops first."""
    if not any(op.kind in ENTERS for op in graph):
        return
    positions = {op: index for index, op in enumerate(graph)}
    for frame in _frames(graph):
        frame.ops.sort(key=positions.__getitem__)
        try:
            op = _Loop(graph, frame, rule).replace()
        except _BrokenLoopError as error:
            sink.add(_broken(frame, error))
            break  # the loops around it would hold a broken one
        positions[op] = positions[frame.of_kind(ENTERS)[-1]]
        if frame.parent is not None:
            frame.parent.ops.append(op)
    erase_unreachable(graph)
    reorder(graph)


def _broken(frame: _Frame, error: _BrokenLoopError) -> Diagnostic:
    return finding(
        "MC218",
        f"loop `{frame.name}` cannot be turned into a While: {error}",
        frame.ops[0],
        fixes=[Fix("export the model with TensorFlow 2 control flow (tf.compat.v1.enable_control_flow_v2)")],
    )


# -- which op is in which loop


def _frames(graph: Graph) -> list[_Frame]:
    """Return the loops of `graph`, inner ones first."""
    frames: dict[tuple[_Frame | None, str], _Frame] = {}
    where: dict[Value, _Frame] = {}
    for op in graph:
        around = [found for value in op.operands if (found := where.get(value)) is not None]
        frame = max(around, key=lambda each: each.depth, default=None)
        if op.kind in ENTERS:
            key = (frame, str(op.attributes.get("frame_name", "")))
            depth = frame.depth + 1 if frame else 1
            frame = frames.setdefault(key, _Frame(key[1], frame, depth))
        if frame is None:
            continue
        frame.ops.append(op)
        outside = frame.parent if op.kind in EXITS else frame
        if outside is not None:
            where.update(dict.fromkeys(op.results, outside))
    return sorted(frames.values(), key=lambda frame: -frame.depth)


# -- one loop


class _Loop:
    """Turns one loop into a While op."""

    def __init__(self, graph: Graph, frame: _Frame, rule: str) -> None:
        self.graph = graph
        self.frame = frame
        self.rewriter = Rewriter(graph, rule)
        self.within = set(frame.ops)
        conditions = frame.of_kind({"tf.LoopCond"})
        if len(conditions) != 1:
            raise _BrokenLoopError(f"it has {len(conditions)} conditions")
        self.condition = conditions[0]
        self.variables = [self._variable(op) for op in frame.of_kind(MERGES) if _merges_iterations(op)]
        self.structure = self._structure()
        self.invariants = self._invariants()

    def _variable(self, merge: Op) -> _Variable:
        enters = [value.producer for value in merge.inputs if value.producer.kind in ENTERS]
        following = [value.producer for value in merge.inputs if value.producer.kind in NEXTS]
        if len(enters) != 1 or len(following) != 1:
            raise _BrokenLoopError(f"`{merge.name}` does not merge one start with one next value")
        condition = self.condition.results[0]
        switches = [op for op in merge.results[0].users if op.kind in SWITCHES and op.inputs[1:2] == (condition,)]
        exits = [op for switch in switches for op in switch.results[0].users if op.kind in EXITS]
        return _Variable(enters[0], merge, following[0], switches, exits)

    def _structure(self) -> set[Op]:
        """Return the ops that make up the loop itself."""
        structure = {self.condition, *self.frame.of_kind(ENTERS), *self.frame.of_kind(EXITS)}
        structure.update(self.frame.of_kind(NEXTS))
        for variable in self.variables:
            structure.update((variable.merge, *variable.switches))
        return structure

    def _invariants(self) -> list[Value]:
        """Return the values the loop reads and does not change: what stands for them inside."""
        changed = {variable.enter for variable in self.variables}
        entered = [op.results[0] for op in self.frame.of_kind(ENTERS) if op not in changed]
        captured = {
            value: None
            for op in self.frame.ops
            if op.kind not in ENTERS
            for value in op.inputs
            if value.producer not in self.within
        }
        return [*entered, *captured]

    def replace(self) -> Op:
        """Insert the While op, and let the readers of the exits read its results."""
        arguments = [_operand(variable.enter) for variable in self.variables]
        arguments += [_operand(value.producer) if value.producer in self.within else value for value in self.invariants]
        types = [variable.merge.results[0].type for variable in self.variables]
        types += [value.type for value in self.invariants]
        graphs = (self._condition_graph(types), self._body_graph(types))
        enters = self.frame.of_kind(ENTERS)
        orders = dict.fromkeys(value for op in enters for value in op.controls)
        elements = tuple(element for type_ in types if (element := element_of_type(type_)) is not None)
        attributes: dict[str, Attribute] = {"T": elements, "output_shapes": (), "parallel_iterations": 10}
        op = self.rewriter.at(enters[-1], self.condition).build(
            "tf.While", (*arguments, *orders), attributes, types=types, graphs=graphs, name=self.frame.name
        )
        for variable, result in zip(self.variables, op.results, strict=False):
            for each in variable.exits:
                self.rewriter.replace_value(each.results[0], result)
                hand_on_orders(each)
        for variable in self.variables:
            self.rewriter.set_operands(variable.merge, ())  # cut open, the old loop can be erased
        return op

    def _condition_graph(self, types: Sequence[Type]) -> Graph:
        same = [[variable.merge.results[0]] for variable in self.variables]
        return self._nested("cond", types, same, [_operand(self.condition)])

    def _body_graph(self, types: Sequence[Type]) -> Graph:
        same = [
            [variable.merge.results[0], *(switch.results[1] for switch in variable.switches)]
            for variable in self.variables
        ]
        results = [_operand(variable.following) for variable in self.variables]
        return self._nested("body", types, same, [*results, *self.invariants])

    def _nested(self, name: str, types: Sequence[Type], same: list[list[Value]], results: list[Value]) -> Graph:
        """Return a graph of what `results` need.

        Args:
            name: Its name.
            types: The types of its inputs.
            same: For each loop variable, the values its input stands for.
            results: What it returns.
        """
        graph = Graph(f"{self.frame.name}/{name}")
        names = tuple(f"arg{index}" for index in range(len(types)))
        start = graph.append(Op("input", (), {"names": names}, tuple(types), origin=self.condition.origin))
        values: dict[Value, Value] = {}
        for value, group in zip(start.results, [*same, *([each] for each in self.invariants)], strict=True):
            value.name = names[value.index]
            values.update(dict.fromkeys(group, value))
        needed = self._needed(results, values)
        copy_ops([op for op in self.frame.ops if op in needed], values, graph.append)
        ends = tuple(f"result{index}" for index in range(len(results)))
        returned = tuple(values[value] for value in results)
        graph.append(Op("return", returned, {"names": ends}, origin=self.condition.origin))
        reorder(graph)
        return graph

    def _needed(self, results: Iterable[Value], given: Mapping[Value, Value]) -> set[Op]:
        """Return the ops within the loop that `results` need."""
        pending = [value for value in results if value not in given]
        needed: set[Op] = set()
        while pending:
            value = pending.pop()
            op = value.producer
            if op in self.structure or op not in self.within:
                if value.type is not CONTROL:
                    raise _BrokenLoopError(f"`{value.name}` is read where it is not computed")
            elif op not in needed:
                needed.add(op)
                pending.extend(operand for operand in op.operands if operand not in given)
        return needed


def _operand(op: Op) -> Value:
    if len(op.inputs) != 1:
        raise _BrokenLoopError(f"`{op.name}` has {len(op.inputs)} operands")
    return op.inputs[0]


def _merges_iterations(op: Op) -> bool:
    return any(value.producer.kind in NEXTS for value in op.inputs)
