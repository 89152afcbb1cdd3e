"""`modelc compile`: source to artifact."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path

from modelc.atc.handoff import TARGET
from modelc.cli import handing_off
from modelc.cli.output import (
    REPORTS,
    check_report,
    emit_json,
    exit_code,
    print_findings,
    print_replay,
    print_timing,
)
from modelc.cli.progress import Progress, instruments
from modelc.cli.settings import settings
from modelc.contract import write_io_contract
from modelc.diagnostics.diagnostic import Fix, ModelcError, fail
from modelc.diagnostics.render import render
from modelc.diagnostics.renderers.html import render_html
from modelc.diagnostics.renderers.words import safe
from modelc.driver import Compilation, compile_model, output_path
from modelc.execute.reports.text import verification_text
from modelc.execute.verification import Request, Verification, verify
from modelc.files import write_text
from modelc.frontends.frontend import Json
from modelc.replay.replay import Replay
from modelc.reports import artifact_rows, compilation_document, summary_rows


def run(options: argparse.Namespace) -> int:
    """Compile; returns the exit code."""
    if options.engine and not options.verify:
        raise fail("MC414", "`--engine` says nothing without `--verify`", fixes=[Fix("add", "--verify")])
    if options.report:
        check_report(options.report)
    given, output, asked = settings(options), options.output or Path(), handing_off.request(options)
    written = output
    if asked:
        output = output_path(options.source, output, ".om").with_suffix(".om")
        given, written = handing_off.settings(given), output.with_suffix(f".{TARGET}")
    with Progress() as progress:
        watching, replay = instruments(options, progress), Replay(given, tell=progress.tell)
        if options.verify_passes:
            watching.append(replay)
        compilation = compile_model(options.source, written, given, watching)
        if options.io_contract and compilation.artifact is not None:
            write_io_contract(compilation, options.io_contract)
        verification = (
            _verify(compilation, options.engine, progress.tell) if options.verify and compilation.artifact else None
        )
    handed = handing_off.run(compilation, output, asked) if asked and compilation.ok else None
    report = options.report or (output.with_suffix(".report.json") if asked else None)
    document: dict[str, Json] = {}
    if report or options.format == "json":
        document = compilation_document(compilation, verification)
        document |= {"replay": replay.document()} if options.verify_passes else {}
        document |= {"handoff": handed.document()} if handed is not None else {}
    if report:
        _write_report(compilation, document, report)
    if options.timing:
        print_timing(compilation)
    print_replay(replay)
    if options.format == "json":
        emit_json(document)
    else:
        _print(compilation, verification)
    return exit_code(compilation)


def _verify(compilation: Compilation, engine: str, tell: Callable[[str], None]) -> Verification | None:
    """Return the comparison with the source; what stands against it, or came of it, joins the findings."""
    artifact = compilation.artifact
    assert artifact is not None
    try:
        options, request = compilation.settings.for_loading(), Request(engine=engine)
        verification = verify(compilation.source, artifact.path, options, request, tell)
    except ModelcError as error:
        compilation.findings += error.diagnostics
        return None
    compilation.findings += verification.findings()
    return verification


def _print(compilation: Compilation, verification: Verification | None) -> None:
    print_findings(compilation.findings, compilation.consequences, str(compilation.source))
    if compilation.artifact is not None:
        print(summary(compilation))
    if verification is not None:
        print(f"\n{verification_text(verification)}")


def _write_report(compilation: Compilation, document: Json, path: Path) -> None:
    """Write a report file; its ending says which kind."""
    style = REPORTS[path.suffix]
    shown = compilation.findings, compilation.consequences, str(compilation.source)
    if style == "json":
        text = json.dumps(document, indent=2, ensure_ascii=False)
    elif style == "html":
        text = render_html(*shown, color=False, facts=summary_rows(compilation))
    else:
        text = render(style, *shown, color=False)
    write_text(path, text)


def summary(compilation: Compilation) -> str:
    """Return what was made, for people: the file, what kind it is, its interface, and what to do next."""
    assert compilation.artifact is not None
    rows = [*artifact_rows(compilation), *(("next", step) for step in compilation.artifact.next_steps)]
    return "\n".join(f"{label:<8}{safe(text)}" for label, text in rows)
