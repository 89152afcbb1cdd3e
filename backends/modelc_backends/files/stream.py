"""Byte streams whose length is known before they are written: serialized metadata with blobs in between."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from modelc.frontends.wire import write_varint
from modelc.ir.blob import Blob, BlobError, FileBlob

BUFFER = 1 << 18  # bytes of small pieces gathered before they are written
DIRECT = 1 << 16  # bytes from which a range of a file is copied by the kernel
COPY = 1 << 30  # bytes the kernel is asked to copy at once
OPEN_FILES = 16


@dataclass(slots=True)
class Stream:
    """Pieces of a message in order.

    Attributes:
        parts: Bytes, and blobs that are only read when the stream is written.
        nbytes: Length of all parts.
    """

    parts: list[bytes | Blob] = field(default_factory=list["bytes | Blob"])
    nbytes: int = 0

    @classmethod
    def of(cls, *parts: bytes | Blob) -> Stream:
        """Return the stream of these parts."""
        stream = cls()
        for part in parts:
            stream.add(part)
        return stream

    def add(self, part: bytes | Blob) -> None:
        """Append bytes or a blob."""
        self.parts.append(part)
        self.nbytes += len(part) if isinstance(part, bytes) else part.nbytes

    def extend(self, other: Stream) -> None:
        """Append all parts of another stream."""
        self.parts += other.parts
        self.nbytes += other.nbytes

    def add_field(self, number: int, content: bytes | Blob | Stream) -> None:
        """Append a length-delimited protobuf field."""
        nbytes = content.nbytes if isinstance(content, Stream | Blob) else len(content)
        self.add(write_varint(number << 3 | 2) + write_varint(nbytes))
        if isinstance(content, Stream):
            self.extend(content)
        else:
            self.add(content)


class StreamWriter:
    """Writes streams to an open file; ranges of files are moved by the kernel. Use it as a context manager."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._buffer = bytearray()
        self._sources: dict[Path, int] = {}
        self._copiers = [_copy_range, _send]

    def __enter__(self) -> StreamWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for source in self._sources.values():
            os.close(source)
        self._sources.clear()

    def write(self, stream: Stream) -> None:
        """Write all of `stream`.

        Raises:
            BlobError: The bytes of a blob cannot be had.
            OSError: The output cannot be written.
        """
        for part in stream.parts:
            if isinstance(part, FileBlob) and part.nbytes >= DIRECT:
                self._copy(part)
            else:
                for chunk in _chunks(part):
                    self._put(chunk)
        self.flush()

    def flush(self) -> None:
        """Write what has been gathered."""
        _write_all(self._descriptor, self._buffer)
        self._buffer.clear()

    def _put(self, chunk: bytes) -> None:
        if len(chunk) >= BUFFER:
            self.flush()
            _write_all(self._descriptor, chunk)
            return
        self._buffer += chunk
        if len(self._buffer) >= BUFFER:
            self.flush()

    def _copy(self, blob: FileBlob) -> None:
        self.flush()
        source = self._source(blob)
        position, end = blob.offset, blob.offset + blob.nbytes
        while position < end and self._copiers:
            try:
                moved = self._copiers[0](source, self._descriptor, position, min(COPY, end - position))
            except OSError as error:
                if error.errno not in _UNABLE:
                    raise
                del self._copiers[0]
                continue
            if not moved:
                break
            position += moved
        for chunk in FileBlob(blob.path, position, end - position).chunks():  # says so when the file is too short
            _write_all(self._descriptor, chunk)

    def _source(self, blob: FileBlob) -> int:
        if blob.path not in self._sources:
            if len(self._sources) >= OPEN_FILES:
                os.close(self._sources.pop(next(iter(self._sources))))
            try:
                self._sources[blob.path] = os.open(blob.path, os.O_RDONLY)
            except OSError as error:
                raise BlobError(f"cannot read `{blob.path.name}`: {error.strerror}") from error
        return self._sources[blob.path]


# what a kernel or a file system says when it cannot move bytes between these two files
_UNABLE = frozenset(
    {errno.EXDEV, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL, errno.EPERM, errno.EBADF, errno.ETXTBSY}
)


def _copy_range(source: int, target: int, offset: int, count: int) -> int:
    if not hasattr(os, "copy_file_range"):
        raise OSError(errno.ENOSYS, "no copy_file_range")
    return os.copy_file_range(source, target, count, offset)


def _send(source: int, target: int, offset: int, count: int) -> int:
    if not hasattr(os, "sendfile"):
        raise OSError(errno.ENOSYS, "no sendfile")
    return os.sendfile(target, source, offset, count)


def _write_all(descriptor: int, data: bytes | bytearray) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _chunks(part: bytes | Blob) -> Iterator[bytes]:
    if isinstance(part, bytes):
        yield part
        return
    written = 0
    for chunk in part.chunks():
        written += len(chunk)
        if written > part.nbytes:
            break
        yield chunk
    if written != part.nbytes:
        raise BlobError(f"a constant has {written} bytes where {part.nbytes} were promised")
