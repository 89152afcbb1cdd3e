"""Protobuf messages from a table in our own words, in a pool of their own.

A schema is text, one message a line (deeper indented lines continue it), `#` begins a comment:

    enum Color: RED=0, GREEN=1
    Node: name=1 string, op=2 string, input=3 rep string, attr=5 map string Value
    Value: s=2 bytes in value, i=3 int64 in value, color=4 Color, note=5 opt string

A field is `name=number`, then any of `rep` (repeated, scalars packed), `unpacked` (repeated, never packed), `opt`
(a scalar that knows whether it was set) or `map KEY VALUE`, then its type, then `in ONEOF` where it belongs to one.
Files are proto3. Nothing is registered in the default pool, so the messages of an installed TensorFlow cannot
clash with these, and any protobuf from 5.26 on serves.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.descriptor import Descriptor

_Field = descriptor_pb2.FieldDescriptorProto

SCALARS: dict[str, int] = {
    "double": _Field.TYPE_DOUBLE,
    "float": _Field.TYPE_FLOAT,
    "int64": _Field.TYPE_INT64,
    "uint64": _Field.TYPE_UINT64,
    "int32": _Field.TYPE_INT32,
    "fixed64": _Field.TYPE_FIXED64,
    "fixed32": _Field.TYPE_FIXED32,
    "bool": _Field.TYPE_BOOL,
    "string": _Field.TYPE_STRING,
    "bytes": _Field.TYPE_BYTES,
    "uint32": _Field.TYPE_UINT32,
    "sfixed32": _Field.TYPE_SFIXED32,
    "sfixed64": _Field.TYPE_SFIXED64,
    "sint32": _Field.TYPE_SINT32,
    "sint64": _Field.TYPE_SINT64,
}

_HEAD = re.compile(r"(?P<enum>enum\s+)?(?P<name>\w+)\s*:(?P<rest>.*)")
_FIELD = re.compile(
    r"(?P<name>\w+)\s*=\s*(?P<number>\d+)\s+"
    r"(?:(?P<label>rep|unpacked|opt)\s+|map\s+(?P<key>\w+)\s+)?"
    r"(?P<type>\w+)"
    r"(?:\s+in\s+(?P<oneof>\w+))?"
)


class Schema:
    """The messages of one format.

    Args:
        package: The protobuf package, which shows only in error texts.
        text: The table, in the notation described at the top of this module.

    Raises:
        ValueError: The table is malformed; it is part of the program, so this is a fault of its author.
    """

    def __init__(self, package: str, text: str) -> None:
        self.package = package
        self._text = text

    def message(self, name: str) -> Any:
        """Return the message class called `name`; raises KeyError when the table has none."""
        return message_factory.GetMessageClass(self.descriptor(name))

    def descriptor(self, name: str) -> Descriptor:
        """Return the descriptor of the message called `name`; raises KeyError when the table has none."""
        return self._pool.FindMessageTypeByName(f"{self.package}.{name}")

    @cached_property
    def _pool(self) -> descriptor_pool.DescriptorPool:
        pool = descriptor_pool.DescriptorPool()
        pool.AddSerializedFile(_file(self.package, self._text).SerializeToString())
        return pool


def _file(package: str, text: str) -> descriptor_pb2.FileDescriptorProto:
    file = descriptor_pb2.FileDescriptorProto(name=f"{package}.schema", package=package, syntax="proto3")
    entries = list(_entries(text))
    enums = {name for is_enum, name, _ in entries if is_enum}
    for is_enum, name, fields in entries:
        if is_enum:
            _fill_enum(file.enum_type.add(name=name), fields)
        else:
            _fill_message(file.message_type.add(name=name), fields, f".{package}.", enums)
    return file


def _entries(text: str) -> Iterator[tuple[bool, str, list[str]]]:
    """Yield (is it an enum, name, its comma-separated items) for every entry of the table."""
    logical: list[str] = []
    for raw in text.splitlines():
        line = raw.partition("#")[0].rstrip()
        if not line.strip():
            continue
        if _HEAD.fullmatch(line.strip()):
            logical.append(line.strip())
        elif logical:
            logical[-1] += " " + line.strip()
        else:
            raise ValueError(f"schema: {line!r} belongs to no message")
    for line in logical:
        match = _HEAD.fullmatch(line)
        if match is None:
            raise ValueError(f"schema: malformed entry {line!r}")
        items = [item.strip() for item in match["rest"].split(",") if item.strip()]
        yield bool(match["enum"]), match["name"], items


def _fill_enum(enum: descriptor_pb2.EnumDescriptorProto, items: list[str]) -> None:
    for item in items:
        name, _, number = item.partition("=")
        enum.value.add(name=name.strip(), number=int(number))


def _fill_message(message: descriptor_pb2.DescriptorProto, items: list[str], scope: str, enums: set[str]) -> None:
    oneofs: dict[str, int] = {}
    matches = []
    for item in items:
        match = _FIELD.fullmatch(item)
        if match is None:
            raise ValueError(f"schema: malformed field {item!r} of {message.name}")
        matches.append(match)
        if match["oneof"]:
            oneofs.setdefault(match["oneof"], len(oneofs))
    for name in oneofs:
        message.oneof_decl.add(name=name)
    for match in matches:
        field = message.field.add(name=match["name"], number=int(match["number"]), label=_Field.LABEL_OPTIONAL)
        _set_type(field, match["type"], scope, enums)
        if match["key"]:
            _make_map(message, field, match, scope, enums)
        elif match["label"] in ("rep", "unpacked"):
            field.label = _Field.LABEL_REPEATED
        if match["label"] == "unpacked":
            field.options.packed = False
        if match["oneof"]:
            field.oneof_index = oneofs[match["oneof"]]
        elif match["label"] == "opt":
            field.proto3_optional = True
            field.oneof_index = len(message.oneof_decl)
            message.oneof_decl.add(name=f"_{field.name}")


def _set_type(field: descriptor_pb2.FieldDescriptorProto, type_: str, scope: str, enums: set[str]) -> None:
    if type_ in SCALARS:
        field.type = SCALARS[type_]  # type: ignore[assignment]
    else:
        field.type = _Field.TYPE_ENUM if type_ in enums else _Field.TYPE_MESSAGE
        field.type_name = scope + type_


def _make_map(
    message: descriptor_pb2.DescriptorProto,
    field: descriptor_pb2.FieldDescriptorProto,
    match: re.Match[str],
    scope: str,
    enums: set[str],
) -> None:
    camel = "".join(part.capitalize() for part in field.name.split("_"))
    entry = message.nested_type.add(name=f"{camel}Entry")
    entry.options.map_entry = True
    for number, (name, type_) in enumerate((("key", match["key"]), ("value", match["type"])), 1):
        _set_type(entry.field.add(name=name, number=number, label=_Field.LABEL_OPTIONAL), type_, scope, enums)
    field.label = _Field.LABEL_REPEATED
    field.type = _Field.TYPE_MESSAGE
    field.type_name = f"{scope}{message.name}.{entry.name}"
