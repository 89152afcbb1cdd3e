"""Types of values between the IR and `TensorDescriptor` messages."""

from __future__ import annotations

from typing import Any

from modelc.dialects.ge.dtypes import UNDEFINED_PROTO, element_of_proto, proto_number
from modelc.ir.types import NONE, Dim, Shape, TensorType, TokenType, Type
from modelc_backends.om.attributes import encode
from modelc_backends.om.numbers import FORMAT_NUMBER, TOKENS
from modelc_backends.om.schema import message

NO_LAYOUT = "FORMAT_RESERVED"
UNKNOWN_DIM, UNKNOWN_RANK = -1, -2

_DIMS = range(1 << 63)
_NUMBER_OF_TOKEN = {token: number for number, token in TOKENS.items()}


def is_writable(type_: Type) -> bool:
    """Whether descriptors can say `type_`."""
    if isinstance(type_, TensorType):
        return type_.element is not None and all(dim in _DIMS for dim in type_.shape or () if isinstance(dim, int))
    return type_ is NONE or type_ in _NUMBER_OF_TOKEN


def descriptor(type_: Type, layout: str) -> Any:
    """Return the descriptor of a value; `none` gives the one that marks an operand as skipped."""
    result = message("TensorDescriptor")(device_type="NPU")
    if type_ is NONE:
        result.dtype, layout = UNDEFINED_PROTO, NO_LAYOUT
    elif isinstance(type_, TokenType):
        result.dtype = _NUMBER_OF_TOKEN[type_]
    elif type_.element is not None:
        result.dtype = proto_number(type_.element)
        _put_shape(result, type_)
    result.layout = layout
    encode(result.attr, "origin_format", "String", layout)
    encode(result.attr, "origin_format_for_int", "Int", FORMAT_NUMBER[layout])
    encode(result.attr, "format_for_int", "Int", FORMAT_NUMBER[layout])
    return result


def _put_shape(result: Any, type_: TensorType) -> None:
    result.shape.SetInParent()
    if type_.shape is None:
        result.shape.dim.append(UNKNOWN_RANK)
        return
    result.shape.dim.extend(dim if isinstance(dim, int) else UNKNOWN_DIM for dim in type_.shape)
    if type_.is_static:
        encode(result.attr, "origin_shape_initialized", "Bool", True)
        encode(result.attr, "origin_shape", "ListInt", type_.dims)


def is_skipped(message_: Any) -> bool:
    """Whether a descriptor marks an operand as skipped."""
    return bool(message_.dtype == UNDEFINED_PROTO and message_.layout == NO_LAYOUT)


def type_of(message_: Any) -> Type:
    """Return the type a descriptor says; what the IR cannot say is unknown in it."""
    token = TOKENS.get(message_.dtype)
    return token if token is not None else TensorType(element_of_proto(message_.dtype), shape_of(message_))


def shape_of(message_: Any) -> Shape:
    """Return the shape a descriptor says."""
    dims = tuple(message_.shape.dim)
    if dims == (UNKNOWN_RANK,):
        return None
    shape: tuple[Dim, ...] = tuple(dim if dim >= 0 else None for dim in dims)
    return shape
