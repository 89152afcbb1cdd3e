"""The messages of ONNX files, with what big tensors hold left in the file.

Names and numbers of fields are those of the public schema of ONNX.
"""

from __future__ import annotations

from typing import Any, Final

from google.protobuf.message import DecodeError

from modelc.frontends.protobuf import Schema
from modelc.frontends.wire import RANGE_SCHEMA, Cutter, WireFile

SCHEMA: Final = Schema(
    "modelc.onnx",
    RANGE_SCHEMA
    + """
    ModelProto: ir_version=1 int64, producer_name=2 string, producer_version=3 string, domain=4 string,
      model_version=5 int64, graph=7 GraphProto, opset_import=8 rep OperatorSetIdProto,
      metadata_props=14 rep StringStringEntryProto, functions=25 rep FunctionProto
    OperatorSetIdProto: domain=1 string, version=2 int64
    StringStringEntryProto: key=1 string, value=2 string
    FunctionProto: name=1 string, domain=10 string
    GraphProto: node=1 rep NodeProto, name=2 string, initializer=5 rep TensorProto, input=11 rep ValueInfoProto,
      output=12 rep ValueInfoProto, value_info=13 rep ValueInfoProto, sparse_initializer=15 rep SparseTensorProto
    SparseTensorProto: values=1 TensorProto
    NodeProto: input=1 rep string, output=2 rep string, name=3 string, op_type=4 string, domain=7 string,
      attribute=5 rep AttributeProto, metadata_props=9 rep StringStringEntryProto
    AttributeProto: name=1 string, type=20 int32, f=2 float, i=3 int64, s=4 bytes, t=5 TensorProto, g=6 GraphProto,
      floats=7 rep float, ints=8 rep int64, strings=9 rep bytes
    TensorProto: dims=1 rep int64, data_type=2 int32, float_data=4 rep float, int32_data=5 rep int32,
      string_data=6 rep bytes, int64_data=7 rep int64, name=8 string, raw_data=9 bytes, double_data=10 rep double,
      uint64_data=11 rep uint64, external_data=13 rep StringStringEntryProto, data_location=14 int32,
      file_range=1000 rep FileRange
    ValueInfoProto: name=1 string, type=2 TypeProto
    TypeProto: tensor_type=1 TensorTypeProto in value, sequence_type=4 OtherTypeProto in value,
      map_type=5 OtherTypeProto in value, sparse_tensor_type=8 OtherTypeProto in value,
      optional_type=9 OtherTypeProto in value
    OtherTypeProto: elem_type=1 int32
    TensorTypeProto: elem_type=1 int32, shape=2 TensorShapeProto
    TensorShapeProto: dim=1 rep DimensionProto
    DimensionProto: dim_value=1 int64 in value, dim_param=2 string in value
    """,
)
RAW_DATA: Final = 9  # the number of the field that is cut
_CUTS: Final = {"TensorProto": ("raw_data",)}


def parse(file: WireFile) -> Any:
    """Return the `ModelProto` that `file` holds.

    Raises:
        ModelcError: The bytes are no such message.
    """
    data = Cutter(SCHEMA.descriptor("ModelProto"), _CUTS).slim(file)
    try:
        return SCHEMA.message("ModelProto").FromString(data)
    except DecodeError:
        raise file.corrupt(0, "it does not parse as an ONNX model") from None
