"""Verification in levels: links, schemas, and types inferred again."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import IntEnum

from modelc.diagnostics.diagnostic import Diagnostic, finding
from modelc.ir.graph import Graph
from modelc.ir.op import Op
from modelc.ir.opdef import InferenceError, Mode, OpDef
from modelc.ir.types import CONTROL, are_compatible

BACK_EDGES = frozenset({"tf.Merge", "tf.RefMerge"})  # the only ops that may read what comes later


class Level(IntEnum):
    """How much is verified."""

    LINKS = 1
    SCHEMA = 2
    TYPES = 3


Lookup = Callable[[str], OpDef | None]


def verify(graph: Graph, level: Level, lookup: Lookup, ops: Iterable[Op] | None = None) -> list[Diagnostic]:
    """Return everything that is wrong with `graph`.

    Args:
        graph: The graph; nested graphs are not descended into.
        level: How much is checked.
        lookup: Gives the definition of a kind.
        ops: The ops to check; by default all of them, and their order.
    """
    findings: list[Diagnostic] = []
    if ops is None:
        findings.extend(_verify_order(graph))
        ops = graph
    for op in ops:
        if op.graph is not graph:
            continue
        findings.extend(_verify_links(op))
        definition = lookup(op.kind) if level >= Level.SCHEMA else None
        if definition is not None:
            findings.extend(_verify_schema(op, definition))
            if level >= Level.TYPES and not findings:
                findings.extend(_verify_types(op, definition))
    return findings


def _invalid(op: Op, problem: str) -> Diagnostic:
    return finding("MC305", f"`{op.name}` ({op.kind}) {problem}", op)


def _verify_order(graph: Graph) -> list[Diagnostic]:
    findings: list[Diagnostic] = []
    seen: set[Op] = set()
    first, last = graph.first, graph.last
    if first is None or first.kind != "input" or last is None or last.kind != "return":
        return [finding("MC305", f"graph @{graph.name} must begin with `input` and end with `return`")]
    for op in graph:
        if (op.kind == "input" and op is not first) or (op.kind == "return" and op is not last):
            findings.append(_invalid(op, f"stands within graph @{graph.name}, which has one of its kind"))
        if op.kind not in BACK_EDGES:
            findings.extend(
                _invalid(op, f"reads `{value.name}` before it is defined")
                for value in op.operands
                if value.producer not in seen and value.producer.graph is graph
            )
        seen.add(op)
    return findings


def _verify_links(op: Op) -> list[Diagnostic]:
    findings: list[Diagnostic] = []
    for index, value in enumerate(op.operands):
        if (op, index) not in value.readers:
            findings.append(_invalid(op, f"is not among the readers of its operand {index}, `{value.name}`"))
        if value.producer.graph is not op.graph:
            findings.append(_invalid(op, f"reads `{value.name}`, which is not in its graph"))
    for index, value in enumerate(op.results):
        if value.producer is not op or value.index != index:
            findings.append(_invalid(op, f"does not own its result {index}"))
        findings.extend(
            _invalid(op, f"lists `{reader.name}` as a reader, which does not read it")
            for reader, slot in value.readers
            if slot >= len(reader.operands) or reader.operands[slot] is not value
        )
    kinds = [value.type is CONTROL for value in op.operands]
    if op.kind != "return" and kinds != sorted(kinds):
        findings.append(_invalid(op, "has an operand behind its control dependencies"))
    return findings


def _verify_schema(op: Op, definition: OpDef) -> list[Diagnostic]:
    findings: list[Diagnostic] = []
    required = sum(slot.mode is Mode.REQUIRED for slot in definition.operands)
    dynamic = any(slot.mode is Mode.DYNAMIC for slot in definition.operands)
    count = len(op.inputs)
    if count < required or (count > len(definition.operands) and not dynamic):
        findings.append(_invalid(op, f"has {count} operands, its schema has {len(definition.operands)}"))
    findings.extend(
        _invalid(op, f"lacks its attribute `{attribute.name}`")
        for attribute in definition.attributes.values()
        if attribute.required and attribute.name not in op.attributes
    )
    return findings


def _verify_types(op: Op, definition: OpDef) -> list[Diagnostic]:
    if definition.infer is None:
        return []
    try:
        inferred = [type_ for type_ in definition.infer(op) if type_ is not CONTROL]
    except InferenceError as error:
        return [_invalid(op, f"does not type: {error}")]
    results = [value for value in op.results if value.type is not CONTROL]  # any op may have one for its order
    if len(inferred) != len(results):
        return [_invalid(op, f"has {len(results)} results, {len(inferred)} are inferred")]
    return [
        _invalid(op, f"says result {value.index} is {value.type}, inferred is {type_}")
        for value, type_ in zip(results, inferred, strict=True)
        if not are_compatible(value.type, type_)
    ]
