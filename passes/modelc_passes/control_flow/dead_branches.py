"""Switch and Merge whose predicate is known: the branch that is never taken goes."""

from __future__ import annotations

import numpy as np

from modelc.diagnostics.diagnostic import Fix, Sink, finding
from modelc.ir.graph import Graph
from modelc.ir.op import Op, Value
from modelc.ir.types import CONTROL
from modelc.rewrite.rewriter import Rewriter
from modelc_passes.shared.common import erase_unreachable, hand_on_orders
from modelc_passes.shared.known import Known

SWITCHES = frozenset({"tf.Switch", "tf.RefSwitch"})
MERGES = frozenset({"tf.Merge", "tf.RefMerge"})


def remove_dead_branches(graph: Graph, known: Known, sink: Sink, rule: str) -> None:
    """Resolve each Switch of `graph` whose predicate is known, and each Merge that one operand can reach."""
    if not any(op.kind in SWITCHES or op.kind == "tf._SwitchN" for op in graph):
        return
    _DeadBranches(graph, known, rule).run(sink)
    erase_unreachable(graph)


class _DeadBranches:
    """Marks the values that are never computed, producers first, and rewires what merges them.

    The values a loop carries back count as computed until everything before the loop is known to be dead.
    """

    def __init__(self, graph: Graph, known: Known, rule: str) -> None:
        self.graph = graph
        self.known = known
        self.rewriter = Rewriter(graph, rule)
        self.dead: set[Value] = set()
        self.seen: set[Op] = set()

    def run(self, sink: Sink) -> None:
        """Go over the graph once, then over the loops again."""
        for op in self.graph:
            self._visit(op)
            self.seen.add(op)
        for op in self.graph:
            if op.kind in MERGES and not all(value in self.dead for value in op.results):
                self._merge(op)
        names = self.graph.output_names
        for index, value in enumerate(self.graph.outputs):
            if value in self.dead:
                sink.add(
                    finding(
                        "MC218",
                        f"output `{names[index]}` lies in a branch that is never taken",
                        value,
                        fixes=[Fix("name outputs that inference computes", "--out-nodes")],
                    )
                )

    def _visit(self, op: Op) -> None:
        outcomes = sum(value.type is not CONTROL for value in op.results)
        if op.kind in MERGES and outcomes:
            self._merge(op)
        elif op.kind == "return":
            return
        elif any(value in self.dead for value in op.operands):
            self.dead.update(op.results)
        elif op.kind in SWITCHES and len(op.inputs) == 2 and outcomes == 2:
            self._switch(op, self.known.truth(op.inputs[1]), outcomes)
        elif op.kind == "tf._SwitchN" and len(op.inputs) == 2 and outcomes:
            self._switch(op, self.known.scalar(op.inputs[1]), outcomes)

    def _switch(self, op: Op, taken: float | None, count: int) -> None:
        """Let the branch that is taken read the data itself."""
        if taken is None:
            return
        taken = int(taken) if 0 <= taken < count else count - 1
        self.rewriter.replace_value(op.results[taken], op.inputs[0])
        self.dead.update(value for value in op.results[:count] if value.index != taken)
        hand_on_orders(op)

    def _merge(self, op: Op) -> None:
        data = op.inputs
        earlier = [value for value in data if value.producer in self.seen]
        alive = [value for value in earlier if value not in self.dead]
        if not alive:
            self.dead.update(op.results)
            return
        if len(earlier) < len(data):
            return  # a loop, looked at again when all of it was seen
        if len(alive) == 1:
            self._replace_merge(op, alive[0])
        elif len(alive) < len(data) and not any(value.readers for value in op.results[1:2]):
            self.rewriter.set_operands(op, alive)
            self.rewriter.set_attribute(op, "N", len(alive))

    def _replace_merge(self, op: Op, value: Value) -> None:
        self.rewriter.at(op)
        self.rewriter.replace_value(op.results[0], value)
        if len(op.results) > 1 and op.results[1].readers and op.results[1].type is not CONTROL:
            index = self.rewriter.constant(np.array(op.inputs.index(value), np.int32), name=op.results[1].name)
            self.rewriter.replace_value(op.results[1], index)
        hand_on_orders(op)
