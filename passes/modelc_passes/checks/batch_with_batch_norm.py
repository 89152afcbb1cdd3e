"""Batches above one in front of batch normalizations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from modelc.diagnostics.diagnostic import Diagnostic, Fix, finding
from modelc.ir.graph import Graph
from modelc.ir.model import Model
from modelc.ir.op import Op, Value
from modelc.ir.types import TensorType
from modelc.profiles import Limit
from modelc_passes.checks.rule import Offence, RuleCheck, kinds_within, places, shown_list, subjects

_KINDS = frozenset(
    f"ge.{kind}"
    for kind in (
        *("BatchNorm", "BatchNormExt2", "BatchNormV3", "FusedBatchNormV2"),
        *("BNInfer", "BNInference", "BNInferenceD"),
    )
)


@dataclass(frozen=True)
class BatchWithBatchNorm(RuleCheck):
    """Where a batch normalization is left after folding, the batch is one.

    One that is folded into a convolution, or computed as scale and shift, is none any more.
    """

    name: ClassVar[str] = "batch-with-batch-norm"
    code: ClassVar[str] = "MC209"

    def offences(self, model: Model, limit: Limit, reported: set[str]) -> Iterator[Offence]:
        """Yield the batch normalizations of larger batches."""
        most = limit.integer("max-batch", 1)
        for op in kinds_within(model, _KINDS):
            batch = _batch(op.inputs[0]) if op.inputs else None
            if batch is not None and batch > most:
                yield Offence(op, shown=str(op.inputs[0].type))

    def report(self, group: Sequence[Offence], limit: Limit) -> Diagnostic:
        """Return one finding for all of them."""
        op, most = group[0].subject, limit.integer("max-batch", 1)
        assert isinstance(op, Op)
        what = "normalizes" if len(group) == 1 else "normalize"
        return finding(
            self.code,
            f"{subjects(group, what, what)} a batch of {_batch(op.inputs[0])}; "
            f"the target takes {most} where a batch normalization is left",
            op,
            evidence=[("ops", places(group)), *_inputs(op.graph)],
            notes=[
                "it was not folded: its parameters are no constants, its statistics are read, or folding was left out"
            ],
            fixes=[
                Fix("where the model leaves the batch open, compile for one element at a time", f"--batch-size {most}")
            ],
        )


def _batch(value: Value) -> int | None:
    shape = value.type.shape if isinstance(value.type, TensorType) else None
    return shape[0] if shape and len(shape) > 1 and isinstance(shape[0], int) else None


def _inputs(graph: Graph | None) -> list[tuple[str, str]]:
    if graph is None or not graph.inputs:
        return []
    pairs = zip(graph.input_names, graph.inputs, strict=True)
    return [("inputs", shown_list(f"{name}: {value.type}" for name, value in pairs))]
