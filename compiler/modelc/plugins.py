"""Entry points: names from the metadata of installed distributions, objects only when used."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType

from modelc.diagnostics.diagnostic import Fix, fail


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
