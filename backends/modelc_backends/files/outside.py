"""Constants in files of their own beside an artifact, for models that one protobuf message cannot hold.

Whoever needs such a constant is told its file, relative to the artifact's folder. A file's name ends with the beginning
of the digest of its bytes: files of an older set are never written over while something still refers to them.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from typing import Final

from modelc.ir.blob import Blob, BlobError, LazyBlob
from modelc_backends.files.names import Names
from modelc_backends.files.stream import Stream

SUFFIX: Final = ".weights"  # of the folder, behind the artifact's name
ENDING: Final = ".bin"
TOGETHER: Final = "constants"  # how a file begins that holds all of them
PAGE: Final = 1 << 12  # what constants in one file are aligned to, so that they can be mapped
LEAST: Final = (1 << 16, 1 << 10)  # bytes from which a constant goes outside; the second where the first is too much
_DIGITS: Final = 16
_LONGEST: Final = 100
_UNSAFE = re.compile(r"[^A-Za-z0-9_-]+")
_OURS = re.compile(rf"[A-Za-z0-9_-]+\.[0-9a-f]{{{_DIGITS}}}{re.escape(ENDING)}")


@dataclass(slots=True, eq=False)
class OutsideFile:
    """A file that holds constants.

    Attributes:
        stem: The beginning of its name.
        stream: Its bytes.
        digest: SHA-256 of them, empty until they are written.
    """

    stem: str
    stream: Stream
    digest: str = ""

    @property
    def name(self) -> str:
        """Its name; raises BlobError while its bytes are not known."""
        if not self.digest:
            raise BlobError(f"`{self.stem}` was not written yet")
        return f"{self.stem}.{self.digest[:_DIGITS]}{ENDING}"

    def location(self, folder: str) -> Blob:
        """Return where it will lie, as a text: that has its length at once, and can be read once it is written."""
        length = len(f"{folder}/{self.stem}.".encode()) + _DIGITS + len(ENDING)
        return LazyBlob(length, lambda: f"{folder}/{self.name}".encode())


@dataclass(frozen=True, slots=True)
class Place:
    """Where a constant lies.

    Attributes:
        location: Its file, relative to the artifact's folder.
        offset: Its first byte there.
    """

    location: Blob
    offset: int


@dataclass(slots=True)
class Outside:
    """The constants of one artifact that lie outside of it.

    Attributes:
        folder: Name of the folder beside the artifact.
        least: Bytes from which a constant goes outside.
        together: Whether one file holds them all, instead of one each.
    """

    folder: str
    least: int
    together: bool = False
    _files: list[OutsideFile] = field(default_factory=list[OutsideFile])
    _places: dict[Hashable, Place] = field(default_factory=dict[Hashable, Place])
    _names: Names = field(default_factory=Names)

    def __iter__(self) -> Iterator[OutsideFile]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)

    @property
    def nbytes(self) -> int:
        """Bytes of all files."""
        return sum(file.stream.nbytes for file in self)

    def place(self, name: str, blob: Blob) -> Place | None:
        """Return where the constant `name` will lie; None when it is too small to go outside.

        Equal blobs share a place.
        """
        if blob.nbytes < self.least:
            return None
        place = self._places.get(blob.key)
        if place is None:
            file = self._file(name)
            file.stream.add(bytes(-file.stream.nbytes % PAGE))
            place = self._places[blob.key] = Place(file.location(self.folder), file.stream.nbytes)
            file.stream.add(blob)
        return place

    def _file(self, name: str) -> OutsideFile:
        if not self._files or not self.together:
            stem = TOGETHER if self.together else _UNSAFE.sub("_", name)[-_LONGEST:]
            self._files.append(OutsideFile(self._names.claim(stem), Stream()))
        return self._files[-1]


def is_outside_file(name: str) -> bool:
    """Whether a file of that name was written for a constant."""
    return _OURS.fullmatch(name) is not None
