"""`modelc bench`: time the passes on a model; the pass benchmarker's tool."""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Sequence

from modelc.backend import BACKENDS
from modelc.cli import arguments
from modelc.cli.output import emit_json, table
from modelc.diagnostics.diagnostic import Sink
from modelc.driver import pipeline_of
from modelc.frontends.frontend import Json
from modelc.frontends.load import load
from modelc.pipeline import manager
from modelc.pipeline.instruments import PassRecord, Recorder
from modelc.pipeline.passes import PassContext
from modelc.pipeline.registry import load_plugin
from modelc.profiles import profile


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    arguments.add_source(parser, "model")
    parser.add_argument("--repeat", type=int, default=5, metavar="N", help="how often everything runs (5)")
    parser.add_argument("--target", default="om", metavar="NAME", help="whose pipeline to run (om)")
    arguments.add_compilation(parser)
    parser.add_argument("--format", choices=("text", "json"), default="text", help="what to print (text)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Time the passes; returns the exit code."""
    settings = arguments.settings(options)
    for plugin in settings.plugins:
        load_plugin(plugin)
    passes = pipeline_of(BACKENDS.get(settings.target), settings)
    model = load(options.model, settings.for_loading(), Sink())
    passes = passes if settings.passes else manager.still_needed(passes, model.facts)
    rounds: list[list[PassRecord]] = []
    for _ in range(max(1, options.repeat)):
        sink, recorder = Sink(), Recorder()
        model = load(options.model, settings.for_loading(), sink)
        context = PassContext(sink, profile(settings.profile), settings.soc, (recorder,))
        manager.run(model, passes, context)
        rounds.append(recorder.records)
    rows = _rows(rounds)
    if options.format == "json":
        emit_json({"model": str(options.model), "repeat": len(rounds), "passes": rows})
    else:
        print(_table(rows))
    return 0


def _rows(rounds: Sequence[Sequence[PassRecord]]) -> list[dict[str, Json]]:
    rows: list[dict[str, Json]] = []
    for records in zip(*rounds, strict=False):
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
