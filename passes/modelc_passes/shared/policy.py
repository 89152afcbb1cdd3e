"""What becomes of TensorFlow ops that only training, data loading or a server needs: a table in `data/`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from modelc.diagnostics.diagnostic import Fix
from modelc.dialects.tf.registry import op_def
from modelc.ir.op import Op
from modelc_passes.shared.common import tf_type

FORWARD, DROP, FREEZE, REJECT, WARN = "forward", "drop", "freeze", "reject", "warn"


@dataclass(frozen=True, slots=True)
class Family:
    """A family of TensorFlow ops and what a compilation does with it.

    Attributes:
        name: Its name.
        action: `forward` the first operand, `drop` the op, leave it to `freeze`, `reject` or `warn`.
        code: Code of the finding where there is one.
        what: A noun for one op of it, for the finding.
        why: Why that matters, a clause.
        effect: Whether an op counts although nobody reads its results.
        fixes: Ways out.
    """

    name: str
    action: str
    code: str = ""
    what: str = ""
    why: str = ""
    effect: bool = False
    fixes: tuple[Fix, ...] = ()


@cache
def family(op_type: str) -> Family | None:
    """Return the family the op type belongs to, None for an op that inference may hold."""
    for entry, match, exceptions in _table():
        if match.fullmatch(op_type) and not (exceptions and exceptions.fullmatch(op_type)):
            return entry
    return None


def family_of(op: Op) -> Family | None:
    """Return the family `op` belongs to, None for an op that inference may hold or one of another dialect."""
    op_type = tf_type(op)
    return family(op_type) if op_type else None


def is_write(op: Op) -> bool:
    """Whether `op` changes a variable other than as an optimizer does."""
    entry = family_of(op)
    return entry is not None and entry.name == "write"


def has_effect(op: Op) -> bool:
    """Whether `op` changes something that lasts, so that it counts although nobody reads its results."""
    entry = family_of(op)
    return entry is not None and (entry.effect or entry.name == "write")


@cache
def is_ordered(op_type: str) -> bool:
    """Whether it matters before or after what else an op of this type runs."""
    definition = op_def(op_type)
    return definition is not None and definition.stateful


@cache
def _table() -> list[tuple[Family, re.Pattern[str], re.Pattern[str] | None]]:
    text = files("modelc_passes").joinpath("data/tf_policy.json").read_text("utf-8")
    return [
        (_family(entry), _pattern(entry["match"]), _pattern(entry["except"]) if "except" in entry else None)
        for entry in json.loads(text)["families"]
    ]


def _family(entry: Mapping[str, Any]) -> Family:
    values = {key: entry[key] for key in ("name", "action", "code", "what", "why", "effect") if key in entry}
    return Family(**values, fixes=tuple(Fix(text, flag) for text, flag in entry.get("fixes", ())))


def _pattern(alternatives: Sequence[str]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{alternative})" for alternative in alternatives))
