"""What each op of ONNX makes of transposed operands.

A rule lets its op compute before the transposition, and gives back whether it could.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from modelc.ir.attributes import get
from modelc.ir.op import Op
from modelc.ir.types import NONE
from modelc_backends.onnx.layout.move import Move, moves

Rule: TypeAlias = Callable[[Move], bool]

RULES: dict[str, Rule] = {}
ABSORBING = frozenset(
    {"Reshape", "Squeeze", "ArgMax", "ArgMin"}
)  # may need no transposition behind them; so may `Reduce`

_ELEMENTWISE = (
    *("Abs", "Acos", "Acosh", "Add", "And", "Asin", "Asinh", "Atan", "Atanh", "BitShift", "BitwiseAnd", "BitwiseNot"),
    *("BitwiseOr", "BitwiseXor", "Cast", "Ceil", "Celu", "Clip", "Cos", "Cosh", "Div", "Elu", "Equal", "Erf", "Exp"),
    *("Floor", "Gelu", "Greater", "GreaterOrEqual", "HardSigmoid", "HardSwish", "Identity", "IsInf", "IsNaN"),
    *("LeakyRelu", "Less", "LessOrEqual", "Log", "Max", "Min", "Mish", "Mod", "Mul", "Neg", "Not", "Or", "PRelu"),
    *("Pow", "Reciprocal", "Relu", "Round", "Selu", "Shrink", "Sigmoid", "Sign", "Sin", "Sinh", "Softplus", "Softsign"),
    *("Sqrt", "Sub", "Sum", "Tan", "Tanh", "ThresholdedRelu", "Where", "Xor"),
)
_REDUCTIONS = ("L1", "L2", "LogSum", "LogSumExp", "Max", "Mean", "Min", "Prod", "Sum", "SumSquare")


def rule(*kinds: str) -> Callable[[Rule], Rule]:
    """Register the rule of ONNX's `kinds`."""

    def register(function: Rule) -> Rule:
        RULES.update((f"onnx.{kind}", function) for kind in kinds)
        return function

    return register


def is_absorbing(op: Op) -> bool:
    """Whether `op` may need no transposition behind it."""
    kind = op.kind.removeprefix("onnx.")
    if kind == "Reshape":
        shape = op.inputs[0].tensor.shape
        return shape is not None and sum(dim != 1 for dim in shape[1:]) <= 1
    return kind in ("Squeeze", "ArgMax", "ArgMin") or kind.startswith("Reduce")


@rule(*_ELEMENTWISE)
def _elementwise(move: Move) -> bool:
    ranks = {value.tensor.rank for value in move.op.inputs if value.type is not NONE}
    if None in ranks or max(rank or 0 for rank in ranks) != move.rank:
        return False
    move.replace([value if value.type is NONE else move.source(value) for value in move.op.inputs])
    return True


@rule("Concat")
def _concat(move: Move) -> bool:
    axis = move.axis(get(move.op.attributes, "axis", int))
    move.replace([move.source(value) for value in move.op.inputs], {"axis": axis})
    return True


@rule("Split", "Softmax", "LogSoftmax", "Hardmax", "LpNormalization")
def _along_axis(move: Move) -> bool:
    default = 0 if move.op.kind == "onnx.Split" else -1
    axis = move.axis(get(move.op.attributes, "axis", int, default))
    x, *rest = move.op.inputs
    move.replace([move.source(x), *rest], {**move.op.attributes, "axis": axis})
    return True


# -- fewer dimensions, or more


def _without(move: Move, axes: Sequence[int]) -> tuple[int, ...]:
    """Return the order that is left when `axes` of the operand, counted from the front, are gone."""
    gone = {move.axis(axis) for axis in axes}
    kept = [axis for axis in range(move.rank) if axis not in gone]
    return tuple(kept.index(source) for source in move.perm if source not in gone)


@rule(*(f"Reduce{name}" for name in _REDUCTIONS))
def _reduce(move: Move) -> bool:
    axes = move.integers(1)
    if axes is None:
        return False
    if not axes and get(move.op.attributes, "noop_with_empty_axes", int, 0):
        return False
    axes = axes or tuple(range(move.rank))
    keeps = get(move.op.attributes, "keepdims", int, 1)
    operands = [move.source(move.op.inputs[0]), move.site.constant(move.axes(axes), part="axes")]
    move.replace(operands, perm=None if keeps else _without(move, [axis % move.rank for axis in axes]))
    return True


@rule("ArgMax", "ArgMin")
def _arg(move: Move) -> bool:
    axis, keeps = get(move.op.attributes, "axis", int, 0), get(move.op.attributes, "keepdims", int, 1)
    attributes = {**move.op.attributes, "axis": move.axis(axis)}
    move.replace([move.source(move.op.inputs[0])], attributes, None if keeps else _without(move, [axis % move.rank]))
    return True


@rule("Squeeze")
def _squeeze(move: Move) -> bool:
    axes = move.integers(1)
    if not axes:
        return False
    operands = [move.source(move.op.inputs[0]), move.site.constant(move.axes(axes), part="axes")]
    move.replace(operands, perm=_without(move, [axis % move.rank for axis in axes]))
    return True


@rule("Unsqueeze")
def _unsqueeze(move: Move) -> bool:
    axes = move.integers(1)
    if axes is None:
        return False
    rank = move.rank + len(axes)
    new = {axis % rank for axis in axes}
    old = [axis for axis in range(rank) if axis not in new]
    places = iter(move.perm)
    perm = tuple(axis if axis in new else old[next(places)] for axis in range(rank))
    move.replace([move.source(move.op.inputs[0]), move.op.inputs[1]], perm=perm)
    return True


@rule("Reshape")
def _reshape(move: Move) -> bool:
    source = move.source(move.op.inputs[0])
    shape = move.integers(1)
    if shape is None or source.tensor.shape is None or moves(source.tensor.shape, move.perm):
        return False
    if 0 in shape:  # an extent taken over from the operand, which may lie elsewhere now
        return False
    move.replace([source, move.op.inputs[1]], perm=tuple(range(len(shape))))
    return True


# -- a number or two per dimension


def _rearranged(move: Move, numbers: Sequence[int]) -> list[int]:
    """Return numbers of the operand's dimensions in the order of the source's."""
    result = [0] * move.rank
    for axis, number in enumerate(numbers):
        result[move.axis(axis)] = number
    return result


@rule("Tile", "Expand")
def _per_dimension(move: Move) -> bool:
    numbers = move.integers(1)
    if numbers is None or len(numbers) != move.rank:
        return False
    moved = move.site.constant(_rearranged(move, numbers), part="numbers")
    move.replace([move.source(move.op.inputs[0]), moved])
    return True


@rule("Pad")
def _pad(move: Move) -> bool:
    x, pads, *rest = move.op.inputs
    numbers, axes = move.integers(1), move.integers(3)
    if numbers is None or axes is None:
        return False
    if axes:
        moved = move.site.constant([move.axis(axis) for axis in axes], part="axes")
        move.replace([move.source(x), pads, rest[0], moved])
        return True
    before, after = numbers[: move.rank], numbers[move.rank :]
    both = [*_rearranged(move, before), *_rearranged(move, after)]
    move.replace([move.source(x), move.site.constant(both, part="pads"), *rest])
    return True


@rule("Slice")
def _slice(move: Move) -> bool:
    x, starts, ends, *rest = move.op.inputs
    axes, count = move.integers(3), starts.tensor.shape
    if axes is None or not count or not isinstance(count[0], int):
        return False
    moved = [move.axis(axis) for axis in axes or range(count[0])]
    move.replace([move.source(x), starts, ends, move.site.constant(moved, part="axes"), *rest[1:]])
    return True


@rule("Gather")
def _gather(move: Move) -> bool:
    x, indices = move.op.inputs
    axis = get(move.op.attributes, "axis", int, 0)
    if indices.tensor.rank not in (0, 1):
        return False
    perm = _without(move, [axis % move.rank]) if indices.tensor.rank == 0 else None
    move.replace([move.source(x), indices], {"axis": move.axis(axis)}, perm)
    return True
