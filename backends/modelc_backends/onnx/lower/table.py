"""The table of lowerings: which function turns which canonical op into ops of ONNX."""

from __future__ import annotations

from typing import Final

from modelc.rewrite.lowerings import Lowered, Lowerings
from modelc_backends.onnx.lower.site import Site

__all__ = ["Lowered", "lowering", "lowers", "op_types"]

_TABLE: Final = Lowerings[Site](__package__)
lowers, lowering, op_types = _TABLE.lowers, _TABLE.lowering, _TABLE.op_types
