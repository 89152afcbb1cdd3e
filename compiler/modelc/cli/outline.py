"""A document for people: what belongs together in aligned columns, what is nested under its title."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import cast

from modelc.frontends.frontend import Json
from modelc.reports import format_type
from modelc.tables import table

_VALUES = ("inputs", "outputs")  # lists of what has a name and a type
_COUNTS = {"op_counts": "ops by kind"}


def outline(document: Mapping[str, Json]) -> str:
    """Return the text of what `inspect` knows of a model; what is empty is left out."""
    rows = [(key, str(value)) for key, value in document.items() if _is_plain(value) and value != ""]
    sections = [table(rows)] if rows else []
    for key, value in document.items():
        lines = list(_section(key, value))
        if lines:
            sections.append("\n".join([_COUNTS.get(key, key), *(f"  {line}" for line in lines)]))
    return "\n\n".join(sections)


def _section(key: str, value: Json) -> Iterator[str]:
    if not value or _is_plain(value):
        return
    if key in _VALUES and isinstance(value, list):
        yield from table([(str(item["name"]), format_type(item)) for item in value]).split("\n")
    elif key in _COUNTS and isinstance(value, Mapping):
        yield from table([(str(count), name) for name, count in value.items()], frozenset({0})).split("\n")
    else:
        yield from _lines(value)


def _lines(value: Json) -> Iterator[str]:
    """Yield the lines of something nested; maps without anything in them have none."""
    if not isinstance(value, Mapping):
        for item in cast(Sequence[Json], value):
            yield from [str(item)] if _is_plain(item) else _lines(item)
        return
    known = {
        key: ", ".join(map(str, cast(Sequence[Json], each))) if _is_list(each) else each for key, each in value.items()
    }
    rows = [(key, str(each)) for key, each in known.items() if _is_plain(each) and each != ""]
    yield from table(rows).split("\n") if rows else []
    for key, each in known.items():
        lines = [] if _is_plain(each) else list(_lines(each))
        if lines:
            yield key
            yield from (f"  {line}" for line in lines)


def _is_plain(value: Json) -> bool:
    return value is None or isinstance(value, bool | int | float | str)


def _is_list(value: Json) -> bool:
    """Whether a value is a list of plain values, which fits a line."""
    return isinstance(value, Sequence) and not isinstance(value, str) and all(map(_is_plain, value))
