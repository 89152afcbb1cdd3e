"""Ops that draw candidate classes for a loss over many classes, and say how often each was to be expected."""

from __future__ import annotations

import numpy as np

from modelc.dialects.ge.helpers import equal_dims, flag, integer, mismatch, need_rank, number, operand
from modelc.dialects.ge.random import generator_of, stream_of
from modelc.dialects.ge.semantics import TRAITS, Array, Arrays, evaluates, infers
from modelc.ir.op import Op
from modelc.ir.opdef import RANDOM, STATEFUL
from modelc.ir.types import F32, I64, TensorType, Type

SAMPLERS = (
    "AllCandidateSampler",
    "FixedUnigramCandidateSampler",
    "LearnedUnigramCandidateSampler",
    "LogUniformCandidateSampler",
    "ThreadUnsafeUnigramCandidateSampler",
    "UniformCandidateSampler",
)
TRAITS.update(dict.fromkeys(SAMPLERS, frozenset({RANDOM, STATEFUL})))
ROUNDS = 64  # how often more classes are drawn until enough differ


@infers(*SAMPLERS)
def _infer_sampler(op: Op) -> list[Type]:
    classes = operand(op, 0)
    dims = need_rank(op, classes, 2, "classes")
    width = equal_dims(op, dims[1], integer(op, "num_true"), "numbers of classes")
    count = integer(op, "num_sampled")
    return [TensorType(I64, (count,)), TensorType(F32, (dims[0], width)), TensorType(F32, (count,))]


def _unigrams(op: Op) -> Array:
    """Return how often each class occurs, from the list that the op holds."""
    found = op.attributes.get("unigrams", ())
    numbers = [float(item) for item in found if isinstance(item, int | float)] if isinstance(found, tuple) else []
    if not numbers:
        raise mismatch(op, "reads how often classes occur from a file, which cannot be executed here")
    weights = np.array(numbers) ** number(op, "distortion", 1.0)
    reserved = np.zeros(integer(op, "num_reserved_ids", 0))
    return np.concatenate([reserved, weights])


def _chances(op: Op) -> Array:
    """Return how likely each class is."""
    if op.kind == "ge.FixedUnigramCandidateSampler":
        weights = _unigrams(op)
    elif op.kind == "ge.LogUniformCandidateSampler":
        weights = np.log1p(1.0 / (np.arange(integer(op, "range_max")) + 1.0))
    else:  # those that learn have seen nothing yet
        weights = np.ones(integer(op, "range_max"))
    if not weights.sum() > 0:
        raise mismatch(op, f"draws from {len(weights)} classes, of which none occurs")
    return np.asarray(weights / weights.sum())


def _draw(op: Op, arrays: Arrays, chances: Array) -> tuple[Array, int]:
    """Return the classes that are drawn, and how many draws that took."""
    count, rng = integer(op, "num_sampled"), generator_of(stream_of(op, arrays))
    if not flag(op, "unique"):
        return rng.choice(len(chances), count, p=chances), count
    if count > np.count_nonzero(chances):
        raise mismatch(op, f"draws {count} different ones of {np.count_nonzero(chances)} classes")
    drawn = np.empty(0, np.int64)
    for _ in range(ROUNDS):
        drawn = np.concatenate([drawn, rng.choice(len(chances), max(8 * count, 64), p=chances)])
        places = np.sort(np.unique(drawn, return_index=True)[1])
        if len(places) >= count:
            return drawn[places[:count]], int(places[count - 1]) + 1 if count else 0
    rest = np.setdiff1d(np.flatnonzero(chances), drawn)
    return np.concatenate([drawn[places], rest])[:count], len(drawn)


def _expected(op: Op, chances: Array, tries: int) -> Array:
    """Return how often a class with these chances is to be expected among the candidates."""
    if flag(op, "unique"):
        return np.asarray(-np.expm1(tries * np.log1p(-chances)))
    return chances * integer(op, "num_sampled")


@evaluates(*SAMPLERS)
def _sampled(op: Op, arrays: Arrays) -> list[Array]:
    classes, count = arrays[0], integer(op, "num_sampled")
    if op.kind == "ge.AllCandidateSampler":
        return [np.arange(count), np.ones(classes.shape, np.float32), np.ones(count, np.float32)]
    chances = _chances(op)
    drawn, tries = _draw(op, arrays, chances)
    known = (classes >= 0) & (classes < len(chances))
    wanted = np.where(known, chances[np.where(known, classes, 0)], 0.0)
    expected = (_expected(op, part, tries).astype(np.float32) for part in (wanted, chances[drawn]))
    return [drawn.astype(np.int64), *expected]
