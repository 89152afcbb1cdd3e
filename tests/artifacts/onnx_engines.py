"""Running a graph with numpy and with onnxruntime, and having its file checked by ONNX's own checker."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import onnx
from numpy.typing import NDArray

from modelc.diagnostics.diagnostic import Sink
from modelc.dialects.lookup import op_def
from modelc.execute.compare import compare
from modelc.execute.evaluator import evaluate
from modelc.execute.generate import generate_inputs
from modelc.ir.clone import clone_model
from modelc.ir.model import Model
from modelc.ir.verify import Level, verify
from modelc.pipeline import manager
from modelc.pipeline.facts import GE, TYPED
from modelc.pipeline.passes import PassContext
from modelc.text.reader import read_model
from modelc_backends.onnx import engine
from modelc_backends.onnx.backend import write_onnx

SEEDS = (0, 1)


def model_of(text: str) -> Model:
    """Return the model of a text in the canonical dialect, with the facts that lowering needs."""
    model = read_model(text)
    model.facts |= {GE, TYPED}
    return model


def lowered(model: Model, passes: str = "lower-to-onnx,cancel-transposes") -> Model:
    """Return a copy of `model` in the dialect of ONNX, verified; fails where something has no form there."""
    copy, sink = clone_model(model), Sink()
    manager.run(copy, manager.parse(passes), PassContext(sink))
    assert not sink.errors, [diagnostic.message for diagnostic in sink]
    for graph in copy.graphs():
        findings = verify(graph, Level.TYPES, op_def)
        assert not findings, [diagnostic.message for diagnostic in findings]
    return copy


def counts(model: Model) -> dict[str, int]:
    """Return how many ops of each kind of ONNX the main graph has."""
    kinds = [op.kind.removeprefix("onnx.") for op in model.graph if op.dialect == "onnx"]
    return {kind: kinds.count(kind) for kind in sorted(set(kinds))}


def check_file(model: Model) -> Any:
    """Return a model in the dialect of ONNX as it is in its file; fails where ONNX's checker finds fault with it."""
    with tempfile.TemporaryDirectory() as folder:
        path = write_onnx(model, Path(folder) / "model.onnx").path
        onnx.checker.check_model(str(path), full_check=True)
        return onnx.load(str(path))


def check(
    source: str | Model,
    inputs: Mapping[str, NDArray[Any]] | None = None,
    passes: str = "lower-to-onnx,cancel-transposes",
) -> Model:
    """Compare numpy with onnxruntime on a graph in the canonical dialect, and have its file checked.

    Args:
        source: The graph as text, or the model.
        inputs: What to feed; by default random inputs, made from several seeds.
        passes: What brings it into the dialect of ONNX.

    Returns:
        The model in the dialect of ONNX.
    """
    model = model_of(source) if isinstance(source, str) else source
    result = lowered(model, passes)
    check_file(result)
    assert not (found := engine.obstacles(model)), [diagnostic.message for diagnostic in found]
    run = engine.prepare(model)
    for arrays in [inputs] if inputs is not None else [generate_inputs(model.graph, seed) for seed in SEEDS]:
        expected, actual = evaluate(model.graph, arrays), run(arrays)
        for name, reference in expected.items():
            assert actual[name].dtype == reference.dtype, name
            comparison = compare(name, reference, actual[name])
            assert comparison.equal, comparison
    return result
