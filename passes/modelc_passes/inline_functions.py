"""Inline functions: every call becomes the ops of the function it calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from typing import ClassVar

from modelc.diagnostics.diagnostic import Diagnostic, Fix, Sink, finding
from modelc.ir.attributes import Symbol
from modelc.ir.graph import Graph
from modelc.ir.model import Model
from modelc.ir.op import Op
from modelc.ir.origin import NOWHERE
from modelc.pipeline.facts import INLINED, LIFTED
from modelc.pipeline.passes import Pass, PassContext
from modelc_passes.shared.common import callees, drop_functions, tf_type
from modelc_passes.shared.policy import has_effect
from modelc_passes.shared.splice import Body, Place, body_of, splice

CALLS = frozenset({"tf.PartitionedCall", "tf.StatefulPartitionedCall", "tf._PartitionedCall", "tf.RemoteCall"})
PLUMBING = frozenset(
    {"input", "return", "const", "absent", "tf.Identity", "tf.NoOp", "tf.VarHandleOp", "tf.VariableV2", "tf.Variable"}
)
LARGEST = 2_000_000  # ops a graph may have once everything is inlined


@dataclass(frozen=True)
class InlineFunctions(Pass):
    """Replace every function call by the ops of the function.

    Ops are named after their calls, `call/node`, and their origins tell the way, save for calls that are all a graph
    does. What a call waits for, the effects within the function wait for; who waits for a call waits for them.
    Functions that are branches or bodies of control flow are kept, with the calls in them inlined.
    """

    name: ClassVar[str] = "inline-functions"
    needs: ClassVar[frozenset[str]] = frozenset({LIFTED})
    gives: ClassVar[frozenset[str]] = frozenset({INLINED})

    def run(self, model: Model, context: PassContext) -> None:
        """Inline into the entry and into every function that control flow refers to."""
        if not model.functions:
            return
        try:
            order = _callees_first(model)
        except CycleError as error:
            context.sink.add(_recursion(error.args[1]))
            return
        if _inlined_size(model, order) > LARGEST:
            context.sink.add(_too_large(model))
            return
        inliner = _Inliner(model.functions, context.sink, _functions_with_effects(model, order))
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


def called_name(op: Op, functions: Mapping[str, Graph]) -> str:
    """Return the name of the function `op` calls, empty when it is no call of a function there is."""
    symbol = op.attributes.get("f") if op.kind in CALLS else None
    name = symbol.name if isinstance(symbol, Symbol) else tf_type(op)
    return name if name in functions else ""


def _calls(graph: Graph, functions: Mapping[str, Graph]) -> list[str]:
    return [name for nested in graph.walk() for op in nested if (name := called_name(op, functions))]


# -- what cannot be inlined


def _callees_first(model: Model) -> list[str]:
    """Return the functions that the entry reaches, callees before callers; raises CycleError."""
    references: dict[str, list[str]] = {}
    pending = list(callees(model.graph, model.functions))
    while pending:
        name = pending.pop()
        if name not in references:
            references[name] = list(callees(model.functions[name], model.functions))
            pending.extend(references[name])
    return list(TopologicalSorter(references).static_order())


def _inlined_size(model: Model, order: Sequence[str]) -> int:
    sizes: dict[str, int] = {}
    for name in order:
        graph = model.functions[name]
        size = len(graph) + sum(sizes[callee] for callee in _calls(graph, model.functions))
        sizes[name] = min(size, LARGEST + 1)
    return len(model.graph) + sum(sizes[callee] for callee in _calls(model.graph, model.functions))


def _functions_with_effects(model: Model, order: Sequence[str]) -> set[str]:
    found: set[str] = set()
    for name in order:
        graph = model.functions[name]
        if any(has_effect(op) for op in graph) or any(callee in found for callee in callees(graph, model.functions)):
            found.add(name)
    return found


def _recursion(cycle: Sequence[str]) -> Diagnostic:
    path = " > ".join(reversed(cycle))
    return finding(
        "MC109",
        f"functions call each other in a circle: {path}",
        evidence=[("path", path)],
        fixes=[Fix("write the recursion as a loop with a fixed number of steps")],
    )


def _too_large(model: Model) -> Diagnostic:
    return finding(
        "MC118",
        f"the graph would have more than {LARGEST} ops once its function calls are inlined",
        evidence=[("functions", str(len(model.functions)))],
        fixes=[Fix("export a signature that calls its functions less often", "--signature")],
    )


# -- inlining


@dataclass(slots=True)
class _Inliner:
    """Inlines calls into one graph after the other.

    Attributes:
        functions: All functions by name.
        sink: Where findings go.
        with_effects: The functions that change something that lasts.
        bodies: What is known of the functions that were called so far.
        wrappers: Those among them that do nothing but call one other function.
    """

    functions: Mapping[str, Graph]
    sink: Sink
    with_effects: set[str]
    bodies: dict[str, Body] = field(default_factory=dict[str, Body])
    wrappers: set[str] = field(default_factory=set[str])

    def inline(self, graph: Graph) -> None:
        """Inline every call in `graph` and its nested graphs, and every call that appears thereby."""
        for nested in list(graph.walk()):
            places: dict[Op, Place] = {}
            if self._is_wrapper(nested):
                places.update((op, Place("", NOWHERE)) for op in nested if called_name(op, self.functions))
            op = nested.first
            while op is not None:
                previous, following = op.previous, op.next
                name = called_name(op, self.functions)
                if name and previous is not None and self._inline_call(op, name, places):
                    following = previous.next  # the first op that came in place of the call
                op = following

    def _inline_call(self, call: Op, name: str, places: dict[Op, Place]) -> bool:
        body = self._body(name)
        problem = body.problem(call, call.inputs, name)
        if problem is not None:
            self.sink.add(problem)
            return False
        place = places.pop(call, None) or Place.of(call)
        copies = splice(call, body, call.inputs, place, InlineFunctions.name)
        if name in self.wrappers:
            places.update((copy, place) for copy in copies if called_name(copy, self.functions))
        return True

    def _body(self, name: str) -> Body:
        if name not in self.bodies:
            graph = self.functions[name]
            self.bodies[name] = body_of(graph, lambda op: called_name(op, self.functions) in self.with_effects)
            if self._is_wrapper(graph):
                self.wrappers.add(name)
        return self.bodies[name]

    def _is_wrapper(self, graph: Graph) -> bool:
        others = [op for op in graph if op.kind not in PLUMBING]
        return len(others) == 1 and bool(called_name(others[0], self.functions))
