"""The engine that is always there: the evaluator of this package, with numpy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelc.diagnostics.diagnostic import Diagnostic, Fix, ModelcError, finding
from modelc.dialects.ge.run import Observer
from modelc.execute.engine import NO_TAPS, Arrays, Engine, Runner, Taps
from modelc.execute.evaluator import evaluate, obstacles
from modelc.ir.model import Model
from modelc.ir.op import Op
from modelc.pipeline.facts import ONNX


def _obstacles(model: Model) -> list[Diagnostic]:
    if ONNX not in model.facts:
        return obstacles(model.graph)
    fix = Fix("install the extra: pip install 'modelc[onnxruntime]'")
    return [finding("MC606", "the model holds ops of ONNX, which onnxruntime executes and numpy does not", fixes=[fix])]


def prepare(model: Model, taps: Taps = NO_TAPS) -> Runner:
    """Return what executes `model`; raises ModelcError where it cannot be executed."""
    problems = _obstacles(model)
    if problems:
        raise ModelcError(*problems)
    observe = _observer(taps) if taps.values else None

    def run(inputs: Arrays) -> dict[str, NDArray[Any]]:
        return evaluate(model.graph, inputs, observe=observe)

    return run


def _observer(taps: Taps) -> Observer:
    def observe(op: Op, results: Sequence[NDArray[Any]]) -> None:
        for value, array in zip(op.results, results, strict=False):
            if value in taps.values:
                taps.take(value, array)

    return observe


ENGINE = Engine(
    "numpy",
    title=lambda: f"modelc (numpy {np.__version__})",
    is_installed=lambda: True,
    extra="",
    obstacles=_obstacles,
    prepare=prepare,
)
