"""Attributes of ops between the IR and `AttrDef` messages, by the kinds that prototypes declare."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from modelc.ir.attributes import Attribute, ShapeAttribute
from modelc.ir.blob import Blob, BlobError
from modelc.ir.types import Element
from modelc_backends.om.numbers import attribute_number, attribute_type

# names the Graph Engine keeps for itself: written from the graph, never taken from an op's attributes
META: Final = frozenset(
    {
        "_input_name_key",
        "_input_name_value",
        "_output_name_key",
        "_output_name_value",
        "_opt_input",
        "_datadump_original_op_names",
        "modelc_origin_types",
    }
)
# and those in which newer versions of it note what they recover from their own prototypes
RECOVERED: Final = frozenset(
    {
        "_ir_attr_names",
        "_ir_inputs_key",
        "_ir_inputs_value",
        "_ir_outputs_key",
        "_ir_outputs_value",
    }
)
INLINE: Final = 1 << 16  # bytes an attribute other than a constant's value may hold
STRING, INT, FLOAT, BOOL, DATA_TYPE = 1, 2, 3, 4, 10  # values of ListValueType
_I64 = range(-(1 << 63), 1 << 63)
_F32_MAX = 3.4028235677973366e38  # what rounds to infinity begins here


class WrongKindError(Exception):
    """A value is not of the kind that its attribute must have; the text names the kind, as a noun with its article."""


def _int(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value not in _I64:
        raise WrongKindError("an integer")
    return value


def _float(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise WrongKindError("a number")
    number = float(value)
    if math.isfinite(number) and abs(number) >= _F32_MAX:
        raise WrongKindError("a number within the range of float32")
    return number


def _bool(value: object) -> bool:
    if not isinstance(value, bool):
        raise WrongKindError("true or false")
    return value


def _bytes(value: object) -> bytes:
    if isinstance(value, str):
        return value.encode("utf-8", "replace")
    if not isinstance(value, bytes):
        raise WrongKindError("a text")
    return value


def _dtype(value: object) -> int:
    number = attribute_number(value) if isinstance(value, Element | str) else None
    if number is None:
        raise WrongKindError("an element type")
    return number


@dataclass(frozen=True, slots=True)
class _Kind:
    """How one scalar kind is written.

    Attributes:
        field: The field of `AttrDef`, and of `ListValue` for lists of it.
        convert: Returns what the field takes; raises WrongKindError.
        list_type: What `val_type` says of lists of it.
    """

    field: str
    convert: Callable[[object], Any]
    list_type: int


_KINDS = {
    "Int": _Kind("i", _int, INT),
    "Float": _Kind("f", _float, FLOAT),
    "Bool": _Kind("b", _bool, BOOL),
    "String": _Kind("s", _bytes, STRING),
    "Type": _Kind("dt", _dtype, DATA_TYPE),
}
_KIND_OF_FIELD = {kind.field: name for name, kind in _KINDS.items()}
_FIELD_OF_LIST = {kind.list_type: kind.field for kind in _KINDS.values()}


def encode(attributes: Any, name: str, kind: str, value: Attribute) -> None:
    """Put `value` under `name` into a map of `AttrDef`.

    Args:
        attributes: The map.
        name: The attribute's name.
        kind: What the prototype declares it as; empty to go by the value.
        value: The value.

    Raises:
        WrongKindError: The value is not of that kind.
    """
    kind = kind or kind_of(value)
    if kind == "Bytes":
        attributes[name].bt = _inline(value)
    elif kind == "ListListInt":
        rows = attributes[name].list_list_int
        rows.SetInParent()
        for row in _items(value):
            rows.list_list_i.add(list_i=[_int(item) for item in _items(row)])
    elif kind.startswith("List"):
        scalar = _KINDS[kind.removeprefix("List")]
        items = [scalar.convert(item) for item in _items(value)]
        message = attributes[name].list
        message.val_type = scalar.list_type
        getattr(message, scalar.field).extend(items)
    elif kind in _KINDS:
        setattr(attributes[name], _KINDS[kind].field, _KINDS[kind].convert(value))
    else:
        raise WrongKindError("something that the format can say")


def encode_plain(attributes: Any, name: str, field: str, items: Sequence[object]) -> None:
    """Put a list under `name` the way the Graph Engine writes its own name tables: without `val_type`."""
    if items:
        getattr(attributes[name].list, field).extend(items)


def kind_of(value: Attribute) -> str:
    """Return the kind under which an attribute that no prototype declares is written.

    Raises:
        WrongKindError: There is none.
    """
    for type_, kind in _KIND_OF_VALUE.items():
        if isinstance(value, type_):
            return kind
    if not isinstance(value, tuple):
        raise WrongKindError("something that the format can say")
    kinds = {kind_of(item) for item in value} or {"Int"}
    if kinds == {"Int", "Float"}:
        return "ListFloat"
    if kinds == {"ListInt"}:
        return "ListListInt"
    kind = kinds.pop()
    if kinds or kind not in _KINDS:
        raise WrongKindError("a list of values of one kind")
    return f"List{kind}"


_KIND_OF_VALUE: dict[type, str] = {
    bool: "Bool",  # before int, whose subclass it is
    int: "Int",
    float: "Float",
    str: "String",
    bytes: "String",
    Element: "Type",
    ShapeAttribute: "ListInt",
    Blob: "Bytes",
}


def _items(value: object) -> tuple[object, ...]:
    if isinstance(value, ShapeAttribute):
        if value.dims is None:
            return (-2,)
        return tuple(dim if isinstance(dim, int) else -1 for dim in value.dims)
    if not isinstance(value, tuple):
        raise WrongKindError("a list")
    return value


def _inline(value: object) -> bytes:
    if not isinstance(value, Blob) or value.nbytes > INLINE:
        raise WrongKindError(f"at most {INLINE} bytes")
    try:
        return value.read()
    except BlobError as error:
        raise WrongKindError(f"readable: {error}") from error


def decode(message: Any, kind: str = "") -> Attribute | None:
    """Return the value of an `AttrDef`, None for one that is empty or of a kind the IR cannot hold.

    Args:
        message: The message.
        kind: What the prototype declares, where it does: tells integers from element types.
    """
    field = message.WhichOneof("value")
    if field == "list":
        return _decode_list(message.list, kind)
    if field == "list_list_int":
        return tuple(tuple(row.list_i) for row in message.list_list_int.list_list_i)
    if field == "list_list_float":
        return tuple(tuple(row.list_f) for row in message.list_list_float.list_list_f)
    if field == "expression":
        return _text(message.expression)
    if field not in _KIND_OF_FIELD:
        return None
    return _scalar(field, getattr(message, field), kind)


def _decode_list(message: Any, kind: str) -> Attribute | None:
    field = _FIELD_OF_LIST.get(message.val_type)
    if field is None and not message.val_type:
        field = next((name for name in _KIND_OF_FIELD if len(getattr(message, name))), "i" if kind else None)
    if field is None:
        return None
    return tuple(_scalar(field, item, kind.removeprefix("List")) for item in getattr(message, field))


def _scalar(field: str, value: Any, kind: str) -> Attribute:
    if field == "s":
        return _text(value)
    if kind == "Type" or (field == "dt" and kind != "Int"):
        return attribute_type(value)
    result: Attribute = value
    return result


def _text(data: bytes) -> str | bytes:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data


def strings(attributes: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """Return a list of texts among attributes in messages, empty when it is absent."""
    if name not in attributes:
        return ()
    return tuple(item.decode(errors="replace") for item in attributes[name].list.s)


def integers(attributes: Mapping[str, Any], name: str) -> tuple[int, ...]:
    """Return a list of integers among attributes in messages, empty when it is absent."""
    return tuple(attributes[name].list.i) if name in attributes else ()


def integer(attributes: Mapping[str, Any], name: str) -> int | None:
    """Return an integer among attributes in messages, None when it is absent or of another kind."""
    if name not in attributes or attributes[name].WhichOneof("value") != "i":
        return None
    return int(attributes[name].i)
