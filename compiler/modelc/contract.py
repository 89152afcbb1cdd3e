"""The contract of an artifact: what a program must give it and gets back, and which op came from which source node.

It is read back from the artifact itself, so that its names are those that stand there.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from modelc.backend import BACKENDS, Layouts
from modelc.diagnostics.diagnostic import Sink
from modelc.dialects.ge.dtypes import DATA_TYPES
from modelc.driver import Compilation
from modelc.files import write_text
from modelc.frontends.frontend import Json, LoadOptions
from modelc.frontends.load import load
from modelc.ir.graph import Graph
from modelc.ir.model import Model
from modelc.ir.op import Op, Value
from modelc.ir.origin import SourceNode
from modelc.ir.types import TensorType
from modelc.reports import value_document
from modelc.version import __version__

VERSION = 1  # of the form; counts up when something in it changes its meaning
ANY_LAYOUT = "ND"
_OWN = frozenset({"om", "air"})  # frameworks whose nodes are ops of artifacts
_SILENT = frozenset({"input", "return", "absent"})


def io_contract(compilation: Compilation) -> dict[str, Json]:
    """Return the contract of the artifact that a compilation wrote; `docs/io-contract.md` describes it.

    Raises:
        ModelcError: The artifact cannot be read back.
        ValueError: The compilation wrote none.
    """
    artifact, source = compilation.artifact, compilation.model
    if artifact is None or source is None:
        raise ValueError("there is no artifact")
    model = load(artifact.path, LoadOptions(), Sink())
    kind = source.source
    return {
        "contract": VERSION,
        "modelc": __version__,
        "artifact": {
            "file": artifact.path.name,
            "target": artifact.target,
            "kind": artifact.kind,
            "sha256": artifact.sha256,
            "nbytes": artifact.nbytes,
        },
        "source": {
            "file": compilation.source.resolve().name,
            "framework": kind.framework if kind else "",
            "format": kind.format if kind else "",
        },
        **_ends(source.graph, model.graph, BACKENDS.get(artifact.target).layouts),
        "provenance": _provenance(model, kind is not None and kind.framework in _OWN),
    }


def write_io_contract(compilation: Compilation, path: Path) -> None:
    """Write the contract of the artifact that a compilation wrote, as a whole or not at all.

    Raises:
        ModelcError: It cannot be written, or the artifact cannot be read back.
    """
    write_text(path, json.dumps(io_contract(compilation), indent=2, ensure_ascii=False) + "\n")


# -- inputs and outputs


def _ends(source: Graph, graph: Graph, layout_of: Layouts | None) -> dict[str, Json]:
    layouts = None if layout_of is None else layout_of(graph)
    given = dict(zip(source.input_names, (value.name for value in source.inputs), strict=True))
    made = dict(zip(source.output_names, (value.producer.origin.name for value in source.outputs), strict=True))
    inputs = enumerate(zip(graph.input_names, graph.inputs, strict=True))
    outputs = enumerate(zip(graph.output_names, graph.outputs, strict=True))
    return {
        "inputs": [
            _end(index, name, value, layouts) | {"op": value.name or name, "source": given.get(name) or name}
            for index, (name, value) in inputs
        ],
        "outputs": [
            _end(index, name, value, layouts) | _producer(value) | {"source": made.get(name) or name}
            for index, (name, value) in outputs
        ],
    }


def _end(index: int, name: str, value: Value, layouts: Mapping[Value, str] | None) -> dict[str, Json]:
    type_ = value.type
    element = type_.element if isinstance(type_, TensorType) else None
    is_sized = isinstance(type_, TensorType) and type_.is_static and element is not None and element.nbytes > 0
    known = DATA_TYPES.get(element.name) if element is not None else None
    return {
        "index": index,
        **value_document(name, value),
        "ge_dtype": known.name if known else None,
        "layout": None if layouts is None else layouts.get(value, ANY_LAYOUT),
        "nbytes": type_.nbytes if isinstance(type_, TensorType) and is_sized else None,
    }


def _producer(value: Value) -> dict[str, Json]:
    op = value.producer
    return {"op": value.name, "result": 0} if op.kind == "input" else {"op": op.name, "result": value.index}


# -- provenance


@dataclass(slots=True)
class _Entry:
    op_type: str
    ops: dict[str, None]


def _provenance(model: Model, is_own: bool) -> dict[str, Json]:
    """Return which source nodes each op came from, and which ops each source node became."""
    by_op: dict[str, Json] = {}
    by_source: dict[str, _Entry] = {}
    for op in _ops(model):
        nodes = _sources(op, is_own)
        by_op[op.name] = {"type": _type(op), "sources": [node.name for node in nodes]}
        for node in nodes:
            by_source.setdefault(node.name, _Entry(node.op_type, {})).ops[op.name] = None
    sources: dict[str, Json] = {
        name: {"type": entry.op_type, "ops": list(entry.ops)} for name, entry in sorted(by_source.items())
    }
    return {"by_op": by_op, "by_source": sources}


def _ops(model: Model) -> Iterator[Op]:
    return (op for op in model.ops() if op.kind not in _SILENT)


def _sources(op: Op, is_own: bool) -> Sequence[SourceNode]:
    """Return the source nodes of `op`; an artifact gives an op of unknown origin itself as its origin."""
    return op.origin.nodes if is_own else [node for node in op.origin.nodes if node.framework not in _OWN]


def _type(op: Op) -> str:
    return "Const" if op.kind == "const" else op.kind.partition(".")[2]
