"""Edits that make a model smaller: each leaves a sound model, or says that it does not apply."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from canonical_nets import CHANNELS, residual_net

from modelc.dialects.lookup import op_def
from modelc.ir.blob import SplatBlob
from modelc.ir.clone import clone_model
from modelc.ir.constants import constant
from modelc.ir.model import Model
from modelc.ir.types import TensorType
from modelc.ir.verify import Level, verify
from modelc.reduce import edits
from modelc.reduce.cutting import size
from modelc.reduce.edits import Edit
from modelc.text.reader import read_model

CHOICE = """
graph @main(%c: bool[], %x: f32[3]) {
  %y = ge.If(%c, %x) graph @then(%a: f32[3]) {
    %n = ge.Neg(%a) : f32[3]
    %t = ge.Tanh(%n) : f32[3]
    return %t
  } graph @else(%b: f32[3]) {
    return %b
  } : f32[3]
  return %y
}
"""
SHAPED = """
graph @main(%x: f32[1, 8, 6]) {
  %shape = const dense<[8, 6]> : i32[2]
  %y = ge.Reshape(%x, %shape) : f32[8, 6]
  %big = const dense<[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]> : f32[6]
  %z = ge.Mul(%y, %big) : f32[8, 6]
  return %z
}
"""
KINDS = [edits.bypasses, edits.branches, edits.constants, edits.dimensions, edits.attributes]


def applied(model: Model, kind: Callable[[Model], Iterator[Edit]]) -> list[Model]:
    results = []
    for edit in list(kind(model)):
        copy = clone_model(model)
        if edit(copy):
            results.append(copy)
    return results


def kinds_of_ops(model: Model) -> list[str]:
    return [op.kind for op in model.graph if op.kind not in ("input", "return")]


@pytest.mark.parametrize("kind", KINDS)
def test_links_stay_sound(kind: Callable[[Model], Iterator[Edit]]) -> None:
    for model in (residual_net(1), read_model(CHOICE), read_model(SHAPED)):
        for edited in applied(model, kind):
            assert [p for graph in edited.graphs() for p in verify(graph, Level.LINKS, op_def)] == []


def test_an_op_is_bypassed_where_an_operand_has_the_type_of_its_result() -> None:
    model = read_model("graph @main(%x: f32[2]) {\n%a = ge.Neg(%x) : f32[2]\n%b = ge.Tanh(%a) : f32[2]\nreturn %b\n}")
    assert [kinds_of_ops(each) for each in applied(model, edits.bypasses)] == [["ge.Neg"], ["ge.Tanh"]]


def test_a_branch_takes_the_place_of_its_op() -> None:
    found = [kinds_of_ops(each) for each in applied(read_model(CHOICE), edits.branches)]
    assert ["ge.Neg", "ge.Tanh"] in found
    assert [] in found


def test_ops_of_a_branch_become_constants() -> None:
    sizes = {size(each) for each in applied(read_model(CHOICE), edits.branches)}
    assert 2 in sizes  # the `If` and one constant, which is all its branch returns


def test_numbers_become_simple() -> None:
    found = applied(read_model(SHAPED), edits.constants)
    blobs = [op.attributes["value"] for each in found for op in each.graph if op.name == "big"]
    assert all(isinstance(blob, SplatBlob) for blob in blobs)
    assert len(blobs) == 3


def test_a_constant_of_equal_numbers_is_left_alone() -> None:
    model = read_model("graph @main(%x: f32[9]) {\n%c = const splat<1.0> : f32[9]\nreturn %c\n}")
    assert list(edits.constants(model)) == []


def test_an_extent_shrinks_wherever_it_stands() -> None:
    found = [each.graph.outputs[0].type for each in applied(read_model(SHAPED), edits.dimensions)]
    shapes = {type_.shape for type_ in found if isinstance(type_, TensorType)}
    assert {(1, 6), (4, 6), (8, 1), (8, 3)} <= shapes


def test_shrinking_keeps_the_first_numbers() -> None:
    found = applied(read_model(SHAPED), edits.dimensions)
    numbers = [constant(op.result) for each in found for op in each.graph if op.name == "big"]
    assert any(array is not None and np.array_equal(array, [1, 2, 3]) for array in numbers)


def test_channels_of_a_network_shrink_together() -> None:
    net = residual_net(2)
    smaller = [each for each in applied(net, edits.dimensions) if each.graph.inputs[0].tensor.dims[-1] == 1]
    assert CHANNELS > 1
    assert smaller
    types = [problem for each in smaller for problem in verify(each.graph, Level.TYPES, op_def)]
    assert types == []


def test_functions_are_left_out() -> None:
    model = read_model(SHAPED)
    model.functions = {name: read_model(SHAPED).graph for name in ("f", "g")}
    assert [list(each.functions) for each in applied(model, edits.functions)] == [[], ["g"], ["f"]]


def test_origins_are_forgotten_once() -> None:
    (model,) = applied(residual_net(1), edits.origins)
    assert list(edits.origins(model)) == []
