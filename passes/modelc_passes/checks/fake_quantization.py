"""Fake quantization."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from modelc.diagnostics.diagnostic import Diagnostic, Fix, finding
from modelc.ir.model import Model
from modelc.profiles import Limit
from modelc_passes.checks.rule import Offence, RuleCheck, kinds_within, places, subjects

_KINDS = frozenset(
    f"{dialect}.FakeQuantWithMinMax{kind}" for dialect in ("tf", "ge") for kind in ("Args", "Vars", "VarsPerChannel")
)


@dataclass(frozen=True)
class FakeQuantization(RuleCheck):
    """Fake quantization is computed as it stands; its ranges do not quantize the artifact."""

    name: ClassVar[str] = "fake-quantization"
    code: ClassVar[str] = "MC217"

    def offences(self, model: Model, limit: Limit, reported: set[str]) -> Iterator[Offence]:
        """Yield the ops of fake quantization."""
        return (Offence(op) for op in kinds_within(model, _KINDS))

    def report(self, group: Sequence[Offence], limit: Limit) -> Diagnostic:
        """Return one finding for all of them."""
        return finding(
            self.code,
            f"{subjects(group, 'rounds', 'round')} as if numbers were quantized; the artifact stays in floating point",
            group[0].subject,
            evidence=[("ops", places(group))],
            fixes=[Fix("export the model without fake quantization, which makes it faster")],
        )
