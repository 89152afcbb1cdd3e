"""How much arithmetic an op is: formulas as data, each a product of quantities.

One MAC is one multiplication with its addition. Everything else is counted as other operations: one for each number an
op of single numbers gives, whatever its function costs; a sum or maximum over many numbers is one for each of them.
Zeros of a padding count as numbers, as they do in published figures. Ops that only move numbers count nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from modelc.dialects.ge import einsum
from modelc.dialects.ge.helpers import channel_axis, flag, given, integer, integers, operand, text
from modelc.dialects.lookup import op_def
from modelc.ir.op import Op
from modelc.ir.types import TensorType

Quantity: TypeAlias = Callable[[Op], int]
Formula: TypeAlias = tuple[Quantity, ...]


# -- quantities; they raise ValueError where a shape is not known


def results(op: Op) -> int:
    """Return how many numbers the first result has."""
    return op.results[0].tensor.size


def first(op: Op) -> int:
    """Return how many numbers the first operand has."""
    return operand(op, 0).size


def elements(index: int) -> Quantity:
    """Return the quantity: how many numbers operand `index` has."""

    def count(op: Op) -> int:
        return operand(op, index).size

    return count


def positions(type_: TensorType, op: Op) -> int:
    """Return at how many places a filter is applied: the numbers of a tensor without its channels."""
    dims = type_.dims
    axis = channel_axis(text(op, "data_format", _default(op, "data_format")))
    return math.prod(dims[:axis] + dims[axis + 1 :])


def result_positions(op: Op) -> int:
    """Return at how many places of the result a filter is applied."""
    return positions(op.results[0].tensor, op)


def spread_positions(index: int) -> Quantity:
    """Return the quantity: from how many places of operand `index` a filter is spread."""

    def count(op: Op) -> int:
        return positions(operand(op, index), op)

    return count


def inner(flip: str) -> Quantity:
    """Return the quantity: the extent that a product of matrices sums over; `flip` tells that rows come last."""

    def count(op: Op) -> int:
        rows, columns = operand(op, 0).dims[-2:]
        return rows if flag(op, flip, False) else columns

    return count


def leading(op: Op) -> int:
    """Return how many rows a fully connected layer has: the numbers before the axis it connects from."""
    return math.prod(operand(op, 0).dims[: integer(op, "axis", 1)])


def labelled(op: Op) -> int:
    """Return the product of the extents of all labels of an Einstein sum, for each product of two operands."""
    shapes = [operand(op, index).dims for index in range(len(op.inputs))]
    rows, _ = einsum.parse(op, text(op, "equation"), [len(shape) for shape in shapes])
    extents: dict[str, int] = {}
    for row, shape in zip(rows, shapes, strict=True):
        for label, extent in zip(row, shape, strict=True):
            extents[label] = max(extents.get(label, 1), extent)
    return math.prod(extents.values()) * (len(shapes) - 1)


def window(op: Op) -> int:
    """Return how many numbers a pooling looks at for each that it gives."""
    if flag(op, "global_pooling", False):
        return first(op) // max(1, results(op))
    return math.prod(integers(op, "ksize"))


def times(factor: int) -> Quantity:
    """Return the quantity that is always `factor`."""
    return lambda op: factor


def _default(op: Op, name: str) -> str:
    definition = op_def(op.kind)
    attribute = None if definition is None else definition.attributes.get(name)
    return str(attribute.default) if attribute is not None and attribute.default else "NHWC"


# -- formulas

_FILTER: Final = elements(1)

MACS: Final[dict[str, Formula]] = {
    "Conv2D": (result_positions, _FILTER),
    "Conv3D": (result_positions, _FILTER),
    "DepthwiseConv2D": (result_positions, _FILTER),
    "Conv2DBackpropInput": (spread_positions(2), _FILTER),
    "Conv3DBackpropInput": (spread_positions(2), _FILTER),
    "DepthwiseConv2DBackpropInput": (spread_positions(2), _FILTER),
    "Conv2DTranspose": (spread_positions(1), elements(2)),
    "Conv3DTranspose": (spread_positions(1), elements(2)),
    "Deconvolution": (spread_positions(0), _FILTER),
    "MatMul": (results, inner("transpose_x1")),
    "MatMulV2": (results, inner("transpose_x1")),
    "BatchMatMul": (results, inner("adj_x1")),
    "BatchMatMulV2": (results, inner("adj_x1")),
    "GEMM": (results, inner("transpose_a")),
    "FullyConnection": (leading, _FILTER),
    "Einsum": (labelled,),
}

# The operand that is added to the product, where it is given.
_BIASES: Final = {
    "Conv2D": 2,
    "Conv3D": 2,
    "DepthwiseConv2D": 2,
    "Conv2DTranspose": 3,
    "Conv3DTranspose": 3,
    "Deconvolution": 2,
    "MatMul": 2,
    "MatMulV2": 2,
    "BatchMatMul": 2,
    "BatchMatMulV2": 2,
    "GEMM": 2,
    "FullyConnection": 2,
}

_REDUCING: Formula = (first,)
_POOLING: Formula = (results, window)

OTHER: Final[dict[str, Formula]] = {
    **dict.fromkeys(("ReduceAll", "ReduceAny", "ReduceLogSum", "ReduceMax", "ReduceMean", "ReduceMin"), _REDUCING),
    **dict.fromkeys(("ReduceProd", "ReduceSum", "EuclideanNorm", "GlobalAveragePool", "L2Loss"), _REDUCING),
    **dict.fromkeys(("ArgMaxV2", "ArgMaxD", "ArgMin", "Bincount", "Cumsum", "Cumprod", "SegmentSum"), _REDUCING),
    **dict.fromkeys(("AvgPool", "AvgPoolV2", "AvgPool3D", "MaxPool", "MaxPoolV3", "MaxPool3D"), _POOLING),
    # maximum, difference, exponential, sum, quotient
    **dict.fromkeys(("SoftmaxV2", "LogSoftmaxV2"), (times(5), first)),
    # mean, difference, square, mean, root and quotient, scale, shift
    **dict.fromkeys(("LayerNorm", "LayerNormV3", "InstanceNorm", "InstanceNormV2"), (times(7), first)),
    # what remains of statistics that are known: scale and shift
    **dict.fromkeys(("BatchNorm", "BNInfer", "BNInference"), (times(2), first)),
    # square, sum, root and quotient
    **dict.fromkeys(("L2Normalize", "RmsNorm"), (times(3), first)),
}

MOVING: Final = frozenset(
    (
        *("BatchToSpace", "BatchToSpaceND", "BroadcastTo", "Cast", "Concat", "ConcatV2", "DepthToSpace", "Expand"),
        *("Diag", "DiagPart", "DynamicStitch", "Empty", "ExtractImagePatches", "ExtractVolumePatches", "Fill"),
        *("Gather", "GatherD", "GatherElements", "GatherNd", "GatherV2", "InvertPermutation", "MatrixDiag"),
        *("MatrixDiagPart", "MirrorPad", "OneHot", "OnesLike", "Pack", "Pad", "PadV2", "PadV3", "Range"),
        *("RepeatInterleave", "ReverseSequence", "ReverseV2", "Roll", "ScatterNd", "Slice", "SpaceToBatch"),
        *("SpaceToBatchND", "SpaceToDepth", "Split", "SplitV", "StridedSlice", "TensorScatterUpdate", "Tile"),
        *("Transpose", "Unpack", "ZerosLike"),
        *("Rank", "Shape", "ShapeN", "Size"),
    )
)


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """How much arithmetic an op is.

    Attributes:
        macs: Multiplications with their addition.
        other: Other operations.
    """

    macs: int = 0
    other: int = 0


NONE: Final = Arithmetic()


def arithmetic(op: Op) -> Arithmetic:
    """Return how much arithmetic `op` is; raises ValueError where a shape that counts is not known.

    Raises:
        InferenceError: An attribute is wrong.
    """
    name = op.kind.removeprefix("ge.")
    if name in MACS:
        bias = name in _BIASES and given(op, _BIASES[name]) is not None
        return Arithmetic(_value(MACS[name], op), results(op) if bias else 0)
    if name in MOVING or op.graphs:
        return NONE
    return Arithmetic(0, _value(OTHER.get(name, (results,)), op))


def _value(formula: Formula, op: Op) -> int:
    return math.prod(quantity(op) for quantity in formula)
