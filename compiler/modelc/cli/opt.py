"""`modelc opt`: run passes on a model and print the IR; the pass author's tool."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from modelc.backend import BACKENDS
from modelc.cli import arguments
from modelc.cli.output import code_for, print_findings, timing_table
from modelc.diagnostics.causes import root_causes
from modelc.diagnostics.diagnostic import Sink
from modelc.frontends.load import load
from modelc.pipeline import manager
from modelc.pipeline.instruments import Dumper, Instrument, Recorder, Verifier, dump_to
from modelc.pipeline.passes import Pass, PassContext
from modelc.pipeline.registry import load_plugin
from modelc.profiles import profile
from modelc.text.printer import print_model


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    arguments.add_source(parser, "model")
    parser.add_argument("-o", "--output", type=Path, metavar="OUT.mir", help="where the IR goes (standard output)")
    parser.add_argument("--print-after-all", action="store_true", help="print the IR after every pass")
    arguments.add_compilation(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the passes; returns the exit code."""
    settings = arguments.settings(options)
    for plugin in settings.plugins:
        load_plugin(plugin)
    passes = [work.with_settings(settings.for_passes()) for work in manager.parse(settings.passes)]
    sink, recorder = Sink(), Recorder()
    model = load(options.model, settings.for_loading(), sink)
    context = PassContext(sink, profile(settings.profile), settings.soc, (recorder, *_instruments(options)))
    manager.run(model, passes, context)
    if options.output:
        BACKENDS.get("mir").write(model, options.output)
    elif not options.print_after_all:
        print(print_model(model), end="")
    if options.timing:
        print(timing_table(recorder.records), file=sys.stderr)
    causes, consequences = root_causes(sink)
    print_findings(causes, consequences, str(options.model))
    return code_for(sink.errors)


def _instruments(options: argparse.Namespace) -> list[Instrument]:
    watching: list[Instrument] = [Verifier(thorough=options.verify_each)]
    if options.dump_ir:
        watching.append(dump_to(options.dump_ir))
    if options.print_after_all:
        watching.append(Dumper(_print_after))
    return watching


def _print_after(count: int, work: Pass, text: str) -> None:
    print(f"// ----- {count}: after {work.spec()}\n{text}")
