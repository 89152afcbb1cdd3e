"""Verification: each level finds the faults of its kind, and only those."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from modelc.ir.graph import Graph
from modelc.ir.op import Op
from modelc.ir.opdef import AttributeDef, InferenceError, Mode, OpDef, Slot
from modelc.ir.types import CONTROL, F32, I32, Type, tensor
from modelc.ir.verify import Level, verify

FLOAT = tensor(F32, 2)


def _infer(op: Op) -> Sequence[Type]:
    if op.operands[0].type == tensor(I32):
        raise InferenceError("integers do not fit")
    return [op.operands[0].type]


DEFINITIONS = {
    "t.Unary": OpDef(
        "t.Unary", (Slot("x"),), (Slot("y"),), {"k": AttributeDef("k", "Int", required=True)}, infer=_infer
    ),
    "t.Many": OpDef("t.Many", (Slot("x"), Slot("o", Mode.OPTIONAL), Slot("d", Mode.DYNAMIC)), (Slot("y"),)),
}


def graph_of(*ops: Op) -> Graph:
    graph = Graph()
    for op in ops:
        graph.append(op)
    return graph


def messages(graph: Graph, level: Level = Level.LINKS, ops: Sequence[Op] | None = None) -> list[str]:
    found = verify(graph, level, DEFINITIONS.get, ops)
    assert {item.code for item in found} <= {"MC305"}
    return [item.message for item in found]


def unary(*, attributes: bool = True, type_: Type = FLOAT, operand: Type = FLOAT) -> Graph:
    first = Op("input", (), {}, (operand,), name="x")
    op = Op("t.Unary", first.results, {"k": 1} if attributes else {}, (type_,), name="u")
    return graph_of(first, op, Op("return", op.results))


def test_a_sound_graph_has_no_findings() -> None:
    assert messages(unary(), Level.TYPES) == []


def test_a_graph_begins_with_inputs_and_ends_with_outputs() -> None:
    assert messages(graph_of(Op("input"))) == ["graph @main must begin with `input` and end with `return`"]
    assert messages(Graph()) != []


def test_values_are_defined_before_they_are_read() -> None:
    first = Op("input", (), {}, (FLOAT,), name="x")
    one = Op("t.Many", first.results, {}, (FLOAT,), name="one")
    two = Op("t.Many", one.results, {}, (FLOAT,), name="two")
    graph = graph_of(first, one, two, Op("return", two.results))
    graph.move_before(one, two)
    assert messages(graph) == ["`two` (t.Many) reads `one` before it is defined"]


def test_only_a_merge_may_read_what_comes_later() -> None:
    later = Op("tf.NextIteration", (), {}, (FLOAT,), name="later")
    for kind, count in (("tf.Merge", 0), ("tf.Add", 1)):
        graph = graph_of(Op("input"), Op(kind, (later.result,), {}, (FLOAT,)))
        copy = graph.append(Op("tf.NextIteration", (), {}, (FLOAT,), name="later"))
        graph.set_operand(list(graph)[1], 0, copy.result)
        graph.append(Op("return"))
        assert len(messages(graph)) == count


def test_values_of_other_graphs_are_not_read() -> None:
    graph, other = unary(), unary()
    graph.set_operand(graph.return_op, 0, other.inputs[0])
    assert messages(graph) == ["`return` (return) reads `x`, which is not in its graph"]


def test_readers_and_operands_agree() -> None:
    graph = unary()
    graph.inputs[0].readers.clear()
    assert messages(graph) == ["`u` (t.Unary) is not among the readers of its operand 0, `x`"]
    graph = unary()
    graph.inputs[0].readers[graph.return_op, 5] = None
    assert messages(graph) == ["`x` (input) lists `return` as a reader, which does not read it"]


def test_control_dependencies_come_last() -> None:
    first = Op("input", (), {}, (CONTROL, FLOAT), name="x")
    graph = graph_of(first, Op("t.A", first.results), Op("return"))
    assert messages(graph) == ["`t.A` (t.A) has an operand behind its control dependencies"]


def test_schemas_count_operands_and_want_attributes() -> None:
    assert messages(unary(attributes=False), Level.LINKS) == []
    assert messages(unary(attributes=False), Level.SCHEMA) == ["`u` (t.Unary) lacks its attribute `k`"]
    graph = unary()
    graph.set_operands(list(graph)[1], ())
    assert messages(graph, Level.SCHEMA) == ["`u` (t.Unary) has 0 operands, its schema has 1"]
    many = graph_of(Op("input", (), {}, (FLOAT,)))
    many.append(Op("t.Many", many.inputs * 9, {}, (FLOAT,)))
    many.append(Op("return"))
    assert messages(many, Level.SCHEMA) == []


@pytest.mark.parametrize(
    ("type_", "operand", "problem"),
    [
        (tensor(F32, 3), FLOAT, "says result 0 is f32[3], inferred is f32[2]"),
        (FLOAT, tensor(I32), "does not type: integers do not fit"),
        (tensor(F32, None), FLOAT, ""),
        (tensor(F32, None, 3), tensor(F32, 2, None), ""),
    ],
)
def test_types_are_inferred_again(type_: Type, operand: Type, problem: str) -> None:
    graph = unary(type_=type_, operand=operand)
    assert messages(graph, Level.SCHEMA) == []
    assert messages(graph, Level.TYPES) == ([f"`u` (t.Unary) {problem}"] if problem else [])


def test_only_the_given_ops_are_looked_at() -> None:
    graph = unary(attributes=False)
    assert messages(graph, Level.SCHEMA, [graph.return_op]) == []
    assert len(messages(graph, Level.SCHEMA, list(graph))) == 1


def test_findings_name_the_op() -> None:
    (found,) = verify(unary(attributes=False), Level.SCHEMA, DEFINITIONS.get)
    assert (found.op, found.kind) == ("u", "t.Unary")


@pytest.mark.parametrize("kind", ["input", "return"])
def test_a_graph_begins_and_ends_once(kind: str) -> None:
    first = Op("input", (), {}, (FLOAT,), name="x")
    graph = graph_of(first, Op(kind, (), {}), Op("return", first.results))
    assert messages(graph) == [f"`{kind}` ({kind}) stands within graph @main, which has one of its kind"]
