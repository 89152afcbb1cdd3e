"""The fixed part of a file, against test vectors and damaged input."""

from __future__ import annotations

import hashlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelc_backends.om.header import SIZE, Header, pack_table, parse, parse_table
from modelc_backends.om.schema import message


def definition() -> bytes:
    data: bytes = message("ModelDef")(name="t", version=2, graph=[message("GraphDef")(name="t")]).SerializeToString()
    assert data.hex() == "0a017410023a030a0174"
    return data


def test_narrow_vector() -> None:
    table = pack_table([(0, 10)])
    file = Header("t_original", len(table) + 10).pack() + table + definition()
    assert len(file) == 282
    assert hashlib.sha256(file).hexdigest() == "156cf809cdb63201b6c101009f31af95be98dbd3cb5f0c3922c91c222f271b37"


def test_wide_vector() -> None:
    table = pack_table([(0, 10), (1, 1024)], wide=True)
    header = Header("t_original", len(table) + 10 + 1024, wide=True, model_count=1)
    file = header.pack() + table + definition() + bytes(1024)
    assert file[184:192] == bytes.fromhex("4204000000000000")
    assert len(file) == 1346
    assert hashlib.sha256(file).hexdigest() == "3366a12167d4494bf311d23e527adb50d0164b307f39da36b732a90d2270d1fe"


@given(st.text(max_size=60), st.integers(0, 2**32 - 1), st.booleans(), st.integers(0, 9))
def test_headers_read_back(name: str, payload: int, wide: bool, count: int) -> None:
    payload += wide  # a wide header of length 0 would be a narrow one
    header = Header(name.replace("\0", ""), payload, wide=wide, model_count=count)
    again = parse(header.pack())
    assert header.name.startswith(again.name)
    assert len(again.name.encode()) <= 31
    assert (again.payload, again.wide, again.model_count, again.platform_version) == (payload, wide, count, "1.11.z.0")
    assert not again.reserved


def test_version_1_has_its_platform_four_bytes_earlier() -> None:
    data = bytearray(Header("old", 1000).pack())
    struct.pack_into("<I", data, 8, 0x10000000)
    data[156:176] = b"1.10.z.0".ljust(20, b"\0")
    data[176] = 1
    header = parse(bytes(data))
    assert (header.name, header.payload, header.platform_version, header.platform) == ("old", 1000, "1.10.z.0", 1)
    assert header.model_count == 1


def test_flow_models_have_wide_tables_whatever_their_length() -> None:
    assert parse(Header("flow", 10, model_type=3).pack()).wide


def test_bytes_without_a_meaning_are_noticed() -> None:
    data = bytearray(Header("x", 1).pack())
    data[250] = 1
    assert parse(bytes(data)).reserved


@given(st.binary(min_size=SIZE, max_size=SIZE))
def test_any_bytes_parse(data: bytes) -> None:
    parse(data)


@pytest.mark.parametrize("wide", [False, True])
def test_tables_read_back(wide: bool) -> None:
    partitions = [(8, 5), (0, 700), (1, 3), (2, 11)]
    data = pack_table(partitions, wide)
    table = parse_table(data, SIZE, wide)
    assert [(extent.type, extent.size) for extent in table.extents] == partitions
    assert [extent.offset for extent in table.extents] == [0, 5, 705, 708]
    assert table.end == SIZE + len(data)
    assert table.stop == table.end + 719
    assert table.find(1) == (table.end + 705, table.end + 708)
    assert table.find(3) is None
