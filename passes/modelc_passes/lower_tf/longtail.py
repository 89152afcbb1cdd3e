"""Lowering by data: ops that the Graph Engine takes as they are, with the attributes that its prototype declares."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from modelc.dialects.ge.dtypes import cpp_number
from modelc.dialects.lookup import op_def
from modelc.dialects.tf.registry import TfArg
from modelc.dialects.tf.registry import op_def as tf_op_def
from modelc.ir.attributes import Attribute, ShapeAttribute
from modelc.ir.op import Value
from modelc.ir.opdef import AttributeDef, Mode, OpDef, Slot
from modelc.ir.types import Element, TensorType, Type
from modelc_passes.lower_tf.site import Site, UnsupportedFormError
from modelc_passes.lower_tf.table import Lowered
from modelc_passes.shared.common import counted


@cache
def counterparts() -> Mapping[str, str]:
    """Return the Graph Engine's operator for each TensorFlow op type that has one."""
    table = json.loads(files("modelc_passes.data").joinpath("tf_to_ge.json").read_text("utf-8"))
    return {**{name: name for name in table["same"]}, **table["renamed"]}


def lower_by_data(site: Site) -> Lowered | None:
    """Return what stands for an op by the table of counterparts, None where it has no counterpart."""
    kind = counterparts().get(site.op_type)
    definition = None if kind is None else op_def(f"ge.{kind}")
    if kind is None or definition is None or _holds_handles(site):
        return None
    operands = _operands(site, definition)
    attributes = _attributes(site, definition)
    if definition.infer is None:
        op = site.rw.build(definition.kind, operands, attributes, types=_types(site, definition))
        return _fitted(site, op.results)
    return _fitted(site, site.many(kind, *operands, **attributes))


def _holds_handles(site: Site) -> bool:
    values = (*site.inputs, *(value for value in site.op.results if value.readers))
    return any(not isinstance(value.type, TensorType) for value in values)


# -- operands


def _is_list(argument: TfArg) -> bool:
    return argument.number_attr is not None or argument.list_attr is not None


def _operands(site: Site, definition: OpDef) -> list[Value]:
    declared = tf_op_def(site.op_type)
    slots = definition.operands
    if declared is not None:
        lists = [_is_list(argument) for argument in declared.inputs]
        if lists != [slot.mode is Mode.DYNAMIC for slot in slots[: len(lists)]]:
            raise UnsupportedFormError(f"has other operands than the Graph Engine's {definition.kind[3:]}")
    if any(slot.mode is Mode.DYNAMIC for slot in slots):
        return list(site.inputs)
    required = sum(slot.mode is Mode.REQUIRED for slot in slots)
    if not required <= len(site.inputs) <= len(slots):
        wanted = f"{definition.kind[3:]} of the Graph Engine takes {required}"
        raise UnsupportedFormError(f"has {counted(len(site.inputs), 'operand')}, {wanted}")
    return [_fit(site, value, slot) for value, slot in zip(site.inputs, slots, strict=False)]


def _fit(site: Site, value: Value, slot: Slot) -> Value:
    if slot.elements and "i64" not in slot.elements and "i32" in slot.elements:
        return site.narrow(value, slot.name)
    return value


# -- attributes

# The operands fit where they are compatible, and nothing fits where they are not.
_HARMLESS = frozenset({"incompatible_shape_error"})


def _need_no_more(site: Site, definition: OpDef) -> None:
    """Refuse an attribute that says something which the prototype cannot say; types follow from operands."""
    declared = tf_op_def(site.op_type)
    for name, attribute in declared.attributes.items() if declared is not None else ():
        if name in definition.attributes or name in _HARMLESS or attribute.required or attribute.kind == "type":
            continue
        default = tuple(attribute.default) if isinstance(attribute.default, list) else attribute.default
        if site.op.attributes.get(name, default) != default:
            raise UnsupportedFormError(f"states `{name}`, which {definition.kind[3:]} of the Graph Engine cannot")


def _attributes(site: Site, definition: OpDef) -> dict[str, Attribute]:
    _need_no_more(site, definition)
    attributes: dict[str, Attribute] = {}
    for name, declared in definition.attributes.items():
        given = site.op.attributes.get(name)
        if given is not None:
            attributes[name] = _converted(given, declared)
        elif declared.required and name == "N":
            attributes[name] = len(site.inputs)
        elif declared.required:
            raise UnsupportedFormError(
                f"does not state `{name}`, which {definition.kind[3:]} of the Graph Engine needs"
            )
    return attributes


def _converted(value: Attribute, declared: AttributeDef) -> Attribute:
    if declared.kind == "Int" and isinstance(value, Element):
        return cpp_number(value)
    if declared.kind == "Float" and isinstance(value, int):
        return float(value)
    if declared.kind == "ListInt" and isinstance(value, ShapeAttribute):
        return tuple(dim if isinstance(dim, int) else -1 for dim in value.dims or ())
    return value


# -- results


def _types(site: Site, definition: OpDef) -> list[Type]:
    types = [value.type for value in site.op.results if isinstance(value.type, TensorType)]
    if any(slot.mode is Mode.DYNAMIC for slot in definition.results):
        return list(types)
    missing = len(definition.results) - len(types)
    return [*types[: len(definition.results)], *[TensorType(None)] * missing]


def _fitted(site: Site, values: tuple[Value, ...]) -> Lowered:
    results = [value for value in site.op.results if isinstance(value.type, TensorType)]
    if any(value.readers for value in results[len(values) :]):
        raise UnsupportedFormError(
            f"gives {len(results)} results that are read, the Graph Engine's form has {len(values)}"
        )
    return [*values[: len(results)], *[None] * (len(results) - len(values))]
