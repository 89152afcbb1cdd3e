"""`modelc opt`: run passes on a model and print the IR; the pass author's tool."""

from __future__ import annotations

import argparse
from dataclasses import replace

from modelc.backend import BACKENDS
from modelc.cli.output import exit_code, print_findings, print_replay, print_timing
from modelc.cli.progress import Progress, instruments
from modelc.cli.settings import settings
from modelc.driver import compile_model, output_path
from modelc.pipeline.instruments import Dumper
from modelc.pipeline.passes import Pass
from modelc.replay.replay import Replay
from modelc.text.printer import print_model


def run(options: argparse.Namespace) -> int:
    """Run the passes; returns the exit code."""
    given = replace(settings(options), target="")
    with Progress() as progress:
        watching = instruments(options, progress)
        if options.print_after_all:
            watching.append(Dumper(_print_after))
        replay = Replay(given, options.seed, options.inputs, progress.tell)
        if options.verify_passes:
            watching.append(replay)
        compilation = compile_model(options.model, None, given, watching)
    model = compilation.model
    if model is not None and compilation.crash is None:
        if options.output:
            backend = BACKENDS.get("mir")
            backend.write(model, output_path(options.model, options.output, backend.suffix))
        elif not options.print_after_all:
            print(print_model(model), end="")
    if options.timing:
        print_timing(compilation)
    print_replay(replay)
    print_findings(compilation.findings, compilation.consequences, str(options.model))
    return exit_code(compilation)


def _print_after(count: int, work: Pass, text: str) -> None:
    print(f"// ----- {count}: after {work.spec()}\n{text}")
