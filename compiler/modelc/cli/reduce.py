"""`modelc reduce`: shrink a model that fails to a minimal reproducer."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from modelc.backend import BACKENDS
from modelc.cli.exit_codes import FINE
from modelc.cli.output import emit_json
from modelc.cli.progress import Progress
from modelc.cli.settings import settings
from modelc.driver import check_output, output_path
from modelc.execute.prepare import TARGET
from modelc.reduce.reduction import Request, reduce


def run(options: argparse.Namespace) -> int:
    """Reduce; returns 0 where a smaller model was written that still fails."""
    suffix = BACKENDS.get(TARGET).suffix
    named = options.output or Path(f"{options.model.resolve().stem}.reduced{suffix}")
    output = output_path(options.model, named, suffix)
    check_output(options.model, output, suffix)
    request = Request(
        options.model,
        output,
        settings(options),
        options.code,
        options.test,
        options.timeout,
        options.max_steps,
        options.seed,
        options.inputs,
    )
    with Progress() as progress:
        reduction = reduce(request, progress.tell)
    if options.format == "json":
        emit_json(reduction.document())
        return FINE
    if options.log:
        print(f"{reduction.log()}\n", file=sys.stderr)
    print(reduction.text())
    return FINE
