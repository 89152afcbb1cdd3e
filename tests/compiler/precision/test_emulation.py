"""Emulation: what each op computes under a plan, bit for bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from tests.compiler.precision.graphs import graph_of, plan_of

from modelc.execute.evaluator import evaluate
from modelc.ir.types import F16
from modelc.precision.emulation import emulate
from modelc.precision.rounding import narrowed

Array = NDArray[Any]
MATRICES = "%x: f32[3, 4], %y: f32[4, 2]"
PRODUCT = "  %z = ge.MatMulV2(%x, %y) : f32[3, 2]\n  return %z"
NUMBERS = st.floats(-300, 300, width=32)


def arrays(*shape: int) -> st.SearchStrategy[Array]:
    return hnp.arrays(np.float32, shape, elements=NUMBERS)


def half(array: Array) -> Array:
    with np.errstate(over="ignore"):
        return array.astype(np.float16)


@settings(deadline=None, max_examples=50)
@given(x=arrays(3, 4), y=arrays(4, 2))
def test_a_product_of_halves_is_summed_in_more_and_rounded_once(x: Array, y: Array) -> None:
    graph = graph_of(PRODUCT, MATRICES)
    found = emulate(graph, {"x": x, "y": y}, plan_of(graph))["z"]
    wide = np.matmul(half(x).astype(np.float64), half(y).astype(np.float64)).astype(np.float32)
    np.testing.assert_array_equal(found, half(wide).astype(np.float32))


@settings(deadline=None, max_examples=50)
@given(x=arrays(3, 4), y=arrays(4, 2))
def test_a_result_can_stay_wide(x: Array, y: Array) -> None:
    graph = graph_of(PRODUCT, MATRICES)
    found = emulate(graph, {"x": x, "y": y}, plan_of(graph, "cube_fp16in_fp32out"))["z"]
    wide = np.matmul(half(x).astype(np.float64), half(y).astype(np.float64)).astype(np.float32)
    np.testing.assert_array_equal(found, wide)


@pytest.mark.parametrize("kind", ["Add", "Sub", "Mul", "RealDiv", "Maximum"])
@settings(deadline=None, max_examples=50)
@given(x=arrays(5), y=arrays(5))
def test_an_op_computes_what_it_computes_on_real_halves(kind: str, x: Array, y: Array) -> None:
    body = "  %z = ge.{}(%x, %y) : {}[5]\n  return %z"
    graph = graph_of(body.format(kind, "f32"), "%x: f32[5], %y: f32[5]")
    halves = graph_of(body.format(kind, "f16"), "%x: f16[5], %y: f16[5]")
    found = emulate(graph, {"x": x, "y": y}, plan_of(graph))["z"]
    expected = evaluate(halves, {"x": half(x), "y": half(y)})["z"]
    np.testing.assert_array_equal(found, expected.astype(np.float32))


@pytest.mark.parametrize(
    "kind", ["Abs", "Erf", "Exp", "Gelu", "Neg", "Relu", "Sigmoid", "SoftmaxV2", "Softplus", "Sqrt", "Square", "Tanh"]
)
@settings(deadline=None, max_examples=20)
@given(x=arrays(5))
def test_a_function_computes_what_it_computes_on_real_halves(kind: str, x: Array) -> None:
    body = "  %z = ge.{}(%x) : {}[5]\n  return %z"
    graph = graph_of(body.format(kind, "f32"), "%x: f32[5]")
    halves = graph_of(body.format(kind, "f16"), "%x: f16[5]")
    found = emulate(graph, {"x": x}, plan_of(graph))["z"]
    np.testing.assert_array_equal(found, evaluate(halves, {"x": half(x)})["z"].astype(np.float32))


@settings(deadline=None, max_examples=50)
@given(x=arrays(2))
def test_a_mode_that_keeps_types_changes_nothing(x: Array) -> None:
    graph = graph_of("  %y = ge.Exp(%x) : f32[2]\n  %z = ge.Mul(%y, %x) : f32[2]\n  return %z")
    found = emulate(graph, {"x": x}, plan_of(graph, "must_keep_origin_dtype"))
    np.testing.assert_array_equal(found["z"], evaluate(graph, {"x": x})["z"])


def test_weights_are_rounded_and_clipped() -> None:
    graph = graph_of("  %w = const dense<[0.1, 1e6]> : f32[2]\n  %y = ge.Add(%x, %w) : f32[2]\n  return %y")
    found = emulate(graph, {"x": np.zeros(2, np.float32)}, plan_of(graph))["y"]
    assert found.tolist() == [0.0999755859375, 65504.0]


def test_an_activation_that_is_too_large_is_infinite() -> None:
    graph = graph_of("  %y = ge.Neg(%x) : f32[2]\n  return %y")
    assert emulate(graph, {"x": np.array([1e6, 1], np.float32)}, plan_of(graph))["y"].tolist() == [-np.inf, -1]


def test_integers_are_not_rounded() -> None:
    graph = graph_of("  %y = ge.Add(%x, %x) : i32[1]\n  return %y", "%x: i32[1]")
    assert emulate(graph, {"x": np.array([100_001], np.int32)}, plan_of(graph))["y"].tolist() == [200_002]


BRANCHES = """
  %y = ge.If(%c, %x) graph @then_branch(%a: f32[2]) {
    %exp = ge.Exp(%a) : f32[2]
    return %exp
  } graph @else_branch(%b: f32[2]) {
    return %b
  } : f32[2]
  return %y
"""


@pytest.mark.parametrize("condition", [True, False])
def test_branches(condition: bool) -> None:
    graph = graph_of(BRANCHES, "%c: bool[], %x: f32[2]")
    x = np.array([0.1, 0.3], np.float32)
    found = emulate(graph, {"c": np.array(condition), "x": x}, plan_of(graph))["y"]
    # A branch that only hands on rounds nothing.
    expected = narrowed(np.exp(narrowed(x, F16)), F16) if condition else x
    np.testing.assert_array_equal(found, expected)


LOOP = """
  %start = const dense<0> : i32[]
  %i, %y = ge.While(%start, %x) graph @cond(%n: i32[], %a: f32[1]) {
    %limit = const dense<3> : i32[]
    %less = ge.Less(%n, %limit) : bool[]
    return %less
  } graph @body(%n: i32[], %a: f32[1]) {
    %one = const dense<1> : i32[]
    %next = ge.Add(%n, %one) : i32[]
    %square = ge.Mul(%a, %a) : f32[1]
    return %next, %square
  } : i32[], f32[1]
  return %y
"""


def test_loops() -> None:
    graph = graph_of(LOOP, "%x: f32[1]")
    number = np.float16(1.1)
    for _ in range(3):
        number = np.float16(np.float32(number) * np.float32(number))
    found = emulate(graph, {"x": np.array([1.1], np.float32)}, plan_of(graph))["y"]
    assert found.tolist() == [float(number)]
