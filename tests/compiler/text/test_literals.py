"""Spelling of names, texts and numbers."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelc.text import literals


@pytest.mark.parametrize("hint", ["x", "conv1/Conv2D", "conv1/Conv2D:1", "^x", "a.b-c>d", "0", "_x", "x:0", "1.5"])
def test_names_of_nodes_need_no_quotes(hint: str) -> None:
    assert literals.value_name(hint) == f"%{hint}"


@pytest.mark.parametrize("hint", ["_", "_0", "a b", "a:b", "x:", ":0", "^^x", "", "é", "-x", "/x", "a\n", "%x"])
def test_other_names_are_quoted(hint: str) -> None:
    assert literals.value_name(hint).startswith('%"')


@given(st.text())
def test_names_and_texts_read_back(text: str) -> None:
    assert literals.unquote(literals.quote(text)) == text
    assert literals.read_value_name(literals.value_name(text)) == text
    assert literals.read_word(literals.word(text)) == text
    assert "\n" not in literals.quote(text)


@given(st.binary())
def test_byte_texts_read_back(data: bytes) -> None:
    assert literals.unquote_bytes(literals.quote_bytes(data)) == data


def test_texts_with_half_characters_can_be_written_as_utf8() -> None:
    assert literals.unquote(literals.quote("\ud800").encode("utf-8").decode()) == "\ud800"


@pytest.mark.parametrize(
    ("value", "text"),
    [(1.0, "1.0"), (-0.0, "-0.0"), (1e-5, "1e-05"), (math.inf, "inf"), (-math.inf, "-inf"), (math.nan, "nan")],
)
def test_floats_are_short(value: float, text: str) -> None:
    assert literals.float_text(value) == text


def test_a_nan_that_says_more_is_spelled_in_bits() -> None:
    assert literals.float_text(literals.read_float("0x7ff8000000000001")) == "0x7ff8000000000001"


@pytest.mark.parametrize(
    ("text", "shape"),
    [("[]", ()), ("[*]", None), ("[1, ?, n]", (1, None, "n")), ("[ 1,2 ]", (1, 2)), ('["a, b", 3]', ("a, b", 3))],
)
def test_shapes(text: str, shape: tuple[object, ...] | None) -> None:
    assert literals.read_shape(text) == shape
    assert literals.read_shape(literals.shape_text(literals.read_shape(text))) == shape
