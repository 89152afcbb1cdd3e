"""Random numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from modelc.diagnostics.diagnostic import Diagnostic, Fix, finding
from modelc.dialects.lookup import op_def
from modelc.ir.model import Model
from modelc.ir.op import Op
from modelc.ir.opdef import RANDOM
from modelc.profiles import Limit
from modelc_passes.checks.rule import Offence, RuleCheck, places, subjects
from modelc_passes.shared.policy import family_of

_KINDS = re.compile(r"ge\.(DSA)?(Random|Stateless(Random|Multinomial)|StatefulRandom|Multinomial|TruncatedNormal).*")
_EXCEPTIONS = re.compile(r"ge\.(RandomShuffleQueue|StatelessRandomGet.*|.*Grad)")


@dataclass(frozen=True)
class RandomOp(RuleCheck):
    """The outputs follow from the inputs alone."""

    name: ClassVar[str] = "random-op"
    code: ClassVar[str] = "MC216"

    def offences(self, model: Model, limit: Limit, reported: set[str]) -> Iterator[Offence]:
        """Yield the ops that draw random numbers."""
        for op in model.ops():
            if _is_random(op):
                yield Offence(op, shown=str(op.results[0].type) if op.results else "")

    def report(self, group: Sequence[Offence], limit: Limit) -> Diagnostic:
        """Return one finding for all of them."""
        return finding(
            self.code,
            f"{subjects(group, 'draws', 'draw')} random numbers, so results differ from run to run",
            group[0].subject,
            evidence=[("ops", places(group))],
            fixes=[Fix("make the random numbers an input or a constant of the model")],
        )


def _is_random(op: Op) -> bool:
    entry = family_of(op)
    if entry is not None:
        return entry.name == "random"
    definition = op_def(op.kind) if op.dialect == "ge" else None
    if definition is None:
        return False
    return RANDOM in definition.traits or bool(_KINDS.fullmatch(op.kind) and not _EXCEPTIONS.fullmatch(op.kind))
