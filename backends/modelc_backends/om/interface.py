"""The partition that tells a program what a model takes and gives, without its graph."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from modelc.frontends.frontend import Json
from modelc.frontends.wire import WireFile
from modelc_backends.om.numbers import FORMATS, attribute_type, name_in

LONGEST: Final = 16 << 20
_BLOCK: Final = struct.Struct("<II")
_TENSOR: Final = struct.Struct("<Qii4I")


@dataclass(frozen=True, slots=True)
class Interface:
    """What the partition says.

    Attributes:
        blocks: Its blocks by title.
        problem: What is wrong with it, as a clause; empty when nothing is.
    """

    blocks: dict[str, Json]
    problem: str = ""


def read_interface(file: WireFile, start: int, end: int) -> Interface:
    """Return what the interface partition at a range of `file` says."""
    if end - start > LONGEST:
        return Interface({}, f"has {end - start} bytes")
    data, position = file.read(start, end), 0
    blocks: dict[str, Json] = {}
    while position < len(data):
        try:
            type_, length = _BLOCK.unpack_from(data, position)
            position += _BLOCK.size
            content = data[position : position + length]
            if len(content) < length:
                return Interface(blocks, "ends within a block")
            title, parse = _BLOCKS.get(type_, (f"block {type_}", _opaque))
            blocks[title] = parse(content)
        except (struct.error, ValueError):
            return Interface(blocks, "holds a block that does not parse")
        position += length
    return Interface(blocks)


def _tensors(data: bytes) -> Json:
    (count,) = struct.unpack_from("<I", data)
    return list(_each_tensor(data, count))


def _each_tensor(data: bytes, count: int) -> Iterator[Json]:
    position = 4
    for _ in range(count):
        nbytes, format_, dtype, *lengths = _TENSOR.unpack_from(data, position)
        position += _TENSOR.size
        parts = []
        for length in lengths:
            parts.append(data[position : position + length])
            position += length
        if position > len(data):
            raise ValueError
        name, dims, given, ranges = parts
        shape, shape_range = _numbers(dims), _numbers(ranges)
        yield {
            "name": name.decode(errors="replace"),
            "dtype": str(attribute_type(dtype)),
            "layout": name_in(FORMATS, format_),
            "shape": shape,
            "given_shape": _numbers(given),
            "shape_range": list(zip(shape_range[::2], shape_range[1::2], strict=False)),
            "nbytes": nbytes,
        }


def _numbers(data: bytes) -> list[int]:
    return [number for (number,) in struct.iter_unpack("<q", data[: len(data) // 8 * 8])]


def _batches(data: bytes) -> Json:
    (count,) = struct.unpack_from("<I", data)
    return list(struct.unpack_from(f"<{min(count, len(data))}Q", data, 4))


def _lists(data: bytes) -> Json:
    (count,) = struct.unpack_from("<I", data)
    sizes = struct.unpack_from(f"<{min(count, len(data))}I", data, 4)
    numbers, result, position = _numbers(data[4 + 4 * count :]), [], 0
    if sum(sizes) == 8 * len(numbers):  # they count bytes
        sizes = tuple(size // 8 for size in sizes)
    for size in sizes:
        result.append(numbers[position : position + size])
        position += size
    return result


def _texts(data: bytes) -> Json:
    (count,) = struct.unpack_from("<I", data)
    lengths = struct.unpack_from(f"<{min(count, len(data))}I", data, 4)
    position, result = 4 + 4 * count, []
    for length in lengths:
        result.append(data[position : position + length].decode(errors="replace"))
        position += length
    return result


def _opaque(data: bytes) -> Json:
    return f"{len(data)} bytes"


_BLOCKS: Final[dict[int, tuple[str, Callable[[bytes], Json]]]] = {
    0: ("inputs", _tensors),
    1: ("outputs", _tensors),
    2: ("batch_sizes", _batches),
    3: ("image_sizes", _lists),
    4: ("dynamic_dims", _lists),
    5: ("output_shapes", _texts),
    6: ("input_order", _texts),
}
