"""Rules about ops that may turn out to give back what they are given: copies, slices, paddings, joins."""

from __future__ import annotations

from modelc.ir.constants import constant
from modelc.ir.op import Op
from modelc.rewrite.rewriter import Rewriter
from modelc.rewrite.rules import Miss, rule
from modelc_passes.identities.views import same_static_type

COPIES = ("ge.Identity", "ge.IdentityN", "ge.Snapshot", "ge.StopGradient", "ge.PreventGradient", "ge.GuaranteeConst")
WHOLE = ("ge.Slice", "ge.Tile", "ge.BroadcastTo", "ge.Pad", "ge.PadV2", "ge.MirrorPad")


@rule(*COPIES, name="copy-to-operand")
def copy_to_operand(op: Op, rw: Rewriter) -> Miss | None:
    """A copy is what it copies."""
    if len(op.operands) != len(op.results):
        return Miss("it has other operands")
    rw.replace(op, *op.operands)
    return None


@rule(*WHOLE, name="whole-to-operand")
def whole_to_operand(op: Op, rw: Rewriter) -> Miss | None:
    """A slice of everything, a padding by nothing, or a single copy of a tensor is the tensor."""
    x = op.operands[0]
    if not same_static_type(x, op.result):
        return Miss("it changes the shape")
    if op.kind in ("ge.Pad", "ge.PadV2", "ge.MirrorPad"):
        paddings = constant(op.operands[1])
        if paddings is None or paddings.any():  # a negative padding could make up for a positive one
            return Miss("it pads")
    if x.tensor.size == 0:
        return Miss("there is nothing in it")
    rw.replace(op, x)
    return None


@rule("ge.StridedSlice", name="strided-slice-of-everything")
def strided_slice_of_everything(op: Op, rw: Rewriter) -> Miss | None:
    """A slice with steps of one that keeps the shape is what it slices."""
    x = op.operands[0]
    if not same_static_type(x, op.result) or x.tensor.size == 0:
        return Miss("it changes the shape")
    strides = constant(op.operands[3])
    if (
        strides is None
        or (strides != 1).any()
        or op.attributes.get("shrink_axis_mask")
        or op.attributes.get("new_axis_mask")
    ):
        return Miss("it does not go through everything in order")
    rw.replace(op, x)
    return None


@rule("ge.Split", "ge.SplitV", "ge.ConcatV2", "ge.AddN", name="only-part-to-operand")
def only_part_to_operand(op: Op, rw: Rewriter) -> Miss | None:
    """A join of one tensor, or a split into one, is the tensor."""
    x = op.operands[1] if op.kind == "ge.Split" else op.operands[0]
    others = len(op.operands) - {"ge.Split": 1, "ge.SplitV": 2, "ge.ConcatV2": 1, "ge.AddN": 0}[op.kind]
    if len(op.results) != 1 or others != 1:
        return Miss("there are several parts")
    rw.replace(op, x)
    return None
