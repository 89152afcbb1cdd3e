"""What commands print: findings, documents, tables; and the exit codes that findings call for."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from modelc.cli.exit_codes import FINDINGS, FINE, INTERNAL, USAGE
from modelc.diagnostics.diagnostic import Diagnostic, Fix, fail
from modelc.diagnostics.render import render
from modelc.frontends.frontend import Json
from modelc.tables import table

if TYPE_CHECKING:
    from modelc.driver import Compilation
    from modelc.execute.verification import Verification
    from modelc.replay.replay import Replay

USAGE_CODES = frozenset(
    {
        *("MC401", "MC402", "MC403", "MC404", "MC405", "MC406", "MC410", "MC412", "MC413", "MC414", "MC415"),
        "MC416",
        *("MC709", "MC710", "MC711", "MC712"),
    }
)
REPORTS = {".json": "json", ".sarif": "sarif", ".html": "html"}  # styles of report files by their ending


def use_color(stream: TextIO) -> bool:
    """Whether to colour what goes to `stream`."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def emit_json(document: Json) -> None:
    """Print one JSON document."""
    is_unicode = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    print(json.dumps(document, indent=2, ensure_ascii=not is_unicode))


def print_findings(findings: Sequence[Diagnostic], consequences: Sequence[Diagnostic], source: str) -> None:
    """Print findings for people on the standard error stream."""
    if findings:
        sys.stdout.flush()  # both streams often go to one place
        print(render("text", findings, consequences, source, use_color(sys.stderr)), file=sys.stderr)


def code_for(findings: Iterable[Diagnostic]) -> int:
    """Return the exit code that errors call for."""
    codes = {d.code for d in findings}
    if "MC901" in codes:
        return INTERNAL
    return USAGE if codes and codes <= USAGE_CODES else FINDINGS if codes else FINE


def exit_code(compilation: Compilation, verification: Verification | None = None) -> int:
    """Return the exit code of a compilation and of its verification, if there was one."""
    code = code_for(compilation.errors)
    return FINDINGS if code == FINE and verification is not None and not verification.equal else code


def print_timing(compilation: Compilation) -> None:
    """Print what each pass cost on the standard error stream, and what reading and writing did."""
    total = compilation.seconds or 1.0
    stages = {name: _timed(name, seconds, total) for name, seconds in compilation.stages.items()}
    rows = [("pass", "ms", "share", "edits", "ops", "peak MiB"), *list(stages.values())[:1]]
    rows += [
        (*_timed("  " * r.depth + r.name, r.seconds, total)[:3], str(r.edits), str(r.ops), f"{r.peak_kib / 1024:.0f}")
        for r in compilation.records
    ]
    rows += [*list(stages.values())[1:], _timed("all", total, total)]
    print(table(rows, frozenset(range(1, 6))), file=sys.stderr)


def print_replay(replay: Replay) -> None:
    """Print what became of the numbers in each pass on the standard error stream, where passes were watched for it."""
    if replay.passes:
        print(f"{replay.text()}\n", file=sys.stderr)


def _timed(name: str, seconds: float, total: float) -> tuple[str, str, str, str, str, str]:
    return (name, f"{seconds * 1e3:.1f}", f"{seconds / total:.1%}", "", "", "")


def check_report(path: Path) -> None:
    """Refuse a report file of no known kind; raises ModelcError."""
    if path.suffix not in REPORTS:
        known = ", ".join(REPORTS)
        raise fail("MC406", f"a report cannot be a `{path.suffix or path.name}`", fixes=[Fix(f"use {known}")])
