"""Parts of graphs as models of their own."""

from __future__ import annotations

from canonical_nets import residual_net

from modelc.dialects.lookup import op_def
from modelc.ir.model import Model
from modelc.ir.op import Op
from modelc.ir.verify import Level, verify
from modelc.reduce.cutting import extract, needed, size, units
from modelc.text.printer import print_model
from modelc.text.reader import read_model

VARIABLES = """
graph @main(%x: f32[2]) {
  %v = tf.VarHandleOp() {dtype = f32} : resource
  %w = tf.VarHandleOp() {dtype = f32} : resource
  %a = tf.ReadVariableOp(%v) : f32[2]
  %b = tf.ReadVariableOp(%w) : f32[2]
  %s = tf.AddV2(%a, %b) : f32[2]
  %y = tf.AddV2(%s, %x) : f32[2]
  return %y
}
"""


def kept(model: Model, *names: str) -> list[Op]:
    return [op for op in model.graph if op.name in names]


def sound(model: Model | None) -> Model:
    assert model is not None
    assert [problem for graph in model.graphs() for problem in verify(graph, Level.TYPES, op_def)] == []
    assert print_model(read_model(print_model(model, inline=1 << 20)), inline=1 << 20) == print_model(
        model, inline=1 << 20
    )
    return model


def test_what_is_read_from_elsewhere_becomes_an_input_and_what_is_read_there_an_output() -> None:
    model = residual_net(3)
    part = sound(extract(model, kept(model, "block1/mul", "block1/scale", "block1/sub")))
    assert part.graph.input_names == ("block1/relu", "block1/gate")
    assert part.graph.output_names == ("block1/mul", "block1/sub")
    assert [op.name for op in units(part.graph)] == ["block1/scale", "block1/mul", "block1/sub"]


def test_inputs_and_outputs_keep_their_public_names_and_come_first() -> None:
    model = residual_net(1)
    part = sound(extract(model, [op for op in model.graph if op.name != "block0/gate"]))
    assert part.graph.input_names == ("image", "block0/gate")
    assert part.graph.output_names == ("probabilities", "block0/conv")


def test_constants_nobody_reads_are_left_out() -> None:
    model = residual_net(2)
    part = sound(extract(model, kept(model, "block0/weights", "block1/tanh")))
    assert [op.name for op in units(part.graph)] == ["block1/tanh"]


def test_only_wanted_outputs_stay_where_they_are_named() -> None:
    model = residual_net(2)
    ops = needed(model.graph, model.graph.outputs)
    assert size(sound(extract(model, ops, set(model.graph.outputs)))) == size(model)
    assert extract(model, ops, set()) is None


def test_what_is_no_tensor_cannot_be_an_input() -> None:
    model = read_model(VARIABLES)
    part = extract(model, kept(model, "a", "y"))
    assert part is not None
    assert part.graph.input_names == ("x", "s")
    assert [op.name for op in units(part.graph)] == ["v", "a", "y"]
    assert part.graph.output_names == ("y", "a")


def test_the_original_stays_as_it_is() -> None:
    model = residual_net(2)
    before = print_model(model)
    extract(model, kept(model, "block0/mul"))
    assert print_model(model) == before
