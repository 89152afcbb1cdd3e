"""Inputs without a full shape."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from modelc.diagnostics.diagnostic import Diagnostic, Fix
from modelc.ir.model import Model
from modelc.ir.op import Value
from modelc.ir.types import TensorType
from modelc.profiles import Limit
from modelc_passes.checks.rule import Offence, RuleCheck, about_input, inputs, name_of, places


@dataclass(frozen=True)
class DynamicInputShape(RuleCheck):
    """Every dimension of every input is a number.

    Where fix-shapes ran, it has said so already, and this check is silent.
    """

    name: ClassVar[str] = "dynamic-input-shape"
    code: ClassVar[str] = "MC202"
    elsewhere: ClassVar[frozenset[str]] = frozenset({"MC407", "MC408"})

    def offences(self, model: Model, limit: Limit, reported: set[str]) -> Iterator[Offence]:
        """Yield the inputs with an unknown dimension."""
        for value in model.graph.inputs:
            if isinstance(value.type, TensorType) and not value.type.is_static:
                yield Offence(value, shown=str(value.type))

    def report(self, group: Sequence[Offence], limit: Limit) -> Diagnostic:
        """Return one finding for all inputs, with a flag that settles them."""
        value = group[0].subject
        assert isinstance(value, Value)
        shapes = ";".join(f"{name_of(o.subject)}:{_numbers(o.subject)}" for o in group if isinstance(o.subject, Value))
        return about_input(
            self.code,
            f"{inputs(group, 'has', 'have')} unknown dimensions",
            value,
            [("inputs", places(group))],
            Fix("give the shapes; numbers for unknown dimensions are examples", f'--input-shape "{shapes}"'),
        )


def _numbers(value: Value) -> str:
    shape = value.tensor.shape
    return "1,224,224,3" if shape is None else ",".join(str(dim if isinstance(dim, int) else 1) for dim in shape)
