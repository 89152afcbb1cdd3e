"""Blobs: the bytes of constants, held as ranges of files until somebody truly needs the numbers.

Elements are little-endian and row-major. A string tensor is one little-endian u32 length per element, followed
by the bytes of all elements (`pack_strings`).
"""

from __future__ import annotations

import hashlib
import os
import struct
from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

CHUNK = 1 << 20
WHOLE = 1 << 30  # bytes read at once where all of them are wanted: joining a single piece copies nothing


class BlobError(Exception):
    """The bytes of a blob cannot be had: the file is gone, cut short, or was never there."""


class Blob(ABC):
    """Bytes of one constant. `nbytes` is known at once; the bytes are fetched on demand."""

    nbytes: int

    @abstractmethod
    def read(self) -> bytes:
        """Return all bytes; raises BlobError when they cannot be had."""

    @property
    @abstractmethod
    def key(self) -> Hashable:
        """Equal keys promise equal bytes; computing a key never reads a file."""

    def chunks(self) -> Iterator[bytes]:
        """Yield the bytes in order, in pieces of bounded size where the kind of blob allows."""
        yield self.read()

    def digest(self) -> str:
        """Return the SHA-256 of the bytes as hexadecimal digits."""
        sha = hashlib.sha256()
        for chunk in self.chunks():
            sha.update(chunk)
        return sha.hexdigest()


@dataclass(frozen=True, slots=True)
class FileBlob(Blob):
    """A range of a file.

    Attributes:
        path: The file; already checked to lie where the model may read.
        offset: First byte of the range.
        nbytes: Length of the range in bytes.
    """

    path: Path
    offset: int
    nbytes: int

    def read(self) -> bytes:
        """Read the range in one piece."""
        return b"".join(self._pieces(WHOLE))

    def chunks(self) -> Iterator[bytes]:
        """Read the range in pieces of at most 1 MiB."""
        return self._pieces(CHUNK)

    def _pieces(self, most: int) -> Iterator[bytes]:
        try:
            with self.path.open("rb") as file:
                yield from self._pieces_of(file.fileno(), most)
        except OSError as error:
            raise BlobError(f"cannot read `{self.path.name}`: {error.strerror}") from error

    def _pieces_of(self, descriptor: int, most: int) -> Iterator[bytes]:
        position, end = self.offset, self.offset + self.nbytes
        while position < end:
            piece = os.pread(descriptor, min(most, end - position), position)
            if not piece:
                raise BlobError(f"`{self.path.name}` ends at byte {position}, {end} were expected")
            position += len(piece)
            yield piece

    @property
    def key(self) -> Hashable:
        """The range itself."""
        return (self.path, self.offset, self.nbytes)


@dataclass(frozen=True, slots=True)
class BytesBlob(Blob):
    """Bytes held in memory."""

    data: bytes = field(repr=False)
    nbytes: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "nbytes", len(self.data))

    def read(self) -> bytes:
        """Return the bytes held."""
        return self.data

    @property
    def key(self) -> Hashable:
        """The bytes themselves."""
        return self.data


@dataclass(frozen=True, slots=True)
class SplatBlob(Blob):
    """One element repeated; a large constant of equal numbers costs nothing."""

    element: bytes
    count: int

    @property
    def nbytes(self) -> int:  # type: ignore[override]
        """Bytes of all repetitions."""
        return len(self.element) * self.count

    def read(self) -> bytes:
        """Return all repetitions in one piece."""
        return self.element * self.count

    def chunks(self) -> Iterator[bytes]:
        """Yield the repetitions in pieces of about 1 MiB."""
        step = max(1, CHUNK // max(1, len(self.element)))
        for start in range(0, self.count, step):
            yield self.element * min(step, self.count - start)

    @property
    def key(self) -> Hashable:
        """Element and count."""
        return (self.element, self.count)


@dataclass(frozen=True, slots=True, eq=False)
class LazyBlob(Blob):
    """Bytes computed when asked for, each time anew: a folded weight costs memory only while it is written.

    Attributes:
        nbytes: Length of what `compute` returns.
        compute: Returns the bytes; must give the same bytes every time.
    """

    nbytes: int
    compute: Callable[[], bytes]

    def read(self) -> bytes:
        """Compute the bytes."""
        data = self.compute()
        if len(data) != self.nbytes:
            raise BlobError(f"computed {len(data)} bytes where {self.nbytes} were promised")
        return data

    @property
    def key(self) -> Hashable:
        """The blob itself: nothing is known about equal results."""
        return self


@dataclass(frozen=True, slots=True)
class MissingBlob(Blob):
    """Bytes a model names but does not have; a finding only for whoever needs them.

    Attributes:
        nbytes: Length the model promised.
        problem: What is wrong, as a clause: "shard 2 of 3 is missing".
    """

    nbytes: int
    problem: str

    def read(self) -> bytes:
        """Raise BlobError with the problem."""
        raise BlobError(self.problem)

    @property
    def key(self) -> Hashable:
        """The problem and length."""
        return (self.problem, self.nbytes)


def confined(folder: Path, name: str) -> Path:
    """Return `folder / name`, refusing a name that leaves the folder.

    Raises:
        BlobError: The path is absolute or leads, links followed, out of the model's folder.
    """
    try:
        root = folder.resolve()
        path = (root / name).resolve()
    except (OSError, RuntimeError, ValueError) as error:  # a name with a null byte, or links in a circle
        raise BlobError(f"{name!r} is no path: {error}") from error
    if not path.is_relative_to(root):
        raise BlobError(f"`{name}` lies outside of the model's folder")
    return path


def pack_strings(strings: Sequence[bytes]) -> bytes:
    """Return the bytes of a string tensor with these elements in row-major order."""
    return struct.pack(f"<{len(strings)}I", *map(len, strings)) + b"".join(strings)


def unpack_strings(data: bytes, count: int) -> list[bytes]:
    """Return the `count` elements of a string tensor; the inverse of `pack_strings`.

    Raises:
        BlobError: The bytes are too short for that many elements.
    """
    if not 0 <= 4 * count <= len(data):
        raise BlobError("a string tensor is shorter than its length table")
    lengths: Iterable[int] = struct.unpack_from(f"<{count}I", data)
    strings, position = [], 4 * count
    for length in lengths:
        strings.append(data[position : position + length])
        position += length
    if position != len(data):
        raise BlobError("a string tensor does not match its length table")
    return strings
