"""Matrix products, Einstein sums and linear algebra against TensorFlow."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

Array = NDArray[Any]
RANDOM = np.random.default_rng(3)
DTYPES = ("float32", "float64", "float16", "bfloat16", "int32", "int64", "complex64")


def numbers(dtype: str, *shape: int) -> Array:
    if dtype == "complex64":
        return (RANDOM.standard_normal(shape) + 1j * RANDOM.standard_normal(shape)).astype(np.complex64)
    if "int" in dtype:
        return RANDOM.integers(-(1 << 20), 1 << 20, shape).astype(dtype)
    found = pytest.importorskip("ml_dtypes").bfloat16 if dtype == "bfloat16" else np.dtype(dtype)
    return RANDOM.standard_normal(shape).astype(found)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("flip_a", "flip_b"), list(product([False, True], repeat=2)))
def test_matmul(tf: Any, apply: Any, same: Any, dtype: str, flip_a: bool, flip_b: bool) -> None:
    for rows, inner, columns in ((3, 4, 5), (1, 7, 1), (0, 3, 2), (2, 0, 3)):
        a, b = (
            numbers(dtype, *((inner, rows) if flip_a else (rows, inner))),
            numbers(dtype, *((columns, inner) if flip_b else (inner, columns))),
        )
        expected = tf.raw_ops.MatMul(a=tf.constant(a), b=tf.constant(b), transpose_a=flip_a, transpose_b=flip_b).numpy()
        flips: dict[str, Any] = {"transpose_x1": flip_a, "transpose_x2": flip_b}
        same(apply("MatMulV2", a, b, **flips)[0], expected, 3)
        bias = numbers(dtype, columns)
        (actual,) = apply("MatMul", a, b, bias, **flips)
        same(actual, apply("MatMulV2", a, b, bias, None, **flips)[0])
        if dtype in ("float32", "int32"):
            same(actual, expected + bias, 3)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("flip_a", "flip_b"), list(product([False, True], repeat=2)))
def test_batch_matmul(tf: Any, apply: Any, same: Any, dtype: str, flip_a: bool, flip_b: bool) -> None:
    for batch_a, batch_b in (((2, 3), (2, 3)), ((), (4,)), ((3, 1), (1, 2)), ((0,), (1,))):
        a = numbers(dtype, *batch_a, *((4, 3) if flip_a else (3, 4)))
        b = numbers(dtype, *batch_b, *((5, 4) if flip_b else (4, 5)))
        expected = tf.raw_ops.BatchMatMulV2(x=tf.constant(a), y=tf.constant(b), adj_x=flip_a, adj_y=flip_b).numpy()
        same(apply("BatchMatMulV2", a, b, adj_x1=flip_a, adj_x2=flip_b)[0], expected, 3)


EQUATIONS = [
    ("ab,bc->ac", [(3, 4), (4, 5)]),
    ("ab,bc->ca", [(3, 4), (4, 5)]),
    ("ab->ba", [(3, 4)]),
    ("ab->b", [(3, 4)]),
    ("aab->ab", [(3, 3, 2)]),
    ("ii->", [(4, 4)]),
    ("ab,ab->", [(3, 4), (3, 4)]),
    ("a,b->ab", [(3,), (4,)]),
    ("aecd,abcd->acbe", [(2, 5, 3, 4), (2, 6, 3, 4)]),
    ("acbe,aecd->abcd", [(2, 3, 6, 5), (2, 5, 3, 4)]),
    ("abc,cde->abde", [(2, 3, 4), (4, 5, 6)]),
    ("abcd,cde->abe", [(2, 3, 4, 5), (4, 5, 6)]),
    ("...ab,...bc->...ac", [(2, 1, 3, 4), (5, 4, 6)]),
    ("a...,...->a...", [(2, 3, 4), (3, 4)]),
    ("...a->...", [(2, 3)]),
    ("ab,bc,cd->ad", [(2, 3), (3, 4), (4, 5)]),
    ("ab,ac,ad->bcd", [(2, 3), (2, 4), (2, 5)]),
    ("ab,cd->ac", [(2, 3), (4, 5)]),
    ("ab,->ab", [(2, 3), ()]),
    ("ab,bc->ac", [(0, 3), (3, 2)]),
    ("ab,bc->ac", [(2, 0), (0, 2)]),
]


@pytest.mark.parametrize(("equation", "shapes"), EQUATIONS)
def test_einsum(tf: Any, apply: Any, same: Any, equation: str, shapes: Any) -> None:
    for dtype in ("float32", "float16", "int32"):
        terms = [numbers(dtype, *shape) for shape in shapes]
        expected = tf.einsum(equation, *terms).numpy()
        same(apply("Einsum", *terms, equation=equation, N=len(terms))[0], expected, 5)


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64"])
@pytest.mark.parametrize("shape", [(4, 4), (2, 3, 3), (0, 2, 2), (1, 1)])
def test_linear_algebra(tf: Any, apply: Any, same: Any, dtype: str, shape: Any) -> None:
    x = numbers(dtype, *shape)
    rhs = numbers(dtype, *shape[:-1], 2)
    for adjoint in (False, True):
        same(
            apply("MatrixInverse", x, adjoint=adjoint)[0],
            tf.raw_ops.MatrixInverse(input=x, adjoint=adjoint).numpy(),
            300,
        )
        expected = tf.raw_ops.MatrixSolve(matrix=x, rhs=rhs, adjoint=adjoint).numpy()
        same(apply("MatrixSolve", x, rhs, adjoint=adjoint)[0], expected, 300)
        for lower in (False, True):
            triangle = x + 3 * np.eye(shape[-1], dtype=dtype)
            expected = tf.raw_ops.MatrixTriangularSolve(matrix=triangle, rhs=rhs, lower=lower, adjoint=adjoint).numpy()
            same(apply("MatrixTriangularSolve", triangle, rhs, lower=lower, adjoint=adjoint)[0], expected, 300)
    same(apply("MatrixDeterminant", x)[0], tf.raw_ops.MatrixDeterminant(input=x).numpy(), 100)
    definite = x @ np.conj(np.swapaxes(x, -1, -2)) + np.eye(shape[-1], dtype=dtype)
    same(apply("Cholesky", definite)[0], tf.raw_ops.Cholesky(input=definite).numpy(), 100)
    for found, wanted in zip(apply("LogMatrixDeterminant", x), tf.raw_ops.LogMatrixDeterminant(input=x), strict=True):
        same(found, wanted.numpy(), 100)
