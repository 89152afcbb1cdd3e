"""Inline functions: every call becomes the ops of the function it calls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from typing import ClassVar

from modelc.diagnostics.diagnostic import Diagnostic, Fix, Sink, finding
from modelc.ir.attributes import Symbol
from modelc.ir.graph import Graph
from modelc.ir.model import Model
from modelc.ir.op import Op, Value, result_name
from modelc.ir.types import CONTROL
from modelc.pipeline.facts import INLINED, LIFTED
from modelc.pipeline.passes import Pass, PassContext
from modelc.rewrite.rewriter import Rewriter
from modelc_passes.common import (
    callees,
    copy_ops,
    counted,
    drop_functions,
    drop_orders,
    names_of,
    reach,
    tf_type,
    under,
)
from modelc_passes.policy import has_effect

CALLS = frozenset({"tf.PartitionedCall", "tf.StatefulPartitionedCall", "tf._PartitionedCall", "tf.RemoteCall"})
PLUMBING = frozenset(
    {"input", "return", "const", "absent", "tf.Identity", "tf.NoOp", "tf.VarHandleOp", "tf.VariableV2", "tf.Variable"}
)
LARGEST = 2_000_000  # ops a graph may have once everything is inlined


@dataclass(frozen=True)
class InlineFunctions(Pass):
    """Replace every function call by the ops of the function.

    Ops are named after their calls, `call/node`, save for calls that are all a graph does. What a call waits for, the
    effects within the function wait for; who waits for a call waits for them. Functions that are branches or bodies
    of control flow are kept, with the calls in them inlined.
    """

    name: ClassVar[str] = "inline-functions"
    needs: ClassVar[frozenset[str]] = frozenset({LIFTED})
    gives: ClassVar[frozenset[str]] = frozenset({INLINED})

    def run(self, model: Model, context: PassContext) -> None:
        """Inline into the entry and into every function that control flow refers to."""
        problem = _refuse(model)
        if problem is not None:
            context.sink.add(problem)
            return
        inliner = _Inliner(model.functions, context.sink)
        inliner.inline(model.graph)
        done: set[str] = set()
        pending = list(callees(model.graph, model.functions))
        while pending:
            name = pending.pop()
            if name not in done:
                done.add(name)
                inliner.inline(model.functions[name])
                pending.extend(callees(model.functions[name], model.functions))
        drop_functions(model)


# -- what cannot be inlined


def _refuse(model: Model) -> Diagnostic | None:
    """Return why the functions of `model` cannot be inlined, None when they can."""
    references = _references(model)
    try:
        order = list(TopologicalSorter(references).static_order())
    except CycleError as error:
        path = " > ".join(reversed(error.args[1]))
        return finding(
            "MC109",
            f"functions call each other in a circle: {path}",
            evidence=[("path", path)],
            fixes=[Fix("write the recursion as a loop with a fixed number of steps")],
        )
    sizes: dict[str, int] = {}
    for name in order:
        graph = model.functions[name]
        sizes[name] = min(LARGEST + 1, _inlined_size(graph, model.functions, sizes))
    largest = _inlined_size(model.graph, model.functions, sizes)
    if largest <= LARGEST:
        return None
    return finding(
        "MC118",
        f"the graph would have more than {LARGEST} ops once its function calls are inlined",
        evidence=[("functions", str(len(model.functions)))],
        fixes=[Fix("export a signature that calls its functions less often")],
    )


def _references(model: Model) -> dict[str, list[str]]:
    """Return which functions each function that can be reached from the entry refers to."""
    references: dict[str, list[str]] = {}
    pending = list(callees(model.graph, model.functions))
    while pending:
        name = pending.pop()
        if name not in references:
            references[name] = list(callees(model.functions[name], model.functions))
            pending.extend(references[name])
    return references


def _inlined_size(graph: Graph, functions: Mapping[str, Graph], sizes: Mapping[str, int]) -> int:
    called = (callee for nested in graph.walk() for op in nested if (callee := called_name(op, functions)))
    return len(graph) + sum(sizes.get(name, 0) for name in called)


def called_name(op: Op, functions: Mapping[str, Graph]) -> str:
    """Return the name of the function `op` calls, empty when it is no call of a function there is."""
    symbol = op.attributes.get("f") if op.kind in CALLS else None
    name = symbol.name if isinstance(symbol, Symbol) else tf_type(op)
    return name if name in functions else ""


# -- inlining


@dataclass(slots=True)
class _Callee:
    """What is known of a function before its first call is inlined.

    Attributes:
        graph: Its body.
        results: What it returns, without the orders.
        effects: The ops in it whose being run matters, with or without anybody who reads them.
        tied: Whether every effect is on the way to a result anyway.
        is_wrapper: Whether it does nothing but call one other function.
    """

    graph: Graph
    results: tuple[Value, ...]
    effects: tuple[Op, ...]
    tied: bool
    is_wrapper: bool


@dataclass(slots=True)
class _Inliner:
    """Inlines calls into one graph after the other."""

    functions: Mapping[str, Graph]
    sink: Sink
    known: dict[str, _Callee] = field(default_factory=dict[str, _Callee])

    def inline(self, graph: Graph) -> None:
        """Inline every call in `graph` and its nested graphs, and every call that appears thereby."""
        for nested in list(graph.walk()):
            prefixes: dict[Op, str] = {}
            if _is_wrapper(nested, self.functions):
                prefixes.update((op, "") for op in nested if called_name(op, self.functions))
            for op in nested:
                name = called_name(op, self.functions)
                if name:
                    self._inline_call(op, self._callee(name), prefixes)

    def _callee(self, name: str) -> _Callee:
        if name not in self.known:
            graph = self.functions[name]
            end = graph.return_op
            effects = [value.producer for value in end.operands if value.type is CONTROL]
            effects += [op for op in graph if has_effect(op) or called_name(op, self.functions)]
            results = end.inputs
            needed = reach(graph, from_orders=False)
            unique = tuple(dict.fromkeys(effects))
            tied = all(op in needed for op in unique if has_effect(op))
            self.known[name] = _Callee(graph, results, unique, tied, _is_wrapper(graph, self.functions))
        return self.known[name]

    def _inline_call(self, call: Op, callee: _Callee, prefixes: dict[Op, str]) -> None:
        results = [value for value in call.results if value.type is not CONTROL]
        if len(call.inputs) != len(callee.graph.inputs) or len(results) != len(callee.results):
            self.sink.add(_bad_call(call, callee))
            return
        graph = call.graph
        assert graph is not None
        rewriter = Rewriter(graph, InlineFunctions.name).at(call)
        prefix = prefixes.pop(call, call.origin.name or call.name)
        values: dict[Value, Value] = dict(zip(callee.graph.inputs, call.inputs, strict=True))
        before = call.previous
        copies = copy_ops(callee.graph, values, rewriter.insert, under(prefix))
        if callee.is_wrapper:
            prefixes.update((copy, prefix) for copy in copies if called_name(copy, self.functions))
        new = [values[value] for value in callee.results]
        self._order(call, callee, copies, values, new, rewriter)
        for old, value in zip(results, new, strict=True):
            rewriter.replace_value(old, value)
        rewriter.erase(call)
        del before
