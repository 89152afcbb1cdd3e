"""Pooling against loops over every number, and what inference knows and refuses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from modelc.ir.types import F32, TensorType, tensor

Array = NDArray[Any]
Apply = Callable[..., list[Array]]
SLOW = settings(deadline=None, max_examples=40)


def cells(size: int, kernel: int, stride: int, pad: tuple[int, int], ceil: bool) -> list[list[int]]:
    """Return the places, padding included, that each window covers."""
    room = size + sum(pad) - kernel
    count = (-(-room // stride) if ceil else room // stride) + 1
    return [[o * stride - pad[0] + k for k in range(kernel)] for o in range(count)]


@given(data=st.data())
@SLOW
def test_pools_with_pads(apply: Apply, data: st.DataObject) -> None:
    size = data.draw(st.tuples(st.integers(1, 6), st.integers(1, 6)))
    kernel = data.draw(st.tuples(st.integers(1, 4), st.integers(1, 4)))
    strides = data.draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
    pads = [(data.draw(st.integers(0, k - 1)), data.draw(st.integers(0, k - 1))) for k in kernel]
    ceil, exclusive, divisor = data.draw(st.booleans()), data.draw(st.booleans()), data.draw(st.sampled_from((0, 3)))
    assume(all(n + sum(p) >= k for n, p, k in zip(size, pads, kernel, strict=True)))
    rows, columns = (cells(n, k, s, p, ceil) for n, k, s, p in zip(size, kernel, strides, pads, strict=True))
    # Windows that lie behind the padded input altogether hold nothing.
    assume(all(line[-1][0] < n + p[1] for line, n, p in zip((rows, columns), size, pads, strict=True)))
    x = np.random.default_rng(0).integers(-9, 9, (1, 1, *size)).astype(np.float64)
    largest, mean = np.empty((len(rows), len(columns))), np.empty((len(rows), len(columns)))
    for i, row in enumerate(rows):
        for j, column in enumerate(columns):
            inside = [x[0, 0, a, b] for a in row for b in column if 0 <= a < size[0] and 0 <= b < size[1]]
            padded = [1 for a in row for b in column if a < size[0] + pads[0][1] and b < size[1] + pads[1][1]]
            largest[i, j] = max(inside, default=-np.inf)
            mean[i, j] = sum(inside) / (divisor or max(1, len(inside) if exclusive else len(padded)))
    common: dict[str, Any] = {
        "ksize": (1, 1, *kernel),
        "strides": (1, 1, *strides),
        "pads": (*pads[0], *pads[1]),
        "ceil_mode": ceil,
    }
    np.testing.assert_array_equal(apply("MaxPoolV3", x, **common)[0][0, 0], largest)
    (actual,) = apply("AvgPoolV2", x, exclusive=exclusive, divisor_override=divisor, **common)
    np.testing.assert_allclose(actual[0, 0], mean, rtol=1e-6)


def test_global_pools(apply: Apply) -> None:
    x = np.arange(24.0).reshape(2, 3, 2, 2)
    common: dict[str, Any] = {"ksize": (1, 1, 1, 1), "strides": (1, 1, 1, 1), "global_pooling": True}
    assert apply("MaxPoolV3", x, **common)[0].reshape(-1).tolist() == x.max((2, 3)).reshape(-1).tolist()
    assert apply("AvgPoolV2", x, **common)[0].reshape(-1).tolist() == x.mean((2, 3)).reshape(-1).tolist()
    assert apply("GlobalAveragePool", x)[0].reshape(-1).tolist() == x.mean((2, 3)).reshape(-1).tolist()


@given(rows=st.integers(1, 9), columns=st.integers(1, 9), out=st.tuples(st.integers(1, 9), st.integers(1, 9)))
@SLOW
def test_adaptive_pool(apply: Apply, rows: int, columns: int, out: tuple[int, int]) -> None:
    x = np.random.default_rng(0).standard_normal((2, rows, columns))
    expected = [
        [
            x[
                :,
                i * rows // out[0] : -(-(i + 1) * rows // out[0]),
                j * columns // out[1] : -(-(j + 1) * columns // out[1]),
            ].mean((1, 2))
            for j in range(out[1])
        ]
        for i in range(out[0])
    ]
    (actual,) = apply("AdaptiveAvgPool2d", x, output_size=out)
    np.testing.assert_allclose(actual, np.moveaxis(np.array(expected), -1, 0), rtol=1e-9, atol=1e-12)


def test_a_maximum_ignores_what_is_no_number(apply: Apply) -> None:
    x = np.array([np.nan, 1.0, 2.0, np.nan]).reshape(1, 1, 4, 1)
    (actual,) = apply("MaxPool", x, ksize=(1, 1, 2, 1), strides=(1, 1, 2, 1), padding="VALID")
    assert actual.reshape(-1).tolist() == [1, 2]


def test_inference_of_pools(infer: Any) -> None:
    common: dict[str, Any] = {"ksize": (1, 3, 3, 1), "strides": (1, 2, 2, 1)}
    x = tensor(F32, "n", 9, None, "c")
    assert infer("MaxPool", x, padding="SAME", **common) == ["f32[n, 5, ?, c]"]
    assert infer("AvgPool", x, padding="VALID", **common) == ["f32[n, 4, ?, c]"]
    same: dict[str, Any] = {"ksize": (1, 3, 3, 1), "strides": (1, 1, 1, 1)}
    assert infer("AvgPool", tensor(F32, "n", "h", 4, "c"), padding="SAME", **same) == ["f32[n, h, 4, c]"]
    assert infer("MaxPool", TensorType(F32, None), padding="SAME", **common) == ["f32[?, ?, ?, ?]"]
    assert infer("MaxPoolWithArgmax", x, padding="VALID", **common) == ["f32[n, 4, ?, c]", "i64[n, 4, ?, c]"]
    assert infer("MaxPoolWithArgmax", x, padding="VALID", Targmax=3, **common)[1] == "i32[n, 4, ?, c]"
    assert infer("AvgPoolV2", tensor(F32, 1, "c", "h", "w"), global_pooling=True, **same) == ["f32[1, c, 1, 1]"]


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ({"padding": "EXPLICIT"}, "MaxPool pads by SAME, VALID or CALCULATED, not EXPLICIT"),
        ({}, "MaxPool is wrong: attribute `padding` must be a str, it is missing"),
        (
            {"padding": "SAME", "ksize": (1, 2, 2, 2)},
            "MaxPool needs `ksize` with 1 for batch and channels of NHWC, not [1, 2, 2, 2]",
        ),
    ],
)
def test_inference_says_what_does_not_fit(refuse: Any, attributes: dict[str, Any], reason: str) -> None:
    common: dict[str, Any] = {"ksize": (1, 3, 3, 1), "strides": (1, 2, 2, 1)}
    assert refuse("MaxPool", tensor(F32, 1, 4, 4, 1), **(common | attributes)) == reason
