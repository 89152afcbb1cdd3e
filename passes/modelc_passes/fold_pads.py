"""Fold pads: zeros put around an image before a convolution become the convolution's own padding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from modelc.dialects.ge.helpers import spatial_axes
from modelc.ir.attributes import get, ints
from modelc.ir.constants import constant
from modelc.ir.op import Op, Value
from modelc.ir.types import TensorType
from modelc.pipeline.facts import GE, TYPED
from modelc.rewrite.driver import RulePass
from modelc.rewrite.rewriter import Rewriter
from modelc.rewrite.rules import Miss, RuleSet, rule

CONVOLUTIONS = ("ge.Conv2D", "ge.DepthwiseConv2D", "ge.Conv3D")


def constant_pairs(value: Value, count: int) -> list[tuple[int, int]] | None:
    """Return the `count` pairs of integers that a constant holds, None for anything else."""
    array = constant(value)
    if array is None or array.shape != (count, 2):
        return None
    return [(int(before), int(after)) for before, after in array]


def reach(op: Op, layout: str) -> tuple[int, ...] | None:
    """Return how far the window of a convolution reaches along each spatial axis, None where that is not known."""
    shape = op.operands[1].tensor.shape
    axes = spatial_axes(layout)
    if shape is None or not all(isinstance(dim, int) for dim in shape):
        return None
    dilations = ints(op.attributes, "dilations", (1,) * len(layout))
    kernel = [dim for dim in shape[: len(axes)] if isinstance(dim, int)]
    return tuple((extent - 1) * dilations[axis] + 1 for axis, extent in zip(axes, kernel, strict=True))


@rule(*CONVOLUTIONS, name="pad-into-convolution")
def pad_into_convolution(op: Op, rw: Rewriter) -> Miss | None:
    """Zeros put around height and width before a convolution become its padding."""
    pad = op.operands[0].producer
    if pad.kind != "ge.Pad":
        return Miss("it does not follow a padding")
    if any(user.kind not in CONVOLUTIONS for user in pad.result.users):
        return Miss("what it pads is read by other ops")
    layout = get(op.attributes, "data_format", str, "NHWC")
    axes = spatial_axes(layout)
    pairs = constant_pairs(pad.operands[1], len(layout))
    window = reach(op, layout)
    if pairs is None or window is None:
        return Miss("the padding or the window is not known")
    if any(pair != (0, 0) for axis, pair in enumerate(pairs) if axis not in axes):
        return Miss("the padding is not only around height and width")
    present = ints(op.attributes, "pads")
    added = [number for axis in axes for number in pairs[axis]]
    total = tuple(old + new for old, new in zip(present, added, strict=True))
    if any(number < 0 or number >= extent for number, extent in zip(total, _twice(window), strict=True)):
        return Miss("the padding is larger than the window")
    if not isinstance(pad.operands[0].type, TensorType) or pad.operands[0].tensor.element != op.result.tensor.element:
        return Miss("the padding changes the element type")
    rw.at(op, op, pad)
    attributes = {**op.attributes, "pads": total}
    operands = (pad.operands[0], *op.operands[1:])
    rw.replace(op, rw.build(op.kind, operands, attributes, types=[op.result.type], name=op.result.name).result)
    return None


def _twice(numbers: tuple[int, ...]) -> list[int]:
    return [number for number in numbers for _ in range(2)]


@dataclass(frozen=True)
class FoldPads(RulePass):
    """Turn zeros put around images before convolutions into the padding of the convolutions."""

    name: ClassVar[str] = "fold-pads"
    needs: ClassVar[frozenset[str]] = frozenset({GE, TYPED})
    rules: ClassVar[RuleSet] = RuleSet([pad_into_convolution])
