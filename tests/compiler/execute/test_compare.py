"""Comparison of outputs: the measures, the verdict, and the edges."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from modelc.execute.compare import TOLERANCES, compare

finite = st.floats(-(2.0**99), 2.0**99, width=32)


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((0, 3), np.float32),
        np.zeros(3, np.float32),
        np.array([np.nan, np.inf, -np.inf, 1], np.float32),
        np.array([2**63 - 1, -(2**63)]),
        np.array([True, False]),
        np.array([b"a", b""], object),
        np.array(1.5),
        np.array([1 + 2j]),
    ],
)
def test_an_array_equals_itself(array: Any) -> None:
    result = compare("y", array, array.copy())
    assert result.equal
    assert result.max_abs == result.max_rel == 0
    assert result.first_difference is None
    assert json.loads(json.dumps(result.document(), allow_nan=False))["equal"] is True


def test_bfloat16() -> None:
    bfloat16 = pytest.importorskip("ml_dtypes").bfloat16
    a = np.array([1, 2, 3], bfloat16)
    b = np.array([1, 2, 3.015625], bfloat16)
    assert compare("y", a, b).ulp == 1
    assert compare("y", a, b).equal
    assert not compare("y", a, np.array([1, 2, 4], bfloat16)).equal


def test_the_measures() -> None:
    reference = np.array([3.0, 4.0, 0.0, 0.0], np.float32)  # root mean square 2.5
    actual = np.array([3.0, 4.25, 0.0, 0.5], np.float32)
    result = compare("y", reference, actual)
    assert result.max_abs == 0.5
    assert result.max_rel == pytest.approx(0.5 / 2.5)
    assert not result.equal
    assert result.first_difference == (1,)
    assert result.cosine == pytest.approx((9 + 17) / (5 * math.sqrt(9 + 4.25**2 + 0.25)))
    assert "max_abs 0.5, max_rel 0.2 (at most 0.0001)" in result.text()
    assert "first difference at [1]" in result.text()


def test_noise_beside_large_numbers_is_not_a_difference_but_beside_none_it_is() -> None:
    noise = np.array([1.0, 1e-7], np.float32), np.array([1.0, 3e-7], np.float32)
    assert compare("y", *noise).equal
    assert not compare("y", noise[0][1:], noise[1][1:]).equal


def test_an_outlier_does_not_hide_others() -> None:
    reference = np.ones(10_000, np.float32)
    reference[0] = 1e4
    actual = reference.copy()
    actual[1] += 0.5
    assert not compare("y", reference, actual).equal


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-4), ("float64", 1e-9), ("float16", 1e-2)])
def test_tolerances(dtype: str, tolerance: float) -> None:
    assert TOLERANCES[dtype] == tolerance
    ones = np.ones(5, np.float64).astype(dtype)
    assert compare("y", ones, (ones * (1 + tolerance / 2)).astype(dtype)).equal
    assert not compare("y", ones, (ones * (1 + tolerance * 2)).astype(dtype)).equal


@pytest.mark.parametrize(
    ("reference", "actual"),
    [
        (np.array([1, np.nan]), np.array([1, 2.0])),
        (np.array([1, 2.0]), np.array([1, np.nan])),
        (np.array([1, np.inf]), np.array([1, -np.inf])),
        (np.array([1, np.inf]), np.array([1, 1e300])),
        (np.array([1, 1e300]), np.array([1, np.inf])),
        (np.array([1, 2]), np.array([1, 3])),
        (np.array([5, 2**62]), np.array([5, 2**62 + 1])),
        (np.array([0, 0], np.uint8), np.array([0, 255], np.uint8)),
        (np.array([True, True]), np.array([True, False])),
        (np.array([b"a", b"b"], object), np.array([b"a", b"c"], object)),
        (np.array([0.0, 0.0]), np.array([0.0, 1e-300])),
        (np.array([1 + 0j, 1j]), np.array([1 + 0j, 1])),
    ],
)
def test_differences_are_found_where_they_are(reference: Any, actual: Any) -> None:
    result = compare("y", reference, actual)
    assert not result.equal
    assert result.first_difference == (1,)
    assert result.max_abs > 0
    json.dumps(result.document(), allow_nan=False)


@pytest.mark.parametrize(
    ("actual", "problem"),
    [
        (np.ones((2, 1), np.float32), "f32[2, 1] was computed where f32[2] was expected"),
        (np.ones(2), "f64[2] was computed where f32[2] was expected"),
    ],
)
def test_other_types_are_not_compared(actual: Any, problem: str) -> None:
    result = compare("y", np.ones(2, np.float32), actual)
    assert not result.equal
    assert result.problem == problem
    assert result.text() == f"y f32[2]: {problem}"
    json.dumps(result.document(), allow_nan=False)


@given(hnp.arrays(np.float32, hnp.array_shapes(max_dims=3, max_side=5), elements=finite), st.integers(1, 40))
@settings(deadline=None)
def test_steps_of_one_unit_are_counted(x: Any, steps: int) -> None:
    moved = x.copy()
    for _ in range(steps):
        moved = np.nextafter(moved, np.float32(np.inf))
    result = compare("y", x, moved)
    assert result.ulp == steps


@given(
    hnp.arrays(np.float64, st.integers(1, 9), elements=st.floats(-1e300, 1e300)), st.sampled_from((1e-200, 1e-3, 1e3))
)
@settings(deadline=None)
def test_the_relative_difference_does_not_depend_on_the_unit(x: Any, unit: float) -> None:
    with np.errstate(all="ignore"):
        y = x + np.where(x == 0, 0, np.abs(x).max() * 1e-3)
        scaled = x * unit, y * unit
    if not np.isfinite(scaled).all() or (np.abs(scaled[0][x != 0]) < 1e-290).any():
        return
    assert compare("y", *scaled).max_rel == pytest.approx(compare("y", x, y).max_rel, rel=1e-6)


@given(st.integers(1, 9), st.integers(0, 2**32 - 1), st.sampled_from(("float32", "float16", "int16")))
@settings(deadline=None)
def test_the_measures_do_not_depend_on_the_size_of_blocks(block: int, seed: int, dtype: str) -> None:
    random = np.random.default_rng(seed)
    a = (random.standard_normal((3, 7)) * 9).astype(dtype)
    b = (a + (random.random((3, 7)) < 0.1)).astype(dtype)
    if dtype != "int16":
        a[random.random((3, 7)) < 0.1] = np.inf
    whole = compare("y", a, b)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("modelc.execute.compare.BLOCK", block)
        parts = compare("y", a, b)
    assert (parts.equal, parts.max_abs, parts.ulp) == (whole.equal, whole.max_abs, whole.ulp)
    assert parts.first_difference == whole.first_difference
    assert parts.max_rel == pytest.approx(whole.max_rel)
    assert parts.cosine == pytest.approx(whole.cosine)


def test_a_tolerance_can_be_another_one_and_is_the_largest_equal_difference() -> None:
    reference, actual = np.ones(4, np.float32), np.full(4, 1.25, np.float32)
    assert not compare("y", reference, actual).equal
    assert compare("y", reference, actual, {"float32": 0.25}).equal
    assert not compare("y", reference, actual, {"float32": 0.2499}).equal
    assert compare("y", np.array([200], np.uint8), np.array([201], np.uint8), {"uint8": 0.01}).equal
    assert not compare("y", np.array([200], np.uint8), np.array([201], np.uint8), {"float32": 1}).equal
