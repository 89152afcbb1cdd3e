"""All rules about the lowered and simplified model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from modelc.ir.model import Model
from modelc.pipeline import manager
from modelc.pipeline.passes import Check, PassContext
from modelc_passes.checks.batch_with_batch_norm import BatchWithBatchNorm
from modelc_passes.checks.control_flow import ControlFlow
from modelc_passes.checks.dynamic_intermediate_shape import DynamicIntermediateShape
from modelc_passes.checks.five_dimensional_output import FiveDimensionalOutput
from modelc_passes.checks.loss_op import LossOp
from modelc_passes.checks.random_op import RandomOp
from modelc_passes.checks.rule import RuleCheck, limits
from modelc_passes.checks.unknown_op import UnknownOp
from modelc_passes.checks.unsupported_dtype import UnsupportedDtype
from modelc_passes.checks.zero_dimension import ZeroDimension

TARGET_CHECKS: tuple[type[RuleCheck], ...] = (
    UnknownOp,
    FiveDimensionalOutput,
    ZeroDimension,
    DynamicIntermediateShape,
    UnsupportedDtype,
    BatchWithBatchNorm,
    ControlFlow,
    RandomOp,
    LossOp,
)


@dataclass(frozen=True)
class CheckTarget(Check):
    """Every rule of the profile about shapes, element types and operators holds."""

    name: ClassVar[str] = "check-target"

    def run(self, model: Model, context: PassContext) -> None:
        """Run the checks that the profile names."""
        manager.run(model, [check() for check in TARGET_CHECKS if limits(check.name, context.profile)], context)
