"""Kernels: which ops with which element types each chip can execute. Data, not code.

The built-in table, `data/kernels.json`, is of one moment and indicative; a file of the same form can be laid over it::

    {"chips": {"mychip": {"title": "My chip", "versions": "mychip[12]?", "like": "ascend310p"}},
     "no_kernel_needed": ["MyReshape"],
     "kernels": {"TopK": [{"chips": ["ascend310p"], "types": {"x": ["float16", "float32"]}}]}}

What it says of an op replaces all that the table below says of it. A new chip has the kernels of the one it is `like`,
else none but those the file gives it. A kernel without `chips` is on all chips known by then, a slot without `types`
takes every type; `"engine": "cpu"` marks a kernel for the CPU of the chip.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeAlias

from modelc.diagnostics.diagnostic import Fix, ModelcError, fail
from modelc.ir.opdef import Slot
from modelc.ir.types import ELEMENTS

CPU = "cpu"
CORE = "core"

_LARGEST = 16 << 20  # bytes of a file that is taken for a table
_NAMES = {e.numpy: e.name for e in ELEMENTS.values() if e.family not in ("quantized", "opaque", "string")}
_FOREIGN = ("string", "bf16", "int4", "qint8", "qint16", "qint32", "quint8", "quint16")  # no op of ours has the last
_SYNONYMS = dict(zip(_FOREIGN, _FOREIGN, strict=True)) | _NAMES | {"double": "f64", "float": "f32"}

Document: TypeAlias = Mapping[str, Any]


class _BadTableError(Exception):
    """A table is not of the form that the module describes; the text is a clause that says where."""


@dataclass(frozen=True, slots=True)
class Chip:
    """One family of chips that share their kernels.

    Attributes:
        name: `ascend310p`.
        title: What it stands for, one line.
        versions: Pattern of the names that mean it, in lower case and without `ascend`.
    """

    name: str
    title: str
    versions: str


@dataclass(frozen=True, slots=True)
class Kernel:
    """One kernel of one op.

    Attributes:
        slots: Operands and results that take only some types, by name.
        chips: Names of the chips that have it.
        engine: `core`, or `cpu` for one that runs on the CPU of the chip.
    """

    slots: dict[str, Slot] = field(default_factory=dict[str, Slot], hash=False)
    chips: frozenset[str] = frozenset()
    engine: str = CORE

    def is_on(self, chip: str) -> bool:
        """Whether the chip called `chip` has this kernel."""
        return chip in self.chips


@dataclass(frozen=True, slots=True)
class KernelTable:
    """The kernels of all chips.

    Attributes:
        vintage: When it was true, `2022-06`.
        chips: The chips by name.
        kernels: The kernels of each op, by its type without the dialect.
        without: Ops that need no kernel: the Graph Engine handles them itself.
        early: Ops that need none where all operands are constants: they are computed while compiling.
    """

    vintage: str = ""
    chips: dict[str, Chip] = field(default_factory=dict[str, Chip])
    kernels: dict[str, tuple[Kernel, ...]] = field(default_factory=dict[str, "tuple[Kernel, ...]"])
    without: frozenset[str] = frozenset()
    early: frozenset[str] = frozenset()

    def chip(self, name: str) -> Chip:
        """Return the chip that `name` means, in any spelling that ATC takes; raises ModelcError for one unknown."""
        word = _plain(name)
        for chip in self.chips.values():
            if word == _plain(chip.name) or re.fullmatch(chip.versions, word):
                return chip
        known = ", ".join(self.chips)
        raise fail("MC410", f"there is no chip `{name}` in the table of kernels", fixes=[Fix(f"choose one of {known}")])


def _plain(name: str) -> str:
    return name.strip().lower().removeprefix("ascend")


def kernel_table(path: Path | None = None) -> KernelTable:
    """Return the table of kernels, with the file at `path` laid over the built-in one.

    Raises:
        ModelcError: The file cannot be read or is of another form.
    """
    if path is None:
        return _built_in()
    try:
        return _overlaid(_built_in(), json.loads(_text(path)))
    except _BadTableError as error:
        raise _bad_file(path, str(error)) from error
    except (ValueError, RecursionError) as error:
        raise _bad_file(path, f"is no JSON: {error}") from error


@cache
def _built_in() -> KernelTable:
    return _overlaid(KernelTable(), json.loads(files("modelc.data").joinpath("kernels.json").read_text("utf-8")))


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > _LARGEST:
            raise fail("MC118", f"`{path}` is larger than any table of kernels", file=str(path))
        return path.read_text("utf-8")
    except OSError as error:
        raise fail("MC101", f"`{path}` cannot be read: {error.strerror}", file=str(path)) from error


def _bad_file(path: Path, problem: str) -> ModelcError:
    return fail(
        "MC406",
        f"the table of kernels {problem}",
        file=str(path),
        fixes=[
            Fix('give a table like {"kernels": {"TopK": [{"chips": ["ascend310p"], "types": {"x": ["float16"]}}]}}')
        ],
    )


def _overlaid(base: KernelTable, document: object) -> KernelTable:
    table = _mapping(document, "must be an object")
    chips = base.chips | {n: _chip(n, entry) for n, entry in _section(table, "chips").items()}
    named = _section(table, "types")
    below = _with_likes(base, {name: _like(name, entry, base) for name, entry in _section(table, "chips").items()})
    kernels = {
        op: tuple(_kernel(op, entry, named, chips) for entry in _items(entries, f"has no list for `{op}`"))
        for op, entries in _section(table, "kernels").items()
    }
    return KernelTable(
        str(table.get("vintage", base.vintage)),
        chips,
        below | kernels,
        (base.without - kernels.keys()) | _texts(table.get("no_kernel_needed", ()), "no_kernel_needed"),
        base.early | _texts(table.get("computed_while_compiling", ()), "computed_while_compiling"),
    )


def _chip(name: str, entry: object) -> Chip:
    fields = _mapping(entry, f"must describe `{name}` by an object")
    versions = str(fields.get("versions", re.escape(_plain(name))))
    try:
        re.compile(versions)
    except re.error as error:
        raise _BadTableError(f"has a bad pattern for the versions of `{name}`: {error}") from error
    return Chip(name, str(fields.get("title", name)), versions)


def _like(name: str, entry: object, base: KernelTable) -> str:
    """Return the chip whose kernels a new one has as well, empty for none."""
    like = str(_mapping(entry, f"must describe `{name}` by an object").get("like", ""))
    if like and like not in base.chips:
        raise _BadTableError(f"says that `{name}` is like the unknown chip `{like}`")
    return like


def _with_likes(base: KernelTable, likes: Mapping[str, str]) -> dict[str, tuple[Kernel, ...]]:
    if not any(likes.values()):
        return base.kernels
    return {
        op: tuple(replace(k, chips=k.chips.union(name for name, like in likes.items() if like in k.chips)) for k in own)
        for op, own in base.kernels.items()
    }


def _kernel(op: str, entry: object, named: Document, chips: Mapping[str, Chip]) -> Kernel:
    fields = _mapping(entry, f"must describe a kernel of `{op}` by an object")
    on = _texts(fields.get("chips", ()), f"chips of {op}")
    engine = str(fields.get("engine", CORE))
    strangers = sorted(on - chips.keys())
    if strangers:
        raise _BadTableError(f"puts `{op}` on the unknown chip `{strangers[0]}`; the chips are {', '.join(chips)}")
    if engine not in (CORE, CPU):
        raise _BadTableError(f"has the unknown engine `{engine}` for `{op}`; there are core and cpu")
    slots = _mapping(fields.get("types", {}), f"must list the types of `{op}` by slot")
    on = on or frozenset(chips)
    return Kernel({name: Slot(name, elements=_elements(op, types, named)) for name, types in slots.items()}, on, engine)


def _elements(op: str, types: object, named: Document) -> frozenset[str]:
    listed = named.get(types) if isinstance(types, str) else types
    names = _texts(listed, f"types of {op}")
    strangers = sorted(names - _SYNONYMS.keys())
    if strangers:
        raise _BadTableError(f"gives `{op}` the unknown type `{strangers[0]}`; types are called {', '.join(_NAMES)}")
    return frozenset(map(_SYNONYMS.__getitem__, names))


def _section(table: Document, name: str) -> Document:
    return _mapping(table.get(name, {}), f"must have an object as `{name}`")


def _mapping(value: object, problem: str) -> Document:
    if not isinstance(value, dict):
        raise _BadTableError(problem)
    return value


def _items(value: object, problem: str) -> Iterable[object]:
    if not isinstance(value, list):
        raise _BadTableError(problem)
    return value


def _texts(value: object, what: str) -> frozenset[str]:
    if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
        raise _BadTableError(f"must have a list of names as `{what}`")
    return frozenset(map(str, value))
