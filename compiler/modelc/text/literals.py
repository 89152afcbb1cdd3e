"""How the textual IR spells names, texts, numbers and types, and back."""

from __future__ import annotations

import json
import math
import re
import struct
from collections.abc import Iterator

from modelc.ir.types import CONTROL, ELEMENTS, NONE, RESOURCE, VARIANT, Dim, Element, Shape, TensorType, TokenType, Type

TOKENS: dict[str, TokenType] = {token.name: token for token in (CONTROL, RESOURCE, VARIANT, NONE)}

_BARE_NAME = re.compile(r"\^?[A-Za-z0-9_.][A-Za-z0-9_./>-]*(?::[0-9]+)?", re.ASCII)
_NAMELESS = re.compile(r"_[0-9]*", re.ASCII)
_BARE_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_.>-]*", re.ASCII)
_DIM = re.compile(
    r'(?P<number>-?[0-9]+)|(?P<unknown>\?)|(?P<bare>[A-Za-z_][A-Za-z0-9_.]*)|(?P<quoted>"(?:[^"\\]|\\.)*")'
)
_COMMA = re.compile(r"\s*(?:,\s*(?=\S)|$)")
_BARE_DIM = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*", re.ASCII)
_ESCAPE = re.compile(rb'\\(?:x([0-9a-f]{2})|(["\\]))')
_RAW_FLOAT = {2: "<H", 4: "<I", 8: "<Q"}
_PACKED_FLOAT = {"f16": "<e", "f32": "<f", "f64": "<d"}
_WORDS = frozenset({"graph", "return", "const", "true", "false", "inf", "nan", "loc", "attributes", "dense", "splat"})


class LiteralError(Exception):
    """A literal cannot mean what it must mean; the text says why."""


# -- texts


def quote(text: str) -> str:
    """Return `text` in double quotes, escaped as in JSON."""
    quoted = json.dumps(text, ensure_ascii=False)
    return quoted if quoted.isprintable() and not _has_surrogate(quoted) else json.dumps(text)


def unquote(literal: str) -> str:
    """Return the text that `quote` wrote as `literal`; raises LiteralError for a bad escape."""
    if "\\" not in literal:
        return literal[1:-1]
    try:
        return str(json.loads(literal, strict=False))
    except ValueError as error:
        raise LiteralError("a text has a bad escape") from error


def quote_bytes(data: bytes) -> str:
    r"""Return `data` as `b"..."` with `\xNN` for what is not printable ASCII."""
    return 'b"' + "".join(_BYTES[byte] for byte in data) + '"'


def unquote_bytes(literal: str) -> bytes:
    """Return the bytes that `quote_bytes` wrote as `literal`."""
    return _ESCAPE.sub(lambda m: bytes.fromhex(m[1].decode()) if m[1] else m[2], literal[2:-1].encode("utf-8"))


def _has_surrogate(text: str) -> bool:
    return any("\ud800" <= char <= "\udfff" for char in text)


def _byte(value: int) -> str:
    char = chr(value)
    if char in '"\\':
        return f"\\{char}"
    return char if 0x20 <= value < 0x7F else f"\\x{value:02x}"


_BYTES = tuple(map(_byte, range(256)))


def word(text: str) -> str:
    """Return `text` bare where it can be, else quoted."""
    return text if _BARE_WORD.fullmatch(text) and text not in _WORDS else quote(text)


def read_word(literal: str) -> str:
    """Return the text that `word` wrote as `literal`."""
    return unquote(literal) if literal.startswith('"') else literal


# -- names of values


def value_name(hint: str) -> str:
    """Return `%hint`, quoted where it must be; `%_` and `%_0` are left for values without a name."""
    if _BARE_NAME.fullmatch(hint) and not _NAMELESS.fullmatch(hint):
        return f"%{hint}"
    return f"%{quote(hint)}"


def read_value_name(literal: str) -> str:
    """Return the hint that `%hint` stands for, empty for `%_` and `%_0`."""
    if literal.startswith('%"'):
        return unquote(literal[1:])
    return "" if _NAMELESS.fullmatch(literal, 1) else literal[1:]


# -- numbers


def float_text(value: float) -> str:
    """Return a Python float so that its 64 bits can be read back: hexadecimal for a NaN with a payload."""
    if math.isnan(value):
        raw = struct.unpack("<Q", struct.pack("<d", value))[0]
        return "nan" if raw == 0x7FF8_0000_0000_0000 else f"0x{raw:016x}"
    return float.__repr__(value)


def read_float(literal: str) -> float:
    """Return the float that `float_text` wrote as `literal`."""
    if not literal.startswith("0x"):
        return float(literal)
    return float(struct.unpack("<d", struct.pack("<Q", int(literal, 16) & (1 << 64) - 1))[0])


def element_float_text(raw: bytes, element: Element) -> str:
    """Return the float of type `element` that `raw` holds, as short as reads back to the same bits."""
    bits = struct.unpack(_RAW_FLOAT[len(raw)], raw)[0]
    value = _float_value(raw, element)
    if math.isnan(value):
        return "nan" if raw == _pack_float(math.nan, element) else f"0x{bits:0{2 * len(raw)}x}"
    for digits in (4, 7, 9):
        text = float.__repr__(float(f"{value:.{digits}g}"))
        if element.bits < 64 and _pack_float(float(text), element) == raw:
            return text
    return float.__repr__(value)


def element_float_bytes(literal: str, element: Element) -> bytes:
    """Return the bytes of the number `literal` as `element`; raises LiteralError when it does not fit."""
    if literal.startswith("0x"):
        bits = int(literal, 16)
        if bits >> element.bits:
            raise LiteralError(f"{literal} has more bits than {element}")
        return struct.pack(_RAW_FLOAT[element.nbytes], bits)
    try:
        return _pack_float(float(literal), element)
    except OverflowError as error:
        raise LiteralError(f"{literal} does not fit {element}") from error


def _float_value(raw: bytes, element: Element) -> float:
    if element.name == "bf16":
        return float(struct.unpack("<f", b"\0\0" + raw)[0])
    return float(struct.unpack(_PACKED_FLOAT[element.name], raw)[0])


def _pack_float(value: float, element: Element) -> bytes:
    if element.name != "bf16":
        return struct.pack(_PACKED_FLOAT[element.name], value)
    bits = int(struct.unpack("<I", struct.pack("<f", value))[0])
    if math.isnan(value):
        return struct.pack("<H", bits >> 16)
    return struct.pack("<H", (bits + 0x7FFF + (bits >> 16 & 1)) >> 16)


# -- types


def type_text(type_: Type) -> str:
    """Return a type, with names of dimensions quoted where they must be."""
    if isinstance(type_, TokenType):
        return type_.name
    return f"{type_.element or '?'}{shape_text(type_.shape)}"


def shape_text(shape: Shape) -> str:
    """Return `[1, n, ?]`, or `[*]` for an unknown rank."""
    return "[*]" if shape is None else f"[{', '.join(map(_dim_text, shape))}]"


def _dim_text(dim: Dim) -> str:
    if isinstance(dim, str):
        return dim if _BARE_DIM.fullmatch(dim) else quote(dim)
    return "?" if dim is None else str(dim)


def read_type(literal: str) -> TensorType:
    """Return the tensor type written as `literal`; raises LiteralError."""
    name, _, rest = literal.partition("[")
    return TensorType(None if name == "?" else read_element(name), read_shape(f"[{rest}"))


def read_element(literal: str) -> Element:
    """Return the element type called `literal`; raises LiteralError when there is none."""
    element = ELEMENTS.get(literal)
    if element is None:
        raise LiteralError(f"there is no element type `{literal}`")
    return element


def read_shape(literal: str) -> Shape:
    """Return the shape written as `literal`, brackets included; raises LiteralError."""
    body = literal[1:-1].strip()
    if body == "*":
        return None
    return tuple(_dims(body)) if body else ()


def _dims(body: str) -> Iterator[Dim]:
    position = 0
    while position < len(body):
        match = _DIM.match(body, position)
        separator = None if match is None else _COMMA.match(body, match.end())
        if match is None or separator is None:
            raise LiteralError(f"`[{body[:80]}]` is not a shape")
        yield _dim(match)
        position = separator.end()


def _dim(match: re.Match[str]) -> Dim:
    text = match[0]
    if match.lastgroup == "number":
        return read_int(text)
    if match.lastgroup == "unknown":
        return None
    return unquote(text) if match.lastgroup == "quoted" else text


def read_int(literal: str) -> int:
    """Return the integer `literal`; raises LiteralError for one beyond 64 bits."""
    if len(literal) > 21 or not -(1 << 63) <= int(literal) < 1 << 64:
        raise LiteralError(f"{literal[:24]} does not fit 64 bits")
    return int(literal)


def read_ints(literal: str) -> tuple[int, ...]:
    """Return the list of integers `literal`, brackets included."""
    body = literal[1:-1]
    return tuple(map(read_int, body.split(","))) if body else ()
