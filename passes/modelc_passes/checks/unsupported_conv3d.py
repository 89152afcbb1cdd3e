"""Convolutions and poolings in three dimensions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from modelc.diagnostics.diagnostic import Diagnostic, Fix, finding
from modelc.ir.attributes import Attribute
from modelc.ir.model import Model
from modelc.ir.op import Op
from modelc.ir.types import TensorType
from modelc.profiles import Limit
from modelc_passes.checks.rule import Offence, RuleCheck, cut_before, places, shown_list, subjects
from modelc_passes.infer_types import source_type

# The gradients of these ops that only training needs belong to the check training-op.
IN_THREE_DIMENSIONS = re.compile(
    r"(tf|ge)\.(_?(Fused)?Conv3D(V2|BackpropInput(V2)?|Transpose)?D?"
    r"|((Max|Avg)Pool3D|Fractional(Max|Avg)Pool3D)(D|WithArgmax(V2)?)?)"
)
_FLAT = Fix("the filters and windows have a depth of 1: use the operations for two dimensions")


@dataclass(frozen=True)
class UnsupportedConv3d(RuleCheck):
    """Convolution and pooling have two spatial dimensions."""

    name: ClassVar[str] = "unsupported-conv3d"
    code: ClassVar[str] = "MC208"

    def offences(self, model: Model, limit: Limit, reported: set[str]) -> Iterator[Offence]:
        """Yield the ops with three spatial dimensions."""
        for op in model.ops():
            if IN_THREE_DIMENSIONS.fullmatch(op.kind):
                yield Offence(op, shown=_shown(op))

    def report(self, group: Sequence[Offence], limit: Limit) -> Diagnostic:
        """Return one finding for all of them."""
        ops = [offence.subject for offence in group if isinstance(offence.subject, Op)]
        fixes = [_FLAT] if all(_depth(op) == 1 for op in ops) else []
        return finding(
            self.code,
            f"{subjects(group, 'works', 'work')} in three dimensions; the target convolves and pools in two",
            ops[0],
            evidence=[("ops", places(group)), ("op types", shown_list(map(source_type, ops)))],
            fixes=[*fixes, *cut_before(ops[0])],
        )


def _shown(op: Op) -> str:
    if len(op.inputs) > 1:
        return f"filter {op.inputs[1].type}"
    window = _window(op)
    return f"window {'x'.join(map(str, window))}" if window else ""


def _window(op: Op) -> tuple[Attribute, ...]:
    window = op.attributes.get("ksize")
    return window if isinstance(window, tuple) else ()


def _depth(op: Op) -> object:
    """Return the extent of the filter or window in the first spatial dimension, None where it is unknown."""
    if len(op.inputs) > 1:
        type_ = op.inputs[1].type
        return type_.shape[0] if isinstance(type_, TensorType) and type_.shape else None
    window, layout = _window(op), op.attributes.get("data_format", "NDHWC")
    place = layout.find("D") if isinstance(layout, str) else 1
    return window[place] if len(window) == 5 and 0 <= place < 5 else None
