"""Generated inputs: repeatable, of the right type, and inside of what the graph can look up."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from modelc.diagnostics.diagnostic import ModelcError
from modelc.execute.generate import generate_inputs
from modelc.ir.attributes import Attribute
from modelc.ir.constants import to_blob, type_of
from modelc.ir.graph import Graph
from modelc.ir.op import Op, Value
from modelc.ir.types import BOOL, ELEMENTS, F32, I32, I64, U8, Type, tensor
from modelc.text.reader import read_model


def graph_of(*inputs: Type) -> tuple[Graph, tuple[Value, ...]]:
    graph = Graph()
    names = tuple(f"x{index}" for index in range(len(inputs)))
    return graph, graph.append(Op("input", (), {"names": names}, inputs)).results


def const(graph: Graph, array: Any) -> Value:
    return graph.append(Op("const", (), {"value": to_blob(np.asarray(array))}, (type_of(np.asarray(array)),))).result


def op(graph: Graph, kind: str, *operands: Value, type_: Type, **attributes: Attribute) -> Value:
    return graph.append(Op(f"ge.{kind}", operands, attributes, (type_,))).result


def finish(graph: Graph, *values: Value) -> Graph:
    graph.append(Op("return", values, {"names": tuple(f"y{index}" for index in range(len(values)))}))
    return graph


@pytest.mark.parametrize("element", [e for e in ELEMENTS.values() if e.family != "opaque"], ids=str)
def test_equal_seeds_give_equal_arrays(element: Any) -> None:
    graph, values = graph_of(tensor(element, 3, "n", None), tensor(element))
    finish(graph, *values)
    first, again, other = (generate_inputs(graph, seed) for seed in (7, 7, 8))
    assert list(first) == ["x0", "x1"]
    assert first["x0"].shape == (3, 1, 1)
    assert first["x1"].shape == ()
    for name, array in first.items():
        assert array.dtype == again[name].dtype
        np.testing.assert_array_equal(array, again[name])
    if element.name in ("f32", "i32", "i64", "u8"):
        assert any(not np.array_equal(first[name], other[name]) for name in first)


def test_an_input_does_not_depend_on_the_others() -> None:
    one, (x,) = graph_of(tensor(F32, 4))
    two, values = graph_of(tensor(F32, 4), tensor(F32, 9))
    assert generate_inputs(finish(one, x))["x0"].tolist() == generate_inputs(finish(two, *values))["x0"].tolist()


def test_tokens_stay_below_the_table_they_index() -> None:
    graph, (ids,) = graph_of(tensor(I64, 200))
    flat = op(graph, "Reshape", ids, const(graph, np.array([-1])), type_=tensor(I64, 200))
    short = op(graph, "Cast", flat, type_=tensor(I32, 200), dst_type=3)
    words, places = const(graph, np.ones((7, 2), np.float32)), const(graph, np.ones((2, 30), np.float32))
    a = op(graph, "GatherV2", words, short, const(graph, np.int32(0)), type_=tensor(F32, 200, 2))
    b = op(graph, "GatherV2", places, flat, const(graph, np.int32(1)), type_=tensor(F32, 2, 200))
    found = generate_inputs(finish(graph, a, b))["x0"]
    assert found.min() >= 0
    assert found.max() == 6


def test_a_one_hot_depth_is_a_bound() -> None:
    graph, (ids,) = graph_of(tensor(I32, 200))
    depth = const(graph, np.int32(3))
    on, off = const(graph, np.float32(1)), const(graph, np.float32(0))
    found = generate_inputs(finish(graph, op(graph, "OneHot", ids, depth, on, off, type_=tensor(F32, 200, 3))))["x0"]
    assert set(found.tolist()) == {0, 1, 2}


def test_a_mask_is_zero_or_one() -> None:
    graph, (mask,) = graph_of(tensor(I32, 200))
    found = generate_inputs(finish(graph, op(graph, "Cast", mask, type_=tensor(F32, 200), dst_type=0)))["x0"]
    assert set(found.tolist()) == {0, 1}


def test_files_of_onnx_show_the_same() -> None:
    text = """graph @main(%ids: i32[200], %mask: i32[200], %image: f32[1, 20, 20, 3]) {
  %words = const splat<1.0> : f32[2, 7]
  %a = onnx.Gather(%words, %ids) {axis = 1} : f32[2, 200]
  %b = onnx.Cast(%mask) {to = 1} : f32[200]
  %scale = const dense<127.5> : f32[]
  %c = onnx.Div(%image, %scale) : f32[1, 20, 20, 3]
  return %a, %b, %c
}"""
    found = generate_inputs(read_model(text).graph)
    assert set(found["ids"].tolist()) == set(range(7))
    assert set(found["mask"].tolist()) == {0, 1}
    assert found["image"].max() > 200


def test_ranges_without_hints() -> None:
    graph, values = graph_of(
        tensor(U8, 999), tensor(I32, 999), tensor(BOOL, 99), tensor(F32, 2, 9, 9, 3), tensor(F32, 999)
    )
    found = generate_inputs(finish(graph, *values))
    assert (found["x0"].min(), found["x0"].max()) == (0, 255)
    assert (found["x1"].min(), found["x1"].max()) == (0, 9)
    assert set(found["x2"].tolist()) == {True, False}
    assert 0 <= found["x3"].min() < 0.1 < 0.9 < found["x3"].max() < 1
    assert found["x4"].min() < -1


@pytest.mark.parametrize(("kind", "number"), [("Mul", 1 / 255), ("RealDiv", 127.5), ("Sub", 117.0)])
def test_pixels_are_recognised_by_their_rescaling(kind: str, number: float) -> None:
    graph, (x,) = graph_of(tensor(F32, 1, 20, 20, 3))
    found = generate_inputs(finish(graph, op(graph, kind, x, const(graph, np.float32(number)), type_=x.type)))["x0"]
    assert found.max() > 200
    np.testing.assert_array_equal(found, np.round(found))


def test_a_graph_with_many_readers_takes_bounded_time() -> None:
    graph, (x,) = graph_of(tensor(I32, 2))
    values = [op(graph, "Identity", x, type_=x.type) for _ in range(10_000)]
    assert generate_inputs(finish(graph, *values))["x0"].shape == (2,)


def test_what_branches_show_counts_too_and_a_choice_stays_below_the_number_of_branches() -> None:
    graph, (choice, ids) = graph_of(tensor(I32, 100), tensor(I32, 200))
    branches = []
    for rows in (9, 4, 6):
        branch, (inner,) = graph_of(tensor(I32, 200))
        table, axis = const(branch, np.ones((rows, 2), np.float32)), const(branch, np.int32(0))
        branches.append(finish(branch, op(branch, "GatherV2", table, inner, axis, type_=tensor(F32, 200, 2))))
    case = graph.append(Op("ge.Case", (choice, ids), {}, (tensor(F32, 200, 2),), graphs=tuple(branches)))
    found = generate_inputs(finish(graph, case.result))
    assert set(found["x0"].tolist()) == {0, 1, 2}
    assert set(found["x1"].tolist()) == {0, 1, 2, 3}


@pytest.mark.parametrize(
    ("element", "range_"),
    [(F32, (-2.5, -1.0)), (I32, (3, 5)), (U8, (0, 255)), (I64, (-(2**63), 2**63 - 1)), (F32, (7.0, 7.0))],
    ids=str,
)
def test_a_range_that_is_given_holds_with_both_ends(element: Any, range_: tuple[float, float]) -> None:
    graph, (x,) = graph_of(tensor(element, 999))
    found = generate_inputs(finish(graph, x), 0, {"x0": range_})["x0"]
    assert found.dtype.name == element.numpy
    assert range_[0] <= found.min() <= found.max() <= range_[1]
    if range_ == (3, 5):
        assert set(found.tolist()) == {3, 4, 5}


@pytest.mark.parametrize(
    ("element", "name", "range_"),
    [
        (F32, "picture", (0, 1)),
        (U8, "x0", (-1, 5)),
        (U8, "x0", (0, 256)),
        (I32, "x0", (0, 0.5)),
        (BOOL, "x0", (0, 1)),
    ],
)
def test_a_range_that_does_not_fit_is_refused(element: Any, name: str, range_: tuple[float, float]) -> None:
    graph, (x,) = graph_of(tensor(element, 9))
    with pytest.raises(ModelcError) as error:
        generate_inputs(finish(graph, x), 0, {name: range_})
    assert [(each.code, name in each.message) for each in error.value.diagnostics] == [("MC601", True)]


def test_segments_and_boxes_stay_below_what_there_is_of_them() -> None:
    graph, (segments, boxes) = graph_of(tensor(I32, 200), tensor(I32, 200))
    data, count = const(graph, np.ones(200, np.float32)), const(graph, np.int32(3))
    sums = op(graph, "UnsortedSegmentSum", data, segments, count, type_=tensor(F32, 3))
    images, corners = const(graph, np.ones((2, 4, 4, 1), np.float32)), const(graph, np.ones((200, 4), np.float32))
    size = const(graph, np.array([2, 2], np.int32))
    crops = op(graph, "CropAndResize", images, corners, boxes, size, type_=tensor(F32, 200, 2, 2, 1))
    found = generate_inputs(finish(graph, sums, crops))
    assert set(found["x0"].tolist()) == {0, 1, 2}
    assert set(found["x1"].tolist()) == {0, 1}
