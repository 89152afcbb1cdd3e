"""What the checks share that read the table of op families."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from modelc.diagnostics.diagnostic import Diagnostic, finding
from modelc.ir.model import Model
from modelc.ir.op import Op
from modelc.profiles import Limit
from modelc_passes.checks.rule import Offence, RuleCheck, called, places, shown_list
from modelc_passes.infer_types import source_type
from modelc_passes.shared.common import reach
from modelc_passes.shared.policy import Family, family

_DIALECTS = frozenset({"tf", "ge"})
_TRANSPOSED = re.compile(r"ge\..*BackpropInputD?")  # transposed convolutions, whatever they are called


class FamilyCheck(RuleCheck):
    """Reports the ops of families with one code; strip-training-ops has reported them where it ran."""

    def offences(self, model: Model, limit: Limit, reported: set[str]) -> Iterator[Offence]:
        """Yield the ops of such families."""
        for op in model.ops():
            entry = _family_of(op)
            if entry is not None and entry.code == self.code and entry.action != "drop":
                yield Offence(op, entry.name)

    def report(self, group: Sequence[Offence], limit: Limit) -> Diagnostic:
        """Return one finding for each family."""
        ops = [offence.subject for offence in group if isinstance(offence.subject, Op)]
        entry, graph = _family_of(ops[0]), ops[0].graph
        assert entry is not None
        assert graph is not None
        are = "is" if len(ops) == 1 else f"and {len(ops) - 1} more are"
        return finding(
            self.code,
            f"{called(ops[0])}, an {entry.what}, {are} part of the model: {entry.why}",
            ops[0],
            evidence=[
                ("ops", places(group)),
                ("op types", shown_list(map(source_type, ops))),
                ("way to the output", reach(graph).path(ops[0])),
            ],
            fixes=entry.fixes,
        )


def _family_of(op: Op) -> Family | None:
    if op.dialect not in _DIALECTS or _TRANSPOSED.fullmatch(op.kind):
        return None
    return family(op.kind[3:])
