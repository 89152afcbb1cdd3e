"""TensorProto to a type and a blob; the numbers stay in the file wherever they lie there as they are."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelc.frontends.tensorflow.blobs import PartsBlob, concatenated
from modelc.frontends.tensorflow.protos import DTYPE_NAMES
from modelc.frontends.wire import BadVarintError, read_varint
from modelc.ir.blob import Blob, BytesBlob, FileBlob, LazyBlob, SplatBlob, pack_strings
from modelc.ir.constants import SMALL, numpy_dtype
from modelc.ir.types import ELEMENTS, Element, Shape, TensorType

_ELEMENT_NAMES = """
FLOAT=f32 DOUBLE=f64 INT32=i32 UINT8=u8 INT16=i16 INT8=i8 STRING=string COMPLEX64=c64 INT64=i64 BOOL=bool QINT8=qi8
QUINT8=qu8 QINT32=qi32 BFLOAT16=bf16 QINT16=qi16 QUINT16=qu16 UINT16=u16 COMPLEX128=c128 HALF=f16 RESOURCE=resource
VARIANT=variant UINT32=u32 UINT64=u64
"""
_BY_NAME = dict(pair.split("=") for pair in _ELEMENT_NAMES.split())

_REFERENCE = 100
MOST_BYTES = 1 << 40  # no model holds a constant of a tebibyte
MOST_DIMS = 254

ELEMENT_OF: dict[int, Element] = {
    number + base: ELEMENTS[_BY_NAME[name]]
    for number, name in DTYPE_NAMES.items()
    if name in _BY_NAME
    for base in (0, _REFERENCE)
}


class TensorError(Exception):
    """A tensor whose parts do not fit; the text says which."""


class TooLargeError(TensorError):
    """A tensor that declares more than any model holds."""


class UnsupportedElementError(TensorError):
    """A tensor of elements that the IR lacks."""


def dtype_name(number: int) -> str:
    """Return TensorFlow's name of an element type, `float8_e5m2`."""
    return DTYPE_NAMES.get(number % _REFERENCE, f"number {number}").lower()


def shape_of(proto: Any) -> Shape:
    """Return the shape that a TensorShapeProto says; raises TensorError for a dimension below -1."""
    if proto.unknown_rank:
        return None
    sizes = [dim.size for dim in proto.dim]
    if any(size < -1 for size in sizes):
        raise TensorError(f"a dimension is {min(sizes)}")
    return tuple(None if size == -1 else size for size in sizes)


@dataclass(frozen=True, slots=True)
class _Field:
    """Where TensorProto keeps the values of an element type.

    Attributes:
        name: The field.
        number: Its number.
        raw: The numpy type of its bytes in a packed field, empty where they are varints.
        values: The numpy type of the values in the message.
        parts: How many values make one element.
    """

    name: str
    number: int
    raw: str
    values: str
    parts: int = 1


_INT = _Field("int_val", 7, "", "<i4")
_HALF = _Field("half_val", 13, "", "<i4")
_FIELDS: Mapping[str, _Field] = {
    "f32": _Field("float_val", 5, "<f4", "<f4"),
    "f64": _Field("double_val", 6, "<f8", "<f8"),
    **dict.fromkeys(("i32", "i16", "i8", "u8", "u16", "qi8", "qu8", "qi16", "qu16", "qi32"), _INT),
    "i64": _Field("int64_val", 10, "", "<i8"),
    "bool": _Field("bool_val", 11, "", "?"),
    "f16": _HALF,
    "bf16": _HALF,
    "u32": _Field("uint32_val", 16, "", "<u4"),
    "u64": _Field("uint64_val", 17, "", "<u8"),
    "c64": _Field("scomplex_val", 9, "<f4", "<f4", 2),
    "c128": _Field("dcomplex_val", 12, "<f8", "<f8", 2),
}
_CONTENT = 4


def read_tensor(proto: Any, path: Path) -> tuple[TensorType, Blob]:
    """Return type and bytes of a TensorProto.

    Args:
        proto: The message, its big fields possibly cut out.
        path: The file that the message was cut from.

    Raises:
        TensorError: Bytes, shape and element type do not fit.
    """
    element = ELEMENT_OF.get(proto.dtype)
    if element is None or element.family == "opaque":
        raise UnsupportedElementError(f"its element type is {dtype_name(proto.dtype)}")
    shape = shape_of(proto.tensor_shape)
    type_ = TensorType(element, shape)
    if not type_.is_static or len(type_.dims) > MOST_DIMS:
        raise TensorError(f"its shape {type_} is not that of a constant")
    if type_.size * max(1, element.nbytes) > MOST_BYTES:
        raise TooLargeError(f"it declares {type_.size} elements")
    if element.family == "string":
        return type_, _strings(proto, type_.size, path)
    content = _bytes_of(proto, "tensor_content", _CONTENT, path)
    if content is not None:
        if content.nbytes != type_.nbytes:
            raise TensorError(f"it has {content.nbytes} bytes, {type_} needs {type_.nbytes}")
        return type_, content
    return type_, _values(proto, type_, element, path)


def _bytes_of(proto: Any, name: str, number: int, path: Path) -> Blob | None:
    """Return the bytes of a field that may have been cut, None where it is empty."""
    ranges = [r for r in proto.file_range if r.field == number]
    inline = getattr(proto, name)
    if not ranges:
        return BytesBlob(inline) if name == "tensor_content" and inline else None
    if inline or (number == _CONTENT and len(ranges) > 1):
        raise TensorError(f"its `{name}` is in several pieces")
    blobs: list[Blob] = [FileBlob(path, r.offset, r.length) for r in ranges]
    return concatenated(blobs)


def _values(proto: Any, type_: TensorType, element: Element, path: Path) -> Blob:
    field = _FIELDS[element.name]
    cut = _bytes_of(proto, field.name, field.number, path)
    if cut is None:
        return _fill(_inline(proto, field, element), type_, element)
    if field.raw:
        given: Blob = cut
    else:
        count = sum(_ends(chunk) for chunk in cut.chunks())
        convert = _varints(cut, field, element)
        nbytes = count * element.nbytes
        given = LazyBlob(nbytes, convert) if nbytes > SMALL else BytesBlob(convert())
    return _fill(given, type_, element)


def _inline(proto: Any, field: _Field, element: Element) -> Blob:
    values = np.array(getattr(proto, field.name), field.values)
    if values.size % field.parts:
        raise TensorError("it has half a complex number")
    return BytesBlob(_stored(values, field, element))


def _stored(values: NDArray[Any], field: _Field, element: Element) -> bytes:
    if field is _HALF:
        return values.astype("<u2").tobytes()
    return values.tobytes() if field.parts > 1 else values.astype(numpy_dtype(element)).tobytes()


def _fill(given: Blob, type_: TensorType, element: Element) -> Blob:
    """Apply TensorFlow's rule for short lists: the last value is repeated, no value means zeros."""
    count, rest = divmod(given.nbytes, element.nbytes)
    missing = type_.size - count
    if rest or missing < 0:
        raise TensorError(f"it has {given.nbytes // element.nbytes} values, {type_} has {type_.size}")
    if not missing:
        return given
    if not count:
        return SplatBlob(bytes(element.nbytes), type_.size)
    last = given.read()[-element.nbytes :]
    if count == 1:
        return SplatBlob(last, type_.size)
    return PartsBlob((given, SplatBlob(last, missing)))


def _ends(chunk: bytes) -> int:
    return int(np.count_nonzero(np.frombuffer(chunk, np.uint8) < 128))


def _varints(blob: Blob, field: _Field, element: Element) -> Callable[[], bytes]:
    return lambda: _stored(decode_varints(blob.read()).astype(field.values), field, element)


def decode_varints(data: bytes) -> NDArray[np.uint64]:
    """Return the numbers in a run of varints.

    Raises:
        TensorError: A varint is longer than ten bytes, or the last one does not end.
    """
    raw = np.frombuffer(data, np.uint8)
    ends = np.flatnonzero(raw < 128)
    if raw.size and (not ends.size or ends[-1] != raw.size - 1):
        raise TensorError("its last number does not end")
    starts = np.concatenate(([0], ends[:-1] + 1)) if ends.size else ends
    lengths = ends - starts + 1
    if lengths.size and lengths.max() > 10:
        raise TensorError("a number does not end")
    values = np.zeros(ends.size, np.uint64)
    for place in range(int(lengths.max(initial=0))):
        there = lengths > place
        values[there] |= (raw[starts[there] + place].astype(np.uint64) & np.uint64(127)) << np.uint64(7 * place)
    return values


def _strings(proto: Any, size: int, path: Path) -> Blob:
    content = _bytes_of(proto, "tensor_content", _CONTENT, path)
    strings = list(proto.string_val) if content is None else list(_encoded_strings(content.read(), size))
    if len(strings) > size:
        raise TensorError(f"it has {len(strings)} strings, its shape has {size}")
    missing = size - len(strings)
    last = strings[-1] if strings else b""
    if missing * (4 + len(last)) > MOST_BYTES >> 8:
        raise TooLargeError(f"it declares {size} strings")
    return BytesBlob(pack_strings(strings + [last] * missing))


def _encoded_strings(data: bytes, size: int) -> Iterator[bytes]:
    """Yield the strings of a `tensor_content`: all lengths as varints, then all bytes."""
    lengths, index = [], 0
    try:
        for _ in range(min(size, len(data))):
            length, index = read_varint(data, index)
            lengths.append(length)
    except (BadVarintError, IndexError):
        raise TensorError("its string lengths do not end") from None
    if index + math.fsum(lengths) != len(data) or len(lengths) != size:
        raise TensorError("its bytes are not those of its strings")
    for length in lengths:
        yield data[index : index + length]
        index += length
