"""Transpositions of whole networks cancel, and numbers stay."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx_engines import check, counts, lowered, model_of

CONVOLUTION = '{data_format = "NHWC", pads = [1, 1, 1, 1], strides = [1, 1, 1, 1]}'
HEAD = "graph @main(%x: f32[1, 6, 5, 4]) {\n  %w = const splat<0.125> : f32[3, 3, 4, 4]\n"
# One op each on `%IN`, f32[1, 6, 5, 4], that gives `%OUT`.
CONVOLVE = f"%OUT = ge.Conv2D(%IN, %w) {CONVOLUTION}"
RELU, ADD = "%OUT = ge.Relu(%IN)", "%OUT = ge.Add(%IN, %x)"
POOL = '%OUT = ge.MaxPool(%IN) {data_format = "NHWC", ksize = [1, 3, 3, 1], padding = "SAME", strides = [1, 1, 1, 1]}'
CENTER = """%mean_IN = ge.ReduceMean(%IN, %axes) {keep_dims = true} : f32[1, 1, 1, 4]
  %OUT = ge.Sub(%IN, %mean_IN)"""
STEPS = (
    *(CONVOLVE, RELU, ADD, POOL, CENTER),
    "%OUT = ge.Mul(%IN, %bias)",
    '%OUT = ge.BiasAdd(%IN, %bias) {data_format = "NHWC"}',
    "%OUT = ge.SoftmaxV2(%IN) {axes = [-1]}",
)
CONSTANTS = """  %bias = const dense<[1.0, -1.0, 0.5, 2.0]> : f32[4]
  %axes = const dense<[1, 2]> : i32[2]
"""


def network(*steps: str) -> str:
    """Return a graph that takes these steps one after the other."""
    names = ["x", *(f"v{number}" for number in range(len(steps)))]
    pairs = zip(steps, names, names[1:], strict=False)
    lines = [f"  {step.replace('IN', given).replace('OUT', made)} : f32[1, 6, 5, 4]\n" for step, given, made in pairs]
    return f"{HEAD}{CONSTANTS}{''.join(lines)}  return %{names[-1]}\n}}"


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from(STEPS), min_size=1, max_size=6))
def test_any_network_computes_the_same_with_few_transpositions(steps: list[str]) -> None:
    found = counts(check(network(*steps)))
    plain = counts(lowered(model_of(network(*steps)), "lower-to-onnx"))
    assert found.get("Transpose", 0) <= min(plain.get("Transpose", 0), 3)


def test_a_residual_network_is_transposed_at_its_ends() -> None:
    model = check(network(CONVOLVE, RELU, CONVOLVE, ADD, RELU, CONVOLVE, RELU, POOL))
    assert counts(model)["Transpose"] == 2


def test_squeezing_and_exciting() -> None:
    text = f"""{HEAD}{CONSTANTS}
  %v = const splat<0.5> : f32[1, 1, 4, 4]
  %a = ge.Conv2D(%x, %w) {CONVOLUTION} : f32[1, 6, 5, 4]
  %b = ge.ReduceMean(%a, %axes) {{keep_dims = false}} : f32[1, 4]
  %shape = const dense<[1, 1, 1, 4]> : i32[4]
  %c = ge.Reshape(%b, %shape) : f32[1, 1, 1, 4]
  %d = ge.Conv2D(%c, %v) {{data_format = "NHWC", pads = [0, 0, 0, 0], strides = [1, 1, 1, 1]}} : f32[1, 1, 1, 4]
  %e = ge.Sigmoid(%d) : f32[1, 1, 1, 4]
  %f = ge.Mul(%a, %e) : f32[1, 6, 5, 4]
  %y = ge.Conv2D(%f, %w) {CONVOLUTION} : f32[1, 6, 5, 4]
  return %y
}}"""
    found = counts(check(text))
    assert (found["Transpose"], found["Reshape"]) == (2, 1)


def test_branches_of_several_widths() -> None:
    text = f"""{HEAD}
  %a = ge.Conv2D(%x, %w) {CONVOLUTION} : f32[1, 6, 5, 4]
  %b = ge.Conv2D(%a, %w) {CONVOLUTION} : f32[1, 6, 5, 4]
  %c = ge.ConcatD(%a, %b) {{N = 2, concat_dim = -1}} : f32[1, 6, 5, 8]
  %d, %e = ge.SplitD(%c) {{num_split = 2, split_dim = 3}} : f32[1, 6, 5, 4], f32[1, 6, 5, 4]
  %f = ge.Conv2D(%e, %w) {CONVOLUTION} : f32[1, 6, 5, 4]
  %y = ge.Add(%d, %f) : f32[1, 6, 5, 4]
  return %y
}}"""
    assert counts(check(text))["Transpose"] == 2


@pytest.mark.parametrize("batch", [1, 3])
def test_an_unknown_batch(batch: int) -> None:
    text = network(CONVOLVE, CENTER, CONVOLVE).replace("f32[1, 6", "f32[n, 6").replace("f32[1, 1", "f32[n, 1")
    x = np.random.default_rng(0).standard_normal((batch, 6, 5, 4)).astype(np.float32)
    assert counts(check(text, {"x": x}))["Transpose"] == 2
