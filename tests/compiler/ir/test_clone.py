"""Copies say the same as what they are copied from, and share no op with it."""

from __future__ import annotations

from canonical_nets import residual_net
from golden_case import GoldenCase

from modelc.ir.clone import clone_model
from modelc.ir.compare import differences
from modelc.text.printer import print_model
from modelc.text.reader import read_model

LOOP = """
graph @main(%a: f32[], %m: f32[]) {
  %merged, %index = tf.Merge(%a, %next) : f32[], i32[]
  %next = tf.NextIteration(%merged) : f32[]
  %r = tf.If(%a, %m) graph @then(%x: f32[]) {
    %y = tf.Neg(%x) : f32[]
    return %y
  } graph @else(%x: f32[]) {
    return %x
  } : f32[]
  return %merged, %r
}
"""


def test_a_copy_says_the_same(golden_case: GoldenCase) -> None:
    model = golden_case.model()
    assert differences(model, clone_model(model)) == []
    assert print_model(clone_model(model)) == print_model(model)


def test_a_copy_keeps_what_loops_carry_back_and_nested_graphs() -> None:
    model = read_model(LOOP)
    copy = clone_model(model)
    assert print_model(copy) == print_model(model)
    assert set(copy.ops()).isdisjoint(model.ops())


def test_changing_a_copy_leaves_the_original() -> None:
    model = residual_net(2)
    before = print_model(model)
    copy = clone_model(model)
    assert copy.edits == 0
    for op in copy.graph:
        copy.graph.set_attribute(op, "mark", 1)
    assert copy.edits == len(copy.graph)
    assert print_model(model) == before
