"""What is printed when a command ends before it has done its work."""

from __future__ import annotations

import argparse
import errno
import itertools
import re
import shlex
import sys
from collections.abc import Sequence
from difflib import get_close_matches

from modelc.cli.output import code_for, emit_json, print_findings
from modelc.cli.parser import UsageError
from modelc.diagnostics.diagnostic import Diagnostic, Fix, ModelcError, finding
from modelc.frontends.frontend import Json
from modelc.pipeline.reproducer import fault
from modelc.reports import finding_document

# What documents of a command hold besides, so that whoever reads one need not ask whether it is there.
_LACKING: dict[str, dict[str, Json]] = {"compile": {"artifact": None}, "verify": {"equal": None, "outputs": []}}
_OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*")
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO})


def report(error: BaseException, options: argparse.Namespace, words: Sequence[str]) -> int:
    """Print what ended a command; returns the exit code."""
    if isinstance(error, BrokenPipeError):
        raise error
    findings = error.diagnostics if isinstance(error, ModelcError) else (_fault(error, words),)
    return _print(findings, options.command, getattr(options, "format", "text"))


def report_usage(error: UsageError, words: Sequence[str]) -> int:
    """Print why a command line does not parse; returns the exit code."""
    if not words:
        error.parser.print_help(sys.stderr)
        return code_for([_misuse(error)])
    command = next((word for word in words if not word.startswith("-")), "")
    wants_json = "--format=json" in words or ("--format", "json") in itertools.pairwise(words)
    return _print((_misuse(error),), command, "json" if wants_json else "text")


def _print(findings: Sequence[Diagnostic], command: str, style: str) -> int:
    if style == "json":
        documents = [finding_document(diagnostic) for diagnostic in findings]
        emit_json({**_LACKING.get(command, {}), "verdict": "rejected", "findings": documents})
    else:
        print_findings(findings, (), "")
    return code_for(findings)


def _misuse(error: UsageError) -> Diagnostic:
    problem, program = str(error), error.parser.prog
    known = re.findall(_OPTION, error.parser.format_help())
    near = [f"`{name}`" for each in re.findall(_OPTION, problem) for name in get_close_matches(each, known, 1)]
    fixes = [Fix(f"did you mean {' and '.join(near)}?")] if near and problem.startswith("unknown") else []
    return finding("MC414", f"{program}: {problem}", fixes=[*fixes, Fix(f"see `{program} --help`")])


def _fault(error: BaseException, words: Sequence[str]) -> Diagnostic:
    if isinstance(error, OSError) and error.errno in _NO_ROOM:
        where = f"`{error.filename}`" if error.filename else "the output"
        return finding("MC503", f"{where} cannot be written: {error.strerror}")
    return fault(f"modelc failed: {type(error).__name__}: {error}", error, {}, again=shlex.join(["modelc", *words]))
