"""Switch and Merge whose predicate is not known: both branches are computed, and one result is selected."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from modelc.diagnostics.diagnostic import Diagnostic, Fix, Sink, finding
from modelc.ir.attributes import Attribute
from modelc.ir.graph import Graph
from modelc.ir.op import Op, Value
from modelc.ir.types import BOOL, CONTROL, I32, TensorType, tensor
from modelc.rewrite.rewriter import Rewriter
from modelc_passes.control_flow.dead_branches import MERGES, SWITCHES
from modelc_passes.shared.common import erase_unreachable, hand_on_orders, typed

Condition: TypeAlias = tuple[Value, bool]
Context: TypeAlias = frozenset[Condition]  # what must hold for a value to be computed

ALWAYS: Context = frozenset()
LOOPS = frozenset({"tf.Enter", "tf.RefEnter", "tf.NextIteration", "tf.RefNextIteration"})


def select_branches(graph: Graph, sink: Sink, rule: str) -> None:
    """Replace each Merge of two branches of one predicate in `graph` by a selection, and drop the Switches."""
    if any(op.kind in SWITCHES or op.kind in MERGES for op in graph):
        _Selector(graph, rule, sink).run()
        erase_unreachable(graph)


@dataclass(slots=True)
class _Selector:
    """Follows under which conditions values are computed, producers first."""

    graph: Graph
    rule: str
    sink: Sink
    contexts: dict[Value, Context] = field(default_factory=dict[Value, Context])
    switches: list[Op] = field(default_factory=list[Op])

    def run(self) -> None:
        """Go over the graph once."""
        for op in self.graph:
            if op.kind in MERGES and not _is_loop_header(op):
                self._merge(op)
            elif op.kind in SWITCHES and not _is_loop_switch(op):
                self._switch(op)
            elif op.kind != "return":
                self._follow(op, self._context(op))
        for op in self.switches:
            for value in op.results[:2]:
                self.graph.replace_uses(value, op.inputs[0])
            hand_on_orders(op)

    def _context(self, op: Op) -> Context:
        context = ALWAYS
        for value in op.operands:
            found = self.contexts.get(value)
            if found and not found <= context:
                context |= found
        return context

    def _follow(self, op: Op, context: Context) -> None:
        if context:
            self.contexts.update(dict.fromkeys(op.results, context))

    def _switch(self, op: Op) -> None:
        self.switches.append(op)
        context = self._context(op)
        root, negated = _root(op.inputs[1])
        self._follow(op, context)
        self.contexts[op.results[0]] = context | {(root, negated)}
        self.contexts[op.results[1]] = context | {(root, not negated)}

    def _merge(self, op: Op) -> None:
        choice = _choice(op, self.contexts)
        if choice is None or (not isinstance(op.inputs[0].type, TensorType) and len(set(op.inputs)) > 1):
            self.sink.add(_unresolved(op))
            return
        predicate, is_second, remainder = choice
        rewriter = Rewriter(self.graph, self.rule).at(op)
        value = self._selected(rewriter, op, predicate, is_second)
        rewriter.replace_value(op.results[0], value)
        created = [value]
        if op.results[1].readers:
            created.append(_which(rewriter, op, predicate, is_second))
            rewriter.replace_value(op.results[1], created[-1])
        hand_on_orders(op)
        if remainder:
            self.contexts.update(dict.fromkeys(created, remainder))

    def _selected(self, rewriter: Rewriter, op: Op, predicate: Value, is_second: bool) -> Value:
        first, second = op.inputs
        if first is second:
            return first
        chosen, other = (second, first) if is_second else (first, second)
        # Select demands equal shapes of its branches; SelectV2 would silently broadcast them.
        operands, attributes = (predicate, chosen, other), typed("T", chosen.type)
        return rewriter.build("tf.Select", operands, attributes, types=[op.results[0].type], name=op.name).result


def _choice(op: Op, contexts: Mapping[Value, Context]) -> tuple[Value, bool, Context] | None:
    """Return the predicate that chooses between the operands, whether true means the second, and what else holds."""
    if len(op.inputs) != 2 or sum(value.type is not CONTROL for value in op.results) != 2:
        return None
    first, second = (contexts.get(value, ALWAYS) for value in op.inputs)
    for root, holds in first - second:
        if (root, not holds) in second and first - {(root, holds)} == second - {(root, not holds)}:
            return root, not holds, first - {(root, holds)}
    return None


def _which(rewriter: Rewriter, op: Op, predicate: Value, is_second: bool) -> Value:
    """Return the index of the operand that is merged."""
    if not is_second:
        types = [tensor(BOOL)]
        predicate = rewriter.build("tf.LogicalNot", (predicate,), {}, types=types, name=f"{op.name}/not").result
    attributes: dict[str, Attribute] = {"SrcT": BOOL, "DstT": I32, "Truncate": False}
    return rewriter.build("tf.Cast", (predicate,), attributes, types=[tensor(I32)], name=f"{op.name}/index").result


def _root(predicate: Value) -> tuple[Value, bool]:
    """Return what a predicate is a copy of, and whether it is its opposite."""
    negated = False
    while predicate.producer.kind in ("tf.Identity", "tf.LogicalNot") and predicate.producer.inputs:
        negated ^= predicate.producer.kind == "tf.LogicalNot"
        predicate = predicate.producer.inputs[0]
    return predicate, negated


def _is_loop_header(op: Op) -> bool:
    return any(value.producer.kind in LOOPS for value in op.inputs)


def _is_loop_switch(op: Op) -> bool:
    outcomes = sum(value.type is not CONTROL for value in op.results)
    return len(op.inputs) != 2 or outcomes != 2 or op.inputs[1].producer.kind == "tf.LoopCond"


def _unresolved(op: Op) -> Diagnostic:
    name = op.origin.name or op.name
    operands = ", ".join(f"`{value.name}`" for value in op.inputs)
    return finding(
        "MC218",
        f"`{name}` ({op.kind[3:]}) merges {operands}, which are not the two branches of one condition",
        op,
        fixes=[
            Fix("export the model with TensorFlow 2 control flow (tf.compat.v1.enable_control_flow_v2)"),
            Fix("fix the condition to its value in inference where the model is built"),
        ],
    )
