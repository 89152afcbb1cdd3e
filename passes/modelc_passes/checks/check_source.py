"""All rules about the model as its framework states it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from modelc.ir.model import Model
from modelc.pipeline import manager
from modelc.pipeline.passes import Check, PassContext
from modelc_passes.checks.batch_norm_in_training import BatchNormInTraining
from modelc_passes.checks.dynamic_input_shape import DynamicInputShape
from modelc_passes.checks.fake_quantization import FakeQuantization
from modelc_passes.checks.input_pipeline import InputPipeline
from modelc_passes.checks.input_rank import InputRank
from modelc_passes.checks.quantized_model import QuantizedModel
from modelc_passes.checks.rule import RuleCheck, limits
from modelc_passes.checks.string_op import StringOp
from modelc_passes.checks.training_op import TrainingOp
from modelc_passes.checks.unsupported_conv3d import UnsupportedConv3d
from modelc_passes.checks.unsupported_input_dtype import UnsupportedInputDtype

SOURCE_CHECKS: tuple[type[RuleCheck], ...] = (
    UnsupportedInputDtype,
    DynamicInputShape,
    InputRank,
    TrainingOp,
    InputPipeline,
    StringOp,
    QuantizedModel,
    UnsupportedConv3d,
    BatchNormInTraining,
    FakeQuantization,
)


@dataclass(frozen=True)
class CheckSource(Check):
    """Every rule of the profile about inputs and source ops holds."""

    name: ClassVar[str] = "check-source"

    def run(self, model: Model, context: PassContext) -> None:
        """Run the checks that the profile names."""
        manager.run(model, [check() for check in SOURCE_CHECKS if limits(check.name, context.profile)], context)
