"""`modelc demo`: compile and verify the bundled trained model."""

from __future__ import annotations

import argparse
from pathlib import Path

from modelc.cli.progress import Progress
from modelc.demo import OUTPUT, run_demo
from modelc.driver import output_path


def run(options: argparse.Namespace) -> int:
    """Run the demonstration; returns the exit code."""
    output = output_path(Path(OUTPUT), options.output or Path(), ".om")
    with Progress() as progress:
        return run_demo(output, progress.tell)
