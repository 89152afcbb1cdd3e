"""Lowering of ops on the colours of images, which have three channels as their last dimension."""

from __future__ import annotations

from collections.abc import Sequence

from modelc.dialects.ge.color import contrast_axes
from modelc.ir.op import Value
from modelc.ir.types import BF16, F16, F32
from modelc_backends.onnx.lower.site import Site
from modelc_backends.onnx.lower.table import Lowered, lowers


def _wide(site: Site, x: Value) -> Value:
    """Return halves as single precision, in which colours are computed."""
    return site.cast(x, F32) if site.element(x) in (F16, BF16) else x


def _operand(site: Site, like: Value) -> Value:
    """Return operand 1, one number, as a scalar of the element type of `like`."""
    return site.cast(site.reshape(site.inputs[1], ()), site.element(like))


def _channels(site: Site, x: Value) -> Sequence[Value]:
    return site.many("Split", 3, x, axis=-1, num_outputs=3)


def _extreme(site: Site, kind: str, x: Value) -> Value:
    return site.onnx(kind, x, site.constant((-1,)), keepdims=1)


def _clipped(site: Site, x: Value) -> Value:
    """Return `x` within 0 and 1."""
    return site.onnx("Clip", x, site.scalar(0, x), site.scalar(1, x))


def _to_hsv(site: Site, rgb: Value) -> tuple[Value, Value, Value]:
    """Return hue, saturation and value, each with a last dimension of one."""
    r, g, b = _channels(site, rgb)
    value = _extreme(site, "ReduceMax", rgb)
    spread = site.onnx("Sub", value, _extreme(site, "ReduceMin", rgb))
    zero, one = site.scalar(0, rgb), site.scalar(1, rgb)
    coloured, lit = (site.onnx("Greater", each, zero) for each in (spread, value))
    safe = site.onnx("Where", coloured, spread, one)

    def sector(a: Value, b: Value, number: int) -> Value:
        ratio = site.onnx("Div", site.onnx("Sub", a, b), safe)
        return site.onnx("Add", ratio, site.scalar(number, rgb)) if number else ratio

    is_red, is_green = (site.onnx("Equal", each, value) for each in (r, g))
    others = site.onnx("Where", is_green, sector(b, r, 2), sector(r, g, 4))
    turned = site.onnx("Where", is_red, sector(g, b, 0), others)
    hue = site.onnx("Div", site.onnx("Where", coloured, turned, zero), site.scalar(6, rgb))
    hue = site.onnx("Where", site.onnx("Less", hue, zero), site.onnx("Add", hue, one), hue)
    saturation = site.onnx("Div", spread, site.onnx("Where", lit, value, one))
    return hue, site.onnx("Where", lit, saturation, zero), value


def _pure(site: Site, hue: Value) -> Value:
    """Return the colours of full saturation and value with these hues."""
    sector = site.onnx("Mul", hue, site.scalar(6, hue))
    distances = [site.onnx("Abs", site.onnx("Sub", sector, site.scalar(middle, hue))) for middle in (3, 2, 4)]
    red = site.onnx("Sub", distances[0], site.scalar(1, hue))
    others = [site.onnx("Sub", site.scalar(2, hue), each) for each in distances[1:]]
    return _clipped(site, site.onnx("Concat", red, *others, axis=-1))


def _to_rgb(site: Site, hue: Value, saturation: Value, value: Value) -> Value:
    one = site.scalar(1, hue)
    paled = site.onnx("Mul", site.onnx("Sub", _pure(site, hue), one), saturation)
    return site.onnx("Mul", site.onnx("Add", paled, one), value)


@lowers("RGBToHSV")
def _rgb_to_hsv(site: Site) -> Lowered:
    return site.onnx("Concat", *_to_hsv(site, _wide(site, site.inputs[0])), axis=-1)


@lowers("HSVToRGB")
def _hsv_to_rgb(site: Site) -> Lowered:
    hue, saturation, value = _channels(site, _wide(site, site.inputs[0]))
    return _to_rgb(site, hue, saturation, value)


@lowers("AdjustSaturation")
def _adjust_saturation(site: Site) -> Lowered:
    hue, saturation, value = _to_hsv(site, _wide(site, site.inputs[0]))
    scaled = site.onnx("Mul", saturation, _operand(site, saturation))
    return _to_rgb(site, hue, _clipped(site, scaled), value)


@lowers("AdjustHue")
def _adjust_hue(site: Site) -> Lowered:
    """Keep the range of each pixel: saturation means nothing for the negative values images may have."""
    rgb = _wide(site, site.inputs[0])
    hue, _, high = _to_hsv(site, rgb)
    turned = site.onnx("Add", hue, _operand(site, hue))
    low = _extreme(site, "ReduceMin", rgb)
    pure = _pure(site, site.onnx("Sub", turned, site.onnx("Floor", turned)))
    return site.onnx("Add", low, site.onnx("Mul", site.onnx("Sub", high, low), pure))


@lowers("AdjustContrast")
def _adjust_contrast(site: Site) -> Lowered:
    x = _wide(site, site.inputs[0])
    mean = site.onnx("ReduceMean", x, site.constant(contrast_axes(site.op)), keepdims=1)
    return site.onnx("Add", site.onnx("Mul", site.onnx("Sub", x, mean), _operand(site, x)), mean)


@lowers("AdjustBrightness")
def _adjust_brightness(site: Site) -> Lowered:
    return site.onnx("Add", site.inputs[0], _operand(site, site.inputs[0]))
