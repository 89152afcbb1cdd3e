"""Type inference, by ONNX's own functions."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import onnx
from onnx import checker, defs, shape_inference

from modelc.dialects.onnx.protos import UnserializableError, node_proto, tensor_proto, type_of_proto, type_proto
from modelc.ir.attributes import Dense
from modelc.ir.blob import Blob, BlobError
from modelc.ir.op import Op, Value
from modelc.ir.opdef import InferenceError
from modelc.ir.types import NONE, UNKNOWN, TensorType

KNOWN = 1 << 12  # bytes of a constant whose numbers may decide a shape


def infer(op: Op, opset: int) -> Sequence[TensorType]:
    """Return the result types of `op`, which has no nested graphs.

    There are as many as the op has results, or as its schema requires where it has none yet.

    Raises:
        InferenceError: The operands do not fit.
    """
    schema = schema_of(op.kind.removeprefix("onnx."), opset)
    count = len(op.results) or sum(each.option == defs.OpSchema.FormalParameterOption.Single for each in schema.outputs)
    types = {f"i{index}": value for index, value in enumerate(op.inputs) if value.type is not NONE}
    outputs = [f"o{index}" for index in range(count)]
    try:
        node = node_proto(op, [f"i{n}" if f"i{n}" in types else "" for n in range(len(op.inputs))], outputs)
        inferred = shape_inference.infer_node_outputs(
            schema,
            node,
            {name: type_proto(value.tensor) for name, value in types.items()},
            {name: data for name, value in types.items() if (data := _numbers(value)) is not None},
            opset_imports=[onnx.helper.make_opsetid("", opset)],
        )
    except (shape_inference.InferenceError, checker.ValidationError, UnserializableError, TypeError) as error:
        raise InferenceError(f"{op.kind.removeprefix('onnx.')} {_clause(str(error))}") from error
    return [type_of_proto(inferred[name]) if name in inferred else UNKNOWN for name in outputs]


@cache
def schema_of(op_type: str, opset: int) -> Any:
    """Return the schema of an op of ONNX's own domain; raises SchemaError where there is none."""
    return defs.get_schema(op_type, opset, "")


def _numbers(value: Value) -> Any:
    blob = value.producer.attributes.get("value")
    if value.producer.kind != "const" or not isinstance(blob, Blob) or blob.nbytes > KNOWN:
        return None
    try:
        return tensor_proto(Dense(value.tensor, blob))
    except BlobError:
        return None


def _clause(text: str) -> str:
    """Return the last sentence of the library's message, without its marks."""
    return f"does not type: {text.rpartition('] ')[2].strip().rstrip('.')}"
