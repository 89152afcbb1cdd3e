"""Models that compute on quantized numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from modelc.diagnostics.diagnostic import Diagnostic, Fix, finding
from modelc.ir.model import Model
from modelc.ir.op import Op, Value
from modelc.ir.types import TensorType
from modelc.profiles import Limit
from modelc_passes.checks.rule import Offence, RuleCheck, name_of, places, shown_list, subjects
from modelc_passes.infer_types import source_type
from modelc_passes.shared.policy import family_of

_WEIGHTED = ("Conv2D", "DepthwiseConv2dNative", "MatMul", "BatchMatMul", "DepthwiseConv2D", "Conv3D", "_FusedConv2D")
_WEIGHTED_KINDS = frozenset(f"{dialect}.{kind}" for dialect in ("tf", "ge") for kind in _WEIGHTED)
_STORAGE = frozenset({"u8", "i8"})


@dataclass(frozen=True)
class QuantizedModel(RuleCheck):
    """The model computes on floating-point numbers; the target's own tools quantize it afterwards."""

    name: ClassVar[str] = "quantized-model"
    code: ClassVar[str] = "MC207"

    def offences(self, model: Model, limit: Limit, reported: set[str]) -> Iterator[Offence]:
        """Yield quantized ops, ops on quantized element types, and layers whose weights are 8-bit integers."""
        for op in model.ops():
            entry = family_of(op)
            if entry is not None and entry.name == "quantized":
                yield Offence(op)
            elif op.kind in _WEIGHTED_KINDS and len(op.inputs) > 1 and _is_stored_small(op.inputs[1]):
                yield Offence(op, shown=f"weights {op.inputs[1].type}")
            elif op.kind not in ("const", "return", "input"):
                yield from _quantized(op)

        for value in model.graph.inputs:
            if not value.readers and _is_quantized(value):
                yield Offence(value, shown=str(value.type))

    def report(self, group: Sequence[Offence], limit: Limit) -> Diagnostic:
        """Return one finding for all of them."""
        first = group[0].subject
        ops = [offence.subject for offence in group if isinstance(offence.subject, Op)]
        return finding(
            self.code,
            f"{subjects(group, 'computes', 'compute')} on quantized numbers; the target takes the float model",
            first,
            evidence=[
                ("ops", places(group)),
                ("op types", shown_list(map(source_type, ops)) or "inputs"),
            ],
            notes=["an input of type uint8 is allowed, arithmetic on quantized numbers is not"],
            fixes=[Fix(f"export the float model that `{name_of(first)}` was made from; quantize after compiling")],
        )


def _quantized(op: Op) -> Iterator[Offence]:
    touched = next((value for value in (*op.inputs, *op.results) if _is_quantized(value)), None)
    if touched is not None:
        yield Offence(op, shown=str(touched.type))


def _is_quantized(value: Value) -> bool:
    element = value.type.element if isinstance(value.type, TensorType) else None
    return element is not None and element.family == "quantized"


def _is_stored_small(value: Value) -> bool:
    element = value.type.element if isinstance(value.type, TensorType) else None
    return value.producer.kind == "const" and element is not None and element.name in _STORAGE
