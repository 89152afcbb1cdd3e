"""Decompositions of (stacks of) matrices, and systems that they or the structure of a matrix solve.

A decomposition is not unique: columns of the factors of `Svd`, `Qr` and `SelfAdjointEig` may differ in sign (or phase)
from those of another program, and may be mixed where values coincide. Their products are the same.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from modelc.dialects.ge.arrays import wide, widened
from modelc.dialects.ge.helpers import (
    broadcast,
    common_element,
    element,
    equal_dims,
    equal_shapes,
    flag,
    mismatch,
    need_family,
    operand,
)
from modelc.dialects.ge.semantics import Array, Arrays, evaluates, infers
from modelc.ir.constants import numpy_dtype
from modelc.ir.op import Op
from modelc.ir.types import ELEMENTS, I32, Dim, Element, TensorType, Type

_REAL = {"c64": ELEMENTS["f32"], "c128": ELEMENTS["f64"]}
Dims = tuple[Dim, ...]


def _matrices(op: Op, index: int = 0) -> tuple[TensorType, Dims | None]:
    """Return the type of an operand of matrices, and its dimensions where their number is known."""
    type_ = operand(op, index)
    need_family(op, type_, "float", "complex")
    if type_.shape is not None and len(type_.shape) < 2:
        raise mismatch(op, f"needs matrices, not {type_}")
    return type_, type_.shape


def _least(a: Dim, b: Dim) -> Dim:
    if isinstance(a, int) and isinstance(b, int):
        return min(a, b)
    return a if a == b else None


def _square(op: Op) -> tuple[TensorType, Dims | None]:
    type_, dims = _matrices(op)
    if dims is None:
        return type_, None
    extent = equal_dims(op, dims[-1], dims[-2], "rows and columns")
    return type_, (*dims[:-2], extent, extent)


# -- singular values

_NONE = (0,)  # the shape of factors that are not asked for


@infers("Svd")
def _infer_svd(op: Op) -> list[Type]:
    x, dims = _matrices(op)
    factors = flag(op, "compute_uv", True)
    if dims is None:
        rest = None if factors else _NONE
        return [x.with_shape(None), x.with_shape(rest), x.with_shape(rest)]
    *batch, rows, columns = dims
    rank = _least(rows, columns)
    full = flag(op, "full_matrices", False)
    u, v = (*batch, rows, rows if full else rank), (*batch, columns, columns if full else rank)
    return [x.with_shape((*batch, rank)), x.with_shape(u if factors else _NONE), x.with_shape(v if factors else _NONE)]


@evaluates("Svd")
def _svd(op: Op, arrays: Arrays) -> list[Array]:
    x = arrays[0]
    if not flag(op, "compute_uv", True):
        sigma = np.linalg.svd(wide(x), compute_uv=False)
        return [sigma.astype(x.dtype), np.empty(0, x.dtype), np.empty(0, x.dtype)]
    u, sigma, v = np.linalg.svd(wide(x), full_matrices=flag(op, "full_matrices", False))
    return [part.astype(x.dtype) for part in (sigma, u, np.swapaxes(v, -1, -2).conj())]


# -- orthogonal and triangular factors


@infers("Qr")
def _infer_qr(op: Op) -> list[Type]:
    x, dims = _matrices(op)
    if dims is None:
        return [x, x]
    *batch, rows, columns = dims
    inner = rows if flag(op, "full_matrices", False) else _least(rows, columns)
    return [x.with_shape((*batch, rows, inner)), x.with_shape((*batch, inner, columns))]


@evaluates("Qr")
def _qr(op: Op, arrays: Arrays) -> list[Array]:
    x = wide(arrays[0])
    q, r = np.linalg.qr(x, "complete") if flag(op, "full_matrices", False) else np.linalg.qr(x)
    return [q.astype(arrays[0].dtype), r.astype(arrays[0].dtype)]


@infers("Lu")
def _infer_lu(op: Op) -> list[Type]:
    x, dims = _square(op)
    order = element(op, "output_idx_type", I32)
    return [x.with_shape(dims), TensorType(order, None if dims is None else dims[:-1])]


def _eliminated(matrix: Array, order: Array) -> None:
    """Turn a matrix into its factors, the unit diagonal of the lower one left out, and note the order of its rows."""
    for column in range(len(matrix)):
        best = column + int(np.argmax(np.abs(matrix[column:, column])))
        if matrix[best, column] == 0 or np.isnan(matrix[best, column]):
            raise ValueError("the matrix is singular")
        if best != column:
            matrix[[column, best]], order[[column, best]] = matrix[[best, column]], order[[best, column]]
        matrix[column + 1 :, column] /= matrix[column, column]
        matrix[column + 1 :, column + 1 :] -= np.outer(matrix[column + 1 :, column], matrix[column, column + 1 :])


@evaluates("Lu")
def _lu(op: Op, arrays: Arrays) -> list[Array]:
    x = arrays[0]
    factors = wide(x).astype(np.complex128 if x.dtype.kind == "c" else np.float64)
    extent = x.shape[-1]
    orders = np.broadcast_to(np.arange(extent), x.shape[:-1]).copy()
    count = orders.size // extent if extent else 0
    for matrix, order in zip(factors.reshape(count, extent, extent), orders.reshape(count, extent), strict=True):
        _eliminated(matrix, order)
    return [factors.astype(x.dtype), orders.astype(numpy_dtype(element(op, "output_idx_type", I32)))]


# -- eigenvalues and roots


@infers("SelfAdjointEig")
def _infer_eigen(op: Op) -> list[Type]:
    x, dims = _square(op)
    vectors = dims if flag(op, "compute_v", True) else _NONE
    return [x.with_shape(None if dims is None else dims[:-1]), x.with_shape(vectors)]


@evaluates("SelfAdjointEig")
def _eigen(op: Op, arrays: Arrays) -> list[Array]:
    x = arrays[0]
    if not flag(op, "compute_v", True):
        return [np.linalg.eigvalsh(wide(x)).astype(x.dtype), np.empty(0, x.dtype)]
    values, vectors = np.linalg.eigh(wide(x))
    return [values.astype(x.dtype), vectors.astype(x.dtype)]


@infers("MatrixSquareRoot")
def _infer_root(op: Op) -> list[Type]:
    x, dims = _square(op)
    return [x.with_shape(dims)]


ROOT_STEPS = 60


def _iterated_root(matrix: Array) -> Array:
    """Return the principal square root by the iteration of Denman and Beavers, scaled by determinants."""
    extent = matrix.shape[-1]
    root, inverse = matrix, np.eye(extent, dtype=matrix.dtype)
    for _ in range(ROOT_STEPS):
        size = np.abs(np.linalg.det(root) * np.linalg.det(inverse)) ** (-0.5 / extent)
        scale = size if np.isfinite(size) and size > 0 else 1.0
        a, b = scale * root, scale * inverse
        new = 0.5 * (a + np.linalg.inv(b)), 0.5 * (b + np.linalg.inv(a))
        settled = np.linalg.norm(new[0] - root) <= 1e-15 * np.linalg.norm(root)
        root, inverse = new
        if settled:
            break
    return root


def _root(matrix: Array) -> Array:
    """Return the principal square root, by eigenvectors where they are good enough."""
    values, vectors = np.linalg.eig(matrix)
    try:
        root = np.asarray((vectors * np.sqrt(values.astype(np.complex128))) @ np.linalg.inv(vectors))
        if np.linalg.norm(root @ root - matrix) <= 1e-12 * np.linalg.norm(matrix):
            return root
    except np.linalg.LinAlgError:
        pass  # there are too few of them
    return _iterated_root(matrix.astype(np.complex128))


@evaluates("MatrixSquareRoot")
def _matrix_root(op: Op, arrays: Arrays) -> list[Array]:
    x = arrays[0]
    double = wide(x).astype(np.complex128 if x.dtype.kind == "c" else np.float64)
    extent = x.shape[-1]
    roots = [_root(matrix) for matrix in double.reshape(-1, extent, extent)] if x.size else []
    result = np.array(roots, np.complex128).reshape(x.shape)
    if x.dtype.kind != "c":
        result = np.where(np.abs(result.imag) > 1e-6 * (1 + np.abs(result.real)), np.nan, result.real)
    return [result.astype(x.dtype)]


# -- systems


def _right_side(op: Op, batch: Dims | None, rows: Dim, element_: Element | None) -> list[Type]:
    """Return the type of the solution for the right side, operand 1, which has as many rows as the system."""
    rhs = operand(op, 1)
    if rhs.shape is None or batch is None:
        return [TensorType(element_, rhs.shape)]
    if len(rhs.shape) < 2:
        raise mismatch(op, f"needs matrices on the right, not {rhs}")
    rows = equal_dims(op, rows, rhs.shape[-2], "rows of both sides")
    return [TensorType(element_, (*batch, rows, rhs.shape[-1]))]


@infers("MatrixSolveLs")
def _infer_least_squares(op: Op) -> list[Type]:
    matrix, dims = _matrices(op)
    rhs, right = _matrices(op, 1)
    operand(op, 2)
    found = common_element(op, (matrix, rhs))
    if dims is None or right is None:
        return [TensorType(found, None)]
    batch = equal_shapes(op, dims[:-2], right[:-2], what="stacks of matrices") or ()
    equal_dims(op, dims[-2], right[-2], "rows of both sides")
    return [TensorType(found, (*batch, dims[-1], right[-1]))]


@evaluates("MatrixSolveLs")
def _least_squares(op: Op, arrays: Arrays) -> list[Array]:
    """Minimize |matrix x - rhs|^2 + l2 |x|^2; `fast` or not, where the matrix has full rank, is the same."""
    matrix, rhs = (wide(x) for x in arrays[:2])
    dtype = np.complex128 if matrix.dtype.kind == "c" else np.float64
    a, b, l2 = matrix.astype(dtype), rhs.astype(dtype), float(np.real(arrays[2].reshape(())))
    adjoint = np.swapaxes(a, -1, -2).conj()
    if l2 == 0.0 or not flag(op, "fast", True):
        return [np.asarray(np.linalg.pinv(a) @ b).astype(arrays[1].dtype)]
    if a.shape[-2] >= a.shape[-1]:
        solution = np.linalg.solve(adjoint @ a + l2 * np.eye(a.shape[-1]), adjoint @ b)
    else:
        solution = adjoint @ np.linalg.solve(a @ adjoint + l2 * np.eye(a.shape[-2]), b)
    return [np.asarray(solution).astype(arrays[1].dtype)]


@infers("TridiagonalSolve")
def _infer_tridiagonal(op: Op) -> list[Type]:
    diagonals, dims = _matrices(op)
    found = common_element(op, (diagonals, operand(op, 1)))
    if dims is None:
        return [TensorType(found, operand(op, 1).shape)]
    equal_dims(op, dims[-2], 3, "numbers of diagonals")
    return _right_side(op, dims[:-2], dims[-1], found)


def _placed(diagonals: Array, offsets: Callable[[int], int]) -> Array:
    """Return square matrices with stacked diagonals; the one at `index` lies `offsets(index)` right of the main one."""
    extent = diagonals.shape[-1]
    matrix = np.zeros((*diagonals.shape[:-2], extent, extent), diagonals.dtype)
    rows = np.arange(extent)
    for index in range(diagonals.shape[-2]):
        columns = rows + offsets(index)
        inside = (columns >= 0) & (columns < extent)
        matrix[..., rows[inside], columns[inside]] = diagonals[..., index, inside]
    return matrix


@evaluates("TridiagonalSolve")
def _tridiagonal(op: Op, arrays: Arrays) -> list[Array]:
    return [widened(lambda d, rhs: np.linalg.solve(_placed(d, lambda index: 1 - index), rhs))(*arrays)]


@infers("BandedTriangularSolve")
def _infer_banded(op: Op) -> list[Type]:
    bands, dims = _matrices(op)
    rhs = operand(op, 1)
    found = common_element(op, (bands, rhs))
    if dims is None or rhs.shape is None:
        return [TensorType(found, None)]
    return _right_side(op, broadcast(op, dims[:-2], rhs.shape[:-2]), dims[-1], found)


@evaluates("BandedTriangularSolve")
def _banded(op: Op, arrays: Arrays) -> list[Array]:
    bands, rhs = arrays
    count = bands.shape[-2]
    if flag(op, "lower", True):
        matrix = _placed(bands, lambda index: -index)
    else:
        matrix = _placed(bands, lambda index: count - 1 - index)
    if flag(op, "adjoint", False):
        matrix = np.swapaxes(matrix, -1, -2).conj()
    return [widened(np.linalg.solve)(matrix, rhs)]
