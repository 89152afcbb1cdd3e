"""The dialect of ONNX: the ops of its own domain in one opset, from the schemas of its library.

An op with nested graphs differs from its file form in one point: its graphs reach no value outside of themselves.
Behind its declared operands, `If` has the values that both of its branches take as inputs.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from modelc.ir.attributes import Attribute
from modelc.ir.opdef import PURE, RANDOM, AttributeDef, Dialect, Infer, Mode, OpDef, Slot

OPSET: Final = 21  # what onnxruntime takes from 1.18 on
IR_VERSION: Final = 10  # the one that goes with it, the first with metadata per node
ORIGIN: Final = "modelc.origin"  # the metadata of a node that says what it was made from

_RANDOM = frozenset(
    {"Bernoulli", "Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike"}
)
_CAPTURED = Slot("captured", Mode.DYNAMIC)


@cache
def kinds() -> tuple[str, ...]:
    """Return the names of all ops of the opset."""
    from onnx import defs

    names = {schema.name for schema in defs.get_all_schemas_with_history() if schema.domain == ""}
    return tuple(sorted(name for name in names if _schema(name) is not None))


@cache
def find(name: str) -> OpDef | None:
    """Return the definition of the op `name`, None when the opset has no such op."""
    schema = _schema(name)
    if schema is None:
        return None
    operands = tuple(_slot(each) for each in schema.inputs)
    attributes = {key: _attribute(each) for key, each in schema.attributes.items()}
    subgraphs = tuple(key for key, each in attributes.items() if each.kind == "Graph")
    return OpDef(
        f"onnx.{name}",
        operands=(*operands, _CAPTURED) if name == "If" else operands,
        results=tuple(_slot(each) for each in schema.outputs),
        attributes={key: each for key, each in attributes.items() if key not in subgraphs},
        traits=frozenset({RANDOM if name in _RANDOM else PURE}),
        infer=None if subgraphs else _infer(),
        subgraphs=tuple(sorted(subgraphs, reverse=True)),  # `then_branch` comes before `else_branch`
    )


@cache
def _schema(name: str) -> Any:
    from onnx import defs

    from modelc.dialects.onnx.infer import schema_of

    try:
        schema = schema_of(name, OPSET)
    except defs.SchemaError:
        return None
    return None if schema.deprecated else schema


@cache
def _infer() -> Infer:
    from modelc.dialects.onnx.infer import infer

    return lambda op: infer(op, OPSET)


def _slot(parameter: Any) -> Slot:
    from onnx import defs

    from modelc.dialects.onnx.dtypes import element_of_constraint

    option = defs.OpSchema.FormalParameterOption
    mode = {option.Optional: Mode.OPTIONAL, option.Variadic: Mode.DYNAMIC}.get(parameter.option, Mode.REQUIRED)
    elements = {element_of_constraint(text) for text in parameter.types}
    return Slot(parameter.name, mode, frozenset(name for name in elements if name))


_KINDS = {
    "INT": "Int",
    "INTS": "ListInt",
    "FLOAT": "Float",
    "FLOATS": "ListFloat",
    "STRING": "String",
    "STRINGS": "ListString",
    "TENSOR": "Tensor",
    "GRAPH": "Graph",
}


def _attribute(declared: Any) -> AttributeDef:
    kind = _KINDS.get(declared.type.name, declared.type.name)
    return AttributeDef(declared.name, kind, _default(declared.default_value), bool(declared.required))


def _default(proto: Any) -> Attribute | None:
    from onnx import AttributeProto, helper

    if proto.type not in (AttributeProto.INT, AttributeProto.FLOAT, AttributeProto.STRING, AttributeProto.INTS):
        return None
    value = helper.get_attribute_value(proto)
    if isinstance(value, bytes):
        return value.decode()
    return tuple(value) if isinstance(value, list) else value


DIALECT = Dialect("onnx", find, kinds)
