"""`modelc explain`: the page about a finding's code."""

from __future__ import annotations

import argparse

from modelc.cli.output import table
from modelc.diagnostics.codes import CODES
from modelc.diagnostics.explain import explanation


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("code", nargs="?", default="", metavar="CODE", help="MC203 or input-rank (list all)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Explain or list; returns the exit code."""
    if options.code:
        print(explanation(options.code))
    else:
        print(table([(code.code, code.severity, code.name, code.title) for code in CODES.values()]))
    return 0
