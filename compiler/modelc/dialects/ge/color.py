"""Ops on the colours of images."""

from __future__ import annotations

import numpy as np

from modelc.dialects.ge.arrays import wide
from modelc.dialects.ge.helpers import mismatch, need_family, operand, text
from modelc.dialects.ge.semantics import Array, Arrays, evaluates, infers
from modelc.ir.op import Op
from modelc.ir.types import Type


@infers("RGBToHSV", "HSVToRGB", "AdjustSaturation", "AdjustHue")
def _infer_colors(op: Op) -> list[Type]:
    x = operand(op, 0)
    need_family(op, x, "float")
    if x.shape is not None and (not x.shape or (isinstance(x.shape[-1], int) and x.shape[-1] != 3)):
        raise mismatch(op, f"needs three channels in the last dimension, not {x}")
    _need_channels_last(op)
    return [x]


def _need_channels_last(op: Op) -> None:
    layout = text(op, "data_format", "HWC")
    if layout != "HWC":
        raise mismatch(op, f"is laid out as HWC, not {layout}")


def _to_hsv(rgb: Array) -> Array:
    r, g, b = np.moveaxis(rgb, -1, 0)
    value = rgb.max(-1)
    spread = value - rgb.min(-1)
    safe = np.where(spread > 0, spread, 1)
    hue = (
        np.select(
            [spread <= 0, r == value, g == value],
            [np.zeros_like(value), (g - b) / safe, (b - r) / safe + 2],
            (r - g) / safe + 4,
        )
        / 6
    )
    saturation = np.where(value > 0, spread / np.where(value > 0, value, 1), 0)
    return np.stack([np.where(hue < 0, hue + 1, hue), saturation, value], -1).astype(rgb.dtype)


def _pure(hue: Array) -> Array:
    """Return the colours of full saturation and value with these hues, which have a last dimension of one."""
    sector = hue * 6
    distances = np.concatenate([np.abs(sector - 3) - 1, 2 - np.abs(sector - 2), 2 - np.abs(sector - 4)], -1)
    return np.asarray(np.clip(distances, 0, 1))


def _to_rgb(hsv: Array) -> Array:
    hue, saturation, value = (hsv[..., index : index + 1] for index in range(3))
    return np.asarray(((_pure(hue) - 1) * saturation + 1) * value, hsv.dtype)


@evaluates("RGBToHSV")
def _rgb_to_hsv(op: Op, arrays: Arrays) -> list[Array]:
    return [_to_hsv(wide(arrays[0])).astype(arrays[0].dtype)]


@evaluates("HSVToRGB")
def _hsv_to_rgb(op: Op, arrays: Arrays) -> list[Array]:
    return [_to_rgb(wide(arrays[0])).astype(arrays[0].dtype)]


@evaluates("AdjustSaturation")
def _adjust_saturation(op: Op, arrays: Arrays) -> list[Array]:
    hsv = _to_hsv(wide(arrays[0]))
    hsv[..., 1] = np.clip(hsv[..., 1] * arrays[1].reshape(()), 0, 1)
    return [_to_rgb(hsv).astype(arrays[0].dtype)]


@evaluates("AdjustHue")
def _adjust_hue(op: Op, arrays: Arrays) -> list[Array]:
    _need_channels_last(op)
    rgb = wide(arrays[0])
    hue = np.mod(_to_hsv(rgb)[..., :1] + arrays[1].reshape(()), 1)
    # The range of each pixel is kept as it is: saturation means nothing for the negative values images may have.
    low, high = rgb.min(-1, keepdims=True), rgb.max(-1, keepdims=True)
    return [(low + (high - low) * _pure(hue)).astype(arrays[0].dtype)]


@infers("AdjustContrast")
def _infer_contrast(op: Op) -> list[Type]:
    x = operand(op, 0)
    if x.shape is not None and len(x.shape) < 3:
        raise mismatch(op, f"needs images, not {x}")
    contrast_axes(op)
    return [x]


def contrast_axes(op: Op) -> tuple[int, ...]:
    """Return the axes whose mean the contrast is about."""
    layout, mean = text(op, "data_format", "HWC"), text(op, "mean_mode", "chn_wise")
    if layout not in ("HWC", "CHW") or mean not in ("chn_wise", "chn_y"):
        raise mismatch(op, f"has no layout {layout} with the mean {mean}")
    if mean == "chn_y":
        raise mismatch(op, "is defined for the mean of each channel only, not for that of the luminance")
    return (-3, -2) if layout == "HWC" else (-2, -1)


@evaluates("AdjustContrast")
def _adjust_contrast(op: Op, arrays: Arrays) -> list[Array]:
    x, axes = wide(arrays[0]), contrast_axes(op)
    if not x.size:
        return [arrays[0]]
    mean = x.mean(axes, keepdims=True, dtype=np.float64).astype(np.float32)
    return [((x - mean) * arrays[1].reshape(()) + mean).astype(arrays[0].dtype)]


@infers("AdjustBrightness")
def _infer_brightness(op: Op) -> list[Type]:
    x = operand(op, 0)
    need_family(op, x, "float")
    return [x]


@evaluates("AdjustBrightness")
def _adjust_brightness(op: Op, arrays: Arrays) -> list[Array]:
    return [arrays[0] + arrays[1].reshape(()).astype(arrays[0].dtype)]
