"""Lowering of loops: counted ones, ones in branches, and ones whose carried shapes change."""

from __future__ import annotations

import numpy as np
import pytest
from onnx_engines import check

HALVE = """graph @halve(%a: f32[2, 3], %b: f32[]) {
    %half = const dense<0.5> : f32[]
    %y = ge.Mul(%a, %half) : f32[2, 3]
    return %y
  }"""
ADD = """graph @add(%a: f32[2, 3], %b: f32[]) {
    %y = ge.Add(%a, %b) : f32[2, 3]
    return %y
  }"""
KEEP = """graph @keep(%a: f32[2, 3], %b: f32[]) {
    return %a
  }"""
X = np.arange(6, dtype=np.float32).reshape(2, 3)


@pytest.mark.parametrize("times", [0, 1, 4])
def test_a_loop_whose_carried_shape_grows(times: int) -> None:
    text = """graph @main(%n: i32[], %x: f32[1, 3]) {
  %i = const dense<0> : i32[]
  %count, %limit, %y = ge.StatelessWhile(%i, %n, %x) graph @goes_on(%i: i32[], %n: i32[], %x: f32[?, 3]) {
    %c = ge.Less(%i, %n) : bool[]
    return %c
  } graph @body(%i: i32[], %n: i32[], %x: f32[?, 3]) {
    %one = const dense<1> : i32[]
    %zero = const dense<0> : i32[]
    %next = ge.Add(%i, %one) : i32[]
    %longer = ge.ConcatV2(%x, %x, %zero) {N = 2} : f32[?, 3]
    return %next, %n, %longer
  } : i32[], i32[], f32[?, 3]
  return %count, %y
}"""
    check(text, {"n": np.array(times, np.int32), "x": X[:1]})


def test_branches_in_loops_in_branches() -> None:
    text = f"""graph @main(%c: bool[], %x: f32[2, 3], %s: f32[]) {{
  %y = ge.StatelessIf(%c, %x, %s) graph @then(%a: f32[2, 3], %b: f32[]) {{
    %z, %t = ge.StatelessWhile(%a, %b) graph @goes_on(%a: f32[2, 3], %b: f32[]) {{
      %limit = const dense<9.0> : f32[]
      %c = ge.Less(%b, %limit) : bool[]
      return %c
    }} graph @body(%a: f32[2, 3], %b: f32[]) {{
      %five = const dense<5.0> : f32[]
      %two = const dense<2.0> : f32[]
      %c = ge.Less(%b, %five) : bool[]
      %next = ge.StatelessIf(%c, %a, %b) {HALVE} {ADD} : f32[2, 3]
      %t = ge.Add(%b, %two) : f32[]
      return %next, %t
    }} : f32[2, 3], f32[]
    return %z
  }} {KEEP} : f32[2, 3]
  return %y
}}"""
    for condition in (True, False):
        check(text, {"c": np.array(condition), "x": X, "s": np.array(2, np.float32)})


@pytest.mark.parametrize(("start", "limit", "delta"), [(0, 4, 1), (0, 5, 2), (5, -1, -2), (3, 3, 1), (4, 0, 1)])
def test_a_counted_loop(start: int, limit: int, delta: int) -> None:
    text = f"""graph @main(%start: i32[], %limit: i32[], %x: f32[2, 3]) {{
  %delta = const dense<{delta}> : i32[]
  %y = ge.For(%start, %limit, %delta, %x) graph @body(%i: i32[], %x: f32[2, 3]) {{
    %step = ge.Cast(%i) {{dst_type = 0}} : f32[]
    %y = ge.Add(%x, %step) : f32[2, 3]
    return %y
  }} : f32[2, 3]
  return %y
}}"""
    check(text, {"start": np.array(start, np.int32), "limit": np.array(limit, np.int32), "x": X})
