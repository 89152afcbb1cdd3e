"""`modelc inspect`: what a model or an artifact holds, and whether it is sound."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from modelc.cli.exit_codes import FINDINGS, FINE
from modelc.cli.outline import outline
from modelc.cli.output import emit_json, print_findings
from modelc.cli.settings import loading
from modelc.diagnostics.diagnostic import Diagnostic, Fix, Sink, fail
from modelc.frontends.frontend import Frontend, Json
from modelc.frontends.load import FRONTENDS, detect
from modelc.frontends.soundness import CheckResult, Outcome, findings
from modelc.reports import finding_document, model_document
from modelc.tables import table
from modelc.text.printer import print_model


def run(options: argparse.Namespace) -> int:
    """Inspect; returns the exit code."""
    frontend = detect(options.file)
    return _check(frontend, options) if options.check else _show(frontend, options)


def _show(frontend: Frontend, options: argparse.Namespace) -> int:
    sink = Sink()
    model = frontend.load(options.file, loading(options), sink)
    if options.format == "mir":
        print(print_model(model), end="")
        return FINE
    details = dict(model.source.details) if model.source else {}
    document: dict[str, Json] = {
        "file": str(options.file),
        "format": model.source.format if model.source else frontend.title,
        "details": details,
        **model_document(model),
        "functions": sorted(model.functions),
        **frontend.describe(options.file),
    }
    if options.format == "json":
        emit_json(document)
    else:
        print_findings(list(sink), (), str(options.file))
        print((frontend.text or outline)(document))
    return FINE


def _check(frontend: Frontend, options: argparse.Namespace) -> int:
    if options.format == "mir":
        fix = Fix("see the checks as text or json, or leave out --check")
        raise fail("MC414", "checks cannot be printed as mir", fixes=[fix])
    if frontend.check is None:
        raise _unchecked(options.file, frontend)
    results = frontend.check(options.file)
    problems = findings(options.file, results)
    if options.format == "json":
        emit_json(_check_document(options.file, frontend, results, problems))
    else:
        print(_check_text(options.file, frontend, results))
        print_findings(problems, (), str(options.file))
    return FINDINGS if problems else FINE


def _unchecked(path: Path, frontend: Frontend) -> Exception:
    checked = [each.a_title for each in map(FRONTENDS.get, FRONTENDS.names()) if each.check is not None]
    fixes = [
        Fix("`modelc check` reports everything that stands against compiling it"),
        Fix(f"give {' or '.join(checked)}"),
    ]
    return fail(
        "MC507", f"`{path.name}` is {frontend.a_title}, of which no checks are known", file=str(path), fixes=fixes
    )


def _check_document(
    path: Path, frontend: Frontend, results: Sequence[CheckResult], problems: Sequence[Diagnostic]
) -> dict[str, Json]:
    checks: list[Json] = [
        {
            "name": each.name,
            "title": each.title,
            "by": each.by,
            "outcome": each.outcome.value,
            "problems": list(each.problems),
            "reason": each.reason,
        }
        for each in results
    ]
    return {
        "file": str(path),
        "format": frontend.title,
        "verdict": "rejected" if problems else "ok",
        "checks": checks,
        "findings": [finding_document(each) for each in problems],
    }


def _check_text(path: Path, frontend: Frontend, results: Sequence[CheckResult]) -> str:
    counts = Counter(each.outcome for each in results)
    told = ", ".join(f"{counts[outcome]} {outcome.value}" for outcome in Outcome if counts[outcome])
    made = [each for each in results if each.outcome is not Outcome.SKIPPED]
    rows = [("outcome", "by", "check", "what must hold")]
    rows += [(each.outcome.value, each.by, each.name, each.title) for each in made]
    skipped: dict[str, list[str]] = {}
    for each in results:
        if each.outcome is Outcome.SKIPPED:
            skipped.setdefault(each.reason, []).append(each.name)
    lines = [f"{path}: {frontend.title}", f"{len(results)} checks: {told}", "", table(rows)]
    for reason, names in skipped.items():
        lines += ["", f"skipped: {reason}", f"  {', '.join(names)}"]
    return "\n".join(lines)
