"""The table of lowerings: which function turns which TensorFlow op into canonical ops.

The modules of this package hold one family each and register with the decorator below::

    @lowers("Relu6")
    def _relu6(site: Site) -> Lowered:
        return site.ge("Relu6", site.inputs[0])
"""

from __future__ import annotations

from typing import Final

from modelc.rewrite.lowerings import Lowered, Lowerings
from modelc_passes.lower_tf.site import Site

__all__ = ["Lowered", "lowering", "lowers", "op_types"]

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

_TABLE: Final = Lowerings[Site](__package__, FAMILIES)
lowers, lowering, op_types = _TABLE.lowers, _TABLE.lowering, _TABLE.op_types
