"""Element types that the target cannot compute with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from modelc.diagnostics.diagnostic import Diagnostic, Fix, finding
from modelc.dialects.ge.dtypes import takes
from modelc.dialects.lookup import op_def
from modelc.ir.model import Model
from modelc.ir.op import Op
from modelc.profiles import Limit
from modelc_passes.checks.regions import Region, regions
from modelc_passes.checks.rule import Offence, RuleCheck, called, places, shown_list
from modelc_passes.checks.unsupported_input_dtype import dtype_of
from modelc_passes.shared.kernel_fit import operands_of


@dataclass(frozen=True)
class UnsupportedDtype(RuleCheck):
    """Every op takes the element types it is given.

    The types are those of the operator's prototype, less those that the profile refuses everywhere. Reported is the
    op where such a type first appears.
    """

    name: ClassVar[str] = "unsupported-dtype"
    code: ClassVar[str] = "MC214"

    def offences(self, model: Model, limit: Limit, reported: set[str]) -> Iterator[Offence]:
        """Yield where refused types begin, then the operands that an operator's prototype does not take."""
        refused = limit.names("refused")
        for region in regions(model, lambda value: dtype_of(value) in refused):
            if region.ops and not (region.inputs and "MC201" in reported):
                op = (region.roots or region.ops)[0]
                yield Offence(op, ("refused", _first_of(op, refused)), _extent(region, op))
        for op in model.ops():
            if op.dialect == "ge":
                yield from _misfits(op, refused)

    def report(self, group: Sequence[Offence], limit: Limit) -> Diagnostic:
        """Return one finding for each refused type, and one for each pair of operator and type."""
        op, cause = group[0].subject, group[0].cause
        assert isinstance(op, Op)
        assert isinstance(cause, tuple)
        what, dtype, *rest = map(str, cause)
        evidence = [("ops", places(group))]
        if what == "refused":
            message = f"{called(op)} computes with {dtype}, which the target does not"
            fixes = [Fix("export the model with the computation in float32")]
        else:
            message = f"{called(op)} is given {dtype} as `{rest[0]}`, which {what} of the Graph Engine does not take"
            evidence.append(("takes", shown_list(sorted(_elements(op, rest[0])))))
            fixes = [Fix(f"cast to a type that it takes before `{op.origin.name or op.name}`")]
        return finding(self.code, message, op, evidence=evidence, fixes=fixes)


def _first_of(op: Op, refused: frozenset[str]) -> str:
    return next(dtype for value in (*op.results, *op.operands) if (dtype := dtype_of(value)) in refused)


def _extent(region: Region, op: Op) -> str:
    following = len(region.ops) - 1
    types = shown_list(str(value.type) for value in op.results)
    return f"{types}, and {following} ops that follow" if following else types


def _misfits(op: Op, refused: frozenset[str]) -> Iterator[Offence]:
    definition = op_def(op.kind)
    if definition is None:
        return
    for value, slot in operands_of(op, definition):
        if takes(slot, value.type) or dtype_of(value) in refused:
            continue
        yield Offence(op, (op.kind[3:], dtype_of(value), slot.name), str(value.type))
        return


def _elements(op: Op, slot_name: str) -> frozenset[str]:
    definition = op_def(op.kind)
    slots = () if definition is None else definition.operands
    return next((slot.elements for slot in slots if slot.name == slot_name), frozenset())
