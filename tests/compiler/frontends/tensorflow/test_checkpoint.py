"""Checkpoints: the index file, its blocks and compression, shards, slices."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from modelc.diagnostics.diagnostic import ModelcError
from modelc.frontends.tensorflow.bundle import Bundle
from modelc.frontends.tensorflow.protos import message
from modelc.frontends.tensorflow.slices import Slice, parse_slice, slice_key
from modelc.frontends.tensorflow.sstable import decompress_snappy, masked_crc32c, read_table
from modelc.frontends.tensorflow.tensor import TensorError
from modelc.frontends.wire import WireFile, write_varint
from modelc.ir.blob import FileBlob, MissingBlob
from modelc.ir.constants import to_array

MakeTable = Callable[..., bytes]
WriteBundle = Callable[..., Path]
ARRAYS: dict[str, Any] = {
    "a": np.arange(6, dtype=np.float32).reshape(2, 3),
    "b/kernel": np.arange(4, dtype=np.int64),
    "b/scalar": np.float16(2.5),
    "c": np.array([True, False]),
}


def table(path: Path, data: bytes) -> dict[bytes, bytes]:
    path.write_bytes(data)
    with WireFile(path) as file:
        return read_table(file)


def literal_only(data: bytes) -> bytes:
    """Snappy's format with a copy of one earlier byte wherever it repeats, literals elsewhere."""
    out = write_varint(len(data))
    for place, byte in enumerate(data):
        repeats = place > 0 and data[place - 1] == byte
        out += bytes([2]) + struct.pack("<H", 1) if repeats else bytes([0, byte])
    return out


entries = st.dictionaries(st.binary(min_size=1, max_size=12), st.binary(max_size=30), min_size=2, max_size=40)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(content=entries, cut=st.integers(1, 39), compressed=st.booleans())
def test_tables_read_back(
    tmp_path: Path, make_table: MakeTable, content: dict[bytes, bytes], cut: int, compressed: bool
) -> None:
    items = sorted(content.items())
    blocks = [dict(part) for part in (items[:cut], items[cut:]) if part]
    data = make_table(blocks, literal_only if compressed else None)
    assert table(tmp_path / "t", data) == content


def test_the_checksum_is_crc32c() -> None:
    value = (0xE3069283 >> 15 | 0xE3069283 << 17) + 0xA282EAD8
    assert masked_crc32c(b"123456789") == value & 0xFFFFFFFF


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"\x05\x10hello", b"hello"),
        (b"\x05\x04ab\x0a\x02\x00", b"ababa"),
        (b"\x6c\xf0\x63" + b"x" * 100 + b"\x11\x01", b"x" * 108),
        (b"\x04\x00a\x0b\x01\x00\x00\x00", b"aaaa"),
        (b"\x00", b""),
    ],
)
def test_snappy(data: bytes, expected: bytes) -> None:
    assert decompress_snappy(data) == expected


@pytest.mark.parametrize(
    "data",
    [
        b"\x04\x00a\x0b\x02\x00\x00\x00",
        b"\x09\x10hello",
        b"\x02\x10hello",
        b"\xff\xff\xff\x7f\x00a",
        b"\x05\x10he",
    ],
)
def test_malformed_compression_is_a_finding(tmp_path: Path, make_table: MakeTable, data: bytes) -> None:
    with pytest.raises(ModelcError, match="is damaged at byte"):
        table(tmp_path / "t", make_table([{b"k": b"v"}], lambda _: data))


def test_damaged_index_is_told_from_a_short_one(tmp_path: Path, make_table: MakeTable) -> None:
    data = make_table([{b"k": b"value"}])
    damaged = data[:3] + bytes([data[3] ^ 1]) + data[4:]
    for bad, code, text in ((damaged, "MC105", "checksum"), (data[:-1], "MC105", "end"), (data[:40], "MC106", "40")):
        with pytest.raises(ModelcError, match=text) as raised:
            table(tmp_path / "t", bad)
        assert raised.value.diagnostics[0].code == code


def test_keys_cannot_grow_without_bound(tmp_path: Path) -> None:
    key = b"k" * (1 << 20)
    block = write_varint(0) + write_varint(len(key)) + write_varint(0) + key
    block += b"".join(write_varint(len(key)) + b"\x01\x00" + b"x" for _ in range(200))
    data = block + struct.pack("<II", 0, 1)

    def stored(content: bytes) -> bytes:
        return content + b"\0" + struct.pack("<I", masked_crc32c(content + b"\0"))

    handle = write_varint(0) + write_varint(len(data))
    index = b"\x00\x01" + write_varint(len(handle)) + b"z" + handle + struct.pack("<II", 0, 1)
    file = stored(data)
    handles = write_varint(0) + write_varint(0) + write_varint(len(file)) + write_varint(len(index))
    file += stored(index) + handles.ljust(40, b"\0") + struct.pack("<Q", 0xDB4775248B80FB57)
    with pytest.raises(ModelcError, match="longer than can be held"):
        table(tmp_path / "t", file)


@pytest.mark.parametrize("shards", [1, 3])
@pytest.mark.parametrize("big_endian", [False, True])
def test_tensors_are_read_from_their_shards(
    tmp_path: Path, write_bundle: WriteBundle, shards: int, big_endian: bool
) -> None:
    bundle = Bundle(write_bundle(tmp_path / "v", ARRAYS, shards, big_endian))
    for key, array in ARRAYS.items():
        type_, blob = bundle.tensor(key)
        assert isinstance(blob, FileBlob) is not big_endian
        np.testing.assert_array_equal(to_array(blob, type_), array)


def test_missing_and_short_shards_are_named(tmp_path: Path, write_bundle: WriteBundle) -> None:
    prefix = write_bundle(tmp_path / "v", ARRAYS, 3)
    (tmp_path / "v.data-00001-of-00003").unlink()
    (tmp_path / "v.data-00002-of-00003").write_bytes(b"")
    bundle = Bundle(prefix)
    assert isinstance(bundle.tensor("a")[1], FileBlob)
    missing, short = bundle.tensor("b/kernel")[1], bundle.tensor("b/scalar")[1]
    assert isinstance(missing, MissingBlob)
    assert missing.problem == "shard `v.data-00001-of-00003` is missing"
    assert isinstance(short, MissingBlob)
    assert "ends at byte 0, 2 are needed" in short.problem


def test_entries_that_do_not_fit_are_refused(tmp_path: Path, write_bundle: WriteBundle) -> None:
    bundle = Bundle(write_bundle(tmp_path / "v", ARRAYS))
    with pytest.raises(TensorError, match="no entry `nothing`"):
        bundle.tensor("nothing")
    with pytest.raises(TensorError, match="does not fit"):
        bundle.tensor("a", ((0, 3), (0, -1)))


@pytest.mark.parametrize(("text", "rows", "columns"), [("2 3 1,1:-", (1, 2), (0, 3)), ("2 3 -:1,2", (0, 2), (1, 3))])
def test_slices_of_whole_tensors(
    tmp_path: Path, write_bundle: WriteBundle, text: str, rows: tuple[int, int], columns: tuple[int, int]
) -> None:
    bundle = Bundle(write_bundle(tmp_path / "v", ARRAYS))
    type_, blob = bundle.tensor("a", parse_slice(text))
    np.testing.assert_array_equal(to_array(blob, type_), ARRAYS["a"][slice(*rows), slice(*columns)])


WHERE: dict[int, tuple[Slice, Slice]] = {
    0: (((0, 2), (0, -1)), ((2, 2), (0, -1))),
    1: (((0, -1), (0, 3)), ((0, -1), (3, 3))),
}


@pytest.mark.parametrize("axis", [0, 1])
def test_tensors_stored_in_slices_are_put_together(
    tmp_path: Path, make_table: MakeTable, write_bundle: WriteBundle, axis: int
) -> None:
    array = np.arange(24, dtype=np.float32).reshape(4, 6)
    parts: list[NDArray[Any]] = np.split(array, 2, axis)
    where = WHERE[axis]
    bundle = Bundle(write_sliced(tmp_path / "v", make_table, array, dict(zip(where, parts, strict=True))))
    whole_type, whole = bundle.tensor("t")
    np.testing.assert_array_equal(to_array(whole, whole_type), array)
    type_, blob = bundle.tensor("t", where[1])
    assert isinstance(blob, FileBlob)
    np.testing.assert_array_equal(to_array(blob, type_), parts[1])


def write_sliced(prefix: Path, make_table: MakeTable, array: Any, parts: Mapping[Slice, Any]) -> Path:
    whole = message("BundleEntryProto")(dtype=1)
    entries: dict[bytes, bytes] = {b"": message("BundleHeaderProto")(num_shards=1).SerializeToString()}
    data = b""
    for dim in array.shape:
        whole.shape.dim.add(size=dim)
    for where, part in parts.items():
        extents = whole.slices.add().extent
        for start, length in where:
            extent = extents.add(start=start)
            if length >= 0:
                extent.length = length
        entry = message("BundleEntryProto")(dtype=1, offset=len(data), size=part.nbytes)
        for dim in part.shape:
            entry.shape.dim.add(size=dim)
        entries[slice_key("t", where)] = entry.SerializeToString()
        data += part.tobytes()
    entries[b"t"] = whole.SerializeToString()
    prefix.with_name("v.index").write_bytes(make_table([entries]))
    prefix.with_name("v.data-00000-of-00001").write_bytes(data)
    return prefix


@pytest.mark.parametrize("text", ["1", "a b", "4 0,1,2", "4 0;1"])
def test_malformed_slices_are_refused(text: str) -> None:
    with pytest.raises(TensorError):
        parse_slice(text)


def test_keys_of_slices_keep_their_order() -> None:
    numbers = [-(1 << 40), -65, -64, -1, 0, 63, 64, 8191, 8192, 1 << 20, 1 << 62]
    keys = [slice_key("n", ((number, 0),)) for number in numbers]
    assert keys == sorted(keys)
    assert len(set(keys)) == len(keys)


def test_names_in_keys_of_slices_are_escaped() -> None:
    assert slice_key("a\0b", ()) == b"\x00a\x00\xffb\x00\x01\x00"
