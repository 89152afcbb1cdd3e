"""The table of lowerings: which function turns which TensorFlow op into canonical ops.

The modules of this package hold one family each and register with the decorator below::

    @lowers("Relu6")
    def _relu6(site: Site) -> Lowered:
        return site.ge("Relu6", site.inputs[0])
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from importlib import import_module
from typing import TypeAlias

from modelc.ir.op import Value
from modelc_passes.lower_tf.site import Site

FAMILIES = (
    "nn",
    "pool",
    "linear",
    "einsum",
    "math",
    "shape",
    "joining",
    "slicing",
    "gather",
    "reduce",
    "image",
    "fused",
)

Lowered: TypeAlias = Value | Sequence[Value | None]  # None stands for a result that nobody reads
Lowering: TypeAlias = Callable[[Site], Lowered]

_LOWERINGS: dict[str, Lowering] = {}


def lowers(*op_types: str) -> Callable[[Lowering], Lowering]:
    """Register the lowering of TensorFlow's `op_types`; a later registration wins."""

    def register(function: Lowering) -> Lowering:
        _LOWERINGS.update(dict.fromkeys(op_types, function))
        return function

    return register


@cache
def _families() -> None:
    for family in FAMILIES:
        import_module(f"{__package__}.{family}")


def lowering(op_type: str) -> Lowering | None:
    """Return the function that lowers ops of this type, None where there is none."""
    _families()
    return _LOWERINGS.get(op_type)


def op_types() -> list[str]:
    """Return the op types that are lowered by a function of their own, sorted."""
    _families()
    return sorted(_LOWERINGS)
