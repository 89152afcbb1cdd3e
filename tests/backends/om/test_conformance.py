"""Every check finds the damage it is for, and finds nothing in what is written."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import om_files
import pytest

from modelc.diagnostics.diagnostic import ModelcError
from modelc.frontends.soundness import Outcome, findings
from modelc_backends.om.backend import AIR, OM
from modelc_backends.om.conformance import check
from modelc_backends.om.graph_checks import Concern
from modelc_backends.om.header import Header, pack_table
from modelc_backends.om.schema import message


def failed(path: Path) -> list[str]:
    return [result.name for result in check(path) if result.outcome is Outcome.FAILED]


@pytest.fixture
def written(make_classifier: Any, tmp_path: Path) -> Path:
    return OM.write(make_classifier(), tmp_path / "a.om").path


def definition_of(path: Path) -> Any:
    return message("ModelDef").FromString(path.read_bytes()[272:])


def rewrite(path: Path, definition: Any) -> Path:
    data = definition.SerializeToString()
    table = pack_table([(0, len(data))])
    path.write_bytes(Header("a", len(table) + len(data)).pack() + table + data)
    return path


def test_what_is_written_is_sound(make_classifier: Any, make_branches: Any, tmp_path: Path) -> None:
    for backend in (OM, AIR):
        for make in (make_classifier, make_branches):
            results = check(backend.write(make(), tmp_path / f"a{backend.suffix}").path)
            assert {each.outcome for each in results if each.outcome is not Outcome.PASSED} == {Outcome.SKIPPED}
            assert {each.reason for each in results} == {"", Concern.DEVICE.reason}


def poke(offset: int, text: str, value: int) -> Callable[[bytearray], None]:
    return lambda data: struct.pack_into(text, data, offset, value)


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("header", lambda data: data.__delitem__(slice(200, None))),
        ("magic", poke(1, "<B", 0)),
        ("payload", poke(76, "<I", 17)),
        ("partitions", poke(256, "<I", 9)),
        ("partitions", poke(268, "<I", 5)),
        ("offsets", poke(264, "<I", 5)),
        ("known-partitions", poke(260, "<I", 99)),
        ("reserved", poke(255, "<B", 1)),
        ("model-definition", poke(272, "<B", 7)),
    ],
)
def test_damage_to_the_shell(written: Path, name: str, damage: Callable[[bytearray], None]) -> None:
    data = bytearray(written.read_bytes())
    damage(data)
    written.write_bytes(data)
    assert failed(written)[0] == name
    assert findings(written, check(written))[0].code == "MC501"


def op_of(definition: Any, name: str) -> Any:
    return next(op for graph in definition.graph for op in graph.op if op.name == name)


def _no_graphs(d: Any) -> None:
    del d.graph[:]


def _move_first(d: Any) -> None:
    op = message("OpDef")()
    op.CopyFrom(d.graph[0].op[1])
    del d.graph[0].op[1]
    d.graph[0].op.append(op)


def _two_names(d: Any) -> None:
    op_of(d, "pool").name = "conv"


def _set(name: str, change: Callable[[Any], object]) -> Callable[[Any], None]:
    def apply(definition: Any) -> None:
        change(op_of(definition, name))

    return apply


DAMAGE: list[tuple[str, Callable[[Any], None]]] = [
    ("graph", _no_graphs),
    ("op-names", _two_names),
    ("op-names", _set("conv", lambda op: setattr(op, "name", "a:b"))),
    ("edges", _set("conv", lambda op: op.input.__setitem__(0, "nothing:0"))),
    ("edges", _set("conv", lambda op: op.input.__setitem__(0, "image:1"))),
    ("edges", _set("conv", lambda op: op.input.append("nothing:-1"))),
    ("subgraphs", _set("conv", lambda op: op.subgraph_name.append("gone"))),
    ("subgraphs", lambda d: d.graph.add(name="unused")),
    ("descriptors", _set("conv", lambda op: op.input_desc.pop())),
    ("descriptors", _set("conv", lambda op: op.ClearField("has_out_attr"))),
    ("skipped-inputs", _set("conv", lambda op: op.input.__setitem__(2, ""))),
    ("constants", _set("conv/bias", lambda op: setattr(op.attr["value"].t, "data", b"1"))),
    ("constants", _set("conv/bias", lambda op: op.attr.__delitem__("value"))),
    ("constants", _set("conv/bias", lambda op: setattr(op.attr["value"].t.desc, "dtype", 7))),
    ("weights", _set("conv/bias", lambda op: setattr(op.attr["value"].t.desc, "data_offset", 512))),
    ("inputs", _set("image", lambda op: setattr(op.attr["index"], "i", 1))),
    ("outputs", _set("Node_Output", lambda op: op.src_name.pop())),
    ("outputs", _set("Node_Output", lambda op: setattr(op, "type", "Relu"))),
    ("order", _set("conv", lambda op: setattr(op, "id", 99))),
    ("order", _move_first),
    ("same-types", _set("conv", lambda op: op.input_desc[0].shape.dim.append(1))),
    ("same-types", _set("conv", lambda op: setattr(op.input_desc[0], "dtype", 2))),
    ("layouts", _set("conv", lambda op: setattr(op.output_desc[0], "layout", "HWC"))),
    ("layouts", _set("conv", lambda op: setattr(op.output_desc[0].attr["format_for_int"], "i", 2))),
    ("layouts", _set("conv", lambda op: op.output_desc[0].attr["origin_shape"].list.i.append(1))),
    ("list-types", _set("conv", lambda op: op.attr["strides"].list.ClearField("val_type"))),
    ("list-types", _set("conv", lambda op: op.attr["groups"].Clear())),
    ("prototypes", _set("conv", lambda op: setattr(op, "type", "Conv"))),
    ("prototypes", _set("conv", lambda op: op.attr.__delitem__("strides"))),
    ("prototypes", _set("conv", lambda op: setattr(op.attr["groups"], "f", 1.0))),
    ("prototypes", _set("conv", lambda op: setattr(op.attr["strides"].list, "val_type", 3))),
    ("prototypes", _set("conv", lambda op: setattr(op.input_desc[0], "dtype", 11))),
    ("prototypes", _set("conv", lambda op: op.attr["_input_name_key"].list.s.reverse())),
    ("prototypes", _set("halves", lambda op: op.output_desc.add())),
]


@pytest.mark.parametrize(("name", "damage"), DAMAGE, ids=lambda item: item if isinstance(item, str) else "")
def test_damage_to_the_graph(written: Path, name: str, damage: Callable[[Any], None]) -> None:
    definition = definition_of(written)
    damage(definition)
    assert name in failed(rewrite(written, definition))


def test_checks_behind_a_failure_are_skipped(tmp_path: Path) -> None:
    path = tmp_path / "a.om"
    path.write_bytes(b"IMOD")
    results = check(path)
    assert [result.name for result in results if result.outcome is Outcome.FAILED] == ["header"]
    assert {result.outcome for result in results[2:]} == {Outcome.SKIPPED}
    assert {result.reason for result in results[2:]} == {"an earlier failure leaves nothing to look at"}


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (poke(82, "<B", 5), "is a bundle of several models, which is not read"),
        (poke(80, "<B", 1), "is encrypted, which is not read"),
        (lambda data: data.__setitem__(slice(4), b"PICO"), "is an offline model of the SVP family, which is not read"),
    ],
)
def test_other_families_are_not_checked(written: Path, damage: Callable[[bytearray], None], message: str) -> None:
    data = bytearray(written.read_bytes())
    damage(data)
    written.write_bytes(data)
    with pytest.raises(ModelcError) as caught:
        check(written)
    (told,) = caught.value.diagnostics
    assert (told.code, told.message) == ("MC502", f"`a.om` {message}")
    assert told.fixes


def test_a_compiled_file_without_a_graph_is_told(tmp_path: Path) -> None:
    definition = om_files.compiled_graph()
    del definition.graph[:]
    assert failed(om_files.compiled(tmp_path / "a.om", definition)) == ["graph", "task-ops"]


def test_few_problems_are_told_of_one_check(written: Path) -> None:
    definition = definition_of(written)
    for index in range(1000):
        definition.graph[0].op.add(name=f"extra{index}", type="Relu", input=["gone:0"])
    assert all(len(result.problems) <= 20 for result in check(rewrite(written, definition)))
