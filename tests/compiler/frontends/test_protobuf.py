"""Messages from a readable table, apart from everything that is registered elsewhere."""

from __future__ import annotations

import pytest
from google.protobuf import descriptor_pool

from modelc.frontends.protobuf import Schema

SCHEMA = Schema(
    "demo",
    """
    enum Color: RED=0, GREEN=1
    # a comment
    Node: name=1 string, op=2 string, input=3 rep string,
      attr=5 map string Value, packed=6 rep int32, loose=7 unpacked int64
    Value: s=2 bytes in value, i=3 int64 in value, color=4 Color, note=5 opt string
    """,
)


def test_messages_have_the_wire_form_of_the_table() -> None:
    node = SCHEMA.message("Node")(name="a", input=["b"], packed=[1, 2], loose=[3, 4])
    node.attr["k"].i = 7
    assert node.SerializeToString() == bytes.fromhex("0a0161 1a0162 2a07 0a016b 12021807 32020102 3803 3804")


def test_oneofs_presence_and_enums_work() -> None:
    value = SCHEMA.message("Value")(i=3)
    assert value.WhichOneof("value") == "i"
    assert not value.HasField("note")
    value.note = ""
    value.color = 9
    again = SCHEMA.message("Value").FromString(value.SerializeToString())
    assert again.HasField("note")
    assert again.color == 9


def test_nothing_enters_the_default_pool() -> None:
    SCHEMA.message("Node")
    with pytest.raises(KeyError):
        descriptor_pool.Default().FindMessageTypeByName("demo.Node")


@pytest.mark.parametrize("table", ["Node: name 1 string", "name=1 string", "Node: name=1 string!"])
def test_a_malformed_table_is_refused(table: str) -> None:
    with pytest.raises(ValueError, match="schema"):
        Schema("demo", table).descriptor("Node")
