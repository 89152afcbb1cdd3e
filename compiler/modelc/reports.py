"""Reports as documents: what `--format json` prints, and what report files hold."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from modelc.analysis.model import analyze
from modelc.analysis.report import rows as analysis_rows
from modelc.analysis.report import totals
from modelc.diagnostics.diagnostic import Diagnostic
from modelc.frontends.frontend import Json
from modelc.ir.model import Model
from modelc.ir.op import Value
from modelc.ir.types import TensorType, format_dim
from modelc.pipeline.facts import GE
from modelc.tables import format_bytes
from modelc.version import __version__

if TYPE_CHECKING:
    from modelc.driver import Compilation
    from modelc.execute.verification import Verification


def finding_document(diagnostic: Diagnostic) -> dict[str, Json]:
    """Return one finding."""
    return {
        "code": diagnostic.code,
        "name": diagnostic.entry.name,
        "severity": diagnostic.severity.value,
        "message": diagnostic.message,
        "op": diagnostic.op,
        "kind": diagnostic.kind,
        "file": diagnostic.file,
        "origin": [
            {"framework": node.framework, "name": node.name, "op_type": node.op_type}
            for node in diagnostic.origin.nodes
        ],
        "evidence": dict(diagnostic.evidence),
        "notes": list(diagnostic.notes),
        "fixes": [{"text": fix.text, "flag": fix.flag} for fix in diagnostic.fixes],
        "accepted_by": list(diagnostic.accepted_by),
    }


def value_document(name: str, value: Value) -> dict[str, Json]:
    """Return name, dtype and shape of an input or output; unknown dimensions are null, symbols are texts."""
    type_ = value.type
    if not isinstance(type_, TensorType):
        return {"name": name, "dtype": str(type_), "shape": None}
    element = type_.element
    dtype = None if element is None else "string" if element.family == "string" else element.numpy
    return {"name": name, "dtype": dtype, "shape": None if type_.shape is None else list(type_.shape)}


def model_document(model: Model) -> dict[str, Json]:
    """Return inputs, outputs and the number of ops of each kind, sources before results."""
    graph = model.graph
    counts = Counter(op.kind for op in model.ops())
    return {
        "inputs": [value_document(*pair) for pair in zip(graph.input_names, graph.inputs, strict=True)],
        "outputs": [value_document(*pair) for pair in zip(graph.output_names, graph.outputs, strict=True)],
        "op_counts": dict(sorted(counts.items())),
    }


def compilation_document(compilation: Compilation, verification: Verification | None = None) -> dict[str, Json]:
    """Return everything about one compilation."""
    artifact = compilation.artifact
    document: dict[str, Json] = {
        "modelc": __version__,
        "source": str(compilation.source),
        "artifact": None if artifact is None else str(artifact.path),
        "target": compilation.settings.target,
        "kind": None if artifact is None else artifact.kind,
        "sha256": None if artifact is None else artifact.sha256,
        "nbytes": None if artifact is None else artifact.nbytes,
        "weights": None if artifact is None or artifact.weights is None else str(artifact.weights),
        "next_steps": [] if artifact is None else list(artifact.next_steps),
        "profile": compilation.settings.profile,
        "verdict": "ok" if compilation.ok else "rejected",
    }
    if compilation.model is not None:
        document |= {"format": compilation.model.source.format if compilation.model.source else ""}
        document |= model_document(compilation.model)
        if compilation.ok and GE in compilation.model.facts:
            document["analysis"] = totals(analyze(compilation.model.graph))
    document |= {
        "findings": [finding_document(d) for d in compilation.findings],
        "consequences": len(compilation.consequences),
        "pipeline": compilation.pipeline,
        "passes": [
            {"name": r.name, "spec": r.spec, "depth": r.depth, "seconds": r.seconds, "edits": r.edits, "ops": r.ops}
            for r in compilation.records
        ],
        "seconds": compilation.seconds,
    }
    if verification is not None:
        document["verification"] = verification.document()
    return document


def artifact_rows(compilation: Compilation) -> list[tuple[str, str]]:
    """Return what was made for people, each with its title; nothing where nothing was."""
    artifact, model = compilation.artifact, compilation.model
    if artifact is None or model is None:
        return []
    document = model_document(model)
    rows = [("wrote", f"{artifact.path} ({format_bytes(artifact.nbytes)}, {compilation.seconds:.2f} s)")]
    rows += [("kind", artifact.kind), ("source", model.source.format if model.source else "")]
    for what in ("inputs", "outputs"):
        values = document[what]
        assert isinstance(values, list)
        rows += [(what[:-1], f"{value['name']}: {format_type(value)}") for value in values]
    return rows


def summary_rows(compilation: Compilation) -> list[tuple[str, str]]:
    """Return what was made and what it costs, for people; nothing where nothing was."""
    made, model = artifact_rows(compilation), compilation.model
    return [*made, *analysis_rows(analyze(model.graph))] if made and model and GE in model.facts else made


def format_type(document: dict[str, Json]) -> str:
    """Return `float32[1, 8, 8, 1]` for a value's document."""
    shape = document["shape"]
    if not isinstance(shape, list):
        return f"{document['dtype']}[*]"
    return f"{document['dtype']}[{', '.join(format_dim(d) for d in shape if d is None or isinstance(d, int | str))}]"
