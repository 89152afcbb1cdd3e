"""The numberings that Ascend artifacts use for element types, layouts and partitions.

There are two numberings of element types: the `proto` one in tensor descriptors, the `c++` one in attributes.
"""

from __future__ import annotations

from enum import IntEnum

from modelc.dialects.ge.dtypes import DATA_TYPES, UNDEFINED_CPP, cpp_number, element_of_cpp
from modelc.ir.types import ELEMENTS, RESOURCE, VARIANT, Element, TokenType

# element types the IR lacks: name, number in descriptors, number in attributes
_FOREIGN = """
dual_sub_int8  14 14
dual_sub_uint8 15 15
string_ref     24 24
dual           25 25
int4           28 29
uint1          29 30
int2           30 31
uint2          31 32
complex32      32 33
hifloat8       33 34
float8_e5m2    34 35
float8_e4m3fn  35 36
float8_e8m0    36 37
float6_e3m2    37 38
float6_e2m3    38 39
float4_e2m1    39 40
float4_e1m2    40 41
hifloat4       41 42
"""
_ROWS = [(name, int(proto), int(cpp)) for name, proto, cpp in map(str.split, _FOREIGN.strip().splitlines())]
_FOREIGN_CPP = {name: cpp for name, _, cpp in _ROWS} | {"undefined": UNDEFINED_CPP}
_FOREIGN_NAME = {cpp: name for name, cpp in _FOREIGN_CPP.items()}
# prototypes name the element type of a default as numpy does
_BY_NUMPY = {e.numpy: e for e in ELEMENTS.values() if e.family not in ("quantized", "opaque", "string")}
_BY_NUMPY["string"] = ELEMENTS["string"]

FOREIGN_PROTO = {proto: name for name, proto, _ in _ROWS}
TOKENS: dict[int, TokenType] = {DATA_TYPES[token.name].proto: token for token in (RESOURCE, VARIANT)}


def attribute_number(type_: Element | str) -> int | None:
    """Return the number attributes use for an element type, or for the name of one that the IR lacks."""
    element = type_ if isinstance(type_, Element) else _BY_NUMPY.get(type_)
    return _FOREIGN_CPP.get(str(type_)) if element is None else cpp_number(element)


def attribute_type(number: int) -> Element | str | int:
    """Return the element type of an attribute's number, its name where the IR lacks it, the number where unknown."""
    element = element_of_cpp(number)
    return _FOREIGN_NAME.get(number, number) if element is None else element


_FORMATS = """
NCHW NHWC ND NC1HWC0 FRACTAL_Z NC1C0HWPAD NHWC1C0 FSR_NCHW FRACTAL_DECONV C1HWNC0 FRACTAL_DECONV_TRANSPOSE
FRACTAL_DECONV_SP_STRIDE_TRANS NC1HWC0_C04 FRACTAL_Z_C04 CHWN DECONV_SP_STRIDE8_TRANS HWCN NC1KHKWHWC0
BN_WEIGHT FILTER_HWCK LOOKUP_LOOKUPS LOOKUP_KEYS LOOKUP_VALUE LOOKUP_OUTPUT LOOKUP_HITS C1HWNCoC0 MD NDHWC
FRACTAL_ZZ FRACTAL_NZ NCDHW DHWCN NDC1HWC0 FRACTAL_Z_3D CN NC DHWNC FRACTAL_Z_3D_TRANSPOSE FRACTAL_ZN_LSTM
FRACTAL_Z_G FORMAT_RESERVED ALL NULL ND_RNN_BIAS FRACTAL_ZN_RNN NYUV NYUV_A NCL FRACTAL_Z_WINO C1HWC0
"""
FORMATS = tuple(_FORMATS.split())
FORMAT_NUMBER = {name: number for number, name in enumerate(FORMATS)}


_DATA_TYPES = """
UNDEFINED FLOAT FLOAT16 INT8 UINT8 INT16 UINT16 INT32 INT64 UINT32 UINT64 BOOL DOUBLE STRING DUAL_SUB_INT8
DUAL_SUB_UINT8 COMPLEX64 COMPLEX128 QINT8 QINT16 QINT32 QUINT8 QUINT16 RESOURCE STRING_REF DUAL VARIANT BF16 INT4 UINT1
INT2 UINT2 COMPLEX32 HIFLOAT8 FLOAT8_E5M2 FLOAT8_E4M3FN FLOAT8_E8M0 FLOAT6_E3M2 FLOAT6_E2M3 FLOAT4_E2M1 FLOAT4_E1M2
HIFLOAT4
"""
DATA_TYPE_NAMES = tuple(f"DT_{name}" for name in _DATA_TYPES.split())  # by their number in descriptors

_LIST_TYPES = "NONE STRING INT FLOAT BOOL BYTES TENSOR_DESC TENSOR GRAPH NAMED_ATTRS DATA_TYPE"
LIST_TYPE_NAMES = tuple(f"VT_LIST_{name}" for name in _LIST_TYPES.split())

_TASK_TYPES = """
KERNEL EVENT_RECORD EVENT_WAIT FUSION_START FUSION_END KERNEL_EX HCCL STREAM_SWITCH STREAM_ACTIVE LABEL_SET
LABEL_SWITCH LABEL_GOTO PROFILER_TRACE MEMCPY_ASYNC NOTIFY_RECORD NOTIFY_WAIT REDUCE_ASYNC RDMA_SEND EVENT_RESET
END_GRAPH STREAM_SWITCH_N RDMA_DB_SEND MEMCPY_ADDR_ASYNC STREAM_LABEL_SWITCH_BY_INDEX STREAM_LABEL_GOTO MODEL_EXIT
ALL_KERNEL PROFILER_TRACE_EX FFTS FFTS_PLUS DSA CMO BARRIER NPU_GET_FLOAT_STATUS NPU_CLEAR_FLOAT_STATUS DVPP
NPU_GET_DEBUG_FLOAT_STATUS NPU_CLEAR_DEBUG_FLOAT_STATUS CMO_ADDR VECTOR_KERNEL VECTOR_ALL_KERNEL UPDATE NOP
PREPROCESS_KERNEL SUPER_KERNEL MEM_EVENT_RECORD MEM_EVENT_WAIT FUSION_KERNEL KERNEL_LAUNCH_V2 CCU CUSTOM_KERNEL
"""
TASK_TYPES = tuple(_TASK_TYPES.split())
_KERNEL_TYPES = """
CCE_AI_CORE CCE_AI_CPU TE CUSTOMIZED TE_AI_CORE TE_AI_CPU AI_CPU CUST_AI_CPU HOST_CPU DVPP AI_CPU_KFC MIX_AICORE
MIX_VECTOR_CORE
"""
KERNEL_TYPES = tuple(_KERNEL_TYPES.split())


def name_in(names: tuple[str, ...], number: int) -> str:
    """Return the name of a number, the number where it has none."""
    return names[number] if 0 <= number < len(names) else str(number)


class Partition(IntEnum):
    """What a partition of an `.om` holds."""

    MODEL_DEF = 0
    WEIGHTS_DATA = 1
    TASK_INFO = 2
    TBE_KERNELS = 3
    CUST_AICPU_KERNELS = 4
    SO_BINS = 5
    FLOW_MODEL = 6
    FLOW_SUBMODEL = 7
    MODEL_INOUT_INFO = 8
    STATIC_TASK_DESC = 9
    DYNAMIC_TASK_DESC = 10
    TASK_PARAM = 11
    TILING_DATA = 12
    PRE_MODEL_DESC = 20
    PRE_MODEL_SQE = 21
    PRE_KERNEL_ARGS = 22
    PRE_MODEL_DESC_EXTEND = 23
    BUNDLE_MODEL_INFO = 24
    BUNDLE_MODEL_VAR_INFO = 25
    CUSTOM_OPS = 26


class ModelType(IntEnum):
    """The kinds of model a header can announce; files of a plain compilation say `IR`."""

    IR = 0
    STANDARD = 1
    OM_TINY = 2
    FLOW = 3
    LITE = 4
    BUNDLE = 5
    RESERVED = 6
