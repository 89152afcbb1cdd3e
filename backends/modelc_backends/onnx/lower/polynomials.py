"""Functions that ONNX lacks, or that onnxruntime computes too coarsely, by polynomials through values of our own.

A function is taken apart into logarithms, reciprocals and one or two smooth factors; a factor becomes the polynomial
that meets it in Chebyshev points, to a precision beyond that of single precision.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, TypeAlias

import numpy as np
from numpy.polynomial import Chebyshev, Polynomial
from numpy.typing import NDArray

from modelc.ir.op import Value
from modelc.ir.types import F64
from modelc_backends.onnx.lower.elementwise import affine
from modelc_backends.onnx.lower.site import Site

Doubles: TypeAlias = NDArray[np.float64]


def approximated(
    site: Site, x: Value, factor: Callable[[Doubles], Doubles], low: float, high: float, degree: int
) -> Value:
    """Return a polynomial in `x`, of doubles between `low` and `high`, that is close to `factor` there."""
    t = affine(site, x, 2 / (high - low), -(high + low) / (high - low))
    *rest, result = (site.constant(each, F64) for each in _coefficients(factor, low, high, degree))
    for coefficient in reversed(rest):
        result = site.onnx("Add", site.onnx("Mul", result, t), coefficient)
    return result


@cache
def _coefficients(factor: Callable[[Doubles], Doubles], low: float, high: float, degree: int) -> tuple[float, ...]:
    """Return the coefficients, in a variable that runs from -1 to 1."""
    with np.errstate(all="ignore"):
        series: Any = Chebyshev.interpolate(factor, degree, [low, high])
    polynomial: Any = Chebyshev(series.coef).convert(kind=Polynomial)
    return tuple(float(each) for each in polynomial.coef)


def where(site: Site, kind: str, x: Value, limit: float, then: Value, otherwise: Value) -> Value:
    """Return `then` where doubles compare with a number as `kind` says, else `otherwise`."""
    return site.onnx("Where", site.onnx(kind, x, site.constant(limit, F64)), then, otherwise)
