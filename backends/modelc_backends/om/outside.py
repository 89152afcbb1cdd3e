"""Constants in files of their own beside an artifact, for models that one protobuf message cannot hold.

An op whose constant lies outside names its file, relative to the artifact's folder, and its length. A file's name ends
with the beginning of the digest of its bytes: files of an older set are never written over while something still
refers to them.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from modelc.ir.blob import Blob, BlobError, FileBlob, LazyBlob, MissingBlob, confined
from modelc_backends.om.attributes import decode, integer
from modelc_backends.om.names import Names

SUFFIX: Final = ".weights"  # of the folder, behind the artifact's name
ENDING: Final = ".bin"
LEAST: Final = (1 << 16, 1 << 10)  # bytes from which a constant goes outside; the second where the first is too much
_DIGITS: Final = 16
_LONGEST: Final = 100
_LOCATIONS: Final = ("location", "file_path")  # attributes that name a file
_UNSAFE = re.compile(r"[^A-Za-z0-9_-]+")
_OURS = re.compile(rf"[A-Za-z0-9_-]+\.[0-9a-f]{{{_DIGITS}}}{re.escape(ENDING)}")


@dataclass(slots=True, eq=False)
class OutsideFile:
    """A file that holds one constant.

    Attributes:
        stem: The beginning of its name.
        blob: Its bytes.
        digest: SHA-256 of them, empty until they are written.
    """

    stem: str
    blob: Blob
    digest: str = ""

    @property
    def name(self) -> str:
        """Its name; raises BlobError while its bytes are not known."""
        if not self.digest:
            raise BlobError(f"`{self.stem}` was not written yet")
        return f"{self.stem}.{self.digest[:_DIGITS]}{ENDING}"


@dataclass(slots=True)
class Outside:
    """The constants of one artifact that lie outside of it.

    Attributes:
        folder: Name of the folder beside the artifact.
        least: Bytes from which a constant goes outside.
    """

    folder: str
    least: int
    _files: dict[Hashable, OutsideFile] = field(default_factory=dict[Hashable, OutsideFile])
    _names: Names = field(default_factory=Names)

    def __iter__(self) -> Iterator[OutsideFile]:
        return iter(self._files.values())

    def __len__(self) -> int:
        return len(self._files)

    @property
    def nbytes(self) -> int:
        """Bytes of all files."""
        return sum(file.blob.nbytes for file in self)

    def place(self, name: str, blob: Blob) -> Blob | None:
        """Return where the constant `name` will lie, as a text; None when it is too small to go outside.

        The text has its length at once, and can be read when the file is written. Equal blobs share a file.
        """
        if blob.nbytes < self.least:
            return None
        file = self._files.get(blob.key)
        if file is None:
            stem = _UNSAFE.sub("_", name)[-_LONGEST:]
            file = self._files[blob.key] = OutsideFile(self._names.claim(stem), blob)
        length = len(f"{self.folder}/{file.stem}.".encode()) + _DIGITS + len(ENDING)
        return LazyBlob(length, lambda: f"{self.folder}/{file.name}".encode())


def names_a_file(attributes: Mapping[str, Any]) -> bool:
    """Whether attributes in messages say that a constant lies outside."""
    return any(key in attributes for key in _LOCATIONS)


def outside_blob(artifact: Path, attributes: Mapping[str, Any], expected: int) -> Blob:
    """Return the constant that attributes in messages say lies outside.

    Args:
        artifact: The artifact; a file must lie in its folder, or below.
        attributes: What the op says.
        expected: Bytes of the constant, where the attributes do not say.

    Returns:
        A range of the file, or a MissingBlob that says why it cannot be had.
    """
    name = str(next((decode(attributes[key]) for key in _LOCATIONS if key in attributes), ""))
    length, offset = integer(attributes, "length"), integer(attributes, "offset") or 0
    nbytes = expected if length is None else length
    try:
        path = confined(artifact.resolve().parent, name)
        status = path.stat()
    except (BlobError, OSError, ValueError) as error:
        return MissingBlob(max(nbytes, 0), f"`{name}` cannot be read: {error}")
    if not stat.S_ISREG(status.st_mode):
        return MissingBlob(max(nbytes, 0), f"`{name}` is not a regular file")
    if min(nbytes, offset) < 0 or offset + nbytes > status.st_size:
        return MissingBlob(max(nbytes, 0), f"`{name}` has {status.st_size} bytes, {offset + nbytes} were expected")
    return FileBlob(path, offset, nbytes)


def is_outside_file(name: str) -> bool:
    """Whether a file of that name was written for a constant."""
    return _OURS.fullmatch(name) is not None
