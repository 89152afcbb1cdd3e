"""What `inspect` tells of artifacts: all that `atc --mode=1` does, and tasks, kernels and memory besides."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from om_files import (
    ELF,
    INTERFACE,
    MEMORY,
    SOUND,
    archive,
    block,
    compiled,
    compiled_graph,
    compiled_parts,
    compress,
    desc,
    libraries,
    om,
    op,
    several,
    simple,
    task,
    task_list,
    tensor_of,
)

from modelc.backend import WriteOptions
from modelc.diagnostics.diagnostic import Sink
from modelc.frontends.frontend import LoadOptions
from modelc.reports import model_document
from modelc_backends.om.backend import AIR, OM
from modelc_backends.om.container import model_def, open_om
from modelc_backends.om.describe import describe_air, describe_om
from modelc_backends.om.interface import read_interface
from modelc_backends.om.listing import listing
from modelc_backends.om.numbers import DATA_TYPE_NAMES, KERNEL_TYPES, LIST_TYPE_NAMES, TASK_TYPES
from modelc_backends.om.reader import load_om
from modelc_backends.om.schema import message

# what atc leaves out of its JSON
BLACK = {"output", "data_offset", "data", "workspace", "workspace_bytes", "memory_size", "weight_size", "size", "bt"}


def text_of(path: Path) -> str:
    model = load_om(path, LoadOptions(), Sink())
    return listing({"file": str(path), "format": "x", **model_document(model), **describe_om(path)})


def assert_holds(document: Any, message_: Any) -> None:
    """Assert that `document` says every field of a message that atc would print."""
    for field, value in message_.ListFields():
        if field.name in BLACK or field.name == "file_range":
            continue
        said = document[field.name]
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            assert [pair["key"] for pair in said] == sorted(value)
            for pair in said:
                assert_holds(pair["value"], value[pair["key"]])
        elif field.message_type is not None:
            pairs = zip(said, value, strict=True) if field.is_repeated else [(said, value)]
            for inner, inner_value in pairs:
                assert_holds(inner, inner_value)
        elif field.name in ("dtype", "val_type"):
            assert said == (DATA_TYPE_NAMES if field.name == "dtype" else LIST_TYPE_NAMES)[value]
        elif field.is_repeated:
            assert [plain(item) for item in said] == [plain(item) for item in value]
        else:
            assert plain(said) == plain(value)


def plain(value: object) -> object:
    return value.decode() if isinstance(value, bytes) else value


def test_the_document_holds_what_atc_prints(make_classifier: Any, make_branches: Any, tmp_path: Path) -> None:
    paths = [OM.write(make(), tmp_path / f"{i}.om").path for i, make in enumerate((make_classifier, make_branches))]
    for path in [*paths, compiled(tmp_path / "c.om")]:
        document = json.loads(json.dumps(describe_om(path), allow_nan=False))
        assert_holds(document, model_def(open_om(path)))
        assert not BLACK & {"name", "graph", "attr"}


def test_the_kinds_of_fields_that_atc_prints(tmp_path: Path) -> None:
    relu = op("Relu", "y", ["x:0"], [desc(2, dtype=2)])
    relu.attr["f"].f = 0.5
    relu.attr["nan"].f = float("nan")
    relu.attr["s"].s = b"\xff\0a"
    relu.attr["bt"].bt = b"123"
    relu.attr["func"].func.name = "g"
    relu.attr["l"].list.f.extend([1.0, float("inf")])
    relu.attr["l"].list.val_type = 3
    relu.attr["ll"].list_list_int.list_list_i.add(list_i=[1, 2])
    relu.attr["big"].bt = bytes(5000)
    document = describe_om(om(tmp_path / "a.om", simple(SOUND[0], relu, SOUND[2])))
    (graph,) = json.loads(json.dumps(document, allow_nan=False))["graph"]
    node = graph["op"][1]
    attributes = {pair["key"]: pair["value"] for pair in node["attr"]}
    assert attributes == {
        "big": {"nbytes": 5000},
        "bt": {"nbytes": 3},
        "f": {"f": 0.5},
        "func": {"func": {"name": "g"}},
        "l": {"list": {"f": [1.0, "inf"], "val_type": "VT_LIST_FLOAT"}},
        "ll": {"list_list_int": {"list_list_i": [{"list_i": [1, 2]}]}},
        "nan": {"f": "nan"},
        "s": {"s": "\\xff\0a"},
    }
    assert node["output_desc"] == [{"dtype": "DT_FLOAT16", "shape": {"dim": [2]}, "layout": "ND"}]


def test_a_compiled_file(tmp_path: Path) -> None:
    path = compiled(tmp_path / "c.om")
    document = describe_om(path)
    header = document["header"]
    assert isinstance(header, Mapping)
    assert (header["numbers"], header["models"], header["platform_name"]) == ("32-bit", 1, "MINI")
    partitions: Any = document["partitions"]
    assert [each["name"] for each in partitions] == [
        "MODEL_DEF",
        "MODEL_INOUT_INFO",
        "WEIGHTS_DATA",
        "TBE_KERNELS",
        "TASK_INFO",
    ]
    last = partitions[-1]
    assert last["offset"] + last["nbytes"] == path.stat().st_size
    assert document["memory"] == {key: value for key, value in sorted(MEMORY.items()) if "num" not in key}
    assert document["resources"] == {"event_num": 2, "stream_num": 1}
    assert document["attributes"] == {"atc_version": "1.2.3", "tasks": "4 bytes"}
    assert document["weights"] == {
        "count": 1,
        "nbytes": 16,
        "places": {"partition": 1},
        "partition": 1024,
        "largest": [{"name": "w", "nbytes": 16, "place": "partition"}],
    }
    ops: Any = document["ops"]
    assert [each["name"] for each in ops] == ["x", "w", "y", "Node_Output"]
    assert ops[2]["inputs"][1] == {"from": "w:0", "type": "f32[4]", "layout": "ND"}
    assert ops[2]["outputs"] == [{"type": "f32[4]", "layout": "ND"}]


def test_tasks_and_kernels(tmp_path: Path) -> None:
    document = describe_om(compiled(tmp_path / "c.om"))
    tasks: Any = document["tasks"]
    assert tasks["types"] == {"END_GRAPH": 1, "EVENT_RECORD": 1, "KERNEL": 1}
    assert tasks["memory_size"] == 2048
    assert tasks["list"] == [
        {"type": "EVENT_RECORD", "stream": 0, "event": 1},
        {
            "type": "KERNEL",
            "stream": 0,
            "op_index": 2,
            "op": "y",
            "kernel": "te_add__kernel0",
            "kernel_type": "TE",
        },
        {"type": "END_GRAPH", "stream": 0},
    ]
    kernels: Any = document["tbe_kernels"]
    assert [(each["name"], each["nbytes"], each["elf"]) for each in kernels["entries"]] == [
        ("y", 16, True),
        ("other", 48, True),
    ]
    data = (tmp_path / "c.om").read_bytes()
    assert [data[each["offset"] :][:4] for each in kernels["entries"]] == [ELF[:4]] * 2


def test_every_kind_of_task(tmp_path: Path) -> None:
    listed = task_list(
        task(7, stream_switch={"op_index": 1}),
        task(9, label_set={"op_index": 2, "label_id": 5}),
        task(13, memcpy_async={"op_index": 3}),
        task(5, kernel_ex={"op_index": 2}),
        task(6, kernel_hccl={"op_index": 2}),
        task(26, kernel_with_handle={"context": {"kernel_type": 6, "op_index": 2}, "original_kernel_key": "k"}),
        task(99, stream_id=3),
    )
    tasks: Any = describe_om(compiled(tmp_path / "c.om", tasks=listed))["tasks"]
    assert [(each["type"], each.get("op")) for each in tasks["list"]] == [
        ("STREAM_SWITCH", "w"),
        ("LABEL_SET", "y"),
        ("MEMCPY_ASYNC", "Node_Output"),
        ("KERNEL_EX", "y"),
        ("HCCL", "y"),
        ("ALL_KERNEL", "y"),
        ("99", None),
    ]
    assert tasks["list"][1]["label"] == 5
    assert (tasks["list"][5]["kernel"], tasks["list"][5]["kernel_type"]) == ("k", "AI_CPU")
    assert (len(TASK_TYPES), len(KERNEL_TYPES), TASK_TYPES[29], TASK_TYPES[50]) == (
        51,
        13,
        "FFTS_PLUS",
        "CUSTOM_KERNEL",
    )


def test_what_is_damaged_inside_is_told_and_the_rest_shown(tmp_path: Path) -> None:
    path = compiled(tmp_path / "c.om", tasks=b"\xff", kernels=archive({"y": ELF})[:-1], interface=INTERFACE[:50])
    document: Any = describe_om(path)
    assert document["tasks"] == {"problem": "`c.om` has a task list that does not parse"}
    assert document["tbe_kernels"]["problem"].startswith("is damaged behind entry 0")
    assert document["interface"] == {"problem": "ends within a block"}
    assert "tasks: `c.om` has a task list that does not parse" in text_of(path)


def test_archives_for_the_host(tmp_path: Path) -> None:
    parts = [*compiled_parts(), (5, libraries({"libx.so": ELF})), (26, archive({"custom": b"abc"}, 0x4B43534B))]
    path = om(tmp_path / "c.om", compiled_graph(), parts, model_count=1)
    document: Any = describe_om(path)
    assert [(each["name"], each["nbytes"]) for each in document["so_bins"]["entries"]] == [("libx.so", 16)]
    assert [(each["name"], each["nbytes"]) for each in document["custom_ops"]["entries"]] == [("custom", 3)]


def test_the_interface_of_a_real_file() -> None:
    assert len(INTERFACE) == 140, "as in a file made by the Graph Engine"


@pytest.mark.parametrize(
    ("number", "content", "title", "value"),
    [
        (2, struct.pack("<I2Q", 2, 4, 8), "batch_sizes", [4, 8]),
        (3, struct.pack("<I2I4q", 2, 2, 2, 1, 2, 3, 4), "image_sizes", [[1, 2], [3, 4]]),
        (4, struct.pack("<I1I2q", 1, 16, 5, 6), "dynamic_dims", [[5, 6]]),
        (5, struct.pack("<I2I", 2, 3, 1) + b"abcd", "output_shapes", ["abc", "d"]),
        (6, struct.pack("<I1I", 1, 1) + b"x", "input_order", ["x"]),
        (77, b"abc", "block 77", "3 bytes"),
    ],
)
def test_blocks_of_the_interface(tmp_path: Path, number: int, content: bytes, title: str, value: object) -> None:
    document: Any = describe_om(compiled(tmp_path / "c.om", interface=INTERFACE + block(number, content)))
    interface = document["interface"]
    assert interface[title] == value
    assert interface["inputs"] == [
        {
            "name": "_arg_0",
            "dtype": "i32",
            "layout": "ND",
            "shape": [4],
            "given_shape": [4],
            "shape_range": [],
            "nbytes": 16,
        }
    ]


@pytest.mark.parametrize(
    "content",
    [struct.pack("<I", 2) + tensor_of("x", [1], 0, 4), struct.pack("<I", 1) + tensor_of("x", [1], 0, 4)[:-1], b"\1"],
)
def test_damaged_interfaces(tmp_path: Path, content: bytes) -> None:
    document: Any = describe_om(compiled(tmp_path / "c.om", interface=block(0, content)))
    assert document["interface"] == {"problem": "holds a block that does not parse"}
    assert read_interface.__name__ == "read_interface"


def test_several_models(tmp_path: Path) -> None:
    root = simple(
        op("Data", "x", [""], [desc(4)]),
        op("PartitionedCall", "call", ["x:0"], [desc(4)], subgraph_name=["part"]),
        op("NetOutput", "out", ["call:0"]),
        custom_version="1.11.z.0",
    )
    part = compiled_graph()
    part.graph[0].name = "part"
    part.graph[0].op[0].attr["_parent_node_index"].i = 0
    part.graph[0].op[0].attr["note"].i = 7
    compress(root, ["\0\2", "note"])
    compress(part, ["\0\2", "_parent_node_index", "index"])
    part.graph[0].op[0].attr["\0\1"].i = 7
    for wide in (False, True):
        path = several(tmp_path / "s.om", (root, []), (part, compiled_parts()), wide=wide)
        document: Any = describe_om(path)
        assert [each["model"] for each in document["partitions"]] == [0, 1, 1, 1, 1, 1]
        (inner,) = document["models"]
        assert inner["tasks"]["types"]["KERNEL"] == 1
        keys = [pair["key"] for pair in inner["graph"][0]["op"][0]["attr"]]
        assert keys == ["_parent_node_index", "index", "note"], "the part's own table first, then that of the whole"
        model = load_om(path, LoadOptions(), Sink())
        (nested,) = model.graph.outputs[0].producer.graphs
        weight = next(each for each in nested if each.kind == "const").attributes["value"]
        assert np.frombuffer(weight.read(), np.float32).tolist() == [1, 2, 3, 4]  # type: ignore[union-attr]
        text = text_of(path)
        assert "model m" in text
        assert "te_add__kernel0" in text


def test_an_artifact_of_ours(make_classifier: Any, tmp_path: Path) -> None:
    document: Any = describe_om(OM.write(make_classifier(), tmp_path / "a.om").path)
    assert document["weights"]["places"] == {"inside": 6}
    assert document["notes"] == ["holds a graph without kernels: viewers and compilers read it, a device refuses it"]
    assert document["attributes"]["modelc_kind"] == "ir"
    plain_: Any = describe_air(AIR.write(make_classifier(), tmp_path / "a.air").path)
    assert "header" not in plain_
    assert plain_["graph"] == document["graph"]


def test_constants_in_files(builder: Any, tmp_path: Path) -> None:
    b = builder()
    b.inputs()
    from_model = b.returns(y=b.const(np.zeros(1 << 15, np.float32), "w"))
    from modelc.ir.model import Model

    path = AIR.write(Model(from_model), tmp_path / "a.air", WriteOptions(external_weights=True)).path
    document: Any = describe_air(path)
    assert document["weights"]["places"] == {"file": 1}
    assert document["weights"]["nbytes"] == 4 << 15


def test_the_text_is_an_overview_and_tables(tmp_path: Path) -> None:
    path = compiled(tmp_path / "c.om")
    document: Any = describe_om(path)
    lines = text_of(path).splitlines()
    titles = [line for line, before in zip(lines[1:], lines, strict=False) if not before]
    assert titles == [
        *("inputs", "outputs", "notes", "ops by kind", "constants: 1, 16 bytes, 1 in their partition"),
        *("header", "partitions", "memory", "resources", "attributes", "interface", "ops"),
        *("tasks: 3 (1 END_GRAPH, 1 EVENT_RECORD, 1 KERNEL)", "kernels for the cores: 2, 64 bytes"),
    ]
    rows = [line.split() for line in lines]
    assert ["x", "float32[4]"] in rows
    (kernels,) = [each for each in document["partitions"] if each["type"] == 3]
    numbers = [str(kernels["offset"]), str(kernels["nbytes"])]
    assert ["3", "TBE_KERNELS", *numbers, *"programs for the cores".split()] in rows
    assert ["zero_copy_memory_size", "1024", *"of it for inputs and outputs".split()] in rows
    assert ["2", "Add", "f32[4]", "ND", "y"] in rows
    assert ["0", "KERNEL", "y", "te_add__kernel0"] in rows
    assert ["48", "other"] in rows
    assert all(line == line.rstrip() for line in lines)


def test_long_texts_are_cut_and_lines_are_one(tmp_path: Path) -> None:
    definition = compiled_graph()
    definition.attr["note"].s = b"one\ntwo" + b"x" * 5000
    (line,) = [line for line in text_of(compiled(tmp_path / "c.om", definition)).splitlines() if "  note " in line]
    assert "one\\ntwoxxx" in line
    assert line.endswith("...")
    assert len(line) < 1100


def test_names_of_element_types_are_in_the_order_of_their_numbers() -> None:
    assert (DATA_TYPE_NAMES[1], DATA_TYPE_NAMES[7], DATA_TYPE_NAMES[27]) == ("DT_FLOAT", "DT_INT32", "DT_BF16")
    assert (len(DATA_TYPE_NAMES), DATA_TYPE_NAMES[41]) == (42, "DT_HIFLOAT4")
    assert message("ListValue").DESCRIPTOR.fields_by_name["val_type"].enum_type.values_by_number[10].name == "DATA_TYPE"
    assert LIST_TYPE_NAMES[10] == "VT_LIST_DATA_TYPE"
