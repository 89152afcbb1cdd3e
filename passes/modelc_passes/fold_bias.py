"""Fold bias: what is added per channel behind a convolution or matrix product becomes its bias."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from modelc.ir.op import Op, Value
from modelc.ir.types import TensorType
from modelc.pipeline.facts import GE, TYPED
from modelc.rewrite.driver import RulePass
from modelc.rewrite.rewriter import Rewriter
from modelc.rewrite.rules import Miss, RuleSet, rule
from modelc_passes.shared.parameters import (
    LINEAR_KINDS,
    Vector,
    channel_axis,
    linear,
    optional,
    per_channel,
    rounded,
    vector,
    weights,
)


def split_linear(op: Op) -> tuple[Value, Value] | None:
    """Return the operand of a binary op that comes from an op with weights, and the other one; None without such."""
    a, b = op.operands[:2]
    if a.producer.kind in LINEAR_KINDS:
        return a, b
    return (b, a) if b.producer.kind in LINEAR_KINDS and op.kind in ("ge.Add", "ge.Mul") else None


def channel_numbers(op: Op, value: Value, other: Value) -> Vector | Miss:
    """Return what `op` combines each channel of `value`, the result of an op with weights, with.

    Args:
        op: A binary op.
        value: Its operand that comes from an op with weights.
        other: Its other operand.
    """
    type_ = value.tensor
    if len(value.readers) != 1:
        return Miss("the result it changes has other readers")
    if type_.shape is None or op.result.type != value.type:
        return Miss("it changes the shape or the element type")
    axis = channel_axis(value.producer, len(type_.shape))
    if op.kind == "ge.BiasAdd" and channel_axis(op, len(type_.shape)) != axis:
        return Miss("it is laid out differently")
    channels = type_.shape[axis]
    if not isinstance(channels, int):
        return Miss("the number of channels is not known")
    placed = axis if op.kind != "ge.BiasAdd" else 0
    numbers = per_channel(other, placed, len(type_.shape) if op.kind != "ge.BiasAdd" else 1, channels)
    return Miss("it does not combine with one constant per channel") if numbers is None else numbers


def with_bias(rw: Rewriter, op: Op, filters: Value, bias: Value, name: str) -> Value:
    """Return the result, called `name`, of `op`, which has weights, with these weights and this bias."""
    layout = linear(op)
    assert layout is not None
    assert layout.bias is not None
    operands = list(op.operands)
    operands[layout.filter] = filters
    operands[layout.bias : layout.bias + 1] = [bias]
    return rw.build(op.kind, operands, dict(op.attributes), types=[op.result.type], name=name).result


@rule("ge.BiasAdd", "ge.Add", "ge.Sub", name="addition-into-bias")
def addition_into_bias(op: Op, rw: Rewriter) -> Miss | None:
    """A constant per channel added behind an op with weights becomes its bias."""
    pair = split_linear(op)
    layout = None if pair is None else linear(pair[0].producer)
    if pair is None or layout is None or layout.bias is None:
        return Miss("it does not follow an op that takes a bias")
    value, other = pair
    source = value.producer
    numbers = channel_numbers(op, value, other)
    if isinstance(numbers, Miss):
        return numbers
    present = optional(source, layout.bias)
    known = np.zeros_like(numbers) if present is None else vector(present)
    if known is None:
        return Miss("the bias it has already is not a constant")
    rw.at(op, source, op)
    if present is None and op.kind != "ge.Sub" and _is_vector(other, value.tensor, len(numbers)):
        bias = other
    else:
        total = known - numbers if op.kind == "ge.Sub" else known + numbers
        bias = rw.constant(rounded(total, value.tensor.element), name=other.name)
    rw.replace(op, with_bias(rw, source, source.operands[layout.filter], bias, op.result.name))
    return None


def _is_vector(value: Value, like: TensorType, channels: int) -> bool:
    return weights(value) is not None and value.type == TensorType(like.element, (channels,))


@dataclass(frozen=True)
class FoldBias(RulePass):
    """Turn constants added per channel behind convolutions and matrix products into their bias."""

    name: ClassVar[str] = "fold-bias"
    needs: ClassVar[frozenset[str]] = frozenset({GE, TYPED})
    rules: ClassVar[RuleSet] = RuleSet([addition_into_bias])
