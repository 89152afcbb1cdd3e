"""Lowering of ops that convert elements."""

from __future__ import annotations

from modelc.dialects.ge.dtypes import element_of_cpp
from modelc.dialects.ge.helpers import integer
from modelc.ir.types import BOOL
from modelc_backends.onnx.lower.site import NoFormError, Site
from modelc_backends.onnx.lower.table import Lowered, lowers


@lowers("Cast")
def _cast(site: Site) -> Lowered:
    target = element_of_cpp(integer(site.op, "dst_type"))
    if target is None or target.family in ("complex", "opaque"):
        raise NoFormError(f"converts to {target}, which ONNX does not")
    return site.cast(site.inputs[0], target)


@lowers("Conj")
def _conj(site: Site) -> Lowered:
    if site.element(site.inputs[0]).family == "complex":
        raise NoFormError("computes with complex numbers, which ONNX does not")
    return site.inputs[0]


@lowers("ToBool")
def _to_bool(site: Site) -> Lowered:
    """Return whether a scalar is not 0, or anything else not empty."""
    x = site.inputs[0]
    if site.rank(x) == 0:
        return site.cast(x, BOOL)
    return site.onnx("Greater", site.onnx("Size", x), site.constant(0))
