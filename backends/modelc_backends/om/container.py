"""Artifacts as files: what an `.om` is made of, where each part lies, and its model description without the weights."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Final

from google.protobuf.message import DecodeError

from modelc.diagnostics.diagnostic import Fix, ModelcError, fail
from modelc.frontends.wire import METADATA, WireFile
from modelc_backends.om import header as heads
from modelc_backends.om.compression import decompress
from modelc_backends.om.header import Header, Table
from modelc_backends.om.numbers import ModelType, Partition
from modelc_backends.om.schema import SCHEMA, cutter, message
from modelc_backends.om.weigh import Scale

MOST_MODELS: Final = 1024
# a message may take so many bytes of memory, and so many for each of its own; sound ones take a half of that
_FREE, _PER_BYTE, _MOST = 256 << 20, 32, 8 << 30
_SMALL: Final = 1 << 18
_COPY_AGAIN: Final = Fix("copy or download the file again, in binary mode")
_KIRIN_TYPES: Final = frozenset({3, 4, 5, 7})  # model types of the other family, in headers of version 1


@dataclass(frozen=True, slots=True)
class _Family:
    """A family of artifacts that are not read: what such a file is, and what its holder can do."""

    title: str
    way_out: str


# the first bytes of files that carry the name `.om` and are something else
_STRANGERS: Final = {
    b"PK\x03\x04": _Family("an OM2 archive of a newer CANN", "unpack it as a zip archive and give a file inside"),
    b"PICO": _Family("an offline model of the SVP family", "use the tools of the SVP SDK, or give the source model"),
}
_KIRIN: Final = _Family(
    "an offline model for Kirin phones (HiAI)", "use the tools of HiAI Foundation, or give the source model"
)
_ENCRYPTED: Final = _Family("encrypted", "give the file from before it was encrypted")
_PARTS: Final = "give one of the models that it was put together from"
_SEVERAL: Final = {
    ModelType.FLOW: _Family("a flow of several models", _PARTS),
    ModelType.BUNDLE: _Family("a bundle of several models", _PARTS),
}


@dataclass(frozen=True, slots=True)
class Container:
    """The outer shape of an artifact.

    Attributes:
        path: The file.
        size: Its length in bytes.
        header: The header, None for an `.air`, which has none.
        tables: The partition table of each model in it, none for an `.air`.
    """

    path: Path
    size: int
    header: Header | None = None
    tables: tuple[Table, ...] = ()

    def partition(self, type_: Partition) -> tuple[int, int] | None:
        """Return where a partition of the first model begins and ends, None when there is none."""
        if self.header is None:
            return (0, self.size) if type_ is Partition.MODEL_DEF else None
        return self.tables[0].find(type_) if self.tables else None

    @property
    def is_compiled(self) -> bool:
        """Whether it holds more than a graph: offsets, tasks and kernels for a device."""
        return any(len(table.extents) > 1 for table in self.tables)

    def models(self) -> tuple[Container, ...]:
        """Return each model by itself: the first, which is the whole of it, and those it is built from."""
        if len(self.tables) < 2:
            return (self,)
        return tuple(replace(self, tables=(table,)) for table in self.tables)


def open_om(path: Path) -> Container:
    """Return the outer shape of an `.om`.

    Raises:
        ModelcError: It is not sound (MC501), or of a family that is not read (MC502).
    """
    with open_file(path) as file:
        data = file.read(0, min(file.size, heads.SIZE))
        header = _header(path, data)
        if heads.SIZE + header.payload != file.size:
            raise broken(
                path,
                f"has {file.size} bytes, its header promises {heads.SIZE + header.payload}",
            )
        return Container(path, file.size, header, tuple(_tables(file, header)))


def open_air(path: Path) -> Container:
    """Return the outer shape of an `.air`, which is its model description and nothing else."""
    with open_file(path) as file:
        return Container(path, file.size)


def open_file(path: Path) -> WireFile:
    """Open a file; raises ModelcError for one that cannot be read."""
    if not os.path.isfile(path):
        raise fail("MC101", f"`{path}` is not a file", file=str(path))
    return WireFile(path)


def model_def(container: Container, outer: Any = None) -> Any:
    """Return the model description: a `ModelDef` with the ranges of big constants in place of their bytes.

    Names of attributes are the real ones, also where the file holds numbers in their place.

    Args:
        container: One model.
        outer: The description of the model that it is a part of, None where it is the first of its file.

    Raises:
        ModelcError: There is none, it does not parse, or it would take more memory than there should be for it.
    """
    extent = container.partition(Partition.MODEL_DEF)
    if extent is None:
        raise broken(container.path, "holds no model description")
    with open_file(container.path) as file:
        try:
            data = cutter("ModelDef").slim(file, *extent)
            require_memory(container.path, data, _scale())
            definition = message("ModelDef").FromString(data)
        except ModelcError as error:
            raise ModelcError(*(_as_artifact(d.message, d.code, container.path) for d in error.diagnostics)) from error
        except DecodeError as error:
            raise broken(container.path, "has a model description that does not parse") from error
    decompress(definition, outer)
    return definition


@cache
def _scale() -> Scale:
    return Scale(SCHEMA.descriptor("ModelDef"))


def read_metadata(file: WireFile, start: int, end: int) -> bytes:
    """Return a partition that is needed as a whole; raises ModelcError when it is larger than any should be."""
    if end - start > METADATA:
        raise fail("MC118", f"`{file.path.name}` has a partition of {end - start >> 20} MiB", file=str(file.path))
    return file.read(start, end)


def require_memory(path: Path, data: bytes, scale: Scale) -> None:
    """Raise ModelcError when a message would take more memory than a sound one of its length."""
    most = min(_FREE + _PER_BYTE * len(data), _MOST)
    if len(data) > _SMALL and scale.weigh(data, most) > most:
        text = f"{len(data) / (1 << 20):.1f} MiB of `{path.name}` would take more than {most >> 20} MiB of memory"
        fix = Fix("nearly all of what it lists is empty: write the model again")
        raise fail("MC118", text, file=str(path), fixes=[fix])


def broken(path: Path, problem: str) -> ModelcError:
    """Return the error for a file that is not a sound artifact; `problem` is a clause that follows its name."""
    return fail("MC501", f"`{path.name}` {problem}", file=str(path), fixes=[_COPY_AGAIN])


def foreign(path: Path, family: _Family) -> ModelcError:
    """Return the error for an artifact of another family."""
    text = f"`{path.name}` is {family.title}, which is not read"
    return fail("MC502", text, file=str(path), fixes=[Fix(family.way_out)])


def _as_artifact(text: str, code: str, path: Path) -> Any:
    return fail("MC118" if code == "MC118" else "MC501", text, file=str(path), fixes=[_COPY_AGAIN]).diagnostics[0]


def refuse_foreign(path: Path, data: bytes) -> None:
    """Raise ModelcError for a file of a family that is not read, as its first 256 bytes (or all it has) tell."""
    for magic, what in _STRANGERS.items():
        if data.startswith(magic):
            raise foreign(path, what)
    header = heads.parse(data) if len(data) >= heads.SIZE and data.startswith(b"IMOD") else None
    if header is None:
        return
    if header.version < heads.VERSION_2 and (
        header.model_type in _KIRIN_TYPES or header.platform_version.startswith("3.")
    ):
        raise foreign(path, _KIRIN)
    if header.model_type in _SEVERAL:
        raise foreign(path, _SEVERAL[ModelType(header.model_type)])
    if header.encrypted:
        raise foreign(path, _ENCRYPTED)


def _header(path: Path, data: bytes) -> Header:
    refuse_foreign(path, data)
    if len(data) < heads.SIZE:
        raise broken(path, f"has {len(data)} bytes, fewer than the {heads.SIZE} of a header")
    header = heads.parse(data)
    if header.magic != heads.MAGIC:
        raise broken(path, "does not begin as an .om does, with IMOD")
    return header


def _tables(file: WireFile, header: Header) -> Iterator[Table]:
    position = heads.SIZE
    for _ in range(MOST_MODELS):
        table = _table(file, position, header.wide)
        yield table
        position = table.stop
        if position == file.size or header.model_count <= 1:
            break
    if position != file.size:
        raise broken(file.path, f"has {file.size - position} bytes behind its last partition")


def _table(file: WireFile, position: int, wide: bool) -> Table:
    head = heads.table_head(wide)
    if position + head > file.size:
        raise broken(file.path, f"ends at byte {file.size}, where a partition table should be")
    (count,) = struct.unpack("<I", file.read(position, position + 4))
    end = position + heads.table_size(count, wide)
    if not 1 <= count <= heads.MOST_PARTITIONS or end > file.size:
        raise broken(file.path, f"announces {count} partitions at byte {position}")
    table = heads.parse_table(file.read(position, end), position, wide)
    if table.stop > file.size:
        raise broken(file.path, f"has {file.size} bytes, its partitions reach up to {table.stop}")
    return table
