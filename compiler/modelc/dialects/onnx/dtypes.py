"""Types in ONNX: numbers of element types, which attributes and tensors in a file share, and types in messages."""

from __future__ import annotations

from typing import Any

from modelc.ir.types import ELEMENTS, UNKNOWN, Dim, Element, TensorType

_TABLE = """
f32 1 float
u8 2 uint8
i8 3 int8
u16 4 uint16
i16 5 int16
i32 6 int32
i64 7 int64
string 8 string
bool 9 bool
f16 10 float16
f64 11 double
u32 12 uint32
u64 13 uint64
c64 14 complex64
c128 15 complex128
bf16 16 bfloat16
"""
_ROWS = [line.split() for line in _TABLE.strip().splitlines()]
_NUMBERS = {name: int(number) for name, number, _ in _ROWS}
_BY_NUMBER = {int(number): ELEMENTS[name] for name, number, _ in _ROWS}
_BY_CONSTRAINT = {f"tensor({word})": name for name, _, word in _ROWS}


def onnx_number(element: Element) -> int | None:
    """Return ONNX's number of `element`, None for one it lacks."""
    return _NUMBERS.get(element.name)


def element_of_onnx(number: int) -> Element | None:
    """Return the element type with this number in ONNX, None for one the IR lacks."""
    return _BY_NUMBER.get(number)


def element_of_constraint(text: str) -> str | None:
    """Return the name of the element type that a schema spells `tensor(float)`, None for what is no tensor of ours."""
    return _BY_CONSTRAINT.get(text)


def type_of_proto(proto: Any) -> TensorType:
    """Return the tensor type that a message states; what it leaves open, or what is no tensor, is unknown."""
    if proto.WhichOneof("value") != "tensor_type":
        return UNKNOWN
    tensor = proto.tensor_type
    shape = tuple(map(_dim, tensor.shape.dim)) if tensor.HasField("shape") else None
    return TensorType(element_of_onnx(tensor.elem_type), shape)


def _dim(proto: Any) -> Dim:
    word = proto.WhichOneof("value")
    if word == "dim_value":
        return int(proto.dim_value)
    return str(proto.dim_param) or None if word == "dim_param" else None
