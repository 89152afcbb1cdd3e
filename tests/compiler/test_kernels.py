"""The table of kernels: the built-in one is sound, chips go by many names, and files can be laid over it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modelc.diagnostics.diagnostic import ModelcError
from modelc.dialects.lookup import op_def
from modelc.kernels import CPU, Kernel, KernelTable, kernel_table

TABLE = kernel_table()


def overlay(folder: Path, document: object) -> KernelTable:
    path = folder / "kernels.json"
    path.write_text(json.dumps(document), "utf-8")
    return kernel_table(path)


def refusal(folder: Path, document: object) -> str:
    with pytest.raises(ModelcError) as caught:
        overlay(folder, document)
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.code == "MC406"
    assert diagnostic.file.endswith("kernels.json")
    return diagnostic.message


def test_every_kernel_is_of_a_prototype_and_names_its_slots() -> None:
    assert len(TABLE.kernels) > 800
    for name, kernels in TABLE.kernels.items():
        definition = op_def(f"ge.{name}")
        assert definition is not None, name
        slots = {slot.name for slot in (*definition.operands, *definition.results)}
        assert all(set(kernel.slots) <= slots for kernel in kernels), name


def test_every_op_that_needs_no_kernel_is_of_a_prototype() -> None:
    for name in TABLE.without | TABLE.early:
        assert op_def(f"ge.{name}") is not None, name
    assert not TABLE.without & TABLE.kernels.keys()


def test_kernels_differ_from_chip_to_chip() -> None:
    kernels = TABLE.kernels["ArgMaxV2"]
    (old,) = (kernel for kernel in kernels if kernel.is_on("ascend310"))
    (new,) = (kernel for kernel in kernels if kernel.is_on("ascend910"))
    assert old.slots["x"].elements == {"f16"}
    assert new.slots["x"].elements == {"f16", "f32"}
    assert [kernel.engine for kernel in TABLE.kernels["TopK"]] == [CPU]


@pytest.mark.parametrize(
    ("name", "chip"),
    [
        ("ascend310", "ascend310"),
        ("310", "ascend310"),
        ("Ascend310P3", "ascend310p"),
        ("ASCEND310B1", "ascend310b"),
        ("Ascend910ProB", "ascend910"),
        ("Ascend910A", "ascend910"),
        ("Ascend910B", "ascend910b"),
        ("Ascend910B4-1", "ascend910b"),
        (" 910b2c ", "ascend910b"),
    ],
)
def test_chips_go_by_the_names_that_atc_takes(name: str, chip: str) -> None:
    assert TABLE.chip(name).name == chip


@pytest.mark.parametrize("name", ["", "ascend", "310x", "Ascend910C", "3100"])
def test_an_unknown_chip_is_answered_with_the_known_ones(name: str) -> None:
    with pytest.raises(ModelcError) as caught:
        TABLE.chip(name)
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.code == "MC410"
    assert "ascend310p, ascend310b" in diagnostic.fixes[0].text


def test_a_file_replaces_what_it_names_and_nothing_else(tmp_path: Path) -> None:
    table = overlay(
        tmp_path,
        {
            "vintage": "2026-01",
            "chips": {"mychip": {"title": "Mine", "versions": "mychip[12]"}},
            "types": {"floats": ["float16", "float"]},
            "no_kernel_needed": ["Roll"],
            "kernels": {
                "TopK": [{"chips": ["mychip"], "types": {"x": "floats", "k": ["int32"]}}],
                "Reshape": [{"engine": "cpu"}],
            },
        },
    )
    (kernel,) = table.kernels["TopK"]
    assert kernel.slots["x"].elements == {"f16", "f32"}
    assert kernel.is_on("mychip")
    assert not kernel.is_on("ascend310")
    assert table.kernels["Reshape"] == (Kernel(engine=CPU, chips=frozenset(table.chips)),)
    assert "Reshape" not in table.without
    assert "Roll" in table.without
    assert table.chip("MyChip2").name == "mychip"
    assert table.chip("Ascend310P1").name == "ascend310p"
    assert table.vintage == "2026-01"
    assert table.kernels["Abs"] == TABLE.kernels["Abs"]


def test_a_new_chip_has_the_kernels_of_the_one_it_is_like(tmp_path: Path) -> None:
    table = overlay(tmp_path, {"chips": {"bare": {}, "ascend910c": {"like": "ascend910b"}}, "kernels": {"Abs": [{}]}})
    on = {name: [op for op, own in table.kernels.items() if any(k.is_on(name) for k in own)] for name in table.chips}
    assert on["ascend910c"] == on["ascend910b"]
    assert on["bare"] == ["Abs"]
    assert len(on["ascend910b"]) > 500


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        ([], "must be an object"),
        ({"kernels": []}, "must have an object as `kernels`"),
        ({"kernels": {"Abs": {}}}, "has no list for `Abs`"),
        ({"kernels": {"Abs": [1]}}, "must describe a kernel of `Abs` by an object"),
        ({"kernels": {"Abs": [{"chips": ["ascend999"]}]}}, "puts `Abs` on the unknown chip `ascend999`"),
        ({"kernels": {"Abs": [{"chips": "ascend310"}]}}, "must have a list of names as `chips of Abs`"),
        ({"kernels": {"Abs": [{"engine": "gpu"}]}}, "has the unknown engine `gpu`"),
        ({"kernels": {"Abs": [{"types": {"x": ["float24"]}}]}}, "gives `Abs` the unknown type `float24`"),
        ({"kernels": {"Abs": [{"types": {"x": "floats"}}]}}, "must have a list of names as `types of Abs`"),
        ({"kernels": {"Abs": [{"types": ["x"]}]}}, "must list the types of `Abs` by slot"),
        ({"chips": {"mine": {"like": "yours"}}}, "says that `mine` is like the unknown chip `yours`"),
        ({"chips": {"mine": "x"}}, "must describe `mine` by an object"),
        ({"chips": {"mine": {"versions": "("}}}, "has a bad pattern for the versions of `mine`"),
        ({"no_kernel_needed": [1]}, "must have a list of names as `no_kernel_needed`"),
    ],
)
def test_a_bad_file_is_refused_with_the_place(tmp_path: Path, document: object, problem: str) -> None:
    assert problem in refusal(tmp_path, document)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["Abs", "x", "chips"]), inner),
    max_leaves=4,
)
SECTIONS = st.dictionaries(st.sampled_from(["chips", "types", "kernels", "no_kernel_needed", "vintage"]), JSON)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(document=JSON | SECTIONS)
def test_whatever_a_file_holds_it_is_a_table_or_a_finding(tmp_path: Path, document: object) -> None:
    codes: set[str] = set()
    try:
        table: KernelTable | None = overlay(tmp_path, document)
    except ModelcError as error:
        codes, table = {diagnostic.code for diagnostic in error.diagnostics}, None
    assert codes <= {"MC406"}
    assert table is None or table.chips.keys() >= TABLE.chips.keys()


@pytest.mark.parametrize("data", [b"", b"{", b"\xff\xfe", b"[" * 100_000])
def test_a_file_that_is_no_json_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "kernels.json"
    path.write_bytes(data)
    with pytest.raises(ModelcError) as caught:
        kernel_table(path)
    assert caught.value.diagnostics[0].code == "MC406"


def test_a_file_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelcError) as caught:
        kernel_table(tmp_path / "absent.json")
    assert caught.value.diagnostics[0].code == "MC101"
