"""The functions of a graph, each parsed when it is first asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from google.protobuf.message import DecodeError

from modelc.diagnostics.diagnostic import Diagnostic, ModelcError, finding
from modelc.frontends.tensorflow.protos import SCHEMA, cutter, message
from modelc.frontends.wire import WireFile

_DEPTH = 16
_FIRST = 1 << 3 | 2  # the tag of FunctionDef.signature, and of OpDef.name


class FunctionLibrary:
    """Functions by name.

    Attributes:
        findings: What was wrong with the library.
    """

    def __init__(self, library: Any, file: WireFile | None) -> None:
        """Make the index.

        Args:
            library: A FunctionDefLibrary, whose big functions may have been cut out.
            file: The file that they were cut from.
        """
        self.findings: list[Diagnostic] = []
        self._open: dict[str, Callable[[], Any]] = {}
        self._parsed: dict[str, Any] = {}
        for function in library.function:
            self._add(function.signature.name, partial(_same, function))
        if file is not None:
            for span in library.file_range:
                self._add_range(file, span.offset, span.offset + span.length)

    def _add(self, name: str, parse: Callable[[], Any]) -> None:
        if name in self._open:
            self.findings.append(finding("MC117", f"two functions are called `{name}`"))
        self._open[name] = parse

    def _add_range(self, file: WireFile, start: int, end: int) -> None:
        for name in _names(file, start, end):
            self._add(name, partial(parse, "FunctionDef", file, start, end))

    def __contains__(self, name: str) -> bool:
        return name in self._open

    def __iter__(self) -> Iterator[str]:
        return iter(self._open)

    def __getitem__(self, name: str) -> Any:
        if name not in self._parsed:
            self._parsed[name] = self._open[name]()
        return self._parsed[name]


def _names(file: WireFile, start: int, end: int) -> Iterator[str]:
    """Yield the name of the function at a range of the file."""
    for signature in file.fields(start, end, (_FIRST,)):
        for name in file.fields(signature.content, signature.end, (_FIRST,)):
            yield file.read(name.content, name.end).decode("utf-8", "replace")
            return


def parse(name: str, file: WireFile, start: int = 0, end: int | None = None) -> Any:
    """Return the message called `name` at a range of `file`, its big fields cut out.

    Raises:
        ModelcError: The bytes are no such message.
    """
    data = cutter(name).slim(file, start, end)
    try:
        return message(name).FromString(data)
    except DecodeError:
        raise _located(name, file, start, file.size if end is None else end) from None


def _located(name: str, file: WireFile, start: int, end: int) -> ModelcError:
    """Return the error about the innermost message that does not parse."""
    for _ in range(_DEPTH):
        inner = {each.number << 3 | 2: each.message_type for each in SCHEMA.descriptor(name).fields}
        parts = (
            (kind.name, found.content, found.end)
            for found in file.fields(start, end, inner)
            if (kind := inner[found.tag]) is not None and kind.containing_type is None
        )
        bad = next((part for part in parts if not _parses(part[0], file, part[1], part[2])), None)
        if bad is None:
            break
        name, start, end = bad
    return file.corrupt(start, f"it does not parse as a {name}")


def _parses(name: str, file: WireFile, start: int, end: int) -> bool:
    try:
        message(name).FromString(cutter(name).slim(file, start, end))
    except (DecodeError, ModelcError):
        return False
    return True


def _same(function: Any) -> Any:
    return function
