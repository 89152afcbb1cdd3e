"""Attributes: the compile-time parameters of ops, compared by value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias, TypeVar

from modelc.ir.blob import Blob
from modelc.ir.types import Element, Shape, TensorType, format_shape


@dataclass(frozen=True, slots=True)
class ShapeAttribute:
    """A shape as an attribute, so that it cannot be mistaken for a list of integers."""

    dims: Shape

    def __str__(self) -> str:
        return f"shape{format_shape(self.dims)}"


@dataclass(frozen=True, slots=True)
class Symbol:
    """A reference to a function of the model by name, with the attributes it is called with."""

    name: str
    attributes: tuple[tuple[str, Attribute], ...] = ()

    def __str__(self) -> str:
        return f"@{self.name}"


@dataclass(frozen=True, slots=True)
class Dense:
    """A tensor as an attribute: its type and its bytes."""

    type: TensorType
    blob: Blob = field(compare=True)


Scalar: TypeAlias = bool | int | float | str | bytes
Attribute: TypeAlias = Scalar | Element | TensorType | ShapeAttribute | Symbol | Dense | Blob | tuple["Attribute", ...]
Attributes: TypeAlias = Mapping[str, Attribute]

T = TypeVar("T")


class BadAttributeError(Exception):
    """An attribute is absent or has another kind than its op needs."""


def get(attributes: Attributes, name: str, kind: type[T], default: T | None = None) -> T:
    """Return attribute `name`, which must be a `kind`.

    Raises:
        BadAttributeError: It is absent and there is no default, or it has another kind.
    """
    value = attributes.get(name, default)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        found = "missing" if value is None else f"{value!r}"
        raise BadAttributeError(f"attribute `{name}` must be a {kind.__name__}, it is {found}")
    return value


def ints(attributes: Attributes, name: str, default: tuple[int, ...] | None = None) -> tuple[int, ...]:
    """Return attribute `name` as a tuple of integers; raises BadAttributeError as `get` does."""
    value = get(attributes, name, tuple, default)
    if not all(isinstance(item, int) for item in value):
        raise BadAttributeError(f"attribute `{name}` must be a list of integers, it is {value!r}")
    return tuple(int(item) for item in value)
