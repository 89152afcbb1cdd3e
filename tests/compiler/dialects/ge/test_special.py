"""Special functions in double precision, against an independent implementation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

Array = NDArray[Any]
Apply = Callable[..., list[Array]]

sp = pytest.importorskip("scipy.special")

RNG = np.random.default_rng(0)
LINE = np.concatenate([np.linspace(-60, 60, 1201), [-0.0, 1e-10, 1e-5, 0.5, 1, 2, 1e6]])
POSITIVE = np.concatenate([RNG.gamma(1, 20, 500), [1e-3, 0.5, 1, 2, 200]])
ABOVE, BELOW = RNG.permutation(POSITIVE), RNG.permutation(POSITIVE)
SHARES = np.concatenate([RNG.random(POSITIVE.size - 2), [0.0, 1.0]])

UNARY: dict[str, Callable[[Array], Array]] = {
    "BesselI0e": lambda x: sp.i0e(x),
    "BesselI1e": lambda x: sp.i1e(x),
    "Dawsn": lambda x: sp.dawsn(x),
    "Digamma": lambda x: np.where((x <= 0) & (x == np.floor(x)), np.nan, sp.digamma(x)),
    "Erf": lambda x: sp.erf(x),
    "Erfc": lambda x: sp.erfc(x),
    "Expint": lambda x: np.where(x < 0, np.nan, sp.expi(x)),
    "FresnelCos": lambda x: sp.fresnel(x)[1],
    "FresnelSin": lambda x: sp.fresnel(x)[0],
    "Lgamma": lambda x: sp.gammaln(x),
    "Spence": lambda x: sp.spence(x),
}
SEVERAL: dict[str, tuple[Callable[..., Array], tuple[Array, ...]]] = {
    "Betainc": (lambda a, b, x: sp.betainc(a, b, x), (ABOVE, BELOW, SHARES)),
    "Igamma": (lambda a, x: sp.gammainc(a, x), (ABOVE, BELOW)),
    "Igammac": (lambda a, x: sp.gammaincc(a, x), (ABOVE, BELOW)),
    "Zeta": (lambda x, q: sp.zeta(x, q), (1 + ABOVE / 10, BELOW)),
}


def close(found: Array, expected: Array) -> None:
    np.testing.assert_allclose(found, expected, rtol=5e-12, atol=1e-300)


@pytest.mark.parametrize("kind", UNARY)
def test_functions_of_one_number(kind: str, apply: Apply) -> None:
    with np.errstate(all="ignore"):
        close(apply(kind, LINE)[0], UNARY[kind](LINE))


@pytest.mark.parametrize("kind", SEVERAL)
def test_functions_of_several_numbers(kind: str, apply: Apply) -> None:
    function, operands = SEVERAL[kind]
    close(apply(kind, *operands)[0], function(*operands))


@pytest.mark.parametrize("kind", ["BesselI0e", "Dawsn", "Expint", "FresnelSin", "Spence"])
def test_half_precision_is_rounded_once(kind: str, apply: Apply) -> None:
    x = np.linspace(0.1, 9, 50).astype(np.float16)
    expected = UNARY[kind](x.astype(np.float64)).astype(np.float16)
    np.testing.assert_allclose(apply(kind, x)[0].astype(np.float64), expected.astype(np.float64), rtol=1e-3)


def test_the_slope_of_the_incomplete_gamma_function(apply: Apply) -> None:
    step = 1e-6
    (slope,) = apply("IgammaGradA", ABOVE, BELOW)
    expected = (sp.gammainc(ABOVE + step, BELOW) - sp.gammainc(ABOVE - step, BELOW)) / (2 * step)
    np.testing.assert_allclose(slope, expected, atol=1e-7)


@pytest.mark.parametrize(
    ("kind", "operands", "expected"),
    [
        ("Expint", [0.0], -np.inf),
        ("Expint", [np.inf], np.inf),
        ("FresnelSin", [np.inf], 0.5),
        ("FresnelCos", [-np.inf], -0.5),
        ("Dawsn", [np.inf], 0.0),
        ("Spence", [-1.0], np.nan),
        ("Igamma", [1.0, 0.0], 0.0),
        ("Igamma", [1.0, np.inf], 1.0),
        ("Igamma", [-1.0, 1.0], np.nan),
        ("Igammac", [2.0, 0.0], 1.0),
        ("Igammac", [2.0, -1.0], np.nan),
        ("Betainc", [1.0, 1.0, 1.5], np.nan),
        ("Zeta", [1.0, 3.0], np.inf),
        ("Zeta", [0.5, 3.0], np.nan),
        ("Zeta", [2.0, -1.0], np.inf),
        ("Zeta", [3.0, -1.0], np.nan),
    ],
)
def test_edges(kind: str, operands: list[float], expected: float, apply: Apply) -> None:
    (found,) = apply(kind, *(np.array(operand) for operand in operands))
    np.testing.assert_array_equal(found, expected)
