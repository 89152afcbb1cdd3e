"""Splicing: a graph takes the place of the op that stood for it, and effects keep their order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from modelc.diagnostics.diagnostic import Diagnostic, finding
from modelc.ir.graph import Graph
from modelc.ir.op import Op, Value
from modelc.ir.origin import Origin
from modelc.ir.types import CONTROL
from modelc.rewrite.rewriter import Rewriter
from modelc_passes.shared.common import copy_ops, label, reach_from, tf_type, typed, under
from modelc_passes.shared.policy import has_effect, is_ordered


@dataclass(frozen=True, slots=True)
class Body:
    """A graph that is to take the place of ops.

    Attributes:
        graph: The graph; it is copied, and stays as it is.
        results: What it returns, without the orders.
        waits: The ops in it for which it matters what ran before.
        effects: The ops that must have run before it counts as done.
        untied: Whether some effect is not on the way to any result, so that the results have to be made to wait.
    """

    graph: Graph
    results: tuple[Value, ...]
    waits: tuple[Op, ...]
    effects: tuple[Op, ...]
    untied: bool

    def problem(self, op: Op, arguments: Sequence[Value], name: str) -> Diagnostic | None:
        """Return why this cannot take the place of `op`, None when it can."""
        results = [value for value in op.results if value.type is not CONTROL]
        if len(arguments) == len(self.graph.inputs) and len(results) == len(self.results):
            return None
        return finding(
            "MC301",
            f"`{op.origin.name or op.name}` gives `{name}` {len(arguments)} operands for {len(results)} results, "
            f"which takes {len(self.graph.inputs)} and returns {len(self.results)}",
            op,
        )


def body_of(graph: Graph, hides_effect: Callable[[Op], bool] = lambda op: False) -> Body:
    """Return what there is to know about `graph` before it is spliced in.

    Args:
        graph: The graph.
        hides_effect: Whether an op, such as a call, has effects that do not show in itself.
    """
    end = graph.return_op
    lasting = [op for op in graph if has_effect(op) or hides_effect(op)]
    waits = [op for op in graph if is_ordered(tf_type(op))]
    awaited = [value.producer for value in end.operands if value.type is CONTROL]
    needed = reach_from(end, [value.producer for value in end.inputs])
    return Body(
        graph,
        tuple(value for value in end.operands if value.type is not CONTROL),
        tuple(dict.fromkeys([*waits, *lasting])),
        tuple(dict.fromkeys([*lasting, *awaited])),
        not all(op in needed for op in lasting),
    )


@dataclass(frozen=True, slots=True)
class Place:
    """Where copies come to stand.

    Attributes:
        prefix: What their names begin with, `call/`.
        path: The calls and branches that lead there.
    """

    prefix: str
    path: Origin

    @classmethod
    def of(cls, op: Op) -> Place:
        """Return the place of what stands for `op`."""
        return cls(label(op), op.origin)


def splice(op: Op, body: Body, arguments: Sequence[Value], place: Place, rule: str) -> list[Op]:
    """Put a copy of `body` in the place of `op`; returns the copies.

    Args:
        op: The op; is erased.
        body: What takes its place, checked with `Body.problem`.
        arguments: What stands for its inputs.
        place: How the copies are called.
        rule: Name of the pass at work.
    """
    assert op.graph is not None
    rewriter = Rewriter(op.graph, rule).at(op)
    orders = _one_order(rewriter, op) if body.waits else ()
    values: dict[Value, Value] = dict(zip(body.graph.inputs, arguments, strict=True))
    copies = copy_ops(body.graph, values, rewriter.insert, under(place.prefix), place.path)
    originals = (original for original in body.graph if original.kind not in ("input", "return"))
    twins = dict(zip(originals, copies, strict=True))
    for each in (twins[waiting] for waiting in body.waits if orders):
        rewriter.set_operands(each, (*each.operands, *(value for value in orders if value not in each.operands)))
    results = [values[value] for value in body.results]
    results = _wait_after(rewriter, op, body, [twins[each] for each in body.effects if each in twins], results)
    for old, new in zip(op.results, results, strict=False):
        rewriter.replace_value(old, new)
    rewriter.erase(op)
    return copies


def _one_order(rewriter: Rewriter, op: Op) -> tuple[Value, ...]:
    """Return what `op` waits for as at most one value."""
    orders = op.controls
    if len(orders) <= 1:
        return orders
    return rewriter.build("tf.NoOp", orders, {}, types=[CONTROL], name=f"{label(op)}/before").results


def _wait_after(rewriter: Rewriter, op: Op, body: Body, effects: Sequence[Op], results: list[Value]) -> list[Value]:
    """Let who waits for `op` wait for `effects`; returns the results, made to wait where they must."""
    waited = [value for value in op.results if value.type is CONTROL and value.readers]
    if not waited and not body.untied:
        return results
    orders = dict.fromkeys((*op.controls, *(_done(rewriter, effect) for effect in effects)))
    gate = rewriter.build("tf.NoOp", orders, {}, types=[CONTROL], name=f"{label(op)}/after").result
    for value in waited:
        rewriter.replace_value(value, gate)
    if not body.untied:
        return results
    return [
        rewriter.build("tf.Identity", (value, gate), typed("T", value.type), types=[value.type], name=old.name).result
        for value, old in zip(results, op.results, strict=False)
    ]


def _done(rewriter: Rewriter, op: Op) -> Value:
    """Return the value that says `op` has run."""
    if op.results and op.results[-1].type is CONTROL:
        return op.results[-1]
    return rewriter.graph.add_result(op, CONTROL, f"^{label(op)}")
