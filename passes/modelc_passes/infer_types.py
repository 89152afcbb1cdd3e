"""Infer types: what follows for every value from the types of the inputs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import ClassVar

from modelc.diagnostics.diagnostic import Diagnostic, Sink, finding
from modelc.dialects.lookup import op_def
from modelc.ir.blob import BlobError
from modelc.ir.graph import Graph
from modelc.ir.model import Model
from modelc.ir.op import Op, Value
from modelc.ir.opdef import InferenceError
from modelc.ir.types import CONTROL, TensorType, Type, is_refinement
from modelc.pipeline.facts import GE, TYPED
from modelc.pipeline.passes import Pass, PassContext

SHOWN = 8  # operands whose types a finding lists


@dataclass(frozen=True)
class InferTypes(Pass):
    """Infer the type of every value from the types of the inputs, and report operands that do not fit."""

    name: ClassVar[str] = "infer-types"
    needs: ClassVar[frozenset[str]] = frozenset({GE})
    gives: ClassVar[frozenset[str]] = frozenset({TYPED})

    def run(self, model: Model, context: PassContext) -> None:
        """Infer in order, a nested graph when the op that holds it is reached."""
        work = _Inference(context.sink)
        pending = [work.walk(model.graph)]
        while pending:
            nested = next(pending[-1], None)
            if nested is None:
                pending.pop()
            else:
                pending.append(work.walk(nested))


def type_mismatch(op: Op, error: Exception) -> Diagnostic:
    """Return the finding that the operands of `op` do not fit it."""
    name = op.origin.name or op.name
    evidence = [(operand_name(value), str(value.type)) for value in op.inputs[:SHOWN]]
    return finding("MC301", f"`{name}` ({source_type(op)}) does not fit its operands: {error}", op, evidence=evidence)


def operand_name(value: Value) -> str:
    """Return the name by which the user knows `value`."""
    return value.name or value.producer.origin.name or value.producer.name


def source_type(op: Op) -> str:
    """Return what the source model calls the operation of `op`."""
    return op.origin.nodes[0].op_type if op.origin.nodes else op.kind.partition(".")[2] or op.kind


@dataclass(slots=True)
class _Inference:
    sink: Sink
    poisoned: set[Value] = field(default_factory=set[Value])  # results of ops that were reported, and what reads them

    def walk(self, graph: Graph) -> Iterator[Graph]:
        """Infer every op of `graph`; yields each nested graph before the op that holds it."""
        for op in graph:
            for nested in op.graphs:
                _pass_types(op, nested)
                yield nested
            self._infer(op)

    def _infer(self, op: Op) -> None:
        definition = op_def(op.kind)
        reported = any(value in self.poisoned for value in op.operands)
        if definition is None or definition.infer is None or op.kind in ("const", "input", "return"):
            self._poison(op, reported)
            return
        try:
            types = definition.infer(op)
        except InferenceError as error:
            if not reported and _operands_known(op):
                self.sink.add(type_mismatch(op, error))
            self._poison(op, True)
            return
        except BlobError as error:
            self.sink.add(finding("MC111", f"`{op.origin.name or op.name}` cannot be typed: {error}", op))
            self._poison(op, True)
            return
        for value, type_ in zip(op.results, types, strict=False):
            _state(op, value, type_)
        self._poison(op, reported)

    def _poison(self, op: Op, reported: bool) -> None:
        if reported:
            self.poisoned.update(op.results)


def _operands_known(op: Op) -> bool:
    # An operand without an element type comes from an op that was reported before, or that nobody knows.
    return all(not isinstance(value.type, TensorType) or value.type.element is not None for value in op.inputs)


def _state(op: Op, value: Value, inferred: Type) -> None:
    graph = op.graph
    if graph is None or value.type is CONTROL or is_refinement(value.type, inferred):
        return
    graph.set_type(value, inferred)


def _pass_types(op: Op, nested: Graph) -> None:
    """State the types a branch is given; a loop keeps what holds in every turn."""
    given = op.inputs[len(op.inputs) - len(nested.inputs) :]
    for value, passed in zip(nested.inputs, given, strict=False):
        if is_refinement(passed.type, value.type) and not _is_loop(op):
            nested.set_type(value, passed.type)


def _is_loop(op: Op) -> bool:
    return op.kind.endswith(("While", "For"))
