"""SavedModels: which graph and signature is read, where variables come from, and what is said about broken ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from google.protobuf import text_format

from modelc.diagnostics.diagnostic import ModelcError, Severity, Sink
from modelc.dialects.lookup import op_def
from modelc.frontends.frontend import LoadOptions
from modelc.frontends.tensorflow.protos import message
from modelc.frontends.tensorflow.saved_model import FRONTEND, load
from modelc.ir.attributes import ShapeAttribute
from modelc.ir.blob import FileBlob, MissingBlob
from modelc.ir.constants import to_array
from modelc.ir.model import Model
from modelc.ir.op import Op
from modelc.ir.types import F32, RESOURCE, TensorType
from modelc.ir.verify import Level, verify

Node = tuple[str, str, Sequence[str], Mapping[str, str]]
SavedModel = Callable[..., Path]
WriteBundle = Callable[..., Path]

FLOAT = {"T": "type: DT_FLOAT"}
DTYPE = {"dtype": "type: DT_FLOAT"}
SHAPE = {"shape": "shape { dim { size: 3 } }"}
X: Node = ("in", "Placeholder", (), {**DTYPE, "shape": "shape { dim { size: -1 } dim { size: 3 } }"})
Y: Node = ("out", "Relu", ("in",), FLOAT)


def info(node: str) -> str:
    return f"name: '{node}:0' dtype: DT_FLOAT tensor_shape {{ dim {{ size: -1 }} dim {{ size: 3 }} }}"


def signature(key: str, inputs: Mapping[str, str], outputs: Mapping[str, str]) -> str:
    sides = [f"inputs {{ key: '{name}' value {{ {info(node)} }} }}" for name, node in inputs.items()]
    sides += [f"outputs {{ key: '{name}' value {{ {info(node)} }} }}" for name, node in outputs.items()]
    return f"signature_def {{ key: '{key}' value {{ {' '.join(sides)} }} }}"


ONE = signature("serving_default", {"x": "in"}, {"y": "out"})


def read(path: Path, options: LoadOptions | None = None, sink: Sink | None = None) -> Model:
    model = load(path, options or LoadOptions(), Sink() if sink is None else sink)
    assert not [finding.message for graph in model.graphs() for finding in verify(graph, Level.TYPES, op_def)]
    return model


def refused(path: Path, options: LoadOptions | None = None) -> Any:
    with pytest.raises(ModelcError) as raised:
        load(path, options or LoadOptions(), Sink())
    (finding,) = raised.value.diagnostics
    return finding


def variable(model: Model, name: str) -> Op:
    return next(op for op in model.ops() if op.origin.name == name)


def test_inputs_and_outputs_have_the_names_of_the_signature(saved_model: SavedModel) -> None:
    model = read(saved_model([X, Y], signature("serving_default", {"x": "in"}, {"b": "out", "a": "in"})))
    assert model.graph.input_names == ("x",)
    assert [value.name for value in model.graph.inputs] == ["in"]
    assert model.graph.inputs[0].type == TensorType(F32, (None, 3))
    assert model.graph.output_names == ("a", "b")
    assert [value.name for value in model.graph.outputs] == ["in", "out"]
    assert model.facts == {"lifted"}
    assert model.source is not None
    assert model.source.details == (("signature", "serving_default"), ("tags", "serve"), ("TensorFlow", "2.0"))


def test_what_feeds_an_input_is_cut_off(saved_model: SavedModel) -> None:
    model = read(saved_model([X, Y, ("more", "Abs", ("out",), FLOAT)], signature("f", {"x": "out"}, {"y": "more"})))
    assert [op.kind for op in model.graph] == ["input", "tf.Abs", "return"]
    assert model.graph.inputs[0].name == "out"


def test_the_file_and_the_text_form_are_read_too(saved_model: SavedModel) -> None:
    folder = saved_model([X, Y], ONE)
    binary = folder / "saved_model.pb"
    assert read(binary).graph.input_names == ("x",)
    text = text_format.MessageToString(message("SavedModel").FromString(binary.read_bytes()))
    (folder / "saved_model.pbtxt").write_text(text)
    binary.unlink()
    assert read(folder).graph.input_names == ("x",)


def test_the_default_signature_is_chosen_and_named(saved_model: SavedModel) -> None:
    sink = Sink()
    meta = signature("other", {}, {"y": "out"}) + signature("__saved_model_init_op", {}, {"n": "out"})
    read(saved_model([X, Y], ONE + meta), sink=sink)
    (note,) = sink
    assert (note.code, note.severity) == ("MC120", Severity.NOTE)
    assert "`serving_default`, one of 2" in note.message
    assert note.fixes[0].flag == "--signature other"


def test_the_only_signature_needs_no_name(saved_model: SavedModel) -> None:
    sink = Sink()
    folder = saved_model([X, Y], signature("predict", {"x": "in"}, {"y": "out"}))
    assert read(folder, sink=sink).graph.output_names == ("y",)
    assert not len(sink)


def test_a_signature_can_be_chosen(saved_model: SavedModel) -> None:
    folder = saved_model([X, Y], ONE + signature("other", {"in": "in"}, {"z": "out"}))
    assert read(folder, LoadOptions(signature="other")).graph.output_names == ("z",)
    finding = refused(folder, LoadOptions(signature="serving_defalt"))
    assert finding.code == "MC107"
    assert finding.fixes[0].flag == "--signature serving_default"


def test_a_model_without_signatures_is_refused(saved_model: SavedModel) -> None:
    assert refused(saved_model([X, Y], "")).code == "MC107"


def test_the_meta_graph_is_chosen_by_tag(saved_model: SavedModel) -> None:
    folder = saved_model([X, Y], ONE, tags=("serve", "gpu"))
    assert read(folder).graph.input_names == ("x",)
    assert read(folder, LoadOptions(tags=("gpu", "serve"))).graph.input_names == ("x",)
    finding = refused(folder, LoadOptions(tags=("train",)))
    assert finding.code == "MC108"
    assert finding.evidence == (("available", "gpu,serve"),)
    assert read(saved_model([X, Y], ONE, tags=(), name="only")).graph.input_names == ("x",)


def test_nodes_and_signature_outputs_can_be_named_as_outputs(saved_model: SavedModel) -> None:
    folder = saved_model([X, Y, ("more", "Abs", ("out",), FLOAT)], ONE)
    assert read(folder, LoadOptions(out_nodes="y;more:0")).graph.output_names == ("y", "more")


@pytest.mark.parametrize(
    ("meta", "code"),
    [
        ("signature_def { key: 'f' value { outputs { key: 'y' value { coo_sparse {} } } } }", "MC302"),
        ("signature_def { key: 'f' value { outputs { key: 'y' value { composite_tensor {} } } } }", "MC302"),
        ("signature_def { key: 'f' value { outputs { key: 'y' value { } } } }", "MC110"),
        (signature("f", {}, {"y": "ghost"}), "MC110"),
    ],
)
def test_signatures_that_name_no_tensor_are_refused(saved_model: SavedModel, meta: str, code: str) -> None:
    assert refused(saved_model([X, Y], meta)).code == code


RESTORE: list[Node] = [
    ("file", "Const", (), {"dtype": "type: DT_STRING", "value": "tensor { dtype: DT_STRING string_val: 'f' }"}),
    (
        "names",
        "Const",
        (),
        {
            "dtype": "type: DT_STRING",
            "value": "tensor { dtype: DT_STRING tensor_shape { dim { size: 2 } } string_val: ['key/a', 'key/b'] }",
        },
    ),
    (
        "slices",
        "Const",
        (),
        {
            "dtype": "type: DT_STRING",
            "value": "tensor { dtype: DT_STRING tensor_shape { dim { size: 2 } } string_val: ['', '5 2,3'] }",
        },
    ),
    ("restore", "RestoreV2", ("file", "names", "slices"), {"dtypes": "list { type: [DT_FLOAT, DT_FLOAT] }"}),
    ("same", "Identity", ("restore:1",), FLOAT),
]
REFERENCES: list[Node] = [
    ("a", "VariableV2", (), {**DTYPE, **SHAPE}),
    ("b", "VariableV2", (), {**DTYPE, **SHAPE}),
    ("set_a", "Assign", ("a", "restore"), FLOAT),
    ("set_b", "Assign", ("b", "same"), FLOAT),
]
RESOURCES: list[Node] = [
    ("a", "VarHandleOp", (), {**DTYPE, **SHAPE, "shared_name": "s: 'shared'"}),
    ("b", "VarHandleOp", (), {**DTYPE, "shape": "shape { unknown_rank: true }"}),
    ("set_a", "AssignVariableOp", ("a", "restore"), DTYPE),
    ("set_b", "AssignVariableOp", ("b", "same"), DTYPE),
    ("read_a", "ReadVariableOp", ("a",), DTYPE),
    ("read_b", "ReadVariableOp", ("b",), DTYPE),
]
ARRAYS = {"key/a": np.arange(3, dtype=np.float32), "key/b": np.arange(10, 15, dtype=np.float32)}


@pytest.mark.parametrize("kind", ["references", "resources"])
def test_variables_get_what_the_graph_would_restore(
    saved_model: SavedModel, write_bundle: WriteBundle, kind: str
) -> None:
    nodes = REFERENCES if kind == "references" else RESOURCES
    operands = ("a", "b") if kind == "references" else ("read_a", "read_b")
    all_of_it: Node = ("restore_all", "NoOp", ("^set_a", "^set_b"), {})
    meta = signature("f", {}, {"y": "sum"}) + "saver_def { restore_op_name: 'restore_all' }"
    folder = saved_model([*RESTORE, *nodes, all_of_it, ("sum", "AddV2", operands, FLOAT)], meta)
    write_bundle(folder / "variables" / "variables", ARRAYS, 2)
    model = read(folder)
    for name, expected in (("a", [0, 1, 2]), ("b", [12, 13, 14])):
        op = variable(model, name)
        assert isinstance(op.attributes["value"], FileBlob)
        assert op.attributes["shape"] == ShapeAttribute((3,))
        assert to_array(op.attributes["value"], TensorType(F32, (3,))).tolist() == expected
    assert model.graph.input_names == ()
    if kind == "resources":
        assert variable(model, "a").result.type is RESOURCE


def test_variables_get_what_restoring_functions_assign(saved_model: SavedModel, write_bundle: WriteBundle) -> None:
    inner = message("FunctionDef")()
    text_format.Parse("signature { name: 'restoring' input_arg { name: 'h' type: DT_RESOURCE } }", inner)
    for name, op, inputs, attributes in [*RESTORE, ("set", "AssignVariableOp", ("h", "same:output:0"), DTYPE)]:
        node = inner.node_def.add(name=name, op=op)
        for text in inputs:
            plain, _, place = text.partition(":")
            full = f"{plain}:tensors:{place or 0}" if plain == "restore" else f"{plain}:output:0"
            node.input.append(text if op == "AssignVariableOp" else full)
        for key, value in attributes.items():
            text_format.Parse(value, node.attr[key])
    inner.control_ret["set"] = "set"
    call: Node = ("all", "StatefulPartitionedCall", ("a",), {"f": "func { name: 'restoring' }", "Tin": "", "Tout": ""})
    folder = saved_model(
        [RESOURCES[0], RESOURCES[4], call, ("out", "Relu", ("read_a",), FLOAT)],
        signature("f", {}, {"y": "out"}) + "saver_def { restore_op_name: 'all' }",
    )
    file = folder / "saved_model.pb"
    whole = message("SavedModel").FromString(file.read_bytes())
    whole.meta_graphs[0].graph_def.library.function.append(inner)
    file.write_bytes(whole.SerializeToString())
    write_bundle(folder / "variables" / "variables", ARRAYS)
    blob = variable(read(folder), "a").attributes["value"]
    assert isinstance(blob, FileBlob)
    assert np.frombuffer(blob.read(), np.float32).tolist() == [12, 13, 14]


@pytest.mark.parametrize("key", ["a", "shared"])
def test_without_restoring_ops_names_decide(saved_model: SavedModel, write_bundle: WriteBundle, key: str) -> None:
    folder = saved_model([RESOURCES[0], RESOURCES[4]], signature("f", {}, {"y": "read_a"}))
    write_bundle(folder / "variables" / "variables", {key: np.ones(3, np.float32)})
    assert isinstance(variable(read(folder), "a").attributes["value"], FileBlob)


@pytest.mark.parametrize(
    ("arrays", "problem"),
    [
        ({"other": np.ones(3, np.float32)}, "the checkpoint has no tensor of its name"),
        ({"a": np.ones(4, np.float32)}, "the checkpoint has f32[4] for it, the graph f32[3]"),
        ({"a": np.ones(3, np.int32)}, "the checkpoint has i32[3] for it, the graph f32[3]"),
    ],
)
def test_values_that_do_not_fit_are_missing(
    saved_model: SavedModel, write_bundle: WriteBundle, arrays: dict[str, Any], problem: str
) -> None:
    folder = saved_model([RESOURCES[0], RESOURCES[4]], signature("f", {}, {"y": "read_a"}))
    write_bundle(folder / "variables" / "variables", arrays)
    assert variable(read(folder), "a").attributes["value"] == MissingBlob(12, problem)


def test_only_variables_on_the_way_to_an_output_are_looked_at(saved_model: SavedModel) -> None:
    folder = saved_model([X, Y, RESOURCES[0], RESOURCES[4]], ONE)
    assert [op.kind for op in read(folder).graph] == ["input", "tf.Relu", "return"]


@pytest.mark.parametrize(
    ("index", "problem"),
    [
        (None, "`variables/variables.index` is missing"),
        (b"", "`variables.index` ends at byte 0"),
        (b"x" * 99, "`variables.index` is damaged at byte 91"),
    ],
)
def test_without_a_sound_index_every_variable_says_so(
    saved_model: SavedModel, index: bytes | None, problem: str
) -> None:
    folder = saved_model([*RESOURCES[:2], *RESOURCES[4:]], signature("f", {}, {"y": "read_a", "z": "read_b"}))
    if index is not None:
        (folder / "variables").mkdir()
        (folder / "variables" / "variables.index").write_bytes(index)
    blobs = [variable(read(folder), name).attributes["value"] for name in ("a", "b")]
    for blob, size in zip(blobs, (12, 0), strict=True):
        assert isinstance(blob, MissingBlob)
        assert blob.nbytes == size
        assert problem in blob.problem


@pytest.mark.parametrize(
    ("names", "text", "fix"),
    [
        ([], "it is empty", "model.export"),
        (["notes.txt"], "there is no saved_model.pb in it", "model.export"),
        (["1/saved_model.pb"], "one level deeper", "/1`"),
        (["model.keras"], "a Keras file", "load_model"),
        (["model.h5"], "a Keras file", "load_model"),
        (["model.json", "group1-shard1of1.bin"], "a TensorFlow.js model", "SavedModel"),
        (["checkpoint", "ckpt-1.index", "ckpt-1.data-00000-of-00001"], "a checkpoint without a graph", "ckpt-1.index"),
        (["frozen.pb"], "a graph file", "frozen.pb"),
        (["model.meta", "model.index"], "a checkpoint with its graph", "SavedModel"),
        (["variables/variables.index"], "without its graph", "saved_model.pb"),
    ],
)
def test_folders_that_hold_something_else_are_told(tmp_path: Path, names: list[str], text: str, fix: str) -> None:
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    finding = refused(tmp_path)
    assert finding.code == "MC104"
    assert text in finding.message
    assert fix in finding.fixes[0].text


def test_an_empty_file_is_said_to_be_empty(tmp_path: Path) -> None:
    (tmp_path / "saved_model.pb").write_bytes(b"")
    assert refused(tmp_path).code == "MC102"
    assert refused(tmp_path / "saved_model.pb").code == "MC102"


def test_a_model_without_meta_graphs_is_refused(tmp_path: Path) -> None:
    (tmp_path / "saved_model.pb").write_bytes(b"\x08\x01")
    assert refused(tmp_path).code == "MC105"


def test_saved_models_are_recognized(saved_model: SavedModel, tmp_path: Path) -> None:
    folder = saved_model([X, Y], ONE)
    head = (folder / "saved_model.pb").read_bytes()[:4096]
    assert FRONTEND.recognizes(folder, b"") > 50
    assert FRONTEND.recognizes(folder / "saved_model.pb", head) > 50
    assert FRONTEND.recognizes(Path("renamed.pb"), head) > 50
    assert FRONTEND.recognizes(tmp_path, b"") < 10
    assert FRONTEND.recognizes(Path("model.onnx"), b"\x08\x01\x12\x07pytorch") == 0


def test_description_lists_signatures(saved_model: SavedModel) -> None:
    shape = "f32[?, 3]"
    signatures = {"serving_default": {"inputs": {"x": shape}, "outputs": {"y": shape}}}
    expected = {"meta graphs": [{"tags": ["serve"], "tensorflow": "2.0", "signatures": signatures}]}
    assert FRONTEND.describe(saved_model([X, Y], ONE)) == expected
