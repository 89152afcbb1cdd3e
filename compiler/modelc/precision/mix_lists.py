"""Changes to the lists of mixed precision, as atc's `--modify_mixlist` takes them.

    {"black-list": {"to-add": ["MatMulV2"], "to-remove": ["Pow"]},
     "white-list": {"to-add": ["SoftmaxV2"], "to-remove": ["Conv2D"]},
     "gray-list": {"to-add": ["Log"]}}

What is added to a list leaves the others; what is only removed is on none, which is what gray means.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from modelc.diagnostics.diagnostic import Fix, fail
from modelc.precision.modes import OpLists

_LARGEST: Final = 16 << 20  # bytes of a file that is taken for such changes
_LISTS: Final = ("black-list", "white-list", "gray-list")
_ADDED, _REMOVED = "to-add", "to-remove"


class _BadChangesError(Exception):
    """A file is not of the form that the module describes; the text is a clause that says where."""


def changed(lists: OpLists, path: Path) -> OpLists:
    """Return `lists` with the changes that the file at `path` asks for.

    Raises:
        ModelcError: The file cannot be read, is of another form, or contradicts itself.
    """
    try:
        additions, touched = _changes(json.loads(_text(path)))
    except _BadChangesError as error:
        problem = str(error)
    except (ValueError, RecursionError) as error:
        problem = f"is no JSON: {error}"
    else:
        black, white, _ = ({op for op, name in additions.items() if name == wanted} for wanted in _LISTS)
        return replace(lists, white=(lists.white - touched) | white, black=(lists.black - touched) | black)
    fix = Fix('give changes like {"black-list": {"to-add": ["MatMulV2"], "to-remove": ["Pow"]}}')
    text = f"`{path.name}`, which changes the lists of mixed precision, {problem}"
    raise fail("MC406", text, file=str(path), fixes=[fix])


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > _LARGEST:
            raise fail("MC118", f"`{path.name}` is larger than any list of ops", file=str(path))
        return path.read_text("utf-8")
    except OSError as error:
        raise fail("MC101", f"`{path}` cannot be read: {error.strerror}", file=str(path)) from error


def _changes(document: object) -> tuple[dict[str, str], frozenset[str]]:
    """Return the list that each op is added to, and all ops that are mentioned, with their forms with attributes."""
    additions: dict[str, str] = {}
    mentioned: set[str] = set()
    for name, change, op in _entries(document):
        mentioned |= {op, f"{op}D"}
        if change == _ADDED and additions.setdefault(op, name) != name:
            raise _BadChangesError(f"adds `{op}` to the {additions[op]} and to the {name}")
    for name, change, op in _entries(document):
        if change == _REMOVED and additions.get(op) == name:
            raise _BadChangesError(f"adds `{op}` to the {name} and removes it from there")
    return additions, frozenset(mentioned)


def _entries(document: object) -> Iterator[tuple[str, str, str]]:
    """Yield what a document asks for, as (list, change, op)."""
    for name, changes in _named(document, _LISTS, "must be an object").items():
        for change, ops in _named(changes, (_ADDED, _REMOVED), f"must have an object as `{name}`").items():
            if not isinstance(ops, list) or not all(isinstance(op, str) for op in ops):
                raise _BadChangesError(f"must have a list of types of ops as `{change}` of the {name}")
            yield from ((name, change, op) for op in ops)


def _named(value: object, names: tuple[str, ...], problem: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise _BadChangesError(problem)
    strangers = sorted(value.keys() - set(names))
    if strangers:
        raise _BadChangesError(f"has `{strangers[0]}` where there can be {', '.join(names)}")
    return value
