"""Inputs and outputs of any number of dimensions, which ONNX cannot leave open."""

from __future__ import annotations

import pytest
from onnx_engines import model_of

from modelc.diagnostics.diagnostic import Sink
from modelc.pipeline.passes import PassContext
from modelc_backends.onnx.lower_to_onnx import LowerToOnnx


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("graph @main(%x: f32[*]) {\n  %y = ge.Relu(%x) : f32[*]\n  return %y\n}", ["x", "y"]),
        ("graph @main(%x: f32[*]) {\n  return %x\n}", ["x"]),
        ("graph @main(%x: f32[?, 3]) {\n  %y = ge.Relu(%x) : f32[?, 3]\n  return %y\n}", []),
    ],
)
def test_each_is_reported_once(text: str, names: list[str]) -> None:
    sink = Sink()
    LowerToOnnx().run(model_of(text), PassContext(sink))
    assert [each.code for each in sink.errors] == ["MC303"] * len(names)
    assert [each.message.split("`")[1] for each in sink.errors] == names
    assert all(each.fixes for each in sink.errors)
