"""Writing artifacts: all of a file or nothing of it, whatever happens in between."""

from __future__ import annotations

import hashlib
import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path
from typing import Final

from modelc.diagnostics.diagnostic import Fix, ModelcError, fail, finding
from modelc.ir.blob import CHUNK, BlobError, FileBlob
from modelc_backends.om.stream import Stream, StreamWriter


def write_atomically(stream: Stream, path: Path) -> str:
    """Write `stream` to `path` and return the SHA-256 of its bytes.

    The bytes go to a file without a name in the same folder where the system has such files, else to a hidden one
    beside the target, and take the target's place in one step when all of them are there.

    Raises:
        ModelcError: A source of constants cannot be read, or the output cannot be written; nothing is left behind.
    """
    _require_sources(stream)
    target = _target(path)
    try:
        output = _Output(target)
    except OSError as error:
        raise _unwritable(path, error) from error
    try:
        with StreamWriter(output.descriptor) as writer:
            writer.write(stream)
        digest = _digest(output.descriptor, stream.nbytes)
        output.publish(_mode(target))
    except BlobError as error:
        raise fail("MC111", f"a constant cannot be read: {error}") from error
    except OSError as error:
        raise _unwritable(path, error) from error
    finally:
        output.close()
    return digest


_DESCRIPTORS: Final = "/proc/self/fd"  # where an open file can be given a name


class _Output:
    """An open file that gets its name last."""

    def __init__(self, target: Path) -> None:
        self._target = target
        self._temporary: Path | None = None
        try:
            os.stat(_DESCRIPTORS)
            self.descriptor = os.open(target.parent, os.O_RDWR | os.O_TMPFILE, 0o666)
        except (OSError, AttributeError):
            self._temporary = _beside(target)
            self.descriptor = os.open(self._temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)

    def publish(self, mode: int | None) -> None:
        """Put the file in the target's place."""
        if mode is not None:
            os.fchmod(self.descriptor, mode)
        if self._temporary is None:
            name = _beside(self._target)
            directory = os.open(_DESCRIPTORS, os.O_RDONLY)
            try:
                os.link(str(self.descriptor), name, src_dir_fd=directory, follow_symlinks=True)
            finally:
                os.close(directory)
            self._temporary = name
        os.replace(self._temporary, self._target)
        self._temporary = None

    def close(self) -> None:
        """Close the file and remove what was not published."""
        os.close(self.descriptor)
        if self._temporary is not None:
            with suppress(OSError):
                self._temporary.unlink()


def _beside(target: Path) -> Path:
    return target.with_name(f".{target.name[:200]}.{secrets.token_hex(6)}.part")


def _target(path: Path) -> Path:
    """Return the file that `path` names, links followed, so that a link stays one."""
    try:
        target = path.resolve()
        if target.exists() and not target.is_file():
            raise fail("MC503", f"`{path}` exists and is not a regular file", file=str(path), fixes=[_ELSEWHERE])
    except (OSError, RuntimeError) as error:
        raise fail("MC503", f"`{path}` cannot be written: {error}", file=str(path), fixes=[_ELSEWHERE]) from error
    return target


_ELSEWHERE: Final = Fix("name another output", "-o FILE")


def _mode(target: Path) -> int | None:
    """Return the permissions of the file that is replaced, None where there is none."""
    try:
        return stat.S_IMODE(target.stat().st_mode)
    except OSError:
        return None


def _require_sources(stream: Stream) -> None:
    """Raise one finding for every file that is too short for the constants in it."""
    needed: dict[Path, int] = {}
    for part in stream.parts:
        if isinstance(part, FileBlob):
            needed[part.path] = max(needed.get(part.path, 0), part.offset + part.nbytes)
    problems = [(path, _problem(path, end)) for path, end in needed.items()]
    findings = [finding("MC111", text, file=str(path)) for path, text in problems if text]
    if findings:
        raise ModelcError(*findings)


def _problem(path: Path, end: int) -> str:
    try:
        size = path.stat().st_size
    except OSError as error:
        return f"the constants in `{path.name}` cannot be read: {error.strerror}"
    return f"`{path.name}` has {size} bytes, constants reach up to {end}" if size < end else ""


def _digest(descriptor: int, nbytes: int) -> str:
    sha, position = hashlib.sha256(), 0
    while chunk := os.pread(descriptor, CHUNK, position):
        sha.update(chunk)
        position += len(chunk)
    if position != nbytes:
        raise OSError(f"{position} of {nbytes} bytes were written")
    return sha.hexdigest()


def _unwritable(path: Path, error: OSError) -> ModelcError:
    return fail("MC503", f"`{path}` cannot be written: {error.strerror or error}", file=str(path), fixes=[_ELSEWHERE])
