"""Numbers and names of element types in the Graph Engine.

There are two numberings: attributes such as `Cast.dst_type` hold the number of the C++ interface, tensor descriptors
in a model file hold that of the file format.
"""

from __future__ import annotations

from dataclasses import dataclass

from modelc.ir.opdef import Slot
from modelc.ir.types import ELEMENTS, Element, TensorType, Type


@dataclass(frozen=True, slots=True)
class DataType:
    """How the Graph Engine speaks of one element type.

    Attributes:
        element: The element type in the IR.
        cpp: Its number in the C++ interface, as integer attributes hold it.
        proto: Its number in model files.
        name: Its name in texts, `DT_FLOAT16`.
    """

    element: Element
    cpp: int
    proto: int
    name: str


UNDEFINED_CPP = 28
UNDEFINED_PROTO = 0

_TABLE = """
f32      0  1  DT_FLOAT
f16      1  2  DT_FLOAT16
i8       2  3  DT_INT8
i32      3  7  DT_INT32
u8       4  4  DT_UINT8
i16      6  5  DT_INT16
u16      7  6  DT_UINT16
u32      8  9  DT_UINT32
i64      9  8  DT_INT64
u64      10 10 DT_UINT64
f64      11 12 DT_DOUBLE
bool     12 11 DT_BOOL
string   13 13 DT_STRING
c64      16 16 DT_COMPLEX64
c128     17 17 DT_COMPLEX128
qi8      18 18 DT_QINT8
qi16     19 19 DT_QINT16
qi32     20 20 DT_QINT32
qu8      21 21 DT_QUINT8
qu16     22 22 DT_QUINT16
resource 23 23 DT_RESOURCE
variant  26 26 DT_VARIANT
bf16     27 27 DT_BFLOAT16
"""


def _parse(line: str) -> DataType:
    element, cpp, proto, name = line.split()
    return DataType(ELEMENTS[element], int(cpp), int(proto), name)


DATA_TYPES: dict[str, DataType] = {entry.element.name: entry for entry in map(_parse, _TABLE.strip().splitlines())}
_BY_CPP = {entry.cpp: entry.element for entry in DATA_TYPES.values()}
_BY_PROTO = {entry.proto: entry.element for entry in DATA_TYPES.values()}


def cpp_number(element: Element) -> int:
    """Return the number of `element` in the C++ interface, as integer attributes hold it."""
    return DATA_TYPES[element.name].cpp


def proto_number(element: Element) -> int:
    """Return the number of `element` in model files."""
    return DATA_TYPES[element.name].proto


def element_of_cpp(number: int) -> Element | None:
    """Return the element type with this number in the C++ interface, None for one the IR lacks."""
    return _BY_CPP.get(number)


def element_of_proto(number: int) -> Element | None:
    """Return the element type with this number in model files, None for one the IR lacks."""
    return _BY_PROTO.get(number)


# atc's default precision mode puts a cast to half precision before an op that has no single precision.
_NARROWED = {"f32": "f16"}


def takes(slot: Slot, type_: Type) -> bool:
    """Whether an operand or result of a prototype may be of `type_`; what is not known is allowed.

    Casts that the default precision mode puts in are reckoned with.
    """
    if not slot.elements or not isinstance(type_, TensorType) or type_.element is None:
        return True
    return type_.element.name in slot.elements or _NARROWED.get(type_.element.name) in slot.elements
