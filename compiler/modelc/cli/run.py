"""`modelc run`: execute a source or an artifact on the CPU."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelc.cli import arguments
from modelc.cli.output import emit_json, print_findings
from modelc.diagnostics.diagnostic import Sink
from modelc.driver import Settings
from modelc.execute.arrays import read_arrays, write_arrays
from modelc.execute.evaluator import evaluate
from modelc.execute.generate import generate_inputs
from modelc.execute.prepare import executable


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    arguments.add_source(parser, "model")
    parser.add_argument("--inputs", type=Path, metavar="IN.npz", help="arrays by input name (generated)")
    parser.add_argument("-o", "--output", type=Path, metavar="OUT.npz", help="where the outputs go (not kept)")
    parser.add_argument("--seed", type=int, default=0, help="seed of generated inputs (0)")
    arguments.add_loading(parser)
    parser.add_argument("--input-shape", default="", metavar="SPEC", help="shapes of inputs of a source (its own)")
    parser.add_argument("--batch-size", type=int, default=0, metavar="N", help="extent of unknown first dimensions")
    parser.add_argument("--format", choices=("text", "json"), default="text", help="what to print (text)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Execute; returns the exit code."""
    settings = Settings(
        input_shape=options.input_shape,
        batch_size=options.batch_size,
        signature=options.signature,
        tags=tuple(options.tag),
        out_nodes=options.out_nodes,
    )
    sink = Sink()
    given = read_arrays(options.inputs) if options.inputs else None
    graph = executable(options.model, settings, sink, given).graph
    results = evaluate(graph, generate_inputs(graph, options.seed) if given is None else given)
    print_findings(list(sink), (), str(options.model))
    if options.output:
        write_arrays(options.output, results)
    rows = {name: {"dtype": str(a.dtype), "shape": list(a.shape)} for name, a in results.items()}
    if options.format == "json":
        emit_json({"model": str(options.model), "engine": "numpy", "outputs": rows})
    else:
        for name, array in results.items():
            print(f"{name}: {array.dtype}{list(array.shape)} {_summary(array)}")
    return 0


def _summary(array: NDArray[Any]) -> str:
    if not array.size or array.dtype.kind not in "fiub":
        return ""
    if array.size <= 8:
        return np.array2string(array.reshape(-1), precision=6, separator=", ")
    numbers = array.astype(np.float64)
    return f"min {numbers.min():.6g}, mean {numbers.mean():.6g}, max {numbers.max():.6g}"
