"""Forms that hold operands as attributes, such as `TransposeD`, rewritten to the canonical ones that are lowered."""

from __future__ import annotations

from modelc.dialects.ge.attribute_forms import FORMS, canonical
from modelc.ir.blob import Blob
from modelc.ir.graph import Graph
from modelc.ir.op import Op, Value
from modelc.ir.opdef import InferenceError
from modelc.rewrite.rewriter import Rewriter
from modelc_backends.onnx.lower.table import lowering


def has_lowering(op_type: str) -> bool:
    """Whether ops of this type, or their canonical form, can be lowered at all."""
    return lowering(FORMS[op_type].base if op_type in FORMS else op_type) is not None


def use_canonical_forms(graph: Graph) -> None:
    """Replace every form with attributes by its canonical one; what lacks an attribute stays as it is."""
    rewriter = Rewriter(graph)
    for op in graph:
        if op.kind.removeprefix("ge.") in FORMS:
            try:
                base = canonical(op)
            except InferenceError:
                continue  # reported with all that cannot be lowered
            _replace(op, base, rewriter.at(op))


def _replace(op: Op, base: Op, rewriter: Rewriter) -> None:
    own = set(op.inputs)
    operands = [value if value in own else _constant(op, value, rewriter) for value in base.inputs]
    types = tuple(value.type for value in op.results)
    new = Op(base.kind, (*operands, *op.controls), base.attributes, types, name=op.name, origin=op.origin)
    for old, value in zip(op.results, rewriter.insert(new).results, strict=True):
        value.name = old.name
    rewriter.replace(op, *new.results)


def _constant(op: Op, value: Value, rewriter: Rewriter) -> Value:
    blob = value.producer.attributes["value"]
    assert isinstance(blob, Blob)
    return rewriter.constant_of(blob, value.tensor, name=f"{op.name}/attribute")
