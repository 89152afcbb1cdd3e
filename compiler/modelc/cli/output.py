"""What the command prints: findings, tables, progress; and the exit codes."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
import traceback
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TextIO

from modelc.cli.exit_codes import FINDINGS, FINE, INTERNAL, USAGE
from modelc.diagnostics.diagnostic import Diagnostic, ModelcError
from modelc.diagnostics.render import render
from modelc.driver import Compilation
from modelc.execute.verification import Verification
from modelc.frontends.frontend import Json
from modelc.ir.model import Model
from modelc.pipeline.instruments import Instrument, PassRecord, dump_to
from modelc.pipeline.passes import Pass
from modelc.reports import finding_document

PATIENCE = 1.0  # seconds before progress is shown
USAGE_CODES = frozenset(
    {
        *("MC401", "MC402", "MC403", "MC404", "MC405", "MC406", "MC410", "MC412", "MC413"),
        *("MC709", "MC710", "MC711", "MC712"),
    }
)


def use_color(stream: TextIO) -> bool:
    """Whether to colour what goes to `stream`."""
    return stream.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"


def emit_json(document: Json) -> None:
    """Print one JSON document."""
    print(json.dumps(document, indent=2, ensure_ascii=False))


def print_findings(findings: Sequence[Diagnostic], consequences: Sequence[Diagnostic], source: str) -> None:
    """Print findings for people on the standard error stream."""
    if findings:
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


def report_error(error: ModelcError, style: str) -> int:
    """Print the findings that ended a command; returns the exit code."""
    if style == "json":
        emit_json({"verdict": "rejected", "findings": [finding_document(d) for d in error.diagnostics]})
    else:
        print_findings(error.diagnostics, (), "")
    return code_for(error.diagnostics)


def report_crash(error: BaseException, words: Sequence[str]) -> int:
    """Write what failed to a file and say where; returns the exit code."""
    descriptor, name = tempfile.mkstemp(prefix="modelc-crash-", suffix=".txt")
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(f"{' '.join(words)}\n\n{''.join(traceback.format_exception(error))}")
    print(f"error[MC901]: modelc failed: {type(error).__name__}: {error}", file=sys.stderr)
    print(f"  help: this is a fault of modelc; {name} holds what is needed to repair it", file=sys.stderr)
    return INTERNAL


class Progress(Instrument):
    """Shows on a terminal which pass is running, once the whole takes longer than a second."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._started = time.perf_counter()
        self._count = 0
        self._shown = False

    def before_pass(self, model: Model, work: Pass, depth: int) -> None:
        """Show the pass."""
        self._count += depth == 0
        if depth == 0 and time.perf_counter() - self._started > PATIENCE:
            self._shown = True
            print(f"\r\x1b[K[{self._count}] {work.name}", end="", file=self._stream, flush=True)

    def close(self) -> None:
        """Wipe the line."""
        if self._shown:
            print("\r\x1b[K", end="", file=self._stream, flush=True)


def instruments(options: argparse.Namespace) -> list[Instrument]:
    """Return the instruments that the options ask for."""
    watching: list[Instrument] = []
    if sys.stderr.isatty():
        watching.append(Progress(sys.stderr))
    if getattr(options, "dump_ir", None):
        watching.append(dump_to(options.dump_ir))
    return watching


def close(watching: Iterable[Instrument]) -> None:
    """Let the instruments tidy up."""
    for instrument in watching:
        if isinstance(instrument, Progress):
            instrument.close()


def table(rows: Sequence[Sequence[str]], right: frozenset[int] = frozenset()) -> str:
    """Return rows as aligned columns; columns in `right` are set flush right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = (
        "  ".join(
            cell.rjust(width) if index in right else cell.ljust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    )
    return "\n".join(line.rstrip() for line in lines)


def timing_table(records: Sequence[PassRecord]) -> str:
    """Return what each pass cost, as a table."""
    rows = [("pass", "ms", "edits", "ops", "peak MiB")]
    rows += [
        ("  " * r.depth + r.name, f"{r.seconds * 1e3:.1f}", str(r.edits), str(r.ops), f"{r.peak_kib / 1024:.0f}")
        for r in records
    ]
    return table(rows, frozenset({1, 2, 3, 4}))


def format_bytes(count: int) -> str:
    """Return a size for people: `12.3 MB`."""
    size = float(count)
    for unit in ("bytes", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.2f} GB"


def write_report(compilation: Compilation, document: dict[str, Json], path: Path) -> None:
    """Write a report file; its ending says which kind."""
    styles = {".json": "json", ".sarif": "sarif", ".html": "html"}
    style = styles.get(path.suffix)
    if style is None:
        from modelc.diagnostics.diagnostic import Fix, fail

        raise fail(
            "MC503", f"a report cannot be a `{path.suffix or path.name}`", fixes=[Fix(f"use {', '.join(styles)}")]
        )
    text = (
        json.dumps(document, indent=2, ensure_ascii=False)
        if style == "json"
        else render(style, compilation.findings, compilation.consequences, str(compilation.source), color=False)
    )
    write_text(path, text)


def write_text(path: Path, text: str) -> None:
    """Write a file as a whole or not at all."""
    from modelc.diagnostics.diagnostic import fail

    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_text(text, "utf-8")
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise fail("MC503", f"`{path}` cannot be written: {error.strerror}", file=str(path)) from error
