"""`modelc run`: execute a source or an artifact on the CPU."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelc.cli import emulating
from modelc.cli.exit_codes import FINE
from modelc.cli.output import emit_json, print_findings
from modelc.cli.progress import Progress
from modelc.cli.settings import settings
from modelc.diagnostics.diagnostic import Diagnostic, Sink
from modelc.diagnostics.renderers.words import safe
from modelc.driver import check_output, output_path
from modelc.execute.arrays import read_arrays, write_arrays
from modelc.execute.device import as_compiled, check_for_device
from modelc.execute.engine import Arrays
from modelc.execute.execution import start
from modelc.execute.generate import generate_inputs
from modelc.execute.numpy_engine import ENGINE
from modelc.execute.prepare import executable
from modelc.frontends.frontend import Json
from modelc.ir.model import Model
from modelc.precision import report
from modelc.precision.assess import Request, assess, setting_of

SUFFIX = ".npz"


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What an execution gave.

    Attributes:
        results: The outputs by public name.
        details: What a document says of how they came about.
        text: The same for people.
        findings: What was noticed.
    """

    results: dict[str, NDArray[Any]]
    details: dict[str, Json]
    text: str
    findings: Sequence[Diagnostic] = ()


def run(options: argparse.Namespace) -> int:
    """Execute; returns the exit code."""
    sink, output = Sink(), options.output and output_path(options.model, options.output, SUFFIX)
    wanted = emulating.request(options)
    if output:
        check_output(options.model, output, SUFFIX)
    with Progress() as progress:
        progress.tell("reading the model")
        given = read_arrays(options.inputs) if options.inputs else None
        asked = settings(options)
        model = executable(options.model, asked if wanted is None else as_compiled(asked), sink, given)
        inputs = generate_inputs(model.graph, options.seed) if given is None else given
        if wanted is None:
            outcome = _executed(options, model, inputs, progress.tell)
        else:
            outcome = _emulated(options, wanted, model, inputs, progress.tell)
    sink.extend(outcome.findings)
    print_findings(list(sink), (), str(options.model))
    if output:
        write_arrays(output, outcome.results)
    if options.format == "json":
        emit_json(_document(options, output, outcome))
    else:
        for name, array in outcome.results.items():
            print(f"{safe(name)}: {array.dtype}{list(array.shape)} {_summary(array)}".rstrip())
        print(f"\n{outcome.text}")
    return FINE


def _executed(options: argparse.Namespace, model: Model, inputs: Arrays, tell: Callable[[str], None]) -> _Outcome:
    execution = start(options.engine, model)
    tell("executing the model")
    started = time.perf_counter()
    results = execution.run(inputs)
    seconds = time.perf_counter() - started
    details: dict[str, Json] = {
        "engine": execution.engine,
        "engine_title": execution.title,
        "engine_notes": list(execution.notes),
        "seconds": seconds,
    }
    text = "\n".join([f"executed by {execution.title} in {seconds:.2f} s", *map(safe, execution.notes)])
    return _Outcome(results, details, text)


def _emulated(
    options: argparse.Namespace, wanted: Request, model: Model, inputs: Arrays, tell: Callable[[str], None]
) -> _Outcome:
    check_for_device(model)
    started = time.perf_counter()
    found = assess(setting_of(model.graph, wanted), inputs, searching=bool(options.keep_dtype_list), tell=tell)
    emulating.write_found(options, found)
    details: dict[str, Json] = {
        "engine": ENGINE.name,
        "engine_title": ENGINE.title(),
        "engine_notes": [report.EMULATED],
        "seconds": time.perf_counter() - started,
        "precision": report.document(found),
    }
    return _Outcome(found.narrow, details, report.text(found), report.findings(found))


def _document(options: argparse.Namespace, output: Path | None, outcome: _Outcome) -> dict[str, Json]:
    results = outcome.results.items()
    return {
        "model": str(options.model),
        "inputs": str(options.inputs) if options.inputs else f"generated, seed {options.seed}",
        "written": str(output) if output else None,
        "outputs": [{"name": name, "dtype": str(a.dtype), "shape": list(a.shape)} for name, a in results],
        **outcome.details,
    }


def _summary(array: NDArray[Any]) -> str:
    if not array.size or array.dtype.kind not in "fiub":
        return ""
    if array.size <= 8:
        return np.array2string(array.reshape(-1), precision=6, separator=", ")
    numbers = array.astype(np.float64)
    return f"min {numbers.min():.6g}, mean {numbers.mean():.6g}, max {numbers.max():.6g}"
