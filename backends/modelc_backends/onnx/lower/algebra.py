"""Lowering of linear algebra: elimination and Cholesky's root as loops of ONNX, one step per column.

They run in double precision, whatever the precision of the operands.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from modelc.dialects.ge.helpers import flag
from modelc.ir.op import Value
from modelc.ir.types import F64, I64
from modelc_backends.onnx.lower.control import counted_loop
from modelc_backends.onnx.lower.site import NoFormError, Site
from modelc_backends.onnx.lower.table import Lowered, lowers


def side_of(site: Site, matrices: Value) -> int:
    """Return how many rows matrices have."""
    return site.dims(matrices, -2, -1)[0]


def adjoint(site: Site, matrices: Value) -> Value:
    """Return matrices with rows and columns exchanged."""
    *batch, rows, columns = range(site.rank(matrices))
    return site.transpose(matrices, (*batch, columns, rows))


def _matrix(site: Site) -> Value:
    """Return operand 0 in double precision, rows and columns exchanged where the op says so."""
    if site.element(site.inputs[0]).family != "float":
        raise NoFormError(f"computes on {site.inputs[0].type}")
    matrix = site.cast(site.inputs[0], F64)
    return adjoint(site, matrix) if flag(site.op, "adjoint", False) else matrix


# -- elimination


def solved(site: Site, matrix: Value, rhs: Value) -> Value:
    """Return the solution of systems of the same batch."""
    side = side_of(site, matrix)
    reduced, *_ = _eliminated(site, site.onnx("Concat", matrix, rhs, axis=-1), side)
    return site.onnx("Slice", reduced, *(site.constant((each,)) for each in (side, 1 << 62, -1)))


def _eliminated(site: Site, rows: Value, side: int) -> tuple[Value, ...]:
    """Return rows whose first `side` columns became the identity, sign and logarithm of the determinants of these."""
    each = site.onnx("Concat", site.extents(rows, 0, site.rank(rows) - 2), site.constant((1, 1)), axis=0)
    sign, logarithm = (site.onnx("Expand", site.constant(start, F64), each) for start in (1, 0))
    return counted_loop(site, side, [rows, sign, logarithm], _elimination_step)


def _elimination_step(site: Site, column: Value, carried: Sequence[Value]) -> Sequence[Value]:
    """Bring the largest number of a column, the pivot, to its row, and take that row from all others."""
    rows, sign, logarithm = carried
    rank = site.rank(rows)
    order, best = pivot_order(site, rows, column)
    rows = site.onnx("GatherElements", rows, site.onnx("Expand", order, site.extents(rows, 0, rank)), axis=-2)
    row = at_place(site, rows, column, rank - 2)
    pivot = at_place(site, row, column, rank - 1)
    row = site.onnx("Div", row, pivot)
    others = site.onnx("Sub", rows, site.onnx("Mul", at_place(site, rows, column, rank - 1), row))
    stays = site.onnx("Where", site.onnx("Equal", best, column), site.constant(1, F64), site.constant(-1, F64))
    return (
        site.onnx("Where", site.onnx("Equal", row_numbers(site, rows), column), row, others),
        site.onnx("Mul", sign, site.onnx("Mul", stays, site.onnx("Sign", pivot))),
        site.onnx("Add", logarithm, site.onnx("Log", site.onnx("Abs", pivot))),
    )


def row_numbers(site: Site, rows: Value) -> Value:
    """Return the numbers of rows, one below the other."""
    return site.constant(np.arange(side_of(site, rows)).reshape(-1, 1), I64, "rows")


def pivot_order(site: Site, rows: Value, column: Value) -> tuple[Value, Value]:
    """Return which row comes to stand where [..., rows, 1], and which one in row `column`.

    That is the one with the largest number in that column, of those that have not had their turn.
    """
    numbers, size = row_numbers(site, rows), site.onnx("Abs", at_place(site, rows, column, site.rank(rows) - 1))
    open_ = site.onnx("Where", site.onnx("Less", numbers, column), site.constant(-1, F64), size)
    best = site.onnx("ArgMax", open_, axis=-2, keepdims=1)
    others = site.onnx("Where", site.onnx("Equal", numbers, best), column, numbers)
    return site.onnx("Where", site.onnx("Equal", numbers, column), best, others), best


def at_place(site: Site, x: Value, place: Value, axis: int) -> Value:
    """Return what lies at one place of an axis, which is kept."""
    return site.onnx("Gather", x, site.reshape(place, (1,)), axis=axis)


@lowers("MatrixSolve")
def _matrix_solve(site: Site) -> Lowered:
    return solved(site, _matrix(site), site.cast(site.inputs[1], F64))


@lowers("MatrixInverse")
def _matrix_inverse(site: Site) -> Lowered:
    matrix = _matrix(site)
    identity = site.constant(np.eye(side_of(site, matrix)), F64)
    return solved(site, matrix, site.onnx("Expand", identity, site.extents(matrix, 0, site.rank(matrix))))


@lowers("MatrixTriangularSolve")
def _triangular_solve(site: Site) -> Lowered:
    upper = not flag(site.op, "lower", True)
    matrix = site.onnx("Trilu", site.cast(site.inputs[0], F64), upper=int(upper))
    matrix = adjoint(site, matrix) if flag(site.op, "adjoint", False) else matrix
    return solved(site, *same_batch(site, matrix, site.cast(site.inputs[1], F64)))


@lowers("LogMatrixDeterminant")
def _log_determinant(site: Site) -> Lowered:
    matrix = _matrix(site)
    rank = site.rank(matrix)
    _, sign, logarithm = _eliminated(site, matrix, side_of(site, matrix))
    return [site.squeeze(each, (rank - 2, rank - 1)) for each in (sign, logarithm)]


def same_batch(site: Site, a: Value, b: Value) -> Sequence[Value]:
    """Return two stacks of matrices repeated to the batch they broadcast to."""
    if site.shape(a)[:-2] == site.shape(b)[:-2]:
        return a, b
    batches = site.dims(a, 0, -2), site.dims(b, 0, -2)
    shape = np.broadcast_shapes(*batches)
    return [
        value if batch == shape else site.onnx("Expand", value, site.constant((*shape, *site.dims(value, -2))))
        for value, batch in zip((a, b), batches, strict=True)
    ]


# -- Cholesky's root


@lowers("Cholesky")
def _cholesky(site: Site) -> Lowered:
    matrix = _matrix(site)
    none = site.onnx("Expand", site.constant(0, F64), site.extents(matrix, 0, site.rank(matrix)))
    return counted_loop(site, side_of(site, matrix), [matrix, none], _root_step)[1]


def _root_step(site: Site, column: Value, carried: Sequence[Value]) -> Sequence[Value]:
    """Move one column from what is left of the matrices to their roots."""
    left, root = carried
    rank, side = site.rank(left), side_of(site, left)
    numbers = at_place(site, left, column, rank - 1)
    scaled = site.onnx("Div", numbers, site.onnx("Sqrt", at_place(site, numbers, column, rank - 2)))
    places = np.arange(side)
    above = site.onnx("Less", site.constant(places.reshape(-1, 1), I64, "rows"), column)
    part = site.onnx("Where", above, site.constant(0, F64), scaled)
    is_column = site.onnx("Equal", site.constant(places, I64, "columns"), column)
    rest = site.onnx("Sub", left, site.onnx("MatMul", part, adjoint(site, part)))
    return rest, site.onnx("Where", is_column, part, root)
