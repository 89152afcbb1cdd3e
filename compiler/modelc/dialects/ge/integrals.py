"""Special functions that are defined by integrals: Bessel, Dawson, Fresnel, Spence and exponential integrals.

All are computed in double precision, close to the edge or far from it by series, between them by quadrature.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np

from modelc.dialects.ge.arrays import widened
from modelc.dialects.ge.helpers import operand
from modelc.dialects.ge.semantics import Array, Arrays, evaluates, infers
from modelc.dialects.ge.special import ROOT_PI, Doubles, Function, blockwise
from modelc.ir.op import Op
from modelc.ir.types import Type

EULER = 0.5772156649015329
NODES = 64  # of a quadrature
TERMS = 24  # of an asymptotic series, where its terms still fall

# -- Bessel functions

_BESSEL_FAR = 40.0  # from here on the asymptotic series reaches full precision


def _scaled_bessel(x: Doubles, order: int) -> Doubles:
    """Return exp(-|x|) I(|x|) of order 0 or 1."""
    size = np.abs(x)
    # The mean over a period of exp(|x| (cos t - 1)) cos(order t); equally spaced points converge exponentially.
    cosines = np.cos(np.arange(NODES) * (2 * math.pi / NODES))
    near = np.minimum(size, _BESSEL_FAR)
    mean = (np.exp(near[:, None] * (cosines - 1.0)) * cosines**order).mean(1)
    far = np.maximum(size, _BESSEL_FAR)
    total, term = np.ones_like(far), np.ones_like(far)
    for k in range(1, TERMS):
        term = term * ((2 * k - 1) ** 2 - 4 * order**2) / (8.0 * k * far)
        total = total + term
    return np.where(size < _BESSEL_FAR, mean, total / np.sqrt(2 * math.pi * far))


def _bessel_i0e(x: Doubles) -> Doubles:
    return np.where(np.isnan(x), x, _scaled_bessel(x, 0))


def _bessel_i1e(x: Doubles) -> Doubles:
    # Near 0 the mean cancels; there I1(x) = x/2 (1 + x^2/8 + ...).
    size = np.abs(x)
    tiny = size * 0.5 * (1.0 + size * size / 8.0) * np.exp(-size)
    value = np.where(size < 1e-3, tiny, _scaled_bessel(x, 1))
    return np.where(np.isnan(x), x, np.copysign(value, x))


# -- Dawson's integral

_DAWSON_STEP = 0.2  # the error of the sum falls as exp(-(pi / 2 / step)^2)
_DAWSON_REACH = 33


def _dawson(x: Doubles) -> Doubles:
    size = np.minimum(np.abs(x), 1e8)
    center = 2.0 * np.round(size / (2.0 * _DAWSON_STEP))
    rest = size - center * _DAWSON_STEP
    total = np.zeros_like(size)
    for n in range(-_DAWSON_REACH, _DAWSON_REACH + 1, 2):
        total = total + np.exp(-np.square(rest - n * _DAWSON_STEP)) / (n + center)
    inside = np.minimum(size, 0.5)
    series, term = np.zeros_like(size), inside
    for k in range(TERMS):
        series = series + term
        term = term * (-2.0 * inside * inside) / (2 * k + 3)
    value = np.where(size < 0.5, series, np.where(np.isinf(x), 0.0, total / ROOT_PI))
    value = np.where(np.abs(x) > 1e8, 0.5 / np.abs(x), value)
    return np.where(np.isnan(x), x, np.copysign(value, x))


# -- the exponential integral Ei, NaN for negative numbers

_EXPINT_FAR = 40.0


def _expint(x: Doubles) -> Doubles:
    inside = np.clip(x, 0.0, _EXPINT_FAR)
    near = EULER + np.log(inside)
    term = np.ones_like(inside)
    for k in range(1, 130):
        term = term * inside / k
        near = near + term / k
    far = np.maximum(x, _EXPINT_FAR)
    total, term = np.ones_like(far), np.ones_like(far)
    for k in range(1, 40):
        term = term * k / far
        total = total + term
    value = np.where(x < _EXPINT_FAR, near, np.exp(far) / far * total)
    return np.where(np.isposinf(x), np.inf, np.where(x < 0.0, np.nan, value))


# -- Fresnel integrals

_FRESNEL_FAR = 6.0  # up to here by quadrature


@cache
def _quadrature() -> tuple[Doubles, Doubles]:
    """Return nodes and weights of Gauss and Legendre on [0, 1]."""
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    return (nodes + 1.0) / 2.0, weights / 2.0


def _fresnel(x: Doubles) -> tuple[Doubles, Doubles]:
    """Return the integrals of sin(pi t^2 / 2) and cos(pi t^2 / 2) from 0 to |x|."""
    size = np.abs(x)
    nodes, weights = _quadrature()
    near = np.minimum(size, _FRESNEL_FAR)
    phases = math.pi / 2 * np.square(near[:, None] * nodes)
    far = np.clip(size, _FRESNEL_FAR, 1e150)
    # The auxiliary functions f and g, by their asymptotic series in 1 / (pi x^2)^2.
    z = math.pi * far * far
    f = g = term = np.ones_like(far)
    for m in range(1, 8):
        term = -term * (4 * m - 3) * (4 * m - 1) / (z * z)
        f = f + term
        g = g + term * (4 * m + 1)
    f, g = f / (math.pi * far), g / (math.pi * far * z)
    # The phase modulo a period: the square of x is split so that no digits are lost.
    turns = np.fmod(far * far, 4.0) * (math.pi / 2)
    sine = 0.5 - f * np.cos(turns) - g * np.sin(turns)
    cosine = 0.5 + f * np.sin(turns) - g * np.cos(turns)
    inside = size < _FRESNEL_FAR
    return (
        np.where(inside, near * (np.sin(phases) @ weights), sine),
        np.where(inside, near * (np.cos(phases) @ weights), cosine),
    )


def _fresnel_sin(x: Doubles) -> Doubles:
    return np.where(np.isnan(x), x, np.copysign(_fresnel(x)[0], x))


def _fresnel_cos(x: Doubles) -> Doubles:
    return np.where(np.isnan(x), x, np.copysign(_fresnel(x)[1], x))


# -- Spence's function, the dilogarithm of 1 - x

# B(n) / (n + 1)! of the even n from 2 on
_DILOGARITHM = tuple(
    number / math.factorial(2 * k + 3)
    for k, number in enumerate(
        (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510, 43867 / 798, -174611 / 330)
    )
)


def _spence_middle(x: Doubles) -> Doubles:
    """Return the function for x in [1/2, 2]."""
    u = -np.log(x)
    square = u * u
    series = np.zeros_like(u)
    for coefficient in reversed(_DILOGARITHM):
        series = series * square + coefficient
    return np.asarray(u * (1.0 - u / 4.0 + square * series))


def _spence(x: Doubles) -> Doubles:
    low, high = x < 0.5, x > 2.0
    middle = np.where(low, 1.0 - x, np.where(high, 1.0 / np.where(high, x, 1.0), x))
    value = _spence_middle(np.clip(middle, 0.25, 2.0))
    # 1/x lies below 1/2 for x > 2, where the function is mirrored once more.
    logs = np.log(np.maximum(x, np.finfo(np.float64).tiny))
    below = math.pi**2 / 6 - logs * np.log1p(-np.where(low, x, 0.0)) - value
    far = np.where(high, x, 3.0)
    inverse = 1.0 / far
    small = math.pi**2 / 6 - np.log(inverse) * np.log1p(-inverse) - _spence_middle(1.0 - inverse)
    above = -small - 0.5 * np.square(np.log(far))
    value = np.where(low, np.where(x == 0.0, math.pi**2 / 6, below), np.where(high, above, value))
    return np.where(np.isposinf(x), -np.inf, np.where(x < 0.0, np.nan, np.where(np.isnan(x), x, value)))


INTEGRALS: dict[str, Function] = {
    "BesselI0e": blockwise(_bessel_i0e),
    "BesselI1e": blockwise(_bessel_i1e),
    "Dawsn": blockwise(_dawson),
    "Expint": blockwise(_expint),
    "FresnelCos": blockwise(_fresnel_cos),
    "FresnelSin": blockwise(_fresnel_sin),
    "Spence": blockwise(_spence),
}


@infers(*INTEGRALS)
def _infer_integral(op: Op) -> list[Type]:
    return [operand(op, 0)]


@evaluates(*INTEGRALS)
def _integral(op: Op, arrays: Arrays) -> list[Array]:
    return [widened(INTEGRALS[op.kind.removeprefix("ge.")])(arrays[0])]
