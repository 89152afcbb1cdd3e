"""Graphs of ONNX files as graphs of the dialect of ONNX, node by node."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from modelc.diagnostics.diagnostic import Diagnostic, ModelcError, finding
from modelc.dialects.lookup import op_def
from modelc.dialects.onnx import ORIGIN
from modelc.dialects.onnx.dtypes import type_of_proto
from modelc.frontends.onnx.tensors import BadTensorError, tensor_blob, tensor_type
from modelc.ir.attributes import Attribute, Dense
from modelc.ir.blob import BytesBlob
from modelc.ir.graph import Graph
from modelc.ir.op import Op, Value
from modelc.ir.opdef import InferenceError
from modelc.ir.origin import Origin, SourceNode
from modelc.ir.types import NONE, UNKNOWN, Type

FRAMEWORK: Final = "onnx"
_SOURCE_NODE: Final = re.compile(r"(?P<name>.+?) \((?P<kind>\w+)\)(?:, |$)")
_GRAPH: Final = 5  # the type of an attribute that is a graph
_PLAIN: Final = {1: "f", 2: "i", 3: "s", 6: "floats", 7: "ints", 8: "strings"}
_TENSOR: Final = 4
MOST_FINDINGS: Final = 100


def lift(proto: Any, path: Path, framework: str) -> Graph:
    """Return the graph of a model.

    Args:
        proto: The `ModelProto`.
        path: Its file, which holds the big tensors.
        framework: What the names in origins belong to, where the file states origins.

    Raises:
        ModelcError: Everything that is wrong with it.
    """
    lifter = _Lifter(path, framework)
    graph = lifter.graph(proto.graph, "main")
    if lifter.findings:
        raise ModelcError(*lifter.findings[:MOST_FINDINGS])
    return graph


@dataclass(slots=True)
class _Scope:
    """What is known inside of one graph.

    Attributes:
        graph: The graph.
        types: What the file says of types, by name.
        values: The values so far, by name.
        outer: The scope around, None for the entry.
        captured: Values of the scopes around that are read in here, by name; they become inputs.
    """

    graph: Graph
    types: Mapping[str, Type]
    values: dict[str, Value] = field(default_factory=dict[str, Value])
    outer: _Scope | None = None
    captured: list[str] = field(default_factory=list[str])

    def knows(self, name: str) -> bool:
        """Whether there is a value of that name here or around."""
        return name in self.values or (self.outer is not None and self.outer.knows(name))


@dataclass(slots=True)
class _Lifter:
    path: Path
    framework: str
    findings: list[Diagnostic] = field(default_factory=list[Diagnostic])

    def report(self, code: str, problem: str) -> None:
        """Add a finding about the file."""
        self.findings.append(finding(code, f"`{self.path.name}` {problem}", file=str(self.path)))

    def graph(self, proto: Any, name: str, outer: _Scope | None = None, captured: tuple[str, ...] = ()) -> Graph:
        """Return a graph; values around it that it reads are its last inputs, `captured`, in that order."""
        described = (*proto.value_info, *proto.output, *proto.input)
        scope = _Scope(Graph(name), {each.name: type_of_proto(each.type) for each in described}, outer=outer)
        constants = {tensor.name for tensor in proto.initializer}
        given = [each.name for each in proto.input if each.name not in constants]
        self._inputs(scope, given, captured)
        for tensor in proto.initializer:
            self._constant(scope, tensor)
        if proto.sparse_initializer:
            self.report("MC302", "holds sparse constants, which are not read")
        for node in proto.node:
            self._node(scope, node)
        outputs = [each.name for each in proto.output]
        values = [self._operand(scope, each, "an output of the graph") for each in outputs]
        scope.graph.append(Op("return", tuple(values), {"names": tuple(outputs)}))
        return scope.graph

    def _inputs(self, scope: _Scope, given: list[str], captured: tuple[str, ...]) -> None:
        types = [scope.types.get(name, UNKNOWN) for name in given]
        outer = [scope.outer.values[name].type for name in captured] if scope.outer else []
        op = scope.graph.append(Op("input", (), {"names": (*given, *captured)}, (*types, *outer)))
        for name, value in zip((*given, *captured), op.results, strict=True):
            scope.graph.set_name(value, name)
            self._define(scope, name, value)

    def _define(self, scope: _Scope, name: str, value: Value) -> None:
        if name in scope.values:
            self.report("MC117", f"computes `{name}` twice")
        scope.values[name] = value

    # -- constants

    def _constant(self, scope: _Scope, tensor: Any) -> None:
        constant = self._tensor(tensor, f"constant `{tensor.name}`")
        attributes: dict[str, Attribute] = {"value": constant.blob}
        op = Op("const", (), attributes, (constant.type,), name=tensor.name)
        self._define(scope, tensor.name, scope.graph.append(op).result)

    def _tensor(self, tensor: Any, what: str) -> Dense:
        try:
            type_ = tensor_type(tensor)
            return Dense(type_, tensor_blob(tensor, type_, self.path))
        except BadTensorError as error:
            self.report("MC116", f"holds the {what} that {error}")
            return Dense(UNKNOWN, BytesBlob(b""))

    # -- nodes

    def _node(self, scope: _Scope, node: Any) -> None:
        what = f"`{node.name or next(iter(node.output), '')}` ({node.op_type})"
        definition = op_def(f"onnx.{node.op_type}") if node.domain in ("", "ai.onnx") else None
        if definition is None:
            self.report("MC211", f"holds the op {what} of domain `{node.domain or 'ai.onnx'}`, which is not known")
            return
        operands = [self._operand(scope, name, f"an operand of {what}") for name in node.input]
        attributes = dict(self._attributes(node, what))
        graphs, captured = self._graphs(scope, node, what, definition.subgraphs)
        origin = _origin(node, self.framework)
        types = tuple(scope.types.get(name, UNKNOWN) if name else NONE for name in node.output)
        op = Op(definition.kind, (*operands, *captured), attributes, types, graphs=graphs, origin=origin)
        scope.graph.append(op)
        for name, value in zip(node.output, op.results, strict=True):
            scope.graph.set_name(value, name)
            if name:
                self._define(scope, name, value)
        self._infer(scope, op)

    def _infer(self, scope: _Scope, op: Op) -> None:
        """State the types that the file leaves open."""
        definition = op_def(op.kind)
        if definition is None or definition.infer is None or all(value.type != UNKNOWN for value in op.results):
            return
        try:
            types = definition.infer(op)
        except InferenceError:
            return  # whoever needs the type says that it is not known
        for value, type_ in zip(op.results, types, strict=False):
            if value.type == UNKNOWN:
                scope.graph.set_type(value, type_)

    def _operand(self, scope: _Scope, name: str, what: str) -> Value:
        if not name:
            return scope.graph.append(Op("absent", (), {}, (NONE,))).result
        if name not in scope.values:
            self.report("MC110", f"has {what} called `{name}`, which nothing before it computes")
            scope.values[name] = scope.graph.append(Op("absent", (), {}, (NONE,))).result
        return scope.values[name]

    # -- attributes

    def _attributes(self, node: Any, what: str) -> Iterator[tuple[str, Attribute]]:
        for attribute in node.attribute:
            if attribute.type in _PLAIN:
                yield attribute.name, _plain(getattr(attribute, _PLAIN[attribute.type]))
            elif attribute.type == _TENSOR:
                yield attribute.name, self._tensor(attribute.t, f"attribute `{attribute.name}` of {what}")
            elif attribute.type != _GRAPH:
                self.report("MC302", f"has the attribute `{attribute.name}` of {what} in a form that is not read")

    def _graphs(
        self, scope: _Scope, node: Any, what: str, names: tuple[str, ...]
    ) -> tuple[tuple[Graph, ...], list[Value]]:
        """Return the nested graphs of a node in the order of its schema, and what they read of the graphs around."""
        protos = {each.name: each.g for each in node.attribute if each.type == _GRAPH}
        missing = [name for name in names if name not in protos]
        if missing:
            self.report("MC302", f"lacks the graph `{missing[0]}` of {what}")
            return (), []
        captured = tuple(dict.fromkeys(name for each in names for name in _read_around(protos[each])))
        unknown = [name for name in captured if not scope.knows(name)]
        if unknown:
            self.report("MC110", f"has a graph of {what} that reads `{unknown[0]}`, which nothing before it computes")
            return (), []
        if captured and node.op_type != "If":
            self.report("MC302", f"has a graph of {what} that reads `{captured[0]}` of the graph around it")
            return (), []
        around = [self._operand(scope, name, f"a value for {what}") for name in captured]
        return tuple(self.graph(protos[name], name, scope, captured) for name in names), around


def _read_around(proto: Any) -> Iterator[str]:
    """Yield the names that a graph reads and does not define."""
    defined = {each.name for each in (*proto.input, *proto.initializer)}
    for node in proto.node:
        nested = (name for each in node.attribute if each.type == _GRAPH for name in _read_around(each.g))
        yield from (name for name in (*node.input, *nested) if name and name not in defined)
        defined.update(node.output)
    yield from (each.name for each in proto.output if each.name not in defined)


def _plain(value: Any) -> Attribute:
    if isinstance(value, bytes):
        return _text(value)
    if isinstance(value, bool | int | float):
        return value
    return tuple(_text(item) if isinstance(item, bytes) else item for item in value)


def _text(value: bytes) -> str | bytes:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value


def _origin(node: Any, framework: str) -> Origin:
    """Return where a node came from: what the file says of it, or the node itself."""
    stated = next((each.value for each in node.metadata_props if each.key == ORIGIN), "")
    nodes = [SourceNode(framework, match["name"], match["kind"]) for match in _SOURCE_NODE.finditer(stated)]
    name = node.name or next(iter(node.output), "")
    return Origin(tuple(nodes)) if nodes else Origin.of(FRAMEWORK, name, node.op_type)
