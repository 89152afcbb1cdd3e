"""Shapes that are computed from partly known shapes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from modelc.dialects.ge.known import known_ints
from modelc.dialects.lookup import infer_types
from modelc.ir.attributes import Attribute
from modelc.ir.constants import to_blob, type_of
from modelc.ir.op import Op, Value
from modelc.ir.types import F32, I32, I64, Dim, TensorType, tensor


def const(*numbers: Any, dtype: Any = np.int32) -> Value:
    array: NDArray[Any] = np.array(numbers[0] if len(numbers) == 1 else numbers, dtype)
    return Op("const", (), {"value": to_blob(array)}, (type_of(array),)).result


def source(*dims: Dim) -> Value:
    return Op("test.Source", types=(tensor(F32, *dims),)).result


def values(kind: str, operands: Sequence[Value], **attributes: Attribute) -> tuple[Value, ...]:
    probe = Op(f"ge.{kind}", tuple(operands), attributes)
    return Op(probe.kind, probe.operands, attributes, tuple(infer_types(probe))).results


def value(kind: str, *operands: Value, **attributes: Attribute) -> Value:
    return values(kind, operands, **attributes)[0]


def entries(shape: Value) -> tuple[Dim, ...] | None:
    return known_ints(Op("ge.Fill", (shape,)), 0)


def dim(x: Value, index: int) -> Value:
    """Return one extent of `x`, cut out of its shape as models do."""
    bounds = (const([index]), const([index + 1]), const([1]))
    return value("StridedSlice", value("Shape", x), *bounds, shrink_axis_mask=1)


def test_the_batch_is_kept_through_shape_arithmetic() -> None:
    x = source("n", 7, 7, 64)
    flat = value("Mul", value("Mul", dim(x, 1), dim(x, 2)), dim(x, 3))
    shape = value("Pack", dim(x, 0), flat, N=2)
    assert entries(shape) == ("n", 3136)
    assert value("Reshape", x, shape).type == tensor(F32, "n", 3136)


@pytest.mark.parametrize(
    ("kind", "operands", "attributes", "expected"),
    [
        ("Identity", (), {}, ("n", None, 3)),
        ("Cast", (), {"dst_type": 9}, ("n", None, 3)),
        ("Slice", (const([1]), const([2])), {}, (None, 3)),
        ("GatherV2", (const([2, 0]), const(0)), {}, (3, "n")),
        ("Gather", (const([2]),), {}, (3,)),
        ("ReverseV2", (const([0]),), {}, (None, None, None)),
        ("Tile", (const([2]),), {}, ("n", None, 3, "n", None, 3)),
        ("ExpandDims", (const(0),), {}, ("n", None, 3)),
        ("Add", (const(1),), {}, (None, None, 4)),
        ("Sub", (const(1),), {}, (None, None, 2)),
        ("Mul", (const([1, 0, 2]),), {}, ("n", 0, 6)),
        ("FloorDiv", (const([1, 2, 2]),), {}, ("n", None, 1)),
        ("Maximum", (const(5),), {}, (None, None, 5)),
    ],
)
def test_numbers_are_followed_through(
    kind: str, operands: tuple[Value, ...], attributes: dict[str, Attribute], expected: tuple[Dim, ...]
) -> None:
    shape = value("Shape", source("n", None, 3))
    assert entries(value(kind, shape, *operands, **attributes)) == expected


def test_joined_and_split_shapes_are_followed() -> None:
    shape = value("Shape", source("n", 4))
    joined = value("ConcatV2", shape, const([5]), const(0), N=2)
    assert entries(joined) == ("n", 4, 5)
    assert entries(value("Concat", const(0), const([1]), shape, N=2)) == (1, "n", 4)
    assert entries(values("Split", (const(0), shape), num_split=2)[1]) == (4,)
    assert entries(values("SplitV", (joined, const([1, 2]), const(0)), num_split=2)[1]) == (4, 5)
    assert entries(values("Unpack", (shape,), num=2)[0]) == ("n",)
    assert entries(values("ShapeN", (source("n"), source(2, "m")))[1]) == (2, "m")
    assert entries(value("Size", source("n", 1))) == ("n",)
    assert entries(value("Rank", source("n", 1))) == (2,)


def test_nothing_is_known_of_other_numbers() -> None:
    assert entries(Op("test.Source", types=(tensor(I32, 2),)).result) == (None, None)
    assert entries(Op("test.Source", types=(tensor(I32, None),)).result) is None
    assert entries(value("Shape", Op("test.Source", types=(TensorType(F32, None),)).result)) is None
    assert entries(value("Cast", const([1.5], dtype=np.float32), dst_type=9)) == (None,)


def test_the_search_is_bounded() -> None:
    shape = value("Shape", source("n", 2))
    for _ in range(5000):
        shape = value("Add", shape, shape)
    assert entries(shape) == (None, None)


def test_ops_that_make_tensors_use_what_is_known() -> None:
    x = source("n", 8)
    n = dim(x, 0)
    assert value("Fill", value("Pack", n, const(3), N=2), const(0)).type == tensor(I32, "n", 3)
    assert value("Range", const(0), n, const(1)).type == tensor(I32, "n")
    assert value("Range", const(1), n, const(1)).type == tensor(I32, None)
    assert value("OneHot", const([1, 2]), n, const(1), const(0)).type == tensor(I32, 2, "n")
    assert value("Tile", source(1, 8), value("Pack", n, const(1), N=2)).type == tensor(F32, "n", 8)
    wide = value("Cast", value("Shape", x), dst_type=9)
    assert value("ScatterNd", const([[0]], dtype=np.int64), source(1, 8), wide).type == tensor(F32, "n", 8)
    assert value("Slice", x, const([0, 2]), value("Pack", n, const(-1), N=2)).type == tensor(F32, "n", 6)
    assert wide.type == tensor(I64, 2)
