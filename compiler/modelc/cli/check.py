"""`modelc check`: the whole analysis, nothing written."""

from __future__ import annotations

import argparse
import sys

from modelc.cli.output import emit_json, exit_code, print_timing, use_color
from modelc.cli.progress import Progress, instruments
from modelc.cli.settings import settings
from modelc.diagnostics.render import render
from modelc.diagnostics.renderers.words import safe
from modelc.driver import compile_model
from modelc.reports import compilation_document


def run(options: argparse.Namespace) -> int:
    """Check; returns the exit code."""
    with Progress() as progress:
        compilation = compile_model(options.source, None, settings(options), instruments(options, progress))
    if options.timing:
        print_timing(compilation)
    if options.format == "json":
        emit_json(compilation_document(compilation))
        return exit_code(compilation)
    source = str(options.source)
    text = render(options.format, compilation.findings, compilation.consequences, source, use_color(sys.stdout))
    if text:
        print(text)
    if compilation.ok and options.format == "text":
        asked = compilation.settings
        print(f"ok: {safe(source)} compiles for `{asked.target}` under `{asked.profile}`")
    return exit_code(compilation)
