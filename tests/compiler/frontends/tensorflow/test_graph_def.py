"""Frozen graphs: what becomes of nodes, which are inputs and outputs, and what is refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from modelc.diagnostics.diagnostic import ModelcError, Sink
from modelc.dialects.lookup import op_def
from modelc.frontends.frontend import LoadOptions
from modelc.frontends.tensorflow.graph_def import FRONTEND, load
from modelc.ir.attributes import ShapeAttribute, Symbol
from modelc.ir.blob import FileBlob
from modelc.ir.constants import to_array
from modelc.ir.graph import Graph
from modelc.ir.model import Model
from modelc.ir.op import Op
from modelc.ir.types import BF16, CONTROL, F32, I32, TensorType
from modelc.ir.verify import Level, verify

Node = tuple[str, str, Sequence[str], Mapping[str, str]]
GraphFile = Callable[..., Path]

FLOAT, INT, BOOL = ({"T": f"type: DT_{name}"} for name in ("FLOAT", "INT32", "BOOL"))


def placeholder(name: str, *dims: int, dtype: str = "FLOAT") -> Node:
    shape = " ".join(f"dim {{ size: {dim} }}" for dim in dims)
    return name, "Placeholder", (), {"dtype": f"type: DT_{dtype}", "shape": f"shape {{ {shape} }}"}


def constant(name: str, text: str, dtype: str = "FLOAT", inputs: Sequence[str] = ()) -> Node:
    return name, "Const", inputs, {"dtype": f"type: DT_{dtype}", "value": f"tensor {{ dtype: DT_{dtype} {text} }}"}


def relu(name: str, *inputs: str) -> Node:
    return name, "Relu", inputs, FLOAT


def read(path: Path, out_nodes: str = "") -> Model:
    model = load(path, LoadOptions(out_nodes=out_nodes), Sink())
    findings = [finding.message for graph in model.graphs() for finding in verify(graph, Level.TYPES, op_def)]
    assert not findings
    return model


def refused(path: Path, out_nodes: str = "") -> list[tuple[str, str]]:
    with pytest.raises(ModelcError) as raised:
        load(path, LoadOptions(out_nodes=out_nodes), Sink())
    return [(finding.code, finding.message) for finding in raised.value.diagnostics]


def named(graph: Graph, name: str) -> Op:
    return next(op for op in graph if op.name == name)


@pytest.mark.parametrize("name", ["model.pb", "model.pbtxt"])
def test_nodes_become_ops(graph_file: GraphFile, name: str) -> None:
    path = graph_file(
        [
            relu("later", "sum"),
            ("sum", "AddV2", ("x", "w"), FLOAT),
            constant("w", "tensor_shape { dim { size: 3 } } float_val: [1, 2, 3]"),
            placeholder("x", -1, 3),
            relu("unused", "nothing"),
        ][:-1],
        name=name,
    )
    graph = read(path).graph
    assert [op.kind for op in graph] == ["input", "const", "tf.AddV2", "tf.Relu", "return"]
    assert graph.input_names == ("x",)
    assert graph.output_names == ("later",)
    assert graph.inputs[0].type == TensorType(F32, (None, 3))
    op = named(graph, "sum")
    assert [value.name for value in op.operands] == ["x", "w"]
    assert op.attributes == {"T": F32}
    assert op.origin.name == "sum"
    assert op.origin.nodes[0].op_type == "AddV2"
    weight = named(graph, "w")
    assert to_array(weight.attributes["value"], weight.result.tensor).tolist() == [1, 2, 3]  # type: ignore[arg-type]


def test_big_constants_stay_in_the_file(graph_file: GraphFile) -> None:
    content = np.arange(2000, dtype=np.float32).tobytes()
    escaped = "".join(f"\\{byte:03o}" for byte in content)
    path = graph_file([constant("w", f'tensor_shape {{ dim {{ size: 2000 }} }} tensor_content: "{escaped}"')])
    blob = named(read(path).graph, "w").attributes["value"]
    assert isinstance(blob, FileBlob)
    assert path.read_bytes()[blob.offset : blob.offset + blob.nbytes] == content == blob.read()


def test_attributes_are_converted_and_defaults_filled_in(graph_file: GraphFile) -> None:
    attributes = {
        "T": "type: DT_BFLOAT16",
        "strides": "list { i: [1, 2, 2, 1] }",
        "padding": "s: 'SAME'",
        "_mine": "s: 'kept'",
        "_raw": r"s: '\377'",
        "_f": "f: 0.5",
        "_shape": "shape { unknown_rank: true }",
        "_shapes": "list { shape { dim { size: -1 } } }",
        "_output_shapes": "list { shape { } }",
        "_none": "",
    }
    nodes = [placeholder("x", 1, 4, 4, 3, dtype="BFLOAT16"), placeholder("w", 1, 1, 3, 2, dtype="BFLOAT16")]
    path = graph_file([*nodes, ("y", "Conv2D", ("x", "w"), attributes)])
    assert named(read(path).graph, "y").attributes == {
        "T": BF16,
        "strides": (1, 2, 2, 1),
        "padding": "SAME",
        "use_cudnn_on_gpu": True,
        "explicit_paddings": (),
        "data_format": "NHWC",
        "dilations": (1, 1, 1, 1),
        "_mine": "kept",
        "_raw": b"\xff",
        "_f": 0.5,
        "_shape": ShapeAttribute(None),
        "_shapes": (ShapeAttribute((None,)),),
    }


def test_control_dependencies_are_operands_and_results(graph_file: GraphFile) -> None:
    path = graph_file([placeholder("x"), relu("first", "x"), ("no", "NoOp", ("^first",), {}), relu("y", "x", "^no")])
    graph = read(path).graph
    assert [value.name for value in named(graph, "y").operands] == ["x", "^no"]
    assert [value.name for value in named(graph, "^no").operands] == ["^first"]
    assert [value.type for value in named(graph, "first").results] == [TensorType(F32), CONTROL]


def test_control_dependencies_on_inputs_are_dropped(graph_file: GraphFile) -> None:
    graph = read(graph_file([placeholder("x"), relu("y", "x", "^x")])).graph
    assert [value.name for value in named(graph, "y").operands] == ["x"]


def test_unknown_ops_have_as_many_results_as_are_read(graph_file: GraphFile) -> None:
    path = graph_file([placeholder("x"), ("odd", "MyOp", ("x",), {"k": "i: 3"}), relu("a", "odd:2"), relu("b", "odd")])
    op = named(read(path).graph, "odd")
    assert op.kind == "tf.MyOp"
    assert op.attributes == {"k": 3}
    assert [value.name for value in op.results] == ["odd", "odd:1", "odd:2"]


@pytest.mark.parametrize(
    ("nodes", "expected"),
    [
        ([relu("a", "x"), relu("b", "x")], ["a", "b"]),
        ([("s", "Unpack", ("x",), {**FLOAT, "num": "i: 2"})], ["s", "s:1"]),
        ([relu("a", "x"), ("p", "NoOp", ("^a",), {})], ["a"]),
        ([relu("y", "x"), constant("c", "float_val: 1"), relu("lonely", "c")], ["y"]),
        ([relu("y", "x"), ("print", "Print", ("x", "x"), {**FLOAT, "U": "list { type: DT_FLOAT }"})], ["y"]),
        ([relu("y", "x"), ("v", "VariableV2", (), {"dtype": "type: DT_FLOAT", "shape": "shape {}"})], ["y"]),
    ],
)
def test_outputs_are_what_nobody_reads(graph_file: GraphFile, nodes: list[Node], expected: list[str]) -> None:
    assert list(read(graph_file([placeholder("x", 2), *nodes])).graph.output_names) == expected


def test_by_products_of_conditionals_are_no_outputs(graph_file: GraphFile) -> None:
    switch = ("switch", "Switch", ("p", "p"), BOOL)
    ends = [("on", "Identity", ("switch:1",), BOOL), ("off", "Identity", ("switch",), BOOL)]
    nodes = [placeholder("x"), placeholder("p", dtype="BOOL"), switch, *ends, ("told", "Identity", ("p",), BOOL)]
    assert read(graph_file([*nodes, relu("y", "x")])).graph.output_names == ("y",)


def test_constants_are_outputs_where_there_is_nothing_else(graph_file: GraphFile) -> None:
    graph = read(graph_file([constant("c", "float_val: 1"), relu("y", "c")])).graph
    assert graph.output_names == ("y",)
    assert graph.inputs == ()


def test_outputs_can_be_named(graph_file: GraphFile) -> None:
    path = graph_file(
        [placeholder("x", 2), placeholder("z"), ("s", "Unpack", ("x",), {**FLOAT, "num": "i: 2"}), relu("y", "s")]
    )
    graph = read(path, "s:1; y:0;").graph
    assert graph.output_names == ("s:1", "y")
    assert graph.input_names == ("x",)


def test_names_of_outputs_that_do_not_exist_get_near_ones(graph_file: GraphFile) -> None:
    path = graph_file([placeholder("x"), relu("model/softmax", "x")])
    with pytest.raises(ModelcError) as raised:
        read(path, "model/sofmax:0;^x")
    first, second = raised.value.diagnostics
    assert (first.code, second.code) == ("MC115", "MC115")
    assert first.fixes[0].flag == '--out-nodes "model/softmax"'


@pytest.mark.parametrize(("text", "code"), [("y:7", "MC110"), (";", "MC406")])
def test_outputs_out_of_range_are_refused(graph_file: GraphFile, text: str, code: str) -> None:
    assert refused(graph_file([placeholder("x"), relu("y", "x")]), text)[0][0] == code


def test_loops_may_read_what_comes_later(graph_file: GraphFile) -> None:
    frame = {**INT, "frame_name": "s: 'loop'"}
    path = graph_file(
        [
            placeholder("x", dtype="INT32"),
            ("enter", "Enter", ("x",), frame),
            ("merge", "Merge", ("enter", "next"), {**INT, "N": "i: 2"}),
            ("switch", "Switch", ("merge", "cond"), INT),
            ("cond", "LoopCond", ("less",), {}),
            ("less", "Less", ("merge", "x"), INT),
            ("next", "NextIteration", ("switch:1",), INT),
            ("exit", "Exit", ("switch",), INT),
        ]
    )
    graph = read(path).graph
    assert [value.name for value in named(graph, "merge").operands] == ["enter", "next"]
    assert graph.output_names == ("exit",)


def test_variables_that_are_left_have_no_value(graph_file: GraphFile) -> None:
    variable = ("v", "VariableV2", (), {"dtype": "type: DT_FLOAT", "shape": "shape { dim { size: 3 } }"})
    graph = read(graph_file([placeholder("x", 3), variable, ("y", "AddV2", ("x", "v"), FLOAT)])).graph
    assert "value" not in named(graph, "v").attributes
    assert named(graph, "v").result.type == TensorType(F32, (3,))


CALL = {"Tin": "list { type: DT_INT32 }", "Tout": "list { type: DT_INT32 }", "f": "func { name: 'twice' }"}
TWICE = """
    library { function {
        signature { name: "twice" input_arg { name: "a" type: DT_INT32 } output_arg { name: "r" type: DT_INT32 } }
        node_def { name: "split" op: "Split" input: "dim:output:0" input: "a"
                   attr { key: "T" value { type: DT_INT32 } } attr { key: "num_split" value { i: 2 } } }
        node_def { name: "dim" op: "Const" attr { key: "dtype" value { type: DT_INT32 } }
                   attr { key: "value" value { tensor { dtype: DT_INT32 int_val: 0 } } } }
        node_def { name: "top" op: "TopKV2" input: "a" input: "dim:output:0"
                   attr { key: "T" value { type: DT_INT32 } } }
        node_def { name: "sum" op: "AddV2" input: "split:output:1" input: "top:indices:0" input: "^effect"
                   attr { key: "T" value { type: DT_INT32 } } }
        node_def { name: "effect" op: "NoOp" }
        node_def { name: "only" op: "NoOp" }
        ret { key: "r" value: "sum:z:0" }
        control_ret { key: "only" value: "only" }
    } }
"""


@pytest.mark.parametrize("op", ["PartitionedCall", "twice"])
def test_functions_that_are_called_are_read(graph_file: GraphFile, op: str) -> None:
    attributes = CALL if op == "PartitionedCall" else {}
    path = graph_file([placeholder("x", 4, dtype="INT32"), ("y", op, ("x",), attributes)], TWICE)
    model = read(path)
    call = named(model.graph, "y")
    assert call.kind == "tf.PartitionedCall"
    assert call.attributes["f"] == Symbol("twice")
    assert call.result.type == TensorType(I32)
    function = model.functions["twice"]
    assert [value.name for value in named(function, "sum").operands] == ["split:1", "top:1", "^effect"]
    assert [value.name for value in function.outputs] == ["sum", "^only"]
    assert function.output_names == ("r", "^only")


def test_functions_that_are_not_called_are_left_out(graph_file: GraphFile) -> None:
    assert not read(graph_file([placeholder("x"), relu("y", "x")], TWICE)).functions


@pytest.mark.parametrize(
    ("nodes", "code", "text"),
    [
        ([relu("a", "b"), relu("b", "a"), relu("y", "a")], "MC109", "a -> b -> a"),
        ([relu("a", "a")], "MC109", "a -> a"),
        ([relu("y", "ghost")], "MC110", "node `y` reads `ghost`"),
        ([placeholder("x"), relu("y", "x"), ("y", "Abs", ("x",), FLOAT)], "MC117", "called `y`"),
        ([placeholder("x"), relu("z", "x:3")], "MC110", "`z` reads `x:3`"),
        ([placeholder("x"), relu("y", "x"), relu("z", "y:1")], "MC110", "`y` has 1 results"),
        ([placeholder("x")], "MC114", "nothing in the graph"),
        ([("p", "NoOp", (), {})], "MC114", "nothing in the graph"),
        ([placeholder("x", -7), relu("y", "x")], "MC105", "input `x`"),
        ([placeholder("x", 1 << 40), relu("y", "x")], "MC118", "input `x`"),
        ([placeholder("x", dtype="FLOAT8_E5M2"), relu("y", "x")], "MC201", "float8_e5m2"),
        ([constant("c", "float_val: [1, 2]")], "MC116", "`c` (Const) is no constant"),
        ([constant("c", "tensor_shape { dim { size: 1152921504606846976 } } float_val: 1")], "MC118", "`c`"),
        ([("c", "Const", (), {"dtype": "type: DT_FLOAT"})], "MC116", "it has no value"),
        ([placeholder("x"), ("y", "Relu", ("x",), {})], "MC105", "lacks its attribute `T`"),
        ([placeholder("x"), ("y", "AddV2", ("x",), FLOAT)], "MC105", "has 1 inputs, it must have 2"),
        ([placeholder("x"), ("y", "Relu", ("x",), INT)], "MC301", "takes i32 as `features`, `x` is f32"),
        ([placeholder("x"), ("y", "Assign", ("x", "x"), FLOAT), relu("z", "y")], "MC301", "must be given a variable"),
        ([placeholder("x"), ("y", "Unpack", ("x",), {**FLOAT, "num": "i: 9999999999"})], "MC105", "`num`"),
        ([placeholder("x"), ("y", "PartitionedCall", ("x",), CALL)], "MC110", "calls function `twice`"),
        ([relu("a\nb")], "MC105", "is not the name of a node"),
    ],
)
def test_graphs_that_do_not_hold_together_are_refused(
    graph_file: GraphFile, nodes: list[Node], code: str, text: str
) -> None:
    found = refused(graph_file(nodes))
    assert any(each == code and text in message for each, message in found), found


def test_everything_that_is_wrong_is_reported_at_once(graph_file: GraphFile) -> None:
    bad = [("a", "Relu", ("x",), INT), constant("c", "float_val: [1, 2]"), ("y", "AddV2", ("c", "ghost"), FLOAT)]
    found = refused(graph_file([placeholder("x"), *bad]), "a;y")
    assert {code for code, _ in found} == {"MC110", "MC116", "MC301"}


def test_recursion_among_functions_is_shown(graph_file: GraphFile) -> None:
    text = """
        function {
            signature { name: "%s" input_arg { name: "a" type: DT_INT32 } output_arg { name: "r" type: DT_INT32 } }
            node_def { name: "c" op: "PartitionedCall" input: "a" attr { key: "f" value { func { name: "%s" } } }
                attr { key: "Tin" value { list { type: DT_INT32 } } }
                attr { key: "Tout" value { list { type: DT_INT32 } } } }
            ret { key: "r" value: "c:output:0" } }"""
    library = "library {" + text % ("twice", "other") + text % ("other", "twice") + "}"
    path = graph_file([placeholder("x", dtype="INT32"), ("y", "PartitionedCall", ("x",), CALL)], library)
    assert refused(path) == [("MC109", "the function library depends on itself: twice -> other -> twice")]


def test_a_cycle_of_many_nodes_is_found_without_recursion(graph_file: GraphFile) -> None:
    count = 5000
    path = graph_file([relu(f"n{i}", f"n{(i or count) - 1}") for i in range(count)])
    ((code, message),) = refused(path)
    assert code == "MC109"
    assert "..." in message


@pytest.mark.parametrize(
    ("content", "code", "text"),
    [
        (b"", "MC102", "is empty"),
        (b"version https://git-lfs.github.com/spec/v1\n", "MC103", "Git LFS"),
        (b"\x1f\x8b\x08\x00", "MC103", "gzip"),
        (b"\0" * 64, "MC105", "byte 0"),
        (b"\x0a\xff\xff\xff\xff\x0f", "MC106", "ends at byte 6"),
        (b'node { name: "x" op: ', "MC105", "does not parse as the text"),
        (b"node { " + b"attr { value { list { tensor { " * 5000, "MC105", "text of a GraphDef"),
    ],
)
def test_files_that_are_no_graphs_are_refused(tmp_path: Path, content: bytes, code: str, text: str) -> None:
    (tmp_path / "model.pb").write_bytes(content)
    ((found, message),) = refused(tmp_path / "model.pb")
    assert found == code
    assert text in message


def test_meta_graphs_are_told_from_graphs(tmp_path: Path) -> None:
    meta = b"\x0a\x0f\x12\x0d\x0a\x0b\x0a\x05AddV2\x12\x02\x0a\x00\x12\x00"
    (tmp_path / "export.meta").write_bytes(meta)
    assert FRONTEND.recognizes(tmp_path / "export.meta", meta)
    ((code, message),) = refused(tmp_path / "export.meta")
    assert code == "MC103"
    assert "MetaGraphDef" in message


def test_graphs_are_recognized_by_content(graph_file: GraphFile) -> None:
    nodes = [placeholder("x"), relu("y", "x")]
    for name in ("model.pbtxt", "model.pb"):
        head = graph_file(nodes, name=name).read_bytes()
        assert FRONTEND.recognizes(Path("anything"), head) > 50
    assert FRONTEND.recognizes(Path("net.prototxt"), b'name: "net"\nlayer {') == 0
    assert FRONTEND.recognizes(Path("model.onnx"), b"\x08\x07\x12\x07pytorch") == 0
    assert FRONTEND.recognizes(Path("model.pb"), b"") == 0


def test_description_counts_nodes(graph_file: GraphFile) -> None:
    path = graph_file([placeholder("x"), relu("y", "x")], TWICE)
    assert FRONTEND.describe(path) == {"producer": 0, "functions": ["twice"], "nodes": {"Placeholder": 1, "Relu": 1}}


def test_scalars_of_old_graphs_have_an_unknown_shape(graph_file: GraphFile) -> None:
    nodes = [placeholder("x"), relu("y", "x")]
    assert read(graph_file(nodes, "versions { producer: 21 }")).graph.inputs[0].type == TensorType(F32)
    assert read(graph_file(nodes, "versions { producer: 22 }")).graph.inputs[0].type == TensorType(F32, ())
