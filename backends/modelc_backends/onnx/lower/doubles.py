"""Ops of ONNX that onnxruntime computes in single precision only, written out for doubles."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Final

import numpy as np

from modelc.dialects.ge import special
from modelc.dialects.ge.activation import ROOT_2_OVER_PI, SELU_ALPHA, SELU_SCALE
from modelc.ir.op import Value
from modelc.ir.types import F64
from modelc_backends.onnx.lower.elementwise import affine, expm1
from modelc_backends.onnx.lower.polynomials import Doubles, approximated, where
from modelc_backends.onnx.lower.site import DOUBLES, Site

# -- logarithms and hyperbolic functions

_LARGE = 1e8  # from here on, adding 1 to a square changes nothing


def log1p(site: Site, x: Value) -> Value:
    """Return log(1 + x), with what rounding 1 + x has lost where that matters."""
    u = affine(site, x, 1, 1)
    lost = site.onnx("Div", site.onnx("Sub", affine(site, u, 1, -1), x), u)
    lost = where(site, "Less", site.onnx("Abs", x), 0.5, lost, site.constant(0, F64))
    return site.onnx("Sub", site.onnx("Log", u), lost)


def _sinh(site: Site, x: Value) -> Value:
    return affine(site, site.onnx("Sub", expm1(site, x), expm1(site, site.onnx("Neg", x))), 0.5)


def _cosh(site: Site, x: Value) -> Value:
    return affine(site, site.onnx("Add", site.onnx("Exp", x), site.onnx("Exp", site.onnx("Neg", x))), 0.5)


def _asinh(site: Site, x: Value) -> Value:
    size = site.onnx("Abs", x)
    square = site.onnx("Mul", size, size)
    root = affine(site, site.onnx("Sqrt", affine(site, square, 1, 1)), 1, 1)
    near = log1p(site, site.onnx("Add", size, site.onnx("Div", square, root)))
    return site.onnx("Mul", site.onnx("Sign", x), _unless_large(site, size, near))


def _acosh(site: Site, x: Value) -> Value:
    above = affine(site, x, 1, -1)
    root = site.onnx("Sqrt", site.onnx("Mul", above, affine(site, above, 1, 2)))
    return _unless_large(site, x, log1p(site, site.onnx("Add", above, root)))


def _unless_large(site: Site, size: Value, near: Value) -> Value:
    """Return `near` where `size` is moderate, else log(2 size)."""
    return where(site, "Greater", size, _LARGE, affine(site, site.onnx("Log", size), 1, math.log(2)), near)


def _atanh(site: Site, x: Value) -> Value:
    size = site.onnx("Abs", x)
    ratio = site.onnx("Div", affine(site, size, 2), affine(site, size, -1, 1))
    return site.onnx("Mul", site.onnx("Sign", x), affine(site, log1p(site, ratio), 0.5))


# -- angles


def _tan(site: Site, x: Value) -> Value:
    return site.onnx("Div", site.onnx("Sin", x), site.onnx("Cos", x))


def _angle_factor(square: Doubles) -> Doubles:
    """Return atan(x) / x as a function of the square of x."""
    x = np.sqrt(square)
    return np.where(x == 0, 1, np.arctan(x) / x)


def _atan(site: Site, x: Value) -> Value:
    size = site.onnx("Abs", x)
    inverse = site.onnx("Reciprocal", size)
    within = where(site, "Greater", size, 1, inverse, size)
    factor = approximated(site, site.onnx("Mul", within, within), _angle_factor, 0, 1, 18)
    angle = site.onnx("Mul", within, factor)
    angle = where(site, "Greater", size, 1, affine(site, angle, -1, math.pi / 2), angle)
    return site.onnx("Mul", site.onnx("Sign", x), angle)


def _asin(site: Site, x: Value) -> Value:
    product = site.onnx("Mul", affine(site, x, -1, 1), affine(site, x, 1, 1))
    return _atan(site, site.onnx("Div", x, site.onnx("Sqrt", product)))


def _acos(site: Site, x: Value) -> Value:
    ratio = site.onnx("Div", affine(site, x, -1, 1), affine(site, x, 1, 1))
    return affine(site, _atan(site, site.onnx("Sqrt", ratio)), 2)


# -- the error function: near 0 a polynomial, far from it what is missing to 1

_EDGE, _END = 2.0, 26.0


def _erf_factor(square: Doubles) -> Doubles:
    """Return erf(x) / x as a function of the square of x."""
    x = np.sqrt(square)
    return np.where(x == 0, 2 / special.ROOT_PI, special.erf(x) / x)


def _scaled_erfc(inverse: Doubles) -> Doubles:
    """Return exp(x^2) erfc(x) as a function of 1 / x."""
    x = 1 / inverse
    return np.asarray(np.exp(x * x) * special.erfc(x))


def _erf(site: Site, x: Value) -> Value:
    near, tail = _near_and_tail(site, x)
    far = site.onnx("Mul", site.onnx("Sign", x), affine(site, tail, -1, 1))
    return where(site, "Less", site.onnx("Abs", x), _EDGE, near, far)


def erfc(site: Site, x: Value) -> Value:
    """Return 1 - erf(x), which has all its digits far above 0 too."""
    near, tail = _near_and_tail(site, x)
    far = where(site, "Less", x, 0, affine(site, tail, -1, 2), tail)
    return where(site, "Less", site.onnx("Abs", x), _EDGE, affine(site, near, -1, 1), far)


def _near_and_tail(site: Site, x: Value) -> tuple[Value, Value]:
    """Return erf(x), right where x is near 0, and erfc(|x|), right where it is not."""
    size, edge, end = site.onnx("Abs", x), site.constant(_EDGE, F64), site.constant(_END, F64)
    inside = site.onnx("Min", size, edge)
    factor = approximated(site, site.onnx("Mul", inside, inside), _erf_factor, 0, _EDGE * _EDGE, 20)
    outside = site.onnx("Min", site.onnx("Max", size, edge), end)
    scaled = approximated(site, site.onnx("Reciprocal", outside), _scaled_erfc, 1 / _END, 1 / _EDGE, 18)
    decay = site.onnx("Exp", site.onnx("Neg", site.onnx("Mul", size, size)))
    return site.onnx("Mul", x, factor), site.onnx("Mul", decay, scaled)


# -- activations


def _softplus(site: Site, x: Value) -> Value:
    decay = site.onnx("Exp", site.onnx("Neg", site.onnx("Abs", x)))
    return site.onnx("Add", site.onnx("Relu", x), log1p(site, decay))


def _elu(site: Site, x: Value, alpha: float = 1.0) -> Value:
    return where(site, "Less", x, 0, affine(site, expm1(site, x), alpha), x)


def _selu(site: Site, x: Value, alpha: float = SELU_ALPHA, gamma: float = SELU_SCALE) -> Value:
    return affine(site, _elu(site, x, alpha), gamma)


def _leaky_relu(site: Site, x: Value, alpha: float = 0.01) -> Value:
    return where(site, "Greater", x, 0, x, affine(site, x, alpha))


def _prelu(site: Site, x: Value, slope: Value) -> Value:
    return where(site, "Greater", x, 0, x, site.onnx("Mul", x, slope))


def _thresholded_relu(site: Site, x: Value, alpha: float = 1.0) -> Value:
    return where(site, "Greater", x, alpha, x, site.constant(0, F64))


def _hard_sigmoid(site: Site, x: Value, alpha: float = 0.2, beta: float = 0.5) -> Value:
    return site.onnx("Clip", affine(site, x, alpha, beta), site.constant(0, F64), site.constant(1, F64))


def _hard_swish(site: Site, x: Value) -> Value:
    return site.onnx("Mul", x, _hard_sigmoid(site, x, 1 / 6))


def _softsign(site: Site, x: Value) -> Value:
    return site.onnx("Div", x, affine(site, site.onnx("Abs", x), 1, 1))


def _mish(site: Site, x: Value) -> Value:
    return site.onnx("Mul", x, site.onnx("Tanh", _softplus(site, x)))


def _gelu(site: Site, x: Value, approximate: str = "none") -> Value:
    if approximate == "none":
        return affine(site, site.onnx("Mul", x, erfc(site, affine(site, x, -math.sqrt(0.5)))), 0.5)
    cube = site.onnx("Mul", x, affine(site, site.onnx("Mul", x, x), 0.044715, 1))
    return affine(
        site, site.onnx("Mul", x, affine(site, site.onnx("Tanh", affine(site, cube, ROOT_2_OVER_PI)), 1, 1)), 0.5
    )


# By the name of the op of ONNX.
WRITTEN_OUT: Final[Mapping[str, Callable[..., Value]]] = {
    "Acos": _acos,
    "Acosh": _acosh,
    "Asin": _asin,
    "Asinh": _asinh,
    "Atan": _atan,
    "Atanh": _atanh,
    "Cosh": _cosh,
    "Elu": _elu,
    "Erf": _erf,
    "Gelu": _gelu,
    "HardSigmoid": _hard_sigmoid,
    "HardSwish": _hard_swish,
    "LeakyRelu": _leaky_relu,
    "Mish": _mish,
    "PRelu": _prelu,
    "Selu": _selu,
    "Sinh": _sinh,
    "Softplus": _softplus,
    "Softsign": _softsign,
    "Tan": _tan,
    "ThresholdedRelu": _thresholded_relu,
}
DOUBLES.update(WRITTEN_OUT)
