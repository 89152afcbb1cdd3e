"""The canonical dialect: the operator set of Ascend's Graph Engine.

Prototypes are data (`prototypes.json`, only entries from Apache- or BSD-licensed headers); what an op means is
registered by the family modules.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from importlib.resources import files
from typing import Any

from modelc.ir.opdef import PURE, AttributeDef, Dialect, Mode, OpDef, Slot
from modelc.ir.types import ELEMENTS, STRING

FAMILIES = (
    *("elementwise", "activation", "conversion", "nn", "normalization", "pool", "linear"),
    *("shape", "making", "joining", "diagonals", "slicing", "padding", "gather", "segments", "lookup"),
    *("reduce", "ranking", "boxes", "image", "preprocessing", "color", "control", "effects"),
    *("integrals", "incomplete", "decompositions", "fourier", "sequences", "sets", "sampling", "learning"),
    *("random", "crops", "candidates", "ascend", "attribute_forms"),
)


_NAMED = {
    ("string" if e is STRING else e.numpy): e for e in ELEMENTS.values() if e.family not in ("quantized", "opaque")
}


@cache
def _data() -> Mapping[str, Any]:
    data: Mapping[str, Any] = json.loads(files(__package__).joinpath("prototypes.json").read_text("utf-8"))
    return data


@cache
def _families() -> None:
    for family in FAMILIES:
        import_module(f"{__package__}.{family}")


def kinds() -> tuple[str, ...]:
    """Return the name of every prototype."""
    return tuple(_data()["ops"])


def find(name: str) -> OpDef | None:
    """Return the definition of the GE operator `name`, None when there is no such prototype."""
    entry = _data()["ops"].get(name)
    if entry is None:
        return None
    _families()
    from modelc.dialects.ge.semantics import EVALUATE, INFER, TRAITS

    return OpDef(
        f"ge.{name}",
        operands=tuple(_slot(entry, operand, "dynamic") for operand in entry["inputs"]),
        results=tuple(_slot(entry, result, "dynamic_outputs") for result in entry["outputs"]),
        attributes={key: _attribute(key, value) for key, value in entry.get("attrs", {}).items()},
        traits=TRAITS.get(name, frozenset({PURE})),
        infer=INFER.get(name),
        evaluate=EVALUATE.get(name),
        subgraphs=tuple(entry.get("subgraphs", ())),
    )


def _slot(entry: Mapping[str, Any], name: str, dynamic: str) -> Slot:
    mode = Mode.REQUIRED
    if name in entry.get("optional", ()):
        mode = Mode.OPTIONAL
    if name in entry.get(dynamic, ()):
        mode = Mode.DYNAMIC
    elements = frozenset(_data()["dtype_sets"].get(entry.get("dtypes", {}).get(name, ""), ()))
    return Slot(name, mode, frozenset() if "*" in elements else elements)


def _attribute(name: str, entry: Mapping[str, Any]) -> AttributeDef:
    default = entry.get("default")
    if isinstance(default, list):
        default = tuple(default)
    if entry["type"] == "Type":
        default = _NAMED.get(str(default))
    return AttributeDef(name, entry["type"], default, bool(entry.get("required")))


DIALECT = Dialect("ge", find, kinds)
