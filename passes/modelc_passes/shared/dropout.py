"""Dropout written out as ops: random numbers, a mask, a scale, and what they are applied to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from modelc.ir.graph import Graph
from modelc.ir.op import Op, Value
from modelc.ir.types import TensorType
from modelc_passes.shared.known import Known

UNIFORM = frozenset({"tf.RandomUniform", "tf.StatelessRandomUniform", "tf.StatelessRandomUniformV2"})
COPIES = frozenset({"tf.Identity", "tf.Cast", "tf.Reshape", "tf.StopGradient"})
SUMS = frozenset({"tf.Add", "tf.AddV2"})
PRODUCTS = frozenset({"tf.Mul"})
QUOTIENTS = frozenset({"tf.RealDiv", "tf.Div"})
SELECTS = frozenset({"tf.Select", "tf.SelectV2"})
STEPS = 12  # ops looked at between random numbers and the mask they make, or between a scale and what it follows from
TOLERANCE = 1e-3  # by which a scale may differ from what undoes the mask on average


@dataclass(frozen=True, slots=True)
class Dropout:
    """One dropout.

    Attributes:
        op: Its last op, whose result is what survives.
        kept: What inference uses in its place.
        random: The op that draws the random numbers.
    """

    op: Op
    kept: Value
    random: Op


@dataclass(frozen=True, slots=True)
class _Mask:
    """Which elements are kept.

    Attributes:
        limit: The value random numbers are compared with.
        is_keep: Whether `limit` is the share that is kept; otherwise the share that is dropped.
        random: The op that draws the random numbers.
    """

    limit: Value
    is_keep: bool
    random: Op

    def opposite(self) -> _Mask:
        """Return the mask that keeps what this one drops."""
        return _Mask(self.limit, not self.is_keep, self.random)


def find_dropouts(graph: Graph) -> Iterator[Dropout]:
    """Yield every dropout of `graph` that is written out; the graph may be edited meanwhile."""
    known = Known()
    for op in graph:
        if op.kind in PRODUCTS or op.kind in SELECTS:
            found = _of_select(op, known) if op.kind in SELECTS else _of_product(op, known)
            if found is not None:
                yield found


def _of_product(op: Op, known: Known) -> Dropout | None:
    """Match `scaled * mask`, or `x * mask` whose only reader scales it."""
    if len(op.inputs) != 2:
        return None
    for value, mask_value in (op.inputs[:2], op.inputs[1::-1]):
        mask = _mask(mask_value, known)
        if mask is None:
            continue
        kept = _unscaled(value, mask, known)
        if kept is not None:
            return Dropout(op, kept, mask.random)
        reader = op.results[0].only_user()
        if reader is not None and _scales(reader, op.results[0], mask, known):
            return Dropout(reader, value, mask.random)
    return None


def _of_select(op: Op, known: Known) -> Dropout | None:
    """Match `where(mask, scaled, 0)` and its mirror image."""
    if len(op.inputs) != 3:
        return None
    condition, first, second = op.inputs
    mask = _mask(condition, known)
    if mask is None:
        return None
    if _is_zero(first, known):
        mask, first, second = mask.opposite(), second, first
    if not _is_zero(second, known):
        return None
    kept = _unscaled(first, mask, known)
    return None if kept is None else Dropout(op, kept, mask.random)


def _is_zero(value: Value, known: Known) -> bool:
    value = _source(value)
    if value.producer.kind == "tf.ZerosLike":
        return True
    if value.producer.kind == "tf.Fill" and len(value.producer.inputs) == 2:
        value = value.producer.inputs[1]
    array = known.of(value)
    return array is not None and array.size > 0 and not np.any(array)


# -- masks


def _mask(value: Value, known: Known) -> _Mask | None:
    """Return the mask that `value` is, as truth values or as zeros and ones."""
    negated = False
    op = value.producer
    for _ in range(STEPS):
        if op.kind not in COPIES and op.kind != "tf.LogicalNot":
            break
        negated ^= op.kind == "tf.LogicalNot"
        if not op.inputs:
            return None
        op = op.inputs[0].producer
    match = _COMPARISONS.get(op.kind) if len(op.inputs) == (1 if op.kind == "tf.Floor" else 2) else None
    mask = match(op, known) if match is not None else None
    return mask.opposite() if mask is not None and negated else mask


def _above(op: Op, known: Known) -> _Mask | None:
    """Match `random >= dropped`, or `kept >= random`."""
    first, second = op.inputs
    return _compared(first, second, known, is_keep=False) or _compared(second, first, known, is_keep=True)


def _below(op: Op, known: Known) -> _Mask | None:
    """Match `random < kept`, or `dropped <= random`."""
    first, second = op.inputs
    return _compared(first, second, known, is_keep=True) or _compared(second, first, known, is_keep=False)


def _compared(random: Value, limit: Value, known: Known, *, is_keep: bool) -> _Mask | None:
    source = _random(random, known)
    return None if source is None or not _is_rate(limit, known) else _Mask(limit, is_keep, source)


def _floored(op: Op, known: Known) -> _Mask | None:
    """Match `floor(kept + random)`."""
    total = _source(op.inputs[0]).producer
    if total.kind not in SUMS or len(total.inputs) != 2:
        return None
    first, second = total.inputs
    return _compared(first, second, known, is_keep=True) or _compared(second, first, known, is_keep=True)


_COMPARISONS: dict[str, Callable[[Op, Known], _Mask | None]] = {
    "tf.GreaterEqual": _above,
    "tf.Greater": _above,
    "tf.Less": _below,
    "tf.LessEqual": _below,
    "tf.Floor": _floored,
}


def _random(value: Value, known: Known) -> Op | None:
    """Return the op whose uniform random numbers `value` is, moved or scaled by constants at most."""
    op = value.producer
    for _ in range(STEPS):
        if op.kind in UNIFORM:
            return op
        if op.kind in COPIES and op.inputs:
            op = op.inputs[0].producer
        elif op.kind in SUMS | PRODUCTS | {"tf.Sub"} and len(op.inputs) == 2:
            first, second = op.inputs
            if known.scalar(second) is None:
                first, second = second, first
            if known.scalar(second) is None:
                return None
            op = first.producer
        else:
            return None
    return None


# -- rates and scales


def _is_rate(value: Value, known: Known) -> bool:
    """Whether `value` is one number that is constant or follows from inputs alone."""
    return known.scalar(value) is not None or _roots(value, known) is not None


def _roots(value: Value, known: Known) -> frozenset[Value] | None:
    """Return the unknown scalars a rate or scale follows from, None when it follows from something else."""
    pending, roots = [value], set[Value]()
    for _ in range(STEPS):
        if not pending:
            return frozenset(roots)
        current = pending.pop()
        op = current.producer
        if known.scalar(current) is not None:
            continue
        if op.kind in COPIES | SUMS | PRODUCTS | QUOTIENTS | {"tf.Sub", "tf.Reciprocal"}:
            pending.extend(op.inputs[: 1 if op.kind in COPIES else 2])
        elif op.kind in ("input", "tf.Placeholder") and _may_be_scalar(current):
            roots.add(current)
        else:
            return None
    return None


def _may_be_scalar(value: Value) -> bool:
    return isinstance(value.type, TensorType) and not value.type.shape


def _unscaled(value: Value, mask: _Mask, known: Known) -> Value | None:
    """Return what `value` is apart from the scale that makes up for the mask, None when it has no such scale."""
    value = _source(value)
    op = value.producer
    if op.kind in PRODUCTS | QUOTIENTS and len(op.inputs) == 2:
        pairs = (op.inputs,) if op.kind in QUOTIENTS else (op.inputs, op.inputs[::-1])
        return next((kept for kept, scale in pairs if _undoes(scale, mask, known, op.kind in QUOTIENTS)), None)
    return None


def _scales(op: Op, value: Value, mask: _Mask, known: Known) -> bool:
    if op.kind not in PRODUCTS | QUOTIENTS or len(op.inputs) != 2:
        return False
    first, second = op.inputs
    if op.kind in PRODUCTS and second is value:
        first, second = second, first
    return first is value and _undoes(second, mask, known, op.kind in QUOTIENTS)


def _undoes(scale: Value, mask: _Mask, known: Known, is_divisor: bool) -> bool:
    """Whether `scale` keeps the average of what the mask leaves."""
    number, limit = known.scalar(scale), known.scalar(mask.limit)
    if number is None and limit is None:
        roots = _roots(scale, known)
        return bool(roots) and roots == _roots(mask.limit, known)
    if number is None or limit is None:
        return False
    share = float(limit) if mask.is_keep else 1.0 - float(limit)
    return abs(float(number) - share if is_divisor else float(number) * share - 1.0) <= TOLERANCE


def _source(value: Value) -> Value:
    for _ in range(STEPS):
        if value.producer.kind != "tf.Identity" or not value.producer.inputs:
            break
        value = value.producer.inputs[0]
    return value
