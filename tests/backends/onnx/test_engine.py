"""The engine that executes models with onnxruntime."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from onnx_engines import model_of

from modelc.diagnostics.diagnostic import ModelcError
from modelc.execute.engine import ENGINES, Taps
from modelc.execute.evaluator import evaluate
from modelc.execute.execution import start
from modelc.execute.generate import generate_inputs
from modelc.ir.model import Model
from modelc.ir.op import Value
from modelc.ir.types import TensorType
from modelc.text.printer import print_model
from modelc_backends.onnx import engine

NETWORK = """graph @main(%x: f32[1, 6, 5, 3]) {
  %w = const splat<0.125> : f32[3, 3, 3, 4]
  %bias = const dense<[1.0, -1.0, 0.5, 2.0]> : f32[4]
  %a = ge.Conv2D(%x, %w, %bias) {data_format = "NHWC", pads = [1, 1, 1, 1], strides = [1, 1, 1, 1]} : f32[1, 6, 5, 4]
  %b = ge.Relu(%a) : f32[1, 6, 5, 4]
  %axis = const dense<[3]> : i32[1]
  %c, %d = ge.SplitD(%b) {num_split = 2, split_dim = 3} : f32[1, 6, 5, 2], f32[1, 6, 5, 2]
  %e = ge.ArgMaxV2(%b, %axis) {dtype = i32} : i32[1, 6, 5]
  return %c, %e
}"""
NEXT_AFTER = "graph @main(%x: f32[2]) {\n  %y = ge.NextAfter(%x, %x) : f32[2]\n  return %y\n}"


def tapped(run_with: str, model: Model, inputs: dict[str, NDArray[Any]]) -> dict[Value, NDArray[Any]]:
    """Return the numbers of all values somebody reads, in the order in which they came."""
    found: dict[Value, NDArray[Any]] = {}
    values = frozenset(value for op in model.graph for value in op.results if isinstance(value.type, TensorType))
    start(run_with, model, Taps(values, lambda value, array: found.update({value: array.copy()}))).run(inputs)
    return found


def test_it_is_what_executes_where_nobody_names_an_engine() -> None:
    model = model_of(NETWORK)
    execution = start("", model)
    assert execution.engine == "onnxruntime"
    assert execution.title.startswith("onnxruntime 1.")
    inputs = generate_inputs(model.graph)
    expected = evaluate(model.graph, inputs)
    for name, array in execution.run(inputs).items():
        np.testing.assert_allclose(array, expected[name], rtol=1e-6)


def test_taps_have_the_layout_and_type_of_the_canonical_dialect() -> None:
    model = model_of(NETWORK)
    inputs = generate_inputs(model.graph)
    ours, theirs = tapped("numpy", model, inputs), tapped("onnxruntime", model, inputs)
    assert set(ours) == set(theirs)
    for value, array in theirs.items():
        assert (array.shape, array.dtype) == (ours[value].shape, ours[value].dtype)
        np.testing.assert_allclose(array, ours[value], rtol=1e-6)
    order = [value.producer for value in theirs]
    assert order == [op for op in model.graph for value in op.results if value in theirs]


def test_the_model_stays_as_it_is() -> None:
    model = model_of(NETWORK)
    before, edits = print_model(model), model.edits
    tapped("onnxruntime", model, generate_inputs(model.graph))
    assert (print_model(model), model.edits, set(model.facts)) == (before, edits, {"ge", "typed"})


def test_names_of_taps_give_way_to_those_of_the_model() -> None:
    text = """graph @main(%tap0: f32[2]) {
  %a = ge.Abs(%tap0) : f32[2]
  %tap1 = ge.Neg(%a) : f32[2]
  return %tap1
}"""
    model = model_of(text)
    found = tapped("onnxruntime", model, {"tap0": np.array([-1, 2], np.float32)})
    assert [array.tolist() for array in found.values()] == [[-1, 2], [1, 2], [-1, -2]]


def test_big_constants_are_not_copied_into_the_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "MAPPED", 16)
    text = """graph @main(%x: f32[20000]) {
  %c = const splat<2.0> : f32[20000]
  %y = ge.Mul(%x, %c) : f32[20000]
  return %y
}"""
    model = model_of(text)
    (y,) = start("onnxruntime", model).run({"x": np.ones(20000, np.float32)}).values()
    assert y.tolist() == [2.0] * 20000


def test_inputs_that_do_not_fit() -> None:
    execution = start("onnxruntime", model_of(NETWORK))
    with pytest.raises(ModelcError, match="MC601"):
        execution.run({"x": np.zeros(3, np.float32)})


def test_another_engine_takes_what_has_no_form() -> None:
    model = model_of(NEXT_AFTER)
    (found,) = ENGINES.get("onnxruntime").obstacles(model)
    assert found.code == "MC602"
    execution = start("", model)
    assert execution.engine == "numpy"
    assert "onnxruntime was not used" in execution.notes[0]
    with pytest.raises(ModelcError, match="MC602"):
        start("onnxruntime", model)


@pytest.mark.parametrize("element", ["bf16", "c64", "string"])
def test_elements_it_does_not_take(element: str) -> None:
    model = model_of(f"graph @main(%x: {element}[2]) {{\n  %y = ge.Identity(%x) : {element}[2]\n  return %y\n}}")
    (found,) = engine.obstacles(model)
    assert (found.code, found.message) == (
        "MC602",
        f"`x` is {element}[2], which onnxruntime does not compute with",
    )


def test_a_form_that_is_lacking_shows_when_the_model_is_prepared() -> None:
    text = """graph @main(%x: f32[1, 3, ?, ?]) {
  %y = ge.AvgPoolV2(%x) {exclusive = false, ksize = [1, 1, 2, 2], strides = [1, 1, 2, 2]} : f32[1, 3, ?, ?]
  return %y
}"""
    with pytest.raises(ModelcError, match=r"MC303.*needs to know axis 2 of `x`"):
        start("onnxruntime", model_of(text))


def test_what_goes_wrong_while_it_runs() -> None:
    text = """graph @main(%x: f32[2, 3], %n: i32[1]) {
  %axis = const dense<0> : i32[]
  %y = ge.GatherV2(%x, %n, %axis) : f32[1, 3]
  return %y
}"""
    execution = start("onnxruntime", model_of(text))
    with pytest.raises(ModelcError, match="MC605: onnxruntime failed"):
        execution.run({"x": np.zeros((2, 3), np.float32), "n": np.array([4], np.int32)})
