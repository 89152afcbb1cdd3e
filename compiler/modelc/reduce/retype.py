"""Types worked out anew, from those of inputs and constants on."""

from __future__ import annotations

from collections.abc import Iterator

from modelc.dialects.lookup import op_def
from modelc.ir.blob import BlobError
from modelc.ir.graph import Graph
from modelc.ir.model import Model
from modelc.ir.op import Op
from modelc.ir.opdef import InferenceError
from modelc.ir.types import CONTROL

_GIVEN = frozenset({"input", "const", "absent", "return"})


def retype(model: Model) -> bool:
    """State for every value what follows from inputs and constants; returns False where ops do not fit them."""
    pending = [_walk(model.graph)]
    try:
        while pending:
            nested = next(pending[-1], None)
            if nested is None:
                pending.pop()
            else:
                pending.append(_walk(nested))
    except (InferenceError, BlobError):
        return False
    return True


def _walk(graph: Graph) -> Iterator[Graph]:
    """Infer every op of `graph`; yields each nested graph before the op that holds it."""
    for op in graph:
        for nested in op.graphs:
            given = op.inputs[len(op.inputs) - len(nested.inputs) :]
            for value, passed in zip(nested.inputs, given, strict=False):
                nested.set_type(value, passed.type)
            yield nested
        if op.kind not in _GIVEN:
            _infer(graph, op)


def _infer(graph: Graph, op: Op) -> None:
    definition = op_def(op.kind)
    results = [value for value in op.results if value.type is not CONTROL]
    if definition is None or definition.infer is None:
        raise InferenceError(f"nothing is known about the results of {op.kind}")
    types = [type_ for type_ in definition.infer(op) if type_ is not CONTROL]
    if len(types) != len(results):
        raise InferenceError(f"{len(types)} results are inferred")
    for value, type_ in zip(results, types, strict=True):
        graph.set_type(value, type_)
