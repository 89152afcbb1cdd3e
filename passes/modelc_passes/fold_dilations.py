"""Fold dilations: a convolution between SpaceToBatchND and BatchToSpaceND is a dilated convolution."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from modelc.dialects.ge.helpers import spatial_axes
from modelc.dialects.lookup import infer_types
from modelc.ir.attributes import get, ints
from modelc.ir.constants import constant
from modelc.ir.op import Op
from modelc.ir.opdef import InferenceError
from modelc.pipeline.facts import GE, TYPED
from modelc.rewrite.driver import RulePass
from modelc.rewrite.rewriter import Rewriter
from modelc.rewrite.rules import Miss, RuleSet, rule
from modelc_passes.fold_pads import constant_pairs


@rule("ge.BatchToSpaceND", name="space-to-batch-into-dilation")
def space_to_batch_into_dilation(op: Op, rw: Rewriter) -> Miss | None:
    """A convolution of interleaved parts of an image becomes a dilated convolution of the image."""
    conv = op.operands[0].producer
    if conv.kind not in ("ge.Conv2D", "ge.DepthwiseConv2D"):
        return Miss("it does not follow a convolution")
    source = conv.operands[0].producer
    if source.kind != "ge.SpaceToBatchND" or len(conv.result.readers) != 1:
        return Miss("the convolution is not of what SpaceToBatchND gives")
    if get(conv.attributes, "data_format", str, "NHWC") != "NHWC" or not _is_plain(conv):
        return Miss("the convolution has strides, dilations or padding of its own")
    block = _block(source, op)
    if block is None:
        return Miss("the blocks are not two equal constants")
    paddings, crops = (constant_pairs(block.operands[2], 2) for block in (source, op))
    if paddings is None or crops is None:
        return Miss("the paddings are not constants")
    pads = tuple(
        pad - crop for pair, cut in zip(paddings, crops, strict=True) for pad, crop in zip(pair, cut, strict=True)
    )
    if min(pads) < 0:
        return Miss("more is cut off than was put around")
    attributes = {**conv.attributes, "pads": pads, "dilations": (1, *block, 1)}
    operands = (source.operands[0], *conv.operands[1:])
    try:
        types = tuple(infer_types(Op(conv.kind, operands, attributes)))
    except InferenceError:
        return Miss("the dilated convolution does not fit")
    if types[0] != op.result.type:
        return Miss("the dilated convolution has another shape")
    rw.at(op, conv, source, op)
    rw.replace(op, rw.build(conv.kind, operands, attributes, types=types, name=op.result.name).result)
    return None


def _block(*ops: Op) -> tuple[int, int] | None:
    """Return the height and width of the blocks that all of `ops` use, None where they are not known or differ."""
    found = {None if array is None else tuple(map(int, array)) for array in (constant(op.operands[1]) for op in ops)}
    block = found.pop()
    return (block[0], block[1]) if not found and block is not None and len(block) == 2 else None


def _is_plain(conv: Op) -> bool:
    axes = spatial_axes("NHWC")
    moved = [ints(conv.attributes, name, (1, 1, 1, 1)) for name in ("strides", "dilations")]
    return all(numbers[axis] == 1 for numbers in moved for axis in axes) and not any(ints(conv.attributes, "pads"))


@dataclass(frozen=True)
class FoldDilations(RulePass):
    """Turn convolutions between SpaceToBatchND and BatchToSpaceND into dilated convolutions."""

    name: ClassVar[str] = "fold-dilations"
    needs: ClassVar[frozenset[str]] = frozenset({GE, TYPED})
    rules: ClassVar[RuleSet] = RuleSet([space_to_batch_into_dilation])
