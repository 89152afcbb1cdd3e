"""The reader of ONNX files: values, constants in every encoding, nested graphs, and whatever may be wrong."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import modelc
from modelc.diagnostics.diagnostic import ModelcError, Sink
from modelc.dialects.onnx import IR_VERSION, OPSET
from modelc.frontends.frontend import LoadOptions
from modelc.frontends.load import detect, load
from modelc.frontends.onnx.protos import SCHEMA
from modelc.frontends.wire import RANGE_FIELD
from modelc.ir.blob import Blob, FileBlob
from modelc.ir.constants import to_array
from modelc.ir.model import Model
from modelc.text.printer import print_model

X = helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, 3])
Y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [2, 3])


def model(nodes: Sequence[Any], initializers: Sequence[Any] = (), opset: int = OPSET, **graph: Any) -> Any:
    made = helper.make_graph(nodes, "net", graph.get("inputs", [X]), graph.get("outputs", [Y]), initializers)
    opsets = [helper.make_opsetid("", opset)] if opset else [helper.make_opsetid("com.acme", 1)]
    return helper.make_model(made, opset_imports=opsets, ir_version=IR_VERSION)


def saved(proto: Any, folder: Path) -> Path:
    path = folder / "net.onnx"
    path.write_bytes(proto.SerializeToString())
    return path


def read(path: Path) -> Model:
    return load(path, LoadOptions(), Sink())


def codes(path: Path) -> set[str]:
    with pytest.raises(ModelcError) as caught:
        read(path)
    return {each.code for each in caught.value.diagnostics}


RELU = helper.make_node("Relu", ["x"], ["y"], name="relu")


def test_ops_inputs_and_outputs(tmp_path: Path) -> None:
    scale = numpy_helper.from_array(np.full((3,), 2, np.float32), "scale")
    nodes = [helper.make_node("Mul", ["x", "scale"], ["h"], name="scaled"), helper.make_node("Relu", ["h"], ["y"])]
    lifted = read(saved(model(nodes, [scale]), tmp_path))
    assert lifted.graph.input_names == ("x",)
    assert lifted.graph.output_names == ("y",)
    mul = lifted.graph.outputs[0].producer.operands[0].producer
    assert (mul.kind, mul.origin.name, str(mul.result.type)) == ("onnx.Mul", "scaled", "f32[2, 3]")  # inferred


def test_attributes_of_every_kind(tmp_path: Path) -> None:
    size = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    pool = helper.make_node("AveragePool", ["x"], ["h"], kernel_shape=[1, 1], auto_pad="SAME_UPPER", ceil_mode=1)
    fill = helper.make_node("ConstantOfShape", ["s"], ["f"], value=helper.make_tensor("v", TensorProto.FLOAT, [1], [7]))
    elu = helper.make_node("Elu", ["h"], ["y"], alpha=0.5)
    shape = numpy_helper.from_array(np.array([2], np.int64), "s")
    lifted = read(saved(model([pool, fill, elu], [shape], outputs=[size]), tmp_path))
    attributes = {op.kind: op.attributes for op in lifted.graph}
    assert attributes["onnx.AveragePool"] == {"kernel_shape": (1, 1), "auto_pad": "SAME_UPPER", "ceil_mode": 1}
    assert attributes["onnx.Elu"] == {"alpha": 0.5}
    assert "f32[1]" in print_model(lifted)


ARRAYS = [
    np.array([[1.5, -2]], np.float32),
    np.array([1.5, np.inf], np.float64),
    np.array([1.5, 65504], np.float16),
    np.array([-3, 7], np.int32),
    np.array([-3, 1 << 40], np.int64),
    np.array([3, 1 << 63], np.uint64),
    np.array([3, 1 << 31], np.uint32),
    np.array([-128, 127], np.int8),
    np.array([0, 255], np.uint8),
    np.array([-5, 5], np.int16),
    np.array([True, False]),
    np.array([1 + 2j, -3j], np.complex64),
    np.array([1 + 2j, -3j], np.complex128),
    np.array(4.25, np.float32),
    np.zeros((0, 3), np.float32),
]


@pytest.mark.parametrize("is_raw", [False, True])
@pytest.mark.parametrize("array", ARRAYS, ids=lambda array: f"{array.dtype}{array.shape}")
def test_constants_in_every_encoding(array: Any, is_raw: bool, tmp_path: Path) -> None:
    tensor = numpy_helper.from_array(array, "c")
    if not is_raw:
        number = helper.np_dtype_to_tensor_dtype(array.dtype)
        tensor = helper.make_tensor("c", number, array.shape, array.reshape(-1))
    out = helper.make_tensor_value_info("y", tensor.data_type, array.shape)
    lifted = read(saved(model([helper.make_node("Identity", ["c"], ["y"])], [tensor], outputs=[out]), tmp_path))
    const = lifted.graph.outputs[0].producer.operands[0].producer
    blob = const.attributes["value"]
    assert isinstance(blob, Blob)
    np.testing.assert_array_equal(to_array(blob, const.result.tensor), array)


def test_big_constants_stay_in_the_file(tmp_path: Path) -> None:
    array = np.arange(5000, dtype=np.float32)
    out = helper.make_tensor_value_info("y", TensorProto.FLOAT, [5000])
    proto = model([helper.make_node("Relu", ["c"], ["y"])], [numpy_helper.from_array(array, "c")], outputs=[out])
    path = saved(proto, tmp_path)
    (blob,) = (op.attributes["value"] for op in read(path).graph if op.kind == "const")
    assert isinstance(blob, FileBlob)
    assert blob.path == path
    assert blob.read() == array.tobytes()


def external(location: str, **numbers: int) -> Any:
    tensor = TensorProto(name="c", data_type=TensorProto.FLOAT, dims=[2, 3], data_location=TensorProto.EXTERNAL)
    for key, value in {"location": location, **numbers}.items():
        tensor.external_data.add(key=key, value=str(value))
    return model([helper.make_node("Add", ["x", "c"], ["y"])], [tensor])


def test_external_constants(tmp_path: Path) -> None:
    array = np.arange(6, dtype=np.float32)
    (tmp_path / "w.bin").write_bytes(b"1234" + array.tobytes())
    path = saved(external("w.bin", offset=4, length=24), tmp_path)
    x = np.ones((2, 3), np.float32)
    np.testing.assert_array_equal(modelc.run(path, {"x": x})["y"], x + array.reshape(2, 3))


@pytest.mark.parametrize("location", ["../w.bin", "/etc/passwd", "absent.bin", "", "w.bin"])
def test_external_constants_that_are_not_there(location: str, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (tmp_path / "w.bin").write_bytes(bytes(24))
    (folder / "w.bin").write_bytes(bytes(23))
    path = saved(external(location, length=24), folder)
    with pytest.raises(ModelcError) as caught:
        modelc.run(path, {"x": np.ones((2, 3), np.float32)})
    assert all(each.code.startswith("MC") for each in caught.value.diagnostics)


def test_branches_take_what_they_read_around_them(tmp_path: Path) -> None:
    def branch(op: str, name: str) -> Any:
        out = helper.make_tensor_value_info(f"{name}_out", TensorProto.FLOAT, [2, 3])
        return helper.make_graph([helper.make_node(op, ["x"], [f"{name}_out"])], name, [], [out])

    node = helper.make_node("If", ["c"], ["y"], then_branch=branch("Neg", "then"), else_branch=branch("Abs", "else"))
    choice = helper.make_tensor_value_info("c", TensorProto.BOOL, [])
    path = saved(model([node], inputs=[X, choice]), tmp_path)
    x = np.array([[1, -2, 3], [-4, 5, -6]], np.float32)
    for flag, expected in ((True, -x), (False, np.abs(x))):
        np.testing.assert_array_equal(modelc.run(path, {"x": x, "c": np.array(flag)})["y"], expected)


def test_what_is_written_reads_back(tmp_path: Path) -> None:
    text = """graph @main(%x: f32[1, 4, 4, 2]) {
      %w = const splat<0.5> : f32[3, 3, 2, 5]
      %y = ge.Conv2D(%x, %w) {pads = [1, 1, 1, 1], strides = [1, 1, 1, 1], data_format = "NHWC"} : f32[1, 4, 4, 5]
      return %y
    }"""
    (tmp_path / "net.mir").write_text(text)
    artifact = modelc.compile(tmp_path / "net.mir", tmp_path / "net.onnx", target="onnx").artifact
    assert artifact is not None
    assert modelc.verify(tmp_path / "net.mir", artifact.path).equal
    again = modelc.diff(artifact.path, artifact.path)
    assert again.equal
    assert again.same_ops > 0


# -- what may be wrong


def test_other_opsets_are_refused(tmp_path: Path) -> None:
    assert codes(saved(model([RELU], opset=13), tmp_path)) == {"MC713"}
    assert codes(saved(model([RELU], opset=0), tmp_path)) == {"MC713"}


@pytest.mark.parametrize(
    ("nodes", "code"),
    [
        ([helper.make_node("Relu", ["nothing"], ["y"])], "MC110"),
        ([helper.make_node("Frobnicate", ["x"], ["y"])], "MC211"),
        ([helper.make_node("Relu", ["x"], ["y"], domain="com.acme")], "MC211"),
        ([RELU, RELU], "MC117"),
        ([helper.make_node("If", ["x"], ["y"])], "MC302"),
    ],
)
def test_unsound_graphs(nodes: list[Any], code: str, tmp_path: Path) -> None:
    assert code in codes(saved(model(nodes), tmp_path))


def test_nodes_in_the_form_of_another_opset_have_no_type(tmp_path: Path) -> None:
    old = helper.make_node("Unsqueeze", ["x"], ["h"], axes=[0])
    lifted = read(saved(model([old, helper.make_node("Relu", ["h"], ["y"])]), tmp_path))
    assert [str(op.result.type) for op in lifted.graph if op.kind == "onnx.Unsqueeze"] == ["?[*]"]


def test_constants_of_another_size(tmp_path: Path) -> None:
    tensor = TensorProto(name="c", data_type=TensorProto.FLOAT, dims=[2, 3], raw_data=bytes(20))
    assert codes(saved(model([helper.make_node("Add", ["x", "c"], ["y"])], [tensor]), tmp_path)) == {"MC116"}


def checks(path: Path) -> dict[str, str]:
    check = detect(path).check
    assert check is not None
    return {each.name: each.outcome.value for each in check(path)}


def test_checks(tmp_path: Path) -> None:
    assert checks(saved(model([RELU]), tmp_path)) == dict.fromkeys(("structure", "types", "readable"), "passed")
    twice = saved(model([RELU, RELU]), tmp_path)
    assert checks(twice) == {"structure": "failed", "types": "skipped", "readable": "skipped"}
    other = helper.make_tensor_value_info("y", TensorProto.FLOAT, [7])
    assert checks(saved(model([RELU], outputs=[other]), tmp_path))["types"] == "failed"
    assert checks(saved(external("absent.bin"), tmp_path))["structure"] == "failed"


def test_it_is_not_compiled(tmp_path: Path) -> None:
    path = saved(model([RELU]), tmp_path)
    checked = modelc.check(path)
    assert [each.code for each in checked.findings] == ["MC713"]


def test_it_is_recognized_by_content(tmp_path: Path) -> None:
    path = saved(model([RELU]), tmp_path).rename(tmp_path / "net.bin")
    assert detect(path).name == "onnx"


BYTES = model(
    [helper.make_node("Add", ["x", "c"], ["h"]), helper.make_node("Relu", ["h"], ["y"])],
    [numpy_helper.from_array(np.ones((2, 3), np.float32), "c")],
).SerializeToString()


@pytest.mark.parametrize("seed", range(200))
def test_damaged_files_give_findings(seed: int, tmp_path: Path) -> None:
    changes = random.Random(seed)
    data = bytearray(BYTES[: changes.randrange(len(BYTES))] if seed % 4 == 0 else BYTES)
    for _ in range(changes.randrange(1, 6) if data else 0):
        data[changes.randrange(len(data))] = changes.randrange(256)
    path = tmp_path / "net.onnx"
    path.write_bytes(data)
    with contextlib.suppress(ModelcError):  # anything else fails the test
        print_model(read(path))


MESSAGES = ("TensorProto", "NodeProto", "GraphProto", "AttributeProto", "ModelProto", "ValueInfoProto")


@pytest.mark.parametrize("name", MESSAGES)
def test_the_schema_is_that_of_the_library(name: str) -> None:
    known = getattr(onnx, name).DESCRIPTOR.fields_by_name
    fields = [field for field in SCHEMA.descriptor(name).fields if field.name != RANGE_FIELD]
    assert [field.number for field in fields] == [known[field.name].number for field in fields]
