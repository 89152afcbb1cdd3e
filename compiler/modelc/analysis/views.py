"""Ops that give their operand another shape or name: no arithmetic, no traffic, no memory of their own."""

from __future__ import annotations

from typing import Final

from modelc.ir.op import Op, Value

VIEWS: Final = frozenset(
    f"ge.{name}"
    for name in (
        *("Bitcast", "EnsureShape", "ExpandDims", "Flatten", "FlattenV2", "GuaranteeConst", "Identity", "IdentityN"),
        *("PlaceholderWithDefault", "PreventGradient", "Reshape", "Snapshot", "Squeeze", "SqueezeV2", "SqueezeV3"),
        *("StopGradient", "Unsqueeze", "UnsqueezeV2", "UnsqueezeV3"),
    )
)


def viewed(op: Op, index: int) -> Value | None:
    """Return the operand that result `index` of `op` is a view of, None where it is none."""
    if op.kind not in VIEWS or index >= len(op.inputs):
        return None
    return op.inputs[index]
