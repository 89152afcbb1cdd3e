"""Structural comparison: every difference that matters is seen, and no other."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pytest

from modelc.ir.attributes import Attribute, Dense, Symbol
from modelc.ir.blob import BytesBlob, FileBlob, LazyBlob, MissingBlob, SplatBlob
from modelc.ir.compare import differences, equal_attributes, equal_blobs, structurally_equal
from modelc.ir.graph import Graph
from modelc.ir.model import Model
from modelc.ir.op import Op
from modelc.ir.origin import Origin
from modelc.ir.types import F32, I32, tensor

FLOAT = tensor(F32, 2)


def build(nested: bool = True) -> Graph:
    graph = Graph()
    x = graph.append(Op("input", (), {"names": ("x",)}, (FLOAT,), name="x")).result
    graphs = (build(False),) if nested else ()
    op = graph.append(Op("ge.Add", (x, x), {"k": 1}, (FLOAT,), name="a", graphs=graphs))
    graph.append(Op("ge.Abs", (x,), {}, (FLOAT,), name="b"))
    graph.append(Op("return", op.results, {"names": ("y",)}))
    return graph


def op_of(graph: Graph) -> Op:
    return list(graph)[1]


def test_graphs_built_alike_are_equal_whatever_their_values_are_called() -> None:
    graph, other = build(), build()
    other.set_name(other.inputs[0], "another")
    assert differences(graph, other) == []
    assert structurally_equal(Model(graph), Model(other))


CHANGES: dict[str, Callable[[Graph], object]] = {
    "kind": lambda graph: setattr(op_of(graph), "kind", "ge.Sub"),
    "operand": lambda graph: graph.set_operand(graph.return_op, 0, list(graph)[2].result),
    "type": lambda graph: graph.set_type(op_of(graph).result, tensor(I32)),
    "attribute": lambda graph: graph.set_attribute(op_of(graph), "k", True),
    "more attributes": lambda graph: graph.set_attribute(op_of(graph), "l", 1),
    "origin": lambda graph: graph.set_origin(op_of(graph), Origin.of("tensorflow", "a", "Add")),
    "input name": lambda graph: graph.set_attribute(graph.input_op, "names", ("z",)),
    "output name": lambda graph: graph.set_attribute(graph.return_op, "names", ("z",)),
    "more ops": lambda graph: graph.insert_before(graph.return_op, Op("a")),
    "nested": lambda graph: op_of(graph).graphs[0].set_attribute(op_of(op_of(graph).graphs[0]), "k", 2),
    "graph name": lambda graph: setattr(graph, "name", "other"),
}


@pytest.mark.parametrize("change", list(CHANGES))
def test_every_change_is_seen(change: str) -> None:
    graph = build()
    CHANGES[change](graph)
    assert len(differences(build(), graph)) >= 1
    assert not structurally_equal(build(), graph)


def test_origins_can_be_left_out() -> None:
    graph = build()
    CHANGES["origin"](graph)
    assert structurally_equal(build(), graph, origins=False)


def test_public_names_that_follow_from_hints_equal_written_ones() -> None:
    graph = build()
    del graph.input_op.attributes["names"]
    assert structurally_equal(build(), graph)


def test_models_differ_by_facts_and_functions() -> None:
    model = Model(build(), {"f": build()})
    assert not structurally_equal(model, Model(build()))
    assert not structurally_equal(model, Model(build(), {"g": build()}))
    assert not structurally_equal(model, Model(build(), {"f": build()}, facts={"frozen"}))
    assert structurally_equal(model, Model(build(), {"f": build()}))
    assert not structurally_equal(model, model.graph)


def test_differences_are_limited() -> None:
    graph, other = Graph(), Graph()
    for index in range(100):
        graph.append(Op("a", (), {"k": index}))
        other.append(Op("a", (), {"k": -1}))
    assert len(differences(graph, other, limit=7)) == 7


@pytest.mark.parametrize(
    ("a", "b", "equal"),
    [
        (1, True, False),
        (1, 1.0, False),
        (0.0, -0.0, False),
        (math.nan, math.nan, True),
        ((1, (2,)), (1, (2,)), True),
        ((1, (2,)), (1, (2.0,)), False),
        ((1,), (1, 1), False),
        ("a", b"a", False),
        (Dense(FLOAT, BytesBlob(b"ab")), Dense(FLOAT, SplatBlob(b"ab", 1)), True),
        (Dense(FLOAT, BytesBlob(b"ab")), Dense(FLOAT, BytesBlob(b"cd")), False),
        (Symbol("f", (("a", 1),)), Symbol("f", (("a", 1),)), True),
        (Symbol("f", (("a", 1),)), Symbol("f", (("a", True),)), False),
        (BytesBlob(b""), "", False),
    ],
)
def test_attributes(a: Attribute, b: Attribute, equal: bool) -> None:
    assert equal_attributes(a, b) is equal


def test_blobs_are_compared_by_their_bytes_and_read_only_when_needed(tmp_path: Path) -> None:
    path = tmp_path / "w"
    path.write_bytes(b"abcdabcd")
    assert equal_blobs(FileBlob(path, 0, 4), FileBlob(path, 4, 4))
    assert equal_blobs(FileBlob(path, 0, 4), LazyBlob(4, lambda: b"abcd"))
    assert not equal_blobs(FileBlob(path, 0, 4), FileBlob(path, 1, 4))
    assert equal_blobs(FileBlob(tmp_path / "absent", 0, 4), FileBlob(tmp_path / "absent", 0, 4))
    assert not equal_blobs(MissingBlob(4, "gone"), BytesBlob(b"abcd"))
    assert not equal_blobs(BytesBlob(b"ab"), BytesBlob(b"abc"))
