"""Branches and loops that are left."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from modelc.diagnostics.diagnostic import Diagnostic, Fix, finding
from modelc.ir.model import Model
from modelc.ir.op import Op
from modelc.profiles import Limit
from modelc_passes.checks.rule import Offence, RuleCheck, cut_before, places, subjects

_FIRST_VERSION = frozenset(
    f"tf.{prefix}{kind}"
    for prefix in ("", "Ref")
    for kind in ("Switch", "Merge", "Enter", "Exit", "NextIteration", "LoopCond")
)

_RESOLVE = Fix("export the branch that inference takes, and loops with a fixed number of steps")


@dataclass(frozen=True)
class ControlFlow(RuleCheck):
    """No branch or loop is left whose course depends on data."""

    name: ClassVar[str] = "control-flow"
    code: ClassVar[str] = "MC218"

    def offences(self, model: Model, limit: Limit, reported: set[str]) -> Iterator[Offence]:
        """Yield the ops with nested graphs, and TensorFlow's switches and loops."""
        for op in model.ops():
            if op.graphs or op.kind in _FIRST_VERSION:
                yield Offence(op, shown=f"on {op.inputs[0].type}" if op.inputs else "")

    def report(self, group: Sequence[Offence], limit: Limit) -> Diagnostic:
        """Return one finding for all of them."""
        op = group[0].subject
        assert isinstance(op, Op)
        return finding(
            self.code,
            f"{subjects(group, 'decides', 'decide')} on data which ops run; the target runs every op once",
            op,
            evidence=[("ops", places(group))],
            fixes=[
                _RESOLVE,
                *cut_before(op),
            ],
        )
