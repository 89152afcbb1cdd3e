"""How differences are put into words: names of ops and values, attributes."""

from __future__ import annotations

from modelc.ir.attributes import Attribute, Dense
from modelc.ir.blob import Blob
from modelc.ir.op import Op, Value

LONGEST = 80  # characters of an attribute that are shown
ABSENT = "-"


def op_name(op: Op) -> str:
    """Return the name of `op` as it is shown."""
    return op.name.removeprefix("^")


def value_texts(a: Value | None, b: Value | None) -> tuple[str, str]:
    """Return how two values that do not belong together are shown: by name, with their kinds where these are alike."""
    first, second = _value_text(a), _value_text(b)
    if first != second or a is None or b is None:
        return first, second
    return f"{first} ({a.producer.kind})", f"{second} ({b.producer.kind})"


def _value_text(value: Value | None) -> str:
    if value is None or value.producer.kind == "absent":
        return ABSENT
    op = value.producer
    if op.kind == "input":
        return f"input `{_input_name(value)}`"
    return f"`{value.name or op_name(op)}`" if value.name or not value.index else f"`{op_name(op)}:{value.index}`"


def _input_name(value: Value) -> str:
    names = value.producer.attributes.get("names")
    is_named = isinstance(names, tuple) and len(names) == len(value.producer.results)
    return str(names[value.index]) if isinstance(names, tuple) and is_named else value.name or str(value.index)


def attribute_text(value: Attribute | None) -> str:
    """Return an attribute on one line, shortened."""
    text = ABSENT if value is None else _text(value)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."


def _text(value: Attribute) -> str:
    if isinstance(value, Blob):
        return f"{value.nbytes} bytes"
    if isinstance(value, Dense):
        return f"{value.type} of {value.blob.nbytes} bytes"
    if isinstance(value, tuple):
        shown = [_text(item) for item in value[:LONGEST]]
        return f"[{', '.join(shown)}]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f'"{value}"'
    return str(value)
