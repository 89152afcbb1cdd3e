"""Tensors without elements."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from modelc.diagnostics.diagnostic import Diagnostic, Fix, finding
from modelc.ir.model import Model
from modelc.ir.op import Op, Value
from modelc.ir.types import TensorType
from modelc.profiles import Limit
from modelc_passes.checks.regions import regions
from modelc_passes.checks.rule import Offence, RuleCheck, about_input, inputs, places, subjects
from modelc_passes.infer_types import source_type

_BOUNDS = Fix("correct its bounds, so that at least one element is left")
_FIXES = {"StridedSlice": _BOUNDS, "Slice": _BOUNDS, "StridedSliceV2": _BOUNDS}
_OTHER = Fix("leave the empty branch out of the model that is exported")


@dataclass(frozen=True)
class ZeroDimension(RuleCheck):
    """Every dimension has an extent of at least one, outside of constants.

    Reported is the op or input where the empty tensor first appears, not what it passes through.
    """

    name: ClassVar[str] = "zero-dimension"
    code: ClassVar[str] = "MC205"

    def offences(self, model: Model, limit: Limit, reported: set[str]) -> Iterator[Offence]:
        """Yield the inputs and ops that bring empty tensors in."""
        for region in regions(model, _is_empty):
            for value in region.inputs:
                yield Offence(value, "input", str(value.type))
            for op in region.roots:
                yield Offence(op, source_type(op), _shown(op))

    def report(self, group: Sequence[Offence], limit: Limit) -> Diagnostic:
        """Return one finding for the inputs and one for each type of op."""
        subject, evidence = group[0].subject, [("tensors", places(group))]
        if isinstance(subject, Value):
            fix = Fix("give inputs an extent of at least one in every dimension")
            what = inputs(group, "has", "have")
            return about_input(self.code, f"{what} a dimension of extent zero", subject, evidence, fix)
        who = subjects(group, "gives a tensor", "give tensors")
        return finding(
            self.code,
            f"{who} without elements; only constants may have an extent of zero",
            subject,
            evidence=evidence,
            fixes=[_FIXES.get(source_type(subject), _OTHER)],
        )


def _is_empty(value: Value) -> bool:
    return isinstance(value.type, TensorType) and value.type.shape is not None and 0 in value.type.shape


def _shown(op: Op) -> str:
    given = next((f"{value.type} -> " for value in op.inputs if value.producer.kind != "const"), "")
    return given + next((str(value.type) for value in op.results if _is_empty(value)), "")
