"""`modelc run`: execute a source or an artifact on the CPU."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelc.cli.exit_codes import FINE
from modelc.cli.output import emit_json, print_findings
from modelc.cli.progress import Progress
from modelc.cli.settings import settings
from modelc.diagnostics.diagnostic import Sink
from modelc.diagnostics.renderers.words import safe
from modelc.driver import check_output, output_path
from modelc.execute.arrays import read_arrays, write_arrays
from modelc.execute.execution import Execution, start
from modelc.execute.generate import generate_inputs
from modelc.execute.prepare import executable
from modelc.frontends.frontend import Json

SUFFIX = ".npz"


def run(options: argparse.Namespace) -> int:
    """Execute; returns the exit code."""
    sink, output = Sink(), options.output and output_path(options.model, options.output, SUFFIX)
    if output:
        check_output(options.model, output, SUFFIX)
    with Progress() as progress:
        progress.tell("reading the model")
        given = read_arrays(options.inputs) if options.inputs else None
        model = executable(options.model, settings(options), sink, given)
        execution = start(options.engine, model)
        progress.tell("executing the model")
        started = time.perf_counter()
        results = execution.run(generate_inputs(model.graph, options.seed) if given is None else given)
        seconds = time.perf_counter() - started
    print_findings(list(sink), (), str(options.model))
    if output:
        write_arrays(output, results)
    if options.format == "json":
        emit_json(_document(options, output, results, execution, seconds))
    else:
        for name, array in results.items():
            print(f"{safe(name)}: {array.dtype}{list(array.shape)} {_summary(array)}".rstrip())
        print(f"\nexecuted by {execution.title} in {seconds:.2f} s", *map(safe, execution.notes), sep="\n")
    return FINE


def _document(
    options: argparse.Namespace,
    output: Path | None,
    results: dict[str, NDArray[Any]],
    execution: Execution,
    seconds: float,
) -> dict[str, Json]:
    return {
        "model": str(options.model),
        "engine": execution.engine,
        "engine_title": execution.title,
        "engine_notes": list(execution.notes),
        "inputs": str(options.inputs) if options.inputs else f"generated, seed {options.seed}",
        "written": str(output) if output else None,
        "outputs": [{"name": name, "dtype": str(a.dtype), "shape": list(a.shape)} for name, a in results.items()],
        "seconds": seconds,
    }


def _summary(array: NDArray[Any]) -> str:
    if not array.size or array.dtype.kind not in "fiub":
        return ""
    if array.size <= 8:
        return np.array2string(array.reshape(-1), precision=6, separator=", ")
    numbers = array.astype(np.float64)
    return f"min {numbers.min():.6g}, mean {numbers.mean():.6g}, max {numbers.max():.6g}"
