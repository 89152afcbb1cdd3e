"""Nodes to graphs: everything that the outputs depend on, and the functions that are called there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelc.diagnostics.diagnostic import Diagnostic, Fix, ModelcError, finding
from modelc.frontends.tensorflow.library import FunctionLibrary
from modelc.frontends.tensorflow.nodes import Lifted, NodeLifter, argument_type
from modelc.frontends.tensorflow.order import (
    CONTROL,
    LoopError,
    Order,
    Ref,
    Scope,
    arrange,
    cycle,
    dangling,
    function_ref,
    postorder,
)
from modelc.ir.graph import Graph
from modelc.ir.model import Model
from modelc.ir.op import Op, Value
from modelc.ir.types import Type


@dataclass(frozen=True, slots=True)
class Input:
    """One input of a graph.

    Attributes:
        ref: The result that it stands for.
        name: Its public name.
        type: Its type.
    """

    ref: Ref
    name: str
    type: Type


@dataclass(frozen=True, slots=True)
class Output:
    """One output of a graph.

    Attributes:
        name: Its public name.
        ref: The result that it is.
    """

    name: str
    ref: Ref


def nodes_by_name(nodes: Iterable[Any], where: str) -> dict[str, Any]:
    """Return `nodes` by name; raises ModelcError with every name that two nodes have or that is no text."""
    table: dict[str, Any] = {}
    findings: dict[str, Diagnostic] = {}
    for node in nodes:
        name = node.name
        if name in table:
            findings[name] = _duplicate(name, (table[name].op, node.op), where)
        elif not name.isprintable():
            findings[name] = finding("MC105", f"{name!r} in {where} is not the name of a node")
        table[name] = node
    if findings:
        raise ModelcError(*list(findings.values())[:_MOST_BAD_NAMES])
    return table


_MOST_BAD_NAMES = 50


def _duplicate(name: str, op_types: tuple[str, str], where: str) -> Diagnostic:
    return finding(
        "MC117",
        f"two nodes of {where} are called `{name}`",
        evidence=[("op types", ", ".join(op_types))],
        fixes=[Fix("rename one of them where the model is built")],
    )


def build_model(
    path: Path,
    library: FunctionLibrary,
    scope: Scope,
    inputs: Sequence[Input],
    outputs: Sequence[Output],
    findings: Iterable[Diagnostic] = (),
) -> Model:
    """Return the model that computes `outputs` from `inputs`, with all functions it calls.

    Args:
        path: The file that the nodes were read from.
        library: The functions that nodes may call.
        scope: The nodes of the main graph.
        inputs: Its inputs; their refs must be fed in `scope`.
        outputs: Its outputs.
        findings: What was found wrong before.

    Raises:
        ModelcError: With everything that was found wrong.
    """
    lifter = NodeLifter(path, library)
    lifter.findings.extend((*findings, *library.findings))
    model = Model(_graph(lifter, scope, inputs, outputs))
    calls = _add_functions(model, lifter, library)
    try:
        postorder([""], lambda caller: calls[caller])
    except LoopError as error:
        lifter.findings.append(cycle(error.path[::-1], "the function library"))
    if lifter.findings:
        raise ModelcError(*dict.fromkeys(lifter.findings))
    return model


def _add_functions(model: Model, lifter: NodeLifter, library: FunctionLibrary) -> Mapping[str, list[str]]:
    """Add every function that is called, directly or not; returns who calls whom, the main graph being ""."""
    called = lifter.attributes.functions
    calls, pending = {"": list(called)}, dict(called)
    while pending:
        name, reader = pending.popitem()
        called.clear()
        if name in library:
            try:
                model.functions[name] = _function(lifter, name, library[name])
            except ModelcError as error:
                lifter.findings.extend(error.diagnostics)
        else:
            lifter.findings.append(finding("MC110", f"`{reader}` calls function `{name}`, which does not exist"))
        calls[name] = list(called)
        pending |= {callee: node for callee, node in called.items() if callee not in calls}
    return calls


def _function(lifter: NodeLifter, name: str, proto: Any) -> Graph:
    arguments = [Input(Ref(arg.name), arg.name, argument_type(arg)) for arg in proto.signature.input_arg]
    nodes = nodes_by_name(proto.node_def, f"function `{name}`")
    scope = Scope(name, nodes, function_ref, frozenset(argument.ref for argument in arguments))
    outputs = [Output(arg.name, function_ref(proto.ret[arg.name])) for arg in proto.signature.output_arg]
    controls = [Ref(node, "", CONTROL) for node in sorted(set(proto.control_ret.values()))]
    return _graph(lifter, scope, arguments, outputs, controls)


def _graph(
    lifter: NodeLifter, scope: Scope, inputs: Sequence[Input], outputs: Sequence[Output], controls: Sequence[Ref] = ()
) -> Graph:
    """Return the graph of `scope`.

    Effects in `controls` that no output waits for become control operands of `return`, behind the outputs.
    """
    roots = [output.ref for output in outputs]
    order = arrange(scope, roots)
    missed = [ref for ref in controls if ref.node not in order.operands]
    if missed:
        order = arrange(scope, [*roots, *missed])
    lifter.findings.extend(dangling(scope, order))
    graph = Graph(scope.title or "main")
    feeds = _append_inputs(graph, inputs)
    builder = _Builder(lifter, scope, order, feeds)
    for name in order.names:
        graph.append(builder.lift(name))
    builder.close_loops(graph)
    names = (*(output.name for output in outputs), *(str(ref) for ref in missed))
    values = tuple(value for ref in (*roots, *missed) if (value := builder.value("", ref)) is not None)
    graph.append(Op("return", values, {"names": names}))
    graph.touched.clear()
    return graph


def _append_inputs(graph: Graph, inputs: Sequence[Input]) -> Mapping[Ref, Value]:
    op = Op("input", (), {"names": tuple(each.name for each in inputs)}, tuple(each.type for each in inputs))
    for value, each in zip(op.results, inputs, strict=True):
        value.name = str(each.ref)
    graph.append(op)
    return {each.ref: value for each, value in zip(inputs, op.results, strict=True)}


class _Builder:
    """Lifts the nodes of one scope, in order."""

    def __init__(self, lifter: NodeLifter, scope: Scope, order: Order, feeds: Mapping[Ref, Value]) -> None:
        self._lifter = lifter
        self._scope = scope
        self._order = order
        self._feeds = feeds
        self._fed = {ref.node for ref in feeds}
        self._lifted: dict[str, Lifted] = {}
        self._open: list[str] = []

    def lift(self, name: str) -> Op:
        """Return the op for a node whose producers were lifted, except those behind it in a loop."""
        operands = self._operands(name)
        node = self._scope.nodes[name]
        lifted = self._lifter.lift(node, operands, self._order.reads.get(name, {}), name in self._order.controls)
        self._lifted[name] = lifted
        if len(operands) < self._expected(name):
            self._open.append(name)
        else:
            self._lifter.check(node, lifted.op)
        return lifted.op

    def _expected(self, name: str) -> int:
        fed = self._fed
        return sum(not (ref.is_control and ref.node in fed) for ref in self._order.operands[name])

    def close_loops(self, graph: Graph) -> None:
        """Let every Merge read what comes after it."""
        for name in self._open:
            graph.set_operands(self._lifted[name].op, self._operands(name))

    def _operands(self, name: str) -> tuple[Value, ...]:
        values = (self.value(name, ref) for ref in self._order.operands[name])
        return tuple(value for value in values if value is not None)

    def value(self, reader: str, ref: Ref) -> Value | None:
        """Return the value that `ref` means; None where there is none, or not yet."""
        if ref in self._feeds:
            return self._feeds[ref]
        lifted = self._lifted.get(ref.node)
        if lifted is None:
            return None
        if ref.is_control:
            return lifted.op.results[-1]
        value = lifted.result(ref.argument, ref.position)
        if value is None:
            who = f"`{reader}`" if reader else "an output"
            self._lifter.findings.append(
                finding("MC110", f"{who} reads `{ref}`, but `{ref.node}` has {lifted.count} results", lifted.op)
            )
        return value
