"""Writing artifacts: all of a file or nothing of it, whatever happens in between."""

from __future__ import annotations

import hashlib
import os
import resource
import secrets
import stat
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from typing import Final

from modelc.diagnostics.diagnostic import Fix, ModelcError, fail, finding
from modelc.ir.blob import CHUNK, Blob, BlobError, FileBlob
from modelc_backends.files.outside import SUFFIX, OutsideFile, is_outside_file
from modelc_backends.files.stream import Stream, StreamWriter

SPARE: Final = 64  # open files left to everything else


def write_atomically(stream: Stream, path: Path, outside: Iterable[OutsideFile] | None = None) -> str:
    """Write `stream` to `path`, its outside constants beside it, and return the SHA-256 of the stream's bytes.

    Everything goes into files without a name, where the system has such files, else into hidden ones. When all of it is
    there, the constants get their names, then the artifact takes the target's place in one step, and only then the
    constants of what it replaced go away: at any moment an artifact has its own constants.

    Raises:
        ModelcError: A source of constants cannot be read, or the output cannot be written; nothing is left behind.
    """
    files = list(outside or ())
    _require_sources([*stream.parts, *(part for file in files for part in file.stream.parts)])
    target = output_target(path)
    folder = weights_folder(target)
    try:
        with ExitStack() as opened:
            room, held = folder if folder.is_dir() else target.parent, _most_open(len(files))
            outputs: dict[str, _Output] = {}
            for file in files:
                output = opened.enter_context(_Output(room, file.stem))
                file.digest = output.fill(file.stream)
                outputs[file.name] = output
                if len(outputs) > held:
                    output.rest()
            whole = opened.enter_context(_Output(target.parent, target.name))
            digest = whole.fill(stream)
            _publish(folder, outputs, partial(whole.publish, target, _mode(target)))
    except BlobError as error:
        raise fail("MC111", f"a constant cannot be read: {error}") from error
    except OSError as error:
        raise _unwritable(path, error) from error
    return digest


def output_target(path: Path) -> Path:
    """Return the file that `path` names, links followed, so that a link stays one.

    Raises:
        ModelcError: There is something else than a file, or than a folder where its constants may go.
    """
    try:
        target = path.resolve()
        for each, is_right, what in (
            (target, target.is_file, "regular file"),
            (weights_folder(target), weights_folder(target).is_dir, "folder"),
        ):
            if each.exists() and not is_right():
                raise fail("MC503", f"`{each}` exists and is not a {what}", file=str(path), fixes=[_ELSEWHERE])
    except (OSError, RuntimeError) as error:
        raise fail("MC503", f"`{path}` cannot be written: {error}", file=str(path), fixes=[_ELSEWHERE]) from error
    return target


def weights_folder(target: Path) -> Path:
    """Return the folder for the outside constants of an artifact."""
    return target.with_name(target.name + SUFFIX)


_DESCRIPTORS: Final = "/proc/self/fd"  # where an open file can be given a name


class _Output:
    """A file that gets its name last. Use it as a context manager."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder, self._name = folder, name
        self._hidden: Path | None = None
        try:
            os.stat(_DESCRIPTORS)
            self._descriptor = os.open(folder, os.O_RDWR | os.O_TMPFILE, 0o666)
        except (OSError, AttributeError):
            self._hidden = _beside(folder / name)
            self._descriptor = os.open(self._hidden, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)

    def __enter__(self) -> _Output:
        return self

    def __exit__(self, *error: object) -> None:
        self._close()
        if self._hidden is not None:
            with suppress(OSError):
                self._hidden.unlink()

    def fill(self, stream: Stream) -> str:
        """Write `stream` and return the SHA-256 of what was written."""
        with StreamWriter(self._descriptor) as writer:
            writer.write(stream)
        return _digest(self._descriptor, stream.nbytes)

    def rest(self) -> None:
        """Go on without an open file, under a hidden name."""
        self._hide()
        self._close()

    def publish(self, target: Path, mode: int | None = None) -> None:
        """Put the file in the target's place."""
        if mode is not None:
            os.fchmod(self._descriptor, mode)
        os.replace(self._hide(), target)
        self._hidden = None

    def _hide(self) -> Path:
        if self._hidden is None:
            name = _beside(self._folder / self._name)
            directory = os.open(_DESCRIPTORS, os.O_RDONLY)
            try:
                os.link(str(self._descriptor), name, src_dir_fd=directory, follow_symlinks=True)
            finally:
                os.close(directory)
            self._hidden = name
        return self._hidden

    def _close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def _publish(folder: Path, outputs: Mapping[str, _Output], finish: Callable[[], None]) -> None:
    """Give outside constants their names, `finish`, and remove those of an older artifact; undo it when it fails."""
    is_new = bool(outputs) and not folder.is_dir()
    added: list[Path] = []
    try:
        if is_new:
            folder.mkdir()
        for name, output in outputs.items():
            added += [] if (folder / name).exists() else [folder / name]
            output.publish(folder / name)
        finish()
    except BaseException:
        for path in added:
            path.unlink(missing_ok=True)
        if is_new:
            with suppress(OSError):
                folder.rmdir()
        raise
    _sweep(folder, outputs)


def _sweep(folder: Path, kept: Mapping[str, object]) -> None:
    """Remove constants that nothing refers to any more, and the folder when nothing else is in it."""
    with suppress(OSError):
        for name in os.listdir(folder):
            if is_outside_file(name) and name not in kept:
                (folder / name).unlink()
        if not kept:
            folder.rmdir()


def _most_open(wanted: int) -> int:
    """Return how many files may be open at once, after asking the system for as many as are wanted."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if resource.RLIM_INFINITY in (soft, hard):
        return wanted if soft == resource.RLIM_INFINITY else soft - SPARE
    if soft < min(wanted + SPARE, hard):
        soft = min(wanted + SPARE, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return soft - SPARE


def _beside(target: Path) -> Path:
    return target.with_name(f".{target.name[:200]}.{secrets.token_hex(6)}.part")


_ELSEWHERE: Final = Fix("name another output", "-o FILE")


def _mode(target: Path) -> int | None:
    """Return the permissions of the file that is replaced, None where there is none."""
    try:
        return stat.S_IMODE(target.stat().st_mode)
    except OSError:
        return None


def _require_sources(parts: Iterable[bytes | Blob]) -> None:
    """Raise one finding for every file that is too short for the constants in it."""
    needed: dict[Path, int] = {}
    for part in parts:
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
