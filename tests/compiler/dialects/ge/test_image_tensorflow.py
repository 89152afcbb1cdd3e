"""Resizing, cropping, patches and colours: what TensorFlow computes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from modelc.ir.attributes import Attribute

Array = NDArray[Any]

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(2, 7, 5, 3)).astype(np.float32)
PIXELS = RANDOM.integers(0, 255, (1, 8, 6, 2)).astype(np.uint8)
SIZES = ([7, 5], [14, 10], [3, 2], [1, 1], [13, 4], [1, 11], [21, 15], [8, 9])
CENTERS: tuple[dict[str, Attribute], ...] = ({}, {"align_corners": True}, {"half_pixel_centers": True})


def i32(*numbers: Any) -> Array:
    return np.array(numbers[0] if len(numbers) == 1 else numbers, np.int32)


@pytest.mark.parametrize("options", CENTERS)
@pytest.mark.parametrize("size", SIZES)
def test_resizes_smoothly(tf: Any, apply: Any, size: list[int], options: dict[str, Attribute]) -> None:
    for x in (X, PIXELS, X[:0]):
        for kind, name in (("ResizeBilinearV2", "ResizeBilinear"), ("ResizeBicubic", "ResizeBicubic")):
            theirs = getattr(tf.raw_ops, name)(images=x, size=size, **options).numpy()
            (ours,) = apply(kind, x, i32(size), **options)
            assert ours.dtype == theirs.dtype
            np.testing.assert_allclose(ours, theirs, 1e-5, 2e-6 * np.abs(x, dtype=np.float32).max(initial=1))


@pytest.mark.parametrize("options", CENTERS)
@pytest.mark.parametrize("size", [*SIZES, [100, 3], [2, 77]])
def test_resizes_to_the_nearest(tf: Any, apply: Any, size: list[int], options: dict[str, Attribute]) -> None:
    for x in (X, PIXELS):
        theirs = tf.raw_ops.ResizeNearestNeighbor(images=x, size=size, **options).numpy()
        np.testing.assert_array_equal(apply("ResizeNearestNeighborV2", x, i32(size), **options)[0], theirs)


@pytest.mark.parametrize("aligned", [False, True])
@pytest.mark.parametrize("size", SIZES)
def test_resizes_by_area(tf: Any, apply: Any, size: list[int], aligned: bool) -> None:
    for x in (X, PIXELS):
        theirs = tf.raw_ops.ResizeArea(images=x, size=size, align_corners=aligned).numpy()
        (ours,) = apply("ResizeArea", x, i32(size), align_corners=aligned)
        np.testing.assert_allclose(ours, theirs, 1e-5, 1e-5)


BOXES = np.array([[0, 0, 1, 1], [0.2, 0.9, 0.7, 0.1], [-0.5, 0.3, 0.4, 1.6], [0.5, 0.5, 0.5, 0.5]], np.float32)


@pytest.mark.parametrize("method", ["bilinear", "nearest"])
@pytest.mark.parametrize("size", [[3, 4], [1, 1], [1, 6], [9, 2]])
def test_crops(tf: Any, apply: Any, size: list[int], method: str) -> None:
    for x in (X, PIXELS.repeat(2, 0)):
        theirs = tf.raw_ops.CropAndResize(
            image=x, boxes=BOXES, box_ind=[0, 1, 1, 0], crop_size=size, method=method, extrapolation_value=9.0
        ).numpy()
        options: dict[str, Attribute] = {"method": method, "extrapolation_value": 9.0}
        (ours,) = apply("CropAndResize", x, BOXES, i32([0, 1, 1, 0]), i32(size), **options)
        np.testing.assert_allclose(ours, theirs, 1e-5, 1e-5)
    (none,) = apply("CropAndResize", X, BOXES[:0], i32([]).reshape(0), i32(size))
    assert none.shape == (0, *size, 3)


@pytest.mark.parametrize("padding", ["SAME", "VALID"])
@pytest.mark.parametrize(
    ("kernel", "stride", "rate"), [((2, 3), (1, 1), (1, 1)), ((3, 2), (2, 3), (2, 1)), ((1, 1), (3, 2), (1, 1))]
)
def test_cuts_patches(
    tf: Any, apply: Any, kernel: tuple[int, int], stride: tuple[int, int], rate: tuple[int, int], padding: str
) -> None:
    options: dict[str, Any] = {"ksizes": (1, *kernel, 1), "strides": (1, *stride, 1), "rates": (1, *rate, 1)}
    for x in (X, PIXELS):
        theirs = tf.raw_ops.ExtractImagePatches(images=x, padding=padding, **{k: list(v) for k, v in options.items()})
        np.testing.assert_array_equal(apply("ExtractImagePatches", x, padding=padding, **options)[0], theirs.numpy())


@pytest.mark.parametrize("padding", ["SAME", "VALID"])
def test_cuts_volumes(tf: Any, apply: Any, padding: str) -> None:
    x = RANDOM.normal(size=(1, 5, 4, 6, 2)).astype(np.float32)
    theirs = tf.raw_ops.ExtractVolumePatches(
        input=x, ksizes=[1, 2, 3, 2, 1], strides=[1, 2, 1, 3, 1], padding=padding
    ).numpy()
    options: dict[str, Attribute] = {"ksizes": (1, 2, 3, 2, 1), "strides": (1, 2, 1, 3, 1), "padding": padding}
    np.testing.assert_array_equal(apply("ExtractVolumePatches", x, **options)[0], theirs)


def test_converts_colors(tf: Any, apply: Any) -> None:
    x = np.concatenate([RANDOM.uniform(0, 1, (50, 3)), np.eye(3), np.zeros((1, 3)), np.ones((1, 3))]).astype(np.float32)
    for colors in (x, x.astype(np.float64), x.reshape(5, -1, 3)):
        hsv = tf.raw_ops.RGBToHSV(images=colors).numpy()
        np.testing.assert_allclose(apply("RGBToHSV", colors)[0], hsv, 1e-5, 1e-6)
        np.testing.assert_allclose(apply("HSVToRGB", colors)[0], tf.raw_ops.HSVToRGB(images=colors), 1e-5, 1e-6)


def test_adjusts_colors(tf: Any, apply: Any) -> None:
    x = RANDOM.uniform(0, 1, (2, 4, 5, 3)).astype(np.float32)
    for amount in map(np.float32, (0, 0.3, -0.4, 1.7)):
        theirs = tf.raw_ops.AdjustContrastv2(images=x, contrast_factor=amount)
        np.testing.assert_allclose(apply("AdjustContrast", x, amount)[0], theirs, 1e-5, 1e-6)
        theirs = tf.raw_ops.AdjustHue(images=x, delta=amount)
        np.testing.assert_allclose(apply("AdjustHue", x, amount)[0], theirs, 1e-4, 1e-5)
        theirs = tf.raw_ops.AdjustSaturation(images=x, scale=amount)
        np.testing.assert_allclose(apply("AdjustSaturation", x, amount)[0], theirs, 1e-4, 1e-5)
