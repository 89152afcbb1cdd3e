"""What the messages say of a graph, and that all a message cannot say is told at once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from modelc.diagnostics.diagnostic import ModelcError
from modelc.ir.blob import BytesBlob, MissingBlob
from modelc.ir.model import Model
from modelc.ir.op import Op
from modelc.ir.origin import Origin, SourceNode
from modelc.ir.types import CONTROL, F16, F32, I32, RESOURCE, UNKNOWN, TensorType, tensor
from modelc_backends.om.attributes import decode, integers, strings
from modelc_backends.om.backend import AIR, OM
from modelc_backends.om.container import model_def, open_om
from modelc_backends.om.emit import emit
from modelc_backends.om.schema import message


def definition(model: Model) -> Any:
    """The ModelDef of a model, constants and all."""
    parts = (part if isinstance(part, bytes) else part.read() for part in emit(model, "name").parts)
    return message("ModelDef").FromString(b"".join(parts))


def ops(model: Model, graph: int = 0) -> dict[str, Any]:
    return {op.name: op for op in definition(model).graph[graph].op}


def problems(model: Model) -> list[tuple[str, str]]:
    with pytest.raises(ModelcError) as caught:
        emit(model, "name")
    return [(d.code, d.message) for d in caught.value.diagnostics]


def dims(descriptors: Sequence[Any]) -> list[list[int]]:
    return [list(each.shape.dim) for each in descriptors]


# -- structure


def test_the_model(make_classifier: Any) -> None:
    model = definition(make_classifier())
    assert (model.name, model.version, model.custom_version) == ("name", 2, "1.11.z.0")
    plain = {name: decode(value) for name, value in model.attr.items()}
    assert {name: plain[name] for name in ("memory_size", "weight_size", "stream_num", "event_num", "label_num")} == {
        "memory_size": 0, "weight_size": 0, "stream_num": 0, "event_num": 0, "label_num": 0,
    }  # fmt: skip
    assert (plain["target_type"], plain["soc_version"], plain["modelc_kind"]) == ("MINI", "", "ir")
    assert plain["framework_type"] == "TensorFlow"
    assert list(model.graph[0].input) == ["image:0"]
    assert list(model.graph[0].output) == []


def test_the_header_of_an_om(make_classifier: Any, tmp_path: Path) -> None:
    OM.write(make_classifier(), tmp_path / "a.om")
    container = open_om(tmp_path / "a.om")
    header = container.header
    assert header is not None
    assert header.name == "classifier_original"
    assert (header.wide, header.model_type, header.model_count, header.platform, header.ir_version) == (
        False,
        0,
        0,
        0,
        2,
    )
    assert [extent.type for table in container.tables for extent in table.extents] == [0]
    assert model_def(container).name == "classifier_original"
    assert not container.is_compiled


def test_an_air_is_the_message_alone(make_classifier: Any, tmp_path: Path) -> None:
    model = message("ModelDef").FromString(AIR.write(make_classifier(), tmp_path / "a.air").path.read_bytes())
    assert (model.name, model.graph[0].name) == ("classifier", "classifier")


def test_ops_are_numbered_in_order_and_loaders_keep_their_descriptors(make_classifier: Any) -> None:
    nodes = definition(make_classifier()).graph[0].op
    assert [node.id for node in nodes] == list(range(len(nodes)))
    assert all(node.has_out_attr for node in nodes)
    assert nodes[0].type == "Data"
    assert (nodes[-1].name, nodes[-1].type) == ("Node_Output", "NetOutput")


def test_data(make_classifier: Any) -> None:
    data = ops(make_classifier())["image"]
    assert list(data.input) == [""]
    assert (decode(data.attr["index"]), decode(data.attr["data_type"])) == (0, 0)
    assert data.input_desc == data.output_desc
    assert dims(data.output_desc) == [[1, 8, 8, 3]]
    assert (strings(data.attr, "_input_name_key"), strings(data.attr, "_output_name_key")) == (("x",), ("y",))


def test_const(make_classifier: Any) -> None:
    const = ops(make_classifier())["concat/axis"]
    tensor_ = const.attr["value"].t
    assert (const.type, list(const.input), dims([tensor_.desc])) == ("Const", [], [[]])
    assert tensor_.data == np.int32(3).tobytes()
    assert tensor_.desc == const.output_desc[0]
    assert const.output_desc[0].dtype == 7
    assert list(const.attr["value"].t.desc.attr["origin_shape"].list.i) == []
    assert const.attr["value"].t.desc.attr["origin_shape"].list.val_type == 2


def test_net_output(make_classifier: Any) -> None:
    output = ops(make_classifier())["Node_Output"]
    assert list(output.input) == ["dense:0", "as_int:0"]
    assert (list(output.src_name), list(output.src_index)) == (["dense", "as_int"], [0, 0])
    assert strings(output.attr, "_input_name_key") == ("__input0", "__input1")
    assert dims(output.input_desc) == [[1, 5], [1, 64]]


def test_constants_are_serialized_as_protobuf_itself_would(make_classifier: Any) -> None:
    parts = [part if isinstance(part, bytes) else part.read() for part in emit(make_classifier(), "name").parts]
    data = b"".join(parts)
    assert message("ModelDef").FromString(data).SerializeToString(deterministic=True) == data


# -- operands


def test_dynamic_operands_are_numbered(make_classifier: Any) -> None:
    concat = ops(make_classifier())["concat"]
    assert strings(concat.attr, "_input_name_key") == ("x0", "x1", "concat_dim")
    assert integers(concat.attr, "_input_name_value") == (0, 1, 2)
    assert list(concat.input) == ["pool:0", "pool:0", "concat/axis:0"]
    halves = ops(make_classifier())["halves"]
    assert strings(halves.attr, "_output_name_key") == ("y0", "y1")


def test_a_skipped_operand_keeps_its_slot(builder: Any) -> None:
    b = builder()
    (x,) = b.inputs(x=tensor(F32, 1, 4, 4, 1))
    w = b.const(np.zeros((1, 1, 1, 1), np.float32), "w")
    o = b.const(np.zeros(1, np.int8), "o")
    given = {"strides": (1, 1, 1, 1), "pads": (0, 0, 0, 0)}
    y = b.op("ge.Conv2D", [x, w, b.absent(), o], tensor(F32, 1, 4, 4, 1), name="c", attributes=given).result
    z = b.op("ge.Conv2D", [y, w, b.absent()], tensor(F32, 1, 4, 4, 1), name="d", attributes=given).result
    nodes = ops(Model(b.returns(z=z)))
    skipped = nodes["c"].input_desc[2]
    assert list(nodes["c"].input) == ["x:0", "w:0", "", "o:0"]
    assert (skipped.dtype, skipped.layout, decode(skipped.attr["format_for_int"])) == (0, "FORMAT_RESERVED", 40)
    assert "origin_shape" not in skipped.attr
    assert strings(nodes["c"].attr, "_opt_input") == ("bias",)
    assert list(nodes["d"].input) == ["c:0", "w:0"]
    assert "_opt_input" not in nodes["d"].attr


def test_control_dependencies_follow_the_data(builder: Any) -> None:
    b = builder()
    (x,) = b.inputs(x=tensor(F32, 2))
    first = b.op("ge.Relu", [x], tensor(F32, 2), CONTROL, name="first")
    second = b.op("ge.Relu", [x, first.results[1]], tensor(F32, 2), name="second").result
    nodes = ops(Model(b.returns(y=second)))
    assert list(nodes["second"].input) == ["x:0", "first:-1"]
    assert len(nodes["first"].output_desc) == 1


# -- attributes


def test_defaults_are_written(make_classifier: Any) -> None:
    dense = ops(make_classifier())["dense"]
    assert decode(dense.attr["transpose_x1"]) is False
    assert dense.attr["offset_x"].WhichOneof("value") == "i"


def test_element_types_are_numbers_of_attributes(builder: Any) -> None:
    b = builder()
    (x,) = b.inputs(x=tensor(F32, 2, 3))
    axis = b.const(np.array(1, np.int32), "axis")
    index = b.op("ge.ArgMaxV2", [x, axis], tensor(I32, 2), name="index", attributes={"dtype": I32}).result
    half = b.op("ge.Cast", [x], tensor(F16, 2, 3), name="half", attributes={"dst_type": 1}).result
    default = b.op("ge.ArgMaxV2", [x, axis], tensor(I32, 2), name="default").result
    nodes = ops(Model(b.returns(index=index, half=half, default=default)))
    assert nodes["index"].attr["dtype"].dt == 3
    assert nodes["default"].attr["dtype"].dt == 9  # int64, as the prototype says
    assert (nodes["half"].attr["dst_type"].i, nodes["half"].output_desc[0].dtype) == (1, 2)


def test_the_count_of_dynamic_operands_is_filled_in(builder: Any) -> None:
    b = builder()
    (x,) = b.inputs(x=tensor(F32, 2))
    total = b.op("ge.AddN", [x, x, x], tensor(F32, 2), name="sum").result
    assert decode(ops(Model(b.returns(y=total)))["sum"].attr["N"]) == 3


def test_origins(builder: Any) -> None:
    b = builder()
    (x,) = b.inputs(x=tensor(F32, 2))
    y = b.op("ge.Relu", [x], tensor(F32, 2), name="y")
    y.origin = Origin((SourceNode("tensorflow", "a/Relu", "Relu"), SourceNode("onnx", "b", "Clip")), ("rule",))
    node = ops(Model(b.returns(y=y.result)))["y"]
    assert strings(node.attr, "_datadump_original_op_names") == ("a/Relu", "b")
    assert node.attr["_datadump_original_op_names"].list.val_type == 1
    assert strings(node.attr, "modelc_origin_types") == ("tensorflow.Relu", "onnx.Clip")


# -- descriptors


def test_one_value_has_one_layout(make_classifier: Any) -> None:
    nodes = ops(make_classifier())
    assert [each.layout for each in nodes["conv"].input_desc] == ["NHWC", "HWCN", "ND"]
    assert nodes["conv/relu"].input_desc[0] == nodes["conv"].output_desc[0]
    assert nodes["concat"].input_desc[0].layout == "NHWC"
    assert nodes["concat"].output_desc[0].layout == "ND"
    assert nodes["image"].output_desc[0].layout == "NHWC"
    assert nodes["conv/kernel"].attr["value"].t.desc.layout == "HWCN"
    assert decode(nodes["conv/kernel"].output_desc[0].attr["format_for_int"]) == 16


def test_unknown_dimensions(builder: Any) -> None:
    b = builder()
    x, y = b.inputs(x=tensor(F32, "n", None, 3), y=TensorType(F32, None))
    nodes = ops(Model(b.returns(x=x, y=y)))
    assert dims([nodes["x"].output_desc[0], nodes["y"].output_desc[0]]) == [[-1, -1, 3], [-2]]
    assert "origin_shape" not in nodes["x"].output_desc[0].attr


# -- names


def test_names_are_those_of_the_user_made_unique_and_safe(builder: Any) -> None:
    b = builder()
    x, y = b.inputs(**{"serving_x:0": tensor(F32, 2), "Node_Output": tensor(F32, 2)})
    values = [b.op("ge.Relu", [v], tensor(F32, 2), name=name).result for v, name in ((x, "a:b c"), (y, "a_b_c"))]
    nodes = ops(Model(b.returns(**{"out:0": values[0], "out:1": values[1]})))
    assert list(nodes) == ["serving_x", "Node_Output_1", "a_b_c", "a_b_c_1", "Node_Output"]


def test_public_names_are_recorded(builder: Any) -> None:
    b = builder()
    (x,) = b.inputs(**{"x:0": tensor(F32, 2)})
    graph = definition(Model(b.returns(**{"out:0": x}))).graph[0]
    assert strings(graph.attr, "modelc_input_names") == ("x:0",)
    assert strings(graph.attr, "modelc_output_names") == ("out:0",)


# -- nested graphs


def test_nested_graphs_know_their_place(make_branches: Any) -> None:
    model = definition(make_branches())
    assert [graph.name for graph in model.graph] == ["branches", "then", "else", "loop_cond", "loop_body"]
    choose = next(op for op in model.graph[0].op if op.name == "choose")
    assert list(choose.subgraph_name) == ["then", "else"]
    then = {op.name: op for op in model.graph[1].op}
    assert [decode(then[name].attr["_parent_node_index"]) for name in ("then_x", "then_y")] == [1, 2]
    assert [decode(then[name].attr["index"]) for name in ("then_x", "then_y")] == [0, 1]
    output = model.graph[1].op[-1]
    assert decode(output.input_desc[0].attr["_parent_node_index"]) == 0
    assert "_parent_node_index" not in model.graph[3].op[-1].input_desc[0].attr
    names = [op.name for graph in model.graph for op in graph.op]
    assert len(set(names)) == len(names)


# -- what cannot be said


def test_every_problem_is_told_in_the_names_of_the_user(builder: Any) -> None:
    b = builder()
    x, raw = b.inputs(x=tensor(F32, 1, 4), raw=UNKNOWN)
    unknown = b.op("ge.NoSuchOperator", [x], tensor(F32, 1, 4), name="u").result
    foreign = b.op("tf.Relu", [x], tensor(F32, 1, 4), name="f").result
    few = b.op("ge.Add", [x], tensor(F32, 1, 4), name="few").result
    pool = b.op("ge.MaxPool", [x], tensor(F32, 1, 4), name="pool", attributes={"ksize": 2, "strides": (1,)}).result
    dtype = b.op("ge.BatchNorm", [x, x, x], *[tensor(I32, 4)] * 6, name="norm").results[0]
    count = b.op("ge.AddN", [x, x], tensor(F32, 1, 4), name="sum", attributes={"N": 3}).result
    lost = b.const(np.zeros(4, np.float32), "lost", MissingBlob(16, "shard 2 is missing"))
    short = b.const(np.zeros(4, np.float32), "short", BytesBlob(b"123"))
    dynamic = b.graph.append(Op("const", (), {"value": BytesBlob(b"")}, (tensor(F32, None),), name="dynamic")).result
    outputs = (raw, unknown, foreign, few, pool, dtype, count, lost, short, dynamic)
    found = problems(Model(b.returns(**{f"y{i}": value for i, value in enumerate(outputs)})))
    messages = [text for _, text in found]
    assert ("MC111", "the values of `lost` cannot be read: shard 2 is missing") in found
    for words in (
        "`raw` gives a value of type ?[*], which must be known data",
        "`model/u` is a ge.NoSuchOperator, which is no operator of the Graph Engine",
        "`model/f` is a tf.Relu, which is no operator of the Graph Engine",
        "`model/few` has 1 operand, its prototype has (x1, x2)",
        "`model/pool` lacks its attribute `padding`",
        "`model/pool` has 2 as attribute `ksize`, which must be a list",
        "`model/norm` takes no i32 as `y`, only f16, f32",
        "`model/sum` says it has 3 operands as `N` and has 2",
        "`short` is a constant of type f32[4] with 3 bytes",
        "`dynamic` is a constant of type f32[?], which must be known",
    ):
        assert words in messages


def test_a_missing_required_operand(builder: Any) -> None:
    b = builder()
    (x,) = b.inputs(x=tensor(F32, 4))
    y = b.op("ge.Add", [b.absent(), x], tensor(F32, 4), name="y").result
    assert problems(Model(b.returns(y=y))) == [("MC504", "`model/y` lacks its operand `x1`")]


def test_a_token_that_is_no_data(builder: Any) -> None:
    b = builder()
    (x,) = b.inputs(x=RESOURCE)
    assert ops(Model(b.returns(x=x)))["x"].output_desc[0].dtype == 23


def test_a_value_of_another_graph(builder: Any) -> None:
    b, other = builder(), builder()
    (x,) = b.inputs(x=tensor(F32, 4))
    (z,) = other.inputs(z=tensor(F32, 4))
    y = b.op("ge.Add", [x, z], tensor(F32, 4), name="y").result
    assert problems(Model(b.returns(y=y))) == [("MC504", "`model/y` reads `z`, which does not come before it")]


@pytest.mark.parametrize("graphs", [0, 1, 3])
def test_a_wrong_number_of_nested_graphs(builder: Any, make_branches: Any, graphs: int) -> None:
    model = make_branches()
    choose = next(op for op in model.graph if op.kind == "ge.If")
    choose.graphs = (choose.graphs * 2)[:graphs]
    assert ("MC504", f"`model/choose` has {graphs} nested graphs, its prototype has 2") in problems(model)
