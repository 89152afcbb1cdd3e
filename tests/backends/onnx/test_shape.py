"""Lowering of ops that describe, make, reshape, join, split and repeat tensors."""

from __future__ import annotations

import numpy as np
import onnx_engines
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.backends.onnx.arrays import floats, ints
from tests.backends.onnx.lowering_case import Case, check, check_case, known

from modelc.dialects.ge.dtypes import cpp_number
from modelc.dialects.ge.shape import SAME
from modelc.ir.types import ELEMENTS

ELEMENT_TYPES = ("bool", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8")
I64, F16 = (cpp_number(ELEMENTS[name]) for name in ("i64", "f16"))

DESCRIBING = [
    Case("Shape", (floats(2, 0, 3),)),
    Case("Shape", (floats(2, 3),), {"dtype": I64}),
    Case("Shape", (floats(),)),
    Case("ShapeN", (floats(2, 3), floats(4)), {"dtype": I64}),
    Case("GetShape", (floats(2, 3), floats(4))),
    Case("Size", (floats(2, 3),)),
    Case("Size", (floats(),), {"dtype": I64}),
    Case("Rank", (floats(2, 3),)),
]
SAME_VALUE = [
    *(Case(kind, (floats(2, 3),)) for kind in SAME),
    Case("IdentityN", (floats(2, 3), ints(4, 2))),
    Case("EnsureShape", (floats(2, 3),), {"shape": (2, -1)}),
]
RESHAPING = [
    *(Case("Reshape", (ints(2, 2, 3, 4, dtype=each), known([4, -1]))) for each in ELEMENT_TYPES),
    Case("Reshape", (floats(2, 0), known([0, 5]))),
    Case("Reshape", (floats(2, 3, 4), known([-1, 2])), {"axis": 1, "num_axes": 2}),
    Case("Reshape", (floats(2, 3, 4), known([1])), {"axis": -1}),
    Case("Reshape", (floats(1, 1), known(np.empty(0)))),
    Case("Reshape", (floats(2, 3, 4), np.array([4, -1], np.int32))),
    Case("Reshape", (floats(2, 3, 4), np.array([-1, 2], np.int32)), {"axis": 1, "num_axes": 2}),
    *(Case("Flatten", (floats(2, 3, 4),), {"axis": axis}) for axis in (0, 1, -1, 3)),
    *(Case("FlattenV2", (floats(2, 3, 4, 5),), {"axis": axis, "end_axis": end}) for axis, end in ((1, -1), (-3, 2))),
    Case("Squeeze", (floats(1, 3, 1),)),
    Case("Squeeze", (floats(1, 3, 1),), {"axis": (-1,)}),
    Case("SqueezeV2", (floats(1, 3, 1),), {"axis": (0, 2)}),
    Case("SqueezeV3", (floats(1, 3, 1), known([0]))),
    Case("SqueezeV3", (floats(1, 3, 1), None)),
    Case("ExpandDims", (floats(2, 3), known(1))),
    Case("ExpandDims", (floats(2, 3), known([-1]))),
    Case("Unsqueeze", (floats(2, 3),), {"axes": (0, -1)}),
    Case("UnsqueezeV2", (floats(2, 3),), {"axis": (1,)}),
    Case("UnsqueezeV3", (floats(2, 3), known([0, 2]))),
    *(Case("Transpose", (ints(2, 2, 3, 4, dtype=each), known([2, 0, 1]))) for each in ELEMENT_TYPES),
    Case("Transpose", (floats(2, 3), known([-1, 0]))),
    Case("ConjugateTranspose", (floats(2, 3), known([1, 0]))),
    Case("InvertPermutation", (np.array([2, 0, 3, 1], np.int32),)),
    Case("InvertPermutation", (np.array([1, 0], np.int64),)),
    Case("Bitcast", (ints(9, 3) - 4,), {"type": ELEMENTS["u32"]}),
]
MAKING = [
    *(Case("Fill", (known([2, 3]), ints(2, dtype=each))) for each in ELEMENT_TYPES),
    Case("Fill", (np.array([2, 3], np.int32), floats())),
    Case("Fill", (known([0, 3]), floats(1))),
    Case("FillV2", (known([2, 3]),), {"value": 0.5}),
    Case("Empty", (known([2, 3]),), {"dtype": F16}),
    Case("Fills", (floats(2, 3),), {"value": -1.5}),
    Case("Fills", (ints(5, 2, 3),), {"value": 2.0}),
    *(Case(f"{name}Like", (ints(5, 2, 3, dtype=each),)) for name in ("Ones", "Zeros") for each in ELEMENT_TYPES),
    Case("Eye", (), {"num_rows": 3}),
    Case("Eye", (), {"num_rows": 2, "num_columns": 4, "batch_shape": (3,), "dtype": I64}),
    *(Case("BroadcastTo", (ints(2, 2, 1, dtype=each), known([3, 2, 4]))) for each in ELEMENT_TYPES),
    Case("BroadcastTo", (floats(2, 1), known([-1, 4]))),
    Case("BroadcastTo", (floats(2, 1), np.array([-1, 4], np.int32))),
    Case("Expand", (floats(2, 1), known([3, -1, 4]))),
    Case("Expand", (floats(2, 3), known([1]))),
    Case("BroadcastArgs", (np.array([2, 1], np.int32), np.array([4, 1, 3], np.int32))),
    *(
        Case("Range", (np.array(1, each), np.array(9, each), np.array(3, each)))
        for each in ("i1", "i2", "i4", "i8", "u1", "f2", "f4", "f8")
    ),
    Case("Range", (known(5), known(-4), known(-2))),
    Case("Range", (known(0.0, np.float32), known(1.0, np.float32), known(0.1, np.float32))),
    *(Case("LinSpace", (floats(), floats(), known(count))) for count in (1, 2, 7)),
]
JOINING = [
    *(Case("ConcatV2", (*(ints(2, 2, 3, dtype=each),) * 2, known(-1))) for each in ELEMENT_TYPES),
    Case("Concat", (known(0), floats(2, 3), floats(0, 3), floats(1, 3))),
    Case("ConcatV2", (floats(2, 3), known(0))),
    Case("ParallelConcat", (floats(1, 3), floats(1, 3))),
    Case("ConcatOffset", (known(1), *(np.array([2, n, 4], np.int32) for n in (3, 1, 2)))),
    Case("ConcatOffset", (known(0), np.array([2], np.int32))),
    *(Case("Pack", (floats(2, 3), floats(2, 3)), {"axis": axis}) for axis in (0, 1, -1)),
    Case("Pack", (floats(),)),
    *(Case("Unpack", (ints(2, 2, 3, dtype=each),), {"num": 3, "axis": -1}) for each in ELEMENT_TYPES),
    Case("Unpack", (floats(1, 3),), {"num": 1}),
    Case("Split", (known(-1), floats(2, 6)), {"num_split": 3}),
    Case("Split", (known(0), floats(2, 6)), {"num_split": 1}),
    Case("SplitV", (floats(2, 6), known([2, 0, 4]), known(1)), {"num_split": 3}),
    Case("SplitV", (floats(6, 2), known([2, -1], np.int64), known(-2)), {"num_split": 2}),
    Case("SplitV", (floats(6, 2), np.array([2, 4], np.int32), known(0)), {"num_split": 2}),
    *(Case("Tile", (ints(2, 2, 3, dtype=each), known([2, 1]))) for each in ELEMENT_TYPES),
    Case("Tile", (floats(2, 3), np.array([0, 2], np.int64))),
    Case("TileWithAxis", (floats(2, 3),), {"axis": -1, "tiles": 2}),
]


@pytest.mark.parametrize("case", [*DESCRIBING, *SAME_VALUE, *RESHAPING, *MAKING, *JOINING], ids=str)
def test_computes_the_same(case: Case) -> None:
    check_case(case)


@settings(max_examples=20)
@given(st.data())
def test_reshapes_anything_to_anything_of_its_size(data: st.DataObject) -> None:
    dims = data.draw(st.lists(st.sampled_from((1, 2, 3)), min_size=1, max_size=4))
    wanted: list[int] = data.draw(st.permutations(dims))
    if data.draw(st.booleans()):
        wanted[data.draw(st.integers(0, len(dims) - 1))] = -1
    check("Reshape", floats(*dims), known(wanted) if data.draw(st.booleans()) else np.array(wanted, np.int64))


@settings(max_examples=20)
@given(st.data())
def test_converts_between_element_types(data: st.DataObject) -> None:
    source, target = (data.draw(st.sampled_from(ELEMENT_TYPES)) for _ in range(2))
    number = cpp_number(ELEMENTS[_NAMES[target]])
    check("Cast", floats(3, 4, dtype=source) if source[0] != "u" else ints(9, 3, 4, dtype=source), dst_type=number)


_NAMES = {
    **{f"{kind}{size}": f"{kind}{size * 8}" for kind in "iuf" for size in (1, 2, 4, 8)},
    "bool": "bool",
}


@pytest.mark.parametrize("read", [0, 1, 2])
def test_pieces_that_nobody_reads_stay_in_the_file(read: int) -> None:
    onnx_engines.check(
        f"""graph @main(%x: f32[2, 3]) {{
  %y, %y:1, %y:2 = ge.Unpack(%x) {{num = 3, axis = 1}} : f32[2], f32[2], f32[2]
  return %y{f":{read}" if read else ""}
}}"""
    )
