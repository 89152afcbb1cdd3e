"""What the ops of the canonical dialect mean: inference and evaluation, registered per kind beside each other.

The modules of this package hold one family each. A module registers with the decorators below::

    @infers("Relu", "Tanh")
    def _same(op: Op) -> list[Type]: ...

    @evaluates("Relu")
    def _relu(op: Op, x: Arrays) -> list[Array]: ...
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from numpy.typing import NDArray

from modelc.ir.opdef import Evaluate, Infer

Array: TypeAlias = NDArray[Any]
Arrays: TypeAlias = Sequence[NDArray[Any]]

INFER: dict[str, Infer] = {}
EVALUATE: dict[str, Evaluate] = {}
TRAITS: dict[str, frozenset[str]] = {}  # kinds whose traits are not simply `pure`


def infers(*kinds: str) -> Callable[[Infer], Infer]:
    """Register type inference for `kinds`, names of GE operators."""

    def register(function: Infer) -> Infer:
        INFER.update(dict.fromkeys(kinds, function))
        return function

    return register


def evaluates(*kinds: str) -> Callable[[Evaluate], Evaluate]:
    """Register evaluation for `kinds`, names of GE operators."""

    def register(function: Evaluate) -> Evaluate:
        EVALUATE.update(dict.fromkeys(kinds, function))
        return function

    return register
