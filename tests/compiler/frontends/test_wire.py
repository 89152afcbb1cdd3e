"""The walk that cuts big fields out of a message, against protobuf itself."""

from __future__ import annotations

import os
import tracemalloc
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modelc.diagnostics.diagnostic import ModelcError
from modelc.frontends.protobuf import Schema
from modelc.frontends.wire import RANGE_SCHEMA, Cutter, WireFile, write_varint

SCHEMA = Schema(
    "demo",
    f"""
    {RANGE_SCHEMA}
    Tree: name=1 string, leaf=2 Leaf, branch=3 rep Tree, named=4 map string Tree, size=5 fixed64, part=6 fixed32
    Leaf: data=1 bytes, numbers=2 rep float, kept=3 bytes, file_range=1000 rep FileRange
    """,
)
LEAST = 16
CUTTER = Cutter(SCHEMA.descriptor("Tree"), {"Leaf": ("data", "numbers")}, LEAST)
Tree, Leaf = SCHEMA.message("Tree"), SCHEMA.message("Leaf")

leaves = st.builds(
    Leaf,
    data=st.binary(max_size=40),
    numbers=st.lists(st.floats(width=32, allow_nan=False), max_size=12),
    kept=st.binary(max_size=40),
)
trees = st.recursive(
    st.builds(Tree, name=st.text(max_size=30), leaf=leaves, size=st.integers(0, 9)),
    lambda inner: st.builds(Tree, leaf=leaves, branch=st.lists(inner, max_size=3), part=st.integers(0, 9)),
    max_leaves=12,
)
QUICK = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def slim(path: Path, data: bytes) -> bytes:
    path.write_bytes(data)
    with WireFile(path) as file:
        return CUTTER.slim(file)


def restore(tree: Any, data: bytes) -> None:
    """Put back what was cut, from the ranges."""
    for span in tree.leaf.file_range:
        content = data[span.offset : span.offset + span.length]
        assert len(content) >= LEAST
        tree.leaf.MergeFrom(Leaf.FromString(write_varint(span.field << 3 | 2) + write_varint(len(content)) + content))
    tree.leaf.ClearField("file_range")
    for branch in tree.branch:
        restore(branch, data)


@QUICK
@given(tree=trees)
def test_what_is_cut_can_be_put_back(tmp_path: Path, tree: Any) -> None:
    data = tree.SerializeToString()
    again = Tree.FromString(slim(tmp_path / "f", data))
    restore(again, data)
    if not again.leaf.ByteSize() and not tree.HasField("leaf"):
        again.ClearField("leaf")
    assert again == tree


@QUICK
@given(tree=trees, place=st.integers(0, 1 << 30), byte=st.integers(0, 255), cut=st.booleans())
def test_damage_gives_a_finding_or_a_message(tmp_path: Path, tree: Any, place: int, byte: int, cut: bool) -> None:
    data = bytearray(tree.SerializeToString() or b"\0")
    place %= len(data)
    damaged = bytes(data[:place]) if cut else bytes(data[:place]) + bytes([byte]) + bytes(data[place + 1 :])
    with suppress(ModelcError):
        slim(tmp_path / "f", damaged)


def test_fields_in_maps_and_deep_branches_are_cut(tmp_path: Path) -> None:
    tree = Tree()
    tree.branch.add().named["k"].leaf.data = bytes(100)
    small = Tree.FromString(slim(tmp_path / "f", tree.SerializeToString()))
    (span,) = small.branch[0].named["k"].leaf.file_range
    assert (span.field, span.length) == (1, 100)


@pytest.mark.parametrize(
    ("data", "code", "offset"),
    [
        (b"\x0a\xff\xff\xff\xff\x0f", "MC106", 6),
        (b"\x1a\x02\x0a\x05aaaaa", "MC105", 2),
        (b"\x08" + b"\xff" * 11, "MC105", 0),
        (b"\x0a\x01a\x07", "MC105", 3),
        (b"\x0a", "MC106", 1),
        (b"\x00\x00", "MC105", 0),
    ],
)
def test_findings_name_the_offset(tmp_path: Path, data: bytes, code: str, offset: int) -> None:
    cutter = Cutter(SCHEMA.descriptor("Tree"), {"Leaf": ("data",)}, least=0)
    (tmp_path / "f").write_bytes(data)
    with WireFile(tmp_path / "f") as file, pytest.raises(ModelcError) as raised:
        cutter.slim(file)
    assert raised.value.diagnostics[0].code == code
    assert f"byte {offset}" in raised.value.diagnostics[0].message


def test_absurd_nesting_is_refused(tmp_path: Path) -> None:
    data = b""
    for _ in range(200):
        data = b"\x1a" + write_varint(len(data)) + data
    (tmp_path / "f").write_bytes(data)
    with pytest.raises(ModelcError, match="nested"), WireFile(tmp_path / "f") as file:
        Cutter(SCHEMA.descriptor("Tree"), {"Leaf": ("data",)}, least=0).slim(file)


def test_memory_does_not_grow_with_what_is_cut(tmp_path: Path) -> None:
    path, size = tmp_path / "f", 1 << 33
    leaf = b"\x0a" + write_varint(size)
    head = b"\x12" + write_varint(len(leaf) + size) + leaf
    with path.open("wb") as file:
        file.write(head)
        os.truncate(path, len(head) + size)
    tracemalloc.start()
    with WireFile(path) as wire:
        small = CUTTER.slim(wire)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert Tree.FromString(small).leaf.file_range[0].length == size
    assert peak < 1 << 20
