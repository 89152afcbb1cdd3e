"""Einstein sums: the equation as data, the type of a sum, and its evaluation as matrix products."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from math import prod

import numpy as np

from modelc.dialects.ge.arrays import Array, matrix_product
from modelc.dialects.ge.helpers import broadcast, equal_dims, mismatch
from modelc.ir.op import Op
from modelc.ir.types import Dim, TensorType

Labels = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Term:
    """An array and the label of each of its axes, none twice."""

    array: Array
    labels: Labels


def parse(op: Op, equation: str, ranks: Sequence[int]) -> tuple[list[Labels], Labels]:
    """Return the labels of the operands and of the result.

    The axes an ellipsis stands for are labelled `...1`, `...2`, ... counted from the last one.
    """
    left, arrow, right = equation.replace(" ", "").partition("->")
    parts = left.split(",")
    if len(parts) != len(ranks):
        raise mismatch(op, f"of `{equation}` needs {len(parts)} operands and has {len(ranks)}")
    labels = [_labels_of(op, equation, part, rank) for part, rank in zip(parts, ranks, strict=True)]
    hidden = max((sum(label.startswith("...") for label in row) for row in labels), default=0)
    if arrow:
        result = _labels_of(op, equation, right, len(right.replace("...", "")) + (hidden if "..." in right else 0))
    else:
        counts = Counter(label for row in labels for label in row if not label.startswith("..."))
        result = (*_ellipsis(hidden), *sorted(label for label, count in counts.items() if count == 1))
    known = {label for row in labels for label in row}
    if len(set(result)) != len(result) or not set(result) <= known:
        raise mismatch(op, f"of `{equation}` has a result with labels that are repeated or in no operand")
    return labels, result


def _ellipsis(count: int) -> Labels:
    return tuple(f"...{position}" for position in range(count, 0, -1))


def _labels_of(op: Op, equation: str, part: str, rank: int) -> Labels:
    before, dots, after = part.partition("...")
    hidden = rank - len(before) - len(after)
    if not (before + after).isalpha() and before + after:
        raise mismatch(op, f"does not understand `{equation}`")
    if hidden < 0 or (hidden and not dots):
        raise mismatch(op, f"of `{equation}` cannot label {rank} dimensions by `{part}`")
    return (*before, *_ellipsis(hidden), *after)


def infer(op: Op, equation: str, types: Sequence[TensorType]) -> tuple[Dim, ...] | None:
    """Return the shape of the result, None where a rank is unknown."""
    shapes = [type_.shape for type_ in types if type_.shape is not None]
    if len(shapes) != len(types):
        return None
    labels, result = parse(op, equation, [len(shape) for shape in shapes])
    dims: dict[str, Dim] = {}
    for row, shape in zip(labels, shapes, strict=True):
        for label, dim in zip(row, shape, strict=True):
            if label not in dims:
                dims[label] = dim
            elif label.startswith("..."):
                (dims[label],) = broadcast(op, (dims[label],), (dim,)) or (None,)
            else:
                dims[label] = equal_dims(op, dims[label], dim, f"extents of `{label}` in `{equation}`")
    return tuple(dims[label] for label in result)


def evaluate(op: Op, equation: str, arrays: Sequence[Array]) -> Array:
    """Return the Einstein sum of `arrays`, contracted from left to right."""
    labels, result = parse(op, equation, [array.ndim for array in arrays])
    terms = [_diagonal(array, row) for array, row in zip(arrays, labels, strict=True)]
    later = [{*result}.union(*(term.labels for term in terms[index + 1 :])) for index in range(len(terms))]
    first = _sum_out(terms[0], later[0])
    total = reduce(lambda a, step: _contract(a, step[0], step[1]), zip(terms[1:], later[1:], strict=True), first)
    return total.array.transpose([total.labels.index(label) for label in result])


def _diagonal(array: Array, labels: Labels) -> Term:
    """Return the diagonal over axes that share a label."""
    axes: dict[str, list[int]] = {}
    for axis, label in enumerate(labels):
        axes.setdefault(label, []).append(axis)
    if len(axes) == len(labels):
        return Term(array, labels)
    shape = tuple(array.shape[group[0]] for group in axes.values())
    strides = tuple(sum(array.strides[axis] for axis in group) for group in axes.values())
    return Term(np.lib.stride_tricks.as_strided(array, shape, strides, writeable=False), tuple(axes))


def _sum_out(term: Term, needed: set[str]) -> Term:
    axes = tuple(axis for axis, label in enumerate(term.labels) if label not in needed)
    if not axes:
        return term
    return Term(term.array.sum(axes), tuple(label for label in term.labels if label in needed))


def _contract(a: Term, b: Term, needed: set[str]) -> Term:
    """Return the product of two terms, summed over what nobody needs later, as one stack of matrix products."""
    a = _sum_out(a, needed | {*b.labels})
    b = _sum_out(b, needed | {*a.labels})
    shared = [label for label in a.labels if label in b.labels]
    batch = [label for label in shared if label in needed]
    summed = [label for label in shared if label not in needed]
    rows = [label for label in a.labels if label not in shared]
    columns = [label for label in b.labels if label not in shared]
    sizes = {
        label: dim for term in (a, b) for label, dim in zip(term.labels, term.array.shape, strict=True) if dim != 1
    }
    left = _matrices(a, batch, rows, summed, sizes)
    right = _matrices(b, batch, summed, columns, sizes)
    labels = (*batch, *rows, *columns)
    return Term(matrix_product(left, right).reshape([sizes.get(label, 1) for label in labels]), labels)


def _matrices(term: Term, batch: list[str], rows: list[str], columns: list[str], sizes: dict[str, int]) -> Array:
    """Return the term as [batch, rows, columns], its axes of extent 1 repeated as far as the other term needs."""
    labels = [*batch, *rows, *columns]
    array = term.array.transpose([term.labels.index(label) for label in labels])
    array = np.broadcast_to(array, [sizes.get(label, 1) for label in labels])
    return array.reshape([prod(sizes.get(label, 1) for label in group) for group in (batch, rows, columns)])
