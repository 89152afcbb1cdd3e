"""`modelc check`: the whole analysis, nothing written."""

from __future__ import annotations

import argparse
import sys

from modelc.cli import arguments
from modelc.cli.output import close, emit_json, exit_code, instruments, timing_table, use_color
from modelc.diagnostics.render import render
from modelc.driver import compile_model
from modelc.reports import compilation_document

STYLES = ("text", "concise", "json", "sarif", "github", "html")


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    arguments.add_source(parser)
    parser.add_argument("--target", default="om", metavar="NAME", help="what it would be compiled to (om)")
    arguments.add_compilation(parser)
    parser.add_argument("--format", choices=STYLES, default="text", help="how to print the findings (text)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Check; returns the exit code."""
    watching = instruments(options)
    compilation = compile_model(options.source, None, arguments.settings(options), watching)
    close(watching)
    if options.format == "json":
        emit_json(compilation_document(compilation))
        return exit_code(compilation)
    if options.timing:
        print(timing_table(compilation.records), file=sys.stderr)
    source = str(options.source)
    text = render(options.format, compilation.findings, compilation.consequences, source, use_color(sys.stdout))
    if text:
        print(text)
    if compilation.ok and options.format == "text":
        print(f"ok: {source} compiles for `{compilation.settings.target}` under `{compilation.settings.profile}`")
    return exit_code(compilation)
