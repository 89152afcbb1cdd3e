"""`modelc analyze`: what a model costs: parameters, arithmetic, memory traffic, memory of activations."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace

from modelc.analysis import report
from modelc.analysis.model import Analysis, analyze
from modelc.cli.exit_codes import FINE
from modelc.cli.output import emit_json, print_findings
from modelc.cli.progress import Progress
from modelc.cli.settings import settings
from modelc.diagnostics.diagnostic import Sink
from modelc.diagnostics.renderers.words import safe
from modelc.driver import Settings
from modelc.execute.device import compiled
from modelc.frontends.frontend import Json


def run(options: argparse.Namespace) -> int:
    """Analyze; returns the exit code."""
    sink = Sink()
    found: list[tuple[str, Analysis]] = []
    with Progress() as progress:
        for name, asked in _variants(options):
            progress.tell(f"reading the model{name and f' with {name}'}")
            found.append((name or "its own", analyze(compiled(options.model, asked, sink).graph)))
    print_findings(list(sink), (), str(options.model))
    if options.format == "json":
        emit_json({"model": str(options.model), "variants": [_document(options, *each) for each in found]})
    else:
        print(f"{safe(str(options.model))}, as a device would get it\n\n{_text(options, found)}")
    return FINE


def _variants(options: argparse.Namespace) -> Iterator[tuple[str, Settings]]:
    """Yield a name and settings for each combination of shapes that was asked for."""
    batch_sizes, specs = options.batch_sizes or [0], options.input_shapes or [""]
    plain = settings(options)
    for batch in batch_sizes:
        for spec in specs:
            words = [f"batch {batch}" if batch else "", spec]
            yield ", ".join(filter(None, words)), replace(plain, batch_size=batch, input_shape=spec)


def _document(options: argparse.Namespace, name: str, analysis: Analysis) -> dict[str, Json]:
    return {"shapes": name, **report.document(analysis, per_op=options.per_op, sort=options.sort)}


def _text(options: argparse.Namespace, found: list[tuple[str, Analysis]]) -> str:
    several = len(found) > 1
    names, analyses = [name for name, _ in found], [analysis for _, analysis in found]
    parts = [report.comparison(names, analyses)] if several else [report.text(analyses[0])]
    if options.per_op:
        limit = None if options.all else report.SHOWN
        for name, analysis in found:
            ops = report.op_table(analysis, options.sort, limit)
            parts.append(f"{safe(name)}\n\n{ops}" if several else ops)
    return "\n\n".join(parts)
