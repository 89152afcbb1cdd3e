"""The engine that is always there: the evaluator of this package, with numpy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelc.dialects.ge.run import Observer
from modelc.execute.engine import NO_TAPS, Arrays, Engine, Runner, Taps
from modelc.execute.evaluator import evaluate, obstacles
from modelc.ir.model import Model
from modelc.ir.op import Op


def prepare(model: Model, taps: Taps = NO_TAPS) -> Runner:
    """Return what executes `model`."""
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
    obstacles=lambda model: obstacles(model.graph),
    prepare=prepare,
)
