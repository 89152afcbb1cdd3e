"""Conditionals and loops of the second generation: If, Case and While, whose branches are functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from modelc.diagnostics.diagnostic import Diagnostic, Fix, Sink, finding
from modelc.ir.attributes import Attribute, Symbol
from modelc.ir.graph import Graph
from modelc.ir.op import Op, Value
from modelc.ir.types import BOOL, CONTROL, I32, TensorType, tensor
from modelc.rewrite.rewriter import Rewriter
from modelc_passes.control_flow.frames import ENTERS
from modelc_passes.shared.common import (
    CASE_KINDS,
    IF_KINDS,
    WHILE_KINDS,
    copy_graph,
    copy_ops,
    hand_on_orders,
    label,
    typed,
    under,
)
from modelc_passes.shared.known import Known
from modelc_passes.shared.policy import has_effect
from modelc_passes.shared.splice import Body, Place, body_of, splice

LARGEST = 200_000  # ops that may be copied into branches and bodies, all together
SELECTED = 1_000  # ops of a branch that may be computed without being wanted
DEEPEST = 50  # how deep control flow may be nested


@dataclass(slots=True)
class Branches:
    """Resolves control flow whose outcome is known, and gives the rest nested graphs in place of functions.

    Attributes:
        functions: All functions by name.
        sink: Where findings go.
        rule: Name of the pass at work.
        may_nest: Whether the target takes nested graphs; otherwise all branches are computed and one is selected.
        left: Ops that may still be copied.
        bodies: What is known of the functions whose outcome was known so far.
        is_refused: Whether the model turned out to be too large, so that nothing more is resolved.
    """

    functions: Mapping[str, Graph]
    sink: Sink
    rule: str
    may_nest: bool = True
    left: int = LARGEST
    bodies: dict[Graph, Body] = field(default_factory=dict[Graph, Body])
    is_refused: bool = False

    def resolve(self, graph: Graph, depth: int) -> None:
        """Resolve the If, Case and While ops of `graph`, also those that appear thereby."""
        known = Known()
        op = graph.first
        while op is not None and not self.is_refused:
            previous, following = op.previous, op.next
            parts = self._parts(op)
            if parts and previous is not None:
                if self._resolve(op, parts, known) or (not self.may_nest and self._select(op, parts)):
                    following = previous.next
                elif not op.graphs and not self.is_refused:
                    self._nest(op, parts, depth)
            op = following

    def _parts(self, op: Op) -> list[Graph]:
        """Return the branches of an If or Case, or condition and body of a While."""
        if op.kind not in IF_KINDS and op.kind not in CASE_KINDS and op.kind not in WHILE_KINDS:
            return []
        if op.graphs:
            return list(op.graphs)
        names = _function_names(op)
        missing = [name for name in names if name not in self.functions]
        if missing or not names:
            what = f"function `{missing[0]}`, which does not exist" if missing else "no functions"
            self.sink.add(finding("MC110", f"`{op.origin.name or op.name}` ({op.kind[3:]}) names {what}", op))
            return []
        return [self.functions[name] for name in names]

    # -- known outcomes

    def _resolve(self, op: Op, parts: Sequence[Graph], known: Known) -> bool:
        """Let the branch that is taken stand for `op`; returns whether that could be done."""
        if op.kind in WHILE_KINDS:
            return self._resolve_while(op, parts)
        if not op.inputs:
            return False
        taken = _taken(op, parts, known)
        if taken is None:
            return False
        body = self._body(taken)
        problem = body.problem(op, op.inputs[1:], taken.name)
        self.left -= len(taken)
        if problem is not None:
            self.sink.add(problem)
            return False
        if self.left < 0:
            self._refuse(op, too_large=True)
            return False
        splice(op, body, op.inputs[1:], Place.of(op), self.rule)
        return True

    def _resolve_while(self, op: Op, parts: Sequence[Graph]) -> bool:
        """Let the operands of a loop that never runs stand for its results."""
        condition = parts[0]
        if len(condition.inputs) != len(op.inputs) or not condition.outputs:
            return False
        outside = Known()
        inside = Known({inner: outside.of(outer) for inner, outer in zip(condition.inputs, op.inputs, strict=True)})
        if inside.truth(condition.outputs[0]) is not False:
            return False
        rewriter = Rewriter(condition, self.rule).at(op)
        for old, new in zip(op.results, op.inputs, strict=False):
            rewriter.replace_value(old, new)
        hand_on_orders(op)
        rewriter.erase(op)
        return True

    def _body(self, graph: Graph) -> Body:
        if graph not in self.bodies:
            self.bodies[graph] = body_of(graph)
        return self.bodies[graph]

    # -- unknown outcomes

    def _select(self, op: Op, parts: Sequence[Graph]) -> bool:
        """Compute all branches of `op` and select the results of one; returns whether that could be done."""
        results = [value for value in op.results if value.type is not CONTROL]
        arguments = op.inputs[1:]
        if op.kind in WHILE_KINDS or not all(isinstance(value.type, TensorType) for value in results):
            return False
        if not all(_is_selectable(part, len(arguments), len(results)) for part in parts):
            return False
        self.left -= sum(len(part) for part in parts)
        if self.left < 0:
            self._refuse(op, too_large=True)
            return False
        rewriter = Rewriter(parts[0], self.rule).at(op)
        columns: list[list[Value]] = []
        for index, part in enumerate(parts):
            values = dict(zip(part.inputs, arguments, strict=True))
            copy_ops(part, values, rewriter.insert, under(f"{label(op)}/branch_{index}"), op.origin)
            columns.append([values[value] for value in part.outputs if value.type is not CONTROL])
        for result, choices in zip(results, zip(*columns, strict=True), strict=True):
            rewriter.replace_value(result, _selected(rewriter, op, choices, result))
        hand_on_orders(op)
        rewriter.erase(op)
        return True

    def _nest(self, op: Op, parts: Sequence[Graph], depth: int) -> None:
        """Give `op` copies of its functions as nested graphs."""
        offset = 0 if op.kind in WHILE_KINDS else 1
        for part in parts:
            if len(part.inputs) != len(op.inputs) - offset:
                self.sink.add(_misfit(op, part, len(op.inputs) - offset))
                return
        self.left -= sum(len(part) for part in parts)
        if self.left < 0 or depth >= DEEPEST:
            self._refuse(op, too_large=self.left < 0)
            return
        assert op.graph is not None
        attributes: dict[str, Attribute] = {
            name: value for name, value in op.attributes.items() if not _names_functions(value)
        }
        nested = tuple(copy_graph(part) for part in parts)
        types = tuple(value.type for value in op.results)
        new = Op(op.kind, op.operands, attributes, types, graphs=nested, origin=op.origin)
        op.graph.insert_before(op, new)
        for old, value in zip(op.results, new.results, strict=True):
            value.name = old.name
            op.graph.replace_uses(old, value)
        op.graph.erase(op)

    def _refuse(self, op: Op, *, too_large: bool) -> None:
        self.is_refused = True
        limit = f"make more than {LARGEST} ops" if too_large else f"are nested deeper than {DEEPEST}"
        self.sink.add(
            finding(
                "MC118",
                f"the branches and loops of the model {limit}",
                op,
                fixes=[Fix("export a signature with less control flow", "--signature")],
            )
        )


def _is_selectable(part: Graph, inputs: int, outputs: int) -> bool:
    """Whether `part` may be computed although its results are not wanted."""
    given = sum(value.type is not CONTROL for value in part.outputs)
    if len(part.inputs) != inputs or given != outputs or len(part) > SELECTED:
        return False
    return not any(has_effect(op) or op.kind in WHILE_KINDS or op.kind in ENTERS for op in part)


def _selected(rewriter: Rewriter, op: Op, choices: Sequence[Value], result: Value) -> Value:
    """Return the one of `choices` that the first operand of `op` chooses."""
    condition = op.inputs[0]
    attributes, types = typed("T", result.type), [result.type]
    if op.kind in IF_KINDS:
        operands = (condition, choices[0], choices[-1])
        return rewriter.build("tf.Select", operands, attributes, types=types, name=result.name).result
    value = choices[-1]
    for index in reversed(range(len(choices) - 1)):
        number = rewriter.constant(np.array(index, np.int32), name=f"{label(op)}/{index}")
        equal: dict[str, Attribute] = {"T": I32, "incompatible_shape_error": True}
        holds = rewriter.build(
            "tf.Equal", (condition, number), equal, types=[tensor(BOOL)], name=f"{label(op)}/is_{index}"
        )
        operands = (holds.result, choices[index], value)
        value = rewriter.build("tf.Select", operands, attributes, types=types, name=result.name).result
    return value


def _taken(op: Op, parts: Sequence[Graph], known: Known) -> Graph | None:
    if op.kind in IF_KINDS:
        truth = known.truth(op.inputs[0])
        return None if truth is None else parts[0 if truth else -1]
    index = known.scalar(op.inputs[0])
    if index is None:
        return None
    return parts[int(index)] if 0 <= index < len(parts) else parts[-1]


def _function_names(op: Op) -> list[str]:
    """Return the functions `op` names, in the order nested graphs have."""
    if op.kind in CASE_KINDS:
        branches = op.attributes.get("branches")
        given = branches if isinstance(branches, tuple) else ()
    else:
        names = ("then_branch", "else_branch") if op.kind in IF_KINDS else ("cond", "body")
        given = tuple(op.attributes.get(name, "") for name in names)
    found = [symbol.name for symbol in given if isinstance(symbol, Symbol)]
    return found if len(found) == len(given) else []


def _names_functions(attribute: Attribute) -> bool:
    return isinstance(attribute, Symbol) or (
        isinstance(attribute, tuple) and bool(attribute) and all(isinstance(item, Symbol) for item in attribute)
    )


def _misfit(op: Op, part: Graph, given: int) -> Diagnostic:
    return finding(
        "MC301",
        f"`{op.origin.name or op.name}` ({op.kind[3:]}) gives `{part.name}` {given} operands, it takes "
        f"{len(part.inputs)}",
        op,
    )
