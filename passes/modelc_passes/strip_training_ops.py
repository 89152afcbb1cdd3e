"""Strip training ops: what is left is what inference computes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from modelc.diagnostics.diagnostic import Diagnostic, Fix, Sink, finding
from modelc.ir.attributes import ShapeAttribute
from modelc.ir.graph import Graph
from modelc.ir.model import Model
from modelc.ir.op import Op
from modelc.ir.types import CONTROL, Shape, TensorType, format_shape
from modelc.pipeline.facts import FROZEN, INFERENCE_ONLY
from modelc.pipeline.passes import Pass, PassContext, option
from modelc.rewrite.rewriter import Rewriter
from modelc_passes.shared.common import SHOWN, Reach, erase_unreachable, keep_outputs, names_of, reach, tf_type
from modelc_passes.shared.dropout import find_dropouts
from modelc_passes.shared.policy import FORWARD, Family, family_of

BATCH_NORMS = frozenset({"tf.FusedBatchNorm", "tf.FusedBatchNormV2", "tf.FusedBatchNormV3"})


@dataclass(slots=True)
class _Found:
    """Ops that are worth a finding, and how they are reached."""

    families: dict[Family, list[tuple[Op, str]]] = field(default_factory=dict[Family, list[tuple[Op, str]]])
    batch_norms: list[Op] = field(default_factory=list[Op])
    dropouts: list[Op] = field(default_factory=list[Op])

    def add(self, entry: Family, op: Op, reached: Reach) -> None:
        """Note an op; the way to an output is only worked out for the first of a family."""
        group = self.families.setdefault(entry, [])
        group.append((op, "" if group else reached.path(op)))


@dataclass(frozen=True)
class StripTrainingOps(Pass):
    """Remove what only training needs, and report what cannot be removed.

    Copies, checks, prints and summaries go; dropout becomes its input; the order in which ops run is forgotten, since
    nothing with effects is left. Ops that compute gradients, update weights, load data or work on text are findings
    when an output depends on them, one for each family.
    """

    name: ClassVar[str] = "strip-training-ops"
    needs: ClassVar[frozenset[str]] = frozenset({FROZEN})
    gives: ClassVar[frozenset[str]] = frozenset({INFERENCE_ONLY})

    use_statistics: bool = option(False, "let batch normalizations in training mode use their stored statistics")

    def run(self, model: Model, context: PassContext) -> None:
        """Strip the entry and every graph nested in it."""
        found = _Found()
        for graph in list(model.graph.walk()):
            self._strip(graph, found, context.sink)
        for graph in model.graph.walk():
            _classify(graph, found)
        _report(found, context.sink)

    def _strip(self, graph: Graph, found: _Found, sink: Sink) -> None:
        erase_unreachable(graph)
        _note_effects(graph, found)
        _forget_orders(graph)
        rewriter = Rewriter(graph, self.name)
        for op in graph:
            entry = family_of(op)
            if entry is not None and entry.action == FORWARD:
                _forward(op, rewriter, sink)
            elif op.kind in BATCH_NORMS and op.attributes.get("is_training", True) and self.use_statistics:
                _use_statistics(op, rewriter)
        for dropout in find_dropouts(graph):
            rewriter.replace_value(dropout.op.results[0], dropout.kept)
            found.dropouts.append(dropout.op)
        erase_unreachable(graph)


# -- removing


def _note_effects(graph: Graph, found: _Found) -> None:
    """Note the ops that an output waits for although it does not read them."""
    reached, read = reach(graph), reach(graph, orders=False)
    for op in graph:
        entry = family_of(op)
        if entry is not None and entry.effect and op in reached and op not in read:
            found.add(entry, op, reached)


def _forget_orders(graph: Graph) -> None:
    end = graph.return_op
    keep_outputs(graph, [index for index, value in enumerate(end.operands) if value.type is not CONTROL])
    for op in graph:
        if op.operands and op.operands[-1].type is CONTROL:
            graph.set_operands(op, op.inputs)
    for op in graph:
        if op.results and op.results[-1].type is CONTROL:
            graph.drop_result(op)


def _forward(op: Op, rewriter: Rewriter, sink: Sink) -> None:
    """Let everybody who reads `op` read its operands instead."""
    pairs = list(zip(op.results, op.inputs, strict=False)) if op.kind == "tf.IdentityN" else []
    if not pairs and op.inputs and op.results:
        pairs = [(op.results[0], op.inputs[0])]
    if any(value.readers for value in op.results[len(pairs) :]):
        return
    if op.kind == "tf.EnsureShape" and op.inputs:
        _check_shape(op, sink)
    for result, operand in pairs:
        rewriter.replace_value(result, operand)
    rewriter.erase(op)


def _check_shape(op: Op, sink: Sink) -> None:
    wanted, type_ = op.attributes.get("shape"), op.inputs[0].type
    if not isinstance(wanted, ShapeAttribute) or not isinstance(type_, TensorType):
        return
    if _contradict(type_.shape, wanted.dims):
        sink.add(
            finding(
                "MC301",
                f"`{op.origin.name or op.name}` (EnsureShape) demands the shape {format_shape(wanted.dims)} of "
                f"`{op.inputs[0].name}`, which is {type_}",
                op,
                evidence=[("demanded", format_shape(wanted.dims)), ("found", format_shape(type_.shape))],
            )
        )


def _contradict(first: Shape, second: Shape) -> bool:
    if first is None or second is None:
        return False
    pairs = zip(first, second, strict=False)
    return len(first) != len(second) or any(isinstance(a, int) and isinstance(b, int) and a != b for a, b in pairs)


def _use_statistics(op: Op, rewriter: Rewriter) -> None:
    if _has_statistics(op) and not any(value.readers for value in op.results[1:]):
        rewriter.set_attribute(op, "is_training", False)


def _has_statistics(op: Op) -> bool:
    """Whether mean and variance are constants of the graph; in training mode they usually are empty."""
    statistics = op.inputs[3:5]
    return len(statistics) == 2 and all(
        value.producer.kind == "const" and isinstance(value.type, TensorType) and value.type.shape not in ((0,), None)
        for value in statistics
    )


# -- reporting


def _classify(graph: Graph, found: _Found) -> None:
    reached = reach(graph)
    for op in graph:
        entry = family_of(op)
        if entry is not None and entry.code and entry.action not in (FORWARD,):
            found.add(entry, op, reached)
        elif op.kind in BATCH_NORMS and op.attributes.get("is_training", True):
            found.batch_norms.append(op)


def _report(found: _Found, sink: Sink) -> None:
    for entry, group in found.families.items():
        sink.add(_family_finding(entry, [op for op, _ in group], group[0][1]))
    if found.batch_norms:
        sink.add(_batch_norm_finding(found.batch_norms))
    if found.dropouts:
        count = len(found.dropouts)
        what = f"dropout `{found.dropouts[0].origin.name}`" if count == 1 else f"{count} dropouts"
        sink.add(
            finding(
                "MC222",
                f"{what} left out: inference keeps every element",
                found.dropouts[0],
                evidence=[("ops", names_of(found.dropouts))],
            )
        )


def _family_finding(entry: Family, ops: Sequence[Op], way: str) -> Diagnostic:
    subject = f"`{ops[0].origin.name or ops[0].name}` ({tf_type(ops[0])}), an {entry.what},"
    if len(ops) > 1:
        subject += f" and {len(ops) - 1} more"
    verb = "is" if len(ops) == 1 else "are"
    evidence = [("ops", names_of(ops)), ("op types", _types_of(ops)), ("way to the output", way)]
    reason = f": {entry.why}" if entry.why else ""
    return finding(
        entry.code,
        f"{subject} {verb} on the way to an output{reason}",
        ops[0],
        evidence=evidence,
        fixes=entry.fixes,
    )


def _types_of(ops: Iterable[Op]) -> str:
    return ", ".join(list(dict.fromkeys(map(tf_type, ops)))[:SHOWN])


def _batch_norm_finding(ops: Sequence[Op]) -> Diagnostic:
    stored = [op for op in ops if _has_statistics(op)]
    more = f" and {len(ops) - 1} more" if len(ops) > 1 else ""
    fixes = [Fix("build the model with training=False and export it again")]
    if len(stored) == len(ops):
        fixes.append(Fix("use the stored statistics: give strip-training-ops the option use-statistics=true"))
    return finding(
        "MC210",
        f"batch normalization `{ops[0].origin.name or ops[0].name}`{more} in training mode: "
        "it takes mean and variance from the batch",
        ops[0],
        evidence=[
            ("ops", names_of(ops)),
            ("stored mean and variance", f"constants of {len(stored)} of {len(ops)}"),
        ],
        fixes=fixes,
    )
