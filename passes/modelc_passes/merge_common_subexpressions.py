"""Merge common subexpressions: what is computed twice is computed once."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import ClassVar

from modelc.dialects.lookup import op_def
from modelc.ir.blob import Blob
from modelc.ir.graph import Graph
from modelc.ir.op import Op
from modelc.ir.opdef import COMMUTATIVE, PURE, RANDOM
from modelc.ir.origin import LIMIT, merge
from modelc.pipeline.facts import GE
from modelc.pipeline.passes import GraphPass, PassContext
from modelc_passes.shared.keys import attributes_key

# Ops whose two operands may change places; the traits of a definition add to these.
SYMMETRIC = frozenset(
    f"ge.{name}"
    for name in (
        *("Add", "Mul", "Maximum", "Minimum", "Equal", "NotEqual", "SquaredDifference"),
        *("LogicalAnd", "LogicalOr", "BitwiseAnd", "BitwiseOr", "BitwiseXor"),
    )
)


@dataclass(frozen=True)
class MergeCommonSubexpressions(GraphPass):
    """Merge ops of one kind with the same operands and attributes, and constants with the same bytes."""

    name: ClassVar[str] = "merge-common-subexpressions"
    needs: ClassVar[frozenset[str]] = frozenset({GE})

    def run_on(self, graph: Graph, context: PassContext) -> None:
        """Merge in order, so that operands are merged before what reads them."""
        first: dict[Hashable, Op] = {}
        for op in graph:
            key = _key(op)
            if key is None:
                continue
            kept = first.setdefault(key, op)
            if kept is not op:
                self._merge(graph, kept, op)

    def _merge(self, graph: Graph, kept: Op, op: Op) -> None:
        for old, new in zip(op.results, kept.results, strict=True):
            graph.replace_uses(old, new)
        if op.kind != "const" and len(kept.origin.nodes) < LIMIT:
            graph.set_origin(kept, merge((kept.origin, op.origin), self.name))
        graph.erase(op)


def _key(op: Op) -> Hashable | None:
    """Return what `op` shares with all ops that compute the same, None where it must stay for itself."""
    if op.kind == "const":
        blob = op.attributes.get("value")
        return ("const", op.result.type, blob.key) if isinstance(blob, Blob) else None
    definition = op_def(op.kind)
    if definition is None or op.graphs or PURE not in definition.traits or RANDOM in definition.traits:
        return None
    operands: tuple[object, ...] = op.operands
    if len(operands) == 2 and (op.kind in SYMMETRIC or COMMUTATIVE in definition.traits):
        operands = tuple(sorted(operands, key=id))
    types = tuple(value.type for value in op.results)
    return (op.kind, operands, types, attributes_key(op.attributes))
