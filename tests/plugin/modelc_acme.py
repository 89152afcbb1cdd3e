"""An example plugin: an op `acme.Swish`, a pass that finds it in a graph, and a check on the size of constants."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from modelc.diagnostics.diagnostic import Fix, Severity, finding
from modelc.ir.graph import Graph
from modelc.ir.model import Model
from modelc.ir.op import Op
from modelc.ir.opdef import PURE, Dialect, OpDef, Slot
from modelc.ir.types import TensorType, Type
from modelc.pipeline.facts import GE
from modelc.pipeline.passes import Check, GraphPass, PassContext, option
from modelc.rewrite.rewriter import Rewriter


def _infer(op: Op) -> Sequence[Type]:
    return [op.operands[0].type]


def _evaluate(op: Op, arrays: Sequence[NDArray[Any]]) -> Sequence[NDArray[Any]]:
    x = arrays[0]
    return [x / (1 + np.exp(-x))]


SWISH = OpDef("acme.Swish", (Slot("x"),), (Slot("y"),), traits=frozenset({PURE}), infer=_infer, evaluate=_evaluate)
DIALECT = Dialect("acme", {"Swish": SWISH}.get, lambda: ("Swish",))


@dataclass(frozen=True)
class FuseSwish(GraphPass):
    """Replace x * sigmoid(x) by one op."""

    name: ClassVar[str] = "fuse-swish"
    needs: ClassVar[frozenset[str]] = frozenset({GE})

    def run_on(self, graph: Graph, context: PassContext) -> None:
        """Fuse wherever a product has the sigmoid of its other factor as a factor."""
        rewriter = Rewriter(graph, self.name)
        for op in graph:
            if op.kind != "ge.Mul":
                continue
            for x, gate in (op.operands, op.operands[::-1]):
                sigmoid = gate.producer
                if sigmoid.kind == "ge.Sigmoid" and sigmoid.operands[0] is x:
                    fused = rewriter.at(op, op, sigmoid).value(SWISH.kind, [x], name=op.name)
                    rewriter.replace(op, fused)
                    rewriter.erase_dead(sigmoid)
                    break


@dataclass(frozen=True)
class LargeConstant(Check):
    """A constant should not be larger than the limit."""

    name: ClassVar[str] = "large-constant"
    max_bytes: int = option(1 << 20, "largest constant that passes")

    def run(self, model: Model, context: PassContext) -> None:
        """Report every constant above the limit."""
        for op in model.ops():
            type_ = op.results[0].type if op.kind == "const" else None
            if isinstance(type_, TensorType) and type_.nbytes > self.max_bytes:
                message = f"constant `{op.name}` has {type_.nbytes} bytes, the limit is {self.max_bytes}"
                fix = Fix("store it in another element type")
                context.sink.add(finding("MC118", message, op, severity=Severity.WARNING, fixes=[fix]))
