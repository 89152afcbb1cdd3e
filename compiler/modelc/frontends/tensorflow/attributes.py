"""AttrValue to attributes of the IR."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from modelc.dialects.tf import defaults
from modelc.frontends.tensorflow.tensor import ELEMENT_OF, TensorError, dtype_name, read_tensor, shape_of
from modelc.ir.attributes import Attribute, Dense, ShapeAttribute, Symbol

# Notes of TensorFlow to itself, which say nothing about the computation.
DROPPED = frozenset({"_output_shapes", "_class", "_has_manual_control_dependencies", "_construction_context"})
_DROPPED_PREFIX = "_xla"

_LISTS = ("i", "f", "s", "type", "shape", "b", "func", "tensor")
_DEPTH = 64


def _text(data: bytes) -> Attribute:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data


class AttributeReader:
    """Converts the attributes of nodes.

    Attributes:
        node: The node whose attributes are read.
        functions: The functions that attributes referred to, each with the first node that did.
    """

    def __init__(self, path: Path) -> None:
        """Make a reader for nodes that were cut from the file at `path`."""
        self.node = ""
        self.functions: dict[str, str] = {}
        self._path = path
        self._depth = 0
        self._convert: Mapping[str, Callable[[Any], Attribute]] = {
            "s": _text,
            "i": int,
            "f": float,
            "b": bool,
            "type": lambda number: ELEMENT_OF.get(number) or dtype_name(number),
            "shape": lambda proto: ShapeAttribute(shape_of(proto)),
            "tensor": self._dense,
            "list": self._list,
            "func": self._symbol,
            "placeholder": lambda name: f"${name}",
        }

    def read(self, op_type: str, attr: Mapping[str, Any]) -> dict[str, Attribute]:
        """Return the attributes of a node of type `op_type`, defaults filled in, in the order of the op table.

        Raises:
            TensorError: A tensor or shape is malformed, or functions are nested absurdly deep.
        """
        attributes = dict(defaults(op_type))
        for name in sorted(attr):
            value = attr[name]
            kind = value.WhichOneof("value")
            if kind is not None and name not in DROPPED and not name.startswith(_DROPPED_PREFIX):
                attributes[name] = self._convert[kind](getattr(value, kind))
        return attributes

    def _list(self, proto: Any) -> Attribute:
        for kind in _LISTS:
            items = getattr(proto, kind)
            if items:
                return tuple(map(self._convert[kind], items))
        return ()

    def _dense(self, proto: Any) -> Attribute:
        return Dense(*read_tensor(proto, self._path))

    def _symbol(self, proto: Any) -> Attribute:
        if self._depth > _DEPTH:
            raise TensorError("its function attributes are nested too deep")
        self._depth += 1
        try:
            attributes = self.read("", proto.attr)
        finally:
            self._depth -= 1
        self.functions.setdefault(proto.name, self.node)
        return Symbol(proto.name, tuple(attributes.items()))
