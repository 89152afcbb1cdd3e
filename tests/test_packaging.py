"""The project file agrees with itself and with the code."""

import tomllib
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
GROUPS: dict[str, dict[str, str]] = PROJECT["project"]["entry-points"]
POINTS = [(group, name, target) for group, entries in GROUPS.items() for name, target in entries.items()]


def test_the_source_roots_are_the_same_everywhere() -> None:
    tools = PROJECT["tool"]
    roots = ["compiler", "passes", "backends"]
    assert [Path(p).parts[0] for p in tools["hatch"]["build"]["targets"]["wheel"]["packages"]] == roots
    assert tools["pytest"]["ini_options"]["pythonpath"][:3] == roots
    assert tools["mypy"]["mypy_path"][:3] == roots
    assert tools["ruff"]["src"] == roots


@pytest.mark.parametrize(("group", "name", "target"), POINTS)
def test_every_entry_point_loads_under_its_own_name(group: str, name: str, target: str) -> None:
    module, _, attribute = target.partition(":")
    item = getattr(import_module(module), attribute)
    assert item.name == name, f"{group}: {target} calls itself {item.name}"
