"""Which op definition belongs to a kind. Dialects are found through entry points and loaded on use."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from modelc.ir.op import Op
from modelc.ir.opdef import PURE, Dialect, InferenceError, OpDef
from modelc.ir.types import Type
from modelc.plugins import Catalog

DIALECTS = Catalog("modelc.dialects", "dialect", "MC411", lambda item: item if isinstance(item, Dialect) else None)


def dialect(name: str) -> Dialect | None:
    """Return the dialect called `name`, None when there is none. The core's own ops are the dialect ``""``."""
    return DIALECTS.find(name or "core")


@cache
def op_def(kind: str) -> OpDef | None:
    """Return the definition of `kind`, None when no dialect knows it."""
    prefix, dot, rest = kind.partition(".")
    home = dialect(prefix if dot else "")
    return None if home is None else home.find(rest if dot else kind)


def infer_types(op: Op) -> Sequence[Type]:
    """Return the result types of `op`.

    Raises:
        InferenceError: The operands do not fit, or nothing is known about this kind.
    """
    definition = op_def(op.kind)
    if definition is None or definition.infer is None:
        raise InferenceError(f"nothing is known about the results of {op.kind}")
    return definition.infer(op)


def is_pure(op: Op) -> bool:
    """Whether `op` only computes its results from its operands: unread, it may be erased."""
    definition = op_def(op.kind)
    return definition is not None and PURE in definition.traits
