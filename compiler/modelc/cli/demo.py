"""`modelc demo`: compile and verify the bundled trained model."""

from __future__ import annotations

import argparse
from pathlib import Path

from modelc.demo import OUTPUT, run_demo


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "-o", "--output", type=Path, default=Path(OUTPUT), metavar="OUT.om", help=f"artifact ({OUTPUT})"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the demonstration; returns the exit code."""
    return run_demo(options.output)
