"""Passes with faults that pass authors make, for the tests of what finds and shrinks them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from modelc.diagnostics.diagnostic import finding
from modelc.ir.graph import Graph
from modelc.ir.model import Model
from modelc.ir.op import Op
from modelc.pipeline.facts import GE, TYPED
from modelc.pipeline.manager import Fixpoint
from modelc.pipeline.passes import Check, GraphPass, Pass, PassContext
from modelc.rewrite.driver import RulePass
from modelc.rewrite.rewriter import Rewriter
from modelc.rewrite.rules import Miss, RuleSet, rule


@rule("ge.Relu6", name="drop-bias-before-relu6")
def drop_bias_before_relu6(op: Op, rw: Rewriter) -> Miss | None:
    """Forget the bias of a convolution that is followed by a Relu6."""
    conv = op.operands[0].producer
    if conv.kind != "ge.Conv2D" or len(conv.operands) != 3:
        return Miss("it does not follow a convolution with bias")
    rw.at(op, conv, op)
    bare = rw.build(conv.kind, conv.operands[:2], dict(conv.attributes), types=[conv.result.type])
    rw.replace(op, rw.build(op.kind, [bare.result], dict(op.attributes), types=[op.result.type]).result)
    return None


@rule("ge.Relu6", name="relu6-to-relu")
def relu6_to_relu(op: Op, rw: Rewriter) -> Miss | None:
    """Take Relu6 for Relu, as if nothing ever reached 6."""
    rw.replace(op, rw.value("ge.Relu", op.operands))
    return None


@rule("ge.Sub", name="swap-sub")
def swap_sub(op: Op, rw: Rewriter) -> Miss | None:
    """Take a difference for a sum with a negative, and negate the wrong side."""
    minus = rw.value("ge.Neg", [op.operands[0]])
    rw.replace(op, rw.value("ge.Add", [op.operands[1], minus]))
    return None


@dataclass(frozen=True)
class DropBias(RulePass):
    """Drop the bias of convolutions before Relu6, which is wrong."""

    name: ClassVar[str] = "drop-bias"
    needs: ClassVar[frozenset[str]] = frozenset({GE, TYPED})
    rules: ClassVar[RuleSet] = RuleSet([drop_bias_before_relu6])


@dataclass(frozen=True)
class PlainRelu(RulePass):
    """Leave one kind of Relu, which is wrong for large numbers only."""

    name: ClassVar[str] = "plain-relu"
    needs: ClassVar[frozenset[str]] = frozenset({GE, TYPED})
    rules: ClassVar[RuleSet] = RuleSet([relu6_to_relu])


@dataclass(frozen=True)
class SwapSub(RulePass):
    """Rewrite differences with their operands swapped, which is wrong."""

    name: ClassVar[str] = "swap-sub"
    needs: ClassVar[frozenset[str]] = frozenset({GE, TYPED})
    rules: ClassVar[RuleSet] = RuleSet([swap_sub])


@dataclass(frozen=True)
class FaultyGroup(Pass):
    """Run passes until nothing changes, one of them a wrong one."""

    name: ClassVar[str] = "faulty-group"
    needs: ClassVar[frozenset[str]] = frozenset({GE, TYPED})

    def run(self, model: Model, context: PassContext) -> None:
        """Run the wrong one among others."""
        Fixpoint((KeepMul(), SwapSub(), KeepMul())).run(model, context)


@dataclass(frozen=True)
class KeepMul(GraphPass):
    """Swap the factors of every product whose first is the older one, which is right."""

    name: ClassVar[str] = "keep-mul"

    def run_on(self, graph: Graph, context: PassContext) -> None:
        """Give every product a name, as an edit without consequence."""
        for op in graph:
            if op.kind == "ge.Mul" and not op.result.name.endswith("!"):
                graph.set_operands(op, op.operands[::-1])
                graph.set_name(op.result, f"{op.result.name}!")


@dataclass(frozen=True)
class Quantize(GraphPass):
    """Multiply every sigmoid by a number that is not quite one."""

    name: ClassVar[str] = "quantize"
    alters: ClassVar[str] = "numbers are rounded to fewer bits"

    def run_on(self, graph: Graph, context: PassContext) -> None:
        """Put a wrong factor behind each sigmoid."""
        for op in graph:
            if op.kind == "ge.Sigmoid":
                graph.set_attribute(op, "note", "rounded")
                for reader in op.result.users:
                    graph.set_operands(reader, [v if v is not op.result else op.operands[0] for v in reader.operands])


@dataclass(frozen=True)
class DropScale(GraphPass):
    """Take products with constants for copies, on the source dialect, which is wrong."""

    name: ClassVar[str] = "drop-scale"

    def run_on(self, graph: Graph, context: PassContext) -> None:
        """Hand on the first factor."""
        for op in graph:
            if op.kind == "tf.Mul":
                graph.replace_uses(op.results[0], op.operands[0])


class PatternError(Exception):
    """Raised by `crash-on-maximum`."""


@dataclass(frozen=True)
class CrashOnMaximum(GraphPass):
    """Fail at a maximum that follows a product."""

    name: ClassVar[str] = "crash-on-maximum"

    def run_on(self, graph: Graph, context: PassContext) -> None:
        """Raise where the pattern is."""
        for op in graph:
            if op.kind == "ge.Maximum" and any(value.producer.kind == "ge.Mul" for value in op.operands):
                raise PatternError(op.name)


@dataclass(frozen=True)
class BreakLinks(GraphPass):
    """Leave a sigmoid whose result does not know its readers."""

    name: ClassVar[str] = "break-links"

    def run_on(self, graph: Graph, context: PassContext) -> None:
        """Clear the readers behind the back of the graph."""
        for op in graph:
            if op.kind == "ge.Sigmoid":
                graph.set_name(op.result, "broken")
                op.result.readers.clear()


@dataclass(frozen=True)
class HangWithoutSoftmax(GraphPass):
    """Work for ever where there is no softmax, and fail otherwise."""

    name: ClassVar[str] = "hang-without-softmax"

    def run_on(self, graph: Graph, context: PassContext) -> None:
        """Raise or go on and on."""
        while not any(op.kind == "ge.SoftmaxV2" for op in graph):
            continue
        raise PatternError(graph.name)


@dataclass(frozen=True)
class NoTanh(Check):
    """A hyperbolic tangent must not read a maximum."""

    name: ClassVar[str] = "no-tanh"

    def run(self, model: Model, context: PassContext) -> None:
        """Report each."""
        for op in model.ops():
            if op.kind == "ge.Tanh" and op.operands[0].producer.kind == "ge.Maximum":
                context.sink.add(finding("MC302", f"`{op.name}` reads a maximum", op))
