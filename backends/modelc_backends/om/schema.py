"""The messages inside of Ascend artifacts, as far as a reader or writer of graphs needs them."""

from __future__ import annotations

from functools import cache
from typing import Any

from modelc.frontends.protobuf import Schema
from modelc.frontends.wire import RANGE_SCHEMA, Cutter

SCHEMA = Schema(
    "modelc.ge",
    f"""
    {RANGE_SCHEMA}
    enum ListValueType: NONE=0, STRING=1, INT=2, FLOAT=3, BOOL=4, BYTES=5, TENSOR_DESC=6, TENSOR=7, GRAPH=8,
      NAMED_ATTRS=9, DATA_TYPE=10

    ModelDef: name=1 string, version=2 uint32, custom_version=3 string, graph=7 rep GraphDef, attr=11 map string AttrDef
    GraphDef: name=1 string, input=4 rep string, output=5 rep string, op=6 rep OpDef, attr=11 map string AttrDef
    OpDef: name=1 string, type=2 string, input=5 rep string, attr=10 map string AttrDef, has_out_attr=20 bool,
      id=21 int64, stream_id=22 int64, input_name=23 rep string, src_name=24 rep string, src_index=25 rep int64,
      dst_name=26 rep string, dst_index=27 rep int64, input_i=28 rep int64, output_i=29 rep int64,
      workspace=30 rep int64, workspace_bytes=31 rep int64, is_input_const=32 rep bool,
      input_desc=33 rep TensorDescriptor, output_desc=34 rep TensorDescriptor, subgraph_name=35 rep string
    TensorDescriptor: name=1 string, dtype=2 int32, shape=3 ShapeDef, layout=4 string, attr=5 map string AttrDef,
      has_out_attr=9 bool, size=10 int64, weight_size=11 int64, reuse_input=12 bool, output_tensor=13 bool,
      device_type=14 string, input_tensor=15 bool, real_dim_cnt=16 int64, reuse_input_index=17 int64,
      data_offset=18 int64, cmps_size=19 int64, cmps_tab=20 string, cmps_tab_offset=21 int64
    TensorDef: desc=1 TensorDescriptor, data=2 bytes, file_range=1000 rep FileRange
    ShapeDef: dim=1 rep int64
    NamedAttrs: name=1 string, attr=2 map string AttrDef
    AttrDef: list=1 ListValue in value, s=2 bytes in value, i=3 int64 in value, f=4 float in value, b=5 bool in value,
      bt=7 bytes in value, func=10 NamedAttrs in value, td=11 TensorDescriptor in value, t=12 TensorDef in value,
      g=13 GraphDef in value, list_list_int=14 ListListInt in value, dt=15 int64 in value,
      list_list_float=16 ListListFloat in value, expression=17 bytes in value, file_range=1000 rep FileRange
    ListValue: s=2 rep bytes, i=3 rep int64, f=4 rep float, b=5 rep bool, bt=7 rep bytes, td=8 rep TensorDescriptor,
      t=9 rep TensorDef, g=10 rep GraphDef, na=11 rep NamedAttrs, dt=12 rep int64, val_type=20 ListValueType
    ListListInt: list_list_i=1 rep ListInt
    ListInt: list_i=1 rep int64
    ListListFloat: list_list_f=1 rep ListFloat
    ListFloat: list_f=1 rep float
    """,
)

CUTS = {"TensorDef": ("data",), "AttrDef": ("bt",)}


@cache
def message(name: str) -> Any:
    """Return the message class called `name`."""
    return SCHEMA.message(name)


@cache
def cutter(name: str) -> Cutter:
    """Return the cutter that leaves tensors and opaque bytes of messages called `name` in their file."""
    return Cutter(SCHEMA.descriptor(name), CUTS)
