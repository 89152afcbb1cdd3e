"""Attributes between the IR and messages, by the kinds of prototypes."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelc.ir.attributes import Attribute, ShapeAttribute, Symbol
from modelc.ir.blob import BytesBlob, SplatBlob
from modelc.ir.types import ELEMENTS, F16, I64, U8
from modelc_backends.om.attributes import WrongKindError, decode, encode
from modelc_backends.om.schema import message

FLOATS = st.floats(width=32, allow_nan=False)
INTEGERS = st.integers(-(2**63), 2**63 - 1)
TEXTS = st.one_of(st.text(), st.binary().filter(lambda b: not _is_utf8(b)))
KINDS: dict[str, st.SearchStrategy[Attribute]] = {
    "Int": INTEGERS,
    "Float": FLOATS,
    "Bool": st.booleans(),
    "String": TEXTS,
    "Type": st.sampled_from(sorted(ELEMENTS)).map(lambda name: ELEMENTS[name]),
}
KINDS |= {f"List{kind}": st.lists(items).map(tuple) for kind, items in KINDS.items()}
KINDS["ListListInt"] = st.lists(st.lists(INTEGERS).map(tuple)).map(tuple)


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


@given(st.sampled_from(sorted(KINDS)).flatmap(lambda kind: st.tuples(st.just(kind), KINDS[kind])))
def test_every_kind_reads_back(case: tuple[str, Attribute]) -> None:
    kind, value = case
    node = message("OpDef")()
    encode(node.attr, "a", kind, value)
    again = message("OpDef").FromString(node.SerializeToString())
    assert decode(again.attr["a"], kind) == value


@pytest.mark.parametrize(
    ("kind", "list_type"),
    [("ListString", 1), ("ListInt", 2), ("ListFloat", 3), ("ListBool", 4), ("ListType", 10)],
)
def test_empty_lists_say_of_what_they_are(kind: str, list_type: int) -> None:
    node = message("OpDef")()
    encode(node.attr, "a", kind, ())
    again = message("OpDef").FromString(node.SerializeToString()).attr["a"]
    assert again.WhichOneof("value") == "list"
    assert again.list.val_type == list_type


@pytest.mark.parametrize(
    ("kind", "value", "words"),
    [
        ("Int", True, "an integer"),
        ("Int", 1.0, "an integer"),
        ("Int", 1 << 63, "an integer"),
        ("Float", "1", "a number"),
        ("Float", 1e39, "float32"),
        ("Bool", 1, "true or false"),
        ("String", 1, "a text"),
        ("Type", "float33", "an element type"),
        ("Type", 1, "an element type"),
        ("ListInt", 3, "a list"),
        ("ListInt", (1, 2.5), "an integer"),
        ("ListListInt", (1,), "a list"),
        ("", Symbol("f"), "the format can say"),
        ("", ("a", 1), "a list of values of one kind"),
        ("", SplatBlob(b"\0", 1 << 20), "at most"),
    ],
)
def test_a_wrong_kind_is_told(kind: str, value: Attribute, words: str) -> None:
    with pytest.raises(WrongKindError, match=words):
        encode(message("OpDef")().attr, "a", kind, value)


@pytest.mark.parametrize(
    ("value", "again"),
    [
        (3, 3),
        (True, True),
        (0.5, 0.5),
        ((1, 0.5), (1.0, 0.5)),
        ("text", "text"),
        (b"\xff", b"\xff"),
        (F16, F16),
        ((), ()),
        (((1,), ()), ((1,), ())),
        (ShapeAttribute((1, None, "n")), (1, -1, -1)),
        (ShapeAttribute(None), (-2,)),
    ],
)
def test_an_undeclared_attribute_goes_by_its_value(value: Attribute, again: Attribute) -> None:
    node = message("OpDef")()
    encode(node.attr, "_note", "", value)
    assert decode(node.attr["_note"]) == again


def test_element_types_use_the_numbers_of_attributes() -> None:
    node = message("OpDef")()
    encode(node.attr, "a", "Type", I64)
    encode(node.attr, "b", "ListType", (U8, "undefined"))
    assert node.attr["a"].dt == 9
    assert list(node.attr["b"].list.dt) == [4, 28]


def test_old_files_hold_element_types_as_integers() -> None:
    value = message("AttrDef")(i=3)
    assert decode(value, "Type") == ELEMENTS["i32"]
    assert decode(value, "Int") == 3
    assert decode(message("AttrDef")(dt=3), "Int") == 3
    assert decode(message("AttrDef")(dt=99)) == 99


def test_opaque_bytes_are_blobs() -> None:
    node = message("OpDef")()
    encode(node.attr, "a", "", BytesBlob(b"kernel"))
    assert node.attr["a"].bt == b"kernel"


def test_floats_are_the_nearest_float32() -> None:
    node = message("OpDef")()
    encode(node.attr, "a", "Float", 0.1)
    assert decode(node.attr["a"]) == struct.unpack("<f", struct.pack("<f", 0.1))[0]
