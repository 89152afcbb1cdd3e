"""`modelc verify`: prove by numbers that an artifact computes what its source computes."""

from __future__ import annotations

import argparse

from modelc.cli.exit_codes import FINDINGS, FINE
from modelc.cli.output import emit_json
from modelc.cli.progress import Progress
from modelc.cli.settings import loading
from modelc.execute.arrays import read_arrays
from modelc.execute.verification import verify


def run(options: argparse.Namespace) -> int:
    """Verify; returns the exit code."""
    inputs = read_arrays(options.inputs) if options.inputs else None
    origin = str(options.inputs) if options.inputs else ""
    with Progress() as progress:
        verification = verify(
            options.source,
            options.artifact,
            loading(options),
            inputs,
            options.seed,
            origin,
            options.timeout,
            progress.tell,
        )
    if options.format == "json":
        emit_json(verification.document())
    else:
        print(verification.text())
    return FINE if verification.equal else FINDINGS
