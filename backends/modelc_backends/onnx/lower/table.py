"""The table of lowerings: which function turns which canonical op into ops of ONNX."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import TypeAlias

from modelc.ir.op import Value
from modelc_backends.onnx.lower.site import Site

Lowered: TypeAlias = Value | Sequence[Value | None]  # None stands for a result that nobody reads
Lowering: TypeAlias = Callable[[Site], Lowered]

_LOWERINGS: dict[str, Lowering] = {}


def lowers(*op_types: str) -> Callable[[Lowering], Lowering]:
    """Register the lowering of the Graph Engine's `op_types`."""

    def register(function: Lowering) -> Lowering:
        _LOWERINGS.update(dict.fromkeys(op_types, function))
        return function

    return register


@cache
def _families() -> None:
    for module in iter_modules(import_module(__package__).__path__):
        import_module(f"{__package__}.{module.name}")


def lowering(op_type: str) -> Lowering | None:
    """Return the function that lowers ops of this type, None where there is none."""
    _families()
    return _LOWERINGS.get(op_type)


def op_types() -> list[str]:
    """Return the op types that can be lowered, sorted."""
    _families()
    return sorted(_LOWERINGS)
