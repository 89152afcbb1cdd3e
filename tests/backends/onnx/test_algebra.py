"""Lowering of linear algebra."""

from __future__ import annotations

import numpy as np
import pytest
from tests.backends.onnx.arrays import Array, floats
from tests.backends.onnx.lowering_case import TOLERANCES, Case, check_case

LOOSE = TOLERANCES | {"float32": 1e-4}  # numpy computes these in single precision
BATCHES = ((), (2,), (2, 3))


def matrices(*shape: int) -> Array:
    """Return matrices with an inverse, whose largest numbers are not on the diagonal."""
    return floats(*shape) + 12 * np.eye(shape[-1], dtype=np.float32)[::-1]


def triangles(*shape: int) -> Array:
    return floats(*shape) + 12 * np.eye(shape[-1], dtype=np.float32)


def symmetric(*shape: int) -> Array:
    found = floats(*shape)
    return found @ np.swapaxes(found, -1, -2) + np.eye(shape[-1], dtype=np.float32)


CASES = [
    *(Case("MatrixInverse", (matrices(*batch, 4, 4),), {}, LOOSE) for batch in BATCHES),
    *(Case("MatrixSolve", (matrices(*batch, 5, 5), floats(*batch, 5, 2)), {}, LOOSE) for batch in BATCHES),
    Case("MatrixSolve", (matrices(5, 5), floats(5, 2)), {"adjoint": True}, LOOSE),
    Case("MatrixSolve", (matrices(1, 1), floats(1, 3)), {}, LOOSE),
    *(
        Case(
            "MatrixTriangularSolve", (triangles(3, 4, 4), floats(3, 4, 2)), {"lower": lower, "adjoint": adjoint}, LOOSE
        )
        for lower in (False, True)
        for adjoint in (False, True)
    ),
    Case("MatrixTriangularSolve", (triangles(4, 4), floats(3, 4, 2)), {}, LOOSE),
    *(Case("Cholesky", (symmetric(*batch, 5, 5),), {}, LOOSE) for batch in BATCHES),
    *(Case("LogMatrixDeterminant", (floats(*batch, 6, 6),), {}, LOOSE) for batch in BATCHES),
    Case("LogMatrixDeterminant", (floats(40, 40).astype(np.float64) * 1e9,)),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_computes_the_same(case: Case) -> None:
    check_case(case)
