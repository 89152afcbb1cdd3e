"""The passes there are, and plugin files that bring more of everything."""

from __future__ import annotations

from pathlib import Path

from modelc.backend import BACKENDS, Backend
from modelc.diagnostics.diagnostic import fail
from modelc.dialects.lookup import DIALECTS, op_def
from modelc.frontends.frontend import Frontend
from modelc.frontends.load import FRONTENDS
from modelc.ir.opdef import Dialect
from modelc.pipeline.passes import Pass
from modelc.plugins import Catalog, load_file


def _accept(item: object) -> type[Pass] | None:
    return item if isinstance(item, type) and issubclass(item, Pass) else None


PASSES: Catalog[type[Pass]] = Catalog("modelc.passes", "pass", "MC401", _accept)


def load_plugin(path: Path) -> list[str]:
    """Load a Python file and offer every pass, dialect, frontend and backend that it defines.

    Args:
        path: The file.

    Returns:
        What was found, as `pass my-pass`.

    Raises:
        ModelcError: The file fails to load, holds nothing of use, or takes a name that is taken.
    """
    module = load_file(path)
    owner, found = str(path), []
    for item in vars(module).values():
        name = getattr(item, "name", "")
        if isinstance(item, Dialect):
            DIALECTS.add(name, item, owner)
            op_def.cache_clear()
            found.append(f"dialect {name}")
        elif isinstance(item, Frontend):
            FRONTENDS.add(name, item, owner)
            found.append(f"frontend {name}")
        elif isinstance(item, Backend):
            BACKENDS.add(name, item, owner)
            found.append(f"backend {name}")
        elif _is_own_pass(item, module.__name__):
            PASSES.add(name, item, owner)
            found.append(f"pass {name}")
    if not found:
        raise fail("MC404", f"plugin `{path}` defines no pass, dialect, frontend or backend")
    return found


def _is_own_pass(item: object, module: str) -> bool:
    return isinstance(item, type) and issubclass(item, Pass) and item.__module__ == module and hasattr(item, "name")
