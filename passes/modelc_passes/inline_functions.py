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
from modelc.ir.op import Op, Value
from modelc.ir.types import CONTROL
from modelc.pipeline.facts import INLINED, LIFTED
from modelc.pipeline.passes import Pass, PassContext
from modelc.rewrite.rewriter import Rewriter
from modelc_passes.common import callees, copy_ops, drop_functions, reach_from, tf_type, under
from modelc_passes.policy import has_effect, is_ordered

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


def _bad_call(call: Op, name: str, graph: Graph) -> Diagnostic:
    given = len([value for value in call.results if value.type is not CONTROL])
    wanted = len([value for value in graph.outputs if value.type is not CONTROL])
    return finding(
        "MC301",
        f"`{call.origin.name or call.name}` calls `{name}` with {len(call.inputs)} operands for {given} results, "
        f"which takes {len(graph.inputs)} and returns {wanted}",
        call,
    )


# -- inlining


@dataclass(slots=True)
class _Callee:
    """What is known of a function before its first call is inlined.

    Attributes:
        graph: Its body.
        results: What it returns, without the orders.
        waits: The ops in it for which it matters what ran before.
        effects: The ops that must have run before the call counts as done.
        untied: Whether some effect is not on the way to any result, so that the results have to be made to wait.
        is_wrapper: Whether it does nothing but call one other function.
    """

    graph: Graph
    results: tuple[Value, ...]
    waits: tuple[Op, ...]
    effects: tuple[Op, ...]
    untied: bool
    is_wrapper: bool


@dataclass(slots=True)
class _Inliner:
    """Inlines calls into one graph after the other."""

    functions: Mapping[str, Graph]
    sink: Sink
    with_effects: set[str]
    known: dict[str, _Callee] = field(default_factory=dict[str, _Callee])

    def inline(self, graph: Graph) -> None:
        """Inline every call in `graph` and its nested graphs, and every call that appears thereby."""
        for nested in list(graph.walk()):
            prefixes: dict[Op, str] = {}
            if self._is_wrapper(nested):
                prefixes.update((op, "") for op in nested if called_name(op, self.functions))
            op = nested.first
            while op is not None:
                following = op.next
                name = called_name(op, self.functions)
                if name:
                    previous = op.previous
                    self._inline_call(nested, op, name, prefixes)
                    # The first op that came in place of the call; the call itself where it could not be inlined.
                    following = following if op.graph is nested else previous.next if previous else nested.first
                op = following

    def _is_wrapper(self, graph: Graph) -> bool:
        others = [op for op in graph if op.kind not in PLUMBING]
        return len(others) == 1 and bool(called_name(others[0], self.functions))

    def _callee(self, name: str) -> _Callee:
        found = self.known.get(name)
        if found is None:
            found = self.known[name] = self._study(self.functions[name])
        return found

    def _study(self, graph: Graph) -> _Callee:
        end = graph.return_op
        calls = {op: called_name(op, self.functions) for op in graph}
        lasting = [op for op in graph if has_effect(op) or calls[op] in self.with_effects]
        waits = tuple(op for op in graph if calls[op] or is_ordered(tf_type(op)) or op in lasting)
        returned = [value.producer for value in end.operands if value.type is CONTROL]
        needed = reach_from(end, [value.producer for value in end.inputs])
        return _Callee(
            graph,
            tuple(value for value in end.operands if value.type is not CONTROL),
            tuple(dict.fromkeys(waits)),
            tuple(dict.fromkeys([*lasting, *returned])),
            not all(op in needed for op in lasting),
            self._is_wrapper(graph),
        )

    def _inline_call(self, graph: Graph, call: Op, name: str, prefixes: dict[Op, str]) -> None:
        callee = self._callee(name)
        results = [value for value in call.results if value.type is not CONTROL]
        if len(call.inputs) != len(callee.graph.inputs) or len(results) != len(callee.results):
            self.sink.add(_bad_call(call, name, callee.graph))
            return
        prefix = prefixes.pop(call, call.origin.name or call.name)
        rewriter = Rewriter(graph, InlineFunctions.name).at(call)
        values: dict[Value, Value] = dict(zip(callee.graph.inputs, call.inputs, strict=True))
        copies = copy_ops(callee.graph, values, rewriter.insert, under(prefix))
        if callee.is_wrapper:
            prefixes.update((copy, prefix) for copy in copies if called_name(copy, self.functions))
        twins = _twins(callee, copies)
        _wait_before(rewriter, call, [twins[op] for op in callee.waits])
        new = [values[value] for value in callee.results]
        new = _wait_after(rewriter, call, callee, [twins[op] for op in callee.effects if op in twins], new)
        for old, value in zip(results, new, strict=True):
            rewriter.replace_value(old, value)
        rewriter.erase(call)


def _twins(callee: _Callee, copies: Sequence[Op]) -> dict[Op, Op]:
    originals = (op for op in callee.graph if op.kind not in ("input", "return"))
    return dict(zip(originals, copies, strict=True))


def _wait_before(rewriter: Rewriter, call: Op, waiting: Sequence[Op]) -> None:
    """Let `waiting` wait for what the call waits for."""
    orders = call.controls
    if not orders or not waiting:
        return
    if len(orders) > 1:
        gate = rewriter.build("tf.NoOp", orders, {}, types=[CONTROL], name=f"{call.origin.name or call.name}/before")
        rewriter.graph.move_before(waiting[0], gate)
        orders = gate.results
    for op in waiting:
        rewriter.set_operands(op, (*op.operands, *(value for value in orders if value not in op.operands)))


def _wait_after(
    rewriter: Rewriter, call: Op, callee: _Callee, effects: Sequence[Op], results: list[Value]
) -> list[Value]:
    """Let who waits for the call wait for the effects in it; returns the results, made to wait where they must."""
    waited = [value for value in call.results if value.type is CONTROL and value.readers]
    if not waited and not callee.untied:
        return results
    orders = dict.fromkeys((*call.controls, *(_done(rewriter, op) for op in effects)))
    name = call.origin.name or call.name
    gate = rewriter.build("tf.NoOp", orders, {}, types=[CONTROL], name=f"{name}/after").result
    for value in waited:
        rewriter.replace_value(value, gate)
    if not callee.untied:
        return results
    return [
        rewriter.build("tf.Identity", (value, gate), {}, types=[value.type], name=old.name).result
        for value, old in zip(results, call.results, strict=False)
    ]


def _done(rewriter: Rewriter, op: Op) -> Value:
    """Return the value that says `op` has run."""
    if op.results and op.results[-1].type is CONTROL:
        return op.results[-1]
    return rewriter.graph.add_result(op, CONTROL, f"^{op.origin.name or op.name}")
