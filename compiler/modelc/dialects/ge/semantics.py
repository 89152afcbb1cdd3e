"""What the ops of the canonical dialect mean: inference and evaluation, registered per kind beside each other.

The modules of this package hold one family each. A module registers with the decorators below::

    @infers("Relu", "Tanh")
    def _same(op: Op) -> list[Type]: ...

    @evaluates("Relu")
    def _relu(op: Op, x: Arrays) -> list[Array]: ...
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from modelc.ir.op import Op
from modelc.ir.opdef import Evaluate, Infer

Array: TypeAlias = NDArray[Any]
Arrays: TypeAlias = Sequence[NDArray[Any]]

INFER: dict[str, Infer] = {}
EVALUATE: dict[str, Evaluate] = {}
TRAITS: dict[str, frozenset[str]] = {}  # kinds whose traits are not simply `pure`


def infers(*kinds: str) -> Callable[[Infer], Infer]:
    """Register type inference for `kinds`, names of GE operators."""

    def register(function: Infer) -> Infer:
        _need_new(INFER, kinds)
        INFER.update(dict.fromkeys(kinds, function))
        return function

    return register


def evaluates(*kinds: str) -> Callable[[Evaluate], Evaluate]:
    """Register evaluation for `kinds`, names of GE operators.

    What is registered never gives numpy's warnings, and returns arrays where `function` returns numpy's scalars.
    """

    def register(function: Evaluate) -> Evaluate:
        _need_new(EVALUATE, kinds)
        EVALUATE.update(dict.fromkeys(kinds, _quietly(function)))
        return function

    return register


def _need_new(table: Mapping[str, object], kinds: Sequence[str]) -> None:
    """Raise for a kind that already means something: of two meanings, one would be lost in silence."""
    known = [kind for kind in kinds if kind in table]
    if known:
        raise ValueError(f"{', '.join(known)} is registered twice")


def _quietly(function: Evaluate) -> Evaluate:
    @wraps(function)
    def quiet(op: Op, arrays: Arrays) -> list[Array]:
        with np.errstate(all="ignore"):
            return [_array(result) for result in function(op, arrays)]

    return quiet


def _array(result: Any) -> Array:
    # numpy gives a scalar where it is asked for an array without dimensions, and a string is not one of its scalars.
    if isinstance(result, np.ndarray):
        return result
    return np.asarray(result, dtype=object if isinstance(result, bytes | str) else None)
