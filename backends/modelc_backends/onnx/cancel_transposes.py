"""Cancel transposes: transpositions move down the graph until they meet their inverse."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from modelc.ir.constants import constant
from modelc.ir.graph import Graph
from modelc.ir.op import Op, Value
from modelc.ir.types import NONE, TensorType
from modelc.pipeline.passes import GraphPass, PassContext
from modelc.rewrite.rewriter import Rewriter
from modelc_backends.onnx.layout.move import RESHAPE, TRANSPOSE, VIEWS, Move, Moved, order_of, view_of
from modelc_backends.onnx.layout.rules import RULES, is_absorbing
from modelc_backends.onnx.lower.site import Site
from modelc_passes.merge_common_subexpressions import MergeCommonSubexpressions
from modelc_passes.remove_dead_ops import RemoveDeadOps


@dataclass(frozen=True)
class CancelTransposes(GraphPass):
    """Move transpositions of ONNX down the graph until they cancel, and into constants.

    A transposition moves behind an op only where something further down undoes, merges or absorbs it, or where the op
    joins several. One that moves no element becomes a change of shape, and changes of shape that follow each other
    become one. A sweep in order does it: whatever an op reads has its final place when the op is looked at.
    """

    name: ClassVar[str] = "cancel-transposes"

    def run_on(self, graph: Graph, context: PassContext) -> None:
        """Work on one graph."""
        if not any(op.kind == TRANSPOSE for op in graph):
            return
        merging = MergeCommonSubexpressions()
        merging.run_on(graph, context)
        wanted, rewriter, moved = _wanted(graph), Rewriter(graph, self.name), Moved()
        for op in graph:
            if op.kind == TRANSPOSE:
                _merge(op, rewriter)
            elif op.kind in RULES and (is_absorbing(op) or _joins(op) or not wanted.isdisjoint(op.results)):
                _move(op, rewriter, moved)
        for op in graph:
            if op.kind == TRANSPOSE:
                _see_as_view(op, rewriter)
            elif op.kind == RESHAPE:
                _merge_views(op, rewriter)
        RemoveDeadOps().run_on(graph, context)
        merging.run_on(graph, context)


def _wanted(graph: Graph) -> set[Value]:
    """Return the values that are transposed somewhere further down, with nothing in between that could not move."""
    wanted: set[Value] = set()
    for op in reversed(graph):
        is_moving = op.kind in RULES and not wanted.isdisjoint(op.results)
        if op.kind == TRANSPOSE or is_moving or is_absorbing(op):
            wanted.update(op.inputs)
    return wanted


def _joins(op: Op) -> bool:
    """Whether one transposition behind `op` does what several before it do, which only `op` reads."""
    given = {value.producer for value in op.inputs if value.producer.kind not in ("const", "absent")}
    return len(given) > 1 and all(each.kind == TRANSPOSE and each.result.only_user() is op for each in given)


def _merge(op: Op, rewriter: Rewriter) -> None:
    """Let a transposition of what is transposed already do both at once, or nothing where one undoes the other."""
    perm, value = order_of(op), op.inputs[0]
    if perm is None:
        return
    before = order_of(value.producer)
    if before is not None:
        value, perm = value.producer.inputs[0], tuple(before[axis] for axis in perm)
    if list(perm) == sorted(perm):
        rewriter.replace(op, value)
    elif before is not None:
        rewriter.set_operand(op, 0, value)
        rewriter.set_attribute(op, "perm", perm)


def _see_as_view(op: Op, rewriter: Rewriter) -> None:
    """Let a transposition that moves no element be a change of shape."""
    perm = order_of(op)
    view = None if perm is None else view_of(op.inputs[0].tensor.shape or (), perm)
    if view is not None:
        new = Site(op, rewriter.at(op)).reshape(op.inputs[0], view)
        rewriter.graph.set_name(new, op.result.name)
        rewriter.set_type(new, op.result.type)  # which may know more, such as the names of dimensions
        rewriter.replace(op, new)
        _merge_views(new.producer, rewriter)


def _merge_views(op: Op, rewriter: Rewriter) -> None:
    """Let a change of shape read what was before other changes of shape, or vanish where it undoes them."""
    x, numbers = op.inputs[0], constant(op.inputs[1])
    if x.producer.kind not in VIEWS or numbers is None or not numbers.all():  # 0 takes over an extent of the operand
        return
    source = x.producer.inputs[0]
    if source.type == op.result.type and source.tensor.is_static:
        rewriter.replace(op, source)
    else:
        rewriter.set_operand(op, 0, source)


def _move(op: Op, rewriter: Rewriter, moved: Moved) -> None:
    orders = [order for value in op.inputs if (order := order_of(value.producer)) is not None]
    if not orders or not all(isinstance(v.type, TensorType) or v.type is NONE for v in (*op.inputs, *op.results)):
        return
    # the order that most operands have already
    RULES[op.kind](Move(op, max(dict.fromkeys(orders), key=orders.count), rewriter, moved))
