"""`modelc diff`: what differs between two models or artifacts."""

from __future__ import annotations

import argparse
import sys

from modelc.cli import settings
from modelc.cli.exit_codes import FINDINGS, FINE
from modelc.cli.output import emit_json, print_findings
from modelc.diagnostics.diagnostic import Sink
from modelc.difference.compare import differences
from modelc.difference.report import document, text
from modelc.frontends.load import load
from modelc.pipeline.facts import LIFTED

_UNLIKE = (
    "note: one is as its framework states it, the other is lowered, so that nearly everything differs;\n"
    "  = help: `modelc verify` compares what they compute, `modelc compile --target mir` lowers the first as well"
)


def run(options: argparse.Namespace) -> int:
    """Compare; returns 0 where both are equal, 1 where they differ."""
    loading, sink = settings.loading(options), Sink()
    a, b = load(options.a, loading, sink), load(options.b, loading, sink)
    difference = differences(a, b)
    if options.format == "json":
        emit_json({"a": str(options.a), "b": str(options.b), **document(difference)})
        return FINE if difference.equal else FINDINGS
    print_findings(list(sink), (), f"{options.a}, {options.b}")
    if (LIFTED in a.facts) != (LIFTED in b.facts):
        print(_UNLIKE, file=sys.stderr)
    print(text(difference, options.all))
    return FINE if difference.equal else FINDINGS
