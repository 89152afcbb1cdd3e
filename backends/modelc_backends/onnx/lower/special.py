"""Lowering of special functions that ONNX lacks, in double precision."""

from __future__ import annotations

import math

import numpy as np

from modelc.dialects.ge import special
from modelc.ir.op import Value
from modelc.ir.types import F64
from modelc_backends.onnx.lower.elementwise import affine
from modelc_backends.onnx.lower.polynomials import Doubles, approximated, where
from modelc_backends.onnx.lower.site import Site
from modelc_backends.onnx.lower.table import Lowered, lowers

HALF_LOG_2_PI = math.log(2 * math.pi) / 2


# -- the inverse of the error function
#
# With w = -log(1 - y^2), erfinv(y) / y is a smooth function of w, and of its logarithm where w is large.

_NEAR, _FAR = 6.0, 700.0  # up to where it is taken as a function of w, then up to where as one of log(w)


def _ratio(w: Doubles) -> Doubles:
    """Return erfinv(y) / y as a function of w."""
    tail = np.exp(-w)
    y = np.sqrt(-np.expm1(-w))
    p = tail / (2 * (1 + y))  # (1 - y) / 2, without cancellation
    inverse = np.where(w < 1e-6, math.sqrt(math.pi) / 2 * y, -special.ndtri(p) / math.sqrt(2))
    return np.where(y == 0, math.sqrt(math.pi) / 2, inverse / np.where(y == 0, 1, y))


def _ratio_of_log(log: Doubles) -> Doubles:
    return _ratio(np.exp(log))


def _inverse(site: Site, y: Value, w: Value) -> Value:
    """Return erfinv(y) given w, infinite where y is 1 or -1 and w is infinite."""
    near_limit, far_limit = site.constant(_NEAR, F64), site.constant(_FAR, F64)
    near = approximated(site, site.onnx("Min", w, near_limit), _ratio, 0.0, _NEAR, 16)
    log = site.onnx("Log", site.onnx("Max", site.onnx("Min", w, far_limit), near_limit))
    far = approximated(site, log, _ratio_of_log, math.log(_NEAR), math.log(_FAR), 26)
    far = site.onnx("Where", site.onnx("IsInf", w), w, far)
    return site.onnx("Mul", y, where(site, "Less", w, _NEAR, near, far))


@lowers("Erfinv")
def _erfinv(site: Site) -> Lowered:
    y = site.cast(site.inputs[0], F64)
    one = site.constant(1, F64)
    product = site.onnx("Mul", site.onnx("Sub", one, y), site.onnx("Add", one, y))
    return _inverse(site, y, site.onnx("Neg", site.onnx("Log", product)))


@lowers("Ndtri")
def _ndtri(site: Site) -> Lowered:
    """Return sqrt(2) erfinv(2 p - 1), where 1 - y^2 is 4 p (1 - p)."""
    p = site.cast(site.inputs[0], F64)
    product = site.onnx("Mul", site.onnx("Mul", p, site.constant(4, F64)), site.onnx("Sub", site.constant(1, F64), p))
    inverse = _inverse(site, affine(site, p, 2, -1), site.onnx("Neg", site.onnx("Log", product)))
    return affine(site, inverse, math.sqrt(2))


# -- gamma functions
#
# Above _SMALL by Stirling's formula, whose remainder is a smooth function of 1 / x; lgamma below it by a polynomial,
# from _LEAST on. Negative numbers are mirrored.

_SMALL, _LEAST = 2.5, 0.75


def _gamma_factor(x: Doubles) -> Doubles:
    """Return lgamma(x) / ((x - 1) (x - 2))."""
    return np.asarray(special.lgamma(x) / ((x - 1) * (x - 2)))


def _gamma_remainder(t: Doubles) -> Doubles:
    """Return what Stirling's formula lacks of lgamma(1 / t)."""
    x = 1 / t
    return np.asarray(special.lgamma(x) - ((x - 0.5) * np.log(x) - x + HALF_LOG_2_PI))


def _digamma_remainder(t: Doubles) -> Doubles:
    """Return what log(x) - 1 / (2 x) lacks of digamma(x), for x = 1 / t."""
    return np.asarray(special.digamma(1 / t) + np.log(t) + t / 2)


def _mirrored(site: Site, x: Value) -> Value:
    """Return 1 - x for what is negative, and all else as it is."""
    return where(site, "Less", x, 0, affine(site, x, -1, 1), x)


def _angle(site: Site, x: Value) -> Value:
    """Return pi times the distance of `x` to the nearest integer."""
    return affine(site, site.onnx("Sub", x, site.onnx("Round", x)), math.pi)


@lowers("Lgamma")
def _lgamma(site: Site) -> Lowered:
    x = site.cast(site.inputs[0], F64)
    positive = _lgamma_of_positive(site, _mirrored(site, x))
    sine = site.onnx("Log", site.onnx("Abs", site.onnx("Sin", _angle(site, x))))
    negative = affine(site, site.onnx("Add", sine, positive), -1, math.log(math.pi))
    result = where(site, "Less", x, 0, negative, positive)
    return site.onnx("Where", site.onnx("IsInf", x), site.onnx("Abs", x), result)


def _lgamma_of_positive(site: Site, y: Value) -> Value:
    x = where(site, "Less", y, _LEAST, affine(site, y, 1, 1), y)
    limit, zero = site.constant(_SMALL, F64), site.constant(0, F64)
    small, large = site.onnx("Min", x, limit), site.onnx("Max", x, limit)
    zeros = site.onnx("Mul", affine(site, small, 1, -1), affine(site, small, 1, -2))
    near = site.onnx("Mul", zeros, approximated(site, small, _gamma_factor, _LEAST, _SMALL, 18))
    remainder = approximated(site, site.onnx("Reciprocal", large), _gamma_remainder, 0, 1 / _SMALL, 8)
    main = site.onnx("Mul", affine(site, large, 1, -0.5), site.onnx("Log", large))
    far = site.onnx("Add", site.onnx("Sub", main, large), affine(site, remainder, 1, HALF_LOG_2_PI))
    moved = where(site, "Less", y, _LEAST, site.onnx("Log", y), zero)
    return site.onnx("Sub", where(site, "Less", x, _SMALL, near, far), moved)


@lowers("Digamma")
def _digamma(site: Site) -> Lowered:
    x = site.cast(site.inputs[0], F64)
    y = _mirrored(site, x)
    inverse = site.onnx("Reciprocal", affine(site, y, 1, 2))
    main = site.onnx("Sub", affine(site, inverse, -0.5), site.onnx("Log", inverse))
    positive = site.onnx("Add", main, approximated(site, inverse, _digamma_remainder, 0, 0.5, 12))
    for moved in (y, affine(site, y, 1, 1)):
        positive = site.onnx("Sub", positive, site.onnx("Reciprocal", moved))
    angle = _angle(site, x)
    cotangent = site.onnx("Div", site.onnx("Cos", angle), site.onnx("Sin", angle))
    negative = site.onnx("Sub", positive, affine(site, cotangent, math.pi))
    negative = where(site, "Equal", angle, 0, site.constant(math.nan, F64), negative)  # a pole
    return where(site, "LessOrEqual", x, 0, negative, positive)


# -- angles


@lowers("Atan2")
def _atan2(site: Site) -> Lowered:
    """Return the angle of the sizes of y and x, brought to their quadrant by their signs, those of zeros too."""
    y, x = site.inputs
    tall, wide = site.onnx("Abs", y), site.onnx("Abs", x)
    ratio = site.onnx("Div", tall, wide)
    same = site.onnx("And", site.onnx("Equal", tall, wide), site.onnx("IsNaN", ratio))  # both 0, or both infinite
    ratio = site.onnx("Where", same, site.onnx("Min", tall, site.scalar(1, y)), ratio)
    angle = site.onnx("Atan", ratio)
    angle = site.onnx("Where", _is_negative(site, x), affine(site, angle, -1, math.pi), angle)
    return site.onnx("Where", _is_negative(site, y), site.onnx("Neg", angle), angle)


def _is_negative(site: Site, x: Value) -> Value:
    """Whether numbers have a sign, as -0 has."""
    zero = site.scalar(0, x)
    return site.onnx("Or", site.onnx("Less", x, zero), site.onnx("Less", site.onnx("Reciprocal", x), zero))
