"""Lowering of ops that no framework has: quantization by Ascend's tools, and what helps its kernels."""

from __future__ import annotations

from modelc.dialects.ge.ascend import ROUNDINGS
from modelc.dialects.ge.helpers import flag, integer, integers, number, positive_axes, text
from modelc.ir.op import Value
from modelc.ir.types import F32
from modelc_backends.onnx.lower.elementwise import affine, truncated
from modelc_backends.onnx.lower.padding import padded
from modelc_backends.onnx.lower.site import Site
from modelc_backends.onnx.lower.slicing import cut
from modelc_backends.onnx.lower.table import Lowered, lowers


def _scale(site: Site) -> float:
    scale = number(site.op, "scale")
    return scale * scale if flag(site.op, "sqrt_mode", False) else scale


@lowers("AscendQuant")
def _quant(site: Site) -> Lowered:
    x = affine(site, site.cast(site.inputs[0], F32), _scale(site), number(site.op, "offset"))
    mode = text(site.op, "round_mode", "Round")
    assert mode in ROUNDINGS
    rounded = truncated(site, x) if mode == "Trunc" else site.onnx(mode, x)
    return site.onnx("Clip", rounded, site.constant(-128, F32), site.constant(127, F32))


@lowers("AscendAntiQuant")
def _anti_quant(site: Site) -> Lowered:
    shifted = affine(site, site.cast(site.inputs[0], F32), 1.0, number(site.op, "offset"))
    return affine(site, shifted, _scale(site))


@lowers("AscendPadding")
def _padding(site: Site) -> Lowered:
    x = site.inputs[0]
    return padded(site, x, [*[(0, 0)] * (site.rank(x) - 1), (0, integer(site.op, "pad_dim_size", 8) - 1)])


@lowers("Centralization")
def _centralization(site: Site) -> Lowered:
    x = site.inputs[0]
    axes = positive_axes(site.op, integers(site.op, "axes", (-1,)), site.rank(x))
    return site.onnx("Sub", x, site.onnx("ReduceMean", x, site.constant(axes), keepdims=1))


@lowers("NonZeroWithValue")
def _non_zero_with_value(site: Site) -> Lowered:
    x = site.inputs[0]
    places = site.onnx("NonZero", x)
    values = site.onnx("GatherND", x, site.transpose(places, (1, 0)))
    count = site.onnx("Shape", places, start=1, end=2)
    return [_with_room(site, values, 0), _with_room(site, places, 1), count]


def _with_room(site: Site, found: Value, axis: int) -> Value:
    """Return `found` along `axis`, and zeros behind it up to the extent of the result."""
    dims = site.dims(site.op.results[axis])
    room = site.onnx("Expand", site.scalar(0, found), site.constant(dims))
    return cut(site, site.onnx("Concat", found, room, axis=axis), [(axis, 0, dims[axis], 1)])
