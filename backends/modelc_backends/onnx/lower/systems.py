"""Lowering of factors of matrices, and of systems with other matrices than square ones, by elimination."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from modelc.dialects.ge.helpers import flag
from modelc.ir.op import Value
from modelc.ir.types import F64
from modelc_backends.onnx.lower.algebra import (
    adjoint,
    at_place,
    pivot_order,
    row_numbers,
    same_batch,
    side_of,
    solved,
)
from modelc_backends.onnx.lower.control import counted_loop
from modelc_backends.onnx.lower.diagonals import mask_of, moved_places
from modelc_backends.onnx.lower.site import NoFormError, Site
from modelc_backends.onnx.lower.table import Lowered, lowers


def _real(site: Site, index: int) -> Value:
    """Return an operand in double precision."""
    if site.element(site.inputs[index]).family != "float":
        raise NoFormError(f"computes on {site.inputs[index].type}")
    return site.cast(site.inputs[index], F64)


# -- factors


@lowers("Lu")
def _lu(site: Site) -> Lowered:
    matrix = _real(site, 0)
    rank = site.rank(matrix)
    shape = site.onnx("Concat", site.extents(matrix, 0, rank - 1), site.constant((1,)), axis=0)
    order = site.onnx("Expand", row_numbers(site, matrix), shape)
    factors, order = counted_loop(site, side_of(site, matrix), [matrix, order], _factor_step)
    return factors, site.squeeze(order, (rank - 1,))


def _factor_step(site: Site, column: Value, carried: Sequence[Value]) -> Sequence[Value]:
    """Put the factors of one column below its pivot, and take their multiples of its row from the rows there."""
    rows, order = carried
    rank, zero = site.rank(rows), site.constant(0, F64)
    swaps, _ = pivot_order(site, rows, column)
    rows = site.onnx("GatherElements", rows, site.onnx("Expand", swaps, site.extents(rows, 0, rank)), axis=-2)
    row = at_place(site, rows, column, rank - 2)
    numbers = row_numbers(site, rows)
    columns = site.reshape(numbers, (-1,))
    below = site.onnx("Greater", numbers, column)
    ratio = site.onnx("Div", at_place(site, rows, column, rank - 1), at_place(site, row, column, rank - 1))
    rest = site.onnx("Where", site.onnx("Greater", columns, column), row, zero)
    lessened = site.onnx("Sub", rows, site.onnx("Mul", site.onnx("Where", below, ratio, zero), rest))
    is_factor = site.onnx("And", below, site.onnx("Equal", columns, column))
    moved = site.onnx("GatherElements", order, swaps, axis=-2)
    return site.onnx("Where", is_factor, ratio, lessened), moved


# -- least squares


@lowers("MatrixSolveLs")
def _least_squares(site: Site) -> Lowered:
    """Solve the normal equations, of full rank as they must be."""
    matrix, rhs = _real(site, 0), _real(site, 1)
    l2 = float(site.needed(2, "the regularization").item()) if flag(site.op, "fast", True) else 0.0
    rows, columns = site.dims(matrix, -2)
    turned = adjoint(site, matrix)
    if rows >= columns:
        return solved(site, _regular(site, turned, matrix, columns, l2), site.onnx("MatMul", turned, rhs))
    return site.onnx("MatMul", turned, solved(site, _regular(site, matrix, turned, rows, l2), rhs))


def _regular(site: Site, a: Value, b: Value, side: int, l2: float) -> Value:
    """Return the product of `a` and `b` with `l2` more on its diagonal."""
    product = site.onnx("MatMul", a, b)
    return site.onnx("Add", product, site.constant(l2 * np.eye(side), F64)) if l2 else product


# -- bands


def _placed(site: Site, bands: Value, offset: Callable[[int], int]) -> Value:
    """Return square matrices with stacked diagonals; that at `index` lies `offset(index)` right of the main one."""
    count, side = site.dims(bands, -2)
    index, rows = (part.reshape(-1) for part in np.indices((count, side)))
    columns = rows + np.array([offset(each) for each in range(count)])[index]
    inside = (columns >= 0) & (columns < side)
    places = (..., rows[inside], columns[inside])
    taken = moved_places(site, bands, (count, side), (..., index[inside], rows[inside]), (side, side), places)
    return site.onnx("Where", mask_of(site, (side, side), places), taken, site.constant(0, F64))


@lowers("TridiagonalSolve")
def _tridiagonal(site: Site) -> Lowered:
    return solved(site, _placed(site, _real(site, 0), lambda index: 1 - index), _real(site, 1))


@lowers("BandedTriangularSolve")
def _banded(site: Site) -> Lowered:
    bands = _real(site, 0)
    count, _ = site.dims(bands, -2)
    lower = flag(site.op, "lower", True)
    matrix = _placed(site, bands, lambda index: -index if lower else count - 1 - index)
    matrix = adjoint(site, matrix) if flag(site.op, "adjoint", False) else matrix
    return solved(site, *same_batch(site, matrix, _real(site, 1)))
