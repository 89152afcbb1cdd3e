"""Whether a node keeps to TensorFlow's definition of its op: its attributes, how many operands, of which elements."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from modelc.dialects.tf import argument_elements
from modelc.dialects.tf.registry import TfArg, TfOpDef, op_def
from modelc.ir.attributes import Attribute, Attributes
from modelc.ir.op import Op, Value
from modelc.ir.opdef import InferenceError
from modelc.ir.types import ELEMENTS, Element, TensorType

_CONSTANTS = frozenset({"const", "input"})


def misfits(op_type: str, op: Op) -> Iterator[tuple[str, str]]:
    """Yield (code, what is wrong, as a clause) for everything about `op` that TensorFlow would refuse."""
    definition = op_def(op_type)
    if definition is None or op.kind == "const" or not op.kind.endswith(op_type):
        return
    missing = lacking(op_type, op.attributes)
    if missing:
        yield "MC105", f"lacks its attribute `{missing[0]}`"
        return
    try:
        expected = [
            (argument, element)
            for argument in definition.inputs
            for element in argument_elements(argument, op.attributes)
        ]
    except InferenceError as error:
        yield "MC105", f"has attributes that do not fit: {error}"
        return
    operands = op.inputs
    if len(operands) != len(expected):
        yield "MC105", f"has {len(operands)} inputs, it must have {len(expected)}"
        return
    for (argument, element), value in zip(expected, operands, strict=True):
        yield from _operand_misfits(argument, element, value)


def lacking(op_type: str, attributes: Attributes) -> list[str]:
    """Return the attributes that an op of this type must have and does not."""
    return [name for name in _required(op_type) if name not in attributes]


def _operand_misfits(argument: TfArg, element: Attribute | None, value: Value) -> Iterator[tuple[str, str]]:
    type_ = value.type
    found = type_.element if isinstance(type_, TensorType) else ELEMENTS.get(type_.name)
    if found is not element and found is not None and isinstance(element, Element) and found != element:
        yield "MC301", f"takes {element} as `{argument.name}`, `{value.name}` is {found}"
    if argument.is_ref and value.producer.kind in _CONSTANTS:
        yield "MC301", f"must be given a variable as `{argument.name}`, `{value.name}` is none"


@cache
def _required(op_type: str) -> tuple[str, ...]:
    definition: TfOpDef | None = op_def(op_type)
    return () if definition is None else tuple(name for name, attr in definition.attributes.items() if attr.required)
