"""TensorFlow's messages, as far as a reader of models needs them."""

from __future__ import annotations

from functools import cache
from typing import Any

from modelc.frontends.protobuf import Schema
from modelc.frontends.wire import RANGE_SCHEMA, Cutter

_DTYPES = """
INVALID FLOAT DOUBLE INT32 UINT8 INT16 INT8 STRING COMPLEX64 INT64 BOOL QINT8 QUINT8 QINT32 BFLOAT16 QINT16 QUINT16
UINT16 COMPLEX128 HALF RESOURCE VARIANT UINT32 UINT64 FLOAT8_E5M2 FLOAT8_E4M3FN FLOAT8_E4M3FNUZ FLOAT8_E4M3B11FNUZ
FLOAT8_E5M2FNUZ INT4 UINT4 INT2 UINT2
"""
_REFERENCE = 100  # added to the number of an element type for a reference to a variable of it

DTYPE_NAMES: dict[int, str] = dict(enumerate(_DTYPES.split()))

_ENUM = ", ".join(
    [f"DT_{name}={number}" for number, name in DTYPE_NAMES.items()]
    + [f"DT_{name}_REF={number + _REFERENCE}" for number, name in DTYPE_NAMES.items() if number]
)

SCHEMA = Schema(
    "modelc.tensorflow",
    f"""
    {RANGE_SCHEMA}
    enum DataType: {_ENUM}

    SavedModel: saved_model_schema_version=1 int64, meta_graphs=2 rep MetaGraphDef
    MetaGraphDef: meta_info_def=1 MetaInfoDef, graph_def=2 GraphDef, saver_def=3 SaverDef,
      collection_def=4 map string CollectionDef, signature_def=5 map string SignatureDef,
      object_graph_def=7 SavedObjectGraph, file_range=1000 rep FileRange
    MetaInfoDef: meta_graph_version=1 string, tags=4 rep string, tensorflow_version=5 string
    SaverDef: filename_tensor_name=1 string, save_tensor_name=2 string, restore_op_name=3 string
    CollectionDef: node_list=1 NodeList
    NodeList: value=1 rep string
    SignatureDef: inputs=1 map string TensorInfo, outputs=2 map string TensorInfo, method_name=3 string
    TensorInfo: name=1 string in encoding, dtype=2 DataType, tensor_shape=3 TensorShapeProto,
      coo_sparse=4 CooSparse in encoding, composite_tensor=5 CompositeTensor in encoding
    CooSparse: values_tensor_name=1 string, indices_tensor_name=2 string, dense_shape_tensor_name=3 string
    CompositeTensor: components=2 rep TensorInfo

    GraphDef: node=1 rep NodeDef, library=2 FunctionDefLibrary, version=3 int32, versions=4 VersionDef
    VersionDef: producer=1 int32, min_consumer=2 int32, bad_consumers=3 rep int32
    NodeDef: name=1 string, op=2 string, input=3 rep string, device=4 string, attr=5 map string AttrValue
    AttrValue: s=2 bytes in value, i=3 int64 in value, f=4 float in value, b=5 bool in value, type=6 DataType in value,
      shape=7 TensorShapeProto in value, tensor=8 TensorProto in value, list=1 ListValue in value,
      func=10 NameAttrList in value, placeholder=9 string in value
    ListValue: s=2 rep bytes, i=3 rep int64, f=4 rep float, b=5 rep bool, type=6 rep DataType,
      shape=7 rep TensorShapeProto, tensor=8 rep TensorProto, func=9 rep NameAttrList
    NameAttrList: name=1 string, attr=2 map string AttrValue
    TensorShapeProto: dim=2 rep Dim, unknown_rank=3 bool
    Dim: size=1 int64, name=2 string
    TensorProto: dtype=1 DataType, tensor_shape=2 TensorShapeProto, version_number=3 int32, tensor_content=4 bytes,
      half_val=13 rep int32, float_val=5 rep float, double_val=6 rep double, int_val=7 rep int32,
      string_val=8 rep bytes, scomplex_val=9 rep float, int64_val=10 rep int64, bool_val=11 rep bool,
      dcomplex_val=12 rep double, uint32_val=16 rep uint32, uint64_val=17 rep uint64, float8_val=18 bytes,
      file_range=1000 rep FileRange

    FunctionDefLibrary: function=1 rep FunctionDef, file_range=1000 rep FileRange
    FunctionDef: signature=1 OpDef, attr=5 map string AttrValue, node_def=3 rep NodeDef, ret=4 map string string,
      control_ret=6 map string string
    OpDef: name=1 string, input_arg=2 rep ArgDef, output_arg=3 rep ArgDef, control_output=20 rep string,
      attr=4 rep AttrDef, is_stateful=17 bool
    ArgDef: name=1 string, type=3 DataType, type_attr=4 string, number_attr=5 string, type_list_attr=6 string,
      is_ref=16 bool
    AttrDef: name=1 string, type=2 string, default_value=3 AttrValue

    SavedObjectGraph: nodes=1 rep SavedObject
    SavedObject: children=1 rep ObjectReference, variable=7 SavedVariable
    SavedVariable: dtype=1 DataType, shape=2 TensorShapeProto, name=6 string
    TrackableObjectGraph: nodes=1 rep TrackableObject
    TrackableObject: children=1 rep ObjectReference, attributes=2 rep SerializedTensor
    ObjectReference: node_id=1 int32, local_name=2 string
    SerializedTensor: name=1 string, full_name=2 string, checkpoint_key=3 string

    BundleHeaderProto: num_shards=1 int32, endianness=2 int32, version=3 VersionDef
    BundleEntryProto: dtype=1 DataType, shape=2 TensorShapeProto, shard_id=3 int32, offset=4 int64, size=5 int64,
      crc32c=6 fixed32, slices=7 rep TensorSliceProto
    TensorSliceProto: extent=1 rep Extent
    Extent: start=1 int64, length=2 int64 in has_length
    """,
)

VALUE_FIELDS = (
    "tensor_content",
    "half_val",
    "float_val",
    "double_val",
    "int_val",
    "scomplex_val",
    "int64_val",
    "bool_val",
    "dcomplex_val",
    "uint32_val",
    "uint64_val",
)

CUTS = {
    "TensorProto": VALUE_FIELDS,
    "FunctionDefLibrary": ("function",),  # most functions of a SavedModel only train or save: parsed when called
    "MetaGraphDef": ("object_graph_def",),
}


@cache
def message(name: str) -> Any:
    """Return the message class called `name`."""
    return SCHEMA.message(name)


@cache
def cutter(name: str) -> Cutter:
    """Return the cutter for messages called `name`."""
    return Cutter(SCHEMA.descriptor(name), CUTS)
