"""The sorted string table that a checkpoint's index file is: keys with values, in checked blocks."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import cache

from modelc.frontends.wire import BadVarintError, WireFile, read_varint

MAGIC = 0xDB4775248B80FB57
FOOTER = 48
TRAILER = 5  # compression and checksum behind every block
PLAIN, SNAPPY = 0, 1
_SNAPPY_GAIN = 32  # no element of the format expands further
_KEY_GAIN = 16  # keys that share a prefix take less room in the file than in memory
_MOST_KEYS = 32 << 20


class _BadBlockError(Exception):
    pass


def read_table(file: WireFile) -> dict[bytes, bytes]:
    """Return all entries of the table in `file`.

    Raises:
        ModelcError: It is cut short or damaged.
    """
    if file.size < FOOTER:
        raise file.truncated(file.size)
    footer = file.read(file.size - FOOTER, file.size)
    if struct.unpack_from("<Q", footer, FOOTER - 8)[0] != MAGIC:
        raise file.corrupt(file.size - 8, "it does not end like an index")
    entries: dict[bytes, bytes] = {}
    position, budget = file.size - FOOTER, _MOST_KEYS + _KEY_GAIN * file.size
    try:
        *_, index = _handle(footer, 0)
        position, size, _ = _handle(footer, index)
        for _, value in _entries(_block(file, position, size)):
            position, size, _ = _handle(value, 0)
            budget -= size
            for key, content in _entries(_block(file, position, size)):
                budget -= len(key)
                entries[key] = content
            if budget < 0:
                raise _BadBlockError("its keys are longer than can be held")
    except (_BadBlockError, BadVarintError, IndexError, struct.error) as error:
        raise file.corrupt(position, str(error) or "a block does not end") from None
    return entries


def _handle(data: bytes, index: int) -> tuple[int, int, int]:
    """Return the offset and size of a block, and the index behind them."""
    offset, index = read_varint(data, index)
    size, index = read_varint(data, index)
    return offset, size, index


def _block(file: WireFile, offset: int, size: int) -> bytes:
    if offset + size + TRAILER > file.size:
        raise _BadBlockError("a block lies behind the end of the file")
    data = file.read(offset, offset + size + TRAILER)
    (checksum,) = struct.unpack_from("<I", data, size + 1)
    if not matches(data[: size + 1], checksum):
        raise _BadBlockError("the checksum of a block does not match")
    if data[size] not in (PLAIN, SNAPPY):
        raise _BadBlockError(f"a block is compressed in the unknown way {data[size]}")
    return data[:size] if data[size] == PLAIN else decompress_snappy(data[:size])


def _entries(block: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the keys and values of a block; each key says only how it differs from the one before."""
    (restarts,) = struct.unpack_from("<I", block, len(block) - 4)
    end = len(block) - 4 - 4 * restarts
    if end < 0:
        raise _BadBlockError("a block is too short for its restart points")
    key, index = b"", 0
    while index < end:
        shared, index = read_varint(block, index)
        added, index = read_varint(block, index)
        size, index = read_varint(block, index)
        if shared > len(key) or index + added + size > end:
            raise _BadBlockError("an entry is longer than its block")
        key = key[:shared] + block[index : index + added]
        index += added + size
        yield key, block[index - size : index]


def decompress_snappy(data: bytes) -> bytes:
    """Return the contents of a block in Snappy's raw format.

    Raises:
        _BadBlockError, BadVarintError, IndexError: It is malformed.
    """
    size, index = read_varint(data, 0)
    if size > _SNAPPY_GAIN * len(data):
        raise _BadBlockError("a compressed block promises more than it can hold")
    out = bytearray()
    while index < len(data):
        tag = data[index]
        index += 1
        if tag & 3 == 0:
            index, length = _literal(data, index, tag >> 2)
            out += data[index : index + length]
            index += length
        else:
            index = _copy(data, index, tag, out)
        if len(out) > size:
            break
    if len(out) != size:
        raise _BadBlockError("a compressed block has another length than it promises")
    return bytes(out)


def _literal(data: bytes, index: int, code: int) -> tuple[int, int]:
    """Return where a literal begins and how long it is."""
    if code < 60:
        return index, code + 1
    width = code - 59
    return index + width, int.from_bytes(data[index : index + width], "little") + 1


def _copy(data: bytes, index: int, tag: int, out: bytearray) -> int:
    """Append what was there before once more; return the index behind the element."""
    if tag & 3 == 1:
        length, offset = (tag >> 2 & 7) + 4, (tag >> 5) << 8 | data[index]
        index += 1
    else:
        width = 2 if tag & 3 == 2 else 4
        length, offset = (tag >> 2) + 1, int.from_bytes(data[index : index + width], "little")
        index += width
    if not 0 < offset <= len(out):
        raise _BadBlockError("a compressed block refers to what is not there")
    start = len(out) - offset
    pattern = bytes(out[start : start + length])
    out += (pattern * (length // len(pattern) + 1))[:length]
    return index


def matches(data: bytes, checksum: int) -> bool:
    """Whether `checksum` is the one that belongs to `data`."""
    return masked_crc32c(data) == checksum


@cache
def _crc_table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return tuple(table)


def masked_crc32c(data: bytes) -> int:
    """Return the CRC-32C of `data` the way tables store it."""
    table, crc = _crc_table(), 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ table[(crc ^ byte) & 255]
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
