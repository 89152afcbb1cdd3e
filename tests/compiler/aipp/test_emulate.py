"""What the emulated preprocessing computes, against the same written pixel by pixel."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from modelc.aipp.config import Aipp, parse_config
from modelc.aipp.emulate import preprocess

Array = NDArray[Any]


def aipp(text: str) -> Aipp:
    (found,) = parse_config(f"aipp_op {{ aipp_mode: static {text} }}")
    return found


def images(*shape: int) -> Array:
    return np.random.default_rng(7).integers(0, 256, shape).astype(np.uint8)


JPEG = (
    "csc_switch: true matrix_r0c0: 256 matrix_r0c1: 0 matrix_r0c2: 359 matrix_r1c0: 256 matrix_r1c1: -88 "
    "matrix_r1c2: -183 matrix_r2c0: 256 matrix_r2c1: 454 matrix_r2c2: 0 "
    "input_bias_0: 0 input_bias_1: 128 input_bias_2: 128"
)


def clipped(number: int) -> int:
    return min(255, max(0, number))


def yuv_to_rgb(y: int, u: int, v: int) -> list[int]:
    """The full range of JPEG, in fixed point."""
    rows = ((256, 0, 359), (256, -88, -183), (256, 454, 0))
    return [clipped((r[0] * y + r[1] * (u - 128) + r[2] * (v - 128)) // 256) for r in rows]


def test_yuv_becomes_rgb_pixel_by_pixel() -> None:
    height, width = 4, 6
    given = images(2, height * 3 // 2, width, 1)
    result = preprocess(aipp(f"input_format: YUV420SP_U8 {JPEG}"), given, 3, False, np.float16)
    assert result.shape == (2, height, width, 3)
    assert result.dtype == np.float16
    for n, h, w in np.ndindex(2, height, width):
        y = int(given[n, h, w, 0])
        u, v = (int(given[n, height + h // 2, w // 2 * 2 + i, 0]) for i in range(2))
        assert result[n, h, w].tolist() == yuv_to_rgb(y, u, v)


def test_swapped_colours_come_from_the_other_order() -> None:
    given = images(1, 6, 4, 1)
    exchanged = given.copy()
    exchanged[:, 4:, 0::2], exchanged[:, 4:, 1::2] = given[:, 4:, 1::2], given[:, 4:, 0::2]
    plain = preprocess(aipp(f"input_format: YUV420SP_U8 {JPEG}"), given, 3, False, np.float16)
    swapped = aipp(f"input_format: YUV420SP_U8 rbuv_swap_switch: true {JPEG}")
    assert np.array_equal(preprocess(swapped, exchanged, 3, False, np.float16), plain)


def test_grey_in_video_range_becomes_grey() -> None:
    """Sixteen is black and 235 is white, by the matrix that is taken where none is given."""
    given = np.full((1, 6, 4, 1), 128, np.uint8)
    given[:, :2], given[:, 2:4] = 16, 235
    result = preprocess(aipp("input_format: YUV420SP_U8 csc_switch: true"), given, 3, False, np.float16)
    assert np.all(result[:, :2] == 0)
    assert np.all(np.abs(result[:, 2:4] - 255) <= 1)


def test_rgb_becomes_yuv() -> None:
    given = images(1, 3, 5, 3)
    result = preprocess(aipp("input_format: RGB888_U8 csc_switch: true"), given, 3, False, np.uint8)
    rows = ((66, 129, 25, 16), (-38, -74, 112, 128), (112, -94, -18, 128))
    for n, h, w in np.ndindex(1, 3, 5):
        r, g, b = map(int, given[n, h, w])
        expected = [clipped(((a * r + c * g + d * b) >> 8) + bias) for a, c, d, bias in rows]
        assert result[n, h, w].tolist() == expected


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("", [0, 1, 2, 3]),
        ("rbuv_swap_switch: true", [0, 3, 2, 1]),
        ("ax_swap_switch: true", [1, 2, 3, 0]),
        ("rbuv_swap_switch: true ax_swap_switch: true", [3, 2, 1, 0]),
    ],
)
def test_four_channels_in_other_orders(text: str, order: list[int]) -> None:
    given = images(1, 2, 3, 4)
    result = preprocess(aipp(f"input_format: XRGB8888_U8 {text}"), given, 4, False, np.uint8)
    assert np.array_equal(result, given[..., order])
    if "ax_swap" in text:
        three = preprocess(aipp(f"input_format: XRGB8888_U8 {text}"), given, 3, False, np.uint8)
        assert np.array_equal(three, given[..., order[:3]])


def test_crop_normalize_and_border() -> None:
    text = (
        "input_format: RGB888_U8 crop: true load_start_pos_h: 1 load_start_pos_w: 2 crop_size_h: 3 crop_size_w: 4 "
        "mean_chn_0: 10 mean_chn_1: 20 mean_chn_2: 30 min_chn_1: 0.5 var_reci_chn_0: 0.25 var_reci_chn_2: 0.1 "
        "padding: true top_padding_size: 1 left_padding_size: 2 right_padding_size: 3 padding_value: -1.5"
    )
    given = images(2, 6, 7, 3)
    result = preprocess(aipp(text), given, 3, False, np.float16)
    assert result.shape == (2, 4, 9, 3)
    shifts, factors = (10.0, 20.5, 30.0), (0.25, 1.0, 0.1)
    for n, h, w, c in np.ndindex(result.shape):
        expected = np.float32(-1.5)
        if h >= 1 and 2 <= w < 6:  # row 1 and column 2 of both the image and what comes out
            expected = (np.float32(given[n, h, w, c]) - np.float32(shifts[c])) * np.float32(factors[c])
        assert result[n, h, w, c] == np.float16(expected)


def test_planar_images_give_the_same_numbers() -> None:
    given = images(2, 4, 5, 3)
    text = "input_format: RGB888_U8 rbuv_swap_switch: true mean_chn_0: 7 padding: true top_padding_size: 2"
    packed = preprocess(aipp(text), given, 3, False, np.float16)
    planar = preprocess(aipp(text), np.moveaxis(given, 3, 1), 3, True, np.float16)
    assert np.array_equal(planar, np.moveaxis(packed, 3, 1))


def test_a_resized_image_is_interpolated() -> None:
    given = images(1, 4, 5, 1)
    config = aipp("input_format: YUV400_U8 resize: true resize_output_h: 8 resize_output_w: 3")
    result = preprocess(config, given, 1, False, np.uint8)
    assert result.shape == (1, 8, 3, 1)
    for h, w in np.ndindex(8, 3):
        y, x = min(max((h + 0.5) * 4 / 8 - 0.5, 0), 3), min(max((w + 0.5) * 5 / 3 - 0.5, 0), 4)
        top, left = int(y), int(x)
        rows, columns = (top, min(top + 1, 3)), (left, min(left + 1, 4))
        corners = [[float(given[0, r, c, 0]) for c in columns] for r in rows]
        inner = [(1 - (x - left)) * a + (x - left) * b for a, b in corners]
        expected = (1 - (y - top)) * inner[0] + (y - top) * inner[1]
        assert abs(float(result[0, h, w, 0]) - expected) <= 1
    same = aipp("input_format: YUV400_U8 resize: true resize_output_h: 4 resize_output_w: 5")
    assert np.array_equal(preprocess(same, given, 1, False, np.uint8), given)
