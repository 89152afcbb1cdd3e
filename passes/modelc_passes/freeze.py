"""Freeze: variables become constants whose bytes stay in the checkpoint until they are written."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from modelc.diagnostics.diagnostic import Diagnostic, Fix, Severity, Sink, finding
from modelc.ir.attributes import Attribute
from modelc.ir.blob import Blob, MissingBlob
from modelc.ir.graph import Graph
from modelc.ir.model import Model
from modelc.ir.op import Op, Value
from modelc.ir.types import CONTROL, I32, I64, TensorType
from modelc.pipeline.facts import FROZEN, INLINED, RESOLVED
from modelc.pipeline.passes import Pass, PassContext
from modelc.rewrite.rewriter import Rewriter
from modelc_passes.shared.common import (
    WHILE_KINDS,
    counted,
    drop_orders,
    erase_unreachable,
    hand_on_orders,
    keep_inputs,
    keep_outputs,
    listed,
    names_of,
    typed,
)
from modelc_passes.shared.policy import family_of
from modelc_passes.shared.variables import IGNORED, Variable, find_variables, used_ops


@dataclass(frozen=True)
class Freeze(Pass):
    """Turn every variable into a constant that holds its value from the checkpoint.

    The values are not read: a constant is the same range of the same file. What no output depends on goes first, so
    that initialization, saving and optimizer slots are never looked at. A variable that inference itself changes is
    a finding: an error where an output depends on its value, else a warning.
    """

    name: ClassVar[str] = "freeze"
    needs: ClassVar[frozenset[str]] = frozenset({INLINED, RESOLVED})
    gives: ClassVar[frozenset[str]] = frozenset({FROZEN})

    def run(self, model: Model, context: PassContext) -> None:
        """Freeze the entry and every graph nested in it."""
        for graph in model.graph.walk():
            erase_unreachable(graph)
        variables = find_variables(model.graph)
        if not variables:
            return
        used = used_ops(model.graph)
        _report_values(variables, context.sink)
        for variable in variables:
            _report_writes(variable, used, context.sink)
            _report_others(variable, context.sink)
        doomed = {variable: _replaceable(variable) for variable in variables}
        _release(op for ops in doomed.values() for op in ops)
        for variable, ops in doomed.items():
            _replace_reads(variable, ops)
        _erase_plumbing(variables)
        for graph in model.graph.walk():
            erase_unreachable(graph)


# -- findings


def _report_values(variables: Iterable[Variable], sink: Sink) -> None:
    """Report the variables without a value that are read, one finding for each cause."""
    missing: dict[str, list[Variable]] = {}
    for variable in variables:
        if not variable.reads:
            continue
        blob = variable.blob
        if blob is None or isinstance(blob, MissingBlob):
            missing.setdefault(_cause("" if blob is None else blob.problem), []).append(variable)
        elif not variable.type.is_static:
            sink.add(_unknown_shape(variable))
        elif _has_wrong_size(variable.type, blob):
            sink.add(_wrong_size(variable, blob))
    for group in missing.values():
        sink.add(_without_values(group))


def _cause(problem: str) -> str:
    """Return what the variables that one damaged file lacks have in common."""
    shard = re.search(r"shard `[^`]*`", problem)
    return shard[0] if shard else problem


def _without_values(group: Sequence[Variable]) -> Diagnostic:
    blob = group[0].blob
    problem = blob.problem if isinstance(blob, MissingBlob) else ""
    subject = f"variable `{group[0].name}`" if len(group) == 1 else counted(len(group), "variable")
    evidence = [("variables", listed(variable.name for variable in group))]
    if not problem:
        return finding(
            "MC307",
            f"the graph has no value for {subject}, and comes without a checkpoint",
            group[0].ops[0],
            evidence=evidence,
            fixes=[Fix("give the folder of the SavedModel in place of its graph"), Fix("freeze the graph first")],
        )
    return finding(
        "MC112" if "shard" in problem else "MC111",
        f"the value of {subject} cannot be read: {problem}",
        group[0].ops[0],
        evidence=evidence,
        fixes=[Fix("copy the complete `variables` folder of the SavedModel again")],
    )


def _has_wrong_size(type_: TensorType, blob: Blob) -> bool:
    return type_.element is not None and bool(type_.element.nbytes) and type_.nbytes != blob.nbytes


def _wrong_size(variable: Variable, blob: Blob) -> Diagnostic:
    return finding(
        "MC116",
        f"variable `{variable.name}` is {variable.type}, which is {variable.type.nbytes} bytes, "
        f"but the checkpoint holds {blob.nbytes}",
        variable.ops[0],
        evidence=[("variable", str(variable.type)), ("bytes in the checkpoint", str(blob.nbytes))],
        fixes=[Fix("use the checkpoint that was saved with this graph")],
    )


def _unknown_shape(variable: Variable) -> Diagnostic:
    return finding(
        "MC303",
        f"variable `{variable.name}` is {variable.type}: neither the graph nor the checkpoint says its shape",
        variable.ops[0],
        fixes=[Fix("give the variable a fixed shape where the model is built")],
    )


def _report_writes(variable: Variable, used: Collection[Op], sink: Sink) -> None:
    if not variable.writes:
        return
    matters = any(op in used for op in (*variable.reads, *variable.writes))
    consequence = "an artifact keeps no state from one run to the next" if matters else "no output depends on its value"
    first = next(iter(variable.writes))
    sink.add(
        finding(
            "MC306",
            f"variable `{variable.name}` is written at every inference by `{first.origin.name or first.name}` "
            f"({first.kind[3:]}), and {consequence}",
            first,
            severity=Severity.ERROR if matters else Severity.WARNING,
            evidence=[
                ("variable", variable.name),
                ("written by", names_of(variable.writes)),
                ("read by", names_of(variable.reads) or "nothing"),
            ],
            notes=[] if matters else ["the write is left out of the artifact"],
            fixes=[
                Fix("make the state an input and an output of the exported function"),
                Fix("export a signature that writes no variables, such as one with training=False", "--signature"),
            ],
        )
    )


def _report_others(variable: Variable, sink: Sink) -> None:
    others = [op for op in variable.others if not _is_reported_elsewhere(op)]
    if not others:
        return
    sink.add(
        finding(
            "MC307",
            f"variable `{variable.name}` cannot be frozen: `{others[0].origin.name or others[0].name}` "
            f"({others[0].kind.removeprefix('tf.')}) needs the variable itself, not its value",
            variable.ops[0],
            evidence=[("ops", names_of(others))],
        )
    )


def _is_reported_elsewhere(op: Op) -> bool:
    """Whether `op` is a call or loop that could not be resolved, or of a family that is rejected by itself."""
    entry = family_of(op)
    return op.kind in _UNRESOLVED or (entry is not None and bool(entry.code))


_UNRESOLVED = frozenset(
    {"tf.PartitionedCall", "tf.StatefulPartitionedCall", "tf.Enter", "tf.Switch", "tf.Merge", "tf.Exit"}
)


# -- freezing


def _replaceable(variable: Variable) -> list[Op]:
    """Return the ops that go when `variable` becomes a constant; those that only name a reference stay."""
    if variable.is_reference:
        return [*variable.writes, *(op for op in variable.reads if op.kind in _QUESTIONS)]
    return [*variable.reads, *variable.writes]


def _release(doomed: Iterable[Op]) -> None:
    """Let nobody wait for `doomed` ops; who did waits for what they waited for."""
    free: list[Value] = []
    for op in doomed:
        if op.controls:
            hand_on_orders(op)
        else:
            free.extend(value for value in op.results if value.type is CONTROL)
    drop_orders(free)


def _replace_reads(variable: Variable, doomed: Iterable[Op]) -> None:
    """Let everybody who read `variable` read a constant, one in each graph, and erase `doomed`."""
    constants: dict[Graph, Value] = {}
    for handle in variable.handles if variable.is_reference else ():
        graph = handle.producer.graph
        if graph is not None and handle.readers:
            graph.replace_uses(handle, _constant_in(graph, variable, constants))
    for op in doomed:
        if op.graph is not None:
            _replace_use(op, variable, constants)


_QUESTIONS = frozenset({"tf.VarIsInitializedOp", "tf.IsVariableInitialized"})


def _replace_use(op: Op, variable: Variable, constants: dict[Graph, Value]) -> None:
    """Let everybody who reads `op`, which has the handle of `variable`, read what it gives; erases `op`."""
    assert op.graph is not None
    rewriter = Rewriter(op.graph, Freeze.name).at(op)
    results = [result for result in op.results if result.type is not CONTROL and result.readers]
    if results:
        value = _reading(rewriter, op, variable, constants)
        if op.controls and value.producer.kind == "const":
            operands = (value, *op.controls)
            value = rewriter.build("tf.Identity", operands, typed("T", value.type), types=[value.type]).result
        for result in results:
            rewriter.replace_value(result, value)
    rewriter.erase(op)


def _constant_in(graph: Graph, variable: Variable, constants: dict[Graph, Value]) -> Value:
    """Return the constant that stands for `variable` in `graph`, made when it is first asked for."""
    if graph not in constants:
        own = next((op for op in variable.ops if op.graph is graph), None)
        anchor = own or graph.input_op.next or graph.return_op
        blob = variable.blob or MissingBlob(0, f"variable `{variable.name}` has no value")
        rewriter = Rewriter(graph, Freeze.name).at(anchor, variable.ops[0])
        constants[graph] = rewriter.constant_of(blob, variable.type, name=variable.ops[0].name)
    return constants[graph]


def _reading(rewriter: Rewriter, op: Op, variable: Variable, constants: dict[Graph, Value]) -> Value:
    """Return what `op` gives when the variable is a constant."""
    if op.kind in _QUESTIONS:
        return rewriter.constant(np.array(True), name=op.name)
    if op.kind == "tf.VariableShape" and variable.type.is_static:
        dtype = np.int64 if op.attributes.get("out_type") == I64 else np.int32
        return rewriter.constant(np.array(variable.type.dims, dtype), name=op.name)
    value = _constant_in(rewriter.graph, variable, constants)
    if op.kind in ("tf.ResourceGather", "tf.ResourceGatherNd") and len(op.inputs) == 2:
        return _gather(rewriter, op, value)
    if op.kind == "tf.VariableShape":
        types = [result.type for result in op.results if result.type is not CONTROL]
        attributes = {**typed("T", value.type), "out_type": op.attributes.get("out_type", I32)}
        return rewriter.build("tf.Shape", (value,), attributes, types=types, name=op.name).results[0]
    return value


def _gather(rewriter: Rewriter, op: Op, table: Value) -> Value:
    attributes: dict[str, Attribute] = {**typed("Tparams", table.type), "Tindices": op.attributes.get("Tindices", I32)}
    operands = [table, op.operands[1]]
    kind = "tf.GatherNd"
    if op.kind == "tf.ResourceGather":
        kind, batch = "tf.GatherV2", op.attributes.get("batch_dims")
        batch = batch if isinstance(batch, int) else 0
        operands.append(rewriter.constant(np.array(batch, np.int32), name=f"{op.name}/axis"))
        attributes |= {"Taxis": I32, "batch_dims": batch}
    types = [value.type for value in op.results if value.type is not CONTROL]
    return rewriter.build(kind, (*operands, *op.controls), attributes, types=types, name=op.name).results[0]


# -- handles


def _erase_plumbing(variables: Iterable[Variable]) -> None:
    """Erase what only handed the variables around, where nothing needs it any more."""
    frozen = [variable for variable in variables if not variable.others]
    waited: list[Value] = []
    for variable in frozen:
        for handle in variable.handles:
            ignored = [op for op in handle.users if op.kind in IGNORED]
            waited.extend(value for op in (*ignored, handle.producer) for value in op.results if value.type is CONTROL)
    drop_orders(waited)
    carriers: dict[Op, set[int]] = {}
    for variable in frozen:
        for op, indices in variable.carriers.items():
            carriers.setdefault(op, set()).update(indices)
    for op, indices in carriers.items():
        _drop_operands(op, indices)
    for variable in frozen:
        _erase_handles(variable)
    for op, indices in carriers.items():
        _drop_entries(op, indices)


def _drop_operands(op: Op, indices: Collection[int]) -> None:
    if op.graph is None:
        return
    op.graph.set_operands(op, [value for index, value in enumerate(op.operands) if index not in indices])
    if op.kind in WHILE_KINDS:
        kept = [index for index in range(len(op.graphs[1].outputs)) if index not in indices]
        keep_outputs(op.graphs[1], kept)


def _erase_handles(variable: Variable) -> None:
    for handle in reversed(variable.handles):
        for op in (*handle.users, handle.producer):
            disposable = op.kind in IGNORED or op is handle.producer
            if disposable and op.graph is not None and op.kind in _OWNED and not any(r.readers for r in op.results):
                op.graph.erase(op)


_OWNED = IGNORED | {"tf.Identity", "tf.VarHandleOp", "tf.VariableV2", "tf.Variable"}


def _drop_entries(op: Op, indices: Collection[int]) -> None:
    """Drop the inputs of the nested graphs of `op`, and the results of a loop, that held handles."""
    if op.graph is None:
        return
    is_loop = op.kind in WHILE_KINDS
    doomed = indices if is_loop else {index - 1 for index in indices}
    for graph in op.graphs:
        keep_inputs(graph, [index for index in range(len(graph.inputs)) if index not in doomed])
    names = ("T", "output_shapes") if is_loop else ("Tin",)
    attributes = {name: _filtered(value, doomed) if name in names else value for name, value in op.attributes.items()}
    kept = [value for value in op.results if not is_loop or value.index not in doomed]
    types = tuple(value.type for value in kept)
    new = Op(op.kind, op.operands, attributes, types, graphs=op.graphs, origin=op.origin)
    op.graph.insert_before(op, new)
    for old, value in zip(kept, new.results, strict=True):
        value.name = old.name
        op.graph.replace_uses(old, value)
    op.graph.erase(op)


def _filtered(attribute: Attribute, doomed: Collection[int]) -> Attribute:
    if not isinstance(attribute, tuple):
        return attribute
    return tuple(item for index, item in enumerate(attribute) if index not in doomed)
