"""Damage to artifacts: to their bytes, and to the messages inside, so that it gets past what looks at the outside."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Any, Final

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError, EncodeError

from modelc_backends.om import header as heads
from modelc_backends.om.numbers import Partition
from modelc_backends.om.schema import message
from modelc_backends.om.tasks import SCHEMA as TASKS

MOST_MESSAGES: Final = 20_000  # looked into for one to change
MOST_COPIES: Final = 5_000
_MESSAGES: Final[dict[int, Any]] = {
    Partition.MODEL_DEF: message("ModelDef"),
    Partition.TASK_INFO: TASKS.message("ModelTaskDef"),
}
_EXTREMES: Final = (0, 1, -1, 2, 5, 64, 255, (1 << 31) - 1, 1 << 31, (1 << 32) - 1, (1 << 63) - 1, -(1 << 63), 1 << 40)
_TEXTS: Final = (
    "",
    ":0",
    "x:0",
    "x:-1",
    "\0\1",
    "\0\x7f\x7f\x7f",
    "a" * 3000,
    "é",
    "..",
    "../x",
    "/etc/passwd",
    "Const",
)
_LARGE: Final = (b"\xff\xff\xff\xff\x07", b"\xff\xff\xff\xff\x0f", b"\xff" * 9 + b"\x01", b"\xff" * 12)


def damaged(data: bytes, dice: Random, others: Sequence[bytes]) -> bytes:
    """Return `data` with some damage; pieces of `others` may get into it. The same dice give the same damage."""
    if dice.random() < 0.5:
        data = _damaged_inside(data, dice)
        if dice.random() < 0.8:
            return data
    result = bytearray(data)
    for _ in range(dice.choice([1, 1, 1, 2, 4, 16])):
        dice.choice(_DAMAGE)(result, dice, others)
    return _mended(data, bytes(result)) if dice.random() < 0.7 else bytes(result)


# -- bytes


def _truncate(data: bytearray, dice: Random, others: Sequence[bytes]) -> None:
    del data[_place(data, dice) :]


def _flip(data: bytearray, dice: Random, others: Sequence[bytes]) -> None:
    if data:
        data[_place(data, dice) % len(data)] ^= 1 << dice.randrange(8)


def _overwrite(data: bytearray, dice: Random, others: Sequence[bytes]) -> None:
    at, size = _place(data, dice), dice.choice([1, 4, 8])
    data[at : at + size] = (dice.choice(_EXTREMES) & ((1 << 8 * size) - 1)).to_bytes(size, "little")


def _enlarge(data: bytearray, dice: Random, others: Sequence[bytes]) -> None:
    """Put a number that is too large where, with luck, the length of a field is."""
    at = _place(data, dice)
    data[at : at + dice.choice([0, 1, 2])] = dice.choice(_LARGE)


def _delete(data: bytearray, dice: Random, others: Sequence[bytes]) -> None:
    at = _place(data, dice)
    del data[at : at + dice.randrange(1, 60)]


def _insert(data: bytearray, dice: Random, others: Sequence[bytes]) -> None:
    at = _place(data, dice)
    data[at:at] = dice.randbytes(dice.randrange(1, 40))


def _repeat(data: bytearray, dice: Random, others: Sequence[bytes]) -> None:
    at = _place(data, dice)
    data[at:at] = data[at : at + dice.randrange(1, 40)] * dice.choice([1, 2, 100])


def _splice(data: bytearray, dice: Random, others: Sequence[bytes]) -> None:
    other = dice.choice(others)
    at, start = _place(data, dice), dice.randrange(len(other) + 1)
    length = dice.choice([8, 100, 5000])
    data[at : at + dice.choice([0, length])] = other[start : start + length]


def _place(data: bytearray, dice: Random) -> int:
    """Return a position in `data`, rather often one near the beginning, where headers and tables are."""
    return dice.randrange(min(len(data), dice.choice([300, 4000, len(data)])) + 1)


_DAMAGE: Final[Sequence[Callable[[bytearray, Random, Sequence[bytes]], None]]] = (
    *(_truncate, _flip, _overwrite, _enlarge, _delete, _insert, _repeat, _splice),
)


# -- an artifact and its partitions


def _partitions(data: bytes) -> list[tuple[int, bytes]] | None:
    """Return type and content of each partition of a file of one model, None where it is something else."""
    if not data.startswith(b"IMOD") or len(data) < heads.SIZE + 24:
        return None
    header = heads.parse(data[: heads.SIZE])
    (count,) = struct.unpack_from("<I", data, heads.SIZE)
    end = heads.SIZE + heads.table_size(min(count, heads.MOST_PARTITIONS), header.wide)
    if not 1 <= count <= heads.MOST_PARTITIONS or end > len(data):
        return None
    table, position, parts = heads.parse_table(data[heads.SIZE : end], heads.SIZE, header.wide), end, []
    for extent in table.extents:
        parts.append((extent.type, data[position : position + extent.size]))
        position += extent.size
    return parts


def _assembled(header: bytes, parts: Sequence[tuple[int, bytes]]) -> bytes:
    """Return an artifact of some partitions under a header, in which only lengths are put right."""
    wide, result = heads.parse(header).wide, bytearray(header)
    payload = heads.pack_table([(type_, len(content)) for type_, content in parts], wide)
    payload += b"".join(content for _, content in parts)
    struct.pack_into("<Q" if wide else "<I", result, 184 if wide else 76, len(payload))
    return bytes(result) + payload


def _mended(before: bytes, after: bytes) -> bytes:
    """Return `after` with lengths in header and table that fit it, so that damage reaches what is behind them."""
    parts = _partitions(before)
    if parts is None or len(after) < heads.SIZE or not after.startswith(b"IMOD"):
        return after
    table = heads.table_size(len(parts), heads.parse(before[: heads.SIZE]).wide)
    content = after[heads.SIZE + table :]
    sizes = [len(part) for _, part in parts]
    sizes[0] = max(0, sizes[0] + len(content) - sum(sizes))
    mended = []
    for (type_, _), size in zip(parts, sizes, strict=True):
        mended.append((type_, content[:size]))
        content = content[size:]
    return _assembled(before[: heads.SIZE], mended)


# -- messages


def _damaged_inside(data: bytes, dice: Random) -> bytes:
    parts = _partitions(data) or [(Partition.MODEL_DEF, data)]
    index = dice.choice([i for i, (type_, _) in enumerate(parts) if type_ in _MESSAGES] or [0])
    type_, content = parts[index]
    try:
        parsed = _MESSAGES.get(type_, _MESSAGES[Partition.MODEL_DEF]).FromString(content)
        for _ in range(dice.choice([1, 1, 2, 5])):
            _change(parsed, dice)
        parts[index] = (type_, parsed.SerializeToString())
    except (DecodeError, EncodeError):  # of messages nested too deeply, too
        return data
    return _assembled(data[: heads.SIZE], parts) if data.startswith(b"IMOD") else parts[index][1]


def _change(root: Any, dice: Random) -> None:
    """Change one field of one of the messages in `root`."""
    found = list(_messages(root))
    chosen = dice.choice(found)
    fields = [each for each in chosen.DESCRIPTOR.fields if dice.random() < 0.5 or _is_set(chosen, each)]
    fields = [each for each in fields if not _is_map_of_texts(each)]
    if not fields:
        return
    field = dice.choice(fields)
    if _is_map(field):
        _change_map(getattr(chosen, field.name), dice)
    elif field.is_repeated:
        _change_list(getattr(chosen, field.name), field, dice, found)
    elif field.message_type is not None:
        content = _content(field, dice, found)
        chosen.ClearField(field.name)
        if dice.random() < 0.7:
            getattr(chosen, field.name).ParseFromString(content)
    else:
        setattr(chosen, field.name, _value(field, dice, found))


def _messages(root: Any) -> Iterator[Any]:
    stack, count = [root], 0
    while stack and count < MOST_MESSAGES:
        each = stack.pop()
        count += 1
        yield each
        for field, value in each.ListFields():
            if field.message_type is None or _is_map_of_texts(field):
                continue
            if _is_map(field):
                stack.extend(value.values())
            elif field.is_repeated:
                stack.extend(value)
            else:
                stack.append(value)


def _is_map(field: FieldDescriptor) -> bool:
    """Whether a field is a map of messages."""
    kind = field.message_type
    return kind is not None and kind.GetOptions().map_entry and kind.fields_by_name["value"].message_type is not None


def _is_map_of_texts(field: FieldDescriptor) -> bool:
    kind = field.message_type
    return kind is not None and kind.GetOptions().map_entry and not _is_map(field)


def _is_set(holder: Any, field: FieldDescriptor) -> bool:
    return any(each is field for each, _ in holder.ListFields())


def _change_map(values: Any, dice: Random) -> None:
    keys = sorted(values)
    key = dice.choice(keys or ["index"])
    match dice.randrange(3):
        case 0 if keys:
            del values[key]
        case 1 if keys:
            content = values[key].SerializeToString()
            values[dice.choice([*keys, *_TEXTS])].ParseFromString(content)
        case _:
            values[key].i = dice.choice(_EXTREMES)


def _change_list(values: Any, field: FieldDescriptor, dice: Random, found: Sequence[Any]) -> None:
    at = dice.randrange(len(values) + 1)
    match dice.randrange(4):
        case 0 if at < len(values):
            del values[at]
        case 1:
            del values[:]
        case 2 if values:
            _copy(values, at % len(values), dice.choice([1, 2, MOST_COPIES]))
        case _ if field.message_type is None:
            values.append(_value(field, dice, found))
        case _:
            content = _content(field, dice, found)
            values.add().ParseFromString(content)


def _copy(values: Any, index: int, count: int) -> None:
    if hasattr(values, "add"):
        content = values[index].SerializeToString()
        for _ in range(count):
            values.add().ParseFromString(content)
    else:
        values.extend([values[index]] * count)


def _content(field: FieldDescriptor, dice: Random, found: Sequence[Any]) -> bytes:
    """Return the bytes of a message that may stand in `field`, an empty one where there is none."""
    same = [each for each in found if each.DESCRIPTOR is field.message_type]
    content: bytes = dice.choice(same).SerializeToString() if same else b""
    return content


def _value(field: FieldDescriptor, dice: Random, found: Sequence[Any]) -> object:
    texts = [*_TEXTS, *(getattr(dice.choice(found), "name", "") for _ in range(4))]
    match field.cpp_type:
        case FieldDescriptor.CPPTYPE_STRING:
            text = dice.choice(texts)
            return text.encode() if field.type == FieldDescriptor.TYPE_BYTES else text
        case FieldDescriptor.CPPTYPE_BOOL:
            return dice.random() < 0.5
        case FieldDescriptor.CPPTYPE_FLOAT | FieldDescriptor.CPPTYPE_DOUBLE:
            return dice.choice([0.0, -1.0, float("inf"), float("nan"), 3e38])
    return dice.choice([number for number in (*_EXTREMES, *range(45)) if _fits(field, number)])


def _fits(field: FieldDescriptor, number: int) -> bool:
    low, high = _RANGES.get(field.cpp_type, (-(1 << 31), (1 << 31) - 1))
    return low <= number <= high


_RANGES: Final = {
    FieldDescriptor.CPPTYPE_INT64: (-(1 << 63), (1 << 63) - 1),
    FieldDescriptor.CPPTYPE_UINT32: (0, (1 << 32) - 1),
    FieldDescriptor.CPPTYPE_UINT64: (0, (1 << 64) - 1),
}
