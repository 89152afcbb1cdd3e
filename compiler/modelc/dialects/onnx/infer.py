"""Type inference, by ONNX's own functions."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

import onnx
from onnx import checker, defs, shape_inference

from modelc.dialects.onnx.dtypes import onnx_number, type_of_proto
from modelc.dialects.onnx.protos import UnserializableError, node_proto, type_proto
from modelc.ir.attributes import Attribute
from modelc.ir.blob import Blob, BlobError
from modelc.ir.op import Op, Value
from modelc.ir.opdef import InferenceError
from modelc.ir.types import NONE, UNKNOWN, TensorType

KNOWN = 1 << 12  # bytes of a constant whose numbers may decide a shape
REMEMBERED = 1 << 12  # inferences: most ops of a network are like others of it
_BY_FRACTIONS = frozenset({"Range", "Resize"})  # the ops whose shapes floating-point numbers decide


@dataclass(frozen=True, slots=True)
class _Operand:
    """An operand as far as inference goes: its type, and its bytes where they may decide a shape."""

    type: TensorType
    data: bytes | None


def infer(op: Op, opset: int) -> Sequence[TensorType]:
    """Return the result types of `op`, which has no nested graphs.

    There are as many as the op has results, or as its schema requires where it has none yet.

    Raises:
        InferenceError: The operands do not fit.
    """
    op_type = op.kind.removeprefix("onnx.")
    attributes = tuple((name, _typed(op.attributes[name])) for name in sorted(op.attributes))
    try:
        operands = tuple(None if value.type is NONE else _operand(op_type, value) for value in op.inputs)
        return _inferred(op_type, attributes, operands, len(op.results), opset)
    except (shape_inference.InferenceError, checker.ValidationError, UnserializableError, TypeError) as error:
        raise InferenceError(f"{op_type} {_clause(str(error))}") from error


def _operand(op_type: str, value: Value) -> _Operand:
    type_, blob = value.tensor, value.producer.attributes.get("value")
    is_telling = type_.element is not None and (type_.element.family in ("int", "uint") or op_type in _BY_FRACTIONS)
    if value.producer.kind != "const" or not isinstance(blob, Blob) or blob.nbytes > KNOWN or not is_telling:
        return _Operand(type_, None)
    try:
        return _Operand(type_, blob.read())
    except BlobError:
        return _Operand(type_, None)


def _typed(value: Attribute) -> tuple[type, Hashable]:
    """Return an attribute with its type: to Python, 1 and 1.0 are equal."""
    return type(value), tuple(map(_typed, value)) if isinstance(value, tuple) else value


def _plain(typed: tuple[type, Any]) -> Any:
    kind, value = typed
    return tuple(map(_plain, value)) if kind is tuple else value


@lru_cache(REMEMBERED)
def _inferred(
    op_type: str,
    attributes: tuple[tuple[str, tuple[type, Hashable]], ...],
    operands: tuple[_Operand | None, ...],
    results: int,
    opset: int,
) -> Sequence[TensorType]:
    schema = schema_of(op_type, opset)
    required = sum(each.option == defs.OpSchema.FormalParameterOption.Single for each in schema.outputs)
    outputs = [f"o{index}" for index in range(results or required)]
    given = {f"i{index}": operand for index, operand in enumerate(operands) if operand is not None}
    names = [f"i{index}" if operand is not None else "" for index, operand in enumerate(operands)]
    inferred = shape_inference.infer_node_outputs(
        schema,
        node_proto(op_type, {name: _plain(value) for name, value in attributes}, names, outputs),
        {name: type_proto(operand.type) for name, operand in given.items()},
        {name: _tensor(operand.type, operand.data) for name, operand in given.items() if operand.data is not None},
        opset_imports=[onnx.helper.make_opsetid("", opset)],
    )
    return tuple(type_of_proto(inferred[name]) if name in inferred else UNKNOWN for name in outputs)


def _tensor(type_: TensorType, data: bytes) -> Any:
    number = None if type_.element is None else onnx_number(type_.element)
    return onnx.TensorProto(dims=type_.dims, data_type=number, raw_data=data)


@cache
def schema_of(op_type: str, opset: int) -> Any:
    """Return the schema of an op of ONNX's own domain; raises SchemaError where there is none."""
    return defs.get_schema(op_type, opset, "")


def _clause(text: str) -> str:
    """Return the last sentence of the library's message, without its marks."""
    return f"does not type: {text.rpartition('] ')[2].strip().rstrip('.')}"
