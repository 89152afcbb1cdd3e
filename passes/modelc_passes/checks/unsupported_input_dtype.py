"""Inputs of element types that the target does not take."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from modelc.diagnostics.diagnostic import Diagnostic, Fix
from modelc.ir.model import Model
from modelc.ir.op import Value
from modelc.ir.types import TensorType
from modelc.profiles import Limit
from modelc_passes.checks.rule import Offence, RuleCheck, about_input, conjoined, inputs, places, readers

_CAST = "export the model with {better} inputs and cast them to {dtype} inside"
_NUMBERS = Fix("export a signature that takes numbers, and parse or look up before the model", "--signature KEY")
_FIXES = {
    "float64": Fix("export the model in float32"),
    "int64": Fix(_CAST.format(better="int32", dtype="int64")),
    "string": _NUMBERS,
    "resource": _NUMBERS,
    "variant": _NUMBERS,
}


@dataclass(frozen=True)
class UnsupportedInputDtype(RuleCheck):
    """An input holds elements of a type that the target takes."""

    name: ClassVar[str] = "unsupported-input-dtype"
    code: ClassVar[str] = "MC201"

    def offences(self, model: Model, limit: Limit, reported: set[str]) -> Iterator[Offence]:
        """Yield the inputs of other types."""
        taken = limit.names("dtypes")
        for value in model.graph.inputs:
            dtype = dtype_of(value)
            if dtype and dtype not in taken:
                yield Offence(value, dtype, str(value.type))

    def report(self, group: Sequence[Offence], limit: Limit) -> Diagnostic:
        """Return one finding for each element type."""
        value, dtype = group[0].subject, str(group[0].cause)
        assert isinstance(value, Value)
        taken = conjoined(sorted(limit.names("dtypes")))
        values = [offence.subject for offence in group if isinstance(offence.subject, Value)]
        return about_input(
            self.code,
            f"{inputs(group, 'is', 'are')} {dtype}; the target takes {taken}",
            value,
            [("inputs", places(group)), ("read by", readers(values) or "nothing")],
            _FIXES.get(dtype, Fix(_CAST.format(better="float32", dtype=dtype))),
        )


def dtype_of(value: Value) -> str:
    """Return the name of a value's element type as the rules spell it, empty where there is none or it is unknown."""
    type_ = value.type
    if not isinstance(type_, TensorType):
        return type_.name if type_.name in ("resource", "variant") else ""
    if type_.element is None:
        return ""
    fixed = type_.element.family in ("float", "int", "uint", "bool", "complex")
    return type_.element.numpy if fixed else type_.element.name
