"""Fold constants: what only depends on constants is computed now, or while the artifact is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from numpy.typing import NDArray

from modelc.dialects.lookup import is_pure, op_def
from modelc.ir.blob import Blob, BlobError
from modelc.ir.constants import to_array, to_blob
from modelc.ir.graph import Graph
from modelc.ir.op import Op
from modelc.ir.opdef import RANDOM, Evaluate, InferenceError
from modelc.ir.types import TensorType
from modelc.pipeline.facts import GE, TYPED
from modelc.pipeline.passes import GraphPass, PassContext, option
from modelc.rewrite.rewriter import Rewriter
from modelc_passes.shared.keys import attributes_key
from modelc_passes.shared.weights import MOST_WORK, SMALL, ComputedBlob, work

GROWTH = 2  # how many times larger than its operands a result may be that is not small
MOST_RESULTS = 16  # results of one op that are computed apart from each other


@dataclass(frozen=True)
class FoldConstants(GraphPass):
    """Replace ops whose operands are all constants by their results.

    Results of up to 64 KiB are computed at once, larger ones while the artifact is written.
    """

    name: ClassVar[str] = "fold-constants"
    needs: ClassVar[frozenset[str]] = frozenset({GE, TYPED})

    max_bytes: int = option(1 << 28, "largest result that is computed, in bytes")

    def run_on(self, graph: Graph, context: PassContext) -> None:
        """Fold in order, so that a result is a constant for what follows."""
        rewriter = Rewriter(graph, self.name)
        for op in graph:
            types = _result_types(op, self.max_bytes)
            if types is None or not all(value.producer.kind == "const" for value in op.operands):
                continue
            blobs = self._fold(op, types)
            if blobs is None:
                continue
            rewriter.at(op)
            names = [value.name for value in op.results]
            parts = zip(blobs, types, names, strict=True)
            new = [rewriter.constant_of(blob, type_, name=name) for blob, type_, name in parts]
            producers = [value.producer for value in op.operands]
            rewriter.replace(op, *new)
            for dead in (*(value.producer for value in new), *producers):
                rewriter.erase_dead(dead)

    def _fold(self, op: Op, types: list[TensorType]) -> Sequence[Blob] | None:
        definition = op_def(op.kind)
        assert definition is not None
        assert definition.evaluate is not None
        operands = [(_blob(value.producer), value.type) for value in op.operands]
        constants = [(blob, type_) for blob, type_ in operands if blob is not None and isinstance(type_, TensorType)]
        if len(constants) != len(operands):
            return None
        given = sum(blob.nbytes for blob, _ in constants)
        made = sum(type_.nbytes for type_ in types)
        if given <= SMALL and made <= SMALL:
            return _computed_now(op, definition.evaluate, constants, types)
        too_long = sum(work(blob) for blob, _ in constants) >= MOST_WORK
        if made > GROWTH * given + SMALL or given > 4 * self.max_bytes or len(types) > MOST_RESULTS or too_long:
            return None
        return [_computed_later(op, definition.evaluate, constants, types, index) for index in range(len(types))]


def _result_types(op: Op, limit: int) -> list[TensorType] | None:
    """Return the types of the results where they can be stored as constants of at most `limit` bytes, else None."""
    if op.kind in ("const", "absent", "input", "return") or op.graphs or not op.operands or not is_pure(op):
        return None
    definition = op_def(op.kind)
    if definition is None or definition.evaluate is None or RANDOM in definition.traits:
        return None
    types = [value.type for value in op.results if isinstance(value.type, TensorType) and value.type.is_static]
    if len(types) != len(op.results) or any(t.element is None or not t.element.nbytes for t in types):
        return None
    return types if all(type_.nbytes <= limit for type_ in types) else None


def _blob(op: Op) -> Blob | None:
    blob = op.attributes.get("value")
    return blob if isinstance(blob, Blob) else None


def _computed_now(
    op: Op, evaluate: Evaluate, constants: list[tuple[Blob, TensorType]], types: list[TensorType]
) -> list[Blob] | None:
    try:
        arrays = evaluate(op, [to_array(blob, type_) for blob, type_ in constants])
    except (InferenceError, BlobError, ArithmeticError, LookupError, TypeError, ValueError):
        return None  # whoever executes it will say what is wrong
    fits = all(tuple(array.shape) == type_.dims for array, type_ in zip(arrays, types, strict=True))
    return [to_blob(array) for array in arrays] if fits else None


def _computed_later(
    op: Op, evaluate: Evaluate, constants: list[tuple[Blob, TensorType]], types: list[TensorType], index: int
) -> Blob:
    # The op itself will be erased: what computes the result later keeps only a likeness of it.
    operands = tuple(Op("const", (), {"value": blob}, (type_,)).result for blob, type_ in constants)
    results = tuple(value.type for value in op.results)
    probe = Op(op.kind, operands, dict(op.attributes), results, origin=op.origin)

    def compute(arrays: list[NDArray[Any]]) -> NDArray[Any]:
        return evaluate(probe, arrays)[index]

    identity = (op.kind, attributes_key(op.attributes), index)
    return ComputedBlob(compute, tuple(constants), identity, types[index].nbytes)
