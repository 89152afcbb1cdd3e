"""Lowering of branches, loops and calls.

What these functions insert lies behind their op, so that canonical ops among it are lowered in their turn.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from modelc.ir.clone import clone_graph, clone_op
from modelc.ir.graph import Graph
from modelc.ir.op import Op, Value
from modelc.ir.types import BOOL, I64, TensorType, Type, tensor
from modelc.rewrite.rewriter import Rewriter
from modelc_backends.onnx.lower.forms import use_canonical_forms
from modelc_backends.onnx.lower.site import NoFormError, Site
from modelc_backends.onnx.lower.table import Lowered, lowers

KINDS = frozenset(
    f"ge.{name}"
    for name in (
        *("If", "StatelessIf", "_If", "Case", "StatelessCase", "While", "StatelessWhile", "_While"),
        *("For", "PartitionedCall", "StatefulPartitionedCall"),
    )
)


def _need_tensors(site: Site) -> None:
    for value in site.inputs:
        if not isinstance(value.type, TensorType):
            raise NoFormError(f"passes `{value.name}`, a {value.type}, to its graphs")


def _holds(site: Site, condition: Value) -> Value:
    """Return whether a condition is met: a scalar that is not zero, or a tensor that has elements."""
    if site.rank(condition) == 0:
        return site.cast(condition, BOOL)
    return site.onnx("Greater", site.onnx("Size", condition), site.constant(0))


def _branch(site: Site, condition: Value, captured: Sequence[Value], graphs: tuple[Graph, Graph]) -> tuple[Value, ...]:
    types = [value.type for value in site.op.results]
    return site.rw.build("onnx.If", (condition, *captured), types=types, graphs=graphs, name=site.op.name).results


@lowers("If", "StatelessIf", "_If")
def _if(site: Site) -> Lowered:
    _need_tensors(site)
    condition, *captured = site.inputs
    then_branch, else_branch = site.op.graphs
    return _branch(site, _holds(site, condition), captured, (then_branch, else_branch))


@lowers("Case", "StatelessCase")
def _case(site: Site) -> Lowered:
    """Make it branches in branches; whatever is no index of one takes the last."""
    _need_tensors(site)
    index, *captured = site.inputs
    *firsts, last = site.op.graphs
    if not firsts:
        return _copied(site.rw, last, captured)
    for graph in site.op.graphs:  # in a branch, the index is one more input
        _add_input(graph, index.type)
    rest = last
    for number in range(len(firsts) - 1, 0, -1):
        rest = _choice(site, number, firsts[number], rest)
    return _branch(site, _is(site, index, 0), [*captured, index], (firsts[0], rest))


def _is(site: Site, index: Value, number: int) -> Value:
    return site.onnx("Equal", site.reshape(index, ()), site.scalar(number, index))


def _add_input(graph: Graph, type_: Type) -> None:
    graph.set_attribute(graph.input_op, "names", (*graph.input_names, "index"))
    graph.add_result(graph.input_op, type_, "index")


def _choice(site: Site, number: int, chosen: Graph, rest: Graph) -> Graph:
    """Return a graph that runs `chosen` where its last input is `number`, else `rest`."""
    graph, inner = begin_graph(site, f"{chosen.name}_or_more", [value.type for value in chosen.inputs])
    results = _branch(inner, _is(inner, graph.inputs[-1], number), graph.inputs, (chosen, rest))
    graph.append(Op("return", results))
    return graph


def begin_graph(site: Site, name: str, types: Sequence[Type]) -> tuple[Graph, Site]:
    """Return a new graph that takes `types`, still without an end, and what builds at its end."""
    graph = Graph(name)
    graph.append(Op("input", (), {}, tuple(types)))
    rewriter = Rewriter(graph, site.rw.rule)
    rewriter.origin = site.rw.origin
    return graph, Site(site.op, rewriter)


@lowers("While", "StatelessWhile", "_While")
def _while(site: Site) -> Lowered:
    _need_tensors(site)
    condition, body = site.op.graphs
    carried = [value.type for value in body.inputs]
    loop, inner = begin_graph(site, f"{body.name}_loop", [tensor(I64), tensor(BOOL), *carried])
    results = _copied(inner.rw, body, loop.inputs[2:])
    goes_on = _holds(inner, _copied(inner.rw, condition, results)[0])
    loop.append(Op("return", (goes_on, *results)))
    first = _holds(site, _copied(site.rw, condition, site.inputs)[0])
    types = [value.type for value in site.op.results]
    operands = (site.rw.absent(), first, *site.inputs)
    return site.rw.build("onnx.Loop", operands, types=types, graphs=(loop,), name=site.op.name).results


def counted_loop(
    site: Site, count: int, carried: Sequence[Value], body: Callable[[Site, Value, Sequence[Value]], Sequence[Value]]
) -> tuple[Value, ...]:
    """Insert a loop of `count` steps; returns what it carries at the end.

    Args:
        site: Where.
        count: How many steps.
        carried: What the first step is given; types stay the same.
        body: Builds one step, from its number and what is carried to what is carried on; it reads nothing else.
    """
    types = [value.type for value in carried]
    loop, inner = begin_graph(site, f"{site.op_type}_loop", [tensor(I64), tensor(BOOL), *types])
    step, goes_on, *given = loop.inputs
    loop.append(Op("return", (goes_on, *body(inner, step, given))))
    operands = (site.constant(count), site.rw.absent(), *carried)
    return site.rw.build("onnx.Loop", operands, types=types, graphs=(loop,), name=site.op.name).results


@lowers("For")
def _for(site: Site) -> Lowered:
    """Carry start and step along, from which the body's index is computed."""
    _need_tensors(site)
    (body,) = site.op.graphs
    start, _, delta, *given = site.inputs
    types = [start.type, delta.type, *(value.type for value in body.inputs[1:])]
    loop, inner = begin_graph(site, f"{body.name}_loop", [tensor(I64), tensor(BOOL), *types])
    step, goes_on, first, each, *carried = loop.inputs
    index = inner.onnx("Add", first, inner.onnx("Mul", inner.cast(step, site.element(start)), each))
    results = _copied(inner.rw, body, (index, *carried))
    loop.append(Op("return", (goes_on, first, each, *results)))
    operands = (_steps(site), site.rw.absent(), start, delta, *given)
    types = [start.type, delta.type, *(value.type for value in site.op.results)]
    return site.rw.build("onnx.Loop", operands, types=types, graphs=(loop,), name=site.op.name).results[2:]


def _steps(site: Site) -> Value:
    """Return how many steps lead from operand 0 to operand 1, by operand 2: none where that leads away."""
    if not site.needed(2, "its step").all():
        raise NoFormError("has a step of 0")
    start, limit, delta = (site.cast(site.reshape(value, ()), I64) for value in site.inputs[:3])
    further = site.onnx("Sub", delta, site.onnx("Sign", delta))
    way = site.onnx("Add", site.onnx("Sub", limit, start), further)
    return site.onnx("Max", site.onnx("Div", way, delta), site.constant(0))


@lowers("PartitionedCall", "StatefulPartitionedCall")
def _call(site: Site) -> Lowered:
    (body,) = site.op.graphs
    return _copied(site.rw, body, site.inputs)


def _copied(rewriter: Rewriter, graph: Graph, arguments: Sequence[Value]) -> tuple[Value, ...]:
    """Insert copies of the ops of `graph`, applied to `arguments`; returns its results."""
    use_canonical_forms(graph)
    values = dict(zip(graph.inputs, arguments, strict=True))
    for op in graph:
        if op.kind in ("input", "return"):
            continue
        nested = tuple(clone_graph(each) for each in op.graphs)
        copy = rewriter.insert(clone_op(op, tuple(values[value] for value in op.operands), nested))
        values.update(zip(op.results, copy.results, strict=True))
    return tuple(values[value] for value in graph.outputs)
