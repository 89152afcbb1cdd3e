"""The incomplete gamma and beta functions and the zeta function of Hurwitz."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from modelc.dialects.ge.arrays import widened
from modelc.dialects.ge.helpers import broadcast, common_element, operand, tensors
from modelc.dialects.ge.semantics import Array, Arrays, evaluates, infers
from modelc.dialects.ge.special import Doubles, Function, blockwise, digamma_of, lgamma_positive
from modelc.ir.op import Op
from modelc.ir.types import TensorType, Type

MOST = 5000  # steps of a series or fraction that has not settled
EPSILON = 2.0**-53
SMALLEST = 1e-300
STEP = 1e-30  # of a derivative along the imaginary axis: its square is nothing beside 1

Numbers: TypeAlias = NDArray[Any]  # doubles, or complex numbers whose imaginary part holds a derivative

# -- incomplete gamma functions


def _gamma_series(a: Numbers, x: Doubles) -> Numbers:
    """Return the sum over n of x^n / ((a + 1) ... (a + n)); it settles soon for x < a + 1."""
    term = total = np.ones_like(a)
    for n in range(1, MOST):
        term = term * x / (a + n)
        total = total + term
        if np.all(np.abs(term) <= np.abs(total) * EPSILON / 4):
            break
    return total


def _fraction(step: Callable[[int], tuple[Numbers, Numbers]], first: Numbers) -> Numbers:
    """Return first + n1 / (d1 + n2 / (d2 + ...)), where `step` gives numerator and denominator of each part."""
    value = upper = np.where(first == 0, SMALLEST, first)
    lower = np.zeros_like(value)
    for index in range(1, MOST):
        numerator, denominator = step(index)
        lower = denominator + numerator * lower
        lower = 1.0 / np.where(lower == 0, SMALLEST, lower)
        upper = denominator + numerator / upper
        upper = np.where(upper == 0, SMALLEST, upper)
        change = upper * lower
        value = value * change
        if np.all(~(np.abs(change - 1.0) > 2 * EPSILON)):
            break
    return value


def _gamma_fraction(a: Numbers, x: Doubles) -> Numbers:
    """Return the x + 1 - a - 1 (1 - a) / (x + 3 - a - ...) that divides the upper function; soon for x >= a + 1."""
    return _fraction(lambda n: (n * (a - n), x + (2 * n + 1) - a), x + 1.0 - a)


def _lower_gamma(a: Numbers, x: Doubles) -> Numbers:
    """Return the regularized lower incomplete gamma function for real parts of a above 0 and 0 < x < inf.

    The imaginary part of a carries through: with a step there, it is the derivative.
    """
    real = np.real(a)
    logs = real * np.log(x) - x - lgamma_positive(real + 1.0)
    scale = np.exp(logs)
    if a.dtype.kind == "c":
        scale = scale * (1.0 + 1j * np.imag(a) * (np.log(x) - digamma_of(real + 1.0)))
    by_series = x < real + 1.0
    series = scale * _gamma_series(a, np.where(by_series, x, 0.5 * real))
    upper = scale * a / _gamma_fraction(a, np.where(by_series, real + 2.0, x))
    return np.where(by_series, series, 1.0 - upper)


def _upper_gamma(a: Doubles, x: Doubles) -> Doubles:
    logs = a * np.log(x) - x - lgamma_positive(a + 1.0)
    by_series = x < a + 1.0
    series = 1.0 - np.exp(logs) * _gamma_series(a, np.where(by_series, x, 0.5 * a))
    return np.where(by_series, series, np.exp(logs) * a / _gamma_fraction(a, np.where(by_series, a + 2.0, x)))


def _slope_of_lower_gamma(a: Doubles, x: Doubles) -> Doubles:
    return np.imag(_lower_gamma(a + 1j * STEP, x)) / STEP


def _gamma(function: Callable[[Doubles, Doubles], Doubles], none: float, all_: float) -> Function:
    """Let `function` see only arguments that it can work with; `none` and `all_` are its values at x = 0 and inf."""

    def kernel(a: Doubles, x: Doubles) -> Doubles:
        wrong = ~(a > 0.0) | ~(x >= 0.0) | np.isposinf(a)
        usual = ~wrong & (x > 0.0) & np.isfinite(x)
        value = function(np.where(usual, a, 1.0), np.where(usual, x, 1.0))
        value = np.where(x == 0.0, none, np.where(np.isposinf(x), all_, value))
        unreached = np.isposinf(a) & np.isfinite(x) & (x >= 0.0)
        return np.where(unreached, none, np.where(wrong, np.nan, value))

    return blockwise(kernel)


# -- the incomplete beta function


def _beta_fraction(a: Doubles, b: Doubles, x: Doubles) -> Doubles:
    def step(n: int) -> tuple[Doubles, Doubles]:
        m = n // 2
        if n % 2:
            numerator = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        else:
            numerator = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        return numerator, np.ones_like(x)

    return np.asarray(1.0 / _fraction(step, np.ones_like(x)), np.float64)


def _betainc(a: Doubles, b: Doubles, x: Doubles) -> Doubles:
    wrong = ~(a > 0.0) | ~(b > 0.0) | ~((x >= 0.0) & (x <= 1.0)) | np.isinf(a) | np.isinf(b)
    usual = ~wrong & (x > 0.0) & (x < 1.0)
    a, b, y = np.where(usual, a, 1.0), np.where(usual, b, 1.0), np.where(usual, x, 0.5)
    mirrored = y > (a + 1.0) / (a + b + 2.0)
    p, q, z = np.where(mirrored, b, a), np.where(mirrored, a, b), np.where(mirrored, 1.0 - y, y)
    logs = lgamma_positive(p + q) - lgamma_positive(p) - lgamma_positive(q) + p * np.log(z) + q * np.log1p(-z)
    part = np.exp(logs) * _beta_fraction(p, q, z) / p
    value = np.where(mirrored, 1.0 - part, part)
    return np.where(wrong, np.nan, np.where(x == 0.0, 0.0, np.where(x == 1.0, 1.0, value)))


# -- the zeta function of Hurwitz

_ZETA_DIRECT = 12  # terms that are summed one by one
# B(2k) / (2k)!
_EULER_MACLAURIN = tuple(
    number / math.factorial(2 * k)
    for k, number in enumerate(
        (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510, 43867 / 798, -174611 / 330), 1
    )
)


def _zeta(x: Doubles, q: Doubles) -> Doubles:
    pole = (q <= 0.0) & (q == np.floor(q))
    wrong = (x < 1.0) | np.isnan(x) | np.isnan(q) | ((q <= 0.0) & ~pole & (x != np.floor(x)))
    usual = ~wrong & ~pole & (x > 1.0) & np.isfinite(x)
    s, start = np.where(usual, x, 2.0), np.where(usual, q, 1.0)
    below = np.maximum(0.0, np.ceil(-start.min(initial=0.0)))
    count = _ZETA_DIRECT + int(min(below, MOST))
    total = np.zeros_like(s)
    for n in range(count):
        total = total + np.power(start + n, -s)
    end = start + count
    power = np.power(end, -s)
    total = total + end * power / (s - 1.0) + 0.5 * power
    factor = s * power / end
    for k, coefficient in enumerate(_EULER_MACLAURIN):
        total = total + coefficient * factor
        factor = factor * (s + 2 * k + 1) * (s + 2 * k + 2) / (end * end)
    poles = np.where(x == np.floor(x), np.where(np.fmod(x, 2.0) == 0.0, np.inf, np.nan), np.nan)
    total = np.where(np.isposinf(x), np.where(q > 1.0, 0.0, np.where(q == 1.0, 1.0, np.inf)), total)
    return np.where(x == 1.0, np.inf, np.where(wrong, np.nan, np.where(pole, poles, total)))


FUNCTIONS: dict[str, Function] = {
    "Betainc": blockwise(_betainc),
    "Igamma": _gamma(_lower_gamma, 0.0, 1.0),
    "IgammaGradA": _gamma(_slope_of_lower_gamma, 0.0, 0.0),
    "Igammac": _gamma(_upper_gamma, 1.0, 0.0),
    "Zeta": blockwise(_zeta),
}


@infers(*FUNCTIONS)
def _infer_function(op: Op) -> list[Type]:
    operand(op, 2 if op.kind == "ge.Betainc" else 1)
    types = tensors(op)
    return [TensorType(common_element(op, types), broadcast(op, *(type_.shape for type_ in types)))]


@evaluates(*FUNCTIONS)
def _function(op: Op, arrays: Arrays) -> list[Array]:
    return [widened(partial(FUNCTIONS[op.kind.removeprefix("ge.")]))(*arrays)]
