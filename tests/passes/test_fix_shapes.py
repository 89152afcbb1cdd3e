"""Fixing shapes beyond what golden cases show: the flags that are proposed."""

from __future__ import annotations

from pathlib import Path

import pytest

from modelc.diagnostics.diagnostic import Diagnostic, Sink
from modelc.ir.model import UNUSED_INPUTS, Model, Source
from modelc.pipeline.passes import PassContext
from modelc.text.reader import read_model
from modelc_passes.fix_shapes import FixShapes


def model_of(*inputs: str) -> Model:
    names = [f"x{index}" for index in range(len(inputs))]
    parameters = ", ".join(f"%{name}: {type_}" for name, type_ in zip(names, inputs, strict=True))
    returned = ", ".join(f"%{name}" for name in names)
    return read_model(f"graph @main({parameters}) {{ return {returned} }}")


def fix(model: Model, shapes: str = "", batch_size: int = 0) -> list[Diagnostic]:
    sink = Sink()
    FixShapes(shapes, batch_size).run(model, PassContext(sink))
    return list(sink)


def flags(finding: Diagnostic) -> list[str]:
    return [each.flag for each in finding.fixes]


def test_an_open_batch_needs_only_a_batch_size() -> None:
    (finding,) = fix(model_of("f32[?, 224, 224, 3]"))
    assert flags(finding) == ["--batch-size 1", '--input-shape "x0:1,224,224,3"']


@pytest.mark.parametrize(
    ("type_", "proposal"),
    [
        ("f32[?, ?, ?, 3]", "1,224,224,3"),
        ("i32[?, ?]", "1,128"),
        ("f32[?, ?, 16]", "1,128,16"),
        ("f32[*]", "1,224,224,3"),
        ('f32["batch", "time", 8]', "1,128,8"),
    ],
)
def test_a_full_flag_is_proposed(type_: str, proposal: str) -> None:
    (finding,) = fix(model_of(type_))
    assert flags(finding) == [f'--input-shape "x0:{proposal}"']


def test_the_flag_settles_all_inputs_and_keeps_what_was_given() -> None:
    first, second = fix(model_of("f32[?, 4]", "f32[?, ?]", "f32[?, 6]", "f32[2]"), "x0:3,4")
    expected = '--input-shape "x0:3,4;x1:1,128;x2:1,6"'
    assert flags(first)[-1] == flags(second)[-1] == expected
    model = model_of("f32[?, 4]", "f32[?, ?]", "f32[?, 6]", "f32[2]")
    assert fix(model, expected.split('"')[1]) == []
    assert all(value.tensor.is_static for value in model.graph.inputs)


def test_the_nearest_name_is_offered() -> None:
    model = model_of("f32[2]")
    (finding,) = fix(model, "x_0:2")
    assert finding.code == "MC407"
    assert "`x0`" in finding.message
    assert finding.fixes[0].text == "name `x0`"


def test_inputs_no_output_depends_on_may_be_given_a_shape() -> None:
    model = model_of("f32[?]")
    model.source = Source("tensorflow", Path("m.pb"), "frozen graph", ((UNUSED_INPUTS, "left, right"),))
    assert [finding.code for finding in fix(model, "x0:2;left:1;right:0:3")] == []
    assert [finding.code for finding in fix(model, "x0:2;centre:1")] == ["MC407"]


def test_a_batch_size_that_is_there_already_is_fine() -> None:
    assert fix(model_of("f32[4, 2]", "f32[3]"), batch_size=4) == []


def test_resources_take_no_shape() -> None:
    model = read_model("graph @main(%table: resource, %x: f32[2]) { return %table, %x }")
    assert [finding.code for finding in fix(model, "table:2")] == ["MC408"]
    assert fix(model) == []


def test_dimensions_may_stay_unknown_where_the_target_takes_them() -> None:
    model, sink = model_of("f32[?, 3]"), Sink()
    FixShapes(open=True).run(model, PassContext(sink))
    assert not list(sink)
    FixShapes("x0:2,3", open=True).run(model, PassContext(sink))
    assert str(model.graph.inputs[0].type) == "f32[2, 3]"
