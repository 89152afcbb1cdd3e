"""Matrix products, Einstein sums and linear algebra."""

from __future__ import annotations

from collections.abc import Callable
from math import prod

import numpy as np

from modelc.dialects.ge import einsum
from modelc.dialects.ge.arrays import Array, matrix_product, present, wide, widened
from modelc.dialects.ge.helpers import (
    broadcast,
    common_element,
    equal_dims,
    equal_shapes,
    flag,
    integer,
    mismatch,
    need_rank,
    operand,
    optional,
    positive_axis,
    product,
    tensors,
    text,
)
from modelc.dialects.ge.semantics import Arrays, evaluates, infers
from modelc.ir.op import Op
from modelc.ir.types import I32, Dim, Element, Shape, TensorType, Type

PLAIN = ("MatMul", "MatMulV2")
BATCHED = ("BatchMatMul", "BatchMatMulV2")


# -- products of two operands


def _product_element(op: Op, *types: TensorType) -> Element | None:
    element = common_element(op, types)
    return I32 if element is not None and element.name == "i8" else element


def _flipped(dims: tuple[Dim, ...], flip: bool) -> tuple[Dim, Dim]:
    rows, columns = dims[-2:]
    return (columns, rows) if flip else (rows, columns)


def _product_shape(op: Op, a: tuple[Dim, ...], b: tuple[Dim, ...], flips: tuple[bool, bool]) -> tuple[Dim, Dim]:
    """Return rows and columns of a product of matrices."""
    rows, inner = _flipped(a, flips[0])
    other, columns = _flipped(b, flips[1])
    equal_dims(op, inner, other, "inner dimensions")
    return rows, columns


def _with_bias(op: Op, shape: Shape, index: int) -> Shape:
    bias = optional(op, index)
    if bias is None or shape is None:
        return shape
    result = broadcast(op, shape, bias.shape)
    if result is not None and len(result) != len(shape):
        raise mismatch(op, f"cannot add the bias {bias} to {len(shape)} dimensions")
    return shape if result is None else result


@infers(*PLAIN)
def _infer_matmul(op: Op) -> list[Type]:
    a, b = operand(op, 0), operand(op, 1)
    flips = flag(op, "transpose_x1", False), flag(op, "transpose_x2", False)
    shape = _product_shape(op, need_rank(op, a, 2), need_rank(op, b, 2), flips)
    return [TensorType(_product_element(op, a, b), _with_bias(op, shape, 2))]


@infers(*BATCHED)
def _infer_batch_matmul(op: Op) -> list[Type]:
    a, b = operand(op, 0), operand(op, 1)
    element = _product_element(op, a, b)
    for type_ in (a, b):
        if type_.shape is not None and len(type_.shape) < 2:
            raise mismatch(op, f"needs matrices, not {type_}")
    if a.shape is None or b.shape is None:
        return [TensorType(element, None)]
    flips = flag(op, "adj_x1", False), flag(op, "adj_x2", False)
    matrix = _product_shape(op, a.shape, b.shape, flips)
    batch = broadcast(op, a.shape[:-2], b.shape[:-2]) or ()
    return [TensorType(element, _with_bias(op, (*batch, *matrix), 2))]


def _multiply(a: Array, b: Array, bias: Array | None) -> Array:
    """Return the product of (stacks of) matrices, with 8 bits summed in 32 and 16 in float32."""
    dtype = np.dtype(np.int32) if a.dtype == np.int8 else a.dtype
    a, b = (wide(x) if x.dtype != np.int8 else x.astype(np.int32) for x in (a, b))
    result = matrix_product(a, b)
    if bias is not None:
        result = result + wide(bias)
    return result.astype(dtype, copy=False)


def _adjoint(x: Array) -> Array:
    flipped: Array = np.swapaxes(x, -1, -2)
    return flipped.conj() if x.dtype.kind == "c" else flipped


def _need_no_offset(op: Op) -> None:
    if integer(op, "offset_x", 0):
        raise mismatch(op, "shifts quantized numbers by `offset_x`, which cannot be executed here")


@evaluates(*PLAIN)
def _matmul(op: Op, arrays: Arrays) -> list[Array]:
    _need_no_offset(op)
    a = arrays[0].T if flag(op, "transpose_x1", False) else arrays[0]
    b = arrays[1].T if flag(op, "transpose_x2", False) else arrays[1]
    return [_multiply(a, b, present(arrays, 2))]


@evaluates(*BATCHED)
def _batch_matmul(op: Op, arrays: Arrays) -> list[Array]:
    _need_no_offset(op)
    a = _adjoint(arrays[0]) if flag(op, "adj_x1", False) else arrays[0]
    b = _adjoint(arrays[1]) if flag(op, "adj_x2", False) else arrays[1]
    return [_multiply(a, b, present(arrays, 2))]


@infers("GEMM")
def _infer_gemm(op: Op) -> list[Type]:
    a, b, c = operand(op, 0), operand(op, 1), operand(op, 2)
    flips = flag(op, "transpose_a", False), flag(op, "transpose_b", False)
    shape = _product_shape(op, need_rank(op, a, 2), need_rank(op, b, 2), flips)
    common_element(op, (a, b))
    return [c.with_shape(_with_bias(op, shape, 2))]


@evaluates("GEMM")
def _gemm(op: Op, arrays: Arrays) -> list[Array]:
    a, b, c, alpha, beta = arrays
    a = a.T if flag(op, "transpose_a", False) else a
    b = b.T if flag(op, "transpose_b", False) else b
    total = wide(alpha).reshape(()) * wide(_multiply(wide(a), wide(b), None)) + wide(beta).reshape(()) * wide(c)
    return [np.asarray(total).astype(c.dtype)]


# -- fully connected layers


def _start(op: Op, rank: int) -> int:
    axis = positive_axis(op, integer(op, "axis", 1), rank)
    if axis not in (1, 2):
        raise mismatch(op, f"connects from axis 1 or 2 on, not {axis}")
    return axis


@infers("FullyConnection")
def _infer_fully_connection(op: Op) -> list[Type]:
    x, w = operand(op, 0), operand(op, 1)
    inner, results = _flipped(need_rank(op, w, 2, "weights"), not flag(op, "transpose", False))
    element = _product_element(op, x, w)
    if x.shape is None:
        return [TensorType(element, None)]
    axis = _start(op, len(x.shape))
    equal_dims(op, product(x.shape[axis:]), inner, "numbers of elements in operand and weights")
    bias = optional(op, 2)
    if bias is not None:
        results = equal_dims(op, results, product(bias.shape) if bias.shape else None, "results and biases")
    return [TensorType(element, _connected(x.shape[:axis], results))]


def _connected(leading: tuple[Dim, ...], results: Dim) -> Shape:
    """Return the shape of the result: from axis 1 on, a batch of one gives four dimensions."""
    if len(leading) == 2:
        return (*leading, results)
    if not isinstance(leading[0], int):
        return None
    return (1, results, 1, 1) if leading[0] == 1 else (leading[0], results)


@evaluates("FullyConnection")
def _fully_connection(op: Op, arrays: Arrays) -> list[Array]:
    _need_no_offset(op)
    x, w = arrays[:2]
    leading = x.shape[: _start(op, x.ndim)]
    bias = present(arrays, 2)
    weights = w if flag(op, "transpose", False) else w.T
    rows = x.reshape(prod(leading), prod(x.shape[len(leading) :]))
    y = _multiply(rows, weights, None if bias is None else bias.reshape(-1))
    shape = _connected(leading, y.shape[-1]) or ()
    return [y.reshape([dim for dim in shape if isinstance(dim, int)])]


# -- Einstein sums


@infers("Einsum")
def _infer_einsum(op: Op) -> list[Type]:
    types = tensors(op)
    return [TensorType(common_element(op, types), einsum.infer(op, text(op, "equation"), types))]


@evaluates("Einsum")
def _einsum(op: Op, arrays: Arrays) -> list[Array]:
    equation = text(op, "equation")
    return [widened(lambda *terms: einsum.evaluate(op, equation, terms))(*arrays)]


# -- linear algebra


def _square(op: Op, type_: TensorType) -> TensorType:
    """Return the type of square matrices with all that is known of their extent."""
    if type_.shape is None:
        return type_
    if len(type_.shape) < 2:
        raise mismatch(op, f"needs square matrices, not {type_}")
    extent = equal_dims(op, type_.shape[-1], type_.shape[-2], "rows and columns")
    return type_.with_shape((*type_.shape[:-2], extent, extent))


@infers("MatrixInverse", "Cholesky")
def _infer_square(op: Op) -> list[Type]:
    return [_square(op, operand(op, 0))]


@infers("MatrixDeterminant")
def _infer_determinant(op: Op) -> list[Type]:
    x = _square(op, operand(op, 0))
    return [x if x.shape is None else x.with_shape(x.shape[:-2])]


@infers("MatrixSolve", "MatrixTriangularSolve")
def _infer_solve(op: Op) -> list[Type]:
    matrix, rhs = _square(op, operand(op, 0)), operand(op, 1)
    element = common_element(op, (matrix, rhs))
    if matrix.shape is None or rhs.shape is None:
        return [TensorType(element, rhs.shape)]
    if len(rhs.shape) < 2:
        raise mismatch(op, f"needs matrices on the right, not {rhs}")
    rows = equal_dims(op, matrix.shape[-1], rhs.shape[-2], "rows of both sides")
    batch = matrix.shape[:-2], rhs.shape[:-2]
    shape = equal_shapes(op, *batch) if op.kind == "ge.MatrixSolve" else broadcast(op, *batch)
    return [TensorType(element, (*(shape or ()), rows, rhs.shape[-1]))]


@infers("LogMatrixDeterminant")
def _infer_log_determinant(op: Op) -> list[Type]:
    return [*_infer_determinant(op), *_infer_determinant(op)]


@evaluates("LogMatrixDeterminant")
def _log_determinant(op: Op, arrays: Arrays) -> list[Array]:
    return [np.asarray(part).astype(arrays[0].dtype) for part in np.linalg.slogdet(arrays[0])]


def _inverse(op: Op, x: Array) -> Array:
    return np.linalg.inv(_adjoint(x) if flag(op, "adjoint", False) else x)


def _lower_root(op: Op, x: Array) -> Array:
    return np.linalg.cholesky(x)


def _determinant(op: Op, x: Array) -> Array:
    return np.asarray(np.linalg.det(x))


def _solution(op: Op, matrix: Array, rhs: Array) -> Array:
    if op.kind == "ge.MatrixTriangularSolve":
        matrix = np.tril(matrix) if flag(op, "lower", True) else np.triu(matrix)
    return np.linalg.solve(_adjoint(matrix) if flag(op, "adjoint", False) else matrix, rhs)


ALGEBRA: dict[str, Callable[..., Array]] = {
    "Cholesky": _lower_root,
    "MatrixDeterminant": _determinant,
    "MatrixInverse": _inverse,
    "MatrixSolve": _solution,
    "MatrixTriangularSolve": _solution,
}


@evaluates(*ALGEBRA)
def _algebra(op: Op, arrays: Arrays) -> list[Array]:
    function = ALGEBRA[op.kind.removeprefix("ge.")]
    return [widened(lambda *operands: function(op, *operands))(*arrays)]
