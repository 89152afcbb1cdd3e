"""`modelc explain`: the page about a finding's code."""

from __future__ import annotations

import argparse

from modelc.cli.exit_codes import FINE
from modelc.cli.output import emit_json
from modelc.diagnostics.codes import CODES, Code
from modelc.diagnostics.explain import code_of, page
from modelc.frontends.frontend import Json
from modelc.tables import table


def run(options: argparse.Namespace) -> int:
    """Explain or list; returns the exit code."""
    if options.code:
        entry = CODES[code_of(options.code)]
        if options.format == "json":
            emit_json({**_document(entry), "page": page(entry.code)})
        else:
            print(page(entry.code))
    elif options.format == "json":
        emit_json([_document(entry) for entry in CODES.values()])
    else:
        print(table([(code.code, code.severity, code.name, code.title) for code in CODES.values()]))
    return FINE


def _document(entry: Code) -> dict[str, Json]:
    return {"code": entry.code, "name": entry.name, "severity": entry.severity, "title": entry.title}
