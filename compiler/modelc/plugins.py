"""Entry points: names from the metadata of installed distributions, objects only when used."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Generic, TypeVar

from modelc.diagnostics.diagnostic import Fix, fail

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Entry:
    """One name some distribution offers.

    Attributes:
        name: The name.
        distribution: Who offers it.
        point: Where to load it from.
    """

    name: str
    distribution: str
    point: EntryPoint = field(repr=False)

    def load(self) -> object:
        """Import and return the object; a failure becomes a finding that names the distribution."""
        try:
            return self.point.load()
        except Exception as error:  # whatever a foreign module raises while it is imported
            raise fail(
                "MC404",
                f"`{self.name}` of distribution `{self.distribution}` could not be loaded: {error}",
                evidence=[("entry point", self.point.value)],
                fixes=[Fix(f"repair or uninstall `{self.distribution}`")],
            ) from error


@cache
def entry_table(group: str) -> Mapping[str, Entry]:
    """Return the entries of `group` by name, importing none of them.

    Raises:
        ModelcError: Two distributions claim one name.
    """
    table: dict[str, Entry] = {}
    for point in entry_points(group=group):
        owner = point.dist.name if point.dist else "unknown"
        other = table.get(point.name)
        if other is not None and (other.distribution, other.point.value) != (owner, point.value):
            raise fail(
                "MC405",
                f"`{point.name}` is claimed by `{other.distribution}` and by `{owner}`",
                fixes=[Fix(f"uninstall one of `{other.distribution}` and `{owner}`")],
            )
        table[point.name] = Entry(point.name, owner, point)
    return table


class Catalog(Generic[T]):
    """Objects of one kind by name: those that installed distributions offer, and those added by hand.

    Attributes:
        group: The entry point group.
        noun: What one is called in messages: `pass`.
    """

    def __init__(self, group: str, noun: str, code: str, accept: Callable[[object], T | None]) -> None:
        """Make a catalog.

        Args:
            group: The entry point group.
            noun: What one is called in messages.
            code: The code of the finding about an unknown name.
            accept: Returns a loaded object with its type proved, None when it is of another kind.
        """
        self.group = group
        self.noun = noun
        self._code = code
        self._accept = accept
        self._objects: dict[str, T] = {}
        self._added: dict[str, str] = {}

    def names(self) -> list[str]:
        """Return all names in order; nothing is imported for it."""
        return sorted({*entry_table(self.group), *self._added})

    def owner(self, name: str) -> str:
        """Return the distribution or file that offers `name`."""
        return self._added.get(name) or entry_table(self.group)[name].distribution

    def add(self, name: str, item: T, owner: str) -> None:
        """Offer an object that no distribution declares; raises ModelcError when the name is taken."""
        taken = self._added.get(name) or (entry_table(self.group).get(name) and self.owner(name))
        if taken and taken != owner:
            raise fail("MC405", f"{self.noun} `{name}` of `{owner}` has the name of one of `{taken}`")
        self._added[name] = owner
        self._objects[name] = item

    def find(self, name: str) -> T | None:
        """Return the object called `name`, None when there is none; it is imported on first use."""
        if name not in self._objects:
            entry = entry_table(self.group).get(name)
            if entry is None:
                return None
            item = self._accept(entry.load())
            if item is None:
                raise fail("MC404", f"`{name}` of distribution `{entry.distribution}` is not a {self.noun}")
            self._objects[name] = item
        return self._objects[name]

    def get(self, name: str) -> T:
        """Return the object called `name`.

        Raises:
            ModelcError: There is none; the finding lists the nearest names.
        """
        item = self.find(name)
        if item is None:
            near = get_close_matches(name, self.names(), 3, 0.5) or self.names()[:12]
            fix = Fix(f"did you mean {' or '.join(f'`{n}`' for n in near)}?")
            raise fail(self._code, f"there is no {self.noun} `{name}`", fixes=[fix])
        return item


def load_file(path: Path) -> ModuleType:
    """Import the Python file at `path` as a module of its own.

    Raises:
        ModelcError: The file does not exist or fails while it is imported.
    """
    if not path.is_file():
        raise fail("MC404", f"plugin `{path}` is not a file")
    name = f"modelc_plugin_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise fail("MC404", f"plugin `{path}` is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # whatever a foreign module raises while it is imported
        del sys.modules[name]
        raise fail("MC404", f"plugin `{path}` could not be loaded: {type(error).__name__}: {error}") from error
    return module
