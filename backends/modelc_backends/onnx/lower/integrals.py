"""Lowering of special functions that are defined by integrals, in double precision."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from modelc.dialects.ge.integrals import EULER, INTEGRALS
from modelc.ir.op import Value
from modelc.ir.types import F64
from modelc_backends.onnx.lower.doubles import log1p
from modelc_backends.onnx.lower.elementwise import affine
from modelc_backends.onnx.lower.polynomials import Doubles, approximated, where
from modelc_backends.onnx.lower.site import Site
from modelc_backends.onnx.lower.table import Lowered, lowers

_EDGE = 8.0  # up to it by a polynomial in the operand, from it on by one in its inverse

_VAST = 600.0  # beyond it exp(x) comes near the largest double

_i0e, _i1e, _ei, _spence = (INTEGRALS[name] for name in ("BesselI0e", "BesselI1e", "Expint", "Spence"))


def _two_parts(
    site: Site, x: Value, near: Callable[[Doubles], Doubles], far: Callable[[Doubles], Doubles]
) -> tuple[Value, Value]:
    """Return `near` of what is not negative up to the edge, and `far` of the inverse of what is beyond."""
    edge = site.constant(_EDGE, F64)
    inverse = site.onnx("Reciprocal", site.onnx("Max", x, edge))
    return (
        approximated(site, site.onnx("Min", x, edge), near, 0, _EDGE, 24),
        approximated(site, inverse, far, 0, 1 / _EDGE, 24),
    )


# -- Bessel functions: near 0 (divided by x where they are odd), and far times the root of x


@lowers("BesselI0e")
def _bessel_i0e(site: Site) -> Lowered:
    size = site.onnx("Abs", site.cast(site.inputs[0], F64))
    near, far = _two_parts(site, size, _i0e, _far_i0e)
    return where(site, "Less", size, _EDGE, near, site.onnx("Div", far, site.onnx("Sqrt", size)))


def _far_i0e(inverse: Doubles) -> Doubles:
    return np.asarray(_i0e(1 / inverse) / np.sqrt(inverse))


@lowers("BesselI1e")
def _bessel_i1e(site: Site) -> Lowered:
    x = site.cast(site.inputs[0], F64)
    size = site.onnx("Abs", x)
    near, far = _two_parts(site, size, _near_i1e, _far_i1e)
    far = site.onnx("Mul", site.onnx("Sign", x), site.onnx("Div", far, site.onnx("Sqrt", size)))
    return where(site, "Less", size, _EDGE, site.onnx("Mul", x, near), far)


def _near_i1e(x: Doubles) -> Doubles:
    return np.asarray(_i1e(x) / x)


def _far_i1e(inverse: Doubles) -> Doubles:
    return np.asarray(_i1e(1 / inverse) / np.sqrt(inverse))


# -- the exponential integral: near 0 behind its logarithm, and far divided by exp(x) / x


@lowers("Expint")
def _expint(site: Site) -> Lowered:
    x = site.cast(site.inputs[0], F64)
    near, far = _two_parts(site, x, _near_ei, _far_ei)
    near = site.onnx("Add", affine(site, site.onnx("Log", x), 1, EULER), site.onnx("Mul", x, near))
    far = site.onnx("Mul", far, site.onnx("Div", site.onnx("Exp", x), x))
    value = where(site, "Less", x, _EDGE, near, far)
    return where(site, "Greater", x, 1e3, site.constant(math.inf, F64), value)


def _near_ei(x: Doubles) -> Doubles:
    return np.asarray((_ei(x) - EULER - np.log(x)) / x)


def _far_ei(inverse: Doubles) -> Doubles:
    x = np.minimum(1 / inverse, _VAST)
    series = 1 + inverse * (1 + 2 * inverse * (1 + 3 * inverse * (1 + 4 * inverse)))
    return np.asarray(np.where(1 / inverse > _VAST, series, _ei(x) * x * np.exp(-x)))


# -- Spence's function, mirrored into a middle where it is smooth

_LOW, _HIGH = 0.5, 1.5


@lowers("Spence")
def _spence_of(site: Site) -> Lowered:
    x = site.cast(site.inputs[0], F64)
    small = where(site, "Greater", x, _HIGH, site.onnx("Reciprocal", x), x)
    is_middle = site.onnx("And", site.onnx("GreaterOrEqual", x, site.constant(_LOW, F64)), _at_most(site, x, _HIGH))
    inside = site.onnx("Where", is_middle, x, affine(site, small, -1, 1))
    middle = approximated(site, inside, _spence, 1 - 1 / _HIGH, _HIGH, 28)
    logs = site.onnx("Mul", site.onnx("Log", small), log1p(site, site.onnx("Neg", small)))
    logs = where(site, "Equal", small, 0, site.constant(0, F64), logs)
    low = affine(site, site.onnx("Add", logs, middle), -1, math.pi**2 / 6)
    log = site.onnx("Log", x)
    high = affine(site, site.onnx("Add", low, affine(site, site.onnx("Mul", log, log), 0.5)), -1)
    mirrored = where(site, "Greater", x, _HIGH, high, low)
    return site.onnx("Where", is_middle, middle, mirrored)


def _at_most(site: Site, x: Value, limit: float) -> Value:
    return site.onnx("LessOrEqual", x, site.constant(limit, F64))
