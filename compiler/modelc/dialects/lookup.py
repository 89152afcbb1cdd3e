"""Which op definition belongs to a kind. Dialects are found through entry points and loaded on use."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from modelc.ir.op import Op
from modelc.ir.opdef import PURE, Dialect, InferenceError, OpDef
from modelc.ir.types import Type
from modelc.plugins import entry_table

GROUP = "modelc.dialects"

_added: dict[str, Dialect] = {}


def add_dialect(dialect: Dialect) -> None:
    """Make a dialect known that no distribution declares, such as a plugin file's."""
    _added[dialect.name] = dialect
    op_def.cache_clear()


@cache
def _installed(name: str) -> Dialect | None:
    entry = entry_table(GROUP).get(name)
    loaded = None if entry is None else entry.load()
    return loaded if isinstance(loaded, Dialect) else None


def dialect(name: str) -> Dialect | None:
    """Return the dialect called `name`, None when there is none. The core's own ops are the dialect ``""``."""
    return _added.get(name) or _installed(name or "core")


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
