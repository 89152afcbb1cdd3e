"""What names say in the textual IR: how they are made unique, and what follows from them without being written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from modelc.ir.attributes import ShapeAttribute
from modelc.ir.graph import Graph
from modelc.ir.op import Op, Value, result_name
from modelc.ir.origin import NOWHERE, Origin
from modelc.ir.types import Element, TensorType, Type
from modelc.text.literals import read_value_name, value_name

FRAMEWORKS = {"tf": "tensorflow", "onnx": "onnx", "caffe": "caffe"}


class Names(dict[Value, str]):
    """The spelled name of every value of one graph: hints made unique in order of definition.

    A value without a hint is `%_0`, `%_1`, ...; one that nobody reads is `%_` when its hint, if any, follows from that
    of its op's first result.
    """

    def __init__(self, graph: Graph) -> None:
        super().__init__()
        self._taken: set[str] = set()
        self._counts: dict[str, int] = {}
        self._nameless = 0
        for op in graph:
            for value in op.results:
                self[value] = self._spell(op, value)

    def __missing__(self, value: Value) -> str:
        # Not of this graph, which only a broken graph has: still printed, so that it can be seen.
        return value_name(value.name) if value.name else "%_"

    def _spell(self, op: Op, value: Value) -> str:
        first = op.results[0]
        derived = op.kind != "input" and value.index > 0
        derived = derived and value.name == result_name(first.name, value.index, value.type)
        if not value.readers and (derived or not value.name):
            return "%_"
        if not value.name:
            self._nameless += 1
            return f"%_{self._nameless - 1}"
        if derived and self[first] != "%_":
            return self._unique(result_name(read_value_name(self[first]), value.index, value.type))
        return self._unique(value.name)

    def _unique(self, hint: str) -> str:
        name = hint
        while name in self._taken:
            count = self._counts[hint] = self._counts.get(hint, 0) + 1
            name = _numbered(hint, count)
        self._taken.add(name)
        return value_name(name)


def _numbered(hint: str, count: int) -> str:
    stem, colon, index = hint.rpartition(":")
    return f"{stem}_{count}:{index}" if colon and index.isdecimal() else f"{hint}_{count}"


def public_names(op: Op) -> tuple[str, ...] | None:
    """Return the public names of the inputs or outputs that `op` states, None where it is neither."""
    if op.kind not in ("input", "return"):
        return None
    values = op.results if op.kind == "input" else op.operands
    names = op.attributes.get("names")
    if isinstance(names, tuple) and len(names) == len(values):
        return tuple(map(str, names))
    return tuple(value.name or f"{op.kind}{index}" for index, value in enumerate(values))


def default_names(kind: str, spelled: Sequence[str]) -> tuple[str, ...]:
    """Return the public names that inputs or outputs have when the text gives none."""
    return tuple(read_value_name(name) or f"{kind}{index}" for index, name in enumerate(spelled))


def derived_origin(kind: str, first_result: str) -> Origin:
    """Return the origin of an op whose text gives none.

    An op of a source dialect stands for the source node that has the name of its first result; a `const` stands for a
    TensorFlow node, every other op for nothing.

    Args:
        kind: The kind of the op.
        first_result: The spelled name of its first result, empty when it has none.
    """
    name = read_value_name(first_result).removeprefix("^") if first_result else ""
    prefix, _, op_type = kind.partition(".")
    framework = "tensorflow" if kind == "const" else FRAMEWORKS.get(prefix, "")
    if not name or not framework:
        return NOWHERE
    return Origin.of(framework, name, op_type or "Const")


def value_type(kind: str, types: Sequence[Type], attributes: Mapping[str, object]) -> TensorType | None:
    """Return what is known of the tensor that a blob among the attributes of an op holds.

    It is the type of a `const`, else what the attributes `dtype` and `shape` say.
    """
    if kind == "const":
        return types[0] if types and isinstance(types[0], TensorType) else None
    element, shape = attributes.get("dtype"), attributes.get("shape")
    if not isinstance(element, Element):
        return None
    return TensorType(element, shape.dims if isinstance(shape, ShapeAttribute) else None)
