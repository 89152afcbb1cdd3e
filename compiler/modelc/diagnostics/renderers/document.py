"""Findings as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence

from modelc.diagnostics.diagnostic import Diagnostic
from modelc.reports import finding_document


def render_json(findings: Sequence[Diagnostic], consequences: Sequence[Diagnostic], source: str, color: bool) -> str:
    """Return a list with one object for every finding."""
    return json.dumps([finding_document(diagnostic) for diagnostic in findings], indent=2)
