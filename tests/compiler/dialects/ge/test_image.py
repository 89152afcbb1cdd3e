"""Resizing, cropping and patches: laws, and what is inferred of unknown dimensions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from modelc.ir.types import F32, I32, U8, tensor

Array = NDArray[Any]

RESIZE = ("ResizeBilinearV2", "ResizeBicubic", "ResizeArea", "ResizeNearestNeighborV2")


def i32(*numbers: Any) -> Array:
    return np.array(numbers[0] if len(numbers) == 1 else numbers, np.int32)


X = np.random.default_rng(0).normal(size=(2, 5, 4, 3)).astype(np.float32)


@pytest.mark.parametrize("kind", RESIZE)
def test_the_same_size_is_the_same_image(apply: Any, kind: str) -> None:
    np.testing.assert_allclose(apply(kind, X, i32([5, 4]))[0], X, 1e-6)


@pytest.mark.parametrize("kind", RESIZE)
@given(height=st.integers(1, 9), width=st.integers(1, 9))
def test_an_even_image_stays_even(apply: Any, kind: str, height: int, width: int) -> None:
    (result,) = apply(kind, np.full((1, 5, 4, 2), 3, np.float32), i32([height, width]))
    np.testing.assert_allclose(result, np.full((1, height, width, 2), 3, np.float32), 1e-5)


@given(st.integers(1, 4), st.integers(1, 4))
def test_whole_factors_repeat_pixels(apply: Any, down: int, across: int) -> None:
    expected = X.repeat(down, 1).repeat(across, 2)
    size = i32([5 * down, 4 * across])
    np.testing.assert_array_equal(apply("ResizeNearestNeighborV2", X, size)[0], expected)
    np.testing.assert_array_equal(apply("ResizeNearestNeighborV2", X, size, half_pixel_centers=True)[0], expected)


def test_halving_by_area_is_the_mean(apply: Any) -> None:
    expected = X[:, :4].reshape(2, 2, 2, 2, 2, 3).mean((2, 4))
    np.testing.assert_allclose(apply("ResizeArea", X[:, :4], i32([2, 2]))[0], expected, 1e-5, 1e-6)


def test_corners_are_kept_where_they_are_aligned(apply: Any) -> None:
    (result,) = apply("ResizeBilinearV2", X, i32([11, 7]), align_corners=True)
    np.testing.assert_allclose(result[:, [0, 0, -1, -1], [0, -1, 0, -1]], X[:, [0, 0, -1, -1], [0, -1, 0, -1]], 1e-5)


def test_sizes_of_unknown_dimensions(infer: Any, refuse: Any) -> None:
    x = tensor(U8, "n", None, 4, 3)
    assert infer("ResizeBilinearV2", x, i32([8, 9])) == ["f32[n, 8, 9, 3]"]
    assert infer("ResizeNearestNeighborV2", x, i32([8, 9])) == ["u8[n, 8, 9, 3]"]
    assert infer("ResizeBicubic", x, tensor(I32, 2)) == ["f32[n, ?, ?, 3]"]
    crops = (tensor(F32, "m", 4), tensor(I32, None), i32([3, 2]))
    assert infer("CropAndResize", tensor(F32, 1, 8, 8, 3), *crops) == ["f32[m, 3, 2, 3]"]
    assert "resize images to [0, 4]" in refuse("ResizeBilinearV2", x, i32([0, 4]))
    assert "resize images to [4]" in refuse("ResizeBilinearV2", x, i32([4]))
    assert "images with 4 dimensions, not f32[2, 3]" in refuse("ResizeArea", tensor(F32, 2, 3), i32([4, 4]))
    assert "no pixels" in refuse("ResizeArea", tensor(F32, 1, 0, 3, 1), i32([4, 4]))
    both = {"align_corners": True, "half_pixel_centers": True}
    assert "both its corners aligned and half-pixel" in refuse("ResizeBilinearV2", x, i32([4, 4]), **both)
    assert "has no method `cubic`" in refuse("CropAndResize", tensor(F32, 1, 8, 8, 3), *crops, method="cubic")


def test_patches_of_unknown_dimensions(infer: Any, refuse: Any) -> None:
    options: dict[str, Any] = {"ksizes": (1, 3, 2, 1), "strides": (1, 2, 1, 1), "rates": (1, 1, 1, 1)}
    x = tensor(F32, "n", 9, None, 3)
    assert infer("ExtractImagePatches", x, **options, padding="VALID") == ["f32[n, 4, ?, 18]"]
    assert infer("ExtractImagePatches", x, **options, padding="SAME") == ["f32[n, 5, ?, 18]"]
    assert "patches of [1, 3, 2, 1]" in refuse("ExtractImagePatches", x, **options, padding="FULL")
    short = options | {"ksizes": (1, 3)}
    assert "patches of [1, 3]" in refuse("ExtractImagePatches", x, **short, padding="SAME")


@given(st.integers(1, 3), st.integers(1, 3), st.integers(1, 2), st.integers(1, 2))
def test_a_patch_is_what_lies_under_the_window(apply: Any, kernel: int, stride: int, rate: int, depth: int) -> None:
    x = np.arange(7 * 7 * depth, dtype=np.float32).reshape(1, 7, 7, depth)
    options: dict[str, Any] = {
        name: (1, size, size, 1) for name, size in (("ksizes", kernel), ("strides", stride), ("rates", rate))
    }
    (result,) = apply("ExtractImagePatches", x, padding="VALID", **options)
    for row, column in np.ndindex(*result.shape[1:3]):
        reach = (kernel - 1) * rate + 1
        top, left = row * stride, column * stride
        window = x[0, top : top + reach : rate, left : left + reach : rate]
        assert result[0, row, column].tolist() == window.reshape(-1).tolist()


@given(st.lists(st.floats(0, 1, width=32), min_size=3, max_size=3))
def test_colors_come_back(apply: Any, color: list[float]) -> None:
    x = np.array([color], np.float32)
    (hsv,) = apply("RGBToHSV", x)
    np.testing.assert_allclose(apply("HSVToRGB", hsv)[0], x, 1e-4, 1e-5)
    (turned,) = apply("AdjustHue", x, np.float32(1))
    np.testing.assert_allclose(turned, x, 1e-3, 1e-4)


def test_colors_that_do_not_fit(refuse: Any) -> None:
    assert "three channels" in refuse("RGBToHSV", tensor(F32, 2, 4))
    assert "takes no u8" in refuse("HSVToRGB", tensor(U8, 2, 3))
    assert "the luminance" in refuse("AdjustContrast", tensor(F32, 2, 4, 3), tensor(F32), mean_mode="chn_y")


@pytest.mark.parametrize("shape", [(0, 4, 3), (2, 0, 3), (2, 4, 0)])
def test_images_without_pixels_have_no_contrast(apply: Any, shape: tuple[int, ...]) -> None:
    (result,) = apply("AdjustContrast", np.zeros(shape, np.float32), np.array(2, np.float32))
    assert result.shape == shape
