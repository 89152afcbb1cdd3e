"""Files of ONNX: names, constants, what cannot be said, and bytes that are the same every time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx_engines import check_file, lowered, model_of

from modelc.backend import WriteOptions
from modelc.cli.main import main
from modelc.diagnostics.diagnostic import ModelcError
from modelc.ir.blob import BytesBlob, FileBlob, LazyBlob, SplatBlob
from modelc.ir.constants import to_blob
from modelc.ir.graph import Graph
from modelc.ir.model import Model
from modelc.ir.op import Op
from modelc.ir.types import F32, tensor
from modelc.text.reader import read_model
from modelc_backends.files import fitting
from modelc_backends.files.outside import PAGE
from modelc_backends.onnx.backend import write_onnx
from modelc_backends.onnx.lower_to_onnx import lower

BIG = 1 << 15  # elements
OUTSIDE = WriteOptions(external_weights=True)
TEXT = """graph @main(%x: f32[2, 3]) {
  %bias = const dense<[1.0, 2.0, 3.0]> : f32[3]
  %a = onnx.Add(%x, %bias) : f32[2, 3] loc(tensorflow "dense/add" AddV2 -> fold-bias)
  %b = onnx.Relu(%a) : f32[2, 3]
  return %b {names = ["probabilities"]}
}"""


def graph_of(text: str) -> Any:
    return check_file(read_model(text)).graph


def big(*numbers: float) -> Model:
    """Return a model that adds big constants, each of one random-looking pattern, to its input."""
    graph = Graph()
    value = graph.append(Op("input", (), {"names": ("x",)}, (tensor(F32, BIG),))).results[0]
    for index, number in enumerate(numbers):
        array = np.arange(BIG, dtype=np.float32) * number
        constant = Op("const", (), {"value": to_blob(array)}, (tensor(F32, BIG),), name=f"w{index}")
        value = graph.append(
            Op("onnx.Add", (value, graph.append(constant).result), {}, (tensor(F32, BIG),), name=f"y{index}")
        ).result
    graph.append(Op("return", (value,), {"names": ("y",)}))
    return Model(graph)


def run(path: Path, **inputs: Any) -> list[Any]:
    return list(onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"]).run(None, inputs))


# -- names


def test_users_recognize_names() -> None:
    graph = graph_of(TEXT)
    assert [each.name for each in graph.input] == ["x"]
    assert [each.name for each in graph.output] == ["probabilities"]
    assert [each.name for each in graph.initializer] == ["bias"]
    node = graph.node[0]
    assert (node.name, list(node.input), list(node.output)) == ("dense/add", ["x", "bias"], ["a"])
    assert {each.key: each.value for each in node.metadata_props} == {"modelc.origin": "dense/add (AddV2)"}
    assert [each.name for each in graph.value_info] == ["a"]


def test_inner_values_give_way_to_public_names() -> None:
    graph = graph_of("""graph @main(%x: f32[2]) {
  %y = onnx.Abs(%x) : f32[2]
  %x_1 = onnx.Neg(%y) : f32[2]
  %z = onnx.Exp(%x_1) : f32[2]
  return %z, %y {names = ["y", "x_1"]}
}""")
    assert [list(node.output) for node in graph.node] == [["x_1"], ["x_1_1"], ["y"]]


def test_inputs_constants_and_values_given_back_twice() -> None:
    graph = graph_of("""graph @main(%x: f32[2]) {
  %c = const dense<[1.0, 2.0]> : f32[2]
  %y = onnx.Abs(%x) : f32[2]
  return %x, %x, %c, %y, %y {names = ["x", "same", "c", "y", "again"]}
}""")
    assert [each.name for each in graph.output] == ["x", "same", "c", "y", "again"]
    assert [node.op_type for node in graph.node] == ["Abs", "Identity", "Identity", "Identity"]


def test_names_that_no_message_can_hold(tmp_path: Path) -> None:
    model = read_model(TEXT)
    model.graph.set_name(model.graph.outputs[0], "\ud800")
    model.graph.set_attribute(model.graph.input_op, "names", ("a\ud800",))
    graph = onnx.load(write_onnx(model, tmp_path / "m.onnx").path).graph
    assert [each.name for each in graph.input] == ["a?"]


# -- what cannot be said


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (TEXT.replace("onnx.Relu", "ge.Relu"), "`b` (ge.Relu) was not lowered to ONNX"),
        (TEXT.replace("probabilities", "x"), "two inputs or outputs are called `x`, which ONNX cannot tell apart"),
        (TEXT.replace("%x: f32", "%x: qi8"), "`x` has elements of qi8, which ONNX lacks"),
        (TEXT.replace("Relu(%a)", "Relu(%a) {p = shape[2]}"), "`b` (onnx.Relu) has the attribute `p` of a kind"),
        (TEXT.replace("Relu(%a)", 'Relu(%a) {p = [1, "a"]}'), "`b` (onnx.Relu) has the attribute `p` of a kind"),
    ],
)
def test_what_onnx_lacks(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ModelcError) as caught:
        write_onnx(read_model(text), tmp_path / "m.onnx")
    (found,) = caught.value.diagnostics
    assert found.code == "MC504"
    assert found.message.startswith(message)
    assert not list(tmp_path.iterdir())


# -- constants


def test_constants_of_every_kind(tmp_path: Path) -> None:
    file = tmp_path / "weights"
    file.write_bytes(bytes(16) + np.arange(4, dtype=np.float32).tobytes())
    blobs = [
        FileBlob(file, 16, 16),
        SplatBlob(np.float32(3).tobytes(), 4),
        LazyBlob(16, lambda: np.full(4, 2, np.float32).tobytes()),
        BytesBlob(np.ones(4, np.float32).tobytes()),
    ]
    graph = Graph()
    value = graph.append(Op("input", (), {"names": ("x",)}, (tensor(F32, 4),))).results[0]
    for blob in blobs:
        constant = graph.append(Op("const", (), {"value": blob}, (tensor(F32, 4),), name="w"))
        value = graph.append(Op("onnx.Add", (value, constant.result), {}, (tensor(F32, 4),), name="y")).result
    graph.append(Op("return", (value,), {"names": ("y",)}))
    path = write_onnx(Model(graph), tmp_path / "m.onnx").path
    np.testing.assert_array_equal(run(path, x=np.zeros(4, np.float32))[0], [6, 7, 8, 9])


def test_texts() -> None:
    graph = graph_of("""graph @main(%x: i64[]) {
  %words = const dense<["a", "bc", ""]> : string[3]
  %y = onnx.Gather(%words, %x) {axis = 0} : string[]
  return %y
}""")
    assert list(graph.initializer[0].string_data) == [b"a", b"bc", b""]


def test_weights_that_are_gone(tmp_path: Path) -> None:
    model = read_model(TEXT)
    constant = next(op for op in model.graph if op.kind == "const")
    model.graph.set_attribute(constant, "value", FileBlob(tmp_path / "gone", 0, 12))
    with pytest.raises(ModelcError, match="MC111"):
        write_onnx(model, tmp_path / "m.onnx")
    assert not list(tmp_path.iterdir())


def test_constants_go_into_one_file_on_request(tmp_path: Path) -> None:
    model = big(1, 2, 1)
    artifact = write_onnx(model, tmp_path / "m.onnx", OUTSIDE)
    assert artifact.weights is not None
    (file,) = artifact.weights.iterdir()
    entries = [
        {each.key: each.value for each in tensor_.external_data}
        for tensor_ in onnx.load(artifact.path, load_external_data=False).graph.initializer
    ]
    assert {each["location"] for each in entries} == {f"m.onnx.weights/{file.name}"}
    assert [int(each["length"]) for each in entries] == [4 * BIG] * 3
    assert all(int(each["offset"]) % PAGE == 0 for each in entries)
    assert entries[0] == entries[2]  # equal constants share their place
    assert file.stat().st_size < 3 * 4 * BIG
    onnx.checker.check_model(str(artifact.path), full_check=True)
    (y,) = run(artifact.path, x=np.zeros(BIG, np.float32))
    np.testing.assert_array_equal(y, np.arange(BIG, dtype=np.float32) * 4)
    assert [found.code for found in artifact.findings] == ["MC505"]


def test_constants_go_outside_where_they_must(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fitting, "LIMIT", 6 * BIG)
    assert write_onnx(big(1), tmp_path / "a.onnx").weights is None
    artifact = write_onnx(big(1, 2), tmp_path / "b.onnx")
    assert artifact.weights is not None
    assert "a file of this kind holds at most 2 GiB" in artifact.findings[0].notes[0]
    assert artifact.path.stat().st_size < 4096


def test_a_new_set_replaces_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    first = {each.name for each in _weights(write_onnx(big(1), path, OUTSIDE).weights)}
    second = {each.name for each in _weights(write_onnx(big(2), path, OUTSIDE).weights)}
    assert not first & second
    assert write_onnx(big(2), path).weights is None
    assert list(tmp_path.iterdir()) == [path]


def _weights(folder: Path | None) -> list[Path]:
    assert folder is not None
    return list(folder.iterdir())


# -- the same bytes


def test_the_bytes_are_the_same_in_every_process(tmp_path: Path) -> None:
    source = tmp_path / "m.mir"
    source.write_text("""graph @main(%x: f32[1, 4, 4, 3]) {
  %w = const splat<0.5> : f32[3, 3, 3, 8]
  %y = ge.Conv2D(%x, %w) {data_format = "NHWC", pads = [1, 1, 1, 1], strides = [1, 1, 1, 1]} : f32[1, 4, 4, 8]
  %z = ge.Softplus(%y) : f32[1, 4, 4, 8]
  return %z, %y
}""")
    digests = []
    for seed in "12":
        command = [
            sys.executable,
            "-m",
            "modelc",
            "compile",
            str(source),
            "--target",
            "onnx",
            "-o",
            f"{tmp_path}/{seed}.onnx",
        ]
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        done = subprocess.run([*command, "--format", "json"], env=environment, capture_output=True, check=True)
        digests.append(json.loads(done.stdout)["sha256"])
    assert digests[0] == digests[1]
    assert (tmp_path / "1.onnx").read_bytes() == (tmp_path / "2.onnx").read_bytes()


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "m.mir"
    source.write_text(TEXT.replace("onnx.", "ge."))
    assert main(["compile", str(source), "--target", "onnx", "-o", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert ".onnx: graph and weights, opset 21, IR version 10" in out
    assert "onnxruntime" in out
    x = np.array([[-1, 0, 1], [2, 3, -9]], np.float32)
    np.testing.assert_array_equal(run(tmp_path / "m.onnx", x=x)[0], np.maximum(x + np.arange(1, 4), 0))


def test_an_unknown_batch_stays_unknown(tmp_path: Path) -> None:
    source = tmp_path / "m.mir"
    source.write_text(TEXT.replace("onnx.", "ge.").replace("f32[2, 3]", "f32[?, 3]"))
    assert main(["compile", str(source), "--target", "onnx", "-o", str(tmp_path)]) == 0
    for batch in (1, 4):
        x = np.full((batch, 3), -1, np.float32)
        assert run(tmp_path / "m.onnx", x=x)[0].tolist() == [[0, 1, 2]] * batch


def test_an_op_without_a_form(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "m.mir"
    source.write_text("graph @main(%x: f32[2]) {\n  %y = ge.NextAfter(%x, %x) : f32[2]\n  return %y\n}")
    assert main(["compile", str(source), "--target", "onnx", "-o", str(tmp_path / "m.onnx")]) == 1
    assert "error[MC510]: `y` (ge.NextAfter)" in capsys.readouterr().err
    assert not (tmp_path / "m.onnx").exists()


def test_a_lowered_model_has_no_canonical_op() -> None:
    model = lowered(model_of(TEXT.replace("onnx.", "ge.")))
    assert {op.kind for op in model.ops()} == {"input", "const", "onnx.Add", "onnx.Relu", "return"}


@pytest.mark.parametrize("op", ["Conv2D(%x)", "Add(%x)", "MaxPool(%x)", "If(%x)", "BatchNorm(%x)"])
def test_ops_that_are_not_whole(op: str) -> None:
    model = model_of(f"graph @main(%x: f32[1, 4, 4, 1]) {{\n  %y = ge.{op} : f32[1, 4, 4, 1]\n  return %y\n}}")
    (found,) = lower(model)
    assert found.code in ("MC302", "MC510")


def test_a_shape_that_has_to_be_known(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "m.mir"
    source.write_text("""graph @main(%x: f32[1, 3, ?, ?]) {
  %y = ge.AvgPoolV2(%x) {exclusive = false, ksize = [1, 1, 2, 2], strides = [1, 1, 2, 2]} : f32[1, 3, ?, ?]
  return %y
}""")
    assert main(["compile", str(source), "--target", "onnx", "-o", str(tmp_path / "m.onnx"), "--format", "json"]) == 1
    (found,) = json.loads(capsys.readouterr().out)["findings"]
    assert found["code"] == "MC303"
    assert found["fixes"] == [{"text": "state the shapes of the inputs", "flag": "--input-shape"}]
