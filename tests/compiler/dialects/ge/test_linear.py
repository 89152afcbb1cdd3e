"""Products and Einstein sums against loops, and what inference knows and refuses."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from modelc.ir.graph import Graph
from modelc.ir.op import Op
from modelc.ir.types import F32, I8, TensorType, tensor
from modelc.rewrite.rewriter import Rewriter

Array = NDArray[Any]
Apply = Callable[..., list[Array]]


@given(data=st.data())
@settings(deadline=None, max_examples=60)
def test_einsum_is_a_sum_over_all_labels(apply: Apply, data: st.DataObject) -> None:
    sizes = {label: data.draw(st.integers(1, 3)) for label in "abcd"}
    rows = data.draw(st.lists(st.text("abcd", max_size=3), min_size=1, max_size=3))
    used = sorted({label for row in rows for label in row})
    result = "".join(
        data.draw(st.permutations(data.draw(st.lists(st.sampled_from(used), unique=True)) if used else []))
    )
    random = np.random.default_rng(0)
    terms = [random.integers(-4, 5, [sizes[label] for label in row]).astype(np.float64) for row in rows]
    expected = np.zeros([sizes[label] for label in result])
    for values in product(*(range(sizes[label]) for label in used)):
        at = dict(zip(used, values, strict=True))
        factors = [float(term[tuple(at[label] for label in row)]) for term, row in zip(terms, rows, strict=True)]
        expected[tuple(at[label] for label in result)] += np.prod(factors)
    (actual,) = apply("Einsum", *terms, equation=f"{','.join(rows)}->{result}", N=len(terms))
    np.testing.assert_array_equal(actual, expected)


def test_einsum_without_an_arrow_keeps_what_occurs_once(apply: Apply) -> None:
    a, b = np.arange(6.0).reshape(2, 3), np.arange(12.0).reshape(3, 4)
    (actual,) = apply("Einsum", b, a, equation="jk,ij", N=2)
    np.testing.assert_array_equal(actual, a @ b)


def test_eight_bits_are_summed_in_thirty_two(apply: Apply) -> None:
    a, b = np.full((1, 999), -128, np.int8), np.full((999, 1), -128, np.int8)
    (actual,) = apply("MatMulV2", a, b, np.array([1], np.int32))
    assert actual.dtype == np.int32
    assert actual.item() == 128 * 128 * 999 + 1


@pytest.mark.parametrize("batch", [0, 1, 3])
@pytest.mark.parametrize("transpose", [False, True])
def test_fully_connected_layers(apply: Apply, batch: int, transpose: bool) -> None:
    random = np.random.default_rng(0)
    x, weights, bias = random.random((batch, 2, 3)), random.random((4, 6)), random.random(4)
    stored = np.ascontiguousarray(weights.T) if transpose else weights
    (actual,) = apply("FullyConnection", x, stored, bias, num_output=4, transpose=transpose, axis=1)
    assert actual.shape == ((1, 4, 1, 1) if batch == 1 else (batch, 4))
    np.testing.assert_allclose(actual.reshape(batch, 4), x.reshape(batch, 6) @ weights.T + bias)
    stored = stored[:3] if transpose else np.ascontiguousarray(weights[:, :3])
    (actual,) = apply("FullyConnection", x, stored, num_output=4, transpose=transpose, axis=2)
    np.testing.assert_allclose(actual, x @ weights[:, :3].T)


def test_general_product(apply: Apply) -> None:
    random = np.random.default_rng(0)
    a, b, c = random.random((3, 2)), random.random((4, 3)), random.random((2, 4))
    (actual,) = apply("GEMM", a, b, c, np.array(2.0), np.array([0.5]), transpose_a=True, transpose_b=True)
    np.testing.assert_allclose(actual, 2 * (a.T @ b.T) + 0.5 * c)


def test_inference_of_products(infer: Any) -> None:
    assert infer("MatMulV2", tensor(F32, "n", None), tensor(F32, 3, 4)) == ["f32[n, 4]"]
    assert infer("MatMulV2", TensorType(F32, None), tensor(F32, 3, 4)) == ["f32[?, 4]"]
    assert infer("MatMulV2", tensor(I8, 2, 3), tensor(I8, 3, 4)) == ["i32[2, 4]"]
    assert infer("BatchMatMulV2", tensor(F32, "n", 1, 2, 3), tensor(F32, 5, 4, 3), adj_x2=True) == ["f32[n, 5, 2, 4]"]
    assert infer("BatchMatMulV2", tensor(F32, "n", 2, 3), TensorType(F32, None)) == ["f32[*]"]
    assert infer("Einsum", tensor(F32, "n", 2, 3), tensor(F32, 3, "m"), equation="abc,cd->dab") == ["f32[m, n, 2]"]
    assert infer("Einsum", tensor(F32, 2, 3), TensorType(F32, None), equation="ab,bc->ac") == ["f32[*]"]
    assert infer("MatrixInverse", tensor(F32, "n", 3, None)) == ["f32[n, 3, 3]"]
    assert infer("FullyConnection", tensor(F32, "n", 6), tensor(F32, 4, 6)) == ["f32[*]"]


@pytest.mark.parametrize(
    ("kind", "operands", "attributes", "reason"),
    [
        ("MatMulV2", (tensor(F32, 2, 3), tensor(F32, 4, 5)), {}, "MatMulV2 needs equal inner dimensions, not 3 and 4"),
        (
            "MatMulV2",
            (tensor(F32, 2, 3, 4), tensor(F32, 4, 5)),
            {},
            "MatMulV2 needs an operand with 2 dimensions, not f32[2, 3, 4]",
        ),
        ("BatchMatMulV2", (tensor(F32, 3), tensor(F32, 3, 5)), {}, "BatchMatMulV2 needs matrices, not f32[3]"),
        (
            "BatchMatMulV2",
            (tensor(F32, 2, 3, 4), tensor(F32, 5, 4, 3)),
            {},
            "BatchMatMulV2 cannot broadcast [2] with [5]",
        ),
        ("MatrixInverse", (tensor(F32, 3, 4),), {}, "MatrixInverse needs equal rows and columns, not 4 and 3"),
        ("Einsum", (tensor(F32, 2, 3),), {"equation": "ab,bc->ac"}, "Einsum of `ab,bc->ac` needs 2 operands and has 1"),
        (
            "Einsum",
            (tensor(F32, 2, 3),),
            {"equation": "abc->a"},
            "Einsum of `abc->a` cannot label 2 dimensions by `abc`",
        ),
        ("Einsum", (tensor(F32, 2, 3),), {"equation": "a1->a"}, "Einsum does not understand `a1->a`"),
        (
            "Einsum",
            (tensor(F32, 2, 3),),
            {"equation": "ab->c"},
            "Einsum of `ab->c` has a result with labels that are repeated or in no operand",
        ),
        (
            "Einsum",
            (tensor(F32, 2, 3), tensor(F32, 4, 5)),
            {"equation": "ab,bc->ac"},
            "Einsum needs equal extents of `b` in `ab,bc->ac`, not 3 and 4",
        ),
    ],
)
def test_inference_says_what_does_not_fit(refuse: Any, kind: str, operands: Any, attributes: Any, reason: str) -> None:
    assert refuse(kind, *operands, **attributes) == reason


def test_a_singular_matrix_is_not_folded() -> None:
    graph = Graph()
    graph.append(Op("input", (), {"names": ()}))
    rewriter = Rewriter(graph)
    matrix = rewriter.constant(np.zeros((2, 2), np.float32))
    assert rewriter.value("ge.MatrixInverse", [matrix]).producer.kind == "ge.MatrixInverse"
    regular = rewriter.constant(np.eye(2, dtype=np.float32))
    assert rewriter.value("ge.MatrixInverse", [regular]).producer.kind == "const"
