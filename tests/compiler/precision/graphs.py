"""Small graphs as text, and what they become under a mode."""

from __future__ import annotations

from modelc.ir.graph import Graph
from modelc.ir.op import Op
from modelc.kernels import kernel_table
from modelc.precision.modes import mode, op_lists
from modelc.precision.plan import Kernels, Plan, make_plan
from modelc.text.reader import read_model


def graph_of(body: str, inputs: str = "%x: f32[2]") -> Graph:
    """Return a graph with these lines; the last one returns."""
    return read_model(f"graph @main({inputs}) {{\n{body}\n}}\n").graph


def plan_of(graph: Graph, name: str = "force_fp16", chip: str = "", kept: frozenset[Op] = frozenset()) -> Plan:
    """Return what becomes of a graph under a mode, on a chip of the built-in table."""
    return make_plan(graph, mode(name), op_lists(chip), Kernels(kernel_table(), chip), kept)


def op(graph: Graph, name: str) -> Op:
    """Return the op of that name, in whichever graph it is."""
    (found,) = [each for nested in graph.walk() for each in nested if each.name == name]
    return found
