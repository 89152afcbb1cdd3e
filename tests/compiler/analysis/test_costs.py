"""Arithmetic: formulas against counting by hand, one multiplication after the other."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelc.analysis.costs import MACS, MOVING, OTHER, Arithmetic, arithmetic
from modelc.analysis.views import VIEWS
from modelc.dialects.ge import kinds
from modelc.dialects.lookup import infer_types
from modelc.ir.attributes import Attribute
from modelc.ir.op import Op
from modelc.ir.types import F32, I32, Type, tensor


def counted(kind: str, *types: Type, **attributes: Attribute) -> Arithmetic:
    """Return the arithmetic of an op on operands of these types."""
    source = Op("test.Source", types=types)
    shape = infer_types(Op(f"ge.{kind}", source.results, attributes))
    return arithmetic(Op(f"ge.{kind}", source.results, attributes, tuple(shape)))


def places(size: int, kernel: int, stride: int, before: int, after: int) -> int:
    """Count the places of a window by moving it."""
    return sum(1 for start in range(-before, size + after - kernel + 1) if (start + before) % stride == 0)


EXTENT = st.integers(1, 5)


@settings(deadline=None)
@given(
    batch=st.integers(1, 2),
    size=st.tuples(st.integers(3, 8), st.integers(3, 8)),
    kernel=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    stride=st.integers(1, 3),
    pads=st.tuples(*[st.integers(0, 2)] * 4),
    channels=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    groups=st.integers(1, 3),
)
def test_convolutions(
    batch: int,
    size: tuple[int, int],
    kernel: tuple[int, int],
    stride: int,
    pads: tuple[int, int, int, int],
    channels: tuple[int, int],
    groups: int,
) -> None:
    taken, given_out = channels
    x, filter_ = tensor(F32, batch, *size, taken * groups), tensor(F32, *kernel, taken, given_out * groups)
    window: dict[str, Attribute] = {"strides": (1, stride, stride, 1), "pads": pads, "data_format": "NHWC"}
    rows, columns = places(size[0], kernel[0], stride, *pads[:2]), places(size[1], kernel[1], stride, *pads[2:])
    expected = 0
    for _ in product(range(batch), range(rows), range(columns), range(given_out * groups)):
        expected += kernel[0] * kernel[1] * taken
    assert counted("Conv2D", x, filter_, groups=groups, **window).macs == expected


def test_a_bias_is_an_operation_for_each_result() -> None:
    window: dict[str, Attribute] = {"strides": (1, 1, 1, 1), "pads": (0, 0, 0, 0)}
    found = counted("Conv2D", tensor(F32, 1, 4, 4, 2), tensor(F32, 1, 1, 2, 8), tensor(F32, 8), **window)
    assert found == Arithmetic(4 * 4 * 8 * 2, 4 * 4 * 8)


def test_channels_may_come_first() -> None:
    window: dict[str, Attribute] = {"strides": (1, 1, 1, 1), "pads": (0, 0, 0, 0), "data_format": "NCHW"}
    assert counted("Conv2D", tensor(F32, 1, 2, 4, 4), tensor(F32, 1, 1, 2, 8), **window).macs == 4 * 4 * 8 * 2


@pytest.mark.parametrize("multiplier", [1, 3])
def test_depthwise(multiplier: int) -> None:
    window: dict[str, Attribute] = {"strides": (1, 2, 2, 1), "pads": (0, 0, 0, 0), "data_format": "NHWC"}
    found = counted("DepthwiseConv2D", tensor(F32, 1, 7, 7, 4), tensor(F32, 3, 3, 4, multiplier), **window)
    assert found.macs == 3 * 3 * (4 * multiplier) * (3 * 3)


@pytest.mark.parametrize("groups", [1, 2])
def test_a_transposed_convolution_spreads_every_number(groups: int) -> None:
    window: dict[str, Attribute] = {"strides": (1, 2, 2, 1), "pads": (0, 0, 0, 0), "data_format": "NHWC"}
    size, filter_, spread = tensor(I32, 4), tensor(F32, 3, 3, 5, 6), tensor(F32, 2, 4, 4, 6)
    found = counted("Conv2DBackpropInput", size, filter_, spread, groups=groups, **window)
    expected = 0
    for _ in product(range(2), range(4), range(4), range(6), range(3), range(3)):
        expected += 5  # results of one group
    assert found.macs == expected
    assert counted("Conv2DTranspose", size, spread, filter_, groups=groups, **window).macs == expected


@settings(deadline=None)
@given(rows=EXTENT, inner=EXTENT, columns=EXTENT, batch=EXTENT, flips=st.tuples(st.booleans(), st.booleans()))
def test_products_of_matrices(rows: int, inner: int, columns: int, batch: int, flips: tuple[bool, bool]) -> None:
    a = (inner, rows) if flips[0] else (rows, inner)
    b = (columns, inner) if flips[1] else (inner, columns)
    plain = counted("MatMulV2", tensor(F32, *a), tensor(F32, *b), transpose_x1=flips[0], transpose_x2=flips[1])
    assert plain.macs == sum(1 for _ in product(range(rows), range(columns), range(inner)))
    stacked = counted("BatchMatMulV2", tensor(F32, batch, *a), tensor(F32, *b), adj_x1=flips[0], adj_x2=flips[1])
    assert stacked.macs == batch * plain.macs


def test_a_fully_connected_layer() -> None:
    found = counted("FullyConnection", tensor(F32, 3, 2, 2, 5), tensor(F32, 7, 20), num_output=7)
    assert found.macs == 3 * 20 * 7


@pytest.mark.parametrize(
    ("equation", "shapes", "expected"),
    [
        ("ij,jk->ik", [(2, 3), (3, 4)], 2 * 3 * 4),
        ("bqhd,bkhd->bhqk", [(2, 5, 3, 4), (2, 6, 3, 4)], 2 * 5 * 3 * 4 * 6),
        ("...ij,jk->...ik", [(7, 2, 3), (3, 4)], 7 * 2 * 3 * 4),
        ("ij->ji", [(2, 3)], 0),
    ],
)
def test_einstein_sums(equation: str, shapes: list[tuple[int, ...]], expected: int) -> None:
    found = counted("Einsum", *(tensor(F32, *shape) for shape in shapes), equation=equation, N=len(shapes))
    assert found.macs == expected


@pytest.mark.parametrize(
    ("kind", "attributes", "expected"),
    [
        ("Relu", {}, 24),
        ("Exp", {}, 24),
        ("SoftmaxV2", {"axes": (-1,)}, 5 * 24),
        ("Rank", {}, 0),
        ("MaxPool", {"ksize": (1, 2, 2, 1), "strides": (1, 1, 1, 1), "padding": "VALID"}, (1 * 2 * 4) * (2 * 2)),
    ],
)
def test_other_operations(kind: str, attributes: dict[str, Attribute], expected: int) -> None:
    assert counted(kind, tensor(F32, 1, 2, 3, 4), **attributes) == Arithmetic(0, expected)


def test_a_reduction_is_one_for_each_number_it_takes() -> None:
    source = Op("test.Source", types=(tensor(F32, 4, 6), tensor(I32, 1)))
    assert arithmetic(Op("ge.ReduceSum", source.results, {}, (tensor(F32, 4),))) == Arithmetic(0, 24)


def test_an_unknown_shape_is_no_zero() -> None:
    source = Op("test.Source", types=(tensor(F32, None, 3), tensor(F32, 3, 4)))
    with pytest.raises(ValueError, match="unknown"):
        arithmetic(Op("ge.MatMulV2", source.results, {}, (tensor(F32, None, 4),)))


def test_every_op_of_the_tables_exists_and_is_in_one_of_them() -> None:
    known = set(kinds())
    tables = [set(MACS), set(OTHER), set(MOVING), {kind.removeprefix("ge.") for kind in VIEWS}]
    assert set().union(*tables) <= known
    assert sum(map(len, tables)) == len(set().union(*tables))
