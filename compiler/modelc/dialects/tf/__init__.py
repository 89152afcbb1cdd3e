"""TensorFlow's operators as a dialect: what a model holds right after it was read.

Definitions come from TensorFlow's own op table (`registry`). Inference gives the element types that follow from the
attributes; shapes are left to the canonical dialect, except where an op states its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np

from modelc.dialects.tf.registry import TfArg, op_names
from modelc.dialects.tf.registry import op_def as tf_op_def
from modelc.ir.attributes import Attribute, Attributes, Dense, ShapeAttribute, Symbol
from modelc.ir.constants import numpy_dtype, to_blob
from modelc.ir.op import Op
from modelc.ir.opdef import PURE, STATEFUL, AttributeDef, Dialect, InferenceError, Mode, OpDef, Slot
from modelc.ir.types import CONTROL, ELEMENTS, RESOURCE, VARIANT, Element, Shape, TensorType, Type

_TOKENS: dict[str, Type] = {"resource": RESOURCE, "variant": VARIANT}

# Ops whose attribute `shape` is the shape of their result.
SHAPED = frozenset({"Placeholder", "PlaceholderV2", "PlaceholderWithDefault", "Variable", "VariableV2"})


def type_of_element(element: Attribute | None, shape: Shape = None) -> Type:
    """Return the type of a value with these elements; handles have a type of their own."""
    if not isinstance(element, Element):
        return TensorType(None, shape)
    return _TOKENS.get(element.name) or TensorType(element, shape)


def result_types(name: str, attributes: Attributes) -> list[tuple[str, list[Type]]] | None:
    """Return the results of a TensorFlow op by output argument, None for an op that TensorFlow does not have.

    Args:
        name: The op's type, `Conv2D`.
        attributes: The node's attributes, defaults filled in.

    Raises:
        InferenceError: An attribute that counts or types the results is missing or has another kind.
    """
    definition = tf_op_def(name)
    if definition is None:
        return None
    results = [(argument.name, _argument_types(argument, attributes)) for argument in definition.outputs]
    if name in SHAPED and isinstance(shape := attributes.get("shape"), ShapeAttribute):
        results = [(argument, [_shaped(type_, shape.dims) for type_ in types]) for argument, types in results]
    return results


def _shaped(type_: Type, shape: Shape) -> Type:
    return type_.with_shape(shape) if isinstance(type_, TensorType) else type_


def _argument_types(argument: TfArg, attributes: Attributes) -> list[Type]:
    return [type_of_element(element) for element in argument_elements(argument, attributes)]


def argument_elements(argument: TfArg, attributes: Attributes) -> list[Attribute | None]:
    """Return the element type of each tensor of an argument, None or a name for one that the IR lacks.

    Raises:
        InferenceError: An attribute that counts or types the tensors is missing or has another kind.
    """
    if argument.list_attr is not None:
        elements = attributes.get(argument.list_attr)
        if not isinstance(elements, tuple):
            raise InferenceError(f"attribute `{argument.list_attr}` must list the types of `{argument.name}`")
        return list(elements)
    if argument.element is not None:
        element: Attribute | None = ELEMENTS.get(argument.element)
    elif argument.type_attr is not None and argument.type_attr in attributes:
        element = attributes[argument.type_attr]
    else:
        raise InferenceError(f"attribute `{argument.type_attr}` is missing")
    if argument.number_attr is None:
        return [element]
    count = attributes.get(argument.number_attr)
    if not isinstance(count, int) or not 0 <= count <= _MOST_TENSORS:
        raise InferenceError(f"attribute `{argument.number_attr}` must count the tensors of `{argument.name}`")
    return [element] * count


_MOST_TENSORS = 1 << 20


def infer(op: Op) -> Sequence[Type]:
    """Return the result types of a TensorFlow op, a control result included where the op has one."""
    found = result_types(op.kind.removeprefix("tf."), op.attributes)
    types = [type_ for _, types in found or () for type_ in types]
    if op.results and op.results[-1].type is CONTROL:
        types.append(CONTROL)
    return types


@cache
def defaults(name: str) -> Mapping[str, Attribute]:
    """Return the attributes that an op of type `name` has when its node does not give them."""
    definition = tf_op_def(name)
    if definition is None:
        return {}
    return {
        key: _default(attribute.kind, attribute.default)
        for key, attribute in definition.attributes.items()
        if not attribute.required
    }


_SCALARS: Mapping[str, Callable[[Any], Attribute]] = {
    "int": int,
    "float": float,
    "bool": bool,
    "string": str,
    "func": Symbol,
    "type": lambda name: ELEMENTS.get(name, name),
    "shape": lambda dims: ShapeAttribute(None if dims is None else tuple(None if d < 0 else d for d in dims)),
    "tensor": lambda value: _dense(value),
}


def _default(kind: str, value: Any) -> Attribute:
    if kind.startswith("list("):
        return tuple(_SCALARS[kind[5:-1]](item) for item in value)
    return _SCALARS[kind](value)


def _dense(value: Mapping[str, Any]) -> Dense:
    type_ = TensorType(ELEMENTS[value["type"]], tuple(value["shape"]))
    array = np.array(value["values"], numpy_dtype(ELEMENTS[value["type"]])).reshape(type_.dims)
    return Dense(type_, to_blob(array))


@cache
def find(name: str) -> OpDef | None:
    """Return the definition of the TensorFlow op `name`, None when TensorFlow has none."""
    definition = tf_op_def(name)
    if definition is None:
        return None
    filled = defaults(name)
    return OpDef(
        f"tf.{name}",
        operands=tuple(map(_slot, definition.inputs)),
        results=tuple(map(_slot, definition.outputs)),
        attributes={
            # Functions may have become nested graphs.
            key: AttributeDef(key, attribute.kind, filled.get(key), attribute.required and "func" not in attribute.kind)
            for key, attribute in definition.attributes.items()
        },
        traits=frozenset({STATEFUL if definition.stateful else PURE}),
        infer=infer,
    )


def _slot(argument: TfArg) -> Slot:
    dynamic = argument.number_attr is not None or argument.list_attr is not None
    elements = frozenset() if argument.element is None else frozenset({argument.element})
    return Slot(argument.name, Mode.DYNAMIC if dynamic else Mode.REQUIRED, elements)


DIALECT = Dialect("tf", find, lambda: tuple(op_names()))
