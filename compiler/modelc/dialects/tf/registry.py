"""TensorFlow's own op definitions, read from `ops.json` when first asked for.

The table lists every op of a TensorFlow release with its arguments and attributes. It gives meaning to
`node:argument:index` references inside functions, restores attributes that were left out of a file because
they had their default, and types the results of ops.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

_ARGUMENT = re.compile(r"(?P<name>\w+):(?:(?P<number>\w+)\*)?(?P<ref>&?)(?:\[(?P<list>\w+)\]|(?P<type>\w+))")


@dataclass(frozen=True, slots=True)
class TfArg:
    """One input or output of an op, which stands for one tensor or for a list of them.

    Exactly one of `type_attr`, `element` and `list_attr` is set.
    """

    name: str
    type_attr: str | None = None  # the attribute that names the element type
    element: str | None = None  # the element type, when the op fixes it
    number_attr: str | None = None  # the attribute that counts the tensors
    list_attr: str | None = None  # the attribute that lists one element type per tensor
    is_ref: bool = False  # a reference to a TF1 variable


@dataclass(frozen=True, slots=True)
class TfAttr:
    """One attribute of an op: its kind in TensorFlow's words (`list(int)`) and its default, if it has one."""

    kind: str
    default: Any = None  # null is also the shape of unknown rank, so ask `required`
    required: bool = True


@dataclass(frozen=True, slots=True)
class TfOpDef:
    """The definition of an op."""

    name: str
    inputs: tuple[TfArg, ...]
    outputs: tuple[TfArg, ...]
    attributes: Mapping[str, TfAttr]
    stateful: bool = False
    commutative: bool = False


@cache
def op_def(name: str) -> TfOpDef | None:
    """Returns the definition of a TensorFlow op, or None when TensorFlow has no op of this name."""
    fields = _table().get(name)
    if not isinstance(fields, dict):
        return None
    attributes = fields.get("attrs", {})
    return TfOpDef(
        name,
        tuple(_argument(text, attributes) for text in fields.get("in", ())),
        tuple(_argument(text, attributes) for text in fields.get("out", ())),
        {key: _attribute(value) for key, value in attributes.items()},
        fields.get("stateful", False),
        fields.get("commutative", False),
    )


def op_names() -> list[str]:
    """Returns the names of all ops, sorted."""
    return [name for name, fields in _table().items() if isinstance(fields, dict)]


@cache
def _table() -> dict[str, Any]:
    text = files("modelc.dialects.tf").joinpath("ops.json").read_bytes()
    table: dict[str, Any] = json.loads(text)
    return table


def _argument(text: str, attributes: Mapping[str, Any]) -> TfArg:
    match = _ARGUMENT.fullmatch(text)
    if match is None:
        raise ValueError(f"ops.json: malformed argument {text!r}")
    name, number, ref, list_attr, what = match.group("name", "number", "ref", "list", "type")
    is_attribute = what in attributes
    return TfArg(
        name,
        type_attr=what if is_attribute else None,
        element=None if is_attribute else what,
        number_attr=number,
        list_attr=list_attr,
        is_ref=bool(ref),
    )


def _attribute(value: Any) -> TfAttr:
    if isinstance(value, str):
        return TfAttr(value)
    kind, default = value
    if kind == "float":
        default = float(default)
    return TfAttr(kind, default, required=False)
