"""Ops and types as the messages that ONNX's own library works with.

A value's name is its business in here: callers say how operands and results are called.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import onnx

from modelc.dialects.onnx.dtypes import onnx_number
from modelc.ir.attributes import Attribute, Attributes, Dense
from modelc.ir.constants import to_array
from modelc.ir.types import Dim, TensorType


class UnserializableError(Exception):
    """ONNX cannot say this; the text is a clause."""


def node_proto(op_type: str, attributes: Attributes, inputs: Sequence[str], outputs: Sequence[str]) -> Any:
    """Return an op as a node without nested graphs.

    Args:
        op_type: ONNX's name of the operation.
        attributes: Its attributes.
        inputs: Names of the operands, empty for one that is left out; empty names at the end are dropped.
        outputs: Names of the results, likewise.

    Raises:
        UnserializableError: An attribute is of a kind that ONNX lacks.
    """
    node = onnx.NodeProto(op_type=op_type)
    node.input.extend(_without_tail(inputs))
    node.output.extend(_without_tail(outputs))
    node.attribute.extend(attribute_proto(name, attributes[name]) for name in sorted(attributes))
    return node


def _without_tail(names: Sequence[str]) -> Sequence[str]:
    count = len(names)
    while count and not names[count - 1]:
        count -= 1
    return names[:count]


def attribute_proto(name: str, value: Attribute) -> Any:
    """Return an attribute as a message; raises UnserializableError for a kind that ONNX lacks."""
    if isinstance(value, Dense):
        return onnx.helper.make_attribute(name, tensor_proto(value))
    kind = _kind(value)
    if kind is None:
        raise UnserializableError(f"has the attribute `{name}` of a kind that ONNX lacks: {value!r}")
    items = tuple(map(_plain, value)) if isinstance(value, tuple) else _plain(value)
    return onnx.helper.make_attribute(name, items, attr_type=kind)


_SINGLE = {bool: "INT", int: "INT", float: "FLOAT", str: "STRING", bytes: "STRING"}


def _kind(value: Attribute) -> int | None:
    if not isinstance(value, tuple):
        word = _SINGLE.get(type(value))
        return None if word is None else int(onnx.AttributeProto.AttributeType.Value(word))
    words = {_SINGLE.get(type(item)) for item in value} or {"INT"}
    word = words.pop()
    return None if word is None or words else int(onnx.AttributeProto.AttributeType.Value(f"{word}S"))


def _plain(value: Attribute) -> Attribute:
    return int(value) if isinstance(value, bool) else value


def tensor_proto(value: Dense) -> Any:
    """Return a small tensor as a message; raises UnserializableError for an element type that ONNX lacks."""
    return onnx.numpy_helper.from_array(to_array(value.blob, value.type))


def type_proto(type_: TensorType) -> Any:
    """Return a tensor type as a message; raises UnserializableError for an element type that ONNX lacks."""
    number = None if type_.element is None else onnx_number(type_.element)
    if number is None:
        raise UnserializableError(f"has elements of {type_.element or 'an unknown type'}, which ONNX lacks")
    proto = onnx.TypeProto()
    proto.tensor_type.elem_type = number
    if type_.shape is not None:
        proto.tensor_type.shape.SetInParent()
        for dim in type_.shape:
            _set_dim(proto.tensor_type.shape.dim.add(), dim)
    return proto


def _set_dim(proto: Any, dim: Dim) -> None:
    if isinstance(dim, str):
        proto.dim_param = dim
    elif dim is not None:
        proto.dim_value = dim
