"""Branches, loops and calls in ONNX."""

from __future__ import annotations

import numpy as np
import pytest
from onnx_engines import check, counts

X = np.array([1, 2], np.float32)
BRANCHES = """graph @t(%a: f32[2], %b: f32[2]) {
    %q = ge.Add(%a, %b) : f32[2]
    return %q, %a
  } graph @e(%a: f32[2], %b: f32[2]) {
    %w = const dense<[3.0, 4.0]> : f32[2]
    return %w, %b
  }"""
LOOP = """graph @main(%x: f32[2], %s: i32[]) {
  %i, %y = ge.While(%s, %x) graph @cond(%n: i32[], %a: f32[2]) {
    %five = const dense<5> : i32[]
    %l = ge.Less(%n, %five) : bool[]
    return %l
  } graph @body(%n: i32[], %a: f32[2]) {
    %one = const dense<1> : i32[]
    %m = ge.Add(%n, %one) : i32[]
    %c, %d = ge.PartitionedCall(%a, %a) graph @f(%p: f32[2], %q: f32[2]) {
      %t = ge.TileD(%p) {multiples = [1]} : f32[2]
      %r = ge.Add(%t, %q) : f32[2]
      return %r, %p
    } : f32[2], f32[2]
    return %m, %c
  } : i32[], f32[2]
  return %i, %y
}"""


@pytest.mark.parametrize("condition", ["bool[]", "f32[]", "f32[3]", "f32[0]"])
@pytest.mark.parametrize("number", [0, 1])
def test_a_branch(condition: str, number: int) -> None:
    text = f"""graph @main(%x: f32[2], %p: {condition}) {{
  %y, %n = ge.If(%p, %x, %x) {BRANCHES} : f32[2], f32[2]
  return %y, %n
}}"""
    kind, _, dims = condition.partition("[")
    shape = tuple(int(dim) for dim in dims.rstrip("]").split(",") if dim)
    check(text, {"x": X, "p": np.full(shape, number, bool if kind == "bool" else np.float32)})


@pytest.mark.parametrize("index", [-1, 0, 1, 2, 3])
def test_a_choice(index: int) -> None:
    text = f"""graph @main(%x: f32[2], %p: i32[]) {{
  %y, %n = ge.Case(%p, %x, %x) {BRANCHES} graph @z(%a: f32[2], %b: f32[2]) {{
    %w = ge.Mul(%a, %b) : f32[2]
    return %w, %b
  }} : f32[2], f32[2]
  return %y, %n
}}"""
    check(text, {"x": X, "p": np.array(index, np.int32)})


@pytest.mark.parametrize("start", [-1, 0, 7])
def test_a_loop_with_a_call_in_it(start: int) -> None:
    model = check(LOOP, {"x": X, "s": np.array(start, np.int32)})
    assert counts(model) == {"Less": 1, "Loop": 1}


def test_a_loop_in_a_branch() -> None:
    loop = LOOP.partition("{\n")[2].rpartition("  return")[0]
    text = f"""graph @main(%x: f32[2], %s: i32[], %p: bool[]) {{
  %k, %z = ge.If(%p, %x, %s) graph @then(%x: f32[2], %s: i32[]) {{
  {loop}  return %i, %y
  }} graph @else(%x: f32[2], %s: i32[]) {{
    return %s, %x
  }} : i32[], f32[2]
  return %k, %z
}}"""
    for chosen in (True, False):
        check(text, {"x": X, "s": np.array(1, np.int32), "p": np.array(chosen)})
