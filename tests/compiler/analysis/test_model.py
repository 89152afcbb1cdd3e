"""Whole graphs: published networks, and what counts as parameters and traffic."""

from __future__ import annotations

import pytest
from tests.compiler.analysis.networks import mobilenet_v2, resnet50

from modelc.analysis.model import Analysis, Cost, analyze, by_kind
from modelc.text.reader import read_model


def analysis(text: str) -> Analysis:
    return analyze(read_model(text).graph)


def test_resnet50_has_the_published_figures() -> None:
    graph, macs = resnet50()
    found = analyze(graph)
    assert found.total.macs == macs
    assert found.total.macs / 1e9 == pytest.approx(3.86, abs=0.005)  # He et al. count 3.8 G
    assert found.total.parameters / 1e6 == pytest.approx(25.53, abs=0.005)  # normalizations folded into biases
    assert found.weight_bytes == 4 * found.total.parameters + 16  # and the order of axes


def test_mobilenet_v2_has_the_published_figures() -> None:
    graph, macs = mobilenet_v2()
    found = analyze(graph)
    assert found.total.macs == macs
    assert found.total.macs / 1e6 == pytest.approx(300, abs=1)  # Sandler et al. count 300 M
    assert found.total.parameters / 1e6 == pytest.approx(3.49, abs=0.005)  # and 3.4 M


def test_arithmetic_grows_with_the_batch_and_parameters_do_not() -> None:
    one, four = (analyze(resnet50(batch)[0]) for batch in (1, 4))
    assert four.total.macs == 4 * one.total.macs
    assert four.total.read == 4 * one.total.read
    assert four.total.parameters == one.total.parameters
    assert four.memory.peak == pytest.approx(4 * one.memory.peak, rel=0.1)


def test_bytes_are_those_of_operands_and_results() -> None:
    found = analysis("""graph @main(%x: f32[2, 3]) {
  %w = const splat<1.0> : f32[3, 5]
  %y = ge.MatMulV2(%x, %w) : f32[2, 5]
  %z = ge.Mul(%y, %y) : f32[2, 5]
  return %z
}
""")
    product, square = (each.cost for each in found.ops)
    assert product == Cost(parameters=15, macs=30, weights=60, read=24, written=40)
    assert square == Cost(other=10, read=40, written=40)
    assert product is not None
    assert product.intensity == 2 * 30 / (60 + 24 + 40)


def test_a_constant_of_several_readers_is_read_by_each_and_held_once() -> None:
    found = analysis("""graph @main(%x: f32[4]) {
  %w = const splat<1.0> : f32[4]
  %unused = const splat<1.0> : f32[400]
  %y = ge.Add(%x, %w) : f32[4]
  %z = ge.Mul(%y, %w) : f32[4]
  return %z
}
""")
    assert (found.total.parameters, found.total.weights, found.weight_bytes) == (4, 32, 16)


def test_integers_are_no_parameters() -> None:
    found = analysis("""graph @main(%x: f32[4, 2]) {
  %order = const dense<[1, 0]> : i32[2]
  %y = ge.Transpose(%x, %order) : f32[2, 4]
  return %y
}
""")
    assert found.total == Cost(weights=8, read=32, written=32)


def test_views_cost_nothing_and_what_is_picked_is_what_is_read() -> None:
    found = analysis("""graph @main(%ids: i32[3]) {
  %table = const splat<1.0> : f32[1000, 8]
  %axis = const dense<0> : i32[1]
  %rows = ge.GatherV2(%table, %ids, %axis) : f32[3, 8]
  %shape = const dense<24> : i32[1]
  %flat = ge.Reshape(%rows, %shape) : f32[24]
  return %flat
}
""")
    lookup, view = (each.cost for each in found.ops)
    assert lookup == Cost(parameters=8000, weights=96 + 4, read=12, written=96)
    assert view == Cost()


def test_ops_of_nested_graphs_count_once() -> None:
    found = analysis("""graph @main(%c: bool[], %x: f32[8]) {
  %y = ge.If(%c, %x) graph @then_branch(%a: f32[8]) {
    %exp = ge.Exp(%a) : f32[8]
    return %exp
  } graph @else_branch(%b: f32[8]) {
    %neg = ge.Neg(%b) : f32[8]
    return %neg
  } : f32[8]
  return %y
}
""")
    assert found.total.other == 16
    assert [each.op.kind for each in found.ops] == ["ge.If", "ge.Exp", "ge.Neg"]


def test_what_is_not_known_is_left_out_and_named() -> None:
    found = analysis("""graph @main(%x: f32[?, 4]) {
  %y = ge.Relu(%x) : f32[?, 4]
  %w = const splat<1.0> : f32[4]
  %z = ge.Exp(%w) : f32[4]
  return %y, %z
}
""")
    assert [op.kind for op in found.unknown] == ["ge.Relu"]
    assert found.total.other == 4


def test_kinds_are_summed_and_sorted_by_arithmetic() -> None:
    rows = list(by_kind(analyze(mobilenet_v2()[0])))
    assert [kind for kind, _, _ in rows[:3]] == ["ge.Conv2D", "ge.DepthwiseConv2D", "ge.MatMulV2"]
    assert {kind: count for kind, count, _ in rows}["ge.DepthwiseConv2D"] == 17
