"""Findings about ops the Graph Engine does not have: one per op type, with why and what to do instead."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from difflib import get_close_matches

from modelc.diagnostics.diagnostic import Diagnostic, Fix, Sink, finding
from modelc.dialects.tf.registry import op_def
from modelc.ir.op import Op
from modelc_passes.lower_tf.longtail import counterparts
from modelc_passes.lower_tf.table import op_types
from modelc_passes.shared.common import counted, names_of
from modelc_passes.shared.policy import FREEZE, REJECT, family

_STATE = frozenset({"MC111", "MC112", "MC306", "MC307"})  # what is said about variables that could not be frozen

# Ops of TensorFlow 1 that move tensors between branches and turns of loops.
_CONTROL = frozenset(
    {"Switch", "Merge", "Enter", "Exit", "NextIteration", "LoopCond", "ControlTrigger", "_SwitchN"}
    | {"RefSwitch", "RefMerge", "RefEnter", "RefExit", "RefNextIteration"}
)

# What is known about families of ops that no lowering will ever cover: pattern, why, way out.
_FAMILIES = tuple(
    (re.compile(pattern), why, Fix(fix))
    for pattern, why, fix in (
        (r"(Batch)?I?R?FFT[123]?D?", "Fourier transforms have no kernel for this form", "compute it before the model"),
        (
            r"(Tensor|Stateful|Stateless)?.*(RNN|Lstm|LSTM|GRU).*",
            "fused recurrent cells differ",
            "unroll the recurrence",
        ),
        (r"Xla.*|Mlir.*|_Xla.*", "it belongs to another compiler", "export the model without jit_compile"),
        (
            r"_Mkl.*|_Fused.*|_Tensorrt.*|TRTEngineOp",
            "an optimizer made it for another device",
            "export it unoptimized",
        ),
        (r"TFLite.*|.*EdgeTPU.*|TPU.*", "it belongs to another device", "export the model for CPU or GPU"),
        (r"Decode.*|.*Text.*|Sentence.*|Wordpiece.*", "it works on text or files", "do this step before the model"),
    )
)


def unknown_ops(ops: Iterable[Op], sink: Sink) -> Iterator[Diagnostic]:
    """Yield one finding for each op type among `ops`, save for those that other passes have reported."""
    reported = {diagnostic.kind for diagnostic in sink.errors} | {diagnostic.op for diagnostic in sink.errors}
    codes = {diagnostic.code for diagnostic in sink.errors}
    groups: dict[str, list[Op]] = {}
    for op in ops:
        if op.kind not in reported and op.origin.name not in reported:
            groups.setdefault(op.kind.removeprefix("tf."), []).append(op)
    loops = [op for op_type in list(groups) if op_type in _CONTROL for op in groups.pop(op_type)]
    if loops and "MC218" not in codes:
        yield _control_flow(loops)
    for op_type, group in groups.items():
        entry = family(op_type)
        causes = {entry.code} if entry is not None and entry.action == REJECT else set()
        causes |= _STATE if entry is not None and entry.action == FREEZE else set()
        if not causes & codes:
            yield _unknown(op_type, group)


def _control_flow(ops: list[Op]) -> Diagnostic:
    return finding(
        "MC218",
        f"`{ops[0].origin.name or ops[0].name}` belongs to control flow that could not be resolved",
        ops[0],
        evidence=[("nodes", names_of(ops)), ("count", str(len(ops)))],
        fixes=[Fix("export the model again with TensorFlow 2"), Fix("make the condition a constant")],
    )


def _unknown(op_type: str, ops: list[Op]) -> Diagnostic:
    first = ops[0].origin.name or ops[0].name
    subject = f"`{first}` is" if len(ops) == 1 else f"{counted(len(ops), 'op')} like `{first}` are"
    why, fixes = _advice(op_type)
    return finding(
        "MC211",
        f"{subject} of the type {op_type}, which the Graph Engine does not have",
        ops[0],
        evidence=[("nodes", names_of(ops)), ("count", str(len(ops)))],
        notes=[why] if why else [],
        fixes=fixes,
    )


def _advice(op_type: str) -> tuple[str, list[Fix]]:
    entry = family(op_type)
    if entry is not None and entry.why:
        return f"it is an {entry.what}: {entry.why}", list(entry.fixes)
    known = next(((why, [fix]) for pattern, why, fix in _FAMILIES if pattern.fullmatch(op_type)), None)
    if known is not None:
        return known
    near = get_close_matches(op_type, [*op_types(), *counterparts()], 3, 0.75)
    if op_def(op_type) is None:
        why = "TensorFlow does not have it either: it comes from a plugin of the model's author"
    else:
        why = "no operator of the Graph Engine computes it"
    fixes = [Fix(f"express it by {' or '.join(near)}")] if near else []
    return why, [*fixes, Fix("name outputs that lie before it", "--out-nodes")]
