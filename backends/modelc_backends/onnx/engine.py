"""The engine that executes models with onnxruntime."""

from __future__ import annotations

import tempfile
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from modelc.backend import WriteOptions
from modelc.diagnostics.diagnostic import Diagnostic, ModelcError, fail, finding
from modelc.execute.engine import NO_TAPS, Arrays, Engine, Runner, Taps
from modelc.execute.evaluator import checked
from modelc.ir.blob import Blob
from modelc.ir.clone import clone_model
from modelc.ir.model import Model
from modelc.ir.op import Op, Value
from modelc.ir.types import TensorType
from modelc.pipeline.facts import ONNX
from modelc.pipeline.passes import PassContext
from modelc_backends.onnx.backend import write_onnx
from modelc_backends.onnx.cancel_transposes import CancelTransposes
from modelc_backends.onnx.lower.missing import reason
from modelc_backends.onnx.lower_to_onnx import lower

PACKAGE: Final = "onnxruntime"
FOREIGN: Final = frozenset({"bf16", "c64", "c128", "string"})  # elements that cannot go in or out as they are
MAPPED: Final = 1 << 25  # bytes of constants from which they go into a file of their own, which is not read but mapped
SILENT: Final = 4  # of the levels of logging; what goes wrong is raised as well
BUILT_IN: Final = frozenset({"input", "const", "absent", "return"})


def title() -> str:
    """Return what to call it in a report."""
    try:
        return f"onnxruntime {version(PACKAGE)}"
    except PackageNotFoundError:
        return PACKAGE


def is_installed() -> bool:
    """Whether onnxruntime is there."""
    return find_spec(PACKAGE) is not None


def obstacles(model: Model) -> list[Diagnostic]:
    """Return one finding for each kind of op that is never lowered, and each element type that has no kernels."""
    kinds: dict[str, Op] = {}
    elements: dict[str, Value] = {}
    for op in model.ops():
        if op.kind not in BUILT_IN and op.dialect != "onnx" and reason(_op_type(op)):
            kinds.setdefault(op.kind, op)
        for value in op.results:
            if isinstance(value.type, TensorType) and value.type.element and value.type.element.name in FOREIGN:
                elements.setdefault(value.type.element.name, value)
    found = [
        finding(
            "MC602",
            f"{PACKAGE} cannot execute `{op.origin.name or op.name}` ({kind}), which {reason(_op_type(op))}",
            op,
        )
        for kind, op in kinds.items()
    ]
    return found + [
        finding("MC602", f"`{value.name}` is {value.type}, which {PACKAGE} does not compute with", value)
        for value in elements.values()
    ]


def _op_type(op: Op) -> str:
    return op.kind.removeprefix("ge.")


def prepare(model: Model, taps: Taps = NO_TAPS) -> Runner:
    """Return what executes `model`.

    Raises:
        ModelcError: The model has no form in ONNX, or onnxruntime does not take it.
    """
    lowered = clone_model(model)
    tapped = _add_taps(model, lowered, taps)
    if ONNX not in model.facts:
        _lower(lowered)
    session = _session(lowered)

    def run(inputs: Arrays) -> dict[str, NDArray[Any]]:
        arrays = dict(zip(model.graph.input_names, checked(model.graph, inputs), strict=True))
        try:
            results = [np.asarray(array) for array in session.run(None, arrays)]
        except Exception as error:  # native code raises types of its own, with no common base
            raise fail("MC605", f"{PACKAGE} failed: {_first_line(error)}") from error
        count = len(model.graph.outputs)
        for value, array in zip(tapped, results[count:], strict=True):
            taps.take(value, array)
        return dict(zip(model.graph.output_names, results[:count], strict=True))

    return run


def _lower(model: Model) -> None:
    findings = lower(model)
    if findings:
        raise ModelcError(*findings)
    for graph in list(model.graphs()):
        CancelTransposes().run_on(graph, PassContext())


def _add_taps(model: Model, copy: Model, taps: Taps) -> list[Value]:
    """Let `copy` give back what is tapped in `model`, behind its outputs; returns those values in order."""
    if not taps.values:
        return []
    pairs = [
        (old, new)
        for op, twin in zip(model.graph, copy.graph, strict=True)
        for old, new in zip(op.results, twin.results, strict=True)
        if old in taps.values and isinstance(old.type, TensorType) and any(value.readers for value in op.results)
    ]
    end, names = copy.graph.return_op, copy.graph.output_names
    copy.graph.set_operands(end, [*end.operands, *(new for _, new in pairs)])
    copy.graph.set_attribute(end, "names", (*names, *_free_names(model, len(pairs))))
    return [old for old, _ in pairs]


def _free_names(model: Model, count: int) -> list[str]:
    taken = {*model.graph.input_names, *model.graph.output_names}
    candidates = (f"tap{number}" for number in range(count + len(taken)))
    return [name for name in candidates if name not in taken][:count]


def _session(model: Model) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = SILENT
    blobs = (op.attributes.get("value") for op in model.ops() if op.kind == "const")
    is_big = sum(blob.nbytes for blob in blobs if isinstance(blob, Blob)) > MAPPED
    with tempfile.TemporaryDirectory(prefix="modelc-") as folder:
        path = Path(folder) / "model.onnx"
        write_onnx(model, path, WriteOptions(external_weights=is_big))
        try:
            return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # native code raises types of its own, with no common base
            raise fail("MC605", f"{PACKAGE} does not take the model: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]


ENGINE = Engine(
    PACKAGE,
    title=title,
    is_installed=is_installed,
    extra=PACKAGE,
    obstacles=obstacles,
    prepare=prepare,
    rank=1,
)
