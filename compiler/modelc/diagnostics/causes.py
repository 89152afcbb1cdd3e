"""Root causes: which findings only follow from others in the same run."""

from __future__ import annotations

from collections.abc import Iterable

from modelc.diagnostics.diagnostic import Diagnostic, Severity

# A finding with the code on the left is not shown as a cause of its own beside one with a code on the right.
_FOLLOWS: dict[str, frozenset[str]] = {
    "MC212": frozenset({"MC202", "MC211", "MC302", "MC303", "MC407", "MC408"}),
    "MC301": frozenset({"MC202", "MC211", "MC302", "MC408"}),
    "MC303": frozenset({"MC202", "MC211", "MC302", "MC407", "MC408"}),
    "MC304": frozenset({"MC202", "MC211", "MC302", "MC303", "MC407", "MC408"}),
    "MC202": frozenset({"MC407"}),
}


def root_causes(findings: Iterable[Diagnostic]) -> tuple[list[Diagnostic], list[Diagnostic]]:
    """Return the findings that stand by themselves, worst first, and those that only follow from them."""
    everything = list(findings)
    codes = {d.code for d in everything if d.severity is Severity.ERROR}
    follows = [d for d in everything if codes & _FOLLOWS.get(d.code, frozenset())]
    dropped = set(map(id, follows))
    order = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.NOTE: 2}
    causes = sorted((d for d in everything if id(d) not in dropped), key=lambda d: order[d.severity])
    return causes, follows
