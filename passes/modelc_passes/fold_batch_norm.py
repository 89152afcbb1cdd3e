"""Fold batch normalization: at inference it is a factor and a summand per channel, which weights can absorb."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from modelc.ir.attributes import get
from modelc.ir.op import Op, Value
from modelc.pipeline.facts import GE, TYPED
from modelc.pipeline.passes import option
from modelc.rewrite.driver import RulePass
from modelc.rewrite.rewriter import Rewriter
from modelc.rewrite.rules import Miss, RuleSet, rule
from modelc_passes.fold_bias import channel_numbers, split_linear, with_bias
from modelc_passes.shared.parameters import (
    Vector,
    channel_axis,
    linear,
    optional,
    rounded,
    vector,
    weights,
)
from modelc_passes.shared.weights import MOST_WORK, scaled, work


def _factor_and_summand(op: Op) -> tuple[Vector, Vector] | Miss:
    """Return what a batch normalization multiplies each channel with, and what it adds."""
    if get(op.attributes, "is_training", bool, True):
        return Miss("it takes its statistics from the batch")
    if any(value.readers for value in op.results[1:]):
        return Miss("its statistics are read")
    parameters = [vector(value) for value in op.operands[1:5]]
    known = [parameter for parameter in parameters if parameter is not None]
    if len(known) != 4 or len({len(parameter) for parameter in known}) != 1:
        return Miss("its parameters are not constants of one length")
    scale, offset, mean, variance = known
    with np.errstate(all="ignore"):
        factor = scale / np.sqrt(variance + get(op.attributes, "epsilon", float, 0.0001))
        summand = offset - mean * factor
    if not (np.isfinite(factor).all() and np.isfinite(summand).all()):
        return Miss("its factors are not finite")
    return factor, summand


def _absorb(rw: Rewriter, source: Op, factor: Vector, summand: Vector, name: str) -> Value | Miss:
    """Return the result, called `name`, of `source`, an op with weights, times `factor` plus `summand`."""
    layout = linear(source)
    assert layout is not None
    filters = source.operands[layout.filter]
    blob = weights(filters)
    if blob is None or work(blob) >= MOST_WORK:
        return Miss("the weights before it are not constants")
    if filters.tensor.dims[layout.axis] != len(factor):
        return Miss("the weights before it have another number of channels")
    present = None if layout.bias is None else optional(source, layout.bias)
    known = np.zeros_like(factor) if present is None else vector(present)
    if known is None:
        return Miss("the bias before it is not a constant")
    new = rw.constant_of(scaled(blob, filters.tensor, layout.axis, factor), filters.tensor, name=filters.name)
    total = known * factor + summand
    if present is None and not total.any():
        return _with_weights(rw, source, new, name)
    bias_name = f"{name}/bias" if present is None else present.name
    bias = rw.constant(rounded(total, source.result.tensor.element), name=bias_name)
    if layout.bias is not None:
        return with_bias(rw, source, new, bias, name)
    product = _with_weights(rw, source, new, f"{name}/{source.kind[3:]}")
    data_format = get(source.attributes, "data_format", str, "NHWC")
    return rw.value("ge.BiasAdd", (product, bias), {"data_format": data_format}, name=name)


def _with_weights(rw: Rewriter, source: Op, filters: Value, name: str) -> Value:
    layout = linear(source)
    assert layout is not None
    operands = [filters if index == layout.filter else value for index, value in enumerate(source.operands)]
    return rw.build(source.kind, operands, dict(source.attributes), types=[source.result.type], name=name).result


@rule("ge.BatchNorm", name="batch-norm-into-weights")
def batch_norm_into_weights(op: Op, rw: Rewriter) -> Miss | None:
    """A batch normalization behind an op with weights becomes part of these weights and its bias."""
    x, between = op.operands[0], None
    if x.producer.kind == "ge.BiasAdd" and len(x.readers) == 1:
        between, x = x.producer, x.producer.operands[0]
    source = x.producer
    if linear(source) is None:
        return Miss("it does not follow an op with weights")
    if len(x.readers) != 1 or x.tensor.shape is None:
        return Miss("the result it normalizes has other readers")
    rank = len(x.tensor.shape)
    if any(channel_axis(step, rank) != channel_axis(source, rank) for step in (op, between or op)):
        return Miss("it is laid out differently")
    found = _factor_and_summand(op)
    if isinstance(found, Miss):
        return found
    factor, summand = found
    if between is not None:
        bias = vector(between.operands[1])
        if bias is None or len(bias) != len(factor):
            return Miss("the bias before it is not a constant")
        summand = summand + bias * factor
    rw.at(op, *(step for step in (source, between, op) if step is not None))
    result = _absorb(rw, source, factor, summand, op.results[0].name)
    if isinstance(result, Miss):
        return result
    rw.replace(op, *[result] * len(op.results))
    return None


@rule("ge.Mul", "ge.RealDiv", "ge.Div", name="factor-into-weights")
def factor_into_weights(op: Op, rw: Rewriter) -> Miss | None:
    """A constant factor per channel behind an op with weights becomes part of these weights."""
    pair = split_linear(op)
    if pair is None:
        return Miss("it does not follow an op with weights")
    value, other = pair
    numbers = channel_numbers(op, value, other)
    if isinstance(numbers, Miss):
        return numbers
    with np.errstate(all="ignore"):
        factor = numbers if op.kind == "ge.Mul" else 1.0 / numbers
    if not np.isfinite(factor).all():
        return Miss("its factors are not finite")
    rw.at(op, value.producer, op)
    result = _absorb(rw, value.producer, factor, np.zeros_like(factor), op.result.name)
    if isinstance(result, Miss):
        return result
    rw.replace(op, result)
    return None


@rule("ge.BatchNorm", name="batch-norm-to-scale-and-shift")
def batch_norm_to_scale_and_shift(op: Op, rw: Rewriter) -> Miss | None:
    """A batch normalization that nothing absorbs becomes a multiplication and an addition."""
    x = op.operands[0]
    if x.tensor.shape is None:
        return Miss("the rank of what it normalizes is not known")
    found = _factor_and_summand(op)
    if isinstance(found, Miss):
        return found
    rank = len(x.tensor.shape)
    after = rank - 1 - channel_axis(op, rank)
    factor, summand = (rounded(numbers, x.tensor.element).reshape(-1, *[1] * after) for numbers in found)
    name = op.results[0].name
    product = rw.value("ge.Mul", (x, rw.constant(factor, name=f"{name}/factor")), name=f"{name}/Mul")
    result = rw.value("ge.Add", (product, rw.constant(summand, name=f"{name}/summand")), name=name)
    rw.replace(op, *[result] * len(op.results))
    return None


_INTO_WEIGHTS = RuleSet([batch_norm_into_weights, factor_into_weights])


@dataclass(frozen=True)
class FoldBatchNorm(RulePass):
    """Fold batch normalizations and constant factors into the weights before them.

    A batch normalization without such weights becomes a multiplication and an addition, unless `split=false`.
    """

    name: ClassVar[str] = "fold-batch-norm"
    needs: ClassVar[frozenset[str]] = frozenset({GE, TYPED})
    rules: ClassVar[RuleSet] = RuleSet([*_INTO_WEIGHTS.rules, batch_norm_to_scale_and_shift])

    split: bool = option(True, "turn batch normalizations that nothing absorbs into arithmetic")

    def active_rules(self) -> RuleSet:
        """Return the rules, without the one that splits where that is not wanted."""
        return self.rules if self.split else _INTO_WEIGHTS
