"""How much memory a message will take once it is parsed, told from its bytes.

An empty message takes two bytes in a file and two hundred in memory, and an op some thousands as part of a graph: a
small file can describe what no machine holds. So bytes are weighed before they are parsed. What is weighed is not
checked; the parser does that.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from modelc.frontends.wire import LENGTH_DELIMITED, SIZES, VARINT, BadVarintError, read_varint

# bytes by which a parsed message is larger than the fields it has, and what is made of it afterwards
_OVERHEAD: Final = 32
_MADE_OF: Final = {"OpDef": 3000, "TensorDescriptor": 150, "AttrDef": 100, "TaskDef": 500, "GraphDef": 3000}
_TEXT: Final = 48  # one text of a list, as it is and as Python sees it
_MAP_ENTRY: Final = 96
_PER_BYTE: Final = 48  # of a packed list: a byte may be a number
_REMEMBERED: Final = 1 << 15  # messages whose weight is kept, of at most that many bytes:
_SHORT: Final = 384


@dataclass(slots=True, eq=False)
class _Kind:
    """One kind of message.

    Attributes:
        weight: Bytes of an empty one.
        messages: The kinds of messages in it, by wire tag.
        texts: Tags of lists of texts.
        packed: Tags of lists of numbers.
    """

    weight: int = 0
    messages: dict[int, _Kind] = field(default_factory=dict[int, "_Kind"])
    texts: set[int] = field(default_factory=set[int])
    packed: set[int] = field(default_factory=set[int])


class Scale:
    """Weighs messages of one kind."""

    def __init__(self, descriptor: Descriptor) -> None:
        self._kinds: dict[str, _Kind] = {}
        self._root = self._kind(descriptor)
        self._known: dict[tuple[int, bytes], int] = {}

    def weigh(self, data: bytes, most: int) -> int:
        """Return about how many bytes of memory a message takes, or some number above `most` when it takes more."""
        total, stack = 0, [(self._root, 0, len(data))]
        try:
            while stack and total <= most:
                kind, position, end = stack.pop()
                total += self._fields(kind, data, position, end, lambda *inner: stack.append(inner))
        except (BadVarintError, IndexError):
            pass  # the parser finds the same fault, at the same place
        self._known.clear()
        return total

    def _fields(
        self, kind: _Kind, data: bytes, position: int, end: int, later: Callable[[_Kind, int, int], None]
    ) -> int:
        """Return the weight of a message without long messages in it, which are weighed later."""
        total = kind.weight
        while position < end:
            tag, position = read_varint(data, position)
            wire = tag & 7
            if wire == VARINT:
                while data[position] > 127:
                    position += 1
                position += 1
                continue
            size = SIZES.get(wire, 0)
            if wire == LENGTH_DELIMITED:
                size, position = read_varint(data, position)
                inner = kind.messages.get(tag)
                if inner is not None:
                    if size > _SHORT:
                        later(inner, position, min(position + size, end))
                    else:
                        total += self._short(inner, data[position : position + size])
                elif tag in kind.packed:
                    total += _PER_BYTE * size
                elif tag in kind.texts:
                    total += _TEXT
            position += size
        return total

    def _short(self, kind: _Kind, data: bytes) -> int:
        """Return the weight of a short message; the same one is often there again."""
        key = (id(kind), data)
        weight = self._known.get(key)
        if weight is None:
            inner: list[tuple[_Kind, int, int]] = []
            weight = self._fields(kind, data, 0, len(data), lambda *each: inner.append(each))
            if len(self._known) < _REMEMBERED:
                self._known[key] = weight
        return weight

    def _kind(self, descriptor: Descriptor) -> _Kind:
        known = self._kinds.get(descriptor.full_name)
        if known is not None:
            return known
        kind = self._kinds[descriptor.full_name] = _Kind()
        is_entry = descriptor.GetOptions().map_entry
        kind.weight = _OVERHEAD + _MADE_OF.get(descriptor.name, 0) + (_MAP_ENTRY if is_entry else 0)
        for each in descriptor.fields:
            tag = each.number << 3 | LENGTH_DELIMITED
            kind.weight += 16 if each.type in (FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES) else 8
            if each.message_type is not None:
                kind.messages[tag] = self._kind(each.message_type)
            elif each.is_repeated:
                is_text = each.type in (FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES)
                (kind.texts if is_text else kind.packed).add(tag)
        return kind
