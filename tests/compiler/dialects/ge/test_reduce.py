"""Reducing, ranking, accumulating and selecting, against plain definitions, and what is inferred."""

from __future__ import annotations

import math
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from modelc.ir.types import BOOL, F32, I32, TensorType, tensor

Array = NDArray[Any]

SHAPES = st.lists(st.integers(0, 3), max_size=3).map(tuple)


def i32(*numbers: Any) -> Array:
    return np.array(numbers[0] if len(numbers) == 1 else numbers, np.int32)


@st.composite
def reductions(draw: st.DrawFn) -> tuple[Array, list[int], bool]:
    shape = draw(SHAPES)
    numbers = draw(st.lists(st.integers(-9, 9), min_size=math.prod(shape), max_size=math.prod(shape)))
    axes = draw(st.lists(st.integers(0, len(shape) - 1), unique=True)) if shape else []
    signed = [axis - len(shape) * draw(st.booleans()) for axis in axes]
    return np.array(numbers, np.float32).reshape(shape), signed, draw(st.booleans())


@given(reductions())
def test_reduces_as_numpy_does(apply: Any, case: tuple[Array, list[int], bool]) -> None:
    x, axes, keep = case
    places = np.array(axes, np.int64)
    along = tuple(axes)
    options: dict[str, Any] = {"axis": along, "keepdims": keep}
    expected = {
        "ReduceSum": x.sum(**options),
        "ReduceProd": x.prod(**options),
        "ReduceMax": x.max(**options, initial=-np.inf),
        "ReduceMin": x.min(**options, initial=np.inf),
        "ReduceNansum": x.sum(**options),
        "EuclideanNorm": np.sqrt((x * x).sum(**options)),
    }
    for kind, numbers in expected.items():
        np.testing.assert_allclose(apply(kind, x, places, keep_dims=keep)[0], numbers, 1e-6)
    np.testing.assert_array_equal(apply("ReduceAll", x > 0, places, keep_dims=keep)[0], (x > 0).all(**options))
    np.testing.assert_array_equal(apply("ReduceAny", x > 0, places, keep_dims=keep)[0], (x > 0).any(**options))
    with np.errstate(all="ignore"):
        logs = np.log(np.exp(x.astype(np.float64)).sum(**options))
    np.testing.assert_allclose(apply("ReduceLogSumExp", x, places, keep_dims=keep)[0], logs, 1e-6, 1e-7)


def test_empty_axes_mean_none_or_all(apply: Any) -> None:
    x = np.arange(4, dtype=np.float32).reshape(2, 2)
    none = np.zeros(0, np.int32)
    np.testing.assert_array_equal(apply("ReduceMean", x, none)[0], x)
    assert apply("ReduceMean", x, none, noop_with_empty_axes=False)[0] == 1.5
    assert apply("ReduceMeanWithCast", x, i32([0, 1]), dtype=I32)[0] == 1


def test_sums_lose_nothing_on_the_way(apply: Any) -> None:
    ones = np.ones(4096, np.float16)
    assert apply("ReduceSum", ones, i32([0]))[0] == 4096
    assert apply("Cumsum", ones, i32(0))[0][-1] == 4096
    assert apply("ReduceSum", ones.astype(ml_dtypes.bfloat16), i32([0]))[0] == 4096
    large = np.array([1e8, 1, -1e8], np.float32)
    assert apply("ReduceSum", large, i32([0]))[0] == 1


def test_integers_wrap_and_means_go_towards_zero(apply: Any) -> None:
    x = np.array([100, 100], np.int8)
    assert apply("ReduceSum", x, i32([0]))[0] == -56
    assert apply("ReduceMean", x, i32([0]))[0] == 100
    assert apply("ReduceMean", np.array([-1, -2], np.int32), i32([0]))[0] == -1


def test_reductions_of_unknown_dimensions(infer: Any, refuse: Any) -> None:
    x = tensor(F32, "n", 4, None)
    assert infer("ReduceSum", x, i32([1])) == ["f32[n, ?]"]
    assert infer("ReduceSum", x, i32([-1]), keep_dims=True) == ["f32[n, 4, 1]"]
    assert infer("ReduceSum", x, tensor(I32, 1)) == ["f32[*]"]
    assert infer("ReduceSum", x, tensor(I32, 1), keep_dims=True) == ["f32[?, ?, ?]"]
    assert infer("ReduceMean", x, np.zeros(0, np.int32), noop_with_empty_axes=False) == ["f32[]"]
    assert infer("ReduceAll", tensor(BOOL, 2), i32([0])) == ["bool[]"]
    assert refuse("ReduceSum", x, i32([3])) == "ReduceSum has no axis 3 among 3 dimensions"
    assert refuse("ReduceSum", tensor(BOOL, 2), i32([0])) == "ReduceSum takes no bool"
    assert refuse("ReduceAll", x, i32([0])) == "ReduceAll takes no f32"


def test_mean_and_deviation(apply: Any) -> None:
    x = np.random.default_rng(0).normal(size=(3, 4, 5)).astype(np.float32)
    mean, variance = apply("ReduceMeanVariance", x, axes=(0, 2))
    np.testing.assert_allclose(mean, x.mean((0, 2), keepdims=True), 1e-5)
    np.testing.assert_allclose(variance, x.var((0, 2), keepdims=True), 1e-5)
    deviation, mean = apply("ReduceStd", x, dim=(1,), unbiased=True)
    np.testing.assert_allclose(deviation, x.std(1, ddof=1), 1e-5)
    np.testing.assert_allclose(mean, x.mean(1), 1e-5)


# -- ranking


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=8), st.data())
def test_ranks_equal_ones_as_they_come(apply: Any, numbers: list[int], data: st.DataObject) -> None:
    x = np.array(numbers, data.draw(st.sampled_from((np.int32, np.float32, ml_dtypes.bfloat16))))
    k = data.draw(st.integers(0, len(numbers)))
    order = sorted(range(len(numbers)), key=lambda place: -numbers[place])
    values, places = apply("TopK", x, i32(k))
    assert places.tolist() == order[:k]
    assert values.tolist() == [numbers[place] for place in order[:k]]
    values, places = apply("TopKV2", x[:, None], i32(k), largest=False, dim=0)
    ascending = sorted(range(len(numbers)), key=lambda place: numbers[place])
    assert places[:, 0].tolist() == ascending[:k]
    assert apply("Sort", x)[0].tolist() == sorted(numbers)
    assert apply("Sort", x, descending=True)[1].tolist() == order
    assert apply("ArgMaxV2", x, i32(0))[0] == numbers.index(max(numbers))
    assert apply("ArgMin", x, i32(-1))[0] == numbers.index(min(numbers))
    place, value = apply("ArgMaxWithValue", x, dimension=0, keep_dims=True)
    assert (place.tolist(), value.tolist()) == ([order[0]], [max(numbers)])
    place, value = apply("ArgMinWithValue", x, dimension=0)
    assert (int(place), float(value)) == (ascending[0], min(numbers))


def test_ranks_of_unknown_dimensions(infer: Any, refuse: Any) -> None:
    assert infer("TopK", tensor(F32, "n", 9), i32(3)) == ["f32[n, 3]", "i32[n, 3]"]
    assert infer("TopK", tensor(F32, "n", 9), tensor(I32)) == ["f32[n, ?]", "i32[n, ?]"]
    assert infer("ArgMaxV2", tensor(F32, "n", 9), i32(-1), dtype=I32) == ["i32[n]"]
    assert infer("ArgMaxV2", tensor(F32, "n", 9), tensor(I32)) == ["i64[?]"]
    assert infer("Cumsum", TensorType(F32, None), i32(3)) == ["f32[*]"]
    assert refuse("TopK", tensor(F32, 2), i32(3)) == "TopK cannot take the first 3 of 2"
    assert "axis 0 has extent 0" in refuse("ArgMaxV2", tensor(F32, 0), i32(0))
    assert "no axis 1" in refuse("Cumsum", tensor(F32, 2), i32(1))


@given(st.lists(st.integers(-3, 3), max_size=6), st.booleans(), st.booleans())
def test_accumulates_step_by_step(apply: Any, numbers: list[int], exclusive: bool, reverse: bool) -> None:
    x = np.array(numbers, np.int64)
    ordered = numbers[::-1] if reverse else numbers
    for kind, fold in (("Cumsum", sum), ("Cumprod", math.prod)):
        steps = [fold(ordered[: place + (not exclusive)]) for place in range(len(ordered))]
        (result,) = apply(kind, x, i32(0), exclusive=exclusive, reverse=reverse)
        assert result.tolist() == (steps[::-1] if reverse else steps)


# -- boxes


@st.composite
def scored_boxes(draw: st.DrawFn) -> tuple[Array, Array]:
    count = draw(st.integers(0, 8))
    corners = draw(st.lists(st.integers(0, 6), min_size=4 * count, max_size=4 * count))
    scores = draw(st.lists(st.integers(0, 4), min_size=count, max_size=count))
    return np.array(corners, np.float32).reshape(count, 4), np.array(scores, np.float32)


def overlap(a: Array, b: Array) -> float:
    """Return the share of their union that two boxes have in common, by counting unit cells."""
    cells = [
        {
            (y, x)
            for y in range(int(min(p[0], p[2])), int(max(p[0], p[2])))
            for x in range(int(min(p[1], p[3])), int(max(p[1], p[3])))
        }
        for p in (a, b)
    ]
    return len(cells[0] & cells[1]) / max(len(cells[0] | cells[1]), 1) if all(cells) else 0.0


@given(scored_boxes(), st.integers(0, 5), st.sampled_from((0.0, 0.3, 0.5, 1.0)), st.integers(-1, 3))
def test_selects_the_best_boxes_that_overlap_little(
    apply: Any, case: tuple[Array, Array], count: int, most: float, least: int
) -> None:
    boxes, scores = case
    selected: list[int] = []
    for index in sorted(range(len(boxes)), key=lambda place: -scores[place]):
        free = all(overlap(boxes[index], boxes[other]) <= most + 1e-7 for other in selected)
        if len(selected) < count and scores[index] > least and free:
            selected.append(index)
    arrays = (boxes, scores, i32(count), np.float32(most), np.float32(least))
    assert apply("NonMaxSuppressionV3", *arrays)[0].tolist() == selected
    padded, valid = apply("NonMaxSuppressionV4", *arrays, pad_to_max_output_size=True)
    assert padded.tolist() == selected + [0] * (count - len(selected))
    assert valid == len(selected)


def test_selections_of_unknown_dimensions(infer: Any, refuse: Any) -> None:
    numbers = (tensor(F32), tensor(F32))
    boxes, scores = tensor(F32, "n", 4), tensor(F32, "n")
    assert infer("NonMaxSuppressionV3", boxes, scores, i32(5), *numbers) == ["i32[?]"]
    padded = infer("NonMaxSuppressionV4", boxes, scores, i32(5), *numbers, pad_to_max_output_size=True)
    assert padded == ["i32[5]", "i32[]"]
    combined = (tensor(F32, "b", "n", 1, 4), tensor(F32, "b", "n", 7))
    four = infer("CombinedNonMaxSuppression", *combined, i32(3), i32(50), *numbers, pad_per_class=True)
    assert four == ["f32[b, 21, 4]", "f32[b, 21]", "f32[b, 21]", "i32[b]"]
    assert infer("CombinedNonMaxSuppression", *combined, i32(3), i32(50), *numbers)[1] == "f32[b, 50]"
    assert "boxes and scores, not 3 and 4" in refuse(
        "NonMaxSuppressionV3", tensor(F32, 3, 4), tensor(F32, 4), i32(5), *numbers
    )
    assert "corners, not 5 and 4" in refuse("NonMaxSuppressionV3", tensor(F32, 3, 5), tensor(F32, 3), i32(5), *numbers)
    assert "classes, not 2 and 7" in refuse(
        "CombinedNonMaxSuppression", tensor(F32, 1, 3, 2, 4), tensor(F32, 1, 3, 7), i32(3), i32(50), *numbers
    )


@pytest.mark.parametrize("offset", [0, 1])
def test_an_offset_makes_boxes_larger(apply: Any, offset: int) -> None:
    boxes = np.array([[0, 0, 1, 1], [1, 0, 2, 1]], np.float32)
    arrays = (boxes, np.array([2, 1], np.float32), i32(5), np.float32(0.3), np.float32(0))
    assert apply("NonMaxSuppressionV3", *arrays, offset=offset)[0].tolist() == ([0] if offset else [0, 1])
