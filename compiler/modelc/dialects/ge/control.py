"""Ops with nested graphs: branches, loops and calls.

A nested graph takes the operands of its op (behind the condition, where there is one) and gives the results.
"""

from __future__ import annotations

import numpy as np

from modelc.dialects.ge.helpers import mismatch
from modelc.dialects.ge.run import run_graph
from modelc.dialects.ge.semantics import TRAITS, Array, Arrays, evaluates, infers
from modelc.ir.graph import Graph
from modelc.ir.op import Op
from modelc.ir.opdef import PURE, STATEFUL
from modelc.ir.types import TensorType, Type, join_shapes

ITERATIONS = 1_000_000  # a loop that goes on for longer is taken to be endless

TRAITS.update(
    dict.fromkeys(
        ("If", "_If", "Case", "While", "_While", "For", "StatefulPartitionedCall"),
        frozenset({STATEFUL}),
    )
)
TRAITS.update(dict.fromkeys(("StatelessIf", "StatelessCase", "StatelessWhile", "PartitionedCall"), frozenset({PURE})))


# -- types


def _nested(op: Op, *names: str) -> tuple[Graph, ...]:
    if len(op.graphs) != len(names):
        raise mismatch(op, f"needs {len(names)} nested graphs ({', '.join(names)}) and has {len(op.graphs)}")
    return op.graphs


def _fits(given: Type, taken: Type) -> bool:
    if not isinstance(given, TensorType) or not isinstance(taken, TensorType):
        return given == taken
    return given.element == taken.element or given.element is None or taken.element is None


def _need_arguments(op: Op, graph: Graph, given: tuple[Type, ...]) -> None:
    taken = tuple(value.type for value in graph.inputs)
    if len(given) != len(taken):
        raise mismatch(op, f"passes {len(given)} values to @{graph.name}, which takes {len(taken)}")
    for index, (ours, theirs) in enumerate(zip(given, taken, strict=True)):
        if not _fits(ours, theirs):
            raise mismatch(op, f"passes {ours} as input {index} of @{graph.name}, which takes {theirs}")


def _join(op: Op, index: int, types: list[Type]) -> Type:
    first = types[0]
    for other in types[1:]:
        if not _fits(first, other):
            raise mismatch(op, f"has {first} or {other} as result {index}")
    tensors = [type_ for type_ in types if isinstance(type_, TensorType)]
    if not tensors:
        return first
    element = next((tensor.element for tensor in tensors if tensor.element is not None), None)
    return TensorType(element, join_shapes([tensor.shape for tensor in tensors]))


def _join_outputs(op: Op, graphs: tuple[Graph, ...]) -> list[Type]:
    counts = {len(graph.outputs) for graph in graphs}
    if len(counts) != 1:
        raise mismatch(op, f"has branches with {' and '.join(map(str, sorted(counts)))} results")
    columns = zip(*(graph.outputs for graph in graphs), strict=True)
    return [_join(op, index, [value.type for value in column]) for index, column in enumerate(columns)]


def _arguments(op: Op, first: int) -> tuple[Type, ...]:
    if len(op.inputs) < first:
        raise mismatch(op, f"needs at least {first} operands and has {len(op.inputs)}")
    return tuple(value.type for value in op.inputs[first:])


def _branches(op: Op) -> list[Type]:
    given = _arguments(op, 1)
    for graph in op.graphs:
        _need_arguments(op, graph, given)
    return _join_outputs(op, op.graphs)


@infers("If", "StatelessIf", "_If")
def _infer_if(op: Op) -> list[Type]:
    _nested(op, "then_branch", "else_branch")
    return _branches(op)


@infers("Case", "StatelessCase")
def _infer_case(op: Op) -> list[Type]:
    if not op.graphs:
        raise mismatch(op, "has no branches")
    return _branches(op)


@infers("PartitionedCall", "StatefulPartitionedCall")
def _infer_call(op: Op) -> list[Type]:
    (graph,) = _nested(op, "f")
    _need_arguments(op, graph, _arguments(op, 0))
    return [value.type for value in graph.outputs]


@infers("While", "StatelessWhile", "_While")
def _infer_while(op: Op) -> list[Type]:
    cond, body = _nested(op, "cond", "body")
    given = _arguments(op, 0)
    _need_arguments(op, cond, given)
    if len(cond.outputs) != 1:
        raise mismatch(op, f"has a condition with {len(cond.outputs)} results")
    return _loop_types(op, body, given, given)


@infers("For")
def _infer_for(op: Op) -> list[Type]:
    (body,) = _nested(op, "body")
    index = _arguments(op, 0)[:1]
    given = _arguments(op, 3)
    return _loop_types(op, body, index + given, given)


def _loop_types(op: Op, body: Graph, passed: tuple[Type, ...], given: tuple[Type, ...]) -> list[Type]:
    _need_arguments(op, body, passed)
    if len(body.outputs) != len(given):
        raise mismatch(op, f"carries {len(given)} values, its body gives {len(body.outputs)}")
    return [
        _join(op, index, [ours, value.type])
        for index, (ours, value) in enumerate(zip(given, body.outputs, strict=True))
    ]


# -- execution


def _holds(condition: Array) -> bool:
    """Whether a condition is met: a scalar that is not zero or empty, or a tensor that has elements."""
    return bool(condition.item()) if condition.ndim == 0 else condition.size > 0


@evaluates("If", "StatelessIf", "_If")
def _if(op: Op, arrays: Arrays) -> list[Array]:
    then_branch, else_branch = _nested(op, "then_branch", "else_branch")
    return run_graph(then_branch if _holds(arrays[0]) else else_branch, arrays[1:])


@evaluates("Case", "StatelessCase")
def _case(op: Op, arrays: Arrays) -> list[Array]:
    index = int(arrays[0].item())
    return run_graph(op.graphs[index if 0 <= index < len(op.graphs) else -1], arrays[1:])


@evaluates("PartitionedCall", "StatefulPartitionedCall")
def _call(op: Op, arrays: Arrays) -> list[Array]:
    (graph,) = _nested(op, "f")
    return run_graph(graph, arrays)


@evaluates("While", "StatelessWhile", "_While")
def _while(op: Op, arrays: Arrays) -> list[Array]:
    cond, body = _nested(op, "cond", "body")
    constants: dict[Op, Array] = {}
    carried = list(arrays)
    for _ in range(ITERATIONS):
        if not _holds(run_graph(cond, carried, constants=constants)[0]):
            return carried
        carried = run_graph(body, carried, constants=constants)
    raise mismatch(op, f"did not end within {ITERATIONS} iterations")


@evaluates("For")
def _for(op: Op, arrays: Arrays) -> list[Array]:
    (body,) = _nested(op, "body")
    start, limit, delta = (int(array.item()) for array in arrays[:3])
    if delta == 0:
        raise mismatch(op, "has a step of 0")
    steps = range(start, limit, delta)
    if len(steps) > ITERATIONS:
        raise mismatch(op, f"has {len(steps)} iterations, at most {ITERATIONS} are executed")
    constants: dict[Op, Array] = {}
    carried = list(arrays[3:])
    for step in steps:
        carried = run_graph(body, [np.array(step, arrays[0].dtype), *carried], constants=constants)
    return carried
