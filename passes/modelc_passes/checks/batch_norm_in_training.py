"""Batch normalizations that take their statistics from the batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from modelc.diagnostics.diagnostic import Diagnostic, Fix, finding
from modelc.ir.model import Model
from modelc.ir.op import Op
from modelc.profiles import Limit
from modelc_passes.checks.rule import Offence, RuleCheck, kinds_within, places, subjects
from modelc_passes.strip_training_ops import BATCH_NORMS

_KINDS = BATCH_NORMS | {"ge.BatchNorm", "ge.BatchNormExt2", "ge.BatchNorm3D", "ge.BatchNormV3"}


@dataclass(frozen=True)
class BatchNormInTraining(RuleCheck):
    """A batch normalization uses stored statistics, not those of the batch."""

    name: ClassVar[str] = "batch-norm-in-training"
    code: ClassVar[str] = "MC210"

    def offences(self, model: Model, limit: Limit, reported: set[str]) -> Iterator[Offence]:
        """Yield the batch normalizations in training mode."""
        for op in kinds_within(model, _KINDS):
            if op.attributes.get("is_training", True):
                yield Offence(op, shown=str(op.inputs[0].type) if op.inputs else "")

    def report(self, group: Sequence[Offence], limit: Limit) -> Diagnostic:
        """Return one finding for all of them."""
        op = group[0].subject
        assert isinstance(op, Op)
        return finding(
            self.code,
            f"{subjects(group, 'takes', 'take')} mean and variance from the batch, as in training",
            op,
            evidence=[("ops", places(group))],
            notes=["the target drops the stored mean and variance of a batch normalization in training mode"],
            fixes=[Fix("build the model with training=False and export it again")],
        )
