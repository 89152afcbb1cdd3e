"""Attribute names that a compiled artifact holds as numbers.

A name is a zero byte and an index in base 127, lowest digit first, each digit one higher; the index leads into a
table among the model's attributes. Names in that table may themselves be such numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from modelc_backends.om.attributes import STRING, integers, strings

MARKER: Final = "om_compress_version"
ROUNDS: Final = 4  # how often a name that is a number again is looked up
DIGITS: Final = 5


def decompress(definition: Any, outer: Any = None) -> None:
    """Give the attributes of all ops and descriptors of a `ModelDef` their real names, in place.

    Args:
        definition: The message.
        outer: The message of the model it is a part of, whose table its names may lead into; None where it is whole.
    """
    around = _table_of(outer) if outer is not None and MARKER in outer.attr else None
    table = _table_of(definition, around) if MARKER in definition.attr else around
    if table is None:
        return
    for graph in definition.graph:
        for op in graph.op:
            table.restore(op.attr)
            for descriptor in (*op.input_desc, *op.output_desc):
                table.restore(descriptor.attr)
            if op.type == "Const" and "value" in op.attr:
                table.restore(op.attr["value"].t.desc.attr)


def _table_of(definition: Any, outer: NameTable | None = None) -> NameTable:
    attributes = definition.attr
    flags = attributes["attrs_use_string_value"].list.b if "attrs_use_string_value" in attributes else ()
    names, values = strings(attributes, "attr_name_enum"), strings(attributes, "attr_value_enum")
    return NameTable(names, values, tuple(flags), outer)


@dataclass(frozen=True, slots=True)
class NameTable:
    """The names behind numbers.

    Attributes:
        names: Attribute names by number.
        values: Texts by number.
        is_text: For each name, whether its values are numbers of texts.
        outer: Where names that are numbers again lead, None for this table itself.
    """

    names: tuple[str, ...]
    values: tuple[str, ...]
    is_text: tuple[bool, ...]
    outer: NameTable | None = None

    def restore(self, attributes: Any) -> None:
        """Give attributes, a map of messages, their real names, and texts in place of the numbers of texts."""
        for name in [name for name in attributes if number_of(name) is not None]:
            real, value = self._real(name, attributes[name])
            if real != name:
                attributes[real].CopyFrom(value)
                del attributes[name]

    def _real(self, name: str, value: Any) -> tuple[str, Any]:
        table = self
        for _ in range(ROUNDS):
            index = number_of(name)
            if index is None or index >= len(table.names):
                break
            if index < len(table.is_text) and table.is_text[index]:
                value = table._with_text(value)
            name = table.names[index]
            table = table.outer or table
        return name, value

    def _with_text(self, value: Any) -> Any:
        is_list = value.WhichOneof("value") == "list"
        numbers = integers({"": value}, "") if is_list else (value.i,)
        if not numbers or not all(0 <= number < len(self.values) for number in numbers):
            return value
        result = type(value)()
        texts = [self.values[number].encode() for number in numbers]
        if is_list:
            result.list.s.extend(texts)
            result.list.val_type = STRING
        else:
            result.s = texts[0]
        return result


def number_of(name: str) -> int | None:
    """Return the number a compressed name stands for, None for a plain name."""
    if not 2 <= len(name) <= DIGITS + 1 or name[0] != "\0":
        return None
    number = 0
    for digit in reversed(name[1:]):
        number = number * 127 + ord(digit) - 1
    return number
