"""Lower TensorFlow: every op becomes ops of the canonical dialect, and shape arithmetic becomes numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from modelc.diagnostics.diagnostic import Diagnostic, Sink, finding
from modelc.dialects.lookup import is_pure
from modelc.dialects.tf.registry import TfArg, op_def
from modelc.ir.attributes import Attributes, BadAttributeError
from modelc.ir.blob import BlobError
from modelc.ir.graph import Graph
from modelc.ir.model import Model
from modelc.ir.op import Op, Value
from modelc.ir.opdef import InferenceError
from modelc.ir.types import CONTROL, TensorType
from modelc.ir.verify import BACK_EDGES
from modelc.pipeline.facts import FROZEN, GE, INFERENCE_ONLY, INLINED, LIFTED, TYPED
from modelc.pipeline.passes import Pass, PassContext
from modelc.rewrite.rewriter import Rewriter
from modelc_passes.infer_types import type_mismatch
from modelc_passes.lower_tf.control import CONTROL_KINDS, ControlLowering
from modelc_passes.lower_tf.longtail import lower_by_data
from modelc_passes.lower_tf.site import Site, UnsupportedFormError
from modelc_passes.lower_tf.table import Lowered, lowering
from modelc_passes.lower_tf.unknown import unknown_ops
from modelc_passes.shared.common import counted, drop_functions


@dataclass(frozen=True)
class LowerTf(Pass):
    """Turn every TensorFlow op into ops of the canonical dialect, and shape arithmetic into numbers.

    Types are inferred on the way. An op without a counterpart stays as it is and is reported; so is one in a form
    that the target lacks, one whose operands do not fit, and one whose shape would have to be known.
    """

    name: ClassVar[str] = "lower-tf"
    needs: ClassVar[frozenset[str]] = frozenset({INLINED, FROZEN, INFERENCE_ONLY})
    gives: ClassVar[frozenset[str]] = frozenset({GE, TYPED})
    breaks: ClassVar[frozenset[str]] = frozenset({LIFTED})

    def run(self, model: Model, context: PassContext) -> None:
        """Lower the entry, and with it the functions that its control flow names."""
        work = _Lowering(model, context.sink)
        pending = [work.walk(model.graph)]
        while pending:
            nested = next(pending[-1], None)
            if nested is None:
                pending.pop()
            else:
                pending.append(work.walk(nested))
        work.report()
        drop_functions(model)


@dataclass(slots=True)
class _Problem:
    """An op that was left as it is; nothing but its type is known of one without a finding."""

    op: Op
    finding: Diagnostic | None


@dataclass(slots=True)
class _Lowering:
    """One run of the pass.

    Attributes:
        problems: The ops that could not be lowered.
        tainted: Values about which little is known because of such an op; what reads them is not reported again.
    """

    model: Model
    sink: Sink
    problems: list[_Problem] = field(default_factory=list["_Problem"])
    tainted: set[Value] = field(default_factory=set[Value])
    control: ControlLowering = field(init=False)

    def __post_init__(self) -> None:
        self.control = ControlLowering(self.model.functions, lambda: len(self.problems), self._rewind)

    def walk(self, graph: Graph) -> Iterator[Graph]:
        """Lower `graph` in order; yields the nested graphs that have to be lowered in between."""
        _drop_orders(graph)
        _drop_unread(graph)
        rewriter = Rewriter(graph, LowerTf.name)
        for op in graph:
            if op.dialect != "tf":
                continue
            rewriter.created.clear()
            site = Site(op, rewriter.at(op))
            try:
                if op.kind in CONTROL_KINDS:
                    lowered = yield from self.control.lower(site)
                else:
                    lowered = _lowered(site)
                self._replace(site, lowered)
            except _FAILURES as error:
                self._leave(site, error)

    def report(self) -> None:
        """Put what was found into the sink."""
        alive = [problem for problem in self.problems if problem.op.graph is not None]
        known = {diagnostic.code for diagnostic in self.sink}
        for problem in alive:
            # What an unknown input shape or a missing weight leads to is not said again.
            if problem.finding is not None and not known & _CAUSES.get(problem.finding.code, frozenset()):
                self.sink.add(problem.finding)
        self.sink.extend(list(unknown_ops((p.op for p in alive if p.finding is None), self.sink)))

    def _rewind(self, mark: object) -> None:
        assert isinstance(mark, int)
        del self.problems[mark:]

    # -- one op

    def _replace(self, site: Site, lowered: Lowered) -> None:
        op, created = site.op, set(site.rw.created)
        values = (lowered,) if isinstance(lowered, Value) else lowered
        results = [value for value in op.results if value.type is not CONTROL]
        is_tainted = any(value in self.tainted for value in site.op.inputs)
        _check_results(results, values)
        for old, new in zip(results, values, strict=False):
            if new is None:
                continue
            _complete(site.rw, old, new)
            if is_tainted and not (isinstance(new.type, TensorType) and new.type.is_static):
                self.tainted.add(new)
            if new.producer in created and old.name:
                site.rw.graph.set_name(new, old.name)
            site.rw.replace_value(old, new)
        producers = [value.producer for value in op.inputs]
        site.rw.erase(op)
        _clean(site.rw, producers)

    def _leave(self, site: Site, error: Exception) -> None:
        _clean(site.rw, ())
        is_tainted = any(value in self.tainted for value in site.op.inputs)
        self.tainted.update(site.op.results)
        if not is_tainted or isinstance(error, _UnknownOpError):
            self.problems.append(_Problem(site.op, _finding(site.op, error)))


class _UnknownOpError(Exception):
    """The Graph Engine has no such op."""


_CAUSES = {"MC303": frozenset({"MC202", "MC111", "MC112"}), "MC111": frozenset({"MC111", "MC112"})}
_FAILURES = (
    _UnknownOpError,
    UnsupportedFormError,
    InferenceError,
    BadAttributeError,
    BlobError,
    ArithmeticError,
    LookupError,
    MemoryError,
    TypeError,
    ValueError,
)


def _lowered(site: Site) -> Lowered:
    _check_form(site)
    function = lowering(site.op_type)
    lowered = lower_by_data(site) if function is None else function(site)
    if lowered is None:
        raise _UnknownOpError
    return lowered


def _check_form(site: Site) -> None:
    """Refuse an op with another number of operands or results than its attributes say."""
    declared = op_def(site.op_type)
    if declared is None:
        return
    wanted, given = _count(declared.inputs, site.op.attributes), len(site.inputs)
    if wanted not in (None, given):
        raise UnsupportedFormError(f"has {counted(given, 'operand')}, {site.op_type} takes {wanted}")
    wanted, given = _count(declared.outputs, site.op.attributes), sum(v.type is not CONTROL for v in site.op.results)
    if wanted not in (None, given):
        raise UnsupportedFormError(f"has {counted(given, 'result')}, {site.op_type} gives {wanted}")


def _count(arguments: Sequence[TfArg], attributes: Attributes) -> int | None:
    total = 0
    for argument in arguments:
        number: object = 1 if argument.number_attr is None else attributes.get(argument.number_attr)
        if argument.list_attr is not None:
            listed = attributes.get(argument.list_attr)
            number = len(listed) if isinstance(listed, tuple) else None
        if not isinstance(number, int):
            return None
        total += number
    return total


def _check_results(results: Sequence[Value], values: Sequence[Value | None]) -> None:
    for index, old in enumerate(results):
        if old.readers and (index >= len(values) or values[index] is None):
            raise UnsupportedFormError(f"gives result {index} to an op, which the Graph Engine's form does not have")


def _complete(rewriter: Rewriter, old: Value, new: Value) -> None:
    """State the element type that TensorFlow promises where inference has none."""
    if isinstance(new.type, TensorType) and new.type.element is None and isinstance(old.type, TensorType):
        rewriter.set_type(new, new.type.with_element(old.type.element))


def _clean(rewriter: Rewriter, producers: Sequence[Op]) -> None:
    """Erase what was made or needed for an op and has no readers after all."""
    for op in reversed(rewriter.created):
        if op.graph is not None and not any(value.readers for value in op.results):
            rewriter.erase(op)
    pending = list(producers)
    while pending:
        op = pending.pop()
        if op.graph is None or any(value.readers for value in op.results) or not (op.dialect == "tf" or is_pure(op)):
            continue
        pending.extend(value.producer for value in op.operands)
        rewriter.erase(op)


def _finding(op: Op, error: Exception) -> Diagnostic | None:
    name, op_type = op.origin.name or op.name, op.kind.removeprefix("tf.")
    match error:
        case _UnknownOpError():
            return None
        case InferenceError():
            return type_mismatch(op, error)
        case UnsupportedFormError():
            return finding(error.code, f"`{name}` ({op_type}) {error.clause}", op, fixes=error.fixes)
        case BlobError():
            return finding("MC111", f"`{name}` ({op_type}) needs numbers that cannot be read: {error}", op)
    return finding("MC302", f"`{name}` ({op_type}) has a form that cannot be lowered: {error}", op)


# -- before a graph is lowered


def _drop_orders(graph: Graph) -> None:
    """Drop control dependencies: nothing that is left has effects whose order could matter."""
    for op in graph:
        if len(op.inputs) != len(op.operands):
            graph.set_operands(op, op.inputs)
    end = graph.return_op
    kept = [index for index, value in enumerate(end.operands) if value.type is not CONTROL]
    if len(kept) != len(end.operands):
        names = graph.output_names
        graph.set_operands(end, [end.operands[index] for index in kept])
        graph.set_attribute(end, "names", tuple(names[index] for index in kept))


def _drop_unread(graph: Graph) -> None:
    """Erase ops nobody reads once order does not count, so that nothing is said about them."""
    for op in reversed(graph):
        unread = not any(value.readers for value in op.results)
        if unread and op.kind not in ("input", "return") and op.kind not in BACK_EDGES:
            graph.erase(op)
