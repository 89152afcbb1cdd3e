"""What the styles share: texts that cannot harm a terminal, where a finding points, and counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from modelc.diagnostics.diagnostic import Diagnostic, Severity

SEPARATOR = "; "  # between the items of a list in evidence
_FEWEST = 3  # items from which on a list is shown as one
_ORDER = (Severity.ERROR, Severity.WARNING, Severity.NOTE)


def safe(text: str) -> str:
    r"""Return `text` with everything that does not print spelled out, `\x1b` for an escape.

    Names come from model files and may hold anything: control sequences, line breaks, text that runs right to left.
    """
    return text if text.isprintable() else "".join(map(_spelled, text))


def _spelled(char: str) -> str:
    if char.isprintable():
        return char
    code = ord(char)
    return {"\n": r"\n", "\r": r"\r", "\t": r"\t"}.get(char) or (
        f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
    )


def lines(text: str) -> list[str]:
    """Return the lines of an evidence text, each safe to print; a list of several items has a line for each."""
    items = text.split(SEPARATOR)
    return [safe(line) for line in (items if len(items) >= _FEWEST and "\n" not in text else text.split("\n"))]


def op_type(diagnostic: Diagnostic) -> str:
    """Return what the source model calls the operation a finding is about."""
    nodes = diagnostic.origin.nodes
    return nodes[0].op_type if nodes else diagnostic.kind.partition(".")[2] or diagnostic.kind


def place(diagnostic: Diagnostic, source: str) -> str:
    """Return where a finding points: the file, and the op in it."""
    where = diagnostic.file or source
    if not diagnostic.op:
        return safe(where)
    kind = op_type(diagnostic)
    op = f"{diagnostic.op} ({kind})" if kind else diagnostic.op
    return safe(f"{where}: {op}" if where else op)


def made_of(diagnostic: Diagnostic) -> str:
    """Return the source nodes of an op that stands for several, empty for one that stands for itself."""
    nodes = diagnostic.origin.nodes
    return ", ".join(f"{node.name} ({node.op_type})" for node in nodes) if len(nodes) > 1 else ""


def counts(findings: Iterable[Diagnostic]) -> str:
    """Return `3 errors, 1 warning`."""
    found = Counter(diagnostic.severity for diagnostic in findings)
    return ", ".join(counted(found[severity], severity.value) for severity in _ORDER if found[severity])


def counted(count: int, noun: str) -> str:
    """Return `1 error`, `3 errors`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def closing(findings: Sequence[Diagnostic], consequences: Sequence[Diagnostic]) -> str:
    """Return the sentence under a report."""
    hidden = len(consequences)
    if not hidden:
        return counts(findings)
    follows = "finding that only follows" if hidden == 1 else "findings that only follow"
    verb = "is" if hidden == 1 else "are"
    return f"{counts(findings)}; {hidden} {follows} from these {verb} not shown"
