"""Which operand of an op stands in which slot of its prototype."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from modelc.dialects.ge.dtypes import takes
from modelc.ir.op import Value
from modelc.ir.opdef import Mode, OpDef, Slot
from modelc.ir.types import NONE, TensorType

# ops whose last results older versions of the Graph Engine do not have
LEAST_RESULTS: Final = {"ge.BatchNorm": 5}


class SlotError(Exception):
    """Values do not fit the slots; the text is a clause that follows the op's name."""


def assign(slots: Sequence[Slot], count: int, noun: str) -> list[tuple[Slot, str]]:
    """Return the slot and the name of each of `count` values.

    Values of a slot that takes any number are named `x0`, `x1`, .... Where there are several such slots, all take
    equally many. An op with such a slot gives every other slot its value, if only an absent one; else trailing
    optional values may be left out.

    Args:
        slots: The slots of a prototype, in order.
        count: How many values there are.
        noun: What they are called in messages: `operand`.

    Raises:
        SlotError: There are too few or too many.
    """
    dynamic = sum(slot.mode is Mode.DYNAMIC for slot in slots)
    if not dynamic:
        return _assign_fixed(slots, count, noun)
    rest = count - (len(slots) - dynamic)
    if rest < 0 or rest % dynamic:
        raise SlotError(f"has {_counted(count, noun)}, which do not fill ({_signature(slots)})")
    return [
        (slot, f"{slot.name}{index}" if slot.mode is Mode.DYNAMIC else slot.name)
        for slot in slots
        for index in range(rest // dynamic if slot.mode is Mode.DYNAMIC else 1)
    ]


def _assign_fixed(slots: Sequence[Slot], count: int, noun: str) -> list[tuple[Slot, str]]:
    least = max((i for i, slot in enumerate(slots, 1) if slot.mode is Mode.REQUIRED), default=0)
    if not least <= count <= len(slots):
        raise SlotError(f"has {_counted(count, noun)}, its prototype has ({_signature(slots)})")
    return [(slot, slot.name) for slot in slots[:count]]


def result_slots(definition: OpDef, count: int) -> Sequence[Slot]:
    """Return the slots for `count` results: all, or those of an older version of the prototype."""
    least = LEAST_RESULTS.get(definition.kind, len(definition.results))
    return definition.results[: max(count, least)]


def dynamic_count(slots: Sequence[Slot], count: int) -> int | None:
    """Return how many of `count` values each slot for any number takes, None when there is no such slot."""
    dynamic = sum(slot.mode is Mode.DYNAMIC for slot in slots)
    return (count - len(slots) + dynamic) // dynamic if dynamic else None


def first_dynamic(slots: Sequence[Slot]) -> int:
    """Return how many values stand before those that a nested graph takes."""
    return next((index for index, slot in enumerate(slots) if slot.mode is Mode.DYNAMIC), 0)


def given(values: Sequence[Value], slots: Sequence[Slot]) -> tuple[Value, ...]:
    """Return `values` without absent ones at the end, where the slots allow to leave them out."""
    end = len(values)
    if not any(slot.mode is Mode.DYNAMIC for slot in slots):
        while end and values[end - 1].type is NONE:
            end -= 1
    return tuple(values[:end])


def misfit(slot: Slot, name: str, value: Value) -> str:
    """Return what is wrong with `value` in `slot`, as a clause that follows the op's name, empty when nothing is."""
    if value.type is NONE:
        return "" if slot.mode is Mode.OPTIONAL else f"lacks its operand `{name}`"
    if takes(slot, value.type) or not isinstance(value.type, TensorType):
        return ""
    return f"takes no {value.type.element} as `{name}`, only {', '.join(sorted(slot.elements))}"


def _signature(slots: Sequence[Slot]) -> str:
    marks = {Mode.OPTIONAL: "?", Mode.DYNAMIC: "*"}
    return ", ".join(slot.name + marks.get(slot.mode, "") for slot in slots)


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
