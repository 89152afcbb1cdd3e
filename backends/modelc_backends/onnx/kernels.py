"""Which element types onnxruntime computes with on the CPU, and the wider ones that stand in for the others.

The table (`kernels.json`) is read off onnxruntime itself; it lists only ops that have fewer kernels than ONNX allows.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

from modelc.dialects.onnx import OPSET, find
from modelc.ir.types import ELEMENTS, Element

# Wider types in order of preference. Half precision is left to onnxruntime, which widens it by itself, so that the file
# stays what it is for devices that compute with it.
_WIDER: Final[Mapping[str, tuple[str, ...]]] = {
    "bool": ("u8", "i32", "i64", "f32"),
    "i8": ("i32", "i64", "f32"),
    "u8": ("i32", "i64", "f32"),
    "i16": ("i32", "i64", "f32"),
    "u16": ("i32", "i64", "f32"),
    "i32": ("i64", "f64", "f32"),
    "u32": ("i64", "f64", "f32"),
    "i64": ("f64", "i32", "f32"),
    "u64": ("i64", "f64", "f32"),
    "bf16": ("f32",),
    "f64": ("f32",),
}


@dataclass(frozen=True, slots=True)
class Widening:
    """How to compute an op on element types for which there is a kernel.

    Attributes:
        operands: The element type to cast operands to, by their index.
        results: The element type to cast results back to, by their index.
    """

    operands: Mapping[int, Element]
    results: Mapping[int, Element]


@cache
def widening(kind: str, elements: tuple[str, ...], count: int) -> Widening:
    """Return what has to be cast for `kind` to run.

    Args:
        kind: An op of ONNX.
        elements: Names of the element types of its operands, empty for one that is left out.
        count: How many results it has.
    """
    from modelc.dialects.onnx.infer import schema_of

    kernels, schema, definition = _kernels().get(kind, {}), schema_of(kind, OPSET), find(kind)
    assert definition is not None, kind
    inputs, results = _parameters(schema.inputs, len(elements)), _parameters(schema.outputs, count)
    wider: dict[str, tuple[Element, Element]] = {}
    for index, (parameter, element) in enumerate(zip(inputs, elements, strict=True)):
        slot = definition.operands[min(index, len(definition.operands) - 1)]
        taken = kernels.get(parameter) or slot.elements
        if element and taken and element not in taken:
            found = next((each for each in _WIDER.get(element, ()) if each in taken), None)
            if found is not None:
                wider[parameter] = (ELEMENTS[element], ELEMENTS[found])
    return Widening(
        {n: wider[name][1] for n, name in enumerate(inputs) if name in wider and elements[n]},
        {n: wider[name][0] for n, name in enumerate(results) if name in wider},
    )


def _parameters(slots: Sequence[Any], count: int) -> list[str]:
    """Return the type parameter of each operand or result; the last slot may stand for any number of them."""
    return [slots[min(index, len(slots) - 1)].type_str for index in range(count)]


@cache
def _kernels() -> Mapping[str, Mapping[str, Sequence[str]]]:
    data: Mapping[str, Any] = json.loads(files(__package__).joinpath("kernels.json").read_text("utf-8"))
    kernels: Mapping[str, Mapping[str, Sequence[str]]] = data["kernels"]
    return kernels
