"""Graphs: links, iteration under edits, and the count of edits."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import pytest

from modelc.ir.attributes import Attribute
from modelc.ir.graph import Graph, GraphError
from modelc.ir.model import Model
from modelc.ir.op import Op, Value
from modelc.ir.origin import Origin
from modelc.ir.types import CONTROL, F32, I32, tensor
from modelc.ir.verify import Level, verify

FLOAT = tensor(F32, 2)


def chain(length: int) -> Graph:
    """Return a graph of `length` ops, each of which reads the one before."""
    graph = Graph()
    value = graph.append(Op("input", (), {"names": ("x",)}, (FLOAT,), name="x")).result
    for index in range(length):
        value = graph.append(Op("ge.Relu", (value,), {}, (FLOAT,), name=f"n{index}")).result
    graph.append(Op("return", (value,), {"names": ("y",)}))
    return graph


def names(graph: Graph) -> list[str]:
    return [op.name for op in graph]


def op_at(graph: Graph, index: int) -> Op:
    return list(graph)[index]


def links_are_sound(graph: Graph) -> bool:
    forward, backward = list(graph), list(reversed(graph))
    pairs = zip([None, *forward], [*forward, None], strict=True)
    return (
        forward == backward[::-1]
        and len(graph) == len(forward)
        and (graph.first, graph.last) == ((forward[0], forward[-1]) if forward else (None, None))
        and all((b is None or b.previous is a) and (a is None or a.next is b) for a, b in pairs)
        and not verify(graph, Level.LINKS, lambda kind: None)
    )


# -- links


def test_ops_are_kept_in_order_and_know_their_neighbours() -> None:
    graph = chain(3)
    assert names(graph) == ["x", "n0", "n1", "n2", "return"]
    assert links_are_sound(graph)
    assert graph.inputs == (op_at(graph, 0).result,)
    assert graph.outputs == (op_at(graph, 3).result,)


def test_a_value_knows_who_reads_it_in_which_slot() -> None:
    graph = chain(0)
    x = graph.inputs[0]
    add = graph.insert_before(graph.return_op, Op("ge.Add", (x, x), {}, (FLOAT,), name="a"))
    assert list(x.readers) == [(graph.return_op, 0), (add, 0), (add, 1)]
    assert x.users == (graph.return_op, add)
    assert x.only_user() is None
    graph.set_operand(graph.return_op, 0, add.result)
    assert x.only_user() is add


def test_replacing_uses_moves_every_reader() -> None:
    graph = chain(0)
    x = graph.inputs[0]
    add = graph.insert_before(graph.return_op, Op("ge.Add", (x, x), {}, (FLOAT,)))
    other = graph.insert_before(add, Op("const", (), {}, (FLOAT,)))
    graph.replace_uses(x, other.result)
    assert not x.readers
    assert add.operands == (other.result, other.result)
    assert graph.outputs == (other.result,)
    assert links_are_sound(graph)
    edits = graph.edits
    graph.replace_uses(x, other.result)
    graph.replace_uses(x, x)
    assert graph.edits == edits


def test_setting_operands_forgets_the_old_ones() -> None:
    graph = chain(2)
    last = op_at(graph, 2)
    old = last.operands[0]
    graph.set_operands(last, [graph.inputs[0], graph.inputs[0]])
    assert not old.readers
    assert links_are_sound(graph)


def test_results_can_be_added_and_replaced_while_nobody_reads_them() -> None:
    graph = chain(1)
    op = op_at(graph, 1)
    control = graph.add_result(op, CONTROL, "^n0")
    assert op.results[1] is control
    assert control.index == 1
    with pytest.raises(GraphError, match="still read"):
        graph.set_results(op, [FLOAT])
    graph.set_operand(graph.return_op, 0, graph.inputs[0])
    (fresh,) = graph.set_results(op, [tensor(I32)], ["m"])
    assert (fresh.name, fresh.producer) == ("m", op)
    assert links_are_sound(graph)


def test_controls_come_after_inputs() -> None:
    graph = chain(0)
    x = graph.inputs[0]
    noop = graph.insert_before(graph.return_op, Op("tf.NoOp", (), {}, (CONTROL,), name="n"))
    op = graph.insert_before(graph.return_op, Op("tf.Relu", (x, noop.result), {}, (FLOAT, CONTROL), name="r"))
    assert op.inputs == (x,)
    assert op.controls == (noop.result,)
    assert [value.name for value in (*noop.results, *op.results)] == ["^n", "r", "^r"]


@pytest.mark.parametrize(
    "edit",
    [
        lambda graph, op, foreign: graph.erase(foreign),
        lambda graph, op, foreign: graph.insert_before(foreign, Op("a")),
        lambda graph, op, foreign: graph.insert_after(foreign, Op("a")),
        lambda graph, op, foreign: graph.move_before(foreign, op),
        lambda graph, op, foreign: graph.move_before(op, foreign),
        lambda graph, op, foreign: graph.append(foreign),
        lambda graph, op, foreign: graph.erase(op),
    ],
)
def test_edits_that_would_break_a_graph_are_refused(edit: Callable[[Graph, Op, Op], object]) -> None:
    graph, other = chain(1), chain(1)
    edits = graph.edits
    with pytest.raises(GraphError):
        edit(graph, op_at(graph, 1), op_at(other, 1))
    assert links_are_sound(graph)
    assert links_are_sound(other)
    assert graph.edits == edits


def test_an_erased_op_cannot_be_erased_again_but_inserted() -> None:
    graph = chain(1)
    extra = graph.insert_after(graph.input_op, Op("ge.Abs", (graph.inputs[0],), {}, (FLOAT,), name="e"))
    graph.erase(extra)
    with pytest.raises(GraphError):
        graph.erase(extra)
    assert extra not in graph.touched
    graph.insert_before(graph.return_op, Op("a", extra.operands))
    assert links_are_sound(graph)


def test_moving_keeps_everything_else() -> None:
    graph = chain(1)
    constants = [graph.insert_before(graph.return_op, Op("const", (), {}, (FLOAT,), name=f"c{i}")) for i in range(2)]
    graph.move_before(op_at(graph, 1), constants[1])
    graph.move_before(constants[1], constants[1])
    assert names(graph) == ["x", "c1", "n0", "c0", "return"]
    assert links_are_sound(graph)


def test_random_edits_keep_the_links_sound() -> None:
    dice = random.Random(7)
    graph = chain(5)
    for _ in range(300):
        op = dice.choice(list(graph)[1:])
        choice = dice.randrange(4)
        before = list(graph)[: list(graph).index(op)]
        values = [value for earlier in before for value in earlier.results]
        if choice == 0 and values:
            graph.insert_before(op, Op("ge.Relu", (dice.choice(values),), {}, (FLOAT,)))
        elif choice == 1 and op.operands:
            graph.set_operand(op, 0, dice.choice(values))
        elif choice == 2 and op.results:
            graph.replace_uses(op.result, op.operands[0])
        elif choice == 3 and op.results and not op.result.readers:
            graph.erase(op)
        assert links_are_sound(graph)


def test_moving_a_reader_takes_the_same_time_whatever_the_number_of_readers() -> None:
    graph = chain(0)
    x, y = graph.inputs[0], graph.insert_before(graph.return_op, Op("const", (), {}, (FLOAT,))).result
    hub = [graph.insert_before(graph.return_op, Op("ge.Abs", (x,), {}, (FLOAT,))) for _ in range(20_000)]
    for op in reversed(hub):
        graph.set_operand(op, 0, y)
    assert len(y.readers) == 20_000
    assert list(x.readers) == [(graph.return_op, 0)]


# -- iteration


def visited(graph: Graph, at: str, edit: Callable[[Op], object]) -> list[str]:
    seen = []
    for op in graph:
        seen.append(op.name)
        if op.name == at:
            edit(op)
    return seen


def loose(graph: Graph, count: int) -> list[Op]:
    return [graph.insert_before(graph.return_op, Op("const", (), {}, (FLOAT,), name=f"c{i}")) for i in range(count)]


def test_ops_inserted_ahead_are_visited_and_those_behind_are_not() -> None:
    graph = chain(2)

    def insert(op: Op) -> None:
        graph.insert_before(op, Op("a", name="", types=(FLOAT,)))
        graph.insert_after(op, Op("b", types=(FLOAT,)))

    assert visited(graph, "n0", insert) == ["x", "n0", "b", "n1", "return"]


def test_erasing_the_present_op_and_those_ahead_does_not_end_the_iteration() -> None:
    graph = chain(0)
    constants = loose(graph, 5)

    def erase(op: Op) -> None:
        for constant in constants[1:4]:
            graph.erase(constant)

    assert visited(graph, "c1", erase) == ["x", "c0", "c1", "c4", "return"]
    assert links_are_sound(graph)


def test_erasing_everything_behind_does_not_end_the_iteration() -> None:
    graph = chain(0)
    constants = loose(graph, 4)

    def erase(op: Op) -> None:
        for constant in constants[:3]:
            graph.erase(constant)

    assert visited(graph, "c2", erase) == ["x", "c0", "c1", "c2", "c3", "return"]


def test_replacing_the_present_op_goes_on_behind_it() -> None:
    graph = chain(3)

    def replace(op: Op) -> None:
        new = graph.insert_before(op, Op("ge.Abs", op.operands, {}, (FLOAT,), name="new"))
        graph.replace_uses(op.result, new.result)
        graph.erase(op)

    assert visited(graph, "n1", replace) == ["x", "n0", "n1", "n2", "return"]
    assert names(graph) == ["x", "n0", "new", "n2", "return"]


def test_the_last_ops_can_be_erased_while_iterating_backwards() -> None:
    graph = chain(4)
    graph.set_operand(graph.return_op, 0, graph.inputs[0])
    for op in reversed(graph):
        if op.kind == "ge.Relu":
            graph.erase(op)
    assert names(graph) == ["x", "return"]


def test_a_loop_through_erased_ops_reaches_the_end() -> None:
    graph = chain(0)
    constants = loose(graph, 3)
    seen = []
    for op in graph:
        seen.append(op.name)
        if op is constants[0]:
            for constant in constants:
                graph.erase(constant)
            graph.insert_before(graph.return_op, Op("late", types=(FLOAT,)))
    assert seen[-1] == "return"


# -- counting


EDITS: list[Callable[[Graph, Op, Value], object]] = [
    lambda graph, op, x: graph.insert_after(op, Op("a")),
    lambda graph, op, x: graph.set_attribute(op, "k", 1),
    lambda graph, op, x: graph.set_type(op.result, tensor(I32)),
    lambda graph, op, x: graph.set_name(op.result, "other"),
    lambda graph, op, x: graph.set_operands(op, [x, x]),
    lambda graph, op, x: graph.replace_uses(op.result, x),
    lambda graph, op, x: graph.add_result(op, CONTROL),
    lambda graph, op, x: graph.move_before(graph.return_op, op),
]


@pytest.mark.parametrize("edit", EDITS)
def test_every_edit_counts_and_is_touched(edit: Callable[[Graph, Op, Value], object]) -> None:
    graph = chain(1)
    edits = graph.edits
    graph.touched.clear()
    edit(graph, op_at(graph, 1), graph.inputs[0])
    assert graph.edits > edits
    assert graph.touched


def test_what_changes_nothing_does_not_count() -> None:
    graph = chain(1)
    op = op_at(graph, 1)
    graph.set_attribute(op, "k", (1, math.nan))
    edits = graph.edits
    graph.set_attribute(op, "k", (1, math.nan))
    graph.set_attribute(op, "absent", None)
    graph.set_operand(op, 0, op.operands[0])
    graph.set_type(op.result, FLOAT)
    graph.set_name(op.result, "n0")
    graph.set_origin(op, Origin.of("tensorflow", "n", "Relu"))
    list(graph)
    assert graph.edits == edits


@pytest.mark.parametrize(
    ("old", "new"),
    [(1, True), (1, 1.0), (0.0, -0.0), ((1,), (True,)), ((1, (2,)), (1, (2.0,))), ("a", b"a"), ((0.0,), (-0.0,))],
)
def test_attributes_that_python_calls_equal_are_told_apart(old: Attribute, new: Attribute) -> None:
    graph = chain(1)
    op = op_at(graph, 1)
    graph.set_attribute(op, "k", old)
    edits = graph.edits
    graph.set_attribute(op, "k", new)
    assert graph.edits == edits + 1
    assert repr(op.attributes["k"]) == repr(new)


# -- nesting


def test_nested_graphs_are_walked_outermost_first_without_recursion() -> None:
    inner = chain(1)
    for depth in range(3000):
        outer = Graph(f"g{depth}")
        outer.append(Op("ge.If", graphs=(inner, Graph("empty"))))
        inner = outer
    walked = list(inner.walk())
    assert len(walked) == 6001
    assert walked[0] is inner
    owner = walked[1].owner
    assert owner is not None
    assert owner.graph is inner


def test_a_model_counts_the_edits_of_all_its_graphs() -> None:
    graph, nested, function = chain(1), chain(1), chain(1)
    graph.insert_before(graph.return_op, Op("ge.If", graphs=(nested,)))
    model = Model(graph, {"f": function})
    assert list(model.graphs()) == [graph, nested, function]
    edits = model.edits
    nested.set_attribute(op_at(nested, 1), "k", 1)
    function.set_attribute(op_at(function, 1), "k", 1)
    assert model.edits == edits + 2
    assert len(list(model.ops())) == 4 + 3 + 3


def test_public_names_fall_back_to_hints() -> None:
    graph = Graph()
    graph.append(Op("input", (), {}, (FLOAT, FLOAT), name="x"))
    graph.append(Op("return", graph.inputs))
    assert graph.input_names == ("x", "x:1")
    graph.set_name(graph.inputs[1], "")
    assert graph.output_names == ("x", "return1")
    graph.set_attribute(graph.return_op, "names", ("a", "b"))
    assert graph.output_names == ("a", "b")


def test_a_graph_without_its_first_and_last_op_says_so() -> None:
    with pytest.raises(GraphError, match="does not begin"):
        _ = Graph().inputs
    with pytest.raises(GraphError, match="does not end"):
        _ = Graph().outputs
