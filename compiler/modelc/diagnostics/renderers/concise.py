"""Findings one to a line."""

from __future__ import annotations

from collections.abc import Sequence

from modelc.diagnostics.diagnostic import Diagnostic
from modelc.diagnostics.renderers.words import safe


def render_concise(findings: Sequence[Diagnostic], consequences: Sequence[Diagnostic], source: str, color: bool) -> str:
    """Return `source: error[MC203] message (op)` for every finding."""
    return "\n".join(_line(diagnostic, source) for diagnostic in findings)


def _line(diagnostic: Diagnostic, source: str) -> str:
    where = safe(diagnostic.file or source)
    lead = f"{where}: " if where else ""
    op = f" ({safe(diagnostic.op)})" if diagnostic.op else ""
    return f"{lead}{diagnostic.severity.value}[{diagnostic.code}] {safe(diagnostic.message)}{op}"
