"""The reader of SavedModels: a folder with a graph, its signatures, and a checkpoint with the variables."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from modelc.diagnostics.diagnostic import Fix, ModelcError, Sink, fail
from modelc.frontends.frontend import Frontend, Json, LoadOptions
from modelc.frontends.tensorflow.bundle import Bundle
from modelc.frontends.tensorflow.files import SAVED_MODEL, binary_kind, parse_text, text_kind
from modelc.frontends.tensorflow.graph import build_model, nodes_by_name
from modelc.frontends.tensorflow.layout import BINARY, TEXT, not_a_saved_model
from modelc.frontends.tensorflow.library import FunctionLibrary, parse
from modelc.frontends.tensorflow.nodes import FRAMEWORK
from modelc.frontends.tensorflow.order import Scope, graph_ref
from modelc.frontends.tensorflow.outputs import named_outputs
from modelc.frontends.tensorflow.signatures import (
    input_type,
    inputs_of,
    meta_graph,
    outputs_of,
    signature_key,
)
from modelc.frontends.tensorflow.variables import Variables, declared_type, missing, restored, variables_of
from modelc.frontends.wire import WireFile
from modelc.ir.model import Model, Source
from modelc.pipeline.facts import LIFTED


def recognizes(path: Path, head: bytes) -> int:
    """Return how sure it is that `path` is a SavedModel: its folder, or the file that holds its graph."""
    if path.is_dir():
        return 90 if (path / BINARY).is_file() or (path / TEXT).is_file() else 1
    if head and path.name in (BINARY, TEXT):
        return 80
    return 70 if SAVED_MODEL in (binary_kind(head), text_kind(head)) else 0


def load(path: Path, options: LoadOptions, sink: Sink) -> Model:
    """Read a signature of a SavedModel, with its variables as ranges of their files.

    Raises:
        ModelcError: It cannot be read.
    """
    file = _graph_file(path)
    with _opened(file) as wire:
        meta = meta_graph(_message(file, wire), options.tags)
        library = FunctionLibrary(meta.graph_def.library, wire)
        nodes = nodes_by_name(meta.graph_def.node, "the graph")
        key = signature_key(meta.signature_def, options.signature, sink)
        signature = meta.signature_def[key]
        inputs, outputs = inputs_of(signature, nodes), outputs_of(signature)
        if options.out_nodes:
            outputs = named_outputs(options.out_nodes, nodes, {output.name: output.ref for output in outputs})
        scope = Scope("", nodes, graph_ref, frozenset(each.ref for each in inputs))
        model = build_model(file, library, scope, inputs, outputs)
        _attach_variables(model, file, meta.saver_def.restore_op_name, nodes, library)
    model.facts.add(LIFTED)
    model.source = Source(FRAMEWORK, path, "SavedModel", _details(meta, key))
    return model


def describe(path: Path) -> Mapping[str, Json]:
    """Return the signatures of every meta graph.

    Raises:
        ModelcError: It cannot be read.
    """
    file = _graph_file(path)
    with _opened(file) as wire:
        graphs = list(_message(file, wire).meta_graphs)
    return {
        "meta graphs": [
            {
                "tags": sorted(graph.meta_info_def.tags),
                "tensorflow": graph.meta_info_def.tensorflow_version,
                "signatures": {key: _signature(graph.signature_def[key]) for key in sorted(graph.signature_def)},
            }
            for graph in graphs
        ]
    }


def _signature(signature: Any) -> Json:
    return {
        side: {key: str(input_type(f"`{key}`", infos[key], None)) for key in sorted(infos) if infos[key].dtype}
        for side, infos in (("inputs", signature.inputs), ("outputs", signature.outputs))
    }


def _graph_file(path: Path) -> Path:
    """Return the file that holds the graph.

    Raises:
        ModelcError: There is none, or it is empty.
    """
    file = path
    if path.is_dir():
        file = path / BINARY if (path / BINARY).is_file() else path / TEXT
        if not file.is_file():
            raise not_a_saved_model(path)
    if not file.stat().st_size:
        raise fail("MC102", f"`{file.name}` is empty", file=str(file), fixes=[Fix("export or copy the model again")])
    return file


def _opened(file: Path) -> AbstractContextManager[WireFile | None]:
    with file.open("rb") as stream:
        is_text = text_kind(stream.read(4096)) == SAVED_MODEL
    return nullcontext() if is_text else WireFile(file)


def _message(file: Path, wire: WireFile | None) -> Any:
    return parse_text(file, SAVED_MODEL) if wire is None else parse(SAVED_MODEL, wire)


def _details(meta: Any, key: str) -> tuple[tuple[str, str], ...]:
    info = meta.meta_info_def
    details = (("signature", key), ("tags", ",".join(sorted(info.tags))), ("TensorFlow", info.tensorflow_version))
    return tuple((name, value) for name, value in details if value)


def _attach_variables(
    model: Model, file: Path, restore_op: str, nodes: Mapping[str, Any], library: FunctionLibrary
) -> None:
    """Give every variable that the model reaches its value; the checkpoint is only read if there is one.

    Without a sound index the variables say so themselves, each as long as somebody needs it.
    """
    variables = variables_of(model)
    if not variables:
        return
    prefix = file.parent / "variables" / "variables"
    try:
        if not prefix.with_suffix(".index").is_file():
            raise fail("MC111", "`variables/variables.index` is missing")
        source = Variables(Bundle(prefix), restored(nodes, library, restore_op, file))
    except ModelcError as error:
        for op in variables:
            op.attributes["value"] = missing(declared_type(op), error.diagnostics[0].message)
        return
    for op in variables:
        source.attach(op)


FRONTEND = Frontend("saved-model", "TensorFlow SavedModel", recognizes, load, describe)
