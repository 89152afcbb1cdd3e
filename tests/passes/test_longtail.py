"""Lowering by data: what a prototype cannot say is refused, and not dropped."""

from __future__ import annotations

import pytest

from modelc.diagnostics.diagnostic import Sink
from modelc.pipeline.facts import FROZEN, INFERENCE_ONLY, INLINED
from modelc.pipeline.passes import PassContext
from modelc.text.reader import read_model
from modelc_passes.lower_tf.lower import LowerTf

DECODER = """
graph @main(%x: f32[4, 2, 5], %n: i32[2]) {{
  %i, %v, %s, %p = tf.CTCGreedyDecoder(%x, %n) {{T = f32, merge_repeated = false{0}}}
    : i64[?, 2], i64[?], i64[2], f32[2, 1]
  return %i, %v, %s, %p
}}
"""


def lowered(text: str) -> tuple[list[str], list[str]]:
    """Return the kinds that a graph is lowered to, and what the findings say."""
    model, sink = read_model(text), Sink()
    model.facts |= {INLINED, FROZEN, INFERENCE_ONLY}
    LowerTf().run(model, PassContext(sink=sink))
    return [op.kind for op in model.graph if op.dialect], [item.message for item in sink.errors]


@pytest.mark.parametrize("stated", ["", ", blank_index = -1"])
def test_a_default_that_the_prototype_lacks_says_nothing(stated: str) -> None:
    assert lowered(DECODER.format(stated)) == (["ge.CTCGreedyDecoder"], [])


def test_another_value_is_refused() -> None:
    kinds, messages = lowered(DECODER.format(", blank_index = 0"))
    assert kinds == ["tf.CTCGreedyDecoder"]
    assert len(messages) == 1
    assert messages[0].endswith("states `blank_index`, which CTCGreedyDecoder of the Graph Engine cannot")


def test_a_cross_product_is_taken_along_the_last_dimension() -> None:
    graph = "graph @main(%a: f32[3, 3]) { %y = tf.Cross(%a, %a) {T = f32} : f32[3, 3] return %y }"
    model, sink = read_model(graph), Sink()
    model.facts |= {INLINED, FROZEN, INFERENCE_ONLY}
    LowerTf().run(model, PassContext(sink=sink))
    (op,) = (op for op in model.graph if op.kind == "ge.Cross")
    assert op.attributes["dim"] == -1
