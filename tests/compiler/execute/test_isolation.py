"""Parts of a graph, computed from what the source has before them."""

from __future__ import annotations

import numpy as np
import pytest

from modelc.execute.isolation import Isolator
from modelc.ir.graph import Graph
from modelc.ir.op import Value
from modelc.text.reader import read_model

GRAPH = """graph @main(%x: f32[3], %n: i32[3]) {
  %w = const dense<[1.0, 2.0, 3.0]> : f32[3]
  %a = ge.Mul(%x, %w) : f32[3]
  %b = ge.Abs(%a) : f32[3]
  %c = ge.Add(%b, %x) : f32[3]
  %d = ge.Add(%c, %a) : f32[3]
  return %d, %n
}
"""


@pytest.fixture(name="graph")
def _graph() -> Graph:
    return read_model(GRAPH).graph


def value(graph: Graph, name: str) -> Value:
    return next(value for op in graph for value in op.results if value.name == name)


def test_a_part_begins_at_what_is_known_and_takes_steps_constants_and_inputs_along(graph: Graph) -> None:
    known = [value(graph, name) for name in ("a", "c", "d")]
    part = Isolator(graph, known).cut(value(graph, "c"))
    assert part is not None
    assert [each.name for each in part.operands] == ["a"]
    assert part.inputs == ("x",)
    assert [op.kind for op in part.graph] == ["input", "ge.Abs", "ge.Add", "return"]
    x = np.array([1, 2, 3], np.float32)
    assert part.run("numpy", [np.array([-1, -1, 1], np.float32)], {"x": x, "n": x}).tolist() == [2, 3, 4]


def test_the_graph_stays_as_it_is(graph: Graph) -> None:
    before = [(op, op.operands, len(op.results[0].readers) if op.results else 0) for op in graph]
    part = Isolator(graph, [value(graph, "a")]).cut(value(graph, "a"))
    assert part is not None
    assert part.operands == ()
    assert [(op, op.operands, len(op.results[0].readers) if op.results else 0) for op in graph] == before


def test_numbers_are_taken_in_the_type_that_the_artifact_narrowed_them_to(graph: Graph) -> None:
    part = Isolator(graph, [value(graph, name) for name in ("a", "c")]).cut(value(graph, "d"))
    assert part is not None
    wide = [np.array([1, 2, 3], np.float64)] * 2
    result = part.run("numpy", wide, {})
    assert (result.dtype.name, result.tolist()) == ("float32", [2, 4, 6])


def test_a_part_that_is_too_large_is_not_cut(graph: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("modelc.execute.isolation.MOST_OPS", 2)
    isolator = Isolator(graph, [])
    assert isolator.cut(value(graph, "a")) is not None
    assert isolator.cut(value(graph, "b")) is None
