"""`modelc verify`: prove by numbers that an artifact computes what its source computes."""

from __future__ import annotations

import argparse
import json

from modelc.cli import emulating
from modelc.cli.declarations import TENSOR_SORTS
from modelc.cli.exit_codes import FINDINGS, FINE
from modelc.cli.output import REPORTS, check_report, emit_json, print_findings
from modelc.cli.progress import Progress
from modelc.cli.settings import loading
from modelc.diagnostics.diagnostic import Fix, fail
from modelc.diagnostics.render import render
from modelc.execute.arrays import read_arrays
from modelc.execute.compare import parse_tolerances
from modelc.execute.reports.page import verification_page
from modelc.execute.reports.text import SHOWN, verification_text
from modelc.execute.verification import Request, Verification, verify
from modelc.files import write_text
from modelc.precision import report
from modelc.text.specs import parse_input_ranges


def run(options: argparse.Namespace) -> int:
    """Verify; returns the exit code."""
    if options.report:
        check_report(options.report)
    request = _request(options)
    with Progress() as progress:
        verification = verify(options.source, options.artifact, loading(options), request, progress.tell)
    if verification.precision is not None:
        print_findings(report.findings(verification.precision), (), str(options.artifact))
        emulating.write_found(options, verification.precision)
    if options.report:
        write_text(options.report, _report(verification, REPORTS[options.report.suffix]))
    _print(verification, options)
    return FINE if verification.equal else FINDINGS


def _request(options: argparse.Namespace) -> Request:
    if not options.per_op and (options.all or options.sort != TENSOR_SORTS[0]):
        flag = "--all" if options.all else "--sort"
        raise fail("MC414", f"`{flag}` says nothing without `--per-op`", fixes=[Fix("add", "--per-op")])
    return Request(
        inputs=read_arrays(options.inputs) if options.inputs else None,
        origin=str(options.inputs) if options.inputs else "",
        seeds=tuple(range(options.seed, options.seed + options.seeds)),
        ranges=parse_input_ranges(options.input_range),
        engine=options.engine,
        oracle=options.oracle,
        tolerances=parse_tolerances(options.tolerance),
        per_op=options.per_op,
        timeout=options.timeout,
        precision=emulating.request(options),
    )


def _report(verification: Verification, style: str) -> str:
    """Return a report file: a document, a page, or the findings as other programs read them."""
    match style:
        case "json":
            return json.dumps(verification.document(), indent=2, ensure_ascii=False)
        case "html":
            return verification_page(verification)
        case _:
            return render(style, verification.findings(), (), str(verification.source), color=False)


def _print(verification: Verification, options: argparse.Namespace) -> None:
    match options.format:
        case "json":
            emit_json(verification.document())
        case "html":
            print(verification_page(verification))
        case _:
            print(verification_text(verification, options.sort, None if options.all else SHOWN))
            if verification.precision is not None:
                print(f"\n{report.text(verification.precision)}")
