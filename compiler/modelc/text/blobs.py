"""How the textual IR spells the bytes of constants, and back."""

from __future__ import annotations

import struct
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from modelc.ir.blob import Blob, BlobError, BytesBlob, FileBlob, MissingBlob, SplatBlob, pack_strings, unpack_strings
from modelc.ir.types import Element, TensorType
from modelc.text.literals import (
    LiteralError,
    element_float_bytes,
    element_float_text,
    quote,
    quote_bytes,
    read_int,
    unquote,
    unquote_bytes,
)

INLINE = 64  # bytes of a constant that are written as numbers in the text
ALIGNMENT = 64
IMPLIED = -1
LEFT_OUT = "the text holds only its digest, sha256 "

_INTEGER = {"i8": "b", "i16": "h", "i32": "i", "i64": "q", "u8": "B", "u16": "H", "u32": "I", "u64": "Q"}
_INTEGER |= {f"q{name}": code for name, code in _INTEGER.items() if name in ("i8", "u8", "i16", "u16", "i32")}


class Payload:
    """Takes the bytes of constants that do not fit the text, and writes them to a file beside it.

    Attributes:
        name: The name of the finished file, as the text refers to it.
        folder: Where the text and the file will lie.
        size: Bytes written so far.
    """

    def __init__(self, file: BinaryIO, name: str, folder: Path) -> None:
        self.name = name
        self.folder = folder.absolute()
        self.size = 0
        self._file = file
        self._ranges: dict[Hashable, tuple[int, Blob]] = {}

    def add(self, blob: Blob) -> int:
        """Write the bytes of `blob`, unless they are there already, and return their offset; raises BlobError."""
        known = self._ranges.get((type(blob), blob.key))
        if known is not None:
            return known[0]
        offset = -(-self.size // ALIGNMENT) * ALIGNMENT
        self._file.seek(offset)
        for chunk in blob.chunks():
            self._file.write(chunk)
        self.size = offset + blob.nbytes
        self._ranges[type(blob), blob.key] = (offset, blob)
        return offset

    def replaces(self, path: Path) -> bool:
        """Whether the finished file will take the place of `path`."""
        return path.absolute() == self.folder / self.name


# -- printing


def blob_text(blob: Blob, type_: TensorType | None, payload: Payload | None, inline: int) -> str:
    """Return `blob` as text.

    Args:
        blob: The bytes.
        type_: What they are, as far as known.
        payload: Takes what is too large for the text; without it such a blob is reduced to its digest.
        inline: The most bytes that are written as numbers.
    """
    if isinstance(blob, SplatBlob):
        return _splat_text(blob, type_)
    if isinstance(blob, MissingBlob):
        return _missing_text(blob)
    if isinstance(blob, FileBlob) and not (payload and payload.replaces(blob.path)):
        return _file_text(_path_text(blob.path, payload), blob.offset, blob.nbytes)
    try:
        if blob.nbytes <= inline:
            return dense_text(blob.read(), type_)
        if payload is not None:
            return _file_text(payload.name, payload.add(blob), blob.nbytes)
        return f'digest<"{blob.digest()}", {blob.nbytes}>'
    except BlobError as error:
        return _missing_text(MissingBlob(blob.nbytes, str(error)))


def dense_text(data: bytes, type_: TensorType | None) -> str:
    """Return `dense<[1, 2]>`, or `bytes<"...">` where the numbers would not say all."""
    items = None if type_ is None else _items(data, type_)
    if type_ is None or items is None or (type_.is_static and len(items) != type_.size):
        return f'bytes<"{data.hex()}">'
    return f"dense<{items[0]}>" if type_.shape == () else f"dense<[{', '.join(items)}]>"


def _items(data: bytes, type_: TensorType) -> list[str] | None:
    element = type_.element
    if element is None:
        return None
    if element.family == "string":
        return _strings(data, type_)
    step = element.nbytes
    if not step or len(data) % step:
        return None
    if element.name in _INTEGER:
        return [str(item) for item in struct.unpack(f"<{len(data) // step}{_INTEGER[element.name]}", data)]
    if element.family == "float":
        return [element_float_text(data[i : i + step], element) for i in range(0, len(data), step)]
    if element.family == "bool" and not data.strip(b"\0\1"):
        return ["true" if byte else "false" for byte in data]
    return None


def _strings(data: bytes, type_: TensorType) -> list[str] | None:
    if not type_.is_static:
        return None
    try:
        return [_string(item) for item in unpack_strings(data, type_.size)]
    except BlobError:
        return None


def _string(item: bytes) -> str:
    try:
        return quote(item.decode("utf-8"))
    except UnicodeDecodeError:
        return quote_bytes(item)


def _splat_text(blob: SplatBlob, type_: TensorType | None) -> str:
    items = None if type_ is None else _items(blob.element, type_)
    if type_ is None or items is None or len(items) != 1 or items[0][0] in '"b':
        return f'splat<"{blob.element.hex()}", {blob.count}>'
    implied = type_.is_static and type_.size == blob.count
    return f"splat<{items[0]}>" if implied else f"splat<{items[0]}, {blob.count}>"


def _missing_text(blob: MissingBlob) -> str:
    if blob.problem.startswith(LEFT_OUT):
        return f"digest<{quote(blob.problem.removeprefix(LEFT_OUT))}, {blob.nbytes}>"
    return f"missing<{blob.nbytes}, {quote(blob.problem)}>"


def _file_text(path: str, offset: int, nbytes: int) -> str:
    return f"file<{quote(path)}, {offset}, {nbytes}>"


def _path_text(path: Path, payload: Payload | None) -> str:
    path = path.absolute()
    if payload is not None and path.is_relative_to(payload.folder):
        return path.relative_to(payload.folder).as_posix()
    return path.as_posix()


# -- reading


@dataclass(frozen=True, slots=True)
class Literal:
    """Numbers of a constant as they stand in the text, before their element type is known.

    Attributes:
        items: The spelled numbers.
        offset: Where it stands in the text.
        count: How often the one number of a splat is repeated; `IMPLIED` by the type, None for no splat.
    """

    items: tuple[str, ...]
    offset: int
    count: int | None = None


def resolve(literal: Literal, type_: TensorType | None) -> Blob:
    """Return the bytes that `literal` means as a tensor of `type_`; raises LiteralError."""
    element = None if type_ is None else type_.element
    if element is None or type_ is None:
        raise LiteralError("the element type of these numbers is not known")
    data = _encode(literal.items, element)
    if literal.count is None:
        _check_count(literal, type_)
        return BytesBlob(data)
    if literal.count != IMPLIED:
        return SplatBlob(data, literal.count)
    if not type_.is_static:
        raise LiteralError(f"a splat of type {type_} needs its number of elements, as in `splat<0, 12>`")
    return SplatBlob(data, type_.size)


def _check_count(literal: Literal, type_: TensorType) -> None:
    if type_.is_static and len(literal.items) != type_.size:
        raise LiteralError(f"{len(literal.items)} numbers are given for {type_}, which has {type_.size}")


def _encode(items: tuple[str, ...], element: Element) -> bytes:
    if element.family == "string":
        return pack_strings([_read_string(item) for item in items])
    encode = _encoder(element)
    return b"".join([encode(item) for item in items])


def _read_string(item: str) -> bytes:
    if item.startswith('"'):
        return unquote(item).encode("utf-8", "surrogatepass")
    if item.startswith("b"):
        return unquote_bytes(item)
    raise LiteralError(f"{item} is not a text")


def _encoder(element: Element) -> Callable[[str], bytes]:
    if element.name in _INTEGER:
        return lambda item: _integer_bytes(item, element)
    if element.family == "float":
        return lambda item: _float_bytes(item, element)
    if element.family == "bool":
        return _bool_bytes
    raise LiteralError(f"a constant of type {element} is written as `bytes<...>`")


def _integer_bytes(item: str, element: Element) -> bytes:
    if not item.lstrip("-").isdecimal():
        raise LiteralError(f"{item} is not an integer")
    try:
        return struct.pack(f"<{_INTEGER[element.name]}", read_int(item))
    except struct.error as error:
        raise LiteralError(f"{item} does not fit {element}") from error


def _float_bytes(item: str, element: Element) -> bytes:
    if item[0] in '"b' or item in ("true", "false"):
        raise LiteralError(f"{item} is not a number")
    return element_float_bytes(item, element)


def _bool_bytes(item: str) -> bytes:
    if item not in ("true", "false"):
        raise LiteralError(f"{item} is neither true nor false")
    return b"\1" if item == "true" else b"\0"


def hex_bytes(text: str) -> bytes:
    """Return the bytes that hexadecimal digits spell; raises LiteralError."""
    try:
        return bytes.fromhex(text)
    except ValueError as error:
        raise LiteralError("these are not pairs of hexadecimal digits") from error
