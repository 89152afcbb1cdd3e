"""Differences between models: each is seen, in the right group, and nothing else is."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelc.difference.compare import Difference, differences
from modelc.difference.report import SHOWN, document, text
from modelc.ir.blob import BytesBlob
from modelc.ir.graph import Graph
from modelc.ir.model import Model
from modelc.ir.op import Op
from modelc.ir.origin import Origin
from modelc.ir.types import F32, tensor
from modelc.text.reader import read_model

MODEL = """graph @main(%x: f32[1, 4], %y: f32[1, 4]) {
  %w = const dense<[1.0, 2.0, 3.0, 4.0]> : f32[4]
  %a = ge.BiasAdd(%x, %w) {data_format = "NHWC"} : f32[1, 4]
  %b = ge.Relu(%a) : f32[1, 4]
  %c = ge.Add(%b, %y) : f32[1, 4]
  %d = ge.Tanh(%c) : f32[1, 4]
  return %d, %b
}
"""


def compare(a: str, b: str) -> Difference:
    return differences(read_model(a), read_model(b))


def edited(*changes: tuple[str, str]) -> Difference:
    other = MODEL
    for old, new in changes:
        assert old in other
        other = other.replace(old, new)
    return compare(MODEL, other)


def groups(found: Difference) -> set[str]:
    return {
        name for name in ("interface", "removed", "added", "changed", "renamed", "weights") if document(found)[name]
    }


def test_a_model_equals_itself() -> None:
    found = compare(MODEL, MODEL)
    assert found.equal
    assert (found.same_ops, found.same_weights, groups(found)) == (4, 1, set())
    assert text(found) == "equal: 4 ops and 1 weights are the same"


def test_an_op_that_was_put_in_is_added_and_its_reader_reads_something_else() -> None:
    found = edited(("%d = ge.Tanh(%c)", "%z = ge.Abs(%c) : f32[1, 4]\n  %d = ge.Tanh(%z)"))
    assert [(op.name, op.kind) for op in found.added] == [("z", "ge.Abs")]
    assert not found.removed
    (change,) = found.changed
    assert (change.op.name, [(c.what, c.a, c.b) for c in change.changes]) == ("d", [("operand 0", "`c`", "`z`")])


def test_another_order_of_ops_is_no_difference() -> None:
    lines = MODEL.splitlines()
    lines[1], lines[2] = "  %e = ge.Abs(%y) : f32[1, 4]", lines[1] + "\n" + lines[2]
    first = "\n".join([lines[0], lines[1], *lines[2:]])
    second = "\n".join([lines[0], lines[2], lines[1], *lines[3:]])
    assert compare(first, second).equal


def test_attributes_at_their_defaults_equal_missing_ones() -> None:
    assert edited((' {data_format = "NHWC"}', "")).equal
    found = edited(("NHWC", "NCHW"))
    assert [(c.what, c.a, c.b) for c in found.changed[0].changes] == [("attribute `data_format`", '"NHWC"', '"NCHW"')]


def test_a_count_of_operands_equals_a_missing_one() -> None:
    pack = "graph @main(%x: f32[4]) {\n  %a = ge.Pack(%x, %x) {axis = 0, N = 2} : f32[2, 4]\n  return %a\n}\n"
    assert compare(pack, pack.replace(", N = 2", "")).equal


def test_an_op_that_became_another_keeps_its_place() -> None:
    found = edited(("ge.Relu(%a)", "ge.Sigmoid(%a)"))
    (change,) = found.changed
    assert [(c.what, c.a, c.b) for c in change.changes] == [("kind", "ge.Relu", "ge.Sigmoid")]
    assert groups(found) == {"changed"}


def test_names_of_ops_are_labels() -> None:
    found = edited(("%b", "%relu_7"), ("%w", "%kernel"), ("%c", "%sum"))
    found.interface.clear()  # outputs are named after values here
    assert found.equal
    assert {(change.op.name, change.name) for change in found.renamed} == {
        ("b", "relu_7"),
        ("w", "kernel"),
        ("c", "sum"),
    }


def test_an_op_keeps_its_name_where_positions_moved() -> None:
    found = edited(("ge.Add(%b, %y)", "ge.Add(%y, %b)"))
    (change,) = found.changed
    assert [(c.what, c.a, c.b) for c in change.changes] == [
        ("operand 0", "`b`", "input `y`"),
        ("operand 1", "input `y`", "`b`"),
    ]


def test_origins_tell_ops_apart_that_lost_their_names() -> None:
    def model(name: str, order: list[str]) -> Model:
        graph = Graph()
        x = graph.append(Op("input", (), {"names": ("x",)}, (tensor(F32, 2),), name="x")).result
        ops = {
            node: graph.append(
                Op("ge.Relu", (x,), {}, (tensor(F32, 2),), name=f"{name}{i}", origin=Origin.of("tf", node, "Relu"))
            )
            for i, node in enumerate(order)
        }
        graph.append(Op("return", tuple(ops[node].result for node in sorted(ops)), {"names": ("a", "b")}))
        return Model(graph)

    found = differences(model("old", ["left", "right"]), model("new", ["right", "left"]))
    assert found.equal
    assert {(c.op.name, c.name) for c in found.renamed} == {("old0", "new1"), ("old1", "new0")}


def test_types_of_results_count() -> None:
    found = edited(("%d = ge.Tanh(%c) : f32[1, 4]", "%d = ge.Tanh(%c) : f16[1, 4]"))
    assert [c.what for c in found.changed[0].changes] == ["type of result 0"]
    assert [c.what for c in found.interface] == ["type of output `d`"]


INTERFACE = [
    ("%x: f32[1, 4], %y", "%x: f32[2, 4], %y", ["type of input `x`: f32[1, 4] -> f32[2, 4]"]),
    ("return %d, %b", "return %d", ["output `b` removed: f32[1, 4]"]),
    ("return %d, %b", "return %d, %b, %c", ["output `c` added: f32[1, 4]"]),
    ("return %d, %b", "return %b, %d", ["order of outputs: d, b -> b, d"]),
    ("return %d, %b", 'return %d, %b {names = ["d", "e"]}', ["name of output 1: b -> e"]),
    ("return %d, %b", 'return %d, %c {names = ["d", "b"]}', ["output `b` is: `b` -> `c`"]),
    ("%y: f32[1, 4])", "%y: f32[1, 4], %z: i32[])", ["input `z` added: i32[]"]),
]


@pytest.mark.parametrize(("old", "new", "lines"), INTERFACE)
def test_inputs_and_outputs(old: str, new: str, lines: list[str]) -> None:
    found = edited((old, new))
    assert not found.equal
    assert text(found).splitlines()[1 : 1 + len(lines)] == [f"  {line}" for line in lines]


def test_inputs_that_changed_places_are_followed_by_name() -> None:
    found = edited(("%x: f32[1, 4], %y: f32[1, 4]", "%y: f32[1, 4], %x: f32[1, 4]"))
    assert [c.what for c in found.interface] == ["order of inputs"]
    assert not found.changed


def test_an_input_with_another_name_is_followed_by_position() -> None:
    found = edited(("%y", "%other"))
    assert [c.what for c in found.interface] == ["name of input 1"]
    assert not found.changed


def test_weights_are_compared_as_numbers() -> None:
    found = edited(("[1.0, 2.0, 3.0, 4.0]", "[1.0, 2.0, 3.5, 4.0]"))
    assert groups(found) == {"weights"}
    assert "`w` f32[4]: 1 of 4 numbers differ, max_abs 0.5, max_rel 0.143" in text(found)


FUNCTIONS = """graph @main(%c: bool[], %x: f32[2]) {
  %y = ge.StatelessIf(%c, %x) graph @then(%a: f32[2]) {
    %b = ge.Relu(%a) : f32[2]
    return %b
  } graph @else(%a: f32[2]) {
    return %a
  } : f32[2]
  return %y
}
graph @other(%x: f32[2]) {
  %z = ge.Tanh(%x) : f32[2]
  return %z
}
"""


def test_nested_graphs_and_functions_are_compared() -> None:
    found = compare(FUNCTIONS, FUNCTIONS.replace("Relu", "Elu").replace("Tanh", "Sigmoid"))
    assert [(change.op.graph, change.op.name) for change in found.changed] == [("other", "z"), ("y#0", "b")]
    assert compare(FUNCTIONS, FUNCTIONS).equal


def test_a_function_that_is_gone_is_seen() -> None:
    found = compare(FUNCTIONS, FUNCTIONS.partition("graph @other")[0])
    assert [(c.what, c.a) for c in found.interface] == [("function `other`", "there")]


# -- laws on graphs made at random


@st.composite
def models(draw: st.DrawFn) -> tuple[Model, Callable[[str], Model]]:
    """A model, and what builds it again with other names."""
    kinds = draw(
        st.lists(st.sampled_from(["ge.Relu", "ge.Tanh", "ge.Abs", "ge.Add", "const"]), min_size=1, max_size=25)
    )
    picks = draw(st.lists(st.tuples(st.integers(0, 99), st.integers(0, 99)), min_size=25, max_size=25))

    def build(prefix: str) -> Model:
        graph = Graph()
        values = [graph.append(Op("input", (), {"names": ("x",)}, (tensor(F32, 2),), name="x")).result]
        for index, kind in enumerate(kinds):
            first, second = (values[pick % len(values)] for pick in picks[index])
            operands = {"ge.Add": (first, second), "const": ()}.get(kind, (first,))
            attributes = {"value": BytesBlob(bytes([index]) * 8)} if kind == "const" else {}
            name = f"{prefix}{index}" if prefix is not None else ""
            values.append(graph.append(Op(kind, operands, {**attributes}, (tensor(F32, 2),), name=name)).result)
        graph.append(Op("return", tuple(values[-3:]), {"names": tuple("abc"[: len(values[-3:])])}))
        return Model(graph)

    return build("n"), build


@settings(max_examples=60, deadline=None)
@given(pair=models())
def test_equal_whatever_the_names(pair: tuple[Model, Callable[[str], Model]]) -> None:
    model, build = pair
    assert differences(model, model).equal
    same = differences(model, build("n"))
    assert same.equal
    assert not same.renamed
    assert same.same_ops + same.same_weights == len(model.graph) - 2


@settings(max_examples=60, deadline=None)
@given(pair=models(), place=st.integers(0, 99))
def test_every_single_change_is_seen_and_swapping_the_models_mirrors_it(
    pair: tuple[Model, Callable[[str], Model]], place: int
) -> None:
    model, build = pair
    other = build("n")
    ops = [op for op in other.graph if op.kind.startswith("ge.")]
    if not ops:
        return
    other.graph.set_attribute(ops[place % len(ops)], "extra", 1)
    found, mirrored = differences(model, other), differences(other, model)
    assert len(found.changed) == 1
    assert [(c.what, c.b, c.a) for c in found.changed[0].changes] == [
        (c.what, c.a, c.b) for c in mirrored.changed[0].changes
    ]


# -- reports


def test_a_report_shows_the_first_of_each_group_unless_all_are_asked_for() -> None:
    body = "\n".join(f"  %v{i} = ge.Relu(%x) : f32[2]" for i in range(SHOWN + 5))
    long = f"graph @main(%x: f32[2]) {{\n{body}\n  return %x\n}}\n"
    found = compare(long, "graph @main(%x: f32[2]) {\n  return %x\n}\n")
    assert text(found).splitlines()[0] == f"removed ops ({SHOWN + 5}): {SHOWN + 5} ge.Relu"
    assert "  and 5 more; --all shows them" in text(found)
    assert "`v24`" in text(found, everything=True)
    assert len(document(found)["removed"]) == SHOWN + 5  # type: ignore[arg-type]


def test_a_document_is_json_and_complete() -> None:
    found = edited(("4.0]", "nan]"), ("ge.Relu(%a)", "ge.Elu(%a)"), ("return %d, %b", "return %d"))
    read = json.loads(json.dumps(document(found), allow_nan=False))
    assert read["equal"] is False
    assert read["weights"][0]["max_abs"] is None
    assert read["weights"][0]["different"] == 1
    assert read["changed"][0]["changes"] == [{"what": "kind", "a": "ge.Relu", "b": "ge.Elu"}]
    assert read["interface"][0]["what"] == "output `b`"


def test_the_time_grows_with_the_graph_and_no_faster() -> None:
    def build(count: int, prefix: str) -> Model:
        graph = Graph()
        x = value = graph.append(Op("input", (), {"names": ("x",)}, (tensor(F32, 2),), name="x")).result
        hub = []
        for index in range(count):
            value = graph.append(Op("ge.Relu", (value,), {}, (tensor(F32, 2),), name=f"{prefix}{index}")).result
            hub.append(graph.append(Op("ge.Add", (value, x), {}, (tensor(F32, 2),), name=f"{prefix}h{index}")).result)
        graph.append(Op("return", tuple(hub), {"names": tuple(f"o{i}" for i in range(count))}))
        return Model(graph)

    def seconds(count: int) -> float:
        pair = build(count, "a"), build(count, "b")
        started = time.process_time()
        assert differences(*pair).equal
        return time.process_time() - started

    seconds(100)
    assert min(seconds(2000) for _ in range(3)) < 3.5 * min(seconds(1000) for _ in range(3))
