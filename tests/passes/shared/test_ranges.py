"""Ranges: every number that an op gives lies in the range that was found for it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelc.execute.evaluator import evaluate
from modelc.ir.graph import Graph
from modelc.ir.op import Value
from modelc.text.reader import read_model
from modelc_passes.shared.ranges import Ranges, of_element

INPUTS = "%a: i8[2, 3], %b: u8[2, 3], %c: i32[2, 3], %f: f32[2, 3], %p: bool[2, 3], %n: i64[2, 3]"
PREPARED = """
  %x = ge.Cast(%a) {dst_type = 9} : i64[2, 3]
  %y = ge.Cast(%b) {dst_type = 9} : i64[2, 3]
  %z = ge.Cast(%c) {dst_type = 9} : i64[2, 3]
  %zero = const dense<0> : i32[]
  %one = const dense<1> : i32[]
  %two = const dense<[2]> : i32[1]
  %pads = const dense<[1, 0, 0, 2]> : i32[2, 2]
  %minus = const dense<-7> : i64[]
  %five = const dense<5> : i64[]
"""

# What an op computes, its type, and the range that must be found; `x` lies in -128..127, `y` in 0..255.
CASES = [
    ("ge.Add(%x, %y) : i64[2, 3]", (-128, 382)),
    ("ge.Sub(%x, %y) : i64[2, 3]", (-383, 127)),
    ("ge.Mul(%x, %y) : i64[2, 3]", (-128 * 255, 127 * 255)),
    ("ge.AddN(%x, %x, %y) {N = 3} : i64[2, 3]", (-256, 509)),
    ("ge.FloorDiv(%x, %five) : i64[2, 3]", (-26, 25)),
    ("ge.FloorDiv(%x, %minus) : i64[2, 3]", (-19, 18)),
    ("ge.FloorDiv(%x, %x) : i64[2, 3]", None),
    ("ge.FloorMod(%n, %five) : i64[2, 3]", (0, 4)),
    ("ge.FloorMod(%n, %minus) : i64[2, 3]", (-6, 0)),
    ("ge.FloorMod(%x, %y) : i64[2, 3]", None),
    ("ge.Maximum(%x, %five) : i64[2, 3]", (5, 127)),
    ("ge.Minimum(%x, %five) : i64[2, 3]", (-128, 5)),
    ("ge.Minimum(%n, %five) : i64[2, 3]", None),
    ("ge.Neg(%x) : i64[2, 3]", (-127, 128)),
    ("ge.Abs(%x) : i64[2, 3]", (0, 128)),
    ("ge.Square(%x) : i64[2, 3]", (0, 128**2)),
    ("ge.Relu(%x) : i64[2, 3]", (0, 127)),
    ("ge.Sign(%n) : i64[2, 3]", (-1, 1)),
    ("ge.ZerosLike(%n) : i64[2, 3]", (0, 0)),
    ("ge.OnesLike(%n) : i64[2, 3]", (1, 1)),
    ("ge.ClipByValue(%n, %minus, %five) : i64[2, 3]", (-7, 5)),
    ("ge.ReduceSum(%x, %one) {keep_dims = false} : i64[2]", (-768, 762)),
    ("ge.ReduceMax(%y, %one) {keep_dims = false} : i64[2]", (0, 255)),
    ("ge.ReduceMin(%y, %one) {keep_dims = false} : i64[2]", (0, 255)),
    ("ge.Cumsum(%x, %one) : i64[2, 3]", (-768, 762)),
    ("ge.SelectV2(%p, %x, %y) : i64[2, 3]", (-128, 255)),
    ("ge.Pad(%y, %pads) : i64[3, 5]", (0, 255)),
    ("ge.PadV2(%y, %pads, %minus) : i64[3, 5]", (-7, 255)),
    ("ge.ConcatV2(%x, %y, %zero) {N = 2} : i64[4, 3]", (-128, 255)),
    ("ge.ConcatV2(%x, %n, %zero) {N = 2} : i64[4, 3]", None),
    ("ge.Pack(%x, %y) {N = 2, axis = 0} : i64[2, 2, 3]", (-128, 255)),
    ("ge.Transpose(%y, %swap) : i64[3, 2]", (0, 255)),
    ("ge.Fill(%two, %five) : i64[2]", (5, 5)),
    ("ge.Cast(%n) {dst_type = 3} : i32[2, 3]", (-(1 << 31), (1 << 31) - 1)),
    ("ge.Cast(%f) {dst_type = 9} : i64[2, 3]", None),
    ("ge.Cast(%x) {dst_type = 4} : u8[2, 3]", (0, 255)),
    ("ge.Add(%c, %c) : i32[2, 3]", (-(1 << 31), (1 << 31) - 1)),
    ("ge.Add(%z, %z) : i64[2, 3]", (-(1 << 32), (1 << 32) - 2)),
    ("ge.Mul(%n, %n) : i64[2, 3]", None),
    ("ge.Equal(%x, %y) : bool[2, 3]", (0, 1)),
    ("ge.Shape(%f) {dtype = 9} : i64[2]", (2, 3)),
    ("ge.Size(%f) {dtype = 9} : i64[]", (6, 6)),
    ("ge.Rank(%f) : i32[]", (2, 2)),
    ("ge.ArgMaxV2(%f, %one) {dtype = i64} : i64[2]", (0, 2)),
    ("ge.ArgMaxV2(%f, %zero) {dtype = i64} : i64[3]", (0, 1)),
    ("ge.ArgMin(%f, %one) {dtype = i64} : i64[2]", (0, 2)),
    ("ge.Where(%p) : i64[?, 2]", (0, 2)),
    ("ge.Sqrt(%f) : f32[2, 3]", None),
]


def graph_of(text: str) -> Graph:
    swap = "  %swap = const dense<[1, 0]> : i32[2]\n"
    return read_model(f"graph @main({INPUTS}) {{{PREPARED}{swap}  %r = {text}\n  return %r\n}}\n").graph


def range_of(value: Value) -> tuple[int, int] | None:
    return Ranges().of(value)


@pytest.mark.parametrize(("text", "expected"), CASES, ids=[text.partition(" :")[0] for text, _ in CASES])
def test_ranges(text: str, expected: tuple[int, int] | None) -> None:
    assert range_of(graph_of(text).outputs[0]) == expected


@st.composite
def arrays(draw: st.DrawFn) -> dict[str, Any]:
    def numbers(dtype: str) -> Any:
        info = np.iinfo(dtype)
        element = st.integers(int(info.min), int(info.max)) | st.sampled_from([int(info.min), int(info.max), 0, 1])
        return np.array(draw(st.lists(element, min_size=6, max_size=6)), dtype).reshape(2, 3)

    floats = draw(st.lists(st.floats(-10, 10, width=32), min_size=6, max_size=6))
    return {
        "a": numbers("int8"),
        "b": numbers("uint8"),
        "c": numbers("int32"),
        "f": np.array(floats, np.float32).reshape(2, 3),
        "p": numbers("uint8") > 127,
        "n": numbers("int64"),
    }


BOUNDED = [text for text, expected in CASES if expected is not None]


@settings(max_examples=150, deadline=None)
@given(text=st.sampled_from(BOUNDED), inputs=arrays())
def test_what_is_computed_lies_in_the_range(text: str, inputs: dict[str, Any]) -> None:
    graph = graph_of(text)
    found = range_of(graph.outputs[0])
    (result,) = evaluate(graph, inputs).values()
    assert found is not None
    assert all(found[0] <= int(number) <= found[1] for number in result.reshape(-1))


@pytest.mark.parametrize("name", ["i8", "u8", "i32", "u32", "i64", "u64", "bool"])
def test_a_type_is_a_range(name: str) -> None:
    text = f"graph @main(%x: {name}[2]) {{\n  return %x\n}}\n"
    element = read_model(text).graph.outputs[0].tensor.element
    info = None if name == "bool" else np.iinfo(np.dtype(element.numpy))  # type: ignore[union-attr]
    assert of_element(element) == ((0, 1) if info is None else (int(info.min), int(info.max)))


def test_a_deep_graph_is_no_matter() -> None:
    lines = [f"  %v{i + 1} = ge.Identity(%v{i}) : i64[2]" for i in range(3000)]
    text = "\n".join(["graph @main(%c: i32[2]) {", "  %v0 = ge.Cast(%c) {dst_type = 9} : i64[2]", *lines])
    graph = read_model(f"{text}\n  return %v3000\n}}\n").graph
    assert range_of(graph.outputs[0]) == (-(1 << 31), (1 << 31) - 1)
