"""The reader of frozen graphs: one GraphDef, binary or text, with its weights inside."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from modelc.diagnostics.diagnostic import Diagnostic, Fix, ModelcError, Sink, fail
from modelc.frontends.frontend import Frontend, Json, LoadOptions
from modelc.frontends.tensorflow.files import GRAPH_DEF, META_GRAPH, SAVED_MODEL, binary_kind, parse_text, text_kind
from modelc.frontends.tensorflow.graph import Input, Output, build_model, nodes_by_name
from modelc.frontends.tensorflow.library import FunctionLibrary, parse
from modelc.frontends.tensorflow.nodes import FRAMEWORK
from modelc.frontends.tensorflow.order import Ref, Scope, graph_ref
from modelc.frontends.tensorflow.outputs import PLACEHOLDERS, default_outputs, named_outputs
from modelc.frontends.tensorflow.signatures import input_type
from modelc.frontends.wire import WireFile
from modelc.ir.model import UNUSED_INPUTS, Model, Source
from modelc.ir.types import UNKNOWN, Type
from modelc.pipeline.facts import LIFTED

_HEAD = 4096
_SUFFIXES = (".pb", ".pbtxt")

_FOREIGN = (
    (b"version https://git-lfs", "a Git LFS pointer, not the file itself", "fetch the file with `git lfs pull`"),
    (b"\x1f\x8b", "compressed with gzip", "unpack it with `gunzip`"),
    (b"PK\x03\x04", "a zip archive", "unpack it"),
    (b"<", "a web page", "download the file itself"),
    (b"\x89HDF", "an HDF5 file", "load it with `keras.models.load_model` and `export` it to a folder"),
)


def recognizes(path: Path, head: bytes) -> int:
    """Return how sure it is that `path` is a graph file."""
    kind = text_kind(head) or binary_kind(head)
    if kind in (GRAPH_DEF, META_GRAPH):
        return 70
    return 5 if head and path.suffix in _SUFFIXES and kind != SAVED_MODEL else 0


def load(path: Path, options: LoadOptions, sink: Sink) -> Model:
    """Read a frozen graph; its weights stay where they are in the file. Variables that are left have no value.

    Raises:
        ModelcError: It cannot be read.
    """
    is_text = _check(path)
    opened: AbstractContextManager[WireFile | None] = nullcontext() if is_text else WireFile(path)
    with opened as wire:
        graph = parse_text(path, GRAPH_DEF) if wire is None else parse(GRAPH_DEF, wire)
        library = FunctionLibrary(graph.library, wire)
        nodes = nodes_by_name(graph.node, "the graph")
        outputs = named_outputs(options.out_nodes, nodes, {}) if options.out_nodes else default_outputs(nodes, path)
        inputs, findings = _inputs(nodes, outputs, graph.versions.producer)
        scope = Scope("", nodes, graph_ref, frozenset(each.ref for each in inputs))
        model = build_model(path, library, scope, inputs, outputs, findings)
    model.facts.add(LIFTED)
    details = _details(graph, inputs)
    model.source = Source(FRAMEWORK, path, "frozen graph (text)" if is_text else "frozen graph", details)
    return model


def _details(graph: Any, inputs: list[Input]) -> tuple[tuple[str, str], ...]:
    used = {each.name for each in inputs}
    unused = [node.name for node in graph.node if node.op in PLACEHOLDERS and node.name not in used]
    details = (("producer", str(graph.versions.producer or "")), (UNUSED_INPUTS, ", ".join(unused)))
    return tuple((key, value) for key, value in details if value)


def _inputs(nodes: Mapping[str, Any], outputs: list[Output], producer: int) -> tuple[list[Input], list[Diagnostic]]:
    """Return the placeholders that the outputs depend on, in the order of the file, and what is wrong with them."""
    needed: set[str] = set()
    pending = [output.ref.node for output in outputs]
    while pending:
        name = pending.pop()
        if name in nodes and name not in needed:
            needed.add(name)
            pending.extend(graph_ref(text).node for text in nodes[name].input)
    inputs: list[Input] = []
    findings: list[Diagnostic] = []
    for name, node in nodes.items():
        if name in needed and node.op in PLACEHOLDERS:
            type_: Type = UNKNOWN
            try:
                type_ = input_type(f"input `{name}`", None, node, producer)
            except ModelcError as error:
                findings.extend(error.diagnostics)
            inputs.append(Input(Ref(name), name, type_))
    return inputs, findings


def describe(path: Path) -> Mapping[str, Json]:
    """Return the version of TensorFlow's graph format, and how many nodes of each op type there are.

    Raises:
        ModelcError: It cannot be read.
    """
    is_text = _check(path)
    opened: AbstractContextManager[WireFile | None] = nullcontext() if is_text else WireFile(path)
    with opened as wire:
        graph = parse_text(path, GRAPH_DEF) if wire is None else parse(GRAPH_DEF, wire)
        functions = list(FunctionLibrary(graph.library, wire))
    counts: dict[str, int] = {}
    for node in graph.node:
        counts[node.op] = counts.get(node.op, 0) + 1
    return {
        "producer": graph.versions.producer,
        "functions": functions,
        "nodes": {op: counts[op] for op in sorted(counts)},
    }


def _check(path: Path) -> bool:
    """Return whether the file is a graph's text; raises ModelcError for one that is no graph at all."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError as error:
        raise fail("MC101", f"cannot read `{path.name}`: {error.strerror}", file=str(path)) from error
    if not head:
        raise fail("MC102", f"`{path.name}` is empty", file=str(path), fixes=[Fix("export or copy the model again")])
    kind = text_kind(head) or binary_kind(head)
    if kind == META_GRAPH:
        raise _meta_graph(path)
    for magic, title, fix in _FOREIGN:
        if head.startswith(magic):
            raise fail("MC103", f"`{path.name}` is {title}", file=str(path), fixes=[Fix(fix)])
    return bool(text_kind(head))


def _meta_graph(path: Path) -> ModelcError:
    return fail(
        "MC103",
        f"`{path.name}` is a MetaGraphDef: a graph whose weights are in a checkpoint elsewhere",
        file=str(path),
        fixes=[
            Fix("restore it with `tf.compat.v1.train.import_meta_graph` and save it as a SavedModel"),
            Fix("freeze it with TensorFlow's `freeze_graph` and give the frozen graph"),
        ],
    )


FRONTEND = Frontend("tensorflow-graph", "TensorFlow frozen graph", recognizes, load, describe)
