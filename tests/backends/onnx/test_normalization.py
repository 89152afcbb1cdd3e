"""Lowering of normalizations, softmax and losses, and of matrix products."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.backends.onnx.arrays import floats, ints
from tests.backends.onnx.lowering_case import Case, check_case, known, model_of

from modelc_backends.onnx.lower_to_onnx import lower

X = floats(2, 4, 5, 3)
SCALE, OFFSET, MEAN, VARIANCE = floats(3), floats(3), floats(3), np.abs(floats(3)) + 1
NORMAL: dict[str, Any] = {"data_format": "NHWC", "epsilon": 0.01, "is_training": False}
STATISTICS = (SCALE, OFFSET, MEAN, VARIANCE)
CASES = [
    Case("BatchNorm", (X, *STATISTICS), NORMAL),
    Case("BatchNorm", (X.transpose(0, 3, 1, 2), *STATISTICS), NORMAL | {"data_format": "NCHW"}),
    Case("BatchNorm", (X[0, 0], *STATISTICS), NORMAL),
    Case("BNInfer", (X.transpose(0, 3, 1, 2), *STATISTICS), {"epsilon": 0.01}),
    Case("BNInference", (floats(2, 3, 4), MEAN, VARIANCE, known([2.0], np.float32)), {"epsilon": 0.01}),
    Case("BNInference", (floats(2, 3), MEAN, VARIANCE, known([0.5], np.float32), SCALE, OFFSET)),
    Case("LayerNorm", (floats(2, 3, 4), floats(4), floats(4)), {"begin_norm_axis": 2, "begin_params_axis": 2}),
    Case("LayerNorm", (floats(2, 3, 4), floats(4), floats(4)), {"begin_norm_axis": 1, "begin_params_axis": 2}),
    Case("LayerNormV3", (floats(2, 3, 4), floats(3, 4), floats(3, 4)), {"begin_norm_axis": 1, "begin_params_axis": 1}),
    Case("RmsNorm", (floats(2, 3, 4), floats(3, 4)), {"epsilon": 0.01}),
    Case("InstanceNorm", (X, floats(3), floats(3)), {"data_format": "NHWC"}),
    Case("InstanceNorm", (X.transpose(0, 3, 1, 2), floats(3), floats(3)), {"data_format": "NCHW"}),
    Case("InstanceNormV2", (X.transpose(0, 3, 1, 2), floats(1, 3, 1, 1), floats(1, 3, 1, 1))),
    Case("L2Normalize", (floats(2, 3, 4),), {"axis": (1, 2), "eps": 0.5}),
    Case("L2Normalize", (floats(2, 3),)),
    Case("LRN", (X,), {"depth_radius": 1, "bias": 1.5, "alpha": 0.5, "beta": 0.7}),
    *(
        Case(kind, (floats(2, 3, 4),), {"axes": axes})
        for kind in ("SoftmaxV2", "LogSoftmaxV2")
        for axes in ((-1,), (0, 2))
    ),
    Case("SoftmaxV2", (floats(2, 3, dtype=np.float16),), {"half_to_float": True}),
    Case("SoftmaxCrossEntropyWithLogits", (floats(3, 4), np.eye(3, 4, dtype=np.float32))),
    Case("SparseSoftmaxCrossEntropyWithLogits", (floats(3, 4), ints(4, 3))),
    Case("L2Loss", (floats(3, 4),)),
]
PRODUCTS = [
    *(
        Case("MatMulV2", (floats(*a), floats(*b)), {"transpose_x1": flip_a, "transpose_x2": flip_b})
        for a, flip_a in (((2, 3), False), ((3, 2), True))
        for b, flip_b in (((3, 5), False), ((5, 3), True))
    ),
    *(Case("MatMul", (floats(2, 3), floats(3, 5), bias)) for bias in (floats(5), floats(2, 5))),
    *(Case("MatMulV2", (ints(9, 2, 3, dtype=each), ints(9, 3, 2, dtype=each))) for each in ("i1", "i4")),
    Case("MatMulV2", (ints(9, 2, 3), ints(9, 2, 2), ints(9, 2)), {"transpose_x1": True}),
    Case("BatchMatMulV2", (floats(2, 1, 3, 4), floats(3, 5, 4), floats(5)), {"adj_x2": True}),
    Case("BatchMatMul", (floats(2, 4, 3), floats(2, 4, 5)), {"adj_x1": True}),
    Case("GEMM", (floats(2, 3), floats(4, 3), floats(2, 4), floats(), floats()), {"transpose_b": True}),
    Case("FullyConnection", (floats(2, 3, 4), floats(6, 12), floats(6)), {"num_output": 6}),
    Case("FullyConnection", (floats(1, 3, 4), floats(12, 6)), {"num_output": 6, "transpose": True}),
    Case("FullyConnection", (floats(2, 3, 4), floats(6, 4)), {"num_output": 6, "axis": 2}),
    Case("Einsum", (floats(2, 3, 4), floats(3, 5, 4)), {"equation": "abc,bdc->abd", "N": 2}),
    Case("Einsum", (floats(2, 3, 3),), {"equation": "...ii->...i", "N": 1}),
    Case("MatrixDeterminant", (floats(2, 3, 3),)),
]


KNOWN = tuple(known(each, np.float32) for each in STATISTICS)
OPEN = [
    Case("BatchNorm", (X, *KNOWN), NORMAL, is_open=True),
    Case("LayerNorm", (X, KNOWN[0], KNOWN[1]), {"begin_norm_axis": 3, "begin_params_axis": 3}, is_open=True),
    Case("InstanceNorm", (X, KNOWN[0], KNOWN[1]), {"data_format": "NHWC"}, is_open=True),
    Case("SparseSoftmaxCrossEntropyWithLogits", (floats(3, 4), ints(4, 3)), is_open=True),
    Case("MatMulV2", (floats(2, 3), known(floats(3, 5), np.float32), known(floats(5), np.float32)), is_open=True),
    Case(
        "FullyConnection",
        (floats(2, 3, 4), known(floats(6, 4), np.float32)),
        {"num_output": 6, "axis": 2},
        is_open=True,
    ),
]


@pytest.mark.parametrize("case", [*CASES, *PRODUCTS, *OPEN], ids=str)
def test_computes_the_same(case: Case) -> None:
    check_case(case)


def test_the_unbiased_variance_of_a_batch_has_no_form() -> None:
    (found,) = lower(model_of(Case("BatchNorm", (X, SCALE, OFFSET), NORMAL | {"is_training": True})))
    assert (found.code, found.message) == (
        "MC510",
        "`BatchNorm` (ge.BatchNorm) gives the unbiased variance of its batch to an op, which only training needs",
    )
