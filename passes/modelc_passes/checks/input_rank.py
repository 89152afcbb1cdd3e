"""Inputs of too many dimensions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from modelc.diagnostics.diagnostic import Diagnostic, Fix
from modelc.ir.model import Model
from modelc.ir.op import Value
from modelc.ir.types import TensorType
from modelc.profiles import Limit
from modelc_passes.checks.rule import Offence, RuleCheck, about_input, inputs, places, readers


@dataclass(frozen=True)
class InputRank(RuleCheck):
    """An input has at most as many dimensions as the target's tensors."""

    name: ClassVar[str] = "input-rank"
    code: ClassVar[str] = "MC203"

    def offences(self, model: Model, limit: Limit, reported: set[str]) -> Iterator[Offence]:
        """Yield the inputs of more dimensions."""
        most = limit.integer("max-rank", 4)
        for value in model.graph.inputs:
            rank = value.type.rank if isinstance(value.type, TensorType) else None
            if rank is not None and rank > most:
                yield Offence(value, rank, str(value.type))

    def report(self, group: Sequence[Offence], limit: Limit) -> Diagnostic:
        """Return one finding for each number of dimensions."""
        value, most = group[0].subject, limit.integer("max-rank", 4)
        assert isinstance(value, Value)
        values = [offence.subject for offence in group if isinstance(offence.subject, Value)]
        return about_input(
            self.code,
            f"{inputs(group, 'has', 'have')} {group[0].cause} dimensions; the target takes at most {most}",
            value,
            [("inputs", places(group)), ("read by", readers(values))],
            Fix("export the model with two of the dimensions merged, time into the batch for example"),
        )
