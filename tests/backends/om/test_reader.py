"""Reading what others wrote: compiled files, old and wide ones, damaged ones, foreign ones."""

from __future__ import annotations

import contextlib
import json
import os
import random
import struct
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from om_files import SOUND, desc, om, op, simple

from modelc.diagnostics.diagnostic import ModelcError, Sink
from modelc.dialects.lookup import op_def
from modelc.frontends.frontend import Frontend, LoadOptions
from modelc.ir.blob import BlobError, FileBlob
from modelc.ir.graph import Graph
from modelc.ir.model import Model
from modelc.ir.types import TensorType
from modelc.ir.verify import Level, verify
from modelc_backends.om import conformance
from modelc_backends.om.backend import AIR, OM
from modelc_backends.om.header import Header, pack_table
from modelc_backends.om.reader import FRONTEND_AIR, FRONTEND_OM, load_om
from modelc_backends.om.schema import message

CORPUS = Path(os.environ.get("MODELC_CORPUS", Path(__file__).parents[4] / "shared" / "corpus"))


def read(path: Path) -> Model:
    model = load_om(path, LoadOptions(), Sink())
    assert [d for graph in model.graphs() for d in verify(graph, Level.LINKS, op_def)] == []
    return model


def problems(path: Path, frontend: Frontend = FRONTEND_OM) -> list[str]:
    with pytest.raises(ModelcError) as caught:
        frontend.load(path, LoadOptions(), Sink())
    return [f"{d.code}: {d.message}" for d in caught.value.diagnostics]


def kinds(graph: Graph) -> list[str]:
    return [each.kind for each in graph]


# -- compiled files


@pytest.mark.parametrize("wide", [False, True])
def test_weights_of_a_compiled_file(tmp_path: Path, wide: bool) -> None:
    numbers = np.arange(4, dtype=np.float16)
    const = op("Const", "w", [], [desc(4, dtype=2)])
    const.attr["value"].t.desc.CopyFrom(desc(4, dtype=2, data_offset=512, weight_size=8))
    definition = simple(const, op("Cast", "y", ["w:0"], [desc(4)]), op("NetOutput", "out", ["y:0"]))
    weights = bytes(512) + numbers.tobytes() + bytes(504)
    path = om(tmp_path / "c.om", definition, [(1, weights), (2, b"\x58\1"), (3, b"")], wide=wide, model_count=1)
    model = read(path)
    blob = model.graph.outputs[0].producer.operands[0].producer.attributes["value"]
    assert isinstance(blob, FileBlob)
    assert blob.read() == numbers.tobytes()
    assert model.source is not None
    assert model.source.format == "compiled .om"
    assert model.facts == set()


def test_weights_behind_the_end(tmp_path: Path) -> None:
    const = op("Const", "w", [], [desc(4)])
    const.attr["value"].t.desc.CopyFrom(desc(4, data_offset=512, weight_size=16))
    path = om(tmp_path / "c.om", simple(const, op("NetOutput", "out", ["w:0"])), [(1, bytes(520)), (2, b"\x58\1")])
    assert problems(path) == ["MC501: `c.om` has a constant `w` that lies behind the end of the weights"]


def test_compressed_names(tmp_path: Path) -> None:
    data, relu = op("Data", "x", [""], [desc(2)]), op("LeakyRelu", "y", ["x:0"], [desc(2)])
    data.attr["\0\1"].i = 0
    relu.attr["\0\2"].i = 1
    relu.attr["\0\3"].f = 0.5
    definition = simple(data, relu, op("NetOutput", "out", ["y:0"]))
    definition.attr["om_compress_version"].i = 1
    definition.attr["attr_name_enum"].list.s.extend([b"index", b"_kernel", b"negative_slope"])
    definition.attr["attr_value_enum"].list.s.extend([b"first", b"second"])
    definition.attr["attrs_use_string_value"].list.b.extend([False, True, False])
    model = read(om(tmp_path / "c.om", definition, [(1, bytes(512)), (2, b"\x58\1")]))
    assert model.graph.outputs[0].producer.attributes == {"_kernel": "second", "negative_slope": 0.5}


def test_several_models_give_the_first(tmp_path: Path) -> None:
    definition = simple(*SOUND).SerializeToString()
    part = pack_table([(0, len(definition)), (1, 3)]) + definition + b"abc"
    path = tmp_path / "several.om"
    path.write_bytes(Header("m", 2 * len(part), model_count=2, dynamic=True).pack() + part + part)
    model = read(path)
    assert model.source is not None
    assert dict(model.source.details)["models"] == "2, the first holds the others"


def test_old_inputs_without_an_index_count_in_their_order(tmp_path: Path) -> None:
    first, second = op("Data", "b", [""], [desc(2)]), op("Data", "a", [""], [desc(3)])
    model = read(om(tmp_path / "c.om", simple(first, second, op("NetOutput", "out", ["a:0", "b:0"]))))
    assert model.graph.input_names == ("b", "a")
    first.attr["index"].i = 1
    second.attr["index"].i = 0
    model = read(om(tmp_path / "c.om", simple(first, second, op("NetOutput", "out", ["a:0", "b:0"]))))
    assert model.graph.input_names == ("a", "b")


def test_names_of_outputs_in_files_of_atc(tmp_path: Path) -> None:
    definition = simple(*SOUND)
    definition.attr["attr_model_out_nodes_name"].list.s.append(b"user/y:0")
    assert read(om(tmp_path / "c.om", definition)).graph.output_names == ("user/y:0",)


def test_outputs_may_be_listed_by_the_graph(tmp_path: Path) -> None:
    definition = simple(*SOUND[:2])
    definition.graph[0].output.append("y:0")
    assert kinds(read(om(tmp_path / "c.om", definition)).graph) == ["input", "ge.Relu", "return"]


def test_ops_may_stand_in_any_order(tmp_path: Path) -> None:
    assert kinds(read(om(tmp_path / "c.om", simple(*reversed(SOUND)))).graph) == ["input", "ge.Relu", "return"]


def test_origins_of_other_tools(tmp_path: Path) -> None:
    relu = op("Relu", "fused", ["x:0"], [desc(2)])
    relu.attr["_datadump_original_op_names"].list.s.extend([b"conv", b"relu"])
    graph = read(om(tmp_path / "c.om", simple(SOUND[0], relu, op("NetOutput", "out", ["fused:0"])))).graph
    assert str(graph.outputs[0].producer.origin) == "conv (Relu), relu (Relu)"


def test_a_nested_graph_need_not_take_every_input(tmp_path: Path) -> None:
    call = op("PartitionedCall", "call", ["x:0", "x:0"], [desc(2)], subgraph_name=["inner"])
    definition = simple(SOUND[0], call, op("NetOutput", "out", ["call:0"]))
    inner = message("GraphDef")(name="inner")
    data = op("Data", "second", [""], [desc(2)])
    data.attr["_parent_node_index"].i = 1
    inner.op.extend([data, op("NetOutput", "end", ["second:0"])])
    definition.graph.append(inner)
    (graph,) = read(om(tmp_path / "c.om", definition)).graph.outputs[0].producer.graphs
    assert [str(value.type) for value in graph.inputs] == ["f32[2]", "f32[2]"]
    assert graph.outputs == graph.inputs[1:]


# -- constants beside an .air


def test_external_weights(tmp_path: Path) -> None:
    const = op("Const", "w", [], [desc(2)])
    const.attr["value"].t.desc.CopyFrom(desc(2))
    const.attr["location"].s = b"weights/w.bin"
    const.attr["length"].i = 8
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "w.bin").write_bytes(b"12345678")
    (tmp_path / "m.air").write_bytes(simple(const, op("NetOutput", "out", ["w:0"])).SerializeToString())
    model = FRONTEND_AIR.load(tmp_path / "m.air", LoadOptions(), Sink())
    assert model.graph.outputs[0].producer.attributes["value"].read() == b"12345678"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("location", "words"),
    [("../secret", "outside of the model's folder"), ("gone", "cannot be read"), ("s", "1 bytes")],
)
def test_external_weights_that_are_not_there(tmp_path: Path, location: str, words: str) -> None:
    (tmp_path / "s").write_bytes(b"1")
    const = op("Const", "w", [], [desc(2)])
    const.attr["value"].t.desc.CopyFrom(desc(2))
    const.attr["location"].s = location.encode()
    const.attr["length"].i = 8
    (tmp_path / "m.air").write_bytes(simple(const, op("NetOutput", "out", ["w:0"])).SerializeToString())
    model = FRONTEND_AIR.load(tmp_path / "m.air", LoadOptions(), Sink())
    with pytest.raises(BlobError, match=words):
        model.graph.outputs[0].producer.attributes["value"].read()  # type: ignore[union-attr]


# -- files that are refused


def test_other_families_are_named(tmp_path: Path) -> None:
    path = tmp_path / "f.om"
    path.write_bytes(b"PK\x03\x04" + bytes(500))
    assert problems(path) == ["MC502: `f.om` is an OM2 archive of a newer CANN, which is not read"]
    path.write_bytes(b"PICO" + bytes(500))
    assert problems(path) == ["MC502: `f.om` is an offline model of the SVP family, which is not read"]
    om(path, simple(*SOUND), encrypted=1)
    assert problems(path) == ["MC502: `f.om` is encrypted, which is not read"]
    om(path, simple(*SOUND), model_type=5)
    assert problems(path) == ["MC502: `f.om` is a bundle of several models, which is not read"]
    data = bytearray(om(path, simple(*SOUND)).read_bytes())
    struct.pack_into("<I", data, 8, 0x10000000)
    data[156:176] = b"3.51.z.0".ljust(20, b"\0")
    path.write_bytes(data)
    assert problems(path) == ["MC502: `f.om` is an offline model for Kirin phones (HiAI), which is not read"]


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda data: data[:100], "has 100 bytes, fewer than the 256 of a header"),
        (lambda data: b"JMOD" + data[4:], "does not begin as an .om does"),
        (lambda data: data[:-1], "its header promises"),
        (lambda data: data + b"\0", "its header promises"),
        (lambda data: data[:256] + b"\xff\xff\0\0" + data[260:], "announces 65535 partitions at byte 256"),
        (lambda data: data[:268] + b"\xff\xff\xff\x0f" + data[272:], "its partitions reach up to 268435727"),
        (lambda data: data[:268] + b"\1\0\0\0" + data[272:], "bytes behind its last partition"),
        (lambda data: data[:260] + b"\1\0\0\0" + data[264:], "holds no model description"),
        (lambda data: data[:272] + b"\xff" * (len(data) - 272), "is damaged at byte 272"),
    ],
)
def test_a_damaged_shell(tmp_path: Path, damage: Callable[[bytes], bytes], words: str) -> None:
    path = om(tmp_path / "d.om", simple(*SOUND))
    path.write_bytes(damage(path.read_bytes()))
    (problem,) = problems(path)
    assert problem.startswith("MC501: `d.om` ")
    assert words in problem


def test_everything_wrong_with_a_graph_is_told(tmp_path: Path) -> None:
    graph = (
        op("Data", "x", [""], [desc(2)]),
        op("Relu", "a", ["nowhere:0"], [desc(2)]),
        op("Relu", "b", ["x:1"], [desc(2)]),
        op("Relu", "c", ["x"], [desc(2)]),
        op("Relu", "c", ["x:0"], [desc(2)]),
        op("Re lu", "d", ["x:0"], [desc(2)], subgraph_name=["gone"]),
        op("NetOutput", "out", ["a:0"]),
    )
    assert problems(om(tmp_path / "d.om", simple(*graph))) == [
        "MC501: `d.om` has an op `d` that refers to graph `gone`, which it does not hold",
        "MC501: `d.om` has two ops called `c`",
        "MC501: `d.om` has an op `d` of type `Re lu`",
        "MC501: `d.om` has an op `a` that reads `nowhere:0`, which does not exist",
        "MC501: `d.om` has an op `b` that reads `x:1`, but `x` has fewer outputs",
        "MC501: `d.om` has an op `c` that reads `x`, which does not exist",
    ]


@pytest.mark.parametrize(
    ("ops", "words"),
    [
        ((), "has a graph `g` without outputs"),
        ((SOUND[0], op("NetOutput", "out", [""])), "has a graph `g` with an output that nothing computes"),
        ((*SOUND, op("NetOutput", "more", ["y:0"])), "has a graph `g` with 2 NetOutput ops"),
        ((SOUND[0], op("Const", "w", [], [desc(2)]), op("NetOutput", "o", ["w:0"])), ""),
        (
            (op("Relu", "a", ["b:0"], [desc(2)]), op("Relu", "b", ["a:0"], [desc(2)]), op("NetOutput", "o", ["a:0"])),
            "has ops that depend on themselves: `a` <- `b` <- `a`",
        ),
    ],
)
def test_graphs_that_are_not_sound(tmp_path: Path, ops: Sequence[Any], words: str) -> None:
    path = om(tmp_path / "d.om", simple(*ops))
    if words:
        assert f"MC501: `d.om` {words}" in problems(path)
    else:
        assert kinds(read(path).graph) == ["input", "ge.Const", "return"]


@pytest.mark.parametrize(
    ("shape", "data", "words"),
    [
        ((2,), b"", "has a constant `w` without a value"),
        ((2, -1), b"12345678", "has a constant `w` of type f32[2, ?], which must be known"),
        ((2,), b"123", "has a constant `w` of type f32[2] with 3 bytes"),
        ((2**62, 2**62), b"123", "with 3 bytes"),
    ],
)
def test_constants_that_are_not_sound(tmp_path: Path, shape: Sequence[int], data: bytes, words: str) -> None:
    const = op("Const", "w", [], [desc(*shape)])
    const.attr["value"].t.data = data
    const.attr["value"].t.desc.CopyFrom(desc(*shape))
    assert words in problems(om(tmp_path / "d.om", simple(const, op("NetOutput", "o", ["w:0"]))))[0]


def test_a_forged_range_does_not_leave_the_description(tmp_path: Path) -> None:
    const = op("Const", "w", [], [desc(2)])
    const.attr["value"].t.file_range.add(field=2, offset=0, length=8)
    const.attr["value"].t.desc.CopyFrom(desc(2))
    found = problems(om(tmp_path / "d.om", simple(const, op("NetOutput", "o", ["w:0"]))))
    assert "MC501: `d.om` has a constant outside of its model description" in found


def test_a_chain_of_nested_graphs_is_no_recursion(tmp_path: Path) -> None:
    definition = simple(
        op("PartitionedCall", "call", [], [desc(2)], subgraph_name=["g0"]), op("NetOutput", "o", ["call:0"])
    )
    for depth in range(3000):
        graph = definition.graph.add(name=f"g{depth}")
        names = [f"g{depth + 1}"] if depth < 2999 else []
        graph.op.append(op("PartitionedCall", f"call{depth}", [], [desc(2)], subgraph_name=names))
        graph.op.append(op("NetOutput", f"o{depth}", [f"call{depth}:0"]))
    model = load_om(om(tmp_path / "deep.om", definition), LoadOptions(), Sink())
    assert sum(1 for _ in model.graphs()) == 3001


def test_graphs_nested_in_each_other_are_refused(tmp_path: Path) -> None:
    definition = simple(op("PartitionedCall", "c", [], [desc(2)], subgraph_name=["g"]), op("NetOutput", "o", ["c:0"]))
    assert problems(om(tmp_path / "d.om", definition)) == ["MC501: `d.om` has graph `g` nested in several places"]


# -- recognizing


def test_recognizing(make_classifier: Any, tmp_path: Path) -> None:
    air = AIR.write(make_classifier(), tmp_path / "m.bin").path
    om_ = OM.write(make_classifier(), tmp_path / "n.bin").path
    for path, frontend in ((air, FRONTEND_AIR), (om_, FRONTEND_OM)):
        head = path.read_bytes()[:4096]
        others = {FRONTEND_AIR, FRONTEND_OM} - {frontend}
        assert frontend.recognizes(path, head) >= 90
        assert [other.recognizes(path, head) for other in others] == [0]
    for head in (b"", b"\x0a", b"\x0a\x7f", b"\x0a\x05input\x12\x0bPlaceholder", b"\x08\x07\x12\x07pytorch"):
        assert FRONTEND_AIR.recognizes(Path("m.pb"), head) == 0
        assert FRONTEND_OM.recognizes(Path("m.pb"), head) == 0
    assert FRONTEND_AIR.recognizes(Path("m.air"), b"anything") > 0
    assert FRONTEND_OM.recognizes(Path("m.om"), b"PK\x03\x04") > 0


# -- damage at random


@pytest.mark.parametrize("suffix", [".om", ".air"])
@pytest.mark.parametrize("seed", range(4))
def test_damage_at_random_gives_findings(
    make_classifier: Any, make_branches: Any, tmp_path: Path, suffix: str, seed: int
) -> None:
    dice = random.Random(seed)
    backend, frontend = (OM, FRONTEND_OM) if suffix == ".om" else (AIR, FRONTEND_AIR)
    originals = [
        backend.write(make(), tmp_path / f"a{suffix}").path.read_bytes() for make in (make_classifier, make_branches)
    ]
    path = tmp_path / f"fuzz{suffix}"
    outcomes = set()
    for _ in range(150):
        path.write_bytes(_damaged(dice.choice(originals), dice, suffix))
        try:
            model = frontend.load(path, LoadOptions(), Sink())
            assert [d for g in model.graphs() for d in verify(g, Level.LINKS, op_def)] == []
            outcomes.add("read")
        except ModelcError as error:
            outcomes |= {d.code for d in error.diagnostics}
        with contextlib.suppress(ModelcError):  # a family that is not read
            conformance.check(path)
    assert outcomes <= {"read", "MC501", "MC502"}
    assert {"read", "MC501"} <= outcomes


def _damaged(data: bytes, dice: random.Random, suffix: str) -> bytes:
    result = bytearray(data)
    for _ in range(dice.choice([1, 1, 2, 8])):
        at, length = dice.randrange(len(result)), dice.randrange(1, 40)
        change = dice.randrange(5)
        if change == 0:
            result[at] = dice.randrange(256)
        elif change == 1:
            result[at] ^= 1 << dice.randrange(8)
        elif change == 2:
            del result[at : at + length]
        elif change == 3:
            result[at:at] = dice.randbytes(length)
        else:
            result[at : at + length] = data[: at // 2][:length]
    if suffix == ".om" and len(result) > 300 and dice.random() < 0.8:  # let the damage reach the inside
        struct.pack_into("<I", result, 76, len(result) - 256)
        struct.pack_into("<IIII", result, 256, 1, 0, 0, len(result) - 272)
    return bytes(result) or b"?"


@pytest.mark.parametrize("suffix", [".om", ".air"])
def test_every_truncation_is_told(make_classifier: Any, tmp_path: Path, suffix: str) -> None:
    backend, frontend = (OM, FRONTEND_OM) if suffix == ".om" else (AIR, FRONTEND_AIR)
    data = backend.write(make_classifier(), tmp_path / f"a{suffix}").path.read_bytes()
    path = tmp_path / f"cut{suffix}"
    for length in range(1, len(data), 97):
        path.write_bytes(data[:length])
        assert {text[:5] for text in problems(path, frontend)} == {"MC501"}


# -- real files


def corpus() -> dict[str, Path]:
    cases = CORPUS / "cases.jsonl"
    lines = cases.read_text().splitlines() if cases.is_file() else []
    found = [case["model"] for case in map(json.loads, lines) if case["kind"] == "om"]
    return {name: CORPUS / name for name in found}


@pytest.mark.parametrize("name", corpus())
def test_real_files(name: str) -> None:
    path = corpus()[name]
    if "hiai" in name:
        assert [text[:5] for text in problems(path)] == ["MC502"]
        return
    model = read(path)
    assert all(isinstance(each.type, TensorType) and each.type.is_static for each in model.graph.outputs)
    constants = [each for each in model.graph if each.kind == "const"]
    assert constants
    for each in constants:
        blob = each.attributes["value"]
        assert isinstance(blob, FileBlob)
        assert blob.nbytes == each.result.tensor.nbytes


@pytest.mark.skipif(not corpus(), reason="needs the open corpus")
def test_a_real_compiled_file() -> None:
    (path,) = (path for name, path in corpus().items() if name.endswith("/out.om"))
    model = read(path)
    assert model.graph.input_names == ("Input", "Input_1")
    assert model.graph.output_names == ("model_1/dense_2/Softmax:0",)
    assert str(model.graph.outputs[0].type) == "f32[1, 21]"
    assert kinds(model.graph).count("ge.Conv2D") == 15
    assert kinds(model.graph).count("const") == 55
