"""Resolve control flow: what is known of branches and loops is used, the rest gets nested graphs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from modelc.diagnostics.diagnostic import ModelcError, Sink, finding
from modelc.ir.graph import Graph
from modelc.ir.model import Model
from modelc.ir.op import Value
from modelc.ir.origin import Origin
from modelc.ir.types import BOOL, CONTROL, TensorType
from modelc.pipeline.facts import INLINED, RESOLVED
from modelc.pipeline.passes import Pass, PassContext, option
from modelc.rewrite.rewriter import Rewriter
from modelc.text.specs import parse_input_shape
from modelc_passes.control_flow.branches import Branches
from modelc_passes.control_flow.dead_branches import MERGES, SWITCHES, remove_dead_branches
from modelc_passes.control_flow.frames import ENTERS, loops_to_while
from modelc_passes.control_flow.selects import select_branches
from modelc_passes.control_flow.tensor_lists import LIST_KINDS, resolve_lists
from modelc_passes.control_flow.unroll import Unroller
from modelc_passes.shared.common import (
    CASE_KINDS,
    IF_KINDS,
    WHILE_KINDS,
    drop_functions,
    erase_unreachable,
    hand_on_orders,
    keep_inputs,
)
from modelc_passes.shared.known import Known

LEARNING_PHASE = re.compile(r"(?:.*/)?keras_learning_phase(?:_\d+)?(?:/input)?")
TRAINING_SWITCH = re.compile(r"(?:.*/)?(?:keras_learning_phase|learning_phase|is_training|phase_train)(?:_\d+)?")
CONTROL_FLOW = (
    SWITCHES | MERGES | ENTERS | IF_KINDS | CASE_KINDS | WHILE_KINDS | frozenset(LIST_KINDS) | {"tf._SwitchN"}
)
CONTROL_FLOW_RULE = "control-flow"  # the rule of a profile whose target takes no nested graphs
HOPELESS = frozenset({"MC109", "MC118"})  # findings after which functions may expand without end


@dataclass(frozen=True)
class ResolveControlFlow(Pass):
    """Take known branches, write short loops out, and turn the rest into ops with nested graphs.

    A predicate is known when it follows from constants, from placeholders with a default, or from the learning phase
    of Keras, which is false. Switch and Merge of unknown predicates become a selection between both branches, and so
    do If and Case where the profile takes no nested graphs. Loops that carry lists of tensors are written out when
    their number of steps is known.
    """

    name: ClassVar[str] = "resolve-control-flow"
    needs: ClassVar[frozenset[str]] = frozenset({INLINED})
    gives: ClassVar[frozenset[str]] = frozenset({RESOLVED})

    training_inputs: bool = option(True, "set inputs that switch training on, such as keras_learning_phase, to false")
    input: str = option("", "shapes of inputs; placeholders with a default named here are inputs", flag="input-shape")

    def run(self, model: Model, context: PassContext) -> None:
        """Resolve the entry and every graph nested in it, outer graphs first."""
        if any(diagnostic.code in HOPELESS for diagnostic in context.sink):
            return
        _promote_placeholders(model.graph, self.input)
        if self.training_inputs:
            _switch_training_off(model, context.sink)
        may_nest = context.profile.rule(CONTROL_FLOW_RULE) is None
        branches = Branches(model.functions, context.sink, self.name, may_nest)
        unroller = Unroller(self.name)
        pending = [(model.graph, 0)]
        while pending and not branches.is_refused:
            graph, depth = pending.pop()
            self._resolve(graph, depth, branches, unroller, context.sink)
            pending.extend((nested, depth + 1) for op in graph for nested in op.graphs)
        drop_functions(model)

    def _resolve(self, graph: Graph, depth: int, branches: Branches, unroller: Unroller, sink: Sink) -> None:
        if not any(op.kind in CONTROL_FLOW for op in graph):
            return
        erase_unreachable(graph)
        remove_dead_branches(graph, Known(), sink, self.name)
        branches.resolve(graph, depth)
        loops_to_while(graph, sink, self.name)
        while unroller.unroll(graph):
            remove_dead_branches(graph, Known(), sink, self.name)
            branches.resolve(graph, depth)
        select_branches(graph, sink, self.name)
        resolve_lists(graph, self.name)
        erase_unreachable(graph)


# -- inputs


def _promote_placeholders(graph: Graph, text: str) -> None:
    """Make inputs of the placeholders with a default that `text` gives a shape."""
    try:
        named = {entry.name.removesuffix(":0") for entry in parse_input_shape(text)}
    except ModelcError:
        return  # the pass that sets the shapes reports it
    for op in graph if named else ():
        results = [value for value in op.results if value.type is not CONTROL]
        if op.kind == "tf.PlaceholderWithDefault" and op.name in named and len(results) == 1:
            names = graph.input_names
            value = graph.add_result(graph.input_op, results[0].type, results[0].name)
            graph.set_attribute(graph.input_op, "names", (*names, op.name))
            graph.replace_uses(results[0], value)
            hand_on_orders(op)
            graph.erase(op)


def _switch_training_off(model: Model, sink: Sink) -> None:
    """Replace every input and placeholder that switches training on by false."""
    graph = model.graph
    rewriter = Rewriter(graph, ResolveControlFlow.name)
    has_signature = model.source is not None and model.source.format.startswith("SavedModel")
    pattern = LEARNING_PHASE if has_signature else TRAINING_SWITCH
    names = graph.input_names
    folded: list[Value] = []
    for value in graph.inputs:
        if _is_switch(value) and (pattern.fullmatch(names[value.index]) or pattern.fullmatch(value.name)):
            folded.append(value)
            rewriter.at(graph.input_op.next or graph.return_op)
            rewriter.origin = Origin.of("tensorflow", value.name or names[value.index], "Placeholder")
            rewriter.replace_value(value, rewriter.constant(np.array(False), name=value.name))
    for op in graph:
        if op.kind == "tf.Placeholder" and any(map(_is_switch, op.results[:1])) and LEARNING_PHASE.fullmatch(op.name):
            rewriter.at(op)
            rewriter.replace_value(op.results[0], rewriter.constant(np.array(False), name=op.name))
    for value in folded:
        message = f"input `{names[value.index]}` was set to false and dropped: it only switches training on"
        sink.add(finding("MC221", message, value))
    dropped = {value.index for value in folded}
    keep_inputs(graph, [index for index in range(len(names)) if index not in dropped])


def _is_switch(value: Value) -> bool:
    return isinstance(value.type, TensorType) and value.type.element == BOOL and not value.type.shape
