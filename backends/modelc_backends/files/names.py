"""Names of nodes: the user's own where possible, unique, and without what has a meaning in references to nodes."""

from __future__ import annotations

import re
from collections.abc import Callable

from modelc.ir.op import Op

_UNSAFE = re.compile(r"[:;,\"'\\\s\x00-\x1f\x7f]+")


class Names:
    """Gives out names, each only once."""

    def __init__(self, clean: Callable[[str], str] | None = None) -> None:
        """Begin without any.

        Args:
            clean: Makes a name one that may be given out; by default `safe`.
        """
        self._clean = clean or safe
        self._taken: set[str] = set()
        self._next: dict[str, int] = {}

    def claim(self, wanted: str) -> str:
        """Return `wanted` made safe, with a number behind it where it is taken."""
        base = self._clean(wanted)
        name = base
        while name in self._taken:
            number = self._next.get(base, 1)
            self._next[base] = number + 1
            name = f"{base}_{number}"
        self._taken.add(name)
        return name


def safe(name: str) -> str:
    """Return `name` without characters that separate names in references and options."""
    text = name.removeprefix("^").removesuffix(":0").encode("utf-8", "replace").decode()
    return _UNSAFE.sub("_", text) or "op"


def wanted(op: Op) -> str:
    """Return the name that `op` should have in an artifact."""
    hint = op.results[0].name if op.results else ""
    return hint or op.origin.name or op.kind.rpartition(".")[2]
