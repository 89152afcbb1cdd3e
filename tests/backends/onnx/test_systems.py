"""Lowering of factors of matrices, and of systems with other matrices than square ones."""

from __future__ import annotations

import numpy as np
import pytest
from tests.backends.onnx.arrays import Array, floats
from tests.backends.onnx.lowering_case import TOLERANCES, Case, check_case, known

from modelc.ir.types import I32, I64

LOOSE = TOLERANCES | {"float32": 1e-4}  # numpy computes some of these in single precision
BATCHES = ((), (2,), (2, 3))


def banded(rows: int, main: int, *batch: int) -> Array:
    """Return stacked diagonals of which the one at `main` dominates."""
    found = floats(*batch, rows, 5)
    found[..., main, :] += 30
    return found


CASES = [
    *(Case("Lu", (floats(*batch, 5, 5),), {"output_idx_type": I32}, LOOSE) for batch in BATCHES),
    Case("Lu", (floats(1, 1),), {"output_idx_type": I64}),
    *(
        Case("MatrixSolveLs", (floats(*shape), floats(*shape[:-1], 2), known(l2, np.float64)), {"fast": fast}, LOOSE)
        for shape in ((2, 6, 4), (3, 5))
        for l2 in (0.0, 0.5)
        for fast in (False, True)
    ),
    *(Case("TridiagonalSolve", (banded(3, 1, *batch), floats(*batch, 5, 2)), {}, LOOSE) for batch in BATCHES),
    *(
        Case(
            "BandedTriangularSolve", (banded(3, 0 if lower else 2), floats(2, 5, 2)), {"lower": lower, "adjoint": each}
        )
        for lower in (False, True)
        for each in (False, True)
    ),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_computes_the_same(case: Case) -> None:
    check_case(case)
