"""Special functions that numpy lacks, close to the precision of doubles.

Each works on arrays of any floating-point type: in double precision, block by block so that the intermediate results
stay in the cache. The Chebyshev coefficients were computed for this file with 60 digits of precision from the
definitions of the functions they stand for.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeAlias

import numpy as np
from numpy.polynomial.chebyshev import chebval
from numpy.typing import NDArray

Doubles: TypeAlias = NDArray[np.float64]
Function: TypeAlias = Callable[..., NDArray[Any]]

BLOCK = 1 << 13  # elements worked on at a time
ROOT_PI = math.sqrt(math.pi)
FAR = 28.0  # beyond it erfc is below the smallest double
TINY = 1e-20  # below this, gamma(x) is 1 / x
STIRLING_FROM = 10.0  # from here on the asymptotic series of lgamma and digamma reach full precision

# erf(x) / x for |x| < 1, in 2 x^2 - 1
_ERF = np.array(
    (
        0.9754769393826541,
        -0.14226120510371365,
        0.010035582187599796,
        -0.0005768764699767485,
        2.741993125219606e-05,
        -1.1043175507344507e-06,
        3.8488755420345036e-08,
        -1.1808582533875466e-09,
        3.2334215826050907e-11,
        -7.991015947004549e-13,
        1.7990725113961456e-14,
        -3.718635487818693e-16,
        7.103599003714253e-18,
    )
)
# x exp(x^2) erfc(x) for x >= 1, in 8 / (x + 3) - 1
_ERFCX = np.array(
    (
        0.5270327699645345,
        -0.058438373634075017,
        -0.028760006767845146,
        -0.00942338429719674,
        -0.0023281563723139085,
        -0.00043730093384926333,
        -5.8303544643230866e-05,
        -4.043114560930833e-06,
        2.70898072771642e-07,
        9.965420547129235e-08,
        5.899419235825997e-09,
        -1.3859802863792783e-09,
        -2.3156333271134693e-10,
        1.5604196875242842e-11,
        6.283638983525689e-12,
        -1.2178727055545494e-13,
        -1.6752992531325616e-13,
        -3.133338732321978e-16,
        4.754423145110417e-15,
        2.4579810618655913e-17,
        -1.4571109178923862e-16,
        1.1939383999583008e-18,
        4.74192559805803e-18,
    )
)
# lgamma(x) / ((x - 1) (x - 2)) for 0.75 <= x <= 2.5, in (x - 1.625) / 0.875
_LGAMMA = np.array(
    (
        0.48915941315815786,
        -0.12977554826486654,
        0.0245354612663626,
        -0.005353988483172056,
        0.0012591174147457093,
        -0.00030963225697398393,
        7.839212330645153e-05,
        -2.0254130269358163e-05,
        5.311657438118483e-06,
        -1.4089924582539849e-06,
        3.771574253839643e-07,
        -1.017058277228891e-07,
        2.7595971567540684e-08,
        -7.526954057431332e-09,
        2.0623067439794526e-09,
        -5.672811330748482e-10,
        1.565857021462794e-10,
        -4.335582892584259e-11,
        1.2037731393275986e-11,
        -3.3506191164439386e-12,
        9.347323828257433e-13,
        -2.6130258986614765e-13,
        7.31843274080563e-14,
        -2.0532583042329677e-14,
        5.76980746014083e-15,
        -1.623749693219459e-15,
        4.575835232086181e-16,
        -1.2911408288161565e-16,
        3.6474674915270336e-17,
        -1.031549646051976e-17,
    )
)
# B(2k) / (2k (2k - 1)), the Stirling series of lgamma, and B(2k) / 2k, that of digamma
_STIRLING = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360, 1 / 156, -3617 / 122400)
_DIGAMMA = (1 / 12, -1 / 120, 1 / 252, -1 / 240, 1 / 132, -691 / 32760, 1 / 12, -3617 / 8160)


def blockwise(kernel: Callable[..., Doubles]) -> Function:
    """Make a function of doubles one of arrays of any floating-point type that broadcast, worked through in blocks."""

    @wraps(kernel)
    def function(*operands: NDArray[Any]) -> NDArray[Any]:
        arrays = np.broadcast_arrays(*operands) if len(operands) > 1 else operands
        flat = [np.ascontiguousarray(array).reshape(-1) for array in arrays]
        result = np.empty_like(flat[0])
        for start in range(0, result.size, BLOCK):
            blocks = (part[start : start + BLOCK].astype(np.float64) for part in flat)
            result[start : start + BLOCK] = kernel(*blocks).astype(result.dtype)
        return result.reshape(arrays[0].shape)

    return function


def _series(x: Doubles, coefficients: Doubles) -> Doubles:
    return np.asarray(chebval(x, coefficients), np.float64)


def _polynomial(x: Doubles, coefficients: tuple[float, ...]) -> Doubles:
    value = np.full_like(x, coefficients[-1])
    for coefficient in coefficients[-2::-1]:
        value = value * x + coefficient
    return value


# -- error functions


def _erf_near(x: Doubles) -> Doubles:
    return x * _series(2.0 * x * x - 1.0, _ERF)


def _scaled_erfc(x: Doubles) -> Doubles:
    """Return exp(x^2) erfc(x) for x >= 1."""
    return _series(8.0 / (x + 3.0) - 1.0, _ERFCX) / x


def _erfc_far(x: Doubles) -> Doubles:
    """Return erfc(x) for x >= 1."""
    x = np.minimum(x, FAR)
    # x^2 itself would lose digits: the square of the leading half of x is exact.
    high = x.astype(np.float32).astype(np.float64)
    return np.exp(-high * high) * np.exp(-(x - high) * (x + high)) * _scaled_erfc(x)


def _split(x: Doubles, near: Callable[[Doubles], Doubles], far: Callable[[Doubles], Doubles]) -> Doubles:
    """Apply `near` where |x| < 1 and `far` elsewhere, NaN included."""
    inside = np.abs(x) < 1.0
    if inside.all():
        return near(x)
    result = np.empty_like(x)
    result[inside] = near(x[inside])
    result[~inside] = far(x[~inside])
    return result


@blockwise
def erf(x: Doubles) -> Doubles:
    """Return the error function."""
    return _split(x, _erf_near, lambda far: np.copysign(1.0 - _erfc_far(np.abs(far)), far))


def _erfc(x: Doubles) -> Doubles:
    def far(outside: Doubles) -> Doubles:
        tail = _erfc_far(np.abs(outside))
        return np.where(outside < 0, 2.0 - tail, tail)

    return _split(x, lambda inside: 1.0 - _erf_near(inside), far)


@blockwise
def erfc(x: Doubles) -> Doubles:
    """Return the complementary error function."""
    return _erfc(x)


def _log_erfc(x: Doubles) -> tuple[Doubles, Doubles]:
    """Return log(erfc(x)) and its derivative for x >= 0."""
    far = np.maximum(x, 1.0)
    scaled = np.where(x < 1.0, np.exp(x * x) * _erfc(np.minimum(x, 1.0)), _scaled_erfc(far))
    return np.log(scaled) - x * x, -2.0 / (ROOT_PI * scaled)


def _inverse_erfc(q: Doubles) -> Doubles:
    """Return the x >= 0 with erfc(x) = q, for 0 <= q <= 1."""
    goal = np.log(np.maximum(q, np.finfo(np.float64).tiny))
    x = np.sqrt(np.maximum(0.0, -goal - np.log1p(np.sqrt(np.maximum(0.0, -goal)))))
    for _ in range(7):  # Newton's method on a concave function: from this start it converges for every q
        value, slope = _log_erfc(x)
        x = np.maximum(0.0, x - (value - goal) / slope)
    return np.where(q == 0.0, np.inf, x)


def _erfinv(y: Doubles) -> Doubles:
    size = np.abs(y)
    x = np.where(size < 0.5, 0.0, _inverse_erfc(np.clip(1.0 - size, 0.0, 1.0)))
    near: Doubles = size * (ROOT_PI / 2)
    for _ in range(5):
        inside = np.minimum(near, 0.7)
        near = inside - (_erf_near(inside) - np.minimum(size, 0.5)) * (ROOT_PI / 2) * np.exp(inside * inside)
    result = np.copysign(np.where(size < 0.5, near, x), y)
    return np.where(size > 1.0, np.nan, np.where(np.isnan(y), y, result))


@blockwise
def erfinv(y: Doubles) -> Doubles:
    """Return the inverse of the error function."""
    return _erfinv(y)


@blockwise
def ndtri(p: Doubles) -> Doubles:
    """Return the quantiles of the normal distribution."""
    tail = np.minimum(p, 1.0 - p)
    far = np.copysign(_inverse_erfc(np.clip(2.0 * tail, 0.0, 1.0)), p - 0.5)
    middle = np.abs(p - 0.5) < 0.25
    x = math.sqrt(2.0) * np.where(middle, _erfinv(np.where(middle, 2.0 * p - 1.0, 0.0)), far)
    return np.where((p < 0.0) | (p > 1.0), np.nan, np.where(np.isnan(p), p, x))


# -- gamma functions


def lgamma_positive(x: Doubles) -> Doubles:
    """Return log(gamma(x)) for x > 0."""
    low, middle = x < 0.75, (x >= 0.75) & (x <= 2.5)
    near = np.where(low, x + 1.0, np.where(middle, x, 1.0))
    from_series = (near - 1.0) * (near - 2.0) * _series((near - 1.625) / 0.875, _LGAMMA)
    far = np.where(low | middle, 3.0, x)
    shift = np.ones_like(x)
    for _ in range(int(STIRLING_FROM)):
        short = far < STIRLING_FROM
        shift = np.where(short, shift * far, shift)
        far = np.where(short, far + 1.0, far)
    logs = (far - 0.5) * np.log(far) - far
    stirling = logs + 0.5 * math.log(2.0 * math.pi) + _polynomial(1.0 / (far * far), _STIRLING) / far
    return np.where(
        low, from_series - np.log(x), np.where(middle, from_series, np.where(np.isinf(x), x, stirling - np.log(shift)))
    )


@blockwise
def lgamma(x: Doubles) -> Doubles:
    """Return the logarithm of the absolute value of the gamma function."""
    mirrored = lgamma_positive(np.where(x < 0.0, 1.0 - x, x))
    sine = np.abs(np.sin(np.pi * (x - np.round(x))))
    negative = np.where(sine == 0.0, np.inf, math.log(math.pi) - np.log(sine) - mirrored)
    negative = np.where(x > -TINY, -np.log(-x), negative)
    return np.where(np.isneginf(x), np.inf, np.where(x < 0.0, negative, mirrored))


@blockwise
def digamma(x: Doubles) -> Doubles:
    """Return the logarithmic derivative of the gamma function; NaN where x is 0 or a negative integer."""
    return digamma_of(x)


def digamma_of(x: Doubles) -> Doubles:
    """Return what `digamma` does, of doubles."""
    y = np.where(x < 0.0, 1.0 - x, x)
    sums = np.zeros_like(x)
    for _ in range(int(STIRLING_FROM)):
        short = y < STIRLING_FROM
        sums = np.where(short, sums - 1.0 / y, sums)
        y = np.where(short, y + 1.0, y)
    square = 1.0 / (y * y)
    positive = np.log(y) - 0.5 / y - square * _polynomial(square, _DIGAMMA) + sums
    rest = x - np.round(x)
    negative = np.where(rest == 0.0, np.nan, positive - np.pi / np.tan(np.pi * rest))
    return np.where(x < 0.0, negative, np.where(x == 0.0, np.nan, positive))
