"""`modelc inspect`: what a model or an artifact holds."""

from __future__ import annotations

import argparse
from collections.abc import Mapping

from modelc.cli.output import emit_json, print_findings
from modelc.cli.settings import loading
from modelc.diagnostics.diagnostic import Sink
from modelc.frontends.frontend import Json
from modelc.frontends.load import detect
from modelc.reports import format_type, model_document
from modelc.text.printer import print_model


def run(options: argparse.Namespace) -> int:
    """Inspect; returns the exit code."""
    frontend, sink = detect(options.file), Sink()
    model = frontend.load(options.file, loading(options), sink)
    if options.format == "mir":
        print(print_model(model), end="")
        return 0
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
        print("\n".join(_lines(document)) if frontend.text is None else frontend.text(document))
    return 0


def _lines(document: Mapping[str, Json], indent: str = "") -> list[str]:
    lines: list[str] = []
    for key, value in document.items():
        if not value and value != 0:
            continue
        if key in ("inputs", "outputs") and isinstance(value, list):
            lines += [f"{key}:", *(f"  {item['name']}: {format_type(item)}" for item in value)]
        elif isinstance(value, Mapping):
            lines += [f"{indent}{key}:", *_lines(value, f"{indent}  ")]
        elif isinstance(value, list | tuple):
            lines += [f"{indent}{key}:", *(f"{indent}  {_inline(item)}" for item in value)]
        else:
            lines.append(f"{indent}{key}: {value}")
    return lines


def _inline(item: Json) -> str:
    if isinstance(item, Mapping):
        return "  ".join(f"{key} {value}" for key, value in item.items())
    return str(item)
