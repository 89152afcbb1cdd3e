"""Ops that the target does not have."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from modelc.diagnostics.diagnostic import Diagnostic, Fix, finding
from modelc.dialects.lookup import op_def
from modelc.ir.model import Model
from modelc.ir.op import Op
from modelc.pipeline.facts import GE
from modelc.profiles import Limit
from modelc_passes.checks.rule import Offence, RuleCheck, cut_before, places, subjects

_EVERYWHERE = frozenset({"input", "const", "absent", "return"})
_LOWER = Fix("run the pass that lowers it first")
_PLUGIN = Fix("load the plugin that defines it", "--plugin FILE.py")


@dataclass(frozen=True)
class UnknownOp(RuleCheck):
    """Every op is an operator of the Graph Engine.

    Where a lowering ran and left ops behind, it has reported each, and only unknown operators of the Graph Engine's
    own dialect are reported here.
    """

    name: ClassVar[str] = "unknown-op"
    code: ClassVar[str] = "MC211"

    def offences(self, model: Model, limit: Limit, reported: set[str]) -> Iterator[Offence]:
        """Yield ops of other dialects, and ops without a prototype."""
        lowered = GE in model.facts and bool(reported)
        for op in model.ops():
            if op.kind in _EVERYWHERE or (op.dialect != "ge" and lowered):
                continue
            if op.dialect != "ge" or op_def(op.kind) is None:
                yield Offence(op, op.kind)

    def report(self, group: Sequence[Offence], limit: Limit) -> Diagnostic:
        """Return one finding for each kind of op."""
        op = group[0].subject
        assert isinstance(op, Op)
        foreign = bool(op.dialect) and op.dialect != "ge" and op_def(op.kind) is not None
        fix = _LOWER if foreign else _PLUGIN
        what = "is of the kind" if len(group) == 1 else "are of the kind"
        return finding(
            self.code,
            f"{subjects(group, what, what)} {op.kind}, which is no operator of the Graph Engine",
            op,
            evidence=[("ops", places(group)), ("count", str(len(group)))],
            fixes=[fix, *cut_before(op)],
        )
