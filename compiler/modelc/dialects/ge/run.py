"""Execution of a graph on the CPU: the plain loop that nested graphs and the evaluator share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from modelc.dialects.lookup import op_def
from modelc.ir.blob import Blob, BlobError
from modelc.ir.constants import to_array
from modelc.ir.graph import Graph
from modelc.ir.op import Op, Value
from modelc.ir.opdef import InferenceError
from modelc.ir.types import CONTROL

Array: TypeAlias = NDArray[Any]
Observer: TypeAlias = Callable[[Op, Sequence[Array]], None]

NOTHING: Array = np.empty(0, object)  # stands for the value of an `absent` op


class RunError(Exception):
    """An op could not be executed.

    Attributes:
        op: The op, of the innermost nested graph.
        problem: Why, as a clause.
        supported: False where nobody defined how to execute this kind of op.
    """

    def __init__(self, op: Op, problem: str, *, supported: bool = True) -> None:
        super().__init__(f"`{op.origin.name or op.name}` ({op.kind}): {problem}")
        self.op = op
        self.problem = problem
        self.supported = supported


def run_graph(
    graph: Graph,
    arrays: Sequence[Array],
    *,
    observe: Observer | None = None,
    constants: dict[Op, Array] | None = None,
) -> list[Array]:
    """Execute `graph` and return its outputs; a value is dropped after its last reader.

    Args:
        graph: The graph. Ops nobody reads are not executed.
        arrays: One array per graph input.
        observe: Called with every op of this graph, inputs and constants included, and its results.
        constants: Keeps the numbers of constants from one run to the next where given.

    Raises:
        RunError: An op failed, or nobody defined how to execute it.
    """
    if len(arrays) != len(graph.inputs):
        raise RunError(graph.input_op, f"graph @{graph.name} takes {len(graph.inputs)} inputs, not {len(arrays)}")
    values: dict[Value, Array] = {}
    pending: dict[Value, int] = {}
    for op in graph:
        if op.kind == "return":
            break
        if not any(value.readers for value in op.results):
            continue
        operands = _take(op, values, pending)
        results = arrays if op.kind == "input" else _execute(op, operands, constants)
        if observe is not None:
            observe(op, results)
        _keep(op, results, values, pending)
    return _take(graph.return_op, values, pending)


def _take(op: Op, values: dict[Value, Array], pending: dict[Value, int]) -> list[Array]:
    taken = []
    for value in op.operands:
        if value.type is CONTROL:
            continue
        taken.append(values[value])
        pending[value] -= 1
        if not pending[value]:
            del values[value], pending[value]
    return taken


def _keep(op: Op, results: Sequence[Array], values: dict[Value, Array], pending: dict[Value, int]) -> None:
    kept = [value for value in op.results if value.type is not CONTROL]
    if len(results) != len(kept):
        raise RunError(op, f"gave {len(results)} results, {len(kept)} were expected")
    for value, array in zip(kept, results, strict=True):
        if value.readers:
            values[value], pending[value] = array, len(value.readers)


def _execute(op: Op, operands: Sequence[Array], constants: dict[Op, Array] | None) -> Sequence[Array]:
    if op.kind == "absent":
        return [NOTHING]
    if op.kind == "const":
        return [_constant(op, constants)]
    definition = op_def(op.kind)
    if definition is None or definition.evaluate is None:
        raise RunError(op, "nothing is known about how to execute it", supported=False)
    try:
        with np.errstate(all="ignore"):
            return [np.asarray(result) for result in definition.evaluate(op, operands)]
    except RunError:
        raise
    except (InferenceError, BlobError) as error:
        raise RunError(op, str(error)) from error
    except RecursionError as error:
        raise RunError(op, "graphs are nested too deep") from error
    except MemoryError as error:
        raise RunError(op, "there is not enough memory for its result") from error
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        raise RunError(op, f"its operands do not fit: {error}") from error


def _constant(op: Op, constants: dict[Op, Array] | None) -> Array:
    if constants is not None and op in constants:
        return constants[op]
    blob = op.attributes.get("value")
    if not isinstance(blob, Blob):
        raise RunError(op, "a constant without a value")
    try:
        array = to_array(blob, op.result.tensor)
    except (BlobError, ValueError, TypeError) as error:
        raise RunError(op, str(error)) from error
    if constants is not None:
        constants[op] = array
    return array
