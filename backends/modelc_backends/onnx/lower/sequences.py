"""Lowering of the decoder that takes the best label of each step."""

from __future__ import annotations

from modelc.dialects.ge.helpers import flag
from modelc.ir.op import Value
from modelc.ir.types import I64
from modelc_backends.onnx.lower.padding import padded
from modelc_backends.onnx.lower.shape import integers_of
from modelc_backends.onnx.lower.site import Site
from modelc_backends.onnx.lower.slicing import cut
from modelc_backends.onnx.lower.table import Lowered, lowers


@lowers("CTCGreedyDecoder")
def _greedy(site: Site) -> Lowered:
    logits = site.inputs[0]
    steps, _, classes = site.dims(logits)
    best = site.transpose(site.onnx("ArgMax", logits, axis=2, keepdims=0), (1, 0))  # [batch, steps]
    ends = site.unsqueeze(integers_of(site, site.inputs[1]), (1,))
    runs = site.onnx("Less", site.constant(range(steps)), ends)
    kept = site.onnx("And", runs, site.onnx("Not", site.onnx("Equal", best, site.constant(classes - 1))))
    if flag(site.op, "merge_repeated", False):
        kept = site.onnx("And", kept, site.onnx("Not", site.onnx("Equal", best, _before(site, best))))
    found = site.transpose(site.onnx("NonZero", kept), (1, 0))
    places = site.onnx("CumSum", site.cast(kept, I64), site.constant(1))  # of each label in its row, from 1
    columns = site.onnx("Sub", site.onnx("GatherND", places, found), site.constant(1))
    indices = site.onnx("Concat", cut(site, found, [(1, 0, 1, 1)]), site.unsqueeze(columns, (1,)), axis=1)
    longest = site.onnx("ReduceMax", places, None, keepdims=0)
    shape = site.onnx("Concat", site.constant(site.dims(best)[:1]), site.reshape(longest, (1,)), axis=0)
    return [indices, site.onnx("GatherND", best, found), shape, _score(site, logits, runs)]


def _before(site: Site, best: Value) -> Value:
    """Return the label before each one, -1 before the first."""
    moved = padded(site, best, [(0, 0), (1, 0)], site.constant(-1))
    return cut(site, moved, [(1, 0, site.dims(best)[1], 1)])


def _score(site: Site, logits: Value, runs: Value) -> Value:
    """Return the negated sum of the greatest logits of each sequence."""
    greatest = site.transpose(site.onnx("ReduceMax", logits, site.constant([2]), keepdims=0), (1, 0))
    counted = site.onnx("Where", runs, greatest, site.scalar(0, greatest))
    return site.onnx("Neg", site.onnx("ReduceSum", counted, site.constant([1]), keepdims=1))
