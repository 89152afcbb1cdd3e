"""Findings as annotations of GitHub's workflows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from modelc.diagnostics.diagnostic import Diagnostic, Severity
from modelc.diagnostics.renderers.words import made_of, safe

_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}
_IN_DATA = {"%": "%25", "\r": "%0D", "\n": "%0A"}
_IN_PROPERTY = {**_IN_DATA, ":": "%3A", ",": "%2C"}


def render_github(findings: Sequence[Diagnostic], consequences: Sequence[Diagnostic], source: str, color: bool) -> str:
    """Return one workflow command for every finding."""
    return "\n".join(_command(diagnostic, source) for diagnostic in findings)


def _command(diagnostic: Diagnostic, source: str) -> str:
    title = _escaped(f"{diagnostic.code} {diagnostic.entry.name}", _IN_PROPERTY)
    file = _escaped(safe(diagnostic.file or source), _IN_PROPERTY)
    properties = f"file={file},title={title}" if file else f"title={title}"
    text = _escaped("\n".join(_lines(diagnostic)), _IN_DATA)
    return f"::{_COMMANDS[diagnostic.severity]} {properties}::{text}"


def _lines(diagnostic: Diagnostic) -> Iterator[str]:
    yield safe(diagnostic.message)
    if made_of(diagnostic):
        yield f"it stands for {safe(made_of(diagnostic))}"
    yield from map(safe, diagnostic.notes)
    for fix in diagnostic.fixes:
        yield f"help: {safe(fix.text)}{': ' if fix.flag else ''}{safe(fix.flag)}"


def _escaped(text: str, table: dict[str, str]) -> str:
    return "".join(table.get(char, char) for char in text)
