"""Op definitions: what an op of a kind is, kept apart from the ops themselves."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, TypeAlias

from modelc.ir.attributes import Attribute
from modelc.ir.op import Op
from modelc.ir.types import Type

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array: TypeAlias = NDArray[Any] | np.generic[Any]


class Mode(Enum):
    """How many values an operand or result slot stands for."""

    REQUIRED = "required"
    OPTIONAL = "optional"
    DYNAMIC = "dynamic"


@dataclass(frozen=True, slots=True)
class Slot:
    """One declared operand or result.

    Attributes:
        name: Its name in the prototype.
        mode: Exactly one value, at most one, or any number.
        elements: Names of the element types it takes; empty for any.
    """

    name: str
    mode: Mode = Mode.REQUIRED
    elements: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class AttributeDef:
    """One declared attribute.

    Attributes:
        name: Its name.
        kind: The prototype's word for it: `Int`, `ListInt`, `Float`, `ListFloat`, `String`, `Bool`, `Type`, `Tensor`,
            `ListListInt`, `Graph`, ...
        default: What holds when it is absent; None where it is required or has no default.
        required: Whether an op without it is wrong.
    """

    name: str
    kind: str
    default: Attribute | None = None
    required: bool = False


class InferenceError(Exception):
    """The operands of an op do not fit it; the text says which and why."""


Infer: TypeAlias = Callable[[Op], Sequence[Type]]
Evaluate: TypeAlias = "Callable[[Op, Sequence[NDArray[Any]]], Sequence[NDArray[Any]]]"

PURE = "pure"  # computes only from its operands; may be folded, merged and erased when unread
COMMUTATIVE = "commutative"
STATEFUL = "stateful"  # reads or changes something outside of its operands; never merged
RANDOM = "random"


@dataclass(frozen=True, slots=True)
class OpDef:
    """What an op of this kind takes, gives and means.

    Attributes:
        kind: `ge.Conv2D`.
        operands: Operand slots in order.
        results: Result slots in order.
        attributes: Declared attributes by name.
        traits: Of `PURE`, `COMMUTATIVE`, `STATEFUL`, `RANDOM`.
        infer: Result types from operands and attributes; raises InferenceError.
        evaluate: Results as numpy arrays from operands as numpy arrays, on the CPU.
        subgraphs: Names of the nested graphs.
    """

    kind: str
    operands: tuple[Slot, ...] = ()
    results: tuple[Slot, ...] = ()
    attributes: Mapping[str, AttributeDef] = field(default_factory=dict[str, AttributeDef])
    traits: frozenset[str] = frozenset()
    infer: Infer | None = None
    evaluate: Evaluate | None = None
    subgraphs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Dialect:
    """A set of op definitions under one prefix.

    Attributes:
        name: The prefix, `ge`.
        find: Returns the definition of an op by its kind without the prefix, None when there is none.
        kinds: Returns all kinds it knows, without the prefix.
    """

    name: str
    find: Callable[[str], OpDef | None]
    kinds: Callable[[], Sequence[str]]
