"""Random arrays for cases in tables: the same in every run."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

_RNG = np.random.default_rng(0)


def floats(*shape: int, dtype: Any = np.float32) -> Array:
    """Return numbers around 0, few of them above 10."""
    return (_RNG.standard_normal(shape) * 4).astype(dtype)


def ints(high: int, *shape: int, dtype: Any = np.int32) -> Array:
    """Return integers from 0 up to, not including, `high`."""
    return _RNG.integers(0, high, shape).astype(dtype)
