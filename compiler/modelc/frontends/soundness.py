"""What came of the checks that a reader makes of a file: whether it is sound, as those that load it would judge."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from modelc.diagnostics.diagnostic import Diagnostic, finding


class Outcome(Enum):
    """What came of one check."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One check and what came of it.

    Attributes:
        name: Its name, in kebab case.
        title: What must hold, as a sentence.
        by: Who asks for it: `loader`, which refuses the file otherwise; `viewer`, which does not show it; or `modelc`.
        outcome: What came of it.
        problems: What does not hold, each a clause that follows the file's name.
        reason: Why it was skipped, empty where it was not.
    """

    name: str
    title: str
    by: str
    outcome: Outcome
    problems: tuple[str, ...] = ()
    reason: str = ""


def findings(path: Path, results: Iterable[CheckResult]) -> list[Diagnostic]:
    """Return a finding for every problem in the results of the checks of one file."""
    return [
        finding("MC501", f"`{path.name}` {problem}", file=str(path), notes=[f"{each.title} ({each.name}, {each.by})"])
        for each in results
        for problem in each.problems
    ]
