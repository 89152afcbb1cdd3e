"""Streams of known length, and how their blobs reach a file."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from modelc.ir.blob import BlobError, BytesBlob, FileBlob, LazyBlob, SplatBlob
from modelc_backends.files import stream as streams
from modelc_backends.files.stream import Stream, StreamWriter


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "weights.bin"
    path.write_bytes(os.urandom(300_000))
    return path


def mixed(source: Path) -> tuple[Stream, bytes]:
    """A stream of every kind of part, and what it must become."""
    data = source.read_bytes()
    stream = Stream()
    stream.add(b"head")
    stream.add_field(3, FileBlob(source, 1000, 200_000))
    stream.add_field(3, FileBlob(source, 7, 50))
    stream.add(LazyBlob(5, lambda: b"later"))
    stream.add(SplatBlob(b"ab", 400_000))
    inner = Stream()
    inner.add(BytesBlob(b"inner"))
    stream.add_field(2, inner)
    stream.add(os.urandom(0))
    expected = b"head" + b"\x1a\xc0\x9a\x0c" + data[1000:201_000] + b"\x1a\x32" + data[7:57] + b"later"
    return stream, expected + b"ab" * 400_000 + b"\x12\x05inner"


def written(stream: Stream, path: Path) -> bytes:
    with path.open("wb") as file, StreamWriter(file.fileno()) as writer:
        writer.write(stream)
    return path.read_bytes()


def test_every_kind_of_part(source: Path, tmp_path: Path) -> None:
    stream, expected = mixed(source)
    assert stream.nbytes == len(expected)
    assert written(stream, tmp_path / "out") == expected


@pytest.mark.parametrize("broken", [["copy_file_range"], ["copy_file_range", "sendfile"]])
def test_the_kernel_need_not_help(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: list[str]
) -> None:
    def refuse(*args: object) -> int:
        raise OSError(errno.EXDEV, "no")

    for name in broken:
        monkeypatch.setattr(os, name, refuse)
    stream, expected = mixed(source)
    assert written(stream, tmp_path / "out") == expected


def test_the_kernel_may_move_less_than_asked(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.copy_file_range
    monkeypatch.setattr(os, "copy_file_range", lambda a, b, count, offset: real(a, b, min(count, 4097), offset))
    stream, expected = mixed(source)
    assert written(stream, tmp_path / "out") == expected


def test_a_full_disk_is_no_reason_to_try_another_way(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: object) -> int:
        raise OSError(errno.ENOSPC, "no space")

    monkeypatch.setattr(os, "copy_file_range", full)
    with pytest.raises(OSError, match="no space"):
        written(mixed(source)[0], tmp_path / "out")


@pytest.mark.parametrize(
    "blob",
    [
        LazyBlob(6, lambda: b"later"),
        LazyBlob(4, lambda: b"later"),
        FileBlob(Path("gone.bin"), 0, 10),
        FileBlob(Path("gone.bin"), 0, 100_000),
    ],
)
def test_a_blob_without_its_bytes(blob: FileBlob | LazyBlob, tmp_path: Path) -> None:
    stream = Stream()
    stream.add(blob)
    with pytest.raises(BlobError):
        written(stream, tmp_path / "out")


def test_a_source_that_was_cut_short(source: Path, tmp_path: Path) -> None:
    stream = Stream()
    stream.add(FileBlob(source, 200_000, 200_000))
    with pytest.raises(BlobError, match="ends at byte 300000"):
        written(stream, tmp_path / "out")


def test_few_files_are_open_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "OPEN_FILES", 2)
    stream, expected = Stream(), b""
    for index in range(5):
        path = tmp_path / f"shard{index}"
        path.write_bytes(bytes([index]) * 70_000)
        stream.add(FileBlob(path, 0, 70_000))
        expected += path.read_bytes()
    before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    assert written(stream, tmp_path / "out") == expected
    assert (len(os.listdir("/proc/self/fd")) if before else 0) == before
