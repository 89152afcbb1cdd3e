"""`modelc bench`: time the passes on a model; the pass benchmarker's tool."""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Sequence

from modelc.cli.output import emit_json, exit_code, print_findings, print_timing
from modelc.cli.progress import Progress, instruments
from modelc.cli.settings import settings
from modelc.driver import Compilation, compile_model
from modelc.frontends.frontend import Json
from modelc.reports import finding_document
from modelc.tables import table


def run(options: argparse.Namespace) -> int:
    """Time the passes; returns the exit code."""
    given = settings(options)
    rounds: list[Compilation] = []
    with Progress() as progress:
        watching = instruments(options, progress)
        while len(rounds) < options.repeat and (not rounds or rounds[-1].ok):
            progress.round = f"round {len(rounds) + 1} of {options.repeat}, "
            rounds.append(compile_model(options.model, None, given, watching))
    rows, last = _rows(rounds), rounds[-1]
    if options.timing:
        print_timing(last)
    if options.format == "json":
        findings = [finding_document(each) for each in last.findings]
        emit_json({"model": str(options.model), "repeat": len(rounds), "passes": rows, "findings": findings})
        return exit_code(last)
    print_findings(last.findings, last.consequences, str(options.model))
    if rows and last.ok:
        print(_table(rows))
    return exit_code(last)


def _rows(rounds: Sequence[Compilation]) -> list[dict[str, Json]]:
    rows: list[dict[str, Json]] = []
    for records in zip(*(each.records for each in rounds), strict=False):
        seconds = sorted(record.seconds for record in records)
        first = records[0]
        rows.append(
            {
                "name": first.name,
                "depth": first.depth,
                "min": seconds[0],
                "median": statistics.median(seconds),
                "max": seconds[-1],
                "edits": first.edits,
                "ops": first.ops,
            }
        )
    return rows


def _table(rows: Sequence[dict[str, Json]]) -> str:
    cells = [["pass", "min ms", "median ms", "max ms", "edits", "ops"]]
    for row in rows:
        times = [float(str(row[key])) * 1e3 for key in ("min", "median", "max")]
        name = "  " * int(str(row["depth"])) + str(row["name"])
        cells.append([name, *(f"{t:.2f}" for t in times), str(row["edits"]), str(row["ops"])])
    return table(cells, frozenset({1, 2, 3, 4, 5}))
