"""The fixed part of an `.om`: 256 bytes of header and the tables that say where each partition lies."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

MAGIC: Final = 0x444F4D49  # the bytes IMOD
SIZE: Final = 256
VERSION_1: Final = 0x10000000
VERSION_2: Final = 0x20000000
PLATFORM_VERSION: Final = "1.11.z.0"
OM_PROTO_VERSION: Final = 2
U32_MAX: Final = (1 << 32) - 1

_V1 = struct.Struct("<3I64sI4B32sI32sI20sB79x")
_V2 = struct.Struct("<3I64sI4B32sI32sII20sB3xQBB62s")


@dataclass(frozen=True, slots=True)
class Header:
    """What the first 256 bytes say.

    Attributes:
        name: Name of the model, at most 31 bytes.
        payload: Bytes that follow the header.
        wide: Whether the partition tables use 64-bit numbers.
        version: Version of the header itself.
        encrypted: Whether the partitions are encrypted.
        model_type: A `ModelType`.
        ir_version: Version of the model description inside.
        model_count: Number of models that can be executed: 0 for a graph that is not compiled.
        platform_version: Version of the tool that wrote it.
        platform: The kind of target: 0 where it does not matter.
        dynamic: Whether shapes are known at run time only.
        magic: The first four bytes as a number.
        header_size: What the header says of its own size.
        check_cpu: Whether the host's CPU must be checked.
        reserved: Whether a byte that should be zero is not.
    """

    name: str
    payload: int
    wide: bool = False
    version: int = VERSION_2
    encrypted: int = 0
    model_type: int = 0
    ir_version: int = OM_PROTO_VERSION
    model_count: int = 0
    platform_version: str = PLATFORM_VERSION
    platform: int = 0
    dynamic: bool = False
    magic: int = MAGIC
    header_size: int = SIZE
    check_cpu: bool = False
    reserved: bool = False

    def pack(self) -> bytes:
        """Return the 256 bytes of a version 2 header."""
        return _V2.pack(
            self.magic,
            self.header_size,
            self.version,
            b"",
            0 if self.wide else self.payload,
            self.encrypted,
            0,
            self.model_type,
            0,
            _fitting(self.name, 31),
            0,
            b"",
            self.ir_version,
            self.model_count,
            _fitting(self.platform_version, 19),
            self.platform,
            self.payload if self.wide else 0,
            self.check_cpu,
            self.dynamic,
            b"",
        )


def parse(data: bytes) -> Header:
    """Return what a header of 256 bytes says; any bytes give some header, which may be nonsense."""
    if struct.unpack_from("<I", data, 8)[0] < VERSION_2:
        magic, size, version, _, length, crypt, _, type_, _, name, _, _, ir, platform, target = _V1.unpack(data)
        return Header(
            _text(name), length, False, version, crypt, type_, ir, 1, _text(platform), target, False, magic, size
        )
    (magic, size, version, _, length, crypt, _, type_, _, name, _, _, ir, count, platform, target, long, cpu, dynamic,
     reserved) = _V2.unpack(data)  # fmt: skip
    wide = long != 0 or type_ == 3
    return Header(
        _text(name), long or length, wide, version, crypt, type_, ir, count, _text(platform), target, bool(dynamic),
        magic, size, bool(cpu), any(reserved) or any(data[181:184]),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Extent:
    """One entry of a partition table.

    Attributes:
        type: A `Partition`, or a number this program does not know.
        offset: Where it begins, counted from the end of its table.
        size: Its length in bytes.
    """

    type: int
    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class Table:
    """The partition table of one model of a file.

    Attributes:
        start: Its first byte in the file.
        end: The byte behind it, where its first partition begins.
        extents: Its entries.
    """

    start: int
    end: int
    extents: tuple[Extent, ...]

    @property
    def stop(self) -> int:
        """The byte behind its last partition."""
        return self.end + sum(extent.size for extent in self.extents)

    def find(self, type_: int) -> tuple[int, int] | None:
        """Return where the first partition of a type begins and ends in the file, None when there is none."""
        position = self.end
        for extent in self.extents:
            if extent.type == type_:
                return position, position + extent.size
            position += extent.size
        return None


MOST_PARTITIONS: Final = 4096


def table_head(wide: bool) -> int:
    """Return the bytes of a table before its entries."""
    return 8 if wide else 4


def table_size(count: int, wide: bool) -> int:
    """Return the bytes of a table with `count` entries."""
    return 8 + 24 * count if wide else 4 + 12 * count


def pack_table(partitions: Sequence[tuple[int, int]], wide: bool = False) -> bytes:
    """Return the table of partitions given as (type, size), which follow it without a gap."""
    data = struct.pack("<I4x" if wide else "<I", len(partitions))
    offset = 0
    for type_, size in partitions:
        data += struct.pack("<I4xQQ" if wide else "<III", type_, offset, size)
        offset += size
    return data


def parse_table(data: bytes, start: int, wide: bool) -> Table:
    """Return the table at the beginning of `data`, which lies at `start` in the file and holds all of it."""
    (count,) = struct.unpack_from("<I", data)
    entry = struct.Struct("<I4xQQ" if wide else "<III")
    head = table_head(wide)
    extents = tuple(Extent(*entry.unpack_from(data, head + entry.size * index)) for index in range(count))
    return Table(start, start + table_size(count, wide), extents)


def _fitting(text: str, limit: int) -> bytes:
    """Return as much of `text` as fits into `limit` bytes without cutting a character."""
    return text.encode()[:limit].decode(errors="ignore").encode()


def _text(data: bytes) -> str:
    return data.partition(b"\0")[0].decode(errors="replace")
