"""Shapes that depend on data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from modelc.diagnostics.diagnostic import Diagnostic, Fix, finding
from modelc.dialects.lookup import op_def
from modelc.ir.model import Model
from modelc.ir.op import Op, Value
from modelc.ir.types import TensorType
from modelc.profiles import Limit
from modelc_passes.checks.regions import regions
from modelc_passes.checks.rule import Offence, RuleCheck, called, cut_before, places
from modelc_passes.infer_types import source_type

_PLUGIN = Fix("write a plugin with a rule for the operator", "--plugin FILE.py")


@dataclass(frozen=True)
class DynamicIntermediateShape(RuleCheck):
    """Every shape follows from the shapes of the inputs.

    Reported is the op where a shape first depends on numbers. What follows from an input without a shape, or from an
    op that is not known, is reported elsewhere.
    """

    name: ClassVar[str] = "dynamic-intermediate-shape"
    code: ClassVar[str] = "MC212"
    elsewhere: ClassVar[frozenset[str]] = frozenset({"MC304"})

    def offences(self, model: Model, limit: Limit, reported: set[str]) -> Iterator[Offence]:
        """Yield the ops whose result shapes do not follow from those of their operands."""
        for region in regions(model, _is_open):
            for op in region.roots:
                if op.dialect == "ge":
                    shown = f"{_types(op.inputs)} -> {_types(op.results)}"
                    yield Offence(op, (_is_inferred(op), source_type(op)), shown)

    def report(self, group: Sequence[Offence], limit: Limit) -> Diagnostic:
        """Return one finding for each type of op."""
        op = group[0].subject
        assert isinstance(op, Op)
        more = f", and {len(group) - 1} more like it" if len(group) > 1 else ""
        if not _is_inferred(op):
            message = f"no rule says what {called(op)}{more} gives: only the prototype of {op.kind[3:]} is known"
            return finding("MC304", message, op, evidence=[("ops", places(group))], fixes=[_PLUGIN, *cut_before(op)])
        return finding(
            self.code,
            f"the shape that {called(op)}{more} gives depends on data, not only on the shapes of the inputs",
            op,
            evidence=[("ops", places(group))],
            fixes=cut_before(op),
        )


def _is_open(value: Value) -> bool:
    return isinstance(value.type, TensorType) and not value.type.is_static


def _is_inferred(op: Op) -> bool:
    definition = op_def(op.kind)
    return definition is not None and definition.infer is not None


def _types(values: Sequence[Value]) -> str:
    return ", ".join(str(value.type) for value in values if value.producer.kind != "const") or "constants"
