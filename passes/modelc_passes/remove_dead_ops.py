"""Remove dead ops: what computes something that nobody reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from modelc.dialects.lookup import is_pure
from modelc.ir.graph import Graph
from modelc.pipeline.passes import GraphPass, PassContext


@dataclass(frozen=True)
class RemoveDeadOps(GraphPass):
    """Erase ops without effects whose results nobody reads."""

    name: ClassVar[str] = "remove-dead-ops"

    def run_on(self, graph: Graph, context: PassContext) -> None:
        """Erase from the end, so that one sweep finds everything."""
        for op in reversed(graph):
            if not any(value.readers for value in op.results) and is_pure(op):
                graph.erase(op)
