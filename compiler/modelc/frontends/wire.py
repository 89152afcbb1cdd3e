"""The walk over protobuf's wire format that leaves big byte fields in their file.

A model file is a little metadata around much weight data. `Cutter.slim` copies the metadata of one message and puts,
where a big field was, its position in the file; only then protobuf parses. The file is read through a small
window that jumps over what is cut, so neither time nor memory grows with the weights.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, TypeAlias

from google.protobuf.descriptor import Descriptor

from modelc.diagnostics.diagnostic import Fix, ModelcError, fail

RANGE_SCHEMA = "FileRange: field=1 int32, offset=2 int64, length=3 int64"
RANGE_FIELD = "file_range"  # a message with fields to cut has `file_range=1000 rep FileRange`

LEAST = 1024  # bytes a field must have to be cut, or a message to be looked into
WINDOW = 1 << 16
HEADER = 64  # bytes kept ahead in the window: more than any tag and length
DEPTH = 100  # what protobuf itself allows
METADATA = 512 << 20
MOST_FIELDS = 1 << 25  # of a file, more than metadata of that size has where its messages are not nearly empty

VARINT, LENGTH_DELIMITED = 0, 2
SIZES = {1: 8, 3: 0, 4: 0, 5: 4}  # content bytes by wire type; groups are markers around fields


class BadVarintError(Exception):
    """A varint of more than ten bytes."""


def read_varint(data: bytes, index: int) -> tuple[int, int]:
    """Return the varint at `index` and the index behind it.

    Raises:
        BadVarintError: It does not end within ten bytes.
        IndexError: The data ends within it.
    """
    value = data[index]
    if value < 128:
        return value, index + 1
    value &= 127
    for position in range(1, 10):
        byte = data[index + position]
        value |= (byte & 127) << (7 * position)
        if byte < 128:
            return value, index + position + 1
    raise BadVarintError


def write_varint(value: int) -> bytes:
    """Return `value`, which must not be negative, as a varint."""
    data = bytearray()
    while value >= 128:
        data.append(value & 127 | 128)
        value >>= 7
    data.append(value)
    return bytes(data)


class Found(NamedTuple):
    """A length-delimited field: its tag, where it begins, where its content begins, and where both end."""

    tag: int
    begin: int
    content: int
    end: int


class WireFile:
    """A file of protobuf messages, read through a window. Use it as a context manager.

    Attributes:
        path: The file.
        size: Its length in bytes.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._data = bytes(HEADER)
        self._base = 0
        self._count = 0
        try:
            self._descriptor = os.open(path, os.O_RDONLY)
        except OSError as error:
            raise fail("MC101", f"cannot open `{path.name}`: {error.strerror}", file=str(path)) from error
        self.size = os.fstat(self._descriptor).st_size

    def __enter__(self) -> WireFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._descriptor)

    def read(self, start: int, end: int) -> bytes:
        """Return the bytes of a range; raises ModelcError when the file is shorter."""
        data = self._pread(end - start, start)
        while len(data) < end - start:  # one call gives at most 2 GiB
            more = self._pread(end - start - len(data), start + len(data))
            if not more:
                raise self.truncated(start + len(data))
            data += more
        return data

    def fields(self, start: int, end: int, wanted: Collection[int], least: int = 0) -> Iterator[Found]:
        """Yield length-delimited fields of a message.

        Args:
            start: First byte of the message in the file.
            end: First byte behind it.
            wanted: Tags to yield; other fields are skipped.
            least: Bytes a field must have to be yielded.

        Raises:
            ModelcError: MC105 or MC106, with the offset, where the bytes are no message.
        """
        position = start
        while position < min(end, self.size):
            data, base = self._window(position)
            last = min(base + len(data) - HEADER, end)
            if self._count > MOST_FIELDS:
                raise self._too_many()
            while position < last:
                begin = position
                self._count += 1
                try:
                    tag, index = read_varint(data, begin - base)
                    size = SIZES.get(tag & 7, -1)
                    if size < 0:
                        size, index = self._size(data, index, tag, begin)
                except BadVarintError:
                    raise self.corrupt(begin, "a number does not end") from None
                position = base + index + size
                if tag & 7 == LENGTH_DELIMITED and size >= least and tag in wanted and position <= end:
                    yield Found(tag, begin, base + index, position)
        if position > self.size or end > self.size:
            raise self.truncated(self.size)
        if position > end:
            raise self.corrupt(begin, "a field is longer than the message it is in")

    def _size(self, data: bytes, index: int, tag: int, begin: int) -> tuple[int, int]:
        """Return the size of a field's content and the index where it begins."""
        if tag & 7 == LENGTH_DELIMITED and tag > 7:
            return read_varint(data, index)
        if tag & 7 == VARINT and tag > 7:
            return 0, read_varint(data, index)[1]
        raise self.corrupt(begin, "no field begins so")

    def _window(self, position: int) -> tuple[bytes, int]:
        if not self._base <= position < self._base + len(self._data) - HEADER:
            data = self._pread(WINDOW, position)
            self._data = data + bytes(HEADER) if position + len(data) >= self.size else data
            self._base = position
            if len(self._data) <= HEADER:
                raise self.truncated(position + len(data))
        return self._data, self._base

    def _pread(self, length: int, position: int) -> bytes:
        try:
            return os.pread(self._descriptor, length, position)
        except OSError as error:
            raise fail("MC105", f"cannot read `{self.path.name}`: {error.strerror}", file=str(self.path)) from error

    def _too_many(self) -> ModelcError:
        text = f"`{self.path.name}` holds more than {MOST_FIELDS >> 20} million fields"
        return fail("MC118", text, file=str(self.path))

    def corrupt(self, offset: int, problem: str) -> ModelcError:
        """Return the error for bytes that are no message."""
        return fail(
            "MC105",
            f"`{self.path.name}` is damaged at byte {offset}: {problem}",
            file=str(self.path),
            fixes=[Fix("copy or export the file again, in binary mode")],
        )

    def truncated(self, offset: int) -> ModelcError:
        """Return the error for a file that ends too early."""
        return fail(
            "MC106",
            f"`{self.path.name}` ends at byte {offset}, in the middle of its contents",
            file=str(self.path),
            fixes=[Fix("copy or download the file again, it is incomplete")],
        )


@dataclass(slots=True, eq=False)
class Plan:
    """What to do with the fields of one message, by wire tag.

    Attributes:
        inner: Messages that are looked into.
        cut: Fields that are cut, to their field number.
        range_tag: The tag of the field that says what was cut.
        wanted: Tags of both.
    """

    inner: dict[int, Plan] = field(default_factory=dict[int, "Plan"])
    cut: dict[int, int] = field(default_factory=dict[int, int])
    range_tag: int = 0
    wanted: frozenset[int] = frozenset()


_Span: TypeAlias = tuple[int, int]


@dataclass(slots=True, eq=False)
class _Frame:
    """A message being copied: what is to be copied so far, and up to where that comes from the file."""

    plan: Plan
    tag: int
    copied: int
    end: int
    fields: Iterator[Found]
    parts: list[_Span | bytes] = field(default_factory=list["_Span | bytes"])
    size: int = 0

    def copy(self, end: int, resume: int) -> None:
        if end > self.copied:
            self.parts.append((self.copied, end))
            self.size += end - self.copied
        self.copied = resume

    def put(self, data: bytes) -> None:
        self.parts.append(data)
        self.size += len(data)

    def put_message(self, inner: _Frame) -> None:
        self.put(write_varint(inner.tag) + write_varint(inner.size))
        self.parts += inner.parts
        self.size += inner.size


class Cutter:
    """Copies messages of one kind without their big fields.

    Args:
        descriptor: The message.
        cuts: Fields to cut, by message name. Each such message must have the field `file_range`.
        least: Bytes a field must have to be cut.
    """

    def __init__(self, descriptor: Descriptor, cuts: Mapping[str, Collection[str]], least: int = LEAST) -> None:
        self._plan = _plan(descriptor, cuts)
        self._least = least

    def slim(self, file: WireFile, start: int = 0, end: int | None = None) -> bytes:
        """Return the message at a range of `file` (by default all of it) without its big fields.

        Raises:
            ModelcError: The bytes are no message, or there is more metadata than can be held.
        """
        end = file.size if end is None else end
        root = self._frame(file, self._plan, 0, start, end)
        stack = [root]
        while stack:
            frame = stack[-1]
            found = next(frame.fields, None)
            if found is None:
                frame.copy(frame.end, frame.end)
                stack.pop()
                if stack:
                    stack[-1].put_message(frame)
                continue
            frame.copy(found.begin, found.end)
            if found.tag in frame.plan.cut:
                frame.put(_range(frame.plan, found))
            elif len(stack) < DEPTH:
                inner = frame.plan.inner[found.tag]
                stack.append(self._frame(file, inner, found.tag, found.content, found.end))
            else:
                raise file.corrupt(found.begin, f"messages are nested more than {DEPTH} deep")
        return _copied(file, root)

    def _frame(self, file: WireFile, plan: Plan, tag: int, start: int, end: int) -> _Frame:
        return _Frame(plan, tag, start, end, file.fields(start, end, plan.wanted, self._least))


def _copied(file: WireFile, root: _Frame) -> bytes:
    if root.size > METADATA:
        raise fail("MC118", f"`{file.path.name}` holds {root.size >> 20} MiB of metadata", file=str(file.path))
    return b"".join(part if isinstance(part, bytes) else file.read(*part) for part in root.parts)


def _range(plan: Plan, found: Found) -> bytes:
    numbers = (plan.cut[found.tag], found.content, found.end - found.content)
    content = b"".join(
        write_varint(number << 3) + write_varint(value) for number, value in enumerate(numbers, 1) if value
    )
    return write_varint(plan.range_tag) + write_varint(len(content)) + content


def _plan(root: Descriptor, cuts: Mapping[str, Collection[str]]) -> Plan:
    """Return the plan for `root`: into which messages to look so that every cut is met."""
    messages = _reachable(root)
    useful = {name for name, message in messages.items() if message.name in cuts}
    before = 0
    while before != len(useful):
        before = len(useful)
        useful |= {
            name
            for name, message in messages.items()
            if any(f.message_type and f.message_type.full_name in useful for f in message.fields)
        }
    plans = {name: Plan() for name in useful | {root.full_name}}
    for name, plan in plans.items():
        _fill(plan, messages[name], cuts.get(messages[name].name, ()), plans)
    return plans[root.full_name]


def _fill(plan: Plan, message: Descriptor, cuts: Collection[str], plans: Mapping[str, Plan]) -> None:
    for each in message.fields:
        tag = each.number << 3 | LENGTH_DELIMITED
        if each.name in cuts:
            plan.cut[tag] = each.number
        elif each.name == RANGE_FIELD:
            plan.range_tag = tag
        elif each.message_type and each.message_type.full_name in plans:
            plan.inner[tag] = plans[each.message_type.full_name]
    plan.wanted = frozenset(plan.inner) | frozenset(plan.cut)


def _reachable(root: Descriptor) -> dict[str, Descriptor]:
    messages = {root.full_name: root}
    pending = [root]
    while pending:
        for each in pending.pop().fields:
            inner = each.message_type
            if inner is not None and inner.full_name not in messages:
                messages[inner.full_name] = inner
                pending.append(inner)
    return messages
