"""Types of values: element types, dimensions, tensors and tokens.

Types describe, so they compare by value. A dimension is an `int`, the name of a symbol (`str`), or `None`
where nothing is known; a shape is a tuple of dimensions, or `None` where even the rank is unknown.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

Dim: TypeAlias = int | str | None
Shape: TypeAlias = tuple[Dim, ...] | None


@dataclass(frozen=True, slots=True)
class Element:
    """The type of one element of a tensor.

    Attributes:
        name: The spelling in the textual IR, `f32`.
        numpy: The spelling numpy (with ml_dtypes) knows, `float32`; quantized types name their storage.
        bits: Storage of one element, 0 where it has no fixed size.
        family: `float`, `int`, `uint`, `bool`, `complex`, `quantized`, `string` or `opaque`.
    """

    name: str
    numpy: str
    bits: int
    family: str

    @property
    def nbytes(self) -> int:
        """Bytes one element occupies, 0 for elements without a fixed size."""
        return self.bits // 8

    def __str__(self) -> str:
        return self.name


ELEMENTS: dict[str, Element] = {
    name: Element(name, numpy, bits, family)
    for name, numpy, bits, family in (
        ("f16", "float16", 16, "float"),
        ("bf16", "bfloat16", 16, "float"),
        ("f32", "float32", 32, "float"),
        ("f64", "float64", 64, "float"),
        ("i8", "int8", 8, "int"),
        ("i16", "int16", 16, "int"),
        ("i32", "int32", 32, "int"),
        ("i64", "int64", 64, "int"),
        ("u8", "uint8", 8, "uint"),
        ("u16", "uint16", 16, "uint"),
        ("u32", "uint32", 32, "uint"),
        ("u64", "uint64", 64, "uint"),
        ("bool", "bool", 8, "bool"),
        ("c64", "complex64", 64, "complex"),
        ("c128", "complex128", 128, "complex"),
        ("qi8", "int8", 8, "quantized"),
        ("qu8", "uint8", 8, "quantized"),
        ("qi16", "int16", 16, "quantized"),
        ("qu16", "uint16", 16, "quantized"),
        ("qi32", "int32", 32, "quantized"),
        ("string", "object", 0, "string"),
        ("resource", "object", 0, "opaque"),
        ("variant", "object", 0, "opaque"),
    )
}

F16, BF16, F32, F64 = (ELEMENTS[name] for name in ("f16", "bf16", "f32", "f64"))
I8, I16, I32, I64 = (ELEMENTS[name] for name in ("i8", "i16", "i32", "i64"))
U8, U16, U32, U64 = (ELEMENTS[name] for name in ("u8", "u16", "u32", "u64"))
BOOL, STRING = ELEMENTS["bool"], ELEMENTS["string"]

_BY_NUMPY = {e.numpy: e for e in ELEMENTS.values() if e.family not in ("quantized", "opaque")}


def element_of_numpy(name: str) -> Element:
    """Return the element type numpy calls `name` (`float32`); raises KeyError for one the IR lacks."""
    return _BY_NUMPY[name]


def format_dim(dim: Dim) -> str:
    """Return `dim` as the textual IR spells it."""
    return "?" if dim is None else str(dim)


def format_shape(shape: Shape) -> str:
    """Return `[1, n, ?]`, or `[*]` for an unknown rank."""
    return "[*]" if shape is None else f"[{', '.join(map(format_dim, shape))}]"


@dataclass(frozen=True, slots=True)
class TensorType:
    """An n-dimensional array.

    Attributes:
        element: The element type; None while nothing is known.
        shape: The dimensions; None for an unknown rank.
    """

    element: Element | None
    shape: Shape = None

    @property
    def rank(self) -> int | None:
        """The number of dimensions, None when unknown."""
        return None if self.shape is None else len(self.shape)

    @property
    def is_static(self) -> bool:
        """Whether every dimension is a known number."""
        return self.shape is not None and all(isinstance(d, int) for d in self.shape)

    @property
    def dims(self) -> tuple[int, ...]:
        """The dimensions of a static shape.

        Raises:
            ValueError: The shape is not static.
        """
        if self.shape is None:
            raise ValueError(f"{self} has an unknown rank")
        dims = tuple(d for d in self.shape if isinstance(d, int))
        if len(dims) != len(self.shape):
            raise ValueError(f"{self} has unknown dimensions")
        return dims

    @property
    def size(self) -> int:
        """The number of elements of a static shape; raises ValueError for another."""
        return math.prod(self.dims)

    @property
    def nbytes(self) -> int:
        """Bytes of a static tensor; raises ValueError where shape or element size is unknown."""
        if self.element is None or not self.element.nbytes:
            raise ValueError(f"{self} has no fixed element size")
        return self.size * self.element.nbytes

    def with_shape(self, shape: Iterable[Dim] | None) -> TensorType:
        """Return the same element type in another shape."""
        return TensorType(self.element, None if shape is None else tuple(shape))

    def with_element(self, element: Element | None) -> TensorType:
        """Return the same shape with another element type."""
        return TensorType(element, self.shape)

    def __str__(self) -> str:
        return f"{self.element or '?'}{format_shape(self.shape)}"


@dataclass(frozen=True, slots=True)
class TokenType:
    """A value without elements: an order (`control`), a handle (`resource`, `variant`) or nothing (`none`)."""

    name: str

    def __str__(self) -> str:
        return self.name


CONTROL = TokenType("control")
RESOURCE = TokenType("resource")
VARIANT = TokenType("variant")
NONE = TokenType("none")

Type: TypeAlias = TensorType | TokenType

UNKNOWN = TensorType(None, None)


def tensor(element: Element, *dims: Dim) -> TensorType:
    """Return the tensor type with these dimensions; without any, a scalar."""
    return TensorType(element, dims)


def is_refinement(new: Type, old: Type) -> bool:
    """Whether `new` says all that `old` says, and perhaps more."""
    if isinstance(new, TokenType) or isinstance(old, TokenType):
        return new == old
    if old.element is not None and new.element != old.element:
        return False
    if old.shape is None:
        return True
    return (
        new.shape is not None
        and len(new.shape) == len(old.shape)
        and all(_refines(n, o) for n, o in zip(new.shape, old.shape, strict=True))
    )


def _refines(new: Dim, old: Dim) -> bool:
    return old is None or new == old or (isinstance(old, str) and new is not None)


def are_compatible(a: Type, b: Type) -> bool:
    """Whether one value can be of both types: nothing that both say contradicts."""
    if isinstance(a, TokenType) or isinstance(b, TokenType):
        return a == b
    if a.element is not None and b.element is not None and a.element != b.element:
        return False
    if a.shape is None or b.shape is None:
        return True
    return len(a.shape) == len(b.shape) and all(
        m == n or not isinstance(m, int) or not isinstance(n, int) for m, n in zip(a.shape, b.shape, strict=True)
    )


def join_shapes(shapes: Sequence[Shape]) -> Shape:
    """Return the most that holds of every one of `shapes`."""
    if not shapes or any(s is None for s in shapes):
        return None
    known = [s for s in shapes if s is not None]
    if len({len(s) for s in known}) != 1:
        return None
    return tuple(dims[0] if all(d == dims[0] for d in dims) else None for dims in zip(*known, strict=True))
