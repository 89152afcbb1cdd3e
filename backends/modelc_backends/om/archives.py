"""Archives inside of a compiled artifact: kernels for the device, libraries for the host."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from modelc.frontends.wire import WireFile
from modelc_backends.om.numbers import Partition

MAGIC: Final = 0x5D776EFD
CUSTOM_MAGIC: Final = 0x4B43534B
MOST_ENTRIES: Final = 100_000
LONGEST_NAME: Final = 1 << 14
KERNELS: Final = (Partition.TBE_KERNELS, Partition.CUST_AICPU_KERNELS)
ARCHIVES: Final = (*KERNELS, Partition.SO_BINS, Partition.CUSTOM_OPS)
_HEAD: Final = struct.Struct("<III")
_LIBRARY_HEAD: Final = struct.Struct("<IHHII")


@dataclass(frozen=True, slots=True)
class Entry:
    """One file in an archive.

    Attributes:
        name: Its name.
        offset: Where its bytes begin in the artifact.
        nbytes: Its length.
        is_elf: Whether it begins as an object file does.
    """

    name: str
    offset: int
    nbytes: int
    is_elf: bool


@dataclass(frozen=True, slots=True)
class Archive:
    """An archive.

    Attributes:
        partition: The kind of partition it is.
        entries: What it holds, as far as that could be read.
        problem: What is wrong with it, as a clause; empty when nothing is.
    """

    partition: Partition
    entries: tuple[Entry, ...]
    problem: str = ""


def read_archive(file: WireFile, partition: Partition, start: int, end: int) -> Archive:
    """Return what the archive at a range of `file` holds; the bytes of its files are left where they are."""
    entries: list[Entry] = []
    position = start
    if partition is Partition.SO_BINS:
        position += 4  # how many there are
    while position < end:
        found = _entry(file, partition, position, end)
        if isinstance(found, str):
            return Archive(partition, tuple(entries), f"is damaged behind entry {len(entries)}: {found}")
        if len(entries) == MOST_ENTRIES:
            return Archive(partition, tuple(entries), f"has more than {MOST_ENTRIES} entries")
        entries.append(found)
        position = found.offset + found.nbytes
    return Archive(partition, tuple(entries), "" if position == end else "ends too early")


def _entry(file: WireFile, partition: Partition, position: int, end: int) -> Entry | str:
    head = _LIBRARY_HEAD if partition is Partition.SO_BINS else _HEAD
    if position + head.size > end:
        return f"{end - position} bytes are left"
    numbers = head.unpack(file.read(position, position + head.size))
    if partition is Partition.SO_BINS:
        magic, name, _, vendor, nbytes = numbers
    else:
        (magic, name, nbytes), vendor = numbers, 0
    if magic != (CUSTOM_MAGIC if partition is Partition.CUSTOM_OPS else MAGIC):
        return f"no entry begins with {magic:#x}"
    start = position + head.size + name + vendor
    if max(name, vendor) > LONGEST_NAME or start + nbytes > end:
        return "an entry is longer than the archive"
    text = file.read(position + head.size, position + head.size + name).decode(errors="replace")
    return Entry(text, start, nbytes, file.read(start, start + min(4, nbytes)) == b"\x7fELF")
