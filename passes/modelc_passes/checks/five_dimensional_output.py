"""Ops that give more dimensions than the target's tensors have."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from modelc.diagnostics.diagnostic import Diagnostic, Fix, finding
from modelc.ir.model import Model
from modelc.ir.op import Op, Value
from modelc.ir.types import TensorType
from modelc.profiles import Limit
from modelc_passes.checks.regions import Region, regions
from modelc_passes.checks.rule import Offence, RuleCheck, places, readers, subjects
from modelc_passes.checks.unsupported_conv3d import IN_THREE_DIMENSIONS
from modelc_passes.infer_types import source_type


@dataclass(frozen=True)
class FiveDimensionalOutput(RuleCheck):
    """No op makes a tensor of more dimensions than the target takes.

    Reported is the op that first has too many dimensions, not those that pass them on; and nothing where an input or
    a 3-D convolution is the cause and was reported.
    """

    name: ClassVar[str] = "five-dimensional-output"
    code: ClassVar[str] = "MC204"

    def offences(self, model: Model, limit: Limit, reported: set[str]) -> Iterator[Offence]:
        """Yield the ops that raise the number of dimensions above the limit."""
        most = limit.integer("max-rank", 4)
        for region in regions(model, lambda value: _rank(value) > most):
            if not _follows(region, reported):
                for op in region.roots:
                    yield Offence(op, (source_type(op), _rank(_highest(op))), _shown(op))

    def report(self, group: Sequence[Offence], limit: Limit) -> Diagnostic:
        """Return one finding for each type of op."""
        op, most = group[0].subject, limit.integer("max-rank", 4)
        assert isinstance(op, Op)
        value = _highest(op)
        return finding(
            self.code,
            f"{subjects(group, 'gives', 'give')} {_rank(value)} dimensions; the target takes at most {most}",
            op,
            evidence=[
                ("ops", places(group)),
                ("read by", readers([value])),
            ],
            fixes=[
                Fix(f"merge dimensions that stay next to each other, so that every tensor has at most {most} of them")
            ],
        )


def _rank(value: Value) -> int:
    rank = value.type.rank if isinstance(value.type, TensorType) else None
    return rank or 0


def _highest(op: Op) -> Value:
    return max(op.results, key=_rank)


def _shown(op: Op) -> str:
    given = next((f"{value.type} -> " for value in op.inputs if value.producer.kind != "const"), "")
    return f"{given}{_highest(op).type}"


def _follows(region: Region, reported: set[str]) -> bool:
    if region.inputs and "MC203" in reported:
        return True
    return "MC208" in reported and any(IN_THREE_DIMENSIONS.fullmatch(op.kind) for op in region.ops)
