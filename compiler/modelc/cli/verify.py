"""`modelc verify`: prove by numbers that an artifact computes what its source computes."""

from __future__ import annotations

import argparse
from pathlib import Path

from modelc.cli import arguments
from modelc.cli.exit_codes import FINDINGS, FINE
from modelc.cli.output import emit_json
from modelc.execute.arrays import read_arrays
from modelc.execute.verification import verify
from modelc.frontends.frontend import LoadOptions


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    arguments.add_source(parser)
    parser.add_argument("artifact", type=Path, metavar="ARTIFACT", help="the .om, .air or .mir compiled from it")
    parser.add_argument("--inputs", type=Path, metavar="IN.npz", help="arrays by input name (generated)")
    parser.add_argument("--seed", type=int, default=0, help="seed of generated inputs (0)")
    arguments.add_loading(parser)
    parser.add_argument("--format", choices=("text", "json"), default="text", help="what to print (text)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Verify; returns the exit code."""
    inputs = read_arrays(options.inputs) if options.inputs else None
    loading = LoadOptions(options.signature, tuple(options.tag), options.out_nodes)
    origin = str(options.inputs) if options.inputs else ""
    verification = verify(options.source, options.artifact, loading, inputs, options.seed, origin)
    if options.format == "json":
        emit_json(verification.document())
    else:
        print(verification.text())
    return FINE if verification.equal else FINDINGS
