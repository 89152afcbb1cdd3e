"""Ops on sets and counts whose results are sparse, and the softmax of sparse matrices.

A sparse tensor is three: indices [count, rank], values [count] and the dense shape [rank]. A set is a row, along the
last axis.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from modelc.dialects.ge.helpers import (
    common_element,
    equal_shapes,
    flag,
    integer,
    mismatch,
    need_rank,
    operand,
    text,
)
from modelc.dialects.ge.known import known_ints
from modelc.dialects.ge.semantics import Array, Arrays, evaluates, infers
from modelc.ir.op import Op
from modelc.ir.types import F32, I32, I64, Element, TensorType, Type

Sets: TypeAlias = dict[tuple[int, ...], set[Any]]

# -- sets

OPERATIONS: dict[str, Callable[[set[Any], set[Any]], set[Any]]] = {
    "a-b": lambda a, b: a - b,
    "b-a": lambda a, b: b - a,
    "intersection": lambda a, b: a & b,
    "union": lambda a, b: a | b,
}


def _operation(op: Op) -> str:
    name = text(op, "set_operation", "")
    if name not in OPERATIONS:
        raise mismatch(op, f"has no operation `{name}`, there are {', '.join(OPERATIONS)}")
    return name


def _sparse_types(element: Element | None, rank: int | None) -> list[Type]:
    return [TensorType(I64, (None, rank)), TensorType(element, (None,)), TensorType(I64, (rank,))]


@infers("DenseToDenseSetOperation", "DenseToSparseSetOperation")
def _infer_operation(op: Op) -> list[Type]:
    first = operand(op, 0)
    _operation(op)
    dense = op.kind == "ge.DenseToDenseSetOperation"
    second = operand(op, 1 if dense else 2)
    if first.rank is not None and first.rank < 2:
        raise mismatch(op, f"needs rows of sets, not {first}")
    if dense and first.shape is not None and second.shape is not None:
        equal_shapes(op, first.shape[:-1], second.shape[:-1], what="rows")
    return _sparse_types(common_element(op, (first, second)), first.rank)


def _dense_sets(x: Array) -> Sets:
    return {place: set(x[place].tolist()) for place in np.ndindex(x.shape[:-1])}


def _sparse_sets(indices: Array, values: Array) -> Sets:
    sets: Sets = defaultdict(set)
    for index, value in zip(indices.tolist(), values.tolist(), strict=True):
        sets[tuple(index[:-1])].add(value)
    return sets


def _from_sets(sets: Sets, rows: tuple[int, ...], dtype: np.dtype[Any]) -> list[Array]:
    entries = [((*place, at), value) for place in np.ndindex(rows) for at, value in enumerate(sorted(sets[place]))]
    values = np.empty(len(entries), dtype)
    values[:] = [value for _, value in entries]
    widest = max(map(len, sets.values()), default=0)
    indices = np.array([index for index, _ in entries], np.int64).reshape(-1, len(rows) + 1)
    return [indices, values, np.array((*rows, widest), np.int64)]


@evaluates("DenseToDenseSetOperation", "DenseToSparseSetOperation")
def _set_operation(op: Op, arrays: Arrays) -> list[Array]:
    first, rows = _dense_sets(arrays[0]), arrays[0].shape[:-1]
    if op.kind == "ge.DenseToDenseSetOperation":
        second = _dense_sets(arrays[1])
        other = arrays[1].shape[:-1]
    else:
        second = _sparse_sets(arrays[1], arrays[2])
        other = tuple(arrays[3][:-1].tolist())
    if rows != other:
        raise mismatch(op, f"needs equal rows, not {list(rows)} and {list(other)}")
    function = OPERATIONS[_operation(op)]
    sets = {place: function(first[place], second.get(place, set())) for place in np.ndindex(rows)}
    return _from_sets(sets, rows, arrays[0].dtype)


@infers("SetSize")
def _infer_set_size(op: Op) -> list[Type]:
    shape = known_ints(op, 2)
    return [TensorType(I32, None if shape is None else shape[:-1])]


@evaluates("SetSize")
def _set_size(op: Op, arrays: Arrays) -> list[Array]:
    sizes = np.zeros(arrays[2][:-1], np.int32)
    for place, members in _sparse_sets(arrays[0], arrays[1]).items():
        sizes[place] = len(members)
    return [sizes]


# -- counts


@infers("DenseCountSparseOutput")
def _infer_counts(op: Op) -> list[Type]:
    values, weights = operand(op, 0), operand(op, 1)
    if values.rank not in (None, 1, 2):
        raise mismatch(op, f"counts vectors or rows of a matrix, not {values}")
    return _sparse_types(weights.element, values.rank)


@evaluates("DenseCountSparseOutput")
def _counts(op: Op, arrays: Arrays) -> list[Array]:
    values, weights = arrays
    least, most = integer(op, "minlength", -1), integer(op, "maxlength", -1)
    if values.size and values.min() < 0:
        raise mismatch(op, f"counts {values.min()}, numbers below 0 have no place")
    rows = values.reshape(-1, values.shape[-1]) if values.ndim == 2 else values.reshape(1, -1)
    shares = weights.reshape(rows.shape) if weights.size else np.ones(rows.shape, weights.dtype)
    kept = rows < most if most > 0 else np.ones(rows.shape, bool)
    entries = []
    for row, (numbers, parts, inside) in enumerate(zip(rows, shares, kept, strict=True)):
        for number in np.unique(numbers[inside]).tolist():
            count = 1 if flag(op, "binary_output") else parts[inside & (numbers == number)].sum()
            entries.append(((row, number)[2 - values.ndim :], count))
    width = most if most > 0 else max(int(values.max(initial=0)) + 1, least)
    shape = (len(rows), width)[2 - values.ndim :]
    indices = np.array([index for index, _ in entries], np.int64).reshape(-1, values.ndim)
    return [indices, np.array([count for _, count in entries], weights.dtype), np.array(shape, np.int64)]


# -- sparse matrices


@infers("SparseSoftmax")
def _infer_sparse_softmax(op: Op) -> list[Type]:
    need_rank(op, operand(op, 0), 2, "indices")
    return [operand(op, 1)]


@evaluates("SparseSoftmax")
def _sparse_softmax(op: Op, arrays: Arrays) -> list[Array]:
    indices, values = arrays[0], arrays[1].astype(np.float64)
    rows: Array
    rows = np.unique(indices[:, :-1], axis=0, return_inverse=True)[1].reshape(-1) if len(indices) else np.empty(0, int)
    most = np.full(rows.max(initial=-1) + 1, -np.inf)
    np.maximum.at(most, rows, values)
    powers = np.exp(values - most[rows])
    sums = np.bincount(rows, powers, len(most))
    return [(powers / sums[rows]).astype(arrays[1].dtype)]


# -- what candidates are not to be trained on


@infers("ComputeAccidentalHits")
def _infer_hits(op: Op) -> list[Type]:
    need_rank(op, operand(op, 0), 2, "classes")
    return [TensorType(I32, (None,)), TensorType(I64, (None,)), TensorType(F32, (None,))]


@evaluates("ComputeAccidentalHits")
def _hits(op: Op, arrays: Arrays) -> list[Array]:
    classes, candidates = arrays
    pairs = [
        (row, place)
        for row, wanted in enumerate(classes.tolist())
        for each in wanted
        for place in np.flatnonzero(candidates == each).tolist()
    ]
    rows, places = np.array(pairs, np.int64).reshape(-1, 2).T
    weights = np.full(len(pairs), -np.finfo(np.float32).max, np.float32)
    return [rows.astype(np.int32), places.copy(), weights]
