"""Loops with a known number of steps are written out step by step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from modelc.ir.graph import Graph
from modelc.ir.op import Op, Value
from modelc.ir.types import CONTROL, VARIANT
from modelc.rewrite.rewriter import Rewriter
from modelc_passes.shared.common import WHILE_KINDS, copy_ops, hand_on_orders, label, tf_type, under
from modelc_passes.shared.known import Known, Maybe
from modelc_passes.shared.policy import has_effect

SMALL = 2_000  # ops a loop may become where it could as well stay a loop
LARGE = 200_000  # ops a loop may become where it carries lists of tensors, which nothing else can resolve
COUNTERS = 16  # loop variables that may decide how often a loop runs
LISTS = ("TensorList", "TensorArray", "EmptyTensorList")


@dataclass(slots=True)
class Unroller:
    """Writes loops out, within a limit for all of them together.

    Attributes:
        rule: Name of the pass at work.
        left: Ops that may still be made.
    """

    rule: str
    left: int = LARGE

    def unroll(self, graph: Graph) -> bool:
        """Write out the loops of `graph`, also those that appear thereby; returns whether there were any."""
        changed = False
        op = graph.first
        while op is not None:
            previous, following = op.previous, op.next
            if op.kind in WHILE_KINDS and len(op.graphs) == 2 and previous is not None and self._unroll(op):
                following, changed = previous.next, True
            op = following
        return changed

    def _unroll(self, op: Op) -> bool:
        body = op.graphs[1]
        limit = min(self.left, LARGE if _has_lists(op) else SMALL) // max(1, len(body) - 2)
        steps = _count_steps(op, limit)
        if steps is None or any(has_effect(each) for graph in op.graphs for nested in graph.walk() for each in nested):
            return False
        self.left -= steps * len(body)
        values = list(op.inputs)
        rewriter = Rewriter(body, self.rule).at(op)
        for step in range(steps):
            stand_ins = dict(zip(body.inputs, values, strict=True))
            copy_ops(body, stand_ins, rewriter.insert, under(f"{label(op)}/step_{step}"))
            values = [stand_ins[value] for value in body.outputs if value.type is not CONTROL]
        for old, new in zip(op.results, values, strict=False):
            rewriter.replace_value(old, new)
        hand_on_orders(op)
        rewriter.erase(op)
        return True


def _has_lists(op: Op) -> bool:
    if any(value.type is VARIANT for value in op.inputs):
        return True
    return any(tf_type(each).startswith(LISTS) for each in op.graphs[1])


def _count_steps(op: Op, limit: int) -> int | None:
    """Return how often a loop runs, None when that is not known or more than `limit` times."""
    cond, body = op.graphs
    count = len(op.inputs)
    results = [value for value in body.outputs if value.type is not CONTROL]
    if not len(cond.inputs) == len(body.inputs) == len(results) == count or not cond.outputs:
        return None
    counters = _counters(cond, body, results)
    if counters is None:
        return None
    known = Known()
    numbers: dict[int, Maybe] = {index: known.of(op.inputs[index]) for index in counters}
    for step in range(limit + 1):
        goes_on = Known(_given(cond, numbers)).truth(cond.outputs[0])
        if goes_on is None:
            return None
        if not goes_on:
            return step
        inner = Known(_given(body, numbers))
        numbers = {index: inner.of(results[index]) for index in counters}
    return None


def _given(graph: Graph, numbers: Mapping[int, Maybe]) -> dict[Value, Maybe]:
    return {value: numbers.get(value.index) for value in graph.inputs}


def _counters(cond: Graph, body: Graph, results: list[Value]) -> set[int] | None:
    """Return the loop variables that decide whether the loop goes on, None when there are many."""
    counters = _sources(cond.outputs[0])
    pending = list(counters)
    while pending:
        if len(counters) > COUNTERS:
            return None
        further = _sources(results[pending.pop()]) - counters
        counters |= further
        pending.extend(further)
    return counters


def _sources(value: Value) -> set[int]:
    """Return the inputs of its graph that `value` depends on."""
    pending, seen = [value], {value}
    found: set[int] = set()
    while pending:
        current = pending.pop()
        if current.producer.kind == "input":
            found.add(current.index)
        fresh = [operand for operand in current.producer.inputs if operand not in seen]
        seen.update(fresh)
        pending.extend(fresh)
    return found
